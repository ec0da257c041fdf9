/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ports through which a PC is reset; here, the VM is. */
#include "lib/errno.h"
#include "vm/devices.h"

#define PORT92_RESET 0x01U
#define PORT92_A20   0x02U
#define CF9_RESET    0x04U

int reset_access(struct vcpu *vcpu, void *unused, uint64_t offset, unsigned size, bool write,
		 uint64_t *value)
{
	(void)unused;
	(void)offset;
	if (size != 1)
		return -EFAULT;
	if (!write)
		*value = PORT92_A20;
	else if (*value & PORT92_RESET)
		vm_request_stop(vcpu_vm(vcpu), VM_STOP_RESET);
	return 0;
}

void reset_write_cf9(struct vm *vm, uint8_t value)
{
	if (value & CF9_RESET)
		vm_request_stop(vm, VM_STOP_RESET);
}
