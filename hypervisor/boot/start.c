/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the boot loader's hands to the VMs: the whole sequence. */
#include "config.h"

#include "acpi/tables.h"
#include "boot/arrange.h"
#include "boot/crash.h"
#include "boot/image.h"
#include "boot/multiboot2.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "vm/build.h"
#include "vm/run.h"
#include "x86/cpu.h"
#include "x86/descriptor.h"
#include "x86/interrupt.h"
#include "x86/lapic.h"
#include "x86/machine.h"
#include "x86/paging.h"
#include "x86/panic.h"
#include "x86/pcpu.h"
#include "x86/require.h"
#include "x86/smp.h"

#define EARLY_LIMIT	 (4 * GIB) /* what boot/entry.S has mapped */
#define START_PAGE_LIMIT 0xa0000

void start_boot(uint32_t untrusted_info, uint32_t load);

hpa_t image_load;

static struct boot_info boot_info;
static struct acpi_info acpi_info;
static struct boot_plan boot_plan;
static struct range kept[CRASH_RECORD_COUNT + 1];
static size_t kept_count;
static bool go; /* atomic: the VMs are there */

static void early_descriptors(void)
{
	static struct descriptors descriptors;
	static char stacks[IST_COUNT][PAGE_SIZE] __attribute__((aligned(16)));
	uint64_t tops[IST_COUNT];

	for (unsigned i = 0; i < IST_COUNT; i++)
		tops[i] = (uint64_t)(stacks + i + 1);
	descriptors_load(&descriptors, tops);
	interrupt_init();
	interrupt_init_cpu();
}

static void read_boot_info(uint32_t untrusted_info)
{
	const char *problem = "";

	if (multiboot2_parse(phys_virt(hpa(untrusted_info)), EARLY_LIMIT - untrusted_info,
			     &boot_info, &problem) < 0)
		core_panic(REASON_BOOT_INFO_BROKEN, "%s", problem);
}

/* The core's command line: panic=SECONDS. */
static void read_options(void)
{
	const char *at = boot_info.cmdline;

	for (; *at != '\0'; at++) {
		unsigned seconds = 0;

		if (strncmp(at, "panic=", 6) != 0 || (at != boot_info.cmdline && at[-1] != ' '))
			continue;
		for (at += 6; *at >= '0' && *at <= '9' && seconds < 100000; at++)
			seconds = seconds * 10 + (unsigned)(*at - '0');
		panic_set_seconds(seconds);
		at--;
	}
}

static void init_screen(void)
{
	struct screen_mode mode = {
		.base = hpa(boot_info.framebuffer.base),
		.width = boot_info.framebuffer.width,
		.height = boot_info.framebuffer.height,
		.pitch = boot_info.framebuffer.pitch,
		.bits_per_pixel = boot_info.framebuffer.bits_per_pixel,
		.red_position = boot_info.framebuffer.red_position,
		.green_position = boot_info.framebuffer.green_position,
		.blue_position = boot_info.framebuffer.blue_position,
	};

	/* A BIOS leaves text mode where the loader sets none. */
	if (mode.bits_per_pixel == 0 && !boot_info.efi)
		mode.base = hpa(SCREEN_VGA_TEXT);
	screen_init(&mode);
}

/* A page of RAM where no boot module lies. */
static bool is_free_page(uint64_t page)
{
	for (size_t i = 0; i < boot_info.module_count; i++) {
		const struct boot_module *module = &boot_info.modules[i];

		if (page < module->start + module->size && module->start < page + PAGE_SIZE)
			return false;
	}
	for (size_t i = 0; i < boot_info.range_count; i++) {
		const struct boot_range *range = &boot_info.ranges[i];

		if (range->type == 1 && page >= range->start && page - range->start < range->size)
			return true;
	}
	return false;
}

/* Chooses the pages that the core needs where they are: those of crash records, and the highest
 * free one below 640 KiB to start CPUs in, as firmware's own habits are at the lower end. */
static void keep_pages(void)
{
	static const uint64_t places[CRASH_RECORD_COUNT] = CRASH_RECORD_PLACES;

	for (size_t i = 0; i < CRASH_RECORD_COUNT; i++)
		if (is_free_page(places[i]))
			kept[kept_count++] = (struct range){places[i], PAGE_SIZE};
	crash_store_init(kept, kept_count);
	for (uint64_t page = START_PAGE_LIMIT - PAGE_SIZE; page >= PAGE_SIZE; page -= PAGE_SIZE) {
		if (!is_free_page(page) || page == places[0])
			continue;
		kept[kept_count++] = (struct range){page, PAGE_SIZE};
		pcpu_set_start_page(hpa(page));
		return;
	}
	core_panic(REASON_MEMORY_TOO_SMALL, "no usable page below 640 KiB");
}

static bool read_firmware(void *user, hpa_t start, void *to, size_t size)
{
	(void)user;
	if (hpa_value(start) >= EARLY_LIMIT || size > EARLY_LIMIT - hpa_value(start))
		return false;
	memcpy(to, phys_virt(start), size);
	return true;
}

static bool has_table(const char *signature)
{
	for (size_t i = 0; i < acpi_info.table_count; i++)
		if (memcmp(acpi_info.tables[i].signature, signature, 4) == 0)
			return true;
	return false;
}

static void read_acpi(void)
{
	struct acpi_problem problems[8] = {0};
	size_t count = 0;
	int error = acpi_parse(boot_info.rsdp, boot_info.rsdp_size, read_firmware, NULL, &acpi_info,
			       problems, ARRAY_LENGTH(problems), &count);
	enum reason reason = REASON_ACPI_BROKEN;

	if (error == -ENOENT)
		reason = REASON_ACPI_MISSING;
	else if (strcmp(problems[0].signature, "MCFG") == 0 && !has_table("MCFG"))
		reason = REASON_NO_MCFG;
	if (error != 0)
		core_panic(reason, "%s: %s", problems[0].signature, problems[0].what);
	for (size_t i = 0; i < count && i < ARRAY_LENGTH(problems); i++)
		log_warning(REASON_ACPI_TABLE_IGNORED, "%s: %s", problems[i].signature,
			    problems[i].what);
}

static void other_cpu(void)
{
	/* Interrupts come on with the halt, so that the kick below cannot fall between. */
	while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
		__asm__ volatile("sti; hlt; cli" : : : "memory");
	machine_run_cpu();
}

/* The boot CPU, on its own stack, with everything mapped as it will stay. */
static void start_machine(void)
{
	ioapic_init(&acpi_info);
	power_init(&acpi_info);
	tsc_init(acpi_info.fadt.pm_timer);
	lapic_calibrate();
	wall_clock_at_boot();
	pcpu_start_others(acpi_info.cpu_apic_ids, acpi_info.cpu_count, other_cpu);
	log_line("CPUs: %u", pcpu_count);
	machine_start(&boot_info, &acpi_info, &boot_plan);
	__atomic_store_n(&go, true, __ATOMIC_RELEASE);
	for (unsigned i = 1; i < pcpu_count; i++)
		lapic_send(pcpu_list[i]->apic_id, VECTOR_KICK);
	machine_run_cpu();
}

/* Called by boot/entry.S on the boot stack, with the early page tables. */
void start_boot(uint32_t untrusted_info, uint32_t load)
{
	image_load = hpa(load);
	serial_init();
	log_line("Mullion core " PACKAGE_VERSION " starts at %x", load);
	early_descriptors();
	read_boot_info(untrusted_info);
	init_screen();
	log_line("Mullion core " PACKAGE_VERSION ", from %s, \"%s\"", boot_info.loader,
		 boot_info.cmdline);
	read_options();
	keep_pages();
	cpu_require();
	read_acpi();
	plan_make(&boot_info, phys_virt, &boot_plan);
	arrange_memory(&boot_info, &acpi_info, &boot_plan, kept, kept_count);
	paging_init(&boot_info);
	/* QEMU's ACPI tables, for one, are in memory that the map calls reserved. */
	for (size_t i = 0; i < acpi_info.table_count; i++)
		if (!paging_add_firmware(acpi_info.tables[i].address, acpi_info.tables[i].length))
			core_panic(REASON_OUT_OF_FRAMES, "for a map of the ACPI tables");
	pcpu_start_first(acpi_info.lapic, start_machine);
}
