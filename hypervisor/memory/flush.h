/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flush token. No emulator shows a missing TLB or IOTLB flush, so the types make one impossible
 * to forget: whatever takes a translation away fills a token, and a token that goes out of scope
 * unconsumed is a panic. Pages stay counted in the owner table until their flush has been done.
 *
 *	FLUSH_TOKEN(token);
 *	error = space_unmap(space, start, size, &token);
 *	flush_consume(&token);
 */
#ifndef CORE_MEMORY_FLUSH_H
#define CORE_MEMORY_FLUSH_H

#include "lib/types.h"

struct space;

#define FLUSH_MAX_RANGES 16

/* What was unmapped and not flushed yet. Fields are memory/table.c's and flush.c's own. */
struct flush {
	struct space *space; /* NULL: nothing pending */
	size_t ranges;
	struct {
		hpa_t start;
		uint64_t size;
	} range[FLUSH_MAX_RANGES];
	/* Tables that became empty and were taken out: hardware may still walk them, so they are
	 * freed after the flush. The first word of each leads to the next (page-aligned, which is
	 * "not present" in every format). */
	hpa_t tables;
};

/* Panics if the token still has something pending. */
void flush_check_consumed(struct flush *token);
#define FLUSH_TOKEN(name)                                                                          \
	struct flush name __attribute__((cleanup(flush_check_consumed))) = {.space = NULL}

/* Makes every CPU and every IOMMU forget the space's old translations (space->flush), then takes
 * the mapping counts back (owner_put()). Returns only when nobody can use the old translation any
 * more. An empty token is fine. */
void flush_consume(struct flush *token);

#endif
