/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of text in a linear framebuffer. */
#include "x86/text.h"

#include "lib/errno.h"
#include "lib/string.h"

extern const unsigned char text_font[][16]; /* boot/entry.S knows it too */
#include "x86/font.h"

#define MIN_COLUMNS 40
#define MIN_ROWS    10
#define WIDE	    2400 /* pixels: from here on the font would be too small to read */

int text_init(struct text_screen *screen, const struct screen_mode *mode, volatile void *pixels)
{
	unsigned bytes = mode->bits_per_pixel / 8U;
	unsigned last = mode->bits_per_pixel - 8U;

	if (mode->bits_per_pixel != 24 && mode->bits_per_pixel != 32)
		return -EINVAL;
	if (mode->red_position > last || mode->green_position > last || mode->blue_position > last)
		return -EINVAL;
	if ((uint64_t)mode->width * bytes > mode->pitch)
		return -EINVAL;
	memset(screen, 0, sizeof(*screen));
	screen->mode = *mode;
	screen->pixels = pixels;
	screen->scale = mode->width >= WIDE ? 2 : 1;
	screen->columns = mode->width / (FONT_WIDTH * screen->scale);
	screen->rows = mode->height / (FONT_HEIGHT * screen->scale);
	if (screen->columns < MIN_COLUMNS || screen->rows < MIN_ROWS)
		return -EINVAL;
	if (screen->columns > TEXT_MAX_COLUMNS)
		screen->columns = TEXT_MAX_COLUMNS;
	if (screen->rows > TEXT_MAX_ROWS)
		screen->rows = TEXT_MAX_ROWS;
	return 0;
}

static uint32_t pixel_of(const struct screen_mode *mode, uint32_t colour)
{
	return (colour >> 16 & 0xff) << mode->red_position |
	       (colour >> 8 & 0xff) << mode->green_position |
	       (colour & 0xff) << mode->blue_position;
}

static void put(struct text_screen *screen, unsigned x, unsigned y, uint32_t pixel)
{
	volatile uint8_t *at = screen->pixels + (size_t)y * screen->mode.pitch;

	if (screen->mode.bits_per_pixel == 32) {
		((volatile uint32_t *)(volatile void *)at)[x] = pixel;
		return;
	}
	at += 3 * (size_t)x;
	at[0] = (uint8_t)pixel;
	at[1] = (uint8_t)(pixel >> 8);
	at[2] = (uint8_t)(pixel >> 16);
}

static void set_cell(struct text_screen *screen, unsigned column, unsigned row, char c)
{
	const unsigned char *glyph = text_font[(unsigned char)c - FONT_FIRST];
	unsigned scale = screen->scale;
	unsigned left = column * FONT_WIDTH * scale, top = row * FONT_HEIGHT * scale;

	if (screen->cells[row][column] == c)
		return;
	screen->cells[row][column] = c;
	for (unsigned y = 0; y < FONT_HEIGHT * scale; y++)
		for (unsigned x = 0; x < FONT_WIDTH * scale; x++)
			put(screen, left + x, top + y,
			    glyph[y / scale] & 0x80 >> x / scale ? screen->foreground
								 : screen->background);
}

void text_clear(struct text_screen *screen, uint32_t foreground, uint32_t background)
{
	screen->foreground = pixel_of(&screen->mode, foreground);
	screen->background = pixel_of(&screen->mode, background);
	memset(screen->cells, ' ', sizeof(screen->cells));
	screen->row = 0;
	for (unsigned y = 0; y < screen->mode.height; y++)
		for (unsigned x = 0; x < screen->mode.width; x++)
			put(screen, x, y, screen->background);
}

static void scroll(struct text_screen *screen)
{
	for (unsigned row = 0; row + 1 < screen->rows; row++)
		for (unsigned column = 0; column < screen->columns; column++)
			set_cell(screen, column, row, screen->cells[row + 1][column]);
	for (unsigned column = 0; column < screen->columns; column++)
		set_cell(screen, column, screen->rows - 1, ' ');
	screen->row--;
}

void text_write(struct text_screen *screen, const char *line)
{
	do {
		if (screen->row == screen->rows)
			scroll(screen);
		for (unsigned column = 0; column < screen->columns && *line != '\0'; line++) {
			bool printable = *line >= FONT_FIRST && *line <= FONT_LAST;

			set_cell(screen, column++, screen->row, printable ? *line : '?');
		}
		screen->row++;
	} while (*line != '\0');
}
