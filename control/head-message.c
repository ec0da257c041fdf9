/* SPDX-License-Identifier: GPL-2.0-or-later */
/* D-Bus messages, as far as a Listener needs them; see head-message.h. */
#include "head-message.h"

#include <string.h>

enum { TYPE_CALL = 1, TYPE_RETURN = 2, TYPE_ERROR = 3 };
enum { FLAG_NO_REPLY = 1 };
enum {
	FIELD_INTERFACE = 2,
	FIELD_MEMBER = 3,
	FIELD_ERROR_NAME = 4,
	FIELD_REPLY_SERIAL = 5,
	FIELD_SIGNATURE = 8
};

static size_t align_up(size_t size, size_t to)
{
	return (size + to - 1) / to * to;
}

uint32_t head_message_u32(const uint8_t *body, size_t offset)
{
	return (uint32_t)body[offset] | (uint32_t)body[offset + 1] << 8 |
	       (uint32_t)body[offset + 2] << 16 | (uint32_t)body[offset + 3] << 24;
}

size_t head_message_header_size(const uint8_t untrusted[HEAD_MESSAGE_FIXED])
{
	uint32_t body = head_message_u32(untrusted, 4), fields = head_message_u32(untrusted, 12);
	size_t size;

	if (untrusted[0] != 'l' || untrusted[3] != 1)
		return 0;
	if (fields > HEAD_MESSAGE_MAX_HEADER || body > HEAD_MESSAGE_MAX_TOTAL)
		return 0;
	size = align_up(HEAD_MESSAGE_FIXED + fields, 8);
	return size <= HEAD_MESSAGE_MAX_HEADER ? size : 0;
}

/* A string of the header, kept if there is a place for it. */
static bool string_take(const uint8_t *bytes, size_t length, char *place)
{
	if (memchr(bytes, '\0', length) || bytes[length] != '\0')
		return false;
	if (!place)
		return true;
	if (length >= HEAD_MESSAGE_MAX_NAME)
		return false;
	memcpy(place, bytes, length + 1);
	return true;
}

/* One field's value; returns the offset behind it, 0 if it is malformed. */
static size_t field_parse(struct head_message *message, const uint8_t *bytes, size_t at, size_t end,
			  uint8_t code, uint8_t type)
{
	char *place = NULL;
	size_t length;

	if (type == 'u') {
		at = align_up(at, 4);
		return at + 4 <= end ? at + 4 : 0;
	}
	if (type == 'g') {
		if (at >= end)
			return 0;
		length = bytes[at++];
		place = code == FIELD_SIGNATURE ? message->signature : NULL;
	} else if (type == 's' || type == 'o') {
		at = align_up(at, 4);
		if (at + 4 > end)
			return 0;
		length = head_message_u32(bytes, at);
		at += 4;
		if (code == FIELD_INTERFACE)
			place = message->interface;
		else if (code == FIELD_MEMBER)
			place = message->member;
	} else {
		return 0;
	}
	if (length >= end - at || !string_take(bytes + at, length, place))
		return 0;
	return at + length + 1;
}

bool head_message_parse(struct head_message *message, const uint8_t *untrusted, size_t size)
{
	size_t at = HEAD_MESSAGE_FIXED, end = at + head_message_u32(untrusted, 12);

	*message = (struct head_message){
		.call = untrusted[1] == TYPE_CALL,
		.wants_reply = !(untrusted[2] & FLAG_NO_REPLY),
		.body_length = head_message_u32(untrusted, 4),
		.serial = head_message_u32(untrusted, 8),
	};
	if (message->serial == 0 || end > size)
		return false;
	while (at < end) {
		uint8_t code, type;

		/* A field: its code, then a variant: a signature of one letter, and the value. */
		at = align_up(at, 8);
		if (at + 4 > end || untrusted[at + 1] != 1 || untrusted[at + 3] != '\0')
			return false;
		code = untrusted[at];
		type = untrusted[at + 2];
		at = field_parse(message, untrusted, at + 4, end, code, type);
		if (at == 0)
			return false;
	}
	return !message->call || message->member[0];
}

static size_t put_u32(uint8_t *out, size_t at, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		out[at + i] = (uint8_t)(value >> (8 * i));
	return at + 4;
}

static size_t put_field(uint8_t *out, size_t at, uint8_t code, char type)
{
	at = align_up(at, 8);
	out[at] = code;
	out[at + 1] = 1;
	out[at + 2] = (uint8_t)type;
	return at + 4;
}

size_t head_message_reply(uint8_t out[HEAD_MESSAGE_MAX_REPLY], uint32_t serial,
			  uint32_t reply_serial, bool properties, const char *error)
{
	static const char empty_dictionary[] = "a{sv}";
	size_t at = HEAD_MESSAGE_FIXED, length;

	memset(out, 0, HEAD_MESSAGE_MAX_REPLY);
	out[0] = 'l';
	out[1] = error ? TYPE_ERROR : TYPE_RETURN;
	out[2] = FLAG_NO_REPLY;
	out[3] = 1;
	put_u32(out, 8, serial);
	at = put_field(out, at, FIELD_REPLY_SERIAL, 'u');
	at = put_u32(out, at, reply_serial);
	if (error) {
		length = strlen(error);
		at = put_field(out, at, FIELD_ERROR_NAME, 's');
		at = put_u32(out, at, (uint32_t)length);
		memcpy(out + at, error, length + 1);
		at += length + 1;
	} else if (properties) {
		length = strlen(empty_dictionary);
		at = put_field(out, at, FIELD_SIGNATURE, 'g');
		out[at++] = (uint8_t)length;
		memcpy(out + at, empty_dictionary, length + 1);
		at += length + 1;
		put_u32(out, 4, 8); /* the body: no bytes of array, and their alignment */
	}
	put_u32(out, 12, (uint32_t)(at - HEAD_MESSAGE_FIXED));
	at = align_up(at, 8);
	return properties && !error ? at + 8 : at;
}
