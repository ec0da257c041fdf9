/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's q35 with nvme, e1000e, virtio-gpu, a Bochs display, xHCI, edu and a network card behind a
 * root port, as pci_read() and pci_write() show it: registers keep what their kind keeps, BARs can
 * be sized, a function level reset resets. What is written is kept track of.
 */
#ifndef TESTS_CORE_FAKE_PCI_H
#define TESTS_CORE_FAKE_PCI_H

#include <stdint.h>

#include "pci/caps.h"

#define FAKE_HOST_BRIDGE 0x0000
#define FAKE_IOMMU	 0x0008
#define FAKE_NVME	 0x0018
#define FAKE_E1000E	 0x0020
#define FAKE_GPU	 0x0028
#define FAKE_VGA	 0x0030
#define FAKE_XHCI	 0x0038
#define FAKE_EDU	 0x0040
#define FAKE_ROOT_PORT	 0x0048
#define FAKE_ISA	 0x00f8
#define FAKE_AHCI	 0x00fa
#define FAKE_SMBUS	 0x00fb
#define FAKE_NET	 0x0100
#define FAKE_ECAM	 0xb0000000ULL

struct fake_function {
	uint16_t bdf;
	uint8_t config[CONFIG_SIZE];
	uint8_t writable[CONFIG_SIZE]; /* bits that keep what is written */
	uint8_t clear[CONFIG_SIZE];    /* bits that a written one clears */
	uint8_t changed[CONFIG_SIZE];  /* bits that writes have changed or cleared since
					  fake_pci_init() */
	unsigned writes, resets;
};

void fake_pci_init(void);
struct fake_function *fake_pci(uint16_t bdf); /* NULL */
/* Forgets what was written so far. */
void fake_pci_forget(void);

#endif
