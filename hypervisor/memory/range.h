/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of address ranges: sorted, not overlapping, not touching. Pure. */
#ifndef CORE_MEMORY_RANGE_H
#define CORE_MEMORY_RANGE_H

#include "lib/types.h"

struct range {
	uint64_t start, size;
};

#define RANGE_SET_MAX 256

struct range_set {
	struct range ranges[RANGE_SET_MAX];
	size_t count;
	bool full; /* something did not fit; it is missing from the set */
};

/* The range, which may overlap what is there; of size 0: nothing. It does not wrap. */
void range_set_add(struct range_set *set, uint64_t start, uint64_t size);
void range_set_remove(struct range_set *set, uint64_t start, uint64_t size);
bool range_set_contains(const struct range_set *set, uint64_t start, uint64_t size);
uint64_t range_set_size(const struct range_set *set);

/* Takes size bytes at a multiple of align (a power of two) within [from, to) out of the set, the
 * highest there are. False: no range is large enough. */
bool range_set_take(struct range_set *set, uint64_t size, uint64_t align, uint64_t from,
		    uint64_t to, uint64_t *start);
/* The most that range_set_take() would find: the size of the largest part that begins at a multiple
 * of align. */
uint64_t range_set_largest(const struct range_set *set, uint64_t align, uint64_t from, uint64_t to);

#endif
