/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KVM's clock and the guests' TSCs. There is one scale of one TSC, which never stops, so a vCPU's
 * page in guest memory only changes when somebody sets a clock. Source: Linux,
 * Documentation/virt/kvm/x86/msr.rst.
 */
#include <linux/ktime.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <asm/kvm_para.h>
#include <asm/pvclock-abi.h>

#include "kvm-parts.h"
#include "kvm-msr-table.h"
#include "kvm-scale.h"

void mkvm_clock_init(struct mkvm_vm *vm)
{
	spin_lock_init(&vm->clock.lock);
	vm->clock.reference = rdtsc_ordered();
}

static u64 ns_at(const struct mkvm_clock *clock, u64 tsc)
{
	return clock->ns + mkvm_scale_ns(mkvm_scale(tsc_khz), tsc - clock->reference);
}

static u64 clock_now(struct mkvm_vm *vm)
{
	u64 now;

	spin_lock(&vm->clock.lock);
	now = ns_at(&vm->clock, rdtsc_ordered());
	spin_unlock(&vm->clock.lock);
	return now;
}

void mkvm_clock_origin(struct mkvm_vm *vm, u64 *tsc, u64 *ns, u64 *now)
{
	spin_lock(&vm->clock.lock);
	*tsc = vm->clock.reference + vm->clock.tsc_offset;
	*ns = vm->clock.ns;
	*now = rdtsc_ordered() + vm->clock.tsc_offset;
	spin_unlock(&vm->clock.lock);
}

/* ---- the TSC ---- */

u64 mkvm_clock_tsc(const struct mkvm_vcpu *vcpu)
{
	return rdtsc_ordered() + vcpu->page->tsc_offset;
}

/* From here on, so that the guest's TSC is not less than at the reference. */
static void set_offset(struct mkvm_clock *clock, u64 now, u64 offset)
{
	clock->tsc_offset = offset;
	clock->ns = ns_at(clock, now);
	clock->reference = now;
}

/*
 * vCPUs are set one after the other, to values that were one: who is set to what another was, plus
 * the time since or less than a second off, or to 0 (a new one), gets that one's TSC.
 */
void mkvm_clock_set_tsc(struct mkvm_vcpu *vcpu, u64 value)
{
	struct mkvm_clock *clock = &vcpu->vm->clock;
	u64 now, second = (u64)tsc_khz * 1000, expected;

	spin_lock(&clock->lock);
	now = rdtsc_ordered();
	expected = clock->tsc_value + (now - clock->tsc_when);
	if (!clock->tsc_set || (value && value - expected + second > 2 * second))
		set_offset(clock, now, value - now);
	clock->tsc_value = now + clock->tsc_offset;
	clock->tsc_when = now;
	clock->tsc_set = true;
	vcpu->page->tsc_offset = clock->tsc_offset;
	spin_unlock(&clock->lock);
	vcpu->page->dirty |= MULLION_DIRTY_TSC;
	WRITE_ONCE(vcpu->clock_changed, true);
}

void mkvm_clock_follow(struct mkvm_vcpu *vcpu)
{
	struct mkvm_clock *clock = &vcpu->vm->clock;

	spin_lock(&clock->lock);
	clock->tsc_when = rdtsc_ordered();
	set_offset(clock, clock->tsc_when, vcpu->page->tsc_offset);
	clock->tsc_value = clock->tsc_when + clock->tsc_offset;
	clock->tsc_set = true;
	spin_unlock(&clock->lock);
	WRITE_ONCE(vcpu->clock_changed, true);
}

/* ---- the clock ---- */

static void update(struct mkvm_vcpu *vcpu)
{
	const struct mkvm_scale scale = mkvm_scale(tsc_khz);
	u64 msr = vcpu->msrs[mkvm_msr_find(MSR_KVM_SYSTEM_TIME_NEW)->at], gpa = msr & ~1ULL;
	struct mkvm_vm *vm = vcpu->vm;
	struct pvclock_vcpu_time_info info, old;
	u32 version;

	if (!(msr & 1) || mkvm_memory_read(vm, gpa, &old, sizeof(old)))
		return;
	version = (old.version | 1) + 2;
	info = (struct pvclock_vcpu_time_info){
		.version = version,
		.tsc_to_system_mul = scale.mul,
		.tsc_shift = scale.shift,
		.flags = PVCLOCK_TSC_STABLE_BIT | (old.flags & PVCLOCK_GUEST_STOPPED),
	};
	if (vcpu->clock_paused)
		info.flags |= PVCLOCK_GUEST_STOPPED;
	vcpu->clock_paused = false;
	spin_lock(&vm->clock.lock);
	info.tsc_timestamp = vm->clock.reference + vcpu->page->tsc_offset;
	info.system_time = vm->clock.ns;
	spin_unlock(&vm->clock.lock);

	/* An odd version: who reads it now reads again. */
	if (mkvm_memory_write(vm, gpa, &version, sizeof(version)) ||
	    mkvm_memory_write(vm, gpa, &info, sizeof(info)))
		return;
	version++;
	mkvm_memory_write(vm, gpa, &version, sizeof(version));
}

void mkvm_clock_update(struct mkvm_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->clock_changed, false);
	smp_mb(); /* a change from here on is for the next time */
	update(vcpu);
	mkvm_hyperv_update(vcpu->vm);
}

void mkvm_clock_wall(struct mkvm_vcpu *vcpu, u64 gpa)
{
	struct pvclock_wall_clock wall;
	struct timespec64 start;
	u32 version;

	if (!gpa || mkvm_memory_read(vcpu->vm, gpa, &version, sizeof(version)))
		return;
	start = ns_to_timespec64(ktime_get_real_ns() - clock_now(vcpu->vm));
	wall.version = (version | 1) + 2;
	wall.sec = start.tv_sec;
	wall.nsec = start.tv_nsec;
	version = wall.version + 1;
	if (!mkvm_memory_write(vcpu->vm, gpa, &wall, sizeof(wall)))
		mkvm_memory_write(vcpu->vm, gpa, &version, sizeof(version));
}

int mkvm_clock_control(struct mkvm_vcpu *vcpu)
{
	if (!(vcpu->msrs[mkvm_msr_find(MSR_KVM_SYSTEM_TIME_NEW)->at] & 1))
		return -EINVAL;
	vcpu->clock_paused = true;
	WRITE_ONCE(vcpu->clock_changed, true);
	return 0;
}

static long get_clock(struct mkvm_vm *vm, void __user *user)
{
	struct kvm_clock_data data = {.clock = clock_now(vm), .flags = KVM_CLOCK_TSC_STABLE};

	return copy_to_user(user, &data, sizeof(data)) ? -EFAULT : 0;
}

static long set_clock(struct mkvm_vm *vm, void __user *user)
{
	struct kvm_clock_data data;
	u32 n;

	if (copy_from_user(&data, user, sizeof(data)))
		return -EFAULT;
	if (data.flags & ~KVM_CLOCK_TSC_STABLE)
		return -EINVAL;
	spin_lock(&vm->clock.lock);
	vm->clock.reference = rdtsc_ordered();
	vm->clock.ns = data.clock;
	spin_unlock(&vm->clock.lock);
	for (n = 0; n < MULLION_GUEST_VCPUS; n++) {
		struct mkvm_vcpu *vcpu = smp_load_acquire(&vm->vcpus[n]);

		if (!vcpu)
			continue;
		WRITE_ONCE(vcpu->clock_changed, true);
		mullion_call(MULLION_CALL_VCPU_RAISE, vcpu->handle, MULLION_RAISE_KICK, 0, 0);
	}
	return 0;
}

long mkvm_clock_ioctl(struct mkvm_vm *vm, unsigned int number, void __user *argument)
{
	switch (number) {
	case KVM_GET_CLOCK:
		return get_clock(vm, argument);
	case KVM_SET_CLOCK:
		return set_clock(vm, argument);
	default:
		return -ENOTTY;
	}
}
