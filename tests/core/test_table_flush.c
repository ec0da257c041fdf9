/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is taken out of second-level tables, or was written through them: the token knows until the
 * flush, and nothing of it is used for anything else before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/errno.h"
#include "memory/frame.h"
#include "stub.h"
#include "table-rig.h"

/* As hardware does on a write. */
static void write_page(uint64_t address)
{
	uint64_t table = hpa_value(rig_space.root), *entry;
	unsigned l = rig_space.levels;

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
	assert_int_equal(space_map(&rig_space, gpa(start), hpa(4 * GIB + start), 2 * MIB + 8 * KIB,
				   PAGE_RAM, RWX),
			 0);
	assert_int_equal(rig_walk(2 * MIB, 2, NPT_TABLE) & 0x80, 0x80);
	assert_int_equal(space_split(&rig_space, gpa(start), 514 * PAGE_SIZE), 0);
	assert_int_equal(rig_walk(2 * MIB + 4 * KIB, 1, NPT_TABLE),
			 (4 * GIB + 2 * MIB + 4 * KIB) | 0x67);
	/* All count as written the first time. */
	assert_int_equal(space_take_dirty(&rig_space, gpa(start), 514, bits, &token), 514);
	assert_true(bits[0] == UINT64_MAX && bits[7] == UINT64_MAX && bits[8] == 3);
	assert_int_equal(rig_flushes, 0);
	flush_consume(&token);
	assert_int_equal(rig_flushes, 1);
	write_page(start + 4 * KIB);
	write_page(3 * MIB);
	assert_int_equal(space_take_dirty(&rig_space, gpa(start), 514, bits, &token), 2);
	assert_true(bits[0] == 2 && bits[4] == 4);
	flush_consume(&token);
	/* Nothing was written: nothing to flush; holes are not written either. */
	assert_int_equal(space_take_dirty(&rig_space, gpa(0), 514, bits, &token), 0);
	assert_int_equal(bits[8], 0);
	assert_null(token.space);
	assert_int_equal(space_unmap(&rig_space, gpa(start), 514 * PAGE_SIZE, &token), 0);
	flush_consume(&token);
}

static void unmapping_a_part_splits_and_frees(void **state)
{
	size_t used = frame_used();
	unsigned flags;
	hpa_t target;

	(void)state;
	FLUSH_TOKEN(token);
	assert_int_equal(space_map(&rig_space, gpa(0), hpa(4 * GIB), 2 * GIB, PAGE_RAM, RWX), 0);
	assert_int_equal(space_unmap(&rig_space, gpa(1 * GIB + 4 * KIB), 4 * KIB, &token), 0);
	assert_int_equal(owner_change(hpa(5 * GIB + 4 * KIB), 4 * KIB, VM, OTHER), -EBUSY);
	flush_consume(&token);
	assert_int_equal(rig_flushes, 1);
	assert_int_equal(owner_change(hpa(5 * GIB + 4 * KIB), 4 * KIB, VM, OTHER), 0);
	assert_int_equal(owner_change(hpa(5 * GIB), 4 * KIB, VM, OTHER), -EBUSY);
	assert_int_equal(space_look_up(&rig_space, gpa(1 * GIB + 4 * KIB), NULL, NULL), -ENOENT);
	assert_int_equal(space_look_up(&rig_space, gpa(1 * GIB + 8 * KIB + 5), &target, &flags), 0);
	assert_int_equal(hpa_value(target), 5 * GIB + 8 * KIB + 5);
	assert_int_equal(flags, RWX);
	assert_int_equal(rig_walk(1 * GIB, 1, NPT_TABLE), 5 * GIB | 0x67);
	assert_int_equal(rig_walk(1 * GIB + 2 * MIB, 2, NPT_TABLE), (5 * GIB + 2 * MIB) | 0xe7);
	/* The end of a range may be in a large leaf too. */
	assert_int_equal(space_unmap(&rig_space, gpa(0), 4 * KIB, &token), 0);
	flush_consume(&token);
	assert_int_equal(space_look_up(&rig_space, gpa(0), NULL, NULL), -ENOENT);
	assert_int_equal(space_look_up(&rig_space, gpa(4 * KIB), NULL, NULL), 0);

	assert_int_equal(space_unmap(&rig_space, gpa(0), 2 * GIB, &token), 0);
	flush_consume(&token);
	assert_int_equal(owner_change(hpa(5 * GIB + 4 * KIB), 4 * KIB, OTHER, VM), 0);
	assert_int_equal(frame_used(), used);
}

static void a_token_not_consumed_is_a_panic(void **state)
{
	struct flush token = {.space = NULL};

	(void)state;
	flush_check_consumed(&token);
	assert_int_equal(space_map(&rig_space, gpa(0), hpa(4 * GIB), 4 * KIB, PAGE_RAM, RWX), 0);
	assert_int_equal(space_unmap(&rig_space, gpa(0), 4 * KIB, &token), 0);
	STUB_EXPECT_PANIC(flush_check_consumed(&token));
	flush_consume(&token);
	flush_check_consumed(&token);
}

static void a_full_token_says_so_and_goes_on(void **state)
{
	size_t used = frame_used();
	int error, rounds = 0;

	(void)state;
	/* 40 pages that are not adjacent in host memory, and a hole. */
	for (uint64_t i = 0; i < 40; i++)
		assert_int_equal(space_map(&rig_space, gpa((i + (i > 20)) * 4 * KIB),
					   hpa(RAM + (40 - i) * 8 * KIB), 4 * KIB, PAGE_RAM, RWX),
				 0);
	FLUSH_TOKEN(token);
	do {
		error = space_unmap(&rig_space, gpa(0), 2 * GIB, &token);
		assert_true(error == 0 || error == -E2BIG);
		assert_int_equal(space_unmap(&rig_space, gpa(0), 2 * GIB, &token), error);
		flush_consume(&token);
		rounds++;
	} while (error);
	assert_int_equal(rounds, 3);
	assert_int_equal(rig_flushes, 3);
	assert_int_equal(frame_used(), used);
	assert_int_equal(owner_change(hpa(RAM), 4 * GIB, VM, OTHER), 0);
}

static void adjacent_pages_take_one_place_in_a_token(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 600; i++)
		assert_int_equal(space_map(&rig_space, gpa(i * 4 * KIB), hpa(RAM + i * 4 * KIB),
					   4 * KIB, PAGE_RAM, RWX),
				 0);
	FLUSH_TOKEN(token);
	assert_int_equal(space_unmap(&rig_space, gpa(0), 600 * 4 * KIB, &token), 0);
	assert_int_equal(token.ranges, 1);
	flush_consume(&token);
}

static void an_empty_range_needs_no_flush(void **state)
{
	(void)state;
	FLUSH_TOKEN(token);
	assert_int_equal(space_unmap(&rig_space, gpa(0), BIT(48), &token), 0);
	assert_null(token.space);
	flush_consume(&token);
	assert_int_equal(rig_flushes, 0);
}

static void a_token_is_of_one_space(void **state)
{
	struct space other = {.flush = rig_count_flush};

	(void)state;
	assert_int_equal(space_init(&other, &table_format_npt, VM, 4, 30), 0);
	assert_int_equal(space_map(&rig_space, gpa(0), hpa(RAM), 4 * KIB, PAGE_RAM, RWX), 0);
	assert_int_equal(space_map(&other, gpa(0), hpa(RAM), 4 * KIB, PAGE_RAM, RWX), 0);
	FLUSH_TOKEN(token);
	assert_int_equal(space_unmap(&rig_space, gpa(0), 4 * KIB, &token), 0);
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
	rig_space.flush = look_at_tables;
	assert_int_equal(space_map(&rig_space, gpa(0), hpa(RAM + 4 * KIB), 4 * MIB, PAGE_RAM, RWX),
			 0);
	mapped = frame_used();
	FLUSH_TOKEN(token);
	assert_int_equal(space_unmap(&rig_space, gpa(0), 4 * MIB, &token), 0);
	assert_int_equal(rig_walk(0, 4, 0), 0);
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
		assert_int_equal(space_map(&rig_space, gpa(i * GIB + i * 8 * KIB),
					   hpa(RAM + (100 - i) * 8 * KIB), 4 * KIB, PAGE_RAM, RWX),
				 0);
	FLUSH_TOKEN(token);
	space_finish(&rig_space, &token);
	assert_int_equal(frame_used(), used - 1); /* the root too */
	assert_int_equal(owner_change(hpa(RAM), 4 * GIB, VM, OTHER), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, rig_setup)
	const struct CMUnitTest tests[] = {
		TEST(written_pages_are_told_of_once),
		TEST(unmapping_a_part_splits_and_frees),
		TEST(a_token_not_consumed_is_a_panic),
		TEST(a_full_token_says_so_and_goes_on),
		TEST(adjacent_pages_take_one_place_in_a_token),
		TEST(an_empty_range_needs_no_flush),
		TEST(a_token_is_of_one_space),
		TEST(empty_tables_are_freed_after_the_flush),
		TEST(a_space_that_ends_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
