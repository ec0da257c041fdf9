/* SPDX-License-Identifier: GPL-2.0-or-later */
/* KVM's paravirtual clock. */
#include "vm/pvclock.h"

#include "lib/errno.h"
#include "x86/cpu.h"
#include "x86/machine.h"

#define MSR_WALL_CLOCK_OLD  0x11U
#define MSR_SYSTEM_TIME_OLD 0x12U
#define MSR_WALL_CLOCK	    0x4b564d00U
#define MSR_SYSTEM_TIME	    0x4b564d01U

#define ENABLE 1ULL

#define NS_PER_SECOND 1000000000ULL

/* The guest's structures. An odd version: do not use. */
struct wall_clock {
	uint32_t version;
	uint32_t seconds; /* since 1970, at time 0 */
	uint32_t nanoseconds;
};
_Static_assert(sizeof(struct wall_clock) == 12, "a contract of KVM's");

struct time_info {
	uint32_t version;
	uint32_t reserved;
	uint64_t tsc; /* the guest's, at system_time */
	uint64_t system_time;
	uint32_t mul;
	int8_t shift;
	uint8_t flags;
	uint8_t reserved2[2];
};
_Static_assert(sizeof(struct time_info) == 32, "a contract of KVM's");

#define TSC_STABLE 1U /* the vCPUs' clocks agree */

/* The machine's TSC at time 0; atomic. */
static uint64_t reference;

static uint64_t reference_tsc(void)
{
	uint64_t none = 0, now = rdtsc();

	__atomic_compare_exchange_n(&reference, &none, now, false, __ATOMIC_RELAXED,
				    __ATOMIC_RELAXED);
	return none ? none : now;
}

void pvclock_init(void)
{
	reference_tsc();
}

/* mul = 2^32 * 10^9 / (hz * 2^shift), so that it has as many bits as it can. */
void pvclock_scale(uint64_t hz, uint32_t *mul, int8_t *shift)
{
	int s = 0;

	while (s < 32 && hz << s <= NS_PER_SECOND)
		s++;
	/* 10^9 * 2^34 is just below 2^64. */
	while (s <= 0 && s > -2 && hz >> -s > 2 * NS_PER_SECOND)
		s--;
	*shift = (int8_t)s;
	*mul = (uint32_t)(s < 0 ? (NS_PER_SECOND << (32 - s)) / hz
				: (NS_PER_SECOND << 32) / (hz << s));
}

static int write_wall_clock(struct vcpu *vcpu, gpa_t at)
{
	struct wall_clock clock = {.version = 2, .seconds = (uint32_t)wall_clock_at_boot()};

	return vm_write_memory(vcpu->vm, at, &clock, sizeof(clock));
}

/* First all of it under an odd version, then the even one. */
static int write_time(struct vcpu *vcpu)
{
	gpa_t at = gpa(vcpu->clock_msr & ~ENABLE);
	struct time_info info = {.version = 1, .tsc = reference_tsc(), .flags = TSC_STABLE};
	uint32_t even = 2;
	int error;

	pvclock_scale(tsc_hz, &info.mul, &info.shift);
	error = vm_write_memory(vcpu->vm, at, &info, sizeof(info));
	return error ? error : vm_write_memory(vcpu->vm, at, &even, sizeof(even));
}

int pvclock_read(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
	bool system_time = msr == MSR_SYSTEM_TIME || msr == MSR_SYSTEM_TIME_OLD;

	*value = system_time ? vcpu->clock_msr : 0;
	return 0;
}

int pvclock_write(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	if (msr == MSR_WALL_CLOCK || msr == MSR_WALL_CLOCK_OLD)
		return write_wall_clock(vcpu, gpa(value)) ? -EPERM : 0;
	vcpu->clock_msr = value;
	if (!(value & ENABLE))
		return 0;
	if (write_time(vcpu)) {
		vcpu->clock_msr = 0;
		return -EPERM;
	}
	return 0;
}
