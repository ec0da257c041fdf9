/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mullion-control: the control daemon. It watches libvirt, runs a head for each guest that runs,
 * tells the compositor who the guests are, and serves org.mullion.Control1 to the panel.
 *
 * This file has main() and joins the parts, which do not know each other:
 * daemon-watch (libvirt), daemon-heads (processes), daemon-display (compositor), daemon-service
 * (clients).
 */
#include "daemon.h"

#include <gio/gio.h>
#include <glib-unix.h>
#include <locale.h>
#include <mullion/runtime.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include "config.h"
#include "daemon-display.h"
#include "daemon-heads.h"
#include "daemon-methods.h"
#include "daemon-service.h"
#include "daemon-watch.h"
#include "guest.h"

/* libvirt does not report snapshots that others make: while a client shows guests, look by time. */
#define POLL_S	       15U
#define FINISH_CALLS_S 10U /* at the end, for methods that still run */

struct daemon {
	GMainLoop *loop;
	struct watch *watch;
	struct heads *heads;
	struct display_link *display;
	struct service *service;
	GHashTable *known; /* ids of the guests we have told the compositor of */
	GVariant *facts;   /* what ListGuests would say now; NULL: nothing */
	bool ending, heads_gone;
};

void daemon_say(const char *format, ...)
{
	va_list arguments;
	g_autofree char *text = NULL;

	va_start(arguments, format);
	text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_printerr("mullion-control: %s\n", text);
}

static void daemon_tell_problem(struct daemon *daemon, const char *id, const char *message)
{
	daemon_say("%s", message);
	service_emit_problem(daemon->service, id, message);
}

/* The guest's QEMU is there and has a picture, if perhaps a still one. */
static bool guest_needs_head(const struct guest_info *guest)
{
	return guest->state == GUEST_RUNNING || guest->state == GUEST_PAUSED ||
	       guest->state == GUEST_SLEEPING;
}

static void daemon_forget_others(struct daemon *daemon, GHashTable *still_there)
{
	GHashTableIter iter;
	void *id;

	g_hash_table_iter_init(&iter, daemon->known);
	while (g_hash_table_iter_next(&iter, &id, NULL)) {
		if (g_hash_table_contains(still_there, id))
			continue;
		heads_unset(daemon->heads, id);
		display_link_remove_guest(daemon->display, id);
	}
	g_hash_table_unref(daemon->known);
	daemon->known = still_there;
}

static void on_guests(void *data, GPtrArray *guests, GPtrArray *problems)
{
	struct daemon *daemon = data;
	GHashTable *there = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GVariant) facts = g_variant_ref_sink(daemon_describe_guests(guests));

	for (guint i = 0; i < guests->len; i++) {
		const struct guest_info *guest = g_ptr_array_index(guests, i);

		/* The compositor must know a guest before it is given its head. */
		display_link_set_guest(daemon->display, guest->id, guest->slot, guest->label,
				       guest->colour, guest_state_name(guest->state));
		if (guest_needs_head(guest))
			heads_set(daemon->heads, guest->id, guest->label);
		else
			heads_unset(daemon->heads, guest->id);
		g_hash_table_add(there, g_strdup(guest->id));
	}
	daemon_forget_others(daemon, there);
	if (!daemon->facts || !g_variant_equal(daemon->facts, facts)) {
		g_clear_pointer(&daemon->facts, g_variant_unref);
		daemon->facts = g_variant_ref(facts);
		service_emit_changed(daemon->service);
	}
	for (guint i = 0; i < problems->len; i++) {
		const struct watch_problem *problem = g_ptr_array_index(problems, i);

		daemon_tell_problem(daemon, problem->id, problem->message);
	}
}

static void on_reachable(void *data, bool reachable, const char *why)
{
	struct daemon *daemon = data;

	heads_set_startable(daemon->heads, reachable);
	g_clear_pointer(&daemon->facts, g_variant_unref); /* the next list is news */
	if (reachable)
		return;
	service_emit_changed(daemon->service);
	service_emit_problem(daemon->service, "", why);
}

static void on_display_connected(void *data)
{
	struct daemon *daemon = data;

	heads_set_attachable(daemon->heads, true);
}

static void on_display_disconnected(void *data)
{
	struct daemon *daemon = data;

	heads_set_attachable(daemon->heads, false);
}

static void on_attach_failed(void *data, const char *id)
{
	struct daemon *daemon = data;

	heads_reject(daemon->heads, id);
}

static void on_head(void *data, const char *id, int fd)
{
	struct daemon *daemon = data;

	display_link_attach_head(daemon->display, id, fd);
}

static void on_head_problem(void *data, const char *id, const char *message)
{
	daemon_tell_problem(data, id, message);
}

static virConnectPtr on_take_connection(void *data, GError **error)
{
	struct daemon *daemon = data;

	return watch_take_connection(daemon->watch, error);
}

static void on_changed(void *data)
{
	struct daemon *daemon = data;

	watch_touch(daemon->watch);
}

static gboolean on_poll(void *data)
{
	struct daemon *daemon = data;

	if (service_count_clients(daemon->service) > 0)
		watch_touch(daemon->watch);
	return G_SOURCE_CONTINUE;
}

static void on_heads_gone(void *data)
{
	struct daemon *daemon = data;

	daemon->heads_gone = true;
	g_main_loop_quit(daemon->loop);
}

static gboolean on_signal(void *data)
{
	struct daemon *daemon = data;

	if (daemon->ending) {
		daemon_say("ending at once");
		exit(EXIT_FAILURE);
	}
	daemon->ending = true;
	g_main_loop_quit(daemon->loop);
	return G_SOURCE_CONTINUE;
}

/* $MULLION_LIBEXECDIR, else beside this program (also in a build tree), else where it is
 * installed. */
static char *find_head(void)
{
	const char *set = g_getenv("MULLION_LIBEXECDIR");
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *directory = self ? g_path_get_dirname(self) : NULL;
	char *path;

	if (set && *set)
		return g_build_filename(set, "mullion-head", NULL);
	if (directory) {
		path = g_build_filename(directory, "mullion-head", NULL);
		if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
			return path;
		g_free(path);
	}
	return g_build_filename(MULLION_LIBEXECDIR, "mullion-head", NULL);
}

static gboolean daemon_init(struct daemon *daemon, const char *uri, GError **error)
{
	static const struct service_hooks service_hooks = {on_take_connection, on_changed};
	static const struct heads_hooks heads_hooks = {on_head, on_head_problem};
	static const struct display_link_hooks display_hooks = {
		on_display_connected, on_display_disconnected, on_attach_failed};
	static const struct watch_hooks watch_hooks = {on_reachable, on_guests};
	g_autofree char *control_path = mullion_runtime_path(MULLION_CONTROL_SOCKET);
	g_autofree char *display_path = mullion_runtime_path(MULLION_DISPLAY_SOCKET);
	g_autofree char *program = find_head();
	const struct heads_options options = {
		.program = program,
		.uri = uri,
		.retry_min_ms = 250,
		.retry_max_ms = 10000,
		.settled_ms = 10000,
		.kill_ms = 2000,
		.max_failures = 4,
	};

	if (!mullion_runtime_create(error))
		return FALSE;
	daemon->service = service_create(control_path, &service_hooks, daemon, error);
	if (!daemon->service)
		return FALSE;
	guest_init();
	daemon->loop = g_main_loop_new(NULL, FALSE);
	daemon->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	daemon->heads = heads_create(&options, &heads_hooks, daemon);
	daemon->display = display_link_create(display_path, &display_hooks, daemon);
	daemon->watch = watch_create(uri, &watch_hooks, daemon);
	g_unix_signal_add(SIGTERM, on_signal, daemon);
	g_unix_signal_add(SIGINT, on_signal, daemon);
	g_timeout_add_seconds(POLL_S, on_poll, daemon);
	return TRUE;
}

static gboolean on_deadline(void *data)
{
	bool *passed = data;

	*passed = true;
	return G_SOURCE_REMOVE;
}

/* The heads end, methods that run get time to finish, guests go on. */
static void daemon_finish(struct daemon *daemon)
{
	bool passed = false;

	service_stop(daemon->service);
	heads_shut_down(daemon->heads, on_heads_gone, daemon);
	g_timeout_add_seconds(FINISH_CALLS_S, on_deadline, &passed);
	while (!passed && (!daemon->heads_gone || !service_is_idle(daemon->service)))
		g_main_context_iteration(NULL, TRUE);
	if (!service_is_idle(daemon->service)) {
		daemon_say("ending while a request still runs");
		return; /* its worker uses what would be freed below; the process ends anyway */
	}
	service_destroy(daemon->service);
	watch_destroy(daemon->watch);
	display_link_destroy(daemon->display);
	heads_destroy(daemon->heads);
	g_hash_table_unref(daemon->known);
	g_clear_pointer(&daemon->facts, g_variant_unref);
	g_main_loop_unref(daemon->loop);
}

int main(int argc, char **argv)
{
	struct daemon daemon = {.watch = NULL};
	g_autofree char *uri = NULL;
	gboolean version = FALSE;
	const GOptionEntry entries[] = {
		{"connect", 'c', 0, G_OPTION_ARG_STRING, &uri,
		 "libvirt to use (default: qemu:///system for root, else qemu:///session)", "URI"},
		{"version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version and end", NULL},
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	setlocale(LC_ALL, "");
	signal(SIGPIPE, SIG_IGN); /* who reads our stderr may go */
	g_option_context_set_summary(context, "Mullion's control daemon: watches the guests, shows "
					      "them on the display and serves the panel.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1) {
		daemon_say("%s. Try --help.", error ? error->message : "unexpected argument");
		return 2;
	}
	if (version) {
		g_print("mullion-control %s\n", PACKAGE_VERSION);
		return EXIT_SUCCESS;
	}
	if (!daemon_init(&daemon, uri, &error)) {
		daemon_say("%s", error->message);
		return EXIT_FAILURE;
	}
	if (!daemon.ending)
		g_main_loop_run(daemon.loop);
	daemon_finish(&daemon);
	return EXIT_SUCCESS;
}
