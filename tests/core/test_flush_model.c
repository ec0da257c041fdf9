/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * No emulator shows a missing flush; flush-machine.h's does. The owner table and the table code
 * are the core's own, random steps map, unmap and change owners, and what each should have done is
 * known from plain arrays.
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

#include "flush-machine.h"
#include "lib/errno.h"
#include "memory/frame.h"
#include "stub.h"

#define NOWHERE UINT32_MAX

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

static uint16_t page_mapped[PAGES];	    /* mappings, and those that were not flushed yet */
static uint32_t translation[SPACES][PAGES]; /* page by page; NOWHERE */

static struct flush tokens[SPACES];
static uint64_t pending[SPACES][64][2]; /* what is in the token, by the model: page, count */
static size_t pending_count[SPACES];

static bool busy[VMS]; /* its lock is held */
static unsigned depth;
static uint64_t steps, refused, maps, unmaps, changes, dirty; /* refused: for want of frames */

static uint32_t recent[8]; /* pages that were unmapped */

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
		machine_reach_something();
	frame_free(frame);
}

static void try_change(void);
static void step(void);

static void flush_hardware(struct space *space)
{
	unsigned s = (unsigned)(space - machine_spaces);

	for (unsigned c = s < VMS ? 0 : 3; c < (s < VMS ? 3 : CACHES); c++) {
		/* The others do not wait for it. */
		for (uint64_t i = machine_random(3); i > 0 && depth < 3; i--)
			step();
		if (breakage == BREAK_ONE_CACHE && c == 2)
			continue;
		machine_forget(c, s);
	}
}

/* Called at each store to a table. */
static void look_in_between(const void *start, size_t size)
{
	(void)start;
	(void)size;
	if (machine_random(8) == 0)
		machine_reach_something();
	if (machine_random(64) == 0)
		try_change();
}

/* ---- steps ---- */

static uint64_t random_size(void)
{
	static const uint64_t sizes[] = {1, 1, 1, 2, 3, 7, 17, 512, 512, 513, 1024, 262144};
	uint64_t size = sizes[machine_random(ARRAY_LENGTH(sizes))];

	return size == 262144 && machine_random(200) ? 5 : size;
}

/* A page number with room for size pages; aligned like a large page, mostly, if it is one. */
static uint64_t random_page(uint64_t size)
{
	uint64_t page = machine_random_address() / PAGE_SIZE;

	if (size % 512 == 0 && machine_random(8))
		page = align_down(page, size == 262144 ? size : 512);
	return page + size > PAGES ? PAGES - size : page;
}

static void try_map(unsigned s)
{
	uint64_t size = random_size(), first = random_page(size), target = random_page(size);
	int error, expected = 0;

	/* Mostly its own memory. */
	if (machine_page_owner[target] != machine_spaces[s].owner && machine_random(8))
		target = (target + PAGES / 2) % PAGES;
	if (target + size > PAGES)
		target = PAGES - size;
	for (uint64_t i = 0; i < size && !expected; i++)
		if (translation[s][first + i] != NOWHERE)
			expected = -EEXIST;
	for (uint64_t i = 0; i < size && !expected; i++)
		if (machine_page_owner[target + i] != machine_spaces[s].owner)
			expected = -EPERM;
	error = space_map(&machine_spaces[s], gpa(first * PAGE_SIZE), hpa(RAM + target * PAGE_SIZE),
			  size * PAGE_SIZE, PAGE_RAM, MAP_READ | MAP_WRITE | MAP_EXECUTE);
	if (error == -ENOMEM)
		refused++;
	/* Others may have changed owners in the middle of it. */
	machine_must(error == expected || error == -ENOMEM || (!expected && error == -EPERM) ||
			     (expected == -EPERM && !error),
		     "a mapping is made or refused wrongly");
	maps += !error;
	for (uint64_t i = 0; i < size && !error; i++) {
		machine_must(machine_page_owner[target + i] == machine_spaces[s].owner,
			     "a foreign page is mapped");
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
	machine_spaces[s].flush = breakage == BREAK_NO_FLUSH ? no_flush : flush_hardware;
	flush_consume(token);
	for (size_t i = 0; i < pending_count[s]; i++)
		for (uint64_t p = 0; p < pending[s][i][1]; p++)
			page_mapped[pending[s][i][0] + p]--;
	pending_count[s] = 0;
}

/* The large leaf that speaks for an address, if one does. */
static uint64_t *large_leaf(unsigned s, uint64_t address)
{
	uint64_t table = hpa_value(machine_spaces[s].root);

	for (unsigned level = machine_spaces[s].levels; level > 1; level--) {
		uint64_t *entry = (uint64_t *)frame_virt(hpa(table)) +
				  (address >> (12 + 9 * (level - 1)) & 511);
		bool leaf;

		if (!machine_decode(s, *entry, level, &leaf))
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

	error = space_unmap(&machine_spaces[s], gpa(first * PAGE_SIZE), size * PAGE_SIZE, token);
	if (error == -ENOMEM) {
		refused++;
		return;
	}
	machine_must(!error || error == -E2BIG, "unmapping is refused");
	if (error == -E2BIG) /* up to where? */
		for (end = first; space_look_up(&machine_spaces[s], gpa(end * PAGE_SIZE), NULL,
						NULL) == -ENOENT;)
			end++;
	for (uint64_t at = first; at < end; at++) {
		uint32_t page = translation[s][at];
		size_t n = pending_count[s];

		if (page == NOWHERE)
			continue;
		translation[s][at] = NOWHERE;
		if (machine_random(4) == 0 || at == first)
			recent[machine_random(ARRAY_LENGTH(recent))] = page;
		if (n > 0 && pending[s][n - 1][0] + pending[s][n - 1][1] == page) {
			pending[s][n - 1][1]++;
			continue;
		}
		machine_must(n < 64, "a token holds more than it can");
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
		machine_spaces[s].flush = no_flush;
		flush_consume(token);
	}
	if (error == -E2BIG)
		consume(s);
}

static void take_dirty(unsigned s, uint64_t first)
{
	struct flush none = {.space = NULL};
	uint64_t bits;

	dirty += space_take_dirty(&machine_spaces[s], gpa(first * PAGE_SIZE), 64, &bits,
				  breakage == BREAK_DIRTY_TOKEN ? &none : &tokens[s]);
	for (uint64_t i = 0; i < 64; i++)
		machine_must(!machine_written[s][first + i] || bits >> i & 1 ||
				     translation[s][first + i] == NOWHERE,
			     "a write leaves no trace");
	if (breakage != BREAK_DIRTY_TOKEN)
		consume(s);
	for (uint64_t i = 0; i < 64; i++)
		if (bits >> i & 1 || translation[s][first + i] == NOWHERE)
			machine_written[s][first + i] = false;
}

/* Always in the same places, or the frames would not do. */
static void try_take_dirty(unsigned s)
{
	uint64_t first = (machine_random(2) ? 0 : PAGES / 2) + machine_random(4) * 16;

	if (space_split(&machine_spaces[s], gpa(first * PAGE_SIZE), 64 * PAGE_SIZE)) {
		refused++;
		return;
	}
	for (unsigned round = 0; round < 3; round++) {
		take_dirty(s, first);
		for (unsigned i = 0; i < 8; i++)
			machine_reach(machine_random_cache(s), s,
				      (first + machine_random(8)) * PAGE_SIZE);
	}
}

static void try_change(void)
{
	uint64_t size = random_size(), page = random_page(size);
	enum owner from;
	enum owner to = (enum owner)(OWNER_VM_FIRST + machine_random(VMS));
	bool mapped = false;
	int error;

	if (machine_random(2)) { /* who waits for a page that is given up */
		page = recent[machine_random(ARRAY_LENGTH(recent))];
		size = page + size > PAGES ? 1 : size;
	}
	from = (enum owner)machine_page_owner[page];
	for (uint64_t i = 0; i < size; i++)
		mapped = mapped || page_mapped[page + i];
	error = owner_change(hpa(RAM + page * PAGE_SIZE), size * PAGE_SIZE, from, to);
	if (error)
		return;
	machine_must(!mapped, "a page changes hands while it is mapped, or was and is not flushed");
	for (uint64_t i = 0; i < size; i++) {
		machine_must(machine_page_owner[page + i] == from, "a foreign page changes hands");
		machine_page_owner[page + i] = (uint8_t)to;
	}
	changes += from != to;
	if (from != to)
		machine_check_unreachable(page, size);
}

/* A change that must succeed, as nothing is in the way. */
static void check_not_stuck(void)
{
	uint64_t page = random_page(1);
	enum owner owner = (enum owner)machine_page_owner[page];
	int error = owner_change(hpa(RAM + page * PAGE_SIZE), PAGE_SIZE, owner, owner);

	machine_must(error == (page_mapped[page] ? -EBUSY : 0) || error == -ENOMEM,
		     "a page is stuck, or free while it is mapped");
}

static void check_look_up(unsigned s)
{
	uint64_t page = random_page(1);
	hpa_t target;
	int error = space_look_up(&machine_spaces[s], gpa(page * PAGE_SIZE), &target, NULL);

	if (translation[s][page] == NOWHERE)
		machine_must(error == -ENOENT, "something is mapped where nothing should be");
	else
		machine_must(!error && hpa_value(target) ==
					       RAM + (uint64_t)translation[s][page] * PAGE_SIZE,
			     "something else is mapped than should be");
}

static void step(void)
{
	unsigned s = (unsigned)machine_random(SPACES), vm = s % VMS;
	uint64_t what = machine_random(100);

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
		machine_reach_something();
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
	machine_reach_something();
	machine_reach_something();
}

/* ---- runs ---- */

static void start(uint64_t seed)
{
	static const struct table_format *const formats[] = {
		&table_format_npt, &table_format_npt, &table_format_amdvi, &table_format_vtd};

	stub_pool_init(POOL, POOL_SIZE);
	machine_reset(seed);
	memset(tokens, 0, sizeof(tokens));
	memset(pending_count, 0, sizeof(pending_count));
	memset(page_mapped, 0, sizeof(page_mapped));
	memset(translation, 0xff, sizeof(translation));
	memset(busy, 0, sizeof(busy));
	for (uint64_t i = 0; i < PAGES; i++)
		machine_page_owner[i] = (uint8_t)(OWNER_VM_FIRST + (i >= PAGES / 2));
	for (unsigned s = 0; s < SPACES; s++) {
		enum owner owner = (enum owner)(OWNER_VM_FIRST + s % VMS);

		machine_spaces[s] = (struct space){.flush = flush_hardware};
		space_init(&machine_spaces[s], formats[s], owner, s == 3 ? 3 : 4, s == 2 ? 21 : 30);
		machine_spaces[s].write_back = look_in_between;
	}
	for (unsigned vm = 0; vm < VMS; vm++)
		owner_add(hpa(RAM + vm * GIB), GIB, PAGE_RAM, (enum owner)(OWNER_VM_FIRST + vm));
	depth = 0;
	steps = 0;
	refused = maps = unmaps = changes = dirty = 0;
}

/* Whether all went well; else *steps is where it did not. */
static bool run(uint64_t seed, uint64_t count)
{
	start(seed);
	stub_panic_armed = true;
	if (setjmp(stub_panic_jump)) {
		machine_violation = stub_panic_text;
		return false;
	}
	if (setjmp(machine_caught) == 0) {
		while (steps < count)
			step();
		depth = 3; /* nothing else happens any more */
		for (unsigned s = 0; s < SPACES; s++)
			consume(s);
	}
	stub_panic_armed = false;
	return machine_violation == NULL;
}

static void nothing_is_reached_that_is_not_the_owners(void **state)
{
	(void)state;
	breakage = BREAK_NOTHING;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		if (!run(seed, 250000))
			print_message("seed %lu, step %lu: %s\n", (unsigned long)seed,
				      (unsigned long)steps, machine_violation);
		assert_null(machine_violation);
		/* It was not all refused, and nothing is left behind. */
		assert_true(refused < steps / 20);
		assert_true(maps > 5000 && unmaps > 5000 && changes > 2000 && dirty > 2000);
		for (unsigned s = 0; s < SPACES; s++)
			machine_spaces[s].write_back = NULL;
		for (unsigned s = 0; s < SPACES; s++)
			space_finish(&machine_spaces[s], &tokens[s]);
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
