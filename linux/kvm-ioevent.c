/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes to devices that need no answer at once: an eventfd is signalled, or the write waits in the
 * coalesced ring until the program looks there.
 */
#include <linux/hash.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "kvm-parts.h"

#define RING_ENTRIES ((u32)KVM_COALESCED_MMIO_MAX)
#define FLAGS	     (KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DEASSIGN)

struct mkvm_ioevent {
	struct hlist_node list;
	struct eventfd_ctx *eventfd;
	bool port, matches;
	u64 address, data;
	u32 size; /* 0: any */
};

struct mkvm_zone {
	struct list_head list;
	bool port;
	u64 address;
	u32 size;
};

void mkvm_io_init(struct mkvm_vm *vm)
{
	u32 n;

	mutex_init(&vm->io_lock);
	rwlock_init(&vm->io_readers);
	spin_lock_init(&vm->ring_lock);
	INIT_LIST_HEAD(&vm->zones);
	for (n = 0; n < MKVM_IOEVENT_LISTS; n++)
		INIT_HLIST_HEAD(&vm->ioevents[n]);
}

void mkvm_io_finish(struct mkvm_vm *vm)
{
	struct mkvm_zone *zone, *next_zone;
	struct mkvm_ioevent *event;
	struct hlist_node *next;
	u32 n;

	for (n = 0; n < MKVM_IOEVENT_LISTS; n++)
		hlist_for_each_entry_safe(event, next, &vm->ioevents[n], list)
		{
			eventfd_ctx_put(event->eventfd);
			kfree(event);
		}
	list_for_each_entry_safe(zone, next_zone, &vm->zones, list) kfree(zone);
	free_page((unsigned long)vm->ring);
}

static struct hlist_head *list_of(struct mkvm_vm *vm, bool port, u64 address)
{
	return &vm->ioevents[hash_64(address ^ (port ? BIT_ULL(63) : 0),
				     ilog2(MKVM_IOEVENT_LISTS))];
}

/* ---- a guest's write ---- */

static bool signal(struct mkvm_vm *vm, bool port, u64 address, u64 data, u32 size)
{
	struct mkvm_ioevent *event;

	hlist_for_each_entry(event, list_of(vm, port, address), list)
	{
		if (event->port != port || event->address != address ||
		    (event->size && event->size != size) || (event->matches && event->data != data))
			continue;
		eventfd_signal(event->eventfd, 1);
		return true;
	}
	return false;
}

static bool in_zone(struct mkvm_vm *vm, bool port, u64 address, u32 size)
{
	struct mkvm_zone *zone;

	list_for_each_entry(zone, &vm->zones,
			    list) if (zone->port == port && address >= zone->address &&
				      address - zone->address <= zone->size &&
				      size <= zone->size - (address - zone->address)) return true;
	return false;
}

/* first is the program's to move, last is ours; it can write either. */
static bool put_in_ring(struct mkvm_vm *vm, bool port, u64 address, u64 data, u32 size)
{
	struct kvm_coalesced_mmio_ring *ring = vm->ring;
	struct kvm_coalesced_mmio *entry;
	bool room;
	u32 last;

	spin_lock(&vm->ring_lock);
	last = READ_ONCE(ring->last);
	room = last < RING_ENTRIES && (last + 1) % RING_ENTRIES != READ_ONCE(ring->first);
	if (room) {
		entry = &ring->coalesced_mmio[last];
		entry->phys_addr = address;
		entry->len = size;
		entry->pio = port;
		memcpy(entry->data, &data, sizeof(entry->data));
		smp_wmb(); /* the entry before its number */
		WRITE_ONCE(ring->last, (last + 1) % RING_ENTRIES);
	}
	spin_unlock(&vm->ring_lock);
	return room;
}

bool mkvm_io_write(struct mkvm_vm *vm, bool port, u64 address, const void *from, u32 size)
{
	u64 data = 0;
	bool taken;

	memcpy(&data, from, min_t(u32, size, sizeof(data)));
	read_lock(&vm->io_readers);
	taken = signal(vm, port, address, data, size) ||
		(in_zone(vm, port, address, size) && put_in_ring(vm, port, address, data, size));
	read_unlock(&vm->io_readers);
	return taken;
}

/* ---- ioeventfds ---- */

static bool is_same(const struct mkvm_ioevent *a, const struct mkvm_ioevent *b)
{
	return a->port == b->port && a->address == b->address && a->size == b->size &&
	       a->matches == b->matches && (!a->matches || a->data == b->data);
}

/* One that some write would signal both of. */
static bool collides(const struct mkvm_ioevent *a, const struct mkvm_ioevent *b)
{
	return a->port == b->port && a->address == b->address &&
	       (!a->size || !b->size || a->size == b->size) &&
	       (!a->matches || !b->matches || a->data == b->data);
}

static int add_event(struct mkvm_vm *vm, const struct mkvm_ioevent *shape)
{
	struct hlist_head *list = list_of(vm, shape->port, shape->address);
	struct mkvm_ioevent *event;

	hlist_for_each_entry(event, list, list) if (collides(event, shape)) return -EEXIST;
	if (vm->ioevent_count >= MKVM_IOEVENTS)
		return -ENOSPC;
	event = kmalloc(sizeof(*event), GFP_KERNEL_ACCOUNT);
	if (!event)
		return -ENOMEM;
	*event = *shape;
	write_lock(&vm->io_readers);
	hlist_add_head(&event->list, list);
	write_unlock(&vm->io_readers);
	vm->ioevent_count++;
	return 0;
}

static int remove_event(struct mkvm_vm *vm, const struct mkvm_ioevent *shape)
{
	struct mkvm_ioevent *event;

	hlist_for_each_entry(event, list_of(vm, shape->port, shape->address), list)
	{
		if (!is_same(event, shape) || event->eventfd != shape->eventfd)
			continue;
		write_lock(&vm->io_readers);
		hlist_del(&event->list);
		write_unlock(&vm->io_readers);
		vm->ioevent_count--;
		eventfd_ctx_put(event->eventfd);
		kfree(event);
		return 0;
	}
	return -ENOENT;
}

static long ioeventfd(struct mkvm_vm *vm, void __user *user)
{
	struct kvm_ioeventfd args;
	struct mkvm_ioevent shape;
	int error;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~FLAGS || (args.len && (args.len > 8 || !is_power_of_2(args.len))))
		return -EINVAL;
	if (args.addr + args.len < args.addr ||
	    (!args.len && args.flags & KVM_IOEVENTFD_FLAG_DATAMATCH))
		return -EINVAL;
	shape = (struct mkvm_ioevent){
		.eventfd = eventfd_ctx_fdget(args.fd),
		.port = args.flags & KVM_IOEVENTFD_FLAG_PIO,
		.matches = args.flags & KVM_IOEVENTFD_FLAG_DATAMATCH,
		.address = args.addr,
		.size = args.len,
		.data = args.datamatch,
	};
	if (IS_ERR(shape.eventfd))
		return PTR_ERR(shape.eventfd);
	if (shape.matches && args.len < 8)
		shape.data &= (1ULL << 8 * args.len) - 1;
	mutex_lock(&vm->io_lock);
	error = args.flags & KVM_IOEVENTFD_FLAG_DEASSIGN ? remove_event(vm, &shape)
							 : add_event(vm, &shape);
	mutex_unlock(&vm->io_lock);
	/* One that was added keeps it. */
	if (error || args.flags & KVM_IOEVENTFD_FLAG_DEASSIGN)
		eventfd_ctx_put(shape.eventfd);
	return error;
}

/* ---- coalesced zones ---- */

static int add_zone(struct mkvm_vm *vm, const struct kvm_coalesced_mmio_zone *args)
{
	struct mkvm_zone *zone;

	if (vm->zone_count >= MKVM_ZONES)
		return -ENOSPC;
	zone = kmalloc(sizeof(*zone), GFP_KERNEL_ACCOUNT);
	if (!zone)
		return -ENOMEM;
	*zone = (struct mkvm_zone){
		.port = args->pio,
		.address = args->addr,
		.size = args->size,
	};
	write_lock(&vm->io_readers);
	list_add_tail(&zone->list, &vm->zones);
	write_unlock(&vm->io_readers);
	vm->zone_count++;
	return 0;
}

/* All that lie in what is given. */
static void remove_zones(struct mkvm_vm *vm, const struct kvm_coalesced_mmio_zone *args)
{
	struct mkvm_zone *zone, *next;

	list_for_each_entry_safe(zone, next, &vm->zones, list)
	{
		if (zone->port != args->pio || zone->address < args->addr ||
		    zone->address - args->addr > args->size ||
		    zone->size > args->size - (zone->address - args->addr))
			continue;
		write_lock(&vm->io_readers);
		list_del(&zone->list);
		write_unlock(&vm->io_readers);
		vm->zone_count--;
		kfree(zone);
	}
}

static long coalesced(struct mkvm_vm *vm, bool add, void __user *user)
{
	struct kvm_coalesced_mmio_zone args;
	int error = 0;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	if (args.pio > 1 || args.addr + args.size < args.addr)
		return -EINVAL;
	mutex_lock(&vm->io_lock);
	if (add)
		error = add_zone(vm, &args);
	else
		remove_zones(vm, &args);
	mutex_unlock(&vm->io_lock);
	return error;
}

long mkvm_io_ioctl(struct mkvm_vm *vm, unsigned int number, void __user *argument)
{
	switch (number) {
	case KVM_IOEVENTFD:
		return ioeventfd(vm, argument);
	case KVM_REGISTER_COALESCED_MMIO:
	case KVM_UNREGISTER_COALESCED_MMIO:
		return coalesced(vm, number == KVM_REGISTER_COALESCED_MMIO, argument);
	default:
		return -ENOTTY;
	}
}
