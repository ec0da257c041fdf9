/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a fuzz target is: one file that defines these two. driver.c gives it a main() with which any
 * compiler makes a smoke test of it; libFuzzer has one of its own (`make fuzz`).
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#define FUZZ_MAX_INPUT 4096

/* Tries one input. Returns 0; whatever is wrong ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes the target's built-in seed number `index` to data, at most size bytes. Returns its length,
 * 0 if there are no more. */
size_t fuzz_seed(unsigned index, uint8_t *data, size_t size);

/* An invariant of a target; with NDEBUG too. */
#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fuzz_fail(__FILE__, __LINE__, #condition);                                 \
	} while (0)
static inline void fuzz_fail(const char *file, int line, const char *condition)
{
	__builtin_printf("%s:%d: does not hold: %s\n", file, line, condition);
	__builtin_trap();
}

#endif
