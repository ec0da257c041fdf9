/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `mullion console`: the guest's serial line on this terminal. */
#include "config.h"

#include "cli.h"

#include <errno.h>
#include <glib-unix.h>
#include <libvirt/virterror.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define CONSOLE_LEAVE 0x1d /* Ctrl+] */

struct console {
	GMainLoop *loop;
	virStreamPtr stream;
	struct termios before;
	bool raw;
	unsigned input_source;
	char pending[1024]; /* typed, not taken by the guest yet; nothing is read meanwhile */
	size_t pending_length;
	GError *error;
};

static void leave(struct console *console)
{
	g_main_loop_quit(console->loop);
}

static void fail(struct console *console, const char *what)
{
	const virError *last = virGetLastError();

	if (!console->error)
		g_set_error(&console->error, MULLION_ERROR, MULLION_ERROR_FAILED, "%s: %s", what,
			    last && last->message ? last->message : g_strerror(errno));
	leave(console);
}

static bool write_all(const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes += n;
		length -= (size_t)n;
	}
	return true;
}

static gboolean typed(int fd, GIOCondition condition, void *data);

static void watch_input(struct console *console)
{
	if (!console->input_source)
		console->input_source =
			g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, typed, console);
}

static void watch_stream(struct console *console)
{
	int events = VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP;

	if (console->pending_length > 0)
		events |= VIR_STREAM_EVENT_WRITABLE;
	virStreamEventUpdateCallback(console->stream, events);
}

static gboolean typed(int fd, GIOCondition condition, void *data)
{
	struct console *console = data;
	const char *escape;
	ssize_t n;

	(void)condition;
	n = read(fd, console->pending, sizeof(console->pending));
	console->input_source = 0;
	/* The end of a file or a pipe ends the input only: what the guest says is still shown. */
	if (n <= 0)
		return G_SOURCE_REMOVE;
	console->pending_length = (size_t)n;
	escape = console->raw ? memchr(console->pending, CONSOLE_LEAVE, (size_t)n) : NULL;
	if (escape) {
		leave(console);
		return G_SOURCE_REMOVE;
	}
	watch_stream(console);
	return G_SOURCE_REMOVE;
}

static void show_output(struct console *console)
{
	char buffer[4096];
	int n;

	while ((n = virStreamRecv(console->stream, buffer, sizeof(buffer))) > 0) {
		if (!write_all(buffer, (size_t)n)) {
			leave(console);
			return;
		}
	}
	if (n == 0)
		leave(console); /* the guest has gone */
	else if (n != -2)
		fail(console, "the console is lost");
}

static void send_input(struct console *console)
{
	int n = virStreamSend(console->stream, console->pending, console->pending_length);

	if (n == -2)
		return;
	if (n < 0) {
		fail(console, "the guest does not take input");
		return;
	}
	console->pending_length -= (size_t)n;
	memmove(console->pending, console->pending + n, console->pending_length);
	if (console->pending_length == 0) {
		watch_stream(console);
		watch_input(console);
	}
}

static void stream_event(virStreamPtr stream, int events, void *data)
{
	struct console *console = data;

	(void)stream;
	if (events & VIR_STREAM_EVENT_READABLE)
		show_output(console);
	if ((events & VIR_STREAM_EVENT_WRITABLE) && console->pending_length > 0)
		send_input(console);
	if (events & (VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP))
		leave(console);
}

static gboolean signalled(void *data)
{
	leave(data);
	return G_SOURCE_CONTINUE;
}

static bool make_raw(struct console *console)
{
	struct termios raw;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &console->before) < 0)
		return false;
	raw = console->before;
	cfmakeraw(&raw);
	return tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) == 0;
}

static void converse(struct console *console)
{
	unsigned signals[] = {
		g_unix_signal_add(SIGINT, signalled, console),
		g_unix_signal_add(SIGTERM, signalled, console),
		g_unix_signal_add(SIGHUP, signalled, console),
	};
	size_t i;

	if (virStreamEventAddCallback(console->stream,
				      VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_ERROR |
					      VIR_STREAM_EVENT_HANGUP,
				      stream_event, console, NULL) < 0) {
		fail(console, "the console cannot be followed");
	} else {
		console->raw = make_raw(console);
		watch_input(console);
		g_main_loop_run(console->loop);
		virStreamEventRemoveCallback(console->stream);
	}
	if (console->raw)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &console->before);
	if (console->input_source)
		g_source_remove(console->input_source);
	for (i = 0; i < G_N_ELEMENTS(signals); i++)
		g_source_remove(signals[i]);
}

int cli_console(struct cli *cli, int argc, char **argv)
{
	struct console console = {0};
	gboolean force = FALSE;
	const GOptionEntry options[] = {
		{"force", 'f', 0, G_OPTION_ARG_NONE, &force,
		 "take the console over from another program", NULL},
		G_OPTION_ENTRY_NULL,
	};
	GError *error = NULL;
	const char *name;
	virDomainPtr dom;
	int status;

	if (!cli_parse(cli, options, &argc, &argv, 1, 1, &status))
		return status;
	dom = cli_find(cli, argv[1], &error);
	if (!dom)
		return cli_fail(cli, error);
	if (virDomainIsActive(dom) != 1) {
		g_set_error(&error, MULLION_ERROR, MULLION_ERROR_FAILED,
			    "%s is off, so it has no console; start it first",
			    virDomainGetName(dom));
		goto out;
	}
	name = virDomainGetName(dom);
	console.stream = virStreamNew(cli->conn, VIR_STREAM_NONBLOCK);
	if (!console.stream ||
	    virDomainOpenConsole(dom, NULL, console.stream,
				 force ? VIR_DOMAIN_CONSOLE_FORCE : VIR_DOMAIN_CONSOLE_SAFE) < 0) {
		const virError *last = virGetLastError();

		g_set_error(&error, MULLION_ERROR, MULLION_ERROR_FAILED,
			    "the console of %s cannot be opened: %s%s", name,
			    last && last->message ? last->message : "unknown error",
			    force ? "" : "; if another program has it, --force takes it over");
		goto out;
	}
	if (isatty(STDIN_FILENO))
		g_printerr("mullion: console of %s; Ctrl+] leaves\n", name);
	console.loop = g_main_loop_new(NULL, FALSE);
	converse(&console);
	g_main_loop_unref(console.loop);
	error = console.error;
	if (error)
		virStreamAbort(console.stream);
	else
		virStreamFinish(console.stream);
out:
	if (console.stream)
		virStreamFree(console.stream);
	virDomainFree(dom);
	return error ? cli_fail(cli, error) : CLI_OK;
}
