/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the core's snprintf writes, against the C library's where both have the format. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "lib/format.h"

/* The same as the host's, in a buffer that is large enough and in one that is not. */
#define SAME(...)                                                                                  \
	do {                                                                                       \
		char ours[128], theirs[128], cut[6];                                               \
		size_t length = format_text(ours, sizeof(ours), __VA_ARGS__);                      \
		snprintf(theirs, sizeof(theirs), __VA_ARGS__);                                     \
		assert_string_equal(ours, theirs);                                                 \
		assert_int_equal(length, strlen(theirs));                                          \
		length = format_text(cut, sizeof(cut), __VA_ARGS__);                               \
		theirs[sizeof(cut) - 1] = '\0';                                                    \
		assert_string_equal(cut, theirs);                                                  \
		assert_int_equal(length, strlen(theirs));                                          \
	} while (0)

static void numbers_of_all_sizes(void **state)
{
	(void)state;
	SAME("%d %d %d", 0, INT_MAX, INT_MIN);
	SAME("%u %x", UINT_MAX, 0xdeadbeefU);
	SAME("%ld %ld", LONG_MIN, LONG_MAX);
	SAME("%lu %lx", ULONG_MAX, 0x123456789abcdefUL);
	SAME("%llu %llx", ULLONG_MAX, 0xffff800000000000ULL);
	SAME("%lld", LLONG_MIN);
	SAME("%zu", SIZE_MAX);
}

static void widths_pad_as_asked(void **state)
{
	(void)state;
	SAME("[%5d] [%-5d] [%05d] [%05d]", 42, 42, 42, -42);
	SAME("[%016lx] [%2x] [%02x]", 0x1234UL, 0x1234U, 7U);
	SAME("[%8s] [%-8s] [%2s]", "abc", "abc", "abc");
	SAME("[%-3c]%c%%", 'x', 'y');
	SAME("%.4s|%.0s|%6.2s|", "ABCDEF", "x", "yz!");
}

static void unterminated_text_is_not_read_beyond_its_precision(void **state)
{
	static const char signature[4] = {'A', 'P', 'I', 'C'};
	char text[16];

	(void)state;
	format_text(text, sizeof(text), "%.4s", signature);
	assert_string_equal(text, "APIC");
}

static void pointers_are_hexadecimal(void **state)
{
	char text[32];

	(void)state;
	format_text(text, sizeof(text), "%p", (void *)0xffff800000001000);
	assert_string_equal(text, "0xffff800000001000");
}

static void the_smallest_buffer_holds_an_empty_text(void **state)
{
	char text[2] = "x";

	(void)state;
	assert_int_equal(format_text(text, 1, "%d", 5), 0);
	assert_string_equal(text, "");
}

static void a_missing_string_is_no_crash(void **state)
{
	const char *volatile missing = NULL;
	char text[16];

	(void)state;
	format_text(text, sizeof(text), "%s", missing);
	assert_string_equal(text, "(null)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_all_sizes),
		cmocka_unit_test(widths_pad_as_asked),
		cmocka_unit_test(unterminated_text_is_not_read_beyond_its_precision),
		cmocka_unit_test(pointers_are_hexadecimal),
		cmocka_unit_test(the_smallest_buffer_holds_an_empty_text),
		cmocka_unit_test(a_missing_string_is_no_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
