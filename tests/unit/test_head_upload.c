/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's pixels into the picture: every format as pixman would convert it, in whatever pieces; and
 * what does not fit is refused before it touches anything.
 */
#include <errno.h>
#include <pixman.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "head-upload.h"

#define WIDTH  45U
#define HEIGHT 23U
#define STRIDE 192U /* more than WIDTH * 4 */

static const uint32_t formats[] = {
	PIXMAN_x8r8g8b8, PIXMAN_a8r8g8b8, PIXMAN_x8b8g8r8, PIXMAN_a8b8g8r8, PIXMAN_b8g8r8x8,
	PIXMAN_b8g8r8a8, PIXMAN_r8g8b8x8, PIXMAN_r8g8b8a8, PIXMAN_r8g8b8,   PIXMAN_b8g8r8,
	PIXMAN_r5g6b5,	 PIXMAN_b5g6r5,	  PIXMAN_x1r5g5b5, PIXMAN_a1r5g5b5, PIXMAN_x4r4g4b4,
	PIXMAN_x1b5g5r5, PIXMAN_a4b4g4r4,
};

static void noise(uint8_t *bytes, size_t length)
{
	uint32_t state = 12345;

	for (size_t i = 0; i < length; i++) {
		state = state * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(state >> 24);
	}
}

/* Any alpha is to be ignored: pixman is told that there is none. */
static uint32_t opaque(uint32_t format)
{
	return PIXMAN_FORMAT(PIXMAN_FORMAT_BPP(format), PIXMAN_FORMAT_TYPE(format), 0,
			     PIXMAN_FORMAT_R(format), PIXMAN_FORMAT_G(format),
			     PIXMAN_FORMAT_B(format));
}

static void test_formats_convert_as_pixman_does(void **state)
{
	uint32_t *source = malloc(STRIDE * HEIGHT), *expected = calloc(WIDTH * HEIGHT, 4);

	(void)state;
	noise((uint8_t *)source, STRIDE * HEIGHT);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct head_upload_info info = {.width = WIDTH,
						.height = HEIGHT,
						.stride = STRIDE,
						.format = formats[i],
						.length = STRIDE * HEIGHT};
		struct head_picture *picture = head_picture_create(2);
		pixman_image_t *from =
			pixman_image_create_bits(opaque(formats[i]), WIDTH, HEIGHT, source, STRIDE);
		pixman_image_t *to = pixman_image_create_bits(PIXMAN_x8r8g8b8, WIDTH, HEIGHT,
							      expected, WIDTH * 4);
		struct head_upload upload;

		assert_non_null(from);
		pixman_image_composite32(PIXMAN_OP_SRC, from, NULL, to, 0, 0, 0, 0, 0, 0, WIDTH,
					 HEIGHT);
		head_upload_init(&upload);
		assert_int_equal(head_upload_begin(&upload, picture, &info, true), 0);
		for (size_t at = 0, piece; at < info.length; at += piece) {
			piece = 1 + at * 7 % 401;
			if (piece > info.length - at)
				piece = info.length - at;
			head_upload_feed(&upload, (uint8_t *)source + at, piece);
		}
		for (uint32_t y = 0; y < HEIGHT; y++)
			for (uint32_t x = 0; x < WIDTH; x++)
				assert_int_equal(head_picture_row(picture, y)[x] & 0xffffff,
						 expected[y * WIDTH + x] & 0xffffff);
		head_upload_finish(&upload);
		head_picture_destroy(picture);
		pixman_image_unref(from);
		pixman_image_unref(to);
	}
	free(source);
	free(expected);
}

static void test_what_does_not_fit_is_refused(void **state)
{
	static const struct head_upload_info good = {.x = 10,
						     .y = 20,
						     .width = 30,
						     .height = 40,
						     .stride = 120,
						     .format = PIXMAN_x8r8g8b8,
						     .length = 120 * 40};
	struct head_upload_info bad[20];
	struct head_picture *picture = head_picture_create(2);
	struct head_upload upload;
	size_t count = 0;
	uint32_t width, height;

	(void)state;
	head_upload_init(&upload);
	assert_int_equal(head_picture_set_size(picture, 40, 60), 0);
	assert_int_equal(head_upload_begin(&upload, picture, &good, false), 0);
	for (size_t i = 0; i < 17; i++)
		bad[i] = good;
	bad[count++].x = -1;
	bad[count++].x = MULLION_DISPLAY_MAX_SIDE - 29;
	bad[count++].y = -1;
	bad[count++].y = MULLION_DISPLAY_MAX_SIDE - 39;
	bad[count++].y = INT32_MAX;
	bad[count++].width = 0;
	bad[count++].width = -30;
	bad[count++].width = INT32_MAX;
	bad[count++].height = 0;
	bad[count++].height = INT32_MIN;
	bad[count++].stride = 119;
	bad[count++].stride = 0;
	bad[count++].stride = UINT32_MAX;
	bad[count++].format = 0;
	bad[count++].format = UINT32_MAX;
	bad[count++].length = 120 * 40 - 1;
	bad[count++].length = 0;
	for (size_t i = 0; i < count; i++)
		assert_int_equal(head_upload_begin(&upload, picture, &bad[i], false), -EINVAL);
	/* A Scanout that is refused leaves the size. */
	assert_int_equal(head_upload_begin(&upload, picture, &bad[15], true), -EINVAL);
	assert_true(head_picture_size(picture, &width, &height));
	assert_int_equal(width, 40);
	head_picture_disable(picture);
	assert_int_equal(head_upload_begin(&upload, picture, &good, false), -EINVAL);
	head_upload_finish(&upload);
	head_picture_destroy(picture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats_convert_as_pixman_does),
		cmocka_unit_test(test_what_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
