/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The trace rings, also while they are written, and the VMs' counters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "stub.h"
#include "vm/trace.h"
#include "x86/pcpu.h"

static struct mullion_trace_record rings[4][TRACE_RECORDS];
static struct vm vms[2];
static struct vcpu vcpus[4];

static void add(unsigned pcpu, enum exit_kind kind, uint64_t rip)
{
	struct vcpu_exit exit = {.kind = kind, .code = 0xabc78, .info = ~rip, .rip = rip};

	trace_exit(trace_of(pcpu), &vcpus[pcpu], &exit);
}

static void set_up_cpu(unsigned pcpu)
{
	vms[1].number = 1;
	vcpus[pcpu] = (struct vcpu){.vm = &vms[1], .number = pcpu};
	trace_init(pcpu, rings[pcpu]);
}

static void records_are_of_the_exit(void **state)
{
	struct mullion_trace_record r[4];
	struct vcpu_exit exit = {.kind = EXIT_MSR, .info = 0x8000000000000830, .code = 0x7c};
	uint64_t from = 0;

	(void)state;
	vcpus[0] = (struct vcpu){.vm = &vms[1], .number = 0};
	trace_exit(trace_of(0), &vcpus[0], &exit); /* no ring: nowhere to go */
	assert_int_equal(trace_read(0, &from, r, 4), 0);
	set_up_cpu(0);
	trace_exit(trace_of(0), &vcpus[0], &exit);
	exit = (struct vcpu_exit){.kind = EXIT_IO, .info = 0x80000000000003f8, .rip = 0x1234};
	trace_exit(trace_of(0), &vcpus[0], &exit);
	exit = (struct vcpu_exit){.kind = EXIT_MEMORY, .info = 0xfee000b0};
	trace_exit(trace_of(0), &vcpus[0], &exit);
	add(0, EXIT_HALT, 5);
	assert_int_equal(trace_read(0, &from, r, 4), 4);
	assert_int_equal(from, 4);
	assert_int_equal(r[0].kind, MULLION_TRACE_MSR);
	assert_int_equal(r[0].info, 0x8000000000000830);
	assert_int_equal(r[0].code, 0x7c);
	assert_int_equal(r[0].vcpu, 0x10);
	assert_int_equal(r[1].info, 0x80000000000003f8);
	assert_int_equal(r[1].rip, 0x1234);
	assert_int_equal(r[1].sequence, 1);
	assert_int_equal(r[2].info, 0xfee000b0);
	assert_int_equal(r[3].info, ~5ULL);
	assert_int_equal(r[3].code, 0xbc78);
	assert_true(r[0].tsc <= r[3].tsc);
	assert_int_equal(trace_read(0, &from, r, 4), 0);
	assert_int_equal(from, 4);
	assert_int_equal(trace_count(0, MULLION_TRACE_MSR), 1);
	assert_int_equal(trace_count(0, MULLION_TRACE_CPUID), 0);
}

static void the_latest_are_kept(void **state)
{
	struct mullion_trace_record r[TRACE_RECORDS + 1];
	uint64_t from = 0;

	(void)state;
	set_up_cpu(1);
	for (uint64_t i = 0; i < 5000; i++)
		add(1, EXIT_CPUID, i);
	/* One less than there is room for: the oldest slot may be the next to be written. */
	assert_int_equal(trace_read(1, &from, r, ARRAY_LENGTH(r)), TRACE_RECORDS - 1);
	assert_int_equal(from, 5000);
	for (uint64_t i = 0; i < TRACE_RECORDS - 1; i++) {
		assert_int_equal(r[i].rip, 5000 - TRACE_RECORDS + 1 + i);
		assert_int_equal(r[i].sequence, r[i].rip);
	}
	from = 4990;
	assert_int_equal(trace_read(1, &from, r, 3), 3);
	assert_int_equal(r[0].rip, 4990);
	assert_int_equal(from, 4993);
	from = 7000; /* has not happened yet */
	assert_int_equal(trace_read(1, &from, r, 3), 0);
	assert_int_equal(from, 7000);
	from = UINT64_MAX;
	assert_int_equal(trace_read(1, &from, r, 3), 0);
	assert_int_equal(trace_read(1, &from, r, 0), 0);
	assert_int_equal(trace_count(1, MULLION_TRACE_CPUID), 5000);
}

static unsigned stop;

static void *write_on(void *unused)
{
	(void)unused;
	for (uint64_t i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++)
		add(2, (enum exit_kind)(EXIT_HALT + i % 4), i);
	return NULL;
}

/* What is read while the CPU goes on is whole, in order, and never older than it says. */
static void no_record_is_torn(void **state)
{
	struct mullion_trace_record r[TRACE_RECORDS]; /* so many that it is overtaken */
	uint64_t from = 0, last = 0, seen = 0;
	pthread_t writer;

	(void)state;
	set_up_cpu(2);
	assert_int_equal(pthread_create(&writer, NULL, write_on, NULL), 0);
	while (seen < 1000000) {
		size_t count = trace_read(2, &from, r, ARRAY_LENGTH(r));

		for (size_t i = 0; i < count; i++) {
			assert_int_equal(r[i].info, ~r[i].rip);
			assert_int_equal(r[i].sequence, (uint32_t)r[i].rip);
			assert_int_equal(r[i].kind, EXIT_HALT + r[i].rip % 4);
			assert_true(r[i].rip >= last);
			last = r[i].rip + 1;
		}
		if (count)
			assert_int_equal(from, last);
		seen += count;
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(writer, NULL);
}

static void a_dump_is_readable_and_ends(void **state)
{
	unsigned lines = 0;

	(void)state;
	set_up_cpu(3);
	for (uint64_t i = 0; i < 100; i++)
		add(3, EXIT_HYPERCALL, 0xffffffff81000000 + i);
	stub_log_lines = 0;
	for (; trace_dump_line(); lines++)
		assert_int_equal(stub_log_lines, lines + 1);
	assert_int_equal(stub_log_lines, lines);
	assert_in_range(stub_log_lines, 4 * 3, 4 * (32 + 1 + EXIT_KINDS));
	assert_non_null(
		strstr(stub_log_text, "VM 1 vCPU 3 hypercall 0xbc78 rip 0xffffffff81000063"));
}

static void counters_are_the_vms_own(void **state)
{
	(void)state;
	counter_add(&vms[0], COUNTER_EXITS, 3);
	counter_add(&vms[1], COUNTER_EXITS, 4);
	counter_add(&vms[1], COUNTER_RESTARTS, 1);
	counter_add(&vms[1], COUNTER_EXITS, 1ULL << 40);
	assert_int_equal(counter_read(&vms[0], COUNTER_EXITS), 3);
	assert_int_equal(counter_read(&vms[1], COUNTER_EXITS), 4 + (1ULL << 40));
	assert_int_equal(counter_read(&vms[0], COUNTER_RESTARTS), 0);
	for (unsigned i = 0; i < COUNTER_COUNT; i++) {
		assert_non_null(counter_name(i));
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(counter_name(i), counter_name(j));
	}
	assert_null(counter_name(COUNTER_COUNT));
	assert_null(counter_name((enum counter) - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_of_the_exit),
		cmocka_unit_test(the_latest_are_kept),
		cmocka_unit_test(no_record_is_torn),
		cmocka_unit_test(a_dump_is_readable_and_ends),
		cmocka_unit_test(counters_are_the_vms_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
