/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * irqfd: an eventfd whose signal is an interrupt of the guest, sent to the core from wherever the
 * signal comes. One ends when it is taken back, when the eventfd's last other user closes it, or
 * with the VM's descriptor.
 */
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "kvm-parts.h"

struct mkvm_irqfd {
	struct mkvm_vm *vm;
	struct eventfd_ctx *eventfd;
	u32 gsi;
	struct list_head list; /* empty: it is ending */
	struct wait_queue_entry wait;
	poll_table table;
	struct work_struct end_work;
};

static struct workqueue_struct *end_queue;

int mkvm_irqfd_start(void)
{
	end_queue = alloc_workqueue("mullion-kvm", 0, 0);
	return end_queue ? 0 : -ENOMEM;
}

void mkvm_irqfd_stop(void)
{
	destroy_workqueue(end_queue);
}

/* It is in no list any more. */
static void end(struct work_struct *work)
{
	struct mkvm_irqfd *irqfd = container_of(work, struct mkvm_irqfd, end_work);
	u64 count;

	eventfd_ctx_remove_wait_queue(irqfd->eventfd, &irqfd->wait, &count);
	eventfd_ctx_put(irqfd->eventfd);
	kfree(irqfd);
}

/* Under vm->irqfds_lock. */
static void retire(struct mkvm_irqfd *irqfd)
{
	list_del_init(&irqfd->list);
	irqfd->vm->irqfd_count--;
	queue_work(end_queue, &irqfd->end_work);
}

/* By whoever signals the eventfd, with its lock and interrupts off. */
static int signalled(struct wait_queue_entry *wait, unsigned int mode, int sync, void *key)
{
	struct mkvm_irqfd *irqfd = container_of(wait, struct mkvm_irqfd, wait);
	__poll_t what = key_to_poll(key);
	unsigned long flags;
	int taken = 0;
	u64 count;

	if (what & EPOLLIN) {
		taken = 1; /* nobody else is to read it */
		eventfd_ctx_do_read(irqfd->eventfd, &count);
		mkvm_irq_set(irqfd->vm, irqfd->gsi, true);
	}
	if (what & EPOLLHUP) {
		spin_lock_irqsave(&irqfd->vm->irqfds_lock, flags);
		if (!list_empty(&irqfd->list))
			retire(irqfd);
		spin_unlock_irqrestore(&irqfd->vm->irqfds_lock, flags);
	}
	return taken;
}

static void watch(struct file *file, wait_queue_head_t *head, poll_table *table)
{
	struct mkvm_irqfd *irqfd = container_of(table, struct mkvm_irqfd, table);

	add_wait_queue_priority(head, &irqfd->wait);
}

/* Enters it in the list, unless its eventfd is there already. */
static int enlist(struct mkvm_irqfd *irqfd)
{
	struct mkvm_vm *vm = irqfd->vm;
	struct mkvm_irqfd *other;
	int error = 0;

	spin_lock_irq(&vm->irqfds_lock);
	list_for_each_entry(other, &vm->irqfds, list) if (other->eventfd == irqfd->eventfd) error =
		-EBUSY;
	if (!error && vm->irqfd_count >= MKVM_IRQFDS)
		error = -ENOSPC;
	if (!error) {
		list_add_tail(&irqfd->list, &vm->irqfds);
		vm->irqfd_count++;
	}
	spin_unlock_irq(&vm->irqfds_lock);
	return error;
}

static int assign(struct mkvm_vm *vm, int fd, u32 gsi)
{
	struct mkvm_irqfd *irqfd;
	struct fd file = fdget(fd);
	int error;

	if (!file.file)
		return -EBADF;
	error = -ENOMEM;
	irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	if (!irqfd)
		goto out;
	irqfd->eventfd = eventfd_ctx_fileget(file.file);
	if (IS_ERR(irqfd->eventfd)) {
		error = PTR_ERR(irqfd->eventfd);
		kfree(irqfd);
		goto out;
	}
	irqfd->vm = vm;
	irqfd->gsi = gsi;
	INIT_WORK(&irqfd->end_work, end);
	init_waitqueue_func_entry(&irqfd->wait, signalled);
	init_poll_funcptr(&irqfd->table, watch);
	error = enlist(irqfd);
	if (error) {
		eventfd_ctx_put(irqfd->eventfd);
		kfree(irqfd);
		goto out;
	}
	/* What was signalled before counts. The descriptor is held: it does not end before. */
	if (vfs_poll(file.file, &irqfd->table) & EPOLLIN)
		mkvm_irq_set(vm, gsi, true);

out:
	fdput(file);
	return error;
}

static int deassign(struct mkvm_vm *vm, int fd, u32 gsi)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fdget(fd);
	struct mkvm_irqfd *irqfd, *next;

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	spin_lock_irq(&vm->irqfds_lock);
	list_for_each_entry_safe(irqfd, next, &vm->irqfds,
				 list) if (irqfd->eventfd == eventfd && irqfd->gsi == gsi)
		retire(irqfd);
	spin_unlock_irq(&vm->irqfds_lock);
	eventfd_ctx_put(eventfd);
	/* No interrupt of it comes after this call. */
	flush_workqueue(end_queue);
	return 0;
}

long mkvm_irqfd_ioctl(struct mkvm_vm *vm, const struct kvm_irqfd *untrusted_irqfd)
{
	const u32 flags = untrusted_irqfd->flags;
	long error;

	/* Resampling is for an IOAPIC in the kernel: with a split one the program does it. */
	if (flags & ~KVM_IRQFD_FLAG_DEASSIGN || !vm->split)
		return -EINVAL;
	if (untrusted_irqfd->gsi >= MKVM_ROUTES)
		return -EINVAL;
	/* One at a time: nobody ends what is only half begun. */
	mutex_lock(&vm->irq_lock);
	error = flags & KVM_IRQFD_FLAG_DEASSIGN
			? deassign(vm, untrusted_irqfd->fd, untrusted_irqfd->gsi)
			: assign(vm, untrusted_irqfd->fd, untrusted_irqfd->gsi);
	mutex_unlock(&vm->irq_lock);
	return error;
}

void mkvm_irqfd_release(struct mkvm_vm *vm)
{
	struct mkvm_irqfd *irqfd, *next;

	spin_lock_irq(&vm->irqfds_lock);
	list_for_each_entry_safe(irqfd, next, &vm->irqfds, list) retire(irqfd);
	spin_unlock_irq(&vm->irqfds_lock);
	flush_workqueue(end_queue);
}
