/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Second-level page tables in three formats behind one walker: nested pages of SVM (AMD APM vol. 2,
 * 15.25), AMD-Vi (AMD I/O Virtualization Technology Specification 48882, 2.2.3) and VT-d second
 * level (Intel VT-d specification, 9.8). EPT will be the fourth.
 *
 * A space is one such tree and the VM it belongs to. Mapping checks the owner table
 * (memory/owner.h) for every page; there is no other way to write a leaf. Uses 1 GiB and 2 MiB
 * leaves where address and size allow and the format can; splits them when a part is unmapped.
 *
 * Hardware may walk a table at any moment: entries are written with single stores, and a table is
 * complete before an entry leads to it. A range that was unmapped can be mapped again once its
 * token is consumed; until then hardware may still see nothing there.
 *
 * Locks: the caller holds the VM's lock.
 */
#ifndef CORE_MEMORY_TABLE_H
#define CORE_MEMORY_TABLE_H

#include "lib/types.h"
#include "memory/flush.h"
#include "memory/owner.h"

#define MAP_READ    (1U << 0) /* always given: no format can map without it */
#define MAP_WRITE   (1U << 1)
#define MAP_EXECUTE (1U << 2) /* ignored by IOMMU formats */

struct table_format; /* table.c: how an entry looks */
extern const struct table_format table_format_npt;
extern const struct table_format table_format_amdvi;
extern const struct table_format table_format_vtd;

struct space {
	const struct table_format *format;
	enum owner owner;
	hpa_t root;		     /* the top table */
	unsigned levels;	     /* 4; AMD-Vi and VT-d also 3 */
	unsigned largest_leaf_shift; /* 12, 21 or 30: what the hardware can */

	/* The user's, set before space_init(), which leaves them alone. */
	/* Makes all hardware that may cache translations of this space forget them, and returns
	 * when that is done. */
	void (*flush)(struct space *space);
	/* Writes back the cache lines of what was written to a table, where the hardware's walks do
	 * not look into caches (VT-d without ECAP.C); done before anything leads there. NULL: they
	 * do. */
	void (*write_back)(const void *start, size_t size);
	void *user; /* for flush() */
};

/* Allocates the root. -EINVAL: no such shape; -ENOMEM. */
int space_init(struct space *space, const struct table_format *format, enum owner owner,
	       unsigned levels, unsigned largest_leaf_shift);

/* Maps [start, start + size) to host memory at target, all of it or nothing. Page-aligned, not
 * wrapping, within the levels' range. -EINVAL; -EEXIST: something is mapped there; -EPERM: a page
 * is not the space's owner's, or not of the type; -ENOMEM. Adding needs no flush. */
int space_map(struct space *space, gpa_t start, hpa_t target, uint64_t size, enum page_type type,
	      unsigned flags);

/* Takes the range's mappings away (holes are fine) and fills the token, which must be empty or the
 * same space's. -EINVAL; -ENOMEM when a large leaf cannot be split (then nothing changed);
 * -E2BIG when the token is full: consume it and go on (what was done is in the token). */
int space_unmap(struct space *space, gpa_t start, uint64_t size, struct flush *token);

/* What an address leads to: 0 and the target and flags, or -ENOENT. Either pointer may be NULL. */
int space_look_up(const struct space *space, gpa_t address, hpa_t *target, unsigned *flags);

/* Whether all of the range, page-aligned, leads to one piece of host memory, with these flags at
 * least: 0 and where it begins, or -ENOENT. */
int space_look_up_range(const struct space *space, gpa_t start, uint64_t size, hpa_t *target,
			unsigned flags);

/*
 * Which pages were written (NPT only: hardware sets a bit in the leaf that it writes through).
 * space_split() makes the range's leaves single pages, so that each has a bit of its own: -EINVAL;
 * -ENOMEM (some may be split then). space_take_dirty() of a range that is split sets the pages'
 * bits, the first page's in bit 0 of bits[0], and takes them from the leaves; returns how many.
 * Until the token is consumed, writes may leave no trace; of pages that were reported only. A page
 * that was mapped, or split, and never reported counts as written.
 */
int space_split(struct space *space, gpa_t start, uint64_t size);
size_t space_take_dirty(struct space *space, gpa_t start, size_t pages, uint64_t *bits,
			struct flush *token);

/* Takes all mappings away, flushes through the token, which comes back consumed, and frees all
 * tables; for a VM that ends. The hardware must have been told to use the root no more. */
void space_finish(struct space *space, struct flush *token);

#endif
