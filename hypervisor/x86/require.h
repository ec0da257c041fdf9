/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a CPU must have (AMD APM vol. 2, 15.4; vol. 3, appendix E). cpu_check() is pure. */
#ifndef CORE_X86_REQUIRE_H
#define CORE_X86_REQUIRE_H

#include "lib/reason.h"
#include "lib/types.h"

/* Registers of CPUID leaves that do not depend on which CPU asks, zero where the leaf is missing.
 */
struct cpu_facts {
	uint32_t leaf1_ecx, leaf1_edx;
	uint32_t leaf7_ebx, leaf7_ecx;
	uint32_t leaf_80000001_ecx, leaf_80000001_edx;
	uint32_t leaf_8000000a_edx;
	uint64_t xcr0_mask; /* leaf 0dh: what XCR0 may hold */
	uint64_t vm_cr;	    /* MSR c0010114h; 0 without SVM, which has the MSR */
};

#define CPU_WARN_NO_SMEP (1U << 0)
#define CPU_WARN_NO_SMAP (1U << 1)

#define CPU_LEAF7_EBX_SMEP	  (1U << 7)
#define CPU_LEAF7_EBX_SMAP	  (1U << 20)
#define CPU_LEAF7_ECX_UMIP	  (1U << 2)
#define CPU_LEAF_80000001_ECX_SVM (1U << 2)
#define CPU_VM_CR_LOCK		  (1ULL << 3)
#define CPU_VM_CR_SVMDIS	  (1ULL << 4)

/* 0 and the warnings; -ENOTSUP and the first requirement that is not met. SVM that is off but not
 * locked is fine: x86/features.c switches it on. */
int cpu_check(const struct cpu_facts *facts, enum reason *reason, unsigned *warnings);
/* Whether two CPUs can stand in for each other. */
bool cpu_same(const struct cpu_facts *a, const struct cpu_facts *b);

/* ---- x86/features.c: on the running CPU ---- */
/* On the boot CPU: panics with what is missing, warns of what is a pity. */
void cpu_require(void);
/* On the others: panics if this one differs from the boot CPU. */
void cpu_require_same(void);
/* On all: NX, write protection, SMEP, SMAP, UMIP, machine checks, XSAVE, SVM unlocked. */
void cpu_enable_features(void);

struct machine_check {
	unsigned bank;
	uint64_t status, address; /* address 0: not known */
};
/* After a machine check: what the first bank with an error says. */
bool cpu_read_machine_check(struct machine_check *check);

#endif
