/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The instruction at which a guest left with MULLION_EXIT_MEMORY, done for it. Pure: what it needs
 * from outside it asks for, one thing at a time, and it can wait for the answer for as long as it
 * takes, so that KVM_RUN can leave for it. Operands may be anywhere: device memory, RAM, both, or
 * across two pages. Instructions: kvm-decode.h. Source: AMD APM vol. 3, chapter 3.
 *
 *	for (status = kvm_insn_start(&insn, page);; status = kvm_insn_step(&insn, page))
 *		do what status says, or end
 *
 * Until the instruction is certain to end, nothing of the vCPU's state is changed, so it may be
 * abandoned at any status. What it changes it changes in the page, with the bits of `dirty`, when
 * the last KVM_INSN_READ has been answered and before the first KVM_INSN_WRITE or KVM_INSN_SET_XMM
 * is returned: who sets registers after a write (a reset by that very write) meets no half-done
 * instruction. If rip is no longer where it was when reads have been answered, the instruction is
 * dropped (KVM_INSN_DONE).
 *
 * LOCK and XCHG are done as a read and a write: between devices' registers there is nothing else,
 * for RAM it is not atomic. Alignment checks (#AC) and data breakpoints are not made.
 */
#ifndef MULLION_LINUX_KVM_INSN_H
#define MULLION_LINUX_KVM_INSN_H

#include "kvm-decode.h"
#include "mullion/guest.h"

enum kvm_insn_status {
	/* Done, or an exception is in the page's event: the guest can be entered. With `again`, it
	 * was one round of a repeated one: kvm_insn_step() does the next. */
	KVM_INSN_DONE,
	/* Set address, a linear one, to the guest physical one that the access of the vCPU's CPL
	 * goes to (`write`). If there is none: kvm_insn_page_fault(), and no further step. */
	KVM_INSN_TRANSLATE,
	/* Read size (1 to 8) bytes at address, a guest physical one, into value (what is above them
	 * is ignored); they are in one page. */
	KVM_INSN_READ,
	/* Write size (1 to 8) bytes of value to address, a guest physical one; in one page. */
	KVM_INSN_WRITE,
	/* Set xmm to SSE register xmm_number. */
	KVM_INSN_GET_XMM,
	/* Set SSE register xmm_number to xmm; the rest of its YMM register is kept. */
	KVM_INSN_SET_XMM,
	/* Instruction bytes are missing: append 1 to size from address, a linear one, to the page's
	 * bytes, add to its byte_count, and start again. kvm_insn_page_fault() as above. */
	KVM_INSN_FETCH,
	/* None that can be done: it is the page's byte_count bytes at rip. Or the access was a part
	 * of an exception's delivery (the page has an event). For a guest's user (CPL 3) its caller
	 * may kvm_segment_raise() #UD rather than end the guest. */
	KVM_INSN_UNSUPPORTED,
};

struct kvm_insn_operand {
	uint64_t linear, physical[2]; /* of the part in each page */
	uint8_t size, first;	      /* of all, and of the part in the first page */
	uint8_t translated;	      /* pages */
	bool read, write;
	bool cached; /* physical address of a linear page, for the next round */
	uint64_t cached_linear, cached_physical;
	uint8_t bytes[16];
};

struct kvm_insn {
	/* The conversation. */
	uint64_t address;
	uint64_t value;
	uint64_t xmm[2];
	uint8_t size;
	bool write;
	uint8_t xmm_number;
	bool again;

	/* Of kvm-insn.c and kvm-execute.c alone. */
	uint8_t status, phase;
	uint8_t operands, operand, at; /* how many; where, in which byte, an access is */
	uint64_t start;		       /* rip's linear address */
	struct kvm_decoded decoded;
	struct kvm_insn_operand operand_at[2];
};

/* Begins with the instruction of an exit of reason MULLION_EXIT_MEMORY that is no fetch. The exit's
 * address is taken for the translation of the operand that is accessed so (`write`) and has the
 * same place in its page. That it may be an entry of the guest's page tables, in device memory, is
 * left out: such a guest only misleads itself. */
enum kvm_insn_status kvm_insn_start(struct kvm_insn *insn, struct mullion_vcpu_page *page);

/* Takes the answer to the status before, and goes on. */
enum kvm_insn_status kvm_insn_step(struct kvm_insn *insn, struct mullion_vcpu_page *page);

/* There is no translation: #PF. present: there is a page, and the access is not allowed. */
void kvm_insn_page_fault(struct kvm_insn *insn, struct mullion_vcpu_page *page, bool present);

/* kvm-execute.c: computes; operands that are read are there. Changes registers, rflags, rip (of
 * branches) and `again`, and fills what is to be written. 0, or the vector of an exception with
 * error code 0: nothing is changed then. */
unsigned kvm_execute(struct kvm_insn *insn, struct mullion_vcpu_page *page);

#endif
