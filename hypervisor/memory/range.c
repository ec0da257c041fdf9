/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of ranges in sorted arrays. */
#include "memory/range.h"

#include "lib/string.h"

static uint64_t end_of(const struct range *range)
{
	return range->start + range->size;
}

/* The first range that ends behind address. */
static size_t find(const struct range_set *set, uint64_t address)
{
	size_t i = 0;

	while (i < set->count && end_of(&set->ranges[i]) <= address)
		i++;
	return i;
}

static void insert(struct range_set *set, size_t at, uint64_t start, uint64_t end)
{
	if (start >= end)
		return;
	if (set->count == RANGE_SET_MAX) {
		set->full = true;
		return;
	}
	memmove(&set->ranges[at + 1], &set->ranges[at], (set->count - at) * sizeof(set->ranges[0]));
	set->ranges[at] = (struct range){start, end - start};
	set->count++;
}

static void drop(struct range_set *set, size_t at)
{
	set->count--;
	memmove(&set->ranges[at], &set->ranges[at + 1], (set->count - at) * sizeof(set->ranges[0]));
}

void range_set_add(struct range_set *set, uint64_t start, uint64_t size)
{
	uint64_t end = start + size;
	size_t at;

	if (size == 0)
		return;
	/* Ranges that overlap or touch become part of the new one. */
	at = find(set, start);
	if (at > 0 && end_of(&set->ranges[at - 1]) == start)
		at--;
	while (at < set->count && set->ranges[at].start <= end) {
		if (set->ranges[at].start < start)
			start = set->ranges[at].start;
		if (end_of(&set->ranges[at]) > end)
			end = end_of(&set->ranges[at]);
		drop(set, at);
	}
	insert(set, at, start, end);
}

void range_set_remove(struct range_set *set, uint64_t start, uint64_t size)
{
	uint64_t end = start + size;
	size_t at = find(set, start);

	while (size != 0 && at < set->count && set->ranges[at].start < end) {
		struct range old = set->ranges[at];

		drop(set, at);
		insert(set, at, end, end_of(&old));
		insert(set, at, old.start, start);
		at = find(set, start);
	}
}

bool range_set_contains(const struct range_set *set, uint64_t start, uint64_t size)
{
	size_t at = find(set, start);

	return size == 0 || (at < set->count && set->ranges[at].start <= start &&
			     end_of(&set->ranges[at]) - start >= size);
}

uint64_t range_set_size(const struct range_set *set)
{
	uint64_t size = 0;

	for (size_t i = 0; i < set->count; i++)
		size += set->ranges[i].size;
	return size;
}

/* What of a range lies within [from, to), from a multiple of align on. */
static uint64_t usable(const struct range *range, uint64_t align, uint64_t from, uint64_t to,
		       uint64_t *start)
{
	uint64_t end = end_of(range) < to ? end_of(range) : to;

	*start = align_up(range->start > from ? range->start : from, align);
	return *start < end ? end - *start : 0;
}

bool range_set_take(struct range_set *set, uint64_t size, uint64_t align, uint64_t from,
		    uint64_t to, uint64_t *start)
{
	for (size_t i = set->count; i-- > 0;) {
		uint64_t first, space = usable(&set->ranges[i], align, from, to, &first);

		if (space >= size) {
			*start = first + align_down(space - size, align);
			range_set_remove(set, *start, size);
			return true;
		}
	}
	return false;
}

uint64_t range_set_largest(const struct range_set *set, uint64_t align, uint64_t from, uint64_t to)
{
	uint64_t largest = 0, start;

	for (size_t i = 0; i < set->count; i++) {
		uint64_t space = usable(&set->ranges[i], align, from, to, &start);

		if (space > largest)
			largest = space;
	}
	return largest;
}
