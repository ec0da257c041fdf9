/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM's IOAPIC. Intel 82093AA data sheet, 3.0; ICH9 data sheet, 13.5 (version 0x20, EOI register).
 */
#include "vm/vioapic.h"

#include "lib/errno.h"

#define OFFSET_INDEX 0x00
#define OFFSET_DATA  0x10
#define OFFSET_EOI   0x40

#define INDEX_ID	  0x00
#define INDEX_VERSION	  0x01
#define INDEX_ARBITRATION 0x02
#define INDEX_REDIRECTION 0x10

#define VERSION (0x20U | (VIOAPIC_PINS - 1) << 16)

#define ENTRY_REMOTE_IRR (1ULL << 14)
#define ENTRY_LEVEL	 (1ULL << 15)
#define ENTRY_MASKED	 (1ULL << 16)
#define ENTRY_WRITABLE	 0xff0000000001afffULL

void vioapic_reset(struct vioapic *ioapic, uint8_t id, const struct vioapic_callbacks *callbacks,
		   void *user)
{
	ioapic->callbacks = callbacks;
	ioapic->user = user;
	ioapic->id = id & 0xf;
	ioapic->select = 0;
	for (unsigned pin = 0; pin < VIOAPIC_PINS; pin++)
		ioapic->redirection[pin] = ENTRY_MASKED;
}

static uint32_t read_data(const struct vioapic *ioapic)
{
	unsigned half = ioapic->select - INDEX_REDIRECTION;

	switch (ioapic->select) {
	case INDEX_ID:
	case INDEX_ARBITRATION:
		return (uint32_t)ioapic->id << 24;
	case INDEX_VERSION:
		return VERSION;
	case INDEX_REDIRECTION ... INDEX_REDIRECTION + 2 * VIOAPIC_PINS - 1:
		return (uint32_t)(ioapic->redirection[half / 2] >> half % 2 * 32);
	default:
		return 0;
	}
}

static void write_redirection(struct vioapic *ioapic, unsigned half, uint32_t value)
{
	uint64_t *entry = &ioapic->redirection[half / 2], old = *entry, now;

	if (half % 2)
		now = (uint64_t)value << 32 | (uint32_t)old;
	else
		now = (old >> 32 << 32) | value;
	now &= ENTRY_WRITABLE;
	/* An edge has no remote IRR: Linux ends an interrupt through this where EOI does not. */
	*entry = now | (now & ENTRY_LEVEL ? old & ENTRY_REMOTE_IRR : 0);
	if (now != (old & ENTRY_WRITABLE))
		ioapic->callbacks->changed(ioapic->user, half / 2, now);
	if (old & ~*entry & ENTRY_REMOTE_IRR)
		ioapic->callbacks->ended(ioapic->user, half / 2);
}

int vioapic_read(struct vioapic *ioapic, uint32_t offset, uint32_t *value)
{
	switch (offset) {
	case OFFSET_INDEX:
		*value = ioapic->select;
		return 0;
	case OFFSET_DATA:
		*value = read_data(ioapic);
		return 0;
	case OFFSET_EOI:
		*value = 0;
		return 0;
	default:
		return -EFAULT;
	}
}

int vioapic_write(struct vioapic *ioapic, uint32_t offset, uint32_t value)
{
	switch (offset) {
	case OFFSET_INDEX:
		ioapic->select = (uint8_t)value;
		return 0;
	case OFFSET_DATA:
		if (ioapic->select == INDEX_ID)
			ioapic->id = value >> 24 & 0xf;
		else if (ioapic->select >= INDEX_REDIRECTION &&
			 ioapic->select < INDEX_REDIRECTION + 2 * VIOAPIC_PINS)
			write_redirection(ioapic, ioapic->select - INDEX_REDIRECTION, value);
		return 0;
	case OFFSET_EOI:
		vioapic_end(ioapic, (uint8_t)value);
		return 0;
	default:
		return -EFAULT;
	}
}

bool vioapic_message(struct vioapic *ioapic, unsigned pin, uint64_t *address, uint32_t *data)
{
	uint64_t entry;

	if (pin >= VIOAPIC_PINS || ioapic->redirection[pin] & ENTRY_MASKED)
		return false;
	entry = ioapic->redirection[pin];
	/* Destination and its mode; vector, delivery mode, assert, trigger mode. */
	*address = 0xfee00000 | entry >> 56 << 12 | (entry >> 11 & 1) << 2;
	*data = (uint32_t)(entry & 0x7ff) | 1U << 14 | (entry & ENTRY_LEVEL ? 1U << 15 : 0);
	if (entry & ENTRY_LEVEL)
		ioapic->redirection[pin] |= ENTRY_REMOTE_IRR;
	return true;
}

void vioapic_end(struct vioapic *ioapic, uint8_t vector)
{
	for (unsigned pin = 0; pin < VIOAPIC_PINS; pin++) {
		uint64_t entry = ioapic->redirection[pin];

		if (!(entry & ENTRY_REMOTE_IRR) || (uint8_t)entry != vector)
			continue;
		ioapic->redirection[pin] = entry & ~ENTRY_REMOTE_IRR;
		ioapic->callbacks->ended(ioapic->user, pin);
	}
}
