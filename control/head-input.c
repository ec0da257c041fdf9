/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Input on its way to a guest; see head-input.h. */
#include "head-input.h"

#include <stddef.h>

void head_input_init(struct head_input *input)
{
	*input = (struct head_input){0};
}

static struct head_input_event *queue_last(struct head_input *input)
{
	if (input->count == 0)
		return NULL;
	return &input->queue[(input->first + input->count - 1) % HEAD_INPUT_QUEUE];
}

static void queue_push(struct head_input *input, struct head_input_event event)
{
	if (input->count == HEAD_INPUT_QUEUE) {
		input->lost = true;
		return;
	}
	input->queue[(input->first + input->count++) % HEAD_INPUT_QUEUE] = event;
}

static void queue_pop(struct head_input *input)
{
	input->first = (input->first + 1) % HEAD_INPUT_QUEUE;
	input->count--;
}

static unsigned switch_index(enum head_input_kind kind, uint16_t code)
{
	return kind == HEAD_INPUT_KEY ? code : HEAD_INPUT_KEYS + code;
}

static void switch_push(struct head_input *input, enum head_input_kind kind, uint16_t code,
			bool down)
{
	input->wanted[switch_index(kind, code)] = down;
	queue_push(input, (struct head_input_event){.kind = kind, .code = code, .down = down});
}

void head_input_key(struct head_input *input, uint16_t code, bool down)
{
	if (code < HEAD_INPUT_KEYS)
		switch_push(input, HEAD_INPUT_KEY, code, down);
}

void head_input_button(struct head_input *input, uint16_t button, bool down)
{
	if (button < HEAD_INPUT_BUTTONS)
		switch_push(input, HEAD_INPUT_BUTTON, button, down);
}

void head_input_absolute(struct head_input *input, int32_t x, int32_t y)
{
	struct head_input_event *last = queue_last(input);
	struct head_input_event event = {.kind = HEAD_INPUT_ABSOLUTE, .x = x, .y = y};

	if (last && last->kind == HEAD_INPUT_ABSOLUTE)
		*last = event;
	else
		queue_push(input, event);
}

static int32_t add_limited(int32_t a, int32_t b, int32_t limit)
{
	int64_t sum = (int64_t)a + b;

	return (int32_t)(sum > limit ? limit : sum < -limit ? -limit : sum);
}

static void add_push(struct head_input *input, enum head_input_kind kind, int32_t dx, int32_t dy,
		     int32_t limit)
{
	struct head_input_event *last = queue_last(input);

	if (last && last->kind == kind) {
		last->x = add_limited(last->x, dx, limit);
		last->y = add_limited(last->y, dy, limit);
		return;
	}
	queue_push(input, (struct head_input_event){.kind = kind,
						    .x = add_limited(0, dx, limit),
						    .y = add_limited(0, dy, limit)});
}

void head_input_relative(struct head_input *input, int32_t dx, int32_t dy)
{
	add_push(input, HEAD_INPUT_RELATIVE, dx, dy, 32767);
}

void head_input_wheel(struct head_input *input, int32_t dx, int32_t dy)
{
	add_push(input, HEAD_INPUT_WHEEL, dx, dy, HEAD_INPUT_DETENTS);
}

/* One detent of the first in the queue, as a press; the entry goes with its last detent. */
static bool wheel_next(struct head_input *input, struct head_input_event *event)
{
	struct head_input_event *wheel = &input->queue[input->first];
	uint16_t button;

	if (wheel->y > 0) {
		button = HEAD_BUTTON_WHEEL_UP;
		wheel->y--;
	} else if (wheel->y < 0) {
		button = HEAD_BUTTON_WHEEL_DOWN;
		wheel->y++;
	} else if (wheel->x > 0) {
		button = HEAD_BUTTON_WHEEL_RIGHT;
		wheel->x--;
	} else if (wheel->x < 0) {
		button = HEAD_BUTTON_WHEEL_LEFT;
		wheel->x++;
	} else {
		queue_pop(input);
		return false;
	}
	input->wheel_out = button;
	*event = (struct head_input_event){.kind = HEAD_INPUT_BUTTON, .code = button, .down = true};
	return true;
}

/* After a loss: lets go of what the guest still believes held. */
static bool lost_next(struct head_input *input, struct head_input_event *event)
{
	for (unsigned i = 0; i < HEAD_INPUT_KEYS + HEAD_INPUT_BUTTONS; i++) {
		bool key = i < HEAD_INPUT_KEYS;

		if (!input->told[i] || input->wanted[i])
			continue;
		input->told[i] = false;
		*event = (struct head_input_event){
			.kind = key ? HEAD_INPUT_KEY : HEAD_INPUT_BUTTON,
			.code = (uint16_t)(key ? i : i - HEAD_INPUT_KEYS),
		};
		return true;
	}
	input->lost = false;
	return false;
}

bool head_input_next(struct head_input *input, struct head_input_event *event)
{
	if (input->wheel_out) {
		*event = (struct head_input_event){.kind = HEAD_INPUT_BUTTON,
						   .code = input->wheel_out};
		input->wheel_out = 0;
		return true;
	}
	while (input->count > 0) {
		bool *told;

		*event = input->queue[input->first];
		if (event->kind == HEAD_INPUT_WHEEL) {
			if (wheel_next(input, event))
				return true;
			continue;
		}
		queue_pop(input);
		if (event->kind != HEAD_INPUT_KEY && event->kind != HEAD_INPUT_BUTTON)
			return true;
		told = &input->told[switch_index(event->kind, event->code)];
		if (*told == event->down)
			continue; /* its press was lost, or it says nothing new */
		*told = event->down;
		return true;
	}
	return input->lost && lost_next(input, event);
}
