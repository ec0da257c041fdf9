/* SPDX-License-Identifier: GPL-2.0-or-later */
/* BARs as a VM sees them: shadows that can be sized and written; the device's own never change. */
#include "pci/config.h"
#include "pci/vpci-parts.h"

struct bar {
	uint32_t home;	   /* as the firmware left it, flags and all */
	uint32_t writable; /* 0: there is no such BAR */
};

static struct bar look(const struct vpci_function *function, unsigned index)
{
	const struct pci_function *real = function->real;
	uint64_t mask = ~(real->bars[index].size - 1);
	struct bar bar = {0, 0};

	if (real->bars[index].size != 0) {
		bar.writable = (uint32_t)mask;
		bar.home = (uint32_t)real->bars[index].base | real->bars[index].io |
			   (uint32_t)real->bars[index].wide << 2 |
			   (uint32_t)real->bars[index].prefetchable << 3;
	} else if (index > 0 && real->bars[index - 1].wide) {
		mask = ~(real->bars[index - 1].size - 1);
		bar.writable = (uint32_t)(mask >> 32);
		bar.home = (uint32_t)(real->bars[index - 1].base >> 32);
	}
	return bar;
}

void bars_reset(struct vpci_function *function)
{
	for (unsigned i = 0; i < 6; i++)
		function->bars[i] = look(function, i).home;
}

bool bars_write(struct vpci_function *function, unsigned index, uint32_t value)
{
	struct bar bar = look(function, index);

	value = (value & bar.writable) | (bar.home & ~bar.writable);
	function->bars[index] = value;
	return value == bar.home || value == (bar.home | bar.writable);
}

void bars_restore(const struct vpci_function *function)
{
	for (unsigned i = 0; i < 6; i++) {
		struct bar bar = look(function, i);

		if (bar.writable)
			pci_write(function->real->bdf, PCI_BAR0 + i * 4, 4, bar.home);
	}
}
