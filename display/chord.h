/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chords: which keys the compositor keeps for itself. Matched on evdev key codes, so no layout
 * matters. A chord is a set of modifiers (left or right, no matter which: both Ctrl keys are
 * MOD_CTRL) and one key, pressed last. Pure; the table is filled by settings.c from the user's
 * file, or by chord_table_defaults().
 */
#ifndef DISPLAY_CHORD_H
#define DISPLAY_CHORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHORD_MOD_CTRL	1U
#define CHORD_MOD_ALT	2U
#define CHORD_MOD_SHIFT 4U
#define CHORD_MOD_SUPER 8U

enum chord_action_type {
	CHORD_FOCUS_SLOT, /* slot 0: the panel */
	CHORD_FOCUS_NEXT, /* the next guest that has a picture, in slot order */
	CHORD_FOCUS_PREVIOUS,
	CHORD_RELEASE_POINTER, /* gives a grabbed pointer back to the host */
	CHORD_FULLSCREEN,
};

struct chord_action {
	enum chord_action_type type;
	unsigned slot; /* CHORD_FOCUS_SLOT: 0..9 */
};

struct chord {
	uint8_t mods;  /* CHORD_MOD_*, at least one */
	uint16_t code; /* evdev KEY_* */
	struct chord_action action;
};

#define CHORD_MAX 64

struct chord_table {
	size_t count;
	struct chord chords[CHORD_MAX];
};

/* Ctrl+Alt with: 0 the panel, 1..9 the guests, right/left next/previous, G release the pointer,
 * Enter full screen. */
void chord_table_defaults(struct chord_table *table);

/* The CHORD_MOD_* bit of a key code, or 0 if it is not a modifier. */
uint8_t chord_modifier(uint16_t code);

/* Some chord needs this modifier. */
bool chord_table_uses(const struct chord_table *table, uint8_t mod);

/* mods is exactly the modifiers of some chord. */
bool chord_table_complete(const struct chord_table *table, uint8_t mods);

/* The action of exactly mods + code, or NULL. */
const struct chord_action *chord_table_match(const struct chord_table *table, uint8_t mods,
					     uint16_t code);

/*
 * Reads "Ctrl+Alt+1" (case and blanks do not matter; modifiers Ctrl, Alt, Shift, Super, each at
 * most once; then the name of an evdev key without KEY_: A..Z, 0..9, F1..F24, Left, Right, Up,
 * Down, Enter, Space, Tab, Escape, Home, End, PageUp, PageDown, ...; doc/mullion-display.conf.5 has
 * all). Returns NULL and fills *chord (but for its action), or a constant sentence that says what
 * is wrong.
 */
const char *chord_parse(const char *untrusted_text, struct chord *chord);

/* "Ctrl+Alt+1"; buf of at least 64 bytes. */
void chord_format(const struct chord *chord, char *buf, size_t size);

#endif
