/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A string's memory cut into batches, each in one page. */
#include "kvm-pio.h"

#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>
#endif

#include "kvm-segment.h"
#include "mullion/arithmetic.h"

#define PAGE_BYTES 4096U

enum { RCX = 1, RSI = 6, RDI = 7 };

static enum kvm_pio_status say(struct kvm_pio *pio, enum kvm_pio_status status)
{
	pio->status = (uint8_t)status;
	return status;
}

/* How many units there are to do, at most max. */
static uint32_t units_left(const struct kvm_pio *pio, const struct mullion_vcpu_page *page,
			   uint32_t max)
{
	uint64_t left = page->registers[RCX] & arithmetic_mask(pio->address_size);

	if (!pio->repeated)
		return 1;
	return left < max ? (uint32_t)left : max;
}

/* The next batch: as many units as one page has, and the segment. Backwards and in a single step,
 * one. 0, or the vector of an exception. */
static unsigned choose_batch(struct kvm_pio *pio, const struct mullion_vcpu_page *page)
{
	uint64_t mask = arithmetic_mask(pio->address_size);
	uint64_t offset = page->registers[pio->out ? RSI : RDI] & mask;
	unsigned segment = pio->out ? pio->segment : MULLION_ES, left, vector;

	vector = kvm_segment_linear(page, segment, offset, pio->unit, !pio->out, &pio->linear);
	if (vector)
		return vector;
	left = PAGE_BYTES - (unsigned)(pio->linear % PAGE_BYTES);
	if (mask - offset < left)
		left = (unsigned)(mask - offset) + 1;
	pio->count = units_left(pio, page, left / pio->unit);
	if (!pio->count || page->rflags & (KVM_DF | KVM_TF) ||
	    kvm_segment_linear(page, segment, offset, pio->count * pio->unit, !pio->out,
			       &pio->linear))
		pio->count = 1;
	pio->first = pio->count * pio->unit;
	left = PAGE_BYTES - (unsigned)(pio->linear % PAGE_BYTES);
	if (left < pio->first)
		pio->first = left;
	return 0;
}

static void retire(struct kvm_pio *pio, struct mullion_vcpu_page *page)
{
	uint64_t *address = &page->registers[pio->out ? RSI : RDI];
	uint64_t by = (uint64_t)pio->count * pio->unit;

	arithmetic_set_register(address, pio->address_size, false,
				page->rflags & KVM_DF ? *address - by : *address + by);
	if (pio->repeated)
		arithmetic_set_register(&page->registers[RCX], pio->address_size, false,
					page->registers[RCX] - pio->count);
	pio->again = pio->repeated && units_left(pio, page, 1);
	kvm_segment_retire(page, pio->length, !pio->again);
	/* A trap between two units is taken before the next one. */
	if (page->event & MULLION_EVENT_VALID)
		pio->again = false;
}

/* The next piece of memory, from pio->offset; false if there is none. */
static bool next_piece(struct kvm_pio *pio)
{
	bool second = pio->offset >= pio->first;
	uint32_t start = second ? pio->first : 0;
	uint32_t end = second ? pio->count * pio->unit : pio->first;

	pio->size = end - pio->offset;
	if (pio->is_device[second] && pio->size > pio->unit)
		pio->size = pio->unit;
	pio->address = pio->physical[second] + (pio->offset - start);
	return pio->size != 0;
}

static enum kvm_pio_status translate(struct kvm_pio *pio, const struct mullion_vcpu_page *page)
{
	pio->write = !pio->out;
	pio->device = false;
	pio->address = pio->linear + (pio->translated ? pio->first : 0);
	if (kvm_segment_code_size(page) != 8)
		pio->address = (uint32_t)pio->address;
	return say(pio, KVM_PIO_TRANSLATE);
}

static enum kvm_pio_status begin(struct kvm_pio *pio, struct mullion_vcpu_page *page)
{
	unsigned vector;

	pio->again = false;
	pio->offset = 0;
	pio->translated = 0;
	if (!units_left(pio, page, 1)) {
		kvm_segment_retire(page, pio->length, true);
		return say(pio, KVM_PIO_DONE);
	}
	vector = choose_batch(pio, page);
	if (vector) {
		kvm_segment_raise(page, vector, 0);
		return say(pio, KVM_PIO_DONE);
	}
	return translate(pio, page);
}

enum kvm_pio_status kvm_pio_start(struct kvm_pio *pio, struct mullion_vcpu_page *page)
{
	memset(pio, 0, sizeof(*pio));
	pio->port = page->port;
	pio->unit = page->size;
	pio->out = page->write;
	pio->length = page->length;
	pio->repeated = page->repeated;
	pio->address_size = page->address_size;
	pio->segment = page->segment;
	pio->start = page->segments[MULLION_CS].base + page->rip;
	return begin(pio, page);
}

/* All pieces are there, or still to come: on to the port, or the end. */
static enum kvm_pio_status next_memory(struct kvm_pio *pio, struct mullion_vcpu_page *page)
{
	if (next_piece(pio))
		return say(pio, pio->out ? KVM_PIO_READ : KVM_PIO_WRITE);
	if (!pio->out)
		return say(pio, KVM_PIO_DONE);
	if (page->segments[MULLION_CS].base + page->rip != pio->start)
		return say(pio, KVM_PIO_DONE);
	retire(pio, page);
	return say(pio, KVM_PIO_PORT);
}

enum kvm_pio_status kvm_pio_step(struct kvm_pio *pio, struct mullion_vcpu_page *page)
{
	switch (pio->status) {
	case KVM_PIO_TRANSLATE:
		pio->is_device[pio->translated] = pio->device;
		pio->physical[pio->translated++] = pio->address;
		if (pio->translated == 1 && pio->first < pio->count * pio->unit)
			return translate(pio, page);
		return pio->out ? next_memory(pio, page) : say(pio, KVM_PIO_PORT);
	case KVM_PIO_READ:
	case KVM_PIO_WRITE:
		pio->offset += pio->size;
		return next_memory(pio, page);
	case KVM_PIO_PORT:
		if (pio->out)
			return say(pio, KVM_PIO_DONE);
		if (page->segments[MULLION_CS].base + page->rip != pio->start)
			return say(pio, KVM_PIO_DONE);
		retire(pio, page);
		return next_memory(pio, page);
	default:
		return pio->again ? begin(pio, page) : KVM_PIO_DONE;
	}
}

void kvm_pio_page_fault(struct kvm_pio *pio, struct mullion_vcpu_page *page, bool present)
{
	kvm_segment_page_fault(page, pio->address, pio->write, present);
	say(pio, KVM_PIO_DONE);
}
