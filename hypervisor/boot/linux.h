/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Linux kernel image (bzImage) and what its 64-bit entry wants: Linux' boot protocol
 * (Documentation/x86/boot.rst, 2.12 or later) and zero page. Pure.
 */
#ifndef CORE_BOOT_LINUX_H
#define CORE_BOOT_LINUX_H

#include "boot/multiboot2.h"
#include "lib/types.h"

struct linux_kernel {
	const uint8_t *image; /* the whole file */
	size_t code_offset;   /* of the protected-mode part, which is what is loaded */
	size_t code_size;
	uint64_t init_size; /* memory it needs from where it is loaded */
	uint64_t alignment; /* of where it is loaded; a power of two */
	uint64_t preferred_address;
	uint32_t cmdline_max; /* bytes without the zero */
};

/* 0; -ENOEXEC with what is wrong; -EBADMSG: it is one, but truncated. */
int linux_check(const uint8_t *untrusted_image, size_t size, struct linux_kernel *kernel,
		const char **problem);

#define LINUX_ENTRY_64	 0x200 /* from where the code is loaded */
#define LINUX_MAX_RANGES 128

/* Fills the zero page. Ranges beyond LINUX_MAX_RANGES: -E2BIG. */
int linux_fill_params(uint8_t params[4096], const struct linux_kernel *kernel, uint64_t cmdline,
		      uint64_t initrd, uint64_t initrd_size, uint64_t rsdp,
		      const struct boot_range *ranges, size_t range_count);

#endif
