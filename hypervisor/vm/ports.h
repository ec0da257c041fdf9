/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which I/O ports the control VM reaches directly. */
#ifndef CORE_VM_PORTS_H
#define CORE_VM_PORTS_H

#include "acpi/tables.h"
#include "vm/vm.h"

/* All but what is the core's, the UI VM's, or a way around the IOMMU. Boot only, after pci_scan()
 * and the assignment of functions. */
void ports_allow_rest(struct vm *control, const struct acpi_info *acpi);

#endif
