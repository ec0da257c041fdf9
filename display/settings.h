/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The user's display configuration: $XDG_CONFIG_HOME/mullion/display.conf, a GKeyFile.
 *
 *   [chords]
 *   panel=Ctrl+Alt+0
 *   guest-1=Ctrl+Alt+1
 *   ... guest-9
 *   next=Ctrl+Alt+Right
 *   previous=Ctrl+Alt+Left
 *   release-pointer=Ctrl+Alt+G
 *   fullscreen=Ctrl+Alt+Enter
 *   [band]
 *   height=24
 *   auto-hide=false
 *
 * Several chords of one action are separated by ';'. An empty value: no chord, for any but panel,
 * the way out of a guest. height: pixels, 16..64. auto-hide true: the band is shown on a switch and
 * while the chord's modifiers are held. doc/mullion-display.conf.5 is the user's description.
 */
#ifndef DISPLAY_SETTINGS_H
#define DISPLAY_SETTINGS_H

#include <glib.h>

#include "chord.h"

struct settings {
	struct chord_table chords;
	unsigned band_height; /* pixels */
	bool band_auto_hide;
};

void settings_defaults(struct settings *settings);

/*
 * Reads path over the defaults. A file that does not exist is no error. An unknown group or key, a
 * value that makes no sense or two actions on one chord is: FALSE, *error says file, line or key
 * and what to write instead, and *settings holds the defaults.
 */
gboolean settings_load(struct settings *settings, const char *path, GError **error);

#endif
