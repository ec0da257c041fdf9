/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A crash record is shown only if it is whole: memory holds anything after a start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "boot/crash.h"

static struct crash_record sealed(void)
{
	struct crash_record record = {.reason = REASON_EXCEPTION,
				      .cpu = 3,
				      .tsc = 12345,
				      .returns = {1, 2, 3},
				      .return_count = 3,
				      .text = "page fault"};

	for (unsigned i = 0; i < CRASH_REGISTERS; i++)
		record.registers[i] = 0x1111111111111111ULL * i;
	crash_seal(&record);
	return record;
}

static void a_sealed_record_is_accepted(void **state)
{
	struct crash_record record = sealed();

	(void)state;
	assert_true(crash_check(&record));
}

static void any_changed_bit_is_noticed(void **state)
{
	struct crash_record record = sealed();

	(void)state;
	for (size_t bit = 0; bit < sizeof(record) * 8; bit++) {
		((unsigned char *)&record)[bit / 8] ^= (unsigned char)(1U << bit % 8);
		assert_false(crash_check(&record));
		((unsigned char *)&record)[bit / 8] ^= (unsigned char)(1U << bit % 8);
	}
	assert_true(crash_check(&record));
}

static void memory_as_it_comes_is_no_record(void **state)
{
	struct crash_record record;

	(void)state;
	for (unsigned value = 0; value < 256; value++) {
		memset(&record, (int)value, sizeof(record));
		assert_false(crash_check(&record));
	}
	srand(1);
	for (unsigned run = 0; run < 1000; run++) {
		for (size_t i = 0; i < sizeof(record); i++)
			((unsigned char *)&record)[i] = (unsigned char)rand();
		assert_false(crash_check(&record));
	}
}

/* Sealed by somebody who can compute checksums: nothing beyond the fields may be read later. */
static void a_sealed_record_that_cannot_be_shown_is_refused(void **state)
{
	struct crash_record record = sealed();

	(void)state;
	memset(record.text, 'x', sizeof(record.text));
	crash_seal(&record);
	assert_false(crash_check(&record));
	record = sealed();
	record.return_count = CRASH_RETURNS + 1;
	crash_seal(&record);
	assert_false(crash_check(&record));
	record = sealed();
	record.reason = 999;
	crash_seal(&record);
	assert_false(crash_check(&record));
	record = sealed();
	record.return_count = CRASH_RETURNS;
	memset(record.text, 'x', sizeof(record.text) - 1);
	crash_seal(&record);
	assert_true(crash_check(&record));
}

static void other_versions_are_refused(void **state)
{
	struct crash_record record = sealed();

	(void)state;
	record.version++;
	assert_false(crash_check(&record));
	record = sealed();
	record.length--;
	assert_false(crash_check(&record));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sealed_record_is_accepted),
		cmocka_unit_test(any_changed_bit_is_noticed),
		cmocka_unit_test(memory_as_it_comes_is_no_record),
		cmocka_unit_test(a_sealed_record_that_cannot_be_shown_is_refused),
		cmocka_unit_test(other_versions_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
