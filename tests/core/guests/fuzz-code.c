/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzzing guest tries: instructions, most of them privileged, with values that may mean
 * something to somebody. */
#include "fuzz-code.h"
#include "fuzz.h"
#include "mullion/hypercall.h"

/* ---- chance ---- */

uint32_t mix(uint32_t x)
{
	x = (x ^ x >> 16) * 0x7feb352d;
	x = (x ^ x >> 15) * 0x846ca68b;
	return x ^ x >> 16;
}

uint32_t next(struct state *s)
{
	return mix(s->random += 0x9e3779b9);
}

bool one_in(struct state *s, uint32_t n)
{
	return next(s) % n == 0;
}

static uint32_t any_msr(struct state *s)
{
	static const uint32_t some[] = {
		0x10,	    0x11,	0x12,	    0x1b,	0x8b,	    0xfe,	0x174,
		0x175,	    0x176,	0x179,	    0x17a,	0x17b,	    0x1a0,	0x1d9,
		0x200,	    0x250,	0x277,	    0x2ff,	0x400,	    0x401,	0x6e0,
		0x802,	    0x808,	0x80b,	    0x80d,	0x80f,	    0x828,	0x830,
		0x832,	    0x835,	0x838,	    0x83e,	0x83f,	    0xda0,	0xc0000080,
		0xc0000081, 0xc0000082, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103,
		0xc0010010, 0xc0010015, 0xc0010055, 0xc0010114, 0xc0010117, 0xc0011029, 0x4b564d00,
		0x4b564d01, 0x4b564d02, 0x4b564d03, 0x4b564d04, 0x40000000, 0x40000001, 0x40000020,
		0x40000073};
	uint32_t r = next(s);

	switch (r % 8) {
	case 0:
		return next(s);
	case 1:
		return 0xc0000080 + (r >> 26);
	case 2:
		return 0x800 + (r >> 24);
	case 3:
		return 0x40000000 + (r >> 24);
	case 4:
		return r >> 22;
	default:
		return some[(r >> 8) % (sizeof(some) / sizeof(some[0]))];
	}
}

static uint16_t any_port(struct state *s)
{
	static const uint16_t some[] = {0x20,  0x21,  0x40,  0x43,  0x60,  0x61,  0x70,	 0x71,
					0x80,  0xa0,  0xa1,  0xb2,  0x3f8, 0x402, 0x4d0, 0x510,
					0x511, 0x514, 0x604, 0xcd8, 0xcf8, 0xcfc, 0xcfe, 0xae00};
	static const uint16_t resets[] = {0x64, 0x92, 0xcf9};
	uint32_t r = next(s);

	if (r % 64 == 1) /* not often: a life would be short */
		return resets[(r >> 8) % 3];

	return r % 4 == 0 ? (uint16_t)(r >> 16) : some[(r >> 8) % (sizeof(some) / sizeof(some[0]))];
}

static uint32_t any_address(struct state *s)
{
	static const uint32_t bases[] = {0,	     CODE,	 TABLES,     0xa0000,	 0xc0000,
					 ROM,	     0x100000,	 0x200000,   0xfffff000, 0x1000000,
					 0xfec00000, 0xfed00000, APIC,	     APIC,	 APIC,
					 0xfebf0000, 0xe0000000, 0x80000000, 0xffff0000};
	uint32_t r = next(s), base = bases[r % (sizeof(bases) / sizeof(bases[0]))];

	if (base == APIC)
		return base + (r >> 8 & 0x3f) * 16;
	return r >> 8 & 1 ? base + (r >> 20) : base + (r >> 12) % 0x1000 * 0x100;
}

/* Some that means something to somebody. */
uint32_t any_value(struct state *s)
{
	uint32_t r = next(s);

	switch (r % 12) {
	case 0:
		return 0;
	case 1:
		return r >> 28;
	case 2:
		return 1U << (r >> 27);
	case 3:
		return ~(1U << (r >> 27));
	case 4:
		return ~0U << (r >> 27);
	case 5:
		return MULLION_CALL_FIRST + (r >> 27);
	case 6:
		return any_msr(s);
	case 7:
		return any_port(s);
	case 8:
		return 0x80000001 + (r >> 29);
	case 9:
		return next(s);
	default:
		return any_address(s);
	}
}

/* ---- code ---- */

static void emit(struct state *s, uint32_t byte)
{
	*s->at++ = (uint8_t)byte;
}

static void emit_set(struct state *s, uint32_t reg, uint32_t value)
{
	if (s->bits == 16)
		emit(s, 0x66);
	emit(s, 0xb8 + reg);
	__builtin_memcpy(s->at, &value, 4);
	s->at += 4;
}

#define EAX 0
#define ECX 1
#define EDX 2
#define EBX 3
#define ESI 6
#define EDI 7

#define TAKES_MSR    1
#define TAKES_PORT   2
#define TAKES_MEMORY 4	/* a ModRM byte for [ebx], with these bits 3-5 */
#define TAKES_REG    8	/* a ModRM byte of register form, bits 3-5 by chance */
#define TAKES_BYTE   16 /* a byte by chance behind it */
#define TAKES_REP    32
#define MODRM(n)     (TAKES_MEMORY | (n) << 8)
#define ANY	     (TAKES_MEMORY | 8 << 8)
#define OP(flags, ...)                                                                             \
	{                                                                                          \
		flags, sizeof((uint8_t[]){__VA_ARGS__}),                                           \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

static const struct op {
	uint16_t flags;
	uint8_t size;
	uint8_t bytes[4];
} ops[] = {
	/* Calls to whoever is below. */
	OP(0, 0x0f, 0x01, 0xd9), OP(0, 0x0f, 0x01, 0xd9), OP(0, 0x0f, 0x01, 0xc1),
	OP(0, 0x0f, 0xa2), OP(TAKES_MSR, 0x0f, 0x32), OP(TAKES_MSR, 0x0f, 0x30),
	OP(TAKES_MSR, 0x0f, 0x32), OP(TAKES_MSR, 0x0f, 0x30), OP(TAKES_MSR, 0x0f, 0x30),
	/* Ports. */
	OP(TAKES_PORT, 0xec), OP(TAKES_PORT, 0xed), OP(TAKES_PORT, 0xee), OP(TAKES_PORT, 0xef),
	OP(TAKES_PORT, 0xef), OP(TAKES_PORT | TAKES_REP, 0x6c), OP(TAKES_PORT | TAKES_REP, 0x6d),
	OP(TAKES_PORT | TAKES_REP, 0x6e), OP(TAKES_PORT | TAKES_REP, 0x6f), OP(TAKES_BYTE, 0xe4),
	OP(TAKES_BYTE, 0xe7),
	/* Control and debug registers, tables, segments. */
	OP(TAKES_REG, 0x0f, 0x20), OP(TAKES_REG, 0x0f, 0x22), OP(TAKES_REG, 0x0f, 0x21),
	OP(TAKES_REG, 0x0f, 0x23), OP(MODRM(0), 0x0f, 0x01), OP(MODRM(1), 0x0f, 0x01),
	OP(MODRM(2), 0x0f, 0x01), OP(MODRM(3), 0x0f, 0x01), OP(MODRM(4), 0x0f, 0x01),
	OP(MODRM(6), 0x0f, 0x01), OP(MODRM(7), 0x0f, 0x01), OP(ANY, 0x0f, 0x00),
	OP(TAKES_REG, 0x0f, 0x00), OP(TAKES_REG, 0x8e), OP(ANY, 0x8e), OP(0, 0x0f, 0x06),
	OP(0, 0x0f, 0x01, 0xd0), OP(0, 0x0f, 0x01, 0xd1),
	/* SVM's own, VMX', and what else is privileged. */
	OP(0, 0x0f, 0x01, 0xd8), OP(0, 0x0f, 0x01, 0xda), OP(0, 0x0f, 0x01, 0xdb),
	OP(0, 0x0f, 0x01, 0xdc), OP(0, 0x0f, 0x01, 0xdd), OP(0, 0x0f, 0x01, 0xde),
	OP(0, 0x0f, 0x01, 0xdf), OP(0, 0x0f, 0x01, 0xc2), OP(0, 0x0f, 0x01, 0xc8),
	OP(0, 0x0f, 0x01, 0xc9), OP(0, 0x0f, 0x01, 0xf8), OP(0, 0x0f, 0x01, 0xf9),
	OP(0, 0x0f, 0x08), OP(0, 0x0f, 0x09), OP(0, 0x0f, 0x33), OP(0, 0x0f, 0x31),
	OP(0, 0x0f, 0xaa), OP(0, 0x0f, 0x05), OP(0, 0x0f, 0x07), OP(0, 0x0f, 0x34),
	OP(0, 0x0f, 0x35),
	/* Interrupts, flags, ways off. */
	OP(TAKES_BYTE, 0xcd), OP(0, 0xcc), OP(0, 0xce), OP(0, 0xf1), OP(0, 0xcf), OP(0, 0xf4),
	OP(0, 0xfa), OP(0, 0xfb), OP(0, 0x9d), OP(0, 0x9c), OP(MODRM(3), 0xff), OP(MODRM(5), 0xff),
	OP(0, 0xcb), OP(0, 0x0f, 0x0b),
	/* Memory, and what may be a device's. */
	OP(MODRM(0), 0x89), OP(MODRM(0), 0x89), OP(MODRM(0), 0x88), OP(MODRM(1), 0x8b),
	OP(ANY, 0x01), OP(ANY, 0x87), OP(ANY, 0xff), OP(MODRM(6), 0xff), OP(MODRM(0), 0x8f),
	OP(ANY, 0x0f, 0xb1), OP(MODRM(1), 0x0f, 0xc7), OP(ANY, 0x0f, 0xab), OP(ANY, 0x0f, 0xb7),
	OP(TAKES_REP, 0xa4), OP(TAKES_REP, 0xa5), OP(TAKES_REP, 0xaa), OP(TAKES_REP, 0xab),
	OP(TAKES_REP, 0xac), OP(TAKES_REP, 0xa7), OP(TAKES_REP, 0xaf),
	/* The FPU's state. */
	OP(ANY, 0x0f, 0xae), OP(ANY, 0x0f, 0xae), OP(ANY, 0xd9), OP(ANY, 0xdd), OP(ANY, 0x0f, 0x6f),
	OP(ANY, 0x0f, 0x28), OP(ANY, 0x0f, 0xc7)};

/*
 * QEMU 7.2's #VMEXIT leaves CR0 as it was in a guest with EFER.LME but neither paging nor PAE,
 * which is the end of the core there and of nothing on a CPU: in no mode without PAE is LME set.
 */
static void emit_msr(struct state *s)
{
	uint32_t msr = any_msr(s), value = any_value(s);

	if (msr == MSR_EFER && !(s->cr4 & CR4_PAE))
		value &= ~EFER_LME;
	emit_set(s, EAX, value);
	emit_set(s, ECX, msr);
}

static void emit_op(struct state *s, const struct op *op)
{
	uint32_t r = next(s), n;

	if (r & 1)
		emit_set(s, EAX, any_value(s));
	if (op->flags & TAKES_MSR)
		emit_msr(s);
	else if (op->flags & TAKES_REP)
		emit_set(s, ECX, r & 0x70 ? r >> 8 & 0x1ff : any_value(s));
	else if (r & 2)
		emit_set(s, ECX, any_value(s));
	if (op->flags & TAKES_PORT || r & 4)
		emit_set(s, EDX, op->flags & TAKES_PORT ? any_port(s) : any_value(s));
	if (op->flags & TAKES_MEMORY || r & 8)
		emit_set(s, EBX, any_address(s));
	if (op->flags & TAKES_REP) {
		emit_set(s, ESI, any_address(s));
		emit_set(s, EDI, any_address(s));
		if (r & 0x700)
			emit(s, 0xf2 + (r >> 12 & 1));
	}
	if ((r & 0xf0000) == 0)
		emit(s, r & 0x100000 ? 0x66 : 0xf0);
	if (s->bits == 64 && (r & 0x600000) == 0)
		emit(s, 0x48);
	/* [ebx], where an address of 16 bits would be [bp + di]. */
	if (op->flags & TAKES_MEMORY && s->bits == 16)
		emit(s, 0x67);
	for (n = 0; n < op->size; n++)
		emit(s, op->bytes[n]);
	n = op->flags >> 8;
	if (op->flags & TAKES_MEMORY)
		emit(s, (n < 8 ? n : r >> 24 & 7) << 3 | EBX);
	if (op->flags & TAKES_REG)
		emit(s, 0xc0 | r >> 24);
	if (op->flags & TAKES_BYTE)
		emit(s, r >> 24);
}

/*
 * As the core's tests run in QEMU 7.2: it ends itself when an exception finds a null TR, which it
 * lets LTR load (a CPU would not), and when a watchpoint is hit while one is delivered. There are
 * no LTR and no DR7.
 */
static void remove_fatal(const struct state *s, uint8_t *start, const uint8_t *end)
{
	for (; start + 2 < end; start++) {
		if (start[0] == 0x0f && start[1] == 0 && (start[2] >> 3 & 7) == 3)
			start[2] ^= 8;
		if (start[0] == 0x0f && start[1] == 0x23 && (start[2] >> 3 & 5) == 5)
			start[2] ^= 8;
		/* Nor does code that may have LME set clear PAE, see emit_msr(). */
		if (s->cr4 & CR4_PAE && start[0] == 0x0f && start[1] == 0x22 &&
		    (start[2] >> 3 & 7) == 4)
			start[2] ^= 0x10;
	}
}

void write_code(struct state *s, uint8_t *start)
{
	uint32_t count = 1 + next(s) % 6, n;

	s->at = start;
	while (count-- != 0) {
		if (!one_in(s, 5)) {
			emit_op(s, &ops[next(s) % (sizeof(ops) / sizeof(ops[0]))]);
			continue;
		}
		for (n = 1 + next(s) % 15; n != 0; n--)
			emit(s, next(s) >> 24);
	}
	emit(s, 0xcd); /* back */
	emit(s, 0x81);
	remove_fatal(s, start, s->at);
}
