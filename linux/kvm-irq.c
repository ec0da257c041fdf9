/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts of the program's devices, all of them messages: GSIs that are routed to one, and
 * messages themselves. Which vectors an IOAPIC's pins have, and so which EOIs it must hear of,
 * follows from the routes of the first GSIs.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "kvm-parts.h"

/* Where messages go (AMD APM vol. 2, 16.11): nothing above counts. */
#define MESSAGES      0xfee00000U
#define MESSAGES_MASK 0x000fffffU

struct mkvm_routes {
	struct rcu_head rcu;
	struct mkvm_route_table table;
};

int mkvm_irq_init(struct mkvm_vm *vm)
{
	mutex_init(&vm->irq_lock);
	spin_lock_init(&vm->irqfds_lock);
	INIT_LIST_HEAD(&vm->irqfds);
	return 0;
}

void mkvm_irq_finish(struct mkvm_vm *vm)
{
	kvfree(rcu_dereference_protected(vm->routes, 1));
}

int mkvm_irq_message(struct mkvm_vm *vm, u64 address, u32 data)
{
	/* QEMU passes the offset in its window of messages for an address. */
	long result = mullion_call(MULLION_CALL_GUEST_MSI, vm->guest,
				   MESSAGES | (address & MESSAGES_MASK), data, 0);

	if (result <= 0)
		return 0;
	mkvm_run_wake(vm, result & (MULLION_MSI_DELIVERED - 1));
	return 1;
}

int mkvm_irq_set(struct mkvm_vm *vm, u32 gsi, bool level)
{
	const struct mkvm_routes *routes;
	struct mkvm_route route = {0};

	rcu_read_lock();
	routes = rcu_dereference(vm->routes);
	if (routes && gsi < routes->table.count)
		route = routes->table.by_gsi[gsi];
	rcu_read_unlock();
	if (!route.there)
		return -EINVAL;
	/* A message has no end: what a level does after it is between IOAPIC and EOI. */
	return level ? mkvm_irq_message(vm, route.address, route.data) : 0;
}

bool mkvm_irq_wants_eoi(struct mkvm_vm *vm, u8 vector)
{
	const struct mkvm_routes *routes;
	bool wants;

	rcu_read_lock();
	routes = rcu_dereference(vm->routes);
	wants = routes && mkvm_route_wants_eoi(&routes->table, vector);
	rcu_read_unlock();
	return wants;
}

static struct mkvm_routes *make_routes(const struct mkvm_vm *vm,
				       const struct kvm_irq_routing_entry *entries, u32 count)
{
	struct mkvm_routes *routes;
	int gsis = mkvm_route_count(entries, count);

	if (gsis < 0)
		return ERR_PTR(-EINVAL);
	routes = kvzalloc(struct_size(routes, table.by_gsi, gsis), GFP_KERNEL_ACCOUNT);
	if (!routes)
		return ERR_PTR(-ENOMEM);
	routes->table.count = gsis;
	if (mkvm_route_fill(&routes->table, vm->pins, entries, count)) {
		kvfree(routes);
		return ERR_PTR(-EINVAL);
	}
	return routes;
}

static long set_routing(struct mkvm_vm *vm, struct kvm_irq_routing __user *user)
{
	struct kvm_irq_routing_entry *entries;
	struct kvm_irq_routing head;
	struct mkvm_routes *routes;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (!vm->split || head.nr > MKVM_ROUTES || head.flags)
		return -EINVAL;
	entries = vmemdup_user(user->entries, head.nr * sizeof(*entries));
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	routes = make_routes(vm, entries, head.nr);
	kvfree(entries);
	if (IS_ERR(routes))
		return PTR_ERR(routes);
	mutex_lock(&vm->irq_lock);
	routes = rcu_replace_pointer(vm->routes, routes, lockdep_is_held(&vm->irq_lock));
	mutex_unlock(&vm->irq_lock);
	if (routes)
		kvfree_rcu(routes, rcu);
	return 0;
}

static long irq_line(struct mkvm_vm *vm, unsigned int number, void __user *user)
{
	struct kvm_irq_level line;

	if (copy_from_user(&line, user, sizeof(line)))
		return -EFAULT;
	if (!vm->split)
		return -ENXIO;
	line.status = mkvm_irq_set(vm, line.irq, line.level);
	if (number == KVM_IRQ_LINE_STATUS && copy_to_user(user, &line, sizeof(line)))
		return -EFAULT;
	return 0;
}

static long signal_msi(struct mkvm_vm *vm, void __user *user)
{
	struct kvm_msi msi;

	if (copy_from_user(&msi, user, sizeof(msi)))
		return -EFAULT;
	if (!vm->split || msi.flags & ~KVM_MSI_VALID_DEVID)
		return -EINVAL;
	return mkvm_irq_message(vm, msi.address_lo, msi.data);
}

long mkvm_irq_ioctl(struct mkvm_vm *vm, unsigned int number, void __user *argument)
{
	switch (number) {
	case KVM_SET_GSI_ROUTING:
		return set_routing(vm, argument);
	case KVM_IRQ_LINE:
	case KVM_IRQ_LINE_STATUS:
		return irq_line(vm, number, argument);
	case KVM_SIGNAL_MSI:
		return signal_msi(vm, argument);
	default:
		return -ENOTTY;
	}
}
