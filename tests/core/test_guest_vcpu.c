/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest's vCPU: what of its page is taken and what refused; its sleep; what ends a run. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "guest-rig.h"
#include "lib/errno.h"
#include "svm/svm.h"
#include "x86/cpu.h"

#define ITEM (RIG_RAM + PAGE_SIZE)

static unsigned guest;
static struct mullion_vcpu_page *page;
static struct guest_vcpu *gv;

static int set_up(void **state)
{
	rig_set_up(state);
	guest = rig_guest(2);
	page = rig_page(0);
	gv = rig_vcpu(guest, 0);
	return (int)CALL(VCPU_GET, HANDLE(guest, 0), MULLION_VCPU_PAGE);
}

static int64_t run(void)
{
	return CALL(VCPU_RUN, HANDLE(guest, 0));
}

/* Begins a run and looks whether it goes on; else it has ended. */
static bool goes_on(void)
{
	assert_int_equal(run(), 0);
	return rig_outer()->inner != NULL && guest_run_prepare(rig_outer());
}

/* The run ends before guest mode. */
static void ends(enum mullion_exit_reason reason)
{
	assert_false(goes_on());
	assert_int_equal(page->reason, reason);
	assert_null(rig_outer()->inner);
	assert_int_equal(rig_outer()->state, VCPU_READY);
}

static void vcpus_begin_as_the_manual_says(void **state)
{
	(void)state;
	assert_int_equal(page->rip, 0xfff0);
	assert_int_equal(page->segments[MULLION_CS].base, 0xffff0000);
	assert_int_equal(page->cr0, 0x10);
	assert_int_equal(page->efer, 0);
	assert_int_equal(page->apic_base, 0xfee00900);
	assert_int_equal(page->activity, MULLION_RUNNABLE);
	assert_int_equal(CALL(VCPU_GET, HANDLE(guest, 1), MULLION_VCPU_PAGE), 0);
	assert_int_equal(rig_page(1)->activity, MULLION_WAIT_FOR_STARTUP);
	assert_int_equal(rig_page(1)->apic_base, 0xfee00800);
}

static void a_page_comes_back_as_it_was_loaded(void **state)
{
	struct mullion_vcpu_page wanted;

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		page->registers[i] = 0x1111 * (i + 1);
	page->rip = 0x123456;
	page->rflags = 0x202;
	page->efer = 0xd01; /* LME, LMA, NXE, SCE */
	page->cr0 = 0x80000011;
	page->cr3 = 0x5000;
	page->cr4 = 0x20;
	page->segments[MULLION_CS] = (struct mullion_segment){0x33, 0xafb, 0xffffffff, 0};
	page->segments[MULLION_SS] = (struct mullion_segment){0x2b, 0xcf3, 0xffffffff, 0};
	page->segments[MULLION_TR] = (struct mullion_segment){0x40, 0x8b, 0x67, 0xffff800000001000};
	page->gdtr = (struct mullion_segment){0, 0, 0x7f, 0xffff800000002000};
	page->dr[2] = 0x77;
	page->dr7 = 0x402;
	page->event = MULLION_EVENT_VALID | MULLION_EVENT_EXCEPTION | MULLION_EVENT_HAS_CODE | 14;
	page->event_code = 6;
	page->flags = MULLION_FLAG_NMI_BLOCKED | MULLION_FLAG_NMI_PENDING;
	page->tsc_offset = 1ULL << 50;
	page->xcr0 = 7;
	page->cpl = 3;
	page->dirty = MULLION_DIRTY_ALL;
	page->immediate = 1;
	wanted = *page;
	ends(MULLION_EXIT_INTERRUPT);
	assert_int_equal(page->dirty, 0);
	wanted.dirty = 0;
	assert_memory_equal(page->registers, wanted.registers,
			    sizeof(wanted) - offsetof(struct mullion_vcpu_page, registers));
	/* What is not dirty is not taken. */
	page->cr3 = 0x9000;
	page->rip = 5;
	page->dirty = MULLION_DIRTY_GENERAL;
	ends(MULLION_EXIT_INTERRUPT);
	assert_int_equal(page->cr3, 0x5000);
	assert_int_equal(page->rip, 5);
}

static void refused(uint32_t dirty, const struct mullion_vcpu_page *good)
{
	page->rip = 0xbad;
	page->dirty = dirty | MULLION_DIRTY_GENERAL;
	assert_int_equal(run(), -EINVAL);
	assert_null(rig_outer()->inner);
	assert_int_equal(gv->claimed, 0);
	/* Nothing of it was taken. */
	assert_int_equal(CALL(VCPU_GET, HANDLE(guest, 0), MULLION_VCPU_PAGE), 0);
	assert_memory_equal(page->registers, good->registers,
			    sizeof(*good) - offsetof(struct mullion_vcpu_page, registers));
}

static void a_state_that_no_cpu_has_is_refused(void **state)
{
	struct mullion_vcpu_page good = *page;

	(void)state;
	page->efer = EFER_SVME;
	refused(MULLION_DIRTY_SYSTEM, &good);
	page->cr0 = 0x20000010;
	refused(MULLION_DIRTY_SYSTEM, &good);
	page->cr0 = 1ULL << 32;
	refused(MULLION_DIRTY_SYSTEM, &good);
	page->efer = EFER_LME;
	page->cr0 = 0x80000011;
	refused(MULLION_DIRTY_SYSTEM, &good);
	page->dr6 = 1ULL << 32;
	refused(MULLION_DIRTY_DEBUG, &good);
	page->event = MULLION_EVENT_VALID | 5 << 8;
	refused(MULLION_DIRTY_EVENTS, &good);
	page->event = MULLION_EVENT_VALID | MULLION_EVENT_EXCEPTION | 2;
	refused(MULLION_DIRTY_EVENTS, &good);
	page->activity = 3;
	refused(MULLION_DIRTY_ACTIVITY, &good);
	page->xcr0 = 2;
	refused(MULLION_DIRTY_XCR0, &good);
	refused(1U << 31, &good);
}

static bool nmi_is_pending_after(uint32_t dirty, uint32_t flags)
{
	page->flags = flags;
	page->dirty = dirty;
	page->immediate = 1;
	page->length = 3; /* of an exit that has still to be answered */
	ends(MULLION_EXIT_INTERRUPT);
	assert_int_equal(page->length, 3);
	return page->flags & MULLION_FLAG_NMI_PENDING;
}

/* Who loads an event does not know what other vCPUs have raised since the page was stored. */
static void an_nmi_is_lost_by_a_load_that_says_so_only(void **state)
{
	const uint32_t pending = MULLION_FLAG_NMI_PENDING, events = MULLION_DIRTY_EVENTS;

	(void)state;
	assert_false(nmi_is_pending_after(events, pending));
	assert_int_equal(CALL(VCPU_RAISE, HANDLE(guest, 0), MULLION_RAISE_NMI), 0);
	assert_true(nmi_is_pending_after(events, 0));
	assert_true(nmi_is_pending_after(MULLION_DIRTY_ALL & ~MULLION_DIRTY_NMI, 0));
	assert_false(nmi_is_pending_after(MULLION_DIRTY_NMI, 0));
	assert_true(nmi_is_pending_after(MULLION_DIRTY_NMI, pending));
	assert_true(nmi_is_pending_after(MULLION_DIRTY_NMI | events, pending));
	assert_false(nmi_is_pending_after(MULLION_DIRTY_NMI | events, 0));
}

static int64_t set(uint64_t item, uint64_t size)
{
	return CALL(VCPU_SET, HANDLE(guest, 0), item, ITEM, size);
}

static int64_t get(uint64_t item, uint64_t size)
{
	return CALL(VCPU_GET, HANDLE(guest, 0), item, ITEM, size);
}

static void xrstor_gets_only_what_it_takes(void **state)
{
	uint8_t *area = rig_ram(ITEM);

	(void)state;
	assert_int_equal(get(MULLION_VCPU_XSAVE, 4096), 0);
	assert_int_equal(set(MULLION_VCPU_XSAVE, 4096), 0);
	area[27] = 0x80; /* MXCSR */
	assert_int_equal(set(MULLION_VCPU_XSAVE, 4096), -EINVAL);
	area[27] = 0;
	for (unsigned i = 513; i < 576; i++) {
		area[i] = 0x40;
		assert_int_equal(set(MULLION_VCPU_XSAVE, 4096), -EINVAL);
		area[i] = 0;
	}
	area[512] = 8; /* MPX */
	assert_int_equal(set(MULLION_VCPU_XSAVE, 4096), -EINVAL);
	area[512] = 3;
	area[4095] = 0xff;
	assert_int_equal(set(MULLION_VCPU_XSAVE, 4096), 0);
	memset(area, 0, 4096);
	assert_int_equal(get(MULLION_VCPU_XSAVE, 4096), 0);
	assert_true(area[512] == 3 && area[4095] == 0xff);
}

static void msrs_are_kept_or_not_there(void **state)
{
	struct mullion_vcpu_msr *msr = rig_ram(ITEM);

	(void)state;
	*msr = (struct mullion_vcpu_msr){.index = MSR_LSTAR, .value = 0xffffffff81000000};
	assert_int_equal(set(MULLION_VCPU_MSR, 16), 0);
	msr->value = 0;
	assert_int_equal(get(MULLION_VCPU_MSR, 16), 0);
	assert_true(msr->value == 0xffffffff81000000);
	msr->value = 0x8000000000000000;
	assert_int_equal(set(MULLION_VCPU_MSR, 16), -EINVAL);
	msr->index = MSR_EFER;
	assert_int_equal(set(MULLION_VCPU_MSR, 16), -EINVAL);
	msr->index = MSR_PAT;
	assert_int_equal(set(MULLION_VCPU_MSR, 16), -EINVAL);
	*msr = (struct mullion_vcpu_msr){.index = MSR_APIC_BASE, .value = 0xfee00d00};
	assert_int_equal(set(MULLION_VCPU_MSR, 16), 0);
	msr->value = 0xfee00800; /* back, as a CPU cannot: it is being restored */
	assert_int_equal(set(MULLION_VCPU_MSR, 16), 0);
	msr->value = 0xfee00400;
	assert_int_equal(set(MULLION_VCPU_MSR, 16), -EINVAL);
	msr->index = 0x4b564d00;
	assert_int_equal(get(MULLION_VCPU_MSR, 16), -ENOENT);
	assert_int_equal(set(MULLION_VCPU_MSR, 16), -ENOENT);
	msr->zero = 1;
	assert_int_equal(get(MULLION_VCPU_MSR, 16), -EINVAL);
}

static void cpuid_is_the_table_and_the_vcpus_state(void **state)
{
	struct mullion_cpuid *table = rig_ram(ITEM);
	struct cpuid r;

	(void)state;
	table[0] = (struct mullion_cpuid){.leaf = 1, .ebx = ~0U, .ecx = ~0U, .edx = 0};
	table[1] = (struct mullion_cpuid){
		.leaf = 4, .subleaf = 1, .flags = MULLION_CPUID_SUBLEAVES, .eax = 41};
	table[2] = (struct mullion_cpuid){.leaf = 0xb, .eax = 3, .edx = 99};
	assert_int_equal(set(MULLION_VCPU_CPUID, 3 * sizeof(*table)), 0);
	gv->vcpu.lapic.id = 5;
	r = guest_cpuid(gv, 1, 7);
	assert_int_equal(r.ebx, 0x05ffffff);
	assert_int_equal(r.ecx, ~(1U << 27)); /* OSXSAVE */
	assert_int_equal(r.edx, 1U << 9);     /* the APIC is on */
	svm_of(&gv->vcpu)->vmcb.cr4 |= 1U << 18;
	assert_int_equal(guest_cpuid(gv, 1, 0).ecx, ~0U);
	assert_int_equal(guest_cpuid(gv, 4, 1).eax, 41);
	assert_int_equal(guest_cpuid(gv, 4, 0).eax, 0);
	assert_int_equal(guest_cpuid(gv, 0xb, 2).eax, 3);
	assert_int_equal(guest_cpuid(gv, 0xb, 2).edx, 5);
	assert_int_equal(guest_cpuid(gv, 7, 0).ebx, 0);
	table[1].flags = 2;
	assert_int_equal(set(MULLION_VCPU_CPUID, 3 * sizeof(*table)), -EINVAL);
	assert_int_equal(set(MULLION_VCPU_CPUID, 101 * sizeof(*table)), -EINVAL);
	assert_int_equal(set(MULLION_VCPU_CPUID, sizeof(*table) + 8), -EINVAL);
}

/* ---- runs ---- */

static void the_control_vms_interrupts_end_a_run(void **state)
{
	struct vcpu *outer = rig_outer();

	(void)state;
	assert_true(goes_on());
	assert_int_equal(outer->state, VCPU_LENDING);
	assert_int_equal(run(), -EBUSY);
	assert_true(guest_run_prepare(outer));
	vlapic_post(&outer->lapic, 0x80, false);
	assert_false(guest_run_prepare(outer));
	assert_int_equal(page->reason, MULLION_EXIT_INTERRUPT);
	ends(MULLION_EXIT_INTERRUPT);
	assert_int_equal(vlapic_take(&outer->lapic), 0x80);
	assert_true(goes_on());
	outer->events = VCPU_EVENT_NMI;
	assert_false(guest_run_prepare(outer));
	assert_int_equal(page->reason, MULLION_EXIT_INTERRUPT);
	outer->events = 0;
	/* A kick, during a run or before it. */
	assert_true(goes_on());
	assert_int_equal(CALL(VCPU_RAISE, HANDLE(guest, 0), MULLION_RAISE_KICK), 0);
	assert_false(guest_run_prepare(outer));
	assert_int_equal(CALL(VCPU_RAISE, HANDLE(guest, 0), MULLION_RAISE_KICK), 0);
	ends(MULLION_EXIT_INTERRUPT);
	assert_true(goes_on());
}

static int64_t msi(uint32_t data)
{
	return CALL(GUEST_MSI, guest, 0xfee00000, data);
}

static void halt_with_interrupts(bool on)
{
	gv->vcpu.lapic.svr = 0x1ff;
	page->rflags = on ? 0x202 : 2;
	page->activity = MULLION_HALTED;
	page->dirty = MULLION_DIRTY_GENERAL | MULLION_DIRTY_ACTIVITY;
}

static void a_sleeper_is_woken_once(void **state)
{
	(void)state;
	halt_with_interrupts(true);
	ends(MULLION_EXIT_HALT);
	assert_int_equal(page->timer, 0);
	assert_int_equal(msi(0x41), MULLION_MSI_DELIVERED | 1);
	assert_int_equal(msi(0x41), MULLION_MSI_DELIVERED);
	assert_true(goes_on());
	assert_int_equal(gv->vcpu.state, VCPU_READY);
	/* It runs: the pCPU is kicked, nobody else. */
	assert_int_equal(msi(0x42), MULLION_MSI_DELIVERED);
	guest_run_end(rig_outer(), MULLION_EXIT_INTERRUPT);
	/* With interrupts off, an NMI wakes it only. */
	halt_with_interrupts(false);
	ends(MULLION_EXIT_HALT);
	(void)msi(0x41);
	ends(MULLION_EXIT_HALT);
	assert_int_equal(CALL(VCPU_RAISE, HANDLE(guest, 0), MULLION_RAISE_NMI), 1);
	assert_true(goes_on());
}

static void a_timer_wakes_by_the_machines_time(void **state)
{
	struct vlapic_action action;

	(void)state;
	halt_with_interrupts(true);
	page->tsc_offset = 5000 - rdtsc();
	page->dirty |= MULLION_DIRTY_TSC;
	ends(MULLION_EXIT_HALT);
	vlapic_msr_write(&gv->vcpu.lapic, 0x1b, 0xfee00d00, 0, &action);
	vlapic_msr_write(&gv->vcpu.lapic, 0x832, 0x40050, 0, &action);
	vlapic_msr_write(&gv->vcpu.lapic, 0x6e0, 1ULL << 40, 0, &action);
	ends(MULLION_EXIT_HALT);
	assert_true(page->timer == (1ULL << 40) - gv->vcpu.tsc_offset);
	/* As far away as it can be: never, not soon. */
	vlapic_msr_write(&gv->vcpu.lapic, 0x6e0, UINT64_MAX, 0, &action);
	ends(MULLION_EXIT_HALT);
	assert_int_equal(page->timer, 0);
	vlapic_msr_write(&gv->vcpu.lapic, 0x6e0, 1, 0, &action);
	assert_true(goes_on());
	assert_int_equal(vlapic_pending(&gv->vcpu.lapic), 0x50);
}

/* Its next deadline is beyond the TSC's end, and so behind. */
static void a_timer_that_is_always_over_ends_the_run(void **state)
{
	struct vlapic *lapic = &gv->vcpu.lapic;
	struct vlapic_action action;
	uint64_t tsc;

	(void)state;
	halt_with_interrupts(false);
	page->tsc_offset = 1000000 - (1ULL << 39) - rdtsc();
	page->dirty |= MULLION_DIRTY_TSC;
	ends(MULLION_EXIT_HALT);
	tsc = rdtsc() + gv->vcpu.tsc_offset;
	vlapic_msr_write(lapic, 0x1b, 0xfee00d00, tsc, &action);
	vlapic_msr_write(lapic, 0x832, 0x20050, tsc, &action);
	vlapic_msr_write(lapic, 0x83e, 0xa, tsc, &action);
	vlapic_msr_write(lapic, 0x838, 0xffffffff, tsc, &action);
	page->wait = UINT32_MAX;
	assert_int_equal(run(), 0);
	while (rig_outer()->inner != NULL) /* as the run loop */
		assert_false(guest_run_prepare(rig_outer()));
	assert_int_equal(page->reason, MULLION_EXIT_INTERRUPT);
}

static int exit_by(const struct vcpu_exit *exit)
{
	return guest_exit(gv, exit);
}

static void a_vcpu_starts_by_ipis(void **state)
{
	struct vcpu_exit icr = {.kind = EXIT_MSR, .msr = 0x830, .write = true, .length = 2};
	struct vlapic_action action;

	(void)state;
	assert_int_equal(CALL(VCPU_RUN, HANDLE(guest, 1)), 0);
	assert_false(guest_run_prepare(rig_outer()));
	assert_int_equal(rig_page(1)->reason, MULLION_EXIT_HALT);
	vlapic_msr_write(&gv->vcpu.lapic, 0x1b, 0xfee00d00, 0, &action);
	assert_true(goes_on());
	gv->vcpu.registers[RDX] = 1;
	gv->vcpu.registers[RAX] = 0x4500;
	assert_int_equal(exit_by(&icr), MULLION_EXIT_WAKE);
	assert_int_equal(page->mask, 2);
	gv->vcpu.registers[RAX] = 0x4609;
	assert_int_equal(exit_by(&icr), GUEST_GOES_ON); /* it was woken */
	guest_run_end(rig_outer(), MULLION_EXIT_WAKE);
	assert_int_equal(CALL(VCPU_RUN, HANDLE(guest, 1)), 0);
	assert_true(guest_run_prepare(rig_outer()));
	guest_run_end(rig_outer(), MULLION_EXIT_INTERRUPT);
	assert_int_equal(rig_page(1)->activity, MULLION_RUNNABLE);
	assert_int_equal(rig_page(1)->segments[MULLION_CS].base, 0x9000);
	assert_int_equal(rig_page(1)->rip, 0);
}

static void looked_at(enum mullion_activity activity)
{
	assert_int_equal(CALL(VCPU_RUN, HANDLE(guest, 1)), 0);
	assert_int_equal(rig_page(1)->reason, MULLION_EXIT_INTERRUPT);
	assert_null(rig_outer()->inner);
	assert_int_equal(rig_page(1)->activity, activity);
	assert_int_equal(rig_vcpu(guest, 1)->vcpu.events, 0);
}

/* Without a run: what was posted is in the state that is saved. */
static void a_vcpu_has_started_when_it_is_looked_at(void **state)
{
	struct guest_vcpu *other = rig_vcpu(guest, 1);

	(void)state;
	rig_page(1)->immediate = 1;
	guest_deliver(other, VLAPIC_INIT, 0, false);
	guest_deliver(other, VLAPIC_STARTUP, 9, false);
	looked_at(MULLION_RUNNABLE);
	assert_int_equal(rig_page(1)->segments[MULLION_CS].base, 0x9000);
	assert_int_equal(rig_page(1)->rip, 0);
	guest_deliver(other, VLAPIC_INIT, 0, false);
	looked_at(MULLION_WAIT_FOR_STARTUP);
	assert_int_equal(rig_page(1)->rip, 0xfff0);
}

static void exits_say_what_the_guest_did(void **state)
{
	(void)state;
	assert_int_equal(
		exit_by(&(struct vcpu_exit){
			.kind = EXIT_IO, .port = 0x71, .size = 2, .length = 2, .write = true}),
		MULLION_EXIT_IO);
	assert_true(page->port == 0x71 && page->size == 2 && page->write && page->length == 2);
	memcpy(rig_bytes, "\xf3\x65\x67\x6e", 4); /* rep outsb %gs:(%esi) */
	assert_int_equal(exit_by(&(struct vcpu_exit){.kind = EXIT_IO, .string = true, .size = 1}),
			 MULLION_EXIT_IO);
	assert_true(page->string && page->repeated && page->address_size == 4);
	assert_int_equal(page->segment, MULLION_GS);
	memcpy(rig_bytes, "\x6d\x26", 2); /* what follows is another instruction */
	exit_by(&(struct vcpu_exit){.kind = EXIT_IO, .string = true, .size = 2});
	assert_true(!page->repeated && page->address_size == 2 && page->segment == MULLION_DS);
	assert_int_equal(exit_by(&(struct vcpu_exit){.kind = EXIT_MSR, .msr = 0x3a}),
			 MULLION_EXIT_MSR);
	/* The APIC's page, and one that only looks like it. */
	memcpy(rig_bytes, "\xa3\xf0\x00", 3); /* mov %ax: no register is so small */
	assert_int_equal(exit_by(&(struct vcpu_exit){
				 .kind = EXIT_MEMORY, .write = true, .address = gpa(0xfee000f0)}),
			 GUEST_GOES_ON);
	assert_int_equal(gv->vcpu.lapic.svr, 0xff);
	assert_int_equal(
		exit_by(&(struct vcpu_exit){.kind = EXIT_MEMORY, .address = gpa(0xfee01000)}),
		MULLION_EXIT_MEMORY);
	assert_true(page->address == 0xfee01000 && page->byte_count == 15);
	assert_int_equal(exit_by(&(struct vcpu_exit){.kind = EXIT_REFUSED, .code = 77}),
			 MULLION_EXIT_REFUSED);
	assert_int_equal(page->code, 77);
}

/* Hyper-V's MSRs of the APIC are the core's when CPUID offers them; else the module refuses. */
static void hyperv_msrs_are_there_when_offered(void **state)
{
	struct vcpu_exit tpr = {.kind = EXIT_MSR, .msr = 0x40000072, .write = true, .length = 2};
	struct mullion_cpuid *table = rig_ram(ITEM);

	(void)state;
	gv->vcpu.registers[RAX] = 0x30;
	assert_int_equal(exit_by(&tpr), MULLION_EXIT_MSR);
	assert_int_equal(page->msr, 0x40000072);
	table[0] = (struct mullion_cpuid){.leaf = 0x40000003, .eax = 1U << 4};
	assert_int_equal(set(MULLION_VCPU_CPUID, sizeof(*table)), 0);
	assert_int_equal(exit_by(&tpr), GUEST_GOES_ON);
	assert_int_equal(gv->vcpu.lapic.tpr, 0x30);
	tpr.msr = 0x40000073;
	assert_int_equal(exit_by(&tpr), MULLION_EXIT_MSR);
	tpr.msr = 0x4000006f;
	assert_int_equal(exit_by(&tpr), MULLION_EXIT_MSR);
	table[0].eax = 0xffffffef;
	assert_int_equal(set(MULLION_VCPU_CPUID, sizeof(*table)), 0);
	tpr.msr = 0x40000070;
	assert_int_equal(exit_by(&tpr), MULLION_EXIT_MSR);
}

static void windows_are_waited_for(void **state)
{
	(void)state;
	page->request_window = 1;
	assert_true(goes_on());
	assert_true(svm_of(&gv->vcpu)->vmcb.intercept_misc1 & INTERCEPT_VINTR);
	guest_run_end(rig_outer(), MULLION_EXIT_INTERRUPT);
	page->rflags = 0x202;
	page->dirty = MULLION_DIRTY_GENERAL;
	ends(MULLION_EXIT_WINDOW);
	assert_int_equal(page->interruptible, 1);
}

/* ---- a post and a vCPU that falls asleep, at the same time ---- */

#define POSTS 20000
static uint32_t woken, taken; /* atomic */

static void *post(void *unused)
{
	rig_run_on(1);
	for (uint32_t i = 1; i <= POSTS; i++) {
		if (guest_deliver(gv, VLAPIC_FIXED, 0x40, false))
			__atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&taken, __ATOMIC_SEQ_CST) != i)
			cpu_pause();
	}
	return unused;
}

static void no_post_is_lost_on_the_way_to_sleep(void **state)
{
	uint32_t seen = 0, sleeps = 0;
	pthread_t thread;

	(void)state;
	woken = taken = 0;
	halt_with_interrupts(true);
	page->dirty |= MULLION_DIRTY_GENERAL;
	assert_int_equal(pthread_create(&thread, NULL, post, NULL), 0);
	while (taken != POSTS) {
		if (goes_on()) {
			assert_int_equal(vlapic_take(&gv->vcpu.lapic), 0x40);
			gv->vcpu.lapic.isr[2] = gv->vcpu.lapic.isr_any = 0;
			gv->vcpu.state = VCPU_HALTED;
			guest_run_end(rig_outer(), MULLION_EXIT_INTERRUPT);
			__atomic_fetch_add(&taken, 1, __ATOMIC_SEQ_CST);
			continue;
		}
		/* Asleep: only who posts may end that. */
		sleeps++;
		for (uint64_t spins = 0; __atomic_load_n(&woken, __ATOMIC_SEQ_CST) == seen; spins++)
			assert_true(spins < 1ULL << 30);
		seen = __atomic_load_n(&woken, __ATOMIC_SEQ_CST);
	}
	pthread_join(thread, NULL);
	assert_true(sleeps > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(vcpus_begin_as_the_manual_says),
		TEST(a_page_comes_back_as_it_was_loaded),
		TEST(a_state_that_no_cpu_has_is_refused),
		TEST(an_nmi_is_lost_by_a_load_that_says_so_only),
		TEST(xrstor_gets_only_what_it_takes),
		TEST(msrs_are_kept_or_not_there),
		TEST(cpuid_is_the_table_and_the_vcpus_state),
		TEST(the_control_vms_interrupts_end_a_run),
		TEST(a_sleeper_is_woken_once),
		TEST(a_timer_wakes_by_the_machines_time),
		TEST(a_timer_that_is_always_over_ends_the_run),
		TEST(a_vcpu_starts_by_ipis),
		TEST(a_vcpu_has_started_when_it_is_looked_at),
		TEST(exits_say_what_the_guest_did),
		TEST(hyperv_msrs_are_there_when_offered),
		TEST(windows_are_waited_for),
		TEST(no_post_is_lost_on_the_way_to_sleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
