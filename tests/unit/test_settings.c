/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration file: what it may say, and that a spoilt one gives the defaults and a message
 * from which the user can mend it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glib/gstdio.h>
#include <linux/input-event-codes.h>
#include <string.h>
#include <sys/stat.h>

#include "settings.h"

#define CTRL_ALT (CHORD_MOD_CTRL | CHORD_MOD_ALT)

struct place {
	char *dir;
	char *path;
};

static int make_place(void **state)
{
	struct place *place = g_new0(struct place, 1);
	g_autoptr(GError) error = NULL;

	place->dir = g_dir_make_tmp("mullion-settings-XXXXXX", &error);
	if (!place->dir)
		return -1;
	place->path = g_build_filename(place->dir, "display.conf", NULL);
	*state = place;
	return 0;
}

static int drop_place(void **state)
{
	struct place *place = *state;

	g_remove(place->path);
	g_rmdir(place->dir);
	g_free(place->path);
	g_free(place->dir);
	g_free(place);
	return 0;
}

static gboolean load(struct place *place, const char *text, gssize length,
		     struct settings *settings, GError **error)
{
	g_autoptr(GError) write_error = NULL;

	if (!g_file_set_contents(place->path, text, length, &write_error))
		fail_msg("%s", write_error->message);
	memset(settings, 0xa5, sizeof(*settings));
	return settings_load(settings, place->path, error);
}

static void assert_defaults(const struct settings *settings)
{
	struct settings defaults;

	settings_defaults(&defaults);
	assert_int_equal(settings->chords.count, defaults.chords.count);
	for (size_t i = 0; i < defaults.chords.count; i++) {
		assert_int_equal(settings->chords.chords[i].mods, defaults.chords.chords[i].mods);
		assert_int_equal(settings->chords.chords[i].code, defaults.chords.chords[i].code);
		assert_int_equal(settings->chords.chords[i].action.type,
				 defaults.chords.chords[i].action.type);
		assert_int_equal(settings->chords.chords[i].action.slot,
				 defaults.chords.chords[i].action.slot);
	}
	assert_int_equal(settings->band_height, 24);
	assert_false(settings->band_auto_hide);
}

/* Bad text must give defaults and a message that names the file and has all of `says`. */
static void assert_refused(struct place *place, const char *text, gssize length,
			   const char *const *says)
{
	g_autoptr(GError) error = NULL;
	struct settings settings;

	assert_false(load(place, text, length, &settings, &error));
	assert_non_null(error);
	assert_non_null(strstr(error->message, place->path));
	for (; *says; says++) {
		if (!strstr(error->message, *says))
			fail_msg("no \"%s\" in: %s", *says, error->message);
	}
	assert_true(g_utf8_validate(error->message, -1, NULL));
	assert_true(strlen(error->message) < 1200);
	assert_defaults(&settings);
}

#define assert_refused_text(place, text, ...)                                                      \
	assert_refused(place, text, -1, (const char *const[]){__VA_ARGS__, NULL})

/* Protects: a user without a file gets the defaults and no complaint. */
static void test_missing(void **state)
{
	struct place *place = *state;
	g_autoptr(GError) error = NULL;
	struct settings settings;

	memset(&settings, 0xa5, sizeof(settings));
	assert_true(settings_load(&settings, place->path, &error));
	assert_null(error);
	assert_defaults(&settings);
}

/* Protects: empty files and files of comments only are fine. */
static void test_empty(void **state)
{
	static const char *const texts[] = {"", "\n", "# nothing\n\n", "[chords]\n[band]\n"};
	struct settings settings;

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;

		if (!load(*state, texts[i], -1, &settings, &error))
			fail_msg("%s", error->message);
		assert_defaults(&settings);
	}
}

/* Protects: each key does what the manual says, and what is not named keeps its default. */
static void test_all_keys(void **state)
{
	const char *text = "# mine\n"
			   "[chords]\n"
			   "panel = Super+Escape ; Ctrl+Alt+P\r\n"
			   "guest-1=Super+F1\n"
			   "guest-9=\n"
			   "next=super+tab\n"
			   "previous=Shift+Super+Tab;\n"
			   "release-pointer=Ctrl+Alt+Z\n"
			   "fullscreen=Super+F11\n"
			   "[band]\n"
			   "height=64\n"
			   "auto-hide=true\n";
	const uint8_t super = CHORD_MOD_SUPER;
	g_autoptr(GError) error = NULL;
	const struct chord_table *table;
	struct settings settings;

	if (!load(*state, text, -1, &settings, &error))
		fail_msg("%s", error->message);
	table = &settings.chords;
	assert_int_equal(table->count, 14); /* one more panel, no guest-9 */
	assert_int_equal(chord_table_match(table, super, KEY_ESC)->slot, 0);
	assert_int_equal(chord_table_match(table, super, KEY_ESC)->type, CHORD_FOCUS_SLOT);
	assert_int_equal(chord_table_match(table, CTRL_ALT, KEY_P)->slot, 0);
	assert_null(chord_table_match(table, CTRL_ALT, KEY_0));
	assert_int_equal(chord_table_match(table, super, KEY_F1)->slot, 1);
	assert_int_equal(chord_table_match(table, CTRL_ALT, KEY_2)->slot, 2);
	assert_null(chord_table_match(table, CTRL_ALT, KEY_9));
	assert_int_equal(chord_table_match(table, super, KEY_TAB)->type, CHORD_FOCUS_NEXT);
	assert_int_equal(chord_table_match(table, super | CHORD_MOD_SHIFT, KEY_TAB)->type,
			 CHORD_FOCUS_PREVIOUS);
	assert_int_equal(chord_table_match(table, CTRL_ALT, KEY_Z)->type, CHORD_RELEASE_POINTER);
	assert_int_equal(chord_table_match(table, super, KEY_F11)->type, CHORD_FULLSCREEN);
	assert_int_equal(settings.band_height, 64);
	assert_true(settings.band_auto_hide);
}

/* Protects: two actions may trade their chords. */
static void test_swap(void **state)
{
	g_autoptr(GError) error = NULL;
	struct settings settings;

	if (!load(*state, "[chords]\nguest-1=Ctrl+Alt+2\nguest-2=Ctrl+Alt+1\n", -1, &settings,
		  &error))
		fail_msg("%s", error->message);
	assert_int_equal(chord_table_match(&settings.chords, CTRL_ALT, KEY_1)->slot, 2);
	assert_int_equal(chord_table_match(&settings.chords, CTRL_ALT, KEY_2)->slot, 1);
}

/* Protects: every mistake is named with its place and the way out. */
static void test_mistakes(void **state)
{
	struct place *place = *state;

	assert_refused_text(place, "[chord]\npanel=Ctrl+Alt+0\n", "[chord]", "[chords] or [band]");
	assert_refused_text(place, "[chords]\npanels=Ctrl+Alt+0\n", "[chords]", "'panels'",
			    "guest-9");
	assert_refused_text(place, "[chords]\nguest-10=Ctrl+Alt+X\n", "'guest-10'");
	assert_refused_text(place, "[chords]\npanel[de]=Ctrl+Alt+X\n", "'panel[de]'");
	assert_refused_text(place, "[chords]\npanel=Ctrl+Alt+Foo\n", "panel=Ctrl+Alt+Foo",
			    "not the name", "panel=Ctrl+Alt+0");
	assert_refused_text(place, "[chords]\nnext=Right\n", "next=Right", "at least one of");
	assert_refused_text(place, "[chords]\npanel=Ctrl+Alt+0 # way out\n", "line of its own");
	assert_refused_text(place, "[chords]\npanel=\n", "panel=", "leads out", "Ctrl+Alt+0");
	assert_refused_text(place, "[chords]\nnext=Super+A\nfullscreen=Super+A\n", "Super+A",
			    "fullscreen", "next");
	assert_refused_text(place, "[chords]\nnext=Ctrl+Alt+1\n", "next: Ctrl+Alt+1",
			    "taken by guest-1");
	assert_refused_text(place, "[band]\nheight=15\n", "[band] height=15", "16 to 64");
	assert_refused_text(place, "[band]\nheight=65\n", "16 to 64");
	assert_refused_text(place, "[band]\nheight=-20\n", "16 to 64");
	assert_refused_text(place, "[band]\nheight=24px\n", "16 to 64");
	assert_refused_text(place, "[band]\nheight=99999999999999999999999\n", "16 to 64");
	assert_refused_text(place, "[band]\nheight=\n", "16 to 64");
	assert_refused_text(place, "[band]\nauto-hide=yes\n", "neither true nor false");
	assert_refused_text(place, "[band]\nwidth=24\n", "'width'", "height or auto-hide");
	assert_refused_text(place, "panel=Ctrl+Alt+0\n", "group", "[chords] or [band]");
	assert_refused_text(place, "[chords]\npanel\n", "panel", "key=value");
	assert_refused_text(place, "[chords\n", "[chords", "key=value");
	/* A good line before a bad one must not survive. */
	assert_refused_text(place, "[chords]\nguest-1=Super+1\n[band]\nheight=40\nauto-hide=no\n",
			    "auto-hide");
}

/* Protects: a file that is no text at all is said to be so, with the line, and never printed. */
static void test_binary(void **state)
{
	struct place *place = *state;

	assert_refused(place, "[band]\nheight=24\n\0\1\2", 20,
		       (const char *const[]){"line 3", "UTF-8", NULL});
	assert_refused(place, "[band]\n\xff\xfe\xfd", 10,
		       (const char *const[]){"line 2", "UTF-8", NULL});
	assert_refused_text(place, "[band]\n\1\2\3\n", "line 2", "control character");
	assert_refused_text(place, "[band]\nheight=\033[2J\n", "line 2", "control character");
}

/* Protects: huge lines and files are refused quickly and without quoting them. */
static void test_huge(void **state)
{
	struct place *place = *state;
	g_autofree char *text = g_malloc(1U << 20);

	memset(text, 'a', 1U << 20);
	assert_refused(place, text, 1U << 20, (const char *const[]){"longer than 65536", NULL});
	memcpy(text, "[chords]\n", 9);
	assert_refused(place, text, 4096, (const char *const[]){"line 2", "512 bytes", NULL});
	memset(text, '\n', 65537);
	assert_refused(place, text, 65537, (const char *const[]){"longer than 65536", NULL});
}

/* Protects: more chords than the table holds are refused, not written past its end. */
static void test_many_chords(void **state)
{
	static const char *const mods[] = {"Ctrl", "Alt", "Super", "Ctrl+Shift", "Alt+Shift"};
	g_autoptr(GString) text = g_string_new("[chords]\n");
	static const char *const keys[] = {"guest-1", "guest-2", "guest-3", "guest-4", "guest-5"};

	for (size_t i = 0; i < G_N_ELEMENTS(mods); i++) {
		g_string_append_printf(text, "%s=", keys[i]);
		for (unsigned f = 1; f <= 13; f++)
			g_string_append_printf(text, "%s+F%u;", mods[i], f);
		g_string_append(text, "\n");
	}
	assert_refused_text(*state, text->str, "more than 64");
}

/* Protects: what is not a file neither hangs the start (a FIFO) nor passes for an empty one. */
static void test_not_a_file(void **state)
{
	struct place *place = *state;
	struct settings settings;
	g_autoptr(GError) fifo_error = NULL, dir_error = NULL;

	assert_int_equal(mkfifo(place->path, 0600), 0);
	assert_false(settings_load(&settings, place->path, &fifo_error));
	assert_non_null(strstr(fifo_error->message, "is not a file"));
	assert_defaults(&settings);
	assert_false(settings_load(&settings, place->dir, &dir_error));
	assert_non_null(strstr(dir_error->message, place->dir));
	assert_defaults(&settings);
}

#define with_place(f) cmocka_unit_test_setup_teardown(f, make_place, drop_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_place(test_missing), with_place(test_empty),	with_place(test_all_keys),
		with_place(test_swap),	  with_place(test_mistakes),	with_place(test_binary),
		with_place(test_huge),	  with_place(test_many_chords), with_place(test_not_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
