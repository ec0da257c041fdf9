/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each call with its first, second, ... allocation failing, alone or with all that follow, until
 * none is left to fail (tests/core/fail does it): ENOMEM or success; then the same call succeeds;
 * and nothing is left, of the module, of the core or of pinned memory.
 */
#include "calls.h"

#include <fcntl.h>
#include <sys/eventfd.h>

#define FAIL	"/sys/kernel/debug/mullion-fail/"
#define MOST	64 /* allocations of one call */
#define REGIONS 0x2000000ULL

static int next_fd = -1;
static struct machine m;
static int event, made;

/* The n-th allocation from here on fails, and with `later` the following ones; 0: none. */
static void fail_at(unsigned n, bool later)
{
	char text[16];
	int size = snprintf(text, sizeof(text), later ? "%u+" : "%u", n);

	check(write(next_fd, text, (size_t)size) == size, errno);
}

static unsigned failures_made(void)
{
	char text[32] = "";
	unsigned seen = 0, hit = 0;

	check(pread(next_fd, text, sizeof(text) - 1, 0) > 0, errno);
	sscanf(text, "%u %u", &seen, &hit);
	return hit;
}

/* ---- what is tried; each is called again after it has failed ---- */

static int set_region(uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size)
{
	struct kvm_userspace_memory_region r = {slot, flags, gpa, size, (uintptr_t)m.memory};

	return ioctl(m.vm, KVM_SET_USER_MEMORY_REGION, &r);
}

static int create_vm(void)
{
	return made = ioctl(kvm, KVM_CREATE_VM, 0);
}
static int create_vcpu(void)
{
	return made = ioctl(m.vm, KVM_CREATE_VCPU, 7);
}
static int add_region(void)
{
	return set_region(1, 0, REGIONS, MEMORY_SIZE);
}
static int add_logged_region(void)
{
	return set_region(1, KVM_MEM_LOG_DIRTY_PAGES, REGIONS, MEMORY_SIZE);
}
static int start_log(void)
{
	return set_region(0, KVM_MEM_LOG_DIRTY_PAGES, 0, MEMORY_SIZE);
}
static int move_region(void)
{
	return set_region(0, 0, REGIONS, MEMORY_SIZE);
}
static int read_log(void)
{
	static uint64_t bits[MEMORY_SIZE / 4096 / 64];
	struct kvm_dirty_log log = {.slot = 0, .dirty_bitmap = bits};

	return ioctl(m.vm, KVM_GET_DIRTY_LOG, &log);
}
static int add_irqfd(void)
{
	struct kvm_irqfd irqfd = {.fd = (uint32_t)event, .gsi = 1};

	return ioctl(m.vm, KVM_IRQFD, &irqfd);
}
static int remove_irqfd(void)
{
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)event, .gsi = 1, .flags = KVM_IRQFD_FLAG_DEASSIGN};

	return ioctl(m.vm, KVM_IRQFD, &irqfd);
}
static int add_ioevent(void)
{
	struct kvm_ioeventfd io = {.addr = 0xd0000, .len = 4, .fd = event};

	return ioctl(m.vm, KVM_IOEVENTFD, &io);
}
static int run_guest(void)
{
	int result = ioctl(m.vcpu[0], KVM_RUN, 0);

	if (result == 0)
		check(m.run[0]->exit_reason == KVM_EXIT_IO, m.run[0]->exit_reason);
	return result;
}

static void prepare_log(void)
{
	check(start_log() == 0, errno);
}
static void prepare_irqfd(void)
{
	check(add_irqfd() == 0, errno);
}
/* The program's own memory is there: that a page of it cannot be is another matter. */
static void prepare_run(void)
{
	memset(m.memory + MEMORY_SIZE / 2, 0, MEMORY_SIZE / 2);
	memset(m.memory + 0x10000, 0, MEMORY_SIZE / 2 - 0x10000);
	memset(m.memory + 0xa000, 0, 0x6000);
	m.memory[0x2000] = m.memory[0x3000] = m.memory[0x4000] = m.memory[0x5000] = 0;
	m.memory[0] = m.memory[0x8000] = m.memory[0x9000] = 0;
	machine_start(&m, 0, guest_touch, false);
}

static const struct path {
	const char *name;
	int (*run)(void);
	void (*prepare)(void);
} paths[] = {
	{.name = "KVM_CREATE_VM", .run = create_vm},
	{.name = "KVM_CREATE_VCPU", .run = create_vcpu},
	{.name = "a new slot", .run = add_region},
	{.name = "a new slot with a log", .run = add_logged_region},
	{.name = "a log", .run = start_log},
	{.name = "a slot that moves", .run = move_region},
	{.name = "KVM_GET_DIRTY_LOG", .run = read_log, .prepare = prepare_log},
	{.name = "KVM_IRQFD", .run = add_irqfd},
	{.name = "KVM_IRQFD, off", .run = remove_irqfd, .prepare = prepare_irqfd},
	{.name = "KVM_IOEVENTFD", .run = add_ioevent},
	{.name = "KVM_RUN", .run = run_guest, .prepare = prepare_run},
};

/* Which of calls[] is tried, for those that are no path of their own. */
static const struct call *one;
static uint8_t one_argument[8192], one_copy[8192];

static int run_one(void)
{
	memcpy(one_argument, one_copy, one->size);
	return ioctl(call_descriptor(&m, one), one->number, one_argument);
}
static void prepare_one(void)
{
	call_fill(&m, one, one_copy);
}

/* ---- */

static void check_ending(const char *name, int error, int expected, bool failed_some)
{
	if (error == expected || (failed_some && error == ENOMEM))
		return;
	printf("<1>kvm: %s: errno %d when an allocation fails\n", name, error);
	failed(__FILE__, __LINE__, name, error);
}

/* One with the n-th failing. Whether there was one to fail. */
static bool try_once(const struct path *path, unsigned n, bool later, int expected)
{
	unsigned hit;
	int error;

	machine_make(&m, 1);
	event = eventfd(0, 0);
	made = -1;
	if (path->prepare)
		path->prepare();
	fail_at(n, later);
	error = error_of(path->run());
	fail_at(0, false);
	hit = failures_made();
	check_ending(path->name, error, expected, hit != 0);
	if (error == ENOMEM)
		check_ending(path->name, error_of(path->run()), expected, false);
	if (made >= 0)
		close(made);
	close(event);
	machine_end(&m);
	return hit != 0;
}

static unsigned try_path(const struct path *path, int expected)
{
	struct counts before = counts_now();
	unsigned n, later, rounds = 0;

	for (later = 0; later < 2; later++)
		for (n = 1; n < MOST && try_once(path, n, later, expected); n++)
			rounds++;
	check(n < MOST, n);
	check(counts_are(&before, path->name), 0);
	return rounds;
}

void test_fail(void)
{
	const struct path other = {.run = run_one, .prepare = prepare_one};
	unsigned rounds = 0;
	struct path path;
	size_t n;

	next_fd = open(FAIL "next", O_RDWR | O_CLOEXEC);
	if (!check(next_fd >= 0, errno))
		return;
	machine_make(&m, 1); /* what is only made once is there */
	check(counts_now().allocations > 0, 0);
	machine_end(&m);
	for (n = 0; n < sizeof(paths) / sizeof(paths[0]); n++)
		rounds += try_path(&paths[n], 0);
	for (n = 0; n < call_count; n++) {
		one = &calls[n];
		path = other;
		path.name = one->name;
		rounds += try_path(&path, one->expected);
	}
	printf("<1>kvm: fail: %u allocations have failed\n", rounds);
	check(rounds > 50, rounds);
	count_guests();
	close(next_fd);
}
