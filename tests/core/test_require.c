/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each requirement of the core's, missing alone; emulators cannot show all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/errno.h"
#include "lib/types.h"
#include "x86/require.h"

/* A CPU that has everything. */
static const struct cpu_facts good = {
	.leaf1_ecx = 1U << 26,			  /* XSAVE */
	.leaf1_edx = 1U << 4 | 1U << 9,		  /* TSC, APIC */
	.leaf7_ebx = 1U << 7 | 1U << 20,	  /* SMEP, SMAP */
	.leaf_80000001_ecx = 1U << 2,		  /* SVM */
	.leaf_80000001_edx = 1U << 20 | 1U << 29, /* NX, long mode */
	.leaf_8000000a_edx = 1U << 0,		  /* NPT */
	.xcr0_mask = 7,
};

static void expect(const struct cpu_facts *facts, enum reason expected)
{
	enum reason reason;
	unsigned warnings;

	assert_int_equal(cpu_check(facts, &reason, &warnings), -ENOTSUP);
	assert_int_equal(reason, expected);
}

static void a_cpu_with_everything_is_taken(void **state)
{
	enum reason reason;
	unsigned warnings = 99;

	(void)state;
	assert_int_equal(cpu_check(&good, &reason, &warnings), 0);
	assert_int_equal(warnings, 0);
}

static void what_is_missing_is_named(void **state)
{
	static const struct {
		size_t field;
		uint32_t bit;
		enum reason reason;
	} missing[] = {
		{offsetof(struct cpu_facts, leaf_80000001_edx), 29, REASON_CPU_NOT_64BIT},
		{offsetof(struct cpu_facts, leaf_80000001_edx), 20, REASON_CPU_NO_NX},
		{offsetof(struct cpu_facts, leaf_80000001_ecx), 2, REASON_CPU_NO_SVM},
		{offsetof(struct cpu_facts, leaf_8000000a_edx), 0, REASON_CPU_NO_NPT},
		{offsetof(struct cpu_facts, leaf1_ecx), 26, REASON_CPU_NO_XSAVE},
		{offsetof(struct cpu_facts, leaf1_edx), 9, REASON_CPU_NO_APIC},
		{offsetof(struct cpu_facts, leaf1_edx), 4, REASON_CPU_NO_TSC},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(missing); i++) {
		struct cpu_facts facts = good;
		uint32_t *field = (uint32_t *)(void *)((char *)&facts + missing[i].field);

		*field &= ~(1U << missing[i].bit);
		expect(&facts, missing[i].reason);
	}
}

static void svm_disabled_and_locked_by_firmware_is_refused(void **state)
{
	struct cpu_facts facts = good;

	(void)state;
	facts.vm_cr = CPU_VM_CR_SVMDIS | CPU_VM_CR_LOCK;
	expect(&facts, REASON_SVM_DISABLED);
}

static void svm_disabled_without_the_lock_can_be_enabled(void **state)
{
	struct cpu_facts facts = good;
	enum reason reason;
	unsigned warnings;

	(void)state;
	facts.vm_cr = CPU_VM_CR_SVMDIS;
	assert_int_equal(cpu_check(&facts, &reason, &warnings), 0);
	facts.vm_cr = CPU_VM_CR_LOCK; /* locked on */
	assert_int_equal(cpu_check(&facts, &reason, &warnings), 0);
}

static void missing_hardening_is_only_warned_of(void **state)
{
	struct cpu_facts facts = good;
	enum reason reason;
	unsigned warnings = 0;

	(void)state;
	facts.leaf7_ebx &= ~CPU_LEAF7_EBX_SMEP;
	assert_int_equal(cpu_check(&facts, &reason, &warnings), 0);
	assert_int_equal(warnings, CPU_WARN_NO_SMEP);
	facts.leaf7_ebx = 0;
	assert_int_equal(cpu_check(&facts, &reason, &warnings), 0);
	assert_int_equal(warnings, CPU_WARN_NO_SMEP | CPU_WARN_NO_SMAP);
}

static void cpus_that_differ_are_told_apart(void **state)
{
	struct cpu_facts other;

	(void)state;
	assert_true(cpu_same(&good, &good));
	for (size_t byte = 0; byte < offsetof(struct cpu_facts, vm_cr); byte++) {
		bool padding = byte >= offsetof(struct cpu_facts, leaf_8000000a_edx) + 4 &&
			       byte < offsetof(struct cpu_facts, xcr0_mask);

		other = good;
		((unsigned char *)&other)[byte] ^= 1;
		assert_int_equal(cpu_same(&good, &other), padding);
	}
	other = good;
	other.vm_cr = CPU_VM_CR_LOCK | CPU_VM_CR_SVMDIS;
	assert_false(cpu_same(&good, &other));
}

static void what_the_core_switched_on_is_no_difference(void **state)
{
	struct cpu_facts other = good;

	(void)state;
	other.leaf1_ecx |= 1U << 27; /* OSXSAVE */
	other.leaf7_ecx |= 1U << 4;  /* OSPKE */
	assert_true(cpu_same(&good, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cpu_with_everything_is_taken),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(svm_disabled_and_locked_by_firmware_is_refused),
		cmocka_unit_test(svm_disabled_without_the_lock_can_be_enabled),
		cmocka_unit_test(missing_hardening_is_only_warned_of),
		cmocka_unit_test(cpus_that_differ_are_told_apart),
		cmocka_unit_test(what_the_core_switched_on_is_no_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
