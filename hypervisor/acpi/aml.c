/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Encodes ACPI tables, AML objects and resource descriptors. */
#include "acpi/aml.h"

#include "lib/bytes.h"
#include "lib/string.h"

enum {
	OP_NAME = 0x08,
	PREFIX_BYTE = 0x0a,
	PREFIX_WORD = 0x0b,
	PREFIX_DWORD = 0x0c,
	PREFIX_QWORD = 0x0e,
	OP_SCOPE = 0x10,
	OP_BUFFER = 0x11,
	OP_PACKAGE = 0x12,
	PREFIX_EXTENDED = 0x5b,
	OP_DEVICE = 0x82,
};

enum {
	RESOURCE_IRQ = 0x22,
	RESOURCE_IO = 0x47,
	RESOURCE_END = 0x79,
	RESOURCE_DWORD = 0x87,
	RESOURCE_WORD = 0x88,
	RESOURCE_QWORD = 0x8a,
};

/* Lengths are always written in three bytes: known only when what they count has been written. */
#define LENGTH_SIZE 3

static void byte(struct aml *aml, uint8_t value)
{
	aml_bytes(aml, &value, 1);
}

void aml_bytes(struct aml *aml, const void *bytes, size_t size)
{
	if (aml->full || size > aml->size - aml->used) {
		aml->full = true;
		return;
	}
	memcpy(aml->buffer + aml->used, bytes, size);
	aml->used += size;
}

void aml_zeros(struct aml *aml, size_t size)
{
	for (; size > 0; size--)
		byte(aml, 0);
}

void aml_number(struct aml *aml, uint64_t value, unsigned size)
{
	uint8_t bytes[8];

	store64(bytes, value);
	aml_bytes(aml, bytes, size);
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
	byte(aml, revision);
	byte(aml, 0);
	aml_bytes(aml, "MULLN MULLION ", 14);
	aml_number(aml, 1, 4);
	aml_bytes(aml, "MLLN", 4);
	aml_number(aml, 1, 4);
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

static size_t open_length(struct aml *aml)
{
	aml_zeros(aml, LENGTH_SIZE);
	return aml->used - LENGTH_SIZE;
}

void aml_close(struct aml *aml, size_t object)
{
	size_t length = aml->used - object;

	if (aml->full)
		return;
	aml->buffer[object] = (uint8_t)((LENGTH_SIZE - 1) << 6 | (length & 0xf));
	aml->buffer[object + 1] = (uint8_t)(length >> 4);
	aml->buffer[object + 2] = (uint8_t)(length >> 12);
}

size_t aml_open_scope(struct aml *aml, const char *path)
{
	size_t object;

	byte(aml, OP_SCOPE);
	object = open_length(aml);
	aml_bytes(aml, path, strlen(path));
	return object;
}

size_t aml_open_device(struct aml *aml, const char *name)
{
	size_t object;

	byte(aml, PREFIX_EXTENDED);
	byte(aml, OP_DEVICE);
	object = open_length(aml);
	aml_bytes(aml, name, 4);
	return object;
}

size_t aml_open_package(struct aml *aml, uint8_t count)
{
	size_t object;

	byte(aml, OP_PACKAGE);
	object = open_length(aml);
	byte(aml, count);
	return object;
}

void aml_name(struct aml *aml, const char *name)
{
	byte(aml, OP_NAME);
	aml_bytes(aml, name, 4);
}

void aml_integer(struct aml *aml, uint64_t value)
{
	unsigned size = value <= UINT8_MAX    ? 1
			: value <= UINT16_MAX ? 2
			: value <= UINT32_MAX ? 4
					      : 8;

	if (value > 1) /* 0 and 1 stand for themselves */
		byte(aml, size == 1   ? PREFIX_BYTE
			  : size == 2 ? PREFIX_WORD
			  : size == 4 ? PREFIX_DWORD
				      : PREFIX_QWORD);
	aml_number(aml, value, size);
}

static unsigned hex(char digit)
{
	return (unsigned)(digit <= '9' ? digit - '0' : digit - 'A' + 10);
}

void aml_eisa_id(struct aml *aml, const char *id)
{
	unsigned letters =
		((unsigned)id[0] & 31) << 10 | ((unsigned)id[1] & 31) << 5 | ((unsigned)id[2] & 31);

	byte(aml, PREFIX_DWORD);
	byte(aml, (uint8_t)(letters >> 8));
	byte(aml, (uint8_t)letters);
	byte(aml, (uint8_t)(hex(id[3]) << 4 | hex(id[4])));
	byte(aml, (uint8_t)(hex(id[5]) << 4 | hex(id[6])));
}

/* The buffer's size comes after its length; it is a word. */
size_t aml_open_resources(struct aml *aml)
{
	size_t object;

	byte(aml, OP_BUFFER);
	object = open_length(aml);
	byte(aml, PREFIX_WORD);
	aml_zeros(aml, 2);
	return object;
}

void aml_close_resources(struct aml *aml, size_t resources)
{
	size_t size = resources + LENGTH_SIZE + 1;

	byte(aml, RESOURCE_END);
	byte(aml, 0); /* no checksum */
	if (aml->full)
		return;
	store16(aml->buffer + size, (uint16_t)(aml->used - size - 2));
	aml_close(aml, resources);
}

void aml_io_port(struct aml *aml, uint16_t port, uint8_t count)
{
	byte(aml, RESOURCE_IO);
	byte(aml, 1); /* 16 bits are decoded */
	aml_number(aml, port, 2);
	aml_number(aml, port, 2);
	byte(aml, 1);
	byte(aml, count);
}

void aml_irq(struct aml *aml, unsigned irq)
{
	byte(aml, RESOURCE_IRQ);
	aml_number(aml, 1U << irq, 2);
}

void aml_address_space(struct aml *aml, enum aml_space space, unsigned width, bool produced,
		       uint64_t first, uint64_t last)
{
	static const uint8_t kinds[] = {
		[AML_MEMORY] = 1 /* writable */, [AML_IO] = 3 /* all ports */, [AML_BUS] = 0};

	byte(aml, width == 2 ? RESOURCE_WORD : width == 4 ? RESOURCE_DWORD : RESOURCE_QWORD);
	aml_number(aml, 3 + 5 * width, 2);
	byte(aml, (uint8_t)space);
	byte(aml, produced ? 0x0c : 0x0d); /* both ends fixed */
	byte(aml, kinds[space]);
	aml_number(aml, 0, width); /* granularity */
	aml_number(aml, first, width);
	aml_number(aml, last, width);
	aml_number(aml, 0, width); /* translation */
	aml_number(aml, last - first + 1, width);
}
