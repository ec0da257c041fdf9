/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The physical IOAPICs. Source: Intel 82093AA data sheet; ICH9 data sheet, 13.5. */
#include "acpi/tables.h"
#include "lib/errno.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "x86/cpu.h"
#include "x86/interrupt.h"
#include "x86/machine.h"

#define WINDOW_INDEX 0x00
#define WINDOW_DATA  0x10
#define WINDOW_SIZE  0x20

#define REGISTER_VERSION     1
#define REGISTER_REDIRECTION 0x10 /* two a pin, the low half first */

#define REDIRECTION_MASKED (1U << 16)

static struct {
	uint8_t *window;
	uint8_t id;
	unsigned gsi_base, pins;
} ioapics[ACPI_MAX_IOAPICS];
static size_t ioapic_count;
static struct lock lock;

static uint32_t get(size_t i, uint32_t index)
{
	mmio_write32(ioapics[i].window + WINDOW_INDEX, index);
	return mmio_read32(ioapics[i].window + WINDOW_DATA);
}

static void set(size_t i, uint32_t index, uint32_t value)
{
	mmio_write32(ioapics[i].window + WINDOW_INDEX, index);
	mmio_write32(ioapics[i].window + WINDOW_DATA, value);
}

void ioapic_init(const struct acpi_info *acpi)
{
	if (acpi->ioapic_count == 0)
		core_panic(REASON_NO_IOAPIC, "the MADT names none");
	for (size_t i = 0; i < acpi->ioapic_count; i++) {
		uint64_t address = hpa_value(acpi->ioapics[i].address);
		uint8_t *page = map_device(hpa(align_down(address, PAGE_SIZE)), PAGE_SIZE);

		if (page == NULL)
			core_panic(REASON_OUT_OF_FRAMES, "for an IOAPIC");
		ioapics[i].window = page + address % PAGE_SIZE;
		ioapics[i].id = acpi->ioapics[i].id;
		ioapics[i].gsi_base = acpi->ioapics[i].gsi_base;
		ioapics[i].pins = (get(i, REGISTER_VERSION) >> 16 & 0xff) + 1;
		for (unsigned pin = 0; pin < ioapics[i].pins; pin++) {
			set(i, REGISTER_REDIRECTION + 2 * pin, REDIRECTION_MASKED);
			set(i, REGISTER_REDIRECTION + 2 * pin + 1, 0);
		}
	}
	ioapic_count = acpi->ioapic_count;
}

/* -1: no IOAPIC has it. */
static int find(unsigned gsi)
{
	for (size_t i = 0; i < ioapic_count; i++)
		if (gsi >= ioapics[i].gsi_base && gsi - ioapics[i].gsi_base < ioapics[i].pins)
			return (int)i;
	return -1;
}

int ioapic_find(unsigned gsi, uint8_t *ioapic_id, unsigned *pin)
{
	int i = find(gsi);

	if (i < 0)
		return -ENOENT;
	*ioapic_id = ioapics[i].id;
	*pin = gsi - ioapics[i].gsi_base;
	return 0;
}

void ioapic_write(unsigned gsi, uint64_t redirection)
{
	int i = find(gsi);
	uint32_t index;

	if (i < 0)
		return;
	index = REGISTER_REDIRECTION + 2 * (gsi - ioapics[i].gsi_base);
	lock_take(&lock);
	/* Masked while the halves do not belong together. */
	set((size_t)i, index, REDIRECTION_MASKED);
	set((size_t)i, index + 1, (uint32_t)(redirection >> 32));
	set((size_t)i, index, (uint32_t)redirection);
	lock_release(&lock);
}

void ioapic_set_mask(unsigned gsi, bool masked)
{
	int i = find(gsi);
	uint32_t index, low;

	if (i < 0)
		return;
	index = REGISTER_REDIRECTION + 2 * (gsi - ioapics[i].gsi_base);
	lock_take(&lock);
	low = get((size_t)i, index) & ~REDIRECTION_MASKED;
	set((size_t)i, index, low | (masked ? REDIRECTION_MASKED : 0));
	lock_release(&lock);
}
