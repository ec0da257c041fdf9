/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capability lists of real functions, and of ones that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fake-pci.h"
#include "lib/bytes.h"
#include "pci/registers.h"

static struct pci_cap caps[64];

static size_t list(const uint8_t *config)
{
	return caps_list(config, caps, 64);
}

static void assert_cap(size_t index, unsigned id, unsigned offset, unsigned length, bool extended)
{
	assert_int_equal(caps[index].id, id);
	assert_int_equal(caps[index].offset, offset);
	assert_int_equal(caps[index].length, length);
	assert_int_equal(caps[index].extended, extended);
}

static void test_both_lists_of_a_real_function(void **state)
{
	(void)state;
	fake_pci_init();
	assert_int_equal(list(fake_pci(FAKE_E1000E)->config), 6);
	assert_cap(0, CAP_PM, 0xc8, 8, false);
	assert_cap(1, CAP_MSI, 0xd0, 16, false);
	assert_cap(2, CAP_PCIE, 0xe0, 0x14, false);
	assert_cap(3, CAP_MSIX, 0xa0, 12, false);
	assert_cap(4, EXT_CAP_AER, 0x100, 0x38, true);
	assert_cap(5, EXT_CAP_DSN, 0x140, 12, true);
	assert_ptr_equal(caps_find(caps, 6, false, CAP_MSIX), &caps[3]);
	assert_ptr_equal(caps_find(caps, 6, true, EXT_CAP_AER), &caps[4]);
	assert_null(caps_find(caps, 6, true, CAP_MSIX));
	assert_null(caps_find(caps, 6, false, CAP_AF));
}

static void test_vendor_capabilities_have_their_own_length(void **state)
{
	(void)state;
	fake_pci_init();
	assert_int_equal(list(fake_pci(FAKE_GPU)->config), 6);
	assert_cap(0, CAP_MSIX, 0x98, 12, false);
	assert_cap(1, CAP_VENDOR, 0x84, 20, false);
	assert_cap(2, CAP_VENDOR, 0x70, 20, false);
	assert_cap(5, CAP_VENDOR, 0x40, 16, false);
}

static void test_without_the_status_bit_there_are_none(void **state)
{
	(void)state;
	fake_pci_init();
	fake_pci(FAKE_EDU)->config[PCI_STATUS] = 0;
	assert_int_equal(list(fake_pci(FAKE_EDU)->config), 0);
	assert_int_equal(list(fake_pci(FAKE_VGA)->config), 0);
}

static void test_loops_end(void **state)
{
	uint8_t config[CONFIG_SIZE] = {0};

	(void)state;
	config[PCI_STATUS] = STATUS_CAPABILITIES;
	config[PCI_CAPABILITIES] = 0x50;
	config[0x50] = CAP_PM;
	config[0x51] = 0x60;
	config[0x60] = CAP_MSI;
	config[0x61] = 0x50;
	store32(config + 0x100, 0x20010001);
	store32(config + 0x200, 0x10010003);
	assert_int_equal(list(config), 4);
	store32(config + 0x200, 0x20010003); /* to itself */
	assert_int_equal(list(config), 4);
}

static void test_wild_pointers_end_the_list(void **state)
{
	uint8_t config[CONFIG_SIZE] = {0};

	(void)state;
	config[PCI_STATUS] = STATUS_CAPABILITIES;
	config[PCI_CAPABILITIES] = 0x3c; /* into the header */
	assert_int_equal(list(config), 0);
	config[PCI_CAPABILITIES] = 0xff; /* the low bits are reserved */
	config[0xfc] = CAP_PCIE;
	config[0xfd] = 0x04;
	assert_int_equal(list(config), 1);
	assert_cap(0, CAP_PCIE, 0xfc, 4, false);
	store32(config + 0x100, 0xffc10001);
	store32(config + 0xffc, 0x0ff10003);
	assert_int_equal(list(config), 3);
	assert_cap(2, EXT_CAP_DSN, 0xffc, 4, true);
	memset(config, 0xff, sizeof(config));
	assert_int_equal(list(config), 0);
}

static void test_overlapping_capabilities_are_cut(void **state)
{
	uint8_t config[CONFIG_SIZE] = {0};

	(void)state;
	config[PCI_STATUS] = STATUS_CAPABILITIES;
	config[PCI_CAPABILITIES] = 0x40;
	config[0x40] = CAP_PCIE;
	config[0x41] = 0x44;
	config[0x42] = 2;
	config[0x44] = CAP_MSIX;
	assert_int_equal(list(config), 2);
	assert_cap(0, CAP_PCIE, 0x40, 4, false);
	assert_true(caps[0].cut);
	assert_false(caps[1].cut);
	assert_cap(1, CAP_MSIX, 0x44, 12, false);
}

static void test_more_than_there_is_room_for(void **state)
{
	uint8_t config[CONFIG_SIZE] = {0};

	(void)state;
	config[PCI_STATUS] = STATUS_CAPABILITIES;
	config[PCI_CAPABILITIES] = 0x40;
	for (unsigned at = 0x40; at < 0x100; at += 4) {
		config[at] = CAP_VENDOR;
		config[at + 1] = (uint8_t)(at + 4);
	}
	assert_int_equal(list(config), 48);
	memset(caps, 0xee, sizeof(caps));
	assert_int_equal(caps_list(config, caps, 5), 5);
	assert_int_equal(caps[5].offset, 0xeeee);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_lists_of_a_real_function),
		cmocka_unit_test(test_vendor_capabilities_have_their_own_length),
		cmocka_unit_test(test_without_the_status_bit_there_are_none),
		cmocka_unit_test(test_loops_end),
		cmocka_unit_test(test_wild_pointers_end_the_list),
		cmocka_unit_test(test_overlapping_capabilities_are_cut),
		cmocka_unit_test(test_more_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
