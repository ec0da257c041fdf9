/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The panel's two connections: org.mullion.Control1 (guests) and org.mullion.Display1 (pictures,
 * focus). Each is made again by itself, once a second, while it is down. Runs on the GLib main
 * loop; all calls are asynchronous.
 */
#ifndef UIVM_SERVICE_H
#define UIVM_SERVICE_H

#include <gio/gio.h>
#include <stdbool.h>

#include "guest.h"

struct service;

struct service_ops {
	/* All with the data given to service_create(). */
	void (*guests)(void *data, GPtrArray *guests); /* of struct guest, by slot; borrowed */
	void (*control)(void *data, bool reachable);
	void (*display)(void *data, bool reachable);
	void (*focused)(void *data, const char *id); /* "": the panel */
	void (*dropped)(void *data, const char *untrusted_path);
	void (*problem)(void *data, const char *id, const char *message);
};

/* Runtime directory paths of the two sockets. */
struct service *service_create(const char *control_socket, const char *display_socket,
			       const struct service_ops *ops, void *data);
void service_destroy(struct service *service); /* NULL is fine; calls under way are not answered */

/* Answers a call: error is NULL if it went well, else a message for the user, without any D-Bus
 * prefix. result: the reply's tuple or NULL; borrowed. */
typedef void (*service_done)(void *data, GVariant *result, const char *error);

/* A method of Control1 or Display1. parameters: a floating tuple or NULL. */
void service_control(struct service *service, const char *method, GVariant *parameters,
		     service_done done, void *data);
void service_display(struct service *service, const char *method, GVariant *parameters,
		     service_done done, void *data);

#endif
