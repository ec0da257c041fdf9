/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See control-rig.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "control-rig.h"

#include <errno.h>
#include <gio/gunixfdlist.h>
#include <glib/gstdio.h>
#include <mullion/runtime.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mullion-dbus/display-control.h"

/* It says who it is over its connection and lives as long as that. */
#define HEAD "#!/bin/sh\necho \"$$ $*\" >&3\ncat <&3 >/dev/null 2>&1\n"

static gboolean on_set_guest(MullionDisplay1 *display, GDBusMethodInvocation *invocation,
			     const char *id, guint slot, const char *label, guint colour,
			     const char *state, void *data)
{
	struct rig *rig = data;

	g_ptr_array_add(rig->calls, g_strdup_printf("SetGuest %s %u %s %06x %s", id, slot, label,
						    colour, state));
	mullion_display1_complete_set_guest(display, invocation);
	return TRUE;
}

static gboolean on_remove_guest(MullionDisplay1 *display, GDBusMethodInvocation *invocation,
				const char *id, void *data)
{
	struct rig *rig = data;

	g_ptr_array_add(rig->calls, g_strdup_printf("RemoveGuest %s", id));
	mullion_display1_complete_remove_guest(display, invocation);
	return TRUE;
}

static gboolean on_attach_head(MullionDisplay1 *display, GDBusMethodInvocation *invocation,
			       GUnixFDList *fds, const char *id, GVariant *handle, void *data)
{
	struct rig *rig = data;
	struct rig_head head = {.fd = -1};

	g_strlcpy(head.id, id, sizeof(head.id));
	head.fd = g_unix_fd_list_get(fds, g_variant_get_handle(handle), NULL);
	assert_true(head.fd >= 0);
	g_array_append_val(rig->heads, head);
	g_ptr_array_add(rig->calls, g_strdup_printf("AttachHead %s", id));
	mullion_display1_complete_attach_head(display, invocation, NULL);
	return TRUE;
}

static gboolean on_connection(GDBusServer *server, GDBusConnection *connection, void *data)
{
	struct rig *rig = data;

	(void)server;
	g_ptr_array_add(rig->connections, g_object_ref(connection));
	return g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(rig->display), connection,
						MULLION_DISPLAY_OBJECT_PATH, NULL);
}

void rig_start_compositor(struct rig *rig)
{
	g_autofree char *path = g_build_filename(rig->directory, MULLION_DISPLAY_SOCKET, NULL);
	g_autofree char *address = g_strdup_printf("unix:path=%s", path);
	g_autofree char *guid = g_dbus_generate_guid();

	g_unlink(path);
	rig->server = g_dbus_server_new_sync(address,
					     G_DBUS_SERVER_FLAGS_AUTHENTICATION_REQUIRE_SAME_USER,
					     guid, NULL, NULL, NULL);
	assert_non_null(rig->server);
	g_signal_connect(rig->server, "new-connection", G_CALLBACK(on_connection), rig);
	g_dbus_server_start(rig->server);
}

/* As if it were killed: all its descriptors close. */
void rig_stop_compositor(struct rig *rig)
{
	if (!rig->server)
		return;
	g_dbus_server_stop(rig->server);
	g_clear_object(&rig->server);
	for (guint i = 0; i < rig->connections->len; i++) {
		GDBusConnection *connection = g_ptr_array_index(rig->connections, i);

		g_dbus_interface_skeleton_unexport_from_connection(
			G_DBUS_INTERFACE_SKELETON(rig->display), connection);
		g_dbus_connection_close_sync(connection, NULL, NULL);
	}
	g_ptr_array_set_size(rig->connections, 0);
	for (guint i = 0; i < rig->heads->len; i++)
		close(g_array_index(rig->heads, struct rig_head, i).fd);
	g_array_set_size(rig->heads, 0);
	g_ptr_array_set_size(rig->calls, 0);
}

struct rig *rig_create(void)
{
	struct rig *rig = g_new0(struct rig, 1);
	g_autofree char *head = NULL;

	rig->directory = g_dir_make_tmp("mullion-control-XXXXXX", NULL);
	assert_non_null(rig->directory);
	rig->log = g_build_filename(rig->directory, "log", NULL);
	rig->connections = g_ptr_array_new_with_free_func(g_object_unref);
	rig->calls = g_ptr_array_new_with_free_func(g_free);
	rig->heads = g_array_new(FALSE, FALSE, sizeof(struct rig_head));
	rig->problems = g_ptr_array_new_with_free_func(g_free);
	rig->display = G_OBJECT(mullion_display1_skeleton_new());
	g_signal_connect(rig->display, "handle-set-guest", G_CALLBACK(on_set_guest), rig);
	g_signal_connect(rig->display, "handle-remove-guest", G_CALLBACK(on_remove_guest), rig);
	g_signal_connect(rig->display, "handle-attach-head", G_CALLBACK(on_attach_head), rig);
	head = g_build_filename(rig->directory, "mullion-head", NULL);
	assert_true(g_file_set_contents_full(head, HEAD, -1, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
	return rig;
}

static void remove_files(const char *directory)
{
	GDir *dir = g_dir_open(directory, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(directory, name, NULL);

		g_unlink(path);
	}
	if (dir)
		g_dir_close(dir);
	g_rmdir(directory);
}

void rig_destroy(struct rig *rig)
{
	if (rig->daemon)
		rig_end_daemon(rig, SIGKILL);
	g_clear_object(&rig->panel);
	rig_stop_compositor(rig);
	g_object_unref(rig->display);
	g_ptr_array_unref(rig->connections);
	g_ptr_array_unref(rig->calls);
	g_ptr_array_unref(rig->problems);
	g_array_unref(rig->heads);
	remove_files(rig->directory);
	g_free(rig->directory);
	g_free(rig->log);
	g_free(rig->said);
	g_free(rig);
}

/* A test that breaks off leaves no daemon behind. Runs in the child. */
static void die_with_the_test(void *data)
{
	(void)data;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void rig_start_daemon(struct rig *rig, const char *uri)
{
	const char *program = g_getenv("MULLION_CONTROL"); /* else that of the build directory */
	g_autoptr(GSubprocessLauncher) launcher =
		g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
	g_autoptr(GError) error = NULL;

	g_subprocess_launcher_set_child_setup(launcher, die_with_the_test, NULL, NULL);
	g_subprocess_launcher_set_stderr_file_path(launcher, rig->log);
	g_subprocess_launcher_setenv(launcher, "MULLION_RUNTIME_DIR", rig->directory, TRUE);
	g_subprocess_launcher_setenv(launcher, "MULLION_LIBEXECDIR", rig->directory, TRUE);
	rig->daemon = g_subprocess_launcher_spawn(
		launcher, &error, program ? program : "./mullion-control", "--connect", uri, NULL);
	if (!rig->daemon)
		fail_msg("%s", error->message);
}

int rig_end_daemon(struct rig *rig, int signal)
{
	int status;

	g_subprocess_send_signal(rig->daemon, signal);
	rig_run_until(g_subprocess_get_identifier(rig->daemon) == NULL);
	g_subprocess_wait(rig->daemon, NULL, NULL);
	status = g_subprocess_get_if_exited(rig->daemon) ? g_subprocess_get_exit_status(rig->daemon)
							 : -g_subprocess_get_term_sig(rig->daemon);
	g_clear_object(&rig->daemon);
	g_clear_pointer(&rig->said, g_free);
	assert_true(g_file_get_contents(rig->log, &rig->said, NULL, NULL));
	print_message("%s", rig->said);
	return status;
}

static void on_signal(GDBusConnection *connection, const char *sender, const char *path,
		      const char *interface, const char *name, GVariant *arguments, void *data)
{
	struct rig *rig = data;

	(void)connection;
	(void)sender;
	(void)path;
	(void)interface;
	if (g_str_equal(name, "GuestsChanged")) {
		rig->changes++;
	} else {
		const char *id, *message;

		g_variant_get(arguments, "(&s&s)", &id, &message);
		g_ptr_array_add(rig->problems, g_strdup_printf("%s %s", id, message));
		print_message("problem: %s\n", message);
	}
}

static GDBusConnection *try_connect(struct rig *rig)
{
	g_autofree char *path = g_build_filename(rig->directory, MULLION_CONTROL_SOCKET, NULL);
	g_autofree char *address = g_strdup_printf("unix:path=%s", path);

	return g_dbus_connection_new_for_address_sync(
		address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL, NULL);
}

void rig_connect_panel(struct rig *rig)
{
	g_clear_object(&rig->panel);
	rig_run_until((rig->panel = try_connect(rig)) != NULL);
	g_dbus_connection_signal_subscribe(rig->panel, NULL, "org.mullion.Control1", NULL,
					   MULLION_CONTROL_OBJECT_PATH, NULL,
					   G_DBUS_SIGNAL_FLAGS_NONE, on_signal, rig, NULL);
}

GVariant *rig_call(struct rig *rig, const char *method, GVariant *arguments, char **error_name,
		   char **message)
{
	g_autoptr(GError) error = NULL;
	GVariant *reply = g_dbus_connection_call_sync(
		rig->panel, NULL, MULLION_CONTROL_OBJECT_PATH, "org.mullion.Control1", method,
		arguments, NULL, G_DBUS_CALL_FLAGS_NONE, RIG_DEADLINE_MS, NULL, &error);

	if (error_name)
		*error_name = error ? g_dbus_error_get_remote_error(error) : NULL;
	if (error)
		g_dbus_error_strip_remote_error(error);
	if (message)
		*message = error ? g_strdup(error->message) : NULL;
	else if (error && !error_name)
		fail_msg("%s: %s", method, error->message);
	return reply;
}

int rig_find_call(const struct rig *rig, const char *line, guint from)
{
	for (guint i = from; i < rig->calls->len; i++)
		if (g_str_equal(g_ptr_array_index(rig->calls, i), line))
			return (int)i;
	return -1;
}

struct rig_head *rig_newest_head(struct rig *rig, const char *id)
{
	for (guint i = rig->heads->len; i > 0; i--) {
		struct rig_head *head = &g_array_index(rig->heads, struct rig_head, i - 1);
		char line[256] = "";

		if (!g_str_equal(head->id, id))
			continue;
		if (!head->spoken && recv(head->fd, line, sizeof(line) - 1, MSG_DONTWAIT) > 0) {
			g_autofree char *guest = g_strdup_printf(" --guest %s --fd 3\n", id);

			head->spoken = true;
			head->pid = (pid_t)strtol(line, NULL, 10);
			assert_true(head->pid > 0);
			assert_true(g_str_has_suffix(line, guest));
		}
		return head;
	}
	return NULL;
}

bool rig_head_hears_end(struct rig_head *head)
{
	char byte;
	ssize_t count = recv(head->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);

	return count == 0 || (count < 0 && errno == ECONNRESET);
}

bool rig_is_alive(pid_t pid)
{
	return kill(pid, 0) == 0 || errno != ESRCH;
}

static gboolean wake(void *data)
{
	bool *woken = data;

	*woken = true;
	return G_SOURCE_REMOVE;
}

void rig_wait_turn(void)
{
	bool woken = false;

	g_timeout_add(5, wake, &woken);
	while (!woken)
		g_main_context_iteration(NULL, TRUE);
}

void rig_run_for(unsigned ms)
{
	gint64 end = g_get_monotonic_time() + ms * 1000;

	while (g_get_monotonic_time() < end)
		rig_wait_turn();
}
