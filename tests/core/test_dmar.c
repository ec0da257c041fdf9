/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel's table of IOMMUs: which devices each covers and what memory they need, that a table with
 * anything wrong in it counts for nothing, and that a machine has IOMMUs of one kind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "acpi-rig.h"

static struct acpi_info *const info = &rig_acpi.info;

static void begin_dmar(uint8_t flags)
{
	rig_begin();
	fake_acpi_begin(&rig_acpi, "DMAR");
	put8(38), put8(flags), put_zeros(10);
}

static void put_drhd(uint16_t length, uint8_t flags, uint16_t segment, uint64_t base)
{
	put16(0), put16(length), put8(flags), put8(0), put16(segment), put64(base);
}

static void put_rmrr(uint16_t length, uint64_t base, uint64_t limit)
{
	put16(1), put16(length), put16(0), put16(0), put64(base), put64(limit);
}

/* Of one hop. */
static void put_path(uint8_t type, uint8_t id, uint8_t bus, uint8_t device, uint8_t function)
{
	put8(type), put8(8), put16(0), put8(id), put8(bus), put8(device), put8(function);
}

static void test_dmar_scopes(void **state)
{
	(void)state;
	begin_dmar(1);
	put_drhd(16 + 8, 0, 0, 0xfed90000);
	put_path(1, 0, 0, 2, 0); /* scope 0: graphics */
	put_drhd(16 + 8 * 4 + 10 + 8, 1, 0, 0xfed91000);
	put_path(3, 2, 0xf0, 0x1f, 0);		       /* scope 1: an IOAPIC */
	put_path(4, 0, 0, 0x1e, 6);		       /* scope 2: an HPET */
	put_path(2, 0, 0, 0x1c, 0);		       /* scope 3: a bridge */
	put_path(5, 1, 0, 0x15, 1);		       /* scope 4: by name */
	put8(1), put8(10), put16(0), put8(0), put8(0); /* scope 5: behind bridges */
	put8(0x1c), put8(4), put8(0), put8(0);
	put_path(77, 0, 0, 1, 0);		   /* unknown */
	put_drhd(16, 0, 1, 0xfed92000);		   /* another segment */
	put16(2), put16(8), put32(0);		   /* ATSR */
	put_rmrr(24 + 24, 0x7b800000, 0x7fffffff); /* two devices */
	put_path(77, 0, 0, 1, 0);
	put_path(1, 0, 0, 2, 0);
	put_path(1, 0, 0, 0x14, 0);
	put_rmrr(24 + 10, 0x6000, 0x6fff);
	put8(1), put8(10), put16(0), put8(0), put8(0);
	put8(0x1c), put8(4), put8(0), put8(0);
	fake_acpi_end(&rig_acpi);
	rig_accepted();
	assert_int_equal(info->iommu_kind, ACPI_VTD);
	assert_true(info->dmar_interrupt_remapping);
	assert_int_equal(info->iommu_count, 2);
	assert_true(hpa_value(info->iommus[1].base) == 0xfed91000);
	assert_false(info->iommus[0].all);
	assert_true(info->iommus[1].all);
	assert_int_equal(info->scope_count, 6);
	rig_expect_scope(0, 0x0010, 0x0010);
	assert_int_equal(info->scopes[0].iommu, 0);
	assert_false(info->scopes[0].below);
	rig_expect_scope(1, 0xf0f8, 0xf0f8);
	assert_int_equal(info->scopes[1].iommu, 1);
	assert_true(info->scopes[1].ioapic);
	assert_int_equal(info->scopes[1].ioapic_id, 2);
	rig_expect_scope(2, 0x00f6, 0x00f6);
	assert_false(info->scopes[2].ioapic);
	rig_expect_scope(3, 0x00e0, 0x00e0);
	assert_true(info->scopes[3].below);
	rig_expect_scope(4, 0x00a9, 0x00a9);
	rig_expect_scope(5, 0x00e4, 0x00e4);
	assert_true(info->scopes[5].below);
	assert_int_equal(info->reserved_count, 3);
	assert_true(hpa_value(info->reserved[0].start) == 0x7b800000);
	assert_int_equal(info->reserved[0].size, 0x4800000);
	assert_int_equal(info->reserved[0].first, 0x0010);
	assert_int_equal(info->reserved[1].first, 0x00a0);
	assert_false(info->reserved[1].below);
	assert_int_equal(info->reserved[2].size, 0x1000);
	assert_int_equal(info->reserved[2].first, 0x00e4);
	assert_true(info->reserved[2].below);

	begin_dmar(0xfe);
	put_drhd(16, 1, 0, 0xfed90000);
	fake_acpi_end(&rig_acpi);
	rig_accepted();
	assert_false(info->dmar_interrupt_remapping);
}

static void dmar_ignored(const char *what)
{
	rig_left_out("DMAR", what);
}

static void test_bad_dmars_are_left_out(void **state)
{
	(void)state;
	rig_begin();
	fake_acpi_begin(&rig_acpi, "DMAR");
	put_zeros(11);
	dmar_ignored("is too short");
	begin_dmar(1);
	dmar_ignored("names no IOMMU");
	for (uint16_t length = 0; length < 16; length++) {
		begin_dmar(1);
		put_drhd(length, 1, 0, 0xfed90000);
		dmar_ignored("has a structure with a bad length");
	}
	begin_dmar(1);
	put_drhd(17, 1, 0, 0xfed90000);
	dmar_ignored("has a structure with a bad length");
	begin_dmar(1);
	put_rmrr(23, 0, 0xfff);
	dmar_ignored("has a structure with a bad length");
	begin_dmar(1);
	put_drhd(16, 1, 0, 0xfed90000), put_zeros(3);
	dmar_ignored("has a structure with a bad length");
	for (unsigned length = 0; length < 12; length++) {
		if (length == 8)
			continue;
		begin_dmar(1);
		put_drhd(16 + 8, 1, 0, 0xfed90000);
		put8(1), put8(length), put_zeros(6);
		dmar_ignored("has a device scope with a bad length");
	}
	begin_dmar(1);
	put_drhd(16 + 7, 1, 0, 0xfed90000);
	put8(1), put8(7), put_zeros(5);
	dmar_ignored("has a device scope with a bad length");
	begin_dmar(1);
	put_drhd(16 + 8, 1, 0, 0xfed90000);
	put_path(1, 0, 0, 32, 0);
	dmar_ignored("has a device scope with a bad path");
	begin_dmar(1);
	put_drhd(16 + 8, 1, 0, 0xfed90000);
	put_path(1, 0, 0, 0, 8);
	dmar_ignored("has a device scope with a bad path");
	begin_dmar(1);
	put_drhd(16, 1, 0, 0xfed90800);
	dmar_ignored("has an IOMMU at a bad address");
	begin_dmar(1);
	for (unsigned i = 0; i <= ACPI_MAX_IOMMUS; i++)
		put_drhd(16, 1, 0, 0xfed90000);
	dmar_ignored("names too many IOMMUs");
	begin_dmar(1);
	put_drhd(16, 1, 0, 0xfed90000);
	put_rmrr(24 + 8, 0x2000, 0x1fff);
	put_path(1, 0, 0, 2, 0);
	dmar_ignored("has a bad memory range");
	begin_dmar(1);
	put_drhd(16, 1, 0, 0xfed90000);
	put_rmrr(24 + 8, 0, UINT64_MAX);
	put_path(1, 0, 0, 2, 0);
	dmar_ignored("has a bad memory range");
}

static void test_only_one_kind_of_iommu(void **state)
{
	(void)state;
	begin_dmar(1);
	put_drhd(16, 1, 0, 0xfed90000);
	fake_acpi_end(&rig_acpi);
	fake_acpi_begin(&rig_acpi, "IVRS");
	put32(0), put64(0);
	rig_put_ivhd(0x10, 24, 2, 0xfeb80000);
	fake_acpi_end(&rig_acpi);
	rig_ignored("DMAR", "is there beside an IVRS");
	assert_int_equal(info->iommu_kind, ACPI_AMDVI);
	assert_int_equal(info->iommu_count, 1);

	begin_dmar(1);
	put_drhd(16, 1, 0, 0xfed90000);
	fake_acpi_end(&rig_acpi);
	fake_acpi_begin(&rig_acpi, "IVRS");
	fake_acpi_end(&rig_acpi);
	rig_ignored("IVRS", "names no IOMMU");
	assert_int_equal(info->iommu_kind, ACPI_VTD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dmar_scopes),
		cmocka_unit_test(test_bad_dmars_are_left_out),
		cmocka_unit_test(test_only_one_kind_of_iommu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
