/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's modes, its linear addresses, and how an instruction that was done for it ends. Pure:
 * all state is in the vCPU's page. Sizes are in bytes.
 */
#ifndef MULLION_LINUX_KVM_SEGMENT_H
#define MULLION_LINUX_KVM_SEGMENT_H

#include "mullion/guest.h"

#ifndef __KERNEL__
#include <stdbool.h>
#include <stddef.h>
#endif

#define KVM_TF (1ULL << 8)
#define KVM_DF (1ULL << 10)

#define KVM_VECTOR_DB 1
#define KVM_VECTOR_UD 6
#define KVM_VECTOR_NM 7
#define KVM_VECTOR_SS 12
#define KVM_VECTOR_GP 13
#define KVM_VECTOR_PF 14

/* The size that operands and addresses have without prefixes: 2, 4; 8 in 64-bit mode (where
 * operands are 4). AMD APM vol. 2, 4.8. */
unsigned kvm_segment_code_size(const struct mullion_vcpu_page *page);
/* The size of the stack pointer. */
unsigned kvm_segment_stack_size(const struct mullion_vcpu_page *page);

/* The linear address of size (1 to 4096) bytes at an offset in a segment. 0, or the vector of the
 * exception that the access raises, with error code 0. In 64-bit mode, addresses that are not
 * canonical raise; otherwise limits and types do. AMD APM vol. 2, 4.5.3, 4.12 and 5.3.1. */
unsigned kvm_segment_linear(const struct mullion_vcpu_page *page, unsigned segment, uint64_t offset,
			    unsigned size, bool write, uint64_t *linear);

/* Whether a near branch to rip raises #GP. */
bool kvm_segment_branch_raises(const struct mullion_vcpu_page *page, uint64_t rip);

/* rip, cut to what the mode has. */
uint64_t kvm_segment_rip(const struct mullion_vcpu_page *page, uint64_t rip);

/* Lets the guest find an exception when it is entered next; with an error code if the vector and
 * the mode have one. */
void kvm_segment_raise(struct mullion_vcpu_page *page, unsigned vector, uint32_t code);

/* #PF at a linear address, for an access of the vCPU's CPL. present: a page is there, and the
 * access is not allowed. */
void kvm_segment_page_fault(struct mullion_vcpu_page *page, uint64_t linear, bool write,
			    bool present);

/* An instruction, or one round of a repeated one (last is false then, and rip stays), has been
 * done: length is added to rip, the shadow of an STI is over, and RF; and a single step traps. */
void kvm_segment_retire(struct mullion_vcpu_page *page, unsigned length, bool last);

#endif
