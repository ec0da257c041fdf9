/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machine code on the CPU that runs the test, in 64-bit mode or in segments of 32 or 16 bits (from
 * the local descriptor table), with all registers as the test wants them. One at a time.
 */
#ifndef TESTS_CORE_NATIVE_H
#define TESTS_CORE_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NATIVE_PAGES 2U /* of data, below 4 GiB; code has one of its own */

struct native_state {
	uint64_t registers[16]; /* in the order of their encoding */
	uint64_t rflags;
	uint64_t xmm[16][2];
};

extern uint8_t *native_data; /* NATIVE_PAGES pages */
extern uint8_t *native_code;
/* What a branch of the code must go to: an address in 64-bit mode, else an offset in CS. */
uint64_t native_branch_target(unsigned code_size);

/* In 32- and 16-bit mode, the bases of ES, CS, SS, DS, GS; in 64-bit mode only GS'. The code is at
 * native_code. */
enum native_segment { NATIVE_ES, NATIVE_CS, NATIVE_SS, NATIVE_DS, NATIVE_FS, NATIVE_GS };
uint64_t native_base(enum native_segment segment);
#define NATIVE_LIMIT 0xffffU
uint16_t native_selector(enum native_segment segment, unsigned code_size);

/* Once. False: this kernel does not give the memory. */
bool native_init(void);
/* Without local descriptor tables there is only 64-bit mode. */
bool native_has(unsigned code_size);

/* To be called in each test: cmocka has handlers of its own while one runs. */
void native_catch_signals(void);

/* Runs length bytes at native_code. Returns 0; 1: it went to the branch target; or minus the number
 * of the signal that it got. */
int native_run(struct native_state *state, unsigned code_size, size_t length);

#endif
