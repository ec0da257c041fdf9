/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guests that know Hyper-V better than KVM (Windows): its MSRs but for the APIC's, which are the
 * core's, its page of reference time, hypercalls. What they are is in kvm-enlighten.h.
 */
#include "kvm-parts.h"
#include "kvm-enlighten.h"

void mkvm_hyperv_init(struct mkvm_vm *vm)
{
	mutex_init(&vm->hyperv.lock);
}

static u64 gpa_of(u64 msr)
{
	return msr & PAGE_MASK;
}

/* ---- time ---- */

static u64 reference_time(struct mkvm_vm *vm)
{
	struct mkvm_enlighten_page page;
	u64 tsc, ns, now;

	mkvm_clock_origin(vm, &tsc, &ns, &now);
	mkvm_enlighten_set(&page, mkvm_scale(tsc_khz), tsc, ns);
	return mkvm_enlighten_time(&page, now);
}

static void write_page(struct mkvm_vm *vm, u64 gpa)
{
	struct mkvm_enlighten_page page, old;
	u32 sequence = 0;
	u64 tsc, ns, now;

	if (mkvm_memory_read(vm, gpa, &old, sizeof(old)))
		return;
	mkvm_clock_origin(vm, &tsc, &ns, &now);
	mkvm_enlighten_set(&page, mkvm_scale(tsc_khz), tsc, ns);
	if (old.sequence && old.scale == page.scale && old.offset == page.offset)
		return; /* another vCPU was first */
	/* Who reads it now asks for the MSR. */
	page.sequence = sequence;
	if (mkvm_memory_write(vm, gpa, &sequence, sizeof(sequence)) ||
	    mkvm_memory_write(vm, gpa, &page, sizeof(page)))
		return;
	sequence = mkvm_enlighten_next(old.sequence);
	mkvm_memory_write(vm, gpa, &sequence, sizeof(sequence));
}

void mkvm_hyperv_update(struct mkvm_vm *vm)
{
	struct mkvm_hyperv *hv = &vm->hyperv;

	if (!(READ_ONCE(hv->reference) & MKVM_HV_ENABLE))
		return;
	mutex_lock(&hv->lock);
	if (hv->reference & MKVM_HV_ENABLE)
		write_page(vm, gpa_of(hv->reference));
	mutex_unlock(&hv->lock);
}

/* ---- MSRs ---- */

int mkvm_hyperv_get(struct mkvm_vcpu *vcpu, u32 index, u64 *value)
{
	const struct mkvm_hyperv *hv = &vcpu->vm->hyperv;

	switch (index) {
	case MKVM_HV_MSR_GUEST_OS:
		*value = READ_ONCE(hv->guest_os);
		return 0;
	case MKVM_HV_MSR_HYPERCALL:
		*value = READ_ONCE(hv->hypercall);
		return 0;
	case MKVM_HV_MSR_INDEX:
		*value = vcpu->hyperv_index;
		return 0;
	case MKVM_HV_MSR_COUNTER:
		*value = reference_time(vcpu->vm);
		return 0;
	case MKVM_HV_MSR_REFERENCE:
		*value = READ_ONCE(hv->reference);
		return 0;
	case MKVM_HV_MSR_TSC_FREQUENCY:
		*value = tsc_khz * 1000ULL;
		return 0;
	case MKVM_HV_MSR_APIC_FREQUENCY:
		*value = MKVM_HV_APIC_HZ;
		return 0;
	case MKVM_HV_MSR_ASSIST:
		*value = vcpu->hyperv_assist;
		return 0;
	default:
		return -ENOENT;
	}
}

/* A program may restore it before the guest's memory. */
static int set_hypercall(struct mkvm_vm *vm, u64 value, bool host)
{
	struct mkvm_hyperv *hv = &vm->hyperv;

	if (!host && (!hv->guest_os || hv->hypercall & MKVM_HV_LOCKED))
		return 0;
	if (value & MKVM_HV_ENABLE &&
	    mkvm_memory_write(vm, gpa_of(value), mkvm_enlighten_call, MKVM_HV_CALL_SIZE) && !host)
		return -EINVAL;
	WRITE_ONCE(hv->hypercall, value);
	return 0;
}

static int set_shared(struct mkvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	struct mkvm_hyperv *hv = &vcpu->vm->hyperv;

	switch (index) {
	case MKVM_HV_MSR_GUEST_OS:
		WRITE_ONCE(hv->guest_os, value);
		if (!value) /* whoever it was, has gone */
			WRITE_ONCE(hv->hypercall, hv->hypercall & ~MKVM_HV_ENABLE);
		return 0;
	case MKVM_HV_MSR_HYPERCALL:
		return set_hypercall(vcpu->vm, value, host);
	default: /* written before the guest goes on */
		WRITE_ONCE(hv->reference, value);
		WRITE_ONCE(vcpu->clock_changed, true);
		return 0;
	}
}

static int set_assist(struct mkvm_vcpu *vcpu, u64 value, bool host)
{
	static const u32 nothing;

	if (!host && value & MKVM_HV_ENABLE &&
	    mkvm_memory_write(vcpu->vm, gpa_of(value), &nothing, sizeof(nothing)))
		return -EINVAL;
	vcpu->hyperv_assist = value;
	return 0;
}

int mkvm_hyperv_set(struct mkvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	struct mkvm_hyperv *hv = &vcpu->vm->hyperv;
	int error;

	switch (index) {
	case MKVM_HV_MSR_GUEST_OS:
	case MKVM_HV_MSR_HYPERCALL:
	case MKVM_HV_MSR_REFERENCE:
		mutex_lock(&hv->lock);
		error = set_shared(vcpu, index, value, host);
		mutex_unlock(&hv->lock);
		return error;
	case MKVM_HV_MSR_INDEX:
		if (!host || value >= MULLION_GUEST_VCPUS)
			return -EINVAL;
		vcpu->hyperv_index = value;
		return 0;
	case MKVM_HV_MSR_ASSIST:
		return set_assist(vcpu, value, host);
	default: /* only to be read; a program writes back what it saved */
		return host ? 0 : -EINVAL;
	}
}

/* ---- hypercalls ---- */

bool mkvm_hyperv_call(struct mkvm_vcpu *vcpu)
{
	if (!(vcpu->hyperv & MKVM_HV_HYPERCALL) || !READ_ONCE(vcpu->vm->hyperv.guest_os))
		return false;
	mkvm_enlighten_answer(vcpu->page);
	return true;
}
