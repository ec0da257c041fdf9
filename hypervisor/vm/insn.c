/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decoding and finishing of instructions that access device registers. */
#include "vm/insn.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "x86/cpu.h"

#define FLAG_DF (1ULL << 10)

#define REX_W 8U
#define REX_R 4U

struct reader {
	const uint8_t *bytes;
	size_t count, at;
	enum insn_mode mode;
	int error;
	bool operand_prefix, address_prefix, repeat, lock;
	uint8_t rex; /* 0: none */
	uint8_t operand_size, address_size;
};

enum insn_mode insn_mode_of(const struct vcpu_mode *mode)
{
	if (mode->long_mode)
		return INSN_64;
	return mode->wide ? INSN_32 : INSN_16;
}

/* The next byte; 0 and an error kept for later if there is none. */
static uint8_t next(struct reader *r)
{
	if (r->at >= INSN_MAX_LENGTH && !r->error)
		r->error = -EINVAL;
	else if (r->at >= r->count && !r->error)
		r->error = -EAGAIN;
	return r->error ? 0 : r->bytes[r->at++];
}

static uint64_t immediate(struct reader *r, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)next(r) << 8 * i;
	return value;
}

/* An immediate operand: at most four bytes, extended by its sign. */
static void read_immediate(struct reader *r, struct insn *insn, unsigned size)
{
	if (size > 4)
		size = 4;
	insn->has_immediate = true;
	insn->immediate = arithmetic_sign_extend(immediate(r, size), size);
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
			r->repeat = true;
			break;
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0x64:
		case 0x65:
			break;
		default:
			if (r->mode != INSN_64 || (byte & 0xf0) != 0x40)
				return byte;
			r->rex = byte;
			continue;
		}
		r->rex = 0;
	}
}

static void set_sizes(struct reader *r)
{
	if (r->rex & REX_W)
		r->operand_size = 8;
	else
		r->operand_size = (r->mode == INSN_16) == r->operand_prefix ? 4 : 2;
	switch (r->mode) {
	case INSN_64:
		r->address_size = r->address_prefix ? 4 : 8;
		break;
	case INSN_32:
		r->address_size = r->address_prefix ? 2 : 4;
		break;
	case INSN_16:
		r->address_size = r->address_prefix ? 4 : 2;
		break;
	}
}

/* Passes ModRM, SIB and displacement of an operand in memory; returns the reg field without REX. */
static unsigned read_modrm(struct reader *r)
{
	uint8_t modrm = next(r);
	unsigned mod = modrm >> 6, rm = modrm & 7, displacement = 0;

	if (mod == 3 && !r->error)
		r->error = -ENOTSUP;
	if (mod == 1)
		displacement = 1;
	if (r->address_size == 2) {
		if (mod == 2 || (mod == 0 && rm == 6))
			displacement = 2;
	} else {
		/* A SIB byte; its base 5 is none, but for a displacement, as rm 5 is. */
		if (rm == 4)
			rm = next(r) & 7;
		if (mod == 2 || (mod == 0 && rm == 5))
			displacement = 4;
	}
	immediate(r, displacement);
	return modrm >> 3 & 7;
}

static void set_register(const struct reader *r, struct insn *insn, unsigned reg, uint8_t size)
{
	insn->reg_size = size;
	insn->reg_high = size == 1 && !r->rex && reg >= 4;
	insn->reg = (uint8_t)(insn->reg_high ? reg - 4 : reg | (r->rex & REX_R ? 8U : 0));
}

static void set_kind(struct insn *insn, enum insn_kind kind)
{
	insn->kind = kind;
	insn->reads = kind != INSN_STORE && kind != INSN_STOS;
	insn->writes = kind == INSN_STORE || kind == INSN_STOS || kind == INSN_EXCHANGE;
}

static void set_operation(struct insn *insn, enum insn_kind kind, unsigned operation)
{
	set_kind(insn, kind);
	insn->operation = operation;
	insn->writes = kind == INSN_TO_MEMORY && operation != ARITHMETIC_CMP &&
		       operation != ARITHMETIC_TEST;
}

/* MOVZX, MOVSX, MOVNTI. */
static int decode_two_byte(struct reader *r, struct insn *insn)
{
	uint8_t opcode = next(r);

	switch (opcode) {
	case 0xb6:
	case 0xb7:
	case 0xbe:
	case 0xbf:
		set_kind(insn, INSN_LOAD);
		insn->size = opcode & 1 ? 2 : 1;
		insn->sign = opcode & 8;
		set_register(r, insn, read_modrm(r), r->operand_size);
		return 0;
	case 0xc3:
		/* Its size does not follow the mode, and it has no prefixes but REX. */
		if (r->operand_prefix || r->repeat)
			return -ENOTSUP;
		set_kind(insn, INSN_STORE);
		insn->size = r->rex & REX_W ? 8 : 4;
		set_register(r, insn, read_modrm(r), insn->size);
		return 0;
	default:
		return -ENOTSUP;
	}
}

/* Opcodes whose ModRM's reg field says which instruction it is. */
static int decode_group(struct reader *r, struct insn *insn, uint8_t opcode)
{
	unsigned which = read_modrm(r);

	switch (opcode) {
	case 0x80 ... 0x83:
		if (opcode == 0x82 && r->mode == INSN_64)
			return -ENOTSUP;
		set_operation(insn, INSN_TO_MEMORY, which);
		read_immediate(r, insn, opcode == 0x81 ? insn->size : 1);
		return 0;
	case 0xc6:
	case 0xc7:
		if (which != 0)
			return -ENOTSUP;
		set_kind(insn, INSN_STORE);
		read_immediate(r, insn, insn->size);
		return 0;
	default: /* 0xf6, 0xf7 */
		if (which > 1)
			return -ENOTSUP;
		set_operation(insn, INSN_TO_MEMORY, ARITHMETIC_TEST);
		read_immediate(r, insn, insn->size);
		return 0;
	}
}

static int decode_opcode(struct reader *r, struct insn *insn, uint8_t opcode)
{
	insn->size = opcode & 1 ? r->operand_size : 1;
	switch (opcode) {
	case 0x00 ... 0x3f:
		if (opcode == 0x0f)
			return decode_two_byte(r, insn);
		if ((opcode & 7) > 3)
			return -ENOTSUP;
		set_operation(insn, opcode & 2 ? INSN_TO_REGISTER : INSN_TO_MEMORY, opcode >> 3);
		break;
	case 0x63: /* MOVSXD */
		if (r->mode != INSN_64)
			return -ENOTSUP;
		set_kind(insn, INSN_LOAD);
		insn->size = r->operand_size < 4 ? 2 : 4;
		insn->sign = true;
		set_register(r, insn, read_modrm(r), r->operand_size);
		return 0;
	case 0x80 ... 0x83:
	case 0xc6:
	case 0xc7:
	case 0xf6:
	case 0xf7:
		return decode_group(r, insn, opcode);
	case 0x84:
	case 0x85:
		set_operation(insn, INSN_TO_MEMORY, ARITHMETIC_TEST);
		break;
	case 0x86:
	case 0x87:
		set_kind(insn, INSN_EXCHANGE);
		break;
	case 0x88:
	case 0x89:
		set_kind(insn, INSN_STORE);
		break;
	case 0x8a:
	case 0x8b:
		set_kind(insn, INSN_LOAD);
		break;
	case 0xa0 ... 0xa3: /* MOV with an offset; the register is rAX */
		set_kind(insn, opcode & 2 ? INSN_STORE : INSN_LOAD);
		immediate(r, r->address_size);
		insn->reg_size = insn->size;
		return 0;
	case 0xaa:
	case 0xab:
	case 0xac:
	case 0xad:
		if (r->repeat)
			return -ENOTSUP;
		set_kind(insn, opcode < 0xac ? INSN_STOS : INSN_LODS);
		insn->reg_size = insn->size;
		return 0;
	default:
		return -ENOTSUP;
	}
	set_register(r, insn, read_modrm(r), insn->size);
	return 0;
}

int insn_decode(const uint8_t *untrusted_bytes, size_t count, enum insn_mode mode,
		struct insn *insn)
{
	struct reader r = {.bytes = untrusted_bytes, .count = count, .mode = mode};
	struct insn decoded;
	uint8_t opcode;
	int error;

	memset(&decoded, 0, sizeof(decoded));
	opcode = read_prefixes(&r);
	if (r.error)
		return r.error;
	set_sizes(&r);
	error = decode_opcode(&r, &decoded, opcode);
	if (r.error)
		return r.error;
	/* LOCK is for those that read and write memory. */
	if (!error && r.lock && !(decoded.reads && decoded.writes))
		error = -ENOTSUP;
	if (error)
		return error;
	decoded.length = (uint8_t)r.at;
	decoded.address_size = r.address_size;
	*insn = decoded;
	return 0;
}

static uint64_t get_register(const uint64_t registers[16], const struct insn *insn)
{
	return registers[insn->reg] >> (insn->reg_high ? 8 : 0) & arithmetic_mask(insn->reg_size);
}

/* The string instructions' register goes on to the next element. */
static void step(const struct insn *insn, uint64_t *reg, uint64_t rflags)
{
	uint64_t next_address = *reg + (rflags & FLAG_DF ? 0 - (uint64_t)insn->size : insn->size);

	arithmetic_set_register(reg, insn->address_size, false, next_address);
}

void insn_complete(const struct insn *insn, uint64_t registers[16], uint64_t *rflags,
		   uint64_t value, uint64_t *out)
{
	uint64_t *reg = &registers[insn->reg];
	uint64_t source = insn->has_immediate ? insn->immediate : get_register(registers, insn);

	value &= arithmetic_mask(insn->size);
	*out = source & arithmetic_mask(insn->size);
	switch (insn->kind) {
	case INSN_LOAD:
		if (insn->sign)
			value = arithmetic_sign_extend(value, insn->size);
		arithmetic_set_register(reg, insn->reg_size, insn->reg_high, value);
		break;
	case INSN_STORE:
		break;
	case INSN_TO_MEMORY:
		*out = arithmetic_operate(insn->operation, value, source, insn->size, rflags);
		break;
	case INSN_TO_REGISTER:
		value = arithmetic_operate(insn->operation, source, value, insn->size, rflags);
		if (insn->operation != ARITHMETIC_CMP)
			arithmetic_set_register(reg, insn->reg_size, insn->reg_high, value);
		break;
	case INSN_EXCHANGE:
		arithmetic_set_register(reg, insn->reg_size, insn->reg_high, value);
		break;
	case INSN_STOS:
		step(insn, &registers[RDI], *rflags);
		break;
	case INSN_LODS:
		arithmetic_set_register(reg, insn->reg_size, false, value);
		step(insn, &registers[RSI], *rflags);
		break;
	}
}
