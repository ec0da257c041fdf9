/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A second local APIC, written from the manual and not from the core's: a bool a bit, registers as
 * they are named, and times as exact fractions.
 */
#ifndef TESTS_CORE_VLAPIC_MODEL_H
#define TESTS_CORE_VLAPIC_MODEL_H

#include "vm/vlapic.h"

#define MODEL_HZ 2345678901ULL /* of the TSC */

enum model_mode { MODEL_OFF, MODEL_XAPIC, MODEL_X2APIC };
enum model_timer { MODEL_ONE_SHOT, MODEL_PERIODIC, MODEL_DEADLINE, MODEL_NO_TIMER };

extern struct model {
	uint64_t now; /* the TSC; the test moves it */
	enum model_mode mode;
	bool enabled; /* SVR */
	bool irr[256], isr[256], tmr[256];
	uint32_t tpr, svr, ldr, dfr, esr, errors, icr_low, icr_high;
	uint32_t lvt[6]; /* timer, thermal, performance, LINT0, LINT1, error */
	uint32_t initial, divide;
	bool running;  /* the count, or the deadline is set */
	uint64_t from; /* TSC at which the count was initial */
	uint64_t due;
} model;

/* As after INIT: the mode stays. */
void model_reset(void);
/* What is due by now happens. */
void model_tick(void);
void model_post(uint8_t vector, bool level);
/* An error, by its bit of ESR. */
void model_error(uint32_t bit);
/* An interrupt command; what is for other CPUs goes to *action. */
void model_send(uint32_t command, struct vlapic_action *action);

/* The highest vector that is set; -1. */
int model_top(const bool bits[256]);
uint32_t model_ppr(void);
enum model_timer model_timer_mode(void);

/* Registers, by their offset in the page; an MSR's is 16 times what it is above 800h. */
/* Whether there is one in this mode; if not in the page, by MSR. */
bool model_has(uint32_t offset);
bool model_is_read_only(uint32_t offset);
bool model_is_write_only(uint32_t offset);
/* Bits that are kept, and bits by MSR that may be set but are not kept. */
uint32_t model_bits(uint32_t offset, uint32_t *ignored);
uint32_t model_read(uint32_t offset);
/* Of a register that can be written, bits that are kept. */
void model_write(uint32_t offset, uint32_t value, struct vlapic_action *action);

#endif
