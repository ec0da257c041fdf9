/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `mullion create`. */
#include "config.h"

#include "cli.h"
#include "guest-internal.h"

#include <unistd.h>

struct options {
	char *iso, *disk, *kernel, *initrd, *cmdline;
	char *os, *firmware, *label, *colour, *memory, *disk_size;
	int cpus;
	gboolean start;
};

static void options_finish(struct options *options)
{
	g_free(options->iso);
	g_free(options->disk);
	g_free(options->kernel);
	g_free(options->initrd);
	g_free(options->cmdline);
	g_free(options->os);
	g_free(options->firmware);
	g_free(options->label);
	g_free(options->colour);
	g_free(options->memory);
	g_free(options->disk_size);
}

static void progress(void *data, const char *what, double fraction)
{
	bool *shown = data;

	*shown = true;
	if (fraction < 0)
		g_printerr("\r\033[K%s ...", what);
	else
		g_printerr("\r\033[K%s %3.0f %%", what, fraction * 100);
}

/* The parts of the specification that are not text; false after having said what is wrong. */
static bool read_numbers(struct cli *cli, const struct options *options, struct guest_spec *spec,
			 int *status)
{
	uint32_t colour = 0;

	*status = CLI_USAGE;
	if (options->memory && !(spec->memory_mib = guest_parse_size(options->memory, 'M')))
		cli_usage(cli, "--memory is a size, as in 2048 (MiB) or 2G, not “%s”",
			  options->memory);
	else if (options->disk_size &&
		 !(spec->disk_gib = guest_parse_size(options->disk_size, 'G')))
		cli_usage(cli, "--disk-size is a size, as in 20 (GiB) or 1T, not “%s”",
			  options->disk_size);
	else if (options->cpus < 0 || options->cpus > (int)GUEST_MAX_VCPUS)
		cli_usage(cli, "--vcpus is 1 to %u", GUEST_MAX_VCPUS);
	else if (options->colour && !guest_parse_colour(options->colour, &colour, NULL))
		cli_usage(cli, "--colour is written #RRGGBB, as in #3465a4, not “%s”",
			  options->colour);
	else
		*status = CLI_OK;
	spec->vcpus = (unsigned)MAX(0, options->cpus);
	spec->colour = options->colour ? (int64_t)colour : -1;
	return *status == CLI_OK;
}

static int create(struct cli *cli, const struct guest_spec *spec, bool start)
{
	bool visible = !cli->json && isatty(STDERR_FILENO);
	g_autofree char *id = NULL;
	virDomainPtr dom = NULL;
	GError *error = NULL;
	bool shown = false;
	int status;

	if (!cli_connect(cli, &error))
		return cli_fail(cli, error);
	id = guest_create(cli->conn, spec, visible ? progress : NULL, &shown, &error);
	if (shown)
		g_printerr("\r\033[K");
	if (!id)
		return cli_fail(cli, error);
	dom = guest_find(cli->conn, id, &error);
	if (!dom)
		return cli_fail(cli, error);
	if (start && !guest_start(dom, &error)) {
		g_prefix_error(&error, "the guest is made, but ");
		status = cli_fail(cli, error);
	} else if (start) {
		status = cli_done(cli, dom, "%s is made and running", spec->name);
	} else {
		status = cli_done(cli, dom, "%s is made; start it with: mullion start %s",
				  spec->name, spec->name);
	}
	cli_tell_accelerator(cli);
	virDomainFree(dom);
	return status;
}

int cli_create(struct cli *cli, int argc, char **argv)
{
	struct options o = {0};
	const GOptionEntry entries[] = {
		{"iso", 0, 0, G_OPTION_ARG_FILENAME, &o.iso, "start from this CD or DVD image",
		 "FILE"},
		{"disk", 0, 0, G_OPTION_ARG_FILENAME, &o.disk,
		 "use a copy-on-write layer on this disk (qcow2, raw, vmdk, vdi)", "FILE"},
		{"kernel", 0, 0, G_OPTION_ARG_FILENAME, &o.kernel, "start this Linux kernel",
		 "FILE"},
		{"initrd", 0, 0, G_OPTION_ARG_FILENAME, &o.initrd, "with this initrd", "FILE"},
		{"cmdline", 0, 0, G_OPTION_ARG_STRING, &o.cmdline, "and this command line", "TEXT"},
		{"os", 0, 0, G_OPTION_ARG_STRING, &o.os,
		 "what it is: linux (default), windows, other", "SYSTEM"},
		{"memory", 'm', 0, G_OPTION_ARG_STRING, &o.memory,
		 "MiB, or with G (default: 2G; windows: 4G)", "SIZE"},
		{"vcpus", 0, 0, G_OPTION_ARG_INT, &o.cpus, "virtual CPUs (default: 2)", "N"},
		{"disk-size", 0, 0, G_OPTION_ARG_STRING, &o.disk_size,
		 "GiB of its disk, which takes room only as it fills (default: 20; windows: 64, "
		 "other: 8; with --disk: as that)",
		 "SIZE"},
		{"firmware", 0, 0, G_OPTION_ARG_STRING, &o.firmware,
		 "bios (default) or uefi (default for windows)", "KIND"},
		{"label", 0, 0, G_OPTION_ARG_STRING, &o.label,
		 "what the band and the panel call it (default: NAME)", "TEXT"},
		{"colour", 0, 0, G_OPTION_ARG_STRING, &o.colour,
		 "its colour (default: the next of nine)", "#RRGGBB"},
		{"start", 0, 0, G_OPTION_ARG_NONE, &o.start, "start it right away", NULL},
		G_OPTION_ENTRY_NULL,
	};
	struct guest_spec spec = {0};
	GError *error = NULL;
	int status;

	if (!cli_parse(cli, entries, &argc, &argv, 1, 1, &status))
		goto out;
	if (!read_numbers(cli, &o, &spec, &status))
		goto out;
	spec.name = argv[1];
	spec.iso = o.iso;
	spec.disk = o.disk;
	spec.kernel = o.kernel;
	spec.initrd = o.initrd;
	spec.cmdline = o.cmdline;
	spec.os = o.os;
	spec.firmware = o.firmware;
	spec.label = o.label;
	/* Said before libvirt is asked: it may not even be there. */
	if (!guest_check_spec(&spec, &error)) {
		status = cli_usage(cli, "%s", error->message);
		g_error_free(error);
		goto out;
	}
	status = create(cli, &spec, o.start);
out:
	options_finish(&o);
	return status;
}
