/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AMD's table of IOMMUs: which devices each covers and what memory they need, and that a table with
 * anything wrong in it counts for nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "acpi-rig.h"

static struct acpi_info *const info = &rig_acpi.info;

static void begin_ivrs(void)
{
	rig_begin();
	fake_acpi_begin(&rig_acpi, "IVRS");
	put32(0x2800), put64(0);
}

static void put_device(uint8_t type, uint16_t bdf)
{
	put8(type), put16(bdf), put8(0);
}

static void put_alias(uint8_t type, uint16_t bdf, uint16_t alias)
{
	put8(type), put16(bdf), put8(0), put8(0), put16(alias), put8(0);
}

static void put_special(uint8_t handle, uint16_t bdf, uint8_t variety)
{
	put8(72), put16(0), put8(0), put8(handle), put16(bdf), put8(variety);
}

/* QEMU 7.2's: one block of type 10h, whose feature field is not to be believed. */
static void test_ivrs_of_qemu(void **state)
{
	static const char ivhd[] =
		"\x10\xd1\x40\x00\x08\x00\x40\x00\x00\x00\xd8\xfe\x00\x00\x00\x00"
		"\x00\x00\x00\x00\x44\x00\x00\x00\x02\x00\x00\x00\x02\x08\x00\x00"
		"\x02\x10\x00\x00\x03\x00\x01\x00\x04\xff\x01\x00\x02\xf8\x00\x00"
		"\x02\xfa\x00\x00\x02\xfb\x00\x00\x48\x00\x00\x00\x00\xa0\x00\x01";

	(void)state;
	begin_ivrs();
	fake_acpi_put_bytes(&rig_acpi, ivhd, 64);
	fake_acpi_end(&rig_acpi);
	rig_accepted();
	assert_int_equal(info->iommu_kind, ACPI_AMDVI);
	assert_int_equal(info->iommu_count, 1);
	assert_true(hpa_value(info->iommus[0].base) == 0xfed80000);
	assert_int_equal(info->iommus[0].bdf, 0x0008);
	assert_int_equal(info->iommus[0].capability, 0x40);
	assert_false(info->iommus[0].all);
	assert_int_equal(info->scope_count, 8);
	rig_expect_scope(0, 0, 0);
	rig_expect_scope(3, 0x0100, 0x01ff);
	rig_expect_scope(7, 0x00a0, 0x00a0);
	assert_true(info->scopes[7].ioapic);
	assert_int_equal(info->scopes[7].ioapic_id, 0);
	assert_false(info->scopes[6].ioapic);
}

static void test_ivrs_entries_of_all_kinds(void **state)
{
	(void)state;
	begin_ivrs();
	rig_put_ivhd(0x40, 40 + 4 * 9 + 8 * 7 + 16 + 32 + 25, 0x0002, 0xfeb80000);
	put_device(0, 0);      /* padding */
	put_device(2, 0x0010); /* scope 0 */
	put_device(3, 0x0020); /* scope 1 */
	put_device(0, 0);
	put_device(4, 0x002f);	       /* its end */
	put_alias(66, 0x0030, 0x0100); /* scope 2 */
	put_alias(67, 0x0200, 0x0110); /* scope 3 */
	put_device(4, 0x02ff);	       /* its end */
	put_alias(70, 0x0040, 0xffff); /* scope 4: no alias but other flags */
	put_alias(71, 0x0300, 0xffff); /* scope 5 */
	put_device(4, 0x03ff);	       /* its end */
	put_special(9, 0x00a0, 1);     /* scope 6 */
	put_special(8, 0x00a1, 2);     /* scope 7: an HPET */
	put_alias(100, 0, 0);	       /* unknown, 8 bytes */
	put8(130), put_zeros(15);      /* unknown, 16 bytes */
	put8(200), put_zeros(31);      /* unknown, 32 bytes */
	put_device(240, 0x00a5), put_zeros(17), put8(3), put_zeros(3); /* scope 8: by name */
	put_device(3, 0x0050);					       /* scope 9: a range of one */
	put_device(4, 0x0050);
	fake_acpi_end(&rig_acpi);
	rig_accepted();
	assert_int_equal(info->scope_count, 10);
	rig_expect_scope(0, 0x0010, 0x0010);
	rig_expect_scope(1, 0x0020, 0x002f);
	rig_expect_scope(2, 0x0030, 0x0030);
	assert_true(info->scopes[2].aliased);
	assert_int_equal(info->scopes[2].alias, 0x0100);
	rig_expect_scope(3, 0x0200, 0x02ff);
	assert_true(info->scopes[3].aliased);
	assert_int_equal(info->scopes[3].alias, 0x0110);
	rig_expect_scope(4, 0x0040, 0x0040);
	assert_false(info->scopes[4].aliased);
	rig_expect_scope(5, 0x0300, 0x03ff);
	assert_false(info->scopes[5].aliased);
	rig_expect_scope(6, 0x00a0, 0x00a0);
	assert_int_equal(info->scopes[6].ioapic_id, 9);
	rig_expect_scope(7, 0x00a1, 0x00a1);
	assert_false(info->scopes[7].ioapic);
	assert_int_equal(info->scopes[7].ioapic_id, 0);
	rig_expect_scope(8, 0x00a5, 0x00a5);
	rig_expect_scope(9, 0x0050, 0x0050);
}

static void test_the_highest_block_of_a_unit_counts(void **state)
{
	static const uint8_t orders[][3] = {
		{0x10, 0x11, 0x40}, {0x40, 0x11, 0x10}, {0x11, 0x40, 0x10}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(orders); i++) {
		begin_ivrs();
		for (size_t j = 0; j < 3; j++) {
			bool old = orders[i][j] == 0x10;

			rig_put_ivhd(orders[i][j], (old ? 24 : 40) + 4, 0x0002, 0xfeb80000);
			put_device(2, orders[i][j]);
		}
		rig_put_ivhd(0x11, 52, 0x4002, 0xfeb90000); /* another unit */
		put_device(1, 0);
		put_device(2, 0x4100);
		put_device(2, 0x4200);
		fake_acpi_end(&rig_acpi);
		rig_accepted();
		assert_int_equal(info->iommu_count, 2);
		assert_int_equal(info->scope_count, 3);
		rig_expect_scope(0, 0x40, 0x40);
		assert_int_equal(info->scopes[0].iommu, 0);
		rig_expect_scope(2, 0x4200, 0x4200);
		assert_int_equal(info->scopes[2].iommu, 1);
		for (unsigned unit = 0; unit < 2; unit++)
			assert_int_equal(info->iommus[unit].all,
					 hpa_value(info->iommus[unit].base) == 0xfeb90000);
	}
}

static void put_ivmd(uint8_t type, uint16_t bdf, uint16_t last, uint64_t start, uint64_t size)
{
	put8(type), put8(7), put16(32), put16(bdf), put16(last), put64(0), put64(start),
		put64(size);
}

static void test_ivmds(void **state)
{
	(void)state;
	begin_ivrs();
	put_ivmd(0x20, 0, 0, 0x1000, 0x1000);
	put_ivmd(0x21, 0x0010, 0, 0x2345, 0x1000);
	put_ivmd(0x22, 0x0100, 0x01ff, 0x100000000, 0x200000);
	rig_put_ivhd(0x10, 28, 0x0002, 0xfeb80000);
	put_device(1, 0);
	fake_acpi_end(&rig_acpi);
	rig_accepted();
	assert_int_equal(info->reserved_count, 3);
	assert_int_equal(info->reserved[0].first, 0);
	assert_int_equal(info->reserved[0].last, 0xffff);
	assert_int_equal(info->reserved[1].first, 0x0010);
	assert_int_equal(info->reserved[1].last, 0x0010);
	assert_true(hpa_value(info->reserved[1].start) == 0x2000); /* in whole pages */
	assert_int_equal(info->reserved[1].size, 0x2000);
	assert_int_equal(info->reserved[2].last, 0x01ff);
	assert_true(hpa_value(info->reserved[2].start) == 0x100000000);
	assert_int_equal(info->reserved[2].size, 0x200000);
}

static void ivrs_ignored(const char *what)
{
	rig_left_out("IVRS", what);
}

static void test_bad_ivrs_are_left_out(void **state)
{
	(void)state;
	begin_ivrs();
	ivrs_ignored("names no IOMMU");
	for (uint16_t length = 0; length < 24; length++) {
		begin_ivrs();
		rig_put_ivhd(0x10, length, 2, 0xfeb80000);
		put_zeros(24);
		ivrs_ignored("has an entry with a bad length");
	}
	begin_ivrs();
	rig_put_ivhd(0x11, 39, 2, 0xfeb80000);
	ivrs_ignored("has an entry with a bad length");
	begin_ivrs();
	rig_put_ivhd(0x10, 25, 2, 0xfeb80000); /* beyond the table */
	ivrs_ignored("has an entry with a bad length");
	begin_ivrs();
	rig_put_ivhd(0x10, 24, 2, 0xfeb80000);
	put_zeros(7); /* less than a block's header */
	ivrs_ignored("has an entry with a bad length");
	begin_ivrs();
	rig_put_ivhd(0x10, 24 + 7, 2, 0xfeb80000);
	put8(66), put_zeros(6); /* less than an entry */
	ivrs_ignored("has an entry with a bad length");
	begin_ivrs();
	rig_put_ivhd(0x40, 40 + 22, 2, 0xfeb80000);
	put8(240), put_zeros(20), put8(1); /* a name beyond the block */
	ivrs_ignored("has an entry with a bad length");
	begin_ivrs();
	rig_put_ivhd(0x10, 28, 2, 0xfeb80000);
	put_device(3, 0x10); /* no end */
	ivrs_ignored("has a range of devices without its start or end");
	begin_ivrs();
	rig_put_ivhd(0x10, 28, 2, 0xfeb80000);
	put_device(4, 0x10); /* no start */
	ivrs_ignored("has a range of devices without its start or end");
	begin_ivrs();
	rig_put_ivhd(0x10, 32, 2, 0xfeb80000);
	put_device(3, 0x10), put_device(2, 0x11);
	ivrs_ignored("has a range of devices without its start or end");
	begin_ivrs();
	rig_put_ivhd(0x10, 32, 2, 0xfeb80000);
	put_device(3, 0x10), put_device(4, 0x0f);
	ivrs_ignored("has a range of devices that is none");
	begin_ivrs();
	rig_put_ivhd(0x10, 24, 2, 0);
	ivrs_ignored("has an IOMMU at a bad address");
	begin_ivrs();
	rig_put_ivhd(0x10, 24, 2, 1ULL << 52);
	ivrs_ignored("has an IOMMU at a bad address");
	begin_ivrs();
	for (uint16_t i = 0; i <= ACPI_MAX_IOMMUS; i++)
		rig_put_ivhd(0x10, 24, i, 0xfeb80000);
	ivrs_ignored("names too many IOMMUs");
	begin_ivrs();
	rig_put_ivhd(0x10, 24 + 4 * (ACPI_MAX_SCOPES + 1), 2, 0xfeb80000);
	for (uint16_t i = 0; i <= ACPI_MAX_SCOPES; i++)
		put_device(2, i);
	ivrs_ignored("has too many device scopes");
	begin_ivrs();
	put_ivmd(0x21, 1, 0, 0x1000, 0);
	ivrs_ignored("has a bad memory range");
	begin_ivrs();
	put_ivmd(0x21, 1, 0, UINT64_MAX, 2);
	ivrs_ignored("has a bad memory range");
	begin_ivrs();
	put_ivmd(0x22, 2, 1, 0x1000, 0x1000);
	ivrs_ignored("has a range of devices that is none");
	begin_ivrs();
	put8(0x21), put8(0), put16(31), put_zeros(27);
	ivrs_ignored("has an entry with a bad length");
	begin_ivrs();
	for (unsigned i = 0; i <= ACPI_MAX_RESERVED; i++)
		put_ivmd(0x20, 0, 0, 0x1000, 0x1000);
	ivrs_ignored("has too many memory ranges");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ivrs_of_qemu),
		cmocka_unit_test(test_ivrs_entries_of_all_kinds),
		cmocka_unit_test(test_the_highest_block_of_a_unit_counts),
		cmocka_unit_test(test_ivmds),
		cmocka_unit_test(test_bad_ivrs_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
