/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bus function as a driver sees it: configuration space, registers, doorbells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake-vm.h"
#include "stub.h"

#define MSIX_WORD   0x40
#define MSIX_ENABLE 0x80000000U
#define MSIX_MASK   0x40000000U
#define ENTRY(n)    (MULLION_BUS_MSIX + 16U * (n))

static void enable(unsigned vm)
{
	fake_config_write(vm, 0x04, 2, 0x6);
	fake_config_write(vm, MSIX_WORD, 4, MSIX_ENABLE);
}

static void set_entry(unsigned vm, unsigned n, uint64_t address, uint32_t data, uint32_t control)
{
	fake_bar_write(vm, ENTRY(n), 4, (uint32_t)address);
	fake_bar_write(vm, ENTRY(n) + 4, 4, address >> 32);
	fake_bar_write(vm, ENTRY(n) + 8, 4, data);
	fake_bar_write(vm, ENTRY(n) + 12, 4, control);
}

static void ring(unsigned from, unsigned to, uint64_t bell)
{
	fake_bar_write(from, MULLION_BUS_REG_RING(to), 4, bell);
}

static unsigned msis(unsigned vm)
{
	return fake_vms[vm].msis;
}

static void test_function_is_found_and_sized(void **state)
{
	(void)state;
	assert_int_equal(fake_config_read(FAKE_UI, 0, 4),
			 MULLION_BUS_VENDOR | MULLION_BUS_DEVICE << 16);
	assert_int_equal(fake_config_read(FAKE_UI, 2, 2), MULLION_BUS_DEVICE);
	assert_int_equal(fake_config_read(FAKE_UI, 8, 4) >> 8, MULLION_BUS_CLASS);
	assert_int_equal(fake_config_read(FAKE_UI, 0x0e, 1), 0);
	assert_int_equal(fake_config_read(FAKE_UI, 0x10, 4), FAKE_WINDOW);
	fake_config_write(FAKE_UI, 0x10, 4, 0xffffffff);
	assert_int_equal(fake_config_read(FAKE_UI, 0x10, 4), (uint32_t)-MULLION_BUS_SIZE);
	fake_config_write(FAKE_UI, 0x10, 4, FAKE_WINDOW);
	assert_int_equal(fake_config_read(FAKE_UI, 0x10, 4), FAKE_WINDOW);
	for (unsigned offset = 0x14; offset < 0x28; offset += 4) {
		fake_config_write(FAKE_UI, offset, 4, 0xffffffff);
		assert_int_equal(fake_config_read(FAKE_UI, offset, 4), 0);
	}
	/* One capability, MSI-X, and no extended ones. */
	assert_int_equal(fake_config_read(FAKE_UI, 0x06, 2) & 0x10, 0x10);
	assert_int_equal(fake_config_read(FAKE_UI, 0x34, 1), MSIX_WORD);
	assert_int_equal(fake_config_read(FAKE_UI, MSIX_WORD, 2), 0x0011);
	assert_int_equal(fake_config_read(FAKE_UI, MSIX_WORD + 2, 2) & 0x7ff,
			 MULLION_BUS_DOORBELLS - 1);
	assert_int_equal(fake_config_read(FAKE_UI, MSIX_WORD + 4, 4), MULLION_BUS_MSIX);
	assert_int_equal(fake_config_read(FAKE_UI, MSIX_WORD + 8, 4), MULLION_BUS_PENDING);
	assert_int_equal(fake_config_read(FAKE_UI, 0x100, 4), 0);
	assert_int_equal(fake_config_read(FAKE_UI, 0xffc, 4), 0);
}

static void test_part_writes_change_their_bytes_only(void **state)
{
	(void)state;
	fake_config_write(FAKE_UI, 0x04, 2, 0xffff);
	assert_int_equal(fake_config_read(FAKE_UI, 0x04, 2), 0x406);
	fake_config_write(FAKE_UI, 0x05, 1, 0);
	assert_int_equal(fake_config_read(FAKE_UI, 0x04, 2), 0x006);
	fake_config_write(FAKE_UI, 0x00, 4, 0);
	assert_int_equal(fake_config_read(FAKE_UI, 0, 2), MULLION_BUS_VENDOR);
	fake_config_write(FAKE_UI, MSIX_WORD + 3, 1, 0xff);
	assert_int_equal(fake_config_read(FAKE_UI, MSIX_WORD, 4),
			 0xc0000011 | (MULLION_BUS_DOORBELLS - 1) << 16);
}

static void test_registers_say_what_the_core_is(void **state)
{
	(void)state;
	assert_int_equal(fake_bar_read(FAKE_CONTROL, MULLION_BUS_REG_MAGIC, 4), MULLION_BUS_MAGIC);
	assert_int_equal(fake_bar_read(FAKE_CONTROL, MULLION_BUS_REG_VERSION, 4),
			 MULLION_ABI_VERSION);
	assert_int_equal(fake_bar_read(FAKE_CONTROL, MULLION_BUS_REG_VM, 4), FAKE_CONTROL);
	assert_int_equal(fake_bar_read(FAKE_CONTROL, MULLION_BUS_REG_KIND, 4), MULLION_VM_CONTROL);
	assert_int_equal(fake_bar_read(FAKE_CONTROL, MULLION_BUS_REG_VMS, 4), VM_MAX);
	assert_int_equal(fake_bar_read(FAKE_UI, MULLION_BUS_REG_FEATURES, 4),
			 fake_call(FAKE_UI, MULLION_CALL_QUERY, MULLION_QUERY_FEATURES, 0, 0, 0));
	fake_bar_write(FAKE_UI, MULLION_BUS_REG_MAGIC, 4, 0);
	assert_int_equal(fake_bar_read(FAKE_UI, MULLION_BUS_REG_MAGIC, 4), MULLION_BUS_MAGIC);
	/* Any other access is harmless. */
	assert_int_equal(fake_bar_read(FAKE_UI, 1, 4), 0);
	assert_int_equal(fake_bar_read(FAKE_UI, 0, 8), 0);
	assert_int_equal(fake_bar_read(FAKE_UI, 0, 1), 0);
	assert_int_equal(fake_bar_read(FAKE_UI, MULLION_BUS_SIZE - 4, 4), 0);
	assert_int_equal(fake_bar_read(FAKE_UI, MULLION_BUS_MSIX + 1, 2), 0);
	assert_int_equal(fake_bar_read(FAKE_UI, MULLION_BUS_MSIX - 4, 8), 0);
}

static void test_doorbell_arrives_as_the_receivers_message(void **state)
{
	(void)state;
	enable(FAKE_CONTROL);
	set_entry(FAKE_CONTROL, 3, 0xfee01000, 0x4041, 0);
	ring(FAKE_UI, FAKE_CONTROL, 3);
	assert_int_equal(msis(FAKE_CONTROL), 1);
	assert_int_equal(fake_vms[FAKE_CONTROL].msi_address, 0xfee01000);
	assert_int_equal(fake_vms[FAKE_CONTROL].msi_data, 0x4041);
	assert_int_equal(msis(FAKE_UI), 0);
	fake_call(FAKE_CONTROL, MULLION_CALL_DOORBELL, FAKE_CONTROL, 3, 0, 0);
	assert_int_equal(msis(FAKE_CONTROL), 2);
	ring(FAKE_UI, FAKE_CONTROL, MULLION_BUS_DOORBELLS);
	ring(FAKE_UI, FAKE_CONTROL, 0xffffffff);
	ring(FAKE_UI, VM_MAX, 3);
	ring(FAKE_UI, 15, 3);
	assert_int_equal(msis(FAKE_CONTROL), 2);
	assert_int_equal(fake_vms[FAKE_UI].vm.counters[COUNTER_BAD_HYPERCALLS], 4);
}

static void test_doorbell_is_lost_while_switched_off(void **state)
{
	(void)state;
	set_entry(FAKE_UI, 0, 0xfee00000, 0x41, 0);
	fake_config_write(FAKE_UI, 0x04, 2, 0x6);
	ring(FAKE_UI, FAKE_UI, 0);
	fake_config_write(FAKE_UI, MSIX_WORD, 4, MSIX_ENABLE);
	assert_int_equal(msis(FAKE_UI), 0);
	fake_config_write(FAKE_UI, 0x04, 2, 0x2);
	ring(FAKE_UI, FAKE_UI, 0);
	fake_config_write(FAKE_UI, 0x04, 2, 0x6);
	assert_int_equal(msis(FAKE_UI), 0);
	ring(FAKE_UI, FAKE_UI, 0);
	assert_int_equal(msis(FAKE_UI), 1);
}

static void test_masked_doorbell_is_kept_once(void **state)
{
	(void)state;
	enable(FAKE_UI);
	set_entry(FAKE_UI, 15, 0xfee00000, 0x41, 1);
	ring(FAKE_CONTROL, FAKE_UI, 15);
	ring(FAKE_CONTROL, FAKE_UI, 15);
	assert_int_equal(msis(FAKE_UI), 0);
	assert_int_equal(fake_bar_read(FAKE_UI, MULLION_BUS_PENDING, 4), 1U << 15);
	fake_bar_write(FAKE_UI, ENTRY(15) + 12, 4, 0);
	assert_int_equal(msis(FAKE_UI), 1);
	assert_int_equal(fake_bar_read(FAKE_UI, MULLION_BUS_PENDING, 4), 0);
	/* The mask of the whole function. */
	fake_config_write(FAKE_UI, MSIX_WORD, 4, MSIX_ENABLE | MSIX_MASK);
	ring(FAKE_CONTROL, FAKE_UI, 15);
	assert_int_equal(msis(FAKE_UI), 1);
	fake_config_write(FAKE_UI, MSIX_WORD, 4, MSIX_ENABLE);
	assert_int_equal(msis(FAKE_UI), 2);
}

static void test_table_takes_4_and_8_bytes(void **state)
{
	(void)state;
	fake_bar_write(FAKE_UI, ENTRY(1), 8, 0x12345678fee00003ULL);
	assert_int_equal(fake_bar_read(FAKE_UI, ENTRY(1), 4), 0xfee00000);
	assert_int_equal(fake_bar_read(FAKE_UI, ENTRY(1) + 4, 4), 0x12345678);
	fake_bar_write(FAKE_UI, ENTRY(1) + 8, 8, 0xffffffff00000055ULL);
	assert_int_equal(fake_bar_read(FAKE_UI, ENTRY(1) + 8, 8), 0x0000000100000055ULL);
	assert_int_equal(fake_bar_read(FAKE_UI, ENTRY(16), 4), 0);
	fake_bar_write(FAKE_UI, ENTRY(16), 4, 1);
	assert_int_equal(fake_bar_read(FAKE_UI, ENTRY(16), 4), 0);
}

static void test_reset_forgets_what_the_vm_set(void **state)
{
	(void)state;
	enable(FAKE_UI);
	set_entry(FAKE_UI, 0, 0xfee00000, 0x41, 0);
	fake_config_write(FAKE_UI, MSIX_WORD, 4, MSIX_ENABLE | MSIX_MASK);
	fake_config_write(FAKE_UI, 0x10, 4, 0);
	ring(FAKE_CONTROL, FAKE_UI, 0);
	bus_reset(&fake_vms[FAKE_UI].vm);
	assert_int_equal(fake_config_read(FAKE_UI, 0x10, 4), FAKE_WINDOW);
	assert_int_equal(fake_config_read(FAKE_UI, MSIX_WORD + 2, 2), MULLION_BUS_DOORBELLS - 1);
	assert_int_equal(fake_bar_read(FAKE_UI, ENTRY(0), 8), 0);
	assert_int_equal(fake_bar_read(FAKE_UI, ENTRY(0) + 12, 4), 1);
	enable(FAKE_UI);
	fake_bar_write(FAKE_UI, ENTRY(0) + 12, 4, 0);
	assert_int_equal(msis(FAKE_UI), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_vms_set_up, fake_vms_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_function_is_found_and_sized),
		TEST(test_part_writes_change_their_bytes_only),
		TEST(test_registers_say_what_the_core_is),
		TEST(test_doorbell_arrives_as_the_receivers_message),
		TEST(test_doorbell_is_lost_while_switched_off),
		TEST(test_masked_doorbell_is_kept_once),
		TEST(test_table_takes_4_and_8_bytes),
		TEST(test_reset_forgets_what_the_vm_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
