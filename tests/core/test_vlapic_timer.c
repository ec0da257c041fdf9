/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual local APIC's timer, by the manual: when it fires in each mode and what it counts
 * meanwhile. 2 ns are 5 ticks of the TSC.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vlapic-rig.h"

static void one_shot_fires_once_when_the_count_is_0(void **state)
{
	uint64_t start = rig_now;

	(void)state;
	rig_enable();
	wr(0x320, 0x41);
	wr(0x3e0, 0xb); /* by 1 */
	wr(0x380, 1001);
	assert_int_equal(rd(0x390), 1001);
	assert_int_equal(vlapic_deadline(&rig_lapic), start + 2503); /* 2502.5 */
	rig_now = start + 2502;
	assert_int_equal(rd(0x390), 1);
	assert_false(vlapic_tick(&rig_lapic, rig_now));
	rig_now = start + 2503;
	assert_int_equal(rd(0x390), 0);
	assert_true(vlapic_tick(&rig_lapic, rig_now));
	assert_int_equal(vlapic_pending(&rig_lapic), 0x41);
	assert_int_equal(vlapic_take(&rig_lapic), 0x41);
	assert_int_equal(vlapic_deadline(&rig_lapic), 0);
	rig_now += HZ * 100;
	assert_false(vlapic_tick(&rig_lapic, rig_now));
	assert_int_equal(rd(0x390), 0);
	assert_int_equal(rd(0x380), 1001);
	/* Writing 0 stops it. */
	wr(0x380, 1000);
	wr(0x380, 0);
	assert_int_equal(vlapic_deadline(&rig_lapic), 0);
}

static void every_divider_divides(void **state)
{
	static const uint32_t codes[8] = {0xb, 0, 1, 2, 3, 8, 9, 0xa};
	uint64_t start = rig_now;

	(void)state;
	rig_enable();
	wr(0x320, 0x41);
	for (unsigned i = 0; i < 8; i++) {
		rig_now = start;
		wr(0x3e0, codes[i]);
		wr(0x380, 1000000);
		assert_int_equal(vlapic_deadline(&rig_lapic), start + (2500000ULL << i));
		rig_now = start + (1000000ULL << i);
		assert_int_equal(rd(0x390), 600000);
	}
}

static void the_longest_count_does_not_overflow(void **state)
{
	uint64_t ns = (uint64_t)UINT32_MAX * 128;
	static const uint64_t rates[] = {1000000, 999999999, 2904002321, (1ULL << 34) - 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rates); i++) {
		unsigned __int128 exact =
			((unsigned __int128)ns * rates[i] + VLAPIC_TIMER_HZ - 1) / VLAPIC_TIMER_HZ;

		rig_now = 77;
		vlapic_reset(&rig_lapic, 0, true, rates[i], false);
		rig_enable();
		wr(0x320, 0x41);
		wr(0x3e0, 0xa);
		wr(0x380, UINT32_MAX);
		assert_int_equal(vlapic_deadline(&rig_lapic), 77 + (uint64_t)exact);
		rig_now = 77 + (uint64_t)exact - 1;
		assert_in_range(rd(0x390), 1, VLAPIC_TIMER_HZ / rates[i] / 128 + 1);
		rig_now++;
		assert_int_equal(rd(0x390), 0);
	}
}

/* After a million periods of 33,333.3 ticks, it is still where it belongs. */
static void periodic_does_not_drift(void **state)
{
	uint64_t start = rig_now, hz = 1000000000000 / 30000, ns = 1000000;

	(void)state;
	vlapic_reset(&rig_lapic, 0, true, hz, false);
	rig_enable();
	wr(0x320, 0x20041);
	wr(0x3e0, 0xb);
	wr(0x380, (uint32_t)ns);
	for (uint64_t i = 1; i <= 1000000; i++) {
		rig_now = vlapic_deadline(&rig_lapic);
		assert_int_equal(rig_now,
				 start + (uint64_t)(((unsigned __int128)i * ns * hz + 999999999) /
						    1000000000));
		assert_true(vlapic_tick(&rig_lapic, rig_now));
	}
	assert_int_equal(rd(0x390), ns);
	/* Late: what was missed is one interrupt, and the next comes in time. */
	rig_now += hz;
	assert_true(vlapic_tick(&rig_lapic, rig_now));
	assert_true(vlapic_deadline(&rig_lapic) > rig_now);
	assert_true(vlapic_deadline(&rig_lapic) - rig_now <= hz / 1000 + 1);
}

static void a_period_of_nothing_leaves_the_guest_time(void **state)
{
	(void)state;
	rig_enable();
	wr(0x3e0, 0xb);
	wr(0x320, 0x20041);
	for (uint32_t count = 1; count < 50000; count += 1 + count / 3) {
		wr(0x380, count);
		for (int i = 0; i < 10; i++) {
			assert_true(vlapic_deadline(&rig_lapic) - rig_now >= 20000 * 5 / 2);
			rig_now = vlapic_deadline(&rig_lapic) + (unsigned)i;
			assert_true(vlapic_tick(&rig_lapic, rig_now));
		}
	}
}

/* A guest sets its TSC as it likes: it gets its interrupts, and not more of them. */
static void a_tsc_that_jumps_ahead_begins_a_new_period(void **state)
{
	(void)state;
	rig_enable();
	wr(0x3e0, 0xb);
	wr(0x320, 0x20041);
	wr(0x380, 1000000);
	rig_now += (1ULL << 63) + 12345;
	assert_true(vlapic_tick(&rig_lapic, rig_now));
	assert_int_equal(vlapic_deadline(&rig_lapic), rig_now + 2500000);
	assert_int_equal(rd(0x390), 1000000);
	rig_now += 1250000;
	assert_int_equal(rd(0x390), 500000);
	rig_now -= 5000000;
	assert_int_equal(rd(0x390), 1000000);
	assert_false(vlapic_tick(&rig_lapic, rig_now));
}

static void masked_it_counts_and_does_not_interrupt(void **state)
{
	uint64_t start = rig_now;

	(void)state;
	rig_enable();
	wr(0x3e0, 0xb);
	wr(0x320, 0x10041);
	wr(0x380, 1000);
	assert_int_equal(vlapic_deadline(&rig_lapic), 0);
	rig_now = start + 1250;
	assert_int_equal(rd(0x390), 500);
	/* Unmasked in time, it fires; too late, it has passed. */
	wr(0x320, 0x41);
	assert_int_equal(vlapic_deadline(&rig_lapic), start + 2500);
	wr(0x320, 0x10041);
	rig_now = start + 2500;
	assert_false(vlapic_tick(&rig_lapic, rig_now));
	wr(0x320, 0x41);
	assert_int_equal(vlapic_deadline(&rig_lapic), 0);
	assert_false(vlapic_tick(&rig_lapic, rig_now));
	assert_false(rig_is_requested());
	wr(0x380, 1000);
	rig_now += 2501;
	wr(0x320, 0x10041); /* it was due before it was masked */
	assert_int_equal(vlapic_pending(&rig_lapic), 0x41);
}

static void another_mode_disarms(void **state)
{
	(void)state;
	rig_enable();
	for (uint32_t from = 0; from < 3; from++) {
		for (uint32_t to = 0; to < 3; to++) {
			wr(0x320, from << 17 | 0x41);
			wr(0x380, 100000);
			assert_int_equal(wrm(MSR_DEADLINE, rig_now + 5000000), 0);
			assert_true(vlapic_deadline(&rig_lapic) != 0);
			wr(0x320, to << 17 | 0x42);
			assert_int_equal(vlapic_deadline(&rig_lapic) != 0, from == to);
			assert_int_equal(rd(0x390) != 0, from == to && from != 2);
			wr(0x320, 0x60041);
		}
	}
	wr(0x380, 1000);
	assert_int_equal(vlapic_deadline(&rig_lapic), 0);
}

static void deadline_mode(void **state)
{
	(void)state;
	rig_enable();
	assert_int_equal(wrm(MSR_DEADLINE, rig_now + 10), 0);
	assert_int_equal(rdm(MSR_DEADLINE), 0);
	assert_int_equal(vlapic_deadline(&rig_lapic), 0);
	wr(0x320, 0x40041);
	wr(0x380, 100);
	assert_int_equal(rd(0x380), 0);
	assert_int_equal(vlapic_deadline(&rig_lapic), 0);
	assert_int_equal(wrm(MSR_DEADLINE, rig_now + 10), 0);
	assert_int_equal(rdm(MSR_DEADLINE), rig_now + 10);
	assert_int_equal(rd(0x390), 0);
	assert_false(vlapic_tick(&rig_lapic, rig_now + 9));
	rig_now += 10; /* over, also when nobody has ticked yet */
	assert_int_equal(rdm(MSR_DEADLINE), 0);
	assert_true(vlapic_tick(&rig_lapic, rig_now));
	assert_int_equal(vlapic_pending(&rig_lapic), 0x41);
	assert_int_equal(rdm(MSR_DEADLINE), 0);
	assert_int_equal(vlapic_deadline(&rig_lapic), 0);
	/* In the past: at once. 0: never. */
	assert_int_equal(wrm(MSR_DEADLINE, 1), 0);
	assert_true(vlapic_tick(&rig_lapic, rig_now));
	assert_int_equal(wrm(MSR_DEADLINE, rig_now + 10), 0);
	assert_int_equal(wrm(MSR_DEADLINE, 0), 0);
	assert_false(vlapic_tick(&rig_lapic, rig_now + 20));
	assert_int_equal(wrm(MSR_DEADLINE, UINT64_MAX), 0);
	assert_false(vlapic_tick(&rig_lapic, UINT64_MAX - 1));
	assert_true(vlapic_tick(&rig_lapic, UINT64_MAX));
}

static void a_new_divider_goes_on_from_the_count(void **state)
{
	(void)state;
	rig_enable();
	wr(0x320, 0x41);
	wr(0x3e0, 0xb);
	wr(0x380, 1000);
	rig_now += 1500; /* 600 counts */
	wr(0x3e0, 0);
	assert_int_equal(rd(0x390), 400);
	assert_int_equal(rd(0x380), 1000);
	assert_int_equal(vlapic_deadline(&rig_lapic), rig_now + 2000);
	/* Right after power-up, when the count began "before" the TSC did. */
	rig_now = 1;
	wr(0x380, 1000);
	rig_now = 1 + 2500;
	wr(0x3e0, 0xa);
	assert_int_equal(rd(0x390), 500);
	assert_int_equal(vlapic_deadline(&rig_lapic), rig_now + 160000);
	assert_false(vlapic_tick(&rig_lapic, rig_now + 159999));
	assert_true(vlapic_tick(&rig_lapic, rig_now + 160000));
}

static void counts_go_on_when_the_tsc_is_set(void **state)
{
	(void)state;
	rig_enable();
	wr(0x320, 0x40);
	wr(0x3e0, 0xb);
	wr(0x380, 1000);
	rig_now += 1000;
	vlapic_shift(&rig_lapic, 1ULL << 50);
	rig_now += 1ULL << 50;
	assert_int_equal(rd(0x390), 600);
	assert_int_equal(vlapic_deadline(&rig_lapic), rig_now + 1500);
	/* A deadline is a time, and is not moved. */
	wr(0x320, 0x40040);
	assert_int_equal(wrm(MSR_DEADLINE, 1ULL << 60), 0);
	vlapic_shift(&rig_lapic, 12345);
	assert_int_equal(vlapic_deadline(&rig_lapic), 1ULL << 60);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, rig_setup)
	const struct CMUnitTest tests[] = {
		TEST(one_shot_fires_once_when_the_count_is_0),
		TEST(every_divider_divides),
		TEST(the_longest_count_does_not_overflow),
		TEST(periodic_does_not_drift),
		TEST(a_period_of_nothing_leaves_the_guest_time),
		TEST(a_tsc_that_jumps_ahead_begins_a_new_period),
		TEST(masked_it_counts_and_does_not_interrupt),
		TEST(another_mode_disarms),
		TEST(deadline_mode),
		TEST(a_new_divider_goes_on_from_the_count),
		TEST(counts_go_on_when_the_tsc_is_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
