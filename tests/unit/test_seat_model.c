/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seat under random histories, watched by seat-observer.c after every step.
 *
 * MULLION_TEST_SEED and MULLION_TEST_STEPS change the history; the seed is printed.
 */
#include "seat-observer.h"

#include <linux/input-event-codes.h>
#include <stdlib.h>

#define STEPS_DEFAULT 1000000U

static bool has_stale_modifier(const struct world *w)
{
	for (size_t i = 0; i < MODIFIERS; i++) {
		if (w->keys[i].physical && w->keys[i].stale)
			return true;
	}
	return false;
}

static void send_event(struct world *w, uint16_t code, bool down)
{
	if (code >= BTN_LEFT && code <= BTN_TASK)
		seat_button(w->seat, w->now_ms, code, down);
	else
		seat_key(w->seat, w->now_ms, code, down);
}

static void step_key(struct world *w)
{
	size_t key = world_draw(w, 3) ? world_draw(w, KEYS) : world_draw(w, MODIFIERS);
	struct key_state *k = key < VALID_KEYS ? &w->keys[key] : NULL;
	uint64_t sent_before = w->sent_sequence;
	bool down, had_stale = has_stale_modifier(w), open;

	if (!k || world_draw(w, 50) == 0) {
		/* no key, or an event that says nothing new: nothing at all may happen */
		world_begin_step(w, STEP_OTHER);
		send_event(w, world_keys[key], k ? k->physical : world_draw(w, 2));
		if (w->disturbed || w->num_actions || w->sent_sequence != sent_before)
			fail_step(w, "something came from nothing");
		return;
	}
	down = !k->physical;
	world_begin_step(w, down ? STEP_DOWN : STEP_UP);
	w->key = key;
	open = key_is_modifier(key) && world_is_open(w, key);
	if (down) {
		k->physical = true;
		k->stale = k->in_sight = false;
		k->pressed_ms = w->now_ms;
		k->sequence = ++w->sequence;
		if (!key_is_modifier(key) && !key_is_button(key))
			w->wanted = world_chords_find(w, w->mods_before, world_keys[key]);
	}
	if (key_is_modifier(key))
		w->modifier_ms = w->now_ms;
	send_event(w, world_keys[key], down);
	if (!down) {
		if (open && !k->in_sight && !w->disturbed && w->sent_sequence < k->sequence)
			fail_step(w, "the tap of %u was lost", world_keys[key]);
		k->physical = k->stale = k->in_sight = false;
	}
	world_update_in_sight(w);
	world_check_delivered(w, had_stale);
}

static void step_tick(struct world *w)
{
	int next;

	world_begin_step(w, STEP_TICK);
	next = seat_tick(w->seat, w->now_ms);
	if (next == 0 || next < -1 || next > (int)SEAT_SWITCHER_MS)
		fail_step(w, "tick again in %d ms?", next);
	world_check_delivered(w, false);
	w->hold_over = false;
	if (world_is_hold_over(w) && next < 0)
		fail_step(w, "nobody will tick for the held modifiers");
}

static void step_other(struct world *w)
{
	unsigned dest = world_draw(w, DESTS);
	uint32_t leds;

	world_begin_step(w, STEP_OTHER);
	switch (world_draw(w, 8)) {
	case 0:
	case 1:
		dest = world_draw_alive(w);
		seat_focus(w->seat, dest);
		break;
	case 2:
		seat_focus(w->seat, SEAT_MAX_DEST + world_draw(w, 3));
		break;
	case 3:
		world_kill_dest(w, world_draw(w, 3) ? dest : w->focus);
		break;
	case 4:
		for (size_t i = 0; i < VALID_KEYS; i++)
			w->keys[i].physical = w->keys[i].stale = w->keys[i].in_sight = false;
		seat_lost_devices(w->seat);
		break;
	case 5:
		w->alive[dest] = true; /* a new guest in its place */
		break;
	default:
		leds = world_draw(w, 8);
		if (w->alive[dest]) {
			w->leds_reported[dest] = leds;
			seat_set_leds(w->seat, dest, leds);
		}
		break;
	}
}

static void take_step(struct world *w)
{
	uint32_t what = world_draw(w, 100);

	w->now_ms += world_draw(w, 4) ? world_draw(w, 40) : world_draw(w, 300);
	if (what < 75) {
		step_key(w);
	} else if (what < 88) {
		step_tick(w);
	} else if (what < 92) {
		world_begin_step(w, STEP_WHEEL);
		seat_wheel(w->seat, w->now_ms);
		for (size_t i = 0; !w->disturbed && i < MODIFIERS; i++) {
			if (world_is_open(w, i))
				fail_step(w, "the wheel came before modifier %u", world_keys[i]);
		}
	} else {
		step_other(w);
	}
	world_check_invariants(w);
}

static uint64_t number_from_env(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : fallback;
}

static void run_history(const struct chord_table *chords, unsigned share)
{
	uint64_t steps = number_from_env("MULLION_TEST_STEPS", STEPS_DEFAULT) / share;
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->chords = *chords;
	w->seed = number_from_env("MULLION_TEST_SEED", 20240917);
	w->random = w->seed * 2 + 1; /* never 0 */
	w->alive[SEAT_PANEL] = true;
	w->seat = seat_create(&w->chords, &world_ops, w);
	assert_non_null(w->seat);
	print_message("seed %" PRIu64 ", %" PRIu64 " steps\n", w->seed, steps);
	for (w->step = 0; w->step < steps; w->step++)
		take_step(w);
	seat_destroy(w->seat);
	free(w);
}

/* Protects: seat.h's invariants, with the chords as delivered. */
static void test_defaults(void **state)
{
	struct chord_table chords;

	(void)state;
	chord_table_defaults(&chords);
	run_history(&chords, 2);
}

/* Protects: the same with chords that share modifiers, have one or four of them, or one key. */
static void test_entangled(void **state)
{
	static const struct chord_table chords = {
		.count = 6,
		.chords =
			{
				{CHORD_MOD_CTRL | CHORD_MOD_ALT, KEY_1, {CHORD_FOCUS_SLOT, 1}},
				{CHORD_MOD_CTRL | CHORD_MOD_SHIFT, KEY_1, {CHORD_FOCUS_SLOT, 2}},
				{CHORD_MOD_SUPER, KEY_RIGHT, {CHORD_FOCUS_NEXT, 0}},
				{CHORD_MOD_SUPER, KEY_G, {CHORD_RELEASE_POINTER, 0}},
				{CHORD_MOD_CTRL | CHORD_MOD_ALT | CHORD_MOD_SHIFT,
				 KEY_F1,
				 {CHORD_FULLSCREEN, 0}},
				{15, KEY_0, {CHORD_FOCUS_SLOT, 0}},
			},
	};

	(void)state;
	run_history(&chords, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_entangled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
