/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clipboard among the windows of the panel's client: wl_data_device_manager. GTK3 does not
 * start without it. Drags are refused: what is dropped on the compositor's window comes by D-Bus.
 */
#include <unistd.h>

#include "panel-host-private.h"

#define MAX_TYPES 64

struct panel_data_source {
	struct panel_host *host;
	struct wl_resource *resource;
	GPtrArray *types;      /* of char * */
	struct wl_list offers; /* wl_data_offer resources, by their link */
};

/* --- wl_data_offer --- */

static void request_destroy(struct wl_client *client, struct wl_resource *resource)
{
	(void)client;
	wl_resource_destroy(resource);
}

static void offer_accept(struct wl_client *client, struct wl_resource *resource, uint32_t serial,
			 const char *type)
{
	(void)client, (void)resource, (void)serial, (void)type; /* drags only */
}

static void offer_receive(struct wl_client *client, struct wl_resource *resource, const char *type,
			  int32_t fd)
{
	struct panel_data_source *source = wl_resource_get_user_data(resource);

	(void)client;
	if (source)
		wl_data_source_send_send(source->resource, type, fd);
	close(fd);
}

static void offer_finish(struct wl_client *client, struct wl_resource *resource)
{
	(void)client, (void)resource;
}

static void offer_set_actions(struct wl_client *client, struct wl_resource *resource,
			      uint32_t actions, uint32_t preferred)
{
	(void)client, (void)resource, (void)actions, (void)preferred;
}

static const struct wl_data_offer_interface offer_requests = {
	.accept = offer_accept,
	.receive = offer_receive,
	.destroy = request_destroy,
	.finish = offer_finish,
	.set_actions = offer_set_actions,
};

static void offer_destroy(struct wl_resource *resource)
{
	wl_list_remove(wl_resource_get_link(resource));
}

static void send_selection(struct panel_host *host, struct wl_resource *device)
{
	struct panel_data_source *source = host->selection;
	struct wl_resource *offer;

	if (!source) {
		wl_data_device_send_selection(device, NULL);
		return;
	}
	offer = wl_resource_create(wl_resource_get_client(device), &wl_data_offer_interface,
				   wl_resource_get_version(device), 0);
	if (!offer) {
		wl_client_post_no_memory(wl_resource_get_client(device));
		return;
	}
	wl_resource_set_implementation(offer, &offer_requests, source, offer_destroy);
	wl_list_insert(&source->offers, wl_resource_get_link(offer));
	wl_data_device_send_data_offer(device, offer);
	for (guint i = 0; i < source->types->len; i++)
		wl_data_offer_send_offer(offer, g_ptr_array_index(source->types, i));
	wl_data_device_send_selection(device, offer);
}

void panel_data_offer_to(struct panel_host *host, struct wl_client *client)
{
	struct wl_resource *device;

	wl_resource_for_each(device, &host->data_devices) {
		if (wl_resource_get_client(device) == client)
			send_selection(host, device);
	}
}

static void set_selection(struct panel_host *host, struct panel_data_source *source)
{
	if (host->selection == source)
		return;
	if (host->selection)
		wl_data_source_send_cancelled(host->selection->resource);
	host->selection = source;
	if (host->keyboard_focus)
		panel_data_offer_to(host, wl_resource_get_client(host->keyboard_focus->resource));
}

/* --- wl_data_source --- */

static void source_offer(struct wl_client *client, struct wl_resource *resource,
			 const char *untrusted_type)
{
	struct panel_data_source *source = wl_resource_get_user_data(resource);

	(void)client;
	if (source->types->len < MAX_TYPES)
		g_ptr_array_add(source->types, g_strdup(untrusted_type));
}

static void source_set_actions(struct wl_client *client, struct wl_resource *resource,
			       uint32_t actions)
{
	(void)client, (void)resource, (void)actions;
}

static const struct wl_data_source_interface source_requests = {
	.offer = source_offer,
	.destroy = request_destroy,
	.set_actions = source_set_actions,
};

static void source_destroy(struct wl_resource *resource)
{
	struct panel_data_source *source = wl_resource_get_user_data(resource);
	struct wl_resource *offer, *next;

	wl_resource_for_each_safe(offer, next, &source->offers) {
		wl_resource_set_user_data(offer, NULL);
		wl_list_remove(wl_resource_get_link(offer));
		wl_list_init(wl_resource_get_link(offer));
	}
	if (source->host && source->host->selection == source) {
		source->host->selection = NULL;
		if (source->host->keyboard_focus)
			panel_data_offer_to(
				source->host,
				wl_resource_get_client(source->host->keyboard_focus->resource));
	}
	g_ptr_array_unref(source->types);
	g_free(source);
}

/* --- wl_data_device --- */

static void device_start_drag(struct wl_client *client, struct wl_resource *resource,
			      struct wl_resource *source, struct wl_resource *origin,
			      struct wl_resource *icon, uint32_t serial)
{
	(void)client, (void)resource, (void)origin, (void)icon, (void)serial;
	if (source)
		wl_data_source_send_cancelled(source);
}

static void device_set_selection(struct wl_client *client, struct wl_resource *resource,
				 struct wl_resource *source, uint32_t serial)
{
	(void)client, (void)serial;
	set_selection(wl_resource_get_user_data(resource),
		      source ? wl_resource_get_user_data(source) : NULL);
}

static const struct wl_data_device_interface device_requests = {
	.start_drag = device_start_drag,
	.set_selection = device_set_selection,
	.release = request_destroy,
};

static void device_destroy(struct wl_resource *resource)
{
	wl_list_remove(wl_resource_get_link(resource));
}

/* --- wl_data_device_manager --- */

static void manager_create_source(struct wl_client *client, struct wl_resource *manager,
				  uint32_t id)
{
	struct wl_resource *resource = wl_resource_create(client, &wl_data_source_interface,
							  wl_resource_get_version(manager), id);
	struct panel_data_source *source;

	if (!resource) {
		wl_client_post_no_memory(client);
		return;
	}
	source = g_new0(struct panel_data_source, 1);
	source->host = wl_resource_get_user_data(manager);
	source->resource = resource;
	source->types = g_ptr_array_new_with_free_func(g_free);
	wl_list_init(&source->offers);
	wl_resource_set_implementation(resource, &source_requests, source, source_destroy);
}

static void manager_get_device(struct wl_client *client, struct wl_resource *manager, uint32_t id,
			       struct wl_resource *seat)
{
	struct panel_host *host = wl_resource_get_user_data(manager);
	struct wl_resource *resource = wl_resource_create(client, &wl_data_device_interface,
							  wl_resource_get_version(manager), id);

	(void)seat; /* there is one */
	if (!resource) {
		wl_client_post_no_memory(client);
		return;
	}
	wl_resource_set_implementation(resource, &device_requests, host, device_destroy);
	wl_list_insert(&host->data_devices, wl_resource_get_link(resource));
	if (host->keyboard_focus &&
	    wl_resource_get_client(host->keyboard_focus->resource) == client)
		send_selection(host, resource);
}

static const struct wl_data_device_manager_interface manager_requests = {
	.create_data_source = manager_create_source,
	.get_data_device = manager_get_device,
};

static void manager_bind(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
	struct wl_resource *resource =
		wl_resource_create(client, &wl_data_device_manager_interface, (int)version, id);

	if (!resource) {
		wl_client_post_no_memory(client);
		return;
	}
	wl_resource_set_implementation(resource, &manager_requests, data, NULL);
}

bool panel_data_init(struct panel_host *host)
{
	wl_list_init(&host->data_devices);
	return wl_global_create(host->display, &wl_data_device_manager_interface, 3, host,
				manager_bind) != NULL;
}
