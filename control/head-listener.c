/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Listener that QEMU draws on; see head-listener.h. */
#include "head-listener.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "head-message.h"
#include "head-upload.h"

#define BUFFER_BYTES 4096U
#define TURN_BYTES                                                                                 \
	(4U << 20) /* read in one turn of the main loop: input must not wait for more              \
		    */
#define BIG_BYTES     (64U << 10) /* a message of that size is a change of its own */
#define CURSOR_BYTES  (MULLION_DISPLAY_MAX_CURSOR * MULLION_DISPLAY_MAX_CURSOR * 4U)
#define MAX_ARGUMENTS 28U /* bytes before the pixels */

#define LISTENER_INTERFACE   "org.qemu.Display1.Listener"
#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"
#define ERROR_UNKNOWN	     "org.freedesktop.DBus.Error.UnknownMethod"

enum state {
	STATE_AUTH,	 /* lines of text */
	STATE_HEADER,	 /* between messages, or in a message's header */
	STATE_ARGUMENTS, /* the fixed part of a body */
	STATE_PIXELS,	 /* of the picture */
	STATE_CURSOR,	 /* pixels of the pointer */
	STATE_SKIP,	 /* the rest of a body */
};

enum call {
	CALL_SCANOUT,
	CALL_UPDATE,
	CALL_DISABLE,
	CALL_MOUSE_SET,
	CALL_CURSOR_DEFINE,
	CALL_GET_ALL,
	CALL_UNKNOWN,
};

/* arguments: bytes of the body before the pixels, the length of the pixels' array included. */
static const struct call_shape {
	const char *interface, *member, *signature;
	size_t arguments;
} calls[] = {
	[CALL_SCANOUT] = {LISTENER_INTERFACE, "Scanout", "uuuuay", 20},
	[CALL_UPDATE] = {LISTENER_INTERFACE, "Update", "iiiiuuay", 28},
	[CALL_DISABLE] = {LISTENER_INTERFACE, "Disable", "", 0},
	[CALL_MOUSE_SET] = {LISTENER_INTERFACE, "MouseSet", "iii", 12},
	[CALL_CURSOR_DEFINE] = {LISTENER_INTERFACE, "CursorDefine", "iiiiay", 20},
	[CALL_GET_ALL] = {PROPERTIES_INTERFACE, "GetAll", "s", 0},
	[CALL_UNKNOWN] = {"", "", "", 0},
};

struct head_listener {
	int fd;
	guint watch;
	const struct head_listener_ops *ops;
	void *data;
	struct head_picture *picture;

	enum state state;
	uint8_t buffer[BUFFER_BYTES];
	size_t have; /* bytes in buffer */

	struct head_message message;
	enum call call;
	size_t body_left;
	struct head_upload upload;
	struct head_cursor cursor;
	uint8_t *cursor_bytes; /* CURSOR_BYTES */
	size_t cursor_have;
	uint32_t serial; /* of our last reply */

	bool changed;
	const char *failure;
};

static bool listener_write(struct head_listener *listener, const void *data, size_t length)
{
	/* Replies are tiny and few. One that does not fit in the socket was never awaited. */
	if (send(listener->fd, data, length, MSG_NOSIGNAL) == (ssize_t)length)
		return true;
	listener->failure = "QEMU does not read the replies to its display calls";
	return false;
}

/* The first byte carries our identity, by which QEMU judges who may listen. */
static bool auth_start(struct head_listener *listener)
{
	struct ucred credentials = {.pid = getpid(), .uid = getuid(), .gid = getgid()};
	union {
		char bytes[CMSG_SPACE(sizeof(credentials))];
		struct cmsghdr align;
	} control = {0};
	char nul = '\0', uid[16], line[64];
	struct iovec iov = {&nul, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int length;

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_CREDENTIALS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(credentials));
	memcpy(CMSG_DATA(cmsg), &credentials, sizeof(credentials));
	if (sendmsg(listener->fd, &msg, MSG_NOSIGNAL) != 1)
		return false;
	/* The user's number in decimal, each digit in hexadecimal. */
	snprintf(uid, sizeof(uid), "%u", (unsigned)credentials.uid);
	length = snprintf(line, sizeof(line), "AUTH EXTERNAL ");
	for (const char *digit = uid; *digit; digit++)
		length += snprintf(line + length, sizeof(line) - (size_t)length, "%02x",
				   (unsigned)*digit);
	length += snprintf(line + length, sizeof(line) - (size_t)length, "\r\n");
	return send(listener->fd, line, (size_t)length, MSG_NOSIGNAL) == length;
}

static void buffer_drop(struct head_listener *listener, size_t bytes)
{
	listener->have -= bytes;
	memmove(listener->buffer, listener->buffer + bytes, listener->have);
}

/* Every consume_*() returns true if it got further, false if it needs more bytes or failed. */
static bool consume_auth(struct head_listener *listener)
{
	const uint8_t *end = memchr(listener->buffer, '\n', listener->have);

	if (!end) {
		if (listener->have == BUFFER_BYTES)
			listener->failure = "QEMU's authentication line does not end";
		return false;
	}
	if (listener->have < 3 || memcmp(listener->buffer, "OK ", 3)) {
		listener->failure = "QEMU refused the listener";
		return false;
	}
	buffer_drop(listener, (size_t)(end - listener->buffer) + 1);
	listener->state = STATE_HEADER;
	return listener_write(listener, "BEGIN\r\n", 7);
}

static enum call call_find(const struct head_message *message)
{
	for (unsigned i = 0; i < CALL_UNKNOWN; i++) {
		/* The interface may be left out of a call. */
		if (message->interface[0] && strcmp(message->interface, calls[i].interface))
			continue;
		if (!strcmp(message->member, calls[i].member))
			return strcmp(message->signature, calls[i].signature) ||
					       message->body_length < calls[i].arguments
				       ? CALL_UNKNOWN
				       : (enum call)i;
	}
	return CALL_UNKNOWN;
}

static bool consume_header(struct head_listener *listener)
{
	size_t size;

	if (listener->have < HEAD_MESSAGE_FIXED)
		return false;
	size = head_message_header_size(listener->buffer);
	if (size == 0 || (listener->have >= size &&
			  !head_message_parse(&listener->message, listener->buffer, size))) {
		listener->failure = "QEMU sent what is no D-Bus message";
		return false;
	}
	if (listener->have < size)
		return false;
	buffer_drop(listener, size);
	listener->body_left = listener->message.body_length;
	listener->call = listener->message.call ? call_find(&listener->message) : CALL_UNKNOWN;
	listener->state = STATE_ARGUMENTS;
	return true;
}

/* A shape that cannot be passed on is dropped: the pointer keeps the one it has. */
static bool cursor_begin(struct head_listener *listener, const uint8_t *arguments)
{
	uint32_t untrusted_width = head_message_u32(arguments, 0);
	uint32_t untrusted_height = head_message_u32(arguments, 4);
	uint32_t untrusted_hot_x = head_message_u32(arguments, 8);
	uint32_t untrusted_hot_y = head_message_u32(arguments, 12);

	if (untrusted_width < 1 || untrusted_width > MULLION_DISPLAY_MAX_CURSOR ||
	    untrusted_height < 1 || untrusted_height > MULLION_DISPLAY_MAX_CURSOR ||
	    listener->body_left != untrusted_width * untrusted_height * 4)
		return false;
	listener->cursor = (struct head_cursor){
		.width = untrusted_width,
		.height = untrusted_height,
		.hot_x = MIN(untrusted_hot_x, untrusted_width - 1),
		.hot_y = MIN(untrusted_hot_y, untrusted_height - 1),
	};
	listener->cursor_have = 0;
	return true;
}

static bool upload_begin(struct head_listener *listener, const uint8_t *arguments)
{
	struct head_upload_info untrusted = {0};
	size_t at = 0;
	int ret;

	if (listener->call == CALL_UPDATE) {
		untrusted.x = (int32_t)head_message_u32(arguments, 0);
		untrusted.y = (int32_t)head_message_u32(arguments, 4);
		at = 8;
	}
	untrusted.width = (int32_t)head_message_u32(arguments, at);
	untrusted.height = (int32_t)head_message_u32(arguments, at + 4);
	untrusted.stride = head_message_u32(arguments, at + 8);
	untrusted.format = head_message_u32(arguments, at + 12);
	untrusted.length = head_message_u32(arguments, at + 16);
	if (untrusted.length != listener->body_left)
		return false;
	ret = head_upload_begin(&listener->upload, listener->picture, &untrusted,
				listener->call == CALL_SCANOUT);
	if (ret == -ENOMEM)
		listener->failure = "no memory for the guest's picture";
	return ret == 0;
}

static bool consume_arguments(struct head_listener *listener)
{
	const uint8_t *arguments = listener->buffer;
	size_t size = calls[listener->call].arguments;

	if (listener->have < size)
		return false;
	listener->body_left -= size;
	listener->state = STATE_SKIP;
	switch (listener->call) {
	case CALL_SCANOUT:
	case CALL_UPDATE:
		if (upload_begin(listener, arguments))
			listener->state = STATE_PIXELS;
		break;
	case CALL_DISABLE:
		head_picture_disable(listener->picture);
		listener->changed = true;
		break;
	case CALL_MOUSE_SET:
		listener->ops->cursor_position(listener->data,
					       (int32_t)head_message_u32(arguments, 0),
					       (int32_t)head_message_u32(arguments, 4),
					       head_message_u32(arguments, 8) != 0);
		break;
	case CALL_CURSOR_DEFINE:
		if (cursor_begin(listener, arguments))
			listener->state = STATE_CURSOR;
		break;
	case CALL_GET_ALL:
	case CALL_UNKNOWN:
		break;
	}
	buffer_drop(listener, size);
	return !listener->failure;
}

/*
 * Guests give premultiplied colours (Linux) or plain ones (Windows), and QEMU does not say which. A
 * colour above its own alpha cannot be premultiplied; one such pixel tells for all.
 */
static void cursor_premultiply(uint32_t *pixels, size_t count)
{
	bool plain = false;

	for (size_t i = 0; i < count && !plain; i++) {
		uint32_t alpha = pixels[i] >> 24;

		plain = (pixels[i] >> 16 & 0xff) > alpha || (pixels[i] >> 8 & 0xff) > alpha ||
			(pixels[i] & 0xff) > alpha;
	}
	for (size_t i = 0; i < count && plain; i++) {
		uint32_t alpha = pixels[i] >> 24, out = alpha << 24;

		for (unsigned shift = 0; shift < 24; shift += 8)
			out |= ((pixels[i] >> shift & 0xff) * alpha + 127) / 255 << shift;
		pixels[i] = out;
	}
}

/* A message has ended: answers it. */
static bool message_end(struct head_listener *listener)
{
	uint8_t reply[HEAD_MESSAGE_MAX_REPLY];
	size_t size;

	listener->state = STATE_HEADER;
	if (!listener->message.call || !listener->message.wants_reply)
		return true;
	size = head_message_reply(reply, ++listener->serial, listener->message.serial,
				  listener->call == CALL_GET_ALL,
				  listener->call == CALL_UNKNOWN ? ERROR_UNKNOWN : NULL);
	return listener_write(listener, reply, size);
}

static bool consume_body(struct head_listener *listener)
{
	size_t bytes = MIN(listener->have, listener->body_left);

	if (bytes == 0 && listener->body_left > 0)
		return false;
	if (listener->state == STATE_PIXELS) {
		head_upload_feed(&listener->upload, listener->buffer, bytes);
	} else if (listener->state == STATE_CURSOR) {
		memcpy(listener->cursor_bytes + listener->cursor_have, listener->buffer, bytes);
		listener->cursor_have += bytes;
	}
	listener->body_left -= bytes;
	buffer_drop(listener, bytes);
	if (listener->body_left > 0)
		return true;
	if (listener->state == STATE_PIXELS) {
		listener->changed = true;
	} else if (listener->state == STATE_CURSOR) {
		uint32_t *pixels = (uint32_t *)(void *)listener->cursor_bytes;

		cursor_premultiply(pixels, listener->cursor_have / 4);
		listener->ops->cursor(listener->data, &listener->cursor, pixels);
	}
	return message_end(listener);
}

static bool consume(struct head_listener *listener)
{
	switch (listener->state) {
	case STATE_AUTH:
		return consume_auth(listener);
	case STATE_HEADER:
		return consume_header(listener);
	case STATE_ARGUMENTS:
		return consume_arguments(listener);
	case STATE_PIXELS:
	case STATE_CURSOR:
	case STATE_SKIP:
		return consume_body(listener);
	}
	return false;
}

/* Reads once, pixels to their place. Returns the bytes read, 0 if there are none now or at an end
 * or failure. */
static size_t listener_read(struct head_listener *listener)
{
	bool direct = listener->state == STATE_PIXELS && listener->have == 0;
	struct iovec iov[HEAD_UPLOAD_IOVECS];
	unsigned count = 1;
	ssize_t got;

	if (direct)
		count = head_upload_iovecs(&listener->upload, iov);
	else
		iov[0] = (struct iovec){listener->buffer + listener->have,
					BUFFER_BYTES - listener->have};
	/* Descriptors that might come along are closed by the kernel: there is no place for them.
	 */
	do
		got = readv(listener->fd, iov, (int)count);
	while (got < 0 && errno == EINTR);
	if (got < 0) {
		if (errno != EAGAIN)
			listener->failure = "QEMU's display connection broke";
		return 0;
	}
	if (got == 0) {
		listener->failure = "QEMU closed its display connection";
		return 0;
	}
	if (direct) {
		head_upload_advance(&listener->upload, (size_t)got);
		listener->body_left -= (size_t)got;
	} else {
		listener->have += (size_t)got;
	}
	return (size_t)got;
}

bool head_listener_settled(const struct head_listener *listener)
{
	return listener->state != STATE_PIXELS;
}

static void changed_tell(struct head_listener *listener)
{
	if (!listener->changed || !head_listener_settled(listener))
		return;
	listener->changed = false;
	listener->ops->changed(listener->data);
}

static gboolean listener_ready(gint fd, GIOCondition condition, gpointer data)
{
	struct head_listener *listener = data;
	size_t turn = 0, got;

	(void)fd;
	(void)condition;
	do {
		got = listener_read(listener);
		turn += got;
		while (got > 0 && consume(listener)) {
			/* Small changes are told together, when all that has come is read. */
			if (listener->message.body_length >= BIG_BYTES)
				changed_tell(listener);
		}
	} while (got > 0 && !listener->failure && turn < TURN_BYTES);
	changed_tell(listener);
	if (listener->failure) {
		listener->watch = 0;
		listener->ops->closed(listener->data, listener->failure);
		return G_SOURCE_REMOVE;
	}
	return G_SOURCE_CONTINUE;
}

struct head_listener *head_listener_create(int fd, struct head_picture *picture,
					   const struct head_listener_ops *ops, void *data)
{
	struct head_listener *listener = calloc(1, sizeof(*listener));

	if (!listener) {
		close(fd);
		return NULL;
	}
	listener->fd = fd;
	listener->picture = picture;
	listener->ops = ops;
	listener->data = data;
	head_upload_init(&listener->upload);
	listener->cursor_bytes = malloc(CURSOR_BYTES);
	if (!listener->cursor_bytes || fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || !auth_start(listener))
		goto fail;
	listener->watch = g_unix_fd_add(fd, G_IO_IN, listener_ready, listener);
	return listener;
fail:
	head_listener_destroy(listener);
	return NULL;
}

void head_listener_destroy(struct head_listener *listener)
{
	if (!listener)
		return;
	if (listener->watch)
		g_source_remove(listener->watch);
	head_upload_finish(&listener->upload);
	free(listener->cursor_bytes);
	close(listener->fd);
	free(listener);
}
