/* SPDX-License-Identifier: GPL-2.0-or-later */
/* No guests: for tests of what is beside them. */
#include "lib/errno.h"

#include "guest/calls.h"

int guest_check_call(struct vm *vm, uint64_t untrusted_number,
		     const uint64_t untrusted_arguments[4], struct hypercall *call)
{
	(void)vm;
	(void)untrusted_number;
	(void)untrusted_arguments;
	(void)call;
	return -ENOSYS;
}
