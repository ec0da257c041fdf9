// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What mullion-kvm.ko has allocated and not given back: each allocator that it calls is followed,
 * and its result kept in a table if it was called from there; whoever frees it takes it out.
 */
#define pr_fmt(fmt) "fail: " fmt

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "fail.h"

#define BITS 14

static unsigned long table[1 << BITS]; /* open addressing; 0: free */
static DEFINE_RAW_SPINLOCK(lock);
static long count;
static bool lost;
static struct file *device; /* which keeps it from going */
static struct module *watched;

static bool is_object(unsigned long address)
{
	return !ZERO_OR_NULL_PTR((void *)address) && !IS_ERR((void *)address);
}

static void add(unsigned long address)
{
	u32 n = hash_long(address, BITS), tries;
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	for (tries = 0; table[n] && tries < ARRAY_SIZE(table); tries++)
		n = (n + 1) % ARRAY_SIZE(table);
	if (table[n]) {
		lost = true;
	} else {
		table[n] = address;
		count++;
	}
	raw_spin_unlock_irqrestore(&lock, flags);
}

static void take(unsigned long address)
{
	u32 n = hash_long(address, BITS), hole, home;
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	while (table[n] && table[n] != address)
		n = (n + 1) % ARRAY_SIZE(table);
	if (table[n]) {
		count--;
		/* What lies behind it moves up, if it is not before its home then. */
		for (hole = n;;) {
			table[hole] = 0;
			do {
				n = (n + 1) % ARRAY_SIZE(table);
				if (!table[n])
					goto out;
				home = hash_long(table[n], BITS);
			} while (hole <= n ? hole < home && home <= n : hole < home || home <= n);
			table[hole] = table[n];
			hole = n;
		}
	}
out:
	raw_spin_unlock_irqrestore(&lock, flags);
}

/* ---- allocators ---- */

static int allocated(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	if (is_object(regs->ax))
		add(regs->ax);
	return 0;
}
NOKPROBE_SYMBOL(allocated);

/* Not 0: not to be followed. */
static int called(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	/* At its entry, what it returns to is on top of the stack. */
	return !within_module(*(unsigned long *)kernel_stack_pointer(regs), watched);
}
NOKPROBE_SYMBOL(called);

#define ALLOCATOR(name)                                                                            \
	{                                                                                          \
		.kp.symbol_name = name, .handler = allocated, .entry_handler = called,             \
		.maxactive = 64                                                                    \
	}
static struct kretprobe allocators[] = {
	ALLOCATOR("__kmalloc"),	      ALLOCATOR("kmalloc_trace"), ALLOCATOR("kmalloc_large"),
	ALLOCATOR("kvmalloc_node"),   ALLOCATOR("memdup_user"),	  ALLOCATOR("vmemdup_user"),
	ALLOCATOR("get_zeroed_page"),
};

/* ---- who frees ---- */

static int freed(struct kprobe *probe, struct pt_regs *regs)
{
	if (READ_ONCE(count) && is_object(regs->di))
		take(regs->di);
	return 0;
}
NOKPROBE_SYMBOL(freed);

/* kvfree_call_rcu(head, offset of head) */
static int freed_later(struct kprobe *probe, struct pt_regs *regs)
{
	take(regs->di - regs->si);
	return 0;
}
NOKPROBE_SYMBOL(freed_later);

static struct kprobe freers[] = {
	{.symbol_name = "kfree", .pre_handler = freed},
	{.symbol_name = "kvfree", .pre_handler = freed},
	{.symbol_name = "free_pages", .pre_handler = freed},
	{.symbol_name = "kvfree_call_rcu", .pre_handler = freed_later},
};

long balance_read(void)
{
	size_t n;

	for (n = 0; n < ARRAY_SIZE(allocators); n++)
		if (allocators[n].nmissed)
			lost = true;
	return lost ? -1 : READ_ONCE(count);
}

static void probes_end(size_t allocator_count, size_t freer_count)
{
	while (allocator_count--)
		unregister_kretprobe(&allocators[allocator_count]);
	while (freer_count--)
		unregister_kprobe(&freers[freer_count]);
	filp_close(device, NULL);
}

int balance_start(void)
{
	size_t a, f = 0;
	int error = 0;

	device = filp_open("/dev/kvm", O_RDWR, 0);
	if (IS_ERR(device))
		return PTR_ERR(device);
	watched = device->f_op->owner;
	for (a = 0; a < ARRAY_SIZE(allocators) && !error; a++)
		error = register_kretprobe(&allocators[a]);
	for (; f < ARRAY_SIZE(freers) && !error; f++)
		error = register_kprobe(&freers[f]);
	if (!error)
		return 0;
	pr_err("no probe %zu, %zu: %d\n", a, f, error);
	probes_end(f ? a : a - 1, f ? f - 1 : 0);
	return error;
}

void balance_stop(void)
{
	probes_end(ARRAY_SIZE(allocators), ARRAY_SIZE(freers));
}
