/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMs come and go here. A UI VM that ends is started again from its pristine image with its devices
 * reset; the control VM's end is the machine's.
 */
#include "vm/lifecycle.h"

#include "lib/log.h"
#include "pci/vpci.h"
#include "vm/apic-regions.h"
#include "vm/bus.h"
#include "vm/faults.h"
#include "vm/irq.h"
#include "vm/load.h"
#include "vm/platform.h"
#include "vm/vendor.h"
#include "x86/cpu.h"
#include "x86/machine.h"

static const char *const stop_names[] = {
	[VM_STOP_NONE] = "nothing",
	[VM_STOP_RESET] = "a reset it asked for",
	[VM_STOP_TRIPLE_FAULT] = "a triple fault",
	[VM_STOP_PANIC] = "a panic of its kernel",
	[VM_STOP_POWER_OFF] = "power-off",
	[VM_STOP_WATCHDOG] = "its watchdog: it hangs",
	[VM_STOP_BAD_EXIT] = "an exit that cannot be handled",
};

static void set_state(struct vm *vm, enum vm_state to)
{
	static const bool allowed[4][4] = {
		[VM_LOADING] = {[VM_RUNNING] = true},
		[VM_RUNNING] = {[VM_STOPPING] = true},
		[VM_STOPPING] = {[VM_LOADING] = true, [VM_DEAD] = true},
	};

	CORE_ASSERT(allowed[vm->state][to]);
	__atomic_store_n(&vm->state, to, __ATOMIC_SEQ_CST);
}

/* Out of LOADING: memory, vCPUs and device models as at power-up. */
static void start(struct vm *vm)
{
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		struct vcpu *vcpu = vm->vcpus[i];

		vcpu->events = 0;
		vcpu->parked = 0;
		vcpu->clock_msr = 0;
		vcpu->state = VCPU_OFF;
		vlapic_reset(&vcpu->lapic, i, i == 0, tsc_hz, false);
		vendor->vcpu_reset(vcpu);
	}
	load_vm(vm);
	vm->vcpus[0]->state = VCPU_READY;
	__atomic_store_n(&vm->stop, VM_STOP_NONE, __ATOMIC_SEQ_CST);
	set_state(vm, VM_RUNNING);
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		vcpu_kick(vm->vcpus[i]);
}

void lifecycle_start(void)
{
	for (size_t i = 0; i < VM_MAX; i++)
		if (vm_list[i] != NULL)
			start(vm_list[i]);
}

static bool all_parked(const struct vm *vm)
{
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		if (!__atomic_load_n(&vm->vcpus[i]->parked, __ATOMIC_ACQUIRE))
			return false;
	return true;
}

static void end_control(struct vm *vm)
{
	if (vm->stop == VM_STOP_POWER_OFF) {
		log_line("the control VM powers the machine off");
		machine_power_off(vm->pm1_control);
		log_line("the machine does not go off; it restarts");
		machine_restart();
	}
	if (vm->stop == VM_STOP_RESET) {
		log_line("the control VM restarts the machine");
		machine_restart();
	}
	core_panic(REASON_CONTROL_VM_DIED, "by %s", stop_names[vm->stop]);
}

static void end_ui(struct vm *vm)
{
	vpci_quiesce(vm);
	irq_release_vm(vm);
	if (vm->stop == VM_STOP_WATCHDOG)
		for (unsigned i = 0; i < vm->vcpu_count; i++)
			vendor->dump(vm->vcpus[i]);
	if (vm->stop == VM_STOP_POWER_OFF) {
		log_line("%s is off", vm->name);
		set_state(vm, VM_DEAD);
		return;
	}
	vm->restarts++;
	counter_add(vm, COUNTER_RESTARTS, 1);
	if (vm->image->max_restarts != 0 && vm->restarts > vm->image->max_restarts) {
		set_state(vm, VM_DEAD);
		log_warning(REASON_UI_VM_GIVEN_UP, "%s, after %lu restarts", vm->name,
			    vm->restarts - 1);
		return;
	}
	log_warning(REASON_VM_RESTARTED, "%s, for the %lu. time, because of %s", vm->name,
		    vm->restarts, stop_names[vm->stop]);
	vpci_reset(vm);
	bus_reset(vm);
	apic_regions_reset(vm);
	platform_reset(vm);
	set_state(vm, VM_LOADING);
	start(vm);
}

bool lifecycle_has_work(void)
{
	for (size_t i = 0; i < VM_MAX; i++) {
		const struct vm *vm = vm_list[i];

		if (vm == NULL || vm->state == VM_DEAD)
			continue;
		if (__atomic_load_n(&vm->stop, __ATOMIC_ACQUIRE) != VM_STOP_NONE &&
		    (vm->state == VM_RUNNING || all_parked(vm)))
			return true;
	}
	return false;
}

uint64_t lifecycle_deadline(void)
{
	uint64_t first = 0;

	for (size_t i = 0; i < VM_MAX; i++) {
		uint64_t deadline;

		if (vm_list[i] == NULL || vm_list[i]->state != VM_RUNNING)
			continue;
		deadline = __atomic_load_n(&vm_list[i]->watchdog_deadline, __ATOMIC_RELAXED);
		if (deadline != 0 && (first == 0 || deadline < first))
			first = deadline;
	}
	return first;
}

void lifecycle_poll(void)
{
	faults_poll(rdtsc());
	for (size_t i = 0; i < VM_MAX; i++) {
		struct vm *vm = vm_list[i];
		uint64_t deadline;

		if (vm == NULL)
			continue;
		deadline = __atomic_load_n(&vm->watchdog_deadline, __ATOMIC_RELAXED);
		if (vm->state == VM_RUNNING && deadline != 0 && rdtsc() >= deadline)
			vm_request_stop(vm, VM_STOP_WATCHDOG);
		if (vm->state == VM_RUNNING &&
		    __atomic_load_n(&vm->stop, __ATOMIC_ACQUIRE) != VM_STOP_NONE) {
			vm->watchdog_deadline = 0;
			set_state(vm, VM_STOPPING);
			for (unsigned n = 0; n < vm->vcpu_count; n++)
				vcpu_kick(vm->vcpus[n]);
		}
		if (vm->state == VM_STOPPING && all_parked(vm)) {
			if (vm->kind == VM_CONTROL)
				end_control(vm);
			else
				end_ui(vm);
		}
	}
}
