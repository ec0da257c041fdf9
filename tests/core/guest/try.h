/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A module that makes guests on the core by its calls alone, without /dev/kvm: what each exit says
 * is compared with what the guest did. Bit by bit, as the first thing that must work.
 */
#ifndef TESTS_CORE_GUEST_TRY_H
#define TESTS_CORE_GUEST_TRY_H

#include <linux/types.h>

#include "mullion/guest.h"

#define TRY_PAGES   16	   /* of a guest's RAM, from address 0 on */
#define TRY_CODE    0x1000 /* where code.c's text lies */
#define TRY_STACK   0x4000
#define TRY_ROM	    0x10000 /* a page that it may not write */
#define TRY_NOTHING 0x20000

struct try_guest {
	long number;
	u8 *ram; /* TRY_PAGES */
	u8 *rom;
	struct mullion_vcpu_page *vcpus[2];
};

/* Fails the test if it does not hold; says where. */
#define CHECK(condition) try_check(condition, #condition, __FILE__, __LINE__, 0)
#define CHECK_IS(value, wanted)                                                                    \
	do {                                                                                       \
		long try_value = (long)(value);                                                    \
		try_check(try_value == (long)(wanted), #value " == " #wanted, __FILE__, __LINE__,  \
			  try_value);                                                              \
	} while (0)
void try_check(bool holds, const char *text, const char *file, int line, long value);
extern unsigned int try_failures;

long try_call(u64 number, u64 a, u64 b, u64 c, u64 d);

/* A guest with its RAM, ROM and one vCPU that begins in real mode at an offset into the code; or
 * not at all. */
bool try_create(struct try_guest *guest, unsigned int entry);
void try_destroy(struct try_guest *guest);
bool try_add_vcpu(struct try_guest *guest, unsigned int number);
/* Runs the vCPU until it ends for another reason than an interrupt of ours. The reason, or an
 * error.
 */
int try_run(struct try_guest *guest, unsigned int vcpu);

/* code.c: real-mode code, linked to run at TRY_CODE, and where its parts begin. */
extern const u8 try_code[], try_code_end[];
extern const u8 try_at_exits[], try_at_apic[], try_at_second[], try_at_spin[], try_at_write[],
	try_at_shutdown[], try_at_flat[], try_at_window[];
#define TRY_ENTRY(part) ((unsigned int)(try_at_##part - try_code))

void try_exits(void);	/* main.c */
void try_refused(void); /* calls.c */
void try_many(void);	/* many.c */

#endif
