/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs that are killed in the middle of anything: their VMs have vCPUs that run, sleep and
 * trap, slots that come and go, logs, irqfds and ioeventfds that are signalled. After each of them
 * there is as much of the module, of the core and of pinned memory in use as before the first.
 *
 * When one is killed is chance; it is measured in what it has done, not in time.
 */
#include "client.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>

#define VCPUS  4
#define EVENTS 8
#define STEPS  120 /* most that one does before it is killed */

struct machines {
	struct machine first, second; /* two vCPUs each */
	int events[EVENTS];
};

static volatile uint32_t *steps; /* shared with the child */
static struct machines both;

static void step(void)
{
	__atomic_add_fetch(steps, 1, __ATOMIC_RELAXED);
}

static void *run_vcpu(void *data)
{
	static const uint8_t *const code[] = {guest_touch, guest_spin, guest_halt, guest_timer};
	unsigned n = (unsigned)(uintptr_t)data;
	struct machine *m = n < 2 ? &both.first : &both.second;

	machine_start(m, n % 2, code[n], false);
	for (;;) {
		/* An error is not the matter here: memory goes away below it. */
		if (ioctl(m->vcpu[n % 2], KVM_RUN, 0) < 0 || m->run[n % 2]->exit_reason)
			step();
	}
	return NULL;
}

static void change_memory(unsigned n)
{
	struct kvm_userspace_memory_region r = {
		.slot = 1 + n % 3,
		.flags = n & 4 ? KVM_MEM_LOG_DIRTY_PAGES : 0,
		.guest_phys_addr = 0x1000000 * (1 + n % 3),
		.memory_size = n & 8 ? 0 : 0x200000,
		.userspace_addr = (uintptr_t)both.first.memory,
	};
	static uint64_t bits[0x200000 / 4096 / 64];
	struct kvm_dirty_log log = {.slot = r.slot, .dirty_bitmap = bits};

	ioctl(both.first.vm, KVM_SET_USER_MEMORY_REGION, &r);
	ioctl(both.first.vm, KVM_GET_DIRTY_LOG, &log);
}

static void change_events(unsigned n)
{
	int event = both.events[n % EVENTS];
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)event, .gsi = n % 3, .flags = n & 16 ? KVM_IRQFD_FLAG_DEASSIGN : 0};
	struct kvm_ioeventfd io = {.addr = 0xd0000 + n % EVENTS * 8,
				   .len = 4,
				   .fd = event,
				   .flags = n & 16 ? KVM_IOEVENTFD_FLAG_DEASSIGN : 0};
	uint64_t one = 1;

	ioctl(both.second.vm, KVM_IRQFD, &irqfd);
	ioctl(both.second.vm, KVM_IOEVENTFD, &io);
	check(write(event, &one, sizeof(one)) == sizeof(one), errno);
}

static void set_routes(void)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entries[3];
	} routing = {.head.nr = 3};
	unsigned n;

	for (n = 0; n < 3; n++)
		routing.entries[n] = (struct kvm_irq_routing_entry){
			.gsi = n,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = {.address_lo = 0xfee00000, .data = 0x40 + n}};
	ioctl(both.second.vm, KVM_SET_GSI_ROUTING, &routing);
}

static void child(void)
{
	pthread_t thread;
	unsigned n;

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	step();
	machine_make(&both.first, 2);
	step();
	machine_make(&both.second, 2);
	set_routes();
	step();
	for (n = 0; n < EVENTS; n++)
		both.events[n] = eventfd(0, EFD_NONBLOCK);
	for (n = 0; n < VCPUS; n++) {
		pthread_create(&thread, NULL, run_vcpu, (void *)(uintptr_t)n);
		step();
	}
	for (n = 0;; n++) {
		change_memory(n);
		change_events(n);
		step();
	}
}

static void kill_one(uint32_t at)
{
	pid_t pid;

	*steps = 0;
	pid = fork();
	if (pid == 0) {
		child();
		_exit(0);
	}
	while (__atomic_load_n(steps, __ATOMIC_RELAXED) < at && !waitpid(pid, NULL, WNOHANG))
		sched_yield();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

void test_kills(void)
{
	const char *wanted = getenv("KILLS");
	unsigned count_wanted = wanted ? (unsigned)atoi(wanted) : 100, n, seed;
	struct counts before;

	steps = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	seed = (unsigned)getpid() * 2654435761U ^ (unsigned)time(NULL);
	printf("<1>kvm: kills: seed %u\n", seed);
	srand(seed);
	kill_one(STEPS); /* what Linux keeps once it was there */
	before = counts_now();
	for (n = 0; n < count_wanted; n++) {
		kill_one((uint32_t)rand() % STEPS);
		if (!check(counts_are(&before, "a killed program"), n))
			return;
	}
	printf("<1>kvm: kills: %u killed\n", n);
	count_guests();
}
