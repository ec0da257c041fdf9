/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the CPU's integer instructions compute, for those who do instructions in its place: the core
 * for its service VMs' device accesses, the KVM module for its guests'. Pure. Sizes are in bytes:
 * 1, 2, 4, 8. Source: AMD APM vol. 1, 3.1.2 (registers) and 3.1.4 (flags).
 */
#ifndef MULLION_ARITHMETIC_H
#define MULLION_ARITHMETIC_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stdint.h>
#endif

#define ARITHMETIC_CF	 (1ULL << 0)
#define ARITHMETIC_PF	 (1ULL << 2)
#define ARITHMETIC_AF	 (1ULL << 4)
#define ARITHMETIC_ZF	 (1ULL << 6)
#define ARITHMETIC_SF	 (1ULL << 7)
#define ARITHMETIC_OF	 (1ULL << 11)
#define ARITHMETIC_FLAGS 0x8d5ULL

/* As in bits 3 to 5 of the opcode, and TEST. */
enum arithmetic_operation {
	ARITHMETIC_ADD,
	ARITHMETIC_OR,
	ARITHMETIC_ADC,
	ARITHMETIC_SBB,
	ARITHMETIC_AND,
	ARITHMETIC_SUB,
	ARITHMETIC_XOR,
	ARITHMETIC_CMP,	 /* SUB */
	ARITHMETIC_TEST, /* AND */
};

static inline uint64_t arithmetic_mask(unsigned size)
{
	return size == 8 ? ~0ULL : (1ULL << 8 * size) - 1;
}

static inline uint64_t arithmetic_sign_extend(uint64_t value, unsigned size)
{
	unsigned shift = 64 - 8 * size;

	return (uint64_t)((int64_t)(value << shift) >> shift);
}

/* Writes a register's lowest size bytes, or its second one if high. A 32-bit value clears the upper
 * half; a smaller one keeps the rest. */
static inline void arithmetic_set_register(uint64_t *reg, unsigned size, bool high, uint64_t value)
{
	unsigned shift = high ? 8 : 0;
	uint64_t mask = arithmetic_mask(size) << shift;

	if (size >= 4)
		*reg = value & mask;
	else
		*reg = (*reg & ~mask) | (value << shift & mask);
}

/* rflags with those of ZF, SF and PF that the result has. */
static inline uint64_t arithmetic_result_flags(uint64_t rflags, uint64_t result, unsigned size)
{
	rflags &= ~(ARITHMETIC_ZF | ARITHMETIC_SF | ARITHMETIC_PF);
	if (!(result & arithmetic_mask(size)))
		rflags |= ARITHMETIC_ZF;
	if (result >> (8 * size - 1) & 1)
		rflags |= ARITHMETIC_SF;
	if (!__builtin_parity((unsigned)result & 0xff))
		rflags |= ARITHMETIC_PF;
	return rflags;
}

/* The result of a op b. The flags in *rflags are changed; AF, where undefined, is cleared. */
static inline uint64_t arithmetic_operate(enum arithmetic_operation operation, uint64_t a,
					  uint64_t b, unsigned size, uint64_t *rflags)
{
	uint64_t mask = arithmetic_mask(size), top = 1ULL << (8 * size - 1);
	uint64_t carry = *rflags & ARITHMETIC_CF, result, out = 0, over = 0, flags = 0;

	a &= mask;
	b &= mask;
	switch (operation) {
	case ARITHMETIC_OR:
		result = a | b;
		break;
	case ARITHMETIC_AND:
	case ARITHMETIC_TEST:
		result = a & b;
		break;
	case ARITHMETIC_XOR:
		result = a ^ b;
		break;
	case ARITHMETIC_ADD:
	case ARITHMETIC_ADC:
		result = (a + b + (operation == ARITHMETIC_ADC ? carry : 0)) & mask;
		/* What is carried out of, and into, each bit. */
		out = (a & b) | ((a | b) & ~result);
		over = (a ^ result) & (b ^ result);
		break;
	default: /* SUB, SBB, CMP */
		result = (a - b - (operation == ARITHMETIC_SBB ? carry : 0)) & mask;
		out = (~a & b) | ((~a | b) & result);
		over = (a ^ b) & (a ^ result);
		break;
	}
	flags |= out & top ? ARITHMETIC_CF : 0;
	flags |= out & 8 ? ARITHMETIC_AF : 0;
	flags |= over & top ? ARITHMETIC_OF : 0;
	*rflags = arithmetic_result_flags((*rflags & ~ARITHMETIC_FLAGS) | flags, result, size);
	return result;
}

#endif
