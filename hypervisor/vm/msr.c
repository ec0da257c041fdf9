/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which MSRs a service VM has, as one table with reasons. What is not in it takes #GP and is
 * counted, so that nothing depends on how the machine answers an unknown number. MSRs that the
 * vendor lets through without an exit are not here (svm/svm.c, direct_msrs).
 */
#include "lib/errno.h"
#include "vm/exit.h"
#include "vm/pvclock.h"
#include "vm/vendor.h"
#include "x86/cpu.h"

enum policy {
	NONE,	/* takes #GP */
	FIXED,	/* reads the value; writes are dropped */
	READ,	/* reads the value; writes take #GP */
	LAPIC,	/* vm/vlapic.c */
	VENDOR, /* in the control block */
	CLOCK,	/* KVM's paravirtual clock, vm/pvclock.c */
	TSC,
	MICROCODE,
};

struct line {
	uint32_t first, last;
	enum policy policy;
	uint64_t value;
	const char *reason;
};

/* In ascending order; but x2APIC's are not here: is_x2apic(). */
static const struct line table[] = {
	{0x10, 0x10, TSC, 0, "the time-stamp counter"},
	{0x11, 0x12, CLOCK, 0, "KVM's clock, its old numbers"},
	{0x17, 0x17, READ, 0, "platform id: Linux asks on every CPU"},
	{MSR_APIC_BASE, MSR_APIC_BASE, LAPIC, 0, "the local APIC's mode"},
	{0x3a, 0x3a, READ, 1, "feature control: locked, no VMX"},
	{0x8b, 0x8b, MICROCODE, 0, "the microcode's level; updates are the core's business"},
	{0xfe, 0xfe, READ, 0, "MTRR capabilities: none variable, none fixed"},
	{0x179, 0x179, READ, 0, "machine-check banks: none; errors are the core's"},
	{0x17a, 0x17a, FIXED, 0, "machine-check status: none in progress"},
	{0x1a0, 0x1a0, FIXED, 1, "miscellaneous features: fast strings"},
	{0x1d9, 0x1d9, FIXED, 0, "debug control: no branch records"},
	{MSR_PAT, MSR_PAT, VENDOR, 0, "page attributes"},
	{0x2ff, 0x2ff, FIXED, 0x806, "MTRR default: enabled, write-back; NPT decides"},
	{0x6e0, 0x6e0, LAPIC, 0, "the TSC deadline"},
	{0x4b564d00, 0x4b564d01, CLOCK, 0, "KVM's clock"},
	{MSR_EFER, MSR_EFER, VENDOR, 0, "long mode, NX, SYSCALL; SVME is hidden"},
	{0xc0010010, 0xc0010010, FIXED, 0, "SYSCFG: no memory encryption"},
	{0xc0010015, 0xc0010015, FIXED, 0x01000000, "HWCR: TSC runs at P0"},
	{0xc001001a, 0xc001001a, READ, 0, "TOP_MEM: E820 tells"},
	{0xc001001d, 0xc001001d, READ, 0, "TOP_MEM2: E820 tells"},
	{0xc001001f, 0xc001001f, FIXED, 0, "NB_CFG: Linux looks for the I/O bit"},
	{0xc0010055, 0xc0010055, FIXED, 0, "interrupt pending message: off"},
	{0xc0010112, 0xc0010113, READ, 0, "SMM's memory: none"},
	{MSR_VM_CR, MSR_VM_CR, READ, 0x10, "virtualization: disabled"},
	{0xc0010140, 0xc0010141, READ, 0, "errata workarounds: none known"},
	{0xc0011020, 0xc0011023, FIXED, 0, "load-store and cache configuration: the core's"},
	{0xc0011029, 0xc0011029, FIXED, 2, "DE_CFG: LFENCE waits for what is before it"},
	{0xc001102a, 0xc001102a, FIXED, 0, "BU_CFG2: the core's"},
};

static uint64_t microcode_level(void)
{
	return rdmsr(0x8b);
}

static bool is_x2apic(uint32_t msr)
{
	return msr >> 8 == 0x800 >> 8;
}

static const struct line *find_line(uint32_t msr)
{
	static const struct line none;
	size_t low = 0, high = ARRAY_LENGTH(table);

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (msr > table[middle].last)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ARRAY_LENGTH(table) && msr >= table[low].first ? &table[low] : &none;
}

static int read_msr(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
	const struct line *line = find_line(msr);

	switch (line->policy) {
	case FIXED:
	case READ:
		*value = line->value;
		return 0;
	case LAPIC:
		return vlapic_msr_read(&vcpu->lapic, msr, value, rdtsc());
	case VENDOR:
		return vendor->msr_read(vcpu, msr, value);
	case CLOCK:
		return pvclock_read(vcpu, msr, value);
	case TSC:
		*value = rdtsc();
		return 0;
	case MICROCODE:
		*value = microcode_level();
		return 0;
	case NONE:
	default:
		return -EPERM;
	}
}

static int write_msr(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	switch (find_line(msr)->policy) {
	case FIXED:
	case MICROCODE:
		return 0;
	case LAPIC:
		return vlapic_msr_write(&vcpu->lapic, msr, value, rdtsc(), &vcpu->action);
	case VENDOR:
		return vendor->msr_write(vcpu, msr, value);
	case CLOCK:
		return pvclock_write(vcpu, msr, value);
	case TSC:
		return 0; /* it stays the machine's, for all VMs */
	case NONE:
	case READ:
	default:
		return -EPERM;
	}
}

static void refuse(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	vm_violation(vcpu, COUNTER_BAD_MSR, exit->write ? "write of MSR" : "read of MSR",
		     exit->msr);
	exit_inject_gp(vcpu);
}

static uint64_t written_value(const struct vcpu *vcpu)
{
	return vcpu->registers[RDX] << 32 | (uint32_t)vcpu->registers[RAX];
}

static void x2apic_write_exit(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	struct vlapic_action *action = &vcpu->action;

	if (vlapic_msr_write(&vcpu->lapic, exit->msr, written_value(vcpu), rdtsc(), action) != 0) {
		refuse(vcpu, exit);
		return;
	}
	vendor->advance(vcpu, exit->length);
	if (action->kind != VLAPIC_NOTHING)
		vcpu_apic_action(vcpu, action);
}

static __attribute__((noinline)) void other_exit(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	uint64_t value = written_value(vcpu);
	int error = exit->write ? write_msr(vcpu, exit->msr, value)
		    : is_x2apic(exit->msr)
			    ? vlapic_msr_read(&vcpu->lapic, exit->msr, &value, rdtsc())
			    : read_msr(vcpu, exit->msr, &value);

	if (error != 0) {
		refuse(vcpu, exit);
		return;
	}
	if (!exit->write) {
		vcpu->registers[RAX] = (uint32_t)value;
		vcpu->registers[RDX] = value >> 32;
	}
	vendor->advance(vcpu, exit->length);
}

/* What a VM does most is not looked for in the table, and has a function of its own. */
void msr_exit(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	if (exit->write && is_x2apic(exit->msr))
		x2apic_write_exit(vcpu, exit);
	else
		other_exit(vcpu, exit);
}
