/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as an instruction (the first one of the input is the mode). What is decoded has a
 * possible length, needs exactly its own bytes, and changes no more than one or two registers and
 * the arithmetic flags.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "vm/insn.h"

#define ARITHMETIC 0x8d5ULL

static void complete(const struct insn *insn)
{
	uint64_t registers[16], before[16], rflags = 0x246, out = 0;
	unsigned changed = 0;

	for (unsigned i = 0; i < 16; i++)
		before[i] = registers[i] = 0x0123456789abcdefULL * (i + 1);
	insn_complete(insn, registers, &rflags, 0xfedcba9876543210ULL, &out);
	for (unsigned i = 0; i < 16; i++)
		changed += registers[i] != before[i];
	FUZZ_CHECK(changed <= (insn->kind == INSN_LODS ? 2 : 1));
	FUZZ_CHECK((rflags & ~ARITHMETIC) == (0x246 & ~ARITHMETIC));
	FUZZ_CHECK(insn->size == 8 || !(out >> 8 * insn->size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct insn insn, again;
	enum insn_mode mode;
	int error;

	if (size == 0)
		return 0;
	mode = data[0] % 3;
	data++;
	size--;
	memset(&insn, 0xff, sizeof(insn));
	error = insn_decode(data, size, mode, &insn);
	FUZZ_CHECK(error == 0 || error == -EAGAIN || error == -ENOTSUP || error == -EINVAL);
	FUZZ_CHECK(error != -EAGAIN || size < INSN_MAX_LENGTH);
	FUZZ_CHECK(error != -EINVAL || size >= INSN_MAX_LENGTH);
	if (error)
		return 0;
	FUZZ_CHECK(insn.length >= 1 && insn.length <= INSN_MAX_LENGTH && insn.length <= size);
	FUZZ_CHECK(insn.size == 1 || insn.size == 2 || insn.size == 4 || insn.size == 8);
	FUZZ_CHECK(insn.size < 8 || mode == INSN_64);
	FUZZ_CHECK(insn.reg < (mode == INSN_64 ? 16 : 8));
	FUZZ_CHECK(!insn.reg_high || (insn.reg < 4 && insn.reg_size == 1));
	FUZZ_CHECK(insn.reads || insn.writes);
	for (size_t cut = 0; cut < insn.length; cut++)
		FUZZ_CHECK(insn_decode(data, cut, mode, &again) == -EAGAIN);
	FUZZ_CHECK(insn_decode(data, insn.length, mode, &again) == 0);
	FUZZ_CHECK(again.length == insn.length && again.kind == insn.kind);
	complete(&insn);
	return 0;
}

size_t fuzz_seed(unsigned index, uint8_t *data, size_t size)
{
	static const char *const seeds[] = {
		"\x02\x48\xc7\x84\x6c\x00\x01\x00\x00\x78\x56\x34\x12",
		"\x02\x48\xa3\x88\x77\x66\x55\x44\x33\x22\x11",
		"\x01\x67\x8b\x46\x10",
		"\x01\xf0\x81\x0d\x00\x03\xe0\xfe\x01\x02\x03\x04",
		"\x00\x66\x0f\xb6\x0e\x34\x12",
		"\x02\x4d\x0f\xbe\x1c\x24",
		"\x02\x66\xf7\x05\x01\x02\x03\x04\x05\x06",
		"\x02\x67\xac",
	};
	static const uint8_t lengths[] = {13, 11, 5, 12, 7, 6, 10, 3};

	if (index >= ARRAY_LENGTH(seeds) || size < 16)
		return 0;
	memcpy(data, seeds[index], lengths[index]);
	return lengths[index];
}
