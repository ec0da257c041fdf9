/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A short list of rectangles that covers all that was added to it, with little waste: rectangles
 * are joined where that covers hardly more, and where the list is full. Pure.
 */
#ifndef CONTROL_HEAD_DAMAGE_H
#define CONTROL_HEAD_DAMAGE_H

#include "mullion/display.h"

struct head_damage {
	unsigned count;
	struct mullion_rect rects[MULLION_DISPLAY_MAX_RECTS];
};

/* rect must not be empty. */
void head_damage_add(struct head_damage *damage, struct mullion_rect rect);

#endif
