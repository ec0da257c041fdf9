/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions that reach for the machine: MSRs, SVM's own, control and debug registers, CPUID,
 * local APIC commands to CPUs that are not the VM's.
 */
#include <linux/smp.h>
#include <linux/io.h>
#include <asm/apic.h>
#include <asm/asm.h>
#include <asm/fpu/api.h>
#include <asm/msr.h>
#include <asm/special_insns.h>

#include "attack.h"

#define MSR_PATCH_LOADER 0xc0010020
#define MSR_SMBASE	 0xc0010111
#define MSR_SMM_ADDRESS	 0xc0010112
#define MSR_SMM_MASK	 0xc0010113
#define MSR_SVM_KEY	 0xc0010118

/* ---- MSRs ---- */

/* What the VM's own kernel lives on: written with what is in it, no more. */
static bool is_vital(u32 msr)
{
	return msr == MSR_IA32_APICBASE || msr == MSR_IA32_TSC || msr == MSR_IA32_CR_PAT ||
	       msr == MSR_IA32_TSC_ADJUST || msr == MSR_IA32_TSC_DEADLINE ||
	       (msr >= MSR_IA32_SYSENTER_CS && msr <= MSR_IA32_SYSENTER_EIP) ||
	       (msr >= 0xc0000080 && msr <= 0xc0000104) || (msr >= 0x800 && msr <= 0x8ff) ||
	       (msr >= 0x200 && msr <= 0x2ff) || msr == MSR_IA32_DEBUGCTLMSR ||
	       msr == MSR_IA32_SPEC_CTRL || msr == MSR_IA32_PRED_CMD ||
	       (msr >= 0x4b564d00 && msr <= 0x4b564d0f) || msr == 0x11 || msr == 0x12;
}

static void try_msr(u32 msr)
{
	u64 old = 0, value = attack_random();
	bool readable = !rdmsrl_safe(msr, &old);

	attack_tried(1);
	if (!attack_core)
		return;
	attack_tried(1);
	if (is_vital(msr)) {
		if (readable)
			wrmsrl_safe(msr, old);
		return;
	}
	wrmsrl_safe(msr, value);
	wrmsrl_safe(msr, ~0ULL);
	if (readable)
		wrmsrl_safe(msr, old);
}

/* Those with which a host is taken over: a write must not last. */
static void try_host_msr(u32 msr)
{
	u64 old, now, value = 0x1000;

	if (rdmsrl_safe(msr, &old))
		old = 0;
	wrmsrl_safe(msr, old ^ value);
	if (!rdmsrl_safe(msr, &now) && now == (old ^ value)) {
		attack_through("MSR %#x keeps %#llx", msr, now);
		wrmsrl_safe(msr, old);
	}
	attack_tried(1);
}

void attack_msr(void)
{
	static const u32 host[] = {
		MSR_VM_HSAVE_PA,  MSR_VM_CR,	MSR_SVM_KEY,	  MSR_SMBASE,
		MSR_SMM_ADDRESS,  MSR_SMM_MASK, MSR_AMD64_SYSCFG, MSR_K8_TOP_MEM1,
		MSR_PATCH_LOADER, MSR_K7_HWCR,
	};
	u64 efer, now;
	u32 msr;
	int i;

	for (msr = 0; msr < 0x2000; msr++)
		try_msr(msr);
	for (msr = 0xc0000000; msr < 0xc0002000; msr++)
		try_msr(msr);
	for (msr = 0xc0010000; msr < 0xc0012000; msr++)
		try_msr(msr);
	for (msr = 0x40000000; msr < 0x40000200; msr++)
		try_msr(msr);
	for (msr = 0x4b564d00; msr < 0x4b564d10; msr++)
		try_msr(msr);
	for (i = 0; i < 10000; i++)
		try_msr((u32)attack_random());
	if (!attack_core)
		return;
	for (i = 0; i < ARRAY_SIZE(host); i++)
		try_host_msr(host[i]);
	rdmsrl(MSR_EFER, efer);
	for (i = 0; i < 64; i++) {
		if (efer & 1ULL << i)
			continue;
		wrmsrl_safe(MSR_EFER, efer | 1ULL << i);
		rdmsrl(MSR_EFER, now);
		wrmsrl_safe(MSR_EFER, efer);
		if (i == 12 && now & EFER_SVME)
			attack_through("EFER.SVME can be set");
	}
	if (boot_cpu_has(X86_FEATURE_SVM))
		attack_through("CPUID offers SVM");
}

/* ---- instructions ---- */

/* bytes: an instruction that must fault, whatever the fault. */
#define TRY_AT(name, bytes, address)                                                               \
	do {                                                                                       \
		u64 executed;                                                                      \
		asm volatile("xor %0, %0\n1: .byte " bytes "\ninc %0\n2:\n" _ASM_EXTABLE(1b, 2b)   \
			     : "=&r"(executed)                                                     \
			     : "a"(address)                                                        \
			     : "memory", "rbx", "rcx", "rdx", "cc");                               \
		attack_tried(1);                                                                   \
		if (executed)                                                                      \
			attack_through("%s is executed", name);                                    \
	} while (0)

static void try_svm(void *unused)
{
	u64 at = 0x100000;

	TRY_AT("VMRUN", "0x0f, 0x01, 0xd8", at);
	TRY_AT("VMLOAD", "0x0f, 0x01, 0xda", at);
	TRY_AT("VMSAVE", "0x0f, 0x01, 0xdb", at);
	TRY_AT("STGI", "0x0f, 0x01, 0xdc", at);
	TRY_AT("CLGI", "0x0f, 0x01, 0xdd", at);
	TRY_AT("SKINIT", "0x0f, 0x01, 0xde", at);
	TRY_AT("INVLPGA", "0x0f, 0x01, 0xdf", at);
	TRY_AT("RSM", "0x0f, 0xaa", at);
}

/* Values that #GP or are harmless; each register is as it was afterwards. */
static void try_registers(void *unused)
{
	unsigned long cr0 = read_cr0(), dr7, xcr0, value;
	unsigned int low, high, i;

	asm volatile("mov %%dr7, %0" : "=r"(dr7));
#define SET(register, what)                                                                        \
	asm volatile("1: mov %0, %%" register "\n2:\n" _ASM_EXTABLE(1b, 2b)                        \
		     :                                                                             \
		     : "r"(what)                                                                   \
		     : "memory")
	SET("cr0", cr0 | 1UL << 40);
	SET("cr0", cr0);
	for (i = 4; i < 64; i += 5)
		SET("cr8", 1UL << i);
	SET("cr8", 0UL);
	for (i = 32; i < 64; i += 3) {
		SET("dr6", 1UL << i);
		SET("dr7", dr7 | 1UL << i);
	}
	SET("dr7", dr7);
#undef SET
	attack_tried(28);
	if (!(__read_cr4() & X86_CR4_OSXSAVE))
		return;
	asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	xcr0 = (u64)high << 32 | low;
	for (i = 0; i < 70; i++) {
		value = i < 64 ? xcr0 ^ 1UL << i : attack_random();
		asm volatile("1: xsetbv\n2:\n" _ASM_EXTABLE(1b, 2b)
			     :
			     : "a"((u32)value), "d"((u32)(value >> 32)), "c"(i % 7 == 3)
			     : "memory");
		asm volatile("xsetbv" : : "a"(low), "d"(high), "c"(0) : "memory");
	}
	attack_tried(70);
}

void attack_cpu(void)
{
	unsigned int i, a, b, c, d;
	unsigned long flags;

	for (i = 0; i < 100000; i++) {
		u64 r = attack_random();

		/* Any leaf, and those near the ones that are there. */
		cpuid_count(r & 1 ? (u32)(r >> 32) : (u32)(r >> 60 << 28) + (r >> 32 & 0x1ff),
			    r >> 8 & 0xff, &a, &b, &c, &d);
		attack_tried(1);
	}
	if (!attack_core)
		return;
	for (i = 0; i < 100; i++)
		try_svm(NULL);
	for (i = 0; i < 20; i++) {
		local_irq_save(flags);
		try_registers(NULL);
		local_irq_restore(flags);
		attack_tried(0);
	}
	on_each_cpu(try_svm, NULL, 1);
}

/* ---- the local APIC ---- */

static void __iomem *apic_page;

static void send(u32 destination, u32 command)
{
	if (x2apic_enabled()) {
		wrmsrl_safe(APIC_BASE_MSR + (APIC_ICR >> 4), (u64)destination << 32 | command);
	} else {
		writel(destination << 24, apic_page + APIC_ICR2);
		writel(command, apic_page + APIC_ICR);
	}
	attack_tried(1);
}

void attack_ipi(void)
{
	u32 destination, command;
	unsigned long flags;
	u64 base, now;
	int i;

	rdmsrl(MSR_IA32_APICBASE, base);
	apic_page = ioremap(base & PAGE_MASK, PAGE_SIZE);
	if (!apic_page || !attack_core)
		goto out;
	/* Every kind of message to CPUs that are the machine's, or nobody's, but not the VM's. */
	for (i = 0; i < 20000; i++) {
		u64 r = attack_random();

		destination = r & 1 ? 16 + (r >> 8) % 200 : (u32)(r >> 16) | 0x100;
		if (!x2apic_enabled())
			destination = 16 + destination % 200;
		/* Physical, no shorthand; any vector, delivery mode, level, trigger. */
		command = (u32)(r >> 32) & 0xc7ff;
		local_irq_save(flags);
		send(destination, command);
		local_irq_restore(flags);
	}
	/* To itself and all: vectors that are none, and ones that nobody waits for. */
	for (i = 0; i < 16; i++)
		send(0, 0x40000 | i);
	send(0, 0xc0000 | 0x81);
	send(0, 0x80000 | 0x81);
	/* The page elsewhere: over its own RAM, over others' memory, beyond it. */
	for (i = 0; i < 100; i++) {
		static const u64 bits[] = {0x100000,   0x1000000,	 0xfec00000,
					   0x40000000, 0x10000000000ULL, 0xff0000000000000ULL};

		local_irq_save(flags);
		rdmsrl(MSR_IA32_APICBASE, base);
		wrmsrl_safe(MSR_IA32_APICBASE, (base & 0xfff) | bits[i % ARRAY_SIZE(bits)]);
		wrmsrl_safe(MSR_IA32_APICBASE, base ^ (attack_random() & 0x2ff));
		wrmsrl_safe(MSR_IA32_APICBASE, base);
		rdmsrl(MSR_IA32_APICBASE, now);
		local_irq_restore(flags);
		attack_tried(2);
		if (now != base) {
			attack_through("the APIC base does not come back: %#llx", now);
			break;
		}
	}
out:
	if (apic_page)
		iounmap(apic_page);
	apic_page = NULL;
}

/* ---- what may cost the VM its life, but nobody else's ---- */

/* Instructions that a decoder of device accesses may not know, on memory that is not there. */
void attack_decode(void)
{
	u64 at = 0xc0000000;
	void __iomem *map;

	while (at < 0xfec00000 && attack_page(at) != ATTACK_FOREIGN)
		at += 0x100000;
	map = ioremap(at, PAGE_SIZE);
	at = (u64)map;
	if (!map)
		return;
#define TRY_DECODE(before, text)                                                                   \
	do {                                                                                       \
		asm volatile(before "\n1: " text "\n2:\n" _ASM_EXTABLE(1b, 2b)                     \
			     :                                                                     \
			     : "b"(at)                                                             \
			     : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "memory", "cc");           \
		attack_tried(1);                                                                   \
	} while (0)
	TRY_DECODE("", "mov (%%rbx), %%al");
	TRY_DECODE("", "movzwl 2(%%rbx), %%eax");
	TRY_DECODE("", "movsbq 2(%%rbx), %%rax");
	TRY_DECODE("mov $-1, %%r8", "mov %%r8b, (%%rbx)");
	TRY_DECODE("", "movq $-5, (%%rbx)");
	TRY_DECODE("", "xchg %%eax, (%%rbx)");
	TRY_DECODE("", "lock incl (%%rbx)");
	TRY_DECODE("", "lock cmpxchg %%rcx, (%%rbx)");
	TRY_DECODE("", "lock cmpxchg16b (%%rbx)");
	TRY_DECODE("", "lock btsl $5, (%%rbx)");
	TRY_DECODE("", "lock xadd %%eax, (%%rbx)");
	TRY_DECODE("", "orl $7, (%%rbx)");
	TRY_DECODE("", "addq (%%rbx), %%rax");
	TRY_DECODE("", "cmpb $0, (%%rbx)");
	TRY_DECODE("", "testl $1, (%%rbx)");
	TRY_DECODE("mov %%rbx, %%rdi; mov $64, %%ecx; xor %%eax, %%eax", "rep stosb");
	TRY_DECODE("mov %%rbx, %%rdi; mov $8, %%ecx; xor %%eax, %%eax", "rep stosq");
	TRY_DECODE("mov %%rbx, %%rsi; mov %%rbx, %%rdi; mov $8, %%ecx", "rep movsb");
	TRY_DECODE("mov %%rbx, %%rsi", "lodsl");
	TRY_DECODE("mov %%rbx, %%rdi", "scasb");
	TRY_DECODE("", "movnti %%rax, (%%rbx)");
	TRY_DECODE("", "clflush (%%rbx)");
	TRY_DECODE("", "prefetcht0 (%%rbx)");
	TRY_DECODE("", "invlpg (%%rbx)");
	TRY_DECODE("", "sgdt 1(%%rbx)");
	kernel_fpu_begin();
	TRY_DECODE("", "fxsave (%%rbx)");
	TRY_DECODE("", "movups %%xmm0, (%%rbx)");
	TRY_DECODE("", "movups (%%rbx), %%xmm0");
	kernel_fpu_end();
	TRY_DECODE("", "movl (%%rbx), %%eax; .byte 0x66, 0x66, 0x66, 0x90");
	TRY_DECODE("", "mov 0xffd(%%rbx), %%rax");
#undef TRY_DECODE
	iounmap(map);
}

/* Bits that a CPU, or an emulator of one, answers by giving the VM up. */
void attack_reserved(void)
{
	unsigned long cr0 = read_cr0(), cr4 = __read_cr4(), cr3 = __read_cr3();

	/* Not write-through without no caching, paging without protection: accepted by QEMU until
	 * the next VMRUN. */
	asm volatile("1: mov %0, %%cr0\n2:\n" _ASM_EXTABLE(1b, 2b) : : "r"(cr0 | 1UL << 29));
	asm volatile("1: mov %0, %%cr0\n2:\n" _ASM_EXTABLE(1b, 2b) : : "r"(cr0 & ~1UL));
	asm volatile("1: mov %0, %%cr4\n2:\n" _ASM_EXTABLE(1b, 2b) : : "r"(cr4 | 1UL << 40));
	asm volatile("1: mov %0, %%cr4\n2:\n" _ASM_EXTABLE(1b, 2b) : : "r"(cr4 & ~(1UL << 5)));
	asm volatile("1: mov %0, %%cr3\n2:\n" _ASM_EXTABLE(1b, 2b) : : "r"(cr3 | 1UL << 59));
	asm volatile("mov %0, %%cr3" : : "r"(cr3));
	attack_tried(5);
}
