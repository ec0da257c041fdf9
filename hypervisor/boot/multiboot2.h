/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a multiboot2 loader hands over (Multiboot2 Specification 2.0, 3.6). Pure parser of the whole
 * information block; every tag's length is checked.
 */
#ifndef CORE_BOOT_MULTIBOOT2_H
#define CORE_BOOT_MULTIBOOT2_H

#include "lib/types.h"

#define BOOT_MAX_MODULES 16
#define BOOT_MAX_RANGES	 128
#define BOOT_MODULE_NAME 64
#define BOOT_CMDLINE	 256

struct boot_range {
	uint64_t start, size;
	uint32_t type; /* E820's: 1 usable, 2 reserved, 3 ACPI data, 4 ACPI NVS, 5 bad */
};

struct boot_module {
	char name[BOOT_MODULE_NAME]; /* the first word of its command line */
	uint64_t start, size;
};

struct boot_info {
	char cmdline[BOOT_CMDLINE];
	char loader[64];
	/* Ascending, in whole pages (usable ones aligned inwards, others outwards), not
	 * overlapping: the worse type wins. The multiboot map is preferred, else EFI's in E820's
	 * types. */
	struct boot_range ranges[BOOT_MAX_RANGES];
	size_t range_count;
	struct boot_module modules[BOOT_MAX_MODULES];
	size_t module_count;
	uint8_t rsdp[36];
	size_t rsdp_size; /* 0: none; the ACPI 2.0 one is preferred */
	struct {
		uint64_t base;
		uint32_t width, height, pitch;
		uint8_t bits_per_pixel; /* 0: no framebuffer, or not RGB */
		uint8_t red_position, green_position, blue_position;
	} framebuffer;
	bool efi;
};

/* 0, or -EBADMSG with what is wrong in *problem (static). size: as far as memory is readable. */
int multiboot2_parse(const void *untrusted_info, size_t size, struct boot_info *info,
		     const char **problem);

#endif
