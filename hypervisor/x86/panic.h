/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the core ends (x86/panic.c); core_panic() itself is in lib/log.h. */
#ifndef CORE_X86_PANIC_H
#define CORE_X86_PANIC_H

#include "lib/types.h"

/* What x86/vectors.S leaves on the stack. */
struct interrupt_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

/* For how long a report stays on screen before the machine restarts (default: 10). */
void panic_set_seconds(unsigned seconds);

/* Return addresses, the innermost first, in lines. */
void panic_print_returns(const uint64_t *returns, size_t count);

/* Whether this CPU is the one that reports a panic. */
bool panic_is_mine(void);

/* An exception of the core's own, with its reason: ends the core as core_panic() does. */
_Noreturn void panic_exception(const struct interrupt_frame *frame);

/* Whether another CPU ends the core: a non-maskable interrupt is then its request to halt. */
bool panic_is_on(void);

/* This CPU does nothing any more. */
_Noreturn void cpu_halt(void);

#endif
