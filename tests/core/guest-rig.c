/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine below guests; guest-rig.h says what it is like. */
#include "guest-rig.h"

#include <asm/prctl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest/calls.h"
#include "lib/errno.h"
#include "memory/frame.h"
#include "stub.h"
#include "svm/svm.h"
#include "vm/exit.h"
#include "vm/irq.h"
#include "x86/interrupt.h"
#include "x86/machine.h"
#include "x86/pcpu.h"

struct vm rig_vms[2];
unsigned rig_flushes, rig_kicks, rig_injected, rig_again;
uint8_t rig_bytes[15];

static struct vcpu outers[RIG_PCPUS];
static struct pcpu pcpus[RIG_PCPUS];
static struct svm_cpu svm_cpus[RIG_PCPUS];
struct pcpu *pcpu_list[PCPU_MAX];
unsigned pcpu_count = RIG_PCPUS;
uint64_t tsc_hz = 1000000000;

void rig_run_on(unsigned pcpu)
{
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, &pcpus[pcpu]))
		abort();
}

void lapic_send(uint32_t apic_id, uint8_t vector)
{
	(void)apic_id;
	(void)vector;
	__atomic_fetch_add(&rig_kicks, 1, __ATOMIC_RELAXED);
}

void irq_end_vector(struct vm *vm, uint8_t vector)
{
	(void)vm;
	(void)vector;
}

const char *svm_exit_name(uint64_t code)
{
	(void)code;
	return "";
}

/* ---- vm/exit.c ---- */

bool exit_xcr0_is_valid(uint64_t value)
{
	return value == 1 || value == 3 || value == 7;
}

void exit_inject_gp(struct vcpu *vcpu)
{
	(void)vcpu;
	rig_injected++;
}

size_t exit_fetch(struct vcpu *vcpu, uint8_t bytes[15])
{
	(void)vcpu;
	memcpy(bytes, rig_bytes, 15);
	return 15;
}

static void halt(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	(void)exit;
	vcpu->state = VCPU_HALTED;
}

exit_handler *const exit_handlers[EXIT_KINDS] = {[EXIT_HALT] = halt};

/* ---- svm/svm.c ---- */

static int vm_create(struct vm *vm)
{
	vm->vendor = calloc(1, sizeof(struct svm_vm));
	return 0;
}

static void vm_destroy(struct vm *vm)
{
	free(vm->vendor);
}

static int vcpu_create(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = aligned_alloc(PAGE_SIZE, 2 * PAGE_SIZE);

	memset(svm, 0, 2 * PAGE_SIZE);
	svm->xsave = calloc(1, PAGE_SIZE);
	svm->xcr0 = 1;
	svm->vm = vcpu->vm->vendor;
	svm->vmcb.intercept_misc2 = INTERCEPT_VMRUN;
	svm->vmcb.asid = SVM_FIRST_GUEST_ASID;
	svm->vmcb.nested_control = 1;
	vcpu->vendor = svm;
	return 0;
}

static void vcpu_destroy(struct vcpu *vcpu)
{
	free(svm_of(vcpu)->xsave);
	free(vcpu->vendor);
}

static void advance(struct vcpu *vcpu, uint8_t length)
{
	svm_of(vcpu)->vmcb.rip += length;
}

static void set_rflags(struct vcpu *vcpu, uint64_t rflags)
{
	svm_of(vcpu)->vmcb.rflags = rflags;
}

static bool interruptible(const struct vcpu *vcpu)
{
	const struct vmcb *vmcb = &svm_of(vcpu)->vmcb;

	return vmcb->rflags & RFLAGS_IF && !(vmcb->event_injection & VMCB_EVENT_VALID);
}

bool svm_nmi_open(const struct vcpu *vcpu)
{
	return !svm_of(vcpu)->nmi_blocked;
}

static void put(struct vcpu *vcpu)
{
	(void)vcpu;
}

static void flush(struct vm *vm)
{
	(void)vm;
	rig_flushes++;
}

static const struct vendor_ops ops = {
	.vm_create = vm_create,
	.vm_destroy = vm_destroy,
	.vcpu_create = vcpu_create,
	.vcpu_destroy = vcpu_destroy,
	.vcpu_reset = svm_vcpu_reset,
	.vcpu_startup = svm_vcpu_startup,
	.put = put,
	.get_mode = svm_get_mode,
	.advance = advance,
	.set_rflags = set_rflags,
	.interruptible = interruptible,
	.nmi_open = svm_nmi_open,
	.msr_read = svm_msr_read,
	.msr_write = svm_msr_write,
	.load = svm_load,
	.store = svm_store,
	.fpu = svm_fpu,
	.set_tsc_offset = svm_set_tsc_offset,
	.open_window = svm_open_window,
	.flush = flush,
};

/* ---- the control VM ---- */

static void must(int error)
{
	if (error)
		abort();
}

void rig_start(void)
{
	struct vm *control = &rig_vms[1];

	stub_ram_init(RIG_POOL, RIG_END - RIG_POOL);
	frame_init(hpa(RIG_POOL), 16 * MIB);
	owner_init();
	memset(rig_vms, 0, sizeof(rig_vms));
	memset(outers, 0, sizeof(outers));
	rig_flushes = rig_kicks = rig_injected = 0;
	vendor = &ops;
	vendor_caps.asids = 16;
	*control = (struct vm){.number = 1, .kind = VM_CONTROL, .name = "control"};
	must(owner_add(hpa(RIG_RAM), RIG_RAM_SIZE, PAGE_RAM, vm_owner(control)));
	must(owner_add(hpa(RIG_ROM), PAGE_SIZE, PAGE_RAM, vm_owner(control)));
	must(owner_add(hpa(RIG_FOREIGN), PAGE_SIZE, PAGE_RAM, vm_owner(&rig_vms[0])));
	must(space_init(&control->memory, &table_format_npt, vm_owner(control), 4, 21));
	must(space_map(&control->memory, gpa(RIG_RAM), hpa(RIG_RAM), RIG_RAM_SIZE, PAGE_RAM,
		       MAP_READ | MAP_WRITE | MAP_EXECUTE));
	must(space_map(&control->memory, gpa(RIG_ROM), hpa(RIG_ROM), PAGE_SIZE, PAGE_RAM,
		       MAP_READ | MAP_EXECUTE));
	for (unsigned i = 0; i < RIG_PCPUS; i++) {
		outers[i] = (struct vcpu){.vm = control, .number = i, .state = VCPU_READY};
		vlapic_reset(&outers[i].lapic, i, i == 0, tsc_hz, false);
		outers[i].lapic.svr = 0x1ff;
		control->vcpus[i] = &outers[i];
		pcpus[i] = (struct pcpu){.self = &pcpus[i], .number = i, .svm = &svm_cpus[i]};
		svm_cpus[i] = (struct svm_cpu){0};
		pcpu_list[i] = &pcpus[i];
	}
	control->vcpu_count = RIG_PCPUS;
	rig_run_on(0);
}

int rig_set_up(void **state)
{
	(void)state;
	rig_start();
	return 0;
}

int rig_tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MULLION_GUESTS; i++) {
		struct guest *guest = guest_hold(i);

		if (!guest)
			continue;
		for (unsigned n = 0; n < MULLION_GUEST_VCPUS; n++)
			if (guest->vm.vcpus[n])
				guest_vcpu_of(guest->vm.vcpus[n])->claimed = 0;
		__atomic_store_n(&guest->users, 0, __ATOMIC_SEQ_CST); /* a test failed with it */
		(void)rig_call(MULLION_CALL_GUEST_DESTROY, i, 0, 0, 0);
	}
	stub_ram_finish();
	return 0;
}

int64_t rig_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	const uint64_t arguments[4] = {a, b, c, d};
	int64_t result;

	for (rig_again = 0;; rig_again++) {
		struct hypercall call = {0};

		result = guest_check_call(&rig_vms[1], number, arguments, &call);
		if (result == 0)
			result = call.run(&outers[0], &call);
		if (result != HYPERCALL_AGAIN)
			return result;
	}
}

int hypercall_memory(uint64_t untrusted_start, uint64_t size, uint64_t alignment,
		     struct hypercall *call)
{
	if (size == 0 || untrusted_start % alignment != 0 || range_wraps(untrusted_start, size))
		return -EINVAL;
	call->memory = gpa(untrusted_start);
	call->size = size;
	return 0;
}

void *rig_ram(uint64_t address)
{
	return phys_virt(hpa(address));
}

struct vcpu *rig_outer(void)
{
	return &outers[0];
}

static uint64_t page_address(unsigned vcpu)
{
	return RIG_RAM + RIG_RAM_SIZE - (vcpu + 1) * PAGE_SIZE;
}

struct mullion_vcpu_page *rig_page(unsigned vcpu)
{
	return rig_ram(page_address(vcpu));
}

unsigned rig_guest(unsigned vcpus)
{
	int64_t guest = CALL(GUEST_CREATE, 0);

	must(guest < 0);
	for (unsigned i = 0; i < vcpus; i++)
		must((int)CALL(VCPU_CREATE, HANDLE(guest, i), page_address(i)));
	return (unsigned)guest;
}

struct guest_vcpu *rig_vcpu(unsigned guest, unsigned vcpu)
{
	struct guest *held = guest_hold(guest);
	struct guest_vcpu *gv = guest_vcpu_find(held, vcpu);

	guest_release(held);
	return gv;
}
