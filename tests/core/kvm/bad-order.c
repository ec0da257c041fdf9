/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Good calls at a wrong time: before what they need is there, after it is gone, while another
 * thread is in the same vCPU, with no descriptor left; and memory slots of all wrong shapes.
 */
#include "client.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define SLOTS 509 /* KVM_CAP_NR_MEMSLOTS */
#define PAGE  0x1000ULL
#define LIMIT (1ULL << 40) /* of a guest's addresses */

static int region(int vm, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size,
		  uint64_t address)
{
	struct kvm_userspace_memory_region r = {slot, flags, gpa, size, address};

	return error_of(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r));
}

static void try_regions(void)
{
	const uint64_t user = 0x10000000; /* nothing is there: that counts when it is touched */
	const struct {
		uint32_t slot, flags;
		uint64_t gpa, size, address;
		int expected;
	} lines[] = {
		{0, 0, 0, PAGE, user, 0},
		/* flags and slots that there are not */
		{1, 1U << 2, 16 * PAGE, PAGE, user, EINVAL},
		{1, 1U << 31, 16 * PAGE, PAGE, user, EINVAL},
		{1, ~0U, 16 * PAGE, PAGE, user, EINVAL},
		{SLOTS, 0, 16 * PAGE, PAGE, user, EINVAL},
		{1U << 16, 0, 16 * PAGE, PAGE, user, EINVAL}, /* another address space */
		{~0U, 0, 16 * PAGE, PAGE, user, EINVAL},
		/* not whole pages */
		{1, 0, 16 * PAGE + 1, PAGE, user, EINVAL},
		{1, 0, 16 * PAGE, PAGE - 1, user, EINVAL},
		{1, 0, 16 * PAGE, PAGE, user + 0x800, EINVAL},
		/* beyond what there is */
		{1, 0, LIMIT, PAGE, user, EINVAL},
		{1, 0, LIMIT - PAGE, 2 * PAGE, user, EINVAL},
		{1, 0, ~0ULL << 12, PAGE, user, EINVAL},
		{1, 0, ~0ULL << 12, 2 * PAGE, user, EINVAL},
		{1, 0, PAGE, ~0ULL << 12, user, EINVAL},
		{1, 0, 1ULL << 63, 1ULL << 63, user, EINVAL},
		{1, 0, 16 * PAGE, PAGE, 1ULL << 63, EINVAL},
		{1, 0, 16 * PAGE, PAGE, ~0ULL << 12, EINVAL},
		{1, 0, 16 * PAGE, PAGE, 0xffff888000000000, EINVAL},
		{1, 0, 16 * PAGE, 2 * PAGE, 0x7fffffffe000, EINVAL},
		/* none to delete */
		{1, 0, 16 * PAGE, 0, user, EINVAL},
		/* on another */
		{1, 0, 0, PAGE, user, EEXIST},
		{1, 0, 0, LIMIT, user, EEXIST},
		{1, 0, PAGE, PAGE, user, 0},
		{0, 0, PAGE, PAGE, user, EEXIST},
		{2, KVM_MEM_READONLY, 0, 3 * PAGE, user, EEXIST},
		/* changed in what cannot be */
		{1, 0, PAGE, 2 * PAGE, user, EINVAL},
		{1, 0, PAGE, PAGE, user + PAGE, EINVAL},
		{1, KVM_MEM_READONLY, PAGE, PAGE, user, EINVAL},
		{1, KVM_MEM_LOG_DIRTY_PAGES, PAGE, PAGE, user, 0},
		{1, KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY, PAGE, PAGE, user, EINVAL},
		{1, 0, PAGE, PAGE, user, 0},
		/* all that there can be; gone again */
		{2, KVM_MEM_LOG_DIRTY_PAGES, 2 * PAGE, LIMIT - 2 * PAGE, PAGE, 0},
		{3, 0, LIMIT - PAGE, PAGE, user, EEXIST},
		{2, 0, 0, 0, 0, 0},
		{3, 0, LIMIT - PAGE, PAGE, user, 0},
	};
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	uint32_t n;

	for (n = 0; n < sizeof(lines) / sizeof(lines[0]); n++) {
		int error = region(vm, lines[n].slot, lines[n].flags, lines[n].gpa, lines[n].size,
				   lines[n].address);

		if (error != lines[n].expected) {
			printf("<1>kvm: region %u: errno %d, not %d\n", n, error,
			       lines[n].expected);
			failed(__FILE__, __LINE__, "region", n);
		}
	}
	for (n = 4; n < SLOTS; n++)
		check(region(vm, n, 0, n * 16 * PAGE, PAGE, user) == 0, n);
	close(vm);
}

/* Without any irqchip, CPUID or memory. */
static void try_early(void)
{
	static const struct kvm_enable_cap split = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};
	struct kvm_irq_level line = {.irq = 1, .level = 1};
	struct kvm_irq_routing routing = {0};
	struct kvm_irqfd irqfd = {.fd = (uint32_t)eventfd(0, 0)};
	struct kvm_mp_state mp = {.mp_state = KVM_MP_STATE_HALTED};
	static struct kvm_lapic_state lapic;
	struct kvm_vapic_addr vapic = {0};
	struct kvm_msi msi = {0};
	struct machine m = {.vm = ioctl(kvm, KVM_CREATE_VM, 0)};
	struct kvm_cpuid2 none = {0};
	int reason;

	check_error(EINVAL, ioctl(m.vm, KVM_IRQFD, &irqfd));
	check_error(EINVAL, ioctl(m.vm, KVM_SET_GSI_ROUTING, &routing));
	check_error(EINVAL, ioctl(m.vm, KVM_SIGNAL_MSI, &msi));
	check_error(ENXIO, ioctl(m.vm, KVM_IRQ_LINE, &line));
	m.vcpu[0] = ioctl(m.vm, KVM_CREATE_VCPU, 3);
	check(m.vcpu[0] >= 0, errno);
	check_error(EEXIST, ioctl(m.vm, KVM_CREATE_VCPU, 3));
	check_error(EEXIST, ioctl(m.vm, KVM_ENABLE_CAP, &split));
	m.run[0] = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, m.vcpu[0], 0);
	check_error(EINVAL, ioctl(m.vcpu[0], KVM_GET_LAPIC, &lapic));
	check_error(EINVAL, ioctl(m.vcpu[0], KVM_SET_LAPIC, &lapic));
	check_error(EINVAL, ioctl(m.vcpu[0], KVM_SET_MP_STATE, &mp));
	check_error(EINVAL, ioctl(m.vcpu[0], KVM_SET_VAPIC_ADDR, &vapic));
	check_error(EINVAL, ioctl(m.vcpu[0], KVM_KVMCLOCK_CTRL, 0));
	check_error(0, ioctl(m.vcpu[0], KVM_GET_CPUID2, &none));
	/* It runs, and finds nothing to execute. */
	reason = machine_run(&m, 0);
	check(reason == KVM_EXIT_INTERNAL_ERROR, reason);
	munmap(m.run[0], 3 * PAGE);
	close(m.vcpu[0]);
	check_error(EBADF, ioctl(m.vcpu[0], KVM_RUN, 0));
	close(m.vm);
	check_error(EBADF, ioctl(m.vm, KVM_CREATE_VCPU, 0));
	close((int)irqfd.fd);
}

/* Memory of the program's that is gone when the guest touches it. */
static void try_gone(void)
{
	struct machine m;

	machine_make(&m, 1);
	machine_start(&m, 0, guest_touch, false);
	check(munmap(m.memory + 0x100000, MEMORY_SIZE - 0x100000) == 0, errno);
	check_error(EFAULT, ioctl(m.vcpu[0], KVM_RUN, 0));
	check_error(EFAULT, ioctl(m.vcpu[0], KVM_RUN, 0));
	check(mmap(m.memory + 0x100000, MEMORY_SIZE - 0x100000, PROT_READ,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED,
	      errno);
	check_error(EFAULT, ioctl(m.vcpu[0], KVM_RUN, 0)); /* not to be written */
	mprotect(m.memory + 0x100000, MEMORY_SIZE - 0x100000, PROT_READ | PROT_WRITE);
	check(machine_out(&m, 0, 0x10) == 7, 0);
	machine_end(&m);
}

static bool limit_pins(const char *percent)
{
	FILE *file = fopen("/sys/module/mullion_kvm/parameters/max_pinned_percent", "w");

	return file && fputs(percent, file) >= 0 && fclose(file) == 0;
}

/* More memory than all guests may have, though the program has it: it is the same in each slot. */
static void try_too_much(void)
{
	unsigned n, error = 0;
	struct kvm_regs regs;
	struct machine m;

	machine_make(&m, 1);
	machine_start(&m, 0, guest_touch, false);
	check(ioctl(m.vcpu[0], KVM_GET_REGS, &regs) == 0, errno);
	check(limit_pins("1"), errno);
	for (n = 1; n < 200 && !error; n++) {
		check(region(m.vm, n, 0, (uint64_t)n * MEMORY_SIZE, MEMORY_SIZE,
			     (uintptr_t)m.memory) == 0,
		      n);
		regs.rip = (uint64_t)n * MEMORY_SIZE + guest_address(guest_touch);
		check(ioctl(m.vcpu[0], KVM_SET_REGS, &regs) == 0, errno);
		error = error_of(ioctl(m.vcpu[0], KVM_RUN, 0));
	}
	check(error == ENOMEM && n > 2, error);
	check_error(ENOMEM, ioctl(m.vcpu[0], KVM_RUN, 0));
	check(limit_pins("90"), errno);
	check(machine_out(&m, 0, 0x10) == 7, 0);
	machine_end(&m);
}

/* ---- one in use ---- */

struct user {
	struct machine *m;
	int result;
	bool ended;
};

static void *run_it(void *data)
{
	struct user *user = data;

	user->result = error_of(ioctl(user->m->vcpu[0], KVM_RUN, 0));
	__atomic_store_n(&user->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

static void *read_it(void *data)
{
	struct user *user = data;
	struct kvm_regs regs;

	user->result = error_of(ioctl(user->m->vcpu[0], KVM_GET_REGS, &regs));
	__atomic_store_n(&user->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

static void ignore(int number)
{
	(void)number;
}

/* Who calls a vCPU that runs waits until it has left the guest; the run is not disturbed. */
static void try_in_use(void)
{
	struct sigaction action = {.sa_handler = ignore};
	volatile uint32_t *count;
	struct user runner, reader;
	pthread_t threads[2];
	struct machine m;
	uint32_t before;

	sigaction(SIGUSR1, &action, NULL);
	machine_make(&m, 1);
	machine_start(&m, 0, guest_spin, false);
	runner = reader = (struct user){.m = &m};
	count = (uint32_t *)(m.memory + 0x100000);
	pthread_create(&threads[0], NULL, run_it, &runner);
	while (!*count && !__atomic_load_n(&runner.ended, __ATOMIC_ACQUIRE))
		sched_yield();
	pthread_create(&threads[1], NULL, read_it, &reader);
	/* Other calls of the VM do not wait. */
	check(region(m.vm, 5, 0, 64 << 20, PAGE, 0x10000000) == 0, errno);
	check(region(m.vm, 5, 0, 0, 0, 0) == 0, errno);
	before = *count;
	while (*count == before && !__atomic_load_n(&runner.ended, __ATOMIC_ACQUIRE))
		sched_yield();
	check(!reader.ended && !runner.ended, 0);
	while (!__atomic_load_n(&runner.ended, __ATOMIC_ACQUIRE)) {
		pthread_kill(threads[0], SIGUSR1);
		sched_yield();
	}
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	check(runner.result == EINTR, runner.result);
	check(reader.result == 0, reader.result);
	machine_end(&m);
}

/* ---- descriptors ---- */

/* No descriptor is left: EMFILE, and what was asked for can be made later. */
static void try_no_descriptor(void)
{
	struct rlimit before, none;
	int vm = ioctl(kvm, KVM_CREATE_VM, 0), vcpu;

	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = (rlim_t)vm + 1;
	setrlimit(RLIMIT_NOFILE, &none);
	check_error(EMFILE, ioctl(kvm, KVM_CREATE_VM, 0));
	check_error(EMFILE, ioctl(vm, KVM_CREATE_VCPU, 0));
	check_error(EMFILE, ioctl(vm, KVM_CREATE_VCPU, 0));
	setrlimit(RLIMIT_NOFILE, &before);
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	check(vcpu >= 0, errno);
	check(fcntl(vm, F_GETFD) == FD_CLOEXEC && fcntl(vcpu, F_GETFD) == FD_CLOEXEC, 0);
	close(vcpu);
	close(vm);
}

/* A vCPU's mapping has three pages. */
static void try_mapping(void)
{
	struct machine m;
	int status = 0;
	pid_t child;

	machine_make(&m, 1);
	child = fork();
	if (child == 0) {
		volatile uint8_t *all = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, m.vcpu[0], 0);

		if (all == MAP_FAILED || all[0] + all[PAGE] + all[2 * PAGE] < 0)
			_exit(1);
		_exit(all[3 * PAGE]);
	}
	waitpid(child, &status, 0);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS, status);
	machine_end(&m);
}

void test_order(void)
{
	long before = pinned_pages();

	try_regions();
	try_early();
	try_gone();
	try_too_much();
	try_in_use();
	try_no_descriptor();
	try_mapping();
	check(pinned_pages() == before, pinned_pages() - before);
	count_guests();
}
