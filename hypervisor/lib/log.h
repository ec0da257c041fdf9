/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the core says, and how it ends. Everything goes to serial and to the framebuffer text while
 * the screen is the core's, line by line, with the seconds since boot and who speaks.
 *
 * Context: any CPU, any time after the first instructions, interrupts on or off. Lines of different
 * CPUs do not mix. In host-run tests a stub of the test's stands in.
 */
#ifndef CORE_LIB_LOG_H
#define CORE_LIB_LOG_H

#include <stdarg.h>
#include <stddef.h>

#include "lib/reason.h"

#define CORE_PRINTF(at, first) __attribute__((format(printf, at, first)))

/* One line; no newline at its end. Formats: %s %c %d %u %x %zu %lu %lx %llu %llx %p %%, with width,
 * '-' and '0', and a precision for %s (lib/format.h). */
void log_line(const char *format, ...) CORE_PRINTF(1, 2);

/* A 5xx reason: one line "warning NNN: text: details", on the screen too. */
void log_warning(enum reason reason, const char *format, ...) CORE_PRINTF(2, 3);

/* Ends the core: one line "error NNN: text: details", registers and a backtrace for 3xx, a crash
 * record for the next boot (3xx, 4xx), and a halt, or a restart of the machine where the reason
 * says so. Only for what no VM can cause; a VM's mistakes stop that VM. */
_Noreturn void core_panic(enum reason reason, const char *format, ...) CORE_PRINTF(2, 3);

/* An invariant of the core's own. */
#define CORE_ASSERT(condition)                                                                     \
	do {                                                                                       \
		if (__builtin_expect(!(condition), 0))                                             \
			core_panic(REASON_PANIC, "%s:%d: %s does not hold", __FILE__, __LINE__,    \
				   #condition);                                                    \
	} while (0)

#endif
