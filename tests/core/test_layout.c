/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who gets which memory, on maps of real machines and on bad ones: everything where it is expected,
 * a plain answer where memory is short, and the owners and mappings that come of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "layout-rig.h"
#include "lib/errno.h"
#include "memory/frame.h"
#include "stub.h"

static void assert_control_sees_nothing_at(uint64_t start, uint64_t size)
{
	const struct layout_vm *control = &rig_layout.vms[CONTROL];

	for (size_t i = 0; i < control->map_count; i++)
		assert_false(rig_overlap(gpa_value(control->maps[i].start), control->maps[i].size,
					 start, size));
}

/* ---- real machines ---- */

static void two_gib_bios(void **state)
{
	(void)state;
	rig_decide();
	assert_int_equal(gpa_value(rig_layout.vms[UI].kernel), 16 * MIB);
	assert_true(rig_layout.vms[CONTROL].initrd_in_place);
	assert_int_equal(rig_layout.pool_size, 16 * MIB); /* 4 + 2 * 2 + 2 * 4 */
	/* The control VM finds the ACPI tables in what the map calls reserved. */
	for (size_t i = 0; i < rig_layout.vms[CONTROL].map_count; i++)
		if (gpa_value(rig_layout.vms[CONTROL].maps[i].start) == 0x7ffe1000)
			return;
	fail();
}

static void large_machines_give_the_ui_vm_high_memory(void **state)
{
	(void)state;
	rig_set_bios(2 * GIB);
	rig_decide();
	assert_int_equal(hpa_value(rig_layout.ui_ram), 6 * GIB - 512 * MIB);
	rig_manifest.vms[UI].memory = GIB;
	rig_set_bios(6 * GIB - 64 * MIB);
	rig_decide();
	assert_int_equal(hpa_value(rig_layout.ui_ram), 8 * GIB);
	assert_true(hpa_value(rig_layout.pool) + rig_layout.pool_size <= 4 * GIB);
	assert_int_equal(gpa_value(rig_layout.vms[CONTROL].kernel), 16 * MIB);
}

static void ovmf(void **state)
{
	(void)state;
	rig_set_ovmf(2 * GIB);
	rig_decide();
	/* ACPI memory keeps its types. */
	assert_true(rig_is_all(rig_layout.vms[CONTROL].ranges, rig_layout.vms[CONTROL].range_count,
			       0x7db6d000, 0x12000, 3));
	assert_true(rig_is_all(rig_layout.vms[CONTROL].ranges, rig_layout.vms[CONTROL].range_count,
			       0x811000, 0xef000, 4));
	/* The last reserved range is above all RAM: SMM's, a GPU's. The tables are not in it here.
	 */
	rig_input.table_count = 0;
	rig_decide();
	assert_control_sees_nothing_at(0x7ff00000, 0x100000);
}

static void a_ui_vm_larger_than_the_hole_goes_on_above(void **state)
{
	const struct layout_vm *ui = &rig_layout.vms[UI];

	(void)state;
	rig_set_bios(14 * GIB);
	rig_manifest.vms[UI].memory = 3 * GIB;
	rig_decide();
	assert_true(rig_is_all(ui->ranges, ui->range_count, 4 * GIB, GIB, 1));
	assert_false(rig_is_all(ui->ranges, ui->range_count, 0x80000000, PAGE_SIZE, 1));
	rig_input.mmio_start = 0x7ffdf000;
	rig_decide();
}

static void without_an_iommu_the_ui_vm_is_where_its_devices_see_it(void **state)
{
	const struct layout_vm *ui = &rig_layout.vms[UI];

	(void)state;
	rig_input.identity = true;
	rig_decide();
	rig_set_bios(6 * GIB);
	rig_decide();
	assert_true(hpa_value(rig_layout.ui_ram) + rig_layout.ui_ram_size <= 4 * GIB);
	assert_true(rig_is_all(ui->ranges, ui->range_count, 0, 0xa0000, 1));
	assert_true(rig_is_all(ui->ranges, ui->range_count, 4 * GIB, 6 * GIB, 2));
	rig_set_ovmf(6 * GIB);
	rig_decide();
	rig_manifest.vms[UI].memory = 3 * GIB;
	assert_int_equal(layout_decide(&rig_input, &rig_layout), -ENOMEM);
}

static void the_order_of_the_manifest_does_not_matter(void **state)
{
	struct manifest_vm first = rig_manifest.vms[0];

	(void)state;
	rig_manifest.vms[0] = rig_manifest.vms[1];
	rig_manifest.vms[1] = first;
	assert_int_equal(layout_decide(&rig_input, &rig_layout), 0);
	assert_int_equal(range_set_size(&rig_layout.vm_ram[1]), 512 * MIB);
	assert_int_equal(hpa_value(rig_layout.vms[0].maps[0].target), 0);
}

/* ---- less pleasant ones ---- */

static void too_little_memory_says_how_much(void **state)
{
	uint64_t missing;

	(void)state;
	rig_manifest.vms[UI].memory = 4 * GIB;
	assert_int_equal(layout_decide(&rig_input, &rig_layout), -ENOMEM);
	assert_int_equal(rig_layout.reason, REASON_MEMORY_TOO_SMALL);
	assert_string_equal(rig_layout.problem, "ui");
	missing = align_up(rig_layout.missing, 2 * MIB);
	assert_true(missing > 0);
	/* It is the truth: with that much less it works, or the control VM is next to complain. */
	rig_manifest.vms[UI].memory -= missing;
	if (layout_decide(&rig_input, &rig_layout) != 0)
		assert_string_equal(rig_layout.problem, "control");
	rig_manifest.vms[UI].memory -= rig_layout.missing;
	rig_manifest.vms[UI].memory = align_down(rig_manifest.vms[UI].memory, 2 * MIB);
	rig_decide();

	rig_manifest.vms[UI].memory = 16 * MIB;
	assert_int_equal(layout_decide(&rig_input, &rig_layout), -ENOMEM);
	assert_string_equal(rig_layout.problem, "ui");
	for (uint64_t bad = 0; bad < 2 * MIB; bad += 512 * KIB) {
		rig_manifest.vms[UI].memory = bad;
		assert_int_equal(layout_decide(&rig_input, &rig_layout), -ENOMEM);
	}
	rig_manifest.vms[UI].memory = 0 - 2 * MIB;
	assert_int_equal(layout_decide(&rig_input, &rig_layout), -ENOMEM);

	/* Step by step to where the control VM has too little. */
	rig_setup(NULL);
	for (size_t i = 0; i < rig_boot.module_count; i++)
		rig_boot.modules[i].start = i == 0 ? 64 * MIB
						   : align_up(rig_boot.modules[i - 1].start +
								      rig_boot.modules[i - 1].size,
							      PAGE_SIZE);
	rig_manifest.vms[UI].memory = 128 * MIB;
	for (rig_boot.ranges[3].size = GIB; layout_decide(&rig_input, &rig_layout) == 0;
	     rig_boot.ranges[3].size -= MIB)
		rig_check_all();
	assert_string_equal(rig_layout.problem, "control");

	rig_setup(NULL);
	rig_boot.ranges[3].size = 128 * MIB; /* the initrd is outside */
	assert_int_equal(layout_decide(&rig_input, &rig_layout), -EBADMSG);
	rig_boot.ranges[3].size = 500 * MIB;
	assert_int_equal(layout_decide(&rig_input, &rig_layout), -ENOMEM);
}

static void modules_must_be_there_and_in_ram(void **state)
{
	(void)state;
	rig_boot.modules[2].name[0] = 'x';
	assert_int_equal(layout_decide(&rig_input, &rig_layout), -ENOENT);
	assert_int_equal(rig_layout.reason, REASON_MODULE_MISSING);
	assert_string_equal(rig_layout.problem, "initrd-ui");
	rig_setup(NULL);
	rig_boot.modules[0].start = 0xb0000000;
	assert_int_equal(layout_decide(&rig_input, &rig_layout), -EBADMSG);
	rig_setup(NULL);
	rig_boot.modules[0].start = 0x200000; /* on the image */
	assert_int_equal(layout_decide(&rig_input, &rig_layout), -EBADMSG);
	rig_setup(NULL);
	rig_boot.modules[0].start = 0x8f00; /* reaches into a kept page... */
	rig_boot.modules[0].size = 0x10;    /* ...but no: it is in it */
	assert_int_equal(layout_decide(&rig_input, &rig_layout), -EBADMSG);
	rig_setup(NULL);
	rig_input.image.start = 0x90000000;
	assert_int_equal(layout_decide(&rig_input, &rig_layout), -EBADMSG);
}

static void an_initrd_that_shares_a_page_with_the_cores_is_copied(void **state)
{
	(void)state;
	rig_boot.modules[4].start =
		align_up(rig_boot.modules[2].start + rig_boot.modules[2].size, 16);
	rig_boot.modules[4].size = 3 * MIB;
	rig_decide();
	assert_false(rig_layout.vms[CONTROL].initrd_in_place);
	/* The other way round: its end is where the core's begins. */
	rig_setup(NULL);
	rig_boot.modules[4].start = 0x13000000;
	rig_boot.modules[4].size = 0x14001000 - 0x13000000 + 8;
	rig_boot.modules[1].start += 16;
	rig_decide();
	assert_false(rig_layout.vms[CONTROL].initrd_in_place);
	rig_setup(NULL);
	rig_boot.modules[4].start += 8;
	rig_decide();
	assert_false(rig_layout.vms[CONTROL].initrd_in_place);
}

static void a_kernel_goes_elsewhere_when_its_place_is_taken(void **state)
{
	(void)state;
	rig_boot.modules[1].start = 0x2000000;
	rig_decide();
	assert_int_not_equal(gpa_value(rig_layout.vms[CONTROL].kernel), 16 * MIB);
	rig_input.needs[CONTROL].alignment = 16 * MIB;
	rig_decide();
}

static void memory_in_small_pieces(void **state)
{
	size_t n = 0;

	(void)state;
	/* A usable MiB, a reserved page, and so on, behind 1 GiB that is in one piece. */
	rig_boot.range_count = 0;
	rig_boot.ranges[n++] = (struct boot_range){0, 0xa0000, 1};
	rig_boot.ranges[n++] = (struct boot_range){0x100000, 0x40000000, 1};
	for (uint64_t at = 0x40200000; n + 2 <= 100; at += MIB) {
		rig_boot.ranges[n++] = (struct boot_range){at, PAGE_SIZE, 2};
		rig_boot.ranges[n++] = (struct boot_range){at + PAGE_SIZE, MIB - PAGE_SIZE, 1};
	}
	rig_boot.range_count = n;
	rig_decide();
	/* Worse: more than the tables can say. An error, not a wrong layout. */
	for (uint64_t at = 0x60000000; n + 2 <= BOOT_MAX_RANGES; at += MIB) {
		rig_boot.ranges[n++] = (struct boot_range){at, PAGE_SIZE, 3};
		rig_boot.ranges[n++] =
			(struct boot_range){at + 2 * PAGE_SIZE, MIB - 2 * PAGE_SIZE, 1};
	}
	rig_boot.range_count = n;
	if (layout_decide(&rig_input, &rig_layout) == 0)
		rig_check_all();
	else
		assert_int_equal(rig_layout.reason, REASON_BOOT_INFO_BROKEN);
}

static void vga_and_option_roms_are_nobodys(void **state)
{
	(void)state;
	rig_boot.ranges[2] = (struct boot_range){0xa0000, 0x60000, 2};
	rig_decide();
	assert_control_sees_nothing_at(0xa0000, 0x20000);
	/* Zeros are read there; but not where the map says that RAM is. */
	assert_true(hpa_value(rig_layout.roms) != 0);
	rig_boot.ranges[2] = (struct boot_range){0xc0000, 0x1000, 1};
	rig_decide();
	assert_true(hpa_value(rig_layout.roms) == 0);
}

static void a_table_with_a_wild_length_maps_no_holes(void **state)
{
	const struct range wild = {0x7ffe0000, 0x80000000};

	(void)state;
	rig_input.tables = &wild;
	rig_input.table_count = 1;
	rig_decide();
	assert_control_sees_nothing_at(0x80000000, 0x30000000);
}

/* ---- applied ---- */

static void applied_it_is_owned_and_mapped_as_decided(void **state)
{
	const unsigned rwx = MAP_READ | MAP_WRITE | MAP_EXECUTE;
	struct space ui = {.flush = NULL}, control = {.flush = NULL}, dma = {.flush = NULL};
	unsigned flags;
	hpa_t target;

	(void)state;
	rig_set_ovmf(6 * GIB);
	rig_input.tables = NULL;
	rig_input.table_count = 0;
	rig_decide();
	stub_ram_init(hpa_value(rig_layout.roms), hpa_value(rig_layout.pool) +
							  rig_layout.pool_size -
							  hpa_value(rig_layout.roms));
	memset(frame_virt(rig_layout.roms), 0xa5, 4);
	layout_apply(&rig_layout);
	assert_int_equal(owner_of(rig_layout.pool), OWNER_CORE);
	assert_int_equal(owner_of(rig_layout.ui_ram), OWNER_VM_FIRST + UI);
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
	assert_int_equal(layout_map(&rig_layout.vms[UI], &ui, false), 0);
	assert_int_equal(layout_map(&rig_layout.vms[CONTROL], &control, false), 0);
	assert_int_equal(layout_map(&rig_layout.vms[CONTROL], &dma, true), 0);

	assert_int_equal(space_look_up(&ui, gpa(0x12345678), &target, &flags), 0);
	assert_int_equal(hpa_value(target), hpa_value(rig_layout.ui_ram) + 0x12345678);
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
	assert_int_equal(space_look_up(&control, gpa(0xc0000), &target, &flags), 0);
	assert_int_equal(flags, MAP_READ);
	assert_true(hpa_value(target) == hpa_value(rig_layout.roms));
	assert_int_equal(*(uint32_t *)frame_virt(target), 0);
	assert_int_equal(space_look_up(&control, gpa(0xe0000 - 1), &target, &flags), 0);
	assert_int_equal(owner_of(target), OWNER_VM_FIRST + CONTROL);
	assert_int_equal(space_look_up(&control, gpa(hpa_value(rig_layout.roms)), NULL, NULL),
			 -ENOENT);
	assert_int_equal(space_look_up(&dma, gpa(0x7db6d000), NULL, NULL), -ENOENT);
	assert_int_equal(space_look_up(&dma, gpa(0x9000), NULL, NULL), 0);
	/* Large pages: a machine of 8 GiB takes few tables. */
	assert_in_range(frame_used(), 10, 80);
	stub_ram_finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(two_gib_bios, rig_setup),
		cmocka_unit_test_setup(large_machines_give_the_ui_vm_high_memory, rig_setup),
		cmocka_unit_test_setup(ovmf, rig_setup),
		cmocka_unit_test_setup(a_ui_vm_larger_than_the_hole_goes_on_above, rig_setup),
		cmocka_unit_test_setup(without_an_iommu_the_ui_vm_is_where_its_devices_see_it,
				       rig_setup),
		cmocka_unit_test_setup(the_order_of_the_manifest_does_not_matter, rig_setup),
		cmocka_unit_test_setup(too_little_memory_says_how_much, rig_setup),
		cmocka_unit_test_setup(modules_must_be_there_and_in_ram, rig_setup),
		cmocka_unit_test_setup(an_initrd_that_shares_a_page_with_the_cores_is_copied,
				       rig_setup),
		cmocka_unit_test_setup(a_kernel_goes_elsewhere_when_its_place_is_taken, rig_setup),
		cmocka_unit_test_setup(memory_in_small_pieces, rig_setup),
		cmocka_unit_test_setup(vga_and_option_roms_are_nobodys, rig_setup),
		cmocka_unit_test_setup(a_table_with_a_wild_length_maps_no_holes, rig_setup),
		cmocka_unit_test_setup(applied_it_is_owned_and_mapped_as_decided, rig_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
