/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that tries everything: on each CPU, over and over, a few instructions in some mode, most
 * of them privileged, with arguments that are half sense, half chance. Whatever stops it leads back
 * to fuzz_next(): exceptions and interrupts by way of fuzz.S, a dead CPU by the NMIs and start-up
 * IPIs that the others send, and a dead machine by QEMU's watchdog or its reset after a triple
 * fault.
 *
 * After each reset it says on port 0xe9 "fuzz: seed S, before it N tries on M CPUs". What is tried
 * follows from seed, CPU and number of the try; the seed from QEMU's command line and the number of
 * the reset. When the others' messages come does not: two runs are alike, not the same.
 */
#include "fuzz-code.h"
#include "fuzz.h"

#define CONSOLE	 0xe9
#define WATCHDOG 0x443 /* QEMU's ib700 */
#define MAGIC	 0x6675727a
#define RESCUE	 4 /* tries between two messages to the other CPUs */

struct life {
	uint32_t fresh, magic, number, seed;
	uint32_t tries[CPUS];
};

_Static_assert(offsetof(struct state, regs) == AT_REGS, "fuzz.h");
_Static_assert(offsetof(struct state, frame) == AT_FRAME, "fuzz.h");
_Static_assert(offsetof(struct state, regs64) == AT_REGS64, "fuzz.h");
_Static_assert(offsetof(struct state, gdt) == AT_GDT, "fuzz.h");
_Static_assert(offsetof(struct state, pointer) == AT_POINTER, "fuzz.h");
_Static_assert(sizeof(struct state) < 0xc00, "its stack is behind it");

extern const uint64_t gdt[];
extern const uint32_t real_entry;
void fuzz_next(uint32_t cpu);

/* ---- the machine ---- */

static inline void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %b0, %w1" : : "a"(value), "Nd"(port));
}

static inline uint32_t rdmsr(uint32_t msr)
{
	uint32_t low;

	__asm__ volatile("rdmsr" : "=a"(low) : "c"(msr) : "edx");
	return low;
}

static inline void wrmsr(uint32_t msr, uint32_t low)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"(low), "d"(0));
}

static inline void put_apic(uint32_t offset, uint32_t value)
{
	*(volatile uint32_t *)(APIC + offset) = value;
}

static char *put_text(char *to, const char *text)
{
	while (*text != 0)
		*to++ = *text++;
	return to;
}

static char *put_hex(char *to, uint32_t number)
{
	int shift;

	for (shift = 28; shift >= 0; shift -= 4)
		*to++ = "0123456789abcdef"[number >> shift & 15];
	return to;
}

static char *put_decimal(char *to, uint32_t number)
{
	uint32_t power = 1000000000;

	while (power > number && power > 1)
		power /= 10;
	for (; power != 0; power /= 10)
		*to++ = (char)('0' + number / power % 10);
	return to;
}

/* A line at once: in the middle of it others would write theirs. */
static void put_line(const char *line, const char *end)
{
	size_t n = (size_t)(end - line);

	__asm__ volatile("rep outsb" : "+S"(line), "+c"(n) : "d"(CONSOLE) : "memory");
}

/* What is in the first megabyte, of which the compiler knows nothing. */
static inline void *at(uint32_t address)
{
	__asm__("" : "+r"(address));
	return (void *)address;
}

/* ---- modes ---- */

#define LEAF 0xe7U /* large, dirty, accessed, for users, to be written */

/* The first 4 GiB at their own addresses, three times; now and then an entry by chance. */
static void write_tables(struct state *s, uint64_t *tables)
{
	uint32_t *flat = (uint32_t *)(tables + 6 * 512), n, at = (uint32_t)tables;

	for (n = 0; n < 512; n++)
		tables[n] = tables[512 + n] = 0;
	tables[0] = at + 0x1007;
	for (n = 0; n < 4; n++)
		tables[512 + n] = at + 0x2000 + n * 0x1000 + 7;
	for (n = 0; n < 2048; n++)
		tables[2 * 512 + n] = n << 21 | LEAF;
	for (n = 0; n < 1024; n++)
		flat[n] = n << 22 | LEAF;
	for (n = next(s) % 4; n != 0; n--)
		tables[next(s) % (7 * 512)] = any_value(s) | (uint64_t)(one_in(s, 3) ? next(s) : 0)
								     << 32;
}

static void set_tss(uint64_t *at, const void *tss)
{
	uint32_t base = (uint32_t)tss;

	at[0] = 103 | (uint64_t)(base & 0xffffff) << 16 | 0x89ULL << 40;
	at[1] = 0;
}

static void write_descriptors(struct state *s)
{
	uint32_t stack = (uint32_t)s + 0x1000, n;

	for (n = 0; n < 13; n++)
		s->gdt[n] = gdt[n];
	for (n = 0; n < 26; n++)
		s->tss[n] = s->tss64[n] = 0;
	s->tss[1] = stack;
	s->tss[2] = DATA32;
	s->tss64[9] = stack; /* of each gate */
	s->tss[25] = s->tss64[25] = 0x680000;
	set_tss(&s->gdt[TSS32 / 8], s->tss);
	set_tss(&s->gdt[TSS64 / 8], s->tss64);
	s->pointer.limit = GDT_SIZE - 1;
	s->pointer.base = (uint32_t)s->gdt;
}

static void choose_mode(struct state *s, uint32_t cpu)
{
	uint32_t r = next(s), code = CODE + cpu * 0x1000, tables = TABLES + cpu * 0x8000, n;
	uint32_t flags = 2 | (r & 0x300 ? 0 : next(s) & 0x3f7fd7) | (r >> 10 & 1) << 9;
	bool user = r >> 16 & 1;

	s->cr0 = CR0_PE | (r >> 17 & 1 ? CR0_WP : 0) | (r >> 18 & 7 ? 0 : 1U << 2 | 1U << 18);
	s->cr4 = s->cr3 = 0;
	s->efer = r >> 21 & 1 ? EFER_SCE | EFER_NX : EFER_SCE;
	s->frame[0] = code;
	s->frame[1] = user ? USER32 | 3 : CODE32;
	s->frame[2] = (flags & ~(1U << 17)) | (user && r >> 22 & 1 ? 3U << 12 : 0);
	s->frame[3] = code + 0xf00;
	s->frame[4] = user ? USERDATA | 3 : DATA32;
	for (n = 5; n < 9; n++)
		s->frame[n] = s->frame[4];
	s->mode = MODE_32;
	s->bits = 32;
	switch (r % 10) {
	case 0: /* virtual 8086 */
		s->frame[2] |= 1U << 17;
		s->bits = 16;
		break;
	case 1:
		s->mode = MODE_REAL;
		s->bits = 16;
		break;
	case 2: /* 16-bit code */
		s->frame[1] = LOW16;
		s->frame[0] = code & 0xffff;
		s->frame[2] &= ~(3U << 12);
		for (n = 4; n < 9; n++)
			s->frame[n] = DATA32;
		s->bits = 16;
		break;
	case 3:
		break;
	case 4:
		s->cr0 |= CR0_PG;
		s->cr3 = tables + 6 * 0x1000;
		s->cr4 = CR4_PSE;
		break;
	case 5:
		s->cr0 |= CR0_PG;
		s->cr3 = tables + 0x1000;
		s->cr4 = CR4_PAE;
		break;
	default:
		s->mode = MODE_64;
		s->bits = r % 10 == 6 ? 32 : 64;
		s->cr0 |= CR0_PG;
		s->cr3 = tables;
		s->cr4 = CR4_PAE;
		s->efer |= EFER_LME;
		break;
	}
	if (s->mode == MODE_REAL || s->frame[2] & 1U << 17) {
		s->frame[0] = 0;
		s->frame[1] = code >> 4;
		s->frame[4] = code >> 4;
		for (n = 5; n < 9; n++)
			s->frame[n] = next(s) & (one_in(s, 2) ? 0 : 0xffff);
	}
	if (s->cr0 & CR0_PG)
		write_tables(s, at(tables));
	for (n = 0; n < 8; n++)
		s->regs[n] = any_value(s);
	for (n = 0; n < 15; n++)
		s->regs64[n] = any_value(s) | (uint64_t)(one_in(s, 4) ? next(s) : 0) << 32;
	s->frame64[0] = code;
	s->frame64[1] = s->bits == 64 ? (user ? USER64 | 3 : CODE64) : s->frame[1];
	s->frame64[2] = s->frame[2];
	s->frame64[3] = code + 0xf00;
	s->frame64[4] = s->frame[4];
	/* What real mode can run is below 64 KiB of its segment; so is 16-bit code. */
	if (s->frame[1] == LOW16)
		s->gdt[LOW16 / 8] |= (uint64_t)(code >> 16) << 32;
}

/* ---- life ---- */

static void begin_life(struct life *life)
{
	const uint32_t *seed = at(SEED);
	volatile uint32_t *vectors = at(0);
	uint32_t vector, tries = 0, cpus = 0, n;
	char line[80], *end = line;

	for (n = 0; n < CPUS && life->magic == MAGIC; n++) {
		tries += life->tries[n];
		cpus += life->tries[n] != 0;
	}
	for (n = 0; n < CPUS; n++)
		life->tries[n] = 0;
	life->number = life->magic == MAGIC ? life->number + 1 : 1;
	life->magic = MAGIC;
	life->seed = mix(seed[0] ^ mix(seed[1] + life->number));
	end = put_hex(put_text(end, "fuzz: seed "), life->seed);
	end = put_decimal(put_text(end, ", before it "), tries);
	end = put_decimal(put_text(end, " tries on "), cpus);
	put_line(line, put_text(end, " CPUs\n"));
	for (vector = 0; vector < 256; vector++)
		vectors[vector] = real_entry;
	out8(0x21, 0xff);
	out8(0xa1, 0xff);
	/* Two to eight seconds. */
	out8(WATCHDOG, 14 - (life->seed & 3));
	__atomic_store_n(&life->fresh, 0, __ATOMIC_SEQ_CST);
}

/* The others come back, from wherever they are; those that wait for a start get one. */
static void rescue(void)
{
	uint32_t base = rdmsr(MSR_APICBASE);

	if ((base & ~0x100U) != (APIC | 0x800)) {
		wrmsr(MSR_APICBASE, APIC | (base & 0x100));
		wrmsr(MSR_APICBASE, APIC | 0x800 | (base & 0x100));
	}
	put_apic(0xf0, 0x1ff);
	put_apic(0xb0, 0);
	put_apic(0x3e0, 0xb); /* its timer, after a moment */
	put_apic(0x320, 0x82);
	put_apic(0x380, 100000);
	put_apic(0x300, 0xc4400); /* NMI, to all but itself */
	put_apic(0x300, 0xc46fe); /* start at 0xfe000 */
}

void fuzz_next(uint32_t cpu)
{
	struct state *s = at(STATE + cpu * 0x1000);
	struct life *life = at(LIFE);

	if (__atomic_load_n(&life->fresh, __ATOMIC_SEQ_CST) && rdmsr(MSR_APICBASE) & 0x100)
		begin_life(life);
	if (s->life != life->number) {
		s->life = life->number;
		s->tries = 0;
	}
	if (s->tries % RESCUE == 0)
		rescue();
	s->tries++;
	life->tries[cpu]++;
	s->random = mix(life->seed ^ mix(cpu * 0x10000 + s->tries));
	if (one_in(s, 16))
		((volatile uint32_t *)at(0))[next(s) % 256] = real_entry;
	write_descriptors(s);
	choose_mode(s, cpu);
	write_code(s, at(CODE + cpu * 0x1000));
}
