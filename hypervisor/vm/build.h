/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds the service VMs. */
#ifndef CORE_VM_BUILD_H
#define CORE_VM_BUILD_H

#include "acpi/tables.h"
#include "boot/plan.h"

/* On the boot CPU, once memory, ACPI, interrupts and all CPUs are there; then machine_run_cpu() on
 * all. Panics with the reason if it cannot be done. */
void machine_start(const struct boot_info *boot, const struct acpi_info *acpi,
		   const struct boot_plan *plan);

#endif
