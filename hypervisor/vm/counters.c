/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each VM's counters. */
#include "vm/counters.h"

#include "vm/vm.h"

static uint64_t counters[VM_MAX][COUNTER_COUNT];

static const char *const names[COUNTER_COUNT] = {
#define COUNTER_NAME(name, text) text,
	CORE_COUNTERS(COUNTER_NAME)};

void counter_add(struct vm *vm, enum counter counter, uint64_t n)
{
	__atomic_fetch_add(&counters[vm->number][counter], n, __ATOMIC_RELAXED);
}

uint64_t counter_read(const struct vm *vm, enum counter counter)
{
	return __atomic_load_n(&counters[vm->number][counter], __ATOMIC_RELAXED);
}

const char *counter_name(enum counter counter)
{
	return (unsigned)counter < COUNTER_COUNT ? names[counter] : NULL;
}
