/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segments, stacks and the ends of address spaces, as the KVM module's instructions meet them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kvm-rig.h"

static void segments_are_checked(void **state)
{
	(void)state;
	prepare(4, "89 03");
	page.segments[MULLION_DS].attributes = 0xc91; /* read-only */
	assert_raises(GP);
	prepare(4, "8b 03");
	page.segments[MULLION_DS].attributes = 0xc91;
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	prepare(4, "8b 03");
	page.segments[MULLION_DS].attributes = 0; /* a null selector */
	assert_raises(GP);
	prepare(4, "2e 8b 03");
	page.segments[MULLION_CS].attributes = 0xc99; /* not to be read */
	assert_raises(GP);
	prepare(4, "2e 89 03");
	assert_raises(GP);
	prepare(4, "26 8b 03");
	page.segments[MULLION_ES].limit = DEVICE + 0x12;
	assert_raises(GP);
	page.event = 0;
	page.segments[MULLION_ES].limit++;
	page.segments[MULLION_ES].base = 0x80000000;
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	assert_int_equal(insn.address, DEVICE + 0x10 - 0x80000000); /* 32 bits */
	prepare(4, "8b 45 00");					    /* 0(%ebp) */
	page.segments[MULLION_SS].limit = 2;
	assert_raises(SS);
	/* Expanding down: beyond the limit is inside. */
	prepare(4, "8b 03");
	page.segments[MULLION_DS].attributes = 0x497 | WIDE;
	page.segments[MULLION_DS].limit = DEVICE + 0xf;
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	page.segments[MULLION_DS].limit++;
	page.dirty = 0;
	assert_raises(GP);
	prepare(4, "8b 03");
	page.segments[MULLION_DS].attributes = 0x97;
	page.segments[MULLION_DS].limit = 0;
	assert_raises(GP); /* only up to 0xffff */
	/* No error codes in real mode, and no types; big segments stay. */
	prepare(2, "67 2e 89 03");
	page.cr0 = 0x10;
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	page.segments[MULLION_CS].limit = 0xffff;
	assert_raises(0x8000030d);
	/* Nor types in virtual-8086 mode, but error codes. */
	prepare(2, "67 2e 89 03");
	page.rflags |= 1U << 17;
	page.segments[MULLION_CS].attributes = 0;
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	page.segments[MULLION_CS].limit = 0xffff;
	assert_raises(GP);
	/* 64-bit mode. */
	prepare(8, "8b 03");
	page.registers[RBX] = 0x7ffffffffffd;
	assert_raises(GP);
	page.event = 0;
	page.cr4 |= 1U << 12;
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	prepare(8, "ff 33");
	page.registers[RSP] = 0x8000000000000000;
	assert_raises(SS);
	prepare(8, "65 8b 03");
	page.segments[MULLION_GS].base = 0xffff800000000000;
	page.segments[MULLION_DS].base = 5; /* not a base */
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	assert_int_equal(insn.address, 0xffff800000000000 + DEVICE + 0x10);
}

static void segments_but_two_are_nothing_in_64_bit_mode(void **state)
{
	(void)state;
	prepare(8, "64 3e 8b 03");
	page.segments[MULLION_FS].base = 0x1000;
	page.segments[MULLION_DS].base = 0x5000;
	page.segments[MULLION_DS].limit = 0;
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	assert_int_equal(insn.address, DEVICE + 0x1010);
	prepare(8, "36 8b 03");
	page.registers[RBX] = 1ULL << 47;
	assert_raises(GP);
}

static void the_stack_has_its_own_size(void **state)
{
	(void)state;
	prepare(2, "67 8f 03"); /* popw (%ebx), 16-bit stack */
	page.registers[RSP] = 0x7777fffe;
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	assert_int_equal(insn.address, 0xfffe);
	assert_int_equal(skip_translations(step()), KVM_INSN_READ);
	assert_int_equal(insn.size, 2);
	assert_int_equal(step(), KVM_INSN_WRITE);
	assert_int_equal(page.registers[RSP], 0x77770000);
	/* An address from rSP is that after the POP. */
	prepare(8, "8f 04 24");
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	assert_int_equal(insn.address, 0x9000);
	assert_int_equal(step(), KVM_INSN_TRANSLATE);
	assert_int_equal(insn.address, 0x9008);
}

static void addresses_and_rip_wrap_as_in_their_mode(void **state)
{
	(void)state;
	/* The last bytes of 4 GiB, and its first. */
	prepare(4, "a5");
	page.registers[RSI] = 0x1000;
	page.segments[MULLION_DS].base = 0xffffeffe;
	assert_int_equal(start(), KVM_INSN_TRANSLATE);
	assert_int_equal(insn.address, 0xfffffffe);
	assert_int_equal(step(), KVM_INSN_TRANSLATE);
	assert_int_equal(insn.address, 0);
	/* 16 bits of a string's registers, and of rip. */
	prepare(2, "aa");
	page.rip = 0xffff;
	page.registers[RDI] = 0xffffffff0000ffff;
	assert_int_equal(skip_translations(start()), KVM_INSN_WRITE);
	assert_int_equal(page.registers[RDI], 0xffffffff00000000);
	assert_int_equal(page.rip, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_are_checked),
		cmocka_unit_test(segments_but_two_are_nothing_in_64_bit_mode),
		cmocka_unit_test(the_stack_has_its_own_size),
		cmocka_unit_test(addresses_and_rip_wrap_as_in_their_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
