/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The test card's pencils. */
#include "draw.h"

#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FONT_FILE_MAX 65536

/* The header of a PSF file, version 2; all fields little-endian. */
struct psf2 {
	uint32_t magic, version, header_size, flags, count, glyph_size, height, width;
};
#define PSF2_MAGIC 0x864ab572
#define PSF1_MAGIC 0x0436

static int font_parse(struct font *font, size_t size)
{
	struct psf2 header;
	size_t start;

	if (size < sizeof header)
		return -EINVAL;
	memcpy(&header, font->file, sizeof header);
	if (le32toh(header.magic) == PSF2_MAGIC) {
		start = le32toh(header.header_size);
		font->count = (int)le32toh(header.count);
		font->glyph_size = (int)le32toh(header.glyph_size);
		font->width = (int)le32toh(header.width);
		font->height = (int)le32toh(header.height);
	} else if ((le32toh(header.magic) & 0xffff) == PSF1_MAGIC) {
		start = 4;
		font->count = font->file[2] & 1 ? 512 : 256;
		font->glyph_size = font->file[3];
		font->width = 8;
		font->height = font->glyph_size;
	} else {
		return -EINVAL;
	}
	if (font->count < 128 || font->count > 1024 || font->width < 1 || font->width > 64 ||
	    font->height < 1 || font->height > 64 ||
	    font->glyph_size != font->height * ((font->width + 7) / 8) || start > size ||
	    size - start < (size_t)font->count * (size_t)font->glyph_size)
		return -EINVAL;
	font->glyphs = font->file + start;
	return 0;
}

int font_load(struct font *font, const char *path)
{
	FILE *file = fopen(path, "re");
	size_t size;
	int result;

	if (!file)
		return -errno;
	font->file = malloc(FONT_FILE_MAX);
	if (!font->file) {
		result = -ENOMEM;
		goto out;
	}
	size = fread(font->file, 1, FONT_FILE_MAX, file);
	result = ferror(file) ? -EIO : font_parse(font, size);
	if (result)
		free(font->file);
out:
	fclose(file);
	return result;
}

void draw_rectangle(struct picture *picture, int x, int y, int width, int height, uint32_t colour)
{
	int right = x + width < picture->width ? x + width : picture->width;
	int bottom = y + height < picture->height ? y + height : picture->height;
	int left = x > 0 ? x : 0;
	int row, column;

	for (row = y > 0 ? y : 0; row < bottom; row++)
		for (column = left; column < right; column++)
			picture->pixels[row * picture->stride + column] = colour;
}

void draw_pointer(struct picture *picture, int x, int y)
{
	int row;

	for (row = 0; row < 18; row++) {
		int width = row < 13 ? row + 1 : 18 - row;

		draw_rectangle(picture, x, y + row, width, 1, 0x000000);
		if (row > 0 && width > 2)
			draw_rectangle(picture, x + 1, y + row, width - 2, 1, 0xffffff);
	}
}

int draw_text(struct picture *picture, const struct font *font, int x, int y, uint32_t colour,
	      const char *text)
{
	int row, column;

	for (; *text; text++, x += font->width) {
		int code = (unsigned char)*text < 128 ? *text : '?';
		const uint8_t *glyph = font->glyphs + code * font->glyph_size;

		for (row = 0; row < font->height; row++, glyph += (font->width + 7) / 8)
			for (column = 0; column < font->width; column++)
				if (glyph[column / 8] & (0x80 >> column % 8))
					draw_rectangle(picture, x + column, y + row, 1, 1, colour);
	}
	return x;
}

int draw_printf(struct picture *picture, const struct font *font, int x, int y, uint32_t colour,
		const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	return draw_text(picture, font, x, y, colour, text);
}
