/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All I/O ports, in and out, but for the VM's own: those would only harm itself (resets, power-off,
 * its keyboard, its interrupt controllers), and are its right.
 */
#include <linux/acpi.h>
#include <linux/io.h>
#include <linux/pci.h>

#include "attack.h"

static bool is_device_port(u32 port)
{
	struct pci_dev *dev = NULL;
	int i;

	for_each_pci_dev(dev) for (i = 0; i < PCI_BRIDGE_RESOURCES; i++)
	{
		const struct resource *r = &dev->resource[i];

		if (resource_type(r) == IORESOURCE_IO && resource_size(r) > 1 &&
		    port + 3 >= r->start && port <= r->end) {
			pci_dev_put(dev);
			return true;
		}
	}
	return false;
}

static bool within(u32 port, u32 first, u32 count)
{
	return count && port + 3 >= first && port < first + count;
}

static bool is_own(u32 port)
{
	const struct acpi_table_fadt *fadt = &acpi_gbl_FADT;

	return within(port, 0x20, 2) || within(port, 0xa0, 2) || within(port, 0x40, 4) ||
	       within(port, 0x60, 5) || within(port, 0x70, 8) || within(port, 0x92, 1) ||
	       within(port, 0xb2, 2) || within(port, 0x2f8, 8) || within(port, 0x3f8, 8) ||
	       within(port, 0x4d0, 2) || within(port, 0xcf8, 8) ||
	       within(port, fadt->smi_command, 1) ||
	       within(port, fadt->pm1a_event_block, fadt->pm1_event_length) ||
	       within(port, fadt->pm1a_control_block, fadt->pm1_control_length) ||
	       within(port, fadt->pm_timer_block, fadt->pm_timer_length) ||
	       within(port, fadt->gpe0_block, fadt->gpe0_block_length) || is_device_port(port);
}

void attack_port(void)
{
	u32 port, value;

	for (port = 0; port < 0x10000; port++) {
		/* All sizes where a PC has ports, one by turns above. */
		bool all = port < 0x1000;

		if (is_own(port))
			continue;
		attack_tried(1);
		if (!attack_core)
			continue;
		value = (u32)attack_random();
		if (all || port % 3 == 0) {
			inb(port);
			outb((u8)value, port);
		}
		if (all || port % 3 == 1) {
			inw(port);
			outw((u16)value, port);
		}
		if (all || port % 3 == 2) {
			inl(port);
			outl(value, port);
		}
		attack_tried(all ? 6 : 2);
	}
}
