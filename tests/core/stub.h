/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands in for the machine when parts of the core run on the host: panics, the log, and RAM.
 *
 *	STUB_EXPECT_PANIC(owner_put(hpa(0), PAGE_SIZE));
 */
#ifndef TESTS_CORE_STUB_H
#define TESTS_CORE_STUB_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/log.h"

/* RAM: [start, start + size) of host physical memory, all zero; phys_virt() (and so frame_virt())
 * leads there, and panics elsewhere. Replaces what was there. */
void stub_ram_init(uint64_t start, size_t size);
void stub_ram_finish(void);
/* The same, and all of it is the frame pool, and the owner table is empty. */
void stub_pool_init(uint64_t start, size_t size);

/* With a jump armed, core_panic() takes it once; without, it ends the process. */
extern jmp_buf stub_panic_jump;
extern bool stub_panic_armed;
extern enum reason stub_panic_reason; /* of the last one */
extern char stub_panic_text[256];

extern bool stub_log_print; /* lines go to stderr */
extern size_t stub_log_lines, stub_log_warnings;
extern enum reason stub_log_reason; /* of the last warning */
extern char stub_log_text[256];	    /* the last line, warning or not */

/* Fails, by a trap, unless the statement panics. Locks that it held stay locked. */
#define STUB_EXPECT_PANIC(statement)                                                               \
	do {                                                                                       \
		stub_panic_armed = true;                                                           \
		if (setjmp(stub_panic_jump) == 0) {                                                \
			statement;                                                                 \
			__builtin_printf("%s:%d: no panic\n", __FILE__, __LINE__);                 \
			__builtin_trap();                                                          \
		}                                                                                  \
	} while (0)

#endif
