/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Menus and other popups: xdg_positioner and xdg_popup. A popup is put where its rules say, turned
 * over or moved as far as they allow to stay inside the panel.
 */
#include "panel-host-private.h"
#include "xdg-shell-server-protocol.h"

/* --- xdg_positioner --- */

static void positioner_request_destroy(struct wl_client *client, struct wl_resource *resource)
{
	(void)client;
	wl_resource_destroy(resource);
}

static void positioner_destroy(struct wl_resource *resource)
{
	g_free(wl_resource_get_user_data(resource));
}

static void positioner_set_size(struct wl_client *client, struct wl_resource *resource,
				int32_t width, int32_t height)
{
	struct panel_positioner *positioner = wl_resource_get_user_data(resource);

	(void)client;
	if (width < 1 || height < 1) {
		wl_resource_post_error(resource, XDG_POSITIONER_ERROR_INVALID_INPUT,
				       "a size of %dx%d", width, height);
		return;
	}
	positioner->width = MIN(width, PANEL_MAX_SIZE);
	positioner->height = MIN(height, PANEL_MAX_SIZE);
}

static void positioner_set_anchor_rect(struct wl_client *client, struct wl_resource *resource,
				       int32_t x, int32_t y, int32_t width, int32_t height)
{
	struct panel_positioner *positioner = wl_resource_get_user_data(resource);

	(void)client;
	if (width < 0 || height < 0) {
		wl_resource_post_error(resource, XDG_POSITIONER_ERROR_INVALID_INPUT,
				       "an anchor of %dx%d", width, height);
		return;
	}
	positioner->anchor_rect = panel_rect_clamp(x, y, width, height);
}

static void positioner_set_anchor(struct wl_client *client, struct wl_resource *resource,
				  uint32_t anchor)
{
	(void)client;
	if (anchor > XDG_POSITIONER_ANCHOR_BOTTOM_RIGHT)
		wl_resource_post_error(resource, XDG_POSITIONER_ERROR_INVALID_INPUT, "anchor %u",
				       anchor);
	else
		((struct panel_positioner *)wl_resource_get_user_data(resource))->anchor = anchor;
}

static void positioner_set_gravity(struct wl_client *client, struct wl_resource *resource,
				   uint32_t gravity)
{
	(void)client;
	if (gravity > XDG_POSITIONER_GRAVITY_BOTTOM_RIGHT)
		wl_resource_post_error(resource, XDG_POSITIONER_ERROR_INVALID_INPUT, "gravity %u",
				       gravity);
	else
		((struct panel_positioner *)wl_resource_get_user_data(resource))->gravity = gravity;
}

static void positioner_set_adjustment(struct wl_client *client, struct wl_resource *resource,
				      uint32_t adjustment)
{
	(void)client;
	((struct panel_positioner *)wl_resource_get_user_data(resource))->adjustment = adjustment;
}

static void positioner_set_offset(struct wl_client *client, struct wl_resource *resource, int32_t x,
				  int32_t y)
{
	struct panel_positioner *positioner = wl_resource_get_user_data(resource);

	(void)client;
	positioner->offset_x = CLAMP(x, -PANEL_COORD_LIMIT, PANEL_COORD_LIMIT);
	positioner->offset_y = CLAMP(y, -PANEL_COORD_LIMIT, PANEL_COORD_LIMIT);
}

static void positioner_set_reactive(struct wl_client *client, struct wl_resource *resource)
{
	(void)client, (void)resource; /* popups are dismissed when the panel changes size */
}

static void positioner_set_parent_size(struct wl_client *client, struct wl_resource *resource,
				       int32_t width, int32_t height)
{
	(void)client, (void)resource, (void)width, (void)height;
}

static void positioner_set_parent_configure(struct wl_client *client, struct wl_resource *resource,
					    uint32_t serial)
{
	(void)client, (void)resource, (void)serial;
}

static const struct xdg_positioner_interface positioner_requests = {
	.destroy = positioner_request_destroy,
	.set_size = positioner_set_size,
	.set_anchor_rect = positioner_set_anchor_rect,
	.set_anchor = positioner_set_anchor,
	.set_gravity = positioner_set_gravity,
	.set_constraint_adjustment = positioner_set_adjustment,
	.set_offset = positioner_set_offset,
	.set_reactive = positioner_set_reactive,
	.set_parent_size = positioner_set_parent_size,
	.set_parent_configure = positioner_set_parent_configure,
};

void panel_positioner_create(struct wl_client *client, struct wl_resource *wm, uint32_t id)
{
	struct wl_resource *resource = wl_resource_create(client, &xdg_positioner_interface,
							  wl_resource_get_version(wm), id);

	if (!resource) {
		wl_client_post_no_memory(client);
		return;
	}
	wl_resource_set_implementation(resource, &positioner_requests,
				       g_new0(struct panel_positioner, 1), positioner_destroy);
}

/* --- placing --- */

/*
 * The rules for one axis. `anchor` and `gravity`: -1 towards the left or top, 0 the middle, 1
 * towards the right or bottom.
 */
struct axis {
	int anchor_at, anchor_size, anchor, gravity, offset, size;
	bool slide, flip, resize;
};

static int axis_place(const struct axis *axis)
{
	int at = axis->anchor_at + axis->offset;

	if (axis->anchor == 0)
		at += axis->anchor_size / 2;
	else if (axis->anchor > 0)
		at += axis->anchor_size;
	if (axis->gravity == 0)
		at -= axis->size / 2;
	else if (axis->gravity < 0)
		at -= axis->size;
	return at;
}

static void axis_solve(const struct axis *axis, int low, int high, int *at, int *size)
{
	*at = axis_place(axis);
	*size = axis->size;
	if (*at >= low && *at + *size <= high)
		return;
	if (axis->flip) {
		struct axis flipped = *axis;
		int other;

		flipped.anchor = -axis->anchor;
		flipped.gravity = -axis->gravity;
		flipped.offset = -axis->offset;
		other = axis_place(&flipped);
		if (other >= low && other + *size <= high) {
			*at = other;
			return;
		}
	}
	if (axis->slide) {
		*at = MIN(*at, high - *size);
		*at = MAX(*at, low); /* too large: its beginning is seen */
	}
	if (axis->resize) {
		int from = MAX(*at, low), to = MIN(*at + *size, high);

		if (to > from) {
			*at = from;
			*size = to - from;
		}
	}
}

/* Anchor and gravity share their numbers: none, top, bottom, left, right, top left, bottom left,
 * top right, bottom right. */
static int horizontal(uint32_t edge)
{
	static const int direction[] = {0, 0, 0, -1, 1, -1, -1, 1, 1};

	return direction[edge];
}

static int vertical(uint32_t edge)
{
	static const int direction[] = {0, -1, 1, 0, 0, -1, 1, -1, 1};

	return direction[edge];
}

struct panel_rect panel_positioner_place(const struct panel_positioner *positioner,
					 struct panel_rect bounds)
{
	uint32_t may = positioner->adjustment;
	struct axis x = {
		.anchor_at = positioner->anchor_rect.x,
		.anchor_size = positioner->anchor_rect.width,
		.anchor = horizontal(positioner->anchor),
		.gravity = horizontal(positioner->gravity),
		.offset = positioner->offset_x,
		.size = positioner->width,
		.slide = may & XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_SLIDE_X,
		.flip = may & XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_FLIP_X,
		.resize = may & XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_RESIZE_X,
	};
	struct axis y = {
		.anchor_at = positioner->anchor_rect.y,
		.anchor_size = positioner->anchor_rect.height,
		.anchor = vertical(positioner->anchor),
		.gravity = vertical(positioner->gravity),
		.offset = positioner->offset_y,
		.size = positioner->height,
		.slide = may & XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_SLIDE_Y,
		.flip = may & XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_FLIP_Y,
		.resize = may & XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_RESIZE_Y,
	};
	struct panel_rect place;

	axis_solve(&x, bounds.x, bounds.x + bounds.width, &place.x, &place.width);
	axis_solve(&y, bounds.y, bounds.y + bounds.height, &place.y, &place.height);
	return place;
}

/* --- xdg_popup --- */

static void popup_solve(struct panel_xdg *xdg)
{
	struct panel_rect bounds = {0, 0, (int)xdg->host->width, (int)xdg->host->height};
	int x = 0, y = 0;

	if (xdg->parent)
		panel_shell_origin(xdg->parent, &x, &y);
	bounds.x -= x;
	bounds.y -= y;
	xdg->place = panel_positioner_place(&xdg->positioner, bounds);
	xdg->host->dirty = true;
}

void panel_popup_configure(struct panel_xdg *xdg)
{
	popup_solve(xdg);
	xdg_popup_send_configure(xdg->role_resource, xdg->place.x, xdg->place.y, xdg->place.width,
				 xdg->place.height);
}

void panel_popup_dismiss(struct panel_xdg *xdg)
{
	struct panel_xdg *child, *next;

	wl_list_for_each_safe(child, next, &xdg->popups, link)
		panel_popup_dismiss(child);
	if (xdg->role_resource)
		xdg_popup_send_popup_done(xdg->role_resource);
	wl_list_remove(&xdg->grab_link);
	wl_list_init(&xdg->grab_link);
	xdg->mapped = xdg->grabbed = false;
	xdg->host->dirty = true;
}

void panel_popup_dismiss_grabs(struct panel_host *host)
{
	while (!wl_list_empty(&host->grabs)) {
		struct panel_xdg *top = wl_container_of(host->grabs.next, top, grab_link);

		panel_popup_dismiss(top);
	}
}

static void popup_request_destroy(struct wl_client *client, struct wl_resource *resource)
{
	(void)client;
	wl_resource_destroy(resource);
}

static void popup_grab(struct wl_client *client, struct wl_resource *resource,
		       struct wl_resource *seat, uint32_t serial)
{
	struct panel_xdg *xdg = panel_xdg_from(resource);

	(void)client, (void)seat, (void)serial;
	if (!xdg || xdg->grabbed || xdg->mapped)
		return;
	xdg->grabbed = true;
	wl_list_insert(&xdg->host->grabs, &xdg->grab_link);
}

static void popup_reposition(struct wl_client *client, struct wl_resource *resource,
			     struct wl_resource *positioner, uint32_t token)
{
	struct panel_xdg *xdg = panel_xdg_from(resource);

	(void)client;
	if (!xdg)
		return;
	xdg->positioner = *(struct panel_positioner *)wl_resource_get_user_data(positioner);
	xdg_popup_send_repositioned(resource, token);
	panel_shell_configure(xdg);
}

static const struct xdg_popup_interface popup_requests = {
	.destroy = popup_request_destroy,
	.grab = popup_grab,
	.reposition = popup_reposition,
};

static void popup_destroyed(struct wl_resource *resource)
{
	struct panel_xdg *xdg = panel_xdg_from(resource);

	if (xdg)
		panel_xdg_drop_role(xdg);
}

void panel_popup_create(struct panel_xdg *xdg, struct wl_client *client, uint32_t id,
			struct wl_resource *parent_resource,
			struct wl_resource *positioner_resource)
{
	struct panel_positioner *positioner = wl_resource_get_user_data(positioner_resource);
	struct panel_xdg *parent = parent_resource ? panel_xdg_from(parent_resource) : NULL;
	struct wl_resource *role;

	if (!parent || parent == xdg || parent->kind == PANEL_XDG_NONE) {
		wl_resource_post_error(xdg->resource, XDG_WM_BASE_ERROR_INVALID_POPUP_PARENT,
				       "a popup needs a window to stand on");
		return;
	}
	if (positioner->width == 0 || positioner->height == 0) {
		wl_resource_post_error(xdg->resource, XDG_WM_BASE_ERROR_INVALID_POSITIONER,
				       "a positioner without a size");
		return;
	}
	role = wl_resource_create(client, &xdg_popup_interface,
				  wl_resource_get_version(xdg->resource), id);
	if (!role) {
		wl_client_post_no_memory(client);
		return;
	}
	xdg->kind = PANEL_XDG_POPUP;
	xdg->role_resource = role;
	xdg->parent = parent;
	xdg->positioner = *positioner;
	wl_list_insert(parent->popups.prev, &xdg->link);
	wl_resource_set_implementation(role, &popup_requests, xdg, popup_destroyed);
}
