/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seat, by scripts: what a user does on the left, what must reach whom on the right. Random
 * histories are in test_seat_model.c.
 *
 * A script is a list of words: "C+" presses and "C-" releases a key (names below), "@50" lets 50 ms
 * pass and ticks, "wheel", "lost", "focus2", "gone2", "leds2=4" call what they say. What the seat
 * does is written in the same way: "2:C+" (destination, key, down), "show2", "leds4", "act", "sw+".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/input-event-codes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seat.h"

static const struct {
	const char *name;
	uint16_t code;
} codes[] = {
	{"C", KEY_LEFTCTRL},	{"RC", KEY_RIGHTCTRL}, {"A", KEY_LEFTALT},  {"AltGr", KEY_RIGHTALT},
	{"S", KEY_LEFTSHIFT},	{"Win", KEY_LEFTMETA}, {"c", KEY_C},	    {"q", KEY_Q},
	{"x", KEY_X},		{"0", KEY_0},	       {"1", KEY_1},	    {"2", KEY_2},
	{"Right", KEY_RIGHT},	{"g", KEY_G},	       {"Del", KEY_DELETE}, {"Left", BTN_LEFT},
	{"Middle", BTN_MIDDLE},
};

#define CODE_COUNT (sizeof(codes) / sizeof(codes[0]))

struct fixture {
	struct chord_table chords;
	struct seat *seat;
	uint64_t now_ms;
	int next_tick; /* what seat_tick() said last */
	char log[1024];

	/* one-shot: what the next key or show op does */
	int key_gone, key_focus, show_focus, show_gone;
};

__attribute__((format(printf, 2, 3))) static void note(struct fixture *f, const char *format, ...)
{
	size_t used = strlen(f->log);
	va_list args;

	va_start(args, format);
	if (used > 0 && used + 1 < sizeof(f->log)) {
		strcat(f->log, " ");
		used++;
	}
	vsnprintf(f->log + used, sizeof(f->log) - used, format, args);
	va_end(args);
}

static const char *code_name(uint16_t code)
{
	for (size_t i = 0; i < CODE_COUNT; i++) {
		if (codes[i].code == code)
			return codes[i].name;
	}
	return "?";
}

static int take(int *once)
{
	int value = *once;

	*once = -1;
	return value;
}

static void on_key(void *data, unsigned dest, uint16_t code, bool down)
{
	struct fixture *f = data;
	int gone = take(&f->key_gone), focus = take(&f->key_focus);

	note(f, "%u:%s%c", dest, code_name(code), down ? '+' : '-');
	if (gone >= 0)
		seat_gone(f->seat, (unsigned)gone);
	if (focus >= 0)
		seat_focus(f->seat, (unsigned)focus);
}

static void on_show(void *data, unsigned dest)
{
	struct fixture *f = data;
	int gone = take(&f->show_gone), focus = take(&f->show_focus);

	note(f, "show%u", dest);
	if (gone >= 0)
		seat_gone(f->seat, (unsigned)gone);
	if (focus >= 0)
		seat_focus(f->seat, (unsigned)focus);
}

static void on_leds(void *data, uint32_t leds)
{
	note(data, "leds%u", leds);
}

static void on_action(void *data, const struct chord_action *action)
{
	struct fixture *f = data;

	note(f, "act");
	if (action->type == CHORD_FOCUS_SLOT)
		seat_focus(f->seat, action->slot);
	else if (action->type == CHORD_FOCUS_NEXT)
		seat_focus(f->seat, seat_focused(f->seat) % 3 + 1);
}

static void on_switcher(void *data, bool shown)
{
	note(data, shown ? "sw+" : "sw-");
}

static const struct seat_ops ops = {
	.key = on_key,
	.button = on_key,
	.show = on_show,
	.leds = on_leds,
	.action = on_action,
	.switcher = on_switcher,
};

static int make_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	chord_table_defaults(&f->chords);
	f->key_gone = f->key_focus = f->show_focus = f->show_gone = -1;
	f->now_ms = 1000000;
	f->next_tick = -1;
	f->seat = seat_create(&f->chords, &ops, f);
	*state = f;
	return f->seat ? 0 : -1;
}

static int drop_fixture(void **state)
{
	struct fixture *f = *state;

	seat_destroy(f->seat);
	free(f);
	return 0;
}

static void play_key(struct fixture *f, const char *word)
{
	size_t length = strlen(word) - 1;
	bool down = word[length] == '+';

	for (size_t i = 0; i < CODE_COUNT; i++) {
		if (strlen(codes[i].name) != length || strncmp(codes[i].name, word, length) != 0)
			continue;
		if (codes[i].code >= BTN_LEFT)
			seat_button(f->seat, f->now_ms, codes[i].code, down);
		else
			seat_key(f->seat, f->now_ms, codes[i].code, down);
		return;
	}
	fail_msg("no key for \"%s\"", word);
}

static void play(struct fixture *f, const char *script)
{
	char *copy = strdup(script), *save = NULL;
	unsigned a, b;

	assert_non_null(copy);
	f->log[0] = '\0';
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (sscanf(word, "@%u", &a) == 1) {
			f->now_ms += a;
			f->next_tick = seat_tick(f->seat, f->now_ms);
		} else if (sscanf(word, "focus%u", &a) == 1) {
			seat_focus(f->seat, a);
		} else if (sscanf(word, "gone%u", &a) == 1) {
			seat_gone(f->seat, a);
		} else if (sscanf(word, "leds%u=%u", &a, &b) == 2) {
			seat_set_leds(f->seat, a, b);
		} else if (strcmp(word, "wheel") == 0) {
			seat_wheel(f->seat, f->now_ms);
		} else if (strcmp(word, "lost") == 0) {
			seat_lost_devices(f->seat);
		} else {
			play_key(f, word);
		}
	}
	free(copy);
}

#define check(f, script, expected)                                                                 \
	do {                                                                                       \
		play(f, script);                                                                   \
		assert_string_equal((f)->log, expected);                                           \
	} while (0)

/* Protects: a plain key, a second down and an up out of nowhere. */
static void test_plain(void **state)
{
	struct fixture *f = *state;

	check(f, "c+ c-", "0:c+ 0:c-");
	check(f, "focus1", "show1 leds0");
	check(f, "c+ c+ c- c- x-", "1:c+ 1:c-");
	check(f, "Left+ Left-", "1:Left+ 1:Left-");
	seat_key(f->seat, f->now_ms, 0, true);
	seat_key(f->seat, f->now_ms, 256, true);
	seat_key(f->seat, f->now_ms, BTN_LEFT, true);
	seat_button(f->seat, f->now_ms, KEY_A, true);
	seat_button(f->seat, f->now_ms, BTN_TASK + 1, true);
	check(f, "lost", "");
}

/* Protects: Ctrl+C, Ctrl+Shift+C and Alt drag reach the guest in order, every up after its down. */
static void test_guest_shortcuts(void **state)
{
	struct fixture *f = *state;

	check(f, "focus1", "show1 leds0");
	check(f, "C+", "");
	check(f, "c+ c- C-", "1:C+ 1:c+ 1:c- 1:C-");
	check(f, "C+ S+ c+ c- S- C-", "1:C+ 1:S+ 1:c+ 1:c- 1:S- 1:C-");
	check(f, "C+ c+ C- c-", "1:C+ 1:c+ 1:C- 1:c-");
	check(f, "A+ Left+ Left- A-", "1:A+ 1:Left+ 1:Left- 1:A-");
	check(f, "C+ wheel", "1:C+");
	check(f, "C-", "1:C-");
	check(f, "C+ A+ Del+", "1:C+ 1:A+ 1:Del+");
	check(f, "Del- A- C-", "1:Del- 1:A- 1:C-");
	check(f, "A+ C+ x+ x- c+", "1:A+ 1:C+ 1:x+ 1:x- 1:c+");
	check(f, "c- C- A-", "1:c- 1:C- 1:A-");
	/* not exactly a chord */
	check(f, "S+ C+ A+ 1+", "1:S+ 1:C+ 1:A+ 1:1+");
}

/* Protects: a lone Alt, AltGr or Windows key works as in a machine of one's own. */
static void test_taps(void **state)
{
	struct fixture *f = *state;

	check(f, "focus1 A+ A-", "show1 leds0 1:A+ 1:A-");
	check(f, "C+ C-", "1:C+ 1:C-");
	check(f, "Win+", "1:Win+"); /* no chord uses it: no delay */
	check(f, "Win-", "1:Win-");
	check(f, "A+ S+ S- A-", "1:A+ 1:S+ 1:S- 1:A-"); /* a layout switch */
}

/* Protects: @ on a German keyboard, typed fast or slowly. */
static void test_altgr(void **state)
{
	struct fixture *f = *state;

	check(f, "focus1 AltGr+ q+ q- AltGr-", "show1 leds0 1:AltGr+ 1:q+ 1:q- 1:AltGr-");
	check(f, "AltGr+ @200", "1:AltGr+");
	check(f, "q+ AltGr- q-", "1:q+ 1:AltGr- 1:q-");
	/* French @: a digit that with Ctrl would be a chord */
	check(f, "AltGr+ 0+ 0- AltGr-", "1:AltGr+ 1:0+ 1:0- 1:AltGr-");
}

/* Protects: a chord's keys and modifiers reach neither the old guest nor the new. */
static void test_chord(void **state)
{
	struct fixture *f = *state;

	check(f, "C+ A+ 1+", "sw+ act show1 leds0");
	check(f, "1- A- C-", "sw-");
	check(f, "c+ c-", "1:c+ 1:c-");
	check(f, "AltGr+ RC+ 2+ 2- RC- AltGr-", "sw+ act show2 leds0 sw-");
	/* walk on with the modifiers held */
	check(f, "C+ A+ Right+ Right-", "sw+ act show3 leds0");
	check(f, "Right+ Right- A- C-", "act show1 leds0 sw-");
	/* to where one is */
	check(f, "C+ A+ 1+ 1- C- A-", "sw+ act sw-");
	/* no focus chord, no switcher */
	check(f, "C+ A+ g+ g- A- C-", "act");
}

/* Protects: Ctrl+Alt tapped or held for the switcher reaches nobody. */
static void test_modifiers_only(void **state)
{
	struct fixture *f = *state;

	check(f, "focus1", "show1 leds0");
	check(f, "C+ A+ A- C-", "");
	check(f, "A+ C+ A- @500 C-", "");
	check(f, "C+ A+ @500", "sw+");
	check(f, "A- C-", "sw-");
	/* but the Ctrl left over from it still makes a Ctrl+C */
	check(f, "C+ A+ A- c+ c- C-", "1:C+ 1:c+ 1:c- 1:C-");
	/* and a slow Ctrl+Alt+Del is one */
	check(f, "C+ A+ @500", "sw+");
	check(f, "Del+ Del- A- C-", "1:C+ 1:A+ sw- 1:Del+ 1:Del- 1:A- 1:C-");
	/* a Ctrl+Alt+G that went before does not spoil it */
	check(f, "C+ A+ g+ g- Del+ Del- C- A-", "act 1:C+ 1:A+ 1:Del+ 1:Del- 1:C- 1:A-");
}

/* Protects: the times, and what seat_tick() promises about them. */
static void test_times(void **state)
{
	struct fixture *f = *state;

	check(f, "focus1 @0", "show1 leds0");
	assert_int_equal(f->next_tick, -1);
	check(f, "C+ @0", "");
	assert_int_equal(f->next_tick, 200);
	check(f, "@199", "");
	assert_int_equal(f->next_tick, 1);
	check(f, "@1", "1:C+");
	assert_int_equal(f->next_tick, -1);
	/* Ctrl was given away, but the chord still works and leaves nothing down. */
	check(f, "A+ @249", "");
	assert_int_equal(f->next_tick, 1);
	check(f, "@1", "sw+");
	assert_int_equal(f->next_tick, -1);
	check(f, "2+", "act 1:C- show2 leds0");
	check(f, "2- A- C-", "sw-");
	/* Both down within the hold: never delivered, however long. */
	check(f, "C+ @150 A+ @100", "");
	assert_int_equal(f->next_tick, 150);
	check(f, "@150 @10000", "sw+");
	check(f, "C- A-", "sw-");
	/* A late event does what a tick in time would have done. */
	check(f, "C+", "");
	f->now_ms += 300;
	check(f, "A+ A- C-", "2:C+ 2:C-");
	/* A clock that steps back is no reason to deliver. */
	check(f, "C+", "");
	f->now_ms -= 5000;
	check(f, "@0", "");
	check(f, "C-", "2:C+ 2:C-");
}

/* Protects: keys held over a switch: up in the old guest, nothing in the new one. */
static void test_held_over_switch(void **state)
{
	struct fixture *f = *state;

	check(f, "focus1 c+", "show1 leds0 1:c+");
	check(f, "C+ A+ 2+", "sw+ act 1:c- show2 leds0");
	check(f, "c- 2- A- C-", "sw-");
	check(f, "c+ c-", "2:c+ 2:c-");
	/* from elsewhere (the panel's D-Bus call), while a modifier is open */
	check(f, "C+ focus1 x+ x- C-", "show1 leds0 1:x+ 1:x-");
	check(f, "C+ x+ focus2 x- C-", "1:C+ 1:x+ 1:x- 1:C- show2 leds0");
}

/* Protects: a key pressed too early after a switch does not turn into another one. */
static void test_late_key(void **state)
{
	struct fixture *f = *state;

	check(f, "C+ A+ 1+ 1- Del+ Del-", "sw+ act show1 leds0");
	check(f, "A- x+ x- C-", "sw- 1:x+ 1:x-"); /* a fast typist loses nothing */
}

/* Protects: a drag ends in the guest where it began. */
static void test_switch_during_drag(void **state)
{
	struct fixture *f = *state;

	check(f, "focus1 Left+ Middle+", "show1 leds0 1:Left+ 1:Middle+");
	check(f, "C+ A+ 2+ 2- A- C-", "sw+ act 1:Left- 1:Middle- show2 leds0 sw-");
	check(f, "Left- Middle-", "");
	check(f, "Left+ Left-", "2:Left+ 2:Left-");
}

/* Protects: an unplugged keyboard leaves nothing down, and no half a chord. */
static void test_lost_devices(void **state)
{
	struct fixture *f = *state;

	check(f, "focus1 C+ c+ Left+ A+", "show1 leds0 1:C+ 1:c+ 1:Left+");
	check(f, "lost", "1:Left- 1:c- 1:C-");
	check(f, "1+ 1- C- A- c-", "1:1+ 1:1-");
	check(f, "C+ A+ @300 lost", "sw+ sw-");
	check(f, "@1000 c+ c-", "1:c+ 1:c-");
	assert_int_equal(f->next_tick, -1);
}

/* Protects: a guest that dies in focus is sent nothing more, and the panel gets nothing of its. */
static void test_gone(void **state)
{
	struct fixture *f = *state;

	check(f, "focus1 leds1=4 c+ C+ Left+", "show1 leds0 leds4 1:c+ 1:C+ 1:Left+");
	check(f, "A+ gone1", "show0 leds0");
	check(f, "c- Left- A- C-", "");
	check(f, "x+ x-", "0:x+ 0:x-");
	check(f, "focus1", "show1 leds0"); /* a new one in its place starts with no LEDs */
	check(f, "c+ gone2 c-", "1:c+ 1:c-");
	check(f, "focus0 c+ gone0 c-", "show0 leds0 0:c+ show0 leds0");
	check(f, "gone63 gone64 gone4000000000", "");
	check(f, "focus64 focus4000000000 leds64=1", "");
}

/* Protects: the lamps show what the guest in focus said, and no other. */
static void test_leds(void **state)
{
	struct fixture *f = *state;

	check(f, "leds1=2 leds2=4", "");
	check(f, "focus1", "show1 leds2");
	check(f, "leds1=3", "leds3");
	check(f, "leds2=1", "");
	check(f, "focus2 focus1 focus0", "show2 leds1 show1 leds3 show0 leds0");
	check(f, "leds0=1 gone1", "leds1");
	check(f, "focus1", "show1 leds0");
}

/* Protects: what the ops call is carried out after the transaction, in full. */
static void test_reentrant(void **state)
{
	struct fixture *f = *state;

	check(f, "focus1 leds3=4", "show1 leds0");
	f->show_focus = 3;
	check(f, "focus2", "show2 leds0 show3 leds4");
	assert_int_equal(seat_focused(f->seat), 3);
	/* while keys are being released: the last call counts */
	check(f, "c+ x+", "3:c+ 3:x+");
	f->key_focus = 1;
	check(f, "focus2", "3:x- 3:c- show2 leds0 show1 leds0");
	/* while a modifier is flushed: the key after it goes with it */
	check(f, "c- x- C+", "");
	f->key_focus = 2;
	check(f, "c+", "1:C+ 1:c+ 1:c- 1:C- show2 leds0");
	check(f, "c- C-", "");
	/* back to where it came from */
	f->show_focus = 2;
	check(f, "focus1", "show1 leds0 show2 leds0");
}

/* Protects: a destination found dead while it is being written to. */
static void test_reentrant_gone(void **state)
{
	struct fixture *f = *state;

	check(f, "focus1 c+ x+", "show1 leds0 1:c+ 1:x+");
	f->key_gone = 1; /* on the way out: no second release */
	check(f, "focus2", "1:x- show2 leds0");
	check(f, "c- x- A+", "");
	f->key_gone = 2; /* at the flush: no key after it */
	check(f, "c+", "2:A+ show0 leds0");
	check(f, "c- A-", "");
	f->show_gone = 1; /* the new one is dead on arrival */
	check(f, "focus1", "show1 show0 leds0");
	f->show_gone = 0; /* so is the panel */
	check(f, "focus1 focus0 focus1", "show1 leds0 show0 leds0 show1 leds0");
	check(f, "c+", "1:c+");
	f->key_gone = 2; /* the new one dies while the old one is left */
	check(f, "focus2", "1:c- show0 leds0");
	check(f, "c- c+", "0:c+");
	f->key_focus = 3; /* so does the one after it */
	f->show_gone = 3;
	check(f, "focus2", "0:c- show2 leds0");
}

/* Protects: a chord of one modifier leaves that modifier its tap. */
static void test_single_modifier_chord(void **state)
{
	struct fixture *f = *state;

	f->chords.chords[f->chords.count++] =
		(struct chord){CHORD_MOD_SUPER, KEY_1, {CHORD_FOCUS_SLOT, 1}};
	check(f, "Win+ Win-", "0:Win+ 0:Win-");
	check(f, "Win+ 1+ 1- Win-", "sw+ act show1 leds0 sw-");
	check(f, "Win+ @300 Win-", "sw+ sw-");
	f->chords.chords[f->chords.count - 1].action.type = CHORD_RELEASE_POINTER;
	check(f, "Win+ 1+ 1- Win-", "act");
	check(f, "Win+ c+ c- Win-", "1:Win+ 1:c+ 1:c- 1:Win-");
}

#define with_fixture(f) cmocka_unit_test_setup_teardown(f, make_fixture, drop_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_fixture(test_plain),	   with_fixture(test_guest_shortcuts),
		with_fixture(test_taps),	   with_fixture(test_altgr),
		with_fixture(test_chord),	   with_fixture(test_modifiers_only),
		with_fixture(test_times),	   with_fixture(test_held_over_switch),
		with_fixture(test_late_key),	   with_fixture(test_switch_during_drag),
		with_fixture(test_lost_devices),   with_fixture(test_gone),
		with_fixture(test_leds),	   with_fixture(test_reentrant),
		with_fixture(test_reentrant_gone), with_fixture(test_single_modifier_chord),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
