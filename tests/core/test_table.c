/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Second-level tables: what hardware finds in them, to the bit, in each format and at any moment;
 * and which mappings are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/errno.h"
#include "memory/frame.h"
#include "table-rig.h"

static void npt_entries_are_the_manuals(void **state)
{
	uint64_t first = 5 * GIB - 2 * MIB - 4 * KIB;

	(void)state;
	/* One page, one 2 MiB page, one 1 GiB page, 2 MiB, a page. */
	assert_int_equal(space_map(&rig_space, gpa(first), hpa(first), 2 * GIB, PAGE_RAM, RWX), 0);
	assert_int_equal(rig_walk(first, 1, NPT_TABLE), first | 0x67);
	assert_int_equal(rig_walk(5 * GIB - 2 * MIB, 2, NPT_TABLE), (5 * GIB - 2 * MIB) | 0xe7);
	assert_int_equal(rig_walk(5 * GIB, 3, NPT_TABLE), 5 * GIB | 0xe7);
	assert_int_equal(rig_walk(6 * GIB, 2, NPT_TABLE), 6 * GIB | 0xe7);
	assert_int_equal(rig_walk(first + 2 * GIB - 4 * KIB, 1, NPT_TABLE),
			 (first + 2 * GIB - 4 * KIB) | 0x67);
	assert_int_equal(rig_walk(first + 2 * GIB, 1, NPT_TABLE), 0);
	/* Read-only and not executable; a device. */
	assert_int_equal(
		space_map(&rig_space, gpa(0x1000), hpa(4 * GIB), 4 * KIB, PAGE_RAM, MAP_READ), 0);
	assert_int_equal(rig_walk(0x1000, 1, NPT_TABLE), 4 * GIB | BIT(63) | 0x65);
	assert_int_equal(space_map(&rig_space, gpa(0x2000), hpa(0xfe000000), 4 * KIB, PAGE_DEVICE,
				   MAP_READ | MAP_WRITE),
			 0);
	assert_int_equal(rig_walk(0x2000, 1, NPT_TABLE), 0xfe000000 | BIT(63) | 0x77);
}

static void a_foreign_page_is_never_mapped(void **state)
{
	size_t used = frame_used();

	(void)state;
	assert_int_equal(space_map(&rig_space, gpa(0), hpa(8 * GIB), 4 * KIB, PAGE_RAM, RWX),
			 -EPERM);
	assert_int_equal(
		space_map(&rig_space, gpa(0), hpa(7 * GIB), 1 * GIB + 4 * KIB, PAGE_RAM, RWX),
		-EPERM);
	assert_int_equal(space_map(&rig_space, gpa(0), hpa(POOL), 4 * KIB, PAGE_RAM, RWX), -EPERM);
	assert_int_equal(space_map(&rig_space, gpa(0), hpa(0xfe000000), 4 * KIB, PAGE_RAM, RWX),
			 -EPERM);
	assert_int_equal(
		space_map(&rig_space, gpa(0), hpa(4 * GIB), 4 * KIB, PAGE_DEVICE, MAP_READ),
		-EPERM);
	assert_int_equal(space_look_up(&rig_space, gpa(0), NULL, NULL), -ENOENT);
	assert_int_equal(frame_used(), used);
}

static void a_range_is_one_piece_or_none(void **state)
{
	hpa_t target;

	(void)state;
	FLUSH_TOKEN(token);
	assert_int_equal(space_map(&rig_space, gpa(1 * GIB), hpa(5 * GIB), 1 * GIB, PAGE_RAM, RWX),
			 0);
	assert_int_equal(space_map(&rig_space, gpa(2 * GIB), hpa(6 * GIB), 4 * KIB, PAGE_RAM, RWX),
			 0);
	assert_int_equal(space_map(&rig_space, gpa(2 * GIB + 4 * KIB), hpa(4 * GIB), 4 * KIB,
				   PAGE_RAM, MAP_READ),
			 0);
#define RANGE(start, size, flags) space_look_up_range(&rig_space, gpa(start), size, &target, flags)
	assert_int_equal(RANGE(1 * GIB + 4 * KIB, 1 * GIB, RWX), 0);
	assert_int_equal(hpa_value(target), 5 * GIB + 4 * KIB);
	assert_int_equal(RANGE(1 * GIB, 1 * GIB + 8 * KIB, MAP_READ), -ENOENT);
	assert_int_equal(RANGE(2 * GIB + 4 * KIB, 4 * KIB, MAP_READ), 0);
	assert_int_equal(RANGE(2 * GIB + 4 * KIB, 4 * KIB, MAP_READ | MAP_WRITE), -ENOENT);
	assert_int_equal(RANGE(2 * GIB + 4 * KIB, 8 * KIB, MAP_READ), -ENOENT);
	assert_int_equal(RANGE(1 * GIB - 4 * KIB, 8 * KIB, MAP_READ), -ENOENT);
	assert_int_equal(RANGE(1 * GIB, 0, MAP_READ), -ENOENT);
	assert_int_equal(RANGE(1 * GIB + 1, 4 * KIB, MAP_READ), -ENOENT);
	assert_int_equal(RANGE(1ULL << 48, 4 * KIB, MAP_READ), -ENOENT);
	space_finish(&rig_space, &token);
	assert_int_equal(space_init(&rig_space, &table_format_npt, VM, 4, 30), 0);
}

#define AMDVI_TABLE (BIT(0) | BIT(61) | BIT(62))
#define AMDVI_LEAF  (BIT(0) | BIT(60) | BIT(61) | BIT(62))

static void amdvi_entries_are_the_manuals(void **state)
{
	uint64_t first = 5 * GIB - 2 * MIB - 4 * KIB;

	(void)state;
	rig_prepare(&table_format_amdvi, 30);
	assert_int_equal(space_map(&rig_space, gpa(first), hpa(first), 2 * GIB, PAGE_RAM, RWX), 0);
	/* walk() checks that tables name the level below; a leaf's next level is 0 at any level. */
	assert_int_equal(rig_walk(first, 1, AMDVI_TABLE), first | AMDVI_LEAF);
	assert_int_equal(rig_walk(5 * GIB - 2 * MIB, 2, AMDVI_TABLE),
			 (5 * GIB - 2 * MIB) | AMDVI_LEAF);
	assert_int_equal(rig_walk(5 * GIB, 3, AMDVI_TABLE), 5 * GIB | AMDVI_LEAF);
	assert_int_equal(
		space_map(&rig_space, gpa(0x1000), hpa(4 * GIB), 4 * KIB, PAGE_RAM, MAP_READ), 0);
	assert_int_equal(rig_walk(0x1000, 1, AMDVI_TABLE), 4 * GIB | BIT(0) | BIT(60) | BIT(61));
	assert_int_equal(space_map(&rig_space, gpa(0x2000), hpa(0xfe000000), 4 * KIB, PAGE_DEVICE,
				   MAP_READ | MAP_WRITE),
			 0);
	assert_int_equal(rig_walk(0x2000, 1, AMDVI_TABLE), 0xfe000000 | BIT(0) | BIT(61) | BIT(62));
	/* Three levels reach 512 GiB. */
	assert_int_equal(space_init(&rig_space, &table_format_amdvi, VM, 3, 30), 0);
	assert_int_equal(space_map(&rig_space, gpa(5 * GIB), hpa(5 * GIB), GIB, PAGE_RAM, RWX), 0);
	assert_int_equal(rig_walk(5 * GIB, 3, 0), 5 * GIB | AMDVI_LEAF);
	assert_int_equal(space_map(&rig_space, gpa(512 * GIB), hpa(5 * GIB), GIB, PAGE_RAM, RWX),
			 -EINVAL);
	assert_int_equal(space_look_up(&rig_space, gpa(512 * GIB + 5 * GIB), NULL, NULL), -ENOENT);
}

static void vtd_entries_are_the_manuals(void **state)
{
	uint64_t first = 5 * GIB - 2 * MIB - 4 * KIB;

	(void)state;
	rig_prepare(&table_format_vtd, 30);
	assert_int_equal(space_map(&rig_space, gpa(first), hpa(first), 2 * GIB, PAGE_RAM, RWX), 0);
	assert_int_equal(rig_walk(first, 1, 3), first | 3);
	assert_int_equal(rig_walk(5 * GIB - 2 * MIB, 2, 3), (5 * GIB - 2 * MIB) | 0x83);
	assert_int_equal(rig_walk(5 * GIB, 3, 3), 5 * GIB | 0x83);
	assert_int_equal(
		space_map(&rig_space, gpa(0x1000), hpa(4 * GIB), 4 * KIB, PAGE_RAM, MAP_READ), 0);
	assert_int_equal(rig_walk(0x1000, 1, 3), 4 * GIB | 1);
	assert_int_equal(space_init(&rig_space, &table_format_vtd, VM, 3, 30), 0);
	assert_int_equal(space_map(&rig_space, gpa(5 * GIB), hpa(5 * GIB), GIB, PAGE_RAM, RWX), 0);
	assert_int_equal(rig_walk(5 * GIB, 3, 0), 5 * GIB | 0x83);
}

static void hardware_without_large_leaves_gets_none(void **state)
{
	(void)state;
	rig_prepare(&table_format_vtd, 12);
	assert_int_equal(space_map(&rig_space, gpa(4 * GIB), hpa(4 * GIB), 4 * MIB, PAGE_RAM, RWX),
			 0);
	assert_int_equal(rig_walk(4 * GIB + 2 * MIB, 1, 3), (4 * GIB + 2 * MIB) | 3);
	rig_prepare(&table_format_vtd, 21);
	assert_int_equal(space_map(&rig_space, gpa(4 * GIB), hpa(4 * GIB), 2 * GIB, PAGE_RAM, RWX),
			 0);
	assert_int_equal(rig_walk(5 * GIB, 2, 3), 5 * GIB | 0x83);
	/* Nor does an address that does not fit the size. */
	rig_prepare(&table_format_vtd, 30);
	assert_int_equal(
		space_map(&rig_space, gpa(4 * GIB), hpa(4 * GIB + 4 * KIB), 2 * MIB, PAGE_RAM, RWX),
		0);
	assert_int_equal(rig_walk(4 * GIB, 1, 3), (4 * GIB + 4 * KIB) | 3);
}

static void shapes_that_hardware_has_not_are_refused(void **state)
{
	struct space bad = {.flush = NULL};

	(void)state;
	assert_int_equal(space_init(&bad, &table_format_npt, VM, 3, 30), -EINVAL);
	assert_int_equal(space_init(&bad, &table_format_vtd, VM, 2, 30), -EINVAL);
	assert_int_equal(space_init(&bad, &table_format_vtd, VM, 5, 30), -EINVAL);
	assert_int_equal(space_init(&bad, &table_format_vtd, VM, 4, 22), -EINVAL);
	assert_int_equal(space_init(&bad, &table_format_vtd, OWNER_NOBODY, 4, 30), -EINVAL);
}

static void hostile_ranges_are_refused(void **state)
{
	static const struct {
		uint64_t start, target, size;
	} bad[] = {
		{0, RAM, 0},
		{0, RAM, 1},
		{1, RAM, PAGE_SIZE},
		{0, RAM + 1, PAGE_SIZE},
		{0 - PAGE_SIZE, RAM, PAGE_SIZE},
		{0 - PAGE_SIZE, RAM, 2 * PAGE_SIZE},
		{BIT(48), RAM, PAGE_SIZE},
		{BIT(48) - PAGE_SIZE, RAM, 2 * PAGE_SIZE},
		{PAGE_SIZE, RAM, 0 - PAGE_SIZE},
		{0, BIT(52), PAGE_SIZE},
		{0, 0 - PAGE_SIZE, PAGE_SIZE},
		{0, 0 - PAGE_SIZE, 2 * PAGE_SIZE},
		{0, BIT(52) - PAGE_SIZE, 2 * PAGE_SIZE},
	};
	size_t used = frame_used();

	(void)state;
	FLUSH_TOKEN(token);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		assert_int_equal(space_map(&rig_space, gpa(bad[i].start), hpa(bad[i].target),
					   bad[i].size, PAGE_RAM, RWX),
				 -EINVAL);
		if (i < 9 && i != 3)
			assert_int_equal(
				space_unmap(&rig_space, gpa(bad[i].start), bad[i].size, &token),
				-EINVAL);
	}
	assert_int_equal(
		space_map(&rig_space, gpa(0), hpa(0xfe000000), PAGE_SIZE, PAGE_DEVICE, RWX),
		-EINVAL);
	assert_int_equal(space_look_up(&rig_space, gpa(BIT(48)), NULL, NULL), -ENOENT);
	assert_int_equal(space_look_up(&rig_space, gpa(UINT64_MAX), NULL, NULL), -ENOENT);
	assert_int_equal(frame_used(), used);
	/* The last page there is. */
	assert_int_equal(
		space_map(&rig_space, gpa(BIT(48) - PAGE_SIZE), hpa(RAM), PAGE_SIZE, PAGE_RAM, RWX),
		0);
	assert_int_equal(space_unmap(&rig_space, gpa(BIT(48) - PAGE_SIZE), PAGE_SIZE, &token), 0);
	flush_consume(&token);
	assert_int_equal(frame_used(), used);
}

static void nothing_is_mapped_over(void **state)
{
	(void)state;
	assert_int_equal(space_map(&rig_space, gpa(GIB), hpa(RAM), GIB, PAGE_RAM, RWX), 0);
	assert_int_equal(
		space_map(&rig_space, gpa(GIB + 4 * KIB), hpa(RAM + GIB), 4 * KIB, PAGE_RAM, RWX),
		-EEXIST);
	assert_int_equal(
		space_map(&rig_space, gpa(0), hpa(RAM + GIB), GIB + 4 * KIB, PAGE_RAM, RWX),
		-EEXIST);
	assert_int_equal(space_map(&rig_space, gpa(2 * GIB - 4 * KIB), hpa(RAM + GIB), 8 * KIB,
				   PAGE_RAM, RWX),
			 -EEXIST);
	assert_int_equal(space_look_up(&rig_space, gpa(0), NULL, NULL), -ENOENT);
	assert_int_equal(owner_change(hpa(RAM + GIB), GIB, VM, OTHER), 0);
	assert_int_equal(space_map(&rig_space, gpa(0), hpa(RAM + 2 * GIB), GIB, PAGE_RAM, RWX), 0);
}

static void out_of_frames_nothing_is_mapped_or_unmapped(void **state)
{
	const uint64_t start = GIB - 4 * KIB;

	(void)state;
	for (size_t left = 0; left < 40; left++) {
		hpa_t kept[40];
		size_t before;
		int error;

		rig_prepare(&table_format_npt, 30);
		for (size_t i = 0; i < left; i++)
			kept[i] = frame_alloc();
		while (hpa_value(frame_alloc()) != 0)
			;
		for (size_t i = 0; i < left; i++)
			frame_free(kept[i]);
		before = frame_used();
		error = space_map(&rig_space, gpa(start), hpa(RAM + start), GIB, PAGE_RAM, RWX);
		if (error) {
			assert_int_equal(error, -ENOMEM);
			assert_int_equal(frame_used(), before);
			for (uint64_t at = start; at < start + GIB; at += 4 * KIB)
				assert_int_equal(space_look_up(&rig_space, gpa(at), NULL, NULL),
						 -ENOENT);
			assert_int_equal(owner_change(hpa(RAM + GIB), 2 * MIB, VM, OTHER),
					 left == 0 ? -ENOMEM : 0);
			continue;
		}
		FLUSH_TOKEN(token);
		while (hpa_value(frame_alloc()) != 0)
			;
		assert_int_equal(space_unmap(&rig_space, gpa(GIB), 4 * KIB, &token), -ENOMEM);
		assert_null(token.space);
		for (uint64_t at = start; at < start + GIB; at += 4 * KIB)
			assert_int_equal(space_look_up(&rig_space, gpa(at), NULL, NULL), 0);
		/* All of it needs nothing. */
		assert_int_equal(space_unmap(&rig_space, gpa(start), GIB, &token), 0);
		flush_consume(&token);
		assert_int_equal(owner_change(hpa(RAM), 4 * GIB, VM, OTHER), 0);
		return;
	}
	fail();
}

/*
 * Hardware that does not look into the CPUs' caches sees of the tables what was written back. At
 * any moment it must find finished tables only.
 */
static uint8_t seen_by_hardware[4 * MIB];

static uint64_t hardware_walk(uint64_t address)
{
	uint64_t table = hpa_value(rig_space.root), entry = 0;

	for (unsigned level = rig_space.levels; level > 0; level--) {
		uint64_t at = table - POOL + (address >> (12 + 9 * (level - 1)) & 511) * 8;

		memcpy(&entry, &seen_by_hardware[at], 8);
		if (!(entry & 3) || level == 1 || entry & 0x80)
			return entry & 3 ? (entry & ~(BIT(12 + 9 * (level - 1)) - 1)) |
						   (address & (BIT(12 + 9 * (level - 1)) - 1))
					 : 0;
		table = entry & 0x000ffffffffff000ULL;
	}
	return 0;
}

static void write_back(const void *start, size_t size)
{
	size_t at = (size_t)((const uint8_t *)start - (const uint8_t *)frame_virt(hpa(POOL)));

	memcpy(&seen_by_hardware[at], start, size);
	for (uint64_t address = 2 * GIB - 8 * MIB; address < 2 * GIB + 8 * MIB;
	     address += 64 * KIB) {
		uint64_t target = hardware_walk(address);

		assert_true(target == 0 || target == address + RAM);
	}
}

static void hardware_sees_finished_tables_only(void **state)
{
	(void)state;
	rig_prepare(&table_format_vtd, 30);
	for (size_t i = 0; i < sizeof(seen_by_hardware); i++)
		seen_by_hardware[i] = (uint8_t)(i * 37 | 1); /* what was there before */
	rig_space.write_back = write_back;
	/* A root that nothing leads to yet may be checked at its first write-back only. */
	assert_int_equal(space_init(&rig_space, &table_format_vtd, VM, 4, 30), 0);
	assert_int_equal(hardware_walk(2 * GIB), 0);
	FLUSH_TOKEN(token);
	assert_int_equal(space_map(&rig_space, gpa(2 * GIB - 6 * MIB + 64 * KIB),
				   hpa(RAM + 2 * GIB - 6 * MIB + 64 * KIB), GIB, PAGE_RAM, RWX),
			 0);
	assert_int_equal(
		space_map(&rig_space, gpa(GIB), hpa(RAM + GIB), GIB - 6 * MIB, PAGE_RAM, RWX), 0);
	assert_int_equal(hardware_walk(2 * GIB), RAM + 2 * GIB);
	assert_int_equal(hardware_walk(2 * GIB - 6 * MIB), 0);
	assert_int_equal(space_unmap(&rig_space, gpa(2 * GIB + 64 * KIB), 2 * MIB, &token), 0);
	assert_int_equal(hardware_walk(2 * GIB + 64 * KIB), 0);
	assert_int_equal(hardware_walk(2 * GIB), RAM + 2 * GIB);
	flush_consume(&token);
	assert_int_equal(space_unmap(&rig_space, gpa(GIB), GIB + 16 * MIB, &token), 0);
	assert_int_equal(hardware_walk(2 * GIB), 0);
	flush_consume(&token);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, rig_setup)
	const struct CMUnitTest tests[] = {
		TEST(npt_entries_are_the_manuals),
		TEST(a_foreign_page_is_never_mapped),
		TEST(a_range_is_one_piece_or_none),
		TEST(amdvi_entries_are_the_manuals),
		TEST(vtd_entries_are_the_manuals),
		TEST(hardware_without_large_leaves_gets_none),
		TEST(shapes_that_hardware_has_not_are_refused),
		TEST(hostile_ranges_are_refused),
		TEST(nothing_is_mapped_over),
		TEST(out_of_frames_nothing_is_mapped_or_unmapped),
		TEST(hardware_sees_finished_tables_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
