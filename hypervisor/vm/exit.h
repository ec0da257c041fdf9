/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens on exits: one handler a kind (exit.c), with the policies in files of their own. */
#ifndef CORE_VM_EXIT_H
#define CORE_VM_EXIT_H

#include "vm/vcpu.h"

/* By kind: deals with the exit on the vCPU's pCPU. Afterwards the vCPU may run on, be halted, or
 * its VM be stopping. */
typedef void exit_handler(struct vcpu *vcpu, const struct vcpu_exit *exit);
extern exit_handler *const exit_handlers[EXIT_KINDS];

void exit_inject_gp(struct vcpu *vcpu);

/* The instruction's bytes at RIP; returns how many could be read (at most 15; 0: the fetch faults).
 */
size_t exit_fetch(struct vcpu *vcpu, uint8_t bytes[15]);

/* Whether XCR0 can be this: what the CPU has and VMs may use, x87 always, AVX not without SSE,
 * AVX-512's three together. */
#define XCR0_NEVER (1ULL << 9 | 0x18ULL) /* PKRU, MPX */
bool exit_xcr0_is_valid(uint64_t value);

/* cpuid.c: what a vCPU sees in a leaf. Pure but for the CPU's own CPUID. */
void cpuid_exit(struct vcpu *vcpu);

/* msr.c */
void msr_exit(struct vcpu *vcpu, const struct vcpu_exit *exit);

/* mmio.c: an access where nothing is mapped. */
void mmio_exit(struct vcpu *vcpu, const struct vcpu_exit *exit);

#endif
