/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The calls that are about guests, in the same two halves as those of vm/hypercall.c: check_X()
 * decides from the numbers alone; what do_X() may still refuse is what the contract names for it:
 * there is no such guest or vCPU, it is in use, or memory.
 */
#include "guest/calls.h"

#include "guest/guest.h"
#include "lib/errno.h"
#include "vm/msi.h"
#include "vm/vcpu.h"

#define MSI_HIGH_DESTINATION 0xfe0U /* in the address: no vCPU has such an id */

/* How much a call maps before it lets others have the CPU. */
#define MAP_AT_ONCE (256 * MIB)

static int check_guest(uint64_t untrusted, struct hypercall *call)
{
	if (untrusted >= MULLION_GUESTS)
		return -EINVAL;
	call->number = (uint32_t)hypercall_index(untrusted, MULLION_GUESTS);
	return 0;
}

/* call->number: the guest's; call->vcpu. */
static int check_handle(uint64_t untrusted, struct hypercall *call)
{
	if (untrusted >> 8 >= MULLION_GUESTS || (untrusted & 0xff) >= MULLION_GUEST_VCPUS)
		return -EINVAL;
	call->vcpu = (uint32_t)hypercall_index(untrusted & 0xff, MULLION_GUEST_VCPUS);
	return check_guest(untrusted >> 8, call);
}

/* ---- GUEST_CREATE(), GUEST_DESTROY(guest) ---- */
static int64_t do_create(struct vcpu *vcpu, const struct hypercall *call)
{
	(void)call;
	return guest_create(vcpu_vm(vcpu));
}

static int check_destroy(const uint64_t untrusted[4], struct hypercall *call)
{
	return check_guest(untrusted[0], call);
}

static int64_t do_destroy(struct vcpu *vcpu, const struct hypercall *call)
{
	(void)vcpu;
	return guest_destroy(call->number);
}

/* ---- GUEST_MAP(guest, gpa, count) ---- */
static int check_map(const uint64_t untrusted[4], struct hypercall *call)
{
	if (untrusted[2] > MULLION_MAP_MAX ||
	    hypercall_memory(untrusted[1], untrusted[2] * sizeof(struct mullion_guest_range), 8,
			     call))
		return -EINVAL;
	return check_guest(untrusted[0], call);
}

static int64_t do_map(struct vcpu *vcpu, const struct hypercall *call)
{
	struct guest *guest = guest_hold(call->number);
	struct vm *control = vcpu_vm(vcpu);
	struct mullion_guest_range range;
	uint64_t mapped = 0;
	size_t done = 0;
	int error = 0;

	if (guest == NULL)
		return -ENOENT;
	for (; done < call->size / sizeof(range) && mapped < MAP_AT_ONCE; done++) {
		gpa_t at = gpa(gpa_value(call->memory) + done * sizeof(range));

		error = vm_read_memory(control, at, &range, sizeof(range));
		if (!error)
			error = guest_map(guest, control, &range);
		if (error)
			break;
		mapped += range.size;
	}
	guest_release(guest);
	return done ? (int64_t)done : error;
}

/* ---- GUEST_UNMAP(guest, start, size) ---- */
static int check_unmap(const uint64_t untrusted[4], struct hypercall *call)
{
	if (untrusted[2] > MULLION_UNMAP_MAX ||
	    hypercall_memory(untrusted[1], untrusted[2], PAGE_SIZE, call))
		return -EINVAL;
	return check_guest(untrusted[0], call);
}

static int64_t do_unmap(struct vcpu *vcpu, const struct hypercall *call)
{
	struct guest *guest = guest_hold(call->number);
	int64_t result;

	(void)vcpu;
	if (guest == NULL)
		return -ENOENT;
	result = guest_unmap(guest, gpa_value(call->memory), call->size);
	guest_release(guest);
	return result;
}

/* ---- GUEST_DIRTY(guest, start, pages, gpa) ---- */
static int check_dirty(const uint64_t untrusted[4], struct hypercall *call)
{
	if (untrusted[2] == 0 || untrusted[2] > MULLION_DIRTY_MAX ||
	    hypercall_memory(untrusted[3], (untrusted[2] + 63) / 64 * 8, 8, call))
		return -EINVAL;
	call->first = untrusted[1];
	call->size = untrusted[2]; /* pages */
	return check_guest(untrusted[0], call);
}

static int64_t do_dirty(struct vcpu *vcpu, const struct hypercall *call)
{
	struct guest *guest = guest_hold(call->number);
	int64_t result;

	if (guest == NULL)
		return -ENOENT;
	result = guest_dirty(guest, vcpu_vm(vcpu), call->first, call->size, call->memory);
	guest_release(guest);
	return result;
}

/* ---- GUEST_MSI(guest, address, data) ---- */
static int check_msi(const uint64_t untrusted[4], struct hypercall *call)
{
	call->first = untrusted[1];
	call->size = (uint32_t)untrusted[2];
	return untrusted[2] >> 32 ? -EINVAL : check_guest(untrusted[0], call);
}

static int64_t do_msi(struct vcpu *vcpu, const struct hypercall *call)
{
	struct guest *guest = guest_hold(call->number);
	struct msi_message message;
	int64_t result = 0;

	(void)vcpu;
	if (guest == NULL)
		return -ENOENT;
	if (call->first & MSI_HIGH_DESTINATION ||
	    !msi_decode(call->first, (uint32_t)call->size, &message))
		goto out;
	for (unsigned i = 0; i < MULLION_GUEST_VCPUS; i++) {
		struct guest_vcpu *gv = guest_vcpu_find(guest, i);

		if (gv == NULL ||
		    !vlapic_matches(&gv->vcpu.lapic, message.logical, message.destination, false))
			continue;
		result |= MULLION_MSI_DELIVERED;
		if (guest_deliver(gv, message.delivery, message.vector, message.level))
			result |= 1 << i;
		if (message.delivery == VLAPIC_LOWEST)
			break;
	}
out:
	guest_release(guest);
	return result;
}

/* ---- VCPU_CREATE(handle, gpa) ---- */
static int check_vcpu_create(const uint64_t untrusted[4], struct hypercall *call)
{
	if (hypercall_memory(untrusted[1], PAGE_SIZE, PAGE_SIZE, call))
		return -EINVAL;
	return check_handle(untrusted[0], call);
}

static int64_t do_vcpu_create(struct vcpu *vcpu, const struct hypercall *call)
{
	struct guest *guest = guest_hold(call->number);
	int error;

	if (guest == NULL)
		return -ENOENT;
	error = guest_vcpu_create(guest, vcpu_vm(vcpu), call->vcpu, call->memory);
	guest_release(guest);
	return error;
}

/* Calls about one vCPU, with it claimed or not. */
static int64_t with_vcpu(struct vcpu *vcpu, const struct hypercall *call, bool claim,
			 int64_t (*run)(struct vcpu *vcpu, struct guest_vcpu *gv,
					const struct hypercall *call))
{
	struct guest *guest = guest_hold(call->number);
	struct guest_vcpu *gv;
	int64_t result;

	if (guest == NULL)
		return -ENOENT;
	gv = guest_vcpu_find(guest, call->vcpu);
	if (gv == NULL) {
		result = -ENOENT;
	} else if (claim && !guest_vcpu_claim(gv)) {
		result = -EBUSY;
	} else {
		result = run(vcpu, gv, call);
		/* A run ends later, and gives the claim back itself. */
		if (claim && vcpu->inner != &gv->vcpu)
			guest_vcpu_unclaim(gv);
	}
	guest_release(guest);
	return result;
}

/* ---- VCPU_RUN(handle) ---- */
static int check_run(const uint64_t untrusted[4], struct hypercall *call)
{
	return check_handle(untrusted[0], call);
}

static int64_t run(struct vcpu *vcpu, struct guest_vcpu *gv, const struct hypercall *call)
{
	(void)call;
	return guest_run_begin(vcpu, gv);
}

static int64_t do_run(struct vcpu *vcpu, const struct hypercall *call)
{
	return with_vcpu(vcpu, call, true, run);
}

/* ---- VCPU_GET(handle, item, gpa, size), VCPU_SET(...) ---- */
static int check_item(const uint64_t untrusted[4], struct hypercall *call)
{
	if (untrusted[3] != 0 && hypercall_memory(untrusted[2], untrusted[3], 8, call))
		return -EINVAL;
	call->first = untrusted[1];
	call->size = untrusted[3];
	return check_handle(untrusted[0], call);
}

static int64_t get(struct vcpu *vcpu, struct guest_vcpu *gv, const struct hypercall *call)
{
	return guest_vcpu_get(gv, vcpu_vm(vcpu), call->first, call->memory, call->size);
}

static int64_t do_get(struct vcpu *vcpu, const struct hypercall *call)
{
	return with_vcpu(vcpu, call, true, get);
}

static int64_t set(struct vcpu *vcpu, struct guest_vcpu *gv, const struct hypercall *call)
{
	return guest_vcpu_set(gv, vcpu_vm(vcpu), call->first, call->memory, call->size);
}

static int64_t do_set(struct vcpu *vcpu, const struct hypercall *call)
{
	return with_vcpu(vcpu, call, true, set);
}

/* ---- VCPU_RAISE(handle, event) ---- */
static int check_raise(const uint64_t untrusted[4], struct hypercall *call)
{
	call->first = untrusted[1];
	return untrusted[1] > MULLION_RAISE_KICK ? -EINVAL : check_handle(untrusted[0], call);
}

static int64_t raise(struct vcpu *vcpu, struct guest_vcpu *gv, const struct hypercall *call)
{
	uint32_t pcpu;

	(void)vcpu;
	if (call->first == MULLION_RAISE_NMI)
		return guest_deliver(gv, VLAPIC_NMI, 0, false);
	__atomic_fetch_or(&gv->vcpu.events, GUEST_EVENT_KICK, __ATOMIC_SEQ_CST);
	pcpu = __atomic_load_n(&gv->pcpu, __ATOMIC_SEQ_CST);
	if (pcpu)
		pcpu_kick(pcpu - 1);
	return 0;
}

static int64_t do_raise(struct vcpu *vcpu, const struct hypercall *call)
{
	return with_vcpu(vcpu, call, false, raise);
}

/* ---- VCPU_TRANSLATE(handle, linear, access) ---- */
static int check_translate(const uint64_t untrusted[4], struct hypercall *call)
{
	if (untrusted[2] & ~(uint64_t)(MULLION_ACCESS_WRITE | MULLION_ACCESS_USER))
		return -EINVAL;
	call->first = untrusted[1];
	call->size = untrusted[2];
	return check_handle(untrusted[0], call);
}

static int64_t translate(struct vcpu *vcpu, struct guest_vcpu *gv, const struct hypercall *call)
{
	(void)vcpu;
	return guest_vcpu_translate(gv, call->first, call->size);
}

static int64_t do_translate(struct vcpu *vcpu, const struct hypercall *call)
{
	return with_vcpu(vcpu, call, true, translate);
}

static const struct {
	int (*check)(const uint64_t untrusted[4], struct hypercall *call);
	int64_t (*run)(struct vcpu *vcpu, const struct hypercall *call);
} calls[] = {
#define CALL(number) [MULLION_CALL_##number - MULLION_CALL_GUEST_FIRST]
	/* clang-format off */
	CALL(GUEST_CREATE)   = { NULL,              do_create },
	CALL(GUEST_DESTROY)  = { check_destroy,     do_destroy },
	CALL(GUEST_MAP)      = { check_map,         do_map },
	CALL(GUEST_UNMAP)    = { check_unmap,       do_unmap },
	CALL(GUEST_DIRTY)    = { check_dirty,       do_dirty },
	CALL(GUEST_MSI)      = { check_msi,         do_msi },
	CALL(VCPU_CREATE)    = { check_vcpu_create, do_vcpu_create },
	CALL(VCPU_RUN)       = { check_run,         do_run },
	CALL(VCPU_GET)       = { check_item,        do_get },
	CALL(VCPU_SET)       = { check_item,        do_set },
	CALL(VCPU_RAISE)     = { check_raise,       do_raise },
	CALL(VCPU_TRANSLATE) = { check_translate,   do_translate },
/* clang-format on */
#undef CALL
};
_Static_assert(ARRAY_LENGTH(calls) == MULLION_GUEST_CALLS, "every call");

int guest_check_call(struct vm *vm, uint64_t untrusted_number,
		     const uint64_t untrusted_arguments[4], struct hypercall *call)
{
	uint64_t n = untrusted_number - MULLION_CALL_GUEST_FIRST;

	if (n >= ARRAY_LENGTH(calls))
		return -ENOSYS;
	n = hypercall_index(n, ARRAY_LENGTH(calls));
	if (vm->kind != VM_CONTROL)
		return -EPERM;
	call->run = calls[n].run;
	return calls[n].check ? calls[n].check(untrusted_arguments, call) : 0;
}
