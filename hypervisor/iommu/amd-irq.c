/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts behind AMD-Vi: a table for each requester (AMD 48882, 2.2.5). An entry is its index:
 * pins first, then MSIs. A requester is shared by its IOAPIC and, in theory, a function of the same
 * number, so a table stays in place for good and what is refused is refused by its entries.
 */
#include "iommu/amd.h"
#include "iommu/driver.h"
#include "lib/errno.h"
#include "memory/frame.h"

static hpa_t spare_half; /* of a frame: two tables fit one */

int amd_irq_create(hpa_t *interrupts)
{
	hpa_t frame;

	if (hpa_value(spare_half) != 0) {
		*interrupts = spare_half;
		spare_half = hpa(0);
		return 0;
	}
	frame = frame_alloc();
	if (hpa_value(frame) == 0)
		return -ENOMEM;
	_Static_assert(2 * AMD_IRT_SIZE == PAGE_SIZE, "a half of a frame");
	*interrupts = frame;
	spare_half = hpa(hpa_value(frame) + AMD_IRT_SIZE);
	return 0;
}

int amd_irq_init(const struct acpi_info *acpi)
{
	for (size_t i = 0; i < acpi->scope_count; i++) {
		struct amd_device device = {.remap = true};
		struct amd_dte *entry;
		int error;

		if (!acpi->scopes[i].ioapic)
			continue;
		entry = amd_dte_of(acpi->scopes[i].first);
		if (!entry)
			return -EINVAL;
		if (hpa_value(amd_dte_interrupts(entry)) != 0)
			continue;
		error = amd_irq_create(&device.interrupts);
		if (error)
			return error;
		amd_encode_dte(&device, entry);
	}
	return 0;
}

static uint32_t *irt_of(pci_bdf_t requester)
{
	const struct amd_dte *entry = amd_dte_of(requester);

	if (!entry || hpa_value(amd_dte_interrupts(entry)) == 0)
		return NULL;
	/* A table may begin in the middle of a frame. */
	return frame_virt(amd_dte_interrupts(entry));
}

int amd_route(pci_bdf_t requester, unsigned index, const struct iommu_target *target)
{
	uint32_t *irt = irt_of(requester);
	unsigned entry = index & IOMMU_PIN ? index & ~IOMMU_PIN : index + AMD_IRT_PINS;

	if (!irt || target->apic_id >= 0xff || (index & IOMMU_PIN && entry >= AMD_IRT_PINS))
		return -EINVAL;
	if (entry >= AMD_IRT_ENTRIES)
		return -ENOSPC;
	__atomic_store_n(&irt[entry], amd_encode_irte(target), __ATOMIC_RELEASE);
	amd_send_all(amd_command_interrupts(requester));
	return (int)entry;
}

void amd_unroute(pci_bdf_t requester, unsigned index)
{
	uint32_t *irt = irt_of(requester);
	unsigned first = AMD_IRT_PINS, last = AMD_IRT_ENTRIES - 1;

	if (index != IOMMU_ALL_MSIS)
		first = last = index + AMD_IRT_PINS;
	if (!irt || last >= AMD_IRT_ENTRIES)
		return;
	for (unsigned entry = first; entry <= last; entry++)
		__atomic_store_n(&irt[entry], 0, __ATOMIC_RELEASE);
	amd_send_all(amd_command_interrupts(requester));
}

void amd_message(unsigned entry, uint64_t *address, uint32_t *data)
{
	*address = 0xfee00000;
	*data = entry;
}

/* The vector and delivery mode fields hold the entry's number. The end of a level interrupt is not
 * what the IOAPIC waits for, then: vm/irq.c ends it by hand. */
uint64_t amd_redirection(unsigned entry, const struct iommu_target *target)
{
	(void)target;
	return entry;
}
