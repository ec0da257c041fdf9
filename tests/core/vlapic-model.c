/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The model of a local APIC; plain and slow, so that it can be checked against the manual. */
#include "vlapic-model.h"

#include <string.h>

struct model model;

void model_reset(void)
{
	const uint64_t now = model.now;
	const enum model_mode mode = model.mode;

	memset(&model, 0, sizeof(model));
	model.now = now;
	model.mode = mode;
	model.svr = 0xff;
	model.dfr = UINT32_MAX;
	for (int i = 0; i < 6; i++)
		model.lvt[i] = 0x10000;
}

int model_top(const bool bits[256])
{
	int vector = 255;

	while (vector >= 0 && !bits[vector])
		vector--;
	return vector;
}

void model_error(uint32_t bit)
{
	if (!model.errors && !(model.lvt[5] & 0x10000) && (model.lvt[5] & 0xff) > 15) {
		model.irr[model.lvt[5] & 0xff] = true;
		model.tmr[model.lvt[5] & 0xff] = false;
	}
	model.errors |= bit;
}

void model_post(uint8_t vector, bool level)
{
	if (model.mode == MODEL_OFF || !model.enabled)
		return;
	if (vector < 16) {
		model_error(0x40);
		return;
	}
	model.irr[vector] = true;
	model.tmr[vector] = level;
}

uint32_t model_ppr(void)
{
	int serving = model_top(model.isr);

	if (serving >= 0 && serving / 16 > (int)model.tpr / 16)
		return (uint32_t)serving / 16 * 16;
	return model.tpr;
}

/* ---- time, in fractions of ns: everything times HZ ---- */

static uint64_t divider(void)
{
	static const uint64_t by[8] = {2, 4, 8, 16, 32, 64, 128, 1};

	return by[(model.divide & 3) + (model.divide & 8 ? 4 : 0)];
}

enum model_timer model_timer_mode(void)
{
	return (enum model_timer)(model.lvt[0] / 0x20000 % 4);
}

/* The TSC from which on so many ns have gone since `from`. */
static uint64_t tsc_after(unsigned __int128 ns)
{
	return model.from + (uint64_t)((ns * MODEL_HZ + 999999999) / 1000000000);
}

static void model_arm(void)
{
	unsigned __int128 period = (unsigned __int128)model.initial * divider();
	uint64_t least, n = 1;

	model.running = model.initial != 0 && model_timer_mode() != MODEL_NO_TIMER;
	if (!model.running)
		return;
	if (model_timer_mode() == MODEL_PERIODIC) {
		/* The first multiple that lies far enough ahead. */
		least = (uint64_t)((unsigned __int128)(model.now - model.from) * 1000000000 /
				   MODEL_HZ);
		if (period < 20000)
			least += 20000;
		n = least / (uint64_t)period + 1;
	}
	model.due = tsc_after(period * n);
}

void model_tick(void)
{
	if (!model.running || model.due > model.now)
		return;
	model.running = false;
	if (model_timer_mode() == MODEL_PERIODIC)
		model_arm();
	if (!(model.lvt[0] & 0x10000))
		model_post((uint8_t)model.lvt[0], false);
}

static uint32_t model_count(void)
{
	unsigned __int128 clocks =
		(unsigned __int128)(model.now - model.from) * 1000000000 / MODEL_HZ / divider();

	if (!model.running || model_timer_mode() == MODEL_DEADLINE)
		return 0;
	if (model_timer_mode() == MODEL_PERIODIC)
		clocks %= model.initial;
	return clocks >= model.initial ? 0 : model.initial - (uint32_t)clocks;
}

/* ---- registers, by their offset in the page ---- */

static uint32_t word(const bool bits[256], uint32_t offset)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < 32; i++)
		value |= (uint32_t)bits[offset / 16 * 32 + i] << i;
	return value;
}

bool model_has(uint32_t offset)
{
	switch (offset) {
	case 0x20:
	case 0x30:
	case 0x80:
	case 0xa0 ... 0xb0:
	case 0xd0:
	case 0xf0 ... 0x280:
	case 0x300:
	case 0x320 ... 0x390:
	case 0x3e0:
		return true;
	case 0x90:
	case 0xc0:
	case 0xe0:
	case 0x310:
		return model.mode == MODEL_XAPIC;
	case 0x3f0:
		return model.mode == MODEL_X2APIC;
	default:
		return false;
	}
}

bool model_is_read_only(uint32_t offset)
{
	return offset == 0x20 || offset == 0x30 || offset == 0x90 || offset == 0xa0 ||
	       offset == 0xc0 || (offset >= 0x100 && offset < 0x280) || offset == 0x390 ||
	       (offset == 0xd0 && model.mode == MODEL_X2APIC);
}

bool model_is_write_only(uint32_t offset)
{
	return offset == 0xb0 || offset == 0x3f0;
}

uint32_t model_read(uint32_t offset)
{
	switch (offset) {
	case 0x20:
		return model.mode == MODEL_X2APIC ? 3 : 3 << 24;
	case 0x30:
		return 0x50014;
	case 0x80:
		return model.tpr;
	case 0xa0:
		return model_ppr();
	case 0xd0:
		return model.mode == MODEL_X2APIC ? 8 : model.ldr;
	case 0xe0:
		return model.dfr;
	case 0xf0:
		return model.svr;
	case 0x100 ... 0x17f:
		return word(model.isr, offset - 0x100);
	case 0x180 ... 0x1ff:
		return word(model.tmr, offset - 0x180);
	case 0x200 ... 0x27f:
		return word(model.irr, offset - 0x200);
	case 0x280:
		return model.esr;
	case 0x300:
		return model.icr_low;
	case 0x310:
		return model.icr_high;
	case 0x320 ... 0x370:
		return model.lvt[(offset - 0x320) / 16];
	case 0x380:
		return model.initial;
	case 0x390:
		return model_count();
	case 0x3e0:
		return model.divide;
	default:
		return 0;
	}
}

uint32_t model_bits(uint32_t offset, uint32_t *ignored)
{
	*ignored = offset >= 0x320 && offset <= 0x370 ? 0x1000 : 0;
	if (offset == 0x350 || offset == 0x360)
		*ignored = 0x5000;
	switch (offset) {
	case 0x80:
		return 0xff;
	case 0xd0:
	case 0x310:
		return 0xff000000;
	case 0xe0:
		return 0xf0000000;
	case 0xf0:
		return 0x3ff;
	case 0x300:
		*ignored = 0x1000;
		return 0xccfff;
	case 0x320:
		return 0x700ff;
	case 0x330:
	case 0x340:
		return 0x107ff;
	case 0x350:
	case 0x360:
		return 0x1a7ff;
	case 0x370:
		return 0x100ff;
	case 0x380:
		return UINT32_MAX;
	case 0x3e0:
		return 0xb;
	case 0x3f0:
		return 0xff;
	default:
		return 0;
	}
}

void model_send(uint32_t command, struct vlapic_action *action)
{
	uint32_t delivery = command / 0x100 % 8, to = command / 0x40000 % 4;
	bool vectored = delivery < 2;

	if (delivery == 3 || delivery == 7 || ((to == 1 || to == 2) && delivery != 0))
		return;
	if (vectored && command % 256 < 16) {
		model_error(0x20);
		return;
	}
	if (to == 1) {
		model_post((uint8_t)command, false);
		return;
	}
	action->kind = VLAPIC_IPI;
	action->vector = (uint8_t)command;
	action->delivery = delivery;
	action->shorthand = to;
	action->logical = command & 0x800;
	action->x2apic = model.mode == MODEL_X2APIC;
	action->destination =
		model.mode == MODEL_X2APIC ? model.icr_high : model.icr_high / 0x1000000;
	action->init_deassert = delivery == 5 && (command & 0x8000) && !(command & 0x4000);
}

static void model_write_lvt(unsigned which, uint32_t value)
{
	enum model_timer old = model_timer_mode();

	model_tick();
	model.lvt[which] = value | (model.enabled ? 0 : 0x10000);
	if (model_timer_mode() != old) {
		model.running = false;
		model.initial = 0;
	}
}

void model_write(uint32_t offset, uint32_t value, struct vlapic_action *action)
{
	uint64_t gone;
	int vector;

	switch (offset) {
	case 0x80:
		model.tpr = value;
		break;
	case 0xb0:
		vector = model_top(model.isr);
		if (vector < 0)
			break;
		model.isr[vector] = false;
		if (model.tmr[vector]) {
			action->kind = VLAPIC_EOI;
			action->vector = (uint8_t)vector;
		}
		break;
	case 0xd0:
		model.ldr = value;
		break;
	case 0xe0:
		model.dfr = value | 0x0fffffff;
		break;
	case 0xf0:
		model_tick();
		model.svr = value;
		model.enabled = value & 0x100;
		for (int i = 0; i < 6 && !model.enabled; i++)
			model.lvt[i] |= 0x10000;
		break;
	case 0x280:
		model.esr = model.errors;
		model.errors = 0;
		break;
	case 0x300:
		model.icr_low = value;
		model_send(value, action);
		break;
	case 0x310:
		model.icr_high = value;
		break;
	case 0x320 ... 0x370:
		model_write_lvt((offset - 0x320) / 16, value);
		break;
	case 0x380:
		model_tick();
		if (model_timer_mode() == MODEL_DEADLINE)
			break;
		model.initial = value;
		model.from = model.now;
		model_arm();
		break;
	case 0x3e0:
		model_tick();
		gone = model.initial - model_count();
		model.divide = value;
		if (!model.running || model_timer_mode() == MODEL_DEADLINE)
			break;
		model.from = model.now;
		model.from =
			model.now - (tsc_after((unsigned __int128)gone * divider()) - model.now);
		model_arm();
		break;
	}
}
