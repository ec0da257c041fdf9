/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults of the IOMMU: whose they are, how often they are looked for, and that a storm is no flood.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/iommu.h"
#include "pci/vpci.h"
#include "stub.h"
#include "vm/faults.h"
#include "vm/irq.h"
#include "x86/machine.h"

#define HZ 1000000

uint64_t tsc_hz = HZ;
struct pci_function pci_functions[PCI_MAX_FUNCTIONS];
size_t pci_function_count;
static struct vm vms[2] = {{.name = "ui"}, {.name = "control"}};

static struct iommu_fault log_entry;
static size_t log_size;
static bool log_lost;
static unsigned looks;

size_t iommu_take_faults(struct iommu_fault *faults, size_t max, bool *lost)
{
	size_t n = log_size < max ? log_size : max;

	for (size_t i = 0; i < n; i++)
		faults[i] = log_entry;
	log_size -= n;
	*lost = log_lost;
	log_lost = false;
	looks++;
	return n;
}

static uint64_t unknown;

uint64_t irq_unknown(void)
{
	return unknown;
}

static uint64_t now;

static int setup(void **state)
{
	(void)state;
	pci_function_count = 2;
	for (unsigned i = 0; i < 2; i++)
		pci_functions[i] =
			(struct pci_function){.bdf = (uint16_t)(0x10 + i), .owner = &vms[i]};
	for (size_t i = 0; i < ARRAY_LENGTH(vms); i++)
		memset(vms[i].counters, 0, sizeof(vms[i].counters));
	log_size = 0;
	looks = 0;
	stub_log_lines = 0;
	now += HZ;
	return 0;
}

static void test_faults_are_counted_to_the_owner(void **state)
{
	(void)state;
	log_entry = (struct iommu_fault){0x11, false, true, gpa(0x1234000)};
	log_size = 3;
	faults_poll(now);
	assert_int_equal(vms[1].counters[COUNTER_BAD_DMA], 3);
	assert_string_equal(stub_log_text,
			    "control: the IOMMU refused 00:02.1 to write at 0x1234000 (3 so far)");
	now += HZ;
	log_entry = (struct iommu_fault){0x10, true, false, gpa(7)};
	log_size = 1;
	faults_poll(now);
	assert_int_equal(vms[0].counters[COUNTER_BAD_INTERRUPT], 1);
	assert_int_equal(vms[0].counters[COUNTER_BAD_DMA], 0);
}

static void test_a_device_of_nobody_is_reported(void **state)
{
	(void)state;
	log_entry = (struct iommu_fault){0xffff, false, false, gpa(0)};
	log_size = 1;
	log_lost = true;
	faults_poll(now);
	assert_int_equal(stub_log_lines, 2);
	pci_functions[0].owner = NULL;
	log_entry.device = 0x10;
	log_size = 1;
	now += HZ;
	faults_poll(now);
	assert_int_equal(stub_log_lines, 3);
}

static void test_the_hardware_is_asked_ten_times_a_second(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		faults_poll(now + i * (HZ / 1000));
	assert_int_equal(looks, 10);
}

static void test_a_storm_is_counted_and_is_no_flood_of_lines(void **state)
{
	(void)state;
	log_entry = (struct iommu_fault){0x10, false, true, gpa(0)};
	log_size = 100000;
	for (unsigned i = 0; i < 100000; i++)
		faults_poll(now);
	assert_int_equal(vms[0].counters[COUNTER_BAD_DMA], 100000);
	assert_in_range(stub_log_lines, 8, 32);
}

static void test_interrupts_without_a_route_are_reported(void **state)
{
	(void)state;
	unknown += 5;
	faults_poll(now);
	assert_string_equal(stub_log_text, "5 interrupts that no VM has a route for so far");
	faults_poll(now + HZ);
	assert_int_equal(stub_log_lines, 1); /* no new ones, no new line */
	for (unsigned i = 2; i < 10000; i++) {
		unknown++;
		faults_poll(now + i * HZ);
	}
	assert_in_range(stub_log_lines, 8, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_faults_are_counted_to_the_owner, setup),
		cmocka_unit_test_setup(test_a_device_of_nobody_is_reported, setup),
		cmocka_unit_test_setup(test_the_hardware_is_asked_ten_times_a_second, setup),
		cmocka_unit_test_setup(test_a_storm_is_counted_and_is_no_flood_of_lines, setup),
		cmocka_unit_test_setup(test_interrupts_without_a_route_are_reported, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
