/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A source's scanout: the memory a head offers and who owns which buffer of it. Of source.c only.
 */
#ifndef DISPLAY_SOURCE_SCANOUT_H
#define DISPLAY_SOURCE_SCANOUT_H

#include <glib.h>
#include <pixman.h>
#include <stdbool.h>

#include "mullion/display.h"

struct source_buffer {
	pixman_image_t *image;
	bool ours; /* the head has handed it over */
	bool late; /* an older frame's: goes back at the next occasion */
};

struct source_scanout {
	unsigned width, height;
	unsigned num_buffers;
	void *map; /* NULL: nothing is shown */
	size_t size;
	struct source_buffer buffers[MULLION_DISPLAY_MAX_BUFFERS];
	struct source_buffer *newest; /* NULL before the first frame */
};

/*
 * Maps what a SCANOUT message offers. msg has passed mullion_wire_check(); untrusted_fd came with
 * it and stays the caller's, -1 if the scanout has no buffers. On failure there is nothing to
 * finish.
 */
bool source_scanout_init(struct source_scanout *scanout, const struct mullion_msg_scanout *msg,
			 int untrusted_fd, GError **error);
void source_scanout_finish(struct source_scanout *scanout);

/*
 * The damage of a frame that is about to become the newest. msg has passed mullion_wire_check().
 * Sets the region, which the caller has initialised, and returns NULL, or returns what is wrong.
 */
const char *source_scanout_damage(const struct source_scanout *scanout,
				  const struct mullion_msg_frame *msg, pixman_region32_t *damage);

#endif
