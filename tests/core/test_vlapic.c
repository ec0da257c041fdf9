/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual local APIC's registers, by the manual: what each holds, in the page and as MSRs, in
 * which mode it is there, and which destinations its CPU answers to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "vlapic-rig.h"

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
	assert_int_equal(vlapic_pending(&rig_lapic), -1);
	assert_false(rig_is_requested());
	assert_int_equal(vlapic_deadline(&rig_lapic), 0);
	vlapic_reset(&rig_lapic, 1, false, HZ, false);
	assert_int_equal(rdm(MSR_BASE), BASE & ~0x100ULL);
}

static void init_keeps_mode_and_id(void **state)
{
	(void)state;
	rig_enter_x2apic();
	assert_int_equal(wrm(0x80f, 0x1ff), 0);
	assert_int_equal(wrm(0x808, 0x20), 0);
	vlapic_post(&rig_lapic, 0x55, false);
	vlapic_reset(&rig_lapic, 5, true, HZ, true);
	assert_int_equal(rdm(MSR_BASE), BASE | X2);
	assert_int_equal(rdm(0x802), 5);
	assert_int_equal(rdm(0x808), 0);
	assert_int_equal(rdm(0x80f), 0xff);
	assert_false(rig_is_requested());
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
	rig_enable();
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
		rig_enable();
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
	assert_int_equal(vlapic_mmio_read(&rig_lapic, 0x1000, &value, rig_now), -EFAULT);
	assert_int_equal(vlapic_mmio_read(&rig_lapic, 0x84, &value, rig_now), -EFAULT);
	assert_int_equal(vlapic_mmio_write(&rig_lapic, 0x81, 1, rig_now, &rig_action), -EFAULT);
	rig_enter_x2apic();
	assert_int_equal(vlapic_mmio_read(&rig_lapic, 0x20, &value, rig_now), -EFAULT);
	assert_int_equal(vlapic_mmio_write(&rig_lapic, 0x80, 0x10, rig_now, &rig_action), -EFAULT);
	assert_int_equal(rdm(0x808), 0);
	assert_int_equal(wrm(MSR_BASE, BASE & ~0x800ULL), 0);
	assert_int_equal(vlapic_mmio_read(&rig_lapic, 0x20, &value, rig_now), -EFAULT);
}

static void illegal_registers_are_errors_in_the_page(void **state)
{
	(void)state;
	rig_enable();
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
			rig_setup(NULL);
			if (from == 0 || from == 3)
				assert_int_equal(wrm(MSR_BASE, (BASE & ~0x800ULL) | modes[from]),
						 0);
			assert_int_equal(wrm(MSR_BASE, (BASE & ~0x800ULL) | modes[to]),
					 allowed[from][to] ? 0 : -EPERM);
			assert_int_equal(rdm(MSR_BASE) & 0xc00,
					 modes[allowed[from][to] ? to : from]);
		}
	}
	rig_setup(NULL);
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
	rig_enable();
	wr(0x80, 0x10);
	rig_serve(0x70, true);
	vlapic_post(&rig_lapic, 0x71, false);
	wr(0x380, 1000);
	assert_int_equal(wrm(MSR_BASE, BASE & ~0x800ULL), 0);
	assert_int_equal(vlapic_pending(&rig_lapic), -1);
	assert_false(vlapic_matches(&rig_lapic, false, 5, false));
	vlapic_post(&rig_lapic, 0x72, false);
	assert_int_equal(wrm(MSR_BASE, BASE), 0);
	assert_int_equal(rd(0xf0), 0xff);
	assert_int_equal(rd(0x80), 0);
	assert_int_equal(rd(0x130), 0);
	assert_int_equal(rd(0x230), 0);
	assert_int_equal(rd(0x380), 0);
	assert_false(rig_is_requested());
}

/* Going to x2APIC mode keeps what is pending, enabled and in service. */
static void x2apic_mode_keeps_the_state(void **state)
{
	(void)state;
	rig_enable();
	wr(0x80, 0x20);
	wr(0xd0, 0x12000000);
	wr(0x310, 0x42000000);
	rig_serve(0x70, false);
	vlapic_post(&rig_lapic, 0x91, false);
	rig_enter_x2apic();
	assert_int_equal(rdm(0x80f), 0x1ff);
	assert_int_equal(rdm(0x808), 0x20);
	assert_int_equal(rdm(0x813), 1 << 16);
	assert_int_equal(rdm(0x824), 1 << 17);
	assert_int_equal(rdm(MSR_ICR), 0);
	assert_int_equal(vlapic_pending(&rig_lapic), 0x91);
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

		assert_int_equal(vlapic_msr_read(&rig_lapic, msr, &value, rig_now), -EPERM);
		assert_int_equal(wrm(msr, 0), -EPERM);
		rig_enter_x2apic();
		for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
			if (table[i].msr != msr)
				continue;
			reads = table[i].reads;
			writes = table[i].writes;
			bits = table[i].bits;
			ignored = table[i].ignored;
		}
		assert_int_equal(vlapic_msr_read(&rig_lapic, msr, &value, rig_now),
				 reads ? 0 : -EPERM);
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
		rig_setup(NULL);
	}
	assert_int_equal(vlapic_msr_read(&rig_lapic, 0x900, &value, rig_now), -EPERM);
	assert_int_equal(wrm(0x7ff, 0), -EPERM);
}

/* EOI, ICR and TPR by Hyper-V's MSRs, as in the page or by x2APIC's. */
static void hyperv_msrs_are_there_in_both_modes(void **state)
{
	uint64_t value;

	(void)state;
	for (int x2apic = 0; x2apic < 2; x2apic++) {
		rig_setup(NULL);
		rig_enable();
		if (x2apic)
			rig_enter_x2apic();
		assert_int_equal(wrm(0x40000072, 0xabc00000020), 0);
		assert_int_equal(rdm(0x40000072), 0x20);
		assert_int_equal(vlapic_read_cr8(&rig_lapic), 2);
		rig_serve(0x70, true);
		assert_int_equal(wrm(0x40000070, 1), 0);
		assert_int_equal(rig_action.kind, VLAPIC_EOI);
		assert_int_equal(rig_action.vector, 0x70);
		assert_int_equal(vlapic_msr_read(&rig_lapic, 0x40000070, &value, rig_now), -EPERM);
		assert_int_equal(wrm(0x40000071, 0x0700000000004041), 0);
		assert_int_equal(rig_action.kind, VLAPIC_IPI);
		assert_int_equal(rig_action.vector, 0x41);
		assert_int_equal(rig_action.destination, x2apic ? 0x07000000 : 7);
		assert_int_equal(rig_action.x2apic, x2apic);
		assert_int_equal(rdm(0x40000071), 0x0700000000004041);
		if (!x2apic)
			assert_int_equal(rd(0x310), 0x07000000);
		assert_int_equal(wrm(0x4000006f, 0), -EPERM);
		assert_int_equal(wrm(0x40000073, 0), -EPERM);
		assert_int_equal(wrm(MSR_BASE, BASE & ~0x800ULL), 0);
		assert_int_equal(wrm(0x40000072, 0), -EPERM);
	}
}

static void x2apic_ids(void **state)
{
	(void)state;
	vlapic_reset(&rig_lapic, 0x123, false, HZ, false);
	assert_int_equal(wrm(MSR_BASE, (BASE & ~0x100ULL) | X2), 0);
	assert_int_equal(rdm(0x802), 0x123);
	assert_int_equal(rdm(0x80d), 0x12U << 16 | 1U << 3);
	assert_true(vlapic_matches(&rig_lapic, false, 0x123, true));
	assert_false(vlapic_matches(&rig_lapic, false, 0x23, true));
	assert_false(vlapic_matches(&rig_lapic, false, 0xff, true));
	assert_true(vlapic_matches(&rig_lapic, false, 0xffffffff, true));
	assert_true(vlapic_matches(&rig_lapic, true, 0xffffffff, true));
	assert_true(vlapic_matches(&rig_lapic, false, 0xff, false));
	assert_true(vlapic_matches(&rig_lapic, true, 0x120008, true));
	assert_true(vlapic_matches(&rig_lapic, true, 0x12ffff, true));
	assert_false(vlapic_matches(&rig_lapic, true, 0x12fff7, true));
	assert_false(vlapic_matches(&rig_lapic, true, 0x130008, true));
}

static void xapic_destinations(void **state)
{
	(void)state;
	rig_enable();
	assert_true(vlapic_matches(&rig_lapic, false, 5, false));
	assert_false(vlapic_matches(&rig_lapic, false, 4, false));
	assert_true(vlapic_matches(&rig_lapic, false, 0xff, false));
	/* Flat. */
	wr(0xd0, 0x20000000);
	assert_true(vlapic_matches(&rig_lapic, true, 0x20, false));
	assert_true(vlapic_matches(&rig_lapic, true, 0x30, false));
	assert_false(vlapic_matches(&rig_lapic, true, 0xdf, false));
	assert_false(vlapic_matches(&rig_lapic, true, 0, false));
	/* Clusters: 0x21 is CPU 0 of cluster 2. */
	wr(0xd0, 0x21000000);
	wr(0xe0, 0);
	assert_true(vlapic_matches(&rig_lapic, true, 0x21, false));
	assert_true(vlapic_matches(&rig_lapic, true, 0x2f, false));
	assert_false(vlapic_matches(&rig_lapic, true, 0x22, false));
	assert_false(vlapic_matches(&rig_lapic, true, 0x11, false));
	assert_true(vlapic_matches(&rig_lapic, true, 0xf1, false));
	assert_false(vlapic_matches(&rig_lapic, true, 0xf2, false));
	assert_true(vlapic_matches(&rig_lapic, true, 0xff, false));
	/* A model that there is not. */
	wr(0xe0, 0x40000000);
	assert_false(vlapic_matches(&rig_lapic, true, 0x21, false));
	/* 32-bit destinations. */
	assert_true(vlapic_matches(&rig_lapic, false, 5, true));
	assert_false(vlapic_matches(&rig_lapic, false, 0x105, true));
	assert_false(vlapic_matches(&rig_lapic, true, 0x121, true));
}

static void what_was_saved_can_be_loaded(void **state)
{
	uint32_t page[VLAPIC_PAGE_WORDS], again[VLAPIC_PAGE_WORDS];

	(void)state;
	rig_enable();
	wr(0x80, 0x20);
	wr(0xd0, 0x02000000);
	wr(0x350, 0x700);
	wr(0x320, 0x20040);
	wr(0x3e0, 0xb);
	wr(0x380, 100000);
	rig_now += 100000; /* 40000 clocks */
	rig_serve(0x60, true);
	vlapic_post(&rig_lapic, 0x71, true);
	vlapic_save(&rig_lapic, page, rig_now);
	assert_int_equal(page[0x20 / 4], 5U << 24);
	assert_int_equal(page[0x390 / 4], 60000);
	vlapic_reset(&rig_lapic, 1, true, HZ, false);
	rig_now += 1ULL << 40; /* another day, the same count */
	vlapic_load(&rig_lapic, page, rig_now);
	vlapic_save(&rig_lapic, again, rig_now);
	assert_memory_equal(page, again, sizeof(page));
	assert_int_equal(vlapic_deadline(&rig_lapic), rig_now + 150000);
	assert_int_equal(vlapic_take(&rig_lapic), 0x71);
	wr(0xb0, 0);
	assert_int_equal(rig_action.kind, VLAPIC_EOI);
	assert_int_equal(rig_action.vector, 0x71);
	wr(0xb0, 0);
	assert_int_equal(rig_action.vector, 0x60);
}

static void anything_can_be_loaded(void **state)
{
	uint32_t page[VLAPIC_PAGE_WORDS];

	(void)state;
	for (unsigned i = 0; i < VLAPIC_PAGE_WORDS; i++)
		page[i] = UINT32_MAX;
	vlapic_load(&rig_lapic, page, rig_now);
	/* Bits that are none are not taken, and no vector below 16 is there. */
	assert_int_equal(rd(0xf0), 0x3ff);
	assert_int_equal(rd(0x200), 0xffff0000);
	assert_int_equal(rd(0x350), 0x1a7ff);
	/* An APIC that is off takes no interrupts, whatever SVR was. */
	assert_int_equal(vlapic_set_base(&rig_lapic, VLAPIC_DEFAULT_BASE), 0);
	vlapic_load(&rig_lapic, page, rig_now);
	vlapic_post(&rig_lapic, 0x99, false);
	assert_int_equal(vlapic_set_base(&rig_lapic, BASE | X2), 0);
	assert_int_equal(vlapic_set_base(&rig_lapic, BASE), 0);
	assert_int_equal(rd(0xf0), 0xff);
	assert_int_equal(vlapic_set_base(&rig_lapic, VLAPIC_DEFAULT_BASE | X2), -EPERM);
	assert_int_equal(vlapic_set_base(&rig_lapic, BASE + 0x1000), -EPERM);
	assert_int_equal(rdm(MSR_BASE), BASE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, rig_setup)
	const struct CMUnitTest tests[] = {
		TEST(power_up_is_as_the_manual_says),
		TEST(init_keeps_mode_and_id),
		TEST(page_registers_keep_their_bits),
		TEST(page_is_there_only_in_xapic_mode),
		TEST(illegal_registers_are_errors_in_the_page),
		TEST(base_register_changes_as_allowed),
		TEST(switching_off_forgets_all),
		TEST(x2apic_mode_keeps_the_state),
		TEST(x2apic_registers_refuse_what_is_reserved),
		TEST(hyperv_msrs_are_there_in_both_modes),
		TEST(x2apic_ids),
		TEST(xapic_destinations),
		TEST(what_was_saved_can_be_loaded),
		TEST(anything_can_be_loaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
