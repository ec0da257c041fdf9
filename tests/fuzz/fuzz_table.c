/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The owner table and second-level tables, driven by a stream of calls with any arguments, against
 * arrays that say page by page what should be.
 */
#include <string.h>

#include "fuzz.h"
#include "lib/errno.h"
#include "memory/frame.h"
#include "memory/table.h"
#include "../core/stub.h"

#define POOL   (16 * MIB)
#define BASE   (GIB - 2 * MIB) /* of the window in host and guest memory: across a 1 GiB border */
#define PAGES  1024U
#define OWNERS 3U
#define SPACES 2U
#define HOLE   UINT32_MAX

struct page {
	enum owner owner;
	enum page_type type;
	unsigned mapped, pending; /* mappings; and those of them in a token, by space */
};

static struct page pages[PAGES];
static uint32_t translation[SPACES][PAGES];
static uint8_t rights[SPACES][PAGES];
static unsigned waiting[SPACES][PAGES]; /* how often the page is in the space's token */
static struct space spaces[SPACES];
static struct flush tokens[SPACES];
static unsigned flushes;

static const uint8_t *input;
static size_t left;

static uint64_t take(size_t bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0 && left > 0) {
		value = value << 8 | *input++;
		left--;
	}
	return value;
}

static void count_flush(struct space *space)
{
	(void)space;
	flushes++;
}

static enum owner take_owner(void)
{
	return (enum owner)(OWNER_VM_FIRST + take(1) % OWNERS);
}

/* A range in the window, mostly; else any numbers. */
static bool take_range(uint64_t *start, uint64_t *size, uint32_t *page, uint32_t *count)
{
	uint64_t how = take(1);

	if (how < 8) {
		*start = take(8);
		*size = take(8);
		return false;
	}
	*page = (uint32_t)(take(2) % PAGES);
	*count = 1 + (uint32_t)(how & 1 ? take(1) % 8 : how & 2 ? take(2) % PAGES : 511);
	if (how & 4)
		*page = *page / 512 * 512;
	if (*page + *count > PAGES)
		*count = PAGES - *page;
	*start = BASE + *page * PAGE_SIZE;
	*size = *count * PAGE_SIZE;
	return true;
}

static bool is_bad(uint64_t start, uint64_t size, unsigned bits)
{
	return start % PAGE_SIZE || size % PAGE_SIZE || size == 0 ||
	       (unsigned __int128)start + size > (unsigned __int128)1 << bits;
}

/* The range has a page of the window in it; then what any() numbers do to it is not followed. */
static bool touches(uint64_t start, uint64_t size)
{
	return start < BASE + PAGES * PAGE_SIZE &&
	       (unsigned __int128)start + size > (unsigned __int128)BASE;
}

static void try_add(void)
{
	uint64_t start, size;
	uint32_t page, count;
	bool inside = take_range(&start, &size, &page, &count);
	enum page_type type = take(1) % 4 ? PAGE_RAM : PAGE_DEVICE;
	enum owner owner = take_owner();
	int error, expected = 0;

	if (!inside) {
		if (is_bad(start, size, 52))
			FUZZ_CHECK(owner_add(hpa(start), size, type, owner) == -EINVAL);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		if (pages[page + i].owner != OWNER_NOBODY)
			expected = -EEXIST;
	error = owner_add(hpa(start), size, type, owner);
	FUZZ_CHECK(error == expected || error == -ENOMEM);
	for (uint32_t i = 0; i < count && !error; i++) {
		pages[page + i].owner = owner;
		pages[page + i].type = type;
	}
}

static void try_change(void)
{
	uint64_t start, size;
	uint32_t page, count;
	bool inside = take_range(&start, &size, &page, &count);
	enum owner from = take_owner(), to = take_owner();
	int error, expected = 0;

	if (!inside) {
		error = owner_change(hpa(start), size, from, to);
		FUZZ_CHECK(error == (is_bad(start, size, 52) ? -EINVAL : -EPERM) ||
			   touches(start, size));
		for (uint32_t i = 0; i < PAGES && !error; i++)
			if (BASE + i * PAGE_SIZE - start < size)
				pages[i].owner = to;
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (pages[page + i].owner != from)
			expected = -EPERM;
		if (pages[page + i].mapped && !expected)
			expected = -EBUSY;
	}
	error = owner_change(hpa(start), size, from, to);
	FUZZ_CHECK(error == expected || error == -ENOMEM);
	for (uint32_t i = 0; i < count && !error; i++)
		pages[page + i].owner = to;
}

static void try_map(unsigned s)
{
	uint64_t start, size;
	uint32_t at, count, target = (uint32_t)(take(2) % PAGES);
	bool inside = take_range(&start, &size, &at, &count);
	enum page_type type = take(1) % 4 ? PAGE_RAM : PAGE_DEVICE;
	unsigned flags = (unsigned)take(1) & (MAP_WRITE | MAP_EXECUTE);
	hpa_t to = hpa(BASE + target * PAGE_SIZE);
	int error, expected = 0;

	if (!inside) {
		uint64_t other = take(8);

		if (is_bad(start, size, 12 + 9 * spaces[s].levels) || is_bad(other, size, 52))
			FUZZ_CHECK(space_map(&spaces[s], gpa(start), hpa(other), size, type,
					     flags) == -EINVAL);
		return;
	}
	if (target + count > PAGES) {
		target = PAGES - count;
		to = hpa(BASE + target * PAGE_SIZE);
	}
	for (uint32_t i = 0; i < count; i++)
		if (pages[target + i].owner != spaces[s].owner || pages[target + i].type != type)
			expected = -EPERM;
	for (uint32_t i = 0; i < count; i++)
		if (translation[s][at + i] != HOLE)
			expected = -EEXIST;
	if (type == PAGE_DEVICE && flags & MAP_EXECUTE)
		expected = -EINVAL;
	error = space_map(&spaces[s], gpa(start), to, size, type, flags);
	FUZZ_CHECK(error == expected || error == -ENOMEM);
	for (uint32_t i = 0; i < count && !error; i++) {
		translation[s][at + i] = target + i;
		rights[s][at + i] = (uint8_t)(flags | MAP_READ);
		pages[target + i].mapped++;
	}
}

static void consume(unsigned s)
{
	flush_consume(&tokens[s]);
	for (uint32_t i = 0; i < PAGES; i++) {
		pages[i].mapped -= waiting[s][i];
		waiting[s][i] = 0;
	}
}

static void try_unmap(unsigned s)
{
	uint64_t start, size;
	uint32_t at, count;
	int error;

	if (!take_range(&start, &size, &at, &count)) {
		error = space_unmap(&spaces[s], gpa(start), size, &tokens[s]);
		if (is_bad(start, size, 12 + 9 * spaces[s].levels)) {
			FUZZ_CHECK(error == -EINVAL);
			return;
		}
		at = 0;
		count = touches(start, size) ? PAGES : 0;
		if (count) {
			at = start > BASE ? (uint32_t)((start - BASE) / PAGE_SIZE) : 0;
			count = start + size < BASE + PAGES * PAGE_SIZE
					? (uint32_t)((start + size - BASE) / PAGE_SIZE) - at
					: PAGES - at;
		}
	} else {
		error = space_unmap(&spaces[s], gpa(start), size, &tokens[s]);
	}
	FUZZ_CHECK(error == 0 || error == -ENOMEM || error == -E2BIG);
	if (error == -ENOMEM)
		return;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t page = translation[s][at + i];

		if (page == HOLE)
			continue;
		/* A full token ends it somewhere, but leaves no gap. */
		if (error == -E2BIG &&
		    space_look_up(&spaces[s], gpa(BASE + (at + i) * PAGE_SIZE), NULL, NULL) == 0)
			break;
		translation[s][at + i] = HOLE;
		waiting[s][page]++;
	}
	if (error == -E2BIG)
		consume(s);
}

static void check_page(uint32_t i)
{
	FUZZ_CHECK(owner_of(hpa(BASE + i * PAGE_SIZE)) == pages[i].owner);
	for (unsigned s = 0; s < SPACES; s++) {
		unsigned flags, sees = s == 0 ? 7 : MAP_READ | MAP_WRITE;
		hpa_t target;
		int error =
			space_look_up(&spaces[s], gpa(BASE + i * PAGE_SIZE + i), &target, &flags);

		if (translation[s][i] == HOLE) {
			FUZZ_CHECK(error == -ENOENT);
			continue;
		}
		FUZZ_CHECK(error == 0 && flags == (rights[s][i] & sees));
		FUZZ_CHECK(hpa_value(target) == BASE + translation[s][i] * PAGE_SIZE + i);
	}
}

static int check_range(void *data, hpa_t start, uint64_t size, enum page_type type,
		       enum owner owner)
{
	uint32_t *next = data, first = (uint32_t)((hpa_value(start) - BASE) / PAGE_SIZE);
	uint32_t last = first + (uint32_t)(size / PAGE_SIZE) - 1;

	FUZZ_CHECK(first >= *next && last < PAGES && owner != OWNER_NOBODY);
	for (; *next < first; ++*next)
		FUZZ_CHECK(pages[*next].owner == OWNER_NOBODY);
	for (; *next <= last; ++*next)
		FUZZ_CHECK(pages[*next].owner == owner && pages[*next].type == type);
	/* It is maximal. */
	FUZZ_CHECK(first == 0 || pages[first - 1].owner != owner || pages[first - 1].type != type);
	return 0;
}

static int check_free(void *data, hpa_t start, uint64_t size, enum page_type type, enum owner owner)
{
	int error = owner_change(start, size, owner, OWNER_FREE);

	(void)data;
	(void)type;
	FUZZ_CHECK(error == 0 || error == -ENOMEM);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct table_format *const formats[] = {&table_format_amdvi,
							     &table_format_vtd};
	static const unsigned leaves[] = {12, 21, 30};
	uint32_t next = 0;

	input = data;
	left = size;
	memset(pages, 0, sizeof(pages));
	memset(translation, 0xff, sizeof(translation));
	memset(waiting, 0, sizeof(waiting));
	memset(tokens, 0, sizeof(tokens));
	stub_pool_init(POOL, (10 + take(1) % 32) * PAGE_SIZE);
	for (unsigned s = 0; s < SPACES; s++) {
		spaces[s] = (struct space){.flush = count_flush};
		FUZZ_CHECK(space_init(&spaces[s], s == 0 ? &table_format_npt : formats[take(1) % 2],
				      (enum owner)(OWNER_VM_FIRST + s), s == 0 ? 4 : 3,
				      leaves[take(1) % 3]) == 0);
	}
	while (left > 0) {
		uint64_t what = take(1);

		switch (what & 7) {
		case 0:
			try_add();
			break;
		case 1:
			try_change();
			break;
		case 2:
		case 3:
			try_map(what >> 3 & 1);
			break;
		case 4:
		case 5:
			try_unmap(what >> 3 & 1);
			break;
		case 6:
			consume(what >> 3 & 1);
			break;
		case 7:
			check_page((uint32_t)(take(2) % PAGES));
			break;
		}
	}
	for (uint32_t i = 0; i < PAGES; i++)
		check_page(i);
	FUZZ_CHECK(owner_each(check_range, &next) == 0);
	/* At the end everything is free of mappings. */
	for (unsigned s = 0; s < SPACES; s++)
		space_finish(&spaces[s], &tokens[s]);
	FUZZ_CHECK(owner_each(check_free, NULL) == 0);
	return 0;
}

size_t fuzz_seed(unsigned index, uint8_t *data, size_t size)
{
	/* Pool, leaves, format, leaves; then calls. 14, 0, 0, 255, 255: all pages; 12: 512 pages;
	 * 9: a few. */
	static const uint8_t seeds[][64] = {
		/* Declare all for VM 0, map a block, unmap a page of it, flush, give it to VM 1,
		 * who maps it. */
		{48, 2, 0, 2, 0,  14, 0, 0, 255, 255, 1, 0, 2, 0, 0, 12, 0, 0,
		 1,  7, 4, 9, 0,  5,  0, 1, 9,	 0,   5, 0, 0, 1, 6, 1,	 9, 0,
		 5,  0, 0, 1, 10, 0,  5, 9, 0,	 7,   0, 1, 2, 7, 0, 5},
		/* Page by page, with few frames; in two places. */
		{2, 0, 1,  0, 0,  14, 0, 0, 255, 255, 1, 0, 2,	 0,   1, 10, 0,
		 3, 0, 99, 1, 7,  2,  1, 0, 9,	 3,   0, 7, 1,	 0,   4, 14, 0,
		 0, 0, 9,  4, 12, 0,  0, 6, 1,	 14,  0, 0, 255, 255, 0, 1},
		/* An odd page, a device, any numbers. */
		{63,  2,   0,	1,   0, 9, 0, 9, 3, 0, 0, 0,  9, 1, 9,	 3,   1,
		 1,   2,   0,	9,   9, 0, 0, 3, 0, 2, 2, 0,  0, 0, 255, 255, 255,
		 255, 255, 255, 240, 0, 0, 0, 0, 0, 0, 0, 32, 0, 1, 2},
	};

	if (index == ARRAY_LENGTH(seeds)) { /* pages all over the place fill the token */
		static const uint8_t all[] = {31, 0, 0, 0, 0, 14, 0, 0, 255, 255, 1, 0};
		static const uint8_t end[] = {4, 14, 0, 0, 255, 255, 4, 14, 0, 0, 255, 255};
		size_t used = sizeof(all);

		memcpy(data, all, sizeof(all));
		for (uint8_t i = 0; i < 40 && used + 9 + sizeof(end) <= size; i++, used += 9)
			memcpy(data + used,
			       (uint8_t[]){2, 0, (uint8_t)(90 - 2 * i), 9, 0, i, 0, 1, 7}, 9);
		memcpy(data + used, end, sizeof(end));
		return used + sizeof(end);
	}
	if (index >= ARRAY_LENGTH(seeds) || size < sizeof(seeds[0]))
		return 0;
	memcpy(data, seeds[index], sizeof(seeds[0]));
	return sizeof(seeds[0]);
}
