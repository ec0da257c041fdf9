/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page of cards: one for each guest, in the order of their slots, in as many columns as fit.
 */
#include "panel-private.h"

#include <string.h>

#define CARD_ROOM    (CARD_PICTURE_WIDTH + 12 + 12) /* with its frame and the gap to the next */
#define CARDS_MARGIN 48

static void find_card(GtkWidget *child, void *data)
{
	void **search = data;
	struct card *card = card_from_widget(child);

	if (strcmp(card_guest(card)->id, search[0]) == 0)
		search[1] = card;
}

struct card *panel_find(struct panel *panel, const char *id)
{
	void *search[2] = {(void *)id, NULL};

	gtk_container_foreach(GTK_CONTAINER(panel->cards), find_card, search);
	return search[1];
}

struct card *panel_selected(struct panel *panel)
{
	GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(panel->window));
	GtkWidget *child = focus ? gtk_widget_get_ancestor(focus, GTK_TYPE_FLOW_BOX_CHILD) : NULL;

	return child ? card_from_widget(child) : NULL;
}

void panel_select(struct panel *panel, struct card *card)
{
	gtk_flow_box_select_child(GTK_FLOW_BOX(panel->cards),
				  GTK_FLOW_BOX_CHILD(card_widget(card)));
	gtk_widget_grab_focus(card_widget(card));
}

static void card_acted_on(void *data, struct card *card, enum card_action action)
{
	panel_act(data, card_guest(card), action);
}

static gint compare_cards(GtkFlowBoxChild *a, GtkFlowBoxChild *b, void *data)
{
	(void)data;
	return (gint)card_place(card_from_widget(GTK_WIDGET(a))) -
	       (gint)card_place(card_from_widget(GTK_WIDGET(b)));
}

static void card_activated(GtkFlowBox *box, GtkFlowBoxChild *child, void *data)
{
	(void)box;
	panel_open(data, card_guest(card_from_widget(GTK_WIDGET(child))));
}

struct card *panel_card_at(struct panel *panel, int place)
{
	GtkFlowBoxChild *child = gtk_flow_box_get_child_at_index(GTK_FLOW_BOX(panel->cards), place);

	return child ? card_from_widget(GTK_WIDGET(child)) : NULL;
}

/* Arrow keys go from card to card. GtkFlowBox would go into the card, to its buttons; Tab does
 * that. */
static void cursor_moved(GtkFlowBox *box, GtkMovementStep step, gint count, void *data)
{
	struct panel *panel = data;
	struct card *card = panel_selected(panel);
	int columns = (int)gtk_flow_box_get_max_children_per_line(box);
	int place = card ? (int)card_place(card) : 0;

	g_signal_stop_emission_by_name(box, "move-cursor");
	if (step == GTK_MOVEMENT_BUFFER_ENDS)
		count *= (int)panel->guest_count;
	else if (step != GTK_MOVEMENT_VISUAL_POSITIONS && step != GTK_MOVEMENT_LOGICAL_POSITIONS)
		count *= columns;
	place = CLAMP(place + count, 0, (int)panel->guest_count - 1);
	card = panel_card_at(panel, place);
	if (card)
		panel_select(panel, card);
}

/*
 * As many columns as fit, centred. GtkFlowBox alone does one or the other: centred, it asks for its
 * least number of columns, so that number is kept at what fits.
 */
static gboolean fit_columns(void *data)
{
	struct panel *panel = data;
	int room = (gtk_widget_get_allocated_width(panel->guests_page) - CARDS_MARGIN) / CARD_ROOM;
	guint columns = (guint)CLAMP(room, 1, MAX((int)panel->guest_count, 1));

	panel->fit_idle = 0;
	gtk_flow_box_set_max_children_per_line(GTK_FLOW_BOX(panel->cards), columns);
	gtk_flow_box_set_min_children_per_line(GTK_FLOW_BOX(panel->cards), columns);
	return G_SOURCE_REMOVE;
}

static void schedule_fit(struct panel *panel)
{
	if (!panel->fit_idle)
		panel->fit_idle =
			g_idle_add_full(GTK_PRIORITY_RESIZE - 1, fit_columns, panel, NULL);
}

static void guests_allocated(GtkWidget *page, GdkRectangle *rect, void *data)
{
	struct panel *panel = data;

	(void)page;
	if (rect->width != panel->fitted_width)
		schedule_fit(panel);
	panel->fitted_width = rect->width;
}

static void remove_gone(GtkWidget *child, void *data)
{
	GPtrArray *guests = data;
	struct card *card = card_from_widget(child);
	const char *id = g_object_get_data(G_OBJECT(child), "mullion-id");

	for (guint i = 0; i < guests->len; i++) {
		const struct guest *guest = g_ptr_array_index(guests, i);

		if (strcmp(guest->id, id) == 0) {
			card_update(card, guest, i);
			return;
		}
	}
	gtk_widget_destroy(child);
}

unsigned panel_update_cards(struct panel *panel, GPtrArray *guests)
{
	unsigned up = 0;

	panel->guest_count = guests->len;
	gtk_container_foreach(GTK_CONTAINER(panel->cards), remove_gone, guests);
	for (guint i = 0; i < guests->len; i++) {
		const struct guest *guest = g_ptr_array_index(guests, i);
		struct card *card = panel_find(panel, guest->id);

		up += guest_is_up(guest);
		if (card)
			continue;
		card = card_create(card_acted_on, panel);
		g_object_set_data_full(G_OBJECT(card_widget(card)), "mullion-id",
				       g_strdup(guest->id), g_free);
		card_update(card, guest, i);
		gtk_container_add(GTK_CONTAINER(panel->cards), card_widget(card));
	}
	schedule_fit(panel);
	gtk_flow_box_invalidate_sort(GTK_FLOW_BOX(panel->cards));
	return up;
}

void panel_open_slot(struct panel *panel, unsigned slot)
{
	struct card *card;

	for (int place = 0; (card = panel_card_at(panel, place)); place++) {
		if (card_guest(card)->slot == slot) {
			panel_select(panel, card);
			panel_open(panel, card_guest(card));
		}
	}
}

void panel_make_cards(struct panel *panel)
{
	panel->cards = gtk_flow_box_new();
	gtk_flow_box_set_selection_mode(GTK_FLOW_BOX(panel->cards), GTK_SELECTION_BROWSE);
	gtk_flow_box_set_activate_on_single_click(GTK_FLOW_BOX(panel->cards), FALSE);
	gtk_flow_box_set_column_spacing(GTK_FLOW_BOX(panel->cards), 12);
	gtk_flow_box_set_row_spacing(GTK_FLOW_BOX(panel->cards), 12);
	gtk_flow_box_set_sort_func(GTK_FLOW_BOX(panel->cards), compare_cards, NULL, NULL);
	gtk_widget_set_halign(panel->cards, GTK_ALIGN_CENTER);
	gtk_widget_set_valign(panel->cards, GTK_ALIGN_START);
	atk_object_set_name(gtk_widget_get_accessible(panel->cards), "Guests");
	g_signal_connect(panel->cards, "child-activated", G_CALLBACK(card_activated), panel);
	g_signal_connect(panel->cards, "move-cursor", G_CALLBACK(cursor_moved), panel);
	panel->guests_page = gtk_scrolled_window_new(NULL, NULL);
	gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(panel->guests_page), GTK_POLICY_EXTERNAL,
				       GTK_POLICY_AUTOMATIC);
	gtk_container_add(GTK_CONTAINER(panel->guests_page), panel->cards);
	g_signal_connect(panel->guests_page, "size-allocate", G_CALLBACK(guests_allocated), panel);
}
