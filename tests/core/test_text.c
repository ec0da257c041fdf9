/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text in a framebuffer, to the pixel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "lib/errno.h"
#include "lib/types.h"
#include "x86/text.h"

#define WIDTH	   320
#define HEIGHT	   160
#define PITCH	   (WIDTH * 4 + 64) /* more than the width */
#define FOREGROUND 0x00112233
#define BACKGROUND 0x00445566
#define BEYOND	   0xa5

extern const unsigned char text_font[][16];

static const struct screen_mode mode = {
	.width = WIDTH,
	.height = HEIGHT,
	.pitch = PITCH,
	.bits_per_pixel = 32,
	.red_position = 16,
	.green_position = 8,
	.blue_position = 0,
};

static uint8_t pixels[PITCH * HEIGHT + 64];
static struct text_screen screen;

static int set_up(void **state)
{
	(void)state;
	memset(pixels, BEYOND, sizeof(pixels));
	assert_int_equal(text_init(&screen, &mode, pixels), 0);
	text_clear(&screen, FOREGROUND, BACKGROUND);
	return 0;
}

static uint32_t pixel(unsigned x, unsigned y)
{
	uint32_t value;

	memcpy(&value, pixels + y * PITCH + x * 4, 4);
	return value;
}

static bool shows(unsigned column, unsigned row, char c)
{
	for (unsigned y = 0; y < 16; y++) {
		for (unsigned x = 0; x < 8; x++) {
			bool set = text_font[c - ' '][y] >> (7 - x) & 1;

			if (pixel(column * 8 + x, row * 16 + y) != (set ? FOREGROUND : BACKGROUND))
				return false;
		}
	}
	return true;
}

/* Nothing between a row's end and the next row, or behind the last. */
static void expect_nothing_beyond(void)
{
	for (size_t i = 0; i < sizeof(pixels); i++)
		if (i >= PITCH * HEIGHT || i % PITCH >= WIDTH * 4)
			assert_int_equal(pixels[i], BEYOND);
}

static void the_font_is_one(void **state)
{
	/* 'A' as it looks: two strokes that meet above, and a bar. */
	static const unsigned char a[16] = {0,	  0,	0,    0,    0x18, 0x24, 0x24, 0x42,
					    0x42, 0x7e, 0x42, 0x42, 0x42, 0x42, 0,    0};

	(void)state;
	assert_memory_equal(text_font['A' - ' '], a, 16);
	for (unsigned i = '!' - ' '; i <= '~' - ' '; i++)
		for (unsigned n = 0; n < i; n++)
			assert_memory_not_equal(text_font[i], text_font[n], 16);
}

static void letters_are_drawn_to_the_pixel(void **state)
{
	(void)state;
	text_write(&screen, "A~");
	assert_true(shows(0, 0, 'A'));
	assert_true(shows(1, 0, '~'));
	assert_true(shows(2, 0, ' '));
	text_write(&screen, "");
	text_write(&screen, "z");
	assert_true(shows(0, 1, ' '));
	assert_true(shows(0, 2, 'z'));
	expect_nothing_beyond();
}

static void what_is_no_letter_is_a_question_mark(void **state)
{
	(void)state;
	text_write(&screen, "\x01\x7f\xff");
	for (unsigned column = 0; column < 3; column++)
		assert_true(shows(column, 0, '?'));
}

static void long_lines_go_on_in_the_next_row(void **state)
{
	char line[WIDTH / 8 + 2];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 2] = 'y';
	line[sizeof(line) - 1] = '\0';
	text_write(&screen, line);
	assert_true(shows(WIDTH / 8 - 1, 0, 'x'));
	assert_true(shows(0, 1, 'y'));
	line[WIDTH / 8] = '\0'; /* one that just fits takes one row */
	text_write(&screen, line);
	text_write(&screen, "z");
	assert_true(shows(0, 3, 'z'));
	expect_nothing_beyond();
}

static void a_full_screen_scrolls(void **state)
{
	char line[] = "a long one";

	(void)state;
	for (char c = 'a'; c <= 'j'; c++) {
		line[0] = c;
		text_write(&screen, line);
	}
	assert_true(shows(0, 0, 'a'));
	assert_true(shows(0, 9, 'j'));
	text_write(&screen, "k");
	assert_true(shows(0, 0, 'b'));
	assert_true(shows(0, 8, 'j'));
	assert_true(shows(9, 8, 'e'));
	assert_true(shows(0, 9, 'k'));
	assert_true(shows(9, 9, ' '));
	expect_nothing_beyond();
}

static void clearing_starts_again_at_the_top(void **state)
{
	(void)state;
	text_write(&screen, "A");
	text_clear(&screen, FOREGROUND, BACKGROUND);
	assert_true(shows(0, 0, ' '));
	text_write(&screen, "B");
	assert_true(shows(0, 0, 'B'));
}

static void three_bytes_a_pixel_and_other_colour_orders(void **state)
{
	struct screen_mode other = mode;

	(void)state;
	other.bits_per_pixel = 24;
	other.pitch = WIDTH * 3;
	other.red_position = 0;
	other.blue_position = 16;
	memset(pixels, BEYOND, sizeof(pixels));
	assert_int_equal(text_init(&screen, &other, pixels), 0);
	text_clear(&screen, FOREGROUND, BACKGROUND);
	text_write(&screen, "A");
	assert_memory_equal(pixels, "\x44\x55\x66", 3);
	/* The first set pixel of 'A' is at 3, 4. */
	assert_memory_equal(pixels + 4 * WIDTH * 3 + 3 * 3, "\x11\x22\x33", 3);
	assert_int_equal(pixels[WIDTH * HEIGHT * 3], BEYOND);
}

static void a_dense_screen_has_large_letters(void **state)
{
	struct screen_mode dense = {.width = 2560,
				    .height = 320,
				    .pitch = 2560 * 4,
				    .bits_per_pixel = 32,
				    .red_position = 16,
				    .green_position = 8};
	uint32_t *many = calloc(2560 * 320, 4);

	(void)state;
	assert_int_equal(text_init(&screen, &dense, many), 0);
	text_clear(&screen, FOREGROUND, BACKGROUND);
	text_write(&screen, "A");
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(many[(8 + i / 2) * 2560 + 6 + i % 2], FOREGROUND);
	assert_int_equal(many[7 * 2560 + 6], BACKGROUND);
	free(many);
}

static void modes_that_do_not_fit_are_refused(void **state)
{
	struct screen_mode bad;

	(void)state;
#define EXPECT_REFUSED(change)                                                                     \
	do {                                                                                       \
		bad = mode;                                                                        \
		change;                                                                            \
		assert_int_equal(text_init(&screen, &bad, pixels), -EINVAL);                       \
	} while (0)
	EXPECT_REFUSED(bad.bits_per_pixel = 0);
	EXPECT_REFUSED(bad.bits_per_pixel = 8);
	EXPECT_REFUSED(bad.bits_per_pixel = 16);
	EXPECT_REFUSED(bad.width = 319);
	EXPECT_REFUSED(bad.width = 0);
	EXPECT_REFUSED(bad.height = 159);
	EXPECT_REFUSED(bad.pitch = WIDTH * 4 - 1);
	EXPECT_REFUSED(bad.width = UINT32_MAX);
	EXPECT_REFUSED(bad.red_position = 25);
	EXPECT_REFUSED(bad.blue_position = 255);
}

static void a_screen_larger_than_the_table_uses_its_corner(void **state)
{
	struct screen_mode large = {.width = 2399,
				    .height = 4000,
				    .pitch = 2399 * 4,
				    .bits_per_pixel = 32,
				    .red_position = 16,
				    .green_position = 8};
	uint8_t *many = malloc((size_t)large.pitch * large.height);
	char line[400];

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(text_init(&screen, &large, many), 0);
	text_clear(&screen, FOREGROUND, BACKGROUND);
	for (unsigned i = 0; i < 200; i++)
		text_write(&screen, line);
	assert_int_equal(screen.row, TEXT_MAX_ROWS);
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_font_is_one),
		cmocka_unit_test_setup(letters_are_drawn_to_the_pixel, set_up),
		cmocka_unit_test_setup(what_is_no_letter_is_a_question_mark, set_up),
		cmocka_unit_test_setup(long_lines_go_on_in_the_next_row, set_up),
		cmocka_unit_test_setup(a_full_screen_scrolls, set_up),
		cmocka_unit_test_setup(clearing_starts_again_at_the_top, set_up),
		cmocka_unit_test(three_bytes_a_pixel_and_other_colour_orders),
		cmocka_unit_test(a_dense_screen_has_large_letters),
		cmocka_unit_test(modes_that_do_not_fit_are_refused),
		cmocka_unit_test(a_screen_larger_than_the_table_uses_its_corner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
