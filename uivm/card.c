/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See card.h. */
#include "card.h"

#include <string.h>

#include "card-picture.h"

struct card {
	GtkWidget *child; /* GtkFlowBoxChild */
	GtkWidget *picture_area, *name, *slot, *state, *facts, *start, *run, *stop, *snapshot,
		*menu;
	GSimpleActionGroup *actions;
	card_acted acted;
	void *data;
	const struct guest *guest;
	unsigned place;
	char *busy;
	cairo_surface_t *picture;
};

GtkWidget *card_widget(struct card *card)
{
	return card->child;
}

struct card *card_from_widget(GtkWidget *widget)
{
	return g_object_get_data(G_OBJECT(widget), "mullion-card");
}

const struct guest *card_guest(const struct card *card)
{
	return card->guest;
}

unsigned card_place(const struct card *card)
{
	return card->place;
}

static void set_accessible_name(GtkWidget *widget, const char *name)
{
	atk_object_set_name(gtk_widget_get_accessible(widget), name);
}

static void add_class(GtkWidget *widget, const char *class)
{
	gtk_style_context_add_class(gtk_widget_get_style_context(widget), class);
}

/* --- what the user does --- */

static void act(struct card *card, enum card_action action)
{
	card->acted(card->data, card, action);
}

static void start_clicked(GtkButton *button, void *data)
{
	(void)button;
	act(data, CARD_START);
}

static void run_clicked(GtkButton *button, void *data)
{
	struct card *card = data;

	(void)button;
	act(card, card->guest->state == GUEST_RUNNING ? CARD_PAUSE : CARD_RESUME);
}

static void stop_clicked(GtkButton *button, void *data)
{
	(void)button;
	act(data, CARD_STOP);
}

static void snapshot_clicked(GtkButton *button, void *data)
{
	(void)button;
	act(data, CARD_SNAPSHOT);
}

static void menu_revert(GSimpleAction *action, GVariant *parameter, void *data)
{
	(void)action, (void)parameter;
	act(data, CARD_REVERT);
}

static void menu_force_off(GSimpleAction *action, GVariant *parameter, void *data)
{
	(void)action, (void)parameter;
	act(data, CARD_FORCE_OFF);
}

static void menu_delete(GSimpleAction *action, GVariant *parameter, void *data)
{
	(void)action, (void)parameter;
	act(data, CARD_DELETE);
}

static const GActionEntry menu_actions[] = {
	{.name = "revert", .activate = menu_revert},
	{.name = "force-off", .activate = menu_force_off},
	{.name = "delete", .activate = menu_delete},
};

void card_open_menu(struct card *card)
{
	if (gtk_widget_is_sensitive(card->menu))
		gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(card->menu), TRUE);
}

/* --- drawing --- */

static gboolean picture_draw(GtkWidget *widget, cairo_t *cairo, void *data)
{
	struct card *card = data;

	if (card->guest)
		card_picture_draw(cairo, gtk_widget_get_allocated_width(widget),
				  gtk_widget_get_allocated_height(widget), card->picture,
				  card->guest);
	return TRUE;
}

void card_set_picture(struct card *card, unsigned width, unsigned height, const void *pixels,
		      size_t size)
{
	cairo_surface_t *picture = NULL;
	size_t row = (size_t)width * 4;

	if (width > 0 && height > 0 && width <= 1024 && height <= 1024 &&
	    size == row * (size_t)height) {
		picture = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width, (int)height);
		if (cairo_surface_status(picture) != CAIRO_STATUS_SUCCESS) {
			cairo_surface_destroy(picture);
			return;
		}
		for (unsigned y = 0; y < height; y++)
			memcpy(cairo_image_surface_get_data(picture) +
				       (size_t)y * (size_t)cairo_image_surface_get_stride(picture),
			       (const char *)pixels + y * row, row);
		cairo_surface_mark_dirty(picture);
	}
	/* A guest at rest costs no redraw. */
	if (picture && card->picture &&
	    cairo_image_surface_get_width(card->picture) == (int)width &&
	    cairo_image_surface_get_height(card->picture) == (int)height &&
	    memcmp(cairo_image_surface_get_data(card->picture),
		   cairo_image_surface_get_data(picture),
		   (size_t)cairo_image_surface_get_stride(picture) * height) == 0) {
		cairo_surface_destroy(picture);
		return;
	}
	if (!picture && !card->picture)
		return;
	g_clear_pointer(&card->picture, cairo_surface_destroy);
	card->picture = picture;
	gtk_widget_queue_draw(card->picture_area);
}

/* --- contents --- */

static void enable_menu_action(struct card *card, const char *name, bool enabled)
{
	GAction *action = g_action_map_lookup_action(G_ACTION_MAP(card->actions), name);

	g_simple_action_set_enabled(G_SIMPLE_ACTION(action), enabled);
}

static void show_state(struct card *card)
{
	GtkStyleContext *context = gtk_widget_get_style_context(card->state);
	const struct guest *guest = card->guest;
	g_autofree char *facts = guest_facts(guest);
	g_autofree char *slot = guest->slot ? g_strdup_printf("Ctrl+Alt+%u", guest->slot) : NULL;
	g_autofree char *words = NULL, *spoken = NULL;
	bool up = guest_is_up(guest);

	for (int state = 0; state < GUEST_STATES; state++)
		gtk_style_context_remove_class(context, guest_state_class((enum guest_state)state));
	gtk_style_context_add_class(context, guest_state_class(guest->state));
	words = card->busy ? g_strdup_printf("%s…", card->busy)
			   : g_strdup_printf("● %s", guest_state_words(guest->state));
	gtk_label_set_text(GTK_LABEL(card->state), words);
	gtk_label_set_text(GTK_LABEL(card->facts), facts);
	gtk_label_set_text(GTK_LABEL(card->slot), slot ? slot : "");
	gtk_widget_set_visible(card->slot, slot != NULL);

	gtk_widget_set_visible(card->start, !up);
	gtk_widget_set_visible(card->run, up);
	gtk_widget_set_visible(card->stop, up);
	gtk_button_set_label(GTK_BUTTON(card->run),
			     guest->state == GUEST_RUNNING ? "Pause" : "Resume");
	gtk_widget_set_sensitive(card->start, !card->busy);
	gtk_widget_set_sensitive(card->run, !card->busy);
	gtk_widget_set_sensitive(card->stop, !card->busy);
	gtk_widget_set_sensitive(card->snapshot, !card->busy);
	enable_menu_action(card, "revert", !card->busy && guest->snapshots[0]);
	/* also while it is being stopped: that is when it is wanted */
	enable_menu_action(card, "force-off", up);
	enable_menu_action(card, "delete", !card->busy);

	spoken = g_strdup_printf("%s, %s%s%s%s%s", guest->label,
				 card->busy ? card->busy : guest_state_words(guest->state),
				 slot ? ", " : "", slot ? slot : "", *facts ? ", " : "", facts);
	set_accessible_name(card->child, spoken);
}

/* What a screen reader says: the verb and whom it is about. */
static void name_control(struct card *card, GtkWidget *control, const char *verb)
{
	g_autofree char *name = g_strdup_printf("%s %s", verb, card->guest->label);

	set_accessible_name(control, name);
}

void card_update(struct card *card, const struct guest *guest, unsigned place)
{
	card->guest = guest;
	card->place = place;
	gtk_label_set_text(GTK_LABEL(card->name), guest->label);
	gtk_widget_set_tooltip_text(card->name, guest->name);
	name_control(card, card->picture_area, "Picture of");
	name_control(card, card->start, "Start");
	name_control(card, card->run, guest->state == GUEST_RUNNING ? "Pause" : "Resume");
	name_control(card, card->stop, "Stop");
	name_control(card, card->snapshot, "Take a snapshot of");
	name_control(card, card->menu, "More for");
	if (!guest_is_up(guest))
		card_set_picture(card, 0, 0, NULL, 0);
	show_state(card);
	gtk_widget_queue_draw(card->picture_area);
}

void card_set_busy(struct card *card, const char *words)
{
	g_free(card->busy);
	card->busy = g_strdup(words);
	show_state(card);
}

static void card_free(void *data)
{
	struct card *card = data;

	g_clear_pointer(&card->picture, cairo_surface_destroy);
	g_object_unref(card->actions);
	g_free(card->busy);
	g_free(card);
}

static GtkWidget *make_button(struct card *card, GtkWidget *box, const char *label,
			      void (*clicked)(GtkButton *, void *))
{
	GtkWidget *button = gtk_button_new_with_label(label);

	g_signal_connect(button, "clicked", G_CALLBACK(clicked), card);
	gtk_box_pack_start(GTK_BOX(box), button, FALSE, FALSE, 0);
	gtk_widget_set_no_show_all(button, TRUE);
	return button;
}

static GtkWidget *make_menu(void)
{
	GtkWidget *button = gtk_menu_button_new();
	GMenu *menu = g_menu_new();

	g_menu_append(menu, "_Revert to a snapshot…", "card.revert");
	g_menu_append(menu, "_Force off…", "card.force-off");
	g_menu_append(menu, "_Delete…", "card.delete");
	gtk_container_add(GTK_CONTAINER(button), gtk_label_new("⋯"));
	gtk_menu_button_set_menu_model(GTK_MENU_BUTTON(button), G_MENU_MODEL(menu));
	gtk_menu_button_set_direction(GTK_MENU_BUTTON(button), GTK_ARROW_DOWN);
	g_object_unref(menu);
	return button;
}

static GtkWidget *make_label(const char *class, GtkAlign align)
{
	GtkWidget *label = gtk_label_new(NULL);

	gtk_widget_set_halign(label, align);
	add_class(label, class);
	return label;
}

struct card *card_create(card_acted acted, void *data)
{
	struct card *card = g_new0(struct card, 1);
	GtkWidget *frame = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
	GtkWidget *body = gtk_box_new(GTK_ORIENTATION_VERTICAL, 4);
	GtkWidget *first = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 8);
	GtkWidget *second = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 10);
	GtkWidget *buttons = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);

	card->acted = acted;
	card->data = data;
	card->child = gtk_flow_box_child_new();
	g_object_set_data_full(G_OBJECT(card->child), "mullion-card", card, card_free);
	card->actions = g_simple_action_group_new();
	g_action_map_add_action_entries(G_ACTION_MAP(card->actions), menu_actions,
					G_N_ELEMENTS(menu_actions), card);
	gtk_widget_insert_action_group(card->child, "card", G_ACTION_GROUP(card->actions));

	add_class(frame, "card");
	card->picture_area = gtk_drawing_area_new();
	gtk_widget_set_size_request(card->picture_area, CARD_PICTURE_WIDTH, CARD_PICTURE_HEIGHT);
	g_signal_connect(card->picture_area, "draw", G_CALLBACK(picture_draw), card);
	gtk_box_pack_start(GTK_BOX(frame), card->picture_area, FALSE, FALSE, 0);

	add_class(body, "card-body");
	card->name = make_label("card-name", GTK_ALIGN_START);
	gtk_label_set_ellipsize(GTK_LABEL(card->name), PANGO_ELLIPSIZE_END);
	gtk_label_set_xalign(GTK_LABEL(card->name), 0);
	gtk_label_set_max_width_chars(GTK_LABEL(card->name), 24);
	card->slot = make_label("keycap", GTK_ALIGN_END);
	gtk_widget_set_valign(card->slot, GTK_ALIGN_CENTER);
	gtk_widget_set_no_show_all(card->slot, TRUE);
	gtk_box_pack_start(GTK_BOX(first), card->name, FALSE, FALSE, 0);
	gtk_box_pack_end(GTK_BOX(first), card->slot, FALSE, FALSE, 0);

	card->state = make_label("small", GTK_ALIGN_START);
	card->facts = make_label("small", GTK_ALIGN_END);
	add_class(card->facts, "dim");
	gtk_label_set_ellipsize(GTK_LABEL(card->facts), PANGO_ELLIPSIZE_END);
	gtk_box_pack_start(GTK_BOX(second), card->state, FALSE, FALSE, 0);
	gtk_box_pack_end(GTK_BOX(second), card->facts, FALSE, FALSE, 0);

	add_class(buttons, "card-buttons");
	gtk_widget_set_margin_top(buttons, 8);
	card->start = make_button(card, buttons, "Start", start_clicked);
	add_class(card->start, "suggested-action");
	card->run = make_button(card, buttons, "Pause", run_clicked);
	card->stop = make_button(card, buttons, "Stop", stop_clicked);
	card->snapshot = make_button(card, buttons, "Snapshot", snapshot_clicked);
	gtk_widget_show(card->snapshot);
	card->menu = make_menu();
	gtk_box_pack_end(GTK_BOX(buttons), card->menu, FALSE, FALSE, 0);

	gtk_box_pack_start(GTK_BOX(body), first, FALSE, FALSE, 0);
	gtk_box_pack_start(GTK_BOX(body), second, FALSE, FALSE, 0);
	gtk_box_pack_start(GTK_BOX(body), buttons, FALSE, FALSE, 0);
	gtk_box_pack_start(GTK_BOX(frame), body, FALSE, FALSE, 0);
	gtk_container_add(GTK_CONTAINER(card->child), frame);
	gtk_widget_set_valign(card->child, GTK_ALIGN_START);
	gtk_widget_show_all(card->child);
	return card;
}
