/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * D-Bus messages, as far as a Listener needs them: QEMU's calls in, empty replies out. Made here
 * because a general library hands out a message only when all of it is in memory, which costs two
 * more copies of every pixel. Pure.
 */
#ifndef CONTROL_HEAD_MESSAGE_H
#define CONTROL_HEAD_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAD_MESSAGE_FIXED	16U	     /* bytes at the start that tell the header's size */
#define HEAD_MESSAGE_MAX_HEADER 1024U	     /* all before the body */
#define HEAD_MESSAGE_MAX_TOTAL	(128U << 20) /* D-Bus' own limit */
#define HEAD_MESSAGE_MAX_NAME	64U
#define HEAD_MESSAGE_MAX_REPLY	256U

struct head_message {
	bool call; /* a method call; all else is to be read over */
	bool wants_reply;
	uint32_t serial;
	uint32_t body_length;
	char interface[HEAD_MESSAGE_MAX_NAME], member[HEAD_MESSAGE_MAX_NAME];
	char signature[HEAD_MESSAGE_MAX_NAME];
};

/* From the first HEAD_MESSAGE_FIXED bytes: the whole header's size; 0: no message of ours. */
size_t head_message_header_size(const uint8_t untrusted[HEAD_MESSAGE_FIXED]);
/* From the whole header; false: malformed. */
bool head_message_parse(struct head_message *message, const uint8_t *untrusted, size_t size);

/* A little-endian number of the body; offset must be within it. */
uint32_t head_message_u32(const uint8_t *body, size_t offset);

/* Writes a reply to a call and returns its size. properties: the reply to GetAll, none, instead of
 * one without arguments. error: a D-Bus error name instead, or NULL. */
size_t head_message_reply(uint8_t out[HEAD_MESSAGE_MAX_REPLY], uint32_t serial,
			  uint32_t reply_serial, bool properties, const char *error);

#endif
