/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What panel.c (the window and its pages) and panel-actions.c (what is done to guests) share.
 */
#ifndef UIVM_PANEL_PRIVATE_H
#define UIVM_PANEL_PRIVATE_H

#include <gtk/gtk.h>
#include <stdbool.h>

#include "ask.h"
#include "card.h"
#include "panel.h"
#include "service.h"
#include "wizard.h"

struct panel {
	struct service *service;
	bool stand_alone;
	bool mapped;
	bool in_focus;	  /* the compositor shows the panel */
	bool ever_listed; /* the guests were known once */
	bool control_up, display_up;

	GtkWidget *window, *stack, *cards, *guests_page, *empty_page, *offline_page, *count,
		*new_button, *hints;
	GtkWidget *error_bar, *error_text, *status_bar, *status_text;
	struct ask *ask;
	struct wizard *wizard;
	char *select_id; /* the card to select when it comes */
	unsigned guest_count;
	guint fit_idle;
	int fitted_width;
	guint thumbnail_timer;
	unsigned thumbnails_pending;
};

/* panel-cards.c */
void panel_make_cards(struct panel *panel);
unsigned panel_update_cards(struct panel *panel, GPtrArray *guests); /* returns how many are on */
struct card *panel_find(struct panel *panel, const char *id);
struct card *panel_card_at(struct panel *panel, int place);
struct card *panel_selected(struct panel *panel); /* the one with the keyboard's focus in it */
void panel_select(struct panel *panel, struct card *card);
void panel_open_slot(struct panel *panel, unsigned slot);

/* panel.c */
void panel_show_guests(struct panel *panel);
void panel_show_page(struct panel *panel, GtkWidget *page);
void panel_show_error(struct panel *panel, const char *message);
void panel_hide_error(struct panel *panel);

/* panel-actions.c */
void panel_act(struct panel *panel, const struct guest *guest, enum card_action action);
void panel_open(struct panel *panel, const struct guest *guest); /* Enter: to it, or start it */
void panel_create_guest(struct panel *panel, GVariant *spec, bool start);

/* panel-thumbnails.c */
/* Polls while the panel can be seen, and not otherwise. Call when something of that changed. */
void panel_update_thumbnails(struct panel *panel);

#endif
