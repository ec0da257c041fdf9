/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program of the build's: takes the printable ASCII glyphs of a 16 pixel PFF2 font (GRUB's
 *format, "PFF2" in its file section) and writes them as a C table, a byte a row, 8 pixels wide.
 *
 *	font-gen /usr/share/grub/unicode.pf2 >font.h
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST  0x20
#define LAST   0x7e
#define HEIGHT 16
#define WIDTH  8

static uint8_t file[16 << 20];
static size_t file_size;
static const char *file_name;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "font-gen: %s: %s\n", file_name, what);
	exit(1);
}

/* A big-endian number of the file. */
static uint32_t number(size_t at, size_t bytes)
{
	uint32_t value = 0;

	if (at > file_size || bytes > file_size - at)
		fail("it is truncated");
	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | file[at + i];
	return value;
}

/* Where a section's contents are. */
static size_t section(const char *name, uint32_t *size)
{
	for (size_t at = 0; at + 8 <= file_size;) {
		*size = number(at + 4, 4);
		if (memcmp(file + at, name, 4) == 0)
			return at + 8;
		if (*size == UINT32_MAX) /* the data, the last one */
			break;
		at += 8 + (size_t)*size;
	}
	fail("a section is missing");
}

/* Where the glyph of a character is. */
static size_t find_glyph(uint32_t character)
{
	uint32_t size;
	size_t index = section("CHIX", &size);

	for (size_t at = index; at < index + size; at += 9)
		if (number(at, 4) == character)
			return number(at + 5, 4);
	fail("a character is missing");
}

static void draw(size_t glyph, int ascent, uint8_t rows[HEIGHT])
{
	int width = (int)number(glyph, 2), height = (int)number(glyph + 2, 2);
	int left = (int16_t)number(glyph + 4, 2), bottom = (int16_t)number(glyph + 6, 2);
	int top = ascent - (bottom + height);

	memset(rows, 0, HEIGHT);
	for (int i = 0; i < width * height; i++) {
		int x = left + i % width, y = top + i / width;
		bool set = number(glyph + 10 + (size_t)i / 8, 1) >> (7 - i % 8) & 1;

		if (set && (x < 0 || x >= WIDTH || y < 0 || y >= HEIGHT))
			fail("a glyph is larger than 8x16");
		if (set)
			rows[y] |= (uint8_t)(0x80 >> x);
	}
}

int main(int argc, char **argv)
{
	uint32_t size;
	FILE *stream;

	if (argc != 2)
		return 2;
	file_name = argv[1];
	stream = fopen(file_name, "rb");
	if (stream == NULL)
		fail("it cannot be opened (Debian: package grub-common)");
	file_size = fread(file, 1, sizeof(file), stream);
	fclose(stream);
	if (memcmp(file + section("FILE", &size), "PFF2", 4) != 0)
		fail("it is not a PFF2 font");

	printf("/* Made by font-gen from GRUB's %s; glyphs of characters 0x%x to 0x%x. */\n",
	       strrchr(file_name, '/') ? strrchr(file_name, '/') + 1 : file_name, FIRST, LAST);
	printf("#define FONT_FIRST 0x%x\n#define FONT_LAST 0x%x\n", FIRST, LAST);
	printf("#define FONT_WIDTH %d\n#define FONT_HEIGHT %d\n", WIDTH, HEIGHT);
	printf("const unsigned char text_font[][FONT_HEIGHT] = {\n");
	for (uint32_t character = FIRST; character <= LAST; character++) {
		uint8_t rows[HEIGHT];

		draw(find_glyph(character), (int)number(section("ASCE", &size), 2), rows);
		printf("\t{");
		for (int y = 0; y < HEIGHT; y++)
			printf(" 0x%02x,", rows[y]);
		printf(" },\n");
	}
	printf("};\n");
	return 0;
}
