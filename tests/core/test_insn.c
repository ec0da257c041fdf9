/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions that access device registers: lengths as the assembler has them, and effects as the
 * CPU that runs the test has them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "splitmix.h"
#include "vm/insn.h"

/* From as and objdump. */
static const struct {
	enum insn_mode mode;
	const char *bytes, *text;
} table[] = {
	{INSN_16, "67 66 8b 06", "mov (%esi),%eax"},
	{INSN_16, "67 8a 4b 10", "mov 0x10(%ebx),%cl"},
	{INSN_16, "67 66 89 91 34 12 00 00", "mov %edx,0x1234(%ecx)"},
	{INSN_16, "67 88 34 87", "mov %dh,(%edi,%eax,4)"},
	{INSN_16, "67 89 5c 24 20", "mov %bx,0x20(%esp)"},
	{INSN_16, "66 8b 0e 78 56", "mov 0x5678,%ecx"},
	{INSN_16, "67 66 8b 55 00", "mov 0x0(%ebp),%edx"},
	{INSN_16, "67 8b 44 f5 7f", "mov 0x7f(%ebp,%esi,8),%ax"},
	{INSN_16, "67 8a 3c d5 00 00 00 00", "mov 0x0(,%edx,8),%bh"},
	{INSN_16, "67 66 c7 06 44 33 22 11", "movl $0x11223344,(%esi)"},
	{INSN_16, "67 c7 46 08 22 11", "movw $0x1122,0x8(%esi)"},
	{INSN_16, "67 c6 46 ff 7f", "movb $0x7f,-0x1(%esi)"},
	{INSN_16, "67 66 0f b6 08", "movzbl (%eax),%ecx"},
	{INSN_16, "67 0f b6 08", "movzbw (%eax),%cx"},
	{INSN_16, "67 66 0f b7 48 04", "movzwl 0x4(%eax),%ecx"},
	{INSN_16, "67 66 0f be 08", "movsbl (%eax),%ecx"},
	{INSN_16, "67 0f be 08", "movsbw (%eax),%cx"},
	{INSN_16, "67 66 0f bf 08", "movswl (%eax),%ecx"},
	{INSN_16, "67 66 81 20 ff ff ff 7f", "andl $0x7fffffff,(%eax)"},
	{INSN_16, "67 66 83 20 fe", "andl $0xfffffffe,(%eax)"},
	{INSN_16, "67 80 48 40 01", "orb $0x1,0x40(%eax)"},
	{INSN_16, "67 81 08 00 10", "orw $0x1000,(%eax)"},
	{INSN_16, "67 66 01 03", "add %eax,(%ebx)"},
	{INSN_16, "67 66 13 03", "adc (%ebx),%eax"},
	{INSN_16, "67 28 0b", "sub %cl,(%ebx)"},
	{INSN_16, "67 1a 13", "sbb (%ebx),%dl"},
	{INSN_16, "67 66 83 b3 00 10 00 00 05", "xorl $0x5,0x1000(%ebx)"},
	{INSN_16, "67 66 83 3b 00", "cmpl $0x0,(%ebx)"},
	{INSN_16, "67 39 03", "cmp %ax,(%ebx)"},
	{INSN_16, "67 66 3b 03", "cmp (%ebx),%eax"},
	{INSN_16, "67 66 f7 03 00 00 01 00", "testl $0x10000,(%ebx)"},
	{INSN_16, "67 f6 03 80", "testb $0x80,(%ebx)"},
	{INSN_16, "67 f7 03 00 01", "testw $0x100,(%ebx)"},
	{INSN_16, "67 66 85 03", "test %eax,(%ebx)"},
	{INSN_16, "67 66 87 03", "xchg %eax,(%ebx)"},
	{INSN_16, "67 86 5b 10", "xchg %bl,0x10(%ebx)"},
	{INSN_16, "67 66 f0 83 0b 01", "lock orl $0x1,(%ebx)"},
	{INSN_16, "67 66 f0 87 03", "lock xchg %eax,(%ebx)"},
	{INSN_16, "64 67 66 8b 01", "mov %fs:(%ecx),%eax"},
	{INSN_16, "67 66 8b 45 04", "mov 0x4(%ebp),%eax"},
	{INSN_16, "26 66 a3 30 00", "mov %eax,%es:0x30"},
	{INSN_16, "a0 30 00", "mov 0x30,%al"},
	{INSN_16, "aa", "stos %al,%es:(%di)"},
	{INSN_16, "66 ab", "stos %eax,%es:(%di)"},
	{INSN_16, "ab", "stos %ax,%es:(%di)"},
	{INSN_16, "ac", "lods %ds:(%si),%al"},
	{INSN_16, "66 ad", "lods %ds:(%si),%eax"},
	{INSN_16, "67 0f c3 03", "movnti %eax,(%ebx)"},
	{INSN_16, "8b 07", "mov (%bx),%ax"},
	{INSN_16, "66 8b 00", "mov (%bx,%si),%eax"},
	{INSN_16, "8a 4b 10", "mov 0x10(%bp,%di),%cl"},
	{INSN_16, "89 97 34 12", "mov %dx,0x1234(%bx)"},
	{INSN_16, "c7 06 00 04 22 11", "movw $0x1122,0x400"},
	{INSN_16, "66 c7 05 44 33 22 11", "movl $0x11223344,(%di)"},
	{INSN_16, "a2 f8 03", "mov %al,0x3f8"},
	{INSN_16, "66 a1 00 10", "mov 0x1000,%eax"},
	{INSN_16, "8b 46 00", "mov 0x0(%bp),%ax"},
	{INSN_16, "83 a4 00 70 fe", "andw $0xfffe,0x7000(%si)"},
	{INSN_32, "8b 06", "mov (%esi),%eax"},
	{INSN_32, "8a 4b 10", "mov 0x10(%ebx),%cl"},
	{INSN_32, "89 91 34 12 00 00", "mov %edx,0x1234(%ecx)"},
	{INSN_32, "88 34 87", "mov %dh,(%edi,%eax,4)"},
	{INSN_32, "66 89 5c 24 20", "mov %bx,0x20(%esp)"},
	{INSN_32, "8b 0d 78 56 34 12", "mov 0x12345678,%ecx"},
	{INSN_32, "8b 55 00", "mov 0x0(%ebp),%edx"},
	{INSN_32, "66 8b 44 f5 7f", "mov 0x7f(%ebp,%esi,8),%ax"},
	{INSN_32, "8a 3c d5 00 00 00 00", "mov 0x0(,%edx,8),%bh"},
	{INSN_32, "c7 06 44 33 22 11", "movl $0x11223344,(%esi)"},
	{INSN_32, "66 c7 46 08 22 11", "movw $0x1122,0x8(%esi)"},
	{INSN_32, "c6 46 ff 7f", "movb $0x7f,-0x1(%esi)"},
	{INSN_32, "0f b6 08", "movzbl (%eax),%ecx"},
	{INSN_32, "66 0f b6 08", "movzbw (%eax),%cx"},
	{INSN_32, "0f b7 48 04", "movzwl 0x4(%eax),%ecx"},
	{INSN_32, "0f be 08", "movsbl (%eax),%ecx"},
	{INSN_32, "66 0f be 08", "movsbw (%eax),%cx"},
	{INSN_32, "0f bf 08", "movswl (%eax),%ecx"},
	{INSN_32, "81 20 ff ff ff 7f", "andl $0x7fffffff,(%eax)"},
	{INSN_32, "83 20 fe", "andl $0xfffffffe,(%eax)"},
	{INSN_32, "80 48 40 01", "orb $0x1,0x40(%eax)"},
	{INSN_32, "66 81 08 00 10", "orw $0x1000,(%eax)"},
	{INSN_32, "01 03", "add %eax,(%ebx)"},
	{INSN_32, "13 03", "adc (%ebx),%eax"},
	{INSN_32, "28 0b", "sub %cl,(%ebx)"},
	{INSN_32, "1a 13", "sbb (%ebx),%dl"},
	{INSN_32, "83 b3 00 10 00 00 05", "xorl $0x5,0x1000(%ebx)"},
	{INSN_32, "83 3b 00", "cmpl $0x0,(%ebx)"},
	{INSN_32, "66 39 03", "cmp %ax,(%ebx)"},
	{INSN_32, "3b 03", "cmp (%ebx),%eax"},
	{INSN_32, "f7 03 00 00 01 00", "testl $0x10000,(%ebx)"},
	{INSN_32, "f6 03 80", "testb $0x80,(%ebx)"},
	{INSN_32, "66 f7 03 00 01", "testw $0x100,(%ebx)"},
	{INSN_32, "85 03", "test %eax,(%ebx)"},
	{INSN_32, "87 03", "xchg %eax,(%ebx)"},
	{INSN_32, "86 5b 10", "xchg %bl,0x10(%ebx)"},
	{INSN_32, "f0 83 0b 01", "lock orl $0x1,(%ebx)"},
	{INSN_32, "f0 87 03", "lock xchg %eax,(%ebx)"},
	{INSN_32, "64 8b 01", "mov %fs:(%ecx),%eax"},
	{INSN_32, "8b 45 04", "mov 0x4(%ebp),%eax"},
	{INSN_32, "26 a3 30 00 00 00", "mov %eax,%es:0x30"},
	{INSN_32, "a0 30 00 00 00", "mov 0x30,%al"},
	{INSN_32, "aa", "stos %al,%es:(%edi)"},
	{INSN_32, "ab", "stos %eax,%es:(%edi)"},
	{INSN_32, "66 ab", "stos %ax,%es:(%edi)"},
	{INSN_32, "ac", "lods %ds:(%esi),%al"},
	{INSN_32, "ad", "lods %ds:(%esi),%eax"},
	{INSN_32, "0f c3 03", "movnti %eax,(%ebx)"},
	{INSN_64, "8b 06", "mov (%rsi),%eax"},
	{INSN_64, "8a 4b 10", "mov 0x10(%rbx),%cl"},
	{INSN_64, "89 91 34 12 00 00", "mov %edx,0x1234(%rcx)"},
	{INSN_64, "88 34 87", "mov %dh,(%rdi,%rax,4)"},
	{INSN_64, "66 89 5c 24 20", "mov %bx,0x20(%rsp)"},
	{INSN_64, "8b 0c 25 78 56 34 12", "mov 0x12345678,%ecx"},
	{INSN_64, "8b 55 00", "mov 0x0(%rbp),%edx"},
	{INSN_64, "66 8b 44 f5 7f", "mov 0x7f(%rbp,%rsi,8),%ax"},
	{INSN_64, "8a 3c d5 00 00 00 00", "mov 0x0(,%rdx,8),%bh"},
	{INSN_64, "c7 06 44 33 22 11", "movl $0x11223344,(%rsi)"},
	{INSN_64, "66 c7 46 08 22 11", "movw $0x1122,0x8(%rsi)"},
	{INSN_64, "c6 46 ff 7f", "movb $0x7f,-0x1(%rsi)"},
	{INSN_64, "0f b6 08", "movzbl (%rax),%ecx"},
	{INSN_64, "66 0f b6 08", "movzbw (%rax),%cx"},
	{INSN_64, "0f b7 48 04", "movzwl 0x4(%rax),%ecx"},
	{INSN_64, "0f be 08", "movsbl (%rax),%ecx"},
	{INSN_64, "66 0f be 08", "movsbw (%rax),%cx"},
	{INSN_64, "0f bf 08", "movswl (%rax),%ecx"},
	{INSN_64, "81 20 ff ff ff 7f", "andl $0x7fffffff,(%rax)"},
	{INSN_64, "83 20 fe", "andl $0xfffffffe,(%rax)"},
	{INSN_64, "80 48 40 01", "orb $0x1,0x40(%rax)"},
	{INSN_64, "66 81 08 00 10", "orw $0x1000,(%rax)"},
	{INSN_64, "01 03", "add %eax,(%rbx)"},
	{INSN_64, "13 03", "adc (%rbx),%eax"},
	{INSN_64, "28 0b", "sub %cl,(%rbx)"},
	{INSN_64, "1a 13", "sbb (%rbx),%dl"},
	{INSN_64, "83 b3 00 10 00 00 05", "xorl $0x5,0x1000(%rbx)"},
	{INSN_64, "83 3b 00", "cmpl $0x0,(%rbx)"},
	{INSN_64, "66 39 03", "cmp %ax,(%rbx)"},
	{INSN_64, "3b 03", "cmp (%rbx),%eax"},
	{INSN_64, "f7 03 00 00 01 00", "testl $0x10000,(%rbx)"},
	{INSN_64, "f6 03 80", "testb $0x80,(%rbx)"},
	{INSN_64, "66 f7 03 00 01", "testw $0x100,(%rbx)"},
	{INSN_64, "85 03", "test %eax,(%rbx)"},
	{INSN_64, "87 03", "xchg %eax,(%rbx)"},
	{INSN_64, "86 5b 10", "xchg %bl,0x10(%rbx)"},
	{INSN_64, "f0 83 0b 01", "lock orl $0x1,(%rbx)"},
	{INSN_64, "f0 87 03", "lock xchg %eax,(%rbx)"},
	{INSN_64, "8b 01", "mov (%rcx),%eax"},
	{INSN_64, "8b 45 04", "mov 0x4(%rbp),%eax"},
	{INSN_64, "89 04 25 30 00 00 00", "mov %eax,0x30"},
	{INSN_64, "8a 04 25 30 00 00 00", "mov 0x30,%al"},
	{INSN_64, "aa", "stos %al,%es:(%rdi)"},
	{INSN_64, "ab", "stos %eax,%es:(%rdi)"},
	{INSN_64, "66 ab", "stos %ax,%es:(%rdi)"},
	{INSN_64, "ac", "lods %ds:(%rsi),%al"},
	{INSN_64, "ad", "lods %ds:(%rsi),%eax"},
	{INSN_64, "0f c3 03", "movnti %eax,(%rbx)"},
	{INSN_64, "8b 05 78 56 34 12", "mov 0x12345678(%rip),%eax"},
	{INSN_64, "c7 05 10 00 00 00 55 00 00 00", "movl $0x55,0x10(%rip)"},
	{INSN_64, "45 89 41 10", "mov %r8d,0x10(%r9)"},
	{INSN_64, "45 88 3c 24", "mov %r15b,(%r12)"},
	{INSN_64, "4d 8b 75 00", "mov 0x0(%r13),%r14"},
	{INSN_64, "40 88 36", "mov %sil,(%rsi)"},
	{INSN_64, "43 8a 24 c8", "mov (%r8,%r9,8),%spl"},
	{INSN_64, "48 c7 00 ff ff ff ff", "movq $0xffffffffffffffff,(%rax)"},
	{INSN_64, "4b c7 84 6c 00 01 00 00 78 56 34 12", "movq $0x12345678,0x100(%r12,%r13,2)"},
	{INSN_64, "a1 30 00 e0 fe 00 00 00 00", "movabs 0xfee00030,%eax"},
	{INSN_64, "48 a3 88 77 66 55 44 33 22 11", "movabs %rax,0x1122334455667788"},
	{INSN_64, "a2 88 77 66 55 44 33 22 11", "movabs %al,0x1122334455667788"},
	{INSN_64, "8b 04 25 ff ff ff 7f", "mov 0x7fffffff,%eax"},
	{INSN_64, "48 63 03", "movslq (%rbx),%rax"},
	{INSN_64, "4d 63 1a", "movslq (%r10),%r11"},
	{INSN_64, "48 0f b6 03", "movzbq (%rbx),%rax"},
	{INSN_64, "4c 0f be 0b", "movsbq (%rbx),%r9"},
	{INSN_64, "48 0f bf 03", "movswq (%rbx),%rax"},
	{INSN_64, "48 0f b7 03", "movzwq (%rbx),%rax"},
	{INSN_64, "48 83 20 0f", "andq $0xf,(%rax)"},
	{INSN_64, "48 81 08 78 56 34 12", "orq $0x12345678,(%rax)"},
	{INSN_64, "48 83 78 10 01", "cmpq $0x1,0x10(%rax)"},
	{INSN_64, "48 f7 00 10 00 00 00", "testq $0x10,(%rax)"},
	{INSN_64, "4c 87 10", "xchg %r10,(%rax)"},
	{INSN_64, "48 ab", "stos %rax,%es:(%rdi)"},
	{INSN_64, "48 ad", "lods %ds:(%rsi),%rax"},
	{INSN_64, "67 8b 18", "mov (%eax),%ebx"},
	{INSN_64, "64 8b 18", "mov %fs:(%rax),%ebx"},
	{INSN_64, "65 48 8b 04 25 28 00 00 00", "mov %gs:0x28,%rax"},
	{INSN_64, "67 a3 30 00 00 00", "addr32 mov %eax,0x30"},
	{INSN_64, "4c 0f c3 08", "movnti %r9,(%rax)"},
};

static size_t parse(const char *hex, uint8_t bytes[16])
{
	size_t count = 0;
	char *end;

	for (; *hex; hex = *end ? end + 1 : end)
		bytes[count++] = (uint8_t)strtoul(hex, &end, 16);
	return count;
}

static void lengths_are_the_assemblers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
		uint8_t bytes[32];
		size_t length = parse(table[i].bytes, bytes);
		struct insn insn;
		int error;

		memset(bytes + length, 0x90, sizeof(bytes) - length);
		error = insn_decode(bytes, sizeof(bytes), table[i].mode, &insn);
		if (error || insn.length != length)
			fail_msg("%s: error %d, length %u", table[i].text, error, insn.length);
		assert_int_equal(insn_decode(bytes, length, table[i].mode, &insn), 0);
		/* Cut anywhere, it goes on. */
		for (size_t cut = 0; cut < length; cut++)
			assert_int_equal(insn_decode(bytes, cut, table[i].mode, &insn), -EAGAIN);
	}
}

static int decode(enum insn_mode mode, const char *hex, struct insn *insn)
{
	uint8_t bytes[32];
	size_t length = parse(hex, bytes);

	return insn_decode(bytes, length, mode, insn);
}

static void operands_are_the_instructions(void **state)
{
	struct insn i;

	(void)state;
	assert_int_equal(decode(INSN_64, "44 8b 06", &i), 0);
	assert_int_equal(i.kind, INSN_LOAD);
	assert_int_equal(i.size, 4);
	assert_int_equal(i.reg, R8);
	assert_true(i.reads && !i.writes);
	assert_int_equal(decode(INSN_32, "88 34 87", &i), 0);
	assert_int_equal(i.kind, INSN_STORE);
	assert_int_equal(i.reg, RDX);
	assert_true(i.reg_high && i.writes && !i.reads && !i.has_immediate);
	assert_int_equal(decode(INSN_64, "8a 20", &i), 0);
	assert_int_equal(i.reg, RAX);
	assert_true(i.reg_high);
	assert_int_equal(decode(INSN_64, "f6 08 01", &i), 0); /* TEST's second number */
	assert_int_equal(i.operation, ARITHMETIC_TEST);
	assert_int_equal(decode(INSN_64, "40 88 36", &i), 0);
	assert_int_equal(i.reg, RSI);
	assert_false(i.reg_high);
	assert_int_equal(decode(INSN_64, "48 c7 00 ff ff ff ff", &i), 0);
	assert_true(i.has_immediate);
	assert_int_equal(i.size, 8);
	assert_int_equal(i.immediate, UINT64_MAX);
	assert_int_equal(decode(INSN_16, "c7 06 00 04 22 81", &i), 0);
	assert_int_equal(i.size, 2);
	assert_int_equal(i.immediate & 0xffff, 0x8122);
	assert_int_equal(decode(INSN_64, "4c 0f be 0b", &i), 0);
	assert_int_equal(i.size, 1);
	assert_int_equal(i.reg_size, 8);
	assert_int_equal(i.reg, R9);
	assert_true(i.sign);
	assert_int_equal(decode(INSN_64, "83 38 01", &i), 0);
	assert_int_equal(i.operation, ARITHMETIC_CMP);
	assert_true(i.reads && !i.writes);
	assert_int_equal(decode(INSN_64, "f0 83 08 01", &i), 0);
	assert_int_equal(i.operation, ARITHMETIC_OR);
	assert_true(i.reads && i.writes);
	/* A REX that other prefixes follow is none; the last size prefix is one too. */
	assert_int_equal(decode(INSN_64, "48 66 8b 06", &i), 0);
	assert_int_equal(i.size, 2);
	assert_int_equal(decode(INSN_64, "66 48 8b 06", &i), 0);
	assert_int_equal(i.size, 8);
}

static void what_is_not_supported_says_so(void **state)
{
	static const struct {
		enum insn_mode mode;
		const char *bytes;
	} others[] = {
		{INSN_64, "8b c1"},		   /* registers only */
		{INSN_64, "f3 ab"},		   /* rep stos */
		{INSN_64, "f2 ac"},		   /* rep lods */
		{INSN_64, "a4"},		   /* movs */
		{INSN_64, "a6"},		   /* cmps */
		{INSN_64, "ff 30"},		   /* push */
		{INSN_64, "0f 11 00"},		   /* movups */
		{INSN_64, "0f a3 08"},		   /* bt */
		{INSN_64, "0f b1 08"},		   /* cmpxchg */
		{INSN_64, "c5 f8 11 00"},	   /* AVX */
		{INSN_64, "82 00 01"},		   /* not in 64-bit mode */
		{INSN_32, "63 08"},		   /* arpl */
		{INSN_64, "c7 48 00 00 00 00 00"}, /* which is none */
		{INSN_64, "f7 10"},		   /* not */
		{INSN_64, "f0 89 08"},		   /* lock and a plain store */
		{INSN_64, "f0 83 38 01"},	   /* lock cmp */
		{INSN_64, "f0 03 08"},		   /* lock and a register as target */
		{INSN_64, "66 0f c3 08"},
		{INSN_64, "90"},
		{INSN_64, "0f a2"},
		{INSN_64, "04 01"}, /* add to AL */
		{INSN_64, "05 01 02 03 04"},
	};
	struct insn insn;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
		assert_int_equal(decode(others[i].mode, others[i].bytes, &insn), -ENOTSUP);
	assert_int_equal(decode(INSN_32, "82 00 01", &insn), 0);
}

static void sixteen_bytes_are_none(void **state)
{
	uint8_t bytes[32];
	struct insn insn;

	(void)state;
	memset(bytes, 0x3e, sizeof(bytes));
	bytes[13] = 0x8b;
	bytes[14] = 0x06;
	assert_int_equal(insn_decode(bytes, 15, INSN_64, &insn), 0);
	assert_int_equal(insn.length, 15);
	bytes[13] = 0x3e;
	bytes[14] = 0x8b;
	bytes[15] = 0x06;
	assert_int_equal(insn_decode(bytes, 15, INSN_64, &insn), -EINVAL);
	assert_int_equal(insn_decode(bytes, sizeof(bytes), INSN_64, &insn), -EINVAL);
	assert_int_equal(insn_decode(bytes, 14, INSN_64, &insn), -EAGAIN);
	memset(bytes, 0x66, sizeof(bytes));
	assert_int_equal(insn_decode(bytes, sizeof(bytes), INSN_64, &insn), -EINVAL);
}

static void addresses_of_string_instructions_wrap_at_their_size(void **state)
{
	uint64_t registers[16] = {0}, rflags = 0, out;
	struct insn insn;

	(void)state;
	registers[RDI] = 0x1234567fffffffff;
	registers[RAX] = 0xaabb;
	assert_int_equal(decode(INSN_16, "aa", &insn), 0);
	insn_complete(&insn, registers, &rflags, 0, &out);
	assert_int_equal(out, 0xbb);
	assert_int_equal(registers[RDI], 0x1234567fffff0000);
	assert_int_equal(decode(INSN_32, "ab", &insn), 0);
	rflags = 0x400;
	insn_complete(&insn, registers, &rflags, 0, &out);
	assert_int_equal(registers[RDI], 0xfffefffc);
}

/* ---- against the CPU ---- */

#define ARITHMETIC ARITHMETIC_FLAGS
#define DIRECTION  0x400ULL

uint64_t native_registers[16], native_flags;
void *native_code;
void native_run(void);

/* Loads all registers but RSP, calls the code, stores them. */
#define REGISTER_LIST(X)                                                                           \
	X("rcx", 8)                                                                                \
	X("rdx", 16)                                                                               \
	X("rbx", 24)                                                                               \
	X("rbp", 40)                                                                               \
	X("rsi", 48)                                                                               \
	X("rdi", 56)                                                                               \
	X("r8", 64)                                                                                \
	X("r9", 72)                                                                                \
	X("r10", 80)                                                                               \
	X("r11", 88)                                                                               \
	X("r12", 96)                                                                               \
	X("r13", 104)                                                                              \
	X("r14", 112)                                                                              \
	X("r15", 120)                                                                              \
	X("rax", 0)
#define LOAD(name, offset)  "mov native_registers+" #offset "(%rip), %" name "\n"
#define STORE(name, offset) "mov %" name ", native_registers+" #offset "(%rip)\n"
__asm__(".text\n"
	"native_run:\n"
	"push %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\n"
	"push native_flags(%rip)\n"
	"popf\n" REGISTER_LIST(LOAD) "call *native_code(%rip)\n" REGISTER_LIST(
		STORE) "pushf\n"
		       "pop native_flags(%rip)\n"
		       "cld\n"
		       "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbp\npop %rbx\n"
		       "ret\n");

static uint64_t seed = 7;

static uint64_t random64(void)
{
	return splitmix64(&seed);
}

/* Random values, and those at which flags change. */
static uint64_t interesting(void)
{
	static const uint64_t edges[] = {0,	     1,		 0x7f,	     0x80,
					 0xff,	     0x7fff,	 0x8000,     0x7fffffff,
					 0x80000000, UINT64_MAX, 1ULL << 63, (1ULL << 63) - 1};

	return random64() % 2 ? random64() : edges[random64() % ARRAY_LENGTH(edges)];
}

static uint64_t memory[4];

/* An instruction on memory[1] with a random opcode of those that can be decoded. */
static size_t make_instruction(uint8_t *code)
{
	static const uint8_t opcodes[] = {0x63, 0x80, 0x81, 0x83, 0x84, 0x85, 0x86, 0x87,
					  0x88, 0x89, 0x8a, 0x8b, 0xa0, 0xa1, 0xa2, 0xa3,
					  0xaa, 0xab, 0xac, 0xad, 0xc6, 0xc7, 0xf6, 0xf7,
					  0xb6, 0xb7, 0xbe, 0xbf, 0xc3};
	size_t at = 0, which = (size_t)random64() % (ARRAY_LENGTH(opcodes) + 32);
	uint8_t opcode = which < ARRAY_LENGTH(opcodes)
				 ? opcodes[which]
				 : (uint8_t)((which - ARRAY_LENGTH(opcodes)) * 2 & 0x38) |
					   (uint8_t)(random64() & 3);
	uint64_t address = (uintptr_t)&memory[1], rest = interesting();

	if (random64() % 8 == 0)
		code[at++] = 0xf0;
	if (random64() % 4 == 0)
		code[at++] = 0x66;
	if (random64() % 2)
		code[at++] = (uint8_t)(0x40 | (random64() & 0xe)); /* not B: the base is RSI */
	if (opcode >= 0xb6 && opcode <= 0xc3 && opcode != 0xc6)
		code[at++] = 0x0f;
	code[at++] = opcode;
	if (opcode >= 0xa0 && opcode <= 0xa3) {
		memcpy(code + at, &address, 8);
		return at + 8;
	}
	if (opcode < 0xaa || opcode > 0xad)
		code[at++] = (uint8_t)((random64() & 7) << 3 | 6); /* (%rsi) */
	memcpy(code + at, &rest, 8);
	return at + 8;
}

static void compare_with_cpu(const uint8_t *code, const struct insn *insn)
{
	uint64_t registers[16], rflags, before, expected, out = 0, mask = ARITHMETIC;

	for (int i = 0; i < 16; i++)
		registers[i] = interesting();
	registers[RSI] = registers[RDI] = (uintptr_t)&memory[1];
	rflags = 0x202 | (random64() & (ARITHMETIC | DIRECTION));
	for (int i = 0; i < 4; i++)
		memory[i] = random64();
	memory[1] = before = interesting();
	memcpy(native_registers, registers, sizeof(registers));
	native_flags = rflags;
	native_run();
	insn_complete(insn, registers, &rflags, insn->reads ? before : random64(), &out);
	expected = before;
	if (insn->writes)
		memcpy(&expected, &out, insn->size);
	/* AF is undefined after these. */
	if ((insn->kind == INSN_TO_MEMORY || insn->kind == INSN_TO_REGISTER) &&
	    (insn->operation == ARITHMETIC_OR || insn->operation == ARITHMETIC_AND ||
	     insn->operation == ARITHMETIC_XOR || insn->operation == ARITHMETIC_TEST))
		mask &= ~0x10ULL;
	registers[RSP] = native_registers[RSP];
	if (!memcmp(registers, native_registers, sizeof(registers)) && memory[1] == expected &&
	    !((rflags ^ native_flags) & mask))
		return;
	for (int i = 0; i < insn->length; i++)
		fprintf(stderr, "%02x ", code[i]);
	fail_msg("the CPU does something else");
}

static void effects_are_the_cpus(void **state)
{
	uint8_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned tried = 0;

	(void)state;
	assert_true(code != MAP_FAILED);
	native_code = code;
	for (unsigned i = 0; i < 300000; i++) {
		size_t count = make_instruction(code);
		struct insn insn;

		if (insn_decode(code, count, INSN_64, &insn) || (insn.reg == RSP && !insn.reg_high))
			continue;
		code[insn.length] = 0xc3; /* a wrong length does not come back here */
		compare_with_cpu(code, &insn);
		tried++;
	}
	assert_true(tried > 100000);
	munmap(code, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_are_the_assemblers),
		cmocka_unit_test(operands_are_the_instructions),
		cmocka_unit_test(what_is_not_supported_says_so),
		cmocka_unit_test(sixteen_bytes_are_none),
		cmocka_unit_test(addresses_of_string_instructions_wrap_at_their_size),
		cmocka_unit_test(effects_are_the_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
