/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The capability lists of a function: the legacy one from 0x34 (PCI Local Bus 3.0, 6.7) and the
 * extended one from 0x100 (PCI Express 5.0, 7.6). Pure, over a copy of the 4096 bytes; a device may
 * say what it likes: loops and wild pointers end the walk, and nothing is read outside.
 */
#ifndef CORE_PCI_CAPS_H
#define CORE_PCI_CAPS_H

#include "lib/types.h"

#define CONFIG_SIZE 4096U

struct pci_cap {
	uint16_t id;
	uint16_t offset; /* from 0x40, or from 0x100 */
	/* Bytes that are its own: what its kind has, at most up to the next one of either list and
	 * the end of the space; at least 4. */
	uint16_t length;
	bool extended;
	bool cut; /* the next one begins before its kind's end */
};

/* Fills in at most max of the capabilities, legacy before extended, in the lists' order; none
 * twice. Returns how many there are. */
size_t caps_list(const uint8_t untrusted_config[CONFIG_SIZE], struct pci_cap *caps, size_t max);

/* The first with this id; NULL. */
const struct pci_cap *caps_find(const struct pci_cap *caps, size_t count, bool extended,
				uint16_t id);

#endif
