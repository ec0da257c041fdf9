/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI configuration space, past the kernel: its own functions' BARs moved over other memory and
 * used there, functions that are not there written to, bridges and the chipset reprogrammed;
 * through ports 0xcf8/0xcfc and through memory.
 */
#include <linux/acpi.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pci.h>

#include "attack.h"

static void __iomem *ecam; /* of bus 0; NULL: none */

static u32 read_ports(unsigned int bdf, unsigned int offset)
{
	unsigned long flags;
	u32 value;

	local_irq_save(flags);
	outl(0x80000000 | bdf << 8 | offset, 0xcf8);
	value = inl(0xcfc);
	local_irq_restore(flags);
	return value;
}

static void write_ports(unsigned int bdf, unsigned int offset, u32 value)
{
	unsigned long flags;

	local_irq_save(flags);
	outl(0x80000000 | bdf << 8 | offset, 0xcf8);
	outl(value, 0xcfc);
	local_irq_restore(flags);
}

static u32 read_word(unsigned int bdf, unsigned int offset, bool memory)
{
	return memory ? readl(ecam + (bdf << 12) + offset) : read_ports(bdf, offset);
}

static void write_word(unsigned int bdf, unsigned int offset, u32 value, bool memory)
{
	attack_tried(1);
	if (memory)
		writel(value, ecam + (bdf << 12) + offset);
	else
		write_ports(bdf, offset, value);
}

/* Through a BAR that now claims to be there. */
static void use_address(u64 address)
{
	void __iomem *at;

	if (attack_page(address) != ATTACK_FOREIGN)
		return;
	at = ioremap(address & PAGE_MASK, PAGE_SIZE);
	if (!at)
		return;
	writel(0xa77ac4ed, at);
	if (readl(at) != 0xffffffff)
		attack_through("a BAR moved to %#llx answers there", address);
	iounmap(at);
	attack_tried(2);
}

static void move_bars(struct pci_dev *dev, unsigned int bdf, bool memory)
{
	static const u32 targets[] = {0,	  0x100000,   0x1000000,  0x8000000,
				      0x20000000, 0x40000000, 0x60000000, 0x7ff00000,
				      0xfec00000, 0xfed80000, 0xfed90000, 0xfee00000};
	unsigned int offset, i;

	for (offset = 0x10; offset <= 0x24; offset += 4) {
		u32 old = read_word(bdf, offset, memory);

		for (i = 0; i < ARRAY_SIZE(targets); i++) {
			write_word(bdf, offset, targets[i], memory);
			use_address(targets[i]);
		}
		write_word(bdf, offset, 0xffffffff, memory);
		write_word(bdf, offset, (u32)attack_random(), memory);
		write_word(bdf, offset, old, memory);
		if (read_word(bdf, offset, memory) != old)
			attack_through("%s: BAR at %#x does not come back", pci_name(dev), offset);
	}
}

/* Everything but what makes the function work for its driver: written, and put back. */
static void scribble(unsigned int bdf, bool memory)
{
	unsigned int offset;
	u32 old;

	for (offset = 0; offset < (memory ? 4096 : 256); offset += 4) {
		if (offset == 0x04 || (offset >= 0x10 && offset < 0x28))
			continue;
		/* What follows the header may be capabilities: the driver's interrupts. */
		if (offset >= 0x40 && offset < 0x100)
			continue;
		old = read_word(bdf, offset, memory);
		write_word(bdf, offset, (u32)attack_random(), memory);
		write_word(bdf, offset, 0xffffffff, memory);
		write_word(bdf, offset, old, memory);
	}
	old = read_word(bdf, 0x04, memory);
	write_word(bdf, 0x04, old | 0xffff, memory);
	write_word(bdf, 0x04, old & 0xffff, memory);
}

/* Registers of bridges and chipset (Q35: MCH, LPC) that would move memory; none may change. */
static void try_bridge(unsigned int bdf, bool memory)
{
	static const u8 offsets[] = {0x18, 0x1c, 0x20, 0x24, 0x28, 0x2c, 0x30, 0x3c, 0x40,
				     0x44, 0x48, 0x60, 0x64, 0x68, 0x6c, 0x80, 0x84, 0x90,
				     0x94, 0x9c, 0xa0, 0xac, 0xb0, 0xd8, 0xdc, 0xf0};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		u32 old = read_word(bdf, offsets[i], memory), now;

		write_word(bdf, offsets[i], ~old, memory);
		now = read_word(bdf, offsets[i], memory);
		/* The interrupt line's byte is memory for the kernel, and nothing else. */
		if (offsets[i] == 0x3c)
			now = (now & ~0xffU) | (old & 0xff);
		if (now != old)
			attack_through("bridge or chipset %#x: register %#x was %#x, is %#x", bdf,
				       offsets[i], old, now);
		write_word(bdf, offsets[i], old, memory);
	}
}

static void try_absent(unsigned int bdf, bool memory)
{
	unsigned int offset;

	for (offset = 0; offset < 0x100; offset += 4) {
		write_word(bdf, offset, offset == 4 ? 7 : (u32)attack_random(), memory);
		if (read_word(bdf, offset, memory) != 0xffffffff)
			attack_through("absent function %#x answers at %#x", bdf, offset);
	}
}

static void try_function(unsigned int bdf, bool memory)
{
	struct pci_dev *dev = pci_get_domain_bus_and_slot(0, 0, bdf);

	if (!dev) {
		if (read_word(bdf, 0, memory) == 0xffffffff)
			try_absent(bdf, memory);
	} else if (dev->class >> 16 == PCI_BASE_CLASS_BRIDGE) {
		try_bridge(bdf, memory);
	} else {
		move_bars(dev, bdf, memory);
		scribble(bdf, memory);
	}
	pci_dev_put(dev);
}

void attack_config(void)
{
	struct acpi_table_mcfg *mcfg;
	unsigned int bdf;

	if (ACPI_SUCCESS(acpi_get_table(ACPI_SIG_MCFG, 0, (struct acpi_table_header **)&mcfg))) {
		u64 base = ((struct acpi_mcfg_allocation *)(mcfg + 1))->address;

		ecam = ioremap(base, 256 << 12);
		acpi_put_table((struct acpi_table_header *)mcfg);
	}
	for (bdf = 0; bdf < 256; bdf++) {
		if (!attack_core) {
			attack_tried(1);
			read_ports(bdf, 0);
			continue;
		}
		try_function(bdf, false);
		if (ecam)
			try_function(bdf, true);
	}
	/* Beyond what there is: other buses, offsets that are not aligned, sizes that do not fit.
	 */
	for (bdf = 256; attack_core && bdf < 65536; bdf += 251) {
		write_ports(bdf, 0x10, 0);
		outl(0x80000000 | bdf << 8, 0xcf8);
		outb(0xff, 0xcff);
		outw(0xffff, 0xcfd);
		inw(0xcff);
		inl(0xcfd);
		attack_tried(5);
	}
	if (ecam)
		iounmap(ecam);
	ecam = NULL;
}
