/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server of org.mullion.Control1: a socket in the runtime directory, clients of the same user
 * only, methods on worker threads. Main thread only.
 */
#ifndef CONTROL_DAEMON_SERVICE_H
#define CONTROL_DAEMON_SERVICE_H

#include <glib.h>
#include <libvirt/libvirt.h>
#include <stdbool.h>

struct service_hooks {
	/* A reference to libvirt, or NULL with an error. Called on worker threads. */
	virConnectPtr (*take_connection)(void *data, GError **error);
	/* A method has changed something about the guests. */
	void (*changed)(void *data);
};

struct service;

/* Listens on a socket in the runtime directory, which must exist; a socket that an ended daemon
 * left there is replaced, one that another mullion-control serves is an error. */
struct service *service_create(const char *socket_path, const struct service_hooks *hooks,
			       void *data, GError **error);
/* No new clients or calls from here on. */
void service_stop(struct service *service);
bool service_is_idle(const struct service *service); /* no method runs */
void service_destroy(struct service *service);	     /* only when idle; NULL is fine */

unsigned service_count_clients(const struct service *service);

void service_emit_changed(struct service *service);
void service_emit_problem(struct service *service, const char *id, const char *message);

#endif
