/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trace rings. A record's number is its CPU's head when it was written; the record goes to the
 * slot first, then the head moves on. A reader copies and looks at the head again: a record may
 * have been overwritten meanwhile if its slot is that of the head or was passed by it.
 */
#include "vm/trace.h"

#include "lib/lock.h"
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

/* Where a dump is; one at a time, who comes in between goes on with it. */
static struct {
	struct lock lock;
	unsigned pcpu, line;
	uint64_t from, head;
} dump;

/* A line of the dump's pCPU: how many exits, of which kinds, the latest. Whether there was one. */
static bool dump_line(unsigned line)
{
	const unsigned records = 1 + MULLION_TRACE_KIND_COUNT;
	struct mullion_trace_record r;

	if (line == 0) {
		dump.head = __atomic_load_n(&traces[dump.pcpu].head, __ATOMIC_ACQUIRE);
		dump.from = dump.head < DUMP_RECORDS ? 0 : dump.head - DUMP_RECORDS;
		log_line("trace of CPU %u: %lu exits", dump.pcpu, (unsigned long)dump.head);
	} else if (line < records) {
		uint64_t count = trace_count(dump.pcpu, line - 1);

		if (count)
			log_line("  %-10s %lu", kind_names[line - 1], (unsigned long)count);
		return count;
	} else {
		if (dump.from >= dump.head || !trace_read(dump.pcpu, &dump.from, &r, 1))
			return false;
		log_line("  %lu VM %u vCPU %u %s 0x%x rip 0x%lx info 0x%lx", (unsigned long)r.tsc,
			 r.vcpu >> 4, r.vcpu & 15U, kind_names[r.kind], r.code,
			 (unsigned long)r.rip, (unsigned long)r.info);
	}
	return true;
}

bool trace_dump_line(void)
{
	bool said = false;

	lock_take(&dump.lock);
	while (!said && dump.pcpu < PCPU_MAX) {
		said = traces[dump.pcpu].ring && dump_line(dump.line);
		dump.line++;
		if (!traces[dump.pcpu].ring ||
		    dump.line > MULLION_TRACE_KIND_COUNT + DUMP_RECORDS) {
			dump.pcpu++;
			dump.line = 0;
		}
	}
	if (!said)
		dump.pcpu = 0;
	lock_release(&dump.lock);
	return said;
}
