/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A panic of this kernel is told to the core, which then knows it for what it is: not a restart
 * that somebody asked for.
 */
#include <linux/panic_notifier.h>

#include "bus.h"

static int panicked(struct notifier_block *block, unsigned long event, void *text)
{
	mullion_call(MULLION_CALL_PANICKED, MULLION_PANICKED_CONFIRM, 0, 0, 0);
	return NOTIFY_DONE;
}

/* Last, so that whoever else is told of it has been. */
static struct notifier_block block = {.notifier_call = panicked, .priority = INT_MIN};

void mullion_panic_init(void)
{
	atomic_notifier_chain_register(&panic_notifier_list, &block);
}

void mullion_panic_finish(void)
{
	atomic_notifier_chain_unregister(&panic_notifier_list, &block);
}
