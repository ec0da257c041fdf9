/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a VM reads in its functions' configuration space, and what of what it writes reaches the
 * device: nothing that moves the device, or the machine, under another VM.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/bytes.h"
#include "pci-rig.h"

/* ---- capability lists ---- */

static size_t list_caps(unsigned vm, uint16_t bdf, struct pci_cap *caps)
{
	static uint8_t config[CONFIG_SIZE];

	for (unsigned offset = 0; offset < CONFIG_SIZE; offset += 4)
		store32(config + offset, (uint32_t)rig_read(vm, bdf, offset, 4));
	return caps_list(config, caps, 32);
}

static void test_hidden_capabilities_are_not_in_the_chain(void **state)
{
	struct pci_cap caps[32];

	(void)state;
	/* virtio: the window to all BARs is gone, and so is what it holds. */
	assert_int_equal(list_caps(RIG_UI, FAKE_GPU, caps), 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_not_equal(caps[i].offset, 0x84);
	assert_int_equal(caps[0].id, CAP_MSIX);
	assert_int_equal(caps[1].offset, 0x70);
	for (unsigned offset = 0x84; offset < 0x98; offset += 4)
		assert_int_equal(rig_read(RIG_UI, FAKE_GPU, offset, 4), 0);
	assert_int_equal(rig_read(RIG_UI, FAKE_GPU, 0x34, 1), 0x98);
	/* AHCI: SATA's goes, MSI is the only one left. */
	assert_int_equal(list_caps(RIG_CONTROL, FAKE_AHCI, caps), 1);
	assert_int_equal(caps[0].id, CAP_MSI);
	/* Extended ones of a network card are AER and a serial number. */
	assert_int_equal(list_caps(RIG_CONTROL, FAKE_E1000E, caps), 6);
	assert_int_equal(caps[5].id, EXT_CAP_DSN);
}

static void test_extended_lists_may_begin_with_a_hidden_one(void **state)
{
	struct pci_cap caps[32];
	uint8_t *config;

	(void)state;
	rig_init();
	config = fake_pci(FAKE_E1000E)->config;
	store32(config + 0x100, 0x1401000f); /* ATS */
	store32(config + 0x140, 0x18010003);
	store32(config + 0x180, 0x00010010); /* SR-IOV */
	assert_int_equal(vpci_create(&rig_vms[RIG_CONTROL]), 0);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_E1000E, 0x100, 4), 0x14000000);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_E1000E, 0x140, 4), 0x00010003);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_E1000E, 0x180, 4), 0);
	assert_int_equal(list_caps(RIG_CONTROL, FAKE_E1000E, caps), 4 + 2);
	rig_write(RIG_CONTROL, FAKE_E1000E, 0x104, 4, 0x80000000);
	assert_int_equal(rig_violations[RIG_CONTROL], 1);
	assert_int_equal(rig_real32(FAKE_E1000E, 0x104), 0);
}

static void test_a_function_without_any_shown_says_so(void **state)
{
	(void)state;
	rig_init();
	fake_pci(FAKE_EDU)->config[0x40] = 0x12;
	assert_int_equal(vpci_create(&rig_vms[RIG_UI]), 0);
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, PCI_STATUS, 2) & STATUS_CAPABILITIES, 0);
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, PCI_CAPABILITIES, 1), 0);
}

/* ---- the header ---- */

static void test_command_bits_that_pass(void **state)
{
	(void)state;
	/* At first: decoding, no bus mastering, and no interrupt line for the UI VM. */
	assert_int_equal(rig_real_command(FAKE_XHCI), 0x0503);
	assert_int_equal(rig_real_command(FAKE_E1000E) & 0x407, 0x003);
	rig_write(RIG_UI, FAKE_XHCI, PCI_COMMAND, 2, 0x0006);
	assert_int_equal(rig_real_command(FAKE_XHCI), 0x0507);
	assert_int_equal(rig_read(RIG_UI, FAKE_XHCI, PCI_COMMAND, 2), 0x0006);
	rig_write(RIG_CONTROL, FAKE_E1000E, PCI_COMMAND, 2, 0x0406);
	assert_int_equal(rig_real_command(FAKE_E1000E) & 0x407, 0x407);
	rig_write(RIG_CONTROL, FAKE_E1000E, PCI_COMMAND, 2, 0x0000);
	/* Decoding stays on, whatever the VM reads. */
	assert_int_equal(rig_real_command(FAKE_E1000E) & 0x407, 0x003);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_E1000E, PCI_COMMAND, 2), 0);
	assert_int_equal(rig_violations[RIG_UI] + rig_violations[RIG_CONTROL], 0);
}

static void test_errors_in_status_can_be_acknowledged(void **state)
{
	uint8_t *config = fake_pci(FAKE_XHCI)->config;

	(void)state;
	store16(config + PCI_STATUS, 0xe910);
	rig_write(RIG_UI, FAKE_XHCI, PCI_STATUS, 2, 0x2000);
	assert_int_equal(load16(config + PCI_STATUS), 0xc910);
	/* A write of command leaves them. */
	rig_write(RIG_UI, FAKE_XHCI, PCI_COMMAND, 2, 0x0004);
	rig_write(RIG_UI, FAKE_XHCI, PCI_COMMAND, 4, 0x0006);
	assert_int_equal(load16(config + PCI_STATUS), 0xc910);
	assert_int_equal(rig_violations[RIG_UI], 0);
}

static void test_bars_can_be_sized(void **state)
{
	(void)state;
	rig_write(RIG_UI, FAKE_XHCI, 0x10, 4, 0xffffffff);
	assert_int_equal(rig_read(RIG_UI, FAKE_XHCI, 0x10, 4), 0xffffc004);
	rig_write(RIG_UI, FAKE_XHCI, 0x14, 4, 0xffffffff);
	assert_int_equal(rig_read(RIG_UI, FAKE_XHCI, 0x14, 4), 0xffffffff);
	rig_write(RIG_UI, FAKE_XHCI, 0x10, 4, 0xfeb98004);
	rig_write(RIG_UI, FAKE_XHCI, 0x14, 4, 0);
	assert_int_equal(rig_read(RIG_UI, FAKE_XHCI, 0x10, 8), 0xfeb98004);
	rig_write(RIG_UI, FAKE_VGA, 0x10, 4, 0xffffffff);
	assert_int_equal(rig_read(RIG_UI, FAKE_VGA, 0x10, 4), 0xff000008);
	rig_write(RIG_CONTROL, FAKE_E1000E, 0x18, 4, 0xffffffff);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_E1000E, 0x18, 4), 0xffffffe1);
	/* What is not there, and ROMs. */
	rig_write(RIG_UI, FAKE_VGA, 0x14, 4, 0xffffffff);
	assert_int_equal(rig_read(RIG_UI, FAKE_VGA, 0x14, 4), 0);
	rig_write(RIG_UI, FAKE_VGA, 0x30, 4, 0xfffff800);
	assert_int_equal(rig_read(RIG_UI, FAKE_VGA, 0x30, 4), 0);
	assert_int_equal(rig_violations[RIG_UI] + rig_violations[RIG_CONTROL], 0);
	assert_int_equal(fake_pci(FAKE_XHCI)->writes, 0);
	assert_int_equal(fake_pci(FAKE_VGA)->writes, 0);
}

static void test_a_bar_that_is_moved_moves_in_the_shadow_only(void **state)
{
	(void)state;
	rig_write(RIG_UI, FAKE_EDU, 0x10, 4, 0xfeb90000); /* onto the control VM's disk */
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, 0x10, 4), 0xfeb00000);
	assert_int_equal(rig_real32(FAKE_EDU, 0x10), 0xfea00000);
	assert_int_equal(fake_pci(FAKE_EDU)->writes, 0);
	assert_int_equal(rig_violations[RIG_UI], 1);
	assert_true(rig_mapped(RIG_UI, 0xfea00000));
	assert_false(rig_mapped(RIG_UI, 0xfeb90000));
	/* Byte by byte it is no better. */
	for (unsigned i = 0; i < 4; i++)
		rig_write(RIG_UI, FAKE_EDU, 0x10 + i, 1, 0xc0);
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, 0x10, 4), 0xc0c00000);
	assert_int_equal(rig_real32(FAKE_EDU, 0x10), 0xfea00000);
}

static void test_interrupt_line_and_pin(void **state)
{
	(void)state;
	assert_int_equal(rig_read(RIG_UI, FAKE_XHCI, 0x3c, 2), 0);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_E1000E, 0x3c, 2), 0x010a);
	rig_write(RIG_CONTROL, FAKE_E1000E, 0x3c, 1, 0x17);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_E1000E, 0x3c, 1), 0x17);
	assert_int_equal(fake_pci(FAKE_E1000E)->config[0x3c], 0x0a);
	rig_write(RIG_CONTROL, FAKE_E1000E, 0x3d, 1, 2);
	assert_int_equal(rig_violations[RIG_CONTROL], 1);
	rig_write(RIG_CONTROL, FAKE_E1000E, 0x0c, 2, 0x2010);
	assert_int_equal(rig_violations[RIG_CONTROL], 1);
}

static void test_power_states_are_remembered_only(void **state)
{
	(void)state;
	rig_write(RIG_CONTROL, FAKE_NVME, 0x64, 2, 3);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_NVME, 0x64, 2), 0x000b);
	rig_write(RIG_CONTROL, FAKE_NVME, 0x64, 2, 2);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_NVME, 0x64, 2), 0x000b);
	rig_write(RIG_CONTROL, FAKE_NVME, 0x64, 2, 0x8100);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_NVME, 0x64, 2), 0x0008);
	assert_int_equal(fake_pci(FAKE_NVME)->writes, 0);
	/* No wake-up events are offered. */
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_E1000E, 0xca, 2), 0x0022);
	assert_int_equal(rig_violations[RIG_CONTROL], 0);
}

static void test_device_control_of_pci_express(void **state)
{
	uint8_t *config = fake_pci(FAKE_E1000E)->config;

	(void)state;
	config[0xea] = 0x0f; /* errors in device status */
	rig_write(RIG_CONTROL, FAKE_E1000E, 0xe8, 2, 0x7f3f);
	assert_int_equal(load16(config + 0xe8), 0x783f);
	assert_int_equal(config[0xea], 0x0f);
	rig_write(RIG_CONTROL, FAKE_E1000E, 0xea, 2, 0x0003);
	assert_int_equal(config[0xea], 0x0c);
	assert_int_equal(load16(config + 0xe8), 0x783f);
	assert_int_equal(rig_violations[RIG_CONTROL], 0);
	rig_write(RIG_CONTROL, FAKE_E1000E, 0xe4, 4, 0);
	assert_int_equal(rig_violations[RIG_CONTROL], 1);
	/* Link control is not the VM's. */
	rig_write(RIG_CONTROL, FAKE_E1000E, 0xf0, 2, 0x0033);
	assert_int_equal(load16(config + 0xf0), 0);
}

static void test_registers_that_move_the_machine_are_safe(void **state)
{
	static const unsigned registers[] = {0x60, 0x90, 0x94, 0x9c};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		uint32_t before = rig_real32(FAKE_HOST_BRIDGE, registers[i]);

		for (unsigned vm = 0; vm < 2; vm++)
			rig_write(vm, FAKE_HOST_BRIDGE, registers[i], 4, 0xe0000001 + i);
		assert_int_equal(rig_real32(FAKE_HOST_BRIDGE, registers[i]), before);
	}
	assert_int_equal(rig_violations[RIG_UI], 4);
	assert_int_equal(rig_violations[RIG_CONTROL], 4);
	rig_write(RIG_CONTROL, FAKE_ISA, 0xf0, 4, 0xfee00001); /* the root complex's base */
	assert_int_equal(rig_real32(FAKE_ISA, 0xf0), 0xfed1c001);
	assert_int_equal(rig_violations[RIG_CONTROL], 5);
	/* Even all bits of all registers do not touch the board's own. */
	for (unsigned offset = 0; offset < CONFIG_SIZE; offset += 4) {
		rig_write(RIG_CONTROL, FAKE_HOST_BRIDGE, offset, 4, 0xffffffff);
		rig_write(RIG_CONTROL, FAKE_ISA, offset, 4, 0xffffffff);
	}
	for (unsigned offset = 0; offset < CONFIG_SIZE; offset++) {
		assert_int_equal(fake_pci(FAKE_HOST_BRIDGE)->changed[offset], 0);
		assert_int_equal(fake_pci(FAKE_ISA)->changed[offset], 0);
	}
}

static void test_ahci_ports_can_be_switched_on(void **state)
{
	(void)state;
	rig_write(RIG_CONTROL, FAKE_AHCI, 0x92, 2, 0x003f);
	assert_int_equal(rig_real32(FAKE_AHCI, 0x90), 0x003f0040);
	rig_write(RIG_CONTROL, FAKE_AHCI, 0x90, 1, 0x00);
	assert_int_equal(rig_real32(FAKE_AHCI, 0x90), 0x003f0040);
	assert_int_equal(rig_violations[RIG_CONTROL], 1);
}

static void test_unchanged_values_are_no_offence(void **state)
{
	(void)state;
	for (unsigned vm = 0; vm < 2; vm++)
		for (unsigned devfn = 0; devfn < 256; devfn++)
			for (unsigned offset = 0; rig_function(vm, (uint16_t)devfn) && offset < 256;
			     offset += 4)
				rig_write(vm, (uint16_t)devfn, offset, 4,
					  rig_read(vm, (uint16_t)devfn, offset, 4));
	assert_int_equal(rig_violations[RIG_UI] + rig_violations[RIG_CONTROL], 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, rig_setup)
	const struct CMUnitTest tests[] = {
		TEST(test_hidden_capabilities_are_not_in_the_chain),
		TEST(test_extended_lists_may_begin_with_a_hidden_one),
		TEST(test_a_function_without_any_shown_says_so),
		TEST(test_command_bits_that_pass),
		TEST(test_errors_in_status_can_be_acknowledged),
		TEST(test_bars_can_be_sized),
		TEST(test_a_bar_that_is_moved_moves_in_the_shadow_only),
		TEST(test_interrupt_line_and_pin),
		TEST(test_power_states_are_remembered_only),
		TEST(test_device_control_of_pci_express),
		TEST(test_registers_that_move_the_machine_are_safe),
		TEST(test_ahci_ports_can_be_switched_on),
		TEST(test_unchanged_values_are_no_offence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
