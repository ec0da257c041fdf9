/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each call with memory that is not there, not all there, or not to be written: EFAULT, and the
 * next good one works; calls of another size, of another descriptor, or that there are not.
 */
#include "calls.h"

#include <sys/wait.h>

#define PAGE 4096
#define ROOM (2 * PAGE) /* for an argument */

static struct machine m;
static uint8_t *room; /* ROOM bytes, and behind them a page that is not there */

static int try(const struct call *call, void *argument)
{
	return error_of(ioctl(call_descriptor(&m, call), call->number, argument));
}

static void expect(const struct call *call, const char *what, int expected, void *argument)
{
	int error = try(call, argument);

	if (error != expected) {
		printf("<1>kvm: %s of %zu bytes, %s: errno %d, not %d\n", call->name, call->size,
		       what, error, expected);
		failed(__FILE__, __LINE__, call->name, error);
	}
}

static void try_pointers(const struct call *call)
{
	static const struct {
		const char *name;
		uint64_t value;
	} nowhere[] = {{"first page", 8},
		       {"kernel", 0xffff888000001000},
		       {"not canonical", 1ULL << 63},
		       {"the last bytes", ~7ULL},
		       {"behind the last of a process", 0x7ffffffff000 - 1}};
	uint8_t copy[ROOM];
	size_t n;

	for (n = 0; n < sizeof(nowhere) / sizeof(nowhere[0]); n++)
		expect(call, nowhere[n].name, EFAULT, (void *)nowhere[n].value);
	if (!call->null)
		expect(call, "NULL", EFAULT, NULL);
	expect(call, "not there", EFAULT, room + ROOM);

	call_fill(&m, call, copy);
	memcpy(room + ROOM - 1, copy, 1);
	expect(call, "a byte of it there", EFAULT, room + ROOM - 1);
	n = call->size - 1 < 12 ? call->size - 1 : 12;
	memcpy(room + ROOM - n, copy, n);
	if (call->expected != E2BIG)
		expect(call, "not all of it there", EFAULT, room + ROOM - n);
	memcpy(room, copy, call->size);
	mprotect(room, ROOM, PROT_NONE);
	expect(call, "no access", EFAULT, room);
	mprotect(room, ROOM, PROT_READ);
	if (call->out && !call->expected)
		expect(call, "not to be written", EFAULT, room);
	mprotect(room, ROOM, PROT_READ | PROT_WRITE);

	/* No byte behind it is touched, and nothing is left of what failed. */
	memcpy(room + ROOM - call->size, copy, call->size);
	expect(call, "good", call->expected, room + ROOM - call->size);
	if (call->null)
		expect(call, "NULL", 0, NULL);
}

/* The errno for a number that a descriptor does not know. */
static int unknown(enum call_on on)
{
	return on == ON_VM ? ENOTTY : EINVAL;
}

static void try_sizes(const struct call *call)
{
	static const uint8_t more[] = {1, 4, 8};
	unsigned long other;
	size_t n;

	for (n = 0; n < sizeof(more); n++) {
		other = call->number + ((unsigned long)more[n] << _IOC_SIZESHIFT);
		memset(room, 0, ROOM);
		check(error_of(ioctl(call_descriptor(&m, call), other, room)) == unknown(call->on),
		      other);
	}
	other = call->number & ~((unsigned long)_IOC_SIZEMASK << _IOC_SIZESHIFT);
	check(error_of(ioctl(call_descriptor(&m, call), other, room)) == unknown(call->on), other);
}

static bool is_known(enum call_on on, unsigned long number)
{
	static const unsigned long others[] = {KVM_RUN,
					       KVM_NMI,
					       KVM_GET_TSC_KHZ,
					       KVM_SET_TSC_KHZ,
					       KVM_KVMCLOCK_CTRL,
					       KVM_CREATE_VM,
					       KVM_CREATE_VCPU,
					       KVM_CREATE_DEVICE,
					       KVM_CHECK_EXTENSION,
					       KVM_SET_TSS_ADDR,
					       KVM_GET_API_VERSION,
					       KVM_CREATE_IRQCHIP,
					       KVM_GET_SUPPORTED_HV_CPUID,
					       KVM_GET_VCPU_MMAP_SIZE};
	size_t n;

	for (n = 0; n < sizeof(others) / sizeof(others[0]); n++)
		if (others[n] == number)
			return true;
	for (n = 0; n < call_count; n++)
		if (calls[n].number == number && calls[n].on == on)
			return true;
	return false;
}

static void try_descriptors(const struct call *call)
{
	enum call_on on;

	for (on = ON_SYSTEM; on <= ON_VCPU; on++) {
		int fd = on == ON_SYSTEM ? kvm : on == ON_VM ? m.vm : m.vcpu[0];

		memset(room, 0, ROOM);
		if (!is_known(on, call->number))
			check(error_of(ioctl(fd, call->number, room)) == unknown(on), call->number);
	}
	check(error_of(ioctl(1000, call->number, room)) == EBADF, call->number);
}

/* All numbers of KVM's type, with a few sizes; and some of other types. */
static void try_unknown(enum call_on on)
{
	static const uint16_t sizes[] = {0, 4, 8, 24, 64, 1024, 16383};
	int fd = on == ON_SYSTEM ? kvm : on == ON_VM ? m.vm : m.vcpu[0];
	unsigned number, direction, size;

	for (number = 0; number < 256; number++)
		for (direction = 0; direction < 4; direction++)
			for (size = 0; size < sizeof(sizes) / sizeof(sizes[0]); size++) {
				unsigned long call = _IOC(direction, KVMIO, number, sizes[size]);

				if (is_known(on, call))
					continue;
				memset(room, 0, ROOM);
				check(error_of(ioctl(fd, call, room)) == unknown(on), call);
			}
	for (number = 0; number < 256; number++)
		check(error_of(ioctl(fd, _IO('f' + 1, number), room)) == unknown(on), number);
}

/* A process that has only inherited the descriptors; its own /dev/kvm is as good as any. */
static void try_other_process(void)
{
	int status = 0;
	pid_t child = fork();
	size_t n;

	if (child == 0) {
		for (n = 0; n < call_count; n++) {
			memset(room, 0, ROOM);
			if (calls[n].on != ON_SYSTEM && try(&calls[n], room) != EIO)
				_exit(1);
		}
		if (error_of(ioctl(m.vcpu[0], KVM_RUN, 0)) != EIO ||
		    error_of(ioctl(m.vm, KVM_CREATE_VCPU, 1)) != EIO ||
		    error_of(ioctl(m.vcpu[0], 0x1234, 0)) != EIO)
			_exit(2);
		n = (size_t)ioctl(kvm, KVM_CREATE_VM, 0);
		_exit((int)n < 0 || ioctl((int)n, KVM_CREATE_VCPU, 0) < 0 ? 3 : 0);
	}
	waitpid(child, &status, 0);
	check(status == 0, status);
	/* That it has ended is nothing to who made them. */
	check(ioctl(m.vcpu[0], KVM_GET_REGS, room) == 0, errno);
}

void test_pointers(void)
{
	size_t n;

	room = mmap(NULL, ROOM + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(room + ROOM, PAGE);
	machine_make(&m, 1);
	for (n = 0; n < call_count; n++) {
		try_pointers(&calls[n]);
		try_sizes(&calls[n]);
		try_descriptors(&calls[n]);
	}
	for (n = ON_SYSTEM; n <= ON_VCPU; n++)
		try_unknown((enum call_on)n);
	try_other_process();
	machine_end(&m);
	munmap(room, ROOM);
}
