/* SPDX-License-Identifier: GPL-2.0-or-later */
/* KVM's clock: the arithmetic against exact fractions, the structures, and who may have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "vm/pvclock.h"
#include "x86/cpu.h"
#include "x86/machine.h"

uint64_t tsc_hz = 2904002321;

#define RAM 4096U

static uint8_t ram[RAM];
static unsigned writes;
static uint8_t first_write[32]; /* what a vCPU that looks in between sees */
static struct vm vm;
static struct vcpu vcpu;

uint64_t wall_clock_at_boot(void)
{
	return 1800000000;
}

int vm_write_memory(struct vm *of, gpa_t start, const void *from, size_t size)
{
	uint64_t at = gpa_value(start);

	assert_ptr_equal(of, &vm);
	if (at >= RAM || size > RAM - at)
		return -EFAULT;
	memcpy(ram + at, from, size);
	if (writes++ == 0 && size == 32)
		memcpy(first_write, from, size);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(ram, 0xcc, sizeof(ram));
	memset(&vcpu, 0, sizeof(vcpu));
	vcpu.vm = &vm;
	writes = 0;
	tsc_hz = 2904002321;
	pvclock_init();
	return 0;
}

static uint64_t word(unsigned offset, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, ram + offset, size);
	return value;
}

static uint64_t scale(uint64_t ticks, uint32_t mul, int shift)
{
	unsigned __int128 t = shift < 0 ? ticks >> -shift : (unsigned __int128)ticks << shift;

	return (uint64_t)(t * mul >> 32);
}

static void check_rate(uint64_t hz)
{
	uint32_t mul;
	int8_t shift;

	pvclock_scale(hz, &mul, &shift);
	for (uint64_t seconds = 1; seconds < 3000000000; seconds *= 7) {
		for (uint64_t more = 0; more < 9; more++) {
			uint64_t ticks = hz * seconds + more * (hz / 8) + more;
			uint64_t exact = (uint64_t)((unsigned __int128)ticks * 1000000000 / hz);
			uint64_t got = scale(ticks, mul, shift);

			assert_true(got <= exact);
			assert_true(exact - got <= (exact >> 31) + 5);
		}
	}
}

static void nanoseconds_are_exact_to_the_format(void **state)
{
	(void)state;
	for (uint64_t hz = 1000000; hz <= 8000000000; hz += hz / 97)
		check_rate(hz);
	check_rate(999999999);
	check_rate(1000000000);
	check_rate(1000000001);
	check_rate(2000000000);
	check_rate(4000000000);
	check_rate(8000000000);
}

static void the_page_says_how(void **state)
{
	uint64_t value, before, after, tsc;
	uint32_t mul;
	int8_t shift;

	(void)state;
	before = rdtsc();
	assert_int_equal(pvclock_write(&vcpu, 0x4b564d01, 0x100 | 1), 0);
	after = rdtsc();
	pvclock_scale(tsc_hz, &mul, &shift);
	assert_int_equal(word(0x100, 4), 2);
	tsc = word(0x108, 8);
	assert_true(tsc <= before && before <= after); /* the reference, not now */
	assert_int_equal(word(0x110, 8), 0);
	assert_int_equal(word(0x118, 4), mul);
	assert_int_equal((int8_t)word(0x11c, 1), shift);
	assert_int_equal(word(0x11d, 1), 1);
	assert_int_equal(ram[0xff], 0xcc);
	assert_int_equal(ram[0x120], 0xcc);
	/* Before it was complete, its version was odd. */
	assert_int_equal(first_write[0] % 2, 1);
	assert_int_equal(pvclock_read(&vcpu, 0x4b564d01, &value), 0);
	assert_int_equal(value, 0x101);
	assert_int_equal(pvclock_read(&vcpu, 0x12, &value), 0);
	assert_int_equal(value, 0x101);
	/* All pages have the same reference. */
	assert_int_equal(pvclock_write(&vcpu, 0x12, 0x200 | 1), 0);
	assert_int_equal(word(0x208, 8), word(0x108, 8));
}

static void switched_off_it_writes_nothing(void **state)
{
	(void)state;
	assert_int_equal(pvclock_write(&vcpu, 0x4b564d01, 0x100), 0);
	assert_int_equal(writes, 0);
}

static void the_wall_clock_is_that_of_boot(void **state)
{
	uint64_t value;

	(void)state;
	assert_int_equal(pvclock_write(&vcpu, 0x11, 0x300), 0);
	assert_int_equal(word(0x300, 4) % 2, 0);
	assert_int_equal(word(0x304, 4), 1800000000);
	assert_int_equal(word(0x308, 4), 0);
	assert_int_equal(ram[0x30c], 0xcc);
	assert_int_equal(pvclock_read(&vcpu, 0x4b564d00, &value), 0);
	assert_int_equal(value, 0);
}

static void memory_that_is_none_takes_gp(void **state)
{
	static const uint64_t bad[] = {RAM, RAM - 16, 1ULL << 40, UINT64_MAX - 31, UINT64_MAX};
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		assert_int_equal(pvclock_write(&vcpu, 0x4b564d01, bad[i] | 1), -EPERM);
		assert_int_equal(pvclock_read(&vcpu, 0x4b564d01, &value), 0);
		assert_int_equal(value, 0);
	}
	assert_int_equal(pvclock_write(&vcpu, 0x4b564d00, RAM - 4), -EPERM);
	assert_int_equal(ram[RAM - 1], 0xcc);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(nanoseconds_are_exact_to_the_format), TEST(the_page_says_how),
		TEST(switched_off_it_writes_nothing),	   TEST(the_wall_clock_is_that_of_boot),
		TEST(memory_that_is_none_takes_gp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
