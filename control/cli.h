/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command `mullion`: what its files share. A verb returns the exit status: CLI_OK, CLI_FAILED
 * with one line said why, or CLI_USAGE if it was asked wrongly.
 */
#ifndef CONTROL_CLI_H
#define CONTROL_CLI_H

#include "guest.h"

#include <json-glib/json-glib.h>

enum cli_status { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

struct cli {
	char *uri; /* --connect, or NULL */
	gboolean json;
	const struct cli_verb *verb;
	virConnectPtr conn; /* made by cli_connect() */
};

struct cli_verb {
	const char *name, *arguments, *summary;
	int (*run)(struct cli *cli, int argc, char **argv);
	const char *more; /* paragraphs below the options in its help, or NULL */
};

/* cli.c */
/* Parses a verb's options (may be NULL) and counts what is left, argv[1].. argv[*argc - 1]. False:
 * return *status. */
bool cli_parse(struct cli *cli, const GOptionEntry *options, int *argc, char ***argv, int min,
	       int max, int *status);
int cli_fail(struct cli *cli, GError *error); /* takes error; CLI_FAILED */
int cli_usage(struct cli *cli, const char *format, ...) G_GNUC_PRINTF(2, 3); /* CLI_USAGE */
bool cli_connect(struct cli *cli, GError **error);
/* Connects and finds; virDomainFree() the result. */
virDomainPtr cli_find(struct cli *cli, const char *name, GError **error);
/* Says, once after each start of this machine, that guests are emulated and why. */
void cli_tell_accelerator(struct cli *cli);

/* cli-output.c */
void cli_print_json(JsonNode *node);		/* takes node */
int cli_done(struct cli *cli, virDomainPtr dom, /* a verb has done its work */
	     const char *format, ...) G_GNUC_PRINTF(3, 4);
int cli_list(struct cli *cli, int argc, char **argv);
int cli_show(struct cli *cli, int argc, char **argv);
int cli_where(struct cli *cli, int argc, char **argv);
int cli_version(struct cli *cli, int argc, char **argv);

/* cli-guest.c */
int cli_start(struct cli *cli, int argc, char **argv);
int cli_stop(struct cli *cli, int argc, char **argv);
int cli_pause(struct cli *cli, int argc, char **argv);
int cli_resume(struct cli *cli, int argc, char **argv);
int cli_focus(struct cli *cli, int argc, char **argv);
int cli_snapshot(struct cli *cli, int argc, char **argv);
int cli_revert(struct cli *cli, int argc, char **argv);
int cli_delete(struct cli *cli, int argc, char **argv);

/* cli-create.c */
int cli_create(struct cli *cli, int argc, char **argv);

/* cli-console.c */
int cli_console(struct cli *cli, int argc, char **argv);

/* desktop.c */
int cli_desktop(struct cli *cli, int argc, char **argv);

#endif
