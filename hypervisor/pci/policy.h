/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a VM may read and write in a function's configuration space: one table, with a reason a line
 * (policy.c). What no line names reads as zero and cannot be written, with one exception: the
 * registers of a VM's own function between 0x40 and 0xff that belong to no capability can be read.
 *
 * Pure. Registers are words of 32 bits.
 */
#ifndef CORE_PCI_POLICY_H
#define CORE_PCI_POLICY_H

#include "lib/types.h"
#include "pci/caps.h"

#define POLICY_MAX_CAPS 32

/* How a VM sees a function. */
enum policy_view {
	VIEW_OWN,	  /* it has it */
	VIEW_BRIDGE,	  /* a bridge on the way to one it has: to be read */
	VIEW_HOST_BRIDGE, /* somebody else's host bridge: its name only */
	VIEW_FILLER,	  /* somebody else's function 0, without which nobody asks for the others */
};

/* Who answers for a register, besides the device. */
enum policy_part {
	PART_NONE,
	PART_COMMAND,
	PART_BAR,
	PART_LINE,
	PART_PM,
	PART_PCIE,
	PART_MSI,
	PART_MSIX
};

struct policy_register {
	uint32_t show;	/* bits that read as in the device */
	uint32_t fixed; /* bits that read as one whatever the device says */
	uint32_t write; /* bits that are written to the device */
	uint32_t clear; /* bits that a written one clears in the device */
	uint32_t quiet; /* other bits a VM changes in good faith: not counted as an offence */
	enum policy_part part;
	uint16_t offset;    /* from the start of its capability; of the header else */
	const char *reason; /* of the table's line; NULL: no line */
};

/* A function as one VM sees it. */
struct policy_function {
	enum policy_view view;
	uint16_t vendor;
	uint32_t class_code;
	struct pci_cap caps[POLICY_MAX_CAPS];
	bool shown[POLICY_MAX_CAPS]; /* the rest is gone from the list */
	size_t count;
};

void policy_init(struct policy_function *function, enum policy_view view,
		 const uint8_t untrusted_config[CONFIG_SIZE]);
/* The capability the VM sees; NULL. */
const struct pci_cap *policy_cap(const struct policy_function *function, uint16_t id);
/* Takes one more away. */
void policy_hide(struct policy_function *function, uint16_t id);
/* offset is a multiple of 4 below 4096. */
void policy_look_up(const struct policy_function *function, unsigned offset,
		    struct policy_register *found);

#endif
