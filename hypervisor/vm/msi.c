/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupt messages of VMs. Pure. */
#include "vm/msi.h"

#define ADDRESS_FIXED_MASK (~0xfffffULL)
#define ADDRESS_FIXED	   0xfee00000ULL
#define FIRST_VECTOR	   16

bool msi_decode(uint64_t untrusted_address, uint32_t untrusted_data, struct msi_message *message)
{
	if ((untrusted_address & ADDRESS_FIXED_MASK) != ADDRESS_FIXED)
		return false;
	/* The redirection hint changes nothing: hardware follows the destination mode without it,
	 * and Linux relies on that. */
	*message = (struct msi_message){
		.vector = (uint8_t)untrusted_data,
		.delivery = (enum vlapic_delivery)(untrusted_data >> 8 & 7),
		.logical = untrusted_address & 1 << 2,
		.destination = (uint8_t)(untrusted_address >> 12),
		.level = untrusted_data & 1 << 15,
	};
	switch (message->delivery) {
	case VLAPIC_FIXED:
	case VLAPIC_LOWEST:
		return message->vector >= FIRST_VECTOR;
	case VLAPIC_NMI: /* the vector is ignored, and it is an edge */
		message->level = false;
		return true;
	default:
		return false;
	}
}

bool msi_decode_redirection(uint64_t untrusted_redirection, struct msi_message *message)
{
	uint64_t address = ADDRESS_FIXED | untrusted_redirection >> 56 << 12 |
			   (untrusted_redirection >> 11 & 1) << 2;

	return msi_decode(address, (uint32_t)(untrusted_redirection & 0x87ff), message);
}
