/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: capability lists. An input is the first bytes of a configuration space, of which the
 * rest is zero.
 */
#include "fuzz.h"

#include <string.h>

#include "pci/caps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t config[CONFIG_SIZE];
	struct pci_cap caps[80];
	size_t count;

	memset(config, 0, sizeof(config));
	memcpy(config, data, size < sizeof(config) ? size : sizeof(config));
	count = caps_list(config, caps, 80);
	FUZZ_CHECK(count <= 80);
	for (size_t i = 0; i < count; i++) {
		unsigned end = caps[i].offset + caps[i].length;

		FUZZ_CHECK(caps[i].length >= 4 && caps[i].offset % 4 == 0);
		FUZZ_CHECK(caps[i].offset >= (caps[i].extended ? 0x100 : 0x40));
		FUZZ_CHECK(end <= (caps[i].extended ? CONFIG_SIZE : 0x100));
		for (size_t j = 0; j < count; j++)
			FUZZ_CHECK(i == j || caps[j].offset < caps[i].offset ||
				   caps[j].offset >= end);
	}
	return 0;
}

size_t fuzz_seed(unsigned index, uint8_t *data, size_t size)
{
	static const uint8_t legacy[] = {0x40, 5, 0x50, 0x80,	    0,	  [0x10] = 0x11,
					 0x60, 3, 0,	1,	    0x30, [0x20] = 0x10,
					 0x70, 2, 0,	[0x30] = 9, 0x40, 0x14,
					 5};
	static const uint8_t extended[] = {1, 0, 2, 0x14, [0x40] = 3, 0, 1, 0x10};

	if (index > 1 || size < 0x200)
		return 0;
	memset(data, 0, 0x200);
	data[6] = 0x10;
	data[0x34] = 0x40;
	memcpy(data + 0x40, legacy + 1, sizeof(legacy) - 1);
	if (index == 1)
		memcpy(data + 0x100, extended, sizeof(extended));
	return index ? 0x200 : 0x100;
}
