/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exits by kind. Nothing a VM does may end more than that VM: what has no handler, or what the CPU
 * refuses, stops the VM with a full report.
 */
#include "vm/exit.h"

#include "lib/errno.h"
#include "lib/log.h"
#include "vm/bus.h"
#include "vm/vendor.h"
#include "vm/walk.h"
#include "x86/cpu.h"

void exit_inject_gp(struct vcpu *vcpu)
{
	vendor->inject_exception(vcpu, EXCEPTION_GP, true, 0);
}

static int read_guest(void *user, gpa_t address, void *to, size_t size)
{
	return vm_read_memory(user, address, to, size);
}

size_t exit_fetch(struct vcpu *vcpu, uint8_t bytes[15])
{
	struct vcpu_mode mode;

	vendor->get_mode(vcpu, &mode);
	return walk_fetch(&mode, read_guest, vcpu->vm, bytes, 15);
}

static void handle_nothing(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	(void)vcpu;
	(void)exit;
}

static void handle_cpuid(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	cpuid_exit(vcpu);
	vendor->advance(vcpu, exit->length);
}

static const struct vm_region *find_port(struct vm *vm, uint16_t port, uint8_t size)
{
	for (size_t i = 0; i < vm->pio_count; i++) {
		const struct vm_region *region = &vm->pio[i];

		if (port >= region->start && port + size <= region->start + region->size)
			return region;
	}
	return NULL;
}

static void handle_io(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	const struct vm_region *region = find_port(vcpu->vm, exit->port, exit->size);
	uint64_t mask = exit->size == 1 ? 0xff : exit->size == 2 ? 0xffff : 0xffffffff;
	uint64_t value = vcpu->registers[RAX] & mask;

	/* No driver of ours uses string I/O on an emulated port. */
	if (exit->string) {
		vm_violation(vcpu, COUNTER_BAD_PORT, "string access to port", exit->port);
		exit_inject_gp(vcpu);
		return;
	}
	if (!exit->write)
		value = mask;
	if (region == NULL || region->access(vcpu, region->data, exit->port - region->start,
					     exit->size, exit->write, &value) != 0)
		vm_violation(vcpu, COUNTER_BAD_PORT, exit->write ? "write to port" : "read of port",
			     exit->port);
	if (!exit->write) {
		uint64_t rax = vcpu->registers[RAX];

		/* 32-bit results clear the upper half. */
		vcpu->registers[RAX] =
			exit->size == 4 ? value & mask : (rax & ~mask) | (value & mask);
	}
	vendor->advance(vcpu, exit->length);
}

static void handle_halt(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	vendor->advance(vcpu, exit->length);
	vcpu->state = VCPU_HALTED;
}

static void handle_hypercall(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	const uint64_t *r = vcpu->registers;
	const uint64_t arguments[4] = {r[RDI], r[RSI], r[RDX], r[R10]};
	struct vcpu_mode mode;
	int64_t result;

	vendor->get_mode(vcpu, &mode);
	if (mode.cpl != 0) {
		vendor->inject_exception(vcpu, EXCEPTION_UD, false, 0);
		return;
	}
	result = bus_hypercall(vcpu, r[RAX], arguments);
	if (result == HYPERCALL_AGAIN)
		return;
	vcpu->registers[RAX] = (uint64_t)result;
	vendor->advance(vcpu, exit->length);
}

/* MOV to and from CR8: 0F 22 and 0F 20 after prefixes; the register is in ModRM and REX.B. */
static void handle_cr8(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	uint8_t bytes[15], rex = 0;
	size_t n = exit_fetch(vcpu, bytes), i = 0;
	unsigned reg;

	while (i < n && (bytes[i] == 0xf0 || bytes[i] == 0x66 || bytes[i] == 0xf2 ||
			 bytes[i] == 0xf3 || (bytes[i] & 0xf0) == 0x40))
		rex = bytes[i++];
	if (i + 3 > n || bytes[i] != 0x0f || bytes[i + 1] != (exit->write ? 0x22 : 0x20)) {
		exit_inject_gp(vcpu);
		return;
	}
	reg = (bytes[i + 2] & 7U) | ((rex & 0xf0) == 0x40 && (rex & 1) ? 8U : 0);
	if (!exit->write) {
		vcpu->registers[reg] = vlapic_read_cr8(&vcpu->lapic);
	} else if (vcpu->registers[reg] > 15) {
		exit_inject_gp(vcpu);
		return;
	} else {
		vlapic_write_cr8(&vcpu->lapic, vcpu->registers[reg]);
	}
	vendor->advance(vcpu, (uint8_t)(i + 3));
}

bool exit_xcr0_is_valid(uint64_t value)
{
	struct cpuid leaf = cpuid(0xd, 0);
	uint64_t all = ((uint64_t)leaf.edx << 32 | leaf.eax) & ~XCR0_NEVER;

	return (value & ~all) == 0 && (value & 1) && (value & 6) != 4 &&
	       ((value & 0xe0) == 0 || ((value & 0xe0) == 0xe0 && (value & 6) == 6));
}

static void handle_xsetbv(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	uint64_t value = vcpu->registers[RDX] << 32 | (uint32_t)vcpu->registers[RAX];
	struct vcpu_mode mode;

	vendor->get_mode(vcpu, &mode);
	if (mode.cpl != 0 || (uint32_t)vcpu->registers[RCX] != 0 || !exit_xcr0_is_valid(value)) {
		exit_inject_gp(vcpu);
		return;
	}
	xsetbv(0, value);
	vendor->advance(vcpu, exit->length);
}

/* A VM's devices need no flush of all caches, and one VM shall not empty the other's. */
static void handle_cache(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	vendor->advance(vcpu, exit->length);
}

static void handle_undefined(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	(void)exit;
	vendor->inject_exception(vcpu, EXCEPTION_UD, false, 0);
}

static void handle_protected(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	(void)exit;
	exit_inject_gp(vcpu);
}

static void handle_shutdown(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	(void)exit;
	log_line("%s vCPU %u: triple fault", vcpu->vm->name, vcpu->number);
	vendor->dump(vcpu);
	vm_request_stop(vcpu->vm, VM_STOP_TRIPLE_FAULT);
}

static void handle_fatal(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	log_line("%s vCPU %u: exit 0x%lx (%s) is not one the core knows what to do with",
		 vcpu->vm->name, vcpu->number, exit->code, vendor->exit_name(exit->code));
	vendor->dump(vcpu);
	vm_request_stop(vcpu->vm, VM_STOP_BAD_EXIT);
}

exit_handler *const exit_handlers[EXIT_KINDS] = {
	[EXIT_NOTHING] = handle_nothing,
	[EXIT_CPUID] = handle_cpuid,
	[EXIT_MSR] = msr_exit,
	[EXIT_IO] = handle_io,
	[EXIT_MEMORY] = mmio_exit,
	[EXIT_HALT] = handle_halt,
	[EXIT_HYPERCALL] = handle_hypercall,
	[EXIT_CR8] = handle_cr8,
	[EXIT_XSETBV] = handle_xsetbv,
	[EXIT_CACHE] = handle_cache,
	[EXIT_UNDEFINED] = handle_undefined,
	[EXIT_PROTECTED] = handle_protected,
	[EXIT_SHUTDOWN] = handle_shutdown,
	[EXIT_REFUSED] = handle_fatal,
	[EXIT_UNKNOWN] = handle_fatal,
};
