/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wl_pointer for the panel's client: focus follows the pointer, stays on its surface while a button
 * is down, and the client draws its own cursor.
 */
#include "panel-host-private.h"

#define SCROLL_STEP 10 /* what one detent is in wl_pointer.axis, by custom */

static struct wl_client *focus_client(struct panel_host *host)
{
	return host->pointer_focus ? wl_resource_get_client(host->pointer_focus->resource) : NULL;
}

static void send_frame(struct wl_resource *pointer)
{
	if (wl_resource_get_version(pointer) >= WL_POINTER_FRAME_SINCE_VERSION)
		wl_pointer_send_frame(pointer);
}

/* The position within the surface in focus, wherever that stands now. */
static void local_position(struct panel_host *host, wl_fixed_t *x, wl_fixed_t *y)
{
	struct panel_rect rect = {0};

	panel_paint_find(host, host->pointer_focus, &rect);
	*x = wl_fixed_from_double(host->pointer_x - rect.x);
	*y = wl_fixed_from_double(host->pointer_y - rect.y);
}

static void report_cursor(struct panel_host *host)
{
	static uint32_t nothing; /* one clear pixel: the client wants no cursor at all */
	pixman_image_t *hidden;

	if (!host->ops.cursor)
		return;
	if (!host->pointer_focus || !host->cursor_known) {
		host->ops.cursor(host->data, NULL, 0, 0);
	} else if (host->cursor && host->cursor->image) {
		host->ops.cursor(host->data, host->cursor->image, host->cursor_hot_x,
				 host->cursor_hot_y);
	} else {
		hidden = pixman_image_create_bits(PIXMAN_a8r8g8b8, 1, 1, &nothing, 4);
		if (!hidden)
			return;
		host->ops.cursor(host->data, hidden, 0, 0);
		pixman_image_unref(hidden);
	}
}

static void send_enter(struct panel_host *host, struct wl_resource *pointer)
{
	wl_fixed_t x, y;

	local_position(host, &x, &y);
	wl_pointer_send_enter(pointer, wl_display_next_serial(host->display),
			      host->pointer_focus->resource, x, y);
	send_frame(pointer);
}

static void set_pointer_focus(struct panel_host *host, struct panel_surface *surface)
{
	struct wl_client *old = focus_client(host), *new;
	struct wl_resource *pointer;

	if (host->pointer_focus == surface)
		return;
	wl_resource_for_each(pointer, &host->pointers) {
		if (!old || wl_resource_get_client(pointer) != old)
			continue;
		wl_pointer_send_leave(pointer, wl_display_next_serial(host->display),
				      host->pointer_focus->resource);
		send_frame(pointer);
	}
	host->pointer_focus = surface;
	new = focus_client(host);
	wl_resource_for_each(pointer, &host->pointers) {
		if (new &&wl_resource_get_client(pointer) == new)
			send_enter(host, pointer);
	}
	if (!new || new != old)
		report_cursor(host);
}

/* The picture or the pointer moved: who is under it? */
void panel_pointer_update(struct panel_host *host)
{
	if (host->buttons > 0 && host->pointer_focus)
		return;
	set_pointer_focus(host, host->pointer_inside
					? panel_paint_at(host, host->pointer_x, host->pointer_y)
					: NULL);
}

void panel_pointer_surface_gone(struct panel_host *host, struct panel_surface *surface)
{
	if (host->pointer_focus == surface) {
		host->pointer_focus = NULL;
		report_cursor(host);
	}
	if (host->cursor == surface) {
		host->cursor = NULL;
		host->cursor_known = false;
		report_cursor(host);
	}
}

void panel_pointer_cursor_committed(struct panel_surface *surface)
{
	pixman_region32_clear(&surface->fresh);
	if (surface->host->cursor == surface)
		report_cursor(surface->host);
}

void panel_host_pointer_motion(struct panel_host *host, uint32_t time_ms, double x, double y)
{
	struct panel_surface *before = host->pointer_focus;
	struct wl_client *client;
	struct wl_resource *pointer;
	wl_fixed_t local_x, local_y;

	host->pointer_inside = true;
	host->pointer_x = CLAMP(x, 0, host->width);
	host->pointer_y = CLAMP(y, 0, host->height);
	panel_pointer_update(host);
	client = focus_client(host);
	if (client && host->pointer_focus == before) {
		local_position(host, &local_x, &local_y);
		wl_resource_for_each(pointer, &host->pointers) {
			if (wl_resource_get_client(pointer) != client)
				continue;
			wl_pointer_send_motion(pointer, time_ms, local_x, local_y);
			send_frame(pointer);
		}
	}
	wl_display_flush_clients(host->display);
}

void panel_host_pointer_leave(struct panel_host *host)
{
	host->pointer_inside = false;
	host->buttons = 0;
	panel_pointer_update(host);
	wl_display_flush_clients(host->display);
}

void panel_host_button(struct panel_host *host, uint32_t time_ms, uint16_t code, bool down)
{
	struct wl_client *client;
	struct wl_resource *pointer;
	uint32_t serial;

	if (down)
		host->buttons++;
	else if (host->buttons > 0)
		host->buttons--;
	else
		return;
	client = focus_client(host);
	/* Beside everything of the client that has a menu open. Within its own windows it is told
	 * of the click and closes the menu itself. */
	if (down && !wl_list_empty(&host->grabs)) {
		struct panel_xdg *top = wl_container_of(host->grabs.next, top, grab_link);

		if (client != wl_resource_get_client(top->resource)) {
			panel_popup_dismiss_grabs(host);
			panel_paint_update(host);
		}
	}
	if (client) {
		serial = wl_display_next_serial(host->display);
		wl_resource_for_each(pointer, &host->pointers) {
			if (wl_resource_get_client(pointer) != client)
				continue;
			wl_pointer_send_button(pointer, serial, time_ms, code,
					       down ? WL_POINTER_BUTTON_STATE_PRESSED
						    : WL_POINTER_BUTTON_STATE_RELEASED);
			send_frame(pointer);
		}
	}
	if (host->buttons == 0)
		panel_pointer_update(host);
	wl_display_flush_clients(host->display);
}

static void send_axis(struct wl_resource *pointer, uint32_t time_ms, uint32_t axis, int detents)
{
	if (detents == 0)
		return;
	if (wl_resource_get_version(pointer) >= WL_POINTER_AXIS_SOURCE_SINCE_VERSION)
		wl_pointer_send_axis_source(pointer, WL_POINTER_AXIS_SOURCE_WHEEL);
	if (wl_resource_get_version(pointer) >= WL_POINTER_AXIS_DISCRETE_SINCE_VERSION)
		wl_pointer_send_axis_discrete(pointer, axis, detents);
	wl_pointer_send_axis(pointer, time_ms, axis, wl_fixed_from_int(detents * SCROLL_STEP));
	send_frame(pointer);
}

void panel_host_scroll(struct panel_host *host, uint32_t time_ms, int dx, int dy)
{
	struct wl_client *client = focus_client(host);
	struct wl_resource *pointer;

	if (!client)
		return;
	wl_resource_for_each(pointer, &host->pointers) {
		if (wl_resource_get_client(pointer) != client)
			continue;
		/* Wayland's vertical axis points at the user, display.h's away. */
		send_axis(pointer, time_ms, WL_POINTER_AXIS_VERTICAL_SCROLL, -CLAMP(dy, -100, 100));
		send_axis(pointer, time_ms, WL_POINTER_AXIS_HORIZONTAL_SCROLL,
			  CLAMP(dx, -100, 100));
	}
	wl_display_flush_clients(host->display);
}

/* --- requests --- */

static void pointer_set_cursor(struct wl_client *client, struct wl_resource *resource,
			       uint32_t serial, struct wl_resource *surface_resource, int32_t hot_x,
			       int32_t hot_y)
{
	struct panel_host *host = wl_resource_get_user_data(resource);
	struct panel_surface *surface =
		surface_resource ? panel_surface_from(surface_resource) : NULL;

	(void)serial;
	if (surface && surface->role != PANEL_ROLE_NONE && surface->role != PANEL_ROLE_CURSOR) {
		wl_resource_post_error(resource, WL_POINTER_ERROR_ROLE,
				       "the surface has another role");
		return;
	}
	if (surface)
		surface->role = PANEL_ROLE_CURSOR;
	if (focus_client(host) != client)
		return;
	host->cursor = surface;
	host->cursor_known = true;
	host->cursor_hot_x = CLAMP(hot_x, -PANEL_MAX_SIZE, PANEL_MAX_SIZE);
	host->cursor_hot_y = CLAMP(hot_y, -PANEL_MAX_SIZE, PANEL_MAX_SIZE);
	report_cursor(host);
}

static void pointer_request_release(struct wl_client *client, struct wl_resource *resource)
{
	(void)client;
	wl_resource_destroy(resource);
}

static const struct wl_pointer_interface pointer_requests = {
	.set_cursor = pointer_set_cursor,
	.release = pointer_request_release,
};

static void pointer_destroy(struct wl_resource *resource)
{
	wl_list_remove(wl_resource_get_link(resource));
}

void panel_pointer_create(struct panel_host *host, struct wl_client *client, uint32_t version,
			  uint32_t id)
{
	struct wl_resource *resource =
		wl_resource_create(client, &wl_pointer_interface, (int)version, id);

	if (!resource) {
		wl_client_post_no_memory(client);
		return;
	}
	wl_resource_set_implementation(resource, &pointer_requests, host, pointer_destroy);
	wl_list_insert(&host->pointers, wl_resource_get_link(resource));
	if (focus_client(host) == client)
		send_enter(host, resource);
}
