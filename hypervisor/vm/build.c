/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builds the service VMs once, at boot: memory, devices, vCPUs, interrupt lines, ACPI, image. Who
 * gets what is the manifest's word; how the parts work is in their own files.
 */
#include "vm/build.h"

#include "boot/arrange.h"
#include "iommu/iommu.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "memory/frame.h"
#include "pci/config.h"
#include "pci/display.h"
#include "pci/vpci.h"
#include "vm/apic-regions.h"
#include "vm/bus.h"
#include "vm/irq.h"
#include "vm/lifecycle.h"
#include "vm/load.h"
#include "vm/platform.h"
#include "vm/pvclock.h"
#include "vm/trace.h"
#include "vm/vendor.h"
#include "x86/machine.h"
#include "x86/pcpu.h"

#define SERIAL_IRQ	  4 /* COM1 is the core's */
#define KEYBOARD_IRQ	  1
#define MOUSE_IRQ	  12
#define GUEST_MODE_LEVELS 4

static struct vm vms[VM_MAX];
static struct iommu_caps iommu;

static void need(int error, const char *vm, const char *what)
{
	if (error == 0)
		return;
	if (error == -ENOMEM)
		core_panic(REASON_OUT_OF_FRAMES, "%s: %s", vm, what);
	core_panic(REASON_PANIC, "%s: %s: error %d", vm, what, error);
}

static void flush_vm(struct space *space)
{
	vendor->flush(space->user);
}

/* Whether one of the VM's lines names the function. */
static bool names(const struct manifest_vm *manifest, const struct pci_function *function)
{
	for (size_t i = 0; i < manifest->device_count; i++) {
		const struct manifest_device *device = &manifest->devices[i];

		if (!device->by_class) {
			if (device->bdf == function->bdf)
				return true;
		} else if (device->class_code == (uint8_t)(function->class_code >> 16) &&
			   (device->any_subclass ||
			    device->subclass == (uint8_t)(function->class_code >> 8))) {
			return true;
		}
	}
	return false;
}

static void need_named_devices(const struct manifest_vm *manifest)
{
	for (size_t i = 0; i < manifest->device_count; i++) {
		const struct manifest_device *device = &manifest->devices[i];
		bool found = device->by_class;

		for (size_t n = 0; n < pci_function_count && !found; n++)
			found = pci_functions[n].bdf == device->bdf;
		if (!found)
			core_panic(REASON_DEVICE_MISSING, "%02x:%02x.%x, manifest line %u",
				   device->bdf >> 8, device->bdf >> 3 & 31, device->bdf & 7,
				   device->line);
	}
}

/* IOMMUs and bridges are nobody's; what the UI VM does not name is the control VM's. */
static void assign_devices(const struct boot_plan *plan, const struct acpi_info *acpi,
			   struct vm *ui, struct vm *control)
{
	need_named_devices(plan->ui.manifest);
	need_named_devices(plan->control.manifest);
	for (size_t i = 0; i < pci_function_count; i++) {
		struct pci_function *function = &pci_functions[i];
		bool to_ui = names(plan->ui.manifest, function);
		bool is_iommu = function->class_code >> 8 == 0x0806;

		for (size_t n = 0; n < acpi->iommu_count; n++)
			if (acpi->iommu_kind == ACPI_AMDVI && acpi->iommus[n].bdf == function->bdf)
				is_iommu = true;
		if (to_ui && names(plan->control.manifest, function))
			core_panic(REASON_DEVICE_TWICE, "%02x:%02x.%x", function->bdf >> 8,
				   function->bdf >> 3 & 31, function->bdf & 7);
		if (is_iommu || function->header_type != 0)
			continue;
		function->owner = to_ui ? ui : control;
		log_line("%02x:%02x.%x %04x:%04x class %06x belongs to %s", function->bdf >> 8,
			 function->bdf >> 3 & 31, function->bdf & 7, function->vendor,
			 function->device, function->class_code, function->owner->name);
	}
}

static struct vm *create_vm(const struct plan_vm *plan, unsigned number, enum vm_kind kind)
{
	struct vm *vm = &vms[number];
	unsigned vcpus = plan->manifest->vcpus;

	vm->number = number;
	vm->kind = kind;
	memcpy(vm->name, plan->manifest->name, sizeof(vm->name) - 1);
	vm->vcpu_count = vcpus == 0 || vcpus > pcpu_count ? pcpu_count : vcpus;
	vm->state = VM_LOADING;
	need(space_init(&vm->memory, &table_format_npt, vm_owner(vm), GUEST_MODE_LEVELS,
			vendor_caps.huge_pages ? 30 : 21),
	     vm->name, "its page tables");
	vm->memory.flush = flush_vm;
	vm->memory.user = vm;
	if (iommu.dma)
		need(iommu_domain_init(&vm->domain, vm_owner(vm), (uint16_t)(number + 1)), vm->name,
		     "its IOMMU domain");
	need(vendor->vm_create(vm), vm->name, "its control blocks");
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		hpa_t frame = frame_alloc();

		_Static_assert(sizeof(struct vcpu) <= PAGE_SIZE, "a vCPU fits a frame");
		if (hpa_value(frame) == 0)
			core_panic(REASON_OUT_OF_FRAMES, "%s: vCPU %u", vm->name, i);
		vm->vcpus[i] = frame_virt(frame);
		vm->vcpus[i]->vm = vm;
		vm->vcpus[i]->number = i;
		need(vendor->vcpu_create(vm->vcpus[i]), vm->name, "a vCPU");
	}
	vm_list[number] = vm;
	return vm;
}

static void give_interrupts(struct vm *ui, struct vm *control)
{
	for (unsigned gsi = 0; gsi < VIOAPIC_PINS; gsi++) {
		if (gsi == SERIAL_IRQ)
			continue;
		irq_assign_gsi(gsi == KEYBOARD_IRQ || gsi == MOUSE_IRQ ? ui : control, gsi);
	}
}

static void map_memory(struct vm *vm, const struct layout_vm *layout)
{
	need(layout_map(layout, &vm->memory, false), vm->name, "its memory");
	if (iommu.dma)
		need(layout_map(layout, &vm->domain.space, true), vm->name, "its devices' memory");
}

/* What the VM is loaded with at each start. */
static struct vm_image *make_image(struct vm *vm, const struct plan_vm *plan,
				   const struct layout_vm *layout)
{
	static struct vm_image images[VM_MAX];
	struct vm_image *image = &images[vm->number];

	image->kernel = plan->kernel;
	image->cmdline = plan->manifest->cmdline;
	image->kernel_at = layout->kernel;
	image->initrd_at = layout->initrd;
	image->boot_data_at = layout->boot_data;
	image->ranges = layout->ranges;
	image->range_count = layout->range_count;
	image->max_restarts = plan->manifest->restarts;
	image->watchdog_seconds = plan->manifest->watchdog;
	if (plan->initrd_module != NULL) {
		image->initrd_size = plan->initrd_module->size;
		if (!layout->initrd_in_place)
			image->initrd = phys_virt(hpa(plan->initrd_module->start));
	}
	vm->image = image;
	vm->memory_size = layout->ram;
	log_line("%s: %lu MiB, %u vCPUs, kernel at 0x%lx, initrd at 0x%lx", vm->name,
		 layout->ram / MIB, vm->vcpu_count, gpa_value(layout->kernel),
		 gpa_value(layout->initrd));
	return image;
}

static void make_devices(struct vm *vm, const struct acpi_info *acpi)
{
	need(apic_regions_create(vm), vm->name, "its APICs");
	need(vpci_create(vm), vm->name, "its PCI functions");
	need(bus_create(vm), vm->name, "its bus function");
	need(platform_create(vm, acpi), vm->name, "its platform devices");
}

static void start_traces(void)
{
	for (unsigned i = 0; i < pcpu_count; i++) {
		hpa_t ring = frame_alloc_many(TRACE_BYTES / PAGE_SIZE);

		if (hpa_value(ring) == 0)
			core_panic(REASON_OUT_OF_FRAMES, "the trace of CPU %u", i);
		trace_init(i, frame_virt(ring));
	}
}

void machine_start(const struct boot_info *boot, const struct acpi_info *acpi,
		   const struct boot_plan *plan)
{
	const struct plan_vm *plans[VM_MAX] = {0};
	struct vm *ui, *control;

	(void)boot;
	vendor = &svm_ops;
	need(vendor->init(&vendor_caps), vendor->name, "its capabilities");
	pvclock_init();
	start_traces();
	pci_init(acpi->ecam, acpi->ecam_first_bus, acpi->ecam_last_bus);
	pci_scan();
	display_init();
	if (iommu_init(acpi, &iommu) != 0)
		core_panic(REASON_IOMMU_STUCK, "at its start");
	/* A VM's number is its place in the manifest, as in the memory layout. */
	for (unsigned i = 0; i < plan->manifest.vm_count; i++) {
		bool is_control = plan->manifest.vms[i].control;

		plans[i] = is_control ? &plan->control : &plan->ui;
		create_vm(plans[i], i, is_control ? VM_CONTROL : VM_UI);
	}
	ui = vm_of_kind(VM_UI);
	control = vm_of_kind(VM_CONTROL);
	give_interrupts(ui, control);
	assign_devices(plan, acpi, ui, control);
	for (unsigned i = 0; i < plan->manifest.vm_count; i++) {
		struct vm *vm = vm_list[i];

		map_memory(vm, &machine_layout.vms[i]);
		make_devices(vm, acpi);
		platform_make_acpi(vm, acpi, make_image(vm, plans[i], &machine_layout.vms[i]));
	}
	log_line("the core uses %zu KiB in %zu frames, %zu of them page tables",
		 frame_used() * (PAGE_SIZE / KIB), frame_used(), frame_tables());
	screen_release();
	lifecycle_start();
}
