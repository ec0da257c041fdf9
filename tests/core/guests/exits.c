/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM's kernel that measures what exits cost, in ticks of the TSC: under QEMU's -icount shift=0
 * these are the instructions that the machine executes, the core's and the VM's own. Each figure is
 * the mean of a loop, the least of five, less that of the same loop without the instruction.
 * `role=halt` in the command line makes it a VM that does nothing.
 *
 * It is also a guest of QEMU's (-kernel), where ports and the IOAPIC are QEMU's, and where
 * `-device pci-testdev` is a device that does nothing but count.
 *
 * Figures come as lines `exits: NAME TICKS`, the last one is `exits: end 0`.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mullion/hypercall.h"

#define REPEAT 250U

#define UART	 0x3f8
#define APIC	 0xfee00000UL
#define IOAPIC	 0xfec00000UL
#define VERSION	 0x30
#define MSR_BASE 0x1b
#define MSR_SVR	 0x80f
#define MSR_LVT	 0x832
#define MSR_ERR	 0x837
#define MSR_SELF 0x83f
#define DEADLINE 0x6e0

#define VECTOR_SELF	0x40
#define VECTOR_TIMER	0x50
#define VECTOR_SOFTWARE 0x60

struct gate {
	uint16_t low, selector, flags, middle;
	uint32_t high, zero;
};

__attribute__((visibility(
	"hidden"))) volatile uint64_t interrupted_at; /* start.S: TSC when a handler began */
/* Not by way of a table of addresses, which nobody would relocate. */
__attribute__((visibility("hidden"))) void interrupt_handler(void);
__attribute__((visibility("hidden"))) void software_handler(void);
void guest_main(const uint8_t *params);

static struct gate idt[256];

static inline uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(msr)
			 : "memory");
}

static inline uint32_t in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %w1, %0" : "=a"(value) : "d"(port));
	return value;
}

static inline void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %w1" : : "a"(value), "d"(port));
}

static void put(char c)
{
	__asm__ volatile("outb %b0, %w1" : : "a"(c), "d"(UART));
}

/* Figures are told when all are there: what reads them would be measured as well. */
static struct {
	const char *name;
	uint64_t value;
} figures[32];
static size_t figure_count;

static void note(const char *name, uint64_t value)
{
	figures[figure_count].name = name;
	figures[figure_count++].value = value;
}

static void put_text(const char *text)
{
	for (; *text != 0; text++)
		put(*text);
}

static void say(const char *name, uint64_t value)
{
	char digits[20];
	size_t n = 0;

	put_text("exits: ");
	put_text(name);
	put(' ');
	do
		digits[n++] = (char)('0' + value % 10);
	while ((value /= 10) != 0);
	while (n != 0)
		put(digits[--n]);
	put('\n');
}

static void set_gate(unsigned vector, void (*handler)(void))
{
	uint64_t address = (uint64_t)handler;
	uint16_t selector;

	__asm__("mov %%cs, %0" : "=r"(selector));
	idt[vector] = (struct gate){
		.low = (uint16_t)address,
		.selector = selector,
		.flags = 0x8e00,
		.middle = (uint16_t)(address >> 16),
		.high = (uint32_t)(address >> 32),
	};
}

static bool has_word(const char *line, const char *word)
{
	for (; *line != 0; line++) {
		size_t i = 0;

		while (word[i] != 0 && line[i] == word[i])
			i++;
		if (word[i] == 0)
			return true;
	}
	return false;
}

/* TICKS(code, inputs): of a loop of REPEAT rounds, which sets the inputs anew in each. */
#define TICKS(code, rax, rcx, rdx)                                                                 \
	({                                                                                         \
		uint64_t start = rdtsc();                                                          \
		for (uint32_t round = REPEAT; round != 0; round--) {                               \
			uint64_t a = (rax), c = (rcx), d = (rdx), b;                               \
			__asm__ volatile("mov %0, %0\n\tmov %1, %1\n\tmov %2, %2\n\t" code         \
					 : "+a"(a), "+c"(c), "+d"(d), "=b"(b)                      \
					 :                                                         \
					 : "rsi", "rdi", "r10", "memory");                         \
		}                                                                                  \
		rdtsc() - start;                                                                   \
	})
/* The least of five, as whoever else wants the CPU only ever adds. */
#define LEAST(ticks)                                                                               \
	({                                                                                         \
		uint64_t least = UINT64_MAX;                                                       \
		for (unsigned turn = 0; turn < 5; turn++) {                                        \
			uint64_t one = (ticks);                                                    \
			least = one < least ? one : least;                                         \
		}                                                                                  \
		least;                                                                             \
	})
/* The same without the instruction; the inputs are constants, so the loop is as long. */
#define COST(code, rax, rcx, rdx)                                                                  \
	((LEAST(TICKS(code, rax, rcx, rdx)) - LEAST(TICKS("", rax, rcx, rdx)) + REPEAT / 2) /      \
	 REPEAT)

/* A loop of two instructions: what a tick is, in thousandths of an instruction. */
static uint64_t ticks_per_1000(void)
{
	uint64_t count = 500000, start = rdtsc();

	__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(count) : : "memory", "cc");
	return (rdtsc() - start + 500) / 1000;
}

/* From before the WRMSR to the handler's RDTSC, less what the same takes with INT. */
static void measure_self_ipi(void)
{
	uint64_t sent = 0, whole = 0, software = 0, before;

	for (uint32_t i = 0; i < REPEAT; i++) {
		before = rdtsc();
		__asm__ volatile("int %0" : : "i"(VECTOR_SOFTWARE) : "memory");
		software += rdtsc() - before;
		sent -= interrupted_at - before;
	}
	for (uint32_t i = 0; i < REPEAT; i++) {
		interrupted_at = 0;
		before = rdtsc();
		__asm__ volatile("wrmsr" : : "a"(VECTOR_SELF), "d"(0), "c"(MSR_SELF) : "memory");
		whole += rdtsc() - before;
		sent += interrupted_at - before;
	}
	note("self-ipi", (sent + REPEAT / 2) / REPEAT);
	note("self-ipi-eoi", (whole - software + REPEAT / 2) / REPEAT);
}

static uint64_t lateness(uint32_t rounds, uint32_t ticks)
{
	uint64_t late = 0;

	for (uint32_t i = 0; i < rounds; i++) {
		uint64_t deadline = rdtsc() + ticks;

		__asm__ volatile("cli");
		wrmsr(DEADLINE, deadline);
		__asm__ volatile("sti; hlt" : : : "memory");
		late += interrupted_at - deadline;
	}
	return late;
}

/* From the TSC that was asked for to the handler's RDTSC. */
static void measure_wakeup(const char *name, uint32_t rounds, uint32_t ticks)
{
	wrmsr(MSR_LVT, 2 << 17 | VECTOR_TIMER);
	note(name, (LEAST(lateness(rounds, ticks)) + rounds / 2) / rounds);
}

static uint32_t read_config(unsigned function, unsigned offset)
{
	out32(0xcf8, 1U << 31 | function << 8 | offset);
	return in32(0xcfc);
}

/*
 * QEMU's pci-testdev: a byte to the start of a BAR (0 is memory, 1 ports) chooses one of three
 * tests: an exit to QEMU, an ioeventfd for any value, one for a certain value. At 4 is then the
 * offset of where to write (32 bits), at 8 what.
 */
static void measure_testdev(void)
{
	unsigned function = 0;
	volatile uint8_t *memory;
	uint16_t port;
	uint8_t value;

	while (read_config(function, 0) != 0x00051b36)
		if (++function == 256)
			return;
	read_config(function, 4);
	out32(0xcfc, 3); /* decodes both */
	memory = (uint8_t *)(uint64_t)(read_config(function, 0x10) & ~15U);
	port = (uint16_t)(read_config(function, 0x14) & ~3U);
	for (unsigned test = 0; test < 3; test++) {
		static const char names[][16] = {"memory-write", "memory-kick-any", "memory-kick"};
		uint64_t at;

		memory[0] = (uint8_t)test;
		at = (uint64_t)memory + *(volatile uint32_t *)(memory + 4);
		value = memory[8];
		note(names[test], COST("mov %%al, (%%rdx)", value, 0, at));
	}
	for (unsigned test = 0; test < 3; test++) {
		static const char names[][16] = {"port-write", "port-kick-any", "port-kick"};
		uint16_t at;

		__asm__ volatile("outb %b0, %w1" : : "a"(test), "d"(port));
		at = (uint16_t)(port + in32(port + 4));
		__asm__ volatile("inb %w1, %b0" : "=a"(value) : "d"((uint16_t)(port + 8)));
		note(names[test], COST("outb %%al, %%dx", value, 0, at));
	}
}

void guest_main(const uint8_t *params)
{
	const char *line = "";
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) table = {sizeof(idt) - 1, (uint64_t)idt};

	if (params != NULL)
		line = (const char *)(uint64_t) * (const uint32_t *)(params + 0x228);
	if (has_word(line, "role=halt"))
		return;
	set_gate(VECTOR_SELF, interrupt_handler);
	set_gate(VECTOR_TIMER, interrupt_handler);
	set_gate(VECTOR_SOFTWARE, software_handler);
	__asm__ volatile("lidt %0" : : "m"(table));

	note("ticks-per-1000", ticks_per_1000());
	note("cpuid", COST("cpuid", 0, 0, 0));
	note("cpuid-1", COST("cpuid", 1, 0, 0));
	note("port-read", COST("inb %%dx, %%al", 0, 0, UART + 5));
	note("xapic-read", COST("mov (%%rdx), %%eax", 0, 0, APIC + VERSION));
	note("ioapic-read", COST("mov (%%rdx), %%eax", 0, 0, IOAPIC));
	if (params != NULL)
		note("query", COST("xor %%edi, %%edi\n\tvmmcall", MULLION_CALL_QUERY, 0, 0) - 1);

	wrmsr(MSR_BASE, rdmsr(MSR_BASE) | 1 << 10);
	wrmsr(MSR_SVR, 0x1ff);
	note("x2apic-read", COST("rdmsr", 0, MSR_ERR, 0));
	note("x2apic-write", COST("wrmsr", 0x10000, MSR_ERR, 0));
	__asm__ volatile("sti");
	measure_self_ipi();
	measure_wakeup("hlt-deadline", 200, 50000);
	/* Longer than others wait before they let the CPU go. */
	measure_wakeup("hlt-deadline-long", 20, 5000000);
	if (params == NULL)
		measure_testdev();
	for (size_t i = 0; i < figure_count; i++)
		say(figures[i].name, figures[i].value);
	say("end", 0);
}
