/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The core's PCI function, one in each service VM: what a Linux driver binds, and the doorbells.
 *For the core and for Linux kernel code. What it can do beyond is a hypercall
 *(mullion/hypercall.h).
 *
 * BAR 0, memory, 32 bits, MULLION_BUS_SIZE bytes:
 *
 *	0x0000  registers, below
 *	0x1000  MSI-X table, MULLION_BUS_DOORBELLS entries
 *	0x2000  MSI-X pending bits
 *	0x3000  reserved
 *
 * Registers are little endian, aligned, read and written by 4 bytes; any other access, and any
 *register not named here, reads as zero and ignores writes. The MSI-X table also takes 8 bytes. The
 *function stays where the core has put it: writing BAR 0 only sizes it. There is no pin interrupt,
 *no power management and no function-level reset.
 *
 * Doorbell n of a VM is MSI-X entry n of its function. What n means, and who else may ring it, is
 * between the VMs: every service VM may ring every doorbell, its own too. Several rings may arrive
 * as one interrupt. A ring is lost while MSI-X or bus mastering is off in the receiver; while the
 * entry is masked it is kept as one pending bit. Nothing is said to the ringer about either.
 */
#ifndef MULLION_BUS_H
#define MULLION_BUS_H

#include "mullion/hypercall.h"

/* Not a vendor number of the PCI SIG's; only the core's functions have it. */
#define MULLION_BUS_VENDOR 0x4d55
#define MULLION_BUS_DEVICE 0x0001
/* System peripheral, other. */
#define MULLION_BUS_CLASS 0x088000

#define MULLION_BUS_SIZE      0x4000
#define MULLION_BUS_MSIX      0x1000 /* the table's offset */
#define MULLION_BUS_PENDING   0x2000 /* the pending bits' */
#define MULLION_BUS_DOORBELLS 16

#define MULLION_BUS_MAGIC 0x4c4c554d /* "MULL" */

/* Read-only. */
#define MULLION_BUS_REG_MAGIC	  0x00
#define MULLION_BUS_REG_VERSION	  0x04 /* MULLION_ABI_VERSION */
#define MULLION_BUS_REG_FEATURES  0x08 /* MULLION_FEATURE_* */
#define MULLION_BUS_REG_VM	  0x0c /* the VM's own number */
#define MULLION_BUS_REG_KIND	  0x10 /* enum mullion_vm_kind */
#define MULLION_BUS_REG_DOORBELLS 0x14 /* how many each VM has: MULLION_BUS_DOORBELLS */
#define MULLION_BUS_REG_VMS	  0x18 /* how many VMs there are */
/* Write-only, one a VM: a doorbell's number rings it. A number that is none, or a VM that is not
 * there, is counted as a bad hypercall. */
#define MULLION_BUS_REG_RING(vm) (0x100U + 4U * (vm))
#define MULLION_BUS_REG_RING_END 0x140

_Static_assert(MULLION_BUS_MSIX + 16 * MULLION_BUS_DOORBELLS <= MULLION_BUS_PENDING, "MSI-X table");
_Static_assert(MULLION_BUS_DOORBELLS <= 32, "one word of pending bits");

#endif
