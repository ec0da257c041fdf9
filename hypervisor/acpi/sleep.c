/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds \_S5 in a table's AML (ACPI 6.4, 20.2): Name (_S5, Package () { SLP_TYPa, ... }). */
#include "acpi/sleep.h"

#include "lib/errno.h"
#include "lib/string.h"

#define NAME_OP	    0x08
#define ROOT_PREFIX 0x5c
#define PACKAGE_OP  0x12
#define ZERO_OP	    0x00
#define ONE_OP	    0x01
#define BYTE_PREFIX 0x0a

#define MAX_TYPE 7

/* What follows the name: PackageOp, a length of 1 to 4 bytes, the number of elements, the first. */
static int first_element(const uint8_t *aml, size_t size)
{
	size_t at;

	if (size < 2 || aml[0] != PACKAGE_OP)
		return -ENOENT;
	at = 2 + (aml[1] >> 6) + 1;
	if (at + 1 < size && aml[at] == BYTE_PREFIX && aml[at + 1] <= MAX_TYPE)
		return aml[at + 1];
	if (at < size && (aml[at] == ZERO_OP || aml[at] == ONE_OP))
		return aml[at];
	return -ENOENT;
}

int acpi_find_power_off(const uint8_t *untrusted_aml, size_t size)
{
	const uint8_t *aml = untrusted_aml;

	for (size_t i = 1; i + 4 <= size; i++) {
		if (memcmp(aml + i, "_S5_", 4) != 0)
			continue;
		if (aml[i - 1] == NAME_OP ||
		    (aml[i - 1] == ROOT_PREFIX && i > 1 && aml[i - 2] == NAME_OP))
			return first_element(aml + i + 4, size - i - 4);
	}
	return -ENOENT;
}
