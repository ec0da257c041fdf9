/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds what the manifest names among the boot modules. */
#include "boot/plan.h"

#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"

static const struct boot_module *find_module(const struct boot_info *boot, const char *name)
{
	for (size_t i = 0; i < boot->module_count; i++)
		if (strcmp(boot->modules[i].name, name) == 0)
			return &boot->modules[i];
	return NULL;
}

static const struct boot_module *need_module(const struct boot_info *boot, const char *name,
					     const char *vm)
{
	const struct boot_module *module = find_module(boot, name);

	if (module == NULL)
		core_panic(REASON_MODULE_MISSING, "%s, which the manifest names for VM %s", name,
			   vm);
	if (module->size == 0)
		core_panic(REASON_MODULE_TRUNCATED, "%s is empty", name);
	return module;
}

static void plan_one(const struct boot_info *boot, void *(*map)(hpa_t address),
		     const struct manifest_vm *manifest, struct plan_vm *vm)
{
	const char *problem;
	int error;

	vm->manifest = manifest;
	vm->kernel_module = need_module(boot, manifest->kernel, manifest->name);
	if (manifest->initrd[0] != '\0')
		vm->initrd_module = need_module(boot, manifest->initrd, manifest->name);
	error = linux_check(map(hpa(vm->kernel_module->start)), vm->kernel_module->size,
			    &vm->kernel, &problem);
	if (error != 0)
		core_panic(error == -EBADMSG ? REASON_MODULE_TRUNCATED : REASON_KERNEL_NOT_ONE,
			   "%s: %s", manifest->kernel, problem);
	if (strlen(manifest->cmdline) > vm->kernel.cmdline_max)
		core_panic(REASON_MANIFEST_ERROR,
			   "VM %s: its command line is longer than the kernel takes",
			   manifest->name);
}

void plan_make(const struct boot_info *boot, void *(*map)(hpa_t address), struct boot_plan *plan)
{
	const struct boot_module *module = find_module(boot, "manifest");
	struct manifest_error error;

	if (module == NULL)
		core_panic(REASON_MANIFEST_MISSING, "%zu modules, none is named manifest",
			   boot->module_count);
	*plan = (struct boot_plan){0};
	if (manifest_parse(map(hpa(module->start)), module->size, &plan->manifest, &error) != 0)
		core_panic(error.reason, "line %u, column %u: %s", error.line, error.column,
			   error.message);
	for (size_t i = 0; i < plan->manifest.vm_count; i++) {
		const struct manifest_vm *vm = &plan->manifest.vms[i];

		plan_one(boot, map, vm, vm->control ? &plan->control : &plan->ui);
	}
	if (plan->ui.manifest == NULL || plan->control.manifest == NULL)
		core_panic(REASON_MANIFEST_VMS, "VM %s is missing",
			   plan->ui.manifest == NULL ? "of kind ui" : "of kind control");
}
