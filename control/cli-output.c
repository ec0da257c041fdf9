/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `mullion list`, `show`, `where` and `version`; tables for people, JSON for programs. */
#include "config.h"

#include "cli.h"

#include <stdlib.h>
#include <string.h>

void cli_print_json(JsonNode *node)
{
	g_autofree char *text = json_to_string(node, TRUE);

	g_print("%s\n", text);
	json_node_unref(node);
}

static void put_string(JsonBuilder *builder, const char *key, const char *value)
{
	json_builder_set_member_name(builder, key);
	if (value)
		json_builder_add_string_value(builder, value);
	else
		json_builder_add_null_value(builder);
}

static void put_int(JsonBuilder *builder, const char *key, int64_t value)
{
	json_builder_set_member_name(builder, key);
	json_builder_add_int_value(builder, value);
}

static void put_strings(JsonBuilder *builder, const char *key, char **values)
{
	json_builder_set_member_name(builder, key);
	json_builder_begin_array(builder);
	for (; values && *values; values++)
		json_builder_add_string_value(builder, *values);
	json_builder_end_array(builder);
}

static void finish_json(JsonBuilder *builder)
{
	cli_print_json(json_builder_get_root(builder));
	g_object_unref(builder);
}

static void put_guest(JsonBuilder *builder, const struct guest_info *info)
{
	g_autofree char *colour = g_strdup_printf("#%06x", info->colour);

	json_builder_begin_object(builder);
	put_string(builder, "id", info->id);
	put_string(builder, "name", info->name);
	put_string(builder, "label", info->label);
	put_int(builder, "slot", info->slot);
	put_string(builder, "colour", colour);
	put_string(builder, "os", info->os);
	put_string(builder, "state", guest_state_name(info->state));
	put_int(builder, "vcpus", info->vcpus);
	put_int(builder, "memory", (int64_t)info->memory_mib);
	put_string(builder, "accelerator", info->accelerator);
	put_string(builder, "firmware", info->firmware);
	put_strings(builder, "snapshots", info->snapshots);
	put_strings(builder, "disks", info->disks);
	json_builder_end_object(builder);
}

int cli_done(struct cli *cli, virDomainPtr dom, const char *format, ...)
{
	char uuid[VIR_UUID_STRING_BUFLEN] = "";
	g_autofree char *message = NULL;
	JsonBuilder *builder;
	va_list args;

	va_start(args, format);
	message = g_strdup_vprintf(format, args);
	va_end(args);
	if (!cli->json) {
		g_print("%s\n", message);
		return CLI_OK;
	}
	builder = json_builder_new();
	json_builder_begin_object(builder);
	json_builder_set_member_name(builder, "ok");
	json_builder_add_boolean_value(builder, TRUE);
	if (dom && virDomainGetUUIDString(dom, uuid) == 0) {
		put_string(builder, "id", uuid);
		put_string(builder, "name", virDomainGetName(dom));
	}
	put_string(builder, "message", message);
	json_builder_end_object(builder);
	finish_json(builder);
	return CLI_OK;
}

/* Columns as wide as their widest cell. cells holds rows * columns strings. */
static void print_table(char **cells, unsigned columns)
{
	g_autofree size_t *widths = g_new0(size_t, columns);
	unsigned i;

	for (i = 0; cells[i]; i++)
		widths[i % columns] = MAX(widths[i % columns], (size_t)g_utf8_strlen(cells[i], -1));
	for (i = 0; cells[i]; i++) {
		bool last = i % columns == columns - 1;
		size_t pad = widths[i % columns] - (size_t)g_utf8_strlen(cells[i], -1);

		g_print("%s%*s", cells[i], last ? 0 : (int)(pad + 2), "");
		if (last)
			g_print("\n");
	}
}

static void add(GPtrArray *cells, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void add(GPtrArray *cells, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_ptr_array_add(cells, g_strdup_vprintf(format, args));
	va_end(args);
}

static void list_table(const GPtrArray *infos)
{
	static const char *const heads[] = {"SLOT",   "NAME", "STATE", "SYSTEM",
					    "MEMORY", "CPUS", "LABEL"};
	g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
	unsigned i;

	for (i = 0; i < G_N_ELEMENTS(heads); i++)
		add(cells, "%s", heads[i]);
	for (i = 0; i < infos->len; i++) {
		const struct guest_info *info = infos->pdata[i];

		if (info->slot)
			add(cells, "%u", info->slot);
		else
			add(cells, "-");
		add(cells, "%s", info->name);
		add(cells, "%s", guest_state_name(info->state));
		add(cells, "%s", info->os);
		add(cells, "%" G_GUINT64_FORMAT " MiB", info->memory_mib);
		add(cells, "%u", info->vcpus);
		add(cells, "%s", info->label);
	}
	g_ptr_array_add(cells, NULL);
	print_table((char **)cells->pdata, G_N_ELEMENTS(heads));
}

int cli_list(struct cli *cli, int argc, char **argv)
{
	gboolean names = FALSE;
	const GOptionEntry options[] = {
		{"names", 0, 0, G_OPTION_ARG_NONE, &names, "print only the names, one a line",
		 NULL},
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GPtrArray) infos = NULL;
	GError *error = NULL;
	unsigned i;
	int status;

	if (!cli_parse(cli, options, &argc, &argv, 0, 0, &status))
		return status;
	if (!cli_connect(cli, &error) || !(infos = guest_list(cli->conn, &error)))
		return cli_fail(cli, error);
	if (cli->json) {
		JsonBuilder *builder = json_builder_new();

		json_builder_begin_array(builder);
		for (i = 0; i < infos->len; i++)
			put_guest(builder, infos->pdata[i]);
		json_builder_end_array(builder);
		finish_json(builder);
	} else if (names) {
		for (i = 0; i < infos->len; i++)
			g_print("%s\n", ((struct guest_info *)infos->pdata[i])->name);
	} else if (infos->len == 0) {
		g_print("There are no guests yet; make one with: mullion create NAME --iso FILE\n");
	} else {
		list_table(infos);
	}
	return CLI_OK;
}

static void show_lines(const struct guest_info *info)
{
	g_autofree char *disks = g_strjoinv("\n             ", info->disks);
	g_autofree char *snapshots = g_strjoinv("\n             ", info->snapshots);

	g_print("Name:        %s\nLabel:       %s\nState:       %s\n", info->name, info->label,
		guest_state_name(info->state));
	if (info->slot)
		g_print("Slot:        %u (Ctrl+Alt+%u)\n", info->slot, info->slot);
	else
		g_print("Slot:        none\n");
	g_print("Colour:      #%06x\nSystem:      %s\nFirmware:    %s\n", info->colour, info->os,
		info->firmware);
	g_print("Memory:      %" G_GUINT64_FORMAT " MiB\nCPUs:        %u (%s)\n", info->memory_mib,
		info->vcpus, g_str_equal(info->accelerator, "kvm") ? "KVM" : "emulated");
	g_print("Disks:       %s\nSnapshots:   %s\nUUID:        %s\n", *disks ? disks : "none",
		*snapshots ? snapshots : "none", info->id);
}

int cli_show(struct cli *cli, int argc, char **argv)
{
	gboolean snapshots = FALSE;
	const GOptionEntry options[] = {
		{"snapshots", 0, 0, G_OPTION_ARG_NONE, &snapshots,
		 "print only the snapshots' names, oldest first, one a line", NULL},
		G_OPTION_ENTRY_NULL,
	};
	struct guest_info *info;
	GError *error = NULL;
	virDomainPtr dom;
	int status;

	if (!cli_parse(cli, options, &argc, &argv, 1, 1, &status))
		return status;
	dom = cli_find(cli, argv[1], &error);
	info = dom ? guest_get_info(dom, &error) : NULL;
	if (dom)
		virDomainFree(dom);
	if (!info)
		return cli_fail(cli, error);
	if (cli->json) {
		JsonBuilder *builder = json_builder_new();

		put_guest(builder, info);
		finish_json(builder);
	} else if (snapshots) {
		char **name;

		for (name = info->snapshots; *name; name++)
			g_print("%s\n", *name);
	} else {
		show_lines(info);
	}
	guest_info_free(info);
	return CLI_OK;
}

static void where_json(const GPtrArray *files)
{
	JsonBuilder *builder = json_builder_new();
	unsigned i;

	json_builder_begin_array(builder);
	for (i = 0; i < files->len; i++) {
		const struct guest_file *file = files->pdata[i];

		json_builder_begin_object(builder);
		put_string(builder, "role", file->role);
		put_string(builder, "path", file->path);
		put_int(builder, "size", file->size);
		put_int(builder, "allocated", file->allocated);
		json_builder_set_member_name(builder, "owned");
		json_builder_add_boolean_value(builder, file->owned);
		json_builder_end_object(builder);
	}
	json_builder_end_array(builder);
	finish_json(builder);
}

static void add_size(GPtrArray *cells, int64_t size)
{
	if (size < 0)
		add(cells, "-");
	else
		g_ptr_array_add(cells, g_format_size_full((uint64_t)size, G_FORMAT_SIZE_IEC_UNITS));
}

static void where_table(const GPtrArray *files)
{
	static const char *const heads[] = {"WHAT", "SIZE", "ON DISK", "DELETE", "PATH"};
	g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
	unsigned i;

	for (i = 0; i < G_N_ELEMENTS(heads); i++)
		add(cells, "%s", heads[i]);
	for (i = 0; i < files->len; i++) {
		const struct guest_file *file = files->pdata[i];

		add(cells, "%s", file->role);
		add_size(cells, file->size);
		add_size(cells, file->allocated);
		add(cells, "%s", file->owned ? "removes" : "keeps");
		add(cells, "%s", file->path);
	}
	g_ptr_array_add(cells, NULL);
	print_table((char **)cells->pdata, G_N_ELEMENTS(heads));
}

int cli_where(struct cli *cli, int argc, char **argv)
{
	g_autoptr(GPtrArray) files = NULL;
	GError *error = NULL;
	virDomainPtr dom;
	int status;

	if (!cli_parse(cli, NULL, &argc, &argv, 1, 1, &status))
		return status;
	dom = cli_find(cli, argv[1], &error);
	files = dom ? guest_files(dom, &error) : NULL;
	if (dom)
		virDomainFree(dom);
	if (!files)
		return cli_fail(cli, error);
	if (cli->json)
		where_json(files);
	else
		where_table(files);
	return CLI_OK;
}

static char *version_text(unsigned long version)
{
	return g_strdup_printf("%lu.%lu.%lu", version / 1000000, version / 1000 % 1000,
			       version % 1000);
}

int cli_version(struct cli *cli, int argc, char **argv)
{
	g_autofree char *libvirt = NULL, *qemu = NULL, *why = NULL;
	unsigned long version = 0;
	const char *accelerator;
	GError *error = NULL;
	int status;

	if (!cli_parse(cli, NULL, &argc, &argv, 0, 0, &status))
		return status;
	if (!cli_connect(cli, &error)) {
		if (!cli->json)
			g_print("mullion %s\n", PACKAGE_VERSION);
		return cli_fail(cli, error);
	}
	if (virConnectGetLibVersion(cli->conn, &version) == 0)
		libvirt = version_text(version);
	if (virConnectGetVersion(cli->conn, &version) == 0)
		qemu = version_text(version);
	accelerator = guest_accelerator(cli->conn, &why);
	if (cli->json) {
		JsonBuilder *builder = json_builder_new();

		json_builder_begin_object(builder);
		put_string(builder, "mullion", PACKAGE_VERSION);
		put_string(builder, "libvirt", libvirt);
		put_string(builder, "qemu", qemu);
		put_string(builder, "accelerator", accelerator);
		put_string(builder, "reason", why);
		json_builder_end_object(builder);
		finish_json(builder);
	} else {
		g_print("mullion %s\nlibvirt %s\nQEMU %s\nguests: %s\n", PACKAGE_VERSION,
			libvirt ? libvirt : "?", qemu ? qemu : "?", why ? why : "KVM");
	}
	return CLI_OK;
}
