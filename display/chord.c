/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chords and the names of keys, see chord.h.
 */
#include "chord.h"

#include <linux/input-event-codes.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 20 /* bytes of a name with its NUL; no name is longer */

struct key_name {
	const char *name;
	uint16_t code;
};

/* A code's first name is the one chord_format() writes; the others are what people also call it. */
static const struct key_name key_names[] = {
	{"0", KEY_0},
	{"1", KEY_1},
	{"2", KEY_2},
	{"3", KEY_3},
	{"4", KEY_4},
	{"5", KEY_5},
	{"6", KEY_6},
	{"7", KEY_7},
	{"8", KEY_8},
	{"9", KEY_9},
	{"A", KEY_A},
	{"B", KEY_B},
	{"C", KEY_C},
	{"D", KEY_D},
	{"E", KEY_E},
	{"F", KEY_F},
	{"G", KEY_G},
	{"H", KEY_H},
	{"I", KEY_I},
	{"J", KEY_J},
	{"K", KEY_K},
	{"L", KEY_L},
	{"M", KEY_M},
	{"N", KEY_N},
	{"O", KEY_O},
	{"P", KEY_P},
	{"Q", KEY_Q},
	{"R", KEY_R},
	{"S", KEY_S},
	{"T", KEY_T},
	{"U", KEY_U},
	{"V", KEY_V},
	{"W", KEY_W},
	{"X", KEY_X},
	{"Y", KEY_Y},
	{"Z", KEY_Z},
	{"F1", KEY_F1},
	{"F2", KEY_F2},
	{"F3", KEY_F3},
	{"F4", KEY_F4},
	{"F5", KEY_F5},
	{"F6", KEY_F6},
	{"F7", KEY_F7},
	{"F8", KEY_F8},
	{"F9", KEY_F9},
	{"F10", KEY_F10},
	{"F11", KEY_F11},
	{"F12", KEY_F12},
	{"F13", KEY_F13},
	{"F14", KEY_F14},
	{"F15", KEY_F15},
	{"F16", KEY_F16},
	{"F17", KEY_F17},
	{"F18", KEY_F18},
	{"F19", KEY_F19},
	{"F20", KEY_F20},
	{"F21", KEY_F21},
	{"F22", KEY_F22},
	{"F23", KEY_F23},
	{"F24", KEY_F24},
	{"Left", KEY_LEFT},
	{"Right", KEY_RIGHT},
	{"Up", KEY_UP},
	{"Down", KEY_DOWN},
	{"Home", KEY_HOME},
	{"End", KEY_END},
	{"PageUp", KEY_PAGEUP},
	{"PgUp", KEY_PAGEUP},
	{"PageDown", KEY_PAGEDOWN},
	{"PgDn", KEY_PAGEDOWN},
	{"Insert", KEY_INSERT},
	{"Ins", KEY_INSERT},
	{"Delete", KEY_DELETE},
	{"Del", KEY_DELETE},
	{"Enter", KEY_ENTER},
	{"Return", KEY_ENTER},
	{"Escape", KEY_ESC},
	{"Esc", KEY_ESC},
	{"Tab", KEY_TAB},
	{"Space", KEY_SPACE},
	{"Backspace", KEY_BACKSPACE},
	{"CapsLock", KEY_CAPSLOCK},
	{"NumLock", KEY_NUMLOCK},
	{"ScrollLock", KEY_SCROLLLOCK},
	{"Print", KEY_SYSRQ},
	{"SysRq", KEY_SYSRQ},
	{"Pause", KEY_PAUSE},
	{"Break", KEY_PAUSE},
	{"Menu", KEY_COMPOSE},
	{"Compose", KEY_COMPOSE},
	{"Minus", KEY_MINUS},
	{"Equal", KEY_EQUAL},
	{"LeftBrace", KEY_LEFTBRACE},
	{"RightBrace", KEY_RIGHTBRACE},
	{"Semicolon", KEY_SEMICOLON},
	{"Apostrophe", KEY_APOSTROPHE},
	{"Grave", KEY_GRAVE},
	{"Backslash", KEY_BACKSLASH},
	{"Comma", KEY_COMMA},
	{"Dot", KEY_DOT},
	{"Slash", KEY_SLASH},
	{"102nd", KEY_102ND},
	{"KP0", KEY_KP0},
	{"KP1", KEY_KP1},
	{"KP2", KEY_KP2},
	{"KP3", KEY_KP3},
	{"KP4", KEY_KP4},
	{"KP5", KEY_KP5},
	{"KP6", KEY_KP6},
	{"KP7", KEY_KP7},
	{"KP8", KEY_KP8},
	{"KP9", KEY_KP9},
	{"KPEnter", KEY_KPENTER},
	{"KPPlus", KEY_KPPLUS},
	{"KPMinus", KEY_KPMINUS},
	{"KPAsterisk", KEY_KPASTERISK},
	{"KPSlash", KEY_KPSLASH},
	{"KPDot", KEY_KPDOT},
	{"KPEqual", KEY_KPEQUAL},
	{"KPComma", KEY_KPCOMMA},
	{"Mute", KEY_MUTE},
	{"VolumeUp", KEY_VOLUMEUP},
	{"VolumeDown", KEY_VOLUMEDOWN},
	{"PlayPause", KEY_PLAYPAUSE},
	{"NextSong", KEY_NEXTSONG},
	{"PreviousSong", KEY_PREVIOUSSONG},
	{"StopCD", KEY_STOPCD},
	{"HomePage", KEY_HOMEPAGE},
	{"Search", KEY_SEARCH},
	{"Mail", KEY_MAIL},
	{"Calc", KEY_CALC},
	{"Help", KEY_HELP},
};

static const struct {
	const char *name;
	uint8_t mod;
} mod_names[] = {
	{"Ctrl", CHORD_MOD_CTRL},
	{"Alt", CHORD_MOD_ALT},
	{"Shift", CHORD_MOD_SHIFT},
	{"Super", CHORD_MOD_SUPER},
};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

uint8_t chord_modifier(uint16_t code)
{
	switch (code) {
	case KEY_LEFTCTRL:
	case KEY_RIGHTCTRL:
		return CHORD_MOD_CTRL;
	case KEY_LEFTALT:
	case KEY_RIGHTALT:
		return CHORD_MOD_ALT;
	case KEY_LEFTSHIFT:
	case KEY_RIGHTSHIFT:
		return CHORD_MOD_SHIFT;
	case KEY_LEFTMETA:
	case KEY_RIGHTMETA:
		return CHORD_MOD_SUPER;
	default:
		return 0;
	}
}

void chord_table_defaults(struct chord_table *table)
{
	static const uint16_t digits[] = {KEY_0, KEY_1, KEY_2, KEY_3, KEY_4,
					  KEY_5, KEY_6, KEY_7, KEY_8, KEY_9};
	static const struct {
		uint16_t code;
		enum chord_action_type type;
	} others[] = {
		{KEY_RIGHT, CHORD_FOCUS_NEXT},
		{KEY_LEFT, CHORD_FOCUS_PREVIOUS},
		{KEY_G, CHORD_RELEASE_POINTER},
		{KEY_ENTER, CHORD_FULLSCREEN},
	};
	const uint8_t mods = CHORD_MOD_CTRL | CHORD_MOD_ALT;

	table->count = 0;
	for (unsigned slot = 0; slot < ARRAY_SIZE(digits); slot++)
		table->chords[table->count++] =
			(struct chord){mods, digits[slot], {CHORD_FOCUS_SLOT, slot}};
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		table->chords[table->count++] =
			(struct chord){mods, others[i].code, {others[i].type, 0}};
}

bool chord_table_uses(const struct chord_table *table, uint8_t mod)
{
	for (size_t i = 0; i < table->count; i++) {
		if (table->chords[i].mods & mod)
			return true;
	}
	return false;
}

bool chord_table_complete(const struct chord_table *table, uint8_t mods)
{
	for (size_t i = 0; i < table->count; i++) {
		if (table->chords[i].mods == mods)
			return true;
	}
	return false;
}

const struct chord_action *chord_table_match(const struct chord_table *table, uint8_t mods,
					     uint16_t code)
{
	for (size_t i = 0; i < table->count; i++) {
		if (table->chords[i].mods == mods && table->chords[i].code == code)
			return &table->chords[i].action;
	}
	return NULL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* ASCII only and whatever the locale says: in a Turkish one, "Shift" has to stay "Shift". */
static char to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool names_equal(const char *a, const char *b)
{
	while (*a && to_lower(*a) == to_lower(*b)) {
		a++;
		b++;
	}
	return *a == *b;
}

/* Takes the next word off *text: up to '+' or the end, without the blanks around it. */
static bool take_word(const char **text, char *word, bool *last)
{
	const char *start = *text, *end, *next;

	while (is_blank(*start))
		start++;
	for (next = start; *next && *next != '+'; next++)
		;
	for (end = next; end > start && is_blank(end[-1]); end--)
		;
	*last = *next == '\0';
	*text = *last ? next : next + 1;
	if (end == start || end - start >= WORD_MAX)
		return false;
	memcpy(word, start, (size_t)(end - start));
	word[end - start] = '\0';
	return true;
}

static uint8_t find_mod(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(mod_names); i++) {
		if (names_equal(word, mod_names[i].name))
			return mod_names[i].mod;
	}
	return 0;
}

static uint16_t find_key(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(key_names); i++) {
		if (names_equal(word, key_names[i].name))
			return key_names[i].code;
	}
	return 0;
}

const char *chord_parse(const char *untrusted_text, struct chord *chord)
{
	const char *text = untrusted_text;
	char word[WORD_MAX];
	uint16_t code;
	uint8_t mods = 0, mod;
	bool last;

	do {
		if (!take_word(&text, word, &last))
			return "between the '+' belong names of keys";
		mod = find_mod(word);
		if (last)
			break;
		if (!mod)
			return "only Ctrl, Alt, Shift and Super can stand before a '+'";
		if (mods & mod)
			return "the same modifier stands there twice";
		mods |= mod;
	} while (true);

	if (mod)
		return "a chord ends with a key that is no modifier";
	code = find_key(word);
	if (!code)
		return "the last word is not the name of a key";
	if (!mods)
		return "a chord needs at least one of Ctrl, Alt, Shift and Super";
	chord->mods = mods;
	chord->code = code;
	return NULL;
}

void chord_format(const struct chord *chord, char *buf, size_t size)
{
	const char *name = "?";
	size_t used = 0;
	int n;

	for (size_t i = 0; i < ARRAY_SIZE(key_names); i++) {
		if (key_names[i].code == chord->code) {
			name = key_names[i].name;
			break;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(mod_names) && used < size; i++) {
		if (!(chord->mods & mod_names[i].mod))
			continue;
		n = snprintf(buf + used, size - used, "%s+", mod_names[i].name);
		used += (size_t)n;
	}
	if (used < size)
		snprintf(buf + used, size - used, "%s", name);
}
