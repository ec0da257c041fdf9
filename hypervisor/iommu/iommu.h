/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's IOMMUs: which memory a device reaches, and which interrupts it may raise. One
 * driver is chosen by the ACPI tables (IVRS: amd.c, DMAR: vtd.c), not by the CPU's vendor. All
 * units of the machine are driven alike.
 *
 * Until a device is attached it reaches nothing and raises nothing.
 *
 * Locks: one inside. Calls may wait for the hardware; never from an interrupt handler.
 */
#ifndef CORE_IOMMU_IOMMU_H
#define CORE_IOMMU_IOMMU_H

#include "acpi/tables.h"
#include "lib/types.h"
#include "memory/table.h"

/* A PCI requester: bus << 8 | device << 3 | function, segment 0. */
typedef uint16_t pci_bdf_t;

/* What the machine's IOMMU can; all false without one. */
struct iommu_caps {
	bool dma;	 /* DMA is translated */
	bool interrupts; /* interrupts are remapped */
};

/* A VM's devices' view of memory: iommu_map() mirrors the VM's second-level tables here. */
struct iommu_domain {
	struct space space; /* in the driver's format; its flush is the driver's */
	uint16_t id;	    /* the domain number the hardware tags its caches with; not 0 */
};

/* One access that was refused, or an interrupt. */
struct iommu_fault {
	pci_bdf_t device;
	bool interrupt;
	bool write;
	gpa_t address;
};

/* Where an interrupt goes: a physical CPU by its local APIC's number, and a host vector. */
struct iommu_target {
	uint32_t apic_id;
	uint8_t vector;
	bool level; /* IOAPIC pins only */
};

/* Finds and switches on all units with everything blocked. The tables are checked (acpi/) and stay
 * where they are; all functions are known (pci_scan()), and so is the TSC's speed. 0 with what is
 * there in *caps (no IOMMU: 0, all false, and warnings); -EIO if one does not answer or lacks what
 * the driver needs, -ENOMEM. */
int iommu_init(const struct acpi_info *acpi, struct iommu_caps *caps);

/* An empty domain, whose number no other has. Without an IOMMU its space is never used: map there
 * only if caps.dma. -ENOMEM. */
int iommu_domain_init(struct iommu_domain *domain, enum owner owner, uint16_t id);

/* Moves a device into the domain, or, with NULL, back to nothing; old cached translations are gone
 * when it returns. Memory that the tables say the device needs is mapped in the domain at its own
 * address, so the caller holds the VM's lock; whoever owns that memory else, keeps it, and the
 * device is refused (-EPERM, -EEXIST). -ENODEV: no unit is in charge of the device. */
int iommu_attach(pci_bdf_t device, struct iommu_domain *domain);

/*
 * Interrupt remapping. A handle names one remapped interrupt of one requester: index is the MSI
 * number (0 for MSI, the entry for MSI-X) or the IOAPIC's pin. Without remapping the messages are
 * plain ones.
 */
/* Routes MSI index of a device; the message to program into the device comes back. May be called
 * again to move it. -ENOSPC, -EINVAL. */
int iommu_route_msi(pci_bdf_t device, unsigned index, const struct iommu_target *target,
		    uint64_t *address, uint32_t *data);
/* Routes an IOAPIC's pin; the redirection entry without its mask bit comes back. */
int iommu_route_pin(uint8_t ioapic_id, unsigned pin, const struct iommu_target *target,
		    bool active_low, uint64_t *redirection);
/* The interrupt is refused from now on. */
void iommu_unroute_msi(pci_bdf_t device, unsigned index);

/* Takes at most max faults the hardware has logged since the last call; for counting and reports.
 * Returns how many; *lost if the log overflowed. */
size_t iommu_take_faults(struct iommu_fault *faults, size_t max, bool *lost);

#endif
