/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's configuration space for host-run tests; fake-pci.h says what it does. */
#include "fake-pci.h"

#include <string.h>

#include "fake-pci-dump.h"
#include "lib/bytes.h"
#include "pci/config.h"
#include "pci/registers.h"

static struct fake_function functions[16];
static size_t function_count;

/* BAR sizes, which a dump does not show. */
static const struct {
	uint16_t bdf;
	uint32_t sizes[7]; /* the last is the expansion ROM's */
} fake_sizes[] = {
	{FAKE_NVME, {0x4000}},
	{FAKE_E1000E, {0x20000, 0x20000, 0x20, 0x4000, 0, 0, 0x40000}},
	{FAKE_GPU, {0, 0x1000, 0, 0, 0x4000}},
	{FAKE_VGA, {0x1000000, 0, 0x1000, 0, 0, 0, 0x10000}},
	{FAKE_XHCI, {0x4000}},
	{FAKE_EDU, {0x100000}},
	{FAKE_ROOT_PORT, {0x1000}},
	{FAKE_AHCI, {0, 0, 0, 0, 0x20, 0x1000}},
	{FAKE_SMBUS, {0, 0, 0, 0, 0x40}},
	{FAKE_NET, {0, 0x1000, 0, 0, 0x4000, 0, 0x40000}},
};

struct fake_function *fake_pci(uint16_t bdf)
{
	for (size_t i = 0; i < function_count; i++)
		if (functions[i].bdf == bdf)
			return &functions[i];
	return NULL;
}

static unsigned find_cap(const struct fake_function *function, uint8_t id)
{
	struct pci_cap caps[32];
	size_t count = caps_list(function->config, caps, 32);
	const struct pci_cap *cap = caps_find(caps, count < 32 ? count : 32, false, id);

	return cap ? cap->offset : 0;
}

static void init_bars(struct fake_function *function)
{
	for (size_t i = 0; i < sizeof(fake_sizes) / sizeof(fake_sizes[0]); i++) {
		if (fake_sizes[i].bdf != function->bdf)
			continue;
		for (unsigned bar = 0; bar < 6; bar++) {
			uint32_t size = fake_sizes[i].sizes[bar];
			unsigned at = PCI_BAR0 + bar * 4;

			if (size)
				store32(function->writable + at, ~(size - 1));
			if (size && (function->config[at] & 7) == 4)
				store32(function->writable + at + 4, UINT32_MAX);
		}
		if (fake_sizes[i].sizes[6])
			store32(function->writable + 0x30, ~(fake_sizes[i].sizes[6] - 1) | 1);
	}
}

static void init_masks(struct fake_function *function)
{
	uint8_t *writable = function->writable, *clear = function->clear;
	unsigned at;

	memset(writable + 0x40, 0xff, 0xc0);
	store16(writable + PCI_COMMAND, 0x0547);
	store16(clear + PCI_STATUS, 0xf900);
	store16(writable + PCI_CACHE_LINE, 0xffff);
	writable[PCI_INTERRUPT_LINE] = 0xff;
	if (function->config[PCI_HEADER_TYPE] & 1) {
		memset(writable + 0x18, 0xff, 0x1c);
		store16(writable + 0x3e, 0xffff);
		memset(writable + 0x1e, 0, 2);
		store16(clear + 0x1e, 0xf900);
	}
	init_bars(function);
	at = find_cap(function, CAP_MSI);
	if (at) {
		store32(writable + at, 0x00710000);
		writable[at + 4] = 0xfc;
	}
	at = find_cap(function, CAP_MSIX);
	if (at) {
		memset(writable + at, 0, 12);
		writable[at + 3] = 0xc0;
	}
	at = find_cap(function, CAP_PM);
	if (at) {
		store32(writable + at, 0);
		store32(writable + at + 4, 0x0103);
		store32(clear + at + 4, 0x8000);
	}
	at = find_cap(function, CAP_PCIE);
	if (at) {
		memset(writable + at, 0, 0x3c);
		store16(writable + at + 8, 0x7fff);
		clear[at + 10] = 0x0f;
		store16(writable + at + 0x10, 0x0fff);
		store16(clear + at + 0x12, 0xc000);
		store16(writable + at + 0x28, 0xffff);
		store16(writable + at + 0x30, 0xffff);
		memset(writable + 0x100, 0xff, CONFIG_SIZE - 0x100);
	} else {
		memset(function->config + 0x100, 0xff, CONFIG_SIZE - 0x100);
	}
}

void fake_pci_init(void)
{
	memset(functions, 0, sizeof(functions));
	function_count = 0;
	for (size_t i = 0; i < sizeof(fake_rows) / sizeof(fake_rows[0]); i++) {
		if (!function_count || functions[function_count - 1].bdf != fake_rows[i].bdf)
			functions[function_count++].bdf = fake_rows[i].bdf;
		memcpy(functions[function_count - 1].config + fake_rows[i].offset,
		       fake_rows[i].words, 16);
	}
	for (size_t i = 0; i < function_count; i++)
		init_masks(&functions[i]);
}

void fake_pci_forget(void)
{
	for (size_t i = 0; i < function_count; i++) {
		memset(functions[i].changed, 0, CONFIG_SIZE);
		functions[i].writes = 0;
		functions[i].resets = 0;
	}
}

uint64_t pci_ecam(hpa_t *start, uint8_t *first_bus)
{
	*start = hpa(FAKE_ECAM);
	*first_bus = 0;
	return 256 << 20;
}

uint32_t pci_read(uint16_t bdf, unsigned offset, unsigned size)
{
	const struct fake_function *function = fake_pci(bdf);
	uint32_t value = UINT32_MAX;

	if (function && offset % size == 0 && offset < CONFIG_SIZE)
		memcpy(&value, function->config + offset, size);
	return size < 4 ? value & ((1U << size * 8) - 1) : value;
}

/* PCI Express 5.0, 6.6.2, and what D3hot does to a function that does not say otherwise. */
static void reset(struct fake_function *function)
{
	unsigned at;

	store16(function->config + PCI_COMMAND, 0);
	for (unsigned bar = 0; bar < 6; bar++)
		for (unsigned byte = 0; byte < 4; byte++) {
			at = PCI_BAR0 + bar * 4 + byte;
			function->config[at] &= (uint8_t)~function->writable[at];
		}
	function->config[PCI_INTERRUPT_LINE] = 0;
	at = find_cap(function, CAP_MSI);
	if (at)
		function->config[at + 2] &= 0xfe;
	at = find_cap(function, CAP_MSIX);
	if (at)
		function->config[at + 3] &= 0x3f;
	at = find_cap(function, CAP_PCIE);
	if (at)
		store16(function->config + at + 8, 0x2810);
	function->resets++;
}

void pci_write(uint16_t bdf, unsigned offset, unsigned size, uint32_t value)
{
	struct fake_function *function = fake_pci(bdf);
	unsigned pcie, pm;
	uint8_t power;

	if (!function || offset % size || offset >= CONFIG_SIZE)
		return;
	pcie = find_cap(function, CAP_PCIE);
	pm = find_cap(function, CAP_PM);
	power = pm ? function->config[pm + 4] & 3 : 0;
	function->writes++;
	for (unsigned i = 0; i < size; i++) {
		unsigned at = offset + i;
		uint8_t byte = (uint8_t)(value >> i * 8), old = function->config[at];

		function->config[at] = (uint8_t)((old & ~function->writable[at]) |
						 (byte & function->writable[at]));
		function->config[at] &= (uint8_t) ~(byte & function->clear[at]);
		function->changed[at] |= old ^ function->config[at];
	}
	if (pcie && offset <= pcie + 9 && offset + size > pcie + 9 &&
	    (value >> (pcie + 9 - offset) * 8 & 0x80) && (function->config[pcie + 7] & 0x10))
		reset(function);
	if (pm && power == 3 && !(function->config[pm + 4] & 3) && !(function->config[pm + 4] & 8))
		reset(function);
}
