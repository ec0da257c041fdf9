/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A source with a fake head at its other end, and a record of what the source's owner was told. */
#ifndef TESTS_SOURCE_PROBE_H
#define TESTS_SOURCE_PROBE_H

#include <sys/mman.h>

#include "fake-head.h"
#include "source.h"

struct source_probe {
	struct source *source; /* NULL after a destroy */
	int head;	       /* the fake head's end, -1 after source_probe_hang_up() */
	unsigned scanouts, frames, cursors, leds, caps, closes;
	unsigned width, height;	  /* of the last scanout */
	pixman_region32_t damage; /* of the last frame */
	int close_code;		  /* of G_IO_ERROR */
	char reason[200];
	/* Called at the end of every callback; may destroy the source. */
	void (*hook)(struct source_probe *probe);
	unsigned fds_before;
};

/* As cmocka's setup and teardown; the state is a struct source_probe. The head has not greeted. */
int source_probe_setup(void **state);
int source_probe_teardown(void **state); /* also checks that no descriptor is left */

void source_probe_init(struct source_probe *probe);
void source_probe_finish(struct source_probe *probe);
void source_probe_hang_up(struct source_probe *probe);

/* The whole of the good beginning: HELLO, and a scanout of 2 buffers without padding. Returns the
 * memfd. */
int source_probe_show(struct source_probe *probe, uint32_t width, uint32_t height);

void source_probe_settle(void); /* turns the main loop until there is nothing to do */

/* Turns the main loop until the source is closed, with a deadline of seconds; then checks that it
 * was closed once, for this reason. */
void source_probe_expect_closed(struct source_probe *probe, int code, const char *reason);

/* The next message that came to the head must be this RELEASE, or there must be none. */
void source_probe_expect_release(struct source_probe *probe, uint32_t buffer, uint32_t scanout);
void source_probe_expect_no_message(struct source_probe *probe);

#endif
