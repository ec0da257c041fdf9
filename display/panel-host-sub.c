/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Subsurfaces: wl_subcompositor. GTK3 shows its popovers as such. The parent's stacking order and
 * its children's positions take effect when the parent commits.
 */
#include "panel-host-private.h"

static struct panel_sub *sub_from(struct wl_resource *resource)
{
	return wl_resource_get_user_data(resource);
}

/* In effect: a child of a synchronised subsurface is one too. */
bool panel_sub_is_sync(const struct panel_surface *surface)
{
	for (const struct panel_sub *sub = surface->sub; sub && sub->parent;
	     sub = sub->parent->sub) {
		if (sub->sync)
			return true;
	}
	return false;
}

void panel_sub_commit_parent(struct panel_surface *parent)
{
	struct panel_sub *sub, *next;

	/* The pending list names all entries; the list in effect is brought into its order. */
	wl_list_for_each(sub, &parent->pending_stack, pending_link) {
		wl_list_remove(&sub->link);
		wl_list_insert(parent->stack.prev, &sub->link);
		sub->x = sub->pending_x;
		sub->y = sub->pending_y;
	}
	wl_list_for_each_safe(sub, next, &parent->stack, link) {
		if (sub->surface != parent && panel_sub_is_sync(sub->surface))
			panel_surface_apply_cached(sub->surface);
	}
}

/* Takes the entry out of its parent's order. */
static void sub_unlink(struct panel_sub *sub)
{
	if (!sub->parent)
		return;
	sub->parent->host->dirty = true;
	wl_list_remove(&sub->link);
	wl_list_remove(&sub->pending_link);
	wl_list_init(&sub->link);
	wl_list_init(&sub->pending_link);
	sub->parent = NULL;
}

void panel_sub_surface_gone(struct panel_surface *surface)
{
	struct panel_sub *sub, *next;

	wl_list_for_each_safe(sub, next, &surface->pending_stack, pending_link) {
		if (sub != &surface->self)
			sub_unlink(sub);
	}
	if (surface->sub) {
		sub_unlink(surface->sub);
		surface->sub->surface = NULL;
		surface->sub = NULL;
	}
}

static void sub_destroy(struct wl_resource *resource)
{
	struct panel_sub *sub = sub_from(resource);

	sub_unlink(sub);
	if (sub->surface)
		sub->surface->sub = NULL;
	g_free(sub);
}

static void sub_request_destroy(struct wl_client *client, struct wl_resource *resource)
{
	(void)client;
	wl_resource_destroy(resource);
}

static void sub_request_position(struct wl_client *client, struct wl_resource *resource, int32_t x,
				 int32_t y)
{
	struct panel_sub *sub = sub_from(resource);

	(void)client;
	sub->pending_x = CLAMP(x, -PANEL_COORD_LIMIT, PANEL_COORD_LIMIT);
	sub->pending_y = CLAMP(y, -PANEL_COORD_LIMIT, PANEL_COORD_LIMIT);
}

static void sub_restack(struct wl_resource *resource, struct wl_resource *sibling, bool above)
{
	struct panel_sub *sub = sub_from(resource), *other = NULL, *entry;

	if (!sub->parent || !sub->surface)
		return;
	wl_list_for_each(entry, &sub->parent->pending_stack, pending_link) {
		if (entry->surface == panel_surface_from(sibling))
			other = entry;
	}
	if (!other || other == sub) {
		wl_resource_post_error(resource, WL_SUBSURFACE_ERROR_BAD_SURFACE,
				       "neither the parent nor a sibling");
		return;
	}
	wl_list_remove(&sub->pending_link);
	wl_list_insert(above ? &other->pending_link : other->pending_link.prev, &sub->pending_link);
}

static void sub_request_above(struct wl_client *client, struct wl_resource *resource,
			      struct wl_resource *sibling)
{
	(void)client;
	sub_restack(resource, sibling, true);
}

static void sub_request_below(struct wl_client *client, struct wl_resource *resource,
			      struct wl_resource *sibling)
{
	(void)client;
	sub_restack(resource, sibling, false);
}

static void sub_request_sync(struct wl_client *client, struct wl_resource *resource)
{
	(void)client;
	sub_from(resource)->sync = true;
}

static void sub_request_desync(struct wl_client *client, struct wl_resource *resource)
{
	struct panel_sub *sub = sub_from(resource);

	(void)client;
	sub->sync = false;
	if (sub->surface && !panel_sub_is_sync(sub->surface))
		panel_surface_apply_cached(sub->surface);
}

static const struct wl_subsurface_interface sub_requests = {
	.destroy = sub_request_destroy,
	.set_position = sub_request_position,
	.place_above = sub_request_above,
	.place_below = sub_request_below,
	.set_sync = sub_request_sync,
	.set_desync = sub_request_desync,
};

static void subcompositor_request_destroy(struct wl_client *client, struct wl_resource *resource)
{
	(void)client;
	wl_resource_destroy(resource);
}

static void subcompositor_get_subsurface(struct wl_client *client, struct wl_resource *manager,
					 uint32_t id, struct wl_resource *surface_resource,
					 struct wl_resource *parent_resource)
{
	struct panel_surface *surface = panel_surface_from(surface_resource);
	struct panel_surface *parent = panel_surface_from(parent_resource), *up;
	struct wl_resource *resource;
	struct panel_sub *sub;

	for (up = parent; up && up != surface; up = up->sub ? up->sub->parent : NULL)
		;
	if (up || surface->sub ||
	    (surface->role != PANEL_ROLE_NONE && surface->role != PANEL_ROLE_SUB)) {
		wl_resource_post_error(manager, WL_SUBCOMPOSITOR_ERROR_BAD_SURFACE,
				       "the surface cannot be a subsurface of that one");
		return;
	}
	resource = wl_resource_create(client, &wl_subsurface_interface, 1, id);
	if (!resource) {
		wl_client_post_no_memory(client);
		return;
	}
	sub = g_new0(struct panel_sub, 1);
	sub->resource = resource;
	sub->surface = surface;
	sub->parent = parent;
	sub->sync = true;
	wl_list_init(&sub->link); /* joins the order in effect when the parent commits */
	wl_list_insert(parent->pending_stack.prev, &sub->pending_link);
	surface->sub = sub;
	surface->role = PANEL_ROLE_SUB;
	wl_resource_set_implementation(resource, &sub_requests, sub, sub_destroy);
}

static const struct wl_subcompositor_interface subcompositor_requests = {
	.destroy = subcompositor_request_destroy,
	.get_subsurface = subcompositor_get_subsurface,
};

static void subcompositor_bind(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
	struct wl_resource *resource =
		wl_resource_create(client, &wl_subcompositor_interface, (int)version, id);

	if (!resource) {
		wl_client_post_no_memory(client);
		return;
	}
	wl_resource_set_implementation(resource, &subcompositor_requests, data, NULL);
}

bool panel_sub_init(struct panel_host *host)
{
	return wl_global_create(host->display, &wl_subcompositor_interface, 1, host,
				subcompositor_bind) != NULL;
}
