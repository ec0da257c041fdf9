/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of what VMs may do: what it lets through, and that nothing else gets through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fake-pci.h"
#include "lib/bytes.h"
#include "pci/policy.h"
#include "pci/registers.h"

static const uint16_t functions[] = {
	FAKE_HOST_BRIDGE, FAKE_IOMMU,	  FAKE_NVME, FAKE_E1000E, FAKE_GPU,   FAKE_VGA, FAKE_XHCI,
	FAKE_EDU,	  FAKE_ROOT_PORT, FAKE_ISA,  FAKE_AHCI,	  FAKE_SMBUS, FAKE_NET};

static struct policy_function policy;
static struct policy_register found;

static int setup(void **state)
{
	(void)state;
	fake_pci_init();
	return 0;
}

static void init(uint16_t bdf, enum policy_view view)
{
	policy_init(&policy, view, fake_pci(bdf)->config);
}

static void test_only_these_registers_of_a_vms_own_are_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(functions); i++) {
		const struct pci_cap *pcie;

		init(functions[i], VIEW_OWN);
		pcie = policy_cap(&policy, CAP_PCIE);
		for (unsigned offset = 0; offset < CONFIG_SIZE; offset += 4) {
			uint32_t write = 0, clear = 0;

			if (offset == PCI_COMMAND) {
				clear = policy.class_code >> 16 == 6 ? 0 : 0xf9000000;
			} else if (pcie && offset == pcie->offset + 8U) {
				write = 0x78ff;
				clear = 0x000f0000;
			} else if (pcie && offset == pcie->offset + 0x28U && pcie->length > 0x28) {
				write = 0x1f;
			} else if (functions[i] == FAKE_AHCI && offset == 0x90) {
				write = 0x003f0000;
			}
			policy_look_up(&policy, offset, &found);
			assert_int_equal(found.write, write);
			assert_int_equal(found.clear, clear);
		}
	}
}

static void test_nothing_of_other_views_is_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(functions); i++)
		for (int view = VIEW_BRIDGE; view <= VIEW_FILLER; view++) {
			init(functions[i], (enum policy_view)view);
			for (unsigned offset = 0; offset < CONFIG_SIZE; offset += 4) {
				policy_look_up(&policy, offset, &found);
				assert_int_equal(found.write | found.clear, 0);
				assert_int_equal(found.part, PART_NONE);
			}
		}
}

static void test_every_line_has_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(functions); i++)
		for (int view = VIEW_OWN; view <= VIEW_FILLER; view++) {
			init(functions[i], (enum policy_view)view);
			for (unsigned offset = 0; offset < CONFIG_SIZE; offset += 4) {
				policy_look_up(&policy, offset, &found);
				if (found.write || found.clear || found.part != PART_NONE)
					assert_non_null(found.reason);
			}
		}
}

static void test_bars_and_roms_are_never_the_devices(void **state)
{
	(void)state;
	init(FAKE_E1000E, VIEW_OWN);
	for (unsigned offset = 0x10; offset < 0x28; offset += 4) {
		policy_look_up(&policy, offset, &found);
		assert_int_equal(found.part, PART_BAR);
		assert_int_equal(found.show, 0);
		assert_int_equal(found.offset, offset);
	}
	policy_look_up(&policy, 0x30, &found);
	assert_int_equal(found.show, 0);
	assert_int_equal(found.quiet, UINT32_MAX);
}

static void test_registers_outside_of_capabilities_can_be_read(void **state)
{
	(void)state;
	init(FAKE_HOST_BRIDGE, VIEW_OWN);
	policy_look_up(&policy, 0x60, &found);
	assert_int_equal(found.show, UINT32_MAX);
	policy_look_up(&policy, 0x100, &found);
	assert_int_equal(found.show, 0);
	init(FAKE_HOST_BRIDGE, VIEW_HOST_BRIDGE);
	policy_look_up(&policy, 0x60, &found);
	assert_int_equal(found.show, 0);
	init(FAKE_ROOT_PORT, VIEW_BRIDGE);
	policy_look_up(&policy, 0xe0, &found);
	assert_int_equal(found.show, 0);
}

static void test_what_the_core_answers_for_is_there_once(void **state)
{
	uint8_t *config = fake_pci(FAKE_XHCI)->config;

	(void)state;
	/* A second MSI-X capability behind the first. */
	config[0xa1] = 0xe0;
	config[0xe0] = CAP_MSIX;
	init(FAKE_XHCI, VIEW_OWN);
	assert_int_equal(policy_cap(&policy, CAP_MSIX)->offset, 0x90);
	policy_look_up(&policy, 0xe0, &found);
	assert_int_equal(found.show, 0);
	assert_int_equal(found.part, PART_NONE);
	policy_look_up(&policy, 0xa0, &found);
	assert_int_equal(found.fixed, 0);
}

static void test_capabilities_that_overlap_are_hidden(void **state)
{
	uint8_t *config = fake_pci(FAKE_XHCI)->config;

	(void)state;
	config[0xa1] = 0x98; /* in the middle of MSI-X */
	config[0x98] = CAP_VENDOR;
	config[0x9a] = 4;
	init(FAKE_XHCI, VIEW_OWN);
	assert_null(policy_cap(&policy, CAP_MSIX));
	policy_look_up(&policy, 0x90, &found);
	assert_int_equal(found.show, 0);
	policy_look_up(&policy, PCI_CAPABILITIES, &found);
	assert_int_equal(found.fixed, 0xa0);
}

static void test_only_virtio_has_the_window(void **state)
{
	(void)state;
	init(FAKE_GPU, VIEW_OWN);
	policy_look_up(&policy, 0x84, &found);
	assert_int_equal(found.show, 0);
	store16(fake_pci(FAKE_GPU)->config, 0x8086);
	init(FAKE_GPU, VIEW_OWN);
	policy_look_up(&policy, 0x84, &found);
	assert_int_equal(found.show, 0xffff00ff);
}

static void test_a_capability_can_be_taken_away_later(void **state)
{
	(void)state;
	init(FAKE_NVME, VIEW_OWN);
	policy_look_up(&policy, PCI_CAPABILITIES, &found);
	assert_int_equal(found.fixed, 0x40);
	policy_hide(&policy, CAP_MSIX);
	assert_null(policy_cap(&policy, CAP_MSIX));
	policy_look_up(&policy, PCI_CAPABILITIES, &found);
	assert_int_equal(found.fixed, 0x80);
	policy_look_up(&policy, 0x44, &found);
	assert_int_equal(found.show, 0);
}

static void test_conventional_functions_have_no_extended_space(void **state)
{
	uint8_t *config = fake_pci(FAKE_EDU)->config;

	(void)state;
	memset(config + 0x100, 0, CONFIG_SIZE - 0x100);
	store32(config + 0x100, 0x00010003);
	init(FAKE_EDU, VIEW_OWN);
	policy_look_up(&policy, 0x100, &found);
	assert_int_equal(found.show | found.fixed, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(test_only_these_registers_of_a_vms_own_are_written),
		TEST(test_nothing_of_other_views_is_written),
		TEST(test_every_line_has_a_reason),
		TEST(test_bars_and_roms_are_never_the_devices),
		TEST(test_registers_outside_of_capabilities_can_be_read),
		TEST(test_what_the_core_answers_for_is_there_once),
		TEST(test_capabilities_that_overlap_are_hidden),
		TEST(test_only_virtio_has_the_window),
		TEST(test_a_capability_can_be_taken_away_later),
		TEST(test_conventional_functions_have_no_extended_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
