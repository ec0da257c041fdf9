/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A compositor for tests of the head: takes one head's messages and holds it to the protocol. It
 * keeps two pictures: the newest frame's buffer, and one made by applying only the damage of each
 * frame. They must be equal, or the head's rectangles lie.
 */
#ifndef TESTS_SYSTEM_SCREEN_H
#define TESTS_SYSTEM_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mullion/wire.h"

struct screen {
	struct mullion_wire *wire;
	pid_t head;
	int head_stderr;
	int head_end; /* the end of the connection the head has; only for starting it */

	struct mullion_msg_scanout scanout;
	uint32_t scanouts;
	uint8_t *map;
	size_t map_size;
	uint32_t *applied; /* the damage of all frames */
	int newest;
	bool held[MULLION_DISPLAY_MAX_BUFFERS];
	bool fresh; /* no frame since the scanout */

	unsigned frames;
	uint64_t damage_pixels;
	uint32_t caps, leds;
	bool has_caps, has_leds, ended;
};

/* Starts the head program on a display connection of QEMU, which it takes over. */
struct screen *screen_create(const char *head_program, int qemu_fd);
void screen_destroy(struct screen *screen); /* kills the head; NULL is fine */

/* Serves the head until done() is true; fails the test after `ms`. */
void screen_wait(struct screen *screen, bool (*done)(struct screen *screen, const void *data),
		 const void *data, unsigned ms);
/* Serves the head for what has come until now. */
void screen_serve(struct screen *screen);
const uint32_t *screen_pixels(const struct screen *screen); /* newest frame, or NULL */

void screen_key(struct screen *screen, uint16_t code); /* down and up */
void screen_send(struct screen *screen, uint16_t type, const void *message, size_t length);

/* Waits for the head's end; its exit code, and what it said. */
int screen_head_exit(struct screen *screen, char *said, size_t size);

#endif
