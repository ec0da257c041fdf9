/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Physical memory with ACPI tables in it, built piece by piece, for tests and fuzz targets. */
#ifndef TESTS_CORE_FAKE_ACPI_H
#define TESTS_CORE_FAKE_ACPI_H

#include "acpi/tables.h"

#define FAKE_ACPI_BASE 0x100000
#define FAKE_ACPI_SIZE 0x20000

struct fake_acpi {
	uint8_t memory[FAKE_ACPI_SIZE]; /* at FAKE_ACPI_BASE; there is no other memory */
	size_t used;
	uint8_t rsdp[36];
	uint64_t roots[ACPI_MAX_TABLES + 8]; /* what the XSDT will list */
	size_t root_count;
	/* The table that is being written. */
	size_t table;
	/* What came of it. */
	struct acpi_info info;
	struct acpi_problem problems[4];
	size_t problem_count;
};

void fake_acpi_reset(struct fake_acpi *fake);

/* A table for the XSDT: begin, put, end. Returns its address. */
uint64_t fake_acpi_begin(struct fake_acpi *fake, const char *signature);
void fake_acpi_put(struct fake_acpi *fake, uint64_t value, unsigned size);
void fake_acpi_put_bytes(struct fake_acpi *fake, const void *bytes, size_t size);
void fake_acpi_end(struct fake_acpi *fake);
uint8_t *fake_acpi_at(struct fake_acpi *fake, uint64_t address);
/* Makes its checksum right again. */
void fake_acpi_seal(struct fake_acpi *fake, uint64_t table);

/* XSDT, RSDT and RSDP of all tables. */
void fake_acpi_finish(struct fake_acpi *fake);
void fake_acpi_seal_rsdp(struct fake_acpi *fake);

bool fake_acpi_read(void *fake, hpa_t start, void *to, size_t size);
int fake_acpi_parse(struct fake_acpi *fake);

#endif
