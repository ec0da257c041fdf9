/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VT-d's formats in memory and registers (Intel Virtualization Technology for Directed I/O,
 * chapters 5, 6 and 9 to 11; legacy mode), and the parts of its driver. vtd-format.c is pure.
 */
#ifndef CORE_IOMMU_VTD_H
#define CORE_IOMMU_VTD_H

#include "iommu/iommu.h"

/* Root and context entries, interrupt remapping entries, descriptors and fault records alike. */
struct vtd_entry {
	uint64_t low, high;
};

/* Root entry (9.1): leads to a bus's context table. Context entry (9.3). levels 3 or 4. */
struct vtd_entry vtd_encode_root(hpa_t context);
struct vtd_entry vtd_encode_context(hpa_t root, unsigned levels, uint16_t domain);
/* Where either leads to; 0: nowhere. */
hpa_t vtd_entry_target(const struct vtd_entry *entry);

/* Interrupt remapping entry (9.10), for one requester; x2apic: how the APIC's number is written. */
struct vtd_entry vtd_encode_irte(const struct iommu_target *target, pci_bdf_t requester,
				 bool x2apic);
/* The message (5.1.2.2) and the redirection entry (5.1.5.1) for entry number index. */
void vtd_encode_message(unsigned index, uint64_t *address, uint32_t *data);
uint64_t vtd_encode_redirection(unsigned index, const struct iommu_target *target);

/* Descriptors of the invalidation queue (6.5.2). */
struct vtd_entry vtd_invalidate_contexts(void);
struct vtd_entry vtd_invalidate_domain(uint16_t domain);
struct vtd_entry vtd_invalidate_all(void);
struct vtd_entry vtd_invalidate_interrupts(void); /* all */
struct vtd_entry vtd_invalidate_interrupt(unsigned index);
struct vtd_entry vtd_wait(hpa_t store, uint32_t value);

/* What the capability registers (10.4.2, 10.4.3) say. */
struct vtd_features {
	bool three_levels, four_levels;
	unsigned largest_leaf_shift;
	unsigned fault_offset, fault_count; /* bytes; records of 16 bytes */
	unsigned domains;		    /* numbers below this */
	bool caching_mode, write_buffer;    /* both: more flushes than this driver does */
	bool coherent, queue, interrupts, x2apic;
};
void vtd_decode_features(uint64_t cap, uint64_t ecap, struct vtd_features *features);

/* A fault record (10.4.14); false: it is empty. Of an interrupt, the address is the entry's number,
 * as far as the unit knew it. */
bool vtd_decode_fault(const struct vtd_entry *record, struct iommu_fault *fault);

/* ---- vtd-irq.c ---- */
/* The table, common to all units; what to write to their IRTA register (but for EIME) comes back.
 * -ENOMEM. */
int vtd_irq_init(bool x2apic, uint64_t *table);
int vtd_route(pci_bdf_t requester, unsigned index, const struct iommu_target *target);
void vtd_unroute(pci_bdf_t requester, unsigned index);

/* ---- vtd.c, for vtd-irq.c ---- */
/* Makes what was written visible to units that do not look into caches. */
void vtd_publish(const void *start, size_t size);
/* Sends the descriptor to all units and waits until it is done there. */
void vtd_send_all(struct vtd_entry descriptor);

#endif
