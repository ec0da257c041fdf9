/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The KVM module's instructions against the CPU that runs the test: the same bytes, registers and
 * memory, in 64-, 32- and 16-bit mode; then registers, flags, memory and faults are to be the same.
 * The guest's pages are scattered in its physical memory, and many operands cross them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvm-insn.h"
#include "kvm-segment.h"
#include "mullion/arithmetic.h"
#include "native.h"
#include "splitmix.h"

#define PAGE 4096U
#define DATA (NATIVE_PAGES * PAGE)

#define CF  ARITHMETIC_CF
#define PF  ARITHMETIC_PF
#define AF  ARITHMETIC_AF
#define SF  ARITHMETIC_SF
#define ZF  ARITHMETIC_ZF
#define OF  ARITHMETIC_OF
#define ALL ARITHMETIC_FLAGS

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

enum immediate { NO_IMMEDIATE, IMMEDIATE_8, IMMEDIATE_Z, OFFSET };

#define WRITES (1U << 0)
#define STRING (1U << 1)
#define BRANCH (1U << 2)
#define BITS   (1U << 3) /* the register is an offset in a bit string */
#define VECTOR (1U << 4) /* has the prefix that it says, and no other */
#define PLAIN  (1U << 5) /* not with F2, F3 */
#define ONLY64 (1U << 6)
#define NOT64  (1U << 7)
#define EQUAL  (1U << 8) /* CMPXCHG */
#define SHIFTS (1U << 9)
#define ALIGN  (1U << 10)
#define NO66   (1U << 11)
#define IS66   (1U << 12)

/* The opcodes, their maps (0: one byte, 1: 0F, 2: 0F 38), for which numbers in ModRM's reg field,
 * and the flags they leave undefined. */
static const struct form {
	uint8_t map, first, last, immediate, regs, prefix;
	uint16_t flags;
	uint16_t undefined;
} forms[] = {
	{0, 0x00, 0x01, 0, 0xff, 0, WRITES, 0},
	{0, 0x02, 0x03, 0, 0xff, 0, 0, 0},
	{0, 0x08, 0x09, 0, 0xff, 0, WRITES, AF},
	{0, 0x0a, 0x0b, 0, 0xff, 0, 0, AF},
	{0, 0x10, 0x11, 0, 0xff, 0, WRITES, 0},
	{0, 0x12, 0x13, 0, 0xff, 0, 0, 0},
	{0, 0x18, 0x19, 0, 0xff, 0, WRITES, 0},
	{0, 0x1a, 0x1b, 0, 0xff, 0, 0, 0},
	{0, 0x20, 0x21, 0, 0xff, 0, WRITES, AF},
	{0, 0x22, 0x23, 0, 0xff, 0, 0, AF},
	{0, 0x28, 0x29, 0, 0xff, 0, WRITES, 0},
	{0, 0x2a, 0x2b, 0, 0xff, 0, 0, 0},
	{0, 0x30, 0x31, 0, 0xff, 0, WRITES, AF},
	{0, 0x32, 0x33, 0, 0xff, 0, 0, AF},
	{0, 0x38, 0x39, 0, 0xff, 0, 0, 0},
	{0, 0x3a, 0x3b, 0, 0xff, 0, 0, 0},
	{0, 0x63, 0x63, 0, 0xff, 0, ONLY64, 0},
	{0, 0x80, 0x80, IMMEDIATE_8, 0x2d, 0, WRITES, 0},
	{0, 0x80, 0x80, IMMEDIATE_8, 0x52, 0, WRITES, AF},
	{0, 0x80, 0x80, IMMEDIATE_8, 0x80, 0, 0, 0},
	{0, 0x81, 0x81, IMMEDIATE_Z, 0x2d, 0, WRITES, 0},
	{0, 0x81, 0x81, IMMEDIATE_Z, 0x52, 0, WRITES, AF},
	{0, 0x81, 0x81, IMMEDIATE_Z, 0x80, 0, 0, 0},
	{0, 0x82, 0x82, IMMEDIATE_8, 0x2d, 0, WRITES | NOT64, 0},
	{0, 0x83, 0x83, IMMEDIATE_8, 0x2d, 0, WRITES, 0},
	{0, 0x83, 0x83, IMMEDIATE_8, 0x52, 0, WRITES, AF},
	{0, 0x83, 0x83, IMMEDIATE_8, 0x80, 0, 0, 0},
	{0, 0x84, 0x85, 0, 0xff, 0, 0, AF},
	{0, 0x86, 0x87, 0, 0xff, 0, WRITES, 0},
	{0, 0x88, 0x89, 0, 0xff, 0, WRITES, 0},
	{0, 0x8a, 0x8b, 0, 0xff, 0, 0, 0},
	{0, 0x8c, 0x8c, 0, 0x3f, 0, WRITES, 0},
	{0, 0x8f, 0x8f, 0, 0x01, 0, WRITES, 0},
	{0, 0xa0, 0xa1, OFFSET, 0, 0, 0, 0},
	{0, 0xa2, 0xa3, OFFSET, 0, 0, WRITES, 0},
	{0, 0xa4, 0xa5, 0, 0, 0, STRING | WRITES, 0},
	{0, 0xa6, 0xa7, 0, 0, 0, STRING, 0},
	{0, 0xaa, 0xab, 0, 0, 0, STRING | WRITES, 0},
	{0, 0xac, 0xad, 0, 0, 0, STRING, 0},
	{0, 0xae, 0xaf, 0, 0, 0, STRING, 0},
	{0, 0xc0, 0xc1, IMMEDIATE_8, 0xff, 0, WRITES | SHIFTS, 0},
	{0, 0xd0, 0xd1, 0, 0x0f, 0, WRITES, 0},
	{0, 0xd0, 0xd1, 0, 0xf0, 0, WRITES, AF},
	{0, 0xd2, 0xd3, 0, 0xff, 0, WRITES | SHIFTS, 0},
	{0, 0xc6, 0xc6, IMMEDIATE_8, 0x01, 0, WRITES, 0},
	{0, 0xc7, 0xc7, IMMEDIATE_Z, 0x01, 0, WRITES, 0},
	{0, 0xf6, 0xf6, IMMEDIATE_8, 0x03, 0, 0, AF},
	{0, 0xf7, 0xf7, IMMEDIATE_Z, 0x03, 0, 0, AF},
	{0, 0xf6, 0xf7, 0, 0x0c, 0, WRITES, 0},
	{0, 0xfe, 0xff, 0, 0x03, 0, WRITES, 0},
	{0, 0xff, 0xff, 0, 0x14, 0, BRANCH, 0},
	{0, 0xff, 0xff, 0, 0x40, 0, 0, 0},
	{1, 0x40, 0x4f, 0, 0xff, 0, 0, 0},
	{1, 0x90, 0x9f, 0, 0xff, 0, WRITES, 0},
	{1, 0xa3, 0xa3, 0, 0xff, 0, BITS, OF | SF | ZF | AF | PF},
	{1, 0xab, 0xab, 0, 0xff, 0, BITS | WRITES, OF | SF | ZF | AF | PF},
	{1, 0xb3, 0xb3, 0, 0xff, 0, BITS | WRITES, OF | SF | ZF | AF | PF},
	{1, 0xbb, 0xbb, 0, 0xff, 0, BITS | WRITES, OF | SF | ZF | AF | PF},
	{1, 0xba, 0xba, IMMEDIATE_8, 0x10, 0, 0, OF | SF | ZF | AF | PF},
	{1, 0xba, 0xba, IMMEDIATE_8, 0xe0, 0, WRITES, OF | SF | ZF | AF | PF},
	{1, 0xae, 0xae, 0, 0x80, 0, PLAIN, 0},
	{1, 0xb0, 0xb1, 0, 0xff, 0, WRITES | EQUAL, 0},
	{1, 0xb6, 0xb7, 0, 0xff, 0, 0, 0},
	{1, 0xbe, 0xbf, 0, 0xff, 0, 0, 0},
	{1, 0xc0, 0xc1, 0, 0xff, 0, WRITES, 0},
	{1, 0xc3, 0xc3, 0, 0xff, 0, WRITES | PLAIN | NO66, 0},
	{1, 0xc7, 0xc7, 0, 0x02, 0, WRITES | EQUAL | ALIGN, 0},
	{2, 0xf0, 0xf0, 0, 0xff, 0, PLAIN, 0},
	{2, 0xf1, 0xf1, 0, 0xff, 0, PLAIN | WRITES, 0},
	{1, 0x10, 0x10, 0, 0xff, 0, VECTOR, 0},
	{1, 0x10, 0x10, 0, 0xff, 0x66, VECTOR, 0},
	{1, 0x10, 0x10, 0, 0xff, 0xf3, VECTOR, 0},
	{1, 0x10, 0x10, 0, 0xff, 0xf2, VECTOR, 0},
	{1, 0x11, 0x11, 0, 0xff, 0, VECTOR | WRITES, 0},
	{1, 0x11, 0x11, 0, 0xff, 0x66, VECTOR | WRITES, 0},
	{1, 0x11, 0x11, 0, 0xff, 0xf3, VECTOR | WRITES, 0},
	{1, 0x11, 0x11, 0, 0xff, 0xf2, VECTOR | WRITES, 0},
	{1, 0x28, 0x28, 0, 0xff, 0, VECTOR | ALIGN, 0},
	{1, 0x28, 0x28, 0, 0xff, 0x66, VECTOR | ALIGN, 0},
	{1, 0x29, 0x29, 0, 0xff, 0, VECTOR | WRITES | ALIGN, 0},
	{1, 0x29, 0x29, 0, 0xff, 0x66, VECTOR | WRITES | ALIGN, 0},
	{1, 0x2b, 0x2b, 0, 0xff, 0, VECTOR | WRITES | ALIGN, 0},
	{1, 0x2b, 0x2b, 0, 0xff, 0x66, VECTOR | WRITES | ALIGN, 0},
	{1, 0x6e, 0x6e, 0, 0xff, 0x66, VECTOR, 0},
	{1, 0x6f, 0x6f, 0, 0xff, 0x66, VECTOR | ALIGN, 0},
	{1, 0x6f, 0x6f, 0, 0xff, 0xf3, VECTOR, 0},
	{1, 0x7e, 0x7e, 0, 0xff, 0x66, VECTOR | WRITES, 0},
	{1, 0x7e, 0x7e, 0, 0xff, 0xf3, VECTOR, 0},
	{1, 0x7f, 0x7f, 0, 0xff, 0x66, VECTOR | WRITES | ALIGN, 0},
	{1, 0x7f, 0x7f, 0, 0xff, 0xf3, VECTOR | WRITES, 0},
	{1, 0xd6, 0xd6, 0, 0xff, 0x66, VECTOR | WRITES, 0},
	{1, 0xe7, 0xe7, 0, 0xff, 0x66, VECTOR | WRITES | ALIGN, 0},
	{1, 0xf0, 0xf0, 0, 0xff, 0xf2, VECTOR, 0},
	{2, 0x2a, 0x2a, 0, 0xff, 0x66, VECTOR | ALIGN, 0},
};
#define FORMS (sizeof(forms) / sizeof(forms[0]))

static uint64_t seed = 11;

static uint64_t random64(void)
{
	return splitmix64(&seed);
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

/* ---- a case ---- */

struct prefixes {
	bool lock, operand, address;
	uint8_t repeat, segment, rex;
};

static struct {
	const struct form *form;
	unsigned code_size, address_size, operand_size;
	uint8_t opcode;
	struct prefixes prefixes;
	uint8_t bytes[32];
	unsigned length;
	struct native_state state;
	uint64_t target; /* linear */
	uint8_t data[DATA];
	uint64_t undefined;
	unsigned used;	   /* registers of the address, a bit each */
	bool wild;	   /* the register makes the address, and goes on from there */
	unsigned relative; /* where a displacement from rip is, or 0 */
} now;

static void emit(uint64_t value, unsigned size)
{
	memcpy(now.bytes + now.length, &value, size);
	now.length += size;
}

/* The base of what is addressed, with that segment by default. */
static uint64_t base_of(enum native_segment segment)
{
	switch (now.prefixes.segment) {
	case 0x65:
		return native_base(NATIVE_GS);
	case 0:
		break;
	default:
		segment = now.prefixes.segment >> 3 & 3;
		break;
	}
	return now.code_size == 8 ? 0 : native_base(segment);
}

static uint64_t cut(uint64_t address)
{
	return now.address_size == 8 ? address : address & arithmetic_mask(now.address_size);
}

/* A value for a register of which the address size's part is used. */
static void set_address(unsigned reg, uint64_t value)
{
	now.state.registers[reg] = value;
	if (now.address_size < 8)
		now.state.registers[reg] = cut(value) | (random64() & ~cut(UINT64_MAX));
	if (now.code_size != 8 && reg == RSP)
		now.state.registers[reg] = cut(value);
}

static void emit_modrm16(unsigned reg, unsigned mod, unsigned rm)
{
	static const uint8_t bases[] = {RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX};
	bool direct = mod == 0 && rm == 6;
	unsigned base = bases[rm], index = rm & 1 ? RDI : RSI;
	uint64_t displacement = random64();
	uint64_t offset = now.target - base_of(base == RBP && !direct ? NATIVE_SS : NATIVE_DS);

	displacement = mod == 1 ? (uint64_t)(int8_t)displacement : mod == 2 ? displacement : 0;
	if (direct)
		displacement = offset;
	else
		set_address(base,
			    offset - displacement - (rm < 4 ? now.state.registers[index] : 0));
	now.used |= 1U << index | 1U << base;
	emit(mod << 6 | reg << 3 | rm, 1);
	emit(displacement, direct || mod == 2 ? 2 : mod);
}

/* Chooses a displacement and the base so that the target is addressed. */
static void emit_modrm(unsigned reg, unsigned mod, unsigned rm)
{
	struct prefixes *p = &now.prefixes;
	unsigned scale = 0, sib_base = 0, base = rm | (p->rex & 1 ? 8U : 0);
	unsigned sib_index = 4, index = 4, field = rm;
	bool sib = rm == 4, no_base;
	uint64_t displacement, rest, offset;

	if (now.address_size == 2) {
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
		now.state.registers[index] = below(0x1000);
	now.used |= 1U << index | 1U << base;
	displacement = mod == 1	  ? (uint64_t)(int8_t)random64()
		       : mod == 2 ? (uint64_t)(int32_t)random64()
				  : 0;
	rest = index == 4 ? 0 : now.state.registers[index] << scale;
	offset = now.target -
		 base_of(!no_base && (base == RSP || base == RBP) ? NATIVE_SS : NATIVE_DS);
	if (no_base && !sib && now.code_size == 8)
		displacement = 0; /* set when the length is known */
	else if (no_base)
		displacement = offset - rest;
	else
		set_address(base, offset - rest - displacement);
	emit(mod << 6 | reg << 3 | rm, 1);
	if (sib)
		emit(scale << 6 | sib_index << 3 | sib_base, 1);
	if (no_base && !sib && now.code_size == 8)
		now.relative = now.length;
	emit(displacement, no_base || mod == 2 ? 4 : mod);
}

static void emit_prefixes(void)
{
	const struct prefixes *p = &now.prefixes;
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
	for (unsigned i = 0; i < count; i++)
		emit(list[i], 1);
	if (p->rex)
		emit(p->rex, 1);
}

static void set_sizes(void)
{
	const struct prefixes *p = &now.prefixes;

	if (now.code_size == 8) {
		now.operand_size = p->rex & 8 ? 8 : p->operand ? 2 : 4;
		now.address_size = p->address ? 4 : 8;
	} else {
		now.operand_size = (now.code_size == 2) == p->operand ? 4 : 2;
		now.address_size = (now.code_size == 2) == p->address ? 4 : 2;
	}
}

static void set_state(void)
{
	for (int i = 0; i < 16; i++) {
		now.state.registers[i] = interesting();
		now.state.xmm[i][0] = random64();
		now.state.xmm[i][1] = random64();
	}
	for (unsigned i = 0; i < DATA; i += 8) {
		uint64_t value = i * 0x0101010101010101ULL ^ seed;

		memcpy(now.data + i, &value, 8);
	}
	for (uint64_t at = PAGE - 48; at < PAGE + 48; at += 8) {
		uint64_t value = interesting();

		memcpy(now.data + at, &value, 8);
	}
	now.state.rflags = 0x202 | (random64() & (ALL | KVM_DF));
	now.target = (uintptr_t)native_data + PAGE - 24 + below(48);
	if (below(2))
		now.target &= ~15ULL;
	/* A stack, if the address makes no other one. */
	now.state.registers[RSP] =
		(uintptr_t)native_data + 1024 - (now.code_size == 8 ? 0 : native_base(NATIVE_SS));
}

static void put_data(uint64_t address, uint64_t value, unsigned size)
{
	memcpy(now.data + (address - (uintptr_t)native_data), &value, size);
}

static uint64_t data_at(uint64_t address)
{
	uint64_t value;

	memcpy(&value, now.data + (address - (uintptr_t)native_data), 8);
	return value;
}

/* Strings of some elements that are sometimes the same. */
static void set_string(void)
{
	set_address(RSI, now.target - base_of(NATIVE_DS));
	set_address(RDI, (uintptr_t)native_data + PAGE + 40 - below(80) -
				 (now.code_size == 8 ? 0 : native_base(NATIVE_ES)));
	if (now.prefixes.repeat)
		set_address(RCX, below(6));
	if (below(2)) {
		memset(now.data + PAGE - 100, below(3), 200);
		now.state.registers[RAX] = now.data[PAGE] * 0x0101010101010101ULL;
	}
}

/* What the form wants in registers beside the address. */
static void set_special(unsigned reg)
{
	uint64_t *registers = now.state.registers, low = data_at(now.target);

	reg |= now.prefixes.rex & 4 ? 8U : 0;
	now.wild = now.form->flags & BITS &&
		   (now.used >> reg & 1 || (reg == RSP && now.code_size == 2));
	if (now.form->flags & BITS && !now.wild)
		registers[reg] = (uint64_t)((int64_t)below(512) - 256);
	if (now.form->flags & EQUAL && below(2)) {
		if (!(now.used >> RAX & 1))
			registers[RAX] = low;
		if (now.opcode == 0xc7 && !(now.used >> RDX & 1))
			registers[RDX] =
				now.operand_size == 8 ? data_at(now.target + 8) : low >> 32;
	}
	if (now.form->flags & BRANCH)
		put_data(now.target, native_branch_target(now.code_size), 8);
}

static void set_undefined(unsigned reg)
{
	unsigned bits = 8 * (now.opcode & 1 ? now.operand_size : 1), count;

	now.undefined = now.form->undefined;
	if (!(now.form->flags & SHIFTS))
		return;
	count = now.opcode < 0xd0 ? now.bytes[now.length - 1] : now.state.registers[RCX] & 0xff;
	count &= bits == 64 ? 63 : 31;
	if (count > 1)
		now.undefined |= OF;
	if (count && reg >= 4)
		now.undefined |= AF;
	if (count >= bits && reg >= 4 && reg < 7)
		now.undefined |= CF;
}

/* Makes the code, the registers and the memory of a case. */
static void make(const struct form *form, unsigned code_size, uint8_t opcode, uint8_t modrm,
		 struct prefixes prefixes)
{
	unsigned reg = modrm >> 3 & 7;
	uint32_t relative;

	now.form = form;
	now.code_size = code_size;
	now.opcode = opcode;
	now.prefixes = prefixes;
	now.length = now.used = now.relative = 0;
	set_sizes();
	set_state();
	if (form->flags & VECTOR && form->prefix)
		emit(form->prefix, 1);
	emit_prefixes();
	if (form->map)
		emit(form->map == 1 ? 0x0f : 0x380f, form->map);
	emit(opcode, 1);
	if (form->flags & STRING)
		set_string();
	else if (form->immediate == OFFSET)
		emit(now.target - base_of(NATIVE_DS), now.address_size);
	else
		emit_modrm(reg, modrm >> 6, modrm & 7);
	set_special(reg);
	if (form->immediate == IMMEDIATE_8)
		emit(interesting(), 1);
	else if (form->immediate == IMMEDIATE_Z)
		emit(interesting(), now.operand_size == 8 ? 4 : now.operand_size);
	if (now.relative) {
		relative = (uint32_t)(now.target - base_of(NATIVE_DS) - now.length -
				      (uintptr_t)native_code);
		memcpy(now.bytes + now.relative, &relative, 4);
	}
	for (int i = 0; code_size != 8 && i < 16; i++)
		now.state.registers[i] &= 0xffffffff;
	if (code_size == 2)
		now.state.registers[RSP] &= 0xffff;
	set_undefined(reg);
}

/* ---- the two ways to do it ---- */

/* The guest's pages are not in order. */
#define PHYSICAL_STEP 0x5000ULL
#define PHYSICAL      0x7000000000ULL

static uint64_t physical_of(uint64_t linear)
{
	uint64_t page = (linear - (uintptr_t)native_data) / PAGE;

	return PHYSICAL + (NATIVE_PAGES - page) * PHYSICAL_STEP + linear % PAGE;
}

static uint8_t *at_physical(uint8_t *data, uint64_t physical, unsigned size)
{
	uint64_t page = NATIVE_PAGES - (physical - PHYSICAL) / PHYSICAL_STEP;

	assert_true((physical - PHYSICAL) % PHYSICAL_STEP + size <= PAGE && page < NATIVE_PAGES);
	return data + page * PAGE + physical % PAGE;
}

static void make_page(struct mullion_vcpu_page *page)
{
	static const struct mullion_vcpu_page empty;
	bool legacy = now.code_size != 8, exact;
	uint16_t wide = now.code_size == 4 ? 1U << 10 : 0;

	*page = empty;
	page->cr0 = 0x80000011;
	page->cr4 = 1U << 9;
	page->efer = 0x500;
	page->cpl = 3;
	for (unsigned i = 0; i < 6; i++) {
		page->segments[i].base = legacy ? native_base(i) : 0;
		page->segments[i].limit = NATIVE_LIMIT;
		page->segments[i].attributes = i == MULLION_CS ? 0xfb | wide : 0xf3 | wide;
		/* What MOV of a segment register stores. */
		page->segments[i].selector = native_selector(i, now.code_size);
	}
	if (!legacy) {
		page->segments[MULLION_CS].attributes |= 1U << 9;
		page->segments[MULLION_GS].base = native_base(NATIVE_GS);
	}
	memcpy(page->registers, now.state.registers, sizeof(page->registers));
	page->rflags = now.state.rflags;
	page->rip = (uintptr_t)native_code - page->segments[MULLION_CS].base;
	page->byte_count = (uint8_t)(now.length < 15 ? now.length : 15);
	memcpy(page->bytes, now.bytes, page->byte_count);
	/* An exit names the operand, or something else. */
	exact = below(2) && !(now.form->flags & (STRING | BITS));
	page->address = exact ? physical_of(now.target) : PHYSICAL + 0x7f0;
	page->write = exact ? now.form->flags & WRITES : (uint8_t)below(2);
}

static struct mullion_vcpu_page page;
static uint64_t vectors[16][2];
static bool misled; /* a wild address happened to match the exit's */

/* Does the instruction in data. Returns the last status. */
static enum kvm_insn_status emulate(uint8_t *data)
{
	struct kvm_insn insn;
	enum kvm_insn_status status = kvm_insn_start(&insn, &page);

	for (unsigned i = 0; i < 200; i++, status = kvm_insn_step(&insn, &page)) {
		switch (status) {
		case KVM_INSN_DONE:
			if (!insn.again)
				return status;
			break;
		case KVM_INSN_TRANSLATE:
			if (insn.address - (uintptr_t)native_data >= DATA) {
				kvm_insn_page_fault(&insn, &page, false);
				return KVM_INSN_DONE;
			}
			insn.address = physical_of(insn.address);
			break;
		case KVM_INSN_READ:
			if (insn.address - PHYSICAL < PAGE) {
				misled = true;
				return KVM_INSN_UNSUPPORTED;
			}
			/* Devices may leave anything above what was asked for. */
			insn.value = random64();
			memcpy(&insn.value, at_physical(data, insn.address, insn.size), insn.size);
			break;
		case KVM_INSN_WRITE:
			if (insn.address - PHYSICAL < PAGE) {
				misled = true;
				return KVM_INSN_UNSUPPORTED;
			}
			memcpy(at_physical(data, insn.address, insn.size), &insn.value, insn.size);
			break;
		case KVM_INSN_GET_XMM:
			memcpy(insn.xmm, vectors[insn.xmm_number], 16);
			break;
		case KVM_INSN_SET_XMM:
			memcpy(vectors[insn.xmm_number], insn.xmm, 16);
			break;
		default:
			return status;
		}
	}
	fail_msg("no end");
	return status;
}

static void report(const char *what)
{
	fprintf(stderr, "mode %u:", now.code_size);
	for (unsigned i = 0; i < now.length; i++)
		fprintf(stderr, " %02x", now.bytes[i]);
	fail_msg("%s", what);
}

static unsigned done, refused, faulted;

static void compare_states(const struct native_state *native, const uint8_t *data)
{
	uint64_t mask = now.code_size == 8 ? UINT64_MAX : 0xffffffff;

	for (unsigned i = 0; i < 16; i++) {
		if ((native->registers[i] ^ page.registers[i]) & mask &&
		    (now.code_size == 8 || i < 8)) {
			fprintf(stderr, "register %u: %llx, the CPU: %llx (before: %llx)\n", i,
				(unsigned long long)page.registers[i],
				(unsigned long long)native->registers[i],
				(unsigned long long)now.state.registers[i]);
			report("registers");
		}
	}
	if (memcmp(native->xmm, vectors, sizeof(vectors)))
		report("SSE registers");
	if (memcmp(native_data, data, DATA))
		report("memory");
}

static void compare(void)
{
	static uint8_t data[DATA];
	struct native_state native = now.state;
	enum kvm_insn_status status;
	int result;

	memcpy(native_data, now.data, DATA);
	memcpy(native_code, now.bytes, now.length);
	memcpy(data, now.data, DATA);
	memcpy(vectors, now.state.xmm, sizeof(vectors));
	make_page(&page);
	result = native_run(&native, now.code_size, now.length);
	misled = false;
	status = emulate(data);
	if (result < 0 && misled)
		return;

	if (result == -4) { /* SIGILL: LOCK where it may not be, or this CPU does not have it */
		refused++;
		if (now.prefixes.lock && status != KVM_INSN_UNSUPPORTED)
			report("is none");
		return;
	}
	if (now.length > 15) {
		if (result != -11 || status != KVM_INSN_UNSUPPORTED)
			report("is too long");
		return;
	}
	if (status == KVM_INSN_UNSUPPORTED && now.form->flags & BRANCH && now.prefixes.operand &&
	    now.code_size == 8)
		return;
	if (status != KVM_INSN_DONE)
		report("is not supported");
	if (result < 0) {
		faulted++;
		if (!(page.event & MULLION_EVENT_VALID))
			report("does not fault");
		if (page.dirty & MULLION_DIRTY_GENERAL)
			report("changes registers, and faults");
		memcpy(native.registers, now.state.registers, sizeof(native.registers));
		compare_states(&native, data);
		return;
	}
	done++;
	if (page.event)
		report("faults");
	if (page.segments[MULLION_CS].base + page.rip !=
	    (result ? native_branch_target(now.code_size) + page.segments[MULLION_CS].base
		    : (uintptr_t)native_code + now.length))
		report("goes elsewhere");
	if ((native.rflags ^ page.rflags) & (ALL | KVM_DF) & ~now.undefined) {
		fprintf(stderr, "flags %llx, the CPU: %llx (before: %llx)\n",
			(unsigned long long)page.rflags, (unsigned long long)native.rflags,
			(unsigned long long)now.state.rflags);
		report("flags");
	}
	compare_states(&native, data);
}

/* One of the prefixes, or two. */
static struct prefixes choose_prefixes(const struct form *form, unsigned code_size, uint8_t rex)
{
	static const uint8_t segments[] = {0x26, 0x2e, 0x36, 0x3e, 0x65, 0x65};
	struct prefixes p = {.rex = rex};

	if (code_size != 8)
		p.rex = 0;
	if (below(4) == 0)
		p.address = true;
	if (below(6) == 0)
		p.segment = segments[below(6)];
	if (form->flags & VECTOR)
		return p;
	if (below(8) == 0 && !(form->flags & STRING))
		p.lock = true;
	if (below(4) == 0 && !(form->flags & NO66))
		p.operand = true;
	if (below(form->flags & STRING ? 2 : 8) == 0 && !(form->flags & PLAIN))
		p.repeat = 0xf2 | (uint8_t)below(2);
	return p;
}

/* Each opcode with each ModRM byte and each REX, and random prefixes. */
static void try_form(const struct form *form, unsigned code_size, uint8_t opcode)
{
	unsigned rexes = code_size == 8 ? 17 : 4;

	for (unsigned modrm = 0; modrm < 0xc0; modrm++) {
		if (!(form->regs >> (modrm >> 3 & 7) & 1) && form->regs)
			continue;
		for (unsigned rex = 0; rex < rexes; rex++) {
			make(form, code_size, opcode, (uint8_t)modrm,
			     choose_prefixes(form, code_size, (uint8_t)(rex ? 0x3f + rex : 0)));
			if (!now.wild)
				compare();
		}
	}
}

static void try_mode(unsigned code_size)
{
	native_catch_signals();
	done = refused = faulted = 0;
	if (!native_has(code_size))
		skip();
	for (size_t i = 0; i < FORMS; i++) {
		const struct form *form = &forms[i];

		if (form->flags & (code_size == 8 ? NOT64 : ONLY64))
			continue;
		for (unsigned opcode = form->first; opcode <= form->last; opcode++)
			try_form(form, code_size, (uint8_t)opcode);
	}
	print_message("mode %u: %u done, %u faulted, %u refused\n", code_size, done, faulted,
		      refused);
	assert_true(done > 10 * (faulted + refused) / 2);
}

static void effects_in_64_bit_mode_are_the_cpus(void **state)
{
	(void)state;
	try_mode(8);
}

static void effects_in_32_bit_mode_are_the_cpus(void **state)
{
	(void)state;
	try_mode(4);
}

static void effects_in_16_bit_mode_are_the_cpus(void **state)
{
	(void)state;
	try_mode(2);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(effects_in_64_bit_mode_are_the_cpus),
		cmocka_unit_test(effects_in_32_bit_mode_are_the_cpus),
		cmocka_unit_test(effects_in_16_bit_mode_are_the_cpus),
	};

	/* Another seed, other cases. */
	if (argc > 1)
		seed = strtoull(argv[1], NULL, 0);
	if (!native_init())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
