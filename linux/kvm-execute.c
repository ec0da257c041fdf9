/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the instructions compute, between their reads and their writes. */
#include "kvm-insn.h"

#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>
#endif

#include "kvm-segment.h"
#include "mullion/arithmetic.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

static uint64_t get(const struct kvm_insn_operand *operand)
{
	uint64_t value;

	memcpy(&value, operand->bytes, sizeof(value));
	return value;
}

static void put(struct kvm_insn_operand *operand, uint64_t value)
{
	memcpy(operand->bytes, &value, sizeof(value));
}

/* AMD APM vol. 3, table 1-10: OF, CF, ZF, CF or ZF, SF, PF, SF xor OF, that or ZF; odd: not so. */
static bool holds(unsigned condition, uint64_t rflags)
{
	bool of = rflags & ARITHMETIC_OF, cf = rflags & ARITHMETIC_CF, zf = rflags & ARITHMETIC_ZF;
	bool sf = rflags & ARITHMETIC_SF, pf = rflags & ARITHMETIC_PF;
	const bool conditions[8] = {of, cf, zf, cf || zf, sf, pf, sf != of, sf != of || zf};

	return conditions[condition >> 1] != (condition & 1);
}

static void set_flag(uint64_t *rflags, uint64_t flag, bool on)
{
	*rflags = on ? *rflags | flag : *rflags & ~flag;
}

/* Rotates and shifts, a bit at a time: count is below 64. OF, where undefined, is as for the last
 * bit. */
static uint64_t shift(unsigned operation, uint64_t value, unsigned count, unsigned size,
		      uint64_t *rflags)
{
	uint64_t mask = arithmetic_mask(size), top = 1ULL << (8 * size - 1), flags = *rflags;

	count &= size == 8 ? 63 : 31;
	if (!count)
		return value;
	for (; count; count--) {
		bool carry = flags & ARITHMETIC_CF, high = value & top, low = value & 1, over;

		switch (operation) {
		case KVM_ROL:
			value = (value << 1 | high) & mask;
			break;
		case KVM_RCL:
			value = (value << 1 | carry) & mask;
			break;
		case KVM_ROR:
			value = value >> 1 | (low ? top : 0);
			break;
		case KVM_RCR:
			value = value >> 1 | (carry ? top : 0);
			break;
		case KVM_SHR:
			value >>= 1;
			break;
		case KVM_SAR:
			value = value >> 1 | (high ? top : 0);
			break;
		default: /* SHL, SAL */
			value = value << 1 & mask;
			break;
		}
		carry = operation == KVM_ROL || operation == KVM_RCL || operation == KVM_SHL ||
					operation == KVM_SAL
				? high
				: low;
		over = high != !!(value & top);
		set_flag(&flags, ARITHMETIC_CF, carry);
		set_flag(&flags, ARITHMETIC_OF, over);
	}
	if (operation >= KVM_SHL)
		flags = arithmetic_result_flags(flags, value, size);
	*rflags = flags;
	return value;
}

/* What needs no register but the flags: memory op source, written back. */
static uint64_t change(const struct kvm_decoded *d, uint64_t value, uint64_t source,
		       uint64_t *rflags)
{
	uint64_t carry = *rflags & ARITHMETIC_CF, bit = 1ULL << (source & (8U * d->size - 1));

	switch (d->operation) {
	case KVM_INC:
	case KVM_DEC:
		value = arithmetic_operate(d->operation == KVM_INC ? ARITHMETIC_ADD
								   : ARITHMETIC_SUB,
					   value, 1, d->size, rflags);
		set_flag(rflags, ARITHMETIC_CF, carry);
		return value;
	case KVM_NOT:
		return ~value;
	case KVM_NEG:
		return arithmetic_operate(ARITHMETIC_SUB, 0, value, d->size, rflags);
	case KVM_BT:
	case KVM_BTS:
	case KVM_BTR:
	case KVM_BTC:
		set_flag(rflags, ARITHMETIC_CF, value & bit);
		return d->operation == KVM_BTS	 ? value | bit
		       : d->operation == KVM_BTR ? value & ~bit
		       : d->operation == KVM_BTC ? value ^ bit
						 : value;
	default: /* shifts */
		return shift(d->operation, value & arithmetic_mask(d->size), (unsigned)source,
			     d->size, rflags);
	}
}

static void move_string(const struct kvm_decoded *d, struct mullion_vcpu_page *page, unsigned reg)
{
	uint64_t by = page->rflags & KVM_DF ? 0 - (uint64_t)d->size : d->size;

	arithmetic_set_register(&page->registers[reg], d->address_size, false,
				page->registers[reg] + by);
}

static void execute_string(struct kvm_insn *insn, struct mullion_vcpu_page *page)
{
	const struct kvm_decoded *d = &insn->decoded;
	struct kvm_insn_operand *operand = insn->operand_at;
	uint64_t *count = &page->registers[RCX];
	bool compares = false;

	if (!insn->operands)
		return;
	switch (d->operation) {
	case KVM_MOVS:
		memcpy(operand[1].bytes, operand[0].bytes, d->size);
		break;
	case KVM_CMPS:
		arithmetic_operate(ARITHMETIC_CMP, get(&operand[0]), get(&operand[1]), d->size,
				   &page->rflags);
		compares = true;
		break;
	case KVM_STOS:
		put(&operand[0], page->registers[RAX]);
		break;
	case KVM_LODS:
		arithmetic_set_register(&page->registers[RAX], d->size, false, get(&operand[0]));
		break;
	default: /* SCAS */
		arithmetic_operate(ARITHMETIC_CMP, page->registers[RAX], get(&operand[0]), d->size,
				   &page->rflags);
		compares = true;
		break;
	}
	if (d->operation != KVM_STOS && d->operation != KVM_SCAS)
		move_string(d, page, RSI);
	if (d->operation != KVM_LODS)
		move_string(d, page, RDI);
	if (!d->repeat)
		return;
	arithmetic_set_register(count, d->address_size, false, *count - 1);
	insn->again = *count & arithmetic_mask(d->address_size);
	/* F3 goes on while equal, F2 while not. */
	if (compares && (d->repeat == 0xf3) != !!(page->rflags & ARITHMETIC_ZF))
		insn->again = false;
}

/* CMPXCHG8B, CMPXCHG16B: rDX:rAX with memory, rCX:rBX to it. */
static void exchange_pair(const struct kvm_decoded *d, struct mullion_vcpu_page *page,
			  struct kvm_insn_operand *operand)
{
	unsigned half = d->size / 2U;
	uint64_t low = 0, high = 0, *registers = page->registers, mask = arithmetic_mask(half);
	bool equal;

	memcpy(&low, operand->bytes, half);
	memcpy(&high, operand->bytes + half, half);
	equal = low == (registers[RAX] & mask) && high == (registers[RDX] & mask);
	set_flag(&page->rflags, ARITHMETIC_ZF, equal);
	if (equal) {
		memcpy(operand->bytes, &registers[RBX], half);
		memcpy(operand->bytes + half, &registers[RCX], half);
	} else {
		registers[RAX] = low;
		registers[RDX] = high;
	}
}

/* PUSH, POP, CALL, JMP. */
static unsigned execute_stack(struct kvm_insn *insn, struct mullion_vcpu_page *page)
{
	const struct kvm_decoded *d = &insn->decoded;
	struct kvm_insn_operand *operand = insn->operand_at;
	uint64_t *rsp = &page->registers[RSP];
	unsigned stack_size = kvm_segment_stack_size(page);

	switch (d->operation) {
	case KVM_POP:
		memcpy(operand[1].bytes, operand[0].bytes, d->size);
		arithmetic_set_register(rsp, stack_size, false, *rsp + d->size);
		return 0;
	case KVM_PUSH:
		memcpy(operand[1].bytes, operand[0].bytes, d->size);
		break;
	default: /* CALL, JMP */
		if (kvm_segment_branch_raises(page, get(&operand[0])))
			return KVM_VECTOR_GP;
		put(&operand[1], kvm_segment_rip(page, page->rip + d->length));
		/* kvm_segment_retire() adds the length. */
		page->rip = get(&operand[0]) - d->length;
		if (d->operation == KVM_JMP)
			return 0;
		break;
	}
	arithmetic_set_register(rsp, stack_size, false, *rsp - d->size);
	return 0;
}

/* Of what is in memory and in d->reg. */
static void execute_move(const struct kvm_decoded *d, struct mullion_vcpu_page *page,
			 struct kvm_insn_operand *operand)
{
	uint64_t *reg = &page->registers[d->reg], value = get(operand);
	uint64_t source = d->has_immediate ? d->immediate : *reg >> (d->high ? 8 : 0);

	if (d->operation == KVM_MOVBE) {
		value = d->to_register ? value : source;
		value = __builtin_bswap64(value) >> (64 - 8 * d->size);
		source = value;
	}
	if (d->operation == KVM_CMOVCC && !holds(d->condition, page->rflags))
		value = *reg;
	if (d->operation == KVM_MOV_SEGMENT)
		source = page->segments[d->reg].selector;
	if (d->operation == KVM_SETCC)
		source = holds(d->condition, page->rflags);
	if (d->sign)
		value = arithmetic_sign_extend(value, d->size);
	if (d->to_register)
		arithmetic_set_register(reg, d->register_size, d->high, value);
	else
		put(operand, source);
}

unsigned kvm_execute(struct kvm_insn *insn, struct mullion_vcpu_page *page)
{
	const struct kvm_decoded *d = &insn->decoded;
	struct kvm_insn_operand *operand = insn->operand_at;
	uint64_t *reg = &page->registers[d->reg], *rax = &page->registers[RAX];
	uint64_t value = get(operand), result, mask = arithmetic_mask(d->size < 8 ? d->size : 8);
	uint64_t source = d->has_immediate ? d->immediate : *reg >> (d->high ? 8 : 0);

	if (d->xmm)
		return 0;
	switch (d->operation) {
	case KVM_NOTHING:
		break;
	case KVM_MOV:
	case KVM_MOVBE:
	case KVM_MOV_SEGMENT:
	case KVM_SETCC:
	case KVM_CMOVCC:
		execute_move(d, page, operand);
		break;
	case KVM_TEST:
		arithmetic_operate(ARITHMETIC_TEST, value, source, d->size, &page->rflags);
		break;
	case KVM_ADD ... KVM_CMP:
		result =
			arithmetic_operate(d->operation - KVM_ADD, d->to_register ? source : value,
					   d->to_register ? value : source, d->size, &page->rflags);
		if (!d->to_register)
			put(operand, result);
		else if (d->operation != KVM_CMP)
			arithmetic_set_register(reg, d->size, d->high, result);
		break;
	case KVM_XCHG:
		put(operand, source);
		arithmetic_set_register(reg, d->size, d->high, value);
		break;
	case KVM_XADD:
		put(operand,
		    arithmetic_operate(ARITHMETIC_ADD, value, source, d->size, &page->rflags));
		arithmetic_set_register(reg, d->size, d->high, value);
		break;
	case KVM_CMPXCHG:
		arithmetic_operate(ARITHMETIC_CMP, *rax, value, d->size, &page->rflags);
		if ((*rax & mask) == value)
			put(operand, source);
		else
			arithmetic_set_register(rax, d->size, false, value);
		break;
	case KVM_CMPXCHG_PAIR:
		exchange_pair(d, page, operand);
		break;
	case KVM_PUSH ... KVM_JMP:
		return execute_stack(insn, page);
	case KVM_MOVS ... KVM_SCAS:
		execute_string(insn, page);
		break;
	default:
		put(operand, change(d, value, source, &page->rflags));
		break;
	}
	return 0;
}
