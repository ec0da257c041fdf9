/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The boot loader's information: what is taken from it, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/multiboot2.h"
#include "lib/bytes.h"
#include "lib/errno.h"

static uint8_t block[65536];
static size_t used;
static struct boot_info info;
static const char *problem;

static void begin(void)
{
	memset(block, 0xa5, sizeof(block));
	used = 8;
}

/* Where the payload goes; at multiples of 8, as the loader does it. */
static uint8_t *tag(uint32_t type, size_t payload)
{
	uint8_t *at;

	used = (used + 7) & ~(size_t)7;
	at = block + used;
	store32(at, type);
	store32(at + 4, (uint32_t)(8 + payload));
	used += 8 + payload;
	assert_true(used + 8 <= sizeof(block));
	memset(at + 8, 0, payload);
	return at + 8;
}

static void text_tag(uint32_t type, const char *text)
{
	memcpy(tag(type, strlen(text) + 1), text, strlen(text) + 1);
}

static void module(uint32_t start, uint32_t end, const char *text)
{
	uint8_t *at = tag(3, 8 + strlen(text) + 1);

	store32(at, start);
	store32(at + 4, end);
	memcpy(at + 8, text, strlen(text) + 1);
}

struct entry {
	uint64_t start, size;
	uint32_t type;
};

static void memory_map(const struct entry *entries, size_t count)
{
	uint8_t *at = tag(6, 8 + 24 * count);

	store32(at, 24);
	for (at += 8; count > 0; count--, entries++, at += 24) {
		store64(at, entries->start);
		store64(at + 8, entries->size);
		store32(at + 16, entries->type);
	}
}

static void efi_map(const struct entry *entries, size_t count, size_t entry_size)
{
	uint8_t *at = tag(17, 8 + entry_size * count);

	store32(at, (uint32_t)entry_size);
	store32(at + 4, 1);
	for (at += 8; count > 0; count--, entries++, at += entry_size) {
		store32(at, entries->type);
		store64(at + 8, entries->start);
		store64(at + 24, entries->size / PAGE_SIZE);
	}
}

static const struct entry ram = {0x100000, 0x100000, 1};

/* From a copy that ends where the readable memory does. */
static int parse_only(size_t readable)
{
	uint8_t *copy = malloc(readable ? readable : 1);
	int result;

	memcpy(copy, block, readable);
	memset(&info, 0xa5, sizeof(info));
	result = multiboot2_parse(copy, readable, &info, &problem);
	free(copy);
	assert_true((result == 0) == (problem == NULL));
	return result;
}

static int parse(void)
{
	tag(0, 0);
	store32(block, (uint32_t)used);
	return parse_only(used);
}

static void refused(const char *why)
{
	assert_int_equal(parse(), -EBADMSG);
	assert_string_equal(problem, why);
}

static void test_everything_is_read(void **state)
{
	uint8_t *at;

	(void)state;
	begin();
	text_tag(1, "verbose a=b");
	text_tag(2, "GRUB 2.06");
	module(0x1000, 0x3000, "vmlinuz-ui some words");
	module(0x5000, 0x5001, "manifest");
	tag(4, 8); /* one we do not know */
	memory_map(&ram, 1);
	at = tag(8, 30);
	store64(at, 0x480000000);
	store32(at + 8, 5120);
	store32(at + 12, 1280);
	store32(at + 16, 800);
	memcpy(at + 20, "\x20\x01\0\0\x10\x08\x08\x08\0\x08", 10);
	memset(tag(15, 36), '2', 36);
	memset(tag(14, 20), '1', 20);
	tag(12, 8);
	assert_int_equal(parse(), 0);
	assert_string_equal(info.cmdline, "verbose a=b");
	assert_string_equal(info.loader, "GRUB 2.06");
	assert_int_equal(info.module_count, 2);
	assert_string_equal(info.modules[0].name, "vmlinuz-ui");
	assert_int_equal(info.modules[0].start, 0x1000);
	assert_int_equal(info.modules[0].size, 0x2000);
	assert_string_equal(info.modules[1].name, "manifest");
	assert_int_equal(info.modules[1].size, 1);
	assert_int_equal(info.range_count, 1);
	assert_true(info.framebuffer.base == 0x480000000);
	assert_int_equal(info.framebuffer.width, 1280);
	assert_int_equal(info.framebuffer.height, 800);
	assert_int_equal(info.framebuffer.pitch, 5120);
	assert_int_equal(info.framebuffer.bits_per_pixel, 32);
	assert_int_equal(info.framebuffer.red_position, 16);
	assert_int_equal(info.framebuffer.green_position, 8);
	assert_int_equal(info.framebuffer.blue_position, 0);
	assert_int_equal(info.rsdp_size, 36);
	assert_int_equal(info.rsdp[35], '2');
	assert_true(info.efi);
}

static void test_little_is_enough(void **state)
{
	(void)state;
	begin();
	memory_map(&ram, 1);
	memset(tag(14, 20), '1', 20);
	assert_int_equal(parse(), 0);
	assert_int_equal(info.rsdp_size, 20);
	assert_string_equal(info.cmdline, "");
	assert_int_equal(info.module_count, 0);
	assert_int_equal(info.framebuffer.bits_per_pixel, 0);
	assert_false(info.efi);
}

static void expect_ranges(const struct entry *ranges, size_t count)
{
	assert_int_equal(parse(), 0);
	assert_int_equal(info.range_count, count);
	for (size_t i = 0; i < count; i++) {
		assert_true(info.ranges[i].start == ranges[i].start);
		assert_true(info.ranges[i].size == ranges[i].size);
		assert_int_equal(info.ranges[i].type, ranges[i].type);
	}
}

static void test_a_range_is_usable_only_in_whole_pages(void **state)
{
	static const struct entry entries[] = {
		{0, 0x9fc00, 1},       {0x9fc00, 0x400, 2}, {0x100123, 0x2000, 1},
		{0x104001, 0x1ffe, 1}, {0x200000, 0, 1},    {0x300001, 1, 4},
	};
	static const struct entry ranges[] = {{0, 0x9f000, 1},
					      {0x9f000, 0x1000, 2},
					      {0x101000, 0x1000, 1},
					      {0x300000, 0x1000, 4}};

	(void)state;
	begin();
	memory_map(entries, ARRAY_LENGTH(entries));
	expect_ranges(ranges, ARRAY_LENGTH(ranges));
}

static void test_the_worse_type_wins_in_any_order(void **state)
{
	static const struct entry entries[] = {
		{0x10000, 0x10000, 1}, {0x12000, 0x2000, 3}, {0x13000, 0x2000, 4},
		{0x14000, 0x2000, 2},  {0x15000, 0x2000, 5}, {0x18000, 0x1000, 6},
		{0x19000, 0x1000, 0},  {0x11000, 0x2000, 1}, {0x20000, 0x1000, 1},
	};
	static const struct entry ranges[] = {
		{0x10000, 0x2000, 1}, {0x12000, 0x1000, 3}, {0x13000, 0x1000, 4},
		{0x14000, 0x1000, 2}, {0x15000, 0x2000, 5}, {0x17000, 0x1000, 1},
		{0x18000, 0x2000, 2}, {0x1a000, 0x7000, 1},
	};
	struct entry back[ARRAY_LENGTH(entries)];

	(void)state;
	begin();
	memory_map(entries, ARRAY_LENGTH(entries));
	expect_ranges(ranges, ARRAY_LENGTH(ranges));

	for (size_t i = 0; i < ARRAY_LENGTH(entries); i++)
		back[i] = entries[ARRAY_LENGTH(entries) - 1 - i];
	begin();
	memory_map(back, ARRAY_LENGTH(back));
	expect_ranges(ranges, ARRAY_LENGTH(ranges));
}

static void test_ranges_stay_where_a_cpu_reaches(void **state)
{
	static const struct entry entries[] = {
		{0xfffffffffffff000, 0x1000, 2},
		{0xffffffffff000, 0x100000, 2},
		{0x1000, UINT64_MAX, 1},
	};
	static const struct entry ranges[] = {{0x1000, 0xffffffffff000 - 0x1000, 1},
					      {0xffffffffff000, 0x1000, 2}};

	(void)state;
	begin();
	memory_map(entries, ARRAY_LENGTH(entries));
	expect_ranges(ranges, ARRAY_LENGTH(ranges));
}

static void test_efi_types_are_told_in_e820_types(void **state)
{
	static const struct entry entries[] = {
		{0x00000, 0x1000, 0},  {0x01000, 0x1000, 1},  {0x02000, 0x1000, 2},
		{0x03000, 0x1000, 3},  {0x04000, 0x1000, 4},  {0x05000, 0x1000, 5},
		{0x06000, 0x1000, 6},  {0x07000, 0x1000, 7},  {0x08000, 0x1000, 8},
		{0x09000, 0x1000, 9},  {0x0a000, 0x1000, 10}, {0x0b000, 0x1000, 11},
		{0x0c000, 0x1000, 14}, {0x0d000, 0x1000, 99}, {0x10000, UINT64_MAX, 7},
	};
	static const struct entry ranges[] = {
		{0x0000, 0x1000, 2}, {0x1000, 0x4000, 1}, {0x5000, 0x2000, 2},
		{0x7000, 0x1000, 1}, {0x8000, 0x1000, 5}, {0x9000, 0x1000, 3},
		{0xa000, 0x1000, 4}, {0xb000, 0x3000, 2}, {0x10000, (1ULL << 52) - 0x10000, 1},
	};

	(void)state;
	begin();
	efi_map(entries, ARRAY_LENGTH(entries), 48);
	expect_ranges(ranges, ARRAY_LENGTH(ranges));
	assert_true(info.efi);
}

static void test_the_multiboot_map_goes_before_efi_s(void **state)
{
	static const struct entry efi = {0x1000, 0x1000, 7};

	(void)state;
	begin();
	efi_map(&efi, 1, 40);
	memory_map(&ram, 1);
	expect_ranges(&ram, 1);
	assert_true(info.efi);
}

static void test_bad_maps_are_refused(void **state)
{
	static struct entry many[1025];
	uint8_t *at;

	(void)state;
	begin();
	refused("there is no memory map");
	begin();
	memory_map(NULL, 0);
	refused("the memory map is empty");
	begin();
	tag(6, 4);
	refused("the memory map is truncated");
	for (uint32_t size = 0; size < 24; size++) {
		begin();
		at = tag(6, 64);
		store32(at, size);
		refused("the memory map's entries have a bad size");
	}
	begin();
	at = tag(6, 64);
	store32(at, 25);
	refused("the memory map's entries have a bad size");
	begin();
	efi_map(&ram, 1, 40);
	store32(block + 16, 32);
	refused("the memory map's entries have a bad size");
	begin();
	at = tag(6, 8 + 23); /* less than one entry */
	store32(at, 24);
	refused("the memory map is empty");

	for (size_t i = 0; i < ARRAY_LENGTH(many); i++)
		many[i] = (struct entry){i * 0x2000, 0x1000, 1};
	begin();
	memory_map(many, 1025);
	refused("the memory map has too many entries");
	begin();
	memory_map(many, BOOT_MAX_RANGES + 1);
	refused("the memory map has too many ranges");
	begin();
	memory_map(many, BOOT_MAX_RANGES);
	assert_int_equal(parse(), 0);
	assert_int_equal(info.range_count, BOOT_MAX_RANGES);
}

static void test_bad_modules_are_refused(void **state)
{
	char name[80] = {0};
	uint8_t *at;

	(void)state;
	begin();
	tag(3, 8);
	refused("a boot module's description is truncated");
	begin();
	at = tag(3, 9);
	at[8] = 'x';
	refused("a boot module's description is truncated");
	begin();
	module(0x2000, 0x1fff, "a");
	refused("a boot module ends before it starts");
	begin();
	memset(name, 'x', 64);
	module(0x1000, 0x2000, name);
	refused("a boot module's name is too long");
	begin();
	module(0x1000, 0x2000, "a");
	module(0x2000, 0x3000, "a b");
	refused("two boot modules have the same name");
	begin();
	memory_map(&ram, 1);
	module(0x1000, 0x2000, ""); /* nobody's, but not wrong */
	module(0x2000, 0x2000, "");
	assert_int_equal(parse(), 0);
	assert_int_equal(info.module_count, 2);
	begin();
	for (char c = 'a'; c < 'a' + BOOT_MAX_MODULES + 1; c++) {
		name[0] = c;
		name[1] = '\0';
		module(0x1000, 0x2000, name);
	}
	refused("there are too many boot modules");
}

static void test_long_texts(void **state)
{
	char text[300] = {0};

	(void)state;
	memset(text, 'x', 255);
	begin();
	text_tag(1, text);
	text_tag(2, text);
	memory_map(&ram, 1);
	assert_int_equal(parse(), 0);
	assert_string_equal(info.cmdline, text);
	assert_string_equal(info.loader, "");
	text[255] = 'x';
	begin();
	text_tag(1, text);
	refused("the command line is too long");
	begin();
	memset(tag(1, 8), 'x', 8); /* no zero */
	memory_map(&ram, 1);
	refused("the command line is too long");
}

static void test_bad_framebuffers_are_none(void **state)
{
	static const struct {
		size_t offset;
		uint32_t value; /* of a byte, or of a word where size says */
		size_t size;
	} changes[] = {
		{8, 5119, 4}, {8, 0xffffffff, 4}, {12, 0, 4},	{12, 0xffffffff, 4},
		{16, 0, 4},   {16, 16385, 4},	  {20, 0, 1},	{20, 8, 1},
		{20, 16, 1},  {20, 15, 1},	  {21, 0, 1},	{21, 2, 1},
		{24, 25, 1},  {25, 5, 1},	  {26, 255, 1}, {4, 0x7fffffff, 4},
	};

	(void)state;
	for (size_t i = 0; i <= ARRAY_LENGTH(changes); i++) {
		uint8_t *at;

		begin();
		memory_map(&ram, 1);
		at = tag(8, 30);
		store64(at, 0x80000000);
		store32(at + 8, 5120);
		store32(at + 12, 1280);
		store32(at + 16, 800);
		memcpy(at + 20, "\x20\x01\0\0\x10\x08\x08\x08\0\x08", 10);
		if (i < ARRAY_LENGTH(changes))
			memcpy(at + changes[i].offset, &changes[i].value, changes[i].size);
		assert_int_equal(parse(), 0);
		assert_int_equal(info.framebuffer.bits_per_pixel,
				 i < ARRAY_LENGTH(changes) ? 0 : 32);
	}
	begin();
	memory_map(&ram, 1);
	memset(tag(8, 29), 1, 29);
	assert_int_equal(parse(), 0);
	assert_int_equal(info.framebuffer.bits_per_pixel, 0);
}

static void test_bad_blocks_are_refused(void **state)
{
	size_t good;

	(void)state;
	begin();
	memory_map(&ram, 1);
	text_tag(1, "a");
	assert_int_equal(parse(), 0);
	good = used;

	/* Less is readable than the block says. */
	for (size_t size = 0; size < good; size++) {
		assert_int_equal(parse_only(size), -EBADMSG);
		assert_string_equal(problem, "the information block is truncated");
	}
	/* The block says less than is there. */
	for (uint32_t size = 0; size < good; size++) {
		store32(block, size);
		assert_int_equal(parse_only(good), -EBADMSG);
	}
	/* Lengths of tags. */
	for (uint32_t size = 0; size < 8; size++) {
		store32(block, (uint32_t)good);
		store32(block + 12, size);
		assert_int_equal(parse_only(good), -EBADMSG);
		assert_string_equal(problem, "a tag of the information block has a bad length");
	}
	store32(block + 12, 0xfffffff9);
	assert_int_equal(parse_only(good), -EBADMSG);
	store32(block + 12, (uint32_t)good - 7);
	assert_int_equal(parse_only(good), -EBADMSG);
	store32(block + 12, (uint32_t)good - 8); /* to the very end: then there is no end tag */
	assert_int_equal(parse_only(good), -EBADMSG);
	assert_string_equal(problem, "the information block has no end");
}

static void test_the_first_of_two_counts(void **state)
{
	static const struct entry other = {0x1000, 0x1000, 1};

	(void)state;
	begin();
	text_tag(1, "one");
	text_tag(1, "two");
	memory_map(&ram, 1);
	memory_map(&other, 1);
	expect_ranges(&ram, 1);
	assert_string_equal(info.cmdline, "one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_is_read),
		cmocka_unit_test(test_little_is_enough),
		cmocka_unit_test(test_a_range_is_usable_only_in_whole_pages),
		cmocka_unit_test(test_the_worse_type_wins_in_any_order),
		cmocka_unit_test(test_ranges_stay_where_a_cpu_reaches),
		cmocka_unit_test(test_efi_types_are_told_in_e820_types),
		cmocka_unit_test(test_the_multiboot_map_goes_before_efi_s),
		cmocka_unit_test(test_bad_maps_are_refused),
		cmocka_unit_test(test_bad_modules_are_refused),
		cmocka_unit_test(test_long_texts),
		cmocka_unit_test(test_bad_framebuffers_are_none),
		cmocka_unit_test(test_bad_blocks_are_refused),
		cmocka_unit_test(test_the_first_of_two_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
