/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults of the IOMMU, counted to the VM whose device it was; and interrupts that are nobody's. */
#include "vm/faults.h"

#include "iommu/iommu.h"
#include "lib/log.h"
#include "pci/registers.h"
#include "pci/vpci.h"
#include "vm/irq.h"
#include "x86/machine.h"

#define BATCH 16

static uint64_t of_nobody, overflows;

static struct vm *owner_of_device(pci_bdf_t device)
{
	for (size_t i = 0; i < pci_function_count; i++)
		if (pci_functions[i].bdf == device)
			return pci_functions[i].owner;
	return NULL;
}

static void count(const struct iommu_fault *fault)
{
	enum counter counter = fault->interrupt ? COUNTER_BAD_INTERRUPT : COUNTER_BAD_DMA;
	struct vm *vm = owner_of_device(fault->device);
	uint64_t n;

	if (vm) {
		counter_add(vm, counter, 1);
		n = counter_read(vm, counter);
	} else {
		n = ++of_nobody;
	}
	if (counter_worth_a_line(n))
		log_line("%s: the IOMMU refused " BDF_FORMAT " %s 0x%lx (%lu so far)",
			 vm ? vm->name : "nobody's device", BDF_ARGS(fault->device),
			 fault->interrupt ? "an interrupt,"
			 : fault->write	  ? "to write at"
					  : "to read at",
			 gpa_value(fault->address), n);
}

void faults_poll(uint64_t now)
{
	static uint64_t next, unknown, reports;
	struct iommu_fault faults[BATCH];
	bool lost;
	size_t n;

	if (now < next)
		return;
	n = iommu_take_faults(faults, BATCH, &lost);
	for (size_t i = 0; i < n; i++)
		count(&faults[i]);
	if (lost && counter_worth_a_line(++overflows))
		log_line("the IOMMU refused more than it could note (%lu so far)", overflows);
	if (irq_unknown() != unknown) {
		unknown = irq_unknown();
		if (counter_worth_a_line(++reports))
			log_line("%lu interrupts that no VM has a route for so far", unknown);
	}
	if (n < BATCH)
		next = now + tsc_hz / 10;
}
