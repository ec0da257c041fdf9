/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which message a GSI is, and which vectors' ends an IOAPIC has to hear of. Pure.
 */
#ifndef MULLION_LINUX_KVM_ROUTE_H
#define MULLION_LINUX_KVM_ROUTE_H

#include <linux/kvm.h>

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stdint.h>
#endif

#define MKVM_ROUTES 4096 /* interrupts (GSIs) of a VM */

struct mkvm_route {
	uint64_t address;
	uint32_t data;
	bool there;
};

struct mkvm_route_table {
	uint64_t eois[4]; /* a bit a vector: of a level, of one of the IOAPIC's pins */
	uint32_t count;
	struct mkvm_route by_gsi[];
};

/* How many GSIs a table for these entries has; -1: one is beyond MKVM_ROUTES. */
int mkvm_route_count(const struct kvm_irq_routing_entry *untrusted_entries, uint32_t count);

/* Fills a table of zeros, whose count is mkvm_route_count(), with the entries; the first pins GSIs
 * are an IOAPIC's. -1: one is no message, or there are two for a GSI. */
int mkvm_route_fill(struct mkvm_route_table *table, uint32_t pins,
		    const struct kvm_irq_routing_entry *untrusted_entries, uint32_t count);

static inline bool mkvm_route_wants_eoi(const struct mkvm_route_table *table, uint8_t vector)
{
	return table->eois[vector / 64] >> vector % 64 & 1;
}

#endif
