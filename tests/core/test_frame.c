/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frame pool: what it hands out is zero, its own, and handed out once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "memory/frame.h"
#include "stub.h"

#define POOL (64 * MIB)

static int setup(void **state)
{
	(void)state;
	stub_pool_init(POOL, 300 * PAGE_SIZE);
	return 0;
}

static void hands_out_every_frame_once(void **state)
{
	unsigned char seen[300] = {0};
	size_t count = 0;
	hpa_t frame;

	(void)state;
	while (hpa_value(frame = frame_alloc()) != 0) {
		uint64_t index = (hpa_value(frame) - POOL) / PAGE_SIZE;

		assert_true(index < 300 && hpa_value(frame) % PAGE_SIZE == 0);
		assert_int_equal(seen[index]++, 0);
		count++;
	}
	assert_int_equal(count, 299); /* one is the map */
	assert_int_equal(frame_used(), 300);
	assert_int_equal(hpa_value(frame_alloc()), 0);
}

static void frames_are_zero_again(void **state)
{
	hpa_t frame = frame_alloc();
	unsigned char *bytes = frame_virt(frame);

	(void)state;
	memset(bytes, 0xa5, PAGE_SIZE);
	frame_free(frame);
	assert_int_equal(hpa_value(frame_alloc()), hpa_value(frame));
	for (size_t i = 0; i < PAGE_SIZE; i++)
		assert_int_equal(bytes[i], 0);
}

static void adjacent_frames_fit_into_holes(void **state)
{
	hpa_t all[299];
	hpa_t run;

	(void)state;
	for (size_t i = 0; i < 299; i++)
		all[i] = frame_alloc();
	frame_free(all[10]);
	frame_free(all[20]);
	frame_free(all[21]);
	frame_free(all[30]);
	frame_free(all[31]);
	frame_free(all[32]);
	assert_int_equal(hpa_value(frame_alloc_many(4)), 0);
	run = frame_alloc_many(3);
	assert_int_equal(hpa_value(run), hpa_value(all[30]));
	assert_int_equal(hpa_value(frame_alloc_many(2)), hpa_value(all[20]));
	assert_int_equal(hpa_value(frame_alloc()), hpa_value(all[10]));
	assert_int_equal(hpa_value(frame_alloc()), 0);
}

static void freeing_what_is_not_in_use_is_a_panic(void **state)
{
	hpa_t frame = frame_alloc();

	(void)state;
	frame_free(frame);
	STUB_EXPECT_PANIC(frame_free(frame));
	setup(NULL);
	STUB_EXPECT_PANIC(frame_free(hpa(POOL - PAGE_SIZE)));
	STUB_EXPECT_PANIC(frame_free(hpa(POOL + 300 * PAGE_SIZE)));
	STUB_EXPECT_PANIC(frame_free(hpa(POOL + PAGE_SIZE + 8)));
}

static void a_pool_needs_room_and_alignment(void **state)
{
	(void)state;
	STUB_EXPECT_PANIC(frame_init(hpa(POOL), PAGE_SIZE)); /* nothing behind the map */
	STUB_EXPECT_PANIC(frame_init(hpa(0), 16 * PAGE_SIZE));
	STUB_EXPECT_PANIC(frame_init(hpa(POOL + 8), 16 * PAGE_SIZE));
	STUB_EXPECT_PANIC(frame_init(hpa(POOL), 100));
	STUB_EXPECT_PANIC(frame_init(hpa(0 - 2 * PAGE_SIZE), 16 * PAGE_SIZE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(hands_out_every_frame_once, setup),
		cmocka_unit_test_setup(frames_are_zero_again, setup),
		cmocka_unit_test_setup(adjacent_frames_fit_into_holes, setup),
		cmocka_unit_test_setup(freeing_what_is_not_in_use_is_a_panic, setup),
		cmocka_unit_test_setup(a_pool_needs_room_and_alignment, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
