/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who gets which memory, on maps of real machines and on bad ones: nothing twice, nothing outside
 * of RAM, everything a kernel needs in place, and a plain answer where memory is short.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/errno.h"
#include "memory/frame.h"
#include "memory/layout.h"
#include "stub.h"

#define UI	0
#define CONTROL 1

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

static struct boot_info boot;
static struct manifest manifest;
static struct layout_input input;
static struct memory_layout layout;
static const struct range keep[] = {{0x8000, 0x1000}, {0x9e000, 0x1000}};
static const struct range devices[] = {{0xb0000000, 256 * MIB}, {0xfee00000, 0x1000}};
static const struct range tables[] = {{0x7ffe1234, 0x9000}, {0x7fffff00, 0x100}};

static void set_map(const struct boot_range *ranges, size_t count, uint64_t above)
{
	memcpy(boot.ranges, ranges, count * sizeof(ranges[0]));
	boot.range_count = count;
	if (above)
		boot.ranges[boot.range_count++] = (struct boot_range){4 * GIB, above, 1};
}

static void add_module(const char *name, uint64_t start, uint64_t size)
{
	struct boot_module *module = &boot.modules[boot.module_count++];

	snprintf(module->name, sizeof(module->name), "%s", name);
	module->start = start;
	module->size = size;
}

static int setup(void **state)
{
	(void)state;
	memset(&boot, 0, sizeof(boot));
	memset(&manifest, 0, sizeof(manifest));
	manifest.vm_count = 2;
	manifest.vms[UI] = (struct manifest_vm){
		.name = "ui", .kernel = "vmlinuz", .initrd = "initrd-ui", .memory = 512 * MIB};
	manifest.vms[CONTROL] = (struct manifest_vm){.name = "control",
						     .control = true,
						     .kernel = "vmlinuz-control",
						     .initrd = "initrd-control"};
	set_map(bios_low, ARRAY_LENGTH(bios_low), 0);
	add_module("manifest", 0x10000000, 700);
	add_module("vmlinuz", 0x14001000, 8 * MIB + 5);
	add_module("initrd-ui", 0x15001000, 20 * MIB + 17);
	add_module("vmlinuz-control", 0x17000000, 8 * MIB + 5);
	add_module("initrd-control", 0x18000000, 30 * MIB + 3);
	input = (struct layout_input){
		.boot = &boot,
		.manifest = &manifest,
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
		input.needs[i] = (struct layout_need){.init_size = 50 * MIB,
						      .alignment = 2 * MIB,
						      .preferred = 16 * MIB,
						      .boot_data = 25 * PAGE_SIZE};
	return 0;
}

/* ---- what must always hold ---- */

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a_size && b_size && a < b + b_size && b < a + a_size;
}

/* 1: all of the range is of this type in a list of ranges. */
static bool is_all(const struct boot_range *ranges, size_t count, uint64_t start, uint64_t size,
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
	return is_all(boot.ranges, boot.range_count, start, size, 1);
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
	for (size_t i = 0; i < boot.module_count; i++)
		if (!strcmp(boot.modules[i].name, name))
			return &boot.modules[i];
	return NULL;
}

static void check_disjoint(const struct range *all, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++)
			assert_false(overlap(all[i].start, all[i].size, all[j].start, all[j].size));
}

static void check_owners_are_disjoint(void)
{
	const struct range_set *sets[] = {&layout.core, &layout.vm_ram[0], &layout.vm_ram[1]};
	static struct range all[4 * RANGE_SET_MAX + LAYOUT_MAX_MAPS];
	size_t count = 0;

	for (size_t s = 0; s < 3; s++)
		for (size_t i = 0; i < sets[s]->count; i++)
			all[count++] = sets[s]->ranges[i];
	for (size_t i = 0; i < layout.vms[CONTROL].map_count; i++)
		if (layout.vms[CONTROL].maps[i].firmware)
			all[count++] = (struct range){hpa_value(layout.vms[CONTROL].maps[i].target),
						      layout.vms[CONTROL].maps[i].size};
	check_disjoint(all, count);
	/* RAM that is given out is RAM, and is page-aligned; so are firmware ranges. */
	for (size_t v = 0; v < 2; v++)
		for (size_t i = 0; i < layout.vm_ram[v].count; i++)
			assert_true(is_usable(layout.vm_ram[v].ranges[i].start,
					      layout.vm_ram[v].ranges[i].size));
	for (size_t i = 0; i < count; i++)
		assert_true(all[i].start % PAGE_SIZE == 0 && all[i].size % PAGE_SIZE == 0);
	assert_true(is_usable(hpa_value(layout.pool), layout.pool_size));
	assert_true(in_set(&layout.core, hpa_value(layout.pool), layout.pool_size));
	assert_int_equal(hpa_value(layout.pool) % (2 * MIB), 0);
	assert_true(in_set(&layout.core, input.image.start, input.image.size));
	for (size_t i = 0; i < input.keep_count; i++)
		assert_true(in_set(&layout.core, input.keep[i].start, input.keep[i].size));
}

/* All usable RAM is somebody's. */
static void check_nothing_is_lost(void)
{
	uint64_t total = 0,
		 given = range_set_size(&layout.vm_ram[0]) + range_set_size(&layout.vm_ram[1]);

	for (size_t i = 0; i < boot.range_count; i++)
		total += boot.ranges[i].type == 1 ? boot.ranges[i].size : 0;
	for (size_t i = 0; i < layout.core.count; i++)
		if (is_usable(layout.core.ranges[i].start, layout.core.ranges[i].size))
			given += layout.core.ranges[i].size;
	assert_int_equal(given, total);
}

static void check_maps(size_t vm)
{
	const struct layout_vm *v = &layout.vms[vm];

	for (size_t i = 0; i < v->map_count; i++) {
		const struct layout_map *map = &v->maps[i];
		uint64_t target = hpa_value(map->target);

		assert_true(map->size != 0);
		for (size_t j = i + 1; j < v->map_count; j++)
			assert_false(overlap(gpa_value(map->start), map->size,
					     gpa_value(v->maps[j].start), v->maps[j].size));
		if (!map->firmware) {
			assert_true(in_set(&layout.vm_ram[vm], target, map->size));
			assert_int_equal(map->flags, MAP_READ | MAP_WRITE | MAP_EXECUTE);
			continue;
		}
		assert_int_equal(vm, CONTROL);
		assert_false(map->flags & MAP_EXECUTE);
		for (size_t d = 0; d < input.device_count; d++)
			assert_false(overlap(target, map->size, input.devices[d].start,
					     input.devices[d].size));
	}
	if (vm == CONTROL || input.identity)
		for (size_t i = 0; i < v->map_count; i++)
			if (gpa_value(v->maps[i].start) >= MIB)
				assert_int_equal(gpa_value(v->maps[i].start),
						 hpa_value(v->maps[i].target));
}

/* Every page the VM's kernel takes for RAM is mapped for all that RAM is for. */
static void check_e820(size_t vm)
{
	const struct layout_vm *v = &layout.vms[vm];
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
	assert_int_equal(ram + align_up(input.needs[vm].boot_data, PAGE_SIZE), v->ram);
}

static void check_places(size_t vm)
{
	const struct layout_vm *v = &layout.vms[vm];
	const struct boot_module *initrd = module_of(manifest.vms[vm].initrd);
	const struct layout_need *need = &input.needs[vm];
	uint64_t kernel = gpa_value(v->kernel), data = gpa_value(v->boot_data);
	const struct range all[] = {{kernel, need->init_size},
				    {data, need->boot_data},
				    {gpa_value(v->initrd), initrd ? initrd->size : 0}};

	check_disjoint(all, 3);
	assert_true(is_all(v->ranges, v->range_count, kernel, need->init_size, 1));
	assert_true(is_all(v->ranges, v->range_count, data, need->boot_data, 3));
	assert_true(kernel >= MIB && kernel % need->alignment == 0);
	assert_true(kernel + need->init_size <= 4 * GIB && data + need->boot_data <= 4 * GIB);
	if (initrd) {
		assert_true(
			is_all(v->ranges, v->range_count, gpa_value(v->initrd), initrd->size, 1));
		assert_int_equal(gpa_value(v->initrd) % PAGE_SIZE, 0);
	}
	/* What is read while it is written lies elsewhere. */
	for (size_t m = 0; vm == CONTROL && m < boot.module_count; m++) {
		const struct boot_module *module = &boot.modules[m];

		for (size_t i = 0; i < 3; i++)
			if (i != 2 || !v->initrd_in_place)
				assert_false(overlap(all[i].start, all[i].size, module->start,
						     module->size));
	}
	if (v->initrd_in_place) {
		assert_non_null(initrd);
		assert_int_equal(gpa_value(v->initrd), initrd->start);
	}
}

static void check_all(void)
{
	const struct boot_module *module = module_of("initrd-control");

	/* The control VM's kernel has room to live. */
	assert_true(layout.vms[CONTROL].ram >=
		    64 * MIB + input.needs[CONTROL].init_size + (module ? module->size : 0));

	check_owners_are_disjoint();
	check_nothing_is_lost();
	for (size_t vm = 0; vm < 2; vm++) {
		check_maps(vm);
		check_e820(vm);
		check_places(vm);
	}
	module = module_of("vmlinuz");
	assert_true(in_set(&layout.core, module->start, module->size));
	module = module_of("initrd-ui");
	assert_true(in_set(&layout.core, module->start, module->size));
	assert_int_equal(range_set_size(&layout.vm_ram[UI]),
			 manifest.vms[UI].memory + (input.identity ? MIB : 0));
}

static void decide(void)
{
	assert_int_equal(layout_decide(&input, &layout), 0);
	check_all();
}

/* ---- real machines ---- */

static void two_gib_bios(void **state)
{
	(void)state;
	decide();
	assert_int_equal(gpa_value(layout.vms[UI].kernel), 16 * MIB);
	assert_true(layout.vms[CONTROL].initrd_in_place);
	assert_int_equal(layout.pool_size, 16 * MIB); /* 4 + 2 * 2 + 2 * 4 */
	/* The control VM finds the ACPI tables in what the map calls reserved. */
	for (size_t i = 0; i < layout.vms[CONTROL].map_count; i++)
		if (gpa_value(layout.vms[CONTROL].maps[i].start) == 0x7ffe1000)
			return;
	fail();
}

static void large_machines_give_the_ui_vm_high_memory(void **state)
{
	(void)state;
	set_map(bios_low, ARRAY_LENGTH(bios_low), 2 * GIB);
	decide();
	assert_int_equal(hpa_value(layout.ui_ram), 6 * GIB - 512 * MIB);
	manifest.vms[UI].memory = GIB;
	set_map(bios_low, ARRAY_LENGTH(bios_low), 6 * GIB - 64 * MIB);
	decide();
	assert_int_equal(hpa_value(layout.ui_ram), 8 * GIB);
	assert_true(hpa_value(layout.pool) + layout.pool_size <= 4 * GIB);
	assert_int_equal(gpa_value(layout.vms[CONTROL].kernel), 16 * MIB);
}

static void ovmf(void **state)
{
	(void)state;
	set_map(ovmf_low, ARRAY_LENGTH(ovmf_low), 2 * GIB);
	decide();
	/* ACPI memory keeps its types. */
	assert_true(is_all(layout.vms[CONTROL].ranges, layout.vms[CONTROL].range_count, 0x7db6d000,
			   0x12000, 3));
	assert_true(is_all(layout.vms[CONTROL].ranges, layout.vms[CONTROL].range_count, 0x811000,
			   0xef000, 4));
	/* The last reserved range is above all RAM: SMM's, a GPU's. The tables are not in it here.
	 */
	input.table_count = 0;
	decide();
	for (size_t i = 0; i < layout.vms[CONTROL].map_count; i++)
		assert_false(overlap(gpa_value(layout.vms[CONTROL].maps[i].start),
				     layout.vms[CONTROL].maps[i].size, 0x7ff00000, 0x100000));
}

static void a_ui_vm_larger_than_the_hole_goes_on_above(void **state)
{
	const struct layout_vm *ui = &layout.vms[UI];

	(void)state;
	set_map(bios_low, ARRAY_LENGTH(bios_low), 14 * GIB);
	manifest.vms[UI].memory = 3 * GIB;
	decide();
	assert_true(is_all(ui->ranges, ui->range_count, 4 * GIB, GIB, 1));
	assert_false(is_all(ui->ranges, ui->range_count, 0x80000000, PAGE_SIZE, 1));
	input.mmio_start = 0x7ffdf000;
	decide();
}

static void without_an_iommu_the_ui_vm_is_where_its_devices_see_it(void **state)
{
	const struct layout_vm *ui = &layout.vms[UI];

	(void)state;
	input.identity = true;
	decide();
	set_map(bios_low, ARRAY_LENGTH(bios_low), 6 * GIB);
	decide();
	assert_true(hpa_value(layout.ui_ram) + layout.ui_ram_size <= 4 * GIB);
	assert_true(is_all(ui->ranges, ui->range_count, 0, 0xa0000, 1));
	assert_true(is_all(ui->ranges, ui->range_count, 4 * GIB, 6 * GIB, 2));
	set_map(ovmf_low, ARRAY_LENGTH(ovmf_low), 6 * GIB);
	decide();
	manifest.vms[UI].memory = 3 * GIB;
	assert_int_equal(layout_decide(&input, &layout), -ENOMEM);
}

static void the_order_of_the_manifest_does_not_matter(void **state)
{
	struct manifest_vm first = manifest.vms[0];

	(void)state;
	manifest.vms[0] = manifest.vms[1];
	manifest.vms[1] = first;
	assert_int_equal(layout_decide(&input, &layout), 0);
	assert_int_equal(range_set_size(&layout.vm_ram[1]), 512 * MIB);
	assert_int_equal(hpa_value(layout.vms[0].maps[0].target), 0);
}

/* ---- less pleasant ones ---- */

static void too_little_memory_says_how_much(void **state)
{
	uint64_t missing;

	(void)state;
	manifest.vms[UI].memory = 4 * GIB;
	assert_int_equal(layout_decide(&input, &layout), -ENOMEM);
	assert_int_equal(layout.reason, REASON_MEMORY_TOO_SMALL);
	assert_string_equal(layout.problem, "ui");
	missing = align_up(layout.missing, 2 * MIB);
	assert_true(missing > 0);
	/* It is the truth: with that much less it works, or the control VM is next to complain. */
	manifest.vms[UI].memory -= missing;
	if (layout_decide(&input, &layout) != 0)
		assert_string_equal(layout.problem, "control");
	manifest.vms[UI].memory -= layout.missing;
	manifest.vms[UI].memory = align_down(manifest.vms[UI].memory, 2 * MIB);
	decide();

	manifest.vms[UI].memory = 16 * MIB;
	assert_int_equal(layout_decide(&input, &layout), -ENOMEM);
	assert_string_equal(layout.problem, "ui");
	for (uint64_t bad = 0; bad < 2 * MIB; bad += 512 * KIB) {
		manifest.vms[UI].memory = bad;
		assert_int_equal(layout_decide(&input, &layout), -ENOMEM);
	}
	manifest.vms[UI].memory = 0 - 2 * MIB;
	assert_int_equal(layout_decide(&input, &layout), -ENOMEM);

	/* Step by step to where the control VM has too little. */
	setup(NULL);
	for (size_t i = 0; i < boot.module_count; i++)
		boot.modules[i].start =
			i == 0 ? 64 * MIB
			       : align_up(boot.modules[i - 1].start + boot.modules[i - 1].size,
					  PAGE_SIZE);
	manifest.vms[UI].memory = 128 * MIB;
	for (boot.ranges[3].size = GIB; layout_decide(&input, &layout) == 0;
	     boot.ranges[3].size -= MIB)
		check_all();
	assert_string_equal(layout.problem, "control");

	setup(NULL);
	boot.ranges[3].size = 128 * MIB; /* the initrd is outside */
	assert_int_equal(layout_decide(&input, &layout), -EBADMSG);
	boot.ranges[3].size = 500 * MIB;
	assert_int_equal(layout_decide(&input, &layout), -ENOMEM);
}

static void modules_must_be_there_and_in_ram(void **state)
{
	(void)state;
	boot.modules[2].name[0] = 'x';
	assert_int_equal(layout_decide(&input, &layout), -ENOENT);
	assert_int_equal(layout.reason, REASON_MODULE_MISSING);
	assert_string_equal(layout.problem, "initrd-ui");
	setup(NULL);
	boot.modules[0].start = 0xb0000000;
	assert_int_equal(layout_decide(&input, &layout), -EBADMSG);
	setup(NULL);
	boot.modules[0].start = 0x200000; /* on the image */
	assert_int_equal(layout_decide(&input, &layout), -EBADMSG);
	setup(NULL);
	boot.modules[0].start = 0x8f00; /* reaches into a kept page... */
	boot.modules[0].size = 0x10;	/* ...but no: it is in it */
	assert_int_equal(layout_decide(&input, &layout), -EBADMSG);
	setup(NULL);
	input.image.start = 0x90000000;
	assert_int_equal(layout_decide(&input, &layout), -EBADMSG);
}

static void an_initrd_that_shares_a_page_with_the_cores_is_copied(void **state)
{
	(void)state;
	boot.modules[4].start = align_up(boot.modules[2].start + boot.modules[2].size, 16);
	boot.modules[4].size = 3 * MIB;
	decide();
	assert_false(layout.vms[CONTROL].initrd_in_place);
	/* The other way round: its end is where the core's begins. */
	setup(NULL);
	boot.modules[4].start = 0x13000000;
	boot.modules[4].size = 0x14001000 - 0x13000000 + 8;
	boot.modules[1].start += 16;
	decide();
	assert_false(layout.vms[CONTROL].initrd_in_place);
	setup(NULL);
	boot.modules[4].start += 8;
	decide();
	assert_false(layout.vms[CONTROL].initrd_in_place);
}

static void a_kernel_goes_elsewhere_when_its_place_is_taken(void **state)
{
	(void)state;
	boot.modules[1].start = 0x2000000;
	decide();
	assert_int_not_equal(gpa_value(layout.vms[CONTROL].kernel), 16 * MIB);
	input.needs[CONTROL].alignment = 16 * MIB;
	decide();
}

static void memory_in_small_pieces(void **state)
{
	size_t n = 0;

	(void)state;
	/* A usable MiB, a reserved page, and so on, behind 1 GiB that is in one piece. */
	boot.range_count = 0;
	boot.ranges[n++] = (struct boot_range){0, 0xa0000, 1};
	boot.ranges[n++] = (struct boot_range){0x100000, 0x40000000, 1};
	for (uint64_t at = 0x40200000; n + 2 <= 100; at += MIB) {
		boot.ranges[n++] = (struct boot_range){at, PAGE_SIZE, 2};
		boot.ranges[n++] = (struct boot_range){at + PAGE_SIZE, MIB - PAGE_SIZE, 1};
	}
	boot.range_count = n;
	decide();
	/* Worse: more than the tables can say. An error, not a wrong layout. */
	for (uint64_t at = 0x60000000; n + 2 <= BOOT_MAX_RANGES; at += MIB) {
		boot.ranges[n++] = (struct boot_range){at, PAGE_SIZE, 3};
		boot.ranges[n++] = (struct boot_range){at + 2 * PAGE_SIZE, MIB - 2 * PAGE_SIZE, 1};
	}
	boot.range_count = n;
	if (layout_decide(&input, &layout) == 0)
		check_all();
	else
		assert_int_equal(layout.reason, REASON_BOOT_INFO_BROKEN);
}

static void vga_and_option_roms_are_nobodys(void **state)
{
	(void)state;
	boot.ranges[2] = (struct boot_range){0xa0000, 0x60000, 2};
	decide();
	for (size_t i = 0; i < layout.vms[CONTROL].map_count; i++)
		assert_false(overlap(gpa_value(layout.vms[CONTROL].maps[i].start),
				     layout.vms[CONTROL].maps[i].size, 0xa0000, 0x40000));
}

static void a_table_with_a_wild_length_maps_no_holes(void **state)
{
	const struct range wild = {0x7ffe0000, 0x80000000};

	(void)state;
	input.tables = &wild;
	input.table_count = 1;
	decide();
	for (size_t i = 0; i < layout.vms[CONTROL].map_count; i++)
		assert_false(overlap(gpa_value(layout.vms[CONTROL].maps[i].start),
				     layout.vms[CONTROL].maps[i].size, 0x80000000, 0x30000000));
}

/* ---- any machine ---- */

static uint64_t random_state;

static uint64_t next_random(uint64_t below)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (z ^ (z >> 31)) % below;
}

/* A place in RAM for something that was loaded; not on what is there. False: not found. */
static bool random_place(uint64_t size, uint64_t align, uint64_t *start)
{
	for (int tries = 0; tries < 50; tries++) {
		const struct boot_range *range = &boot.ranges[next_random(boot.range_count)];
		bool hit = overlap(0, MIB, range->start, 1);

		if (range->type != 1 || range->size <= size || range->start >= 4 * GIB)
			continue;
		*start = align_up(range->start + next_random(range->size - size), align);
		hit = hit || *start + size > range->start + range->size ||
		      overlap(*start, size, input.image.start, input.image.size);
		for (size_t i = 0; i < boot.module_count; i++)
			hit = hit ||
			      overlap(*start, size, boot.modules[i].start, boot.modules[i].size);
		for (size_t i = 0; i < input.keep_count; i++)
			hit = hit || overlap(align_down(*start, PAGE_SIZE), size + PAGE_SIZE,
					     keep[i].start, keep[i].size);
		if (!hit)
			return true;
	}
	return false;
}

static void whatever_the_machine_nothing_is_given_twice(void **state)
{
	static const char *const names[] = {"manifest", "vmlinuz", "initrd-ui", "vmlinuz-control",
					    "initrd-control"};
	unsigned done = 0, refused = 0;

	(void)state;
	for (random_state = 1; done < 3000;) {
		uint64_t at = 0, start;
		bool placed = true;

		setup(NULL);
		boot.range_count = 0;
		boot.module_count = 0;
		input.image = (struct range){0, 0};
		for (size_t n = 1 + next_random(30); n-- > 0;) {
			static const uint64_t scales[] = {PAGE_SIZE, 256 * PAGE_SIZE, 64 * MIB, GIB,
							  GIB};
			uint64_t scale = scales[next_random(5)];
			uint32_t type = (uint32_t)next_random(8);
			uint64_t size = align_up(1 + next_random(2 * scale), PAGE_SIZE);

			if (next_random(3) == 0)
				at += align_down(next_random(scale), PAGE_SIZE);
			type = type > 5 || type == 0 ? 1 : type;
			if (boot.range_count > 0) {
				struct boot_range *last = &boot.ranges[boot.range_count - 1];

				if (last->type == type && last->start + last->size == at)
					at += PAGE_SIZE;
			}
			/* Device memory is where it is on every PC. */
			if (at < 4 * GIB && at + size > 0xb0000000)
				at = 4 * GIB;
			boot.ranges[boot.range_count++] = (struct boot_range){at, size, type};
			at += size;
		}
		placed = random_place(0x80000, 2 * MIB, &start);
		input.image = (struct range){start, 0x80000};
		for (size_t i = 0; i < ARRAY_LENGTH(names) && placed; i++) {
			uint64_t size = next_random(40 * MIB);

			placed = random_place(size, next_random(4) ? PAGE_SIZE : 16, &start);
			add_module(names[i], start, size);
		}
		if (!placed)
			continue;
		manifest.vms[UI].memory = align_up(next_random(2 * GIB) + 1, 2 * MIB);
		input.identity = next_random(3) == 0;
		input.mmio_start = 0x40000000 + next_random(0x70000000);
		input.needs[CONTROL].preferred = next_random(64 * MIB);
		input.needs[UI].preferred = next_random(2) ? 16 * MIB : next_random(GIB);
		done++;
		if (layout_decide(&input, &layout) == 0) {
			check_all();
		} else {
			refused++;
			assert_true(layout.problem && layout.reason);
		}
	}
	assert_true(refused < done - 300); /* it is not all refused */
}

/* ---- applied ---- */

static void applied_it_is_owned_and_mapped_as_decided(void **state)
{
	const unsigned rwx = MAP_READ | MAP_WRITE | MAP_EXECUTE;
	struct space ui = {.flush = NULL}, control = {.flush = NULL}, dma = {.flush = NULL};
	unsigned flags;
	hpa_t target;

	(void)state;
	set_map(ovmf_low, ARRAY_LENGTH(ovmf_low), 6 * GIB);
	input.tables = NULL;
	input.table_count = 0;
	decide();
	stub_ram_init(hpa_value(layout.pool), layout.pool_size);
	layout_apply(&layout);
	assert_int_equal(owner_of(layout.pool), OWNER_CORE);
	assert_int_equal(owner_of(layout.ui_ram), OWNER_VM_FIRST + UI);
	assert_int_equal(owner_of(hpa(0x200000)), OWNER_CORE);
	assert_int_equal(owner_of(hpa(0x8000)), OWNER_CORE);
	assert_int_equal(owner_of(hpa(0x9000)), OWNER_VM_FIRST + CONTROL);
	assert_int_equal(owner_of(hpa(0x7db6d000)), OWNER_VM_FIRST + CONTROL);
	assert_int_equal(owner_of(hpa(0xe0000000)), OWNER_NOBODY);
	assert_int_equal(owner_of(hpa(0xa0000)), OWNER_NOBODY);

	assert_int_equal(space_init(&ui, &table_format_npt, OWNER_VM_FIRST + UI, 4, 30), 0);
	assert_int_equal(space_init(&control, &table_format_npt, OWNER_VM_FIRST + CONTROL, 4, 30),
			 0);
	assert_int_equal(space_init(&dma, &table_format_vtd, OWNER_VM_FIRST + CONTROL, 3, 21), 0);
	assert_int_equal(layout_map(&layout.vms[UI], &ui, false), 0);
	assert_int_equal(layout_map(&layout.vms[CONTROL], &control, false), 0);
	assert_int_equal(layout_map(&layout.vms[CONTROL], &dma, true), 0);

	assert_int_equal(space_look_up(&ui, gpa(0x12345678), &target, &flags), 0);
	assert_int_equal(hpa_value(target), hpa_value(layout.ui_ram) + 0x12345678);
	assert_int_equal(flags, rwx);
	assert_int_equal(space_look_up(&ui, gpa(0xa0000), NULL, NULL), -ENOENT);
	assert_int_equal(space_look_up(&ui, gpa(512 * MIB), NULL, NULL), -ENOENT);
	assert_int_equal(space_look_up(&control, gpa(0x8000), NULL, NULL), -ENOENT);
	assert_int_equal(space_look_up(&control, gpa(0x200000), NULL, NULL), -ENOENT);
	assert_int_equal(space_look_up(&control, gpa(0xe0000000), NULL, NULL), -ENOENT);
	assert_int_equal(space_look_up(&control, gpa(0x9000), &target, &flags), 0);
	assert_int_equal(flags, rwx);
	assert_int_equal(space_look_up(&control, gpa(0x7db6d000), &target, &flags), 0);
	assert_int_equal(flags, MAP_READ | MAP_WRITE);
	assert_int_equal(space_look_up(&control, gpa(0xf1000), &target, &flags), 0);
	assert_int_equal(flags, MAP_READ);
	assert_int_equal(space_look_up(&dma, gpa(0x7db6d000), NULL, NULL), -ENOENT);
	assert_int_equal(space_look_up(&dma, gpa(0x9000), NULL, NULL), 0);
	/* Large pages: a machine of 8 GiB takes few tables. */
	assert_in_range(frame_used(), 10, 80);
	stub_ram_finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(two_gib_bios, setup),
		cmocka_unit_test_setup(large_machines_give_the_ui_vm_high_memory, setup),
		cmocka_unit_test_setup(ovmf, setup),
		cmocka_unit_test_setup(a_ui_vm_larger_than_the_hole_goes_on_above, setup),
		cmocka_unit_test_setup(without_an_iommu_the_ui_vm_is_where_its_devices_see_it,
				       setup),
		cmocka_unit_test_setup(the_order_of_the_manifest_does_not_matter, setup),
		cmocka_unit_test_setup(too_little_memory_says_how_much, setup),
		cmocka_unit_test_setup(modules_must_be_there_and_in_ram, setup),
		cmocka_unit_test_setup(an_initrd_that_shares_a_page_with_the_cores_is_copied,
				       setup),
		cmocka_unit_test_setup(a_kernel_goes_elsewhere_when_its_place_is_taken, setup),
		cmocka_unit_test_setup(memory_in_small_pieces, setup),
		cmocka_unit_test_setup(vga_and_option_roms_are_nobodys, setup),
		cmocka_unit_test_setup(a_table_with_a_wild_length_maps_no_holes, setup),
		cmocka_unit_test_setup(whatever_the_machine_nothing_is_given_twice, setup),
		cmocka_unit_test_setup(applied_it_is_owned_and_mapped_as_decided, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
