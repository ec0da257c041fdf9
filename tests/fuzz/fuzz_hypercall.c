/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM that calls the core and writes to its bus function at random. Input: steps of 48 bytes, see
 * struct step. Whatever it does, memory changes only where the contract says, in its own VM, and
 * the other VM is neither written to nor stopped.
 */
#include <string.h>

#include "../core/fake-vm.h"
#include "fuzz.h"
#include "vm/trace.h"

struct step {
	uint8_t vm;	/* even: the UI VM */
	uint8_t kind;	/* below 192: a call; others: an access to the function */
	uint8_t number; /* of a call, with the numbers' base unless 255 */
	uint8_t near;	/* bit n: argument n is taken as an offset into RAM, from 64 before it on */
	uint32_t unused;
	uint64_t arguments[5]; /* the fifth: the number when that is 255 */
};

size_t fuzz_seed(unsigned index, uint8_t *data, size_t size)
{
	static const uint64_t good[MULLION_CALL_COUNT][5] = {
		/* near, arguments */
		{0, 1},	    {1, 64, 300},      {1, 64, 10}, {0, 30},	{8, 1, 0, 20, 64},
		{2, 3, 64}, {4, 1, 0, 64, 30}, {0},	    {2, 1, 64}, {0, 0},
		{0, 1, 3},
	};
	struct step step = {.vm = (uint8_t)index};

	if (index >= 2 * (MULLION_CALL_COUNT + 1) || size < sizeof(step))
		return 0;
	index /= 2;
	if (index < MULLION_CALL_COUNT) {
		step.number = (uint8_t)index;
		step.near = (uint8_t)good[index][0];
		memcpy(step.arguments, good[index] + 1, 4 * sizeof(uint64_t));
	} else {
		step.kind = 255;
	}
	memcpy(data, &step, sizeof(step));
	return sizeof(step);
}

/* How much a call may write from its memory argument on, and which argument that is. */
static uint64_t may_write(unsigned call, const uint64_t arguments[4], uint64_t *start)
{
	switch (call + MULLION_CALL_FIRST) {
	case MULLION_CALL_CONSOLE_READ:
		*start = arguments[0];
		return arguments[1];
	case MULLION_CALL_COUNTER_READ:
		*start = arguments[3];
		return arguments[2] * 8;
	case MULLION_CALL_COUNTER_NAME:
		*start = arguments[1];
		return MULLION_COUNTER_NAME;
	case MULLION_CALL_TRACE_READ:
		*start = arguments[2];
		return arguments[3] * sizeof(struct mullion_trace_record);
	case MULLION_CALL_VM_INFO:
		*start = arguments[1];
		return sizeof(struct mullion_vm_info);
	default:
		*start = 0;
		return 0;
	}
}

static void check_call(struct step *step, unsigned vm)
{
	uint64_t *a = step->arguments, number = MULLION_CALL_FIRST + step->number, start, size;
	int64_t result;

	if (step->number == 255)
		number = a[4];
	for (unsigned i = 0; i < 4; i++)
		if (step->near & 1 << i)
			a[i] = FAKE_RAM - 64 + a[i] % (FAKE_RAM_SIZE + 128);
	result = fake_call(vm, number, a[0], a[1], a[2], a[3]);
	FUZZ_CHECK(result >= -4095);
	if (fake_written_vm) {
		size = may_write((unsigned)(number - MULLION_CALL_FIRST), a, &start);
		FUZZ_CHECK(fake_written_vm == &fake_vms[vm].vm);
		FUZZ_CHECK(fake_written_from >= start && fake_written_to - start <= size);
	}
}

static void check_access(const struct step *step, unsigned vm)
{
	static const unsigned sizes[4] = {1, 2, 4, 8};
	unsigned size = sizes[step->number % 4];
	uint64_t offset = step->arguments[0] % (MULLION_BUS_SIZE - size + 1);

	if (step->kind & 1) {
		if (size < 8) {
			unsigned at = (unsigned)(step->arguments[0] % 4096 & ~(size - 1U));

			fake_config_write(vm, at, size, (uint32_t)step->arguments[1]);
			fake_config_read(vm, at, size);
		}
		return;
	}
	fake_bar_write(vm, offset, size, step->arguments[1]);
	fake_bar_read(vm, offset, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct step step;

	fake_vms_init();
	fake_typed = "typed text that a control VM may read";
	for (; size >= sizeof(step); data += sizeof(step), size -= sizeof(step)) {
		unsigned vm;

		memcpy(&step, data, sizeof(step));
		vm = step.vm & 1U ? FAKE_CONTROL : FAKE_UI;
		if (step.kind < 192)
			check_call(&step, vm);
		else
			check_access(&step, vm);
		FUZZ_CHECK(fake_vms[FAKE_CONTROL].vm.stop == VM_STOP_NONE);
		FUZZ_CHECK(vm == FAKE_CONTROL || fake_vms[FAKE_UI].vm.stop == VM_STOP_NONE);
		fake_vms[FAKE_UI].vm.stop = VM_STOP_NONE;
	}
	return 0;
}
