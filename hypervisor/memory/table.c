/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one walker behind all second-level formats. A format is constants only: they all have 512
 * entries of 64 bits a table, the address in bits 51:12, and differ in their flags.
 */
#include "memory/table.h"

#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "memory/frame.h"

#define ENTRIES	     512U
#define ADDRESS_MASK 0x000ffffffffff000ULL

struct table_format {
	uint64_t present; /* any of these: the entry is present */
	uint64_t table;	  /* flags of an entry that leads to a table */
	uint64_t leaf;	  /* flags of every leaf */
	uint64_t device;  /* of a leaf of PAGE_DEVICE, and of PAGE_RAM */
	uint64_t ram;
	uint64_t write;	     /* MAP_WRITE */
	uint64_t dirty;	     /* hardware sets it on writes; 0: it does not */
	uint64_t no_execute; /* without MAP_EXECUTE; 0: the format knows none */
	uint64_t large;	     /* marks a leaf above level 1; 0: by the next level, which is 0 */
	unsigned
		next_level_shift; /* where entries say the level of the table they lead to; 0: no */
	unsigned min_levels;
};

#define BIT(n) (1ULL << (n))

/*
 * NPT: ordinary long-mode entries (APM vol. 2, 5.3.3). All accesses count as a user's, so U/S (2)
 * is set everywhere (15.25.5). A and D (5, 6) are set at once, so that hardware writes no table
 * before space_take_dirty() has cleared D. Device memory: PCD alone, UC- in the host's PAT at
 * reset: uncached, but the guest's own choice of write-combining for a frame buffer holds
 * (15.25.8). PS is bit 7, NX bit 63.
 */
const struct table_format table_format_npt = {
	.present = BIT(0),
	.table = BIT(0) | BIT(1) | BIT(2) | BIT(5),
	.leaf = BIT(0) | BIT(2) | BIT(5) | BIT(6),
	.device = BIT(4),
	.write = BIT(1),
	.dirty = BIT(6),
	.no_execute = BIT(63),
	.large = BIT(7),
	.min_levels = 4,
};

/*
 * AMD-Vi (48882, 2.2.3, tables 13 to 15): PR is bit 0, the next level bits 11:9 (0: a leaf of this
 * level's own size; 7, other sizes, is not used), FC (60) snoops the CPUs' caches, IR and IW are 61
 * and 62, which restrict what comes below, so tables have both.
 */
const struct table_format table_format_amdvi = {
	.present = BIT(0),
	.table = BIT(0) | BIT(61) | BIT(62),
	.leaf = BIT(0) | BIT(61),
	.ram = BIT(60),
	.write = BIT(62),
	.next_level_shift = 9,
	.min_levels = 3,
};

/*
 * VT-d second level (9.8): R and W are bits 0 and 1, present is either; bit 2 is ignored or
 * reserved by capability, so it stays clear, as do SNP (11) and TM (62). PS is bit 7.
 */
const struct table_format table_format_vtd = {
	.present = BIT(0) | BIT(1),
	.table = BIT(0) | BIT(1),
	.leaf = BIT(0),
	.write = BIT(1),
	.large = BIT(7),
	.min_levels = 3,
};

static unsigned level_shift(unsigned level)
{
	return 12 + 9 * (level - 1);
}

static uint64_t level_size(unsigned level)
{
	return 1ULL << level_shift(level);
}

static bool is_present(const struct space *space, uint64_t entry)
{
	return (entry & space->format->present) != 0;
}

static bool is_table(const struct space *space, uint64_t entry, unsigned level)
{
	const struct table_format *format = space->format;

	if (level == 1 || !is_present(space, entry))
		return false;
	if (format->next_level_shift != 0)
		return (entry >> format->next_level_shift & 7) != 0;
	return (entry & format->large) == 0;
}

static uint64_t *table_of(uint64_t entry)
{
	return frame_virt(hpa(entry & ADDRESS_MASK));
}

static void write_back(const struct space *space, const void *start, size_t size)
{
	if (space->write_back)
		space->write_back(start, size);
}

static void set_entry(const struct space *space, uint64_t *entry, uint64_t value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
	write_back(space, entry, sizeof(*entry));
}

/* level: of the entry that leads to the table. */
static void link_table(const struct space *space, uint64_t *entry, unsigned level, hpa_t table)
{
	uint64_t next = space->format->next_level_shift == 0
				? 0
				: (uint64_t)(level - 1) << space->format->next_level_shift;

	write_back(space, frame_virt(table), PAGE_SIZE);
	set_entry(space, entry, hpa_value(table) | space->format->table | next);
}

static bool range_bad(const struct space *space, gpa_t start, uint64_t size)
{
	uint64_t first = gpa_value(start), limit = level_size(space->levels + 1);

	return size == 0 || first % PAGE_SIZE != 0 || size % PAGE_SIZE != 0 || first >= limit ||
	       size > limit - first;
}

/* The end of the entry's span that address is in, but at most end. */
static uint64_t span_end(uint64_t address, unsigned level, uint64_t end)
{
	uint64_t after = align_down(address, level_size(level)) + level_size(level);

	return after < end ? after : end;
}

static uint64_t *entry_in(uint64_t *table, unsigned level, uint64_t address)
{
	return &table[address >> level_shift(level) & (ENTRIES - 1)];
}

/* The entry the walk for an address ends at: a leaf or nothing. */
static uint64_t *find(const struct space *space, uint64_t address, unsigned *level)
{
	unsigned at = space->levels;
	uint64_t *entry = entry_in(frame_virt(space->root), at, address);

	while (is_table(space, *entry, at))
		entry = entry_in(table_of(*entry), --at, address);
	*level = at;
	return entry;
}

int space_init(struct space *space, const struct table_format *format, enum owner owner,
	       unsigned levels, unsigned largest_leaf_shift)
{
	if (levels < format->min_levels || levels > 4 || owner == OWNER_NOBODY ||
	    (largest_leaf_shift != 12 && largest_leaf_shift != 21 && largest_leaf_shift != 30))
		return -EINVAL;
	space->format = format;
	space->owner = owner;
	space->levels = levels;
	space->largest_leaf_shift = largest_leaf_shift;
	space->root = frame_alloc_table();
	if (hpa_value(space->root) == 0)
		return -ENOMEM;
	write_back(space, frame_virt(space->root), PAGE_SIZE);
	return 0;
}

/* ---- mapping ---- */

struct mapping {
	uint64_t offset; /* target - GPA, modulo 2^64 */
	uint64_t flags;	 /* of the leaves */
	hpa_t spare;	 /* frames for tables, each leading to the next */
};

static hpa_t take_spare(struct mapping *mapping)
{
	hpa_t frame = mapping->spare;
	uint64_t *word = frame_virt(frame);

	CORE_ASSERT(hpa_value(frame) != 0);
	mapping->spare = hpa(*word);
	*word = 0;
	return frame;
}

static bool leaf_fits(const struct space *space, const struct mapping *mapping, unsigned level,
		      uint64_t start, uint64_t end)
{
	return level_shift(level) <= space->largest_leaf_shift &&
	       end - start == level_size(level) &&
	       (start + mapping->offset) % level_size(level) == 0;
}

/* Counts the tables that are missing for a range. table NULL: itself one of them. -EEXIST if
 * anything is mapped there. */
static int survey(const struct space *space, const struct mapping *mapping, uint64_t *table,
		  unsigned level, uint64_t start, uint64_t end, size_t *missing)
{
	int error = 0;

	for (uint64_t next; start < end && !error; start = next) {
		uint64_t entry = table ? *entry_in(table, level, start) : 0;

		next = span_end(start, level, end);
		if (is_table(space, entry, level)) {
			error = survey(space, mapping, table_of(entry), level - 1, start, next,
				       missing);
		} else if (is_present(space, entry)) {
			error = -EEXIST;
		} else if (!leaf_fits(space, mapping, level, start, next)) {
			++*missing;
			error = survey(space, mapping, NULL, level - 1, start, next, missing);
		}
	}
	return error;
}

static void install(const struct space *space, struct mapping *mapping, uint64_t *table,
		    unsigned level, uint64_t start, uint64_t end)
{
	for (uint64_t next; start < end; start = next) {
		uint64_t *entry = entry_in(table, level, start);

		next = span_end(start, level, end);
		if (is_table(space, *entry, level)) {
			install(space, mapping, table_of(*entry), level - 1, start, next);
		} else if (leaf_fits(space, mapping, level, start, next)) {
			set_entry(space, entry,
				  (start + mapping->offset) | mapping->flags |
					  (level > 1 ? space->format->large : 0));
		} else {
			hpa_t below = take_spare(mapping);

			install(space, mapping, frame_virt(below), level - 1, start, next);
			link_table(space, entry, level, below);
		}
	}
}

static void free_chain(hpa_t frame)
{
	for (hpa_t next; hpa_value(frame) != 0; frame = next) {
		next = hpa(*(uint64_t *)frame_virt(frame));
		frame_free_table(frame);
	}
}

int space_map(struct space *space, gpa_t start, hpa_t target, uint64_t size, enum page_type type,
	      unsigned flags)
{
	const struct table_format *format = space->format;
	uint64_t first = gpa_value(start), end = first + size;
	struct mapping mapping = {.offset = hpa_value(target) - first};
	size_t missing = 0;
	int error;

	if (range_bad(space, start, size) || hpa_value(target) % PAGE_SIZE != 0 ||
	    hpa_value(target) & ~ADDRESS_MASK || (type == PAGE_DEVICE && flags & MAP_EXECUTE))
		return -EINVAL;
	mapping.flags = format->leaf | (type == PAGE_DEVICE ? format->device : format->ram) |
			(flags & MAP_WRITE ? format->write : 0) |
			(flags & MAP_EXECUTE ? 0 : format->no_execute);
	error = survey(space, &mapping, frame_virt(space->root), space->levels, first, end,
		       &missing);
	if (error)
		return error;
	error = owner_get(target, size, type, space->owner);
	if (error)
		return error;
	while (missing-- > 0) {
		hpa_t frame = frame_alloc_table();

		if (hpa_value(frame) == 0) {
			free_chain(mapping.spare);
			owner_put(target, size);
			return -ENOMEM;
		}
		*(uint64_t *)frame_virt(frame) = hpa_value(mapping.spare);
		mapping.spare = frame;
	}
	install(space, &mapping, frame_virt(space->root), space->levels, first, end);
	CORE_ASSERT(hpa_value(mapping.spare) == 0);
	return 0;
}

/* ---- unmapping ---- */

/* Replaces a large leaf by a table of smaller ones. The translations stay what they were. */
static int split(const struct space *space, uint64_t *entry, unsigned level)
{
	hpa_t frame = frame_alloc_table();
	uint64_t *table, leaf = *entry;

	if (hpa_value(frame) == 0)
		return -ENOMEM;
	table = frame_virt(frame);
	if (level == 2)
		leaf &= ~space->format->large;
	for (size_t i = 0; i < ENTRIES; i++)
		table[i] = leaf + i * level_size(level - 1);
	link_table(space, entry, level, frame);
	return 0;
}

/* Splits until a leaf, or a hole, begins at address. */
static int split_at(const struct space *space, uint64_t address)
{
	uint64_t *entry;
	unsigned level;
	int error = 0;

	while (!error && address < level_size(space->levels + 1)) {
		entry = find(space, address, &level);
		if (!is_present(space, *entry) || address % level_size(level) == 0)
			return 0;
		error = split(space, entry, level);
	}
	return error;
}

/* Clears the leaves of a range, which begins and ends at borders; tables that become empty go to
 * the token. */
static void clear(const struct space *space, uint64_t *table, unsigned level, uint64_t start,
		  uint64_t end, struct flush *token)
{
	for (uint64_t next; start < end; start = next) {
		uint64_t *entry = entry_in(table, level, start), *below;
		hpa_t frame = hpa(*entry & ADDRESS_MASK);
		size_t used = 0;

		next = span_end(start, level, end);
		if (!is_table(space, *entry, level)) {
			if (is_present(space, *entry))
				set_entry(space, entry, 0);
			continue;
		}
		below = frame_virt(frame);
		clear(space, below, level - 1, start, next, token);
		while (used < ENTRIES && !is_present(space, below[used]))
			used++;
		if (used == ENTRIES) {
			set_entry(space, entry, 0);
			set_entry(space, below, hpa_value(token->tables));
			token->tables = frame;
		}
	}
}

static int note_range(struct flush *token, uint64_t start, uint64_t size)
{
	int error = owner_prepare_put(hpa(start), size);

	if (error)
		return error;
	token->range[token->ranges].start = hpa(start);
	token->range[token->ranges].size = size;
	token->ranges++;
	return 0;
}

int space_unmap(struct space *space, gpa_t start, uint64_t size, struct flush *token)
{
	uint64_t first = gpa_value(start), end = first + size, at, next, run = 0, run_size = 0;
	size_t ranges = token->ranges;
	unsigned level;
	int error;

	CORE_ASSERT(!token->space || token->space == space);
	if (range_bad(space, start, size))
		return -EINVAL;
	error = split_at(space, first);
	if (!error)
		error = split_at(space, end);

	/* The host memory that is behind the range, in as few pieces as it is; first only noted. */
	for (at = first; !error && at < end; at = next) {
		uint64_t entry = *find(space, at, &level), target = entry & ADDRESS_MASK;

		next = span_end(at, level, end);
		if (!is_present(space, entry))
			continue;
		if (run_size != 0 && run + run_size == target) {
			run_size += next - at;
			continue;
		}
		if (run_size != 0)
			error = note_range(token, run, run_size);
		run = target;
		run_size = next - at;
		if (!error && token->ranges == FLUSH_MAX_RANGES) {
			run_size = 0;
			end = at;
		}
	}
	if (!error && run_size != 0)
		error = note_range(token, run, run_size);
	if (error) {
		token->ranges = ranges;
		return error;
	}
	if (token->ranges != ranges)
		token->space = space;
	clear(space, frame_virt(space->root), space->levels, first, end, token);
	return end - first < size ? -E2BIG : 0;
}

int space_look_up(const struct space *space, gpa_t address, hpa_t *target, unsigned *flags)
{
	const struct table_format *format = space->format;
	unsigned level;
	uint64_t entry;

	if (gpa_value(address) >= level_size(space->levels + 1))
		return -ENOENT;
	entry = *find(space, gpa_value(address), &level);
	if (!is_present(space, entry))
		return -ENOENT;
	if (target)
		*target = hpa((entry & ADDRESS_MASK) | gpa_value(address) % level_size(level));
	if (flags)
		*flags = MAP_READ | (entry & format->write ? MAP_WRITE : 0) |
			 (format->no_execute && !(entry & format->no_execute) ? MAP_EXECUTE : 0);
	return 0;
}

int space_look_up_range(const struct space *space, gpa_t start, uint64_t size, hpa_t *target,
			unsigned flags)
{
	uint64_t first = gpa_value(start), end = first + size, next;

	if (range_bad(space, start, size))
		return -ENOENT;
	for (uint64_t at = first; at < end; at = next) {
		unsigned level, found;
		hpa_t here;

		find(space, at, &level);
		next = span_end(at, level, end);
		if (space_look_up(space, gpa(at), &here, &found) || (found & flags) != flags)
			return -ENOENT;
		if (at == first)
			*target = here;
		else if (hpa_value(here) - hpa_value(*target) != at - first)
			return -ENOENT;
	}
	return 0;
}

/* ---- what was written ---- */

int space_split(struct space *space, gpa_t start, uint64_t size)
{
	uint64_t first = gpa_value(start), end = first + size, next;

	if (range_bad(space, start, size))
		return -EINVAL;
	for (uint64_t at = first; at < end; at = next) {
		unsigned level;
		uint64_t *entry = find(space, at, &level);

		next = span_end(at, level, end);
		if (level == 1 || !is_present(space, *entry))
			continue;
		if (split(space, entry, level))
			return -ENOMEM;
		next = at;
	}
	return 0;
}

size_t space_take_dirty(struct space *space, gpa_t start, size_t pages, uint64_t *bits,
			struct flush *token)
{
	const uint64_t dirty = space->format->dirty;
	size_t count = 0;

	CORE_ASSERT((!token->space || token->space == space) && dirty != 0);
	CORE_ASSERT(!range_bad(space, start, pages * PAGE_SIZE));
	memset(bits, 0, (pages + 63) / 64 * sizeof(*bits));
	for (size_t i = 0; i < pages; i++) {
		unsigned level;
		uint64_t *entry = find(space, gpa_value(start) + i * PAGE_SIZE, &level);

		if (!is_present(space, *entry))
			continue;
		CORE_ASSERT(level == 1);
		/* Hardware may set it at the same time. */
		if (!(*entry & dirty) ||
		    !(__atomic_fetch_and(entry, ~dirty, __ATOMIC_SEQ_CST) & dirty))
			continue;
		bits[i / 64] |= 1ULL << i % 64;
		token->space = space;
		count++;
	}
	return count;
}

void space_finish(struct space *space, struct flush *token)
{
	int error;

	do {
		error = space_unmap(space, gpa(0), level_size(space->levels + 1), token);
		CORE_ASSERT(!error || error == -E2BIG);
		flush_consume(token);
	} while (error);
	frame_free_table(space->root);
	space->root = hpa(0);
}
