/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See wizard-guess.h. */
#include "wizard-guess.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *guess_file_fault(const char *untrusted_path)
{
	g_autofree char *shown = NULL;
	GStatBuf info;

	if (!g_utf8_validate(untrusted_path, -1, NULL))
		return g_strdup("The file's name is not valid text (UTF-8). Rename it, then try "
				"again.");
	shown = g_filename_display_basename(untrusted_path);
	if (!g_path_is_absolute(untrusted_path))
		return g_strdup_printf("“%s” is not a file on this machine.", shown);
	if (g_stat(untrusted_path, &info) < 0)
		return g_strdup_printf("“%s” cannot be opened: %s.", shown, g_strerror(errno));
	if (S_ISDIR(info.st_mode))
		return g_strdup_printf("“%s” is a folder. Choose an ISO image or a disk image.",
				       shown);
	if (!S_ISREG(info.st_mode))
		return g_strdup_printf("“%s” is not a plain file.", shown);
	if (info.st_size == 0)
		return g_strdup_printf("“%s” is empty. Was it downloaded completely?", shown);
	if (g_access(untrusted_path, R_OK) < 0)
		return g_strdup_printf("“%s” cannot be read: %s. Change its permissions or copy it "
				       "to a folder of yours.",
				       shown, g_strerror(errno));
	return NULL;
}

bool guess_is_iso(const char *path)
{
	g_autofree char *lower = g_ascii_strdown(path, -1);

	return g_str_has_suffix(lower, ".iso");
}

const char *guess_os(const char *path)
{
	static const char *const windows[] = {"windows", "win10", "win11",    "win7",
					      "win8",	 "win_",  "server_20"};
	static const char *const other[] = {"freebsd", "openbsd", "netbsd", "reactos",
					    "haiku",   "memtest", "freedos"};
	g_autofree char *base = g_path_get_basename(path);
	g_autofree char *lower = g_ascii_strdown(base, -1);

	for (size_t i = 0; i < G_N_ELEMENTS(windows); i++) {
		if (strstr(lower, windows[i]))
			return "windows";
	}
	for (size_t i = 0; i < G_N_ELEMENTS(other); i++) {
		if (strstr(lower, other[i]))
			return "other";
	}
	return "linux";
}

static bool name_char(char c)
{
	return g_ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
}

char *guess_name(const char *path)
{
	g_autofree char *base = g_path_get_basename(path);
	char *dot = strrchr(base, '.');
	GString *name = g_string_new(NULL);

	if (dot && dot != base)
		*dot = '\0';
	for (const char *c = base; *c && name->len < 40; c++) {
		if (name_char(*c))
			g_string_append_c(name, *c);
		else if (name->len > 0 && name->str[name->len - 1] != '-')
			g_string_append_c(name, '-');
	}
	while (name->len > 0 && !g_ascii_isalnum(name->str[name->len - 1]))
		g_string_truncate(name, name->len - 1);
	while (name->len > 0 && !g_ascii_isalnum(name->str[0]))
		g_string_erase(name, 0, 1);
	if (name->len == 0)
		g_string_append(name, "guest");
	return g_string_free(name, FALSE);
}

const char *guess_name_fault(const char *name)
{
	if (!*name)
		return "A guest needs a name.";
	if (!g_ascii_isalnum(*name))
		return "A name begins with a letter or a digit.";
	for (; *name; name++) {
		if (!name_char(*name))
			return "Letters a-z, digits, and - _ . only.";
	}
	return NULL;
}

double guess_host_memory_gib(void)
{
	double pages = (double)sysconf(_SC_PHYS_PAGES), size = (double)sysconf(_SC_PAGE_SIZE);
	double gib = pages * size / (1024.0 * 1024.0 * 1024.0);

	return gib < 1.0 ? 1.0 : gib;
}

struct guess_sizes guess_sizes_for(const char *os)
{
	struct guess_sizes sizes = {2.0, 2, 20};
	double most = guess_host_memory_gib() / 2;

	if (strcmp(os, "windows") == 0)
		sizes = (struct guess_sizes){4.0, 2, 64};
	else if (strcmp(os, "other") == 0)
		sizes = (struct guess_sizes){1.0, 1, 10};
	if (sizes.memory_gib > most)
		sizes.memory_gib = most < 0.5 ? 0.5 : (double)(int)(most * 2) / 2;
	if (sizes.vcpus > g_get_num_processors())
		sizes.vcpus = g_get_num_processors();
	return sizes;
}
