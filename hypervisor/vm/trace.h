/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every pCPU did last, and how often it did what: a ring of records and a counter per kind of
 * exit. Always on. Written by its own pCPU without a lock; anyone may read.
 */
#ifndef CORE_VM_TRACE_H
#define CORE_VM_TRACE_H

#include "mullion/trace.h"
#include "vm/vcpu.h"
#include "x86/cpu.h"

#define TRACE_RECORDS 1024U
#define TRACE_BYTES   (TRACE_RECORDS * sizeof(struct mullion_trace_record)) /* 8 frames */

struct trace {
	struct mullion_trace_record *ring;
	uint64_t head; /* atomic */
	uint64_t counts[MULLION_TRACE_KIND_COUNT];
} __attribute__((aligned(64)));

/* Gives a pCPU (below PCPU_MAX) its ring: TRACE_BYTES, zeroed, for good. Nothing is recorded on it
 * before. */
void trace_init(unsigned pcpu, void *ring);

/* A pCPU's. */
struct trace *trace_of(unsigned pcpu);

/* On the vCPU's pCPU: it is back. */
static inline void trace_exit(struct trace *trace, const struct vcpu *vcpu,
			      const struct vcpu_exit *exit)
{
	struct mullion_trace_record *record = trace->ring;
	uint64_t head = trace->head;

	if (!record)
		return;
	record += head % TRACE_RECORDS;
	/* Not before the head that says that the slot is being written. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	record->tsc = rdtsc();
	record->rip = exit->rip;
	record->info = exit->info;
	record->sequence = (uint32_t)head;
	record->code = (uint16_t)exit->code;
	record->kind = (uint8_t)exit->kind;
	record->vcpu = (uint8_t)(vcpu->vm->number << 4 | vcpu->number);
	__atomic_store_n(&trace->head, head + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&trace->counts[exit->kind], trace->counts[exit->kind] + 1,
			 __ATOMIC_RELAXED);
}

/* Copies at most max records of a pCPU in their order, from number *from or the oldest that is
 * left. Returns how many; *from is then the number after the last one. Any CPU. */
size_t trace_read(unsigned pcpu, uint64_t *from, struct mullion_trace_record *out, size_t max);

/* How many records of a kind there ever were on a pCPU. Any CPU. */
uint64_t trace_count(unsigned pcpu, enum mullion_trace_kind kind);

/* The next line of a dump of the counters and the latest records of all pCPUs, to the log; false:
 * that was all. Any CPU. A line at a time, as one takes milliseconds on serial. */
bool trace_dump_line(void);

#endif
