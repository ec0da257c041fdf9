/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The local APIC's and the IOAPIC's register pages of a VM, and its IOAPIC's effects. */
#include "vm/apic-regions.h"

#include "lib/errno.h"
#include "vm/irq.h"
#include "x86/cpu.h"

#define IOAPIC_BASE 0xfec00000ULL

static int access_lapic(struct vcpu *vcpu, void *data, uint64_t offset, unsigned size, bool write,
			uint64_t *value)
{
	struct vlapic *lapic = vcpu_lapic(vcpu);
	struct vlapic_action action = {.kind = VLAPIC_NOTHING};
	uint32_t value32 = (uint32_t)*value;
	int error;

	(void)data;
	if (size != 4)
		return -EFAULT;
	if (!write) {
		error = vlapic_mmio_read(lapic, (uint32_t)offset, &value32, rdtsc());
		*value = value32;
		return error;
	}
	error = vlapic_mmio_write(lapic, (uint32_t)offset, value32, rdtsc(), &action);
	if (error == 0 && action.kind != VLAPIC_NOTHING)
		vcpu_apic_action(vcpu, &action);
	return error;
}

static int access_ioapic(struct vcpu *vcpu, void *data, uint64_t offset, unsigned size, bool write,
			 uint64_t *value)
{
	struct vm *vm = data;
	uint32_t value32 = (uint32_t)*value;
	int error;

	(void)vcpu;
	if (size != 4)
		return -EFAULT;
	lock_take(&vm->lock);
	error = write ? vioapic_write(&vm->ioapic, (uint32_t)offset, value32)
		      : vioapic_read(&vm->ioapic, (uint32_t)offset, &value32);
	lock_release(&vm->lock);
	if (!write)
		*value = value32;
	return error;
}

/* Pin n is global interrupt n: the service VMs have one IOAPIC with the base 0. */
static void pin_changed(void *user, unsigned pin, uint64_t redirection)
{
	irq_route_gsi(user, pin, redirection);
}

static void pin_ended(void *user, unsigned pin)
{
	irq_end_gsi(user, pin);
}

static const struct vioapic_callbacks callbacks = {.changed = pin_changed, .ended = pin_ended};

void apic_regions_reset(struct vm *vm)
{
	vioapic_reset(&vm->ioapic, 0, &callbacks, vm);
}

int apic_regions_create(struct vm *vm)
{
	int error = vm_add_mmio(vm, gpa(VLAPIC_DEFAULT_BASE), PAGE_SIZE, access_lapic, NULL,
				"local APIC");

	apic_regions_reset(vm);
	if (error == 0)
		error = vm_add_mmio(vm, gpa(IOAPIC_BASE), PAGE_SIZE, access_ioapic, vm, "IOAPIC");
	return error;
}
