/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pages that make a new guest: choose an installer or a disk, then name and size the guest.
 * Sensible values are filled in from the file's name.
 */
#ifndef UIVM_WIZARD_H
#define UIVM_WIZARD_H

#include <gtk/gtk.h>
#include <stdbool.h>

struct wizard;

struct wizard_ops {
	/* All with the data given to wizard_create(). */
	void (*create)(void *data, GVariant *spec, bool start); /* spec: floating a{sv} */
	void (*left)(void *data);				/* cancelled */
	void (*refused)(void *data, const char *message);	/* the file is not one we take */
};

struct wizard *wizard_create(const struct wizard_ops *ops, void *data);
GtkWidget *wizard_widget(struct wizard *wizard); /* the wizard goes with its widget */

/* From the start, or with the file chosen already (a dropped one; may be NULL). */
void wizard_begin(struct wizard *wizard, const char *untrusted_path);
/* Escape: one page back, out at the first. */
void wizard_back(struct wizard *wizard);
/* The guest is being made: nothing can be changed meanwhile. */
void wizard_set_busy(struct wizard *wizard, bool busy);

#endif
