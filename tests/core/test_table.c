/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Second-level tables: what hardware finds in them, to the bit, in each format; and what is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/errno.h"
#include "memory/frame.h"
#include "memory/table.h"
#include "stub.h"

#define POOL   (16 * MIB)
#define VM     ((enum owner)(OWNER_VM_FIRST + 1))
#define OTHER  ((enum owner)(OWNER_VM_FIRST + 2))
#define RAM    (4 * GIB)
#define RWX    (MAP_READ | MAP_WRITE | MAP_EXECUTE)
#define BIT(n) (1ULL << (n))

static struct space space;
static unsigned flushes;

static void count_flush(struct space *flushed)
{
	assert_ptr_equal(flushed, &space);
	flushes++;
}

/* 4 GiB of the VM's RAM from 4 GiB, 1 GiB of the other's behind it, a device. */
static void prepare(const struct table_format *format, unsigned largest)
{
	stub_pool_init(POOL, 4 * MIB);
	assert_int_equal(owner_add(hpa(4 * GIB), 4 * GIB, PAGE_RAM, VM), 0);
	assert_int_equal(owner_add(hpa(8 * GIB), 1 * GIB, PAGE_RAM, OTHER), 0);
	assert_int_equal(owner_add(hpa(0xfe000000), 0x4000, PAGE_DEVICE, VM), 0);
	flushes = 0;
	space = (struct space){.flush = count_flush};
	assert_int_equal(space_init(&space, format, VM, 4, largest), 0);
}

static int setup_npt(void **state)
{
	(void)state;
	prepare(&table_format_npt, 30);
	return 0;
}

/* The entry of a level, as a walk by the manual finds it; the tables' flags are checked on the way.
 */
static uint64_t walk(uint64_t address, unsigned level, uint64_t table_flags)
{
	uint64_t table = hpa_value(space.root), entry = 0;

	for (unsigned l = space.levels;; l--) {
		uint64_t next = space.format == &table_format_amdvi ? (uint64_t)(l - 1) << 9 : 0;

		entry = ((uint64_t *)frame_virt(hpa(table)))[address >> (12 + 9 * (l - 1)) & 511];
		if (l == level)
			return entry;
		table = entry & 0x000ffffffffff000ULL;
		assert_int_equal(entry, table | table_flags | next);
	}
}

#define NPT_TABLE 0x27ULL /* P, W, U, A */

static void npt_entries_are_the_manuals(void **state)
{
	uint64_t first = 5 * GIB - 2 * MIB - 4 * KIB;

	(void)state;
	/* One page, one 2 MiB page, one 1 GiB page, 2 MiB, a page. */
	assert_int_equal(space_map(&space, gpa(first), hpa(first), 2 * GIB, PAGE_RAM, RWX), 0);
	assert_int_equal(walk(first, 1, NPT_TABLE), first | 0x67);
	assert_int_equal(walk(5 * GIB - 2 * MIB, 2, NPT_TABLE), (5 * GIB - 2 * MIB) | 0xe7);
	assert_int_equal(walk(5 * GIB, 3, NPT_TABLE), 5 * GIB | 0xe7);
	assert_int_equal(walk(6 * GIB, 2, NPT_TABLE), 6 * GIB | 0xe7);
	assert_int_equal(walk(first + 2 * GIB - 4 * KIB, 1, NPT_TABLE),
			 (first + 2 * GIB - 4 * KIB) | 0x67);
	assert_int_equal(walk(first + 2 * GIB, 1, NPT_TABLE), 0);
	/* Read-only and not executable; a device. */
	assert_int_equal(space_map(&space, gpa(0x1000), hpa(4 * GIB), 4 * KIB, PAGE_RAM, MAP_READ),
			 0);
	assert_int_equal(walk(0x1000, 1, NPT_TABLE), 4 * GIB | BIT(63) | 0x65);
	assert_int_equal(space_map(&space, gpa(0x2000), hpa(0xfe000000), 4 * KIB, PAGE_DEVICE,
				   MAP_READ | MAP_WRITE),
			 0);
	assert_int_equal(walk(0x2000, 1, NPT_TABLE), 0xfe000000 | BIT(63) | 0x77);
}

static void a_foreign_page_is_never_mapped(void **state)
{
	size_t used = frame_used();

	(void)state;
	assert_int_equal(space_map(&space, gpa(0), hpa(8 * GIB), 4 * KIB, PAGE_RAM, RWX), -EPERM);
	assert_int_equal(space_map(&space, gpa(0), hpa(7 * GIB), 1 * GIB + 4 * KIB, PAGE_RAM, RWX),
			 -EPERM);
	assert_int_equal(space_map(&space, gpa(0), hpa(POOL), 4 * KIB, PAGE_RAM, RWX), -EPERM);
	assert_int_equal(space_map(&space, gpa(0), hpa(0xfe000000), 4 * KIB, PAGE_RAM, RWX),
			 -EPERM);
	assert_int_equal(space_map(&space, gpa(0), hpa(4 * GIB), 4 * KIB, PAGE_DEVICE, MAP_READ),
			 -EPERM);
	assert_int_equal(space_look_up(&space, gpa(0), NULL, NULL), -ENOENT);
	assert_int_equal(frame_used(), used);
}

/* As hardware does on a write. */
static void write_page(uint64_t address)
{
	uint64_t table = hpa_value(space.root), *entry;
	unsigned l = space.levels;

	do {
		entry = &((uint64_t *)frame_virt(hpa(table)))[address >> (12 + 9 * (l - 1)) & 511];
		table = *entry & 0x000ffffffffff000ULL;
	} while (--l > 0 && !(*entry & 0x80));
	*entry |= 0x40;
}

static void written_pages_are_told_of_once(void **state)
{
	uint64_t start = 2 * MIB - 8 * KIB, bits[9] = {0};

	(void)state;
	FLUSH_TOKEN(token);
	assert_int_equal(space_map(&space, gpa(start), hpa(4 * GIB + start), 2 * MIB + 8 * KIB,
				   PAGE_RAM, RWX),
			 0);
	assert_int_equal(walk(2 * MIB, 2, NPT_TABLE) & 0x80, 0x80);
	assert_int_equal(space_split(&space, gpa(start), 514 * PAGE_SIZE), 0);
	assert_int_equal(walk(2 * MIB + 4 * KIB, 1, NPT_TABLE),
			 (4 * GIB + 2 * MIB + 4 * KIB) | 0x67);
	/* All count as written the first time. */
	assert_int_equal(space_take_dirty(&space, gpa(start), 514, bits, &token), 514);
	assert_true(bits[0] == UINT64_MAX && bits[7] == UINT64_MAX && bits[8] == 3);
	assert_int_equal(flushes, 0);
	flush_consume(&token);
	assert_int_equal(flushes, 1);
	write_page(start + 4 * KIB);
	write_page(3 * MIB);
	assert_int_equal(space_take_dirty(&space, gpa(start), 514, bits, &token), 2);
	assert_true(bits[0] == 2 && bits[4] == 4);
	flush_consume(&token);
	/* Nothing was written: nothing to flush; holes are not written either. */
	assert_int_equal(space_take_dirty(&space, gpa(0), 514, bits, &token), 0);
	assert_int_equal(bits[8], 0);
	assert_null(token.space);
	assert_int_equal(space_unmap(&space, gpa(start), 514 * PAGE_SIZE, &token), 0);
	flush_consume(&token);
}

static void a_range_is_one_piece_or_none(void **state)
{
	hpa_t target;

	(void)state;
	FLUSH_TOKEN(token);
	assert_int_equal(space_map(&space, gpa(1 * GIB), hpa(5 * GIB), 1 * GIB, PAGE_RAM, RWX), 0);
	assert_int_equal(space_map(&space, gpa(2 * GIB), hpa(6 * GIB), 4 * KIB, PAGE_RAM, RWX), 0);
	assert_int_equal(space_map(&space, gpa(2 * GIB + 4 * KIB), hpa(4 * GIB), 4 * KIB, PAGE_RAM,
				   MAP_READ),
			 0);
#define RANGE(start, size, flags) space_look_up_range(&space, gpa(start), size, &target, flags)
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
	space_finish(&space, &token);
	assert_int_equal(space_init(&space, &table_format_npt, VM, 4, 30), 0);
}

static void unmapping_a_part_splits_and_frees(void **state)
{
	size_t used = frame_used();
	unsigned flags;
	hpa_t target;

	(void)state;
	FLUSH_TOKEN(token);
	assert_int_equal(space_map(&space, gpa(0), hpa(4 * GIB), 2 * GIB, PAGE_RAM, RWX), 0);
	assert_int_equal(space_unmap(&space, gpa(1 * GIB + 4 * KIB), 4 * KIB, &token), 0);
	assert_int_equal(owner_change(hpa(5 * GIB + 4 * KIB), 4 * KIB, VM, OTHER), -EBUSY);
	flush_consume(&token);
	assert_int_equal(flushes, 1);
	assert_int_equal(owner_change(hpa(5 * GIB + 4 * KIB), 4 * KIB, VM, OTHER), 0);
	assert_int_equal(owner_change(hpa(5 * GIB), 4 * KIB, VM, OTHER), -EBUSY);
	assert_int_equal(space_look_up(&space, gpa(1 * GIB + 4 * KIB), NULL, NULL), -ENOENT);
	assert_int_equal(space_look_up(&space, gpa(1 * GIB + 8 * KIB + 5), &target, &flags), 0);
	assert_int_equal(hpa_value(target), 5 * GIB + 8 * KIB + 5);
	assert_int_equal(flags, RWX);
	assert_int_equal(walk(1 * GIB, 1, NPT_TABLE), 5 * GIB | 0x67);
	assert_int_equal(walk(1 * GIB + 2 * MIB, 2, NPT_TABLE), (5 * GIB + 2 * MIB) | 0xe7);
	/* The end of a range may be in a large leaf too. */
	assert_int_equal(space_unmap(&space, gpa(0), 4 * KIB, &token), 0);
	flush_consume(&token);
	assert_int_equal(space_look_up(&space, gpa(0), NULL, NULL), -ENOENT);
	assert_int_equal(space_look_up(&space, gpa(4 * KIB), NULL, NULL), 0);

	assert_int_equal(space_unmap(&space, gpa(0), 2 * GIB, &token), 0);
	flush_consume(&token);
	assert_int_equal(owner_change(hpa(5 * GIB + 4 * KIB), 4 * KIB, OTHER, VM), 0);
	assert_int_equal(frame_used(), used);
}

static void a_token_not_consumed_is_a_panic(void **state)
{
	struct flush token = {.space = NULL};

	(void)state;
	flush_check_consumed(&token);
	assert_int_equal(space_map(&space, gpa(0), hpa(4 * GIB), 4 * KIB, PAGE_RAM, RWX), 0);
	assert_int_equal(space_unmap(&space, gpa(0), 4 * KIB, &token), 0);
	STUB_EXPECT_PANIC(flush_check_consumed(&token));
	flush_consume(&token);
	flush_check_consumed(&token);
}

#define AMDVI_TABLE (BIT(0) | BIT(61) | BIT(62))
#define AMDVI_LEAF  (BIT(0) | BIT(60) | BIT(61) | BIT(62))

static void amdvi_entries_are_the_manuals(void **state)
{
	uint64_t first = 5 * GIB - 2 * MIB - 4 * KIB;

	(void)state;
	prepare(&table_format_amdvi, 30);
	assert_int_equal(space_map(&space, gpa(first), hpa(first), 2 * GIB, PAGE_RAM, RWX), 0);
	/* walk() checks that tables name the level below; a leaf's next level is 0 at any level. */
	assert_int_equal(walk(first, 1, AMDVI_TABLE), first | AMDVI_LEAF);
	assert_int_equal(walk(5 * GIB - 2 * MIB, 2, AMDVI_TABLE), (5 * GIB - 2 * MIB) | AMDVI_LEAF);
	assert_int_equal(walk(5 * GIB, 3, AMDVI_TABLE), 5 * GIB | AMDVI_LEAF);
	assert_int_equal(space_map(&space, gpa(0x1000), hpa(4 * GIB), 4 * KIB, PAGE_RAM, MAP_READ),
			 0);
	assert_int_equal(walk(0x1000, 1, AMDVI_TABLE), 4 * GIB | BIT(0) | BIT(60) | BIT(61));
	assert_int_equal(space_map(&space, gpa(0x2000), hpa(0xfe000000), 4 * KIB, PAGE_DEVICE,
				   MAP_READ | MAP_WRITE),
			 0);
	assert_int_equal(walk(0x2000, 1, AMDVI_TABLE), 0xfe000000 | BIT(0) | BIT(61) | BIT(62));
	/* Three levels reach 512 GiB. */
	assert_int_equal(space_init(&space, &table_format_amdvi, VM, 3, 30), 0);
	assert_int_equal(space_map(&space, gpa(5 * GIB), hpa(5 * GIB), GIB, PAGE_RAM, RWX), 0);
	assert_int_equal(walk(5 * GIB, 3, 0), 5 * GIB | AMDVI_LEAF);
	assert_int_equal(space_map(&space, gpa(512 * GIB), hpa(5 * GIB), GIB, PAGE_RAM, RWX),
			 -EINVAL);
	assert_int_equal(space_look_up(&space, gpa(512 * GIB + 5 * GIB), NULL, NULL), -ENOENT);
}

static void vtd_entries_are_the_manuals(void **state)
{
	uint64_t first = 5 * GIB - 2 * MIB - 4 * KIB;

	(void)state;
	prepare(&table_format_vtd, 30);
	assert_int_equal(space_map(&space, gpa(first), hpa(first), 2 * GIB, PAGE_RAM, RWX), 0);
	assert_int_equal(walk(first, 1, 3), first | 3);
	assert_int_equal(walk(5 * GIB - 2 * MIB, 2, 3), (5 * GIB - 2 * MIB) | 0x83);
	assert_int_equal(walk(5 * GIB, 3, 3), 5 * GIB | 0x83);
	assert_int_equal(space_map(&space, gpa(0x1000), hpa(4 * GIB), 4 * KIB, PAGE_RAM, MAP_READ),
			 0);
	assert_int_equal(walk(0x1000, 1, 3), 4 * GIB | 1);
	assert_int_equal(space_init(&space, &table_format_vtd, VM, 3, 30), 0);
	assert_int_equal(space_map(&space, gpa(5 * GIB), hpa(5 * GIB), GIB, PAGE_RAM, RWX), 0);
	assert_int_equal(walk(5 * GIB, 3, 0), 5 * GIB | 0x83);
}

static void hardware_without_large_leaves_gets_none(void **state)
{
	(void)state;
	prepare(&table_format_vtd, 12);
	assert_int_equal(space_map(&space, gpa(4 * GIB), hpa(4 * GIB), 4 * MIB, PAGE_RAM, RWX), 0);
	assert_int_equal(walk(4 * GIB + 2 * MIB, 1, 3), (4 * GIB + 2 * MIB) | 3);
	prepare(&table_format_vtd, 21);
	assert_int_equal(space_map(&space, gpa(4 * GIB), hpa(4 * GIB), 2 * GIB, PAGE_RAM, RWX), 0);
	assert_int_equal(walk(5 * GIB, 2, 3), 5 * GIB | 0x83);
	/* Nor does an address that does not fit the size. */
	prepare(&table_format_vtd, 30);
	assert_int_equal(
		space_map(&space, gpa(4 * GIB), hpa(4 * GIB + 4 * KIB), 2 * MIB, PAGE_RAM, RWX), 0);
	assert_int_equal(walk(4 * GIB, 1, 3), (4 * GIB + 4 * KIB) | 3);
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
		assert_int_equal(space_map(&space, gpa(bad[i].start), hpa(bad[i].target),
					   bad[i].size, PAGE_RAM, RWX),
				 -EINVAL);
		if (i < 9 && i != 3)
			assert_int_equal(
				space_unmap(&space, gpa(bad[i].start), bad[i].size, &token),
				-EINVAL);
	}
	assert_int_equal(space_map(&space, gpa(0), hpa(0xfe000000), PAGE_SIZE, PAGE_DEVICE, RWX),
			 -EINVAL);
	assert_int_equal(space_look_up(&space, gpa(BIT(48)), NULL, NULL), -ENOENT);
	assert_int_equal(space_look_up(&space, gpa(UINT64_MAX), NULL, NULL), -ENOENT);
	assert_int_equal(frame_used(), used);
	/* The last page there is. */
	assert_int_equal(
		space_map(&space, gpa(BIT(48) - PAGE_SIZE), hpa(RAM), PAGE_SIZE, PAGE_RAM, RWX), 0);
	assert_int_equal(space_unmap(&space, gpa(BIT(48) - PAGE_SIZE), PAGE_SIZE, &token), 0);
	flush_consume(&token);
	assert_int_equal(frame_used(), used);
}

static void nothing_is_mapped_over(void **state)
{
	(void)state;
	assert_int_equal(space_map(&space, gpa(GIB), hpa(RAM), GIB, PAGE_RAM, RWX), 0);
	assert_int_equal(
		space_map(&space, gpa(GIB + 4 * KIB), hpa(RAM + GIB), 4 * KIB, PAGE_RAM, RWX),
		-EEXIST);
	assert_int_equal(space_map(&space, gpa(0), hpa(RAM + GIB), GIB + 4 * KIB, PAGE_RAM, RWX),
			 -EEXIST);
	assert_int_equal(
		space_map(&space, gpa(2 * GIB - 4 * KIB), hpa(RAM + GIB), 8 * KIB, PAGE_RAM, RWX),
		-EEXIST);
	assert_int_equal(space_look_up(&space, gpa(0), NULL, NULL), -ENOENT);
	assert_int_equal(owner_change(hpa(RAM + GIB), GIB, VM, OTHER), 0);
	assert_int_equal(space_map(&space, gpa(0), hpa(RAM + 2 * GIB), GIB, PAGE_RAM, RWX), 0);
}

static void out_of_frames_nothing_is_mapped_or_unmapped(void **state)
{
	const uint64_t start = GIB - 4 * KIB;

	(void)state;
	for (size_t left = 0; left < 40; left++) {
		hpa_t kept[40];
		size_t before;
		int error;

		prepare(&table_format_npt, 30);
		for (size_t i = 0; i < left; i++)
			kept[i] = frame_alloc();
		while (hpa_value(frame_alloc()) != 0)
			;
		for (size_t i = 0; i < left; i++)
			frame_free(kept[i]);
		before = frame_used();
		error = space_map(&space, gpa(start), hpa(RAM + start), GIB, PAGE_RAM, RWX);
		if (error) {
			assert_int_equal(error, -ENOMEM);
			assert_int_equal(frame_used(), before);
			for (uint64_t at = start; at < start + GIB; at += 4 * KIB)
				assert_int_equal(space_look_up(&space, gpa(at), NULL, NULL),
						 -ENOENT);
			assert_int_equal(owner_change(hpa(RAM + GIB), 2 * MIB, VM, OTHER),
					 left == 0 ? -ENOMEM : 0);
			continue;
		}
		FLUSH_TOKEN(token);
		while (hpa_value(frame_alloc()) != 0)
			;
		assert_int_equal(space_unmap(&space, gpa(GIB), 4 * KIB, &token), -ENOMEM);
		assert_null(token.space);
		for (uint64_t at = start; at < start + GIB; at += 4 * KIB)
			assert_int_equal(space_look_up(&space, gpa(at), NULL, NULL), 0);
		/* All of it needs nothing. */
		assert_int_equal(space_unmap(&space, gpa(start), GIB, &token), 0);
		flush_consume(&token);
		assert_int_equal(owner_change(hpa(RAM), 4 * GIB, VM, OTHER), 0);
		return;
	}
	fail();
}

static void a_full_token_says_so_and_goes_on(void **state)
{
	size_t used = frame_used();
	int error, rounds = 0;

	(void)state;
	/* 40 pages that are not adjacent in host memory, and a hole. */
	for (uint64_t i = 0; i < 40; i++)
		assert_int_equal(space_map(&space, gpa((i + (i > 20)) * 4 * KIB),
					   hpa(RAM + (40 - i) * 8 * KIB), 4 * KIB, PAGE_RAM, RWX),
				 0);
	FLUSH_TOKEN(token);
	do {
		error = space_unmap(&space, gpa(0), 2 * GIB, &token);
		assert_true(error == 0 || error == -E2BIG);
		assert_int_equal(space_unmap(&space, gpa(0), 2 * GIB, &token), error);
		flush_consume(&token);
		rounds++;
	} while (error);
	assert_int_equal(rounds, 3);
	assert_int_equal(flushes, 3);
	assert_int_equal(frame_used(), used);
	assert_int_equal(owner_change(hpa(RAM), 4 * GIB, VM, OTHER), 0);
}

static void adjacent_pages_take_one_place_in_a_token(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 600; i++)
		assert_int_equal(space_map(&space, gpa(i * 4 * KIB), hpa(RAM + i * 4 * KIB),
					   4 * KIB, PAGE_RAM, RWX),
				 0);
	FLUSH_TOKEN(token);
	assert_int_equal(space_unmap(&space, gpa(0), 600 * 4 * KIB, &token), 0);
	assert_int_equal(token.ranges, 1);
	flush_consume(&token);
}

static void an_empty_range_needs_no_flush(void **state)
{
	(void)state;
	FLUSH_TOKEN(token);
	assert_int_equal(space_unmap(&space, gpa(0), BIT(48), &token), 0);
	assert_null(token.space);
	flush_consume(&token);
	assert_int_equal(flushes, 0);
}

static void a_token_is_of_one_space(void **state)
{
	struct space other = {.flush = count_flush};

	(void)state;
	assert_int_equal(space_init(&other, &table_format_npt, VM, 4, 30), 0);
	assert_int_equal(space_map(&space, gpa(0), hpa(RAM), 4 * KIB, PAGE_RAM, RWX), 0);
	assert_int_equal(space_map(&other, gpa(0), hpa(RAM), 4 * KIB, PAGE_RAM, RWX), 0);
	FLUSH_TOKEN(token);
	assert_int_equal(space_unmap(&space, gpa(0), 4 * KIB, &token), 0);
	STUB_EXPECT_PANIC(space_unmap(&other, gpa(0), 4 * KIB, &token));
	flush_consume(&token);
}

/* A table that is taken out may still be walked: it stays a table with nothing in it until the
 * flush. */
static size_t used_at_flush;

static void look_at_tables(struct space *flushed)
{
	(void)flushed;
	used_at_flush = frame_used();
}

static void empty_tables_are_freed_after_the_flush(void **state)
{
	size_t used = frame_used(), mapped;

	(void)state;
	space.flush = look_at_tables;
	assert_int_equal(space_map(&space, gpa(0), hpa(RAM + 4 * KIB), 4 * MIB, PAGE_RAM, RWX), 0);
	mapped = frame_used();
	FLUSH_TOKEN(token);
	assert_int_equal(space_unmap(&space, gpa(0), 4 * MIB, &token), 0);
	assert_int_equal(walk(0, 4, 0), 0);
	for (hpa_t table = token.tables; hpa_value(table) != 0;
	     table = hpa(*(uint64_t *)frame_virt(table)))
		for (size_t i = 0; i < 512; i++)
			assert_int_equal(((uint64_t *)frame_virt(table))[i] & 0xfff, 0);
	flush_consume(&token);
	assert_int_equal(used_at_flush, mapped);
	assert_int_equal(frame_used(), used);
}

static void a_space_that_ends_leaves_nothing(void **state)
{
	size_t used = frame_used();

	(void)state;
	for (uint64_t i = 0; i < 100; i++)
		assert_int_equal(space_map(&space, gpa(i * GIB + i * 8 * KIB),
					   hpa(RAM + (100 - i) * 8 * KIB), 4 * KIB, PAGE_RAM, RWX),
				 0);
	FLUSH_TOKEN(token);
	space_finish(&space, &token);
	assert_int_equal(frame_used(), used - 1); /* the root too */
	assert_int_equal(owner_change(hpa(RAM), 4 * GIB, VM, OTHER), 0);
}

/*
 * Hardware that does not look into the CPUs' caches sees of the tables what was written back. At
 * any moment it must find finished tables only.
 */
static uint8_t seen_by_hardware[4 * MIB];

static uint64_t hardware_walk(uint64_t address)
{
	uint64_t table = hpa_value(space.root), entry = 0;

	for (unsigned level = space.levels; level > 0; level--) {
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
	prepare(&table_format_vtd, 30);
	for (size_t i = 0; i < sizeof(seen_by_hardware); i++)
		seen_by_hardware[i] = (uint8_t)(i * 37 | 1); /* what was there before */
	space.write_back = write_back;
	/* A root that nothing leads to yet may be checked at its first write-back only. */
	assert_int_equal(space_init(&space, &table_format_vtd, VM, 4, 30), 0);
	assert_int_equal(hardware_walk(2 * GIB), 0);
	FLUSH_TOKEN(token);
	assert_int_equal(space_map(&space, gpa(2 * GIB - 6 * MIB + 64 * KIB),
				   hpa(RAM + 2 * GIB - 6 * MIB + 64 * KIB), GIB, PAGE_RAM, RWX),
			 0);
	assert_int_equal(space_map(&space, gpa(GIB), hpa(RAM + GIB), GIB - 6 * MIB, PAGE_RAM, RWX),
			 0);
	assert_int_equal(hardware_walk(2 * GIB), RAM + 2 * GIB);
	assert_int_equal(hardware_walk(2 * GIB - 6 * MIB), 0);
	assert_int_equal(space_unmap(&space, gpa(2 * GIB + 64 * KIB), 2 * MIB, &token), 0);
	assert_int_equal(hardware_walk(2 * GIB + 64 * KIB), 0);
	assert_int_equal(hardware_walk(2 * GIB), RAM + 2 * GIB);
	flush_consume(&token);
	assert_int_equal(space_unmap(&space, gpa(GIB), GIB + 16 * MIB, &token), 0);
	assert_int_equal(hardware_walk(2 * GIB), 0);
	flush_consume(&token);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(npt_entries_are_the_manuals, setup_npt),
		cmocka_unit_test_setup(a_foreign_page_is_never_mapped, setup_npt),
		cmocka_unit_test_setup(written_pages_are_told_of_once, setup_npt),
		cmocka_unit_test_setup(a_range_is_one_piece_or_none, setup_npt),
		cmocka_unit_test_setup(unmapping_a_part_splits_and_frees, setup_npt),
		cmocka_unit_test_setup(a_token_not_consumed_is_a_panic, setup_npt),
		cmocka_unit_test_setup(amdvi_entries_are_the_manuals, setup_npt),
		cmocka_unit_test_setup(vtd_entries_are_the_manuals, setup_npt),
		cmocka_unit_test_setup(hardware_without_large_leaves_gets_none, setup_npt),
		cmocka_unit_test_setup(shapes_that_hardware_has_not_are_refused, setup_npt),
		cmocka_unit_test_setup(hostile_ranges_are_refused, setup_npt),
		cmocka_unit_test_setup(nothing_is_mapped_over, setup_npt),
		cmocka_unit_test_setup(out_of_frames_nothing_is_mapped_or_unmapped, setup_npt),
		cmocka_unit_test_setup(a_full_token_says_so_and_goes_on, setup_npt),
		cmocka_unit_test_setup(adjacent_pages_take_one_place_in_a_token, setup_npt),
		cmocka_unit_test_setup(an_empty_range_needs_no_flush, setup_npt),
		cmocka_unit_test_setup(a_token_is_of_one_space, setup_npt),
		cmocka_unit_test_setup(empty_tables_are_freed_after_the_flush, setup_npt),
		cmocka_unit_test_setup(a_space_that_ends_leaves_nothing, setup_npt),
		cmocka_unit_test_setup(hardware_sees_finished_tables_only, setup_npt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
