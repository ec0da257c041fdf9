/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: the configuration file, and the text of one chord.
 *
 * An input is taken as the file's content and as a chord's text. Whatever it is: a refused file
 * leaves the defaults and a printable message of sane length; an accepted one leaves a table that
 * the seat can use, and every chord that was read can be written and read again.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "settings.h"

static void check_chord(const struct chord *chord)
{
	struct chord back = {0};
	char text[64];

	FUZZ_CHECK(chord->mods >= 1 && chord->mods <= 15);
	FUZZ_CHECK(chord->code >= 1 && chord->code <= 255);
	FUZZ_CHECK(chord_modifier(chord->code) == 0);
	chord_format(chord, text, sizeof(text));
	FUZZ_CHECK(chord_parse(text, &back) == NULL);
	FUZZ_CHECK(back.mods == chord->mods && back.code == chord->code);
}

static void fuzz_chord(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	struct chord chord = {.mods = 255, .code = 65535};
	const char *why = chord_parse(text, &chord);

	if (why)
		FUZZ_CHECK(*why && chord.mods == 255 && chord.code == 65535);
	else
		check_chord(&chord);
}

static void check_accepted(const struct settings *settings)
{
	const struct chord_table *table = &settings->chords;
	unsigned to_panel = 0;

	FUZZ_CHECK(table->count <= CHORD_MAX);
	for (size_t i = 0; i < table->count; i++) {
		const struct chord *chord = &table->chords[i];

		check_chord(chord);
		to_panel += chord->action.type == CHORD_FOCUS_SLOT && chord->action.slot == 0;
		FUZZ_CHECK(chord->action.slot <= 9);
		for (size_t j = 0; j < i; j++)
			FUZZ_CHECK(table->chords[j].mods != chord->mods ||
				   table->chords[j].code != chord->code);
	}
	FUZZ_CHECK(to_panel >= 1);
	FUZZ_CHECK(settings->band_height >= 16 && settings->band_height <= 64);
}

static void check_refused(const struct settings *settings, const char *path, const GError *error)
{
	struct settings defaults;

	/* settings_load() fills all but the padding, so compare what counts. */
	settings_defaults(&defaults);
	FUZZ_CHECK(error && g_utf8_validate(error->message, -1, NULL));
	FUZZ_CHECK(strstr(error->message, path) && strlen(error->message) < 2048);
	FUZZ_CHECK(settings->chords.count == defaults.chords.count);
	FUZZ_CHECK(settings->band_height == defaults.band_height);
	FUZZ_CHECK(settings->band_auto_hide == defaults.band_auto_hide);
	for (size_t i = 0; i < defaults.chords.count; i++) {
		const struct chord *a = &settings->chords.chords[i];
		const struct chord *b = &defaults.chords.chords[i];

		FUZZ_CHECK(a->mods == b->mods && a->code == b->code &&
			   a->action.type == b->action.type && a->action.slot == b->action.slot);
	}
	for (const char *p = error->message; *p; p++)
		FUZZ_CHECK((unsigned char)*p >= 0x20 || *p == '\t' || *p == '\r');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	struct settings settings;
	char path[64];
	int fd;

	fuzz_chord(data, size);

	fd = memfd_create("display.conf", MFD_CLOEXEC);
	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memset(&settings, 0xa5, sizeof(settings));
	if (settings_load(&settings, path, &error))
		check_accepted(&settings);
	else
		check_refused(&settings, path, error);
	close(fd);
	return 0;
}

static const char *const seeds[] = {
	"[chords]\npanel=Ctrl+Alt+0\nguest-1=Ctrl+Alt+1;Super+1\nnext=Ctrl+Alt+Right\n"
	"previous=Ctrl+Alt+Left\nrelease-pointer=Ctrl+Alt+G\nfullscreen=Ctrl+Alt+Enter\n"
	"[band]\nheight=24\nauto-hide=false\n",
	"# a comment\n\n[band]\nheight = 64\nauto-hide = true\n",
	"[chords]\npanel=Ctrl+Alt+Shift+Super+F12 # no\n",
	"[chords]\nguest-2=Ctrl+Alt+1\nguest-1=Ctrl+Alt+2\nguest-9=\n",
	"[chords]\nnext[de]=Alt+Tab\n",
	"Ctrl + Alt + PageDown",
	"Shift+Super+KPEnter",
};

size_t fuzz_seed(unsigned index, uint8_t *data, size_t size)
{
	size_t length;

	if (index >= G_N_ELEMENTS(seeds))
		return 0;
	length = MIN(strlen(seeds[index]), size);
	memcpy(data, seeds[index], length);
	return length;
}
