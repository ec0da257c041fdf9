/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each instruction's forms; and random registers, of which ModRM makes an address that was chosen.
 */
#include "kvm-case.h"

#include <string.h>

#include "kvm-segment.h"
#include "mullion/arithmetic.h"
#include "splitmix.h"

#define PAGE 4096U

#define CF ARITHMETIC_CF
#define PF ARITHMETIC_PF
#define AF ARITHMETIC_AF
#define SF ARITHMETIC_SF
#define ZF ARITHMETIC_ZF
#define OF ARITHMETIC_OF

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

enum immediate { NO_IMMEDIATE, IMMEDIATE_8, IMMEDIATE_Z, OFFSET };

const struct kvm_form kvm_forms[] = {
	{0, 0x00, 0x01, 0, 0xff, 0, FORM_WRITES, 0},
	{0, 0x02, 0x03, 0, 0xff, 0, 0, 0},
	{0, 0x08, 0x09, 0, 0xff, 0, FORM_WRITES, AF},
	{0, 0x0a, 0x0b, 0, 0xff, 0, 0, AF},
	{0, 0x10, 0x11, 0, 0xff, 0, FORM_WRITES, 0},
	{0, 0x12, 0x13, 0, 0xff, 0, 0, 0},
	{0, 0x18, 0x19, 0, 0xff, 0, FORM_WRITES, 0},
	{0, 0x1a, 0x1b, 0, 0xff, 0, 0, 0},
	{0, 0x20, 0x21, 0, 0xff, 0, FORM_WRITES, AF},
	{0, 0x22, 0x23, 0, 0xff, 0, 0, AF},
	{0, 0x28, 0x29, 0, 0xff, 0, FORM_WRITES, 0},
	{0, 0x2a, 0x2b, 0, 0xff, 0, 0, 0},
	{0, 0x30, 0x31, 0, 0xff, 0, FORM_WRITES, AF},
	{0, 0x32, 0x33, 0, 0xff, 0, 0, AF},
	{0, 0x38, 0x39, 0, 0xff, 0, 0, 0},
	{0, 0x3a, 0x3b, 0, 0xff, 0, 0, 0},
	{0, 0x63, 0x63, 0, 0xff, 0, FORM_ONLY64, 0},
	{0, 0x80, 0x80, IMMEDIATE_8, 0x2d, 0, FORM_WRITES, 0},
	{0, 0x80, 0x80, IMMEDIATE_8, 0x52, 0, FORM_WRITES, AF},
	{0, 0x80, 0x80, IMMEDIATE_8, 0x80, 0, 0, 0},
	{0, 0x81, 0x81, IMMEDIATE_Z, 0x2d, 0, FORM_WRITES, 0},
	{0, 0x81, 0x81, IMMEDIATE_Z, 0x52, 0, FORM_WRITES, AF},
	{0, 0x81, 0x81, IMMEDIATE_Z, 0x80, 0, 0, 0},
	{0, 0x82, 0x82, IMMEDIATE_8, 0x2d, 0, FORM_WRITES | FORM_NOT64, 0},
	{0, 0x83, 0x83, IMMEDIATE_8, 0x2d, 0, FORM_WRITES, 0},
	{0, 0x83, 0x83, IMMEDIATE_8, 0x52, 0, FORM_WRITES, AF},
	{0, 0x83, 0x83, IMMEDIATE_8, 0x80, 0, 0, 0},
	{0, 0x84, 0x85, 0, 0xff, 0, 0, AF},
	{0, 0x86, 0x87, 0, 0xff, 0, FORM_WRITES, 0},
	{0, 0x88, 0x89, 0, 0xff, 0, FORM_WRITES, 0},
	{0, 0x8a, 0x8b, 0, 0xff, 0, 0, 0},
	{0, 0x8c, 0x8c, 0, 0x3f, 0, FORM_WRITES, 0},
	{0, 0x8f, 0x8f, 0, 0x01, 0, FORM_WRITES, 0},
	{0, 0xa0, 0xa1, OFFSET, 0, 0, 0, 0},
	{0, 0xa2, 0xa3, OFFSET, 0, 0, FORM_WRITES, 0},
	{0, 0xa4, 0xa5, 0, 0, 0, FORM_STRING | FORM_WRITES, 0},
	{0, 0xa6, 0xa7, 0, 0, 0, FORM_STRING, 0},
	{0, 0xaa, 0xab, 0, 0, 0, FORM_STRING | FORM_WRITES, 0},
	{0, 0xac, 0xad, 0, 0, 0, FORM_STRING, 0},
	{0, 0xae, 0xaf, 0, 0, 0, FORM_STRING, 0},
	{0, 0xc0, 0xc1, IMMEDIATE_8, 0xff, 0, FORM_WRITES | FORM_SHIFTS, 0},
	{0, 0xd0, 0xd1, 0, 0x0f, 0, FORM_WRITES, 0},
	{0, 0xd0, 0xd1, 0, 0xf0, 0, FORM_WRITES, AF},
	{0, 0xd2, 0xd3, 0, 0xff, 0, FORM_WRITES | FORM_SHIFTS, 0},
	{0, 0xc6, 0xc6, IMMEDIATE_8, 0x01, 0, FORM_WRITES, 0},
	{0, 0xc7, 0xc7, IMMEDIATE_Z, 0x01, 0, FORM_WRITES, 0},
	{0, 0xf6, 0xf6, IMMEDIATE_8, 0x03, 0, 0, AF},
	{0, 0xf7, 0xf7, IMMEDIATE_Z, 0x03, 0, 0, AF},
	{0, 0xf6, 0xf7, 0, 0x0c, 0, FORM_WRITES, 0},
	{0, 0xfe, 0xff, 0, 0x03, 0, FORM_WRITES, 0},
	{0, 0xff, 0xff, 0, 0x14, 0, FORM_BRANCH, 0},
	{0, 0xff, 0xff, 0, 0x40, 0, 0, 0},
	{1, 0x40, 0x4f, 0, 0xff, 0, 0, 0},
	{1, 0x90, 0x9f, 0, 0xff, 0, FORM_WRITES, 0},
	{1, 0xa3, 0xa3, 0, 0xff, 0, FORM_BITS, OF | SF | ZF | AF | PF},
	{1, 0xab, 0xab, 0, 0xff, 0, FORM_BITS | FORM_WRITES, OF | SF | ZF | AF | PF},
	{1, 0xb3, 0xb3, 0, 0xff, 0, FORM_BITS | FORM_WRITES, OF | SF | ZF | AF | PF},
	{1, 0xbb, 0xbb, 0, 0xff, 0, FORM_BITS | FORM_WRITES, OF | SF | ZF | AF | PF},
	{1, 0xba, 0xba, IMMEDIATE_8, 0x10, 0, 0, OF | SF | ZF | AF | PF},
	{1, 0xba, 0xba, IMMEDIATE_8, 0xe0, 0, FORM_WRITES, OF | SF | ZF | AF | PF},
	{1, 0xae, 0xae, 0, 0x80, 0, FORM_PLAIN, 0},
	{1, 0xb0, 0xb1, 0, 0xff, 0, FORM_WRITES | FORM_EQUAL, 0},
	{1, 0xb6, 0xb7, 0, 0xff, 0, 0, 0},
	{1, 0xbe, 0xbf, 0, 0xff, 0, 0, 0},
	{1, 0xc0, 0xc1, 0, 0xff, 0, FORM_WRITES, 0},
	{1, 0xc3, 0xc3, 0, 0xff, 0, FORM_WRITES | FORM_PLAIN | FORM_NO66, 0},
	{1, 0xc7, 0xc7, 0, 0x02, 0, FORM_WRITES | FORM_EQUAL, 0},
	{2, 0xf0, 0xf0, 0, 0xff, 0, FORM_PLAIN, 0},
	{2, 0xf1, 0xf1, 0, 0xff, 0, FORM_PLAIN | FORM_WRITES, 0},
	{1, 0x10, 0x10, 0, 0xff, 0, FORM_VECTOR, 0},
	{1, 0x10, 0x10, 0, 0xff, 0x66, FORM_VECTOR, 0},
	{1, 0x10, 0x10, 0, 0xff, 0xf3, FORM_VECTOR, 0},
	{1, 0x10, 0x10, 0, 0xff, 0xf2, FORM_VECTOR, 0},
	{1, 0x11, 0x11, 0, 0xff, 0, FORM_VECTOR | FORM_WRITES, 0},
	{1, 0x11, 0x11, 0, 0xff, 0x66, FORM_VECTOR | FORM_WRITES, 0},
	{1, 0x11, 0x11, 0, 0xff, 0xf3, FORM_VECTOR | FORM_WRITES, 0},
	{1, 0x11, 0x11, 0, 0xff, 0xf2, FORM_VECTOR | FORM_WRITES, 0},
	{1, 0x28, 0x28, 0, 0xff, 0, FORM_VECTOR, 0},
	{1, 0x28, 0x28, 0, 0xff, 0x66, FORM_VECTOR, 0},
	{1, 0x29, 0x29, 0, 0xff, 0, FORM_VECTOR | FORM_WRITES, 0},
	{1, 0x29, 0x29, 0, 0xff, 0x66, FORM_VECTOR | FORM_WRITES, 0},
	{1, 0x2b, 0x2b, 0, 0xff, 0, FORM_VECTOR | FORM_WRITES, 0},
	{1, 0x2b, 0x2b, 0, 0xff, 0x66, FORM_VECTOR | FORM_WRITES, 0},
	{1, 0x6e, 0x6e, 0, 0xff, 0x66, FORM_VECTOR, 0},
	{1, 0x6f, 0x6f, 0, 0xff, 0x66, FORM_VECTOR, 0},
	{1, 0x6f, 0x6f, 0, 0xff, 0xf3, FORM_VECTOR, 0},
	{1, 0x7e, 0x7e, 0, 0xff, 0x66, FORM_VECTOR | FORM_WRITES, 0},
	{1, 0x7e, 0x7e, 0, 0xff, 0xf3, FORM_VECTOR, 0},
	{1, 0x7f, 0x7f, 0, 0xff, 0x66, FORM_VECTOR | FORM_WRITES, 0},
	{1, 0x7f, 0x7f, 0, 0xff, 0xf3, FORM_VECTOR | FORM_WRITES, 0},
	{1, 0xd6, 0xd6, 0, 0xff, 0x66, FORM_VECTOR | FORM_WRITES, 0},
	{1, 0xe7, 0xe7, 0, 0xff, 0x66, FORM_VECTOR | FORM_WRITES, 0},
	{1, 0xf0, 0xf0, 0, 0xff, 0xf2, FORM_VECTOR, 0},
	{2, 0x2a, 0x2a, 0, 0xff, 0x66, FORM_VECTOR, 0},
};
const unsigned kvm_form_count = sizeof(kvm_forms) / sizeof(kvm_forms[0]);

uint64_t kvm_case_seed = 11;

static uint64_t random64(void)
{
	return splitmix64(&kvm_case_seed);
}

static unsigned below(unsigned bound)
{
	return (unsigned)(random64() % bound);
}

/* Random values, and those at which flags change. */
static uint64_t interesting(void)
{
	static const uint64_t edges[] = {0,	     1,		 0x7f,	     0x80,
					 0xff,	     0x7fff,	 0x8000,     0x7fffffff,
					 0x80000000, UINT64_MAX, 1ULL << 63, (1ULL << 63) - 1};

	return below(2) ? random64() : edges[below(12)];
}

struct kvm_case kvm_case;

static void emit(uint64_t value, unsigned size)
{
	memcpy(kvm_case.bytes + kvm_case.length, &value, size);
	kvm_case.length += size;
}

/* The base of what is addressed, with that segment by default. */
static uint64_t base_of(enum native_segment segment)
{
	switch (kvm_case.prefixes.segment) {
	case 0x65:
		return native_base(NATIVE_GS);
	case 0:
		break;
	default:
		segment = kvm_case.prefixes.segment >> 3 & 3;
		break;
	}
	return kvm_case.code_size == 8 ? 0 : native_base(segment);
}

static uint64_t cut(uint64_t address)
{
	return kvm_case.address_size == 8 ? address
					  : address & arithmetic_mask(kvm_case.address_size);
}

/* A value for a register of which the address size's part is used. */
static void set_address(unsigned reg, uint64_t value)
{
	kvm_case.state.registers[reg] = value;
	if (kvm_case.address_size < 8)
		kvm_case.state.registers[reg] = cut(value) | (random64() & ~cut(UINT64_MAX));
	if (kvm_case.code_size != 8 && reg == RSP)
		kvm_case.state.registers[reg] = cut(value);
}

static void emit_modrm16(unsigned reg, unsigned mod, unsigned rm)
{
	static const uint8_t bases[] = {RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX};
	bool direct = mod == 0 && rm == 6;
	unsigned base = bases[rm], index = rm & 1 ? RDI : RSI;
	uint64_t displacement = random64();
	uint64_t offset = kvm_case.target - base_of(base == RBP && !direct ? NATIVE_SS : NATIVE_DS);

	displacement = mod == 1 ? (uint64_t)(int8_t)displacement : mod == 2 ? displacement : 0;
	if (direct)
		displacement = offset;
	else
		set_address(base,
			    offset - displacement - (rm < 4 ? kvm_case.state.registers[index] : 0));
	kvm_case.used |= 1U << index | 1U << base;
	emit(mod << 6 | reg << 3 | rm, 1);
	emit(displacement, direct || mod == 2 ? 2 : mod);
}

/* Chooses a displacement and the base so that the target is addressed. */
static void emit_modrm(unsigned reg, unsigned mod, unsigned rm)
{
	struct kvm_prefixes *p = &kvm_case.prefixes;
	unsigned scale = 0, sib_base = 0, base = rm | (p->rex & 1 ? 8U : 0);
	unsigned sib_index = 4, index = 4, field = rm;
	bool sib = rm == 4, no_base;
	uint64_t displacement, rest, offset;

	if (kvm_case.address_size == 2) {
		emit_modrm16(reg, mod, rm);
		return;
	}
	if (sib) {
		scale = below(4);
		do {
			sib_index = below(8);
			sib_base = below(8);
			index = sib_index | (p->rex & 2 ? 8U : 0);
			base = sib_base | (p->rex & 1 ? 8U : 0);
		} while (index == base && index != 4);
		field = sib_base;
	}
	no_base = mod == 0 && field == 5;
	if (no_base && index != 4)
		kvm_case.state.registers[index] = below(0x1000);
	kvm_case.used |= 1U << index | 1U << base;
	displacement = mod == 1	  ? (uint64_t)(int8_t)random64()
		       : mod == 2 ? (uint64_t)(int32_t)random64()
				  : 0;
	rest = index == 4 ? 0 : kvm_case.state.registers[index] << scale;
	offset = kvm_case.target -
		 base_of(!no_base && (base == RSP || base == RBP) ? NATIVE_SS : NATIVE_DS);
	if (no_base && !sib && kvm_case.code_size == 8)
		displacement = 0; /* set when the length is known */
	else if (no_base)
		displacement = offset - rest;
	else
		set_address(base, offset - rest - displacement);
	emit(mod << 6 | reg << 3 | rm, 1);
	if (sib)
		emit(scale << 6 | sib_index << 3 | sib_base, 1);
	if (no_base && !sib && kvm_case.code_size == 8)
		kvm_case.relative = kvm_case.length;
	emit(displacement, no_base || mod == 2 ? 4 : mod);
}

static void emit_prefixes(void)
{
	const struct kvm_prefixes *p = &kvm_case.prefixes;
	uint8_t list[8];
	unsigned count = 0;

	if (p->lock)
		list[count++] = 0xf0;
	if (p->operand)
		list[count++] = 0x66;
	if (p->address)
		list[count++] = 0x67;
	if (p->repeat)
		list[count++] = p->repeat;
	if (p->segment)
		list[count++] = p->segment;
	/* Their order does not matter. */
	for (unsigned i = count; i > 1; i--) {
		unsigned other = below(i);
		uint8_t swap = list[i - 1];

		list[i - 1] = list[other];
		list[other] = swap;
	}
	/* A REX that is not the last prefix is none, nor is a segment with base 0 one. */
	if (count && kvm_case.code_size == 8 && below(8) == 0)
		emit(0x40 | below(16), 1);
	for (unsigned i = 0; i < count; i++)
		emit(list[i], 1);
	if (count && kvm_case.code_size == 8 && below(8) == 0)
		emit(0x26 | below(4) << 3, 1);
	if (p->rex)
		emit(p->rex, 1);
}

static void set_sizes(void)
{
	const struct kvm_prefixes *p = &kvm_case.prefixes;

	if (kvm_case.code_size == 8) {
		kvm_case.operand_size = p->rex & 8 ? 8 : p->operand ? 2 : 4;
		kvm_case.address_size = p->address ? 4 : 8;
	} else {
		kvm_case.operand_size = (kvm_case.code_size == 2) == p->operand ? 4 : 2;
		kvm_case.address_size = (kvm_case.code_size == 2) == p->address ? 4 : 2;
	}
}

static void set_state(void)
{
	for (int i = 0; i < 16; i++) {
		kvm_case.state.registers[i] = interesting();
		kvm_case.state.xmm[i][0] = random64();
		kvm_case.state.xmm[i][1] = random64();
	}
	for (unsigned i = 0; i < KVM_CASE_DATA; i += 8) {
		uint64_t value = i * 0x0101010101010101ULL ^ kvm_case_seed;

		memcpy(kvm_case.data + i, &value, 8);
	}
	for (uint64_t at = PAGE - 48; at < PAGE + 48; at += 8) {
		uint64_t value = interesting();

		memcpy(kvm_case.data + at, &value, 8);
	}
	kvm_case.state.rflags = 0x202 | (random64() & (ARITHMETIC_FLAGS | KVM_DF));
	kvm_case.target = (uintptr_t)native_data + PAGE - 24 + below(48);
	if (below(2))
		kvm_case.target &= ~15ULL;
	/* A stack, if the address makes no other one. */
	kvm_case.state.registers[RSP] = (uintptr_t)native_data + 1024 -
					(kvm_case.code_size == 8 ? 0 : native_base(NATIVE_SS));
}

static void put_data(uint64_t address, uint64_t value, unsigned size)
{
	memcpy(kvm_case.data + (address - (uintptr_t)native_data), &value, size);
}

static uint64_t data_at(uint64_t address)
{
	uint64_t value;

	memcpy(&value, kvm_case.data + (address - (uintptr_t)native_data), 8);
	return value;
}

/* Strings of some elements that are sometimes the same. */
static void set_string(void)
{
	set_address(RSI, kvm_case.target - base_of(NATIVE_DS));
	set_address(RDI, (uintptr_t)native_data + PAGE + 40 - below(80) -
				 (kvm_case.code_size == 8 ? 0 : native_base(NATIVE_ES)));
	if (kvm_case.prefixes.repeat)
		set_address(RCX, below(6));
	if (below(2)) {
		memset(kvm_case.data + PAGE - 100, below(3), 200);
		kvm_case.state.registers[RAX] = kvm_case.data[PAGE] * 0x0101010101010101ULL;
	}
}

/* What the form wants in registers beside the address. */
static void set_special(unsigned reg)
{
	uint64_t *registers = kvm_case.state.registers, low = data_at(kvm_case.target);

	reg |= kvm_case.prefixes.rex & 4 ? 8U : 0;
	kvm_case.wild = kvm_case.form->flags & FORM_BITS &&
			(kvm_case.used >> reg & 1 || (reg == RSP && kvm_case.code_size == 2));
	if (kvm_case.form->flags & FORM_BITS && !kvm_case.wild)
		registers[reg] = (uint64_t)((int64_t)below(512) - 256);
	if (kvm_case.form->flags & FORM_EQUAL && below(2)) {
		if (!(kvm_case.used >> RAX & 1))
			registers[RAX] = low;
		if (kvm_case.opcode == 0xc7 && !(kvm_case.used >> RDX & 1))
			registers[RDX] = kvm_case.operand_size == 8 ? data_at(kvm_case.target + 8)
								    : low >> 32;
	}
	if (kvm_case.form->flags & FORM_BRANCH)
		put_data(kvm_case.target, native_branch_target(kvm_case.code_size), 8);
}

static void set_undefined(unsigned reg)
{
	unsigned bits = 8 * (kvm_case.opcode & 1 ? kvm_case.operand_size : 1), count;

	kvm_case.undefined = kvm_case.form->undefined;
	if (!(kvm_case.form->flags & FORM_SHIFTS))
		return;
	count = kvm_case.opcode < 0xd0 ? kvm_case.bytes[kvm_case.length - 1]
				       : kvm_case.state.registers[RCX] & 0xff;
	count &= bits == 64 ? 63 : 31;
	if (count > 1)
		kvm_case.undefined |= OF;
	if (count && reg >= 4)
		kvm_case.undefined |= AF;
	if (count >= bits && reg >= 4 && reg < 7)
		kvm_case.undefined |= CF;
}

/* Makes the code, the registers and the memory of a case. */
void kvm_case_make(const struct kvm_form *form, unsigned code_size, uint8_t opcode, uint8_t modrm,
		   struct kvm_prefixes prefixes)
{
	unsigned reg = modrm >> 3 & 7;
	uint32_t relative;

	kvm_case.form = form;
	kvm_case.code_size = code_size;
	kvm_case.opcode = opcode;
	kvm_case.prefixes = prefixes;
	kvm_case.length = kvm_case.used = kvm_case.relative = 0;
	set_sizes();
	set_state();
	if (form->flags & FORM_VECTOR && form->prefix)
		emit(form->prefix, 1);
	emit_prefixes();
	if (form->map)
		emit(form->map == 1 ? 0x0f : 0x380f, form->map);
	emit(opcode, 1);
	if (form->flags & FORM_STRING)
		set_string();
	else if (form->immediate == OFFSET)
		emit(kvm_case.target - base_of(NATIVE_DS), kvm_case.address_size);
	else
		emit_modrm(reg, modrm >> 6, modrm & 7);
	set_special(reg);
	if (form->immediate == IMMEDIATE_8)
		emit(interesting(), 1);
	else if (form->immediate == IMMEDIATE_Z)
		emit(interesting(), kvm_case.operand_size == 8 ? 4 : kvm_case.operand_size);
	if (kvm_case.relative) {
		relative = (uint32_t)(kvm_case.target - base_of(NATIVE_DS) - kvm_case.length -
				      (uintptr_t)native_code);
		memcpy(kvm_case.bytes + kvm_case.relative, &relative, 4);
	}
	for (int i = 0; code_size != 8 && i < 16; i++)
		kvm_case.state.registers[i] &= 0xffffffff;
	if (code_size == 2)
		kvm_case.state.registers[RSP] &= 0xffff;
	set_undefined(reg);
}
