/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keyboard controller, filtered. What pulses its output lines, or writes its output port, could
 * reset the machine or take A20 away. Such commands never reach it, not even with harmless data: a
 * byte that it loses while it is busy must not leave it waiting for another's.
 */
#include "lib/errno.h"
#include "vm/devices.h"

#define PORT_DATA    0x60
#define PORT_COMMAND 0x64

#define COMMAND_WRITE_OUTPUT_PORT 0xd1
#define COMMAND_A20_OFF		  0xdd
#define COMMAND_A20_ON		  0xdf
#define COMMAND_PULSE		  0xf0 /* the low bits: lines that are not pulsed; 0 is reset */

void ps2_reset(struct ps2 *ps2)
{
	__atomic_store_n(&ps2->swallow, false, __ATOMIC_RELAXED);
}

static int read_port(const struct ps2 *ps2, uint16_t port, uint64_t *value)
{
	*value = ps2->read ? ps2->read(port) : 0xff;
	return 0;
}

int ps2_access_data(struct vcpu *vcpu, void *data, uint64_t offset, unsigned size, bool write,
		    uint64_t *value)
{
	struct ps2 *ps2 = data;

	(void)vcpu;
	(void)offset;
	if (size != 1)
		return -EFAULT;
	if (!write)
		return read_port(ps2, PORT_DATA, value);
	if (!__atomic_exchange_n(&ps2->swallow, false, __ATOMIC_RELAXED) && ps2->write)
		ps2->write(PORT_DATA, (uint8_t)*value);
	return 0;
}

int ps2_access_command(struct vcpu *vcpu, void *data, uint64_t offset, unsigned size, bool write,
		       uint64_t *value)
{
	uint8_t command = (uint8_t)*value;
	struct ps2 *ps2 = data;

	(void)offset;
	if (size != 1)
		return -EFAULT;
	if (!write)
		return read_port(ps2, PORT_COMMAND, value);
	ps2_reset(ps2); /* a command ends the one before */
	if (command >= COMMAND_PULSE) {
		if (!(command & 1))
			vm_request_stop(vcpu_vm(vcpu), VM_STOP_RESET);
	} else if (command == COMMAND_WRITE_OUTPUT_PORT) {
		__atomic_store_n(&ps2->swallow, true, __ATOMIC_RELAXED);
	} else if (command != COMMAND_A20_OFF && command != COMMAND_A20_ON && ps2->write) {
		ps2->write(PORT_COMMAND, command);
	}
	return 0;
}
