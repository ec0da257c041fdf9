/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Second-level tables: what hardware finds in them, to the bit, in each format; and what is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/errno.h"
#include "memory/frame.h"
#include "memory/table.h"
#include "stub.h"

#define POOL   (16 * MIB)
#define VM     ((enum owner)(OWNER_VM_FIRST + 1))
#define OTHER  ((enum owner)(OWNER_VM_FIRST + 2))
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(npt_entries_are_the_manuals, setup_npt),
		cmocka_unit_test_setup(a_foreign_page_is_never_mapped, setup_npt),
		cmocka_unit_test_setup(unmapping_a_part_splits_and_frees, setup_npt),
		cmocka_unit_test_setup(a_token_not_consumed_is_a_panic, setup_npt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
