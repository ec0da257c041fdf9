/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pixel formats as QEMU names them (pixman's codes), and their conversion to x8r8g8b8. Pure.
 */
#ifndef CONTROL_HEAD_FORMAT_H
#define CONTROL_HEAD_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct head_format {
	unsigned bytes; /* of a pixel: 2, 3 or 4 */
	bool native;	/* is x8r8g8b8 but for the top byte: copying converts it */
	struct head_channel {
		unsigned shift, width; /* bits */
	} red, green, blue;
};

/* False if the code is no packed RGB format of 16, 24 or 32 bits. */
bool head_format_parse(struct head_format *format, uint32_t untrusted_code);

void head_format_convert(const struct head_format *format, uint32_t *out, const uint8_t *in,
			 size_t pixels);

#endif
