/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A vCPU at an instruction that the KVM module is to do, for tests that look at each step. */
#ifndef TESTS_CORE_KVM_RIG_H
#define TESTS_CORE_KVM_RIG_H

#include "kvm-insn.h"

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

#define DEVICE 0xfe000000ULL
#define RIP    0x401000ULL
#define WIDE   (1U << 10) /* of a segment's attributes */

/* Events, with error code 0. */
#define GP 0x80000b0d
#define SS 0x80000b0c

extern struct mullion_vcpu_page page;
extern struct kvm_insn insn;

/* Makes page: 64-, 32- or 16-bit protected mode, at an instruction in hexadecimal. rbx is a
 * register of a device, rdi its memory; rsi and rsp are RAM. The exit names no operand's address.
 */
void prepare(unsigned code_size, const char *hex);

/* kvm_insn_start(), kvm_insn_step(). */
enum kvm_insn_status start(void);
enum kvm_insn_status step(void);

/* Answers translations one to one, until it asks for something else. */
enum kvm_insn_status skip_translations(enum kvm_insn_status status);

/* It raises this at once, and changes nothing else. */
void assert_raises(uint32_t event);

#endif
