/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /dev/watchdogN: a VM that hangs is restarted by the core. The core may have armed it when it
 * started the VM, so the kernel keeps it alive by itself until a program opens the device.
 */
#include <linux/moduleparam.h>
#include <linux/watchdog.h>

#include "bus.h"

static unsigned int timeout = 60;
module_param(timeout, uint, 0444);
MODULE_PARM_DESC(timeout, "seconds without a sign of life before the core restarts the VM");

static bool registered;

static int watchdog_arm(struct watchdog_device *device)
{
	return mullion_call(MULLION_CALL_WATCHDOG, device->timeout, 0, 0, 0);
}

static int watchdog_disarm(struct watchdog_device *device)
{
	return mullion_call(MULLION_CALL_WATCHDOG, 0, 0, 0, 0);
}

static const struct watchdog_info watchdog_info = {
	.options = WDIOF_SETTIMEOUT | WDIOF_KEEPALIVEPING | WDIOF_MAGICCLOSE,
	.identity = "mullion-bus",
};

/* Without an owner: a watchdog that runs before anybody opens it would keep the module for ever.
 * The device ends with the module, and whoever has it open then gets -ENODEV. */
static const struct watchdog_ops watchdog_ops = {
	.start = watchdog_arm,
	.stop = watchdog_disarm,
	.ping = watchdog_arm,
};

static struct watchdog_device watchdog_device = {
	.info = &watchdog_info,
	.ops = &watchdog_ops,
	.min_timeout = 1,
	.max_timeout = MULLION_WATCHDOG_MAX,
};

int mullion_watchdog_init(struct mullion_bus *bus)
{
	int error;

	if (!(bus->features & MULLION_FEATURE_WATCHDOG))
		return 0;
	watchdog_device.parent = &bus->pci->dev;
	watchdog_device.timeout = clamp_t(unsigned int, timeout, 1, MULLION_WATCHDOG_MAX);
	set_bit(WDOG_HW_RUNNING, &watchdog_device.status);
	watchdog_stop_on_unregister(&watchdog_device);
	error = watchdog_register_device(&watchdog_device);
	registered = !error;
	return error;
}

void mullion_watchdog_finish(void)
{
	if (!registered)
		return;
	watchdog_unregister_device(&watchdog_device);
	watchdog_disarm(&watchdog_device);
	registered = false;
}
