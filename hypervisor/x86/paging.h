/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The core's own page tables, as far as only its start needs them; machine.h has the rest.
 *
 *	0xffff800000000000  all RAM: phys_virt()
 *	0xffffc00000000000  devices: map_device()
 *	0xffffd00000000000  stacks, each with an unmapped page below
 *	0xffffffff80000000  the image
 *
 * Boot only: no locks, and nothing is ever unmapped.
 */
#ifndef CORE_X86_PAGING_H
#define CORE_X86_PAGING_H

#include "lib/types.h"

struct boot_info;

/* Builds the final tables from frame_alloc()'s frames and switches this CPU to them. Before it,
 * only the first 4 GiB are mapped. Panics with OUT_OF_FRAMES. */
void paging_init(const struct boot_info *boot);
/* The top table, for CPUs that start. */
uint64_t paging_root(void);
/* Makes firmware's memory (not what the memory map calls usable) readable through phys_virt(),
 * where paging_init() has not. false: no such memory, or no frames. */
bool paging_add_firmware(hpa_t start, uint64_t size);
/* Whether the core may read at an address. */
bool paging_maps(uint64_t virtual);
/* A stack of new frames for the slot-th CPU; which: 0 its own, else its IST_*. Returns its top. */
uint64_t paging_map_stack(unsigned slot, unsigned which);

#endif
