/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kvm-enlighten.h"
#include "kvm-segment.h"

#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>
#endif

#define RAX 0
#define RCX 1
#define RDX 2

#define CR0_PE (1ULL << 0)

#define CALL_LONG_SPIN_WAIT 0x8 /* a hint that a lock's owner should run */
#define STATUS_SUCCESS	    0
#define STATUS_INVALID_CODE 2

const uint8_t mkvm_enlighten_call[MKVM_HV_CALL_SIZE] = {0x0f, 0x01, 0xd9, 0xc3};

/* ---- CPUID ---- */

static const struct kvm_cpuid_entry2 leaves[] = {
	/* The last leaf; "Microsoft Hv", by which guests know one. */
	{.function = 0x40000000,
	 .eax = 0x40000005,
	 .ebx = 0x7263694d,
	 .ecx = 0x666f736f,
	 .edx = 0x76482074},
	{.function = MKVM_HV_LEAF_INTERFACE, .eax = MKVM_HV_SIGNATURE},
	/* A version that guests have seen: 10.0, build 14393. */
	{.function = 0x40000002, .eax = 14393, .ebx = 10 << 16},
	{.function = MKVM_HV_LEAF_FEATURES,
	 .eax = MKVM_HV_COUNTER | MKVM_HV_APIC | MKVM_HV_HYPERCALL | MKVM_HV_INDEX |
		MKVM_HV_REFERENCE | MKVM_HV_FREQUENCY,
	 .edx = 1U << 8}, /* the MSRs of frequencies are there */
	/* Recommended: the APIC's MSRs, relaxed timing; never to tell of spinning. */
	{.function = 0x40000004, .eax = 1U << 3 | 1U << 5, .ebx = ~0U},
	{.function = 0x40000005, .eax = MULLION_GUEST_VCPUS, .ebx = MULLION_GUEST_VCPUS},
};

size_t mkvm_enlighten_leaves(struct kvm_cpuid_entry2 *entries, size_t room)
{
	const size_t count = sizeof(leaves) / sizeof(leaves[0]);

	memcpy(entries, leaves, (room < count ? room : count) * sizeof(*entries));
	return count;
}

uint32_t mkvm_enlighten_access(const struct kvm_cpuid_entry2 *entries, size_t count)
{
	uint32_t access = 0;
	bool there = false;
	size_t n;

	for (n = 0; n < count; n++) {
		if (entries[n].function == MKVM_HV_LEAF_INTERFACE)
			there = entries[n].eax == MKVM_HV_SIGNATURE;
		else if (entries[n].function == MKVM_HV_LEAF_FEATURES)
			access = entries[n].eax;
	}
	return there ? access : 0;
}

/* ---- reference time ---- */

/* The clock's nanoseconds are ticks * mul * 2^shift / 2^32: at the same pace, so that the two never
 * part. */
void mkvm_enlighten_set(struct mkvm_enlighten_page *page, struct mkvm_scale scale, uint64_t tsc,
			uint64_t ns)
{
	page->zero = 0;
	page->offset = 0;
	if (scale.shift > 0)
		page->scale = ((uint64_t)scale.mul << 32) / 100 << scale.shift;
	else
		page->scale = ((uint64_t)scale.mul << 32 >> -scale.shift) / 100;
	page->offset = ns / 100 - mkvm_enlighten_time(page, tsc);
}

uint64_t mkvm_enlighten_time(const struct mkvm_enlighten_page *page, uint64_t tsc)
{
	return (uint64_t)((unsigned __int128)tsc * page->scale >> 64) + page->offset;
}

/* All ones was once another way to say that it is not to be used. */
uint32_t mkvm_enlighten_next(uint32_t sequence)
{
	sequence++;
	return sequence == 0 || sequence == ~0U ? 1 : sequence;
}

/* ---- hypercalls ---- */

/* In 64-bit mode the code is in rcx and the status in rax; else in eax, and in edx:eax. Where there
 * are no hypercalls the instruction is none. */
void mkvm_enlighten_answer(struct mullion_vcpu_page *page)
{
	bool wide = kvm_segment_code_size(page) == 8;
	uint16_t code = (uint16_t)page->registers[wide ? RCX : RAX];

	if (page->cpl || !(page->cr0 & CR0_PE)) {
		kvm_segment_raise(page, KVM_VECTOR_UD, 0);
		return;
	}
	page->registers[RAX] = code == CALL_LONG_SPIN_WAIT ? STATUS_SUCCESS : STATUS_INVALID_CODE;
	if (!wide)
		page->registers[RDX] = 0;
	kvm_segment_retire(page, page->length, true);
}
