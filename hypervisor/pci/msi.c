/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSI (PCI Local Bus 3.0, 6.8.1), one vector a function. The VM's message stays in the shadow; the
 * device has the core's, and is enabled only while there is a route for it.
 */
#include "pci/config.h"
#include "pci/vpci-parts.h"

#include "vm/irq.h"

/* Offsets in the capability of what comes behind the address. */
static unsigned data_offset(const struct vpci_function *function)
{
	return function->msi.control & MSI_64BIT ? 12 : 8;
}

static void set_enable(const struct vpci_function *function, bool enable)
{
	pci_write(function->real->bdf, function->msi_cap + 2U, 2, enable ? MSI_ENABLE : 0);
}

void msi_init(struct vpci *vpci, struct vpci_function *function)
{
	const struct policy_function *policy = &function->policy;
	const struct pci_cap *cap = caps_find(policy->caps, policy->count, false, CAP_MSI);

	if (cap == NULL)
		return;
	function->msi_cap = cap->offset;
	function->msi.control =
		pci_read(function->real->bdf, cap->offset + 2U, 2) & (MSI_64BIT | MSI_MASKS);
	msi_off(vpci, function);
}

void msi_off(struct vpci *vpci, struct vpci_function *function)
{
	(void)vpci;
	if (function->msi_cap == 0)
		return;
	set_enable(function, false);
	if (function->msi.routed)
		irq_unroute_msi(function->real->bdf, 0);
	function->msi.routed = false;
	function->msi.masked = false;
	function->msi.control &= MSI_64BIT | MSI_MASKS;
	for (unsigned i = 0; i < 3; i++)
		function->msi.words[i] = 0;
}

/* Gives the device the core's message for the VM's; false: it leads nowhere. */
static bool route(struct vpci *vpci, struct vpci_function *function)
{
	uint16_t bdf = function->real->bdf, cap = function->msi_cap;
	bool known = function->msi.routed;
	uint64_t address;
	uint32_t data;

	if (irq_route_msi(vpci->vm, bdf, 0,
			  (uint64_t)function->msi.words[1] << 32 | function->msi.words[0],
			  function->msi.words[2], &address, &data) != 0)
		return false;
	function->msi.routed = true;
	if (!(function->msi.control & MSI_64BIT) && address >> 32)
		return false;
	/* Mostly it is the one that the device has: then nothing is lost in between. */
	if (known && address == function->msi.address && data == function->msi.data)
		return true;
	set_enable(function, false);
	pci_write(bdf, cap + 4U, 4, (uint32_t)address);
	if (function->msi.control & MSI_64BIT)
		pci_write(bdf, cap + 8U, 4, (uint32_t)(address >> 32));
	pci_write(bdf, cap + data_offset(function), 2, data);
	function->msi.address = address;
	function->msi.data = data;
	return true;
}

static void apply(struct vpci *vpci, struct vpci_function *function)
{
	bool enable = function->msi.control & MSI_ENABLE;

	if (function->msi.control & MSI_MASKS)
		pci_write(function->real->bdf, function->msi_cap + data_offset(function) + 4, 4,
			  function->msi.masked ? UINT32_MAX : UINT32_MAX - 1);
	enable = enable && route(vpci, function);
	set_enable(function, enable);
	if (!enable && function->msi.routed) {
		irq_unroute_msi(function->real->bdf, 0);
		function->msi.routed = false;
	}
	vpci_apply_command(vpci, function);
}

uint32_t msi_read(const struct vpci_function *function, unsigned offset)
{
	unsigned data = data_offset(function);

	if (offset == 0)
		return (uint32_t)(function->msi.control & MSI_ENABLE) << 16;
	if (offset == data)
		return function->msi.words[2];
	if (offset == data + 4)
		return function->msi.masked;
	if (offset == data + 8)
		return pci_read(function->real->bdf, function->msi_cap + offset, 4) & 1;
	return function->msi.words[offset / 4 - 1];
}

void msi_write(struct vpci *vpci, struct vpci_function *function, unsigned offset, uint32_t value)
{
	unsigned data = data_offset(function);

	if (offset == 0)
		function->msi.control = (uint16_t)((function->msi.control & ~MSI_ENABLE) |
						   (value >> 16 & MSI_ENABLE));
	else if (offset == 4)
		function->msi.words[0] = value & ~3U;
	else if (offset == data)
		function->msi.words[2] = value & 0xffff;
	else if (offset == data + 4)
		function->msi.masked = value & 1;
	else if (offset == 8)
		function->msi.words[1] = value;
	apply(vpci, function);
}
