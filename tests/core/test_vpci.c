/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What VMs see of PCI, what they can do with it, and what they cannot. */
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

#define NOBODY 0xffffffffU

static int setup(void **state)
{
	(void)state;
	rig_create();
	fake_pci_forget();
	return 0;
}

static uint32_t real32(uint16_t bdf, unsigned offset)
{
	return load32(fake_pci(bdf)->config + offset);
}

static uint16_t real_command(uint16_t bdf)
{
	return load16(fake_pci(bdf)->config + PCI_COMMAND);
}

/* ---- who sees what ---- */

static void test_each_vm_sees_its_functions_and_no_other(void **state)
{
	static const uint16_t ui[] = {FAKE_GPU, FAKE_VGA, FAKE_XHCI, FAKE_EDU};
	static const uint16_t control[] = {FAKE_NVME, FAKE_E1000E, FAKE_ROOT_PORT, FAKE_ISA,
					   FAKE_AHCI, FAKE_SMBUS,  FAKE_NET};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(rig_read(RIG_UI, ui[i], 0, 4), real32(ui[i], 0));
		assert_int_equal(rig_read(RIG_CONTROL, ui[i], 0, 4), NOBODY);
	}
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(rig_read(RIG_CONTROL, control[i], 0, 4), real32(control[i], 0));
		assert_int_equal(rig_read(RIG_UI, control[i], 0, 4), NOBODY);
	}
}

static void test_the_iommu_is_nobodys(void **state)
{
	(void)state;
	for (unsigned vm = 0; vm < 2; vm++)
		for (unsigned offset = 0; offset < 0x80; offset += 4)
			assert_int_equal(rig_read(vm, FAKE_IOMMU, offset, 4), NOBODY);
	/* Even if it is said to be somebody's. */
	rig_init();
	rig_real(FAKE_IOMMU)->owner = &rig_vms[RIG_CONTROL];
	assert_int_equal(vpci_create(&rig_vms[RIG_CONTROL]), 0);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_IOMMU, 0, 4), NOBODY);
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
	assert_int_equal(rig_read(RIG_UI, FAKE_AHCI, 0, 4), NOBODY);
}

static void test_bridges_to_a_vms_functions_can_be_read(void **state)
{
	static uint8_t before[CONFIG_SIZE];

	(void)state;
	rig_init();
	rig_real(FAKE_NET)->owner = &rig_vms[RIG_UI];
	assert_int_equal(vpci_create(&rig_vms[RIG_UI]), 0);
	assert_int_equal(real_command(FAKE_ROOT_PORT) & 7, 7); /* switched on for real */
	assert_int_equal(rig_read(RIG_UI, FAKE_NET, 0, 4), 0x10411af4);
	assert_int_equal(rig_read(RIG_UI, FAKE_ROOT_PORT, 0, 4), 0x000c1b36);
	assert_int_equal(rig_read(RIG_UI, FAKE_ROOT_PORT, 0x18, 4), 0x00010100);
	assert_int_equal(rig_read(RIG_UI, FAKE_ROOT_PORT, 0x20, 4), real32(FAKE_ROOT_PORT, 0x20));
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
	assert_int_equal(real32(FAKE_E1000E, 0x104), 0);
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
	assert_int_equal(real_command(FAKE_XHCI), 0x0503);
	assert_int_equal(real_command(FAKE_E1000E) & 0x407, 0x003);
	rig_write(RIG_UI, FAKE_XHCI, PCI_COMMAND, 2, 0x0006);
	assert_int_equal(real_command(FAKE_XHCI), 0x0507);
	assert_int_equal(rig_read(RIG_UI, FAKE_XHCI, PCI_COMMAND, 2), 0x0006);
	rig_write(RIG_CONTROL, FAKE_E1000E, PCI_COMMAND, 2, 0x0406);
	assert_int_equal(real_command(FAKE_E1000E) & 0x407, 0x407);
	rig_write(RIG_CONTROL, FAKE_E1000E, PCI_COMMAND, 2, 0x0000);
	/* Decoding stays on, whatever the VM reads. */
	assert_int_equal(real_command(FAKE_E1000E) & 0x407, 0x003);
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
	assert_int_equal(real32(FAKE_EDU, 0x10), 0xfea00000);
	assert_int_equal(fake_pci(FAKE_EDU)->writes, 0);
	assert_int_equal(rig_violations[RIG_UI], 1);
	assert_true(rig_mapped(RIG_UI, 0xfea00000));
	assert_false(rig_mapped(RIG_UI, 0xfeb90000));
	/* Byte by byte it is no better. */
	for (unsigned i = 0; i < 4; i++)
		rig_write(RIG_UI, FAKE_EDU, 0x10 + i, 1, 0xc0);
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, 0x10, 4), 0xc0c00000);
	assert_int_equal(real32(FAKE_EDU, 0x10), 0xfea00000);
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
		uint32_t before = real32(FAKE_HOST_BRIDGE, registers[i]);

		for (unsigned vm = 0; vm < 2; vm++)
			rig_write(vm, FAKE_HOST_BRIDGE, registers[i], 4, 0xe0000001 + i);
		assert_int_equal(real32(FAKE_HOST_BRIDGE, registers[i]), before);
	}
	assert_int_equal(rig_violations[RIG_UI], 4);
	assert_int_equal(rig_violations[RIG_CONTROL], 4);
	rig_write(RIG_CONTROL, FAKE_ISA, 0xf0, 4, 0xfee00001); /* the root complex's base */
	assert_int_equal(real32(FAKE_ISA, 0xf0), 0xfed1c001);
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
	assert_int_equal(real32(FAKE_AHCI, 0x90), 0x003f0040);
	rig_write(RIG_CONTROL, FAKE_AHCI, 0x90, 1, 0x00);
	assert_int_equal(real32(FAKE_AHCI, 0x90), 0x003f0040);
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
	assert_int_equal(real_command(FAKE_XHCI) & 4, 4);
	/* Without the enable bit there is nothing. */
	rig_port_write(RIG_UI, 0xcf8, 4, 0x00003804);
	assert_int_equal(rig_port_read(RIG_UI, 0xcfc, 4), NOBODY);
	rig_port_write(RIG_UI, 0xcfc, 2, 0);
	assert_int_equal(real_command(FAKE_XHCI) & 4, 4);
	/* The register is one of 32 bits: other accesses are not to it. */
	rig_port_write(RIG_UI, 0xcf8, 2, 0xffff);
	rig_port_write(RIG_UI, 0xcfa, 1, 0xff);
	assert_int_equal(rig_port_read(RIG_UI, 0xcf8, 4), 0x00003804);
	assert_int_equal(rig_port_read(RIG_UI, 0xcf8, 1), 0xff);
	assert_int_equal(rig_port_read(RIG_UI, 0xcfa, 4), NOBODY);
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
			 real32(FAKE_XHCI, 0) | rig_read(RIG_UI, FAKE_XHCI, 4, 4) << 32);
	assert_int_equal(rig_read(RIG_UI, FAKE_XHCI, 1, 4),
			 (real32(FAKE_XHCI, 0) >> 8) | rig_read(RIG_UI, FAKE_XHCI, 4, 1) << 24);
	/* Over the end of a function, into one that is not the VM's. */
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, 0xffe, 4), 0xffff0000);
	assert_int_equal(rig_read(RIG_UI, 0xffff, 0xff8, 8), UINT64_MAX);
	rig_write(RIG_UI, FAKE_XHCI, PCI_COMMAND - 1, 4, 0x000006ff);
	assert_int_equal(real_command(FAKE_XHCI) & 4, 4);
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
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, 0, 4), NOBODY);
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
	assert_int_equal(rig_read(RIG_UI, FAKE_SMBUS, 0, 4), NOBODY);
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
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_SMBUS, 0, 4), NOBODY);
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
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, 0, 4), NOBODY);
	assert_false(rig_attached(RIG_UI, FAKE_EDU));
}

static void test_what_no_iommu_covers_is_left_out(void **state)
{
	(void)state;
	rig_init();
	rig_uncovered = FAKE_EDU;
	store16(fake_pci(FAKE_EDU)->config + PCI_COMMAND, 0x0107); /* as the firmware used it */
	assert_int_equal(vpci_create(&rig_vms[RIG_UI]), 0);
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, 0, 4), NOBODY);
	assert_false(rig_mapped(RIG_UI, 0xfea00000));
	assert_int_equal(real_command(FAKE_EDU) & COMMAND_MASTER, 0);
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

/* ---- resets ---- */

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
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_NVME, 0, 4), NOBODY);
	rig_write(RIG_CONTROL, FAKE_NVME, PCI_COMMAND, 2, 0x0006);
	assert_int_equal(real_command(FAKE_NVME), 0);
	assert_int_equal(rig_delays, 0); /* nobody waits for it */
	/* Nor when its time is up, until it answers. */
	rig_function(RIG_CONTROL, FAKE_NVME)->reset_until = 1;
	store16(fake->config, 0x0001);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_NVME, 0, 4), NOBODY);
	assert_int_equal(real_command(FAKE_NVME), 0);
	store16(fake->config, 0x1b36);
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_NVME, 0, 4), 0x00101b36);
	assert_int_equal(real32(FAKE_NVME, 0x10), 0xfeb90004);
	assert_int_equal(real_command(FAKE_NVME) & 7, 3);
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
	assert_int_equal(real_command(FAKE_NVME) & 0x407, 0x003);
	assert_int_equal(real32(FAKE_NVME, 0x10), 0xfeb90004);
	assert_int_equal(real32(FAKE_NET, 0x20), 0xfe00000c);
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
	assert_int_equal(real32(FAKE_E1000E, 0x10), 0xfeb40000);
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
	assert_int_equal(real_command(FAKE_EDU) & 4, 4);
	vpci_quiesce(&rig_vms[RIG_UI]);
	assert_int_equal(real_command(FAKE_EDU) & 4, 0);
	rig_write(RIG_UI, FAKE_EDU, PCI_COMMAND, 2, 0x0006); /* still running */
	assert_int_equal(real_command(FAKE_EDU) & 4, 0);
	vpci_reset(&rig_vms[RIG_UI]);
	assert_int_equal(real_command(FAKE_EDU) & 4, 0);
	rig_write(RIG_UI, FAKE_EDU, PCI_COMMAND, 2, 0x0006);
	assert_int_equal(real_command(FAKE_EDU) & 4, 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(test_each_vm_sees_its_functions_and_no_other),
		TEST(test_the_iommu_is_nobodys),
		TEST(test_a_vm_without_the_host_bridge_sees_its_name),
		TEST(test_function_0_is_filled_in_for_the_others),
		TEST(test_bridges_to_a_vms_functions_can_be_read),
		TEST(test_writes_to_somebody_elses_functions_are_counted),
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
		TEST(test_a_reset_by_the_vm_keeps_the_bars),
		TEST(test_a_restart_resets_what_can_be_reset),
		TEST(test_the_way_of_a_reset_without_flr_is_d3hot),
		TEST(test_a_function_that_does_not_come_back),
		TEST(test_quiesce_stops_bus_mastering_for_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
