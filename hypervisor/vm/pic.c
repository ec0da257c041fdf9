/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An 8259A for kernels that look for one: the mask reads back as written, which is how Linux tells
 * that it is there, and it requests nothing, so that all status reads 0.
 */
#include "lib/errno.h"
#include "vm/devices.h"

#define ICW1	    0x10U /* on port 0 */
#define ICW1_FOURTH 0x01U
#define ICW1_SINGLE 0x02U

void pic_reset(struct pic *pic)
{
	*pic = (struct pic){.mask = 0xff};
}

int pic_access(struct vcpu *vcpu, void *data, uint64_t offset, unsigned size, bool write,
	       uint64_t *value)
{
	uint8_t byte = (uint8_t)*value;
	struct pic *pic = data;
	struct vm *vm = vcpu_vm(vcpu);

	if (size != 1)
		return -EFAULT;
	lock_take(&vm->lock);
	if (!write) {
		*value = offset ? pic->mask : 0;
	} else if (offset && pic->expected) {
		pic->expected--;
	} else if (offset) {
		pic->mask = byte;
	} else if (byte & ICW1) {
		pic->mask = 0;
		pic->expected = (uint8_t)(1 + !(byte & ICW1_SINGLE) + (byte & ICW1_FOURTH));
	}
	lock_release(&vm->lock);
	return 0;
}
