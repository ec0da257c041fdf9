/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's pages are pinned and mapped when it first touches them, as much of the 2 MiB around it
 * as the slot has, so that a huge page of the process becomes a large mapping. What is in a chunk
 * is pinned and mapped; what is not is neither.
 *
 * Pinned pages count in the process' VmPin and for all VMs together, against max_pinned_percent of
 * the machine's memory; not against RLIMIT_MEMLOCK, which for KVM's users is that of programs that
 * lock nothing. Who may open /dev/kvm may pin.
 */
#include <linux/moduleparam.h>

#include "kvm-parts.h"

#define CHUNK_PAGES 512 /* of 4 KiB: what a large mapping has */

struct mkvm_chunk {
	struct page *pages[CHUNK_PAGES]; /* NULL: neither pinned nor mapped */
};

static unsigned int max_pinned_percent = 90;
module_param(max_pinned_percent, uint, 0644);
MODULE_PARM_DESC(max_pinned_percent, "of the memory that all guests together may have");

static atomic_long_t all_pinned;

size_t mkvm_pin_chunks(const struct mkvm_slot *slot)
{
	return (slot->base + slot->pages - 1) / CHUNK_PAGES - slot->base / CHUNK_PAGES + 1;
}

static size_t chunk_of(const struct mkvm_slot *slot, u64 gfn)
{
	return gfn / CHUNK_PAGES - slot->base / CHUNK_PAGES;
}

static void count_pins(struct mkvm_vm *vm, long pages)
{
	vm->pinned += pages;
	atomic64_add(pages, &vm->mm->pinned_vm);
	atomic_long_add(pages, &all_pinned);
}

static void unpin(struct mkvm_vm *vm, const struct mkvm_slot *slot, struct page **pages,
		  size_t count)
{
	size_t n;

	unpin_user_pages_dirty_lock(pages, count, !(slot->flags & KVM_MEM_READONLY));
	for (n = 0; n < count; n++)
		pages[n] = NULL;
	count_pins(vm, -(long)count);
}

void mkvm_pin_drop(struct mkvm_vm *vm, struct mkvm_slot *slot)
{
	size_t chunks = mkvm_pin_chunks(slot), n, from, to;

	for (n = 0; n < chunks; n++) {
		struct mkvm_chunk *chunk = slot->chunks[n];

		if (!chunk)
			continue;
		for (from = 0; from < CHUNK_PAGES; from = to) {
			for (to = from; to < CHUNK_PAGES && chunk->pages[to]; to++)
				;
			if (to > from)
				unpin(vm, slot, chunk->pages + from, to - from);
			else
				to++;
		}
		free_page((unsigned long)chunk);
		slot->chunks[n] = NULL;
		cond_resched();
	}
}

/* How many of count pages at address are pinned now, at least 1; or why not. The others are NULL
 * in pages: pages that it only looked at would be left there otherwise. */
static long pin(const struct mkvm_slot *slot, unsigned long address, size_t count,
		struct page **pages)
{
	long pinned = pin_user_pages_fast(address, count, FOLL_WRITE | FOLL_LONGTERM, pages);
	size_t n;

	/* Memory that nobody can write: it cannot change under the pin either. Any other is pinned
	 * for writing, even for a guest that only reads, so that no copy is made of it later. */
	if (pinned == -EFAULT && slot->flags & KVM_MEM_READONLY)
		pinned = pin_user_pages_fast(address, count, FOLL_LONGTERM, pages);
	for (n = max(pinned, 0L); n < count; n++)
		pages[n] = NULL;
	return pinned ? pinned : -EFAULT;
}

/* As few ranges as there are in at most count pages; how many pages they have. */
static size_t coalesce(struct mkvm_vm *vm, const struct mkvm_slot *slot, u64 gfn,
		       struct page **pages, size_t count, u32 *ranges)
{
	struct mullion_guest_range *range = vm->ranges;
	size_t n;

	for (n = 0; n < count; n++) {
		if (n && range->memory + range->size == page_to_phys(pages[n])) {
			range->size += PAGE_SIZE;
			continue;
		}
		if (n && ++range == vm->ranges + MULLION_MAP_MAX)
			break;
		*range = (struct mullion_guest_range){
			.start = (gfn + n) << PAGE_SHIFT,
			.memory = page_to_phys(pages[n]),
			.size = PAGE_SIZE,
			.flags = slot->flags & KVM_MEM_READONLY ? 0 : MULLION_MAP_WRITE,
		};
	}
	*ranges = n == count ? range - vm->ranges + 1 : MULLION_MAP_MAX;
	return n;
}

/* Maps count pages, which are pinned. How many it could, or why not the first. */
static long map(struct mkvm_vm *vm, const struct mkvm_slot *slot, u64 gfn, struct page **pages,
		size_t count)
{
	size_t done = 0;

	while (done < count) {
		u32 ranges;
		long mapped;

		coalesce(vm, slot, gfn + done, pages + done, count - done, &ranges);
		mapped = mullion_call(MULLION_CALL_GUEST_MAP, vm->guest, virt_to_phys(vm->ranges),
				      ranges, 0);
		if (mapped <= 0)
			return done ? done : mapped ? mapped : -EFAULT;
		while (mapped--)
			done += vm->ranges[mapped].size >> PAGE_SHIFT;
	}
	return done;
}

int mkvm_pin_fault(struct mkvm_vm *vm, struct mkvm_slot *slot, u64 gfn)
{
	u64 begin = max_t(u64, gfn & ~(u64)(CHUNK_PAGES - 1), slot->base), first = gfn, last = gfn;
	u64 end = min_t(u64, (gfn | (CHUNK_PAGES - 1)) + 1, slot->base + slot->pages);
	struct mkvm_chunk **chunk = &slot->chunks[chunk_of(slot, gfn)];
	long limit = totalram_pages() / 100 * max_pinned_percent, pinned, mapped;
	struct page **pages;

	if (!*chunk)
		*chunk = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!*chunk)
		return -ENOMEM;
	pages = (*chunk)->pages;
	if (pages[gfn % CHUNK_PAGES])
		return 0; /* another vCPU was faster */
	while (first > begin && !pages[(first - 1) % CHUNK_PAGES])
		first--;
	while (last + 1 < end && !pages[(last + 1) % CHUNK_PAGES])
		last++;
	if (atomic_long_read(&all_pinned) + (long)(last + 1 - first) > limit)
		return -ENOMEM;
	pages += first % CHUNK_PAGES;
	pinned = pin(slot, mkvm_slot_address(slot, first), last + 1 - first, pages);
	if (pinned < 0 || first + pinned <= gfn) {
		/* Not everything around is there: the page alone. */
		if (pinned > 0) {
			unpin_user_pages(pages, pinned);
			memset(pages, 0, pinned * sizeof(*pages));
		}
		pages += gfn - first;
		first = gfn;
		pinned = pin(slot, mkvm_slot_address(slot, first), 1, pages);
	}
	if (pinned < 0)
		return pinned == -ENOMEM || pinned == -EINTR ? pinned : -EFAULT;
	count_pins(vm, pinned);
	mapped = map(vm, slot, first, pages, pinned);
	if (mapped < pinned)
		unpin(vm, slot, pages + max(mapped, 0L), pinned - max(mapped, 0L));
	if (mapped < 0)
		return mapped;
	return first + mapped > gfn ? 0 : -ENOMEM;
}

bool mkvm_pin_any(const struct mkvm_slot *slot)
{
	size_t n = mkvm_pin_chunks(slot);

	while (n--)
		if (slot->chunks[n])
			return true;
	return false;
}
