/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compositor as seen from the control daemon: a client of org.mullion.Display1 that stays
 * connected. It remembers what the compositor has to know of every guest and says all of it again
 * whenever the compositor comes back. Main thread only.
 */
#ifndef CONTROL_DAEMON_DISPLAY_H
#define CONTROL_DAEMON_DISPLAY_H

#include <stdint.h>

struct display_link_hooks {
	/* The compositor is there and has been told of all guests. */
	void (*connected)(void *data);
	void (*disconnected)(void *data);
	/* AttachHead was answered by an error. */
	void (*attach_failed)(void *data, const char *id);
};

struct display_link;

/* Starts to connect to the socket at path, and never stops trying. */
struct display_link *display_link_create(const char *path, const struct display_link_hooks *hooks,
					 void *data);
void display_link_destroy(struct display_link *link); /* NULL is fine */

/* Facts about a guest; sent if they differ from what was said last. */
void display_link_set_guest(struct display_link *link, const char *id, unsigned slot,
			    const char *label, uint32_t colour, const char *state);
void display_link_remove_guest(struct display_link *link, const char *id);
/* Takes fd over. Without a compositor the fd is just closed. */
void display_link_attach_head(struct display_link *link, const char *id, int fd);

#endif
