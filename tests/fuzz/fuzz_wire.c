/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes the display protocol: the checker, a head's and a screen's reader, and a whole source with
 * its buffers. The first byte of an input picks how it is delivered, the rest is what a head sends.
 */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "mullion/wire.h"
#include "source.h"

#define OPTION_GREETED	 0x01U /* a good HELLO comes before the input */
#define OPTION_THROTTLED 0x02U
#define OPTION_PIECES	 0x04U /* arrives in small pieces, with turns of the main loop between */
#define OPTION_MEMORY	 0x18U /* which memory goes with a scanout: one of the next four */
#define MEMORY_GOOD	 0x00U
#define MEMORY_SMALL	 0x08U
#define MEMORY_UNSEALED	 0x10U
#define MEMORY_NONE	 0x18U
#define OPTION_BUSY	 0x20U /* the owner calls back from its callbacks */
#define OPTION_DESTROY	 0x40U /* the owner destroys the source at its second frame */
#define OPTION_TWO	 0x80U /* two descriptors instead of one */

#define GOOD_SIZE  (4U << 20)
#define SMALL_SIZE 4096U

struct owner {
	struct source *source;
	unsigned options;
	unsigned width, height;
	unsigned frames, closes;
	uint32_t sum;
};

static void owner_scanout(void *data, unsigned width, unsigned height)
{
	struct owner *owner = data;

	FUZZ_CHECK(!owner->closes);
	FUZZ_CHECK(!source_image(owner->source));
	FUZZ_CHECK(!width == !height);
	FUZZ_CHECK(width <= MULLION_DISPLAY_MAX_SIDE && height <= MULLION_DISPLAY_MAX_SIDE);
	owner->width = width;
	owner->height = height;
}

/* Looks at all corners of what has changed, which is where a wrong sum would be seen. */
static void owner_frame(void *data, const pixman_region32_t *damage)
{
	struct owner *owner = data;
	pixman_image_t *image = source_image(owner->source);
	const uint32_t *pixels;
	const pixman_box32_t *box;
	int num, stride;

	FUZZ_CHECK(!owner->closes);
	FUZZ_CHECK(image && owner->width && owner->height);
	FUZZ_CHECK(pixman_image_get_width(image) == (int)owner->width);
	FUZZ_CHECK(pixman_image_get_height(image) == (int)owner->height);
	pixels = pixman_image_get_data(image);
	stride = pixman_image_get_stride(image) / 4;
	box = pixman_region32_rectangles((pixman_region32_t *)(uintptr_t)damage, &num);
	FUZZ_CHECK(num > 0);
	for (; num; num--, box++) {
		FUZZ_CHECK(box->x1 >= 0 && box->x1 < box->x2 && box->x2 <= (int)owner->width);
		FUZZ_CHECK(box->y1 >= 0 && box->y1 < box->y2 && box->y2 <= (int)owner->height);
		owner->sum += pixels[box->y1 * stride + box->x1];
		owner->sum += pixels[(box->y2 - 1) * stride + box->x2 - 1];
	}
	owner->frames++;
	if (owner->options & OPTION_BUSY) {
		source_send_pointer_absolute(owner->source, owner->sum, owner->frames);
		source_presented(owner->source);
	}
	if ((owner->options & OPTION_DESTROY) && owner->frames == 2) {
		source_destroy(owner->source);
		owner->source = NULL;
	}
}

static void owner_cursor(void *data)
{
	struct owner *owner = data;
	const struct source_cursor *cursor = source_cursor(owner->source);

	FUZZ_CHECK(!owner->closes);
	if (cursor->image) {
		int width = pixman_image_get_width(cursor->image);
		int height = pixman_image_get_height(cursor->image);

		FUZZ_CHECK(cursor->hot_x >= 0 && cursor->hot_x < width);
		FUZZ_CHECK(cursor->hot_y >= 0 && cursor->hot_y < height);
		owner->sum += pixman_image_get_data(cursor->image)[width * height - 1];
	}
	if (owner->options & OPTION_BUSY)
		source_send_scroll(owner->source, cursor->x, cursor->y);
}

static void owner_leds(void *data, uint32_t leds)
{
	struct owner *owner = data;

	FUZZ_CHECK(!owner->closes && leds <= MULLION_LED_ALL);
	if (owner->options & OPTION_BUSY)
		source_set_throttled(owner->source, leds & 1);
}

static void owner_caps(void *data, uint32_t caps)
{
	struct owner *owner = data;

	FUZZ_CHECK(!owner->closes && caps <= MULLION_CAP_ALL);
	if (owner->options & OPTION_BUSY)
		source_request_mode(owner->source, owner->width, owner->sum, owner->sum, caps);
}

static void owner_closed(void *data, const GError *reason)
{
	struct owner *owner = data;

	FUZZ_CHECK(!owner->closes++);
	FUZZ_CHECK(reason->message[0]);
	if (owner->options & OPTION_DESTROY) {
		source_destroy(owner->source);
		owner->source = NULL;
	}
}

static const struct source_ops owner_ops = {owner_scanout, owner_frame, owner_cursor,
					    owner_leds,	   owner_caps,	owner_closed};

static int memory_of(unsigned options)
{
	static int good = -1, small = -1, unsealed = -1;

	if (good < 0) {
		good = memfd_create("good", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		small = memfd_create("small", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		unsealed = memfd_create("unsealed", MFD_CLOEXEC);
		FUZZ_CHECK(good >= 0 && small >= 0 && unsealed >= 0);
		FUZZ_CHECK(ftruncate(good, GOOD_SIZE) == 0);
		FUZZ_CHECK(ftruncate(small, SMALL_SIZE) == 0);
		FUZZ_CHECK(ftruncate(unsealed, GOOD_SIZE) == 0);
	}
	switch (options & OPTION_MEMORY) {
	case MEMORY_GOOD:
		return good;
	case MEMORY_SMALL:
		return small;
	case MEMORY_UNSEALED:
		return unsealed;
	default:
		return -1;
	}
}

/* Sends what the socket takes. Returns false if it is gone. */
static bool send_some(int fd, const uint8_t **data, size_t size, const int *fds, unsigned num_fds)
{
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)*data, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t sent;

	if (num_fds) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(num_fds * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(num_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, num_fds * sizeof(int));
	}
	sent = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		return false;
	*data += sent < 0 ? 0 : sent;
	return true;
}

/* Turns the main loop until it has nothing to do; for one source, input this short is a few turns.
 */
static void settle(void)
{
	for (unsigned turns = 0; g_main_context_iteration(NULL, FALSE); turns++)
		FUZZ_CHECK(turns < 10000);
}

static void deliver(int fd, unsigned options, const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	int memory = memory_of(options);
	const int fds[2] = {memory, memory};

	while (data < end) {
		struct mullion_msg_header header = {0};
		const uint8_t *message = data, *message_end = end;

		if ((size_t)(end - data) >= sizeof(header)) {
			memcpy(&header, data, sizeof(header));
			if (header.length < (size_t)(end - data) - sizeof(header))
				message_end = data + sizeof(header) + header.length;
		}
		while (data < message_end) {
			size_t left = (size_t)(message_end - data);
			bool first = data == message && header.type == MULLION_MSG_SCANOUT;

			if (options & OPTION_PIECES && left > 5)
				left = 5;
			if (!send_some(fd, &data, left, fds,
				       !first || memory < 0   ? 0
				       : options & OPTION_TWO ? 2
							      : 1))
				return;
			if (options & OPTION_PIECES)
				settle();
		}
	}
}

/* All that a source has said must be what a head accepts. */
static void check_said(int fd)
{
	static uint8_t said[1 << 20];
	size_t size = 0, at;
	ssize_t got;

	while (size < sizeof(said) &&
	       (got = recv(fd, said + size, sizeof(said) - size, MSG_DONTWAIT)) > 0)
		size += (size_t)got;
	for (at = 0; at < size;) {
		struct mullion_msg_header header;

		FUZZ_CHECK(size - at >= sizeof(header));
		memcpy(&header, said + at, sizeof(header));
		at += sizeof(header);
		FUZZ_CHECK(!header.flags && header.length <= size - at);
		FUZZ_CHECK(!mullion_wire_check(MULLION_WIRE_FROM_COMPOSITOR, header.type, said + at,
					       header.length));
		at += header.length;
	}
}

static void fuzz_source(unsigned options, const uint8_t *data, size_t size)
{
	static const struct {
		struct mullion_msg_header header;
		struct mullion_msg_hello hello;
	} greeting = {{8, MULLION_MSG_HELLO, 0},
		      {MULLION_DISPLAY_MAGIC, MULLION_DISPLAY_VERSION_MAJOR, 0}};
	struct owner owner = {.options = options};
	int ends[2];

	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	owner.source = source_create(ends[0], &owner_ops, &owner);
	source_set_throttled(owner.source, options & OPTION_THROTTLED);
	if (options & OPTION_GREETED)
		deliver(ends[1], MEMORY_NONE, (const uint8_t *)&greeting, sizeof(greeting));
	deliver(ends[1], options, data, size);
	settle();
	if (owner.source) {
		source_set_throttled(owner.source, false);
		source_send_key(owner.source, 30, true);
		settle();
	}
	check_said(ends[1]);
	close(ends[1]);
	settle();
	FUZZ_CHECK(owner.closes == 1 || !owner.source);
	source_destroy(owner.source);
	settle();
}

/* The head's end reads messages, too, from a compositor that it does not trust. */
static void fuzz_reader(enum mullion_wire_side from, unsigned options, const uint8_t *data,
			size_t size)
{
	struct mullion_wire_msg msg;
	struct mullion_wire *wire;
	int ends[2], fd, rc;

	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	wire = mullion_wire_create(ends[0], from, 4096);
	FUZZ_CHECK(wire);
	deliver(ends[1], options & ~OPTION_PIECES, data, size);
	close(ends[1]);
	while ((rc = mullion_wire_receive(wire, &msg, &fd)) > 0) {
		FUZZ_CHECK(!mullion_wire_check(from, msg.type, msg.payload, msg.length));
		if (fd >= 0)
			close(fd);
	}
	FUZZ_CHECK(rc == -EPROTO || rc == -ECONNRESET);
	FUZZ_CHECK(mullion_wire_error(wire)[0]);
	mullion_wire_destroy(wire);
}

static void fuzz_check(const uint8_t *data, size_t size)
{
	uint16_t type;

	if (size < sizeof(type))
		return;
	memcpy(&type, data, sizeof(type));
	data += sizeof(type);
	size -= sizeof(type);
	mullion_wire_check(MULLION_WIRE_FROM_HEAD, type, data, (uint32_t)size);
	mullion_wire_check(MULLION_WIRE_FROM_COMPOSITOR, type, data, (uint32_t)size);
}

static int lowest_free_fd(void)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int before;

	if (!size || size > FUZZ_MAX_INPUT)
		return 0;
	memory_of(MEMORY_GOOD);
	settle(); /* makes the main context */
	before = lowest_free_fd();
	fuzz_source(data[0], data + 1, size - 1);
	fuzz_reader(MULLION_WIRE_FROM_COMPOSITOR, data[0], data + 1, size - 1);
	fuzz_check(data + 1, size - 1);
	FUZZ_CHECK(lowest_free_fd() == before); /* nothing is left open */
	return 0;
}

/* One message after the other, as words; length, type and payload are in the words already. */
#define MSG(type, length) (length), (type)
#define HELLO		  MSG(MULLION_MSG_HELLO, 8), MULLION_DISPLAY_MAGIC, MULLION_DISPLAY_VERSION_MAJOR
#define SCANOUT(w, h, n)  MSG(MULLION_MSG_SCANOUT, 16), (w), (h), (w)*4, (n)
#define FRAME(b, ...)	  MSG(MULLION_MSG_FRAME, 24), (b), 1, __VA_ARGS__
#define SEED(options, ...)                                                                         \
	{                                                                                          \
		(options), sizeof((uint32_t[]){__VA_ARGS__}),                                      \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

size_t fuzz_seed(unsigned index, uint8_t *data, size_t size)
{
	static const struct {
		unsigned options;
		size_t length;
		uint32_t words[64];
	} seeds[] = {
		SEED(0, HELLO),
		SEED(0, MSG(MULLION_MSG_HELLO, 8), MULLION_DISPLAY_MAGIC, 9),
		SEED(0, HELLO, SCANOUT(640, 480, 2), FRAME(0, 0, 0, 640, 480),
		     FRAME(1, 8, 8, 16, 16), FRAME(0, 639, 479, 1, 1), SCANOUT(1024, 512, 2)),
		SEED(OPTION_GREETED | OPTION_PIECES, SCANOUT(640, 480, 2), FRAME(0, 0, 0, 640, 480),
		     FRAME(1, 8, 8, 16, 16), SCANOUT(16, 16, 1)),
		SEED(OPTION_GREETED | OPTION_THROTTLED | OPTION_BUSY, SCANOUT(64, 64, 2),
		     FRAME(0, 0, 0, 64, 64), FRAME(1, 8, 8, 16, 16), FRAME(0, 63, 63, 1, 1),
		     SCANOUT(0, 0, 0)),
		SEED(OPTION_GREETED | OPTION_BUSY, MSG(MULLION_MSG_CURSOR, 32), 2, 2, 1, 1,
		     0xffffffff, 0x80808080, 0, 0xff000000, MSG(MULLION_MSG_CURSOR, 16), 0, 0, 0, 0,
		     MSG(MULLION_MSG_CURSOR_POSITION, 16), -5U, 7, 1, 0, MSG(MULLION_MSG_LEDS, 4),
		     5, MSG(MULLION_MSG_CAPS, 4), 3),
		SEED(OPTION_GREETED | MEMORY_SMALL, SCANOUT(32, 32, 1), FRAME(0, 0, 0, 32, 32)),
		SEED(OPTION_GREETED | MEMORY_UNSEALED, SCANOUT(32, 32, 1)),
		SEED(OPTION_GREETED | MEMORY_NONE, SCANOUT(32, 32, 1)),
		SEED(OPTION_GREETED | OPTION_TWO, SCANOUT(32, 32, 1)),
		SEED(OPTION_GREETED | OPTION_DESTROY, SCANOUT(64, 64, 2), FRAME(0, 0, 0, 64, 64),
		     FRAME(1, 8, 8, 16, 16)),
		SEED(OPTION_GREETED, SCANOUT(64, 64, 2), MSG(MULLION_MSG_FRAME, 8 + 3 * 16), 0, 3,
		     0, 0, 64, 64, 1, 1, 5, 5, 3, 3, 61, 1),
		/* for the head's reader */
		SEED(0, HELLO, MSG(MULLION_MSG_RELEASE, 8), 1, 1, MSG(MULLION_MSG_KEY, 4), 0x1001e,
		     MSG(MULLION_MSG_BUTTON, 4), 0x10110, MSG(MULLION_MSG_POINTER_ABSOLUTE, 8), 10,
		     20, MSG(MULLION_MSG_POINTER_RELATIVE, 8), -10U, 20, MSG(MULLION_MSG_SCROLL, 8),
		     0, -1U, MSG(MULLION_MSG_MODE, 16), 1920, 1080, 520, 290),
	};
	size_t length;

	if (index >= sizeof(seeds) / sizeof(seeds[0]))
		return 0;
	length = 1 + seeds[index].length;
	FUZZ_CHECK(length <= size);
	data[0] = (uint8_t)seeds[index].options;
	memcpy(data + 1, seeds[index].words, length - 1);
	return length;
}
