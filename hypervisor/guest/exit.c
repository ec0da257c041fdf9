/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exits of guests. What is hot is dealt with here; all else is why the run ends. Instructions are
 * decoded for accesses to the local APIC's page and for prefixes of string I/O only.
 */
#include "guest/guest.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "vm/exit.h"
#include "vm/insn.h"
#include "vm/vendor.h"
#include "x86/cpu.h"

#define MSR_TSC 0x10

/* ---- interrupts ---- */

/* Sends an IPI. Returns which vCPUs the control VM has to wake. */
static uint32_t send_ipi(struct guest_vcpu *gv, const struct vlapic_action *action)
{
	struct vm *vm = gv->vcpu.vm;
	uint32_t mask = 0;

	if (action->init_deassert)
		return 0;
	for (unsigned i = 0; i < MULLION_GUEST_VCPUS; i++) {
		struct vcpu *to = __atomic_load_n(&vm->vcpus[i], __ATOMIC_ACQUIRE);

		if (to == NULL || !vcpu_is_addressed(&gv->vcpu, to, action))
			continue;
		if (guest_deliver(guest_vcpu_of(to), action->delivery, action->vector, false))
			mask |= 1U << i;
		if (action->delivery == VLAPIC_LOWEST)
			break;
	}
	return mask;
}

static int do_action(struct guest_vcpu *gv, const struct vlapic_action *action)
{
	uint32_t mask;

	switch (action->kind) {
	case VLAPIC_EOI:
		gv->page->vector = action->vector;
		return MULLION_EXIT_EOI;
	case VLAPIC_IPI:
		mask = send_ipi(gv, action);
		gv->page->mask = mask;
		return mask ? MULLION_EXIT_WAKE : GUEST_GOES_ON;
	case VLAPIC_NOTHING:
	default:
		return GUEST_GOES_ON;
	}
}

/* ---- MSRs ---- */

static bool is_lapic(const struct guest_vcpu *gv, uint32_t msr)
{
	return msr >> 8 == 0x8 || msr == MSR_APIC_BASE || msr == 0x6e0 ||
	       (gv->hyperv_apic && msr >= MSR_HV_EOI && msr <= MSR_HV_TPR);
}

static int read_msr(struct guest_vcpu *gv, uint32_t msr, uint64_t *value)
{
	struct vcpu *vcpu = &gv->vcpu;

	if (is_lapic(gv, msr))
		return vlapic_msr_read(&vcpu->lapic, msr, value, guest_tsc(vcpu));
	if (msr != MSR_TSC)
		return vendor->msr_read(vcpu, msr, value);
	*value = guest_tsc(vcpu);
	return 0;
}

static int write_msr(struct guest_vcpu *gv, uint32_t msr, uint64_t value,
		     struct vlapic_action *action)
{
	struct vcpu *vcpu = &gv->vcpu;

	action->kind = VLAPIC_NOTHING;
	if (is_lapic(gv, msr))
		return vlapic_msr_write(&vcpu->lapic, msr, value, guest_tsc(vcpu), action);
	if (msr != MSR_TSC)
		return vendor->msr_write(vcpu, msr, value);
	guest_set_tsc(vcpu, value - rdtsc());
	return 0;
}

static int handle_msr(struct guest_vcpu *gv, const struct vcpu_exit *exit)
{
	uint64_t *registers = gv->vcpu.registers, value;
	struct vlapic_action *action = &gv->vcpu.action;
	int error;

	if (!is_lapic(gv, exit->msr) && exit->msr != MSR_TSC && exit->msr != MSR_EFER &&
	    exit->msr != MSR_PAT) {
		gv->page->msr = exit->msr;
		gv->page->write = exit->write;
		gv->page->length = exit->length;
		return MULLION_EXIT_MSR;
	}
	if (exit->write) {
		value = registers[RDX] << 32 | (uint32_t)registers[RAX];
		error = write_msr(gv, exit->msr, value, action);
	} else {
		error = read_msr(gv, exit->msr, &value);
	}
	if (error) {
		exit_inject_gp(&gv->vcpu);
		return GUEST_GOES_ON;
	}
	vendor->advance(&gv->vcpu, exit->length);
	if (exit->write && exit->msr == MSR_TSC)
		return MULLION_EXIT_INTERRUPT; /* the module's clocks and the timer go by it */
	if (exit->write)
		return do_action(gv, action);
	registers[RAX] = (uint32_t)value;
	registers[RDX] = value >> 32;
	return GUEST_GOES_ON;
}

/* ---- memory ---- */

static bool in_apic_page(const struct vlapic *lapic, uint64_t address)
{
	return align_down(address, PAGE_SIZE) == VLAPIC_DEFAULT_BASE &&
	       (lapic->base_msr >> 10 & 3) == 2; /* on, and not x2APIC */
}

/* An access to a register, of which the APIC has only whole ones. -ENOTSUP: by no instruction that
 * the core knows. */
static int access_apic(struct guest_vcpu *gv, const struct vcpu_exit *exit,
		       struct vlapic_action *action)
{
	uint32_t offset = gpa_value(exit->address) % PAGE_SIZE, word = 0;
	struct vcpu *vcpu = &gv->vcpu;
	struct vcpu_mode mode;
	struct insn insn;
	uint8_t bytes[15];
	uint64_t rflags, out = 0;

	vendor->get_mode(vcpu, &mode);
	if (exit->fetch ||
	    insn_decode(bytes, exit_fetch(vcpu, bytes), insn_mode_of(&mode), &insn) != 0)
		return -ENOTSUP;
	if (insn.reads)
		vlapic_mmio_read(&vcpu->lapic, offset & ~15U, &word, guest_tsc(vcpu));
	rflags = mode.rflags;
	insn_complete(&insn, vcpu->registers, &rflags, word >> offset % 4 * 8, &out);
	if (insn.writes && insn.size == 4)
		vlapic_mmio_write(&vcpu->lapic, offset, (uint32_t)out, guest_tsc(vcpu), action);
	if (rflags != mode.rflags)
		vendor->set_rflags(vcpu, rflags);
	vendor->advance(vcpu, insn.length);
	return 0;
}

static int handle_memory(struct guest_vcpu *gv, const struct vcpu_exit *exit)
{
	struct vlapic_action *action = &gv->vcpu.action;
	uint8_t bytes[15], count;

	action->kind = VLAPIC_NOTHING;
	if (in_apic_page(&gv->vcpu.lapic, gpa_value(exit->address)) &&
	    access_apic(gv, exit, action) == 0)
		return do_action(gv, action);
	gv->page->address = gpa_value(exit->address);
	gv->page->write = exit->write;
	gv->page->fetch = exit->fetch;
	count = (uint8_t)(exit->fetch ? 0 : exit_fetch(&gv->vcpu, bytes));
	gv->page->byte_count = count; /* the page is the control VM's to write, too */
	memcpy(gv->page->bytes, bytes, count);
	return MULLION_EXIT_MEMORY;
}

/* ---- ports ---- */

/* What the prefixes of INS and OUTS say. */
static void decode_string(struct guest_vcpu *gv)
{
	static const uint8_t overrides[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
	struct mullion_vcpu_page *page = gv->page;
	struct vcpu_mode mode;
	uint8_t bytes[15], repeated = 0, size, segment = MULLION_DS;
	size_t n = exit_fetch(&gv->vcpu, bytes);

	vendor->get_mode(&gv->vcpu, &mode);
	size = mode.long_mode ? 8 : mode.wide ? 4 : 2;
	for (size_t i = 0; i < n && (bytes[i] & 0xfc) != 0x6c; i++) {
		if (bytes[i] == 0xf2 || bytes[i] == 0xf3)
			repeated = 1;
		if (bytes[i] == 0x67)
			size = mode.long_mode || !mode.wide ? 4 : 2;
		for (uint8_t k = 0; k < ARRAY_LENGTH(overrides); k++)
			if (bytes[i] == overrides[k])
				segment = k;
	}
	page->repeated = repeated;
	page->address_size = size;
	page->segment = segment;
}

static int handle_io(struct guest_vcpu *gv, const struct vcpu_exit *exit)
{
	gv->page->port = exit->port;
	gv->page->size = exit->size;
	gv->page->write = exit->write;
	gv->page->length = exit->length;
	gv->page->string = exit->string;
	if (exit->string)
		decode_string(gv);
	return MULLION_EXIT_IO;
}

/* ---- the rest ---- */

static int handle_cpuid(struct guest_vcpu *gv, const struct vcpu_exit *exit)
{
	uint64_t *registers = gv->vcpu.registers;
	struct cpuid r = guest_cpuid(gv, (uint32_t)registers[RAX], (uint32_t)registers[RCX]);

	registers[RAX] = r.eax;
	registers[RBX] = r.ebx;
	registers[RCX] = r.ecx;
	registers[RDX] = r.edx;
	vendor->advance(&gv->vcpu, exit->length);
	return GUEST_GOES_ON;
}

int guest_exit(struct guest_vcpu *gv, const struct vcpu_exit *exit)
{
	switch (exit->kind) {
	case EXIT_NOTHING:
		return GUEST_GOES_ON;
	case EXIT_CPUID:
		return handle_cpuid(gv, exit);
	case EXIT_MSR:
		return handle_msr(gv, exit);
	case EXIT_IO:
		return handle_io(gv, exit);
	case EXIT_MEMORY:
		return handle_memory(gv, exit);
	case EXIT_HYPERCALL:
		gv->page->length = exit->length;
		return MULLION_EXIT_HYPERCALL;
	case EXIT_HALT: /* guest_run_prepare() sees to the rest */
	case EXIT_CR8:
	case EXIT_XSETBV:
	case EXIT_CACHE:
	case EXIT_UNDEFINED:
	case EXIT_PROTECTED:
		exit_handlers[exit->kind](&gv->vcpu, exit);
		gv->wait_end = rdtsc() + gv->wait; /* if it is halted now */
		return GUEST_GOES_ON;
	case EXIT_SHUTDOWN:
		return MULLION_EXIT_SHUTDOWN;
	case EXIT_REFUSED:
		gv->page->code = exit->code;
		return MULLION_EXIT_REFUSED;
	case EXIT_UNKNOWN:
	default:
		gv->page->code = exit->code;
		return MULLION_EXIT_UNKNOWN;
	}
}
