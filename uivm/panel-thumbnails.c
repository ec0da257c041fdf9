/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Live pictures on the cards: each running guest's is asked for once a second, but only while
 * someone can see the panel.
 */
#include "panel-private.h"

#define INTERVAL_MS 1000

struct request {
	struct panel *panel;
	char *id;
};

static void thumbnail_came(void *data, GVariant *result, const char *error)
{
	struct request *request = data;
	struct panel *panel = request->panel;
	struct card *card = panel_find(panel, request->id);
	g_autoptr(GVariant) pixels = NULL;
	guint32 width, height;
	gsize size;

	/* No picture now is nothing to tell: the card shows the guest's state anyway. */
	if (card && !error && g_variant_is_of_type(result, G_VARIANT_TYPE("(uuay)"))) {
		const void *bytes;

		g_variant_get(result, "(uu@ay)", &width, &height, &pixels);
		bytes = g_variant_get_fixed_array(pixels, &size, 1);
		card_set_picture(card, width, height, bytes, size);
	}
	panel->thumbnails_pending--;
	g_free(request->id);
	g_free(request);
}

static void ask_for(GtkWidget *child, void *data)
{
	struct panel *panel = data;
	const struct guest *guest = card_guest(card_from_widget(child));
	struct request *request;

	if (!guest_is_up(guest))
		return;
	request = g_new0(struct request, 1);
	request->panel = panel;
	request->id = g_strdup(guest->id);
	panel->thumbnails_pending++;
	service_display(panel->service, "Thumbnail",
			g_variant_new("(suu)", guest->id, CARD_PICTURE_WIDTH, CARD_PICTURE_HEIGHT),
			thumbnail_came, request);
}

static gboolean poll_thumbnails(void *data)
{
	struct panel *panel = data;

	/* A slow compositor is not asked faster than it answers. */
	if (panel->thumbnails_pending == 0)
		gtk_container_foreach(GTK_CONTAINER(panel->cards), ask_for, panel);
	return G_SOURCE_CONTINUE;
}

void panel_update_thumbnails(struct panel *panel)
{
	bool wanted = panel->mapped && panel->display_up &&
		      (panel->in_focus || panel->stand_alone) &&
		      gtk_stack_get_visible_child(GTK_STACK(panel->stack)) == panel->guests_page;

	if (wanted && !panel->thumbnail_timer) {
		panel->thumbnail_timer = g_timeout_add(INTERVAL_MS, poll_thumbnails, panel);
		poll_thumbnails(panel);
	} else if (!wanted && panel->thumbnail_timer) {
		g_source_remove(panel->thumbnail_timer);
		panel->thumbnail_timer = 0;
	}
}
