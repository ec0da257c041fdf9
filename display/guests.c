/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guests that the control plane has named, and their sources. What is said here about a guest
 * (who it is, its label, colour and slot) comes from the control plane alone, never from its head.
 */
#include "compositor-private.h"

#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#include "mullion/display.h"

#define MAX_LABEL 64 /* characters */
#define MAX_SLOT  9

static const char *const known_states[] = {"off", "running", "paused", "sleeping", "crashed", NULL};

static struct guest *guests_find(struct compositor *compositor, const char *id)
{
	for (unsigned i = 1; i < SEAT_MAX_DEST; i++)
		if (compositor->guests[i] && strcmp(compositor->guests[i]->id, id) == 0)
			return compositor->guests[i];
	return NULL;
}

struct guest *guests_by_slot(struct compositor *compositor, unsigned slot)
{
	for (unsigned i = 1; i < SEAT_MAX_DEST; i++)
		if (compositor->guests[i] && compositor->guests[i]->slot == slot)
			return compositor->guests[i];
	return NULL;
}

struct guest *guests_focused(struct compositor *compositor)
{
	return compositor->guests[seat_focused(compositor->seat)];
}

/* Slot order; guests without a slot come last, in the order they were named. */
static unsigned rank(const struct guest *guest)
{
	return (guest->slot ? guest->slot : MAX_SLOT + 1) * SEAT_MAX_DEST + guest->dest;
}

unsigned guests_neighbour(struct compositor *compositor, unsigned dest, bool next)
{
	struct guest *from = compositor->guests[dest], *nearest = NULL, *around = NULL;

	for (unsigned i = 1; i < SEAT_MAX_DEST; i++) {
		struct guest *guest = compositor->guests[i];

		if (!guest || !guest->source || guest == from)
			continue;
		if (!around || (rank(guest) < rank(around)) == next)
			around = guest; /* the first of all, or the last */
		if (!from || (rank(guest) > rank(from)) != next)
			continue;
		if (!nearest || (rank(guest) < rank(nearest)) == next)
			nearest = guest;
	}
	if (nearest)
		return nearest->dest;
	return around ? around->dest : dest;
}

static void request_mode(struct guest *guest)
{
	const struct output *output = guest->compositor->output;
	const pixman_box32_t *area = &guest->compositor->scene.area;
	unsigned width = (unsigned)(area->x2 - area->x1), height = (unsigned)(area->y2 - area->y1);

	if (!guest->source || !(source_caps(guest->source) & MULLION_CAP_MODE) || !output)
		return;
	if (guest->width == width && guest->height == height)
		return;
	source_request_mode(guest->source, width, height, output->width_mm, output->height_mm);
}

void guests_request_modes(struct compositor *compositor)
{
	for (unsigned i = 1; i < SEAT_MAX_DEST; i++)
		if (compositor->guests[i])
			request_mode(compositor->guests[i]);
}

static bool is_focused(const struct guest *guest)
{
	return guests_focused(guest->compositor) == guest;
}

/* The guest's picture is another one, or none. */
static void picture_changed(struct guest *guest)
{
	if (is_focused(guest))
		compositor_update_content(guest->compositor);
	compositor_update_switcher(guest->compositor);
}

static void on_scanout(void *data, unsigned width, unsigned height)
{
	struct guest *guest = data;

	guest->width = width;
	guest->height = height;
	timeline_add(guest->compositor->timeline, "scanout",
		     "\"guest\": \"%s\", \"width\": %u, \"height\": %u", guest->id, width, height);
	picture_changed(guest);
}

static void on_frame(void *data, const pixman_region32_t *damage)
{
	struct guest *guest = data;

	if (guest->compositor->timeline)
		timeline_add(guest->compositor->timeline, "source-frame",
			     "\"guest\": \"%s\", \"serial\": %" G_GUINT64_FORMAT, guest->id,
			     source_stats(guest->source)->frames);
	compositor_guest_frame(guest, damage);
}

static void on_cursor(void *data)
{
	struct guest *guest = data;

	if (is_focused(guest))
		compositor_update_pointer(guest->compositor);
}

static void on_leds(void *data, uint32_t leds)
{
	struct guest *guest = data;

	seat_set_leds(guest->compositor->seat, guest->dest, leds);
	compositor_seat_settle(guest->compositor);
}

static void on_caps(void *data, uint32_t caps)
{
	struct guest *guest = data;

	if (caps & MULLION_CAP_MODE)
		request_mode(guest);
	if (is_focused(guest)) {
		if (caps & MULLION_CAP_POINTER_ABSOLUTE)
			compositor_release_pointer(guest->compositor);
		compositor_update_band(guest->compositor);
		compositor_update_pointer(guest->compositor);
	}
}

static void drop_source(struct guest *guest)
{
	struct source *source = guest->source;

	if (!source)
		return;
	/* Forget the borrowed picture before it goes. */
	guest->source = NULL;
	guest->width = guest->height = 0;
	picture_changed(guest);
	source_destroy(source);
}

static void lose_focus(struct guest *guest)
{
	seat_gone(guest->compositor->seat, guest->dest);
	compositor_seat_settle(guest->compositor);
}

static void on_closed(void *data, const GError *reason)
{
	struct guest *guest = data;
	char *why = timeline_string(reason->message);

	/* A head that just ends does so with its guest. */
	if (!g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED))
		g_printerr("mullion-display: the picture of '%s' ended: %s\n", guest->label,
			   reason->message);
	timeline_add(guest->compositor->timeline, "head-closed", "\"guest\": \"%s\", \"why\": %s",
		     guest->id, why);
	g_free(why);
	drop_source(guest);
	lose_focus(guest);
}

static const struct source_ops guest_source_ops = {
	.scanout = on_scanout,
	.frame = on_frame,
	.cursor = on_cursor,
	.leds = on_leds,
	.caps = on_caps,
	.closed = on_closed,
};

static gboolean check_guest(const char *id, unsigned slot, const char *label, unsigned colour,
			    const char *state, GError **error)
{
	const char *wrong = NULL;

	if (!g_uuid_string_is_valid(id))
		wrong = "id: not a UUID";
	else if (slot > MAX_SLOT)
		wrong = "slot: 0..9 are possible";
	else if (!g_utf8_validate(label, -1, NULL) || g_utf8_strlen(label, -1) > MAX_LABEL ||
		 !*label)
		wrong = "label: 1..64 characters of UTF-8 are possible";
	else if (colour > 0xffffff)
		wrong = "colour: 0x000000..0xffffff are possible";
	else if (!g_strv_contains(known_states, state))
		wrong = "state: off, running, paused, sleeping and crashed are known";
	if (wrong)
		g_set_error_literal(error, COMPOSITOR_ERROR, COMPOSITOR_ERROR_INVALID_ARGUMENT,
				    wrong);
	return !wrong;
}

static struct guest *guest_create(struct compositor *compositor, const char *id, GError **error)
{
	unsigned dest = 1;
	struct guest *guest;

	while (dest < SEAT_MAX_DEST && compositor->guests[dest])
		dest++;
	if (dest == SEAT_MAX_DEST) {
		g_set_error(error, COMPOSITOR_ERROR, COMPOSITOR_ERROR_FAILED,
			    "more than %u guests cannot be shown", SEAT_MAX_DEST - 1);
		return NULL;
	}
	guest = g_new0(struct guest, 1);
	guest->compositor = compositor;
	guest->dest = dest;
	guest->id = g_strdup(id);
	compositor->guests[dest] = guest;
	return guest;
}

gboolean compositor_set_guest(struct compositor *compositor, const char *untrusted_id,
			      unsigned untrusted_slot, const char *untrusted_label,
			      unsigned untrusted_colour, const char *untrusted_state,
			      GError **error)
{
	struct guest *guest, *other;

	if (!check_guest(untrusted_id, untrusted_slot, untrusted_label, untrusted_colour,
			 untrusted_state, error))
		return FALSE;
	other = untrusted_slot ? guests_by_slot(compositor, untrusted_slot) : NULL;
	if (other && strcmp(other->id, untrusted_id) != 0) {
		g_set_error(error, COMPOSITOR_ERROR, COMPOSITOR_ERROR_INVALID_ARGUMENT,
			    "slot %u belongs to '%s' already", untrusted_slot, other->label);
		return FALSE;
	}
	guest = guests_find(compositor, untrusted_id);
	if (!guest)
		guest = guest_create(compositor, untrusted_id, error);
	if (!guest)
		return FALSE;
	guest->slot = untrusted_slot;
	guest->colour = untrusted_colour;
	g_free(guest->label);
	guest->label = g_strdup(untrusted_label);
	g_free(guest->state);
	guest->state = g_strdup(untrusted_state);
	timeline_add(compositor->timeline, "guest",
		     "\"guest\": \"%s\", \"slot\": %u, \"state\": \"%s\"", guest->id, guest->slot,
		     guest->state);
	if (strcmp(guest->state, "running") != 0 && strcmp(guest->state, "paused") != 0)
		lose_focus(guest);
	if (is_focused(guest))
		compositor_update_band(compositor);
	compositor_update_switcher(compositor);
	return TRUE;
}

static struct guest *find_or_error(struct compositor *compositor, const char *id, GError **error)
{
	struct guest *guest = guests_find(compositor, id);

	if (!guest)
		g_set_error(error, COMPOSITOR_ERROR, COMPOSITOR_ERROR_NOT_FOUND,
			    "the display knows no guest %.64s", id);
	return guest;
}

static void guest_destroy(struct guest *guest)
{
	struct compositor *compositor = guest->compositor;

	drop_source(guest);
	lose_focus(guest);
	compositor->guests[guest->dest] = NULL;
	compositor_update_switcher(compositor);
	g_free(guest->id);
	g_free(guest->label);
	g_free(guest->state);
	g_free(guest);
}

gboolean compositor_remove_guest(struct compositor *compositor, const char *id, GError **error)
{
	struct guest *guest = find_or_error(compositor, id, error);

	if (guest)
		guest_destroy(guest);
	return guest != NULL;
}

void guests_destroy_all(struct compositor *compositor)
{
	for (unsigned i = 1; i < SEAT_MAX_DEST; i++)
		if (compositor->guests[i])
			guest_destroy(compositor->guests[i]);
}

gboolean compositor_attach_head(struct compositor *compositor, const char *id, int fd,
				GError **error)
{
	struct guest *guest = find_or_error(compositor, id, error);
	bool focused = guest && is_focused(guest);

	if (!guest) {
		close(fd);
		return FALSE;
	}
	if (guest->source) {
		/* A new head for the same guest: what the old one had down is forgotten. */
		drop_source(guest);
		lose_focus(guest);
	}
	guest->source = source_create(fd, &guest_source_ops, guest);
	if (focused) /* the user keeps looking at the same guest */
		seat_focus(compositor->seat, guest->dest);
	compositor_seat_settle(compositor);
	timeline_add(compositor->timeline, "head", "\"guest\": \"%s\"", guest->id);
	return TRUE;
}

gboolean compositor_focus(struct compositor *compositor, const char *id, GError **error)
{
	struct guest *guest;

	if (!*id) {
		seat_focus(compositor->seat, SEAT_PANEL);
		compositor_seat_settle(compositor);
		return TRUE;
	}
	guest = find_or_error(compositor, id, error);
	if (!guest)
		return FALSE;
	if (!guest->source) {
		g_set_error(error, COMPOSITOR_ERROR, COMPOSITOR_ERROR_NOT_AVAILABLE,
			    "'%s' has no picture (it is %s); start it first", guest->label,
			    guest->state);
		return FALSE;
	}
	seat_focus(compositor->seat, guest->dest);
	compositor_seat_settle(compositor);
	return TRUE;
}

gboolean compositor_thumbnail(struct compositor *compositor, const char *id, unsigned max_width,
			      unsigned max_height, pixman_image_t **image, GError **error)
{
	struct guest *guest = find_or_error(compositor, id, error);
	pixman_image_t *picture = guest && guest->source ? source_image(guest->source) : NULL;
	struct placement place;
	pixman_region32_t all;

	*image = NULL;
	if (!guest)
		return FALSE;
	if (!picture)
		return TRUE;
	if (!max_width || !max_height) {
		max_width = (unsigned)pixman_image_get_width(picture);
		max_height = (unsigned)pixman_image_get_height(picture);
	}
	place = placement_fit(&(pixman_box32_t){0, 0, (int)max_width, (int)max_height},
			      (unsigned)pixman_image_get_width(picture),
			      (unsigned)pixman_image_get_height(picture));
	place.x = place.y = 0;
	*image = pixman_image_create_bits(PIXMAN_x8r8g8b8, place.width, place.height, NULL,
					  place.width * 4);
	if (!*image) {
		g_set_error(error, COMPOSITOR_ERROR, COMPOSITOR_ERROR_FAILED,
			    "no memory for a picture of %dx%d", place.width, place.height);
		return FALSE;
	}
	pixman_region32_init_rect(&all, 0, 0, (unsigned)place.width, (unsigned)place.height);
	scene_composite(*image, &all, picture, &place);
	pixman_region32_fini(&all);
	return TRUE;
}
