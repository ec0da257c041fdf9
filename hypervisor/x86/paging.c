/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core's own page tables. Source: AMD APM vol. 2, 5.3, 5.6. */
#include "x86/paging.h"

#include "boot/image.h"
#include "boot/multiboot2.h"
#include "lib/log.h"
#include "memory/frame.h"
#include "x86/cpu.h"
#include "x86/descriptor.h"
#include "x86/machine.h"

#define PAGE_PRESENT  (1ULL << 0)
#define PAGE_WRITE    (1ULL << 1)
#define PAGE_UNCACHED (3ULL << 3) /* PWT and PCD: entry 3 of the PAT, UC after reset */
#define PAGE_LARGE    (1ULL << 7)
#define PAGE_NX	      (1ULL << 63)
#define PAGE_ADDRESS  0x000ffffffffff000ULL
#define TABLE_ENTRIES 512
#define LARGE	      (2 * MIB)

#define PHYSMAP_LIMIT 0x0000400000000000ULL /* what fits below the devices */
#define DEVICE_BASE   0xffffc00000000000ULL
#define DEVICE_LIMIT  (64 * GIB)
#define STACK_BASE    0xffffd00000000000ULL
#define STACK_SIZE    (4 * PAGE_SIZE)
#define MAX_DEVICES   128

extern uint64_t early_pml4[TABLE_ENTRIES]; /* boot/entry.S */
extern char boot_stack_guard[PAGE_SIZE];

static uint64_t *root = early_pml4;
static bool final;
/* Tables of map_device() before there is a pool. */
static uint64_t early_tables[8][TABLE_ENTRIES] __attribute__((aligned(4096)));
static size_t early_tables_used;

static struct {
	uint64_t start, size, virtual;
} devices[MAX_DEVICES];
static size_t device_count;
static uint64_t device_next = DEVICE_BASE;

uint64_t paging_root(void)
{
	uint64_t address = (uint64_t)root;

	return address >= IMAGE_VIRTUAL_BASE ? hpa_value(image_physical(root))
					     : address - PHYSMAP_BASE;
}

static uint64_t new_table(void)
{
	if (final || frame_used() != 0)
		return hpa_value(frame_alloc_table());
	if (early_tables_used == ARRAY_LENGTH(early_tables))
		return 0;
	return hpa_value(image_physical(early_tables[early_tables_used++]));
}

/* The entry that maps virtual with a page of 1 << shift bytes, tables on the way made as needed;
 * NULL: no frames. A larger page on the way is what maps it already: its entry is returned. */
static uint64_t *find_entry(uint64_t virtual, unsigned shift)
{
	uint64_t *table = root;

	for (unsigned level_shift = 39;; level_shift -= 9) {
		uint64_t *entry = &table[virtual >> level_shift & (TABLE_ENTRIES - 1)];

		if (level_shift == shift || ((*entry & PAGE_LARGE) != 0 && level_shift < 39))
			return entry;
		if (*entry == 0) {
			uint64_t address = new_table();

			if (address == 0)
				return NULL;
			*entry = address | PAGE_PRESENT | PAGE_WRITE;
		}
		table = phys_virt(hpa(*entry & PAGE_ADDRESS));
	}
}

bool paging_maps(uint64_t virtual)
{
	const uint64_t *table = root;

	if (virtual >> 47 != 0 && virtual >> 47 != 0x1ffff)
		return false;
	for (unsigned shift = 39;; shift -= 9) {
		uint64_t entry = table[virtual >> shift & (TABLE_ENTRIES - 1)];

		if ((entry & PAGE_PRESENT) == 0)
			return false;
		if (shift == 12 || ((entry & PAGE_LARGE) != 0 && shift < 39))
			return true;
		table = phys_virt(hpa(entry & PAGE_ADDRESS));
	}
}

static bool fits(uint64_t virtual, uint64_t physical, uint64_t size, unsigned shift)
{
	return ((virtual | physical) & ((1ULL << shift) - 1)) == 0 && size >> shift != 0;
}

static bool has_huge_pages(void)
{
	return cpuid(0x80000000, 0).eax >= 0x80000001 &&
	       (cpuid(0x80000001, 0).edx & (1U << 26)) != 0;
}

/* Maps what is not mapped yet, with pages as large as they can be. Page-aligned. */
static bool map(uint64_t virtual, uint64_t physical, uint64_t size, uint64_t flags)
{
	bool huge = has_huge_pages();

	while (size > 0) {
		unsigned shift = huge && fits(virtual, physical, size, 30) ? 30
				 : fits(virtual, physical, size, 21)	   ? 21
									   : 12;
		uint64_t *entry = find_entry(virtual, shift);

		/* Smaller pages are there already: fill up between them. */
		while (entry != NULL && *entry != 0 && shift > 12 && (*entry & PAGE_LARGE) == 0)
			entry = find_entry(virtual, shift -= 9);
		if (entry == NULL)
			return false;
		if (*entry == 0)
			*entry = physical | flags | PAGE_PRESENT | (shift == 12 ? 0 : PAGE_LARGE);
		virtual += 1ULL << shift;
		physical += 1ULL << shift;
		size -= 1ULL << shift;
	}
	return true;
}

static void must_map(uint64_t virtual, uint64_t physical, uint64_t size, uint64_t flags)
{
	if (!map(virtual, physical, size, flags))
		core_panic(REASON_OUT_OF_FRAMES, "for the core's page tables");
}

/* The part of [start, end) that is in [from, to), in the physical map. */
static void map_part(uint64_t start, uint64_t end, uint64_t from, uint64_t to, uint64_t flags)
{
	if (start < from)
		start = from;
	if (end > to)
		end = to;
	if (start < end)
		must_map(PHYSMAP_BASE + start, start, end - start, flags | PAGE_NX);
}

/* What the image may not write to at its own address, it may not write to here. */
static void map_range(const struct boot_range *range)
{
	uint64_t text = hpa_value(image_load);
	uint64_t data = hpa_value(image_physical(image_rodata_end));
	uint64_t end = range->start + range->size;
	uint64_t write = range->type == 1 ? PAGE_WRITE : 0;

	if (end > PHYSMAP_LIMIT)
		end = PHYSMAP_LIMIT;
	map_part(range->start, end, 0, text, write);
	map_part(range->start, end, text, data, 0);
	map_part(range->start, end, data, UINT64_MAX, write);
}

static void map_image(const char *start, const char *end, uint64_t flags)
{
	must_map((uint64_t)start, hpa_value(image_physical(start)), (uint64_t)(end - start), flags);
}

void paging_init(const struct boot_info *boot)
{
	uint64_t frame = hpa_value(frame_alloc_table());
	const uint64_t device_slot = DEVICE_BASE >> 39 & (TABLE_ENTRIES - 1);

	if (frame == 0)
		core_panic(REASON_OUT_OF_FRAMES, "for the core's page tables");
	root = phys_virt(hpa(frame));
	final = true;
	root[device_slot] = early_pml4[device_slot]; /* what map_device() has done so far */
	for (size_t i = 0; i < boot->range_count; i++) {
		uint32_t type = boot->ranges[i].type;

		if (type == 1 || type == 3 || type == 4)
			map_range(&boot->ranges[i]);
	}
	map_image(image_start, image_text_end, 0);
	map_image(image_text_end, image_rodata_end, PAGE_NX);
	map_image(image_rodata_end, boot_stack_guard, PAGE_NX | PAGE_WRITE);
	map_image(boot_stack_guard + PAGE_SIZE, image_end, PAGE_NX | PAGE_WRITE);
	write_cr3(paging_root());
}

bool paging_add_firmware(hpa_t start, uint64_t size)
{
	uint64_t first = align_down(hpa_value(start), PAGE_SIZE);
	uint64_t end;

	if (size == 0 || range_wraps(hpa_value(start), size) ||
	    hpa_value(start) + size > PHYSMAP_LIMIT)
		return false;
	end = align_up(hpa_value(start) + size, PAGE_SIZE);
	return map(PHYSMAP_BASE + first, first, end - first, PAGE_NX);
}

uint64_t paging_map_stack(unsigned slot, unsigned which)
{
	/* The page below each stack stays unmapped: that is what catches an overflow. */
	uint64_t base = STACK_BASE +
			(slot * (IST_COUNT + 1ULL) + which) * (STACK_SIZE + PAGE_SIZE) + PAGE_SIZE;
	hpa_t frames = frame_alloc_many(STACK_SIZE / PAGE_SIZE);

	if (hpa_value(frames) == 0)
		core_panic(REASON_OUT_OF_FRAMES, "for a stack");
	must_map(base, hpa_value(frames), STACK_SIZE, PAGE_NX | PAGE_WRITE);
	return base + STACK_SIZE;
}

void *map_device(hpa_t start, uint64_t size)
{
	uint64_t first = align_down(hpa_value(start), PAGE_SIZE);
	uint64_t offset = hpa_value(start) - first, virtual;
	uint64_t nx = rdmsr(MSR_EFER) & EFER_NXE ? PAGE_NX : 0; /* cpu_require() comes later */

	if (size == 0 || range_wraps(hpa_value(start), size))
		return NULL;
	size = align_up(offset + size, PAGE_SIZE);
	for (size_t i = 0; i < device_count; i++)
		if (first >= devices[i].start && size <= devices[i].size &&
		    first - devices[i].start <= devices[i].size - size)
			return (void *)(devices[i].virtual + (first - devices[i].start) + offset);
	/* Large pages need both addresses to be alike below 2 MiB. */
	virtual = align_up(device_next, LARGE) + first % LARGE;
	if (device_count == MAX_DEVICES || virtual + size > DEVICE_BASE + DEVICE_LIMIT ||
	    !map(virtual, first, size, PAGE_UNCACHED | PAGE_WRITE | nx))
		return NULL;
	devices[device_count].start = first;
	devices[device_count].size = size;
	devices[device_count].virtual = virtual;
	device_count++;
	device_next = virtual + size;
	return (void *)(virtual + offset);
}
