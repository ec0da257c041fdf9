/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Protects: mullion_wire_check() lets through exactly what include/mullion/display.h allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mullion/wire.h"

#define HEAD   MULLION_WIRE_FROM_HEAD
#define SCREEN MULLION_WIRE_FROM_COMPOSITOR
#define WORDS  8 /* of a payload in the table */

struct row {
	uint16_t type;
	enum mullion_wire_side from;
	uint32_t length;
	uint32_t words[WORDS];
	bool sound;
};

#define KEY_WORD(code, down) ((uint32_t)(code) | (uint32_t)(down) << 16)
#define VERSION_WORD	     KEY_WORD(MULLION_DISPLAY_VERSION_MAJOR, 0)
#define NEGATIVE(n)	     ((uint32_t)(-(n)))

static const struct row rows[] = {
	{MULLION_MSG_HELLO, HEAD, 8, {MULLION_DISPLAY_MAGIC, VERSION_WORD}, true},
	{MULLION_MSG_HELLO, SCREEN, 8, {MULLION_DISPLAY_MAGIC, VERSION_WORD}, true},
	{MULLION_MSG_HELLO, HEAD, 8, {MULLION_DISPLAY_MAGIC, KEY_WORD(1, 7)}, true}, /* minor */
	{MULLION_MSG_HELLO, HEAD, 8, {MULLION_DISPLAY_MAGIC, KEY_WORD(2, 0)}, false},
	{MULLION_MSG_HELLO, HEAD, 8, {0x12345678, VERSION_WORD}, false},

	{MULLION_MSG_SCANOUT, HEAD, 16, {640, 480, 2560, 2}, true},
	{MULLION_MSG_SCANOUT, HEAD, 16, {1, 1, 4, 1}, true},
	{MULLION_MSG_SCANOUT,
	 HEAD,
	 16,
	 {8192, 8192, 32768, 2},
	 true}, /* exactly the memory bound */
	{MULLION_MSG_SCANOUT, HEAD, 16, {8192, 8192, 32772, 2}, false},
	{MULLION_MSG_SCANOUT, HEAD, 16, {8192, 8192, 65536, 1}, true},
	{MULLION_MSG_SCANOUT, HEAD, 16, {8192, 1, 65540, 1}, false},
	{MULLION_MSG_SCANOUT, HEAD, 16, {8193, 1, 65536, 1}, false},
	{MULLION_MSG_SCANOUT, HEAD, 16, {1, 8193, 4, 1}, false},
	{MULLION_MSG_SCANOUT, HEAD, 16, {0x40000001, 1, 4, 1}, false}, /* times 4 is 4 again */
	{MULLION_MSG_SCANOUT, HEAD, 16, {UINT32_MAX, UINT32_MAX, UINT32_MAX, 1}, false},
	{MULLION_MSG_SCANOUT, HEAD, 16, {0, 480, 2560, 1}, false},
	{MULLION_MSG_SCANOUT, HEAD, 16, {640, 0, 2560, 1}, false},
	{MULLION_MSG_SCANOUT, HEAD, 16, {640, 480, 2556, 1}, false},
	{MULLION_MSG_SCANOUT, HEAD, 16, {640, 480, 2562, 1}, false},
	{MULLION_MSG_SCANOUT, HEAD, 16, {640, 480, 2560, 3}, false},
	{MULLION_MSG_SCANOUT, HEAD, 16, {0, 0, 0, 0}, true},
	{MULLION_MSG_SCANOUT, HEAD, 16, {640, 0, 0, 0}, false},
	{MULLION_MSG_SCANOUT, HEAD, 16, {0, 480, 0, 0}, false},
	{MULLION_MSG_SCANOUT, HEAD, 16, {0, 0, 4, 0}, false},

	{MULLION_MSG_FRAME, HEAD, 24, {0, 1, 0, 0, 640, 480}, true},
	{MULLION_MSG_FRAME, HEAD, 24, {1, 1, 8191, 8191, 1, 1}, true},
	{MULLION_MSG_FRAME, HEAD, 24, {2, 1, 0, 0, 1, 1}, false},
	{MULLION_MSG_FRAME, HEAD, 24, {0, 1, 0, 0, 0, 1}, false},
	{MULLION_MSG_FRAME, HEAD, 24, {0, 1, 0, 0, 1, 0}, false},
	{MULLION_MSG_FRAME, HEAD, 24, {0, 1, 8191, 0, 2, 1}, false},
	{MULLION_MSG_FRAME, HEAD, 24, {0, 1, 0, 8191, 1, 2}, false},
	{MULLION_MSG_FRAME, HEAD, 24, {0, 1, UINT32_MAX, 0, 2, 1}, false}, /* sum comes around */
	{MULLION_MSG_FRAME, HEAD, 24, {0, 1, 0, 2, 1, UINT32_MAX}, false},
	{MULLION_MSG_FRAME, HEAD, 8, {0, 0}, false},
	{MULLION_MSG_FRAME, HEAD, 24, {0, 2, 0, 0, 1, 1}, false}, /* counts one it has not */
	{MULLION_MSG_FRAME, HEAD, 24, {0, 0, 0, 0, 1, 1}, false},
	{MULLION_MSG_FRAME, HEAD, 24, {0, 0x10000001, 0, 0, 1, 1}, false}, /* times 16 is 16 */
	{MULLION_MSG_FRAME, HEAD, 4, {0}, false},

	{MULLION_MSG_CURSOR, HEAD, 20, {1, 1, 0, 0, 0xffffffff}, true},
	{MULLION_MSG_CURSOR, HEAD, 24, {2, 1, 1, 0, 1, 2}, true},
	{MULLION_MSG_CURSOR, HEAD, 16, {0, 0, 0, 0}, true},
	{MULLION_MSG_CURSOR, HEAD, 16, {0, 0, 1, 0}, false},
	{MULLION_MSG_CURSOR, HEAD, 16, {0, 0, 0, 1}, false},
	{MULLION_MSG_CURSOR, HEAD, 16, {1, 0, 0, 0}, false},
	{MULLION_MSG_CURSOR, HEAD, 16, {0, 1, 0, 0}, false},
	{MULLION_MSG_CURSOR, HEAD, 20, {1, 1, 1, 0, 0}, false},
	{MULLION_MSG_CURSOR, HEAD, 20, {1, 1, 0, 1, 0}, false},
	{MULLION_MSG_CURSOR, HEAD, 20, {2, 1, 0, 0, 0}, false},
	{MULLION_MSG_CURSOR, HEAD, 24, {1, 1, 0, 0, 0, 0}, false},
	{MULLION_MSG_CURSOR, HEAD, 16, {0x10000, 0x10000, 0, 0}, false}, /* product comes around */
	{MULLION_MSG_CURSOR, HEAD, 12, {0, 0, 0}, false},

	{MULLION_MSG_CURSOR_POSITION, HEAD, 16, {NEGATIVE(5), 7, 1, 0}, true},
	{MULLION_MSG_CURSOR_POSITION, HEAD, 16, {0x80000000, 0x7fffffff, 0, 0}, true},
	{MULLION_MSG_CURSOR_POSITION, HEAD, 16, {0, 0, 2, 0}, false},
	{MULLION_MSG_CURSOR_POSITION, HEAD, 16, {0, 0, 1, 1}, false},
	{MULLION_MSG_LEDS, HEAD, 4, {0}, true},
	{MULLION_MSG_LEDS, HEAD, 4, {7}, true},
	{MULLION_MSG_LEDS, HEAD, 4, {8}, false},
	{MULLION_MSG_CAPS, HEAD, 4, {3}, true},
	{MULLION_MSG_CAPS, HEAD, 4, {4}, false},

	{MULLION_MSG_RELEASE, SCREEN, 8, {1, UINT32_MAX}, true},
	{MULLION_MSG_RELEASE, SCREEN, 8, {2, 1}, false},
	{MULLION_MSG_KEY, SCREEN, 4, {KEY_WORD(1, 0)}, true},
	{MULLION_MSG_KEY, SCREEN, 4, {KEY_WORD(255, 1)}, true},
	{MULLION_MSG_KEY, SCREEN, 4, {KEY_WORD(0, 1)}, false},
	{MULLION_MSG_KEY, SCREEN, 4, {KEY_WORD(256, 1)}, false},
	{MULLION_MSG_KEY, SCREEN, 4, {KEY_WORD(30, 2)}, false},
	{MULLION_MSG_BUTTON, SCREEN, 4, {KEY_WORD(0x110, 1)}, true},
	{MULLION_MSG_BUTTON, SCREEN, 4, {KEY_WORD(0x117, 0)}, true},
	{MULLION_MSG_BUTTON, SCREEN, 4, {KEY_WORD(0x10f, 0)}, false},
	{MULLION_MSG_BUTTON, SCREEN, 4, {KEY_WORD(0x118, 0)}, false},
	{MULLION_MSG_POINTER_ABSOLUTE, SCREEN, 8, {8191, 8191}, true},
	{MULLION_MSG_POINTER_ABSOLUTE, SCREEN, 8, {8192, 0}, false},
	{MULLION_MSG_POINTER_ABSOLUTE, SCREEN, 8, {0, 8192}, false},
	{MULLION_MSG_POINTER_RELATIVE, SCREEN, 8, {NEGATIVE(32768), 32767}, true},
	{MULLION_MSG_POINTER_RELATIVE, SCREEN, 8, {NEGATIVE(32769), 0}, false},
	{MULLION_MSG_POINTER_RELATIVE, SCREEN, 8, {0, 32768}, false},
	{MULLION_MSG_SCROLL, SCREEN, 8, {NEGATIVE(1), 1}, true},
	{MULLION_MSG_SCROLL, SCREEN, 8, {32768, 0}, false},
	{MULLION_MSG_SCROLL, SCREEN, 8, {0, NEGATIVE(32769)}, false},
	{MULLION_MSG_MODE, SCREEN, 16, {1920, 1080, 0, 0}, true},
	{MULLION_MSG_MODE, SCREEN, 16, {8192, 8192, 10000, 10000}, true},
	{MULLION_MSG_MODE, SCREEN, 16, {0, 1080, 0, 0}, false},
	{MULLION_MSG_MODE, SCREEN, 16, {1920, 0, 0, 0}, false},
	{MULLION_MSG_MODE, SCREEN, 16, {8193, 1080, 0, 0}, false},
	{MULLION_MSG_MODE, SCREEN, 16, {1920, 8193, 0, 0}, false},
	{MULLION_MSG_MODE, SCREEN, 16, {1920, 1080, 10001, 0}, false},
	{MULLION_MSG_MODE, SCREEN, 16, {1920, 1080, 0, 10001}, false},
};

/* Checks a copy that ends where its allocation does, for a sanitizer to see a read too far. */
static const char *check_copy(enum mullion_wire_side from, uint16_t type, const void *payload,
			      uint32_t length)
{
	void *copy = malloc(length ? length : 1);
	const char *wrong;

	assert_non_null(copy);
	memcpy(copy, payload, length);
	wrong = mullion_wire_check(from, type, copy, length);
	free(copy);
	return wrong;
}

static void documented_ranges_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		const char *wrong = check_copy(row->from, row->type, row->words, row->length);

		if (row->sound != !wrong)
			fail_msg("row %zu, type %u: %s", i, row->type,
				 wrong ? wrong : "accepted, though it is wrong");
	}
}

static void every_other_length_is_refused(void **state)
{
	static const unsigned char zeros[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];

		if (!row->sound)
			continue;
		for (uint32_t length = 0; length <= WORDS * 4; length++) {
			if (length != row->length)
				assert_non_null(
					check_copy(row->from, row->type, row->words, length));
		}
	}
	/* Of a type nobody sends, no length is right. */
	for (uint32_t length = 0; length <= sizeof(zeros); length++) {
		assert_non_null(check_copy(HEAD, 0, zeros, length));
		assert_non_null(check_copy(SCREEN, UINT16_MAX, zeros, length));
	}
}

static void no_side_may_send_the_others_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];

		if (row->type != MULLION_MSG_HELLO)
			assert_non_null(check_copy(row->from == HEAD ? SCREEN : HEAD, row->type,
						   row->words, row->length));
	}
}

static void frame_takes_up_to_64_rectangles(void **state)
{
	struct {
		uint32_t buffer, num_rects; /* struct mullion_msg_frame */
		struct mullion_rect rects[65];
	} msg = {.buffer = 1};

	(void)state;
	for (unsigned i = 0; i < 65; i++)
		msg.rects[i] = (struct mullion_rect){i, i, 100, 100};
	msg.num_rects = 64;
	assert_null(check_copy(HEAD, MULLION_MSG_FRAME, &msg, 8 + 64 * 16));
	msg.num_rects = 65;
	assert_non_null(check_copy(HEAD, MULLION_MSG_FRAME, &msg, 8 + 65 * 16));
	msg.num_rects = 64;
	msg.rects[63].width = UINT32_MAX;
	assert_non_null(check_copy(HEAD, MULLION_MSG_FRAME, &msg, 8 + 64 * 16));
}

static void cursor_takes_up_to_256_by_256(void **state)
{
	const uint32_t side = MULLION_DISPLAY_MAX_CURSOR;
	uint32_t length = 16 + side * side * 4;
	uint32_t *words = calloc(1, length + 4 * side);

	(void)state;
	assert_non_null(words);
	words[0] = words[1] = side;
	words[2] = words[3] = side - 1;
	assert_null(check_copy(HEAD, MULLION_MSG_CURSOR, words, length));
	assert_non_null(check_copy(HEAD, MULLION_MSG_CURSOR, words, length - 4));
	words[2] = side;
	assert_non_null(check_copy(HEAD, MULLION_MSG_CURSOR, words, length));
	words[2] = 0;
	words[0] = side + 1;
	words[1] = 1;
	words[3] = 0;
	assert_non_null(check_copy(HEAD, MULLION_MSG_CURSOR, words, 16 + (side + 1) * 4));
	free(words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documented_ranges_hold),
		cmocka_unit_test(every_other_length_is_refused),
		cmocka_unit_test(no_side_may_send_the_others_messages),
		cmocka_unit_test(frame_takes_up_to_64_rectangles),
		cmocka_unit_test(cursor_takes_up_to_256_by_256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
