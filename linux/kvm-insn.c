/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An instruction's way through its phases: addresses are formed and checked, translated, read,
 * computed with, written. Faults of every operand come before the first access to any.
 */
#include "kvm-insn.h"

#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>
#endif

#include "kvm-segment.h"
#include "mullion/arithmetic.h"

#define PAGE_BYTES 4096U

#define CR0_EM	   (1ULL << 2)
#define CR0_TS	   (1ULL << 3)
#define CR4_OSFXSR (1ULL << 9)

enum { RSP = 4, RSI = 6, RDI = 7, RCX = 1 };

enum phase {
	PHASE_TRANSLATE,
	PHASE_READ, /* and the register of a vector that is stored */
	PHASE_WRITE,
	PHASE_END,
};

static enum kvm_insn_status say(struct kvm_insn *insn, enum kvm_insn_status status)
{
	insn->status = (uint8_t)status;
	return status;
}

static enum kvm_insn_status raise_exception(struct kvm_insn *insn, struct mullion_vcpu_page *page,
					    unsigned vector)
{
	insn->again = false;
	kvm_segment_raise(page, vector, 0);
	return say(insn, KVM_INSN_DONE);
}

/* The offset that ModRM addresses. popped: what POP has taken off the stack by then. */
static uint64_t effective(const struct kvm_decoded *d, const struct mullion_vcpu_page *page,
			  unsigned popped)
{
	uint64_t offset = d->displacement;

	if (d->base == KVM_REGISTER_RIP)
		offset += page->rip + d->length;
	else if (d->base != KVM_REGISTER_NONE)
		offset += page->registers[d->base] + (d->base == RSP ? popped : 0);
	if (d->index != KVM_REGISTER_NONE)
		offset += page->registers[d->index] << d->scale;
	/* A bit string: the register's bit may be any number of operands away. */
	if (d->operation >= KVM_BT && d->operation <= KVM_BTC && !d->has_immediate) {
		uint64_t bit = arithmetic_sign_extend(page->registers[d->reg], d->size);

		/* Rounded down, for bits before the first one too. */
		offset += (uint64_t)((int64_t)bit >> __builtin_ctz(8U * d->size)) * d->size;
	}
	return offset & arithmetic_mask(d->address_size);
}

/* Adds an operand. 0, or the vector of an exception. */
static unsigned add_operand(struct kvm_insn *insn, const struct mullion_vcpu_page *page,
			    unsigned segment, uint64_t offset, unsigned size, bool read, bool write)
{
	struct kvm_insn_operand *operand = &insn->operand_at[insn->operands++];
	unsigned vector, left;

	operand->size = operand->first = (uint8_t)size;
	operand->read = read;
	operand->write = write;
	operand->translated = 0;
	operand->linear = 0;
	memset(operand->bytes, 0, sizeof(operand->bytes));
	vector = kvm_segment_linear(page, segment, offset, size, write, &operand->linear);
	left = PAGE_BYTES - (unsigned)(operand->linear % PAGE_BYTES);
	if (left < size)
		operand->first = (uint8_t)left;
	return vector;
}

/* PUSH, CALL: the place on the stack to be written; POP: to be read. */
static unsigned add_stack(struct kvm_insn *insn, const struct mullion_vcpu_page *page, bool push)
{
	unsigned size = insn->decoded.size;
	uint64_t offset = page->registers[RSP] - (push ? size : 0);

	return add_operand(insn, page, MULLION_SS,
			   offset & arithmetic_mask(kvm_segment_stack_size(page)), size, !push,
			   push);
}

static unsigned add_string(struct kvm_insn *insn, const struct mullion_vcpu_page *page)
{
	const struct kvm_decoded *d = &insn->decoded;
	uint64_t mask = arithmetic_mask(d->address_size);
	uint64_t source = page->registers[RSI] & mask, target = page->registers[RDI] & mask;
	bool to_memory = d->operation == KVM_MOVS || d->operation == KVM_STOS;
	unsigned vector = 0;

	/* Nothing to do, not even an access. */
	if (d->repeat && !(page->registers[RCX] & mask))
		return 0;
	if (d->operation != KVM_STOS && d->operation != KVM_SCAS)
		vector = add_operand(insn, page, d->segment, source, d->size, true, false);
	if (!vector && d->operation != KVM_LODS)
		vector =
			add_operand(insn, page, MULLION_ES, target, d->size, !to_memory, to_memory);
	return vector;
}

/* All operands. 0, or the vector of an exception. */
static unsigned add_operands(struct kvm_insn *insn, const struct mullion_vcpu_page *page)
{
	const struct kvm_decoded *d = &insn->decoded;
	unsigned vector = 0;

	insn->operands = 0;
	if (d->operation >= KVM_MOVS)
		return add_string(insn, page);
	if (d->operation == KVM_POP) {
		vector = add_stack(insn, page, false);
		return vector ? vector
			      : add_operand(insn, page, d->segment, effective(d, page, d->size),
					    d->size, false, true);
	}
	vector = add_operand(insn, page, d->segment, effective(d, page, 0), d->size, d->reads,
			     d->writes);
	if (!vector && (d->aligned || (d->operation == KVM_CMPXCHG_PAIR && d->size == 16)) &&
	    insn->operand_at[0].linear % d->size)
		vector = KVM_VECTOR_GP;
	if (!vector && (d->operation == KVM_PUSH || d->operation == KVM_CALL))
		vector = add_stack(insn, page, true);
	return vector;
}

/*
 * The exit said which guest physical address was accessed: that of the one operand which is
 * accessed in that way and could be there. Then the first translation need not be asked for.
 */
static void use_exit_address(struct kvm_insn *insn, const struct mullion_vcpu_page *page)
{
	struct kvm_insn_operand *match = NULL;

	for (unsigned i = 0; i < insn->operands; i++) {
		struct kvm_insn_operand *operand = &insn->operand_at[i];

		if (operand->write != !!page->write ||
		    (operand->linear ^ page->address) % PAGE_BYTES)
			continue;
		if (match)
			return;
		match = operand;
	}
	if (!match)
		return;
	match->cached = true;
	match->cached_linear = match->linear & -(uint64_t)PAGE_BYTES;
	match->cached_physical = page->address & -(uint64_t)PAGE_BYTES;
}

/* The linear address of what is not translated yet. */
static uint64_t part_address(const struct mullion_vcpu_page *page,
			     const struct kvm_insn_operand *operand)
{
	uint64_t linear = operand->linear + (operand->translated ? operand->first : 0);

	return kvm_segment_code_size(page) == 8 ? linear : (uint32_t)linear;
}

static bool translate(struct kvm_insn *insn, const struct mullion_vcpu_page *page)
{
	for (; insn->operand < insn->operands; insn->operand++) {
		struct kvm_insn_operand *operand = &insn->operand_at[insn->operand];
		unsigned parts = operand->first < operand->size ? 2 : 1;

		while (operand->translated < parts) {
			uint64_t linear = part_address(page, operand);

			if (!operand->cached ||
			    (linear & -(uint64_t)PAGE_BYTES) != operand->cached_linear) {
				insn->address = linear;
				insn->write = operand->write;
				return false;
			}
			operand->physical[operand->translated++] =
				operand->cached_physical + linear % PAGE_BYTES;
		}
	}
	return true;
}

static void take_translation(struct kvm_insn *insn, const struct mullion_vcpu_page *page)
{
	struct kvm_insn_operand *operand = &insn->operand_at[insn->operand];

	operand->cached = true;
	operand->cached_linear = part_address(page, operand) & -(uint64_t)PAGE_BYTES;
	operand->cached_physical = insn->address & -(uint64_t)PAGE_BYTES;
	operand->physical[operand->translated++] = insn->address;
}

/* The next access of this kind; false if there are no more. */
static bool next_access(struct kvm_insn *insn, bool write)
{
	for (; insn->operand < insn->operands; insn->operand++, insn->at = 0) {
		const struct kvm_insn_operand *operand = &insn->operand_at[insn->operand];
		bool second = insn->at >= operand->first;
		unsigned end = second ? operand->size : operand->first;

		if (!(write ? operand->write : operand->read) || insn->at >= operand->size)
			continue;
		insn->size = (uint8_t)(end - insn->at < 8 ? end - insn->at : 8);
		insn->address =
			operand->physical[second] + insn->at - (second ? operand->first : 0);
		insn->value = 0;
		if (write)
			memcpy(&insn->value, operand->bytes + insn->at, insn->size);
		return true;
	}
	return false;
}

static void go_to(struct kvm_insn *insn, enum phase phase)
{
	insn->phase = (uint8_t)phase;
	insn->operand = 0;
	insn->at = 0;
}

/* The instruction's effect on the vCPU. Whether it goes on. */
static bool execute(struct kvm_insn *insn, struct mullion_vcpu_page *page)
{
	unsigned vector;

	insn->again = false;
	if (page->segments[MULLION_CS].base + page->rip != insn->start)
		return false;
	vector = kvm_execute(insn, page);
	if (vector)
		kvm_segment_raise(page, vector, 0);
	else
		kvm_segment_retire(page, insn->decoded.length, !insn->again);
	/* A single step's trap comes before the next round. */
	if (page->event & MULLION_EVENT_VALID)
		insn->again = false;
	return !vector;
}

/* From the phase where it is on to the next question. */
static enum kvm_insn_status advance(struct kvm_insn *insn, struct mullion_vcpu_page *page)
{
	const struct kvm_decoded *d = &insn->decoded;

	if (insn->phase == PHASE_TRANSLATE) {
		if (!translate(insn, page))
			return say(insn, KVM_INSN_TRANSLATE);
		go_to(insn, PHASE_READ);
		insn->xmm_number = d->reg;
		if (d->xmm && d->writes)
			return say(insn, KVM_INSN_GET_XMM);
	}
	if (insn->phase == PHASE_READ) {
		if (next_access(insn, false))
			return say(insn, KVM_INSN_READ);
		go_to(insn, PHASE_WRITE);
		if (!execute(insn, page))
			go_to(insn, PHASE_END);
	}
	if (insn->phase == PHASE_WRITE) {
		if (next_access(insn, true))
			return say(insn, KVM_INSN_WRITE);
		go_to(insn, PHASE_END);
		memcpy(insn->xmm, insn->operand_at[0].bytes, sizeof(insn->xmm));
		if (d->xmm && d->reads)
			return say(insn, KVM_INSN_SET_XMM);
	}
	return say(insn, KVM_INSN_DONE);
}

/* A round, from the start. */
static enum kvm_insn_status begin(struct kvm_insn *insn, struct mullion_vcpu_page *page, bool first)
{
	unsigned vector = add_operands(insn, page);

	insn->again = false;
	if (vector)
		return raise_exception(insn, page, vector);
	if (first)
		use_exit_address(insn, page);
	go_to(insn, PHASE_TRANSLATE);
	return advance(insn, page);
}

enum kvm_insn_status kvm_insn_start(struct kvm_insn *insn, struct mullion_vcpu_page *page)
{
	unsigned count = page->byte_count;

	memset(insn, 0, sizeof(*insn));
	insn->phase = PHASE_END;
	if (page->event & MULLION_EVENT_VALID)
		return say(insn, KVM_INSN_UNSUPPORTED);
	if (count > sizeof(page->bytes))
		count = sizeof(page->bytes);
	insn->start = page->segments[MULLION_CS].base + page->rip;
	switch (kvm_decode(page->bytes, count, kvm_segment_code_size(page), &insn->decoded)) {
	case KVM_DECODE_OK:
		break;
	case KVM_DECODE_MORE:
		insn->address = insn->start + count;
		if (kvm_segment_code_size(page) != 8)
			insn->address = (uint32_t)insn->address;
		insn->size = (uint8_t)(KVM_INSN_MAX_LENGTH - count);
		if (insn->size > PAGE_BYTES - insn->address % PAGE_BYTES)
			insn->size = (uint8_t)(PAGE_BYTES - insn->address % PAGE_BYTES);
		return say(insn, KVM_INSN_FETCH);
	default:
		return say(insn, KVM_INSN_UNSUPPORTED);
	}
	if (insn->decoded.xmm) {
		if (page->cr0 & CR0_EM || !(page->cr4 & CR4_OSFXSR))
			return raise_exception(insn, page, KVM_VECTOR_UD);
		if (page->cr0 & CR0_TS)
			return raise_exception(insn, page, KVM_VECTOR_NM);
	}
	return begin(insn, page, true);
}

enum kvm_insn_status kvm_insn_step(struct kvm_insn *insn, struct mullion_vcpu_page *page)
{
	struct kvm_insn_operand *operand = &insn->operand_at[insn->operand & 1];

	switch (insn->status) {
	case KVM_INSN_TRANSLATE:
		take_translation(insn, page);
		break;
	case KVM_INSN_READ:
		memcpy(operand->bytes + insn->at, &insn->value, insn->size);
		insn->at = (uint8_t)(insn->at + insn->size);
		break;
	case KVM_INSN_WRITE:
		insn->at = (uint8_t)(insn->at + insn->size);
		break;
	case KVM_INSN_GET_XMM:
		memcpy(insn->operand_at[0].bytes, insn->xmm, insn->decoded.size);
		break;
	case KVM_INSN_SET_XMM:
		break;
	default:
		if (insn->status == KVM_INSN_DONE && insn->again)
			return begin(insn, page, false);
		return insn->status;
	}
	return advance(insn, page);
}

void kvm_insn_page_fault(struct kvm_insn *insn, struct mullion_vcpu_page *page, bool present)
{
	kvm_segment_page_fault(page, insn->address, insn->write, present);
	insn->again = false;
	say(insn, KVM_INSN_DONE);
}
