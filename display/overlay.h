/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the compositor draws itself: the trusted band, the switcher, the notice where a guest has no
 * picture, the arrow. Rendered with cairo into images that the scene composites; all text from
 * outside is shown as plain text, cut to fit.
 */
#ifndef DISPLAY_OVERLAY_H
#define DISPLAY_OVERLAY_H

#include <pixman.h>
#include <stdbool.h>
#include <stdint.h>

struct overlay_band {
	const char *label;
	uint32_t colour;  /* 0xRRGGBB */
	const char *hint; /* right side; NULL: none */
	uint32_t leds;	  /* MULLION_LED_*, shown as words */
};

/* a8r8g8b8 premultiplied, width x height; the caller unrefs. NULL: out of memory. */
pixman_image_t *overlay_render_band(const struct overlay_band *band, unsigned width,
				    unsigned height);

#define OVERLAY_MAX_TILES 10

struct overlay_tile {
	const char *label, *state; /* state NULL: has none */
	char chord[64];		   /* that shows it, as text; may be empty */
	uint32_t colour;
	bool focused;
	pixman_box32_t thumbnail; /* filled by overlay_layout_switcher(), screen pixels */
};

struct overlay_switcher {
	unsigned count;
	struct overlay_tile tiles[OVERLAY_MAX_TILES];
	pixman_box32_t box; /* filled by overlay_layout_switcher(): the overlay on the screen */
};

/* Places the switcher's box and thumbnails in the middle of an area of the screen. */
void overlay_layout_switcher(struct overlay_switcher *switcher, const pixman_box32_t *area);
/* The box without the thumbnails; size as laid out. */
pixman_image_t *overlay_render_switcher(const struct overlay_switcher *switcher);

/* A sentence in the middle of a dark area. */
pixman_image_t *overlay_render_notice(const char *text, unsigned width, unsigned height);

/* The default pointer; hot spot at its top left. */
pixman_image_t *overlay_render_arrow(void);

#endif
