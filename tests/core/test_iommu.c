/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The front of the IOMMU drivers, over a driver that notes what it is told: who is covered, memory
 * that firmware wants mapped, plain messages without an IOMMU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/driver.h"
#include "lib/errno.h"
#include "pci/vpci.h"
#include "stub.h"
#include "x86/machine.h"

#define POOL   0x1000000ULL
#define DEVICE 0x0028
#define OWNER  OWNER_VM_FIRST

uint64_t tsc_hz = 1000000;
struct pci_function pci_functions[PCI_MAX_FUNCTIONS];
size_t pci_function_count;

static struct acpi_info acpi;
static struct iommu_caps caps;
static struct iommu_domain domain;

/* ---- the driver ---- */

static bool can_remap;
static int init_error;
static unsigned flushes, attached, detached, unrouted_all;
static pci_bdf_t routed;
static unsigned routed_index;

static int fake_init(const struct acpi_info *info, struct iommu_caps *out)
{
	(void)info;
	*out = (struct iommu_caps){true, can_remap};
	return init_error;
}

static void fake_shape(unsigned *levels, unsigned *largest_leaf_shift)
{
	*levels = 4;
	*largest_leaf_shift = 30;
}

static void fake_flush(uint16_t id)
{
	assert_int_equal(id, 1);
	flushes++;
}

static int fake_attach(pci_bdf_t device, const struct iommu_domain *to)
{
	assert_int_equal(device, DEVICE);
	if (to)
		attached++;
	else
		detached++;
	return 0;
}

static int fake_route(pci_bdf_t requester, unsigned index, const struct iommu_target *target)
{
	(void)target;
	routed = requester;
	routed_index = index;
	return index == 77 ? -ENOSPC : 5;
}

static void fake_unroute(pci_bdf_t requester, unsigned index)
{
	assert_int_equal(requester, DEVICE);
	unrouted_all += index == IOMMU_ALL_MSIS;
}

static void fake_message(unsigned entry, uint64_t *address, uint32_t *data)
{
	*address = 0xfee00000;
	*data = entry;
}

static uint64_t fake_redirection(unsigned entry, const struct iommu_target *target)
{
	(void)target;
	return entry;
}

static size_t fake_take_faults(struct iommu_fault *faults, size_t max, bool *lost)
{
	(void)faults;
	(void)max;
	*lost = true;
	return 0;
}

#define FAKE_DRIVER                                                                                \
	{                                                                                          \
		.name = "fake", .format = &table_format_amdvi, .init = fake_init,                  \
		.shape = fake_shape, .flush = fake_flush, .attach = fake_attach,                   \
		.route = fake_route, .unroute = fake_unroute, .message = fake_message,             \
		.redirection = fake_redirection, .take_faults = fake_take_faults,                  \
	}
const struct iommu_driver amd_driver = FAKE_DRIVER, vtd_driver = FAKE_DRIVER;

static int setup(void **state)
{
	(void)state;
	stub_pool_init(POOL, 1 << 20);
	memset(&acpi, 0, sizeof(acpi));
	memset(&domain, 0, sizeof(domain));
	acpi.ioapic_count = 1;
	acpi.ioapics[0].id = 3;
	acpi.scope_count = 2;
	acpi.scopes[0] = (struct acpi_scope){
		.first = 0x00a0, .last = 0x00a0, .ioapic = true, .ioapic_id = 3};
	acpi.scopes[1] = (struct acpi_scope){.first = 0x0020, .last = 0x0030};
	pci_function_count = 0;
	can_remap = true;
	init_error = 0;
	flushes = attached = detached = unrouted_all = 0;
	stub_log_warnings = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stub_ram_finish();
	return 0;
}

static void start(enum acpi_iommu_kind kind)
{
	init_error = 0;
	acpi.iommu_kind = kind;
	acpi.iommu_count = kind != ACPI_NO_IOMMU;
	assert_int_equal(iommu_init(&acpi, &caps), 0);
	assert_int_equal(iommu_domain_init(&domain, OWNER, 1), 0);
}

/* ---- none: a driver once chosen stays, so this comes first ---- */

static void test_a_machine_without_iommu_says_what_is_missing(void **state)
{
	const struct iommu_target target = {5, 0x41, false}, level = {5, 0x41, true};
	const struct iommu_target far = {0xff, 0x41, false};
	struct iommu_fault fault;
	uint64_t address, redirection;
	uint32_t data;
	bool lost;

	(void)state;
	start(ACPI_NO_IOMMU);
	assert_int_equal(stub_log_warnings, 2);
	assert_false(caps.dma || caps.interrupts);
	assert_int_equal(iommu_attach(DEVICE, &domain), 0);
	assert_int_equal(iommu_route_msi(DEVICE, 0, &target, &address, &data), 0);
	assert_int_equal(address, 0xfee05000);
	assert_int_equal(data, 0x41);
	assert_int_equal(iommu_route_msi(DEVICE, 0, &far, &address, &data), -EINVAL);
	assert_int_equal(iommu_route_pin(9, 4, &level, true, &redirection), 0);
	assert_int_equal(redirection, 0x050000000000a041);
	assert_int_equal(iommu_route_pin(9, 4, &far, true, &redirection), -EINVAL);
	iommu_unroute_msi(DEVICE, 0);
	assert_int_equal(iommu_take_faults(&fault, 1, &lost), 0);
	assert_false(lost);
}

static void test_a_unit_that_does_not_answer_is_an_error(void **state)
{
	(void)state;
	acpi.iommu_kind = ACPI_VTD;
	init_error = -EIO;
	assert_int_equal(iommu_init(&acpi, &caps), -EIO);
	/* Nothing is left of it. */
	start(ACPI_NO_IOMMU);
	assert_false(caps.dma || caps.interrupts);
}

static void test_dma_without_interrupt_remapping_is_a_warning(void **state)
{
	const struct iommu_target target = {1, 0x41, false};
	uint64_t address;
	uint32_t data;

	(void)state;
	can_remap = false;
	start(ACPI_VTD);
	assert_int_equal(stub_log_warnings, 1);
	assert_int_equal(stub_log_reason, REASON_NO_INTERRUPT_REMAPPING);
	assert_true(caps.dma);
	assert_int_equal(iommu_route_msi(DEVICE, 0, &target, &address, &data), 0);
	assert_int_equal(address, 0xfee01000);
}

/* ---- with one ---- */

static void test_only_covered_devices_are_attached(void **state)
{
	(void)state;
	start(ACPI_VTD);
	assert_int_equal(iommu_attach(DEVICE, &domain), 0);
	assert_int_equal(attached, 1);
	assert_int_equal(iommu_attach(0x0100, &domain), -ENODEV);
	assert_int_equal(iommu_attach(0x00a0, &domain), -ENODEV); /* only the IOAPIC */
	assert_int_equal(iommu_attach(DEVICE, NULL), 0);
	assert_int_equal(detached, 1);
	assert_int_equal(unrouted_all, 1);
}

static void test_what_is_behind_a_bridge_is_covered(void **state)
{
	(void)state;
	start(ACPI_VTD);
	acpi.scopes[1] = (struct acpi_scope){.first = 0x0008, .last = 0x0008, .below = true};
	assert_int_equal(iommu_attach(DEVICE, &domain), -ENODEV);
	pci_functions[0] = (struct pci_function){
		.bdf = 0x0008, .header_type = 1, .secondary_bus = 0, .subordinate_bus = 1};
	pci_function_count = 1;
	assert_int_equal(iommu_attach(DEVICE, &domain), 0);
	pci_functions[0].secondary_bus = 1;
	assert_int_equal(iommu_attach(DEVICE, &domain), -ENODEV);
	acpi.iommus[0].all = true;
	assert_int_equal(iommu_attach(DEVICE, &domain), 0);
}

static void test_memory_that_firmware_wants_is_mapped_once(void **state)
{
	hpa_t there;

	(void)state;
	start(ACPI_VTD);
	acpi.reserved_count = 1;
	acpi.reserved[0] = (struct acpi_reserved){hpa(0x80001800), 0x2000, DEVICE, DEVICE, false};
	assert_int_equal(iommu_attach(DEVICE, &domain), 0);
	for (uint64_t at = 0x80001000; at < 0x80004000; at += PAGE_SIZE) {
		assert_int_equal(space_look_up(&domain.space, gpa(at), &there, NULL), 0);
		assert_int_equal(hpa_value(there), at);
		assert_int_equal(owner_of(hpa(at)), OWNER);
	}
	assert_int_equal(space_look_up(&domain.space, gpa(0x80004000), NULL, NULL), -ENOENT);
	assert_int_equal(iommu_attach(DEVICE, &domain), 0);
	assert_int_equal(attached, 2);
}

static void test_memory_of_others_is_not_mapped(void **state)
{
	(void)state;
	start(ACPI_VTD);
	assert_int_equal(owner_add(hpa(0x80000000), 0x2000, PAGE_RAM, OWNER_CORE), 0);
	acpi.reserved_count = 1;
	acpi.reserved[0] = (struct acpi_reserved){hpa(0x80001000), 0x1000, DEVICE, DEVICE, false};
	assert_int_equal(iommu_attach(DEVICE, &domain), -EPERM);
	assert_int_equal(attached, 0);
	/* Of all devices: the device works, without that memory. */
	acpi.reserved[0].first = 0;
	acpi.reserved[0].last = 0xffff;
	assert_int_equal(iommu_attach(DEVICE, &domain), 0);
	assert_int_equal(space_look_up(&domain.space, gpa(0x80001000), NULL, NULL), -ENOENT);
}

static void test_interrupts_go_through_the_driver(void **state)
{
	const struct iommu_target target = {1, 0x41, false}, level = {1, 0x42, true};
	uint64_t address, redirection;
	uint32_t data;

	(void)state;
	start(ACPI_AMDVI);
	assert_true(caps.interrupts);
	assert_int_equal(iommu_route_msi(DEVICE, 7, &target, &address, &data), 0);
	assert_int_equal(routed, DEVICE);
	assert_int_equal(routed_index, 7);
	assert_int_equal(data, 5);
	assert_int_equal(iommu_route_msi(DEVICE, 77, &target, &address, &data), -ENOSPC);
	assert_int_equal(iommu_route_msi(DEVICE, 0, &level, &address, &data), -EINVAL);
	assert_int_equal(iommu_route_msi(DEVICE, IOMMU_PIN | 3, &target, &address, &data), -EINVAL);
	assert_int_equal(iommu_route_pin(3, 9, &level, true, &redirection), 0);
	assert_int_equal(routed, 0x00a0);
	assert_int_equal(routed_index, IOMMU_PIN | 9);
	assert_int_equal(redirection, 0xa005);
	assert_int_equal(iommu_route_pin(4, 9, &level, true, &redirection), -EINVAL);
}

static void test_an_unmap_flushes_the_domain(void **state)
{
	(void)state;
	start(ACPI_AMDVI);
	assert_int_equal(owner_add(hpa(0x80000000), 0x2000, PAGE_RAM, OWNER), 0);
	flushes = 0;
	assert_int_equal(
		space_map(&domain.space, gpa(0x1000), hpa(0x80000000), 0x1000, PAGE_RAM, MAP_READ),
		0);
	assert_int_equal(flushes, 0);
	{
		FLUSH_TOKEN(token);

		assert_int_equal(space_unmap(&domain.space, gpa(0x1000), 0x1000, &token), 0);
		flush_consume(&token);
	}
	assert_int_equal(flushes, 1);
}

static void test_ioapics_that_the_tables_do_not_know(void **state)
{
	(void)state;
	assert_true(iommu_knows_ioapics(&acpi));
	acpi.ioapic_count = 2;
	acpi.ioapics[1].id = 4;
	assert_false(iommu_knows_ioapics(&acpi));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_machine_without_iommu_says_what_is_missing),
		TEST(test_a_unit_that_does_not_answer_is_an_error),
		TEST(test_dma_without_interrupt_remapping_is_a_warning),
		TEST(test_only_covered_devices_are_attached),
		TEST(test_what_is_behind_a_bridge_is_covered),
		TEST(test_memory_that_firmware_wants_is_mapped_once),
		TEST(test_memory_of_others_is_not_mapped),
		TEST(test_interrupts_go_through_the_driver),
		TEST(test_an_unmap_flushes_the_domain),
		TEST(test_ioapics_that_the_tables_do_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
