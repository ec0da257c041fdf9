/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which CPUID leaves a guest may have. Pure.
 */
#ifndef MULLION_LINUX_KVM_FEATURES_H
#define MULLION_LINUX_KVM_FEATURES_H

#include <linux/kvm.h>

#ifndef __KERNEL__
#include <stdbool.h>
#include <stddef.h>
#endif

/* Of the CPU that a guest's vCPUs run on: what CPUID says there. */
typedef void mkvm_cpuid_read(__u32 leaf, __u32 subleaf, __u32 registers[4]);

/* Fills at most room entries; how many there are, which may be more. */
size_t mkvm_features(struct kvm_cpuid_entry2 *entries, size_t room, mkvm_cpuid_read *read);

#endif
