/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flattening: where each surface of the panel's client stands, what of the picture changed since
 * the last time, and painting just that.
 */
#include "panel-host-private.h"

/* The plain background: the neutral dark grey of the panel itself, so that its start is calm. */
static const pixman_color_t background = {0x1b1b, 0x1d1d, 0x2121, 0xffff};

static bool rect_equal(struct panel_rect a, struct panel_rect b)
{
	return a.x == b.x && a.y == b.y && a.width == b.width && a.height == b.height;
}

static void place_surface(GArray *layout, struct panel_surface *surface, int x, int y)
{
	struct panel_sub *sub;

	if (!surface->image)
		return; /* hides its subsurfaces as well */
	wl_list_for_each(sub, &surface->stack, link) {
		if (sub->surface == surface) {
			struct panel_placed placed = {surface,
						      {x, y, surface->width, surface->height}};

			g_array_append_val(layout, placed);
		} else {
			place_surface(layout, sub->surface,
				      CLAMP(x + sub->x, -PANEL_COORD_LIMIT, PANEL_COORD_LIMIT),
				      CLAMP(y + sub->y, -PANEL_COORD_LIMIT, PANEL_COORD_LIMIT));
		}
	}
}

static void place_window(GArray *layout, struct panel_xdg *xdg)
{
	struct panel_xdg *popup;
	struct panel_rect geometry;
	int x, y;

	if (!xdg->mapped)
		return;
	geometry = panel_surface_geometry(xdg->surface);
	panel_shell_origin(xdg, &x, &y);
	place_surface(layout, xdg->surface, x - geometry.x, y - geometry.y);
	wl_list_for_each(popup, &xdg->popups, link)
		place_window(layout, popup);
}

static GArray *layout_build(struct panel_host *host)
{
	GArray *layout = g_array_new(FALSE, FALSE, sizeof(struct panel_placed));
	struct panel_xdg *xdg;

	wl_list_for_each(xdg, &host->toplevels, link)
		place_window(layout, xdg);
	return layout;
}

static int layout_find(const GArray *layout, const struct panel_surface *surface)
{
	for (guint i = 0; i < layout->len; i++) {
		if (g_array_index(layout, struct panel_placed, i).surface == surface)
			return (int)i;
	}
	return -1;
}

/*
 * What differs between two layouts: surfaces that came, went or moved in full, others by their own
 * damage. A surface that is in both but changed its place in the order is damaged in full too: it
 * stands before one in the new order that it stood behind in the old.
 */
static void layout_diff(const GArray *old, const GArray *new, pixman_region32_t *damage)
{
	int highest = -1;

	for (guint i = 0; i < old->len; i++) {
		const struct panel_placed *was = &g_array_index(old, struct panel_placed, i);
		int at = was->surface ? layout_find(new, was->surface) : -1;

		if (at < 0 ||
		    !rect_equal(was->rect, g_array_index(new, struct panel_placed, at).rect))
			panel_region_add(damage, was->rect);
	}
	for (guint i = 0; i < new->len; i++) {
		const struct panel_placed *is = &g_array_index(new, struct panel_placed, i);
		int at = layout_find(old, is->surface);

		if (at < 0 || at < highest ||
		    !rect_equal(is->rect, g_array_index(old, struct panel_placed, at).rect)) {
			panel_region_add(damage, is->rect);
		} else {
			pixman_region32_t moved;

			pixman_region32_init(&moved);
			pixman_region32_copy(&moved, &is->surface->fresh);
			pixman_region32_translate(&moved, is->rect.x, is->rect.y);
			pixman_region32_union(damage, damage, &moved);
			pixman_region32_fini(&moved);
		}
		highest = MAX(highest, at);
	}
}

/* Whether everything below this surface is hidden within `box`. */
static bool hides_below(const struct panel_placed *placed, const pixman_box32_t *box)
{
	struct panel_surface *surface = placed->surface;
	pixman_box32_t local = {box->x1 - placed->rect.x, box->y1 - placed->rect.y,
				box->x2 - placed->rect.x, box->y2 - placed->rect.y};

	if (local.x1 < 0 || local.y1 < 0 || local.x2 > surface->width || local.y2 > surface->height)
		return false;
	return pixman_image_get_format(surface->image) == PIXMAN_x8r8g8b8 ||
	       pixman_region32_contains_rectangle(&surface->opaque, &local) == PIXMAN_REGION_IN;
}

static void paint_region(struct panel_host *host, pixman_region32_t *damage)
{
	const pixman_box32_t *extents = pixman_region32_extents(damage);
	guint first = host->layout->len;

	while (first > 0 &&
	       !hides_below(&g_array_index(host->layout, struct panel_placed, first - 1), extents))
		first--;
	pixman_image_set_clip_region32(host->image, damage);
	if (first == 0) {
		int count;
		const pixman_box32_t *boxes = pixman_region32_rectangles(damage, &count);

		pixman_image_fill_boxes(PIXMAN_OP_SRC, host->image, &background, count, boxes);
	} else {
		first--;
	}
	for (guint i = first; i < host->layout->len; i++) {
		const struct panel_placed *placed =
			&g_array_index(host->layout, struct panel_placed, i);
		bool solid = hides_below(placed, extents);

		pixman_image_composite32(solid ? PIXMAN_OP_SRC : PIXMAN_OP_OVER,
					 placed->surface->image, NULL, host->image, 0, 0, 0, 0,
					 placed->rect.x, placed->rect.y, placed->rect.width,
					 placed->rect.height);
	}
	pixman_image_set_clip_region32(host->image, NULL);
}

static gboolean answer_frames(void *data)
{
	struct panel_host *host = data;
	struct panel_surface *surface;

	host->frame_timer = 0;
	wl_list_for_each(surface, &host->surfaces, link)
		panel_frames_answer(&surface->frames, (uint32_t)(g_get_monotonic_time() / 1000));
	wl_display_flush_clients(host->display);
	return G_SOURCE_REMOVE;
}

/*
 * Frame callbacks are answered by panel_host_presented(). But a commit that changed nothing makes
 * no frame to present, and its client would wait for ever: while the panel is looked at, a timer
 * answers those.
 */
static void schedule_frames(struct panel_host *host)
{
	struct panel_surface *surface;
	bool waiting = false;

	if (host->unpresented || host->frame_timer || !host->focused)
		return;
	wl_list_for_each(surface, &host->surfaces, link)
		waiting |= !wl_list_empty(&surface->frames);
	if (waiting)
		host->frame_timer = g_timeout_add(16, answer_frames, host);
}

void panel_paint_update(struct panel_host *host)
{
	GArray *old = host->layout;
	struct panel_surface *surface;
	pixman_region32_t damage;

	if (host->dirty) {
		host->dirty = false;
		pixman_region32_init(&damage);
		host->layout = layout_build(host);
		layout_diff(old, host->layout, &damage);
		g_array_unref(old);
		wl_list_for_each(surface, &host->surfaces, link)
			pixman_region32_clear(&surface->fresh);
		for (guint i = 0; i < host->layout->len; i++)
			panel_output_enter(
				host, g_array_index(host->layout, struct panel_placed, i).surface);
		pixman_region32_intersect_rect(&damage, &damage, 0, 0, host->width, host->height);
		if (pixman_region32_not_empty(&damage)) {
			paint_region(host, &damage);
			host->unpresented = true;
			if (host->ops.damage)
				host->ops.damage(host->data, &damage);
		}
		pixman_region32_fini(&damage);
		panel_seat_update_keyboard(host);
		panel_pointer_update(host);
	}
	schedule_frames(host);
}

void panel_paint_forget(struct panel_host *host, const struct panel_surface *surface)
{
	int at = layout_find(host->layout, surface);

	if (at >= 0)
		g_array_index(host->layout, struct panel_placed, at).surface = NULL;
}

bool panel_paint_resize(struct panel_host *host, unsigned width, unsigned height)
{
	pixman_image_t *image = pixman_image_create_bits(PIXMAN_x8r8g8b8, (int)width, (int)height,
							 NULL, (int)width * 4);
	pixman_region32_t all;

	if (!image)
		return false;
	if (host->image)
		pixman_image_unref(host->image);
	host->image = image;
	host->width = width;
	host->height = height;

	/* Paint what there is in its new place; the client follows. */
	g_array_unref(host->layout);
	host->layout = layout_build(host);
	pixman_region32_init_rect(&all, 0, 0, width, height);
	paint_region(host, &all);
	host->unpresented = true;
	if (host->ops.damage)
		host->ops.damage(host->data, &all);
	pixman_region32_fini(&all);
	return true;
}

bool panel_paint_find(struct panel_host *host, const struct panel_surface *surface,
		      struct panel_rect *rect)
{
	int at = layout_find(host->layout, surface);

	if (at < 0)
		return false;
	*rect = g_array_index(host->layout, struct panel_placed, at).rect;
	return true;
}

struct panel_surface *panel_paint_at(struct panel_host *host, double x, double y)
{
	for (guint i = host->layout->len; i > 0; i--) {
		const struct panel_placed *placed =
			&g_array_index(host->layout, struct panel_placed, i - 1);
		struct panel_surface *surface = placed->surface;
		double local_x = x - placed->rect.x, local_y = y - placed->rect.y;

		if (!surface || local_x < 0 || local_y < 0 || local_x >= placed->rect.width ||
		    local_y >= placed->rect.height)
			continue;
		if (surface->input_infinite ||
		    pixman_region32_contains_point(&surface->input, (int)local_x, (int)local_y,
						   NULL))
			return surface;
	}
	return NULL;
}
