/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pool of page frames: a bitmap in its first frames says which are in use. */
#include "memory/frame.h"

#include "lib/lock.h"
#include "lib/log.h"
#include "lib/string.h"
#include "x86/machine.h"

#define WORD_BITS 64

static struct {
	struct lock lock;
	uint64_t start; /* HPA */
	size_t count, used;
	size_t tables; /* atomic */
	size_t hint;   /* no frame below this one is free */
	uint64_t *map;
} pool;

static bool is_used(size_t index)
{
	return pool.map[index / WORD_BITS] >> (index % WORD_BITS) & 1;
}

static void set_used(size_t index, bool used)
{
	uint64_t bit = 1ULL << (index % WORD_BITS);

	CORE_ASSERT(is_used(index) != used);
	pool.map[index / WORD_BITS] ^= bit;
	if (used)
		pool.used++;
	else
		pool.used--;
}

void frame_init(hpa_t start, uint64_t size)
{
	size_t own;

	CORE_ASSERT(hpa_value(start) != 0 && hpa_value(start) % PAGE_SIZE == 0);
	CORE_ASSERT(size != 0 && size % PAGE_SIZE == 0 && !range_wraps(hpa_value(start), size));
	memset(&pool, 0, sizeof(pool));
	pool.start = hpa_value(start);
	pool.count = size / PAGE_SIZE;
	pool.map = frame_virt(start);
	own = (pool.count + 8 * PAGE_SIZE - 1) / (8 * PAGE_SIZE);
	CORE_ASSERT(own < pool.count);
	memset(pool.map, 0, own * PAGE_SIZE);
	for (size_t i = 0; i < own; i++)
		set_used(i, true);
	pool.hint = own;
}

hpa_t frame_alloc_many(size_t count)
{
	size_t first, run = 0;
	hpa_t frames;

	CORE_ASSERT(count != 0);
	lock_take(&pool.lock);
	for (first = pool.hint; first + run < pool.count && run < count;) {
		if (!is_used(first + run)) {
			run++;
		} else {
			first += run + 1;
			run = 0;
		}
	}
	if (run < count) {
		lock_release(&pool.lock);
		return hpa(0);
	}
	for (size_t i = 0; i < count; i++)
		set_used(first + i, true);
	if (count == 1 || first == pool.hint)
		pool.hint = first + count;
	lock_release(&pool.lock);
	frames = hpa(pool.start + first * PAGE_SIZE);
	memset(frame_virt(frames), 0, count * PAGE_SIZE);
	return frames;
}

hpa_t frame_alloc(void)
{
	return frame_alloc_many(1);
}

void frame_free(hpa_t frame)
{
	uint64_t offset = hpa_value(frame) - pool.start;
	size_t index = offset / PAGE_SIZE;

	CORE_ASSERT(offset % PAGE_SIZE == 0 && index < pool.count);
	lock_take(&pool.lock);
	set_used(index, false);
	if (index < pool.hint)
		pool.hint = index;
	lock_release(&pool.lock);
}

size_t frame_used(void)
{
	size_t used;

	lock_take(&pool.lock);
	used = pool.used;
	lock_release(&pool.lock);
	return used;
}

hpa_t frame_alloc_table(void)
{
	hpa_t frame = frame_alloc();

	if (hpa_value(frame) != 0)
		__atomic_fetch_add(&pool.tables, 1, __ATOMIC_RELAXED);
	return frame;
}

void frame_free_table(hpa_t frame)
{
	__atomic_fetch_sub(&pool.tables, 1, __ATOMIC_RELAXED);
	frame_free(frame);
}

size_t frame_tables(void)
{
	return __atomic_load_n(&pool.tables, __ATOMIC_RELAXED);
}
