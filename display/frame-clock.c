/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A refresh clock on a GSource with a ready time; see frame-clock.h. */
#include "frame-clock.h"

#include <glib.h>

struct frame_clock {
	GSource source; /* first: GLib allocates it */
	int64_t origin_us;
	uint64_t period_ns;
	uint64_t last; /* newest refresh that ticked */
	void (*tick)(void *data, uint64_t refresh);
	void *data;
};

uint64_t frame_clock_next(const struct frame_clock *clock)
{
	uint64_t now_ns = (uint64_t)(g_get_monotonic_time() - clock->origin_us) * 1000;
	uint64_t next = now_ns / clock->period_ns + 1;

	return MAX(next, clock->last + 1);
}

static int64_t refresh_time_us(const struct frame_clock *clock, uint64_t refresh)
{
	/* Rounded up, so that a wake-up at this time is never before the refresh. */
	return clock->origin_us + (int64_t)((refresh * clock->period_ns + 999) / 1000);
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer unused)
{
	struct frame_clock *clock = (struct frame_clock *)source;
	uint64_t now_ns = (uint64_t)(g_get_monotonic_time() - clock->origin_us) * 1000;

	(void)callback;
	(void)unused;
	g_source_set_ready_time(source, -1);
	clock->last = MAX(now_ns / clock->period_ns, clock->last + 1);
	clock->tick(clock->data, clock->last);
	return G_SOURCE_CONTINUE;
}

struct frame_clock *frame_clock_create(unsigned refresh_mhz, void (*tick)(void *, uint64_t),
				       void *data)
{
	static GSourceFuncs funcs = {.dispatch = dispatch};
	struct frame_clock *clock = (struct frame_clock *)g_source_new(&funcs, sizeof(*clock));

	clock->origin_us = g_get_monotonic_time();
	clock->period_ns = 1000000000000ULL / refresh_mhz;
	clock->last = 0;
	clock->tick = tick;
	clock->data = data;
	g_source_set_name(&clock->source, "refresh");
	g_source_attach(&clock->source, NULL);
	return clock;
}

void frame_clock_destroy(struct frame_clock *clock)
{
	if (!clock)
		return;
	g_source_destroy(&clock->source);
	g_source_unref(&clock->source);
}

void frame_clock_schedule(struct frame_clock *clock)
{
	if (g_source_get_ready_time(&clock->source) == -1)
		g_source_set_ready_time(&clock->source,
					refresh_time_us(clock, frame_clock_next(clock)));
}
