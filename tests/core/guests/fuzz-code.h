/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fuzz.c and fuzz-code.c share. */
#ifndef TEST_GUEST_FUZZ_CODE_H
#define TEST_GUEST_FUZZ_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define APIC	     0xfee00000U
#define MSR_APICBASE 0x1b

#define CR0_PE	 0x11U
#define CR0_WP	 (1U << 16)
#define CR0_PG	 (1U << 31)
#define CR4_PSE	 (1U << 4)
#define CR4_PAE	 (1U << 5)
#define EFER_SCE 1U
#define EFER_LME (1U << 8)
#define EFER_NX	 (1U << 11)
#define MSR_EFER 0xc0000080U

/* A CPU's, in its page. */
struct state {
	uint32_t mode, cr0, cr3, cr4, efer;
	uint32_t regs[8], frame[9];
	uint32_t life, tries; /* of this CPU */
	uint64_t regs64[15], frame64[5];
	uint64_t gdt[13];
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) pointer;
	uint16_t align;
	uint32_t tss[26];
	uint32_t tss64[26];
	uint32_t random;
	uint8_t *at; /* where the next byte of code goes */
	uint32_t bits;
};

uint32_t mix(uint32_t x);
/* Chance, by state->random alone. */
uint32_t next(struct state *state);
bool one_in(struct state *state, uint32_t n);
uint32_t any_value(struct state *state);
/* A few instructions for code of state->bits, and a way back behind them. */
void write_code(struct state *state, uint8_t *start);

#endif
