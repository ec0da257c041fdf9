/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hardware that forgets as late as it may. */
#include "flush-machine.h"

#include <string.h>

#include "memory/frame.h"
#include "splitmix.h"

#define SLOTS	   16
#define LEAF_DIRTY BIT(6) /* of NPT */

struct cached {
	bool valid;
	uint8_t space;
	uint8_t level; /* of the entry: its span is 12 + 9 * (level - 1) bits */
	bool leaf;
	bool dirty;		/* writes need not be noted any more */
	uint64_t start, target; /* GPA; HPA of the memory or of the table */
};
static struct cached caches[CACHES][SLOTS];

struct space machine_spaces[SPACES];
uint8_t machine_page_owner[PAGES];
bool machine_written[VMS][PAGES];
jmp_buf machine_caught;
const char *machine_violation;

static uint64_t random_state;

void machine_reset(uint64_t seed)
{
	memset(caches, 0, sizeof(caches));
	memset(machine_written, 0, sizeof(machine_written));
	random_state = seed;
	machine_violation = NULL;
}

uint64_t machine_random(uint64_t below)
{
	return splitmix64(&random_state) % below;
}

void machine_must(bool holds, const char *what)
{
	if (holds)
		return;
	machine_violation = what;
	longjmp(machine_caught, 1);
}

unsigned machine_random_cache(unsigned s)
{
	return (unsigned)(s < VMS ? machine_random(3) : 3 + machine_random(2));
}

uint64_t machine_random_address(void)
{
	static const uint64_t spread[] = {16, 32, 1024, PAGES};

	return (machine_random(2) ? 0 : PAGES / 2) * PAGE_SIZE +
	       machine_random(spread[machine_random(4)] / 2) * PAGE_SIZE;
}

static uint64_t span(unsigned level)
{
	return BIT(12 + 9 * (level - 1));
}

bool machine_decode(unsigned s, uint64_t entry, unsigned level, bool *leaf)
{
	if (machine_spaces[s].format == &table_format_amdvi) {
		*leaf = (entry >> 9 & 7) == 0;
		machine_must(!(entry & 1) || *leaf || (entry >> 9 & 7) == level - 1,
			     "an entry names a wrong level");
		return entry & 1;
	}
	*leaf = level == 1 || entry & BIT(7);
	return machine_spaces[s].format == &table_format_npt ? entry & 1 : entry & 3;
}

static void fill(unsigned cache, struct cached new)
{
	if (machine_random(2))
		caches[cache][machine_random(SLOTS)] = new;
}

void machine_reach(unsigned cache, unsigned s, uint64_t address)
{
	struct cached at = {
		.valid = true,
		.space = (uint8_t)s,
		.level = (uint8_t)(machine_spaces[s].levels + 1),
		.target = hpa_value(machine_spaces[s].root),
	};
	bool write = s < VMS && machine_random(2);
	size_t first = machine_random(SLOTS);
	uint64_t page;

	/* Any cached entry for the address may be used, or none. */
	for (size_t i = 0; i < SLOTS && machine_random(8); i++) {
		const struct cached *c = &caches[cache][(first + i) % SLOTS];

		if (c->valid && c->space == s && address - c->start < span(c->level) &&
		    (!write || !c->leaf || c->dirty)) {
			at = *c;
			break;
		}
	}
	while (!at.leaf) {
		uint64_t *where, entry;

		machine_must(at.target - POOL < POOL_SIZE && at.target % PAGE_SIZE == 0 &&
				     at.level > 1,
			     "a walk left the tables");
		at.level--;
		where = (uint64_t *)frame_virt(hpa(at.target)) +
			(address >> (12 + 9 * (at.level - 1)) & 511);
		entry = __atomic_load_n(where, __ATOMIC_RELAXED);
		if (!machine_decode(s, entry, at.level, &at.leaf))
			return;
		if (at.leaf && write)
			entry = __atomic_or_fetch(where, LEAF_DIRTY, __ATOMIC_RELAXED);
		at.dirty = entry & LEAF_DIRTY;
		at.start = align_down(address, span(at.level));
		at.target = entry & 0x000ffffffffff000ULL;
		fill(cache, at);
	}
	page = (at.target + (address - at.start) - RAM) / PAGE_SIZE;
	machine_must(page < PAGES, "a page outside of all RAM is reached");
	machine_must(machine_page_owner[page] == machine_spaces[s].owner,
		     "a page of another owner is reached");
	if (write)
		machine_written[s][address / PAGE_SIZE] = true;
}

void machine_reach_something(void)
{
	unsigned s = (unsigned)machine_random(SPACES), cache = machine_random_cache(s);

	machine_reach(cache, s, machine_random_address());
}

void machine_forget(unsigned cache, unsigned s)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (caches[cache][i].space == s)
			caches[cache][i].valid = false;
}

void machine_check_unreachable(uint64_t page, uint64_t size)
{
	uint64_t start = RAM + page * PAGE_SIZE, end = start + size * PAGE_SIZE;

	for (size_t c = 0; c < CACHES; c++)
		for (size_t i = 0; i < SLOTS; i++) {
			const struct cached *e = &caches[c][i];

			machine_must(!e->valid || !e->leaf || e->target >= end ||
					     e->target + span(e->level) <= start,
				     "a page changes hands while a cache leads to it");
		}
}
