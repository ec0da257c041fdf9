/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The panel host: a small Wayland server for exactly one kind of client, the GTK3 panel, on the
 * socket "panel.sock" of the runtime directory. It flattens the client's windows, popups and
 * subsurfaces into one picture, which the compositor shows as destination SEAT_PANEL, and passes on
 * keys and pointer.
 *
 * Runs on the GLib main loop. Buffers are wl_shm only and copied when committed, so a client that
 * stalls leaves its last picture standing; one that dies leaves the plain background. Serves
 * wl_compositor, wl_subcompositor, wl_shm, wl_output, wl_seat, wl_data_device_manager (in-process
 * clipboard only) and xdg_wm_base: what GTK3 asks for, no more.
 */
#ifndef DISPLAY_PANEL_HOST_H
#define DISPLAY_PANEL_HOST_H

#include <glib.h>
#include <pixman.h>
#include <stdbool.h>
#include <stdint.h>

struct panel_host;

struct panel_host_ops {
	/* pixels of panel_host_image() changed */
	void (*damage)(void *data, const pixman_region32_t *damage);
	/* the client's cursor over its windows: a8r8g8b8 premultiplied, borrowed; NULL: show the
	 * default arrow */
	void (*cursor)(void *data, pixman_image_t *image, int hot_x, int hot_y);
	/* the panel's own lock LEDs (MULLION_LED_*), when they change and when the panel gains
	 * focus; may be NULL */
	void (*leds)(void *data, uint32_t leds);
};

/* socket_path: absolute; a stale socket there is replaced. width, height: pixels of the picture. */
struct panel_host *panel_host_create(const char *socket_path, unsigned width, unsigned height,
				     const struct panel_host_ops *ops, void *data, GError **error);
void panel_host_destroy(struct panel_host *host); /* NULL is fine */

/* The panel's area changed: the client's toplevel is asked to fill it. */
void panel_host_resize(struct panel_host *host, unsigned width, unsigned height);

/* x8r8g8b8, width x height as last given; borrowed. Never NULL: a plain background where no client
 * draws. */
pixman_image_t *panel_host_image(struct panel_host *host);
bool panel_host_has_client(const struct panel_host *host); /* a mapped toplevel exists */

/* The panel gained or lost the seat. Losing it releases nothing: the seat already has. */
void panel_host_set_focus(struct panel_host *host, bool focused);
void panel_host_key(struct panel_host *host, uint32_t time_ms, uint16_t code,
		    bool down); /* evdev code */
void panel_host_pointer_motion(struct panel_host *host, uint32_t time_ms, double x, double y);
void panel_host_pointer_leave(struct panel_host *host);
void panel_host_button(struct panel_host *host, uint32_t time_ms, uint16_t code, bool down);
void panel_host_scroll(struct panel_host *host, uint32_t time_ms, int dx,
		       int dy); /* detents as in display.h */

/* Call once after each presented frame: answers wl_surface.frame callbacks. */
void panel_host_presented(struct panel_host *host, uint32_t time_ms);

#endif
