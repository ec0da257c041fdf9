/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See fake-session.h. */
#include "fake-session.h"

#include <string.h>
#include <unistd.h>

#include <mullion/runtime.h>

#include "mullion-dbus/control.h"
#include "mullion-dbus/display-control.h"

struct fake_session {
	char *control_path, *display_path;
	GDBusServer *control_server, *display_server;
	MullionControl1 *control;
	MullionDisplay1 *display;
	GPtrArray *control_clients, *display_clients;
	const struct fake_guest *guests;
	size_t guest_count;
	GHashTable *counts, *last; /* by method */
	char *fail_method, *fail_message;
	unsigned pictures;
};

/* --- the one handler of all methods --- */

static void note_call(struct fake_session *session, const char *method, GVariant *parameters)
{
	unsigned count = GPOINTER_TO_UINT(g_hash_table_lookup(session->counts, method)) + 1;

	g_hash_table_insert(session->counts, g_strdup(method), GUINT_TO_POINTER(count));
	g_hash_table_insert(session->last, g_strdup(method), g_variant_ref(parameters));
}

static GVariant *list_guests(struct fake_session *session)
{
	GVariantBuilder list;

	g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
	for (size_t i = 0; i < session->guest_count; i++) {
		const struct fake_guest *guest = &session->guests[i];
		GVariantDict dict;

		g_variant_dict_init(&dict, NULL);
		g_variant_dict_insert(&dict, "id", "s", guest->id);
		g_variant_dict_insert(&dict, "name", "s", guest->id);
		g_variant_dict_insert(&dict, "label", "s", guest->label);
		g_variant_dict_insert(&dict, "slot", "u", guest->slot);
		g_variant_dict_insert(&dict, "colour", "u", guest->colour);
		g_variant_dict_insert(&dict, "os", "s", guest->os);
		g_variant_dict_insert(&dict, "state", "s", guest->state);
		g_variant_dict_insert(&dict, "vcpus", "u", guest->vcpus);
		g_variant_dict_insert(&dict, "memory", "u", guest->memory);
		g_variant_dict_insert(&dict, "accelerator", "s", guest->accelerator);
		g_variant_dict_insert_value(&dict, "snapshots",
					    g_variant_new_strv(guest->snapshots, -1));
		g_variant_dict_insert_value(&dict, "disks", g_variant_new_strv(guest->disks, -1));
		g_variant_builder_add_value(&list, g_variant_dict_end(&dict));
	}
	return g_variant_new("(aa{sv})", &list);
}

/* A picture that moves: a gradient with a bar further along each time. */
static GVariant *thumbnail(struct fake_session *session)
{
	enum { WIDTH = 320, HEIGHT = 200 };
	g_autofree guint32 *pixels = g_new(guint32, WIDTH * HEIGHT);
	unsigned bar = session->pictures++ * 10 % WIDTH;

	for (unsigned y = 0; y < HEIGHT; y++) {
		for (unsigned x = 0; x < WIDTH; x++)
			pixels[y * WIDTH + x] =
				x / 10 == bar / 10
					? 0xffffffU
					: (40 + y / 2) << 16 | (60 + x / 4) << 8 | (120 + y / 3);
	}
	return g_variant_new(
		"(uu@ay)", WIDTH, HEIGHT,
		g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, pixels, WIDTH * HEIGHT * 4, 1));
}

static gboolean method_called(GDBusInterfaceSkeleton *skeleton, GDBusMethodInvocation *invocation,
			      void *data)
{
	struct fake_session *session = data;
	const char *method = g_dbus_method_invocation_get_method_name(invocation);
	GVariant *reply = NULL;

	(void)skeleton;
	note_call(session, method, g_dbus_method_invocation_get_parameters(invocation));
	if (g_strcmp0(session->fail_method, method) == 0) {
		g_dbus_method_invocation_return_dbus_error(invocation, "org.mullion.Error.Failed",
							   session->fail_message);
		return FALSE;
	}
	if (strcmp(method, "ListGuests") == 0)
		reply = list_guests(session);
	else if (strcmp(method, "CreateGuest") == 0)
		reply = g_variant_new("(s)", "new-guest");
	else if (strcmp(method, "Thumbnail") == 0)
		reply = thumbnail(session);
	g_dbus_method_invocation_return_value(invocation, reply);
	return FALSE; /* answered: the skeleton's own dispatch is not wanted */
}

/* --- the two servers --- */

static gboolean control_came(GDBusServer *server, GDBusConnection *connection, void *data)
{
	struct fake_session *session = data;

	(void)server;
	g_ptr_array_add(session->control_clients, g_object_ref(connection));
	return g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(session->control),
						connection, MULLION_CONTROL_OBJECT_PATH, NULL);
}

static gboolean display_came(GDBusServer *server, GDBusConnection *connection, void *data)
{
	struct fake_session *session = data;

	(void)server;
	g_ptr_array_add(session->display_clients, g_object_ref(connection));
	return g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(session->display),
						connection, MULLION_DISPLAY_OBJECT_PATH, NULL);
}

static GDBusServer *serve(const char *path, void *came, struct fake_session *session)
{
	g_autofree char *address = g_strdup_printf("unix:path=%s", path);
	g_autofree char *guid = g_dbus_generate_guid();
	g_autoptr(GError) error = NULL;
	GDBusServer *server;

	unlink(path);
	server =
		g_dbus_server_new_sync(address, G_DBUS_SERVER_FLAGS_NONE, guid, NULL, NULL, &error);
	if (!server)
		g_error("cannot serve %s: %s", path, error->message);
	g_signal_connect(server, "new-connection", G_CALLBACK(came), session);
	g_dbus_server_start(server);
	return server;
}

void fake_session_start_control(struct fake_session *session)
{
	session->control_server = serve(session->control_path, control_came, session);
}

static void close_connection(void *connection)
{
	g_dbus_connection_close_sync(connection, NULL, NULL);
	g_object_unref(connection);
}

void fake_session_stop_control(struct fake_session *session)
{
	g_dbus_server_stop(session->control_server);
	g_clear_object(&session->control_server);
	g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(session->control));
	g_ptr_array_set_size(session->control_clients, 0);
	unlink(session->control_path);
}

struct fake_session *fake_session_create(const char *directory)
{
	struct fake_session *session = g_new0(struct fake_session, 1);

	session->control_path = g_build_filename(directory, MULLION_CONTROL_SOCKET, NULL);
	session->display_path = g_build_filename(directory, MULLION_DISPLAY_SOCKET, NULL);
	session->counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	session->last = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					      (GDestroyNotify)g_variant_unref);
	session->control_clients = g_ptr_array_new_with_free_func(close_connection);
	session->display_clients = g_ptr_array_new_with_free_func(close_connection);
	session->control = mullion_control1_skeleton_new();
	session->display = mullion_display1_skeleton_new();
	mullion_display1_set_focused(session->display, "");
	g_signal_connect(session->control, "g-authorize-method", G_CALLBACK(method_called),
			 session);
	g_signal_connect(session->display, "g-authorize-method", G_CALLBACK(method_called),
			 session);
	session->display_server = serve(session->display_path, display_came, session);
	fake_session_start_control(session);
	return session;
}

void fake_session_destroy(struct fake_session *session)
{
	if (session->control_server)
		fake_session_stop_control(session);
	g_dbus_server_stop(session->display_server);
	g_object_unref(session->display_server);
	g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(session->display));
	unlink(session->display_path);
	g_ptr_array_unref(session->control_clients);
	g_ptr_array_unref(session->display_clients);
	g_object_unref(session->control);
	g_object_unref(session->display);
	g_hash_table_unref(session->counts);
	g_hash_table_unref(session->last);
	g_free(session->control_path);
	g_free(session->display_path);
	g_free(session->fail_method);
	g_free(session->fail_message);
	g_free(session);
}

void fake_session_set_guests(struct fake_session *session, const struct fake_guest *guests,
			     size_t count)
{
	session->guests = guests;
	session->guest_count = count;
	mullion_control1_emit_guests_changed(session->control);
}

void fake_session_fail(struct fake_session *session, const char *method, const char *message)
{
	g_free(session->fail_method);
	g_free(session->fail_message);
	session->fail_method = message ? g_strdup(method) : NULL;
	session->fail_message = g_strdup(message);
}

void fake_session_set_focused(struct fake_session *session, const char *id)
{
	mullion_display1_set_focused(session->display, id);
	g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(session->display));
}

void fake_session_drop_file(struct fake_session *session, const char *path)
{
	mullion_display1_emit_file_dropped(session->display, path);
}

void fake_session_problem(struct fake_session *session, const char *id, const char *message)
{
	mullion_control1_emit_problem(session->control, id, message);
}

unsigned fake_session_calls(struct fake_session *session, const char *method)
{
	return GPOINTER_TO_UINT(g_hash_table_lookup(session->counts, method));
}

GVariant *fake_session_last(struct fake_session *session, const char *method)
{
	return g_hash_table_lookup(session->last, method);
}
