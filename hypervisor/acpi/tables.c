/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the firmware's tables, checks each, and reads the FADT and the MCFG. The others that matter
 * have a file each.
 */
#include "acpi/tables.h"

#include "acpi/view.h"
#include "lib/errno.h"
#include "lib/string.h"

#define RSDP_SIZE	 20
#define RSDP_SIZE_2	 36
#define MAX_TABLE_LENGTH (4 * MIB)
#define MAX_ADDRESS	 ((1ULL << 52) - 1)
#define FACS_LENGTH	 64

#define FADT_LENGTH	      116 /* ACPI 1.0's */
#define FADT_LENGTH_RESET     132 /* with the reset register */
#define FADT_LENGTH_2	      244 /* ACPI 2.0's */
#define FADT_RESET_SUPPORTED  (1U << 10)
#define FADT_HARDWARE_REDUCED (1U << 20)
#define SPACE_IO	      1

#define MCFG_ENTRIES 44
#define MCFG_ENTRY   16

struct reader {
	acpi_read *read;
	void *user;
	struct acpi_info *info;
	struct acpi_problem *problems;
	size_t max, count;
};

static void report(struct reader *reader, const char *signature, const char *what)
{
	if (reader->count < reader->max) {
		struct acpi_problem *problem = &reader->problems[reader->count];

		problem->signature[4] = '\0';
		for (size_t i = 0; i < 4; i++) {
			char c = signature[i];

			problem->signature[i] = c >= ' ' && c <= '~' ? c : '?';
		}
		problem->what = what;
	}
	reader->count++;
}

/* Puts what is needed first: why it is broken if that has been told, else that it is not there. */
static int fail(struct reader *reader, const char *signature, const char *what)
{
	struct acpi_problem *problems = reader->problems, first;
	size_t known = reader->count < reader->max ? reader->count : reader->max, i = 0;

	while (i < known && (what || memcmp(problems[i].signature, signature, 4) != 0))
		i++;
	if (i == known) {
		if (known == reader->max)
			i = --known;
		reader->count = known;
		report(reader, signature, what ? what : "is missing");
	}
	first = problems[i];
	problems[i] = problems[0];
	problems[0] = first;
	return -EBADMSG;
}

static struct acpi_view view_of(const struct reader *reader, const struct acpi_table_ref *table)
{
	return (struct acpi_view){reader->read, reader->user, hpa_value(table->address),
				  table->length};
}

static uint8_t sum_of(const uint8_t *bytes, size_t size)
{
	uint8_t sum = 0;

	while (size > 0)
		sum = (uint8_t)(sum + bytes[--size]);
	return sum;
}

static bool sum_is_zero(const struct acpi_view *view)
{
	uint8_t sum = 0, chunk[256];

	for (uint32_t at = 0; at < view->length; at += sizeof(chunk)) {
		uint32_t left = view->length - at;
		size_t size = left < sizeof(chunk) ? left : sizeof(chunk);

		if (!view_copy(view, at, chunk, size))
			return false;
		sum = (uint8_t)(sum + sum_of(chunk, size));
	}
	return sum == 0;
}

/* Reads the header and checks the table. NULL, or what is wrong; table->good says the same. */
static const char *check_table(const struct reader *reader, uint64_t untrusted_address,
			       struct acpi_table_ref *table)
{
	uint8_t header[8];
	struct acpi_view view;

	memset(table, 0, sizeof(*table));
	table->address = hpa(untrusted_address);
	if (untrusted_address > MAX_ADDRESS - MAX_TABLE_LENGTH ||
	    !reader->read(reader->user, table->address, header, sizeof(header)))
		return "is not in memory";
	memcpy(table->signature, header, 4);
	table->length = load32(header + 4);
	view = view_of(reader, table);
	if (memcmp(header, "FACS", 4) == 0) {
		table->good = table->length >= FACS_LENGTH && table->length <= PAGE_SIZE;
		return table->good ? NULL : "has a bad length"; /* and no checksum */
	}
	if (table->length < ACPI_HEADER || table->length > MAX_TABLE_LENGTH)
		return "has a bad length";
	table->good = sum_is_zero(&view);
	return table->good ? NULL : "has a bad checksum";
}

/* Adds a table; one that is there twice is taken once. */
static void add_table(struct reader *reader, uint64_t untrusted_address)
{
	struct acpi_info *info = reader->info;
	struct acpi_table_ref *table = &info->tables[info->table_count];
	const char *problem;

	if (untrusted_address == 0)
		return;
	for (size_t i = 0; i < info->table_count; i++)
		if (hpa_value(info->tables[i].address) == untrusted_address)
			return;
	if (info->table_count == ACPI_MAX_TABLES) {
		report(reader, "XSDT", "lists too many tables");
		return;
	}
	problem = check_table(reader, untrusted_address, table);
	info->table_count++;
	if (problem)
		report(reader, table->signature[0] ? table->signature : "XSDT", problem);
}

/* The tables of the XSDT (or RSDT). */
static bool read_root(struct reader *reader, uint64_t untrusted_address, const char *signature,
		      unsigned entry_size)
{
	struct acpi_table_ref root;
	struct acpi_view view;
	const char *problem = check_table(reader, untrusted_address, &root);
	uint32_t at = ACPI_HEADER;
	uint8_t entry[8] = {0};

	if (!problem && memcmp(root.signature, signature, 4) != 0)
		problem = "has another signature";
	if (problem) {
		report(reader, signature, problem);
		return false;
	}
	view = view_of(reader, &root);
	for (; view_copy(&view, at, entry, entry_size); at += entry_size)
		add_table(reader, load64(entry));
	return true;
}

static int read_rsdp(struct reader *reader, const uint8_t *untrusted_rsdp, size_t size)
{
	if (size < RSDP_SIZE || memcmp(untrusted_rsdp, "RSD PTR ", 8) != 0 ||
	    sum_of(untrusted_rsdp, RSDP_SIZE) != 0)
		return -ENOENT;
	reader->info->rsdp_revision = untrusted_rsdp[15];
	if (untrusted_rsdp[15] >= 2 && size >= RSDP_SIZE_2 &&
	    sum_of(untrusted_rsdp, RSDP_SIZE_2) == 0 &&
	    read_root(reader, load64(untrusted_rsdp + 24), "XSDT", 8))
		return 0;
	return read_root(reader, load32(untrusted_rsdp + 16), "RSDT", 4) ? 0 : -ENOENT;
}

/* The first good one of this name. */
static bool find_table(const struct reader *reader, const char *signature, struct acpi_view *view)
{
	for (size_t i = 0; i < reader->info->table_count; i++) {
		const struct acpi_table_ref *table = &reader->info->tables[i];

		if (table->good && memcmp(table->signature, signature, 4) == 0) {
			*view = view_of(reader, table);
			return true;
		}
	}
	return false;
}

/* A register block's port: the 64-bit field if it names one, else the old 32-bit field. */
static uint16_t fadt_port(const uint8_t *fadt, unsigned old, unsigned extended)
{
	uint64_t address = load64(fadt + extended + 4);

	if (fadt[extended] != SPACE_IO || address == 0)
		address = load32(fadt + old);
	return address <= UINT16_MAX ? (uint16_t)address : 0;
}

/* What the table is too short for reads as zero. */
static const char *read_fadt(struct reader *reader, const struct acpi_view *view)
{
	struct acpi_info *info = reader->info;
	/* By address space: memory, ports, PCI configuration. */
	static const uint64_t reset_limits[] = {MAX_ADDRESS, UINT16_MAX, UINT64_MAX};
	uint8_t fadt[FADT_LENGTH_2] = {0};
	uint32_t length = view->length >= FADT_LENGTH_2	      ? FADT_LENGTH_2
			  : view->length >= FADT_LENGTH_RESET ? FADT_LENGTH_RESET
							      : FADT_LENGTH;
	uint64_t dsdt, facs;

	if (!view_copy(view, 0, fadt, length))
		return "is too short";
	facs = load64(fadt + 132) ? load64(fadt + 132) : load32(fadt + 36);
	dsdt = load64(fadt + 140) ? load64(fadt + 140) : load32(fadt + 40);
	add_table(reader, dsdt);
	add_table(reader, facs);

	info->fadt.boot_flags = load16(fadt + 109);
	info->fadt.flags = load32(fadt + 112);
	info->fadt.reset_space = fadt[116];
	info->fadt.reset_address = load64(fadt + 120);
	info->fadt.reset_value = fadt[128];
	info->fadt.reset_supported = (info->fadt.flags & FADT_RESET_SUPPORTED) &&
				     info->fadt.reset_address != 0 &&
				     fadt[116] < ARRAY_LENGTH(reset_limits) &&
				     info->fadt.reset_address <= reset_limits[fadt[116]];
	if (info->fadt.flags & FADT_HARDWARE_REDUCED)
		return NULL;
	info->fadt.sci = load16(fadt + 46);
	info->fadt.smi_command = load32(fadt + 48) <= UINT16_MAX ? load16(fadt + 48) : 0;
	info->fadt.acpi_enable = fadt[52];
	info->fadt.pm1a_event = fadt_port(fadt, 56, 148);
	info->fadt.pm1b_event = fadt_port(fadt, 60, 160);
	info->fadt.pm1a_control = fadt_port(fadt, 64, 172);
	info->fadt.pm1b_control = fadt_port(fadt, 68, 184);
	info->fadt.pm_timer = fadt_port(fadt, 76, 208);
	info->fadt.gpe0 = fadt_port(fadt, 80, 220);
	info->fadt.gpe1 = fadt_port(fadt, 84, 232);
	info->fadt.pm1_event_length = fadt[88];
	info->fadt.gpe0_length = fadt[92];
	info->fadt.gpe1_length = fadt[93];
	return NULL;
}

static const char *read_madt(struct reader *reader, const struct acpi_view *view)
{
	return madt_parse(view, reader->info);
}

/* The configuration space of segment 0 that begins with the lowest bus. */
static const char *read_mcfg(struct reader *reader, const struct acpi_view *view)
{
	struct acpi_info *info = reader->info;
	uint8_t entry[MCFG_ENTRY];
	bool found = false;

	for (uint32_t at = MCFG_ENTRIES; view_copy(view, at, entry, MCFG_ENTRY); at += MCFG_ENTRY) {
		uint64_t base = load64(entry);

		if (load16(entry + 8) != 0 || (found && entry[10] >= info->ecam_first_bus))
			continue;
		if (base == 0 || base % MIB != 0 || entry[11] < entry[10] ||
		    base > MAX_ADDRESS - (entry[11] + 1) * MIB)
			return "has a bad range";
		info->ecam = hpa(base);
		info->ecam_first_bus = entry[10];
		info->ecam_last_bus = entry[11];
		found = true;
	}
	return found ? NULL : "has no segment 0";
}

const char *iommu_add(struct acpi_info *info, const struct acpi_iommu *iommu)
{
	uint64_t base = hpa_value(iommu->base);

	if (info->iommu_count == ACPI_MAX_IOMMUS)
		return "names too many IOMMUs";
	if (base == 0 || base % PAGE_SIZE != 0 || base > MAX_ADDRESS)
		return "has an IOMMU at a bad address";
	info->iommus[info->iommu_count++] = *iommu;
	return NULL;
}

const char *scope_add(struct acpi_info *info, const struct acpi_scope *scope)
{
	if (info->scope_count == ACPI_MAX_SCOPES)
		return "has too many device scopes";
	info->scopes[info->scope_count++] = *scope;
	return NULL;
}

const char *reserved_add(struct acpi_info *info, const struct acpi_reserved *reserved)
{
	struct acpi_reserved whole = *reserved;
	uint64_t start = hpa_value(reserved->start);

	if (reserved->size == 0 || start > MAX_ADDRESS || reserved->size > MAX_ADDRESS - start)
		return "has a bad memory range";
	if (info->reserved_count == ACPI_MAX_RESERVED)
		return "has too many memory ranges";
	whole.start = hpa(align_down(start, PAGE_SIZE));
	whole.size = align_up(start + reserved->size, PAGE_SIZE) - hpa_value(whole.start);
	info->reserved[info->reserved_count++] = whole;
	return NULL;
}

/* The IOMMUs' table: the first of the two that is right. */
static void read_iommus(struct reader *reader)
{
	static const struct {
		char signature[5];
		const char *(*parse)(const struct acpi_view *table, struct acpi_info *info);
	} kinds[] = {[ACPI_AMDVI] = {"IVRS", ivrs_parse}, [ACPI_VTD] = {"DMAR", dmar_parse}};
	struct acpi_info *info = reader->info;
	const char *problem;
	struct acpi_view view;

	for (enum acpi_iommu_kind kind = ACPI_AMDVI; kind <= ACPI_VTD; kind++) {
		if (!find_table(reader, kinds[kind].signature, &view))
			continue;
		if (info->iommu_kind != ACPI_NO_IOMMU) {
			report(reader, kinds[kind].signature, "is there beside an IVRS");
			continue;
		}
		problem = kinds[kind].parse(&view, info);
		if (!problem && info->iommu_count == 0)
			problem = "names no IOMMU";
		if (!problem) {
			info->iommu_kind = kind;
			continue;
		}
		report(reader, kinds[kind].signature, problem);
		info->iommu_count = info->scope_count = info->reserved_count = 0;
		info->dmar_interrupt_remapping = false;
	}
}

int acpi_parse(const void *untrusted_rsdp, size_t size, acpi_read *read, void *user,
	       struct acpi_info *info, struct acpi_problem *problems, size_t max, size_t *count)
{
	struct reader reader = {
		.read = read, .user = user, .info = info, .problems = problems, .max = max};
	static const struct {
		char signature[5];
		const char *(*parse)(struct reader *reader, const struct acpi_view *table);
	} needed[] = {{"FACP", read_fadt}, {"APIC", read_madt}, {"MCFG", read_mcfg}};
	int error;

	memset(info, 0, sizeof(*info));
	error = read_rsdp(&reader, untrusted_rsdp, size);
	for (size_t i = 0; !error && i < ARRAY_LENGTH(needed); i++) {
		bool there;
		struct acpi_view view;
		const char *problem = NULL;

		there = find_table(&reader, needed[i].signature, &view);
		if (there)
			problem = needed[i].parse(&reader, &view);
		if (!there || problem)
			error = fail(&reader, needed[i].signature, problem);
	}
	if (!error)
		read_iommus(&reader);
	*count = reader.count;
	return error;
}
