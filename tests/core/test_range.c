/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of ranges, against a bit for every number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "memory/range.h"

#define NUMBERS 200U

static struct range_set set;
static bool in[NUMBERS];

static void check(void)
{
	size_t at = 0;

	for (size_t i = 0; i < set.count; i++) {
		uint64_t start = set.ranges[i].start, end = start + set.ranges[i].size;

		assert_true(end > start && end <= NUMBERS);
		assert_true(i == 0 || start > at); /* sorted, and not touching */
		for (; at < start; at++)
			assert_false(in[at]);
		for (; at < end; at++)
			assert_true(in[at]);
	}
	for (; at < NUMBERS; at++)
		assert_false(in[at]);
	assert_false(set.full);
}

static void any_adding_and_removing(void **state)
{
	(void)state;
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		uint64_t start = (uint64_t)random() % NUMBERS;
		uint64_t size = (uint64_t)random() % (NUMBERS - start + 1) / (1 + (uint64_t)i % 9);
		bool all = true;
		uint64_t count = 0;

		for (uint64_t n = start; n < start + size; n++)
			all = all && in[n];
		for (uint64_t n = 0; n < NUMBERS; n++)
			count += in[n];
		assert_int_equal(range_set_contains(&set, start, size), all);
		assert_int_equal(range_set_size(&set), count);
		if (i % 2)
			range_set_add(&set, start, size);
		else
			range_set_remove(&set, start, size);
		memset(in + start, i % 2, size);
		check();
	}
}

static void taking_finds_the_highest_place(void **state)
{
	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint64_t size = 1 + (uint64_t)random() % 30, align = 1ULL << (random() % 5);
		uint64_t from = (uint64_t)random() % NUMBERS,
			 to = (uint64_t)random() % (2 * NUMBERS);
		uint64_t best = NUMBERS, start;

		if (i % 5 == 0)
			range_set_add(&set, from, 1 + (NUMBERS - 1 - from) / 3);
		if (i % 5 == 0)
			memset(in + from, 1, 1 + (NUMBERS - 1 - from) / 3);
		for (uint64_t at = align_up(from, align); at + size <= NUMBERS && at + size <= to;
		     at += align)
			if (range_set_contains(&set, at, size))
				best = at;
		assert_int_equal(range_set_largest(&set, align, from, to) >= size, best != NUMBERS);
		assert_int_equal(range_set_take(&set, size, align, from, to, &start),
				 best != NUMBERS);
		if (best == NUMBERS)
			continue;
		assert_int_equal(start, best);
		memset(in + start, 0, size);
		check();
	}
}

static void a_full_set_says_so(void **state)
{
	(void)state;
	memset(&set, 0, sizeof(set));
	for (uint64_t i = 0; i < RANGE_SET_MAX; i++)
		range_set_add(&set, 10 * i, 5);
	assert_false(set.full);
	range_set_remove(&set, 2, 1);
	assert_true(set.full);
	/* What is in it is not wrong for that. */
	assert_false(range_set_contains(&set, 2, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_adding_and_removing),
		cmocka_unit_test(taking_finds_the_highest_place),
		cmocka_unit_test(a_full_set_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
