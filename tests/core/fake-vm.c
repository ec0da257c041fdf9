/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine behind hypercalls and the bus function; fake-vm.h says what it is like. */
#include "fake-vm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/trace.h"
#include "x86/machine.h"
#include "x86/pcpu.h"

struct fake_vm fake_vms[VM_MAX];
struct vm *vm_list[VM_MAX];
uint64_t tsc_hz = FAKE_TSC_HZ;
unsigned pcpu_count = FAKE_PCPUS;

struct vm *fake_written_vm;
uint64_t fake_written_from, fake_written_to;
const char *fake_typed = "";
char fake_serial[256];
unsigned fake_trace_dumps;

static struct fake_vm *fake_of(const struct vm *vm)
{
	return &fake_vms[vm->number];
}

struct vm *vcpu_vm(struct vcpu *vcpu)
{
	return vcpu->vm;
}

static void *ram_of(const struct vm *vm, uint64_t start, size_t size)
{
	if (start < FAKE_RAM || size > FAKE_RAM_SIZE || start - FAKE_RAM > FAKE_RAM_SIZE - size)
		return NULL;
	return fake_of(vm)->ram + (start - FAKE_RAM);
}

int vm_read_memory(struct vm *vm, gpa_t start, void *to, size_t size)
{
	const void *from = ram_of(vm, gpa_value(start), size);

	if (!from)
		return -EFAULT;
	memcpy(to, from, size);
	return 0;
}

int vm_write_memory(struct vm *vm, gpa_t start, const void *from, size_t size)
{
	void *to = ram_of(vm, gpa_value(start), size);

	if (!to)
		return -EFAULT;
	memcpy(to, from, size);
	if (!fake_written_vm)
		fake_written_from = gpa_value(start);
	fake_written_vm = vm;
	fake_written_to = gpa_value(start) + size;
	return 0;
}

void vm_request_stop(struct vm *vm, enum vm_stop stop)
{
	vm->stop = stop;
}

void vcpu_kick(struct vcpu *vcpu)
{
	if (!vcpu)
		abort();
}

void vm_send_msi(struct vm *vm, uint64_t guest_address, uint32_t guest_data)
{
	fake_of(vm)->msi_address = guest_address;
	fake_of(vm)->msi_data = guest_data;
	fake_of(vm)->msis++;
}

const char *counter_name(enum counter counter)
{
	static const char *const names[] = {
#define FAKE_NAME(name, text) [COUNTER_##name] = text,
		CORE_COUNTERS(FAKE_NAME)
#undef FAKE_NAME
	};

	return (size_t)counter < COUNTER_COUNT ? names[counter] : NULL;
}

void serial_write(const char *text, size_t size)
{
	snprintf(fake_serial, sizeof(fake_serial), "%.*s", (int)size, text);
}

int serial_read(void)
{
	return *fake_typed ? *fake_typed++ : -1;
}

int vm_add_mmio(struct vm *vm, gpa_t start, uint64_t size, vm_access *access, void *data,
		const char *name)
{
	vm->mmio[vm->mmio_count++] = (struct vm_region){gpa_value(start), size, access, data, name};
	return 0;
}

int vpci_find_free(struct vm *vm, uint16_t *bdf, uint64_t size, gpa_t *window)
{
	(void)vm;
	(void)size;
	*bdf = FAKE_BDF;
	*window = gpa(FAKE_WINDOW);
	return 0;
}

int vpci_add_emulated(struct vm *vm, uint16_t bdf, vpci_config_access *access, void *data)
{
	(void)bdf;
	fake_of(vm)->config = access;
	fake_of(vm)->config_data = data;
	return 0;
}

/* The trace of CPU n has the records n * 100 to n * 100 + 19. */
#define FAKE_RECORDS 20

size_t trace_read(unsigned pcpu, uint64_t *from, struct mullion_trace_record *records, size_t max)
{
	size_t n = 0;

	if (pcpu >= FAKE_PCPUS)
		abort();
	if (*from < pcpu * 100)
		*from = pcpu * 100;
	for (; n < max && *from < pcpu * 100 + FAKE_RECORDS; n++) {
		memset(&records[n], 0, sizeof(records[n]));
		records[n].sequence = (uint32_t)(*from)++;
	}
	return n;
}

bool trace_dump_line(void)
{
	fake_trace_dumps++;
	return false;
}

void fake_vms_finish(void)
{
	for (unsigned n = 0; n < VM_MAX; n++)
		free(fake_vms[n].ram);
	memset(fake_vms, 0, sizeof(fake_vms));
}

void fake_vms_init(void)
{
	fake_vms_finish();
	for (unsigned n = 0; n < VM_MAX; n++) {
		struct fake_vm *fake = &fake_vms[n];

		fake->vm.number = n;
		fake->vm.kind = n == FAKE_UI ? VM_UI : VM_CONTROL;
		strcpy(fake->vm.name, n == FAKE_UI ? "ui" : "control");
		fake->vm.state = VM_RUNNING;
		fake->vm.vcpu_count = FAKE_PCPUS;
		fake->vm.memory_size = FAKE_RAM_SIZE;
		fake->vcpu.vm = &fake->vm;
		fake->vm.vcpus[0] = &fake->vcpu;
		fake->ram = calloc(1, FAKE_RAM_SIZE);
		vm_list[n] = &fake->vm;
		if (!fake->ram || bus_create(&fake->vm) != 0)
			abort();
	}
	fake_typed = "";
	fake_serial[0] = 0;
	fake_trace_dumps = 0;
}

int64_t fake_call(unsigned vm, uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	const uint64_t arguments[4] = {a, b, c, d};

	fake_written_vm = NULL;
	fake_written_from = fake_written_to = 0;
	return bus_hypercall(&fake_vms[vm].vcpu, number, arguments);
}

void *fake_ram(unsigned vm, uint64_t address)
{
	return ram_of(&fake_vms[vm].vm, address, 1);
}

uint32_t fake_config_read(unsigned vm, unsigned offset, unsigned size)
{
	return fake_vms[vm].config(fake_vms[vm].config_data, offset, size, false, 0);
}

void fake_config_write(unsigned vm, unsigned offset, unsigned size, uint32_t value)
{
	fake_vms[vm].config(fake_vms[vm].config_data, offset, size, true, value);
}

static const struct vm_region *bar_of(unsigned vm)
{
	return &fake_vms[vm].vm.mmio[0];
}

uint64_t fake_bar_read(unsigned vm, uint64_t offset, unsigned size)
{
	uint64_t value = 0x5555555555555555ULL;

	if (bar_of(vm)->access(&fake_vms[vm].vcpu, bar_of(vm)->data, offset, size, false, &value))
		abort();
	return value;
}

void fake_bar_write(unsigned vm, uint64_t offset, unsigned size, uint64_t value)
{
	if (bar_of(vm)->access(&fake_vms[vm].vcpu, bar_of(vm)->data, offset, size, true, &value))
		abort();
}

int fake_vms_set_up(void **state)
{
	(void)state;
	fake_vms_init();
	return 0;
}

int fake_vms_tear_down(void **state)
{
	(void)state;
	fake_vms_finish();
	return 0;
}
