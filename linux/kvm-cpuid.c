/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID: what is supported, and what a vCPU has been given. The core answers a guest's CPUID from
 * the table that is set here.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "kvm-parts.h"
#include "kvm-enlighten.h"
#include "kvm-features.h"

static void read_leaf(u32 leaf, u32 subleaf, u32 r[4])
{
	cpuid_count(leaf, subleaf, &r[0], &r[1], &r[2], &r[3]);
}

static size_t features(struct kvm_cpuid_entry2 *entries, size_t room)
{
	return mkvm_features(entries, room, read_leaf);
}

static long supported(struct kvm_cpuid2 __user *user,
		      size_t (*fill)(struct kvm_cpuid_entry2 *entries, size_t room))
{
	struct kvm_cpuid_entry2 *entries;
	struct kvm_cpuid2 head;
	size_t count;
	long result = 0;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (!head.nent)
		return -E2BIG;
	entries = kcalloc(MKVM_CPUID_MAX, sizeof(*entries), GFP_KERNEL_ACCOUNT);
	if (!entries)
		return -ENOMEM;
	count = fill(entries, MKVM_CPUID_MAX);
	if (count > min_t(size_t, head.nent, MKVM_CPUID_MAX))
		result = -E2BIG;
	else if (put_user((u32)count, &user->nent) ||
		 copy_to_user(user->entries, entries, count * sizeof(*entries)))
		result = -EFAULT;
	kfree(entries);
	return result;
}

long mkvm_cpuid_supported(struct kvm_cpuid2 __user *user)
{
	return supported(user, features);
}

long mkvm_cpuid_enlightened(struct kvm_cpuid2 __user *user)
{
	return supported(user, mkvm_enlighten_leaves);
}

static void to_core(struct mullion_cpuid *to, const struct kvm_cpuid_entry2 *from)
{
	*to = (struct mullion_cpuid){
		.leaf = from->function,
		.subleaf = from->index,
		.flags =
			from->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX ? MULLION_CPUID_SUBLEAVES : 0,
		.eax = from->eax,
		.ebx = from->ebx,
		.ecx = from->ecx,
		.edx = from->edx,
	};
}

long mkvm_cpuid_set(struct mkvm_vcpu *vcpu, struct kvm_cpuid2 __user *user)
{
	struct mullion_cpuid *table = vcpu->scratch;
	struct kvm_cpuid_entry2 *entries;
	struct kvm_cpuid2 head;
	long error;
	u32 n;

	BUILD_BUG_ON(MULLION_CPUID_MAX * sizeof(*table) > PAGE_SIZE);
	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nent > MULLION_CPUID_MAX)
		return -E2BIG;
	entries = kcalloc(head.nent, sizeof(*entries), GFP_KERNEL_ACCOUNT);
	if (!entries)
		return -ENOMEM;
	if (copy_from_user(entries, user->entries, head.nent * sizeof(*entries))) {
		kfree(entries);
		return -EFAULT;
	}
	for (n = 0; n < head.nent; n++)
		to_core(&table[n], &entries[n]);
	error = mkvm_vcpu_set_item(vcpu, MULLION_VCPU_CPUID, head.nent * sizeof(*table));
	if (error) {
		kfree(entries);
		return error;
	}
	kfree(vcpu->cpuid);
	vcpu->cpuid = entries;
	vcpu->cpuid_count = head.nent;
	vcpu->hyperv = mkvm_enlighten_access(entries, head.nent);
	return 0;
}

long mkvm_cpuid_get(struct mkvm_vcpu *vcpu, struct kvm_cpuid2 __user *user)
{
	struct kvm_cpuid2 head;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (put_user(vcpu->cpuid_count, &user->nent))
		return -EFAULT;
	if (head.nent < vcpu->cpuid_count)
		return -E2BIG;
	return copy_to_user(user->entries, vcpu->cpuid, vcpu->cpuid_count * sizeof(*vcpu->cpuid))
		       ? -EFAULT
		       : 0;
}
