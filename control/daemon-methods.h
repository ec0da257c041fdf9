/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The methods of org.mullion.Control1, each on a worker thread: arguments that came over D-Bus are
 * checked, then libvirt does the work. No state.
 */
#ifndef CONTROL_DAEMON_METHODS_H
#define CONTROL_DAEMON_METHODS_H

#include <glib.h>
#include <libvirt/libvirt.h>
#include <stdbool.h>

struct daemon_method {
	const char *name;
	/* Types are as in control.xml; values are as the client sent them. Returns the reply's body
	 * (floating), or NULL with the error, which is for the user. */
	GVariant *(*run)(virConnectPtr connection, GVariant *untrusted_arguments, GError **error);
	bool changes; /* ListGuests is different after it */
};

/* NULL if there is no such method. */
const struct daemon_method *daemon_method_find(const char *name);

/* Guests (struct guest_info) as ListGuests returns them, aa{sv}, floating. */
GVariant *daemon_describe_guests(GPtrArray *guests);

/* The D-Bus name of an error, org.mullion.Error.*. */
const char *daemon_error_name(const GError *error);

#endif
