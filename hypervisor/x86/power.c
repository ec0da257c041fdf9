/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways out of a machine: restart and power-off. Source: ACPI 6.4, 4.8.3.6 and 4.8.3.2. */
#include "acpi/tables.h"
#include "lib/log.h"
#include "x86/cpu.h"
#include "x86/machine.h"
#include "x86/panic.h"

#define SPACE_MEMORY 0
#define SPACE_PORT   1
#define SPACE_PCI    2

#define PM1_SLEEP_ENABLE (1U << 13)

static struct {
	bool supported;
	uint8_t space, value;
	uint64_t address;
	uint8_t *window; /* memory space */
	uint16_t pm1a_control, pm1b_control;
} power;

void power_init(const struct acpi_info *acpi)
{
	power.supported = acpi->fadt.reset_supported;
	power.space = acpi->fadt.reset_space;
	power.value = acpi->fadt.reset_value;
	power.address = acpi->fadt.reset_address;
	if (power.supported && power.space == SPACE_MEMORY)
		power.window = map_device(hpa(power.address), 1);
	power.pm1a_control = acpi->fadt.pm1a_control;
	power.pm1b_control = acpi->fadt.pm1b_control;
}

static void reset_by_acpi(void)
{
	if (!power.supported)
		return;
	if (power.space == SPACE_MEMORY && power.window != NULL)
		*(volatile uint8_t *)power.window = power.value;
	if (power.space == SPACE_PORT)
		outb((uint16_t)power.address, power.value);
	if (power.space == SPACE_PCI) {
		/* 0000dddd ffffoooo, bus 0. */
		uint32_t device = power.address >> 32 & 0x1f, function = power.address >> 16 & 7;
		uint32_t offset = power.address & 0xff;

		outl(0xcf8, 0x80000000 | device << 11 | function << 8 | (offset & ~3U));
		outb((uint16_t)(0xcfc + (offset & 3)), power.value);
	}
	delay_us(50000);
}

void machine_restart(void)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) no_idt = {0, 0};

	__asm__ volatile("cli");
	reset_by_acpi();
	outb(0xcf9, 0x02); /* full reset, armed and fired */
	outb(0xcf9, 0x06);
	delay_us(50000);
	for (unsigned polls = 0; (inb(0x64) & 2) != 0 && polls < 10000; polls++)
		cpu_pause();
	outb(0x64, 0xfe); /* the keyboard controller's line to the reset pin */
	delay_us(50000);
	__asm__ volatile("lidt %0; int3" : : "m"(no_idt)); /* no handler for anything */
	cpu_halt();
}

void machine_power_off(uint16_t pm1_control)
{
	uint16_t value = pm1_control | PM1_SLEEP_ENABLE;

	if (power.pm1a_control == 0)
		return;
	outw(power.pm1a_control, value);
	if (power.pm1b_control != 0)
		outw(power.pm1b_control, value);
	delay_us(1000000);
}
