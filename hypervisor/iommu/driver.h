/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands between iommu.c and the two kinds of IOMMU. iommu.c holds its lock around each call
 * and checks the arguments; a driver does the same on all units of the machine.
 */
#ifndef CORE_IOMMU_DRIVER_H
#define CORE_IOMMU_DRIVER_H

#include "iommu/iommu.h"

/* An index of route() that is an IOAPIC's pin, not an MSI's number. */
#define IOMMU_PIN 0x8000U
/* unroute() of all MSIs. */
#define IOMMU_ALL_MSIS 0x7fffU

struct iommu_driver {
	const char *name;
	const struct table_format *format;
	/* Finds, takes over and switches on all units, with everything blocked. */
	int (*init)(const struct acpi_info *acpi, struct iommu_caps *caps);
	/* The shape of a domain's tables, once init() is done. */
	void (*shape)(unsigned *levels, unsigned *largest_leaf_shift);
	void (*write_back)(const void *start, size_t size); /* struct space; may be NULL */
	/* All units forget what they cached of a domain. */
	void (*flush)(uint16_t domain);
	int (*attach)(pci_bdf_t device, const struct iommu_domain *domain);
	/* Interrupts, only if init() said that it can. route() returns the entry's number. */
	int (*route)(pci_bdf_t requester, unsigned index, const struct iommu_target *target);
	void (*unroute)(pci_bdf_t requester, unsigned index);
	void (*message)(unsigned entry, uint64_t *address, uint32_t *data);
	uint64_t (*redirection)(unsigned entry, const struct iommu_target *target);
	size_t (*take_faults)(struct iommu_fault *faults, size_t max, bool *lost);
};

extern const struct iommu_driver amd_driver, vtd_driver;

/* Whether the tables tell the requester of every IOAPIC; else interrupts cannot be remapped. */
bool iommu_knows_ioapics(const struct acpi_info *acpi);

/* The TSC by which hardware must have answered what it is asked now: 1 s. */
uint64_t iommu_deadline(void);

/* Waits until a condition holds; false if that takes too long. */
#define IOMMU_WAIT(condition)                                                                      \
	({                                                                                         \
		uint64_t iommu_until = iommu_deadline();                                           \
		bool iommu_done;                                                                   \
		while (!(iommu_done = (condition)) && rdtsc() < iommu_until)                       \
			cpu_pause();                                                               \
		iommu_done;                                                                        \
	})

#endif
