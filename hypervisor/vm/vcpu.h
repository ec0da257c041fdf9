/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtual CPU: what vm/ and the vendor folder share. Device models use vm/vm.h only.
 *
 * Context: all fields are the pinned pCPU's own, but for those marked atomic.
 */
#ifndef CORE_VM_VCPU_H
#define CORE_VM_VCPU_H

#include "vm/vm.h"

/*
 * States, by the vCPU's own pCPU only:
 *	OFF -> READY (start-up IPI, or the VM is loaded: vCPU 0)
 *	READY <-> HALTED (HLT; an event)
 *	READY, HALTED -> OFF (INIT; the VM stops)
 *	READY <-> LENDING (of the control VM: `inner`, a guest's vCPU, runs in its place)
 */
enum vcpu_state { VCPU_OFF, VCPU_READY, VCPU_HALTED, VCPU_LENDING };

/* Events another CPU raises; bits of vcpu->events. */
#define VCPU_EVENT_NMI	   (1U << 0)
#define VCPU_EVENT_INIT	   (1U << 1)
#define VCPU_EVENT_STARTUP (1U << 2) /* its vector is in bits 8-15 */

/* General registers in the order of their encoding (AMD APM vol. 3, table B-1). */
enum vcpu_register { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/* What a decoder needs to know of a vCPU's mode. */
struct vcpu_mode {
	uint64_t rip, cs_base, cr0, cr3, cr4, efer, rflags;
	bool long_mode; /* 64-bit code */
	bool wide;	/* 32-bit code by default */
	uint8_t cpl;
};

struct vcpu {
	struct vm *vm;
	unsigned number; /* and its pCPU's */
	enum vcpu_state state;
	uint32_t events;	/* atomic */
	uint32_t parked;	/* atomic: the VM is stopping, and this vCPU has left for good */
	uint64_t registers[16]; /* RAX and RSP live here too between exits */
	struct vlapic lapic;
	struct vlapic_action action; /* of the last write to it by MSR */
	uint64_t clock_msr;	     /* KVM paravirtual clock of this vCPU; vm/pvclock.c */
	void *vendor;		     /* struct svm_vcpu */
	struct vcpu *inner;
	uint64_t tsc_offset; /* its TSC is the machine's plus this */
};

/* Why the vCPU is back, in neutral words; the same numbers as enum mullion_trace_kind. */
enum exit_kind {
	EXIT_NOTHING, /* a host interrupt, or the vendor has dealt with it */
	EXIT_CPUID,
	EXIT_MSR,    /* msr, write */
	EXIT_IO,     /* port, size, write, string */
	EXIT_MEMORY, /* address, write, fetch: nothing mapped there */
	EXIT_HALT,
	EXIT_HYPERCALL,
	EXIT_CR8, /* write, reg */
	EXIT_XSETBV,
	EXIT_CACHE,	/* WBINVD, INVD */
	EXIT_UNDEFINED, /* an instruction this CPU does not have for it: #UD */
	EXIT_PROTECTED, /* one it may not use: #GP(0) */
	EXIT_SHUTDOWN,	/* triple fault */
	EXIT_REFUSED,	/* the CPU does not accept the vCPU's state */
	EXIT_UNKNOWN,	/* nothing the core asked for */
	EXIT_KINDS,
};

struct vcpu_exit {
	enum exit_kind kind;
	uint64_t code; /* the vendor's own, for reports */
	uint64_t info; /* as mullion/trace.h says */
	uint64_t rip;
	uint8_t length; /* of the instruction; 0: to be decoded */
	bool write, fetch, string;
	uint8_t size; /* of an I/O access */
	uint8_t reg;
	uint16_t port;
	uint32_t msr;
	gpa_t address;
};

#define EXCEPTION_DB 1
#define EXCEPTION_UD 6
#define EXCEPTION_GP 13
#define EXCEPTION_PF 14
#define EXCEPTION_AC 17
#define EXCEPTION_MC 18

#endif
