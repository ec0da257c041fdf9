/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starts CPUs, one after another. Source: Intel SDM vol. 3, 8.4.4.1; AMD APM vol. 2, 14.6, 16.7. */
#include "x86/smp.h"

#include "boot/image.h"
#include "lib/log.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/descriptor.h"
#include "x86/interrupt.h"
#include "x86/lapic.h"
#include "x86/machine.h"
#include "x86/paging.h"
#include "x86/pcpu.h"
#include "x86/require.h"

#define START_TIMEOUT_US 1000000

struct pcpu *pcpu_list[PCPU_MAX];
unsigned pcpu_count;

static struct cpu {
	struct pcpu pcpu;
	struct descriptors descriptors;
	uint64_t ist_tops[IST_COUNT];
} cpus[PCPU_MAX];

static hpa_t lapic_base, start_page;
/* What the CPU that is starting needs; boot/ap.S reads the first two. */
uint64_t ap_start_tables, ap_start_stack;
static struct cpu *starting;
static void (*starting_entry)(void);
static bool started; /* atomic */

extern char ap_code[], ap_code_end[], ap_code_tables[]; /* boot/ap.S */
extern char early_pml4[];
_Noreturn void stack_call(uint64_t top, void (*function)(void));
void ap_start(void);

static void prepare(struct cpu *cpu, unsigned number, uint32_t apic_id)
{
	cpu->pcpu.self = &cpu->pcpu;
	cpu->pcpu.number = number;
	cpu->pcpu.apic_id = apic_id;
	cpu->pcpu.stack_top = paging_map_stack(number, 0);
	for (unsigned i = 0; i < IST_COUNT; i++)
		cpu->ist_tops[i] = paging_map_stack(number, i + 1);
}

/* On the CPU itself. */
static void load(struct cpu *cpu)
{
	descriptors_load(&cpu->descriptors, cpu->ist_tops);
	wrmsr(MSR_GS_BASE, (uint64_t)&cpu->pcpu);
	interrupt_init_cpu();
	lapic_init(lapic_base);
	cpu_require_same();
	cpu_enable_features();
}

void pcpu_start_first(hpa_t lapic, void (*entry)(void))
{
	struct cpu *cpu = &cpus[0];

	lapic_base = lapic;
	prepare(cpu, 0, 0);
	load(cpu);
	cpu->pcpu.apic_id = lapic_id();
	pcpu_list[0] = &cpu->pcpu;
	pcpu_count = 1;
	stack_call(cpu->pcpu.stack_top, entry);
}

void pcpu_set_start_page(hpa_t page)
{
	start_page = page;
}

/* Called by boot/ap.S on the new CPU. */
void ap_start(void)
{
	load(starting);
	__atomic_store_n(&started, true, __ATOMIC_RELEASE);
	starting_entry();
	core_panic(REASON_PANIC, "a CPU has left its entry");
}

static bool wait_for_start(uint64_t microseconds)
{
	uint64_t start = rdtsc();

	while (!__atomic_load_n(&started, __ATOMIC_ACQUIRE)) {
		if (rdtsc() - start > microseconds * (tsc_hz / 1000000))
			return false;
		cpu_pause();
	}
	return true;
}

static void start(struct cpu *cpu, void (*entry)(void))
{
	uint32_t id = cpu->pcpu.apic_id;

	starting = cpu;
	starting_entry = entry;
	ap_start_stack = cpu->pcpu.stack_top;
	__atomic_store_n(&started, false, __ATOMIC_SEQ_CST);
	lapic_send_init(id);
	delay_us(10000);
	lapic_send_startup(id, start_page);
	if (wait_for_start(1000))
		return;
	lapic_send_startup(id, start_page); /* the manual wants it said twice */
	if (!wait_for_start(START_TIMEOUT_US))
		core_panic(REASON_CPU_START_FAILED, "the one with APIC ID %u", id);
}

void pcpu_start_others(const uint32_t *apic_ids, size_t count, void (*entry)(void))
{
	char *page = phys_virt(start_page);
	uint32_t tables = (uint32_t)hpa_value(image_physical(early_pml4));

	if (count > PCPU_MAX)
		core_panic(REASON_TOO_MANY_CPUS, "%zu, not %u", count, PCPU_MAX);
	ap_start_tables = paging_root();
	memcpy(page, ap_code, (uint64_t)ap_code_end - (uint64_t)ap_code);
	memcpy(page + ((uint64_t)ap_code_tables - (uint64_t)ap_code), &tables, sizeof(tables));
	for (size_t i = 0; i < count; i++) {
		struct cpu *cpu = &cpus[pcpu_count];

		if (apic_ids[i] == pcpu_list[0]->apic_id)
			continue;
		CORE_ASSERT(pcpu_count < PCPU_MAX); /* the boot CPU is among the named */
		prepare(cpu, pcpu_count, apic_ids[i]);
		start(cpu, entry);
		pcpu_list[pcpu_count++] = &cpu->pcpu;
	}
}
