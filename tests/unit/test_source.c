/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Protects: what display/source.h promises about a good head: pixels, damage, who owns which
 * buffer, cursor, input, and callbacks that do as they please. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mullion/wire.h"
#include "source-probe.h"

static const struct mullion_rect dot = {0, 0, 1, 1};

static uint32_t pattern(unsigned buffer, unsigned x, unsigned y)
{
	return (buffer + 1) * 0x00010305U + y * 0x1f3 + x * 7;
}

static void image_is_the_newest_frame_pixel_by_pixel(void **state)
{
	/* A stride with padding, and a size that is no multiple of anything. */
	const unsigned width = 37, height = 23, stride = 37 * 4 + 12;
	struct source_probe *probe = *state;
	const size_t size = (size_t)stride * height * 2;
	int memory = fake_head_memfd(size, MFD_ALLOW_SEALING);
	char *pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);

	assert_ptr_not_equal(pixels, MAP_FAILED);
	memset(pixels, 0xee, size);
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned y = 0; y < height; y++) {
			for (unsigned x = 0; x < width; x++) {
				uint32_t pixel = pattern(i, x, y);

				memcpy(pixels + (i * height + y) * stride + x * 4, &pixel, 4);
			}
		}
	}
	fake_head_hello(probe->head, MULLION_DISPLAY_VERSION_MAJOR);
	fake_head_scanout(probe->head, width, height, stride, 2, memory);
	close(memory);
	source_probe_settle();
	assert_int_equal(probe->width, width);
	assert_int_equal(probe->height, height);
	assert_null(source_image(probe->source));

	for (unsigned i = 0; i < 2; i++) {
		pixman_image_t *image;

		fake_head_frame(probe->head, i, dot);
		source_probe_settle();
		image = source_image(probe->source);
		assert_int_equal(pixman_image_get_width(image), width);
		assert_int_equal(pixman_image_get_height(image), height);
		assert_int_equal(pixman_image_get_format(image), PIXMAN_x8r8g8b8);
		for (unsigned y = 0; y < height; y++) {
			const char *row = (const char *)pixman_image_get_data(image) +
					  y * (unsigned)pixman_image_get_stride(image);

			for (unsigned x = 0; x < width; x++) {
				uint32_t pixel;

				memcpy(&pixel, row + x * 4, 4);
				assert_int_equal(pixel, pattern(i, x, y));
			}
		}
	}
	munmap(pixels, size);
}

static void image_cannot_be_written_to(void **state)
{
	struct source_probe *probe = *state;
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	close(source_probe_show(probe, 64, 64));
	fake_head_frame(probe->head, 0, dot);
	source_probe_settle();
	assert_int_equal(read(zero, pixman_image_get_data(source_image(probe->source)), 4), -1);
	assert_int_equal(errno, EFAULT);
	close(zero);
}

static void first_frame_damages_all_and_later_ones_what_they_say(void **state)
{
	struct source_probe *probe = *state;
	const struct {
		uint32_t buffer, num_rects; /* struct mullion_msg_frame */
		struct mullion_rect rects[3];
	} frame = {1, 3, {{10, 10, 20, 20}, {20, 20, 20, 20}, {99, 49, 1, 1}}};
	pixman_region32_t expected;

	close(source_probe_show(probe, 100, 50));
	fake_head_frame(probe->head, 0, dot);
	source_probe_settle();
	pixman_region32_init_rect(&expected, 0, 0, 100, 50);
	assert_true(pixman_region32_equal(&probe->damage, &expected));
	assert_int_equal(source_stats(probe->source)->damage_pixels, 5000);

	fake_head_send(probe->head, MULLION_MSG_FRAME, &frame, sizeof(frame), -1);
	source_probe_settle();
	pixman_region32_fini(&expected);
	pixman_region32_init_rect(&expected, 10, 10, 20, 20);
	pixman_region32_union_rect(&expected, &expected, 20, 20, 20, 20);
	pixman_region32_union_rect(&expected, &expected, 99, 49, 1, 1);
	assert_true(pixman_region32_equal(&probe->damage, &expected));
	pixman_region32_fini(&expected);
	/* What overlaps counts once. */
	assert_int_equal(source_stats(probe->source)->damage_pixels, 5000 + 400 + 300 + 1);
	assert_int_equal(source_stats(probe->source)->frames, 2);
	assert_int_equal(source_stats(probe->source)->messages, 3);
}

static void older_buffer_goes_back_with_a_newer_frame(void **state)
{
	struct source_probe *probe = *state;

	close(source_probe_show(probe, 8, 8));
	fake_head_frame(probe->head, 0, dot);
	source_probe_settle();
	source_probe_expect_no_message(probe);
	for (unsigned i = 1; i < 10; i++) {
		fake_head_frame(probe->head, i % 2, dot);
		source_probe_settle();
		source_probe_expect_release(probe, (i + 1) % 2, 1);
		source_probe_expect_no_message(probe);
	}
	assert_int_equal(probe->frames, 10);
}

static void throttled_buffer_goes_back_when_presented(void **state)
{
	struct source_probe *probe = *state;

	close(source_probe_show(probe, 8, 8));
	source_set_throttled(probe->source, true);
	fake_head_frame(probe->head, 0, dot);
	fake_head_frame(probe->head, 1, dot);
	source_probe_settle();
	assert_int_equal(probe->frames, 2);
	source_probe_expect_no_message(probe);

	source_presented(probe->source);
	source_probe_settle();
	source_probe_expect_release(probe, 0, 1);
	source_presented(probe->source);
	source_probe_settle();
	source_probe_expect_no_message(probe); /* the newest is kept */

	fake_head_frame(probe->head, 0, dot);
	source_probe_settle();
	source_probe_expect_no_message(probe);
	source_set_throttled(probe->source, false);
	source_probe_settle();
	source_probe_expect_release(probe, 1, 1);
}

static void hook_present(struct source_probe *probe)
{
	source_presented(probe->source);
}

static void presenting_within_the_frame_callback_counts(void **state)
{
	struct source_probe *probe = *state;

	probe->hook = hook_present;
	close(source_probe_show(probe, 8, 8));
	source_set_throttled(probe->source, true);
	fake_head_frame(probe->head, 0, dot);
	fake_head_frame(probe->head, 1, dot);
	source_probe_settle();
	source_probe_expect_release(probe, 0, 1);
}

static void new_scanout_forgets_the_former_ones_buffers(void **state)
{
	struct source_probe *probe = *state;
	int memory = source_probe_show(probe, 8, 8);

	source_set_throttled(probe->source, true);
	fake_head_frame(probe->head, 0, dot);
	fake_head_frame(probe->head, 1, dot);
	fake_head_scanout(probe->head, 4, 8, 16, 2, memory);
	source_probe_settle();
	assert_int_equal(probe->width, 4);
	assert_null(source_image(probe->source));
	source_presented(probe->source);
	source_probe_settle();
	source_probe_expect_no_message(probe);

	fake_head_frame(probe->head, 1, dot);
	fake_head_frame(probe->head, 0, dot);
	source_presented(probe->source);
	source_probe_settle();
	source_presented(probe->source);
	source_probe_settle();
	source_probe_expect_release(probe, 1, 2); /* and says that it means the second scanout */
	source_probe_expect_no_message(probe);
	assert_int_equal(probe->closes, 0);
	close(memory);
}

/* How many of a fake head's memfds this process has mapped. */
static unsigned count_mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned count = 0;
	char line[512];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		count += strstr(line, "/memfd:test") != NULL;
	fclose(maps);
	return count;
}

static void former_scanouts_cost_no_memory(void **state)
{
	struct source_probe *probe = *state;
	int memory = source_probe_show(probe, 64, 64);

	assert_int_equal(count_mappings(), 1);
	for (unsigned i = 0; i < 10; i++) {
		fake_head_scanout(probe->head, 64, 64, 256, 2, memory);
		fake_head_frame(probe->head, i % 2, dot);
		source_probe_settle();
		assert_int_equal(count_mappings(), 1);
	}
	close(memory);
	fake_head_scanout(probe->head, 0, 0, 0, 0, -1);
	source_probe_settle();
	assert_int_equal(count_mappings(), 0);
}

static void empty_scanout_shows_nothing(void **state)
{
	struct source_probe *probe = *state;

	close(source_probe_show(probe, 8, 8));
	fake_head_frame(probe->head, 0, dot);
	source_probe_settle();
	assert_non_null(source_image(probe->source));
	fake_head_scanout(probe->head, 0, 0, 0, 0, -1);
	source_probe_settle();
	assert_int_equal(probe->scanouts, 2);
	assert_int_equal(probe->width, 0);
	assert_int_equal(probe->height, 0);
	assert_null(source_image(probe->source));
	assert_int_equal(probe->closes, 0);
}

static void memory_is_sealed_against_shrinking(void **state)
{
	struct source_probe *probe = *state;
	int memory = source_probe_show(probe, 64, 64);

	assert_int_equal(ftruncate(memory, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(memory, 64 * 64 * 8 - 1), -1);
	assert_int_equal(errno, EPERM);
	assert_return_code(ftruncate(memory, 64 * 64 * 16), errno);
	close(memory);
}

static void memory_that_its_sender_has_sealed_is_fine(void **state)
{
	struct source_probe *probe = *state;
	int memory = fake_head_memfd(8 * 8 * 4, MFD_ALLOW_SEALING);

	assert_return_code(fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL), errno);
	fake_head_hello(probe->head, MULLION_DISPLAY_VERSION_MAJOR);
	fake_head_scanout(probe->head, 8, 8, 32, 1, memory);
	fake_head_frame(probe->head, 0, dot);
	source_probe_settle();
	assert_int_equal(probe->frames, 1);
	close(memory);
}

static void cursor_is_copied(void **state)
{
	struct source_probe *probe = *state;
	const struct {
		uint32_t width, height, hot_x, hot_y; /* struct mullion_msg_cursor */
		uint32_t pixels[6];
	} picture = {3, 2, 2, 1, {0xff000001, 2, 3, 0x80000004, 5, 0x7f7f7f7f}};
	const struct mullion_msg_cursor_position position = {-4, 9, 1, 0};
	const struct mullion_msg_cursor_position far = {INT32_MIN, INT32_MAX, 0, 0};
	const uint32_t hidden[4] = {0};
	const struct source_cursor *cursor = source_cursor(probe->source);

	fake_head_hello(probe->head, MULLION_DISPLAY_VERSION_MAJOR);
	source_probe_settle();
	assert_null(cursor->image);
	assert_false(cursor->positioned);

	fake_head_send(probe->head, MULLION_MSG_CURSOR, &picture, sizeof(picture), -1);
	source_probe_settle();
	assert_int_equal(probe->cursors, 1);
	assert_int_equal(pixman_image_get_format(cursor->image), PIXMAN_a8r8g8b8);
	assert_int_equal(pixman_image_get_width(cursor->image), 3);
	assert_int_equal(pixman_image_get_height(cursor->image), 2);
	for (unsigned y = 0; y < 2; y++)
		assert_memory_equal((char *)pixman_image_get_data(cursor->image) +
					    y * (unsigned)pixman_image_get_stride(cursor->image),
				    picture.pixels + y * 3, 12);
	assert_int_equal(cursor->hot_x, 2);
	assert_int_equal(cursor->hot_y, 1);
	assert_false(cursor->positioned);

	fake_head_send(probe->head, MULLION_MSG_CURSOR_POSITION, &position, sizeof(position), -1);
	source_probe_settle();
	assert_int_equal(probe->cursors, 2);
	assert_true(cursor->positioned && cursor->visible);
	assert_int_equal(cursor->x, -4);
	assert_int_equal(cursor->y, 9);

	/* Room enough to subtract a hot spot or add an offset. */
	fake_head_send(probe->head, MULLION_MSG_CURSOR_POSITION, &far, sizeof(far), -1);
	source_probe_settle();
	assert_false(cursor->visible);
	assert_in_range(-cursor->x, MULLION_DISPLAY_MAX_SIDE, INT16_MAX);
	assert_in_range(cursor->y, MULLION_DISPLAY_MAX_SIDE, INT16_MAX);

	fake_head_send(probe->head, MULLION_MSG_CURSOR, hidden, sizeof(hidden), -1);
	source_probe_settle();
	assert_null(cursor->image);
}

static void leds_and_caps_are_told(void **state)
{
	struct source_probe *probe = *state;
	const uint32_t leds = MULLION_LED_CAPS_LOCK, caps = MULLION_CAP_MODE;

	assert_int_equal(source_caps(probe->source), 0);
	fake_head_hello(probe->head, MULLION_DISPLAY_VERSION_MAJOR);
	fake_head_send(probe->head, MULLION_MSG_LEDS, &leds, sizeof(leds), -1);
	fake_head_send(probe->head, MULLION_MSG_CAPS, &caps, sizeof(caps), -1);
	source_probe_settle();
	assert_int_equal(probe->leds, 1);
	assert_int_equal(probe->caps, 1);
	assert_int_equal(source_leds(probe->source), MULLION_LED_CAPS_LOCK);
	assert_int_equal(source_caps(probe->source), MULLION_CAP_MODE);
}

/* The next message must be of this type, sound, and have these words. */
static void expect_input(struct source_probe *probe, uint16_t type, const uint32_t *words,
			 uint32_t length)
{
	uint32_t got[4];
	uint16_t got_type;

	assert_true(fake_head_receive(probe->head, &got_type, got, sizeof(got)));
	assert_int_equal(got_type, type);
	assert_null(mullion_wire_check(MULLION_WIRE_FROM_COMPOSITOR, type, got, length));
	assert_memory_equal(got, words, length);
}

static void input_arrives_within_its_ranges(void **state)
{
	struct source_probe *probe = *state;
	struct source *source = probe->source;

	source_send_pointer_absolute(source, 1, 1); /* nowhere to point at yet */
	close(source_probe_show(probe, 640, 480));
	source_send_key(source, 30, true);
	source_send_key(source, 30, false);
	source_send_button(source, 0x111, true);
	source_send_pointer_absolute(source, 639, 1);
	source_send_pointer_absolute(source, 640, UINT_MAX);
	source_send_pointer_relative(source, -3, 4);
	source_send_pointer_relative(source, INT_MIN, INT_MAX);
	source_send_scroll(source, 1, -1);
	source_request_mode(source, 1920, 1080, 520, 290);
	source_request_mode(source, 0, 100000, UINT_MAX, 0);
	source_probe_settle();
	expect_input(probe, MULLION_MSG_KEY, (uint32_t[]){30 | 1 << 16}, 4);
	expect_input(probe, MULLION_MSG_KEY, (uint32_t[]){30}, 4);
	expect_input(probe, MULLION_MSG_BUTTON, (uint32_t[]){0x111 | 1 << 16}, 4);
	expect_input(probe, MULLION_MSG_POINTER_ABSOLUTE, (uint32_t[]){639, 1}, 8);
	expect_input(probe, MULLION_MSG_POINTER_ABSOLUTE, (uint32_t[]){639, 479}, 8);
	expect_input(probe, MULLION_MSG_POINTER_RELATIVE, (uint32_t[]){-3U, 4}, 8);
	expect_input(probe, MULLION_MSG_POINTER_RELATIVE, (uint32_t[]){-32768U, 32767}, 8);
	expect_input(probe, MULLION_MSG_SCROLL, (uint32_t[]){1, -1U}, 8);
	expect_input(probe, MULLION_MSG_MODE, (uint32_t[]){1920, 1080, 520, 290}, 16);
	expect_input(probe, MULLION_MSG_MODE, (uint32_t[]){1, 8192, 10000, 0}, 16);
	source_probe_expect_no_message(probe);
}

static void hook_destroy(struct source_probe *probe)
{
	source_destroy(probe->source);
	probe->source = NULL;
}

static unsigned callbacks(const struct source_probe *probe)
{
	return probe->scanouts + probe->frames + probe->cursors + probe->leds + probe->caps +
	       probe->closes;
}

/* Under a sanitizer this also is: nothing is looked at after it is freed. */
static void any_callback_may_destroy_the_source(void **state)
{
	const uint32_t picture[5] = {1, 1, 0, 0, 7}, word = 1;
	struct source_probe *probe = *state;

	for (unsigned which = 0; which < 6; which++) {
		unsigned before;

		close(source_probe_show(probe, 8, 8));
		fake_head_frame(probe->head, 0, dot);
		fake_head_send(probe->head, MULLION_MSG_CURSOR, picture, sizeof(picture), -1);
		source_probe_settle();
		before = callbacks(probe);
		probe->hook = hook_destroy;
		switch (which) {
		case 0:
			fake_head_frame(probe->head, 1, dot);
			break;
		case 1:
			fake_head_send(probe->head, MULLION_MSG_CURSOR, picture, sizeof(picture),
				       -1);
			break;
		case 2:
			fake_head_send(probe->head, MULLION_MSG_LEDS, &word, sizeof(word), -1);
			break;
		case 3:
			fake_head_send(probe->head, MULLION_MSG_CAPS, &word, sizeof(word), -1);
			break;
		case 4:
			fake_head_scanout(probe->head, 0, 0, 0, 0, -1);
			break;
		case 5:
			source_probe_hang_up(probe);
			break;
		}
		/* Of two more messages neither is told, though both are there. */
		if (probe->head >= 0) {
			fake_head_send(probe->head, MULLION_MSG_LEDS, &word, sizeof(word), -1);
			source_probe_hang_up(probe);
		}
		source_probe_settle();
		assert_int_equal(callbacks(probe), before + 1);
		assert_null(probe->source);
		assert_int_equal(source_probe_teardown(state), 0);
		assert_int_equal(source_probe_setup(state), 0);
	}
}

static void hook_busy(struct source_probe *probe)
{
	source_set_throttled(probe->source, true);
	source_presented(probe->source);
	source_set_throttled(probe->source, false);
	source_send_key(probe->source, 30, true);
	source_set_timeouts(probe->source, 1000, 1000);
	source_request_mode(probe->source, 100, 100, 0, 0);
	source_image(probe->source);
}

static void any_callback_may_use_the_source(void **state)
{
	struct source_probe *probe = *state;

	probe->hook = hook_busy;
	close(source_probe_show(probe, 8, 8));
	fake_head_frame(probe->head, 0, dot);
	fake_head_frame(probe->head, 1, dot);
	source_probe_hang_up(probe);
	source_probe_expect_closed(probe, G_IO_ERROR_CONNECTION_CLOSED,
				   "the head closed its connection");
	assert_int_equal(probe->frames, 2);
}

static void last_image_stays_until_the_source_is_destroyed(void **state)
{
	struct source_probe *probe = *state;
	int memory = source_probe_show(probe, 8, 8);
	const uint32_t pixel = 0x00c0ffee;

	assert_int_equal(pwrite(memory, &pixel, sizeof(pixel), 0), sizeof(pixel));
	close(memory);
	fake_head_frame(probe->head, 0, dot);
	source_probe_hang_up(probe);
	source_probe_expect_closed(probe, G_IO_ERROR_CONNECTION_CLOSED,
				   "the head closed its connection");
	assert_int_equal(*pixman_image_get_data(source_image(probe->source)), pixel);
	source_send_key(probe->source, 30, true); /* lost, without harm */
	source_presented(probe->source);
	source_set_timeouts(probe->source, 0, 0);
	source_probe_settle();
	assert_int_equal(probe->closes, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, source_probe_setup, source_probe_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(image_is_the_newest_frame_pixel_by_pixel),
		TEST(image_cannot_be_written_to),
		TEST(first_frame_damages_all_and_later_ones_what_they_say),
		TEST(older_buffer_goes_back_with_a_newer_frame),
		TEST(throttled_buffer_goes_back_when_presented),
		TEST(presenting_within_the_frame_callback_counts),
		TEST(new_scanout_forgets_the_former_ones_buffers),
		TEST(former_scanouts_cost_no_memory),
		TEST(empty_scanout_shows_nothing),
		TEST(memory_is_sealed_against_shrinking),
		TEST(memory_that_its_sender_has_sealed_is_fine),
		TEST(cursor_is_copied),
		TEST(leds_and_caps_are_told),
		TEST(input_arrives_within_its_ranges),
		TEST(any_callback_may_destroy_the_source),
		TEST(any_callback_may_use_the_source),
		TEST(last_image_stays_until_the_source_is_destroyed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
