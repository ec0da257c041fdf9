/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A source: the compositor's end of one head's connection (include/mullion/display.h), with
 * everything off the wire checked. It owns the mapped scanout and hands out the newest whole frame
 * as a pixman image.
 *
 * Nothing a head does blocks, or costs the others more than its share: reading is bounded per
 * main-loop turn (SOURCE_TURN_MESSAGES), writing is queued up to a bound, and a head that breaks
 * the protocol, or stops taking its input, is closed with a reason.
 */
#ifndef DISPLAY_SOURCE_H
#define DISPLAY_SOURCE_H

#include <glib.h>
#include <pixman.h>
#include <stdbool.h>
#include <stdint.h>

#define SOURCE_TURN_MESSAGES 64 /* messages taken from one head in one turn of the main loop */
#define SOURCE_TURN_BYTES    (128 * 1024) /* no further message is begun after that many */
#define SOURCE_HELLO_MS	     5000	  /* a head that has not said HELLO by then is closed */
#define SOURCE_PARTIAL_MS    5000	  /* nor may half a message stay half for longer */

struct source;

struct source_ops {
	/* All with the data given to source_create(). Called from the GLib main loop. Any may call
	 * anything below; one that destroys its source is the last that is called. */
	void (*scanout)(void *data, unsigned width,
			unsigned height); /* new geometry; 0 x 0: shows nothing */
	void (*frame)(void *data,
		      const pixman_region32_t
			      *damage); /* scanout pixels; the image already is the new frame */
	void (*cursor)(void *data);	/* source_cursor() is another one, or moved */
	void (*leds)(void *data, uint32_t leds);
	void (*caps)(void *data, uint32_t caps);
	/* For good, and once; the callee should source_destroy() it (until then the last image
	 * stays). Never from within a call below, always from the main loop. reason is of
	 * G_IO_ERROR: INVALID_DATA if the head broke the protocol, TIMED_OUT, BUSY if it does not
	 * take its input, CONNECTION_CLOSED; its message is a sentence about it. */
	void (*closed)(void *data, const GError *reason);
};

struct source_cursor {
	pixman_image_t *image; /* a8r8g8b8 premultiplied; NULL: the guest shows none */
	int hot_x, hot_y;
	bool positioned; /* the guest placed it (relative pointer) */
	bool visible;
	int x, y; /* scanout pixels, if positioned */
};

/* Takes over fd. Watches it in the default main context. */
struct source *source_create(int fd, const struct source_ops *ops, void *data);
void source_destroy(struct source *source); /* NULL is fine; no callback is made */

/* Other time-outs than the two above, for tests. */
void source_set_timeouts(struct source *source, unsigned hello_ms, unsigned partial_ms);

/* The newest frame, x8r8g8b8, or NULL. Borrowed until the next frame, scanout or destroy callback.
 * Read-only memory. */
pixman_image_t *source_image(struct source *source);
const struct source_cursor *source_cursor(const struct source *source);
uint32_t source_caps(const struct source *source);
uint32_t source_leds(const struct source *source);

/*
 * Pacing. While throttled, an older buffer goes back to its head only at source_presented(), so
 * that the head sends at most one frame a refresh (the focused source); not throttled, it goes back
 * as soon as a newer frame has come.
 */
void source_set_throttled(struct source *source, bool throttled);
void source_presented(struct source *source);

/* Input to the guest. A stalled or closed head loses it silently; `closed` follows. */
void source_send_key(struct source *source, uint16_t code, bool down);
void source_send_button(struct source *source, uint16_t code, bool down);
void source_send_pointer_absolute(struct source *source, unsigned x, unsigned y);
void source_send_pointer_relative(struct source *source, int dx, int dy);
void source_send_scroll(struct source *source, int dx, int dy);
void source_request_mode(struct source *source, unsigned width, unsigned height, unsigned width_mm,
			 unsigned height_mm);

/* Counters for the timeline and the bench. */
struct source_stats {
	uint64_t messages, frames, damage_pixels;
};
const struct source_stats *source_stats(const struct source *source);

#endif
