/* SPDX-License-Identifier: GPL-2.0-or-later */
/* org.mullion.Display1 on the display socket, for the control plane, the panel and the command
 * line. */
#ifndef DISPLAY_SERVICE_H
#define DISPLAY_SERVICE_H

#include "compositor.h"

struct service;

/* Fails if another display serves the socket already; a stale one is replaced. */
struct service *service_create(const char *socket_path, GError **error);
void service_destroy(struct service *service); /* NULL is fine; removes the socket */
void service_set_compositor(struct service *service, struct compositor *compositor);

void service_focus_changed(struct service *service, const char *id);
void service_file_dropped(struct service *service, const char *path);

#endif
