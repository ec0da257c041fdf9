/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A control VM that makes guests and calls about them at random, with random bytes in its memory.
 * Input: steps of 48 bytes, see struct step. Whatever it does: answers are errors of the contract,
 * memory of others stays as it is, nothing panics, and in the end all guests can be destroyed.
 */
#include <string.h>

#include "../core/guest-rig.h"
#include "fuzz.h"

struct step {
	uint8_t number; /* of the call */
	uint8_t near;	/* bit n: argument n is an offset into RAM; bit 4 + n: a handle, small */
	uint8_t fill;	/* of the memory that the last argument that is near leads to */
	uint8_t go;	/* what becomes of a run that has begun */
	uint32_t unused;
	uint64_t arguments[4];
	uint64_t exit;
};

size_t fuzz_seed(unsigned index, uint8_t *data, size_t size)
{
	/* create, vCPU, map, run with a page that is all dirty, the rest */
	static const uint64_t good[][5] = {
		{0x00, 0},
		{0x12, 0, 0x1000},
		{0x12, 0, 0x2000, 1},
		{0x10, 0},
		{0x18, 0, 1, 0x3000, 4096},
		{0x18, 0, 2, 0x3000, 1024},
		{0x10, 0, 0xfee00000, 0x41},
		{0x08, 0, 0, 8, 0x4000},
		{0x10, 0, 0, 4096},
		{0x10, 0, 0x1000},
		{0x10, 0, 1},
		{0x10, 0},
	};
	static const uint8_t numbers[] = {0, 6, 2, 7, 8, 9, 5, 4, 3, 11, 10, 1};
	struct step step = {0};
	size_t done = 0;

	if (index >= sizeof(numbers))
		return 0;
	for (unsigned i = 0; i <= index && done + sizeof(step) <= size; i++) {
		step.number = numbers[i];
		step.near = (uint8_t)good[i][0];
		step.go = (uint8_t)i;
		memcpy(step.arguments, good[i] + 1, sizeof(step.arguments));
		memcpy(data + done, &step, sizeof(step));
		done += sizeof(step);
	}
	return done;
}

/* A run goes on for one exit, or ends as guest_run_prepare() says. */
static void go_on(const struct step *step)
{
	struct vcpu *outer = rig_outer();
	struct vcpu_exit exit = {
		.kind = (enum exit_kind[]){EXIT_CPUID, EXIT_MSR, EXIT_IO, EXIT_MEMORY, EXIT_HALT,
					   EXIT_HYPERCALL, EXIT_SHUTDOWN,
					   EXIT_REFUSED}[step->go % 8],
		.msr = (uint32_t)step->exit,
		.address = gpa(step->go & 16 ? 0xfee00000 + step->exit % 0x2000 : step->exit),
		.write = step->go & 32,
		.string = step->go & 64,
		.size = 4,
		.length = 2,
	};
	int reason;

	if (!guest_run_prepare(outer))
		return;
	memcpy(rig_bytes, &step->arguments[1], 15);
	reason = guest_exit(guest_vcpu_of(outer->inner), &exit);
	FUZZ_CHECK(reason >= GUEST_GOES_ON && reason <= MULLION_EXIT_UNKNOWN);
	guest_run_end(outer,
		      reason < 0 ? MULLION_EXIT_INTERRUPT : (enum mullion_exit_reason)reason);
}

static void make_step(struct step *step)
{
	uint64_t *a = step->arguments;
	int64_t result;

	for (unsigned i = 0; i < 4; i++) {
		if (step->near & 1 << i) {
			a[i] = RIG_RAM + a[i] % 0x10000;
			memset(rig_ram(a[i]), step->fill, 64);
			if (step->fill & 1)
				memcpy(rig_ram(a[i]), &step->exit, sizeof(step->exit));
		}
		if (step->near & 0x10 << i)
			a[i] &= 0x30f;
	}
	result = rig_call(MULLION_CALL_GUEST_FIRST + step->number % MULLION_GUEST_CALLS, a[0], a[1],
			  a[2], a[3]);
	FUZZ_CHECK(result >= -4095);
	if (rig_outer()->inner)
		go_on(step);
	FUZZ_CHECK(rig_outer()->inner == NULL && rig_outer()->state == VCPU_READY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct step step;

	rig_set_up(NULL);
	memset(rig_ram(RIG_FOREIGN), 0x5a, PAGE_SIZE);
	memset(rig_ram(RIG_ROM), 0xa5, PAGE_SIZE);
	for (; size >= sizeof(step); data += sizeof(step), size -= sizeof(step)) {
		memcpy(&step, data, sizeof(step));
		make_step(&step);
	}
	for (unsigned i = 0; i < PAGE_SIZE; i++)
		FUZZ_CHECK(((uint8_t *)rig_ram(RIG_FOREIGN))[i] == 0x5a &&
			   ((uint8_t *)rig_ram(RIG_ROM))[i] == 0xa5);
	for (unsigned i = 0; i < MULLION_GUESTS; i++) {
		int64_t result = CALL(GUEST_DESTROY, i);

		FUZZ_CHECK(result == 0 || result == -2); /* ENOENT */
	}
	rig_tear_down(NULL);
	return 0;
}
