/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The calls of /dev/kvm that take memory of the program, for what is tried with each of them: bad
 * pointers, other sizes, another process, allocations that fail.
 */
#ifndef TEST_KVM_CALLS_H
#define TEST_KVM_CALLS_H

#include "client.h"

enum call_on { ON_SYSTEM, ON_VM, ON_VCPU };

struct call {
	const char *name;
	enum call_on on;
	unsigned long number;
	size_t size;	   /* of its argument, with what follows its head */
	bool in, out;	   /* read, written by the kernel */
	unsigned long get; /* what gives a good argument; 0: fill, or zeros */
	void (*fill)(void *argument);
	int expected; /* errno of a good one */
	bool null;    /* NULL is a good one */
};

extern const struct call calls[];
extern const size_t call_count;

/* The descriptor it is for. */
int call_descriptor(const struct machine *machine, const struct call *call);
/* A good argument, of call->size bytes. */
void call_fill(const struct machine *machine, const struct call *call, void *argument);

#endif
