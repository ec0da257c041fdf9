/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes the reader of the firmware's ACPI tables, and what the control VM is told after it. If the
 * first byte is even, the rest is memory with the RSDP at its start. If it is odd, the rest is
 * tables: a byte for the signature, two for the body's size, the body; they get right headers and
 * checksums, and a right FADT, MADT and MCFG come behind them, so that mutations get deeper.
 */
#include <string.h>

#include "acpi/build.h"
#include "../core/fake-acpi.h"
#include "fuzz.h"
#include "lib/bytes.h"

static const char signatures[][5] = {"IVRS", "DMAR", "APIC", "MCFG",
				     "FACP", "SSDT", "FACS", "ECDT"};

static struct fake_acpi fake;

static void put_zeros(size_t size)
{
	while (size-- > 0)
		fake_acpi_put(&fake, 0, 1);
}

static void put_good_tables(void)
{
	fake_acpi_begin(&fake, "FACP");
	put_zeros(244 - 36);
	fake_acpi_end(&fake);
	fake_acpi_begin(&fake, "APIC");
	fake_acpi_put(&fake, 0xfee00000, 8);
	fake_acpi_put(&fake, 0x0000000101010800, 8);
	fake_acpi_end(&fake);
	fake_acpi_begin(&fake, "MCFG");
	put_zeros(8);
	fake_acpi_put(&fake, 0xb0000000, 8);
	fake_acpi_put(&fake, 0xff000000, 8);
	fake_acpi_end(&fake);
}

static void compose(const uint8_t *data, size_t size)
{
	while (size >= 3 && fake.root_count < ACPI_MAX_TABLES) {
		size_t body = load16(data + 1);

		if (body > size - 3)
			body = size - 3;
		fake_acpi_begin(&fake, signatures[data[0] % ARRAY_LENGTH(signatures)]);
		fake_acpi_put_bytes(&fake, data + 3, body);
		fake_acpi_end(&fake);
		data += 3 + body;
		size -= 3 + body;
	}
	put_good_tables();
	fake_acpi_finish(&fake);
}

static void check_cpus(const struct acpi_info *info)
{
	FUZZ_CHECK(info->cpu_count >= 1 && info->cpu_count <= ACPI_MAX_CPUS);
	for (size_t i = 0; i < info->cpu_count; i++)
		for (size_t j = 0; j < i; j++)
			FUZZ_CHECK(info->cpu_apic_ids[i] != info->cpu_apic_ids[j]);
	FUZZ_CHECK(info->ioapic_count <= ACPI_MAX_IOAPICS);
	FUZZ_CHECK(info->override_count <= ACPI_MAX_OVERRIDES);
	for (size_t i = 0; i < info->override_count; i++)
		FUZZ_CHECK(info->overrides[i].irq < 16);
	FUZZ_CHECK(hpa_value(info->lapic) != 0 && hpa_value(info->lapic) % PAGE_SIZE == 0);
}

static void check_iommus(const struct acpi_info *info)
{
	FUZZ_CHECK(info->iommu_count <= ACPI_MAX_IOMMUS);
	FUZZ_CHECK((info->iommu_kind == ACPI_NO_IOMMU) == (info->iommu_count == 0));
	FUZZ_CHECK(info->iommu_kind == ACPI_VTD || !info->dmar_interrupt_remapping);
	for (size_t i = 0; i < info->iommu_count; i++) {
		uint64_t base = hpa_value(info->iommus[i].base);

		FUZZ_CHECK(base != 0 && base % PAGE_SIZE == 0 && base < 1ULL << 52);
	}
	FUZZ_CHECK(info->scope_count <= ACPI_MAX_SCOPES);
	for (size_t i = 0; i < info->scope_count; i++) {
		FUZZ_CHECK(info->scopes[i].iommu < info->iommu_count);
		FUZZ_CHECK(info->scopes[i].first <= info->scopes[i].last);
	}
	FUZZ_CHECK(info->reserved_count <= ACPI_MAX_RESERVED);
	FUZZ_CHECK(info->iommu_count > 0 || info->reserved_count == 0);
	for (size_t i = 0; i < info->reserved_count; i++) {
		uint64_t start = hpa_value(info->reserved[i].start), size = info->reserved[i].size;

		FUZZ_CHECK(size > 0 && start % PAGE_SIZE == 0 && size % PAGE_SIZE == 0);
		FUZZ_CHECK(size <= (1ULL << 52) - start);
		FUZZ_CHECK(info->reserved[i].first <= info->reserved[i].last);
	}
}

static void check_info(const struct acpi_info *info)
{
	static uint8_t buffer[ACPI_BUILD_SIZE];
	int size;

	check_cpus(info);
	check_iommus(info);
	FUZZ_CHECK(hpa_value(info->ecam) != 0 && info->ecam_first_bus <= info->ecam_last_bus);
	FUZZ_CHECK(info->table_count <= ACPI_MAX_TABLES);
	for (size_t i = 0; i < info->table_count; i++) {
		const struct acpi_table_ref *table = &info->tables[i];
		uint8_t byte;

		if (!table->good)
			continue;
		FUZZ_CHECK(table->length >= 36);
		FUZZ_CHECK(fake_acpi_read(&fake, hpa(hpa_value(table->address) + table->length - 1),
					  &byte, 1) ||
			   memcmp(table->signature, "FACS", 4) == 0);
	}
	size = acpi_build_control(info, fake_acpi_read, &fake, 4, info->ecam_last_bus, gpa(0x1000),
				  buffer, sizeof(buffer));
	FUZZ_CHECK(size > 36 && (size_t)size <= sizeof(buffer));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int result;

	if (size == 0)
		return 0;
	fake_acpi_reset(&fake);
	if (*data % 2 == 1) {
		compose(data + 1, size - 1);
	} else {
		fake_acpi_put_bytes(&fake, data + 1, size - 1);
		memcpy(fake.rsdp, fake.memory, sizeof(fake.rsdp));
	}
	result = fake_acpi_parse(&fake);
	if (result == 0)
		check_info(&fake.info);
	else
		FUZZ_CHECK(fake.problem_count > 0 || *data % 2 == 0);
	for (size_t i = 0; i < fake.problem_count && i < ARRAY_LENGTH(fake.problems); i++)
		FUZZ_CHECK(strlen(fake.problems[i].signature) == 4 && *fake.problems[i].what);
	return 0;
}

/* Bodies of tables, for the odd kind of input. */
static const struct {
	uint8_t signature;
	uint8_t size;
	uint8_t body[120];
} bodies[] = {
	/* IVHD 10h with a range and an IOAPIC, IVMD */
	{0, 12 + 40 + 32,
	 "\0\0\0\0\0\0\0\0\0\0\0\0"
	 "\x10\xd1\x28\0\x08\0\x40\0\0\0\xd8\xfe\0\0\0\0\0\0\0\0\x44\0\0\0"
	 "\3\0\1\0\4\xff\1\0\x48\0\0\0\0\xa0\0\1"
	 "\x21\7\x20\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\x10\0\0\0\0\0\0"},
	/* IVHD 40h with an alias and a device by name */
	{0, 12 + 73,
	 "\0\0\0\0\0\0\0\0\0\0\0\0"
	 "\x40\xd1\x49\0\2\0\x40\0\0\0\xd8\xfe\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	 "\0\0\x42\x30\0\0\0\0\1\0\xf0\xa5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\3abc"},
	/* DRHD with an IOAPIC and a bridge, RMRR of a device behind two */
	{1, 12 + 32 + 34,
	 "\x26\1\0\0\0\0\0\0\0\0\0\0"
	 "\0\0\x20\0\1\0\0\0\0\0\xd9\xfe\0\0\0\0\3\x08\0\0\2\xf0\x1f\0\2\x08\0\0\0\0\x1c\0"
	 "\1\0\x22\0\0\0\0\0\0\x60\0\0\0\0\0\0\xff\x6f\0\0\0\0\0\0\1\x0a\0\0\0\0\x1c\4\0\0"},
	/* local APIC, IOAPIC, override, NMI, local x2APIC, local APIC address */
	{2, 8 + 8 + 12 + 10 + 6 + 16 + 12,
	 "\0\0\xe0\xfe\1\0\0\0\0\x08\1\1\1\0\0\0\1\x0c\2\0\0\0\xc0\xfe\0\0\0\0"
	 "\2\x0a\0\x09\x09\0\0\0\x0d\0\4\6\xff\0\0\1\x09\x10\0\0\0\1\0\0\1\0\0\0\0\0\0\0"
	 "\5\x0c\0\0\0\0\xe0\xfe\1\0\0\0"},
	{3, 24, "\0\0\0\0\0\0\0\0\0\0\0\xa0\0\0\0\0\0\0\1\x7f\0\0\0\0"},
	{4, 110, "\0\0\x10\0\0\0\x11\0\0\0\x09\0\xb2\0\0\0\xf1\xf0\0\0\0\6\0\0\0\0\0\0\4\6\0\0"},
};

size_t fuzz_seed(unsigned index, uint8_t *data, size_t size)
{
	size_t used = 1;

	if (index > ARRAY_LENGTH(bodies) + 1 || size < 2048)
		return 0;
	data[0] = 1;
	for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
		if (index < ARRAY_LENGTH(bodies) && i != index)
			continue;
		data[used] = bodies[i].signature;
		store16(data + used + 1, bodies[i].size);
		memcpy(data + used + 3, bodies[i].body, bodies[i].size);
		used += 3 + (size_t)bodies[i].size;
	}
	if (index <= ARRAY_LENGTH(bodies))
		return used;
	/* Plain memory: a RSDP, and all that it leads to. */
	fake_acpi_reset(&fake);
	put_zeros(36);
	put_good_tables();
	fake_acpi_finish(&fake);
	memcpy(fake.memory, fake.rsdp, 36);
	data[0] = 0;
	memcpy(data + 1, fake.memory, fake.used);
	return 1 + fake.used;
}
