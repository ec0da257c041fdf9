/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What VMRUN refuses (AMD APM vol. 2, 15.5.1), one mistake at a time in a state that is right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "svm/svm.h"

#define LONG_MODE (1ULL << 8 | 1ULL << 10)
#define SVME	  (1ULL << 12)

static struct vmcb vmcb;

/* A vCPU in 64-bit mode. */
static int set_up(void **state)
{
	(void)state;
	vmcb = (struct vmcb){
		.intercept_misc2 = INTERCEPT_VMRUN,
		.iopm = 0x1000,
		.msrpm = 0x4000,
		.asid = 1,
		.nested_control = 1,
		.nested_cr3 = 0x6000,
		.efer = SVME | LONG_MODE,
		.cr0 = 0x80000011,
		.cr4 = 0x20,
		.cs = {.attributes = 0xa9b},
	};
	return 0;
}

static void test_a_right_state_is_accepted(void **state)
{
	(void)state;
	assert_null(svm_check_vmcb(&vmcb));
	/* Real mode, as after a start-up IPI. */
	vmcb.efer = SVME;
	vmcb.cr0 = 0x10;
	vmcb.cr4 = 0;
	vmcb.cs.attributes = 0x9b;
	assert_null(svm_check_vmcb(&vmcb));
	vmcb.event_injection = VMCB_EVENT_VALID | VMCB_EVENT_EXCEPTION | 13;
	assert_null(svm_check_vmcb(&vmcb));
	vmcb.event_injection = VMCB_EVENT_VALID | VMCB_EVENT_INTERRUPT | 0xff;
	assert_null(svm_check_vmcb(&vmcb));
}

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		set_up(NULL);                                                                      \
		change;                                                                            \
		assert_non_null(svm_check_vmcb(&vmcb));                                            \
	} while (0)

static void test_each_mistake_is_refused(void **state)
{
	(void)state;
	REFUSED(vmcb.efer &= ~SVME);
	REFUSED(vmcb.cr0 |= 0x20000000);
	REFUSED(vmcb.cr0 |= 1ULL << 32);
	REFUSED(vmcb.cr4 = 0);
	REFUSED(vmcb.cr0 &= ~1ULL);
	REFUSED(vmcb.cs.attributes |= 0x400);
	REFUSED(vmcb.intercept_misc2 = 0);
	REFUSED(vmcb.asid = 0);
	REFUSED(vmcb.dr6 = 1ULL << 32);
	REFUSED(vmcb.dr7 = 1ULL << 32);
	REFUSED(vmcb.event_injection = VMCB_EVENT_VALID | 1ULL << 8);
	REFUSED(vmcb.event_injection = VMCB_EVENT_VALID | 5ULL << 8);
	REFUSED(vmcb.event_injection = VMCB_EVENT_VALID | VMCB_EVENT_EXCEPTION | 2);
	REFUSED(vmcb.event_injection = VMCB_EVENT_VALID | VMCB_EVENT_EXCEPTION | 32);
	REFUSED(vmcb.iopm = 0x1800);
	REFUSED(vmcb.msrpm = 0x4001);
	REFUSED(vmcb.nested_cr3 = 0x6010);
	REFUSED(vmcb.nested_control = 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_right_state_is_accepted, set_up),
		cmocka_unit_test(test_each_mistake_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
