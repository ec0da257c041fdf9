/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every pCPU did last, and how often it did what: a ring of records and a counter per kind of
 * exit. Always on. Written by its own pCPU without a lock; anyone may read.
 */
#ifndef CORE_VM_TRACE_H
#define CORE_VM_TRACE_H

#include "mullion/trace.h"
#include "vm/vcpu.h"

#define TRACE_RECORDS 1024U
#define TRACE_BYTES   (TRACE_RECORDS * sizeof(struct mullion_trace_record)) /* 8 frames */

/* Gives a pCPU (below PCPU_MAX) its ring: TRACE_BYTES, zeroed, for good. Nothing is recorded on it
 * before. */
void trace_init(unsigned pcpu, void *ring);

/* On the vCPU's pCPU: it is back. */
void trace_exit(const struct vcpu *vcpu, const struct vcpu_exit *exit);

/* Copies at most max records of a pCPU in their order, from number *from or the oldest that is
 * left. Returns how many; *from is then the number after the last one. Any CPU. */
size_t trace_read(unsigned pcpu, uint64_t *from, struct mullion_trace_record *out, size_t max);

/* How many records of a kind there ever were on a pCPU. Any CPU. */
uint64_t trace_count(unsigned pcpu, enum mullion_trace_kind kind);

/* The counters and the latest records of all pCPUs to the log. Any CPU; takes long on serial. */
void trace_dump(void);

#endif
