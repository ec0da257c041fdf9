/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What hypercall.c and bus.c of this folder share, and what their tests look at. The rest of the
 * core uses vm/bus.h.
 */
#ifndef CORE_VM_HYPERCALL_H
#define CORE_VM_HYPERCALL_H

#include "mullion/bus.h"
#include "mullion/guest.h"
#include "mullion/hypercall.h"
#include "vm/bus.h"
#include "vm/vm.h"

/* A hypercall's arguments once they have been checked. Each call uses some of them. */
struct hypercall {
	int64_t (*run)(struct vcpu *vcpu, const struct hypercall *call); /* never refuses */
	struct vm *target;						 /* the VM it is about */
	gpa_t memory; /* not checked: copying does that */
	size_t size;
	uint64_t first;
	uint32_t number;
	uint32_t entry, guest, vcpu; /* of guest/calls.c */
};

/* index, below size by the check before it; also for a CPU that guesses that check's outcome. */
static inline size_t hypercall_index(size_t index, size_t size)
{
	__asm__("" : "+r"(index));
	return index & (0 - ((index - size) >> 63));
}

/* Arguments that are memory: in bytes, aligned, at least one byte. 0, or -EINVAL. */
int hypercall_memory(uint64_t untrusted_start, uint64_t size, uint64_t alignment,
		     struct hypercall *call);

/* Whether the VM may make this call with these arguments. Pure: changes nothing but *call. 0, or
 * the negative errno that the caller gets. */
int hypercall_check(struct vm *vm, uint64_t untrusted_number, const uint64_t untrusted_arguments[4],
		    struct hypercall *call);

/* The VM of this number; NULL. */
struct vm *hypercall_vm(uint64_t untrusted_number);
/* MULLION_FEATURE_*. */
uint32_t hypercall_features(const struct vm *vm);

/* Takes at least one byte of the text and at most what completes a line of the VM's console, which
 * then goes to the log. Returns how many. */
size_t bus_console_take(struct bus *bus, const char *untrusted_text, size_t size);

/* Raises MSI-X number bell (below MULLION_BUS_DOORBELLS) of the VM's function. Any CPU. */
void bus_ring(struct vm *vm, uint32_t bell);

#endif
