/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AMD-Vi's formats to the bit (48882, 2.2 to 2.5), and the event log as hardware and QEMU fill it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/amd.h"

static void assert_dte(const struct amd_device *device, uint64_t a, uint64_t b, uint64_t c)
{
	struct amd_dte entry;

	memset(&entry, 0xff, sizeof(entry));
	amd_encode_dte(device, &entry);
	assert_int_equal(entry.words[0], a);
	assert_int_equal(entry.words[1], b);
	assert_int_equal(entry.words[2], c);
	assert_int_equal(entry.words[3], 0);
}

/* V and TV, mode 0, no rights: not V = 0, with which a device reaches everything. */
static void test_a_blocked_device_reaches_and_raises_nothing(void **state)
{
	(void)state;
	assert_dte(&(struct amd_device){.remap = true}, 3, 0, 1);
	assert_dte(&(struct amd_device){.remap = false}, 3, 0, 0);
}

static void test_an_attached_device_is_translated(void **state)
{
	(void)state;
	/* IR and IW, four levels; 512 interrupts, remapped. */
	assert_dte(&(struct amd_device){.root = hpa(0x123456000),
					.levels = 4,
					.domain = 2,
					.remap = true,
					.interrupts = hpa(0xabcd800)},
		   0x6000000123456803, 2, 0x200000000abcd813);
	/* Without a table, its interrupts are refused. */
	assert_dte(
		&(struct amd_device){
			.root = hpa(0x1000), .levels = 3, .domain = 0xfeff, .remap = true},
		0x6000000000001603, 0xfeff, 1);
	/* All of the address, nothing but the address. */
	assert_dte(&(struct amd_device){.root = hpa(0xfffffffffffff000),
					.levels = 4,
					.domain = 1,
					.remap = true,
					.interrupts = hpa(0xffffffffffffffff)},
		   0x600ffffffffff803, 1, 0x200fffffffffffd3);
}

static void test_an_entry_tells_its_interrupt_table(void **state)
{
	struct amd_dte entry;

	(void)state;
	amd_encode_dte(&(struct amd_device){.remap = true, .interrupts = hpa(0x7ff1880)}, &entry);
	assert_int_equal(hpa_value(amd_dte_interrupts(&entry)), 0x7ff1880);
	amd_encode_dte(&(struct amd_device){.remap = true}, &entry);
	assert_int_equal(hpa_value(amd_dte_interrupts(&entry)), 0);
}

static void test_interrupt_entries(void **state)
{
	(void)state;
	assert_int_equal(amd_encode_irte(&(struct iommu_target){3, 0x41, false}), 0x00410301);
	assert_int_equal(amd_encode_irte(&(struct iommu_target){0xfe, 0xef, true}), 0x00effe01);
}

static void assert_command(struct amd_command command, uint64_t a, uint64_t b)
{
	assert_int_equal(command.words[0], a);
	assert_int_equal(command.words[1], b);
}

static void test_commands(void **state)
{
	(void)state;
	assert_command(amd_command_wait(hpa(0x12345678), 77), 0x1000000012345679, 77);
	assert_command(amd_command_device(0x0310), 0x2000000000000310, 0);
	assert_command(amd_command_pages(5), 0x3000000500000000, 0x7ffffffffffff003);
	assert_command(amd_command_interrupts(0xffff), 0x500000000000ffff, 0);
	assert_command(amd_command_all(), 0x8000000000000000, 0);
}

static void test_a_refused_write_is_told(void **state)
{
	/* IO_PAGE_FAULT of 00:05.0, domain 2, RW. */
	struct amd_event event = {{0x2020000200000028, 0x12345678}};
	struct iommu_fault fault;

	(void)state;
	assert_true(amd_decode_event(&event, &fault));
	assert_int_equal(fault.device, 0x28);
	assert_true(fault.write);
	assert_false(fault.interrupt);
	assert_int_equal(gpa_value(fault.address), 0x12345678);
	event.words[0] = 0x2000000200000028;
	assert_true(amd_decode_event(&event, &fault));
	assert_false(fault.write);
}

static void test_a_refused_interrupt_is_told(void **state)
{
	struct amd_event event = {{0x2028000000001234, 0xfdf8000000}};
	struct iommu_fault fault;

	(void)state;
	assert_true(amd_decode_event(&event, &fault));
	assert_int_equal(fault.device, 0x1234);
	assert_true(fault.interrupt);
}

static void test_events_of_the_unit_are_no_faults(void **state)
{
	struct iommu_fault fault;

	(void)state;
	for (uint64_t code = 0; code < 16; code++) {
		struct amd_event event = {{code << 60, 0}};
		bool is_fault = (code >= 1 && code <= 4) || code == 8;

		assert_int_equal(amd_decode_event(&event, &fault), is_fault);
	}
}

/* The tail register is not needed; an entry that was read is not read again. */
static void test_the_log_is_read_from_its_memory(void **state)
{
	struct amd_event log[4] = {{{0x2000000000000001, 1}}, {{0x2000000000000002, 2}}};
	struct amd_event events[4];
	size_t head = 0;

	(void)state;
	assert_int_equal(amd_log_take(log, 4, &head, events, 4), 2);
	assert_int_equal(events[0].words[1], 1);
	assert_int_equal(events[1].words[1], 2);
	assert_int_equal(head, 2);
	assert_int_equal(amd_log_take(log, 4, &head, events, 4), 0);
	for (uint64_t i = 0; i < 4; i++)
		log[(2 + i) % 4] = (struct amd_event){{0x2000000000000000 | i, i}};
	assert_int_equal(amd_log_take(log, 4, &head, events, 3), 3);
	assert_int_equal(head, 1);
	assert_int_equal(amd_log_take(log, 4, &head, events, 3), 1);
	assert_int_equal(events[0].words[1], 3);
	assert_int_equal(head, 2);
	assert_int_equal(amd_log_take(log, 4, &head, events, 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_blocked_device_reaches_and_raises_nothing),
		cmocka_unit_test(test_an_attached_device_is_translated),
		cmocka_unit_test(test_an_entry_tells_its_interrupt_table),
		cmocka_unit_test(test_interrupt_entries),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_a_refused_write_is_told),
		cmocka_unit_test(test_a_refused_interrupt_is_told),
		cmocka_unit_test(test_events_of_the_unit_are_no_faults),
		cmocka_unit_test(test_the_log_is_read_from_its_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
