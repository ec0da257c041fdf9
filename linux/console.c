/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's messages as lines of the core's log, after the VM's name: with console=mullion on
 * the command line. One exit a line, where the emulated serial port takes several a byte.
 */
#include <linux/console.h>

#include "bus.h"

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
	.flags = CON_PRINTBUFFER,
	.index = -1,
};

int mullion_console_init(struct mullion_bus *bus)
{
	if (!(bus->features & MULLION_FEATURE_CONSOLE))
		return 0;
	page = (char *)__get_free_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	register_console(&mullion_console); /* that is: if it has been asked for */
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
