/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Physical configuration space through ECAM (PCI Express 5.0, 7.2.2): a page a function, at base +
 * (bus << 20 | device << 15 | function << 12). AMD's CPUs take such accesses only by MOV from and
 * to AL, AX and EAX (BKDG, "MMIO configuration coding requirements"), hence the assembly.
 */
#include "pci/config.h"

#include "x86/machine.h"

static uint8_t *config_base; /* of bus first_bus */
static hpa_t config_start;
static unsigned config_first, config_last;

void pci_init(hpa_t ecam, uint8_t first_bus, uint8_t last_bus)
{
	config_first = first_bus;
	config_last = last_bus;
	config_start = hpa(hpa_value(ecam) + ((uint64_t)first_bus << 20));
	if (first_bus <= last_bus)
		config_base = map_device(config_start, (last_bus - first_bus + 1ULL) << 20);
}

uint64_t pci_ecam(hpa_t *start, uint8_t *first_bus)
{
	*start = config_start;
	*first_bus = (uint8_t)config_first;
	return config_base ? (config_last - config_first + 1ULL) << 20 : 0;
}

static uint8_t *locate(uint16_t bdf, unsigned offset, unsigned size)
{
	unsigned bus = bdf >> 8;

	if (!config_base || bus < config_first || bus > config_last || offset >= PAGE_SIZE ||
	    (size != 1 && size != 2 && size != 4) || offset % size)
		return NULL;
	return config_base + ((uint64_t)(bdf - (config_first << 8)) << 12) + offset;
}

uint32_t pci_read(uint16_t bdf, unsigned offset, unsigned size)
{
	const volatile uint8_t *at = locate(bdf, offset, size);
	uint32_t value = UINT32_MAX;

	if (!at)
		return size < 4 ? value >> (32 - 8 * size) : value;
	if (size == 1) {
		__asm__ volatile("movb %1, %%al" : "=a"(value) : "m"(*at) : "memory");
		return (uint8_t)value;
	}
	if (size == 2) {
		__asm__ volatile("movw %1, %%ax" : "=a"(value) : "m"(*at) : "memory");
		return (uint16_t)value;
	}
	__asm__ volatile("movl %1, %%eax" : "=a"(value) : "m"(*at) : "memory");
	return value;
}

void pci_write(uint16_t bdf, unsigned offset, unsigned size, uint32_t value)
{
	volatile uint8_t *at = locate(bdf, offset, size);

	if (!at)
		return;
	if (size == 1)
		__asm__ volatile("movb %%al, %0" : "=m"(*at) : "a"(value) : "memory");
	else if (size == 2)
		__asm__ volatile("movw %%ax, %0" : "=m"(*at) : "a"(value) : "memory");
	else
		__asm__ volatile("movl %%eax, %0" : "=m"(*at) : "a"(value) : "memory");
}
