/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An access to a guest physical address where nothing is mapped: a register of a device model, or a
 * violation, which reads as all ones and writes nothing.
 */
#include "lib/errno.h"
#include "vm/exit.h"
#include "vm/insn.h"
#include "vm/vendor.h"

static const struct vm_region *find_region(struct vm *vm, uint64_t address, unsigned size)
{
	for (size_t i = 0; i < vm->mmio_count; i++) {
		const struct vm_region *region = &vm->mmio[i];

		if (address >= region->start && address - region->start < region->size &&
		    region->size - (address - region->start) >= size)
			return region;
	}
	return NULL;
}

static void access_region(struct vcpu *vcpu, uint64_t address, unsigned size, bool write,
			  uint64_t *value)
{
	const struct vm_region *region = find_region(vcpu->vm, address, size);

	if (region == NULL ||
	    region->access(vcpu, region->data, address - region->start, size, write, value) != 0) {
		if (!write)
			*value = ~0ULL;
		vm_violation(vcpu, COUNTER_BAD_MEMORY,
			     write ? "write to address" : "read of address", address);
	}
}

void mmio_exit(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	uint64_t address = gpa_value(exit->address), value = ~0ULL, out = 0;
	uint8_t bytes[15];
	struct vcpu_mode mode;
	struct insn insn;
	uint64_t rflags;

	vendor->get_mode(vcpu, &mode);
	if (exit->fetch ||
	    insn_decode(bytes, exit_fetch(vcpu, bytes), insn_mode_of(&mode), &insn) != 0) {
		vm_violation(vcpu, COUNTER_BAD_MEMORY,
			     exit->fetch ? "execution at address"
					 : "access by an unknown instruction to address",
			     address);
		exit_inject_gp(vcpu);
		return;
	}
	if (insn.reads)
		access_region(vcpu, address, insn.size, false, &value);
	rflags = mode.rflags;
	insn_complete(&insn, vcpu->registers, &rflags, value, &out);
	if (insn.writes)
		access_region(vcpu, address, insn.size, true, &out);
	if (rflags != mode.rflags)
		vendor->set_rflags(vcpu, rflags);
	vendor->advance(vcpu, insn.length);
}
