/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the parser of the boot loader's information: whatever is accepted is in order. */
#include <string.h>

#include "boot/multiboot2.h"
#include "fuzz.h"
#include "lib/bytes.h"

static void check_ranges(const struct boot_info *info)
{
	uint64_t end = 0;

	FUZZ_CHECK(info->range_count >= 1 && info->range_count <= BOOT_MAX_RANGES);
	for (size_t i = 0; i < info->range_count; i++) {
		const struct boot_range *range = &info->ranges[i];

		FUZZ_CHECK(range->start >= end && range->size > 0);
		FUZZ_CHECK(range->start % PAGE_SIZE == 0 && range->size % PAGE_SIZE == 0);
		FUZZ_CHECK(range->type >= 1 && range->type <= 5);
		FUZZ_CHECK(i == 0 || range->start > end || range->type != range[-1].type);
		end = range->start + range->size;
		FUZZ_CHECK(end <= 1ULL << 52);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct boot_info info;
	const char *problem;

	memset(&info, 0xa5, sizeof(info));
	if (multiboot2_parse(data, size, &info, &problem) != 0) {
		FUZZ_CHECK(problem && *problem);
		return 0;
	}
	FUZZ_CHECK(!problem);
	check_ranges(&info);
	FUZZ_CHECK(strnlen(info.cmdline, sizeof(info.cmdline)) < sizeof(info.cmdline));
	FUZZ_CHECK(strnlen(info.loader, sizeof(info.loader)) < sizeof(info.loader));
	FUZZ_CHECK(info.module_count <= BOOT_MAX_MODULES);
	for (size_t i = 0; i < info.module_count; i++) {
		FUZZ_CHECK(strnlen(info.modules[i].name, BOOT_MODULE_NAME) < BOOT_MODULE_NAME);
		FUZZ_CHECK(!range_wraps(info.modules[i].start, info.modules[i].size));
	}
	FUZZ_CHECK(info.rsdp_size == 0 || info.rsdp_size == 20 || info.rsdp_size == 36);
	if (info.framebuffer.bits_per_pixel) {
		FUZZ_CHECK(!range_wraps(info.framebuffer.base, (uint64_t)info.framebuffer.pitch *
								       info.framebuffer.height));
		FUZZ_CHECK(info.framebuffer.pitch >=
			   info.framebuffer.width * info.framebuffer.bits_per_pixel / 8);
		FUZZ_CHECK(info.framebuffer.red_position <= info.framebuffer.bits_per_pixel - 8);
	}
	return 0;
}

/* All tags there are, the map in E820's or EFI's form. */
size_t fuzz_seed(unsigned index, uint8_t *data, size_t size)
{
	static const struct {
		uint32_t type, size; /* of the payload */
		uint8_t payload[48];
	} tags[] = {
		{1, 4, "a=b"},
		{2, 5, "GRUB"},
		{3, 17, "\0\0\x10\0\0\x10\x10\0manifest"},
		{3, 13, "\0\x10\x10\0\0\x20\x10\0ui x"},
		{6, 32, "\x18\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\xfc\3\0\0\0\0\0\1"},
		{17, 48, "\x28\0\0\0\1\0\0\0\7\0\0\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\x40"},
		{8, 30,
		 "\0\0\0\x80\0\0\0\0\0\x14\0\0\0\5\0\0\x20\3\0\0\x20\1\0\0\x10\x08\x08\x08"
		 "\0\x08"},
		{12, 8, ""},
		{14, 20, "RSD PTR "},
		{15, 36, "RSD PTR "},
		{0, 0, ""},
	};
	size_t used = 8;

	if (index > 2 || size < 512)
		return 0;
	for (size_t i = 0; i < ARRAY_LENGTH(tags); i++) {
		if ((index == 0 && tags[i].type == 17) || (index == 1 && tags[i].type == 6))
			continue;
		used = align_up(used, 8);
		store32(data + used, tags[i].type);
		store32(data + used + 4, 8 + tags[i].size);
		memcpy(data + used + 8, tags[i].payload, tags[i].size);
		used += 8 + tags[i].size;
	}
	store32(data, (uint32_t)used);
	store32(data + 4, 0);
	return used;
}
