/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exits that take an instruction to be done for the guest: kvm-mmio.c drives the pure files
 * kvm-insn.c and kvm-pio.c and leaves to the program for what devices have to answer.
 */
#ifndef MULLION_LINUX_KVM_MMIO_H
#define MULLION_LINUX_KVM_MMIO_H

#include "kvm-parts.h"

/* Device memory, or RAM that the guest may not write: the instruction at rip. */
int mkvm_mmio_exit(struct mkvm_vcpu *vcpu);
/* INS, OUTS. */
int mkvm_string_exit(struct mkvm_vcpu *vcpu);

/* kvm-exits.c: fills kvm_run; 1. Of a user program of the guest: #UD for it; 0. */
int mkvm_internal_error(struct mkvm_vcpu *vcpu, u32 suberror, const u8 *bytes, u32 count);
/* Fills kvm_run. */
void mkvm_exit_io(struct mkvm_vcpu *vcpu, bool write, u16 port, u8 size, u32 count);

#endif
