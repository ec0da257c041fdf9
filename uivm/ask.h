/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A page that asks one question before something is done: a name for a snapshot, which snapshot to
 * go back to, whether to delete. A page and not a dialog, so that it reads the same on any screen.
 */
#ifndef UIVM_ASK_H
#define UIVM_ASK_H

#include <gtk/gtk.h>
#include <stdbool.h>

struct ask;

struct ask_question {
	const char *title, *text;
	const char *entry_label, *entry_text; /* NULL: no entry */
	char *const *choices;		      /* NULL: none; the last is chosen at first */
	const char *accept;		      /* with a mnemonic */
	bool destructive;
};

/* answer: the entry's text or the choice, else "". Not called when the user cancels. */
typedef void (*ask_accepted)(void *data, const char *answer);

/* left: called when the page is done with, either way. */
struct ask *ask_create(void (*left)(void *data), void *left_data);
GtkWidget *ask_widget(struct ask *ask); /* the ask goes with its widget */

/* destroy_data may be NULL. */
void ask_show(struct ask *ask, const struct ask_question *question, ask_accepted accepted,
	      void *data, GDestroyNotify destroy_data);
void ask_cancel(struct ask *ask);

#endif
