/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compositor: joins guests (sources), the panel, one seat and one output. Runs on the GLib main
 * loop, one thread. compositor.c paints, compositor-input.c routes, guests.c knows the guests.
 */
#ifndef DISPLAY_COMPOSITOR_H
#define DISPLAY_COMPOSITOR_H

#include <glib.h>
#include <pixman.h>
#include <stdbool.h>

#include "output.h"
#include "settings.h"
#include "timeline.h"

struct compositor;

/* Errors for callers outside; on D-Bus org.mullion.Error.*. */
#define COMPOSITOR_ERROR compositor_error_quark()
GQuark compositor_error_quark(void);
enum compositor_error {
	COMPOSITOR_ERROR_FAILED,
	COMPOSITOR_ERROR_NOT_FOUND,
	COMPOSITOR_ERROR_INVALID_ARGUMENT,
	COMPOSITOR_ERROR_NOT_AVAILABLE,
};

struct compositor_ops {
	void (*focus_changed)(void *data, const char *id); /* "": the panel */
	void (*file_dropped)(void *data, const char *path);
	void (*quit)(void *data, const char *why); /* why NULL: the user closed the window */
};

/* settings and timeline (may be NULL) are borrowed. panel_socket: see panel-host.h. */
struct compositor *compositor_create(const struct settings *settings, struct timeline *timeline,
				     const struct compositor_ops *ops, void *data);
void compositor_destroy(struct compositor *compositor);

extern const struct output_events compositor_output_events; /* data: the compositor */

/* Takes over the output (created with compositor_output_events), makes the panel host, and shows.
 */
gboolean compositor_start(struct compositor *compositor, struct output *output,
			  const char *panel_socket, GError **error);
struct output *compositor_output(struct compositor *compositor);

/* What org.mullion.Display1 says; see include/mullion/display-control.xml. Arguments are checked.
 */
gboolean compositor_set_guest(struct compositor *compositor, const char *untrusted_id,
			      unsigned untrusted_slot, const char *untrusted_label,
			      unsigned untrusted_colour, const char *untrusted_state,
			      GError **error);
gboolean compositor_remove_guest(struct compositor *compositor, const char *id, GError **error);
/* Takes over fd also on failure. */
gboolean compositor_attach_head(struct compositor *compositor, const char *id, int fd,
				GError **error);
gboolean compositor_focus(struct compositor *compositor, const char *id, GError **error);
const char *compositor_focused(struct compositor *compositor); /* "": the panel */
/* A new x8r8g8b8 image, stride width * 4, that the caller unrefs; *image NULL if the guest has no
 * picture. max_* 0: not scaled. */
gboolean compositor_thumbnail(struct compositor *compositor, const char *id, unsigned max_width,
			      unsigned max_height, pixman_image_t **image, GError **error);

/* Calls back once, when everything damaged so far has been presented (at once if nothing is). */
void compositor_when_presented(struct compositor *compositor, void (*done)(void *data), void *data);

/* The state as one JSON object, for the test socket; the caller frees it. */
char *compositor_describe(struct compositor *compositor);

#endif
