/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual local APIC against a second one, written from the manual with a bool a bit, registers
 * as they are named, and times as exact fractions: a million random steps must look the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vm/vlapic.h"

#define STEPS 1000000U
#define HZ    2345678901ULL

enum mode { OFF, XAPIC, X2APIC };
enum timer { ONE_SHOT, PERIODIC, DEADLINE, NO_TIMER };

static struct model {
	enum mode mode;
	bool enabled; /* SVR */
	bool irr[256], isr[256], tmr[256];
	uint32_t tpr, svr, ldr, dfr, esr, errors, icr_low, icr_high;
	uint32_t lvt[6]; /* timer, thermal, performance, LINT0, LINT1, error */
	uint32_t initial, divide;
	bool running;  /* the count, or the deadline is set */
	uint64_t from; /* TSC at which the count was initial */
	uint64_t due;
} m;

static struct vlapic real;
static uint64_t now;
static uint64_t seed = 1;

static uint64_t random64(void)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15U;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

static unsigned below(unsigned bound)
{
	return (unsigned)(random64() % bound);
}

static void model_reset(void)
{
	enum mode mode = m.mode;

	memset(&m, 0, sizeof(m));
	m.mode = mode;
	m.svr = 0xff;
	m.dfr = UINT32_MAX;
	for (int i = 0; i < 6; i++)
		m.lvt[i] = 0x10000;
}

static int top(const bool bits[256])
{
	int vector = 255;

	while (vector >= 0 && !bits[vector])
		vector--;
	return vector;
}

static void model_error(uint32_t bit)
{
	if (!m.errors && !(m.lvt[5] & 0x10000) && (m.lvt[5] & 0xff) > 15) {
		m.irr[m.lvt[5] & 0xff] = true;
		m.tmr[m.lvt[5] & 0xff] = false;
	}
	m.errors |= bit;
}

static void model_post(uint8_t vector, bool level)
{
	if (m.mode == OFF || !m.enabled)
		return;
	if (vector < 16) {
		model_error(0x40);
		return;
	}
	m.irr[vector] = true;
	m.tmr[vector] = level;
}

static uint32_t model_ppr(void)
{
	int serving = top(m.isr);

	if (serving >= 0 && serving / 16 > (int)m.tpr / 16)
		return (uint32_t)serving / 16 * 16;
	return m.tpr;
}

/* ---- time, in fractions of ns: everything times HZ ---- */

static uint64_t divider(void)
{
	static const uint64_t by[8] = {2, 4, 8, 16, 32, 64, 128, 1};

	return by[(m.divide & 3) + (m.divide & 8 ? 4 : 0)];
}

static enum timer timer_mode(void)
{
	return (enum timer)(m.lvt[0] / 0x20000 % 4);
}

/* The TSC from which on so many ns have gone since `from`. */
static uint64_t tsc_after(unsigned __int128 ns)
{
	return m.from + (uint64_t)((ns * HZ + 999999999) / 1000000000);
}

static void model_arm(void)
{
	unsigned __int128 period = (unsigned __int128)m.initial * divider();
	uint64_t least, n = 1;

	m.running = m.initial != 0 && timer_mode() != NO_TIMER;
	if (!m.running)
		return;
	if (timer_mode() == PERIODIC) {
		/* The first multiple that lies far enough ahead. */
		least = (uint64_t)((unsigned __int128)(now - m.from) * 1000000000 / HZ);
		if (period < 20000)
			least += 20000;
		n = least / (uint64_t)period + 1;
	}
	m.due = tsc_after(period * n);
}

static void model_tick(void)
{
	if (!m.running || m.due > now)
		return;
	m.running = false;
	if (timer_mode() == PERIODIC)
		model_arm();
	if (!(m.lvt[0] & 0x10000))
		model_post((uint8_t)m.lvt[0], false);
}

static uint32_t model_count(void)
{
	unsigned __int128 clocks = (unsigned __int128)(now - m.from) * 1000000000 / HZ / divider();

	if (!m.running || timer_mode() == DEADLINE)
		return 0;
	if (timer_mode() == PERIODIC)
		clocks %= m.initial;
	return clocks >= m.initial ? 0 : m.initial - (uint32_t)clocks;
}

/* ---- registers, by their offset in the page ---- */

static uint32_t word(const bool bits[256], uint32_t offset)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < 32; i++)
		value |= (uint32_t)bits[offset / 16 * 32 + i] << i;
	return value;
}

/* Whether a register is there at all; by MSR. */
static bool there(uint32_t offset)
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
		return m.mode == XAPIC;
	case 0x3f0:
		return m.mode == X2APIC;
	default:
		return false;
	}
}

static bool read_only(uint32_t offset)
{
	return offset == 0x20 || offset == 0x30 || offset == 0x90 || offset == 0xa0 ||
	       offset == 0xc0 || (offset >= 0x100 && offset < 0x280) || offset == 0x390 ||
	       (offset == 0xd0 && m.mode == X2APIC);
}

static bool write_only(uint32_t offset)
{
	return offset == 0xb0 || offset == 0x3f0;
}

static uint32_t model_read(uint32_t offset)
{
	switch (offset) {
	case 0x20:
		return m.mode == X2APIC ? 3 : 3 << 24;
	case 0x30:
		return 0x50014;
	case 0x80:
		return m.tpr;
	case 0xa0:
		return model_ppr();
	case 0xd0:
		return m.mode == X2APIC ? 8 : m.ldr;
	case 0xe0:
		return m.dfr;
	case 0xf0:
		return m.svr;
	case 0x100 ... 0x17f:
		return word(m.isr, offset - 0x100);
	case 0x180 ... 0x1ff:
		return word(m.tmr, offset - 0x180);
	case 0x200 ... 0x27f:
		return word(m.irr, offset - 0x200);
	case 0x280:
		return m.esr;
	case 0x300:
		return m.icr_low;
	case 0x310:
		return m.icr_high;
	case 0x320 ... 0x370:
		return m.lvt[(offset - 0x320) / 16];
	case 0x380:
		return m.initial;
	case 0x390:
		return model_count();
	case 0x3e0:
		return m.divide;
	default:
		return 0;
	}
}

/* Bits that are kept, and bits by MSR that may be set but are not kept. */
static uint32_t bits_of(uint32_t offset, uint32_t *ignored)
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

static void model_send(uint32_t command, struct vlapic_action *action)
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
	action->x2apic = m.mode == X2APIC;
	action->destination = m.mode == X2APIC ? m.icr_high : m.icr_high / 0x1000000;
	action->init_deassert = delivery == 5 && (command & 0x8000) && !(command & 0x4000);
}

static void model_write_lvt(unsigned which, uint32_t value)
{
	enum timer old = timer_mode();

	model_tick();
	m.lvt[which] = value | (m.enabled ? 0 : 0x10000);
	if (timer_mode() != old) {
		m.running = false;
		m.initial = 0;
	}
}

static void model_write(uint32_t offset, uint32_t value, struct vlapic_action *action)
{
	uint64_t gone;
	int vector;

	switch (offset) {
	case 0x80:
		m.tpr = value;
		break;
	case 0xb0:
		vector = top(m.isr);
		if (vector < 0)
			break;
		m.isr[vector] = false;
		if (m.tmr[vector]) {
			action->kind = VLAPIC_EOI;
			action->vector = (uint8_t)vector;
		}
		break;
	case 0xd0:
		m.ldr = value;
		break;
	case 0xe0:
		m.dfr = value | 0x0fffffff;
		break;
	case 0xf0:
		model_tick();
		m.svr = value;
		m.enabled = value & 0x100;
		for (int i = 0; i < 6 && !m.enabled; i++)
			m.lvt[i] |= 0x10000;
		break;
	case 0x280:
		m.esr = m.errors;
		m.errors = 0;
		break;
	case 0x300:
		m.icr_low = value;
		model_send(value, action);
		break;
	case 0x310:
		m.icr_high = value;
		break;
	case 0x320 ... 0x370:
		model_write_lvt((offset - 0x320) / 16, value);
		break;
	case 0x380:
		model_tick();
		if (timer_mode() == DEADLINE)
			break;
		m.initial = value;
		m.from = now;
		model_arm();
		break;
	case 0x3e0:
		model_tick();
		gone = m.initial - model_count();
		m.divide = value;
		if (!m.running || timer_mode() == DEADLINE)
			break;
		m.from = now;
		m.from = now - (tsc_after((unsigned __int128)gone * divider()) - now);
		model_arm();
		break;
	}
}

/* ---- the two side by side ---- */

static uint32_t some_offset(void)
{
	static const uint32_t often[] = {0x80,	0xb0,  0xb0,  0xf0,  0x280, 0x300,
					 0x310, 0x320, 0x320, 0x370, 0x380, 0x3e0};

	return below(2) ? often[below(ARRAY_LENGTH(often))] : below(0x48) * 16;
}

static uint32_t some_value(uint32_t offset)
{
	uint32_t ignored, bits = bits_of(offset, &ignored), value = (uint32_t)random64();

	if (offset == 0xf0)
		return (value & 0x2ff) | (below(8) ? 0x100U : 0);
	if (offset == 0x380)
		return value >> below(32);
	if (offset == 0x80)
		return below(4) ? value & 0x3f : value & 0xff;
	return below(16) ? value & (bits | ignored) : value;
}

static void check_action(const struct vlapic_action *a, const struct vlapic_action *b)
{
	assert_int_equal(a->kind, b->kind);
	if (a->kind == VLAPIC_NOTHING)
		return;
	assert_int_equal(a->vector, b->vector);
	if (a->kind == VLAPIC_EOI)
		return;
	assert_int_equal(a->delivery, b->delivery);
	assert_int_equal(a->shorthand, b->shorthand);
	assert_int_equal(a->logical, b->logical);
	assert_int_equal(a->x2apic, b->x2apic);
	assert_int_equal(a->init_deassert, b->init_deassert);
	if (a->shorthand == VLAPIC_TO_DEST)
		assert_int_equal(a->destination, b->destination);
}

static void step_page(void)
{
	uint32_t offset = some_offset(), value = some_value(offset), ignored, got = 0;
	uint32_t bits = bits_of(offset, &ignored);
	int expected = m.mode == XAPIC && offset < 0x1000 ? 0 : -EFAULT;
	struct vlapic_action action = {.kind = VLAPIC_NOTHING}, model = {.kind = VLAPIC_NOTHING};

	if (below(2)) {
		assert_int_equal(vlapic_mmio_read(&real, offset, &got, now), expected);
		if (expected == 0 && !there(offset))
			model_error(0x80);
		if (expected == 0)
			assert_int_equal(got, there(offset) ? model_read(offset) : 0);
		return;
	}
	assert_int_equal(vlapic_mmio_write(&real, offset, value, now, &action), expected);
	if (expected == 0 && !there(offset))
		model_error(0x80);
	else if (expected == 0 && !read_only(offset))
		model_write(offset, value & bits, &model);
	check_action(&action, &model);
}

static void step_msr(void)
{
	uint32_t offset = some_offset(), msr = 0x800 + offset / 16, ignored;
	uint64_t value = some_value(offset), got = 0;
	uint32_t bits = bits_of(offset, &ignored);
	struct vlapic_action action = {.kind = VLAPIC_NOTHING}, model = {.kind = VLAPIC_NOTHING};
	bool ok = m.mode == X2APIC && there(offset);

	if (below(2)) {
		ok = ok && !write_only(offset);
		assert_int_equal(vlapic_msr_read(&real, msr, &got, now), ok ? 0 : -EPERM);
		if (ok)
			assert_int_equal(got, offset == 0x300
						      ? (uint64_t)m.icr_high << 32 | m.icr_low
						      : model_read(offset));
		return;
	}
	if (offset == 0x300 || !below(16))
		value |= random64() << 32;
	ok = ok && !read_only(offset) && !((uint32_t)value & ~(bits | ignored)) &&
	     (offset == 0x300 || value >> 32 == 0);
	assert_int_equal(vlapic_msr_write(&real, msr, value, now, &action), ok ? 0 : -EPERM);
	if (ok && offset == 0x300)
		m.icr_high = (uint32_t)(value >> 32);
	if (ok && offset == 0x3f0)
		model_send((uint32_t)value | 0x40000, &model);
	else if (ok)
		model_write(offset, (uint32_t)value & bits, &model);
	check_action(&action, &model);
}

static void step_base(void)
{
	uint64_t value = 0xfee00000 | (uint64_t)below(16) << 8, got;
	unsigned to = (unsigned)value >> 10 & 3;
	struct vlapic_action action;
	enum mode modes[4] = {OFF, OFF, XAPIC, X2APIC};
	bool ok = to != 1 && !(m.mode == OFF && to == 3) && !(m.mode == X2APIC && to == 2) &&
		  !(value & 0x200);

	if (m.mode == X2APIC && to == 3 && below(4))
		return; /* stay for a while */
	assert_int_equal(vlapic_msr_write(&real, 0x1b, value, now, &action), ok ? 0 : -EPERM);
	if (ok && to == 0 && m.mode != OFF)
		model_reset();
	if (ok && to == 3 && m.mode == XAPIC)
		m.icr_high = 0;
	if (ok)
		m.mode = modes[to];
	assert_int_equal(vlapic_msr_read(&real, 0x1b, &got, now), 0);
	assert_int_equal(got, 0xfee00100U | (m.mode == XAPIC	? 0x800U
					     : m.mode == X2APIC ? 0xc00U
								: 0));
}

static void step_deadline(void)
{
	uint64_t value = below(8) ? now + below(100000) : random64() >> below(64), got;
	struct vlapic_action action;

	if (below(2)) {
		assert_int_equal(vlapic_msr_write(&real, 0x6e0, value, now, &action), 0);
		model_tick();
		if (timer_mode() == DEADLINE) {
			m.running = value != 0;
			m.due = value;
		}
	}
	assert_int_equal(vlapic_msr_read(&real, 0x6e0, &got, now), 0);
	assert_int_equal(got, timer_mode() == DEADLINE && m.running && m.due > now ? m.due : 0);
}

static void step(void)
{
	unsigned vector = below(8) ? 16 + below(240) : below(256);
	bool level = below(2);
	int pending;

	switch (below(16)) {
	case 0 ... 4:
		step_page();
		break;
	case 5 ... 8:
		step_msr();
		break;
	case 9 ... 10:
		vlapic_post(&real, (uint8_t)vector, level);
		/* Two posts of a vector that nobody looked at between are one, of level if any is.
		 */
		vlapic_pending(&real);
		model_post((uint8_t)vector, level);
		break;
	case 11 ... 12:
		pending = top(m.irr);
		if (m.mode == OFF || pending / 16 <= (int)model_ppr() / 16)
			pending = -1;
		assert_int_equal(vlapic_pending(&real), pending);
		if (pending >= 0 && below(4)) {
			assert_int_equal(vlapic_take(&real), pending);
			m.irr[pending] = false;
			m.isr[pending] = true;
		}
		break;
	case 13:
		now += random64() >> (20 + below(44));
		model_tick();
		vlapic_tick(&real, now);
		break;
	case 14:
		step_deadline();
		break;
	default:
		if (!below(20))
			step_base();
		else if (!below(100)) {
			vlapic_reset(&real, 3, true, HZ, true);
			model_reset();
		} else if (below(2)) {
			vlapic_write_cr8(&real, vector);
			m.tpr = vector % 16 * 16;
		}
		break;
	}
	vlapic_pending(&real);
	assert_int_equal(real.irr_any != 0, top(m.irr) >= 0);
	assert_int_equal(vlapic_read_cr8(&real), m.tpr / 16);
	assert_int_equal(vlapic_deadline(&real), m.running && !(m.lvt[0] & 0x10000) ? m.due : 0);
}

static void a_million_steps_look_the_same(void **state)
{
	unsigned modes[3] = {0};

	(void)state;
	m.mode = XAPIC;
	model_reset();
	vlapic_reset(&real, 3, true, HZ, false);
	for (unsigned i = 0; i < STEPS; i++) {
		step();
		modes[m.mode]++;
	}
	/* It has been in all of them for long. */
	for (int i = 0; i < 3; i++)
		assert_true(modes[i] > STEPS / 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_steps_look_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
