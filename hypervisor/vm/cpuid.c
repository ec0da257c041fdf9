/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a service VM's CPUs can do: the machine's CPUID through a table of masks, with what the core
 * adds (x2APIC, TSC deadline, its own leaves, KVM's clock). A feature is let through only when the
 * core saves its state or it has none. Source: AMD APM vol. 3, appendix E; Linux' KVM CPUID
 * document.
 */
#include "mullion/hypercall.h"
#include "vm/exit.h"
#include "vm/vendor.h"
#include "x86/cpu.h"
#include "x86/machine.h"

#define KVM_LEAF      0x40000000
#define KVM_FEATURES  0x40000001
#define KVM_NOP_DELAY (1U << 1)
#define KVM_CLOCK     (1U << 3)
#define KVM_STABLE    (1U << 24)

#define LAST_BASIC    0xd
#define LAST_EXTENDED 0x80000008

/* Leaf 1, ecx: SSE3, PCLMULQDQ, SSSE3, FMA, CX16, SSE4.1, SSE4.2, MOVBE, POPCNT, AES, XSAVE,
 * OSXSAVE, AVX, F16C, RDRAND. Not MONITOR, VMX, TM2, PCID (nothing tests it), PDCM. */
#define LEAF1_ECX  0x7ed83203U
#define X2APIC	   (1U << 21)
#define DEADLINE   (1U << 24)
#define HYPERVISOR (1U << 31)
/* Leaf 1, edx: all of the base line but MCE, MCA (the core's), DS, ACPI, SS, TM, PBE. */
#define LEAF1_EDX 0x178bbb7fU
/* Leaf 7, ebx: FSGSBASE, BMI1, AVX2, SMEP, BMI2, ERMS, AVX-512 (XSAVE saves it), RDSEED, ADX, SMAP,
 * CLFLUSHOPT, CLWB, SHA. Not TSC_ADJUST, HLE, INVPCID, RTM, MPX, PQM, PT. */
#define LEAF7_EBX 0xf1bf03a9U
/* ecx: UMIP, VBMI, GFNI, VAES, VPCLMUL, VNNI, BITALG, VPOPCNT, RDPID. Not PKU, LA57, CET. */
#define LEAF7_ECX 0x00405f46U
#define LEAF7_EDX 0x00000010U /* fast short REP MOV */
/* 0x80000001 ecx: LAHF, CR8, ABM, SSE4A, misaligned SSE, PREFETCHW. Not SVM, IBS, XOP, SKINIT, WDT,
 * performance counters, topology, MWAITX. */
#define EXT1_ECX 0x000001f1U
/* edx: SYSCALL, NX, MMXEXT, FFXSR, 1 GiB pages, RDTSCP, long mode, 3DNow and the base line again.
 */
#define EXT1_EDX 0xefd3bb7fU
#define EXT8_EBX 0x00000205U /* CLZERO, XSAVE error pointers, WBNOINVD */

static bool os_has_xsave(const struct vcpu *vcpu)
{
	struct vcpu_mode mode;

	vendor->get_mode(vcpu, &mode);
	return mode.cr4 & (1U << 18);
}

static void topology(const struct vcpu *vcpu, uint32_t subleaf, struct cpuid *r)
{
	unsigned count = vcpu->vm->vcpu_count, bits = 0;

	while ((1U << bits) < count)
		bits++;
	r->eax = subleaf == 1 ? bits : 0;
	r->ebx = subleaf == 0 ? 1 : subleaf == 1 ? count : 0;
	r->ecx = subleaf | (subleaf == 0 ? 1U << 8 : subleaf == 1 ? 2U << 8 : 0);
	r->edx = vcpu->lapic.id;
}

static struct cpuid basic(const struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r = cpuid(leaf, subleaf);

	switch (leaf) {
	case 0:
		if (r.eax > LAST_BASIC)
			r.eax = LAST_BASIC;
		break;
	case 1:
		r.ebx = (r.ebx & 0xff00) | vcpu->lapic.id << 24 | vcpu->vm->vcpu_count << 16;
		r.ecx = (r.ecx & LEAF1_ECX & ~(1U << 27)) | X2APIC | DEADLINE | HYPERVISOR;
		r.ecx |= os_has_xsave(vcpu) ? 1U << 27 : 0;
		r.edx &= LEAF1_EDX;
		break;
	case 2:
	case 4: /* caches: no state */
		if (leaf == 4)
			r.eax &= 0x3fff; /* without sharing, which is the machine's */
		break;
	case 6: /* the timer always runs; no power management */
		r = (struct cpuid){.eax = 1U << 2};
		break;
	case 7:
		if (subleaf != 0)
			return (struct cpuid){0};
		r.eax = 0;
		r.ebx &= LEAF7_EBX;
		r.ecx &= LEAF7_ECX;
		r.edx &= LEAF7_EDX;
		break;
	case 0xb:
		topology(vcpu, subleaf, &r);
		break;
	case 0xd: /* XCR0 is the vCPU's now, so sizes are too; not PKRU, MPX, XSAVES */
		if (subleaf == 0)
			r.eax &= ~(1U << 9 | 0x18U);
		else if (subleaf == 1)
			r = (struct cpuid){.eax = r.eax & 7};
		else if (subleaf > 62 || (1ULL << subleaf & (1ULL << 9 | 0x18ULL)))
			r = (struct cpuid){0};
		break;
	default: /* monitor, performance counters, and what is not known */
		r = (struct cpuid){0};
		break;
	}
	return r;
}

static struct cpuid own(const struct vcpu *vcpu, uint32_t leaf)
{
	switch (leaf) {
	case KVM_LEAF: /* "KVMKVMKVM" */
		return (struct cpuid){KVM_FEATURES, 0x4b4d564b, 0x564b4d56, 0x4d};
	case KVM_FEATURES:
		return (struct cpuid){.eax = KVM_NOP_DELAY | KVM_CLOCK | KVM_STABLE};
	case MULLION_CPUID_SIGNATURE:
		return (struct cpuid){MULLION_CPUID_ABI, MULLION_CPUID_SIGNATURE_EBX,
				      MULLION_CPUID_SIGNATURE_ECX, MULLION_CPUID_SIGNATURE_EDX};
	case MULLION_CPUID_ABI:
		return (struct cpuid){MULLION_ABI_VERSION, vcpu->vm->number,
				      vcpu->vm->kind == VM_UI ? MULLION_VM_UI : MULLION_VM_CONTROL,
				      0};
	default:
		return (struct cpuid){0};
	}
}

static struct cpuid extended(const struct vcpu *vcpu, uint32_t leaf)
{
	struct cpuid r = cpuid(leaf, 0);

	switch (leaf) {
	case 0x80000000:
		if (r.eax > LAST_EXTENDED)
			r.eax = LAST_EXTENDED;
		break;
	case 0x80000001:
		r.ecx &= EXT1_ECX;
		r.edx &= EXT1_EDX;
		break;
	case 0x80000002:
	case 0x80000003:
	case 0x80000004: /* the name */
	case 0x80000005:
	case 0x80000006: /* caches */
		break;
	case 0x80000007: /* the TSC runs on at one rate */
		r = (struct cpuid){.edx = 1U << 8};
		break;
	case 0x80000008:
		r = (struct cpuid){r.eax & 0xffff, r.ebx & EXT8_EBX, vcpu->vm->vcpu_count - 1, 0};
		break;
	default:
		r = (struct cpuid){0};
		break;
	}
	return r;
}

void cpuid_exit(struct vcpu *vcpu)
{
	uint64_t *registers = vcpu->registers;
	uint32_t leaf = (uint32_t)registers[RAX], subleaf = (uint32_t)registers[RCX];
	struct cpuid r;

	if (leaf <= LAST_BASIC)
		r = basic(vcpu, leaf, subleaf);
	else if (leaf >= 0x80000000 && leaf <= LAST_EXTENDED)
		r = extended(vcpu, leaf);
	else
		r = own(vcpu, leaf);
	registers[RAX] = r.eax;
	registers[RBX] = r.ebx;
	registers[RCX] = r.ecx;
	registers[RDX] = r.edx;
}
