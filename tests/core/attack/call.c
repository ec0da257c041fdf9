/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls with arguments that are wrong, nearly right, or somebody else's. Calls that would harm
 * the caller itself are left out or undone: an answer into its own RAM, a short watchdog; and so
 * are those that a control VM may well do to the UI VM.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <asm/asm.h>

#include "attack.h"
#include "mullion/bus.h"
#include "mullion/guest.h"

#define PAGES_ORDER 2 /* of the buffer that answers may go to */
#define BUFFER_SIZE (PAGE_SIZE << PAGES_ORDER)
#define GUARD	    0xa5

static u8 *buffer;
static u64 own_vm, own_kind;

static long call(u64 number, const u64 *a)
{
	/* cppcheck-suppress constStatement */
	register u64 r10 asm("r10") = a[3];
	long result;

	asm volatile("1: vmmcall\n2:\n" _ASM_EXTABLE(1b, 2b)
		     : "=a"(result)
		     : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10)
		     : "memory");
	return result;
}

static u64 odd_number(void)
{
	static const u64 edges[] = {
		0,	    1,		7,	    8,		15,	    16,		31,
		32,	    63,		64,	    65,		255,	    256,	257,
		4095,	    4096,	4097,	    0x7fffffff, 0x80000000, 0xffffffff, 1ULL << 32,
		1ULL << 61, 1ULL << 62, 1ULL << 63, ~0ULL,	~7ULL};

	return edges[attack_random() % ARRAY_SIZE(edges)];
}

/* In the buffer or about its ends, in memory of others, in none. Never in the rest of its own RAM.
 */
static u64 odd_address(void)
{
	u64 r = attack_random(), address;

	switch (r >> 8 & 3) {
	case 0:
		return virt_to_phys(buffer) + PAGE_SIZE + (r >> 16) % (BUFFER_SIZE / 2);
	case 1:
		return odd_number();
	case 2:
		address = (r >> 16) % (8ULL << 30);
		break;
	default:
		address = r >> 16 << (r & 15);
	}
	return address;
}

/* An answer written there would hit the VM's own RAM outside the buffer. */
static bool hits_own(u64 address)
{
	u64 start = virt_to_phys(buffer), page;

	for (page = address & PAGE_MASK; page - (address & PAGE_MASK) <= 4 * PAGE_SIZE;
	     page += PAGE_SIZE)
		if (page_is_ram(page >> PAGE_SHIFT) &&
		    (page < start || page >= start + BUFFER_SIZE))
			return true;
	return false;
}

static u64 odd_argument(void)
{
	u64 r = attack_random();

	switch (r & 7) {
	case 0:
		return r >> 3;
	case 1:
	case 2:
	case 3:
		return odd_address();
	default:
		return odd_number();
	}
}

static bool may_run(u64 number, const u64 *a)
{
	switch (number) {
	case MULLION_CALL_CONSOLE_WRITE: /* fills the log: a few of them do */
		return attack_random() % 256 == 0 && !hits_own(a[0]);
	case MULLION_CALL_TRACE_DUMP:
		return own_kind != MULLION_VM_CONTROL;
	case MULLION_CALL_VM_RESET:
		return own_kind != MULLION_VM_CONTROL || a[0] != MULLION_VM_UI;
	case MULLION_CALL_CONSOLE_READ:
		return !hits_own(a[0]);
	case MULLION_CALL_COUNTER_READ:
		return !hits_own(a[3]);
	case MULLION_CALL_COUNTER_NAME:
	case MULLION_CALL_VM_INFO:
		return !hits_own(a[1]);
	case MULLION_CALL_TRACE_READ:
	case MULLION_CALL_VCPU_GET:
		return !hits_own(a[2]);
	case MULLION_CALL_VCPU_CREATE: /* written to from then on */
		return !hits_own(a[1]);
	case MULLION_CALL_GUEST_DIRTY:
		return !hits_own(a[3]);
	default:
		return true;
	}
}

/* What the answer to a call must be, whatever else it is. */
static void judge(u64 number, const u64 *a, long result)
{
	bool control = own_kind == MULLION_VM_CONTROL;

	if (result < -4095)
		attack_through("call %#llx returns %ld", number, result);
	if (number - MULLION_CALL_FIRST >= MULLION_CALL_COUNT && result >= 0)
		attack_through("call %#llx, which is none, returns %ld", number, result);
	if (control || result < 0)
		return;
	if (number == MULLION_CALL_CONSOLE_READ || number == MULLION_CALL_TRACE_READ ||
	    number == MULLION_CALL_TRACE_DUMP || number == MULLION_CALL_VM_RESET ||
	    number - MULLION_CALL_GUEST_FIRST < MULLION_GUEST_CALLS)
		attack_through("call %#llx is for the control VM, and returns %ld", number, result);
	if ((number == MULLION_CALL_COUNTER_READ || number == MULLION_CALL_VM_INFO) &&
	    a[0] != own_vm)
		attack_through("call %#llx tells of VM %llu: %ld", number, a[0], result);
}

/* Answers to somebody else's memory. */
static void judge_memory(u64 number, const u64 *a, long result)
{
	u64 address;

	if (result < 0)
		return;
	if (number == MULLION_CALL_COUNTER_READ && result > 0)
		address = a[3];
	else if (number == MULLION_CALL_COUNTER_NAME || number == MULLION_CALL_VM_INFO)
		address = a[1];
	else if (number == MULLION_CALL_CONSOLE_WRITE)
		address = a[0];
	else
		return;
	if (attack_page(address) == ATTACK_FOREIGN)
		attack_through("call %#llx reaches %#llx", number, address);
}

void attack_call(void)
{
	const u64 query_vm[4] = {MULLION_QUERY_VM}, query_kind[4] = {MULLION_QUERY_KIND};
	const u64 off[4] = {};
	unsigned long n;
	size_t i;

	buffer = (u8 *)__get_free_pages(GFP_KERNEL, PAGES_ORDER);
	if (!buffer)
		return;
	memset(buffer, GUARD, BUFFER_SIZE);
	if (attack_core) {
		own_vm = call(MULLION_CALL_QUERY, query_vm);
		own_kind = call(MULLION_CALL_QUERY, query_kind);
	}
	for (n = 0; n < (attack_core ? attack_count : 1000); n++) {
		u64 r = attack_random(), number, a[4];
		long result;

		for (i = 0; i < 4; i++)
			a[i] = odd_argument();
		number = r % 16 == 0 ? attack_random()
				     : MULLION_CALL_FIRST + (r >> 8) % (MULLION_CALL_COUNT + 2);
		if (r % 16 == 1)
			number = (r >> 8) % 64; /* KVM's, Xen's */
		if (!may_run(number, a))
			continue;
		result = call(number, a);
		if (attack_core) {
			judge(number, a, result);
			judge_memory(number, a, result);
		}
		if (number == MULLION_CALL_WATCHDOG && attack_core)
			call(MULLION_CALL_WATCHDOG, off);
		attack_tried(1);
	}
	for (i = 0; i < PAGE_SIZE / 2; i++)
		if (buffer[i] != GUARD)
			attack_through("an answer went before where it was to go");
	free_pages((unsigned long)buffer, PAGES_ORDER);
}
