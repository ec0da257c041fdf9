/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The user's display configuration, see settings.h.
 *
 * The file is the user's own, but it may be anything at all by accident. So it is checked to be
 * short plain text before GKeyFile sees it, and every sentence names the file, the place and what
 * to write.
 */
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES 65536U
#define LINE_MAX_BYTES 512U

#define BAND_HEIGHT	24U
#define BAND_HEIGHT_MIN 16U
#define BAND_HEIGHT_MAX 64U

#define GROUP_CHORDS "chords"
#define GROUP_BAND   "band"

static const struct chord_key {
	const char *name;
	struct chord_action action;
	const char *example;
} chord_keys[] = {
	{"panel", {CHORD_FOCUS_SLOT, 0}, "Ctrl+Alt+0"},
	{"guest-1", {CHORD_FOCUS_SLOT, 1}, "Ctrl+Alt+1"},
	{"guest-2", {CHORD_FOCUS_SLOT, 2}, "Ctrl+Alt+2"},
	{"guest-3", {CHORD_FOCUS_SLOT, 3}, "Ctrl+Alt+3"},
	{"guest-4", {CHORD_FOCUS_SLOT, 4}, "Ctrl+Alt+4"},
	{"guest-5", {CHORD_FOCUS_SLOT, 5}, "Ctrl+Alt+5"},
	{"guest-6", {CHORD_FOCUS_SLOT, 6}, "Ctrl+Alt+6"},
	{"guest-7", {CHORD_FOCUS_SLOT, 7}, "Ctrl+Alt+7"},
	{"guest-8", {CHORD_FOCUS_SLOT, 8}, "Ctrl+Alt+8"},
	{"guest-9", {CHORD_FOCUS_SLOT, 9}, "Ctrl+Alt+9"},
	{"next", {CHORD_FOCUS_NEXT, 0}, "Ctrl+Alt+Right"},
	{"previous", {CHORD_FOCUS_PREVIOUS, 0}, "Ctrl+Alt+Left"},
	{"release-pointer", {CHORD_RELEASE_POINTER, 0}, "Ctrl+Alt+G"},
	{"fullscreen", {CHORD_FULLSCREEN, 0}, "Ctrl+Alt+Enter"},
};

void settings_defaults(struct settings *settings)
{
	chord_table_defaults(&settings->chords);
	settings->band_height = BAND_HEIGHT;
	settings->band_auto_hide = false;
}

static const struct chord_key *find_chord_key(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(chord_keys); i++) {
		if (strcmp(chord_keys[i].name, name) == 0)
			return &chord_keys[i];
	}
	return NULL;
}

static const struct chord_key *find_chord_key_by_action(const struct chord_action *action)
{
	for (size_t i = 0; i < G_N_ELEMENTS(chord_keys); i++) {
		if (chord_keys[i].action.type == action->type &&
		    chord_keys[i].action.slot == action->slot)
			return &chord_keys[i];
	}
	return NULL;
}

/* A short regular file into memory. *contents stays NULL if there is none. */
static gboolean read_file(const char *path, char **contents, size_t *length, GError **error)
{
	g_autofree char *buf = NULL;
	struct stat st;
	size_t used = 0;
	ssize_t n;
	int fd, err;

	/* O_NONBLOCK: a FIFO would wait for its writer. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		err = errno;
		if (err == ENOENT)
			return TRUE;
		g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(err),
			    "%s: cannot be read: %s", path, g_strerror(err));
		return FALSE;
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
			    "%s: is not a file; remove it or write a text file", path);
		goto out;
	}
	buf = g_malloc(FILE_MAX_BYTES + 1U);
	do {
		n = read(fd, buf + used, FILE_MAX_BYTES + 1U - used);
		if (n > 0)
			used += (size_t)n;
	} while ((n > 0 && used <= FILE_MAX_BYTES) || (n < 0 && errno == EINTR));
	if (n < 0) {
		err = errno;
		g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(err),
			    "%s: cannot be read: %s", path, g_strerror(err));
		goto out;
	}
	if (used > FILE_MAX_BYTES) {
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
			    "%s: is longer than %u bytes, so it cannot be a display.conf", path,
			    FILE_MAX_BYTES);
		goto out;
	}
	*contents = g_steal_pointer(&buf);
	*length = used;
out:
	close(fd);
	return *contents != NULL;
}

/* Plain text in lines of sane length: whatever is quoted in a message later can be printed. */
static gboolean check_text(const char *path, const char *untrusted_text, size_t length,
			   GError **error)
{
	const char *end = untrusted_text + length, *line = untrusted_text, *bad = NULL, *why = NULL;
	unsigned number = 1;

	if (!g_utf8_validate_len(untrusted_text, length, &bad))
		why = "is not UTF-8 text";
	for (const char *p = untrusted_text; p < (bad ? bad : end); p++) {
		if (*p == '\n') {
			line = p + 1;
			number++;
		} else if (p - line >= (ptrdiff_t)LINE_MAX_BYTES) {
			why = "is longer than 512 bytes";
			break;
		} else if ((unsigned char)*p == 0x7f ||
			   ((unsigned char)*p < 0x20 && *p != '\t' && *p != '\r')) {
			why = "has a control character";
			break;
		}
	}
	if (!why)
		return TRUE;
	g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_PARSE,
		    "%s: line %u %s; write plain text: [chords] or [band], then key=value lines",
		    path, number, why);
	return FALSE;
}

static gboolean set_value_error(GError **error, const char *path, const char *group,
				const char *key, const char *untrusted_value, const char *why,
				const char *example)
{
	const char *hint = "";

	if (strchr(untrusted_value, '#'))
		hint = " (a comment needs a line of its own)";
	g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
		    "%s: [%s] %s=%s: %s%s; write for example %s=%s", path, group, key,
		    untrusted_value, why, hint, key, example);
	return FALSE;
}

static void remove_action(struct chord_table *table, const struct chord_action *action)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct chord *chord = &table->chords[i];

		if (chord->action.type != action->type || chord->action.slot != action->slot)
			table->chords[kept++] = *chord;
	}
	table->count = kept;
}

/* One line of [chords]: the file's chords for an action replace the default ones. */
static gboolean load_chord_key(struct chord_table *table, const char *path, const char *key,
			       const char *untrusted_value, GError **error)
{
	const struct chord_key *chord_key = find_chord_key(key);
	g_auto(GStrv) parts = NULL;
	struct chord chord;
	const char *why;

	if (!chord_key) {
		g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_KEY_NOT_FOUND,
			    "%s: [%s] has no key '%s'; write panel, guest-1 to guest-9, next, "
			    "previous, release-pointer or fullscreen",
			    path, GROUP_CHORDS, key);
		return FALSE;
	}
	parts = g_strsplit(untrusted_value, ";", -1);
	for (size_t i = 0; parts[i]; i++) {
		g_strstrip(parts[i]);
		if (!*parts[i])
			continue;
		why = chord_parse(parts[i], &chord);
		if (!why && table->count == CHORD_MAX)
			why = "there are more than 64 chords";
		if (why)
			return set_value_error(error, path, GROUP_CHORDS, key, untrusted_value, why,
					       chord_key->example);
		chord.action = chord_key->action;
		table->chords[table->count++] = chord;
	}
	return TRUE;
}

static gboolean check_duplicates(const struct chord_table *table, const char *path, GError **error)
{
	const struct chord_key *first, *second;
	char name[64];

	for (size_t i = 0; i < table->count; i++) {
		for (size_t j = 0; j < i; j++) {
			const struct chord *a = &table->chords[j], *b = &table->chords[i];

			if (a->mods != b->mods || a->code != b->code)
				continue;
			chord_format(b, name, sizeof(name));
			first = find_chord_key_by_action(&a->action);
			second = find_chord_key_by_action(&b->action);
			g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
				    "%s: [%s] %s: %s is taken by %s; write another chord, or free "
				    "it with another chord in %s=",
				    path, GROUP_CHORDS, second->name, name, first->name,
				    first->name);
			return FALSE;
		}
	}
	return TRUE;
}

static gboolean load_chords(struct chord_table *table, GKeyFile *file, const char *path,
			    GError **error)
{
	const struct chord_action panel = {CHORD_FOCUS_SLOT, 0};
	g_auto(GStrv) keys = g_key_file_get_keys(file, GROUP_CHORDS, NULL, NULL);
	bool has_panel = false;

	/* Defaults go first, so that what remains of them is named as the former owner. */
	for (size_t i = 0; keys && keys[i]; i++) {
		const struct chord_key *chord_key = find_chord_key(keys[i]);

		if (chord_key)
			remove_action(table, &chord_key->action);
	}
	for (size_t i = 0; keys && keys[i]; i++) {
		g_autofree char *value = g_key_file_get_value(file, GROUP_CHORDS, keys[i], error);

		if (!value || !load_chord_key(table, path, keys[i], value, error))
			return FALSE;
	}
	if (!check_duplicates(table, path, error))
		return FALSE;
	for (size_t i = 0; i < table->count; i++) {
		if (table->chords[i].action.type == panel.type &&
		    table->chords[i].action.slot == panel.slot)
			has_panel = true;
	}
	if (!has_panel)
		return set_value_error(error, path, GROUP_CHORDS, "panel", "",
				       "without a chord no key leads out of a guest", "Ctrl+Alt+0");
	return TRUE;
}

static gboolean load_band(struct settings *settings, GKeyFile *file, const char *path,
			  GError **error)
{
	g_auto(GStrv) keys = g_key_file_get_keys(file, GROUP_BAND, NULL, NULL);

	for (size_t i = 0; keys && keys[i]; i++) {
		g_autofree char *value = g_key_file_get_value(file, GROUP_BAND, keys[i], error);

		if (!value)
			return FALSE;
		if (strcmp(keys[i], "height") == 0) {
			guint64 height;

			if (!g_ascii_string_to_unsigned(value, 10, BAND_HEIGHT_MIN, BAND_HEIGHT_MAX,
							&height, NULL))
				return set_value_error(error, path, GROUP_BAND, "height", value,
						       "is not a number from 16 to 64", "24");
			settings->band_height = (unsigned)height;
		} else if (strcmp(keys[i], "auto-hide") == 0) {
			bool yes = strcmp(value, "true") == 0;

			if (!yes && strcmp(value, "false") != 0)
				return set_value_error(error, path, GROUP_BAND, "auto-hide", value,
						       "is neither true nor false", "false");
			settings->band_auto_hide = yes;
		} else {
			g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_KEY_NOT_FOUND,
				    "%s: [%s] has no key '%s'; write height or auto-hide", path,
				    GROUP_BAND, keys[i]);
			return FALSE;
		}
	}
	return TRUE;
}

static gboolean load_text(struct settings *settings, const char *path, const char *untrusted_text,
			  size_t length, GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GError) parse_error = NULL;
	g_auto(GStrv) groups = NULL;

	if (!check_text(path, untrusted_text, length, error))
		return FALSE;
	/* Translations are kept, or "panel[de]=" would pass unseen. An empty file is fine. */
	if (length > 0 && !g_key_file_load_from_data(file, untrusted_text, length,
						     G_KEY_FILE_KEEP_TRANSLATIONS, &parse_error)) {
		g_set_error(error, parse_error->domain, parse_error->code,
			    "%s: %s; write [chords] or [band], then key=value lines", path,
			    parse_error->message);
		return FALSE;
	}
	groups = g_key_file_get_groups(file, NULL);
	for (size_t i = 0; groups[i]; i++) {
		if (strcmp(groups[i], GROUP_CHORDS) == 0 || strcmp(groups[i], GROUP_BAND) == 0)
			continue;
		g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_GROUP_NOT_FOUND,
			    "%s: there is no group [%s]; write [chords] or [band]", path,
			    groups[i]);
		return FALSE;
	}
	return load_chords(&settings->chords, file, path, error) &&
	       load_band(settings, file, path, error);
}

gboolean settings_load(struct settings *settings, const char *path, GError **error)
{
	g_autofree char *untrusted_text = NULL;
	size_t length = 0;

	settings_defaults(settings);
	if (!read_file(path, &untrusted_text, &length, error))
		return FALSE;
	if (!untrusted_text)
		return TRUE;
	if (load_text(settings, path, untrusted_text, length, error))
		return TRUE;
	settings_defaults(settings);
	return FALSE;
}
