/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scene: what is on the screen, bottom to top, and how a damaged part of it is painted.
 *
 *   content (a guest's scanout or the panel) aspect-true in its area, dark around it; or a notice
 *   the switcher with its thumbnails
 *   the pointer
 *   the trusted band: outside the area, above everything
 *
 * The scene borrows its images; painting reads them and writes only the target's damaged pixels.
 */
#ifndef DISPLAY_SCENE_H
#define DISPLAY_SCENE_H

#include <pixman.h>
#include <stdint.h>

#include "overlay.h"
#include "placement.h"

struct scene_thumbnail {
	pixman_image_t *image; /* NULL: none */
	struct placement place;
};

struct scene {
	pixman_box32_t area;	 /* of the content, screen pixels */
	pixman_image_t *content; /* NULL: the notice, if any */
	struct placement place;	 /* of the content */
	pixman_image_t *notice;	 /* area's size */

	pixman_image_t *switcher; /* NULL: hidden */
	pixman_box32_t switcher_box;
	unsigned thumbnail_count;
	struct scene_thumbnail thumbnails[OVERLAY_MAX_TILES];

	pixman_image_t *pointer;  /* NULL: hidden */
	int pointer_x, pointer_y; /* its top left */

	pixman_image_t *band; /* NULL: hidden */
	pixman_box32_t band_box;
};

/*
 * Paints the damaged pixels of the scene into target. Returns the number of bytes it wrote, each
 * layer counted by itself. A partial paint leaves exactly the picture a whole one would have
 * painted there.
 */
uint64_t scene_paint(const struct scene *scene, pixman_image_t *target,
		     const pixman_region32_t *damage);

/* Paints image into `place` of target where `clip` allows, scaled if it must be. */
void scene_composite(pixman_image_t *target, const pixman_region32_t *clip, pixman_image_t *image,
		     const struct placement *place);

#endif
