/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The run loop of a pCPU. Interrupt handlers only set bits (posted vectors, pcpu->attention); the
 * loop looks at them with interrupts off, so that what comes after the look ends guest mode or HLT.
 *
 * Priority: the UI VM's vCPU, but of each period while both have work no more than its budget.
 */
#include "vm/run.h"

#include "guest/guest.h"
#include "lib/log.h"
#include "vm/exit.h"
#include "vm/lifecycle.h"
#include "vm/trace.h"
#include "vm/vendor.h"
#include "x86/cpu.h"
#include "x86/interrupt.h"
#include "x86/machine.h"
#include "x86/pcpu.h"

#define PERIOD_MS 10
#define BUDGET_MS 6

struct runner {
	struct vcpu *vcpus[VM_MAX];  /* by priority */
	uint64_t passes;	     /* atomic: entries and exits of guest mode; odd: in it */
	uint64_t armed;		     /* the deadline the local APIC's timer has */
	uint64_t period_start, used; /* TSC */
	uint64_t slice_end;	     /* TSC; 0: nobody waits */
};

static struct runner runners[PCPU_MAX];

static bool is_running(const struct vm *vm)
{
	return __atomic_load_n(&vm->state, __ATOMIC_ACQUIRE) == VM_RUNNING &&
	       __atomic_load_n(&vm->stop, __ATOMIC_ACQUIRE) == VM_STOP_NONE;
}

static void take_startup_events(struct vcpu *vcpu)
{
	uint32_t events = __atomic_load_n(&vcpu->events, __ATOMIC_ACQUIRE);

	if (events & VCPU_EVENT_INIT) {
		/* A start-up IPI that came after it stays. */
		__atomic_fetch_and(&vcpu->events, ~(VCPU_EVENT_INIT | VCPU_EVENT_NMI),
				   __ATOMIC_ACQ_REL);
		vlapic_reset(&vcpu->lapic, vcpu->lapic.id, vcpu->number == 0, tsc_hz, true);
		vendor->put(vcpu);
		vendor->vcpu_reset(vcpu);
		vcpu->state = VCPU_OFF;
		events = __atomic_load_n(&vcpu->events, __ATOMIC_ACQUIRE);
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

/* Whether the vCPU has something to do now; takes what has been posted to it. */
static bool is_ready(struct vcpu *vcpu, uint64_t now)
{
	if (!is_running(vcpu->vm)) {
		if (!vcpu->parked &&
		    __atomic_load_n(&vcpu->vm->state, __ATOMIC_ACQUIRE) == VM_STOPPING) {
			vendor->put(vcpu);
			vcpu->state = VCPU_OFF;
			__atomic_store_n(&vcpu->parked, 1, __ATOMIC_RELEASE);
		}
		return false;
	}
	/* What it has lent comes to an end first (guest_run_prepare()). */
	if (vcpu->events & (VCPU_EVENT_INIT | VCPU_EVENT_STARTUP) && vcpu->state != VCPU_LENDING)
		take_startup_events(vcpu);
	if (vcpu->state == VCPU_OFF)
		return false;
	if (vlapic_tick(&vcpu->lapic, now))
		counter_add(vcpu->vm, COUNTER_TIMERS, 1);
	if (vcpu->state == VCPU_HALTED &&
	    ((vcpu->events & VCPU_EVENT_NMI && vendor->nmi_open(vcpu)) ||
	     (vlapic_pending(&vcpu->lapic) >= 0 && vendor->interruptible(vcpu))))
		vcpu->state = VCPU_READY;
	return vcpu->state == VCPU_READY ||
	       (vcpu->state == VCPU_LENDING && !guest_run_waits(vcpu, now));
}

static struct vcpu *pick(struct runner *runner, uint64_t now)
{
	struct vcpu *first = NULL, *second = NULL;
	uint64_t budget = tsc_hz / 1000 * BUDGET_MS, period = tsc_hz / 1000 * PERIOD_MS;

	__atomic_store_n(&this_pcpu()->attention, 0, __ATOMIC_SEQ_CST);
	for (size_t i = 0; i < VM_MAX; i++) {
		struct vcpu *vcpu = runner->vcpus[i];

		if (vcpu == NULL || !is_ready(vcpu, now))
			continue;
		if (first == NULL)
			first = vcpu;
		else
			second = vcpu;
	}
	runner->slice_end = 0;
	if (second == NULL)
		return first;
	if (now - runner->period_start >= period) {
		runner->period_start = now;
		runner->used = 0;
	}
	if (runner->used < budget) {
		runner->slice_end = now + (budget - runner->used);
		return first;
	}
	runner->slice_end = runner->period_start + period;
	return second;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static void arm_timer(struct runner *runner)
{
	uint64_t deadline = runner->slice_end;

	for (size_t i = 0; i < VM_MAX; i++) {
		const struct vcpu *vcpu = runner->vcpus[i];

		if (vcpu == NULL || vcpu->state == VCPU_OFF)
			continue;
		deadline = earlier(deadline, vlapic_deadline(&vcpu->lapic));
		if (vcpu->state == VCPU_LENDING)
			deadline = earlier(deadline, guest_run_deadline(vcpu));
	}
	if (this_pcpu()->number == 0)
		deadline = earlier(deadline, lifecycle_deadline());
	/* One that came early has to come again: who runs may never leave by itself. */
	if (deadline != runner->armed || this_pcpu()->timer_over) {
		this_pcpu()->timer_over = false;
		runner->armed = deadline;
		lapic_arm_timer(deadline);
	}
}

/* The guest's deadline comes to those that it is armed for since run_or_lend() began. */
static void arm_for_inner(struct runner *runner, const struct vcpu *vcpu, uint64_t deadline)
{
	if (this_pcpu()->timer_over ||
	    (deadline != 0 && earlier(runner->armed, guest_run_deadline(vcpu)) != runner->armed))
		arm_timer(runner);
}

static bool wants_attention(void)
{
	return __atomic_load_n(&this_pcpu()->attention, __ATOMIC_SEQ_CST) != 0;
}

/* Runs the vCPU until another might have to. */
static void run(struct runner *runner, struct vcpu *vcpu)
{
	uint64_t deadline = vlapic_deadline(&vcpu->lapic);
	struct trace *trace = trace_of(vcpu->number);
	struct vcpu_exit exit = {.kind = EXIT_NOTHING};

	do {
		__atomic_fetch_add(&runner->passes, 1, __ATOMIC_SEQ_CST);
		vendor->run(vcpu, &exit);
		__atomic_fetch_add(&runner->passes, 1, __ATOMIC_SEQ_CST);
		counter_add(vcpu->vm, COUNTER_EXITS, 1);
		trace_exit(trace, vcpu, &exit);
		exit_handlers[exit.kind](vcpu, &exit);
		/* Of what the timer is armed for, only this changes here. */
		if (vlapic_deadline(&vcpu->lapic) != deadline) {
			deadline = vlapic_deadline(&vcpu->lapic);
			arm_timer(runner);
		}
		/* Attention makes it EXIT_NOTHING. */
	} while (exit.kind != EXIT_NOTHING && vcpu->state == VCPU_READY &&
		 (runner->armed == 0 || rdtsc() < runner->armed));
}

/* Runs the guest's vCPU that this one has lent its time to, unless it waits. Returns whether that
 * has ended, and the vCPU may go on itself. */
static bool run_inner(struct runner *runner, struct vcpu *vcpu)
{
	struct trace *trace = trace_of(vcpu->number);
	struct vcpu *inner = vcpu->inner;
	struct vcpu_exit exit = {.kind = EXIT_NOTHING};

	while (guest_run_prepare(vcpu)) {
		uint64_t deadline = vlapic_deadline(&inner->lapic);

		arm_for_inner(runner, vcpu, deadline);
		do {
			int reason;

			__atomic_fetch_add(&runner->passes, 1, __ATOMIC_SEQ_CST);
			vendor->run(inner, &exit);
			__atomic_fetch_add(&runner->passes, 1, __ATOMIC_SEQ_CST);
			counter_add(vcpu->vm, COUNTER_GUEST_EXITS, 1);
			trace_exit(trace, inner, &exit);
			reason = guest_exit(guest_vcpu_of(inner), &exit);
			if (reason != GUEST_GOES_ON) {
				guest_run_end(vcpu, (enum mullion_exit_reason)reason);
				return true;
			}
			if (vlapic_deadline(&inner->lapic) != deadline) {
				deadline = vlapic_deadline(&inner->lapic);
				arm_timer(runner);
			}
			if (exit.kind == EXIT_NOTHING ||
			    (runner->armed != 0 && rdtsc() >= runner->armed))
				return false;
		} while (inner->state == VCPU_READY);
	}
	/* An INIT of its own comes first. */
	return vcpu->state == VCPU_READY && vcpu->events == 0;
}

/* Runs the vCPU, or what it has lent its time to, until another might have to. */
static void run_or_lend(struct runner *runner, struct vcpu *vcpu)
{
	arm_timer(runner);
	do {
		if (vcpu->state == VCPU_READY)
			run(runner, vcpu);
	} while (vcpu->state == VCPU_LENDING && run_inner(runner, vcpu));
}

static void idle(struct runner *runner)
{
	arm_timer(runner);
	if (wants_attention() || (this_pcpu()->number == 0 && lifecycle_has_work()))
		return;
	if (runner->armed != 0 && rdtsc() >= runner->armed)
		return;
	/* STI holds interrupts off for one more instruction. */
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}

static void add_vcpu(struct runner *runner, unsigned place, const struct vm *vm)
{
	unsigned number = this_pcpu()->number;

	if (vm != NULL && number < vm->vcpu_count)
		runner->vcpus[place] = vm->vcpus[number];
}

_Noreturn void machine_run_cpu(void)
{
	struct pcpu *pcpu = this_pcpu();
	struct runner *runner = &runners[pcpu->number];

	if (vendor->cpu_init() != 0)
		core_panic(REASON_OUT_OF_FRAMES, "for CPU %u", pcpu->number);
	add_vcpu(runner, 0, vm_of_kind(VM_UI));
	add_vcpu(runner, 1, vm_of_kind(VM_CONTROL));
	for (;;) {
		struct vcpu *vcpu;
		uint64_t now;

		if (pcpu->number == 0)
			lifecycle_poll();
		now = rdtsc();
		vcpu = pick(runner, now);
		if (vcpu == NULL) {
			idle(runner);
			continue;
		}
		run_or_lend(runner, vcpu);
		if (vcpu == runner->vcpus[0] && runner->slice_end != 0)
			runner->used += rdtsc() - now;
	}
}

void run_sync_all(void)
{
	for (unsigned i = 0; i < pcpu_count; i++) {
		struct runner *runner = &runners[i];
		uint64_t passes = __atomic_load_n(&runner->passes, __ATOMIC_SEQ_CST);

		if (pcpu_list[i] == this_pcpu() || passes % 2 == 0)
			continue;
		lapic_send(pcpu_list[i]->apic_id, VECTOR_KICK);
		while (__atomic_load_n(&runner->passes, __ATOMIC_SEQ_CST) == passes)
			cpu_pause();
	}
}
