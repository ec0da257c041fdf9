/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compositor's painting side: keeps the scene and the damage, and paints at the output's
 * refreshes. With no damage no refresh is asked for.
 */
#include "compositor-private.h"

#include <gio/gio.h>

#include "mullion/display.h"

#define PANEL_LABEL   "Mullion"
#define PANEL_COLOUR  0x2b2f36
#define BAND_FLASH_MS 2000

G_DEFINE_QUARK(mullion - compositor - error, compositor_error)

static void schedule(struct compositor *compositor)
{
	if (compositor->output)
		compositor->output->impl->schedule_frame(compositor->output);
}

static void compositor_damage_region(struct compositor *compositor, const pixman_region32_t *damage)
{
	struct output *output = compositor->output;

	if (!output)
		return;
	pixman_region32_union(&compositor->damage, &compositor->damage,
			      (pixman_region32_t *)damage);
	pixman_region32_intersect_rect(&compositor->damage, &compositor->damage, 0, 0,
				       output->width, output->height);
	if (pixman_region32_not_empty(&compositor->damage))
		schedule(compositor);
}

void compositor_damage_box(struct compositor *compositor, const pixman_box32_t *box)
{
	pixman_region32_t region;

	if (box->x2 <= box->x1 || box->y2 <= box->y1)
		return;
	pixman_region32_init_with_extents(&region, (pixman_box32_t *)box);
	compositor_damage_region(compositor, &region);
	pixman_region32_fini(&region);
}

static void compositor_damage_all(struct compositor *compositor)
{
	if (compositor->output)
		compositor_damage_box(compositor,
				      &(pixman_box32_t){0, 0, (int)compositor->output->width,
							(int)compositor->output->height});
}

static void replace_image(pixman_image_t **slot, pixman_image_t *image)
{
	if (*slot)
		pixman_image_unref(*slot);
	*slot = image;
}

void compositor_update_content(struct compositor *compositor)
{
	struct scene *scene = &compositor->scene;
	struct guest *guest = guests_focused(compositor);
	unsigned area_width, area_height;

	if (!compositor->output)
		return;
	scene->area = (pixman_box32_t){0, 0, (int)compositor->output->width,
				       (int)compositor->output->height};
	if (!compositor->settings->band_auto_hide)
		scene->area.y1 = (int)compositor->settings->band_height;
	area_width = (unsigned)(scene->area.x2 - scene->area.x1);
	area_height = (unsigned)(scene->area.y2 - scene->area.y1);
	replace_image(&scene->notice, NULL);
	if (!guest)
		scene->content = panel_host_image(compositor->panel);
	else
		scene->content = guest->source ? source_image(guest->source) : NULL;
	if (scene->content) {
		scene->place = placement_fit(&scene->area,
					     (unsigned)pixman_image_get_width(scene->content),
					     (unsigned)pixman_image_get_height(scene->content));
	} else {
		char *text = g_strdup_printf("%s shows no picture now",
					     guest ? guest->label : PANEL_LABEL);

		scene->place = (struct placement){0};
		scene->notice = overlay_render_notice(text, area_width, area_height);
		g_free(text);
	}
	compositor_update_pointer(compositor);
	compositor_damage_all(compositor);
}

/* The first chord of an action as the user would read it, or NULL if it has none. */
static const char *chord_text(struct compositor *compositor, enum chord_action_type type,
			      unsigned slot, char *buf, size_t size)
{
	const struct chord_table *chords = &compositor->settings->chords;

	for (size_t i = 0; i < chords->count; i++) {
		const struct chord_action *action = &chords->chords[i].action;

		if (action->type != type || (type == CHORD_FOCUS_SLOT && action->slot != slot))
			continue;
		chord_format(&chords->chords[i], buf, size);
		return buf;
	}
	return NULL;
}

static char *band_hint(struct compositor *compositor, struct guest *guest)
{
	bool absolute;
	const char *text;
	char chord[64];

	if (!guest)
		return NULL;
	absolute = !guest->source || (source_caps(guest->source) & MULLION_CAP_POINTER_ABSOLUTE);
	if (!absolute && !compositor->pointer_grabbed)
		return g_strdup("click to use the pointer");
	text = chord_text(compositor, absolute ? CHORD_FOCUS_SLOT : CHORD_RELEASE_POINTER, 0, chord,
			  sizeof(chord));
	if (!text)
		return NULL;
	return g_strdup_printf(absolute ? "%s the panel" : "%s releases the pointer", text);
}

void compositor_update_band(struct compositor *compositor)
{
	struct scene *scene = &compositor->scene;
	struct guest *guest = guests_focused(compositor);
	char *hint;

	if (!compositor->output)
		return;
	scene->band_box = (pixman_box32_t){0, 0, (int)compositor->output->width,
					   (int)compositor->settings->band_height};
	replace_image(&scene->band, NULL);
	compositor_damage_box(compositor, &scene->band_box);
	if (compositor->settings->band_auto_hide && !compositor->band_shown &&
	    !compositor->switcher_shown)
		return;
	hint = band_hint(compositor, guest);
	scene->band = overlay_render_band(
		&(struct overlay_band){.label = guest ? guest->label : PANEL_LABEL,
				       .colour = guest ? guest->colour : PANEL_COLOUR,
				       .hint = hint,
				       .leds = compositor->leds},
		compositor->output->width, compositor->settings->band_height);
	g_free(hint);
}

static gboolean hide_band(gpointer data)
{
	struct compositor *compositor = data;

	compositor->band_timer = 0;
	compositor->band_shown = false;
	compositor_update_band(compositor);
	return G_SOURCE_REMOVE;
}

void compositor_flash_band(struct compositor *compositor)
{
	if (compositor->settings->band_auto_hide) {
		g_clear_handle_id(&compositor->band_timer, g_source_remove);
		compositor->band_timer = g_timeout_add(BAND_FLASH_MS, hide_band, compositor);
		compositor->band_shown = true;
	}
	compositor_update_band(compositor);
}

static void fill_switcher(struct compositor *compositor)
{
	struct overlay_switcher *switcher = &compositor->switcher;
	unsigned focused = seat_focused(compositor->seat);

	switcher->count = 0;
	for (unsigned slot = 0; slot < OVERLAY_MAX_TILES; slot++) {
		struct guest *guest = slot ? guests_by_slot(compositor, slot) : NULL;
		unsigned dest = guest ? guest->dest : SEAT_PANEL;
		struct overlay_tile *tile = &switcher->tiles[switcher->count];

		if (slot && !guest)
			continue;
		compositor->switcher_dest[switcher->count++] = dest;
		*tile = (struct overlay_tile){.label = guest ? guest->label : "Panel",
					      .state = guest ? guest->state : NULL,
					      .colour = guest ? guest->colour : PANEL_COLOUR,
					      .focused = dest == focused};
		if (!chord_text(compositor, CHORD_FOCUS_SLOT, slot, tile->chord,
				sizeof(tile->chord)))
			tile->chord[0] = '\0';
	}
}

static pixman_image_t *dest_image(struct compositor *compositor, unsigned dest)
{
	struct guest *guest = compositor->guests[dest];

	if (dest == SEAT_PANEL)
		return panel_host_image(compositor->panel);
	return guest && guest->source ? source_image(guest->source) : NULL;
}

static void update_thumbnail(struct compositor *compositor, unsigned tile)
{
	struct scene_thumbnail *thumbnail = &compositor->scene.thumbnails[tile];

	thumbnail->image = dest_image(compositor, compositor->switcher_dest[tile]);
	if (thumbnail->image)
		thumbnail->place =
			placement_fit(&compositor->switcher.tiles[tile].thumbnail,
				      (unsigned)pixman_image_get_width(thumbnail->image),
				      (unsigned)pixman_image_get_height(thumbnail->image));
}

void compositor_update_switcher(struct compositor *compositor)
{
	struct scene *scene = &compositor->scene;

	if (scene->switcher) {
		compositor_damage_box(compositor, &scene->switcher_box);
		replace_image(&scene->switcher, NULL);
		scene->thumbnail_count = 0;
	}
	if (!compositor->switcher_shown || !compositor->output)
		return;
	fill_switcher(compositor);
	overlay_layout_switcher(&compositor->switcher, &scene->area);
	scene->switcher = overlay_render_switcher(&compositor->switcher);
	scene->switcher_box = compositor->switcher.box;
	scene->thumbnail_count = compositor->switcher.count;
	for (unsigned i = 0; i < scene->thumbnail_count; i++)
		update_thumbnail(compositor, i);
	compositor_damage_box(compositor, &scene->switcher_box);
}

/* Pixels of a destination changed: damage them where they are shown, full size and as thumbnail. */
static void dest_frame(struct compositor *compositor, unsigned dest,
		       const pixman_region32_t *damage)
{
	struct scene *scene = &compositor->scene;
	pixman_region32_t mapped;

	pixman_region32_init(&mapped);
	if (dest == seat_focused(compositor->seat)) {
		pixman_image_t *image = dest_image(compositor, dest);

		if (!scene->content || !image ||
		    pixman_image_get_width(image) != scene->place.source_width ||
		    pixman_image_get_height(image) != scene->place.source_height) {
			compositor_update_content(compositor);
		} else {
			scene->content = image;
			placement_map_damage(&scene->place, damage, &mapped);
			compositor_damage_region(compositor, &mapped);
		}
	}
	for (unsigned i = 0; i < scene->thumbnail_count; i++) {
		if (compositor->switcher_dest[i] != dest)
			continue;
		update_thumbnail(compositor, i);
		placement_map_damage(&scene->thumbnails[i].place, damage, &mapped);
		compositor_damage_region(compositor, &mapped);
	}
	pixman_region32_fini(&mapped);
}

void compositor_guest_frame(struct guest *guest, const pixman_region32_t *damage)
{
	dest_frame(guest->compositor, guest->dest, damage);
}

static void panel_damage(void *data, const pixman_region32_t *damage)
{
	dest_frame(data, SEAT_PANEL, damage);
}

static void panel_pointer(void *data, pixman_image_t *image, int hot_x, int hot_y)
{
	struct compositor *compositor = data;

	compositor->panel_pointer = image;
	compositor->panel_pointer_hot_x = hot_x;
	compositor->panel_pointer_hot_y = hot_y;
	compositor_update_pointer(compositor);
}

static void run_waiters(struct compositor *compositor)
{
	GArray *waiters = compositor->waiters;

	compositor->waiters = g_array_new(FALSE, FALSE, sizeof(struct waiter));
	for (guint i = 0; i < waiters->len; i++) {
		struct waiter *waiter = &g_array_index(waiters, struct waiter, i);

		waiter->done(waiter->data);
	}
	g_array_unref(waiters);
}

void compositor_when_presented(struct compositor *compositor, void (*done)(void *data), void *data)
{
	struct waiter waiter = {.done = done, .data = data};

	g_array_append_val(compositor->waiters, waiter);
	if (!pixman_region32_not_empty(&compositor->damage))
		run_waiters(compositor);
}

void compositor_output_frame(void *data, uint64_t refresh)
{
	struct compositor *compositor = data;
	struct output *output = compositor->output;
	struct guest *guest = guests_focused(compositor);
	pixman_region32_t damage;
	uint64_t bytes;

	pixman_region32_init(&damage);
	pixman_region32_copy(&damage, &compositor->damage);
	pixman_region32_clear(&compositor->damage);
	bytes = scene_paint(&compositor->scene, output->target, &damage);
	output->impl->present(output, &damage);
	pixman_region32_fini(&damage);
	compositor->frames++;
	compositor->bytes_written += bytes;
	if (compositor->timeline) {
		char *shown = timeline_string(guest ? guest->id : "");

		timeline_add(compositor->timeline, "frame",
			     "\"refresh\": %" G_GUINT64_FORMAT
			     ", \"shows\": %s, \"bytes\": %" G_GUINT64_FORMAT,
			     refresh, shown, bytes);
		g_free(shown);
	}
	if (guest && guest->source)
		source_presented(guest->source);
	panel_host_presented(compositor->panel, (uint32_t)(g_get_monotonic_time() / 1000));
	run_waiters(compositor);
}

void compositor_output_resized(void *data)
{
	struct compositor *compositor = data;

	if (!compositor->output || !compositor->output->target)
		return;
	compositor_update_content(compositor);
	panel_host_resize(compositor->panel,
			  (unsigned)(compositor->scene.area.x2 - compositor->scene.area.x1),
			  (unsigned)(compositor->scene.area.y2 - compositor->scene.area.y1));
	compositor_update_content(compositor);
	compositor_update_band(compositor);
	compositor_update_switcher(compositor);
	timeline_add(compositor->timeline, "resize", "\"width\": %u, \"height\": %u",
		     compositor->output->width, compositor->output->height);
}

static void panel_leds(void *data, uint32_t leds)
{
	struct compositor *compositor = data;

	seat_set_leds(compositor->seat, SEAT_PANEL, leds);
	compositor_seat_settle(compositor);
}

static const struct panel_host_ops panel_ops = {
	.damage = panel_damage, .cursor = panel_pointer, .leds = panel_leds};

struct compositor *compositor_create(const struct settings *settings, struct timeline *timeline,
				     const struct compositor_ops *ops, void *data)
{
	struct compositor *compositor = g_new0(struct compositor, 1);

	compositor->settings = settings;
	compositor->timeline = timeline;
	compositor->ops = ops;
	compositor->data = data;
	compositor->seat = seat_create(&settings->chords, &compositor_seat_ops, compositor);
	compositor->arrow = overlay_render_arrow();
	compositor->waiters = g_array_new(FALSE, FALSE, sizeof(struct waiter));
	pixman_region32_init(&compositor->damage);
	return compositor;
}

gboolean compositor_start(struct compositor *compositor, struct output *output,
			  const char *panel_socket, GError **error)
{
	unsigned band =
		compositor->settings->band_auto_hide ? 0 : compositor->settings->band_height;

	compositor->output = output;
	compositor->panel = panel_host_create(panel_socket, output->width, output->height - band,
					      &panel_ops, compositor, error);
	if (!compositor->panel)
		return FALSE;
	panel_host_set_focus(compositor->panel, true);
	compositor_update_content(compositor);
	compositor_flash_band(compositor);
	return TRUE;
}

struct output *compositor_output(struct compositor *compositor)
{
	return compositor->output;
}

void compositor_destroy(struct compositor *compositor)
{
	if (!compositor)
		return;
	g_clear_handle_id(&compositor->seat_timer, g_source_remove);
	g_clear_handle_id(&compositor->mode_timer, g_source_remove);
	g_clear_handle_id(&compositor->band_timer, g_source_remove);
	guests_destroy_all(compositor);
	seat_destroy(compositor->seat);
	panel_host_destroy(compositor->panel);
	replace_image(&compositor->scene.notice, NULL);
	replace_image(&compositor->scene.band, NULL);
	replace_image(&compositor->scene.switcher, NULL);
	replace_image(&compositor->arrow, NULL);
	output_destroy(compositor->output);
	pixman_region32_fini(&compositor->damage);
	g_array_unref(compositor->waiters);
	g_free(compositor);
}

const char *compositor_focused(struct compositor *compositor)
{
	struct guest *guest = guests_focused(compositor);

	return guest ? guest->id : "";
}

char *compositor_describe(struct compositor *compositor)
{
	GString *out = g_string_new(NULL);
	const char *separator = "";

	g_string_append_printf(
		out,
		"{\"focused\": \"%s\", \"switcher\": %s, \"pointer_grabbed\": %s, \"leds\": %u, "
		"\"width\": %u, \"height\": %u, \"frames\": %" G_GUINT64_FORMAT
		", \"bytes\": %" G_GUINT64_FORMAT ", \"panel\": %s, \"guests\": [",
		compositor_focused(compositor), compositor->switcher_shown ? "true" : "false",
		compositor->pointer_grabbed ? "true" : "false", compositor->leds,
		compositor->output->width, compositor->output->height, compositor->frames,
		compositor->bytes_written,
		panel_host_has_client(compositor->panel) ? "true" : "false");
	for (unsigned i = 0; i < SEAT_MAX_DEST; i++) {
		struct guest *guest = compositor->guests[i];
		const struct source_stats *stats;
		char *label;

		if (!guest)
			continue;
		stats = guest->source ? source_stats(guest->source) : NULL;
		label = timeline_string(guest->label);
		g_string_append_printf(
			out,
			"%s{\"id\": \"%s\", \"slot\": %u, \"label\": %s, \"state\": \"%s\", "
			"\"head\": %s, \"width\": %u, \"height\": %u, \"absolute\": %s, "
			"\"frames\": %" G_GUINT64_FORMAT ", \"damage_pixels\": %" G_GUINT64_FORMAT
			"}",
			separator, guest->id, guest->slot, label, guest->state,
			stats ? "true" : "false", guest->width, guest->height,
			guest->source && (source_caps(guest->source) & MULLION_CAP_POINTER_ABSOLUTE)
				? "true"
				: "false",
			stats ? stats->frames : 0, stats ? stats->damage_pixels : 0);
		g_free(label);
		separator = ", ";
	}
	g_string_append(out, "]}");
	return g_string_free(out, FALSE);
}
