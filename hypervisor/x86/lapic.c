/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * This CPU's local APIC, in x2APIC mode where the CPU has it, else through its page of registers.
 * Source: Intel SDM vol. 3, chapter 11; AMD APM vol. 2, chapter 16.
 */
#include "x86/lapic.h"

#include "lib/log.h"
#include "x86/cpu.h"
#include "x86/interrupt.h"
#include "x86/machine.h"

/* Offsets in the page; x2APIC MSRs are 0x800 + offset / 16. */
enum {
	LAPIC_ID = 0x020,
	LAPIC_TPR = 0x080,
	LAPIC_EOI = 0x0b0,
	LAPIC_SPURIOUS = 0x0f0,
	LAPIC_ERROR_STATUS = 0x280,
	LAPIC_COMMAND = 0x300,
	LAPIC_COMMAND_HIGH = 0x310,
	LAPIC_LVT_TIMER = 0x320,
	LAPIC_LVT_THERMAL = 0x330,
	LAPIC_LVT_COUNTERS = 0x340,
	LAPIC_LVT_LINT0 = 0x350,
	LAPIC_LVT_LINT1 = 0x360,
	LAPIC_LVT_ERROR = 0x370,
	LAPIC_TIMER_INITIAL = 0x380,
	LAPIC_TIMER_CURRENT = 0x390,
	LAPIC_TIMER_DIVIDE = 0x3e0,
};

#define MSR_X2APIC	 0x800
#define MSR_TSC_DEADLINE 0x6e0

#define BASE_X2APIC  (1ULL << 10)
#define BASE_ENABLED (1ULL << 11)

#define CPUID_1_ECX_X2APIC	 (1U << 21)
#define CPUID_1_ECX_TSC_DEADLINE (1U << 24)

#define SPURIOUS_ENABLE	 (1U << 8)
#define LVT_MASKED	 (1U << 16)
#define LVT_NMI		 (4U << 8)
#define LVT_TSC_DEADLINE (2U << 17)
#define COMMAND_BUSY	 (1U << 12)
#define COMMAND_ASSERT	 (1U << 14)
#define COMMAND_NMI	 (4U << 8)
#define COMMAND_INIT	 (5U << 8)
#define COMMAND_STARTUP	 (6U << 8)
#define DIVIDE_BY_16	 3

static uint8_t *registers; /* NULL in x2APIC mode */
static bool on, x2apic, tsc_deadline;
static uint64_t ticks_per_tsc; /* timer ticks for a TSC tick, times 2^32 */

static uint32_t get(unsigned offset)
{
	if (x2apic)
		return (uint32_t)rdmsr(MSR_X2APIC + offset / 16);
	return mmio_read32(registers + offset);
}

static void set(unsigned offset, uint32_t value)
{
	if (x2apic)
		wrmsr(MSR_X2APIC + offset / 16, value);
	else
		mmio_write32(registers + offset, value);
}

void lapic_init(hpa_t base)
{
	uint64_t msr = rdmsr(MSR_APIC_BASE);
	uint32_t features = cpuid(1, 0).ecx;

	if (!on) {
		x2apic = (features & CPUID_1_ECX_X2APIC) != 0;
		tsc_deadline = (features & CPUID_1_ECX_TSC_DEADLINE) != 0;
		if (!x2apic)
			registers = map_device(base, PAGE_SIZE);
		if (!x2apic && registers == NULL)
			core_panic(REASON_OUT_OF_FRAMES, "for the local APIC");
	}
	/* Off to x2APIC mode is no legal step; xAPIC comes between. */
	if ((msr & BASE_ENABLED) == 0)
		wrmsr(MSR_APIC_BASE, msr |= BASE_ENABLED);
	if (x2apic && (msr & BASE_X2APIC) == 0)
		wrmsr(MSR_APIC_BASE, msr | BASE_X2APIC);

	set(LAPIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
	set(LAPIC_TPR, 0);
	set(LAPIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	set(LAPIC_LVT_THERMAL, LVT_MASKED);
	set(LAPIC_LVT_COUNTERS, LVT_MASKED);
	set(LAPIC_LVT_LINT0, LVT_MASKED);
	set(LAPIC_LVT_LINT1, LVT_NMI); /* where chipsets report hardware errors */
	set(LAPIC_LVT_ERROR, LVT_MASKED);
	set(LAPIC_ERROR_STATUS, 0);
	set(LAPIC_TIMER_DIVIDE, DIVIDE_BY_16);
	set(LAPIC_LVT_TIMER, tsc_deadline ? LVT_TSC_DEADLINE | VECTOR_TIMER : VECTOR_TIMER);
	/* The MSR below must not overtake the write to the page above. */
	__asm__ volatile("mfence" : : : "memory");
	on = true;
}

uint32_t lapic_id(void)
{
	return x2apic ? get(LAPIC_ID) : get(LAPIC_ID) >> 24;
}

void lapic_end_of_interrupt(void)
{
	set(LAPIC_EOI, 0);
}

/* The page takes two writes, between which a handler must not send. */
static void command(uint32_t apic_id, uint32_t low)
{
	uint64_t flags;

	if (x2apic) {
		__asm__ volatile("mfence; lfence" : : : "memory"); /* the MSR does not serialize */
		wrmsr(MSR_X2APIC + LAPIC_COMMAND / 16, (uint64_t)apic_id << 32 | low);
		return;
	}
	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
	while ((get(LAPIC_COMMAND) & COMMAND_BUSY) != 0)
		cpu_pause();
	set(LAPIC_COMMAND_HIGH, apic_id << 24);
	set(LAPIC_COMMAND, low);
	if ((flags & RFLAGS_IF) != 0)
		__asm__ volatile("sti" : : : "memory");
}

void lapic_send(uint32_t apic_id, uint8_t vector)
{
	command(apic_id, COMMAND_ASSERT | vector);
}

void lapic_send_init(uint32_t apic_id)
{
	command(apic_id, COMMAND_ASSERT | COMMAND_INIT);
}

void lapic_send_startup(uint32_t apic_id, hpa_t page)
{
	command(apic_id,
		COMMAND_ASSERT | COMMAND_STARTUP | (uint32_t)(hpa_value(page) / PAGE_SIZE));
}

void lapic_send_nmi(uint32_t apic_id)
{
	command(apic_id, COMMAND_ASSERT | COMMAND_NMI);
}

void lapic_calibrate(void)
{
	uint64_t start, elapsed;
	uint32_t left;

	if (tsc_deadline)
		return;
	set(LAPIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	set(LAPIC_TIMER_INITIAL, UINT32_MAX);
	start = rdtsc();
	delay_us(10000);
	left = get(LAPIC_TIMER_CURRENT);
	elapsed = rdtsc() - start;
	set(LAPIC_TIMER_INITIAL, 0);
	set(LAPIC_LVT_TIMER, VECTOR_TIMER);
	ticks_per_tsc = ((uint64_t)(UINT32_MAX - left) << 32) / elapsed;
	if (ticks_per_tsc == 0)
		core_panic(REASON_CPU_NO_APIC, "its timer does not count");
}

void lapic_arm_timer(uint64_t deadline)
{
	uint64_t now, ticks;

	if (tsc_deadline) {
		wrmsr(MSR_TSC_DEADLINE, deadline);
		return;
	}
	if (deadline == 0) {
		set(LAPIC_TIMER_INITIAL, 0);
		return;
	}
	now = rdtsc();
	ticks = deadline > now
			? (uint64_t)(((unsigned __int128)(deadline - now) * ticks_per_tsc) >> 32)
			: 0;
	/* One more tick, so that it never comes early; one too far away comes early and is armed
	 * again by whoever finds that its time is not up. */
	set(LAPIC_TIMER_INITIAL, ticks < UINT32_MAX ? (uint32_t)ticks + 1 : UINT32_MAX);
}
