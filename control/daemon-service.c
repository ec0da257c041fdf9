/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server of org.mullion.Control1: see daemon-service.h.
 *
 * What a client can make us keep is bounded: it may have MAX_OUTSTANDING calls and signals that are
 * running or that it has not read yet. One that exceeds this is disconnected.
 */
#include "daemon-service.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <mullion/runtime.h>
#include <sys/file.h>
#include <unistd.h>

#include "daemon-methods.h"
#include "daemon.h"
#include "mullion-dbus/control.h"

#define CONTROL_INTERFACE "org.mullion.Control1"
#define MAX_CLIENTS	  16U
#define MAX_OUTSTANDING	  64U
#define MAX_WORKERS	  8

struct service {
	struct service_hooks hooks;
	void *data;
	char *socket_path;
	int lock_fd;
	GDBusServer *server;
	GDBusAuthObserver *observer;
	GPtrArray *clients; /* of struct client, a reference each */
	GThreadPool *pool;
	unsigned running; /* requests with or for a worker */
	bool stopped;
};

struct client { /* g_rc_box */
	struct service *service;
	GDBusConnection *connection;
	guint registration;
	gulong closed_handler;
	unsigned outstanding;
	bool closing; /* for having too many */
};

struct request {
	struct service *service;
	struct client *client;
	const struct daemon_method *method;
	GDBusMethodInvocation *invocation;
	GVariant *reply;
	GError *error;
};

static void client_clear(void *data)
{
	struct client *client = data;

	g_object_unref(client->connection);
}

static void client_release(void *client)
{
	g_rc_box_release_full(client, client_clear);
}

static void client_flushed(GObject *source, GAsyncResult *result, void *data)
{
	struct client *client = data;

	/* An error means that the connection is closed; its "closed" signal does the rest. */
	g_dbus_connection_flush_finish(G_DBUS_CONNECTION(source), result, NULL);
	client->outstanding--;
	client_release(client);
}

/* Count what was just queued for the client as outstanding until the client has read it. */
static void client_flush(struct client *client)
{
	g_dbus_connection_flush(client->connection, NULL, client_flushed, g_rc_box_acquire(client));
}

static bool client_exceeds(struct client *client)
{
	if (client->outstanding < MAX_OUTSTANDING)
		return false;
	if (!client->closing) {
		client->closing = true;
		daemon_say("a client asks faster than it reads; disconnecting it");
		g_dbus_connection_close(client->connection, NULL, NULL, NULL);
	}
	return true;
}

static gboolean request_done(void *data)
{
	struct request *request = data;
	struct service *service = request->service;

	if (request->error)
		g_dbus_method_invocation_return_dbus_error(request->invocation,
							   daemon_error_name(request->error),
							   request->error->message);
	else
		g_dbus_method_invocation_return_value(request->invocation, request->reply);
	client_flush(request->client); /* takes over the request's part of outstanding */
	client_release(request->client);
	service->running--;
	if (request->method->changes && !service->stopped)
		service->hooks.changed(service->data);
	g_clear_error(&request->error);
	g_clear_pointer(&request->reply, g_variant_unref);
	g_free(request);
	return G_SOURCE_REMOVE;
}

/* On a worker thread. */
static void request_run(void *data, void *user_data)
{
	struct request *request = data;
	struct service *service = user_data;
	virConnectPtr connection = service->hooks.take_connection(service->data, &request->error);

	if (connection) {
		request->reply = request->method->run(
			connection, g_dbus_method_invocation_get_parameters(request->invocation),
			&request->error);
		if (request->reply)
			g_variant_ref_sink(request->reply);
		virConnectClose(connection);
	}
	g_idle_add(request_done, request);
}

/* GDBus has already compared the arguments' types with the interface. */
static void on_call(GDBusConnection *connection, const char *sender, const char *path,
		    const char *interface, const char *method_name, GVariant *untrusted_arguments,
		    GDBusMethodInvocation *invocation, void *data)
{
	struct client *client = data;
	const struct daemon_method *method = daemon_method_find(method_name);
	struct request *request;

	(void)connection;
	(void)sender;
	(void)path;
	(void)interface;
	(void)untrusted_arguments;
	if (!method || client->service->stopped || client_exceeds(client)) {
		g_dbus_method_invocation_return_dbus_error(
			invocation, "org.mullion.Error.Failed",
			"Mullion's control service cannot take this call now.");
		return;
	}
	request = g_new0(struct request, 1);
	request->service = client->service;
	request->client = g_rc_box_acquire(client);
	request->method = method;
	request->invocation = invocation;
	client->outstanding++;
	client->service->running++;
	g_thread_pool_push(client->service->pool, request, NULL);
}

static void client_drop(struct client *client)
{
	g_signal_handler_disconnect(client->connection, client->closed_handler);
	g_dbus_connection_unregister_object(client->connection, client->registration);
	g_ptr_array_remove_fast(client->service->clients, client);
}

static void on_closed(GDBusConnection *connection, gboolean remote_peer_vanished, GError *error,
		      void *data)
{
	(void)connection;
	(void)remote_peer_vanished;
	(void)error;
	client_drop(data);
}

static gboolean on_connection(GDBusServer *server, GDBusConnection *connection, void *data)
{
	static const GDBusInterfaceVTable vtable = {.method_call = on_call};
	struct service *service = data;
	struct client *client;
	g_autoptr(GError) error = NULL;

	(void)server;
	if (service->stopped || service->clients->len >= MAX_CLIENTS) {
		daemon_say("refused a client: %u are connected already", service->clients->len);
		return FALSE;
	}
	client = g_rc_box_new0(struct client);
	client->service = service;
	client->connection = g_object_ref(connection);
	client->registration = g_dbus_connection_register_object(
		connection, MULLION_CONTROL_OBJECT_PATH, mullion_control1_interface_info(), &vtable,
		client, NULL, &error);
	if (!client->registration) {
		daemon_say("cannot serve a client: %s", error->message);
		client_release(client);
		return FALSE;
	}
	client->closed_handler =
		g_signal_connect(connection, "closed", G_CALLBACK(on_closed), client);
	g_ptr_array_add(service->clients, client);
	return TRUE;
}

static gboolean on_authorize(GDBusAuthObserver *observer, GIOStream *stream,
			     GCredentials *credentials, void *data)
{
	(void)observer;
	(void)stream;
	(void)data;
	return credentials && g_credentials_get_unix_user(credentials, NULL) == getuid();
}

static gboolean on_mechanism(GDBusAuthObserver *observer, const char *mechanism, void *data)
{
	(void)observer;
	(void)data;
	return g_str_equal(mechanism, "EXTERNAL");
}

/* One daemon a directory: who has the lock may replace the socket that an earlier one left. */
static gboolean service_take_lock(struct service *service, GError **error)
{
	g_autofree char *path = g_strconcat(service->socket_path, ".lock", NULL);

	service->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (service->lock_fd < 0) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "Cannot open %s: %s.", path,
			    g_strerror(errno));
		return FALSE;
	}
	if (flock(service->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE,
			    "Another mullion-control already serves %s. Use that one, or stop it "
			    "first.",
			    service->socket_path);
		return FALSE;
	}
	if (unlink(service->socket_path) < 0 && errno != ENOENT) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "Cannot replace %s: %s.",
			    service->socket_path, g_strerror(errno));
		return FALSE;
	}
	return TRUE;
}

static gboolean service_listen(struct service *service, GError **error)
{
	g_autofree char *escaped = g_dbus_address_escape_value(service->socket_path);
	g_autofree char *address = g_strdup_printf("unix:path=%s", escaped);
	g_autofree char *guid = g_dbus_generate_guid();

	service->observer = g_dbus_auth_observer_new();
	g_signal_connect(service->observer, "authorize-authenticated-peer",
			 G_CALLBACK(on_authorize), NULL);
	g_signal_connect(service->observer, "allow-mechanism", G_CALLBACK(on_mechanism), NULL);
	service->server = g_dbus_server_new_sync(
		address, G_DBUS_SERVER_FLAGS_AUTHENTICATION_REQUIRE_SAME_USER, guid,
		service->observer, NULL, error);
	if (!service->server) {
		g_prefix_error(error, "Cannot listen on %s: ", service->socket_path);
		return FALSE;
	}
	g_signal_connect(service->server, "new-connection", G_CALLBACK(on_connection), service);
	g_dbus_server_start(service->server);
	return TRUE;
}

struct service *service_create(const char *socket_path, const struct service_hooks *hooks,
			       void *data, GError **error)
{
	struct service *service = g_new0(struct service, 1);

	service->hooks = *hooks;
	service->data = data;
	service->socket_path = g_strdup(socket_path);
	service->lock_fd = -1;
	service->clients = g_ptr_array_new_with_free_func(client_release);
	service->pool = g_thread_pool_new(request_run, service, MAX_WORKERS, FALSE, error);
	if (service->pool && service_take_lock(service, error) && service_listen(service, error))
		return service;
	service_destroy(service);
	return NULL;
}

void service_stop(struct service *service)
{
	service->stopped = true;
	if (!service->server)
		return;
	g_dbus_server_stop(service->server);
	unlink(service->socket_path);
}

bool service_is_idle(const struct service *service)
{
	return service->running == 0;
}

void service_destroy(struct service *service)
{
	if (!service)
		return;
	service_stop(service);
	while (service->clients->len > 0) {
		struct client *client = g_ptr_array_index(service->clients, 0);
		g_autoptr(GDBusConnection) connection = g_object_ref(client->connection);

		client_drop(client);
		g_dbus_connection_close(connection, NULL, NULL, NULL);
	}
	g_ptr_array_unref(service->clients);
	if (service->pool)
		g_thread_pool_free(service->pool, FALSE, TRUE);
	g_clear_object(&service->server);
	g_clear_object(&service->observer);
	if (service->lock_fd >= 0)
		close(service->lock_fd);
	g_free(service->socket_path);
	g_free(service);
}

unsigned service_count_clients(const struct service *service)
{
	return service->clients->len;
}

static void service_emit(struct service *service, const char *signal, GVariant *arguments)
{
	g_autoptr(GVariant) owned = g_variant_ref_sink(arguments);

	for (guint i = 0; i < service->clients->len; i++) {
		struct client *client = g_ptr_array_index(service->clients, i);

		if (client_exceeds(client))
			continue;
		client->outstanding++;
		g_dbus_connection_emit_signal(client->connection, NULL, MULLION_CONTROL_OBJECT_PATH,
					      CONTROL_INTERFACE, signal, owned, NULL);
		client_flush(client);
	}
}

void service_emit_changed(struct service *service)
{
	service_emit(service, "GuestsChanged", g_variant_new_tuple(NULL, 0));
}

void service_emit_problem(struct service *service, const char *id, const char *message)
{
	service_emit(service, "Problem", g_variant_new("(ss)", id, message));
}
