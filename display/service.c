/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Peer-to-peer D-Bus: one skeleton a connection, all calls answered on the main loop. */
#include "service.h"

#include <gio/gunixfdlist.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>

#include "mullion-dbus/display-control.h"
#include "mullion/runtime.h"

#define MAX_THUMBNAIL 1024

struct service {
	GDBusServer *server;
	char *path;
	GList *skeletons; /* one for each connection */
	struct compositor *compositor;
	char *focused;
};

static const GDBusErrorEntry error_names[] = {
	{COMPOSITOR_ERROR_FAILED, "org.mullion.Error.Failed"},
	{COMPOSITOR_ERROR_NOT_FOUND, "org.mullion.Error.NotFound"},
	{COMPOSITOR_ERROR_INVALID_ARGUMENT, "org.mullion.Error.InvalidArgument"},
	{COMPOSITOR_ERROR_NOT_AVAILABLE, "org.mullion.Error.NotAvailable"},
};

static void register_errors(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(error_names); i++)
		g_dbus_error_register_error(COMPOSITOR_ERROR, error_names[i].error_code,
					    error_names[i].dbus_error_name);
}

/* Every method ends the same way: an empty reply or the error. */
static gboolean finish(GDBusMethodInvocation *invocation, gboolean ok, GError *error)
{
	if (ok)
		g_dbus_method_invocation_return_value(invocation, NULL);
	else
		g_dbus_method_invocation_take_error(invocation, error);
	return TRUE;
}

static gboolean handle_set_guest(MullionDisplay1 *skeleton, GDBusMethodInvocation *invocation,
				 const char *id, guint slot, const char *label, guint colour,
				 const char *state, gpointer data)
{
	struct service *service = data;
	GError *error = NULL;
	gboolean ok =
		compositor_set_guest(service->compositor, id, slot, label, colour, state, &error);

	(void)skeleton;
	return finish(invocation, ok, error);
}

static gboolean handle_remove_guest(MullionDisplay1 *skeleton, GDBusMethodInvocation *invocation,
				    const char *id, gpointer data)
{
	struct service *service = data;
	GError *error = NULL;
	gboolean ok = compositor_remove_guest(service->compositor, id, &error);

	(void)skeleton;
	return finish(invocation, ok, error);
}

static gboolean handle_attach_head(MullionDisplay1 *skeleton, GDBusMethodInvocation *invocation,
				   GUnixFDList *fds, const char *id, GVariant *connection,
				   gpointer data)
{
	struct service *service = data;
	GError *error = NULL;
	gboolean ok = FALSE;
	int fd = -1;

	(void)skeleton;
	if (fds)
		fd = g_unix_fd_list_get(fds, g_variant_get_handle(connection), &error);
	else
		g_set_error_literal(&error, COMPOSITOR_ERROR, COMPOSITOR_ERROR_INVALID_ARGUMENT,
				    "connection: no descriptor came with the call");
	if (fd >= 0)
		ok = compositor_attach_head(service->compositor, id, fd, &error);
	return finish(invocation, ok, error);
}

static gboolean handle_focus(MullionDisplay1 *skeleton, GDBusMethodInvocation *invocation,
			     const char *id, gpointer data)
{
	struct service *service = data;
	GError *error = NULL;
	gboolean ok = compositor_focus(service->compositor, id, &error);

	(void)skeleton;
	return finish(invocation, ok, error);
}

static gboolean handle_thumbnail(MullionDisplay1 *skeleton, GDBusMethodInvocation *invocation,
				 const char *id, guint max_width, guint max_height, gpointer data)
{
	struct service *service = data;
	GError *error = NULL;
	pixman_image_t *image = NULL;
	guint width = 0, height = 0;
	GVariant *pixels;

	if (max_width < 1 || max_height < 1 || max_width > MAX_THUMBNAIL ||
	    max_height > MAX_THUMBNAIL) {
		g_set_error(&error, COMPOSITOR_ERROR, COMPOSITOR_ERROR_INVALID_ARGUMENT,
			    "max_width, max_height: 1..%u are possible", MAX_THUMBNAIL);
		return finish(invocation, FALSE, error);
	}
	if (!compositor_thumbnail(service->compositor, id, max_width, max_height, &image, &error))
		return finish(invocation, FALSE, error);
	if (image) {
		width = (guint)pixman_image_get_width(image);
		height = (guint)pixman_image_get_height(image);
	}
	pixels = g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE,
					   image ? (const void *)pixman_image_get_data(image) : "",
					   (gsize)width * height * 4, 1);
	mullion_display1_complete_thumbnail(skeleton, invocation, width, height, pixels);
	if (image)
		pixman_image_unref(image);
	return TRUE;
}

static void connection_closed(GDBusConnection *connection, gboolean vanished, GError *error,
			      gpointer data)
{
	struct service *service = data;

	(void)vanished;
	(void)error;
	for (GList *l = service->skeletons; l; l = l->next) {
		GDBusInterfaceSkeleton *skeleton = l->data;

		if (g_dbus_interface_skeleton_get_connection(skeleton) != connection)
			continue;
		g_dbus_interface_skeleton_unexport(skeleton);
		g_object_unref(skeleton);
		service->skeletons = g_list_delete_link(service->skeletons, l);
		break;
	}
	g_signal_handlers_disconnect_by_data(connection, service);
	g_object_unref(connection);
}

static gboolean new_connection(GDBusServer *server, GDBusConnection *connection, gpointer data)
{
	struct service *service = data;
	MullionDisplay1 *skeleton = mullion_display1_skeleton_new();
	GError *error = NULL;

	(void)server;
	mullion_display1_set_focused(skeleton, service->focused);
	g_signal_connect(skeleton, "handle-set-guest", G_CALLBACK(handle_set_guest), service);
	g_signal_connect(skeleton, "handle-remove-guest", G_CALLBACK(handle_remove_guest), service);
	g_signal_connect(skeleton, "handle-attach-head", G_CALLBACK(handle_attach_head), service);
	g_signal_connect(skeleton, "handle-focus", G_CALLBACK(handle_focus), service);
	g_signal_connect(skeleton, "handle-thumbnail", G_CALLBACK(handle_thumbnail), service);
	if (!g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(skeleton), connection,
					      MULLION_DISPLAY_OBJECT_PATH, &error)) {
		g_warning("a connection to the display socket was refused: %s", error->message);
		g_error_free(error);
		g_object_unref(skeleton);
		return FALSE;
	}
	service->skeletons = g_list_prepend(service->skeletons, skeleton);
	g_signal_connect(g_object_ref(connection), "closed", G_CALLBACK(connection_closed),
			 service);
	return TRUE;
}

static gboolean only_same_user(GDBusAuthObserver *observer, GIOStream *stream,
			       GCredentials *credentials, gpointer data)
{
	(void)observer;
	(void)stream;
	(void)data;
	return credentials && g_credentials_get_unix_user(credentials, NULL) == getuid();
}

static gboolean somebody_serves(const char *path)
{
	GSocketClient *client = g_socket_client_new();
	GSocketAddress *address = g_unix_socket_address_new(path);
	GSocketConnection *connection =
		g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, NULL);
	gboolean alive = connection != NULL;

	g_clear_object(&connection);
	g_object_unref(address);
	g_object_unref(client);
	return alive;
}

struct service *service_create(const char *socket_path, GError **error)
{
	struct service *service;
	GDBusAuthObserver *observer;
	GDBusServer *server;
	char *address, *guid;

	if (somebody_serves(socket_path)) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE,
			    "another Mullion display is running (%s); close it first, or set "
			    "MULLION_RUNTIME_DIR to another directory",
			    socket_path);
		return NULL;
	}
	g_unlink(socket_path);
	register_errors();
	address = g_strdup_printf("unix:path=%s", socket_path);
	guid = g_dbus_generate_guid();
	observer = g_dbus_auth_observer_new();
	g_signal_connect(observer, "authorize-authenticated-peer", G_CALLBACK(only_same_user),
			 NULL);
	server = g_dbus_server_new_sync(address, G_DBUS_SERVER_FLAGS_NONE, guid, observer, NULL,
					error);
	g_object_unref(observer);
	g_free(guid);
	g_free(address);
	if (!server)
		return NULL;
	service = g_new0(struct service, 1);
	service->server = server;
	service->path = g_strdup(socket_path);
	service->focused = g_strdup("");
	g_signal_connect(server, "new-connection", G_CALLBACK(new_connection), service);
	return service;
}

void service_set_compositor(struct service *service, struct compositor *compositor)
{
	service->compositor = compositor;
	g_dbus_server_start(service->server);
}

void service_destroy(struct service *service)
{
	if (!service)
		return;
	g_dbus_server_stop(service->server);
	while (service->skeletons) {
		GDBusInterfaceSkeleton *skeleton = service->skeletons->data;
		GDBusConnection *connection = g_dbus_interface_skeleton_get_connection(skeleton);

		g_signal_handlers_disconnect_by_data(connection, service);
		g_dbus_interface_skeleton_unexport(skeleton);
		g_dbus_connection_close(connection, NULL, NULL, NULL);
		g_object_unref(connection);
		g_object_unref(skeleton);
		service->skeletons = g_list_delete_link(service->skeletons, service->skeletons);
	}
	g_object_unref(service->server);
	g_unlink(service->path);
	g_free(service->path);
	g_free(service->focused);
	g_free(service);
}

void service_focus_changed(struct service *service, const char *id)
{
	g_free(service->focused);
	service->focused = g_strdup(id);
	for (GList *l = service->skeletons; l; l = l->next)
		mullion_display1_set_focused(l->data, id);
}

void service_file_dropped(struct service *service, const char *path)
{
	for (GList *l = service->skeletons; l; l = l->next)
		mullion_display1_emit_file_dropped(l->data, path);
}
