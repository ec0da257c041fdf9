/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decides who gets which memory on this machine, and sets up the frame pool and the owners. */
#ifndef CORE_BOOT_ARRANGE_H
#define CORE_BOOT_ARRANGE_H

#include "acpi/tables.h"
#include "boot/plan.h"
#include "memory/layout.h"

/* Set once by arrange_memory(). */
extern struct memory_layout machine_layout;

/* Needs only the early page tables. keep: pages the core has chosen. Panics with the reason. */
void arrange_memory(const struct boot_info *boot, const struct acpi_info *acpi,
		    const struct boot_plan *plan, const struct range *keep, size_t keep_count);

#endif
