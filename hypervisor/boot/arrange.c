/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells memory/layout.h what it has to know of this machine. */
#include "boot/arrange.h"

#include "boot/image.h"
#include "lib/log.h"
#include "vm/load.h"

#define MAX_DEVICES    (4 + ACPI_MAX_IOAPICS + ACPI_MAX_IOMMUS)
#define IOMMU_WINDOW   (512 * KIB) /* the most an AMD-Vi unit has */
#define BUS_WINDOW     (1 * MIB)   /* of ECAM */
#define LOWEST_DEVICES (16 * MIB)

struct memory_layout machine_layout;

static void add(struct range *ranges, size_t *count, uint64_t start, uint64_t size)
{
	ranges[(*count)++] = (struct range){start, size};
}

static size_t list_devices(const struct acpi_info *acpi, struct range devices[MAX_DEVICES])
{
	size_t count = 0;

	add(devices, &count, hpa_value(acpi->ecam) + acpi->ecam_first_bus * BUS_WINDOW,
	    (acpi->ecam_last_bus - acpi->ecam_first_bus + 1) * BUS_WINDOW);
	add(devices, &count, hpa_value(acpi->lapic), PAGE_SIZE);
	for (size_t i = 0; i < acpi->ioapic_count; i++)
		add(devices, &count, hpa_value(acpi->ioapics[i].address), PAGE_SIZE);
	for (size_t i = 0; i < acpi->iommu_count; i++)
		add(devices, &count, hpa_value(acpi->iommus[i].base), IOMMU_WINDOW);
	return count;
}

/* Device memory begins above the last of RAM, or what firmware uses like it, below 4 GiB. */
static uint64_t find_device_memory(const struct boot_info *boot)
{
	uint64_t end = LOWEST_DEVICES;

	for (size_t i = 0; i < boot->range_count; i++) {
		const struct boot_range *range = &boot->ranges[i];

		if (range->type != 2 && range->start + range->size <= 4 * GIB &&
		    range->start + range->size > end)
			end = range->start + range->size;
	}
	return end;
}

void arrange_memory(const struct boot_info *boot, const struct acpi_info *acpi,
		    const struct boot_plan *plan, const struct range *keep, size_t keep_count)
{
	static struct range devices[MAX_DEVICES], tables[ACPI_MAX_TABLES];
	struct layout_input input = {
		.boot = boot,
		.manifest = &plan->manifest,
		.image = {hpa_value(image_load), image_size()},
		.keep = keep,
		.keep_count = keep_count,
		.devices = devices,
		.device_count = list_devices(acpi, devices),
		.tables = tables,
		.mmio_start = find_device_memory(boot),
		.identity = acpi->iommu_kind == ACPI_NO_IOMMU,
	};

	for (size_t i = 0; i < acpi->table_count; i++)
		if (acpi->tables[i].good)
			add(tables, &input.table_count, hpa_value(acpi->tables[i].address),
			    acpi->tables[i].length);
	for (size_t i = 0; i < plan->manifest.vm_count; i++) {
		const struct linux_kernel *kernel =
			plan->manifest.vms[i].control ? &plan->control.kernel : &plan->ui.kernel;

		input.needs[i] = (struct layout_need){
			.init_size = kernel->init_size,
			.alignment = kernel->alignment,
			.preferred = kernel->preferred_address,
			.boot_data = LOAD_BOOT_DATA_SIZE,
		};
	}
	if (layout_decide(&input, &machine_layout) != 0) {
		if (machine_layout.reason == REASON_MEMORY_TOO_SMALL)
			core_panic(REASON_MEMORY_TOO_SMALL, "%s: %lu MiB are missing",
				   machine_layout.problem, machine_layout.missing / MIB + 1);
		core_panic(machine_layout.reason, "%s", machine_layout.problem);
	}
	layout_apply(&machine_layout);
}
