/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See service.h. */
#include "service.h"

#include <mullion/runtime.h>

#include "mullion-dbus/control.h"
#include "mullion-dbus/display-control.h"

#define RETRY_MS 1000

/* One of the two connections. */
struct link {
	struct service *service;
	const char *what; /* for messages */
	char *address;
	GDBusProxy *proxy; /* NULL: down */
	gulong closed;
	guint retry;
	void (*up)(struct service *service, bool up);
	void (*make_proxy)(struct link *link, GDBusConnection *connection);
};

struct service {
	struct service_ops ops;
	void *data;
	struct link control, display;
	GCancellable *cancellable; /* of everything under way; cancelled by destroy */
	GPtrArray *guests;
	bool listing, list_again;
};

struct call {
	service_done done;
	void *data;
};

static void link_connect(struct link *link);

static gboolean link_retry(void *data)
{
	struct link *link = data;

	link->retry = 0;
	link_connect(link);
	return G_SOURCE_REMOVE;
}

static void link_down(struct link *link)
{
	bool was_up = link->proxy != NULL;

	if (was_up) {
		g_signal_handler_disconnect(g_dbus_proxy_get_connection(link->proxy), link->closed);
		g_signal_handlers_disconnect_by_data(link->proxy, link->service);
		g_clear_object(&link->proxy);
	}
	if (!link->retry)
		link->retry = g_timeout_add(RETRY_MS, link_retry, link);
	if (was_up)
		link->up(link->service, false);
}

static void link_closed(GDBusConnection *connection, gboolean by_peer, GError *error, void *data)
{
	(void)connection, (void)by_peer, (void)error;
	link_down(data);
}

/* With the proxy made, or the error that there is none. */
static void link_made(struct link *link, GDBusProxy *proxy, const GError *error)
{
	if (!proxy) {
		if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
			link_down(link);
		return;
	}
	link->proxy = proxy;
	g_dbus_proxy_set_default_timeout(proxy, G_MAXINT);
	link->closed = g_signal_connect(g_dbus_proxy_get_connection(proxy), "closed",
					G_CALLBACK(link_closed), link);
	if (g_dbus_connection_is_closed(g_dbus_proxy_get_connection(proxy)))
		link_down(link);
	else
		link->up(link->service, true);
}

static void link_connected(GObject *source, GAsyncResult *result, void *data)
{
	g_autoptr(GError) error = NULL;
	GDBusConnection *connection = g_dbus_connection_new_for_address_finish(result, &error);
	struct link *link;

	(void)source;
	/* Cancelled: the service is no more. */
	if (!connection && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return;
	link = data;
	if (!connection) {
		link_down(link);
		return;
	}
	link->make_proxy(link, connection);
	g_object_unref(connection);
}

static void link_connect(struct link *link)
{
	g_dbus_connection_new_for_address(link->address,
					  G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL,
					  link->service->cancellable, link_connected, link);
}

static void link_init(struct link *link, struct service *service, const char *what,
		      const char *socket)
{
	g_autofree char *escaped = g_dbus_address_escape_value(socket);

	link->service = service;
	link->what = what;
	link->address = g_strdup_printf("unix:path=%s", escaped);
	link_connect(link);
}

static void link_finish(struct link *link)
{
	if (link->retry)
		g_source_remove(link->retry);
	if (link->proxy) {
		g_signal_handler_disconnect(g_dbus_proxy_get_connection(link->proxy), link->closed);
		g_signal_handlers_disconnect_by_data(link->proxy, link->service);
		g_object_unref(link->proxy);
	}
	g_free(link->address);
}

/* --- calls --- */

static void link_called(GObject *source, GAsyncResult *result, void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) reply = g_dbus_proxy_call_finish(G_DBUS_PROXY(source), result, &error);
	struct call *call = data;

	if (!reply && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
		g_free(call);
		return;
	}
	if (error) {
		g_dbus_error_strip_remote_error(error);
		if (error->domain == G_IO_ERROR && !g_dbus_error_is_remote_error(error) &&
		    g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CLOSED)) {
			g_free(error->message);
			error->message = g_strdup(
				"The connection was lost before the answer came. Look at the "
				"guest's state, then try again.");
		}
	}
	if (call->done)
		call->done(call->data, reply, error ? error->message : NULL);
	g_free(call);
}

static void link_call(struct link *link, const char *method, GVariant *parameters,
		      service_done done, void *data)
{
	struct call *call;

	if (!link->proxy) {
		g_autofree char *message =
			g_strdup_printf("%s cannot be reached just now.", link->what);

		if (parameters)
			g_variant_unref(g_variant_ref_sink(parameters));
		if (done)
			done(data, NULL, message);
		return;
	}
	call = g_new0(struct call, 1);
	call->done = done;
	call->data = data;
	g_dbus_proxy_call(link->proxy, method, parameters, G_DBUS_CALL_FLAGS_NONE, G_MAXINT,
			  link->service->cancellable, link_called, call);
}

void service_control(struct service *service, const char *method, GVariant *parameters,
		     service_done done, void *data)
{
	link_call(&service->control, method, parameters, done, data);
}

void service_display(struct service *service, const char *method, GVariant *parameters,
		     service_done done, void *data)
{
	link_call(&service->display, method, parameters, done, data);
}

/* --- the control plane --- */

/* By slot; those without one behind, by name. */
static gint compare_guests(gconstpointer a, gconstpointer b)
{
	const struct guest *left = *(struct guest *const *)a, *right = *(struct guest *const *)b;
	unsigned left_slot = left->slot ? left->slot : 10;
	unsigned right_slot = right->slot ? right->slot : 10;

	if (left_slot != right_slot)
		return left_slot < right_slot ? -1 : 1;
	return g_utf8_collate(left->label, right->label);
}

static void list_guests(struct service *service);

static void listed(void *data, GVariant *result, const char *error)
{
	struct service *service = data;
	g_autoptr(GVariant) list = NULL;
	GVariantIter iter;
	GVariant *dictionary;

	service->listing = false;
	if (error || !g_variant_is_of_type(result, G_VARIANT_TYPE("(aa{sv})"))) {
		/* A lost connection is told of by itself. */
		if (service->control.proxy &&
		    !g_dbus_connection_is_closed(
			    g_dbus_proxy_get_connection(service->control.proxy)))
			service->ops.problem(service->data, "",
					     error ? error : "The list of guests is not readable.");
	} else {
		g_ptr_array_set_size(service->guests, 0);
		list = g_variant_get_child_value(result, 0);
		g_variant_iter_init(&iter, list);
		while ((dictionary = g_variant_iter_next_value(&iter))) {
			struct guest *guest = guest_from_variant(dictionary);

			if (guest)
				g_ptr_array_add(service->guests, guest);
			g_variant_unref(dictionary);
		}
		g_ptr_array_sort(service->guests, compare_guests);
		service->ops.guests(service->data, service->guests);
	}
	if (service->list_again && service->control.proxy)
		list_guests(service);
}

/* One question at a time; what changes meanwhile is asked for once more. */
static void list_guests(struct service *service)
{
	service->list_again = service->listing;
	if (service->listing)
		return;
	service->listing = true;
	service_control(service, "ListGuests", NULL, listed, service);
}

static void guests_changed(MullionControl1 *proxy, void *data)
{
	(void)proxy;
	list_guests(data);
}

static void problem(MullionControl1 *proxy, const char *id, const char *message, void *data)
{
	struct service *service = data;

	(void)proxy;
	service->ops.problem(service->data, id, message);
}

static void control_proxy_made(GObject *source, GAsyncResult *result, void *data)
{
	g_autoptr(GError) error = NULL;
	MullionControl1 *proxy = mullion_control1_proxy_new_finish(result, &error);
	struct link *link = data;

	(void)source;
	if (proxy) {
		g_signal_connect(proxy, "guests-changed", G_CALLBACK(guests_changed),
				 link->service);
		g_signal_connect(proxy, "problem", G_CALLBACK(problem), link->service);
	}
	link_made(link, (GDBusProxy *)proxy, error);
}

static void control_make_proxy(struct link *link, GDBusConnection *connection)
{
	mullion_control1_proxy_new(connection, G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES, NULL,
				   MULLION_CONTROL_OBJECT_PATH, link->service->cancellable,
				   control_proxy_made, link);
}

static void control_up(struct service *service, bool up)
{
	service->ops.control(service->data, up);
	if (up)
		list_guests(service);
}

/* --- the compositor --- */

static void focused_changed(GObject *proxy, GParamSpec *spec, void *data)
{
	struct service *service = data;
	const char *id = mullion_display1_get_focused(MULLION_DISPLAY1(proxy));

	(void)spec;
	service->ops.focused(service->data, id ? id : "");
}

static void file_dropped(MullionDisplay1 *proxy, const char *untrusted_path, void *data)
{
	struct service *service = data;

	(void)proxy;
	service->ops.dropped(service->data, untrusted_path);
}

static void display_proxy_made(GObject *source, GAsyncResult *result, void *data)
{
	g_autoptr(GError) error = NULL;
	MullionDisplay1 *proxy = mullion_display1_proxy_new_finish(result, &error);
	struct link *link = data;

	(void)source;
	if (proxy) {
		g_signal_connect(proxy, "notify::focused", G_CALLBACK(focused_changed),
				 link->service);
		g_signal_connect(proxy, "file-dropped", G_CALLBACK(file_dropped), link->service);
	}
	link_made(link, (GDBusProxy *)proxy, error);
}

static void display_make_proxy(struct link *link, GDBusConnection *connection)
{
	mullion_display1_proxy_new(connection, G_DBUS_PROXY_FLAGS_NONE, NULL,
				   MULLION_DISPLAY_OBJECT_PATH, link->service->cancellable,
				   display_proxy_made, link);
}

static void display_up(struct service *service, bool up)
{
	service->ops.display(service->data, up);
	if (up)
		focused_changed(G_OBJECT(service->display.proxy), NULL, service);
}

struct service *service_create(const char *control_socket, const char *display_socket,
			       const struct service_ops *ops, void *data)
{
	struct service *service = g_new0(struct service, 1);

	service->ops = *ops;
	service->data = data;
	service->cancellable = g_cancellable_new();
	service->guests = g_ptr_array_new_with_free_func((GDestroyNotify)guest_destroy);
	service->control.up = control_up;
	service->control.make_proxy = control_make_proxy;
	service->display.up = display_up;
	service->display.make_proxy = display_make_proxy;
	link_init(&service->control, service, "Mullion's control service", control_socket);
	link_init(&service->display, service, "Mullion's screen service", display_socket);
	return service;
}

void service_destroy(struct service *service)
{
	if (!service)
		return;
	g_cancellable_cancel(service->cancellable);
	link_finish(&service->control);
	link_finish(&service->display);
	g_object_unref(service->cancellable);
	g_ptr_array_unref(service->guests);
	g_free(service);
}
