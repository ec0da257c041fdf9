/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device interrupts on their way to vCPUs, with an IOMMU and IOAPIC that note what they are told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/errno.h"
#include "vm/irq.h"
#include "vm/msi.h"
#include "vm/vcpu.h"
#include "x86/interrupt.h"
#include "x86/pcpu.h"

#define CPUS   3
#define DEVICE 0x0028
#define GSIS   24
#define LEVEL  0x8000U
#define MASKED 0x10000U

/* ---- the machine ---- */

static struct pcpu pcpus[CPUS];
struct pcpu *pcpu_list[PCPU_MAX];
unsigned pcpu_count = CPUS;
static struct vm vms[VM_MAX];
static struct vcpu vcpus[VM_MAX][CPUS];
struct vm *vm_list[VM_MAX];
static unsigned kicks[CPUS];

static struct iommu_target msi_target, pin_target;
static bool msi_routed[16], pin_active_low;
static unsigned pin_routed;
static int route_error;
static uint64_t entries[GSIS];
static unsigned ended; /* writes of masked edges over level entries */

int iommu_route_msi(pci_bdf_t device, unsigned index, const struct iommu_target *target,
		    uint64_t *address, uint32_t *data)
{
	assert_int_equal(device, DEVICE);
	if (route_error)
		return route_error;
	msi_target = *target;
	msi_routed[index % 16] = true;
	*address = 0xfee00010;
	*data = index;
	return 0;
}

void iommu_unroute_msi(pci_bdf_t device, unsigned index)
{
	assert_int_equal(device, DEVICE);
	msi_routed[index % 16] = false;
}

int iommu_route_pin(uint8_t ioapic_id, unsigned pin, const struct iommu_target *target,
		    bool active_low, uint64_t *redirection)
{
	assert_int_equal(ioapic_id, 7);
	pin_target = *target;
	pin_routed = pin;
	pin_active_low = active_low;
	*redirection = 0x1230000000000000 | pin | (target->level ? LEVEL : 0);
	return 0;
}

int ioapic_find(unsigned gsi, uint8_t *ioapic_id, unsigned *pin)
{
	if (gsi >= GSIS)
		return -ENOENT;
	*ioapic_id = 7;
	*pin = gsi;
	return 0;
}

void ioapic_write(unsigned gsi, uint64_t redirection)
{
	if (entries[gsi] & LEVEL && !(redirection & LEVEL) && redirection & MASKED)
		ended++;
	entries[gsi] = redirection;
}

void ioapic_set_mask(unsigned gsi, bool masked)
{
	entries[gsi] = (entries[gsi] & ~(uint64_t)MASKED) | (masked ? MASKED : 0);
}

void vcpu_kick(struct vcpu *vcpu)
{
	kicks[vcpu->number]++;
}

struct vlapic *vcpu_lapic(struct vcpu *vcpu)
{
	return &vcpu->lapic;
}

unsigned vcpu_number(const struct vcpu *vcpu)
{
	return vcpu->number;
}

static int setup(void **state)
{
	(void)state;
	for (unsigned n = 0; n < VM_MAX; n++) {
		if (vm_list[n])
			irq_release_vm(vm_list[n]);
		vms[n] = (struct vm){.number = n, .vcpu_count = CPUS};
		vm_list[n] = &vms[n];
		for (unsigned cpu = 0; cpu < CPUS; cpu++) {
			vcpus[n][cpu] = (struct vcpu){.vm = &vms[n], .number = cpu};
			vlapic_reset(&vcpus[n][cpu].lapic, cpu, cpu == 0, 1000000000, false);
			vcpus[n][cpu].lapic.svr = 0x1ff; /* on */
			vms[n].vcpus[cpu] = &vcpus[n][cpu];
		}
	}
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		pcpus[cpu] = (struct pcpu){.number = cpu, .apic_id = 2 * cpu};
		pcpu_list[cpu] = &pcpus[cpu];
	}
	memset(entries, 0, sizeof(entries));
	memset(kicks, 0, sizeof(kicks));
	memset(msi_routed, 0, sizeof(msi_routed));
	route_error = 0;
	return 0;
}

static uint64_t to(unsigned apic_id)
{
	return 0xfee00000 | apic_id << 12;
}

static int route(unsigned index, unsigned apic_id, uint32_t guest_data)
{
	uint64_t address;
	uint32_t data;
	int error = irq_route_msi(&vms[0], DEVICE, index, to(apic_id), guest_data, &address, &data);

	if (!error) {
		assert_int_equal(address, 0xfee00010);
		assert_int_equal(data, index);
	}
	return error;
}

static bool is_posted(unsigned vm, unsigned cpu, unsigned vector, bool level)
{
	struct vlapic *lapic = &vcpus[vm][cpu].lapic;
	uint32_t bit = 1U << vector % 32;

	vlapic_pending(lapic); /* takes in what was posted */
	return lapic->irr[vector / 32] & bit && !(lapic->tmr[vector / 32] & bit) == !level;
}

/* ---- MSIs ---- */

static void test_an_msi_reaches_its_vcpu_on_its_pcpu(void **state)
{
	(void)state;
	assert_int_equal(route(3, 2, 0x41), 0);
	assert_int_equal(msi_target.apic_id, 4);
	assert_in_range(msi_target.vector, VECTOR_DEVICE_FIRST, VECTOR_DEVICE_LAST);
	assert_false(msi_target.level);
	irq_deliver(2, msi_target.vector);
	assert_true(is_posted(0, 2, 0x41, false));
	assert_int_equal(kicks[2], 1);
	assert_int_equal(vms[0].counters[COUNTER_INTERRUPTS], 1);
}

static void test_a_rewritten_msi_keeps_its_vector(void **state)
{
	uint8_t vector;

	(void)state;
	assert_int_equal(route(0, 1, 0x41), 0);
	vector = msi_target.vector;
	assert_int_equal(route(0, 1, 0x42), 0);
	assert_int_equal(msi_target.vector, vector);
	irq_deliver(1, vector);
	assert_false(is_posted(0, 1, 0x41, false));
	assert_true(is_posted(0, 1, 0x42, false));
}

/* An edge that is already on its way must not get lost. */
static void test_an_interrupt_on_its_way_survives_a_move(void **state)
{
	uint8_t old;

	(void)state;
	assert_int_equal(route(0, 1, 0x41), 0);
	old = msi_target.vector;
	assert_int_equal(route(0, 2, 0x51), 0);
	irq_deliver(1, old);
	assert_true(is_posted(0, 1, 0x41, false));
	irq_deliver(2, msi_target.vector);
	assert_true(is_posted(0, 2, 0x51, false));
}

static void test_vectors_are_given_back(void **state)
{
	unsigned count = VECTOR_DEVICE_LAST - VECTOR_DEVICE_FIRST + 1;

	(void)state;
	for (unsigned index = 0; index < count; index++)
		assert_int_equal(route(index, 0, 0x41), 0);
	assert_int_equal(route(count, 0, 0x41), -ENOSPC);
	assert_int_equal(route(count, 1, 0x41), 0);
	irq_unroute_msi(DEVICE, 17);
	assert_int_equal(route(count + 1, 0, 0x41), 0);
	assert_int_equal(route(17, 0, 0x41), -ENOSPC);
	/* Two hundred moves use nothing up. */
	for (unsigned i = 300; i < 500; i++) {
		assert_int_equal(route(i, 1, 0x41), 0);
		assert_int_equal(route(i, 2, 0x41), 0);
		irq_unroute_msi(DEVICE, i);
	}
}

static void test_messages_to_nobody_are_refused_and_counted(void **state)
{
	uint64_t address;
	uint32_t data;

	(void)state;
	assert_int_equal(route(1, 1, 0x41), 0);
	assert_true(msi_routed[1]);
	assert_int_equal(route(1, 7, 0x41), -EINVAL);	/* no such APIC; and the old route ends */
	assert_int_equal(route(2, 1, 0x0f), -EINVAL);	/* a vector of exceptions */
	assert_int_equal(route(2, 1, 0x241), -EINVAL);	/* SMI */
	assert_int_equal(route(2, 1, 0x541), -EINVAL);	/* INIT */
	assert_int_equal(route(2, 1, 0x741), -EINVAL);	/* ExtINT */
	assert_int_equal(route(2, 1, 0x8041), -EINVAL); /* a level */
	assert_int_equal(irq_route_msi(&vms[0], DEVICE, 2, 0x1000, 0x41, &address, &data), -EINVAL);
	assert_int_equal(vms[0].counters[COUNTER_BAD_INTERRUPT], 7);
	assert_int_equal(irq_route_msi(&vms[0], DEVICE, 2048, to(0), 0x41, &address, &data),
			 -EINVAL);
	assert_false(msi_routed[1]);
	assert_false(msi_routed[2]);
	irq_deliver(1, msi_target.vector);
	assert_false(is_posted(0, 1, 0x41, false));
}

static void test_a_route_that_the_iommu_refuses_is_none(void **state)
{
	(void)state;
	assert_int_equal(route(1, 1, 0x41), 0);
	route_error = -ENOSPC;
	assert_int_equal(route(1, 1, 0x42), -ENOSPC);
	irq_deliver(1, msi_target.vector);
	assert_int_equal(vms[0].counters[COUNTER_INTERRUPTS], 0);
}

static void test_logical_destinations_without_the_hint(void **state)
{
	uint64_t address;
	uint32_t data;

	(void)state;
	/* Flat: LDR has a bit a vCPU. */
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		vcpus[0][cpu].lapic.ldr = 1U << (24 + cpu);
		vcpus[0][cpu].lapic.dfr = 0xffffffff;
	}
	assert_int_equal(irq_route_msi(&vms[0], DEVICE, 0, to(6) | 4, 0x141, &address, &data), 0);
	assert_int_equal(msi_target.apic_id, 2); /* the first of vCPUs 1 and 2 */
}

static void test_an_nmi_is_one(void **state)
{
	(void)state;
	assert_int_equal(route(0, 1, 0x400), 0);
	irq_deliver(1, msi_target.vector);
	assert_int_equal(vcpus[0][1].events, VCPU_EVENT_NMI);
	assert_int_equal(kicks[1], 1);
}

static void test_unknown_vectors_are_counted(void **state)
{
	uint64_t before = irq_unknown();

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		irq_deliver(2, 0xe0);
	irq_deliver(PCPU_MAX, 0x40);
	irq_deliver(0, 0x20);
	irq_deliver(0, 0xff);
	assert_int_equal(irq_unknown() - before, 1003);
	assert_int_equal(vms[0].counters[COUNTER_INTERRUPTS], 0);
}

/* ---- pins ---- */

static void test_an_edge_pin(void **state)
{
	(void)state;
	assert_int_equal(irq_assign_gsi(&vms[0], 4), 0);
	irq_route_gsi(&vms[0], 4, 0x0100000000000031);
	assert_int_equal(pin_routed, 4);
	assert_int_equal(pin_target.apic_id, 2);
	assert_int_equal(entries[4], 0x1230000000000004);
	irq_deliver(1, pin_target.vector);
	assert_true(is_posted(0, 1, 0x31, false));
	assert_false(entries[4] & MASKED);
	irq_route_gsi(&vms[0], 4, 0x0100000000010031);
	assert_true(entries[4] & MASKED);
}

static void test_a_level_pin_waits_for_its_end(void **state)
{
	(void)state;
	assert_int_equal(irq_assign_gsi(&vms[0], 10), 0);
	irq_route_gsi(&vms[0], 10, 0x020000000000a031); /* active low */
	assert_true(pin_active_low);
	assert_true(pin_target.level);
	irq_deliver(2, pin_target.vector);
	assert_true(is_posted(0, 2, 0x31, true));
	assert_true(entries[10] & MASKED);
	/* The VM masks and unmasks before it acknowledges. */
	irq_route_gsi(&vms[0], 10, 0x020000000001a031);
	irq_route_gsi(&vms[0], 10, 0x020000000000a031);
	assert_true(entries[10] & MASKED);
	ended = 0;
	irq_end_gsi(&vms[0], 10);
	assert_int_equal(entries[10], 0x1230000000000000 | 10 | LEVEL);
	assert_int_equal(ended, 1);
	/* A second end is none. */
	irq_end_gsi(&vms[0], 10);
	assert_int_equal(ended, 1);
}

/* The VM's entry may have another vector by then. */
static void test_an_acknowledged_vector_ends_its_pin(void **state)
{
	(void)state;
	assert_int_equal(irq_assign_gsi(&vms[0], 10), 0);
	irq_route_gsi(&vms[0], 10, 0x0200000000008031);
	irq_deliver(2, pin_target.vector);
	irq_route_gsi(&vms[0], 10, 0x0200000000008032);
	irq_end_vector(&vms[0], 0x32);
	irq_end_vector(&vms[1], 0x31);
	assert_true(entries[10] & MASKED);
	irq_end_vector(&vms[0], 0x31);
	assert_false(entries[10] & MASKED);
}

static void test_a_pin_masked_by_the_vm_stays_masked_at_its_end(void **state)
{
	(void)state;
	assert_int_equal(irq_assign_gsi(&vms[0], 10), 0);
	irq_route_gsi(&vms[0], 10, 0x0000000000008031);
	irq_deliver(0, pin_target.vector);
	irq_route_gsi(&vms[0], 10, 0x0000000000018031);
	irq_end_gsi(&vms[0], 10);
	assert_true(entries[10] & MASKED);
	irq_route_gsi(&vms[0], 10, 0x0000000000008031);
	assert_false(entries[10] & MASKED);
}

/* What a kernel does with a pin that the one before it has left in service. */
static void test_an_edge_entry_ends_a_level_pin(void **state)
{
	(void)state;
	assert_int_equal(irq_assign_gsi(&vms[0], 10), 0);
	irq_route_gsi(&vms[0], 10, 0x0000000000008031);
	irq_deliver(0, pin_target.vector);
	irq_route_gsi(&vms[0], 10, 0x0000000000010000);
	irq_route_gsi(&vms[0], 10, 0x0000000000008031);
	assert_false(entries[10] & MASKED);
}

static void test_a_pin_belongs_to_one_vm(void **state)
{
	(void)state;
	assert_int_equal(irq_assign_gsi(&vms[0], 1), 0);
	assert_int_equal(irq_assign_gsi(&vms[1], 1), -EBUSY);
	assert_int_equal(irq_assign_gsi(&vms[1], GSIS), -ENOENT);
	assert_int_equal(irq_assign_gsi(&vms[1], 4000), -EINVAL);
	irq_route_gsi(&vms[0], 1, 0x0000000000008031);
	irq_route_gsi(&vms[1], 1, 0x0000000000010000);
	assert_false(entries[1] & MASKED);
	irq_deliver(0, pin_target.vector);
	irq_end_gsi(&vms[1], 1);
	assert_true(entries[1] & MASKED);
	irq_route_gsi(&vms[1], 4000, 0);
	irq_end_gsi(&vms[1], 4000);
}

static void test_a_bad_pin_entry_masks_the_pin(void **state)
{
	(void)state;
	assert_int_equal(irq_assign_gsi(&vms[0], 3), 0);
	irq_route_gsi(&vms[0], 3, 0x31);
	assert_false(entries[3] & MASKED);
	irq_route_gsi(&vms[0], 3, 0x0900000000000031);
	assert_true(entries[3] & MASKED);
	assert_int_equal(vms[0].counters[COUNTER_BAD_INTERRUPT], 1);
}

static void test_a_released_vm_hears_nothing(void **state)
{
	uint8_t msi, moved;
	uint64_t before;

	(void)state;
	assert_int_equal(irq_assign_gsi(&vms[0], 10), 0);
	irq_route_gsi(&vms[0], 10, 0x0000000000008031);
	assert_int_equal(route(1, 1, 0x41), 0);
	moved = msi_target.vector;
	assert_int_equal(route(1, 2, 0x41), 0);
	msi = msi_target.vector;
	irq_deliver(0, pin_target.vector);
	irq_release_vm(&vms[0]);
	assert_true(entries[10] & MASKED);
	assert_false(msi_routed[1]);
	before = irq_unknown();
	vms[0].counters[COUNTER_INTERRUPTS] = 0;
	irq_deliver(0, pin_target.vector);
	irq_deliver(1, moved);
	irq_deliver(2, msi);
	assert_int_equal(irq_unknown() - before, 3);
	assert_int_equal(vms[0].counters[COUNTER_INTERRUPTS], 0);
	/* It starts again, with no level interrupt in service. */
	irq_route_gsi(&vms[0], 10, 0x0000000000008031);
	assert_false(entries[10] & MASKED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_an_msi_reaches_its_vcpu_on_its_pcpu, setup),
		cmocka_unit_test_setup(test_a_rewritten_msi_keeps_its_vector, setup),
		cmocka_unit_test_setup(test_an_interrupt_on_its_way_survives_a_move, setup),
		cmocka_unit_test_setup(test_vectors_are_given_back, setup),
		cmocka_unit_test_setup(test_messages_to_nobody_are_refused_and_counted, setup),
		cmocka_unit_test_setup(test_a_route_that_the_iommu_refuses_is_none, setup),
		cmocka_unit_test_setup(test_logical_destinations_without_the_hint, setup),
		cmocka_unit_test_setup(test_an_nmi_is_one, setup),
		cmocka_unit_test_setup(test_unknown_vectors_are_counted, setup),
		cmocka_unit_test_setup(test_an_edge_pin, setup),
		cmocka_unit_test_setup(test_a_level_pin_waits_for_its_end, setup),
		cmocka_unit_test_setup(test_an_acknowledged_vector_ends_its_pin, setup),
		cmocka_unit_test_setup(test_a_pin_masked_by_the_vm_stays_masked_at_its_end, setup),
		cmocka_unit_test_setup(test_an_edge_entry_ends_a_level_pin, setup),
		cmocka_unit_test_setup(test_a_pin_belongs_to_one_vm, setup),
		cmocka_unit_test_setup(test_a_bad_pin_entry_masks_the_pin, setup),
		cmocka_unit_test_setup(test_a_released_vm_hears_nothing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
