/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that comes and goes, and programs that end in the middle of anything: nothing is left.
 */
#include "client.h"

#include <signal.h>
#include <sys/wait.h>

#define GUESTS	      16 /* MULLION_GUESTS */
#define TOUCHED	      0x100000U
#define TOUCHED_PAGES 128
#ifndef KILLS
#define KILLS 20
#endif

static int set_slot(struct machine *m, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size)
{
	struct kvm_userspace_memory_region region = {slot, flags, gpa, size,
						     (uintptr_t)m->memory + (size_t)gpa};

	return ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static unsigned dirty_pages(struct machine *m, uint32_t slot)
{
	uint64_t bits[TOUCHED_PAGES / 64] = {0};
	struct kvm_dirty_log log = {.slot = slot, .dirty_bitmap = bits};

	check(ioctl(m->vm, KVM_GET_DIRTY_LOG, &log) == 0, errno);
	return (unsigned)(__builtin_popcountll(bits[0]) + __builtin_popcountll(bits[1]));
}

static void memory_log(struct machine *m)
{
	struct kvm_dirty_log nowhere = {.slot = 1, .dirty_bitmap = NULL};

	/* Code below, what is touched in a slot of its own. */
	check(set_slot(m, 0, 0, 0, 0) == 0, errno);
	check(set_slot(m, 0, 0, 0, TOUCHED) == 0, errno);
	check(set_slot(m, 1, KVM_MEM_LOG_DIRTY_PAGES, TOUCHED, TOUCHED_PAGES * 4096) == 0, errno);
	machine_start(m, 0, guest_touch, false);
	check(machine_out(m, 0, 0x10) == 7, 0);
	check(m->memory[TOUCHED] == 1 && m->memory[TOUCHED + 127 * 4096] == 1, m->memory[TOUCHED]);
	check(dirty_pages(m, 1) == TOUCHED_PAGES, 0);
	check(dirty_pages(m, 1) == 0, 0);
	check(machine_out(m, 0, 0x10) == 7, 0);
	/* What a call that fails has not told, the next one does. */
	check_error(EFAULT, ioctl(m->vm, KVM_GET_DIRTY_LOG, &nowhere));
	check(dirty_pages(m, 1) == TOUCHED_PAGES, 0);
	check(dirty_pages(m, 1) == 0, 0);
	check(m->memory[TOUCHED] == 2, m->memory[TOUCHED]);
	/* No more of it; and again. */
	check(set_slot(m, 1, 0, TOUCHED, TOUCHED_PAGES * 4096) == 0, errno);
	check(machine_out(m, 0, 0x10) == 7, 0);
	check(set_slot(m, 1, KVM_MEM_LOG_DIRTY_PAGES, TOUCHED, TOUCHED_PAGES * 4096) == 0, errno);
	check(machine_out(m, 0, 0x10) == 7, 0);
	check(dirty_pages(m, 1) == TOUCHED_PAGES, 0);
}

/* A slot that is gone is device memory, a read-only one for writes. */
static void memory_slots(struct machine *m)
{
	struct kvm_run *run = m->run[0];
	int reason;

	check(set_slot(m, 1, 0, TOUCHED, 0) == 0, errno);
	reason = machine_run(m, 0);
	check(reason == KVM_EXIT_MMIO && run->mmio.phys_addr == TOUCHED && !run->mmio.is_write,
	      reason);
	check(set_slot(m, 1, KVM_MEM_READONLY, TOUCHED, TOUCHED_PAGES * 4096) == 0, errno);
	m->memory[TOUCHED] = 0x20;
	/* The instruction that was begun ends as it was begun. */
	run->mmio.data[0] = 0x40;
	reason = machine_run(m, 0);
	check(reason == KVM_EXIT_MMIO && run->mmio.is_write && run->mmio.data[0] == 0x41, reason);
	machine_start(m, 0, guest_touch, false);
	reason = machine_run(m, 0);
	check(reason == KVM_EXIT_MMIO && run->mmio.phys_addr == TOUCHED && run->mmio.is_write,
	      reason);
	check(run->mmio.data[0] == 0x21, run->mmio.data[0]);
	check(m->memory[TOUCHED] == 0x20, m->memory[TOUCHED]);
}

void test_memory(void)
{
	long before = pinned_pages();
	struct machine m;

	machine_make(&m, 1);
	memory_log(&m);
	memory_slots(&m);
	check(pinned_pages() > before, pinned_pages());
	machine_end(&m);
	check(pinned_pages() == before, pinned_pages() - before);
}

/* ---- ends ---- */

static void child(void)
{
	struct machine m;

	machine_make(&m, 2);
	machine_start(&m, 0, guest_spin, false);
	for (;;)
		machine_run(&m, 0);
}

static void kill_at(useconds_t microseconds)
{
	pid_t pid = fork();

	if (pid == 0) {
		child();
		_exit(0);
	}
	usleep(microseconds); /* somewhere in the middle: which place does not matter */
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

void count_guests(void)
{
	int vms[GUESTS], n;

	for (n = 0; n < GUESTS; n++) {
		vms[n] = ioctl(kvm, KVM_CREATE_VM, 0);
		check(vms[n] >= 0, n);
	}
	check_error(ENOMEM, ioctl(kvm, KVM_CREATE_VM, 0));
	for (n = 0; n < GUESTS; n++)
		close(vms[n]);
}

/* A vCPU keeps its VM, and both go on after the VM's descriptor is closed. */
static void close_early(void)
{
	struct machine m;

	machine_make(&m, 1);
	machine_start(&m, 0, guest_touch, false);
	close(m.vm);
	check(machine_out(&m, 0, 0x10) == 7, 0);
	m.vm = -1;
	machine_end(&m);
}

void test_kill(void)
{
	long before = pinned_pages();
	unsigned n;

	count_guests();
	close_early();
	for (n = 0; n < KILLS; n++)
		kill_at(n % 40 * (n % 40) * 300);
	check(pinned_pages() == before, pinned_pages() - before);
	count_guests();
}
