/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The observer of the seat, see seat-observer.h.
 */
#include "seat-observer.h"

#include <linux/input-event-codes.h>
#include <string.h>

/* What the history is made of. The last three are no keys at all. */
const uint16_t world_keys[KEYS] = {
	KEY_LEFTCTRL,  KEY_RIGHTCTRL,
	KEY_LEFTALT,   KEY_RIGHTALT,
	KEY_LEFTSHIFT, KEY_RIGHTSHIFT,
	KEY_LEFTMETA,  KEY_RIGHTMETA,
	KEY_C,	       KEY_0,
	KEY_1,	       KEY_2,
	KEY_3,	       KEY_4,
	KEY_RIGHT,     KEY_G,
	KEY_F1,	       KEY_DELETE,
	BTN_LEFT,      BTN_RIGHT,
	BTN_TASK,      0,
	256,	       0xffff,
};

uint32_t world_draw(struct world *w, uint32_t below)
{
	/* xorshift64*, by Marsaglia and Vigna */
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (uint32_t)((w->random * UINT64_C(0x2545F4914F6CDD1D)) >> 32) % below;
}

bool key_is_modifier(size_t key)
{
	return key < MODIFIERS;
}

bool key_is_button(size_t key)
{
	return world_keys[key] >= BTN_LEFT;
}

/* By hand, so as not to believe chord.c. */
uint8_t key_mod(size_t key)
{
	static const uint8_t mods[MODIFIERS] = {1, 1, 2, 2, 4, 4, 8, 8};

	return key_is_modifier(key) ? mods[key] : 0;
}

static uint8_t mods_down(const struct world *w)
{
	uint8_t mods = 0;

	for (size_t i = 0; i < MODIFIERS; i++)
		mods |= w->keys[i].physical ? key_mod(i) : 0;
	return mods;
}

static bool chords_use(const struct world *w, uint8_t mod)
{
	for (size_t i = 0; i < w->chords.count; i++) {
		if (w->chords.chords[i].mods & mod)
			return true;
	}
	return false;
}

static bool chords_complete(const struct world *w, uint8_t mods)
{
	for (size_t i = 0; i < w->chords.count; i++) {
		if (w->chords.chords[i].mods == mods)
			return true;
	}
	return false;
}

const struct chord_action *world_chords_find(const struct world *w, uint8_t mods, uint16_t code)
{
	for (size_t i = 0; i < w->chords.count; i++) {
		if (w->chords.chords[i].mods == mods && w->chords.chords[i].code == code)
			return &w->chords.chords[i].action;
	}
	return NULL;
}

/* A modifier the seat may still be thinking about. */
bool world_is_open(const struct world *w, size_t key)
{
	const struct key_state *k = &w->keys[key];

	return chords_use(w, key_mod(key)) && k->physical && !k->stale && !k->down[w->focus];
}

static void put_in_sight(struct world *w)
{
	for (size_t i = 0; i < MODIFIERS; i++)
		w->keys[i].in_sight |= world_is_open(w, i);
}

static void forget_dest(struct world *w, unsigned dest)
{
	w->leds_reported[dest] = 0;
	w->alive[dest] = dest == SEAT_PANEL;
	for (size_t i = 0; i < VALID_KEYS; i++)
		w->keys[i].down[dest] = false;
}

/* The panel is never dead for long, but a new one knows nothing of the keys down. */
void world_kill_dest(struct world *w, unsigned dest)
{
	w->disturbed = true;
	forget_dest(w, dest);
	seat_gone(w->seat, dest);
}

unsigned world_draw_alive(struct world *w)
{
	unsigned dest = world_draw(w, DESTS);

	return w->alive[dest] ? dest : SEAT_PANEL;
}

/* What a program may do in an op, but not all in one: the next op may come before it takes effect.
 */
static void act_within_op(struct world *w)
{
	if (w->once_focus) {
		w->once_focus = false;
		w->disturbed = true;
		w->asked = world_draw_alive(w);
		seat_focus(w->seat, w->asked);
	} else if (w->once_gone) {
		w->once_gone = false;
		world_kill_dest(w, world_draw(w, 3)   ? w->focus
				   : world_draw(w, 2) ? w->asked
						      : world_draw(w, DESTS));
	}
}

static void check_modifier_down(struct world *w, size_t key)
{
	bool by_event = w->kind == STEP_WHEEL;

	if (!chords_use(w, key_mod(key))) {
		if (w->kind != STEP_DOWN || w->key != key)
			fail_step(w, "modifier %u of no chord was late", world_keys[key]);
		return;
	}
	if (w->kind == STEP_DOWN && w->key != key)
		by_event = !key_is_modifier(w->key) ? !w->wanted : !chords_use(w, key_mod(w->key));
	if (by_event)
		return;
	if (w->keys[key].in_sight)
		fail_step(w, "modifier %u was for a chord but was sent", world_keys[key]);
	if (w->kind == STEP_UP && key_is_modifier(w->key) && !w->keys[w->key].in_sight)
		return; /* a tap */
	if (!w->hold_over)
		fail_step(w, "modifier %u was sent before its time", world_keys[key]);
}

static void check_down(struct world *w, size_t key)
{
	struct key_state *k = &w->keys[key];

	if (!k->physical || k->stale)
		fail_step(w, "key %u was sent but is not this focus's", world_keys[key]);
	if (k->sequence <= w->sent_sequence)
		fail_step(w, "key %u is out of order", world_keys[key]);
	w->sent_sequence = k->sequence;
	if (key_is_modifier(key)) {
		check_modifier_down(w, key);
		k->in_sight = false;
		w->flushed |= chords_use(w, key_mod(key));
		return;
	}
	if (w->kind != STEP_DOWN || w->key != key)
		fail_step(w, "key %u went down by itself", world_keys[key]);
	if (!key_is_button(key) && w->wanted)
		fail_step(w, "a chord's key %u was sent", world_keys[key]);
	for (size_t i = 0; i < MODIFIERS; i++) {
		if (w->keys[i].physical && !w->keys[i].stale && !w->keys[i].down[w->focus])
			fail_step(w, "key %u came before modifier %u", world_keys[key],
				  world_keys[i]);
	}
}

static void on_key(void *data, unsigned dest, uint16_t code, bool down)
{
	struct world *w = data;
	size_t key = 0;

	while (key < VALID_KEYS && world_keys[key] != code)
		key++;
	if (key == VALID_KEYS)
		fail_step(w, "code %u was never pressed", code);
	if (dest != w->focus || !w->alive[dest])
		fail_step(w, "key %u went to %u, focus is %u", code, dest, w->focus);
	if (w->keys[key].down[dest] == down)
		fail_step(w, "key %u is %s twice", code, down ? "down" : "up");
	if (down)
		check_down(w, key);
	else if (w->keys[key].physical && !(w->kind == STEP_UP && w->key == key))
		w->early_up = true;
	w->keys[key].down[dest] = down;
	act_within_op(w);
}

static void on_plain_key(void *data, unsigned dest, uint16_t code, bool down)
{
	if (code >= BTN_LEFT)
		fail_step((struct world *)data, "button %u came as a key", code);
	on_key(data, dest, code, down);
}

static void on_button(void *data, unsigned dest, uint16_t code, bool down)
{
	if (code < BTN_LEFT)
		fail_step((struct world *)data, "key %u came as a button", code);
	on_key(data, dest, code, down);
}

static void on_show(void *data, unsigned dest)
{
	struct world *w = data;

	if (dest >= DESTS || !w->alive[dest])
		fail_step(w, "%u is shown, which is not there", dest);
	for (size_t i = 0; i < VALID_KEYS; i++) {
		if (w->keys[i].down[w->focus])
			fail_step(w, "key %u stays down in %u", world_keys[i], w->focus);
		w->keys[i].stale = w->keys[i].physical;
		w->keys[i].in_sight = false;
	}
	w->focus = dest;
	w->disturbed = true;
	w->early_up = false;
	act_within_op(w);
}

static void on_leds(void *data, uint32_t leds)
{
	struct world *w = data;

	w->leds_shown = leds;
	act_within_op(w);
}

static void on_action(void *data, const struct chord_action *action)
{
	struct world *w = data;

	w->num_actions++;
	if (action != w->wanted)
		fail_step(w, "the wrong chord matched");
	put_in_sight(w);
	if (action->type == CHORD_FOCUS_SLOT && action->slot < DESTS && w->alive[action->slot])
		seat_focus(w->seat, action->slot);
	else if (action->type == CHORD_FOCUS_NEXT)
		seat_focus(w->seat, world_draw_alive(w));
	act_within_op(w);
}

static void on_switcher(void *data, bool shown)
{
	struct world *w = data;

	if (w->switcher == shown)
		fail_step(w, "the switcher is %s twice", shown ? "shown" : "hidden");
	w->switcher = shown;
	if (shown)
		put_in_sight(w);
	act_within_op(w);
}

/* The time alone delivers what is held, if no chord is in sight and the oldest is old enough. */
bool world_is_hold_over(const struct world *w)
{
	bool any = false, over = false;

	for (size_t i = 0; i < MODIFIERS; i++) {
		if (!world_is_open(w, i))
			continue;
		if (w->keys[i].in_sight)
			return false;
		any = true;
		over |= w->now_ms - w->keys[i].pressed_ms >= SEAT_HOLD_MS;
	}
	return any && over && !chords_complete(w, w->mods_before);
}

void world_begin_step(struct world *w, enum step kind)
{
	w->kind = kind;
	w->mods_before = mods_down(w);
	w->hold_over = (kind != STEP_OTHER) && world_is_hold_over(w);
	w->disturbed = w->early_up = w->flushed = false;
	w->num_actions = 0;
	w->wanted = NULL;
	w->once_focus = world_draw(w, 100) == 0;
	w->once_gone = world_draw(w, 100) == 0;
}

void world_check_invariants(struct world *w)
{
	uint8_t mods = mods_down(w);
	bool any_open = false;

	if (seat_focused(w->seat) != w->focus)
		fail_step(w, "the focus is %u, shown is %u", seat_focused(w->seat), w->focus);
	if (!w->alive[w->focus])
		fail_step(w, "the focus is on the dead");
	if (w->early_up)
		fail_step(w, "a key went up before its time");
	if (w->leds_shown != w->leds_reported[w->focus])
		fail_step(w, "LEDs are %u, not %u", w->leds_shown, w->leds_reported[w->focus]);
	if (w->num_actions != (w->wanted ? 1U : 0U))
		fail_step(w, "%u chords matched", w->num_actions);
	if (w->switcher && (!chords_complete(w, mods) || (w->flushed && !w->disturbed)))
		fail_step(w, "the switcher stays");
	for (size_t i = 0; i < VALID_KEYS; i++) {
		const struct key_state *k = &w->keys[i];

		for (unsigned dest = 0; dest < DESTS; dest++) {
			if (k->down[dest] && (dest != w->focus || !k->physical || k->stale))
				fail_step(w, "key %u is stuck in %u", world_keys[i], dest);
		}
		any_open |= i < MODIFIERS && world_is_open(w, i);
	}
	if (w->kind == STEP_TICK && !w->disturbed && any_open && chords_complete(w, mods) &&
	    w->now_ms - w->modifier_ms >= SEAT_SWITCHER_MS && !w->switcher)
		fail_step(w, "no switcher");
}

/* After a modifier went down or up, its companions take part in the chord that is now in sight. */
void world_update_in_sight(struct world *w)
{
	uint8_t mods = mods_down(w);
	bool one = chords_complete(w, mods) && (mods & (mods - 1)) != 0;

	for (size_t i = 0; i < MODIFIERS; i++)
		one |= world_is_open(w, i) && w->keys[i].in_sight;
	if (one)
		put_in_sight(w);
}

/* Nothing the user meant for the guest is lost. */
void world_check_delivered(struct world *w, bool had_stale)
{
	const struct key_state *k = &w->keys[w->key];
	bool complete = chords_complete(w, w->mods_before);

	if (w->disturbed)
		return;
	if (w->kind == STEP_DOWN) {
		bool open = key_is_modifier(w->key) && chords_use(w, key_mod(w->key));
		bool late =
			!key_is_button(w->key) && !key_is_modifier(w->key) && complete && had_stale;

		if (!open && !late && !w->wanted && !k->down[w->focus])
			fail_step(w, "key %u was lost", world_keys[w->key]);
		if (late && k->down[w->focus])
			fail_step(w, "key %u came without its modifiers", world_keys[w->key]);
	}
	if (!w->hold_over)
		return;
	for (size_t i = 0; i < MODIFIERS; i++) {
		bool pressed_now = w->kind == STEP_DOWN && w->key == i;

		if (world_is_open(w, i) && !pressed_now)
			fail_step(w, "modifier %u was held for too long", world_keys[i]);
	}
}

const struct seat_ops world_ops = {
	.key = on_plain_key,
	.button = on_button,
	.show = on_show,
	.leds = on_leds,
	.action = on_action,
	.switcher = on_switcher,
};
