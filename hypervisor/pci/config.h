/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's PCI configuration space, through ECAM. Locks: none needed; any CPU. */
#ifndef CORE_PCI_CONFIG_H
#define CORE_PCI_CONFIG_H

#include "lib/types.h"

/* size 1, 2 or 4; offset aligned to it, below 4096. Functions that do not exist read all ones. */
void pci_init(hpa_t ecam, uint8_t first_bus, uint8_t last_bus);
uint32_t pci_read(uint16_t bdf, unsigned offset, unsigned size);
void pci_write(uint16_t bdf, unsigned offset, unsigned size, uint32_t value);

#endif
