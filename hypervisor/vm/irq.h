/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device interrupts on their way to a VM. A VM programs an MSI or an IOAPIC pin as it likes; this
 * file gives it a host vector on the pCPU where the addressed vCPU is pinned, has the IOMMU route
 * it, and says what to program into the real device. The VM's message itself never reaches
 * hardware.
 *
 * Locks: one inside; irq_deliver() takes none but, for a level pin, the IOAPICs' for a moment.
 */
#ifndef CORE_VM_IRQ_H
#define CORE_VM_IRQ_H

#include "vm/vm.h"

/* The guest's message of MSI index of a device it owns. The real message comes back. A message that
 * addresses nobody in the VM is routed nowhere: -EINVAL, and the caller keeps the entry masked. */
int irq_route_msi(struct vm *vm, pci_bdf_t device, unsigned index, uint64_t guest_address,
		  uint32_t guest_data, uint64_t *address, uint32_t *data);
void irq_unroute_msi(pci_bdf_t device, unsigned index);

/* A global interrupt (IOAPIC pin) belongs to one VM. */
int irq_assign_gsi(struct vm *vm, unsigned gsi);
/* The VM's IOAPIC pin changed: its redirection entry as the VM wrote it. Masked entries mask the
 * real pin. */
void irq_route_gsi(struct vm *vm, unsigned gsi, uint64_t guest_redirection);
/* The VM has acknowledged the level interrupt of a pin, or all those that were delivered with this
 * vector: the real pin may raise again. The VM's IOAPIC does not know of them (its remote IRR is
 * for pins without a real one): the end of interrupt of a vCPU comes here by its vector. */
void irq_end_gsi(struct vm *vm, unsigned gsi);
void irq_end_vector(struct vm *vm, uint8_t vector);

/* All routes of a VM, masked and forgotten (restart). */
void irq_release_vm(struct vm *vm);

/* From the host's interrupt handler on this pCPU. Unknown vectors are counted. */
void irq_deliver(unsigned pcpu, uint8_t vector);
/* How many interrupts came on vectors that are nobody's. */
uint64_t irq_unknown(void);

#endif
