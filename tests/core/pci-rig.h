/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two VMs on fake-pci.h's machine, with the real owner table and second-level tables, for tests of
 * what VMs see of PCI. The UI VM has the GPU, the VGA, xHCI and edu; the control VM the rest; the
 * IOMMU is nobody's.
 */
#ifndef TESTS_CORE_PCI_RIG_H
#define TESTS_CORE_PCI_RIG_H

#include "fake-pci.h"
#include "pci/vpci-parts.h"
#include "vm/vcpu.h"

#define RIG_UI	    0
#define RIG_CONTROL 1
#define RIG_ROUTES  64
#define RIG_NOBODY  0xffffffffU /* what reads of a function that is not there give */

extern struct vm rig_vms[2];
extern uint64_t rig_violations[2]; /* BAD_CONFIG */
extern uint64_t rig_delays;	   /* microseconds spent waiting */
extern uint16_t rig_uncovered;	   /* a function that no IOMMU covers; 0xffff */
extern uint64_t tsc_hz;		   /* 0: resets of VMs end at once */

/* Interrupt messages: a route of the rig's says what the device shall send. The VM's messages are
 * good if their address is 0xfee..... */
struct rig_route {
	bool used;
	struct vm *vm;
	uint16_t device;
	unsigned index;
	uint64_t guest_address, address;
	uint32_t guest_data, data;
};
extern struct rig_route rig_routes[RIG_ROUTES];
struct rig_route *rig_find_route(uint16_t device, unsigned index); /* NULL */
size_t rig_count_routes(void);

/* The machine, scanned, its functions given to the VMs; nothing created. */
void rig_init(void);
/* The same, and both VMs have theirs. */
void rig_create(void);
/* For cmocka: the same, and what was written to devices for it is forgotten. */
int rig_setup(void **state);

struct vpci_function *rig_function(unsigned vm, uint16_t bdf); /* NULL */
struct pci_function *rig_real(uint16_t bdf);
/* Registers of the device itself, whatever VMs read. */
uint32_t rig_real32(uint16_t bdf, unsigned offset);
uint16_t rig_real_command(uint16_t bdf);
/* Device memory that the core has mapped. */
uint8_t *rig_memory(uint64_t address);
bool rig_mapped(unsigned vm, uint64_t address);
bool rig_attached(unsigned vm, uint16_t bdf);
bool rig_port_allowed(unsigned vm, unsigned port);

/* What the VM does. Configuration by ECAM. */
uint64_t rig_read(unsigned vm, uint16_t bdf, unsigned offset, unsigned size);
void rig_write(unsigned vm, uint16_t bdf, unsigned offset, unsigned size, uint64_t value);
uint64_t rig_port_read(unsigned vm, unsigned port, unsigned size);
void rig_port_write(unsigned vm, unsigned port, unsigned size, uint64_t value);
/* Memory that traps; -EFAULT: nothing answers. */
int rig_memory_read(unsigned vm, uint64_t address, unsigned size, uint64_t *value);
int rig_memory_write(unsigned vm, uint64_t address, unsigned size, uint64_t value);

#endif
