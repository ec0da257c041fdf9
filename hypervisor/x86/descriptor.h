/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each CPU's GDT and TSS (x86/descriptor.c), and the numbers that go with them. */
#ifndef CORE_X86_DESCRIPTOR_H
#define CORE_X86_DESCRIPTOR_H

#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_TSS  0x18

#define VECTOR_NMI	     2
#define VECTOR_DOUBLE_FAULT  8
#define VECTOR_PAGE_FAULT    14
#define VECTOR_MACHINE_CHECK 18

/* Exceptions that must not trust the stack they interrupt have one of their own. */
#define IST_DOUBLE_FAULT  1
#define IST_NMI		  2
#define IST_MACHINE_CHECK 3
#define IST_COUNT	  3

#ifndef __ASSEMBLER__
#include "lib/types.h"

struct descriptors {
	uint64_t gdt[5];
	struct {
		uint32_t reserved0;
		uint64_t rsp[3];
		uint64_t reserved1;
		uint64_t ist[7];
		uint64_t reserved2;
		uint16_t reserved3, io_map;
	} __attribute__((packed)) tss;
} __attribute__((aligned(16)));

/* Fills and loads them on this CPU. ist_tops: where the stacks of IST_* 1 to 3 end. */
void descriptors_load(struct descriptors *descriptors, const uint64_t ist_tops[IST_COUNT]);
#endif

#endif
