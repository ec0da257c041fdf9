/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the compositor's own files share; nobody else includes it. */
#ifndef DISPLAY_COMPOSITOR_PRIVATE_H
#define DISPLAY_COMPOSITOR_PRIVATE_H

#include "compositor.h"
#include "panel-host.h"
#include "scene.h"
#include "seat.h"
#include "source.h"

/* A guest that the control plane has named. Its index in compositor->guests is its destination. */
struct guest {
	struct compositor *compositor;
	unsigned dest; /* 1..SEAT_MAX_DEST - 1 */
	char *id, *label, *state;
	unsigned slot;
	uint32_t colour;
	struct source *source;	/* NULL: no head is connected */
	unsigned width, height; /* of its scanout; 0: none */
};

struct compositor {
	const struct settings *settings;
	struct timeline *timeline;
	const struct compositor_ops *ops;
	void *data;

	struct output *output;
	struct panel_host *panel;
	struct seat *seat;
	struct guest *guests[SEAT_MAX_DEST]; /* [SEAT_PANEL] stays NULL */

	/* compositor.c: painting */
	struct scene scene;
	struct overlay_switcher switcher; /* as laid out; tile i shows dest switcher_dest[i] */
	unsigned switcher_dest[OVERLAY_MAX_TILES];
	bool switcher_shown, band_shown;
	guint band_timer;	  /* hides the band again (auto-hide) */
	pixman_image_t *arrow;	  /* the default pointer */
	pixman_region32_t damage; /* screen pixels to be painted at the next frame */
	uint64_t frames, bytes_written;
	GArray *waiters; /* of struct waiter */

	/* compositor-input.c: routing */
	double pointer_x, pointer_y; /* screen pixels */
	bool pointer_known, pointer_grabbed;
	unsigned buttons_down; /* a drag goes on outside the picture */
	uint32_t leds;
	pixman_image_t *panel_pointer; /* borrowed from the panel host; NULL: the arrow */
	int panel_pointer_hot_x, panel_pointer_hot_y;
	guint seat_timer, mode_timer;
};

extern const struct seat_ops compositor_seat_ops; /* compositor-input.c */

struct waiter {
	void (*done)(void *data);
	void *data;
};

/* guests.c */
struct guest *guests_by_slot(struct compositor *compositor, unsigned slot);
/* The guest before or after dest in slot order that can be shown; SEAT_PANEL if there is none. */
unsigned guests_neighbour(struct compositor *compositor, unsigned dest, bool next);
struct guest *guests_focused(struct compositor *compositor); /* NULL: the panel is */
void guests_request_modes(struct compositor *compositor);
void guests_destroy_all(struct compositor *compositor);

/* compositor.c */
void compositor_damage_box(struct compositor *compositor, const pixman_box32_t *box);
void compositor_update_content(struct compositor *compositor); /* other content or geometry */
void compositor_update_band(struct compositor *compositor);
void compositor_flash_band(struct compositor *compositor); /* auto-hide: show it for a while */
void compositor_update_switcher(struct compositor *compositor);
void compositor_guest_frame(struct guest *guest, const pixman_region32_t *damage);

void compositor_output_frame(void *data, uint64_t refresh);
void compositor_output_resized(void *data);

/* compositor-input.c */
void compositor_update_pointer(struct compositor *compositor);
void compositor_seat_settle(struct compositor *compositor); /* after every call into the seat */
void compositor_release_pointer(struct compositor *compositor);

#endif
