/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /sys/kernel/debug/mullion, what the core knows:
 *
 *	frames     control VM: how many pages the core uses, but for its owner table, which stays
 *		   split where guests have had memory
 *	vms        a line a VM: number, name, kind, state, CPUs, MiB, restarts
 *	counters   a line a counter of each VM this one may ask about: VM, name, value
 *	doorbells  a line a doorbell: number, how often it rang here
 *	ring       write "VM BELL": rings it
 *	trace      control VM: what each CPU's latest exits were; write: to the core's serial line
 *	reset      control VM: write a VM's number: it is started anew
 */
#include <linux/debugfs.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "bus.h"
#include "mullion/trace.h"

static struct dentry *folder;
static DEFINE_MUTEX(page_lock);
static void *page; /* what hypercalls write; by page_lock */

static bool may_ask(const struct mullion_bus *bus, u32 vm)
{
	return vm == bus->vm || bus->features & MULLION_FEATURE_MANAGE;
}

static int vms_show(struct seq_file *file, void *unused)
{
	static const char *const states[] = {"loading", "running", "stopping", "dead"};
	const struct mullion_bus *bus = file->private;
	const struct mullion_vm_info *info = page;
	u32 vm;

	mutex_lock(&page_lock);
	for (vm = 0; vm < bus->vms; vm++) {
		if (!may_ask(bus, vm) ||
		    mullion_call(MULLION_CALL_VM_INFO, vm, virt_to_phys(page), 0, 0))
			continue;
		seq_printf(file, "%u %s %s %s %u %llu %llu\n", info->number, info->name,
			   info->kind == MULLION_VM_CONTROL ? "control" : "ui",
			   info->state < ARRAY_SIZE(states) ? states[info->state] : "?",
			   info->vcpus, info->memory >> 20, info->restarts);
	}
	mutex_unlock(&page_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vms);

static void show_counter(struct seq_file *file, u32 vm, u64 number)
{
	const u64 *value = page;
	const char *name = page + sizeof(*value);
	phys_addr_t at = virt_to_phys(page);

	if (mullion_call(MULLION_CALL_COUNTER_READ, vm, number, 1, at) == 1 &&
	    mullion_call(MULLION_CALL_COUNTER_NAME, number, at + sizeof(*value), 0, 0) == 0)
		seq_printf(file, "%u %s %llu\n", vm, name, *value);
}

static int counters_show(struct seq_file *file, void *unused)
{
	const struct mullion_bus *bus = file->private;
	long count = mullion_call(MULLION_CALL_QUERY, MULLION_QUERY_COUNTERS, 0, 0, 0);
	long number;
	u32 vm;

	mutex_lock(&page_lock);
	for (vm = 0; vm < bus->vms; vm++)
		for (number = 0; may_ask(bus, vm) && number < count; number++)
			show_counter(file, vm, number);
	mutex_unlock(&page_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

static int frames_show(struct seq_file *file, void *unused)
{
	seq_printf(file, "%ld\n", mullion_call(MULLION_CALL_QUERY, MULLION_QUERY_FRAMES, 0, 0, 0));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(frames);

static int doorbells_show(struct seq_file *file, void *unused)
{
	struct mullion_bus *bus = file->private;
	int n;

	for (n = 0; n < bus->vectors; n++)
		seq_printf(file, "%d %ld\n", n, atomic_long_read(&bus->rings[n]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(doorbells);

static ssize_t ring_write(struct file *file, const char __user *text, size_t size, loff_t *at)
{
	const struct mullion_bus *bus = file->private_data;
	char line[32];
	u32 vm, bell;
	ssize_t n = simple_write_to_buffer(line, sizeof(line) - 1, at, text, size);

	if (n <= 0)
		return n;
	line[n] = 0;
	if (sscanf(line, "%u %u", &vm, &bell) != 2 || vm >= bus->vms ||
	    bell >= MULLION_BUS_DOORBELLS)
		return -EINVAL;
	iowrite32(bell, bus->registers + MULLION_BUS_REG_RING(vm));
	return size;
}

static const struct file_operations ring_fops = {
	.open = simple_open,
	.write = ring_write,
};

static ssize_t reset_write(struct file *file, const char __user *text, size_t size, loff_t *at)
{
	u32 vm;
	int error = kstrtou32_from_user(text, size, 0, &vm);

	if (!error)
		error = mullion_call(MULLION_CALL_VM_RESET, vm, 0, 0, 0);
	return error ? error : size;
}

static const struct file_operations reset_fops = {
	.open = simple_open,
	.write = reset_write,
};

/* ---- the trace: CPU by CPU, from the oldest record that is left ---- */
#define TRACE_PART (PAGE_SIZE / sizeof(struct mullion_trace_record))
#define TRACE_MOST 8192 /* of a CPU: reading makes new ones */

struct trace_reader {
	struct mullion_trace_record *records; /* a page */
	long count, next, left;
	u64 from;
	u32 cpu, cpus;
};

/* The record that is next, after fetching more of them; NULL at the end. */
static void *trace_current(struct trace_reader *reader)
{
	while (reader->next == reader->count) {
		if (reader->cpu == reader->cpus)
			return NULL;
		reader->count = mullion_call(MULLION_CALL_TRACE_READ, reader->cpu, reader->from,
					     virt_to_phys(reader->records), TRACE_PART);
		reader->next = 0;
		if (reader->count > 0 && reader->left > 0) {
			/* The low half of the number, of at most 2^32 records ago. */
			u32 last = reader->records[reader->count - 1].sequence;

			reader->from += (u32)(last + 1 - (u32)reader->from);
			reader->left -= reader->count;
		} else {
			reader->count = 0;
			reader->from = 0;
			reader->left = TRACE_MOST;
			reader->cpu++;
		}
	}
	return &reader->records[reader->next];
}

static void *trace_start(struct seq_file *file, loff_t *at)
{
	return trace_current(file->private);
}

static void *trace_next(struct seq_file *file, void *record, loff_t *at)
{
	struct trace_reader *reader = file->private;

	reader->next++;
	(*at)++;
	return trace_current(reader);
}

static void trace_stop(struct seq_file *file, void *record)
{
}

static int trace_show(struct seq_file *file, void *data)
{
	static const char *const kinds[] = {
#define KIND_NAME(name, text) text,
		MULLION_TRACE_KINDS(KIND_NAME)
#undef KIND_NAME
	};
	const struct trace_reader *reader = file->private;
	const struct mullion_trace_record *record = data;

	seq_printf(file, "%u %u %llu %u.%u %s %#x %#llx %#llx\n", reader->cpu, record->sequence,
		   record->tsc, record->vcpu >> 4, record->vcpu & 15,
		   record->kind < ARRAY_SIZE(kinds) ? kinds[record->kind] : "?", record->code,
		   record->rip, record->info);
	return 0;
}

static const struct seq_operations trace_sequence = {
	.start = trace_start,
	.next = trace_next,
	.stop = trace_stop,
	.show = trace_show,
};

static int trace_open(struct inode *inode, struct file *file)
{
	struct trace_reader *reader;

	reader = __seq_open_private(file, &trace_sequence, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->left = TRACE_MOST;
	reader->cpus = mullion_call(MULLION_CALL_QUERY, MULLION_QUERY_PCPUS, 0, 0, 0);
	reader->records = (void *)__get_free_page(GFP_KERNEL);
	if (!reader->records) {
		seq_release_private(inode, file);
		return -ENOMEM;
	}
	return 0;
}

static int trace_release(struct inode *inode, struct file *file)
{
	struct trace_reader *reader = ((struct seq_file *)file->private_data)->private;

	free_page((unsigned long)reader->records);
	return seq_release_private(inode, file);
}

static ssize_t trace_write(struct file *file, const char __user *text, size_t size, loff_t *at)
{
	long error = mullion_call(MULLION_CALL_TRACE_DUMP, 0, 0, 0, 0);

	return error ? error : size;
}

static const struct file_operations trace_fops = {
	.open = trace_open,
	.read = seq_read,
	.write = trace_write,
	.release = trace_release,
};

void mullion_report_init(struct mullion_bus *bus)
{
	page = (void *)__get_free_page(GFP_KERNEL);
	if (!page)
		return; /* as without debugfs: nobody depends on it */
	folder = debugfs_create_dir("mullion", NULL);
	debugfs_create_file("vms", 0400, folder, bus, &vms_fops);
	debugfs_create_file("counters", 0400, folder, bus, &counters_fops);
	debugfs_create_file("doorbells", 0400, folder, bus, &doorbells_fops);
	debugfs_create_file("ring", 0200, folder, bus, &ring_fops);
	if (bus->features & MULLION_FEATURE_TRACE)
		debugfs_create_file("trace", 0600, folder, bus, &trace_fops);
	if (!(bus->features & MULLION_FEATURE_MANAGE))
		return;
	debugfs_create_file("frames", 0400, folder, bus, &frames_fops);
	debugfs_create_file("reset", 0200, folder, bus, &reset_fops);
}

void mullion_report_finish(void)
{
	debugfs_remove_recursive(folder);
	folder = NULL;
	free_page((unsigned long)page);
	page = NULL;
}
