/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The boot loader's framebuffer, as long as it is the core's. */
#include "lib/log.h"
#include "x86/machine.h"
#include "x86/text.h"

#define LOG_FOREGROUND	 0xd8d8d8
#define LOG_BACKGROUND	 0x101820
#define PANIC_FOREGROUND 0xffffff
#define PANIC_BACKGROUND 0x8a1014

static struct text_screen screen;
static bool usable, shown;

void screen_init(const struct screen_mode *mode)
{
	void *pixels;

	/* text_init() looks at the numbers before anything relies on them. */
	if (text_init(&screen, mode, NULL) < 0)
		return;
	pixels = map_device(mode->base, (uint64_t)mode->pitch * mode->height);
	if (pixels == NULL)
		return;
	screen.pixels = pixels;
	text_clear(&screen, LOG_FOREGROUND, LOG_BACKGROUND);
	usable = true;
	shown = true;
}

void screen_write(const char *line)
{
	if (__atomic_load_n(&shown, __ATOMIC_ACQUIRE))
		text_write(&screen, line);
}

void screen_release(void)
{
	__atomic_store_n(&shown, false, __ATOMIC_RELEASE);
}

void screen_take_back(void)
{
	if (!usable)
		return;
	text_clear(&screen, PANIC_FOREGROUND, PANIC_BACKGROUND);
	__atomic_store_n(&shown, true, __ATOMIC_RELEASE);
}
