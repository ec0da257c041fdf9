/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any page tables: the input's first 40 bytes are the registers, the rest is repeated as all of
 * memory. A walk reads few, aligned entries, keeps the offset in the page, and says the same twice.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "vm/walk.h"

#define REGISTERS 40

struct memory {
	const uint8_t *bytes;
	size_t size;
	unsigned reads;
	bool entries; /* only table entries may be read */
};

static int read_memory(void *user, gpa_t address, void *to, size_t size)
{
	struct memory *memory = user;
	uint64_t at = gpa_value(address);

	memory->reads++;
	if (memory->entries)
		FUZZ_CHECK((size == 4 || size == 8) && at % size == 0);
	FUZZ_CHECK(at >> 52 == 0);
	FUZZ_CHECK(at % 4096 + size <= 4096);
	if (memory->size == 0 || at >> 40)
		return -EFAULT;
	for (size_t i = 0; i < size; i++)
		((uint8_t *)to)[i] = memory->bytes[(at + i) % memory->size];
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory memory = {.entries = true};
	struct vcpu_mode mode = {0};
	uint64_t words[REGISTERS / 8];
	gpa_t first = gpa(0), second = gpa(0);
	uint8_t bytes[15];
	int error;

	if (size < REGISTERS)
		return 0;
	memcpy(words, data, sizeof(words));
	mode.cr0 = words[0];
	mode.cr3 = words[1];
	mode.cr4 = words[2] & 0xffffffff;
	mode.efer = words[2] >> 32;
	mode.rip = words[3];
	mode.cs_base = words[4] & 0xffffffff;
	mode.cpl = words[4] >> 32 & 3;
	mode.long_mode = words[4] >> 34 & 1;
	memory.bytes = data + REGISTERS;
	memory.size = size - REGISTERS;
	error = walk_linear(&mode, read_memory, &memory, mode.rip, &first);
	FUZZ_CHECK(error == 0 || error == -EFAULT);
	FUZZ_CHECK(memory.reads <= 5);
	FUZZ_CHECK(walk_linear(&mode, read_memory, &memory, mode.rip, &second) == error);
	FUZZ_CHECK(gpa_value(first) == gpa_value(second));
	if (!error && mode.cr0 >> 31 & 1)
		FUZZ_CHECK(gpa_value(first) % 4096 == mode.rip % 4096 &&
			   gpa_value(first) >> 52 == 0);
	if (!(mode.cr0 >> 31 & 1))
		mode.rip &=
			0xffffffff; /* without paging, long mode is not; addresses have 32 bits */
	memory.entries = false;
	FUZZ_CHECK(walk_fetch(&mode, read_memory, &memory, bytes, sizeof(bytes)) <= sizeof(bytes));
	return 0;
}

/* One page that is its own table in every mode. */
size_t fuzz_seed(unsigned index, uint8_t *data, size_t size)
{
	static const uint64_t seeds[][REGISTERS / 8] = {
		{0x80000001, 0x1000, 0xd0000000020, 0xffff812345678ffa, 4ULL << 32},
		{0x80000001, 0x1000, 0xd0000001020, 0xff12812345678000, 4ULL << 32},
		{0x80000001, 0x1000, 0x20, 0xc3478ffc, 0},
		{0x80000001, 0x1000, 0x10, 0xc3478abc, 3ULL << 32},
		{1, 0, 0, 0xfff0, 0xffff0000},
	};
	static const uint64_t entries[] = {0x1007, 0x200087, 0x8000000000001007};

	if (index >= ARRAY_LENGTH(seeds) || size < REGISTERS + sizeof(entries))
		return 0;
	memcpy(data, seeds[index], REGISTERS);
	memcpy(data + REGISTERS, entries, sizeof(entries));
	return REGISTERS + sizeof(entries);
}
