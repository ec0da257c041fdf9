/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The MADT: CPUs, IOAPICs, where ISA interrupts go (ACPI 6.4, 5.2.12). */
#include "acpi/view.h"

#define ENTRIES 44

enum { LOCAL_APIC = 0, IOAPIC = 1, OVERRIDE = 2, LOCAL_APIC_ADDRESS = 5, LOCAL_X2APIC = 9 };

/* A CPU that may come later (online capable) is none: the core starts all at boot. */
#define FLAG_ENABLED (1U << 0)

/* The size each entry that is read must have; 0: not read. */
static uint8_t entry_size(uint8_t type)
{
	static const uint8_t sizes[] = {[LOCAL_APIC] = 8,
					[IOAPIC] = 12,
					[OVERRIDE] = 10,
					[LOCAL_APIC_ADDRESS] = 12,
					[LOCAL_X2APIC] = 16};

	return type < ARRAY_LENGTH(sizes) ? sizes[type] : 0;
}

/* Firmware may list a CPU both as local APIC and as local x2APIC. */
static const char *add_cpu(struct acpi_info *info, uint32_t id, uint32_t flags, uint32_t none)
{
	if (!(flags & FLAG_ENABLED) || id == none)
		return NULL;
	for (size_t i = 0; i < info->cpu_count; i++)
		if (info->cpu_apic_ids[i] == id)
			return NULL;
	if (info->cpu_count == ACPI_MAX_CPUS)
		return "lists too many CPUs";
	info->cpu_apic_ids[info->cpu_count++] = id;
	return NULL;
}

static const char *add_ioapic(struct acpi_info *info, uint8_t id, uint32_t address, uint32_t gsi)
{
	if (address == 0 || address % 16 != 0)
		return "has an IOAPIC at a bad address";
	for (size_t i = 0; i < info->ioapic_count; i++)
		if (hpa_value(info->ioapics[i].address) == address)
			return NULL;
	if (info->ioapic_count == ACPI_MAX_IOAPICS)
		return "lists too many IOAPICs";
	info->ioapics[info->ioapic_count++] = (struct acpi_ioapic){id, hpa(address), gsi};
	return NULL;
}

/* Of ISA interrupts; of two for one, the first counts. */
static const char *add_override(struct acpi_info *info, uint8_t bus, uint8_t irq, uint32_t gsi,
				uint16_t flags)
{
	if (bus != 0 || irq >= ACPI_MAX_OVERRIDES)
		return NULL;
	for (size_t i = 0; i < info->override_count; i++)
		if (info->overrides[i].irq == irq)
			return NULL;
	info->overrides[info->override_count++] = (struct acpi_override){irq, gsi, flags};
	return NULL;
}

static const char *add_entry(struct acpi_info *info, const uint8_t *entry)
{
	switch (entry[0]) {
	case LOCAL_APIC:
		return add_cpu(info, entry[3], load32(entry + 4), UINT8_MAX);
	case LOCAL_X2APIC:
		return add_cpu(info, load32(entry + 4), load32(entry + 8), UINT32_MAX);
	case IOAPIC:
		return add_ioapic(info, entry[2], load32(entry + 4), load32(entry + 8));
	case OVERRIDE:
		return add_override(info, entry[2], entry[3], load32(entry + 4), load16(entry + 8));
	default:
		info->lapic = hpa(load64(entry + 4));
		return NULL;
	}
}

const char *madt_parse(const struct acpi_view *madt, struct acpi_info *info)
{
	uint8_t entry[16];
	const char *problem = NULL;
	uint32_t at = ENTRIES;

	if (!view_copy(madt, ACPI_HEADER, entry, 8))
		return "is too short";
	info->lapic = hpa(load32(entry));
	while (!problem && at < madt->length) {
		uint8_t size;

		if (!view_copy(madt, at, entry, 2) || entry[1] < 2 || entry[1] > madt->length - at)
			return "has an entry with a bad length";
		size = entry_size(entry[0]);
		if (size != 0 && (entry[1] < size || !view_copy(madt, at, entry, size)))
			return "has an entry with a bad length";
		if (size != 0)
			problem = add_entry(info, entry);
		at += entry[1];
	}
	if (!problem && (hpa_value(info->lapic) == 0 || hpa_value(info->lapic) % PAGE_SIZE != 0 ||
			 hpa_value(info->lapic) >> 52 != 0))
		problem = "has a bad local APIC address";
	if (!problem && info->cpu_count == 0)
		problem = "has no CPU";
	return problem;
}
