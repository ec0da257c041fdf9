/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSRs: the table's are here (kvm-msr-table.c), all others are asked of the core.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/kvm_para.h>

#include "kvm-parts.h"
#include "kvm-enlighten.h"
#include "kvm-mce.h"
#include "kvm-msr-table.h"

#define MCG_CTL	   0x17b
#define MCG_CAP	   0x179
#define BANK_FIRST 0x400

/* What a program has to save: short, because it writes what is here, and gives up if it cannot. */
static const u32 saved[] = {
	MSR_IA32_TSC,
	MSR_IA32_SYSENTER_CS,
	MSR_IA32_SYSENTER_ESP,
	MSR_IA32_SYSENTER_EIP,
	MSR_IA32_MCG_STATUS,
	MSR_IA32_MCG_CTL,
	MSR_IA32_MISC_ENABLE,
	MSR_IA32_CR_PAT,
	MSR_IA32_TSC_DEADLINE,
	MKVM_HV_MSR_GUEST_OS,
	MKVM_HV_MSR_HYPERCALL,
	MKVM_HV_MSR_INDEX,
	MKVM_HV_MSR_REFERENCE,
	MKVM_HV_MSR_TSC_FREQUENCY,
	MKVM_HV_MSR_APIC_FREQUENCY,
	MKVM_HV_MSR_ASSIST,
	MSR_KVM_WALL_CLOCK_NEW,
	MSR_KVM_SYSTEM_TIME_NEW,
	MSR_KVM_ASYNC_PF_EN,
	MSR_KVM_STEAL_TIME,
	MSR_KVM_PV_EOI_EN,
	MSR_STAR,
	MSR_LSTAR,
	MSR_CSTAR,
	MSR_SYSCALL_MASK,
	MSR_KERNEL_GS_BASE,
	MSR_TSC_AUX,
};

void mkvm_msr_init(struct mkvm_vcpu *vcpu)
{
	size_t count, values, n;
	const struct mkvm_msr *table = mkvm_msr_table(&count, &values);

	if (WARN_ON(values > ARRAY_SIZE(vcpu->msrs)))
		return;
	for (n = 0; n < count; n++)
		if (table[n].policy == MKVM_MSR_KEPT || table[n].policy == MKVM_MSR_HOST)
			vcpu->msrs[table[n].at] = table[n].value;
	vcpu->hyperv_index = vcpu->id;
}

static u32 bank_count(const struct mkvm_vcpu *vcpu)
{
	return vcpu->mce_cap & 0xff;
}

static int core_msr(struct mkvm_vcpu *vcpu, u32 index, u64 *value, bool set)
{
	struct mullion_vcpu_msr *msr = vcpu->scratch;
	long error;

	*msr = (struct mullion_vcpu_msr){index, 0, set ? *value : 0};
	error = set ? mkvm_vcpu_set_item(vcpu, MULLION_VCPU_MSR, sizeof(*msr))
		    : mkvm_vcpu_get_item(vcpu, MULLION_VCPU_MSR, sizeof(*msr));
	if (!error && !set)
		*value = msr->value;
	return error;
}

static int page_msr(struct mkvm_vcpu *vcpu, u32 index, u64 *value, bool set)
{
	struct mullion_vcpu_page *page = vcpu->page;
	u64 *at = index == MSR_EFER	 ? &page->efer
		  : index == MSR_FS_BASE ? &page->segments[MULLION_FS].base
					 : &page->segments[MULLION_GS].base;

	if (!set) {
		*value = *at;
		return 0;
	}
	if (index == MSR_EFER ? *value & ~(u64)MKVM_EFER
			      : *value != (u64)((s64)(*value << 16) >> 16))
		return -EINVAL; /* reserved, or not canonical */
	*at = *value;
	page->dirty |= MULLION_DIRTY_SYSTEM;
	return 0;
}

int mkvm_msr_get(struct mkvm_vcpu *vcpu, u32 index, u64 *value, bool host)
{
	const struct mkvm_msr *line = mkvm_msr_find(index);

	switch (line->policy) {
	case MKVM_MSR_CORE:
		return core_msr(vcpu, index, value, false);
	case MKVM_MSR_PAGE:
		return page_msr(vcpu, index, value, false);
	case MKVM_MSR_TSC:
		*value = mkvm_clock_tsc(vcpu);
		return 0;
	case MKVM_MSR_FIXED:
		*value = line->value;
		return 0;
	case MKVM_MSR_HV:
		return host || vcpu->hyperv & line->value ? mkvm_hyperv_get(vcpu, index, value)
							  : -ENOENT;
	case MKVM_MSR_BANK:
		if (index - BANK_FIRST >= 4 * bank_count(vcpu))
			return -ENOENT;
		break;
	default:
		if (index == MCG_CAP) {
			*value = vcpu->mce_cap;
			return 0;
		}
		if (index == MCG_CTL && !(vcpu->mce_cap & MKVM_MCE_CTL_P) && !host)
			return -ENOENT;
		break;
	}
	*value = vcpu->msrs[line->at + (index - line->first)];
	return 0;
}

/* 0: it is to be kept. */
static int check_write(const struct mkvm_vcpu *vcpu, const struct mkvm_msr *line, u32 index,
		       u64 value, bool host)
{
	switch (line->policy) {
	case MKVM_MSR_HOST:
		return host && index != MCG_CAP ? 0 : -EINVAL;
	case MKVM_MSR_STEAL:
	case MKVM_MSR_ASKED:
		return value & line->value ? -EINVAL : 0;
	case MKVM_MSR_MTRR:
		return mkvm_msr_mtrr_takes(index, value) ? 0 : -EINVAL;
	case MKVM_MSR_BANK:
		if (index - BANK_FIRST >= 4 * bank_count(vcpu))
			return -ENOENT;
		/* A guest clears its banks' status, and switches them on or off as a whole. */
		if (!host && index % 4 == 1 && value)
			return -EINVAL;
		return index % 4 == 0 && value && value != ~0ULL && value != ~(1ULL << 10) ? -EINVAL
											   : 0;
	default:
		if (index == MCG_CTL && value && value != ~0ULL)
			return -EINVAL;
		return 0;
	}
}

int mkvm_msr_set(struct mkvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	const struct mkvm_msr *line = mkvm_msr_find(index);
	int error;

	switch (line->policy) {
	case MKVM_MSR_CORE:
		return core_msr(vcpu, index, &value, true);
	case MKVM_MSR_PAGE:
		return page_msr(vcpu, index, &value, true);
	case MKVM_MSR_TSC:
		mkvm_clock_set_tsc(vcpu, value);
		return 0;
	case MKVM_MSR_FIXED:
		return 0;
	case MKVM_MSR_HV:
		return host || vcpu->hyperv & line->value
			       ? mkvm_hyperv_set(vcpu, index, value, host)
			       : -ENOENT;
	default:
		break;
	}
	error = check_write(vcpu, line, index, value, host);
	if (error)
		return error;
	vcpu->msrs[line->at + (index - line->first)] = value;
	if (line->policy == MKVM_MSR_CLOCK)
		WRITE_ONCE(vcpu->clock_changed, true);
	else if (line->policy == MKVM_MSR_STEAL)
		mkvm_steal_set(vcpu, value);
	else if (line->policy == MKVM_MSR_WALL && !host)
		mkvm_clock_wall(vcpu, value);
	return 0;
}

/* ---- ioctls ---- */

long mkvm_msr_list(struct kvm_msr_list __user *list)
{
	u32 room, count = ARRAY_SIZE(saved);

	if (get_user(room, &list->nmsrs) || put_user(count, &list->nmsrs))
		return -EFAULT;
	if (room < count)
		return -E2BIG;
	return copy_to_user(list->indices, saved, sizeof(saved)) ? -EFAULT : 0;
}

/* How many of them were read or written before the first that could not be. */
static long msrs_ioctl(struct mkvm_vcpu *vcpu, bool set, struct kvm_msrs __user *user)
{
	struct kvm_msr_entry *entries;
	struct kvm_msrs head;
	size_t size;
	u32 n;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nmsrs >= MKVM_MSRS_MAX)
		return -E2BIG;
	size = head.nmsrs * sizeof(*entries);
	entries = memdup_user(user->entries, size);
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	if (!set)
		mkvm_vcpu_sync(vcpu);
	for (n = 0; n < head.nmsrs; n++)
		if (set ? mkvm_msr_set(vcpu, entries[n].index, entries[n].data, true)
			: mkvm_msr_get(vcpu, entries[n].index, &entries[n].data, true))
			break;
	if (!set && copy_to_user(user->entries, entries, size)) {
		kfree(entries);
		return -EFAULT;
	}
	kfree(entries);
	return n;
}

static long setup_mce(struct mkvm_vcpu *vcpu, u64 __user *user)
{
	u64 cap;
	u32 n;

	if (copy_from_user(&cap, user, sizeof(cap)))
		return -EFAULT;
	if (!(cap & 0xff) || (cap & 0xff) > MKVM_BANKS || cap & ~(MKVM_MCE_CAP | 0xff))
		return -EINVAL;
	vcpu->mce_cap = cap;
	if (cap & MKVM_MCE_CTL_P)
		vcpu->msrs[mkvm_msr_find(MCG_CTL)->at] = ~0ULL;
	for (n = 0; n < bank_count(vcpu); n++)
		vcpu->msrs[mkvm_msr_find(BANK_FIRST)->at + 4 * n] = ~0ULL;
	return 0;
}

long mkvm_msr_ioctl(struct mkvm_vcpu *vcpu, unsigned int number, void __user *argument)
{
	switch (number) {
	case KVM_GET_MSRS:
	case KVM_SET_MSRS:
		return msrs_ioctl(vcpu, number == KVM_SET_MSRS, argument);
	case KVM_X86_SETUP_MCE:
		return setup_mce(vcpu, argument);
	default:
		return -ENOTTY;
	}
}
