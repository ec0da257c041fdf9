/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine and the VMs around vpci; pci-rig.h says what they are like. */
#include "pci-rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bytes.h"
#include "stub.h"
#include "vm/devices.h"
#include "vm/irq.h"
#include "x86/machine.h"

#define POOL	   0x10000000ULL
#define POOL_SIZE  (8 << 20)
#define MAX_MAPPED 32

struct vm rig_vms[2];
struct vm *vm_list[VM_MAX];
uint64_t rig_violations[2], rig_delays;
struct rig_route rig_routes[RIG_ROUTES];
uint64_t tsc_hz;
uint16_t rig_uncovered;

static struct vcpu vcpus[2];
static bool ports[2][65536];
static struct iommu_domain *domains[65536];
static struct {
	uint64_t start, size;
	uint8_t *memory;
} mapped[MAX_MAPPED];
static size_t mapped_count;

/* ---- what vpci calls ---- */

struct vm *vcpu_vm(struct vcpu *vcpu)
{
	return vcpu->vm;
}

struct vm *vm_of_kind(enum vm_kind kind)
{
	return &rig_vms[kind == VM_UI ? RIG_UI : RIG_CONTROL];
}

int vm_add_mmio(struct vm *vm, gpa_t start, uint64_t size, vm_access *access, void *data,
		const char *name)
{
	struct vm_region region = {gpa_value(start), size, access, data, name};

	if (vm->mmio_count == VM_MAX_MMIO)
		return -ENOSPC;
	for (size_t i = 0; i < vm->mmio_count; i++)
		if (region.start < vm->mmio[i].start + vm->mmio[i].size &&
		    vm->mmio[i].start < region.start + size)
			return -EEXIST;
	vm->mmio[vm->mmio_count++] = region;
	return 0;
}

int vm_add_pio(struct vm *vm, uint16_t first, uint16_t count, vm_access *access, void *data,
	       const char *name)
{
	vm->pio[vm->pio_count++] = (struct vm_region){first, count, access, data, name};
	return 0;
}

void vm_allow_ports(struct vm *vm, uint16_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++)
		ports[vm->number][i] = true;
}

void reset_write_cf9(struct vm *vm, uint8_t value)
{
	if (value & 4)
		vm->stop = VM_STOP_RESET;
}

void vm_violation(struct vcpu *vcpu, enum counter counter, const char *what, uint64_t detail)
{
	(void)what;
	(void)detail;
	if (counter == COUNTER_BAD_CONFIG)
		rig_violations[vcpu->vm->number]++;
}

int iommu_attach(pci_bdf_t device, struct iommu_domain *domain)
{
	if (device == rig_uncovered)
		return -ENODEV;
	domains[device] = domain;
	return 0;
}

void delay_us(uint64_t microseconds)
{
	rig_delays += microseconds;
}

void *map_device(hpa_t start, uint64_t size)
{
	if (mapped_count == MAX_MAPPED)
		abort();
	mapped[mapped_count].start = hpa_value(start);
	mapped[mapped_count].size = size;
	mapped[mapped_count].memory = calloc(1, size);
	return mapped[mapped_count++].memory;
}

struct rig_route *rig_find_route(uint16_t device, unsigned index)
{
	for (size_t i = 0; i < RIG_ROUTES; i++)
		if (rig_routes[i].used && rig_routes[i].device == device &&
		    rig_routes[i].index == index)
			return &rig_routes[i];
	return NULL;
}

size_t rig_count_routes(void)
{
	size_t count = 0;

	for (size_t i = 0; i < RIG_ROUTES; i++)
		count += rig_routes[i].used;
	return count;
}

int irq_route_msi(struct vm *vm, pci_bdf_t device, unsigned index, uint64_t guest_address,
		  uint32_t guest_data, uint64_t *address, uint32_t *data)
{
	struct rig_route *route = rig_find_route(device, index);

	if (guest_address >> 20 != 0xfee)
		return -EINVAL;
	for (size_t i = 0; !route && i < RIG_ROUTES; i++)
		if (!rig_routes[i].used)
			route = &rig_routes[i];
	if (!route)
		return -ENOSPC;
	*address = 0xfee00010 | (uint64_t)(route - rig_routes) << 5;
	*data = 0x4000 + index;
	*route = (struct rig_route){true,	   vm,	     device,	 index,
				    guest_address, *address, guest_data, *data};
	return 0;
}

void irq_unroute_msi(pci_bdf_t device, unsigned index)
{
	struct rig_route *route = rig_find_route(device, index);

	if (!route)
		abort();
	route->used = false;
}

/* ---- the rig ---- */

static void no_flush(struct space *space)
{
	(void)space;
}

static void init_vm(unsigned number)
{
	struct vm *vm = &rig_vms[number];

	memset(vm, 0, sizeof(*vm));
	vm->number = number;
	vm->kind = number == RIG_UI ? VM_UI : VM_CONTROL;
	strcpy(vm->name, number == RIG_UI ? "ui" : "control");
	vm->state = VM_RUNNING;
	if (space_init(&vm->memory, &table_format_npt, vm_owner(vm), 4, 30) != 0)
		abort();
	vm->memory.flush = no_flush;
	vcpus[number].vm = vm;
	vm_list[number] = vm;
}

void rig_init(void)
{
	for (size_t i = 0; i < mapped_count; i++)
		free(mapped[i].memory);
	mapped_count = 0;
	memset(rig_routes, 0, sizeof(rig_routes));
	memset(ports, 0, sizeof(ports));
	memset(domains, 0, sizeof(domains));
	memset(rig_violations, 0, sizeof(rig_violations));
	rig_delays = 0;
	tsc_hz = 0;
	rig_uncovered = 0xffff;
	stub_pool_init(POOL, POOL_SIZE);
	init_vm(RIG_UI);
	init_vm(RIG_CONTROL);
	fake_pci_init();
	pci_scan();
	for (size_t i = 0; i < pci_function_count; i++) {
		uint16_t bdf = pci_functions[i].bdf;

		if (bdf != FAKE_IOMMU)
			pci_functions[i].owner =
				&rig_vms[bdf >= FAKE_GPU && bdf <= FAKE_EDU ? RIG_UI : RIG_CONTROL];
	}
	fake_pci_forget();
}

void rig_create(void)
{
	rig_init();
	if (vpci_create(&rig_vms[RIG_UI]) != 0 || vpci_create(&rig_vms[RIG_CONTROL]) != 0) {
		fprintf(stderr, "vpci_create() fails: %s\n", stub_log_text);
		abort();
	}
}

int rig_setup(void **state)
{
	(void)state;
	rig_create();
	fake_pci_forget();
	return 0;
}

struct vpci_function *rig_function(unsigned vm, uint16_t bdf)
{
	struct vpci *vpci = rig_vms[vm].pci;

	for (size_t i = 0; i < vpci->count; i++)
		if (vpci->functions[i].real->bdf == bdf)
			return &vpci->functions[i];
	return NULL;
}

struct pci_function *rig_real(uint16_t bdf)
{
	for (size_t i = 0; i < pci_function_count; i++)
		if (pci_functions[i].bdf == bdf)
			return &pci_functions[i];
	abort();
}

uint32_t rig_real32(uint16_t bdf, unsigned offset)
{
	return load32(fake_pci(bdf)->config + offset);
}

uint16_t rig_real_command(uint16_t bdf)
{
	return load16(fake_pci(bdf)->config + PCI_COMMAND);
}

uint8_t *rig_memory(uint64_t address)
{
	for (size_t i = 0; i < mapped_count; i++)
		if (address - mapped[i].start < mapped[i].size)
			return mapped[i].memory + (address - mapped[i].start);
	abort();
}

bool rig_mapped(unsigned vm, uint64_t address)
{
	hpa_t target;

	return space_look_up(&rig_vms[vm].memory, gpa(address), &target, NULL) == 0 &&
	       hpa_value(target) == address;
}

bool rig_attached(unsigned vm, uint16_t bdf)
{
	return domains[bdf] == &rig_vms[vm].domain;
}

bool rig_port_allowed(unsigned vm, unsigned port)
{
	return ports[vm][port];
}

static int access_region(struct vm_region *regions, size_t count, unsigned vm, uint64_t address,
			 unsigned size, bool write, uint64_t *value)
{
	for (size_t i = 0; i < count; i++)
		if (address >= regions[i].start && address - regions[i].start < regions[i].size &&
		    regions[i].size - (address - regions[i].start) >= size)
			return regions[i].access(&vcpus[vm], regions[i].data,
						 address - regions[i].start, size, write, value);
	return -EFAULT;
}

int rig_memory_read(unsigned vm, uint64_t address, unsigned size, uint64_t *value)
{
	*value = 0x5555555555555555;
	return access_region(rig_vms[vm].mmio, rig_vms[vm].mmio_count, vm, address, size, false,
			     value);
}

int rig_memory_write(unsigned vm, uint64_t address, unsigned size, uint64_t value)
{
	return access_region(rig_vms[vm].mmio, rig_vms[vm].mmio_count, vm, address, size, true,
			     &value);
}

uint64_t rig_read(unsigned vm, uint16_t bdf, unsigned offset, unsigned size)
{
	uint64_t value;

	if (rig_memory_read(vm, FAKE_ECAM + ((uint64_t)bdf << 12) + offset, size, &value))
		abort();
	return value;
}

void rig_write(unsigned vm, uint16_t bdf, unsigned offset, unsigned size, uint64_t value)
{
	if (rig_memory_write(vm, FAKE_ECAM + ((uint64_t)bdf << 12) + offset, size, value))
		abort();
}

uint64_t rig_port_read(unsigned vm, unsigned port, unsigned size)
{
	uint64_t value = 0x5555555555555555;

	if (access_region(rig_vms[vm].pio, rig_vms[vm].pio_count, vm, port, size, false, &value))
		abort();
	return size == 8 ? value : value & ((1ULL << size * 8) - 1);
}

void rig_port_write(unsigned vm, unsigned port, unsigned size, uint64_t value)
{
	if (access_region(rig_vms[vm].pio, rig_vms[vm].pio_count, vm, port, size, true, &value))
		abort();
}
