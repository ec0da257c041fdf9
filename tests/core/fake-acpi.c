/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A firmware's tables, as right or wrong as a test wants them. */
#include "fake-acpi.h"

#include <stdlib.h>
#include <string.h>

#include "lib/bytes.h"

static uint8_t sum(const uint8_t *bytes, size_t size)
{
	uint8_t result = 0;

	while (size > 0)
		result = (uint8_t)(result + bytes[--size]);
	return result;
}

void fake_acpi_reset(struct fake_acpi *fake)
{
	memset(fake, 0, sizeof(*fake));
}

uint8_t *fake_acpi_at(struct fake_acpi *fake, uint64_t address)
{
	return fake->memory + (address - FAKE_ACPI_BASE);
}

void fake_acpi_put_bytes(struct fake_acpi *fake, const void *bytes, size_t size)
{
	if (size > sizeof(fake->memory) - fake->used)
		abort();
	memcpy(fake->memory + fake->used, bytes, size);
	fake->used += size;
}

void fake_acpi_put(struct fake_acpi *fake, uint64_t value, unsigned size)
{
	uint8_t bytes[8];

	store64(bytes, value);
	fake_acpi_put_bytes(fake, bytes, size);
}

static void begin(struct fake_acpi *fake, const char *signature)
{
	fake->used = (fake->used + 15) & ~(size_t)15;
	fake->table = fake->used;
	fake_acpi_put_bytes(fake, signature, 4);
	fake_acpi_put_bytes(fake, "\0\0\0\0\1\0FAKE  FAKEFAKE\0\0\0\0FAKE\0\0\0\0", 32);
}

uint64_t fake_acpi_begin(struct fake_acpi *fake, const char *signature)
{
	begin(fake, signature);
	fake->roots[fake->root_count++] = FAKE_ACPI_BASE + fake->table;
	return FAKE_ACPI_BASE + fake->table;
}

void fake_acpi_end(struct fake_acpi *fake)
{
	store32(fake->memory + fake->table + 4, (uint32_t)(fake->used - fake->table));
	fake_acpi_seal(fake, FAKE_ACPI_BASE + fake->table);
}

void fake_acpi_seal(struct fake_acpi *fake, uint64_t table)
{
	uint8_t *bytes = fake_acpi_at(fake, table);

	bytes[9] = 0;
	bytes[9] = (uint8_t)-sum(bytes, load32(bytes + 4));
}

void fake_acpi_seal_rsdp(struct fake_acpi *fake)
{
	fake->rsdp[8] = 0;
	fake->rsdp[8] = (uint8_t)-sum(fake->rsdp, 20);
	fake->rsdp[32] = 0;
	fake->rsdp[32] = (uint8_t)-sum(fake->rsdp, 36);
}

void fake_acpi_finish(struct fake_acpi *fake)
{
	memcpy(fake->rsdp, "RSD PTR \0FAKE  \2", 16);
	begin(fake, "XSDT");
	store64(fake->rsdp + 24, FAKE_ACPI_BASE + fake->table);
	for (size_t i = 0; i < fake->root_count; i++)
		fake_acpi_put(fake, fake->roots[i], 8);
	fake_acpi_end(fake);
	begin(fake, "RSDT");
	store32(fake->rsdp + 16, (uint32_t)(FAKE_ACPI_BASE + fake->table));
	for (size_t i = 0; i < fake->root_count; i++)
		fake_acpi_put(fake, fake->roots[i], 4);
	fake_acpi_end(fake);
	store32(fake->rsdp + 20, 36);
	fake_acpi_seal_rsdp(fake);
}

bool fake_acpi_read(void *user, hpa_t start, void *to, size_t size)
{
	struct fake_acpi *fake = user;
	uint64_t at = hpa_value(start) - FAKE_ACPI_BASE;

	if (at > FAKE_ACPI_SIZE || size > FAKE_ACPI_SIZE - at)
		return false;
	memcpy(to, fake->memory + at, size);
	return true;
}

int fake_acpi_parse(struct fake_acpi *fake)
{
	memset(&fake->info, 0xa5, sizeof(fake->info));
	return acpi_parse(fake->rsdp, sizeof(fake->rsdp), fake_acpi_read, fake, &fake->info,
			  fake->problems, ARRAY_LENGTH(fake->problems), &fake->problem_count);
}
