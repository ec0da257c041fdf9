/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The core's own page frames: one contiguous pool set aside at boot (memory/layout.h), from which
 * page tables, VMCBs, stacks and rings come. Fixed at boot; nothing is allocated on the run path.
 *
 * Locks: one inside; any CPU may call.
 */
#ifndef CORE_MEMORY_FRAME_H
#define CORE_MEMORY_FRAME_H

#include "lib/types.h"
#include "x86/machine.h"

/* Hands over [start, start + size), page-aligned, mapped and owned by the core. Once. */
void frame_init(hpa_t start, uint64_t size);

/* A zeroed frame, or hpa(0) when the pool is used up: callers answer -ENOMEM. */
hpa_t frame_alloc(void);
/* count adjacent zeroed frames (boot only). hpa(0): none. */
hpa_t frame_alloc_many(size_t count);
void frame_free(hpa_t frame);

/* Where the core sees a frame of the pool, and any RAM the boot map covers. */
static inline void *frame_virt(hpa_t frame)
{
	return phys_virt(frame);
}

/* The same for page tables, which are counted apart. */
hpa_t frame_alloc_table(void);
void frame_free_table(hpa_t frame);

size_t frame_used(void);   /* frames, for figures */
size_t frame_tables(void); /* of these, page tables */

#endif
