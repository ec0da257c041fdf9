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
#define ROUNDS_MAX 64

static int go_on(struct mkvm_vcpu *vcpu, enum kvm_insn_status status);

/* Between two rounds, nothing of a repeated instruction is half done: whether the guest is entered
 * before the next one, so that it finds its interrupts, or the program wants its thread back. */
static bool rests(struct mkvm_vcpu *vcpu)
{
	return ++vcpu->rounds >= ROUNDS_MAX || READ_ONCE(vcpu->run->immediate_exit) ||
	       signal_pending(current) || need_resched();
}

static int leave(struct mkvm_vcpu *vcpu, u64 address, u32 size, const void *data,
		 int (*complete)(struct mkvm_vcpu *vcpu))
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = address;
	run->mmio.len = size;
	run->mmio.is_write = !!data;
	if (data)
		memcpy(run->mmio.data, data, size);
	vcpu->complete = complete;
	return 1;
}

/* The program has answered. */
static int answered(struct mkvm_vcpu *vcpu)
{
	struct kvm_insn *insn = &vcpu->insn;

	if (insn->status == KVM_INSN_READ) {
		insn->value = 0;
		memcpy(&insn->value, vcpu->run->mmio.data, insn->size);
	}
	return go_on(vcpu, kvm_insn_step(insn, vcpu->page));
}

static long translate(struct mkvm_vcpu *vcpu, u64 linear, bool write)
{
	u32 access = (write ? MULLION_ACCESS_WRITE : 0) |
		     (vcpu->page->cpl == 3 ? MULLION_ACCESS_USER : 0);

	return mullion_call(MULLION_CALL_VCPU_TRANSLATE, vcpu->handle, linear, access, 0);
}

/* The guest physical address of insn->address: where the CPU has just been itself, if that was this
 * access, or as the core finds it. */
static long translate_operand(struct mkvm_vcpu *vcpu)
{
	const struct mullion_vcpu_page *page = vcpu->page;
	const struct kvm_insn *insn = &vcpu->insn;
	bool first = vcpu->insn_is_new;

	vcpu->insn_is_new = false;
	if (first && insn->operands == 1 && insn->write == page->write &&
	    offset_in_page(insn->address) == offset_in_page(page->address))
		return page->address;
	return translate(vcpu, insn->address, insn->write);
}

/* What a translation that there is not faults for: whether anybody at all may read there. */
static bool is_present(struct mkvm_vcpu *vcpu, u64 linear)
{
	return mullion_call(MULLION_CALL_VCPU_TRANSLATE, vcpu->handle, linear, 0, 0) >= 0;
}

static int xmm(struct mkvm_vcpu *vcpu, bool set)
{
	struct kvm_insn *insn = &vcpu->insn;
	u8 *area = vcpu->scratch, *at = area + XSAVE_XMM + 16 * insn->xmm_number;
	long error = mkvm_vcpu_get_item(vcpu, MULLION_VCPU_XSAVE, XSAVE_SIZE);

	vcpu->insn_is_new = false; /* the page may have been stored anew */
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

/* More of the instruction's bytes, up to the page's end. 1: there is no such page, for the guest;
 * -ENOENT: it is no RAM, or the instruction is too long. */
static int fetch(struct mkvm_vcpu *vcpu)
{
	struct mullion_vcpu_page *page = vcpu->page;
	struct kvm_insn *insn = &vcpu->insn;
	long gpa = translate(vcpu, insn->address, false);
	size_t size;
	int error;

	if (gpa < 0)
		return 1;
	size = min3((size_t)insn->size, sizeof(page->bytes) - page->byte_count,
		    (size_t)(PAGE_SIZE - offset_in_page(gpa)));
	if (!size)
		return -ENOENT;
	error = mkvm_memory_read(vcpu->vm, gpa, page->bytes + page->byte_count, size);
	if (!error)
		page->byte_count += size;
	return error;
}

/* The instruction's access to RAM. -ENOENT: none is there, as the exit has told already for where
 * it was. */
static int access_memory(struct mkvm_vcpu *vcpu, bool write)
{
	const struct mullion_vcpu_page *page = vcpu->page;
	struct kvm_insn *insn = &vcpu->insn;

	if (insn->address == page->address && write == !!page->write)
		return -ENOENT;
	return write ? mkvm_memory_write(vcpu->vm, insn->address, &insn->value, insn->size)
		     : mkvm_memory_read(vcpu->vm, insn->address, &insn->value, insn->size);
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
			if (!insn->again || rests(vcpu))
				return 0;
			break;
		case KVM_INSN_TRANSLATE:
			gpa = translate_operand(vcpu);
			if (gpa < 0) {
				kvm_insn_page_fault(insn, page, is_present(vcpu, insn->address));
				return 0;
			}
			insn->address = gpa;
			break;
		case KVM_INSN_READ:
			insn->value = 0;
			error = access_memory(vcpu, false);
			if (error == -ENOENT)
				return leave(vcpu, insn->address, insn->size, NULL, answered);
			if (error)
				return error;
			break;
		case KVM_INSN_WRITE:
			error = access_memory(vcpu, true);
			if (error == -ENOENT && !mkvm_io_write(vcpu->vm, false, insn->address,
							       &insn->value, insn->size))
				return leave(vcpu, insn->address, insn->size, &insn->value,
					     answered);
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
				kvm_insn_page_fault(insn, page, is_present(vcpu, insn->address));
			if (error && error != -ENOENT)
				return min(error, 0);
			status = error ? KVM_INSN_UNSUPPORTED : kvm_insn_start(insn, page);
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
	vcpu->insn_is_new = true;
	return go_on(vcpu, kvm_insn_start(&vcpu->insn, vcpu->page));
}

/* ---- INS and OUTS ---- */

static int string_go_on(struct mkvm_vcpu *vcpu, enum kvm_pio_status status);

static int string_answered(struct mkvm_vcpu *vcpu)
{
	struct kvm_pio *pio = &vcpu->pio;

	if (pio->status == KVM_PIO_READ)
		memcpy(vcpu->data + pio->offset, vcpu->run->mmio.data, pio->size);
	return string_go_on(vcpu, kvm_pio_step(pio, vcpu->page));
}

/* Memory of a batch: 0, or as go_on(). */
static int string_memory(struct mkvm_vcpu *vcpu, bool write)
{
	struct kvm_pio *pio = &vcpu->pio;
	void *data = vcpu->data + pio->offset;
	int error = write ? mkvm_memory_write(vcpu->vm, pio->address, data, pio->size)
			  : mkvm_memory_read(vcpu->vm, pio->address, data, pio->size);

	if (error != -ENOENT)
		return error;
	if (pio->size > 8) /* it was RAM when it was translated */
		return -EFAULT;
	if (write && mkvm_io_write(vcpu->vm, false, pio->address, data, pio->size))
		return 0;
	return leave(vcpu, pio->address, pio->size, write ? data : NULL, string_answered);
}

/* A batch at the port: 1, or 0: all of it went to an eventfd or the ring. */
static int string_port(struct mkvm_vcpu *vcpu)
{
	struct kvm_pio *pio = &vcpu->pio;
	u32 done = 0;

	while (pio->out && done < pio->count &&
	       mkvm_io_write(vcpu->vm, true, pio->port, vcpu->data + done * pio->unit, pio->unit))
		done++;
	if (done == pio->count)
		return 0;
	mkvm_exit_io(vcpu, pio->out, pio->port, pio->unit, pio->count - done);
	vcpu->run->io.data_offset += done * pio->unit;
	vcpu->complete = string_answered;
	return 1;
}

static int string_go_on(struct mkvm_vcpu *vcpu, enum kvm_pio_status status)
{
	struct mullion_vcpu_page *page = vcpu->page;
	struct kvm_pio *pio = &vcpu->pio;
	int result = 0;
	long gpa;

	for (;;) {
		switch (status) {
		case KVM_PIO_DONE:
			if (!pio->again || rests(vcpu))
				return 0;
			break;
		case KVM_PIO_TRANSLATE:
			gpa = translate(vcpu, pio->address, pio->write);
			if (gpa < 0) {
				kvm_pio_page_fault(pio, page, is_present(vcpu, pio->address));
				return 0;
			}
			pio->address = gpa;
			pio->device = !mkvm_memory_is_ram(vcpu->vm, gpa, pio->write);
			break;
		case KVM_PIO_READ:
		case KVM_PIO_WRITE:
			result = string_memory(vcpu, status == KVM_PIO_WRITE);
			break;
		case KVM_PIO_PORT:
			result = string_port(vcpu);
			break;
		}
		if (result)
			return result;
		status = kvm_pio_step(pio, page);
	}
}

int mkvm_string_exit(struct mkvm_vcpu *vcpu)
{
	return string_go_on(vcpu, kvm_pio_start(&vcpu->pio, vcpu->page));
}
