/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's PCI configuration space, through ECAM. Locks: none needed; any CPU. */
#ifndef CORE_PCI_CONFIG_H
#define CORE_PCI_CONFIG_H

#include "lib/types.h"

/* ecam is bus 0's address, as in the MCFG table, even where the first bus is another. */
void pci_init(hpa_t ecam, uint8_t first_bus, uint8_t last_bus);
/* The buses' part of the machine's address space: its start, which is the first bus's, and its
 * size; 0: pci_init() has found none. */
uint64_t pci_ecam(hpa_t *start, uint8_t *first_bus);

/* size 1, 2 or 4; offset aligned to it, below 4096. Functions that do not exist read all ones. */
uint32_t pci_read(uint16_t bdf, unsigned offset, unsigned size);
void pci_write(uint16_t bdf, unsigned offset, unsigned size, uint32_t value);

#endif
