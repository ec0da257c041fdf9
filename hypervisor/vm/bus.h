/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The core as each service VM sees it: one PCI function (include/mullion/bus.h) and hypercalls
 * (include/mullion/hypercall.h).
 */
#ifndef CORE_VM_BUS_H
#define CORE_VM_BUS_H

#include "lib/types.h"

struct vm;
struct vcpu;

int bus_create(struct vm *vm); /* boot only */
void bus_reset(struct vm *vm); /* before the VM is loaded again */

/* A hypercall: VMMCALL with the number in rax, arguments in rdi, rsi, rdx, r10. Returns what rax
 * shall be, or HYPERCALL_AGAIN: it has done a part, and is to be made again with the same
 * arguments, after whatever else wants the CPU. Only CPL 0 gets here. */
#define HYPERCALL_AGAIN INT64_MIN
int64_t bus_hypercall(struct vcpu *vcpu, uint64_t untrusted_number,
		      const uint64_t untrusted_arguments[4]);

#endif
