/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a VM may ask of the core, what it gets, and what it is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake-vm.h"
#include "memory/frame.h"
#include "stub.h"
#include "vm/trace.h"
#include "x86/cpu.h"

#define RAM_END				       (FAKE_RAM + FAKE_RAM_SIZE)
#define call(vm, ...)			       call_with(vm, MULLION_CALL_##__VA_ARGS__, 0, 0, 0, 0)
#define call_with(vm, number, a, b, c, d, ...) fake_call(vm, number, a, b, c, d)

static uint64_t bad_calls(unsigned vm)
{
	return fake_vms[vm].vm.counters[COUNTER_BAD_HYPERCALLS];
}

static void put(unsigned vm, const char *text)
{
	strcpy(fake_ram(vm, FAKE_RAM), text);
}

/* Writes all of the text to the VM's console; how many calls that took. */
static unsigned write_all(unsigned vm, const char *text)
{
	size_t done = 0, size = strlen(text);
	unsigned calls = 0;

	put(vm, text);
	while (done < size) {
		int64_t n = call(vm, CONSOLE_WRITE, FAKE_RAM + done, size - done);

		assert_in_range(n, 1, size - done);
		done += (size_t)n;
		calls++;
	}
	return calls;
}

static void test_query_describes_the_caller(void **state)
{
	(void)state;
	assert_int_equal(call(FAKE_UI, QUERY, MULLION_QUERY_VERSION), MULLION_ABI_VERSION);
	assert_int_equal(call(FAKE_UI, QUERY, MULLION_QUERY_VM), FAKE_UI);
	assert_int_equal(call(FAKE_UI, QUERY, MULLION_QUERY_KIND), MULLION_VM_UI);
	assert_int_equal(call(FAKE_CONTROL, QUERY, MULLION_QUERY_VM), FAKE_CONTROL);
	assert_int_equal(call(FAKE_CONTROL, QUERY, MULLION_QUERY_KIND), MULLION_VM_CONTROL);
	assert_int_equal(call(FAKE_CONTROL, QUERY, MULLION_QUERY_VMS), VM_MAX);
	assert_int_equal(call(FAKE_CONTROL, QUERY, MULLION_QUERY_PCPUS), FAKE_PCPUS);
	assert_int_equal(call(FAKE_CONTROL, QUERY, MULLION_QUERY_COUNTERS), COUNTER_COUNT);
	/* Not its business, of a later version, or nonsense: zero, so that a driver may ask. */
	assert_int_equal(call(FAKE_UI, QUERY, 8), 0);
	assert_int_equal(call(FAKE_UI, QUERY, UINT64_MAX), 0);
	assert_int_equal(bad_calls(FAKE_UI), 0);
}

static void test_frames_in_use_are_the_control_vms_to_know(void **state)
{
	int64_t before;

	(void)state;
	stub_pool_init(0x100000, 0x100000);
	before = call(FAKE_CONTROL, QUERY, MULLION_QUERY_FRAMES);
	frame_alloc();
	assert_int_equal(call(FAKE_CONTROL, QUERY, MULLION_QUERY_FRAMES), before + 1);
	assert_int_equal(call(FAKE_UI, QUERY, MULLION_QUERY_FRAMES), 0);
	stub_ram_finish();
}

static void test_features_are_what_is_not_refused(void **state)
{
	int64_t ui = call(FAKE_UI, QUERY, MULLION_QUERY_FEATURES);
	int64_t control = call(FAKE_CONTROL, QUERY, MULLION_QUERY_FEATURES);

	(void)state;
	assert_int_equal(ui & (MULLION_FEATURE_CONSOLE_INPUT | MULLION_FEATURE_MANAGE |
			       MULLION_FEATURE_TRACE),
			 0);
	assert_int_equal(call(FAKE_UI, CONSOLE_READ, FAKE_RAM, 1), -EPERM);
	assert_int_equal(call(FAKE_UI, CONSOLE_WRITE, FAKE_RAM, 1, MULLION_CONSOLE_RAW), -EPERM);
	assert_int_equal(call(FAKE_UI, VM_RESET, FAKE_UI), -EPERM);
	assert_int_equal(call(FAKE_UI, TRACE_READ, 0, 0, FAKE_RAM, 1), -EPERM);
	assert_int_equal(call(FAKE_UI, TRACE_DUMP), -EPERM);
	assert_int_equal(bad_calls(FAKE_UI), 5);
	assert_int_equal(fake_trace_dumps, 0);
	assert_int_equal(fake_vms[FAKE_UI].vm.stop, VM_STOP_NONE);
	assert_int_equal(control & ~ui, MULLION_FEATURE_CONSOLE_INPUT | MULLION_FEATURE_MANAGE |
						MULLION_FEATURE_TRACE | MULLION_FEATURE_GUESTS);
	assert_int_equal(ui & ~control, 0);
}

static void test_numbers_that_are_none_are_refused(void **state)
{
	(void)state;
	assert_int_equal(fake_call(FAKE_CONTROL, 0, 0, 0, 0, 0), -ENOSYS);
	assert_int_equal(call(FAKE_CONTROL, FIRST - 1), -ENOSYS);
	assert_int_equal(call(FAKE_CONTROL, FIRST + MULLION_CALL_COUNT), -ENOSYS);
	/* All 64 bits count. */
	assert_int_equal(call(FAKE_CONTROL, QUERY | 1ULL << 32), -ENOSYS);
	assert_int_equal(bad_calls(FAKE_CONTROL), 4);
}

static void test_console_text_becomes_lines(void **state)
{
	size_t lines = stub_log_lines;

	(void)state;
	assert_int_equal(write_all(FAKE_UI, "hel"), 1);
	assert_int_equal(stub_log_lines, lines);
	/* A line a call. */
	assert_int_equal(write_all(FAKE_UI, "lo\r\nagain\n"), 2);
	assert_int_equal(stub_log_lines, lines + 2);
	assert_string_equal(stub_log_text, "[ui] again");
	write_all(FAKE_UI, "\n\n\r\n");
	assert_int_equal(stub_log_lines, lines + 2);
	/* Nothing that a terminal would obey. */
	write_all(FAKE_CONTROL, "\033[2J\a\xff\tx\n");
	assert_string_equal(stub_log_text, "[control] ?[2J??\tx");
}

static void test_console_line_without_end_is_cut(void **state)
{
	size_t lines = stub_log_lines;
	char text[1001];

	(void)state;
	memset(text, 'x', 1000);
	text[1000] = 0;
	assert_in_range(write_all(FAKE_UI, text), 4, 10);
	assert_in_range(stub_log_lines, lines + 4, lines + 10);
	assert_in_range(strlen(stub_log_text), 100, 200);
}

static void test_console_write_stays_in_ram(void **state)
{
	(void)state;
	assert_int_equal(call(FAKE_UI, CONSOLE_WRITE, FAKE_RAM, 0), -EINVAL);
	assert_int_equal(call(FAKE_UI, CONSOLE_WRITE, FAKE_RAM, MULLION_CONSOLE_MAX + 1), -EINVAL);
	assert_int_equal(call(FAKE_UI, CONSOLE_WRITE, FAKE_RAM, 1, 2), -EINVAL);
	assert_int_equal(call(FAKE_UI, CONSOLE_WRITE, UINT64_MAX, 2), -EINVAL);
	assert_int_equal(call(FAKE_UI, CONSOLE_WRITE, RAM_END - 1, 2), -EFAULT);
	assert_int_equal(call(FAKE_UI, CONSOLE_WRITE, FAKE_RAM - 1, 2), -EFAULT);
	assert_int_equal(call(FAKE_UI, CONSOLE_WRITE, RAM_END - 1, 1), 1);
	assert_int_equal(bad_calls(FAKE_UI), 6);
}

static void test_control_vm_has_the_serial_line(void **state)
{
	(void)state;
	put(FAKE_CONTROL, "\033[1m# ");
	assert_int_equal(call(FAKE_CONTROL, CONSOLE_WRITE, FAKE_RAM, 6, MULLION_CONSOLE_RAW), 6);
	assert_string_equal(fake_serial, "\033[1m# ");
	fake_typed = "ls";
	assert_int_equal(call(FAKE_CONTROL, CONSOLE_READ, FAKE_RAM, 1), 1);
	assert_int_equal(call(FAKE_CONTROL, CONSOLE_READ, FAKE_RAM + 1, 100), 1);
	assert_memory_equal(fake_ram(FAKE_CONTROL, FAKE_RAM), "ls", 2);
	assert_int_equal(call(FAKE_CONTROL, CONSOLE_READ, FAKE_RAM, 100), 0);
	assert_int_equal(call(FAKE_CONTROL, CONSOLE_READ, FAKE_RAM, 0), -EINVAL);
	assert_int_equal(call(FAKE_CONTROL, CONSOLE_READ, FAKE_RAM, 5000), -EINVAL);
	fake_typed = "ls";
	assert_int_equal(call(FAKE_CONTROL, CONSOLE_READ, RAM_END, 1), -EFAULT);
}

static void test_watchdog_is_armed_from_now(void **state)
{
	uint64_t *deadline = &fake_vms[FAKE_UI].vm.watchdog_deadline, before = rdtsc();

	(void)state;
	assert_int_equal(call(FAKE_UI, WATCHDOG, MULLION_WATCHDOG_MAX), 0);
	assert_in_range(*deadline, before + MULLION_WATCHDOG_MAX * FAKE_TSC_HZ,
			rdtsc() + MULLION_WATCHDOG_MAX * FAKE_TSC_HZ);
	assert_int_equal(call(FAKE_UI, WATCHDOG, MULLION_WATCHDOG_MAX + 1), -EINVAL);
	assert_int_equal(call(FAKE_UI, WATCHDOG, UINT64_MAX), -EINVAL);
	assert_int_not_equal(*deadline, 0);
	assert_int_equal(call(FAKE_UI, WATCHDOG, 0), 0);
	assert_int_equal(*deadline, 0);
	assert_int_equal(fake_vms[FAKE_CONTROL].vm.watchdog_deadline, 0);
}

static void test_counters_are_read_by_their_vm_and_the_control_vm(void **state)
{
	uint64_t *values = fake_ram(FAKE_UI, FAKE_RAM);
	char name[MULLION_COUNTER_NAME] = "bad-dma";

	(void)state;
	fake_vms[FAKE_UI].vm.counters[COUNTER_BAD_DMA] = 42;
	fake_vms[FAKE_UI].vm.counters[COUNTER_RESTARTS] = 3;
	assert_int_equal(call(FAKE_UI, COUNTER_READ, FAKE_UI, COUNTER_BAD_DMA, 2, FAKE_RAM), 2);
	assert_int_equal(values[0], 42);
	values = fake_ram(FAKE_CONTROL, FAKE_RAM);
	/* More than there are: as many as there are. */
	assert_int_equal(call(FAKE_CONTROL, COUNTER_READ, FAKE_UI, 0, 64, FAKE_RAM), COUNTER_COUNT);
	assert_int_equal(values[COUNTER_RESTARTS], 3);
	assert_int_equal(values[COUNTER_COUNT], 0);
	assert_int_equal(call(FAKE_CONTROL, COUNTER_READ, 0, COUNTER_COUNT, 1, FAKE_RAM), 0);
	assert_int_equal(call(FAKE_CONTROL, COUNTER_READ, 0, UINT64_MAX, 64, FAKE_RAM), 0);
	assert_int_equal(call(FAKE_CONTROL, COUNTER_READ, VM_MAX, 0, 1, FAKE_RAM), -ENOENT);
	assert_int_equal(call(FAKE_CONTROL, COUNTER_READ, 0, 0, 0, FAKE_RAM), -EINVAL);
	assert_int_equal(call(FAKE_CONTROL, COUNTER_READ, 0, 0, 65, FAKE_RAM), -EINVAL);
	assert_int_equal(call(FAKE_CONTROL, COUNTER_READ, 0, 0, 1ULL << 61, FAKE_RAM), -EINVAL);
	assert_int_equal(call(FAKE_CONTROL, COUNTER_READ, 0, 0, 1, FAKE_RAM + 4), -EINVAL);
	assert_int_equal(call(FAKE_CONTROL, COUNTER_READ, 0, 0, 2, RAM_END - 8), -EFAULT);
	/* The UI VM learns nothing of others, not even whether they are. */
	assert_int_equal(call(FAKE_UI, COUNTER_READ, FAKE_CONTROL, 0, 1, FAKE_RAM), -EPERM);
	assert_int_equal(call(FAKE_UI, COUNTER_READ, 77, 0, 1, FAKE_RAM), -EPERM);

	assert_int_equal(call(FAKE_UI, COUNTER_NAME, COUNTER_BAD_DMA, FAKE_RAM), 0);
	assert_memory_equal(fake_ram(FAKE_UI, FAKE_RAM), name, sizeof(name));
	assert_int_equal(call(FAKE_UI, COUNTER_NAME, COUNTER_COUNT, FAKE_RAM), -ENOENT);
	assert_int_equal(call(FAKE_UI, COUNTER_NAME, 0, FAKE_RAM + 1), -EINVAL);
	assert_int_equal(call(FAKE_UI, COUNTER_NAME, 0, RAM_END - 8), -EFAULT);
}

static void test_trace_is_read_in_order(void **state)
{
	struct mullion_trace_record *records = fake_ram(FAKE_CONTROL, FAKE_RAM);

	(void)state;
	assert_int_equal(call(FAKE_CONTROL, TRACE_READ, 1, 0, FAKE_RAM, 100), 20);
	assert_int_equal(records[0].sequence, 100);
	assert_int_equal(records[19].sequence, 119);
	assert_int_equal(call(FAKE_CONTROL, TRACE_READ, 1, 115, FAKE_RAM, 3), 3);
	assert_int_equal(records[2].sequence, 117);
	assert_int_equal(call(FAKE_CONTROL, TRACE_READ, 1, 120, FAKE_RAM, 3), 0);
	assert_int_equal(call(FAKE_CONTROL, TRACE_READ, FAKE_PCPUS, 0, FAKE_RAM, 3), -ENOENT);
	assert_int_equal(call(FAKE_CONTROL, TRACE_READ, 0, 0, FAKE_RAM, 0), -EINVAL);
	assert_int_equal(call(FAKE_CONTROL, TRACE_READ, 0, 0, FAKE_RAM, 257), -EINVAL);
	assert_int_equal(call(FAKE_CONTROL, TRACE_READ, 0, 0, RAM_END, 1), -EFAULT);
	assert_int_equal(call(FAKE_CONTROL, TRACE_DUMP), 0);
	assert_int_equal(fake_trace_dumps, 1);
}

static void test_vm_info_is_for_oneself_and_the_control_vm(void **state)
{
	const struct mullion_vm_info *info = fake_ram(FAKE_CONTROL, FAKE_RAM);

	(void)state;
	fake_vms[FAKE_UI].vm.restarts = 7;
	assert_int_equal(call(FAKE_CONTROL, VM_INFO, FAKE_UI, FAKE_RAM), 0);
	assert_int_equal(info->number, FAKE_UI);
	assert_int_equal(info->kind, MULLION_VM_UI);
	assert_int_equal(info->state, MULLION_VM_RUNNING);
	assert_int_equal(info->vcpus, FAKE_PCPUS);
	assert_int_equal(info->memory, FAKE_RAM_SIZE);
	assert_int_equal(info->restarts, 7);
	assert_string_equal(info->name, "ui");
	assert_int_equal(call(FAKE_UI, VM_INFO, FAKE_UI, FAKE_RAM), 0);
	assert_int_equal(call(FAKE_UI, VM_INFO, FAKE_CONTROL, FAKE_RAM), -EPERM);
	assert_int_equal(call(FAKE_UI, VM_INFO, FAKE_UI, FAKE_RAM + 2), -EINVAL);
	assert_int_equal(call(FAKE_CONTROL, VM_INFO, VM_MAX, FAKE_RAM), -ENOENT);
	assert_int_equal(call(FAKE_CONTROL, VM_INFO, FAKE_UI, RAM_END - 40), -EFAULT);
}

static void test_control_vm_resets_the_ui_vm_only(void **state)
{
	(void)state;
	assert_int_equal(call(FAKE_CONTROL, VM_RESET, FAKE_CONTROL), -EINVAL);
	assert_int_equal(call(FAKE_CONTROL, VM_RESET, VM_MAX), -ENOENT);
	assert_int_equal(fake_vms[FAKE_CONTROL].vm.stop, VM_STOP_NONE);
	assert_int_equal(call(FAKE_CONTROL, VM_RESET, FAKE_UI), 0);
	assert_int_equal(fake_vms[FAKE_UI].vm.stop, VM_STOP_RESET);
}

static void test_doorbell_needs_a_bell_and_a_vm(void **state)
{
	(void)state;
	assert_int_equal(call(FAKE_UI, DOORBELL, FAKE_CONTROL, 0), 0);
	assert_int_equal(call(FAKE_UI, DOORBELL, FAKE_CONTROL, MULLION_BUS_DOORBELLS), -EINVAL);
	assert_int_equal(call(FAKE_UI, DOORBELL, VM_MAX, 0), -ENOENT);
	assert_int_equal(call(FAKE_UI, DOORBELL, UINT64_MAX, 0), -ENOENT);
	assert_int_equal(fake_vms[FAKE_CONTROL].msis, 0); /* not set up */
}

static void test_a_panic_stops_the_caller_once_it_is_confirmed(void **state)
{
	(void)state;
	assert_int_equal(call(FAKE_UI, PANICKED, 0), -EINVAL);
	assert_int_equal(fake_vms[FAKE_UI].vm.stop, VM_STOP_NONE);
	assert_int_equal(call(FAKE_UI, PANICKED, MULLION_PANICKED_CONFIRM), 0);
	assert_int_equal(fake_vms[FAKE_UI].vm.stop, VM_STOP_PANIC);
	assert_int_equal(fake_vms[FAKE_CONTROL].vm.stop, VM_STOP_NONE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_vms_set_up, fake_vms_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_query_describes_the_caller),
		TEST(test_frames_in_use_are_the_control_vms_to_know),
		TEST(test_features_are_what_is_not_refused),
		TEST(test_numbers_that_are_none_are_refused),
		TEST(test_console_text_becomes_lines),
		TEST(test_console_line_without_end_is_cut),
		TEST(test_console_write_stays_in_ram),
		TEST(test_control_vm_has_the_serial_line),
		TEST(test_watchdog_is_armed_from_now),
		TEST(test_counters_are_read_by_their_vm_and_the_control_vm),
		TEST(test_trace_is_read_in_order),
		TEST(test_vm_info_is_for_oneself_and_the_control_vm),
		TEST(test_control_vm_resets_the_ui_vm_only),
		TEST(test_a_panic_stops_the_caller_once_it_is_confirmed),
		TEST(test_doorbell_needs_a_bell_and_a_vm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
