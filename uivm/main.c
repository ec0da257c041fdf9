/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mullion-panel: the guests of this machine, to look at, start, stop and make. A GTK3 program that
 * is normally a client of mullion-display's own small Wayland server.
 */
#include <config.h>

#include <gtk/gtk.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>

#include <mullion/runtime.h>

#include "panel.h"
#include "style.h"

/* Before GTK looks at the environment: our compositor and nobody else's; and nothing that would
 * start helpers of a desktop which is not there. */
static char *prepare_environment(void)
{
	char *socket = mullion_runtime_path(MULLION_PANEL_SOCKET);
	g_autofree char *directory = g_path_get_dirname(socket);

	/* GDK wants one before it looks at an absolute WAYLAND_DISPLAY. */
	g_setenv("XDG_RUNTIME_DIR", directory, FALSE);
	g_setenv("GDK_BACKEND", "wayland", TRUE);
	g_setenv("WAYLAND_DISPLAY", socket, TRUE);
	g_unsetenv("DISPLAY");
	g_unsetenv("GDK_SCALE");
	g_unsetenv("GTK_THEME");
	g_setenv("GTK_USE_PORTAL", "0", TRUE);
	g_setenv("GIO_USE_VFS", "local", TRUE);
	g_setenv("GSETTINGS_BACKEND", "memory", TRUE);
	if (!g_getenv("DBUS_SESSION_BUS_ADDRESS"))
		g_setenv("NO_AT_BRIDGE", "1", TRUE);
	return socket;
}

/*
 * GDK ends the process when its display has gone, with a message about a broken pipe. That is how
 * each session ends: whoever started us says so if it is news.
 */
static void drop_farewell(const char *domain, GLogLevelFlags level, const char *message, void *data)
{
	if (!g_str_has_prefix(message, "Error reading events from display") &&
	    !g_str_has_prefix(message, "Lost connection to Wayland compositor"))
		g_log_default_handler(domain, level, message, data);
}

/* All but GDK's word for a compositor that is gone, after which it ends the program: whoever ended
 * the display knows. */
static GLogWriterOutput write_log(GLogLevelFlags level, const GLogField *fields, gsize count,
				  gpointer data)
{
	for (gsize i = 0; i < count; i++)
		if (g_str_equal(fields[i].key, "MESSAGE") &&
		    strstr(fields[i].value, "Error reading events from display"))
			return G_LOG_WRITER_HANDLED;
	return g_log_writer_default(level, fields, count, data);
}

int main(int argc, char **argv)
{
	gboolean stand_alone = FALSE, version = FALSE;
	const GOptionEntry options[] = {
		{"stand-alone", 0, 0, G_OPTION_ARG_NONE, &stand_alone,
		 "Be an ordinary window of the desktop", NULL},
		{"version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version", NULL},
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;
	g_autofree char *socket = NULL, *control = NULL, *display = NULL;
	struct panel *panel;

	setlocale(LC_ALL, "");
	g_option_context_set_summary(context, "Mullion's panel of guests.");
	g_option_context_add_main_entries(context, options, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		fprintf(stderr, "mullion-panel: %s\n", error->message);
		return 2;
	}
	if (version) {
		printf("mullion-panel %s\n", PACKAGE_VERSION);
		return 0;
	}
	control = mullion_runtime_path(MULLION_CONTROL_SOCKET);
	display = mullion_runtime_path(MULLION_DISPLAY_SOCKET);
	g_log_set_handler("Gdk", G_LOG_LEVEL_MESSAGE, drop_farewell, NULL);
	if (!stand_alone)
		socket = prepare_environment();
	g_log_set_writer_func(write_log, NULL, NULL);
	if (!gtk_init_check(&argc, &argv)) {
		if (stand_alone)
			fprintf(stderr, "mullion-panel: no display server can be reached\n");
		else
			fprintf(stderr,
				"mullion-panel: mullion-display does not answer on %s; “mullion "
				"desktop” starts it, and --stand-alone needs none\n",
				socket);
		return 1;
	}
	style_load(stand_alone);
	panel = panel_create(control, display, stand_alone);
	gtk_main();
	panel_destroy(panel);
	return 0;
}
