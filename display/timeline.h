/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The timeline: every event, frame and switch with its time, as a JSON array, one object a line:
 *   {"t": milliseconds since the start, "event": "...", ...}
 * For tests, the bench and `scripts/try`. All functions accept NULL and do nothing then.
 */
#ifndef DISPLAY_TIMELINE_H
#define DISPLAY_TIMELINE_H

#include <glib.h>

struct timeline;

struct timeline *timeline_create(const char *path, GError **error);
void timeline_destroy(struct timeline *timeline); /* closes the array */

/* fields: the rest of the object as JSON members, printf-like, e.g. "\"code\": %u"; strings
 * through timeline_string(). May be NULL. */
void timeline_add(struct timeline *timeline, const char *event, const char *fields, ...)
	G_GNUC_PRINTF(3, 4);

/* text as a JSON string with its quotes, in a buffer that the caller frees with g_free(). */
char *timeline_string(const char *text);

#endif
