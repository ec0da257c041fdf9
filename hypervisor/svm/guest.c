/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's vCPU between its control block and the page that the control VM sees. The page is a
 * copy that nobody changes any more; what VMRUN would refuse, it refuses, and what VMRUN takes as
 * it is cannot harm more than the guest.
 */
#include "lib/errno.h"
#include "lib/string.h"
#include "svm/svm.h"
#include "vm/exit.h"
#include "x86/pcpu.h"

#define CR0_PE	    1ULL
#define CR0_PG	    (1ULL << 31)
#define RFLAGS_VM   (1ULL << 17)
#define RFLAGS_KEPT 0x3f7fd5ULL
#define EFER_KEPT   (EFER_SCE | EFER_LME | EFER_NXE | 1ULL << 14) /* FFXSR */
#define EVENT_KEPT  (VMCB_EVENT_VALID | VMCB_EVENT_HAS_CODE | VMCB_EVENT_TYPE | 0xff)
#define DPL_SHIFT   5

/* The part of the VMCB that load_system() and its like write. */
#define STATE_FIRST offsetof(struct vmcb, es)
#define STATE_SIZE  (offsetof(struct vmcb, g_pat) - STATE_FIRST)

_Static_assert(MULLION_EVENT_VALID == VMCB_EVENT_VALID && MULLION_EVENT_TYPE == VMCB_EVENT_TYPE &&
		       MULLION_EVENT_HAS_CODE == VMCB_EVENT_HAS_CODE,
	       "an event is as in a VMCB");

/* Where in the VMCB, from ES on, those of enum mullion_segment_number are; GDTR and IDTR lie
 * between.
 */
static const uint8_t places[MULLION_SEGMENTS] = {0, 1, 2, 3, 4, 5, 7, 9};

static void load_segment(struct vmcb_segment *to, const struct mullion_segment *from)
{
	*to = (struct vmcb_segment){from->selector, from->attributes & 0xfff, from->limit,
				    from->base};
}

/* Not by lib/string.h's: inline, as exits are hot. */
static void store_segment(struct mullion_segment *to, const struct vmcb_segment *from)
{
	_Static_assert(sizeof(*to) == sizeof(*from), "a segment is as in a VMCB");
	__builtin_memcpy(to, from, sizeof(*to));
}

static void load_system(struct vmcb *vmcb, const struct mullion_vcpu_page *page)
{
	uint64_t lma = (page->efer & EFER_LME) && (page->cr0 & CR0_PG) ? EFER_LMA : 0;

	for (size_t i = 0; i < MULLION_SEGMENTS; i++)
		load_segment(&vmcb->es + places[i], &page->segments[i]);
	load_segment(&vmcb->gdtr, &page->gdtr);
	load_segment(&vmcb->idtr, &page->idtr);
	vmcb->cr0 = page->cr0;
	vmcb->cr2 = page->cr2;
	vmcb->cr3 = page->cr3;
	vmcb->cr4 = page->cr4;
	vmcb->efer = (page->efer & EFER_KEPT) | lma | EFER_SVME;
}

/* What follows from several parts. */
static uint8_t cpl_of(const struct vmcb *vmcb)
{
	if (!(vmcb->cr0 & CR0_PE))
		return 0;
	return vmcb->rflags & RFLAGS_VM ? 3 : vmcb->ss.attributes >> DPL_SHIFT & 3;
}

static void load_flags(struct vcpu *vcpu, uint32_t flags)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	svm->vmcb.interrupt_shadow = flags & MULLION_FLAG_SHADOW ? 1 : 0;
	svm->nmi_blocked = flags & MULLION_FLAG_NMI_BLOCKED;
	svm->at_iret = false;
	if (svm->nmi_blocked)
		svm->vmcb.intercept_misc1 |= INTERCEPT_IRET;
	else
		svm->vmcb.intercept_misc1 &= ~INTERCEPT_IRET;
}

/* No value of these is one that a CPU cannot have. */
static void load_general(struct vmcb *vmcb, const struct mullion_vcpu_page *page)
{
	vmcb->rip = page->rip;
	vmcb->rflags = (page->rflags & RFLAGS_KEPT) | 2;
	if (vmcb->rflags & RFLAGS_VM)
		vmcb->cpl = 3;
}

int svm_load(struct vcpu *vcpu, const struct mullion_vcpu_page *page, uint32_t dirty)
{
	struct svm_vcpu *svm = svm_of(vcpu);
	struct vmcb *vmcb = &svm->vmcb;
	uint64_t event = vmcb->event_injection;
	uint8_t old[STATE_SIZE];

	if (dirty == MULLION_DIRTY_GENERAL) { /* most often */
		load_general(vmcb, page);
		return 0;
	}
	if ((dirty & MULLION_DIRTY_SYSTEM && page->efer & ~(EFER_KEPT | EFER_LMA)) ||
	    (dirty & MULLION_DIRTY_XCR0 && !exit_xcr0_is_valid(page->xcr0)))
		return -EINVAL;
	memcpy(old, (char *)vmcb + STATE_FIRST, STATE_SIZE);
	if (dirty & MULLION_DIRTY_GENERAL)
		load_general(vmcb, page);
	if (dirty & MULLION_DIRTY_SYSTEM) {
		load_system(vmcb, page);
		vmcb->cpl = cpl_of(vmcb);
	}
	if (dirty & MULLION_DIRTY_DEBUG) {
		vmcb->dr6 = page->dr6;
		vmcb->dr7 = page->dr7;
	}
	if (dirty & MULLION_DIRTY_EVENTS)
		vmcb->event_injection =
			page->event & MULLION_EVENT_VALID
				? (page->event & EVENT_KEPT) | (uint64_t)page->event_code << 32
				: 0;
	if (svm_check_vmcb(vmcb) != NULL) {
		memcpy((char *)vmcb + STATE_FIRST, old, STATE_SIZE);
		vmcb->event_injection = event;
		return -EINVAL;
	}
	if (dirty & MULLION_DIRTY_DEBUG)
		memcpy(svm->dr, page->dr, sizeof(svm->dr));
	if (dirty & MULLION_DIRTY_EVENTS)
		load_flags(vcpu, page->flags);
	if (dirty & MULLION_DIRTY_XCR0)
		svm->xcr0 = page->xcr0;
	return 0;
}

void svm_store(const struct vcpu *vcpu, struct mullion_vcpu_page *page)
{
	const struct svm_vcpu *svm = svm_of(vcpu);
	const struct vmcb *vmcb = &svm->vmcb;
	bool event = vmcb->event_injection & VMCB_EVENT_VALID;

	page->rip = vmcb->rip;
	page->rflags = vmcb->rflags;
	for (size_t i = 0; i < MULLION_LDTR; i++)
		store_segment(&page->segments[i], &vmcb->es + i);
	store_segment(&page->segments[MULLION_LDTR], &vmcb->ldtr);
	store_segment(&page->segments[MULLION_TR], &vmcb->tr);
	/* What counts is the VMCB's CPL; the next load looks here. */
	page->segments[MULLION_SS].attributes =
		(uint16_t)((vmcb->ss.attributes & ~(3U << DPL_SHIFT)) | (unsigned)vmcb->cpl
										<< DPL_SHIFT);
	store_segment(&page->gdtr, &vmcb->gdtr);
	store_segment(&page->idtr, &vmcb->idtr);
	page->cr0 = vmcb->cr0;
	page->cr2 = vmcb->cr2;
	page->cr3 = vmcb->cr3;
	page->cr4 = vmcb->cr4;
	page->efer = vmcb->efer & ~EFER_SVME;
	__builtin_memcpy(page->dr, svm->dr, sizeof(page->dr));
	page->dr6 = vmcb->dr6;
	page->dr7 = vmcb->dr7;
	page->event = event ? (uint32_t)vmcb->event_injection : 0;
	page->event_code = event ? (uint32_t)(vmcb->event_injection >> 32) : 0;
	page->flags = (vmcb->interrupt_shadow & 1 ? MULLION_FLAG_SHADOW : 0) |
		      (svm_nmi_open(vcpu) ? 0 : MULLION_FLAG_NMI_BLOCKED);
	page->xcr0 = svm->xcr0;
	page->cpl = vmcb->cpl;
}

void *svm_fpu(struct vcpu *vcpu)
{
	return svm_of(vcpu)->xsave;
}

void svm_set_tsc_offset(struct vcpu *vcpu, uint64_t offset)
{
	vcpu->tsc_offset = offset;
	svm_of(vcpu)->vmcb.tsc_offset = offset;
}

void svm_open_window(struct vcpu *vcpu)
{
	struct vmcb *vmcb = &svm_of(vcpu)->vmcb;

	vmcb->virtual_interrupt =
		VMCB_V_INTR_MASKING | VMCB_V_IRQ | VMCB_V_IGN_TPR | VMCB_V_PRIORITY(15);
	vmcb->intercept_misc1 |= INTERCEPT_VINTR;
}

/* An ASID is forgotten when it is taken, not when it is given up: what another vCPU, or this one on
 * its way over other pCPUs, has left behind under it goes then. */
void svm_take_asid(struct svm_vcpu *svm)
{
	struct svm_cpu *cpu = this_pcpu()->svm;

	if (svm->asid_cpu == cpu && svm->asid_generation == cpu->asid_generation)
		return;
	if (cpu->next_asid < SVM_FIRST_GUEST_ASID || cpu->next_asid >= vendor_caps.asids) {
		cpu->next_asid = SVM_FIRST_GUEST_ASID;
		cpu->asid_generation++;
	}
	svm->vmcb.asid = cpu->next_asid++;
	svm->asid_cpu = cpu;
	svm->asid_generation = cpu->asid_generation;
	svm->flushed = 0; /* no VM's generation: flush on entry */
}
