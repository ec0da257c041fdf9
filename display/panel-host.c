/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The panel host as a whole: its socket, its place in the GLib main loop, and the calls that the
 * compositor makes. What it serves is in panel-host-*.c; see panel-host-private.h.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gio/gio.h>

#include "panel-host-private.h"

/* --- the main loop --- */

struct host_source {
	GSource base;
	struct panel_host *host;
	void *tag;
};

static gboolean host_prepare(GSource *base, gint *timeout)
{
	struct panel_host *host = ((struct host_source *)base)->host;

	wl_event_loop_dispatch_idle(host->loop);
	wl_display_flush_clients(host->display);
	*timeout = -1;
	return FALSE;
}

static gboolean host_check(GSource *base)
{
	return g_source_query_unix_fd(base, ((struct host_source *)base)->tag) != 0;
}

static gboolean host_dispatch(GSource *base, GSourceFunc callback, gpointer data)
{
	struct panel_host *host = ((struct host_source *)base)->host;

	(void)callback, (void)data;
	wl_event_loop_dispatch(host->loop, 0);
	panel_paint_update(host);
	wl_display_flush_clients(host->display);
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs host_source_funcs = {
	.prepare = host_prepare,
	.check = host_check,
	.dispatch = host_dispatch,
};

static void host_attach(struct panel_host *host)
{
	GSource *base = g_source_new(&host_source_funcs, sizeof(struct host_source));
	struct host_source *source = (struct host_source *)base;

	source->host = host;
	source->tag = g_source_add_unix_fd(base, wl_event_loop_get_fd(host->loop),
					   G_IO_IN | G_IO_ERR | G_IO_HUP);
	g_source_set_name(base, "panel host");
	g_source_attach(base, NULL);
	host->source = base;
}

/* --- the socket --- */

static bool someone_listens(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool listens;

	if (fd < 0)
		return false;
	listens = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
		  errno == EAGAIN;
	close(fd);
	return listens;
}

static bool host_listen(struct panel_host *host, GError **error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat info;
	int fd = -1;

	if (strlen(host->socket_path) >= sizeof(address.sun_path)) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG,
			    "%s is too long for a socket's name", host->socket_path);
		return false;
	}
	strcpy(address.sun_path, host->socket_path);
	if (lstat(host->socket_path, &info) == 0 && S_ISSOCK(info.st_mode)) {
		if (someone_listens(&address)) {
			g_set_error(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE,
				    "another program already serves %s", host->socket_path);
			return false;
		}
		unlink(host->socket_path);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The mode set before bind() is the file's from its first moment. */
	if (fd < 0 || fchmod(fd, 0600) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0 ||
	    wl_display_add_socket_fd(host->display, fd) < 0) {
		int code = errno;

		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code), "cannot serve %s: %s",
			    host->socket_path, g_strerror(code));
		if (fd >= 0)
			close(fd);
		return false;
	}
	host->listening = true;
	return true;
}

/* Mode and directory keep others out; this holds even if someone changed those. */
static void client_created(struct wl_listener *listener, void *data)
{
	struct wl_client *client = data;
	uid_t uid = (uid_t)-1;

	(void)listener;
	wl_client_get_credentials(client, NULL, &uid, NULL);
	if (uid != getuid() && uid != 0)
		wl_client_destroy(client);
}

/* --- create, destroy --- */

struct panel_host *panel_host_create(const char *socket_path, unsigned width, unsigned height,
				     const struct panel_host_ops *ops, void *data, GError **error)
{
	struct panel_host *host = g_new0(struct panel_host, 1);

	host->socket_path = g_strdup(socket_path);
	host->ops = *ops;
	host->data = data;
	host->keymap_fd = -1;
	host->layout = g_array_new(FALSE, FALSE, sizeof(struct panel_placed));
	host->client_created.notify = client_created;
	wl_list_init(&host->client_created.link);
	host->display = wl_display_create();
	if (!host->display)
		goto no_memory;
	host->loop = wl_display_get_event_loop(host->display);
	wl_display_add_client_created_listener(host->display, &host->client_created);
	/* Not yet a change to report: the caller does not have the host. */
	host->ops.damage = NULL;
	if (!panel_surface_init(host) || !panel_sub_init(host) || !panel_output_init(host) ||
	    !panel_data_init(host) || !panel_shell_init(host) ||
	    wl_display_init_shm(host->display) < 0)
		goto no_memory;
	if (!panel_seat_init(host, error))
		goto fail;
	if (!panel_paint_resize(host, MAX(width, 1), MAX(height, 1)))
		goto no_memory;
	host->unpresented = false;
	host->ops.damage = ops->damage;
	if (!host_listen(host, error))
		goto fail;
	host_attach(host);
	return host;

no_memory:
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "out of memory for the panel");
fail:
	panel_host_destroy(host);
	return NULL;
}

void panel_host_destroy(struct panel_host *host)
{
	if (!host)
		return;
	/* The clients' objects go below and report as usual; nobody listens any more. */
	memset(&host->ops, 0, sizeof(host->ops));
	if (host->display) {
		wl_list_remove(&host->client_created.link);
		wl_display_destroy_clients(host->display);
	}
	if (host->source) {
		g_source_destroy(host->source);
		g_source_unref(host->source);
	}
	if (host->frame_timer)
		g_source_remove(host->frame_timer);
	if (host->display)
		wl_display_destroy(host->display);
	panel_seat_finish(host);
	if (host->listening)
		unlink(host->socket_path);
	if (host->image)
		pixman_image_unref(host->image);
	g_array_unref(host->layout);
	g_free(host->socket_path);
	g_free(host);
}

/* --- calls of the compositor --- */

void panel_host_resize(struct panel_host *host, unsigned width, unsigned height)
{
	width = CLAMP(width, 1, PANEL_MAX_SIZE);
	height = CLAMP(height, 1, PANEL_MAX_SIZE);
	if (width == host->width && height == host->height)
		return;
	if (!panel_paint_resize(host, width, height))
		return; /* no memory: the old size stands */
	panel_output_changed(host);
	panel_shell_resize(host);
	panel_paint_update(host);
	wl_display_flush_clients(host->display);
}

pixman_image_t *panel_host_image(struct panel_host *host)
{
	return host->image;
}

bool panel_host_has_client(const struct panel_host *host)
{
	struct panel_xdg *xdg;

	wl_list_for_each(xdg, &host->toplevels, link) {
		if (xdg->mapped)
			return true;
	}
	return false;
}

void panel_host_presented(struct panel_host *host, uint32_t time_ms)
{
	struct panel_surface *surface;

	host->unpresented = false;
	wl_list_for_each(surface, &host->surfaces, link)
		panel_frames_answer(&surface->frames, time_ms);
	wl_display_flush_clients(host->display);
}
