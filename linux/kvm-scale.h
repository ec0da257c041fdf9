/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the TSC to nanoseconds as KVM's clock has it: (ticks << shift, or >> -shift) * mul >> 32.
 * Pure. Source: Linux, Documentation/virt/kvm/x86/msr.rst.
 */
#ifndef MULLION_LINUX_KVM_SCALE_H
#define MULLION_LINUX_KVM_SCALE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdint.h>
#endif

struct mkvm_scale {
	uint32_t mul;
	int8_t shift;
};

/* khz: 1 to 2^32 - 1. mul has its highest bit set: as exact as it can be. */
static inline struct mkvm_scale mkvm_scale(uint32_t khz)
{
	uint64_t ns = 1000000, ticks = khz; /* of a millisecond */
	struct mkvm_scale scale = {0};

	/* ns / (ticks << shift) becomes 1/2 to 1, without 1. */
	for (; ticks <= ns; scale.shift++)
		ticks *= 2;
	for (; ticks > 2 * ns; scale.shift--)
		ns *= 2;
	scale.mul = (uint32_t)((ns << 32) / ticks);
	return scale;
}

static inline uint64_t mkvm_scale_ns(struct mkvm_scale scale, uint64_t ticks)
{
	ticks = scale.shift < 0 ? ticks >> -scale.shift : ticks << scale.shift;
	return (uint64_t)((unsigned __int128)ticks * scale.mul >> 32);
}

#endif
