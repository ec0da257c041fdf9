/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one name of AML that the core looks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "acpi/sleep.h"
#include "lib/errno.h"

#define FIND(...)                                                                                  \
	acpi_find_power_off((const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))

static void test_the_type_is_the_first_element(void **state)
{
	(void)state;
	/* As QEMU's: \_S5 at the root, all zero; and with a byte. */
	assert_int_equal(FIND(0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0, 0, 0, 0), 0);
	assert_int_equal(FIND(9, 0x08, '\\', '_', 'S', '5', '_', 0x12, 0x07, 0x04, 0x0a, 5, 0, 0),
			 5);
	assert_int_equal(FIND(0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 1, 0, 0, 0), 1);
	/* A length of two bytes. */
	assert_int_equal(FIND(0x08, '_', 'S', '5', '_', 0x12, 0x47, 0x00, 0x04, 0x0a, 7, 0), 7);
}

static void test_what_is_no_constant_is_not_believed(void **state)
{
	(void)state;
	assert_int_equal(FIND(0x14, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0, 0), -ENOENT);
	assert_int_equal(FIND(0x08, '_', 'S', '5', '_', 0x11, 0x06, 0x04, 0, 0), -ENOENT);
	assert_int_equal(FIND(0x08, '_', 'S', '5', '_', 0x12, 0x07, 0x04, 0x0a, 8), -ENOENT);
	assert_int_equal(FIND(0x08, '_', 'S', '4', '_', 0x12, 0x06, 0x04, 0, 0), -ENOENT);
}

static void test_a_table_that_ends_early_is_not_read_beyond(void **state)
{
	const uint8_t whole[] = {0x08, '_', 'S', '5', '_', 0x12, 0x07, 0x04, 0x0a, 5};
	uint8_t *part;

	(void)state;
	for (size_t size = 0; size < sizeof(whole); size++) {
		part = malloc(size + 1);
		memcpy(part, whole, size);
		part[size] = 0x55; /* what follows is never taken for an element */
		assert_int_equal(acpi_find_power_off(part, size), -ENOENT);
		free(part);
	}
	assert_int_equal(acpi_find_power_off(whole, sizeof(whole)), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_type_is_the_first_element),
		cmocka_unit_test(test_what_is_no_constant_is_not_believed),
		cmocka_unit_test(test_a_table_that_ends_early_is_not_read_beyond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
