/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vCPU's state between KVM's structures and the core's page: what the program sets waits there,
 * marked dirty, for the next run.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "kvm-parts.h"

#define BASE_TPR   0x80 /* in the APIC's page */
#define XSAVE_SIZE 4096
#define FXSAVE_XMM 160
#define VECTOR_NMI 2
#define EVENTS_VALID                                                                               \
	(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR |                       \
	 KVM_VCPUEVENT_VALID_SHADOW)

/* The core's number of each of KVM's registers, in the order of struct kvm_regs. */
static const u8 register_order[] = {0, 3, 1, 2, 6, 7, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15};

static void get_regs(const struct mullion_vcpu_page *page, struct kvm_regs *regs)
{
	u64 *to = &regs->rax;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(register_order); n++)
		to[n] = page->registers[register_order[n]];
	regs->rip = page->rip;
	regs->rflags = page->rflags;
}

static long set_regs(struct mullion_vcpu_page *page, const struct kvm_regs *regs)
{
	const u64 *from = &regs->rax;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(register_order); n++)
		page->registers[register_order[n]] = from[n];
	page->rip = regs->rip;
	page->rflags = regs->rflags | X86_EFLAGS_FIXED;
	page->dirty |= MULLION_DIRTY_GENERAL;
	return 0;
}

/* ---- segments and control registers ---- */

static void get_segment(const struct mullion_segment *from, struct kvm_segment *to)
{
	u16 a = from->attributes;

	*to = (struct kvm_segment){
		.base = from->base,
		.limit = from->limit,
		.selector = from->selector,
		.type = a & 15,
		.s = a >> 4 & 1,
		.dpl = a >> 5 & 3,
		.present = a >> 7 & 1,
		.avl = a >> 8 & 1,
		.l = a >> 9 & 1,
		.db = a >> 10 & 1,
		.g = a >> 11 & 1,
		.unusable = !(a >> 7 & 1),
	};
}

static void set_segment(struct mullion_segment *to, const struct kvm_segment *from)
{
	to->base = from->base;
	to->limit = from->limit;
	to->selector = from->selector;
	to->attributes = (from->type & 15) | (from->s & 1) << 4 | (from->dpl & 3) << 5 |
			 (from->present && !from->unusable) << 7 | (from->avl & 1) << 8 |
			 (from->l & 1) << 9 | (from->db & 1) << 10 | (from->g & 1) << 11;
}

static void get_sregs(struct mkvm_vcpu *vcpu, struct kvm_sregs *sregs)
{
	const struct mullion_vcpu_page *page = vcpu->page;
	const u32 pending = MULLION_EVENT_VALID | MULLION_EVENT_INTERRUPT;

	memset(sregs, 0, sizeof(*sregs));
	get_segment(&page->segments[MULLION_CS], &sregs->cs);
	get_segment(&page->segments[MULLION_DS], &sregs->ds);
	get_segment(&page->segments[MULLION_ES], &sregs->es);
	get_segment(&page->segments[MULLION_FS], &sregs->fs);
	get_segment(&page->segments[MULLION_GS], &sregs->gs);
	get_segment(&page->segments[MULLION_SS], &sregs->ss);
	get_segment(&page->segments[MULLION_TR], &sregs->tr);
	get_segment(&page->segments[MULLION_LDTR], &sregs->ldt);
	sregs->gdt.base = page->gdtr.base;
	sregs->gdt.limit = page->gdtr.limit;
	sregs->idt.base = page->idtr.base;
	sregs->idt.limit = page->idtr.limit;
	sregs->cr0 = page->cr0;
	sregs->cr2 = page->cr2;
	sregs->cr3 = page->cr3;
	sregs->cr4 = page->cr4;
	sregs->cr8 = page->cr8;
	sregs->efer = page->efer;
	sregs->apic_base = vcpu->vm->split ? page->apic_base : vcpu->apic_base;
	if ((page->event & (MULLION_EVENT_VALID | MULLION_EVENT_TYPE)) == pending)
		__set_bit(page->event & MULLION_EVENT_VECTOR,
			  (unsigned long *)sregs->interrupt_bitmap);
}

/* What no mode of a CPU allows, however the rest is set. */
static bool are_sregs_possible(const struct kvm_sregs *sregs)
{
	bool paging = sregs->cr0 & X86_CR0_PG;

	if (sregs->efer & ~(u64)MKVM_EFER || (paging && !(sregs->cr0 & X86_CR0_PE)))
		return false;
	if (paging && sregs->efer & EFER_LME)
		return sregs->cr4 & X86_CR4_PAE && sregs->efer & EFER_LMA;
	return !(sregs->efer & EFER_LMA) && !sregs->cs.l;
}

/* The parts of them that the APIC keeps. */
static long set_apic(struct mkvm_vcpu *vcpu, u64 base, u64 cr8)
{
	struct mullion_vcpu_msr *msr = vcpu->scratch;
	u8 *lapic = vcpu->scratch;
	long error = 0;

	if (!vcpu->vm->split) {
		vcpu->apic_base = base;
		return 0;
	}
	if (base != vcpu->page->apic_base) {
		*msr = (struct mullion_vcpu_msr){MSR_IA32_APICBASE, 0, base};
		error = mkvm_vcpu_set_item(vcpu, MULLION_VCPU_MSR, sizeof(*msr));
	}
	if (!error && cr8 != vcpu->page->cr8) {
		error = mkvm_vcpu_get_item(vcpu, MULLION_VCPU_LAPIC, KVM_APIC_REG_SIZE);
		lapic[BASE_TPR] = cr8 << 4;
		if (!error)
			error = mkvm_vcpu_set_item(vcpu, MULLION_VCPU_LAPIC, KVM_APIC_REG_SIZE);
	}
	return error;
}

static long set_sregs(struct mkvm_vcpu *vcpu, const struct kvm_sregs *sregs)
{
	struct mullion_vcpu_page *page = vcpu->page;
	u32 vector = find_first_bit((unsigned long *)sregs->interrupt_bitmap, 256);
	long error;

	if (!are_sregs_possible(sregs) || sregs->cr8 > 15)
		return -EINVAL;
	error = set_apic(vcpu, sregs->apic_base, sregs->cr8);
	if (error)
		return error;
	set_segment(&page->segments[MULLION_CS], &sregs->cs);
	set_segment(&page->segments[MULLION_DS], &sregs->ds);
	set_segment(&page->segments[MULLION_ES], &sregs->es);
	set_segment(&page->segments[MULLION_FS], &sregs->fs);
	set_segment(&page->segments[MULLION_GS], &sregs->gs);
	set_segment(&page->segments[MULLION_SS], &sregs->ss);
	set_segment(&page->segments[MULLION_TR], &sregs->tr);
	set_segment(&page->segments[MULLION_LDTR], &sregs->ldt);
	page->gdtr.base = sregs->gdt.base;
	page->gdtr.limit = sregs->gdt.limit;
	page->idtr.base = sregs->idt.base;
	page->idtr.limit = sregs->idt.limit;
	page->cr0 = sregs->cr0;
	page->cr2 = sregs->cr2;
	page->cr3 = sregs->cr3;
	page->cr4 = sregs->cr4;
	page->efer = sregs->efer;
	page->dirty |= MULLION_DIRTY_SYSTEM;
	if (vector < 256) {
		page->event = MULLION_EVENT_VALID | MULLION_EVENT_INTERRUPT | vector;
		page->event_code = 0;
		page->dirty |= MULLION_DIRTY_EVENTS;
	}
	return 0;
}

/* ---- debug registers and events ---- */

static void get_debugregs(const struct mullion_vcpu_page *page, struct kvm_debugregs *debug)
{
	memset(debug, 0, sizeof(*debug));
	memcpy(debug->db, page->dr, sizeof(debug->db));
	debug->dr6 = page->dr6;
	debug->dr7 = page->dr7;
}

static long set_debugregs(struct mullion_vcpu_page *page, const struct kvm_debugregs *debug)
{
	if (debug->flags || debug->dr6 >> 32 || debug->dr7 >> 32)
		return -EINVAL;
	memcpy(page->dr, debug->db, sizeof(page->dr));
	page->dr6 = debug->dr6;
	page->dr7 = debug->dr7;
	page->dirty |= MULLION_DIRTY_DEBUG;
	return 0;
}

static void get_events(const struct mullion_vcpu_page *page, struct kvm_vcpu_events *events)
{
	u8 vector = page->event & MULLION_EVENT_VECTOR;

	memset(events, 0, sizeof(*events));
	events->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
	events->nmi.pending = !!(page->flags & MULLION_FLAG_NMI_PENDING);
	events->nmi.masked = !!(page->flags & MULLION_FLAG_NMI_BLOCKED);
	/* STI's or MOV SS'; the CPU does not tell which, and both end with an instruction. */
	events->interrupt.shadow = page->flags & MULLION_FLAG_SHADOW ? KVM_X86_SHADOW_INT_STI : 0;
	if (!(page->event & MULLION_EVENT_VALID))
		return;
	switch (page->event & MULLION_EVENT_TYPE) {
	case MULLION_EVENT_NMI:
		events->nmi.injected = 1;
		break;
	case MULLION_EVENT_EXCEPTION:
		events->exception.injected = 1;
		events->exception.nr = vector;
		events->exception.has_error_code = !!(page->event & MULLION_EVENT_HAS_CODE);
		events->exception.error_code = page->event_code;
		break;
	default:
		events->interrupt.injected = 1;
		events->interrupt.nr = vector;
		events->interrupt.soft =
			(page->event & MULLION_EVENT_TYPE) == MULLION_EVENT_SOFTWARE;
		break;
	}
}

static void set_flag(struct mullion_vcpu_page *page, u32 flag, bool value)
{
	page->flags = (page->flags & ~flag) | (value ? flag : 0);
}

static long set_events(struct mullion_vcpu_page *page, const struct kvm_vcpu_events *events)
{
	u32 event = 0, code = 0;

	if (events->flags & ~EVENTS_VALID)
		return -EINVAL;
	if (events->exception.injected &&
	    (events->exception.nr > 31 || events->exception.nr == VECTOR_NMI))
		return -EINVAL;
	if (events->exception.injected) {
		event = MULLION_EVENT_VALID | MULLION_EVENT_EXCEPTION | events->exception.nr;
		if (events->exception.has_error_code) {
			event |= MULLION_EVENT_HAS_CODE;
			code = events->exception.error_code;
		}
	} else if (events->nmi.injected) {
		event = MULLION_EVENT_VALID | MULLION_EVENT_NMI | VECTOR_NMI;
	} else if (events->interrupt.injected) {
		event = MULLION_EVENT_VALID | events->interrupt.nr |
			(events->interrupt.soft ? MULLION_EVENT_SOFTWARE : MULLION_EVENT_INTERRUPT);
	}
	page->event = event;
	page->event_code = code;
	set_flag(page, MULLION_FLAG_NMI_BLOCKED, events->nmi.masked);
	if (events->flags & KVM_VCPUEVENT_VALID_NMI_PENDING) {
		set_flag(page, MULLION_FLAG_NMI_PENDING, events->nmi.pending);
		page->dirty |= MULLION_DIRTY_NMI;
	}
	if (events->flags & KVM_VCPUEVENT_VALID_SHADOW)
		set_flag(page, MULLION_FLAG_SHADOW, events->interrupt.shadow);
	page->dirty |= MULLION_DIRTY_EVENTS;
	return 0;
}

static u32 get_mp_state(const struct mkvm_vcpu *vcpu)
{
	switch (vcpu->page->activity) {
	case MULLION_HALTED:
		return KVM_MP_STATE_HALTED;
	case MULLION_WAIT_FOR_STARTUP:
		return KVM_MP_STATE_UNINITIALIZED;
	default:
		return KVM_MP_STATE_RUNNABLE;
	}
}

static long set_mp_state(struct mkvm_vcpu *vcpu, u32 state)
{
	struct mullion_vcpu_page *page = vcpu->page;

	if (!vcpu->vm->split && state != KVM_MP_STATE_RUNNABLE)
		return -EINVAL;
	switch (state) {
	case KVM_MP_STATE_RUNNABLE:
		page->activity = MULLION_RUNNABLE;
		break;
	case KVM_MP_STATE_HALTED:
		page->activity = MULLION_HALTED;
		break;
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_INIT_RECEIVED:
		page->activity = MULLION_WAIT_FOR_STARTUP;
		break;
	default: /* a start-up IPI is never half taken here */
		return -EINVAL;
	}
	page->dirty |= MULLION_DIRTY_ACTIVITY;
	return 0;
}

/* ---- the FPU ---- */

static void get_fpu(const u8 *fxsave, struct kvm_fpu *fpu)
{
	memset(fpu, 0, sizeof(*fpu));
	memcpy(&fpu->fcw, fxsave, 2);
	memcpy(&fpu->fsw, fxsave + 2, 2);
	fpu->ftwx = fxsave[4];
	memcpy(&fpu->last_opcode, fxsave + 6, 2);
	memcpy(&fpu->last_ip, fxsave + 8, 8);
	memcpy(&fpu->last_dp, fxsave + 16, 8);
	memcpy(&fpu->mxcsr, fxsave + 24, 4);
	memcpy(fpu->fpr, fxsave + 32, sizeof(fpu->fpr));
	memcpy(fpu->xmm, fxsave + FXSAVE_XMM, sizeof(fpu->xmm));
}

/* Into an XSAVE area; its components x87 and SSE are there then. */
static void set_fpu(u8 *xsave, const struct kvm_fpu *fpu)
{
	memcpy(xsave, &fpu->fcw, 2);
	memcpy(xsave + 2, &fpu->fsw, 2);
	xsave[4] = fpu->ftwx;
	memcpy(xsave + 6, &fpu->last_opcode, 2);
	memcpy(xsave + 8, &fpu->last_ip, 8);
	memcpy(xsave + 16, &fpu->last_dp, 8);
	memcpy(xsave + 24, &fpu->mxcsr, 4);
	memcpy(xsave + 32, fpu->fpr, sizeof(fpu->fpr));
	memcpy(xsave + FXSAVE_XMM, fpu->xmm, sizeof(fpu->xmm));
	xsave[512] |= XFEATURE_MASK_FPSSE;
}

static long fpu_ioctl(struct mkvm_vcpu *vcpu, bool set, struct kvm_fpu *fpu)
{
	long error = mkvm_vcpu_get_item(vcpu, MULLION_VCPU_XSAVE, XSAVE_SIZE);

	if (error)
		return error;
	if (!set) {
		get_fpu(vcpu->scratch, fpu);
		return 0;
	}
	set_fpu(vcpu->scratch, fpu);
	return mkvm_vcpu_set_item(vcpu, MULLION_VCPU_XSAVE, XSAVE_SIZE);
}

/* As the core has it. AMD APM vol. 2, 11.5.2. */
static bool is_xcr0_possible(u64 value)
{
	const u64 never = XFEATURE_MASK_PKRU | XFEATURE_MASK_BNDREGS | XFEATURE_MASK_BNDCSR;
	const u64 avx = XFEATURE_MASK_SSE | XFEATURE_MASK_YMM;
	u32 eax, ebx, ecx, edx;

	cpuid_count(0xd, 0, &eax, &ebx, &ecx, &edx);
	if (value & ~((u64)edx << 32 | eax) || value & never || !(value & XFEATURE_MASK_FP) ||
	    (value & avx) == XFEATURE_MASK_YMM)
		return false;
	return !(value & XFEATURE_MASK_AVX512) || !(~value & (XFEATURE_MASK_AVX512 | avx));
}

static long xcrs_ioctl(struct mkvm_vcpu *vcpu, bool set, struct kvm_xcrs *xcrs)
{
	u32 n;

	if (!set) {
		memset(xcrs, 0, sizeof(*xcrs));
		xcrs->nr_xcrs = 1;
		xcrs->xcrs[0].value = vcpu->page->xcr0;
		return 0;
	}
	if (xcrs->flags || xcrs->nr_xcrs > KVM_MAX_XCRS)
		return -EINVAL;
	for (n = 0; n < xcrs->nr_xcrs; n++) {
		if (xcrs->xcrs[n].xcr)
			continue; /* there is only XCR0 */
		if (!is_xcr0_possible(xcrs->xcrs[n].value))
			return -EINVAL;
		vcpu->page->xcr0 = xcrs->xcrs[n].value;
		vcpu->page->dirty |= MULLION_DIRTY_XCR0;
	}
	return 0;
}

/* ---- ioctls ---- */

/* What is as large as the core has it. */
static long item_ioctl(struct mkvm_vcpu *vcpu, u32 item, bool set, void __user *user, u32 size)
{
	long error;

	if (!set) {
		error = mkvm_vcpu_get_item(vcpu, item, size);
		if (!error && copy_to_user(user, vcpu->scratch, size))
			error = -EFAULT;
		return error;
	}
	if (copy_from_user(vcpu->scratch, user, size))
		return -EFAULT;
	return mkvm_vcpu_set_item(vcpu, item, size);
}

union state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_fpu fpu;
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debug;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp;
};

static long get_state(struct mkvm_vcpu *vcpu, unsigned int number, union state *state)
{
	mkvm_vcpu_sync(vcpu);
	switch (number) {
	case KVM_GET_REGS:
		get_regs(vcpu->page, &state->regs);
		return 0;
	case KVM_GET_SREGS:
		get_sregs(vcpu, &state->sregs);
		return 0;
	case KVM_GET_FPU:
		return fpu_ioctl(vcpu, false, &state->fpu);
	case KVM_GET_XCRS:
		return xcrs_ioctl(vcpu, false, &state->xcrs);
	case KVM_GET_DEBUGREGS:
		get_debugregs(vcpu->page, &state->debug);
		return 0;
	case KVM_GET_VCPU_EVENTS:
		get_events(vcpu->page, &state->events);
		return 0;
	case KVM_GET_MP_STATE:
		state->mp.mp_state = get_mp_state(vcpu);
		return 0;
	default:
		return -ENOTTY;
	}
}

static long set_state(struct mkvm_vcpu *vcpu, unsigned int number, union state *state)
{
	switch (number) {
	case KVM_SET_REGS:
		return set_regs(vcpu->page, &state->regs);
	case KVM_SET_SREGS:
		return set_sregs(vcpu, &state->sregs);
	case KVM_SET_FPU:
		return fpu_ioctl(vcpu, true, &state->fpu);
	case KVM_SET_XCRS:
		return xcrs_ioctl(vcpu, true, &state->xcrs);
	case KVM_SET_DEBUGREGS:
		return set_debugregs(vcpu->page, &state->debug);
	case KVM_SET_VCPU_EVENTS:
		mkvm_vcpu_sync(vcpu); /* parts of it are kept */
		return set_events(vcpu->page, &state->events);
	case KVM_SET_MP_STATE:
		return set_mp_state(vcpu, state->mp.mp_state);
	default:
		return -ENOTTY;
	}
}

long mkvm_state_ioctl(struct mkvm_vcpu *vcpu, unsigned int number, void __user *user)
{
	size_t size = _IOC_SIZE(number);
	union state *state;
	long result;

	if (number == KVM_GET_LAPIC || number == KVM_SET_LAPIC)
		return vcpu->vm->split
			       ? item_ioctl(vcpu, MULLION_VCPU_LAPIC, number == KVM_SET_LAPIC, user,
					    KVM_APIC_REG_SIZE)
			       : -EINVAL;
	if (number == KVM_GET_XSAVE || number == KVM_SET_XSAVE)
		return item_ioctl(vcpu, MULLION_VCPU_XSAVE, number == KVM_SET_XSAVE, user,
				  XSAVE_SIZE);
	if (size > sizeof(*state) || !size)
		return -ENOTTY;
	state = kzalloc(sizeof(*state), GFP_KERNEL_ACCOUNT);
	if (!state)
		return -ENOMEM;
	if (_IOC_DIR(number) == _IOC_WRITE) {
		result = copy_from_user(state, user, size) ? -EFAULT
							   : set_state(vcpu, number, state);
	} else {
		result = get_state(vcpu, number, state);
		if (!result && copy_to_user(user, state, size))
			result = -EFAULT;
	}
	kfree(state);
	return result;
}
