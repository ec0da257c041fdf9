/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver of the core's PCI function: finds out what the core offers this VM and starts the
 * parts that use it. On a machine without the core nothing happens.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/interrupt.h>
#include <linux/module.h>

#include "bus.h"

static irqreturn_t ring_handler(int irq, void *data)
{
	atomic_long_inc((atomic_long_t *)data);
	return IRQ_HANDLED;
}

/* Doorbells only count so far: whoever uses one will ask for its vector. */
static int doorbells_init(struct mullion_bus *bus)
{
	int n, error;

	bus->vectors = pci_alloc_irq_vectors(bus->pci, 1, MULLION_BUS_DOORBELLS, PCI_IRQ_MSIX);
	if (bus->vectors < 0)
		return bus->vectors;
	for (n = 0; n < bus->vectors; n++) {
		error = request_irq(pci_irq_vector(bus->pci, n), ring_handler, 0, "mullion-bus",
				    &bus->rings[n]);
		if (error)
			goto fail;
	}
	return 0;

fail:
	while (n--)
		free_irq(pci_irq_vector(bus->pci, n), &bus->rings[n]);
	pci_free_irq_vectors(bus->pci);
	return error;
}

static void doorbells_finish(struct mullion_bus *bus)
{
	int n;

	for (n = 0; n < bus->vectors; n++)
		free_irq(pci_irq_vector(bus->pci, n), &bus->rings[n]);
	pci_free_irq_vectors(bus->pci);
}

static int bus_probe(struct pci_dev *pci, const struct pci_device_id *id)
{
	struct mullion_bus *bus;
	u32 version;
	int error;

	if (!mullion_core_is_there()) {
		dev_err(&pci->dev, "the function is there, but not the core behind it\n");
		return -ENODEV;
	}
	bus = devm_kzalloc(&pci->dev, sizeof(*bus), GFP_KERNEL);
	if (!bus)
		return -ENOMEM;
	error = pcim_enable_device(pci);
	if (error)
		return error;
	if (pci_resource_len(pci, 0) < MULLION_BUS_SIZE)
		return -ENODEV;
	error = pcim_iomap_regions(pci, BIT(0), "mullion-bus");
	if (error)
		return error;
	bus->pci = pci;
	bus->registers = pcim_iomap_table(pci)[0];
	version = ioread32(bus->registers + MULLION_BUS_REG_VERSION);
	if (ioread32(bus->registers + MULLION_BUS_REG_MAGIC) != MULLION_BUS_MAGIC ||
	    version != MULLION_ABI_VERSION) {
		dev_err(&pci->dev, "version %u of the core's contract; this driver knows %u\n",
			version, MULLION_ABI_VERSION);
		return -ENODEV;
	}
	bus->features = ioread32(bus->registers + MULLION_BUS_REG_FEATURES);
	bus->vm = ioread32(bus->registers + MULLION_BUS_REG_VM);
	bus->kind = ioread32(bus->registers + MULLION_BUS_REG_KIND);
	bus->vms = ioread32(bus->registers + MULLION_BUS_REG_VMS);
	pci_set_drvdata(pci, bus);
	pci_set_master(pci);

	error = doorbells_init(bus);
	if (error) {
		dev_warn(&pci->dev, "no doorbells: error %d\n", -error);
		bus->vectors = 0;
	}
	error = mullion_console_init(bus);
	if (error)
		goto fail_console;
	error = mullion_terminal_init(bus);
	if (error)
		goto fail_terminal;
	error = mullion_watchdog_init(bus);
	if (error)
		goto fail_watchdog;
	mullion_panic_init();
	mullion_report_init(bus);
	dev_info(&pci->dev, "VM %u, the %s VM; features %#x, %d doorbells\n", bus->vm,
		 bus->kind == MULLION_VM_CONTROL ? "control" : "UI", bus->features, bus->vectors);
	return 0;

fail_watchdog:
	mullion_terminal_finish();
fail_terminal:
	mullion_console_finish();
fail_console:
	doorbells_finish(bus);
	return error;
}

static void bus_remove(struct pci_dev *pci)
{
	struct mullion_bus *bus = pci_get_drvdata(pci);

	mullion_report_finish();
	mullion_panic_finish();
	mullion_watchdog_finish();
	mullion_terminal_finish();
	mullion_console_finish();
	doorbells_finish(bus);
	pci_clear_master(pci);
}

static const struct pci_device_id bus_ids[] = {
	{PCI_DEVICE(MULLION_BUS_VENDOR, MULLION_BUS_DEVICE)},
	{},
};
MODULE_DEVICE_TABLE(pci, bus_ids);

static struct pci_driver bus_driver = {
	.name = "mullion-bus",
	.id_table = bus_ids,
	.probe = bus_probe,
	.remove = bus_remove,
	/* Only with the module, which whoever has a device of ours open keeps. */
	.driver.suppress_bind_attrs = true,
};
module_pci_driver(bus_driver);

MODULE_DESCRIPTION("Mullion's core, seen from a service VM");
MODULE_LICENSE("GPL");
