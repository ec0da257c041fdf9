/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The owner table: no page has two owners, or a new one while it is mapped; calls are all or
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/errno.h"
#include "memory/frame.h"
#include "memory/owner.h"
#include "stub.h"

#define POOL (16 * MIB)
#define A    ((enum owner)(OWNER_VM_FIRST))
#define B    ((enum owner)(OWNER_VM_FIRST + 1))
#define RAM  (4 * GIB) /* 4 GiB of it, A's */

static size_t used; /* frames, after setup */

static int setup(void **state)
{
	(void)state;
	stub_pool_init(POOL, 4 * MIB);
	assert_int_equal(owner_add(hpa(RAM), 4 * GIB, PAGE_RAM, A), 0);
	used = frame_used();
	return 0;
}

static void hostile_ranges_are_refused(void **state)
{
	static const struct {
		uint64_t start, size;
	} bad[] = {
		{RAM, 0},
		{RAM + 1, PAGE_SIZE},
		{RAM, PAGE_SIZE + 1},
		{0 - PAGE_SIZE, PAGE_SIZE},
		{0 - PAGE_SIZE, 2 * PAGE_SIZE},
		{RAM, 0 - PAGE_SIZE},
		{1ULL << 52, PAGE_SIZE},
		{(1ULL << 52) - PAGE_SIZE, 2 * PAGE_SIZE},
		{PAGE_SIZE, 0 - PAGE_SIZE},
		{0, 1ULL << 63},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		hpa_t start = hpa(bad[i].start);

		assert_int_equal(owner_add(start, bad[i].size, PAGE_RAM, A), -EINVAL);
		assert_int_equal(owner_change(start, bad[i].size, A, B), -EINVAL);
		assert_int_equal(owner_get(start, bad[i].size, PAGE_RAM, A), -EINVAL);
		assert_int_equal(owner_prepare_put(start, bad[i].size), -EINVAL);
	}
	assert_int_equal(owner_change(hpa(RAM), PAGE_SIZE, A, OWNER_NOBODY), -EINVAL);
	assert_int_equal(owner_change(hpa(0), PAGE_SIZE, OWNER_NOBODY, A), -EINVAL);
	assert_int_equal(owner_change(hpa(RAM), PAGE_SIZE, A, (enum owner)256), -EINVAL);
	assert_int_equal(owner_add(hpa(0), PAGE_SIZE, PAGE_RAM, OWNER_NOBODY), -EINVAL);
	assert_int_equal(owner_get(hpa(0), PAGE_SIZE, PAGE_RAM, OWNER_NOBODY), -EINVAL);
	assert_int_equal(owner_of(hpa(1ULL << 52)), OWNER_NOBODY);
	assert_int_equal(owner_of(hpa(UINT64_MAX)), OWNER_NOBODY);
	/* The very last page is an ordinary one. */
	assert_int_equal(owner_add(hpa((1ULL << 52) - PAGE_SIZE), PAGE_SIZE, PAGE_DEVICE, B), 0);
	assert_int_equal(owner_of(hpa((1ULL << 52) - 1)), B);
}

static void what_was_never_declared_is_nobodys(void **state)
{
	(void)state;
	assert_int_equal(owner_of(hpa(RAM - PAGE_SIZE)), OWNER_NOBODY);
	assert_int_equal(owner_of(hpa(RAM + 4 * GIB)), OWNER_NOBODY);
	assert_int_equal(owner_of(hpa(RAM)), A);
	assert_int_equal(owner_of(hpa(RAM + 4 * GIB - 1)), A);
	assert_int_equal(owner_get(hpa(RAM - PAGE_SIZE), 2 * PAGE_SIZE, PAGE_RAM, A), -EPERM);
	assert_int_equal(owner_get(hpa(RAM + 4 * GIB - PAGE_SIZE), 2 * PAGE_SIZE, PAGE_RAM, A),
			 -EPERM);
}

static void nothing_is_declared_twice(void **state)
{
	(void)state;
	assert_int_equal(owner_add(hpa(RAM), PAGE_SIZE, PAGE_RAM, B), -EEXIST);
	assert_int_equal(owner_add(hpa(RAM - PAGE_SIZE), 2 * PAGE_SIZE, PAGE_DEVICE, B), -EEXIST);
	assert_int_equal(owner_add(hpa(0), 1ULL << 52, PAGE_DEVICE, B), -EEXIST);
	assert_int_equal(owner_of(hpa(RAM - PAGE_SIZE)), OWNER_NOBODY);
	assert_int_equal(frame_used(), used);
}

static void one_page_can_change_hands(void **state)
{
	hpa_t page = hpa(RAM + GIB + 5 * PAGE_SIZE);

	(void)state;
	assert_int_equal(owner_change(page, PAGE_SIZE, A, B), 0);
	assert_int_equal(owner_of(page), B);
	assert_int_equal(owner_of(hpa(hpa_value(page) - 1)), A);
	assert_int_equal(owner_of(hpa(hpa_value(page) + PAGE_SIZE)), A);
	/* A range with a foreign page in it stays as it is, whole. */
	assert_int_equal(owner_change(hpa(RAM), 4 * GIB, A, B), -EPERM);
	assert_int_equal(owner_of(hpa(RAM)), A);
	assert_int_equal(owner_get(hpa(RAM), 4 * GIB, PAGE_RAM, A), -EPERM);
	assert_int_equal(owner_change(hpa(RAM), 4 * GIB, A, OWNER_FREE), -EPERM);
	/* Back, the table is as small as before. */
	assert_int_equal(owner_change(page, PAGE_SIZE, B, A), 0);
	assert_int_equal(frame_used(), used);
	assert_int_equal(owner_change(hpa(RAM), 4 * GIB, A, B), 0);
	assert_int_equal(owner_of(hpa(RAM + 4 * GIB - 1)), B);
}

static void a_mapped_page_keeps_its_owner(void **state)
{
	hpa_t page = hpa(RAM + 2 * MIB);

	(void)state;
	assert_int_equal(owner_get(page, PAGE_SIZE, PAGE_RAM, A), 0);
	assert_int_equal(owner_get(page, PAGE_SIZE, PAGE_RAM, A), 0);
	assert_int_equal(owner_change(page, PAGE_SIZE, A, B), -EBUSY);
	assert_int_equal(owner_change(hpa(RAM), GIB, A, B), -EBUSY);
	assert_int_equal(owner_of(hpa(RAM)), A);
	owner_put(page, PAGE_SIZE);
	assert_int_equal(owner_change(page, PAGE_SIZE, A, B), -EBUSY);
	owner_put(page, PAGE_SIZE);
	assert_int_equal(owner_change(hpa(RAM), GIB, A, B), 0);
	assert_int_equal(owner_change(hpa(RAM), GIB, B, A), 0);
	assert_int_equal(frame_used(), used);
}

static void the_type_is_part_of_the_claim(void **state)
{
	(void)state;
	assert_int_equal(owner_add(hpa(0xfe000000), 0x3000, PAGE_DEVICE, A), 0);
	assert_int_equal(owner_get(hpa(0xfe000000), 0x3000, PAGE_RAM, A), -EPERM);
	assert_int_equal(owner_get(hpa(0xfe001000), 0x1000, PAGE_DEVICE, B), -EPERM);
	assert_int_equal(owner_get(hpa(0xfe001000), 0x1000, PAGE_DEVICE, A), 0);
	assert_int_equal(owner_change(hpa(0xfe000000), 0x3000, A, B), -EBUSY);
	assert_int_equal(owner_change(hpa(0xfe002000), 0x1000, A, B), 0);
	assert_int_equal(owner_get(hpa(0xfe002000), 0x1000, PAGE_DEVICE, B), 0);
	assert_int_equal(owner_get(hpa(RAM), 0x1000, PAGE_DEVICE, A), -EPERM);
}

static void a_count_below_zero_is_a_panic(void **state)
{
	(void)state;
	STUB_EXPECT_PANIC(owner_put(hpa(RAM), PAGE_SIZE));
	setup(NULL);
	assert_int_equal(owner_get(hpa(RAM), PAGE_SIZE, PAGE_RAM, A), 0);
	STUB_EXPECT_PANIC(owner_put(hpa(RAM), 2 * PAGE_SIZE));
	setup(NULL);
	STUB_EXPECT_PANIC(owner_put(hpa(0), PAGE_SIZE));
	setup(NULL);
	STUB_EXPECT_PANIC(owner_put(hpa(RAM), 0));
}

static void eat_frames(size_t leave)
{
	hpa_t kept[8];

	for (size_t i = 0; i < leave; i++)
		kept[i] = frame_alloc();
	while (hpa_value(frame_alloc()) != 0)
		;
	for (size_t i = 0; i < leave; i++)
		frame_free(kept[i]);
}

static void out_of_frames_nothing_changes(void **state)
{
	hpa_t page = hpa(RAM + GIB + MIB);

	(void)state;
	for (size_t left = 0; left < 2; left++) { /* a page takes two tables */
		size_t before;

		setup(NULL);
		eat_frames(left);
		before = frame_used();
		assert_int_equal(owner_change(page, PAGE_SIZE, A, B), -ENOMEM);
		assert_int_equal(owner_get(page, PAGE_SIZE, PAGE_RAM, A), -ENOMEM);
		assert_int_equal(owner_of(page), A);
		assert_int_equal(frame_used(), before);
		/* Whole blocks need none. */
		assert_int_equal(owner_change(hpa(RAM + GIB), GIB, A, B), 0);
	}
	setup(NULL);
	eat_frames(2);
	assert_int_equal(owner_change(page, PAGE_SIZE, A, B), 0);
}

/* Whatever happens in between, a prepared put needs no frame. */
static void a_prepared_put_needs_nothing(void **state)
{
	hpa_t page = hpa(RAM + GIB + MIB);

	(void)state;
	assert_int_equal(owner_get(hpa(RAM), 4 * GIB, PAGE_RAM, A), 0);
	assert_int_equal(owner_get(page, PAGE_SIZE, PAGE_RAM, A), 0);
	assert_int_equal(owner_prepare_put(page, PAGE_SIZE), 0);
	owner_put(page, PAGE_SIZE); /* all alike again, but mapped: not folded */
	eat_frames(0);
	owner_put(page, PAGE_SIZE);
	assert_int_equal(owner_change(page, PAGE_SIZE, A, B), 0);
	owner_put(hpa(RAM), GIB + MIB);
	owner_put(hpa(RAM + GIB + MIB + PAGE_SIZE), 3 * GIB - MIB - PAGE_SIZE);
	assert_int_equal(owner_change(page, PAGE_SIZE, B, A), 0);
	assert_int_equal(owner_change(hpa(RAM), 4 * GIB, A, B), 0);
}

static void a_put_that_was_not_prepared_is_a_panic(void **state)
{
	(void)state;
	assert_int_equal(owner_get(hpa(RAM), 4 * GIB, PAGE_RAM, A), 0);
	STUB_EXPECT_PANIC(owner_put(hpa(RAM + MIB), PAGE_SIZE));
}

struct seen {
	size_t count;
	uint64_t start[8], size[8];
	enum page_type type[8];
	enum owner owner[8];
};

static int see(void *data, hpa_t start, uint64_t size, enum page_type type, enum owner owner)
{
	struct seen *seen = data;

	assert_true(seen->count < 8);
	seen->start[seen->count] = hpa_value(start);
	seen->size[seen->count] = size;
	seen->type[seen->count] = type;
	seen->owner[seen->count++] = owner;
	assert_int_equal(owner_of(start), owner); /* the lock is free */
	return seen->count == 8;
}

static void ranges_are_named_in_order_and_whole(void **state)
{
	struct seen seen = {.count = 0};

	(void)state;
	assert_int_equal(owner_add(hpa(0xfe000000), 0x3000, PAGE_DEVICE, A), 0);
	assert_int_equal(owner_add(hpa(0xfe003000), 0x1000, PAGE_RAM, A), 0);
	assert_int_equal(owner_change(hpa(RAM + GIB), PAGE_SIZE, A, B), 0);
	assert_int_equal(owner_get(hpa(RAM + 3 * GIB), PAGE_SIZE, PAGE_RAM, A), 0); /* no border */
	assert_int_equal(owner_each(see, &seen), 0);
	assert_int_equal(seen.count, 5);
	assert_int_equal(seen.start[0], 0xfe000000);
	assert_int_equal(seen.size[0], 0x3000);
	assert_int_equal(seen.type[0], PAGE_DEVICE);
	assert_int_equal(seen.size[1], 0x1000);
	assert_int_equal(seen.size[2], GIB);
	assert_int_equal(seen.owner[2], A);
	assert_int_equal(seen.size[3], PAGE_SIZE);
	assert_int_equal(seen.owner[3], B);
	assert_int_equal(seen.start[4], RAM + GIB + PAGE_SIZE);
	assert_int_equal(seen.size[4], 3 * GIB - PAGE_SIZE);
	seen.count = 7;
	assert_int_equal(owner_each(see, &seen), 1);
	assert_int_equal(seen.count, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(hostile_ranges_are_refused, setup),
		cmocka_unit_test_setup(what_was_never_declared_is_nobodys, setup),
		cmocka_unit_test_setup(nothing_is_declared_twice, setup),
		cmocka_unit_test_setup(one_page_can_change_hands, setup),
		cmocka_unit_test_setup(a_mapped_page_keeps_its_owner, setup),
		cmocka_unit_test_setup(the_type_is_part_of_the_claim, setup),
		cmocka_unit_test_setup(a_count_below_zero_is_a_panic, setup),
		cmocka_unit_test_setup(out_of_frames_nothing_changes, setup),
		cmocka_unit_test_setup(a_prepared_put_needs_nothing, setup),
		cmocka_unit_test_setup(a_put_that_was_not_prepared_is_a_panic, setup),
		cmocka_unit_test_setup(ranges_are_named_in_order_and_whole, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
