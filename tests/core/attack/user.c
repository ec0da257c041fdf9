/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of the attacks that needs no kernel, and the victim's side.
 *
 *	attack user            instructions that only a kernel may use: each must be refused
 *	attack canary MIB      fills memory with a pattern and looks at it again and again, until it
 *is told to end (SIGTERM); says what has changed
 */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mullion/hypercall.h"

static sigjmp_buf refused;
static volatile sig_atomic_t ended;

static void on_fault(int signal)
{
	siglongjmp(refused, signal);
}

static void on_end(int signal)
{
	(void)signal;
	ended = 1;
}

static unsigned tried, through;

#define TRY(name, text, ...)                                                                       \
	do {                                                                                       \
		tried++;                                                                           \
		if (sigsetjmp(refused, 1) == 0) {                                                  \
			__asm__ volatile(text : : __VA_ARGS__ : "memory", "cc");                   \
			printf("<1>attack: user: GOT THROUGH: %s\n", name);                        \
			through++;                                                                 \
		}                                                                                  \
	} while (0)

static int attack_user(void)
{
	const int signals[] = {SIGILL, SIGSEGV, SIGBUS, SIGFPE, SIGTRAP};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], on_fault);
	printf("<1>attack: user begins\n");
	for (uint64_t n = 0; n < 64; n++) {
		uint64_t number = n < 32 ? MULLION_CALL_FIRST + n : n - 32;

		TRY("VMMCALL", "vmmcall", "a"(number), "D"(0), "S"(0), "d"(0));
		TRY("VMCALL", "vmcall", "a"(number), "D"(0), "S"(0), "d"(0));
	}
	TRY("VMRUN", ".byte 0x0f, 0x01, 0xd8", "a"(0));
	TRY("VMLOAD", ".byte 0x0f, 0x01, 0xda", "a"(0));
	TRY("VMSAVE", ".byte 0x0f, 0x01, 0xdb", "a"(0));
	TRY("STGI", ".byte 0x0f, 0x01, 0xdc", "a"(0));
	TRY("CLGI", ".byte 0x0f, 0x01, 0xdd", "a"(0));
	TRY("SKINIT", ".byte 0x0f, 0x01, 0xde", "a"(0));
	TRY("INVLPGA", ".byte 0x0f, 0x01, 0xdf", "a"(0), "c"(0));
	TRY("RSM", ".byte 0x0f, 0xaa", "a"(0));
	TRY("RDMSR", "rdmsr", "c"(0xc0000080), "a"(0), "d"(0));
	TRY("WRMSR", "wrmsr", "c"(0xc0000080), "a"(0), "d"(0));
	TRY("XSETBV", "xsetbv", "c"(0), "a"(1), "d"(0));
	TRY("HLT", "hlt", "a"(0));
	TRY("CLI", "cli", "a"(0));
	TRY("WBINVD", "wbinvd", "a"(0));
	TRY("INVLPG", "invlpg (%0)", "r"(&tried));
	TRY("MOV CR3", "mov %0, %%cr3", "r"(0UL));
	TRY("MOV CR8", "mov %0, %%cr8", "r"(0UL));
	TRY("IN", "in $0x71, %%al", "a"(0));
	TRY("OUT", "out %%al, $0xcf", "a"(0));
	printf("<1>attack: user done: %u tried, %u got through\n", tried, through);
	return through != 0;
}

/* What a word of the canary is: no two are alike. */
static uint64_t pattern(size_t i)
{
	return (i + 1) * 0x9e3779b97f4a7c15ULL;
}

static int canary(size_t mib)
{
	size_t words = (mib << 20) / sizeof(uint64_t), changed = 0;
	unsigned long looks = 0;
	volatile uint64_t *memory = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED || mlock((const void *)memory, mib << 20) != 0) {
		perror("attack: canary");
		return 2;
	}
	signal(SIGTERM, on_end);
	for (size_t i = 0; i < words; i++)
		memory[i] = pattern(i);
	printf("<1>attack: canary of %zu MiB begins\n", mib);
	fflush(stdout);
	do {
		for (size_t i = 0; i < words; i++) {
			uint64_t is = memory[i];

			if (is == pattern(i))
				continue;
			if (changed++ < 8)
				printf("<1>attack: canary CHANGED at %zu: %#" PRIx64 "\n", i, is);
			memory[i] = pattern(i);
		}
		looks++;
		fflush(stdout);
		if (!ended)
			sleep(1);
	} while (!ended);
	printf("<1>attack: canary ends: %lu looks, %zu words changed\n", looks, changed);
	return changed != 0;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && !strcmp(argv[1], "user"))
		return attack_user();
	if (argc == 3 && !strcmp(argv[1], "canary"))
		return canary(strtoul(argv[2], NULL, 0));
	fprintf(stderr, "usage: attack user | attack canary MIB\n");
	return 2;
}
