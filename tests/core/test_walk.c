/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walks of a guest's page tables in every paging mode, with rights, large pages and nonsense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "vm/walk.h"

#define RAM  0x20000U
#define CR3  0x1000U
#define PAGE 0x9000U /* where leaves lead */

#define P  1ULL
#define U  4ULL
#define PS 0x80ULL
#define NX (1ULL << 63)

static uint8_t ram[RAM];
static struct vcpu_mode mode;

static int read_ram(void *user, gpa_t address, void *to, size_t size)
{
	uint64_t at = gpa_value(address);

	assert_ptr_equal(user, ram);
	if (at > RAM || size > RAM - at)
		return -EFAULT;
	memcpy(to, ram + at, size);
	return 0;
}

static void put64(uint64_t at, uint64_t value)
{
	memcpy(ram + at, &value, sizeof(value));
}

static void put32(uint64_t at, uint64_t value)
{
	memcpy(ram + at, &value, 4);
}

static void walks_to(uint64_t linear, uint64_t expected)
{
	gpa_t address = gpa(0);

	assert_int_equal(walk_linear(&mode, read_ram, ram, linear, &address), 0);
	assert_int_equal(gpa_value(address), expected);
}

static void faults(uint64_t linear)
{
	gpa_t address;

	assert_int_equal(walk_linear(&mode, read_ram, ram, linear, &address), -EFAULT);
}

static int set_up(void **state)
{
	(void)state;
	memset(ram, 0, sizeof(ram));
	mode = (struct vcpu_mode){.cr0 = 1ULL << 31 | 1, .cr3 = CR3};
	return 0;
}

static void set_long(void)
{
	mode.cr4 = 1 << 5;
	mode.efer = 1 << 8 | 1 << 10 | 1 << 11;
	mode.long_mode = true;
}

/* linear 0xffff812345678xxx and its tables at 0x1000, 0x2000, 0x3000, 0x4000. */
#define HIGH 0xffff812345678000ULL
static const uint64_t indexes[] = {0x1000 + 0x102 * 8, 0x2000 + 0x8d * 8, 0x3000 + 0x2b * 8,
				   0x4000 + 0x78 * 8};

static void map_long(void)
{
	set_long();
	put64(indexes[0], 0x2000 | P | U);
	put64(indexes[1], 0x3000 | P | U);
	put64(indexes[2], 0x4000 | P | U);
	put64(indexes[3], PAGE | P | U);
}

static void without_paging_linear_is_physical(void **state)
{
	(void)state;
	mode.cr0 = 1;
	walks_to(0xfffffff0, 0xfffffff0);
	walks_to(0x123456789, 0x23456789);
}

static void long_mode_walks_four_levels(void **state)
{
	(void)state;
	map_long();
	walks_to(HIGH + 0x123, PAGE + 0x123);
	faults(HIGH + 0x1000);
	/* Not canonical. */
	faults(HIGH & 0x0000ffffffffffffULL);
	faults(0x0000800000000000ULL);
	for (int level = 0; level < 4; level++) {
		uint64_t entry;

		memcpy(&entry, ram + indexes[level], 8);
		put64(indexes[level], entry & ~P);
		faults(HIGH);
		put64(indexes[level], entry);
	}
	/* There are no pages of 512 GiB. */
	put64(indexes[0], 0x0000 | P | U | PS);
	faults(HIGH);
	put64(indexes[0], 0x2000 | P | U);
	walks_to(HIGH, PAGE);
	/* A table beyond memory. */
	put64(indexes[1], 0x123450000 | P | U);
	faults(HIGH);
}

static void rights_of_all_levels_count(void **state)
{
	(void)state;
	map_long();
	for (int level = 0; level < 4; level++) {
		uint64_t entry;

		memcpy(&entry, ram + indexes[level], 8);
		/* Supervisor pages are not the user's. */
		put64(indexes[level], entry & ~U);
		mode.cpl = 3;
		faults(HIGH);
		mode.cpl = 0;
		walks_to(HIGH, PAGE);
		put64(indexes[level], entry | NX);
		faults(HIGH);
		/* Without NXE, the bit is reserved. */
		mode.efer &= ~(1ULL << 11);
		faults(HIGH);
		put64(indexes[level], entry);
		walks_to(HIGH, PAGE);
		mode.efer |= 1 << 11;
	}
	/* SMEP: the kernel does not run the user's pages. */
	mode.cr4 |= 1 << 20;
	faults(HIGH);
	mode.cpl = 3;
	walks_to(HIGH, PAGE);
}

static void large_pages_of_long_mode(void **state)
{
	(void)state;
	map_long();
	put64(indexes[2], 0x40000000 | 0x1000 | P | PS); /* with its PAT bit */
	walks_to(HIGH + 0x123, 0x40000000 + (HIGH & 0x1fffff) + 0x123);
	put64(indexes[2], 0x40000000 | 0x2000 | P | PS);
	faults(HIGH);
	/* At the last level, the bit is another. */
	put64(indexes[2], 0x4000 | P);
	put64(indexes[3], PAGE | P | PS);
	walks_to(HIGH + 0x123, PAGE + 0x123);
	put64(indexes[1], 0x80000000 | P | PS);
	walks_to(HIGH + 0x123, 0x80000000 + (HIGH & 0x3fffffff) + 0x123);
	put64(indexes[1], 0x80000000 | 0x20000000 | P | PS);
	faults(HIGH);
}

static void five_levels(void **state)
{
	uint64_t linear = 0xff12812345678000ULL;

	(void)state;
	map_long();
	mode.cr4 |= 1 << 12;
	mode.cr3 = 0x5000;
	put64(0x5000 + 0x112 * 8, 0x1000 | P | U);
	walks_to(linear + 5, PAGE + 5);
	faults(0x0112812345678000ULL);
	faults(HIGH);
	mode.cr4 &= ~(1ULL << 12);
	faults(linear);
}

static void pae_walks_three_levels(void **state)
{
	(void)state;
	mode.cr4 = 1 << 5;
	mode.cr3 = 0x1020; /* 32-byte aligned */
	put64(0x1020 + 3 * 8, 0x2000 | P);
	put64(0x2000 + 0x1a * 8, 0x3000 | P | U);
	put64(0x3000 + 0x78 * 8, PAGE | P | U);
	mode.cpl = 3; /* the top has no rights */
	walks_to(0xc3478abc, PAGE + 0xabc);
	walks_to(0x1c3478abc, PAGE + 0xabc);
	put64(0x3000 + 0x78 * 8, 0xf00009000 | P | U);
	walks_to(0xc3478abc, 0xf00009abc);
	put64(0x2000 + 0x1a * 8, 0xf00200000 | P | U | PS);
	walks_to(0xc3478abc, 0xf00278abc);
	put64(0x2000 + 0x1a * 8, 0xf00200000 | P | U | PS | NX);
	faults(0xc3478abc); /* NXE is off */
	put64(0x2000 + 0x1a * 8, 0xf00200000 | P | U | PS);
	put64(0x1020 + 3 * 8, 0x2000 | P | NX);
	faults(0xc3478abc);
	put64(0x1020 + 3 * 8, 0 | P | PS);
	faults(0xc3478abc);
}

static void old_paging_walks_two_levels(void **state)
{
	(void)state;
	put32(0x1000 + 0x30d * 4, 0x2000 | P | U);
	put32(0x2000 + 0x78 * 4, PAGE | P);
	walks_to(0xc3478abc, PAGE + 0xabc);
	mode.cpl = 3;
	faults(0xc3478abc);
	mode.cpl = 0;
	/* A large page only with PSE; 36 bits and more of it. */
	put32(0x1000 + 0x30d * 4, 0x40000000 | 0x2000 | P | PS | U);
	put32(0x2000 + 0x78 * 4, 0);
	faults(0xc3478abc);
	mode.cr4 = 1 << 4;
	walks_to(0xc3478abc, 0x140078abc);
	put32(0x1000 + 0x30d * 4, 0x40000000 | 0x200000 | P | PS);
	faults(0xc3478abc);
	put32(0x1000 + 0x30d * 4, 0);
	faults(0xc3478abc);
}

static void fetches_go_on_in_the_next_page(void **state)
{
	uint8_t bytes[15];

	(void)state;
	map_long();
	mode.rip = HIGH + 0xff8;
	for (unsigned i = 0; i < 8; i++)
		ram[PAGE + 0xff8 + i] = (uint8_t)i;
	for (unsigned i = 0; i < 7; i++)
		ram[0xb000 + i] = (uint8_t)(8 + i);
	assert_int_equal(walk_fetch(&mode, read_ram, ram, bytes, 15), 8);
	put64(indexes[3] + 8, 0xb000 | P | U);
	assert_int_equal(walk_fetch(&mode, read_ram, ram, bytes, 15), 15);
	for (unsigned i = 0; i < 15; i++)
		assert_int_equal(bytes[i], i);
	mode.rip = HIGH - 4;
	assert_int_equal(walk_fetch(&mode, read_ram, ram, bytes, 15), 0);
}

static void segments_count_outside_64_bit_code(void **state)
{
	uint8_t bytes[4] = {0};

	(void)state;
	mode = (struct vcpu_mode){.cs_base = 0xffff0000, .rip = 0x19ff0};
	ram[0x9ff0] = 0xea;
	assert_int_equal(walk_fetch(&mode, read_ram, ram, bytes, 4), 4);
	assert_int_equal(bytes[0], 0xea);
	mode.long_mode = true;
	assert_int_equal(walk_fetch(&mode, read_ram, ram, bytes, 4), 4);
	assert_int_equal(bytes[0], 0);
}

static int access_by(unsigned access)
{
	gpa_t address;

	return walk_access(&mode, read_ram, ram, HIGH, access, &address);
}

static void data_is_not_fetched(void **state)
{
	uint64_t last;

	(void)state;
	map_long();
	memcpy(&last, ram + indexes[3], 8);
	put64(indexes[3], last | NX);
	assert_int_equal(access_by(WALK_FETCH), -EFAULT);
	assert_int_equal(access_by(WALK_USER), 0);
	/* Read-only: for the user always, for the kernel with WP. */
	assert_int_equal(access_by(WALK_WRITE | WALK_USER), -EFAULT);
	assert_int_equal(access_by(WALK_WRITE), 0);
	mode.cr0 |= 1 << 16;
	assert_int_equal(access_by(WALK_WRITE), -EFAULT);
	for (int level = 0; level < 4; level++) {
		uint64_t entry;

		assert_int_equal(access_by(WALK_WRITE), -EFAULT);
		memcpy(&entry, ram + indexes[level], 8);
		put64(indexes[level], entry | 2);
	}
	assert_int_equal(access_by(WALK_WRITE | WALK_USER), 0);
	/* SMAP: the user's data is the kernel's only while AC is set. */
	mode.cr4 |= 1 << 21;
	assert_int_equal(access_by(0), -EFAULT);
	assert_int_equal(access_by(WALK_USER), 0);
	mode.rflags |= 1 << 18;
	assert_int_equal(access_by(0), 0);
	put64(indexes[3], last & ~U);
	assert_int_equal(access_by(WALK_USER), -EFAULT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(without_paging_linear_is_physical),
		TEST(long_mode_walks_four_levels),
		TEST(rights_of_all_levels_count),
		TEST(data_is_not_fetched),
		TEST(large_pages_of_long_mode),
		TEST(five_levels),
		TEST(pae_walks_three_levels),
		TEST(old_paging_walks_two_levels),
		TEST(fetches_go_on_in_the_next_page),
		TEST(segments_count_outside_64_bit_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
