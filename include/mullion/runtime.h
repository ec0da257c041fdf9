/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the programs of one session find each other: sockets in one private directory (mode 0700).
 * $MULLION_RUNTIME_DIR if set, else $XDG_RUNTIME_DIR/mullion, else /run/mullion for root, else
 * /tmp/mullion-UID.
 */
#ifndef MULLION_RUNTIME_H
#define MULLION_RUNTIME_H

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MULLION_DISPLAY_SOCKET                                                                     \
	"display.sock" /* org.mullion.Display1, served by mullion-display                          \
			*/
#define MULLION_CONTROL_SOCKET                                                                     \
	"control.sock"			  /* org.mullion.Control1, served by mullion-control       \
					   */
#define MULLION_PANEL_SOCKET "panel.sock" /* Wayland, served by mullion-display for the panel */
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

/* Makes the runtime directory, or checks that the one there is ours and closed to others. */
static inline gboolean mullion_runtime_create(GError **error)
{
	char *path = mullion_runtime_path("");
	struct stat status;
	const char *wrong = NULL;

	if (g_mkdir_with_parents(path, 0700) != 0 || lstat(path, &status) != 0)
		wrong = g_strerror(errno);
	else if (!S_ISDIR(status.st_mode) || status.st_uid != getuid())
		wrong = "it belongs to somebody else";
	else if ((status.st_mode & 077) && chmod(path, 0700) != 0)
		wrong = g_strerror(errno);
	if (wrong)
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
			    "the runtime directory %s cannot be used: %s; set MULLION_RUNTIME_DIR "
			    "to a directory of yours",
			    path, wrong);
	g_free(path);
	return !wrong;
}

#endif
