/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rectangles and text into a picture in memory, clipped to it. Colours are 0xRRGGBB. */
#ifndef TESTCARD_DRAW_H
#define TESTCARD_DRAW_H

#include <stdint.h>

struct picture {
	uint32_t *pixels;
	int width, height;
	int stride; /* in pixels */
};

/* A console font: the first 128 glyphs are ASCII's. */
struct font {
	uint8_t *file;
	const uint8_t *glyphs;
	int width, height, count;
	int glyph_size; /* bytes */
};

/* Reads a PSF file, version 1 or 2. 0, or a negative errno. */
int font_load(struct font *font, const char *path);

void draw_rectangle(struct picture *picture, int x, int y, int width, int height, uint32_t colour);
/* The lower left half of a square, two pixels narrower per row: a pointer's shape. */
void draw_pointer(struct picture *picture, int x, int y);
/* Returns where the text ends. */
int draw_text(struct picture *picture, const struct font *font, int x, int y, uint32_t colour,
	      const char *text);
int draw_printf(struct picture *picture, const struct font *font, int x, int y, uint32_t colour,
		const char *format, ...) __attribute__((format(printf, 6, 7)));

#endif
