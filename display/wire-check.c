/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one edge at which display protocol messages are checked (include/mullion/wire.h). Pure: the
 * bytes are copied into a structure before they are looked at, so nothing depends on their
 * alignment.
 */
#include <string.h>

#include "mullion/wire.h"

static const char *check_hello(const void *untrusted_payload)
{
	struct mullion_msg_hello hello;

	memcpy(&hello, untrusted_payload, sizeof(hello));
	if (hello.magic != MULLION_DISPLAY_MAGIC)
		return "a greeting that is not of the display protocol";
	if (hello.major != MULLION_DISPLAY_VERSION_MAJOR)
		return "a greeting of another version of the display protocol";
	return NULL;
}

static const char *check_scanout(const void *untrusted_payload)
{
	struct mullion_msg_scanout scanout;

	memcpy(&scanout, untrusted_payload, sizeof(scanout));
	if (scanout.buffers == 0) {
		if (scanout.width || scanout.height || scanout.stride)
			return "a scanout with a size but no buffer";
		return NULL;
	}
	if (scanout.buffers > MULLION_DISPLAY_MAX_BUFFERS)
		return "a scanout with too many buffers";
	if (!scanout.width || !scanout.height)
		return "a scanout without a size";
	if (scanout.width > MULLION_DISPLAY_MAX_SIDE || scanout.height > MULLION_DISPLAY_MAX_SIDE)
		return "a scanout that is too large";
	if (scanout.stride % 4 || scanout.stride < scanout.width * 4)
		return "a scanout whose stride does not fit its width";
	if (scanout.stride > MULLION_DISPLAY_MAX_STRIDE)
		return "a scanout whose stride is too large";
	if ((uint64_t)scanout.stride * scanout.height * scanout.buffers >
	    MULLION_DISPLAY_MAX_MEMORY)
		return "a scanout that takes too much memory";
	return NULL;
}

static const char *check_frame(const unsigned char *untrusted_payload, uint32_t length)
{
	struct mullion_msg_frame frame;

	memcpy(&frame, untrusted_payload, sizeof(frame));
	if (frame.buffer >= MULLION_DISPLAY_MAX_BUFFERS)
		return "a frame in a buffer that does not exist";
	if (!frame.num_rects || frame.num_rects > MULLION_DISPLAY_MAX_RECTS)
		return "a frame with no or too many rectangles";
	if (length != sizeof(frame) + frame.num_rects * sizeof(struct mullion_rect))
		return "a frame of the wrong length";
	for (uint32_t i = 0; i < frame.num_rects; i++) {
		struct mullion_rect rect;

		memcpy(&rect, untrusted_payload + sizeof(frame) + i * sizeof(rect), sizeof(rect));
		if (!rect.width || !rect.height)
			return "a frame with an empty rectangle";
		/* 64 bits, so that a sum cannot come around to a small one. */
		if ((uint64_t)rect.x + rect.width > MULLION_DISPLAY_MAX_SIDE ||
		    (uint64_t)rect.y + rect.height > MULLION_DISPLAY_MAX_SIDE)
			return "a frame with a rectangle outside of any scanout";
	}
	return NULL;
}

static const char *check_cursor(const void *untrusted_payload, uint32_t length)
{
	struct mullion_msg_cursor cursor;

	memcpy(&cursor, untrusted_payload, sizeof(cursor));
	if (cursor.width > MULLION_DISPLAY_MAX_CURSOR || cursor.height > MULLION_DISPLAY_MAX_CURSOR)
		return "a pointer picture that is too large";
	if (!cursor.width != !cursor.height)
		return "a pointer picture with a width or a height only";
	if (length != sizeof(cursor) + cursor.width * cursor.height * 4)
		return "a pointer picture of the wrong length";
	if (cursor.width ? cursor.hot_x >= cursor.width || cursor.hot_y >= cursor.height
			 : cursor.hot_x || cursor.hot_y)
		return "a pointer picture with its hot spot outside";
	return NULL;
}

static const char *check_cursor_position(const void *untrusted_payload)
{
	struct mullion_msg_cursor_position position;

	memcpy(&position, untrusted_payload, sizeof(position));
	if (position.visible > 1)
		return "a pointer that is neither visible nor hidden";
	if (position.reserved)
		return "a pointer position with a reserved field in use";
	return NULL;
}

static const char *check_bits(const void *untrusted_payload, uint32_t allowed)
{
	uint32_t bits;

	memcpy(&bits, untrusted_payload, sizeof(bits));
	return bits & ~allowed ? "lights or capabilities that do not exist" : NULL;
}

static const char *check_release(const void *untrusted_payload)
{
	struct mullion_msg_release release;

	memcpy(&release, untrusted_payload, sizeof(release));
	if (release.buffer >= MULLION_DISPLAY_MAX_BUFFERS)
		return "a release of a buffer that does not exist";
	return NULL;
}

static const char *check_key(const void *untrusted_payload, unsigned first, unsigned last)
{
	struct mullion_msg_key key;

	memcpy(&key, untrusted_payload, sizeof(key));
	if (key.code < first || key.code > last)
		return "a key or button that does not exist";
	if (key.down > 1)
		return "a key or button neither up nor down";
	return NULL;
}

static const char *check_pointer_absolute(const void *untrusted_payload)
{
	struct mullion_msg_pointer_absolute pointer;

	memcpy(&pointer, untrusted_payload, sizeof(pointer));
	if (pointer.x >= MULLION_DISPLAY_MAX_SIDE || pointer.y >= MULLION_DISPLAY_MAX_SIDE)
		return "a pointer outside of any scanout";
	return NULL;
}

static const char *check_pointer_relative(const void *untrusted_payload)
{
	struct mullion_msg_pointer_relative motion;

	memcpy(&motion, untrusted_payload, sizeof(motion));
	if (motion.dx < INT16_MIN || motion.dx > INT16_MAX || motion.dy < INT16_MIN ||
	    motion.dy > INT16_MAX)
		return "a pointer motion that is too large";
	return NULL;
}

static const char *check_mode(const void *untrusted_payload)
{
	struct mullion_msg_mode mode;

	memcpy(&mode, untrusted_payload, sizeof(mode));
	if (!mode.width || !mode.height || mode.width > MULLION_DISPLAY_MAX_SIDE ||
	    mode.height > MULLION_DISPLAY_MAX_SIDE)
		return "a mode request without a size or too large";
	if (mode.width_mm > MULLION_DISPLAY_MAX_MM || mode.height_mm > MULLION_DISPLAY_MAX_MM)
		return "a mode request for a screen larger than any";
	return NULL;
}

/* The payload's length: exact, or of its fixed part if a counted part follows. 0: no such message
 * from this side. */
static uint32_t message_length(enum mullion_wire_side from, uint16_t untrusted_type, bool *counted)
{
	*counted = false;
	if (untrusted_type == MULLION_MSG_HELLO)
		return sizeof(struct mullion_msg_hello);
	if (from == MULLION_WIRE_FROM_HEAD) {
		switch (untrusted_type) {
		case MULLION_MSG_SCANOUT:
			return sizeof(struct mullion_msg_scanout);
		case MULLION_MSG_FRAME:
			*counted = true;
			return sizeof(struct mullion_msg_frame);
		case MULLION_MSG_CURSOR:
			*counted = true;
			return sizeof(struct mullion_msg_cursor);
		case MULLION_MSG_CURSOR_POSITION:
			return sizeof(struct mullion_msg_cursor_position);
		case MULLION_MSG_LEDS:
			return sizeof(struct mullion_msg_leds);
		case MULLION_MSG_CAPS:
			return sizeof(struct mullion_msg_caps);
		default:
			return 0;
		}
	}
	switch (untrusted_type) {
	case MULLION_MSG_RELEASE:
		return sizeof(struct mullion_msg_release);
	case MULLION_MSG_KEY:
	case MULLION_MSG_BUTTON:
		return sizeof(struct mullion_msg_key);
	case MULLION_MSG_POINTER_ABSOLUTE:
		return sizeof(struct mullion_msg_pointer_absolute);
	case MULLION_MSG_POINTER_RELATIVE:
	case MULLION_MSG_SCROLL:
		return sizeof(struct mullion_msg_pointer_relative);
	case MULLION_MSG_MODE:
		return sizeof(struct mullion_msg_mode);
	default:
		return 0;
	}
}

const char *mullion_wire_check(enum mullion_wire_side from, uint16_t untrusted_type,
			       const void *untrusted_payload, uint32_t length)
{
	bool counted;
	uint32_t expected = message_length(from, untrusted_type, &counted);

	if (!expected)
		return "a message of a type that this side does not send";
	if (counted ? length < expected || length > MULLION_DISPLAY_MAX_PAYLOAD
		    : length != expected)
		return "a message of the wrong length";

	switch (untrusted_type) {
	case MULLION_MSG_HELLO:
		return check_hello(untrusted_payload);
	case MULLION_MSG_SCANOUT:
		return check_scanout(untrusted_payload);
	case MULLION_MSG_FRAME:
		return check_frame(untrusted_payload, length);
	case MULLION_MSG_CURSOR:
		return check_cursor(untrusted_payload, length);
	case MULLION_MSG_CURSOR_POSITION:
		return check_cursor_position(untrusted_payload);
	case MULLION_MSG_LEDS:
		return check_bits(untrusted_payload, MULLION_LED_ALL);
	case MULLION_MSG_CAPS:
		return check_bits(untrusted_payload, MULLION_CAP_ALL);
	case MULLION_MSG_RELEASE:
		return check_release(untrusted_payload);
	case MULLION_MSG_KEY:
		return check_key(untrusted_payload, 1, 255);
	case MULLION_MSG_BUTTON:
		return check_key(untrusted_payload, 0x110, 0x117);
	case MULLION_MSG_POINTER_ABSOLUTE:
		return check_pointer_absolute(untrusted_payload);
	case MULLION_MSG_POINTER_RELATIVE:
	case MULLION_MSG_SCROLL:
		return check_pointer_relative(untrusted_payload);
	case MULLION_MSG_MODE:
		return check_mode(untrusted_payload);
	default:
		return "a message of a type that this side does not send";
	}
}
