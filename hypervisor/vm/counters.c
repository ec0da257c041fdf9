/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The counters' names. */
#include "vm/counters.h"

#include <stddef.h>

static const char *const names[COUNTER_COUNT] = {
#define COUNTER_NAME(name, text) text,
	CORE_COUNTERS(COUNTER_NAME)};

const char *counter_name(enum counter counter)
{
	return (unsigned)counter < COUNTER_COUNT ? names[counter] : NULL;
}
