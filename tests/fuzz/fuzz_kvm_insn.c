/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a guest's instruction, in any mode, with any registers, segments and answers: what
 * is asked for comes in its order, stays in its page, and nothing changes before its time. Then INS
 * or OUTS with the same registers.
 */
#include <string.h>

#include "fuzz.h"
#include "kvm-insn.h"
#include "kvm-pio.h"
#include "kvm-segment.h"
#include "mullion/arithmetic.h"

#define PAGE 4096U

/* The input as an endless sequence of numbers. */
struct input {
	const uint8_t *data;
	size_t size, at;
};

static uint8_t byte_of(struct input *input)
{
	return input->at < input->size ? input->data[input->at++] : (uint8_t)(input->at++ * 37);
}

static uint64_t number_of(struct input *input, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value = value << 8 | byte_of(input);
	return value;
}

/* Small numbers, big ones, and those at the edges of pages and modes. */
static uint64_t address_of(struct input *input)
{
	static const uint64_t edges[] = {0,	     0xfff,	 0xfff8,	 0xffff,
					 0x7ffffffc, 0xfffffffe, 0x7ffffffffffe, 0xffff800000000000,
					 UINT64_MAX};
	uint8_t kind = byte_of(input);

	if (kind < 64)
		return edges[kind % (sizeof(edges) / sizeof(edges[0]))];
	return number_of(input, kind < 128 ? 2 : kind < 192 ? 4 : 8);
}

static void make_page(struct mullion_vcpu_page *page, struct input *input)
{
	uint8_t mode = byte_of(input);

	memset(page, 0, sizeof(*page));
	page->cr0 = mode & 4 ? 0x10 : 0x80000011;
	page->cr0 |= mode & 8 ? 8U : 0;
	page->cr4 = mode & 16 ? 0 : 1U << 9;
	page->efer = (mode & 3) == 3 ? 0x500 : 0;
	page->rflags = 2 | (number_of(input, 2) & 0xdd5) | (mode & 32 ? 1U << 16 : 0);
	page->cpl = mode & 64 ? 3 : 0;
	page->flags = mode & 128 ? MULLION_FLAG_SHADOW : 0;
	for (unsigned i = 0; i < 6; i++) {
		uint8_t kind = byte_of(input);

		page->segments[i].base = kind & 1 ? address_of(input) : 0;
		page->segments[i].limit = kind & 2 ? (uint32_t)address_of(input) : 0xffffffff;
		page->segments[i].attributes = kind & 4 ? (uint16_t)(number_of(input, 2) & 0xfff)
					       : i == MULLION_CS ? 0x89b
								 : 0x893;
	}
	page->segments[MULLION_CS].attributes &= (uint16_t)~0x600U;
	page->segments[MULLION_CS].attributes |= (mode & 3) == 3   ? 0x200
						 : (mode & 3) == 2 ? 0x400
								   : 0;
	for (unsigned i = 0; i < 16; i++)
		page->registers[i] = address_of(input);
	page->rip = address_of(input);
	page->address = address_of(input);
	page->write = byte_of(input) & 1;
	page->byte_count = byte_of(input) % 16;
	for (unsigned i = 0; i < page->byte_count; i++)
		page->bytes[i] = byte_of(input);
}

/* What an instruction may change. */
static void check_changes(const struct mullion_vcpu_page *before,
			  const struct mullion_vcpu_page *page)
{
	struct mullion_vcpu_page undone = *page;
	unsigned registers = 0;

	for (unsigned i = 0; i < 16; i++)
		registers += before->registers[i] != page->registers[i];
	FUZZ_CHECK(registers <= 3);
	FUZZ_CHECK(!((before->rflags ^ page->rflags) & ~(ARITHMETIC_FLAGS | 1U << 16)));
	FUZZ_CHECK(!(page->dirty & ~(MULLION_DIRTY_GENERAL | MULLION_DIRTY_EVENTS |
				     MULLION_DIRTY_DEBUG | MULLION_DIRTY_SYSTEM)));
	if (!(page->dirty & MULLION_DIRTY_GENERAL))
		FUZZ_CHECK(!registers && before->rip == page->rip &&
			   before->rflags == page->rflags);
	FUZZ_CHECK(page->dirty & MULLION_DIRTY_EVENTS ||
		   (before->event == page->event && before->flags == page->flags));
	/* And nothing else. */
	memcpy(undone.registers, before->registers, sizeof(undone.registers));
	undone.rip = before->rip;
	undone.rflags = before->rflags;
	undone.dirty = before->dirty;
	undone.event = before->event;
	undone.event_code = before->event_code;
	undone.flags = before->flags;
	undone.dr6 = before->dr6;
	undone.cr2 = before->cr2;
	FUZZ_CHECK(!memcmp(before, &undone, sizeof(undone)));
}

/* A round. Whether there may be another one. */
static int one_round(struct kvm_insn *insn, struct mullion_vcpu_page *page,
		     enum kvm_insn_status status, struct input *input)
{
	struct mullion_vcpu_page before = *page, after;
	unsigned accesses = 0, order = 0;

	for (;; status = kvm_insn_step(insn, page)) {
		/* In the order of translation, register, reads, writes, register. */
		static const uint8_t places[] = {
			[KVM_INSN_DONE] = 9,  [KVM_INSN_TRANSLATE] = 1,	  [KVM_INSN_GET_XMM] = 2,
			[KVM_INSN_READ] = 3,  [KVM_INSN_WRITE] = 4,	  [KVM_INSN_SET_XMM] = 5,
			[KVM_INSN_FETCH] = 0, [KVM_INSN_UNSUPPORTED] = 0,
		};

		FUZZ_CHECK(status <= KVM_INSN_UNSUPPORTED);
		FUZZ_CHECK(places[status] >= order);
		FUZZ_CHECK(++accesses < 24);
		if (places[status] < 4)
			FUZZ_CHECK(!memcmp(&before, page, sizeof(before)));
		else if (order >= 4)
			FUZZ_CHECK(!memcmp(&after, page, sizeof(after)));
		after = *page;
		order = places[status];
		switch (status) {
		case KVM_INSN_TRANSLATE:
			FUZZ_CHECK(kvm_segment_code_size(page) == 8 || !(insn->address >> 32));
			if (byte_of(input) < 16) {
				kvm_insn_page_fault(insn, page, byte_of(input) & 1);
				FUZZ_CHECK(page->event & MULLION_EVENT_VALID);
				FUZZ_CHECK(kvm_insn_step(insn, page) == KVM_INSN_DONE);
				check_changes(&before, page);
				return 0;
			}
			insn->address = number_of(input, 5) * PAGE + insn->address % PAGE;
			break;
		case KVM_INSN_READ:
		case KVM_INSN_WRITE:
			FUZZ_CHECK(insn->size >= 1 && insn->size <= 8);
			FUZZ_CHECK(insn->address % PAGE + insn->size <= PAGE);
			FUZZ_CHECK(status == KVM_INSN_READ || insn->size == 8 ||
				   !(insn->value >> 8 * insn->size));
			if (status == KVM_INSN_READ)
				insn->value = number_of(input, 8);
			break;
		case KVM_INSN_GET_XMM:
		case KVM_INSN_SET_XMM:
			FUZZ_CHECK(insn->xmm_number < 16);
			insn->xmm[0] = number_of(input, 8);
			break;
		case KVM_INSN_FETCH:
			FUZZ_CHECK(insn->size >= 1 && page->byte_count + insn->size <= 15);
			FUZZ_CHECK(insn->address % PAGE + insn->size <= PAGE);
			return 0;
		case KVM_INSN_UNSUPPORTED:
			return 0;
		default:
			check_changes(&before, page);
			FUZZ_CHECK(!insn->again || (page->rip == before.rip && !page->event));
			return insn->again;
		}
	}
}

/* It needs exactly its own bytes. */
static void check_length(const struct mullion_vcpu_page *page)
{
	struct kvm_decoded decoded, again;
	unsigned code_size = kvm_segment_code_size(page);
	uint8_t bytes[16];

	if (kvm_decode(page->bytes, page->byte_count, code_size, &decoded))
		return;
	FUZZ_CHECK(decoded.length >= 1 && decoded.length <= page->byte_count);
	FUZZ_CHECK(decoded.size && decoded.size <= 16 && !(decoded.size & (decoded.size - 1)));
	FUZZ_CHECK(decoded.reg < (code_size == 8 ? 16 : 8) && decoded.segment < 6);
	FUZZ_CHECK(!decoded.high || decoded.reg < 4);
	memcpy(bytes, page->bytes, sizeof(bytes));
	for (unsigned cut = 0; cut < decoded.length; cut++)
		FUZZ_CHECK(kvm_decode(bytes, cut, code_size, &again) == KVM_DECODE_MORE);
	memset(bytes + decoded.length, 0x5a, sizeof(bytes) - decoded.length);
	FUZZ_CHECK(kvm_decode(bytes, 15, code_size, &again) == KVM_DECODE_OK);
	FUZZ_CHECK(!memcmp(&decoded, &again, sizeof(again)));
}

/* Batches of string I/O; as many as there are. */
static void try_string(struct mullion_vcpu_page *page, struct input *input)
{
	struct kvm_pio pio;
	enum kvm_pio_status status;
	uint8_t kind = byte_of(input);

	page->size = (uint8_t)(1U << kind % 3);
	page->write = kind >> 2 & 1;
	page->repeated = kind >> 3 & 1;
	page->address_size = (uint8_t)(2U << (kind >> 4) % 3);
	page->segment = byte_of(input) % 6;
	page->length = 2;
	status = kvm_pio_start(&pio, page);
	for (unsigned i = 0; i < 64; i++, status = kvm_pio_step(&pio, page)) {
		switch (status) {
		case KVM_PIO_DONE:
			if (!pio.again)
				return;
			FUZZ_CHECK(!(page->event & MULLION_EVENT_VALID));
			break;
		case KVM_PIO_TRANSLATE:
			FUZZ_CHECK(pio.count * pio.unit <= KVM_PIO_MAX && pio.count);
			if (byte_of(input) < 16) {
				kvm_pio_page_fault(&pio, page, false);
				FUZZ_CHECK(kvm_pio_step(&pio, page) == KVM_PIO_DONE);
				return;
			}
			pio.device = byte_of(input) & 1;
			pio.address = number_of(input, 5) * PAGE + pio.address % PAGE;
			break;
		case KVM_PIO_READ:
		case KVM_PIO_WRITE:
			FUZZ_CHECK((status == KVM_PIO_READ) == pio.out && pio.size);
			FUZZ_CHECK(pio.offset + pio.size <= pio.count * pio.unit);
			FUZZ_CHECK(pio.address % PAGE + pio.size <= PAGE);
			break;
		default:
			FUZZ_CHECK(status == KVM_PIO_PORT);
			FUZZ_CHECK(pio.count && pio.count * pio.unit <= KVM_PIO_MAX);
			break;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {.data = data, .size = size};
	struct mullion_vcpu_page page;
	struct kvm_insn insn;
	int again;

	make_page(&page, &input);
	check_length(&page);
	memset(&insn, 0xff, sizeof(insn));
	again = one_round(&insn, &page, kvm_insn_start(&insn, &page), &input);
	for (unsigned i = 0; again && i < 8; i++)
		again = one_round(&insn, &page, kvm_insn_step(&insn, &page), &input);
	page.event = 0;
	try_string(&page, &input);
	return 0;
}

size_t fuzz_seed(unsigned index, uint8_t *data, size_t size)
{
	/* The mode; all else is simple. */
	static const struct {
		uint8_t mode, length;
		const char *code;
	} seeds[] = {
		{3, 4, "\xf0\x48\x0f\xc1"},
		{3, 3, "\xf3\x48\xa5"},
		{2, 2, "\xa4\x00"},
		{0, 2, "\x89\x07"},
		{3, 4, "\x66\x0f\x7f\x03"},
		{3, 5, "\xf0\x48\x0f\xc7\x0b"},
		{1, 3, "\x0f\xab\x03"},
		{3, 4, "\xff\x74\x24\x10"},
		{2, 2, "\xff\x13"},
		{3, 3, "\x0f\xb6\x06"},
		{3, 5, "\x0f\x38\xf0\x04\x24"},
		{3, 3, "\x48\xd3\x23"},
		{3, 6, "\x81\x03\x01\x02\x03\x04"},
		{4, 3, "\x66\xf3\xa7"},
	};
	size_t at = 0;

	if (index >= sizeof(seeds) / sizeof(seeds[0]) || size < 256)
		return 0;
	data[at++] = seeds[index].mode;
	data[at++] = 0;
	data[at++] = 0;
	for (unsigned i = 0; i < 6; i++)
		data[at++] = 0;
	for (unsigned i = 0; i < 16; i++) {
		data[at++] = 64;
		data[at++] = i == 1 ? 0 : (uint8_t)(i << 4);
		data[at++] = i == 1 ? 3 : 0xfd;
	}
	data[at++] = 64; /* rip */
	data[at++] = 0x10;
	data[at++] = 0;
	data[at++] = 0; /* address, write */
	data[at++] = index & 1;
	data[at++] = seeds[index].length;
	memcpy(data + at, seeds[index].code, seeds[index].length);
	at += seeds[index].length;
	for (unsigned i = 0; i < 100; i++)
		data[at++] = (uint8_t)(i * 41 | 16);
	return at;
}
