/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What VMRUN does not switch: the FPU and XCR0, DR0-3 and TSC_AUX stay a vCPU's in the registers
 * until another vCPU runs on the pCPU. The core itself uses none of them.
 */
#include "svm/svm.h"
#include "x86/cpu.h"
#include "x86/pcpu.h"

#define MSR_PRED_CMD 0x49
#define PRED_IBPB    1

static uint64_t all_features; /* XCR0 while no vCPU is current */
static bool has_rdtscp, has_ibpb;

void svm_switch_init(void)
{
	struct cpuid leaf = cpuid(0xd, 0);

	all_features = (uint64_t)leaf.edx << 32 | leaf.eax;
	has_rdtscp = cpuid(0x80000001, 0).edx & (1U << 27);
	has_ibpb =
		cpuid(0x80000000, 0).eax >= 0x80000008 && (cpuid(0x80000008, 0).ebx & (1U << 12));
}

void svm_switch_cpu_init(void)
{
	xsetbv(0, all_features);
}

void svm_put(struct vcpu *vcpu)
{
	struct svm_cpu *cpu = this_pcpu()->svm;
	struct svm_vcpu *svm = svm_of(vcpu);

	if (cpu->current != vcpu)
		return;
	cpu->current = NULL;
	/* XSETBV may not have been intercepted: the register tells. */
	svm->xcr0 = xgetbv(0);
	xsetbv(0, all_features);
	__asm__ volatile("xsave64 (%0)" : : "r"(svm->xsave), "a"(-1), "d"(-1) : "memory");
	svm->dr[0] = read_dr0();
	svm->dr[1] = read_dr1();
	svm->dr[2] = read_dr2();
	svm->dr[3] = read_dr3();
	if (has_rdtscp)
		svm->tsc_aux = rdmsr(MSR_TSC_AUX);
}

void svm_make_current(struct vcpu *vcpu)
{
	struct svm_cpu *cpu = this_pcpu()->svm;
	struct svm_vcpu *svm = svm_of(vcpu);

	if (cpu->current != NULL)
		svm_put(cpu->current);
	cpu->current = vcpu;
	if (vcpu->vm->kind == VM_GUEST)
		svm_take_asid(svm);
	__asm__ volatile("xrstor64 (%0)" : : "r"(svm->xsave), "a"(-1), "d"(-1) : "memory");
	xsetbv(0, svm->xcr0);
	write_dr0(svm->dr[0]);
	write_dr1(svm->dr[1]);
	write_dr2(svm->dr[2]);
	write_dr3(svm->dr[3]);
	if (has_rdtscp)
		wrmsr(MSR_TSC_AUX, svm->tsc_aux);
	/* Branch predictions of one VM must not steer another. */
	if (has_ibpb)
		wrmsr(MSR_PRED_CMD, PRED_IBPB);
}
