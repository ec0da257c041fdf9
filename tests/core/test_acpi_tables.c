/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The firmware's tables: what is read from right ones, and what becomes of wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake-acpi.h"
#include "lib/bytes.h"
#include "lib/errno.h"

static struct fake_acpi fake;
static struct acpi_info *const info = &fake.info;
static uint64_t fadt, madt, mcfg, dsdt; /* addresses */

static void put8(unsigned value)
{
	fake_acpi_put(&fake, value, 1);
}

static void put16(unsigned value)
{
	fake_acpi_put(&fake, value, 2);
}

static void put32(uint32_t value)
{
	fake_acpi_put(&fake, value, 4);
}

static void put64(uint64_t value)
{
	fake_acpi_put(&fake, value, 8);
}

static void put_zeros(size_t size)
{
	while (size-- > 0)
		put8(0);
}

static void put_madt_header(void)
{
	madt = fake_acpi_begin(&fake, "APIC");
	put32(0xfee00000);
	put32(1);
}

static void put_cpu(uint8_t id, uint32_t flags)
{
	put8(0), put8(8), put8(99), put8(id), put32(flags);
}

static void put_x2apic(uint32_t id, uint32_t flags)
{
	put8(9), put8(16), put16(0), put32(id), put32(flags), put32(99);
}

static void put_ioapic(uint8_t id, uint32_t address, uint32_t gsi)
{
	put8(1), put8(12), put8(id), put8(0), put32(address), put32(gsi);
}

static void put_override(uint8_t bus, uint8_t irq, uint32_t gsi, uint16_t flags)
{
	put8(2), put8(10), put8(bus), put8(irq), put32(gsi), put16(flags);
}

static void put_madt(void)
{
	put_madt_header();
	put_cpu(0, 1);
	put_ioapic(2, 0xfec00000, 0);
	put_override(0, 9, 9, 0x000d);
	fake_acpi_end(&fake);
}

static void put_mcfg_entry(uint64_t base, uint16_t segment, uint8_t first, uint8_t last)
{
	put64(base), put16(segment), put8(first), put8(last), put32(0);
}

static void put_mcfg(void)
{
	mcfg = fake_acpi_begin(&fake, "MCFG");
	put64(0);
	put_mcfg_entry(0xb0000000, 0, 0, 255);
	fake_acpi_end(&fake);
}

/* A DSDT that the XSDT does not list, and a FADT that names it. */
static void put_fadt(size_t length)
{
	uint8_t body[276] = {0};

	dsdt = fake_acpi_begin(&fake, "DSDT");
	fake.root_count--;
	put32(0x12345678);
	fake_acpi_end(&fake);

	store32(body + 40, (uint32_t)dsdt);
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
	fadt = fake_acpi_begin(&fake, "FACP");
	fake_acpi_put_bytes(&fake, body + 36, length - 36);
	fake_acpi_end(&fake);
}

/* All that must be there. */
static void begin(void)
{
	fake_acpi_reset(&fake);
	put_fadt(244);
	put_madt();
	put_mcfg();
}

static int parse(void)
{
	fake_acpi_finish(&fake);
	return fake_acpi_parse(&fake);
}

static void change(uint64_t table, size_t offset, uint64_t value, size_t size)
{
	memcpy(fake_acpi_at(&fake, table) + offset, &value, size);
	fake_acpi_seal(&fake, table);
}

static void expect_problem(size_t index, const char *signature, const char *what)
{
	assert_true(index < fake.problem_count);
	assert_string_equal(fake.problems[index].signature, signature);
	assert_string_equal(fake.problems[index].what, what);
}

static void refused(const char *signature, const char *what)
{
	assert_int_equal(parse(), -EBADMSG);
	expect_problem(0, signature, what);
}

static void ignored(const char *signature, const char *what)
{
	assert_int_equal(parse(), 0);
	assert_int_equal(fake.problem_count, 1);
	expect_problem(0, signature, what);
}

static void accepted(void)
{
	assert_int_equal(parse(), 0);
	assert_int_equal(fake.problem_count, 0);
}

/* ---- the way to the tables ---- */

static void test_a_plain_machine(void **state)
{
	(void)state;
	begin();
	accepted();
	assert_int_equal(info->rsdp_revision, 2);
	assert_int_equal(info->table_count, 4);
	assert_memory_equal(info->tables[0].signature, "FACP", 4);
	assert_memory_equal(info->tables[3].signature, "DSDT", 4);
	assert_true(hpa_value(info->tables[3].address) == dsdt);
	assert_int_equal(info->tables[3].length, 40);
	assert_true(info->tables[3].good);
	assert_int_equal(info->cpu_count, 1);
	assert_true(hpa_value(info->lapic) == 0xfee00000);
	assert_int_equal(info->ioapic_count, 1);
	assert_int_equal(info->ioapics[0].id, 2);
	assert_true(hpa_value(info->ioapics[0].address) == 0xfec00000);
	assert_int_equal(info->override_count, 1);
	assert_int_equal(info->overrides[0].irq, 9);
	assert_int_equal(info->overrides[0].gsi, 9);
	assert_int_equal(info->overrides[0].flags, 0x000d);
	assert_true(hpa_value(info->ecam) == 0xb0000000);
	assert_int_equal(info->ecam_first_bus, 0);
	assert_int_equal(info->ecam_last_bus, 255);
	assert_int_equal(info->iommu_kind, ACPI_NO_IOMMU);
	assert_int_equal(info->iommu_count, 0);
}

static void test_the_rsdt_stands_in_for_a_bad_xsdt(void **state)
{
	(void)state;
	begin();
	fake_acpi_finish(&fake);
	fake_acpi_at(&fake, load64(fake.rsdp + 24))[12] ^= 1;
	assert_int_equal(fake_acpi_parse(&fake), 0);
	assert_int_equal(info->table_count, 4);
	expect_problem(0, "XSDT", "has a bad checksum");

	begin();
	fake_acpi_finish(&fake);
	fake.rsdp[33] ^= 1; /* only the extended checksum counts this */
	assert_int_equal(fake_acpi_parse(&fake), 0);
	assert_int_equal(fake.problem_count, 0);

	begin();
	fake_acpi_finish(&fake);
	fake.rsdp[15] = 0;
	store64(fake.rsdp + 24, 0);
	fake_acpi_seal_rsdp(&fake);
	assert_int_equal(fake_acpi_parse(&fake), 0);
	assert_int_equal(info->rsdp_revision, 0);
	assert_int_equal(acpi_parse(fake.rsdp, 20, fake_acpi_read, &fake, info, fake.problems, 4,
				    &fake.problem_count),
			 0);
}

static void test_without_a_root_there_is_nothing(void **state)
{
	(void)state;
	begin();
	fake_acpi_finish(&fake);
	for (size_t size = 0; size < 20; size++)
		assert_int_equal(acpi_parse(fake.rsdp, size, fake_acpi_read, &fake, info,
					    fake.problems, 4, &fake.problem_count),
				 -ENOENT);
	fake.rsdp[9] ^= 1;
	assert_int_equal(fake_acpi_parse(&fake), -ENOENT);
	fake.rsdp[9] ^= 1;
	fake.rsdp[0] ^= 1;
	fake_acpi_seal_rsdp(&fake);
	assert_int_equal(fake_acpi_parse(&fake), -ENOENT);

	begin();
	fake_acpi_finish(&fake);
	store64(fake.rsdp + 24, UINT64_MAX);
	store32(fake.rsdp + 16, 0);
	fake_acpi_seal_rsdp(&fake);
	assert_int_equal(fake_acpi_parse(&fake), -ENOENT);
	expect_problem(0, "XSDT", "is not in memory");
	expect_problem(1, "RSDT", "is not in memory");

	/* Another table in the place of both. */
	store64(fake.rsdp + 24, madt);
	store32(fake.rsdp + 16, (uint32_t)madt);
	fake_acpi_seal_rsdp(&fake);
	assert_int_equal(fake_acpi_parse(&fake), -ENOENT);
	expect_problem(1, "RSDT", "has another signature");
}

static void test_what_is_needed_must_be_right(void **state)
{
	static const struct {
		uint64_t *table;
		const char *signature;
	} needed[] = {{&fadt, "FACP"}, {&madt, "APIC"}, {&mcfg, "MCFG"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(needed); i++) {
		static const uint32_t lengths[] = {0, 35, 0x7fffffff, 0xffffffff};

		begin();
		fake_acpi_at(&fake, *needed[i].table)[20] ^= 1; /* the checksum */
		refused(needed[i].signature, "has a bad checksum");

		for (size_t j = 0; j < ARRAY_LENGTH(lengths); j++) {
			begin();
			store32(fake_acpi_at(&fake, *needed[i].table) + 4, lengths[j]);
			refused(needed[i].signature, "has a bad length");
		}

		begin(); /* it reaches beyond memory */
		store32(fake_acpi_at(&fake, *needed[i].table) + 4, FAKE_ACPI_SIZE);
		refused(needed[i].signature, "has a bad checksum");

		begin();
		memcpy(fake_acpi_at(&fake, *needed[i].table), "\x1b[2J", 4);
		fake_acpi_seal(&fake, *needed[i].table);
		refused(needed[i].signature, "is missing");
	}
}

static void test_problems_beyond_the_list_are_counted(void **state)
{
	(void)state;
	fake_acpi_reset(&fake);
	for (unsigned i = 0; i < 10; i++) {
		fake_acpi_begin(&fake, "\x01\xffZ!");
		fake_acpi_end(&fake);
		fake.memory[fake.table + 20] ^= 1;
	}
	put_fadt(244);
	put_madt();
	put_mcfg();
	assert_int_equal(parse(), 0);
	assert_int_equal(fake.problem_count, 10);
	expect_problem(3, "??Z!", "has a bad checksum");

	fake_acpi_at(&fake, mcfg)[20] ^= 1; /* why it is bad has no room any more */
	assert_int_equal(fake_acpi_parse(&fake), -EBADMSG);
	expect_problem(0, "MCFG", "is missing");
	expect_problem(3, "??Z!", "has a bad checksum");
	assert_int_equal(acpi_parse(fake.rsdp, 36, fake_acpi_read, &fake, info, fake.problems, 1,
				    &fake.problem_count),
			 -EBADMSG);
	expect_problem(0, "MCFG", "is missing");
}

static void test_the_root_may_list_anything(void **state)
{
	(void)state;
	begin();
	fake.roots[fake.root_count++] = 0; /* an empty place */
	fake.roots[fake.root_count++] = madt;
	fake.roots[fake.root_count++] = madt;
	accepted();
	assert_int_equal(info->table_count, 4);
	assert_int_equal(info->cpu_count, 1);

	begin();
	fake.roots[fake.root_count++] = UINT64_MAX - 3;
	ignored("XSDT", "is not in memory");
	begin();
	fake.roots[fake.root_count++] = FAKE_ACPI_BASE + FAKE_ACPI_SIZE - 7;
	ignored("XSDT", "is not in memory");

	/* The first good one of a name counts. */
	begin();
	fake_acpi_at(&fake, madt)[20] ^= 1;
	put_madt_header();
	put_cpu(7, 1);
	fake_acpi_end(&fake);
	put_madt_header();
	put_cpu(8, 1);
	fake_acpi_end(&fake);
	assert_int_equal(parse(), 0);
	assert_int_equal(info->cpu_count, 1);
	assert_int_equal(info->cpu_apic_ids[0], 7);

	/* More than there is room for. */
	begin();
	while (fake.root_count < ACPI_MAX_TABLES + 1) {
		fake_acpi_begin(&fake, "SSDT");
		fake_acpi_end(&fake);
	}
	assert_int_equal(parse(), 0);
	assert_int_equal(info->table_count, ACPI_MAX_TABLES);
	expect_problem(0, "XSDT", "lists too many tables");
}

/* ---- MADT ---- */

static void test_madt_lists_what_is_enabled_once(void **state)
{
	(void)state;
	fake_acpi_reset(&fake);
	put_fadt(244);
	put_mcfg();
	put_madt_header();
	put_cpu(4, 1);
	put_cpu(5, 0); /* disabled */
	put_cpu(6, 2); /* only online capable */
	put_cpu(7, 3);
	put_cpu(255, 1); /* nobody */
	put_cpu(4, 1);	 /* again */
	put_x2apic(4, 1);
	put_x2apic(0x12345, 1);
	put_x2apic(0x12346, 2);
	put_x2apic(UINT32_MAX, 1);
	put8(4), put8(6), put8(255), put16(0), put8(1); /* an NMI */
	put8(5), put8(12), put16(0), put64(0x1fee00000);
	put_ioapic(1, 0xfec01000, 24);
	put_ioapic(0, 0xfec00000, 0);
	put_ioapic(3, 0xfec00000, 48); /* the same again */
	put_override(0, 0, 2, 0);
	put_override(0, 0, 3, 0);
	put_override(1, 1, 4, 0);  /* not ISA */
	put_override(0, 16, 5, 0); /* no ISA interrupt */
	put8(200), put8(2);	   /* unknown */
	fake_acpi_end(&fake);
	accepted();
	assert_int_equal(info->cpu_count, 3);
	assert_int_equal(info->cpu_apic_ids[0], 4);
	assert_int_equal(info->cpu_apic_ids[1], 7);
	assert_int_equal(info->cpu_apic_ids[2], 0x12345);
	assert_true(hpa_value(info->lapic) == 0x1fee00000);
	assert_int_equal(info->ioapic_count, 2);
	assert_int_equal(info->ioapics[0].id, 1);
	assert_int_equal(info->ioapics[0].gsi_base, 24);
	assert_int_equal(info->override_count, 1);
	assert_int_equal(info->overrides[0].gsi, 2);
}

static void begin_madt(void)
{
	fake_acpi_reset(&fake);
	put_fadt(244);
	put_mcfg();
	put_madt_header();
}

static void test_bad_madts_are_refused(void **state)
{
	static const uint8_t sizes[] = {[0] = 8, [1] = 12, [2] = 10, [5] = 12, [9] = 16};

	(void)state;
	/* Entries shorter than their type, and ones that end beyond the table. */
	for (unsigned type = 0; type < ARRAY_LENGTH(sizes); type++) {
		for (unsigned length = 0; length < sizes[type]; length++) {
			begin_madt();
			put8(type), put8(length), put_zeros(30);
			fake_acpi_end(&fake);
			refused("APIC", "has an entry with a bad length");
		}
		begin_madt();
		put_cpu(0, 1);
		put8(type), put8(33), put_zeros(30);
		fake_acpi_end(&fake);
		refused("APIC", "has an entry with a bad length");
	}
	begin_madt();
	put_cpu(0, 1), put8(0);
	fake_acpi_end(&fake);
	refused("APIC", "has an entry with a bad length");

	begin_madt();
	put_cpu(0, 0);
	fake_acpi_end(&fake);
	refused("APIC", "has no CPU");
	begin_madt();
	for (uint32_t i = 0; i <= ACPI_MAX_CPUS; i++)
		put_x2apic(1000 + i, 1);
	fake_acpi_end(&fake);
	refused("APIC", "lists too many CPUs");
	begin_madt();
	for (uint32_t i = 0; i <= ACPI_MAX_IOAPICS; i++)
		put_ioapic(0, 0xfec00000 + i * 0x1000, i * 24);
	fake_acpi_end(&fake);
	refused("APIC", "lists too many IOAPICs");
	begin_madt();
	put_ioapic(0, 0, 0);
	fake_acpi_end(&fake);
	refused("APIC", "has an IOAPIC at a bad address");
	begin_madt();
	put_cpu(0, 1);
	put8(5), put8(12), put16(0), put64(0xfee00010);
	fake_acpi_end(&fake);
	refused("APIC", "has a bad local APIC address");
	begin();
	change(madt, 36, 0, 4);
	refused("APIC", "has a bad local APIC address");
	begin();
	change(madt, 4, 36 + 7, 4);
	refused("APIC", "is too short");
}

/* ---- MCFG ---- */

static void test_mcfg_of_segment_0(void **state)
{
	(void)state;
	fake_acpi_reset(&fake);
	put_fadt(244);
	put_madt();
	fake_acpi_begin(&fake, "MCFG");
	put64(0);
	put_mcfg_entry(0xc0000000, 1, 0, 255);
	put_mcfg_entry(0xb0000000, 0, 64, 127);
	put_mcfg_entry(0xa0000000, 0, 1, 63);
	put_mcfg_entry(0x90000000, 0, 128, 255);
	put64(0); /* half an entry */
	fake_acpi_end(&fake);
	accepted();
	assert_true(hpa_value(info->ecam) == 0xa0000000);
	assert_int_equal(info->ecam_first_bus, 1);
	assert_int_equal(info->ecam_last_bus, 63);
}

static void test_bad_mcfgs_are_refused(void **state)
{
	(void)state;
	begin();
	change(mcfg, 4, 44 + 15, 4); /* less than one entry */
	refused("MCFG", "has no segment 0");
	begin();
	change(mcfg, 44 + 8, 1, 2);
	refused("MCFG", "has no segment 0");
	begin();
	change(mcfg, 44, 0, 8);
	refused("MCFG", "has a bad range");
	begin();
	change(mcfg, 44, 0xb0001000, 8);
	refused("MCFG", "has a bad range");
	begin();
	change(mcfg, 44, (1ULL << 52) - 255 * MIB, 8);
	refused("MCFG", "has a bad range");
	begin();
	change(mcfg, 44 + 10, 0xfeff, 2);
	refused("MCFG", "has a bad range");
}

/* ---- FADT ---- */

static void test_fadt_names_ports(void **state)
{
	(void)state;
	begin();
	accepted();
	assert_int_equal(info->fadt.sci, 9);
	assert_int_equal(info->fadt.smi_command, 0xb2);
	assert_int_equal(info->fadt.acpi_enable, 0xf1);
	assert_int_equal(info->fadt.pm1a_event, 0x600);
	assert_int_equal(info->fadt.pm1b_event, 0x610);
	assert_int_equal(info->fadt.pm1a_control, 0x604);
	assert_int_equal(info->fadt.pm1b_control, 0x614);
	assert_int_equal(info->fadt.pm_timer, 0x608);
	assert_int_equal(info->fadt.pm1_event_length, 4);
	assert_int_equal(info->fadt.gpe0, 0x620);
	assert_int_equal(info->fadt.gpe0_length, 16);
	assert_int_equal(info->fadt.gpe1, 0x630);
	assert_int_equal(info->fadt.gpe1_length, 8);
	assert_int_equal(info->fadt.boot_flags, 3);
	assert_int_equal(info->fadt.flags, 1 << 10);
	assert_true(info->fadt.reset_supported);
	assert_int_equal(info->fadt.reset_space, 1);
	assert_int_equal(info->fadt.reset_address, 0xcf9);
	assert_int_equal(info->fadt.reset_value, 6);

	/* The wide fields go before the others where they name a port. */
	begin();
	change(fadt, 172, 1, 1);
	change(fadt, 176, 0x404, 8);
	change(fadt, 208, 0, 1); /* memory */
	change(fadt, 212, 0xfed00000, 8);
	change(fadt, 220, 1, 1);
	change(fadt, 224, 0x10000, 8); /* no port */
	change(fadt, 60, 0x10610, 4);
	accepted();
	assert_int_equal(info->fadt.pm1a_control, 0x404);
	assert_int_equal(info->fadt.pm_timer, 0x608);
	assert_int_equal(info->fadt.gpe0, 0);
	assert_int_equal(info->fadt.pm1b_event, 0);

	begin();
	change(fadt, 112, 1U << 20, 4); /* hardware-reduced: there are no such registers */
	accepted();
	assert_int_equal(info->fadt.pm1a_control, 0);
	assert_int_equal(info->fadt.pm_timer, 0);
	assert_int_equal(info->fadt.sci, 0);
}

static void test_reset_registers(void **state)
{
	static const struct {
		uint8_t space;
		uint64_t address;
		uint32_t flags;
		bool supported;
	} resets[] = {
		{1, 0xcf9, 1U << 10, true},	   {1, 0xcf9, 0, false},
		{1, 0, 1U << 10, false},	   {1, 0x10cf9, 1U << 10, false},
		{0, 0xfed00000, 1U << 10, true},   {0, 1ULL << 52, 1U << 10, false},
		{2, 0x1f00000064, 1U << 10, true}, {3, 1, 1U << 10, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(resets); i++) {
		begin();
		change(fadt, 116, resets[i].space, 1);
		change(fadt, 120, resets[i].address, 8);
		change(fadt, 112, resets[i].flags, 4);
		accepted();
		assert_int_equal(info->fadt.reset_supported, resets[i].supported);
	}
}

static void test_fadts_of_any_length(void **state)
{
	(void)state;
	for (size_t length = 36; length <= 276; length++) {
		fake_acpi_reset(&fake);
		put_fadt(length);
		put_madt();
		put_mcfg();
		if (length < 116) {
			refused("FACP", "is too short");
			continue;
		}
		accepted();
		assert_int_equal(info->fadt.pm_timer, 0x608);
		assert_int_equal(info->fadt.reset_supported, length >= 132);
	}
}

static void test_dsdt_and_facs_are_found(void **state)
{
	uint64_t facs;

	(void)state;
	begin();
	facs = fake_acpi_begin(&fake, "FACS"); /* it has no checksum */
	fake.root_count--;
	put_zeros(28);
	store32(fake_acpi_at(&fake, facs) + 4, 64);
	change(fadt, 36, 0xdeadbeef, 4); /* the wide field goes before it */
	change(fadt, 132, facs, 8);
	change(fadt, 40, 0xdeadbeef, 4);
	change(fadt, 140, dsdt, 8);
	accepted();
	assert_int_equal(info->table_count, 5);
	assert_true(hpa_value(info->tables[3].address) == dsdt);
	assert_memory_equal(info->tables[4].signature, "FACS", 4);
	assert_true(info->tables[4].good);

	store32(fake_acpi_at(&fake, facs) + 4, 63);
	assert_int_equal(fake_acpi_parse(&fake), 0);
	expect_problem(0, "FACS", "has a bad length");
	assert_false(info->tables[4].good);
}

/* ---- IVRS ---- */

static void begin_ivrs(void)
{
	begin();
	fake_acpi_begin(&fake, "IVRS");
	put32(0x2800), put64(0);
}

static void put_ivhd(uint8_t type, uint16_t length, uint16_t bdf, uint64_t base)
{
	put8(type), put8(0xd1), put16(length), put16(bdf), put16(0x40), put64(base);
	put16(0), put16(0), put32(0x44);
	if (type != 0x10)
		put64(0), put64(0);
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

static void expect_scope(size_t index, uint16_t first, uint16_t last)
{
	assert_true(index < info->scope_count);
	assert_int_equal(info->scopes[index].first, first);
	assert_int_equal(info->scopes[index].last, last);
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
	fake_acpi_put_bytes(&fake, ivhd, 64);
	fake_acpi_end(&fake);
	accepted();
	assert_int_equal(info->iommu_kind, ACPI_AMDVI);
	assert_int_equal(info->iommu_count, 1);
	assert_true(hpa_value(info->iommus[0].base) == 0xfed80000);
	assert_int_equal(info->iommus[0].bdf, 0x0008);
	assert_int_equal(info->iommus[0].capability, 0x40);
	assert_false(info->iommus[0].all);
	assert_int_equal(info->scope_count, 8);
	expect_scope(0, 0, 0);
	expect_scope(3, 0x0100, 0x01ff);
	expect_scope(7, 0x00a0, 0x00a0);
	assert_true(info->scopes[7].ioapic);
	assert_int_equal(info->scopes[7].ioapic_id, 0);
	assert_false(info->scopes[6].ioapic);
}

static void test_ivrs_entries_of_all_kinds(void **state)
{
	(void)state;
	begin_ivrs();
	put_ivhd(0x40, 40 + 4 * 9 + 8 * 7 + 16 + 32 + 25, 0x0002, 0xfeb80000);
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
	fake_acpi_end(&fake);
	accepted();
	assert_int_equal(info->scope_count, 10);
	expect_scope(0, 0x0010, 0x0010);
	expect_scope(1, 0x0020, 0x002f);
	expect_scope(2, 0x0030, 0x0030);
	assert_true(info->scopes[2].aliased);
	assert_int_equal(info->scopes[2].alias, 0x0100);
	expect_scope(3, 0x0200, 0x02ff);
	assert_true(info->scopes[3].aliased);
	assert_int_equal(info->scopes[3].alias, 0x0110);
	expect_scope(4, 0x0040, 0x0040);
	assert_false(info->scopes[4].aliased);
	expect_scope(5, 0x0300, 0x03ff);
	assert_false(info->scopes[5].aliased);
	expect_scope(6, 0x00a0, 0x00a0);
	assert_int_equal(info->scopes[6].ioapic_id, 9);
	expect_scope(7, 0x00a1, 0x00a1);
	assert_false(info->scopes[7].ioapic);
	assert_int_equal(info->scopes[7].ioapic_id, 0);
	expect_scope(8, 0x00a5, 0x00a5);
	expect_scope(9, 0x0050, 0x0050);
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

			put_ivhd(orders[i][j], (old ? 24 : 40) + 4, 0x0002, 0xfeb80000);
			put_device(2, orders[i][j]);
		}
		put_ivhd(0x11, 52, 0x4002, 0xfeb90000); /* another unit */
		put_device(1, 0);
		put_device(2, 0x4100);
		put_device(2, 0x4200);
		fake_acpi_end(&fake);
		accepted();
		assert_int_equal(info->iommu_count, 2);
		assert_int_equal(info->scope_count, 3);
		expect_scope(0, 0x40, 0x40);
		assert_int_equal(info->scopes[0].iommu, 0);
		expect_scope(2, 0x4200, 0x4200);
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
	put_ivhd(0x10, 28, 0x0002, 0xfeb80000);
	put_device(1, 0);
	fake_acpi_end(&fake);
	accepted();
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
	fake_acpi_end(&fake);
	ignored("IVRS", what);
	assert_int_equal(info->iommu_kind, ACPI_NO_IOMMU);
	assert_int_equal(info->iommu_count, 0);
	assert_int_equal(info->scope_count, 0);
	assert_int_equal(info->reserved_count, 0);
}

static void test_bad_ivrs_are_left_out(void **state)
{
	(void)state;
	begin_ivrs();
	ivrs_ignored("names no IOMMU");
	for (uint16_t length = 0; length < 24; length++) {
		begin_ivrs();
		put_ivhd(0x10, length, 2, 0xfeb80000);
		put_zeros(24);
		ivrs_ignored("has an entry with a bad length");
	}
	begin_ivrs();
	put_ivhd(0x11, 39, 2, 0xfeb80000);
	ivrs_ignored("has an entry with a bad length");
	begin_ivrs();
	put_ivhd(0x10, 25, 2, 0xfeb80000); /* beyond the table */
	ivrs_ignored("has an entry with a bad length");
	begin_ivrs();
	put_ivhd(0x10, 24, 2, 0xfeb80000);
	put_zeros(7); /* less than a block's header */
	ivrs_ignored("has an entry with a bad length");
	begin_ivrs();
	put_ivhd(0x10, 24 + 7, 2, 0xfeb80000);
	put8(66), put_zeros(6); /* less than an entry */
	ivrs_ignored("has an entry with a bad length");
	begin_ivrs();
	put_ivhd(0x40, 40 + 22, 2, 0xfeb80000);
	put8(240), put_zeros(20), put8(1); /* a name beyond the block */
	ivrs_ignored("has an entry with a bad length");
	begin_ivrs();
	put_ivhd(0x10, 28, 2, 0xfeb80000);
	put_device(3, 0x10); /* no end */
	ivrs_ignored("has a range of devices without its start or end");
	begin_ivrs();
	put_ivhd(0x10, 28, 2, 0xfeb80000);
	put_device(4, 0x10); /* no start */
	ivrs_ignored("has a range of devices without its start or end");
	begin_ivrs();
	put_ivhd(0x10, 32, 2, 0xfeb80000);
	put_device(3, 0x10), put_device(2, 0x11);
	ivrs_ignored("has a range of devices without its start or end");
	begin_ivrs();
	put_ivhd(0x10, 32, 2, 0xfeb80000);
	put_device(3, 0x10), put_device(4, 0x0f);
	ivrs_ignored("has a range of devices that is none");
	begin_ivrs();
	put_ivhd(0x10, 24, 2, 0);
	ivrs_ignored("has an IOMMU at a bad address");
	begin_ivrs();
	put_ivhd(0x10, 24, 2, 1ULL << 52);
	ivrs_ignored("has an IOMMU at a bad address");
	begin_ivrs();
	for (uint16_t i = 0; i <= ACPI_MAX_IOMMUS; i++)
		put_ivhd(0x10, 24, i, 0xfeb80000);
	ivrs_ignored("names too many IOMMUs");
	begin_ivrs();
	put_ivhd(0x10, 24 + 4 * (ACPI_MAX_SCOPES + 1), 2, 0xfeb80000);
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

/* ---- DMAR ---- */

static void begin_dmar(uint8_t flags)
{
	begin();
	fake_acpi_begin(&fake, "DMAR");
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
	fake_acpi_end(&fake);
	accepted();
	assert_int_equal(info->iommu_kind, ACPI_VTD);
	assert_true(info->dmar_interrupt_remapping);
	assert_int_equal(info->iommu_count, 2);
	assert_true(hpa_value(info->iommus[1].base) == 0xfed91000);
	assert_false(info->iommus[0].all);
	assert_true(info->iommus[1].all);
	assert_int_equal(info->scope_count, 6);
	expect_scope(0, 0x0010, 0x0010);
	assert_int_equal(info->scopes[0].iommu, 0);
	assert_false(info->scopes[0].below);
	expect_scope(1, 0xf0f8, 0xf0f8);
	assert_int_equal(info->scopes[1].iommu, 1);
	assert_true(info->scopes[1].ioapic);
	assert_int_equal(info->scopes[1].ioapic_id, 2);
	expect_scope(2, 0x00f6, 0x00f6);
	assert_false(info->scopes[2].ioapic);
	expect_scope(3, 0x00e0, 0x00e0);
	assert_true(info->scopes[3].below);
	expect_scope(4, 0x00a9, 0x00a9);
	expect_scope(5, 0x00e4, 0x00e4);
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
	fake_acpi_end(&fake);
	accepted();
	assert_false(info->dmar_interrupt_remapping);
}

static void dmar_ignored(const char *what)
{
	fake_acpi_end(&fake);
	ignored("DMAR", what);
	assert_int_equal(info->iommu_kind, ACPI_NO_IOMMU);
	assert_int_equal(info->iommu_count, 0);
	assert_int_equal(info->scope_count, 0);
	assert_false(info->dmar_interrupt_remapping);
}

static void test_bad_dmars_are_left_out(void **state)
{
	(void)state;
	begin();
	fake_acpi_begin(&fake, "DMAR");
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
	fake_acpi_end(&fake);
	fake_acpi_begin(&fake, "IVRS");
	put32(0), put64(0);
	put_ivhd(0x10, 24, 2, 0xfeb80000);
	fake_acpi_end(&fake);
	ignored("DMAR", "is there beside an IVRS");
	assert_int_equal(info->iommu_kind, ACPI_AMDVI);
	assert_int_equal(info->iommu_count, 1);

	begin_dmar(1);
	put_drhd(16, 1, 0, 0xfed90000);
	fake_acpi_end(&fake);
	fake_acpi_begin(&fake, "IVRS");
	fake_acpi_end(&fake);
	ignored("IVRS", "names no IOMMU");
	assert_int_equal(info->iommu_kind, ACPI_VTD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_plain_machine),
		cmocka_unit_test(test_the_rsdt_stands_in_for_a_bad_xsdt),
		cmocka_unit_test(test_without_a_root_there_is_nothing),
		cmocka_unit_test(test_what_is_needed_must_be_right),
		cmocka_unit_test(test_problems_beyond_the_list_are_counted),
		cmocka_unit_test(test_the_root_may_list_anything),
		cmocka_unit_test(test_madt_lists_what_is_enabled_once),
		cmocka_unit_test(test_bad_madts_are_refused),
		cmocka_unit_test(test_mcfg_of_segment_0),
		cmocka_unit_test(test_bad_mcfgs_are_refused),
		cmocka_unit_test(test_fadt_names_ports),
		cmocka_unit_test(test_reset_registers),
		cmocka_unit_test(test_fadts_of_any_length),
		cmocka_unit_test(test_dsdt_and_facs_are_found),
		cmocka_unit_test(test_ivrs_of_qemu),
		cmocka_unit_test(test_ivrs_entries_of_all_kinds),
		cmocka_unit_test(test_the_highest_block_of_a_unit_counts),
		cmocka_unit_test(test_ivmds),
		cmocka_unit_test(test_bad_ivrs_are_left_out),
		cmocka_unit_test(test_dmar_scopes),
		cmocka_unit_test(test_bad_dmars_are_left_out),
		cmocka_unit_test(test_only_one_kind_of_iommu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
