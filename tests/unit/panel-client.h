/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tiny Wayland client for tests of the panel host, in the same thread as the host: both sides are
 * stepped in turn until a condition holds or a deadline has passed.
 */
#ifndef TESTS_PANEL_CLIENT_H
#define TESTS_PANEL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <wayland-client.h>

#include "xdg-shell-client-protocol.h"

struct panel_client {
	struct wl_display *display;
	struct wl_registry *registry;
	struct wl_compositor *compositor;
	struct wl_subcompositor *subcompositor;
	struct wl_shm *shm;
	struct wl_seat *seat;
	struct wl_keyboard *keyboard;
	struct wl_pointer *pointer;
	struct wl_data_device_manager *data_manager;
	struct xdg_wm_base *wm;
	struct wl_output *output;
	bool lost; /* the connection ended: by the host, or by a protocol error */

	/* what the seat said */
	struct wl_surface *keyboard_focus, *pointer_focus;
	unsigned entered_keys, key_events, motions, buttons;
	uint32_t last_key, last_key_state, modifiers, last_button, last_button_state;
	uint32_t pointer_serial;
	char keymap_start[16];
	double pointer_x, pointer_y;
	int axis_discrete;
	double axis;
	int output_width, output_height;
};

/* One window of it, with its own buffer. */
struct panel_window {
	struct panel_client *client;
	struct wl_surface *surface;
	struct xdg_surface *xdg;
	struct xdg_toplevel *toplevel;
	struct xdg_popup *popup;
	struct wl_buffer *buffer;
	uint32_t *pixels;
	int fd, width, height;
	unsigned configures, releases, done;
	int configured_width, configured_height;
	int popup_x, popup_y, popup_width, popup_height;
};

bool panel_client_connect(struct panel_client *client, const char *path);
void panel_client_kill(struct panel_client *client); /* the host sees it as killed */
void panel_client_disconnect(struct panel_client *client);

/* Set in a forked child: the host is the parent's to step. */
extern bool panel_client_alone;

/* One turn of both sides. */
void panel_client_step(struct panel_client *client);

/* Until `condition` holds; fails the test if it does not within some seconds. */
#define panel_client_wait(client, condition)                                                       \
	do {                                                                                       \
		gint64 wait_until_ = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;                 \
		while (!(condition)) {                                                             \
			if (g_get_monotonic_time() > wait_until_)                                  \
				fail_msg("not within 10 s: %s", #condition);                       \
			panel_client_step(client);                                                 \
		}                                                                                  \
	} while (0)

/* Everything sent so far was handled by the host and its answers came back, or the connection is
 * lost. */
void panel_client_roundtrip(struct panel_client *client);

void panel_window_init(struct panel_window *window, struct panel_client *client);
void panel_window_make_toplevel(struct panel_window *window);
void panel_window_make_popup(struct panel_window *window, struct panel_window *parent,
			     struct xdg_positioner *positioner, bool grab);
/* A new buffer, filled with one colour. */
void panel_window_make_buffer(struct panel_window *window, int width, int height, uint32_t pixel);
void panel_window_show(struct panel_window *window); /* attach, damage all, commit */
void panel_window_finish(struct panel_window *window);

#endif
