/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reset, by the VM or at its restart, brings a function back as its VM first found it, whichever
 * way the function can be reset; and a stopped VM's functions master the bus no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/bytes.h"
#include "pci-rig.h"
#include "stub.h"

static void test_a_reset_by_the_vm_keeps_the_bars(void **state)
{
	struct fake_function *fake = fake_pci(FAKE_NVME);

	(void)state;
	rig_init();
	store16(fake->config + 0x88, 0x0020); /* the firmware's */
	assert_int_equal(vpci_create(&rig_vms[RIG_CONTROL]), 0);
	fake_pci_forget();
	tsc_hz = 1ULL << 50;
	rig_write(RIG_CONTROL, FAKE_NVME, PCI_COMMAND, 2, 0x0006);
	rig_write(RIG_CONTROL, FAKE_NVME, 0x88, 2, 0xd000);
	assert_int_equal(fake->resets, 1);
	/* In the middle of it the function is not there. */
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_NVME, 0, 4), RIG_NOBODY);
	rig_write(RIG_CONTROL, FAKE_NVME, PCI_COMMAND, 2, 0x0006);
	assert_int_equal(rig_real_command(FAKE_NVME), 0);
	assert_int_equal(rig_delays, 0); /* nobody waits for it */
	/* Nor when its time is up, until it answers. */
	rig_function(RIG_CONTROL, FAKE_NVME)->reset_until = 1;
	store16(fake->config, 0x0001);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_NVME, 0, 4), RIG_NOBODY);
	assert_int_equal(rig_real_command(FAKE_NVME), 0);
	store16(fake->config, 0x1b36);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_NVME, 0, 4), 0x00101b36);
	assert_int_equal(rig_real32(FAKE_NVME, 0x10), 0xfeb90004);
	assert_int_equal(rig_real_command(FAKE_NVME) & 7, 3);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_NVME, PCI_COMMAND, 2), 0);
	assert_int_equal(load16(fake->config + 0x88), 0x0020);
	assert_int_equal(rig_violations[RIG_CONTROL], 0);
}

static void test_a_restart_resets_what_can_be_reset(void **state)
{
	(void)state;
	rig_write(RIG_CONTROL, FAKE_NVME, PCI_COMMAND, 2, 0x0006);
	rig_write(RIG_CONTROL, FAKE_E1000E, 0x10, 4, 0xd0000000);
	rig_write(RIG_CONTROL, FAKE_E1000E, 0xe8, 2, 0x5000);
	rig_write(RIG_CONTROL, FAKE_NVME, 0x64, 2, 3);
	vpci_reset(&rig_vms[RIG_CONTROL]);
	assert_int_equal(fake_pci(FAKE_NVME)->resets, 1);
	assert_int_equal(fake_pci(FAKE_NET)->resets, 1);
	assert_int_equal(fake_pci(FAKE_ISA)->resets, 0);
	assert_int_equal(fake_pci(FAKE_GPU)->resets, 0);
	assert_true(rig_delays >= 100000 && rig_delays < 2000000);
	assert_int_equal(rig_real_command(FAKE_NVME) & 0x407, 0x003);
	assert_int_equal(rig_real32(FAKE_NVME, 0x10), 0xfeb90004);
	assert_int_equal(rig_real32(FAKE_NET, 0x20), 0xfe00000c);
	assert_int_equal(fake_pci(FAKE_NVME)->config[0x3c], 0x0b);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_E1000E, 0x10, 4), 0xfeb40000);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_NVME, 0x64, 2), 8);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_NVME, PCI_COMMAND, 2) & 7, 3);
}

static void test_the_way_of_a_reset_without_flr_is_d3hot(void **state)
{
	uint8_t *config;

	(void)state;
	rig_init();
	config = fake_pci(FAKE_E1000E)->config;
	config[0xe7] = 0;
	config[0xcc] = 0;
	assert_int_equal(vpci_create(&rig_vms[RIG_CONTROL]), 0);
	fake_pci_forget();
	vpci_reset(&rig_vms[RIG_CONTROL]);
	assert_int_equal(fake_pci(FAKE_E1000E)->resets, 1);
	assert_int_equal(config[0xcc] & 3, 0);
	assert_int_equal(rig_real32(FAKE_E1000E, 0x10), 0xfeb40000);
}

static void test_a_function_that_does_not_come_back(void **state)
{
	(void)state;
	fake_pci(FAKE_NVME)->config[0] = 0;
	vpci_reset(&rig_vms[RIG_CONTROL]);
	assert_non_null(strstr(stub_log_text, "00:03.0: has not come back"));
	assert_true(rig_delays < 2000000);
}

static void test_quiesce_stops_bus_mastering_for_good(void **state)
{
	(void)state;
	rig_write(RIG_UI, FAKE_EDU, PCI_COMMAND, 2, 0x0006);
	assert_int_equal(rig_real_command(FAKE_EDU) & 4, 4);
	vpci_quiesce(&rig_vms[RIG_UI]);
	assert_int_equal(rig_real_command(FAKE_EDU) & 4, 0);
	rig_write(RIG_UI, FAKE_EDU, PCI_COMMAND, 2, 0x0006); /* still running */
	assert_int_equal(rig_real_command(FAKE_EDU) & 4, 0);
	vpci_reset(&rig_vms[RIG_UI]);
	assert_int_equal(rig_real_command(FAKE_EDU) & 4, 0);
	rig_write(RIG_UI, FAKE_EDU, PCI_COMMAND, 2, 0x0006);
	assert_int_equal(rig_real_command(FAKE_EDU) & 4, 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, rig_setup)
	const struct CMUnitTest tests[] = {
		TEST(test_a_reset_by_the_vm_keeps_the_bars),
		TEST(test_a_restart_resets_what_can_be_reset),
		TEST(test_the_way_of_a_reset_without_flr_is_d3hot),
		TEST(test_a_function_that_does_not_come_back),
		TEST(test_quiesce_stops_bus_mastering_for_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
