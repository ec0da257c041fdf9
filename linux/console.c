/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's messages become lines of the core's log, after the VM's name. The early console
 * (earlyprintk=), which shows the same a byte a time, ends when this one begins.
 */
#include <linux/console.h>
#include <linux/module.h>

#include "bus.h"

static bool messages = true;
module_param(messages, bool, 0444);
MODULE_PARM_DESC(messages, "the kernel's messages go to the core's log");

static char *page; /* what hypercalls read */

void mullion_console_write(char *shared, const char *text, size_t size, u64 flags)
{
	while (size) {
		size_t part = min_t(size_t, size, MULLION_CONSOLE_MAX), done = 0;

		memcpy(shared, text, part);
		while (done < part) {
			long n = mullion_call(MULLION_CALL_CONSOLE_WRITE,
					      virt_to_phys(shared) + done, part - done, flags, 0);

			if (n <= 0)
				return;
			done += n;
		}
		text += part;
		size -= part;
	}
}

/* Under the console lock; in a panic without, when nobody else runs. */
static void console_write(struct console *console, const char *text, unsigned int size)
{
	mullion_console_write(page, text, size, 0);
}

static struct console mullion_console = {
	.name = "mullion",
	.write = console_write,
	.index = -1,
};

static struct console *find_boot_console(void)
{
	struct console *console;

	console_lock();
	for_each_console(console) if (console->flags & CON_BOOT) break;
	console_unlock();
	return console;
}

int mullion_console_init(struct mullion_bus *bus)
{
	struct console *boot;

	if (!messages || !(bus->features & MULLION_FEATURE_CONSOLE))
		return 0;
	page = (char *)__get_free_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	boot = find_boot_console();
	/* What has been said before is there already if there was an early console. */
	mullion_console.flags = CON_ENABLED | (boot ? 0 : CON_PRINTBUFFER);
	register_console(&mullion_console);
	if (boot)
		unregister_console(boot);
	return 0;
}

void mullion_console_finish(void)
{
	if (!page)
		return;
	unregister_console(&mullion_console);
	free_page((unsigned long)page);
	page = NULL;
}
