/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See panel-client.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>

#include "panel-client.h"

/* --- the seat --- */

static void keyboard_keymap(void *data, struct wl_keyboard *keyboard, uint32_t format, int fd,
			    uint32_t size)
{
	struct panel_client *client = data;
	char *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);

	(void)keyboard;
	assert_int_equal(format, WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1);
	assert_ptr_not_equal(map, MAP_FAILED);
	memcpy(client->keymap_start, map, sizeof(client->keymap_start) - 1);
	munmap(map, size);
	close(fd);
}

static void keyboard_enter(void *data, struct wl_keyboard *keyboard, uint32_t serial,
			   struct wl_surface *surface, struct wl_array *keys)
{
	struct panel_client *client = data;

	(void)keyboard, (void)serial;
	client->keyboard_focus = surface;
	client->entered_keys = (unsigned)(keys->size / sizeof(uint32_t));
}

static void keyboard_leave(void *data, struct wl_keyboard *keyboard, uint32_t serial,
			   struct wl_surface *surface)
{
	struct panel_client *client = data;

	(void)keyboard, (void)serial, (void)surface;
	client->keyboard_focus = NULL;
}

static void keyboard_key(void *data, struct wl_keyboard *keyboard, uint32_t serial, uint32_t time,
			 uint32_t key, uint32_t state)
{
	struct panel_client *client = data;

	(void)keyboard, (void)serial, (void)time;
	client->key_events++;
	client->last_key = key;
	client->last_key_state = state;
}

static void keyboard_modifiers(void *data, struct wl_keyboard *keyboard, uint32_t serial,
			       uint32_t depressed, uint32_t latched, uint32_t locked,
			       uint32_t group)
{
	struct panel_client *client = data;

	(void)keyboard, (void)serial, (void)latched, (void)locked, (void)group;
	client->modifiers = depressed;
}

static void keyboard_repeat(void *data, struct wl_keyboard *keyboard, int32_t rate, int32_t delay)
{
	(void)data, (void)keyboard, (void)rate, (void)delay;
}

static const struct wl_keyboard_listener keyboard_listener = {
	.keymap = keyboard_keymap,
	.enter = keyboard_enter,
	.leave = keyboard_leave,
	.key = keyboard_key,
	.modifiers = keyboard_modifiers,
	.repeat_info = keyboard_repeat,
};

static void pointer_enter(void *data, struct wl_pointer *pointer, uint32_t serial,
			  struct wl_surface *surface, wl_fixed_t x, wl_fixed_t y)
{
	struct panel_client *client = data;

	(void)pointer;
	client->pointer_serial = serial;
	client->pointer_focus = surface;
	client->pointer_x = wl_fixed_to_double(x);
	client->pointer_y = wl_fixed_to_double(y);
}

static void pointer_leave(void *data, struct wl_pointer *pointer, uint32_t serial,
			  struct wl_surface *surface)
{
	struct panel_client *client = data;

	(void)pointer, (void)serial, (void)surface;
	client->pointer_focus = NULL;
}

static void pointer_motion(void *data, struct wl_pointer *pointer, uint32_t time, wl_fixed_t x,
			   wl_fixed_t y)
{
	struct panel_client *client = data;

	(void)pointer, (void)time;
	client->motions++;
	client->pointer_x = wl_fixed_to_double(x);
	client->pointer_y = wl_fixed_to_double(y);
}

static void pointer_button(void *data, struct wl_pointer *pointer, uint32_t serial, uint32_t time,
			   uint32_t button, uint32_t state)
{
	struct panel_client *client = data;

	(void)pointer, (void)serial, (void)time;
	client->buttons++;
	client->last_button = button;
	client->last_button_state = state;
}

static void pointer_axis(void *data, struct wl_pointer *pointer, uint32_t time, uint32_t axis,
			 wl_fixed_t value)
{
	struct panel_client *client = data;

	(void)pointer, (void)time;
	if (axis == WL_POINTER_AXIS_VERTICAL_SCROLL)
		client->axis = wl_fixed_to_double(value);
}

static void pointer_frame(void *data, struct wl_pointer *pointer)
{
	(void)data, (void)pointer;
}

static void pointer_axis_source(void *data, struct wl_pointer *pointer, uint32_t source)
{
	(void)data, (void)pointer, (void)source;
}

static void pointer_axis_stop(void *data, struct wl_pointer *pointer, uint32_t time, uint32_t axis)
{
	(void)data, (void)pointer, (void)time, (void)axis;
}

static void pointer_axis_discrete(void *data, struct wl_pointer *pointer, uint32_t axis, int32_t n)
{
	struct panel_client *client = data;

	(void)pointer;
	if (axis == WL_POINTER_AXIS_VERTICAL_SCROLL)
		client->axis_discrete = n;
}

static const struct wl_pointer_listener pointer_listener = {
	.enter = pointer_enter,
	.leave = pointer_leave,
	.motion = pointer_motion,
	.button = pointer_button,
	.axis = pointer_axis,
	.frame = pointer_frame,
	.axis_source = pointer_axis_source,
	.axis_stop = pointer_axis_stop,
	.axis_discrete = pointer_axis_discrete,
};

/* --- the globals --- */

static void output_geometry(void *data, struct wl_output *output, int32_t x, int32_t y,
			    int32_t width_mm, int32_t height_mm, int32_t subpixel, const char *make,
			    const char *model, int32_t transform)
{
	(void)data, (void)output, (void)x, (void)y, (void)width_mm, (void)height_mm;
	(void)subpixel, (void)make, (void)model, (void)transform;
}

static void output_mode(void *data, struct wl_output *output, uint32_t flags, int32_t width,
			int32_t height, int32_t refresh)
{
	struct panel_client *client = data;

	(void)output, (void)flags, (void)refresh;
	client->output_width = width;
	client->output_height = height;
}

static void output_done(void *data, struct wl_output *output)
{
	(void)data, (void)output;
}

static void output_scale(void *data, struct wl_output *output, int32_t scale)
{
	(void)data, (void)output, (void)scale;
}

static const struct wl_output_listener output_listener = {
	.geometry = output_geometry,
	.mode = output_mode,
	.done = output_done,
	.scale = output_scale,
};

static void *bind_global(struct panel_client *client, uint32_t name,
			 const struct wl_interface *interface, uint32_t version)
{
	return wl_registry_bind(client->registry, name, interface, version);
}

static void registry_global(void *data, struct wl_registry *registry, uint32_t name,
			    const char *interface, uint32_t version)
{
	struct panel_client *client = data;

	(void)registry, (void)version;
	if (!strcmp(interface, "wl_compositor"))
		client->compositor = bind_global(client, name, &wl_compositor_interface, 4);
	else if (!strcmp(interface, "wl_subcompositor"))
		client->subcompositor = bind_global(client, name, &wl_subcompositor_interface, 1);
	else if (!strcmp(interface, "wl_shm"))
		client->shm = bind_global(client, name, &wl_shm_interface, 1);
	else if (!strcmp(interface, "wl_seat"))
		client->seat = bind_global(client, name, &wl_seat_interface, 5);
	else if (!strcmp(interface, "xdg_wm_base"))
		client->wm = bind_global(client, name, &xdg_wm_base_interface, 3);
	else if (!strcmp(interface, "wl_output"))
		client->output = bind_global(client, name, &wl_output_interface, 3);
	else if (!strcmp(interface, "wl_data_device_manager"))
		client->data_manager =
			bind_global(client, name, &wl_data_device_manager_interface, 3);
}

static void registry_remove(void *data, struct wl_registry *registry, uint32_t name)
{
	(void)data, (void)registry, (void)name;
}

static const struct wl_registry_listener registry_listener = {
	.global = registry_global,
	.global_remove = registry_remove,
};

/* --- stepping --- */

bool panel_client_alone;

static void step_host(void)
{
	if (!panel_client_alone)
		g_main_context_iteration(NULL, FALSE);
}

void panel_client_step(struct panel_client *client)
{
	struct pollfd poll_fd;

	if (client->lost) {
		step_host();
		g_usleep(200);
		return;
	}
	while (wl_display_prepare_read(client->display) != 0)
		wl_display_dispatch_pending(client->display);
	wl_display_flush(client->display);
	step_host();
	poll_fd.fd = wl_display_get_fd(client->display);
	poll_fd.events = POLLIN;
	if (poll(&poll_fd, 1, 1) > 0)
		client->lost |= wl_display_read_events(client->display) < 0;
	else
		wl_display_cancel_read(client->display);
	client->lost |= wl_display_dispatch_pending(client->display) < 0;
	client->lost |= wl_display_get_error(client->display) != 0;
}

static void callback_done(void *data, struct wl_callback *callback, uint32_t value)
{
	(void)callback, (void)value;
	*(bool *)data = true;
}

static const struct wl_callback_listener callback_listener = {.done = callback_done};

void panel_client_roundtrip(struct panel_client *client)
{
	struct wl_callback *callback = wl_display_sync(client->display);
	bool done = false;

	wl_callback_add_listener(callback, &callback_listener, &done);
	panel_client_wait(client, done || client->lost);
	wl_callback_destroy(callback);
}

bool panel_client_connect(struct panel_client *client, const char *path)
{
	memset(client, 0, sizeof(*client));
	client->display = wl_display_connect(path);
	if (!client->display)
		return false;
	client->registry = wl_display_get_registry(client->display);
	wl_registry_add_listener(client->registry, &registry_listener, client);
	panel_client_roundtrip(client);
	if (!client->compositor || !client->subcompositor || !client->shm || !client->seat ||
	    !client->wm || !client->output || !client->data_manager)
		return false;
	wl_output_add_listener(client->output, &output_listener, client);
	client->keyboard = wl_seat_get_keyboard(client->seat);
	wl_keyboard_add_listener(client->keyboard, &keyboard_listener, client);
	client->pointer = wl_seat_get_pointer(client->seat);
	wl_pointer_add_listener(client->pointer, &pointer_listener, client);
	panel_client_roundtrip(client);
	return !client->lost;
}

void panel_client_kill(struct panel_client *client)
{
	shutdown(wl_display_get_fd(client->display), SHUT_RDWR);
	client->lost = true;
}

void panel_client_disconnect(struct panel_client *client)
{
	wl_keyboard_destroy(client->keyboard);
	wl_pointer_destroy(client->pointer);
	wl_seat_destroy(client->seat);
	wl_output_destroy(client->output);
	wl_data_device_manager_destroy(client->data_manager);
	xdg_wm_base_destroy(client->wm);
	wl_shm_destroy(client->shm);
	wl_subcompositor_destroy(client->subcompositor);
	wl_compositor_destroy(client->compositor);
	wl_registry_destroy(client->registry);
	wl_display_disconnect(client->display);
	client->display = NULL;
	client->lost = true;
}

/* --- windows --- */

static void xdg_configure(void *data, struct xdg_surface *xdg, uint32_t serial)
{
	struct panel_window *window = data;

	xdg_surface_ack_configure(xdg, serial);
	window->configures++;
}

static const struct xdg_surface_listener xdg_listener = {.configure = xdg_configure};

static void toplevel_configure(void *data, struct xdg_toplevel *toplevel, int32_t width,
			       int32_t height, struct wl_array *states)
{
	struct panel_window *window = data;

	(void)toplevel, (void)states;
	window->configured_width = width;
	window->configured_height = height;
}

static void toplevel_close(void *data, struct xdg_toplevel *toplevel)
{
	(void)data, (void)toplevel;
}

static const struct xdg_toplevel_listener toplevel_listener = {
	.configure = toplevel_configure,
	.close = toplevel_close,
};

static void popup_configure(void *data, struct xdg_popup *popup, int32_t x, int32_t y,
			    int32_t width, int32_t height)
{
	struct panel_window *window = data;

	(void)popup;
	window->popup_x = x;
	window->popup_y = y;
	window->popup_width = width;
	window->popup_height = height;
}

static void popup_done(void *data, struct xdg_popup *popup)
{
	(void)popup;
	((struct panel_window *)data)->done++;
}

static void popup_repositioned(void *data, struct xdg_popup *popup, uint32_t token)
{
	(void)data, (void)popup, (void)token;
}

static const struct xdg_popup_listener popup_listener = {
	.configure = popup_configure,
	.popup_done = popup_done,
	.repositioned = popup_repositioned,
};

static void buffer_release(void *data, struct wl_buffer *buffer)
{
	(void)buffer;
	((struct panel_window *)data)->releases++;
}

static const struct wl_buffer_listener buffer_listener = {.release = buffer_release};

void panel_window_init(struct panel_window *window, struct panel_client *client)
{
	memset(window, 0, sizeof(*window));
	window->client = client;
	window->fd = -1;
	window->surface = wl_compositor_create_surface(client->compositor);
}

static void window_make_xdg(struct panel_window *window)
{
	window->xdg = xdg_wm_base_get_xdg_surface(window->client->wm, window->surface);
	xdg_surface_add_listener(window->xdg, &xdg_listener, window);
}

void panel_window_make_toplevel(struct panel_window *window)
{
	window_make_xdg(window);
	window->toplevel = xdg_surface_get_toplevel(window->xdg);
	xdg_toplevel_add_listener(window->toplevel, &toplevel_listener, window);
	wl_surface_commit(window->surface);
	panel_client_wait(window->client, window->configures > 0 || window->client->lost);
}

void panel_window_make_popup(struct panel_window *window, struct panel_window *parent,
			     struct xdg_positioner *positioner, bool grab)
{
	window_make_xdg(window);
	window->popup = xdg_surface_get_popup(window->xdg, parent->xdg, positioner);
	xdg_popup_add_listener(window->popup, &popup_listener, window);
	if (grab)
		xdg_popup_grab(window->popup, window->client->seat, 0);
	wl_surface_commit(window->surface);
	panel_client_wait(window->client, window->configures > 0 || window->client->lost);
}

static void window_drop_buffer(struct panel_window *window)
{
	if (window->buffer)
		wl_buffer_destroy(window->buffer);
	if (window->pixels)
		munmap(window->pixels, (size_t)window->width * (size_t)window->height * 4);
	if (window->fd >= 0)
		close(window->fd);
	window->buffer = NULL;
	window->pixels = NULL;
	window->fd = -1;
}

void panel_window_make_buffer(struct panel_window *window, int width, int height, uint32_t pixel)
{
	size_t count = (size_t)width * (size_t)height;
	struct wl_shm_pool *pool;

	window_drop_buffer(window);
	window->fd = memfd_create("test", MFD_CLOEXEC);
	assert_true(window->fd >= 0);
	assert_int_equal(ftruncate(window->fd, (off_t)(count * 4)), 0);
	window->pixels = mmap(NULL, count * 4, PROT_READ | PROT_WRITE, MAP_SHARED, window->fd, 0);
	assert_ptr_not_equal(window->pixels, MAP_FAILED);
	for (size_t i = 0; i < count; i++)
		window->pixels[i] = pixel;
	pool = wl_shm_create_pool(window->client->shm, window->fd, (int)(count * 4));
	window->buffer = wl_shm_pool_create_buffer(pool, 0, width, height, width * 4,
						   WL_SHM_FORMAT_ARGB8888);
	wl_buffer_add_listener(window->buffer, &buffer_listener, window);
	wl_shm_pool_destroy(pool);
	window->width = width;
	window->height = height;
}

void panel_window_show(struct panel_window *window)
{
	wl_surface_attach(window->surface, window->buffer, 0, 0);
	wl_surface_damage_buffer(window->surface, 0, 0, INT32_MAX, INT32_MAX);
	wl_surface_commit(window->surface);
}

void panel_window_finish(struct panel_window *window)
{
	window_drop_buffer(window);
	if (window->popup)
		xdg_popup_destroy(window->popup);
	if (window->toplevel)
		xdg_toplevel_destroy(window->toplevel);
	if (window->xdg)
		xdg_surface_destroy(window->xdg);
	if (window->surface)
		wl_surface_destroy(window->surface);
	memset(window, 0, sizeof(*window));
	window->fd = -1;
}
