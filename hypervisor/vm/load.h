/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a service VM's memory holds when its first vCPU starts: kernel, initrd, and a block of boot
 * data (zero page, command line, GDT, page tables, ACPI tables). Written anew at every start from
 * the boot modules, which stay the core's.
 */
#ifndef CORE_VM_LOAD_H
#define CORE_VM_LOAD_H

#include "acpi/tables.h"
#include "boot/linux.h"
#include "boot/multiboot2.h"
#include "vm/vm.h"

#define LOAD_ACPI_SIZE (16 * PAGE_SIZE)
/* Zero page, command line, GDT, 6 tables that map 4 GiB, ACPI. */
#define LOAD_BOOT_DATA_SIZE (9 * PAGE_SIZE + LOAD_ACPI_SIZE)

struct vm_image {
	struct linux_kernel kernel;
	const uint8_t *initrd; /* NULL: none, or it lies where the VM finds it */
	uint64_t initrd_size;
	const char *cmdline;
	gpa_t kernel_at, initrd_at, boot_data_at; /* below 4 GiB but for the initrd */
	const struct boot_range *ranges;	  /* E820 */
	size_t range_count;
	uint8_t acpi[LOAD_ACPI_SIZE]; /* built for boot_data_at + 9 pages, RSDP first */
	size_t acpi_size;
	gpa_t rsdp; /* where the RSDP is in it */
	uint32_t max_restarts, watchdog_seconds;
};

/* Writes it all and points vCPU 0 at the kernel's entry. The VM does not run. Panics if the image
 * does not fit the VM's memory: machine_start() has made sure. */
void load_vm(struct vm *vm);

#endif
