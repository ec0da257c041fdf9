/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A walk of a guest's own page tables, to fetch the instruction that made an exit. Pure: guest
 * memory is read through a callback. Accessed bits are not set; the CPU has done that when it
 * fetched. Source: AMD APM vol. 2, 5.2 to 5.6; Intel SDM vol. 3, chapter 4.
 */
#ifndef CORE_VM_WALK_H
#define CORE_VM_WALK_H

#include "lib/types.h"
#include "vm/vcpu.h"

/* Reads guest physical memory. 0, or negative: there is none. */
typedef int walk_read(void *user, gpa_t address, void *to, size_t size);

/* The guest physical address that the vCPU would fetch an instruction at this linear address from.
 * -EFAULT: it would take a page fault, or #GP for an address that is not canonical. */
int walk_linear(const struct vcpu_mode *mode, walk_read *read, void *user, uint64_t linear,
		gpa_t *address);

/* The same for another access: a fetch, or of data; by user code, or not. */
#define WALK_WRITE (1U << 0)
#define WALK_USER  (1U << 1)
#define WALK_FETCH (1U << 2)
int walk_access(const struct vcpu_mode *mode, walk_read *read, void *user, uint64_t linear,
		unsigned access, gpa_t *address);

/* The bytes from CS:RIP on, at most size (no more than a page), as far as they can be fetched.
 * Returns how many. */
size_t walk_fetch(const struct vcpu_mode *mode, walk_read *read, void *user, uint8_t *to,
		  size_t size);

#endif
