/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Protects: what display/wire.c promises in include/mullion/wire.h about greeting, framing,
 * descriptors and a peer that does not read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake-head.h"
#include "mullion/wire.h"

#define QUEUE_MAX 4096U

struct end {
	struct mullion_wire *wire; /* a screen's, unless a test makes it otherwise */
	int peer;
	unsigned fds_before;
};

static int setup(void **state)
{
	static struct end end;
	int ends[2];

	end.fds_before = fake_head_open_fds();
	fake_head_pair(ends);
	end.wire = mullion_wire_create(ends[0], MULLION_WIRE_FROM_HEAD, QUEUE_MAX);
	assert_non_null(end.wire);
	end.peer = ends[1];
	*state = &end;
	return 0;
}

/* Every test is also one that no descriptor is left behind. */
static int teardown(void **state)
{
	struct end *end = *state;

	mullion_wire_destroy(end->wire);
	if (end->peer >= 0)
		close(end->peer);
	assert_int_equal(fake_head_open_fds(), end->fds_before);
	return 0;
}

static void expect_nothing(struct end *end)
{
	struct mullion_wire_msg msg;
	int fd;

	assert_int_equal(mullion_wire_receive(end->wire, &msg, &fd), 0);
}

/* Returns the descriptor that came along. */
static int expect_message(struct end *end, uint16_t type, uint32_t first_word)
{
	struct mullion_wire_msg msg;
	uint32_t word;
	int fd;

	assert_int_equal(mullion_wire_receive(end->wire, &msg, &fd), 1);
	assert_int_equal(msg.type, type);
	memcpy(&word, msg.payload, sizeof(word));
	assert_int_equal(word, first_word);
	return fd;
}

static void expect_error(struct end *end, int error, const char *sentence)
{
	struct mullion_wire_msg msg;
	int fd;

	assert_int_equal(mullion_wire_receive(end->wire, &msg, &fd), error);
	assert_int_equal(fd, -1);
	assert_string_equal(mullion_wire_error(end->wire), sentence);
	/* It stays broken, whatever follows. */
	if (error == -EPROTO)
		fake_head_hello(end->peer, MULLION_DISPLAY_VERSION_MAJOR);
	assert_int_equal(mullion_wire_receive(end->wire, &msg, &fd), error);
}

static void send_leds(int fd, uint32_t leds)
{
	fake_head_send(fd, MULLION_MSG_LEDS, &leds, sizeof(leds), -1);
}

static void greet(struct end *end)
{
	fake_head_hello(end->peer, MULLION_DISPLAY_VERSION_MAJOR);
	expect_nothing(end);
	assert_true(mullion_wire_greeted(end->wire));
}

static void create_sends_the_greeting(void **state)
{
	struct end *end = *state;
	struct {
		struct mullion_msg_header header;
		struct mullion_msg_hello hello;
	} got;

	assert_int_equal(recv(end->peer, &got, sizeof(got), MSG_DONTWAIT), sizeof(got));
	assert_int_equal(got.header.type, MULLION_MSG_HELLO);
	assert_int_equal(got.header.length, sizeof(got.hello));
	assert_int_equal(got.header.flags, 0);
	assert_int_equal(got.hello.magic, MULLION_DISPLAY_MAGIC);
	assert_int_equal(got.hello.major, MULLION_DISPLAY_VERSION_MAJOR);
	assert_false(mullion_wire_wants_write(end->wire));
	assert_false(mullion_wire_greeted(end->wire));
}

static void messages_arrive_in_order(void **state)
{
	struct end *end = *state;

	fake_head_hello(end->peer, MULLION_DISPLAY_VERSION_MAJOR);
	for (uint32_t i = 0; i < 7; i++)
		send_leds(end->peer, i);
	for (uint32_t i = 0; i < 7; i++)
		assert_int_equal(expect_message(end, MULLION_MSG_LEDS, i), -1);
	expect_nothing(end);
}

static void byte_by_byte_is_the_same(void **state)
{
	struct end *end = *state;
	struct {
		struct mullion_msg_header hello_header;
		struct mullion_msg_hello hello;
		struct mullion_msg_header frame_header;
		uint32_t buffer, num_rects; /* struct mullion_msg_frame */
		struct mullion_rect rect;
	} bytes = {
		{sizeof(bytes.hello), MULLION_MSG_HELLO, 0},
		{MULLION_DISPLAY_MAGIC, MULLION_DISPLAY_VERSION_MAJOR, 0},
		{8 + sizeof(bytes.rect), MULLION_MSG_FRAME, 0},
		1,
		1,
		{2, 3, 4, 5},
	};
	struct mullion_wire_msg msg;
	int fd;

	for (size_t i = 0; i < sizeof(bytes); i++) {
		expect_nothing(end);
		fake_head_write(end->peer, (const char *)&bytes + i, 1, NULL, 0);
	}
	assert_int_equal(mullion_wire_receive(end->wire, &msg, &fd), 1);
	assert_int_equal(msg.type, MULLION_MSG_FRAME);
	assert_int_equal(msg.length, 24);
	assert_memory_equal(msg.payload, &bytes.buffer, 24);
	assert_false(mullion_wire_partial(end->wire));
}

static void half_a_message_is_told_from_none(void **state)
{
	struct end *end = *state;
	uint32_t leds = 1;
	struct mullion_msg_header header = {sizeof(leds), MULLION_MSG_LEDS, 0};

	greet(end);
	assert_false(mullion_wire_partial(end->wire));
	fake_head_write(end->peer, &header, 3, NULL, 0);
	expect_nothing(end);
	assert_true(mullion_wire_partial(end->wire));
	fake_head_write(end->peer, (char *)&header + 3, sizeof(header) - 3, NULL, 0);
	fake_head_write(end->peer, &leds, 2, NULL, 0);
	expect_nothing(end);
	assert_true(mullion_wire_partial(end->wire));
	close(end->peer);
	end->peer = -1;
	expect_error(end, -ECONNRESET, "the head closed its connection within a message");
}

static void end_of_connection_is_reported_after_the_last_message(void **state)
{
	struct end *end = *state;

	greet(end);
	send_leds(end->peer, 5);
	close(end->peer);
	end->peer = -1;
	expect_message(end, MULLION_MSG_LEDS, 5);
	expect_error(end, -ECONNRESET, "the head closed its connection");
}

static void other_version_is_named(void **state)
{
	struct end *end = *state;

	fake_head_hello(end->peer, 9);
	expect_error(end, -EPROTO, "the head speaks display protocol 9, this screen 1");
	assert_false(mullion_wire_greeted(end->wire));
}

static void other_version_may_have_a_longer_greeting(void **state)
{
	struct end *end = *state;
	const struct {
		struct mullion_msg_hello hello;
		uint32_t news[3];
	} greeting = {.hello = {MULLION_DISPLAY_MAGIC, 2, 0}};

	fake_head_send(end->peer, MULLION_MSG_HELLO, &greeting, sizeof(greeting), -1);
	expect_error(end, -EPROTO, "the head speaks display protocol 2, this screen 1");
}

static void wrong_magic_is_refused(void **state)
{
	struct end *end = *state;
	struct mullion_msg_hello hello = {0xdeadbeef, MULLION_DISPLAY_VERSION_MAJOR, 0};

	fake_head_send(end->peer, MULLION_MSG_HELLO, &hello, sizeof(hello), -1);
	expect_error(end, -EPROTO,
		     "the head broke the display protocol: a greeting that is not of the display "
		     "protocol");
}

static void greeting_comes_first_and_once(void **state)
{
	struct end *end = *state;

	greet(end);
	fake_head_hello(end->peer, MULLION_DISPLAY_VERSION_MAJOR);
	expect_error(end, -EPROTO, "the head broke the display protocol: a second greeting");

	assert_int_equal(teardown(state), 0);
	assert_int_equal(setup(state), 0);
	send_leds(end->peer, 0);
	expect_error(end, -EPROTO,
		     "the head broke the display protocol: a message before the greeting");
}

static void bad_header_is_refused_before_its_payload(void **state)
{
	struct end *end = *state;
	struct mullion_msg_header header = {MULLION_DISPLAY_MAX_PAYLOAD + 1, MULLION_MSG_CURSOR, 0};

	greet(end);
	fake_head_write(end->peer, &header, sizeof(header), NULL, 0);
	expect_error(end, -EPROTO,
		     "the head broke the display protocol: a message that is too long");
}

static void unknown_flags_are_refused(void **state)
{
	struct end *end = *state;
	struct {
		struct mullion_msg_header header;
		uint32_t leds;
	} msg = {{4, MULLION_MSG_LEDS, 1}, 0};

	greet(end);
	fake_head_write(end->peer, &msg, sizeof(msg), NULL, 0);
	expect_error(end, -EPROTO,
		     "the head broke the display protocol: a message with unknown flags");
}

static void checker_is_asked(void **state)
{
	struct end *end = *state;

	greet(end);
	send_leds(end->peer, 8);
	expect_error(end, -EPROTO,
		     "the head broke the display protocol: lights or capabilities that do not "
		     "exist");
}

static void scanout_brings_its_descriptor(void **state)
{
	struct end *end = *state;
	int memory = fake_head_memfd(4096, 0);
	struct stat sent, got;
	int fd;

	greet(end);
	/* Messages without one right before and after: it must not end up with those. */
	send_leds(end->peer, 1);
	fake_head_scanout(end->peer, 10, 10, 40, 2, memory);
	send_leds(end->peer, 2);
	assert_int_equal(expect_message(end, MULLION_MSG_LEDS, 1), -1);
	fd = expect_message(end, MULLION_MSG_SCANOUT, 10);
	assert_int_equal(expect_message(end, MULLION_MSG_LEDS, 2), -1);
	assert_return_code(fstat(memory, &sent), 0);
	assert_return_code(fstat(fd, &got), 0);
	assert_int_equal(got.st_ino, sent.st_ino);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	close(memory);
}

static void scanout_and_descriptor_need_each_other(void **state)
{
	struct end *end = *state;
	int memory;

	greet(end);
	fake_head_scanout(end->peer, 10, 10, 40, 2, -1);
	expect_error(end, -EPROTO,
		     "the head broke the display protocol: a scanout without its memory");

	assert_int_equal(teardown(state), 0);
	assert_int_equal(setup(state), 0);
	memory = fake_head_memfd(4096, 0);
	greet(end);
	fake_head_scanout(end->peer, 0, 0, 0, 0, memory);
	close(memory);
	expect_error(end, -EPROTO,
		     "the head broke the display protocol: a descriptor where none belongs");
}

static void stray_descriptor_is_refused(void **state)
{
	static const char sentence[] =
		"the head broke the display protocol: a descriptor where none belongs";
	struct mullion_msg_scanout scanout = {10, 10, 40, 1};
	struct mullion_msg_header header = {sizeof(scanout), MULLION_MSG_SCANOUT, 0};
	uint32_t leds = 0;
	struct end *end = *state;

	for (int which = 0; which < 3; which++) {
		int memory = fake_head_memfd(4096, 0);

		greet(end);
		switch (which) {
		case 0: /* with a message that has none */
			fake_head_send(end->peer, MULLION_MSG_LEDS, &leds, sizeof(leds), memory);
			break;
		case 1: /* not with the first byte, but in the payload */
			fake_head_write(end->peer, &header, sizeof(header), NULL, 0);
			fake_head_write(end->peer, &scanout, sizeof(scanout), &memory, 1);
			break;
		case 2: /* one with the header, another in its middle */
			fake_head_write(end->peer, &header, 4, &memory, 1);
			expect_nothing(end);
			fake_head_write(end->peer, (char *)&header + 4, 4, &memory, 1);
			break;
		}
		close(memory);
		expect_error(end, -EPROTO, sentence);
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

static void several_descriptors_are_refused(void **state)
{
	struct end *end = *state;
	struct {
		struct mullion_msg_header header;
		struct mullion_msg_scanout scanout;
	} msg = {{sizeof(msg.scanout), MULLION_MSG_SCANOUT, 0}, {10, 10, 40, 1}};

	for (unsigned num = 2; num <= 8; num++) {
		int memory = fake_head_memfd(4096, 0);
		int fds[8] = {memory, memory, memory, memory, memory, memory, memory, memory};

		greet(end);
		fake_head_write(end->peer, &msg, sizeof(msg), fds, num);
		close(memory);
		expect_error(
			end, -EPROTO,
			"the head broke the display protocol: a descriptor where none belongs");
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

/* Fills the way to the peer. Returns how many messages were accepted. */
static uint32_t stall(struct end *end)
{
	uint32_t accepted = 0;
	int rc;

	for (;; accepted++) {
		struct mullion_msg_release release = {0, accepted};

		rc = mullion_wire_send(end->wire, MULLION_MSG_RELEASE, &release, sizeof(release),
				       NULL, 0, -1);
		if (rc)
			break;
		assert_true(accepted < 1000000);
	}
	assert_int_equal(rc, -ENOBUFS);
	assert_true(mullion_wire_wants_write(end->wire));
	return accepted;
}

static void stalled_peer_is_noticed_and_loses_no_accepted_message(void **state)
{
	struct end *end = *state;
	uint32_t accepted = stall(end), taken = 0;
	struct mullion_msg_release release;
	uint16_t type;

	/* The bound is QUEUE_MAX beyond what the socket holds: see how much that is. */
	while (fake_head_receive(end->peer, &type, &release, sizeof(release)))
		assert_int_equal(release.scanout, taken++);
	assert_true(taken < accepted);
	assert_true((accepted - taken) * 16 <= QUEUE_MAX);
	assert_true((accepted - taken + 2) * 16 > QUEUE_MAX);

	/* Having read, it is a good peer again. */
	assert_int_equal(mullion_wire_flush(end->wire), 0);
	assert_false(mullion_wire_wants_write(end->wire));
	while (fake_head_receive(end->peer, &type, &release, sizeof(release)))
		assert_int_equal(release.scanout, taken++);
	assert_int_equal(taken, accepted);
	release.buffer = 1;
	assert_int_equal(mullion_wire_send(end->wire, MULLION_MSG_RELEASE, &release,
					   sizeof(release), NULL, 0, -1),
			 0);
	assert_true(fake_head_receive(end->peer, &type, &release, sizeof(release)));
	assert_int_equal(release.buffer, 1);
	/* With as much patience left as at first. */
	assert_in_range(stall(end), accepted - 2, accepted + 2);
}

/* A head's end that sends to end->wire. */
static struct mullion_wire *make_sender(struct end *end)
{
	struct mullion_wire *sender =
		mullion_wire_create(end->peer, MULLION_WIRE_FROM_COMPOSITOR, 1024 * 1024);

	assert_non_null(sender);
	end->peer = -1;
	return sender;
}

static void queued_descriptor_is_kept_and_delivered(void **state)
{
	struct end *end = *state;
	struct mullion_wire *sender = make_sender(end);
	struct mullion_msg_scanout scanout = {10, 10, 40, 1};
	int memory = fake_head_memfd(4096, 0);
	struct stat sent, got;
	uint32_t leds = 0, queued = 0;
	int fd;

	/* Enough to fill the socket, then a scanout behind it, then more. */
	while (!mullion_wire_wants_write(sender)) {
		assert_int_equal(mullion_wire_send(sender, MULLION_MSG_LEDS, &leds, sizeof(leds),
						   NULL, 0, -1),
				 0);
		queued++;
	}
	assert_int_equal(mullion_wire_send(sender, MULLION_MSG_SCANOUT, &scanout, sizeof(scanout),
					   NULL, 0, memory),
			 0);
	leds = 3;
	assert_int_equal(
		mullion_wire_send(sender, MULLION_MSG_LEDS, &leds, sizeof(leds), NULL, 0, -1), 0);
	assert_return_code(fstat(memory, &sent), 0);
	close(memory); /* the caller's own; the queue has another */

	for (uint32_t i = 0; i < queued; i++) {
		struct mullion_wire_msg msg;
		int rc = mullion_wire_receive(end->wire, &msg, &fd);

		if (rc == 0) {
			assert_int_equal(mullion_wire_flush(sender), 0);
			rc = mullion_wire_receive(end->wire, &msg, &fd);
		}
		assert_int_equal(rc, 1);
		assert_int_equal(msg.type, MULLION_MSG_LEDS);
		assert_int_equal(fd, -1);
	}
	assert_int_equal(mullion_wire_flush(sender), 0);
	fd = expect_message(end, MULLION_MSG_SCANOUT, 10);
	assert_return_code(fstat(fd, &got), 0);
	assert_int_equal(got.st_ino, sent.st_ino);
	close(fd);
	assert_int_equal(expect_message(end, MULLION_MSG_LEDS, 3), -1);
	mullion_wire_destroy(sender);
}

static void stalled_peer_holds_few_descriptors(void **state)
{
	struct end *end = *state;
	struct mullion_wire *sender = make_sender(end);
	struct mullion_msg_scanout scanout = {10, 10, 40, 1};
	uint32_t leds = 0;
	unsigned before;
	int memory, rc = 0;

	while (!mullion_wire_wants_write(sender))
		assert_int_equal(mullion_wire_send(sender, MULLION_MSG_LEDS, &leds, sizeof(leds),
						   NULL, 0, -1),
				 0);
	memory = fake_head_memfd(4096, 0);
	before = fake_head_open_fds();
	for (int i = 0; i < 1000 && !rc; i++)
		rc = mullion_wire_send(sender, MULLION_MSG_SCANOUT, &scanout, sizeof(scanout), NULL,
				       0, memory);
	assert_int_equal(rc, -ENOBUFS);
	assert_true(fake_head_open_fds() - before <= 16);
	close(memory);
	mullion_wire_destroy(sender); /* and teardown sees that all are closed */
}

static void message_larger_than_the_socket_arrives_whole(void **state)
{
	const uint32_t side = MULLION_DISPLAY_MAX_CURSOR;
	struct end *end = *state;
	struct mullion_wire *sender = make_sender(end);
	struct mullion_msg_cursor cursor = {side, side, 0, 0};
	uint32_t *pixels = malloc(side * side * 4);
	int small = 4096, fd, rc, parts = 0;
	struct mullion_wire_msg msg;

	assert_non_null(pixels);
	for (uint32_t i = 0; i < side * side; i++)
		pixels[i] = i * 2654435761U;
	assert_return_code(
		setsockopt(mullion_wire_fd(sender), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)),
		0);
	assert_int_equal(mullion_wire_send(sender, MULLION_MSG_CURSOR, &cursor, sizeof(cursor),
					   pixels, side * side * 4, -1),
			 0);
	while ((rc = mullion_wire_receive(end->wire, &msg, &fd)) == 0) {
		assert_true(mullion_wire_wants_write(sender));
		assert_int_equal(mullion_wire_flush(sender), 0);
		parts++;
	}
	assert_int_equal(rc, 1);
	assert_true(parts > 10);
	assert_int_equal(msg.length, sizeof(cursor) + side * side * 4);
	assert_memory_equal((const char *)msg.payload + sizeof(cursor), pixels, side * side * 4);
	assert_false(mullion_wire_wants_write(sender));
	free(pixels);
	mullion_wire_destroy(sender);
}

static void sending_to_a_dead_peer_is_an_error_not_a_signal(void **state)
{
	struct end *end = *state;
	struct mullion_msg_release release = {0, 1};

	close(end->peer);
	end->peer = -1;
	assert_int_equal(mullion_wire_send(end->wire, MULLION_MSG_RELEASE, &release,
					   sizeof(release), NULL, 0, -1),
			 -EPIPE);
}

static void message_too_long_is_not_sent(void **state)
{
	struct end *end = *state;
	char byte = 0;

	assert_int_equal(mullion_wire_send(end->wire, MULLION_MSG_CURSOR, &byte, sizeof(byte),
					   &byte, MULLION_DISPLAY_MAX_PAYLOAD, -1),
			 -EMSGSIZE);
	assert_int_equal(
		mullion_wire_send(end->wire, MULLION_MSG_CURSOR, &byte, SIZE_MAX, &byte, 2, -1),
		-EMSGSIZE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(create_sends_the_greeting),
		TEST(messages_arrive_in_order),
		TEST(byte_by_byte_is_the_same),
		TEST(half_a_message_is_told_from_none),
		TEST(end_of_connection_is_reported_after_the_last_message),
		TEST(other_version_is_named),
		TEST(other_version_may_have_a_longer_greeting),
		TEST(wrong_magic_is_refused),
		TEST(greeting_comes_first_and_once),
		TEST(bad_header_is_refused_before_its_payload),
		TEST(unknown_flags_are_refused),
		TEST(checker_is_asked),
		TEST(scanout_brings_its_descriptor),
		TEST(scanout_and_descriptor_need_each_other),
		TEST(stray_descriptor_is_refused),
		TEST(several_descriptors_are_refused),
		TEST(stalled_peer_is_noticed_and_loses_no_accepted_message),
		TEST(queued_descriptor_is_kept_and_delivered),
		TEST(stalled_peer_holds_few_descriptors),
		TEST(message_larger_than_the_socket_arrives_whole),
		TEST(sending_to_a_dead_peer_is_an_error_not_a_signal),
		TEST(message_too_long_is_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
