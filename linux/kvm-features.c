/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control VM's own CPUID, which the core has cut down to what it saves and switches, without
 * what a guest of a guest has not, and with what its core adds: x2APIC, machine checks that are
 * only state, KVM's leaves. Sources: AMD APM vol. 3, appendix E; Linux,
 * Documentation/virt/kvm/x86/cpuid.rst.
 */
#include "kvm-features.h"

#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>
#endif

#define LAST_BASIC    0xd
#define LAST_EXTENDED 0x80000008
#define ADDRESS_BITS  40 /* MULLION_GUEST_ADDRESS_BITS */

#define EAX	  0
#define EBX	  1
#define ECX	  2
#define EDX	  3
#define BIT_OF(n) (1U << (n))

/* Leaf 1. Off: MONITOR, VMX, SMX, performance capabilities, PCID, DCA, OSXSAVE (it follows CR4),
 * TSC deadline (KVM_CAP_TSC_DEADLINE_TIMER tells). */
#define OFF_1_ECX                                                                                  \
	(BIT_OF(3) | BIT_OF(5) | BIT_OF(6) | BIT_OF(15) | BIT_OF(17) | BIT_OF(18) | BIT_OF(24) |   \
	 BIT_OF(27))
#define ON_1_ECX (BIT_OF(21) | BIT_OF(31))			   /* x2APIC, hypervisor */
#define ON_1_EDX (BIT_OF(7) | BIT_OF(9) | BIT_OF(12) | BIT_OF(14)) /* MCE, APIC, MTRR, MCA */
/* Leaf 7. Off: TSC_ADJUST, SGX, HLE, INVPCID, RTM, PQM, MPX, PQE, PT; PKU, LA57, CET, and all of
 * edx but fast short REP MOV. */
#define OFF_7_EBX                                                                                  \
	(BIT_OF(1) | BIT_OF(2) | BIT_OF(4) | BIT_OF(10) | BIT_OF(11) | BIT_OF(12) | BIT_OF(14) |   \
	 BIT_OF(15) | BIT_OF(25))
#define OFF_7_ECX (BIT_OF(3) | BIT_OF(4) | BIT_OF(5) | BIT_OF(7) | BIT_OF(16))
#define ON_7_EDX  BIT_OF(4)
/* 0x80000001. Off: SVM, IBS, SKINIT, watchdog, lightweight profiling, counters, MWAITX. */
#define OFF_X1_ECX                                                                                 \
	(BIT_OF(2) | BIT_OF(10) | BIT_OF(12) | BIT_OF(13) | BIT_OF(15) | BIT_OF(23) | BIT_OF(24) | \
	 BIT_OF(28) | BIT_OF(29))

#define KVM_LEAF	 0x40000000
#define KVM_LEAF_FEATURE 0x40000001
/* Clock by either numbers, no delays after port accesses, stolen time, a clock that all vCPUs agree
 * on; what may tell of later faults and spare EOIs and has nothing to tell (kvm-msr-table.c). */
#define KVM_ON (BIT_OF(0) | BIT_OF(1) | BIT_OF(3) | BIT_OF(4) | BIT_OF(5) | BIT_OF(6) | BIT_OF(24))

struct list {
	struct kvm_cpuid_entry2 *entries;
	size_t room, count;
	mkvm_cpuid_read *read;
};

static void add(struct list *list, __u32 leaf, __u32 subleaf, bool subleaves, const __u32 r[4])
{
	struct kvm_cpuid_entry2 *entry = &list->entries[list->count];

	if (list->count++ >= list->room)
		return;
	memset(entry, 0, sizeof(*entry));
	entry->function = leaf;
	entry->index = subleaf;
	entry->flags = subleaves ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0;
	entry->eax = r[EAX];
	entry->ebx = r[EBX];
	entry->ecx = r[ECX];
	entry->edx = r[EDX];
}

static void add_caches(struct list *list, __u32 leaf)
{
	__u32 r[4], n;

	for (n = 0; n < 8; n++) {
		list->read(leaf, n, r);
		add(list, leaf, n, true, r);
		if (!(r[EAX] & 0x1f))
			break;
	}
}

static void add_xsave(struct list *list)
{
	__u32 r[4], low, high, n;

	list->read(0xd, 0, r);
	low = r[EAX];
	high = r[EDX];
	add(list, 0xd, 0, true, r);
	list->read(0xd, 1, r);
	r[EAX] &= 7; /* no supervisor state */
	r[EBX] = r[ECX] = r[EDX] = 0;
	add(list, 0xd, 1, true, r);
	for (n = 2; n < 63; n++) {
		if (!(n < 32 ? low >> n & 1 : high >> (n - 32) & 1))
			continue;
		list->read(0xd, n, r);
		add(list, 0xd, n, true, r);
	}
}

static void add_basic(struct list *list)
{
	static const __u32 always[4] = {BIT_OF(2)}; /* the APIC's timer does not stop */
	static const __u32 none[4];
	__u32 r[4], last;

	list->read(0, 0, r);
	if (r[EAX] > LAST_BASIC)
		r[EAX] = LAST_BASIC;
	last = r[EAX];
	add(list, 0, 0, false, r);
	list->read(1, 0, r);
	r[EBX] &= 0x0000ff00; /* APIC id and count of CPUs are the program's */
	r[ECX] = (r[ECX] & ~OFF_1_ECX) | ON_1_ECX;
	r[EDX] |= ON_1_EDX;
	add(list, 1, 0, false, r);
	if (last >= 2) {
		list->read(2, 0, r);
		add(list, 2, 0, false, r);
	}
	if (last >= 4)
		add_caches(list, 4);
	if (last >= 6)
		add(list, 6, 0, false, always);
	if (last >= 7) {
		list->read(7, 0, r);
		r[EAX] = 0;
		r[EBX] &= ~OFF_7_EBX;
		r[ECX] &= ~OFF_7_ECX;
		r[EDX] &= ON_7_EDX;
		add(list, 7, 0, true, r);
	}
	if (last >= 0xb) /* the topology is the program's */
		add(list, 0xb, 0, true, none);
	if (last >= 0xd)
		add_xsave(list);
}

static void add_own(struct list *list)
{
	__u32 signature[4] = {KVM_LEAF_FEATURE};
	static const __u32 features[4] = {KVM_ON};

	memcpy(&signature[EBX], "KVMKVMKVM\0\0\0", 12);
	add(list, KVM_LEAF, 0, false, signature);
	add(list, KVM_LEAF_FEATURE, 0, false, features);
}

static void add_extended(struct list *list)
{
	__u32 r[4], leaf, last;

	list->read(0x80000000, 0, r);
	if (r[EAX] > LAST_EXTENDED)
		r[EAX] = LAST_EXTENDED;
	last = r[EAX];
	add(list, 0x80000000, 0, false, r);
	for (leaf = 0x80000001; leaf <= last; leaf++) {
		list->read(leaf, 0, r);
		switch (leaf) {
		case 0x80000001:
			r[ECX] &= ~OFF_X1_ECX;
			break;
		case 0x80000007:
			r[EAX] = r[EBX] = r[ECX] = 0;
			r[EDX] &= BIT_OF(8); /* the TSC is invariant */
			break;
		case 0x80000008:
			if ((r[EAX] & 0xff) > ADDRESS_BITS)
				r[EAX] = (r[EAX] & 0xff00) | ADDRESS_BITS;
			r[EAX] &= 0xffff;
			r[ECX] = r[EDX] = 0;
			break;
		default:
			break;
		}
		add(list, leaf, 0, false, r);
	}
}

size_t mkvm_features(struct kvm_cpuid_entry2 *entries, size_t room, mkvm_cpuid_read *read)
{
	struct list list = {.entries = entries, .room = room, .read = read};

	add_basic(&list);
	add_own(&list);
	add_extended(&list);
	return list.count;
}
