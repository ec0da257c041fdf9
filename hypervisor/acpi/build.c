/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the service VMs are told: the tables that are the same for both, and the two sets. */
#include "acpi/build.h"

#include "acpi/aml.h"
#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/string.h"

#define RSDP_SIZE 36
#define FACS_SIZE 64
#define FADT_SIZE 276 /* ACPI 6.0's and later */

#define LAPIC_ADDRESS  0xfee00000
#define IOAPIC_ADDRESS 0xfec00000

#define BOOT_LEGACY_DEVICES (1U << 0)
#define BOOT_8042	    (1U << 1)
#define BOOT_NO_VGA	    (1U << 2)
#define BOOT_NO_ASPM	    (1U << 4)
#define BOOT_NO_CMOS_CLOCK  (1U << 5)

/* WBINVD works, C1 on all CPUs, no power or sleep button in the fixed registers, no fixed RTC wake
 * status, a PM timer of 32 bits, a reset register. */
#define FADT_FLAGS (1U << 0 | 1U << 2 | 1U << 4 | 1U << 5 | 1U << 6 | 1U << 8 | 1U << 10)

#define RESET_PORT  0xcf9
#define RESET_VALUE 6
#define SCI	    9

/*
 * The firmware's tables that the control VM sees where they are. The FADT and the MADT are
 * replaced. All others are left out, since they are about what is the core's (DMAR, IVRS, HPET,
 * BERT, HEST, ERST, EINJ, WDAT, SPCR, DBG2, SRAT, SLIT), the UI VM's (BGRT, VFCT), or wait for a
 * driver that is nobody's yet (TPM2, ...).
 */
static const char passed_tables[][5] = {
	"SSDT", /* AML that belongs to the DSDT */
	"PSDT", /* as these were called before */
	"ECDT", /* the embedded controller, which that AML uses at once */
	"NHLT", /* what is behind the sound chip: its driver finds it nowhere else */
};

static void store_register(uint8_t *to, uint16_t port, uint8_t bytes)
{
	to[0] = 1; /* I/O */
	to[1] = (uint8_t)(8 * bytes);
	to[2] = 0;
	to[3] = bytes == 1 ? 1 : bytes == 2 ? 2 : 3; /* access size */
	store64(to + 4, port);
}

static size_t write_fadt(struct aml *aml, const struct acpi_ui *ui, gpa_t at, size_t facs,
			 size_t dsdt)
{
	size_t table = aml_begin_table(aml, "FACP", 6);
	uint16_t boot_flags = BOOT_LEGACY_DEVICES | BOOT_8042 | BOOT_NO_VGA | BOOT_NO_ASPM;
	uint8_t fadt[FADT_SIZE] = {0};

	store32(fadt + 36, (uint32_t)(gpa_value(at) + facs));
	store32(fadt + 40, (uint32_t)(gpa_value(at) + dsdt));
	fadt[45] = 2; /* mobile */
	store16(fadt + 46, SCI);
	store32(fadt + 56, ui->pm1_event);
	store32(fadt + 64, ui->pm1_control);
	store32(fadt + 76, ui->pm_timer);
	fadt[88] = 4;
	fadt[89] = 2;
	fadt[91] = 4;
	store16(fadt + 96, 0xfff); /* no C2, no C3 */
	store16(fadt + 98, 0xfff);
	if (!ui->cmos_clock)
		boot_flags |= BOOT_NO_CMOS_CLOCK;
	store16(fadt + 109, boot_flags);
	store32(fadt + 112, FADT_FLAGS);
	store_register(fadt + 116, RESET_PORT, 1);
	fadt[128] = RESET_VALUE;
	fadt[131] = 4; /* ACPI 6.4 */
	store64(fadt + 140, gpa_value(at) + dsdt);
	store_register(fadt + 148, ui->pm1_event, 4);
	store_register(fadt + 172, ui->pm1_control, 2);
	store_register(fadt + 208, ui->pm_timer, 4);
	aml_bytes(aml, fadt + 36, sizeof(fadt) - 36);
	aml_end_table(aml, table);
	return table;
}

static size_t begin_madt(struct aml *aml, uint64_t lapic, unsigned vcpu_count)
{
	size_t table = aml_begin_table(aml, "APIC", 5);

	aml_number(aml, lapic, 4);
	aml_number(aml, 0, 4); /* no 8259 */
	for (uint32_t id = 0; id < vcpu_count; id++) {
		if (id < UINT8_MAX) {
			aml_number(aml, 0x0800 | id << 16 | id << 24, 4);
			aml_number(aml, 1, 4); /* enabled */
		} else {
			aml_number(aml, 0x1009, 4);
			aml_number(aml, id, 4);
			aml_number(aml, 1, 4);
			aml_number(aml, id, 4);
		}
	}
	aml_bytes(aml, "\x04\x06\xff\0\0\1", 6); /* NMI: LINT1 of all */
	return table;
}

static void write_ioapic(struct aml *aml, uint8_t id, uint64_t address, uint32_t gsi_base)
{
	aml_number(aml, 0x0c01 | id << 16, 4);
	aml_number(aml, address, 4);
	aml_number(aml, gsi_base, 4);
}

static void write_overrides(struct aml *aml, const struct acpi_override *overrides, size_t count)
{
	for (; count > 0; count--, overrides++) {
		aml_number(aml, 0x0a02 | (uint32_t)overrides->irq << 24, 4);
		aml_number(aml, overrides->gsi, 4);
		aml_number(aml, overrides->flags, 2);
	}
}

/* Linux looks at every bus that is in it, through ports that exit. */
static size_t write_mcfg(struct aml *aml, uint64_t ecam, uint8_t first_bus, uint8_t last_bus)
{
	size_t table = aml_begin_table(aml, "MCFG", 1);

	aml_zeros(aml, 8);
	aml_number(aml, ecam, 8);
	aml_number(aml, (uint32_t)first_bus << 16 | (uint32_t)last_bus << 24, 8);
	aml_end_table(aml, table);
	return table;
}

static int write_windows(struct aml *aml, const struct acpi_ui *ui)
{
	for (size_t i = 0; i < ui->window_count; i++) {
		const struct acpi_window *window = &ui->windows[i];
		uint64_t last = window->base + window->size - 1;
		unsigned width = window->io ? 2 : last <= UINT32_MAX ? 4 : 8;

		if (window->size == 0)
			continue;
		if (last < window->base || (window->io && last > UINT16_MAX))
			return -EINVAL;
		aml_address_space(aml, window->io ? AML_IO : AML_MEMORY, width, true, window->base,
				  last);
	}
	return 0;
}

static size_t open_device(struct aml *aml, const char *name, uint16_t product)
{
	size_t device = aml_open(aml, AML_DEVICE, name);

	aml_name(aml, "_HID");
	aml_pnp_id(aml, product);
	return device;
}

static int write_root(struct aml *aml, const struct acpi_ui *ui)
{
	size_t device = open_device(aml, "PCI0", 0x0a08), resources;
	int error;

	aml_name(aml, "_CID");
	aml_pnp_id(aml, 0x0a03);
	aml_name(aml, "_UID");
	aml_integer(aml, 0);
	aml_name(aml, "_SEG");
	aml_integer(aml, 0);
	aml_name(aml, "_BBN");
	aml_integer(aml, ui->ecam_first_bus);
	resources = aml_open_resources(aml);
	aml_address_space(aml, AML_BUS, 2, true, ui->ecam_first_bus, ui->ecam_last_bus);
	aml_io_port(aml, 0xcf8, 8);
	error = write_windows(aml, ui);
	aml_close_resources(aml, resources);
	aml_close(aml, device);
	return error;
}

/* The ports belong to the keyboard. */
static void write_ps2(struct aml *aml, const char *name, uint16_t product, bool ports, unsigned irq)
{
	size_t device = open_device(aml, name, product);
	size_t resources = aml_open_resources(aml);

	if (ports) {
		aml_io_port(aml, 0x60, 1);
		aml_io_port(aml, 0x64, 1);
	}
	aml_irq(aml, irq);
	aml_close_resources(aml, resources);
	aml_close(aml, device);
}

/* Linux uses configuration space in memory only where a device's resources reserve it. */
static void write_ecam(struct aml *aml, const struct acpi_ui *ui)
{
	size_t device = open_device(aml, "ECAM", 0x0c02);
	size_t resources = aml_open_resources(aml);

	aml_address_space(aml, AML_MEMORY, 8, false, gpa_value(ui->ecam) + ui->ecam_first_bus * MIB,
			  gpa_value(ui->ecam) + (ui->ecam_last_bus + 1) * MIB - 1);
	aml_close_resources(aml, resources);
	aml_close(aml, device);
}

static int write_dsdt(struct aml *aml, const struct acpi_ui *ui, size_t *table)
{
	size_t object;
	int error;

	*table = aml_begin_table(aml, "DSDT", 2);
	aml_name(aml, "_S5_");
	object = aml_open(aml, AML_PACKAGE, "\4");
	for (unsigned i = 0; i < 4; i++)
		aml_integer(aml, i < 2 ? ACPI_SLP_TYP_S5 : 0);
	aml_close(aml, object);
	object = aml_open(aml, AML_SCOPE, "\\_SB_");
	error = write_root(aml, ui);
	write_ps2(aml, "PS2K", 0x0303, true, 1);
	write_ps2(aml, "PS2M", 0x0f13, false, 12);
	write_ecam(aml, ui);
	aml_close(aml, object);
	aml_end_table(aml, *table);
	return error;
}

static size_t write_facs(struct aml *aml)
{
	size_t facs;

	aml_align(aml, 64);
	facs = aml->used;
	aml_bytes(aml, "FACS", 4);
	aml_number(aml, FACS_SIZE, 8);
	aml_zeros(aml, 20);
	aml_number(aml, 2, 8); /* version */
	aml_align(aml, 64);
	return facs;
}

static bool is_passed(const struct acpi_table_ref *table)
{
	for (size_t i = 0; i < ARRAY_LENGTH(passed_tables); i++)
		if (table->good && memcmp(table->signature, passed_tables[i], 4) == 0)
			return true;
	return false;
}

/* The XSDT of two tables or three, and what the list of others has; then the RSDP at the buffer's
 * start. */
static int write_roots(struct aml *aml, gpa_t at, const size_t *tables, size_t count,
		       const struct acpi_info *firmware)
{
	uint8_t *rsdp = aml->buffer;
	size_t xsdt = aml_begin_table(aml, "XSDT", 1);

	for (size_t i = 0; i < count; i++)
		aml_number(aml, gpa_value(at) + tables[i], 8);
	for (size_t i = 0; firmware && i < firmware->table_count; i++)
		if (is_passed(&firmware->tables[i]))
			aml_number(aml, hpa_value(firmware->tables[i].address), 8);
	aml_end_table(aml, xsdt);
	if (aml->full)
		return -ENOSPC;
	memcpy(rsdp, "RSD PTR \0MULLN \2", 16);
	store32(rsdp + 20, RSDP_SIZE);
	store64(rsdp + 24, gpa_value(at) + xsdt);
	aml_seal(aml, 0, 20, 8);
	aml_seal(aml, 0, RSDP_SIZE, 32);
	return (int)aml->used;
}

int acpi_build_ui(const struct acpi_ui *ui, gpa_t at, void *buffer, size_t size)
{
	struct aml aml = {.buffer = buffer, .size = size};
	size_t facs, dsdt, tables[3];
	int error;

	aml_zeros(&aml, RSDP_SIZE);
	facs = write_facs(&aml);
	error = write_dsdt(&aml, ui, &dsdt);
	if (error)
		return error;
	tables[0] = write_fadt(&aml, ui, at, facs, dsdt);
	tables[1] = begin_madt(&aml, LAPIC_ADDRESS, ui->vcpu_count);
	write_ioapic(&aml, 0, IOAPIC_ADDRESS, 0);
	write_overrides(&aml, ui->overrides, ui->override_count);
	aml_end_table(&aml, tables[1]);
	tables[2] = write_mcfg(&aml, gpa_value(ui->ecam), ui->ecam_first_bus, ui->ecam_last_bus);
	return write_roots(&aml, at, tables, ARRAY_LENGTH(tables), NULL);
}

/* The machine's FADT, but for devices that are the UI VM's. */
static int copy_fadt(struct aml *aml, const struct acpi_table_ref *table, acpi_read *read,
		     void *user, size_t *at)
{
	uint8_t fadt[FADT_SIZE];
	uint32_t size = table->length < sizeof(fadt) ? table->length : sizeof(fadt);

	if (!read(user, table->address, fadt, size) || size < 112)
		return -EIO;
	store32(fadt + 4, size);
	store16(fadt + 109, (uint16_t)((load16(fadt + 109) & ~BOOT_8042) | BOOT_NO_VGA));
	aml_align(aml, 16);
	*at = aml->used;
	aml_bytes(aml, fadt, size);
	aml_seal(aml, *at, size, *at + 9);
	return 0;
}

int acpi_build_control(const struct acpi_info *info, acpi_read *read, void *user,
		       unsigned vcpu_count, uint8_t last_bus, gpa_t at, void *buffer, size_t size)
{
	struct aml aml = {.buffer = buffer, .size = size};
	const struct acpi_table_ref *fadt = NULL;
	size_t tables[3], count = 2;
	int error;

	for (size_t i = info->table_count; i > 0; i--) /* the first good one, as acpi_parse() */
		if (info->tables[i - 1].good &&
		    memcmp(info->tables[i - 1].signature, "FACP", 4) == 0)
			fadt = &info->tables[i - 1];
	if (fadt == NULL)
		return -EIO;
	aml_zeros(&aml, RSDP_SIZE);
	error = copy_fadt(&aml, fadt, read, user, &tables[0]);
	if (error)
		return error;
	tables[1] = begin_madt(&aml, hpa_value(info->lapic), vcpu_count);
	for (size_t i = 0; i < info->ioapic_count; i++)
		write_ioapic(&aml, info->ioapics[i].id, hpa_value(info->ioapics[i].address),
			     info->ioapics[i].gsi_base);
	write_overrides(&aml, info->overrides, info->override_count);
	aml_end_table(&aml, tables[1]);
	if (hpa_value(info->ecam) != 0)
		tables[count++] =
			write_mcfg(&aml, hpa_value(info->ecam), info->ecam_first_bus, last_bus);
	return write_roots(&aml, at, tables, count, info);
}
