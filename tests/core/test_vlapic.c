/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual local APIC: every register, every rule of priorities, modes, timer and IPIs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "vm/vlapic.h"

#define HZ   2500000000ULL /* of the TSC: 2.5 ticks a timer clock */
#define BASE (VLAPIC_DEFAULT_BASE | 1U << 11 | 1U << 8)
#define X2   (1ULL << 10)

#define MSR_BASE     0x1b
#define MSR_DEADLINE 0x6e0
#define MSR_ICR	     0x830

static struct vlapic lapic;
static struct vlapic_action action; /* of the last write */
static uint64_t now;		    /* the TSC */

static uint32_t rd(uint32_t offset)
{
	uint32_t value = 0xdeadbeef;

	assert_int_equal(vlapic_mmio_read(&lapic, offset, &value, now), 0);
	return value;
}

static void wr(uint32_t offset, uint32_t value)
{
	memset(&action, 0xff, sizeof(action));
	assert_int_equal(vlapic_mmio_write(&lapic, offset, value, now, &action), 0);
}

static uint64_t rdm(uint32_t msr)
{
	uint64_t value = 0xdeadbeef;

	assert_int_equal(vlapic_msr_read(&lapic, msr, &value, now), 0);
	return value;
}

static int wrm(uint32_t msr, uint64_t value)
{
	memset(&action, 0xff, sizeof(action));
	return vlapic_msr_write(&lapic, msr, value, now, &action);
}

static int set_up(void **state)
{
	(void)state;
	memset(&lapic, 0xff, sizeof(lapic));
	now = 1000000;
	vlapic_reset(&lapic, 5, true, HZ, false);
	return 0;
}

static void enable(void)
{
	wr(0xf0, 0x1ff);
}

static void enter_x2apic(void)
{
	assert_int_equal(wrm(MSR_BASE, BASE | X2), 0);
}

/* Any vector, deliverable or not. */
static bool is_requested(void)
{
	vlapic_pending(&lapic); /* takes in what was posted */
	return lapic.irr_any != 0;
}

/* The interrupt arrives and is taken. */
static void serve(uint8_t vector, bool level)
{
	vlapic_post(&lapic, vector, level);
	assert_int_equal(vlapic_pending(&lapic), vector);
	assert_int_equal(vlapic_take(&lapic), vector);
}

static void power_up_is_as_the_manual_says(void **state)
{
	(void)state;
	assert_int_equal(rdm(MSR_BASE), BASE);
	assert_int_equal(rd(0x20), 5U << 24);
	assert_int_equal(rd(0x30), 0x50014);
	assert_int_equal(rd(0xe0), 0xffffffff);
	assert_int_equal(rd(0xf0), 0xff);
	for (uint32_t offset = 0x320; offset <= 0x370; offset += 0x10)
		assert_int_equal(rd(offset), 0x10000);
	for (uint32_t offset = 0x100; offset < 0x280; offset += 0x10)
		assert_int_equal(rd(offset), 0);
	static const uint32_t zero[] = {0x80, 0xa0, 0xd0, 0x280, 0x300, 0x310, 0x380, 0x390, 0x3e0};
	for (size_t i = 0; i < ARRAY_LENGTH(zero); i++)
		assert_int_equal(rd(zero[i]), 0);
	assert_int_equal(vlapic_pending(&lapic), -1);
	assert_false(is_requested());
	assert_int_equal(vlapic_deadline(&lapic), 0);
	vlapic_reset(&lapic, 1, false, HZ, false);
	assert_int_equal(rdm(MSR_BASE), BASE & ~0x100ULL);
}

static void init_keeps_mode_and_id(void **state)
{
	(void)state;
	enter_x2apic();
	assert_int_equal(wrm(0x80f, 0x1ff), 0);
	assert_int_equal(wrm(0x808, 0x20), 0);
	vlapic_post(&lapic, 0x55, false);
	vlapic_reset(&lapic, 5, true, HZ, true);
	assert_int_equal(rdm(MSR_BASE), BASE | X2);
	assert_int_equal(rdm(0x802), 5);
	assert_int_equal(rdm(0x808), 0);
	assert_int_equal(rdm(0x80f), 0xff);
	assert_false(is_requested());
}

/* What can be written to each register of the page reads back, and nothing else of it. */
static void page_registers_keep_their_bits(void **state)
{
	static const struct {
		uint32_t offset, bits, always;
	} table[] = {
		{0x20, 0, 5U << 24},   {0x30, 0, 0x50014},
		{0x80, 0xff, 0},       {0x90, 0, 0},
		{0xb0, 0, 0},	       {0xc0, 0, 0},
		{0xd0, 0xff000000, 0}, {0xe0, 0xf0000000, 0x0fffffff},
		{0x100, 0, 0},	       {0x180, 0, 0},
		{0x200, 0, 0},	       {0x310, 0xff000000, 0},
		{0x320, 0x700ff, 0},   {0x330, 0x107ff, 0},
		{0x340, 0x107ff, 0},   {0x350, 0x1a7ff, 0},
		{0x360, 0x1a7ff, 0},   {0x370, 0x100ff, 0},
		{0x3e0, 0xb, 0},       {0x390, 0, 0},
		{0xf0, 0x3ff, 0},
	};

	(void)state;
	enable();
	for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
		for (unsigned bit = 0; bit < 32; bit++) {
			wr(table[i].offset, 1U << bit);
			if (table[i].offset == 0xf0)
				break; /* below: it changes the others */
			assert_int_equal(rd(table[i].offset),
					 (1U << bit & table[i].bits) | table[i].always);
		}
		wr(table[i].offset, UINT32_MAX);
		assert_int_equal(rd(table[i].offset), table[i].bits | table[i].always);
		wr(table[i].offset, 0);
		assert_int_equal(rd(table[i].offset), table[i].always);
		enable();
	}
	wr(0x80, 0x3f);
	assert_int_equal(rd(0xa0), 0x3f);
	/* The ICR's delivery status reads 0. */
	wr(0x300, 0x14b41);
	assert_int_equal(rd(0x300), 0x4b41);
}

static void page_is_there_only_in_xapic_mode(void **state)
{
	uint32_t value;

	(void)state;
	assert_int_equal(vlapic_mmio_read(&lapic, 0x1000, &value, now), -EFAULT);
	assert_int_equal(vlapic_mmio_read(&lapic, 0x84, &value, now), -EFAULT);
	assert_int_equal(vlapic_mmio_write(&lapic, 0x81, 1, now, &action), -EFAULT);
	enter_x2apic();
	assert_int_equal(vlapic_mmio_read(&lapic, 0x20, &value, now), -EFAULT);
	assert_int_equal(vlapic_mmio_write(&lapic, 0x80, 0x10, now, &action), -EFAULT);
	assert_int_equal(rdm(0x808), 0);
	assert_int_equal(wrm(MSR_BASE, BASE & ~0x800ULL), 0);
	assert_int_equal(vlapic_mmio_read(&lapic, 0x20, &value, now), -EFAULT);
}

static void illegal_registers_are_errors_in_the_page(void **state)
{
	(void)state;
	enable();
	for (uint32_t offset = 0; offset < 0x1000; offset += 0x10) {
		bool illegal = offset < 0x20 || (offset >= 0x40 && offset < 0x80) ||
			       (offset >= 0x290 && offset < 0x300) ||
			       (offset >= 0x3a0 && offset < 0x3e0) || offset >= 0x3f0;

		wr(0x280, 0);
		rd(offset);
		wr(0x280, 0);
		assert_int_equal(rd(0x280), illegal ? 0x80 : 0);
		if (!illegal)
			continue;
		wr(offset, 0);
		wr(0x280, 0);
		assert_int_equal(rd(0x280), 0x80);
	}
}

/* ESR shows what happened before its last write; the first error since then interrupts. */
static void errors_are_logged_and_interrupt_once(void **state)
{
	(void)state;
	enable();
	wr(0x370, 0xe0);
	wr(0x300, 0x0f);
	assert_int_equal(action.kind, VLAPIC_NOTHING);
	assert_int_equal(rd(0x280), 0);
	assert_int_equal(vlapic_pending(&lapic), 0xe0);
	assert_int_equal(vlapic_take(&lapic), 0xe0);
	wr(0xb0, 0);
	vlapic_post(&lapic, 15, false);
	assert_int_equal(vlapic_pending(&lapic), -1);
	wr(0x280, 0x1234);
	assert_int_equal(rd(0x280), 0x60);
	wr(0x280, 0);
	assert_int_equal(rd(0x280), 0);
	vlapic_post(&lapic, 0, false);
	assert_int_equal(vlapic_pending(&lapic), 0xe0);
	/* An error interrupt of an illegal vector is none. */
	assert_int_equal(vlapic_take(&lapic), 0xe0);
	wr(0x280, 0);
	wr(0x370, 0x05);
	vlapic_post(&lapic, 0, false);
	assert_false(is_requested());
}

static void base_register_changes_as_allowed(void **state)
{
	static const uint64_t modes[4] = {0, X2, 0x800, 0x800 | X2};
	/* From (row) to (column): off, invalid, xAPIC, x2APIC. */
	static const bool allowed[4][4] = {
		{true, false, true, false},
		{false, false, false, false},
		{true, false, true, true},
		{true, false, false, true},
	};

	(void)state;
	for (int from = 0; from < 4; from++) {
		for (int to = 0; to < 4; to++) {
			if (from == 1)
				continue;
			set_up(NULL);
			if (from == 0 || from == 3)
				assert_int_equal(wrm(MSR_BASE, (BASE & ~0x800ULL) | modes[from]),
						 0);
			assert_int_equal(wrm(MSR_BASE, (BASE & ~0x800ULL) | modes[to]),
					 allowed[from][to] ? 0 : -EPERM);
			assert_int_equal(rdm(MSR_BASE) & 0xc00,
					 modes[allowed[from][to] ? to : from]);
		}
	}
	set_up(NULL);
	assert_int_equal(wrm(MSR_BASE, BASE | 1), -EPERM);
	assert_int_equal(wrm(MSR_BASE, BASE | 1 << 9), -EPERM);
	assert_int_equal(wrm(MSR_BASE, BASE | 1ULL << 52), -EPERM);
	assert_int_equal(wrm(MSR_BASE, BASE ^ 0x1000), -EPERM);
	assert_int_equal(wrm(MSR_BASE, BASE & ~0x100ULL), 0);
	assert_int_equal(rdm(MSR_BASE), BASE);
}

static void switching_off_forgets_all(void **state)
{
	(void)state;
	enable();
	wr(0x80, 0x10);
	serve(0x70, true);
	vlapic_post(&lapic, 0x71, false);
	wr(0x380, 1000);
	assert_int_equal(wrm(MSR_BASE, BASE & ~0x800ULL), 0);
	assert_int_equal(vlapic_pending(&lapic), -1);
	assert_false(vlapic_matches(&lapic, false, 5, false));
	vlapic_post(&lapic, 0x72, false);
	assert_int_equal(wrm(MSR_BASE, BASE), 0);
	assert_int_equal(rd(0xf0), 0xff);
	assert_int_equal(rd(0x80), 0);
	assert_int_equal(rd(0x130), 0);
	assert_int_equal(rd(0x230), 0);
	assert_int_equal(rd(0x380), 0);
	assert_false(is_requested());
}

/* Going to x2APIC mode keeps what is pending, enabled and in service. */
static void x2apic_mode_keeps_the_state(void **state)
{
	(void)state;
	enable();
	wr(0x80, 0x20);
	wr(0xd0, 0x12000000);
	wr(0x310, 0x42000000);
	serve(0x70, false);
	vlapic_post(&lapic, 0x91, false);
	enter_x2apic();
	assert_int_equal(rdm(0x80f), 0x1ff);
	assert_int_equal(rdm(0x808), 0x20);
	assert_int_equal(rdm(0x813), 1 << 16);
	assert_int_equal(rdm(0x824), 1 << 17);
	assert_int_equal(rdm(MSR_ICR), 0);
	assert_int_equal(vlapic_pending(&lapic), 0x91);
}

/* Which MSRs there are, and which bits of them. */
static void x2apic_registers_refuse_what_is_reserved(void **state)
{
	static const struct {
		uint32_t msr;
		bool reads, writes;
		uint64_t bits, ignored;
	} table[] = {
		{0x802, true, false, 0, 0},
		{0x803, true, false, 0, 0},
		{0x808, true, true, 0xff, 0},
		{0x80a, true, false, 0, 0},
		{0x80b, false, true, 0, 0},
		{0x80d, true, false, 0, 0},
		{0x80f, true, true, 0x3ff, 0},
		{0x828, true, true, 0, 0},
		{0x830, true, true, 0xffffffff000ccfff, 0x1000},
		{0x832, true, true, 0x700ff, 0x1000},
		{0x833, true, true, 0x107ff, 0x1000},
		{0x834, true, true, 0x107ff, 0x1000},
		{0x835, true, true, 0x1a7ff, 0x5000},
		{0x836, true, true, 0x1a7ff, 0x5000},
		{0x837, true, true, 0x100ff, 0x1000},
		{0x838, true, true, 0xffffffff, 0},
		{0x839, true, false, 0, 0},
		{0x83e, true, true, 0xb, 0},
		{0x83f, false, true, 0xff, 0},
	};
	uint64_t value;

	(void)state;
	for (uint32_t msr = 0x800; msr < 0x900; msr++) {
		bool reads = msr >= 0x810 && msr < 0x828, writes = false;
		uint64_t bits = 0, ignored = 0;

		assert_int_equal(vlapic_msr_read(&lapic, msr, &value, now), -EPERM);
		assert_int_equal(wrm(msr, 0), -EPERM);
		enter_x2apic();
		for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
			if (table[i].msr != msr)
				continue;
			reads = table[i].reads;
			writes = table[i].writes;
			bits = table[i].bits;
			ignored = table[i].ignored;
		}
		assert_int_equal(vlapic_msr_read(&lapic, msr, &value, now), reads ? 0 : -EPERM);
		assert_int_equal(wrm(msr, 0), writes ? 0 : -EPERM);
		for (unsigned bit = 0; writes && bit < 64; bit++) {
			uint64_t one = 1ULL << bit;
			/* With the APIC on, so that LVT masks can be cleared. */
			uint64_t on = msr == 0x80f ? 0 : 0x1ff;

			if (on)
				assert_int_equal(wrm(0x80f, on), 0);
			assert_int_equal(wrm(msr, one), one & (bits | ignored) ? 0 : -EPERM);
			if (reads && one & bits)
				assert_int_equal(rdm(msr), one & ~ignored);
		}
		set_up(NULL);
	}
	assert_int_equal(vlapic_msr_read(&lapic, 0x900, &value, now), -EPERM);
	assert_int_equal(wrm(0x7ff, 0), -EPERM);
}

static void x2apic_ids(void **state)
{
	(void)state;
	vlapic_reset(&lapic, 0x123, false, HZ, false);
	assert_int_equal(wrm(MSR_BASE, (BASE & ~0x100ULL) | X2), 0);
	assert_int_equal(rdm(0x802), 0x123);
	assert_int_equal(rdm(0x80d), 0x12U << 16 | 1U << 3);
	assert_true(vlapic_matches(&lapic, false, 0x123, true));
	assert_false(vlapic_matches(&lapic, false, 0x23, true));
	assert_false(vlapic_matches(&lapic, false, 0xff, true));
	assert_true(vlapic_matches(&lapic, false, 0xffffffff, true));
	assert_true(vlapic_matches(&lapic, true, 0xffffffff, true));
	assert_true(vlapic_matches(&lapic, false, 0xff, false));
	assert_true(vlapic_matches(&lapic, true, 0x120008, true));
	assert_true(vlapic_matches(&lapic, true, 0x12ffff, true));
	assert_false(vlapic_matches(&lapic, true, 0x12fff7, true));
	assert_false(vlapic_matches(&lapic, true, 0x130008, true));
}

static void xapic_destinations(void **state)
{
	(void)state;
	enable();
	assert_true(vlapic_matches(&lapic, false, 5, false));
	assert_false(vlapic_matches(&lapic, false, 4, false));
	assert_true(vlapic_matches(&lapic, false, 0xff, false));
	/* Flat. */
	wr(0xd0, 0x20000000);
	assert_true(vlapic_matches(&lapic, true, 0x20, false));
	assert_true(vlapic_matches(&lapic, true, 0x30, false));
	assert_false(vlapic_matches(&lapic, true, 0xdf, false));
	assert_false(vlapic_matches(&lapic, true, 0, false));
	/* Clusters: 0x21 is CPU 0 of cluster 2. */
	wr(0xd0, 0x21000000);
	wr(0xe0, 0);
	assert_true(vlapic_matches(&lapic, true, 0x21, false));
	assert_true(vlapic_matches(&lapic, true, 0x2f, false));
	assert_false(vlapic_matches(&lapic, true, 0x22, false));
	assert_false(vlapic_matches(&lapic, true, 0x11, false));
	assert_true(vlapic_matches(&lapic, true, 0xf1, false));
	assert_false(vlapic_matches(&lapic, true, 0xf2, false));
	assert_true(vlapic_matches(&lapic, true, 0xff, false));
	/* A model that there is not. */
	wr(0xe0, 0x40000000);
	assert_false(vlapic_matches(&lapic, true, 0x21, false));
	/* 32-bit destinations. */
	assert_true(vlapic_matches(&lapic, false, 5, true));
	assert_false(vlapic_matches(&lapic, false, 0x105, true));
	assert_false(vlapic_matches(&lapic, true, 0x121, true));
}

static void highest_vector_comes_first_above_the_priority(void **state)
{
	(void)state;
	enable();
	vlapic_post(&lapic, 0x31, false);
	vlapic_post(&lapic, 0xff, false);
	vlapic_post(&lapic, 0x10, false);
	assert_int_equal(vlapic_pending(&lapic), 0xff);
	assert_int_equal(vlapic_take(&lapic), 0xff);
	assert_int_equal(rd(0xa0), 0xf0);
	assert_int_equal(vlapic_pending(&lapic), -1);
	assert_true(is_requested());
	wr(0xb0, 0);
	assert_int_equal(rd(0xa0), 0);
	/* Same class as TPR: no; TPR's sub-class counts for PPR alone. */
	wr(0x80, 0x3f);
	assert_int_equal(vlapic_pending(&lapic), -1);
	wr(0x80, 0x2f);
	assert_int_equal(vlapic_pending(&lapic), 0x31);
	assert_int_equal(rd(0xa0), 0x2f);
	assert_int_equal(vlapic_take(&lapic), 0x31);
	assert_int_equal(rd(0xa0), 0x30);
	wr(0x80, 0x35);
	assert_int_equal(rd(0xa0), 0x35);
	/* A higher class interrupts, the same does not. */
	vlapic_post(&lapic, 0x3f, false);
	assert_int_equal(vlapic_pending(&lapic), -1);
	vlapic_post(&lapic, 0x40, false);
	assert_int_equal(vlapic_pending(&lapic), 0x40);
	assert_int_equal(vlapic_take(&lapic), 0x40);
	wr(0x80, 0);
	/* EOI ends the highest. */
	wr(0xb0, 0);
	assert_int_equal(rd(0x120), 0);
	assert_int_equal(rd(0x110), 1 << 17);
	assert_int_equal(vlapic_pending(&lapic), -1);
	wr(0xb0, 0);
	assert_int_equal(vlapic_pending(&lapic), 0x3f);
	assert_int_equal(vlapic_take(&lapic), 0x3f);
	wr(0xb0, 0);
	assert_int_equal(vlapic_pending(&lapic), 0x10);
	assert_int_equal(vlapic_take(&lapic), 0x10);
	wr(0xb0, 0);
	wr(0xb0, 0); /* one too many */
	assert_int_equal(action.kind, VLAPIC_NOTHING);
	assert_false(is_requested());
}

/* Requested again while in service: comes a second time, not a third. */
static void a_vector_can_be_requested_once_more_while_in_service(void **state)
{
	(void)state;
	enable();
	serve(0x80, false);
	vlapic_post(&lapic, 0x80, false);
	vlapic_post(&lapic, 0x80, false);
	assert_int_equal(vlapic_pending(&lapic), -1);
	wr(0xb0, 0);
	assert_int_equal(vlapic_pending(&lapic), 0x80);
	assert_int_equal(vlapic_take(&lapic), 0x80);
	wr(0xb0, 0);
	assert_int_equal(vlapic_pending(&lapic), -1);
}

static void only_level_interrupts_tell_their_end(void **state)
{
	(void)state;
	enable();
	serve(0x61, true);
	assert_int_equal(rd(0x1b0), 1 << 1);
	wr(0xb0, 0);
	assert_int_equal(action.kind, VLAPIC_EOI);
	assert_int_equal(action.vector, 0x61);
	serve(0x61, false);
	assert_int_equal(rd(0x1b0), 0);
	wr(0xb0, 0);
	assert_int_equal(action.kind, VLAPIC_NOTHING);
	/* Both before it was looked at: an end too many harms nobody, one too few does. */
	vlapic_post(&lapic, 0x61, true);
	vlapic_post(&lapic, 0x61, false);
	assert_int_equal(vlapic_pending(&lapic), 0x61);
	assert_int_equal(vlapic_take(&lapic), 0x61);
	enter_x2apic();
	assert_int_equal(wrm(0x80b, 1), -EPERM);
	assert_int_equal(wrm(0x80b, 0), 0);
	assert_int_equal(action.kind, VLAPIC_EOI);
}

static void switched_off_by_software_it_takes_nothing_new(void **state)
{
	(void)state;
	enable();
	wr(0x350, 0x700);
	wr(0x320, 0x20);
	vlapic_post(&lapic, 0x50, false);
	wr(0xf0, 0xff);
	vlapic_post(&lapic, 0x51, false);
	assert_int_equal(vlapic_pending(&lapic), 0x50);
	assert_int_equal(rd(0x350), 0x10700);
	wr(0x350, 0x700);
	assert_int_equal(rd(0x350), 0x10700);
	assert_int_equal(rd(0x320), 0x10020);
	/* It still sends. */
	wr(0x300, 0x4e00 | 0xa0);
	assert_int_equal(action.kind, VLAPIC_IPI);
	/* On again, the masks stay until they are cleared. */
	enable();
	assert_int_equal(rd(0x350), 0x10700);
	wr(0x350, 0x700);
	assert_int_equal(rd(0x350), 0x700);
}

static void cr8_is_the_class_of_tpr(void **state)
{
	(void)state;
	wr(0x80, 0x5a);
	assert_int_equal(vlapic_read_cr8(&lapic), 5);
	vlapic_write_cr8(&lapic, 0xc);
	assert_int_equal(rd(0x80), 0xc0);
	vlapic_write_cr8(&lapic, 0xff);
	assert_int_equal(rd(0x80), 0xf0);
}

static void icr_sends_what_it_says(void **state)
{
	(void)state;
	enable();
	wr(0x310, 0x03000000);
	assert_int_equal(action.kind, VLAPIC_NOTHING);
	wr(0x300, 0x48fd);
	assert_int_equal(action.kind, VLAPIC_IPI);
	assert_int_equal(action.vector, 0xfd);
	assert_int_equal(action.delivery, VLAPIC_FIXED);
	assert_int_equal(action.shorthand, VLAPIC_TO_DEST);
	assert_true(action.logical);
	assert_false(action.x2apic);
	assert_int_equal(action.destination, 3);
	wr(0x300, 0x4500);
	assert_int_equal(action.delivery, VLAPIC_INIT);
	assert_false(action.init_deassert);
	wr(0x300, 0x8500);
	assert_true(action.init_deassert);
	wr(0x300, 0x469f);
	assert_int_equal(action.delivery, VLAPIC_STARTUP);
	assert_int_equal(action.vector, 0x9f);
	wr(0x300, 0x4400);
	assert_int_equal(action.delivery, VLAPIC_NMI);
	enter_x2apic();
	assert_int_equal(wrm(MSR_ICR, 0x1234567800004031), 0);
	assert_int_equal(action.kind, VLAPIC_IPI);
	assert_true(action.x2apic);
	assert_false(action.logical);
	assert_int_equal(action.destination, 0x12345678);
	assert_int_equal(action.vector, 0x31);
	assert_int_equal(rdm(MSR_ICR), 0x1234567800004031);
	assert_int_equal(wrm(0x83f, 0x45), 0);
	assert_int_equal(action.kind, VLAPIC_NOTHING);
	assert_int_equal(vlapic_take(&lapic), 0x45);
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
	enable();
	for (uint32_t mode = 0; mode < 8; mode++) {
		for (uint32_t shorthand = 0; shorthand < 4; shorthand++) {
			bool self = mode == 0 && shorthand == 1;
			bool valid = mode != 3 && mode != 7 &&
				     (shorthand == 0 || shorthand == 3 || mode == 0);

			wr(0x300, 0x4040 | mode << 8 | shorthand << 18);
			assert_int_equal(action.kind, valid && !self ? VLAPIC_IPI : VLAPIC_NOTHING);
			assert_int_equal(vlapic_take(&lapic), self ? 0x40 : -1);
			wr(0xb0, 0);
			if (action.kind == VLAPIC_IPI)
				assert_int_equal(action.shorthand, shorthand);
		}
	}
	/* A vector is needed for fixed and lowest priority alone. */
	wr(0x300, 0x410f);
	assert_int_equal(action.kind, VLAPIC_NOTHING);
	wr(0x300, 0x4405);
	assert_int_equal(action.kind, VLAPIC_IPI);
}

/* ---- the timer: 2 ns are 5 ticks of the TSC ---- */

static void one_shot_fires_once_when_the_count_is_0(void **state)
{
	uint64_t start = now;

	(void)state;
	enable();
	wr(0x320, 0x41);
	wr(0x3e0, 0xb); /* by 1 */
	wr(0x380, 1001);
	assert_int_equal(rd(0x390), 1001);
	assert_int_equal(vlapic_deadline(&lapic), start + 2503); /* 2502.5 */
	now = start + 2502;
	assert_int_equal(rd(0x390), 1);
	assert_false(vlapic_tick(&lapic, now));
	now = start + 2503;
	assert_int_equal(rd(0x390), 0);
	assert_true(vlapic_tick(&lapic, now));
	assert_int_equal(vlapic_pending(&lapic), 0x41);
	assert_int_equal(vlapic_take(&lapic), 0x41);
	assert_int_equal(vlapic_deadline(&lapic), 0);
	now += HZ * 100;
	assert_false(vlapic_tick(&lapic, now));
	assert_int_equal(rd(0x390), 0);
	assert_int_equal(rd(0x380), 1001);
	/* Writing 0 stops it. */
	wr(0x380, 1000);
	wr(0x380, 0);
	assert_int_equal(vlapic_deadline(&lapic), 0);
}

static void every_divider_divides(void **state)
{
	static const uint32_t codes[8] = {0xb, 0, 1, 2, 3, 8, 9, 0xa};
	uint64_t start = now;

	(void)state;
	enable();
	wr(0x320, 0x41);
	for (unsigned i = 0; i < 8; i++) {
		now = start;
		wr(0x3e0, codes[i]);
		wr(0x380, 1000000);
		assert_int_equal(vlapic_deadline(&lapic), start + (2500000ULL << i));
		now = start + (1000000ULL << i);
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

		now = 77;
		vlapic_reset(&lapic, 0, true, rates[i], false);
		enable();
		wr(0x320, 0x41);
		wr(0x3e0, 0xa);
		wr(0x380, UINT32_MAX);
		assert_int_equal(vlapic_deadline(&lapic), 77 + (uint64_t)exact);
		now = 77 + (uint64_t)exact - 1;
		assert_in_range(rd(0x390), 1, VLAPIC_TIMER_HZ / rates[i] / 128 + 1);
		now++;
		assert_int_equal(rd(0x390), 0);
	}
}

/* After a million periods of 33,333.3 ticks, it is still where it belongs. */
static void periodic_does_not_drift(void **state)
{
	uint64_t start = now, hz = 1000000000000 / 30000, ns = 1000000;

	(void)state;
	vlapic_reset(&lapic, 0, true, hz, false);
	enable();
	wr(0x320, 0x20041);
	wr(0x3e0, 0xb);
	wr(0x380, (uint32_t)ns);
	for (uint64_t i = 1; i <= 1000000; i++) {
		now = vlapic_deadline(&lapic);
		assert_int_equal(now,
				 start + (uint64_t)(((unsigned __int128)i * ns * hz + 999999999) /
						    1000000000));
		assert_true(vlapic_tick(&lapic, now));
	}
	assert_int_equal(rd(0x390), ns);
	/* Late: what was missed is one interrupt, and the next comes in time. */
	now += hz;
	assert_true(vlapic_tick(&lapic, now));
	assert_true(vlapic_deadline(&lapic) > now);
	assert_true(vlapic_deadline(&lapic) - now <= hz / 1000 + 1);
}

static void a_period_of_nothing_leaves_the_guest_time(void **state)
{
	(void)state;
	enable();
	wr(0x3e0, 0xb);
	wr(0x320, 0x20041);
	for (uint32_t count = 1; count < 50000; count += 1 + count / 3) {
		wr(0x380, count);
		for (int i = 0; i < 10; i++) {
			assert_true(vlapic_deadline(&lapic) - now >= 20000 * 5 / 2);
			now = vlapic_deadline(&lapic) + (unsigned)i;
			assert_true(vlapic_tick(&lapic, now));
		}
	}
}

/* A guest sets its TSC as it likes: it gets its interrupts, and not more of them. */
static void a_tsc_that_jumps_ahead_begins_a_new_period(void **state)
{
	(void)state;
	enable();
	wr(0x3e0, 0xb);
	wr(0x320, 0x20041);
	wr(0x380, 1000000);
	now += (1ULL << 63) + 12345;
	assert_true(vlapic_tick(&lapic, now));
	assert_int_equal(vlapic_deadline(&lapic), now + 2500000);
	assert_int_equal(rd(0x390), 1000000);
	now += 1250000;
	assert_int_equal(rd(0x390), 500000);
	now -= 5000000;
	assert_int_equal(rd(0x390), 1000000);
	assert_false(vlapic_tick(&lapic, now));
}

static void masked_it_counts_and_does_not_interrupt(void **state)
{
	uint64_t start = now;

	(void)state;
	enable();
	wr(0x3e0, 0xb);
	wr(0x320, 0x10041);
	wr(0x380, 1000);
	assert_int_equal(vlapic_deadline(&lapic), 0);
	now = start + 1250;
	assert_int_equal(rd(0x390), 500);
	/* Unmasked in time, it fires; too late, it has passed. */
	wr(0x320, 0x41);
	assert_int_equal(vlapic_deadline(&lapic), start + 2500);
	wr(0x320, 0x10041);
	now = start + 2500;
	assert_false(vlapic_tick(&lapic, now));
	wr(0x320, 0x41);
	assert_int_equal(vlapic_deadline(&lapic), 0);
	assert_false(vlapic_tick(&lapic, now));
	assert_false(is_requested());
	wr(0x380, 1000);
	now += 2501;
	wr(0x320, 0x10041); /* it was due before it was masked */
	assert_int_equal(vlapic_pending(&lapic), 0x41);
}

static void another_mode_disarms(void **state)
{
	(void)state;
	enable();
	for (uint32_t from = 0; from < 3; from++) {
		for (uint32_t to = 0; to < 3; to++) {
			wr(0x320, from << 17 | 0x41);
			wr(0x380, 100000);
			assert_int_equal(wrm(MSR_DEADLINE, now + 5000000), 0);
			assert_true(vlapic_deadline(&lapic) != 0);
			wr(0x320, to << 17 | 0x42);
			assert_int_equal(vlapic_deadline(&lapic) != 0, from == to);
			assert_int_equal(rd(0x390) != 0, from == to && from != 2);
			wr(0x320, 0x60041);
		}
	}
	wr(0x380, 1000);
	assert_int_equal(vlapic_deadline(&lapic), 0);
}

static void deadline_mode(void **state)
{
	(void)state;
	enable();
	assert_int_equal(wrm(MSR_DEADLINE, now + 10), 0);
	assert_int_equal(rdm(MSR_DEADLINE), 0);
	assert_int_equal(vlapic_deadline(&lapic), 0);
	wr(0x320, 0x40041);
	wr(0x380, 100);
	assert_int_equal(rd(0x380), 0);
	assert_int_equal(vlapic_deadline(&lapic), 0);
	assert_int_equal(wrm(MSR_DEADLINE, now + 10), 0);
	assert_int_equal(rdm(MSR_DEADLINE), now + 10);
	assert_int_equal(rd(0x390), 0);
	assert_false(vlapic_tick(&lapic, now + 9));
	now += 10; /* over, also when nobody has ticked yet */
	assert_int_equal(rdm(MSR_DEADLINE), 0);
	assert_true(vlapic_tick(&lapic, now));
	assert_int_equal(vlapic_pending(&lapic), 0x41);
	assert_int_equal(rdm(MSR_DEADLINE), 0);
	assert_int_equal(vlapic_deadline(&lapic), 0);
	/* In the past: at once. 0: never. */
	assert_int_equal(wrm(MSR_DEADLINE, 1), 0);
	assert_true(vlapic_tick(&lapic, now));
	assert_int_equal(wrm(MSR_DEADLINE, now + 10), 0);
	assert_int_equal(wrm(MSR_DEADLINE, 0), 0);
	assert_false(vlapic_tick(&lapic, now + 20));
	assert_int_equal(wrm(MSR_DEADLINE, UINT64_MAX), 0);
	assert_false(vlapic_tick(&lapic, UINT64_MAX - 1));
	assert_true(vlapic_tick(&lapic, UINT64_MAX));
}

static void a_new_divider_goes_on_from_the_count(void **state)
{
	(void)state;
	enable();
	wr(0x320, 0x41);
	wr(0x3e0, 0xb);
	wr(0x380, 1000);
	now += 1500; /* 600 counts */
	wr(0x3e0, 0);
	assert_int_equal(rd(0x390), 400);
	assert_int_equal(rd(0x380), 1000);
	assert_int_equal(vlapic_deadline(&lapic), now + 2000);
	/* Right after power-up, when the count began "before" the TSC did. */
	now = 1;
	wr(0x380, 1000);
	now = 1 + 2500;
	wr(0x3e0, 0xa);
	assert_int_equal(rd(0x390), 500);
	assert_int_equal(vlapic_deadline(&lapic), now + 160000);
	assert_false(vlapic_tick(&lapic, now + 159999));
	assert_true(vlapic_tick(&lapic, now + 160000));
}

/* ---- posts from other CPUs ---- */

#define ROUNDS 20000U

static void *post_edges(void *vector)
{
	uint32_t *done = vector;

	for (unsigned i = 0; i < ROUNDS; i++) {
		/* The last one was seen: so must be this. */
		while (__atomic_load_n(&done[1], __ATOMIC_ACQUIRE) != i)
			sched_yield();
		vlapic_post(&lapic, (uint8_t)done[0], done[2]);
	}
	return NULL;
}

/* Three CPUs post three vectors of one word; each waits until its post was taken. A lost post
 * hangs, and the alarm of the test's runner ends it; a lost level is an end that is missing. */
static void no_post_of_another_cpu_is_lost(void **state)
{
	uint32_t cpus[3][3] = {{0x41, 0, false}, {0x42, 0, true}, {0x5f, 0, true}};
	unsigned ends[256] = {0}, left = 3 * ROUNDS;
	pthread_t threads[3];

	(void)state;
	enable();
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, post_edges, cpus[i]), 0);
	while (left) {
		int vector = vlapic_take(&lapic);

		if (vector < 0) {
			sched_yield();
			continue;
		}
		wr(0xb0, 0);
		ends[vector] += action.kind == VLAPIC_EOI;
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
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(power_up_is_as_the_manual_says),
		TEST(init_keeps_mode_and_id),
		TEST(page_registers_keep_their_bits),
		TEST(page_is_there_only_in_xapic_mode),
		TEST(illegal_registers_are_errors_in_the_page),
		TEST(errors_are_logged_and_interrupt_once),
		TEST(base_register_changes_as_allowed),
		TEST(switching_off_forgets_all),
		TEST(x2apic_mode_keeps_the_state),
		TEST(x2apic_registers_refuse_what_is_reserved),
		TEST(x2apic_ids),
		TEST(xapic_destinations),
		TEST(highest_vector_comes_first_above_the_priority),
		TEST(a_vector_can_be_requested_once_more_while_in_service),
		TEST(only_level_interrupts_tell_their_end),
		TEST(switched_off_by_software_it_takes_nothing_new),
		TEST(cr8_is_the_class_of_tpr),
		TEST(icr_sends_what_it_says),
		TEST(icr_combinations_that_are_invalid_send_nothing),
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
		TEST(no_post_of_another_cpu_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
