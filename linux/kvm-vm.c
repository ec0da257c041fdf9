/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM's descriptor: its making, its ioctls, its end.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/sched/mm.h>

#include "kvm-parts.h"

void mkvm_vm_get(struct mkvm_vm *vm)
{
	refcount_inc(&vm->users);
}

static void vm_free(struct mkvm_vm *vm)
{
	u32 n;

	for (n = 0; n < MULLION_GUEST_VCPUS; n++)
		if (vm->vcpus[n])
			mkvm_vcpu_free(vm->vcpus[n]);
	mkvm_memory_finish(vm);
	mkvm_io_finish(vm);
	mkvm_irq_finish(vm);
	mmdrop(vm->mm);
	kvfree(vm);
}

void mkvm_vm_put(struct mkvm_vm *vm)
{
	long error;

	if (!refcount_dec_and_test(&vm->users))
		return;
	error = mullion_call(MULLION_CALL_GUEST_DESTROY, vm->guest, 0, 0, 0);
	if (error) {
		/* It still has the pages: better never freed than used twice. */
		pr_err("guest %u cannot be ended: error %ld\n", vm->guest, -error);
		return;
	}
	vm_free(vm);
}

static long enable_capability(struct mkvm_vm *vm, void __user *user)
{
	struct kvm_enable_cap cap;
	long result = 0;

	if (copy_from_user(&cap, user, sizeof(cap)))
		return -EFAULT;
	if (cap.flags || cap.cap != KVM_CAP_SPLIT_IRQCHIP)
		return -EINVAL;
	if (cap.args[0] > MKVM_IOAPIC_PINS)
		return -EINVAL;
	mutex_lock(&vm->lock);
	if (vm->split || vm->vcpu_count) {
		result = -EEXIST;
	} else {
		vm->split = true;
		vm->pins = cap.args[0];
	}
	mutex_unlock(&vm->lock);
	return result;
}

/*
 * There are no PIC, IOAPIC and PIT here: a VM that asks for them gets no vCPU, so that its program
 * ends with a message and not with a machine that misses parts. But libvirt asks QEMU what it can
 * do on a machine without any CPU, which makes this call and needs no more than its success.
 */
static long create_irqchip(struct mkvm_vm *vm)
{
	long result = 0;

	mutex_lock(&vm->lock);
	if (vm->split)
		result = -EEXIST;
	else if (vm->vcpu_count)
		result = -EINVAL;
	else
		vm->split = vm->whole = true;
	mutex_unlock(&vm->lock);
	return result;
}

static long set_memory(struct mkvm_vm *vm, void __user *user)
{
	struct kvm_userspace_memory_region region;

	if (copy_from_user(&region, user, sizeof(region)))
		return -EFAULT;
	return mkvm_memory_set(vm, &region);
}

static long dirty_log(struct mkvm_vm *vm, void __user *user)
{
	struct kvm_dirty_log log;

	if (copy_from_user(&log, user, sizeof(log)))
		return -EFAULT;
	return mkvm_memory_dirty_log(vm, &log);
}

/* Where the CPU's own virtualization may put pages for real mode: ours needs none. */
static long set_tss(unsigned long address)
{
	return address > (u32)(-3 * PAGE_SIZE) ? -EINVAL : 0;
}

static long set_identity_map(struct mkvm_vm *vm, u64 __user *user)
{
	long result;
	u64 address;

	if (copy_from_user(&address, user, sizeof(address)))
		return -EFAULT;
	mutex_lock(&vm->lock);
	result = vm->vcpu_count ? -EINVAL : 0;
	mutex_unlock(&vm->lock);
	return result;
}

static long set_irqfd(struct mkvm_vm *vm, void __user *user)
{
	struct kvm_irqfd irqfd;

	if (copy_from_user(&irqfd, user, sizeof(irqfd)))
		return -EFAULT;
	return mkvm_irqfd_ioctl(vm, &irqfd);
}

static long create_vcpu(struct mkvm_vm *vm, unsigned long id)
{
	long result;

	mutex_lock(&vm->lock);
	result = vm->whole ? -EOPNOTSUPP : mkvm_vcpu_create(vm, id);
	mutex_unlock(&vm->lock);
	if (result == -EOPNOTSUPP)
		pr_info_once("no PIC, IOAPIC and PIT: QEMU wants kernel-irqchip=split\n");
	return result;
}

static long vm_ioctl(struct file *file, unsigned int number, unsigned long argument)
{
	struct mkvm_vm *vm = file->private_data;
	void __user *user = (void __user *)argument;
	long result;

	if (vm->mm != current->mm)
		return -EIO;
	switch (number) {
	case KVM_CHECK_EXTENSION:
		return mkvm_check_extension(argument);
	case KVM_CREATE_VCPU:
		return create_vcpu(vm, argument);
	case KVM_ENABLE_CAP:
		return enable_capability(vm, user);
	case KVM_CREATE_IRQCHIP:
		return create_irqchip(vm);
	case KVM_SET_USER_MEMORY_REGION:
		return set_memory(vm, user);
	case KVM_GET_DIRTY_LOG:
		return dirty_log(vm, user);
	case KVM_SET_TSS_ADDR:
		return set_tss(argument);
	case KVM_SET_IDENTITY_MAP_ADDR:
		return set_identity_map(vm, user);
	case KVM_IRQFD:
		return set_irqfd(vm, user);
	case KVM_CREATE_DEVICE:
		return -ENODEV; /* no device of any type */
	default:
		break;
	}
	result = mkvm_irq_ioctl(vm, number, user);
	if (result == -ENOTTY)
		result = mkvm_io_ioctl(vm, number, user);
	if (result == -ENOTTY)
		result = mkvm_clock_ioctl(vm, number, user);
	return result;
}

static int vm_release(struct inode *inode, struct file *file)
{
	struct mkvm_vm *vm = file->private_data;

	mkvm_irqfd_release(vm);
	mkvm_vm_put(vm);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vm_ioctl,
	.release = vm_release,
	.llseek = noop_llseek,
};

long mkvm_vm_create(unsigned long type)
{
	struct mkvm_vm *vm;
	long result;
	int fd;

	if (type)
		return -EINVAL;
	vm = kvzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return -ENOMEM;
	refcount_set(&vm->users, 1);
	mutex_init(&vm->lock);
	mkvm_io_init(vm);
	mkvm_clock_init(vm);
	mkvm_hyperv_init(vm);
	mmgrab(current->mm);
	vm->mm = current->mm;
	result = mkvm_irq_init(vm);
	if (result)
		goto fail;
	result = mkvm_memory_init(vm);
	if (result)
		goto fail;
	vm->ring = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vm->ring) {
		result = -ENOMEM;
		goto fail;
	}
	result = mullion_call(MULLION_CALL_GUEST_CREATE, 0, 0, 0, 0);
	if (result < 0)
		goto fail;
	vm->guest = result;
	fd = anon_inode_getfd("kvm-vm", &vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		mkvm_vm_put(vm);
	return fd;

fail:
	vm_free(vm);
	return result;
}
