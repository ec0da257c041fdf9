/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the programs of one session find each other: sockets in one private directory (mode 0700).
 * $MULLION_RUNTIME_DIR if set, else $XDG_RUNTIME_DIR/mullion, else /run/mullion for root, else
 * /tmp/mullion-UID.
 */
#ifndef MULLION_RUNTIME_H
#define MULLION_RUNTIME_H

#include <glib.h>
#include <unistd.h>

#define MULLION_DISPLAY_SOCKET "display.sock" /* org.mullion.Display1, served by mullion-display   \
					       */
#define MULLION_CONTROL_SOCKET "control.sock" /* org.mullion.Control1, served by mullion-control   \
					       */
#define MULLION_PANEL_SOCKET "panel.sock"     /* Wayland, served by mullion-display for the panel */
#define MULLION_TEST_SOCKET                                                                        \
	"test.sock" /* injected events, served by mullion-display on the headless output only */

#define MULLION_DISPLAY_OBJECT_PATH "/org/mullion/Display1"
#define MULLION_CONTROL_OBJECT_PATH "/org/mullion/Control1"

/* The path of `name` in the runtime directory; free with g_free(). */
static inline char *mullion_runtime_path(const char *name)
{
	const char *set = g_getenv("MULLION_RUNTIME_DIR");
	const char *xdg = g_getenv("XDG_RUNTIME_DIR");

	if (set && *set)
		return g_build_filename(set, name, NULL);
	if (xdg && *xdg)
		return g_build_filename(xdg, "mullion", name, NULL);
	if (getuid() == 0)
		return g_build_filename("/run/mullion", name, NULL);
	return g_strdup_printf("/tmp/mullion-%u/%s", (unsigned)getuid(), name);
}

#endif
