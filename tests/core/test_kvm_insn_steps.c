/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the KVM module's instructions ask for, and when they change what: a program may look at and
 * set the vCPU's state while it is asked, and a fault must leave nothing half done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "kvm-rig.h"

static void an_exit_that_names_the_address_needs_no_translation(void **state)
{
	(void)state;
	prepare(8, "8b 03"); /* mov (%rbx),%eax */
	page.address = 0x7000000010;
	assert_int_equal(start(), KVM_INSN_READ);
	assert_int_equal(insn.address, 0x7000000010);
	assert_int_equal(insn.size, 4);
	insn.value = 0xffffffff89abcdef;
	assert_int_equal(step(), KVM_INSN_DONE);
	assert_int_equal(page.registers[RAX], 0x89abcdef);
	assert_int_equal(page.rip, RIP + 2);
	assert_int_equal(page.dirty, MULLION_DIRTY_GENERAL);
	assert_false(insn.again);
	assert_int_equal(page.event, 0);

	/* A write was not allowed: that is not the place that is read. */
	prepare(8, "8b 03");
	page.address = 0x7000000010;
	page.write = 1;
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	/* Nor is it known which of two it was. */
	prepare(8, "a6");
	page.registers[RSI] = page.registers[RDI] + 0x1000;
	page.address = 0x7000000800;
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	assert_int_equal(step(), KVM_INSN_TRANSLATE);
	/* Of a copy, the one that is written. */
	prepare(8, "a4");
	page.write = 1;
	page.address = 0x7000000800;
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	assert_int_equal(insn.address, 0x5000);
	assert_false(insn.write);
	assert_int_equal(step(), KVM_INSN_READ);
	insn.value = 0x42;
	assert_int_equal(step(), KVM_INSN_WRITE);
	assert_int_equal(insn.address, 0x7000000800);
	assert_int_equal(insn.value, 0x42);
	assert_int_equal(insn.size, 1);
}

static void until_a_read_is_answered_nothing_has_changed(void **state)
{
	static const char *const codes[] = {"03 03", "87 03",	    "a5",
					    "ff 33", "f0 0f c1 03", "ff 13"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(codes); i++) {
		struct mullion_vcpu_page before;

		prepare(8, codes[i]);
		before = page;
		assert_int_equal(skip_translations(start()), KVM_INSN_READ);
		assert_memory_equal(&before, &page, sizeof(page));
		/* It is abandoned, and done again from the start. */
		assert_int_equal(skip_translations(start()), KVM_INSN_READ);
		insn.value = 0x12345678;
		assert_true(step() == KVM_INSN_DONE || insn.status == KVM_INSN_WRITE);
		assert_int_not_equal(page.dirty, 0);
	}
}

static void a_write_is_the_last_thing(void **state)
{
	(void)state;
	prepare(8, "48 89 03"); /* mov %rax,(%rbx) */
	assert_int_equal(skip_translations(start()), KVM_INSN_WRITE);
	assert_int_equal(insn.address, DEVICE + 0x10);
	assert_int_equal(insn.value, 0x1122334455667788);
	assert_int_equal(insn.size, 8);
	assert_int_equal(page.rip, RIP + 3);
	/* The write resets the machine. */
	page.rip = 0xfff0;
	page.registers[RAX] = 0;
	assert_int_equal(step(), KVM_INSN_DONE);
	assert_int_equal(page.rip, 0xfff0);
	assert_int_equal(page.registers[RAX], 0);
	assert_int_equal(step(), KVM_INSN_DONE);
}

static void a_read_for_another_place_in_the_code_is_dropped(void **state)
{
	struct mullion_vcpu_page before;

	(void)state;
	prepare(8, "87 03");
	assert_int_equal(skip_translations(start()), KVM_INSN_READ);
	page.rip = 0xfff0;
	before = page;
	assert_int_equal(step(), KVM_INSN_DONE);
	assert_memory_equal(&before, &page, sizeof(page));
	assert_int_equal(step(), KVM_INSN_DONE);
	/* A register that is set on the way counts. */
	prepare(8, "01 03");
	assert_int_equal(skip_translations(start()), KVM_INSN_READ);
	page.registers[RAX] = 3;
	insn.value = 5;
	assert_int_equal(step(), KVM_INSN_WRITE);
	assert_int_equal(insn.value, 8);
}

static void both_pages_are_translated_before_the_first_access(void **state)
{
	struct mullion_vcpu_page before;

	(void)state;
	prepare(8, "48 01 03"); /* add %rax,(%rbx) */
	page.registers[RBX] = 0x1ffd;
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	assert_int_equal(insn.address, 0x1ffd);
	assert_true(insn.write);
	insn.address = 0xaffd;
	assert_int_equal(step(), KVM_INSN_TRANSLATE);
	assert_int_equal(insn.address, 0x2000);
	insn.address = 0x3000;
	assert_int_equal(step(), KVM_INSN_READ);
	assert_int_equal(insn.address, 0xaffd);
	assert_int_equal(insn.size, 3);
	insn.value = 0x0000000000ffffff;
	assert_int_equal(step(), KVM_INSN_READ);
	assert_int_equal(insn.address, 0x3000);
	assert_int_equal(insn.size, 5);
	insn.value = 0xff0000000000;
	assert_int_equal(step(), KVM_INSN_WRITE);
	assert_int_equal(insn.address, 0xaffd);
	assert_int_equal(insn.size, 3);
	assert_int_equal(insn.value, 0x667787);
	assert_int_equal(step(), KVM_INSN_WRITE);
	assert_int_equal(insn.address, 0x3000);
	assert_int_equal(insn.value, 0x1122334456);
	assert_int_equal(step(), KVM_INSN_DONE);

	/* The second page is not there. */
	prepare(8, "48 89 03");
	page.registers[RBX] = 0x1ffd;
	page.cpl = 3;
	before = page;
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	insn.address = DEVICE + 0xffd;
	assert_int_equal(step(), KVM_INSN_TRANSLATE);
	kvm_insn_page_fault(&insn, &page, false);
	assert_int_equal(page.cr2, 0x2000);
	assert_int_equal(page.event, 0x80000b0e);
	assert_int_equal(page.event_code, 6); /* a user's write, not present */
	assert_int_equal(page.dirty, MULLION_DIRTY_EVENTS | MULLION_DIRTY_SYSTEM);
	assert_memory_equal(before.registers, page.registers, sizeof(page.registers));
	assert_int_equal(page.rip, RIP);
	assert_int_equal(step(), KVM_INSN_DONE);
}

static void page_faults_say_what_was_tried(void **state)
{
	(void)state;
	prepare(8, "8b 03");
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	kvm_insn_page_fault(&insn, &page, false);
	assert_int_equal(page.event_code, 0);
	prepare(8, "87 03"); /* what is read and written must be writable */
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	kvm_insn_page_fault(&insn, &page, true);
	assert_int_equal(page.event_code, 3);
	prepare(8, "ff 33"); /* the stack of a PUSH */
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	assert_false(insn.write);
	assert_int_equal(step(), KVM_INSN_TRANSLATE);
	assert_int_equal(insn.address, 0x8ff8);
	kvm_insn_page_fault(&insn, &page, true);
	assert_int_equal(page.cr2, 0x8ff8);
	assert_int_equal(page.event_code, 3);
	assert_int_equal(page.registers[RSP], 0x9000);
}

/* A round of REP MOVSB. */
static void copy_round(uint8_t value)
{
	assert_int_equal(insn.status, KVM_INSN_READ);
	insn.value = value;
	assert_int_equal(step(), KVM_INSN_WRITE);
	assert_int_equal(insn.value, value);
	assert_int_equal(step(), KVM_INSN_DONE);
}

static void rounds_of_a_repeated_instruction_are_done_one_at_a_time(void **state)
{
	(void)state;
	prepare(8, "f3 a4");
	page.registers[RCX] = 3;
	page.registers[RSI] = 0x5ffe;
	assert_int_equal(skip_translations(start()), KVM_INSN_READ);
	copy_round(1);
	assert_true(insn.again);
	assert_int_equal(page.rip, RIP);
	assert_int_equal(page.registers[RCX], 2);
	assert_int_equal(page.registers[RSI], 0x5fff);
	assert_int_equal(page.registers[RDI], DEVICE + 0x801);
	/* In the same pages: no translation. */
	assert_int_equal(step(), KVM_INSN_READ);
	assert_int_equal(insn.address, 0x5fff);
	copy_round(2);
	assert_true(insn.again);
	/* In another one. It faults: the rounds before have been. */
	assert_int_equal(step(), KVM_INSN_TRANSLATE);
	assert_int_equal(insn.address, 0x6000);
	kvm_insn_page_fault(&insn, &page, false);
	assert_false(insn.again);
	assert_int_equal(page.registers[RCX], 1);
	assert_int_equal(page.rip, RIP);
	/* The guest deals with it, and comes again. */
	page.event = 0;
	assert_int_equal(skip_translations(start()), KVM_INSN_READ);
	copy_round(3);
	assert_false(insn.again);
	assert_int_equal(page.rip, RIP + 2);
	assert_int_equal(page.registers[RCX], 0);

	prepare(8, "f3 a4"); /* nothing to do */
	assert_int_equal(start(), KVM_INSN_DONE);
	assert_int_equal(page.rip, RIP + 2);
	assert_int_equal(page.registers[RDI], DEVICE + 0x800);
}

static void a_single_step_traps_after_each_round(void **state)
{
	(void)state;
	prepare(8, "f3 aa");
	page.registers[RCX] = 2;
	page.rflags |= 0x10100; /* TF, RF */
	page.flags = MULLION_FLAG_SHADOW | MULLION_FLAG_NMI_BLOCKED;
	assert_int_equal(skip_translations(start()), KVM_INSN_WRITE);
	assert_int_equal(step(), KVM_INSN_DONE);
	assert_false(insn.again);
	assert_int_equal(page.rip, RIP);
	assert_int_equal(page.event, 0x80000301);
	assert_int_equal(page.dr6 & 0x4000, 0x4000);
	assert_int_equal(page.flags, MULLION_FLAG_NMI_BLOCKED);
	assert_int_equal(page.rflags, 0x10102);
	assert_int_equal(page.dirty,
			 MULLION_DIRTY_GENERAL | MULLION_DIRTY_EVENTS | MULLION_DIRTY_DEBUG);
	page.event = 0;
	assert_int_equal(skip_translations(start()), KVM_INSN_WRITE);
	assert_int_equal(page.rip, RIP + 2);
	assert_int_equal(page.rflags, 0x102);
}

static void a_branch_outside_raises_and_pushes_nothing(void **state)
{
	(void)state;
	prepare(8, "ff 13");
	assert_int_equal(skip_translations(start()), KVM_INSN_READ);
	insn.value = 0x800000000000;
	assert_int_equal(step(), KVM_INSN_DONE);
	assert_int_equal(page.event, GP);
	assert_int_equal(page.registers[RSP], 0x9000);
	assert_int_equal(page.rip, RIP);
	prepare(4, "ff 23");
	page.segments[MULLION_CS].limit = 0x500000;
	assert_int_equal(skip_translations(start()), KVM_INSN_READ);
	insn.value = 0x500001;
	assert_int_equal(step(), KVM_INSN_DONE);
	assert_int_equal(page.event, GP);
	prepare(4, "ff 23");
	assert_int_equal(skip_translations(start()), KVM_INSN_READ);
	insn.value = 0x500000;
	assert_int_equal(step(), KVM_INSN_DONE);
	assert_int_equal(page.rip, 0x500000);
}

static void fifteen_bytes_are_the_longest(void **state)
{
	(void)state;
	prepare(8, "3e 3e 3e 3e 3e 3e 3e 3e 3e 3e 3e 3e 3e 8b 03");
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	prepare(8, "3e 3e 3e 3e 3e 3e 3e 3e 3e 3e 3e 3e 3e 3e 8b 03");
	assert_int_equal(start(), KVM_INSN_UNSUPPORTED);
	/* And one of 16 bits reads no more than them. */
	prepare(8, "66 63 03");
	assert_int_equal(skip_translations(start()), KVM_INSN_READ);
	assert_int_equal(insn.size, 2);
}

static void missing_bytes_are_asked_for(void **state)
{
	(void)state;
	prepare(8, "48 c7 03 11");
	page.rip = 0x401ffb;
	assert_int_equal(start(), KVM_INSN_FETCH);
	assert_int_equal(insn.address, 0x401fff);
	assert_int_equal(insn.size, 1); /* no further than the page */
	page.bytes[page.byte_count++] = 0x22;
	assert_int_equal(start(), KVM_INSN_FETCH);
	assert_int_equal(insn.address, 0x402000);
	assert_int_equal(insn.size, 10);
	kvm_insn_page_fault(&insn, &page, false);
	assert_int_equal(page.cr2, 0x402000);
	assert_int_equal(page.event_code, 0);
	page.event = 0;
	page.bytes[page.byte_count++] = 0x33;
	page.bytes[page.byte_count++] = 0xf4;
	assert_int_equal(skip_translations(start()), KVM_INSN_WRITE);
	assert_int_equal(insn.value, 0xfffffffff4332211);
	assert_int_equal(page.rip, 0x402002);
	/* CS has a base, and 32 bits. */
	prepare(4, "");
	page.segments[MULLION_CS].base = 0xffffff00;
	assert_int_equal(start(), KVM_INSN_FETCH);
	assert_int_equal(insn.address, RIP - 0x100);
	assert_int_equal(insn.size, 15);
}

static void what_is_not_supported_says_so(void **state)
{
	static const struct {
		unsigned mode;
		const char *bytes;
	} others[] = {
		{8, "8b c1"}, /* registers only */
		{8, "0f a2"}, /* CPUID */
		{8, "90"},
		{8, "c3"},
		{8, "6e"},	    /* OUTS is kvm-pio.h's */
		{8, "c8 00 00 00"}, /* ENTER */
		{8, "c5 f8 11 03"}, /* AVX */
		{8, "62 f1 7c 48 10 03"},
		{8, "0f 6f 03"}, /* MMX */
		{8, "0f 12 03"}, /* MOVLPS */
		{8, "0f 16 03"},
		{8, "82 03 01"},
		{4, "63 03"}, /* ARPL */
		{8, "c7 0b 00 00 00 00"},
		{8, "f7 23"}, /* MUL */
		{8, "ff 1b"}, /* a far call */
		{8, "ff 2b"},
		{8, "ff 3b"},
		{8, "8f 0b"},
		{8, "8e 03"},	 /* MOV to a segment register */
		{8, "8c 33"},	 /* there is no sixth */
		{8, "0f c7 33"}, /* RDRAND's, VMPTRLD */
		{8, "0f ae 03"}, /* FXSAVE */
		{8, "0f ae 33"}, /* XSAVEOPT */
		{8, "f3 0f ae 33"},
		{8, "0f ba 03 01"},
		{8, "f2 0f 38 f0 03"}, /* CRC32 */
		{8, "66 0f c3 03"},
		{8, "f0 89 03"},
		{8, "f0 83 3b 01"}, /* LOCK CMP */
		{8, "f0 03 03"},
		{8, "f0 a4"},
		{8, "f0 0f a3 03"},
		{8, "f0 0f 11 03"},
		{8, "f0 ff 33"},
		{8, "f0 c1 23 01"},
		{8, "66 ff 13"}, /* a 16-bit branch */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
		struct mullion_vcpu_page before;

		prepare(others[i].mode, others[i].bytes);
		memset(page.bytes + page.byte_count, 0, sizeof(page.bytes) - page.byte_count);
		page.byte_count = 15;
		before = page;
		if (start() != KVM_INSN_UNSUPPORTED)
			fail_msg("%s", others[i].bytes);
		assert_int_equal(step(), KVM_INSN_UNSUPPORTED);
		assert_memory_equal(&before, &page, sizeof(page));
	}
	/* A fault on the way to an interrupt's handler is not the instruction's. */
	prepare(8, "8b 03");
	page.event = 0x80000020;
	assert_int_equal(start(), KVM_INSN_UNSUPPORTED);
}

static void vectors_go_through_their_registers(void **state)
{
	(void)state;
	prepare(8, "66 44 0f 7f 0b"); /* movdqa %xmm9,(%rbx) */
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	assert_int_equal(step(), KVM_INSN_GET_XMM);
	assert_int_equal(insn.xmm_number, 9);
	insn.xmm[0] = 1;
	insn.xmm[1] = 2;
	assert_int_equal(page.rip, RIP);
	assert_int_equal(step(), KVM_INSN_WRITE);
	assert_int_equal(page.rip, RIP + 5);
	assert_int_equal(insn.value, 1);
	assert_int_equal(insn.size, 8);
	assert_int_equal(step(), KVM_INSN_WRITE);
	assert_int_equal(insn.value, 2);
	assert_int_equal(insn.address, DEVICE + 0x18);
	assert_int_equal(step(), KVM_INSN_DONE);
	prepare(8, "f3 0f 7e 03"); /* movq (%rbx),%xmm0 */
	assert_int_equal(skip_translations(start()), KVM_INSN_READ);
	insn.value = 7;
	assert_int_equal(step(), KVM_INSN_SET_XMM);
	assert_int_equal(insn.xmm[0], 7);
	assert_int_equal(insn.xmm[1], 0);
	assert_int_equal(step(), KVM_INSN_DONE);

	prepare(8, "66 0f 7f 43 01");
	assert_raises(GP); /* not aligned */
	prepare(8, "0f 10 03");
	page.cr0 |= 1U << 3;
	assert_raises(0x80000307);
	prepare(8, "0f 10 03");
	page.cr0 |= 1U << 2;
	assert_raises(0x80000306);
	prepare(8, "0f 10 03");
	page.cr4 = 0;
	assert_raises(0x80000306);
}

static void a_flush_is_translated_and_accesses_nothing(void **state)
{
	(void)state;
	prepare(8, "0f ae 3b");
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	assert_false(insn.write);
	assert_int_equal(step(), KVM_INSN_DONE);
	assert_int_equal(page.rip, RIP + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exit_that_names_the_address_needs_no_translation),
		cmocka_unit_test(until_a_read_is_answered_nothing_has_changed),
		cmocka_unit_test(a_write_is_the_last_thing),
		cmocka_unit_test(a_read_for_another_place_in_the_code_is_dropped),
		cmocka_unit_test(both_pages_are_translated_before_the_first_access),
		cmocka_unit_test(page_faults_say_what_was_tried),
		cmocka_unit_test(rounds_of_a_repeated_instruction_are_done_one_at_a_time),
		cmocka_unit_test(a_single_step_traps_after_each_round),
		cmocka_unit_test(fifteen_bytes_are_the_longest),
		cmocka_unit_test(a_branch_outside_raises_and_pushes_nothing),
		cmocka_unit_test(missing_bytes_are_asked_for),
		cmocka_unit_test(what_is_not_supported_says_so),
		cmocka_unit_test(vectors_go_through_their_registers),
		cmocka_unit_test(a_flush_is_translated_and_accesses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
