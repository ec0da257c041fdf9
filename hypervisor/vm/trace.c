/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trace rings. A record's number is its CPU's head when it was written; the record goes to the
 * slot first, then the head moves on. A reader copies and looks at the head again: a record may
 * have been overwritten meanwhile if its slot is that of the head or was passed by it.
 */
#include "vm/trace.h"

#include "lib/log.h"
#include "x86/pcpu.h"

#define DUMP_RECORDS 32U

_Static_assert(MULLION_TRACE_KIND_COUNT == (int)EXIT_KINDS, "kinds are those of vm/vcpu.h");
_Static_assert(MULLION_TRACE_UNKNOWN == (int)EXIT_UNKNOWN, "kinds are those of vm/vcpu.h");
_Static_assert(MULLION_TRACE_MEMORY == (int)EXIT_MEMORY, "kinds are those of vm/vcpu.h");

static struct trace traces[PCPU_MAX];

void trace_init(unsigned pcpu, void *ring)
{
	traces[pcpu].ring = ring;
}

struct trace *trace_of(unsigned pcpu)
{
	return &traces[pcpu];
}

/* The number of the oldest record that cannot be in the middle of being written. */
static uint64_t oldest(uint64_t head)
{
	return head < TRACE_RECORDS ? 0 : head - TRACE_RECORDS + 1;
}

size_t trace_read(unsigned pcpu, uint64_t *from, struct mullion_trace_record *out, size_t max)
{
	const struct trace *trace = &traces[pcpu];
	uint64_t head = __atomic_load_n(&trace->head, __ATOMIC_ACQUIRE), start = *from;
	size_t count, lost = 0;

	if (start < oldest(head))
		start = oldest(head);
	if (start >= head)
		return 0;
	count = head - start < max ? (size_t)(head - start) : max;
	for (size_t i = 0; i < count; i++)
		out[i] = trace->ring[(start + i) % TRACE_RECORDS];
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	head = __atomic_load_n(&trace->head, __ATOMIC_RELAXED);
	if (start < oldest(head))
		lost = oldest(head) - start < count ? (size_t)(oldest(head) - start) : count;
	for (size_t i = lost; i < count; i++)
		out[i - lost] = out[i];
	*from = start + count;
	return count - lost;
}

uint64_t trace_count(unsigned pcpu, enum mullion_trace_kind kind)
{
	return __atomic_load_n(&traces[pcpu].counts[kind], __ATOMIC_RELAXED);
}

static const char *const kind_names[] = {
#define KIND_NAME(name, text) text,
	MULLION_TRACE_KINDS(KIND_NAME)};

static void dump_cpu(unsigned pcpu)
{
	uint64_t head = __atomic_load_n(&traces[pcpu].head, __ATOMIC_ACQUIRE);
	uint64_t from = head < DUMP_RECORDS ? 0 : head - DUMP_RECORDS;
	struct mullion_trace_record r;

	log_line("trace of CPU %u: %lu exits", pcpu, (unsigned long)head);
	for (unsigned kind = 0; kind < MULLION_TRACE_KIND_COUNT; kind++)
		if (trace_count(pcpu, kind))
			log_line("  %-10s %lu", kind_names[kind],
				 (unsigned long)trace_count(pcpu, kind));
	while (from < head && trace_read(pcpu, &from, &r, 1))
		log_line("  %lu VM %u vCPU %u %s 0x%x rip 0x%lx info 0x%lx", (unsigned long)r.tsc,
			 r.vcpu >> 4, r.vcpu & 15U, kind_names[r.kind], r.code,
			 (unsigned long)r.rip, (unsigned long)r.info);
}

void trace_dump(void)
{
	for (unsigned pcpu = 0; pcpu < PCPU_MAX; pcpu++)
		if (traces[pcpu].ring)
			dump_cpu(pcpu);
}
