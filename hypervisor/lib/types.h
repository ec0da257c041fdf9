/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Address types that cannot be mixed up. sparse (scripts/lint) treats them as different types; for
 * the compilers they are 64-bit integers. Values cross over only in the functions below.
 */
#ifndef CORE_LIB_TYPES_H
#define CORE_LIB_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __CHECKER__
#define CORE_BITWISE __attribute__((bitwise))
#define CORE_FORCE   __attribute__((force))
#else
#define CORE_BITWISE
#define CORE_FORCE
#endif

typedef uint64_t CORE_BITWISE hpa_t; /* host physical: what the machine's memory bus sees */
typedef uint64_t CORE_BITWISE gpa_t; /* guest physical: what a VM and its devices take for it */

static inline hpa_t hpa(uint64_t value)
{
	return (CORE_FORCE hpa_t)value;
}

static inline gpa_t gpa(uint64_t value)
{
	return (CORE_FORCE gpa_t)value;
}

static inline uint64_t hpa_value(hpa_t address)
{
	return (CORE_FORCE uint64_t)address;
}

static inline uint64_t gpa_value(gpa_t address)
{
	return (CORE_FORCE uint64_t)address;
}

#define KIB 1024UL
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define PAGE_SIZE 4096UL

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Whether [start, start + size) wraps around. */
static inline bool range_wraps(uint64_t start, uint64_t size)
{
	return size != 0 && start + (size - 1) < start;
}

/* a is a power of two. */
static inline uint64_t align_up(uint64_t value, uint64_t a)
{
	return (value + a - 1) & ~(a - 1);
}

static inline uint64_t align_down(uint64_t value, uint64_t a)
{
	return value & ~(a - 1);
}

#endif
