/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Surfaces and regions of the panel's client: wl_compositor. A buffer's pixels are copied when they
 * are committed and the buffer is released at once, so the picture never depends on the client
 * again.
 */
#include <string.h>

#include "panel-host-private.h"

struct panel_rect panel_rect_clamp(int64_t x, int64_t y, int64_t width, int64_t height)
{
	int64_t right = CLAMP(x + width, -PANEL_COORD_LIMIT, PANEL_COORD_LIMIT);
	int64_t bottom = CLAMP(y + height, -PANEL_COORD_LIMIT, PANEL_COORD_LIMIT);

	x = CLAMP(x, -PANEL_COORD_LIMIT, PANEL_COORD_LIMIT);
	y = CLAMP(y, -PANEL_COORD_LIMIT, PANEL_COORD_LIMIT);
	return (struct panel_rect){(int)x, (int)y, (int)MAX(right - x, 0), (int)MAX(bottom - y, 0)};
}

void panel_region_add(pixman_region32_t *region, struct panel_rect rect)
{
	if (rect.width <= 0 || rect.height <= 0)
		return;
	pixman_region32_union_rect(region, region, rect.x, rect.y, (unsigned)rect.width,
				   (unsigned)rect.height);
	if (pixman_region32_n_rects(region) > PANEL_MAX_RECTS)
		pixman_region32_reset(region, pixman_region32_extents(region));
}

/* --- wl_region --- */

static void region_destroy(struct wl_resource *resource)
{
	pixman_region32_t *region = wl_resource_get_user_data(resource);

	pixman_region32_fini(region);
	g_free(region);
}

static void region_request_destroy(struct wl_client *client, struct wl_resource *resource)
{
	(void)client;
	wl_resource_destroy(resource);
}

static void region_request_add(struct wl_client *client, struct wl_resource *resource, int32_t x,
			       int32_t y, int32_t width, int32_t height)
{
	(void)client;
	panel_region_add(wl_resource_get_user_data(resource),
			 panel_rect_clamp(x, y, width, height));
}

static void region_request_subtract(struct wl_client *client, struct wl_resource *resource,
				    int32_t x, int32_t y, int32_t width, int32_t height)
{
	pixman_region32_t *region = wl_resource_get_user_data(resource);
	struct panel_rect rect = panel_rect_clamp(x, y, width, height);
	pixman_region32_t hole;

	(void)client;
	pixman_region32_init_rect(&hole, rect.x, rect.y, (unsigned)rect.width,
				  (unsigned)rect.height);
	pixman_region32_subtract(region, region, &hole);
	pixman_region32_fini(&hole);
	if (pixman_region32_n_rects(region) > PANEL_MAX_RECTS)
		pixman_region32_reset(region, pixman_region32_extents(region));
}

static const struct wl_region_interface region_requests = {
	.destroy = region_request_destroy,
	.add = region_request_add,
	.subtract = region_request_subtract,
};

static void compositor_create_region(struct wl_client *client, struct wl_resource *compositor,
				     uint32_t id)
{
	struct wl_resource *resource = wl_resource_create(client, &wl_region_interface,
							  wl_resource_get_version(compositor), id);
	pixman_region32_t *region;

	if (!resource) {
		wl_client_post_no_memory(client);
		return;
	}
	region = g_new(pixman_region32_t, 1);
	pixman_region32_init(region);
	wl_resource_set_implementation(resource, &region_requests, region, region_destroy);
}

/* --- state that waits for commit --- */

static void state_buffer_gone(struct wl_listener *listener, void *data)
{
	struct panel_state *state = wl_container_of(listener, state, buffer_gone);

	(void)data;
	state->buffer = NULL;
	wl_list_remove(&state->buffer_gone.link);
	wl_list_init(&state->buffer_gone.link);
}

static void state_init(struct panel_state *state)
{
	memset(state, 0, sizeof(*state));
	wl_list_init(&state->frames);
	state->buffer_gone.notify = state_buffer_gone;
	wl_list_init(&state->buffer_gone.link);
	pixman_region32_init(&state->damage);
	pixman_region32_init(&state->buffer_damage);
	pixman_region32_init(&state->input);
	pixman_region32_init(&state->opaque);
}

static void state_set_buffer(struct panel_state *state, struct wl_resource *buffer)
{
	wl_list_remove(&state->buffer_gone.link);
	wl_list_init(&state->buffer_gone.link);
	state->attached = true;
	state->buffer = buffer;
	if (buffer)
		wl_resource_add_destroy_listener(buffer, &state->buffer_gone);
}

static void frames_drop(struct wl_list *frames)
{
	struct wl_resource *frame, *next;

	wl_resource_for_each_safe(frame, next, frames)
		wl_resource_destroy(frame);
}

static void state_finish(struct panel_state *state)
{
	wl_list_remove(&state->buffer_gone.link);
	frames_drop(&state->frames);
	pixman_region32_fini(&state->damage);
	pixman_region32_fini(&state->buffer_damage);
	pixman_region32_fini(&state->input);
	pixman_region32_fini(&state->opaque);
}

/* Moves everything in `from` on top of `into`; `from` is empty afterwards. */
static void state_merge(struct panel_state *into, struct panel_state *from)
{
	if (from->attached) {
		struct wl_resource *buffer = from->buffer;

		if (into->buffer && into->buffer != buffer)
			wl_buffer_send_release(into->buffer); /* never shown */
		state_set_buffer(from, NULL);
		state_set_buffer(into, buffer);
	}
	pixman_region32_union(&into->damage, &into->damage, &from->damage);
	pixman_region32_union(&into->buffer_damage, &into->buffer_damage, &from->buffer_damage);
	wl_list_insert_list(into->frames.prev, &from->frames);
	wl_list_init(&from->frames);
	if (from->input_set) {
		into->input_set = true;
		into->input_infinite = from->input_infinite;
		pixman_region32_copy(&into->input, &from->input);
	}
	if (from->opaque_set) {
		into->opaque_set = true;
		pixman_region32_copy(&into->opaque, &from->opaque);
	}
	if (from->scale)
		into->scale = from->scale;
	if (from->geometry_set) {
		into->geometry_set = true;
		into->geometry = from->geometry;
	}
	state_finish(from);
	state_init(from);
}

void panel_frames_answer(struct wl_list *frames, uint32_t time_ms)
{
	struct wl_resource *frame, *next;

	wl_resource_for_each_safe(frame, next, frames) {
		wl_callback_send_done(frame, time_ms);
		wl_resource_destroy(frame);
	}
}

/* --- contents --- */

static void surface_drop_image(struct panel_surface *surface)
{
	g_clear_pointer(&surface->image, pixman_image_unref);
	surface->host->surface_bytes -= surface->image_bytes;
	surface->image_bytes = 0;
	surface->width = surface->height = 0;
}

static bool surface_make_image(struct panel_surface *surface, pixman_format_code_t format,
			       int width, int height)
{
	size_t bytes = (size_t)width * (size_t)height * 4;

	surface_drop_image(surface);
	if (surface->host->surface_bytes + bytes > PANEL_MAX_BYTES)
		return false;
	surface->image = pixman_image_create_bits(format, width, height, NULL, width * 4);
	if (!surface->image)
		return false;
	surface->image_bytes = bytes;
	surface->host->surface_bytes += bytes;
	surface->width = width;
	surface->height = height;
	return true;
}

/* Rows of `region` from the client's memory. Only between wl_shm_buffer_begin_access() and end. */
static void copy_region(pixman_image_t *image, const uint8_t *untrusted_pixels, size_t stride,
			const pixman_region32_t *region)
{
	uint8_t *to = (uint8_t *)pixman_image_get_data(image);
	size_t to_stride = (size_t)pixman_image_get_stride(image);
	int count;
	const pixman_box32_t *box = pixman_region32_rectangles((pixman_region32_t *)region, &count);

	for (; count > 0; count--, box++) {
		size_t offset = (size_t)box->x1 * 4, length = (size_t)(box->x2 - box->x1) * 4;

		for (int y = box->y1; y < box->y2; y++)
			memcpy(to + (size_t)y * to_stride + offset,
			       untrusted_pixels + (size_t)y * stride + offset, length);
	}
}

/* A buffer at a larger scale, brought down to the panel's. The client was told scale 1, so this is
 * the odd case and may be slow. */
static void copy_scaled(struct panel_surface *surface, struct wl_shm_buffer *buffer,
			pixman_format_code_t format)
{
	int width = wl_shm_buffer_get_width(buffer), height = wl_shm_buffer_get_height(buffer);
	pixman_image_t *whole = pixman_image_create_bits(format, width, height, NULL, width * 4);
	pixman_region32_t all;
	pixman_transform_t transform;

	if (!whole)
		return;
	pixman_region32_init_rect(&all, 0, 0, (unsigned)width, (unsigned)height);
	wl_shm_buffer_begin_access(buffer);
	copy_region(whole, wl_shm_buffer_get_data(buffer), (size_t)wl_shm_buffer_get_stride(buffer),
		    &all);
	wl_shm_buffer_end_access(buffer);
	pixman_region32_fini(&all);
	pixman_transform_init_scale(&transform, pixman_int_to_fixed(surface->scale),
				    pixman_int_to_fixed(surface->scale));
	pixman_image_set_transform(whole, &transform);
	pixman_image_set_filter(whole, PIXMAN_FILTER_BILINEAR, NULL, 0);
	pixman_image_composite32(PIXMAN_OP_SRC, whole, NULL, surface->image, 0, 0, 0, 0, 0, 0,
				 surface->width, surface->height);
	pixman_image_unref(whole);
}

static void surface_take_buffer(struct panel_surface *surface, struct panel_state *state)
{
	struct wl_shm_buffer *buffer = wl_shm_buffer_get(state->buffer);
	int scale = surface->scale, width, height, stride;
	pixman_format_code_t format;
	pixman_region32_t region;
	bool whole = false;

	if (!buffer) {
		wl_resource_post_error(surface->resource, WL_DISPLAY_ERROR_INVALID_OBJECT,
				       "only wl_shm buffers are shown here");
		return;
	}
	width = wl_shm_buffer_get_width(buffer);
	height = wl_shm_buffer_get_height(buffer);
	stride = wl_shm_buffer_get_stride(buffer);
	if (width <= 0 || height <= 0 || width > PANEL_MAX_SIZE || height > PANEL_MAX_SIZE ||
	    stride < width * 4 || width % scale || height % scale) {
		wl_resource_post_error(surface->resource, WL_SURFACE_ERROR_INVALID_SIZE,
				       "a buffer of %dx%d, stride %d, scale %d", width, height,
				       stride, scale);
		return;
	}
	format = wl_shm_buffer_get_format(buffer) == WL_SHM_FORMAT_XRGB8888 ? PIXMAN_x8r8g8b8
									    : PIXMAN_a8r8g8b8;
	if (!surface->image || surface->width != width / scale ||
	    surface->height != height / scale ||
	    pixman_image_get_format(surface->image) != format) {
		if (!surface_make_image(surface, format, width / scale, height / scale)) {
			wl_client_post_no_memory(wl_resource_get_client(surface->resource));
			return;
		}
		whole = true;
	}

	if (whole || scale > 1) {
		pixman_region32_init_rect(&region, 0, 0, (unsigned)surface->width,
					  (unsigned)surface->height);
	} else {
		pixman_region32_init(&region);
		pixman_region32_union(&region, &state->damage, &state->buffer_damage);
		pixman_region32_intersect_rect(&region, &region, 0, 0, (unsigned)surface->width,
					       (unsigned)surface->height);
	}
	if (scale > 1) {
		copy_scaled(surface, buffer, format);
	} else {
		wl_shm_buffer_begin_access(buffer);
		copy_region(surface->image, wl_shm_buffer_get_data(buffer), (size_t)stride,
			    &region);
		wl_shm_buffer_end_access(buffer);
	}
	pixman_region32_union(&surface->fresh, &surface->fresh, &region);
	pixman_region32_fini(&region);
}

static void surface_apply(struct panel_surface *surface, struct panel_state *state)
{
	if (state->scale)
		surface->scale = state->scale;
	if (state->attached) {
		if (state->buffer) {
			struct wl_resource *buffer = state->buffer;

			surface_take_buffer(surface, state);
			state_set_buffer(state, NULL);
			wl_buffer_send_release(buffer);
		} else {
			surface_drop_image(surface);
		}
	}
	if (state->input_set) {
		surface->input_infinite = state->input_infinite;
		pixman_region32_copy(&surface->input, &state->input);
	}
	if (state->opaque_set)
		pixman_region32_copy(&surface->opaque, &state->opaque);
	if (state->geometry_set)
		surface->geometry = state->geometry;
	wl_list_insert_list(surface->frames.prev, &state->frames);
	wl_list_init(&state->frames);
	state_finish(state);
	state_init(state);

	panel_sub_commit_parent(surface);
	if (surface->role == PANEL_ROLE_XDG)
		panel_shell_committed(surface);
	else if (surface->role == PANEL_ROLE_CURSOR)
		panel_pointer_cursor_committed(surface);
	surface->host->dirty = true;
}

void panel_surface_apply_cached(struct panel_surface *surface)
{
	if (!surface->has_cached)
		return;
	surface->has_cached = false;
	surface_apply(surface, &surface->cached);
}

struct panel_rect panel_surface_geometry(const struct panel_surface *surface)
{
	if (surface->geometry.width > 0 && surface->geometry.height > 0)
		return surface->geometry;
	return (struct panel_rect){0, 0, surface->width, surface->height};
}

/* --- wl_surface --- */

struct panel_surface *panel_surface_from(struct wl_resource *resource)
{
	return wl_resource_get_user_data(resource);
}

static void surface_request_destroy(struct wl_client *client, struct wl_resource *resource)
{
	(void)client;
	wl_resource_destroy(resource);
}

static void surface_request_attach(struct wl_client *client, struct wl_resource *resource,
				   struct wl_resource *buffer, int32_t x, int32_t y)
{
	/* The offset is for interactive resizing, which never happens here. */
	(void)client, (void)x, (void)y;
	state_set_buffer(&panel_surface_from(resource)->pending, buffer);
}

static void surface_request_damage(struct wl_client *client, struct wl_resource *resource,
				   int32_t x, int32_t y, int32_t width, int32_t height)
{
	(void)client;
	panel_region_add(&panel_surface_from(resource)->pending.damage,
			 panel_rect_clamp(x, y, width, height));
}

static void surface_request_damage_buffer(struct wl_client *client, struct wl_resource *resource,
					  int32_t x, int32_t y, int32_t width, int32_t height)
{
	(void)client;
	panel_region_add(&panel_surface_from(resource)->pending.buffer_damage,
			 panel_rect_clamp(x, y, width, height));
}

static void frame_destroy(struct wl_resource *resource)
{
	wl_list_remove(wl_resource_get_link(resource));
}

static void surface_request_frame(struct wl_client *client, struct wl_resource *resource,
				  uint32_t id)
{
	struct panel_surface *surface = panel_surface_from(resource);
	struct wl_resource *frame = wl_resource_create(client, &wl_callback_interface, 1, id);

	if (!frame) {
		wl_client_post_no_memory(client);
		return;
	}
	wl_resource_set_implementation(frame, NULL, NULL, frame_destroy);
	wl_list_insert(surface->pending.frames.prev, wl_resource_get_link(frame));
}

static void surface_request_opaque(struct wl_client *client, struct wl_resource *resource,
				   struct wl_resource *region)
{
	struct panel_state *pending = &panel_surface_from(resource)->pending;

	(void)client;
	pending->opaque_set = true;
	if (region)
		pixman_region32_copy(&pending->opaque, wl_resource_get_user_data(region));
	else
		pixman_region32_clear(&pending->opaque);
}

static void surface_request_input(struct wl_client *client, struct wl_resource *resource,
				  struct wl_resource *region)
{
	struct panel_state *pending = &panel_surface_from(resource)->pending;

	(void)client;
	pending->input_set = true;
	pending->input_infinite = !region;
	if (region)
		pixman_region32_copy(&pending->input, wl_resource_get_user_data(region));
}

static void surface_request_commit(struct wl_client *client, struct wl_resource *resource)
{
	struct panel_surface *surface = panel_surface_from(resource);

	(void)client;
	if (surface->role == PANEL_ROLE_XDG && !panel_shell_may_commit(surface))
		return;
	if (panel_sub_is_sync(surface)) {
		state_merge(&surface->cached, &surface->pending);
		surface->has_cached = true;
		return;
	}
	if (surface->has_cached) {
		state_merge(&surface->cached, &surface->pending);
		panel_surface_apply_cached(surface);
	} else {
		surface_apply(surface, &surface->pending);
	}
}

static void surface_request_transform(struct wl_client *client, struct wl_resource *resource,
				      int32_t transform)
{
	(void)client;
	if (transform != WL_OUTPUT_TRANSFORM_NORMAL)
		wl_resource_post_error(resource, WL_SURFACE_ERROR_INVALID_TRANSFORM,
				       "the output is not turned");
}

static void surface_request_scale(struct wl_client *client, struct wl_resource *resource,
				  int32_t scale)
{
	(void)client;
	if (scale < 1 || scale > 8) {
		wl_resource_post_error(resource, WL_SURFACE_ERROR_INVALID_SCALE, "scale %d", scale);
		return;
	}
	panel_surface_from(resource)->pending.scale = scale;
}

static const struct wl_surface_interface surface_requests = {
	.destroy = surface_request_destroy,
	.attach = surface_request_attach,
	.damage = surface_request_damage,
	.frame = surface_request_frame,
	.set_opaque_region = surface_request_opaque,
	.set_input_region = surface_request_input,
	.commit = surface_request_commit,
	.set_buffer_transform = surface_request_transform,
	.set_buffer_scale = surface_request_scale,
	.damage_buffer = surface_request_damage_buffer,
};

static void surface_destroy(struct wl_resource *resource)
{
	struct panel_surface *surface = panel_surface_from(resource);
	struct panel_host *host = surface->host;

	panel_shell_surface_gone(surface);
	panel_sub_surface_gone(surface);
	panel_seat_surface_gone(host, surface);
	panel_pointer_surface_gone(host, surface);
	state_finish(&surface->pending);
	state_finish(&surface->cached);
	frames_drop(&surface->frames);
	surface_drop_image(surface);
	pixman_region32_fini(&surface->fresh);
	pixman_region32_fini(&surface->input);
	pixman_region32_fini(&surface->opaque);
	wl_list_remove(&surface->link);
	host->surface_count--;
	host->dirty = true;
	panel_paint_forget(host, surface);
	g_free(surface);
}

static void compositor_create_surface(struct wl_client *client, struct wl_resource *compositor,
				      uint32_t id)
{
	struct panel_host *host = wl_resource_get_user_data(compositor);
	struct wl_resource *resource = NULL;
	struct panel_surface *surface;

	if (host->surface_count < PANEL_MAX_SURFACES)
		resource = wl_resource_create(client, &wl_surface_interface,
					      wl_resource_get_version(compositor), id);
	if (!resource) {
		wl_client_post_no_memory(client);
		return;
	}
	surface = g_new0(struct panel_surface, 1);
	surface->host = host;
	surface->resource = resource;
	surface->scale = 1;
	surface->input_infinite = true;
	state_init(&surface->pending);
	state_init(&surface->cached);
	wl_list_init(&surface->frames);
	pixman_region32_init(&surface->fresh);
	pixman_region32_init(&surface->input);
	pixman_region32_init(&surface->opaque);
	surface->self.surface = surface->self.parent = surface;
	wl_list_init(&surface->stack);
	wl_list_init(&surface->pending_stack);
	wl_list_insert(&surface->stack, &surface->self.link);
	wl_list_insert(&surface->pending_stack, &surface->self.pending_link);
	wl_list_insert(host->surfaces.prev, &surface->link);
	host->surface_count++;
	wl_resource_set_implementation(resource, &surface_requests, surface, surface_destroy);
}

static const struct wl_compositor_interface compositor_requests = {
	.create_surface = compositor_create_surface,
	.create_region = compositor_create_region,
};

static void compositor_bind(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
	struct wl_resource *resource =
		wl_resource_create(client, &wl_compositor_interface, (int)version, id);

	if (!resource) {
		wl_client_post_no_memory(client);
		return;
	}
	wl_resource_set_implementation(resource, &compositor_requests, data, NULL);
}

bool panel_surface_init(struct panel_host *host)
{
	wl_list_init(&host->surfaces);
	return wl_global_create(host->display, &wl_compositor_interface, 4, host,
				compositor_bind) != NULL;
}
