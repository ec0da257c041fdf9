/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the multiboot2 information block: tags of {type, size, payload}, each starting at a
 * multiple of 8, up to the end tag. Of a tag that comes twice, the first counts.
 */
#include "boot/multiboot2.h"

#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/string.h"

enum { TAG_END = 0, TAG_CMDLINE = 1, TAG_LOADER = 2, TAG_MODULE = 3, TAG_MEMORY_MAP = 6 };
enum { TAG_FRAMEBUFFER = 8, TAG_EFI32 = 11, TAG_EFI64 = 12, TAG_ACPI1 = 14, TAG_ACPI2 = 15 };
enum { TAG_EFI_MEMORY_MAP = 17 };

#define TAG_HEADER	 8
#define MAX_MAP_ENTRIES	 1024
#define MAX_ADDRESS	 ((1ULL << 52) - 1) /* what an x86 CPU can address at most */
#define FRAMEBUFFER_RGB	 1
#define MAX_SCREEN_SIDE	 16384
#define RSDP_OLD_SIZE	 20
#define RSDP_SIZE	 36
#define FRAMEBUFFER_SIZE 30 /* up to the colour's description */

struct tag {
	const uint8_t *payload; /* NULL: there is none */
	size_t size;
};

struct map {
	const uint8_t *entries;
	size_t entry_size, count;
	bool efi;
};

/* Free are also the loader's and the boot services' code and data; what is unknown is reserved. */
static uint32_t type_of_efi(uint32_t type)
{
	static const uint8_t types[] = {2, 1, 1, 1, 1, 2, 2, 1, 5, 3, 4};

	return type < ARRAY_LENGTH(types) ? types[type] : 2;
}

/* Where ranges overlap, the highest rank wins. */
static unsigned rank_of(uint32_t type)
{
	static const uint8_t ranks[] = {0, 1, 4, 2, 3, 5};

	return ranks[type];
}

/* An entry in whole pages, last inclusive. False if nothing is left of it. */
static bool map_entry(const struct map *map, size_t index, uint64_t *first, uint64_t *last,
		      uint32_t *type)
{
	const uint8_t *entry = map->entries + index * map->entry_size;
	uint64_t size;

	if (map->efi) {
		*type = type_of_efi(load32(entry));
		*first = load64(entry + 8);
		if (load64(entry + 24) > UINT64_MAX / PAGE_SIZE)
			size = MAX_ADDRESS + 1;
		else
			size = load64(entry + 24) * PAGE_SIZE;
	} else {
		*first = load64(entry);
		size = load64(entry + 8);
		*type = load32(entry + 16);
		if (*type < 1 || *type > 5)
			*type = 2;
	}
	if (size == 0 || *first > MAX_ADDRESS)
		return false;
	*last = size - 1 > MAX_ADDRESS - *first ? MAX_ADDRESS : *first + (size - 1);
	if (*type != 1) {
		*first = align_down(*first, PAGE_SIZE);
		*last |= PAGE_SIZE - 1;
		return true;
	}
	*first = align_up(*first, PAGE_SIZE);
	if (*last + 1 < PAGE_SIZE)
		return false;
	*last = align_down(*last + 1, PAGE_SIZE) - 1;
	return *first < *last;
}

/* Goes through the address space from one edge of an entry to the next. */
static const char *read_map(const struct map *map, struct boot_info *info)
{
	uint64_t at = 0;

	if (map->count > MAX_MAP_ENTRIES)
		return "the memory map has too many entries";
	while (at <= MAX_ADDRESS) {
		uint64_t next = MAX_ADDRESS + 1, first, last;
		uint32_t worst = 0, type;
		struct boot_range *range;

		for (size_t i = 0; i < map->count; i++) {
			if (!map_entry(map, i, &first, &last, &type) || last < at)
				continue;
			if (first <= at && rank_of(type) > rank_of(worst))
				worst = type;
			if (first > at && first < next)
				next = first;
			if (last + 1 < next)
				next = last + 1;
		}
		range = info->range_count ? &info->ranges[info->range_count - 1] : NULL;
		if (worst && range && range->type == worst && range->start + range->size == at) {
			range->size += next - at;
		} else if (worst) {
			if (info->range_count == BOOT_MAX_RANGES)
				return "the memory map has too many ranges";
			info->ranges[info->range_count++] =
				(struct boot_range){at, next - at, worst};
		}
		at = next;
	}
	return info->range_count ? NULL : "the memory map is empty";
}

static const char *read_maps(struct tag e820, struct tag efi, struct boot_info *info)
{
	struct map map = {.efi = !e820.payload};
	struct tag tag = map.efi ? efi : e820;
	size_t least = map.efi ? 40 : 24;

	if (!tag.payload)
		return "there is no memory map";
	if (tag.size < 8)
		return "the memory map is truncated";
	map.entry_size = load32(tag.payload);
	if (map.entry_size < least || map.entry_size % 8 != 0)
		return "the memory map's entries have a bad size";
	map.entries = tag.payload + 8;
	map.count = (tag.size - 8) / map.entry_size;
	return read_map(&map, info);
}

/* The length of a text that must end within the tag; SIZE_MAX if it does not. */
static size_t text_length(const uint8_t *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] == '\0')
			return i;
	return SIZE_MAX;
}

static const char *read_module(struct tag tag, struct boot_info *info)
{
	struct boot_module *module = &info->modules[info->module_count];
	uint32_t start, end;
	size_t length = 0;

	if (info->module_count == BOOT_MAX_MODULES)
		return "there are too many boot modules";
	if (tag.size < 9 || text_length(tag.payload + 8, tag.size - 8) == SIZE_MAX)
		return "a boot module's description is truncated";
	start = load32(tag.payload);
	end = load32(tag.payload + 4);
	if (end < start)
		return "a boot module ends before it starts";
	tag.payload += 8;
	while (tag.payload[length] != '\0' && tag.payload[length] != ' ')
		length++;
	if (length >= BOOT_MODULE_NAME)
		return "a boot module's name is too long";
	memcpy(module->name, tag.payload, length);
	module->name[length] = '\0';
	for (size_t i = 0; i < info->module_count; i++)
		if (length != 0 && strcmp(info->modules[i].name, module->name) == 0)
			return "two boot modules have the same name";
	module->start = start;
	module->size = end - start;
	info->module_count++;
	return NULL;
}

/* What is not a plain picture of 8 bits a colour stays "no framebuffer". */
static void read_framebuffer(struct tag tag, struct boot_info *info)
{
	const uint8_t *p = tag.payload;
	uint64_t base, pitch, width, height;
	uint8_t bits;

	if (tag.size < FRAMEBUFFER_SIZE || p[21] != FRAMEBUFFER_RGB)
		return;
	base = load64(p);
	pitch = load32(p + 8);
	width = load32(p + 12);
	height = load32(p + 16);
	bits = p[20];
	if ((bits != 24 && bits != 32) || width == 0 || width > MAX_SCREEN_SIDE || height == 0 ||
	    height > MAX_SCREEN_SIDE || pitch < width * (bits / 8) || pitch > 8 * MAX_SCREEN_SIDE)
		return;
	if (base == 0 || base > MAX_ADDRESS - pitch * height)
		return;
	for (size_t i = 24; i < FRAMEBUFFER_SIZE; i += 2)
		if (p[i + 1] != 8 || p[i] > bits - 8)
			return;
	info->framebuffer.base = base;
	info->framebuffer.pitch = load32(p + 8);
	info->framebuffer.width = load32(p + 12);
	info->framebuffer.height = load32(p + 16);
	info->framebuffer.bits_per_pixel = bits;
	info->framebuffer.red_position = p[24];
	info->framebuffer.green_position = p[26];
	info->framebuffer.blue_position = p[28];
}

static const char *read_text(struct tag tag, char *to, size_t size, const char *bad)
{
	size_t length = text_length(tag.payload, tag.size);

	if (length >= size)
		return bad;
	memcpy(to, tag.payload, length + 1);
	return NULL;
}

static void read_rsdp(struct tag tag, size_t size, struct boot_info *info)
{
	if (tag.size < size || info->rsdp_size >= size)
		return;
	memcpy(info->rsdp, tag.payload, size);
	info->rsdp_size = size;
}

static const char *read_tag(uint32_t type, struct tag tag, struct tag *e820, struct tag *efi,
			    struct boot_info *info)
{
	info->efi |= type == TAG_EFI32 || type == TAG_EFI64 || type == TAG_EFI_MEMORY_MAP;
	switch (type) {
	case TAG_CMDLINE:
		return info->cmdline[0] ? NULL
					: read_text(tag, info->cmdline, sizeof(info->cmdline),
						    "the command line is too long");
	case TAG_LOADER: /* only for a message: what does not fit is left out */
		if (!info->loader[0])
			read_text(tag, info->loader, sizeof(info->loader), NULL);
		break;
	case TAG_MODULE:
		return read_module(tag, info);
	case TAG_MEMORY_MAP:
		if (!e820->payload)
			*e820 = tag;
		break;
	case TAG_EFI_MEMORY_MAP:
		if (!efi->payload)
			*efi = tag;
		break;
	case TAG_FRAMEBUFFER:
		if (!info->framebuffer.bits_per_pixel)
			read_framebuffer(tag, info);
		break;
	case TAG_ACPI1:
		read_rsdp(tag, RSDP_OLD_SIZE, info);
		break;
	case TAG_ACPI2:
		read_rsdp(tag, RSDP_SIZE, info);
		break;
	}
	return NULL;
}

int multiboot2_parse(const void *untrusted_info, size_t size, struct boot_info *info,
		     const char **problem)
{
	const uint8_t *block = untrusted_info;
	struct tag e820 = {0}, efi = {0};
	size_t at = TAG_HEADER;

	memset(info, 0, sizeof(*info));
	*problem = NULL;
	if (size < TAG_HEADER || load32(block) > size) {
		*problem = "the information block is truncated";
		return -EBADMSG;
	}
	size = load32(block);
	while (!*problem) {
		uint32_t type;
		size_t length;

		if (at > size || size - at < TAG_HEADER) {
			*problem = "the information block has no end";
			break;
		}
		type = load32(block + at);
		length = load32(block + at + 4);
		if (length < TAG_HEADER || length > size - at) {
			*problem = "a tag of the information block has a bad length";
			break;
		}
		if (type == TAG_END)
			break;
		*problem =
			read_tag(type, (struct tag){block + at + TAG_HEADER, length - TAG_HEADER},
				 &e820, &efi, info);
		at += align_up(length, 8);
	}
	if (!*problem)
		*problem = read_maps(e820, efi, info);
	return *problem ? -EBADMSG : 0;
}
