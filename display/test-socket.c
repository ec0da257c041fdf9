/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Injected events and captures over a line protocol; see test-socket.h. */
#include "test-socket.h"

#include <cairo.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

struct test_socket {
	GSocketService *listener;
	struct compositor *compositor;
	char *path;
};

/* One connected script. Freed when its connection ends, which may be while a capture waits. */
struct client {
	int references;
	struct test_socket *socket;
	GSocketConnection *connection;
	GDataInputStream *input;
	char *capture_path;
};

static void read_next(struct client *client);

static void client_unref(struct client *client)
{
	if (--client->references > 0)
		return;
	g_object_unref(client->input);
	g_object_unref(client->connection);
	g_free(client->capture_path);
	g_free(client);
}

static void answer(struct client *client, const char *word, const char *text)
{
	char *line = g_strdup_printf("%s%s%s\n", word, text && *text ? " " : "", text ? text : "");
	GOutputStream *output = g_io_stream_get_output_stream(G_IO_STREAM(client->connection));
	GError *error = NULL;

	if (!g_output_stream_write_all(output, line, strlen(line), NULL, NULL, &error)) {
		g_message("test socket: %s", error->message);
		g_error_free(error);
	}
	g_free(line);
}

/* Writes a picture; returns NULL or what went wrong. */
static const char *write_png(pixman_image_t *image, const char *path)
{
	cairo_surface_t *surface = cairo_image_surface_create_for_data(
		(unsigned char *)pixman_image_get_data(image), CAIRO_FORMAT_RGB24,
		pixman_image_get_width(image), pixman_image_get_height(image),
		pixman_image_get_stride(image));
	cairo_status_t status = cairo_surface_write_to_png(surface, path);

	cairo_surface_destroy(surface);
	return status == CAIRO_STATUS_SUCCESS ? NULL : cairo_status_to_string(status);
}

static void captured(void *data)
{
	struct client *client = data;
	const char *wrong = write_png(compositor_output(client->socket->compositor)->target,
				      client->capture_path);

	answer(client, wrong ? "error" : "ok", wrong);
	read_next(client);
	client_unref(client);
}

static const char *write_picture(struct compositor *compositor, const char *id, const char *path)
{
	pixman_image_t *image = NULL;
	const char *wrong;

	if (!compositor_thumbnail(compositor, id, 0, 0, &image, NULL))
		return "no such guest";
	if (!image)
		return "this guest has no picture";
	wrong = write_png(image, path);
	pixman_image_unref(image);
	return wrong;
}

/* FNV-1a over the colour bits of a part of a guest's picture; NULL if there is no such part. */
static char *hash_picture(struct compositor *compositor, const char *line)
{
	pixman_image_t *image = NULL;
	uint64_t hash = 0xcbf29ce484222325ULL;
	unsigned x, y, width, height;
	char id[64];
	int end = 0;

	if (sscanf(line, "hash %63s %5u %5u %5u %5u%n", id, &x, &y, &width, &height, &end) != 5 ||
	    line[end] || !compositor_thumbnail(compositor, id, 0, 0, &image, NULL) || !image)
		return NULL;
	if (!width)
		width = (unsigned)pixman_image_get_width(image);
	if (!height)
		height = (unsigned)pixman_image_get_height(image);
	if (x + width > (unsigned)pixman_image_get_width(image) ||
	    y + height > (unsigned)pixman_image_get_height(image)) {
		pixman_image_unref(image);
		return NULL;
	}
	for (unsigned row = y; row < y + height; row++) {
		const uint32_t *pixels = pixman_image_get_data(image) +
					 row * (unsigned)pixman_image_get_stride(image) / 4;

		for (unsigned column = x; column < x + width; column++)
			hash = (hash ^ (pixels[column] & 0xffffff)) * 0x100000001b3ULL;
	}
	pixman_image_unref(image);
	return g_strdup_printf("%016" G_GINT64_MODIFIER "x", hash);
}

/* Commands that are events. Returns FALSE if the line is none. */
static gboolean inject(struct compositor *compositor, const char *line)
{
	const struct output_events *events = &compositor_output_events;
	int a, b, end = 0;

	if (sscanf(line, "key %d %d%n", &a, &b, &end) == 2 && !line[end] && a > 0 && a < 0x300)
		events->key(compositor, (uint16_t)a, b != 0);
	else if (sscanf(line, "pointer %d %d%n", &a, &b, &end) == 2 && !line[end])
		events->motion(compositor, a, b);
	else if (sscanf(line, "move %d %d%n", &a, &b, &end) == 2 && !line[end])
		events->motion_relative(compositor, a, b);
	else if (sscanf(line, "button %d %d%n", &a, &b, &end) == 2 && !line[end] && a > 0 &&
		 a < 0x300)
		events->button(compositor, (uint16_t)a, b != 0);
	else if (sscanf(line, "wheel %d %d%n", &a, &b, &end) == 2 && !line[end])
		events->wheel(compositor, a, b);
	else if (sscanf(line, "resize %d %d%n", &a, &b, &end) == 2 && !line[end] && a >= 320 &&
		 b >= 200 && a <= 8192 && b <= 8192)
		output_headless_resize(compositor_output(compositor), (unsigned)a, (unsigned)b);
	else if (strcmp(line, "unplug") == 0)
		events->attention(compositor, false);
	else if (g_str_has_prefix(line, "drop ") && line[5])
		events->dropped(compositor, line + 5);
	else if (strcmp(line, "quit") == 0)
		events->closed(compositor, NULL);
	else
		return FALSE;
	return TRUE;
}

static void handle_line(struct client *client, const char *line)
{
	struct compositor *compositor = client->socket->compositor;
	char **words = g_strsplit(line, " ", 3);
	const char *wrong = NULL;
	char *text = NULL;

	if (g_str_has_prefix(line, "capture ") && line[8]) {
		g_free(client->capture_path);
		client->capture_path = g_strdup(line + 8);
		client->references++;
		compositor_when_presented(compositor, captured, client);
		g_strfreev(words);
		return; /* read on when it is answered */
	}
	if (g_strcmp0(words[0], "picture") == 0 && g_strv_length(words) == 3)
		wrong = write_picture(compositor, words[1], words[2]);
	else if (g_str_has_prefix(line, "hash "))
		wrong = (text = hash_picture(compositor, line)) ? NULL
								: "no such guest, picture or part";
	else if (strcmp(line, "state") == 0)
		text = compositor_describe(compositor);
	else if (!inject(compositor, line))
		wrong = "no such command; see display/test-socket.h";
	answer(client, wrong ? "error" : "ok", wrong ? wrong : text);
	g_free(text);
	g_strfreev(words);
	read_next(client);
}

static void line_read(GObject *object, GAsyncResult *result, gpointer data)
{
	struct client *client = data;
	char *line = g_data_input_stream_read_line_finish(G_DATA_INPUT_STREAM(object), result, NULL,
							  NULL);

	if (line)
		handle_line(client, line);
	g_free(line);
	client_unref(client);
}

static void read_next(struct client *client)
{
	client->references++;
	g_data_input_stream_read_line_async(client->input, G_PRIORITY_DEFAULT, NULL, line_read,
					    client);
}

static gboolean incoming(GSocketService *listener, GSocketConnection *connection, GObject *object,
			 gpointer data)
{
	struct client *client = g_new0(struct client, 1);

	(void)listener;
	(void)object;
	client->references = 1;
	client->socket = data;
	client->connection = g_object_ref(connection);
	client->input =
		g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(connection)));
	read_next(client);
	client_unref(client);
	return TRUE;
}

struct test_socket *test_socket_create(const char *path, struct compositor *compositor,
				       GError **error)
{
	GSocketAddress *address;
	GSocketService *listener = g_socket_service_new();
	struct test_socket *socket;
	gboolean ok;

	g_unlink(path);
	address = g_unix_socket_address_new(path);
	ok = g_socket_listener_add_address(G_SOCKET_LISTENER(listener), address,
					   G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL,
					   NULL, error);
	g_object_unref(address);
	if (!ok) {
		g_object_unref(listener);
		return NULL;
	}
	socket = g_new0(struct test_socket, 1);
	socket->listener = listener;
	socket->compositor = compositor;
	socket->path = g_strdup(path);
	g_signal_connect(listener, "incoming", G_CALLBACK(incoming), socket);
	return socket;
}

void test_socket_destroy(struct test_socket *socket)
{
	if (!socket)
		return;
	g_socket_service_stop(socket->listener);
	g_socket_listener_close(G_SOCKET_LISTENER(socket->listener));
	g_object_unref(socket->listener);
	g_unlink(socket->path);
	g_free(socket->path);
	g_free(socket);
}
