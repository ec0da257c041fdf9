/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a CPU must have. */
#include "x86/require.h"

#include "lib/errno.h"

#define LEAF1_ECX_XSAVE	   (1U << 26)
#define LEAF1_ECX_OSXSAVE  (1U << 27) /* not the CPU's, but what was switched on */
#define LEAF1_EDX_TSC	   (1U << 4)
#define LEAF1_EDX_APIC	   (1U << 9)
#define LEAF7_ECX_OSPKE	   (1U << 4) /* the same */
#define LEAF_80000001_NX   (1U << 20)
#define LEAF_80000001_LONG (1U << 29)
#define LEAF_8000000A_NPT  (1U << 0)

int cpu_check(const struct cpu_facts *facts, enum reason *reason, unsigned *warnings)
{
	const uint64_t disabled = CPU_VM_CR_LOCK | CPU_VM_CR_SVMDIS;
	const struct {
		bool met;
		enum reason reason;
	} requirements[] = {
		{facts->leaf_80000001_edx & LEAF_80000001_LONG, REASON_CPU_NOT_64BIT},
		{facts->leaf_80000001_edx & LEAF_80000001_NX, REASON_CPU_NO_NX},
		{facts->leaf1_edx & LEAF1_EDX_APIC, REASON_CPU_NO_APIC},
		{facts->leaf1_edx & LEAF1_EDX_TSC, REASON_CPU_NO_TSC},
		{facts->leaf_80000001_ecx & CPU_LEAF_80000001_ECX_SVM, REASON_CPU_NO_SVM},
		{(facts->vm_cr & disabled) != disabled, REASON_SVM_DISABLED},
		{facts->leaf_8000000a_edx & LEAF_8000000A_NPT, REASON_CPU_NO_NPT},
		{facts->leaf1_ecx & LEAF1_ECX_XSAVE, REASON_CPU_NO_XSAVE},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(requirements); i++) {
		if (!requirements[i].met) {
			*reason = requirements[i].reason;
			return -ENOTSUP;
		}
	}
	*warnings = (facts->leaf7_ebx & CPU_LEAF7_EBX_SMEP ? 0 : CPU_WARN_NO_SMEP) |
		    (facts->leaf7_ebx & CPU_LEAF7_EBX_SMAP ? 0 : CPU_WARN_NO_SMAP);
	return 0;
}

bool cpu_same(const struct cpu_facts *a, const struct cpu_facts *b)
{
	return ((a->leaf1_ecx ^ b->leaf1_ecx) & ~LEAF1_ECX_OSXSAVE) == 0 &&
	       a->leaf1_edx == b->leaf1_edx && a->leaf7_ebx == b->leaf7_ebx &&
	       ((a->leaf7_ecx ^ b->leaf7_ecx) & ~LEAF7_ECX_OSPKE) == 0 &&
	       a->leaf_80000001_ecx == b->leaf_80000001_ecx &&
	       a->leaf_80000001_edx == b->leaf_80000001_edx &&
	       a->leaf_8000000a_edx == b->leaf_8000000a_edx && a->xcr0_mask == b->xcr0_mask &&
	       ((a->vm_cr ^ b->vm_cr) & (CPU_VM_CR_LOCK | CPU_VM_CR_SVMDIS)) == 0;
}
