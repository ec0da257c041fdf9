/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "calls.h"

#define CPUID_ENTRIES 100
#define ROUTES	      3

static void fill_cpuid(void *argument)
{
	((struct kvm_cpuid2 *)argument)->nent = CPUID_ENTRIES;
}

static void fill_msr_list(void *argument)
{
	((struct kvm_msr_list *)argument)->nmsrs = 64;
}

static void fill_msrs(void *argument)
{
	struct kvm_msrs *msrs = argument;

	msrs->nmsrs = 2;
	msrs->entries[0].index = 0x2ff;
	msrs->entries[1].index = 0x277;
	msrs->entries[1].data = 0x0007040600070406;
}

static void fill_routes(void *argument)
{
	struct kvm_irq_routing *routing = argument;
	uint32_t n;

	routing->nr = ROUTES;
	for (n = 0; n < ROUTES; n++) {
		routing->entries[n].gsi = n;
		routing->entries[n].type = KVM_IRQ_ROUTING_MSI;
		routing->entries[n].u.msi.address_lo = 0xfee00000;
		routing->entries[n].u.msi.data = 0x40 + n;
	}
}

static void fill_cap(void *argument)
{
	*(struct kvm_enable_cap *)argument =
		(struct kvm_enable_cap){.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};
}

static void fill_region(void *argument)
{
	((struct kvm_userspace_memory_region *)argument)->slot = 3; /* to be deleted */
}

static void fill_no_descriptor(void *argument)
{
	((struct kvm_irqfd *)argument)->fd = 1000;
}

static void fill_port(void *argument)
{
	struct kvm_ioeventfd *io = argument;

	io->len = 1;
	io->fd = 1000;
}

static void fill_zone(void *argument)
{
	*(struct kvm_coalesced_mmio_zone *)argument =
		(struct kvm_coalesced_mmio_zone){.addr = 0xd0000, .size = 0x100};
}

static void fill_mask(void *argument)
{
	((struct kvm_signal_mask *)argument)->len = 8;
}

static void fill_mce(void *argument)
{
	*(uint64_t *)argument = 10;
}

#define CALL(on, name) #name, on, name, _IOC_SIZE(name)
#define LIST(on, name, head, entry, count)                                                         \
#name, on, name, sizeof(struct head) + (count) * sizeof(struct entry)

const struct call calls[] = {
	{LIST(ON_SYSTEM, KVM_GET_SUPPORTED_CPUID, kvm_cpuid2, kvm_cpuid_entry2, 1), .in = true,
	 .out = true, .expected = E2BIG},
	{LIST(ON_SYSTEM, KVM_GET_SUPPORTED_CPUID, kvm_cpuid2, kvm_cpuid_entry2, CPUID_ENTRIES),
	 .in = true, .out = true, .fill = fill_cpuid},
	{"KVM_GET_MSR_INDEX_LIST", ON_SYSTEM, KVM_GET_MSR_INDEX_LIST, 4 + 64 * 4, .in = true,
	 .out = true, .fill = fill_msr_list},
	{CALL(ON_SYSTEM, KVM_X86_GET_MCE_CAP_SUPPORTED), .out = true},

	{CALL(ON_VM, KVM_ENABLE_CAP), .in = true, .fill = fill_cap, .expected = EEXIST},
	{CALL(ON_VM, KVM_SET_USER_MEMORY_REGION), .in = true, .fill = fill_region,
	 .expected = EINVAL},
	{CALL(ON_VM, KVM_GET_DIRTY_LOG), .in = true, .expected = ENOENT},
	{"KVM_SET_IDENTITY_MAP_ADDR", ON_VM, KVM_SET_IDENTITY_MAP_ADDR, 8, .in = true,
	 .expected = EINVAL},
	{CALL(ON_VM, KVM_IRQFD), .in = true, .fill = fill_no_descriptor, .expected = EBADF},
	{CALL(ON_VM, KVM_IOEVENTFD), .in = true, .fill = fill_port, .expected = EBADF},
	{CALL(ON_VM, KVM_REGISTER_COALESCED_MMIO), .in = true, .fill = fill_zone},
	{CALL(ON_VM, KVM_UNREGISTER_COALESCED_MMIO), .in = true, .fill = fill_zone},
	{CALL(ON_VM, KVM_IRQ_LINE), .in = true},
	{CALL(ON_VM, KVM_IRQ_LINE_STATUS), .in = true, .out = true},
	{CALL(ON_VM, KVM_SIGNAL_MSI), .in = true},
	{LIST(ON_VM, KVM_SET_GSI_ROUTING, kvm_irq_routing, kvm_irq_routing_entry, ROUTES),
	 .in = true, .fill = fill_routes},
	{CALL(ON_VM, KVM_GET_CLOCK), .out = true},
	{CALL(ON_VM, KVM_SET_CLOCK), .in = true},

	{CALL(ON_VCPU, KVM_GET_REGS), .out = true},
	{CALL(ON_VCPU, KVM_SET_REGS), .in = true, .get = KVM_GET_REGS},
	{CALL(ON_VCPU, KVM_GET_SREGS), .out = true},
	{CALL(ON_VCPU, KVM_SET_SREGS), .in = true, .get = KVM_GET_SREGS},
	{CALL(ON_VCPU, KVM_GET_FPU), .out = true},
	{CALL(ON_VCPU, KVM_SET_FPU), .in = true, .get = KVM_GET_FPU},
	{CALL(ON_VCPU, KVM_GET_XSAVE), .out = true},
	{CALL(ON_VCPU, KVM_SET_XSAVE), .in = true, .get = KVM_GET_XSAVE},
	{CALL(ON_VCPU, KVM_GET_XCRS), .out = true},
	{CALL(ON_VCPU, KVM_SET_XCRS), .in = true, .get = KVM_GET_XCRS},
	{CALL(ON_VCPU, KVM_GET_DEBUGREGS), .out = true},
	{CALL(ON_VCPU, KVM_SET_DEBUGREGS), .in = true, .get = KVM_GET_DEBUGREGS},
	{CALL(ON_VCPU, KVM_GET_VCPU_EVENTS), .out = true},
	{CALL(ON_VCPU, KVM_SET_VCPU_EVENTS), .in = true, .get = KVM_GET_VCPU_EVENTS},
	{CALL(ON_VCPU, KVM_GET_MP_STATE), .out = true},
	{CALL(ON_VCPU, KVM_SET_MP_STATE), .in = true, .get = KVM_GET_MP_STATE},
	{CALL(ON_VCPU, KVM_GET_LAPIC), .out = true},
	{CALL(ON_VCPU, KVM_SET_LAPIC), .in = true, .get = KVM_GET_LAPIC},
	{LIST(ON_VCPU, KVM_GET_MSRS, kvm_msrs, kvm_msr_entry, 2), .in = true, .out = true,
	 .fill = fill_msrs},
	{LIST(ON_VCPU, KVM_SET_MSRS, kvm_msrs, kvm_msr_entry, 2), .in = true, .fill = fill_msrs},
	{LIST(ON_VCPU, KVM_SET_CPUID2, kvm_cpuid2, kvm_cpuid_entry2, CPUID_ENTRIES), .in = true,
	 .fill = fill_cpuid},
	{LIST(ON_VCPU, KVM_GET_CPUID2, kvm_cpuid2, kvm_cpuid_entry2, CPUID_ENTRIES), .in = true,
	 .out = true, .fill = fill_cpuid},
	{CALL(ON_VCPU, KVM_TRANSLATE), .in = true, .out = true},
	{CALL(ON_VCPU, KVM_TPR_ACCESS_REPORTING), .in = true},
	{CALL(ON_VCPU, KVM_SET_VAPIC_ADDR), .in = true},
	{"KVM_SET_SIGNAL_MASK", ON_VCPU, KVM_SET_SIGNAL_MASK, 4 + 8, .in = true, .fill = fill_mask,
	 .null = true},
	{CALL(ON_VCPU, KVM_INTERRUPT), .in = true},
	{"KVM_X86_SETUP_MCE", ON_VCPU, KVM_X86_SETUP_MCE, 8, .in = true, .fill = fill_mce},
};
const size_t call_count = sizeof(calls) / sizeof(calls[0]);

int call_descriptor(const struct machine *m, const struct call *call)
{
	return call->on == ON_SYSTEM ? kvm : call->on == ON_VM ? m->vm : m->vcpu[0];
}

void call_fill(const struct machine *m, const struct call *call, void *argument)
{
	memset(argument, 0, call->size);
	if (call->get)
		check(ioctl(call_descriptor(m, call), call->get, argument) == 0, errno);
	else if (call->fill)
		call->fill(argument);
}
