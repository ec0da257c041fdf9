/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Encodes ACPI tables, AML objects and resource descriptors. */
#include "acpi/aml.h"

#include "lib/bytes.h"
#include "lib/string.h"

enum { OP_NAME = 0x08, PREFIX_BYTE = 0x0a, PREFIX_WORD = 0x0b, PREFIX_DWORD = 0x0c };
enum { RESOURCE_IRQ = 0x22, RESOURCE_IO = 0x47, RESOURCE_END = 0x79 };
enum { RESOURCE_DWORD = 0x87, RESOURCE_WORD = 0x88, RESOURCE_QWORD = 0x8a };

/* Lengths are always written in three bytes: known only when what they count has been written. */
#define LENGTH_SIZE 3

void aml_bytes(struct aml *aml, const void *bytes, size_t size)
{
	aml->full |= size > aml->size - aml->used;
	if (aml->full)
		return;
	memcpy(aml->buffer + aml->used, bytes, size);
	aml->used += size;
}

void aml_number(struct aml *aml, uint64_t value, unsigned size)
{
	uint8_t bytes[8];

	store64(bytes, value);
	aml_bytes(aml, bytes, size);
}

void aml_zeros(struct aml *aml, size_t size)
{
	for (; size > 0; size--)
		aml_number(aml, 0, 1);
}

void aml_align(struct aml *aml, size_t alignment)
{
	aml_zeros(aml, align_up(aml->used, alignment) - aml->used);
}

size_t aml_begin_table(struct aml *aml, const char *signature, uint8_t revision)
{
	size_t table;

	aml_align(aml, 16);
	table = aml->used;
	aml_bytes(aml, signature, 4);
	aml_zeros(aml, 4);
	aml_number(aml, revision, 2);
	aml_bytes(aml, "MULLN MULLION \1\0\0\0MLLN\1\0\0", 26);
	return table;
}

void aml_end_table(struct aml *aml, size_t table)
{
	if (aml->full)
		return;
	store32(aml->buffer + table + 4, (uint32_t)(aml->used - table));
	aml_seal(aml, table, aml->used - table, table + 9);
}

void aml_seal(struct aml *aml, size_t start, size_t size, size_t checksum)
{
	uint8_t sum = 0;

	if (aml->full)
		return;
	aml->buffer[checksum] = 0;
	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + aml->buffer[start + i]);
	aml->buffer[checksum] = (uint8_t)-sum;
}

size_t aml_open(struct aml *aml, enum aml_object object, const char *head)
{
	size_t length;

	aml_number(aml, object, object > UINT8_MAX ? 2 : 1);
	length = aml->used;
	aml_zeros(aml, LENGTH_SIZE);
	aml_bytes(aml, head, strlen(head));
	return length;
}

void aml_close(struct aml *aml, size_t object)
{
	size_t length = aml->used - object;

	if (aml->full)
		return;
	aml->buffer[object] = (uint8_t)((LENGTH_SIZE - 1) << 6 | (length & 0xf));
	store16(aml->buffer + object + 1, (uint16_t)(length >> 4));
}

void aml_name(struct aml *aml, const char *name)
{
	aml_number(aml, OP_NAME, 1);
	aml_bytes(aml, name, 4);
}

void aml_integer(struct aml *aml, uint8_t value)
{
	if (value > 1) /* 0 and 1 stand for themselves */
		aml_number(aml, PREFIX_BYTE, 1);
	aml_number(aml, value, 1);
}

/* Three letters of 5 bits and four hexadecimal digits, from the highest byte down. */
void aml_pnp_id(struct aml *aml, uint16_t product)
{
	aml_number(aml, PREFIX_DWORD, 1);
	aml_bytes(aml, "\x41\xd0", 2);
	aml_number(aml, product >> 8, 1);
	aml_number(aml, product, 1);
}

/* The buffer's size, a word, comes after its length. */
size_t aml_open_resources(struct aml *aml)
{
	size_t resources;

	aml_name(aml, "_CRS");
	resources = aml_open(aml, AML_BUFFER, "");
	aml_number(aml, PREFIX_WORD, 3);
	return resources;
}

void aml_close_resources(struct aml *aml, size_t resources)
{
	size_t size = resources + LENGTH_SIZE + 1;

	aml_number(aml, RESOURCE_END, 2); /* and no checksum */
	if (aml->full)
		return;
	store16(aml->buffer + size, (uint16_t)(aml->used - size - 2));
	aml_close(aml, resources);
}

void aml_io_port(struct aml *aml, uint16_t port, uint8_t count)
{
	aml_number(aml, RESOURCE_IO | 1 << 8, 2); /* 16 bits are decoded */
	aml_number(aml, port, 2);
	aml_number(aml, port, 2);
	aml_number(aml, 1 | count << 8, 2);
}

void aml_irq(struct aml *aml, unsigned irq)
{
	aml_number(aml, RESOURCE_IRQ, 1);
	aml_number(aml, 1U << irq, 2);
}

void aml_address_space(struct aml *aml, enum aml_space space, unsigned width, bool produced,
		       uint64_t first, uint64_t last)
{
	static const uint8_t kinds[] = {1 /* writable */, 3 /* all ports */, 0};

	aml_number(aml,
		   width == 2	? RESOURCE_WORD
		   : width == 4 ? RESOURCE_DWORD
				: RESOURCE_QWORD,
		   1);
	aml_number(aml, 3 + 5 * width, 2);
	aml_number(aml, space, 1);
	aml_number(aml, produced ? 0x0c : 0x0d, 1); /* both ends are fixed */
	aml_number(aml, kinds[space], 1);
	aml_number(aml, 0, width); /* granularity */
	aml_number(aml, first, width);
	aml_number(aml, last, width);
	aml_number(aml, 0, width); /* translation */
	aml_number(aml, last - first + 1, width);
}
