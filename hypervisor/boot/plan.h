/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this boot is to start: the manifest with its modules found and its kernels checked. */
#ifndef CORE_BOOT_PLAN_H
#define CORE_BOOT_PLAN_H

#include "boot/linux.h"
#include "boot/manifest.h"
#include "boot/multiboot2.h"

struct plan_vm {
	const struct manifest_vm *manifest;
	const struct boot_module *kernel_module;
	const struct boot_module *initrd_module; /* NULL: none */
	struct linux_kernel kernel;		 /* its image is in the module */
};

struct boot_plan {
	struct manifest manifest;
	struct plan_vm ui, control;
};

/* Panics with the reason (2xx) if something is missing or wrong. map says where the core sees
 * physical memory now. */
void plan_make(const struct boot_info *boot, void *(*map)(hpa_t address), struct boot_plan *plan);

#endif
