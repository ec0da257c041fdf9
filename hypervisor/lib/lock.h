/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A spin lock. Fair (ticket). Holders must not be interrupted by a handler that takes the same
 * lock: the core's interrupt handlers only set atomic bits (x86/interrupt.h), so plain locking is
 * enough.
 *
 * Order, outermost first: vm->lock, vm/irq.c's, iommu's, the IOAPICs', owner table lock, frame
 * lock, log lock.
 */
#ifndef CORE_LIB_LOCK_H
#define CORE_LIB_LOCK_H

#include <stdint.h>

struct lock {
	uint32_t next;
	uint32_t serving;
};

static inline void lock_take(struct lock *lock)
{
	uint32_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != ticket)
		__builtin_ia32_pause();
}

static inline void lock_release(struct lock *lock)
{
	__atomic_store_n(&lock->serving, lock->serving + 1, __ATOMIC_RELEASE);
}

#endif
