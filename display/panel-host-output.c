/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one output that the panel's client sees: wl_output, the size of the panel, scale 1.
 */
#include "panel-host-private.h"

static void output_send(struct panel_host *host, struct wl_resource *output)
{
	/* A physical size of 0 x 0 is "unknown", and what the client does not scale by. */
	wl_output_send_geometry(output, 0, 0, 0, 0, WL_OUTPUT_SUBPIXEL_UNKNOWN, "Mullion", "panel",
				WL_OUTPUT_TRANSFORM_NORMAL);
	wl_output_send_mode(output, WL_OUTPUT_MODE_CURRENT | WL_OUTPUT_MODE_PREFERRED,
			    (int)host->width, (int)host->height, 60000);
	if (wl_resource_get_version(output) >= WL_OUTPUT_SCALE_SINCE_VERSION)
		wl_output_send_scale(output, 1);
	if (wl_resource_get_version(output) >= WL_OUTPUT_DONE_SINCE_VERSION)
		wl_output_send_done(output);
}

void panel_output_changed(struct panel_host *host)
{
	struct wl_resource *output;

	wl_resource_for_each(output, &host->outputs)
		output_send(host, output);
}

void panel_output_enter(struct panel_host *host, struct panel_surface *surface)
{
	struct wl_client *client = wl_resource_get_client(surface->resource);
	struct wl_resource *output;

	if (surface->entered)
		return;
	wl_resource_for_each(output, &host->outputs) {
		if (wl_resource_get_client(output) == client) {
			wl_surface_send_enter(surface->resource, output);
			surface->entered = true;
		}
	}
}

static void output_destroy(struct wl_resource *resource)
{
	wl_list_remove(wl_resource_get_link(resource));
}

static void output_request_release(struct wl_client *client, struct wl_resource *resource)
{
	(void)client;
	wl_resource_destroy(resource);
}

static const struct wl_output_interface output_requests = {
	.release = output_request_release,
};

static void output_bind(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
	struct panel_host *host = data;
	struct wl_resource *resource =
		wl_resource_create(client, &wl_output_interface, (int)version, id);

	if (!resource) {
		wl_client_post_no_memory(client);
		return;
	}
	wl_resource_set_implementation(resource, &output_requests, host, output_destroy);
	wl_list_insert(&host->outputs, wl_resource_get_link(resource));
	output_send(host, resource);
}

bool panel_output_init(struct panel_host *host)
{
	wl_list_init(&host->outputs);
	return wl_global_create(host->display, &wl_output_interface, 3, host, output_bind) != NULL;
}
