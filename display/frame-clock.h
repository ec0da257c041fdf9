/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The refresh clock of an output that has no vblank of its own: ticks at multiples of the refresh
 * period since creation, and wakes only for ticks that somebody asked for.
 */
#ifndef DISPLAY_FRAME_CLOCK_H
#define DISPLAY_FRAME_CLOCK_H

#include <stdint.h>

struct frame_clock;

/* tick(data, refresh): the refresh's number since creation, from 1. refresh_mhz: e.g. 60000. */
struct frame_clock *frame_clock_create(unsigned refresh_mhz, void (*tick)(void *, uint64_t),
				       void *data);
void frame_clock_destroy(struct frame_clock *clock); /* NULL is fine */

/* One tick at the next refresh; asking twice is asking once. */
void frame_clock_schedule(struct frame_clock *clock);

/* The number of the refresh that a change made now can appear in. */
uint64_t frame_clock_next(const struct frame_clock *clock);

#endif
