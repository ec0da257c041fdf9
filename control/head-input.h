/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Input on its way to a guest, while QEMU may be slow or stuck: bounded, motion folded together,
 * and no key left held. When the queue is full, presses and motion are lost; a release never is.
 * Pure.
 */
#ifndef CONTROL_HEAD_INPUT_H
#define CONTROL_HEAD_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#define HEAD_INPUT_QUEUE   256U
#define HEAD_INPUT_KEYS	   256U
#define HEAD_INPUT_BUTTONS 16U
#define HEAD_INPUT_DETENTS 32 /* of the wheel that may wait */

/* QEMU's numbers of buttons. */
enum {
	HEAD_BUTTON_LEFT = 0,
	HEAD_BUTTON_MIDDLE = 1,
	HEAD_BUTTON_RIGHT = 2,
	HEAD_BUTTON_WHEEL_UP = 3,
	HEAD_BUTTON_WHEEL_DOWN = 4,
	HEAD_BUTTON_SIDE = 5,
	HEAD_BUTTON_EXTRA = 6,
	HEAD_BUTTON_WHEEL_LEFT = 7,
	HEAD_BUTTON_WHEEL_RIGHT = 8,
};

struct head_input_event {
	enum head_input_kind {
		HEAD_INPUT_KEY,
		HEAD_INPUT_BUTTON,
		HEAD_INPUT_ABSOLUTE,
		HEAD_INPUT_RELATIVE,
		HEAD_INPUT_WHEEL, /* never comes out: it becomes button presses */
	} kind;
	uint16_t code; /* KEY: evdev, BUTTON: HEAD_BUTTON_* */
	bool down;
	int32_t x, y;
};

struct head_input {
	struct head_input_event queue[HEAD_INPUT_QUEUE];
	unsigned first, count;
	/* keys, then buttons: as the compositor wants them, as the guest was told */
	bool wanted[HEAD_INPUT_KEYS + HEAD_INPUT_BUTTONS];
	bool told[HEAD_INPUT_KEYS + HEAD_INPUT_BUTTONS];
	bool lost;	    /* an event that may have been a release */
	uint16_t wheel_out; /* the wheel button to be let go of next, 0: none */
};

void head_input_init(struct head_input *input);
/* Codes beyond the tables are dropped. */
void head_input_key(struct head_input *input, uint16_t code, bool down);
void head_input_button(struct head_input *input, uint16_t button, bool down);
void head_input_absolute(struct head_input *input, int32_t x, int32_t y);
void head_input_relative(struct head_input *input, int32_t dx, int32_t dy);
void head_input_wheel(struct head_input *input, int32_t dx, int32_t dy);

/* What QEMU is to be told next; false: nothing. */
bool head_input_next(struct head_input *input, struct head_input_event *event);

#endif
