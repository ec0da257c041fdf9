/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The legacy devices of a VM, as the drivers of Linux use them and as nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "stub.h"
#include "vm/devices.h"
#include "vm/vcpu.h"
#include "x86/machine.h"

uint64_t tsc_hz = 2500000000;

static struct vm vm;
static struct vcpu vcpu;
static enum vm_stop stopped;
static unsigned interrupts;
static uint64_t message_address;
static uint32_t message_data;

/* ---- what the devices call ---- */

struct vm *vcpu_vm(struct vcpu *of)
{
	return of->vm;
}

void vm_request_stop(struct vm *of, enum vm_stop stop)
{
	assert_ptr_equal(of, &vm);
	stopped = stop;
}

void vm_send_msi(struct vm *of, uint64_t address, uint32_t data)
{
	assert_ptr_equal(of, &vm);
	message_address = address;
	message_data = data;
}

int vm_add_pio(struct vm *of, uint16_t first, uint16_t count, vm_access *access, void *data,
	       const char *name)
{
	if (of->pio_count == VM_MAX_PIO)
		return -ENOSPC;
	of->pio[of->pio_count++] = (struct vm_region){first, count, access, data, name};
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(&vm, 0, sizeof(vm));
	strcpy(vm.name, "ui");
	vcpu.vm = &vm;
	stopped = VM_STOP_NONE;
	interrupts = 0;
	message_data = 0;
	stub_log_lines = 0;
	stub_log_text[0] = 0;
	return 0;
}

/* ---- the serial port ---- */

static struct uart uart;

static void count_interrupt(struct vm *of)
{
	assert_ptr_equal(of, &vm);
	interrupts++;
}

static int set_up_uart(void **state)
{
	set_up(state);
	memset(&uart, 0xff, sizeof(uart));
	uart_reset(&uart, count_interrupt);
	return 0;
}

static uint8_t in(unsigned offset)
{
	uint64_t value = UINT64_MAX;

	assert_int_equal(uart_access(&vcpu, &uart, offset, 1, false, &value), 0);
	assert_true(value <= 0xff);
	return (uint8_t)value;
}

static void out(unsigned offset, uint64_t value)
{
	assert_int_equal(uart_access(&vcpu, &uart, offset, 1, true, &value), 0);
}

static void print(const char *text)
{
	for (; *text; text++)
		out(0, (uint8_t)*text);
}

static void lines_go_to_the_log(void **state)
{
	(void)state;
	print("Linux version 6.1\r\n");
	assert_string_equal(stub_log_text, "[ui] Linux version 6.1");
	print("half");
	assert_int_equal(stub_log_lines, 1);
	print(" a\tline\n\r\n\n");
	assert_int_equal(stub_log_lines, 2);
	assert_string_equal(stub_log_text, "[ui] half a\tline");
}

static void nothing_of_it_moves_a_terminal(void **state)
{
	(void)state;
	print("a\033[2J\x80\xff%s%n\x7f\n");
	assert_string_equal(stub_log_text, "[ui] a\\x1b[2J\\x80\\xff%s%n\\x7f");
	out(0, 0);
	out(0, '\n');
	assert_string_equal(stub_log_text, "[ui] \\x00");
}

static void endless_lines_are_cut(void **state)
{
	(void)state;
	for (int i = 0; i < 10000; i++)
		out(0, i % 3 ? 'x' : 0x1b);
	assert_in_range(stub_log_lines, 10000 * 2 / UART_LINE, 10000 * 3 / UART_LINE);
	assert_in_range(strlen(stub_log_text), UART_LINE, UART_LINE + 5);
	for (int i = 0; i < 10000; i++)
		out(0, 0x1b);
	assert_true(strlen(stub_log_text) <= UART_LINE + 5);
}

/* earlyprintk and earlycon poll the line status. */
static void it_is_always_ready_and_never_hears(void **state)
{
	(void)state;
	assert_int_equal(in(5), 0x60);
	out(0, 'x');
	assert_int_equal(in(5), 0x60);
	assert_int_equal(in(0), 0);
	assert_int_equal(in(6), 0xb0);
}

static void the_divisor_has_its_own_registers(void **state)
{
	(void)state;
	out(3, 0x83);
	out(0, 'D');
	out(1, 0x0f);
	assert_int_equal(in(0), 'D');
	assert_int_equal(in(1), 0x0f);
	out(3, 0x03);
	assert_int_equal(in(1), 0);
	out(0, '\n');
	assert_int_equal(stub_log_lines, 0);
	assert_int_equal(in(3), 3);
}

/* The steps of the 8250 driver's probe, and what each must see. */
static void the_8250_driver_finds_a_16550a(void **state)
{
	(void)state;
	out(1, 0);
	assert_int_equal(in(1) & 0xf, 0);
	out(1, 0xff);
	assert_int_equal(in(1), 0x0f);
	out(1, 0);
	/* The loop test. */
	out(4, 0x1a);
	assert_int_equal(in(6) & 0xf0, 0x90);
	out(4, 0x10);
	assert_int_equal(in(6) & 0xf0, 0);
	out(4, 0x15);
	assert_int_equal(in(6) & 0xf0, 0x60);
	out(0, 'q'); /* stays in the loop */
	out(4, 0);
	/* No extended features, a FIFO. */
	out(2, 0);
	assert_int_equal(in(2) >> 6, 0);
	out(3, 0xbf);
	out(2, 1);
	out(3, 0);
	assert_int_equal(in(2), 0xc1);
	out(3, 0x80);
	assert_int_not_equal(in(2), 0);
	out(3, 0);
	out(2, 0x21);
	assert_int_equal(in(2) >> 5, 6); /* no 64 bytes */
	/* A scratch register. */
	out(7, 0xa5);
	assert_int_equal(in(7), 0xa5);
	out(0, '\n');
	assert_int_equal(stub_log_lines, 0);
	assert_int_equal(interrupts, 0);
}

static void the_transmitter_interrupts(void **state)
{
	(void)state;
	out(4, 0x0b);
	out(1, 2);
	assert_int_equal(interrupts, 1);
	assert_int_equal(in(2), 0x02);
	assert_int_equal(in(2), 0x01); /* told once */
	print("abc");		       /* emptied at once, told once */
	assert_int_equal(interrupts, 2);
	assert_int_equal(in(2), 0x02);
	assert_int_equal(in(2), 0x01);
	out(1, 0);
	print("d");
	assert_int_equal(in(2), 0x01);
	out(1, 2);
	assert_int_equal(interrupts, 3);
	/* Switched on anew, it is due anew. */
	assert_int_equal(in(2), 0x02);
	out(1, 2);
	assert_int_equal(in(2), 0x01);
	out(1, 0);
	out(1, 2);
	assert_int_equal(interrupts, 4);
	interrupts = 3;
	/* OUT2 is the line's gate. */
	out(4, 0x03);
	out(1, 0);
	out(1, 2);
	assert_int_equal(interrupts, 3);
	out(4, 0x0b);
	assert_int_equal(interrupts, 4);
	/* Without anybody to tell. */
	uart_reset(&uart, NULL);
	out(4, 0x0b);
	out(1, 2);
}

static void registers_are_apart(void **state)
{
	static const uint8_t set[] = {0, 0x0d, 0x01, 0x1b, 0x12, 0, 0, 0x5a};

	(void)state;
	for (unsigned last = 0; last < 8; last++) {
		for (unsigned i = 7; i > 0; i--)
			out(i, set[i]);
		out(last, last == 0 ? 0xf : set[last]);
		assert_int_equal(in(1), 0x0d);
		assert_int_equal(in(2), 0xc1);
		assert_int_equal(in(3), 0x1b);
		assert_int_equal(in(4), 0x12);
		assert_int_equal(in(7), 0x5a);
		out(3, 0x80);
		assert_int_equal(in(0), 1);
		assert_int_equal(in(1), 0);
	}
}

static void only_bytes_are_served(void **state)
{
	uint64_t value = 0;

	(void)state;
	assert_int_equal(uart_access(&vcpu, &uart, 0, 2, true, &value), -EFAULT);
	assert_int_equal(uart_access(&vcpu, &uart, 0, 4, false, &value), -EFAULT);
}

/* ---- the interrupt controllers ---- */

static void pic_out(struct pic *pic, unsigned offset, uint64_t value)
{
	assert_int_equal(pic_access(&vcpu, pic, offset, 1, true, &value), 0);
}

static uint64_t pic_in(struct pic *pic, unsigned offset)
{
	uint64_t value = 0xff;

	assert_int_equal(pic_access(&vcpu, pic, offset, 1, false, &value), 0);
	return value;
}

static void linux_finds_an_8259a(void **state)
{
	uint64_t value = 0;
	struct pic pic;

	(void)state;
	pic_reset(&pic);
	assert_int_equal(pic_in(&pic, 1), 0xff);
	pic_out(&pic, 1, 0xfb);
	assert_int_equal(pic_in(&pic, 1), 0xfb);
	/* Initialization words are no masks. */
	pic_out(&pic, 0, 0x11);
	pic_out(&pic, 1, 0x30);
	pic_out(&pic, 1, 0x04);
	pic_out(&pic, 1, 0x01);
	assert_int_equal(pic_in(&pic, 1), 0);
	pic_out(&pic, 1, 0xee);
	assert_int_equal(pic_in(&pic, 1), 0xee);
	/* A single one without ICW4 has two less. */
	pic_out(&pic, 0, 0x12);
	pic_out(&pic, 1, 0x30);
	pic_out(&pic, 1, 0x77);
	assert_int_equal(pic_in(&pic, 1), 0x77);
	/* Other commands change nothing; there is no request and nothing in service. */
	pic_out(&pic, 0, 0x0b);
	pic_out(&pic, 0, 0x20);
	assert_int_equal(pic_in(&pic, 0), 0);
	assert_int_equal(pic_in(&pic, 1), 0x77);
	assert_int_equal(pic_access(&vcpu, &pic, 0, 2, false, &value), -EFAULT);
}

/* ---- power management ---- */

static struct pm pm;

static uint64_t pm_in(unsigned offset, unsigned size)
{
	uint64_t value = UINT64_MAX;

	assert_int_equal(pm_access(&vcpu, &pm, offset, size, false, &value), 0);
	return value;
}

static void pm_out(unsigned offset, unsigned size, uint64_t value)
{
	assert_int_equal(pm_access(&vcpu, &pm, offset, size, true, &value), 0);
}

static void sleep_type_off_is_power_off(void **state)
{
	(void)state;
	pm_reset(&pm);
	assert_int_equal(pm_in(4, 2), 1); /* ACPI mode */
	pm_out(0, 2, 0xffff);
	assert_int_equal(pm_in(0, 2), 0);
	pm_out(2, 2, 0xffff);
	assert_int_equal(pm_in(2, 2), 0x721);
	assert_int_equal(pm_in(0, 4), 0x7210000);
	/* The type first, then with the enable bit, as ACPICA does. */
	pm_out(4, 2, 5 << 10 | 1);
	assert_int_equal(stopped, VM_STOP_NONE);
	assert_int_equal(pm_in(4, 2), 5 << 10 | 1);
	pm_out(4, 2, 3 << 10 | 1 << 13);
	assert_int_equal(stopped, VM_STOP_NONE);
	pm_out(4, 2, 5 << 10 | 1 << 13 | 1);
	assert_int_equal(stopped, VM_STOP_POWER_OFF);
	assert_int_equal(pm_in(4, 2), 5 << 10 | 1);
	stopped = VM_STOP_NONE;
	pm_out(5, 1, 5 << 2 | 1 << 5);
	assert_int_equal(stopped, VM_STOP_POWER_OFF);
}

static void the_pm_timer_counts_by_the_tsc(void **state)
{
	static const uint64_t rates[] = {1000000000, 2400000000, 2904002321, 5000000000};
	uint64_t first;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rates); i++)
		for (uint64_t tsc = 1; tsc < UINT64_MAX / 3; tsc = tsc * 3 + 1)
			assert_int_equal(pm_timer_at(tsc, rates[i]),
					 (uint32_t)((unsigned __int128)tsc * 3579545 / rates[i]));
	pm_reset(&pm);
	first = pm_in(8, 4);
	assert_true((uint32_t)(pm_in(8, 4) - first) < 1U << 31);
	assert_true(pm_in(8, 4) <= UINT32_MAX);
	pm_out(8, 4, 0);
}

static void any_part_of_the_registers_can_be_read(void **state)
{
	uint64_t value = 0;

	(void)state;
	pm_reset(&pm);
	for (unsigned size = 1; size <= 4; size *= 2) {
		for (unsigned offset = 0; offset + size <= PM_PORTS; offset++) {
			assert_true(pm_in(offset, size) < 1ULL << 8 * size);
			pm_out(offset, size, 0);
		}
	}
	assert_int_equal(pm_access(&vcpu, &pm, 0, 8, false, &value), -EFAULT);
	assert_int_equal(stopped, VM_STOP_NONE);
}

/* ---- reset, and the keyboard controller ---- */

static void reset_ports_reset_the_vm(void **state)
{
	uint64_t value = 2;

	(void)state;
	assert_int_equal(reset_access(&vcpu, NULL, 0, 1, true, &value), 0);
	assert_int_equal(stopped, VM_STOP_NONE);
	assert_int_equal(reset_access(&vcpu, NULL, 0, 1, false, &value), 0);
	assert_int_equal(value, 2);
	value = 3;
	assert_int_equal(reset_access(&vcpu, NULL, 0, 1, true, &value), 0);
	assert_int_equal(stopped, VM_STOP_RESET);
	stopped = VM_STOP_NONE;
	assert_int_equal(reset_access(&vcpu, NULL, 0, 2, true, &value), -EFAULT);
	reset_write_cf9(&vm, 0x02);
	assert_int_equal(stopped, VM_STOP_NONE);
	reset_write_cf9(&vm, 0x06);
	assert_int_equal(stopped, VM_STOP_RESET);
}

static unsigned passed; /* port << 8 | byte of the last write that reached the controller */
static unsigned writes;

static uint8_t real_read(uint16_t port)
{
	return port == 0x60 ? 0xfa : 0x1c;
}

static void real_write(uint16_t port, uint8_t value)
{
	writes++;
	passed = (unsigned)port << 8 | value;
}

static struct ps2 ps2;

static void command(uint64_t value)
{
	assert_int_equal(ps2_access_command(&vcpu, &ps2, 0, 1, true, &value), 0);
}

static void data(uint64_t value)
{
	assert_int_equal(ps2_access_data(&vcpu, &ps2, 0, 1, true, &value), 0);
}

static void commands_pass_but_those_of_the_output_port(void **state)
{
	uint64_t value;

	(void)state;
	ps2 = (struct ps2){.read = real_read, .write = real_write};
	for (unsigned byte = 0; byte < 256; byte++) {
		bool dangerous = byte >= 0xf0 || byte == 0xd1 || byte == 0xdd || byte == 0xdf;

		writes = 0;
		stopped = VM_STOP_NONE;
		command(byte);
		assert_int_equal(writes, !dangerous);
		if (!dangerous)
			assert_int_equal(passed, 0x6400 | byte);
		assert_int_equal(stopped,
				 byte >= 0xf0 && byte % 2 == 0 ? VM_STOP_RESET : VM_STOP_NONE);
	}
	/* The byte for the output port is gone; the next one is the keyboard's. */
	writes = 0;
	command(0xd1);
	data(0xfe);
	assert_int_equal(writes, 0);
	data(0xf4);
	assert_int_equal(passed, 0x60f4);
	/* A command in between ends it. */
	command(0xd1);
	command(0xd4);
	data(0xf4);
	assert_int_equal(writes, 3);
	assert_int_equal(passed, 0x60f4);
	assert_int_equal(ps2_access_data(&vcpu, &ps2, 0, 1, false, &value), 0);
	assert_int_equal(value, 0xfa);
	assert_int_equal(ps2_access_command(&vcpu, &ps2, 0, 1, false, &value), 0);
	assert_int_equal(value, 0x1c);
	assert_int_equal(ps2_access_data(&vcpu, &ps2, 0, 2, true, &value), -EFAULT);
	assert_int_equal(ps2_access_command(&vcpu, &ps2, 0, 2, true, &value), -EFAULT);
}

static void without_a_controller_only_reset_is_there(void **state)
{
	uint64_t value = 0;

	(void)state;
	memset(&ps2, 0, sizeof(ps2));
	assert_int_equal(ps2_access_command(&vcpu, &ps2, 0, 1, false, &value), 0);
	assert_int_equal(value, 0xff);
	data(0xff);
	command(0xaa);
	assert_int_equal(stopped, VM_STOP_NONE);
	command(0xfe);
	assert_int_equal(stopped, VM_STOP_RESET);
}

/* ---- all of them ---- */

static const struct vm_region *region_of(unsigned port)
{
	const struct vm_region *found = NULL;

	for (size_t i = 0; i < vm.pio_count; i++) {
		if (port < vm.pio[i].start || port >= vm.pio[i].start + vm.pio[i].size)
			continue;
		assert_null(found); /* they do not overlap */
		found = &vm.pio[i];
	}
	return found;
}

static void vms_get_their_devices(void **state)
{
	static const unsigned both[] = {0x20, 0x21, 0xa0, 0xa1, 0x60, 0x64, 0x92, 0x3f8, 0x3ff};

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		const struct ps2 *keyboard;

		set_up(NULL);
		vm.number = kind;
		vm.kind = kind ? VM_CONTROL : VM_UI;
		assert_int_equal(devices_create(&vm), 0);
		for (size_t i = 0; i < ARRAY_LENGTH(both); i++)
			assert_non_null(region_of(both[i]));
		assert_null(region_of(0x61));
		assert_null(region_of(0x40));
		/* The control VM's power management is the machine's. */
		assert_int_equal(region_of(0x600) != NULL, vm.kind == VM_UI);
		assert_int_equal(region_of(0x60b) != NULL, vm.kind == VM_UI);
		/* The real keyboard is the UI VM's. */
		keyboard = region_of(0x60)->data;
		assert_ptr_equal(region_of(0x64)->data, keyboard);
		assert_int_equal(keyboard->read != NULL, vm.kind == VM_UI);
		assert_int_equal(keyboard->write != NULL, vm.kind == VM_UI);
	}
}

static void the_serial_ports_pin_is_4(void **state)
{
	const struct vm_region *port;
	uint64_t value;

	(void)state;
	assert_int_equal(devices_create(&vm), 0);
	port = region_of(0x3f8);
	for (unsigned pin = 0; pin < VIOAPIC_PINS; pin++)
		vm.ioapic.redirection[pin] = 1 << 16;
	value = 0x0b;
	assert_int_equal(port->access(&vcpu, port->data, 4, 1, true, &value), 0);
	value = 2;
	assert_int_equal(port->access(&vcpu, port->data, 1, 1, true, &value), 0);
	assert_int_equal(message_data, 0);
	vm.ioapic.redirection[4] = 1ULL << 56 | 0x24;
	value = 0;
	assert_int_equal(port->access(&vcpu, port->data, 1, 1, true, &value), 0);
	value = 2;
	assert_int_equal(port->access(&vcpu, port->data, 1, 1, true, &value), 0);
	assert_int_equal(message_address, 0xfee01000);
	assert_int_equal(message_data & 0xff, 0x24);
	devices_reset(&vm);
	assert_int_equal(port->access(&vcpu, port->data, 1, 1, false, &value), 0);
	assert_int_equal(value, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
#define UART(name) cmocka_unit_test_setup(name, set_up_uart)
	const struct CMUnitTest tests[] = {
		UART(lines_go_to_the_log),
		UART(nothing_of_it_moves_a_terminal),
		UART(endless_lines_are_cut),
		UART(it_is_always_ready_and_never_hears),
		UART(the_divisor_has_its_own_registers),
		UART(the_8250_driver_finds_a_16550a),
		UART(the_transmitter_interrupts),
		UART(registers_are_apart),
		UART(only_bytes_are_served),
		TEST(linux_finds_an_8259a),
		TEST(sleep_type_off_is_power_off),
		TEST(the_pm_timer_counts_by_the_tsc),
		TEST(any_part_of_the_registers_can_be_read),
		TEST(reset_ports_reset_the_vm),
		TEST(commands_pass_but_those_of_the_output_port),
		TEST(without_a_controller_only_reset_is_there),
		TEST(vms_get_their_devices),
		TEST(the_serial_ports_pin_is_4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
