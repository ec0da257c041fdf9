/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DMAR: Intel's IOMMUs (Intel VT-d, chapter 8). A device scope is a bus and a path from there,
 * one hop a bridge. One hop is the requester itself. Of a longer path, the requester's bus is known
 * only to the bridges' configuration space: then the scope is the first bridge and all below it.
 */
#include "acpi/view.h"

#define STRUCTURES	     48
#define FLAG_REMAPPING	     (1U << 0)
#define FLAG_INCLUDE_PCI_ALL (1U << 0)

enum { STRUCTURE_DRHD = 0, STRUCTURE_RMRR = 1 };
#define DRHD_SIZE 16
#define RMRR_SIZE 24

/* The last is a device without PCI configuration space, but with a number. */
enum { SCOPE_ENDPOINT = 1, SCOPE_BRIDGE = 2, SCOPE_IOAPIC = 3, SCOPE_NAMESPACE = 5 };
#define SCOPE_SIZE 6 /* and two bytes a hop */

#define BAD_LENGTH "has a device scope with a bad length"

/* One scope at *at, which moves on. known: it is of a kind that names requesters. */
static const char *read_scope(const struct acpi_view *view, uint32_t *at, struct acpi_scope *scope,
			      bool *known)
{
	uint8_t entry[SCOPE_SIZE + 2];

	if (!view_copy(view, *at, entry, sizeof(entry)) || entry[1] < sizeof(entry) ||
	    entry[1] % 2 != 0 || entry[1] > view->length - *at)
		return BAD_LENGTH;
	if (entry[6] > 31 || entry[7] > 7)
		return "has a device scope with a bad path";
	*known = entry[0] >= SCOPE_ENDPOINT && entry[0] <= SCOPE_NAMESPACE;
	*scope = (struct acpi_scope){
		.first = (uint16_t)(entry[5] << 8 | entry[6] << 3 | entry[7]),
		.below = entry[0] == SCOPE_BRIDGE || entry[1] > sizeof(entry),
		.ioapic = entry[0] == SCOPE_IOAPIC,
		.ioapic_id = entry[0] == SCOPE_IOAPIC ? entry[4] : 0,
	};
	scope->last = scope->first;
	*at += entry[1];
	return NULL;
}

static const char *read_drhd(const struct acpi_view *drhd, struct acpi_info *info)
{
	uint8_t header[DRHD_SIZE];
	const char *problem;
	struct acpi_scope scope;
	bool known;

	if (!view_copy(drhd, 0, header, sizeof(header)))
		return "has a structure with a bad length";
	if (load16(header + 6) != 0) /* another PCI segment */
		return NULL;
	problem = iommu_add(info, &(struct acpi_iommu){.base = hpa(load64(header + 8)),
						       .all = header[4] & FLAG_INCLUDE_PCI_ALL});
	for (uint32_t at = DRHD_SIZE; !problem && at < drhd->length;) {
		problem = read_scope(drhd, &at, &scope, &known);
		scope.iommu = (uint8_t)(info->iommu_count - 1);
		if (!problem && known)
			problem = scope_add(info, &scope);
	}
	return problem;
}

static const char *read_rmrr(const struct acpi_view *rmrr, struct acpi_info *info)
{
	uint8_t header[RMRR_SIZE];
	struct acpi_reserved reserved = {0};
	const char *problem = NULL;
	struct acpi_scope scope = {0};
	bool known;

	if (!view_copy(rmrr, 0, header, sizeof(header)))
		return "has a structure with a bad length";
	if (load16(header + 6) != 0)
		return NULL;
	if (load64(header + 16) < load64(header + 8))
		return "has a bad memory range";
	reserved.start = hpa(load64(header + 8));
	reserved.size = load64(header + 16) - load64(header + 8) + 1;
	for (uint32_t at = RMRR_SIZE; !problem && at < rmrr->length;) {
		problem = read_scope(rmrr, &at, &scope, &known);
		reserved.first = scope.first;
		reserved.last = scope.last;
		reserved.below = scope.below;
		if (!problem && known)
			problem = reserved_add(info, &reserved);
	}
	return problem;
}

const char *dmar_parse(const struct acpi_view *dmar, struct acpi_info *info)
{
	const char *problem = NULL;
	uint8_t header[4];

	if (!view_copy(dmar, ACPI_HEADER, header, 2) || dmar->length < STRUCTURES)
		return "is too short";
	info->dmar_interrupt_remapping = header[1] & FLAG_REMAPPING;
	for (uint32_t at = STRUCTURES; !problem && at < dmar->length;) {
		struct acpi_view structure;

		if (!view_copy(dmar, at, header, 4) || load16(header + 2) < 4 ||
		    load16(header + 2) > dmar->length - at)
			return "has a structure with a bad length";
		structure = view_part(dmar, at, load16(header + 2));
		if (load16(header) == STRUCTURE_DRHD)
			problem = read_drhd(&structure, info);
		else if (load16(header) == STRUCTURE_RMRR)
			problem = read_rmrr(&structure, info);
		at += structure.length;
	}
	return problem;
}
