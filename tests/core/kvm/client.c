/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client.h"

#include <fcntl.h>

#define IDT   0x6000U
#define GDT   0x7000U
#define STACK 0x9000U

int kvm;
static unsigned failures;
extern const uint8_t guest_vector_40[], guest_vector_41[], guest_vector_42[], guest_vector_43[];

void failed(const char *file, int line, const char *what, long value)
{
	failures++;
	printf("<1>kvm: FAILED %s:%d: %s (%ld, %#lx)\n", file, line, what, value, value);
}

/* ---- machines ---- */

uint32_t guest_address(const void *label)
{
	return CODE + (uint32_t)((const uint8_t *)label - guest_text);
}

/* An interrupt gate in 32-bit code. */
static void set_gate(uint8_t *memory, unsigned vector, const void *label)
{
	uint32_t address = guest_address(label);
	uint16_t gate[4] = {(uint16_t)address, 8, 0x8e00, (uint16_t)(address >> 16)};

	memcpy(memory + IDT + 8 * vector, gate, sizeof(gate));
}

static void set_cpuid(int vcpu)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[100];
	} cpuid = {.head.nent = 100};

	if (!check(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) == 0, errno))
		return;
	check(ioctl(vcpu, KVM_SET_CPUID2, &cpuid) == 0, errno);
}

void machine_make_bare(struct machine *m, unsigned vcpus, bool split_irqchip)
{
	static const uint64_t gdt[] = {0, 0x00cf9b000000ffff, 0x00cf93000000ffff};
	struct kvm_userspace_memory_region region = {.memory_size = MEMORY_SIZE};
	struct kvm_enable_cap split = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};
	unsigned n;

	memset(m, 0, sizeof(*m));
	m->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	m->memory =
		mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	region.userspace_addr = (uintptr_t)m->memory;
	if (m->vm < 0 || m->memory == MAP_FAILED ||
	    (split_irqchip && ioctl(m->vm, KVM_ENABLE_CAP, &split)) ||
	    ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &region)) {
		failed(__FILE__, __LINE__, "no machine", errno);
		exit(1);
	}
	memcpy(m->memory + CODE, guest_text, (size_t)(guest_end - guest_text));
	memcpy(m->memory + GDT, gdt, sizeof(gdt));
	set_gate(m->memory, 0x40, guest_vector_40);
	set_gate(m->memory, 0x41, guest_vector_41);
	set_gate(m->memory, 0x42, guest_vector_42);
	set_gate(m->memory, 0x43, guest_vector_43);
	for (n = 0; n < vcpus; n++) {
		m->vcpu[n] = ioctl(m->vm, KVM_CREATE_VCPU, n);
		m->run[n] = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu[n], 0);
		if (m->vcpu[n] < 0 || m->run[n] == MAP_FAILED) {
			failed(__FILE__, __LINE__, "no vCPU", errno);
			exit(1);
		}
		set_cpuid(m->vcpu[n]);
	}
}

void machine_make(struct machine *m, unsigned vcpus)
{
	machine_make_bare(m, vcpus, true);
}

void machine_end(struct machine *m)
{
	unsigned n;

	for (n = 0; n < 2; n++)
		if (m->run[n]) {
			munmap(m->run[n], 3 * 4096);
			close(m->vcpu[n]);
		}
	close(m->vm);
	munmap(m->memory, MEMORY_SIZE);
}

void machine_start(struct machine *m, unsigned vcpu, const void *label, bool real)
{
	struct kvm_regs regs = {.rip = guest_address(label), .rflags = 2, .rsp = STACK};
	struct kvm_sregs sregs;

	if (!check(ioctl(m->vcpu[vcpu], KVM_GET_SREGS, &sregs) == 0, errno))
		return;
	if (real) {
		sregs.cs.base = 0;
		sregs.cs.selector = 0;
	} else {
		struct kvm_segment flat = {.limit = ~0U,
					   .selector = 16,
					   .type = 3,
					   .present = 1,
					   .db = 1,
					   .s = 1,
					   .g = 1};

		sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat;
		flat.selector = 8;
		flat.type = 11;
		sregs.cs = flat;
		sregs.gdt.base = GDT;
		sregs.gdt.limit = 23;
		sregs.idt.base = IDT;
		sregs.idt.limit = 0x7ff;
		sregs.cr0 |= 1;
	}
	check(ioctl(m->vcpu[vcpu], KVM_SET_SREGS, &sregs) == 0, errno);
	check(ioctl(m->vcpu[vcpu], KVM_SET_REGS, &regs) == 0, errno);
}

int machine_run(struct machine *m, unsigned vcpu)
{
	int result;

	do {
		result = ioctl(m->vcpu[vcpu], KVM_RUN, 0);
	} while (result < 0 && (errno == EINTR || errno == EAGAIN));
	return result < 0 ? -errno : (int)m->run[vcpu]->exit_reason;
}

int machine_out(struct machine *m, unsigned vcpu, uint16_t port)
{
	struct kvm_run *run = m->run[vcpu];
	int reason = machine_run(m, vcpu);

	if (!check(reason == KVM_EXIT_IO, reason)) {
		printf("<1>kvm: suberror %u, code %#llx\n", run->internal.suberror,
		       (unsigned long long)run->hw.hardware_exit_reason);
		return -1;
	}
	if (!check(run->io.direction == KVM_EXIT_IO_OUT && run->io.count == 1, run->io.count) ||
	    !check(run->io.port == port, run->io.port))
		return -1;
	return *((uint8_t *)run + run->io.data_offset);
}

/* ---- what it offers ---- */

static void test_offer(void)
{
	static const uint16_t wanted[] = {
		/* QEMU 10 does not start without these. */
		KVM_CAP_USER_MEMORY, KVM_CAP_SET_TSS_ADDR, KVM_CAP_EXT_CPUID,
		KVM_CAP_DESTROY_MEMORY_REGION_WORKS, KVM_CAP_JOIN_MEMORY_REGIONS_WORKS,
		KVM_CAP_MP_STATE, KVM_CAP_IRQ_ROUTING, KVM_CAP_IRQCHIP, KVM_CAP_IRQFD,
		KVM_CAP_SIGNAL_MSI, KVM_CAP_DEBUGREGS, KVM_CAP_XSAVE, KVM_CAP_VCPU_EVENTS,
		KVM_CAP_X86_ROBUST_SINGLESTEP, KVM_CAP_MCE, KVM_CAP_ADJUST_CLOCK,
		KVM_CAP_SET_IDENTITY_MAP_ADDR, KVM_CAP_INTERNAL_ERROR_DATA, KVM_CAP_IOEVENTFD,
		KVM_CAP_IOEVENTFD_ANY_LENGTH,
		/* cloud-hypervisor's; and what is good to have. */
		KVM_CAP_GET_TSC_KHZ, KVM_CAP_IMMEDIATE_EXIT, KVM_CAP_TSC_DEADLINE_TIMER,
		KVM_CAP_USER_NMI, KVM_CAP_READONLY_MEM, KVM_CAP_XCRS, KVM_CAP_SPLIT_IRQCHIP,
		KVM_CAP_COALESCED_MMIO, KVM_CAP_COALESCED_PIO, KVM_CAP_HLT, KVM_CAP_NR_MEMSLOTS,
		KVM_CAP_NR_VCPUS, KVM_CAP_MAX_VCPUS, KVM_CAP_IRQ_INJECT_STATUS,
		KVM_CAP_KVMCLOCK_CTRL};
	static const uint16_t unwanted[] = {KVM_CAP_SYNC_MMU, KVM_CAP_X86_SMM, KVM_CAP_PIT2,
					    KVM_CAP_NESTED_STATE, 60000};
	struct {
		struct kvm_msr_list head;
		uint32_t indices[64];
	} msrs = {0};
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[100];
	} cpuid = {0};
	bool own = false;
	size_t n;

	check(ioctl(kvm, KVM_GET_API_VERSION, 0) == 12, 0);
	check(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0) == 3 * 4096, 0);
	for (n = 0; n < sizeof(wanted) / sizeof(wanted[0]); n++)
		check(ioctl(kvm, KVM_CHECK_EXTENSION, wanted[n]) > 0, wanted[n]);
	for (n = 0; n < sizeof(unwanted) / sizeof(unwanted[0]); n++)
		check(ioctl(kvm, KVM_CHECK_EXTENSION, unwanted[n]) == 0, unwanted[n]);
	check_error(E2BIG, ioctl(kvm, KVM_GET_MSR_INDEX_LIST, &msrs));
	if (check(msrs.head.nmsrs && msrs.head.nmsrs <= 64, msrs.head.nmsrs))
		check(ioctl(kvm, KVM_GET_MSR_INDEX_LIST, &msrs) == 0, errno);
	cpuid.head.nent = 1;
	check_error(E2BIG, ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid));
	cpuid.head.nent = 100;
	check(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) == 0, errno);
	check(cpuid.head.nent > 10 && cpuid.head.nent < 100, cpuid.head.nent);
	for (n = 0; n < cpuid.head.nent && n < 100; n++)
		own |= cpuid.entries[n].function == 0x40000000 &&
		       !memcmp(&cpuid.entries[n].ebx, "KVMKVMKVM\0\0\0", 12);
	check(own, 0);
}

int main(int count, char **arguments)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} parts[] = {{"offer", test_offer},
		     {"bad", test_bad_input},
		     {"pointers", test_pointers},
		     {"order", test_order},
		     {"state", test_state},
		     {"io", test_io},
		     {"interrupts", test_interrupts},
		     {"memory", test_memory},
		     {"bare", test_bare},
		     {"hyperv", test_hyperv},
		     {"kill", test_kill},
		     {"kills", test_kills},
		     {"fail", test_fail},
		     {"fuzz", test_fuzz}};
	struct counts before;
	size_t n;

	setvbuf(stdout, NULL, _IOLBF, 1024);
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0) {
		printf("<1>kvm: FAILED no /dev/kvm: %s\n", strerror(errno));
		return 1;
	}
	for (n = 0; n < sizeof(parts) / sizeof(parts[0]); n++) {
		if (count > 1 && !strstr(arguments[1], parts[n].name))
			continue;
		failures = 0;
		before = counts_now();
		parts[n].run();
		check(counts_are(&before, parts[n].name), n);
		printf("<1>kvm: %s %s\n", parts[n].name, failures ? "FAILED" : "done");
	}
	printf("<1>kvm: all done\n");
	return 0;
}
