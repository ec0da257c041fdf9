/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The GDT and the TSS. Source: AMD APM vol. 2, 4.8, 12.2.5. */
#include "x86/descriptor.h"

#include "lib/string.h"

void descriptors_load(struct descriptors *descriptors, const uint64_t ist_tops[IST_COUNT])
{
	uint64_t tss = (uint64_t)&descriptors->tss;
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed))
	pointer = {sizeof(descriptors->gdt) - 1, (uint64_t)descriptors->gdt};

	memset(descriptors, 0, sizeof(*descriptors));
	descriptors->tss.io_map = sizeof(descriptors->tss);
	for (unsigned i = 0; i < IST_COUNT; i++)
		descriptors->tss.ist[i] = ist_tops[i];
	descriptors->gdt[SELECTOR_CODE / 8] = 0x00af9b000000ffff;
	descriptors->gdt[SELECTOR_DATA / 8] = 0x00cf93000000ffff;
	descriptors->gdt[SELECTOR_TSS / 8] = (sizeof(descriptors->tss) - 1) |
					     (tss & 0xffffff) << 16 | 0x89ULL << 40 |
					     (tss >> 24 & 0xff) << 56;
	descriptors->gdt[SELECTOR_TSS / 8 + 1] = tss >> 32;

	__asm__ volatile("lgdt %0\n\t"
			 "pushq %1\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\tmovl %2, %%eax\n\t"
			 "movl %%eax, %%ds\n\t"
			 "movl %%eax, %%es\n\t"
			 "movl %%eax, %%ss\n\t"
			 "ltr %w3"
			 :
			 : "m"(pointer), "i"(SELECTOR_CODE), "i"(SELECTOR_DATA), "r"(SELECTOR_TSS)
			 : "rax", "memory");
}
