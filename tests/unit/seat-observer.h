/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An observer of the seat: it knows only what went in (the user's events) and what came out (the
 * ops), and holds the promises of seat.h after every step. It keeps no state machine of its own:
 * for each key it remembers when it was pressed, whether the focus changed since, and whether a
 * chord was in sight since. test_seat_model.c drives it.
 */
#ifndef TESTS_SEAT_OBSERVER_H
#define TESTS_SEAT_OBSERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>

#include "seat.h"

#define DESTS	   5U
#define KEYS	   24U
#define MODIFIERS  8U	       /* the first ones */
#define VALID_KEYS (KEYS - 3U) /* the last ones are no keys at all */

extern const uint16_t world_keys[KEYS];

enum step {
	STEP_DOWN,
	STEP_UP,
	STEP_WHEEL,
	STEP_TICK,
	STEP_OTHER, /* no user's event of that kind: focus, death, unplugging, LEDs */
};

struct key_state {
	bool physical;
	bool stale;    /* pressed before the focus came where it is */
	bool in_sight; /* a modifier, not delivered; a chord was in sight since it was pressed */
	bool down[DESTS];
	uint64_t pressed_ms;
	uint64_t sequence; /* of the press */
};

struct world {
	struct chord_table chords;
	struct seat *seat;
	uint64_t random, seed;
	unsigned step;
	uint64_t now_ms;

	struct key_state keys[VALID_KEYS];
	uint64_t sequence;	/* of the newest press */
	uint64_t sent_sequence; /* of the press delivered last */
	uint64_t modifier_ms;	/* the newest modifier event */

	unsigned focus;
	bool alive[DESTS];
	uint32_t leds_reported[DESTS], leds_shown;
	bool switcher;

	/* the step being taken */
	enum step kind;
	size_t key; /* STEP_DOWN, STEP_UP: index */
	uint8_t mods_before;
	bool hold_over; /* time alone may deliver modifiers */
	bool disturbed; /* the focus moved or somebody died: fewer promises */
	bool early_up;	/* a key still down went up in the guest: a switch has to follow */
	bool flushed;	/* a chord's modifier went to the guest */
	unsigned num_actions;
	const struct chord_action *wanted; /* the chord that must match */
	unsigned asked;			   /* the focus an op asked for last */
	bool once_focus, once_gone;	   /* the next op does this */
};

extern const struct seat_ops world_ops;

#define fail_step(w, ...)                                                                          \
	do {                                                                                       \
		print_error("seed %" PRIu64 ", step %u: ", (w)->seed, (w)->step);                  \
		print_error(__VA_ARGS__);                                                          \
		print_error("\n");                                                                 \
		fail();                                                                            \
	} while (0)

/* A random number below `below`. */
uint32_t world_draw(struct world *w, uint32_t below);
bool key_is_modifier(size_t key);
bool key_is_button(size_t key);
const struct chord_action *world_chords_find(const struct world *w, uint8_t mods, uint16_t code);
uint8_t key_mod(size_t key);
/* A modifier the seat may still be thinking about. */
bool world_is_open(const struct world *w, size_t key);
/* The panel is never dead for long, but a new one knows nothing of the keys down. */
void world_kill_dest(struct world *w, unsigned dest);
unsigned world_draw_alive(struct world *w);
/* Time alone has to deliver what is held: no chord is in sight and the oldest is old enough. */
bool world_is_hold_over(const struct world *w);
/* Before each step; the step then puts in key and wanted. */
void world_begin_step(struct world *w, enum step kind);
/* After each step. */
void world_check_invariants(struct world *w);
/* After a modifier went down or up, its companions take part in the chord that is now in sight. */
void world_update_in_sight(struct world *w);
/* After a step of time: nothing the user meant for the guest is lost. */
void world_check_delivered(struct world *w, bool had_stale);

#endif
