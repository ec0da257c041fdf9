/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: what two hostile VMs do to PCI. An input is a list of records of 8 bytes: what to
 * do, which function, offset, value. Whatever they do, devices see only bits that the rules allow.
 */
#include "fuzz.h"

#include <string.h>

#include "../core/pci-rig.h"
#include "lib/bytes.h"

static const uint16_t functions[] = {FAKE_HOST_BRIDGE, FAKE_IOMMU, FAKE_NVME, FAKE_E1000E,
				     FAKE_GPU,	       FAKE_VGA,   FAKE_XHCI, FAKE_EDU,
				     FAKE_ROOT_PORT,   FAKE_ISA,   FAKE_AHCI, FAKE_SMBUS,
				     FAKE_NET,	       0xffff,	   0x0010,    0x0101};

/* Pages with MSI-X tables. */
static const struct {
	uint64_t page;
	uint16_t bdf;
	unsigned lines;
	unsigned vm;
} tables[] = {
	{0xfeb92000, FAKE_NVME, 65, RIG_CONTROL}, {0xfeb94000, FAKE_E1000E, 5, RIG_CONTROL},
	{0xfeb9c000, FAKE_GPU, 3, RIG_UI},	  {0xfeb9b000, FAKE_XHCI, 16, RIG_UI},
	{0xfe840000, FAKE_NET, 4, RIG_CONTROL},
};

static struct fake_function at_first[ARRAY_LENGTH(functions)];

static const struct pci_cap *find(const struct fake_function *fake, uint16_t id)
{
	static struct pci_cap caps[32];

	return caps_find(caps, caps_list(fake->config, caps, 32), false, id);
}

/* Bits that may change in a device, said again and not taken from the policy. */
static void allow(const struct fake_function *fake, uint8_t allowed[CONFIG_SIZE])
{
	const struct pci_cap *cap;

	memset(allowed, 0, CONFIG_SIZE);
	if (fake->config[0x0b] == 0x06)
		return;
	store16(allowed + PCI_COMMAND, COMMAND_MASTER | COMMAND_INTX_DISABLE);
	store16(allowed + PCI_STATUS, 0xf900);
	cap = find(fake, CAP_MSI);
	if (cap) {
		memset(allowed + cap->offset + 4, 0xff, cap->length - 4U);
		allowed[cap->offset + 2] = 0x01;
	}
	cap = find(fake, CAP_MSIX);
	if (cap)
		allowed[cap->offset + 3] = 0xc0;
	cap = find(fake, CAP_PCIE);
	if (cap) {
		store32(allowed + cap->offset + 8, 0x000f78ff);
		if (cap->length > 0x28)
			allowed[cap->offset + 0x28] = 0x1f;
	}
	if (fake->bdf == FAKE_AHCI)
		allowed[0x92] = 0x3f;
	cap = find(fake, CAP_PM);
	if (cap && fake->resets) /* the core's way to reset it */
		allowed[cap->offset + 4] = 0x03;
	/* After a reset, what it had. */
	for (unsigned i = 0; fake->resets && i < 0x40; i++)
		if (i / 2 == PCI_COMMAND / 2 || (i >= 0x10 && i < 0x28) || i == 0x3c)
			allowed[i] = 0xff;
}

static void check_function(const struct fake_function *fake, const struct fake_function *first)
{
	static uint8_t allowed[CONFIG_SIZE];
	const struct pci_cap *pm;

	allow(fake, allowed);
	for (unsigned i = 0; i < CONFIG_SIZE; i++)
		FUZZ_CHECK((fake->changed[i] & ~allowed[i]) == 0);
	FUZZ_CHECK(fake->config[0x0b] == 0x06 ? fake->writes == 0 : true);
	/* What a reset has changed has come back. */
	FUZZ_CHECK(memcmp(fake->config + 0x08, first->config + 0x08, 0x38) == 0);
	pm = find(fake, CAP_PM);
	FUZZ_CHECK(!pm || (fake->config[pm->offset + 4] & 3) == 0);
	FUZZ_CHECK(((fake->config[PCI_COMMAND] ^ first->config[PCI_COMMAND]) & 3) == 0);
}

static void check_msi(const struct fake_function *fake)
{
	const struct pci_cap *cap = find(fake, CAP_MSI);
	const struct rig_route *route;

	if (!cap || !(fake->config[cap->offset + 2] & MSI_ENABLE))
		return;
	route = rig_find_route(fake->bdf, 0);
	FUZZ_CHECK(route && route->address == load32(fake->config + cap->offset + 4));
	FUZZ_CHECK(route->guest_address >> 20 == 0xfee);
}

static void check_table(size_t index)
{
	for (unsigned line = 0; line < tables[index].lines; line++) {
		const uint8_t *words = rig_memory(tables[index].page) + line * 16;
		const struct rig_route *route;

		if (words[12] & 1)
			continue;
		route = rig_find_route(tables[index].bdf, line);
		FUZZ_CHECK(route && route->vm == &rig_vms[tables[index].vm]);
		FUZZ_CHECK(load64(words) == route->address && load32(words + 8) == route->data);
	}
}

static void finish_resets(void)
{
	for (unsigned vm = 0; vm < 2; vm++)
		for (size_t i = 0; i < rig_vms[vm].pci->count; i++)
			rig_read(vm, rig_vms[vm].pci->functions[i].real->bdf, 0, 4);
}

static void check(void)
{
	finish_resets();
	for (size_t i = 0; i < ARRAY_LENGTH(functions); i++) {
		const struct fake_function *fake = fake_pci(functions[i]);

		if (!fake)
			continue;
		check_function(fake, &at_first[i]);
		check_msi(fake);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++)
		check_table(i);
	for (size_t i = 0; i < RIG_ROUTES; i++)
		if (rig_routes[i].used)
			FUZZ_CHECK(rig_function(rig_routes[i].vm->number, rig_routes[i].device)
					   ->policy.view == VIEW_OWN);
}

static void step(const uint8_t *record)
{
	unsigned vm = record[0] & 1, size = 1U << (record[0] >> 1 & 3);
	uint16_t bdf = functions[record[1] & 15];
	unsigned offset = load16(record + 2) & 0xfff;
	uint64_t value = load32(record + 4), table = tables[record[1] % 5].page;

	value |= value << 32;
	switch (record[0] >> 3 & 7) {
	case 0:
	case 1:
		rig_write(vm, bdf, bdf == 0xffff ? offset & 0xff0 : offset, size, value);
		break;
	case 2:
		rig_write(vm, bdf, offset & 0xfc, 4, value);
		break;
	case 3:
		rig_read(vm, bdf, offset & 0xff0, size);
		break;
	case 4:
		rig_port_write(vm, 0xcf8, 4,
			       0x80000000 | (unsigned)bdf << 8 | (value & 0xfc) | (offset & 0x80));
		rig_port_write(vm, 0xcfc + (offset & 3 & ~(size - 1)), size > 4 ? 1 : size, value);
		break;
	case 5:
		rig_memory_write(vm, table + (offset > 0xff8 ? 0 : offset), size, value);
		break;
	case 6: /* what a driver does */
		rig_memory_write(vm, table + (offset & 0x70), 8, 0xfee00000 | (value & 0xff000));
		rig_memory_write(vm, table + (offset & 0x70) + 8, 8, value & 0xff);
		break;
	case 7:
		if (value % 64 == 0)
			vpci_reset(&rig_vms[vm]);
		else if (value % 64 == 1)
			vpci_quiesce(&rig_vms[vm]);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;

	if (!ready) {
		rig_create();
		for (size_t i = 0; i < ARRAY_LENGTH(functions); i++)
			if (fake_pci(functions[i]))
				at_first[i] = *fake_pci(functions[i]);
		ready = true;
	}
	vpci_reset(&rig_vms[0]);
	vpci_reset(&rig_vms[1]);
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++)
		memset(rig_memory(tables[i].page), 0xff, PAGE_SIZE);
	fake_pci_forget();
	for (size_t at = 0; at + 8 <= size; at += 8)
		step(data + at);
	check();
	return 0;
}

size_t fuzz_seed(unsigned index, uint8_t *data, size_t size)
{
	/* Write of 4 bytes: 0x10 | size << 1 | VM. */
	static const uint8_t bars[] = {
		0x14, 7, 0x10, 0, 0xff, 0xff, 0xff, 0xff, 0x14, 7, 0x10, 0, 0, 0, 0xb9, 0xfe,
		0x14, 7, 0x04, 0, 6,	0,    0,    0,	  0x15, 0, 0x60, 0, 1, 0, 0,	0xe0,
	};
	static const uint8_t messages[] = {
		0x14, 6, 0x90, 0, 0,	0, 0, 0x80, 0x36, 3, 0x20, 0, 0x41, 0, 0,    0,
		0x2c, 3, 0x2c, 0, 1,	0, 0, 0,    0x14, 7, 0x44, 0, 0,    0, 0xe0, 0xfe,
		0x14, 7, 0x4c, 0, 0x41, 0, 0, 0,    0x14, 7, 0x40, 0, 0,    0, 1,    0,
	};
	static const uint8_t resets[] = {
		0x15, 2, 0x88, 0, 0xff, 0xff, 0, 0, 0x1d, 2, 0, 0, 0, 0, 0, 0,
		0x25, 2, 0x80, 0, 8,	0x80, 0, 0, 0x38, 0, 0, 0, 0, 0, 0, 0,
	};
	static const struct {
		const uint8_t *bytes;
		size_t size;
	} seeds[] = {{bars, sizeof(bars)}, {messages, sizeof(messages)}, {resets, sizeof(resets)}};

	if (index >= ARRAY_LENGTH(seeds) || seeds[index].size > size)
		return 0;
	memcpy(data, seeds[index].bytes, seeds[index].size);
	return seeds[index].size;
}
