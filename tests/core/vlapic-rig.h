/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One virtual local APIC and its clock, for tests of what a guest sees of them. */
#ifndef TESTS_CORE_VLAPIC_RIG_H
#define TESTS_CORE_VLAPIC_RIG_H

#include "vm/vlapic.h"

#define HZ   2500000000ULL /* of the TSC: 2.5 ticks a timer clock */
#define BASE (VLAPIC_DEFAULT_BASE | 1U << 11 | 1U << 8)
#define X2   (1ULL << 10)

#define MSR_BASE     0x1b
#define MSR_DEADLINE 0x6e0
#define MSR_ICR	     0x830

extern struct vlapic rig_lapic;
extern struct vlapic_action rig_action; /* of the last write */
extern uint64_t rig_now;		/* the TSC */

/* For cmocka: CPU 5's, and it is the first CPU; as at power-up. */
int rig_setup(void **state);
/* A register of the page, by its offset; it is there. */
uint32_t rd(uint32_t offset);
void wr(uint32_t offset, uint32_t value);
/* An MSR; the one that is read is there. */
uint64_t rdm(uint32_t msr);
int wrm(uint32_t msr, uint64_t value);

/* By software: SVR. */
void rig_enable(void);
void rig_enter_x2apic(void);
/* Any vector, deliverable or not. */
bool rig_is_requested(void);
/* The interrupt arrives and is taken. */
void rig_serve(uint8_t vector, bool level);

#endif
