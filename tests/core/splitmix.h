/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random numbers that are the same on every machine, for tests that try what nobody thought of. */
#ifndef TESTS_CORE_SPLITMIX_H
#define TESTS_CORE_SPLITMIX_H

#include <stdint.h>

/* Any state will do; each seed has a sequence of its own. */
static inline uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15U;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

#endif
