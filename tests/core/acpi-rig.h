/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables that a machine must have, for tests that add one to them or change one: what is put is
 * put into the table that was begun last, and what is expected is what the parser must say.
 */
#ifndef TESTS_CORE_ACPI_RIG_H
#define TESTS_CORE_ACPI_RIG_H

#include "fake-acpi.h"

extern struct fake_acpi rig_acpi;
extern uint64_t rig_fadt, rig_madt, rig_mcfg, rig_dsdt; /* addresses */

/* FADT, MADT and MCFG as they should be, and nothing else. */
void rig_begin(void);

static inline void put8(unsigned value)
{
	fake_acpi_put(&rig_acpi, value, 1);
}

static inline void put16(unsigned value)
{
	fake_acpi_put(&rig_acpi, value, 2);
}

static inline void put32(uint32_t value)
{
	fake_acpi_put(&rig_acpi, value, 4);
}

static inline void put64(uint64_t value)
{
	fake_acpi_put(&rig_acpi, value, 8);
}

static inline void put_zeros(size_t size)
{
	while (size-- > 0)
		put8(0);
}

/* A FADT of that length in bytes, and a DSDT that it names and the XSDT does not list. */
void rig_put_fadt(size_t length);
/* A MADT of one CPU, one IOAPIC and one override; or its header, to be ended by the caller. */
void rig_put_madt(void);
void rig_put_madt_header(void);
void rig_put_cpu(uint8_t id, uint32_t flags);
void rig_put_ioapic(uint8_t id, uint32_t address, uint32_t gsi);
void rig_put_override(uint8_t bus, uint8_t irq, uint32_t gsi, uint16_t flags);
void rig_put_mcfg(void);
void rig_put_mcfg_entry(uint64_t base, uint16_t segment, uint8_t first, uint8_t last);
/* The header of a block of an IVRS; length counts it and its devices. */
void rig_put_ivhd(uint8_t type, uint16_t length, uint16_t bdf, uint64_t base);

/* Ends the XSDT and parses: 0 or negative errno. */
int rig_parse(void);
void rig_expect_problem(size_t index, const char *signature, const char *what);
/* Parses: no problem. */
void rig_accepted(void);
/* Parses: one problem, which does not matter. */
void rig_ignored(const char *signature, const char *what);
/* Ends a table of IOMMUs and parses: that one problem, and no IOMMU nor anything about one. */
void rig_left_out(const char *signature, const char *what);
void rig_expect_scope(size_t index, uint16_t first, uint16_t last);

#endif
