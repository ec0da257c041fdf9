/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM's legacy devices: which ports they are at. */
#include "vm/devices.h"

#include "x86/cpu.h"

#define SERIAL_PIN 4

static struct devices {
	struct uart uart;
	struct pic pics[2];
	struct pm pm;
	struct ps2 ps2;
} devices[VM_MAX];

static void raise_serial(struct vm *vm)
{
	uint64_t address;
	uint32_t data;
	bool open;

	lock_take(&vm->lock);
	open = vioapic_message(&vm->ioapic, SERIAL_PIN, &address, &data);
	lock_release(&vm->lock);
	if (open)
		vm_send_msi(vm, address, data);
}

static uint8_t read_port(uint16_t port)
{
	return inb(port);
}

static void write_port(uint16_t port, uint8_t value)
{
	outb(port, value);
}

void devices_reset(struct vm *vm)
{
	struct devices *d = &devices[vm->number];

	uart_reset(&d->uart, raise_serial);
	pic_reset(&d->pics[0]);
	pic_reset(&d->pics[1]);
	pm_reset(&d->pm);
	ps2_reset(&d->ps2);
}

int devices_create(struct vm *vm)
{
	struct devices *d = &devices[vm->number];
	const struct {
		uint16_t first, count;
		vm_access *access;
		void *data;
		const char *name;
	} ports[] = {
		{0x20, 2, pic_access, &d->pics[0], "PIC"},
		{0x60, 1, ps2_access_data, &d->ps2, "keyboard controller"},
		{0x64, 1, ps2_access_command, &d->ps2, "keyboard controller"},
		{0x92, 1, reset_access, NULL, "reset"},
		{0xa0, 2, pic_access, &d->pics[1], "PIC"},
		{0x3f8, 8, uart_access, &d->uart, "serial port"},
		{PM_BASE, PM_PORTS, pm_access, &d->pm, "power management"},
	};
	size_t count = vm->kind == VM_UI ? ARRAY_LENGTH(ports) : ARRAY_LENGTH(ports) - 1;
	int error = 0;

	if (vm->kind == VM_UI) {
		d->ps2.read = read_port;
		d->ps2.write = write_port;
	}
	devices_reset(vm);
	for (size_t i = 0; i < count && !error; i++)
		error = vm_add_pio(vm, ports[i].first, ports[i].count, ports[i].access,
				   ports[i].data, ports[i].name);
	return error;
}
