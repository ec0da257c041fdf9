/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A firmware's tables that are right, for tests that change one thing in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "acpi-rig.h"
#include "lib/bytes.h"
#include "lib/errno.h"

struct fake_acpi rig_acpi;
uint64_t rig_fadt, rig_madt, rig_mcfg, rig_dsdt;

void rig_put_fadt(size_t length)
{
	uint8_t body[276] = {0};

	rig_dsdt = fake_acpi_begin(&rig_acpi, "DSDT");
	rig_acpi.root_count--;
	put32(0x12345678);
	fake_acpi_end(&rig_acpi);

	store32(body + 40, (uint32_t)rig_dsdt);
	store16(body + 46, 9);
	store32(body + 48, 0xb2);
	body[52] = 0xf1;
	store32(body + 56, 0x600);
	store32(body + 60, 0x610);
	store32(body + 64, 0x604);
	store32(body + 68, 0x614);
	store32(body + 76, 0x608);
	store32(body + 80, 0x620);
	store32(body + 84, 0x630);
	body[88] = 4;
	body[92] = 16;
	body[93] = 8;
	store16(body + 109, 0x0003);
	store32(body + 112, 1U << 10);
	memcpy(body + 116, "\1\x08\0\0\xf9\x0c", 6);
	body[128] = 6;
	rig_fadt = fake_acpi_begin(&rig_acpi, "FACP");
	fake_acpi_put_bytes(&rig_acpi, body + 36, length - 36);
	fake_acpi_end(&rig_acpi);
}

void rig_put_madt_header(void)
{
	rig_madt = fake_acpi_begin(&rig_acpi, "APIC");
	put32(0xfee00000);
	put32(1);
}

void rig_put_cpu(uint8_t id, uint32_t flags)
{
	put8(0), put8(8), put8(99), put8(id), put32(flags);
}

void rig_put_ioapic(uint8_t id, uint32_t address, uint32_t gsi)
{
	put8(1), put8(12), put8(id), put8(0), put32(address), put32(gsi);
}

void rig_put_override(uint8_t bus, uint8_t irq, uint32_t gsi, uint16_t flags)
{
	put8(2), put8(10), put8(bus), put8(irq), put32(gsi), put16(flags);
}

void rig_put_madt(void)
{
	rig_put_madt_header();
	rig_put_cpu(0, 1);
	rig_put_ioapic(2, 0xfec00000, 0);
	rig_put_override(0, 9, 9, 0x000d);
	fake_acpi_end(&rig_acpi);
}

void rig_put_mcfg_entry(uint64_t base, uint16_t segment, uint8_t first, uint8_t last)
{
	put64(base), put16(segment), put8(first), put8(last), put32(0);
}

void rig_put_mcfg(void)
{
	rig_mcfg = fake_acpi_begin(&rig_acpi, "MCFG");
	put64(0);
	rig_put_mcfg_entry(0xb0000000, 0, 0, 255);
	fake_acpi_end(&rig_acpi);
}

void rig_begin(void)
{
	fake_acpi_reset(&rig_acpi);
	rig_put_fadt(244);
	rig_put_madt();
	rig_put_mcfg();
}

int rig_parse(void)
{
	fake_acpi_finish(&rig_acpi);
	return fake_acpi_parse(&rig_acpi);
}

void rig_expect_problem(size_t index, const char *signature, const char *what)
{
	assert_true(index < rig_acpi.problem_count);
	assert_string_equal(rig_acpi.problems[index].signature, signature);
	assert_string_equal(rig_acpi.problems[index].what, what);
}

void rig_accepted(void)
{
	assert_int_equal(rig_parse(), 0);
	assert_int_equal(rig_acpi.problem_count, 0);
}

void rig_ignored(const char *signature, const char *what)
{
	assert_int_equal(rig_parse(), 0);
	assert_int_equal(rig_acpi.problem_count, 1);
	rig_expect_problem(0, signature, what);
}

void rig_left_out(const char *signature, const char *what)
{
	fake_acpi_end(&rig_acpi);
	rig_ignored(signature, what);
	assert_int_equal(rig_acpi.info.iommu_kind, ACPI_NO_IOMMU);
	assert_int_equal(rig_acpi.info.iommu_count, 0);
	assert_int_equal(rig_acpi.info.scope_count, 0);
	assert_int_equal(rig_acpi.info.reserved_count, 0);
	assert_false(rig_acpi.info.dmar_interrupt_remapping);
}

void rig_put_ivhd(uint8_t type, uint16_t length, uint16_t bdf, uint64_t base)
{
	put8(type), put8(0xd1), put16(length), put16(bdf), put16(0x40), put64(base);
	put16(0), put16(0), put32(0x44);
	if (type != 0x10)
		put64(0), put64(0);
}

void rig_expect_scope(size_t index, uint16_t first, uint16_t last)
{
	assert_true(index < rig_acpi.info.scope_count);
	assert_int_equal(rig_acpi.info.scopes[index].first, first);
	assert_int_equal(rig_acpi.info.scopes[index].last, last);
}
