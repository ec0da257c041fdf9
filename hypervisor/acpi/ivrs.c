/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IVRS: AMD's IOMMUs (AMD 48882, 5.2). A unit may be described by several blocks, of types 10h,
 * 11h and 40h; the highest counts. What the unit can do is read from the unit, not from here.
 */
#include "acpi/view.h"

#define BLOCKS 48

enum { IVHD_10 = 0x10, IVHD_11 = 0x11, IVHD_40 = 0x40 };
enum { IVMD_ALL = 0x20, IVMD_ONE = 0x21, IVMD_RANGE = 0x22 };
#define IVHD_10_SIZE 24
#define IVHD_SIZE    40
#define IVMD_SIZE    32

enum {
	ENTRY_ALL = 1,
	ENTRY_SELECT = 2,
	ENTRY_START = 3,
	ENTRY_END = 4,
	ENTRY_ALIAS_SELECT = 66,
	ENTRY_ALIAS_START = 67,
	ENTRY_EXTENDED_SELECT = 70,
	ENTRY_EXTENDED_START = 71,
	ENTRY_SPECIAL = 72,
	ENTRY_ACPI = 240,
};
#define ACPI_ENTRY_SIZE 22 /* and the text of its name */
#define VARIETY_IOAPIC	1

#define BAD_LENGTH "has an entry with a bad length"

static bool is_ivhd(uint8_t type)
{
	return type == IVHD_10 || type == IVHD_11 || type == IVHD_40;
}

/* 0: it does not fit. */
static uint32_t entry_size(const struct acpi_view *ivhd, uint32_t at, uint8_t type)
{
	uint32_t size = 4U << (type >> 6);
	uint8_t text;

	if (type == ENTRY_ACPI) {
		if (!view_copy(ivhd, at + ACPI_ENTRY_SIZE - 1, &text, 1))
			return 0;
		size = ACPI_ENTRY_SIZE + text;
	}
	return size <= ivhd->length - at ? size : 0;
}

/* An entry; range is the one that has been started but not ended. */
static const char *read_entry(struct acpi_info *info, const uint8_t *entry,
			      struct acpi_scope *range, bool *open)
{
	struct acpi_scope scope = {.iommu = (uint8_t)(info->iommu_count - 1),
				   .first = load16(entry + 1),
				   .last = load16(entry + 1)};

	if (*open != (entry[0] == ENTRY_END) && entry[0] != 0)
		return "has a range of devices without its start or end";
	switch (entry[0]) {
	case ENTRY_ALL:
		info->iommus[info->iommu_count - 1].all = true;
		return NULL;
	case ENTRY_END:
		*open = false;
		range->last = scope.last;
		return range->last >= range->first ? scope_add(info, range)
						   : "has a range of devices that is none";
	case ENTRY_ALIAS_SELECT:
	case ENTRY_ALIAS_START:
		scope.aliased = true;
		scope.alias = load16(entry + 5);
		break;
	case ENTRY_SPECIAL: /* an IOAPIC, or an HPET that is a requester like others */
		scope.first = scope.last = load16(entry + 5);
		scope.ioapic = entry[7] == VARIETY_IOAPIC;
		scope.ioapic_id = scope.ioapic ? entry[4] : 0;
		break;
	case ENTRY_START:
	case ENTRY_SELECT:
	case ENTRY_EXTENDED_START:
	case ENTRY_EXTENDED_SELECT:
	case ENTRY_ACPI: /* a device without PCI configuration space, but with a number */
		break;
	default: /* padding, and what later revisions add */
		return NULL;
	}
	*open = entry[0] == ENTRY_START || entry[0] == ENTRY_ALIAS_START ||
		entry[0] == ENTRY_EXTENDED_START;
	*range = scope;
	return *open ? NULL : scope_add(info, &scope);
}

static const char *read_ivhd(const struct acpi_view *ivhd, uint32_t at, struct acpi_info *info)
{
	struct acpi_scope range = {0};
	uint8_t header[20], entry[8];
	const char *problem;
	bool open = false;

	if (at > ivhd->length || !view_copy(ivhd, 0, header, sizeof(header)))
		return BAD_LENGTH;
	if (load16(header + 16) != 0) /* another PCI segment */
		return NULL;
	problem = iommu_add(info, &(struct acpi_iommu){.base = hpa(load64(header + 8)),
						       .bdf = load16(header + 4),
						       .capability = load16(header + 6)});
	while (!problem && at < ivhd->length) {
		uint32_t size;

		if (!view_copy(ivhd, at, entry, 1))
			return "is not in memory";
		size = entry_size(ivhd, at, entry[0]);
		if (size == 0 || !view_copy(ivhd, at, entry, size < 8 ? 4 : 8))
			return BAD_LENGTH;
		problem = read_entry(info, entry, &range, &open);
		at += size;
	}
	if (!problem && open)
		problem = "has a range of devices without its start or end";
	return problem;
}

static const char *read_ivmd(const struct acpi_view *ivmd, struct acpi_info *info)
{
	struct acpi_reserved reserved = {.last = UINT16_MAX};
	uint8_t block[IVMD_SIZE];

	if (!view_copy(ivmd, 0, block, sizeof(block)))
		return BAD_LENGTH;
	if (block[0] != IVMD_ALL)
		reserved.first = reserved.last = load16(block + 4);
	if (block[0] == IVMD_RANGE)
		reserved.last = load16(block + 6);
	if (reserved.last < reserved.first)
		return "has a range of devices that is none";
	reserved.start = hpa(load64(block + 16));
	reserved.size = load64(block + 24);
	return reserved_add(info, &reserved);
}

/* The next block's header and its part of the table. */
static bool next_block(const struct acpi_view *ivrs, uint32_t at, uint8_t *header,
		       struct acpi_view *block)
{
	if (!view_copy(ivrs, at, header, 8) || load16(header + 2) < 8 ||
	    load16(header + 2) > ivrs->length - at)
		return false;
	*block = view_part(ivrs, at, load16(header + 2));
	return true;
}

/* Whether a block of a higher type describes the same unit: its function's number is the same. */
static bool is_superseded(const struct acpi_view *ivrs, const uint8_t *header)
{
	struct acpi_view block;
	uint8_t other[8];

	for (uint32_t at = BLOCKS; next_block(ivrs, at, other, &block); at += block.length)
		if (is_ivhd(other[0]) && other[0] > header[0] &&
		    load16(other + 4) == load16(header + 4))
			return true;
	return false;
}

const char *ivrs_parse(const struct acpi_view *ivrs, struct acpi_info *info)
{
	const char *problem = NULL;
	struct acpi_view block;
	uint8_t header[8];

	for (uint32_t at = BLOCKS; !problem && at < ivrs->length; at += block.length) {
		if (!next_block(ivrs, at, header, &block))
			return BAD_LENGTH;
		if (is_ivhd(header[0]) && !is_superseded(ivrs, header))
			problem = read_ivhd(&block, header[0] == IVHD_10 ? IVHD_10_SIZE : IVHD_SIZE,
					    info);
		else if (header[0] >= IVMD_ALL && header[0] <= IVMD_RANGE)
			problem = read_ivmd(&block, info);
	}
	return problem;
}
