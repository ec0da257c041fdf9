/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The boot loader's framebuffer, or VGA's text mode, as long as it is the core's. */
#include "x86/machine.h"
#include "x86/text.h"

#define LOG_FOREGROUND	 0xd8d8d8
#define LOG_BACKGROUND	 0x101820
#define PANIC_FOREGROUND 0xffffff
#define PANIC_BACKGROUND 0x8a1014

#define VGA_COLUMNS 80
#define VGA_ROWS    25
#define VGA_LOG	    0x0700 /* grey on black */
#define VGA_PANIC   0x4f00 /* white on red */

static struct text_screen screen;
static volatile uint16_t *vga; /* NULL: a framebuffer */
static uint16_t vga_colour = VGA_LOG;
static bool usable, shown;
static void (*before_take_back)(void);

static void vga_scroll(void)
{
	for (unsigned i = 0; i < VGA_COLUMNS * (VGA_ROWS - 1); i++)
		vga[i] = vga[i + VGA_COLUMNS];
	for (unsigned i = 0; i < VGA_COLUMNS; i++)
		vga[VGA_COLUMNS * (VGA_ROWS - 1) + i] = vga_colour | ' ';
}

/* New lines come in at the bottom. */
static void vga_write(const char *line)
{
	do {
		vga_scroll();
		for (unsigned i = 0; i < VGA_COLUMNS && *line != '\0'; i++)
			vga[VGA_COLUMNS * (VGA_ROWS - 1) + i] = vga_colour | (uint8_t)*line++;
	} while (*line != '\0');
}

void screen_init(const struct screen_mode *mode)
{
	void *pixels;

	if (hpa_value(mode->base) == SCREEN_VGA_TEXT) {
		vga = map_device(mode->base, VGA_COLUMNS * VGA_ROWS * sizeof(*vga));
		usable = shown = vga != NULL;
		return;
	}
	/* text_init() looks at the numbers before anything relies on them. */
	if (text_init(&screen, mode, NULL) < 0)
		return;
	pixels = map_device(mode->base, (uint64_t)mode->pitch * mode->height);
	if (pixels == NULL)
		return;
	screen.pixels = pixels;
	text_clear(&screen, LOG_FOREGROUND, LOG_BACKGROUND);
	usable = shown = true;
}

void screen_write(const char *line)
{
	if (!__atomic_load_n(&shown, __ATOMIC_ACQUIRE))
		return;
	if (vga != NULL)
		vga_write(line);
	else
		text_write(&screen, line);
}

void screen_release(void)
{
	__atomic_store_n(&shown, false, __ATOMIC_RELEASE);
}

void screen_before_take_back(void (*function)(void))
{
	before_take_back = function;
}

void screen_take_back(void)
{
	if (!usable)
		return;
	if (before_take_back != NULL)
		before_take_back();
	if (vga != NULL) {
		vga_colour = VGA_PANIC;
		for (unsigned i = 0; i < VGA_ROWS; i++)
			vga_scroll();
	} else {
		text_clear(&screen, PANIC_FOREGROUND, PANIC_BACKGROUND);
	}
	__atomic_store_n(&shown, true, __ATOMIC_RELEASE);
}
