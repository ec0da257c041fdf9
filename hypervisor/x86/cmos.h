/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registers of the CMOS clock as a time (Motorola MC146818A data sheet). Pure. */
#ifndef CORE_X86_CMOS_H
#define CORE_X86_CMOS_H

#include "lib/types.h"

struct cmos_time {
	uint8_t second, minute, hour, day, month, year; /* as the registers hold them */
	uint8_t status_b;				/* how they hold them: BCD, 12 hours */
};

/* Seconds since 1970; years are 2000 to 2099. 0: not a time. */
uint64_t cmos_seconds(const struct cmos_time *untrusted_time);

#endif
