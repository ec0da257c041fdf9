/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Allocations of Linux that fail as they are told to, and the count of those that mullion-kvm.ko
 * has made and not given back. Debian's kernel has no fault injection, but it has kprobes.
 */
#ifndef TEST_FAIL_H
#define TEST_FAIL_H

#include <linux/types.h>

/* balance.c: what the module has allocated and not freed. */
int balance_start(void);
void balance_stop(void);
long balance_read(void);

#endif
