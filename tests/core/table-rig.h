/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One second-level table of a VM, its flushes counted, for tests of what is in it. */
#ifndef TESTS_CORE_TABLE_RIG_H
#define TESTS_CORE_TABLE_RIG_H

#include "memory/table.h"

#define POOL   (16 * MIB)
#define VM     ((enum owner)(OWNER_VM_FIRST + 1))
#define OTHER  ((enum owner)(OWNER_VM_FIRST + 2))
#define RAM    (4 * GIB)
#define RWX    (MAP_READ | MAP_WRITE | MAP_EXECUTE)
#define BIT(n) (1ULL << (n))

#define NPT_TABLE 0x27ULL /* P, W, U, A */

extern struct space rig_space;
extern unsigned rig_flushes;

/* Frames from POOL, 4 GiB of the VM's RAM from RAM, 1 GiB of the other's behind it, a device; and
 * rig_space, empty, of the VM, with 4 levels and leaves of up to that many bits. */
void rig_prepare(const struct table_format *format, unsigned largest);
/* For cmocka: nested tables of a CPU, with leaves of 1 GiB. */
int rig_setup(void **state);
/* What flushes rig_space. */
void rig_count_flush(struct space *flushed);

/* The entry of a level, as a walk by the manual finds it; the tables' flags are checked on the way.
 */
uint64_t rig_walk(uint64_t address, unsigned level, uint64_t table_flags);

#endif
