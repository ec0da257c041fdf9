/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the API document says is wrong, and the errno for it.
 */
#include "client.h"

#include <sys/eventfd.h>
#include <sys/wait.h>

#define NOWHERE ((void *)8)

static struct machine m;

static int set_region(uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size,
		      const void *address)
{
	struct kvm_userspace_memory_region region = {slot, flags, gpa, size, (uintptr_t)address};

	return ioctl(m.vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static void bad_memory(void)
{
	struct kvm_dirty_log log = {.slot = 0, .dirty_bitmap = NOWHERE};
	uint8_t *more =
		mmap(NULL, 0x10000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check_error(EFAULT, ioctl(m.vm, KVM_SET_USER_MEMORY_REGION, NOWHERE));
	check_error(EINVAL, set_region(1, 4, 0x800000, 0x1000, more));
	check_error(EINVAL, set_region(60000, 0, 0x800000, 0x1000, more));
	check_error(EINVAL, set_region(1 << 16, 0, 0x800000, 0x1000, more));
	check_error(EINVAL, set_region(1, 0, 0x800001, 0x1000, more));
	check_error(EINVAL, set_region(1, 0, 0x800000, 0x1001, more));
	check_error(EINVAL, set_region(1, 0, 0x800000, 0x1000, more + 1));
	check_error(EINVAL, set_region(1, 0, 0x800000, 0x1000, (void *)(1ULL << 63)));
	check_error(EINVAL, set_region(1, 0, ~0xfffULL, 0x2000, more));
	check_error(EINVAL, set_region(1, 0, 1ULL << 60, 0x1000, more));
	check_error(EINVAL, set_region(1, 0, 0x800000, 0, more)); /* there is none to delete */
	check_error(EEXIST, set_region(1, 0, 0, 0x1000, more));
	check_error(EEXIST, set_region(1, 0, MEMORY_SIZE - 0x1000, 0x2000, more));
	check_error(0, set_region(1, 0, 0x800000, 0x2000, more));
	check_error(EINVAL, set_region(1, 0, 0x800000, 0x1000, more));		/* other size */
	check_error(EINVAL, set_region(1, 0, 0x800000, 0x2000, more + 0x1000)); /* other memory */
	check_error(EINVAL, set_region(1, KVM_MEM_READONLY, 0x800000, 0x2000, more));
	check_error(EEXIST,
		    set_region(1, 0, MEMORY_SIZE - 0x1000, 0x2000, more)); /* moved onto 0 */
	check_error(0, set_region(1, 0, 0x801000, 0x2000, more));	   /* onto itself */
	check_error(0, set_region(1, KVM_MEM_LOG_DIRTY_PAGES, 0x801000, 0x2000, more));
	log.slot = 1;
	check_error(EFAULT, ioctl(m.vm, KVM_GET_DIRTY_LOG, &log));
	check_error(EFAULT, ioctl(m.vm, KVM_GET_DIRTY_LOG, NOWHERE));
	log.slot = 0;
	check_error(ENOENT, ioctl(m.vm, KVM_GET_DIRTY_LOG, &log)); /* it is not logged */
	log.slot = 60000;
	check_error(EINVAL, ioctl(m.vm, KVM_GET_DIRTY_LOG, &log));
	check_error(0, set_region(1, 0, 0x801000, 0, more));
	munmap(more, 0x10000);
}

static void bad_vm(void)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};
	struct kvm_msi msi = {.flags = 2};
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entries[2];
	} routing = {.head.nr = 1, .entries[0] = {.gsi = 1, .type = KVM_IRQ_ROUTING_MSI}};
	struct kvm_clock_data clock = {.flags = 1};
	struct kvm_create_device device = {.type = KVM_DEV_TYPE_VFIO};
	uint64_t address = 0xfeffc000;

	check_error(ENOTTY, ioctl(m.vm, 0xae77, 0));
	check_error(EFAULT, ioctl(m.vm, KVM_ENABLE_CAP, NOWHERE));
	check_error(EEXIST, ioctl(m.vm, KVM_ENABLE_CAP, &cap));
	check_error(EEXIST, ioctl(m.vm, KVM_CREATE_IRQCHIP, 0));
	check_error(ENOTTY, ioctl(m.vm, KVM_CREATE_PIT2, NOWHERE));
	check_error(ENOTTY, ioctl(m.vm, KVM_GET_IRQCHIP, NOWHERE));
	cap.flags = 1;
	check_error(EINVAL, ioctl(m.vm, KVM_ENABLE_CAP, &cap));
	cap.flags = 0;
	cap.args[0] = 1 << 20;
	check_error(EINVAL, ioctl(m.vm, KVM_ENABLE_CAP, &cap));
	cap.cap = KVM_CAP_HLT;
	check_error(EINVAL, ioctl(m.vm, KVM_ENABLE_CAP, &cap));
	check_error(EEXIST, ioctl(m.vm, KVM_CREATE_VCPU, 0));
	check_error(EINVAL, ioctl(m.vm, KVM_CREATE_VCPU, 16));
	check_error(EINVAL, ioctl(m.vm, KVM_CREATE_VCPU, 1UL << 20));
	check_error(EINVAL, ioctl(m.vm, KVM_SET_TSS_ADDR, 0xfffff000));
	check_error(0, ioctl(m.vm, KVM_SET_TSS_ADDR, 0xfeffd000));
	check_error(EINVAL, ioctl(m.vm, KVM_SET_IDENTITY_MAP_ADDR, &address)); /* there are vCPUs */
	check_error(EINVAL, ioctl(m.vm, KVM_SIGNAL_MSI, &msi));
	check_error(EFAULT, ioctl(m.vm, KVM_SIGNAL_MSI, NOWHERE));
	check_error(0, ioctl(m.vm, KVM_SET_GSI_ROUTING, &routing));
	routing.head.flags = 1;
	check_error(EINVAL, ioctl(m.vm, KVM_SET_GSI_ROUTING, &routing));
	routing.head.flags = 0;
	routing.head.nr = 1 << 30;
	check_error(EINVAL, ioctl(m.vm, KVM_SET_GSI_ROUTING, &routing));
	routing.head.nr = 2;
	routing.entries[1] = routing.entries[0];
	check_error(EINVAL, ioctl(m.vm, KVM_SET_GSI_ROUTING, &routing)); /* two routes of one */
	routing.entries[1].gsi = 1 << 20;
	check_error(EINVAL, ioctl(m.vm, KVM_SET_GSI_ROUTING, &routing));
	routing.entries[1] =
		(struct kvm_irq_routing_entry){.gsi = 2, .type = KVM_IRQ_ROUTING_IRQCHIP};
	check_error(EINVAL, ioctl(m.vm, KVM_SET_GSI_ROUTING, &routing));
	check_error(EINVAL, ioctl(m.vm, KVM_SET_CLOCK, &clock));
	check_error(EFAULT, ioctl(m.vm, KVM_GET_CLOCK, NOWHERE));
	check_error(ENODEV, ioctl(m.vm, KVM_CREATE_DEVICE, &device));
}

static void bad_events(void)
{
	int event = eventfd(0, 0), other = eventfd(0, 0);
	struct kvm_irqfd irqfd = {.fd = (uint32_t)event, .gsi = 1};
	struct kvm_ioeventfd io = {
		.addr = 0x30, .len = 1, .fd = event, .flags = KVM_IOEVENTFD_FLAG_PIO};
	struct kvm_coalesced_mmio_zone zone = {.addr = 0x31, .size = 1, .pio = 2};

	check_error(0, ioctl(m.vm, KVM_IRQFD, &irqfd));
	irqfd.gsi = 2;
	check_error(EBUSY, ioctl(m.vm, KVM_IRQFD, &irqfd));
	irqfd.gsi = 1;
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	check_error(0, ioctl(m.vm, KVM_IRQFD, &irqfd));
	irqfd.flags = KVM_IRQFD_FLAG_RESAMPLE;
	check_error(EINVAL, ioctl(m.vm, KVM_IRQFD, &irqfd));
	irqfd.flags = 0x80;
	check_error(EINVAL, ioctl(m.vm, KVM_IRQFD, &irqfd));
	irqfd.flags = 0;
	irqfd.fd = 1000;
	check_error(EBADF, ioctl(m.vm, KVM_IRQFD, &irqfd));
	irqfd.fd = (uint32_t)m.vm; /* not an eventfd */
	check_error(EINVAL, ioctl(m.vm, KVM_IRQFD, &irqfd));

	check_error(0, ioctl(m.vm, KVM_IOEVENTFD, &io));
	check_error(EEXIST, ioctl(m.vm, KVM_IOEVENTFD, &io));
	io.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
	io.fd = other;
	check_error(ENOENT, ioctl(m.vm, KVM_IOEVENTFD, &io));
	io.fd = event;
	check_error(0, ioctl(m.vm, KVM_IOEVENTFD, &io));
	check_error(ENOENT, ioctl(m.vm, KVM_IOEVENTFD, &io));
	io.flags = KVM_IOEVENTFD_FLAG_PIO;
	io.len = 3;
	check_error(EINVAL, ioctl(m.vm, KVM_IOEVENTFD, &io));
	io.len = 0;
	io.flags |= KVM_IOEVENTFD_FLAG_DATAMATCH;
	check_error(EINVAL, ioctl(m.vm, KVM_IOEVENTFD, &io));
	io.flags = 0x80;
	check_error(EINVAL, ioctl(m.vm, KVM_IOEVENTFD, &io));
	io = (struct kvm_ioeventfd){.addr = ~0ULL, .len = 8, .fd = event};
	check_error(EINVAL, ioctl(m.vm, KVM_IOEVENTFD, &io));
	check_error(EINVAL, ioctl(m.vm, KVM_REGISTER_COALESCED_MMIO, &zone));
	close(event);
	close(other);
}

/* What no guest gets: SVME, LMSLE, MCOMMIT, AIBRSE, bits that are reserved. */
static void bad_efer(void)
{
	static const uint8_t bits[] = {1, 9, 12, 13, 15, 17, 21, 32, 63};
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[2];
	} msrs = {.head.nmsrs = 2, .entries = {{.index = 0x2ff}, {.index = 0xc0000080}}};
	struct kvm_sregs sregs;
	uint64_t good;
	size_t n;

	check_error(0, ioctl(m.vcpu[0], KVM_GET_SREGS, &sregs));
	good = sregs.efer;
	for (n = 0; n < sizeof(bits); n++) {
		sregs.efer = msrs.entries[1].data = good | 1ULL << bits[n];
		check_error(EINVAL, ioctl(m.vcpu[0], KVM_SET_SREGS, &sregs));
		check(ioctl(m.vcpu[0], KVM_SET_MSRS, &msrs) == 1, bits[n]);
	}
	check_error(0, ioctl(m.vcpu[0], KVM_GET_SREGS, &sregs));
	check(sregs.efer == good, sregs.efer);
	sregs.efer = msrs.entries[1].data = good | 1 << 11 | 1; /* NXE, SCE */
	check_error(0, ioctl(m.vcpu[0], KVM_SET_SREGS, &sregs));
	check(ioctl(m.vcpu[0], KVM_SET_MSRS, &msrs) == 2, errno);
	sregs.efer = good;
	check_error(0, ioctl(m.vcpu[0], KVM_SET_SREGS, &sregs));
}

/* Without x87, AVX without SSE, AVX-512 in part or alone, MPX, keys, what there never was. */
static void bad_xcr0(void)
{
	static const uint64_t bad[] = {0,    2,	   6,	  5,	 0x27,	     0xe1,
				       0xe3, 0x1b, 0x203, 0x103, 1ULL << 62, ~0ULL};
	struct kvm_xcrs xcrs = {.nr_xcrs = 1}, before = {0};
	size_t n;

	check_error(0, ioctl(m.vcpu[0], KVM_GET_XCRS, &before));
	for (n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
		xcrs.xcrs[0].value = bad[n];
		check_error(EINVAL, ioctl(m.vcpu[0], KVM_SET_XCRS, &xcrs));
	}
	check_error(0, ioctl(m.vcpu[0], KVM_GET_XCRS, &xcrs));
	check(xcrs.xcrs[0].value == before.xcrs[0].value, xcrs.xcrs[0].value);
	check_error(0, ioctl(m.vcpu[0], KVM_SET_XCRS, &before));
}

static void bad_vcpu(void)
{
	int vcpu = m.vcpu[0];
	struct kvm_sregs sregs;
	struct kvm_debugregs debug = {.flags = 1};
	struct kvm_vcpu_events events = {.flags = 0x100};
	struct kvm_mp_state mp = {.mp_state = 77};
	struct kvm_interrupt interrupt = {.irq = 256};
	struct kvm_xcrs xcrs = {.nr_xcrs = 17};
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[3];
	} msrs = {.head.nmsrs = 100000};
	struct kvm_cpuid2 cpuid = {.nent = 10000};
	struct kvm_signal_mask mask = {.len = 4};
	uint64_t mce = 0;

	check_error(EINVAL, ioctl(vcpu, 0xae77, 0));
	check_error(EINVAL, ioctl(vcpu, 0x1234, 0));
	check_error(EINVAL, ioctl(vcpu, KVM_RUN, 1));
	check_error(EFAULT, ioctl(vcpu, KVM_GET_REGS, NOWHERE));
	check_error(EFAULT, ioctl(vcpu, KVM_SET_REGS, NOWHERE));
	check_error(EFAULT, ioctl(vcpu, KVM_SET_LAPIC, NOWHERE));
	check_error(EFAULT, ioctl(vcpu, KVM_SET_XSAVE, NOWHERE));
	check_error(0, ioctl(vcpu, KVM_GET_SREGS, &sregs));
	sregs.cr0 |= 1UL << 31; /* paging without protection */
	check_error(EINVAL, ioctl(vcpu, KVM_SET_SREGS, &sregs));
	bad_efer();
	bad_xcr0();
	check_error(EINVAL, ioctl(vcpu, KVM_SET_DEBUGREGS, &debug));
	check_error(EINVAL, ioctl(vcpu, KVM_SET_VCPU_EVENTS, &events));
	check_error(EINVAL, ioctl(vcpu, KVM_SET_MP_STATE, &mp));
	check_error(EINVAL, ioctl(vcpu, KVM_INTERRUPT, &interrupt));
	check_error(EINVAL, ioctl(vcpu, KVM_SET_XCRS, &xcrs));
	check_error(E2BIG, ioctl(vcpu, KVM_SET_MSRS, &msrs));
	check_error(E2BIG, ioctl(vcpu, KVM_GET_MSRS, &msrs));
	check_error(E2BIG, ioctl(vcpu, KVM_SET_CPUID2, &cpuid));
	check_error(EINVAL, ioctl(vcpu, KVM_SET_SIGNAL_MASK, &mask));
	check_error(EINVAL, ioctl(vcpu, KVM_X86_SETUP_MCE, &mce));
	mce = 33;
	check_error(EINVAL, ioctl(vcpu, KVM_X86_SETUP_MCE, &mce));
	mce = 10 | 1ULL << 40;
	check_error(EINVAL, ioctl(vcpu, KVM_X86_SETUP_MCE, &mce));
	/* Up to the first that there is not. */
	msrs.head.nmsrs = 3;
	msrs.entries[0].index = 0x2ff;
	msrs.entries[1].index = 0x12345678;
	msrs.entries[2].index = 0x2ff;
	check(ioctl(vcpu, KVM_GET_MSRS, &msrs) == 1, errno);
	msrs.entries[0].data = 0xff;
	check(ioctl(vcpu, KVM_SET_MSRS, &msrs) == 0, errno);
	check_error(EINVAL, ioctl(vcpu, KVM_SET_TSC_KHZ, 12345));
}

/* All interrupt controllers in the kernel are more than there is. */
static void bad_irqchip(void)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);

	check(vm >= 0, vm);
	check_error(0, ioctl(vm, KVM_CREATE_IRQCHIP, 0));
	check_error(EEXIST, ioctl(vm, KVM_CREATE_IRQCHIP, 0));
	check_error(EEXIST, ioctl(vm, KVM_ENABLE_CAP, &cap));
	check_error(EOPNOTSUPP, ioctl(vm, KVM_CREATE_VCPU, 0));
	close(vm);
}

/* A process that has only inherited the descriptors. */
static void bad_process(void)
{
	struct kvm_regs regs;
	int status = 0;
	pid_t child = fork();

	if (child == 0)
		_exit(error_of(ioctl(m.vm, KVM_SET_TSS_ADDR, 0)) != EIO ||
		      error_of(ioctl(m.vcpu[0], KVM_GET_REGS, &regs)) != EIO);
	waitpid(child, &status, 0);
	check(status == 0, status);
}

void test_bad_input(void)
{
	check_error(EINVAL, ioctl(kvm, KVM_GET_API_VERSION, 1));
	check_error(EINVAL, ioctl(kvm, KVM_CREATE_VM, 5));
	check_error(EINVAL, ioctl(kvm, 0xae77, 0));
	check_error(EFAULT, ioctl(kvm, KVM_GET_SUPPORTED_CPUID, NOWHERE));
	check_error(EFAULT, ioctl(kvm, KVM_GET_MSR_INDEX_LIST, NOWHERE));
	bad_irqchip();
	machine_make(&m, 1);
	bad_memory();
	bad_vm();
	bad_events();
	bad_vcpu();
	bad_process();
	machine_end(&m);
}
