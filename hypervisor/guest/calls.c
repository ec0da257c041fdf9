/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The calls that are about guests, in the same two halves as those of vm/hypercall.c: check_X()
 * decides from the numbers alone, do_X() does it. What may still be refused is what the contract
 * names: there is no such guest or vCPU, it is in use, and what becomes of memory.
 */
#include "guest/calls.h"

#include "guest/guest.h"
#include "lib/errno.h"
#include "vm/msi.h"

#define MSI_HIGH_DESTINATION 0xfe0U /* in the address: no vCPU has such an id */

/* What a call is about: the guest is held, the vCPU is there, nobody else uses it. */
struct subject {
	struct vcpu *caller;
	struct vm *control;
	struct guest *guest;
	struct guest_vcpu *gv;
};

/* ---- GUEST_CREATE(), GUEST_DESTROY(guest) ---- */
static int64_t do_create(const struct subject *s, const struct hypercall *call)
{
	(void)call;
	return guest_create(s->control);
}

static int64_t do_destroy(const struct subject *s, const struct hypercall *call)
{
	(void)s;
	return guest_destroy(call->guest);
}

/* ---- GUEST_MAP(guest, gpa, count) ---- */
static int check_map(const uint64_t untrusted[4], struct hypercall *call)
{
	if (untrusted[2] > MULLION_MAP_MAX)
		return -EINVAL;
	return hypercall_memory(untrusted[1], untrusted[2] * sizeof(struct mullion_guest_range), 8,
				call);
}

static int64_t do_map(const struct subject *s, const struct hypercall *call)
{
	struct mullion_guest_range range;
	uint64_t mapped = 0;
	size_t done = 0;
	int error = 0;

	for (; done < call->size / sizeof(range) && mapped < MULLION_MAP_RANGE_MAX; done++) {
		gpa_t at = gpa(gpa_value(call->memory) + done * sizeof(range));

		error = vm_read_memory(s->control, at, &range, sizeof(range));
		if (!error)
			error = guest_map(s->guest, s->control, &range);
		if (error)
			break;
		mapped += range.size;
	}
	return done ? (int64_t)done : error;
}

/* ---- GUEST_UNMAP(guest, start, size) ---- */
static int check_unmap(const uint64_t untrusted[4], struct hypercall *call)
{
	if (untrusted[2] > MULLION_UNMAP_MAX)
		return -EINVAL;
	return hypercall_memory(untrusted[1], untrusted[2], PAGE_SIZE, call);
}

static int64_t do_unmap(const struct subject *s, const struct hypercall *call)
{
	return guest_unmap(s->guest, gpa_value(call->memory), call->size);
}

/* ---- GUEST_DIRTY(guest, start, pages, gpa) ---- */
static int check_dirty(const uint64_t untrusted[4], struct hypercall *call)
{
	if (untrusted[2] == 0 || untrusted[2] > MULLION_DIRTY_MAX ||
	    hypercall_memory(untrusted[3], (untrusted[2] + 63) / 64 * 8, 8, call))
		return -EINVAL;
	call->first = untrusted[1];
	call->size = untrusted[2]; /* pages */
	return 0;
}

static int64_t do_dirty(const struct subject *s, const struct hypercall *call)
{
	return guest_dirty(s->guest, s->control, call->first, call->size, call->memory);
}

/* ---- GUEST_MSI(guest, address, data) ---- */
static int check_msi(const uint64_t untrusted[4], struct hypercall *call)
{
	call->first = untrusted[1];
	call->number = (uint32_t)untrusted[2];
	return untrusted[2] >> 32 ? -EINVAL : 0;
}

static int64_t do_msi(const struct subject *s, const struct hypercall *call)
{
	struct msi_message message;
	int64_t result = 0;

	if (call->first & MSI_HIGH_DESTINATION || !msi_decode(call->first, call->number, &message))
		return 0;
	for (unsigned i = 0; i < MULLION_GUEST_VCPUS; i++) {
		struct guest_vcpu *gv = guest_vcpu_find(s->guest, i);

		if (gv == NULL ||
		    !vlapic_matches(&gv->vcpu.lapic, message.logical, message.destination, false))
			continue;
		result |= MULLION_MSI_DELIVERED;
		if (guest_deliver(gv, message.delivery, message.vector, message.level))
			result |= 1 << i;
		if (message.delivery == VLAPIC_LOWEST)
			break;
	}
	return result;
}

/* ---- VCPU_CREATE(handle, gpa), VCPU_RUN(handle) ---- */
static int check_vcpu_create(const uint64_t untrusted[4], struct hypercall *call)
{
	return hypercall_memory(untrusted[1], PAGE_SIZE, PAGE_SIZE, call);
}

static int64_t do_vcpu_create(const struct subject *s, const struct hypercall *call)
{
	return guest_vcpu_create(s->guest, s->control, call->vcpu, call->memory);
}

static int64_t do_run(const struct subject *s, const struct hypercall *call)
{
	(void)call;
	return guest_run_begin(s->caller, s->gv);
}

/* ---- VCPU_GET(handle, item, gpa, size), VCPU_SET(...) ---- */
static int check_item(const uint64_t untrusted[4], struct hypercall *call)
{
	if (untrusted[3] != 0 && hypercall_memory(untrusted[2], untrusted[3], 8, call))
		return -EINVAL;
	call->first = untrusted[1];
	return guest_item_size_is_good(untrusted[1], untrusted[3]) ? 0 : -EINVAL;
}

static int64_t do_get(const struct subject *s, const struct hypercall *call)
{
	return guest_vcpu_get(s->gv, s->control, call->first, call->memory);
}

static int64_t do_set(const struct subject *s, const struct hypercall *call)
{
	return guest_vcpu_set(s->gv, s->control, call->first, call->memory, call->size);
}

/* ---- VCPU_RAISE(handle, event) ---- */
static int check_raise(const uint64_t untrusted[4], struct hypercall *call)
{
	call->first = untrusted[1];
	return untrusted[1] > MULLION_RAISE_KICK ? -EINVAL : 0;
}

static int64_t do_raise(const struct subject *s, const struct hypercall *call)
{
	if (call->first == MULLION_RAISE_NMI)
		return guest_deliver(s->gv, VLAPIC_NMI, 0, false);
	guest_kick(s->gv);
	return 0;
}

/* ---- VCPU_TRANSLATE(handle, linear, access) ---- */
static int check_translate(const uint64_t untrusted[4], struct hypercall *call)
{
	call->first = untrusted[1];
	call->number = (uint32_t)untrusted[2];
	return untrusted[2] & ~(uint64_t)(MULLION_ACCESS_WRITE | MULLION_ACCESS_USER) ? -EINVAL : 0;
}

static int64_t do_translate(const struct subject *s, const struct hypercall *call)
{
	return guest_vcpu_translate(s->gv, call->first, call->number);
}

/* What the first argument is, and what has to be there for do_X(). */
enum about { NOTHING, NUMBER, GUEST, HANDLE, VCPU, CLAIMED };

static const struct {
	enum about about;
	int (*check)(const uint64_t untrusted[4], struct hypercall *call);
	int64_t (*run)(const struct subject *s, const struct hypercall *call);
} calls[] = {
#define CALL(number) [MULLION_CALL_##number - MULLION_CALL_GUEST_FIRST]
	/* clang-format off */
	CALL(GUEST_CREATE)   = { NOTHING, NULL,              do_create },
	CALL(GUEST_DESTROY)  = { NUMBER,  NULL,              do_destroy },
	CALL(GUEST_MAP)      = { GUEST,   check_map,         do_map },
	CALL(GUEST_UNMAP)    = { GUEST,   check_unmap,       do_unmap },
	CALL(GUEST_DIRTY)    = { GUEST,   check_dirty,       do_dirty },
	CALL(GUEST_MSI)      = { GUEST,   check_msi,         do_msi },
	CALL(VCPU_CREATE)    = { HANDLE,  check_vcpu_create, do_vcpu_create },
	CALL(VCPU_RUN)       = { CLAIMED, NULL,              do_run },
	CALL(VCPU_GET)       = { CLAIMED, check_item,        do_get },
	CALL(VCPU_SET)       = { CLAIMED, check_item,        do_set },
	CALL(VCPU_RAISE)     = { VCPU,    check_raise,       do_raise },
	CALL(VCPU_TRANSLATE) = { CLAIMED, check_translate,   do_translate },
/* clang-format on */
#undef CALL
};
_Static_assert(ARRAY_LENGTH(calls) == MULLION_GUEST_CALLS, "every call");

/* With the guest held, and the vCPU if it is about one. */
static int64_t run_with_guest(struct subject *s, const struct hypercall *call)
{
	enum about about = calls[call->entry].about;
	int64_t result;

	if (about == GUEST || about == HANDLE)
		return calls[call->entry].run(s, call);
	s->gv = guest_vcpu_find(s->guest, call->vcpu);
	if (s->gv == NULL)
		return -ENOENT;
	if (about == CLAIMED && !guest_vcpu_claim(s->gv))
		return -EBUSY;
	result = calls[call->entry].run(s, call);
	/* A run that has begun gives the claim back itself. */
	if (about == CLAIMED && s->caller->inner != &s->gv->vcpu)
		guest_vcpu_unclaim(s->gv);
	return result;
}

static int64_t run_call(struct vcpu *vcpu, const struct hypercall *call)
{
	struct subject s = {.caller = vcpu, .control = vcpu->vm};
	int64_t result;

	if (calls[call->entry].about <= NUMBER)
		return calls[call->entry].run(&s, call);
	s.guest = guest_hold(call->guest);
	if (s.guest == NULL)
		return -ENOENT;
	result = run_with_guest(&s, call);
	guest_release(s.guest);
	return result;
}

static int check_about(enum about about, uint64_t untrusted, struct hypercall *call)
{
	uint64_t guest = about >= HANDLE ? untrusted >> 8 : untrusted;
	uint64_t vcpu = about >= HANDLE ? untrusted & 0xff : 0;

	if (about == NOTHING)
		return 0;
	if (guest >= MULLION_GUESTS || vcpu >= MULLION_GUEST_VCPUS)
		return -EINVAL;
	call->guest = (uint32_t)hypercall_index(guest, MULLION_GUESTS);
	call->vcpu = (uint32_t)hypercall_index(vcpu, MULLION_GUEST_VCPUS);
	return 0;
}

int guest_check_call(struct vm *vm, uint64_t untrusted_number,
		     const uint64_t untrusted_arguments[4], struct hypercall *call)
{
	uint64_t n = untrusted_number - MULLION_CALL_GUEST_FIRST;

	if (n >= ARRAY_LENGTH(calls))
		return -ENOSYS;
	n = hypercall_index(n, ARRAY_LENGTH(calls));
	if (vm->kind != VM_CONTROL)
		return -EPERM;
	call->run = run_call;
	call->entry = (uint32_t)n;
	if (check_about(calls[n].about, untrusted_arguments[0], call))
		return -EINVAL;
	return calls[n].check ? calls[n].check(untrusted_arguments, call) : 0;
}
