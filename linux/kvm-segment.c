/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Modes, segmentation, and the end of an instruction. */
#include "kvm-segment.h"

#define CR0_PE	  (1ULL << 0)
#define CR4_LA57  (1ULL << 12)
#define EFER_LMA  (1ULL << 10)
#define RFLAGS_RF (1ULL << 16)
#define RFLAGS_VM (1ULL << 17)
#define DR6_BS	  (1ULL << 14)

/* Bits of a segment's attributes; those of the type are bit 1: writable, or code and readable; bit
 * 2: data that expands down; bit 3: code. */
#define SEGMENT_ACCESS	(1U << 1)
#define SEGMENT_DOWN	(1U << 2)
#define SEGMENT_CODE	(1U << 3)
#define SEGMENT_PRESENT (1U << 7)
#define SEGMENT_LONG	(1U << 9)
#define SEGMENT_BIG	(1U << 10)

unsigned kvm_segment_code_size(const struct mullion_vcpu_page *page)
{
	uint16_t attributes = page->segments[MULLION_CS].attributes;

	if (page->efer & EFER_LMA && attributes & SEGMENT_LONG)
		return 8;
	return attributes & SEGMENT_BIG ? 4 : 2;
}

unsigned kvm_segment_stack_size(const struct mullion_vcpu_page *page)
{
	if (kvm_segment_code_size(page) == 8)
		return 8;
	return page->segments[MULLION_SS].attributes & SEGMENT_BIG ? 4 : 2;
}

static bool canonical(const struct mullion_vcpu_page *page, uint64_t address)
{
	unsigned unused = page->cr4 & CR4_LA57 ? 64 - 57 : 64 - 48;

	return (uint64_t)((int64_t)(address << unused) >> unused) == address;
}

/* Whether a segment's type allows the access; real and virtual-8086 mode have no types. */
static bool allowed(const struct mullion_vcpu_page *page, uint16_t attributes, bool write)
{
	if (!(page->cr0 & CR0_PE) || page->rflags & RFLAGS_VM)
		return true;
	if (!(attributes & SEGMENT_PRESENT))
		return false;
	if (attributes & SEGMENT_CODE)
		return !write && attributes & SEGMENT_ACCESS;
	return !write || attributes & SEGMENT_ACCESS;
}

static bool within_limit(const struct mullion_segment *segment, uint64_t offset, unsigned size)
{
	uint64_t last = offset + size - 1;

	if ((segment->attributes & (SEGMENT_CODE | SEGMENT_DOWN)) == SEGMENT_DOWN)
		return offset > segment->limit &&
		       last <= (segment->attributes & SEGMENT_BIG ? 0xffffffff : 0xffff);
	return last <= segment->limit;
}

unsigned kvm_segment_linear(const struct mullion_vcpu_page *page, unsigned number, uint64_t offset,
			    unsigned size, bool write, uint64_t *linear)
{
	const struct mullion_segment *segment = &page->segments[number];
	unsigned vector = number == MULLION_SS ? KVM_VECTOR_SS : KVM_VECTOR_GP;

	if (kvm_segment_code_size(page) == 8) {
		if (number == MULLION_FS || number == MULLION_GS)
			offset += segment->base;
		*linear = offset;
		return canonical(page, offset) && canonical(page, offset + size - 1) ? 0 : vector;
	}
	*linear = (uint32_t)(segment->base + offset);
	if (!allowed(page, segment->attributes, write))
		return vector;
	return within_limit(segment, offset, size) ? 0 : vector;
}

bool kvm_segment_branch_raises(const struct mullion_vcpu_page *page, uint64_t rip)
{
	if (kvm_segment_code_size(page) == 8)
		return !canonical(page, rip);
	return rip > page->segments[MULLION_CS].limit;
}

uint64_t kvm_segment_rip(const struct mullion_vcpu_page *page, uint64_t rip)
{
	switch (kvm_segment_code_size(page)) {
	case 8:
		return rip;
	case 4:
		return (uint32_t)rip;
	default:
		return (uint16_t)rip;
	}
}

void kvm_segment_raise(struct mullion_vcpu_page *page, unsigned vector, uint32_t code)
{
	bool has_code = vector >= 10 && vector <= 14 && page->cr0 & CR0_PE;

	page->event = MULLION_EVENT_VALID | MULLION_EVENT_EXCEPTION | vector |
		      (has_code ? MULLION_EVENT_HAS_CODE : 0);
	page->event_code = has_code ? code : 0;
	page->dirty |= MULLION_DIRTY_EVENTS;
}

void kvm_segment_page_fault(struct mullion_vcpu_page *page, uint64_t linear, bool write,
			    bool present)
{
	page->cr2 = linear;
	page->dirty |= MULLION_DIRTY_SYSTEM;
	kvm_segment_raise(page, KVM_VECTOR_PF,
			  (present ? 1U : 0) | (write ? 2U : 0) | (page->cpl == 3 ? 4U : 0));
}

void kvm_segment_retire(struct mullion_vcpu_page *page, unsigned length, bool last)
{
	if (last) {
		page->rip = kvm_segment_rip(page, page->rip + length);
		page->rflags &= ~RFLAGS_RF;
	}
	page->dirty |= MULLION_DIRTY_GENERAL;
	if (page->flags & MULLION_FLAG_SHADOW) {
		page->flags &= ~MULLION_FLAG_SHADOW;
		page->dirty |= MULLION_DIRTY_EVENTS;
	}
	if (page->rflags & KVM_TF) {
		page->dr6 |= DR6_BS;
		page->dirty |= MULLION_DIRTY_DEBUG;
		kvm_segment_raise(page, KVM_VECTOR_DB, 0);
	}
}
