/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the KVM module does for guests that know Hyper-V: leaves, who may use which MSR, reference
 * time, hypercalls.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kvm-enlighten.h"
#include "kvm-msr-table.h"
#include "kvm-segment.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#define RAX 0
#define RCX 1
#define RDX 2

/* ---- CPUID and MSRs ---- */

/* QEMU asks for these bits: hv_relaxed, hv_vapic, hv_time, hv_vpindex, hv_frequencies. */
static void leaves_are_what_qemu_asks_for(void **state)
{
	struct kvm_cpuid_entry2 entries[16];
	size_t count = mkvm_enlighten_leaves(entries, LENGTH(entries)), n;

	(void)state;
	assert_int_equal(count, 6);
	for (n = 0; n < count; n++) {
		assert_int_equal(entries[n].function, 0x40000000 + n);
		assert_int_equal(entries[n].index | entries[n].flags, 0);
	}
	assert_int_equal(entries[0].eax, 0x40000005);
	assert_memory_equal(&entries[0].ebx, "Microsoft Hv", 12);
	assert_memory_equal(&entries[1].eax, "Hv#1", 4);
	assert_int_equal(entries[3].eax, 0xa72);
	assert_int_equal(entries[3].edx, 0x100);
	assert_int_equal(entries[4].eax, 0x28);
}

static void leaves_that_do_not_fit_are_counted(void **state)
{
	struct kvm_cpuid_entry2 entries[7];
	size_t n;

	(void)state;
	for (n = 0; n < 6; n++) {
		memset(entries, 0x55, sizeof(entries));
		assert_int_equal(mkvm_enlighten_leaves(entries, n), 6);
		assert_int_equal(entries[n].function, 0x55555555);
	}
}

static void access_is_what_cpuid_offers(void **state)
{
	struct kvm_cpuid_entry2 entries[] = {{.function = 1, .eax = ~0U},
					     {.function = 0x40000003, .eax = 0x22},
					     {.function = 0x40000001, .eax = 0x31237648}};

	(void)state;
	assert_int_equal(mkvm_enlighten_access(entries, 3), 0x22);
	assert_int_equal(mkvm_enlighten_access(entries, 2), 0);
	entries[2].eax = 0x0100000b; /* KVM's leaf */
	assert_int_equal(mkvm_enlighten_access(entries, 3), 0);
	assert_int_equal(mkvm_enlighten_access(NULL, 0), 0);
}

/* TLFS, "Partition Privilege Flags". */
static void msrs_belong_to_their_privilege(void **state)
{
	static const struct {
		uint32_t msr, bit;
	} wanted[] = {{0x40000000, 5},	{0x40000001, 5},  {0x40000002, 6},  {0x40000020, 1},
		      {0x40000021, 9},	{0x40000022, 11}, {0x40000023, 11}, {0x40000073, 4},
		      {0x40000003, 32}, {0x40000010, 32}, {0x4000001f, 32}, {0x40000070, 32},
		      {0x40000072, 32}, {0x40000080, 32}, {0x40000100, 32}, {0x40000106, 32}};
	size_t n;

	(void)state;
	for (n = 0; n < LENGTH(wanted); n++) {
		const struct mkvm_msr *line = mkvm_msr_find(wanted[n].msr);

		assert_int_equal(line->policy, wanted[n].bit < 32 ? MKVM_MSR_HV : MKVM_MSR_CORE);
		if (wanted[n].bit < 32)
			assert_int_equal(line->value, 1U << wanted[n].bit);
	}
}

/* ---- reference time ---- */

static const uint32_t khz[] = {10001,	100000,	 999999,  1000000, 1000001,
			       1999999, 2000001, 2394374, 4700000, 4294967295};

static void reference_time_is_in_100_ns(void **state)
{
	size_t n;

	(void)state;
	for (n = 0; n < LENGTH(khz); n++) {
		struct mkvm_enlighten_page page;
		uint64_t second = (uint64_t)khz[n] * 1000, got;

		mkvm_enlighten_set(&page, mkvm_scale(khz[n]), 0, 0);
		got = mkvm_enlighten_time(&page, second * 3600);
		assert_in_range(got, 35999999900, 36000000000);
		assert_int_equal(page.zero, 0);
	}
}

/* The page and KVM's clock, which is what is saved and restored, do not part in a year. */
static void reference_time_is_kvms_clock(void **state)
{
	size_t n;
	int day;

	(void)state;
	for (n = 0; n < LENGTH(khz); n++) {
		struct mkvm_scale scale = mkvm_scale(khz[n]);
		uint64_t ticks = (uint64_t)khz[n] * 86400000, start = 0x123456789abcdef;
		struct mkvm_enlighten_page page;

		mkvm_enlighten_set(&page, scale, start, 5000000000);
		assert_int_equal(mkvm_enlighten_time(&page, start), 50000000);
		for (day = 1; day <= 365; day += 26) {
			uint64_t clock = 5000000000 + mkvm_scale_ns(scale, day * ticks),
				 time = mkvm_enlighten_time(&page, start + day * ticks);

			assert_in_range(time, clock / 100 - 4, clock / 100 + 4);
		}
	}
}

static void reference_time_does_not_go_back(void **state)
{
	struct mkvm_enlighten_page page;
	uint64_t tsc, before = 0;

	(void)state;
	/* Set anew at each step, to what the clock is then: another TSC, the same time. */
	for (tsc = 1; tsc < 1ULL << 60; tsc *= 3) {
		struct mkvm_scale scale = mkvm_scale(2394374);
		uint64_t ns = mkvm_scale_ns(scale, tsc), time;

		mkvm_enlighten_set(&page, scale, tsc - (1ULL << 62), ns);
		time = mkvm_enlighten_time(&page, tsc - (1ULL << 62));
		assert_true(time >= before);
		assert_int_equal(time, ns / 100);
		before = time;
	}
}

static void sequences_say_that_the_page_is_good(void **state)
{
	(void)state;
	assert_int_equal(mkvm_enlighten_next(0), 1);
	assert_int_equal(mkvm_enlighten_next(1), 2);
	assert_int_equal(mkvm_enlighten_next(0xfffffffd), 0xfffffffe);
	assert_int_equal(mkvm_enlighten_next(0xfffffffe), 1);
	assert_int_equal(mkvm_enlighten_next(0xffffffff), 1);
}

/* ---- hypercalls ---- */

#define CODE_64 (1U << 9)  /* L */
#define CODE_32 (1U << 10) /* D */

static struct mullion_vcpu_page caller(uint16_t attributes)
{
	struct mullion_vcpu_page page = {
		.rip = 0x1000, .rflags = 2, .length = 3, .cr0 = 1, .efer = 1U << 10};
	size_t n;

	page.segments[MULLION_CS].attributes = attributes;
	for (n = 0; n < 16; n++)
		page.registers[n] = 0xaaaaaaaa00000000 + n;
	return page;
}

static void hypercalls_answer_by_the_mode(void **state)
{
	struct mullion_vcpu_page page = caller(CODE_64);

	(void)state;
	page.registers[RCX] = 0x5c; /* a message */
	mkvm_enlighten_answer(&page);
	assert_int_equal(page.registers[RAX], 2); /* no such code */
	assert_int_equal(page.registers[RDX], 0xaaaaaaaa00000002);
	assert_int_equal(page.rip, 0x1003);
	page.registers[RCX] = 0xffff0008; /* the code is 16 bits of it */
	mkvm_enlighten_answer(&page);
	assert_int_equal(page.registers[RAX], 0);

	page = caller(CODE_32);
	page.registers[RAX] = 0x10008;
	mkvm_enlighten_answer(&page);
	assert_int_equal(page.registers[RAX] | page.registers[RDX], 0);
	page.registers[RCX] = 8; /* not in this mode */
	page.registers[RAX] = 1;
	mkvm_enlighten_answer(&page);
	assert_int_equal(page.registers[RAX], 2);
	assert_int_equal(page.registers[RDX], 0);
	assert_false(page.event & MULLION_EVENT_VALID);
}

static void hypercalls_are_the_kernels(void **state)
{
	struct mullion_vcpu_page page = caller(CODE_64);

	(void)state;
	page.cpl = 3;
	mkvm_enlighten_answer(&page);
	assert_int_equal(page.event, MULLION_EVENT_VALID | MULLION_EVENT_EXCEPTION | KVM_VECTOR_UD);
	assert_int_equal(page.rip, 0x1000);
	assert_int_equal(page.registers[RAX], 0xaaaaaaaa00000000);
	page = caller(0);
	page.cr0 = page.efer = 0;
	mkvm_enlighten_answer(&page);
	assert_int_equal(page.event & 0xff, KVM_VECTOR_UD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_are_what_qemu_asks_for),
		cmocka_unit_test(leaves_that_do_not_fit_are_counted),
		cmocka_unit_test(access_is_what_cpuid_offers),
		cmocka_unit_test(msrs_belong_to_their_privilege),
		cmocka_unit_test(reference_time_is_in_100_ns),
		cmocka_unit_test(reference_time_is_kvms_clock),
		cmocka_unit_test(reference_time_does_not_go_back),
		cmocka_unit_test(sequences_say_that_the_page_is_good),
		cmocka_unit_test(hypercalls_answer_by_the_mode),
		cmocka_unit_test(hypercalls_are_the_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
