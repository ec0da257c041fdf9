/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local APIC's timer. Intel SDM vol. 3, 11.5.4; AMD APM vol. 2, 16.4.1.
 *
 * timer_start is the TSC at which a count began that would have reached now's value; deadlines are
 * computed from it, so that a periodic timer does not drift. A deadline is kept while the LVT is
 * masked, as the count goes on then; vlapic_tick() before every write lets it pass in the state in
 * which it passed.
 */
#include "vm/vlapic-parts.h"

#define MODE_ONE_SHOT 0U
#define MODE_PERIODIC 1U
#define MODE_DEADLINE 2U

/* Of a shorter period, interrupts are left out, or the guest would see nothing but timer exits. */
#define MIN_PERIOD_NS 20000U

static unsigned mode_of(uint32_t lvt)
{
	return lvt >> 17 & 3;
}

static unsigned divide_shift(const struct vlapic *lapic)
{
	uint32_t divide = lapic->timer_divide;

	return (((divide & 8) >> 1 | (divide & 3)) + 1) & 7;
}

/* Both are exact for any time a machine runs, as whole seconds are split off: neither product below
 * leaves 64 bits while tsc_hz is less than 2^34. to_tsc() rounds up and to_ns() down, so that a
 * count is 0 exactly from its deadline on. */
static uint64_t to_tsc(const struct vlapic *lapic, uint64_t ns)
{
	uint64_t rest = ns % VLAPIC_TIMER_HZ * lapic->tsc_hz;

	return ns / VLAPIC_TIMER_HZ * lapic->tsc_hz +
	       (rest + VLAPIC_TIMER_HZ - 1) / VLAPIC_TIMER_HZ;
}

static uint64_t to_ns(const struct vlapic *lapic, uint64_t tsc)
{
	return tsc / lapic->tsc_hz * VLAPIC_TIMER_HZ +
	       tsc % lapic->tsc_hz * VLAPIC_TIMER_HZ / lapic->tsc_hz;
}

static uint64_t elapsed_ns(const struct vlapic *lapic, uint64_t tsc)
{
	uint64_t elapsed = tsc - lapic->timer_start;

	return (int64_t)elapsed < 0 ? 0 : to_ns(lapic, elapsed);
}

/* The deadline of a count of that many nanoseconds; 0 means none, so it is never that. */
static void set_deadline(struct vlapic *lapic, uint64_t ns)
{
	uint64_t deadline = lapic->timer_start + to_tsc(lapic, ns);

	lapic->deadline = deadline ? deadline : 1;
}

static void set_periodic_deadline(struct vlapic *lapic, uint64_t tsc)
{
	uint64_t period = (uint64_t)lapic->timer_initial << divide_shift(lapic);
	uint64_t after;

	/* For a guest that has set its TSC back or far ahead, it begins anew. */
	if ((int64_t)(tsc - lapic->timer_start) < 0)
		lapic->timer_start = tsc;
	after = elapsed_ns(lapic, tsc);
	if (period < MIN_PERIOD_NS)
		after += MIN_PERIOD_NS;
	set_deadline(lapic, (after / period + 1) * period);
}

static void arm(struct vlapic *lapic, uint64_t tsc)
{
	lapic->deadline = 0;
	if (lapic->timer_initial == 0)
		return;
	if (mode_of(lapic->lvt_timer) == MODE_PERIODIC)
		set_periodic_deadline(lapic, tsc);
	else if (mode_of(lapic->lvt_timer) == MODE_ONE_SHOT)
		set_deadline(lapic, (uint64_t)lapic->timer_initial << divide_shift(lapic));
}

void vlapic_timer_write_lvt(struct vlapic *lapic, uint32_t value)
{
	if (mode_of(value) != mode_of(lapic->lvt_timer)) {
		lapic->deadline = 0;
		lapic->timer_initial = 0;
	}
	lapic->lvt_timer = value;
}

void vlapic_timer_write_initial(struct vlapic *lapic, uint32_t value, uint64_t tsc)
{
	if (mode_of(lapic->lvt_timer) == MODE_DEADLINE)
		return;
	lapic->timer_initial = value;
	lapic->timer_start = tsc;
	arm(lapic, tsc);
}

/* The count goes on from where it is, at another pace. */
void vlapic_timer_write_divide(struct vlapic *lapic, uint32_t value, uint64_t tsc)
{
	uint64_t gone = lapic->timer_initial - vlapic_timer_count(lapic, tsc);

	lapic->timer_divide = value;
	if (!lapic->deadline || mode_of(lapic->lvt_timer) == MODE_DEADLINE)
		return;
	lapic->timer_start = tsc - to_tsc(lapic, gone << divide_shift(lapic));
	arm(lapic, tsc);
}

uint32_t vlapic_timer_count(const struct vlapic *lapic, uint64_t tsc)
{
	uint64_t gone;

	if (!lapic->deadline || mode_of(lapic->lvt_timer) == MODE_DEADLINE)
		return 0;
	gone = elapsed_ns(lapic, tsc) >> divide_shift(lapic);
	if (mode_of(lapic->lvt_timer) == MODE_PERIODIC)
		gone %= lapic->timer_initial;
	return gone < lapic->timer_initial ? lapic->timer_initial - (uint32_t)gone : 0;
}

void vlapic_timer_write_deadline(struct vlapic *lapic, uint64_t value)
{
	if (mode_of(lapic->lvt_timer) == MODE_DEADLINE)
		lapic->deadline = value;
}

uint64_t vlapic_timer_read_deadline(const struct vlapic *lapic, uint64_t tsc)
{
	if (mode_of(lapic->lvt_timer) != MODE_DEADLINE || lapic->deadline <= tsc)
		return 0;
	return lapic->deadline;
}

/* A count that is 0, or more than the initial one, has ended. */
void vlapic_timer_load(struct vlapic *lapic, uint32_t divide, uint32_t initial, uint32_t current,
		       uint64_t tsc)
{
	lapic->timer_divide = divide;
	lapic->timer_initial = 0;
	if (mode_of(lapic->lvt_timer) == MODE_DEADLINE)
		return;
	lapic->timer_initial = initial;
	lapic->deadline = 0;
	if (current > initial || (current == 0 && mode_of(lapic->lvt_timer) == MODE_ONE_SHOT))
		return;
	lapic->timer_start =
		tsc - to_tsc(lapic, (uint64_t)(initial - current) << divide_shift(lapic));
	arm(lapic, tsc);
}

void vlapic_shift(struct vlapic *lapic, uint64_t by)
{
	lapic->timer_start += by;
	if (mode_of(lapic->lvt_timer) == MODE_DEADLINE || !lapic->deadline)
		return;
	lapic->deadline += by;
	if (!lapic->deadline)
		lapic->deadline = 1;
}

bool vlapic_tick(struct vlapic *lapic, uint64_t tsc)
{
	if (!lapic->deadline || lapic->deadline > tsc)
		return false;
	if (mode_of(lapic->lvt_timer) == MODE_PERIODIC)
		set_periodic_deadline(lapic, tsc);
	else
		lapic->deadline = 0;
	if (lapic->lvt_timer & LVT_MASKED)
		return false;
	vlapic_post(lapic, (uint8_t)lapic->lvt_timer, false);
	return true;
}
