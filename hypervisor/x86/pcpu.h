/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's CPUs. struct pcpu is reached through GS; the core runs on every one of them. */
#ifndef CORE_X86_PCPU_H
#define CORE_X86_PCPU_H

#include "lib/types.h"

#define PCPU_MAX 16

struct svm_cpu; /* svm/ */

struct pcpu {
	struct pcpu *self;  /* gs:0 */
	uint64_t stack_top; /* gs:8 */
	unsigned number;
	uint32_t apic_id;
	uint32_t attention; /* atomic: one of its vCPUs was kicked since the run loop looked */
	bool timer_over;    /* the timer's interrupt came since it was armed, perhaps early */
	struct svm_cpu *svm;
};

extern struct pcpu *pcpu_list[PCPU_MAX]; /* by number; fixed after boot */
extern unsigned pcpu_count;

static inline struct pcpu *this_pcpu(void)
{
	struct pcpu *pcpu;

	__asm__("movq %%gs:0, %0" : "=r"(pcpu));
	return pcpu;
}

/* Starts all other CPUs the MADT names and waits for them; each calls entry on its own stack, with
 * its own GDT, TSS and local APIC, interrupts off. Panics with CPU_START_FAILED or TOO_MANY_CPUS.
 */
void pcpu_start_others(const uint32_t *apic_ids, size_t count, void (*entry)(void));

#endif
