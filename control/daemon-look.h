/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One look at all guests, for daemon-watch.c: the part that blocks on libvirt and runs on a worker.
 */
#ifndef CONTROL_DAEMON_LOOK_H
#define CONTROL_DAEMON_LOOK_H

#include <gio/gio.h>
#include <libvirt/libvirt.h>

/* What befell a guest by itself and has to be told to the user. */
enum incident { INCIDENT_NONE, INCIDENT_DIED, INCIDENT_IO_ERROR, INCIDENT_NO_SPACE };

struct look {
	virConnectPtr connection;
	GHashTable *incidents; /* id -> enum incident, since the look before */
	GPtrArray *guests;     /* filled in: struct guest_info */
	GPtrArray *problems;   /* filled in: struct watch_problem */
};

/* Takes a reference to the connection, and the incidents over. */
struct look *look_create(virConnectPtr connection, GHashTable *incidents);
void look_destroy(void *look); /* a GDestroyNotify */

/* A GTaskThreadFunc; the task's data is the look, its result a boolean. */
void look_thread(GTask *task, void *source, void *data, GCancellable *cancellable);

#endif
