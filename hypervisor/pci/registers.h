/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of the configuration space (PCI Local Bus 3.0, chapter 6; PCIe 5.0, chapter 7). */
#ifndef CORE_PCI_REGISTERS_H
#define CORE_PCI_REGISTERS_H

/* For messages. */
#define BDF_FORMAT    "%02x:%02x.%x"
#define BDF_ARGS(bdf) (unsigned)(bdf) >> 8, (bdf) >> 3 & 31, (bdf)&7

#define PCI_VENDOR	    0x00
#define PCI_COMMAND	    0x04
#define PCI_STATUS	    0x06
#define PCI_CLASS	    0x08 /* revision in the low byte */
#define PCI_CACHE_LINE	    0x0c
#define PCI_HEADER_TYPE	    0x0e
#define PCI_BAR0	    0x10
#define PCI_SECONDARY_BUS   0x19
#define PCI_BRIDGE_MEMORY   0x20 /* base and limit, of 1 MiB */
#define PCI_BRIDGE_PREFETCH 0x24
#define PCI_CAPABILITIES    0x34
#define PCI_INTERRUPT_LINE  0x3c

#define COMMAND_IO	     0x0001
#define COMMAND_MEMORY	     0x0002
#define COMMAND_MASTER	     0x0004
#define COMMAND_INTX_DISABLE 0x0400
#define STATUS_CAPABILITIES  0x0010

#define MSI_ENABLE    0x0001 /* message control */
#define MSI_64BIT     0x0080
#define MSI_MASKS     0x0100
#define MSIX_MASK_ALL 0x4000
#define MSIX_ENABLE   0x8000

#define CAP_PM	      0x01
#define CAP_MSI	      0x05
#define CAP_VENDOR    0x09
#define CAP_SUBSYSTEM 0x0d
#define CAP_PCIE      0x10
#define CAP_MSIX      0x11
#define CAP_AF	      0x13
#define EXT_CAP_AER   0x0001
#define EXT_CAP_DSN   0x0003

#define CLASS_HOST_BRIDGE 0x0600 /* class_code >> 8 */
#define CLASS_ISA_BRIDGE  0x0601
#define CLASS_IOMMU	  0x0806

#endif
