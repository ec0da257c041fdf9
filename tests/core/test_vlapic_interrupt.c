/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual local APIC's interrupts, by the manual: which comes first, what the end of one tells,
 * what is sent, and that no post of another CPU is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "vlapic-rig.h"

/* ESR shows what happened before its last write; the first error since then interrupts. */
static void errors_are_logged_and_interrupt_once(void **state)
{
	(void)state;
	rig_enable();
	wr(0x370, 0xe0);
	wr(0x300, 0x0f);
	assert_int_equal(rig_action.kind, VLAPIC_NOTHING);
	assert_int_equal(rd(0x280), 0);
	assert_int_equal(vlapic_pending(&rig_lapic), 0xe0);
	assert_int_equal(vlapic_take(&rig_lapic), 0xe0);
	wr(0xb0, 0);
	vlapic_post(&rig_lapic, 15, false);
	assert_int_equal(vlapic_pending(&rig_lapic), -1);
	wr(0x280, 0x1234);
	assert_int_equal(rd(0x280), 0x60);
	wr(0x280, 0);
	assert_int_equal(rd(0x280), 0);
	vlapic_post(&rig_lapic, 0, false);
	assert_int_equal(vlapic_pending(&rig_lapic), 0xe0);
	/* An error interrupt of an illegal vector is none. */
	assert_int_equal(vlapic_take(&rig_lapic), 0xe0);
	wr(0x280, 0);
	wr(0x370, 0x05);
	vlapic_post(&rig_lapic, 0, false);
	assert_false(rig_is_requested());
}

static void highest_vector_comes_first_above_the_priority(void **state)
{
	(void)state;
	rig_enable();
	vlapic_post(&rig_lapic, 0x31, false);
	vlapic_post(&rig_lapic, 0xff, false);
	vlapic_post(&rig_lapic, 0x10, false);
	assert_int_equal(vlapic_pending(&rig_lapic), 0xff);
	assert_int_equal(vlapic_take(&rig_lapic), 0xff);
	assert_int_equal(rd(0xa0), 0xf0);
	assert_int_equal(vlapic_pending(&rig_lapic), -1);
	assert_true(rig_is_requested());
	wr(0xb0, 0);
	assert_int_equal(rd(0xa0), 0);
	/* Same class as TPR: no; TPR's sub-class counts for PPR alone. */
	wr(0x80, 0x3f);
	assert_int_equal(vlapic_pending(&rig_lapic), -1);
	wr(0x80, 0x2f);
	assert_int_equal(vlapic_pending(&rig_lapic), 0x31);
	assert_int_equal(rd(0xa0), 0x2f);
	assert_int_equal(vlapic_take(&rig_lapic), 0x31);
	assert_int_equal(rd(0xa0), 0x30);
	wr(0x80, 0x35);
	assert_int_equal(rd(0xa0), 0x35);
	/* A higher class interrupts, the same does not. */
	vlapic_post(&rig_lapic, 0x3f, false);
	assert_int_equal(vlapic_pending(&rig_lapic), -1);
	vlapic_post(&rig_lapic, 0x40, false);
	assert_int_equal(vlapic_pending(&rig_lapic), 0x40);
	assert_int_equal(vlapic_take(&rig_lapic), 0x40);
	wr(0x80, 0);
	/* EOI ends the highest. */
	wr(0xb0, 0);
	assert_int_equal(rd(0x120), 0);
	assert_int_equal(rd(0x110), 1 << 17);
	assert_int_equal(vlapic_pending(&rig_lapic), -1);
	wr(0xb0, 0);
	assert_int_equal(vlapic_pending(&rig_lapic), 0x3f);
	assert_int_equal(vlapic_take(&rig_lapic), 0x3f);
	wr(0xb0, 0);
	assert_int_equal(vlapic_pending(&rig_lapic), 0x10);
	assert_int_equal(vlapic_take(&rig_lapic), 0x10);
	wr(0xb0, 0);
	wr(0xb0, 0); /* one too many */
	assert_int_equal(rig_action.kind, VLAPIC_NOTHING);
	assert_false(rig_is_requested());
}

/* Requested again while in service: comes a second time, not a third. */
static void a_vector_can_be_requested_once_more_while_in_service(void **state)
{
	(void)state;
	rig_enable();
	rig_serve(0x80, false);
	vlapic_post(&rig_lapic, 0x80, false);
	vlapic_post(&rig_lapic, 0x80, false);
	assert_int_equal(vlapic_pending(&rig_lapic), -1);
	wr(0xb0, 0);
	assert_int_equal(vlapic_pending(&rig_lapic), 0x80);
	assert_int_equal(vlapic_take(&rig_lapic), 0x80);
	wr(0xb0, 0);
	assert_int_equal(vlapic_pending(&rig_lapic), -1);
}

static void only_level_interrupts_tell_their_end(void **state)
{
	(void)state;
	rig_enable();
	rig_serve(0x61, true);
	assert_int_equal(rd(0x1b0), 1 << 1);
	wr(0xb0, 0);
	assert_int_equal(rig_action.kind, VLAPIC_EOI);
	assert_int_equal(rig_action.vector, 0x61);
	rig_serve(0x61, false);
	assert_int_equal(rd(0x1b0), 0);
	wr(0xb0, 0);
	assert_int_equal(rig_action.kind, VLAPIC_NOTHING);
	/* Both before it was looked at: an end too many harms nobody, one too few does. */
	vlapic_post(&rig_lapic, 0x61, true);
	vlapic_post(&rig_lapic, 0x61, false);
	assert_int_equal(vlapic_pending(&rig_lapic), 0x61);
	assert_int_equal(vlapic_take(&rig_lapic), 0x61);
	rig_enter_x2apic();
	assert_int_equal(wrm(0x80b, 1), -EPERM);
	assert_int_equal(wrm(0x80b, 0), 0);
	assert_int_equal(rig_action.kind, VLAPIC_EOI);
}

static void switched_off_by_software_it_takes_nothing_new(void **state)
{
	(void)state;
	rig_enable();
	wr(0x350, 0x700);
	wr(0x320, 0x20);
	vlapic_post(&rig_lapic, 0x50, false);
	wr(0xf0, 0xff);
	vlapic_post(&rig_lapic, 0x51, false);
	assert_int_equal(vlapic_pending(&rig_lapic), 0x50);
	assert_int_equal(rd(0x350), 0x10700);
	wr(0x350, 0x700);
	assert_int_equal(rd(0x350), 0x10700);
	assert_int_equal(rd(0x320), 0x10020);
	/* It still sends. */
	wr(0x300, 0x4e00 | 0xa0);
	assert_int_equal(rig_action.kind, VLAPIC_IPI);
	/* On again, the masks stay until they are cleared. */
	rig_enable();
	assert_int_equal(rd(0x350), 0x10700);
	wr(0x350, 0x700);
	assert_int_equal(rd(0x350), 0x700);
}

static void cr8_is_the_class_of_tpr(void **state)
{
	(void)state;
	wr(0x80, 0x5a);
	assert_int_equal(vlapic_read_cr8(&rig_lapic), 5);
	vlapic_write_cr8(&rig_lapic, 0xc);
	assert_int_equal(rd(0x80), 0xc0);
	vlapic_write_cr8(&rig_lapic, 0xff);
	assert_int_equal(rd(0x80), 0xf0);
}

static void icr_sends_what_it_says(void **state)
{
	(void)state;
	rig_enable();
	wr(0x310, 0x03000000);
	assert_int_equal(rig_action.kind, VLAPIC_NOTHING);
	wr(0x300, 0x48fd);
	assert_int_equal(rig_action.kind, VLAPIC_IPI);
	assert_int_equal(rig_action.vector, 0xfd);
	assert_int_equal(rig_action.delivery, VLAPIC_FIXED);
	assert_int_equal(rig_action.shorthand, VLAPIC_TO_DEST);
	assert_true(rig_action.logical);
	assert_false(rig_action.x2apic);
	assert_int_equal(rig_action.destination, 3);
	wr(0x300, 0x4500);
	assert_int_equal(rig_action.delivery, VLAPIC_INIT);
	assert_false(rig_action.init_deassert);
	wr(0x300, 0x8500);
	assert_true(rig_action.init_deassert);
	wr(0x300, 0x469f);
	assert_int_equal(rig_action.delivery, VLAPIC_STARTUP);
	assert_int_equal(rig_action.vector, 0x9f);
	wr(0x300, 0x4400);
	assert_int_equal(rig_action.delivery, VLAPIC_NMI);
	rig_enter_x2apic();
	assert_int_equal(wrm(MSR_ICR, 0x1234567800004031), 0);
	assert_int_equal(rig_action.kind, VLAPIC_IPI);
	assert_true(rig_action.x2apic);
	assert_false(rig_action.logical);
	assert_int_equal(rig_action.destination, 0x12345678);
	assert_int_equal(rig_action.vector, 0x31);
	assert_int_equal(rdm(MSR_ICR), 0x1234567800004031);
	assert_int_equal(wrm(0x83f, 0x45), 0);
	assert_int_equal(rig_action.kind, VLAPIC_NOTHING);
	assert_int_equal(vlapic_take(&rig_lapic), 0x45);
	assert_int_equal(rdm(MSR_ICR), 0x1234567800004031);
	assert_int_equal(wrm(0x83f, 0x10), 0);
	assert_int_equal(rdm(0x820), 0x10000);
	assert_int_equal(wrm(0x83f, 0x0f), 0);
	assert_int_equal(rdm(0x820), 0x10000);
	assert_int_equal(wrm(0x828, 0), 0);
	assert_int_equal(rdm(0x828), 0x20);
	assert_int_equal(wrm(0x831, 0), -EPERM);
}

static void icr_combinations_that_are_invalid_send_nothing(void **state)
{
	(void)state;
	rig_enable();
	for (uint32_t mode = 0; mode < 8; mode++) {
		for (uint32_t shorthand = 0; shorthand < 4; shorthand++) {
			bool self = mode == 0 && shorthand == 1;
			bool valid = mode != 3 && mode != 7 &&
				     (shorthand == 0 || shorthand == 3 || mode == 0);

			wr(0x300, 0x4040 | mode << 8 | shorthand << 18);
			assert_int_equal(rig_action.kind,
					 valid && !self ? VLAPIC_IPI : VLAPIC_NOTHING);
			assert_int_equal(vlapic_take(&rig_lapic), self ? 0x40 : -1);
			wr(0xb0, 0);
			if (rig_action.kind == VLAPIC_IPI)
				assert_int_equal(rig_action.shorthand, shorthand);
		}
	}
	/* A vector is needed for fixed and lowest priority alone. */
	wr(0x300, 0x410f);
	assert_int_equal(rig_action.kind, VLAPIC_NOTHING);
	wr(0x300, 0x4405);
	assert_int_equal(rig_action.kind, VLAPIC_IPI);
}

#define ROUNDS 20000U

static void *post_edges(void *vector)
{
	uint32_t *done = vector;

	for (unsigned i = 0; i < ROUNDS; i++) {
		/* The last one was seen: so must be this. */
		while (__atomic_load_n(&done[1], __ATOMIC_ACQUIRE) != i)
			sched_yield();
		vlapic_post(&rig_lapic, (uint8_t)done[0], done[2]);
	}
	return NULL;
}

/* What the CPU did not take waits as before, behind what has more priority. */
static void what_was_not_taken_is_requested_again(void **state)
{
	(void)state;
	rig_enable();
	vlapic_post(&rig_lapic, 0x51, true);
	assert_int_equal(vlapic_take(&rig_lapic), 0x51);
	vlapic_post(&rig_lapic, 0x91, false);
	vlapic_untake(&rig_lapic, 0x51);
	assert_int_equal(rd(0xa0), 0);
	assert_int_equal(vlapic_take(&rig_lapic), 0x91);
	assert_int_equal(vlapic_take(&rig_lapic), -1);
	wr(0xb0, 0);
	assert_int_equal(vlapic_take(&rig_lapic), 0x51);
	wr(0xb0, 0);
	assert_int_equal(rig_action.kind, VLAPIC_EOI);
	assert_int_equal(vlapic_take(&rig_lapic), -1);
}

/* Three CPUs post three vectors of one word; each waits until its post was taken. A lost post
 * hangs, and the alarm of the test's runner ends it; a lost level is an end that is missing. */
static void no_post_of_another_cpu_is_lost(void **state)
{
	uint32_t cpus[3][3] = {{0x41, 0, false}, {0x42, 0, true}, {0x5f, 0, true}};
	unsigned ends[256] = {0}, left = 3 * ROUNDS;
	pthread_t threads[3];

	(void)state;
	rig_enable();
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, post_edges, cpus[i]), 0);
	while (left) {
		int vector = vlapic_take(&rig_lapic);

		if (vector < 0) {
			sched_yield();
			continue;
		}
		wr(0xb0, 0);
		ends[vector] += rig_action.kind == VLAPIC_EOI;
		left--;
		for (unsigned i = 0; i < 3; i++)
			if (cpus[i][0] == (uint32_t)vector)
				__atomic_fetch_add(&cpus[i][1], 1, __ATOMIC_RELEASE);
	}
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(ends[0x41], 0);
	assert_int_equal(ends[0x42], ROUNDS);
	assert_int_equal(ends[0x5f], ROUNDS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, rig_setup)
	const struct CMUnitTest tests[] = {
		TEST(errors_are_logged_and_interrupt_once),
		TEST(highest_vector_comes_first_above_the_priority),
		TEST(a_vector_can_be_requested_once_more_while_in_service),
		TEST(what_was_not_taken_is_requested_again),
		TEST(only_level_interrupts_tell_their_end),
		TEST(switched_off_by_software_it_takes_nothing_new),
		TEST(cr8_is_the_class_of_tpr),
		TEST(icr_sends_what_it_says),
		TEST(icr_combinations_that_are_invalid_send_nothing),
		TEST(no_post_of_another_cpu_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
