/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client's windows: xdg_wm_base. A main window always fills the panel; a dialog (a window with
 * a parent) keeps its own size, centred above its parent. Nothing is moved or resized by the user.
 */
#include "panel-host-private.h"
#include "xdg-shell-server-protocol.h"

struct panel_xdg *panel_xdg_from(struct wl_resource *resource)
{
	return wl_resource_get_user_data(resource);
}

void panel_shell_origin(const struct panel_xdg *xdg, int *x, int *y)
{
	struct panel_rect own, parent;

	*x = *y = 0;
	if (xdg->kind == PANEL_XDG_POPUP) {
		if (xdg->parent)
			panel_shell_origin(xdg->parent, x, y);
		*x = CLAMP(*x + xdg->place.x, -PANEL_COORD_LIMIT, PANEL_COORD_LIMIT);
		*y = CLAMP(*y + xdg->place.y, -PANEL_COORD_LIMIT, PANEL_COORD_LIMIT);
	} else if (xdg->parent && xdg->parent->mapped) {
		panel_shell_origin(xdg->parent, x, y);
		own = panel_surface_geometry(xdg->surface);
		parent = panel_surface_geometry(xdg->parent->surface);
		*x += MAX((parent.width - own.width) / 2, 0);
		*y += MAX((parent.height - own.height) / 2, 0);
	}
}

static void toplevel_send_configure(struct panel_xdg *xdg)
{
	bool fills = !xdg->parent;
	struct wl_array states;
	uint32_t *state;

	wl_array_init(&states);
	state = wl_array_add(&states, sizeof(*state));
	if (state)
		*state = XDG_TOPLEVEL_STATE_ACTIVATED;
	state = fills ? wl_array_add(&states, sizeof(*state)) : NULL;
	if (state)
		*state = XDG_TOPLEVEL_STATE_MAXIMIZED;
	xdg_toplevel_send_configure(xdg->role_resource, fills ? (int)xdg->host->width : 0,
				    fills ? (int)xdg->host->height : 0, &states);
	wl_array_release(&states);
}

/* Sends the role's configure and the one that ends the sequence. */
void panel_shell_configure(struct panel_xdg *xdg)
{
	if (!xdg->role_resource)
		return;
	if (xdg->kind == PANEL_XDG_TOPLEVEL)
		toplevel_send_configure(xdg);
	else
		panel_popup_configure(xdg);
	xdg->serial = wl_display_next_serial(xdg->host->display);
	xdg->configured = true;
	xdg_surface_send_configure(xdg->resource, xdg->serial);
}

void panel_shell_resize(struct panel_host *host)
{
	struct panel_xdg *xdg, *popup, *next;

	wl_list_for_each(xdg, &host->toplevels, link) {
		/* Their rules placed them in the old panel. */
		wl_list_for_each_safe(popup, next, &xdg->popups, link)
			panel_popup_dismiss(popup);
		if (xdg->configured)
			panel_shell_configure(xdg);
	}
}

void panel_shell_unmap(struct panel_xdg *xdg)
{
	struct panel_xdg *popup, *next;

	wl_list_for_each_safe(popup, next, &xdg->popups, link)
		panel_popup_dismiss(popup);
	xdg->mapped = xdg->configured = xdg->acked = false;
	xdg->host->dirty = true;
}

/* A buffer before the first configure was answered is an error of the client. */
bool panel_shell_may_commit(struct panel_surface *surface)
{
	struct panel_xdg *xdg = surface->xdg;

	if (!xdg || !surface->pending.buffer || xdg->acked)
		return true;
	wl_resource_post_error(xdg->resource,
			       xdg->role_resource ? XDG_SURFACE_ERROR_UNCONFIGURED_BUFFER
						  : XDG_SURFACE_ERROR_NOT_CONSTRUCTED,
			       "a buffer before the configure was acknowledged");
	return false;
}

void panel_shell_committed(struct panel_surface *surface)
{
	struct panel_xdg *xdg = surface->xdg;

	if (!xdg || !xdg->role_resource)
		return;
	if (surface->image) {
		if (!xdg->mapped && xdg->acked && xdg->kind == PANEL_XDG_TOPLEVEL) {
			wl_list_remove(&xdg->link);
			wl_list_insert(xdg->host->toplevels.prev, &xdg->link);
		}
		xdg->mapped = xdg->acked;
	} else if (xdg->mapped) {
		panel_shell_unmap(xdg);
	} else if (!xdg->configured) {
		panel_shell_configure(xdg);
	}
}

/* The role object has gone, or the surface: what stood on it is an orphan. */
void panel_xdg_drop_role(struct panel_xdg *xdg)
{
	struct panel_xdg *other, *next;

	if (xdg->kind == PANEL_XDG_NONE)
		return;
	if (xdg->role_resource)
		wl_resource_set_user_data(xdg->role_resource, NULL);
	xdg->role_resource = NULL;
	panel_shell_unmap(xdg);
	wl_list_for_each_safe(other, next, &xdg->popups, link) {
		wl_list_remove(&other->link);
		wl_list_init(&other->link);
		other->parent = NULL;
	}
	wl_list_for_each(other, &xdg->host->toplevels, link) {
		if (other->parent == xdg)
			other->parent = xdg->parent;
	}
	wl_list_remove(&xdg->link);
	wl_list_init(&xdg->link);
	wl_list_remove(&xdg->grab_link);
	wl_list_init(&xdg->grab_link);
	xdg->parent = NULL;
	xdg->kind = PANEL_XDG_NONE;
	xdg->grabbed = false;
}

void panel_shell_surface_gone(struct panel_surface *surface)
{
	if (!surface->xdg)
		return;
	panel_xdg_drop_role(surface->xdg);
	surface->xdg->surface = NULL;
	surface->xdg = NULL;
}

/* --- xdg_toplevel --- */

static void role_destroyed(struct wl_resource *resource)
{
	struct panel_xdg *xdg = panel_xdg_from(resource);

	if (xdg)
		panel_xdg_drop_role(xdg);
}

static void request_destroy(struct wl_client *client, struct wl_resource *resource)
{
	(void)client;
	wl_resource_destroy(resource);
}

static void toplevel_set_parent(struct wl_client *client, struct wl_resource *resource,
				struct wl_resource *parent_resource)
{
	struct panel_xdg *xdg = panel_xdg_from(resource), *up;
	struct panel_xdg *parent = parent_resource ? panel_xdg_from(parent_resource) : NULL;

	(void)client;
	if (!xdg || xdg->parent == parent)
		return;
	for (up = parent; up; up = up->parent) {
		if (up == xdg)
			return; /* a loop; version 3 knows no error for it */
	}
	xdg->parent = parent;
	xdg->host->dirty = true;
	if (xdg->configured)
		panel_shell_configure(xdg);
}

static void toplevel_set_string(struct wl_client *client, struct wl_resource *resource,
				const char *untrusted_text)
{
	/* Title and application: shown nowhere. */
	(void)client, (void)resource, (void)untrusted_text;
}

static void toplevel_show_menu(struct wl_client *client, struct wl_resource *resource,
			       struct wl_resource *seat, uint32_t serial, int32_t x, int32_t y)
{
	(void)client, (void)resource, (void)seat, (void)serial, (void)x, (void)y;
}

static void toplevel_move(struct wl_client *client, struct wl_resource *resource,
			  struct wl_resource *seat, uint32_t serial)
{
	(void)client, (void)resource, (void)seat, (void)serial;
}

static void toplevel_resize(struct wl_client *client, struct wl_resource *resource,
			    struct wl_resource *seat, uint32_t serial, uint32_t edges)
{
	(void)client, (void)resource, (void)seat, (void)serial, (void)edges;
}

static void toplevel_set_size(struct wl_client *client, struct wl_resource *resource, int32_t width,
			      int32_t height)
{
	(void)client, (void)resource, (void)width, (void)height;
}

/* Requests to be larger or smaller: the answer, as the protocol wants one, is what always holds. */
static void toplevel_reconfigure(struct wl_client *client, struct wl_resource *resource)
{
	struct panel_xdg *xdg = panel_xdg_from(resource);

	(void)client;
	if (xdg && xdg->configured)
		panel_shell_configure(xdg);
}

static void toplevel_set_fullscreen(struct wl_client *client, struct wl_resource *resource,
				    struct wl_resource *output)
{
	(void)output;
	toplevel_reconfigure(client, resource);
}

static void toplevel_set_minimized(struct wl_client *client, struct wl_resource *resource)
{
	(void)client, (void)resource;
}

static const struct xdg_toplevel_interface toplevel_requests = {
	.destroy = request_destroy,
	.set_parent = toplevel_set_parent,
	.set_title = toplevel_set_string,
	.set_app_id = toplevel_set_string,
	.show_window_menu = toplevel_show_menu,
	.move = toplevel_move,
	.resize = toplevel_resize,
	.set_max_size = toplevel_set_size,
	.set_min_size = toplevel_set_size,
	.set_maximized = toplevel_reconfigure,
	.unset_maximized = toplevel_reconfigure,
	.set_fullscreen = toplevel_set_fullscreen,
	.unset_fullscreen = toplevel_reconfigure,
	.set_minimized = toplevel_set_minimized,
};

/* --- xdg_surface --- */

/* False: the request is an error and the client was told. */
static bool xdg_may_have_role(struct panel_xdg *xdg)
{
	if (xdg->surface && xdg->kind == PANEL_XDG_NONE)
		return true;
	wl_resource_post_error(xdg->resource, XDG_SURFACE_ERROR_ALREADY_CONSTRUCTED,
			       "the surface has a role, or has gone");
	return false;
}

static void xdg_get_toplevel(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
	struct panel_xdg *xdg = panel_xdg_from(resource);
	struct wl_resource *role;

	if (!xdg_may_have_role(xdg))
		return;
	role = wl_resource_create(client, &xdg_toplevel_interface,
				  wl_resource_get_version(resource), id);
	if (!role) {
		wl_client_post_no_memory(client);
		return;
	}
	xdg->kind = PANEL_XDG_TOPLEVEL;
	xdg->role_resource = role;
	wl_list_insert(xdg->host->toplevels.prev, &xdg->link);
	wl_resource_set_implementation(role, &toplevel_requests, xdg, role_destroyed);
}

static void xdg_get_popup(struct wl_client *client, struct wl_resource *resource, uint32_t id,
			  struct wl_resource *parent, struct wl_resource *positioner)
{
	struct panel_xdg *xdg = panel_xdg_from(resource);

	if (xdg_may_have_role(xdg))
		panel_popup_create(xdg, client, id, parent, positioner);
}

static void xdg_set_window_geometry(struct wl_client *client, struct wl_resource *resource,
				    int32_t x, int32_t y, int32_t width, int32_t height)
{
	struct panel_xdg *xdg = panel_xdg_from(resource);

	(void)client;
	if (width <= 0 || height <= 0) {
		/* version 3 of the protocol names no code for it */
		wl_resource_post_error(resource, XDG_SURFACE_ERROR_NOT_CONSTRUCTED,
				       "a window geometry of %dx%d", width, height);
		return;
	}
	if (!xdg->surface)
		return;
	xdg->surface->pending.geometry_set = true;
	xdg->surface->pending.geometry = panel_rect_clamp(x, y, width, height);
}

static void xdg_ack_configure(struct wl_client *client, struct wl_resource *resource,
			      uint32_t serial)
{
	struct panel_xdg *xdg = panel_xdg_from(resource);

	(void)client, (void)serial;
	/* Which of several configures is meant makes no difference here: each holds the whole
	 * state, and a window of any size is shown. */
	xdg->acked = xdg->configured;
}

static const struct xdg_surface_interface xdg_requests = {
	.destroy = request_destroy,
	.get_toplevel = xdg_get_toplevel,
	.get_popup = xdg_get_popup,
	.set_window_geometry = xdg_set_window_geometry,
	.ack_configure = xdg_ack_configure,
};

static void xdg_destroy(struct wl_resource *resource)
{
	struct panel_xdg *xdg = panel_xdg_from(resource);

	panel_xdg_drop_role(xdg);
	if (xdg->surface)
		xdg->surface->xdg = NULL;
	g_free(xdg);
}

/* --- xdg_wm_base --- */

static void wm_create_positioner(struct wl_client *client, struct wl_resource *resource,
				 uint32_t id)
{
	panel_positioner_create(client, resource, id);
}

static void wm_get_xdg_surface(struct wl_client *client, struct wl_resource *wm, uint32_t id,
			       struct wl_resource *surface_resource)
{
	struct panel_surface *surface = panel_surface_from(surface_resource);
	struct wl_resource *resource;
	struct panel_xdg *xdg;

	if (surface->xdg || surface->image ||
	    (surface->role != PANEL_ROLE_NONE && surface->role != PANEL_ROLE_XDG)) {
		wl_resource_post_error(wm, XDG_WM_BASE_ERROR_ROLE,
				       "the surface has a role or contents already");
		return;
	}
	resource =
		wl_resource_create(client, &xdg_surface_interface, wl_resource_get_version(wm), id);
	if (!resource) {
		wl_client_post_no_memory(client);
		return;
	}
	xdg = g_new0(struct panel_xdg, 1);
	xdg->host = surface->host;
	xdg->resource = resource;
	xdg->surface = surface;
	wl_list_init(&xdg->link);
	wl_list_init(&xdg->popups);
	wl_list_init(&xdg->grab_link);
	surface->xdg = xdg;
	surface->role = PANEL_ROLE_XDG;
	wl_resource_set_implementation(resource, &xdg_requests, xdg, xdg_destroy);
}

static void wm_pong(struct wl_client *client, struct wl_resource *resource, uint32_t serial)
{
	(void)client, (void)resource, (void)serial; /* never pinged */
}

static const struct xdg_wm_base_interface wm_requests = {
	.destroy = request_destroy,
	.create_positioner = wm_create_positioner,
	.get_xdg_surface = wm_get_xdg_surface,
	.pong = wm_pong,
};

static void wm_bind(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
	struct wl_resource *resource =
		wl_resource_create(client, &xdg_wm_base_interface, (int)version, id);

	if (!resource) {
		wl_client_post_no_memory(client);
		return;
	}
	wl_resource_set_implementation(resource, &wm_requests, data, NULL);
}

bool panel_shell_init(struct panel_host *host)
{
	wl_list_init(&host->toplevels);
	wl_list_init(&host->grabs);
	return wl_global_create(host->display, &xdg_wm_base_interface, 3, host, wm_bind) != NULL;
}
