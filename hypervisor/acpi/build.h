/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACPI tables a service VM is told (ACPI 6.4). Pure: tables are written to a buffer, for the
 * guest address where the VM will find that buffer. The RSDP is its first bytes.
 */
#ifndef CORE_ACPI_BUILD_H
#define CORE_ACPI_BUILD_H

#include "acpi/tables.h"

/* What the UI VM writes to SLP_TYP of its PM1a control register, with SLP_EN, to power off. */
#define ACPI_SLP_TYP_S5 5

/* Enough for any of the VMs. */
#define ACPI_BUILD_SIZE (8 * PAGE_SIZE)

#define ACPI_MAX_WINDOWS 8

/* Everything the UI VM has; nothing of the firmware's gets there. Its local APICs are at
 * 0xfee00000, numbered from 0 on like its vCPUs, its IOAPIC is number 0 at 0xfec00000 with 24 pins
 * from GSI 0. */
struct acpi_ui {
	unsigned vcpu_count;
	/* ISA interrupts that are not edge, active high, GSI = irq. */
	struct acpi_override overrides[ACPI_MAX_OVERRIDES];
	size_t override_count;

	/* PCI, segment 0: configuration space for bus 0 is at ecam; what its devices' BARs may be
	 * in (whole ranges that are the VM's or trap), by address: below 4 GiB, above, ports. */
	gpa_t ecam;
	uint8_t ecam_first_bus, ecam_last_bus;
	struct acpi_window {
		bool io;
		uint64_t base, size; /* size 0: left out */
	} windows[ACPI_MAX_WINDOWS];
	size_t window_count;

	/* Ports of registers the core emulates: PM1a status and enable (4 bytes), PM1a control (2
	 * bytes), the PM timer (4 bytes, all 32 bits count). The SCI is 9. The reset register is
	 * port 0xcf9, value 6. */
	uint16_t pm1_event, pm1_control, pm_timer;
	bool cmos_clock; /* ports 0x70, 0x71 have a clock */
};

/*
 * The UI VM's: RSDP, XSDT, FADT, FACS, MADT, MCFG, DSDT with the PCI root (no _PRT: its functions
 * have MSI only), a PS/2 keyboard (IRQ 1) and mouse (IRQ 12). at is page-aligned, below 4 GiB.
 * Returns the bytes used; -ENOSPC: they do not fit; -EINVAL: a window that is empty at its end or
 * beyond its space.
 */
int acpi_build_ui(const struct acpi_ui *ui, gpa_t at, void *buffer, size_t size);

/*
 * The control VM's, whose memory is the machine's own addresses: the firmware's tables that are
 * good and on the list in build.c, where they are; a copy of the FADT that knows no keyboard
 * controller (the UI VM has it); a MADT with vcpu_count local APICs from 0 on, and the machine's
 * IOAPICs and overrides; an MCFG that ends with last_bus. The DSDT is the firmware's, so the
 * registers in the FADT are the machine's: the caller traps PM1 control and the reset register.
 * Returns the bytes used; -ENOSPC; -EIO: the FADT is not readable any more.
 */
int acpi_build_control(const struct acpi_info *info, acpi_read *read, void *user,
		       unsigned vcpu_count, uint8_t last_bus, gpa_t at, void *buffer, size_t size);

#endif
