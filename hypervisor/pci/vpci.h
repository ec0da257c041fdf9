/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI configuration space a VM sees: its own functions at their real addresses, the bridges on
 * the way to them (read-only), the bus function (vm/bus.h), and nothing else.
 *
 * A function's BARs stay where the firmware put them: writes go to a shadow, so that sizing works,
 * and never to the device. MSI and MSI-X messages are the VM's in the shadow and ours in the device
 * (vm/irq.h). Capabilities are let through by a table (pci/policy.c); what is not in it reads as
 * absent.
 *
 * Locks: the VM's lock, taken inside; under it irq_route_msi() and irq_unroute_msi() are called.
 */
#ifndef CORE_PCI_VPCI_H
#define CORE_PCI_VPCI_H

#include "lib/types.h"

struct vm;
struct vpci;
struct acpi_info;

/* All functions of the machine, found once at boot. */
struct pci_function {
	uint16_t bdf;
	uint16_t vendor, device;
	uint32_t class_code; /* class << 16 | subclass << 8 | interface */
	uint8_t header_type; /* without the multi-function bit */
	struct {
		uint64_t base, size; /* size 0: none (or the upper half of a 64-bit one) */
		bool io, wide, prefetchable;
	} bars[6];
	uint8_t secondary_bus, subordinate_bus; /* bridges */
	struct vm *owner;			/* NULL: the core's (IOMMU) or nobody's */
};
#define PCI_MAX_FUNCTIONS 128
extern struct pci_function pci_functions[PCI_MAX_FUNCTIONS];
extern size_t pci_function_count;

/* Scans all buses; sizes BARs with decoding off. */
void pci_scan(void);
/* The highest bus that there is or that is kept for something behind a bridge. */
uint8_t pci_last_bus(void);

/* The functions whose owner is this VM, their BARs declared to the owner table, mapped (but for
 * MSI-X tables, which trap), attached to the IOMMU domain; configuration access through ECAM
 * (trapped at its own address) and ports 0xcf8-0xcff. A function that cannot be held apart gets
 * another owner, or none, with a line in the log. Boot only, after pci_scan(), iommu_init() and the
 * map of the VM's RAM, and once all functions have their owners. */
int vpci_create(struct vm *vm);
/* Before the VM is loaded again: bus mastering and interrupts off, functions reset (FLR, else D3hot
 * and back), shadows as at boot. */
void vpci_reset(struct vm *vm);
/* Bus mastering off at once: nothing of the VM's devices moves any more. Any CPU. */
void vpci_quiesce(struct vm *vm);

/* A free function number on bus 0 and free GPA space of this size (power of two) between the
 * machine's devices below 4 GiB, for the bus function. -ENOSPC. */
int vpci_find_free(struct vm *vm, uint16_t *bdf, uint64_t size, gpa_t *window);

/* An emulated function of the VM (the bus): configuration accesses come here, aligned, of 1, 2 or 4
 * bytes, without the VM's lock. Boot only, after vpci_create(). -ENOSPC, -EEXIST. */
typedef uint32_t vpci_config_access(void *data, unsigned offset, unsigned size, bool write,
				    uint32_t value);
int vpci_add_emulated(struct vm *vm, uint16_t bdf, vpci_config_access *access, void *data);

#endif
