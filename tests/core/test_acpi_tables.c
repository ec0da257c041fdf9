/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way from the RSDP to the tables, and MADT, MCFG and FADT, without which the core does not
 * start: what is read from right ones, and that wrong ones are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "acpi-rig.h"
#include "lib/bytes.h"
#include "lib/errno.h"

static struct acpi_info *const info = &rig_acpi.info;

static void change(uint64_t table, size_t offset, uint64_t value, size_t size)
{
	memcpy(fake_acpi_at(&rig_acpi, table) + offset, &value, size);
	fake_acpi_seal(&rig_acpi, table);
}

static void put_x2apic(uint32_t id, uint32_t flags)
{
	put8(9), put8(16), put16(0), put32(id), put32(flags), put32(99);
}

static void refused(const char *signature, const char *what)
{
	assert_int_equal(rig_parse(), -EBADMSG);
	rig_expect_problem(0, signature, what);
}

/* ---- the way to the tables ---- */

static void test_a_plain_machine(void **state)
{
	(void)state;
	rig_begin();
	rig_accepted();
	assert_int_equal(info->rsdp_revision, 2);
	assert_int_equal(info->table_count, 4);
	assert_memory_equal(info->tables[0].signature, "FACP", 4);
	assert_memory_equal(info->tables[3].signature, "DSDT", 4);
	assert_true(hpa_value(info->tables[3].address) == rig_dsdt);
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
	rig_begin();
	fake_acpi_finish(&rig_acpi);
	fake_acpi_at(&rig_acpi, load64(rig_acpi.rsdp + 24))[12] ^= 1;
	assert_int_equal(fake_acpi_parse(&rig_acpi), 0);
	assert_int_equal(info->table_count, 4);
	rig_expect_problem(0, "XSDT", "has a bad checksum");

	rig_begin();
	fake_acpi_finish(&rig_acpi);
	rig_acpi.rsdp[33] ^= 1; /* only the extended checksum counts this */
	assert_int_equal(fake_acpi_parse(&rig_acpi), 0);
	assert_int_equal(rig_acpi.problem_count, 0);

	rig_begin();
	fake_acpi_finish(&rig_acpi);
	rig_acpi.rsdp[15] = 0;
	store64(rig_acpi.rsdp + 24, 0);
	fake_acpi_seal_rsdp(&rig_acpi);
	assert_int_equal(fake_acpi_parse(&rig_acpi), 0);
	assert_int_equal(info->rsdp_revision, 0);
	assert_int_equal(acpi_parse(rig_acpi.rsdp, 20, fake_acpi_read, &rig_acpi, info,
				    rig_acpi.problems, 4, &rig_acpi.problem_count),
			 0);
}

static void test_without_a_root_there_is_nothing(void **state)
{
	(void)state;
	rig_begin();
	fake_acpi_finish(&rig_acpi);
	for (size_t size = 0; size < 20; size++)
		assert_int_equal(acpi_parse(rig_acpi.rsdp, size, fake_acpi_read, &rig_acpi, info,
					    rig_acpi.problems, 4, &rig_acpi.problem_count),
				 -ENOENT);
	rig_acpi.rsdp[9] ^= 1;
	assert_int_equal(fake_acpi_parse(&rig_acpi), -ENOENT);
	rig_acpi.rsdp[9] ^= 1;
	rig_acpi.rsdp[0] ^= 1;
	fake_acpi_seal_rsdp(&rig_acpi);
	assert_int_equal(fake_acpi_parse(&rig_acpi), -ENOENT);

	rig_begin();
	fake_acpi_finish(&rig_acpi);
	store64(rig_acpi.rsdp + 24, UINT64_MAX);
	store32(rig_acpi.rsdp + 16, 0);
	fake_acpi_seal_rsdp(&rig_acpi);
	assert_int_equal(fake_acpi_parse(&rig_acpi), -ENOENT);
	rig_expect_problem(0, "XSDT", "is not in memory");
	rig_expect_problem(1, "RSDT", "is not in memory");

	/* Another table in the place of both. */
	store64(rig_acpi.rsdp + 24, rig_madt);
	store32(rig_acpi.rsdp + 16, (uint32_t)rig_madt);
	fake_acpi_seal_rsdp(&rig_acpi);
	assert_int_equal(fake_acpi_parse(&rig_acpi), -ENOENT);
	rig_expect_problem(1, "RSDT", "has another signature");
}

static void test_what_is_needed_must_be_right(void **state)
{
	static const struct {
		uint64_t *table;
		const char *signature;
	} needed[] = {{&rig_fadt, "FACP"}, {&rig_madt, "APIC"}, {&rig_mcfg, "MCFG"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(needed); i++) {
		static const uint32_t lengths[] = {0, 35, 0x7fffffff, 0xffffffff};

		rig_begin();
		fake_acpi_at(&rig_acpi, *needed[i].table)[20] ^= 1; /* the checksum */
		refused(needed[i].signature, "has a bad checksum");

		for (size_t j = 0; j < ARRAY_LENGTH(lengths); j++) {
			rig_begin();
			store32(fake_acpi_at(&rig_acpi, *needed[i].table) + 4, lengths[j]);
			refused(needed[i].signature, "has a bad length");
		}

		rig_begin(); /* it reaches beyond memory */
		store32(fake_acpi_at(&rig_acpi, *needed[i].table) + 4, FAKE_ACPI_SIZE);
		refused(needed[i].signature, "has a bad checksum");

		rig_begin();
		memcpy(fake_acpi_at(&rig_acpi, *needed[i].table), "\x1b[2J", 4);
		fake_acpi_seal(&rig_acpi, *needed[i].table);
		refused(needed[i].signature, "is missing");
	}
}

static void test_problems_beyond_the_list_are_counted(void **state)
{
	(void)state;
	fake_acpi_reset(&rig_acpi);
	for (unsigned i = 0; i < 10; i++) {
		fake_acpi_begin(&rig_acpi, "\x01\xffZ!");
		fake_acpi_end(&rig_acpi);
		rig_acpi.memory[rig_acpi.table + 20] ^= 1;
	}
	rig_put_fadt(244);
	rig_put_madt();
	rig_put_mcfg();
	assert_int_equal(rig_parse(), 0);
	assert_int_equal(rig_acpi.problem_count, 10);
	rig_expect_problem(3, "??Z!", "has a bad checksum");

	fake_acpi_at(&rig_acpi, rig_mcfg)[20] ^= 1; /* why it is bad has no room any more */
	assert_int_equal(fake_acpi_parse(&rig_acpi), -EBADMSG);
	rig_expect_problem(0, "MCFG", "is missing");
	rig_expect_problem(3, "??Z!", "has a bad checksum");
	assert_int_equal(acpi_parse(rig_acpi.rsdp, 36, fake_acpi_read, &rig_acpi, info,
				    rig_acpi.problems, 1, &rig_acpi.problem_count),
			 -EBADMSG);
	rig_expect_problem(0, "MCFG", "is missing");
}

static void test_the_root_may_list_anything(void **state)
{
	(void)state;
	rig_begin();
	rig_acpi.roots[rig_acpi.root_count++] = 0; /* an empty place */
	rig_acpi.roots[rig_acpi.root_count++] = rig_madt;
	rig_acpi.roots[rig_acpi.root_count++] = rig_madt;
	rig_accepted();
	assert_int_equal(info->table_count, 4);
	assert_int_equal(info->cpu_count, 1);

	rig_begin();
	rig_acpi.roots[rig_acpi.root_count++] = UINT64_MAX - 3;
	rig_ignored("XSDT", "is not in memory");
	rig_begin();
	rig_acpi.roots[rig_acpi.root_count++] = FAKE_ACPI_BASE + FAKE_ACPI_SIZE - 7;
	rig_ignored("XSDT", "is not in memory");

	/* The first good one of a name counts. */
	rig_begin();
	fake_acpi_at(&rig_acpi, rig_madt)[20] ^= 1;
	rig_put_madt_header();
	rig_put_cpu(7, 1);
	fake_acpi_end(&rig_acpi);
	rig_put_madt_header();
	rig_put_cpu(8, 1);
	fake_acpi_end(&rig_acpi);
	assert_int_equal(rig_parse(), 0);
	assert_int_equal(info->cpu_count, 1);
	assert_int_equal(info->cpu_apic_ids[0], 7);

	/* More than there is room for. */
	rig_begin();
	while (rig_acpi.root_count < ACPI_MAX_TABLES + 1) {
		fake_acpi_begin(&rig_acpi, "SSDT");
		fake_acpi_end(&rig_acpi);
	}
	assert_int_equal(rig_parse(), 0);
	assert_int_equal(info->table_count, ACPI_MAX_TABLES);
	rig_expect_problem(0, "XSDT", "lists too many tables");
}

/* ---- MADT ---- */

static void test_madt_lists_what_is_enabled_once(void **state)
{
	(void)state;
	fake_acpi_reset(&rig_acpi);
	rig_put_fadt(244);
	rig_put_mcfg();
	rig_put_madt_header();
	rig_put_cpu(4, 1);
	rig_put_cpu(5, 0); /* disabled */
	rig_put_cpu(6, 2); /* only online capable */
	rig_put_cpu(7, 3);
	rig_put_cpu(255, 1); /* nobody */
	rig_put_cpu(4, 1);   /* again */
	put_x2apic(4, 1);
	put_x2apic(0x12345, 1);
	put_x2apic(0x12346, 2);
	put_x2apic(UINT32_MAX, 1);
	put8(4), put8(6), put8(255), put16(0), put8(1); /* an NMI */
	put8(5), put8(12), put16(0), put64(0x1fee00000);
	rig_put_ioapic(1, 0xfec01000, 24);
	rig_put_ioapic(0, 0xfec00000, 0);
	rig_put_ioapic(3, 0xfec00000, 48); /* the same again */
	rig_put_override(0, 0, 2, 0);
	rig_put_override(0, 0, 3, 0);
	rig_put_override(1, 1, 4, 0);  /* not ISA */
	rig_put_override(0, 16, 5, 0); /* no ISA interrupt */
	put8(200), put8(2);	       /* unknown */
	fake_acpi_end(&rig_acpi);
	rig_accepted();
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
	fake_acpi_reset(&rig_acpi);
	rig_put_fadt(244);
	rig_put_mcfg();
	rig_put_madt_header();
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
			fake_acpi_end(&rig_acpi);
			refused("APIC", "has an entry with a bad length");
		}
		begin_madt();
		rig_put_cpu(0, 1);
		put8(type), put8(33), put_zeros(30);
		fake_acpi_end(&rig_acpi);
		refused("APIC", "has an entry with a bad length");
	}
	begin_madt();
	rig_put_cpu(0, 1), put8(0);
	fake_acpi_end(&rig_acpi);
	refused("APIC", "has an entry with a bad length");

	begin_madt();
	rig_put_cpu(0, 0);
	fake_acpi_end(&rig_acpi);
	refused("APIC", "has no CPU");
	begin_madt();
	for (uint32_t i = 0; i <= ACPI_MAX_CPUS; i++)
		put_x2apic(1000 + i, 1);
	fake_acpi_end(&rig_acpi);
	refused("APIC", "lists too many CPUs");
	begin_madt();
	for (uint32_t i = 0; i <= ACPI_MAX_IOAPICS; i++)
		rig_put_ioapic(0, 0xfec00000 + i * 0x1000, i * 24);
	fake_acpi_end(&rig_acpi);
	refused("APIC", "lists too many IOAPICs");
	begin_madt();
	rig_put_ioapic(0, 0, 0);
	fake_acpi_end(&rig_acpi);
	refused("APIC", "has an IOAPIC at a bad address");
	begin_madt();
	rig_put_cpu(0, 1);
	put8(5), put8(12), put16(0), put64(0xfee00010);
	fake_acpi_end(&rig_acpi);
	refused("APIC", "has a bad local APIC address");
	rig_begin();
	change(rig_madt, 36, 0, 4);
	refused("APIC", "has a bad local APIC address");
	rig_begin();
	change(rig_madt, 4, 36 + 7, 4);
	refused("APIC", "is too short");
}

/* ---- MCFG ---- */

static void test_mcfg_of_segment_0(void **state)
{
	(void)state;
	fake_acpi_reset(&rig_acpi);
	rig_put_fadt(244);
	rig_put_madt();
	fake_acpi_begin(&rig_acpi, "MCFG");
	put64(0);
	rig_put_mcfg_entry(0xc0000000, 1, 0, 255);
	rig_put_mcfg_entry(0xb0000000, 0, 64, 127);
	rig_put_mcfg_entry(0xa0000000, 0, 1, 63);
	rig_put_mcfg_entry(0x90000000, 0, 128, 255);
	put64(0); /* half an entry */
	fake_acpi_end(&rig_acpi);
	rig_accepted();
	assert_true(hpa_value(info->ecam) == 0xa0000000);
	assert_int_equal(info->ecam_first_bus, 1);
	assert_int_equal(info->ecam_last_bus, 63);
}

static void test_bad_mcfgs_are_refused(void **state)
{
	(void)state;
	rig_begin();
	change(rig_mcfg, 4, 44 + 15, 4); /* less than one entry */
	refused("MCFG", "has no segment 0");
	rig_begin();
	change(rig_mcfg, 44 + 8, 1, 2);
	refused("MCFG", "has no segment 0");
	rig_begin();
	change(rig_mcfg, 44, 0, 8);
	refused("MCFG", "has a bad range");
	rig_begin();
	change(rig_mcfg, 44, 0xb0001000, 8);
	refused("MCFG", "has a bad range");
	rig_begin();
	change(rig_mcfg, 44, (1ULL << 52) - 255 * MIB, 8);
	refused("MCFG", "has a bad range");
	rig_begin();
	change(rig_mcfg, 44 + 10, 0xfeff, 2);
	refused("MCFG", "has a bad range");
}

/* ---- FADT ---- */

static void test_fadt_names_ports(void **state)
{
	(void)state;
	rig_begin();
	rig_accepted();
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
	rig_begin();
	change(rig_fadt, 172, 1, 1);
	change(rig_fadt, 176, 0x404, 8);
	change(rig_fadt, 208, 0, 1); /* memory */
	change(rig_fadt, 212, 0xfed00000, 8);
	change(rig_fadt, 220, 1, 1);
	change(rig_fadt, 224, 0x10000, 8); /* no port */
	change(rig_fadt, 60, 0x10610, 4);
	rig_accepted();
	assert_int_equal(info->fadt.pm1a_control, 0x404);
	assert_int_equal(info->fadt.pm_timer, 0x608);
	assert_int_equal(info->fadt.gpe0, 0);
	assert_int_equal(info->fadt.pm1b_event, 0);

	rig_begin();
	change(rig_fadt, 112, 1U << 20, 4); /* hardware-reduced: there are no such registers */
	rig_accepted();
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
		rig_begin();
		change(rig_fadt, 116, resets[i].space, 1);
		change(rig_fadt, 120, resets[i].address, 8);
		change(rig_fadt, 112, resets[i].flags, 4);
		rig_accepted();
		assert_int_equal(info->fadt.reset_supported, resets[i].supported);
	}
}

static void test_fadts_of_any_length(void **state)
{
	(void)state;
	for (size_t length = 36; length <= 276; length++) {
		fake_acpi_reset(&rig_acpi);
		rig_put_fadt(length);
		rig_put_madt();
		rig_put_mcfg();
		if (length < 116) {
			refused("FACP", "is too short");
			continue;
		}
		rig_accepted();
		assert_int_equal(info->fadt.pm_timer, 0x608);
		assert_int_equal(info->fadt.reset_supported, length >= 132);
	}
}

static void test_dsdt_and_facs_are_found(void **state)
{
	uint64_t facs;

	(void)state;
	rig_begin();
	facs = fake_acpi_begin(&rig_acpi, "FACS"); /* it has no checksum */
	rig_acpi.root_count--;
	put_zeros(28);
	store32(fake_acpi_at(&rig_acpi, facs) + 4, 64);
	change(rig_fadt, 36, 0xdeadbeef, 4); /* the wide field goes before it */
	change(rig_fadt, 132, facs, 8);
	change(rig_fadt, 40, 0xdeadbeef, 4);
	change(rig_fadt, 140, rig_dsdt, 8);
	rig_accepted();
	assert_int_equal(info->table_count, 5);
	assert_true(hpa_value(info->tables[3].address) == rig_dsdt);
	assert_memory_equal(info->tables[4].signature, "FACS", 4);
	assert_true(info->tables[4].good);

	store32(fake_acpi_at(&rig_acpi, facs) + 4, 63);
	assert_int_equal(fake_acpi_parse(&rig_acpi), 0);
	rig_expect_problem(0, "FACS", "has a bad length");
	assert_false(info->tables[4].good);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
