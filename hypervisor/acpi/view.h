/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading firmware's tables: a piece of one, which nobody reads beyond. Private to acpi/. */
#ifndef CORE_ACPI_VIEW_H
#define CORE_ACPI_VIEW_H

#include "acpi/tables.h"
#include "lib/bytes.h"

#define ACPI_HEADER 36 /* what every table begins with */

struct acpi_view {
	acpi_read *read;
	void *user;
	uint64_t address;
	uint32_t length;
};

/* False beyond the view, and where there is no memory. */
static inline bool view_copy(const struct acpi_view *view, uint32_t offset, void *to, size_t size)
{
	return offset <= view->length && size <= view->length - offset &&
	       view->read(view->user, hpa(view->address + offset), to, size);
}

/* The piece from offset on; the caller has checked that it is inside. */
static inline struct acpi_view view_part(const struct acpi_view *view, uint32_t offset,
					 uint32_t length)
{
	return (struct acpi_view){view->read, view->user, view->address + offset, length};
}

/*
 * One file a table. They add to info and return NULL or what is wrong; then info has some of it.
 * The table's checksum holds, its length is at least ACPI_HEADER.
 */
const char *madt_parse(const struct acpi_view *madt, struct acpi_info *info);
const char *ivrs_parse(const struct acpi_view *ivrs, struct acpi_info *info);
const char *dmar_parse(const struct acpi_view *dmar, struct acpi_info *info);

/* For ivrs.c and dmar.c; what they cannot add is wrong with their table. */
const char *iommu_add(struct acpi_info *info, const struct acpi_iommu *iommu);
const char *scope_add(struct acpi_info *info, const struct acpi_scope *scope);
const char *reserved_add(struct acpi_info *info, const struct acpi_reserved *reserved);

#endif
