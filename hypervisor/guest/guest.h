/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guests: VMs that the control VM makes and runs inside its own time (include/mullion/guest.h is
 * the contract). A guest is a struct vm whose space belongs to the control VM's owner, so that
 * space_map() asks the owner table whether a page is the control VM's, and counts it.
 *
 * Who may touch what. A call that is about a guest holds it (guest_hold()), which keeps it and its
 * vCPUs there. guest->vm.lock is for its memory and for adding vCPUs. A vCPU's state belongs to
 * whoever has claimed it; others only post (guest_deliver()).
 *
 * Sleep: a vCPU whose run ends in HALT says so (`sleeping`) before it looks a last time for what it
 * could do. Who posts something takes `sleeping` back after that, and if it was set, the control VM
 * is told to run the vCPU again. So no post is lost between the two.
 */
#ifndef CORE_GUEST_GUEST_H
#define CORE_GUEST_GUEST_H

#include "mullion/guest.h"
#include "vm/vcpu.h"

enum guest_state { GUEST_NONE, GUEST_LIVE, GUEST_CHANGING, GUEST_DYING };

struct guest {
	struct vm vm;
	uint32_t state; /* enum guest_state; atomic */
	uint32_t users; /* calls that hold it; atomic */
};

/* Beside those of vm/vcpu.h: the run shall end. Kept until one does. */
#define GUEST_EVENT_KICK (1U << 16)

struct guest_vcpu {
	struct vcpu vcpu;		/* comes first; its number is not a pCPU's */
	struct mullion_vcpu_page *page; /* the control VM's: written at will, read once */
	hpa_t own, page_address;
	uint32_t claimed;    /* atomic: somebody uses it, or it is being run */
	uint32_t sleeping;   /* atomic */
	uint32_t pcpu;	     /* atomic: 1 + that of the run; 0: there is none */
	bool window;	     /* the run ends when an interrupt can be taken */
	bool hyperv_apic;    /* its CPUID offers Hyper-V's MSRs of the APIC */
	uint32_t wait;	     /* of the page, in this run; */
	uint64_t wait_end;   /* counted from its begin, or from the last HLT */
	bool near;	     /* the timer that it waits for: what is left is no time to sleep */
	uint64_t not_before; /* the TSC at a timer that was taken as over; 0: none */
	uint32_t cpuid_count;
	struct mullion_cpuid cpuid[MULLION_CPUID_MAX];
};
_Static_assert(sizeof(struct guest_vcpu) <= PAGE_SIZE, "a guest's vCPU fits a frame");
_Static_assert(MULLION_GUEST_VCPUS <= VM_MAX_VCPUS, "guests' vCPUs");

static inline struct guest_vcpu *guest_vcpu_of(struct vcpu *vcpu)
{
	return (struct guest_vcpu *)vcpu;
}

/* ---- guest.c: life and memory ---- */

/* The guest of a number below MULLION_GUESTS, which stays until guest_release(); NULL: there is
 * none. For no longer than a call. */
struct guest *guest_hold(unsigned number);
void guest_release(struct guest *guest);

/* As the calls of these names; they, too, may return HYPERCALL_AGAIN. */
int64_t guest_create(struct vm *control);
int64_t guest_destroy(unsigned number); /* the caller does not hold it */
int guest_map(struct guest *guest, struct vm *control, const struct mullion_guest_range *range);
int64_t guest_unmap(struct guest *guest, uint64_t start, uint64_t size);
int64_t guest_dirty(struct guest *guest, struct vm *control, uint64_t start, size_t pages,
		    gpa_t bits);

/* ---- vcpu.c: vCPUs and their state ---- */

int guest_vcpu_create(struct guest *guest, struct vm *control, unsigned number, gpa_t page);
void guest_vcpu_destroy(struct guest_vcpu *gv); /* claimed */
/* NULL: there is none. */
struct guest_vcpu *guest_vcpu_find(struct guest *guest, unsigned number);
bool guest_vcpu_claim(struct guest_vcpu *gv);
void guest_vcpu_unclaim(struct guest_vcpu *gv);

/* Of a claimed one that is not being run: the page's dirty parts in (-EINVAL: none of them), all of
 * the state out. */
int guest_vcpu_load(struct guest_vcpu *gv);
void guest_vcpu_store(struct guest_vcpu *gv);

/* Items of claimed ones, as VCPU_GET and VCPU_SET; of the size that they have. */
bool guest_item_size_is_good(uint64_t item, uint64_t size);
int guest_vcpu_get(struct guest_vcpu *gv, struct vm *control, uint64_t item, gpa_t memory);
int guest_vcpu_set(struct guest_vcpu *gv, struct vm *control, uint64_t item, gpa_t memory,
		   uint64_t size);
int64_t guest_vcpu_translate(struct guest_vcpu *gv, uint64_t linear, uint64_t access);

/* The vCPU's TSC now. */
uint64_t guest_tsc(const struct vcpu *vcpu);
void guest_set_tsc(struct vcpu *vcpu, uint64_t offset);
/* The machine's TSC at its next timer interrupt; 0: none. */
uint64_t guest_deadline(const struct vcpu *vcpu);

/* ---- exit.c ---- */

#define GUEST_GOES_ON (-1)
/* What an exit means: GUEST_GOES_ON, or why the run ends (enum mullion_exit_reason; its details are
 * in the page). On the pCPU, after the vendor's run(). */
int guest_exit(struct guest_vcpu *gv, const struct vcpu_exit *exit);
/* cpuid.c: what the guest sees in a leaf. On the vCPU's pCPU. */
struct cpuid guest_cpuid(const struct guest_vcpu *gv, uint32_t leaf, uint32_t subleaf);

/* ---- run.c ---- */

/* The control VM's vCPU, which is in a hypercall, lends its time for a run of a claimed vCPU. If
 * the run has begun, outer->inner is the vCPU, and the rest, the claim's end too, is the run loop's
 * (vm/run.c). 0, or -EINVAL. */
int guest_run_begin(struct vcpu *outer, struct guest_vcpu *gv);
/* Before guest mode: whether the run goes on; otherwise it has ended, or outer is still LENDING and
 * it waits. */
bool guest_run_prepare(struct vcpu *outer);
/* The run has nothing to do but to wait in a HLT, until guest_run_deadline() or a kick. */
bool guest_run_waits(struct vcpu *outer, uint64_t now);
/* When its pCPU has to look at the run again; 0: no time. */
uint64_t guest_run_deadline(const struct vcpu *outer);
void guest_run_end(struct vcpu *outer, enum mullion_exit_reason reason);

/* One message to one vCPU, any CPU. Returns whether its sleep has to be ended by the control VM. */
bool guest_deliver(struct guest_vcpu *gv, enum vlapic_delivery delivery, uint8_t vector,
		   bool level);
/* Its run ends soon, or the next one at once. Any CPU. */
void guest_kick(struct guest_vcpu *gv);

#endif
