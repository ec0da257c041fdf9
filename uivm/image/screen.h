/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One display by KMS: two buffers in the card's memory that take turns. */
#ifndef TESTCARD_SCREEN_H
#define TESTCARD_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "draw.h"

struct screen {
	int fd;
	char driver[32];
	int width, height;
	uint32_t connector, crtc;
	struct {
		uint32_t handle, framebuffer;
		struct picture picture;
	} buffers[2];
	int back;     /* the one to draw into */
	bool pending; /* the other one is on its way to the screen */
};

/* Takes the first card with something plugged in, in the mode it likes best, and shows black.
 * 0, or a negative errno: -ENODEV if there is no such card. */
int screen_open(struct screen *screen);

/* Shows what was drawn. Not while pending. 0, or a negative errno. */
int screen_flip(struct screen *screen);

/* fd can be read: clears pending once the flip has happened. */
void screen_read(struct screen *screen);

#endif
