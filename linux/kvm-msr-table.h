/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MSRs of a guest that the core does not keep, and what becomes of them. Pure.
 */
#ifndef MULLION_LINUX_KVM_MSR_TABLE_H
#define MULLION_LINUX_KVM_MSR_TABLE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

enum mkvm_msr_policy {
	MKVM_MSR_KEPT,	/* read and written by guest and program */
	MKVM_MSR_HOST,	/* written by the program; the guest's writes raise #GP */
	MKVM_MSR_FIXED, /* reads as its value; writes are dropped */
	MKVM_MSR_MTRR,	/* kept; the guest's memory types are the core's affair */
	MKVM_MSR_BANK,	/* machine-check banks, as many as there are */
	MKVM_MSR_TSC,	/* kvm-clock.c */
	MKVM_MSR_CLOCK, /* a vCPU's time, kvm-clock.c */
	MKVM_MSR_WALL,	/* wall-clock time, likewise */
	MKVM_MSR_STEAL, /* stolen time, kvm-steal.c; value: bits that it may not have */
	MKVM_MSR_ASKED, /* kept: where to tell what never happens here; value: likewise */
	MKVM_MSR_HV,	/* kvm-hyperv.c */
	MKVM_MSR_PAGE,	/* in the core's page */
	MKVM_MSR_CORE,	/* not here: asked of the core */
};

struct mkvm_msr {
	uint32_t first, last;
	enum mkvm_msr_policy policy;
	uint64_t value; /* after a reset; HV: who may use it (kvm-enlighten.h) */
	const char *reason;
	uint16_t at; /* of first, among the kept values */
};

/* The line of an MSR; never NULL: what is not in the table is the core's. */
const struct mkvm_msr *mkvm_msr_find(uint32_t index);
/* All lines, in ascending order; how many of them, and how many values they keep. */
const struct mkvm_msr *mkvm_msr_table(size_t *count, size_t *values);
/* Whether an MTRR takes a value. index: one whose policy is MKVM_MSR_MTRR. */
bool mkvm_msr_mtrr_takes(uint32_t index, uint64_t value);

#endif
