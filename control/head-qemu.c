/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One guest's QEMU, on its D-Bus display; see head-qemu.h. */
#include "head-qemu.h"

#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qnum.h"

#define CONSOLE_PATH	   "/org/qemu/Display1/Console_0"
#define CONSOLE_INTERFACE  "org.qemu.Display1.Console"
#define KEYBOARD_INTERFACE "org.qemu.Display1.Keyboard"
#define MOUSE_INTERFACE	   "org.qemu.Display1.Mouse"
#define PROPERTIES	   "org.freedesktop.DBus.Properties"

#define MAX_IN_FLIGHT                                                                              \
	16U /* calls QEMU has not answered; what comes meanwhile is folded together                \
	     */

struct head_qemu {
	struct head_picture *picture;
	const struct head_qemu_ops *ops;
	void *data;
	GCancellable *cancellable;
	GDBusConnection *connection; /* NULL until QEMU has accepted us */
	guint properties_watch;
	gulong closed_watch;
	struct head_listener *listener;
	struct head_input input;
	unsigned in_flight;
	uint32_t caps;
	struct mullion_msg_mode mode; /* wanted; width 0: none */
	bool mode_in_flight;
	uint32_t console_width, console_height; /* as QEMU last said; 0: not yet */
	bool console_in_flight;
	bool closed;
};

static void qemu_fail(struct head_qemu *qemu, const char *reason)
{
	if (qemu->closed)
		return;
	qemu->closed = true;
	qemu->ops->listener.closed(qemu->data, reason);
}

/* After head_qemu_destroy() nobody is there to be told: every callback asks this first. */
static bool was_destroyed(const GError *error)
{
	return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void qemu_call(struct head_qemu *qemu, const char *interface, const char *method,
		      GVariant *arguments, GAsyncReadyCallback done)
{
	g_dbus_connection_call(qemu->connection, NULL, CONSOLE_PATH, interface, method, arguments,
			       NULL, G_DBUS_CALL_FLAGS_NONE, G_MAXINT, qemu->cancellable, done,
			       qemu);
}

/* For calls whose only answer is that they were done. */
static void call_finish(GObject *source, GAsyncResult *result, GError **error)
{
	GVariant *reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, error);

	if (reply)
		g_variant_unref(reply);
}

/* Input. */

static void input_done(GObject *source, GAsyncResult *result, gpointer data)
{
	struct head_qemu *qemu = data;
	g_autoptr(GError) error = NULL;

	call_finish(source, result, &error);
	if (was_destroyed(error))
		return;
	/* A refused call is motion of the wrong kind that crossed the guest's change of device. */
	qemu->in_flight--;
	head_qemu_pump(qemu);
}

/* False if there is nothing to call for this event. */
static bool input_send(struct head_qemu *qemu, const struct head_input_event *event)
{
	bool absolute = qemu->caps & MULLION_CAP_POINTER_ABSOLUTE;
	uint32_t width, height;
	unsigned qnum;

	switch (event->kind) {
	case HEAD_INPUT_KEY:
		qnum = qnum_from_evdev(event->code);
		if (qnum == 0)
			return false;
		qemu_call(qemu, KEYBOARD_INTERFACE, event->down ? "Press" : "Release",
			  g_variant_new("(u)", qnum), input_done);
		return true;
	case HEAD_INPUT_BUTTON:
		qemu_call(qemu, MOUSE_INTERFACE, event->down ? "Press" : "Release",
			  g_variant_new("(u)", event->code), input_done);
		return true;
	case HEAD_INPUT_ABSOLUTE:
		if (!absolute || !head_picture_size(qemu->picture, &width, &height))
			return false;
		qemu_call(qemu, MOUSE_INTERFACE, "SetAbsPosition",
			  g_variant_new("(uu)", MIN((uint32_t)event->x, width - 1),
					MIN((uint32_t)event->y, height - 1)),
			  input_done);
		return true;
	case HEAD_INPUT_RELATIVE:
		if (absolute)
			return false;
		qemu_call(qemu, MOUSE_INTERFACE, "RelMotion",
			  g_variant_new("(ii)", event->x, event->y), input_done);
		return true;
	case HEAD_INPUT_WHEEL:
		break;
	}
	return false;
}

void head_qemu_pump(struct head_qemu *qemu)
{
	struct head_input_event event;

	while (qemu->connection && qemu->in_flight < MAX_IN_FLIGHT &&
	       head_input_next(&qemu->input, &event)) {
		if (input_send(qemu, &event))
			qemu->in_flight++;
	}
}

struct head_input *head_qemu_input(struct head_qemu *qemu)
{
	return &qemu->input;
}

/* Modes. */

static void caps_set(struct head_qemu *qemu, uint32_t caps)
{
	if (caps == qemu->caps)
		return;
	qemu->caps = caps;
	qemu->ops->caps(qemu->data, caps);
}

static void mode_send(struct head_qemu *qemu);

static void mode_done(GObject *source, GAsyncResult *result, gpointer data)
{
	struct head_qemu *qemu = data;
	g_autoptr(GError) error = NULL;

	call_finish(source, result, &error);
	if (was_destroyed(error))
		return;
	qemu->mode_in_flight = false;
	/* Only by asking does one learn that a device (VGA, say) cannot. */
	if (error)
		caps_set(qemu, qemu->caps & ~MULLION_CAP_MODE);
	mode_send(qemu);
}

static void mode_send(struct head_qemu *qemu)
{
	struct mullion_msg_mode mode = qemu->mode;

	if (!qemu->connection || qemu->mode_in_flight || mode.width == 0 ||
	    !(qemu->caps & MULLION_CAP_MODE))
		return;
	qemu->mode.width = 0;
	qemu->mode_in_flight = true;
	qemu_call(qemu, CONSOLE_INTERFACE, "SetUIInfo",
		  g_variant_new("(qqiiuu)", (guint16)mode.width_mm, (guint16)mode.height_mm, 0, 0,
				mode.width, mode.height),
		  mode_done);
}

void head_qemu_request_mode(struct head_qemu *qemu, const struct mullion_msg_mode *mode)
{
	qemu->mode = *mode;
	mode_send(qemu);
}

/* Properties. */

static void property_set(struct head_qemu *qemu, const char *interface, const char *untrusted_name,
			 GVariant *untrusted_value)
{
	if (!strcmp(interface, KEYBOARD_INTERFACE) && !strcmp(untrusted_name, "Modifiers") &&
	    g_variant_is_of_type(untrusted_value, G_VARIANT_TYPE_UINT32)) {
		/* QEMU's bits are those of the display protocol: scroll 1, num 2, caps 4. */
		qemu->ops->leds(qemu->data,
				g_variant_get_uint32(untrusted_value) & MULLION_LED_ALL);
	} else if (!strcmp(interface, MOUSE_INTERFACE) && !strcmp(untrusted_name, "IsAbsolute") &&
		   g_variant_is_of_type(untrusted_value, G_VARIANT_TYPE_BOOLEAN)) {
		caps_set(qemu, (qemu->caps & ~MULLION_CAP_POINTER_ABSOLUTE) |
				       (g_variant_get_boolean(untrusted_value)
						? MULLION_CAP_POINTER_ABSOLUTE
						: 0));
	} else if (!strcmp(interface, CONSOLE_INTERFACE) && !strcmp(untrusted_name, "Width") &&
		   g_variant_is_of_type(untrusted_value, G_VARIANT_TYPE_UINT32)) {
		qemu->console_width = g_variant_get_uint32(untrusted_value);
	} else if (!strcmp(interface, CONSOLE_INTERFACE) && !strcmp(untrusted_name, "Height") &&
		   g_variant_is_of_type(untrusted_value, G_VARIANT_TYPE_UINT32)) {
		qemu->console_height = g_variant_get_uint32(untrusted_value);
	}
}

/*
 * The console's size. It comes on another connection than the pixels, so either may be older than
 * the other; what is shown follows whichever came last. If those disagree (changed_check()), QEMU
 * is asked, and its answer is newer than both.
 */
static void console_apply(struct head_qemu *qemu)
{
	int ret;

	if (qemu->console_width == 0 || qemu->console_height == 0)
		return;
	ret = head_picture_show(qemu->picture, qemu->console_width, qemu->console_height);
	if (ret == -ENOMEM)
		qemu_fail(qemu, "no memory for the guest's picture");
	else
		qemu->ops->listener.changed(qemu->data);
}

static void properties_set(struct head_qemu *qemu, const char *interface, GVariant *dictionary)
{
	GVariantIter iter;
	const char *name;
	GVariant *value;

	g_variant_iter_init(&iter, dictionary);
	while (g_variant_iter_loop(&iter, "{&sv}", &name, &value))
		property_set(qemu, interface, name, value);
	if (!strcmp(interface, CONSOLE_INTERFACE))
		console_apply(qemu);
}

static void properties_changed(GDBusConnection *connection, const char *sender, const char *path,
			       const char *interface, const char *signal, GVariant *parameters,
			       gpointer data)
{
	g_autoptr(GVariant) dictionary = NULL;
	const char *about;

	(void)connection;
	(void)sender;
	(void)path;
	(void)interface;
	(void)signal;
	if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(sa{sv}as)")))
		return;
	g_variant_get(parameters, "(&s@a{sv}as)", &about, &dictionary, NULL);
	properties_set(data, about, dictionary);
}

static void properties_got(struct head_qemu *qemu, const char *interface, GObject *source,
			   GAsyncResult *result)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) dictionary = NULL;
	g_autoptr(GVariant) reply =
		g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

	if (was_destroyed(error))
		return;
	if (!strcmp(interface, CONSOLE_INTERFACE))
		qemu->console_in_flight = false;
	/* Without a keyboard or mouse there is nothing to be told; QEMU itself always has both. */
	if (!reply || !g_variant_is_of_type(reply, G_VARIANT_TYPE("(a{sv})")))
		return;
	g_variant_get(reply, "(@a{sv})", &dictionary);
	properties_set(qemu, interface, dictionary);
}

static void keyboard_got(GObject *source, GAsyncResult *result, gpointer data)
{
	properties_got(data, KEYBOARD_INTERFACE, source, result);
}

static void mouse_got(GObject *source, GAsyncResult *result, gpointer data)
{
	properties_got(data, MOUSE_INTERFACE, source, result);
}

static void console_got(GObject *source, GAsyncResult *result, gpointer data)
{
	properties_got(data, CONSOLE_INTERFACE, source, result);
}

/* Setting up. */

static void register_done(GObject *source, GAsyncResult *result, gpointer data)
{
	struct head_qemu *qemu = data;
	g_autoptr(GError) error = NULL;
	GVariant *reply = g_dbus_connection_call_with_unix_fd_list_finish(G_DBUS_CONNECTION(source),
									  NULL, result, &error);

	if (reply)
		g_variant_unref(reply);
	if (was_destroyed(error))
		return;
	if (error) {
		g_autofree char *reason = NULL;

		g_dbus_error_strip_remote_error(error);
		reason = g_strdup_printf("QEMU refused the listener: %s", error->message);
		qemu_fail(qemu, reason);
	}
}

static void changed_check(struct head_qemu *qemu)
{
	uint32_t width, height;

	if (!head_picture_size(qemu->picture, &width, &height) || qemu->console_in_flight ||
	    (width == qemu->console_width && height == qemu->console_height))
		return;
	qemu->console_in_flight = true;
	qemu_call(qemu, PROPERTIES, "GetAll", g_variant_new("(s)", CONSOLE_INTERFACE), console_got);
}

static void listener_changed(void *data)
{
	struct head_qemu *qemu = data;

	changed_check(qemu);
	qemu->ops->listener.changed(qemu->data);
}

static void listener_cursor(void *data, const struct head_cursor *shape, const uint32_t *pixels)
{
	struct head_qemu *qemu = data;

	qemu->ops->listener.cursor(qemu->data, shape, pixels);
}

static void listener_cursor_position(void *data, int32_t x, int32_t y, bool visible)
{
	struct head_qemu *qemu = data;

	qemu->ops->listener.cursor_position(qemu->data, x, y, visible);
}

static void listener_closed(void *data, const char *reason)
{
	qemu_fail(data, reason);
}

static const struct head_listener_ops listener_ops = {
	.changed = listener_changed,
	.cursor = listener_cursor,
	.cursor_position = listener_cursor_position,
	.closed = listener_closed,
};

static void listener_register(struct head_qemu *qemu)
{
	g_autoptr(GUnixFDList) fds = NULL;
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0) {
		qemu_fail(qemu, g_strerror(errno));
		return;
	}
	fds = g_unix_fd_list_new_from_array(&sockets[1], 1);
	qemu->listener = head_listener_create(sockets[0], qemu->picture, &listener_ops, qemu);
	if (!qemu->listener) {
		qemu_fail(qemu, "cannot make a listener");
		return;
	}
	g_dbus_connection_call_with_unix_fd_list(
		qemu->connection, NULL, CONSOLE_PATH, CONSOLE_INTERFACE, "RegisterListener",
		g_variant_new("(h)", 0), NULL, G_DBUS_CALL_FLAGS_NONE, G_MAXINT, fds,
		qemu->cancellable, register_done, qemu);
}

static void connection_closed(GDBusConnection *connection, gboolean remote, GError *error,
			      gpointer data)
{
	(void)connection;
	(void)remote;
	(void)error;
	qemu_fail(data, "QEMU closed its display connection");
}

static void connection_made(GObject *source, GAsyncResult *result, gpointer data)
{
	struct head_qemu *qemu = data;
	g_autoptr(GError) error = NULL;
	GDBusConnection *connection = g_dbus_connection_new_finish(result, &error);

	(void)source;
	if (was_destroyed(error))
		return;
	if (!connection) {
		g_autofree char *reason =
			g_strdup_printf("QEMU refused the connection: %s", error->message);

		qemu_fail(qemu, reason);
		return;
	}
	qemu->connection = connection;
	qemu->closed_watch =
		g_signal_connect(connection, "closed", G_CALLBACK(connection_closed), qemu);
	qemu->properties_watch = g_dbus_connection_signal_subscribe(
		connection, NULL, PROPERTIES, "PropertiesChanged", CONSOLE_PATH, NULL,
		G_DBUS_SIGNAL_FLAGS_NONE, properties_changed, qemu, NULL);
	if (g_dbus_connection_is_closed(connection)) {
		qemu_fail(qemu, "QEMU closed its display connection");
		return;
	}
	caps_set(qemu, qemu->caps | MULLION_CAP_MODE);
	qemu_call(qemu, PROPERTIES, "GetAll", g_variant_new("(s)", KEYBOARD_INTERFACE),
		  keyboard_got);
	qemu_call(qemu, PROPERTIES, "GetAll", g_variant_new("(s)", MOUSE_INTERFACE), mouse_got);
	listener_register(qemu);
	mode_send(qemu);
	head_qemu_pump(qemu);
}

struct head_qemu *head_qemu_create(int fd, struct head_picture *picture,
				   const struct head_qemu_ops *ops, void *data, GError **error)
{
	g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, error);
	g_autoptr(GSocketConnection) stream = NULL;
	struct head_qemu *qemu;

	if (!socket) {
		close(fd);
		return NULL;
	}
	qemu = g_new0(struct head_qemu, 1);
	qemu->picture = picture;
	qemu->ops = ops;
	qemu->data = data;
	qemu->cancellable = g_cancellable_new();
	head_input_init(&qemu->input);
	stream = g_socket_connection_factory_create_connection(socket);
	g_dbus_connection_new(G_IO_STREAM(stream), NULL,
			      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL,
			      qemu->cancellable, connection_made, qemu);
	return qemu;
}

bool head_qemu_settled(const struct head_qemu *qemu)
{
	return !qemu->listener || head_listener_settled(qemu->listener);
}

void head_qemu_destroy(struct head_qemu *qemu)
{
	if (!qemu)
		return;
	qemu->closed = true;
	g_cancellable_cancel(qemu->cancellable);
	head_listener_destroy(qemu->listener);
	if (qemu->connection) {
		g_dbus_connection_signal_unsubscribe(qemu->connection, qemu->properties_watch);
		g_signal_handler_disconnect(qemu->connection, qemu->closed_watch);
		g_dbus_connection_close(qemu->connection, NULL, NULL, NULL);
		g_object_unref(qemu->connection);
	}
	g_object_unref(qemu->cancellable);
	g_free(qemu);
}
