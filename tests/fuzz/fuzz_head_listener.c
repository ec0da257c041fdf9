/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes what QEMU sends to a head: the authentication lines (first byte of the input odd) or the
 * D-Bus messages after them. The head must survive it, say once that it is over, and pass on only
 * what the display protocol allows.
 */
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "head-listener.h"
#include "head-message.h"

struct run {
	struct head_picture *picture;
	unsigned closes;
};

static void run_changed(void *data)
{
	struct run *run = data;
	struct mullion_msg_scanout scanout;
	struct mullion_msg_frame frame;
	struct head_damage damage;
	int fd;

	FUZZ_CHECK(!run->closes);
	if (head_picture_take_scanout(run->picture, &scanout, &fd) == 1)
		FUZZ_CHECK(scanout.width <= MULLION_DISPLAY_MAX_SIDE &&
			   scanout.height <= MULLION_DISPLAY_MAX_SIDE);
	head_picture_take_frame(run->picture, &frame, &damage);
}

static void run_cursor(void *data, const struct head_cursor *shape, const uint32_t *pixels)
{
	struct run *run = data;

	FUZZ_CHECK(!run->closes);
	FUZZ_CHECK(shape->width >= 1 && shape->width <= MULLION_DISPLAY_MAX_CURSOR);
	FUZZ_CHECK(shape->height >= 1 && shape->height <= MULLION_DISPLAY_MAX_CURSOR);
	FUZZ_CHECK(shape->hot_x < shape->width && shape->hot_y < shape->height);
	for (uint32_t i = 0; i < shape->width * shape->height; i++) {
		uint32_t alpha = pixels[i] >> 24;

		FUZZ_CHECK((pixels[i] >> 16 & 0xff) <= alpha && (pixels[i] >> 8 & 0xff) <= alpha &&
			   (pixels[i] & 0xff) <= alpha);
	}
}

static void run_cursor_position(void *data, int32_t x, int32_t y, bool visible)
{
	struct run *run = data;

	(void)x;
	(void)y;
	(void)visible;
	FUZZ_CHECK(!run->closes);
}

static void run_closed(void *data, const char *reason)
{
	struct run *run = data;

	FUZZ_CHECK(!run->closes++);
	FUZZ_CHECK(reason[0]);
}

static const struct head_listener_ops run_ops = {run_changed, run_cursor, run_cursor_position,
						 run_closed};

static void settle(void)
{
	for (unsigned turns = 0; g_main_context_iteration(NULL, FALSE); turns++)
		FUZZ_CHECK(turns < 10000);
}

/* Every reply must be a whole message of ours. */
static void check_replies(int fd)
{
	static uint8_t said[1 << 18];
	const uint8_t *end;
	size_t size = 0, at;
	ssize_t got;

	while (size < sizeof(said) &&
	       (got = recv(fd, said + size, sizeof(said) - size, MSG_DONTWAIT)) > 0)
		size += (size_t)got;
	end = memmem(said, size, "BEGIN\r\n", 7);
	if (!end)
		return;
	at = (size_t)(end + 7 - said);
	while (at < size) {
		struct head_message message;
		size_t header;

		FUZZ_CHECK(size - at >= HEAD_MESSAGE_FIXED);
		header = head_message_header_size(said + at);
		FUZZ_CHECK(header && header <= size - at);
		FUZZ_CHECK(head_message_parse(&message, said + at, header));
		FUZZ_CHECK(!message.call && message.body_length <= size - at - header);
		at += header + message.body_length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char accepted[] = "OK 0123456789abcdef0123456789abcdef\r\n";
	struct run run = {.picture = head_picture_create(2)};
	struct head_listener *listener;
	int ends[2];

	if (size == 0 || size > FUZZ_MAX_INPUT) {
		head_picture_destroy(run.picture);
		return 0;
	}
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	listener = head_listener_create(ends[0], run.picture, &run_ops, &run);
	FUZZ_CHECK(listener);
	if (!(data[0] & 1))
		FUZZ_CHECK(write(ends[1], accepted, sizeof(accepted) - 1) > 0);
	for (size_t at = 1, piece; at < size; at += piece) {
		piece = data[0] & 2 ? 1 + at % 37 : size - at;
		if (piece > size - at)
			piece = size - at;
		if (send(ends[1], data + at, piece, MSG_NOSIGNAL) < 0)
			break;
		if (data[0] & 2)
			settle();
	}
	settle();
	check_replies(ends[1]);
	shutdown(ends[1], SHUT_WR);
	settle();
	FUZZ_CHECK(run.closes == 1);
	head_listener_destroy(listener);
	head_picture_destroy(run.picture);
	close(ends[1]);
	return 0;
}

static size_t put_field(uint8_t *out, size_t at, char code, char type, const char *value)
{
	size_t length = strlen(value);

	at = (at + 7) / 8 * 8;
	out[at] = (uint8_t)code;
	out[at + 1] = 1;
	out[at + 2] = (uint8_t)type;
	at += 4;
	if (type == 's') {
		out[at] = (uint8_t)length;
		at += 4;
	} else {
		out[at++] = (uint8_t)length;
	}
	memcpy(out + at, value, length + 1);
	return at + length + 1;
}

/* A call of QEMU's: interface, member, signature, and the body as words, then pixels. */
static size_t put_call(uint8_t *out, const char *interface, const char *member,
		       const char *signature, const uint32_t *words, size_t num_words,
		       size_t pixels)
{
	size_t at = 16, body = num_words * 4 + pixels;

	memset(out, 0, 256);
	memcpy(out, "l\1\0\1", 4);
	out[4] = (uint8_t)body;
	out[5] = (uint8_t)(body >> 8);
	out[8] = 7;
	at = put_field(out, at, 2, 's', interface);
	at = put_field(out, at, 3, 's', member);
	at = put_field(out, at, 8, 'g', signature);
	out[12] = (uint8_t)(at - 16);
	at = (at + 7) / 8 * 8;
	if (num_words > 0)
		memcpy(out + at, words, num_words * 4);
	at += num_words * 4;
	memset(out + at, 0x5c, pixels);
	return at + pixels;
}

size_t fuzz_seed(unsigned index, uint8_t *data, size_t size)
{
	static const char listener[] = "org.qemu.Display1.Listener";
	static const char properties[] = "org.freedesktop.DBus.Properties";
	static const uint32_t scanout[] = {20, 10, 80, 0x20020888, 800};
	static const uint32_t scanout16[] = {35, 33, 72, 0x10020565, 72 * 33};
	static const uint32_t update[] = {3, 4, 5, 6, 20, 0x20020888, 120};
	static const uint32_t mouse[] = {-3U, 4, 1};
	static const uint32_t cursor[] = {8, 8, 1, 2, 256};
	static const uint32_t name[] = {4, 0x636261};
	size_t at = 1;

	FUZZ_CHECK(size == FUZZ_MAX_INPUT);
	data[0] = (uint8_t)(index & 2);
	switch (index) {
	case 0:
	case 2:
		at += put_call(data + at, properties, "GetAll", "s", name, 2, 0);
		at += put_call(data + at, listener, "Scanout", "uuuuay", scanout, 5, 800);
		at += put_call(data + at, listener, "Update", "iiiiuuay", update, 7, 120);
		at += put_call(data + at, listener, "MouseSet", "iii", mouse, 3, 0);
		at += put_call(data + at, listener, "CursorDefine", "iiiiay", cursor, 5, 256);
		at += put_call(data + at, listener, "Disable", "", NULL, 0, 0);
		return at;
	case 1:
	case 3:
		at += put_call(data + at, listener, "Scanout", "uuuuay", scanout16, 5, 72 * 33);
		at += put_call(data + at, listener, "ScanoutDMABUF", "huuuutb", mouse, 3, 0);
		at += put_call(data + at, listener, "Scanout", "uuuuay", scanout, 5, 800);
		return at;
	case 4:
		data[0] = 1;
		memcpy(data + 1, "OK x\r\nREJECTED EXTERNAL\r\n", 25);
		return 26;
	default:
		return 0;
	}
}
