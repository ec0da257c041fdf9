/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The headless output: a picture in memory and a 60 Hz clock; events come from test-socket.c. */
#include "frame-clock.h"
#include "output.h"

#include <gio/gio.h>

#include "mullion/display.h"

struct output_headless {
	struct output output;
	struct frame_clock *clock;
};

static void headless_tick(void *data, uint64_t refresh)
{
	struct output *output = data;

	output->events->frame(output->data, refresh);
}

static void headless_destroy(struct output *output)
{
	struct output_headless *headless = (struct output_headless *)output;

	frame_clock_destroy(headless->clock);
	pixman_image_unref(output->target);
	g_free(headless);
}

static void headless_schedule_frame(struct output *output)
{
	frame_clock_schedule(((struct output_headless *)output)->clock);
}

static void headless_present(struct output *output, const pixman_region32_t *damage)
{
	/* The target is the screen. */
	(void)output;
	(void)damage;
}

static const struct output_impl headless_impl = {
	.name = "headless",
	.destroy = headless_destroy,
	.schedule_frame = headless_schedule_frame,
	.present = headless_present,
};

struct output *output_headless_create(unsigned width, unsigned height,
				      const struct output_events *events, void *data,
				      GError **error)
{
	struct output_headless *headless;
	pixman_image_t *target;

	if (width < 320 || height < 200 || width > MULLION_DISPLAY_MAX_SIDE ||
	    height > MULLION_DISPLAY_MAX_SIDE) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
			    "a screen of %ux%u is not possible; sizes go from 320x200 to %ux%u",
			    width, height, MULLION_DISPLAY_MAX_SIDE, MULLION_DISPLAY_MAX_SIDE);
		return NULL;
	}
	target = pixman_image_create_bits(PIXMAN_x8r8g8b8, (int)width, (int)height, NULL, 0);
	if (!target) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "no memory for a screen of %ux%u",
			    width, height);
		return NULL;
	}
	headless = g_new0(struct output_headless, 1);
	headless->output = (struct output){.impl = &headless_impl,
					   .events = events,
					   .data = data,
					   .width = width,
					   .height = height,
					   .refresh_mhz = 60000,
					   .target = target};
	headless->clock = frame_clock_create(60000, headless_tick, &headless->output);
	return &headless->output;
}

void output_headless_resize(struct output *output, unsigned width, unsigned height)
{
	pixman_image_t *target =
		pixman_image_create_bits(PIXMAN_x8r8g8b8, (int)width, (int)height, NULL, 0);

	if (!target)
		return;
	pixman_image_unref(output->target);
	output->target = target;
	output->width = width;
	output->height = height;
	output->events->resized(output->data);
}
