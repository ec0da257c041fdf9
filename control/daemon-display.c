/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client of the compositor: see daemon-display.h.
 *
 * Calls are sent in order and not waited for. A compositor that leaves one unanswered for
 * CALL_TIMEOUT_MS is taken for gone: its connection is closed and a new one tried.
 */
#include "daemon-display.h"

#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <mullion/runtime.h>
#include <stdbool.h>
#include <unistd.h>

#include "daemon.h"

#define DISPLAY_INTERFACE "org.mullion.Display1"
#define CALL_TIMEOUT_MS	  30000
#define RETRY_MIN_MS	  100U
#define RETRY_MAX_MS	  2000U

struct display_link {
	char *address;
	struct display_link_hooks hooks;
	void *data;
	GCancellable *cancellable; /* cancelled by destroy: no callback touches the link after */
	GDBusConnection *connection;
	gulong closed_handler;
	guint retry_timer;
	unsigned retry_ms;
	bool said_waiting;
	GHashTable *guests; /* id -> GVariant of SetGuest's arguments */
};

struct call {
	struct display_link *link; /* not valid once cancelled */
	GCancellable *cancellable;
	char *id; /* of the guest whose head this call attaches; NULL: another call */
};

static void link_connect(struct display_link *link);

static void call_done(GObject *source, GAsyncResult *result, void *data)
{
	GDBusConnection *connection = G_DBUS_CONNECTION(source);
	struct call *call = data;
	struct display_link *link = call->link;
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) reply = NULL;

	reply = g_dbus_connection_call_with_unix_fd_list_finish(connection, NULL, result, &error);
	if (reply || g_cancellable_is_cancelled(call->cancellable) ||
	    connection != link->connection)
		goto out;

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)) {
		daemon_say("the display does not answer; connecting to it anew");
		g_dbus_connection_close(connection, NULL, NULL, NULL);
	} else if (g_dbus_error_is_remote_error(error)) {
		g_dbus_error_strip_remote_error(error);
		daemon_say("the display refused %s: %s",
			   call->id ? "a head" : "facts about a guest", error->message);
		if (call->id)
			link->hooks.attach_failed(link->data, call->id);
	}
	/* Else the connection is gone; its "closed" signal does the rest. */
out:
	g_object_unref(call->cancellable);
	g_free(call->id);
	g_free(call);
}

static void link_call(struct display_link *link, const char *method, GVariant *arguments,
		      GUnixFDList *fds, const char *attach_id)
{
	struct call *call = g_new0(struct call, 1);

	call->link = link;
	call->cancellable = g_object_ref(link->cancellable);
	call->id = g_strdup(attach_id);
	g_dbus_connection_call_with_unix_fd_list(
		link->connection, NULL, MULLION_DISPLAY_OBJECT_PATH, DISPLAY_INTERFACE, method,
		arguments, NULL, G_DBUS_CALL_FLAGS_NONE, CALL_TIMEOUT_MS, fds, link->cancellable,
		call_done, call);
}

static gboolean link_retry(void *data)
{
	struct display_link *link = data;

	link->retry_timer = 0;
	link_connect(link);
	return G_SOURCE_REMOVE;
}

static void link_schedule(struct display_link *link)
{
	link->retry_timer = g_timeout_add(link->retry_ms, link_retry, link);
	link->retry_ms = MIN(link->retry_ms * 2, RETRY_MAX_MS);
}

static void link_drop(struct display_link *link)
{
	g_signal_handler_disconnect(link->connection, link->closed_handler);
	link->closed_handler = 0;
	g_clear_object(&link->connection);
}

static void link_closed(GDBusConnection *connection, gboolean remote_peer_vanished, GError *error,
			void *data)
{
	struct display_link *link = data;

	(void)connection;
	(void)remote_peer_vanished;
	(void)error;
	/* Nothing is said yet: in a session that is being closed we are asked to end in a moment.
	 */
	link_drop(link);
	link->retry_ms = RETRY_MIN_MS;
	link_schedule(link);
	link->hooks.disconnected(link->data);
}

static void link_connected(GObject *source, GAsyncResult *result, void *data)
{
	g_autoptr(GError) error = NULL;
	GDBusConnection *connection = g_dbus_connection_new_for_address_finish(result, &error);
	struct display_link *link = data;
	GHashTableIter iter;
	void *arguments;

	(void)source;
	if (!connection) {
		if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
			return;
		if (!link->said_waiting)
			daemon_say("waiting for the display (%s)", error->message);
		link->said_waiting = true;
		link_schedule(link);
		return;
	}
	if (link->said_waiting)
		daemon_say("connected to the display");
	link->said_waiting = false;
	link->retry_ms = RETRY_MIN_MS;
	link->connection = connection;
	link->closed_handler =
		g_signal_connect(connection, "closed", G_CALLBACK(link_closed), link);
	g_hash_table_iter_init(&iter, link->guests);
	while (g_hash_table_iter_next(&iter, NULL, &arguments))
		link_call(link, "SetGuest", arguments, NULL, NULL);
	g_dbus_connection_start_message_processing(connection);
	link->hooks.connected(link->data);
}

static void link_connect(struct display_link *link)
{
	g_dbus_connection_new_for_address(link->address,
					  G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
						  G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
					  NULL, link->cancellable, link_connected, link);
}

struct display_link *display_link_create(const char *path, const struct display_link_hooks *hooks,
					 void *data)
{
	struct display_link *link = g_new0(struct display_link, 1);
	g_autofree char *escaped = g_dbus_address_escape_value(path);

	link->address = g_strdup_printf("unix:path=%s", escaped);
	link->hooks = *hooks;
	link->data = data;
	link->cancellable = g_cancellable_new();
	link->retry_ms = RETRY_MIN_MS;
	link->guests = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					     (GDestroyNotify)g_variant_unref);
	link_connect(link);
	return link;
}

void display_link_destroy(struct display_link *link)
{
	if (!link)
		return;
	g_cancellable_cancel(link->cancellable);
	g_object_unref(link->cancellable);
	if (link->retry_timer)
		g_source_remove(link->retry_timer);
	if (link->connection) {
		GDBusConnection *connection = g_object_ref(link->connection);

		link_drop(link);
		g_dbus_connection_close(connection, NULL, NULL, NULL);
		g_object_unref(connection);
	}
	g_hash_table_destroy(link->guests);
	g_free(link->address);
	g_free(link);
}

void display_link_set_guest(struct display_link *link, const char *id, unsigned slot,
			    const char *label, uint32_t colour, const char *state)
{
	g_autoptr(GVariant) arguments =
		g_variant_ref_sink(g_variant_new("(susus)", id, slot, label, colour, state));
	GVariant *before = g_hash_table_lookup(link->guests, id);

	if (before && g_variant_equal(before, arguments))
		return;
	g_hash_table_insert(link->guests, g_strdup(id), g_variant_ref(arguments));
	if (link->connection)
		link_call(link, "SetGuest", arguments, NULL, NULL);
}

void display_link_remove_guest(struct display_link *link, const char *id)
{
	if (g_hash_table_contains(link->guests, id) && link->connection)
		link_call(link, "RemoveGuest", g_variant_new("(s)", id), NULL, NULL);
	g_hash_table_remove(link->guests, id);
}

void display_link_attach_head(struct display_link *link, const char *id, int fd)
{
	g_autoptr(GUnixFDList) fds = NULL;

	if (!link->connection) {
		close(fd);
		return;
	}
	fds = g_unix_fd_list_new_from_array(&fd, 1); /* owns fd */
	link_call(link, "AttachHead", g_variant_new("(sh)", id, 0), fds, id);
}
