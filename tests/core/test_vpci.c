/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which functions, memory, ports and emulated functions a VM finds, by whichever way it looks: its
 * own, and no other VM's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "lib/bytes.h"
#include "pci-rig.h"
#include "stub.h"

/* ---- who sees what ---- */

static void test_each_vm_sees_its_functions_and_no_other(void **state)
{
	static const uint16_t ui[] = {FAKE_GPU, FAKE_VGA, FAKE_XHCI, FAKE_EDU};
	static const uint16_t control[] = {FAKE_NVME, FAKE_E1000E, FAKE_ROOT_PORT, FAKE_ISA,
					   FAKE_AHCI, FAKE_SMBUS,  FAKE_NET};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(rig_read(RIG_UI, ui[i], 0, 4), rig_real32(ui[i], 0));
		assert_int_equal(rig_read(RIG_CONTROL, ui[i], 0, 4), RIG_NOBODY);
	}
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(rig_read(RIG_CONTROL, control[i], 0, 4),
				 rig_real32(control[i], 0));
		assert_int_equal(rig_read(RIG_UI, control[i], 0, 4), RIG_NOBODY);
	}
}

static void test_the_iommu_is_nobodys(void **state)
{
	(void)state;
	for (unsigned vm = 0; vm < 2; vm++)
		for (unsigned offset = 0; offset < 0x80; offset += 4)
			assert_int_equal(rig_read(vm, FAKE_IOMMU, offset, 4), RIG_NOBODY);
	/* Even if it is said to be somebody's. */
	rig_init();
	rig_real(FAKE_IOMMU)->owner = &rig_vms[RIG_CONTROL];
	assert_int_equal(vpci_create(&rig_vms[RIG_CONTROL]), 0);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_IOMMU, 0, 4), RIG_NOBODY);
	assert_false(rig_attached(RIG_CONTROL, FAKE_IOMMU));
}

static void test_a_vm_without_the_host_bridge_sees_its_name(void **state)
{
	(void)state;
	assert_int_equal(rig_read(RIG_UI, FAKE_HOST_BRIDGE, 0, 4), 0x29c08086);
	assert_int_equal(rig_read(RIG_UI, FAKE_HOST_BRIDGE, 8, 4), 0x06000000);
	for (unsigned offset = 0x0c; offset < CONFIG_SIZE; offset += 4)
		assert_int_equal(rig_read(RIG_UI, FAKE_HOST_BRIDGE, offset, 4), 0);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_HOST_BRIDGE, 0x60, 4), 0xb0000001);
	assert_int_equal(rig_violations[RIG_UI], 0);
}

static void test_function_0_is_filled_in_for_the_others(void **state)
{
	(void)state;
	rig_init();
	rig_real(FAKE_SMBUS)->owner = &rig_vms[RIG_UI];
	assert_int_equal(vpci_create(&rig_vms[RIG_UI]), 0);
	assert_int_equal(rig_read(RIG_UI, FAKE_SMBUS, 0, 4), 0x29308086);
	assert_int_equal(rig_read(RIG_UI, FAKE_ISA, 0, 4), 0xffff8086);
	assert_int_equal(rig_read(RIG_UI, FAKE_ISA, 8, 4), 0xff000000);
	assert_int_equal(rig_read(RIG_UI, FAKE_ISA, 0x0e, 1), 0x80);
	assert_int_equal(rig_read(RIG_UI, FAKE_ISA, 0xf0, 4), 0);
	assert_int_equal(rig_read(RIG_UI, FAKE_AHCI, 0, 4), RIG_NOBODY);
}

static void test_bridges_to_a_vms_functions_can_be_read(void **state)
{
	static uint8_t before[CONFIG_SIZE];

	(void)state;
	rig_init();
	rig_real(FAKE_NET)->owner = &rig_vms[RIG_UI];
	assert_int_equal(vpci_create(&rig_vms[RIG_UI]), 0);
	assert_int_equal(rig_real_command(FAKE_ROOT_PORT) & 7, 7); /* switched on for real */
	assert_int_equal(rig_read(RIG_UI, FAKE_NET, 0, 4), 0x10411af4);
	assert_int_equal(rig_read(RIG_UI, FAKE_ROOT_PORT, 0, 4), 0x000c1b36);
	assert_int_equal(rig_read(RIG_UI, FAKE_ROOT_PORT, 0x18, 4), 0x00010100);
	assert_int_equal(rig_read(RIG_UI, FAKE_ROOT_PORT, 0x20, 4),
			 rig_real32(FAKE_ROOT_PORT, 0x20));
	assert_int_equal(rig_read(RIG_UI, FAKE_ROOT_PORT, 0x10, 4), 0);
	assert_int_equal(rig_read(RIG_UI, FAKE_ROOT_PORT, 0x3d, 1), 0);
	memcpy(before, fake_pci(FAKE_ROOT_PORT)->config, CONFIG_SIZE);
	rig_write(RIG_UI, FAKE_ROOT_PORT, 0x18, 4, 0x00ff0500);
	rig_write(RIG_UI, FAKE_ROOT_PORT, 0x20, 4, 0xfff00000);
	rig_write(RIG_UI, FAKE_ROOT_PORT, 0x1c, 2, 0x00f0);
	assert_int_equal(rig_violations[RIG_UI], 3);
	for (unsigned offset = 0; offset < CONFIG_SIZE; offset += 4)
		rig_write(RIG_UI, FAKE_ROOT_PORT, offset, 4, 0xffffffff);
	assert_memory_equal(before, fake_pci(FAKE_ROOT_PORT)->config, CONFIG_SIZE);
}

static void test_writes_to_somebody_elses_functions_are_counted(void **state)
{
	(void)state;
	rig_write(RIG_UI, 0x00f9, 0xe0, 4, 0); /* nothing is there */
	assert_int_equal(rig_violations[RIG_UI], 0);
	rig_write(RIG_UI, FAKE_NVME, PCI_COMMAND, 2, 7);
	assert_int_equal(rig_violations[RIG_UI], 1);
	assert_int_equal(rig_violations[RIG_CONTROL], 0);
	assert_int_equal(fake_pci(FAKE_NVME)->writes, 0);
}

/* ---- ways in ---- */

static void test_ports(void **state)
{
	(void)state;
	rig_port_write(RIG_UI, 0xcf8, 4, 0x80003800); /* xHCI */
	assert_int_equal(rig_port_read(RIG_UI, 0xcf8, 4), 0x80003800);
	assert_int_equal(rig_port_read(RIG_UI, 0xcfc, 4), 0x000d1b36);
	assert_int_equal(rig_port_read(RIG_UI, 0xcfe, 2), 0x000d);
	assert_int_equal(rig_port_read(RIG_UI, 0xcfd, 1), 0x1b);
	assert_int_equal(rig_port_read(RIG_UI, 0xcfd, 2), 0x0d1b);
	rig_port_write(RIG_UI, 0xcf8, 4, 0x80003804);
	rig_port_write(RIG_UI, 0xcfc, 1, 0x06);
	assert_int_equal(rig_real_command(FAKE_XHCI) & 4, 4);
	/* Without the enable bit there is nothing. */
	rig_port_write(RIG_UI, 0xcf8, 4, 0x00003804);
	assert_int_equal(rig_port_read(RIG_UI, 0xcfc, 4), RIG_NOBODY);
	rig_port_write(RIG_UI, 0xcfc, 2, 0);
	assert_int_equal(rig_real_command(FAKE_XHCI) & 4, 4);
	/* The register is one of 32 bits: other accesses are not to it. */
	rig_port_write(RIG_UI, 0xcf8, 2, 0xffff);
	rig_port_write(RIG_UI, 0xcfa, 1, 0xff);
	assert_int_equal(rig_port_read(RIG_UI, 0xcf8, 4), 0x00003804);
	assert_int_equal(rig_port_read(RIG_UI, 0xcf8, 1), 0xff);
	assert_int_equal(rig_port_read(RIG_UI, 0xcfa, 4), RIG_NOBODY);
	/* Each VM has its own. */
	assert_int_equal(rig_port_read(RIG_CONTROL, 0xcf8, 4), 0);
	assert_int_equal(rig_violations[RIG_UI], 0);
}

static void test_the_reset_port_stops_the_vm(void **state)
{
	(void)state;
	rig_port_write(RIG_UI, 0xcf9, 1, 0x02);
	assert_int_equal(rig_vms[RIG_UI].stop, VM_STOP_NONE);
	rig_port_write(RIG_UI, 0xcf9, 1, 0x06);
	assert_int_equal(rig_vms[RIG_UI].stop, VM_STOP_RESET);
	assert_int_equal(rig_vms[RIG_CONTROL].stop, VM_STOP_NONE);
}

static void test_odd_ecam_accesses(void **state)
{
	(void)state;
	assert_int_equal(rig_read(RIG_UI, FAKE_XHCI, 0, 8),
			 rig_real32(FAKE_XHCI, 0) | rig_read(RIG_UI, FAKE_XHCI, 4, 4) << 32);
	assert_int_equal(rig_read(RIG_UI, FAKE_XHCI, 1, 4),
			 (rig_real32(FAKE_XHCI, 0) >> 8) | rig_read(RIG_UI, FAKE_XHCI, 4, 1) << 24);
	/* Over the end of a function, into one that is not the VM's. */
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, 0xffe, 4), 0xffff0000);
	assert_int_equal(rig_read(RIG_UI, 0xffff, 0xff8, 8), UINT64_MAX);
	rig_write(RIG_UI, FAKE_XHCI, PCI_COMMAND - 1, 4, 0x000006ff);
	assert_int_equal(rig_real_command(FAKE_XHCI) & 4, 4);
}

/* ---- memory, ports, DMA ---- */

static void test_memory_of_a_vms_devices_is_mapped_for_it(void **state)
{
	(void)state;
	assert_true(rig_mapped(RIG_UI, 0xfd000000));
	assert_true(rig_mapped(RIG_UI, 0xfdfff000));
	assert_true(rig_mapped(RIG_UI, 0xfeb98000));
	assert_false(rig_mapped(RIG_UI, 0xfeb9b000)); /* xHCI's MSI-X table */
	assert_false(rig_mapped(RIG_UI, 0xfeb90000)); /* NVMe */
	assert_true(rig_mapped(RIG_CONTROL, 0xfeb90000));
	assert_true(rig_mapped(RIG_CONTROL, 0xfeb93000));
	assert_false(rig_mapped(RIG_CONTROL, 0xfeb92000));
	assert_false(rig_mapped(RIG_CONTROL, 0xfd000000));
	assert_int_equal(owner_of(hpa(0xfd000000)), vm_owner(&rig_vms[RIG_UI]));
	assert_int_equal(owner_of(hpa(0xfeb9e000)), OWNER_NOBODY); /* the root port's */
	assert_true(rig_attached(RIG_UI, FAKE_EDU));
	assert_true(rig_attached(RIG_CONTROL, FAKE_NVME));
	assert_false(rig_attached(RIG_CONTROL, FAKE_ROOT_PORT));
	assert_true(rig_port_allowed(RIG_CONTROL, 0xc040));
	assert_true(rig_port_allowed(RIG_CONTROL, 0xc05f));
	assert_false(rig_port_allowed(RIG_UI, 0xc040));
	assert_false(rig_port_allowed(RIG_CONTROL, 0xc080));
}

static void place_small_bar(uint16_t bdf, uint32_t address)
{
	store32(fake_pci(bdf)->config + 0x10, address);
	store32(fake_pci(bdf)->writable + 0x10, 0xffffff00);
	rig_real(bdf)->bars[0].base = address;
	rig_real(bdf)->bars[0].size = 0x100;
}

static void test_a_page_of_two_vms_goes_to_the_control_vm(void **state)
{
	(void)state;
	rig_init();
	place_small_bar(FAKE_EDU, 0xfea00000);
	place_small_bar(FAKE_SMBUS, 0xfea00800);
	assert_int_equal(vpci_create(&rig_vms[RIG_UI]), 0);
	assert_non_null(strstr(stub_log_text, "00:08.0 is not ui's"));
	assert_int_equal(vpci_create(&rig_vms[RIG_CONTROL]), 0);
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, 0, 4), RIG_NOBODY);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_EDU, 0, 4), 0x11e81234);
	assert_true(rig_mapped(RIG_CONTROL, 0xfea00000));
	assert_false(rig_mapped(RIG_UI, 0xfea00000));
	assert_true(rig_attached(RIG_CONTROL, FAKE_EDU));
	/* Whichever of the two is found first. */
	rig_init();
	place_small_bar(FAKE_EDU, 0xfea00000);
	place_small_bar(FAKE_SMBUS, 0xfea00800);
	rig_real(FAKE_EDU)->owner = &rig_vms[RIG_CONTROL];
	rig_real(FAKE_SMBUS)->owner = &rig_vms[RIG_UI];
	assert_int_equal(vpci_create(&rig_vms[RIG_UI]), 0);
	assert_int_equal(vpci_create(&rig_vms[RIG_CONTROL]), 0);
	assert_int_equal(rig_read(RIG_UI, FAKE_SMBUS, 0, 4), RIG_NOBODY);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_SMBUS, 0, 4), 0x29308086);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_EDU, 0, 4), 0x11e81234);
}

static void test_a_page_shared_with_nobodys_is_left_out(void **state)
{
	(void)state;
	rig_init();
	place_small_bar(FAKE_EDU, 0xfea00000);
	place_small_bar(FAKE_SMBUS, 0xfea00800);
	rig_real(FAKE_EDU)->owner = NULL;
	assert_int_equal(vpci_create(&rig_vms[RIG_CONTROL]), 0);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_SMBUS, 0, 4), RIG_NOBODY);
	assert_false(rig_mapped(RIG_CONTROL, 0xfea00000));
}

static void test_small_bars_of_one_vm_share_a_page(void **state)
{
	(void)state;
	rig_init();
	place_small_bar(FAKE_EDU, 0xfea00000);
	place_small_bar(FAKE_SMBUS, 0xfea00800);
	rig_real(FAKE_SMBUS)->owner = &rig_vms[RIG_UI];
	assert_int_equal(vpci_create(&rig_vms[RIG_UI]), 0);
	assert_true(rig_mapped(RIG_UI, 0xfea00000));
	assert_int_equal(rig_read(RIG_UI, FAKE_SMBUS, 0, 4), 0x29308086);
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, 0, 4), 0x11e81234);
}

static void test_a_bar_over_memory_is_left_out(void **state)
{
	(void)state;
	rig_init();
	assert_int_equal(owner_add(hpa(0xfea00000), 2 * MIB, PAGE_RAM, OWNER_FREE), 0);
	assert_int_equal(vpci_create(&rig_vms[RIG_UI]), 0);
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, 0, 4), RIG_NOBODY);
	assert_false(rig_attached(RIG_UI, FAKE_EDU));
}

static void test_what_no_iommu_covers_is_left_out(void **state)
{
	(void)state;
	rig_init();
	rig_uncovered = FAKE_EDU;
	store16(fake_pci(FAKE_EDU)->config + PCI_COMMAND, 0x0107); /* as the firmware used it */
	assert_int_equal(vpci_create(&rig_vms[RIG_UI]), 0);
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, 0, 4), RIG_NOBODY);
	assert_false(rig_mapped(RIG_UI, 0xfea00000));
	assert_int_equal(rig_real_command(FAKE_EDU) & COMMAND_MASTER, 0);
}

/* ---- the emulated function ---- */

static uint32_t emulated[1024];

static uint32_t emulated_access(void *data, unsigned offset, unsigned size, bool write,
				uint32_t value)
{
	assert_ptr_equal(data, emulated);
	if (write)
		memcpy((uint8_t *)emulated + offset, &value, size);
	value = 0;
	memcpy(&value, (uint8_t *)emulated + offset, size);
	return value;
}

static void test_a_place_for_an_emulated_function(void **state)
{
	uint16_t bdf;
	gpa_t window;

	(void)state;
	for (unsigned vm = 0; vm < 2; vm++) {
		assert_int_equal(vpci_find_free(&rig_vms[vm], &bdf, 0x10000, &window), 0);
		assert_int_equal(bdf, 0x10); /* 00:02.0 */
		assert_int_equal(gpa_value(window), 0xfeba0000);
		emulated[0] = 0x12345678;
		assert_int_equal(vpci_add_emulated(&rig_vms[vm], bdf, emulated_access, emulated),
				 0);
		assert_int_equal(rig_read(vm, bdf, 0, 4), 0x12345678);
		assert_int_equal(rig_read(vm, bdf, 2, 1), 0x34);
		rig_write(vm, bdf, 1, 1, 0xff);
		assert_int_equal(emulated[0], 0x1234ff78);
		assert_int_equal(rig_read(vm, bdf, 0, 8), 0x1234ff78);
		assert_int_equal(vpci_find_free(&rig_vms[vm], &bdf, 0x10000, &window), 0);
		assert_int_equal(bdf, 0x50);
		assert_int_equal(vpci_add_emulated(&rig_vms[vm], FAKE_HOST_BRIDGE, emulated_access,
						   emulated),
				 -EEXIST);
	}
}

static void test_no_window_is_free_where_something_is(void **state)
{
	gpa_t window, first;
	uint16_t bdf;

	(void)state;
	/* Larger than any gap next to a device on bus 0. */
	assert_int_equal(vpci_find_free(&rig_vms[RIG_UI], &bdf, 1ULL << 31, &window), -ENOSPC);
	assert_int_equal(vm_add_mmio(&rig_vms[RIG_UI], gpa(0xfeba0000), 0x10000, NULL, NULL, "x"),
			 0);
	assert_int_equal(vpci_find_free(&rig_vms[RIG_UI], &bdf, 0x10000, &window), 0);
	assert_int_not_equal(gpa_value(window), 0xfeba0000);
	assert_int_equal(
		owner_add(hpa(gpa_value(window) + 0xf000), PAGE_SIZE, PAGE_RAM, OWNER_FREE), 0);
	first = window;
	assert_int_equal(vpci_find_free(&rig_vms[RIG_UI], &bdf, 0x10000, &window), 0);
	assert_int_not_equal(gpa_value(window), gpa_value(first));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, rig_setup)
	const struct CMUnitTest tests[] = {
		TEST(test_each_vm_sees_its_functions_and_no_other),
		TEST(test_the_iommu_is_nobodys),
		TEST(test_a_vm_without_the_host_bridge_sees_its_name),
		TEST(test_function_0_is_filled_in_for_the_others),
		TEST(test_bridges_to_a_vms_functions_can_be_read),
		TEST(test_writes_to_somebody_elses_functions_are_counted),
		TEST(test_ports),
		TEST(test_the_reset_port_stops_the_vm),
		TEST(test_odd_ecam_accesses),
		TEST(test_memory_of_a_vms_devices_is_mapped_for_it),
		TEST(test_a_page_of_two_vms_goes_to_the_control_vm),
		TEST(test_a_page_shared_with_nobodys_is_left_out),
		TEST(test_small_bars_of_one_vm_share_a_page),
		TEST(test_a_bar_over_memory_is_left_out),
		TEST(test_what_no_iommu_covers_is_left_out),
		TEST(test_a_place_for_an_emulated_function),
		TEST(test_no_window_is_free_where_something_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
