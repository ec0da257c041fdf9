/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs that change a guest: start, stop, pause, resume, focus, snapshot, revert, delete. */
#include "config.h"

#include "cli.h"
#include "mullion/runtime.h"

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FOCUS_TIMEOUT_MS 10000

/* A verb that is one call of the library on one guest. */
static int simple(struct cli *cli, int argc, char **argv,
		  gboolean (*call)(virDomainPtr dom, GError **error), const char *done)
{
	GError *error = NULL;
	virDomainPtr dom;
	int status;

	if (!cli_parse(cli, NULL, &argc, &argv, 1, 1, &status))
		return status;
	dom = cli_find(cli, argv[1], &error);
	if (!dom)
		return cli_fail(cli, error);
	if (call(dom, &error))
		status = cli_done(cli, dom, "%s is %s", virDomainGetName(dom), done);
	else
		status = cli_fail(cli, error);
	virDomainFree(dom);
	return status;
}

int cli_start(struct cli *cli, int argc, char **argv)
{
	int status = simple(cli, argc, argv, guest_start, "running");

	if (status == CLI_OK)
		cli_tell_accelerator(cli);
	return status;
}

int cli_pause(struct cli *cli, int argc, char **argv)
{
	return simple(cli, argc, argv, guest_pause, "paused");
}

int cli_resume(struct cli *cli, int argc, char **argv)
{
	return simple(cli, argc, argv, guest_resume, "running");
}

int cli_stop(struct cli *cli, int argc, char **argv)
{
	gboolean force = FALSE;
	int timeout = GUEST_STOP_TIMEOUT_S;
	const GOptionEntry options[] = {
		{"force", 'f', 0, G_OPTION_ARG_NONE, &force, "pull the plug at once", NULL},
		{"timeout", 't', 0, G_OPTION_ARG_INT, &timeout,
		 "how long the guest has to shut down before it is forced (default: 60)",
		 "SECONDS"},
		G_OPTION_ENTRY_NULL,
	};
	GError *error = NULL;
	virDomainPtr dom;
	int status;

	if (!cli_parse(cli, options, &argc, &argv, 1, 1, &status))
		return status;
	if (timeout < 0 || timeout > 86400)
		return cli_usage(cli, "the timeout is 0 to 86400 seconds");
	dom = cli_find(cli, argv[1], &error);
	if (!dom)
		return cli_fail(cli, error);
	if (guest_stop(dom, force ? 0 : (unsigned)timeout, &error))
		status = cli_done(cli, dom, "%s is off", virDomainGetName(dom));
	else
		status = cli_fail(cli, error);
	virDomainFree(dom);
	return status;
}

static bool focus(const char *id, GError **error)
{
	g_autofree char *path = mullion_runtime_path(MULLION_DISPLAY_SOCKET);
	g_autofree char *escaped = g_dbus_address_escape_value(path);
	g_autofree char *address = g_strconcat("unix:path=", escaped, NULL);
	g_autoptr(GDBusConnection) bus = NULL;
	g_autoptr(GVariant) reply = NULL;
	g_autoptr(GError) cause = NULL;

	bus = g_dbus_connection_new_for_address_sync(
		address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL, &cause);
	if (!bus) {
		g_set_error(error, MULLION_ERROR, MULLION_ERROR_NOT_AVAILABLE,
			    "no display runs here (%s does not answer); start one with: mullion "
			    "desktop",
			    path);
		return false;
	}
	reply = g_dbus_connection_call_sync(bus, NULL, MULLION_DISPLAY_OBJECT_PATH,
					    "org.mullion.Display1", "Focus",
					    g_variant_new("(s)", id), NULL, G_DBUS_CALL_FLAGS_NONE,
					    FOCUS_TIMEOUT_MS, NULL, &cause);
	if (reply)
		return true;
	g_dbus_error_strip_remote_error(cause);
	g_set_error(error, MULLION_ERROR, MULLION_ERROR_FAILED, "the display does not switch: %s",
		    cause->message);
	return false;
}

int cli_focus(struct cli *cli, int argc, char **argv)
{
	char uuid[VIR_UUID_STRING_BUFLEN] = "";
	virDomainPtr dom = NULL;
	GError *error = NULL;
	int status;

	if (!cli_parse(cli, NULL, &argc, &argv, 0, 1, &status))
		return status;
	if (argc == 2) {
		dom = cli_find(cli, argv[1], &error);
		if (!dom)
			return cli_fail(cli, error);
		virDomainGetUUIDString(dom, uuid);
	}
	if (focus(uuid, &error))
		status = cli_done(cli, dom, "%s has the screen",
				  dom ? virDomainGetName(dom) : "the panel");
	else
		status = cli_fail(cli, error);
	if (dom)
		virDomainFree(dom);
	return status;
}

/* snapshot and revert: both take a guest and, if wanted, a snapshot's name. */
static int with_snapshot(struct cli *cli, int argc, char **argv,
			 gboolean (*call)(virDomainPtr dom, const char *name, GError **error),
			 const char *done)
{
	GError *error = NULL;
	virDomainPtr dom;
	int status;

	if (!cli_parse(cli, NULL, &argc, &argv, 1, 2, &status))
		return status;
	dom = cli_find(cli, argv[1], &error);
	if (!dom)
		return cli_fail(cli, error);
	if (call(dom, argc == 3 ? argv[2] : NULL, &error))
		status = cli_done(cli, dom, "%s: %s", virDomainGetName(dom), done);
	else
		status = cli_fail(cli, error);
	virDomainFree(dom);
	return status;
}

int cli_snapshot(struct cli *cli, int argc, char **argv)
{
	return with_snapshot(cli, argc, argv, guest_snapshot, "the snapshot is taken");
}

int cli_revert(struct cli *cli, int argc, char **argv)
{
	return with_snapshot(cli, argc, argv, guest_revert, "back at the snapshot");
}

static bool agreed(const char *name)
{
	char answer[16] = "";

	g_printerr("Delete %s, its disks and its snapshots? [y/N] ", name);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

int cli_delete(struct cli *cli, int argc, char **argv)
{
	gboolean force = FALSE, yes = FALSE;
	const GOptionEntry options[] = {
		{"force", 'f', 0, G_OPTION_ARG_NONE, &force,
		 "stop the guest first if it is running", NULL},
		{"yes", 'y', 0, G_OPTION_ARG_NONE, &yes, "do not ask", NULL},
		G_OPTION_ENTRY_NULL,
	};
	g_autofree char *name = NULL;
	GError *error = NULL;
	virDomainPtr dom;
	int status;

	if (!cli_parse(cli, options, &argc, &argv, 1, 1, &status))
		return status;
	dom = cli_find(cli, argv[1], &error);
	if (!dom)
		return cli_fail(cli, error);
	name = g_strdup(virDomainGetName(dom));
	if (!yes && !cli->json && isatty(STDIN_FILENO) && !agreed(name)) {
		g_printerr("mullion: %s is kept\n", name);
		status = CLI_FAILED;
	} else if ((force && guest_is_ours(dom) && !guest_stop(dom, 0, &error)) ||
		   !guest_delete(dom, &error)) {
		status = cli_fail(cli, error);
	} else {
		status = cli_done(cli, NULL, "%s is deleted", name);
	}
	virDomainFree(dom);
	return status;
}
