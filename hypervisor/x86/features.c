/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks the running CPU for its facts, and switches on what the core uses. */
#include "lib/log.h"
#include "x86/cpu.h"
#include "x86/require.h"

#define CR0_MP (1ULL << 1)
#define CR0_EM (1ULL << 2)
#define CR0_TS (1ULL << 3)
#define CR0_WP (1ULL << 16)

#define CR4_MCE	       (1ULL << 6)
#define CR4_OSFXSR     (1ULL << 9)
#define CR4_OSXMMEXCPT (1ULL << 10)
#define CR4_UMIP       (1ULL << 11)
#define CR4_OSXSAVE    (1ULL << 18)
#define CR4_SMEP       (1ULL << 20)
#define CR4_SMAP       (1ULL << 21)

#define MSR_MCG_CAPABILITIES 0x179
#define MSR_MCG_CONTROL	     0x17b
#define MSR_MC0_CONTROL	     0x400 /* control, status, address, misc of each bank */
#define MC_STATUS_VALID	     (1ULL << 63)
#define MC_STATUS_ADDRESS    (1ULL << 58)
#define MCG_HAS_CONTROL	     (1U << 8)

#define LEAF1_EDX_MACHINE_CHECKS ((1U << 7) | (1U << 14)) /* MCE, MCA */

static struct cpu_facts boot_facts;

static struct cpuid leaf(uint32_t number, uint32_t subleaf)
{
	if (cpuid(number & 0x80000000, 0).eax < number)
		return (struct cpuid){0};
	return cpuid(number, subleaf);
}

static struct cpu_facts collect(void)
{
	struct cpu_facts facts = {
		.leaf1_ecx = leaf(1, 0).ecx,
		.leaf1_edx = leaf(1, 0).edx,
		.leaf7_ebx = leaf(7, 0).ebx,
		.leaf7_ecx = leaf(7, 0).ecx,
		.leaf_80000001_ecx = leaf(0x80000001, 0).ecx,
		.leaf_80000001_edx = leaf(0x80000001, 0).edx,
		.leaf_8000000a_edx = leaf(0x8000000a, 0).edx,
		.xcr0_mask = (uint64_t)leaf(0xd, 0).edx << 32 | leaf(0xd, 0).eax,
	};

	if ((facts.leaf_80000001_ecx & CPU_LEAF_80000001_ECX_SVM) != 0)
		facts.vm_cr = rdmsr(MSR_VM_CR);
	return facts;
}

void cpu_require(void)
{
	enum reason reason;
	unsigned warnings;

	boot_facts = collect();
	if (cpu_check(&boot_facts, &reason, &warnings) < 0)
		core_panic(reason, "Mullion needs it");
	if ((warnings & CPU_WARN_NO_SMEP) != 0)
		log_warning(REASON_NO_SMEP, "the core runs without it");
	if ((warnings & CPU_WARN_NO_SMAP) != 0)
		log_warning(REASON_NO_SMAP, "the core runs without it");
}

void cpu_require_same(void)
{
	struct cpu_facts facts = collect();

	if (!cpu_same(&boot_facts, &facts))
		core_panic(REASON_CPUS_DIFFER, "the one with APIC ID %u from the boot CPU",
			   cpuid(1, 0).ebx >> 24);
}

/* Each bank of error registers reports what it can; firmware may have left some off. */
static void enable_machine_checks(void)
{
	uint64_t capabilities;

	if ((boot_facts.leaf1_edx & LEAF1_EDX_MACHINE_CHECKS) != LEAF1_EDX_MACHINE_CHECKS)
		return;
	capabilities = rdmsr(MSR_MCG_CAPABILITIES);
	if ((capabilities & MCG_HAS_CONTROL) != 0)
		wrmsr(MSR_MCG_CONTROL, UINT64_MAX);
	for (uint32_t bank = 0; bank < (capabilities & 0xff); bank++) {
		wrmsr(MSR_MC0_CONTROL + 4 * bank, UINT64_MAX);
		wrmsr(MSR_MC0_CONTROL + 4 * bank + 1, 0);
	}
	write_cr4(read_cr4() | CR4_MCE);
}

bool cpu_read_machine_check(struct machine_check *check)
{
	for (uint32_t bank = 0; bank < (rdmsr(MSR_MCG_CAPABILITIES) & 0xff); bank++) {
		check->bank = bank;
		check->status = rdmsr(MSR_MC0_CONTROL + 4 * bank + 1);
		if ((check->status & MC_STATUS_VALID) == 0)
			continue;
		check->address = check->status & MC_STATUS_ADDRESS
					 ? rdmsr(MSR_MC0_CONTROL + 4 * bank + 2)
					 : 0;
		return true;
	}
	return false;
}

void cpu_enable_features(void)
{
	uint64_t cr4 = read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;

	if ((boot_facts.leaf7_ebx & CPU_LEAF7_EBX_SMEP) != 0)
		cr4 |= CR4_SMEP;
	if ((boot_facts.leaf7_ebx & CPU_LEAF7_EBX_SMAP) != 0)
		cr4 |= CR4_SMAP;
	if ((boot_facts.leaf7_ecx & CPU_LEAF7_ECX_UMIP) != 0)
		cr4 |= CR4_UMIP;
	write_cr4(cr4);
	write_cr0((read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP | CR0_WP);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	if ((boot_facts.vm_cr & CPU_VM_CR_SVMDIS) != 0)
		wrmsr(MSR_VM_CR, rdmsr(MSR_VM_CR) & ~CPU_VM_CR_SVMDIS);
	enable_machine_checks();
}
