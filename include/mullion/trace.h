/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trace records: what the hypercall TRACE_READ (mullion/hypercall.h) gives. Each physical CPU keeps
 * its latest ones, one for each time a virtual CPU came back to the core.
 */
#ifndef MULLION_TRACE_H
#define MULLION_TRACE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdint.h>
#endif

/* Why it came back. Numbers are only ever added. */
#define MULLION_TRACE_KINDS(X)                                                                     \
	X(NOTHING, "interrupt") /* the host's, or the core had something to do */                  \
	X(CPUID, "cpuid")                                                                          \
	X(MSR, "msr")	    /* info: the MSR, bit 63 for a write */                                \
	X(IO, "io")	    /* info: the port, bit 63 for a write */                               \
	X(MEMORY, "memory") /* info: the guest physical address */                                 \
	X(HALT, "halt")                                                                            \
	X(HYPERCALL, "hypercall")                                                                  \
	X(CR8, "cr8")                                                                              \
	X(XSETBV, "xsetbv")                                                                        \
	X(CACHE, "cache")                                                                          \
	X(UNDEFINED, "undefined")                                                                  \
	X(PROTECTED, "protected")                                                                  \
	X(SHUTDOWN, "shutdown")                                                                    \
	X(REFUSED, "refused")                                                                      \
	X(UNKNOWN, "unknown")

enum mullion_trace_kind {
#define MULLION_TRACE_ENUM(name, text) MULLION_TRACE_##name,
	MULLION_TRACE_KINDS(MULLION_TRACE_ENUM)
#undef MULLION_TRACE_ENUM
		MULLION_TRACE_KIND_COUNT,
};

struct mullion_trace_record {
	uint64_t tsc; /* the machine's, not the VM's */
	uint64_t rip;
	uint64_t info;	   /* see the kinds; else the CPU's first detail of the exit */
	uint32_t sequence; /* low half of the record's number on its CPU: a gap is what was lost */
	uint16_t code;	   /* low half of the CPU's own exit code */
	uint8_t kind;	   /* enum mullion_trace_kind */
	uint8_t vcpu;	   /* VM number << 4 | vCPU number */
};

_Static_assert(sizeof(struct mullion_trace_record) == 32, "a contract");
_Static_assert(__builtin_offsetof(struct mullion_trace_record, sequence) == 24, "a contract");
_Static_assert(__builtin_offsetof(struct mullion_trace_record, vcpu) == 31, "a contract");

#endif
