/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each VM did and tried: one 64-bit counter each, added to from any CPU, read by the control
 * VM (hypercall) and shown in reports (counter_add() is vm/vm.h's). Names are part of the bus's
 * contract (counter_name()).
 */
#ifndef CORE_VM_COUNTERS_H
#define CORE_VM_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#define CORE_COUNTERS(X)                                                                           \
	X(EXITS, "exits")                                                                          \
	X(INTERRUPTS, "device-interrupts")                                                         \
	X(IPIS, "ipis")                                                                            \
	X(TIMERS, "timer-interrupts")                                                              \
	X(HYPERCALLS, "hypercalls")                                                                \
	X(BAD_HYPERCALLS, "bad-hypercalls")                                                        \
	X(BAD_MEMORY, "bad-memory-accesses") /* outside what it owns */                            \
	X(BAD_PORT, "bad-port-accesses")                                                           \
	X(BAD_MSR, "bad-msr-accesses")                                                             \
	X(BAD_CONFIG, "bad-config-accesses") /* PCI configuration it may not change */             \
	X(BAD_INTERRUPT, "bad-interrupt-messages")                                                 \
	X(BAD_DMA, "bad-dma") /* refused by the IOMMU */                                           \
	X(RESTARTS, "restarts")                                                                    \
	X(GUEST_EXITS, "guest-exits") /* of the guests it runs */

enum counter {
#define CORE_COUNTER_ENUM(name, text) COUNTER_##name,
	CORE_COUNTERS(CORE_COUNTER_ENUM)
#undef CORE_COUNTER_ENUM
		COUNTER_COUNT,
};

const char *counter_name(enum counter counter); /* NULL: there is no such */

/* Whether the n-th of something that may happen without end is logged: the first ones, later ever
 * fewer. */
static inline bool counter_worth_a_line(uint64_t n)
{
	return n <= 8 || (n & (n - 1)) == 0;
}

#endif
