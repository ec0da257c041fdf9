/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a function's registers are in ECAM, and what is beyond it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/bytes.h"
#include "pci/config.h"
#include "x86/machine.h"

static uint8_t ecam[2 << 20];
static uint64_t mapped_start, mapped_size;

void *map_device(hpa_t start, uint64_t size)
{
	mapped_start = hpa_value(start);
	mapped_size = size;
	return size <= sizeof(ecam) ? ecam : NULL;
}

static void test_registers_are_where_their_function_is(void **state)
{
	uint8_t first;
	hpa_t start;

	(void)state;
	pci_init(hpa(0xb0000000), 4, 5);
	assert_int_equal(mapped_start, 0xb0400000);
	assert_int_equal(mapped_size, 2 << 20);
	assert_int_equal(pci_ecam(&start, &first), 2 << 20);
	assert_int_equal(hpa_value(start), 0xb0400000);
	assert_int_equal(first, 4);
	store32(ecam + (1 << 20 | 3 << 15 | 2 << 12 | 0x104), 0x12345678);
	assert_int_equal(pci_read(0x051a, 0x104, 4), 0x12345678);
	assert_int_equal(pci_read(0x051a, 0x106, 2), 0x1234);
	assert_int_equal(pci_read(0x051a, 0x105, 1), 0x56);
	pci_write(0x051a, 0x106, 1, 0xffffffaa);
	pci_write(0x051a, 0x104, 2, 0xffffbbcc);
	assert_int_equal(pci_read(0x051a, 0x104, 4), 0x12aabbcc);
	pci_write(0x0400, 0, 4, 0x01020304);
	assert_int_equal(load32(ecam), 0x01020304);
}

static void test_what_is_not_there_reads_all_ones(void **state)
{
	static uint8_t before[sizeof(ecam)];

	(void)state;
	pci_init(hpa(0xb0000000), 4, 5);
	memcpy(before, ecam, sizeof(ecam));
	assert_int_equal(pci_read(0x0300, 0, 4), UINT32_MAX);
	assert_int_equal(pci_read(0x0600, 0, 2), 0xffff);
	assert_int_equal(pci_read(0x0400, 4096, 1), 0xff);
	assert_int_equal(pci_read(0x0400, 2, 4), UINT32_MAX);
	assert_int_equal(pci_read(0x0400, 0, 3), 0xffffff);
	pci_write(0x0300, 0, 4, 1);
	pci_write(0x0600, 0, 4, 1);
	pci_write(0x0400, 4096, 4, 1);
	pci_write(0x0400, 1, 2, 1);
	assert_memory_equal(before, ecam, sizeof(ecam));
	pci_init(hpa(0xb0000000), 0, 255); /* it cannot be mapped */
	assert_int_equal(pci_read(0, 0, 4), UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registers_are_where_their_function_is),
		cmocka_unit_test(test_what_is_not_there_reads_all_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
