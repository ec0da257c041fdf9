/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual IOAPIC: registers, messages, remote IRR, and what it tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "vm/vioapic.h"

static struct vioapic ioapic;
static unsigned changes, ends;
static unsigned changed_pin, ended_pins;
static uint64_t changed_entry;

static void note_change(void *user, unsigned pin, uint64_t redirection)
{
	assert_ptr_equal(user, &changes);
	changes++;
	changed_pin = pin;
	changed_entry = redirection;
}

static void note_end(void *user, unsigned pin)
{
	assert_ptr_equal(user, &changes);
	ends++;
	ended_pins |= 1U << pin;
}

static const struct vioapic_callbacks callbacks = {note_change, note_end};

static int set_up(void **state)
{
	(void)state;
	memset(&ioapic, 0xff, sizeof(ioapic));
	changes = ends = ended_pins = 0;
	vioapic_reset(&ioapic, 2, &callbacks, &changes);
	assert_int_equal(changes, 0);
	return 0;
}

static uint32_t rd(uint8_t index)
{
	uint32_t value;

	assert_int_equal(vioapic_write(&ioapic, 0, index), 0);
	assert_int_equal(vioapic_read(&ioapic, 0, &value), 0);
	assert_int_equal(value, index);
	assert_int_equal(vioapic_read(&ioapic, 0x10, &value), 0);
	return value;
}

static void wr(uint8_t index, uint32_t value)
{
	assert_int_equal(vioapic_write(&ioapic, 0, 0xabcd00U | index), 0);
	assert_int_equal(vioapic_write(&ioapic, 0x10, value), 0);
}

static void set_pin(unsigned pin, uint64_t entry)
{
	wr((uint8_t)(0x11 + 2 * pin), (uint32_t)(entry >> 32));
	wr((uint8_t)(0x10 + 2 * pin), (uint32_t)entry);
}

static void identity_and_reset(void **state)
{
	uint32_t value;

	(void)state;
	assert_int_equal(vioapic_read(&ioapic, 0, &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(rd(0), 2U << 24);
	assert_int_equal(rd(1), 0x170020);
	assert_int_equal(rd(2), 2U << 24);
	wr(0, 0xffffffff);
	assert_int_equal(rd(0), 0xfU << 24);
	wr(1, 0);
	assert_int_equal(rd(1), 0x170020);
	for (unsigned pin = 0; pin < VIOAPIC_PINS; pin++) {
		assert_int_equal(rd((uint8_t)(0x10 + 2 * pin)), 0x10000);
		assert_int_equal(rd((uint8_t)(0x11 + 2 * pin)), 0);
	}
}

static void nothing_is_beyond_the_window(void **state)
{
	static const uint32_t offsets[] = {1, 4, 0x11, 0x14, 0x20, 0x41, 0xfff, UINT32_MAX};
	uint32_t value;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(offsets); i++) {
		assert_int_equal(vioapic_read(&ioapic, offsets[i], &value), -EFAULT);
		assert_int_equal(vioapic_write(&ioapic, offsets[i], 0), -EFAULT);
	}
	/* Indexes without a register. */
	for (unsigned index = 3; index < 256; index++) {
		if (index >= 0x10 && index < 0x40)
			continue;
		wr((uint8_t)index, 0xffffffff);
		assert_int_equal(rd((uint8_t)index), 0);
	}
	assert_int_equal(changes, 0);
}

static void entries_keep_what_is_writable_and_tell(void **state)
{
	(void)state;
	for (unsigned pin = 0; pin < VIOAPIC_PINS; pin++) {
		set_pin(pin, UINT64_MAX);
		assert_int_equal(rd((uint8_t)(0x10 + 2 * pin)), 0x1afff);
		assert_int_equal(rd((uint8_t)(0x11 + 2 * pin)), 0xff000000);
		assert_int_equal(changed_pin, pin);
		assert_int_equal(changed_entry, 0xff0000000001afff);
	}
	assert_int_equal(changes, 2 * VIOAPIC_PINS);
	/* The same again is no change. */
	set_pin(3, UINT64_MAX);
	assert_int_equal(changes, 2 * VIOAPIC_PINS);
}

static void messages_are_those_of_the_entry(void **state)
{
	uint64_t address;
	uint32_t data;

	(void)state;
	assert_false(vioapic_message(&ioapic, 5, &address, &data));
	assert_false(vioapic_message(&ioapic, VIOAPIC_PINS, &address, &data));
	set_pin(5, 3ULL << 56 | 0x0131);
	assert_true(vioapic_message(&ioapic, 5, &address, &data));
	assert_int_equal(address, 0xfee03000);
	assert_int_equal(data, 0x4131);
	assert_int_equal(rd(0x1a), 0x131);
	set_pin(5, 0xffULL << 56 | 0x8831);
	assert_true(vioapic_message(&ioapic, 5, &address, &data));
	assert_int_equal(address, 0xfeeff004);
	assert_int_equal(data, 0xc031);
	assert_int_equal(rd(0x1a), 0xc831);
	/* The callback is of what the guest wrote: without remote IRR. */
	wr(0x1a, 0x8832);
	assert_int_equal(changed_entry, 0xffULL << 56 | 0x8832);
	assert_int_equal(rd(0x1a), 0xc832);
}

static void ends_go_to_the_pins_that_wait(void **state)
{
	uint64_t address;
	uint32_t data;

	(void)state;
	set_pin(0, 0x8040);
	set_pin(2, 0x8040);
	set_pin(VIOAPIC_PINS - 1, 0x8041);
	set_pin(4, 0x0040);
	assert_true(vioapic_message(&ioapic, 0, &address, &data));
	assert_true(vioapic_message(&ioapic, 2, &address, &data));
	assert_true(vioapic_message(&ioapic, VIOAPIC_PINS - 1, &address, &data));
	set_pin(2, 0x18040); /* masked meanwhile: still ends */
	vioapic_end(&ioapic, 0x40);
	assert_int_equal(ended_pins, 1 << 0 | 1 << 2);
	assert_int_equal(ends, 2);
	vioapic_end(&ioapic, 0x40);
	assert_int_equal(ends, 2);
	assert_int_equal(vioapic_write(&ioapic, 0x40, 0x41), 0);
	assert_int_equal(ended_pins, 1 << 0 | 1 << 2 | 1 << (VIOAPIC_PINS - 1));
	assert_int_equal(rd(0x3e), 0x8041);
}

/* How Linux ends an interrupt by the entry alone: edge, and level again. */
static void an_edge_has_no_remote_irr(void **state)
{
	uint64_t address;
	uint32_t data;

	(void)state;
	set_pin(7, 0x8050);
	assert_true(vioapic_message(&ioapic, 7, &address, &data));
	set_pin(7, 0x18050);
	assert_int_equal(ends, 0);
	set_pin(7, 0x10050);
	assert_int_equal(ends, 1);
	set_pin(7, 0x18050);
	assert_int_equal(rd(0x1e), 0x18050);
	vioapic_end(&ioapic, 0x50);
	assert_int_equal(ends, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(identity_and_reset),
		TEST(nothing_is_beyond_the_window),
		TEST(entries_keep_what_is_writable_and_tell),
		TEST(messages_are_those_of_the_entry),
		TEST(ends_go_to_the_pins_that_wait),
		TEST(an_edge_has_no_remote_irr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
