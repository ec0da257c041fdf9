/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the core's exits mean: done here, or told to the program in its kvm_run.
 *
 * A write to a port is complete when the program hears of it: rip is behind it then. A read is
 * completed by the next KVM_RUN, unless rip has been moved meanwhile (a reset).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kvm_para.h>

#include "kvm-parts.h"
#include "kvm-mmio.h"
#include "kvm-segment.h"

#define RAX 0
#define RCX 1
#define RDX 2

int mkvm_internal_error(struct mkvm_vcpu *vcpu, u32 suberror, const u8 *bytes, u32 count)
{
	struct kvm_run *run = vcpu->run;

	/* A guest's user program finds #UD where nothing can be done for it, as with Linux' KVM. */
	if (suberror == KVM_INTERNAL_ERROR_EMULATION && vcpu->page->cpl == 3 &&
	    !(vcpu->page->event & MULLION_EVENT_VALID)) {
		kvm_segment_raise(vcpu->page, KVM_VECTOR_UD, 0);
		return 0;
	}
	memset(&run->emulation_failure, 0, sizeof(run->emulation_failure));
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = suberror;
	if (suberror == KVM_INTERNAL_ERROR_EMULATION && count) {
		count = min_t(u32, count, sizeof(run->emulation_failure.insn_bytes));
		run->emulation_failure.ndata = 3; /* flags; size and bytes */
		run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
		run->emulation_failure.insn_size = count;
		memset(run->emulation_failure.insn_bytes, 0x90,
		       sizeof(run->emulation_failure.insn_bytes));
		memcpy(run->emulation_failure.insn_bytes, bytes, count);
	}
	return 1;
}

/* ---- ports ---- */

static int complete_in(struct mkvm_vcpu *vcpu)
{
	struct mullion_vcpu_page *page = vcpu->page;
	u64 *rax = &page->registers[RAX];

	if (page->rip != vcpu->exit_rip)
		return 0;
	switch (vcpu->exit_size) {
	case 1:
		*rax = (*rax & ~0xffULL) | *(u8 *)vcpu->data;
		break;
	case 2:
		*rax = (*rax & ~0xffffULL) | *(u16 *)vcpu->data;
		break;
	default:
		*rax = *(u32 *)vcpu->data;
		break;
	}
	kvm_segment_retire(page, vcpu->exit_length, true);
	return 0;
}

void mkvm_exit_io(struct mkvm_vcpu *vcpu, bool write, u16 port, u8 size, u32 count)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = write ? KVM_EXIT_IO_OUT : KVM_EXIT_IO_IN;
	run->io.size = size;
	run->io.port = port;
	run->io.count = count;
	run->io.data_offset = KVM_PIO_PAGE_OFFSET * PAGE_SIZE;
}

static int io_exit(struct mkvm_vcpu *vcpu)
{
	struct mullion_vcpu_page *page = vcpu->page;
	u32 data = page->registers[RAX];

	if (page->string)
		return mkvm_string_exit(vcpu);
	if (page->write) {
		kvm_segment_retire(page, page->length, true);
		if (mkvm_io_write(vcpu->vm, true, page->port, &data, page->size))
			return 0;
		memcpy(vcpu->data, &data, sizeof(data));
	} else {
		vcpu->exit_rip = page->rip;
		vcpu->exit_length = page->length;
		vcpu->exit_size = page->size;
		vcpu->complete = complete_in;
	}
	mkvm_exit_io(vcpu, page->write, page->port, page->size, 1);
	return 1;
}

/* ---- others ---- */

static int msr_exit(struct mkvm_vcpu *vcpu)
{
	struct mullion_vcpu_page *page = vcpu->page;
	u64 value = page->registers[RDX] << 32 | (u32)page->registers[RAX];
	int error;

	if (page->write) {
		error = mkvm_msr_set(vcpu, page->msr, value, false);
	} else {
		error = mkvm_msr_get(vcpu, page->msr, &value, false);
		if (!error) {
			page->registers[RAX] = (u32)value;
			page->registers[RDX] = value >> 32;
		}
	}
	if (error)
		kvm_segment_raise(page, KVM_VECTOR_GP, 0);
	else
		kvm_segment_retire(page, page->length, true);
	return 0;
}

static int hypercall_exit(struct mkvm_vcpu *vcpu)
{
	struct mullion_vcpu_page *page = vcpu->page;
	long result = -KVM_ENOSYS;

	if (mkvm_hyperv_call(vcpu))
		return 0;
	if (page->cpl)
		result = -KVM_EPERM;
	else if (page->registers[RAX] == KVM_HC_VAPIC_POLL_IRQ)
		result = 0; /* it only looks for interrupts, and has been here */
	page->registers[RAX] = result;
	kvm_segment_retire(page, page->length, true);
	return 0;
}

static int memory_exit(struct mkvm_vcpu *vcpu)
{
	struct mullion_vcpu_page *page = vcpu->page;
	int error = mkvm_memory_fault(vcpu->vm, page->address, page->write);

	if (error != -ENOENT)
		return error;
	if (page->fetch) /* nothing to execute there */
		return mkvm_internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION, NULL, 0);
	return mkvm_mmio_exit(vcpu);
}

static int eoi_exit(struct mkvm_vcpu *vcpu)
{
	if (!mkvm_irq_wants_eoi(vcpu->vm, vcpu->page->vector))
		return 0;
	vcpu->run->exit_reason = KVM_EXIT_IOAPIC_EOI;
	vcpu->run->eoi.vector = vcpu->page->vector;
	return 1;
}

static int refused_exit(struct mkvm_vcpu *vcpu)
{
	const struct mullion_vcpu_page *page = vcpu->page;
	struct kvm_run *run = vcpu->run;

	pr_info_ratelimited("the CPU does not run guest %u.%u, code %#llx, dirty %#x: rip %#llx "
			    "cr0 %#llx cr3 %#llx cr4 %#llx efer %#llx cs %#x rflags %#llx "
			    "event %#x dr6 %#llx dr7 %#llx xcr0 %#llx\n",
			    vcpu->vm->guest, vcpu->id, page->code, page->dirty, page->rip,
			    page->cr0, page->cr3, page->cr4, page->efer,
			    page->segments[MULLION_CS].attributes, page->rflags, page->event,
			    page->dr6, page->dr7, page->xcr0);
	run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	run->fail_entry.hardware_entry_failure_reason = page->code;
	run->fail_entry.cpu = raw_smp_processor_id();
	return 1;
}

int mkvm_exit(struct mkvm_vcpu *vcpu)
{
	struct mullion_vcpu_page *page = vcpu->page;
	struct kvm_run *run = vcpu->run;

	switch (page->reason) {
	case MULLION_EXIT_INTERRUPT:
	case MULLION_EXIT_WINDOW:
		return 0;
	case MULLION_EXIT_WAKE:
		mkvm_run_wake(vcpu->vm, page->mask);
		return 0;
	case MULLION_EXIT_IO:
		return io_exit(vcpu);
	case MULLION_EXIT_MEMORY:
		return memory_exit(vcpu);
	case MULLION_EXIT_MSR:
		return msr_exit(vcpu);
	case MULLION_EXIT_HYPERCALL:
		return hypercall_exit(vcpu);
	case MULLION_EXIT_EOI:
		return eoi_exit(vcpu);
	case MULLION_EXIT_SHUTDOWN:
		run->exit_reason = KVM_EXIT_SHUTDOWN;
		return 1;
	case MULLION_EXIT_REFUSED:
		return refused_exit(vcpu);
	default:
		run->exit_reason = KVM_EXIT_UNKNOWN;
		run->hw.hardware_exit_reason = page->code;
		return 1;
	}
}
