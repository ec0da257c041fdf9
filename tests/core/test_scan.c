/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scan of all buses: what it finds, that it changes nothing, and machines that answer nonsense.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fake-pci.h"
#include "lib/bytes.h"
#include "pci/registers.h"
#include "pci/vpci.h"
#include "stub.h"

static int setup(void **state)
{
	(void)state;
	fake_pci_init();
	return 0;
}

static const struct pci_function *find(uint16_t bdf)
{
	for (size_t i = 0; i < pci_function_count; i++)
		if (pci_functions[i].bdf == bdf)
			return &pci_functions[i];
	return NULL;
}

static void test_all_functions_are_found(void **state)
{
	const struct pci_function *function;

	(void)state;
	pci_scan();
	assert_int_equal(pci_function_count, 13);
	function = find(FAKE_E1000E);
	assert_int_equal(function->vendor, 0x8086);
	assert_int_equal(function->device, 0x10d3);
	assert_int_equal(function->class_code, 0x020000);
	assert_int_equal(function->header_type, 0);
	assert_null(function->owner);
	assert_int_equal(find(FAKE_ROOT_PORT)->secondary_bus, 1);
	assert_int_equal(find(FAKE_ROOT_PORT)->subordinate_bus, 1);
	assert_non_null(find(FAKE_NET));
	assert_non_null(find(FAKE_SMBUS));
}

static void test_bars_are_sized(void **state)
{
	(void)state;
	pci_scan();
	assert_int_equal(find(FAKE_E1000E)->bars[0].base, 0xfeb40000);
	assert_int_equal(find(FAKE_E1000E)->bars[0].size, 0x20000);
	assert_true(find(FAKE_E1000E)->bars[2].io);
	assert_int_equal(find(FAKE_E1000E)->bars[2].base, 0xc040);
	assert_int_equal(find(FAKE_E1000E)->bars[2].size, 0x20);
	assert_int_equal(find(FAKE_E1000E)->bars[4].size, 0);
	assert_true(find(FAKE_NVME)->bars[0].wide);
	assert_int_equal(find(FAKE_NVME)->bars[0].size, 0x4000);
	assert_int_equal(find(FAKE_NVME)->bars[1].size, 0);
	assert_true(find(FAKE_GPU)->bars[4].prefetchable);
	assert_false(find(FAKE_GPU)->bars[1].prefetchable);
	assert_int_equal(find(FAKE_VGA)->bars[0].size, 0x1000000);
	assert_int_equal(find(FAKE_ROOT_PORT)->bars[0].size, 0x1000);
}

static void test_a_wide_bar_above_4_gib(void **state)
{
	(void)state;
	store32(fake_pci(FAKE_NVME)->config + PCI_BAR0, 0x00000004);
	store32(fake_pci(FAKE_NVME)->config + PCI_BAR0 + 4, 0x38);
	store32(fake_pci(FAKE_NVME)->writable + PCI_BAR0, 0);
	store32(fake_pci(FAKE_NVME)->writable + PCI_BAR0 + 4, 0xfffffff8);
	pci_scan();
	assert_int_equal(find(FAKE_NVME)->bars[0].base, 0x3800000000);
	assert_int_equal(find(FAKE_NVME)->bars[0].size, 0x800000000);
}

static void test_the_scan_leaves_everything_as_it_was(void **state)
{
	static uint8_t before[CONFIG_SIZE];

	(void)state;
	memcpy(before, fake_pci(FAKE_E1000E)->config, CONFIG_SIZE);
	pci_scan();
	assert_memory_equal(before, fake_pci(FAKE_E1000E)->config, CONFIG_SIZE);
	/* Decoding was off in between. */
	assert_int_equal(fake_pci(FAKE_E1000E)->changed[PCI_COMMAND], 3);
	assert_int_equal(fake_pci(FAKE_HOST_BRIDGE)->writes, 0);
	assert_int_equal(fake_pci(FAKE_ISA)->writes, 0);
}

static void assert_left_out(uint16_t bdf)
{
	size_t lines = stub_log_lines;

	pci_scan();
	assert_null(find(bdf));
	assert_int_equal(pci_function_count, 12);
	assert_int_equal(stub_log_lines, lines + 1);
	fake_pci_init();
}

static void test_nonsense_is_left_out(void **state)
{
	(void)state;
	/* Holes in what a BAR decodes. */
	store32(fake_pci(FAKE_EDU)->writable + PCI_BAR0, 0xf0f00000);
	assert_left_out(FAKE_EDU);
	/* A base that the size does not allow. */
	store32(fake_pci(FAKE_EDU)->config + PCI_BAR0, 0xfea00100);
	assert_left_out(FAKE_EDU);
	/* One that changes when it is sized. */
	store32(fake_pci(FAKE_EDU)->config + PCI_BAR0, 0xfea00100);
	store32(fake_pci(FAKE_EDU)->clear + PCI_BAR0, 0x00000100);
	assert_left_out(FAKE_EDU);
	/* A BAR that keeps nothing at all. */
	store32(fake_pci(FAKE_EDU)->config + PCI_BAR0, 0x00000008);
	store32(fake_pci(FAKE_EDU)->writable + PCI_BAR0, 0);
	assert_left_out(FAKE_EDU);
	/* The reserved width. */
	store32(fake_pci(FAKE_EDU)->config + PCI_BAR0, 0xfea00006);
	assert_left_out(FAKE_EDU);
	/* A 64-bit BAR in the last place. */
	store32(fake_pci(FAKE_EDU)->config + PCI_BAR0 + 20, 0xfea00004);
	store32(fake_pci(FAKE_EDU)->writable + PCI_BAR0 + 20, 0xfff00000);
	assert_left_out(FAKE_EDU);
	fake_pci(FAKE_EDU)->config[PCI_HEADER_TYPE] = 2;
	assert_left_out(FAKE_EDU);
}

static void test_bridges_that_lead_back_are_not_followed(void **state)
{
	static const uint8_t buses[][2] = {{0, 0}, {0, 255}, {3, 2}};

	(void)state;
	for (size_t i = 0; i < sizeof(buses) / sizeof(buses[0]); i++) {
		fake_pci(FAKE_ROOT_PORT)->config[PCI_SECONDARY_BUS] = buses[i][0];
		fake_pci(FAKE_ROOT_PORT)->config[PCI_SECONDARY_BUS + 1] = buses[i][1];
		pci_scan();
		assert_int_equal(pci_function_count, 12);
		assert_null(find(FAKE_NET));
		assert_int_equal(find(FAKE_ROOT_PORT)->subordinate_bus, 0);
	}
}

static void test_other_functions_only_of_those_that_have_them(void **state)
{
	(void)state;
	fake_pci(FAKE_ISA)->config[PCI_HEADER_TYPE] = 0;
	pci_scan();
	assert_int_equal(pci_function_count, 11);
	assert_null(find(FAKE_AHCI));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_all_functions_are_found, setup),
		cmocka_unit_test_setup(test_bars_are_sized, setup),
		cmocka_unit_test_setup(test_a_wide_bar_above_4_gib, setup),
		cmocka_unit_test_setup(test_the_scan_leaves_everything_as_it_was, setup),
		cmocka_unit_test_setup(test_nonsense_is_left_out, setup),
		cmocka_unit_test_setup(test_bridges_that_lead_back_are_not_followed, setup),
		cmocka_unit_test_setup(test_other_functions_only_of_those_that_have_them, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
