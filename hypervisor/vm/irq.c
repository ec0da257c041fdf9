/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device interrupts to vCPUs. Each pCPU has a table of its vectors: what a vector stands for is one
 * word, which the handler reads without a lock, and whose it is, which allocation looks at. vCPU n
 * of a VM is pinned to pCPU n, so the row says which vCPU is meant.
 *
 * A route that moves to another pCPU leaves its old word behind, as an interrupt may still be on
 * its way there; vectors are taken in turn, so that it stays for long.
 *
 * A level pin is masked from the moment it was delivered until the VM has acknowledged it. Whether
 * the real IOAPIC has seen an end of interrupt does not matter, as behind AMD-Vi its entry does not
 * hold the vector: unmasking passes through an edge-triggered entry, which clears its remote IRR.
 */
#include "vm/irq.h"

#include "lib/errno.h"
#include "vm/msi.h"
#include "vm/vcpu.h"
#include "x86/interrupt.h"
#include "x86/pcpu.h"

#define VECTORS	 (VECTOR_DEVICE_LAST - VECTOR_DEVICE_FIRST + 1)
#define MAX_GSIS 128U

#define REDIRECTION_ACTIVE_LOW (1ULL << 13)
#define REDIRECTION_LEVEL      (1ULL << 15)
#define REDIRECTION_MASKED     (1ULL << 16)

/* What a vector stands for. */
#define ROUTE_VALID	   (1U << 0)
#define ROUTE_LEVEL	   (1U << 1)
#define ROUTE_NMI	   (1U << 2)
#define ROUTE_VM(n)	   ((uint32_t)(n) << 4)
#define ROUTE_VECTOR(n)	   ((uint32_t)(n) << 8)
#define ROUTE_GSI(n)	   ((uint32_t)(n) << 16)
#define ROUTE_VM_OF(route) (vm_list[(route) >> 4 & 0xf])
_Static_assert(VM_MAX <= 16, "a VM's number has four bits");

/* Whose a vector is: a device and the number of its MSI, or a GSI. */
#define SOURCE_NONE		  0U
#define SOURCE_MSI(device, index) ((uint32_t)(device) << 16 | ((index) + 1))
#define SOURCE_PIN(gsi)		  (0x8000U | (gsi))
#define SOURCE_MAX_INDEX	  2048U

static struct slot {
	uint32_t route; /* atomic */
	uint32_t source;
} slots[PCPU_MAX][VECTORS];
static unsigned next_vector[PCPU_MAX];

static struct pin {
	struct vm *vm;
	uint64_t redirection; /* the real entry, not masked */
	bool open;	      /* routed, and the VM does not mask it */
	uint8_t in_service;   /* atomic: the VM's vector, delivered and not acknowledged; 0: none */
} pins[MAX_GSIS];

static struct lock lock;
static uint64_t unknown; /* atomic */

uint64_t irq_unknown(void)
{
	return __atomic_load_n(&unknown, __ATOMIC_RELAXED);
}

/* ---- vectors ---- */

static struct slot *find(uint32_t source)
{
	for (unsigned cpu = 0; cpu < pcpu_count; cpu++)
		for (unsigned i = 0; i < VECTORS; i++)
			if (slots[cpu][i].source == source)
				return &slots[cpu][i];
	return NULL;
}

static unsigned cpu_of(const struct slot *slot)
{
	return (unsigned)((size_t)(slot - slots[0]) / VECTORS);
}

static uint8_t vector_of(const struct slot *slot)
{
	return (uint8_t)(VECTOR_DEVICE_FIRST + (size_t)(slot - slots[0]) % VECTORS);
}

static struct slot *allocate(unsigned cpu)
{
	for (unsigned n = 0; n < VECTORS; n++) {
		struct slot *slot = &slots[cpu][next_vector[cpu]];

		next_vector[cpu] = (next_vector[cpu] + 1) % VECTORS;
		if (slot->source == SOURCE_NONE)
			return slot;
	}
	return NULL;
}

static void forget(struct slot *slot)
{
	__atomic_store_n(&slot->route, 0, __ATOMIC_RELEASE);
	slot->source = SOURCE_NONE;
}

/* The first vCPU that a message is for; NULL. */
static struct vcpu *find_vcpu(const struct vm *vm, const struct msi_message *message)
{
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		if (vlapic_matches(vcpu_lapic(vm->vcpus[i]), message->logical, message->destination,
				   false))
			return vm->vcpus[i];
	return NULL;
}

/* Finds the vector of a source on the message's vCPU, makes it stand for the message, and says
 * which one it was before (NULL, or another pCPU's). NULL: there is none free. */
static struct slot *prepare(struct vm *vm, uint32_t source, const struct msi_message *message,
			    const struct vcpu *vcpu, uint32_t gsi, struct slot **old)
{
	unsigned cpu = vcpu_number(vcpu);
	struct slot *slot = find(source);

	*old = NULL;
	if (!slot || cpu_of(slot) != cpu) {
		*old = slot;
		slot = allocate(cpu);
	}
	if (!slot)
		return NULL;
	slot->source = source;
	__atomic_store_n(&slot->route,
			 ROUTE_VALID | (message->level ? ROUTE_LEVEL : 0) |
				 (message->delivery == VLAPIC_NMI ? ROUTE_NMI : 0) |
				 ROUTE_VM(vm->number) | ROUTE_VECTOR(message->vector) |
				 ROUTE_GSI(gsi),
			 __ATOMIC_RELEASE);
	return slot;
}

static struct iommu_target target_of(const struct slot *slot, bool level)
{
	return (struct iommu_target){pcpu_list[cpu_of(slot)]->apic_id, vector_of(slot), level};
}

/* ---- MSIs ---- */

static void unroute_msi(pci_bdf_t device, unsigned index)
{
	struct slot *slot = find(SOURCE_MSI(device, index));

	iommu_unroute_msi(device, index);
	if (slot)
		forget(slot);
}

static int route_msi(struct vm *vm, pci_bdf_t device, unsigned index,
		     const struct msi_message *message, uint64_t *address, uint32_t *data)
{
	const struct vcpu *vcpu = find_vcpu(vm, message);
	struct iommu_target target;
	struct slot *slot, *old;
	int error;

	if (!vcpu || message->level) {
		counter_add(vm, COUNTER_BAD_INTERRUPT, 1);
		return -EINVAL;
	}
	slot = prepare(vm, SOURCE_MSI(device, index), message, vcpu, 0, &old);
	if (!slot)
		return -ENOSPC;
	target = target_of(slot, false);
	error = iommu_route_msi(device, index, &target, address, data);
	if (old)
		old->source = SOURCE_NONE;
	return error;
}

int irq_route_msi(struct vm *vm, pci_bdf_t device, unsigned index, uint64_t guest_address,
		  uint32_t guest_data, uint64_t *address, uint32_t *data)
{
	struct msi_message message;
	int error;

	if (index >= SOURCE_MAX_INDEX)
		return -EINVAL;
	lock_take(&lock);
	if (msi_decode(guest_address, guest_data, &message)) {
		error = route_msi(vm, device, index, &message, address, data);
	} else {
		counter_add(vm, COUNTER_BAD_INTERRUPT, 1);
		error = -EINVAL;
	}
	if (error)
		unroute_msi(device, index);
	lock_release(&lock);
	return error;
}

void irq_unroute_msi(pci_bdf_t device, unsigned index)
{
	if (index >= SOURCE_MAX_INDEX)
		return;
	lock_take(&lock);
	unroute_msi(device, index);
	lock_release(&lock);
}

/* ---- pins ---- */

int irq_assign_gsi(struct vm *vm, unsigned gsi)
{
	unsigned pin;
	uint8_t id;

	if (gsi >= MAX_GSIS)
		return -EINVAL;
	if (ioapic_find(gsi, &id, &pin) != 0)
		return -ENOENT;
	if (pins[gsi].vm && pins[gsi].vm != vm)
		return -EBUSY;
	pins[gsi].vm = vm;
	return 0;
}

/* Through an edge, which has no remote IRR. */
static void open_pin(unsigned gsi)
{
	uint64_t redirection = pins[gsi].redirection;

	if (redirection & REDIRECTION_LEVEL)
		ioapic_write(gsi, (redirection & ~REDIRECTION_LEVEL) | REDIRECTION_MASKED);
	ioapic_write(gsi, redirection);
}

static int route_gsi(struct vm *vm, unsigned gsi, uint64_t guest_redirection)
{
	struct msi_message message;
	const struct vcpu *vcpu = NULL;
	struct iommu_target target;
	struct slot *slot, *old;
	unsigned pin;
	uint8_t id;
	int error;

	if (msi_decode_redirection(guest_redirection, &message))
		vcpu = find_vcpu(vm, &message);
	if (!vcpu) {
		counter_add(vm, COUNTER_BAD_INTERRUPT, 1);
		return -EINVAL;
	}
	slot = prepare(vm, SOURCE_PIN(gsi), &message, vcpu, gsi, &old);
	if (!slot)
		return -ENOSPC;
	error = ioapic_find(gsi, &id, &pin);
	if (!error) {
		target = target_of(slot, message.level);
		error = iommu_route_pin(id, pin, &target,
					guest_redirection & REDIRECTION_ACTIVE_LOW,
					&pins[gsi].redirection);
	}
	if (old)
		old->source = SOURCE_NONE;
	if (error)
		forget(slot);
	return error;
}

void irq_route_gsi(struct vm *vm, unsigned gsi, uint64_t guest_redirection)
{
	if (gsi >= MAX_GSIS || pins[gsi].vm != vm)
		return;
	lock_take(&lock);
	if (!(guest_redirection & REDIRECTION_LEVEL))
		__atomic_store_n(&pins[gsi].in_service, 0, __ATOMIC_SEQ_CST);
	pins[gsi].open = !(guest_redirection & REDIRECTION_MASKED) &&
			 route_gsi(vm, gsi, guest_redirection) == 0;
	if (!pins[gsi].open)
		ioapic_set_mask(gsi, true);
	else if (!__atomic_load_n(&pins[gsi].in_service, __ATOMIC_SEQ_CST))
		open_pin(gsi);
	lock_release(&lock);
}

void irq_end_gsi(struct vm *vm, unsigned gsi)
{
	if (gsi >= MAX_GSIS || pins[gsi].vm != vm)
		return;
	lock_take(&lock);
	if (__atomic_exchange_n(&pins[gsi].in_service, 0, __ATOMIC_SEQ_CST) && pins[gsi].open)
		open_pin(gsi);
	lock_release(&lock);
}

void irq_end_vector(struct vm *vm, uint8_t vector)
{
	for (unsigned gsi = 0; gsi < MAX_GSIS; gsi++)
		if (__atomic_load_n(&pins[gsi].in_service, __ATOMIC_SEQ_CST) == vector)
			irq_end_gsi(vm, gsi);
}

/* ---- all ---- */

void irq_release_vm(struct vm *vm)
{
	lock_take(&lock);
	for (unsigned gsi = 0; gsi < MAX_GSIS; gsi++) {
		if (pins[gsi].vm != vm)
			continue;
		ioapic_set_mask(gsi, true);
		pins[gsi].open = false;
		__atomic_store_n(&pins[gsi].in_service, 0, __ATOMIC_SEQ_CST);
	}
	for (unsigned cpu = 0; cpu < pcpu_count; cpu++) {
		for (unsigned i = 0; i < VECTORS; i++) {
			struct slot *slot = &slots[cpu][i];
			unsigned index = (slot->source & 0xffff) - 1;

			if (!(slot->route & ROUTE_VALID) || ROUTE_VM_OF(slot->route) != vm)
				continue;
			if (slot->source != SOURCE_NONE && index < SOURCE_MAX_INDEX)
				iommu_unroute_msi((pci_bdf_t)(slot->source >> 16), index);
			forget(slot);
		}
	}
	lock_release(&lock);
}

void irq_deliver(unsigned pcpu, uint8_t vector)
{
	struct vcpu *vcpu;
	struct vm *vm;
	uint32_t route = 0;

	if (pcpu < PCPU_MAX && vector >= VECTOR_DEVICE_FIRST && vector <= VECTOR_DEVICE_LAST)
		route = __atomic_load_n(&slots[pcpu][vector - VECTOR_DEVICE_FIRST].route,
					__ATOMIC_ACQUIRE);
	if (!(route & ROUTE_VALID)) {
		__atomic_fetch_add(&unknown, 1, __ATOMIC_RELAXED);
		return;
	}
	vm = ROUTE_VM_OF(route);
	vcpu = vm->vcpus[pcpu];
	if (route & ROUTE_LEVEL) {
		unsigned gsi = route >> 16 & 0xff;

		__atomic_store_n(&pins[gsi].in_service, (uint8_t)(route >> 8), __ATOMIC_SEQ_CST);
		ioapic_set_mask(gsi, true);
	}
	if (route & ROUTE_NMI)
		__atomic_fetch_or(&vcpu->events, VCPU_EVENT_NMI, __ATOMIC_SEQ_CST);
	else
		vlapic_post(vcpu_lapic(vcpu), (uint8_t)(route >> 8), route & ROUTE_LEVEL);
	vcpu_kick(vcpu);
	counter_add(vm, COUNTER_INTERRUPTS, 1);
}
