/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VT-d's formats to the bit (chapters 5, 6, 9 and 10 of its specification). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "iommu/vtd.h"

static void assert_entry(struct vtd_entry entry, uint64_t low, uint64_t high)
{
	assert_int_equal(entry.low, low);
	assert_int_equal(entry.high, high);
}

static void test_root_and_context_entries(void **state)
{
	struct vtd_entry entry;

	(void)state;
	assert_entry(vtd_encode_root(hpa(0x123456000)), 0x123456001, 0);
	/* AW 1 is 39 bits, 2 is 48; the domain is in bits 87:72; TT 00, FPD 0. */
	assert_entry(vtd_encode_context(hpa(0x7000), 3, 2), 0x7001, 0x201);
	entry = vtd_encode_context(hpa(0xffffffff000), 4, 0xffff);
	assert_entry(entry, 0xffffffff001, 0xffff02);
	assert_int_equal(hpa_value(vtd_entry_target(&entry)), 0xffffffff000);
	entry.low = 0;
	assert_int_equal(hpa_value(vtd_entry_target(&entry)), 0);
}

static void test_interrupt_entries_are_for_one_requester(void **state)
{
	const struct iommu_target edge = {0x2, 0x41, false}, level = {0x12345, 0xef, true};

	(void)state;
	/* The xAPIC's number is in bits 47:40, the x2APIC's in 63:32; SVT 01 is bit 82. */
	assert_entry(vtd_encode_irte(&edge, 0x0028, false), 0x0000020000410001, 0x40028);
	assert_entry(vtd_encode_irte(&level, 0xffff, true), 0x0001234500ef0011, 0x4ffff);
}

static void test_messages_name_an_entry(void **state)
{
	uint64_t address;
	uint32_t data = 1;

	(void)state;
	vtd_encode_message(0x0123, &address, &data);
	assert_int_equal(address, 0xfee02470);
	assert_int_equal(data, 0);
	vtd_encode_message(0xffff, &address, &data);
	assert_int_equal(address, 0xfeefffe0 | 1 << 4 | 1 << 2);
}

static void test_redirection_entries_name_an_entry(void **state)
{
	const struct iommu_target edge = {0, 0x35, false}, level = {0, 0x36, true};

	(void)state;
	assert_int_equal(vtd_encode_redirection(5, &edge), 0x000b000000000035);
	assert_int_equal(vtd_encode_redirection(0x8001, &level), 0x0003000000008836);
}

static void test_descriptors(void **state)
{
	(void)state;
	assert_entry(vtd_invalidate_contexts(), 0x11, 0);
	assert_entry(vtd_invalidate_domain(3), 0x300e2, 0);
	assert_entry(vtd_invalidate_all(), 0xd2, 0);
	assert_entry(vtd_invalidate_interrupts(), 0x4, 0);
	assert_entry(vtd_invalidate_interrupt(0x1ff), 0x1ff00000014, 0);
	assert_entry(vtd_wait(hpa(0x5008), 0xdeadbeef), 0xdeadbeef00000025, 0x5008);
}

static void test_features(void **state)
{
	struct vtd_features features;

	(void)state;
	/* QEMU's: 39 bits, all leaves, one record at 0x220; QI and IR without EIM, not coherent. */
	vtd_decode_features(0x00d2008c22260206, 0x00f00f4a, &features);
	assert_true(features.three_levels);
	assert_false(features.four_levels);
	assert_int_equal(features.largest_leaf_shift, 30);
	assert_int_equal(features.fault_offset, 0x220);
	assert_int_equal(features.fault_count, 1);
	assert_int_equal(features.domains, 1 << 16);
	assert_false(features.caching_mode);
	assert_false(features.write_buffer);
	assert_false(features.coherent);
	assert_true(features.queue);
	assert_true(features.interrupts);
	assert_false(features.x2apic);
	/* A laptop's: 48 bits, 2 MiB leaves, eight records at 0x400, 256 domains; everything. */
	vtd_decode_features(0x00d2070440660492 | 1ULL << 4, 0x1b, &features);
	assert_false(features.three_levels);
	assert_true(features.four_levels);
	assert_int_equal(features.largest_leaf_shift, 21);
	assert_int_equal(features.fault_offset, 0x400);
	assert_int_equal(features.fault_count, 8);
	assert_int_equal(features.domains, 256);
	assert_true(features.caching_mode);
	assert_true(features.write_buffer);
	assert_true(features.coherent);
	assert_true(features.x2apic);
}

static void test_faults_are_told(void **state)
{
	struct vtd_entry record = {0x12345fff, 0x8000000500000028};
	struct iommu_fault fault;

	(void)state;
	/* F, reason 5: no right to write; T 0. The address has no low bits. */
	assert_true(vtd_decode_fault(&record, &fault));
	assert_int_equal(fault.device, 0x28);
	assert_true(fault.write);
	assert_false(fault.interrupt);
	assert_int_equal(gpa_value(fault.address), 0x12345000);
	/* A read. */
	record.high = 0xc00000060000ff01;
	assert_true(vtd_decode_fault(&record, &fault));
	assert_int_equal(fault.device, 0xff01);
	assert_false(fault.write);
	/* An interrupt, of entry 7, by a requester that is not the entry's. */
	record = (struct vtd_entry){0x0007000000000000, 0x8000002600000028};
	assert_true(vtd_decode_fault(&record, &fault));
	assert_true(fault.interrupt);
	assert_false(fault.write);
	assert_int_equal(gpa_value(fault.address), 7);
	/* An empty record. */
	record.high = 0x4000002600000028;
	assert_false(vtd_decode_fault(&record, &fault));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root_and_context_entries),
		cmocka_unit_test(test_interrupt_entries_are_for_one_requester),
		cmocka_unit_test(test_messages_name_an_entry),
		cmocka_unit_test(test_redirection_entries_name_an_entry),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_features),
		cmocka_unit_test(test_faults_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
