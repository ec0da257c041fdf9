/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An interrupt message as a VM programs it (Intel SDM vol. 3, 11.11). Pure. */
#ifndef CORE_VM_MSI_H
#define CORE_VM_MSI_H

#include "vm/vlapic.h"

struct msi_message {
	uint8_t vector;
	enum vlapic_delivery delivery;
	bool logical;
	uint8_t destination; /* as an xAPIC reads it */
	bool level;
};

/* False: no message that an interrupt controller of the VM would take from a device. A vector below
 * 16, SMI, INIT and ExtINT are none; neither is an address outside 0xfee00000-0xfeefffff. */
bool msi_decode(uint64_t untrusted_address, uint32_t untrusted_data, struct msi_message *message);

/* The same of an IOAPIC's redirection entry (82093AA data sheet, 3.2.4), whatever its mask says. */
bool msi_decode_redirection(uint64_t untrusted_redirection, struct msi_message *message);

#endif
