/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two firmwares' maps, what the boot loader loads, and what every layout must keep to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "layout-rig.h"

/* As SeaBIOS tells it on QEMU's q35, in whole pages. */
static const struct boot_range bios_low[] = {
	{0, 0x9f000, 1},
	{0x9f000, 0x1000, 2},
	{0xf0000, 0x10000, 2},
	{0x100000, 0x7ffdf000 - 0x100000, 1},
	{0x7ffdf000, 0x21000, 2}, /* its ACPI tables are in here */
	{0xb0000000, 0x10000000, 2},
	{0xfed1c000, 0x4000, 2},
	{0xfeffc000, 0x4000, 2},
	{0xfffc0000, 0x40000, 2},
};
/* As OVMF does. */
static const struct boot_range ovmf_low[] = {
	{0, 0xa0000, 1},
	{0x100000, 0x700000, 1},
	{0x800000, 0x8000, 4},
	{0x808000, 0x3000, 1},
	{0x80b000, 0x1000, 4},
	{0x80c000, 0x5000, 1},
	{0x811000, 0xef000, 4},
	{0x900000, 0x7d8ed000 - 0x900000, 1},
	{0x7d8ed000, 0x280000, 2}, /* runtime services */
	{0x7db6d000, 0x12000, 3},
	{0x7db7f000, 0x80000, 4},
	{0x7dbff000, 0x2301000, 1},
	{0x7ff00000, 0x100000, 2},
	{0xe0000000, 0x10000000, 2},
};

struct boot_info rig_boot;
struct manifest rig_manifest;
struct layout_input rig_input;
struct memory_layout rig_layout;
static const struct range keep[] = {{0x8000, 0x1000}, {0x9e000, 0x1000}};
static const struct range devices[] = {{0xb0000000, 256 * MIB}, {0xfee00000, 0x1000}};
static const struct range tables[] = {{0x7ffe1234, 0x9000}, {0x7fffff00, 0x100}};

static void set_map(const struct boot_range *ranges, size_t count, uint64_t above)
{
	memcpy(rig_boot.ranges, ranges, count * sizeof(ranges[0]));
	rig_boot.range_count = count;
	if (above)
		rig_boot.ranges[rig_boot.range_count++] = (struct boot_range){4 * GIB, above, 1};
}

void rig_set_bios(uint64_t above)
{
	set_map(bios_low, ARRAY_LENGTH(bios_low), above);
}

void rig_set_ovmf(uint64_t above)
{
	set_map(ovmf_low, ARRAY_LENGTH(ovmf_low), above);
}

void rig_add_module(const char *name, uint64_t start, uint64_t size)
{
	struct boot_module *module = &rig_boot.modules[rig_boot.module_count++];

	snprintf(module->name, sizeof(module->name), "%s", name);
	module->start = start;
	module->size = size;
}

int rig_setup(void **state)
{
	(void)state;
	memset(&rig_boot, 0, sizeof(rig_boot));
	memset(&rig_manifest, 0, sizeof(rig_manifest));
	rig_manifest.vm_count = 2;
	rig_manifest.vms[UI] = (struct manifest_vm){
		.name = "ui", .kernel = "vmlinuz", .initrd = "initrd-ui", .memory = 512 * MIB};
	rig_manifest.vms[CONTROL] = (struct manifest_vm){.name = "control",
							 .control = true,
							 .kernel = "vmlinuz-control",
							 .initrd = "initrd-control"};
	rig_set_bios(0);
	rig_add_module("manifest", 0x10000000, 700);
	rig_add_module("vmlinuz", 0x14001000, 8 * MIB + 5);
	rig_add_module("initrd-ui", 0x15001000, 20 * MIB + 17);
	rig_add_module("vmlinuz-control", 0x17000000, 8 * MIB + 5);
	rig_add_module("initrd-control", 0x18000000, 30 * MIB + 3);
	rig_input = (struct layout_input){
		.boot = &rig_boot,
		.manifest = &rig_manifest,
		.image = {0x200000, 0x80000},
		.keep = keep,
		.keep_count = ARRAY_LENGTH(keep),
		.devices = devices,
		.device_count = ARRAY_LENGTH(devices),
		.tables = tables,
		.table_count = ARRAY_LENGTH(tables),
		.mmio_start = 0x80000000,
	};
	for (size_t i = 0; i < 2; i++)
		rig_input.needs[i] = (struct layout_need){.init_size = 50 * MIB,
							  .alignment = 2 * MIB,
							  .preferred = 16 * MIB,
							  .boot_data = 25 * PAGE_SIZE};
	return 0;
}

bool rig_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a_size && b_size && a < b + b_size && b < a + a_size;
}

bool rig_is_all(const struct boot_range *ranges, size_t count, uint64_t start, uint64_t size,
		uint32_t type)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t end = ranges[i].start + ranges[i].size;

		if (ranges[i].type == type && start >= ranges[i].start && start < end) {
			if (size <= end - start)
				return true;
			size -= end - start;
			start = end;
		}
	}
	return false;
}

static bool is_usable(uint64_t start, uint64_t size)
{
	return rig_is_all(rig_boot.ranges, rig_boot.range_count, start, size, 1);
}

static bool in_set(const struct range_set *set, uint64_t start, uint64_t size)
{
	for (size_t i = 0; i < set->count; i++)
		if (start >= set->ranges[i].start &&
		    start + size <= set->ranges[i].start + set->ranges[i].size)
			return true;
	return false;
}

static const struct boot_module *module_of(const char *name)
{
	for (size_t i = 0; i < rig_boot.module_count; i++)
		if (!strcmp(rig_boot.modules[i].name, name))
			return &rig_boot.modules[i];
	return NULL;
}

static void check_disjoint(const struct range *all, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++)
			assert_false(
				rig_overlap(all[i].start, all[i].size, all[j].start, all[j].size));
}

static void check_owners_are_disjoint(void)
{
	const struct range_set *sets[] = {&rig_layout.core, &rig_layout.vm_ram[0],
					  &rig_layout.vm_ram[1]};
	static struct range all[4 * RANGE_SET_MAX + LAYOUT_MAX_MAPS];
	size_t count = 0;

	for (size_t s = 0; s < 3; s++)
		for (size_t i = 0; i < sets[s]->count; i++)
			all[count++] = sets[s]->ranges[i];
	for (size_t i = 0; i < rig_layout.vms[CONTROL].map_count; i++)
		if (rig_layout.vms[CONTROL].maps[i].firmware)
			all[count++] =
				(struct range){hpa_value(rig_layout.vms[CONTROL].maps[i].target),
					       rig_layout.vms[CONTROL].maps[i].size};
	check_disjoint(all, count);
	/* RAM that is given out is RAM, and is page-aligned; so are firmware ranges. */
	for (size_t v = 0; v < 2; v++)
		for (size_t i = 0; i < rig_layout.vm_ram[v].count; i++)
			assert_true(is_usable(rig_layout.vm_ram[v].ranges[i].start,
					      rig_layout.vm_ram[v].ranges[i].size));
	for (size_t i = 0; i < count; i++)
		assert_true(all[i].start % PAGE_SIZE == 0 && all[i].size % PAGE_SIZE == 0);
	assert_true(is_usable(hpa_value(rig_layout.pool), rig_layout.pool_size));
	assert_true(in_set(&rig_layout.core, hpa_value(rig_layout.pool), rig_layout.pool_size));
	assert_int_equal(hpa_value(rig_layout.pool) % (2 * MIB), 0);
	assert_true(in_set(&rig_layout.core, rig_input.image.start, rig_input.image.size));
	for (size_t i = 0; i < rig_input.keep_count; i++)
		assert_true(
			in_set(&rig_layout.core, rig_input.keep[i].start, rig_input.keep[i].size));
}

/* All usable RAM is somebody's. */
static void check_nothing_is_lost(void)
{
	uint64_t total = 0, given = range_set_size(&rig_layout.vm_ram[0]) +
				    range_set_size(&rig_layout.vm_ram[1]);

	for (size_t i = 0; i < rig_boot.range_count; i++)
		total += rig_boot.ranges[i].type == 1 ? rig_boot.ranges[i].size : 0;
	for (size_t i = 0; i < rig_layout.core.count; i++)
		if (is_usable(rig_layout.core.ranges[i].start, rig_layout.core.ranges[i].size))
			given += rig_layout.core.ranges[i].size;
	given += hpa_value(rig_layout.roms) != 0 ? 128 * KIB : 0;
	assert_int_equal(given, total);
}

static void check_maps(size_t vm)
{
	const struct layout_vm *v = &rig_layout.vms[vm];

	for (size_t i = 0; i < v->map_count; i++) {
		const struct layout_map *map = &v->maps[i];
		uint64_t target = hpa_value(map->target);

		assert_true(map->size != 0);
		for (size_t j = i + 1; j < v->map_count; j++)
			assert_false(rig_overlap(gpa_value(map->start), map->size,
						 gpa_value(v->maps[j].start), v->maps[j].size));
		if (!map->firmware) {
			assert_true(in_set(&rig_layout.vm_ram[vm], target, map->size));
			assert_int_equal(map->flags, MAP_READ | MAP_WRITE | MAP_EXECUTE);
			continue;
		}
		assert_int_equal(vm, CONTROL);
		assert_false(map->flags & MAP_EXECUTE);
		for (size_t d = 0; d < rig_input.device_count; d++)
			assert_false(rig_overlap(target, map->size, rig_input.devices[d].start,
						 rig_input.devices[d].size));
	}
	if (vm == CONTROL || rig_input.identity)
		for (size_t i = 0; i < v->map_count; i++)
			if (gpa_value(v->maps[i].start) >= MIB)
				assert_int_equal(gpa_value(v->maps[i].start),
						 hpa_value(v->maps[i].target));
}

/* Every page the VM's kernel takes for RAM is mapped for all that RAM is for. */
static void check_e820(size_t vm)
{
	const struct layout_vm *v = &rig_layout.vms[vm];
	uint64_t end = 0, ram = 0;

	assert_true(v->range_count > 0 && v->range_count <= LAYOUT_MAX_RANGES);
	for (size_t i = 0; i < v->range_count; i++) {
		const struct boot_range *range = &v->ranges[i];
		uint64_t mapped = 0;

		assert_true(range->start >= end && range->size != 0);
		end = range->start + range->size;
		for (size_t j = 0; j < v->map_count; j++) {
			uint64_t a = gpa_value(v->maps[j].start), b = a + v->maps[j].size;

			a = a > range->start ? a : range->start;
			b = b < end ? b : end;
			if (a < b && !v->maps[j].firmware)
				mapped += b - a;
		}
		if (range->type == 1)
			assert_int_equal(mapped, range->size);
		if (range->type == 1)
			ram += range->size;
	}
	assert_int_equal(ram + align_up(rig_input.needs[vm].boot_data, PAGE_SIZE), v->ram);
}

static void check_places(size_t vm)
{
	const struct layout_vm *v = &rig_layout.vms[vm];
	const struct boot_module *initrd = module_of(rig_manifest.vms[vm].initrd);
	const struct layout_need *need = &rig_input.needs[vm];
	uint64_t kernel = gpa_value(v->kernel), data = gpa_value(v->boot_data);
	const struct range all[] = {{kernel, need->init_size},
				    {data, need->boot_data},
				    {gpa_value(v->initrd), initrd ? initrd->size : 0}};

	check_disjoint(all, 3);
	assert_true(rig_is_all(v->ranges, v->range_count, kernel, need->init_size, 1));
	assert_true(rig_is_all(v->ranges, v->range_count, data, need->boot_data, 3));
	assert_true(kernel >= MIB && kernel % need->alignment == 0);
	assert_true(kernel + need->init_size <= 4 * GIB && data + need->boot_data <= 4 * GIB);
	if (initrd) {
		assert_true(rig_is_all(v->ranges, v->range_count, gpa_value(v->initrd),
				       initrd->size, 1));
		assert_int_equal(gpa_value(v->initrd) % PAGE_SIZE, 0);
	}
	/* What is read while it is written lies elsewhere. */
	for (size_t m = 0; vm == CONTROL && m < rig_boot.module_count; m++) {
		const struct boot_module *module = &rig_boot.modules[m];

		for (size_t i = 0; i < 3; i++)
			if (i != 2 || !v->initrd_in_place)
				assert_false(rig_overlap(all[i].start, all[i].size, module->start,
							 module->size));
	}
	if (v->initrd_in_place) {
		assert_non_null(initrd);
		assert_int_equal(gpa_value(v->initrd), initrd->start);
	}
}

void rig_check_all(void)
{
	const struct boot_module *module = module_of("initrd-control");

	/* The control VM's kernel has room to live. */
	assert_true(rig_layout.vms[CONTROL].ram >=
		    64 * MIB + rig_input.needs[CONTROL].init_size + (module ? module->size : 0));

	check_owners_are_disjoint();
	check_nothing_is_lost();
	for (size_t vm = 0; vm < 2; vm++) {
		check_maps(vm);
		check_e820(vm);
		check_places(vm);
	}
	module = module_of("vmlinuz");
	assert_true(in_set(&rig_layout.core, module->start, module->size));
	module = module_of("initrd-ui");
	assert_true(in_set(&rig_layout.core, module->start, module->size));
	assert_int_equal(range_set_size(&rig_layout.vm_ram[UI]),
			 rig_manifest.vms[UI].memory + (rig_input.identity ? MIB : 0));
}

void rig_decide(void)
{
	assert_int_equal(layout_decide(&rig_input, &rig_layout), 0);
	rig_check_all();
}
