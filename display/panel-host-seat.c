/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wl_seat and wl_keyboard for the panel's client. The layout is the user's (XKB_DEFAULT_*); guests
 * get key codes and never see it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <gio/gio.h>

#include "mullion/display.h"
#include "panel-host-private.h"

#define REPEAT_RATE  28	 /* a second */
#define REPEAT_DELAY 450 /* ms */

static void send_modifiers(struct panel_host *host, struct wl_resource *keyboard, uint32_t serial)
{
	struct xkb_state *state = host->xkb_state;

	wl_keyboard_send_modifiers(keyboard, serial,
				   xkb_state_serialize_mods(state, XKB_STATE_MODS_DEPRESSED),
				   xkb_state_serialize_mods(state, XKB_STATE_MODS_LATCHED),
				   xkb_state_serialize_mods(state, XKB_STATE_MODS_LOCKED),
				   xkb_state_serialize_layout(state, XKB_STATE_LAYOUT_EFFECTIVE));
}

static struct wl_client *focus_client(struct panel_host *host)
{
	return host->keyboard_focus ? wl_resource_get_client(host->keyboard_focus->resource) : NULL;
}

static void send_enter(struct panel_host *host, struct wl_resource *keyboard)
{
	uint32_t serial = wl_display_next_serial(host->display), *code;
	struct wl_array keys;

	wl_array_init(&keys);
	for (unsigned i = 0; i < host->key_count; i++) {
		code = wl_array_add(&keys, sizeof(*code));
		if (code)
			*code = host->keys[i];
	}
	wl_keyboard_send_enter(keyboard, serial, host->keyboard_focus->resource, &keys);
	wl_array_release(&keys);
	send_modifiers(host, keyboard, serial);
}

static void set_keyboard_focus(struct panel_host *host, struct panel_surface *surface)
{
	struct wl_client *old = focus_client(host), *new;
	struct wl_resource *keyboard;

	if (host->keyboard_focus == surface)
		return;
	wl_resource_for_each(keyboard, &host->keyboards) {
		if (old && wl_resource_get_client(keyboard) == old)
			wl_keyboard_send_leave(keyboard, wl_display_next_serial(host->display),
					       host->keyboard_focus->resource);
	}
	host->keyboard_focus = surface;
	new = focus_client(host);
	if (new &&new != old)
		panel_data_offer_to(host, new);
	wl_resource_for_each(keyboard, &host->keyboards) {
		if (new &&wl_resource_get_client(keyboard) == new)
			send_enter(host, keyboard);
	}
}

/* Keys go to the topmost menu that asked for them, else to the topmost window. */
void panel_seat_update_keyboard(struct panel_host *host)
{
	struct panel_surface *focus = NULL;
	struct panel_xdg *xdg;

	if (host->focused) {
		wl_list_for_each(xdg, &host->toplevels, link) {
			if (xdg->mapped)
				focus = xdg->surface;
		}
		wl_list_for_each(xdg, &host->grabs, grab_link) {
			if (xdg->mapped) {
				focus = xdg->surface;
				break;
			}
		}
	}
	set_keyboard_focus(host, focus);
}

void panel_seat_surface_gone(struct panel_host *host, struct panel_surface *surface)
{
	/* No leave: its surface argument is gone, which tells the client as much. */
	if (host->keyboard_focus == surface)
		host->keyboard_focus = NULL;
}

static void update_leds(struct panel_host *host)
{
	uint32_t leds = 0;

	if (xkb_state_led_name_is_active(host->xkb_state, XKB_LED_NAME_CAPS) > 0)
		leds |= MULLION_LED_CAPS_LOCK;
	if (xkb_state_led_name_is_active(host->xkb_state, XKB_LED_NAME_NUM) > 0)
		leds |= MULLION_LED_NUM_LOCK;
	if (xkb_state_led_name_is_active(host->xkb_state, XKB_LED_NAME_SCROLL) > 0)
		leds |= MULLION_LED_SCROLL_LOCK;
	if (leds == host->leds)
		return;
	host->leds = leds;
	if (host->ops.leds)
		host->ops.leds(host->data, leds);
}

/* True: the modifiers are others now. XKB codes are evdev's and 8. */
static bool update_xkb(struct panel_host *host, uint16_t code, bool down)
{
	return xkb_state_update_key(host->xkb_state, code + 8U, down ? XKB_KEY_DOWN : XKB_KEY_UP) &
	       (XKB_STATE_MODS_DEPRESSED | XKB_STATE_MODS_LATCHED | XKB_STATE_MODS_LOCKED |
		XKB_STATE_LAYOUT_EFFECTIVE);
}

/* False: an up without a down, or a second down. */
static bool note_key(struct panel_host *host, uint16_t code, bool down)
{
	for (unsigned i = 0; i < host->key_count; i++) {
		if (host->keys[i] != code)
			continue;
		if (down)
			return false;
		host->keys[i] = host->keys[--host->key_count];
		return true;
	}
	if (!down || host->key_count == PANEL_MAX_KEYS)
		return false;
	host->keys[host->key_count++] = code;
	return true;
}

void panel_host_key(struct panel_host *host, uint32_t time_ms, uint16_t code, bool down)
{
	struct wl_client *client = focus_client(host);
	struct wl_resource *keyboard;
	bool modifiers;
	uint32_t serial;

	if (!note_key(host, code, down))
		return;
	modifiers = update_xkb(host, code, down);
	update_leds(host);
	if (!client)
		return;
	serial = wl_display_next_serial(host->display);
	wl_resource_for_each(keyboard, &host->keyboards) {
		if (wl_resource_get_client(keyboard) != client)
			continue;
		wl_keyboard_send_key(keyboard, serial, time_ms, code,
				     down ? WL_KEYBOARD_KEY_STATE_PRESSED
					  : WL_KEYBOARD_KEY_STATE_RELEASED);
		if (modifiers)
			send_modifiers(host, keyboard, serial);
	}
	wl_display_flush_clients(host->display);
}

void panel_host_set_focus(struct panel_host *host, bool focused)
{
	if (host->focused == focused)
		return;
	host->focused = focused;
	if (!focused) {
		/* The seat has released what was down; if not, nothing may stay down here. */
		while (host->key_count > 0)
			update_xkb(host, host->keys[--host->key_count], false);
		panel_host_pointer_leave(host);
	} else if (host->ops.leds) {
		host->ops.leds(host->data, host->leds);
	}
	panel_seat_update_keyboard(host);
	panel_paint_update(host);
	wl_display_flush_clients(host->display);
}

/* --- requests --- */

static void resource_unlink(struct wl_resource *resource)
{
	wl_list_remove(wl_resource_get_link(resource));
}

static void request_release(struct wl_client *client, struct wl_resource *resource)
{
	(void)client;
	wl_resource_destroy(resource);
}

static const struct wl_keyboard_interface keyboard_requests = {
	.release = request_release,
};

static void seat_get_keyboard(struct wl_client *client, struct wl_resource *seat, uint32_t id)
{
	struct panel_host *host = wl_resource_get_user_data(seat);
	struct wl_resource *resource = wl_resource_create(client, &wl_keyboard_interface,
							  wl_resource_get_version(seat), id);

	if (!resource) {
		wl_client_post_no_memory(client);
		return;
	}
	wl_resource_set_implementation(resource, &keyboard_requests, host, resource_unlink);
	wl_list_insert(&host->keyboards, wl_resource_get_link(resource));
	wl_keyboard_send_keymap(resource, WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1, host->keymap_fd,
				host->keymap_size);
	if (wl_resource_get_version(resource) >= WL_KEYBOARD_REPEAT_INFO_SINCE_VERSION)
		wl_keyboard_send_repeat_info(resource, REPEAT_RATE, REPEAT_DELAY);
	if (focus_client(host) == client)
		send_enter(host, resource);
}

static void seat_get_pointer(struct wl_client *client, struct wl_resource *seat, uint32_t id)
{
	panel_pointer_create(wl_resource_get_user_data(seat), client,
			     (uint32_t)wl_resource_get_version(seat), id);
}

static void seat_get_touch(struct wl_client *client, struct wl_resource *seat, uint32_t id)
{
	(void)client, (void)id;
	wl_resource_post_error(seat, WL_SEAT_ERROR_MISSING_CAPABILITY, "no touch here");
}

static const struct wl_seat_interface seat_requests = {
	.get_pointer = seat_get_pointer,
	.get_keyboard = seat_get_keyboard,
	.get_touch = seat_get_touch,
	.release = request_release,
};

static void seat_bind(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
	struct panel_host *host = data;
	struct wl_resource *resource =
		wl_resource_create(client, &wl_seat_interface, (int)version, id);

	if (!resource) {
		wl_client_post_no_memory(client);
		return;
	}
	wl_resource_set_implementation(resource, &seat_requests, host, resource_unlink);
	wl_list_insert(&host->seats, wl_resource_get_link(resource));
	if (version >= WL_SEAT_NAME_SINCE_VERSION)
		wl_seat_send_name(resource, "seat0");
	wl_seat_send_capabilities(resource,
				  WL_SEAT_CAPABILITY_POINTER | WL_SEAT_CAPABILITY_KEYBOARD);
}

/* --- the keymap --- */

/* A sealed copy, so that no client can change another's. Reopened read-only: clients of old
 * versions map it shared, which a sealed file allows only then. */
static int keymap_to_fd(const char *text, size_t size)
{
	int fd = memfd_create("mullion-keymap", MFD_CLOEXEC | MFD_ALLOW_SEALING), read_only;
	g_autofree char *path = NULL;
	size_t done = 0;

	if (fd < 0)
		return -errno;
	while (done < size) {
		ssize_t n = write(fd, text + done, size - done);

		if (n < 0) {
			int error = -errno;

			close(fd);
			return error;
		}
		done += (size_t)n;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	path = g_strdup_printf("/proc/self/fd/%d", fd);
	read_only = open(path, O_RDONLY | O_CLOEXEC);
	if (read_only < 0)
		return fd; /* version 7 of wl_seat maps it privately, which always works */
	close(fd);
	return read_only;
}

static bool make_keymap(struct panel_host *host, GError **error)
{
	static const struct xkb_rule_names fallback = {.layout = "us"};
	char *text;

	host->xkb = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
	if (host->xkb)
		host->keymap =
			xkb_keymap_new_from_names(host->xkb, NULL, XKB_KEYMAP_COMPILE_NO_FLAGS);
	if (host->xkb && !host->keymap) {
		g_warning("no keyboard layout as XKB_DEFAULT_LAYOUT and its like say; using us");
		xkb_context_unref(host->xkb);
		host->xkb = xkb_context_new(XKB_CONTEXT_NO_ENVIRONMENT_NAMES);
		if (host->xkb)
			host->keymap = xkb_keymap_new_from_names(host->xkb, &fallback,
								 XKB_KEYMAP_COMPILE_NO_FLAGS);
	}
	if (!host->keymap) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
			    "no keyboard layout can be loaded; is xkb-data installed?");
		return false;
	}
	host->xkb_state = xkb_state_new(host->keymap);
	text = xkb_keymap_get_as_string(host->keymap, XKB_KEYMAP_FORMAT_TEXT_V1);
	if (!host->xkb_state || !text) {
		free(text);
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "out of memory for the keymap");
		return false;
	}
	host->keymap_size = (uint32_t)strlen(text) + 1;
	host->keymap_fd = keymap_to_fd(text, host->keymap_size);
	free(text);
	if (host->keymap_fd < 0) {
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(-host->keymap_fd),
			    "cannot share the keymap: %s", g_strerror(-host->keymap_fd));
		return false;
	}
	return true;
}

bool panel_seat_init(struct panel_host *host, GError **error)
{
	wl_list_init(&host->seats);
	wl_list_init(&host->keyboards);
	wl_list_init(&host->pointers);
	if (!make_keymap(host, error))
		return false;
	if (!wl_global_create(host->display, &wl_seat_interface, 7, host, seat_bind)) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "cannot make a wl_seat");
		return false;
	}
	return true;
}

void panel_seat_finish(struct panel_host *host)
{
	if (host->keymap_fd >= 0)
		close(host->keymap_fd);
	xkb_state_unref(host->xkb_state);
	xkb_keymap_unref(host->keymap);
	xkb_context_unref(host->xkb);
}
