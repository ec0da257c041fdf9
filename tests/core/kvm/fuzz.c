/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls with arguments that are half sense, half chance, from two threads: the kernel goes on, and
 * keeps nothing. The same ones each time.
 */
#include "client.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#define CALLS  4000
#define ROUNDS 8

static const unsigned long vm_calls[] = {KVM_SET_USER_MEMORY_REGION,
					 KVM_GET_DIRTY_LOG,
					 KVM_SET_TSS_ADDR,
					 KVM_IRQ_LINE,
					 KVM_IRQ_LINE_STATUS,
					 KVM_SIGNAL_MSI,
					 KVM_SET_GSI_ROUTING,
					 KVM_IRQFD,
					 KVM_IOEVENTFD,
					 KVM_REGISTER_COALESCED_MMIO,
					 KVM_UNREGISTER_COALESCED_MMIO,
					 KVM_GET_CLOCK,
					 KVM_SET_CLOCK,
					 KVM_ENABLE_CAP,
					 KVM_CREATE_VCPU,
					 KVM_SET_IDENTITY_MAP_ADDR,
					 KVM_CREATE_DEVICE};
static const unsigned long vcpu_calls[] = {KVM_GET_REGS,
					   KVM_SET_REGS,
					   KVM_GET_SREGS,
					   KVM_SET_SREGS,
					   KVM_GET_FPU,
					   KVM_SET_FPU,
					   KVM_GET_XSAVE,
					   KVM_SET_XSAVE,
					   KVM_GET_XCRS,
					   KVM_SET_XCRS,
					   KVM_GET_DEBUGREGS,
					   KVM_SET_DEBUGREGS,
					   KVM_GET_VCPU_EVENTS,
					   KVM_SET_VCPU_EVENTS,
					   KVM_GET_MP_STATE,
					   KVM_SET_MP_STATE,
					   KVM_GET_LAPIC,
					   KVM_SET_LAPIC,
					   KVM_GET_MSRS,
					   KVM_SET_MSRS,
					   KVM_SET_CPUID2,
					   KVM_GET_CPUID2,
					   KVM_GET_SUPPORTED_HV_CPUID,
					   KVM_INTERRUPT,
					   KVM_NMI,
					   KVM_TRANSLATE,
					   KVM_X86_SETUP_MCE,
					   KVM_KVMCLOCK_CTRL,
					   KVM_SET_TSC_KHZ,
					   KVM_RUN,
					   KVM_RUN,
					   KVM_RUN};

struct fuzzer {
	struct machine *machine;
	unsigned vcpu;
	uint64_t state;
	int event;
	bool done;
	uint64_t data[2048];
};

static uint64_t random_number(struct fuzzer *f)
{
	uint64_t z = f->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* One that may mean something. */
static uint64_t random_value(struct fuzzer *f)
{
	uint64_t r = random_number(f);

	switch (r % 9) {
	case 0:
		return 0;
	case 1:
		return r >> 60;
	case 2:
		return 1ULL << (r >> 58);
	case 3:
		return (r >> 40) & 0x3ff000;
	case 4:
		return (uintptr_t)f->machine->memory + ((r >> 40) & 0x3ff000);
	case 5:
		return (uint64_t)f->event | r >> 60 << 32;
	case 6:
		return (r >> 40 & 1 ? 0xc0000080 : 0x40000000) + (r >> 56); /* an MSR */
	case 7:
		return ~0ULL << (r >> 58);
	default:
		return r;
	}
}

static void *argument(struct fuzzer *f, unsigned long number)
{
	uint64_t r = random_number(f);
	size_t n, words = 1 + r % 64;

	if (r >> 56 == 0)
		return (void *)8;
	if (number == KVM_RUN || number == KVM_CREATE_VCPU || number == KVM_SET_TSC_KHZ)
		return (void *)(r >> 32 & (number == KVM_RUN ? 0 : 3));
	/* What was there before with a word changed, or all of it new. */
	if (r >> 48 & 1) {
		f->data[r >> 32 & 63] = random_value(f);
	} else {
		for (n = 0; n < words; n++)
			f->data[n] = random_value(f);
	}
	/* What the guest may write is no other memory than its own. */
	if (number == KVM_SET_USER_MEMORY_REGION)
		f->data[3] = (uintptr_t)f->machine->memory + (r >> 20 & 0x1ff000);
	if (number == KVM_SET_USER_MEMORY_REGION && f->data[2] > MEMORY_SIZE / 2)
		f->data[2] = r >> 20 & 0x1ff000;
	return f->data;
}

static void *fuzz(void *data)
{
	struct fuzzer *f = data;
	struct machine *m = f->machine;
	unsigned n;

	for (n = 0; n < CALLS; n++) {
		uint64_t r = random_number(f);
		bool vm = r % 3 == 0;
		unsigned long number = vm ? vm_calls[(r >> 8) % (sizeof(vm_calls) / 8)]
					  : vcpu_calls[(r >> 8) % (sizeof(vcpu_calls) / 8)];
		int result;

		m->run[f->vcpu]->immediate_exit = r >> 32 & 1;
		m->run[f->vcpu]->request_interrupt_window = r >> 33 & 1;
		result = ioctl(vm ? m->vm : m->vcpu[f->vcpu], number, argument(f, number));
		if (number == KVM_CREATE_VCPU && result >= 0)
			close(result);
	}
	__atomic_store_n(&f->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void ignore(int number)
{
	(void)number;
}

static void round_of(unsigned seed)
{
	static struct fuzzer fuzzers[2];
	struct sigaction action = {.sa_handler = ignore};
	pthread_t threads[2];
	struct machine m;
	unsigned n;

	sigaction(SIGUSR1, &action, NULL);
	machine_make(&m, 2);
	for (n = 0; n < 2; n++) {
		fuzzers[n] = (struct fuzzer){.machine = &m,
					     .vcpu = n,
					     .state = 2 * seed + n,
					     .event = eventfd(0, EFD_NONBLOCK)};
		pthread_create(&threads[n], NULL, fuzz, &fuzzers[n]);
	}
	/* A guest may run or sleep for ever: it is called back again and again. */
	for (n = 0; n < 2; n++) {
		while (!__atomic_load_n(&fuzzers[n].done, __ATOMIC_ACQUIRE)) {
			pthread_kill(threads[n], SIGUSR1);
			pthread_kill(threads[!n], SIGUSR1);
			usleep(500);
		}
	}
	for (n = 0; n < 2; n++) {
		pthread_join(threads[n], NULL);
		close(fuzzers[n].event);
	}
	machine_end(&m);
}

void test_fuzz(void)
{
	long before = pinned_pages();
	unsigned n;

	for (n = 0; n < ROUNDS; n++)
		round_of(n);
	check(pinned_pages() == before, pinned_pages() - before);
	count_guests();
}
