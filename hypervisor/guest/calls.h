/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The calls of include/mullion/guest.h; vm/hypercall.c passes on what it does not know. */
#ifndef CORE_GUEST_CALLS_H
#define CORE_GUEST_CALLS_H

#include "vm/hypercall.h"

/* As hypercall_check(). */
int guest_check_call(struct vm *vm, uint64_t untrusted_number,
		     const uint64_t untrusted_arguments[4], struct hypercall *call);

#endif
