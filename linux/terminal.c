/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /dev/mullion-console, in the control VM: the core's serial line as a terminal, for a shell. What
 * is typed is polled for, as long as somebody has it open.
 */
#include <linux/module.h>
#include <linux/tty.h>
#include <linux/tty_driver.h>
#include <linux/tty_flip.h>
#include <linux/workqueue.h>

#include "bus.h"

#define POLL_MS	    20
#define INPUT_BYTES 64

static struct tty_driver *driver;
static struct tty_port port;
static char *output_page, *input_page; /* what hypercalls read and write */
static DEFINE_SPINLOCK(output_lock);   /* of output_page */

static void poll_input(struct work_struct *work);
static DECLARE_DELAYED_WORK(poll_work, poll_input);

static void poll_input(struct work_struct *work)
{
	bool any = false;
	long n;

	while ((n = mullion_call(MULLION_CALL_CONSOLE_READ, virt_to_phys(input_page), INPUT_BYTES,
				 0, 0)) > 0) {
		tty_insert_flip_string(&port, input_page, n);
		any = true;
	}
	if (any)
		tty_flip_buffer_push(&port);
	schedule_delayed_work(&poll_work, msecs_to_jiffies(POLL_MS));
}

static int port_activate(struct tty_port *unused, struct tty_struct *tty)
{
	schedule_delayed_work(&poll_work, 0);
	return 0;
}

static void port_shutdown(struct tty_port *unused)
{
	cancel_delayed_work_sync(&poll_work);
}

static const struct tty_port_operations port_operations = {
	.activate = port_activate,
	.shutdown = port_shutdown,
};

static int terminal_install(struct tty_driver *unused, struct tty_struct *tty)
{
	return tty_port_install(&port, driver, tty);
}

static int terminal_open(struct tty_struct *tty, struct file *file)
{
	return tty_port_open(&port, tty, file);
}

static void terminal_close(struct tty_struct *tty, struct file *file)
{
	tty_port_close(&port, tty, file);
}

static void terminal_hangup(struct tty_struct *tty)
{
	tty_port_hangup(&port);
}

static int terminal_write(struct tty_struct *tty, const unsigned char *text, int size)
{
	unsigned long flags;

	spin_lock_irqsave(&output_lock, flags);
	mullion_console_write(output_page, text, size, MULLION_CONSOLE_RAW);
	spin_unlock_irqrestore(&output_lock, flags);
	return size;
}

static unsigned int terminal_write_room(struct tty_struct *tty)
{
	return MULLION_CONSOLE_MAX;
}

static const struct tty_operations terminal_operations = {
	.install = terminal_install,
	.open = terminal_open,
	.close = terminal_close,
	.hangup = terminal_hangup,
	.write = terminal_write,
	.write_room = terminal_write_room,
};

int mullion_terminal_init(struct mullion_bus *bus)
{
	int error = -ENOMEM;

	if (!(bus->features & MULLION_FEATURE_CONSOLE_INPUT))
		return 0;
	output_page = (char *)__get_free_page(GFP_KERNEL);
	input_page = (char *)__get_free_page(GFP_KERNEL);
	if (!output_page || !input_page)
		goto fail;
	driver = tty_alloc_driver(1, TTY_DRIVER_REAL_RAW | TTY_DRIVER_UNNUMBERED_NODE);
	if (IS_ERR(driver)) {
		error = PTR_ERR(driver);
		driver = NULL;
		goto fail;
	}
	driver->driver_name = KBUILD_MODNAME;
	driver->name = "mullion-console";
	driver->type = TTY_DRIVER_TYPE_SERIAL;
	driver->subtype = SERIAL_TYPE_NORMAL;
	driver->init_termios = tty_std_termios;
	tty_set_operations(driver, &terminal_operations);
	tty_port_init(&port);
	port.ops = &port_operations;
	error = tty_register_driver(driver);
	if (!error)
		return 0;
	tty_port_destroy(&port);
	tty_driver_kref_put(driver);
	driver = NULL;

fail:
	mullion_terminal_finish();
	return error;
}

void mullion_terminal_finish(void)
{
	if (driver) {
		tty_unregister_driver(driver);
		tty_driver_kref_put(driver);
		tty_port_destroy(&port);
		driver = NULL;
	}
	free_page((unsigned long)output_page);
	free_page((unsigned long)input_page);
	output_page = input_page = NULL;
}
