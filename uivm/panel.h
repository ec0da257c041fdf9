/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The panel's window: all guests as cards, and the pages to make and change them.
 */
#ifndef UIVM_PANEL_H
#define UIVM_PANEL_H

#include <stdbool.h>

struct panel;

/* stand_alone: an ordinary window on a desktop, not the compositor's panel. */
struct panel *panel_create(const char *control_socket, const char *display_socket,
			   bool stand_alone);
void panel_destroy(struct panel *panel); /* NULL is fine */

#endif
