/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AMD-Vi's formats in memory (AMD I/O Virtualization Technology Specification, 48882, 2.2 to 2.5),
 * and the parts of its driver. amd-format.c is pure.
 */
#ifndef CORE_IOMMU_AMD_H
#define CORE_IOMMU_AMD_H

#include "iommu/iommu.h"

/* Device table entry (2.2.2). */
struct amd_dte {
	uint64_t words[4];
};

struct amd_device {
	hpa_t root; /* of its domain's tables; 0: it reaches nothing */
	unsigned levels;
	uint16_t domain;
	bool remap;	  /* false: its interrupts pass as they are */
	hpa_t interrupts; /* its table, 128-byte-aligned; 0: it raises nothing */
};
void amd_encode_dte(const struct amd_device *device, struct amd_dte *entry);
/* The interrupt table an entry leads to; 0: none. */
hpa_t amd_dte_interrupts(const struct amd_dte *entry);

/*
 * Interrupt remapping table entry, 32 bits (2.2.5.2); tables of 512. The message's data is the
 * entry's number: its bits 10:8 are the delivery mode to the device, and only 0 and 1 are remapped.
 * The first entries are for the pins of an IOAPIC, which may share its requester with a device.
 */
#define AMD_IRT_ENTRIES 512U
#define AMD_IRT_SIZE	(AMD_IRT_ENTRIES * sizeof(uint32_t))
#define AMD_IRT_PINS	32U
uint32_t amd_encode_irte(const struct iommu_target *target);

/* Commands (2.4). */
struct amd_command {
	uint64_t words[2];
};
struct amd_command amd_command_wait(hpa_t store, uint64_t value);
struct amd_command amd_command_device(pci_bdf_t device);
struct amd_command amd_command_pages(uint16_t domain);
struct amd_command amd_command_interrupts(pci_bdf_t device);
struct amd_command amd_command_all(void);

/*
 * The event log (2.5) is read from its memory alone: an entry that is there has an event code, and
 * is cleared once read. QEMU 7.2 never moves the tail register.
 */
struct amd_event {
	uint64_t words[2];
};
/* Whether the event is a refused access or interrupt; others are about the unit. */
bool amd_decode_event(const struct amd_event *event, struct iommu_fault *fault);
/* Takes at most max events, from *head on, which moves. */
size_t amd_log_take(struct amd_event *log, size_t size, size_t *head, struct amd_event *events,
		    size_t max);

/* ---- amd-irq.c ---- */
/* The IOAPICs' tables, before the units are on. -ENOMEM, -EINVAL. */
int amd_irq_init(const struct acpi_info *acpi);
/* A table for a requester that has none yet, all refused. -ENOMEM. */
int amd_irq_create(hpa_t *table);
int amd_route(pci_bdf_t requester, unsigned index, const struct iommu_target *target);
void amd_unroute(pci_bdf_t requester, unsigned index);
void amd_message(unsigned entry, uint64_t *address, uint32_t *data);
uint64_t amd_redirection(unsigned entry, const struct iommu_target *target);

/* ---- amd.c, for amd-irq.c ---- */
/* NULL: beyond the table, where hardware blocks. */
struct amd_dte *amd_dte_of(pci_bdf_t requester);
/* Sends the command to all units and waits until it is done there, as are all writes before. */
void amd_send_all(struct amd_command command);

#endif
