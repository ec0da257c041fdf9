/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vCPU: its making, its descriptor and its ioctls but for KVM_RUN (kvm-run.c).
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>

#include "kvm-parts.h"

/* ---- the core's vCPU ---- */

static long enter(struct mkvm_vcpu *vcpu)
{
	long result;

	local_irq_disable();
	result = mullion_call(MULLION_CALL_VCPU_RUN, vcpu->handle, 0, 0, 0);
	local_irq_enable();
	return result;
}

/* Loads what is dirty, and takes an INIT and a start-up IPI that wait for the next run: a program
 * that saves the state would not see them. */
void mkvm_vcpu_sync(struct mkvm_vcpu *vcpu)
{
	vcpu->page->immediate = 1;
	enter(vcpu); /* -EINVAL: the CPU does not take what is dirty */
	vcpu->page->immediate = 0;
}

static void load(struct mkvm_vcpu *vcpu)
{
	if (vcpu->page->dirty)
		mkvm_vcpu_sync(vcpu);
}

long mkvm_vcpu_get_item(struct mkvm_vcpu *vcpu, u32 item, u32 size)
{
	load(vcpu);
	return mullion_call(MULLION_CALL_VCPU_GET, vcpu->handle, item, virt_to_phys(vcpu->scratch),
			    size);
}

long mkvm_vcpu_set_item(struct mkvm_vcpu *vcpu, u32 item, u32 size)
{
	load(vcpu);
	return mullion_call(MULLION_CALL_VCPU_SET, vcpu->handle, item, virt_to_phys(vcpu->scratch),
			    size);
}

/* ---- other ioctls ---- */

static long set_signals(struct mkvm_vcpu *vcpu, struct kvm_signal_mask __user *user)
{
	struct kvm_signal_mask mask;
	sigset_t signals;

	if (!user) {
		vcpu->signals_set = false;
		return 0;
	}
	if (copy_from_user(&mask, user, sizeof(mask)))
		return -EFAULT;
	if (mask.len != sizeof(signals))
		return -EINVAL;
	if (copy_from_user(&signals, user->sigset, sizeof(signals)))
		return -EFAULT;
	sigdelsetmask(&signals, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->signals = signals;
	vcpu->signals_set = true;
	return 0;
}

static long external_interrupt(struct mkvm_vcpu *vcpu, void __user *user)
{
	struct kvm_interrupt interrupt;

	if (copy_from_user(&interrupt, user, sizeof(interrupt)))
		return -EFAULT;
	if (interrupt.irq > 255)
		return -EINVAL;
	if (vcpu->external != MKVM_NO_VECTOR)
		return -EEXIST;
	vcpu->external = interrupt.irq;
	return 0;
}

static long nmi(struct mkvm_vcpu *vcpu)
{
	long result;

	load(vcpu); /* KVM_SET_VCPU_EVENTS was before it */
	result = mullion_call(MULLION_CALL_VCPU_RAISE, vcpu->handle, MULLION_RAISE_NMI, 0, 0);
	return min(result, 0L); /* a vCPU of its own caller's does not sleep */
}

static long translate(struct mkvm_vcpu *vcpu, struct kvm_translation __user *user)
{
	struct kvm_translation t;
	long result;

	if (copy_from_user(&t, user, sizeof(t)))
		return -EFAULT;
	load(vcpu);
	result = mullion_call(MULLION_CALL_VCPU_TRANSLATE, vcpu->handle, t.linear_address, 0, 0);
	t.valid = result >= 0;
	t.physical_address = result >= 0 ? result : ~0ULL;
	t.writeable = 1;
	t.usermode = 0;
	return copy_to_user(user, &t, sizeof(t)) ? -EFAULT : 0;
}

static long tpr_reporting(void __user *user)
{
	struct kvm_tpr_access_ctl control;

	/* The core's APIC needs no help with its priority register: none is reported. */
	if (copy_from_user(&control, user, sizeof(control)))
		return -EFAULT;
	return control.flags ? -EINVAL : 0;
}

static long vapic_address(const struct mkvm_vcpu *vcpu, void __user *user)
{
	struct kvm_vapic_addr address;

	/* Likewise not written. */
	if (!vcpu->vm->split)
		return -EINVAL;
	return copy_from_user(&address, user, sizeof(address)) ? -EFAULT : 0;
}

static long locked_ioctl(struct mkvm_vcpu *vcpu, unsigned int number, unsigned long argument)
{
	void __user *user = (void __user *)argument;
	long result;

	switch (number) {
	case KVM_RUN:
		return argument ? -EINVAL : mkvm_run(vcpu);
	case KVM_SET_SIGNAL_MASK:
		return set_signals(vcpu, user);
	case KVM_INTERRUPT:
		return external_interrupt(vcpu, user);
	case KVM_NMI:
		return nmi(vcpu);
	case KVM_TRANSLATE:
		return translate(vcpu, user);
	case KVM_TPR_ACCESS_REPORTING:
		return tpr_reporting(user);
	case KVM_SET_VAPIC_ADDR:
		return vapic_address(vcpu, user);
	case KVM_SET_CPUID2:
		return mkvm_cpuid_set(vcpu, user);
	case KVM_GET_CPUID2:
		return mkvm_cpuid_get(vcpu, user);
	case KVM_GET_SUPPORTED_HV_CPUID:
		return mkvm_cpuid_enlightened(user);
	case KVM_GET_TSC_KHZ:
		return tsc_khz;
	case KVM_SET_TSC_KHZ: /* 0: as it is */
		return argument && argument != tsc_khz ? -EINVAL : 0;
	case KVM_KVMCLOCK_CTRL:
		return mkvm_clock_control(vcpu);
	default:
		break;
	}
	result = mkvm_state_ioctl(vcpu, number, user);
	if (result == -ENOTTY)
		result = mkvm_msr_ioctl(vcpu, number, user);
	return result == -ENOTTY ? -EINVAL : result; /* as KVM answers here */
}

static long vcpu_ioctl(struct file *file, unsigned int number, unsigned long argument)
{
	struct mkvm_vcpu *vcpu = file->private_data;
	long result;

	if (vcpu->vm->mm != current->mm)
		return -EIO;
	if (_IOC_TYPE(number) != KVMIO)
		return -EINVAL;
	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	result = locked_ioctl(vcpu, number, argument);
	mutex_unlock(&vcpu->mutex);
	return result;
}

/* ---- the descriptor ---- */

static vm_fault_t vcpu_fault(struct vm_fault *fault)
{
	struct mkvm_vcpu *vcpu = fault->vma->vm_file->private_data;
	void *const pages[] = {
		[0] = vcpu->run,
		[KVM_PIO_PAGE_OFFSET] = vcpu->data,
		[KVM_COALESCED_MMIO_PAGE_OFFSET] = vcpu->vm->ring,
	};

	if (fault->pgoff >= ARRAY_SIZE(pages))
		return VM_FAULT_SIGBUS;
	fault->page = virt_to_page(pages[fault->pgoff]);
	get_page(fault->page);
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct mkvm_vcpu *vcpu = file->private_data;

	if (vcpu) /* it was made to the end */
		mkvm_vm_put(vcpu->vm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vcpu_ioctl,
	.mmap = vcpu_mmap,
	.release = vcpu_release,
	.llseek = noop_llseek,
};

void mkvm_vcpu_free(struct mkvm_vcpu *vcpu)
{
	kvfree(vcpu->cpuid);
	free_page((unsigned long)vcpu->page);
	free_page((unsigned long)vcpu->scratch);
	free_page((unsigned long)vcpu->run);
	free_page((unsigned long)vcpu->data);
	kvfree(vcpu);
}

static struct mkvm_vcpu *make(struct mkvm_vm *vm, u32 id)
{
	struct mkvm_vcpu *vcpu = kvzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);

	if (!vcpu)
		return NULL;
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->handle = MULLION_GUEST_VCPU(vm->guest, id);
	vcpu->external = MKVM_NO_VECTOR;
	vcpu->apic_base = APIC_DEFAULT_PHYS_BASE | MSR_IA32_APICBASE_ENABLE |
			  (id ? 0 : MSR_IA32_APICBASE_BSP);
	mutex_init(&vcpu->mutex);
	init_waitqueue_head(&vcpu->wait);
	vcpu->page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vcpu->scratch = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vcpu->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vcpu->data = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (vcpu->page && vcpu->scratch && vcpu->run && vcpu->data)
		return vcpu;
	mkvm_vcpu_free(vcpu);
	return NULL;
}

/* What of its state is not as after a reset of the core's. */
static int prepare(struct mkvm_vcpu *vcpu)
{
	struct mullion_vcpu_msr *msr = vcpu->scratch;
	long error = mullion_call(MULLION_CALL_VCPU_GET, vcpu->handle, MULLION_VCPU_PAGE, 0, 0);

	if (error)
		return error;
	mkvm_msr_init(vcpu);
	mkvm_clock_set_tsc(vcpu, 0);
	if (vcpu->vm->split)
		return 0;
	/* The program has the APIC: here there is none, and nobody to wait for. */
	vcpu->page->activity = MULLION_RUNNABLE;
	vcpu->page->dirty |= MULLION_DIRTY_ACTIVITY;
	*msr = (struct mullion_vcpu_msr){MSR_IA32_APICBASE, 0,
					 vcpu->apic_base & ~MSR_IA32_APICBASE_ENABLE};
	return mkvm_vcpu_set_item(vcpu, MULLION_VCPU_MSR, sizeof(*msr));
}

/* Enters it in the core, which uses its page from then on, until the guest ends. */
static long enter_core(struct mkvm_vcpu *vcpu)
{
	long error = mullion_call(MULLION_CALL_VCPU_CREATE, vcpu->handle, virt_to_phys(vcpu->page),
				  0, 0);

	if (error) {
		mkvm_vcpu_free(vcpu);
		return error;
	}
	smp_store_release(&vcpu->vm->vcpus[vcpu->id], vcpu);
	vcpu->vm->vcpu_count++;
	return prepare(vcpu);
}

long mkvm_vcpu_create(struct mkvm_vm *vm, unsigned long untrusted_id)
{
	struct mkvm_vcpu *vcpu;
	struct file *file;
	char name[24];
	long error;
	u32 id;
	int fd;

	if (untrusted_id >= MULLION_GUEST_VCPUS)
		return -EINVAL;
	id = untrusted_id;
	if (vm->vcpus[id])
		return -EEXIST;
	/* The descriptor first: what is in the core cannot be taken back. */
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	snprintf(name, sizeof(name), "kvm-vcpu:%u", id);
	file = anon_inode_getfile(name, &vcpu_fops, NULL, O_RDWR);
	if (IS_ERR(file)) {
		error = PTR_ERR(file);
		goto fail;
	}
	vcpu = make(vm, id);
	error = vcpu ? enter_core(vcpu) : -ENOMEM;
	if (error) {
		fput(file);
		goto fail;
	}
	mkvm_vm_get(vm);
	file->private_data = vcpu;
	fd_install(fd, file);
	return fd;

fail:
	put_unused_fd(fd);
	return error;
}
