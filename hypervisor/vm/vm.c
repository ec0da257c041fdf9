/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM's regions, its memory as the core reads it, and interrupts for its vCPUs. */
#include "vm/vm.h"

#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "vm/irq.h"
#include "vm/msi.h"
#include "vm/vendor.h"
#include "x86/interrupt.h"
#include "x86/machine.h"
#include "x86/pcpu.h"

struct vm *vm_list[VM_MAX];
const struct vendor_ops *vendor;
struct vendor_caps vendor_caps;

struct vm *vm_of_kind(enum vm_kind kind)
{
	for (size_t i = 0; i < VM_MAX; i++)
		if (vm_list[i] != NULL && vm_list[i]->kind == kind)
			return vm_list[i];
	return NULL;
}

static int add_region(struct vm_region *regions, size_t *count, size_t max,
		      const struct vm_region *region)
{
	if (*count == max)
		return -ENOSPC;
	for (size_t i = 0; i < *count; i++)
		if (region->start < regions[i].start + regions[i].size &&
		    regions[i].start < region->start + region->size)
			return -EEXIST;
	regions[(*count)++] = *region;
	return 0;
}

int vm_add_mmio(struct vm *vm, gpa_t start, uint64_t size, vm_access *access, void *data,
		const char *name)
{
	return add_region(vm->mmio, &vm->mmio_count, VM_MAX_MMIO,
			  &(struct vm_region){gpa_value(start), size, access, data, name});
}

int vm_add_pio(struct vm *vm, uint16_t first, uint16_t count, vm_access *access, void *data,
	       const char *name)
{
	return add_region(vm->pio, &vm->pio_count, VM_MAX_PIO,
			  &(struct vm_region){first, count, access, data, name});
}

void vm_allow_ports(struct vm *vm, uint16_t first, uint32_t count)
{
	vendor->vm_allow_ports(vm, first, count);
}

/* Only RAM is mapped executable. A service VM's tables lose entries only while it does not run, so
 * that looking needs no lock; a guest's lose them at any time. */
static void *ram_at(struct vm *vm, uint64_t address, unsigned access)
{
	unsigned flags;
	hpa_t target;

	if (space_look_up(&vm->memory, gpa(address), &target, &flags) != 0 ||
	    (flags & (access | MAP_EXECUTE)) != (access | MAP_EXECUTE))
		return NULL;
	return phys_virt(target);
}

static int copy_parts(struct vm *vm, uint64_t start, unsigned char *buffer, size_t size, bool write)
{
	if (range_wraps(start, size))
		return -EFAULT;
	while (size > 0) {
		size_t part = PAGE_SIZE - start % PAGE_SIZE;
		unsigned char *ram = ram_at(vm, start, write ? MAP_WRITE : MAP_READ);

		if (ram == NULL)
			return -EFAULT;
		if (part > size)
			part = size;
		if (write)
			memcpy(ram, buffer, part);
		else
			memcpy(buffer, ram, part);
		start += part;
		buffer += part;
		size -= part;
	}
	return 0;
}

static int copy_memory(struct vm *vm, uint64_t start, unsigned char *buffer, size_t size,
		       bool write)
{
	int error;

	if (vm->kind != VM_GUEST)
		return copy_parts(vm, start, buffer, size, write);
	lock_take(&vm->lock);
	error = copy_parts(vm, start, buffer, size, write);
	lock_release(&vm->lock);
	return error;
}

int vm_read_memory(struct vm *vm, gpa_t start, void *to, size_t size)
{
	return copy_memory(vm, gpa_value(start), to, size, false);
}

int vm_write_memory(struct vm *vm, gpa_t start, const void *from, size_t size)
{
	return copy_memory(vm, gpa_value(start), (unsigned char *)(uintptr_t)from, size, true);
}

void vm_request_stop(struct vm *vm, enum vm_stop stop)
{
	uint32_t none = VM_STOP_NONE;

	__atomic_compare_exchange_n(&vm->stop, &none, stop, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		vcpu_kick(vm->vcpus[i]);
	lapic_send(pcpu_list[0]->apic_id, VECTOR_KICK); /* the supervisor's */
}

void pcpu_kick(unsigned number)
{
	struct pcpu *pcpu = pcpu_list[number];

	if (__atomic_exchange_n(&pcpu->attention, 1, __ATOMIC_SEQ_CST) == 0 && pcpu != this_pcpu())
		lapic_send(pcpu->apic_id, VECTOR_KICK);
}

void vcpu_kick(struct vcpu *vcpu)
{
	pcpu_kick(vcpu->number);
}

static void raise_event(struct vcpu *vcpu, uint32_t event)
{
	__atomic_fetch_or(&vcpu->events, event, __ATOMIC_SEQ_CST);
	vcpu_kick(vcpu);
}

/* One message to one vCPU. */
static void deliver(struct vcpu *vcpu, enum vlapic_delivery delivery, uint8_t vector, bool level)
{
	switch (delivery) {
	case VLAPIC_FIXED:
	case VLAPIC_LOWEST:
		vlapic_post(&vcpu->lapic, vector, level);
		vcpu_kick(vcpu);
		break;
	case VLAPIC_NMI:
		raise_event(vcpu, VCPU_EVENT_NMI);
		break;
	case VLAPIC_INIT:
		raise_event(vcpu, VCPU_EVENT_INIT);
		break;
	case VLAPIC_STARTUP:
		raise_event(vcpu, VCPU_EVENT_STARTUP | (uint32_t)vector << 8);
		break;
	case VLAPIC_SMI: /* service VMs have no SMM */
	default:
		counter_add(vcpu->vm, COUNTER_BAD_INTERRUPT, 1);
	}
}

void vm_send_msi(struct vm *vm, uint64_t guest_address, uint32_t guest_data)
{
	struct msi_message message;

	if (!msi_decode(guest_address, guest_data, &message)) {
		counter_add(vm, COUNTER_BAD_INTERRUPT, 1);
		return;
	}
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		if (!vlapic_matches(&vm->vcpus[i]->lapic, message.logical, message.destination,
				    false))
			continue;
		deliver(vm->vcpus[i], message.delivery, message.vector, message.level);
		if (message.delivery == VLAPIC_LOWEST)
			break;
	}
}

bool vcpu_is_addressed(const struct vcpu *from, const struct vcpu *to,
		       const struct vlapic_action *action)
{
	switch (action->shorthand) {
	case VLAPIC_TO_ALL:
		return true;
	case VLAPIC_TO_OTHERS:
		return from != to;
	case VLAPIC_TO_DEST:
	default:
		return vlapic_matches(&to->lapic, action->logical, action->destination,
				      action->x2apic);
	}
}

void vcpu_apic_action(struct vcpu *vcpu, const struct vlapic_action *action)
{
	struct vm *vm = vcpu->vm;

	if (action->kind == VLAPIC_EOI) {
		lock_take(&vm->lock);
		vioapic_end(&vm->ioapic, action->vector);
		lock_release(&vm->lock);
		irq_end_vector(vm, action->vector);
	}
	if (action->kind != VLAPIC_IPI || action->init_deassert)
		return;
	counter_add(vm, COUNTER_IPIS, 1);
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		if (!vcpu_is_addressed(vcpu, vm->vcpus[i], action))
			continue;
		deliver(vm->vcpus[i], action->delivery, action->vector, false);
		if (action->delivery == VLAPIC_LOWEST)
			break;
	}
}

void vm_violation(struct vcpu *vcpu, enum counter counter, const char *what, uint64_t detail)
{
	struct vm *vm = vcpu->vm;
	struct vcpu_mode mode;
	uint64_t n;

	counter_add(vm, counter, 1);
	n = counter_read(vm, counter);
	if (!counter_worth_a_line(n))
		return;
	vendor->get_mode(vcpu, &mode);
	log_line("%s vCPU %u: %s 0x%lx refused, at rip 0x%lx (%lu so far)", vm->name, vcpu->number,
		 what, detail, mode.rip, n);
}

struct vm *vcpu_vm(struct vcpu *vcpu)
{
	return vcpu->vm;
}

unsigned vcpu_number(const struct vcpu *vcpu)
{
	return vcpu->number;
}

struct vlapic *vcpu_lapic(struct vcpu *vcpu)
{
	return &vcpu->lapic;
}
