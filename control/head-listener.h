/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Listener that QEMU draws on: our end of the second socket of QEMU's D-Bus display, on which
 * QEMU is the authentication server and makes the calls. Pixels go from the socket straight into
 * the picture.
 *
 * QEMU queues without bound for a listener that does not read, and stands still while one of its
 * synchronous calls waits. So this one reads all the time, and answers everything at once.
 */
#ifndef CONTROL_HEAD_LISTENER_H
#define CONTROL_HEAD_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "head-picture.h"

struct head_cursor { /* as in struct mullion_msg_cursor */
	uint32_t width, height, hot_x, hot_y;
};

struct head_listener_ops {
	/* All with the data given to create, from the GLib main loop. */
	void (*changed)(void *data); /* the picture did */
	/* a8r8g8b8 premultiplied; borrowed */
	void (*cursor)(void *data, const struct head_cursor *shape, const uint32_t *pixels);
	void (*cursor_position)(void *data, int32_t x, int32_t y, bool visible);
	void (*closed)(void *data, const char *reason); /* last call; may destroy the listener */
};

struct head_listener;

/* Takes over fd. Watches it in the default main context. */
struct head_listener *head_listener_create(int fd, struct head_picture *picture,
					   const struct head_listener_ops *ops, void *data);
/* False within an upload: the picture is half old, half new, and `changed` will follow. */
bool head_listener_settled(const struct head_listener *listener);
void head_listener_destroy(struct head_listener *listener); /* NULL is fine */

#endif
