/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An output: a screen with the user's keyboards and pointers. Implementations: output-sdl.c (a
 * window), output-headless.c (memory, a 60 Hz clock, events from the test socket); KMS on bare
 * metal later.
 *
 * The compositor paints into output->target between a `frame` event and output_present().
 */
#ifndef DISPLAY_OUTPUT_H
#define DISPLAY_OUTPUT_H

#include <glib.h>
#include <pixman.h>
#include <stdbool.h>
#include <stdint.h>

struct output;

/* What an output tells the compositor. Times are g_get_monotonic_time(). */
struct output_events {
	void (*frame)(void *data, uint64_t refresh); /* as scheduled: paint and present now */
	void (*resized)(void *data);		     /* output->width, height and target are new */
	void (*key)(void *data, uint16_t code, bool down); /* evdev KEY_*, no autorepeat */
	void (*motion)(void *data, double x, double y);	   /* position, output pixels */
	void (*motion_relative)(void *data, int dx, int dy);
	void (*button)(void *data, uint16_t code, bool down); /* evdev BTN_* */
	void (*wheel)(void *data, int dx, int dy);	      /* detents as in display.h */
	void (*attention)(void *data, bool has); /* false: keyboards gone or window left */
	void (*dropped)(void *data, const char *path);
	void (*closed)(void *data, const char *why); /* the user closed it, or it is lost */
};

struct output_impl {
	const char *name;
	void (*destroy)(struct output *output);
	void (*schedule_frame)(struct output *output);
	void (*present)(struct output *output, const pixman_region32_t *damage);
	/* What only a window can do; NULL elsewhere. */
	void (*grab_pointer)(struct output *output, bool grabbed);
	void (*toggle_fullscreen)(struct output *output);
	void (*set_title)(struct output *output, const char *title);
};

struct output {
	const struct output_impl *impl;
	const struct output_events *events;
	void *data;				     /* for the events */
	unsigned width, height, width_mm, height_mm; /* mm: 0 unknown */
	unsigned refresh_mhz;
	pixman_image_t *target; /* x8r8g8b8, width x height, keeps its content between frames */
};

struct output *output_headless_create(unsigned width, unsigned height,
				      const struct output_events *events, void *data,
				      GError **error);
void output_headless_resize(struct output *output, unsigned width, unsigned height);

/* width, height 0: a size that shows 1280x800 exactly. */
struct output *output_sdl_create(unsigned width, unsigned height, unsigned band_height,
				 bool fullscreen, const struct output_events *events, void *data,
				 GError **error);

static inline void output_grab_pointer(struct output *output, bool grabbed)
{
	if (output->impl->grab_pointer)
		output->impl->grab_pointer(output, grabbed);
}

static inline void output_toggle_fullscreen(struct output *output)
{
	if (output->impl->toggle_fullscreen)
		output->impl->toggle_fullscreen(output);
}

static inline void output_set_title(struct output *output, const char *title)
{
	if (output->impl->set_title)
		output->impl->set_title(output, title);
}

static inline void output_destroy(struct output *output)
{
	if (output)
		output->impl->destroy(output);
}

#endif
