// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /sys/kernel/debug/mullion-fail/, for the one process that uses it:
 *
 *	next	write "N": of what the writer then allocates, the N-th fails (counted from 1);
 *		"N+": that and all that follow; "0": none. read: how many there were, how many
 *failed balance	what mullion-kvm.ko has allocated and not given back
 *
 * mm/ asks should_failslab() and should_fail_alloc_page() before each allocation; without
 * CONFIG_FAULT_INJECTION they only ever say no. A kprobe answers in their place.
 */
#define pr_fmt(fmt) "fail: " fmt

#include <linux/debugfs.h>
#include <linux/gfp.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "fail.h"

static struct task_struct *victim; /* whose allocations count */
static u32 at, seen, hit;
static bool all_later;
static struct dentry *folder;

/* Where a function that has nothing to do goes on: its result is in rax. */
static noinline notrace void just_return(void)
{
	asm volatile("");
}
NOKPROBE_SYMBOL(just_return);

/* One of the victim's allocations: this one is to fail. */
static bool is_time(gfp_t flags)
{
	if (READ_ONCE(victim) != current || !in_task() || flags & __GFP_NOFAIL)
		return false;
	seen++;
	if (!at || seen < at || (seen > at && !all_later))
		return false;
	hit++;
	return true;
}

static int answer(struct pt_regs *regs, unsigned long value)
{
	regs->ax = value;
	regs->ip = (unsigned long)just_return;
	return 1;
}

/* int should_failslab(struct kmem_cache *, gfp_t) */
static int slab(struct kprobe *probe, struct pt_regs *regs)
{
	return is_time(regs->si) ? answer(regs, (unsigned long)-ENOMEM) : 0;
}
NOKPROBE_SYMBOL(slab);

/* bool should_fail_alloc_page(gfp_t, unsigned int order) */
static int pages(struct kprobe *probe, struct pt_regs *regs)
{
	return is_time(regs->di) ? answer(regs, true) : 0;
}
NOKPROBE_SYMBOL(pages);

/* That there is one keeps the probe from being made one that cannot change where it goes on. */
static void after(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe probes[] = {
	{.symbol_name = "should_failslab", .pre_handler = slab, .post_handler = after},
	{.symbol_name = "should_fail_alloc_page", .pre_handler = pages, .post_handler = after},
};

static ssize_t next_write(struct file *file, const char __user *text, size_t size, loff_t *pos)
{
	char line[16] = "", more = 0;
	u32 n;

	if (!size || size >= sizeof(line) || copy_from_user(line, text, size))
		return -EINVAL;
	if (sscanf(line, "%u%c", &n, &more) < 1)
		return -EINVAL;
	WRITE_ONCE(victim, NULL);
	at = n;
	all_later = more == '+';
	if (n) {
		seen = hit = 0;
		WRITE_ONCE(victim, current);
	}
	return size;
}

static ssize_t next_read(struct file *file, char __user *to, size_t size, loff_t *pos)
{
	char line[32];
	int length = scnprintf(line, sizeof(line), "%u %u\n", seen, hit);

	return simple_read_from_buffer(to, size, pos, line, length);
}

static const struct file_operations next_fops = {
	.owner = THIS_MODULE,
	.write = next_write,
	.read = next_read,
	.llseek = noop_llseek,
};

static ssize_t balance_show(struct file *file, char __user *to, size_t size, loff_t *pos)
{
	char line[24];
	int length = scnprintf(line, sizeof(line), "%ld\n", balance_read());

	return simple_read_from_buffer(to, size, pos, line, length);
}

static const struct file_operations balance_fops = {
	.owner = THIS_MODULE,
	.read = balance_show,
	.llseek = noop_llseek,
};

static int __init start(void)
{
	size_t n;
	int error;

	for (n = 0; n < ARRAY_SIZE(probes); n++) {
		error = register_kprobe(&probes[n]);
		if (error) {
			pr_err("no probe of %s: %d\n", probes[n].symbol_name, error);
			goto fail;
		}
	}
	error = balance_start();
	if (error)
		goto fail;
	folder = debugfs_create_dir("mullion-fail", NULL);
	debugfs_create_file("next", 0600, folder, NULL, &next_fops);
	debugfs_create_file("balance", 0400, folder, NULL, &balance_fops);
	return 0;

fail:
	while (n--)
		unregister_kprobe(&probes[n]);
	return error;
}

static void __exit stop(void)
{
	size_t n;

	debugfs_remove_recursive(folder);
	WRITE_ONCE(victim, NULL);
	balance_stop();
	for (n = 0; n < ARRAY_SIZE(probes); n++)
		unregister_kprobe(&probes[n]);
}

module_init(start);
module_exit(stop);
MODULE_DESCRIPTION("Allocations that fail");
MODULE_LICENSE("GPL");
