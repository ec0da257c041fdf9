/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a picture stands on the screen, and which screen pixels a change of it touches.
 * Pure integer geometry. A placement is aspect-true: the largest rectangle of the picture's shape
 * in the middle of its area; exact pixels where the picture has the area's size.
 */
#ifndef DISPLAY_PLACEMENT_H
#define DISPLAY_PLACEMENT_H

#include <pixman.h>
#include <stdbool.h>

struct placement {
	int x, y, width, height;	 /* on the target, pixels; 0 x 0: nothing to place */
	int source_width, source_height; /* of the picture, pixels */
};

/* Fits a picture into an area. Any of the four sizes 0 gives an empty placement. */
struct placement placement_fit(const pixman_box32_t *area, unsigned source_width,
			       unsigned source_height);

static inline bool placement_is_exact(const struct placement *p)
{
	return p->width == p->source_width && p->height == p->source_height;
}

/*
 * The target pixels that depend on the source pixels in `damage`, into *out (initialized by the
 * caller, replaced). Where the picture is scaled this includes the neighbours that the bilinear
 * filter mixes in; where it is exact, it is the same area to the pixel.
 */
void placement_map_damage(const struct placement *p, const pixman_region32_t *damage,
			  pixman_region32_t *out);

/* The source pixel under a target position, clamped into the picture. Returns whether the position
 * lies inside the placement. *x, *y are untouched if the placement is empty. */
bool placement_to_source(const struct placement *p, double target_x, double target_y, unsigned *x,
			 unsigned *y);

#endif
