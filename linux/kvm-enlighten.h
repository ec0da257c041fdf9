/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Hyper-V offers its guests: numbers, the page of reference time, the answer to hypercalls.
 * Pure. Source: Microsoft, Hypervisor Top Level Functional Specification.
 */
#ifndef MULLION_LINUX_KVM_ENLIGHTEN_H
#define MULLION_LINUX_KVM_ENLIGHTEN_H

#include "kvm-scale.h"
#include "mullion/guest.h"

#ifdef __KERNEL__
#include <linux/kvm.h>
#else
#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#endif

/* ---- CPUID ---- */

#define MKVM_HV_LEAF_INTERFACE 0x40000001U
#define MKVM_HV_LEAF_FEATURES  0x40000003U
#define MKVM_HV_SIGNATURE      0x31237648U /* "Hv#1", the interface's eax */

/* The features' eax: MSRs that a guest may use. */
#define MKVM_HV_COUNTER	  (1U << 1)
#define MKVM_HV_APIC	  (1U << 4)
#define MKVM_HV_HYPERCALL (1U << 5)
#define MKVM_HV_INDEX	  (1U << 6)
#define MKVM_HV_REFERENCE (1U << 9)
#define MKVM_HV_FREQUENCY (1U << 11)

/* All that there is, as KVM_GET_SUPPORTED_HV_CPUID gives it; at most room entries are filled.
 * Returns how many there are. */
size_t mkvm_enlighten_leaves(struct kvm_cpuid_entry2 *entries, size_t room);
/* What a vCPU with this CPUID may use: MKVM_HV_*; 0: it has no such interface. */
uint32_t mkvm_enlighten_access(const struct kvm_cpuid_entry2 *entries, size_t count);

/* ---- MSRs ---- */

#define MKVM_HV_MSR_GUEST_OS	   0x40000000U
#define MKVM_HV_MSR_HYPERCALL	   0x40000001U
#define MKVM_HV_MSR_INDEX	   0x40000002U
#define MKVM_HV_MSR_COUNTER	   0x40000020U
#define MKVM_HV_MSR_REFERENCE	   0x40000021U
#define MKVM_HV_MSR_TSC_FREQUENCY  0x40000022U
#define MKVM_HV_MSR_APIC_FREQUENCY 0x40000023U
#define MKVM_HV_MSR_ASSIST	   0x40000073U

/* HYPERCALL, REFERENCE and ASSIST have the number of a page from bit 12 on. */
#define MKVM_HV_ENABLE (1ULL << 0)
#define MKVM_HV_LOCKED (1ULL << 1) /* HYPERCALL, until a reset */

#define MKVM_HV_APIC_HZ 1000000000ULL /* as the core's local APICs count */

/* ---- the page of reference time ---- */

/* Time, in 100 ns, is TSC * scale >> 64, + offset. */
struct mkvm_enlighten_page {
	uint32_t sequence; /* changes with what follows; 0: not to be used */
	uint32_t zero;
	uint64_t scale, offset;
};

/* What time is, at that scale (of a TSC of more than 10 MHz), if it is ns when the TSC is tsc. All
 * but the sequence. */
void mkvm_enlighten_set(struct mkvm_enlighten_page *page, struct mkvm_scale scale, uint64_t tsc,
			uint64_t ns);
uint64_t mkvm_enlighten_time(const struct mkvm_enlighten_page *page, uint64_t tsc);
/* The sequence after this one. */
uint32_t mkvm_enlighten_next(uint32_t sequence);

/* ---- hypercalls ---- */

/* What the guest's page of hypercalls starts with: VMMCALL, and back. */
#define MKVM_HV_CALL_SIZE 4
extern const uint8_t mkvm_enlighten_call[MKVM_HV_CALL_SIZE];
/* Answers one, made by an instruction of page->length: there are none but a hint. */
void mkvm_enlighten_answer(struct mullion_vcpu_page *page);

#endif
