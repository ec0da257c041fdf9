/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A vCPU's architectural state in its VMCB. */
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "svm/svm.h"
#include "x86/cpu.h"

#define CR0_PE	0x1ULL
#define CR0_PG	0x80000000ULL
#define CR4_PAE 0x20ULL

#define ATTRIBUTES_CODE16 0x09b
#define ATTRIBUTES_DATA16 0x093
#define ATTRIBUTES_CODE64 0xa9b
#define ATTRIBUTES_DATA32 0xc93
#define ATTRIBUTES_LDT	  0x082
#define ATTRIBUTES_TSS	  0x08b

static void set_segment(struct vmcb_segment *segment, uint16_t selector, uint16_t attributes,
			uint32_t limit, uint64_t base)
{
	segment->selector = selector;
	segment->attributes = attributes;
	segment->limit = limit;
	segment->base = base;
}

/* APM vol. 2, table 14-1; but caches on, as firmware leaves them. */
void svm_vcpu_reset(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);
	struct vmcb *vmcb = &svm->vmcb;
	struct vmcb_segment *data[] = {&vmcb->es, &vmcb->ss, &vmcb->ds, &vmcb->fs, &vmcb->gs};

	for (size_t i = 0; i < ARRAY_LENGTH(data); i++)
		set_segment(data[i], 0, ATTRIBUTES_DATA16, 0xffff, 0);
	set_segment(&vmcb->cs, 0xf000, ATTRIBUTES_CODE16, 0xffff, 0xffff0000);
	set_segment(&vmcb->ldtr, 0, ATTRIBUTES_LDT, 0xffff, 0);
	set_segment(&vmcb->tr, 0, ATTRIBUTES_TSS, 0xffff, 0);
	set_segment(&vmcb->gdtr, 0, 0, 0xffff, 0);
	set_segment(&vmcb->idtr, 0, 0, 0xffff, 0);
	vmcb->cpl = 0;
	vmcb->efer = EFER_SVME;
	vmcb->cr0 = 0x10;
	vmcb->cr2 = vmcb->cr3 = vmcb->cr4 = 0;
	vmcb->dr6 = 0xffff0ff0;
	vmcb->dr7 = 0x400;
	vmcb->rflags = 2;
	vmcb->rip = 0xfff0;
	vmcb->star = vmcb->lstar = vmcb->cstar = vmcb->sfmask = vmcb->kernel_gs_base = 0;
	vmcb->sysenter_cs = vmcb->sysenter_esp = vmcb->sysenter_eip = 0;
	vmcb->g_pat = 0x0007040600070406ULL;
	vmcb->dbgctl = 0;
	vmcb->event_injection = 0;
	vmcb->interrupt_shadow = 0;
	vmcb->virtual_interrupt = VMCB_V_INTR_MASKING;
	vmcb->intercept_misc1 &= ~INTERCEPT_VINTR;
	svm->nmi_blocked = false;
	memset(svm->dr, 0, sizeof(svm->dr));
	svm->tsc_aux = 0;
	for (size_t i = 0; i < 16; i++)
		vcpu->registers[i] = 0;
	vcpu->registers[RDX] = cpuid(1, 0).eax;
}

void svm_vcpu_startup(struct vcpu *vcpu, uint8_t vector)
{
	struct vmcb *vmcb = &svm_of(vcpu)->vmcb;

	set_segment(&vmcb->cs, (uint16_t)(vector << 8), ATTRIBUTES_CODE16, 0xffff,
		    (uint64_t)vector << 12);
	vmcb->rip = 0;
}

void svm_vcpu_enter_64(struct vcpu *vcpu, uint64_t rip, uint64_t gdt, uint64_t cr3)
{
	struct vmcb *vmcb = &svm_of(vcpu)->vmcb;
	struct vmcb_segment *data[] = {&vmcb->es, &vmcb->ss, &vmcb->ds};

	/* __BOOT_CS and __BOOT_DS of Linux' boot protocol. */
	for (size_t i = 0; i < ARRAY_LENGTH(data); i++)
		set_segment(data[i], 0x18, ATTRIBUTES_DATA32, 0xffffffff, 0);
	set_segment(&vmcb->cs, 0x10, ATTRIBUTES_CODE64, 0xffffffff, 0);
	set_segment(&vmcb->gdtr, 0, 0, 4 * 8 - 1, gdt);
	vmcb->cr0 = CR0_PE | CR0_PG | 0x30; /* ET, NE */
	vmcb->cr3 = cr3;
	vmcb->cr4 = CR4_PAE;
	vmcb->efer = EFER_SVME | EFER_LME | EFER_LMA;
	vmcb->rip = rip;
}

void svm_get_mode(const struct vcpu *vcpu, struct vcpu_mode *mode)
{
	const struct vmcb *vmcb = &svm_of(vcpu)->vmcb;

	mode->rip = vmcb->rip;
	mode->cr0 = vmcb->cr0;
	mode->cr3 = vmcb->cr3;
	mode->cr4 = vmcb->cr4;
	mode->efer = vmcb->efer;
	mode->rflags = vmcb->rflags;
	mode->long_mode = svm_is_64_bit(vmcb);
	mode->wide = vmcb->cs.attributes & 0x400;
	mode->cs_base = mode->long_mode ? 0 : vmcb->cs.base;
	mode->cpl = vmcb->cpl;
}

static bool pat_is_valid(uint64_t pat)
{
	for (unsigned i = 0; i < 64; i += 8) {
		uint8_t type = (uint8_t)(pat >> i);

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

/* Where an MSR that exits for no VM is kept while the vCPU does not run; *address: it holds one. */
static uint64_t *direct_field(struct svm_vcpu *svm, uint32_t msr, bool *address)
{
	struct vmcb *vmcb = &svm->vmcb;

	*address = true;
	switch (msr) {
	case MSR_LSTAR:
		return &vmcb->lstar;
	case MSR_CSTAR:
		return &vmcb->cstar;
	case MSR_FS_BASE:
		return &vmcb->fs.base;
	case MSR_GS_BASE:
		return &vmcb->gs.base;
	case MSR_KERNEL_GS:
		return &vmcb->kernel_gs_base;
	case 0x175:
		return &vmcb->sysenter_esp;
	case 0x176:
		return &vmcb->sysenter_eip;
	default:
		*address = false;
	}
	switch (msr) {
	case MSR_STAR:
		return &vmcb->star;
	case MSR_SFMASK:
		return &vmcb->sfmask;
	case MSR_TSC_AUX:
		return &svm->tsc_aux;
	case 0x174:
		return &vmcb->sysenter_cs;
	default:
		return NULL;
	}
}

static bool is_canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

static int write_direct(struct svm_vcpu *svm, uint32_t msr, uint64_t value)
{
	bool address;
	uint64_t *field = direct_field(svm, msr, &address);

	if (field == NULL)
		return -ENOENT;
	if ((address && !is_canonical(value)) || (msr == MSR_TSC_AUX && value >> 32))
		return -EPERM;
	*field = value;
	return 0;
}

int svm_msr_read(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
	const struct vmcb *vmcb = &svm_of(vcpu)->vmcb;
	const uint64_t *field;
	bool address;

	switch (msr) {
	case MSR_EFER:
		*value = vmcb->efer & ~EFER_SVME;
		return 0;
	case MSR_PAT:
		*value = vmcb->g_pat;
		return 0;
	default:
		field = direct_field(svm_of(vcpu), msr, &address);
		if (field == NULL)
			return -ENOENT;
		*value = *field;
		return 0;
	}
}

int svm_msr_write(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	struct vmcb *vmcb = &svm_of(vcpu)->vmcb;

	switch (msr) {
	case MSR_EFER: {
		/* FFXSR is bit 14. LMA is the CPU's; LME cannot change while paging is on. */
		const uint64_t writable = EFER_SCE | EFER_LME | EFER_NXE | 1ULL << 14;

		if (value & ~(writable | EFER_LMA))
			return -EPERM;
		if ((vmcb->cr0 & CR0_PG) && ((value ^ vmcb->efer) & EFER_LME))
			return -EPERM;
		vmcb->efer = (value & writable) | (vmcb->efer & EFER_LMA) | EFER_SVME;
		return 0;
	}
	case MSR_PAT:
		if (!pat_is_valid(value))
			return -EPERM;
		vmcb->g_pat = value;
		return 0;
	default:
		return write_direct(svm_of(vcpu), msr, value);
	}
}

void svm_dump(const struct vcpu *vcpu)
{
	const struct vmcb *v = &svm_of(vcpu)->vmcb;
	const uint64_t *r = vcpu->registers;
	const char *problem = svm_check_vmcb(v);
	static const char *const names[] = {"es", "cs",	  "ss",	  "ds",	  "fs",
					    "gs", "gdtr", "ldtr", "idtr", "tr"};

	log_line("%s vCPU %u: exit 0x%lx (%s) info %lx %lx, event %lx, CPL %u", vcpu->vm->name,
		 vcpu->number, v->exit_code, svm_exit_name(v->exit_code), v->exit_info1,
		 v->exit_info2, v->exit_interrupt_info, v->cpl);
	if (problem != NULL)
		log_line("the CPU does not accept this state: %s", problem);
	log_line("rip %016lx rsp %016lx rflags %08lx", v->rip, v->rsp, v->rflags);
	for (unsigned i = 0; i < 16; i += 4)
		log_line("r%02u %016lx r%02u %016lx r%02u %016lx r%02u %016lx", i,
			 i == RAX ? v->rax : r[i], i + 1, r[i + 1], i + 2, r[i + 2], i + 3,
			 r[i + 3]);
	log_line("cr0 %lx cr2 %lx cr3 %lx cr4 %lx efer %lx dr6 %lx dr7 %lx", v->cr0, v->cr2, v->cr3,
		 v->cr4, v->efer, v->dr6, v->dr7);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		const struct vmcb_segment *s = &v->es + i;

		log_line("%-4s %04x base %016lx limit %08x attributes %03x", names[i], s->selector,
			 s->base, s->limit, s->attributes);
	}
}
