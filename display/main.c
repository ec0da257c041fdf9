/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mullion-display: the compositor as a program. Options, the runtime directory, one main loop. */
#include "config.h"

#include "compositor.h"
#include "service.h"
#include "test-socket.h"

#include <gio/gio.h>
#include <glib-unix.h>
#include <locale.h>
#include <stdio.h>

#include "mullion/runtime.h"

#ifdef HAVE_SDL
#define DEFAULT_OUTPUT "sdl"
#else
#define DEFAULT_OUTPUT "headless"
#endif

static char *option_output, *option_size, *option_config, *option_timeline;
static gboolean option_fullscreen, option_version;

static const GOptionEntry options[] = {
	{"output", 'o', 0, G_OPTION_ARG_STRING, &option_output,
	 "Where to show: sdl (a window) or headless (memory; driven over the test socket)",
	 "OUTPUT"},
	{"size", 's', 0, G_OPTION_ARG_STRING, &option_size,
	 "Size of the window or the headless screen in pixels", "WIDTHxHEIGHT"},
	{"fullscreen", 'f', 0, G_OPTION_ARG_NONE, &option_fullscreen, "Start in full screen", NULL},
	{"config", 'c', 0, G_OPTION_ARG_FILENAME, &option_config,
	 "Read this file instead of ~/.config/mullion/display.conf", "FILE"},
	{"timeline", 0, 0, G_OPTION_ARG_FILENAME, &option_timeline,
	 "Write every event, frame and switch with its time to FILE (JSON)", "FILE"},
	{"version", 0, 0, G_OPTION_ARG_NONE, &option_version, "Print the version", NULL},
	G_OPTION_ENTRY_NULL};

struct program {
	GMainLoop *loop;
	struct service *service;
	struct compositor *compositor;
	struct timeline *timeline;
	struct test_socket *test_socket;
	int status;
};

static void focus_changed(void *data, const char *id)
{
	service_focus_changed(((struct program *)data)->service, id);
}

static void file_dropped(void *data, const char *path)
{
	service_file_dropped(((struct program *)data)->service, path);
}

static void quit(void *data, const char *why)
{
	struct program *program = data;

	if (why) {
		g_printerr("mullion-display: %s\n", why);
		program->status = 1;
	}
	g_main_loop_quit(program->loop);
}

static const struct compositor_ops ops = {
	.focus_changed = focus_changed, .file_dropped = file_dropped, .quit = quit};

static gboolean on_signal(gpointer data)
{
	quit(data, NULL);
	return G_SOURCE_CONTINUE;
}

static gboolean parse_size(const char *text, unsigned *width, unsigned *height, GError **error)
{
	int end = 0;

	if (!text || (sscanf(text, "%5ux%5u%n", width, height, &end) == 2 && !text[end] &&
		      *width >= 320 && *height >= 200 && *width <= 8192 && *height <= 8192))
		return TRUE;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "--size %s: write WIDTHxHEIGHT, 320x200 to 8192x8192", text);
	return FALSE;
}

static struct output *create_output(struct compositor *compositor, const struct settings *settings,
				    GError **error)
{
	const char *name = option_output ? option_output : DEFAULT_OUTPUT;
	unsigned width = 0, height = 0;

	if (!parse_size(option_size, &width, &height, error))
		return NULL;
	if (g_strcmp0(name, "headless") == 0)
		return output_headless_create(width ? width : 1280,
					      height ? height : 800 + settings->band_height,
					      &compositor_output_events, compositor, error);
#ifdef HAVE_SDL
	if (g_strcmp0(name, "sdl") == 0)
		return output_sdl_create(width, height, settings->band_height, option_fullscreen,
					 &compositor_output_events, compositor, error);
#endif
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "--output %s: there are "
#ifdef HAVE_SDL
		    "sdl and "
#endif
		    "headless",
		    name);
	return NULL;
}

static gboolean load_settings(struct settings *settings, GError **error)
{
	char *path = option_config ? g_strdup(option_config)
				   : g_build_filename(g_get_user_config_dir(), "mullion",
						      "display.conf", NULL);
	GError *wrong = NULL;
	gboolean ok = settings_load(settings, path, &wrong);

	if (!ok && !option_config) {
		/* A broken file must not cost the user the screen: say it, go on with the defaults.
		 */
		g_printerr("mullion-display: %s; the defaults are used\n", wrong->message);
		g_clear_error(&wrong);
		ok = TRUE;
	}
	if (!ok)
		g_propagate_error(error, wrong);
	g_free(path);
	return ok;
}

static gboolean start(struct program *program, struct settings *settings, GError **error)
{
	char *display_socket = mullion_runtime_path(MULLION_DISPLAY_SOCKET);
	char *panel_socket = mullion_runtime_path(MULLION_PANEL_SOCKET);
	char *test_path = mullion_runtime_path(MULLION_TEST_SOCKET);
	struct output *output;
	gboolean ok = FALSE;

	program->service = service_create(display_socket, error);
	if (!program->service)
		goto out;
	program->compositor = compositor_create(settings, program->timeline, &ops, program);
	output = create_output(program->compositor, settings, error);
	if (!output || !compositor_start(program->compositor, output, panel_socket, error))
		goto out;
	service_set_compositor(program->service, program->compositor);
	if (g_strcmp0(output->impl->name, "headless") == 0) {
		program->test_socket = test_socket_create(test_path, program->compositor, error);
		if (!program->test_socket)
			goto out;
	}
	ok = TRUE;
out:
	g_free(display_socket);
	g_free(panel_socket);
	g_free(test_path);
	return ok;
}

int main(int argc, char **argv)
{
	struct program program = {0};
	struct settings settings;
	GOptionContext *context;
	GError *error = NULL;

	setlocale(LC_ALL, "");
	context = g_option_context_new("- show Mullion's guests and route input to them");
	g_option_context_set_description(
		context, "Started by `mullion desktop`; by itself it shows an empty screen.\n"
			 "Exit status: 0 closed by the user, 1 an error, 2 wrong usage.\n");
	g_option_context_add_main_entries(context, options, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1) {
		g_printerr("mullion-display: %s; see mullion-display --help\n",
			   error ? error->message : "no arguments are taken");
		return 2;
	}
	g_option_context_free(context);
	if (option_version) {
		printf("mullion-display %s\n", PACKAGE_VERSION);
		return 0;
	}
	program.loop = g_main_loop_new(NULL, FALSE);
	if (load_settings(&settings, &error) && mullion_runtime_create(&error) &&
	    (!option_timeline || (program.timeline = timeline_create(option_timeline, &error))) &&
	    start(&program, &settings, &error)) {
		g_unix_signal_add(SIGTERM, on_signal, &program);
		g_unix_signal_add(SIGINT, on_signal, &program);
		g_main_loop_run(program.loop);
	} else {
		g_printerr("mullion-display: %s\n", error->message);
		program.status = error->domain == G_OPTION_ERROR ? 2 : 1;
		g_error_free(error);
	}
	test_socket_destroy(program.test_socket);
	compositor_destroy(program.compositor);
	service_destroy(program.service);
	timeline_destroy(program.timeline);
	g_main_loop_unref(program.loop);
	return program.status;
}
