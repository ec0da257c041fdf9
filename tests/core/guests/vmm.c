/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs fuzz.c's guest on /dev/kvm without QEMU, so that a life costs little: device accesses are
 * answered with chance, and whatever ends a life is followed by the next one.
 *	vmm ROM SEED SECONDS
 * The last line says how much was tried, or what is wrong: "vmm: good, ..." or "vmm: BAD, ...".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define VCPUS	 4
#define RAM_SIZE (16U << 20)
#define ROM_SIZE 0x10000U
#define GUARD	 (4U << 20) /* of memory around the guest's, which nobody writes */
#define PATTERN	 0x9e3779b97f4a7c15ULL
#define CONSOLE	 0xe9
#define STUCK	 40    /* looks without a try until it counts as dead */
#define LONG	 800   /* looks until a life ends whatever it does: it may write its own count */
#define LOOK	 10000 /* microseconds between two looks */
#define NOTES	 24
#define SANE	 1000000 /* tries of a life: the guest may have written anything there */

enum ending { RESET, SHUTDOWN, INTERNAL, REFUSED, UNKNOWN, FAILED, SILENT, TOO_LONG, ENDINGS };
static const char *const endings[] = {"reset",	 "shutdown", "internal error", "refused",
				      "unknown", "failed",   "silent",	       "too long"};

struct state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_debugregs debug;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp;
	struct kvm_xcrs xcrs;
	struct kvm_lapic_state lapic;
	struct kvm_xsave xsave;
};

struct vcpu {
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	struct state reset;
	uint64_t random, exits, tries, many, begins;
};

static int kvm, vm;
static uint8_t *ram, *all;
static struct vcpu vcpus[VCPUS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned parked;
static bool stopping, over; /* by lock */
static int ending = -1;	    /* of this life, by lock */
static uint64_t lives, ends[ENDINGS], failures[256];
static struct {
	uint32_t bytes; /* suberror, and the first three */
	unsigned count;
} notes[NOTES]; /* by lock */

static void die(const char *what)
{
	printf("vmm: BAD, %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t mix(uint64_t *state)
{
	uint64_t z = *state += PATTERN;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* ---- a vCPU ---- */

static void end_life(enum ending how, int error)
{
	pthread_mutex_lock(&lock);
	if (ending < 0)
		ending = (int)how;
	if (how == FAILED || how == SILENT || how == TOO_LONG)
		ends[how]++;
	if (error)
		failures[error & 255]++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void fill(struct vcpu *vcpu, uint8_t *data, size_t size)
{
	uint64_t r = mix(&vcpu->random);

	/* All ones, zeros, or chance. */
	while (size-- != 0)
		data[size] = r & 3 ? (uint8_t)mix(&vcpu->random) : r & 4 ? 0xff : 0;
}

/* What the guest says when its first CPU begins anew: how much has been tried before. */
static void note_line(struct vcpu *vcpu, const char *text, size_t size)
{
	unsigned seed, count, cpus;
	char line[96];

	snprintf(line, sizeof(line), "%.*s", (int)(size < 95 ? size : 95), text);
	if (sscanf(line, "fuzz: seed %x, before it %u tries on %u", &seed, &count, &cpus) == 3 &&
	    count < SANE) {
		vcpu->tries += count;
		vcpu->many += cpus > 1;
		vcpu->begins++;
	}
}

static bool port_exit(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	if (run->io.port == CONSOLE && run->io.direction == KVM_EXIT_IO_OUT)
		note_line(vcpu, (const char *)data, (size_t)run->io.size * run->io.count);
	else if (run->io.direction == KVM_EXIT_IO_IN)
		fill(vcpu, data, (size_t)run->io.size * run->io.count);
	else if (run->io.port == 0xcf9 || run->io.port == 0x92 || run->io.port == 0x64)
		return mix(&vcpu->random) % 8 != 0;
	return true;
}

/* Which instructions were not understood. */
static void note_instruction(const struct kvm_run *run)
{
	uint32_t bytes = run->internal.suberror << 24, n;

	if (run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION && run->internal.ndata)
		for (n = 0; n < 3; n++)
			bytes |= (uint32_t)run->emulation_failure.insn_bytes[n] << (16 - 8 * n);
	pthread_mutex_lock(&lock);
	for (n = 0; n < NOTES && notes[n].count && notes[n].bytes != bytes; n++)
		;
	if (n < NOTES) {
		notes[n].bytes = bytes;
		notes[n].count++;
	}
	pthread_mutex_unlock(&lock);
}

static void restore(struct vcpu *vcpu);

/* A vCPU that has ended: mostly it alone begins anew, else all of them. Whether it goes on. */
static bool revive(struct vcpu *vcpu, enum ending how)
{
	__atomic_add_fetch(&ends[how], 1, __ATOMIC_RELAXED);
	if (mix(&vcpu->random) % 32 == 0) {
		end_life(how, 0);
		return false;
	}
	restore(vcpu);
	return true;
}

/* Whether it goes on. */
static bool handle(struct vcpu *vcpu, int result)
{
	struct kvm_run *run = vcpu->run;

	if (result < 0) {
		if (errno == EINTR || errno == EAGAIN)
			return true;
		end_life(FAILED, errno);
		return false;
	}
	vcpu->exits++;
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		return port_exit(vcpu) || revive(vcpu, RESET);
	case KVM_EXIT_MMIO:
		if (!run->mmio.is_write)
			fill(vcpu, run->mmio.data, run->mmio.len);
		return true;
	case KVM_EXIT_IRQ_WINDOW_OPEN:
	case KVM_EXIT_IOAPIC_EOI:
	case KVM_EXIT_INTR:
		return true;
	case KVM_EXIT_SHUTDOWN:
		return revive(vcpu, SHUTDOWN);
	case KVM_EXIT_INTERNAL_ERROR:
		note_instruction(run);
		return revive(vcpu, INTERNAL);
	case KVM_EXIT_FAIL_ENTRY:
		return revive(vcpu, REFUSED);
	default:
		return revive(vcpu, UNKNOWN);
	}
}

/* Waits until the next life begins. */
static bool park(void)
{
	bool go_on;

	pthread_mutex_lock(&lock);
	parked++;
	pthread_cond_broadcast(&changed);
	while (stopping || ending >= 0)
		pthread_cond_wait(&changed, &lock);
	parked--;
	go_on = !over;
	pthread_mutex_unlock(&lock);
	return go_on;
}

static void *run_vcpu(void *data)
{
	struct vcpu *vcpu = data;

	do
		while (!__atomic_load_n(&stopping, __ATOMIC_SEQ_CST) &&
		       handle(vcpu, ioctl(vcpu->fd, KVM_RUN, 0)))
			;
	while (park());
	return NULL;
}

/* ---- life ---- */

static void ignore(int number)
{
	(void)number;
}

#define MOVE(call, what)                                                                           \
	do {                                                                                       \
		if (ioctl(vcpu->fd, call, what))                                                   \
			die(#call);                                                                \
	} while (0)

static void save(struct vcpu *vcpu)
{
	struct state *s = &vcpu->reset;

	MOVE(KVM_GET_REGS, &s->regs);
	MOVE(KVM_GET_SREGS, &s->sregs);
	MOVE(KVM_GET_DEBUGREGS, &s->debug);
	MOVE(KVM_GET_VCPU_EVENTS, &s->events);
	MOVE(KVM_GET_MP_STATE, &s->mp);
	MOVE(KVM_GET_XCRS, &s->xcrs);
	MOVE(KVM_GET_LAPIC, &s->lapic);
	MOVE(KVM_GET_XSAVE, &s->xsave);
}

static void restore(struct vcpu *vcpu)
{
	struct state *s = &vcpu->reset;

	/* What an exit has left to do is done before the state is another. */
	vcpu->run->immediate_exit = 1;
	ioctl(vcpu->fd, KVM_RUN, 0);
	vcpu->run->immediate_exit = 0;
	MOVE(KVM_SET_SREGS, &s->sregs);
	MOVE(KVM_SET_REGS, &s->regs);
	MOVE(KVM_SET_XCRS, &s->xcrs);
	MOVE(KVM_SET_XSAVE, &s->xsave);
	MOVE(KVM_SET_LAPIC, &s->lapic);
	MOVE(KVM_SET_DEBUGREGS, &s->debug);
	MOVE(KVM_SET_VCPU_EVENTS, &s->events);
	MOVE(KVM_SET_MP_STATE, &s->mp);
}

static uint64_t count_tries(unsigned *cpus)
{
	const volatile uint32_t *tries = (const volatile uint32_t *)(ram + LIFE + 16);
	uint64_t sum = 0;
	unsigned n;

	*cpus = 0;
	for (n = 0; n < VCPUS; n++) {
		sum += tries[n];
		*cpus += tries[n] != 0;
	}
	return sum;
}

static void stop_all(void)
{
	unsigned n;

	__atomic_store_n(&stopping, true, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&lock);
	while (parked < VCPUS) {
		struct timespec until;

		for (n = 0; n < VCPUS; n++) {
			vcpus[n].run->immediate_exit = 1;
			pthread_kill(vcpus[n].thread, SIGUSR1);
		}
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += LOOK * 1000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		pthread_cond_timedwait(&changed, &lock, &until);
	}
	pthread_mutex_unlock(&lock);
}

static void begin(uint64_t seed)
{
	unsigned n;

	memset(ram + LIFE, 0, 64);
	memcpy(ram + SEED, &seed, sizeof(seed));
	for (n = 0; n < VCPUS; n++)
		restore(&vcpus[n]);
	pthread_mutex_lock(&lock);
	ending = -1;
	stopping = false;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* Until it ends; interrupts of devices meanwhile. */
static void watch(uint64_t *random)
{
	uint64_t last = 0, now;
	unsigned silent = 0, looks = 0, cpus;

	while (__atomic_load_n(&ending, __ATOMIC_SEQ_CST) < 0) {
		uint64_t r = mix(random);
		struct kvm_msi msi = {.address_lo = 0xfee00000 | (r & 0xff0ff),
				      .data = r >> 32 & 0xffff};

		ioctl(vm, KVM_SIGNAL_MSI, &msi);
		usleep(LOOK / 4);
		now = count_tries(&cpus);
		silent = now == last ? silent + 1 : 0;
		last = now;
		if (silent >= STUCK)
			end_life(SILENT, 0);
		else if (++looks >= LONG)
			end_life(TOO_LONG, 0);
	}
}

/* ---- the machine ---- */

static void add_slot(uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size, uint8_t *at)
{
	struct kvm_userspace_memory_region r = {slot, flags, gpa, size, (uintptr_t)at};

	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r))
		die("a slot");
}

static void make_memory(const char *file)
{
	uint8_t *rom;
	size_t n;
	int fd = open(file, O_RDONLY);

	all = mmap(NULL, 2 * GUARD + RAM_SIZE + ROM_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		die("no memory");
	for (n = 0; n < GUARD / 8; n++) {
		((uint64_t *)all)[n] = n * PATTERN;
		((uint64_t *)(all + GUARD + RAM_SIZE + ROM_SIZE))[n] = n * PATTERN;
	}
	ram = all + GUARD;
	rom = ram + RAM_SIZE;
	if (fd < 0 || read(fd, rom, ROM_SIZE) != ROM_SIZE)
		die(file);
	close(fd);
	add_slot(0, 0, 0, ROM, ram);
	add_slot(1, KVM_MEM_READONLY, ROM, ROM_SIZE, rom);
	add_slot(2, KVM_MEM_LOG_DIRTY_PAGES, 1 << 20, RAM_SIZE - (1 << 20), ram + (1 << 20));
	add_slot(3, KVM_MEM_READONLY, 0x100000000 - ROM_SIZE, ROM_SIZE, rom);
}

static bool memory_is_good(const char *file)
{
	static uint8_t copy[ROM_SIZE];
	int fd = open(file, O_RDONLY);
	size_t n;

	for (n = 0; n < GUARD / 8; n++)
		if (((uint64_t *)all)[n] != n * PATTERN ||
		    ((uint64_t *)(all + GUARD + RAM_SIZE + ROM_SIZE))[n] != n * PATTERN)
			return false;
	return read(fd, copy, ROM_SIZE) == ROM_SIZE && !memcmp(copy, ram + RAM_SIZE, ROM_SIZE);
}

static void make_vcpu(unsigned number)
{
	struct vcpu *vcpu = &vcpus[number];
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[100];
	} cpuid = {.head.nent = 100};
	uint32_t n;

	vcpu->fd = ioctl(vm, KVM_CREATE_VCPU, number);
	if (vcpu->fd < 0 || ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid))
		die("no vCPU");
	for (n = 0; n < cpuid.head.nent; n++)
		if (cpuid.entries[n].function == 1)
			cpuid.entries[n].ebx |= number << 24 | VCPUS << 16;
	MOVE(KVM_SET_CPUID2, &cpuid);
	vcpu->run = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		die("no kvm_run");
	vcpu->random = number;
	save(vcpu);
}

static void make_machine(const char *rom)
{
	static const struct kvm_enable_cap split = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};
	struct kvm_ioeventfd io = {
		.addr = 0x402, .fd = eventfd(0, EFD_NONBLOCK), .flags = KVM_IOEVENTFD_FLAG_PIO};
	struct kvm_coalesced_mmio_zone zone = {.addr = 0xa0000, .size = 0x20000};
	unsigned n;

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (kvm < 0 || vm < 0 || ioctl(vm, KVM_ENABLE_CAP, &split) ||
	    ioctl(vm, KVM_IOEVENTFD, &io) || ioctl(vm, KVM_REGISTER_COALESCED_MMIO, &zone))
		die("no VM");
	make_memory(rom);
	for (n = 0; n < VCPUS; n++)
		make_vcpu(n);
}

int main(int count, char **arguments)
{
	struct sigaction action = {.sa_handler = ignore};
	static uint64_t bits[RAM_SIZE / 4096 / 64];
	struct kvm_dirty_log log = {.slot = 2, .dirty_bitmap = bits};
	uint64_t random, tries = 0, many = 0, exits = 0, one;
	unsigned n, cpus;
	time_t end;

	if (count < 4)
		return 2;
	random = strtoull(arguments[2], NULL, 10);
	end = time(NULL) + atoi(arguments[3]);
	sigaction(SIGUSR1, &action, NULL);
	make_machine(arguments[1]);
	stopping = true;
	for (n = 0; n < VCPUS; n++)
		pthread_create(&vcpus[n].thread, NULL, run_vcpu, &vcpus[n]);
	do {
		stop_all();
		begin(mix(&random));
		watch(&random);
		lives++;
		stop_all();
		one = count_tries(&cpus);
		if (one < SANE) {
			tries += one;
			many += cpus > 1;
		}
		ioctl(vm, KVM_GET_DIRTY_LOG, &log);
	} while (time(NULL) < end);
	if (!memory_is_good(arguments[1])) {
		printf("vmm: BAD, memory of the program has CHANGED\n");
		return 1;
	}
	for (n = 0; n < ENDINGS; n++)
		if (ends[n])
			printf("vmm: %llu times: %s\n", (unsigned long long)ends[n], endings[n]);
	for (n = 0; n < NOTES; n++)
		if (notes[n].count)
			printf("vmm: %u times suberror %u with bytes %06x\n", notes[n].count,
			       notes[n].bytes >> 24, notes[n].bytes & 0xffffff);
	for (n = 0; n < 256; n++)
		if (failures[n])
			printf("vmm: KVM_RUN %llu times: %s\n", (unsigned long long)failures[n],
			       strerror((int)n));
	for (n = 0; n < VCPUS; n++) {
		exits += vcpus[n].exits;
		tries += vcpus[n].tries;
		many += vcpus[n].many;
		lives += vcpus[n].begins;
	}
	printf("vmm: good, %llu tries in %llu lives, %llu of these with more than one CPU, %llu "
	       "exits\n",
	       (unsigned long long)tries, (unsigned long long)lives, (unsigned long long)many,
	       (unsigned long long)exits);
	return 0;
}
