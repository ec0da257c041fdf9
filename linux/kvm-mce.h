/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Machine-check state of guests (AMD APM vol. 2, 9.3). Pure. */
#ifndef MULLION_LINUX_KVM_MCE_H
#define MULLION_LINUX_KVM_MCE_H

/* MCG_CAP that KVM_X86_SETUP_MCE takes, but for the count of banks in the low byte: MCG_CTL is
 * there, and software recovery. */
#define MKVM_MCE_CTL_P (1ULL << 8)
#define MKVM_MCE_SER_P (1ULL << 24)
#define MKVM_MCE_CAP   (MKVM_MCE_CTL_P | MKVM_MCE_SER_P)

#endif
