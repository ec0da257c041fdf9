/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KVM_RUN: the loop around the core's VCPU_RUN, with what may end it: signals, exits for the
 * program, and sleep while the guest is halted.
 */
#include <linux/hrtimer.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>

#include "kvm-parts.h"

/* A vCPU that halts waits in the core, where that costs no scheduling, while no other task wants
 * this CPU; for its timer this long before it is due, so that its sleep here ends in time. */
#define WAIT_US	 200
#define EARLY_US 25

/* And no longer at once, however far the timer is: as nanoseconds, 64 bits have that. */
#define SLEEP_US 3600000000U

static u64 ticks(u32 us)
{
	return (u64)us * tsc_khz / 1000;
}

void mkvm_run_wake(struct mkvm_vm *vm, u32 mask)
{
	u32 n;

	for (n = 0; n < MULLION_GUEST_VCPUS; n++) {
		struct mkvm_vcpu *vcpu = mask & BIT(n) ? smp_load_acquire(&vm->vcpus[n]) : NULL;

		if (!vcpu)
			continue;
		WRITE_ONCE(vcpu->woken, true);
		wake_up(&vcpu->wait);
	}
}

/* Until it is woken, a signal comes, the machine's TSC is nearly at timer (0: never), or it is time
 * to look again. What woke it before, and since the run began, counts. */
static void sleep_until(struct mkvm_vcpu *vcpu, u64 timer)
{
	DEFINE_WAIT(wait);
	ktime_t end = 0;

	if (timer) {
		u64 now = rdtsc_ordered() + ticks(EARLY_US), left;

		if (timer <= now)
			return;
		left = min(timer - now, ticks(SLEEP_US));
		end = ktime_add_ns(ktime_get(), mul_u64_u32_div(left, 1000000, tsc_khz) + 1);
	}
	for (;;) {
		prepare_to_wait(&vcpu->wait, &wait, TASK_INTERRUPTIBLE);
		if (READ_ONCE(vcpu->woken) || signal_pending(current))
			break;
		if (!timer)
			schedule();
		else if (!schedule_hrtimeout_range(&end, 0, HRTIMER_MODE_ABS))
			break;
	}
	finish_wait(&vcpu->wait, &wait);
}

static bool interruptible(const struct mullion_vcpu_page *page)
{
	return page->interruptible && page->rflags & X86_EFLAGS_IF &&
	       !(page->event & MULLION_EVENT_VALID) && !(page->flags & MULLION_FLAG_SHADOW);
}

/* The program's PIC may give the guest an interrupt now. */
static bool ready_for_interrupt(const struct mkvm_vcpu *vcpu)
{
	return vcpu->external == MKVM_NO_VECTOR && interruptible(vcpu->page) &&
	       (vcpu->page->accepts_pic || !vcpu->vm->split);
}

/* KVM_INTERRUPT's vector, as soon as the guest takes it. */
static void give_external(struct mkvm_vcpu *vcpu)
{
	struct mullion_vcpu_page *page = vcpu->page;

	if (vcpu->external == MKVM_NO_VECTOR || !interruptible(page))
		return;
	page->event = MULLION_EVENT_VALID | MULLION_EVENT_INTERRUPT | vcpu->external;
	page->event_code = 0;
	page->activity = MULLION_RUNNABLE;
	page->dirty |= MULLION_DIRTY_EVENTS | MULLION_DIRTY_ACTIVITY;
	vcpu->external = MKVM_NO_VECTOR;
}

/* How long it may be halted in the core. */
static u32 wait_ticks(const struct mullion_vcpu_page *page)
{
	u64 left = page->timer - rdtsc();

	if (single_task_running())
		return ticks(WAIT_US);
	if (page->activity == MULLION_HALTED && page->timer && left < ticks(2 * EARLY_US))
		return left + ticks(1);
	return 0;
}

/* One run of the core's. 0: it left, and the page says why; 1: it did not come to that. */
static int enter(struct mkvm_vcpu *vcpu)
{
	struct mullion_vcpu_page *page = vcpu->page;
	struct kvm_run *run = vcpu->run;
	u64 offset = page->tsc_offset;
	long result;

	if (READ_ONCE(vcpu->clock_changed))
		mkvm_clock_update(vcpu);
	if (vcpu->steals)
		mkvm_steal_update(vcpu);
	give_external(vcpu);
	page->request_window =
		vcpu->external != MKVM_NO_VECTOR || (READ_ONCE(run->request_interrupt_window) &&
						     (page->accepts_pic || !vcpu->vm->split));
	WRITE_ONCE(vcpu->woken, false);
	vcpu->rounds = 0;
	local_irq_disable();
	if (signal_pending(current) || need_resched()) {
		local_irq_enable();
		return 1;
	}
	page->wait = vcpu->vm->split ? wait_ticks(page) : 0;
	result = mullion_call(MULLION_CALL_VCPU_RUN, vcpu->handle, 0, 0, 0);
	local_irq_enable();
	if (page->tsc_offset != offset)
		mkvm_clock_follow(vcpu);
	if (!result)
		return 0;
	if (result != -EINVAL)
		return result;
	/* The state is not one that a CPU can have. */
	page->reason = MULLION_EXIT_REFUSED;
	page->code = 0;
	return 0;
}

static int halted(struct mkvm_vcpu *vcpu)
{
	struct mullion_vcpu_page *page = vcpu->page;

	if (!vcpu->vm->split) {
		/* A userspace APIC: it is the program that waits, and for KVM the vCPU runs. */
		page->activity = MULLION_RUNNABLE;
		page->dirty |= MULLION_DIRTY_ACTIVITY;
		vcpu->run->exit_reason = KVM_EXIT_HLT;
		return 1;
	}
	if (vcpu->external == MKVM_NO_VECTOR || !interruptible(page))
		sleep_until(vcpu, page->timer);
	return 0;
}

static int run_loop(struct mkvm_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	int result;

	for (;;) {
		if (signal_pending(current)) {
			run->exit_reason = KVM_EXIT_INTR;
			return -EINTR;
		}
		cond_resched();
		result = enter(vcpu);
		if (result < 0)
			return result;
		if (result)
			continue;
		if (vcpu->page->reason != MULLION_EXIT_HALT)
			result = mkvm_exit(vcpu);
		if (result)
			return min(result, 0);
		if (READ_ONCE(run->request_interrupt_window) && ready_for_interrupt(vcpu)) {
			run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
			return 0;
		}
		if (vcpu->page->reason == MULLION_EXIT_HALT && halted(vcpu))
			return 0;
	}
}

long mkvm_run(struct mkvm_vcpu *vcpu)
{
	struct mullion_vcpu_page *page = vcpu->page;
	struct kvm_run *run = vcpu->run;
	int (*complete)(struct mkvm_vcpu * vcpu) = vcpu->complete;
	sigset_t before;
	int result = 0;

	run->exit_reason = KVM_EXIT_UNKNOWN;
	if (READ_ONCE(run->kvm_valid_regs) || READ_ONCE(run->kvm_dirty_regs))
		return -EINVAL;
	if (vcpu->signals_set)
		sigprocmask(SIG_SETMASK, &vcpu->signals, &before);
	vcpu->complete = NULL;
	if (complete)
		result = complete(vcpu);
	if (!result && READ_ONCE(run->immediate_exit)) {
		run->exit_reason = KVM_EXIT_INTR;
		result = -EINTR;
	} else if (!result) {
		result = run_loop(vcpu);
	}
	if (vcpu->signals_set)
		sigprocmask(SIG_SETMASK, &before, NULL);

	run->if_flag = !!(page->rflags & X86_EFLAGS_IF);
	run->flags = 0;
	run->cr8 = page->cr8;
	run->apic_base = vcpu->vm->split ? page->apic_base : vcpu->apic_base;
	run->ready_for_interrupt_injection = ready_for_interrupt(vcpu);
	return min(result, 0);
}
