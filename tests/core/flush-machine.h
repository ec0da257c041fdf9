/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine with TLBs that hold on to whatever they may: two VMs, each with nested tables and a
 * domain of its devices' IOMMU, three CPUs with tagged TLBs and two IOMMU units, whose caches take
 * in leaves and tables at any moment, and forget only what a flush makes them forget.
 */
#ifndef TESTS_CORE_FLUSH_MACHINE_H
#define TESTS_CORE_FLUSH_MACHINE_H

#include <setjmp.h>

#include "memory/table.h"

#define POOL	  (16 * MIB)
#define POOL_SIZE (12 * MIB)
#define RAM	  (1 * GIB) /* 1 GiB aligned, as large as the GPA space in use */
#define PAGES	  (2 * GIB / PAGE_SIZE)
#define VMS	  2
#define SPACES	  4 /* 0, 1: nested tables of VM 0, 1; 2, 3: their devices' */
#define CACHES	  5 /* 0 to 2: CPUs; 3, 4: IOMMUs */
#define BIT(n)	  (1ULL << (n))

extern struct space machine_spaces[SPACES];
extern uint8_t machine_page_owner[PAGES]; /* as it should be */
extern bool machine_written[VMS][PAGES];  /* by a CPU, since the test last cleared it */

/* What must hold and does not ends the run: a jump to machine_caught. */
extern jmp_buf machine_caught;
extern const char *machine_violation; /* NULL: none */
void machine_must(bool holds, const char *what);

/* Caches are empty, nothing was written. */
void machine_reset(uint64_t seed);
uint64_t machine_random(uint64_t below);
/* One that the space's CPUs, or its IOMMUs, use. */
unsigned machine_random_cache(unsigned s);
/* Where mappings are is where it is interesting. */
uint64_t machine_random_address(void);

/* An entry as hardware of the space's kind reads it; false: not present. */
bool machine_decode(unsigned s, uint64_t entry, unsigned level, bool *leaf);
/* A CPU runs, or a device transfers, or either only guesses. */
void machine_reach(unsigned cache, unsigned s, uint64_t address);
void machine_reach_something(void);
/* A flush arrives. */
void machine_forget(unsigned cache, unsigned s);
/* A page that any cache leads to stays whose it is. */
void machine_check_unreachable(uint64_t page, uint64_t size);

#endif
