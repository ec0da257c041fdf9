/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One instruction each. Names are the instructions'. */
#ifndef CORE_X86_CPU_H
#define CORE_X86_CPU_H

#include "lib/types.h"

#define MSR_APIC_BASE	0x0000001b
#define MSR_PAT		0x00000277
#define MSR_EFER	0xc0000080
#define MSR_STAR	0xc0000081
#define MSR_LSTAR	0xc0000082
#define MSR_CSTAR	0xc0000083
#define MSR_SFMASK	0xc0000084
#define MSR_FS_BASE	0xc0000100
#define MSR_GS_BASE	0xc0000101
#define MSR_KERNEL_GS	0xc0000102
#define MSR_TSC_AUX	0xc0000103
#define MSR_VM_CR	0xc0010114
#define MSR_VM_HSAVE_PA 0xc0010117

#define EFER_SCE  (1ULL << 0)
#define EFER_LME  (1ULL << 8)
#define EFER_LMA  (1ULL << 10)
#define EFER_NXE  (1ULL << 11)
#define EFER_SVME (1ULL << 12)

#define RFLAGS_TF (1ULL << 8)
#define RFLAGS_IF (1ULL << 9)
#define RFLAGS_AC (1ULL << 18)

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

static inline uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

#define CPU_PORT_FUNCTIONS(suffix, type)                                                           \
	static inline type in##suffix(uint16_t port)                                               \
	{                                                                                          \
		type value;                                                                        \
		__asm__ volatile("in" #suffix " %1, %0" : "=a"(value) : "Nd"(port));               \
		return value;                                                                      \
	}                                                                                          \
	static inline void out##suffix(uint16_t port, type value)                                  \
	{                                                                                          \
		__asm__ volatile("out" #suffix " %0, %1" : : "a"(value), "Nd"(port));              \
	}
CPU_PORT_FUNCTIONS(b, uint8_t)
CPU_PORT_FUNCTIONS(w, uint16_t)
CPU_PORT_FUNCTIONS(l, uint32_t)
#undef CPU_PORT_FUNCTIONS

#define CPU_REGISTER_FUNCTIONS(name)                                                               \
	static inline uint64_t read_##name(void)                                                   \
	{                                                                                          \
		uint64_t value;                                                                    \
		__asm__ volatile("mov %%" #name ", %0" : "=r"(value));                             \
		return value;                                                                      \
	}                                                                                          \
	static inline void write_##name(uint64_t value)                                            \
	{                                                                                          \
		__asm__ volatile("mov %0, %%" #name : : "r"(value) : "memory");                    \
	}
CPU_REGISTER_FUNCTIONS(cr0)
CPU_REGISTER_FUNCTIONS(cr2)
CPU_REGISTER_FUNCTIONS(cr3)
CPU_REGISTER_FUNCTIONS(cr4)
CPU_REGISTER_FUNCTIONS(dr0)
CPU_REGISTER_FUNCTIONS(dr1)
CPU_REGISTER_FUNCTIONS(dr2)
CPU_REGISTER_FUNCTIONS(dr3)
CPU_REGISTER_FUNCTIONS(dr6)
CPU_REGISTER_FUNCTIONS(dr7)
#undef CPU_REGISTER_FUNCTIONS

static inline uint64_t xgetbv(uint32_t index)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(index));
	return (uint64_t)high << 32 | low;
}

static inline void xsetbv(uint32_t index, uint64_t value)
{
	__asm__ volatile("xsetbv"
			 :
			 : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

static inline void cpu_pause(void)
{
	__builtin_ia32_pause();
}

/* Memory-mapped registers: exactly one access of the size. */
static inline uint32_t mmio_read32(const volatile void *address)
{
	uint32_t value;

	__asm__ volatile("movl %1, %0"
			 : "=r"(value)
			 : "m"(*(const volatile uint32_t *)address)
			 : "memory");
	return value;
}

static inline void mmio_write32(volatile void *address, uint32_t value)
{
	__asm__ volatile("movl %1, %0"
			 : "=m"(*(volatile uint32_t *)address)
			 : "r"(value)
			 : "memory");
}

static inline uint64_t mmio_read64(const volatile void *address)
{
	uint64_t value;

	__asm__ volatile("movq %1, %0"
			 : "=r"(value)
			 : "m"(*(const volatile uint64_t *)address)
			 : "memory");
	return value;
}

static inline void mmio_write64(volatile void *address, uint64_t value)
{
	__asm__ volatile("movq %1, %0"
			 : "=m"(*(volatile uint64_t *)address)
			 : "r"(value)
			 : "memory");
}

#endif
