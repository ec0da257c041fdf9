/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine with what the boot loader has put into it, for tests of who gets which memory, and the
 * checks that every layout must pass: nothing twice, nothing outside of RAM, nothing lost,
 * everything a kernel needs in place.
 */
#ifndef TESTS_CORE_LAYOUT_RIG_H
#define TESTS_CORE_LAYOUT_RIG_H

#include "memory/layout.h"

/* Places of the VMs in the manifest. */
#define UI	0
#define CONTROL 1

extern struct boot_info rig_boot;
extern struct manifest rig_manifest;
extern struct layout_input rig_input;
extern struct memory_layout rig_layout; /* the last that was decided */

/* For cmocka: 2 GiB, of a BIOS, with five modules, for a UI VM of 512 MiB. */
int rig_setup(void **state);
/* 2 GiB as the firmware tells them, and that many bytes from 4 GiB on. */
void rig_set_bios(uint64_t above);
void rig_set_ovmf(uint64_t above);
void rig_add_module(const char *name, uint64_t start, uint64_t size);

/* A layout is decided, and passes all checks. */
void rig_decide(void);
/* All checks of rig_layout. */
void rig_check_all(void);

bool rig_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size);
/* All of the range is of this type in a list of ranges. */
bool rig_is_all(const struct boot_range *ranges, size_t count, uint64_t start, uint64_t size,
		uint32_t type);

#endif
