/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of guests, their life, and their memory. */
#include "guest/guest.h"

#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "vm/bus.h"
#include "vm/vendor.h"
#include "x86/cpu.h"

#define LEVELS	      4
#define ADDRESS_LIMIT (1ULL << MULLION_GUEST_ADDRESS_BITS)
#define TRACE_NUMBER  15 /* what the trace calls all of them */

/* How often a call flushes before it lets others have the CPU. */
#define FLUSHES 16

static struct guest guests[MULLION_GUESTS];

static bool change_state(struct guest *guest, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(&guest->state, &from, to, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

struct guest *guest_hold(unsigned number)
{
	struct guest *guest = &guests[number];

	__atomic_fetch_add(&guest->users, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&guest->state, __ATOMIC_SEQ_CST) == GUEST_LIVE)
		return guest;
	guest_release(guest);
	return NULL;
}

void guest_release(struct guest *guest)
{
	__atomic_fetch_sub(&guest->users, 1, __ATOMIC_SEQ_CST);
}

/* ---- life ---- */

static void flush(struct space *space)
{
	vendor->flush(space->user);
}

static int set_up(struct guest *guest, unsigned number, const struct vm *control)
{
	struct vm *vm = &guest->vm;
	int error;

	memset(vm, 0, sizeof(*vm));
	vm->number = TRACE_NUMBER;
	vm->kind = VM_GUEST;
	memcpy(vm->name, "guest-00", 8);
	vm->name[6] = (char)('0' + number / 10);
	vm->name[7] = (char)('0' + number % 10);
	vm->state = VM_RUNNING;
	vm->memory.flush = flush;
	vm->memory.user = vm;
	error = space_init(&vm->memory, &table_format_npt, vm_owner(control), LEVELS,
			   vendor_caps.huge_pages ? 30 : 21);
	if (error)
		return error;
	error = vendor->vm_create(vm);
	if (error) {
		FLUSH_TOKEN(token);
		space_finish(&vm->memory, &token);
	}
	return error;
}

int64_t guest_create(struct vm *control)
{
	for (unsigned i = 0; i < MULLION_GUESTS; i++) {
		int error;

		if (!change_state(&guests[i], GUEST_NONE, GUEST_CHANGING))
			continue;
		error = set_up(&guests[i], i, control);
		__atomic_store_n(&guests[i].state, error ? GUEST_NONE : GUEST_LIVE,
				 __ATOMIC_SEQ_CST);
		return error ? error : (int64_t)i;
	}
	return -ENOMEM;
}

/* Some of what is mapped there is unmapped. 0: all; -EAGAIN; -ENOMEM. */
static int unmap_some(struct guest *guest, uint64_t start, uint64_t size)
{
	int error = -E2BIG;

	lock_take(&guest->vm.lock);
	for (unsigned i = 0; i < FLUSHES && error == -E2BIG; i++) {
		FLUSH_TOKEN(token);
		error = space_unmap(&guest->vm.memory, gpa(start), size, &token);
		flush_consume(&token);
	}
	lock_release(&guest->vm.lock);
	return error == -E2BIG ? -EAGAIN : error;
}

/* All or none; then nobody can run one, as nobody gets to hold the guest. */
static bool claim_vcpus(struct guest *guest)
{
	for (unsigned i = 0; i < MULLION_GUEST_VCPUS; i++) {
		struct vcpu *vcpu = guest->vm.vcpus[i];

		if (vcpu == NULL || guest_vcpu_claim(guest_vcpu_of(vcpu)))
			continue;
		while (i-- > 0)
			if (guest->vm.vcpus[i] != NULL)
				guest_vcpu_unclaim(guest_vcpu_of(guest->vm.vcpus[i]));
		return false;
	}
	return true;
}

int64_t guest_destroy(unsigned number)
{
	struct guest *guest = &guests[number];

	if (!change_state(guest, GUEST_LIVE, GUEST_CHANGING) &&
	    !change_state(guest, GUEST_DYING, GUEST_CHANGING))
		return -ENOENT;
	/* Calls of other CPUs that are about it end soon: none of them waits for anything. */
	while (__atomic_load_n(&guest->users, __ATOMIC_SEQ_CST) != 0)
		cpu_pause();
	if (!claim_vcpus(guest)) {
		__atomic_store_n(&guest->state, GUEST_LIVE, __ATOMIC_SEQ_CST);
		return -EBUSY;
	}
	for (unsigned i = 0; i < MULLION_GUEST_VCPUS; i++)
		if (guest->vm.vcpus[i] != NULL)
			guest_vcpu_destroy(guest_vcpu_of(guest->vm.vcpus[i]));
	memset(guest->vm.vcpus, 0, sizeof(guest->vm.vcpus));
	if (unmap_some(guest, 0, ADDRESS_LIMIT) == -EAGAIN) {
		__atomic_store_n(&guest->state, GUEST_DYING, __ATOMIC_SEQ_CST);
		return HYPERCALL_AGAIN;
	}
	FLUSH_TOKEN(token);
	space_finish(&guest->vm.memory, &token);
	vendor->vm_destroy(&guest->vm);
	__atomic_store_n(&guest->state, GUEST_NONE, __ATOMIC_SEQ_CST);
	return 0;
}

/* ---- memory ---- */

static bool is_bad(uint64_t start, uint64_t size)
{
	return size == 0 || (start | size) % PAGE_SIZE != 0 || start >= ADDRESS_LIMIT ||
	       size > ADDRESS_LIMIT - start;
}

int guest_map(struct guest *guest, struct vm *control, const struct mullion_guest_range *range)
{
	unsigned flags =
		MAP_READ | MAP_EXECUTE | (range->flags & MULLION_MAP_WRITE ? MAP_WRITE : 0);
	hpa_t target;
	int error;

	if (is_bad(range->start, range->size) || range->size > MULLION_MAP_RANGE_MAX ||
	    range->memory % PAGE_SIZE != 0 || range_wraps(range->memory, range->size) ||
	    (range->flags & ~MULLION_MAP_WRITE) || range->zero != 0)
		return -EINVAL;
	/* Only RAM is mapped executable. */
	if (space_look_up_range(&control->memory, gpa(range->memory), range->size, &target, flags))
		return -EFAULT;
	lock_take(&guest->vm.lock);
	error = space_map(&guest->vm.memory, gpa(range->start), target, range->size, PAGE_RAM,
			  flags);
	lock_release(&guest->vm.lock);
	return error == -EPERM ? -EFAULT : error;
}

int64_t guest_unmap(struct guest *guest, uint64_t start, uint64_t size)
{
	int error;

	if (is_bad(start, size))
		return -EINVAL;
	error = unmap_some(guest, start, size);
	return error == -EAGAIN ? HYPERCALL_AGAIN : error;
}

int64_t guest_dirty(struct guest *guest, struct vm *control, uint64_t start, size_t pages,
		    gpa_t bits)
{
	struct space *space = &guest->vm.memory;
	uint64_t words[32];
	size_t count = 0;
	int error;

	if (is_bad(start, pages * PAGE_SIZE))
		return -EINVAL;
	lock_take(&guest->vm.lock);
	error = space_split(space, gpa(start), pages * PAGE_SIZE);
	FLUSH_TOKEN(token);
	for (size_t done = 0, n; done < pages && !error; done += n) {
		n = pages - done < sizeof(words) * 8 ? pages - done : sizeof(words) * 8;
		count += space_take_dirty(space, gpa(start + done * PAGE_SIZE), n, words, &token);
		error = vm_write_memory(control, gpa(gpa_value(bits) + done / 8), words,
					(n + 63) / 64 * sizeof(*words));
	}
	flush_consume(&token);
	lock_release(&guest->vm.lock);
	return error ? error : (int64_t)count;
}
