/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads and writes all physical memory that is not the VM's: in steps of step= up to fine=, in
 * steps of 2 MiB from there to 64 GiB.
 */
#include <linux/acpi.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/range.h>

#include "attack.h"

#define TOP	 (64ULL << 30)
#define BLOCK	 (2ULL << 20)
#define PATTERN	 0x216b636174746121ULL
#define IN_PAGE	 0xff0 /* where a page is tried: nothing that is emulated has a register there */
#define LOW	 0x100000
#define ECAM_MAX 4

/* The memory-mapped configuration spaces. */
static struct range ecam[ECAM_MAX];
static int ecam_count = -1;

static bool overlaps_bar(u64 page)
{
	struct pci_dev *dev = NULL;
	int i;

	for_each_pci_dev(dev) for (i = 0; i < PCI_NUM_RESOURCES; i++)
	{
		const struct resource *r = &dev->resource[i];

		if (resource_type(r) == IORESOURCE_MEM && resource_size(r) > 1 &&
		    i < PCI_BRIDGE_RESOURCES && r->start < page + PAGE_SIZE && r->end >= page) {
			pci_dev_put(dev);
			return true;
		}
	}
	return false;
}

static bool is_described(u64 page, unsigned long description)
{
	return region_intersects(page, PAGE_SIZE, IORESOURCE_MEM, description) != REGION_DISJOINT;
}

static void find_ecam(void)
{
	struct acpi_table_mcfg *mcfg;
	struct acpi_mcfg_allocation *entry;

	ecam_count = 0;
	if (ACPI_FAILURE(acpi_get_table(ACPI_SIG_MCFG, 0, (struct acpi_table_header **)&mcfg)))
		return;
	entry = (struct acpi_mcfg_allocation *)(mcfg + 1);
	for (; (char *)(entry + 1) <= (char *)mcfg + mcfg->header.length && ecam_count < ECAM_MAX;
	     entry++)
		ecam[ecam_count++] = (struct range){
			entry->address, entry->address + ((entry->end_bus_number + 1ULL) << 20)};
	acpi_put_table((struct acpi_table_header *)mcfg);
}

enum attack_page attack_page(u64 address)
{
	u64 page = address & PAGE_MASK;
	int i;

	if (ecam_count < 0)
		find_ecam();
	if (page_is_ram(page >> PAGE_SHIFT) || is_described(page, IORES_DESC_ACPI_TABLES) ||
	    is_described(page, IORES_DESC_ACPI_NV_STORAGE) || overlaps_bar(page))
		return ATTACK_OWN;
	for (i = 0; i < ecam_count; i++)
		if (page >= ecam[i].start && page < ecam[i].end)
			return ATTACK_EMULATED;
	if (page < LOW || (page >= 0xfec00000 && page < 0xfec01000) ||
	    (page >= 0xfed00000 && page < 0xfed01000) || page == 0xfee00000)
		return ATTACK_EMULATED;
	return ATTACK_FOREIGN;
}

/* One access of 1, 2, 4 or 8 bytes each way. */
static void try_page(u64 page, void __iomem *at, enum attack_page kind)
{
	unsigned int size = 1U << (page >> PAGE_SHIFT) % 4;
	u64 all_ones = size == 8 ? ~0ULL : (1ULL << size * 8) - 1;
	u64 value;

	if (attack_core)
		switch (size) {
		case 1:
			writeb((u8)PATTERN, at);
			break;
		case 2:
			writew((u16)PATTERN, at);
			break;
		case 4:
			writel((u32)PATTERN, at);
			break;
		default:
			writeq(PATTERN, at);
		}
	value = size == 1 ? readb(at) : size == 2 ? readw(at) : size == 4 ? readl(at) : readq(at);
	if (kind == ATTACK_FOREIGN && value != all_ones && (attack_core || value == PATTERN))
		attack_through("%#llx reads %#llx", page, value);
	attack_tried(attack_core ? 2 : 1);
}

/* All of a block that is not the VM's own: mapped at once if it is all foreign. */
static void try_block(u64 block, u64 step)
{
	void __iomem *map = NULL;
	u64 at;

	if (region_intersects(block, BLOCK, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) ==
	    REGION_DISJOINT)
		map = ioremap(block, BLOCK);
	for (at = block; at < block + BLOCK; at += step) {
		u64 page = at + (attack_random() % step & PAGE_MASK);
		enum attack_page kind = attack_page(page);
		void __iomem *one;

		if (kind == ATTACK_OWN)
			continue;
		one = map ? map + (page - block) : ioremap(page, PAGE_SIZE);
		if (!one)
			continue;
		try_page(page, one + IN_PAGE, kind);
		if (!map)
			iounmap(one);
	}
	if (map)
		iounmap(map);
}

void attack_memory(void)
{
	u64 block, step = clamp_t(u64, attack_step & PAGE_MASK, PAGE_SIZE, BLOCK);

	for (block = 0; block < TOP; block += BLOCK)
		try_block(block, block < attack_fine ? step : BLOCK);
}
