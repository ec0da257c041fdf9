/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A run of a guest's vCPU, between the hypercall that begins it and its end. The run loop
 * (vm/run.c) has the control VM's vCPU as ever: it goes by its priority, and its interrupts end the
 * run.
 */
#include "guest/guest.h"

#include "lib/errno.h"
#include "vm/vendor.h"
#include "x86/cpu.h"
#include "x86/machine.h"

/* ---- posting ---- */

/* What was posted before shall be seen soon by the run, if there is one. */
static void interrupt_run(struct guest_vcpu *gv)
{
	uint32_t pcpu = __atomic_load_n(&gv->pcpu, __ATOMIC_SEQ_CST);

	if (pcpu)
		pcpu_kick(pcpu - 1);
}

void guest_kick(struct guest_vcpu *gv)
{
	__atomic_fetch_or(&gv->vcpu.events, GUEST_EVENT_KICK, __ATOMIC_SEQ_CST);
	interrupt_run(gv);
}

/* Either fall_asleep() sees in its last look what was posted before, or this sees that it sleeps.
 */
static bool wake(struct guest_vcpu *gv)
{
	if (__atomic_exchange_n(&gv->sleeping, 0, __ATOMIC_SEQ_CST))
		return true;
	interrupt_run(gv);
	return false;
}

bool guest_deliver(struct guest_vcpu *gv, enum vlapic_delivery delivery, uint8_t vector, bool level)
{
	uint32_t event;

	switch (delivery) {
	case VLAPIC_FIXED:
	case VLAPIC_LOWEST:
		vlapic_post(&gv->vcpu.lapic, vector, level);
		return wake(gv);
	case VLAPIC_NMI:
		event = VCPU_EVENT_NMI;
		break;
	case VLAPIC_INIT:
		event = VCPU_EVENT_INIT;
		break;
	case VLAPIC_STARTUP:
		event = VCPU_EVENT_STARTUP | (uint32_t)vector << 8;
		break;
	case VLAPIC_SMI: /* guests have no SMM */
	default:
		return false;
	}
	__atomic_fetch_or(&gv->vcpu.events, event, __ATOMIC_SEQ_CST);
	return wake(gv);
}

/* ---- what was posted ---- */

static void take_startup(struct guest_vcpu *gv)
{
	struct vcpu *vcpu = &gv->vcpu;
	uint32_t events = __atomic_load_n(&vcpu->events, __ATOMIC_ACQUIRE);

	if (events & VCPU_EVENT_INIT) {
		bool bsp = vcpu->lapic.base_msr & 1U << 8;

		/* A start-up IPI that came after it stays. */
		events = __atomic_and_fetch(&vcpu->events, ~(VCPU_EVENT_INIT | VCPU_EVENT_NMI),
					    __ATOMIC_ACQ_REL);
		vlapic_reset(&vcpu->lapic, vcpu->lapic.id, bsp, tsc_hz, true);
		vendor->put(vcpu);
		vendor->vcpu_reset(vcpu);
		vcpu->registers[RDX] = guest_cpuid(gv, 1, 0).eax;
		vcpu->state = bsp ? VCPU_READY : VCPU_OFF;
	}
	if (events & VCPU_EVENT_STARTUP) {
		__atomic_fetch_and(&vcpu->events, ~(VCPU_EVENT_STARTUP | 0xff00U),
				   __ATOMIC_ACQ_REL);
		if (vcpu->state != VCPU_OFF)
			return;
		vendor->vcpu_startup(vcpu, (uint8_t)(events >> 8));
		vcpu->state = VCPU_READY;
	}
}

/* Whether it has something to do, if it is halted or waits for its start. */
static bool has_work(struct guest_vcpu *gv)
{
	struct vcpu *vcpu = &gv->vcpu;
	uint32_t events = __atomic_load_n(&vcpu->events, __ATOMIC_ACQUIRE);

	if (events & (VCPU_EVENT_INIT | GUEST_EVENT_KICK))
		return true;
	if (vcpu->state == VCPU_OFF)
		return events & VCPU_EVENT_STARTUP;
	return (events & VCPU_EVENT_NMI && vendor->nmi_open(vcpu)) ||
	       (vlapic_pending(&vcpu->lapic) >= 0 && vendor->interruptible(vcpu));
}

/* Whether the vCPU sleeps now: from here on, whoever posts to it wakes it. */
static bool fall_asleep(struct guest_vcpu *gv)
{
	__atomic_store_n(&gv->sleeping, 1, __ATOMIC_SEQ_CST);
	if (!has_work(gv))
		return true;
	__atomic_store_n(&gv->sleeping, 0, __ATOMIC_SEQ_CST);
	return false;
}

/* ---- the run ---- */

int guest_run_begin(struct vcpu *outer, struct guest_vcpu *gv)
{
	int error = guest_vcpu_load(gv);

	if (error)
		return error;
	__atomic_store_n(&gv->sleeping, 0, __ATOMIC_SEQ_CST);
	gv->window = gv->page->request_window;
	gv->wait = __atomic_load_n(&gv->page->wait, __ATOMIC_RELAXED);
	gv->wait_end = rdtsc() + gv->wait;
	if (gv->page->immediate) {
		__atomic_fetch_and(&gv->vcpu.events, ~GUEST_EVENT_KICK, __ATOMIC_ACQ_REL);
		take_startup(gv); /* who saves it now must not lose that */
		gv->page->reason = MULLION_EXIT_INTERRUPT;
		guest_vcpu_store(gv);
		return 0;
	}
	gv->page->length = 0;
	outer->inner = &gv->vcpu;
	outer->state = VCPU_LENDING;
	/* Before it is looked for what is posted (interrupt_run()). */
	__atomic_store_n(&gv->pcpu, outer->number + 1, __ATOMIC_SEQ_CST);
	return 0;
}

/* A wait for the local timer ends so much earlier, and the rest of it is spent looking at the
 * clock: what comes between a timer's interrupt and the guest is done by then. */
static uint64_t early(void)
{
	return tsc_hz / 500000;
}

bool guest_run_waits(struct vcpu *outer, uint64_t now)
{
	struct guest_vcpu *gv = guest_vcpu_of(outer->inner);
	uint64_t timer;

	gv->near = false;
	if (outer->inner->state != VCPU_HALTED || now >= gv->wait_end || outer->events != 0 ||
	    vlapic_pending(&outer->lapic) >= 0 || has_work(gv))
		return false;
	timer = guest_deadline(outer->inner);
	gv->near = timer != 0 && timer <= now + early();
	return !gv->near;
}

uint64_t guest_run_deadline(const struct vcpu *outer)
{
	const struct guest_vcpu *gv = guest_vcpu_of(outer->inner);
	uint64_t timer = guest_deadline(outer->inner);

	if (outer->inner->state != VCPU_HALTED)
		return timer;
	if (gv->near) /* guest_run_prepare() is about to take it as over */
		return 0;
	return timer == 0 || gv->wait_end < timer - early() ? gv->wait_end : timer - early();
}

bool guest_run_prepare(struct vcpu *outer)
{
	struct vcpu *vcpu = outer->inner;
	struct guest_vcpu *gv = guest_vcpu_of(vcpu);
	uint64_t now;

	for (;;) {
		if (__atomic_load_n(&vcpu->events, __ATOMIC_ACQUIRE) & GUEST_EVENT_KICK ||
		    outer->events != 0 || vlapic_pending(&outer->lapic) >= 0) {
			guest_run_end(outer, MULLION_EXIT_INTERRUPT);
			return false;
		}
		if (vcpu->events & (VCPU_EVENT_INIT | VCPU_EVENT_STARTUP))
			take_startup(gv);
		now = rdtsc();
		vlapic_tick(&vcpu->lapic, now + vcpu->tsc_offset);
		if (vcpu->state == VCPU_HALTED && has_work(gv))
			vcpu->state = VCPU_READY;
		if (gv->window && vcpu->state != VCPU_OFF && vendor->interruptible(vcpu)) {
			guest_run_end(outer, MULLION_EXIT_WINDOW);
			return false;
		}
		if (vcpu->state == VCPU_READY)
			break;
		if (guest_run_waits(outer, now))
			return false;
		if (gv->near) {
			gv->not_before = guest_deadline(vcpu);
			vlapic_tick(&vcpu->lapic, gv->not_before + vcpu->tsc_offset);
			gv->near = false;
			if (!has_work(gv)) { /* its timer may be over at once, for ever */
				gv->not_before = 0;
				guest_run_end(outer, MULLION_EXIT_INTERRUPT);
				return false;
			}
		} else if (fall_asleep(gv)) {
			guest_run_end(outer, MULLION_EXIT_HALT);
			return false;
		}
	}
	if (gv->window)
		vendor->open_window(vcpu);
	if (gv->not_before) {
		while (rdtsc() < gv->not_before)
			cpu_pause();
		gv->not_before = 0;
	}
	return true;
}

void guest_run_end(struct vcpu *outer, enum mullion_exit_reason reason)
{
	struct vcpu *vcpu = outer->inner;
	struct guest_vcpu *gv = guest_vcpu_of(vcpu);

	__atomic_fetch_and(&vcpu->events, ~GUEST_EVENT_KICK, __ATOMIC_ACQ_REL);
	__atomic_store_n(&gv->pcpu, 0, __ATOMIC_SEQ_CST);
	vendor->put(vcpu);
	gv->page->reason = reason;
	guest_vcpu_store(gv);
	outer->inner = NULL;
	outer->state = VCPU_READY;
	guest_vcpu_unclaim(gv);
}
