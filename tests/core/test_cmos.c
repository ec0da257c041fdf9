/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CMOS clock in its formats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <time.h>

#include "lib/types.h"
#include "x86/cmos.h"

#define HOURS_24 0x02
#define BINARY	 0x04

static uint8_t bcd(int value)
{
	return (uint8_t)(value / 10 << 4 | value % 10);
}

static void every_day_of_the_century_in_bcd(void **state)
{
	(void)state;
	for (time_t seconds = 946684800; seconds < 4102444800; seconds += 86400 + 3661) {
		struct tm tm;
		struct cmos_time time;

		gmtime_r(&seconds, &tm);
		time = (struct cmos_time){
			bcd(tm.tm_sec),	    bcd(tm.tm_min),	   bcd(tm.tm_hour), bcd(tm.tm_mday),
			bcd(tm.tm_mon + 1), bcd(tm.tm_year - 100), HOURS_24};
		assert_int_equal(cmos_seconds(&time), seconds);
	}
}

static void twelve_hours_with_noon_and_midnight(void **state)
{
	static const struct {
		uint8_t hour, expected;
	} hours[] = {{0x12, 0}, {0x01, 1}, {0x11, 11}, {0x92, 12}, {0x81, 13}, {0x91, 23}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(hours); i++) {
		struct cmos_time time = {0, 0, hours[i].hour, 0x15, 0x06, 0x26, 0};
		struct cmos_time binary = {0, 0, hours[i].expected, 15, 6, 26, BINARY | HOURS_24};

		assert_int_equal(cmos_seconds(&time), cmos_seconds(&binary));
		assert_int_not_equal(cmos_seconds(&time), 0);
	}
}

static void what_is_no_time_is_refused(void **state)
{
	static const struct cmos_time bad[] = {
		{60, 0, 0, 1, 1, 20, BINARY | HOURS_24},
		{0, 60, 0, 1, 1, 20, BINARY | HOURS_24},
		{0, 0, 24, 1, 1, 20, BINARY | HOURS_24},
		{0, 0, 0, 0, 1, 20, BINARY | HOURS_24},
		{0, 0, 0, 32, 1, 20, BINARY | HOURS_24},
		{0, 0, 0, 30, 2, 20, BINARY | HOURS_24},
		{0, 0, 0, 29, 2, 21, BINARY | HOURS_24},
		{0, 0, 0, 1, 0, 20, BINARY | HOURS_24},
		{0, 0, 0, 1, 13, 20, BINARY | HOURS_24},
		{0, 0, 0, 1, 1, 100, BINARY | HOURS_24},
		{0, 0, 0, 1, 255, 20, BINARY | HOURS_24},
		{0, 0, 0, 1, 1, 20, BINARY},
		{0, 0, 13, 1, 1, 20, BINARY},
		{0x1a, 0, 0, 1, 1, 0x20, HOURS_24},
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_int_equal(cmos_seconds(&bad[i]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_day_of_the_century_in_bcd),
		cmocka_unit_test(twelve_hours_with_noon_and_midnight),
		cmocka_unit_test(what_is_no_time_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
