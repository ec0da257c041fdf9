/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cases for the KVM module's instructions: code, registers and memory at random, with an operand in
 * native.h's pages of data. What the encoding means is known here by how it was made.
 */
#ifndef TESTS_CORE_KVM_CASE_H
#define TESTS_CORE_KVM_CASE_H

#include "native.h"

#define KVM_CASE_DATA (NATIVE_PAGES * 4096U)

#define FORM_WRITES (1U << 0)
#define FORM_STRING (1U << 1)
#define FORM_BRANCH (1U << 2)
#define FORM_BITS   (1U << 3) /* the register is an offset in a bit string */
#define FORM_VECTOR (1U << 4) /* has the prefix that it says, and no other */
#define FORM_PLAIN  (1U << 5) /* not with F2, F3 */
#define FORM_ONLY64 (1U << 6)
#define FORM_NOT64  (1U << 7)
#define FORM_EQUAL  (1U << 8) /* CMPXCHG */
#define FORM_SHIFTS (1U << 9)
#define FORM_NO66   (1U << 11)

/* Opcodes of one map (0: one byte, 1: 0F, 2: 0F 38), for the numbers in ModRM's reg field that regs
 * has bits of, with the flags they leave undefined. */
struct kvm_form {
	uint8_t map, first, last, immediate, regs, prefix;
	uint16_t flags;
	uint16_t undefined;
};
extern const struct kvm_form kvm_forms[];
extern const unsigned kvm_form_count;

struct kvm_prefixes {
	bool lock, operand, address;
	uint8_t repeat, segment, rex; /* 0: none */
};

struct kvm_case {
	const struct kvm_form *form;
	unsigned code_size, address_size, operand_size;
	uint8_t opcode;
	struct kvm_prefixes prefixes;
	uint8_t bytes[32];
	unsigned length;
	struct native_state state;
	uint64_t target; /* the operand's linear address; strings: the source's */
	uint8_t data[KVM_CASE_DATA];
	uint64_t undefined; /* flags */
	unsigned used;	    /* registers of the address, a bit each */
	bool wild;	    /* the register makes the address, and goes on from there */
	unsigned relative;  /* where a displacement from rip is, or 0 */
};
extern struct kvm_case kvm_case;
extern uint64_t kvm_case_seed;

/* Makes kvm_case. */
void kvm_case_make(const struct kvm_form *form, unsigned code_size, uint8_t opcode, uint8_t modrm,
		   struct kvm_prefixes prefixes);

#endif
