/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decoding by tables: what an opcode does, and where its operands are. */
#include "kvm-decode.h"

#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>
#endif

#include "kvm-segment.h"

#define REX_B 1U
#define REX_X 2U
#define REX_R 4U
#define REX_W 8U

/* What the tables say of an opcode. */
#define READ	  (1U << 0)
#define WRITE	  (1U << 1)
#define TO	  (1U << 2)  /* the register is the target */
#define BYTE	  (1U << 3)  /* operands are bytes if the opcode's bit 0 is clear */
#define SIGN	  (1U << 4)  /* sign-extended into the register */
#define IMMEDIATE (1U << 5)  /* of the operand's size, 4 at most */
#define IMM8	  (1U << 6)  /* a byte, sign-extended */
#define LOCK	  (1U << 7)  /* may have a LOCK prefix */
#define WIDE	  (1U << 8)  /* 64-bit mode: operands are 8 bytes without REX.W */
#define NO_MODRM  (1U << 9)  /* MOV of rAX and an offset, strings */
#define STRICT	  (1U << 10) /* not with F2, F3; 66 */
#define ONE	  (1U << 11) /* the immediate is 1 */
#define COUNT	  (1U << 12) /* the register is CL */
#define ONLY_64	  (1U << 13)
#define NOT_64	  (1U << 14)

struct opcode {
	uint8_t operation;
	uint8_t size; /* of the operand in memory, if not the operand size */
	uint16_t flags;
};

#define CHANGE (READ | WRITE)
#define ALU(flags)                                                                                 \
	{                                                                                          \
		{KVM_ADD, 0, CHANGE | LOCK | (flags)}, {KVM_OR, 0, CHANGE | LOCK | (flags)},       \
			{KVM_ADC, 0, CHANGE | LOCK | (flags)},                                     \
			{KVM_SBB, 0, CHANGE | LOCK | (flags)},                                     \
			{KVM_AND, 0, CHANGE | LOCK | (flags)},                                     \
			{KVM_SUB, 0, CHANGE | LOCK | (flags)},                                     \
			{KVM_XOR, 0, CHANGE | LOCK | (flags)}, {KVM_CMP, 0, READ | (flags)},       \
	}

/* Opcodes whose ModRM's reg field says which instruction it is. */
enum group {
	GROUP_ALU = 1,
	GROUP_ALU8,
	GROUP_SHIFT,
	GROUP_UNARY, /* F6, F7 */
	GROUP_FE,
	GROUP_FF,
	GROUP_BIT,
	GROUP_POP,
	GROUP_MOV,
	GROUP_PAIR,
	GROUP_FLUSH,
};

static const struct opcode groups[][8] = {
	[GROUP_ALU] = ALU(BYTE | IMMEDIATE),
	[GROUP_ALU8] = ALU(BYTE | IMM8),
	[GROUP_SHIFT] = {{KVM_ROL, 0, CHANGE | BYTE},
			 {KVM_ROR, 0, CHANGE | BYTE},
			 {KVM_RCL, 0, CHANGE | BYTE},
			 {KVM_RCR, 0, CHANGE | BYTE},
			 {KVM_SHL, 0, CHANGE | BYTE},
			 {KVM_SHR, 0, CHANGE | BYTE},
			 {KVM_SAL, 0, CHANGE | BYTE},
			 {KVM_SAR, 0, CHANGE | BYTE}},
	[GROUP_UNARY] = {{KVM_TEST, 0, READ | BYTE | IMMEDIATE},
			 {KVM_TEST, 0, READ | BYTE | IMMEDIATE},
			 {KVM_NOT, 0, CHANGE | BYTE | LOCK},
			 {KVM_NEG, 0, CHANGE | BYTE | LOCK}},
	[GROUP_FE] = {{KVM_INC, 1, CHANGE | LOCK}, {KVM_DEC, 1, CHANGE | LOCK}},
	[GROUP_FF] = {{KVM_INC, 0, CHANGE | LOCK},
		      {KVM_DEC, 0, CHANGE | LOCK},
		      {KVM_CALL, 0, READ | WIDE},
		      {0},
		      {KVM_JMP, 0, READ | WIDE},
		      {0},
		      {KVM_PUSH, 0, READ | WIDE}},
	[GROUP_BIT] = {{0},
		       {0},
		       {0},
		       {0},
		       {KVM_BT, 0, READ | IMM8},
		       {KVM_BTS, 0, CHANGE | IMM8 | LOCK},
		       {KVM_BTR, 0, CHANGE | IMM8 | LOCK},
		       {KVM_BTC, 0, CHANGE | IMM8 | LOCK}},
	[GROUP_POP] = {{KVM_POP, 0, WRITE | WIDE}},
	[GROUP_MOV] = {{KVM_MOV, 0, WRITE | BYTE | IMMEDIATE}},
	[GROUP_PAIR] = {{0}, {KVM_CMPXCHG_PAIR, 0, CHANGE | LOCK}},
	[GROUP_FLUSH] = {[6] = {KVM_NOTHING, 1, 0}, [7] = {KVM_NOTHING, 1, 0}},
};

/* Groups are named in the operation's place, from here on. */
#define GROUP(number) (0x80 | (number))

static const struct opcode one_byte[256] = {
	[0x63] = {KVM_MOV, 4, READ | TO | SIGN | ONLY_64},
	[0x80] = {GROUP(GROUP_ALU), 0, 0},
	[0x81] = {GROUP(GROUP_ALU), 0, 0},
	[0x82] = {GROUP(GROUP_ALU), 0, NOT_64},
	[0x83] = {GROUP(GROUP_ALU8), 0, 0},
	[0x84 ... 0x85] = {KVM_TEST, 0, READ | BYTE},
	[0x86 ... 0x87] = {KVM_XCHG, 0, CHANGE | BYTE | LOCK},
	[0x88 ... 0x89] = {KVM_MOV, 0, WRITE | BYTE},
	[0x8a ... 0x8b] = {KVM_MOV, 0, READ | TO | BYTE},
	[0x8c] = {KVM_MOV_SEGMENT, 2, WRITE},
	[0x8f] = {GROUP(GROUP_POP), 0, 0},
	[0xa0 ... 0xa1] = {KVM_MOV, 0, READ | TO | BYTE | NO_MODRM},
	[0xa2 ... 0xa3] = {KVM_MOV, 0, WRITE | BYTE | NO_MODRM},
	[0xa4 ... 0xa5] = {KVM_MOVS, 0, BYTE | NO_MODRM},
	[0xa6 ... 0xa7] = {KVM_CMPS, 0, BYTE | NO_MODRM},
	[0xaa ... 0xab] = {KVM_STOS, 0, BYTE | NO_MODRM},
	[0xac ... 0xad] = {KVM_LODS, 0, BYTE | NO_MODRM},
	[0xae ... 0xaf] = {KVM_SCAS, 0, BYTE | NO_MODRM},
	[0xc0 ... 0xc1] = {GROUP(GROUP_SHIFT), 0, IMM8},
	[0xc6 ... 0xc7] = {GROUP(GROUP_MOV), 0, 0},
	[0xd0 ... 0xd1] = {GROUP(GROUP_SHIFT), 0, ONE},
	[0xd2 ... 0xd3] = {GROUP(GROUP_SHIFT), 0, COUNT},
	[0xf6 ... 0xf7] = {GROUP(GROUP_UNARY), 0, 0},
	[0xfe] = {GROUP(GROUP_FE), 0, 0},
	[0xff] = {GROUP(GROUP_FF), 0, 0},
};

static const struct opcode two_byte[256] = {
	[0x40 ... 0x4f] = {KVM_CMOVCC, 0, READ | TO},
	[0x90 ... 0x9f] = {KVM_SETCC, 1, WRITE},
	[0xa3] = {KVM_BT, 0, READ},
	[0xab] = {KVM_BTS, 0, CHANGE | LOCK},
	[0xae] = {GROUP(GROUP_FLUSH), 0, STRICT},
	[0xb0 ... 0xb1] = {KVM_CMPXCHG, 0, CHANGE | BYTE | LOCK},
	[0xb3] = {KVM_BTR, 0, CHANGE | LOCK},
	[0xb6] = {KVM_MOV, 1, READ | TO},
	[0xb7] = {KVM_MOV, 2, READ | TO},
	[0xba] = {GROUP(GROUP_BIT), 0, 0},
	[0xbb] = {KVM_BTC, 0, CHANGE | LOCK},
	[0xbe] = {KVM_MOV, 1, READ | TO | SIGN},
	[0xbf] = {KVM_MOV, 2, READ | TO | SIGN},
	[0xc0 ... 0xc1] = {KVM_XADD, 0, CHANGE | BYTE | LOCK},
	[0xc3] = {KVM_MOV, 0, WRITE | STRICT},
	[0xc7] = {GROUP(GROUP_PAIR), 0, 0},
};

/* Moves of SSE registers: by opcode (and the second byte before it, if that is 38) and mandatory
 * prefix. What is loaded is zero-extended. */
static const struct {
	uint16_t opcode;
	uint8_t prefix, size; /* 0: 4, or 8 with REX.W */
	bool store, aligned;
} vector_moves[] = {
	{0x10, 0, 16, false, false},	 {0x10, 0x66, 16, false, false},
	{0x10, 0xf3, 4, false, false},	 {0x10, 0xf2, 8, false, false},
	{0x11, 0, 16, true, false},	 {0x11, 0x66, 16, true, false},
	{0x11, 0xf3, 4, true, false},	 {0x11, 0xf2, 8, true, false},
	{0x28, 0, 16, false, true},	 {0x28, 0x66, 16, false, true},
	{0x29, 0, 16, true, true},	 {0x29, 0x66, 16, true, true},
	{0x2b, 0, 16, true, true},	 {0x2b, 0x66, 16, true, true},
	{0x6e, 0x66, 0, false, false},	 {0x6f, 0x66, 16, false, true},
	{0x6f, 0xf3, 16, false, false},	 {0x7e, 0x66, 0, true, false},
	{0x7e, 0xf3, 8, false, false},	 {0x7f, 0x66, 16, true, true},
	{0x7f, 0xf3, 16, true, false},	 {0xd6, 0x66, 8, true, false},
	{0xe7, 0x66, 16, true, true},	 {0xf0, 0xf2, 16, false, false},
	{0x382a, 0x66, 16, false, true},
};

struct reader {
	const uint8_t *bytes;
	size_t count, at;
	unsigned code_size;
	enum kvm_decode_result error;
	bool operand_prefix, address_prefix, lock;
	uint8_t repeat;	 /* 0, f2, f3: the last of them */
	uint8_t rex;	 /* 0: none */
	uint8_t segment; /* MULLION_SEGMENTS: none */
	uint8_t operand_size;
	uint8_t reg; /* of ModRM, without REX */
};

/* The next byte; 0 and an error kept for later if there is none. */
static uint8_t next(struct reader *r)
{
	if (r->error)
		return 0;
	if (r->at < KVM_INSN_MAX_LENGTH && r->at < r->count)
		return r->bytes[r->at++];
	r->error = r->at < KVM_INSN_MAX_LENGTH ? KVM_DECODE_MORE : KVM_DECODE_NO;
	return 0;
}

/* A number of 0 to 8 bytes, extended by its sign. */
static uint64_t number(struct reader *r, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)next(r) << 8 * i;
	return size ? (uint64_t)((int64_t)(value << (64 - 8 * size)) >> (64 - 8 * size)) : 0;
}

/* Prefixes up to the opcode, which it returns. A REX counts only as the last of them. */
static uint8_t read_prefixes(struct reader *r)
{
	for (;;) {
		uint8_t byte = next(r);

		switch (byte) {
		case 0x66:
			r->operand_prefix = true;
			break;
		case 0x67:
			r->address_prefix = true;
			break;
		case 0xf0:
			r->lock = true;
			break;
		case 0xf2:
		case 0xf3:
			r->repeat = byte;
			break;
		case 0x26: /* ES, CS, SS, DS: nothing in 64-bit mode */
		case 0x2e:
		case 0x36:
		case 0x3e:
			if (r->code_size != 8)
				r->segment = byte >> 3 & 3;
			break;
		case 0x64:
		case 0x65:
			r->segment = byte & 1 ? MULLION_GS : MULLION_FS;
			break;
		default:
			if (r->code_size != 8 || (byte & 0xf0) != 0x40)
				return byte;
			r->rex = byte;
			continue;
		}
		r->rex = 0;
	}
}

static void set_sizes(struct reader *r, struct kvm_decoded *d)
{
	if (r->rex & REX_W)
		r->operand_size = 8;
	else
		r->operand_size = (r->code_size == 2) == r->operand_prefix ? 4 : 2;
	if (!r->address_prefix)
		d->address_size = (uint8_t)r->code_size;
	else
		d->address_size = r->code_size == 4 ? 2 : 4;
}

/* AMD APM vol. 3, table 1-12. */
static void read_address16(struct reader *r, struct kvm_decoded *d, unsigned mod, unsigned rm)
{
	/* BX, BP, SI, DI by their numbers. */
	static const uint8_t bases[8] = {3, 3, 5, 5, 6, 7, 5, 3};

	d->base = bases[rm];
	if (rm < 4)
		d->index = rm & 1 ? 7 : 6;
	if (mod == 0 && rm == 6) {
		d->base = KVM_REGISTER_NONE;
		mod = 2;
	}
	d->displacement = number(r, mod);
}

/* AMD APM vol. 3, 1.4. */
static void read_address(struct reader *r, struct kvm_decoded *d, unsigned mod, unsigned rm)
{
	bool sib = rm == 4;

	if (sib) {
		uint8_t byte = next(r);

		rm = byte & 7;
		d->index = (byte >> 3 & 7) | (r->rex & REX_X ? 8U : 0);
		d->scale = byte >> 6;
		if (d->index == 4)
			d->index = KVM_REGISTER_NONE;
	}
	d->base = (uint8_t)(rm | (r->rex & REX_B ? 8U : 0));
	if (mod == 0 && rm == 5) {
		d->base = !sib && r->code_size == 8 ? KVM_REGISTER_RIP : KVM_REGISTER_NONE;
		mod = 2;
	}
	d->displacement = number(r, mod == 2 ? 4 : mod);
}

static void read_modrm(struct reader *r, struct kvm_decoded *d)
{
	uint8_t modrm = next(r);
	unsigned mod = modrm >> 6, rm = modrm & 7;

	r->reg = modrm >> 3 & 7;
	if (mod == 3 && !r->error)
		r->error = KVM_DECODE_NO;
	if (d->address_size == 2)
		read_address16(r, d, mod, rm);
	else
		read_address(r, d, mod, rm);
	/* What is addressed by rSP or rBP is on the stack. */
	if (d->base == 4 || d->base == 5)
		d->segment = MULLION_SS;
}

static struct opcode find_opcode(struct reader *r, uint8_t byte, bool two, bool three)
{
	struct opcode found = {0};

	if (three) {
		found.operation = (byte & 0xfe) == 0xf0 && !r->repeat ? KVM_MOVBE : KVM_UNKNOWN;
		found.flags = byte & 1 ? WRITE : READ | TO;
	} else if (two) {
		found = two_byte[byte];
	} else if (byte < 0x40 && (byte & 7) < 4) {
		found.operation = KVM_ADD + (byte >> 3);
		found.flags = READ | BYTE;
		if (byte & 2)
			found.flags |= TO;
		else if (found.operation != KVM_CMP)
			found.flags |= WRITE | LOCK;
	} else {
		found = one_byte[byte];
	}
	return found;
}

/* The operands' sizes and the register, from what the tables say. */
static void set_operands(struct reader *r, struct kvm_decoded *d, struct opcode code, uint8_t byte)
{
	uint8_t size = code.flags & BYTE && !(byte & 1) ? 1 : r->operand_size;
	unsigned immediate = 0;

	if (code.flags & WIDE && r->code_size == 8 && size == 4)
		size = 8;
	d->operation = code.operation;
	d->reads = code.flags & READ;
	d->writes = code.flags & WRITE;
	d->to_register = code.flags & TO;
	d->sign = code.flags & SIGN;
	d->condition = byte & 15;
	d->size = code.size ? code.size : size;
	d->register_size = code.size == 1 && !(code.flags & TO) ? 1 : size;
	/* MOVSXD of 16 bits reads no more than that. */
	if (byte == 0x63 && size == 2)
		d->size = 2;
	if (code.operation == KVM_CMPXCHG_PAIR)
		d->size = r->rex & REX_W ? 16 : 8;
	else if (code.operation >= KVM_MOVS)
		d->repeat = r->repeat;

	d->reg = r->reg;
	if (code.flags & COUNT) {
		d->reg = 1;
		d->register_size = 1;
	} else if (!(code.flags & NO_MODRM) && code.operation != KVM_MOV_SEGMENT) {
		d->high = d->register_size == 1 && !r->rex && r->reg >= 4;
		d->reg = (uint8_t)(d->high ? r->reg - 4U : r->reg | (r->rex & REX_R ? 8U : 0));
	}
	if (code.flags & IMM8)
		immediate = 1;
	else if (code.flags & IMMEDIATE)
		immediate = d->size == 8 ? 4 : d->size;
	d->has_immediate = code.flags & (IMM8 | IMMEDIATE | ONE);
	d->immediate = code.flags & ONE ? 1 : number(r, immediate);
}

static enum kvm_decode_result decode_integer(struct reader *r, struct kvm_decoded *d, uint8_t byte,
					     bool two, bool three)
{
	struct opcode code = find_opcode(r, byte, two, three);

	if (!code.operation)
		return KVM_DECODE_NO;
	if (code.flags & STRICT && r->repeat)
		return KVM_DECODE_NO;
	if (code.flags & (r->code_size == 8 ? NOT_64 : ONLY_64))
		return KVM_DECODE_NO;
	if (!(code.flags & NO_MODRM)) {
		read_modrm(r, d);
	} else if (code.operation == KVM_MOV) {
		d->displacement = number(r, d->address_size);
	}
	if (code.operation & 0x80) {
		struct opcode member = groups[code.operation & 0x7f][r->reg];

		if (!member.operation)
			return r->error ? r->error : KVM_DECODE_NO;
		code.operation = member.operation;
		code.size = member.size;
		code.flags |= member.flags;
	}
	/* MOVNTI's size does not follow the mode; with 66 it is none. */
	if (code.flags & STRICT && code.operation == KVM_MOV) {
		if (r->operand_prefix)
			return KVM_DECODE_NO;
		code.size = r->rex & REX_W ? 8 : 4;
	}
	if (code.operation == KVM_NOTHING && r->reg == 6 && !r->operand_prefix)
		return KVM_DECODE_NO;
	/* Vendors differ about near branches of 16 bits in 64-bit mode. */
	if ((code.operation == KVM_CALL || code.operation == KVM_JMP) && r->code_size == 8 &&
	    r->operand_prefix)
		return KVM_DECODE_NO;
	if (r->lock && !(code.flags & LOCK))
		return r->error ? r->error : KVM_DECODE_NO;
	if (code.operation == KVM_MOV_SEGMENT && r->reg > MULLION_GS)
		return r->error ? r->error : KVM_DECODE_NO;
	set_operands(r, d, code, byte);
	return r->error;
}

/* Whether it is a move of an SSE register. */
static bool decode_vector(struct reader *r, struct kvm_decoded *d, unsigned opcode)
{
	uint8_t prefix = r->repeat ? r->repeat : r->operand_prefix ? 0x66 : 0;

	for (size_t i = 0; i < sizeof(vector_moves) / sizeof(vector_moves[0]); i++) {
		if (vector_moves[i].opcode != opcode || vector_moves[i].prefix != prefix)
			continue;
		read_modrm(r, d);
		d->operation = KVM_MOV;
		d->xmm = true;
		d->size = vector_moves[i].size;
		if (!d->size)
			d->size = r->rex & REX_W ? 8 : 4;
		d->aligned = vector_moves[i].aligned;
		d->writes = vector_moves[i].store;
		d->reads = d->to_register = !d->writes;
		d->reg = (uint8_t)(r->reg | (r->rex & REX_R ? 8U : 0));
		if (r->lock && !r->error)
			r->error = KVM_DECODE_NO;
		return true;
	}
	return false;
}

enum kvm_decode_result kvm_decode(const uint8_t *untrusted_bytes, size_t count, unsigned code_size,
				  struct kvm_decoded *decoded)
{
	struct reader r = {.bytes = untrusted_bytes,
			   .count = count,
			   .code_size = code_size,
			   .segment = MULLION_SEGMENTS};
	struct kvm_decoded d;
	enum kvm_decode_result result;
	uint8_t byte;
	bool two = false, three = false;

	memset(&d, 0, sizeof(d));
	d.base = d.index = KVM_REGISTER_NONE;
	d.segment = MULLION_DS;
	byte = read_prefixes(&r);
	set_sizes(&r, &d);
	if (byte == 0x0f && !r.error) {
		two = true;
		byte = next(&r);
		if (byte == 0x38 && !r.error) {
			three = true;
			byte = next(&r);
		}
	}
	if (r.error)
		return r.error;
	if (two && decode_vector(&r, &d, three ? 0x3800U | byte : byte))
		result = r.error;
	else
		result = decode_integer(&r, &d, byte, two, three);
	if (result != KVM_DECODE_OK)
		return result;
	if (r.segment < MULLION_SEGMENTS)
		d.segment = r.segment;
	d.length = (uint8_t)r.at;
	*decoded = d;
	return KVM_DECODE_OK;
}
