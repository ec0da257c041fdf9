/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts a VM's kernel, initrd and boot data into its memory. */
#include "vm/load.h"

#include "lib/log.h"
#include "lib/string.h"
#include "vm/vendor.h"
#include "x86/cpu.h"
#include "x86/machine.h"

#define PAGE_CMDLINE 1
#define PAGE_GDT     2
#define PAGE_TABLES  3
#define PAGE_ACPI    9

#define TABLE_FLAGS 3ULL    /* present, writable */
#define LEAF_FLAGS  0x83ULL /* and 2 MiB */

static void write(struct vm *vm, gpa_t start, const void *from, size_t size)
{
	if (vm_write_memory(vm, start, from, size) != 0)
		core_panic(REASON_PANIC, "%s: its image does not fit at 0x%lx", vm->name,
			   gpa_value(start));
}

static gpa_t page_at(gpa_t block, unsigned page)
{
	return gpa(gpa_value(block) + page * PAGE_SIZE);
}

/* Identity-maps the first 4 GiB: PML4, one PDPT, four directories. */
static void write_tables(struct vm *vm, gpa_t at)
{
	uint64_t page[512] = {0};

	page[0] = gpa_value(page_at(at, 1)) | TABLE_FLAGS;
	write(vm, at, page, sizeof(page));
	for (unsigned i = 0; i < 4; i++)
		page[i] = gpa_value(page_at(at, 2 + i)) | TABLE_FLAGS;
	write(vm, page_at(at, 1), page, sizeof(page));
	for (unsigned table = 0; table < 4; table++) {
		for (unsigned i = 0; i < 512; i++)
			page[i] = table * GIB + i * 2 * MIB + LEAF_FLAGS;
		write(vm, page_at(at, 2 + table), page, sizeof(page));
	}
}

void load_vm(struct vm *vm)
{
	static const uint64_t gdt[4] = {0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff};
	const struct vm_image *image = vm->image;
	const struct linux_kernel *kernel = &image->kernel;
	gpa_t data = image->boot_data_at;
	uint8_t params[4096];

	write(vm, image->kernel_at, kernel->image + kernel->code_offset, kernel->code_size);
	if (image->initrd != NULL)
		write(vm, image->initrd_at, image->initrd, image->initrd_size);
	CORE_ASSERT(linux_fill_params(params, kernel, gpa_value(page_at(data, PAGE_CMDLINE)),
				      gpa_value(image->initrd_at), image->initrd_size,
				      gpa_value(image->rsdp), image->ranges,
				      image->range_count) == 0);
	write(vm, data, params, sizeof(params));
	write(vm, page_at(data, PAGE_CMDLINE), image->cmdline, strlen(image->cmdline) + 1);
	write(vm, page_at(data, PAGE_GDT), gdt, sizeof(gdt));
	write_tables(vm, page_at(data, PAGE_TABLES));
	write(vm, page_at(data, PAGE_ACPI), image->acpi, image->acpi_size);
	vendor->vcpu_enter_64(vm->vcpus[0], gpa_value(image->kernel_at) + LINUX_ENTRY_64,
			      gpa_value(page_at(data, PAGE_GDT)),
			      gpa_value(page_at(data, PAGE_TABLES)));
	vm->vcpus[0]->registers[RSI] = gpa_value(data);
	vm->watchdog_deadline =
		image->watchdog_seconds != 0 ? rdtsc() + image->watchdog_seconds * tsc_hz : 0;
}
