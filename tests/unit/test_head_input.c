/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Input on its way to a QEMU that may be stuck: in order, folded, bounded, and nothing left held.
 */
#include <linux/input-event-codes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "head-input.h"

static void assert_next(struct head_input *input, enum head_input_kind kind, int code_or_x,
			int down_or_y)
{
	bool is_switch = kind == HEAD_INPUT_KEY || kind == HEAD_INPUT_BUTTON;
	struct head_input_event event;

	assert_true(head_input_next(input, &event));
	assert_int_equal(event.kind, kind);
	assert_int_equal(is_switch ? event.code : event.x, code_or_x);
	assert_int_equal(is_switch ? event.down : event.y, down_or_y);
}

static void assert_empty(struct head_input *input)
{
	struct head_input_event event;

	assert_false(head_input_next(input, &event));
}

static void test_motion_folds_but_never_past_a_key(void **state)
{
	struct head_input input;

	(void)state;
	head_input_init(&input);
	head_input_absolute(&input, 1, 2);
	head_input_absolute(&input, 3, 4);
	head_input_key(&input, KEY_A, true);
	head_input_relative(&input, 5, 6);
	head_input_relative(&input, -1, 40000);
	head_input_button(&input, HEAD_BUTTON_RIGHT, true);
	head_input_absolute(&input, 7, 8);
	assert_next(&input, HEAD_INPUT_ABSOLUTE, 3, 4);
	assert_next(&input, HEAD_INPUT_KEY, KEY_A, 1);
	assert_next(&input, HEAD_INPUT_RELATIVE, 4, 32767);
	assert_next(&input, HEAD_INPUT_BUTTON, HEAD_BUTTON_RIGHT, 1);
	assert_next(&input, HEAD_INPUT_ABSOLUTE, 7, 8);
	assert_empty(&input);
}

static void test_a_detent_is_a_press_and_a_release(void **state)
{
	struct head_input input;

	(void)state;
	head_input_init(&input);
	head_input_wheel(&input, 0, 1);
	head_input_wheel(&input, -1, 1);
	for (int i = 0; i < 2; i++) {
		assert_next(&input, HEAD_INPUT_BUTTON, HEAD_BUTTON_WHEEL_UP, 1);
		assert_next(&input, HEAD_INPUT_BUTTON, HEAD_BUTTON_WHEEL_UP, 0);
	}
	assert_next(&input, HEAD_INPUT_BUTTON, HEAD_BUTTON_WHEEL_LEFT, 1);
	assert_next(&input, HEAD_INPUT_BUTTON, HEAD_BUTTON_WHEEL_LEFT, 0);
	assert_empty(&input);
	head_input_wheel(&input, 0, -32768);
	for (int i = 0; i < HEAD_INPUT_DETENTS; i++) {
		assert_next(&input, HEAD_INPUT_BUTTON, HEAD_BUTTON_WHEEL_DOWN, 1);
		assert_next(&input, HEAD_INPUT_BUTTON, HEAD_BUTTON_WHEEL_DOWN, 0);
	}
	assert_empty(&input);
}

static void test_repeated_states_are_told_once(void **state)
{
	struct head_input input;

	(void)state;
	head_input_init(&input);
	head_input_key(&input, KEY_A, false);
	head_input_key(&input, KEY_A, true);
	head_input_key(&input, KEY_A, true);
	head_input_key(&input, KEY_A, false);
	head_input_key(&input, KEY_A, false);
	head_input_key(&input, 256, true);
	head_input_button(&input, 16, true);
	assert_next(&input, HEAD_INPUT_KEY, KEY_A, 1);
	assert_next(&input, HEAD_INPUT_KEY, KEY_A, 0);
	assert_empty(&input);
}

/* A guest that is stuck while thousands of keys are typed: what it is told in the end holds no key
 * that the user does not hold. */
static void test_no_key_stays_held_after_an_overflow(void **state)
{
	struct head_input input;
	struct head_input_event event;
	bool held[HEAD_INPUT_KEYS] = {false};
	unsigned told = 0;

	(void)state;
	head_input_init(&input);
	head_input_key(&input, KEY_LEFTCTRL, true);
	assert_next(&input, HEAD_INPUT_KEY, KEY_LEFTCTRL, 1);
	held[KEY_LEFTCTRL] = true;
	for (uint16_t i = 0; i < 5200; i++)
		head_input_key(&input, (uint16_t)(1 + i % 200), i / 200 % 2 == 0);
	head_input_key(&input, KEY_LEFTCTRL, false);
	while (head_input_next(&input, &event)) {
		assert_int_equal(event.kind, HEAD_INPUT_KEY);
		assert_true(held[event.code] != event.down);
		held[event.code] = event.down;
		told++;
	}
	for (unsigned i = 0; i < HEAD_INPUT_KEYS; i++)
		assert_false(held[i]);
	assert_in_range(told, 2, HEAD_INPUT_QUEUE + HEAD_INPUT_KEYS);
	head_input_key(&input, KEY_B, true);
	assert_next(&input, HEAD_INPUT_KEY, KEY_B, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_motion_folds_but_never_past_a_key),
		cmocka_unit_test(test_a_detent_is_a_press_and_a_release),
		cmocka_unit_test(test_repeated_states_are_told_once),
		cmocka_unit_test(test_no_key_stays_held_after_an_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
