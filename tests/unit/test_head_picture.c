/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The head's picture, to the pixel: whatever QEMU draws and whenever buffers come back, each frame
 * equals the guest's picture, its rectangles cover all that changed, and hardly more.
 */
#include <errno.h>
#include <fcntl.h>
#include <pixman.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "head-picture.h"
#include "head-upload.h"

#define STEPS 4000U

static uint32_t random_state;

static uint32_t random_u32(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state;
}

static uint32_t random_below(uint32_t limit)
{
	return random_u32() % limit;
}

/* The compositor's view of one head, and the guest's true picture beside it. */
struct viewer {
	struct head_picture *picture;
	struct head_upload upload;
	uint32_t width, height;
	uint32_t *truth; /* drawn by the test itself */
	uint32_t *shown; /* made of the frames' rectangles only */
	uint32_t *map;
	size_t map_size;
	uint32_t buffers, scanouts;
	bool held[2];
	uint64_t damage; /* of the last frame, in pixels */
	unsigned num_rects;
};

static void viewer_init(struct viewer *viewer, unsigned buffers)
{
	*viewer = (struct viewer){.picture = head_picture_create(buffers)};
	assert_non_null(viewer->picture);
	head_upload_init(&viewer->upload);
}

static void viewer_forget(struct viewer *viewer)
{
	if (viewer->map)
		munmap(viewer->map, viewer->map_size);
	free(viewer->shown);
	viewer->map = NULL;
	viewer->shown = NULL;
	memset(viewer->held, 0, sizeof(viewer->held));
}

static void viewer_finish(struct viewer *viewer)
{
	viewer_forget(viewer);
	free(viewer->truth);
	head_upload_finish(&viewer->upload);
	head_picture_destroy(viewer->picture);
}

/* QEMU draws a rectangle of the truth; in random pieces, as a socket would give them. */
static void viewer_draw(struct viewer *viewer, uint32_t x, uint32_t y, uint32_t width,
			uint32_t height, bool resize)
{
	uint32_t pad = random_below(3) * 4;
	uint32_t stride = width * 4 + pad;
	size_t length = (size_t)stride * height - (random_below(2) ? pad : 0), at = 0;
	uint8_t *bytes = malloc(length);
	struct head_upload_info info = {.x = x,
					.y = y,
					.width = width,
					.height = height,
					.stride = stride,
					.format = PIXMAN_x8r8g8b8,
					.length = (uint32_t)length};

	assert_non_null(bytes);
	memset(bytes, 0xee, length);
	for (uint32_t row = 0; row < height; row++)
		memcpy(bytes + (size_t)row * stride,
		       viewer->truth + (size_t)(y + row) * viewer->width + x, width * 4);
	assert_int_equal(head_upload_begin(&viewer->upload, viewer->picture, &info, resize), 0);
	while (at < length) {
		size_t piece = 1 + random_below(20000);

		if (piece > length - at)
			piece = length - at;
		head_upload_feed(&viewer->upload, bytes + at, piece);
		at += piece;
	}
	free(bytes);
}

static void viewer_resize(struct viewer *viewer, uint32_t width, uint32_t height)
{
	free(viewer->truth);
	viewer->truth = malloc((size_t)width * height * 4);
	assert_non_null(viewer->truth);
	viewer->width = width;
	viewer->height = height;
	for (size_t i = 0; i < (size_t)width * height; i++)
		viewer->truth[i] = random_u32() & 0xffffff;
	viewer_draw(viewer, 0, 0, width, height, true);
}

static void viewer_take_scanout(struct viewer *viewer)
{
	struct mullion_msg_scanout msg;
	struct stat stat;
	int fd, ret = head_picture_take_scanout(viewer->picture, &msg, &fd);

	assert_true(ret >= 0);
	if (ret == 0)
		return;
	viewer_forget(viewer);
	viewer->scanouts++;
	viewer->buffers = msg.buffers;
	if (msg.buffers == 0) {
		assert_int_equal(fd, -1);
		return;
	}
	assert_int_equal(msg.width, viewer->width);
	assert_int_equal(msg.height, viewer->height);
	assert_int_equal(msg.stride, viewer->width * 4);
	viewer->map_size = (size_t)msg.stride * msg.height * msg.buffers;
	assert_int_equal(fstat(fd, &stat), 0);
	assert_true((size_t)stat.st_size >= viewer->map_size);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	viewer->map = mmap(NULL, viewer->map_size, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(viewer->map != MAP_FAILED);
	viewer->shown = calloc((size_t)msg.width * msg.height, 4);
}

/* Takes what there is; returns whether a frame came. */
static bool viewer_take(struct viewer *viewer)
{
	struct mullion_msg_frame frame;
	struct head_damage damage;
	const uint32_t *pixels;
	int ret;

	viewer_take_scanout(viewer);
	ret = head_picture_take_frame(viewer->picture, &frame, &damage);
	assert_true(ret >= 0);
	if (ret == 0)
		return false;
	assert_true(frame.buffer < viewer->buffers);
	assert_false(viewer->held[frame.buffer]);
	viewer->held[frame.buffer] = true;
	pixels = viewer->map + (size_t)frame.buffer * viewer->width * viewer->height;
	assert_in_range(frame.num_rects, 1, MULLION_DISPLAY_MAX_RECTS);
	viewer->damage = 0;
	viewer->num_rects = frame.num_rects;
	for (uint32_t i = 0; i < frame.num_rects; i++) {
		struct mullion_rect rect = damage.rects[i];

		assert_true(rect.width > 0 && rect.height > 0);
		assert_true(rect.x + rect.width <= viewer->width);
		assert_true(rect.y + rect.height <= viewer->height);
		viewer->damage += (uint64_t)rect.width * rect.height;
		for (uint32_t y = rect.y; y < rect.y + rect.height; y++) {
			size_t at = (size_t)y * viewer->width + rect.x;

			memcpy(viewer->shown + at, pixels + at, rect.width * 4);
		}
	}
	assert_memory_equal(pixels, viewer->truth, (size_t)viewer->width * viewer->height * 4);
	assert_memory_equal(viewer->shown, viewer->truth,
			    (size_t)viewer->width * viewer->height * 4);
	return true;
}

static void viewer_release(struct viewer *viewer, uint32_t buffer)
{
	assert_true(viewer->held[buffer]);
	viewer->held[buffer] = false;
	assert_true(head_picture_release(viewer->picture, buffer, viewer->scanouts));
}

static void random_change(struct viewer *viewer)
{
	uint32_t x = random_below(viewer->width), y = random_below(viewer->height);
	uint32_t width = 1 + random_below(viewer->width - x);
	uint32_t height = 1 + random_below(viewer->height - y);
	uint32_t kind = random_below(4), colour = random_u32() & 0xffffff;

	/* Solid, speckled, one pixel, or drawn again as it was. */
	for (uint32_t row = y; row < y + height && kind < 3; row++)
		for (uint32_t column = x; column < x + width; column++)
			if (kind == 0 || (kind == 1 && random_below(50) == 0) ||
			    (row == y && column == x))
				viewer->truth[(size_t)row * viewer->width + column] = colour;
	viewer_draw(viewer, x, y, width, height, false);
}

static void run_random(unsigned buffers, uint32_t seed)
{
	struct viewer viewer;
	unsigned frames = 0;

	random_state = seed;
	viewer_init(&viewer, buffers);
	viewer_resize(&viewer, 203, 117);
	for (unsigned step = 0; step < STEPS; step++) {
		uint32_t what = random_below(100);

		if (what == 0)
			viewer_resize(&viewer, 1 + random_below(300), 1 + random_below(200));
		else if (what == 1)
			head_picture_disable(viewer.picture);
		else if (what < 60 &&
			 head_picture_size(viewer.picture, &(uint32_t){0}, &(uint32_t){0}))
			random_change(&viewer);
		else if (what < 80)
			frames += viewer_take(&viewer);
		else if (viewer.held[what % buffers])
			viewer_release(&viewer, what % buffers);
		if (!head_picture_size(viewer.picture, &(uint32_t){0}, &(uint32_t){0}) &&
		    random_below(2))
			viewer_resize(&viewer, 1 + random_below(300), 1 + random_below(200));
	}
	assert_true(frames > STEPS / 50);
	viewer_finish(&viewer);
}

static void test_every_frame_is_the_guest_s_picture(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 4; seed++) {
		run_random(1, seed);
		run_random(2, seed * 77);
	}
}

static void test_nothing_changed_is_no_frame(void **state)
{
	struct viewer viewer;

	(void)state;
	random_state = 5;
	viewer_init(&viewer, 2);
	viewer_resize(&viewer, 320, 200);
	assert_true(viewer_take(&viewer));
	assert_int_equal(viewer.damage, 320 * 200);
	assert_false(viewer_take(&viewer));
	viewer_draw(&viewer, 0, 0, 320, 200, true); /* QEMU's full refresh of the same */
	assert_false(viewer_take(&viewer));
	viewer_finish(&viewer);
}

static void test_without_a_free_buffer_only_the_newest_is_kept(void **state)
{
	struct viewer viewer;

	(void)state;
	random_state = 6;
	viewer_init(&viewer, 2);
	viewer_resize(&viewer, 320, 200);
	assert_true(viewer_take(&viewer));
	random_change(&viewer);
	viewer.truth[0] ^= 0xff;
	viewer_draw(&viewer, 0, 0, 1, 1, false);
	assert_true(viewer_take(&viewer));
	for (unsigned i = 0; i < 100; i++) {
		viewer.truth[i] ^= 0xff;
		viewer_draw(&viewer, i, 0, 1, 1, false);
		assert_false(viewer_take(&viewer));
	}
	viewer_release(&viewer, 0);
	assert_true(viewer_take(&viewer));
	assert_int_equal(viewer.damage, 100);
	assert_false(viewer_take(&viewer));
	viewer_finish(&viewer);
}

#define MOVER	 64U
#define M_WIDTH	 1024U
#define M_HEIGHT 600U

static void mover_paint(struct viewer *viewer, uint32_t x, uint32_t y, bool on)
{
	for (uint32_t row = y; row < y + MOVER; row++)
		for (uint32_t column = x; column < x + MOVER; column++)
			viewer->truth[(size_t)row * M_WIDTH + column] =
				on ? 0xff8000 + ((row - y) ^ (column - x)) : 0x203040;
}

static void test_a_moving_square_in_row_bands_is_a_square(void **state)
{
	uint64_t damage = 0, changed = 0;
	struct viewer viewer;
	uint32_t x = 3, y = 5;

	(void)state;
	random_state = 7;
	viewer_init(&viewer, 2);
	viewer_resize(&viewer, M_WIDTH, M_HEIGHT);
	for (size_t i = 0; i < (size_t)M_WIDTH * M_HEIGHT; i++)
		viewer.truth[i] = 0x203040;
	mover_paint(&viewer, x, y, true);
	viewer_draw(&viewer, 0, 0, M_WIDTH, M_HEIGHT, true);
	assert_true(viewer_take(&viewer));
	for (unsigned step = 0; step < 100; step++) {
		uint32_t new_x = 3 + step * 9 % (M_WIDTH - MOVER - 3);
		uint32_t new_y = 5 + step * 7 % (M_HEIGHT - MOVER - 5);
		uint32_t top = y < new_y ? y : new_y, bottom = (y > new_y ? y : new_y) + MOVER;
		uint32_t *before = malloc((size_t)M_WIDTH * M_HEIGHT * 4);

		memcpy(before, viewer.truth, (size_t)M_WIDTH * M_HEIGHT * 4);
		mover_paint(&viewer, x, y, false);
		mover_paint(&viewer, new_x, new_y, true);
		for (size_t i = 0; i < (size_t)M_WIDTH * M_HEIGHT; i++)
			changed += before[i] != viewer.truth[i];
		free(before);
		x = new_x;
		y = new_y;
		viewer_draw(&viewer, 0, top, M_WIDTH, bottom - top, false);
		if (viewer.held[0] && viewer.held[1])
			viewer_release(&viewer, step % 2 ? 1 : 0);
		if (viewer_take(&viewer))
			damage += viewer.damage;
	}
	print_message("mover: changed %llu, damage %llu pixels\n", (unsigned long long)changed,
		      (unsigned long long)damage);
	assert_true(changed > 100 * MOVER);
	assert_true(damage * 10 <= changed * 12);
	viewer_finish(&viewer);
}

static void test_hundreds_of_spots_become_few_rectangles(void **state)
{
	struct viewer viewer;

	(void)state;
	random_state = 8;
	viewer_init(&viewer, 2);
	viewer_resize(&viewer, 1280, 800);
	assert_true(viewer_take(&viewer));
	for (unsigned i = 0; i < 300; i++)
		viewer.truth[(size_t)(i / 20 * 53) * 1280 + i % 20 * 61] ^= 0xffffff;
	viewer_draw(&viewer, 0, 0, 1280, 800, true);
	assert_true(viewer_take(&viewer));
	assert_in_range(viewer.num_rects, 2, MULLION_DISPLAY_MAX_RECTS);
	viewer_finish(&viewer);
}

static void test_a_release_that_crossed_a_new_scanout_is_void(void **state)
{
	struct viewer viewer;
	uint32_t old;

	(void)state;
	random_state = 9;
	viewer_init(&viewer, 2);
	viewer_resize(&viewer, 64, 64);
	assert_true(viewer_take(&viewer));
	old = viewer.scanouts;
	viewer_resize(&viewer, 65, 64);
	assert_true(viewer_take(&viewer));
	assert_true(head_picture_release(viewer.picture, 0, old)); /* no lie, but void: */
	assert_false(head_picture_release(viewer.picture, 1, viewer.scanouts));
	assert_false(head_picture_release(viewer.picture, 2, viewer.scanouts));
	assert_false(head_picture_release(viewer.picture, 0, viewer.scanouts + 1));
	viewer_release(&viewer, 0); /* still held until now */
	viewer_finish(&viewer);
}

/* The viewer's truth at another size, what there was in its place. */
static void truth_resize(struct viewer *viewer, uint32_t width, uint32_t height)
{
	uint32_t *truth = calloc((size_t)width * height, 4);

	for (uint32_t y = 0; y < height && y < viewer->height; y++)
		for (uint32_t x = 0; x < width && x < viewer->width; x++)
			truth[(size_t)y * width + x] = viewer->truth[(size_t)y * viewer->width + x];
	free(viewer->truth);
	viewer->truth = truth;
	viewer->width = width;
	viewer->height = height;
}

/* QEMU's text modes: rows of the new size come before the size itself does. */
static void test_pixels_that_come_before_their_size_are_kept(void **state)
{
	struct viewer viewer;

	(void)state;
	random_state = 10;
	viewer_init(&viewer, 2);
	viewer_resize(&viewer, 640, 480);
	assert_true(viewer_take(&viewer));
	truth_resize(&viewer, 720, 400);
	for (size_t i = 0; i < 720 * 400; i++)
		viewer.truth[i] = random_u32() & 0xffffff;
	for (uint32_t row = 0; row < 400; row += 16)
		viewer_draw(&viewer, 0, row, 720, 16, false);
	assert_int_equal(head_picture_show(viewer.picture, 720, 400), 0);
	assert_true(viewer_take(&viewer));
	viewer_draw(&viewer, 700, 390, 20, 10, false);
	assert_false(viewer_take(&viewer));
	viewer_finish(&viewer);
}

/* A size that is older than the whole picture before it, and is soon set right. */
static void test_a_size_that_was_late_loses_no_pixels(void **state)
{
	uint32_t whole[300 * 200];
	struct viewer viewer;

	(void)state;
	random_state = 11;
	viewer_init(&viewer, 2);
	viewer_resize(&viewer, 300, 200);
	memcpy(whole, viewer.truth, sizeof(whole));
	assert_int_equal(head_picture_show(viewer.picture, 70, 80), 0);
	truth_resize(&viewer, 70, 80);
	assert_true(viewer_take(&viewer));
	assert_int_equal(head_picture_show(viewer.picture, 300, 200), 0);
	truth_resize(&viewer, 300, 200);
	memcpy(viewer.truth, whole, sizeof(whole));
	assert_true(viewer_take(&viewer));
	viewer_finish(&viewer);
}

static void test_bad_sizes_change_nothing(void **state)
{
	static const uint32_t bad[][2] = {
		{0, 10}, {10, 0}, {8193, 10}, {10, 8193}, {UINT32_MAX, UINT32_MAX}};
	struct head_picture *picture = head_picture_create(2);
	uint32_t width, height;

	(void)state;
	assert_int_equal(head_picture_set_size(picture, 10, 20), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(head_picture_set_size(picture, bad[i][0], bad[i][1]), -EINVAL);
		assert_int_equal(head_picture_reserve(picture, bad[i][0], bad[i][1]), -EINVAL);
		assert_int_equal(head_picture_show(picture, bad[i][0], bad[i][1]), -EINVAL);
	}
	assert_true(head_picture_size(picture, &width, &height));
	assert_int_equal(width, 10);
	assert_int_equal(height, 20);
	head_picture_destroy(picture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_frame_is_the_guest_s_picture),
		cmocka_unit_test(test_nothing_changed_is_no_frame),
		cmocka_unit_test(test_without_a_free_buffer_only_the_newest_is_kept),
		cmocka_unit_test(test_a_moving_square_in_row_bands_is_a_square),
		cmocka_unit_test(test_hundreds_of_spots_become_few_rectangles),
		cmocka_unit_test(test_a_release_that_crossed_a_new_scanout_is_void),
		cmocka_unit_test(test_pixels_that_come_before_their_size_are_kept),
		cmocka_unit_test(test_a_size_that_was_late_loses_no_pixels),
		cmocka_unit_test(test_bad_sizes_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
