/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command `mullion`: verbs, options, errors. */
#include "config.h"

#include "cli.h"
#include "mullion/runtime.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int cli_help(struct cli *cli, int argc, char **argv);

static const struct cli_verb verbs[] = {
	{"create", "NAME", "make a guest from an ISO, a disk, or a kernel", cli_create,
	 "One of --iso, --disk or --kernel is needed. A disk that you bring is never written to: "
	 "the guest's changes go to a disk of its own above it, which needs the image to stay "
	 "where it is. A kernel and an initrd are copied; an ISO is used where it is."},
	{"list", "", "the guests, by slot", cli_list, NULL},
	{"show", "NAME", "everything about one guest", cli_show, NULL},
	{"start", "NAME", "start a guest, or let it go on", cli_start, NULL},
	{"stop", "NAME", "ask a guest to shut down; force it after a time", cli_stop, NULL},
	{"pause", "NAME", "halt a running guest, memory kept", cli_pause, NULL},
	{"resume", "NAME", "let a paused or sleeping guest go on", cli_resume, NULL},
	{"focus", "[NAME]", "bring a guest to the screen; without a name the panel", cli_focus,
	 NULL},
	{"snapshot", "NAME [SNAPSHOT]", "keep the guest's state, memory included", cli_snapshot,
	 "Without a name for it the snapshot is called by the time. A guest with UEFI is put "
	 "aside for some seconds while it is taken."},
	{"revert", "NAME [SNAPSHOT]", "go back to a snapshot, by default the newest", cli_revert,
	 "What the guest did since then is lost."},
	{"delete", "NAME", "remove a guest and the disks made for it", cli_delete,
	 "Images that you brought are kept. Asks first on a terminal."},
	{"console", "NAME", "the guest's serial console; Ctrl+] leaves", cli_console, NULL},
	{"where", "NAME", "every file the guest consists of", cli_where, NULL},
	{"desktop", "[-- OPTION...]", "the window with all guests and the panel", cli_desktop,
	 "What follows -- goes to mullion-display; see mullion-display --help. Guests go on when "
	 "the window is closed."},
	{"help", "[VERB]", "this text, or a verb's", cli_help, NULL},
	{"version", "", "versions of Mullion, libvirt and QEMU", cli_version, NULL},
};

static const char *error_name(const GError *error)
{
	static const char *const names[] = {
		[MULLION_ERROR_FAILED] = "Failed",
		[MULLION_ERROR_NOT_FOUND] = "NotFound",
		[MULLION_ERROR_EXISTS] = "Exists",
		[MULLION_ERROR_INVALID_ARGUMENT] = "InvalidArgument",
		[MULLION_ERROR_NOT_AVAILABLE] = "NotAvailable",
		[MULLION_ERROR_NO_SPACE] = "NoSpace",
	};

	if (error->domain != MULLION_ERROR || error->code < 0 ||
	    error->code >= (int)G_N_ELEMENTS(names))
		return "Failed";
	return names[error->code];
}

/* One line, wherever the words came from, and nothing in it that a terminal would obey. */
static void say(struct cli *cli, const char *code, const char *message)
{
	g_autofree char *valid = g_utf8_make_valid(message, -1);
	char *p;

	for (p = valid; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	if (cli->json) {
		JsonBuilder *builder = json_builder_new();

		json_builder_begin_object(builder);
		json_builder_set_member_name(builder, "error");
		json_builder_begin_object(builder);
		json_builder_set_member_name(builder, "code");
		json_builder_add_string_value(builder, code);
		json_builder_set_member_name(builder, "message");
		json_builder_add_string_value(builder, valid);
		json_builder_end_object(builder);
		json_builder_end_object(builder);
		cli_print_json(json_builder_get_root(builder));
		g_object_unref(builder);
	} else {
		g_printerr("mullion: %s\n", valid);
	}
}

int cli_fail(struct cli *cli, GError *error)
{
	say(cli, error_name(error), error->message);
	g_error_free(error);
	return CLI_FAILED;
}

int cli_usage(struct cli *cli, const char *format, ...)
{
	g_autofree char *message = NULL;
	g_autofree char *line = NULL;
	va_list args;

	va_start(args, format);
	message = g_strdup_vprintf(format, args);
	va_end(args);
	line = g_strdup_printf("%s; see mullion help%s%s", message, cli->verb ? " " : "",
			       cli->verb ? cli->verb->name : "");
	say(cli, "Usage", line);
	return CLI_USAGE;
}

bool cli_connect(struct cli *cli, GError **error)
{
	if (!cli->conn) {
		guest_init();
		cli->conn = guest_connect(cli->uri, error);
	}
	return cli->conn != NULL;
}

virDomainPtr cli_find(struct cli *cli, const char *name, GError **error)
{
	return cli_connect(cli, error) ? guest_find(cli->conn, name, error) : NULL;
}

void cli_tell_accelerator(struct cli *cli)
{
	g_autofree char *told = mullion_runtime_path("accelerator-told");
	g_autofree char *boot = NULL, *before = NULL, *why = NULL;

	guest_accelerator(cli->conn, &why);
	if (!why || cli->json)
		return;
	mullion_runtime_create(NULL); /* else it is said again, which is all that is lost */
	if (g_file_get_contents("/proc/sys/kernel/random/boot_id", &boot, NULL, NULL) &&
	    g_file_get_contents(told, &before, NULL, NULL) && g_str_equal(boot, before))
		return;
	g_printerr("mullion: guests are emulated on this machine, which is much slower: %s\n", why);
	if (boot)
		g_file_set_contents(told, boot, -1, NULL);
}

static GOptionContext *make_context(struct cli *cli, const GOptionEntry *options)
{
	const GOptionEntry common[] = {
		{"connect", 'c', 0, G_OPTION_ARG_STRING, &cli->uri,
		 "libvirt to use (default: qemu:///system for root, else qemu:///session)", "URI"},
		{"json", 0, 0, G_OPTION_ARG_NONE, &cli->json, "print JSON", NULL},
		G_OPTION_ENTRY_NULL,
	};
	GOptionContext *context = g_option_context_new(cli->verb ? cli->verb->arguments : NULL);
	g_autofree char *summary = NULL;

	if (options)
		g_option_context_add_main_entries(context, options, NULL);
	g_option_context_add_main_entries(context, common, NULL);
	if (cli->verb) {
		summary = g_strdup_printf("mullion %s: %s", cli->verb->name, cli->verb->summary);
		g_option_context_set_summary(context, summary);
		if (cli->verb->more)
			g_option_context_set_description(context, cli->verb->more);
	}
	return context;
}

bool cli_parse(struct cli *cli, const GOptionEntry *options, int *argc, char ***argv, int min,
	       int max, int *status)
{
	g_autoptr(GOptionContext) context = make_context(cli, options);
	g_autoptr(GError) error = NULL;
	bool dashes = false;
	int i, n;

	*status = CLI_USAGE;
	if (!g_option_context_parse(context, argc, argv, &error)) {
		cli_usage(cli, "%s", error->message);
		return false;
	}
	/* GLib leaves a "--" among the arguments. */
	for (i = 1, n = 1; i < *argc; i++) {
		if (!dashes && g_str_equal((*argv)[i], "--"))
			dashes = true;
		else
			(*argv)[n++] = (*argv)[i];
	}
	*argc = n;
	if (n - 1 < min) {
		cli_usage(cli, "%s needs %s", cli->verb->name, cli->verb->arguments);
		return false;
	}
	if (n - 1 > max) {
		cli_usage(cli, "%s does not take “%s”", cli->verb->name, (*argv)[max + 1]);
		return false;
	}
	return true;
}

static const struct cli_verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(verbs); i++)
		if (g_str_equal(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static void print_overview(void)
{
	size_t i;

	g_print("Usage: mullion [--connect URI] [--json] VERB ...\n\n"
		"Guests side by side on one screen, one key apart.\n\n");
	for (i = 0; i < G_N_ELEMENTS(verbs); i++)
		g_print("  %-10s %-18s %s\n", verbs[i].name, verbs[i].arguments, verbs[i].summary);
	g_print("\n  -c, --connect URI   libvirt to use (default: qemu:///system for root, else\n"
		"                      qemu:///session)\n"
		"  --json              print JSON\n\n"
		"mullion help VERB tells a verb's options.\n");
}

static int cli_help(struct cli *cli, int argc, char **argv)
{
	char *call[] = {(char *)"mullion", (char *)"--help", NULL};
	g_autofree char *program = NULL;
	const struct cli_verb *verb;
	int status;

	if (!cli_parse(cli, NULL, &argc, &argv, 0, 1, &status))
		return status;
	if (argc == 1) {
		print_overview();
		return CLI_OK;
	}
	verb = find_verb(argv[1]);
	if (!verb)
		return cli_usage(cli, "there is no verb “%s”", argv[1]);
	if (verb->run == cli_help) {
		print_overview();
		return CLI_OK;
	}
	/* The option parser prints it, and ends the program. */
	program = g_strdup_printf("mullion %s", verb->name);
	g_set_prgname(program);
	cli->verb = verb;
	return verb->run(cli, 2, call);
}

/* Options before the verb. Returns the verb's place in argv, or 0 with *status. */
static int parse_common(struct cli *cli, int argc, char **argv, int *status)
{
	int i;

	*status = CLI_USAGE;
	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		const char *option = argv[i];

		if (g_str_equal(option, "--json")) {
			cli->json = TRUE;
		} else if (g_str_has_prefix(option, "--connect=")) {
			g_free(cli->uri);
			cli->uri = g_strdup(option + strlen("--connect="));
		} else if (g_str_equal(option, "--connect") || g_str_equal(option, "-c")) {
			if (++i == argc) {
				cli_usage(cli, "%s needs a URI", option);
				return 0;
			}
			g_free(cli->uri);
			cli->uri = g_strdup(argv[i]);
		} else if (g_str_equal(option, "--help") || g_str_equal(option, "-h")) {
			print_overview();
			*status = CLI_OK;
			return 0;
		} else if (g_str_equal(option, "--version")) {
			g_print("mullion %s\n", PACKAGE_VERSION);
			*status = CLI_OK;
			return 0;
		} else {
			cli_usage(cli, "there is no option %s", option);
			return 0;
		}
	}
	if (i == argc) {
		cli_usage(cli, "what is to be done?");
		return 0;
	}
	return i;
}

int main(int argc, char **argv)
{
	g_autofree char *program = NULL;
	struct cli cli = {0};
	int status, at;

	/* The texts have quotes and sizes that ASCII lacks; where no language is set, as in a
	 * container or a boot script, they would come out as question marks. */
	setlocale(LC_ALL, "");
	if (g_str_equal(nl_langinfo(CODESET), "ANSI_X3.4-1968"))
		setlocale(LC_CTYPE, "C.UTF-8");
	at = parse_common(&cli, argc, argv, &status);
	if (at == 0)
		goto out;
	cli.verb = find_verb(argv[at]);
	if (!cli.verb) {
		status = cli_usage(&cli, "there is no verb “%s”", argv[at]);
		goto out;
	}
	/* So that the verb's own help reads as it was called. */
	program = g_strdup_printf("mullion %s", cli.verb->name);
	g_set_prgname(program);
	status = cli.verb->run(&cli, argc - at, argv + at);
	if (fflush(stdout) != 0 && status == CLI_OK) {
		g_printerr("mullion: the output cannot be written: %s\n", g_strerror(errno));
		status = CLI_FAILED;
	}
out:
	if (cli.conn)
		virConnectClose(cli.conn);
	g_free(cli.uri);
	return status;
}
