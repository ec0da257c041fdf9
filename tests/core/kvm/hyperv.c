/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest that knows Hyper-V is offered, gets and is refused: leaves, MSRs, the page of
 * reference time, hypercalls. Guest and program agree on what time it is.
 */
#include "client.h"

#define FLAG	  0x8000 /* the vector of the guest's last exception */
#define CALL_PAGE 0xa000
#define TIME_PAGE 0xc000
#define ASSIST	  0xd000
#define NOWHERE	  0xfff0000000

#define GUEST_OS  0x40000000
#define HYPERCALL 0x40000001
#define VP_INDEX  0x40000002
#define COUNTER	  0x40000020
#define REFERENCE 0x40000021
#define TSC_HZ	  0x40000022
#define APIC_HZ	  0x40000023
#define EOI	  0x40000070
#define ICR	  0x40000071
#define TPR	  0x40000072
#define ASSIST_AT 0x40000073
#define SCONTROL  0x40000080 /* not there: messages */
#define TSC	  0x10

#define FEATURES 0x40000003

struct cpuid {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[100];
};

struct time_page {
	uint32_t sequence, zero;
	uint64_t scale, offset;
};

static struct machine m;

/* ---- CPUID ---- */

static void offers(void)
{
	static const uint16_t wanted[] = {KVM_CAP_HYPERV,	   KVM_CAP_HYPERV_VAPIC,
					  KVM_CAP_HYPERV_SPIN,	   KVM_CAP_HYPERV_TIME,
					  KVM_CAP_HYPERV_VP_INDEX, KVM_CAP_HYPERV_CPUID,
					  KVM_CAP_SYS_HYPERV_CPUID};
	static const uint16_t unwanted[] = {KVM_CAP_HYPERV_SYNIC, KVM_CAP_HYPERV_SYNIC2,
					    KVM_CAP_HYPERV_EVENTFD, KVM_CAP_HYPERV_TLBFLUSH,
					    KVM_CAP_HYPERV_SEND_IPI};
	struct cpuid cpuid = {.head.nent = 5}, other = {.head.nent = 100};
	size_t n;

	for (n = 0; n < sizeof(wanted) / sizeof(wanted[0]); n++)
		check(ioctl(kvm, KVM_CHECK_EXTENSION, wanted[n]) == 1, wanted[n]);
	for (n = 0; n < sizeof(unwanted) / sizeof(unwanted[0]); n++)
		check(ioctl(kvm, KVM_CHECK_EXTENSION, unwanted[n]) == 0, unwanted[n]);
	check_error(E2BIG, ioctl(kvm, KVM_GET_SUPPORTED_HV_CPUID, &cpuid));
	check_error(E2BIG, ioctl(m.vcpu[0], KVM_GET_SUPPORTED_HV_CPUID, &cpuid));
	check_error(EFAULT, ioctl(kvm, KVM_GET_SUPPORTED_HV_CPUID, (void *)8));
	cpuid.head.nent = 100;
	check(ioctl(kvm, KVM_GET_SUPPORTED_HV_CPUID, &cpuid) == 0, errno);
	check(ioctl(m.vcpu[0], KVM_GET_SUPPORTED_HV_CPUID, &other) == 0, errno);
	check(cpuid.head.nent == 6 && !memcmp(&cpuid, &other, sizeof(cpuid)), cpuid.head.nent);
}

/* Hyper-V's leaves instead of KVM's, with these features (leaf FEATURES, eax). */
static void set_cpuid(int vcpu, uint32_t features)
{
	struct cpuid cpuid = {.head.nent = 100}, hyperv = {.head.nent = 100};
	uint32_t n, count = 0;

	check(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) == 0, errno);
	check(ioctl(kvm, KVM_GET_SUPPORTED_HV_CPUID, &hyperv) == 0, errno);
	for (n = 0; n < cpuid.head.nent; n++)
		if (cpuid.entries[n].function >> 8 != 0x400000)
			cpuid.entries[count++] = cpuid.entries[n];
	for (n = 0; n < hyperv.head.nent && count < 100; n++) {
		cpuid.entries[count] = hyperv.entries[n];
		if (hyperv.entries[n].function == FEATURES)
			cpuid.entries[count].eax &= features;
		count++;
	}
	cpuid.head.nent = count;
	check(ioctl(vcpu, KVM_SET_CPUID2, &cpuid) == 0, errno);
}

/* ---- MSRs of the program's ---- */

static bool msr(unsigned long call, int vcpu, uint32_t index, uint64_t *value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} one = {.head.nmsrs = 1, .entry = {.index = index, .data = *value}};
	int result = ioctl(vcpu, call, &one);

	check(result == 0 || result == 1, errno);
	*value = one.entry.data;
	return result == 1;
}

static uint64_t get(int vcpu, uint32_t index)
{
	uint64_t value = 0xdeadbeef;

	check(msr(KVM_GET_MSRS, vcpu, index, &value), index);
	return value;
}

static bool has(uint32_t index)
{
	uint64_t value = 0;

	return msr(KVM_GET_MSRS, m.vcpu[0], index, &value);
}

static bool set(int vcpu, uint32_t index, uint64_t value)
{
	return msr(KVM_SET_MSRS, vcpu, index, &value);
}

static void program_msrs(void)
{
	static const uint32_t kept[] = {GUEST_OS, HYPERCALL, REFERENCE, ASSIST_AT};
	static const uint32_t read_only[] = {COUNTER, TSC_HZ, APIC_HZ};
	size_t n;

	for (n = 0; n < sizeof(kept) / sizeof(kept[0]); n++) {
		check(get(m.vcpu[0], kept[n]) == 0, kept[n]);
		check(set(m.vcpu[0], kept[n], 0x123456000), kept[n]);
		check(get(m.vcpu[0], kept[n]) == 0x123456000, kept[n]);
		/* All of the guest's but the last, which is the vCPU's. */
		check(get(m.vcpu[1], kept[n]) == (kept[n] == ASSIST_AT ? 0 : 0x123456000), kept[n]);
		check(set(m.vcpu[0], kept[n], 0), kept[n]);
	}
	for (n = 0; n < sizeof(read_only) / sizeof(read_only[0]); n++)
		check(set(m.vcpu[0], read_only[n], 1), read_only[n]); /* what was saved */
	check(get(m.vcpu[0], TSC_HZ) == 1000ULL * (unsigned)ioctl(m.vcpu[0], KVM_GET_TSC_KHZ, 0),
	      get(m.vcpu[0], TSC_HZ));
	check(get(m.vcpu[0], APIC_HZ) == 1000000000, get(m.vcpu[0], APIC_HZ));
	check(get(m.vcpu[1], VP_INDEX) == 1, get(m.vcpu[1], VP_INDEX));
	check(set(m.vcpu[1], VP_INDEX, 5) && get(m.vcpu[1], VP_INDEX) == 5, 0);
	check(!set(m.vcpu[1], VP_INDEX, 16) && get(m.vcpu[1], VP_INDEX) == 5, 0);
	check(!has(EOI) && !has(TPR) && !has(SCONTROL) && !has(0x40000100), 0);
	check(!set(m.vcpu[0], SCONTROL, 0), 0);
}

/* ---- MSRs of the guest's ---- */

/* The guest goes to label with value in edx:eax and ecx; what is in edx:eax then. false: it took an
 * exception. */
static bool guest(const void *label, uint32_t index, uint64_t *value)
{
	struct kvm_regs regs;

	m.memory[FLAG] = 0;
	check(ioctl(m.vcpu[0], KVM_GET_REGS, &regs) == 0, errno);
	regs.rip = guest_address(label);
	regs.rcx = index;
	regs.rax = (uint32_t)*value;
	regs.rdx = *value >> 32;
	regs.rsi = CALL_PAGE;
	check(ioctl(m.vcpu[0], KVM_SET_REGS, &regs) == 0, errno);
	if (machine_out(&m, 0, 0x11) < 0)
		return false;
	check(ioctl(m.vcpu[0], KVM_GET_REGS, &regs) == 0, errno);
	*value = regs.rdx << 32 | (uint32_t)regs.rax;
	return m.memory[FLAG] == 0;
}

static bool guest_reads(uint32_t index, uint64_t *value)
{
	return guest(guest_rdmsr, index, value);
}

static bool guest_writes(uint32_t index, uint64_t value)
{
	return guest(guest_wrmsr, index, &value);
}

static uint64_t guest_calls(uint64_t input)
{
	check(guest(guest_call, 0, &input), input);
	return input;
}

static void check_refused(uint32_t index)
{
	uint64_t value = 0;

	check(!guest_reads(index, &value) && m.memory[FLAG] == 13, index);
	check(!guest_writes(index, 0) && m.memory[FLAG] == 13, index);
}

/* An interrupt gate for #GP. */
static void catch_faults(void)
{
	uint32_t address = guest_address(guest_vector_0d);
	uint16_t gate[4] = {(uint16_t)address, 8, 0x8e00, (uint16_t)(address >> 16)};

	memcpy(m.memory + 0x6000 + 8 * 13, gate, sizeof(gate));
}

static void what_is_not_offered_is_refused(void)
{
	static const uint32_t all[] = {GUEST_OS, HYPERCALL, VP_INDEX, COUNTER, REFERENCE, TSC_HZ,
				       APIC_HZ,	 EOI,	    ICR,      TPR,     ASSIST_AT};
	uint64_t value = 0;
	size_t n;

	for (n = 0; n < sizeof(all) / sizeof(all[0]); n++)
		check_refused(all[n]);
	set_cpuid(m.vcpu[0], ~(1U << 11));
	check_refused(TSC_HZ);
	check(guest_reads(COUNTER, &value), 0);
	set_cpuid(m.vcpu[0], ~(1U << 4));
	check_refused(TPR);
	check_refused(ASSIST_AT);
	check(guest_reads(TSC_HZ, &value) && value == get(m.vcpu[0], TSC_HZ), value);
	set_cpuid(m.vcpu[0], ~0U);
	check_refused(SCONTROL);
	check_refused(0x40000003); /* reset */
	check(!guest_writes(COUNTER, 1) && !guest_writes(VP_INDEX, 1) && !guest_writes(TSC_HZ, 1),
	      0);
	check(set(m.vcpu[0], VP_INDEX, 7) && guest_reads(VP_INDEX, &value) && value == 7, value);
}

static void guest_hypercalls(void)
{
	static const uint8_t code[] = {0x0f, 0x01, 0xd9, 0xc3};
	uint64_t value = 0;

	memcpy(m.memory + CALL_PAGE, code, sizeof(code));
	check((int32_t)guest_calls(0x5c) == -1000, 0); /* KVM's */
	memset(m.memory + CALL_PAGE, 0, sizeof(code));
	check(guest_writes(HYPERCALL, CALL_PAGE | 1), 0);
	check(get(m.vcpu[0], HYPERCALL) == 0 && m.memory[CALL_PAGE] == 0, 0); /* whose? */
	check(guest_writes(GUEST_OS, 0x8100000000000000), 0);
	check(!guest_writes(HYPERCALL, NOWHERE | 1), 0);
	check(guest_writes(HYPERCALL, CALL_PAGE | 1), 0);
	check(memcmp(m.memory + CALL_PAGE, code, sizeof(code)) == 0, m.memory[CALL_PAGE]);
	check(guest_calls(0x10000005c) == 2, 0);
	check(guest_calls(8) == 0, 0);
	check(guest_writes(HYPERCALL, CALL_PAGE | 3), 0);
	check(guest_writes(HYPERCALL, 1), 0); /* it is locked */
	check(guest_reads(HYPERCALL, &value) && value == (CALL_PAGE | 3), value);
	check(guest_writes(GUEST_OS, 0) && get(m.vcpu[0], HYPERCALL) == (CALL_PAGE | 2), 0);
	/* A reset of the program's. */
	check(set(m.vcpu[0], HYPERCALL, 0) && get(m.vcpu[0], HYPERCALL) == 0, 0);
}

static void guest_assist(void)
{
	memset(m.memory + ASSIST, 0x55, 8);
	check(!guest_writes(ASSIST_AT, NOWHERE | 1), 0);
	check(guest_writes(ASSIST_AT, ASSIST | 1), 0);
	check(get(m.vcpu[0], ASSIST_AT) == (ASSIST | 1), 0);
	check(m.memory[ASSIST] == 0 && m.memory[ASSIST + 3] == 0 && m.memory[ASSIST + 4] == 0x55,
	      m.memory[ASSIST]);
}

static uint32_t lapic(uint32_t offset)
{
	struct kvm_lapic_state state;
	uint32_t value;

	check(ioctl(m.vcpu[0], KVM_GET_LAPIC, &state) == 0, errno);
	memcpy(&value, state.regs + offset, sizeof(value));
	return value;
}

static void guest_apic(void)
{
	struct kvm_lapic_state state;

	check(ioctl(m.vcpu[0], KVM_GET_LAPIC, &state) == 0, errno);
	state.regs[0xf1] = 1;	    /* on */
	state.regs[0x120] = 1 << 1; /* 0x41 is being served */
	check(ioctl(m.vcpu[0], KVM_SET_LAPIC, &state) == 0, errno);
	check(lapic(0x120) == 1 << 1, lapic(0x120));
	check(guest_writes(EOI, 0) && lapic(0x120) == 0, lapic(0x120));
	check(guest_writes(TPR, 0x30) && lapic(0x80) == 0x30, lapic(0x80));
	check(guest_writes(ICR, 0x40042) && lapic(0x220) == 1 << 2, lapic(0x220)); /* to itself */
	check(guest_writes(TPR, 0), 0);
}

/* ---- time ---- */

static uint64_t clock_now(void)
{
	struct kvm_clock_data clock = {0};

	check(ioctl(m.vm, KVM_GET_CLOCK, &clock) == 0, errno);
	return clock.clock;
}

static struct time_page page(void)
{
	struct time_page copy;

	memcpy(&copy, m.memory + TIME_PAGE, sizeof(copy));
	return copy;
}

/* The counter and KVM's clock are one, but for roundings; the page and the counter exactly. */
static void check_time(void)
{
	uint64_t before = clock_now(), counter = get(m.vcpu[0], COUNTER), after = clock_now();
	uint64_t first, tsc, last, time;
	struct time_page p = page();

	check(counter >= before / 100 - 4 && counter <= after / 100 + 4, counter - before / 100);
	first = get(m.vcpu[0], COUNTER);
	tsc = get(m.vcpu[0], TSC);
	last = get(m.vcpu[0], COUNTER);
	time = (uint64_t)((unsigned __int128)tsc * p.scale >> 64) + p.offset;
	check(p.sequence && !p.zero, p.sequence);
	check(first <= time && time <= last, time - first);
}

static void guest_time(void)
{
	struct kvm_clock_data clock = {.clock = 3600000000000};
	uint64_t value = 0, before;
	uint32_t sequence;

	check(guest_writes(REFERENCE, NOWHERE | 1), 0); /* no page, but the counter is there */
	check(guest_reads(COUNTER, &value), 0);
	memset(m.memory + TIME_PAGE, 0xff, sizeof(struct time_page));
	check(guest_writes(REFERENCE, TIME_PAGE | 1), 0);
	check(guest_reads(REFERENCE, &value) && value == (TIME_PAGE | 1), value);
	check_time();
	sequence = page().sequence;
	check(guest_reads(COUNTER, &before) && page().sequence == sequence, 0); /* nothing new */
	/* The program sets the clock, as after a pause. */
	check(ioctl(m.vm, KVM_SET_CLOCK, &clock) == 0, errno);
	check(guest_reads(COUNTER, &value) && value >= clock.clock / 100 && value > before, value);
	check(page().sequence != sequence, sequence);
	check_time();
	/* It sets the TSC, as when a state is restored: time goes on. */
	sequence = page().sequence;
	check(set(m.vcpu[0], TSC, 1ULL << 50), 0);
	before = value;
	check(guest_reads(COUNTER, &value) && value >= before, value - before);
	check(page().sequence != sequence, sequence);
	check_time();
	/* So does the guest. */
	sequence = page().sequence;
	before = value;
	check(guest_writes(TSC, 1ULL << 40), 0);
	check(guest_reads(COUNTER, &value) && value >= before, value - before);
	check(page().sequence != sequence, sequence);
	check_time();
	check(guest_writes(REFERENCE, 0), 0);
	sequence = page().sequence;
	check(ioctl(m.vm, KVM_SET_CLOCK, &clock) == 0, errno);
	check(guest_reads(COUNTER, &value) && page().sequence == sequence, 0); /* it is not his */
}

void test_hyperv(void)
{
	machine_make(&m, 2);
	offers();
	program_msrs();
	catch_faults();
	machine_start(&m, 0, guest_rdmsr, false);
	what_is_not_offered_is_refused();
	guest_hypercalls();
	guest_assist();
	guest_apic();
	guest_time();
	machine_end(&m);
}
