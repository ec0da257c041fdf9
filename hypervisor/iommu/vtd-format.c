/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VT-d's formats, to the bit. Pure. */
#include "iommu/vtd.h"

#define BIT(n)	     (1ULL << (n))
#define ADDRESS_MASK 0x000ffffffffff000ULL

#define ENTRY_PRESENT BIT(0)

struct vtd_entry vtd_encode_root(hpa_t context)
{
	return (struct vtd_entry){hpa_value(context) | ENTRY_PRESENT, 0};
}

struct vtd_entry vtd_encode_context(hpa_t root, unsigned levels, uint16_t domain)
{
	/* Translation type 0: untranslated requests only, by the second level. Width 1 or 2. */
	return (struct vtd_entry){hpa_value(root) | ENTRY_PRESENT,
				  (uint64_t)domain << 8 | (levels - 2)};
}

hpa_t vtd_entry_target(const struct vtd_entry *entry)
{
	return hpa(entry->low & ENTRY_PRESENT ? entry->low & ADDRESS_MASK : 0);
}

/* ---- interrupts ---- */

#define IRTE_LEVEL	 BIT(4)
#define IRTE_VERIFY	 BIT(18) /* SVT 01: the whole requester, SQ 00 */
#define MESSAGE_REMAPPED BIT(4)
#define PIN_LEVEL	 BIT(15)
#define PIN_REMAPPED	 BIT(48)

struct vtd_entry vtd_encode_irte(const struct iommu_target *target, pci_bdf_t requester,
				 bool x2apic)
{
	uint32_t destination = x2apic ? target->apic_id : (target->apic_id & 0xff) << 8;

	/* Fixed, physical, no hint. */
	return (struct vtd_entry){(uint64_t)destination << 32 | (uint64_t)target->vector << 16 |
					  (target->level ? IRTE_LEVEL : 0) | ENTRY_PRESENT,
				  IRTE_VERIFY | requester};
}

void vtd_encode_message(unsigned index, uint64_t *address, uint32_t *data)
{
	*address = 0xfee00000 | (index & 0x7fff) << 5 | MESSAGE_REMAPPED | (index >> 15 & 1) << 2;
	*data = 0; /* no subhandle */
}

uint64_t vtd_encode_redirection(unsigned index, const struct iommu_target *target)
{
	/* The vector is what the end of a level interrupt is matched with. */
	return (uint64_t)(index & 0x7fff) << 49 | PIN_REMAPPED | (index >> 15 & 1) << 11 |
	       (target->level ? PIN_LEVEL : 0) | target->vector;
}

/* ---- descriptors: the type is in bits 3:0, the granularity from bit 4 ---- */

struct vtd_entry vtd_invalidate_contexts(void)
{
	return (struct vtd_entry){1 | 1 << 4, 0};
}

struct vtd_entry vtd_invalidate_domain(uint16_t domain)
{
	/* Domain-selective; drains reads and writes. */
	return (struct vtd_entry){2 | 2 << 4 | BIT(6) | BIT(7) | (uint64_t)domain << 16, 0};
}

struct vtd_entry vtd_invalidate_all(void)
{
	return (struct vtd_entry){2 | 1 << 4 | BIT(6) | BIT(7), 0};
}

struct vtd_entry vtd_invalidate_interrupts(void)
{
	return (struct vtd_entry){4, 0};
}

struct vtd_entry vtd_invalidate_interrupt(unsigned index)
{
	return (struct vtd_entry){4 | 1 << 4 | (uint64_t)index << 32, 0};
}

struct vtd_entry vtd_wait(hpa_t store, uint32_t value)
{
	return (struct vtd_entry){5 | BIT(5) | (uint64_t)value << 32, hpa_value(store)};
}

/* ---- registers ---- */

void vtd_decode_features(uint64_t cap, uint64_t ecap, struct vtd_features *features)
{
	*features = (struct vtd_features){
		.three_levels = cap & BIT(9),
		.four_levels = cap & BIT(10),
		.largest_leaf_shift = !(cap & BIT(34))	 ? 12
				      : !(cap & BIT(35)) ? 21
							 : 30,
		.fault_offset = (unsigned)(cap >> 24 & 0x3ff) * 16,
		.fault_count = (unsigned)(cap >> 40 & 0xff) + 1,
		.domains = 1U << (4 + 2 * (cap & 7)),
		.caching_mode = cap & BIT(7),
		.write_buffer = cap & BIT(4),
		.coherent = ecap & BIT(0),
		.queue = ecap & BIT(1),
		.interrupts = ecap & BIT(3),
		.x2apic = ecap & BIT(4),
	};
}

#define RECORD_FULL BIT(63)
#define RECORD_READ BIT(62) /* else a write */

bool vtd_decode_fault(const struct vtd_entry *record, struct iommu_fault *fault)
{
	unsigned reason = record->high >> 32 & 0xff;

	if (!(record->high & RECORD_FULL))
		return false;
	*fault = (struct iommu_fault){.device = (pci_bdf_t)record->high};
	/* The interrupt remapping conditions are 20h to 2Fh. */
	fault->interrupt = reason >> 4 == 2;
	fault->write = !fault->interrupt && !(record->high & RECORD_READ);
	fault->address = gpa(fault->interrupt ? record->low >> 48 : record->low & ~0xfffULL);
	return true;
}
