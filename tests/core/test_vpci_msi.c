/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MSI and MSI-X: what reaches the device is the core's, when and only while the VM's leads
 * somewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "lib/bytes.h"
#include "pci-rig.h"

#define GOOD	   0xfee00000U
#define BAD	   0x00100000U
#define MSI	   0x40 /* edu's capability */
#define XHCI_MSIX  0x90
#define XHCI_TABLE 0xfeb9b000ULL
#define XHCI_LINES 16
#define XHCI_PBA   0xfeb9b800ULL
#define ENABLE	   0x8000
#define MASK_ALL   0x4000

/* ---- MSI ---- */

static uint32_t real_msi(unsigned offset)
{
	return rig_real32(FAKE_EDU, MSI + offset);
}

static bool msi_enabled(void)
{
	return real_msi(0) >> 16 & 1;
}

static void write_msi(unsigned offset, uint32_t value)
{
	rig_write(RIG_UI, FAKE_EDU, MSI + offset, 4, value);
}

static void test_msi_offers_one_vector(void **state)
{
	(void)state;
	store16(fake_pci(FAKE_EDU)->config + MSI + 2, 0x00ea);
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, MSI, 4), 0x00800005);
	rig_write(RIG_UI, FAKE_EDU, MSI + 2, 2, 0x0070);
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, MSI + 2, 2), 0x0080);
}

static void test_msi_has_the_cores_message(void **state)
{
	const struct rig_route *route;

	(void)state;
	write_msi(4, GOOD | 0x1000);
	write_msi(8, 0);
	write_msi(12, 0x0041);
	assert_false(msi_enabled());
	assert_int_equal(rig_count_routes(), 0);
	rig_write(RIG_UI, FAKE_EDU, MSI + 2, 2, 1);
	route = rig_find_route(FAKE_EDU, 0);
	assert_non_null(route);
	assert_ptr_equal(route->vm, &rig_vms[RIG_UI]);
	assert_int_equal(route->guest_address, GOOD | 0x1000);
	assert_int_equal(route->guest_data, 0x41);
	assert_true(msi_enabled());
	assert_int_equal(real_msi(4), route->address);
	assert_int_equal(real_msi(8), 0);
	assert_int_equal(real_msi(12) & 0xffff, route->data);
	/* The VM reads its own. */
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, MSI + 4, 4), GOOD | 0x1000);
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, MSI + 12, 2), 0x0041);
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, MSI + 2, 2), 0x0081);
	assert_int_equal(rig_violations[RIG_UI], 0);
}

static void test_msi_that_leads_nowhere_stays_off(void **state)
{
	(void)state;
	write_msi(4, BAD);
	write_msi(12, 0x0041);
	rig_write(RIG_UI, FAKE_EDU, MSI + 2, 2, 1);
	assert_false(msi_enabled());
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, MSI + 2, 2), 0x0081);
	/* The address written after the enable bit. */
	write_msi(4, GOOD);
	assert_true(msi_enabled());
	/* And away from there again. */
	write_msi(8, 0x12);
	assert_false(msi_enabled());
	assert_int_equal(rig_count_routes(), 0);
}

static void test_msi_is_no_way_to_the_interrupt_line(void **state)
{
	uint8_t *config = fake_pci(FAKE_AHCI)->config;

	(void)state;
	assert_int_equal(load16(config + PCI_COMMAND) & COMMAND_INTX_DISABLE, 0);
	/* On, and leading nowhere: the device has it off, and must not take its line. */
	rig_write(RIG_CONTROL, FAKE_AHCI, 0x82, 2, 1);
	assert_int_equal(config[0x82] & 1, 0);
	assert_int_equal(load16(config + PCI_COMMAND) & COMMAND_INTX_DISABLE, COMMAND_INTX_DISABLE);
	rig_write(RIG_CONTROL, FAKE_AHCI, 0x82, 2, 0);
	assert_int_equal(load16(config + PCI_COMMAND) & COMMAND_INTX_DISABLE, 0);
	rig_write(RIG_CONTROL, FAKE_NVME, 0x42, 2, ENABLE);
	config = fake_pci(FAKE_NVME)->config;
	assert_int_equal(load16(config + PCI_COMMAND) & COMMAND_INTX_DISABLE, COMMAND_INTX_DISABLE);
}

static void test_msi_is_moved_while_it_is_on(void **state)
{
	unsigned writes;

	(void)state;
	write_msi(4, GOOD);
	write_msi(12, 0x41);
	rig_write(RIG_UI, FAKE_EDU, MSI + 2, 2, 1);
	fake_pci_forget();
	write_msi(12, 0x52);
	assert_int_equal(rig_find_route(FAKE_EDU, 0)->guest_data, 0x52);
	/* The message is the same one: the device is never without it. */
	assert_int_equal(fake_pci(FAKE_EDU)->changed[MSI + 2], 0);
	writes = fake_pci(FAKE_EDU)->writes;
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, MSI + 12, 4), 0x52);
	assert_int_equal(fake_pci(FAKE_EDU)->writes, writes);
}

static void test_msi_off_gives_the_route_back(void **state)
{
	(void)state;
	write_msi(4, GOOD);
	rig_write(RIG_UI, FAKE_EDU, MSI + 2, 2, 1);
	assert_int_equal(rig_count_routes(), 1);
	rig_write(RIG_UI, FAKE_EDU, MSI + 2, 2, 0);
	assert_int_equal(rig_count_routes(), 0);
	assert_false(msi_enabled());
	rig_write(RIG_UI, FAKE_EDU, MSI + 2, 2, 1);
	vpci_reset(&rig_vms[RIG_UI]);
	assert_int_equal(rig_count_routes(), 0);
	assert_false(msi_enabled());
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, MSI + 4, 4), 0);
}

static void test_msi_of_32_bits_with_masks(void **state)
{
	uint8_t *config;

	(void)state;
	rig_init();
	config = fake_pci(FAKE_EDU)->config;
	store16(config + MSI + 2, 0x0100);
	assert_int_equal(vpci_create(&rig_vms[RIG_UI]), 0);
	write_msi(4, GOOD);
	write_msi(8, 0x33);
	write_msi(12, 1);
	rig_write(RIG_UI, FAKE_EDU, MSI + 2, 2, 1);
	assert_true(msi_enabled());
	assert_int_equal(real_msi(8) & 0xffff, rig_find_route(FAKE_EDU, 0)->data);
	assert_int_equal(real_msi(12) & 1, 1);
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, MSI + 12, 4), 1);
	write_msi(12, 0);
	assert_int_equal(real_msi(12) & 1, 0);
	store32(config + MSI + 16, 0xff);
	assert_int_equal(rig_read(RIG_UI, FAKE_EDU, MSI + 16, 4), 1);
}

static void test_firmwares_interrupts_are_off_at_first(void **state)
{
	(void)state;
	rig_init();
	fake_pci(FAKE_EDU)->config[MSI + 2] |= 1;
	fake_pci(FAKE_XHCI)->config[XHCI_MSIX + 3] |= 0x80;
	assert_int_equal(vpci_create(&rig_vms[RIG_UI]), 0);
	assert_false(msi_enabled());
	assert_int_equal(fake_pci(FAKE_XHCI)->config[XHCI_MSIX + 3] & 0xc0, 0);
}

/* ---- MSI-X ---- */

static uint32_t real_word(unsigned line, unsigned word)
{
	return load32(rig_memory(XHCI_TABLE) + line * 16 + word * 4);
}

static void write_word(unsigned line, unsigned word, uint32_t value)
{
	assert_int_equal(rig_memory_write(RIG_UI, XHCI_TABLE + line * 16 + word * 4, 4, value), 0);
}

static uint32_t read_word(unsigned line, unsigned word)
{
	uint64_t value;

	assert_int_equal(rig_memory_read(RIG_UI, XHCI_TABLE + line * 16 + word * 4, 4, &value), 0);
	return (uint32_t)value;
}

static void write_line(unsigned line, uint32_t address, uint32_t data, bool masked)
{
	write_word(line, 0, address);
	write_word(line, 1, 0);
	write_word(line, 2, data);
	write_word(line, 3, masked);
}

static void write_control(uint16_t value)
{
	rig_write(RIG_UI, FAKE_XHCI, XHCI_MSIX + 2, 2, value);
}

static uint16_t real_control(void)
{
	return load16(fake_pci(FAKE_XHCI)->config + XHCI_MSIX + 2) & 0xc000;
}

static void assert_live(unsigned line, uint32_t guest_data)
{
	const struct rig_route *route = rig_find_route(FAKE_XHCI, line);

	assert_non_null(route);
	assert_int_equal(route->guest_data, guest_data);
	assert_int_equal(real_word(line, 0), route->address);
	assert_int_equal(real_word(line, 1), 0);
	assert_int_equal(real_word(line, 2), route->data);
	assert_int_equal(real_word(line, 3), 0);
}

static void test_a_table_is_masked_at_first(void **state)
{
	(void)state;
	for (unsigned line = 0; line < XHCI_LINES; line++) {
		assert_int_equal(real_word(line, 3), 1);
		assert_int_equal(read_word(line, 3), 1);
		assert_int_equal(read_word(line, 0), 0);
	}
	assert_int_equal(rig_read(RIG_UI, FAKE_XHCI, XHCI_MSIX, 4), 0x000fa011);
	assert_int_equal(rig_read(RIG_UI, FAKE_XHCI, XHCI_MSIX + 4, 4), 0x3000);
}

/* As Linux does it: everything masked, on, lines, unmasked. */
static void test_lines_written_after_enable(void **state)
{
	(void)state;
	write_control(ENABLE | MASK_ALL);
	assert_int_equal(real_control(), ENABLE | MASK_ALL);
	for (unsigned line = 0; line < XHCI_LINES; line++)
		write_word(line, 3, 1);
	write_control(ENABLE);
	assert_int_equal(real_control(), ENABLE);
	assert_int_equal(rig_count_routes(), 0);
	write_line(2, GOOD | 0x2000, 0x61, false);
	assert_live(2, 0x61);
	assert_int_equal(read_word(2, 0), GOOD | 0x2000);
	assert_int_equal(read_word(2, 2), 0x61);
	assert_int_equal(rig_count_routes(), 1);
	assert_int_equal(real_word(1, 3), 1);
	assert_int_equal(rig_violations[RIG_UI], 0);
}

static void test_lines_written_before_enable(void **state)
{
	(void)state;
	write_line(0, GOOD, 0x30, false);
	write_line(5, GOOD, 0x35, false);
	write_line(6, GOOD, 0x36, true);
	assert_int_equal(rig_count_routes(), 0);
	assert_int_equal(real_word(0, 3), 1);
	write_control(ENABLE);
	assert_live(0, 0x30);
	assert_live(5, 0x35);
	assert_int_equal(rig_count_routes(), 2);
	write_control(0);
	assert_int_equal(real_control(), 0);
	assert_int_equal(real_word(0, 3), 1);
	write_control(ENABLE);
	assert_live(5, 0x35);
}

static void test_masking_a_line_keeps_its_route(void **state)
{
	(void)state;
	write_control(ENABLE);
	write_line(1, GOOD, 0x44, false);
	write_word(1, 3, 1);
	assert_int_equal(real_word(1, 3), 1);
	assert_non_null(rig_find_route(FAKE_XHCI, 1));
	write_word(1, 2, 0x55);
	assert_int_equal(rig_find_route(FAKE_XHCI, 1)->guest_data, 0x44);
	write_word(1, 3, 0);
	assert_live(1, 0x55);
	/* While it is unmasked, too. */
	write_word(1, 2, 0x66);
	assert_live(1, 0x66);
	/* Reserved bits of control are not there. */
	write_word(1, 3, 0xfffffffe);
	assert_int_equal(read_word(1, 3), 0);
	assert_live(1, 0x66);
}

static void test_a_line_without_a_route_stays_masked(void **state)
{
	(void)state;
	write_control(ENABLE);
	write_line(3, BAD, 0x41, false);
	assert_int_equal(real_word(3, 3), 1);
	assert_int_equal(read_word(3, 3), 0);
	write_word(3, 0, GOOD);
	assert_live(3, 0x41);
	write_word(3, 1, 1);
	assert_int_equal(real_word(3, 3), 1);
	/* What the VM wrote never gets there. */
	assert_int_not_equal(real_word(3, 1), 1);
}

static void test_the_function_mask_passes(void **state)
{
	(void)state;
	write_line(0, GOOD, 0x30, false);
	write_control(ENABLE | MASK_ALL);
	assert_int_equal(real_control(), ENABLE | MASK_ALL);
	write_control(ENABLE);
	assert_live(0, 0x30);
	rig_write(RIG_UI, FAKE_XHCI, XHCI_MSIX + 3, 1, 0xc0);
	assert_int_equal(real_control(), ENABLE | MASK_ALL);
	assert_int_equal(rig_read(RIG_UI, FAKE_XHCI, XHCI_MSIX + 2, 2), 0xc00f);
}

static void test_wide_accesses_are_two_words(void **state)
{
	uint64_t value;

	(void)state;
	write_control(ENABLE);
	assert_int_equal(rig_memory_write(RIG_UI, XHCI_TABLE + 0x40, 8, GOOD), 0);
	assert_int_equal(rig_memory_write(RIG_UI, XHCI_TABLE + 0x48, 8, 0x77), 0);
	assert_live(4, 0x77);
	assert_int_equal(rig_memory_read(RIG_UI, XHCI_TABLE + 0x48, 8, &value), 0);
	assert_int_equal(value, 0x77);
	assert_int_equal(rig_memory_read(RIG_UI, XHCI_TABLE + 0x40, 8, &value), 0);
	assert_int_equal(value, GOOD);
}

static void test_odd_accesses_do_nothing(void **state)
{
	static const struct {
		unsigned offset, size;
	} odd[] = {{0, 1},    {0, 2},	 {2, 4},    {4, 8}, {13, 2},
		   {0xff, 4}, {0xfe, 4}, {0xfc, 8}, {3, 1}};
	static uint8_t before[PAGE_SIZE];
	uint64_t value;

	(void)state;
	write_control(ENABLE);
	write_line(0, GOOD, 0x30, false);
	memcpy(before, rig_memory(XHCI_TABLE), PAGE_SIZE);
	for (size_t i = 0; i < ARRAY_LENGTH(odd); i++) {
		assert_int_equal(rig_memory_write(RIG_UI, XHCI_TABLE + odd[i].offset, odd[i].size,
						  UINT64_MAX),
				 -EFAULT);
		assert_int_equal(
			rig_memory_read(RIG_UI, XHCI_TABLE + odd[i].offset, odd[i].size, &value),
			-EFAULT);
	}
	assert_memory_equal(before, rig_memory(XHCI_TABLE), PAGE_SIZE);
	assert_int_equal(read_word(0, 2), 0x30);
}

static void test_neighbours_of_a_table_are_the_devices(void **state)
{
	uint64_t value;

	(void)state;
	store64(rig_memory(XHCI_PBA), 0x8001);
	assert_int_equal(rig_memory_read(RIG_UI, XHCI_PBA, 8, &value), 0);
	assert_int_equal(value, 0x8001);
	assert_int_equal(rig_memory_read(RIG_UI, XHCI_PBA + 1, 1, &value), 0);
	assert_int_equal(value, 0x80);
	assert_int_equal(rig_memory_read(RIG_UI, XHCI_PBA, 2, &value), 0);
	assert_int_equal(value, 0x8001);
	/* Right behind the table. */
	assert_int_equal(rig_memory_write(RIG_UI, XHCI_TABLE + XHCI_LINES * 16, 4, 0x1234), 0);
	assert_int_equal(real_word(XHCI_LINES, 0), 0x1234);
	assert_int_equal(rig_memory_write(RIG_UI, XHCI_TABLE + 0xffc, 2, 0x5678), 0);
	assert_int_equal(rig_memory_write(RIG_UI, XHCI_TABLE + 0xffe, 1, 0x9a), 0);
	assert_int_equal(rig_memory_write(RIG_UI, XHCI_TABLE + 0xff0, 8, 0x1122334455667788), 0);
	assert_int_equal(rig_memory_read(RIG_UI, XHCI_TABLE + 0xff0, 8, &value), 0);
	assert_int_equal(value, 0x1122334455667788);
	assert_int_equal(rig_memory_read(RIG_UI, XHCI_TABLE + 0xffc, 4, &value), 0);
	assert_int_equal(value, 0x009a5678);
	/* The control VM has nothing there. */
	assert_int_equal(rig_memory_read(RIG_CONTROL, XHCI_PBA, 4, &value), -EFAULT);
}

static void test_a_restart_forgets_all_lines(void **state)
{
	(void)state;
	write_control(ENABLE);
	write_line(0, GOOD, 0x30, false);
	write_line(7, GOOD, 0x37, true);
	vpci_reset(&rig_vms[RIG_UI]);
	assert_int_equal(rig_count_routes(), 0);
	assert_int_equal(real_control(), 0);
	assert_int_equal(real_word(0, 3), 1);
	assert_int_equal(read_word(7, 2), 0);
	assert_int_equal(read_word(7, 3), 1);
}

static void test_a_reset_by_the_vm_forgets_all_lines(void **state)
{
	(void)state;
	tsc_hz = 1ULL << 50;
	rig_write(RIG_CONTROL, FAKE_NVME, 0x42, 2, ENABLE);
	assert_int_equal(rig_memory_write(RIG_CONTROL, 0xfeb92000, 8, GOOD), 0);
	assert_int_equal(rig_memory_write(RIG_CONTROL, 0xfeb92008, 8, 0x41), 0);
	assert_non_null(rig_find_route(FAKE_NVME, 0));
	rig_write(RIG_CONTROL, FAKE_NVME, 0x88, 2, 0x8000);
	assert_null(rig_find_route(FAKE_NVME, 0));
	assert_int_equal(rig_memory_write(RIG_CONTROL, 0xfeb92018, 4, 0), 0);
	store32(rig_memory(0xfeb9201c), 0); /* the device's word after the reset, wrongly */
	rig_function(RIG_CONTROL, FAKE_NVME)->reset_until = 1;
	assert_int_equal(rig_read(RIG_CONTROL, FAKE_NVME, 0x42, 2), 0x0040);
	assert_int_equal(load32(rig_memory(0xfeb9201c)), 1);
}

static void test_a_table_that_is_nowhere_hides_msix(void **state)
{
	static const uint32_t tables[] = {0x3001, 0x3007, 0x4000, 0x3f08, 0xfffffff8};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
		rig_init();
		store32(fake_pci(FAKE_XHCI)->config + XHCI_MSIX + 4, tables[i]);
		assert_int_equal(vpci_create(&rig_vms[RIG_UI]), 0);
		assert_int_equal(rig_read(RIG_UI, FAKE_XHCI, XHCI_MSIX, 4), 0);
		assert_int_equal(rig_read(RIG_UI, FAKE_XHCI, 0x34, 1), 0xa0);
		rig_write(RIG_UI, FAKE_XHCI, XHCI_MSIX + 2, 2, ENABLE);
		assert_int_equal(real_control(), 0);
		/* Then its page is one of any. */
		assert_true(rig_mapped(RIG_UI, XHCI_TABLE));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, rig_setup)
	const struct CMUnitTest tests[] = {
		TEST(test_msi_offers_one_vector),
		TEST(test_msi_has_the_cores_message),
		TEST(test_msi_that_leads_nowhere_stays_off),
		TEST(test_msi_is_no_way_to_the_interrupt_line),
		TEST(test_msi_is_moved_while_it_is_on),
		TEST(test_msi_off_gives_the_route_back),
		TEST(test_msi_of_32_bits_with_masks),
		TEST(test_firmwares_interrupts_are_off_at_first),
		TEST(test_a_table_is_masked_at_first),
		TEST(test_lines_written_after_enable),
		TEST(test_lines_written_before_enable),
		TEST(test_masking_a_line_keeps_its_route),
		TEST(test_a_line_without_a_route_stays_masked),
		TEST(test_the_function_mask_passes),
		TEST(test_wide_accesses_are_two_words),
		TEST(test_odd_accesses_do_nothing),
		TEST(test_neighbours_of_a_table_are_the_devices),
		TEST(test_a_restart_forgets_all_lines),
		TEST(test_a_reset_by_the_vm_forgets_all_lines),
		TEST(test_a_table_that_is_nowhere_hides_msix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
