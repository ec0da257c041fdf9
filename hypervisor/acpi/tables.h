/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware's ACPI tables, as far as the core reads them: MADT, MCFG, FADT, IVRS, DMAR
 * (ACPI 6.4; AMD 48882; Intel VT-d). Pure: memory is reached through a callback, every length and
 * checksum is checked before anything is believed. No AML is run.
 */
#ifndef CORE_ACPI_TABLES_H
#define CORE_ACPI_TABLES_H

#include "lib/types.h"

#define ACPI_MAX_CPUS	   64
#define ACPI_MAX_IOAPICS   8
#define ACPI_MAX_OVERRIDES 16
#define ACPI_MAX_IOMMUS	   16
#define ACPI_MAX_SCOPES	   64
#define ACPI_MAX_RESERVED  16
#define ACPI_MAX_TABLES	   64

enum acpi_iommu_kind { ACPI_NO_IOMMU, ACPI_AMDVI, ACPI_VTD };

struct acpi_table_ref {
	char signature[4];
	hpa_t address;
	uint32_t length;
	bool good; /* length and checksum hold */
};

struct acpi_ioapic {
	uint8_t id;
	hpa_t address;
	uint32_t gsi_base;
};

/* Where an ISA interrupt goes. */
struct acpi_override {
	uint8_t irq;
	uint32_t gsi;
	uint16_t flags; /* MPS INTI flags */
};

struct acpi_iommu {
	hpa_t base;
	uint16_t bdf;	     /* AMD-Vi: the unit's own PCI function */
	uint16_t capability; /* AMD-Vi: offset in its configuration space */
	bool all;	     /* whatever no scope of another unit names */
};

/*
 * Requesters whose DMA and interrupts go through a unit. Below: this is a bridge's number, and
 * everything behind it is meant too, or one of those: the tables give a path of bridges there,
 * whose bus numbers only configuration space knows. So the scope is never too small.
 */
struct acpi_scope {
	uint8_t iommu;	      /* index in iommus */
	uint16_t first, last; /* requesters, a range */
	bool below;
	bool aliased; /* AMD-Vi: their requests come under this number instead */
	uint16_t alias;
	bool ioapic; /* a special device: requester of the IOAPIC with this id */
	uint8_t ioapic_id;
};

/* RMRR, IVMD: memory that requesters need mapped. */
struct acpi_reserved {
	hpa_t start;
	uint64_t size;
	uint16_t first, last;
	bool below; /* as in a scope */
};

struct acpi_info {
	uint8_t rsdp_revision;
	struct acpi_table_ref tables[ACPI_MAX_TABLES]; /* all of XSDT (or RSDT), then DSDT, FACS */
	size_t table_count;

	/* MADT: enabled CPUs, the boot CPU first if it is known. */
	uint32_t cpu_apic_ids[ACPI_MAX_CPUS];
	size_t cpu_count;
	hpa_t lapic;
	struct acpi_ioapic ioapics[ACPI_MAX_IOAPICS];
	size_t ioapic_count;
	struct acpi_override overrides[ACPI_MAX_OVERRIDES];
	size_t override_count;

	/* MCFG, segment 0. The address is that of bus 0, whatever the first bus is. */
	hpa_t ecam;
	uint8_t ecam_first_bus, ecam_last_bus;

	/* FADT. Ports; 0: not there. */
	struct {
		uint16_t sci;
		uint16_t smi_command;
		uint8_t acpi_enable;
		uint16_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm_timer;
		uint8_t pm1_event_length;
		uint16_t gpe0, gpe1;
		uint8_t gpe0_length, gpe1_length;
		bool reset_supported;
		uint8_t reset_space; /* 0 memory, 1 I/O, 2 PCI configuration */
		uint64_t reset_address;
		uint8_t reset_value;
		uint16_t boot_flags;
		uint32_t flags;
	} fadt;

	enum acpi_iommu_kind iommu_kind;
	struct acpi_iommu iommus[ACPI_MAX_IOMMUS];
	size_t iommu_count;
	struct acpi_scope scopes[ACPI_MAX_SCOPES];
	size_t scope_count;
	struct acpi_reserved reserved[ACPI_MAX_RESERVED];
	size_t reserved_count;
	bool dmar_interrupt_remapping; /* DMAR flags bit 0 */
};

/* Copies physical memory of the firmware's; false where there is none. */
typedef bool acpi_read(void *user, hpa_t start, void *to, size_t size);

/* What is wrong with a table that is not good, or missing; for a message. */
struct acpi_problem {
	char signature[5];
	const char *what;
};

/*
 * Reads from the RSDP (a copy of it, size bytes, checked here). Returns 0 and the info; -ENOENT: no
 * RSDP/XSDT; -EBADMSG: one that is needed (MADT, MCFG, FADT) is broken or missing, named in
 * problems[0] (max is at least 1). Broken tables that are not needed, IVRS and DMAR among them, are
 * left out and named in problems (at most max; *count says how many there are).
 */
int acpi_parse(const void *untrusted_rsdp, size_t size, acpi_read *read, void *user,
	       struct acpi_info *info, struct acpi_problem *problems, size_t max, size_t *count);

#endif
