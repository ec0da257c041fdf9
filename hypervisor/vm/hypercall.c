/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls. Each has two halves: check_X() decides, from the numbers alone and without any
 * effect, whether the call is allowed, and leaves checked arguments; do_X() then cannot refuse.
 * What may still fail is copying from or to the caller's memory, which comes first or last.
 */
#include "vm/hypercall.h"

#include "guest/calls.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "memory/frame.h"
#include "memory/owner.h"
#include "vm/trace.h"
#include "x86/cpu.h"
#include "x86/machine.h"
#include "x86/pcpu.h"

_Static_assert((int)MULLION_VM_UI == VM_UI && (int)MULLION_VM_CONTROL == VM_CONTROL, "kinds");
_Static_assert((int)MULLION_VM_LOADING == VM_LOADING && (int)MULLION_VM_RUNNING == VM_RUNNING &&
		       (int)MULLION_VM_STOPPING == VM_STOPPING && (int)MULLION_VM_DEAD == VM_DEAD,
	       "states");
_Static_assert(VM_NAME_SIZE == sizeof(((struct mullion_vm_info *)0)->name), "names");

#define CONSOLE_CHUNK 256 /* of a write: more than a line */
#define INPUT_CHUNK   64  /* of a read */

struct vm *hypercall_vm(uint64_t untrusted_number)
{
	if (untrusted_number >= VM_MAX)
		return NULL;
	return vm_list[hypercall_index(untrusted_number, VM_MAX)];
}

uint32_t hypercall_features(const struct vm *vm)
{
	uint32_t features = MULLION_FEATURE_CONSOLE | MULLION_FEATURE_WATCHDOG |
			    MULLION_FEATURE_COUNTERS | MULLION_FEATURE_DOORBELLS;

	if (vm->kind == VM_CONTROL)
		features |= MULLION_FEATURE_CONSOLE_INPUT | MULLION_FEATURE_MANAGE |
			    MULLION_FEATURE_TRACE | MULLION_FEATURE_GUESTS;
	return features;
}

/* An argument that is a VM's number: the control VM names any, others themselves. */
static int check_target(struct vm *vm, uint64_t untrusted_number, struct hypercall *call)
{
	if (vm->kind != VM_CONTROL && untrusted_number != vm->number)
		return -EPERM;
	call->target = hypercall_vm(untrusted_number);
	return call->target ? 0 : -ENOENT;
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

/* ---- QUERY(index) ---- */
static int check_query(struct vm *vm, const uint64_t untrusted[4], struct hypercall *call)
{
	(void)vm;
	call->first = untrusted[0];
	return 0;
}

static int64_t do_query(struct vcpu *vcpu, const struct hypercall *call)
{
	const struct vm *vm = vcpu_vm(vcpu);

	switch (call->first) {
	case MULLION_QUERY_VERSION:
		return MULLION_ABI_VERSION;
	case MULLION_QUERY_FEATURES:
		return hypercall_features(vm);
	case MULLION_QUERY_VM:
		return vm->number;
	case MULLION_QUERY_KIND:
		return vm->kind;
	case MULLION_QUERY_VMS:
		return VM_MAX;
	case MULLION_QUERY_PCPUS:
		return pcpu_count;
	case MULLION_QUERY_COUNTERS:
		return COUNTER_COUNT;
	case MULLION_QUERY_FRAMES:
		return vm->kind == VM_CONTROL ? (int64_t)(frame_used() - owner_frames()) : 0;
	default:
		return 0;
	}
}

/* ---- CONSOLE_WRITE(gpa, length, flags) ---- */
static int check_console_write(struct vm *vm, const uint64_t untrusted[4], struct hypercall *call)
{
	if (untrusted[2] & MULLION_CONSOLE_RAW && vm->kind != VM_CONTROL)
		return -EPERM;
	if (untrusted[2] & ~(uint64_t)MULLION_CONSOLE_RAW || untrusted[1] > MULLION_CONSOLE_MAX)
		return -EINVAL;
	call->number = (uint32_t)untrusted[2];
	return hypercall_memory(untrusted[0], untrusted[1], 1, call);
}

static int64_t do_console_write(struct vcpu *vcpu, const struct hypercall *call)
{
	struct vm *vm = vcpu_vm(vcpu);
	size_t size = call->size < CONSOLE_CHUNK ? call->size : CONSOLE_CHUNK;
	char text[CONSOLE_CHUNK];

	if (vm_read_memory(vm, call->memory, text, size))
		return -EFAULT;
	if (!(call->number & MULLION_CONSOLE_RAW))
		return (int64_t)bus_console_take(vm->bus, text, size);
	serial_write(text, size);
	return (int64_t)size;
}

/* ---- CONSOLE_READ(gpa, length) ---- */
static int check_console_read(struct vm *vm, const uint64_t untrusted[4], struct hypercall *call)
{
	(void)vm;
	if (untrusted[1] > MULLION_CONSOLE_MAX)
		return -EINVAL;
	return hypercall_memory(untrusted[0], untrusted[1], 1, call);
}

static int64_t do_console_read(struct vcpu *vcpu, const struct hypercall *call)
{
	char text[INPUT_CHUNK];
	size_t size = 0;
	int byte;

	while (size < call->size && size < sizeof(text) && (byte = serial_read()) >= 0)
		text[size++] = (char)byte;
	return vm_write_memory(vcpu_vm(vcpu), call->memory, text, size) ? -EFAULT : (int64_t)size;
}

/* ---- WATCHDOG(seconds) ---- */
static int check_watchdog(struct vm *vm, const uint64_t untrusted[4], struct hypercall *call)
{
	(void)vm;
	call->first = untrusted[0];
	return untrusted[0] <= MULLION_WATCHDOG_MAX ? 0 : -EINVAL;
}

static int64_t do_watchdog(struct vcpu *vcpu, const struct hypercall *call)
{
	uint64_t deadline = call->first ? rdtsc() + call->first * tsc_hz : 0;

	__atomic_store_n(&vcpu_vm(vcpu)->watchdog_deadline, deadline, __ATOMIC_RELEASE);
	vcpu_kick(vcpu_vm(vcpu)->vcpus[0]); /* whose pCPU's timer is the supervisor's */
	return 0;
}

/* ---- COUNTER_READ(vm, first, count, gpa) ---- */
static int check_counter_read(struct vm *vm, const uint64_t untrusted[4], struct hypercall *call)
{
	int error = check_target(vm, untrusted[0], call);

	if (error == -EPERM)
		return error;
	if (untrusted[2] > MULLION_COUNTER_MAX ||
	    hypercall_memory(untrusted[3], untrusted[2] * sizeof(uint64_t), 8, call))
		return -EINVAL;
	call->first = untrusted[1];
	return error;
}

static int64_t do_counter_read(struct vcpu *vcpu, const struct hypercall *call)
{
	uint64_t values[COUNTER_COUNT];
	size_t count = 0;

	while (count < call->size / sizeof(values[0]) && call->first < COUNTER_COUNT - count) {
		size_t n = hypercall_index(call->first + count, COUNTER_COUNT);

		values[count++] = counter_read(call->target, (enum counter)n);
	}
	if (vm_write_memory(vcpu_vm(vcpu), call->memory, values, count * sizeof(values[0])))
		return -EFAULT;
	return (int64_t)count;
}

/* ---- COUNTER_NAME(number, gpa) ---- */
static int check_counter_name(struct vm *vm, const uint64_t untrusted[4], struct hypercall *call)
{
	(void)vm;
	if (hypercall_memory(untrusted[1], MULLION_COUNTER_NAME, 8, call))
		return -EINVAL;
	if (untrusted[0] >= COUNTER_COUNT)
		return -ENOENT;
	call->first = hypercall_index(untrusted[0], COUNTER_COUNT);
	return 0;
}

static int64_t do_counter_name(struct vcpu *vcpu, const struct hypercall *call)
{
	const char *text = counter_name((enum counter)call->first);
	char name[MULLION_COUNTER_NAME] = "";

	for (size_t i = 0; i < sizeof(name) - 1 && text[i]; i++)
		name[i] = text[i];
	return vm_write_memory(vcpu_vm(vcpu), call->memory, name, sizeof(name)) ? -EFAULT : 0;
}

/* ---- TRACE_READ(pcpu, from, gpa, max) ---- */
static int check_trace_read(struct vm *vm, const uint64_t untrusted[4], struct hypercall *call)
{
	(void)vm;
	if (untrusted[3] > MULLION_TRACE_MAX ||
	    hypercall_memory(untrusted[2], untrusted[3] * sizeof(struct mullion_trace_record), 8,
			     call))
		return -EINVAL;
	if (untrusted[0] >= pcpu_count)
		return -ENOENT;
	call->number = (uint32_t)hypercall_index(untrusted[0], pcpu_count);
	call->first = untrusted[1];
	return 0;
}

static int64_t do_trace_read(struct vcpu *vcpu, const struct hypercall *call)
{
	struct mullion_trace_record records[8];
	size_t max = call->size / sizeof(records[0]);
	uint64_t from = call->first;
	size_t done = 0;

	while (done < max) {
		size_t want =
			max - done < ARRAY_LENGTH(records) ? max - done : ARRAY_LENGTH(records);
		size_t got = trace_read(call->number, &from, records, want);

		if (!got)
			break;
		if (vm_write_memory(vcpu_vm(vcpu),
				    gpa(gpa_value(call->memory) + done * sizeof(records[0])),
				    records, got * sizeof(records[0])))
			return -EFAULT;
		done += got;
	}
	return (int64_t)done;
}

/* ---- TRACE_DUMP() ---- */
static int64_t do_trace_dump(struct vcpu *vcpu, const struct hypercall *call)
{
	(void)vcpu;
	(void)call;
	return trace_dump_line() ? HYPERCALL_AGAIN : 0;
}

/* ---- VM_INFO(vm, gpa) ---- */
static int check_vm_info(struct vm *vm, const uint64_t untrusted[4], struct hypercall *call)
{
	int error = check_target(vm, untrusted[0], call);

	if (error == -EPERM)
		return error;
	if (hypercall_memory(untrusted[1], sizeof(struct mullion_vm_info), 8, call))
		return -EINVAL;
	return error;
}

static int64_t do_vm_info(struct vcpu *vcpu, const struct hypercall *call)
{
	struct vm *vm = call->target;
	struct mullion_vm_info info = {
		.number = vm->number,
		.kind = vm->kind,
		.state = __atomic_load_n(&vm->state, __ATOMIC_RELAXED),
		.vcpus = vm->vcpu_count,
		.memory = vm->memory_size,
		.restarts = vm->restarts,
	};

	memcpy(info.name, vm->name, sizeof(info.name));
	info.name[sizeof(info.name) - 1] = 0;
	return vm_write_memory(vcpu_vm(vcpu), call->memory, &info, sizeof(info)) ? -EFAULT : 0;
}

/* ---- VM_RESET(vm) ---- */
static int check_vm_reset(struct vm *vm, const uint64_t untrusted[4], struct hypercall *call)
{
	int error = check_target(vm, untrusted[0], call);

	if (!error && call->target->kind != VM_UI)
		return -EINVAL;
	return error;
}

static int64_t do_vm_reset(struct vcpu *vcpu, const struct hypercall *call)
{
	(void)vcpu;
	vm_request_stop(call->target, VM_STOP_RESET);
	return 0;
}

/* ---- DOORBELL(vm, bell) ---- */
static int check_doorbell(struct vm *vm, const uint64_t untrusted[4], struct hypercall *call)
{
	(void)vm;
	if (untrusted[1] >= MULLION_BUS_DOORBELLS)
		return -EINVAL;
	call->number = (uint32_t)hypercall_index(untrusted[1], MULLION_BUS_DOORBELLS);
	call->target = hypercall_vm(untrusted[0]);
	return call->target ? 0 : -ENOENT;
}

static int64_t do_doorbell(struct vcpu *vcpu, const struct hypercall *call)
{
	(void)vcpu;
	bus_ring(call->target, call->number);
	return 0;
}

/* ---- PANICKED(confirm) ---- */
static int check_panicked(struct vm *vm, const uint64_t untrusted[4], struct hypercall *call)
{
	(void)vm;
	(void)call;
	return untrusted[0] == MULLION_PANICKED_CONFIRM ? 0 : -EINVAL;
}

static int64_t do_panicked(struct vcpu *vcpu, const struct hypercall *call)
{
	(void)call;
	vm_request_stop(vcpu_vm(vcpu), VM_STOP_PANIC);
	return 0;
}

/* Every call: who may, and its two halves. No check: there is nothing to be checked. */
static const struct {
	const char *name;
	bool control_only;
	int (*check)(struct vm *vm, const uint64_t untrusted[4], struct hypercall *call);
	int64_t (*run)(struct vcpu *vcpu, const struct hypercall *call);
} calls[] = {
#define CALL(number) [MULLION_CALL_##number - MULLION_CALL_FIRST]
	/* clang-format off */
	CALL(QUERY)         = { "query",         false, check_query,         do_query },
	CALL(CONSOLE_WRITE) = { "console-write", false, check_console_write, do_console_write },
	CALL(CONSOLE_READ)  = { "console-read",  true,  check_console_read,  do_console_read },
	CALL(WATCHDOG)      = { "watchdog",      false, check_watchdog,      do_watchdog },
	CALL(COUNTER_READ)  = { "counter-read",  false, check_counter_read,  do_counter_read },
	CALL(COUNTER_NAME)  = { "counter-name",  false, check_counter_name,  do_counter_name },
	CALL(TRACE_READ)    = { "trace-read",    true,  check_trace_read,    do_trace_read },
	CALL(TRACE_DUMP)    = { "trace-dump",    true,  NULL,                do_trace_dump },
	CALL(VM_INFO)       = { "vm-info",       false, check_vm_info,       do_vm_info },
	CALL(VM_RESET)      = { "vm-reset",      true,  check_vm_reset,      do_vm_reset },
	CALL(DOORBELL)      = { "doorbell",      false, check_doorbell,      do_doorbell },
	CALL(PANICKED)      = { "panicked",      false, check_panicked,      do_panicked },
/* clang-format on */
#undef CALL
};
_Static_assert(ARRAY_LENGTH(calls) + MULLION_GUEST_CALLS == MULLION_CALL_COUNT, "every hypercall");

int hypercall_check(struct vm *vm, uint64_t untrusted_number, const uint64_t untrusted_arguments[4],
		    struct hypercall *call)
{
	uint64_t n = untrusted_number - MULLION_CALL_FIRST;

	memset(call, 0, sizeof(*call));
	if (n >= ARRAY_LENGTH(calls))
		return guest_check_call(vm, untrusted_number, untrusted_arguments, call);
	n = hypercall_index(n, ARRAY_LENGTH(calls));
	if (calls[n].control_only && vm->kind != VM_CONTROL)
		return -EPERM;
	call->run = calls[n].run;
	return calls[n].check ? calls[n].check(vm, untrusted_arguments, call) : 0;
}

int64_t bus_hypercall(struct vcpu *vcpu, uint64_t untrusted_number,
		      const uint64_t untrusted_arguments[4])
{
	/* One copy: what has been checked is what runs. */
	const uint64_t untrusted[4] = {untrusted_arguments[0], untrusted_arguments[1],
				       untrusted_arguments[2], untrusted_arguments[3]};
	struct vm *vm = vcpu_vm(vcpu);
	struct hypercall call;
	int64_t result = hypercall_check(vm, untrusted_number, untrusted, &call);

	counter_add(vm, COUNTER_HYPERCALLS, 1);
	if (result == 0)
		result = call.run(vcpu, &call);
	if (result < 0 && result != HYPERCALL_AGAIN)
		counter_add(vm, COUNTER_BAD_HYPERCALLS, 1);
	return result;
}
