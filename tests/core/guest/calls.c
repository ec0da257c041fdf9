// SPDX-License-Identifier: GPL-2.0-or-later
/* States and arguments that must be refused, and leave the guest as it was. */
#define pr_fmt(fmt) "guest: " fmt

#include "try.h"

#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/printk.h>

/* The state is refused when it is loaded, or by the CPU; the machine goes on. */
static void refuse(struct try_guest *guest, struct mullion_vcpu_page *good, u32 dirty)
{
	struct mullion_vcpu_page *page = guest->vcpus[0];
	long result;

	page->dirty = dirty;
	result = try_call(MULLION_CALL_VCPU_RUN, MULLION_GUEST_VCPU(guest->number, 0), 0, 0, 0);
	CHECK(result == -EINVAL || page->reason == MULLION_EXIT_REFUSED);
	*page = *good;
	page->dirty = MULLION_DIRTY_ALL;
}

static void refuse_states(struct try_guest *guest)
{
	struct mullion_vcpu_page *page = guest->vcpus[0];
	struct mullion_vcpu_page good = *page;

	good.dirty = 0;
	page->efer |= 1ULL << 12; /* SVME */
	refuse(guest, &good, MULLION_DIRTY_SYSTEM);
	page->cr0 = 0x20000010; /* NW without CD */
	refuse(guest, &good, MULLION_DIRTY_SYSTEM);
	page->cr0 = 0x80000011;
	page->efer = 0x100; /* long mode without PAE */
	refuse(guest, &good, MULLION_DIRTY_SYSTEM);
	page->cr0 |= 1ULL << 32;
	refuse(guest, &good, MULLION_DIRTY_SYSTEM);
	page->dr7 = 1ULL << 32;
	refuse(guest, &good, MULLION_DIRTY_DEBUG);
	page->event = MULLION_EVENT_VALID | 1 << 8;
	refuse(guest, &good, MULLION_DIRTY_EVENTS);
	page->event = MULLION_EVENT_VALID | MULLION_EVENT_EXCEPTION | 40;
	refuse(guest, &good, MULLION_DIRTY_EVENTS);
	page->activity = 3;
	refuse(guest, &good, MULLION_DIRTY_ACTIVITY);
	page->xcr0 = 0;
	refuse(guest, &good, MULLION_DIRTY_XCR0);
	page->xcr0 = ~0ULL;
	refuse(guest, &good, MULLION_DIRTY_XCR0);
	refuse(guest, &good, 1 << 8);
	CHECK_IS(try_run(guest, 0), MULLION_EXIT_IO);
	CHECK_IS(page->port, 0x80);
}

static long set(struct try_guest *guest, u64 item, void *memory, u64 size)
{
	return try_call(MULLION_CALL_VCPU_SET, MULLION_GUEST_VCPU(guest->number, 0), item,
			virt_to_phys(memory), size);
}

static long get(struct try_guest *guest, u64 item, void *memory, u64 size)
{
	return try_call(MULLION_CALL_VCPU_GET, MULLION_GUEST_VCPU(guest->number, 0), item,
			virt_to_phys(memory), size);
}

static void try_items(struct try_guest *guest)
{
	u8 *buffer = (void *)get_zeroed_page(GFP_KERNEL);
	struct mullion_vcpu_msr *msr = (void *)buffer;
	u32 *words = (void *)buffer;

	if (!buffer)
		return;
	CHECK_IS(get(guest, MULLION_VCPU_XSAVE, buffer, 4096), 0);
	CHECK_IS(words[6], 0x1f80);
	CHECK_IS(set(guest, MULLION_VCPU_XSAVE, buffer, 4096), 0);
	words[6] = 1U << 31; /* MXCSR */
	CHECK_IS(set(guest, MULLION_VCPU_XSAVE, buffer, 4096), -EINVAL);
	words[6] = 0x1f80;
	words[128 + 1] = 1 << 30; /* XSTATE_BV */
	CHECK_IS(set(guest, MULLION_VCPU_XSAVE, buffer, 4096), -EINVAL);
	words[128 + 1] = 0;
	words[128 + 3] = 1U << 31; /* XCOMP_BV */
	CHECK_IS(set(guest, MULLION_VCPU_XSAVE, buffer, 4096), -EINVAL);
	CHECK_IS(set(guest, MULLION_VCPU_XSAVE, buffer, 4095), -EINVAL);
	CHECK_IS(get(guest, MULLION_VCPU_LAPIC, buffer, 1024), 0);
	CHECK_IS(words[0x30 / 4], 0x50014);
	CHECK_IS(set(guest, MULLION_VCPU_LAPIC, buffer, 1024), 0);
	memset(buffer, 0xff, 4096);
	CHECK_IS(set(guest, MULLION_VCPU_LAPIC, buffer, 1024), 0);
	CHECK_IS(try_run(guest, 0), MULLION_EXIT_IO);
	memset(buffer, 0, 4096);
	msr->index = 0x1b;
	CHECK_IS(get(guest, MULLION_VCPU_MSR, buffer, 16), 0);
	CHECK_IS(msr->value, 0xfee00900);
	msr->value = 0xfee00400;
	CHECK_IS(set(guest, MULLION_VCPU_MSR, buffer, 16), -EINVAL);
	msr->index = 0xc0000082;
	msr->value = 1ULL << 48;
	CHECK_IS(set(guest, MULLION_VCPU_MSR, buffer, 16), -EINVAL);
	msr->value = 0xffff800000000000;
	CHECK_IS(set(guest, MULLION_VCPU_MSR, buffer, 16), 0);
	msr->value = 0;
	CHECK_IS(get(guest, MULLION_VCPU_MSR, buffer, 16), 0);
	CHECK_IS(msr->value, 0xffff800000000000);
	msr->index = 0x4b564d00;
	CHECK_IS(get(guest, MULLION_VCPU_MSR, buffer, 16), -ENOENT);
	CHECK_IS(get(guest, 77, buffer, 16), -EINVAL);
	free_page((unsigned long)buffer);
}

/* What may not be mapped, and why. rom is some page of ours. */
static void refuse_maps(struct try_guest *guest)
{
	u64 ours = virt_to_phys(guest->rom), there = 1 << 20;
	const struct {
		struct mullion_guest_range range;
		int error;
	} wrong[] = {
		{{there, ours, 0}, -EINVAL},
		{{there + 1, ours, PAGE_SIZE}, -EINVAL},
		{{there, ours + 8, PAGE_SIZE}, -EINVAL},
		{{there, ours, PAGE_SIZE - 1}, -EINVAL},
		{{there, ours, MULLION_MAP_RANGE_MAX + PAGE_SIZE}, -EINVAL},
		{{there, -PAGE_SIZE, 2 * PAGE_SIZE}, -EINVAL},
		{{1ULL << MULLION_GUEST_ADDRESS_BITS, ours, PAGE_SIZE}, -EINVAL},
		{{(1ULL << MULLION_GUEST_ADDRESS_BITS) - PAGE_SIZE, ours, 2 * PAGE_SIZE}, -EINVAL},
		{{there, ours, PAGE_SIZE, MULLION_MAP_WRITE << 1}, -EINVAL},
		{{there, ours, PAGE_SIZE, 0, 1}, -EINVAL},
		{{there, 0xfee00000, PAGE_SIZE}, -EFAULT}, /* the APIC is no RAM */
		{{there, 1ULL << 50, PAGE_SIZE}, -EFAULT}, /* nor is nothing */
		{{0, ours, PAGE_SIZE}, -EEXIST},
	};
	struct mullion_guest_range *range = (void *)get_zeroed_page(GFP_KERNEL);
	unsigned int n;

	for (n = 0; range && n < ARRAY_SIZE(wrong); n++) {
		*range = wrong[n].range;
		CHECK_IS(try_call(MULLION_CALL_GUEST_MAP, guest->number, virt_to_phys(range), 1, 0),
			 wrong[n].error);
	}
	CHECK(range);
	free_page((unsigned long)range);
}

void try_refused(void)
{
	struct try_guest guest;
	u64 number, handle;

	if (!try_create(&guest, TRY_ENTRY(exits)))
		return;
	number = guest.number;
	handle = MULLION_GUEST_VCPU(number, 0);
	CHECK_IS(try_run(&guest, 0), MULLION_EXIT_IO);
	refuse_states(&guest);
	try_items(&guest);
	refuse_maps(&guest);
	CHECK_IS(try_call(MULLION_CALL_VCPU_CREATE, handle, virt_to_phys(guest.rom), 0, 0),
		 -EEXIST);
	CHECK_IS(try_call(MULLION_CALL_VCPU_CREATE, handle + 1, 0xfee00000, 0, 0), -EFAULT);
	CHECK_IS(try_call(MULLION_CALL_VCPU_CREATE, handle + 16, virt_to_phys(guest.rom), 0, 0),
		 -EINVAL);
	CHECK_IS(try_call(MULLION_CALL_VCPU_RUN, handle + 1, 0, 0, 0), -ENOENT);
	CHECK_IS(try_call(MULLION_CALL_VCPU_RUN, MULLION_GUEST_VCPU(number + 1, 0), 0, 0, 0),
		 -ENOENT);
	CHECK_IS(try_call(MULLION_CALL_VCPU_RUN, MULLION_GUEST_VCPU(16, 0), 0, 0, 0), -EINVAL);
	CHECK_IS(try_call(MULLION_CALL_GUEST_UNMAP, number, 0x800, 0x1000, 0), -EINVAL);
	CHECK_IS(try_call(MULLION_CALL_GUEST_UNMAP, number, 0, 0, 0), -EINVAL);
	CHECK_IS(try_call(MULLION_CALL_GUEST_UNMAP, number, 0, (1 << 30) + 4096, 0), -EINVAL);
	CHECK_IS(try_call(MULLION_CALL_GUEST_DESTROY, 16, 0, 0, 0), -EINVAL);
	CHECK_IS(try_call(MULLION_CALL_VCPU_TRANSLATE, handle, 0x1234, 0, 0), 0x1234);
	CHECK_IS(try_call(MULLION_CALL_VCPU_TRANSLATE, handle, 0x1234, 4, 0), -EINVAL);
	CHECK_IS(try_call(MULLION_CALL_VCPU_RAISE, handle, 2, 0, 0), -EINVAL);
	try_destroy(&guest);
	CHECK_IS(try_call(MULLION_CALL_GUEST_DESTROY, number, 0, 0, 0), -ENOENT);
	pr_alert("refused: done\n");
}
