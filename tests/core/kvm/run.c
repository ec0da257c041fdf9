/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guests that run: state, ports, device memory, interrupts.
 */
#include "client.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

/* ---- state ---- */

static void state_registers(struct machine *m)
{
	struct kvm_regs regs = {.rax = 1,
				.rbx = 2,
				.rcx = 3,
				.rdx = 4,
				.rsi = 5,
				.rdi = 6,
				.rsp = 7,
				.rbp = 8,
				.r8 = 9,
				.r15 = 16,
				.rip = 0x1234,
				.rflags = 0x202};
	struct kvm_regs got;
	struct kvm_sregs sregs, sregs_got;

	check(ioctl(m->vcpu[0], KVM_SET_REGS, &regs) == 0, errno);
	check(ioctl(m->vcpu[0], KVM_GET_REGS, &got) == 0, errno);
	check(memcmp(&regs, &got, sizeof(got)) == 0, got.rip);
	check(ioctl(m->vcpu[0], KVM_GET_SREGS, &sregs) == 0, errno);
	check(sregs.cs.base == 0xffff0000 && sregs.cs.selector == 0xf000, sregs.cs.base);
	check((sregs.cr0 & ~0x60000000ULL) == 0x10, sregs.cr0); /* caches may be off */
	check((sregs.apic_base & ~0xfffULL) == 0xfee00000 && sregs.apic_base & 0x900,
	      sregs.apic_base);
	sregs.ds.base = 0x12340;
	sregs.ds.selector = 0x1234;
	sregs.cr2 = 0x567;
	check(ioctl(m->vcpu[0], KVM_SET_SREGS, &sregs) == 0, errno);
	check(ioctl(m->vcpu[0], KVM_GET_SREGS, &sregs_got) == 0, errno);
	check(memcmp(&sregs, &sregs_got, sizeof(sregs)) == 0, sregs_got.ds.base);
}

static void state_others(struct machine *m)
{
	int vcpu = m->vcpu[0];
	static struct kvm_xsave xsave, xsave_got;
	struct kvm_fpu fpu = {.fcw = 0x37f, .mxcsr = 0x1f80}, fpu_got;
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debug = {.db = {1, 2, 3, 4}, .dr6 = 0xffff0ff0, .dr7 = 0x400},
			     debug_got;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp;
	struct kvm_lapic_state lapic;

	fpu.xmm[3][5] = 0x77;
	check(ioctl(vcpu, KVM_SET_FPU, &fpu) == 0, errno);
	check(ioctl(vcpu, KVM_GET_FPU, &fpu_got) == 0, errno);
	check(memcmp(&fpu, &fpu_got, sizeof(fpu)) == 0, fpu_got.fcw);
	check(ioctl(vcpu, KVM_GET_XSAVE, &xsave) == 0, errno);
	check(((uint8_t *)xsave.region)[160 + 16 * 3 + 5] == 0x77, 0);
	((uint8_t *)xsave.region)[160 + 16 * 3 + 5] = 0x66;
	check(ioctl(vcpu, KVM_SET_XSAVE, &xsave) == 0, errno);
	check(ioctl(vcpu, KVM_GET_XSAVE, &xsave_got) == 0, errno);
	check(((uint8_t *)xsave_got.region)[160 + 16 * 3 + 5] == 0x66, 0);
	check(ioctl(vcpu, KVM_GET_XCRS, &xcrs) == 0 && xcrs.nr_xcrs == 1, errno);
	xcrs.xcrs[0].value = 3;
	check(ioctl(vcpu, KVM_SET_XCRS, &xcrs) == 0, errno);
	check(ioctl(vcpu, KVM_GET_XCRS, &xcrs) == 0 && xcrs.xcrs[0].value == 3, xcrs.xcrs[0].value);
	check(ioctl(vcpu, KVM_SET_DEBUGREGS, &debug) == 0, errno);
	check(ioctl(vcpu, KVM_GET_DEBUGREGS, &debug_got) == 0, errno);
	check(memcmp(&debug, &debug_got, sizeof(debug)) == 0, debug_got.dr7);
	check(ioctl(vcpu, KVM_GET_VCPU_EVENTS, &events) == 0, errno);
	events.nmi.masked = 1;
	check(ioctl(vcpu, KVM_SET_VCPU_EVENTS, &events) == 0, errno);
	check(ioctl(vcpu, KVM_GET_VCPU_EVENTS, &events) == 0 && events.nmi.masked, 0);
	check(ioctl(vcpu, KVM_GET_MP_STATE, &mp) == 0 && mp.mp_state == KVM_MP_STATE_RUNNABLE,
	      mp.mp_state);
	check(ioctl(m->vcpu[1], KVM_GET_MP_STATE, &mp) == 0 &&
		      mp.mp_state == KVM_MP_STATE_UNINITIALIZED,
	      mp.mp_state);
	check(ioctl(m->vcpu[1], KVM_GET_LAPIC, &lapic) == 0, errno);
	check(lapic.regs[0x23] == 1, lapic.regs[0x23]); /* its id */
	lapic.regs[0x80] = 0x50;
	check(ioctl(m->vcpu[1], KVM_SET_LAPIC, &lapic) == 0, errno);
	lapic.regs[0x80] = 0;
	check(ioctl(m->vcpu[1], KVM_GET_LAPIC, &lapic) == 0 && lapic.regs[0x80] == 0x50, 0);
}

/* An NMI stays when another event is set, until the program says that it is none. */
static void state_nmi(struct machine *m)
{
	int vcpu = m->vcpu[0];
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;

	check(ioctl(vcpu, KVM_GET_SREGS, &sregs) == 0, errno);
	check(ioctl(vcpu, KVM_NMI, 0) == 0, errno);
	sregs.interrupt_bitmap[1] = 1; /* 64 */
	check(ioctl(vcpu, KVM_SET_SREGS, &sregs) == 0, errno);
	check(ioctl(vcpu, KVM_GET_VCPU_EVENTS, &events) == 0 && events.nmi.pending, errno);
	check(events.interrupt.injected && events.interrupt.nr == 64, events.interrupt.nr);
	events.nmi.pending = 0;
	events.interrupt.injected = 0;
	events.flags = KVM_VCPUEVENT_VALID_SHADOW;
	check(ioctl(vcpu, KVM_SET_VCPU_EVENTS, &events) == 0, errno);
	check(ioctl(vcpu, KVM_GET_VCPU_EVENTS, &events) == 0 && events.nmi.pending, errno);
	events.nmi.pending = 0;
	events.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
	check(ioctl(vcpu, KVM_SET_VCPU_EVENTS, &events) == 0, errno);
	check(ioctl(vcpu, KVM_GET_VCPU_EVENTS, &events) == 0 && !events.nmi.pending, errno);
}

/* All that QEMU writes at a reset, whatever it thinks of the CPU; it gives up if one is refused. */
static void state_msrs(struct machine *m)
{
	static const uint16_t ranges[][2] = {{0x10, 0x12},   {0x174, 0x176}, {0x17a, 0x17b},
					     {0x1a0, 0x1a0}, {0x200, 0x20f}, {0x250, 0x250},
					     {0x258, 0x259}, {0x268, 0x26f}, {0x277, 0x277},
					     {0x2ff, 0x2ff}, {0x400, 0x427}, {0x6e0, 0x6e0}};
	static const uint32_t high[] = {0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,
					0xc0000102, 0xc0000103, 0x4b564d00, 0x4b564d01};
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} one = {.head.nmsrs = 1};
	uint64_t mce = 10 | 1 << 8;
	size_t n;

	check(ioctl(m->vcpu[0], KVM_X86_SETUP_MCE, &mce) == 0, errno);
	for (n = 0; n < sizeof(ranges) / sizeof(ranges[0]); n++)
		for (one.entry.index = ranges[n][0]; one.entry.index <= ranges[n][1];
		     one.entry.index++)
			check(ioctl(m->vcpu[0], KVM_GET_MSRS, &one) == 1 &&
				      ioctl(m->vcpu[0], KVM_SET_MSRS, &one) == 1,
			      one.entry.index);
	for (n = 0; n < sizeof(high) / sizeof(high[0]); n++) {
		one.entry.index = high[n];
		check(ioctl(m->vcpu[0], KVM_GET_MSRS, &one) == 1 &&
			      ioctl(m->vcpu[0], KVM_SET_MSRS, &one) == 1,
		      high[n]);
	}
	one.entry.index = 0xc0000082;
	one.entry.data = 0xffffffff81000000;
	check(ioctl(m->vcpu[0], KVM_SET_MSRS, &one) == 1, 0);
	one.entry.data = 0;
	check(ioctl(m->vcpu[0], KVM_GET_MSRS, &one) == 1 && one.entry.data == 0xffffffff81000000,
	      one.entry.data);
}

static void state_clock(struct machine *m)
{
	struct kvm_clock_data clock = {.clock = 1000000000000}, got;

	check(ioctl(m->vm, KVM_SET_CLOCK, &clock) == 0, errno);
	check(ioctl(m->vm, KVM_GET_CLOCK, &got) == 0, errno);
	check(got.clock >= clock.clock && got.flags & KVM_CLOCK_TSC_STABLE, got.clock);
	check(ioctl(m->vcpu[0], KVM_GET_TSC_KHZ, 0) > 0, errno);
	check_error(EINVAL, ioctl(m->vcpu[0], KVM_KVMCLOCK_CTRL, 0)); /* the guest has no clock */
}

void test_state(void)
{
	struct machine m;

	machine_make(&m, 2);
	state_registers(&m);
	state_others(&m);
	state_nmi(&m);
	state_msrs(&m);
	state_clock(&m);
	machine_end(&m);
}

/* ---- ports and device memory ---- */

static void io_ports(struct machine *m)
{
	struct kvm_run *run = m->run[0];
	struct kvm_regs regs;

	machine_start(m, 0, guest_ports, true);
	check(machine_out(m, 0, 0x3f8) == 'A', 0);
	check(machine_run(m, 0) == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_IN,
	      run->exit_reason);
	*((uint8_t *)run + run->io.data_offset) = 0x41;
	check(machine_out(m, 0, 0x3f8) == 0x42, 0);
	check(machine_out(m, 0, 0x11) == 0x34 && run->io.size == 2, run->io.size);
	check(machine_run(m, 0) == KVM_EXIT_IO && run->io.size == 4, run->io.size);
	*(uint32_t *)((uint8_t *)run + run->io.data_offset) = 0xcafebabe;
	/* With immediate_exit what is pending is completed, and no more. */
	run->immediate_exit = 1;
	check(ioctl(m->vcpu[0], KVM_RUN, 0) < 0 && errno == EINTR, errno);
	run->immediate_exit = 0;
	check(ioctl(m->vcpu[0], KVM_GET_REGS, &regs) == 0 && regs.rax == 0xcafebabe, regs.rax);
	check(machine_out(m, 0, 0x11) == 0xbe && run->io.size == 4, run->io.size);
}

static int mmio(struct machine *m, uint64_t address, uint32_t size, bool write)
{
	struct kvm_run *run = m->run[0];
	int reason = machine_run(m, 0);

	return check(reason == KVM_EXIT_MMIO, reason) &&
	       check(run->mmio.phys_addr == address, run->mmio.phys_addr) &&
	       check(run->mmio.len == size && run->mmio.is_write == write, run->mmio.len);
}

static void io_mmio(struct machine *m)
{
	struct kvm_userspace_memory_region hole = {.slot = 0, .memory_size = 0};
	struct kvm_run *run = m->run[0];

	/* Memory up to 0xd0000 only. */
	check(ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &hole) == 0, errno);
	hole.memory_size = 0xd0000;
	hole.userspace_addr = (uintptr_t)m->memory;
	check(ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &hole) == 0, errno);
	machine_start(m, 0, guest_mmio, true);
	if (mmio(m, 0xd0000, 1, false))
		run->mmio.data[0] = 0x10;
	if (mmio(m, 0xd0001, 1, true))
		check(run->mmio.data[0] == 0x11, run->mmio.data[0]);
	if (mmio(m, 0xd0004, 4, true))
		check(*(uint32_t *)run->mmio.data == 0x11223344, *(uint32_t *)run->mmio.data);
	if (mmio(m, 0xd0008, 1, false))
		run->mmio.data[0] = 0x80;
	if (mmio(m, 0xd0010, 2, false))
		memcpy(run->mmio.data, "\x01\x01", 2);
	if (mmio(m, 0xd0010, 2, true))
		check(*(uint16_t *)run->mmio.data == 0x181, *(uint16_t *)run->mmio.data);
	check(machine_out(m, 0, 0x10) == 2, 0);
}

static void io_string(struct machine *m)
{
	struct kvm_run *run = m->run[0];
	uint8_t got[3];
	unsigned n = 0;

	memcpy(m->memory + 0x8000, "xyz", 3);
	machine_start(m, 0, guest_string, true);
	while (n < 3 && check(machine_run(m, 0) == KVM_EXIT_IO && run->io.port == 0x12 &&
				      run->io.size == 1 && run->io.count <= 3 - n,
			      run->exit_reason)) {
		memcpy(got + n, (uint8_t *)run + run->io.data_offset, run->io.count);
		n += run->io.count;
	}
	check(n == 3 && memcmp(got, "xyz", 3) == 0, n);
	for (n = 0;
	     n < 3 && check(machine_run(m, 0) == KVM_EXIT_IO &&
				    run->io.direction == KVM_EXIT_IO_IN && run->io.count <= 3 - n,
			    run->exit_reason);
	     n += run->io.count)
		memcpy((uint8_t *)run + run->io.data_offset, &"123"[n], run -> io.count);
	check(machine_out(m, 0, 0x10) == 3, 0);
	check(memcmp(m->memory + 0x8000, "123", 3) == 0, m->memory[0x8000]);
}

static void io_events(struct machine *m)
{
	int event = eventfd(0, EFD_NONBLOCK);
	struct kvm_ioeventfd io = {
		.addr = 0x30, .len = 0, .fd = event, .flags = KVM_IOEVENTFD_FLAG_PIO};
	struct kvm_coalesced_mmio_zone zone = {.addr = 0x31, .size = 1, .pio = 1};
	struct kvm_coalesced_mmio_ring *ring = (void *)((uint8_t *)m->run[0] + 2 * 4096);
	uint64_t count = 0;

	check(ioctl(m->vm, KVM_IOEVENTFD, &io) == 0, errno);
	io = (struct kvm_ioeventfd){.addr = 0xd0000,
				    .len = 4,
				    .fd = event,
				    .datamatch = 0x77,
				    .flags = KVM_IOEVENTFD_FLAG_DATAMATCH};
	check(ioctl(m->vm, KVM_IOEVENTFD, &io) == 0, errno);
	check(ioctl(m->vm, KVM_REGISTER_COALESCED_MMIO, &zone) == 0, errno);
	machine_start(m, 0, guest_event, false);
	check(machine_out(m, 0, 0x10) == 6, 0);
	check(read(event, &count, sizeof(count)) == sizeof(count) && count == 2, count);
	check(ring->first == 0 && ring->last == 1, ring->last);
	check(ring->coalesced_mmio[0].phys_addr == 0x31 && ring->coalesced_mmio[0].data[0] == 8 &&
		      ring->coalesced_mmio[0].pio,
	      ring->coalesced_mmio[0].phys_addr);
	check(ioctl(m->vm, KVM_UNREGISTER_COALESCED_MMIO, &zone) == 0, errno);
	close(event);
}

/* A long instruction on a device: KVM_RUN ends within it, and its guest takes an interrupt. */
static void io_repeated(struct machine *m)
{
	struct kvm_msi msi = {.address_lo = 0xfee00000, .data = 0x40};
	struct kvm_run *run = m->run[0];
	struct kvm_regs regs;
	unsigned n;

	m->memory[0x8000] = 0;
	machine_start(m, 0, guest_fill, false);
	mmio(m, 0xd0100, 1, true);
	run->immediate_exit = 1;
	check(ioctl(m->vcpu[0], KVM_RUN, 0) < 0 && errno == EINTR, run->exit_reason);
	run->immediate_exit = 0;
	check(ioctl(m->vcpu[0], KVM_GET_REGS, &regs) == 0 && regs.rcx == 199, regs.rcx);
	mmio(m, 0xd0101, 1, true);
	check(ioctl(m->vm, KVM_SIGNAL_MSI, &msi) == 1, errno);
	for (n = 2; n < 200 && mmio(m, 0xd0100 + n, 1, true); n++)
		;
	check(m->memory[0x8000] == 0x40, m->memory[0x8000]);
	check(machine_out(m, 0, 0x10) == 9, 0);
}

static void to_user_mode(struct machine *m, uint32_t rip)
{
	struct kvm_regs regs = {.rip = rip, .rflags = 2};
	struct kvm_sregs sregs;

	check(ioctl(m->vcpu[0], KVM_GET_SREGS, &sregs) == 0, errno);
	sregs.cs.selector |= 3;
	sregs.ss.selector |= 3;
	sregs.cs.dpl = sregs.ss.dpl = 3;
	sregs.idt.limit = 0;
	check(ioctl(m->vcpu[0], KVM_SET_SREGS, &sregs) == 0, errno);
	check(ioctl(m->vcpu[0], KVM_SET_REGS, &regs) == 0, errno);
}

/* A user program that does what is not supported is for its own kernel to deal with: #UD, for which
 * there is no handler here. Of a kernel's the program is told. */
static void io_unsupported(struct machine *m)
{
	uint32_t rips[] = {guest_address(guest_x87), 0xd0100};
	struct kvm_regs regs;
	unsigned n;
	int reason;

	machine_start(m, 0, guest_x87, false);
	reason = machine_run(m, 0);
	check(reason == KVM_EXIT_INTERNAL_ERROR, reason);
	check(m->run[0]->internal.suberror == KVM_INTERNAL_ERROR_EMULATION,
	      m->run[0]->internal.suberror);
	check(ioctl(m->vcpu[0], KVM_GET_REGS, &regs) == 0 && regs.rip == rips[0], regs.rip);
	for (n = 0; n < 2; n++) {
		machine_start(m, 0, guest_x87, false);
		to_user_mode(m, rips[n]);
		reason = machine_run(m, 0);
		check(reason == KVM_EXIT_SHUTDOWN, reason);
	}
}

void test_io(void)
{
	struct machine m;

	machine_make(&m, 1);
	io_ports(&m);
	io_mmio(&m);
	io_events(&m);
	io_repeated(&m);
	io_unsupported(&m);
	machine_end(&m);
	machine_make(&m, 1);
	io_string(&m);
	machine_end(&m);
}

/* ---- interrupts ---- */

static void *run_first(void *machine)
{
	struct machine *m = machine;

	return (void *)(intptr_t)machine_out(m, 0, 0x11);
}

/* The guest is in its halt, or about to be; an interrupt wakes it: which it was. */
static int wake_by(struct machine *m, int (*send)(struct machine *m, int argument), int argument)
{
	pthread_t thread;
	void *result;

	m->memory[0x8000] = 0;
	if (!check(machine_out(m, 0, 0x10) == 4, 0))
		return -1;
	pthread_create(&thread, NULL, run_first, m);
	check(send(m, argument) >= 0, errno);
	pthread_join(thread, &result);
	return (int)(intptr_t)result;
}

static int send_msi(struct machine *m, int vector)
{
	struct kvm_msi msi = {.address_lo = 0xfee00000, .data = (uint32_t)vector};
	int result = ioctl(m->vm, KVM_SIGNAL_MSI, &msi);

	check(result == 1, result);
	return result;
}

/* As QEMU does: only what is below the window's start. */
static int send_offset(struct machine *m, int vector)
{
	struct kvm_msi msi = {.data = (uint32_t)vector};
	int result = ioctl(m->vm, KVM_SIGNAL_MSI, &msi);

	check(result == 1, result);
	return result;
}

static int send_line(struct machine *m, int gsi)
{
	struct kvm_irq_level line = {.irq = (uint32_t)gsi, .level = 1};
	int result = ioctl(m->vm, KVM_IRQ_LINE_STATUS, &line);

	check(line.status == 1, line.status);
	return result;
}

static int send_event(struct machine *m, int event)
{
	uint64_t one = 1;

	(void)m;
	return (int)write(event, &one, sizeof(one));
}

static void set_routes(struct machine *m)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entries[2];
	} routing = {.head.nr = 2};

	routing.entries[0] =
		(struct kvm_irq_routing_entry){.gsi = 5,
					       .type = KVM_IRQ_ROUTING_MSI,
					       .u.msi = {.address_lo = 0xfee00000, .data = 0x8042}};
	routing.entries[1] =
		(struct kvm_irq_routing_entry){.gsi = 30,
					       .type = KVM_IRQ_ROUTING_MSI,
					       .u.msi = {.address_lo = 0xfee00000, .data = 0x41}};
	check(ioctl(m->vm, KVM_SET_GSI_ROUTING, &routing) == 0, errno);
}

/* A level interrupt's end reaches the IOAPIC's owner. */
static void interrupt_level(struct machine *m)
{
	struct kvm_irq_level line = {.irq = 5, .level = 1};
	int reason;

	if (!check(machine_out(m, 0, 0x10) == 4, 0))
		return;
	check(ioctl(m->vm, KVM_IRQ_LINE, &line) == 0, errno);
	reason = machine_run(m, 0);
	check(reason == KVM_EXIT_IOAPIC_EOI && m->run[0]->eoi.vector == 0x42, reason);
	check(machine_out(m, 0, 0x11) == 0x42, 0);
}

/* An interrupt of the program's PIC, when the guest can take it. */
static void interrupt_pic(struct machine *m)
{
	struct kvm_interrupt interrupt = {.irq = 0x40};
	struct kvm_lapic_state lapic;
	struct kvm_run *run = m->run[0];
	int reason;

	check(ioctl(m->vcpu[0], KVM_GET_LAPIC, &lapic) == 0, errno);
	*(uint32_t *)(lapic.regs + 0x350) = 0x700; /* LINT0: ExtINT */
	check(ioctl(m->vcpu[0], KVM_SET_LAPIC, &lapic) == 0, errno);
	if (!check(machine_out(m, 0, 0x10) == 4, 0))
		return;
	check(!run->if_flag && !run->ready_for_interrupt_injection, run->if_flag);
	run->request_interrupt_window = 1;
	reason = machine_run(m, 0);
	check(reason == KVM_EXIT_IRQ_WINDOW_OPEN, reason);
	check(run->if_flag && run->ready_for_interrupt_injection, run->if_flag);
	run->request_interrupt_window = 0;
	check(ioctl(m->vcpu[0], KVM_INTERRUPT, &interrupt) == 0, errno);
	check(machine_out(m, 0, 0x11) == 0x40, 0);
}

/* The start-up IPI is there to be saved before the vCPU has run. */
static void interrupt_start(struct machine *m)
{
	struct kvm_mp_state mp;
	int reason;

	machine_start(m, 0, guest_boot, false);
	check(machine_out(m, 0, 0x10) == 5, 0);
	check(ioctl(m->vcpu[1], KVM_GET_MP_STATE, &mp) == 0 && mp.mp_state == KVM_MP_STATE_RUNNABLE,
	      mp.mp_state);
	reason = machine_run(m, 1);
	check(reason == KVM_EXIT_IO && m->run[1]->io.port == 0x20, reason);
	check(*((uint8_t *)m->run[1] + m->run[1]->io.data_offset) == 0x55, 0);
}

static void ignore(int number)
{
	(void)number;
}

/* A signal ends KVM_RUN of a guest that sleeps for ever. */
static void interrupt_signal(struct machine *m)
{
	struct sigaction action = {.sa_handler = ignore};

	sigaction(SIGALRM, &action, NULL);
	alarm(1);
	check(ioctl(m->vcpu[0], KVM_RUN, 0) < 0 && errno == EINTR, errno);
	check(m->run[0]->exit_reason == KVM_EXIT_INTR, m->run[0]->exit_reason);
}

void test_interrupts(void)
{
	struct machine m;
	int event = eventfd(0, 0);
	struct kvm_irqfd irqfd = {.fd = (uint32_t)event, .gsi = 30};

	machine_make(&m, 2);
	set_routes(&m);
	check(ioctl(m.vm, KVM_IRQFD, &irqfd) == 0, errno);
	machine_start(&m, 0, guest_halt, false);
	check(wake_by(&m, send_msi, 0x40) == 0x40, 0);
	check(wake_by(&m, send_offset, 0x41) == 0x41, 0);
	check(wake_by(&m, send_line, 30) == 0x41, 0);
	check(wake_by(&m, send_event, event) == 0x41, 0);
	interrupt_level(&m);
	interrupt_pic(&m);
	machine_start(&m, 0, guest_timer, false);
	check(machine_out(&m, 0, 0x11) == 0x41, 0);
	interrupt_start(&m);
	interrupt_signal(&m);
	machine_end(&m);
	close(event);
}

/* Without an irqchip the program has the APIC too: halts and accesses to it come back. */
void test_bare(void)
{
	struct kvm_interrupt interrupt = {.irq = 0x43};
	struct kvm_irq_level line = {.irq = 1, .level = 1};
	struct kvm_lapic_state lapic;
	struct machine m;
	int reason;

	machine_make_bare(&m, 1, false);
	check_error(ENXIO, ioctl(m.vm, KVM_IRQ_LINE, &line));
	check_error(EINVAL, ioctl(m.vcpu[0], KVM_GET_LAPIC, &lapic));
	machine_start(&m, 0, guest_bare, false);
	reason = machine_run(&m, 0);
	check(reason == KVM_EXIT_HLT, reason);
	check(m.run[0]->if_flag && m.run[0]->ready_for_interrupt_injection, m.run[0]->if_flag);
	check(ioctl(m.vcpu[0], KVM_INTERRUPT, &interrupt) == 0, errno);
	check(machine_out(&m, 0, 0x11) == 0x43, 0);
	mmio(&m, 0xfee000b0, 4, true);
	machine_end(&m);
}
