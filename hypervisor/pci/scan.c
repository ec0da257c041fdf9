/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds all functions of the machine: the root bus and what bridges lead to, with the bus numbers
 * and addresses the firmware gave them. BARs are sized with decoding off; nothing else is changed.
 */
#include "pci/config.h"
#include "pci/registers.h"
#include "pci/vpci.h"

#include "lib/log.h"
#include "lib/string.h"

struct pci_function pci_functions[PCI_MAX_FUNCTIONS];
size_t pci_function_count;

/* Writes all ones, reads what sticks, and puts the old value back. */
static uint32_t probe(uint16_t bdf, unsigned offset, uint32_t *old)
{
	uint32_t mask;

	*old = pci_read(bdf, offset, 4);
	pci_write(bdf, offset, 4, UINT32_MAX);
	mask = pci_read(bdf, offset, 4);
	pci_write(bdf, offset, 4, *old);
	return mask;
}

/* PCI Local Bus 3.0, 6.2.5.1. Decoding is off. False: what the function answers makes no sense. */
static bool size_bar(struct pci_function *function, unsigned *index, unsigned count)
{
	unsigned offset = PCI_BAR0 + *index * 4;
	uint32_t old, high_old, low = probe(function->bdf, offset, &old);
	uint64_t mask, base;
	bool io = low & 1, wide = (low & 7) == 4;

	if (low == 0)
		return true;
	if (io) {
		/* The upper half may be wired to zero: ports have 16 bits. */
		mask = (low & 0xfffc) | ~0xffffULL;
		base = old & 0xfffc;
	} else {
		if ((low & 6) == 6 || (wide && *index + 1 == count))
			return false;
		mask = (low & ~0xfU) | ~0xffffffffULL;
		base = old & ~0xfU;
		if (wide) {
			mask = (low & ~0xfU) | (uint64_t)probe(function->bdf, offset + 4, &high_old)
						       << 32;
			base |= (uint64_t)high_old << 32;
		}
	}
	if (mask == 0 || (~mask & (~mask + 1)) || (base & ~mask) || (old & 7) != (low & 7) ||
	    (!wide && ~mask > (io ? 0x7fff : 0x7fffffff)))
		return false;
	function->bars[*index].base = base;
	function->bars[*index].size = ~mask + 1;
	function->bars[*index].io = io;
	function->bars[*index].wide = wide;
	function->bars[*index].prefetchable = !io && (low & 8);
	*index += wide;
	return true;
}

static bool size_bars(struct pci_function *function)
{
	unsigned count = function->header_type == 0 ? 6 : 2;
	uint32_t command = pci_read(function->bdf, PCI_COMMAND, 2);
	bool good = true;

	/* Host and ISA bridges have none, and must not stop decoding. */
	if (function->class_code >> 16 == 0x06 && function->header_type == 0)
		return true;
	pci_write(function->bdf, PCI_COMMAND, 2, command & ~(COMMAND_IO | COMMAND_MEMORY));
	for (unsigned i = 0; good && i < count; i++)
		good = size_bar(function, &i, count);
	pci_write(function->bdf, PCI_COMMAND, 2, command);
	return good;
}

/* False: the function is not there, or not what it should be. */
static bool scan_function(struct pci_function *function, uint16_t bdf, bool *many)
{
	uint32_t id = pci_read(bdf, PCI_VENDOR, 4), type;

	if ((uint16_t)id == 0xffff || (uint16_t)id == 0)
		return false;
	type = pci_read(bdf, PCI_HEADER_TYPE, 1);
	memset(function, 0, sizeof(*function));
	function->bdf = bdf;
	function->vendor = (uint16_t)id;
	function->device = (uint16_t)(id >> 16);
	function->class_code = pci_read(bdf, PCI_CLASS, 4) >> 8;
	function->header_type = type & 0x7f;
	*many = type & 0x80;
	if (function->header_type > 1) {
		log_line("pci " BDF_FORMAT ": left out: header type %u", BDF_ARGS(bdf),
			 function->header_type);
		return false;
	}
	if (function->header_type == 1) {
		function->secondary_bus = (uint8_t)pci_read(bdf, PCI_SECONDARY_BUS, 1);
		function->subordinate_bus = (uint8_t)pci_read(bdf, PCI_SECONDARY_BUS + 1, 1);
	}
	if (size_bars(function))
		return true;
	log_line("pci " BDF_FORMAT ": left out: its BARs make no sense", BDF_ARGS(bdf));
	return false;
}

static void scan_bus(unsigned bus, uint32_t seen[8], unsigned *last)
{
	for (unsigned devfn = 0; devfn < 256; devfn++) {
		struct pci_function *function = &pci_functions[pci_function_count];
		bool many = false;
		unsigned secondary;

		if (pci_function_count == PCI_MAX_FUNCTIONS) {
			log_line("pci: more than %d functions: the rest is left out",
				 PCI_MAX_FUNCTIONS);
			return;
		}
		if (scan_function(function, (uint16_t)(bus << 8 | devfn), &many)) {
			pci_function_count++;
			secondary = function->secondary_bus;
			if (function->header_type == 1 &&
			    (secondary <= bus || function->subordinate_bus < secondary ||
			     (seen[secondary / 32] >> secondary % 32 & 1))) {
				log_line("pci " BDF_FORMAT
					 ": a bridge to buses %02x-%02x: not followed",
					 BDF_ARGS(function->bdf), secondary,
					 function->subordinate_bus);
				function->secondary_bus = function->subordinate_bus = 0;
			} else if (function->header_type == 1) {
				seen[secondary / 32] |= 1U << secondary % 32;
				if (secondary > *last)
					*last = secondary;
			}
		}
		if (devfn % 8 == 0 && !many)
			devfn += 7;
	}
}

void pci_scan(void)
{
	uint32_t seen[8] = {0};
	unsigned last;
	uint8_t first;
	hpa_t start;

	pci_function_count = 0;
	if (pci_ecam(&start, &first) == 0)
		return;
	seen[first / 32] |= 1U << first % 32;
	last = first;
	/* A bridge leads to higher buses only, so that one pass in their order reaches all. */
	for (unsigned bus = first; bus <= last; bus++)
		if (seen[bus / 32] >> bus % 32 & 1)
			scan_bus(bus, seen, &last);
}

uint8_t pci_last_bus(void)
{
	uint8_t last = 0;

	for (size_t i = 0; i < pci_function_count; i++) {
		if (pci_functions[i].bdf >> 8 > last)
			last = (uint8_t)(pci_functions[i].bdf >> 8);
		if (pci_functions[i].subordinate_bus > last)
			last = pci_functions[i].subordinate_bus;
	}
	return last;
}
