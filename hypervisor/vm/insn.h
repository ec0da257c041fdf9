/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The instructions with which operating systems access device registers, decoded so that the access
 * can be done for them. Pure. Which address was accessed the exit tells; operands in memory beside
 * it (MOVS, PUSH), repeated string instructions and SSE are not supported.
 * Source: AMD APM vol. 3, chapter 1 and appendix A; Intel SDM vol. 2, chapter 2.
 */
#ifndef CORE_VM_INSN_H
#define CORE_VM_INSN_H

#include "lib/types.h"
#include "mullion/arithmetic.h"
#include "vm/vcpu.h"

#define INSN_MAX_LENGTH 15

enum insn_mode { INSN_16, INSN_32, INSN_64 };

enum insn_kind {
	INSN_LOAD,	  /* register = memory */
	INSN_STORE,	  /* memory = source */
	INSN_TO_MEMORY,	  /* memory = memory op source */
	INSN_TO_REGISTER, /* register = register op memory */
	INSN_EXCHANGE,
	INSN_STOS,
	INSN_LODS,
};

struct insn {
	uint8_t length;	    /* 1 to 15 */
	uint8_t size;	    /* of the access to memory, 1, 2, 4, 8 */
	bool reads, writes; /* memory; both: first the one, then the other */
	enum insn_kind kind;
	enum arithmetic_operation operation; /* INSN_TO_*; CMP and TEST write flags only */
	uint8_t reg;			     /* enum vcpu_register */
	uint8_t reg_size;     /* of the register; more than size: extended on loading */
	bool reg_high;	      /* AH, CH, DH, BH */
	bool sign;	      /* extended by its sign */
	bool has_immediate;   /* the source is no register */
	uint8_t address_size; /* 2, 4, 8: of RDI and RSI in STOS, LODS */
	uint64_t immediate;   /* sign-extended to 64 bits */
};

enum insn_mode insn_mode_of(const struct vcpu_mode *mode);

/* Decodes the instruction at bytes, of which count are there (more than 15 are not looked at).
 * 0; -EAGAIN: it goes on after them; -ENOTSUP: none of the above, or none that accesses memory;
 * -EINVAL: longer than 15 bytes. *insn is only filled on 0. */
int insn_decode(const uint8_t *untrusted_bytes, size_t count, enum insn_mode mode,
		struct insn *insn);

/* Does what the instruction does. value: what was read, if it reads (bits above size are ignored).
 * Changes registers and the arithmetic flags in *rflags; *out is what to write, if it writes. */
void insn_complete(const struct insn *insn, uint64_t registers[16], uint64_t *rflags,
		   uint64_t value, uint64_t *out);

#endif
