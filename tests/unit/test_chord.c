/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chords: what matches, what the user may write, and what is said about everything else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/input-event-codes.h>
#include <string.h>

#include "chord.h"

#define CTRL_ALT (CHORD_MOD_CTRL | CHORD_MOD_ALT)

/* Protects: the chords the README promises, and no others. */
static void test_defaults(void **state)
{
	static const uint16_t digits[] = {KEY_0, KEY_1, KEY_2, KEY_3, KEY_4,
					  KEY_5, KEY_6, KEY_7, KEY_8, KEY_9};
	const struct chord_action *action;
	struct chord_table table;

	(void)state;
	chord_table_defaults(&table);
	assert_int_equal(table.count, 14);
	for (unsigned slot = 0; slot < 10; slot++) {
		action = chord_table_match(&table, CTRL_ALT, digits[slot]);
		assert_non_null(action);
		assert_int_equal(action->type, CHORD_FOCUS_SLOT);
		assert_int_equal(action->slot, slot);
	}
	assert_int_equal(chord_table_match(&table, CTRL_ALT, KEY_RIGHT)->type, CHORD_FOCUS_NEXT);
	assert_int_equal(chord_table_match(&table, CTRL_ALT, KEY_LEFT)->type, CHORD_FOCUS_PREVIOUS);
	assert_int_equal(chord_table_match(&table, CTRL_ALT, KEY_G)->type, CHORD_RELEASE_POINTER);
	assert_int_equal(chord_table_match(&table, CTRL_ALT, KEY_ENTER)->type, CHORD_FULLSCREEN);
	assert_null(chord_table_match(&table, CTRL_ALT, KEY_DELETE));
	assert_null(chord_table_match(&table, CHORD_MOD_CTRL, KEY_1));
	assert_null(chord_table_match(&table, CTRL_ALT | CHORD_MOD_SHIFT, KEY_1));
	assert_null(chord_table_match(&table, 0, KEY_1));
}

/* Protects: left and right modifiers count alike, and only modifiers count. */
static void test_modifiers(void **state)
{
	unsigned count = 0;

	(void)state;
	assert_int_equal(chord_modifier(KEY_LEFTCTRL), CHORD_MOD_CTRL);
	assert_int_equal(chord_modifier(KEY_RIGHTCTRL), CHORD_MOD_CTRL);
	assert_int_equal(chord_modifier(KEY_LEFTALT), CHORD_MOD_ALT);
	assert_int_equal(chord_modifier(KEY_RIGHTALT), CHORD_MOD_ALT);
	assert_int_equal(chord_modifier(KEY_LEFTSHIFT), CHORD_MOD_SHIFT);
	assert_int_equal(chord_modifier(KEY_RIGHTSHIFT), CHORD_MOD_SHIFT);
	assert_int_equal(chord_modifier(KEY_LEFTMETA), CHORD_MOD_SUPER);
	assert_int_equal(chord_modifier(KEY_RIGHTMETA), CHORD_MOD_SUPER);
	for (unsigned code = 0; code <= 0xffff; code++)
		count += chord_modifier((uint16_t)code) != 0;
	assert_int_equal(count, 8);
}

/* Protects: completeness is the exact set of some chord, not a part and not more. */
static void test_complete(void **state)
{
	struct chord_table table;

	(void)state;
	chord_table_defaults(&table);
	assert_true(chord_table_complete(&table, CTRL_ALT));
	assert_false(chord_table_complete(&table, 0));
	assert_false(chord_table_complete(&table, CHORD_MOD_ALT));
	assert_false(chord_table_complete(&table, CTRL_ALT | CHORD_MOD_SHIFT));
	assert_true(chord_table_uses(&table, CHORD_MOD_CTRL));
	assert_false(chord_table_uses(&table, CHORD_MOD_SUPER));
	table.count = 0;
	assert_false(chord_table_complete(&table, 0));
	assert_false(chord_table_uses(&table, CHORD_MOD_CTRL));
}

/* Protects: the spellings people use. */
static void test_parse_good(void **state)
{
	static const struct {
		const char *text;
		uint8_t mods;
		uint16_t code;
	} cases[] = {
		{"Ctrl+Alt+1", CTRL_ALT, KEY_1},
		{"ctrl+alt+g", CTRL_ALT, KEY_G},
		{"  ALT +\tCTRL+ Right ", CTRL_ALT, KEY_RIGHT},
		{"Super+Tab", CHORD_MOD_SUPER, KEY_TAB},
		{"Ctrl+Alt+Shift+Super+F24", 15, KEY_F24},
		{"Shift+PageUp", CHORD_MOD_SHIFT, KEY_PAGEUP},
		{"Ctrl+pgdn", CHORD_MOD_CTRL, KEY_PAGEDOWN},
		{"Ctrl+Alt+Return", CTRL_ALT, KEY_ENTER},
		{"Alt+KPPlus", CHORD_MOD_ALT, KEY_KPPLUS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct chord chord = {0};

		assert_null(chord_parse(cases[i].text, &chord));
		assert_int_equal(chord.mods, cases[i].mods);
		assert_int_equal(chord.code, cases[i].code);
	}
}

/* Protects: each mistake gets its own sentence, and nothing is written on failure. */
static void test_parse_bad(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "belong names"},
		{"   ", "belong names"},
		{"+", "belong names"},
		{"Ctrl+", "belong names"},
		{"Ctrl++1", "belong names"},
		{"Ctrl+Alt+anextremelylongnameofakey", "belong names"},
		{"1", "at least one of"},
		{"Ctrl", "no modifier"},
		{"Ctrl+Alt", "no modifier"},
		{"Ctrl+Alt+Foo", "not the name"},
		{"Ctrl+Alt+KEY_1", "not the name"},
		{"Ctrl+Alt+11", "not the name"},
		{"Ctrl+F0", "not the name"},
		{"Ctrl+F25", "not the name"},
		{"Ctrl+Alt+1 # panel", "not the name"},
		{"Ctrl Alt+1", "before a '+'"},
		{"A+B", "before a '+'"},
		{"Ctrl+1+2", "before a '+'"},
		{"Ctrl+Alt+Ctrl+1", "twice"},
		{"Ctrl+\xff", "not the name"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct chord chord = {.mods = 77, .code = 777};
		const char *why = chord_parse(cases[i].text, &chord);

		assert_non_null(why);
		if (!strstr(why, cases[i].says))
			fail_msg("\"%s\": %s", cases[i].text, why);
		assert_int_equal(chord.mods, 77);
		assert_int_equal(chord.code, 777);
	}
}

/* Protects: what the program writes about a chord, the user can write in the file. */
static void test_format_round_trip(void **state)
{
	char buf[64], small[8];
	unsigned named = 0;

	(void)state;
	for (unsigned code = 1; code < 256; code++) {
		for (unsigned mods = 1; mods < 16; mods++) {
			struct chord chord = {.mods = (uint8_t)mods, .code = (uint16_t)code};
			struct chord back = {0};

			chord_format(&chord, buf, sizeof(buf));
			if (chord_modifier(chord.code) || strchr(buf, '?')) {
				assert_non_null(chord_parse(buf, &back));
				continue;
			}
			assert_null(chord_parse(buf, &back));
			assert_int_equal(back.mods, mods);
			assert_int_equal(back.code, code);
			named++;
		}
	}
	/* letters, digits and function keys at least */
	assert_true(named >= (26 + 10 + 24) * 15);

	chord_format(&(struct chord){.mods = CTRL_ALT, .code = KEY_1}, buf, sizeof(buf));
	assert_string_equal(buf, "Ctrl+Alt+1");
	chord_format(&(struct chord){.mods = 15, .code = KEY_1}, small, sizeof(small));
	assert_string_equal(small, "Ctrl+Al");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),  cmocka_unit_test(test_modifiers),
		cmocka_unit_test(test_complete),  cmocka_unit_test(test_parse_good),
		cmocka_unit_test(test_parse_bad), cmocka_unit_test(test_format_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
