/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PC around a service VM's PCI devices: which I/O ports it reaches, which are a device model's,
 * and what its ACPI tables say.
 */
#ifndef CORE_VM_PLATFORM_H
#define CORE_VM_PLATFORM_H

#include "acpi/tables.h"
#include "vm/load.h"
#include "vm/vm.h"

int platform_create(struct vm *vm, const struct acpi_info *acpi); /* boot only */
void platform_reset(struct vm *vm); /* device models as at power-up; the vCPUs do not run */

/* Writes the VM's tables into image->acpi. */
void platform_make_acpi(struct vm *vm, const struct acpi_info *acpi, struct vm_image *image);

#endif
