/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * No emulator shows a missing flush; this model does. It is a machine with TLBs that hold on to
 * whatever they may: two VMs, each with nested tables and a domain of its devices' IOMMU, three
 * CPUs with tagged TLBs and two IOMMU units, whose caches take in leaves and tables at any moment,
 * also in the middle of a change, and forget only what a flush makes them forget. The owner table
 * and the table code are the core's own; what a step should have done is known from plain arrays.
 *
 * What must hold: whoever reaches a page does so for its owner, no page changes hands while a cache
 * leads to it, and of no page that a CPU wrote is it said that it was not written. The last tests
 * break the code on purpose: the model notices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/errno.h"
#include "memory/frame.h"
#include "memory/table.h"
#include "splitmix.h"
#include "stub.h"

#define POOL	   (16 * MIB)
#define POOL_SIZE  (12 * MIB)
#define RAM	   (1 * GIB) /* 1 GiB aligned, as large as the GPA space in use */
#define PAGES	   (2 * GIB / PAGE_SIZE)
#define VMS	   2
#define SPACES	   4 /* 0, 1: nested tables of VM 0, 1; 2, 3: their devices' */
#define CACHES	   5 /* 0 to 2: CPUs; 3, 4: IOMMUs */
#define SLOTS	   16
#define NOWHERE	   UINT32_MAX
#define LEAF_DIRTY BIT(6) /* of NPT */
#define BIT(n)	   (1ULL << (n))

static enum breakage {
	BREAK_NOTHING,
	BREAK_NO_FLUSH,	    /* flush_consume() does not flush */
	BREAK_ONE_CACHE,    /* or leaves a CPU out */
	BREAK_PUT_FIRST,    /* or takes the counts back first */
	BREAK_FREE_FIRST,   /* or frees the tables first */
	BREAK_FORGET_RANGE, /* space_unmap() leaves a range out of the token */
	BREAK_FORGET_TOKEN, /* or flushes nothing and takes the counts back at once */
	BREAK_STALE_LEAF,   /* a split leaves the large leaf */
	BREAK_DIRTY_TOKEN,  /* what was written is taken without a flush */
	BREAKAGES,
} breakage;

/* ---- what should be ---- */

static uint8_t page_owner[PAGES];
static uint16_t page_mapped[PAGES];	    /* mappings, and those that were not flushed yet */
static uint32_t translation[SPACES][PAGES]; /* page by page; NOWHERE */
static bool written[VMS][PAGES];	    /* since it was told, by a CPU */

/* ---- the machine ---- */

struct cached {
	bool valid;
	uint8_t space;
	uint8_t level; /* of the entry: its span is 12 + 9 * (level - 1) bits */
	bool leaf;
	bool dirty;		/* writes need not be noted any more */
	uint64_t start, target; /* GPA; HPA of the memory or of the table */
};
static struct cached caches[CACHES][SLOTS];
static struct space spaces[SPACES];
static struct flush tokens[SPACES];
static uint64_t pending[SPACES][64][2]; /* what is in the token, by the model: page, count */
static size_t pending_count[SPACES];

static jmp_buf caught;
static const char *violation;
static bool busy[VMS]; /* its lock is held */
static unsigned depth;
static uint64_t steps, refused, maps, unmaps, changes, dirty; /* refused: for want of frames */

static uint32_t recent[8]; /* pages that were unmapped */

static uint64_t random_state;

static uint64_t next_random(uint64_t below)
{
	return splitmix64(&random_state) % below;
}

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	violation = what;
	longjmp(caught, 1);
}

static uint64_t span(unsigned level)
{
	return BIT(12 + 9 * (level - 1));
}

/* ---- hardware ---- */

/* An entry as hardware of the space's kind reads it. */
static bool decode(unsigned s, uint64_t entry, unsigned level, bool *leaf)
{
	if (spaces[s].format == &table_format_amdvi) {
		*leaf = (entry >> 9 & 7) == 0;
		must(!(entry & 1) || *leaf || (entry >> 9 & 7) == level - 1,
		     "an entry names a wrong level");
		return entry & 1;
	}
	*leaf = level == 1 || entry & BIT(7);
	return spaces[s].format == &table_format_npt ? entry & 1 : entry & 3;
}

static void fill(unsigned cache, struct cached new)
{
	if (next_random(2))
		caches[cache][next_random(SLOTS)] = new;
}

/* A CPU runs, or a device transfers, or either only guesses. */
static void reach(unsigned cache, unsigned s, uint64_t address)
{
	struct cached at = {
		.valid = true,
		.space = (uint8_t)s,
		.level = (uint8_t)(spaces[s].levels + 1),
		.target = hpa_value(spaces[s].root),
	};
	bool write = s < VMS && next_random(2);
	size_t first = next_random(SLOTS);
	uint64_t page;

	/* Any cached entry for the address may be used, or none. */
	for (size_t i = 0; i < SLOTS && next_random(8); i++) {
		const struct cached *c = &caches[cache][(first + i) % SLOTS];

		if (c->valid && c->space == s && address - c->start < span(c->level) &&
		    (!write || !c->leaf || c->dirty)) {
			at = *c;
			break;
		}
	}
	while (!at.leaf) {
		uint64_t *where, entry;

		must(at.target - POOL < POOL_SIZE && at.target % PAGE_SIZE == 0 && at.level > 1,
		     "a walk left the tables");
		at.level--;
		where = (uint64_t *)frame_virt(hpa(at.target)) +
			(address >> (12 + 9 * (at.level - 1)) & 511);
		entry = __atomic_load_n(where, __ATOMIC_RELAXED);
		if (!decode(s, entry, at.level, &at.leaf))
			return;
		if (at.leaf && write)
			entry = __atomic_or_fetch(where, LEAF_DIRTY, __ATOMIC_RELAXED);
		at.dirty = entry & LEAF_DIRTY;
		at.start = align_down(address, span(at.level));
		at.target = entry & 0x000ffffffffff000ULL;
		fill(cache, at);
	}
	page = (at.target + (address - at.start) - RAM) / PAGE_SIZE;
	must(page < PAGES, "a page outside of all RAM is reached");
	must(page_owner[page] == spaces[s].owner, "a page of another owner is reached");
	if (write)
		written[s][address / PAGE_SIZE] = true;
}

static unsigned random_cache(unsigned s)
{
	return (unsigned)(s < VMS ? next_random(3) : 3 + next_random(2));
}

/* Where mappings are is where it is interesting. */
static uint64_t random_address(void)
{
	static const uint64_t spread[] = {16, 32, 1024, PAGES};

	return (next_random(2) ? 0 : PAGES / 2) * PAGE_SIZE +
	       next_random(spread[next_random(4)] / 2) * PAGE_SIZE;
}

static void reach_something(void)
{
	unsigned s = (unsigned)next_random(SPACES), cache = random_cache(s);

	reach(cache, s, random_address());
}

/* Another part of the core uses a frame for something that looks like a table, but is none. */
static void use_a_frame(void)
{
	hpa_t frame = frame_alloc();
	uint64_t *words;

	if (hpa_value(frame) == 0)
		return;
	words = frame_virt(frame);
	for (size_t i = 0; i < 512; i++)
		words[i] = (RAM + (i * 12345 % PAGES) * PAGE_SIZE) | 7;
	for (unsigned i = 0; i < 8; i++)
		reach_something();
	frame_free(frame);
}

static void try_change(void);
static void step(void);

static void flush_hardware(struct space *space)
{
	unsigned s = (unsigned)(space - spaces);

	for (unsigned c = s < VMS ? 0 : 3; c < (s < VMS ? 3 : CACHES); c++) {
		/* The others do not wait for it. */
		for (uint64_t i = next_random(3); i > 0 && depth < 3; i--)
			step();
		if (breakage == BREAK_ONE_CACHE && c == 2)
			continue;
		for (size_t i = 0; i < SLOTS; i++)
			if (caches[c][i].space == s)
				caches[c][i].valid = false;
	}
}

/* Called at each store to a table. */
static void look_in_between(const void *start, size_t size)
{
	(void)start;
	(void)size;
	if (next_random(8) == 0)
		reach_something();
	if (next_random(64) == 0)
		try_change();
}

/* ---- steps ---- */

static uint64_t random_size(void)
{
	static const uint64_t sizes[] = {1, 1, 1, 2, 3, 7, 17, 512, 512, 513, 1024, 262144};
	uint64_t size = sizes[next_random(ARRAY_LENGTH(sizes))];

	return size == 262144 && next_random(200) ? 5 : size;
}

/* A page number with room for size pages; aligned like a large page, mostly, if it is one. */
static uint64_t random_page(uint64_t size)
{
	uint64_t page = random_address() / PAGE_SIZE;

	if (size % 512 == 0 && next_random(8))
		page = align_down(page, size == 262144 ? size : 512);
	return page + size > PAGES ? PAGES - size : page;
}

static void try_map(unsigned s)
{
	uint64_t size = random_size(), first = random_page(size), target = random_page(size);
	int error, expected = 0;

	/* Mostly its own memory. */
	if (page_owner[target] != spaces[s].owner && next_random(8))
		target = (target + PAGES / 2) % PAGES;
	if (target + size > PAGES)
		target = PAGES - size;
	for (uint64_t i = 0; i < size && !expected; i++)
		if (translation[s][first + i] != NOWHERE)
			expected = -EEXIST;
	for (uint64_t i = 0; i < size && !expected; i++)
		if (page_owner[target + i] != spaces[s].owner)
			expected = -EPERM;
	error = space_map(&spaces[s], gpa(first * PAGE_SIZE), hpa(RAM + target * PAGE_SIZE),
			  size * PAGE_SIZE, PAGE_RAM, MAP_READ | MAP_WRITE | MAP_EXECUTE);
	if (error == -ENOMEM)
		refused++;
	/* Others may have changed owners in the middle of it. */
	must(error == expected || error == -ENOMEM || (!expected && error == -EPERM) ||
		     (expected == -EPERM && !error),
	     "a mapping is made or refused wrongly");
	maps += !error;
	for (uint64_t i = 0; i < size && !error; i++) {
		must(page_owner[target + i] == spaces[s].owner, "a foreign page is mapped");
		translation[s][first + i] = (uint32_t)(target + i);
		page_mapped[target + i]++;
	}
}

static void no_flush(struct space *space)
{
	(void)space;
}

static void consume(unsigned s)
{
	struct flush *token = &tokens[s];

	if (token->space && breakage == BREAK_PUT_FIRST) {
		for (size_t i = 0; i < token->ranges; i++)
			owner_put(token->range[i].start, token->range[i].size);
		token->ranges = 0;
	}
	if (breakage == BREAK_FREE_FIRST) {
		for (hpa_t next; hpa_value(token->tables) != 0; token->tables = next) {
			next = hpa(*(uint64_t *)frame_virt(token->tables));
			frame_free(token->tables);
		}
	}
	spaces[s].flush = breakage == BREAK_NO_FLUSH ? no_flush : flush_hardware;
	flush_consume(token);
	for (size_t i = 0; i < pending_count[s]; i++)
		for (uint64_t p = 0; p < pending[s][i][1]; p++)
			page_mapped[pending[s][i][0] + p]--;
	pending_count[s] = 0;
}

/* The large leaf that speaks for an address, if one does. */
static uint64_t *large_leaf(unsigned s, uint64_t address)
{
	uint64_t table = hpa_value(spaces[s].root);

	for (unsigned level = spaces[s].levels; level > 1; level--) {
		uint64_t *entry = (uint64_t *)frame_virt(hpa(table)) +
				  (address >> (12 + 9 * (level - 1)) & 511);
		bool leaf;

		if (!decode(s, *entry, level, &leaf))
			return NULL;
		if (leaf)
			return entry;
		table = *entry & 0x000ffffffffff000ULL;
	}
	return NULL;
}

static void try_unmap(unsigned s)
{
	uint64_t size = random_size(), first = random_page(size), end = first + size;
	uint64_t *large = large_leaf(s, first * PAGE_SIZE), old = large ? *large : 0;
	struct flush *token = &tokens[s];
	size_t ranges = token->ranges;
	int error;

	error = space_unmap(&spaces[s], gpa(first * PAGE_SIZE), size * PAGE_SIZE, token);
	if (error == -ENOMEM) {
		refused++;
		return;
	}
	must(!error || error == -E2BIG, "unmapping is refused");
	if (error == -E2BIG) /* up to where? */
		for (end = first;
		     space_look_up(&spaces[s], gpa(end * PAGE_SIZE), NULL, NULL) == -ENOENT;)
			end++;
	for (uint64_t at = first; at < end; at++) {
		uint32_t page = translation[s][at];
		size_t n = pending_count[s];

		if (page == NOWHERE)
			continue;
		translation[s][at] = NOWHERE;
		if (next_random(4) == 0 || at == first)
			recent[next_random(ARRAY_LENGTH(recent))] = page;
		if (n > 0 && pending[s][n - 1][0] + pending[s][n - 1][1] == page) {
			pending[s][n - 1][1]++;
			continue;
		}
		must(n < 64, "a token holds more than it can");
		pending[s][n][0] = page;
		pending[s][n][1] = 1;
		pending_count[s]++;
	}
	unmaps += token->ranges > ranges;
	if (breakage == BREAK_FORGET_RANGE && token->ranges > ranges)
		token->ranges--;
	if (breakage == BREAK_STALE_LEAF && large && *large != old && *large != 0)
		*large = old;
	if (breakage == BREAK_FORGET_TOKEN) {
		spaces[s].flush = no_flush;
		flush_consume(token);
	}
	if (error == -E2BIG)
		consume(s);
}

static void take_dirty(unsigned s, uint64_t first)
{
	struct flush none = {.space = NULL};
	uint64_t bits;

	dirty += space_take_dirty(&spaces[s], gpa(first * PAGE_SIZE), 64, &bits,
				  breakage == BREAK_DIRTY_TOKEN ? &none : &tokens[s]);
	for (uint64_t i = 0; i < 64; i++)
		must(!written[s][first + i] || bits >> i & 1 ||
			     translation[s][first + i] == NOWHERE,
		     "a write leaves no trace");
	if (breakage != BREAK_DIRTY_TOKEN)
		consume(s);
	for (uint64_t i = 0; i < 64; i++)
		if (bits >> i & 1 || translation[s][first + i] == NOWHERE)
			written[s][first + i] = false;
}

/* Always in the same places, or the frames would not do. */
static void try_take_dirty(unsigned s)
{
	uint64_t first = (next_random(2) ? 0 : PAGES / 2) + next_random(4) * 16;

	if (space_split(&spaces[s], gpa(first * PAGE_SIZE), 64 * PAGE_SIZE)) {
		refused++;
		return;
	}
	for (unsigned round = 0; round < 3; round++) {
		take_dirty(s, first);
		for (unsigned i = 0; i < 8; i++)
			reach(random_cache(s), s, (first + next_random(8)) * PAGE_SIZE);
	}
}

/* A page that any cache leads to stays whose it is. */
static void check_caches(uint64_t page, uint64_t size)
{
	uint64_t start = RAM + page * PAGE_SIZE, end = start + size * PAGE_SIZE;

	for (size_t c = 0; c < CACHES; c++)
		for (size_t i = 0; i < SLOTS; i++) {
			const struct cached *e = &caches[c][i];

			must(!e->valid || !e->leaf || e->target >= end ||
				     e->target + span(e->level) <= start,
			     "a page changes hands while a cache leads to it");
		}
}

static void try_change(void)
{
	uint64_t size = random_size(), page = random_page(size);
	enum owner from;
	enum owner to = (enum owner)(OWNER_VM_FIRST + next_random(VMS));
	bool mapped = false;
	int error;

	if (next_random(2)) { /* who waits for a page that is given up */
		page = recent[next_random(ARRAY_LENGTH(recent))];
		size = page + size > PAGES ? 1 : size;
	}
	from = (enum owner)page_owner[page];
	for (uint64_t i = 0; i < size; i++)
		mapped = mapped || page_mapped[page + i];
	error = owner_change(hpa(RAM + page * PAGE_SIZE), size * PAGE_SIZE, from, to);
	if (error)
		return;
	must(!mapped, "a page changes hands while it is mapped, or was and is not flushed");
	for (uint64_t i = 0; i < size; i++) {
		must(page_owner[page + i] == from, "a foreign page changes hands");
		page_owner[page + i] = (uint8_t)to;
	}
	changes += from != to;
	if (from != to)
		check_caches(page, size);
}

/* A change that must succeed, as nothing is in the way. */
static void check_not_stuck(void)
{
	uint64_t page = random_page(1);
	enum owner owner = (enum owner)page_owner[page];
	int error = owner_change(hpa(RAM + page * PAGE_SIZE), PAGE_SIZE, owner, owner);

	must(error == (page_mapped[page] ? -EBUSY : 0) || error == -ENOMEM,
	     "a page is stuck, or free while it is mapped");
}

static void check_look_up(unsigned s)
{
	uint64_t page = random_page(1);
	hpa_t target;
	int error = space_look_up(&spaces[s], gpa(page * PAGE_SIZE), &target, NULL);

	if (translation[s][page] == NOWHERE)
		must(error == -ENOENT, "something is mapped where nothing should be");
	else
		must(!error &&
			     hpa_value(target) == RAM + (uint64_t)translation[s][page] * PAGE_SIZE,
		     "something else is mapped than should be");
}

static void step(void)
{
	unsigned s = (unsigned)next_random(SPACES), vm = s % VMS;
	uint64_t what = next_random(100);

	steps++;
	depth++;
	if (what < 4 && depth == 1) {
		check_look_up(s);
		check_not_stuck();
	} else if (what < 6) {
		use_a_frame();
	} else if (what < 20) {
		try_change();
	} else if (what < 50 || busy[vm]) {
		reach_something();
	} else {
		busy[vm] = true;
		if (what < 70)
			try_map(s);
		else if (what < 86)
			try_unmap(s);
		else if (what < 90 && s < VMS)
			try_take_dirty(s);
		else
			consume(s);
		busy[vm] = false;
	}
	depth--;
	reach_something();
	reach_something();
}

/* ---- runs ---- */

static void start(uint64_t seed)
{
	static const struct table_format *const formats[] = {
		&table_format_npt, &table_format_npt, &table_format_amdvi, &table_format_vtd};

	stub_pool_init(POOL, POOL_SIZE);
	memset(caches, 0, sizeof(caches));
	memset(tokens, 0, sizeof(tokens));
	memset(pending_count, 0, sizeof(pending_count));
	memset(page_mapped, 0, sizeof(page_mapped));
	memset(translation, 0xff, sizeof(translation));
	memset(written, 0, sizeof(written));
	memset(busy, 0, sizeof(busy));
	for (uint64_t i = 0; i < PAGES; i++)
		page_owner[i] = (uint8_t)(OWNER_VM_FIRST + (i >= PAGES / 2));
	for (unsigned s = 0; s < SPACES; s++) {
		enum owner owner = (enum owner)(OWNER_VM_FIRST + s % VMS);

		spaces[s] = (struct space){.flush = flush_hardware};
		space_init(&spaces[s], formats[s], owner, s == 3 ? 3 : 4, s == 2 ? 21 : 30);
		spaces[s].write_back = look_in_between;
	}
	for (unsigned vm = 0; vm < VMS; vm++)
		owner_add(hpa(RAM + vm * GIB), GIB, PAGE_RAM, (enum owner)(OWNER_VM_FIRST + vm));
	random_state = seed;
	depth = 0;
	steps = 0;
	refused = maps = unmaps = changes = dirty = 0;
	violation = NULL;
}

/* Whether all went well; else *steps is where it did not. */
static bool run(uint64_t seed, uint64_t count)
{
	start(seed);
	stub_panic_armed = true;
	if (setjmp(stub_panic_jump)) {
		violation = stub_panic_text;
		return false;
	}
	if (setjmp(caught) == 0) {
		while (steps < count)
			step();
		depth = 3; /* nothing else happens any more */
		for (unsigned s = 0; s < SPACES; s++)
			consume(s);
	}
	stub_panic_armed = false;
	return violation == NULL;
}

static void nothing_is_reached_that_is_not_the_owners(void **state)
{
	(void)state;
	breakage = BREAK_NOTHING;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		if (!run(seed, 250000))
			print_message("seed %lu, step %lu: %s\n", (unsigned long)seed,
				      (unsigned long)steps, violation);
		assert_null(violation);
		/* It was not all refused, and nothing is left behind. */
		assert_true(refused < steps / 20);
		assert_true(maps > 5000 && unmaps > 5000 && changes > 2000 && dirty > 2000);
		for (unsigned s = 0; s < SPACES; s++)
			spaces[s].write_back = NULL;
		for (unsigned s = 0; s < SPACES; s++)
			space_finish(&spaces[s], &tokens[s]);
		for (unsigned vm = 0; vm < VMS; vm++)
			for (uint64_t i = 0; i < PAGES; i += 512)
				(void)owner_change(hpa(RAM + i * PAGE_SIZE), 512 * PAGE_SIZE,
						   (enum owner)(OWNER_VM_FIRST + vm), OWNER_FREE);
		for (uint64_t i = 0; i < PAGES; i++)
			(void)owner_change(hpa(RAM + i * PAGE_SIZE), PAGE_SIZE,
					   owner_of(hpa(RAM + i * PAGE_SIZE)), OWNER_FREE);
		assert_int_equal(owner_change(hpa(RAM), 2 * GIB, OWNER_FREE, OWNER_CORE), 0);
	}
}

static void broken_code_is_noticed(void **state)
{
	(void)state;
	for (breakage = BREAK_NO_FLUSH; breakage < BREAKAGES; breakage++) {
		for (uint64_t seed = 1; seed <= 5; seed++)
			if (run(seed, 500000))
				fail_msg("breakage %d is not noticed", (int)breakage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_reached_that_is_not_the_owners),
		cmocka_unit_test(broken_code_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
