/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who gets which memory: decided once at boot, as data, from the loader's memory map and the
 * manifest.
 *
 * - The core keeps its image, a pool of frames, the UI VM's modules (its pristine image for
 * restarts) and the pages it is told to keep.
 * - The UI VM has one contiguous block, from above 4 GiB if there is room, at GPA 0 on, without
 *   [640 KiB, 768 KiB) (VGA) and behind it the gap for device memory, if it is so large. Without an
 *   IOMMU its devices reach memory untranslated: then the block lies at its own addresses below 4
 * GiB, and [0, 1 MiB) is another block, which only CPUs can use (DMA there ends in the control
 * VM's).
 * - The control VM has all other RAM at its own addresses, and what belongs to the firmware: ACPI
 *   memory, the last 128 KiB below 1 MiB, the EBDA, and reserved ranges between RAM. What it sees
 *   in the 128 KiB of option ROMs is zeros.
 *
 * Pure; only layout_apply() and layout_map() touch other parts of memory/.
 */
#ifndef CORE_MEMORY_LAYOUT_H
#define CORE_MEMORY_LAYOUT_H

#include "boot/manifest.h"
#include "boot/multiboot2.h"
#include "lib/reason.h"
#include "lib/types.h"
#include "memory/owner.h"
#include "memory/range.h"
#include "memory/table.h"

#define LAYOUT_MAX_MAPS	  256
#define LAYOUT_MAX_RANGES 128 /* what a zero page holds */

/* What a VM's kernel wants. */
struct layout_need {
	uint64_t init_size; /* from where the kernel is loaded (boot/linux.h) */
	uint64_t alignment;
	uint64_t preferred; /* address */
	uint64_t boot_data; /* bytes: zero page, command line, ACPI copies, ... (vm/load.h) */
};

struct layout_input {
	const struct boot_info *boot;
	const struct manifest *manifest;
	struct layout_need needs[MANIFEST_MAX_VMS]; /* by the manifest's VMs */
	struct range image;			    /* the core's, with its bss; page-aligned */
	/* Pages the core keeps wherever they are: AP trampoline, crash record. */
	const struct range *keep;
	size_t keep_count;
	/* Not the control VM's as memory, whatever the map says: ECAM, APICs, IOMMU registers,
	 * memory of devices that are not its own. */
	const struct range *devices;
	size_t device_count;
	/* What the control VM must see though the map may say it is reserved: the ACPI tables. */
	const struct range *tables;
	size_t table_count;
	uint64_t mmio_start; /* lowest device memory below 4 GiB: the UI VM's low RAM ends there at
				most; 16 MiB to 4 GiB */
	bool identity;	     /* no IOMMU: the UI VM's GPAs are HPAs */
};

/* All of PAGE_RAM. */
struct layout_map {
	gpa_t start;
	hpa_t target;
	uint64_t size;
	unsigned flags;
	bool firmware; /* not for devices' DMA */
};

struct layout_vm {
	struct layout_map maps[LAYOUT_MAX_MAPS];
	size_t map_count;
	struct boot_range ranges[LAYOUT_MAX_RANGES]; /* its E820, ascending */
	size_t range_count;
	gpa_t kernel; /* below 4 GiB */
	gpa_t initrd;
	bool initrd_in_place; /* the module lies there: no copy */
	gpa_t boot_data;      /* below 4 GiB; type 3 (ACPI data) in its E820 */
	uint64_t ram;	      /* usable bytes */
};

struct memory_layout {
	hpa_t pool;
	uint64_t pool_size;
	hpa_t ui_ram; /* the block; all of it is mapped or kept back for the hole */
	uint64_t ui_ram_size;
	hpa_t ui_low; /* identity only: what is at GPA [0, 1 MiB) */
	hpa_t roms;   /* zeros that the control VM reads in place of option ROMs; hpa(0): none */
	struct layout_vm vms[MANIFEST_MAX_VMS];		 /* by the manifest's VMs */
	struct range_set core, vm_ram[MANIFEST_MAX_VMS]; /* HPA; nothing is in two of them */
	struct range_set scratch;

	/* Why it failed. */
	enum reason reason;
	const char *problem; /* what for; static, or the module's name */
	uint64_t missing;    /* MEMORY_TOO_SMALL: bytes */
};

/* 0, or -ENOMEM (MEMORY_TOO_SMALL), -ENOENT (MODULE_MISSING), -EBADMSG (BOOT_INFO_BROKEN: a module
 * or the image is not in RAM, or the map has too many ranges). */
int layout_decide(const struct layout_input *input, struct memory_layout *layout);

/* Sets up the frame pool and the owner table accordingly; VM i of the manifest is OWNER_VM_FIRST +
 * i. Then frame_alloc() works. Panics if it cannot, as layout_decide() has seen to it. */
void layout_apply(const struct memory_layout *layout);

/* Maps a VM's memory as decided; dma: into its devices' space, without the firmware's. Errors are
 * space_map()'s. */
int layout_map(const struct layout_vm *vm, struct space *space, bool dma);

#endif
