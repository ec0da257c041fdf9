/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AMD-Vi's formats, to the bit. Pure. */
#include "iommu/amd.h"

#define BIT(n) (1ULL << (n))

#define DTE_VALID	      BIT(0)
#define DTE_TRANSLATION_VALID BIT(1)
#define DTE_MODE_SHIFT	      9
#define DTE_READ	      BIT(61)
#define DTE_WRITE	      BIT(62)
/* Of the third word: bit 128 on. */
#define DTE_IRT_VALID	     BIT(0)
#define DTE_IRT_LENGTH(log2) ((uint64_t)(log2) << 1)
#define DTE_IRT_MASK	     0x000fffffffffffc0ULL
#define DTE_IRT_REMAP	     (2ULL << 60) /* 0: abort; 1, pass, is broken in QEMU */
#define DTE_ROOT_MASK	     0x000ffffffffff000ULL

#define IRT_ENTRIES_LOG2 9
_Static_assert(AMD_IRT_ENTRIES == 1U << IRT_ENTRIES_LOG2, "the table's length");

void amd_encode_dte(const struct amd_device *device, struct amd_dte *entry)
{
	*entry = (struct amd_dte){{DTE_VALID | DTE_TRANSLATION_VALID}};
	/* Mode 0 translates nothing, and lets through what the entry's own rights let: nothing.
	 * No ATS (I), no system management messages (SysMgt), no port I/O (IoCtl), no exclusion
	 * range (EX). */
	if (hpa_value(device->root) != 0) {
		entry->words[0] |= (hpa_value(device->root) & DTE_ROOT_MASK) |
				   (uint64_t)device->levels << DTE_MODE_SHIFT | DTE_READ |
				   DTE_WRITE;
		entry->words[1] = device->domain;
	}
	/* NMI, INIT, ExtINT and LINT of devices (bits 184 to 186, 190, 191) never pass. */
	if (device->remap)
		entry->words[2] = DTE_IRT_VALID;
	if (device->remap && hpa_value(device->interrupts) != 0)
		entry->words[2] |= (hpa_value(device->interrupts) & DTE_IRT_MASK) |
				   DTE_IRT_LENGTH(IRT_ENTRIES_LOG2) | DTE_IRT_REMAP;
}

hpa_t amd_dte_interrupts(const struct amd_dte *entry)
{
	return hpa(entry->words[2] & DTE_IRT_MASK);
}

/* RemapEn, SupIOPF, IntType, RqEoi, DM, destination, vector: fixed, to one physical CPU. */
uint32_t amd_encode_irte(const struct iommu_target *target)
{
	return 1U | (target->apic_id & 0xff) << 8 | (uint32_t)target->vector << 16;
}

/* ---- commands: the code is in bits 63:60 ---- */

static struct amd_command make_command(uint64_t code, uint64_t operand, uint64_t second)
{
	return (struct amd_command){{code << 60 | operand, second}};
}

struct amd_command amd_command_wait(hpa_t store, uint64_t value)
{
	return make_command(1, hpa_value(store) | 1, value); /* s: store */
}

struct amd_command amd_command_device(pci_bdf_t device)
{
	return make_command(2, device, 0);
}

struct amd_command amd_command_pages(uint16_t domain)
{
	/* S and PDE with the largest size, which is all addresses, and all levels. */
	return make_command(3, (uint64_t)domain << 32, 0x7ffffffffffff003ULL);
}

struct amd_command amd_command_interrupts(pci_bdf_t device)
{
	return make_command(5, device, 0);
}

struct amd_command amd_command_all(void)
{
	return make_command(8, 0, 0);
}

/* ---- events: the code is in bits 63:60, flags from bit 48 ---- */

enum {
	EVENT_ILLEGAL_DEVICE_ENTRY = 1,
	EVENT_PAGE_FAULT = 2,
	EVENT_DEVICE_TABLE_ERROR = 3,
	EVENT_PAGE_TABLE_ERROR = 4,
	EVENT_INVALID_REQUEST = 8,
};
#define EVENT_INTERRUPT BIT(51)
#define EVENT_WRITE	BIT(53)

bool amd_decode_event(const struct amd_event *event, struct iommu_fault *fault)
{
	switch (event->words[0] >> 60) {
	case EVENT_ILLEGAL_DEVICE_ENTRY:
	case EVENT_PAGE_FAULT:
	case EVENT_DEVICE_TABLE_ERROR:
	case EVENT_PAGE_TABLE_ERROR:
	case EVENT_INVALID_REQUEST:
		*fault = (struct iommu_fault){
			.device = (pci_bdf_t)event->words[0],
			.interrupt = event->words[0] & EVENT_INTERRUPT,
			.write = event->words[0] & EVENT_WRITE,
			.address = gpa(event->words[1]),
		};
		return true;
	default:
		return false;
	}
}

size_t amd_log_take(struct amd_event *log, size_t size, size_t *head, struct amd_event *events,
		    size_t max)
{
	size_t taken = 0;

	while (taken < max) {
		uint64_t *words = log[*head].words;
		uint64_t first = __atomic_load_n(&words[0], __ATOMIC_ACQUIRE);

		if (first >> 60 == 0)
			break;
		events[taken].words[0] = first;
		events[taken].words[1] = __atomic_load_n(&words[1], __ATOMIC_RELAXED);
		taken++;
		__atomic_store_n(&words[0], 0, __ATOMIC_RELEASE);
		*head = (*head + 1) % size;
	}
	return taken;
}
