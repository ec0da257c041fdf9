/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A local APIC and its clock, as a guest gets at them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "vlapic-rig.h"

struct vlapic rig_lapic;
struct vlapic_action rig_action;
uint64_t rig_now;

uint32_t rd(uint32_t offset)
{
	uint32_t value = 0xdeadbeef;

	assert_int_equal(vlapic_mmio_read(&rig_lapic, offset, &value, rig_now), 0);
	return value;
}

void wr(uint32_t offset, uint32_t value)
{
	memset(&rig_action, 0xff, sizeof(rig_action));
	assert_int_equal(vlapic_mmio_write(&rig_lapic, offset, value, rig_now, &rig_action), 0);
}

uint64_t rdm(uint32_t msr)
{
	uint64_t value = 0xdeadbeef;

	assert_int_equal(vlapic_msr_read(&rig_lapic, msr, &value, rig_now), 0);
	return value;
}

int wrm(uint32_t msr, uint64_t value)
{
	memset(&rig_action, 0xff, sizeof(rig_action));
	return vlapic_msr_write(&rig_lapic, msr, value, rig_now, &rig_action);
}

int rig_setup(void **state)
{
	(void)state;
	memset(&rig_lapic, 0xff, sizeof(rig_lapic));
	rig_now = 1000000;
	vlapic_reset(&rig_lapic, 5, true, HZ, false);
	return 0;
}

void rig_enable(void)
{
	wr(0xf0, 0x1ff);
}

void rig_enter_x2apic(void)
{
	assert_int_equal(wrm(MSR_BASE, BASE | X2), 0);
}

bool rig_is_requested(void)
{
	vlapic_pending(&rig_lapic); /* takes in what was posted */
	return rig_lapic.irr_any != 0;
}

void rig_serve(uint8_t vector, bool level)
{
	vlapic_post(&rig_lapic, vector, level);
	assert_int_equal(vlapic_pending(&rig_lapic), vector);
	assert_int_equal(vlapic_take(&rig_lapic), vector);
}
