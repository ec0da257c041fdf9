/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pixel formats as QEMU names them, and their conversion to x8r8g8b8; see head-format.h. */
#include "head-format.h"

#include <string.h>

/* A pixman code: bits per pixel << 24 | order << 16 | widths of a, r, g, b << 12, 8, 4, 0. */
enum {
	ORDER_ARGB = 2, /* blue lowest */
	ORDER_ABGR = 3, /* red lowest */
	ORDER_BGRA = 8, /* blue highest */
	ORDER_RGBA = 9, /* red highest */
};

bool head_format_parse(struct head_format *format, uint32_t untrusted_code)
{
	unsigned bits = untrusted_code >> 24;
	unsigned order = untrusted_code >> 16 & 0xff;
	unsigned alpha = untrusted_code >> 12 & 0xf;
	unsigned red = untrusted_code >> 8 & 0xf;
	unsigned green = untrusted_code >> 4 & 0xf;
	unsigned blue = untrusted_code & 0xf;

	if (bits != 16 && bits != 24 && bits != 32)
		return false;
	if (red < 4 || green < 4 || blue < 4 || alpha + red + green + blue > bits)
		return false;
	format->red.width = red;
	format->green.width = green;
	format->blue.width = blue;
	switch (order) {
	case ORDER_ARGB:
		format->blue.shift = 0;
		format->green.shift = blue;
		format->red.shift = blue + green;
		break;
	case ORDER_ABGR:
		format->red.shift = 0;
		format->green.shift = red;
		format->blue.shift = red + green;
		break;
	case ORDER_BGRA:
		format->blue.shift = bits - blue;
		format->green.shift = bits - blue - green;
		format->red.shift = bits - blue - green - red;
		break;
	case ORDER_RGBA:
		format->red.shift = bits - red;
		format->green.shift = bits - red - green;
		format->blue.shift = bits - red - green - blue;
		break;
	default:
		return false;
	}
	format->bytes = bits / 8;
	format->native = bits == 32 && order == ORDER_ARGB && red == 8 && green == 8 && blue == 8;
	return true;
}

/* One channel, widened to 8 bits by repeating its top bits, or cut to its top 8. */
static uint32_t channel_get(struct head_channel channel, uint32_t pixel)
{
	uint32_t value = pixel >> channel.shift & ((1U << channel.width) - 1);

	if (channel.width > 8)
		return value >> (channel.width - 8);
	if (channel.width == 8)
		return value;
	return value << (8 - channel.width) | value >> (2 * channel.width - 8);
}

static uint32_t pixel_load(const uint8_t *in, unsigned bytes)
{
	uint32_t pixel = (uint32_t)in[0] | (uint32_t)in[1] << 8;

	if (bytes > 2)
		pixel |= (uint32_t)in[2] << 16;
	if (bytes > 3)
		pixel |= (uint32_t)in[3] << 24;
	return pixel;
}

void head_format_convert(const struct head_format *format, uint32_t *out, const uint8_t *in,
			 size_t pixels)
{
	if (format->native) {
		memcpy(out, in, pixels * 4);
		return;
	}
	for (size_t i = 0; i < pixels; i++) {
		uint32_t pixel = pixel_load(in + i * format->bytes, format->bytes);

		out[i] = channel_get(format->red, pixel) << 16 |
			 channel_get(format->green, pixel) << 8 | channel_get(format->blue, pixel);
	}
}
