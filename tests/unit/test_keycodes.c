/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Key numbers on their way from the window (USB usages) to evdev codes and on to QEMU (qnums).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/input-event-codes.h>

#include "keycodes.h"
#include "qnum.h"

struct pair {
	unsigned usage;
	uint16_t code;
	unsigned qnum;
};

/* Written from the HID Usage Tables, the kernel's header and a PC keyboard's set 1, key by key. */
static const struct pair pairs[] = {
	{0x04, KEY_A, 0x1e},	       {0x05, KEY_B, 0x30},
	{0x06, KEY_C, 0x2e},	       {0x07, KEY_D, 0x20},
	{0x08, KEY_E, 0x12},	       {0x09, KEY_F, 0x21},
	{0x0a, KEY_G, 0x22},	       {0x0b, KEY_H, 0x23},
	{0x0c, KEY_I, 0x17},	       {0x0d, KEY_J, 0x24},
	{0x0e, KEY_K, 0x25},	       {0x0f, KEY_L, 0x26},
	{0x10, KEY_M, 0x32},	       {0x11, KEY_N, 0x31},
	{0x12, KEY_O, 0x18},	       {0x13, KEY_P, 0x19},
	{0x14, KEY_Q, 0x10},	       {0x15, KEY_R, 0x13},
	{0x16, KEY_S, 0x1f},	       {0x17, KEY_T, 0x14},
	{0x18, KEY_U, 0x16},	       {0x19, KEY_V, 0x2f},
	{0x1a, KEY_W, 0x11},	       {0x1b, KEY_X, 0x2d},
	{0x1c, KEY_Y, 0x15},	       {0x1d, KEY_Z, 0x2c},
	{0x1e, KEY_1, 0x02},	       {0x1f, KEY_2, 0x03},
	{0x20, KEY_3, 0x04},	       {0x21, KEY_4, 0x05},
	{0x22, KEY_5, 0x06},	       {0x23, KEY_6, 0x07},
	{0x24, KEY_7, 0x08},	       {0x25, KEY_8, 0x09},
	{0x26, KEY_9, 0x0a},	       {0x27, KEY_0, 0x0b},
	{0x28, KEY_ENTER, 0x1c},       {0x29, KEY_ESC, 0x01},
	{0x2a, KEY_BACKSPACE, 0x0e},   {0x2b, KEY_TAB, 0x0f},
	{0x2c, KEY_SPACE, 0x39},       {0x31, KEY_BACKSLASH, 0x2b},
	{0x35, KEY_GRAVE, 0x29},       {0x38, KEY_SLASH, 0x35},
	{0x39, KEY_CAPSLOCK, 0x3a},    {0x3a, KEY_F1, 0x3b},
	{0x43, KEY_F10, 0x44},	       {0x44, KEY_F11, 0x57},
	{0x45, KEY_F12, 0x58},	       {0x46, KEY_SYSRQ, 0x54},
	{0x47, KEY_SCROLLLOCK, 0x46},  {0x48, KEY_PAUSE, 0xc6},
	{0x49, KEY_INSERT, 0xd2},      {0x4a, KEY_HOME, 0xc7},
	{0x4b, KEY_PAGEUP, 0xc9},      {0x4c, KEY_DELETE, 0xd3},
	{0x4d, KEY_END, 0xcf},	       {0x4e, KEY_PAGEDOWN, 0xd1},
	{0x4f, KEY_RIGHT, 0xcd},       {0x50, KEY_LEFT, 0xcb},
	{0x51, KEY_DOWN, 0xd0},	       {0x52, KEY_UP, 0xc8},
	{0x53, KEY_NUMLOCK, 0x45},     {0x54, KEY_KPSLASH, 0xb5},
	{0x55, KEY_KPASTERISK, 0x37},  {0x58, KEY_KPENTER, 0x9c},
	{0x59, KEY_KP1, 0x4f},	       {0x61, KEY_KP9, 0x49},
	{0x62, KEY_KP0, 0x52},	       {0x63, KEY_KPDOT, 0x53},
	{0x64, KEY_102ND, 0x56},       {0x65, KEY_COMPOSE, 0xdd},
	{0x87, KEY_RO, 0x73},	       {0x88, KEY_KATAKANAHIRAGANA, 0x70},
	{0x89, KEY_YEN, 0x7d},	       {0x8a, KEY_HENKAN, 0x79},
	{0x8b, KEY_MUHENKAN, 0x7b},    {0xe0, KEY_LEFTCTRL, 0x1d},
	{0xe1, KEY_LEFTSHIFT, 0x2a},   {0xe2, KEY_LEFTALT, 0x38},
	{0xe3, KEY_LEFTMETA, 0xdb},    {0xe4, KEY_RIGHTCTRL, 0x9d},
	{0xe5, KEY_RIGHTSHIFT, 0x36},  {0xe6, KEY_RIGHTALT, 0xb8},
	{0xe7, KEY_RIGHTMETA, 0xdc},   {258, KEY_NEXTSONG, 0x99},
	{259, KEY_PREVIOUSSONG, 0x90}, {260, KEY_STOPCD, 0xa4},
	{261, KEY_PLAYPAUSE, 0xa2},    {0x7f, KEY_MUTE, 0xa0},
	{0x80, KEY_VOLUMEUP, 0xb0},    {0x81, KEY_VOLUMEDOWN, 0xae},
	{266, KEY_CALC, 0xa1},
};

/* The second usage of one key: both are on keyboards, or SDL has two names for it. */
static const unsigned aliases[] = {0x32, 0x86, 0x9a, 257, 262, 272};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Protects: each key comes out in the guest as the key it is. */
static void test_known_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		assert_int_equal(keycode_from_hid(pairs[i].usage), pairs[i].code);
		assert_int_equal(qnum_from_evdev(pairs[i].code), pairs[i].qnum);
	}
}

static bool is_alias(unsigned usage)
{
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
		if (aliases[i] == usage)
			return true;
	}
	return false;
}

/* Protects: no two keys of a keyboard become one, but for the known pairs. */
static void test_usages_unique(void **state)
{
	unsigned owner[256] = {0}, count = 0;

	(void)state;
	for (unsigned usage = 0; usage < 1024; usage++) {
		uint16_t code = keycode_from_hid(usage);

		assert_in_range(code, 0, 255);
		if (!code)
			continue;
		count++;
		if (is_alias(usage))
			continue;
		if (owner[code])
			fail_msg("usages %#x and %#x are both code %u", owner[code], usage, code);
		owner[code] = usage;
	}
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		assert_int_not_equal(owner[keycode_from_hid(aliases[i])], 0);
	/* a full ISO keyboard has 105 keys */
	assert_true(count >= 105);
}

/* Protects: garbage in is no key, and no read past the tables. */
static void test_out_of_range(void **state)
{
	(void)state;
	for (unsigned usage = 0; usage < 4; usage++)
		assert_int_equal(keycode_from_hid(usage), 0); /* none, and the error usages */
	assert_int_equal(keycode_from_hid(0x100), 0);
	assert_int_equal(keycode_from_hid(511), 0);
	assert_int_equal(keycode_from_hid(512), 0);
	assert_int_equal(keycode_from_hid(UINT32_MAX), 0);
	assert_int_equal(qnum_from_evdev(0), 0);
	assert_int_equal(qnum_from_evdev(84), 0);
	assert_int_equal(qnum_from_evdev(BTN_LEFT), 0);
	assert_int_equal(qnum_from_evdev(UINT16_MAX), 0);
}

/* Protects: QEMU can tell the keys apart, and every key a window can send has a number for QEMU. */
static void test_qnums_unique(void **state)
{
	/* Keys no PC keyboard has a code for. */
	static const uint16_t without[] = {KEY_ALTERASE,     KEY_CANCEL,      KEY_KPLEFTPAREN,
					   KEY_KPRIGHTPAREN, KEY_KPPLUSMINUS, KEY_PHONE,
					   KEY_PROG1,	     KEY_PROG2};
	uint16_t owner[256] = {0};

	(void)state;
	for (unsigned code = 1; code <= UINT16_MAX; code++) {
		unsigned qnum = qnum_from_evdev((uint16_t)code);

		assert_in_range(qnum, 0, 255);
		if (!qnum)
			continue;
		if (owner[qnum])
			fail_msg("codes %u and %u are both qnum %#x", owner[qnum], code, qnum);
		owner[qnum] = (uint16_t)code;
	}
	for (unsigned usage = 0; usage < 1024; usage++) {
		uint16_t code = keycode_from_hid(usage);
		bool listed = false;

		for (size_t i = 0; i < ARRAY_SIZE(without); i++)
			listed |= without[i] == code;
		if (code && !qnum_from_evdev(code) != listed)
			fail_msg("code %u has qnum %#x", code, qnum_from_evdev(code));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_keys),
		cmocka_unit_test(test_usages_unique),
		cmocka_unit_test(test_out_of_range),
		cmocka_unit_test(test_qnums_unique),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
