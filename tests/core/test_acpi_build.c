/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables the service VMs are told, read again by the core's own parser and by iasl. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "acpi/build.h"
#include "fake-acpi.h"
#include "lib/bytes.h"
#include "lib/errno.h"

#define AT 0x7ff0000 /* where the VM finds the buffer */

static struct fake_acpi fake; /* the machine's own */
static uint8_t buffer[ACPI_BUILD_SIZE];
static int built;
static struct acpi_info info;
static struct acpi_problem problems[4];
static size_t problem_count;

/* What a VM sees: its buffer, and beside it the machine's memory. */
static bool read_vm(void *user, hpa_t start, void *to, size_t size)
{
	uint64_t at = hpa_value(start) - AT;

	if (at >= (uint64_t)built || size > (uint64_t)built - at)
		return user && fake_acpi_read(user, start, to, size);
	memcpy(to, buffer + at, size);
	return true;
}

static void parse(void *machine)
{
	assert_true(built > 36);
	assert_int_equal(
		acpi_parse(buffer, 36, read_vm, machine, &info, problems, 4, &problem_count), 0);
	assert_int_equal(problem_count, 0);
	assert_int_equal(info.rsdp_revision, 2);
}

static const uint8_t *table(const char *signature)
{
	for (size_t i = 0; i < info.table_count; i++)
		if (memcmp(info.tables[i].signature, signature, 4) == 0)
			return buffer + (hpa_value(info.tables[i].address) - AT);
	fail_msg("no %s", signature);
	return NULL;
}

static const struct acpi_ui plain = {
	.vcpu_count = 3,
	.overrides = {{9, 9, 0x000d}, {5, 21, 0x000f}},
	.override_count = 2,
	.ecam = 0xb0000000,
	.ecam_first_bus = 1,
	.ecam_last_bus = 0x7f,
	.windows = {{false, 0xc0000000, 0x3ec00000},
		    {false, 0x800000000, 0x400000000},
		    {true, 0x1000, 0xf000},
		    {false, 0, 0}},
	.window_count = 4,
	.pm1_event = 0x600,
	.pm1_control = 0x604,
	.pm_timer = 0x608,
};

static void build_ui(const struct acpi_ui *ui)
{
	memset(buffer, 0xa5, sizeof(buffer));
	built = acpi_build_ui(ui, gpa(AT), buffer, sizeof(buffer));
}

static void test_the_ui_vm_is_a_whole_machine(void **state)
{
	const uint8_t *fadt;

	(void)state;
	build_ui(&plain);
	parse(NULL);
	assert_int_equal(info.table_count, 5); /* FADT, MADT, MCFG; DSDT, FACS */
	assert_int_equal(info.cpu_count, 3);
	assert_int_equal(info.cpu_apic_ids[2], 2);
	assert_true(hpa_value(info.lapic) == 0xfee00000);
	assert_int_equal(info.ioapic_count, 1);
	assert_int_equal(info.ioapics[0].id, 0);
	assert_true(hpa_value(info.ioapics[0].address) == 0xfec00000);
	assert_int_equal(info.ioapics[0].gsi_base, 0);
	assert_int_equal(info.override_count, 2);
	assert_int_equal(info.overrides[1].irq, 5);
	assert_int_equal(info.overrides[1].gsi, 21);
	assert_int_equal(info.overrides[1].flags, 0x000f);
	assert_true(hpa_value(info.ecam) == 0xb0000000);
	assert_int_equal(info.ecam_first_bus, 1);
	assert_int_equal(info.ecam_last_bus, 0x7f);
	assert_int_equal(info.fadt.sci, 9);
	assert_int_equal(info.fadt.smi_command, 0); /* ACPI is always on */
	assert_int_equal(info.fadt.pm1a_event, 0x600);
	assert_int_equal(info.fadt.pm1_event_length, 4);
	assert_int_equal(info.fadt.pm1a_control, 0x604);
	assert_int_equal(info.fadt.pm_timer, 0x608);
	assert_int_equal(info.fadt.gpe0, 0);
	assert_true(info.fadt.reset_supported);
	assert_int_equal(info.fadt.reset_space, 1);
	assert_int_equal(info.fadt.reset_address, 0xcf9);
	assert_int_equal(info.fadt.reset_value, 6);
	assert_int_equal(info.fadt.flags, 0x575); /* among them: a PM timer of 32 bits */
	assert_int_equal(info.fadt.boot_flags, 1 | 1 << 1 | 1 << 2 | 1 << 4 | 1 << 5);
	assert_int_equal(hpa_value(info.tables[4].address) % 64, 0); /* FACS */
	assert_int_equal(load32(buffer + 20), 36);		     /* the RSDP's length */
	/* The old fields, for who does not read the wide ones, and those. */
	fadt = table("FACP");
	assert_memory_equal(fadt + 148, "\1\x20\0\3\0\6\0\0\0\0\0\0", 12);
	assert_memory_equal(fadt + 172, "\1\x10\0\2\4\6\0\0\0\0\0\0", 12);
	assert_memory_equal(fadt + 208, "\1\x20\0\3\x08\6\0\0\0\0\0\0", 12);
	assert_true(load64(fadt + 140) == hpa_value(info.tables[3].address));
	assert_int_equal(load32(fadt + 36), hpa_value(info.tables[4].address));
	assert_int_equal(load32(fadt + 40), hpa_value(info.tables[3].address));
	assert_int_equal(load32(fadt + 56), 0x600);
	assert_int_equal(load32(fadt + 64), 0x604);
	assert_int_equal(load32(fadt + 76), 0x608);
}

static void test_a_cmos_clock_is_told(void **state)
{
	struct acpi_ui ui = plain;

	(void)state;
	ui.cmos_clock = true;
	build_ui(&ui);
	parse(NULL);
	assert_false(info.fadt.boot_flags & 1 << 5);
}

static void test_vcpus_beyond_254_are_x2apics(void **state)
{
	struct acpi_ui ui = plain;
	const uint8_t *at, *end;
	uint32_t next = 0;

	(void)state;
	ui.vcpu_count = 300;
	memset(buffer, 0, sizeof(buffer));
	built = acpi_build_ui(&ui, gpa(AT), buffer, sizeof(buffer));
	assert_true(built > 0);
	at = memmem(buffer, sizeof(buffer), "APIC", 4);
	assert_non_null(at);
	end = at + load32(at + 4);
	for (at += 44; at < end; at += at[1]) {
		if (at[0] == 0) {
			assert_true(next < 255 && at[3] == next);
			next++;
		}
		if (at[0] == 9) {
			assert_true(next >= 255 && load32(at + 4) == next);
			assert_int_equal(load32(at + 8), 1);
			next++;
		}
	}
	assert_int_equal(next, 300);
}

/* Where the bytes are in the DSDT; they must be. */
static void expect_aml(const char *bytes, size_t size)
{
	const uint8_t *dsdt = table("DSDT");

	assert_non_null(memmem(dsdt, load32(dsdt + 4), bytes, size));
}
#define EXPECT_AML(bytes) expect_aml(bytes, sizeof(bytes) - 1)

/* Goes through what is in [at, end); objects with a length must end where they say. */
static void walk_aml(const uint8_t *at, const uint8_t *end)
{
	while (at < end) {
		const uint8_t *object;

		if (*at == 0x08) { /* Name */
			at += 5;
			if (*at == 0x0c)
				at += 5;
			else if (*at == 0x0a)
				at += 2;
			else if (*at <= 1)
				at += 1;
			continue;
		}
		assert_true(at[0] == 0x10 || at[0] == 0x11 || at[0] == 0x12 ||
			    (at[0] == 0x5b && at[1] == 0x82));
		object = at + (at[0] == 0x5b ? 2 : 1);
		assert_int_equal(object[0] >> 6, 2);
		at = object + ((object[0] & 15) | object[1] << 4 | object[2] << 12);
		assert_true(at <= end);
		if (object[-1] == 0x10)
			walk_aml(object + 3 + 5, at);
		if (object[-1] == 0x82)
			walk_aml(object + 3 + 4, at);
		if (object[-1] == 0x11) {
			assert_int_equal(object[3], 0x0b);
			assert_ptr_equal(object + 6 + load16(object + 4), at);
			assert_int_equal(at[-2], 0x79); /* the end of resources */
		}
	}
	assert_ptr_equal(at, end);
}

static void test_the_aml_says_what_there_is(void **state)
{
	const uint8_t *dsdt;

	(void)state;
	build_ui(&plain);
	parse(NULL);
	dsdt = table("DSDT");
	walk_aml(dsdt + 36, dsdt + load32(dsdt + 4));
	EXPECT_AML("\x08_S5_\x12\x8a\0\0\4\x0a\5\x0a\5\0\0");
	EXPECT_AML("\\_SB_\x5b\x82");
	EXPECT_AML("PCI0\x08_HID\x0c\x41\xd0\x0a\x08\x08_CID\x0c\x41\xd0\x0a\x03");
	EXPECT_AML("_BBN\1");
	/* Buses 1 to 0x7f, memory below and above 4 GiB, ports; 0xcf8 is the root's own. */
	EXPECT_AML("\x88\x0d\0\2\x0c\0\0\0\1\0\x7f\0\0\0\x7f\0");
	EXPECT_AML("\x47\1\xf8\x0c\xf8\x0c\1\x08");
	EXPECT_AML("\x87\x17\0\0\x0c\1\0\0\0\0\0\0\0\xc0\xff\xff\xbf\xfe\0\0\0\0\0\0\xc0\x3e");
	EXPECT_AML("\x8a\x2b\0\0\x0c\1\0\0\0\0\0\0\0\0\0\0\0\0\x08\0\0\0\xff\xff\xff\xff\x0b\0\0\0"
		   "\0\0\0\0\0\0\0\0\0\0\0\0\4\0\0\0");
	EXPECT_AML("\x88\x0d\0\1\x0c\3\0\0\0\x10\xff\xff\0\0\0\xf0\x79\0");
	EXPECT_AML("PS2K\x08_HID\x0c\x41\xd0\3\3");
	EXPECT_AML("\x47\1\x60\0\x60\0\1\1\x47\1\x64\0\x64\0\1\1\x22\2\0\x79\0");
	EXPECT_AML("PS2M\x08_HID\x0c\x41\xd0\x0f\x13");
	EXPECT_AML("\x22\0\x10\x79\0");
	/* Configuration space from bus 1 on, reserved. */
	EXPECT_AML("_HID\x0c\x41\xd0\x0c\2");
	EXPECT_AML(
		"\x8a\x2b\0\0\x0d\1\0\0\0\0\0\0\0\0\0\0\x10\xb0\0\0\0\0\xff\xff\xff\xb7\0\0\0\0");
}

/* The referee, where it is installed. */
static void test_iasl_reads_it(void **state)
{
	static const char *const signatures[] = {"FACP", "APIC", "MCFG", "DSDT", "FACS"};
	char directory[] = "/tmp/test_acpi_build.XXXXXX", command[512], path[128];

	(void)state;
	if (system("iasl -v >/dev/null 2>&1") != 0)
		skip();
	build_ui(&plain);
	parse(NULL);
	assert_non_null(mkdtemp(directory));
	for (size_t i = 0; i < ARRAY_LENGTH(signatures); i++) {
		const uint8_t *bytes = table(signatures[i]);
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s.aml", directory, signatures[i]);
		file = fopen(path, "wb");
		assert_non_null(file);
		assert_int_equal(fwrite(bytes, 1, load32(bytes + 4), file), load32(bytes + 4));
		fclose(file);
	}
	snprintf(command, sizeof(command),
		 "cd %s && for t in *.aml; do iasl -d $t >$t.log 2>&1 || exit 1; "
		 "grep -iE 'error|warning|invalid|truncated' $t.log *.dsl | "
		 "grep -v 'HEST\\|Error Source' && exit 1; done; "
		 "iasl -f DSDT.dsl >compiled.log 2>&1 && grep -q '0 Errors, 0 Warnings' "
		 "compiled.log; "
		 "r=$?; cd /; rm -rf %s; exit $r",
		 directory, directory);
	assert_int_equal(system(command), 0);
}

static void test_bad_windows_are_refused(void **state)
{
	static const struct acpi_window bad[] = {
		{true, 0x1000, 0xf001},
		{true, 0x10000, 1},
		{false, UINT64_MAX, 2},
		{false, 0x1000, UINT64_MAX},
	};
	struct acpi_ui ui = plain;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		ui.windows[1] = bad[i];
		build_ui(&ui);
		assert_int_equal(built, -EINVAL);
	}
}

/* ---- the control VM ---- */

static uint64_t put_table(const char *signature, size_t size)
{
	uint64_t address = fake_acpi_begin(&fake, signature);

	while (size-- > 0)
		fake_acpi_put(&fake, 0, 1);
	fake_acpi_end(&fake);
	return address;
}

static uint64_t fadt_at, dsdt_at, mcfg_at, ssdt_at, other_ssdt_at, ecdt_at;

static void make_machine(size_t fadt_size)
{
	fake_acpi_reset(&fake);
	dsdt_at = put_table("DSDT", 100);
	fake.root_count = 0;
	put_table("FACP", 200); /* a broken one */
	fake.memory[fake.table + 20] ^= 1;
	fadt_at = put_table("FACP", fadt_size - 36);
	store32(fake_acpi_at(&fake, fadt_at) + 40, (uint32_t)dsdt_at);
	store16(fake_acpi_at(&fake, fadt_at) + 46, 9);
	store32(fake_acpi_at(&fake, fadt_at) + 64, 0x404);
	store16(fake_acpi_at(&fake, fadt_at) + 109, 0x0013);
	fake_acpi_seal(&fake, fadt_at);
	ssdt_at = put_table("SSDT", 50);
	put_table("HPET", 20);
	put_table("WAET", 4);
	mcfg_at = put_table("MCFG", 24);
	store64(fake_acpi_at(&fake, mcfg_at) + 44, 0xb0000000);
	fake_acpi_at(&fake, mcfg_at)[44 + 11] = 255;
	fake_acpi_seal(&fake, mcfg_at);
	other_ssdt_at = put_table("SSDT", 51);
	ecdt_at = put_table("ECDT", 30);
	put_table("DMAR", 12);
	fake_acpi_begin(&fake, "APIC");
	fake_acpi_put(&fake, 0x1fee00000, 4);
	fake_acpi_put(&fake, 1, 4);
	fake_acpi_put_bytes(&fake, "\0\x08\0\x10\1\0\0\0\0\x08\1\x12\1\0\0\0", 16);
	fake_acpi_put_bytes(&fake,
			    "\1\x0c\5\0\0\0\xc0\xfe\0\0\0\0\1\x0c\6\0\0\x10\xc0\xfe\x18\0\0\0", 24);
	fake_acpi_put_bytes(&fake, "\2\x0a\0\0\2\0\0\0\0\0\2\x0a\0\x09\x09\0\0\0\x0d\0", 20);
	fake_acpi_end(&fake);
	put_table("SSDT", 52); /* a broken one */
	fake.memory[fake.table + 20] ^= 1;
	fake_acpi_finish(&fake);
	assert_int_equal(fake_acpi_parse(&fake), 0);
}

static void test_the_control_vm_has_the_firmware_s(void **state)
{
	uint64_t expected[7]; /* what the XSDT lists, then the FADT's */

	(void)state;
	make_machine(276);
	memset(buffer, 0xa5, sizeof(buffer));
	built = acpi_build_control(&fake.info, fake_acpi_read, &fake, 4, 0x1f, gpa(AT), buffer,
				   sizeof(buffer));
	parse(&fake);
	expected[0] = hpa_value(info.tables[0].address);
	expected[1] = hpa_value(info.tables[1].address);
	expected[2] = hpa_value(info.tables[2].address);
	expected[3] = ssdt_at;
	expected[4] = other_ssdt_at;
	expected[5] = ecdt_at;
	expected[6] = dsdt_at;
	assert_int_equal(info.table_count, 7);
	for (size_t i = 0; i < 7; i++)
		assert_true(hpa_value(info.tables[i].address) == expected[i]);

	/* The FADT: the machine's registers, but no keyboard controller and no VGA. */
	assert_memory_equal(info.tables[0].signature, "FACP", 4);
	assert_true(expected[0] >= AT);
	assert_int_equal(info.fadt.boot_flags, 0x0015);
	assert_int_equal(info.fadt.pm1a_control, 0x404);
	/* Configuration space without the buses that nothing is on. */
	assert_memory_equal(info.tables[2].signature, "MCFG", 4);
	assert_true(expected[2] >= AT);
	assert_true(hpa_value(info.ecam) == 0xb0000000);
	assert_int_equal(info.ecam_first_bus, 0);
	assert_int_equal(info.ecam_last_bus, 0x1f);
	/* The MADT: its vCPUs, the machine's IOAPICs. */
	assert_memory_equal(info.tables[1].signature, "APIC", 4);
	assert_int_equal(info.cpu_count, 4);
	assert_int_equal(info.cpu_apic_ids[3], 3);
	assert_int_equal(info.ioapic_count, 2);
	assert_int_equal(info.ioapics[1].id, 6);
	assert_true(hpa_value(info.ioapics[1].address) == 0xfec01000);
	assert_int_equal(info.ioapics[1].gsi_base, 24);
	assert_int_equal(info.override_count, 2);
	assert_int_equal(info.overrides[1].flags, 0x000d);
	assert_int_equal(info.iommu_kind, ACPI_NO_IOMMU);
}

static void test_fadts_of_any_length_are_copied(void **state)
{
	static const struct {
		size_t size, copied;
	} lengths[] = {{116, 116}, {132, 132}, {244, 244}, {268, 268}, {276, 276}, {300, 276}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
		make_machine(lengths[i].size);
		built = acpi_build_control(&fake.info, fake_acpi_read, &fake, 1, 0x1f, gpa(AT),
					   buffer, sizeof(buffer));
		parse(&fake);
		assert_int_equal(info.tables[0].length, lengths[i].copied);
		assert_int_equal(info.fadt.sci, 9);
	}
}

static void test_without_a_fadt_there_is_nothing_to_copy(void **state)
{
	struct acpi_info none = {0};

	(void)state;
	assert_int_equal(acpi_build_control(&none, fake_acpi_read, &fake, 1, 0x1f, gpa(AT), buffer,
					    sizeof(buffer)),
			 -EIO);
	make_machine(276);
	built = 0;
	assert_int_equal(acpi_build_control(&fake.info, read_vm, NULL, 1, 0x1f, gpa(AT), buffer,
					    sizeof(buffer)),
			 -EIO);
}

static void test_what_does_not_fit_is_told(void **state)
{
	(void)state;
	build_ui(&plain);
	for (size_t size = 0; size <= (size_t)built; size++) {
		uint8_t *small = malloc(size ? size : 1);

		assert_int_equal(acpi_build_ui(&plain, gpa(AT), small, size),
				 size == (size_t)built ? built : -ENOSPC);
		free(small);
	}
	make_machine(276);
	built = acpi_build_control(&fake.info, fake_acpi_read, &fake, 4, 0x1f, gpa(AT), buffer,
				   sizeof(buffer));
	for (size_t size = 0; size <= (size_t)built; size++) {
		uint8_t *small = malloc(size ? size : 1);

		assert_int_equal(acpi_build_control(&fake.info, fake_acpi_read, &fake, 4, 0x1f,
						    gpa(AT), small, size),
				 size == (size_t)built ? built : -ENOSPC);
		free(small);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_ui_vm_is_a_whole_machine),
		cmocka_unit_test(test_a_cmos_clock_is_told),
		cmocka_unit_test(test_vcpus_beyond_254_are_x2apics),
		cmocka_unit_test(test_the_aml_says_what_there_is),
		cmocka_unit_test(test_iasl_reads_it),
		cmocka_unit_test(test_bad_windows_are_refused),
		cmocka_unit_test(test_the_control_vm_has_the_firmware_s),
		cmocka_unit_test(test_fadts_of_any_length_are_copied),
		cmocka_unit_test(test_without_a_fadt_there_is_nothing_to_copy),
		cmocka_unit_test(test_what_does_not_fit_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
