/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the core ends: a report on serial and screen, and a halt or a restart. */
#include "x86/panic.h"

#include "boot/crash.h"
#include "boot/image.h"
#include "lib/format.h"
#include "lib/log.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/descriptor.h"
#include "x86/lapic.h"
#include "x86/machine.h"
#include "x86/paging.h"
#include "x86/pcpu.h"
#include "x86/require.h"

#define NOBODY UINT32_MAX

_Static_assert(sizeof(struct interrupt_frame) + 2 * sizeof(uint64_t) ==
		       sizeof(uint64_t[CRASH_REGISTERS]),
	       "a crash record holds all registers");

static uint32_t panic_cpu = NOBODY; /* initial APIC ID of the CPU that reports */
static unsigned panic_seconds = 10;
static struct crash_record record; /* of that CPU */

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

void panic_set_seconds(unsigned seconds)
{
	panic_seconds = seconds;
}

static void print_registers(const struct interrupt_frame *f)
{
	log_line("rip %016lx  rflags %08lx  cs %02lx  ss %02lx  vector %lu, code %lx", f->rip,
		 f->rflags, f->cs, f->ss, f->vector, f->error);
	log_line("rsp %016lx  rbp %016lx  cr2 %016lx", f->rsp, f->rbp, read_cr2());
	log_line("rax %016lx  rbx %016lx  rcx %016lx", f->rax, f->rbx, f->rcx);
	log_line("rdx %016lx  rsi %016lx  rdi %016lx", f->rdx, f->rsi, f->rdi);
	log_line("r8  %016lx  r9  %016lx  r10 %016lx", f->r8, f->r9, f->r10);
	log_line("r11 %016lx  r12 %016lx  r13 %016lx", f->r11, f->r12, f->r13);
	log_line("r14 %016lx  r15 %016lx  cr3 %016lx", f->r14, f->r15, read_cr3());
}

void panic_print_returns(const uint64_t *returns, size_t count)
{
	char line[5 * 17 + 1];

	for (size_t i = 0; i < count;) {
		size_t used = 0;

		for (size_t n = 0; n < 5 && i < count; n++)
			used += format_text(line + used, sizeof(line) - used, " %016lx",
					    returns[i++]);
		log_line("from%s", line);
	}
}

/* Only those that run the core: others are still in the firmware's hands, which an NMI upsets. */
static void stop_others(void)
{
	for (unsigned i = 0; i < pcpu_count; i++)
		if (pcpu_list[i]->apic_id != this_cpu())
			lapic_send_nmi(pcpu_list[i]->apic_id);
}

static bool in_text(uint64_t address)
{
	return address >= (uint64_t)image_start && address < (uint64_t)image_text_end;
}

/* Follows the frame pointers up the stack, as far as they make sense. */
static size_t walk_stack(uint64_t rip, uint64_t rbp, uint64_t *returns, size_t max)
{
	size_t count = 0;

	returns[count++] = rip;
	while (count < max && rbp % 8 == 0 && paging_maps(rbp) && paging_maps(rbp + 15)) {
		const uint64_t *frame = (const uint64_t *)rbp;

		if (!in_text(frame[1]))
			break;
		returns[count++] = frame[1];
		if (frame[0] <= rbp) /* stacks grow down: the caller's frame is above */
			break;
		rbp = frame[0];
	}
	return count;
}

static bool restarts(enum reason reason)
{
	return reason >= 300;
}

_Noreturn static void leave(enum reason reason)
{
	if (!restarts(reason)) {
		log_line("The machine stops here. doc/reason-codes.md explains code %d.", reason);
		cpu_halt();
	}
	log_line("The machine restarts in %u seconds. Addresses: addr2line -e mullion-core",
		 panic_seconds);
	delay_us(panic_seconds * 1000000ULL);
	machine_restart();
}

/* A fault in the report itself: what has been said must do. */
_Noreturn static void give_up(void)
{
	static const char text[] = "\ncore: a fault while reporting a fault\n";
	static unsigned depth;

	if (depth++ == 0) {
		serial_write(text, sizeof(text) - 1);
		delay_us(panic_seconds * 1000000ULL);
		machine_restart();
	}
	cpu_halt();
}

static void fill_record(enum reason reason, const char *details,
			const struct interrupt_frame *frame)
{
	record.reason = reason;
	record.cpu = this_cpu();
	record.tsc = rdtsc();
	memcpy(record.registers, frame, sizeof(*frame));
	record.registers[CRASH_REGISTERS - 2] = read_cr2();
	record.registers[CRASH_REGISTERS - 1] = read_cr3();
	format_text(record.text, sizeof(record.text), "%s", details);
	record.return_count =
		(uint32_t)walk_stack(frame->rip, frame->rbp, record.returns, CRASH_RETURNS);
}

_Noreturn static void end(enum reason reason, const char *details,
			  const struct interrupt_frame *frame)
{
	uint32_t nobody = NOBODY;

	if (panic_is_mine())
		give_up();
	if (!__atomic_compare_exchange_n(&panic_cpu, &nobody, this_cpu(), false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		cpu_halt();
	stop_others();
	/* What is surest comes first. */
	if (restarts(reason)) {
		fill_record(reason, details, frame);
		crash_store_write(&record);
	}
	screen_take_back();
	log_line("error %d: %s: %s", reason, reason_text(reason), details);
	if (restarts(reason)) {
		print_registers(frame);
		panic_print_returns(record.returns, record.return_count);
	}
	leave(reason);
}

void core_panic(enum reason reason, const char *format, ...)
{
	struct interrupt_frame frame = {0};
	char details[192];
	va_list arguments;

	/* The caller's registers, as far as they are still what they were. */
	__asm__ volatile("movq %%rbx, %0; movq %%r12, %1; movq %%r13, %2; movq %%r14, %3;"
			 "movq %%r15, %4; pushfq; popq %5; cli"
			 : "=m"(frame.rbx), "=m"(frame.r12), "=m"(frame.r13), "=m"(frame.r14),
			   "=m"(frame.r15), "=r"(frame.rflags));
	frame.rip = (uint64_t)__builtin_return_address(0);
	frame.rbp = *(uint64_t *)__builtin_frame_address(0);
	frame.rsp = (uint64_t)__builtin_frame_address(0) + 16;
	frame.cs = SELECTOR_CODE;
	frame.ss = SELECTOR_DATA;
	va_start(arguments, format);
	format_text_va(details, sizeof(details), format, arguments);
	va_end(arguments);
	end(reason, details, &frame);
}

void panic_exception(const struct interrupt_frame *frame)
{
	static const char *const names[32] = {
		"divide error",
		"debug",
		"NMI",
		"breakpoint",
		"overflow",
		"bound range",
		"invalid opcode",
		"no FPU",
		"double fault",
		NULL,
		"invalid TSS",
		"segment not present",
		"stack",
		"general protection",
		"page fault",
		NULL,
		"x87",
		"alignment check",
		"machine check",
		"SIMD",
		[21] = "control protection",
	};
	char details[128];
	enum reason reason = REASON_EXCEPTION;
	const char *name = names[frame->vector & 31];
	struct machine_check check;

	if (frame->vector == VECTOR_NMI)
		reason = REASON_NMI;
	else if (frame->vector == VECTOR_DOUBLE_FAULT)
		reason = REASON_DOUBLE_FAULT;
	else if (frame->vector == VECTOR_MACHINE_CHECK)
		reason = REASON_MACHINE_CHECK;
	format_text(details, sizeof(details), "%s (vector %lu, code %lx) at %016lx",
		    name != NULL ? name : "reserved", frame->vector, frame->error, frame->rip);
	if (frame->vector == VECTOR_MACHINE_CHECK && cpu_read_machine_check(&check))
		format_text(details, sizeof(details), "bank %u, status %016lx, address %016lx",
			    check.bank, check.status, check.address);
	if (frame->vector == VECTOR_PAGE_FAULT)
		format_text(details + strlen(details), sizeof(details) - strlen(details),
			    ", address %016lx", read_cr2());
	end(reason, details, frame);
}
