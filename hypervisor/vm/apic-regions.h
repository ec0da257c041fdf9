/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The local APIC's and the IOAPIC's register pages of a VM. */
#ifndef CORE_VM_APIC_REGIONS_H
#define CORE_VM_APIC_REGIONS_H

#include "vm/vm.h"

int apic_regions_create(struct vm *vm); /* boot only */
void apic_regions_reset(struct vm *vm); /* the IOAPIC as at power-up; the vCPUs do not run */

#endif
