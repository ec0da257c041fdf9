/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the SVM folder share. */
#ifndef CORE_SVM_SVM_H
#define CORE_SVM_SVM_H

#include "svm/vmcb.h"
#include "vm/vendor.h"
#include "x86/cpu.h"

#define SVM_FIRST_GUEST_ASID (VM_MAX + 1) /* below it: a service VM's number + 1 */

/* One a pCPU: what the CPU needs while it runs guests. */
struct svm_cpu {
	hpa_t host_vmcb;      /* the host's FS, GS, TR and so on, for VMLOAD after an exit */
	struct vcpu *current; /* whose FPU, XCR0, DR0-3 and TSC_AUX are in the registers */
	/* Guests' vCPUs get ASIDs in turn; when there are no more, it begins anew, and what was
	 * given out before is worth nothing. */
	uint32_t next_asid;
	uint64_t asid_generation;
};

struct svm_vcpu {
	struct vmcb vmcb; /* page-aligned */
	struct svm_vm *vm;
	hpa_t address; /* of the whole, so the VMCB's */
	void *xsave;   /* a page, while another vCPU is current */
	hpa_t xsave_address;
	uint64_t xcr0, tsc_aux, dr[4];
	uint64_t flushed;	/* the VM's generation this vCPU's TLB entries are of */
	bool nmi_blocked;	/* until the IRET has run: */
	bool at_iret;		/* it was about to, */
	uint64_t iret_rip;	/* here */
	uint64_t offered_event; /* goes in as a virtual interrupt; 0: that one is the APIC's */
	/* Of a guest's: where and when it got its ASID. */
	const struct svm_cpu *asid_cpu;
	uint64_t asid_generation;
};

/* One a VM. */
struct svm_vm {
	uint8_t *iopm;	/* 12 KiB, bit set: intercepted */
	uint8_t *msrpm; /* 8 KiB, two bits an MSR */
	hpa_t iopm_address, msrpm_address;
	uint64_t generation; /* atomic: counts flushes */
	hpa_t frame;	     /* of a guest: this */
};

static inline struct svm_vm *svm_vm_of(const struct vm *vm)
{
	return vm->vendor;
}

static inline struct svm_vcpu *svm_of(const struct vcpu *vcpu)
{
	return vcpu->vendor;
}

/* Whether it runs 64-bit code: EFER.LMA and CS.L. */
static inline bool svm_is_64_bit(const struct vmcb *vmcb)
{
	return (vmcb->efer & EFER_LMA) && (vmcb->cs.attributes & 0x200);
}

/* enter.S */
void svm_enter(uint64_t vmcb, uint64_t registers[16], uint64_t host_vmcb);

/* state.c: the vCPU's architectural state. */
void svm_vcpu_reset(struct vcpu *vcpu);
void svm_vcpu_startup(struct vcpu *vcpu, uint8_t vector);
void svm_vcpu_enter_64(struct vcpu *vcpu, uint64_t rip, uint64_t gdt, uint64_t cr3);
void svm_get_mode(const struct vcpu *vcpu, struct vcpu_mode *mode);
int svm_msr_read(struct vcpu *vcpu, uint32_t msr, uint64_t *value);
int svm_msr_write(struct vcpu *vcpu, uint32_t msr, uint64_t value);
void svm_dump(const struct vcpu *vcpu);

/* switch.c: what VMRUN does not switch. */
void svm_switch_init(void);
void svm_switch_cpu_init(void);
void svm_make_current(struct vcpu *vcpu); /* is not yet */
void svm_put(struct vcpu *vcpu);

/* exit.c */
bool svm_interruptible(const struct vcpu *vcpu);
bool svm_nmi_open(const struct vcpu *vcpu);
void svm_run(struct vcpu *vcpu, struct vcpu_exit *exit);
const char *svm_exit_name(uint64_t code);

/* guest.c: what only guests' vCPUs have. */
int svm_load(struct vcpu *vcpu, const struct mullion_vcpu_page *page, uint32_t dirty);
void svm_store(const struct vcpu *vcpu, struct mullion_vcpu_page *page);
void *svm_fpu(struct vcpu *vcpu);
void svm_set_tsc_offset(struct vcpu *vcpu, uint64_t offset);
void svm_open_window(struct vcpu *vcpu);
/* On the pCPU that it is about to run on. */
void svm_take_asid(struct svm_vcpu *svm);

/* check.c: whether the CPU would accept the VMCB (APM vol. 2, 15.5.1). NULL, or what is wrong.
 * Pure. */
const char *svm_check_vmcb(const struct vmcb *vmcb);

#endif
