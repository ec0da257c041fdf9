/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /dev/kvm itself: the ioctls that are about no VM, and which capabilities there are. Only on the
 * core, in the VM that may make guests.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpuhotplug.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <asm/cpufeature.h>

#include "kvm-parts.h"
#include "kvm-mce.h"

/* What a capability is worth; those that are not here are 0. */
static const struct capability {
	u32 number;
	int value;
	const char *reason;
} capabilities[] = {
	{KVM_CAP_IRQCHIP, 1, "the core has the local APICs; no PIC, IOAPIC or PIT (kvm-vm.c)"},
	{KVM_CAP_HLT, 1, "a halted vCPU sleeps"},
	{KVM_CAP_USER_MEMORY, 1, "slots are memory of the process"},
	{KVM_CAP_SET_TSS_ADDR, 1, "accepted; the CPU needs no such page"},
	{KVM_CAP_EXT_CPUID, 1, "GET_SUPPORTED_CPUID, SET_CPUID2"},
	{KVM_CAP_CLOCKSOURCE, 1, "KVM's clock"},
	{KVM_CAP_NR_VCPUS, MULLION_GUEST_VCPUS, "the core's limit"},
	{KVM_CAP_MAX_VCPUS, MULLION_GUEST_VCPUS, "the core's limit"},
	{KVM_CAP_MAX_VCPU_ID, MULLION_GUEST_VCPUS, "an id is the core's number"},
	{KVM_CAP_NR_MEMSLOTS, MKVM_SLOTS, "a slot costs a look-up a fault"},
	{KVM_CAP_NOP_IO_DELAY, 1, "a guest need not wait after port accesses"},
	{KVM_CAP_MP_STATE, 1, "the core keeps whether a vCPU runs, halts or waits for its start"},
	{KVM_CAP_COALESCED_MMIO, KVM_COALESCED_MMIO_PAGE_OFFSET, "the ring's page"},
	{KVM_CAP_COALESCED_PIO, 1, "the same ring"},
	{KVM_CAP_DESTROY_MEMORY_REGION_WORKS, 1, "unmapped before unpinned"},
	{KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, 1, "slots do not remember one another"},
	{KVM_CAP_USER_NMI, 1, "KVM_NMI"},
	{KVM_CAP_MCE, MKVM_BANKS, "state only: the machine's errors are the core's"},
	{KVM_CAP_IRQ_ROUTING, MKVM_ROUTES, "to messages only"},
	{KVM_CAP_IRQ_INJECT_STATUS, 1, "whether a message reached somebody"},
	{KVM_CAP_IRQFD, 1, "without leaving the kernel"},
	{KVM_CAP_IOEVENTFD, 1, "without leaving the kernel"},
	{KVM_CAP_IOEVENTFD_NO_LENGTH, 1, "length 0 is any"},
	{KVM_CAP_IOEVENTFD_ANY_LENGTH, 1, "length 0 is any"},
	{KVM_CAP_SET_IDENTITY_MAP_ADDR, 1, "accepted; the CPU needs no such page"},
	{KVM_CAP_ADJUST_CLOCK, KVM_CLOCK_TSC_STABLE, "one scale of one TSC for all vCPUs"},
	{KVM_CAP_INTERNAL_ERROR_DATA, 1, "an instruction that was not understood"},
	{KVM_CAP_VCPU_EVENTS, 1, "the core gives what is still to be delivered"},
	{KVM_CAP_INTR_SHADOW, 1, "likewise"},
	{KVM_CAP_DEBUGREGS, 1, "the core switches them"},
	{KVM_CAP_X86_ROBUST_SINGLESTEP, 1, "a guest's trap flag is its own"},
	{KVM_CAP_XSAVE, 1, "4 KiB are enough for what the core lets through"},
	{KVM_CAP_XCRS, 1, "the core switches XCR0"},
	{KVM_CAP_GET_TSC_KHZ, 1, "the machine's: there is no scaling"},
	{KVM_CAP_TSC_DEADLINE_TIMER, 1, "the core's APICs have it"},
	{KVM_CAP_KVMCLOCK_CTRL, 1, "the guest is told that it was stopped"},
	{KVM_CAP_SIGNAL_MSI, 1, "to the core"},
	{KVM_CAP_READONLY_MEM, 1, "mapped without write; writes are device accesses"},
	{KVM_CAP_ENABLE_CAP_VM, 1, "for KVM_CAP_SPLIT_IRQCHIP"},
	{KVM_CAP_CHECK_EXTENSION_VM, 1, "the answers are the same"},
	{KVM_CAP_SPLIT_IRQCHIP, 1, "PIC, IOAPIC and PIT are the program's"},
	{KVM_CAP_IMMEDIATE_EXIT, 1, "instead of a mask of signals"},
	{KVM_CAP_HYPERV, 1, "for guests that know Hyper-V (kvm-hyperv.c)"},
	{KVM_CAP_HYPERV_VAPIC, 1, "the core has the APIC's MSRs"},
	{KVM_CAP_HYPERV_SPIN, 1, "a hint that may be given"},
	{KVM_CAP_HYPERV_TIME, 1, "KVM's clock in other units"},
	{KVM_CAP_HYPERV_VP_INDEX, 1, "the program numbers its vCPUs"},
	{KVM_CAP_HYPERV_CPUID, 1, "KVM_GET_SUPPORTED_HV_CPUID"},
	{KVM_CAP_SYS_HYPERV_CPUID, 1, "without a vCPU, too"},
	{KVM_CAP_HYPERV_SYNIC, 0, "no messages, timers or events of Hyper-V's"},
	{KVM_CAP_SYNC_MMU, 0, "memory is pinned: the guest does not follow the process' changes"},
	{KVM_CAP_PIT2, 0, "the program's"},
	{KVM_CAP_IRQFD_RESAMPLE, 0, "the IOAPIC's owner sees an EOI first, and is the program"},
	{KVM_CAP_X86_SMM, 0, "the core has no SMM"},
	{KVM_CAP_NESTED_STATE, 0, "guests have no SVM"},
	{KVM_CAP_SET_GUEST_DEBUG, 0, "the core intercepts no debug exceptions"},
	{KVM_CAP_ASYNC_PF, 0, "pinned memory does not go away"},
};

int mkvm_check_extension(unsigned long capability)
{
	size_t n;

	for (n = 0; n < ARRAY_SIZE(capabilities); n++)
		if (capabilities[n].number == capability)
			return capabilities[n].value;
	return 0;
}

static long kvm_ioctl(struct file *file, unsigned int number, unsigned long argument)
{
	void __user *user = (void __user *)argument;
	u64 cap = MKVM_MCE_CAP;

	switch (number) {
	case KVM_GET_API_VERSION:
		return argument ? -EINVAL : KVM_API_VERSION;
	case KVM_CREATE_VM:
		return mkvm_vm_create(argument);
	case KVM_CHECK_EXTENSION:
		return mkvm_check_extension(argument);
	case KVM_GET_VCPU_MMAP_SIZE: /* kvm_run, I/O data, the coalesced ring */
		return argument ? -EINVAL : 3 * PAGE_SIZE;
	case KVM_GET_SUPPORTED_CPUID:
		return mkvm_cpuid_supported(user);
	case KVM_GET_SUPPORTED_HV_CPUID:
		return mkvm_cpuid_enlightened(user);
	case KVM_GET_MSR_INDEX_LIST:
		return mkvm_msr_list(user);
	case KVM_X86_GET_MCE_CAP_SUPPORTED:
		return copy_to_user(user, &cap, sizeof(cap)) ? -EFAULT : 0;
	default:
		return -EINVAL; /* as KVM answers here */
	}
}

static const struct file_operations kvm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = kvm_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice kvm_device = {
	.minor = KVM_MINOR,
	.name = "kvm",
	.fops = &kvm_fops,
};

/*
 * There is hardware virtualization to be had, by /dev/kvm, while CPUID has no SVM. Programs look
 * for it in /proc/cpuinfo (libvirt's virt-host-validate, installers), which shows these flags. The
 * kernel's own users, and so kvm-amd, go by boot_cpu_data and CPUID, which stay as they are.
 */
static int flag_set(unsigned int cpu)
{
	set_cpu_cap(&cpu_data(cpu), X86_FEATURE_SVM);
	return 0;
}

static int flag_clear(unsigned int cpu)
{
	clear_bit(X86_FEATURE_SVM, (unsigned long *)cpu_data(cpu).x86_capability);
	return 0;
}

static int flag_state;

static int __init kvm_init(void)
{
	long features;
	int error;

	if (!mullion_core_is_there())
		return -ENODEV;
	if (mullion_call(MULLION_CALL_QUERY, MULLION_QUERY_VERSION, 0, 0, 0) !=
	    MULLION_ABI_VERSION) {
		pr_err("the core's contract has another version than %u\n", MULLION_ABI_VERSION);
		return -ENODEV;
	}
	features = mullion_call(MULLION_CALL_QUERY, MULLION_QUERY_FEATURES, 0, 0, 0);
	if (features < 0 || !(features & MULLION_FEATURE_GUESTS)) {
		pr_info("the core lets this VM make no guests\n");
		return -ENODEV;
	}
	error = mkvm_irqfd_start();
	if (error)
		return error;
	/* Of each CPU that is, or comes, online. */
	error = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "mullion/kvm:flag", flag_set, flag_clear);
	if (error < 0)
		goto fail_flag;
	flag_state = error;
	error = misc_register(&kvm_device);
	if (error)
		goto fail_device;
	return 0;

fail_device:
	cpuhp_remove_state(flag_state);
fail_flag:
	mkvm_irqfd_stop();
	return error;
}

static void __exit kvm_exit(void)
{
	misc_deregister(&kvm_device);
	cpuhp_remove_state(flag_state);
	mkvm_irqfd_stop();
}

module_init(kvm_init);
module_exit(kvm_exit);
MODULE_DESCRIPTION("/dev/kvm on Mullion's core");
MODULE_LICENSE("GPL");
MODULE_ALIAS_MISCDEV(KVM_MINOR);
MODULE_ALIAS("devname:kvm");
