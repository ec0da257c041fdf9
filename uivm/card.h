/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The card of one guest: its picture, name, state, and what can be done with it.
 */
#ifndef UIVM_CARD_H
#define UIVM_CARD_H

#include <gtk/gtk.h>
#include <stdbool.h>

#include "guest.h"

#define CARD_PICTURE_WIDTH  368
#define CARD_PICTURE_HEIGHT 207

struct card;

enum card_action {
	CARD_START,
	CARD_STOP,
	CARD_PAUSE,
	CARD_RESUME,
	CARD_SNAPSHOT,
	CARD_REVERT,
	CARD_FORCE_OFF,
	CARD_DELETE
};

typedef void (*card_acted)(void *data, struct card *card, enum card_action action);

/* The widget, a GtkFlowBoxChild, owns the card and frees it with itself. */
struct card *card_create(card_acted acted, void *data);
GtkWidget *card_widget(struct card *card);
struct card *card_from_widget(GtkWidget *widget);

/* guest is borrowed until the next update; place: its order among the cards. */
void card_update(struct card *card, const struct guest *guest, unsigned place);
const struct guest *card_guest(const struct card *card);
unsigned card_place(const struct card *card);

/* Something is being done with the guest: in words, or NULL when it is done. */
void card_set_busy(struct card *card, const char *words);

/* x8r8g8b8, packed; 0 x 0: none. */
void card_set_picture(struct card *card, unsigned width, unsigned height, const void *pixels,
		      size_t size);
void card_open_menu(struct card *card);

#endif
