/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ask.h. */
#include "ask.h"

struct ask {
	GtkWidget *page, *title, *text, *entry_label, *entry, *choices, *accept, *cancel;
	void (*left)(void *data);
	void *left_data;
	ask_accepted accepted;
	void *data;
	GDestroyNotify destroy_data;
};

GtkWidget *ask_widget(struct ask *ask)
{
	return ask->page;
}

static void forget_question(struct ask *ask)
{
	if (ask->destroy_data)
		ask->destroy_data(ask->data);
	ask->destroy_data = NULL;
	ask->accepted = NULL;
	ask->data = NULL;
}

void ask_cancel(struct ask *ask)
{
	forget_question(ask);
	ask->left(ask->left_data);
}

static void cancel_clicked(GtkButton *button, void *data)
{
	(void)button;
	ask_cancel(data);
}

static const char *chosen(struct ask *ask)
{
	GtkListBoxRow *row = gtk_list_box_get_selected_row(GTK_LIST_BOX(ask->choices));

	return row ? gtk_label_get_text(GTK_LABEL(gtk_bin_get_child(GTK_BIN(row)))) : "";
}

static void accept_question(struct ask *ask)
{
	g_autofree char *answer = NULL;

	if (!ask->accepted || !gtk_widget_get_sensitive(ask->accept))
		return;
	if (gtk_widget_get_visible(ask->entry))
		answer = g_strstrip(g_strdup(gtk_entry_get_text(GTK_ENTRY(ask->entry))));
	else
		answer = g_strdup(gtk_widget_get_visible(ask->choices) ? chosen(ask) : "");
	ask->accepted(ask->data, answer);
	forget_question(ask);
	ask->left(ask->left_data);
}

static void accept_clicked(GtkButton *button, void *data)
{
	(void)button;
	accept_question(data);
}

static void entry_activated(GtkEntry *entry, void *data)
{
	(void)entry;
	accept_question(data);
}

static void row_activated(GtkListBox *box, GtkListBoxRow *row, void *data)
{
	struct ask *ask = data;

	(void)box, (void)row;
	gtk_widget_grab_focus(ask->accept);
}

static void entry_changed(GtkEditable *editable, void *data)
{
	struct ask *ask = data;
	g_autofree char *text = g_strstrip(g_strdup(gtk_entry_get_text(GTK_ENTRY(editable))));

	gtk_widget_set_sensitive(ask->accept, *text != '\0');
}

static void fill_choices(struct ask *ask, char *const *choices)
{
	g_autoptr(GList) old = gtk_container_get_children(GTK_CONTAINER(ask->choices));
	GtkListBoxRow *row = NULL;

	for (GList *at = old; at; at = at->next)
		gtk_widget_destroy(at->data);
	for (; choices && *choices; choices++) {
		GtkWidget *label = gtk_label_new(*choices);

		gtk_widget_set_halign(label, GTK_ALIGN_START);
		gtk_style_context_add_class(gtk_widget_get_style_context(label), "choice");
		gtk_list_box_insert(GTK_LIST_BOX(ask->choices), label, -1);
		row = GTK_LIST_BOX_ROW(gtk_widget_get_parent(label));
		atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(row)), *choices);
	}
	gtk_widget_show_all(ask->choices);
	gtk_list_box_select_row(GTK_LIST_BOX(ask->choices), row);
}

void ask_show(struct ask *ask, const struct ask_question *question, ask_accepted accepted,
	      void *data, GDestroyNotify destroy_data)
{
	GtkStyleContext *accept = gtk_widget_get_style_context(ask->accept);
	bool has_entry = question->entry_label, has_choices = question->choices;

	forget_question(ask);
	ask->accepted = accepted;
	ask->data = data;
	ask->destroy_data = destroy_data;
	gtk_label_set_text(GTK_LABEL(ask->title), question->title);
	gtk_label_set_text(GTK_LABEL(ask->text), question->text);
	gtk_widget_set_visible(ask->entry, has_entry);
	gtk_widget_set_visible(ask->entry_label, has_entry);
	gtk_widget_set_visible(ask->choices, has_choices);
	gtk_widget_set_sensitive(ask->accept, TRUE);
	if (has_entry) {
		gtk_label_set_text_with_mnemonic(GTK_LABEL(ask->entry_label),
						 question->entry_label);
		gtk_entry_set_text(GTK_ENTRY(ask->entry), question->entry_text);
	}
	if (has_choices)
		fill_choices(ask, question->choices);
	gtk_button_set_label(GTK_BUTTON(ask->accept), question->accept);
	gtk_style_context_remove_class(accept, "suggested-action");
	gtk_style_context_remove_class(accept, "destructive-action");
	gtk_style_context_add_class(accept, question->destructive ? "destructive-action"
								  : "suggested-action");
	/* What destroys is never one careless Enter away. */
	if (has_entry)
		gtk_widget_grab_focus(ask->entry);
	else if (has_choices)
		gtk_widget_grab_focus(
			GTK_WIDGET(gtk_list_box_get_selected_row(GTK_LIST_BOX(ask->choices))));
	else
		gtk_widget_grab_focus(question->destructive ? ask->cancel : ask->accept);
}

static void ask_free(void *data)
{
	struct ask *ask = data;

	forget_question(ask);
	g_free(ask);
}

static GtkWidget *make_text(GtkWidget *box, const char *class)
{
	GtkWidget *label = gtk_label_new(NULL);

	gtk_label_set_line_wrap(GTK_LABEL(label), TRUE);
	gtk_label_set_max_width_chars(GTK_LABEL(label), 56);
	gtk_label_set_xalign(GTK_LABEL(label), 0);
	gtk_style_context_add_class(gtk_widget_get_style_context(label), class);
	gtk_box_pack_start(GTK_BOX(box), label, FALSE, FALSE, 0);
	return label;
}

struct ask *ask_create(void (*left)(void *data), void *left_data)
{
	struct ask *ask = g_new0(struct ask, 1);
	GtkWidget *sheet = gtk_box_new(GTK_ORIENTATION_VERTICAL, 14);
	GtkWidget *buttons = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 8);

	ask->left = left;
	ask->left_data = left_data;
	ask->page = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
	g_object_set_data_full(G_OBJECT(ask->page), "mullion-ask", ask, ask_free);
	gtk_style_context_add_class(gtk_widget_get_style_context(sheet), "sheet");
	gtk_widget_set_halign(sheet, GTK_ALIGN_CENTER);
	gtk_widget_set_valign(sheet, GTK_ALIGN_CENTER);
	gtk_widget_set_size_request(sheet, 460, -1);

	ask->title = make_text(sheet, "page-title");
	ask->text = make_text(sheet, "dim");
	ask->entry_label = make_text(sheet, "field");
	ask->entry = gtk_entry_new();
	gtk_entry_set_max_length(GTK_ENTRY(ask->entry), 64);
	gtk_label_set_mnemonic_widget(GTK_LABEL(ask->entry_label), ask->entry);
	g_signal_connect(ask->entry, "activate", G_CALLBACK(entry_activated), ask);
	g_signal_connect(ask->entry, "changed", G_CALLBACK(entry_changed), ask);
	gtk_box_pack_start(GTK_BOX(sheet), ask->entry, FALSE, FALSE, 0);
	ask->choices = gtk_list_box_new();
	atk_object_set_name(gtk_widget_get_accessible(ask->choices), "Snapshots");
	g_signal_connect(ask->choices, "row-activated", G_CALLBACK(row_activated), ask);
	gtk_box_pack_start(GTK_BOX(sheet), ask->choices, FALSE, FALSE, 0);

	ask->cancel = gtk_button_new_with_mnemonic("_Cancel");
	ask->accept = gtk_button_new_with_mnemonic("_OK");
	g_signal_connect(ask->cancel, "clicked", G_CALLBACK(cancel_clicked), ask);
	g_signal_connect(ask->accept, "clicked", G_CALLBACK(accept_clicked), ask);
	gtk_button_set_use_underline(GTK_BUTTON(ask->accept), TRUE);
	gtk_widget_set_margin_top(buttons, 8);
	gtk_box_pack_end(GTK_BOX(buttons), ask->accept, FALSE, FALSE, 0);
	gtk_box_pack_end(GTK_BOX(buttons), ask->cancel, FALSE, FALSE, 0);
	gtk_box_pack_start(GTK_BOX(sheet), buttons, FALSE, FALSE, 0);
	gtk_box_pack_start(GTK_BOX(ask->page), sheet, TRUE, FALSE, 0);
	gtk_widget_show_all(ask->page);
	return ask;
}
