/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of text in a linear framebuffer. Pure: it draws where it is told. */
#ifndef CORE_X86_TEXT_H
#define CORE_X86_TEXT_H

#include "x86/machine.h"

#define TEXT_MAX_COLUMNS 256
#define TEXT_MAX_ROWS	 128

struct text_screen {
	struct screen_mode mode;
	volatile uint8_t *pixels;
	unsigned scale;			 /* pixels a side for each pixel of the font */
	unsigned columns, rows, row;	 /* row: where the next line goes */
	uint32_t foreground, background; /* as pixels hold them */
	/* What is where, so that the slow framebuffer is never read and only changes are drawn. */
	char cells[TEXT_MAX_ROWS][TEXT_MAX_COLUMNS];
};

/* pixels: pitch * height bytes. -EINVAL: not 24 or 32 bits a pixel with 8 a colour, a pitch less
 * than the width, or less than 40 columns and 10 rows. Nothing is drawn. */
int text_init(struct text_screen *screen, const struct screen_mode *mode, volatile void *pixels);
/* Fills the screen with a background; colours are 0xrrggbb. */
void text_clear(struct text_screen *screen, uint32_t foreground, uint32_t background);
/* A line, on as many rows as it needs, scrolling at the end. What is not printable ASCII is '?'. */
void text_write(struct text_screen *screen, const char *line);

#endif
