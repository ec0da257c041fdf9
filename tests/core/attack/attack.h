/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attack.ko: what a VM whose kernel has fallen tries against the rest of the machine. Loading it
 * runs the attacks named in run=; each says in the log what it tried and what got through, and puts
 * back what it changed of its own VM. Without the core below it only reads.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include <linux/kernel.h>
#include <linux/types.h>

extern bool attack_core;	   /* the core is there: no holds barred */
extern unsigned long attack_count; /* hypercalls and the like */
extern unsigned long attack_step;  /* memory is tried in steps of so many bytes below attack_fine */
extern unsigned long attack_fine;
extern bool attack_compatible; /* devices may send interrupt messages that are not remappable */

/* Something that must not work has worked. The first ones are printed. */
__printf(1, 2) void attack_through(const char *format, ...);
void attack_tried(u64 n);

/* splitmix64 from seed=: the same seed makes the same attack. */
u64 attack_random(void);

enum attack_page {
	ATTACK_OWN,	 /* the VM's RAM and its devices' registers: not touched */
	ATTACK_EMULATED, /* may answer, as if it were hardware: touched, not judged */
	ATTACK_FOREIGN,	 /* must read as all ones */
};
enum attack_page attack_page(u64 address);

void attack_memory(void);
void attack_config(void);
void attack_msi(void);
void attack_dma(void);
void attack_call(void);
void attack_msr(void);
void attack_cpu(void);
void attack_ipi(void);
void attack_port(void);
void attack_decode(void);
void attack_reserved(void);

#endif
