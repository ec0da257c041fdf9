/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An instruction that accesses device memory, done for the guest: what kvm-insn.c asks for comes
 * from the guest's RAM, an ioeventfd, the coalesced ring, or, with a KVM_EXIT_MMIO, the program.
 */
#include <linux/sched/signal.h>
#include <asm/fpu/types.h>

#include "kvm-mmio.h"

#define XSAVE_XMM  160
#define XSAVE_BV   512
#define XSAVE_SIZE 4096

static int go_on(struct mkvm_vcpu *vcpu, enum kvm_insn_status status);

/* The program has answered. */
static int answered(struct mkvm_vcpu *vcpu)
{
	struct kvm_insn *insn = &vcpu->insn;

	if (insn->status == KVM_INSN_READ) {
		insn->value = 0;
		memcpy(&insn->value, vcpu->run->mmio.data, sizeof(insn->value));
	}
	return go_on(vcpu, kvm_insn_step(insn, vcpu->page));
}

static int leave(struct mkvm_vcpu *vcpu, bool write)
{
	const struct kvm_insn *insn = &vcpu->insn;
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = insn->address;
	run->mmio.len = insn->size;
	run->mmio.is_write = write;
	if (write)
		memcpy(run->mmio.data, &insn->value, sizeof(insn->value));
	vcpu->complete = answered;
	return 1;
}

static long translate(struct mkvm_vcpu *vcpu, u64 linear, bool write)
{
	u32 access = (write ? MULLION_ACCESS_WRITE : 0) |
		     (vcpu->page->cpl == 3 ? MULLION_ACCESS_USER : 0);

	return mullion_call(MULLION_CALL_VCPU_TRANSLATE, vcpu->handle, linear, access, 0);
}

static void page_fault(struct mkvm_vcpu *vcpu, u64 linear)
{
	/* Whether anybody at all may read there. */
	long there = mullion_call(MULLION_CALL_VCPU_TRANSLATE, vcpu->handle, linear, 0, 0);

	kvm_insn_page_fault(&vcpu->insn, vcpu->page, there >= 0);
}

static int xmm(struct mkvm_vcpu *vcpu, bool set)
{
	struct kvm_insn *insn = &vcpu->insn;
	u8 *area = vcpu->scratch, *at = area + XSAVE_XMM + 16 * insn->xmm_number;
	long error = mkvm_vcpu_get_item(vcpu, MULLION_VCPU_XSAVE, XSAVE_SIZE);

	if (error)
		return error;
	if (!(area[XSAVE_BV] & XFEATURE_MASK_SSE))
		memset(area + XSAVE_XMM, 0, 256); /* they are as after a reset */
	if (!set) {
		memcpy(insn->xmm, at, sizeof(insn->xmm));
		return 0;
	}
	memcpy(at, insn->xmm, sizeof(insn->xmm));
	area[XSAVE_BV] |= XFEATURE_MASK_SSE;
	return mkvm_vcpu_set_item(vcpu, MULLION_VCPU_XSAVE, XSAVE_SIZE);
}

/* More of the instruction's bytes, up to the page's end. 1: there is no such page, for the guest.
 */
static int fetch(struct mkvm_vcpu *vcpu)
{
	struct mullion_vcpu_page *page = vcpu->page;
	struct kvm_insn *insn = &vcpu->insn;
	long gpa = translate(vcpu, insn->address, false);
	size_t size;

	if (gpa < 0)
		return 1;
	size = min3((size_t)insn->size, sizeof(page->bytes) - page->byte_count,
		    (size_t)(PAGE_SIZE - offset_in_page(gpa)));
	if (!size || mkvm_memory_read(vcpu->vm, gpa, page->bytes + page->byte_count, size))
		return -EFAULT;
	page->byte_count += size;
	return 0;
}

/* 0: run on; 1: to the program; negative errno. */
static int go_on(struct mkvm_vcpu *vcpu, enum kvm_insn_status status)
{
	struct mullion_vcpu_page *page = vcpu->page;
	struct kvm_insn *insn = &vcpu->insn;
	int error;
	long gpa;

	for (;;) {
		switch (status) {
		case KVM_INSN_DONE:
			/* Between two rounds, nothing of a repeated instruction is half done. */
			if (!insn->again || signal_pending(current) || need_resched())
				return 0;
			break;
		case KVM_INSN_TRANSLATE:
			gpa = translate(vcpu, insn->address, insn->write);
			if (gpa < 0) {
				page_fault(vcpu, insn->address);
				return 0;
			}
			insn->address = gpa;
			break;
		case KVM_INSN_READ:
			insn->value = 0;
			error = mkvm_memory_read(vcpu->vm, insn->address, &insn->value, insn->size);
			if (error == -ENOENT)
				return leave(vcpu, false);
			if (error)
				return error;
			break;
		case KVM_INSN_WRITE:
			error = mkvm_memory_write(vcpu->vm, insn->address, &insn->value,
						  insn->size);
			if (error == -ENOENT && !mkvm_io_write(vcpu->vm, false, insn->address,
							       &insn->value, insn->size))
				return leave(vcpu, true);
			if (error && error != -ENOENT)
				return error;
			break;
		case KVM_INSN_GET_XMM:
		case KVM_INSN_SET_XMM:
			error = xmm(vcpu, status == KVM_INSN_SET_XMM);
			if (error)
				return error;
			break;
		case KVM_INSN_FETCH:
			error = fetch(vcpu);
			if (error > 0)
				page_fault(vcpu, insn->address);
			if (error)
				return min(error, 0);
			status = kvm_insn_start(insn, page);
			continue;
		default:
			return mkvm_internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION, page->bytes,
						   page->byte_count);
		}
		status = kvm_insn_step(insn, page);
	}
}

int mkvm_mmio_exit(struct mkvm_vcpu *vcpu)
{
	return go_on(vcpu, kvm_insn_start(&vcpu->insn, vcpu->page));
}

int mkvm_string_exit(struct mkvm_vcpu *vcpu)
{
	return mkvm_internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION, NULL, 0);
}
