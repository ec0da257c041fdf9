// SPDX-License-Identifier: GPL-2.0-or-later
/* Guests, exit by exit. */
#define pr_fmt(fmt) "guest: " fmt

#include "try.h"

#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/workqueue.h>
#include <asm/msr.h>

unsigned int try_failures;

void try_check(bool holds, const char *text, const char *file, int line, long value)
{
	if (holds)
		return;
	if (try_failures++ < 60)
		pr_alert("FAILED: %s:%d: %s (0x%lx)\n", kbasename(file), line, text, value);
}

long try_call(u64 number, u64 a, u64 b, u64 c, u64 d)
{
	/* cppcheck-suppress constStatement */
	register u64 r10 asm("r10") = d;
	unsigned long flags;
	long result;

	local_irq_save(flags);
	asm volatile("vmmcall"
		     : "=a"(result)
		     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
		     : "memory");
	local_irq_restore(flags);
	return result;
}

static bool map(struct try_guest *guest, u64 start, void *memory, u64 pages, u32 flags)
{
	struct mullion_guest_range range = {
		.start = start,
		.memory = virt_to_phys(memory),
		.size = pages * PAGE_SIZE,
		.flags = flags,
	};
	/* On the stack, which is not mapped one to one. */
	struct mullion_guest_range *copy = (void *)get_zeroed_page(GFP_KERNEL);
	long result = -ENOMEM;

	if (copy) {
		*copy = range;
		result = try_call(MULLION_CALL_GUEST_MAP, guest->number, virt_to_phys(copy), 1, 0);
		free_page((unsigned long)copy);
	}
	return result == 1;
}

static void real_mode(struct mullion_vcpu_page *page, u64 rip)
{
	page->rip = rip;
	page->rflags = 2;
	page->registers[4] = TRY_STACK;
	page->segments[MULLION_CS] = (struct mullion_segment){0, 0x9b, 0xffff, 0};
	page->dirty = MULLION_DIRTY_GENERAL | MULLION_DIRTY_SYSTEM;
}

bool try_add_vcpu(struct try_guest *guest, unsigned int number)
{
	struct mullion_vcpu_page *page = (void *)get_zeroed_page(GFP_KERNEL);
	u64 handle = MULLION_GUEST_VCPU(guest->number, number);

	guest->vcpus[number] = page;
	return page && try_call(MULLION_CALL_VCPU_CREATE, handle, virt_to_phys(page), 0, 0) == 0 &&
	       try_call(MULLION_CALL_VCPU_GET, handle, MULLION_VCPU_PAGE, 0, 0) == 0;
}

static bool set_cpuid(struct try_guest *guest)
{
	struct mullion_cpuid *table = (void *)get_zeroed_page(GFP_KERNEL);
	long result = -1;

	if (!table)
		return false;
	table[0] = (struct mullion_cpuid){.leaf = 0x40000000, .eax = 0x40000001, .ebx = 0x31415926};
	table[1] = (struct mullion_cpuid){.leaf = 1, .ebx = 0xff000800};
	result = try_call(MULLION_CALL_VCPU_SET, MULLION_GUEST_VCPU(guest->number, 0),
			  MULLION_VCPU_CPUID, virt_to_phys(table), 2 * sizeof(*table));
	free_page((unsigned long)table);
	return result == 0;
}

bool try_create(struct try_guest *guest, unsigned int entry)
{
	memset(guest, 0, sizeof(*guest));
	guest->number = try_call(MULLION_CALL_GUEST_CREATE, 0, 0, 0, 0);
	guest->ram = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, 4);
	guest->rom = (void *)get_zeroed_page(GFP_KERNEL);
	if (guest->number < 0 || !guest->ram || !guest->rom) {
		CHECK(!"a guest can be made");
		return false;
	}
	memcpy(guest->ram + TRY_CODE, try_code, try_code_end - try_code);
	memset(guest->rom, 0x77, PAGE_SIZE);
	if (!map(guest, 0, guest->ram, TRY_PAGES, MULLION_MAP_WRITE) ||
	    !map(guest, TRY_ROM, guest->rom, 1, 0) || !try_add_vcpu(guest, 0) ||
	    !set_cpuid(guest)) {
		CHECK(!"a guest can be filled");
		try_destroy(guest);
		return false;
	}
	CHECK_IS(guest->vcpus[0]->segments[MULLION_CS].base, 0xffff0000);
	CHECK_IS(guest->vcpus[0]->rip, 0xfff0);
	CHECK_IS(guest->vcpus[0]->activity, MULLION_RUNNABLE);
	real_mode(guest->vcpus[0], TRY_CODE + entry);
	return true;
}

void try_destroy(struct try_guest *guest)
{
	unsigned int i;

	CHECK_IS(try_call(MULLION_CALL_GUEST_DESTROY, guest->number, 0, 0, 0), 0);
	for (i = 0; i < ARRAY_SIZE(guest->vcpus); i++)
		free_page((unsigned long)guest->vcpus[i]);
	free_page((unsigned long)guest->rom);
	free_pages((unsigned long)guest->ram, 4);
}

int try_run(struct try_guest *guest, unsigned int vcpu)
{
	struct mullion_vcpu_page *page = guest->vcpus[vcpu];
	unsigned long end = jiffies + 5 * HZ;

	do {
		long result = try_call(MULLION_CALL_VCPU_RUN,
				       MULLION_GUEST_VCPU(guest->number, vcpu), 0, 0, 0);

		if (result)
			return (int)result;
		cond_resched();
	} while (page->reason == MULLION_EXIT_INTERRUPT && time_before(jiffies, end));
	return (int)page->reason;
}

/* The next exit is a write of value to a port. */
static void expect_out(struct try_guest *guest, unsigned int vcpu, u16 port, u64 mask, u64 value)
{
	struct mullion_vcpu_page *page = guest->vcpus[vcpu];
	int reason = try_run(guest, vcpu);

	CHECK_IS(reason, MULLION_EXIT_IO);
	if (reason != MULLION_EXIT_IO) {
		pr_alert("waited for port %x: reason %d, rip %llx, code %llx\n", port, reason,
			 page->rip, page->code);
		return;
	}
	CHECK_IS(page->port, port);
	CHECK(page->write && !page->string);
	CHECK_IS(page->registers[0] & mask, value);
	page->rip += page->length;
	page->dirty = MULLION_DIRTY_GENERAL;
}

static void skip(struct mullion_vcpu_page *page, unsigned int length)
{
	page->rip += length;
	page->dirty = MULLION_DIRTY_GENERAL;
}

static void try_each_exit(void)
{
	struct mullion_vcpu_page *page;
	struct try_guest guest;

	if (!try_create(&guest, TRY_ENTRY(exits)))
		return;
	page = guest.vcpus[0];
	page->tsc_offset = -rdtsc();
	page->dirty |= MULLION_DIRTY_TSC;
	expect_out(&guest, 0, 0x80, 0xff, 0x42);
	CHECK_IS(page->size, 1);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_IO);
	CHECK_IS(page->port, 0x3f8);
	CHECK(!page->write);
	page->registers[0] = 0x5a;
	skip(page, page->length);
	expect_out(&guest, 0, 0x81, 0xff, 0x5a);
	expect_out(&guest, 0, 0x82, ~0U, 0x40000001);
	expect_out(&guest, 0, 0x82, ~0U, 0x31415926);
	expect_out(&guest, 0, 0x82, ~0U, 0x800);
	expect_out(&guest, 0, 0x82, ~0U, 0);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_IO);
	CHECK(page->string && page->repeated && page->write);
	CHECK_IS(page->segment, MULLION_ES);
	CHECK_IS(page->address_size, 2);
	CHECK_IS(page->size, 1);
	skip(page, page->length);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_IO);
	CHECK(page->string && !page->repeated && !page->write);
	CHECK_IS(page->size, 2);
	skip(page, page->length);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_MSR);
	CHECK_IS(page->msr, 0x12345);
	CHECK(!page->write && page->length == 2);
	page->registers[0] = 0x99;
	skip(page, page->length);
	expect_out(&guest, 0, 0x83, ~0U, 0x99);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_MSR);
	CHECK_IS(page->msr, 0x4b564d01);
	CHECK(page->write && page->registers[0] == 0x1111 && page->registers[2] == 0x2222);
	skip(page, page->length);
	expect_out(&guest, 0, 0x83, ~0U, 0xfee00900);
	expect_out(&guest, 0, 0x83, ~0U, 0);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_MEMORY);
	CHECK_IS(page->address, TRY_NOTHING + 0x123);
	CHECK(!page->write && !page->fetch && page->byte_count >= 3 && page->bytes[0] == 0xa0);
	skip(page, 3);
	expect_out(&guest, 0, 0x84, 0xffff, 0x7777);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_MEMORY);
	CHECK_IS(page->address, TRY_ROM + 0x20);
	CHECK(page->write && page->byte_count >= 3 && page->bytes[0] == 0xa3);
	skip(page, 3);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_HYPERCALL);
	skip(page, page->length);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_IO);
	CHECK(page->port == 0x85 && page->registers[2] == 0 && page->registers[0] != 0);
	skip(page, page->length);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_HALT);
	CHECK_IS(page->timer, 0);
	CHECK_IS(page->activity, MULLION_HALTED);
	CHECK_IS(guest.rom[0x20], 0x77);
	try_destroy(&guest);
	pr_alert("exits: done\n");
}

static long msi(struct try_guest *guest, u32 data)
{
	return try_call(MULLION_CALL_GUEST_MSI, guest->number, 0xfee00000, data, 0);
}

/* In the handler of one: the next comes when the IRET has run, not at it. */
static void try_second_nmi(struct try_guest *guest, u64 handle)
{
	struct mullion_vcpu_page *page = guest->vcpus[0];
	unsigned int n, nmis = 0;
	u16 frame[2];

	CHECK_IS(try_call(MULLION_CALL_VCPU_RAISE, handle, MULLION_RAISE_NMI, 0, 0), 0);
	for (n = 0; n < 2; n++) {
		CHECK_IS(try_run(guest, 0), MULLION_EXIT_IO);
		if (page->port == 0x90) {
			nmis++;
			/* Behind three registers and the vector. */
			memcpy(frame, guest->ram + (u16)page->registers[4] + 14, sizeof(frame));
			CHECK(guest->ram[(u16)(frame[1] * 16 + frame[0])] != 0xcf);
		} else {
			CHECK_IS(page->port, 0x82);
		}
		skip(page, page->length);
	}
	CHECK_IS(nmis, 1);
}

static void try_interrupts(void)
{
	struct mullion_vcpu_page *page;
	struct try_guest guest;
	u64 handle;

	if (!try_create(&guest, TRY_ENTRY(apic)))
		return;
	page = guest.vcpus[0];
	handle = MULLION_GUEST_VCPU(guest.number, 0);
	expect_out(&guest, 0, 0x90, 0xff, 0x40);
	expect_out(&guest, 0, 0x80, 0, 0);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_HALT);
	CHECK(page->timer > rdtsc() - 1000000000 && page->timer < rdtsc() + 40000000);
	while (rdtsc() < page->timer)
		cpu_relax();
	expect_out(&guest, 0, 0x90, 0xff, 0x41);
	expect_out(&guest, 0, 0x81, 0, 0);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_HALT);
	CHECK_IS(msi(&guest, 0x42), MULLION_MSI_DELIVERED | 1);
	/* It was woken: nobody has to do it again. */
	CHECK_IS(msi(&guest, 0x42), MULLION_MSI_DELIVERED);
	expect_out(&guest, 0, 0x90, 0xff, 0x42);
	expect_out(&guest, 0, 0x82, 0, 0);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_HALT);
	CHECK_IS(msi(&guest, 0xc043), MULLION_MSI_DELIVERED | 1);
	expect_out(&guest, 0, 0x90, 0xff, 0x43);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_EOI);
	CHECK_IS(page->vector, 0x43);
	expect_out(&guest, 0, 0x82, 0, 0);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_HALT);
	CHECK_IS(try_call(MULLION_CALL_VCPU_RAISE, handle, MULLION_RAISE_NMI, 0, 0), 1);
	expect_out(&guest, 0, 0x90, 0xff, 2);
	try_second_nmi(&guest, handle);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_HALT);
	/* A vector below 16, an APIC that is not there. */
	CHECK_IS(msi(&guest, 3), 0);
	CHECK_IS(try_call(MULLION_CALL_GUEST_MSI, guest.number, 0xfee05000, 0x42, 0), 0);
	/* An event that the control VM gives. */
	page->event = MULLION_EVENT_VALID | MULLION_EVENT_INTERRUPT | 0x44;
	page->dirty = MULLION_DIRTY_EVENTS;
	expect_out(&guest, 0, 0x90, 0xff, 0x44);
	/* A kick before a run ends that, once. */
	CHECK_IS(try_call(MULLION_CALL_VCPU_RAISE, handle, MULLION_RAISE_KICK, 0, 0), 0);
	CHECK_IS(try_call(MULLION_CALL_VCPU_RUN, handle, 0, 0, 0), 0);
	CHECK_IS(page->reason, MULLION_EXIT_INTERRUPT);
	expect_out(&guest, 0, 0x82, 0, 0);
	try_destroy(&guest);
	pr_alert("interrupts: done\n");
}

struct late_msi {
	struct work_struct work;
	struct try_guest *guest;
	long result;
};

static void send_late(struct work_struct *work)
{
	struct late_msi *late = container_of(work, struct late_msi, work);

	msleep(20);
	late->result = msi(late->guest, 0x42);
}

/* What halts keeps its CPU until its timer, a message or the end of `wait`. */
static void try_wait(void)
{
	struct mullion_vcpu_page *page;
	struct try_guest guest;
	struct late_msi late = {.guest = &guest};
	u64 before, deadline;

	if (!try_create(&guest, TRY_ENTRY(apic)))
		return;
	page = guest.vcpus[0];
	page->wait = ~0U;
	expect_out(&guest, 0, 0x90, 0xff, 0x40);
	expect_out(&guest, 0, 0x80, 0, 0);
	expect_out(&guest, 0, 0x90, 0xff, 0x41); /* there was no HALT */
	/* The deadline, but for AL; the timer is never early. */
	deadline = page->registers[2] << 32 | (page->registers[0] & 0xffffff00);
	CHECK(rdtsc() + page->tsc_offset >= deadline);
	expect_out(&guest, 0, 0x81, 0, 0);
	page->wait = 1000000;
	before = rdtsc();
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_HALT);
	CHECK(rdtsc() - before >= page->wait);
	page->wait = ~0U;
	INIT_WORK_ONSTACK(&late.work, send_late);
	schedule_work_on(cpumask_last(cpu_online_mask), &late.work);
	expect_out(&guest, 0, 0x90, 0xff, 0x42);
	flush_work(&late.work);
	destroy_work_on_stack(&late.work);
	CHECK_IS(late.result, MULLION_MSI_DELIVERED); /* nobody has to wake it */
	try_destroy(&guest);
	pr_alert("wait: done\n");
}

static void try_second_vcpu(void)
{
	struct try_guest guest;

	if (!try_create(&guest, TRY_ENTRY(second)))
		return;
	/* What the second one begins with: out, sti, hlt, out. */
	memcpy(guest.ram + 0x2000, "\xe6\x70\xf4\xe6\x71\xf4", 6);
	CHECK(try_add_vcpu(&guest, 1));
	CHECK_IS(guest.vcpus[1]->activity, MULLION_WAIT_FOR_STARTUP);
	CHECK_IS(try_run(&guest, 1), MULLION_EXIT_HALT);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_WAKE); /* by INIT */
	CHECK_IS(guest.vcpus[0]->mask, 2);
	CHECK_IS(try_run(&guest, 1), MULLION_EXIT_HALT);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_WAKE);
	CHECK_IS(guest.vcpus[0]->mask, 2);
	expect_out(&guest, 0, 0x80, 0, 0);
	expect_out(&guest, 1, 0x70, 0, 0);
	CHECK_IS(guest.vcpus[1]->segments[MULLION_CS].base, 0x2000);
	CHECK_IS(try_run(&guest, 1), MULLION_EXIT_HALT);
	/* Its APIC is disabled, so that nothing comes of an interrupt. */
	while (try_run(&guest, 0) == MULLION_EXIT_WAKE)
		CHECK_IS(try_run(&guest, 1), MULLION_EXIT_HALT);
	CHECK_IS(guest.vcpus[0]->port, 0x81);
	try_destroy(&guest);
	pr_alert("second vCPU: done\n");
}

static void try_dirty_log(void)
{
	struct try_guest guest;
	u64 *bits = (void *)get_zeroed_page(GFP_KERNEL);

	if (!bits || !try_create(&guest, TRY_ENTRY(write)))
		return;
#define DIRTY() try_call(MULLION_CALL_GUEST_DIRTY, guest.number, 0, 17, virt_to_phys(bits))
	CHECK_IS(DIRTY(), 17);
	CHECK_IS(bits[0], 0x1ffff);
	CHECK_IS(DIRTY(), 0);
	expect_out(&guest, 0, 0x80, 0, 0);
	CHECK_IS(DIRTY(), 2);
	CHECK_IS(bits[0], 1 << 5 | 1 << 7);
	expect_out(&guest, 0, 0x80, 0, 0);
	CHECK_IS(DIRTY(), 2);
	CHECK_IS(DIRTY(), 0);
	/* What is unmapped is not there. */
	CHECK_IS(try_call(MULLION_CALL_GUEST_UNMAP, guest.number, 0x7000, 0x1000, 0), 0);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_MEMORY);
	CHECK_IS(guest.vcpus[0]->address, 0x7000);
	CHECK(map(&guest, 0x7000, guest.ram + 0x7000, 1, MULLION_MAP_WRITE));
	expect_out(&guest, 0, 0x80, 0, 0);
	try_destroy(&guest);
	free_page((unsigned long)bits);
	pr_alert("memory: done\n");
}

static void try_modes(void)
{
	struct mullion_vcpu_page *page;
	struct try_guest guest;
	unsigned int i;

	if (!try_create(&guest, TRY_ENTRY(shutdown)))
		return;
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_SHUTDOWN);
	try_destroy(&guest);

	if (!try_create(&guest, TRY_ENTRY(flat)))
		return;
	page = guest.vcpus[0];
	CHECK(try_add_vcpu(&guest, 1));
	CHECK_IS(try_run(&guest, 1), MULLION_EXIT_HALT);
	page->cr0 = 0x11;
	page->segments[MULLION_CS] = (struct mullion_segment){8, 0xc9b, 0xffffffff, 0};
	for (i = MULLION_ES; i <= MULLION_GS; i++)
		if (i != MULLION_CS)
			page->segments[i] = (struct mullion_segment){16, 0xc93, 0xffffffff, 0};
	expect_out(&guest, 0, 0x80, ~0U, 0x50014);
	expect_out(&guest, 0, 0x81, ~0U, 0x1ff);
	expect_out(&guest, 0, 0x82, ~0U, 0x20);
	CHECK_IS(page->cr8, 2);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_WAKE);
	CHECK_IS(page->mask, 2);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_HALT);
	try_destroy(&guest);

	if (!try_create(&guest, TRY_ENTRY(window)))
		return;
	page = guest.vcpus[0];
	expect_out(&guest, 0, 0x80, 0, 0);
	CHECK(!page->interruptible);
	page->request_window = 1;
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_WINDOW);
	CHECK(page->interruptible && page->rip == TRY_CODE + TRY_ENTRY(window) + 6);
	page->request_window = 0;
	expect_out(&guest, 0, 0x81, 0, 0);
	try_destroy(&guest);
	pr_alert("modes: done\n");
}

static int __init start(void)
{
	try_each_exit();
	try_interrupts();
	try_wait();
	try_second_vcpu();
	try_dirty_log();
	try_modes();
	try_refused();
	try_many();
	pr_alert("all done, %u failures\n", try_failures);
	return 0;
}

static void __exit stop(void)
{
}

module_init(start);
module_exit(stop);
MODULE_DESCRIPTION("Guests of the Mullion core, exit by exit");
MODULE_LICENSE("GPL");
