/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts behind VT-d: one table for all units and requesters; each entry is verified to be used
 * by its requester only (5.1.3).
 */
#include "iommu/driver.h"
#include "iommu/vtd.h"
#include "lib/errno.h"
#include "memory/frame.h"

/* Aligned to its size. The register holds log2 - 1 of its entries. */
#define IRT_LOG2    9U
#define IRT_ENTRIES (1U << IRT_LOG2)
#define IRT_SIZE    (IRT_ENTRIES * sizeof(struct vtd_entry))
_Static_assert(IRT_SIZE == 2 * PAGE_SIZE, "of three frames, one is left over");

static struct vtd_entry *irt;
/* Whose an entry is: requester << 16 | index + 1; 0: nobody's. IOMMU_PIN + 1 does not overflow. */
static uint32_t users[IRT_ENTRIES];
static bool wide;

int vtd_irq_init(bool x2apic, uint64_t *table)
{
	uint64_t frames = hpa_value(frame_alloc_many(3)), start = align_up(frames, IRT_SIZE);

	if (frames == 0)
		return -ENOMEM;
	frame_free(hpa(start == frames ? frames + IRT_SIZE : frames));
	wide = x2apic;
	irt = frame_virt(hpa(start));
	vtd_publish(irt, IRT_SIZE);
	*table = start | (IRT_LOG2 - 1);
	return 0;
}

/* IRT_ENTRIES: there is none. */
static unsigned find(uint32_t user)
{
	unsigned entry = 0;

	while (entry < IRT_ENTRIES && users[entry] != user)
		entry++;
	return entry;
}

static uint32_t user_of(pci_bdf_t requester, unsigned index)
{
	return (uint32_t)requester << 16 | (index + 1);
}

int vtd_route(pci_bdf_t requester, unsigned index, const struct iommu_target *target)
{
	struct vtd_entry now = vtd_encode_irte(target, requester, wide);
	unsigned entry = find(user_of(requester, index));

	if (target->apic_id >= 0xff && !wide)
		return -EINVAL;
	if (entry == IRT_ENTRIES)
		entry = find(0);
	if (entry == IRT_ENTRIES)
		return -ENOSPC;
	users[entry] = user_of(requester, index);
	/* The low half makes it present; of an entry that is, the high one stays as it is. */
	__atomic_store_n(&irt[entry].high, now.high, __ATOMIC_RELEASE);
	__atomic_store_n(&irt[entry].low, now.low, __ATOMIC_RELEASE);
	vtd_publish(&irt[entry], sizeof(irt[entry]));
	vtd_send_all(vtd_invalidate_interrupt(entry));
	return (int)entry;
}

void vtd_unroute(pci_bdf_t requester, unsigned index)
{
	for (unsigned entry = 0; entry < IRT_ENTRIES; entry++) {
		uint32_t user = users[entry];

		if (user == 0 || user >> 16 != requester)
			continue;
		if (index == IOMMU_ALL_MSIS ? ((user & 0xffff) - 1) & IOMMU_PIN
					    : user != user_of(requester, index))
			continue;
		__atomic_store_n(&irt[entry].low, 0, __ATOMIC_RELEASE);
		vtd_publish(&irt[entry], sizeof(irt[entry]));
		vtd_send_all(vtd_invalidate_interrupt(entry));
		users[entry] = 0;
	}
}
