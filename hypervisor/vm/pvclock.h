/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KVM's paravirtual clock: the VM is told how to make nanoseconds of the TSC, so that it neither
 * calibrates nor reads a CMOS clock. One reference for all vCPUs and VMs: time 0 is pvclock_init().
 * Source: Linux, Documentation/virt/kvm/x86/msr.rst and cpuid.rst.
 */
#ifndef CORE_VM_PVCLOCK_H
#define CORE_VM_PVCLOCK_H

#include "vm/vcpu.h"

/* Once, right after the wall clock was read. */
void pvclock_init(void);

/* ns = (ticks << shift, or >> -shift) * mul >> 32. hz: 1 to 8 GHz. The result is never more than
 * the exact one, and less by no more than its 2^-31st part and 5 ns. */
void pvclock_scale(uint64_t hz, uint32_t *mul, int8_t *shift);

/* MSRs 0x11, 0x12, 0x4b564d00, 0x4b564d01. -EPERM: #GP. */
int pvclock_read(struct vcpu *vcpu, uint32_t msr, uint64_t *value);
int pvclock_write(struct vcpu *vcpu, uint32_t msr, uint64_t value);

#endif
