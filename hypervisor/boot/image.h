/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the core's image is. For assembly too; core.lds says the same. */
#ifndef CORE_BOOT_IMAGE_H
#define CORE_BOOT_IMAGE_H

#define IMAGE_VIRTUAL_BASE 0xffffffff80000000
#define IMAGE_LOAD_DEFAULT 0x200000 /* physical; the loader may choose another */

#ifndef __ASSEMBLER__
#include "lib/types.h"

/* core.lds; all page-aligned. */
extern char image_start[], image_text_end[], image_rodata_end[], image_end[];

/* Where image_start was loaded. */
extern hpa_t image_load;

/* The physical address of something in the image. */
static inline hpa_t image_physical(const void *symbol)
{
	return hpa(hpa_value(image_load) + ((uint64_t)symbol - (uint64_t)image_start));
}

static inline uint64_t image_size(void)
{
	return (uint64_t)image_end - (uint64_t)image_start;
}
#endif

#endif
