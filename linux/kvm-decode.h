/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The instructions that operating systems and firmware use on device memory, decoded: those of
 * enum kvm_operation with an operand in memory. Pure; knows no registers' contents. Sizes are in
 * bytes. Source: AMD APM vol. 3, chapter 1 and appendix A.
 */
#ifndef MULLION_LINUX_KVM_DECODE_H
#define MULLION_LINUX_KVM_DECODE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

#define KVM_INSN_MAX_LENGTH 15

enum kvm_operation {
	KVM_UNKNOWN,
	KVM_NOTHING, /* CLFLUSH, CLFLUSHOPT, CLWB: translated, not accessed */
	KVM_MOV,     /* and MOVZX, MOVSX, MOVSXD, MOVNTI */
	KVM_MOVBE,
	KVM_MOV_SEGMENT, /* memory = selector */
	KVM_TEST,
	/* In the order of their encoding. */
	KVM_ADD = 8,
	KVM_OR,
	KVM_ADC,
	KVM_SBB,
	KVM_AND,
	KVM_SUB,
	KVM_XOR,
	KVM_CMP,
	KVM_ROL,
	KVM_ROR,
	KVM_RCL,
	KVM_RCR,
	KVM_SHL,
	KVM_SHR,
	KVM_SAL,
	KVM_SAR,
	KVM_INC,
	KVM_DEC,
	KVM_NOT,
	KVM_NEG,
	KVM_BT,
	KVM_BTS,
	KVM_BTR,
	KVM_BTC,
	KVM_SETCC,
	KVM_CMOVCC,
	KVM_XCHG,
	KVM_XADD,
	KVM_CMPXCHG,
	KVM_CMPXCHG_PAIR, /* 8B, 16B */
	KVM_PUSH,
	KVM_POP,
	KVM_CALL,
	KVM_JMP,
	/* String instructions: KVM_MOVS is the first. */
	KVM_MOVS,
	KVM_CMPS,
	KVM_STOS,
	KVM_LODS,
	KVM_SCAS,
};

/* Not a register of an address; the next instruction's address. */
#define KVM_REGISTER_NONE 0xff
#define KVM_REGISTER_RIP  0xfe

struct kvm_decoded {
	uint8_t length;	       /* 1 to 15 */
	uint8_t operation;     /* enum kvm_operation */
	uint8_t size;	       /* of the operand in memory: 1, 2, 4, 8, 16 */
	uint8_t address_size;  /* 2, 4, 8 */
	bool reads, writes;    /* the operand in memory that is addressed; strings: see operation */
	bool to_register;      /* the register is the target */
	bool sign;	       /* extended on its way into the register */
	bool aligned;	       /* an address that is no multiple of size raises #GP */
	bool xmm;	       /* the register is an SSE one */
	bool has_immediate;    /* instead of the register */
	bool high;	       /* the register is AH, CH, DH, BH; reg is that without H */
	uint8_t reg;	       /* 0 to 15 in the order of their encoding */
	uint8_t register_size; /* 1, 2, 4, 8 */
	uint8_t condition;     /* 0 to 15: CMOVcc, SETcc */
	uint8_t repeat;	       /* strings: 0, 0xf2, 0xf3 */
	uint8_t segment;       /* enum mullion_segment_number: what is addressed, or rSI */
	uint8_t base, index;   /* registers, or KVM_REGISTER_* */
	uint8_t scale;	       /* index is shifted by it */
	uint64_t displacement; /* sign-extended, as is immediate */
	uint64_t immediate;
};

enum kvm_decode_result {
	KVM_DECODE_OK,
	KVM_DECODE_MORE, /* it goes on after the bytes */
	KVM_DECODE_NO,	 /* not one of these, or longer than 15 bytes */
};

/* Decodes the instruction at bytes, of which count are there (more than 15 are not looked at).
 * code_size: 2, 4, 8, as kvm_segment_code_size(). *decoded is only filled on KVM_DECODE_OK. */
enum kvm_decode_result kvm_decode(const uint8_t *untrusted_bytes, size_t count, unsigned code_size,
				  struct kvm_decoded *decoded);

#endif
