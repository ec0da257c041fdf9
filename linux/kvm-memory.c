/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory slots: what of a guest's addresses is which memory of the process, the log of pages that
 * were written, and access for this module. Pins are kvm-pin.c's.
 */
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "kvm-parts.h"

#define FLAGS (KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY)

int mkvm_memory_init(struct mkvm_vm *vm)
{
	init_rwsem(&vm->slots_lock);
	mutex_init(&vm->pin_lock);
	INIT_LIST_HEAD(&vm->lost);
	vm->ranges = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	BUILD_BUG_ON(MULLION_MAP_MAX * sizeof(*vm->ranges) > PAGE_SIZE);
	return vm->ranges ? 0 : -ENOMEM;
}

/* The slot that ends behind gfn first; its number in sorted. */
static u32 find_after(const struct mkvm_vm *vm, u64 gfn)
{
	u32 low = 0, high = vm->slot_count;

	while (low < high) {
		u32 middle = (low + high) / 2;

		if (vm->sorted[middle]->base + vm->sorted[middle]->pages <= gfn)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct mkvm_slot *find_slot(const struct mkvm_vm *vm, u64 gfn)
{
	u32 at = find_after(vm, gfn);

	return at < vm->slot_count && vm->sorted[at]->base <= gfn ? vm->sorted[at] : NULL;
}

int mkvm_memory_fault(struct mkvm_vm *vm, u64 gpa, bool write)
{
	struct mkvm_slot *slot;
	int error = -ENOENT;

	down_read(&vm->slots_lock);
	slot = find_slot(vm, gpa >> PAGE_SHIFT);
	if (slot && !(write && slot->flags & KVM_MEM_READONLY)) {
		error = mutex_lock_killable(&vm->pin_lock);
		if (!error) {
			error = mkvm_pin_fault(vm, slot, gpa >> PAGE_SHIFT);
			mutex_unlock(&vm->pin_lock);
		}
	}
	up_read(&vm->slots_lock);
	return error;
}

/* ---- slots ---- */

/* Takes a slot out of the guest and frees it; under the lock, when it is in no table any more. */
static void discard(struct mkvm_vm *vm, struct mkvm_slot *slot)
{
	u64 at = slot->base << PAGE_SHIFT, end = (slot->base + slot->pages) << PAGE_SHIFT, part;

	for (; mkvm_pin_any(slot) && at < end; at += part) {
		part = min_t(u64, end - at, MULLION_UNMAP_MAX);
		if (mullion_call(MULLION_CALL_GUEST_UNMAP, vm->guest, at, part, 0)) {
			/* The guest keeps what it had; it is freed with it. */
			list_add(&slot->lost, &vm->lost);
			return;
		}
	}
	mkvm_pin_drop(vm, slot);
	kvfree(slot->dirty);
	kvfree(slot);
}

void mkvm_memory_finish(struct mkvm_vm *vm)
{
	struct mkvm_slot *slot, *next;
	u32 n;

	for (n = 0; n < vm->slot_count; n++)
		list_add(&vm->sorted[n]->lost, &vm->lost);
	list_for_each_entry_safe(slot, next, &vm->lost, lost)
	{
		mkvm_pin_drop(vm, slot);
		kvfree(slot->dirty);
		kvfree(slot);
	}
	free_page((unsigned long)vm->ranges);
}

static void remove_slot(struct mkvm_vm *vm, struct mkvm_slot *slot)
{
	u32 at = find_after(vm, slot->base);

	vm->slot_count--;
	memmove(vm->sorted + at, vm->sorted + at + 1,
		(vm->slot_count - at) * sizeof(vm->sorted[0]));
	vm->slots[slot->id] = NULL;
}

static void insert_slot(struct mkvm_vm *vm, struct mkvm_slot *slot)
{
	u32 at = find_after(vm, slot->base);

	memmove(vm->sorted + at + 1, vm->sorted + at,
		(vm->slot_count - at) * sizeof(vm->sorted[0]));
	vm->sorted[at] = slot;
	vm->slot_count++;
	vm->slots[slot->id] = slot;
}

static int set_dirty_log(struct mkvm_slot *slot, u32 flags)
{
	if (flags & KVM_MEM_LOG_DIRTY_PAGES && !slot->dirty) {
		slot->dirty =
			kvcalloc(BITS_TO_LONGS(slot->pages), sizeof(long), GFP_KERNEL_ACCOUNT);
		if (!slot->dirty)
			return -ENOMEM;
	} else if (!(flags & KVM_MEM_LOG_DIRTY_PAGES)) {
		kvfree(slot->dirty);
		slot->dirty = NULL;
	}
	slot->flags = flags;
	return 0;
}

static struct mkvm_slot *make_slot(const struct kvm_userspace_memory_region *region)
{
	struct mkvm_slot shape = {
		.id = region->slot,
		.base = region->guest_phys_addr >> PAGE_SHIFT,
		.pages = region->memory_size >> PAGE_SHIFT,
		.address = region->userspace_addr,
	};
	struct mkvm_slot *slot =
		kvzalloc(struct_size(slot, chunks, mkvm_pin_chunks(&shape)), GFP_KERNEL_ACCOUNT);

	if (!slot)
		return NULL;
	*slot = shape;
	if (set_dirty_log(slot, region->flags)) {
		kvfree(slot);
		return NULL;
	}
	return slot;
}

/* Under the lock: replaces, removes or adds the slot of an id. */
static int change_slot(struct mkvm_vm *vm, const struct kvm_userspace_memory_region *region)
{
	struct mkvm_slot *old = vm->slots[region->slot], *slot;
	u64 base = region->guest_phys_addr >> PAGE_SHIFT, pages = region->memory_size >> PAGE_SHIFT;
	u32 at;

	if (!pages) {
		if (!old)
			return -EINVAL;
		remove_slot(vm, old);
		discard(vm, old);
		return 0;
	}
	if (old && (old->pages != pages || old->address != region->userspace_addr ||
		    (old->flags ^ region->flags) & KVM_MEM_READONLY))
		return -EINVAL;
	if (old && old->base == base)
		return set_dirty_log(old, region->flags);
	for (at = find_after(vm, base); at < vm->slot_count && vm->sorted[at]->base < base + pages;
	     at++)
		if (vm->sorted[at] != old)
			return -EEXIST;
	slot = make_slot(region);
	if (!slot)
		return -ENOMEM;
	if (old) {
		remove_slot(vm, old);
		discard(vm, old);
	}
	insert_slot(vm, slot);
	return 0;
}

int mkvm_memory_set(struct mkvm_vm *vm, const struct kvm_userspace_memory_region *untrusted_region)
{
	struct kvm_userspace_memory_region region = *untrusted_region;
	const u64 most = 1ULL << MULLION_GUEST_ADDRESS_BITS;
	int error;

	if (region.flags & ~FLAGS || region.slot >= MKVM_SLOTS)
		return -EINVAL;
	if (!PAGE_ALIGNED(region.memory_size) || !PAGE_ALIGNED(region.guest_phys_addr) ||
	    !PAGE_ALIGNED(region.userspace_addr))
		return -EINVAL;
	if (region.guest_phys_addr > most || region.memory_size > most - region.guest_phys_addr)
		return -EINVAL;
	if (!access_ok((void __user *)region.userspace_addr, region.memory_size))
		return -EINVAL;
	down_write(&vm->slots_lock);
	error = change_slot(vm, &region);
	up_write(&vm->slots_lock);
	return error;
}

/* ---- the log of written pages ---- */

/* All of a slot's log into log, as much as is taken out of it. */
static int take_log(struct mkvm_vm *vm, struct mkvm_slot *slot, unsigned long *bits,
		    unsigned long *log, size_t *taken)
{
	u64 at, count;
	size_t n;

	for (at = 0; at < slot->pages; at += count) {
		long found;

		count = min_t(u64, slot->pages - at, MULLION_DIRTY_MAX);
		bits[(count - 1) / BITS_PER_LONG] = 0;
		found = mullion_call(MULLION_CALL_GUEST_DIRTY, vm->guest,
				     (slot->base + at) << PAGE_SHIFT, count, virt_to_phys(bits));
		if (found < 0)
			return found;
		for (n = 0; n < BITS_TO_LONGS(count); n++, ++*taken) {
			log[*taken] = bits[n];
			if (slot->dirty[*taken])
				log[*taken] |= xchg(&slot->dirty[*taken], 0);
		}
		cond_resched();
	}
	return 0;
}

static int copy_log(struct mkvm_vm *vm, struct mkvm_slot *slot, void __user *to,
		    unsigned long *bits)
{
	size_t taken = 0, n;
	unsigned long *log =
		kvmalloc_array(BITS_TO_LONGS(slot->pages), sizeof(long), GFP_KERNEL_ACCOUNT);
	int error;

	if (!log)
		return -ENOMEM;
	error = take_log(vm, slot, bits, log, &taken);
	if (!error && copy_to_user(to, log, taken * sizeof(long)))
		error = -EFAULT;
	/* What nobody has heard of the next call tells. */
	for (n = 0; error && n < taken; n++)
		if (log[n])
			atomic_long_or(log[n], (atomic_long_t *)&slot->dirty[n]);
	kvfree(log);
	return error;
}

int mkvm_memory_dirty_log(struct mkvm_vm *vm, const struct kvm_dirty_log *untrusted_log)
{
	unsigned long *bits;
	int error = -ENOENT;
	struct mkvm_slot *slot;

	if (untrusted_log->slot >= MKVM_SLOTS)
		return -EINVAL;
	BUILD_BUG_ON(MULLION_DIRTY_MAX / 8 > PAGE_SIZE);
	bits = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!bits)
		return -ENOMEM;
	down_read(&vm->slots_lock);
	slot = vm->slots[untrusted_log->slot];
	if (slot && slot->dirty)
		error = copy_log(vm, slot, untrusted_log->dirty_bitmap, bits);
	up_read(&vm->slots_lock);
	free_page((unsigned long)bits);
	return error;
}

/* ---- access ---- */

bool mkvm_memory_is_ram(struct mkvm_vm *vm, u64 gpa, bool write)
{
	const struct mkvm_slot *slot;
	bool is;

	down_read(&vm->slots_lock);
	slot = find_slot(vm, gpa >> PAGE_SHIFT);
	is = slot && !(write && slot->flags & KVM_MEM_READONLY);
	up_read(&vm->slots_lock);
	return is;
}

static int copy(struct mkvm_vm *vm, u64 gpa, void *data, size_t size, bool write)
{
	int error = 0;

	down_read(&vm->slots_lock);
	while (size && !error) {
		u64 gfn = gpa >> PAGE_SHIFT;
		size_t offset = offset_in_page(gpa), part = min(size, PAGE_SIZE - offset);
		struct mkvm_slot *slot = find_slot(vm, gfn);
		void __user *at;

		if (!slot || (write && slot->flags & KVM_MEM_READONLY)) {
			error = -ENOENT;
			break;
		}
		at = (void __user *)(mkvm_slot_address(slot, gfn) + offset);
		if (write ? copy_to_user(at, data, part) : copy_from_user(data, at, part))
			error = -EFAULT;
		else if (write && slot->dirty)
			set_bit(gfn - slot->base, slot->dirty);
		gpa += part;
		data += part;
		size -= part;
	}
	up_read(&vm->slots_lock);
	return error;
}

int mkvm_memory_read(struct mkvm_vm *vm, u64 gpa, void *to, size_t size)
{
	return copy(vm, gpa, to, size, false);
}

int mkvm_memory_write(struct mkvm_vm *vm, u64 gpa, const void *from, size_t size)
{
	return copy(vm, gpa, (void *)from, size, true);
}
