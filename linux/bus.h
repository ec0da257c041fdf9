/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a kernel module finds and calls the core; and the parts of mullion-bus.ko: one function of
 * the core's (include/mullion/bus.h) and what hangs on it. There is at most one in a machine.
 */
#ifndef MULLION_LINUX_BUS_H
#define MULLION_LINUX_BUS_H

#include <linux/pci.h>
#include <asm/alternative.h>
#include <asm/cpufeatures.h>
#include <asm/processor.h>

#include "mullion/bus.h"

struct mullion_bus {
	struct pci_dev *pci;
	void __iomem *registers;
	u32 features; /* MULLION_FEATURE_* */
	u32 vm, kind, vms;
	int vectors;
	atomic_long_t rings[MULLION_BUS_DOORBELLS]; /* doorbells that arrived */
};

static inline bool mullion_core_is_there(void)
{
	u32 eax, ebx, ecx, edx;

	if (!boot_cpu_has(X86_FEATURE_HYPERVISOR))
		return false;
	cpuid(MULLION_CPUID_SIGNATURE, &eax, &ebx, &ecx, &edx);
	return ebx == MULLION_CPUID_SIGNATURE_EBX && ecx == MULLION_CPUID_SIGNATURE_ECX &&
	       edx == MULLION_CPUID_SIGNATURE_EDX;
}

/* A hypercall: its result, or a negative errno. Memory arguments are physical addresses. */
static inline long mullion_call(u64 number, u64 a, u64 b, u64 c, u64 d)
{
	register u64 r10 asm("r10") = d;
	long result;

	asm volatile(ALTERNATIVE("vmcall", "vmmcall", X86_FEATURE_VMMCALL)
		     : "=a"(result)
		     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
		     : "memory");
	return result;
}

/* console.c: the kernel's messages as lines of the core's log. */
int mullion_console_init(struct mullion_bus *bus);
void mullion_console_finish(void);
/* Hands all of the text to the core by way of shared, memory of the caller's own of at least
 * MULLION_CONSOLE_MAX bytes. Any context. */
void mullion_console_write(char *shared, const char *text, size_t size, u64 flags);

/* terminal.c: /dev/mullion-console. */
int mullion_terminal_init(struct mullion_bus *bus);
void mullion_terminal_finish(void);

/* watchdog.c: /dev/watchdogN. */
int mullion_watchdog_init(struct mullion_bus *bus);
void mullion_watchdog_finish(void);

/* panic.c: tells the core when this kernel panics. */
void mullion_panic_init(void);
void mullion_panic_finish(void);

/* report.c: /sys/kernel/debug/mullion. */
void mullion_report_init(struct mullion_bus *bus);
void mullion_report_finish(void);

#endif
