/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The KVM module's tables: CPUID, MSRs, interrupt routes, and the clock's scale.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kvm-features.h"
#include "kvm-msr-table.h"
#include "kvm-route.h"
#include "kvm-scale.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* ---- CPUID ---- */

/* A CPU that has everything there could be. */
static void full_cpu(__u32 leaf, __u32 subleaf, __u32 r[4])
{
	memset(r, 0xff, 4 * sizeof(*r));
	if (leaf == 0)
		r[0] = 0x20;
	else if (leaf == 0x80000000)
		r[0] = 0x80000028;
	else if (leaf == 4 && subleaf == 3)
		memset(r, 0, 4 * sizeof(*r));
	else if (leaf == 0xd && subleaf == 0)
		r[0] = 7, r[3] = 0;
}

static const struct kvm_cpuid_entry2 *find(const struct kvm_cpuid_entry2 *entries, size_t count,
					   __u32 leaf, __u32 subleaf)
{
	size_t n;

	for (n = 0; n < count; n++)
		if (entries[n].function == leaf && entries[n].index == subleaf)
			return &entries[n];
	return NULL;
}

static void features_that_nobody_virtualizes_are_off(void **state)
{
	struct kvm_cpuid_entry2 entries[100];
	size_t count = mkvm_features(entries, 100, full_cpu);
	const struct kvm_cpuid_entry2 *one = find(entries, count, 1, 0),
				      *seven = find(entries, count, 7, 0),
				      *extended = find(entries, count, 0x80000001, 0);

	(void)state;
	assert_true(count < 100 && one && seven && extended);
	assert_false(one->ecx & (1U << 3 | 1U << 5 | 1U << 17));   /* MONITOR, VMX, PCID */
	assert_false(extended->ecx & 1U << 2);			   /* SVM */
	assert_false(seven->ecx & (1U << 3 | 1U << 7 | 1U << 16)); /* PKU, CET, LA57 */
	assert_false(seven->ebx & (1U << 1 | 1U << 11));	   /* TSC_ADJUST, RTM */
	assert_int_equal(find(entries, count, 0, 0)->eax, 0xd);
	assert_int_equal(find(entries, count, 0x80000000, 0)->eax, 0x80000008);
	assert_int_equal(find(entries, count, 0x80000008, 0)->eax & 0xff, 40);
	assert_int_equal(find(entries, count, 0xd, 1)->eax, 7);
	assert_null(find(entries, count, 0xd, 9));
	assert_null(find(entries, count, 0xa, 0)); /* counters */
}

static void features_of_the_core_are_on(void **state)
{
	struct kvm_cpuid_entry2 entries[100];
	size_t count = mkvm_features(entries, 100, full_cpu);
	const struct kvm_cpuid_entry2 *one = find(entries, count, 1, 0),
				      *own = find(entries, count, 0x40000000, 0);

	(void)state;
	assert_true(one->ecx & 1U << 21 && one->ecx & 1U << 31);
	assert_true(one->edx & 1U << 7 && one->edx & 1U << 14);
	assert_int_equal(own->eax, 0x40000001);
	assert_memory_equal(&own->ebx, "KVMKVMKVM\0\0\0", 12);
	assert_int_equal(find(entries, count, 0x40000001, 0)->eax, 0x0100007b);
}

static void features_that_do_not_fit_are_counted(void **state)
{
	struct kvm_cpuid_entry2 entries[101];
	size_t count = mkvm_features(entries, 100, full_cpu), n;

	(void)state;
	for (n = 0; n < count; n++) {
		memset(entries, 0x55, sizeof(entries));
		assert_int_equal(mkvm_features(entries, n, full_cpu), count);
		assert_int_equal(entries[n].function, 0x55555555);
	}
}

/* ---- MSRs ---- */

static void msr_lines_ascend_and_their_values_are_apart(void **state)
{
	size_t count, values, n;
	const struct mkvm_msr *table = mkvm_msr_table(&count, &values);
	char *used = calloc(values, 1);

	(void)state;
	for (n = 0; n < count; n++) {
		uint32_t i;

		assert_true(table[n].first <= table[n].last);
		assert_true(n == 0 || table[n - 1].last < table[n].first);
		assert_ptr_equal(mkvm_msr_find(table[n].first), &table[n]);
		assert_ptr_equal(mkvm_msr_find(table[n].last), &table[n]);
		/* KVM's clock has each MSR twice. */
		if (!table[n].at || table[n].first == 0x11 || table[n].first == 0x12)
			continue;
		for (i = 0; i <= table[n].last - table[n].first; i++) {
			assert_true(table[n].at + i < values);
			assert_int_equal(used[table[n].at + i]++, 0);
		}
	}
	free(used);
}

static void msrs_that_a_program_writes_are_there(void **state)
{
	static const uint32_t wanted[] = {0x10,	 0x11,	0x12,  0x17a,	  0x17b, 0x1a0,
					  0x200, 0x20f, 0x250, 0x258,	  0x268, 0x26f,
					  0x2ff, 0x400, 0x427, 0xc0000080};
	size_t n;

	(void)state;
	for (n = 0; n < LENGTH(wanted); n++)
		assert_int_not_equal(mkvm_msr_find(wanted[n])->policy, MKVM_MSR_CORE);
	assert_int_equal(mkvm_msr_find(0xc0000082)->policy, MKVM_MSR_CORE);
	assert_int_equal(mkvm_msr_find(0xffffffff)->policy, MKVM_MSR_CORE);
}

static void mtrrs_take_what_a_cpu_takes(void **state)
{
	(void)state;
	assert_true(mkvm_msr_mtrr_takes(0x2ff, 0xc06));
	assert_false(mkvm_msr_mtrr_takes(0x2ff, 0x1006));
	assert_false(mkvm_msr_mtrr_takes(0x2ff, 0x02));
	assert_true(mkvm_msr_mtrr_takes(0x250, 0x0606060606060606));
	assert_false(mkvm_msr_mtrr_takes(0x26f, 0x0606030606060606));
	assert_true(mkvm_msr_mtrr_takes(0x200, 0xfe000006));
	assert_false(mkvm_msr_mtrr_takes(0x200, 0xfe000106));
	assert_true(mkvm_msr_mtrr_takes(0x201, 0xffffff000800));
	assert_false(mkvm_msr_mtrr_takes(0x20f, 0xffffff000400));
	assert_false(mkvm_msr_mtrr_takes(0x201, 1ULL << 52));
}

/* ---- routes ---- */

static struct mkvm_route_table *table_of(const struct kvm_irq_routing_entry *entries,
					 uint32_t count, int *error)
{
	int gsis = mkvm_route_count(entries, count);
	struct mkvm_route_table *table;

	*error = -1;
	if (gsis < 0)
		return NULL;
	table = calloc(1, sizeof(*table) + (size_t)gsis * sizeof(table->by_gsi[0]));
	table->count = (uint32_t)gsis;
	*error = mkvm_route_fill(table, 24, entries, count);
	return table;
}

static void routes_of_pins_tell_which_ends_are_wanted(void **state)
{
	struct kvm_irq_routing_entry entries[] = {
		{.gsi = 9, .type = KVM_IRQ_ROUTING_MSI, .u.msi = {.address_lo = 1, .data = 0x8091}},
		{.gsi = 4, .type = KVM_IRQ_ROUTING_MSI, .u.msi = {.address_lo = 2, .data = 0x41}},
		{.gsi = 24,
		 .type = KVM_IRQ_ROUTING_MSI,
		 .u.msi = {.address_lo = 3, .data = 0x8042}},
	};
	struct mkvm_route_table *table;
	int error;

	(void)state;
	table = table_of(entries, 3, &error);
	assert_int_equal(error, 0);
	assert_int_equal(table->count, 25);
	assert_true(table->by_gsi[9].there && table->by_gsi[9].address == 1);
	assert_false(table->by_gsi[8].there);
	assert_true(mkvm_route_wants_eoi(table, 0x91));
	assert_false(mkvm_route_wants_eoi(table, 0x41)); /* an edge */
	assert_false(mkvm_route_wants_eoi(table, 0x42)); /* of no pin */
	free(table);
}

static void routes_that_are_none_are_refused(void **state)
{
	struct kvm_irq_routing_entry entries[] = {{.gsi = 1, .type = KVM_IRQ_ROUTING_MSI},
						  {.gsi = 1, .type = KVM_IRQ_ROUTING_MSI}};
	int error;

	(void)state;
	free(table_of(entries, 2, &error));
	assert_int_equal(error, -1);
	entries[1].gsi = MKVM_ROUTES;
	assert_int_equal(mkvm_route_count(entries, 2), -1);
	entries[1].gsi = MKVM_ROUTES - 1;
	free(table_of(entries, 2, &error));
	assert_int_equal(error, 0);
	entries[1].type = KVM_IRQ_ROUTING_IRQCHIP;
	free(table_of(entries, 2, &error));
	assert_int_equal(error, -1);
	assert_int_equal(mkvm_route_count(NULL, 0), 0);
}

/* ---- the clock ---- */

static void scale_is_exact_for_any_frequency(void **state)
{
	static const uint32_t khz[] = {1,	999999,	 1000000, 1000001, 1999999,
				       2000000, 2000001, 2394374, 4700000, 4294967295};
	size_t n;

	(void)state;
	for (n = 0; n < LENGTH(khz); n++) {
		struct mkvm_scale scale = mkvm_scale(khz[n]);
		uint64_t second = (uint64_t)khz[n] * 1000, got = mkvm_scale_ns(scale, second);

		assert_true(scale.mul >> 31);
		assert_in_range(got, 999999990, 1000000000);
		assert_true(mkvm_scale_ns(scale, second * 3600) <= 3600000000000);
		assert_true(mkvm_scale_ns(scale, second * 3600) >= 3599999990000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(features_that_nobody_virtualizes_are_off),
		cmocka_unit_test(features_of_the_core_are_on),
		cmocka_unit_test(features_that_do_not_fit_are_counted),
		cmocka_unit_test(msr_lines_ascend_and_their_values_are_apart),
		cmocka_unit_test(msrs_that_a_program_writes_are_there),
		cmocka_unit_test(mtrrs_take_what_a_cpu_takes),
		cmocka_unit_test(routes_of_pins_tell_which_ends_are_wanted),
		cmocka_unit_test(routes_that_are_none_are_refused),
		cmocka_unit_test(scale_is_exact_for_any_frequency),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
