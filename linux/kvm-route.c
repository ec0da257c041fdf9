/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kvm-route.h"

#define DATA_VECTOR 0xffU
#define DATA_LEVEL  (1U << 15)

int mkvm_route_count(const struct kvm_irq_routing_entry *untrusted_entries, uint32_t count)
{
	uint32_t n, gsis = 0;

	for (n = 0; n < count; n++) {
		if (untrusted_entries[n].gsi >= MKVM_ROUTES)
			return -1;
		if (untrusted_entries[n].gsi >= gsis)
			gsis = untrusted_entries[n].gsi + 1;
	}
	return (int)gsis;
}

int mkvm_route_fill(struct mkvm_route_table *table, uint32_t pins,
		    const struct kvm_irq_routing_entry *untrusted_entries, uint32_t count)
{
	uint32_t n;

	for (n = 0; n < count; n++) {
		const struct kvm_irq_routing_entry *entry = &untrusted_entries[n];
		struct mkvm_route *route = &table->by_gsi[entry->gsi];
		uint8_t vector = entry->u.msi.data & DATA_VECTOR;

		if (entry->type != KVM_IRQ_ROUTING_MSI || entry->flags & ~KVM_MSI_VALID_DEVID ||
		    route->there)
			return -1;
		/* The high half would be for destinations that no guest has. */
		route->address = entry->u.msi.address_lo;
		route->data = entry->u.msi.data;
		route->there = true;
		if (entry->gsi < pins && route->data & DATA_LEVEL)
			table->eois[vector / 64] |= 1ULL << vector % 64;
	}
	return 0;
}
