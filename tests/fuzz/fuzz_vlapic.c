/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that does anything to its local APIC. Each 14 bytes of the input are an operation: what,
 * a register, a value. Whatever came before, the state must be one that the manual knows.
 */
#include <string.h>

#include "fuzz.h"
#include "vm/vlapic.h"

#define OPERATION 14
#define HZ	  2904002321ULL

static struct vlapic lapic;
static uint64_t now;

static void check_action(const struct vlapic_action *action)
{
	FUZZ_CHECK(action->kind <= VLAPIC_EOI);
	if (action->kind == VLAPIC_EOI)
		FUZZ_CHECK(action->vector >= 16);
	if (action->kind != VLAPIC_IPI)
		return;
	FUZZ_CHECK(action->delivery != 3 && action->delivery <= VLAPIC_STARTUP);
	FUZZ_CHECK(action->vector >= 16 || action->delivery > VLAPIC_LOWEST);
	FUZZ_CHECK(action->shorthand <= VLAPIC_TO_OTHERS);
	FUZZ_CHECK(action->x2apic || action->destination <= 0xff);
}

static void check_state(void)
{
	uint32_t lvts[] = {lapic.lvt_timer, lapic.lvt_thermal, lapic.lvt_perf,
			   lapic.lvt_lint0, lapic.lvt_lint1,   lapic.lvt_error};
	unsigned mode = (unsigned)lapic.base_msr >> 10 & 3;
	int vector = vlapic_pending(&lapic);

	FUZZ_CHECK(mode != 1 && (lapic.base_msr & ~0xd00ULL) == VLAPIC_DEFAULT_BASE);
	FUZZ_CHECK(!((lapic.irr[0] | lapic.isr[0]) & 0xffff));
	FUZZ_CHECK(vector < 0 || lapic.irr[vector / 32] >> vector % 32 & 1);
	FUZZ_CHECK(vector < 0 || (unsigned)vector / 16 > lapic.tpr / 16);
	FUZZ_CHECK(vector < 0 || mode != 0);
	FUZZ_CHECK(lapic.tpr <= 0xff && vlapic_read_cr8(&lapic) <= 15);
	FUZZ_CHECK(!(lapic.esr & ~0xe0U) && !(lapic.esr_pending & ~0xe0U));
	FUZZ_CHECK(!(lapic.icr & 0xfff33000));
	for (size_t i = 0; i < ARRAY_LENGTH(lvts); i++) {
		FUZZ_CHECK(!(lvts[i] & 0xfff85000));
		FUZZ_CHECK(lapic.svr & 0x100 || lvts[i] & 0x10000);
	}
	FUZZ_CHECK(!vlapic_deadline(&lapic) || !(lapic.lvt_timer & 0x10000));
}

/* A timer that is due fires once, and what comes next is ahead. */
static void tick(uint64_t forward)
{
	uint64_t deadline = vlapic_deadline(&lapic);
	bool due;

	/* Wherever the TSC jumps; but it does not wrap. */
	now = now + forward < now || now + forward > UINT64_MAX / 4 * 3 ? 1 : now + forward;
	due = deadline && deadline <= now;
	FUZZ_CHECK(vlapic_tick(&lapic, now) == due);
	FUZZ_CHECK(!vlapic_tick(&lapic, now));
	FUZZ_CHECK(!vlapic_deadline(&lapic) || vlapic_deadline(&lapic) > now);
}

static void operate(const uint8_t *bytes)
{
	struct vlapic_action action = {.kind = VLAPIC_NOTHING};
	uint64_t value, read;
	uint32_t address, read32;
	int vector;

	memcpy(&address, bytes + 2, sizeof(address));
	memcpy(&value, bytes + 6, sizeof(value));
	switch (bytes[0] % 8) {
	case 0:
		vlapic_mmio_read(&lapic, address, &read32, now);
		break;
	case 1:
		vlapic_mmio_write(&lapic, address, (uint32_t)value, now, &action);
		break;
	case 2:
		vlapic_msr_read(&lapic, address, &read, now);
		break;
	case 3:
		vlapic_msr_write(&lapic, address, value, now, &action);
		break;
	case 4:
		vlapic_post(&lapic, bytes[1], address & 1);
		break;
	case 5:
		vector = vlapic_take(&lapic);
		FUZZ_CHECK(vector < 0 || vlapic_pending(&lapic) < 0);
		if (vector >= 0 && address & 1) {
			vlapic_untake(&lapic, (uint8_t)vector);
			FUZZ_CHECK(vlapic_pending(&lapic) == vector);
		}
		break;
	case 6:
		tick(value >> (bytes[1] & 63));
		break;
	default:
		if (bytes[1] == 0xff)
			vlapic_reset(&lapic, 5, true, HZ, true);
		else
			vlapic_write_cr8(&lapic, value);
		break;
	}
	check_action(&action);
	check_state();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(&lapic, 0, sizeof(lapic));
	now = 1;
	vlapic_reset(&lapic, 5, true, HZ, false);
	for (size_t at = 0; at + OPERATION <= size; at += OPERATION)
		operate(data + at);
	return 0;
}

static size_t put(uint8_t *to, uint8_t what, uint8_t small, uint32_t address, uint64_t value)
{
	to[0] = what;
	to[1] = small;
	memcpy(to + 2, &address, sizeof(address));
	memcpy(to + 6, &value, sizeof(value));
	return OPERATION;
}

/* A kernel's use of both modes: on, a timer, an interrupt, its end, an IPI. */
size_t fuzz_seed(unsigned index, uint8_t *data, size_t size)
{
	uint8_t how = index % 2 ? 3 : 1; /* MSR or page */
	uint32_t at[] = {0xf0, 0x320, 0x3e0, 0x380, 0xb0, 0x310, 0x300, 0x280};
	size_t length = 0;

	if (index >= 4 || size < 20 * OPERATION)
		return 0;
	for (size_t i = 0; i < ARRAY_LENGTH(at); i++)
		at[i] = how == 3 ? 0x800 + at[i] / 16 : at[i];
	if (how == 3)
		length += put(data + length, 3, 0, 0x1b, 0xfee00d00);
	length += put(data + length, how, 0, at[0], 0x1ff);
	length += put(data + length, how, 0, at[1], index < 2 ? 0x200ec : 0x400ec);
	length += put(data + length, how, 0, at[2], 3);
	length += put(data + length, how, 0, at[3], 100000);
	length += put(data + length, 3, 0, 0x6e0, 2000000);
	length += put(data + length, 6, 40, 0, UINT64_MAX);
	length += put(data + length, 4, 0x55, 1, 0);
	length += put(data + length, 5, 0, 0, 0);
	length += put(data + length, how, 0, at[4], 0);
	length += put(data + length, how, 0, at[6], 0x40fd);
	length += put(data + length, how, 0, at[7], 0);
	length += put(data + length, 7, 0, 0, 3);
	return length;
}
