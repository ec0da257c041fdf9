/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files behind pci/vpci.h share. All of it with the VM's lock held, but for msix_access().
 */
#ifndef CORE_PCI_VPCI_PARTS_H
#define CORE_PCI_VPCI_PARTS_H

#include "pci/policy.h"
#include "pci/registers.h"
#include "pci/vpci.h"
#include "vm/vm.h"

#define VPCI_MAX_EMULATED 2

/* One line of an MSI-X table. */
struct vpci_entry {
	uint32_t words[4]; /* as the VM wrote them: address, its upper half, data, control */
	bool routed;	   /* there is a route ... */
	bool current;	   /* ... for what the words say, and the device has its message */
};

enum reset_kind { RESET_NONE, RESET_PCIE, RESET_AF, RESET_PM };

/* A function as a VM sees it. Without VIEW_OWN only real and policy are used. */
struct vpci_function {
	struct pci_function *real;
	struct policy_function policy;

	uint16_t command;	 /* as the VM wrote it */
	uint16_t kept_command;	 /* bits that are always set in the device */
	uint16_t device_control; /* of PCI Express, as the firmware left it */
	uint8_t line, pin, power;
	uint32_t bars[6]; /* as the VM wrote them */

	/* Offsets of capabilities in the device, 0: none, and the VM's control words and messages.
	 */
	uint16_t msi_cap, msix_cap, pcie_cap;
	struct {
		uint16_t control;
		uint32_t words[3]; /* address, its upper half, data */
		bool masked, routed;
		uint64_t address; /* what the device has */
		uint32_t data;
	} msi;
	struct {
		uint16_t control;
		unsigned count;
		struct vpci_entry *entries;
		volatile uint8_t *pages; /* the trapped ones, in the core's map */
		uint64_t table;		 /* where the table starts in them */
	} msix;

	enum reset_kind reset_kind;
	uint16_t reset_cap;
	uint64_t reset_until; /* TSC; not 0: a reset that the VM asked for is under way */
	uint16_t cache_line;  /* and latency, as the firmware left them */
	uint8_t real_line;
};

struct vpci {
	struct vm *vm;
	struct vpci_function *functions;
	size_t count;
	bool quiesced;	  /* no bus mastering whatever the VM says */
	uint32_t address; /* port 0xcf8 */
	struct {
		uint16_t bdf;
		vpci_config_access *access;
		void *data;
	} emulated[VPCI_MAX_EMULATED];
	size_t emulated_count;
};

/* Host and ISA bridges: nothing of them is switched or reset. */
static inline bool pci_is_board(const struct pci_function *function)
{
	return function->class_code >> 16 == 0x06 && function->header_type == 0;
}

/* vpci.c: brings the device's command register in line with what all shadows say. */
void vpci_apply_command(const struct vpci *vpci, const struct vpci_function *function);

/* bars.c */
void bars_reset(struct vpci_function *function);
/* Returns false for an offence: neither sizing nor the address it has. */
bool bars_write(struct vpci_function *function, unsigned index, uint32_t value);
void bars_restore(const struct vpci_function *function);

/* claim.c */
/* Gives functions whose BARs share a page with somebody else's to the control VM, or to nobody. */
void claim_settle(void);
/* Owner table, IOMMU and I/O ports. An error: the function cannot be the VM's. */
int claim_function(struct vm *vm, const struct pci_function *function);
/* Maps its memory but for what traps. */
int claim_map(struct vm *vm, const struct pci_function *function);

/* msi.c. Registers are words at an offset in the capability. */
void msi_init(struct vpci *vpci, struct vpci_function *function);
void msi_off(struct vpci *vpci, struct vpci_function *function);
uint32_t msi_read(const struct vpci_function *function, unsigned offset);
void msi_write(struct vpci *vpci, struct vpci_function *function, unsigned offset, uint32_t value);
/* msix.c */
void msix_init(struct vpci *vpci, struct vpci_function *function);
void msix_off(struct vpci *vpci, struct vpci_function *function);
void msix_write(struct vpci *vpci, struct vpci_function *function, uint32_t value);
void msix_update(struct vpci *vpci, struct vpci_function *function);
vm_access msix_access;

/* reset.c */
void reset_init(struct vpci_function *function);
/* The VM's own, of one function: it answers nothing until reset_poll() says so. */
void reset_start(struct vpci *vpci, struct vpci_function *function);
bool reset_poll(struct vpci *vpci, struct vpci_function *function);
/* All the VM's functions; waits. */
void reset_all(struct vpci *vpci);

#endif
