/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual local APIC against vlapic-model.h's: a million random steps must look the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "splitmix.h"
#include "vlapic-model.h"

#define STEPS 1000000U

static struct vlapic real;
static uint64_t seed = 1;

static uint64_t random64(void)
{
	return splitmix64(&seed);
}

static unsigned below(unsigned bound)
{
	return (unsigned)(random64() % bound);
}

static uint32_t some_offset(void)
{
	static const uint32_t often[] = {0x80,	0xb0,  0xb0,  0xf0,  0x280, 0x300,
					 0x310, 0x320, 0x320, 0x370, 0x380, 0x3e0};

	return below(2) ? often[below(ARRAY_LENGTH(often))] : below(0x48) * 16;
}

static uint32_t some_value(uint32_t offset)
{
	uint32_t ignored, bits = model_bits(offset, &ignored), value = (uint32_t)random64();

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
	uint32_t bits = model_bits(offset, &ignored);
	int expected = model.mode == MODEL_XAPIC && offset < 0x1000 ? 0 : -EFAULT;
	struct vlapic_action action = {.kind = VLAPIC_NOTHING}, wanted = {.kind = VLAPIC_NOTHING};

	if (below(2)) {
		assert_int_equal(vlapic_mmio_read(&real, offset, &got, model.now), expected);
		if (expected == 0 && !model_has(offset))
			model_error(0x80);
		if (expected == 0)
			assert_int_equal(got, model_has(offset) ? model_read(offset) : 0);
		return;
	}
	assert_int_equal(vlapic_mmio_write(&real, offset, value, model.now, &action), expected);
	if (expected == 0 && !model_has(offset))
		model_error(0x80);
	else if (expected == 0 && !model_is_read_only(offset))
		model_write(offset, value & bits, &wanted);
	check_action(&action, &wanted);
}

static void step_msr(void)
{
	uint32_t offset = some_offset(), msr = 0x800 + offset / 16, ignored;
	uint64_t value = some_value(offset), got = 0;
	uint32_t bits = model_bits(offset, &ignored);
	struct vlapic_action action = {.kind = VLAPIC_NOTHING}, wanted = {.kind = VLAPIC_NOTHING};
	bool ok = model.mode == MODEL_X2APIC && model_has(offset);

	if (below(2)) {
		ok = ok && !model_is_write_only(offset);
		assert_int_equal(vlapic_msr_read(&real, msr, &got, model.now), ok ? 0 : -EPERM);
		if (ok)
			assert_int_equal(got, offset == 0x300 ? (uint64_t)model.icr_high << 32 |
									model.icr_low
							      : model_read(offset));
		return;
	}
	if (offset == 0x300 || !below(16))
		value |= random64() << 32;
	ok = ok && !model_is_read_only(offset) && !((uint32_t)value & ~(bits | ignored)) &&
	     (offset == 0x300 || value >> 32 == 0);
	assert_int_equal(vlapic_msr_write(&real, msr, value, model.now, &action), ok ? 0 : -EPERM);
	if (ok && offset == 0x300)
		model.icr_high = (uint32_t)(value >> 32);
	if (ok && offset == 0x3f0)
		model_send((uint32_t)value | 0x40000, &wanted);
	else if (ok)
		model_write(offset, (uint32_t)value & bits, &wanted);
	check_action(&action, &wanted);
}

static void step_base(void)
{
	uint64_t value = 0xfee00000 | (uint64_t)below(16) << 8, got;
	unsigned to = (unsigned)value >> 10 & 3;
	struct vlapic_action action;
	enum model_mode modes[4] = {MODEL_OFF, MODEL_OFF, MODEL_XAPIC, MODEL_X2APIC};
	bool ok = to != 1 && !(model.mode == MODEL_OFF && to == 3) &&
		  !(model.mode == MODEL_X2APIC && to == 2) && !(value & 0x200);

	if (model.mode == MODEL_X2APIC && to == 3 && below(4))
		return; /* stay for a while */
	assert_int_equal(vlapic_msr_write(&real, 0x1b, value, model.now, &action), ok ? 0 : -EPERM);
	if (ok && to == 0 && model.mode != MODEL_OFF)
		model_reset();
	if (ok && to == 3 && model.mode == MODEL_XAPIC)
		model.icr_high = 0;
	if (ok)
		model.mode = modes[to];
	assert_int_equal(vlapic_msr_read(&real, 0x1b, &got, model.now), 0);
	assert_int_equal(got, 0xfee00100U | (model.mode == MODEL_XAPIC	  ? 0x800U
					     : model.mode == MODEL_X2APIC ? 0xc00U
									  : 0));
}

static void step_deadline(void)
{
	uint64_t value = below(8) ? model.now + below(100000) : random64() >> below(64), got;
	struct vlapic_action action;

	if (below(2)) {
		assert_int_equal(vlapic_msr_write(&real, 0x6e0, value, model.now, &action), 0);
		model_tick();
		if (model_timer_mode() == MODEL_DEADLINE) {
			model.running = value != 0;
			model.due = value;
		}
	}
	assert_int_equal(vlapic_msr_read(&real, 0x6e0, &got, model.now), 0);
	assert_int_equal(got, model_timer_mode() == MODEL_DEADLINE && model.running &&
					      model.due > model.now
				      ? model.due
				      : 0);
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
		pending = model_top(model.irr);
		if (model.mode == MODEL_OFF || pending / 16 <= (int)model_ppr() / 16)
			pending = -1;
		assert_int_equal(vlapic_pending(&real), pending);
		if (pending >= 0 && below(4)) {
			assert_int_equal(vlapic_take(&real), pending);
			model.irr[pending] = false;
			model.isr[pending] = true;
		}
		break;
	case 13:
		model.now += random64() >> (20 + below(44));
		model_tick();
		vlapic_tick(&real, model.now);
		break;
	case 14:
		step_deadline();
		break;
	default:
		if (!below(20))
			step_base();
		else if (!below(100)) {
			vlapic_reset(&real, 3, true, MODEL_HZ, true);
			model_reset();
		} else if (below(2)) {
			vlapic_write_cr8(&real, vector);
			model.tpr = vector % 16 * 16;
		}
		break;
	}
	vlapic_pending(&real);
	assert_int_equal(real.irr_any != 0, model_top(model.irr) >= 0);
	assert_int_equal(vlapic_read_cr8(&real), model.tpr / 16);
	assert_int_equal(vlapic_deadline(&real),
			 model.running && !(model.lvt[0] & 0x10000) ? model.due : 0);
}

static void a_million_steps_look_the_same(void **state)
{
	unsigned modes[3] = {0};

	(void)state;
	model.mode = MODEL_XAPIC;
	model_reset();
	vlapic_reset(&real, 3, true, MODEL_HZ, false);
	for (unsigned i = 0; i < STEPS; i++) {
		step();
		modes[model.mode]++;
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
