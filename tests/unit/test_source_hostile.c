/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Protects: a head that lies, stalls, floods or dies is closed once, with a sentence that says why,
 * and costs the others nothing. */
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
#include <sys/socket.h>
#include <unistd.h>

#include "mullion/wire.h"
#include "source-probe.h"

#define BROKE "the head broke the display protocol: "

static const struct mullion_rect dot = {0, 0, 1, 1};

static void expect_broken(struct source_probe *probe, const char *reason)
{
	source_probe_expect_closed(probe, G_IO_ERROR_INVALID_DATA, reason);
	assert_null(source_image(probe->source));
}

static void restart(void **state)
{
	assert_int_equal(source_probe_teardown(state), 0);
	assert_int_equal(source_probe_setup(state), 0);
}

static void other_version_is_refused_by_name(void **state)
{
	struct source_probe *probe = *state;

	fake_head_hello(probe->head, 9);
	expect_broken(probe, "the head speaks display protocol 9, this screen 1");
}

static void head_that_leaves_after_its_greeting_is_still_told_by_its_version(void **state)
{
	struct source_probe *probe = *state;

	fake_head_hello(probe->head, 9);
	source_probe_hang_up(probe);
	source_send_key(probe->source, 30, true); /* fails, but that is not the reason */
	expect_broken(probe, "the head speaks display protocol 9, this screen 1");
}

static void sizes_out_of_range_are_refused(void **state)
{
	static const struct {
		uint32_t width, height, stride, buffers;
		const char *reason;
	} rows[] = {
		{8193, 1, 65536, 1, BROKE "a scanout that is too large"},
		{1, UINT32_MAX, 4, 1, BROKE "a scanout that is too large"},
		{0x40000001, 1, 4, 1, BROKE "a scanout that is too large"},
		{8192, 8192, 65536, 2, BROKE "a scanout that takes too much memory"},
		{8192, 8192, 65540, 1, BROKE "a scanout whose stride is too large"},
		{64, 64, 252, 1, BROKE "a scanout whose stride does not fit its width"},
		{64, 64, 256, 3, BROKE "a scanout with too many buffers"},
	};
	struct source_probe *probe = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		int memory = fake_head_memfd(4096, MFD_ALLOW_SEALING);

		fake_head_hello(probe->head, MULLION_DISPLAY_VERSION_MAJOR);
		fake_head_scanout(probe->head, rows[i].width, rows[i].height, rows[i].stride,
				  rows[i].buffers, memory);
		close(memory);
		expect_broken(probe, rows[i].reason);
		assert_int_equal(probe->scanouts, 0);
		restart(state);
	}
}

static void expect_memory_refused(void **state, int memory, const char *reason)
{
	struct source_probe *probe = *state;

	assert_return_code(memory, errno);
	fake_head_hello(probe->head, MULLION_DISPLAY_VERSION_MAJOR);
	fake_head_scanout(probe->head, 64, 64, 256, 2, memory);
	close(memory);
	expect_broken(probe, reason);
	assert_int_equal(probe->scanouts, 0);
	restart(state);
}

static void memory_that_can_shrink_is_refused(void **state)
{
	const size_t size = 64 * 64 * 8;
	static const char reason[] = BROKE "scanout memory that cannot be sealed against shrinking";
	char path[64];
	FILE *file;
	int memory, readable;

	/* a memfd without MFD_ALLOW_SEALING */
	expect_memory_refused(state, fake_head_memfd(size, 0), reason);

	/* a memfd that lets nobody seal it any more */
	memory = fake_head_memfd(size, MFD_ALLOW_SEALING);
	assert_return_code(fcntl(memory, F_ADD_SEALS, F_SEAL_SEAL), errno);
	expect_memory_refused(state, memory, reason);

	/* one that we may only read, and so not seal */
	memory = fake_head_memfd(size, MFD_ALLOW_SEALING);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
	readable = open(path, O_RDONLY | O_CLOEXEC);
	close(memory);
	expect_memory_refused(state, readable, reason);

	/* a plain file: refused as one or the other, by what its filesystem is */
	file = tmpfile();
	assert_non_null(file);
	assert_return_code(ftruncate(fileno(file), (off_t)size), errno);
	fake_head_hello(((struct source_probe *)*state)->head, MULLION_DISPLAY_VERSION_MAJOR);
	fake_head_scanout(((struct source_probe *)*state)->head, 64, 64, 256, 2, fileno(file));
	fclose(file);
	source_probe_settle();
	assert_int_equal(((struct source_probe *)*state)->closes, 1);
	assert_int_equal(((struct source_probe *)*state)->close_code, G_IO_ERROR_INVALID_DATA);
	assert_int_equal(((struct source_probe *)*state)->scanouts, 0);
}

static void memory_of_another_kind_is_refused(void **state)
{
	static const char reason[] = BROKE "scanout memory that is not a memfd of normal pages";
	int pipe_ends[2];

	assert_return_code(pipe2(pipe_ends, O_CLOEXEC), errno);
	close(pipe_ends[1]);
	expect_memory_refused(state, pipe_ends[0], reason);
	/* Huge pages can be taken from under a mapping, sealed or not. */
	expect_memory_refused(state, fake_head_memfd(2 << 20, MFD_ALLOW_SEALING | MFD_HUGETLB),
			      reason);
}

static void memory_that_is_too_small_is_refused(void **state)
{
	static const char reason[] = BROKE "scanout memory that is smaller than the scanout";

	expect_memory_refused(state, fake_head_memfd(64 * 64 * 8 - 1, MFD_ALLOW_SEALING), reason);
	expect_memory_refused(state, fake_head_memfd(0, MFD_ALLOW_SEALING), reason);
}

static void bad_rectangles_are_refused(void **state)
{
	static const struct {
		struct mullion_rect rect;
		const char *reason;
	} rows[] = {
		{{0, 0, 65, 1}, BROKE "a frame with a rectangle outside of its scanout"},
		{{0, 0, 1, 33}, BROKE "a frame with a rectangle outside of its scanout"},
		{{64, 0, 1, 1}, BROKE "a frame with a rectangle outside of its scanout"},
		{{63, 31, 1, 2}, BROKE "a frame with a rectangle outside of its scanout"},
		{{UINT32_MAX, 0, 2, 1}, BROKE "a frame with a rectangle outside of any scanout"},
		{{0, UINT32_MAX - 1, 1, 3},
		 BROKE "a frame with a rectangle outside of any scanout"},
		{{1, 0, UINT32_MAX, 1}, BROKE "a frame with a rectangle outside of any scanout"},
		{{0, 0, 0, 1}, BROKE "a frame with an empty rectangle"},
	};
	struct source_probe *probe = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		close(source_probe_show(probe, 64, 32));
		fake_head_frame(probe->head, 0, rows[i].rect);
		expect_broken(probe, rows[i].reason);
		assert_int_equal(probe->frames, 0);
		restart(state);
	}
	close(source_probe_show(probe, 64, 32));
	fake_head_frame(probe->head, 0, (struct mullion_rect){63, 31, 1, 1});
	fake_head_frame(probe->head, 1, (struct mullion_rect){0, 0, 64, 32});
	source_probe_settle();
	assert_int_equal(probe->frames, 2);
}

static void frame_needs_a_buffer_that_is_the_heads(void **state)
{
	static const char reason[] = BROKE "a frame in a buffer that has not been released";
	struct source_probe *probe = *state;
	int memory;

	/* The newest frame's buffer. */
	close(source_probe_show(probe, 8, 8));
	fake_head_frame(probe->head, 0, dot);
	fake_head_frame(probe->head, 0, dot);
	source_probe_expect_closed(probe, G_IO_ERROR_INVALID_DATA, reason);
	assert_int_equal(probe->frames, 1);
	restart(state);

	/* An older one's, before the screen has presented. */
	close(source_probe_show(probe, 8, 8));
	source_set_throttled(probe->source, true);
	fake_head_frame(probe->head, 0, dot);
	fake_head_frame(probe->head, 1, dot);
	fake_head_frame(probe->head, 0, dot);
	source_probe_expect_closed(probe, G_IO_ERROR_INVALID_DATA, reason);
	assert_int_equal(probe->frames, 2);
	restart(state);

	/* A buffer that the scanout does not have, and no scanout at all. */
	memory = fake_head_memfd(8 * 8 * 8, MFD_ALLOW_SEALING);
	fake_head_hello(probe->head, MULLION_DISPLAY_VERSION_MAJOR);
	fake_head_scanout(probe->head, 8, 8, 32, 1, memory);
	close(memory);
	fake_head_frame(probe->head, 1, dot);
	expect_broken(probe, BROKE "a frame in a buffer that does not exist");
	restart(state);
	fake_head_hello(probe->head, MULLION_DISPLAY_VERSION_MAJOR);
	fake_head_frame(probe->head, 0, dot);
	expect_broken(probe, BROKE "a frame in a buffer that does not exist");
}

static void nothing_is_taken_after_the_first_wrong_message(void **state)
{
	const uint32_t wrong = 8, right = 1;
	struct source_probe *probe = *state;

	fake_head_hello(probe->head, MULLION_DISPLAY_VERSION_MAJOR);
	fake_head_send(probe->head, MULLION_MSG_LEDS, &right, sizeof(right), -1);
	fake_head_send(probe->head, MULLION_MSG_LEDS, &wrong, sizeof(wrong), -1);
	fake_head_send(probe->head, MULLION_MSG_LEDS, &right, sizeof(right), -1);
	expect_broken(probe, BROKE "lights or capabilities that do not exist");
	assert_int_equal(probe->leds, 1);
}

static void silent_head_is_closed(void **state)
{
	struct source_probe *probe = *state;

	source_set_timeouts(probe->source, 50, 60000);
	source_probe_expect_closed(probe, G_IO_ERROR_TIMED_OUT,
				   "the head has not greeted within 50 ms");
}

static void half_a_message_and_silence_is_closed(void **state)
{
	const struct mullion_msg_header header = {4, MULLION_MSG_LEDS, 0};
	struct source_probe *probe = *state;

	close(source_probe_show(probe, 8, 8));
	source_set_timeouts(probe->source, 60000, 50);
	fake_head_write(probe->head, &header, 5, NULL, 0);
	source_probe_expect_closed(probe, G_IO_ERROR_TIMED_OUT,
				   "the head has left a message unfinished for 50 ms");
}

struct drip {
	struct source_probe *probe;
	const unsigned char *bytes;
	size_t length, sent;
};

static gboolean drip_byte(gpointer data)
{
	struct drip *drip = data;

	if (drip->probe->closes || drip->sent == drip->length)
		return G_SOURCE_CONTINUE;
	fake_head_write(drip->probe->head, drip->bytes + drip->sent++, 1, NULL, 0);
	return G_SOURCE_CONTINUE;
}

/* A byte now and then does not buy time: what counts is when the message began. */
static void dripping_head_is_closed(void **state)
{
	static const unsigned char zeros[60000];
	const struct mullion_msg_header header = {sizeof(zeros), MULLION_MSG_CURSOR, 0};
	struct source_probe *probe = *state;
	struct drip drip = {.probe = probe, .bytes = zeros, .length = sizeof(zeros)};
	guint timer;

	close(source_probe_show(probe, 8, 8));
	source_set_timeouts(probe->source, 60000, 100);
	fake_head_write(probe->head, &header, sizeof(header), NULL, 0);
	timer = g_timeout_add(2, drip_byte, &drip);
	source_probe_expect_closed(probe, G_IO_ERROR_TIMED_OUT,
				   "the head has left a message unfinished for 100 ms");
	g_source_remove(timer);
	assert_true(drip.sent > 1);
	assert_true(drip.sent < sizeof(zeros));
}

static gboolean reached(gpointer data)
{
	*(bool *)data = true;
	return G_SOURCE_REMOVE;
}

/* Many whole messages, each left half for a while, are no offence, nor is silence between them. */
static void slow_but_whole_messages_are_fine(void **state)
{
	const struct {
		struct mullion_msg_header header;
		uint32_t leds;
	} msg = {{4, MULLION_MSG_LEDS, 0}, 1};
	struct source_probe *probe = *state;
	bool later = false;

	close(source_probe_show(probe, 8, 8));
	source_set_timeouts(probe->source, 60000, 150);
	g_timeout_add(400, reached, &later);
	fake_head_write(probe->head, &msg, 6, NULL, 0);
	while (!later) {
		/* Ends one message and begins the next, so that some message is always half. */
		fake_head_write(probe->head, (const char *)&msg + 6, sizeof(msg) - 6, NULL, 0);
		fake_head_write(probe->head, &msg, 6, NULL, 0);
		g_main_context_iteration(NULL, TRUE);
	}
	fake_head_write(probe->head, (const char *)&msg + 6, sizeof(msg) - 6, NULL, 0);
	source_probe_settle();
	assert_int_equal(probe->closes, 0);
	assert_true(probe->leds > 1);

	later = false;
	g_timeout_add(300, reached, &later);
	while (!later)
		g_main_context_iteration(NULL, TRUE);
	assert_int_equal(probe->closes, 0);
}

#define FLOOD	    100000U
#define FLOOD_BATCH 1000U

/* Keeps the hostile head's socket as full as it gets. */
static unsigned flood(int fd, unsigned left)
{
	static struct {
		struct mullion_msg_header header;
		uint32_t leds;
	} batch[FLOOD_BATCH];
	unsigned sent = 0;

	while (sent < left) {
		ssize_t rc;

		for (unsigned i = 0; i < FLOOD_BATCH; i++) {
			batch[i].header = (struct mullion_msg_header){4, MULLION_MSG_LEDS, 0};
			batch[i].leds = i & MULLION_LED_ALL;
		}
		/* A datagram's worth at a time, all of it or nothing: no message is torn. */
		rc = send(fd, batch, sizeof(batch[0]) * MIN(FLOOD_BATCH, left - sent),
			  MSG_DONTWAIT | MSG_NOSIGNAL);
		if (rc < 0) {
			assert_int_equal(errno, EAGAIN);
			break;
		}
		assert_int_equal((size_t)rc % sizeof(batch[0]), 0);
		sent += (unsigned)((size_t)rc / sizeof(batch[0]));
	}
	return sent;
}

static void flooding_head_does_not_hold_up_another(void **state)
{
	struct source_probe *hostile = *state;
	struct source_probe good;
	unsigned sent = 0, turns = 0, frame_sent_at = 0, frame_seen_after = UINT_MAX;

	source_probe_init(&good);
	close(source_probe_show(&good, 64, 64));
	fake_head_hello(hostile->head, MULLION_DISPLAY_VERSION_MAJOR);
	while (hostile->leds < FLOOD) {
		unsigned before = hostile->leds;

		sent += flood(hostile->head, FLOOD - sent);
		if (!frame_sent_at && sent > FLOOD / 4) {
			fake_head_frame(good.head, 0, dot);
			frame_sent_at = turns;
		}
		assert_true(g_main_context_iteration(NULL, FALSE));
		turns++;
		assert_true(hostile->leds - before <= SOURCE_TURN_MESSAGES);
		if (good.frames && frame_seen_after == UINT_MAX)
			frame_seen_after = turns - frame_sent_at;
	}
	assert_int_equal(hostile->leds, FLOOD);
	assert_int_equal(hostile->closes, 0);
	assert_int_equal(good.frames, 1);
	assert_in_range(frame_seen_after, 1, 2);
	/* The flood was there to be read all the time, or this has shown nothing. */
	assert_true(turns < 2 * FLOOD / SOURCE_TURN_MESSAGES);
	source_probe_finish(&good);
}

static void large_messages_take_more_turns(void **state)
{
	static uint32_t bytes[12][2 + 4 + 64 * 64];
	const struct mullion_msg_header header = {16 + 64 * 64 * 4, MULLION_MSG_CURSOR, 0};
	struct source_probe *probe = *state;
	const unsigned fit = SOURCE_TURN_BYTES / sizeof(bytes[0]) + 1;

	fake_head_hello(probe->head, MULLION_DISPLAY_VERSION_MAJOR);
	source_probe_settle();
	for (unsigned i = 0; i < 12; i++) {
		memcpy(bytes[i], &header, sizeof(header));
		bytes[i][2] = bytes[i][3] = 64;
		fake_head_write(probe->head, bytes[i], sizeof(bytes[i]), NULL, 0);
	}
	assert_true(fit < 12);
	assert_true(g_main_context_iteration(NULL, FALSE));
	assert_int_equal(probe->cursors, fit);
	assert_true(g_main_context_iteration(NULL, FALSE));
	assert_int_equal(probe->cursors, 12);
}

static void head_that_takes_no_input_is_closed(void **state)
{
	struct source_probe *probe = *state;

	close(source_probe_show(probe, 8, 8));
	for (unsigned i = 0; i < 100000; i++)
		source_send_pointer_relative(probe->source, 1, 1);
	assert_int_equal(probe->closes, 0); /* never from within a call */
	source_probe_expect_closed(probe, G_IO_ERROR_BUSY, "the head does not take its input");
}

static void head_that_takes_its_input_late_gets_it_all(void **state)
{
	struct source_probe *probe = *state;
	struct mullion_msg_pointer_relative motion;
	uint16_t type;
	int next = 0;

	close(source_probe_show(probe, 8, 8));
	for (int i = 0; i < 1500; i++) {
		source_send_pointer_relative(probe->source, i, 0);
		g_main_context_iteration(NULL, FALSE);
	}
	for (int drained = -1; drained < next;) {
		drained = next;
		while (fake_head_receive(probe->head, &type, &motion, sizeof(motion)))
			assert_int_equal(motion.dx, next++);
		source_probe_settle();
	}
	assert_int_equal(next, 1500);
	assert_int_equal(probe->closes, 0);
}

static void head_that_shuts_its_ears_is_closed(void **state)
{
	struct source_probe *probe = *state;

	close(source_probe_show(probe, 8, 8));
	assert_return_code(shutdown(probe->head, SHUT_RD), errno);
	source_send_key(probe->source, 30, true);
	source_probe_expect_closed(probe, G_IO_ERROR_BROKEN_PIPE,
				   "writing to the head failed: Broken pipe");
}

static void head_that_dies_is_heard_out_first(void **state)
{
	struct source_probe *probe = *state;

	close(source_probe_show(probe, 8, 8));
	fake_head_frame(probe->head, 1, dot);
	source_probe_hang_up(probe);
	source_probe_expect_closed(probe, G_IO_ERROR_CONNECTION_CLOSED,
				   "the head closed its connection");
	assert_int_equal(probe->frames, 1);
}

static void head_that_dies_within_a_message_is_closed(void **state)
{
	struct source_probe *probe = *state;

	close(source_probe_show(probe, 8, 8));
	fake_head_write(probe->head, "\4", 1, NULL, 0);
	source_probe_hang_up(probe);
	source_probe_expect_closed(probe, G_IO_ERROR_CONNECTION_CLOSED,
				   "the head closed its connection within a message");
}

static void closed_op(void *data, const GError *reason)
{
	(void)reason;
	++*(unsigned *)data;
}

static void connection_that_is_none_is_closed(void **state)
{
	static const struct source_ops ops = {.closed = closed_op};
	unsigned closes = 0;
	struct source *source;
	int ends[2];

	(void)state;
	assert_return_code(pipe2(ends, O_CLOEXEC), errno);
	close(ends[1]);
	source = source_create(ends[0], &ops, &closes);
	source_probe_settle();
	assert_int_equal(closes, 1);
	source_destroy(source);
	/* Not even a descriptor. */
	source = source_create(-1, &ops, &closes);
	source_probe_settle();
	assert_int_equal(closes, 2);
	source_destroy(source);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, source_probe_setup, source_probe_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(other_version_is_refused_by_name),
		TEST(head_that_leaves_after_its_greeting_is_still_told_by_its_version),
		TEST(sizes_out_of_range_are_refused),
		TEST(memory_that_can_shrink_is_refused),
		TEST(memory_of_another_kind_is_refused),
		TEST(memory_that_is_too_small_is_refused),
		TEST(bad_rectangles_are_refused),
		TEST(frame_needs_a_buffer_that_is_the_heads),
		TEST(nothing_is_taken_after_the_first_wrong_message),
		TEST(silent_head_is_closed),
		TEST(half_a_message_and_silence_is_closed),
		TEST(dripping_head_is_closed),
		TEST(slow_but_whole_messages_are_fine),
		TEST(flooding_head_does_not_hold_up_another),
		TEST(large_messages_take_more_turns),
		TEST(head_that_takes_no_input_is_closed),
		TEST(head_that_takes_its_input_late_gets_it_all),
		TEST(head_that_shuts_its_ears_is_closed),
		TEST(head_that_dies_is_heard_out_first),
		TEST(head_that_dies_within_a_message_is_closed),
		TEST(connection_that_is_none_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
