/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compositor's routing side: output events into the seat, the seat's decisions to the guest or
 * the panel in focus, and the pointer.
 */
#include "compositor-private.h"

#include <linux/input-event-codes.h>
#include <math.h>

#include "mullion/display.h"

#define MODE_SETTLE_MS 150 /* a window being resized asks guests for a mode when it rests */

static uint64_t now_ms(void)
{
	return (uint64_t)(g_get_monotonic_time() / 1000);
}

/* --- what the seat decided --- */

static void send_key(void *data, unsigned dest, uint16_t code, bool down)
{
	struct compositor *compositor = data;
	struct guest *guest = compositor->guests[dest];

	if (guest && guest->source)
		source_send_key(guest->source, code, down);
	else if (dest == SEAT_PANEL && compositor->panel)
		panel_host_key(compositor->panel, (uint32_t)now_ms(), code, down);
	timeline_add(compositor->timeline, "route-key",
		     "\"guest\": \"%s\", \"code\": %u, \"down\": %s", guest ? guest->id : "", code,
		     down ? "true" : "false");
}

static void send_button(void *data, unsigned dest, uint16_t code, bool down)
{
	struct compositor *compositor = data;
	struct guest *guest = compositor->guests[dest];

	if (guest && guest->source)
		source_send_button(guest->source, code, down);
	else if (dest == SEAT_PANEL && compositor->panel)
		panel_host_button(compositor->panel, (uint32_t)now_ms(), code, down);
	timeline_add(compositor->timeline, "route-button",
		     "\"guest\": \"%s\", \"code\": %u, \"down\": %s", guest ? guest->id : "", code,
		     down ? "true" : "false");
}

static void show_dest(void *data, unsigned dest)
{
	struct compositor *compositor = data;
	struct guest *guest = compositor->guests[dest];

	compositor_release_pointer(compositor);
	for (unsigned i = 1; i < SEAT_MAX_DEST; i++)
		if (compositor->guests[i] && compositor->guests[i]->source)
			source_set_throttled(compositor->guests[i]->source, i == dest);
	if (dest != SEAT_PANEL)
		panel_host_pointer_leave(compositor->panel);
	panel_host_set_focus(compositor->panel, dest == SEAT_PANEL);
	compositor_update_content(compositor);
	compositor_flash_band(compositor);
	compositor_update_switcher(compositor);
	timeline_add(compositor->timeline, "switch", "\"to\": \"%s\"", guest ? guest->id : "");
	compositor->ops->focus_changed(compositor->data, guest ? guest->id : "");
}

static void set_leds(void *data, uint32_t leds)
{
	struct compositor *compositor = data;

	if (compositor->leds == leds)
		return;
	compositor->leds = leds;
	timeline_add(compositor->timeline, "leds", "\"leds\": %u", leds);
	compositor_update_band(compositor);
}

static void do_action(void *data, const struct chord_action *action)
{
	struct compositor *compositor = data;
	unsigned focused = seat_focused(compositor->seat);
	struct guest *guest;

	timeline_add(compositor->timeline, "chord", "\"action\": %d, \"slot\": %u",
		     (int)action->type, action->slot);
	switch (action->type) {
	case CHORD_FOCUS_SLOT:
		guest = guests_by_slot(compositor, action->slot);
		if (action->slot == 0)
			seat_focus(compositor->seat, SEAT_PANEL);
		else if (guest && guest->source)
			seat_focus(compositor->seat, guest->dest);
		break;
	case CHORD_FOCUS_NEXT:
	case CHORD_FOCUS_PREVIOUS:
		seat_focus(compositor->seat,
			   guests_neighbour(compositor, focused, action->type == CHORD_FOCUS_NEXT));
		break;
	case CHORD_RELEASE_POINTER:
		compositor_release_pointer(compositor);
		break;
	case CHORD_FULLSCREEN:
		output_toggle_fullscreen(compositor->output);
		break;
	}
}

static void show_switcher(void *data, bool shown)
{
	struct compositor *compositor = data;

	compositor->switcher_shown = shown;
	timeline_add(compositor->timeline, "switcher", "\"shown\": %s", shown ? "true" : "false");
	compositor_update_switcher(compositor);
	compositor_update_band(compositor);
}

const struct seat_ops compositor_seat_ops = {
	.key = send_key,
	.button = send_button,
	.show = show_dest,
	.leds = set_leds,
	.action = do_action,
	.switcher = show_switcher,
};

static gboolean seat_timeout(gpointer data)
{
	struct compositor *compositor = data;

	compositor->seat_timer = 0;
	compositor_seat_settle(compositor);
	return G_SOURCE_REMOVE;
}

void compositor_seat_settle(struct compositor *compositor)
{
	int wait = seat_tick(compositor->seat, now_ms());

	g_clear_handle_id(&compositor->seat_timer, g_source_remove);
	if (wait >= 0)
		compositor->seat_timer = g_timeout_add((guint)wait, seat_timeout, compositor);
}

/* --- the pointer --- */

void compositor_release_pointer(struct compositor *compositor)
{
	if (!compositor->pointer_grabbed)
		return;
	compositor->pointer_grabbed = false;
	output_grab_pointer(compositor->output, false);
	timeline_add(compositor->timeline, "pointer-released", NULL);
	compositor_update_band(compositor);
	compositor_update_pointer(compositor);
}

static void grab_pointer(struct compositor *compositor)
{
	compositor->pointer_grabbed = true;
	output_grab_pointer(compositor->output, true);
	timeline_add(compositor->timeline, "pointer-grabbed", NULL);
	compositor_update_band(compositor);
	compositor_update_pointer(compositor);
}

static bool guest_is_absolute(const struct guest *guest)
{
	return guest->source && (source_caps(guest->source) & MULLION_CAP_POINTER_ABSOLUTE);
}

static bool over_content(struct compositor *compositor, unsigned *x, unsigned *y)
{
	return placement_to_source(&compositor->scene.place, compositor->pointer_x,
				   compositor->pointer_y, x, y);
}

struct pointer_look {
	pixman_image_t *image;
	int x, y; /* hot spot, screen pixels */
	int hot_x, hot_y;
};

static struct pointer_look look(struct compositor *compositor)
{
	struct guest *guest = guests_focused(compositor);
	struct pointer_look arrow = {.image = compositor->arrow,
				     .x = (int)compositor->pointer_x,
				     .y = (int)compositor->pointer_y};
	struct pointer_look own = arrow;
	const struct source_cursor *cursor;
	unsigned x, y;

	if (!guest || !guest->source) {
		if (!compositor->panel_pointer || guest)
			return arrow;
		own.image = compositor->panel_pointer;
		own.hot_x = compositor->panel_pointer_hot_x;
		own.hot_y = compositor->panel_pointer_hot_y;
		return own;
	}
	cursor = source_cursor(guest->source);
	own.image = cursor->image;
	own.hot_x = cursor->hot_x;
	own.hot_y = cursor->hot_y;
	if (guest_is_absolute(guest)) /* a guest without a cursor plane paints its own pointer */
		return over_content(compositor, &x, &y) ? own : arrow;
	if (!compositor->pointer_grabbed)
		return arrow;
	if (cursor->positioned && cursor->visible && compositor->scene.place.width) {
		const struct placement *place = &compositor->scene.place;

		own.x = place->x + cursor->x * place->width / place->source_width;
		own.y = place->y + cursor->y * place->height / place->source_height;
		return own;
	}
	own.image = NULL;
	return own;
}

static pixman_box32_t pointer_box(const struct scene *scene)
{
	if (!scene->pointer)
		return (pixman_box32_t){0, 0, 0, 0};
	return (pixman_box32_t){scene->pointer_x, scene->pointer_y,
				scene->pointer_x + pixman_image_get_width(scene->pointer),
				scene->pointer_y + pixman_image_get_height(scene->pointer)};
}

void compositor_update_pointer(struct compositor *compositor)
{
	struct scene *scene = &compositor->scene;
	struct pointer_look now = {0};
	pixman_box32_t before = pointer_box(scene), after;

	if (compositor->pointer_known)
		now = look(compositor);
	if (scene->pointer == now.image && scene->pointer_x == now.x - now.hot_x &&
	    scene->pointer_y == now.y - now.hot_y && now.image == compositor->arrow)
		return;
	scene->pointer = now.image;
	scene->pointer_x = now.x - now.hot_x;
	scene->pointer_y = now.y - now.hot_y;
	after = pointer_box(scene);
	compositor_damage_box(compositor, &before);
	compositor_damage_box(compositor, &after);
}

/* --- what the output reports --- */

static void on_key(void *data, uint16_t code, bool down)
{
	struct compositor *compositor = data;

	timeline_add(compositor->timeline, "key", "\"code\": %u, \"down\": %s", code,
		     down ? "true" : "false");
	seat_key(compositor->seat, now_ms(), code, down);
	compositor_seat_settle(compositor);
}

static void on_motion(void *data, double x, double y)
{
	struct compositor *compositor = data;
	struct guest *guest = guests_focused(compositor);
	const pixman_box32_t *area = &compositor->scene.area;
	unsigned source_x = 0, source_y = 0;

	timeline_add(compositor->timeline, "motion", "\"x\": %.0f, \"y\": %.0f", x, y);
	compositor->pointer_x = x;
	compositor->pointer_y = y;
	compositor->pointer_known = true;
	if (!guest)
		panel_host_pointer_motion(compositor->panel, (uint32_t)now_ms(), x - area->x1,
					  y - area->y1);
	else if (guest_is_absolute(guest) &&
		 (over_content(compositor, &source_x, &source_y) || compositor->buttons_down))
		source_send_pointer_absolute(guest->source, source_x, source_y);
	compositor_update_pointer(compositor);
}

static void on_motion_relative(void *data, int dx, int dy)
{
	struct compositor *compositor = data;
	struct guest *guest = guests_focused(compositor);

	timeline_add(compositor->timeline, "motion-relative", "\"dx\": %d, \"dy\": %d", dx, dy);
	if (compositor->pointer_grabbed && guest && guest->source)
		source_send_pointer_relative(guest->source, CLAMP(dx, -32768, 32767),
					     CLAMP(dy, -32768, 32767));
}

static void on_button(void *data, uint16_t code, bool down)
{
	struct compositor *compositor = data;
	struct guest *guest = guests_focused(compositor);
	unsigned x, y;

	timeline_add(compositor->timeline, "button",
		     "\"code\": %u, \"down\": %s, \"x\": %.0f, \"y\": %.0f", code,
		     down ? "true" : "false", compositor->pointer_x, compositor->pointer_y);
	if (guest && down && !compositor->pointer_grabbed) {
		if (!over_content(compositor, &x, &y))
			return;
		if (guest->source && !guest_is_absolute(guest)) {
			grab_pointer(compositor); /* this click is ours */
			return;
		}
	}
	if (down)
		compositor->buttons_down++;
	else if (compositor->buttons_down)
		compositor->buttons_down--;
	seat_button(compositor->seat, now_ms(), code, down);
	compositor_seat_settle(compositor);
}

static void on_wheel(void *data, int dx, int dy)
{
	struct compositor *compositor = data;
	struct guest *guest = guests_focused(compositor);

	timeline_add(compositor->timeline, "wheel", "\"dx\": %d, \"dy\": %d", dx, dy);
	seat_wheel(compositor->seat, now_ms());
	if (guest && guest->source)
		source_send_scroll(guest->source, CLAMP(dx, -100, 100), CLAMP(dy, -100, 100));
	else if (!guest)
		panel_host_scroll(compositor->panel, (uint32_t)now_ms(), dx, dy);
	compositor_seat_settle(compositor);
}

static void on_attention(void *data, bool has)
{
	struct compositor *compositor = data;

	timeline_add(compositor->timeline, "attention", "\"has\": %s", has ? "true" : "false");
	if (has)
		return;
	compositor->buttons_down = 0;
	seat_lost_devices(compositor->seat);
	compositor_release_pointer(compositor);
	compositor_seat_settle(compositor);
}

static void on_dropped(void *data, const char *path)
{
	struct compositor *compositor = data;

	seat_focus(compositor->seat, SEAT_PANEL);
	compositor_seat_settle(compositor);
	compositor->ops->file_dropped(compositor->data, path);
}

static void on_closed(void *data, const char *why)
{
	struct compositor *compositor = data;

	compositor->ops->quit(compositor->data, why);
}

static gboolean mode_timeout(gpointer data)
{
	struct compositor *compositor = data;

	compositor->mode_timer = 0;
	guests_request_modes(compositor);
	return G_SOURCE_REMOVE;
}

static void on_resized(void *data)
{
	struct compositor *compositor = data;

	compositor_output_resized(compositor);
	g_clear_handle_id(&compositor->mode_timer, g_source_remove);
	compositor->mode_timer = g_timeout_add(MODE_SETTLE_MS, mode_timeout, compositor);
}

const struct output_events compositor_output_events = {
	.frame = compositor_output_frame,
	.resized = on_resized,
	.key = on_key,
	.motion = on_motion,
	.motion_relative = on_motion_relative,
	.button = on_button,
	.wheel = on_wheel,
	.attention = on_attention,
	.dropped = on_dropped,
	.closed = on_closed,
};
