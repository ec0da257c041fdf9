/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seat: which destination gets the keys, buttons, touches and LEDs of the one user at the
 * screen.
 *
 * A pure state machine: no I/O, no clock, no allocation after create. Everything it decides leaves
 * through struct seat_ops. Destinations are small integers: SEAT_PANEL and 1..SEAT_MAX_DEST - 1,
 * one per guest the compositor knows.
 *
 * Invariants (tests/unit/test_seat.c holds them over random histories):
 *  - a destination that is not in focus has no key or button down;
 *  - every down a destination was sent is followed by exactly one up before focus leaves it or it
 * goes;
 *  - a key held while focus changes sends nothing to the new destination, nor does its later up;
 *  - a chord's keys, and modifiers pressed only for a chord, never reach a guest;
 *  - the LEDs are those last reported by the destination in focus.
 *
 * Modifiers that may begin a chord (left or right) are held back. They are delivered, in the order
 * pressed, when it turns out that no chord is meant: another key goes down, a button or the wheel
 * is used, or SEAT_HOLD_MS pass while not all modifiers of any chord are down. Released before
 * that, they are delivered as a tap (down, up), so a lone Alt or AltGr works. But once two or more
 * modifiers made up all those of a chord, or a chord matched, or the switcher was shown, only
 * another key, a button or the wheel delivers them: a tapped Ctrl+Alt reaches nobody.
 *
 * Keys still down from before a focus change count for chords, so that Ctrl+Alt stays held while
 * one walks through the guests with the arrows. Another key pressed while they are all still down
 * is swallowed: alone it would mean something else (Ctrl+Alt+1, then a late Del).
 */
#ifndef DISPLAY_SEAT_H
#define DISPLAY_SEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "chord.h"

#define SEAT_PANEL	 0U
#define SEAT_MAX_DEST	 64U
#define SEAT_HOLD_MS	 200U /* a lone chord modifier is held back at most this long */
#define SEAT_SWITCHER_MS 250U /* a chord's modifiers held this long show the switcher */

/*
 * All with the data given to seat_create(), all set. An op may call seat_focus(), seat_gone(),
 * seat_set_leds() and seat_focused(), nothing else of the seat.
 */
struct seat_ops {
	/* code: KEY_* 1..255 */
	void (*key)(void *data, unsigned dest, uint16_t code, bool down);
	/* code: BTN_LEFT..BTN_TASK */
	void (*button)(void *data, unsigned dest, uint16_t code, bool down);
	void (*show)(void *data, unsigned dest); /* the new destination's picture goes up; after the
						    old one's releases */
	void (*leds)(void *data, uint32_t leds); /* MULLION_LED_*, for the physical keyboards */
	void (*action)(
		void *data,
		const struct chord_action *action); /* a chord matched; may call seat_focus() */
	/* Shown once all modifiers of a chord are down for SEAT_SWITCHER_MS and nothing else was
	 * done with them, or at once when a focus chord matched; hidden when one of them goes up or
	 * they turn out to be meant for the guest. */
	void (*switcher)(void *data, bool shown);
};

struct seat;

/* chords is borrowed and must outlive the seat. Focus starts at the panel. */
struct seat *seat_create(const struct chord_table *chords, const struct seat_ops *ops, void *data);
void seat_destroy(struct seat *seat);

/*
 * One physical event. now_ms: a monotonic clock, any origin; best the event's own time. Autorepeat
 * must have been dropped; an up without its down, a second down and a code out of range are
 * ignored.
 */
void seat_key(struct seat *seat, uint64_t now_ms, uint16_t code, bool down);
void seat_button(struct seat *seat, uint64_t now_ms, uint16_t code, bool down);

/* Call before a wheel step is delivered: held modifiers go first. */
void seat_wheel(struct seat *seat, uint64_t now_ms);

/* Time passes. Returns the ms until seat_tick() wants to be called again, or -1 if nothing is
 * pending. */
int seat_tick(struct seat *seat, uint64_t now_ms);

/*
 * The focus transaction: release everything in the old destination, move the route, show the new,
 * set LEDs. A call from within one of the ops is carried out after the current transaction; the
 * last one counts. Same destination: nothing happens.
 */
void seat_focus(struct seat *seat, unsigned dest);
unsigned seat_focused(const struct seat *seat);

/* The keyboards were unplugged or the window lost the user's attention: everything that was down is
 * up now. */
void seat_lost_devices(struct seat *seat);

/* dest reported its LEDs. */
void seat_set_leds(struct seat *seat, unsigned dest, uint32_t leds);

/* dest died or sleeps: nothing more is sent to it (its state is forgotten, LEDs too); if it was in
 * focus, the panel is now; if it was the panel, show() asks for the panel once more. May be called
 * from an op that failed to reach dest. */
void seat_gone(struct seat *seat, unsigned dest);

#endif
