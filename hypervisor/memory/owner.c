/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The owner table: a tree of 512-entry tables, one frame each. An entry is either a leaf, which
 * speaks for its whole span (owner, type, how often each page of it is mapped), or leads to a
 * table.
 *
 * A table is folded back into one leaf when all of it is alike and unmapped, and only then: as long
 * as a page is mapped, the borders that its owner_put() needs stay where they are.
 */
#include "memory/owner.h"

#include "lib/errno.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "lib/string.h"
#include "memory/frame.h"

#define ADDRESS_BITS 52
#define TOP_LEVEL    5 /* an entry: 256 TiB; level 1: a page */
#define TOP_ENTRIES  (1U << (ADDRESS_BITS - 48))
#define ENTRIES	     512U

#define ENTRY_TABLE	      (1ULL << 63) /* the rest is the table's address */
#define ENTRY_COUNT_ONE	      (1ULL << 16)
#define ENTRY_COUNT_MASK      0x0000ffffffff0000ULL
#define ENTRY_OF(type, owner) ((uint64_t)(type) << 8 | (uint64_t)(owner))
#define ENTRY_WHO_MASK	      0xffffULL /* type and owner */

static struct lock owner_lock;
static uint64_t top[TOP_ENTRIES];
static size_t frames; /* of tables */

static enum owner entry_owner(uint64_t entry)
{
	return (enum owner)(entry & 0xff);
}

static uint64_t *entry_table(uint64_t entry)
{
	return frame_virt(hpa(entry & ~ENTRY_TABLE));
}

static unsigned level_shift(unsigned level)
{
	return 12 + 9 * (level - 1);
}

static bool range_bad(uint64_t start, uint64_t size)
{
	return size == 0 || start % PAGE_SIZE != 0 || size % PAGE_SIZE != 0 ||
	       range_wraps(start, size) || start + (size - 1) >= 1ULL << ADDRESS_BITS;
}

/* The leaf that speaks for an address, and its level. */
static uint64_t *find(uint64_t address, unsigned *level)
{
	uint64_t *entry = &top[address >> level_shift(TOP_LEVEL)];

	for (*level = TOP_LEVEL; *entry & ENTRY_TABLE;) {
		--*level;
		entry = entry_table(*entry) + (address >> level_shift(*level) & (ENTRIES - 1));
	}
	return entry;
}

/* The first address behind the leaf of this level that speaks for address, but at most end. */
static uint64_t leaf_end(uint64_t address, unsigned level, uint64_t end)
{
	uint64_t after =
		align_down(address, 1ULL << level_shift(level)) + (1ULL << level_shift(level));

	return after < end ? after : end;
}

/* Makes a leaf begin at address. */
static int split_at(uint64_t address)
{
	uint64_t *entry, *table;
	unsigned level;
	hpa_t frame;

	if (address >> ADDRESS_BITS)
		return 0;
	for (;;) {
		entry = find(address, &level);
		if (address % (1ULL << level_shift(level)) == 0)
			return 0;
		frame = frame_alloc();
		if (hpa_value(frame) == 0)
			return -ENOMEM;
		table = frame_virt(frame);
		for (size_t i = 0; i < ENTRIES; i++)
			table[i] = *entry;
		*entry = hpa_value(frame) | ENTRY_TABLE;
		frames++;
	}
}

static int split(uint64_t start, uint64_t size)
{
	int error = split_at(start);

	return error ? error : split_at(start + size);
}

static void fold(uint64_t *entry)
{
	uint64_t *table = entry_table(*entry);
	uint64_t first = table[0];

	if (first & (ENTRY_TABLE | ENTRY_COUNT_MASK))
		return;
	for (size_t i = 1; i < ENTRIES; i++)
		if (table[i] != first)
			return;
	frame_free(hpa(*entry & ~ENTRY_TABLE));
	*entry = first;
	frames--;
}

/* Adds delta to every leaf in the range, which must begin and end at borders, and folds tables. */
static void add_to(uint64_t *table, unsigned level, uint64_t start, uint64_t end, uint64_t delta)
{
	uint64_t mask = level == TOP_LEVEL ? TOP_ENTRIES - 1 : ENTRIES - 1;

	for (uint64_t next; start < end; start = next) {
		uint64_t *entry = &table[start >> level_shift(level) & mask];

		next = leaf_end(start, level, end);
		if (*entry & ENTRY_TABLE) {
			add_to(entry_table(*entry), level - 1, start, next, delta);
			fold(entry);
		} else {
			CORE_ASSERT(delta == 0 || (next - start) >> level_shift(level) == 1);
			*entry += delta;
		}
	}
}

/* 0 if every page of the range is who's (ENTRY_OF) by the bits of mask, else -EPERM. Bits that are
 * set in any of the pages' entries come back. */
static int check(uint64_t start, uint64_t size, uint64_t who, uint64_t mask, uint64_t *any)
{
	uint64_t end = start + size;
	unsigned level;

	*any = 0;
	while (start < end) {
		uint64_t entry = *find(start, &level);

		if (((entry ^ who) & mask) != 0)
			return -EPERM;
		*any |= entry;
		start = leaf_end(start, level, end);
	}
	return 0;
}

/* Splits where needed and adds; when memory is short, folds what was split in vain. */
static int change(uint64_t start, uint64_t size, uint64_t delta)
{
	int error = split(start, size);

	add_to(top, TOP_LEVEL, start, start + size, error ? 0 : delta);
	return error;
}

void owner_init(void)
{
	memset(&owner_lock, 0, sizeof(owner_lock));
	memset(top, 0, sizeof(top));
	frames = 0;
}

size_t owner_frames(void)
{
	size_t n;

	lock_take(&owner_lock);
	n = frames;
	lock_release(&owner_lock);
	return n;
}

int owner_add(hpa_t start, uint64_t size, enum page_type type, enum owner owner)
{
	uint64_t any;
	int error;

	if (range_bad(hpa_value(start), size) || owner == OWNER_NOBODY || owner > OWNER_LAST)
		return -EINVAL;
	lock_take(&owner_lock);
	error = check(hpa_value(start), size, ENTRY_OF(0, OWNER_NOBODY), 0xff, &any) ? -EEXIST : 0;
	if (!error)
		error = change(hpa_value(start), size, ENTRY_OF(type, owner));
	lock_release(&owner_lock);
	return error;
}

int owner_change(hpa_t start, uint64_t size, enum owner from, enum owner to)
{
	uint64_t any;
	int error;

	if (range_bad(hpa_value(start), size) || from == OWNER_NOBODY || from > OWNER_LAST ||
	    to == OWNER_NOBODY || to > OWNER_LAST)
		return -EINVAL;
	lock_take(&owner_lock);
	error = check(hpa_value(start), size, from, 0xff, &any);
	if (!error && any & ENTRY_COUNT_MASK)
		error = -EBUSY;
	if (!error)
		error = change(hpa_value(start), size, (uint64_t)to - (uint64_t)from);
	lock_release(&owner_lock);
	return error;
}

int owner_get(hpa_t start, uint64_t size, enum page_type type, enum owner owner)
{
	uint64_t any;
	int error;

	if (range_bad(hpa_value(start), size) || owner == OWNER_NOBODY || owner > OWNER_LAST)
		return -EINVAL;
	lock_take(&owner_lock);
	error = check(hpa_value(start), size, ENTRY_OF(type, owner), ENTRY_WHO_MASK, &any);
	/* No pool is large enough for tables that map a page this often. */
	CORE_ASSERT(error || !(any & 1ULL << 47));
	if (!error)
		error = change(hpa_value(start), size, ENTRY_COUNT_ONE);
	lock_release(&owner_lock);
	return error;
}

int owner_prepare_put(hpa_t start, uint64_t size)
{
	int error;

	if (range_bad(hpa_value(start), size))
		return -EINVAL;
	lock_take(&owner_lock);
	error = split(hpa_value(start), size);
	lock_release(&owner_lock);
	return error;
}

void owner_put(hpa_t start, uint64_t size)
{
	uint64_t address = hpa_value(start), end = address + size;
	unsigned level;

	CORE_ASSERT(!range_bad(address, size));
	lock_take(&owner_lock);
	for (uint64_t at = address; at < end; at = leaf_end(at, level, end))
		CORE_ASSERT((*find(at, &level) & ENTRY_COUNT_MASK) != 0);
	add_to(top, TOP_LEVEL, address, end, -ENTRY_COUNT_ONE);
	lock_release(&owner_lock);
}

enum owner owner_of(hpa_t page)
{
	enum owner owner;
	unsigned level;

	if (hpa_value(page) >> ADDRESS_BITS)
		return OWNER_NOBODY;
	lock_take(&owner_lock);
	owner = entry_owner(*find(hpa_value(page), &level));
	lock_release(&owner_lock);
	return owner;
}

int owner_each(int (*call)(void *data, hpa_t start, uint64_t size, enum page_type type,
			   enum owner owner),
	       void *data)
{
	const uint64_t end = 1ULL << ADDRESS_BITS;
	uint64_t start = 0, next, who;
	unsigned level;
	int stop = 0;

	while (start < end && !stop) {
		lock_take(&owner_lock);
		who = *find(start, &level) & ENTRY_WHO_MASK;
		next = leaf_end(start, level, end);
		while (next < end && (*find(next, &level) & ENTRY_WHO_MASK) == who)
			next = leaf_end(next, level, end);
		lock_release(&owner_lock);
		if (entry_owner(who) != OWNER_NOBODY)
			stop = call(data, hpa(start), next - start, (enum page_type)(who >> 8),
				    entry_owner(who));
		start = next;
	}
	return stop;
}
