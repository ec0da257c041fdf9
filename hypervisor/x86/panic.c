/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the core ends: a report on serial and screen, and a halt or a restart. */
#include "x86/panic.h"

#include "boot/image.h"
#include "lib/format.h"
#include "lib/log.h"
#include "x86/cpu.h"
#include "x86/descriptor.h"
#include "x86/machine.h"

#define NOBODY	    UINT32_MAX
#define MAX_RETURNS 24

static uint32_t panic_cpu = NOBODY; /* initial APIC ID of the CPU that reports */

/* The stack protector's: boot/entry.S sets the guard. */
extern uint64_t __stack_chk_guard;
uint64_t __stack_chk_guard;
_Noreturn void __stack_chk_fail(void);

void __stack_chk_fail(void)
{
	core_panic(REASON_PANIC, "a stack buffer overflowed in the caller of %p",
		   __builtin_return_address(0));
}

/* From CPUID: works before GS and the APIC are set up, and after they are broken. */
static uint32_t this_cpu(void)
{
	return cpuid(1, 0).ebx >> 24;
}

bool panic_is_on(void)
{
	return __atomic_load_n(&panic_cpu, __ATOMIC_ACQUIRE) != NOBODY;
}

bool panic_is_mine(void)
{
	return panic_is_on() && panic_cpu == this_cpu();
}

void cpu_halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void print_registers(const struct interrupt_frame *f)
{
	log_line("rip %016lx  cs %04lx  rflags %08lx  vector %lu  error %lx", f->rip, f->cs,
		 f->rflags, f->vector, f->error);
	log_line("rsp %016lx  ss %04lx  cr2 %016lx  cr3 %016lx", f->rsp, f->ss, read_cr2(),
		 read_cr3());
	log_line("rax %016lx  rbx %016lx  rcx %016lx", f->rax, f->rbx, f->rcx);
	log_line("rdx %016lx  rsi %016lx  rdi %016lx", f->rdx, f->rsi, f->rdi);
	log_line("rbp %016lx  r8  %016lx  r9  %016lx", f->rbp, f->r8, f->r9);
	log_line("r10 %016lx  r11 %016lx  r12 %016lx", f->r10, f->r11, f->r12);
	log_line("r13 %016lx  r14 %016lx  r15 %016lx", f->r13, f->r14, f->r15);
}

_Noreturn static void end(enum reason reason, const char *details,
			  const struct interrupt_frame *frame)
{
	uint32_t nobody = NOBODY;

	if (!__atomic_compare_exchange_n(&panic_cpu, &nobody, this_cpu(), false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		cpu_halt();
	log_line("error %d: %s: %s", reason, reason_text(reason), details);
	if (frame != NULL)
		print_registers(frame);
	cpu_halt();
}

void core_panic(enum reason reason, const char *format, ...)
{
	char details[192];
	va_list arguments;

	__asm__ volatile("cli");
	va_start(arguments, format);
	format_text_va(details, sizeof(details), format, arguments);
	va_end(arguments);
	end(reason, details, NULL);
}

void panic_exception(const struct interrupt_frame *frame)
{
	char details[64];
	enum reason reason = REASON_EXCEPTION;

	if (frame->vector == VECTOR_NMI)
		reason = REASON_NMI;
	else if (frame->vector == VECTOR_DOUBLE_FAULT)
		reason = REASON_DOUBLE_FAULT;
	else if (frame->vector == VECTOR_MACHINE_CHECK)
		reason = REASON_MACHINE_CHECK;
	format_text(details, sizeof(details), "vector %lu at %lx", frame->vector, frame->rip);
	end(reason, details, frame);
}
