/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `mullion desktop`: one hosted session. Starts the display and, as soon as that answers, the
 * control daemon and the panel. The session is as long as the display's life; a daemon or panel
 * that dies is started again, a bounded number of times. Guests belong to libvirt and go on.
 */
#include "config.h"

#include "cli.h"
#include "mullion/runtime.h"

#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define DESKTOP_WAIT_S	 20 /* for the display to answer */
#define DESKTOP_GRACE_S	 5  /* for a program to end when asked */
#define DESKTOP_RESTARTS 5  /* within DESKTOP_WINDOW_S; then it stays off */
#define DESKTOP_WINDOW_S 60
#define DESKTOP_POLL_MS	 50

enum { DISPLAY, CONTROL, PANEL, PROGRAMS };

struct program {
	struct desktop *desktop;
	const char *file, *what;
	char *path; /* NULL: not installed */
	char **argv, **environment;
	GPid pid; /* 0: not running */
	unsigned restarts, restart_source;
	int wait_status; /* of the end that is followed by a restart */
	int64_t window;	 /* when the restarts began to be counted */
};

struct desktop {
	GMainLoop *loop;
	struct program programs[PROGRAMS];
	bool ending;
	int64_t deadline;
	int status;
};

static bool answers(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	bool connected = false;
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		connected = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
		close(fd);
	}
	return connected;
}

/* $MULLION_LIBEXECDIR, beside this program in a build tree, or where they are installed. */
static char *find_program(const char *file)
{
	const char *set = g_getenv("MULLION_LIBEXECDIR");
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *here = self ? g_path_get_dirname(self) : NULL;
	const char *const places[][2] = {
		{set, "."},	   {here, "."},	   {here, "display"},
		{here, "control"}, {here, "uivm"}, {MULLION_LIBEXECDIR, "."},
	};
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(places); i++) {
		char *path;

		if (!places[i][0] || !*places[i][0])
			continue;
		path = g_build_filename(places[i][0], places[i][1], file, NULL);
		if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE) &&
		    !g_file_test(path, G_FILE_TEST_IS_DIR))
			return path;
		g_free(path);
		if (set && *set)
			return NULL; /* said explicitly: nothing else is tried */
	}
	return NULL;
}

/* In the child: it ends with us, even if we are killed. */
static void tie(void *data)
{
	(void)data;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static void end_if_done(struct desktop *desktop)
{
	size_t i;

	for (i = 0; i < PROGRAMS; i++)
		if (desktop->programs[i].pid)
			return;
	g_main_loop_quit(desktop->loop);
}

static gboolean kill_rest(void *data)
{
	struct desktop *desktop = data;
	size_t i;

	for (i = 0; i < PROGRAMS; i++)
		if (desktop->programs[i].pid)
			kill(desktop->programs[i].pid, SIGKILL);
	return G_SOURCE_REMOVE;
}

static void end(struct desktop *desktop)
{
	size_t i;

	if (desktop->ending)
		return;
	desktop->ending = true;
	for (i = 0; i < PROGRAMS; i++) {
		struct program *program = &desktop->programs[i];

		if (program->restart_source)
			g_source_remove(program->restart_source);
		program->restart_source = 0;
		if (program->pid)
			kill(program->pid, SIGTERM);
	}
	g_timeout_add_seconds(DESKTOP_GRACE_S, kill_rest, desktop);
	end_if_done(desktop);
}

static char *describe(int wait_status)
{
	if (WIFSIGNALED(wait_status))
		return g_strdup_printf("by signal %d", WTERMSIG(wait_status));
	return g_strdup_printf("with status %d", WEXITSTATUS(wait_status));
}

static bool launch(struct program *program);

static gboolean restart(void *data)
{
	struct program *program = data;

	g_autofree char *how = describe(program->wait_status);

	program->restart_source = 0;
	g_printerr("mullion: %s ended %s; it is started again\n", program->what, how);
	launch(program);
	return G_SOURCE_REMOVE;
}

static void schedule_restart(struct program *program, int wait_status)
{
	g_autofree char *how = describe(wait_status);
	int64_t now = g_get_monotonic_time();

	if (now - program->window > DESKTOP_WINDOW_S * G_USEC_PER_SEC) {
		program->window = now;
		program->restarts = 0;
	}
	if (program->restarts >= DESKTOP_RESTARTS) {
		g_printerr("mullion: %s ended %s for the %uth time within a minute and stays off; "
			   "its last words are above, mullion desktop starts it anew\n",
			   program->what, how, program->restarts + 1);
		return;
	}
	/* 0.25 s, then twice as long each time. Said then: a session that is being closed loses its
	 * panel first, and that is no news. */
	program->wait_status = wait_status;
	program->restart_source = g_timeout_add(250U << program->restarts, restart, program);
	program->restarts++;
}

static void ended(GPid pid, int wait_status, void *data)
{
	struct program *program = data;
	struct desktop *desktop = program->desktop;

	g_spawn_close_pid(pid);
	program->pid = 0;
	if (program == &desktop->programs[DISPLAY]) {
		if (!desktop->ending && wait_status != 0) {
			g_autofree char *how = describe(wait_status);

			g_printerr("mullion: the display ended %s; the guests go on\n", how);
			desktop->status = CLI_FAILED;
		}
		end(desktop);
	} else if (!desktop->ending) {
		schedule_restart(program, wait_status);
	}
	if (desktop->ending)
		end_if_done(desktop);
}

static bool launch(struct program *program)
{
	g_autoptr(GError) error = NULL;

	if (!g_spawn_async(NULL, program->argv, program->environment,
			   G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CHILD_INHERITS_STDIN, tie, NULL,
			   &program->pid, &error)) {
		g_printerr("mullion: %s cannot be started: %s\n", program->what, error->message);
		program->pid = 0;
		return false;
	}
	g_child_watch_add(program->pid, ended, program);
	return true;
}

/* Until the display answers; then the others. */
static gboolean await_display(void *data)
{
	struct desktop *desktop = data;
	g_autofree char *control = mullion_runtime_path(MULLION_DISPLAY_SOCKET);
	g_autofree char *panel = mullion_runtime_path(MULLION_PANEL_SOCKET);
	size_t i;

	if (desktop->ending)
		return G_SOURCE_REMOVE;
	if (!answers(control) || !answers(panel)) {
		if (g_get_monotonic_time() < desktop->deadline)
			return G_SOURCE_CONTINUE;
		g_printerr("mullion: the display does not answer on %s within %d s\n", control,
			   DESKTOP_WAIT_S);
		desktop->status = CLI_FAILED;
		end(desktop);
		return G_SOURCE_REMOVE;
	}
	for (i = CONTROL; i < PROGRAMS; i++)
		if (desktop->programs[i].path && !launch(&desktop->programs[i]))
			desktop->status = CLI_FAILED;
	return G_SOURCE_REMOVE;
}

static gboolean asked_to_end(void *data)
{
	end(data);
	return G_SOURCE_CONTINUE;
}

static bool make_runtime(GError **error)
{
	g_autofree char *socket = mullion_runtime_path(MULLION_DISPLAY_SOCKET);

	if (!mullion_runtime_create(error))
		return false;
	if (answers(socket)) {
		g_set_error(error, MULLION_ERROR, MULLION_ERROR_EXISTS,
			    "a desktop runs here already (%s answers); end it first, or set "
			    "MULLION_RUNTIME_DIR to another folder",
			    socket);
		return false;
	}
	return true;
}

static char **make_argv(const char *path, const char *option, const char *value, char **rest)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

	g_strv_builder_add(builder, path);
	if (value) {
		g_autofree char *argument = g_strdup_printf("--%s=%s", option, value);

		g_strv_builder_add(builder, argument);
	}
	if (rest)
		g_strv_builder_addv(builder, (const char **)rest);
	return g_strv_builder_end(builder);
}

static bool prepare(struct desktop *desktop, struct cli *cli, const char *output, char **rest,
		    GError **error)
{
	static const char *const files[] = {"mullion-display", "mullion-control", "mullion-panel"};
	static const char *const whats[] = {"the display", "the control daemon", "the panel"};
	g_autofree char *wayland = mullion_runtime_path(MULLION_PANEL_SOCKET);
	size_t i;

	for (i = 0; i < PROGRAMS; i++) {
		struct program *program = &desktop->programs[i];

		program->desktop = desktop;
		program->file = files[i];
		program->what = whats[i];
		program->path = find_program(files[i]);
		program->environment = g_get_environ();
		if (program->path)
			continue;
		if (i == PANEL) {
			g_printerr("mullion: there is no panel here (mullion-panel is not "
				   "installed); guests are started with mullion start\n");
			continue;
		}
		g_set_error(error, MULLION_ERROR, MULLION_ERROR_NOT_FOUND,
			    "%s is not installed where it is looked for: $MULLION_LIBEXECDIR, "
			    "beside mullion, " MULLION_LIBEXECDIR,
			    files[i]);
		return false;
	}
	desktop->programs[DISPLAY].argv =
		make_argv(desktop->programs[DISPLAY].path, "output", output, rest);
	desktop->programs[CONTROL].argv =
		make_argv(desktop->programs[CONTROL].path, "connect", cli->uri, NULL);
	if (desktop->programs[PANEL].path) {
		struct program *panel = &desktop->programs[PANEL];

		/* A client of our display, and of no other one that may be around. */
		panel->argv = make_argv(panel->path, NULL, NULL, NULL);
		panel->environment =
			g_environ_setenv(panel->environment, "WAYLAND_DISPLAY", wayland, TRUE);
		panel->environment =
			g_environ_setenv(panel->environment, "GDK_BACKEND", "wayland", TRUE);
		panel->environment = g_environ_unsetenv(panel->environment, "DISPLAY");
		panel->environment = g_environ_unsetenv(panel->environment, "WAYLAND_SOCKET");
	}
	return true;
}

static void finish(struct desktop *desktop)
{
	size_t i;

	for (i = 0; i < PROGRAMS; i++) {
		g_free(desktop->programs[i].path);
		g_strfreev(desktop->programs[i].argv);
		g_strfreev(desktop->programs[i].environment);
	}
}

static int run(struct desktop *desktop)
{
	desktop->loop = g_main_loop_new(NULL, FALSE);
	g_unix_signal_add(SIGINT, asked_to_end, desktop);
	g_unix_signal_add(SIGTERM, asked_to_end, desktop);
	g_unix_signal_add(SIGHUP, asked_to_end, desktop);
	desktop->deadline = g_get_monotonic_time() + DESKTOP_WAIT_S * G_USEC_PER_SEC;
	desktop->status = CLI_OK;
	if (launch(&desktop->programs[DISPLAY])) {
		g_timeout_add(DESKTOP_POLL_MS, await_display, desktop);
		g_main_loop_run(desktop->loop);
	} else {
		desktop->status = CLI_FAILED;
	}
	g_main_loop_unref(desktop->loop);
	return desktop->status;
}

/*
 * What the user should know about libvirt here. In a thread: an unreachable libvirt and the trial
 * of KVM can take many seconds, and the screen must not wait for them. Neither is a reason to stay
 * away: the panel says it too, and the daemon keeps trying.
 */
static gpointer greet(gpointer data)
{
	struct cli *cli = data;
	g_autoptr(GError) error = NULL;

	if (!cli_connect(cli, &error)) {
		g_printerr("mullion: %s\n", error->message);
		return NULL;
	}
	cli_tell_accelerator(cli);
	virConnectClose(cli->conn);
	cli->conn = NULL;
	return NULL;
}

int cli_desktop(struct cli *cli, int argc, char **argv)
{
	g_autofree char *output = NULL;
	const GOptionEntry options[] = {
		{"output", 'o', 0, G_OPTION_ARG_STRING, &output, "sdl (a window) or headless",
		 "OUTPUT"},
		G_OPTION_ENTRY_NULL,
	};
	struct desktop desktop = {0};
	GError *error = NULL;
	int status;

	if (!cli_parse(cli, options, &argc, &argv, 0, G_MAXINT - 1, &status))
		return status;
	argv[argc] = NULL;
	if (!make_runtime(&error) || !prepare(&desktop, cli, output, argv + 1, &error)) {
		status = cli_fail(cli, error);
	} else {
		g_thread_unref(g_thread_new("greet", greet, cli));
		status = run(&desktop);
	}
	finish(&desktop);
	return status;
}
