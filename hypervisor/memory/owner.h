/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who owns each page of the machine: the one invariant that carries isolation.
 *
 *	A page is mapped in the second-level tables of a VM, or in the IOMMU tables of its devices,
 *	only while that VM owns it; and it changes its owner only while nothing maps it.
 *
 * One tree over the 52-bit physical address space, RAM and device memory alike: an entry speaks for
 * 256 TiB, 512 GiB, 1 GiB, 2 MiB or one page, and is split where its parts differ. What was never
 * declared belongs to nobody and can never be mapped.
 *
 * Pure but for its lock and frame_alloc() for the tree (memory/frame.h). Locks: one inside; any
 *CPU.
 */
#ifndef CORE_MEMORY_OWNER_H
#define CORE_MEMORY_OWNER_H

#include "lib/types.h"

enum owner {
	OWNER_NOBODY = 0, /* no RAM or device, or firmware's: never mapped */
	OWNER_CORE = 1,
	OWNER_FREE = 2,	     /* RAM not handed out yet */
	OWNER_VM_FIRST = 16, /* + VM number */
	OWNER_LAST = 255,
};

enum page_type {
	PAGE_RAM,
	PAGE_DEVICE, /* a BAR, an APIC: uncached, never executable */
};

/* Everything is nobody's. At boot, once, after frame_init(). */
void owner_init(void);
size_t owner_frames(void); /* that its tables are in, for figures */

/* Declares a range (page-aligned, not wrapping, overlapping none) at boot. Returns -EINVAL,
 * -EEXIST, -ENOMEM. */
int owner_add(hpa_t start, uint64_t size, enum page_type type, enum owner owner);

/* Moves a range from one owner to another, all or nothing; neither is OWNER_NOBODY. -EINVAL;
 * -EPERM: some page is not from's; -EBUSY: some page is mapped; -ENOMEM. */
int owner_change(hpa_t start, uint64_t size, enum owner from, enum owner to);

/* Counts one mapping of each page in the range, all or nothing; for memory/table.c, and what
 * guest/ shares with the control VM.
 * -EPERM unless every page is the owner's and of the type; -EINVAL; -ENOMEM. */
int owner_get(hpa_t start, uint64_t size, enum page_type type, enum owner owner);
/* Takes it back. A count below zero is a panic. */
void owner_put(hpa_t start, uint64_t size);
/* Makes sure that owner_put() of this mapped range, which cannot fail, finds entries that begin and
 * end where the range does; only a part of what one owner_get() took needs it. -ENOMEM. */
int owner_prepare_put(hpa_t start, uint64_t size);

/* Whose the page is. */
enum owner owner_of(hpa_t page);

/* Calls for each maximal range of one owner (but nobody) and type, ascending; until a call returns
 * non-zero, which is returned. No lock is held during a call: it may map. */
int owner_each(int (*call)(void *data, hpa_t start, uint64_t size, enum page_type type,
			   enum owner owner),
	       void *data);

#endif
