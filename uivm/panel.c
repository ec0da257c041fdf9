/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See panel.h: the window, its pages, its keys, and what the two services report. */
#include "panel-private.h"

static void add_class(GtkWidget *widget, const char *class)
{
	gtk_style_context_add_class(gtk_widget_get_style_context(widget), class);
}

/* --- pages and notices --- */

void panel_show_page(struct panel *panel, GtkWidget *page)
{
	gtk_stack_set_visible_child(GTK_STACK(panel->stack), page);
	gtk_widget_set_sensitive(panel->new_button,
				 panel->control_up && page != wizard_widget(panel->wizard));
	gtk_widget_set_visible(panel->hints, page == panel->guests_page);
	panel_update_thumbnails(panel);
}

/* The page that lists the guests, or says why there are none. */
void panel_show_guests(struct panel *panel)
{
	g_autoptr(GList) selected = NULL;
	struct card *card;
	bool stays;

	if (!panel->ever_listed) {
		panel_show_page(panel, panel->offline_page);
		return;
	}
	if (panel->guest_count == 0) {
		panel_show_page(panel, panel->empty_page);
		gtk_widget_child_focus(panel->empty_page, GTK_DIR_TAB_FORWARD);
		return;
	}
	stays = gtk_stack_get_visible_child(GTK_STACK(panel->stack)) == panel->guests_page &&
		gtk_window_get_focus(GTK_WINDOW(panel->window));
	panel_show_page(panel, panel->guests_page);
	card = panel->select_id ? panel_find(panel, panel->select_id) : NULL;
	if (card) {
		g_clear_pointer(&panel->select_id, g_free);
	} else if (stays) {
		return; /* whatever the user is at */
	} else {
		selected = gtk_flow_box_get_selected_children(GTK_FLOW_BOX(panel->cards));
		card = selected ? card_from_widget(selected->data) : panel_card_at(panel, 0);
	}
	panel_select(panel, card);
}

/* In the middle of something, the page is not taken away. */
static bool on_own_page(struct panel *panel)
{
	GtkWidget *page = gtk_stack_get_visible_child(GTK_STACK(panel->stack));

	return page == wizard_widget(panel->wizard) || page == ask_widget(panel->ask);
}

void panel_show_error(struct panel *panel, const char *message)
{
	g_autofree char *text = g_strdup(message);

	/* a sentence, whoever wrote it */
	if (g_ascii_islower(text[0]))
		text[0] = g_ascii_toupper(text[0]);
	gtk_label_set_text(GTK_LABEL(panel->error_text), text);
	gtk_widget_show(panel->error_bar);
	atk_object_set_name(gtk_widget_get_accessible(panel->error_bar), text);
}

void panel_hide_error(struct panel *panel)
{
	gtk_widget_hide(panel->error_bar);
}

static void error_response(GtkInfoBar *bar, gint response, void *data)
{
	(void)bar, (void)response;
	panel_hide_error(data);
	if (!on_own_page(data))
		panel_show_guests(data);
}

static void update_status(struct panel *panel)
{
	const char *text = NULL;

	if (panel->ever_listed && !panel->control_up)
		text = "Mullion's control service is not running. Guests go on; they cannot be "
		       "started or changed until it is back. Trying again every second.";
	else if (panel->control_up && !panel->display_up)
		text = "Mullion's screen service is not running: no live pictures and no "
		       "switching to guests until it is back. Trying again every second.";
	if (text)
		gtk_label_set_text(GTK_LABEL(panel->status_text), text);
	gtk_widget_set_visible(panel->status_bar, text != NULL);
	gtk_widget_set_sensitive(panel->cards, panel->control_up);
	gtk_widget_set_sensitive(panel->new_button, panel->control_up);
}

/* --- what the services report --- */

static void on_guests(void *data, GPtrArray *guests)
{
	struct panel *panel = data;
	g_autofree char *count = NULL;
	unsigned up;

	panel->ever_listed = true;
	up = panel_update_cards(panel, guests);
	count = guests->len == 0 ? g_strdup("") : g_strdup_printf("%u of %u on", up, guests->len);
	gtk_label_set_text(GTK_LABEL(panel->count), count);
	update_status(panel);
	if (!on_own_page(panel))
		panel_show_guests(panel);
}

static void on_control(void *data, bool reachable)
{
	struct panel *panel = data;

	panel->control_up = reachable;
	update_status(panel);
	if (!reachable && !on_own_page(panel))
		panel_show_guests(panel);
}

static void on_display(void *data, bool reachable)
{
	struct panel *panel = data;

	panel->display_up = reachable;
	update_status(panel);
	panel_update_thumbnails(panel);
}

static void on_focused(void *data, const char *id)
{
	struct panel *panel = data;

	panel->in_focus = *id == '\0';
	panel_update_thumbnails(panel);
}

static void open_wizard(struct panel *panel, const char *untrusted_path)
{
	if (!panel->control_up)
		return;
	panel_hide_error(panel);
	if (gtk_stack_get_visible_child(GTK_STACK(panel->stack)) == ask_widget(panel->ask))
		ask_cancel(panel->ask);
	panel_show_page(panel, wizard_widget(panel->wizard));
	wizard_begin(panel->wizard, untrusted_path);
}

static void on_dropped(void *data, const char *untrusted_path)
{
	open_wizard(data, untrusted_path);
}

static void on_problem(void *data, const char *id, const char *message)
{
	struct panel *panel = data;
	struct card *card = *id ? panel_find(panel, id) : NULL;
	g_autofree char *text = card ? g_strdup_printf("%s: %s", card_guest(card)->label, message)
				     : g_strdup(message);

	panel_show_error(panel, text);
}

static const struct service_ops service_ops = {
	.guests = on_guests,
	.control = on_control,
	.display = on_display,
	.focused = on_focused,
	.dropped = on_dropped,
	.problem = on_problem,
};

/* --- what the user does --- */

static void new_clicked(GtkButton *button, void *data)
{
	(void)button;
	open_wizard(data, NULL);
}

static void wizard_create_asked(void *data, GVariant *spec, bool start)
{
	panel_create_guest(data, spec, start);
}

static void page_left(void *data)
{
	panel_hide_error(data);
	panel_show_guests(data);
}

static void wizard_refused(void *data, const char *message)
{
	panel_show_error(data, message);
}

static const struct wizard_ops wizard_ops = {
	.create = wizard_create_asked,
	.left = page_left,
	.refused = wizard_refused,
};

static void ask_left(void *data)
{
	panel_show_guests(data);
}

/* After the widgets: only keys that none of them wanted. */
static gboolean key_pressed(GtkWidget *window, GdkEventKey *event, void *data)
{
	struct panel *panel = data;
	GtkWidget *page = gtk_stack_get_visible_child(GTK_STACK(panel->stack));
	GdkModifierType modifiers = event->state & gtk_accelerator_get_default_mod_mask();
	struct card *card = panel_selected(panel);

	(void)window;
	if (modifiers == GDK_CONTROL_MASK && (event->keyval == GDK_KEY_n)) {
		open_wizard(panel, NULL);
	} else if (modifiers) {
		return FALSE;
	} else if (event->keyval == GDK_KEY_Escape) {
		if (page == wizard_widget(panel->wizard))
			wizard_back(panel->wizard);
		else if (page == ask_widget(panel->ask))
			ask_cancel(panel->ask);
		else
			panel_hide_error(panel);
	} else if ((event->keyval == GDK_KEY_F10 || event->keyval == GDK_KEY_Menu) && card) {
		card_open_menu(card);
	} else if (page == panel->guests_page && panel->control_up && event->keyval >= GDK_KEY_1 &&
		   event->keyval <= GDK_KEY_9) {
		panel_open_slot(panel, event->keyval - GDK_KEY_0);
	} else {
		return FALSE;
	}
	return TRUE;
}

static gboolean window_map_changed(GtkWidget *window, GdkEvent *event, void *data)
{
	struct panel *panel = data;

	(void)window;
	if (event->type == GDK_WINDOW_STATE)
		panel->mapped = !(event->window_state.new_window_state &
				  (GDK_WINDOW_STATE_WITHDRAWN | GDK_WINDOW_STATE_ICONIFIED));
	panel_update_thumbnails(panel);
	return FALSE;
}

static void files_dropped(GtkWidget *widget, GdkDragContext *context, gint x, gint y,
			  GtkSelectionData *selection, guint info, guint time, void *data)
{
	g_auto(GStrv) uris = gtk_selection_data_get_uris(selection);
	g_autofree char *path = uris && uris[0] ? g_filename_from_uri(uris[0], NULL, NULL) : NULL;

	(void)widget, (void)context, (void)x, (void)y, (void)info, (void)time;
	if (path)
		open_wizard(data, path);
}

/* --- building --- */

static GtkWidget *make_label(GtkWidget *box, const char *text, const char *class)
{
	GtkWidget *label = gtk_label_new(text);

	gtk_label_set_line_wrap(GTK_LABEL(label), TRUE);
	gtk_label_set_max_width_chars(GTK_LABEL(label), 60);
	if (class)
		add_class(label, class);
	gtk_box_pack_start(GTK_BOX(box), label, FALSE, FALSE, 0);
	return label;
}

static GtkWidget *make_header(struct panel *panel)
{
	GtkWidget *header = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 12);

	add_class(header, "panel-header");
	make_label(header, "Guests", "panel-title");
	panel->count = make_label(header, "", "dim");
	panel->new_button = gtk_button_new_with_mnemonic("_New guest");
	gtk_widget_set_tooltip_text(panel->new_button, "Ctrl+N");
	add_class(panel->new_button, "suggested-action");
	g_signal_connect(panel->new_button, "clicked", G_CALLBACK(new_clicked), panel);
	gtk_box_pack_end(GTK_BOX(header), panel->new_button, FALSE, FALSE, 0);
	return header;
}

static GtkWidget *make_hints(void)
{
	static const char *const hints[][2] = {
		{"Enter", "open or start"},  {"Ctrl+Alt+1…9", "to a guest"},
		{"Ctrl+Alt+0", "back here"}, {"Ctrl+Alt (held)", "switcher"},
		{"Ctrl+N", "new guest"},     {"F10", "more"},
	};
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 8), *label;
	GtkWidget *view = gtk_scrolled_window_new(NULL, NULL);

	/* on a narrow screen the last ones are out of sight, and nothing is made wider by them */
	gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(view), GTK_POLICY_EXTERNAL,
				       GTK_POLICY_NEVER);
	gtk_container_add(GTK_CONTAINER(view), box);
	add_class(box, "panel-hints");
	for (size_t i = 0; i < G_N_ELEMENTS(hints); i++) {
		label = make_label(box, hints[i][0], "keycap");
		gtk_label_set_line_wrap(GTK_LABEL(label), FALSE);
		label = make_label(box, hints[i][1], NULL);
		gtk_label_set_line_wrap(GTK_LABEL(label), FALSE);
		gtk_widget_set_margin_end(label, 12);
	}
	return view;
}

static GtkWidget *make_bar(GtkMessageType type, GtkWidget **text)
{
	GtkWidget *bar = gtk_info_bar_new();

	gtk_info_bar_set_message_type(GTK_INFO_BAR(bar), type);
	*text = gtk_label_new(NULL);
	gtk_label_set_line_wrap(GTK_LABEL(*text), TRUE);
	gtk_label_set_xalign(GTK_LABEL(*text), 0);
	gtk_label_set_selectable(GTK_LABEL(*text), FALSE);
	gtk_box_pack_start(GTK_BOX(gtk_info_bar_get_content_area(GTK_INFO_BAR(bar))), *text, TRUE,
			   TRUE, 0);
	gtk_widget_show(*text);
	gtk_widget_set_no_show_all(bar, TRUE);
	return bar;
}

static GtkWidget *make_message_page(const char *title, const char *text)
{
	GtkWidget *page = gtk_box_new(GTK_ORIENTATION_VERTICAL, 14);

	gtk_widget_set_halign(page, GTK_ALIGN_CENTER);
	gtk_widget_set_valign(page, GTK_ALIGN_CENTER);
	make_label(page, title, "page-title");
	gtk_label_set_justify(GTK_LABEL(make_label(page, text, "dim")), GTK_JUSTIFY_CENTER);
	return page;
}

static void make_pages(struct panel *panel)
{
	GtkWidget *button = gtk_button_new_with_mnemonic("_Create a guest");

	panel->stack = gtk_stack_new();
	panel_make_cards(panel);
	panel->empty_page = make_message_page(
		"No guests yet", "A guest is a whole computer of its own: its own system, screen "
				 "and disk. Make one from an installer (ISO) or from a disk that "
				 "you have, or drop such a file on this window.");
	add_class(button, "suggested-action");
	gtk_widget_set_halign(button, GTK_ALIGN_CENTER);
	g_signal_connect(button, "clicked", G_CALLBACK(new_clicked), panel);
	gtk_box_pack_start(GTK_BOX(panel->empty_page), button, FALSE, FALSE, 6);
	panel->offline_page = make_message_page(
		"Looking for Mullion's control service",
		"It is not answering yet. This page goes by itself when it does. If it stays: the "
		"service is mullion-control, and “mullion desktop” starts it with all the rest.");

	panel->ask = ask_create(ask_left, panel);
	panel->wizard = wizard_create(&wizard_ops, panel);
	gtk_container_add(GTK_CONTAINER(panel->stack), panel->offline_page);
	gtk_container_add(GTK_CONTAINER(panel->stack), panel->empty_page);
	gtk_container_add(GTK_CONTAINER(panel->stack), panel->guests_page);
	gtk_container_add(GTK_CONTAINER(panel->stack), ask_widget(panel->ask));
	gtk_container_add(GTK_CONTAINER(panel->stack), wizard_widget(panel->wizard));
}

static void make_window(struct panel *panel)
{
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);

	panel->window = gtk_window_new(GTK_WINDOW_TOPLEVEL);
	gtk_window_set_title(GTK_WINDOW(panel->window), "Mullion");
	gtk_window_set_default_size(GTK_WINDOW(panel->window), 1100, 720);
	if (!panel->stand_alone) {
		gtk_window_set_decorated(GTK_WINDOW(panel->window), FALSE);
		gtk_window_maximize(GTK_WINDOW(panel->window));
	}
	panel->error_bar = make_bar(GTK_MESSAGE_ERROR, &panel->error_text);
	gtk_info_bar_set_show_close_button(GTK_INFO_BAR(panel->error_bar), TRUE);
	g_signal_connect(panel->error_bar, "response", G_CALLBACK(error_response), panel);
	panel->status_bar = make_bar(GTK_MESSAGE_WARNING, &panel->status_text);
	make_pages(panel);
	gtk_box_pack_start(GTK_BOX(box), make_header(panel), FALSE, FALSE, 0);
	gtk_box_pack_start(GTK_BOX(box), panel->status_bar, FALSE, FALSE, 0);
	gtk_box_pack_start(GTK_BOX(box), panel->error_bar, FALSE, FALSE, 0);
	gtk_box_pack_start(GTK_BOX(box), panel->stack, TRUE, TRUE, 0);
	panel->hints = make_hints();
	gtk_box_pack_end(GTK_BOX(box), panel->hints, FALSE, FALSE, 0);
	gtk_container_add(GTK_CONTAINER(panel->window), box);

	gtk_drag_dest_set(panel->window, GTK_DEST_DEFAULT_ALL, NULL, 0, GDK_ACTION_COPY);
	gtk_drag_dest_add_uri_targets(panel->window);
	g_signal_connect(panel->window, "drag-data-received", G_CALLBACK(files_dropped), panel);
	g_signal_connect_after(panel->window, "key-press-event", G_CALLBACK(key_pressed), panel);
	g_signal_connect(panel->window, "window-state-event", G_CALLBACK(window_map_changed),
			 panel);
	g_signal_connect(panel->window, "destroy", G_CALLBACK(gtk_main_quit), NULL);
	gtk_widget_show_all(panel->window);
}

struct panel *panel_create(const char *control_socket, const char *display_socket, bool stand_alone)
{
	struct panel *panel = g_new0(struct panel, 1);

	panel->stand_alone = stand_alone;
	panel->mapped = true;
	make_window(panel);
	panel_show_guests(panel);
	update_status(panel);
	panel->service = service_create(control_socket, display_socket, &service_ops, panel);
	return panel;
}

void panel_destroy(struct panel *panel)
{
	if (!panel)
		return;
	service_destroy(panel->service);
	if (panel->thumbnail_timer)
		g_source_remove(panel->thumbnail_timer);
	if (panel->fit_idle)
		g_source_remove(panel->fit_idle);
	g_free(panel->select_id);
	g_free(panel);
}
