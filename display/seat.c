/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seat: routes the one user's keys and buttons, see seat.h.
 *
 * Two bitmaps carry it: what is physically down, and what the destination in focus was told is
 * down. Only the focus has anything down, so one such bitmap serves all destinations. A key that is
 * physically down but not delivered is either in held[] (a modifier whose meaning is open) or
 * swallowed: its up will find no bit and goes nowhere.
 */
#include "seat.h"

#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_KEY    1U
#define LAST_KEY     255U /* what the display protocol carries */
#define FIRST_BUTTON BTN_LEFT
#define LAST_BUTTON  BTN_TASK
#define CODE_COUNT   (LAST_BUTTON + 1U)
#define WORD_BITS    64U
#define WORD_COUNT   ((CODE_COUNT + WORD_BITS - 1U) / WORD_BITS)

#define HELD_MAX	8U /* as many modifier keys as there are */
#define FOCUS_CHAIN_MAX SEAT_MAX_DEST

struct code_set {
	uint64_t words[WORD_COUNT];
};

struct seat {
	const struct chord_table *chords;
	struct seat_ops ops;
	void *data;

	unsigned focus;
	bool focus_dead; /* nothing is sent until the transaction that is under way moves on */
	int target;	 /* where the focus goes, while the old one is being released, or -1 */
	unsigned depth;	 /* > 0: in a transaction, maybe inside one of its ops */
	int pending;	 /* destination asked for meanwhile, or -1 */

	struct code_set physical;
	struct code_set delivered; /* in focus */
	uint8_t mods;		   /* of physical */

	uint16_t held[HELD_MAX]; /* modifiers pressed, in that order, and not delivered yet */
	size_t num_held;
	bool spoiled; /* held[] took part in a chord: neither time nor a release delivers it */
	uint64_t hold_since;

	bool complete; /* mods is all the modifiers of a chord */
	uint64_t complete_since;
	bool switcher_shown;

	uint32_t leds[SEAT_MAX_DEST]; /* as reported */
};

static bool code_set_has(const struct code_set *set, unsigned code)
{
	return set->words[code / WORD_BITS] >> (code % WORD_BITS) & 1U;
}

static void code_set_put(struct code_set *set, unsigned code, bool in)
{
	uint64_t bit = UINT64_C(1) << (code % WORD_BITS);

	if (in)
		set->words[code / WORD_BITS] |= bit;
	else
		set->words[code / WORD_BITS] &= ~bit;
}

struct seat *seat_create(const struct chord_table *chords, const struct seat_ops *ops, void *data)
{
	struct seat *seat = calloc(1, sizeof(*seat));

	if (!seat)
		return NULL;
	seat->chords = chords;
	seat->ops = *ops;
	seat->data = data;
	seat->focus = SEAT_PANEL;
	seat->target = -1;
	seat->pending = -1;
	return seat;
}

void seat_destroy(struct seat *seat)
{
	free(seat);
}

unsigned seat_focused(const struct seat *seat)
{
	return seat->focus;
}

/* The bit is set before the op runs: whatever the op calls finds the truth. */
static void seat_send(struct seat *seat, uint16_t code, bool down)
{
	if (seat->focus_dead)
		return;
	code_set_put(&seat->delivered, code, down);
	if (code >= FIRST_BUTTON)
		seat->ops.button(seat->data, seat->focus, code, down);
	else
		seat->ops.key(seat->data, seat->focus, code, down);
}

static void seat_show_switcher(struct seat *seat, bool shown)
{
	if (seat->switcher_shown == shown)
		return;
	seat->switcher_shown = shown;
	seat->ops.switcher(seat->data, shown);
}

static void seat_drop_held(struct seat *seat)
{
	seat->num_held = 0;
	seat->spoiled = false;
}

/* The held modifiers were meant for the destination. */
static void seat_flush_held(struct seat *seat)
{
	uint16_t held[HELD_MAX];
	size_t num_held = seat->num_held;

	if (num_held == 0)
		return;
	memcpy(held, seat->held, sizeof(held));
	seat_drop_held(seat);
	for (size_t i = 0; i < num_held; i++)
		seat_send(seat, held[i], true);
	seat_show_switcher(seat, false);
}

static void seat_release_range(struct seat *seat, unsigned first, unsigned last, bool modifiers)
{
	for (unsigned code = first; code <= last; code++) {
		if (!code_set_has(&seat->delivered, code))
			continue;
		if ((chord_modifier((uint16_t)code) != 0) == modifiers)
			seat_send(seat, (uint16_t)code, false);
	}
}

/* Modifiers go up last, as a user's would: a late C up without its Ctrl may mean something. */
static void seat_release_all(struct seat *seat)
{
	seat_release_range(seat, FIRST_BUTTON, LAST_BUTTON, false);
	seat_release_range(seat, FIRST_KEY, LAST_KEY, false);
	seat_release_range(seat, FIRST_KEY, LAST_KEY, true);
}

static void seat_transact(struct seat *seat, unsigned dest)
{
	seat->target = (int)dest;
	seat_release_all(seat);
	seat_drop_held(seat);
	seat->focus = (unsigned)seat->target;
	seat->target = -1;
	seat->focus_dead = false;
	seat->ops.show(seat->data, seat->focus);
	if (!seat->focus_dead)
		seat->ops.leds(seat->data, seat->leds[seat->focus]);
}

static void seat_enter(struct seat *seat)
{
	seat->depth++;
}

static void seat_leave(struct seat *seat)
{
	/* The count guards against a show() that always asks for another destination. */
	for (unsigned i = 0; seat->depth == 1 && seat->pending >= 0 && i < FOCUS_CHAIN_MAX; i++) {
		unsigned dest = (unsigned)seat->pending;

		seat->pending = -1;
		if (dest != seat->focus || seat->focus_dead)
			seat_transact(seat, dest);
	}
	if (seat->depth == 1) {
		if (seat->focus_dead)
			seat_transact(seat, SEAT_PANEL);
		seat->focus_dead = false;
		seat->pending = -1;
	}
	seat->depth--;
}

void seat_focus(struct seat *seat, unsigned dest)
{
	if (dest >= SEAT_MAX_DEST || (dest == seat->focus && seat->focus_dead))
		return;
	seat_enter(seat);
	seat->pending = (int)dest;
	seat_leave(seat);
}

void seat_gone(struct seat *seat, unsigned dest)
{
	if (dest >= SEAT_MAX_DEST)
		return;
	seat_enter(seat);
	seat->leds[dest] = 0;
	if (seat->pending == (int)dest)
		seat->pending = -1;
	if (seat->target == (int)dest)
		seat->target = SEAT_PANEL;
	if (dest == seat->focus) {
		memset(&seat->delivered, 0, sizeof(seat->delivered));
		seat->focus_dead = true;
		if (seat->pending < 0 && seat->target < 0)
			seat->pending = SEAT_PANEL;
	}
	seat_leave(seat);
}

void seat_set_leds(struct seat *seat, unsigned dest, uint32_t leds)
{
	if (dest >= SEAT_MAX_DEST || (dest == seat->focus && seat->focus_dead))
		return;
	seat_enter(seat);
	seat->leds[dest] = leds;
	if (dest == seat->focus)
		seat->ops.leds(seat->data, leds);
	seat_leave(seat);
}

static uint64_t elapsed(uint64_t since, uint64_t now_ms)
{
	return now_ms > since ? now_ms - since : 0;
}

static bool seat_hold_timed(const struct seat *seat)
{
	return seat->num_held > 0 && !seat->spoiled && !seat->complete;
}

static bool seat_switcher_timed(const struct seat *seat)
{
	return seat->num_held > 0 && seat->complete && !seat->switcher_shown;
}

static void seat_expire(struct seat *seat, uint64_t now_ms)
{
	if (seat_hold_timed(seat) && elapsed(seat->hold_since, now_ms) >= SEAT_HOLD_MS)
		seat_flush_held(seat);
	if (seat_switcher_timed(seat) &&
	    elapsed(seat->complete_since, now_ms) >= SEAT_SWITCHER_MS) {
		seat->spoiled = true;
		seat_show_switcher(seat, true);
	}
}

int seat_tick(struct seat *seat, uint64_t now_ms)
{
	uint64_t passed, limit;

	seat_enter(seat);
	seat_expire(seat, now_ms);
	seat_leave(seat);
	if (seat_hold_timed(seat)) {
		passed = elapsed(seat->hold_since, now_ms);
		limit = SEAT_HOLD_MS;
	} else if (seat_switcher_timed(seat)) {
		passed = elapsed(seat->complete_since, now_ms);
		limit = SEAT_SWITCHER_MS;
	} else {
		return -1;
	}
	return passed < limit ? (int)(limit - passed) : 0;
}

/* After physical changed: mods, and what follows from them. */
static void seat_update_mods(struct seat *seat, uint64_t now_ms)
{
	static const uint16_t modifiers[] = {KEY_LEFTCTRL, KEY_RIGHTCTRL, KEY_LEFTALT,
					     KEY_RIGHTALT, KEY_LEFTSHIFT, KEY_RIGHTSHIFT,
					     KEY_LEFTMETA, KEY_RIGHTMETA};
	uint8_t mods = 0;

	for (size_t i = 0; i < sizeof(modifiers) / sizeof(modifiers[0]); i++) {
		if (code_set_has(&seat->physical, modifiers[i]))
			mods |= chord_modifier(modifiers[i]);
	}
	seat->mods = mods;
	seat->complete = chord_table_complete(seat->chords, mods);
	seat->complete_since = now_ms;
	if (!seat->complete)
		seat_show_switcher(seat, false);
	else if (seat->num_held > 0 && (mods & (mods - 1U)) != 0)
		seat->spoiled = true;
}

static bool seat_holds(const struct seat *seat, uint16_t code)
{
	for (size_t i = 0; i < seat->num_held; i++) {
		if (seat->held[i] == code)
			return true;
	}
	return false;
}

/* All modifiers of a chord are down, but one was pressed for a former destination. */
static bool seat_mods_stale(const struct seat *seat)
{
	if (!seat->complete)
		return false;
	for (uint16_t code = FIRST_KEY; code <= LAST_KEY; code++) {
		if (chord_modifier(code) && code_set_has(&seat->physical, code) &&
		    !code_set_has(&seat->delivered, code) && !seat_holds(seat, code))
			return true;
	}
	return false;
}

static bool seat_is_focus_action(const struct chord_action *action)
{
	return action->type == CHORD_FOCUS_SLOT || action->type == CHORD_FOCUS_NEXT ||
	       action->type == CHORD_FOCUS_PREVIOUS;
}

static void seat_modifier_down(struct seat *seat, uint64_t now_ms, uint16_t code)
{
	if (!chord_table_uses(seat->chords, chord_modifier(code))) {
		seat_flush_held(seat);
		seat_send(seat, code, true);
	} else {
		if (seat->num_held == 0)
			seat->hold_since = now_ms;
		seat->held[seat->num_held++] = code;
	}
	seat_update_mods(seat, now_ms);
}

static void seat_plain_down(struct seat *seat, uint16_t code)
{
	const struct chord_action *action = chord_table_match(seat->chords, seat->mods, code);

	if (action) {
		seat->spoiled = seat->num_held > 0;
		if (seat_is_focus_action(action))
			seat_show_switcher(seat, true);
		seat->ops.action(seat->data, action);
	} else if (!seat_mods_stale(seat)) {
		seat_flush_held(seat);
		seat_send(seat, code, true);
	}
}

static void seat_key_up(struct seat *seat, uint64_t now_ms, uint16_t code)
{
	size_t i = 0;

	while (i < seat->num_held && seat->held[i] != code)
		i++;
	if (i < seat->num_held) {
		if (!seat->spoiled) {
			seat_flush_held(seat);
		} else {
			seat->num_held--;
			memmove(&seat->held[i], &seat->held[i + 1],
				(seat->num_held - i) * sizeof(seat->held[0]));
			seat->spoiled = seat->num_held > 0;
		}
	}
	if (code_set_has(&seat->delivered, code))
		seat_send(seat, code, false);
	if (chord_modifier(code))
		seat_update_mods(seat, now_ms);
}

void seat_key(struct seat *seat, uint64_t now_ms, uint16_t code, bool down)
{
	if (code < FIRST_KEY || code > LAST_KEY || code_set_has(&seat->physical, code) == down)
		return;
	seat_enter(seat);
	seat_expire(seat, now_ms);
	code_set_put(&seat->physical, code, down);
	if (!down)
		seat_key_up(seat, now_ms, code);
	else if (chord_modifier(code))
		seat_modifier_down(seat, now_ms, code);
	else
		seat_plain_down(seat, code);
	seat_leave(seat);
}

void seat_button(struct seat *seat, uint64_t now_ms, uint16_t code, bool down)
{
	if (code < FIRST_BUTTON || code > LAST_BUTTON ||
	    code_set_has(&seat->physical, code) == down)
		return;
	seat_enter(seat);
	seat_expire(seat, now_ms);
	code_set_put(&seat->physical, code, down);
	if (down) {
		seat_flush_held(seat);
		seat_send(seat, code, true);
	} else if (code_set_has(&seat->delivered, code)) {
		seat_send(seat, code, false);
	}
	seat_leave(seat);
}

void seat_wheel(struct seat *seat, uint64_t now_ms)
{
	seat_enter(seat);
	seat_expire(seat, now_ms);
	seat_flush_held(seat);
	seat_leave(seat);
}

void seat_lost_devices(struct seat *seat)
{
	seat_enter(seat);
	memset(&seat->physical, 0, sizeof(seat->physical));
	seat_drop_held(seat);
	seat_release_all(seat);
	seat_update_mods(seat, 0);
	seat_leave(seat);
}
