/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's stolen time: how long a vCPU's thread could have run and did not, as Linux' scheduler
 * counts it. What the core gives to other VMs meanwhile is not in it. Source: Linux,
 * Documentation/virt/kvm/x86/msr.rst, MSR_KVM_STEAL_TIME.
 */
#include <linux/sched.h>
#include <asm/kvm_para.h>

#include "kvm-parts.h"
#include "kvm-msr-table.h"

static u64 waited(void)
{
#ifdef CONFIG_SCHED_INFO
	return current->sched_info.run_delay;
#else
	return 0;
#endif
}

static void write_page(struct mkvm_vcpu *vcpu, u64 gpa, u64 stolen)
{
	struct kvm_steal_time page;
	u32 version;

	if (mkvm_memory_read(vcpu->vm, gpa, &page, sizeof(page)))
		return;
	/* An odd version: who reads it now reads again. */
	version = (page.version | 1) + 2;
	page.version = version;
	page.steal += stolen;
	page.flags = 0;
	page.preempted = 0;
	if (mkvm_memory_write(vcpu->vm, gpa + offsetof(struct kvm_steal_time, version), &version,
			      sizeof(version)) ||
	    mkvm_memory_write(vcpu->vm, gpa, &page, sizeof(page)))
		return;
	version++;
	mkvm_memory_write(vcpu->vm, gpa + offsetof(struct kvm_steal_time, version), &version,
			  sizeof(version));
}

void mkvm_steal_set(struct mkvm_vcpu *vcpu, u64 msr)
{
	vcpu->steals = msr & KVM_MSR_ENABLED;
	vcpu->stealer = NULL;
}

void mkvm_steal_update(struct mkvm_vcpu *vcpu)
{
	u64 gpa = vcpu->msrs[mkvm_msr_find(MSR_KVM_STEAL_TIME)->at] & KVM_STEAL_VALID_BITS;
	u64 now = waited();

	/* What another thread has waited before it ran this vCPU is not the guest's. */
	if (vcpu->stealer != current) {
		vcpu->stealer = current;
		vcpu->steal_seen = now;
		write_page(vcpu, gpa, 0);
	} else if (now != vcpu->steal_seen) {
		write_page(vcpu, gpa, now - vcpu->steal_seen);
		vcpu->steal_seen = now;
	}
}
