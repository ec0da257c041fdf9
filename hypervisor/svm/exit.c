/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Into guest mode with what is pending, and what the exit means in neutral words: one table that
 * names every exit code there is (AMD APM vol. 2, appendix C). A code that is not asked for stops
 * the VM that caused it.
 */
#include "lib/log.h"
#include "svm/svm.h"
#include "x86/cpu.h"
#include "x86/pcpu.h"

#define DR7_GD (1ULL << 13)

struct exit_entry {
	enum exit_kind kind;
	uint8_t length; /* of the instruction without prefixes, where the CPU does not tell */
	void (*decode)(struct vcpu *vcpu, const struct vmcb *vmcb, struct vcpu_exit *exit);
};

static void decode_msr(struct vcpu *vcpu, const struct vmcb *vmcb, struct vcpu_exit *exit)
{
	uint32_t msr = (uint32_t)vcpu->registers[RCX];
	uint64_t write = vmcb->exit_info1 & 1;

	exit->msr = msr;
	exit->write = write;
	exit->info = write << 63 | msr;
}

/* APM vol. 2, 15.10.2. */
static void decode_io(struct vcpu *vcpu, const struct vmcb *vmcb, struct vcpu_exit *exit)
{
	uint64_t info = vmcb->exit_info1;

	(void)vcpu;
	exit->port = (uint16_t)(info >> 16);
	exit->size = info & 0x10 ? 1 : info & 0x20 ? 2 : 4;
	exit->write = !(info & 1);
	exit->string = info & 0xc;
	exit->length = (uint8_t)(vmcb->exit_info2 - vmcb->rip);
	exit->info = (uint64_t)exit->write << 63 | exit->port;
}

static void decode_memory(struct vcpu *vcpu, const struct vmcb *vmcb, struct vcpu_exit *exit)
{
	(void)vcpu;
	exit->address = gpa(vmcb->exit_info2);
	exit->info = vmcb->exit_info2;
	exit->write = vmcb->exit_info1 & 2;
	exit->fetch = vmcb->exit_info1 & 0x10;
}

static void decode_cr8(struct vcpu *vcpu, const struct vmcb *vmcb, struct vcpu_exit *exit)
{
	(void)vcpu;
	exit->write = vmcb->exit_code >= SVM_EXIT_CR_WRITE;
}

/* The window for an interrupt has opened: run() looks again. */
static void decode_window(struct vcpu *vcpu, const struct vmcb *vmcb, struct vcpu_exit *exit)
{
	struct vmcb *own = &svm_of(vcpu)->vmcb;

	(void)vmcb;
	(void)exit;
	own->virtual_interrupt = VMCB_V_INTR_MASKING;
	own->intercept_misc1 &= ~INTERCEPT_VINTR;
}

/* IRET: when it has run, NMIs may come again. */
static void decode_iret(struct vcpu *vcpu, const struct vmcb *vmcb, struct vcpu_exit *exit)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	(void)exit;
	svm->at_iret = true;
	svm->iret_rip = vmcb->rip;
	svm->vmcb.intercept_misc1 &= ~INTERCEPT_IRET;
}

/* #DB and #AC are intercepted only because delivering them can go on for ever inside the CPU; #MC
 * because it is the host's. */
static void decode_exception(struct vcpu *vcpu, const struct vmcb *vmcb, struct vcpu_exit *exit)
{
	uint8_t vector = (uint8_t)(vmcb->exit_code - SVM_EXIT_EXCEPTION);
	struct vmcb *own = &svm_of(vcpu)->vmcb;

	if (vector == EXCEPTION_MC)
		core_panic(REASON_MACHINE_CHECK, "in VM %s", vcpu->vm->name);
	if (vector != EXCEPTION_DB && vector != EXCEPTION_AC) {
		exit->kind = EXIT_UNKNOWN;
		return;
	}
	own->event_injection = VMCB_EVENT_VALID | VMCB_EVENT_EXCEPTION | vector;
	if (vector == EXCEPTION_AC)
		own->event_injection |= VMCB_EVENT_HAS_CODE;
	else
		own->dr7 &= ~DR7_GD; /* as its delivery does (APM vol. 2, 13.1.1.4) */
}

/* Kinds are EXIT_UNKNOWN where no line is: the core does not intercept it. */
static const struct exit_entry table[] = {
	[SVM_EXIT_CR_READ... SVM_EXIT_CR_READ + 7] = {EXIT_UNKNOWN, 0, NULL},
	[SVM_EXIT_CR_READ + 8] = {EXIT_CR8, 0, decode_cr8},
	[SVM_EXIT_CR_READ + 9 ... SVM_EXIT_CR_WRITE + 7] = {EXIT_UNKNOWN, 0, NULL},
	[SVM_EXIT_CR_WRITE + 8] = {EXIT_CR8, 0, decode_cr8},
	[SVM_EXIT_CR_WRITE + 9 ... SVM_EXIT_DR_WRITE + 15] = {EXIT_UNKNOWN, 0, NULL},
	[SVM_EXIT_EXCEPTION... SVM_EXIT_EXCEPTION + 31] = {EXIT_NOTHING, 0, decode_exception},
	[SVM_EXIT_INTR] = {EXIT_NOTHING, 0, NULL}, /* taken by the host after STGI */
	[SVM_EXIT_NMI] = {EXIT_NOTHING, 0, NULL},
	[SVM_EXIT_SMI] = {EXIT_NOTHING, 0, NULL},
	[SVM_EXIT_INIT] = {EXIT_NOTHING, 0, NULL},
	[SVM_EXIT_VINTR] = {EXIT_NOTHING, 0, decode_window},
	[SVM_EXIT_CR0_SEL_WRITE... SVM_EXIT_RDTSC] = {EXIT_UNKNOWN, 0, NULL},
	[SVM_EXIT_RDPMC] = {EXIT_PROTECTED, 2, NULL},
	[SVM_EXIT_PUSHF... SVM_EXIT_POPF] = {EXIT_UNKNOWN, 0, NULL},
	[SVM_EXIT_CPUID] = {EXIT_CPUID, 2, NULL},
	[SVM_EXIT_RSM] = {EXIT_UNDEFINED, 2, NULL},
	[SVM_EXIT_IRET] = {EXIT_NOTHING, 0, decode_iret},
	[SVM_EXIT_SWINT] = {EXIT_UNKNOWN, 0, NULL},
	[SVM_EXIT_INVD] = {EXIT_CACHE, 2, NULL},
	[SVM_EXIT_PAUSE] = {EXIT_UNKNOWN, 0, NULL},
	[SVM_EXIT_HLT] = {EXIT_HALT, 1, NULL},
	[SVM_EXIT_INVLPG] = {EXIT_UNKNOWN, 0, NULL},
	[SVM_EXIT_INVLPGA] = {EXIT_UNDEFINED, 3, NULL},
	[SVM_EXIT_IOIO] = {EXIT_IO, 0, decode_io},
	[SVM_EXIT_MSR] = {EXIT_MSR, 2, decode_msr},
	[SVM_EXIT_TASK_SWITCH... SVM_EXIT_FERR_FREEZE] = {EXIT_UNKNOWN, 0, NULL},
	[SVM_EXIT_SHUTDOWN] = {EXIT_SHUTDOWN, 0, NULL},
	[SVM_EXIT_VMRUN] = {EXIT_UNDEFINED, 3, NULL},
	[SVM_EXIT_VMMCALL] = {EXIT_HYPERCALL, 3, NULL},
	[SVM_EXIT_VMLOAD... SVM_EXIT_SKINIT] = {EXIT_UNDEFINED, 3, NULL},
	[SVM_EXIT_RDTSCP... SVM_EXIT_ICEBP] = {EXIT_UNKNOWN, 0, NULL},
	[SVM_EXIT_WBINVD] = {EXIT_CACHE, 2, NULL},
	[SVM_EXIT_MONITOR... SVM_EXIT_MWAIT_CONDITIONAL] = {EXIT_UNDEFINED, 3, NULL},
	[SVM_EXIT_XSETBV] = {EXIT_XSETBV, 3, NULL},
	[SVM_EXIT_RDPRU] = {EXIT_UNDEFINED, 3, NULL},
	[SVM_EXIT_EFER_WRITE_TRAP... SVM_EXIT_CR_WRITE_TRAP + 15] = {EXIT_UNKNOWN, 0, NULL},
	[SVM_EXIT_INVLPGB... SVM_EXIT_IDLE_HLT] = {EXIT_UNKNOWN, 0, NULL},
};
_Static_assert(ARRAY_LENGTH(table) == SVM_EXIT_IDLE_HLT + 1, "every exit below 0x400 has a line");

/* Nothing may have been flushed. */
static void decode_refused(struct vcpu *vcpu, const struct vmcb *vmcb, struct vcpu_exit *exit)
{
	(void)vmcb;
	(void)exit;
	svm_of(vcpu)->flushed = 0;
}

static const struct exit_entry memory_entry = {EXIT_MEMORY, 0, decode_memory};
static const struct exit_entry unknown_entry = {EXIT_UNKNOWN, 0, NULL};
static const struct exit_entry refused_entry = {EXIT_REFUSED, 0, decode_refused};

static const struct exit_entry *entry_of(uint64_t code)
{
	if (code < ARRAY_LENGTH(table))
		return &table[code];
	if ((uint32_t)code == SVM_EXIT_INVALID)
		return &refused_entry;
	if (code == SVM_EXIT_NPF)
		return &memory_entry;
	return &unknown_entry; /* AVIC and SEV are not used */
}

/* An event whose delivery the exit cut short is delivered again (APM vol. 2, 15.20); INT n, INT3
 * and INTO happen again by themselves, as RIP still points to them. An "exception" beyond 31 is how
 * an emulator names a virtual interrupt: it is still offered, and so happens again by itself too.
 */
static void requeue_event(struct vmcb *vmcb)
{
	uint64_t event = vmcb->exit_interrupt_info;
	uint64_t type = event & VMCB_EVENT_TYPE;
	uint8_t vector = (uint8_t)event;

	if ((uint32_t)vmcb->exit_code == SVM_EXIT_INVALID || type == VMCB_EVENT_SOFTWARE ||
	    (type == VMCB_EVENT_EXCEPTION && (vector == 3 || vector == 4 || vector > 31)))
		return;
	vmcb->event_injection = event;
}

static void decode(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	struct vmcb *vmcb = &svm_of(vcpu)->vmcb;
	const struct exit_entry *entry = entry_of(vmcb->exit_code);

	/* What a kind does not have is left as it was: hot. */
	exit->kind = entry->kind;
	exit->code = vmcb->exit_code;
	exit->info = vmcb->exit_info1;
	exit->rip = vmcb->rip;
	exit->length = entry->length;
	if (vmcb->exit_interrupt_info & VMCB_EVENT_VALID)
		requeue_event(vmcb);
	if (entry->length != 0 && vendor_caps.next_rip)
		exit->length = (uint8_t)(vmcb->next_rip - vmcb->rip);
	if (entry->decode != NULL)
		entry->decode(vcpu, vmcb, exit);
}

bool svm_interruptible(const struct vcpu *vcpu)
{
	const struct vmcb *vmcb = &svm_of(vcpu)->vmcb;

	return (vmcb->rflags & RFLAGS_IF) && !(vmcb->interrupt_shadow & 1) &&
	       !(vmcb->event_injection & VMCB_EVENT_VALID);
}

bool svm_nmi_open(const struct vcpu *vcpu)
{
	const struct svm_vcpu *svm = svm_of(vcpu);

	return !svm->nmi_blocked || (svm->at_iret && svm->vmcb.rip != svm->iret_rip);
}

/* One that cannot go in now does at a later exit, of which there is one each time the VM that runs
 * it is interrupted. */
static void give_nmi(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	if (!svm_nmi_open(vcpu) || (svm->vmcb.interrupt_shadow & 1) ||
	    (svm->vmcb.event_injection & VMCB_EVENT_VALID))
		return;
	__atomic_fetch_and(&vcpu->events, ~VCPU_EVENT_NMI, __ATOMIC_ACQ_REL);
	svm->nmi_blocked = true;
	svm->at_iret = false;
	svm->vmcb.intercept_misc1 |= INTERCEPT_IRET;
	svm->vmcb.event_injection = VMCB_EVENT_VALID | VMCB_EVENT_NMI | 2;
}

/*
 * An interrupt that can be taken now goes in as a virtual one (APM vol. 2, 15.21.4): QEMU 7.2
 * delivers an injected one once more when something wakes the CPU's thread before the next exit,
 * and Linux does not survive that at the first instruction of an entry from user mode.
 */
static void offer_interrupt(struct vmcb *vmcb, unsigned vector)
{
	vmcb->virtual_interrupt = VMCB_V_INTR_MASKING | VMCB_V_IRQ | VMCB_V_IGN_TPR |
				  VMCB_V_PRIORITY(15) | VMCB_V_VECTOR(vector);
	vmcb->intercept_misc1 &= ~INTERCEPT_VINTR;
}

/* One that is still there was not taken. It goes back to where it came from: an event, or the APIC,
 * where one of higher priority may overtake it. */
static void end_offer(struct vcpu *vcpu, struct svm_vcpu *svm)
{
	struct vmcb *vmcb = &svm->vmcb;

	if (vmcb->virtual_interrupt & VMCB_V_IRQ) {
		if (vmcb->intercept_misc1 & INTERCEPT_VINTR)
			return; /* a window, not yet open */
		if (svm->offered_event != 0)
			vmcb->event_injection = svm->offered_event;
		else
			vlapic_untake(&vcpu->lapic, (uint8_t)(vmcb->virtual_interrupt >> 32));
	}
	svm->offered_event = 0;
	vmcb->virtual_interrupt = VMCB_V_INTR_MASKING;
}

/*
 * An interrupt that is an event (of a PIC, or one whose delivery was cut short) is offered in the
 * same way. There is no window then for what comes after it: its end is an exit. Returns whether
 * there is one.
 */
static bool offer_event(struct svm_vcpu *svm)
{
	struct vmcb *vmcb = &svm->vmcb;
	uint64_t event = vmcb->event_injection;

	if (!(event & VMCB_EVENT_VALID) || (event & VMCB_EVENT_TYPE) != VMCB_EVENT_INTERRUPT)
		return false;
	vmcb->event_injection = 0;
	svm->offered_event = event;
	offer_interrupt(vmcb, (uint8_t)event);
	return true;
}

/* The next interrupt goes in now, or the CPU shall say when it can. */
static void give_interrupt(struct vcpu *vcpu, struct svm_vcpu *svm)
{
	struct vmcb *vmcb = &svm->vmcb;
	int vector;

	if (svm_interruptible(vcpu)) {
		/* Nothing that is left can interrupt this one. */
		vector = vlapic_take(&vcpu->lapic);
		if (vector >= 0)
			offer_interrupt(vmcb, (unsigned)vector);
	} else if (!offer_event(svm) && vlapic_pending(&vcpu->lapic) >= 0) {
		vmcb->virtual_interrupt =
			VMCB_V_INTR_MASKING | VMCB_V_IRQ | VMCB_V_IGN_TPR | VMCB_V_PRIORITY(15);
		vmcb->intercept_misc1 |= INTERCEPT_VINTR;
	}
}

void svm_run(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	struct svm_vcpu *svm = svm_of(vcpu);
	const struct pcpu *pcpu = this_pcpu();
	struct vmcb *vmcb = &svm->vmcb;
	uint64_t generation;

	if (pcpu->svm->current != vcpu)
		svm_make_current(vcpu);
	if (vcpu->events & VCPU_EVENT_NMI)
		give_nmi(vcpu);
	if (!vlapic_is_quiet(&vcpu->lapic))
		give_interrupt(vcpu, svm);
	else if (vmcb->event_injection != 0)
		offer_event(svm);
	vmcb->rax = vcpu->registers[RAX];
	vmcb->rsp = vcpu->registers[RSP];
	vmcb->tlb_control = 0;
	__asm__ volatile("clgi" : : : "memory");
	/* Whoever kicks or counts a flush after these looks ends guest mode by the interrupt. */
	if (__atomic_load_n(&pcpu->attention, __ATOMIC_SEQ_CST) != 0) {
		__asm__ volatile("stgi" : : : "memory");
		if (vmcb->virtual_interrupt != VMCB_V_INTR_MASKING)
			end_offer(vcpu, svm);
		*exit = (struct vcpu_exit){.kind = EXIT_NOTHING};
		return;
	}
	generation = __atomic_load_n(&svm->vm->generation, __ATOMIC_SEQ_CST);
	if (svm->flushed != generation) {
		vmcb->tlb_control =
			vendor_caps.flush_by_asid ? VMCB_TLB_FLUSH_ASID : VMCB_TLB_FLUSH_ALL;
		svm->flushed = generation;
	}
	svm_enter(hpa_value(svm->address), vcpu->registers, hpa_value(pcpu->svm->host_vmcb));
	vmcb->event_injection = 0;
	if (vmcb->virtual_interrupt != VMCB_V_INTR_MASKING)
		end_offer(vcpu, svm);
	vcpu->registers[RAX] = vmcb->rax;
	vcpu->registers[RSP] = vmcb->rsp;
	if (vmcb->dr7 & 0xff)
		write_dr7(0x400); /* emulators leave the guest's on */
	/* Pending host interrupts are taken here. */
	__asm__ volatile("stgi; sti; nop; cli" : : : "memory");
	decode(vcpu, exit);
}

const char *svm_exit_name(uint64_t code)
{
	static const struct {
		uint16_t code, count;
		const char *name;
	} names[] = {
#define SVM_EXIT_NAME(code, name, count) {code, count, #name},
		SVM_EXITS(SVM_EXIT_NAME)};

	if ((uint32_t)code == SVM_EXIT_INVALID)
		return "INVALID";
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (code >= names[i].code && code < (uint64_t)names[i].code + names[i].count)
			return names[i].name;
	return "not in the manual";
}
