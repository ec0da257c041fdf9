/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt as seen from the control daemon: a connection that is made again whenever it breaks, and
 * the guests on it. Whatever libvirt reports leads to one fresh look at all guests, made on a
 * worker thread; many reports in a short time lead to one look. What is handed out is therefore
 * always a whole, current list and never a sum of events.
 *
 * Main thread only, but for watch_take_connection().
 */
#ifndef CONTROL_DAEMON_WATCH_H
#define CONTROL_DAEMON_WATCH_H

#include <glib.h>
#include <libvirt/libvirt.h>
#include <stdbool.h>

struct watch_problem {
	char *id, *message;
};

struct watch_hooks {
	/* libvirt is there (guests follow), or not any more: why says so to the user. */
	void (*reachable)(void *data, bool reachable, const char *why);
	/* All our guests (struct guest_info), and what befell some of them (struct
	 * watch_problem) since the last call. */
	void (*guests)(void *data, GPtrArray *guests, GPtrArray *problems);
};

struct watch;

/* Needs guest_init() before. uri NULL: the default. Starts to connect, and never stops trying. */
struct watch *watch_create(const char *uri, const struct watch_hooks *hooks, void *data);
/* Only when no worker is in watch_take_connection() any more. NULL is fine. */
void watch_destroy(struct watch *watch);

/* Look at the guests again soon. */
void watch_touch(struct watch *watch);

/* The connection, with a reference for the caller (virConnectClose() it), or NULL with
 * MULLION_ERROR_NOT_AVAILABLE. Any thread. */
virConnectPtr watch_take_connection(struct watch *watch, GError **error);

#endif
