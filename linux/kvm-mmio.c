/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kvm-mmio.h"

int mkvm_mmio_exit(struct mkvm_vcpu *vcpu)
{
	return mkvm_internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION, vcpu->page->bytes,
				   vcpu->page->byte_count);
}

int mkvm_string_exit(struct mkvm_vcpu *vcpu)
{
	return mkvm_internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION, NULL, 0);
}
