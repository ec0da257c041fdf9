/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI's power management registers. No event ever happens, so that the status reads 0; the one
 * effect is the sleep type "off".
 */
#include "acpi/build.h"
#include "lib/errno.h"
#include "vm/devices.h"
#include "x86/cpu.h"
#include "x86/machine.h"

#define TIMER_HZ 3579545ULL

#define ENABLE_BITS  0x0721U /* timer, global, power and sleep button, RTC */
#define CONTROL_MODE 0x0001U /* SCI_EN: read-only, ACPI mode */
#define CONTROL_BITS 0x1c02U /* BM_RLD, SLP_TYP */
#define SLEEP_ENABLE 0x20U   /* in the high byte, as is SLP_TYP */

void pm_reset(struct pm *pm)
{
	*pm = (struct pm){.enable = 0, .control = CONTROL_MODE};
}

uint32_t pm_timer_at(uint64_t tsc, uint64_t hz)
{
	return (uint32_t)(tsc / hz * TIMER_HZ + tsc % hz * TIMER_HZ / hz);
}

static void set_byte(uint16_t *reg, unsigned shift, uint8_t value)
{
	*reg = (uint16_t)((*reg & ~(0xffU << shift)) | (unsigned)value << shift);
}

/* A byte of the registers, which may be written singly. Returns whether the VM goes off. */
static bool write_byte(struct pm *pm, unsigned offset, uint8_t value)
{
	switch (offset) {
	case 2:
	case 3:
		set_byte(&pm->enable, offset % 2 * 8, value);
		pm->enable &= ENABLE_BITS;
		return false;
	case 4:
	case 5:
		set_byte(&pm->control, offset % 2 * 8, value);
		pm->control = (pm->control & CONTROL_BITS) | CONTROL_MODE;
		return offset == 5 && value & SLEEP_ENABLE && (value >> 2 & 7) == ACPI_SLP_TYP_S5;
	default: /* status: nothing to clear; the timer */
		return false;
	}
}

int pm_access(struct vcpu *vcpu, void *data, uint64_t offset, unsigned size, bool write,
	      uint64_t *value)
{
	struct vm *vm = vcpu_vm(vcpu);
	struct pm *pm = data;
	uint8_t bytes[PM_PORTS + 8] = {0};
	uint32_t timer;
	bool off = false;

	if (size > 4)
		return -EFAULT;
	lock_take(&vm->lock);
	if (write) {
		for (unsigned i = 0; i < size; i++)
			off |= write_byte(pm, (unsigned)offset + i, (uint8_t)(*value >> 8 * i));
	} else {
		timer = pm_timer_at(rdtsc(), tsc_hz);
		for (unsigned i = 0; i < 4; i++)
			bytes[8 + i] = (uint8_t)(timer >> 8 * i);
		for (unsigned i = 0; i < 2; i++) {
			bytes[2 + i] = (uint8_t)(pm->enable >> 8 * i);
			bytes[4 + i] = (uint8_t)(pm->control >> 8 * i);
		}
		*value = 0;
		for (unsigned i = 0; i < size; i++)
			*value |= (uint64_t)bytes[offset + i] << 8 * i;
	}
	lock_release(&vm->lock);
	if (off)
		vm_request_stop(vm, VM_STOP_POWER_OFF);
	return 0;
}
