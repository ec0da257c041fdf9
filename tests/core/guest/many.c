// SPDX-License-Identifier: GPL-2.0-or-later
/* Guests that spin, while other CPUs kick them, take their memory away and run others. */
#define pr_fmt(fmt) "guest: " fmt

#include "try.h"

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>

#define ROUNDS 50

static bool looked;
module_param(looked, bool, 0200);
MODULE_PARM_DESC(looked, "whoever looks at the UI VM from outside has done so");

struct spinner {
	struct try_guest guest;
	struct completion done;
	int reason, runs;
};

/* Until it ends otherwise than by an interrupt. */
static int spin(void *data)
{
	struct spinner *spinner = data;
	struct mullion_vcpu_page *page = spinner->guest.vcpus[0];

	do {
		spinner->runs++;
		spinner->reason = try_call(MULLION_CALL_VCPU_RUN,
					   MULLION_GUEST_VCPU(spinner->guest.number, 0), 0, 0, 0);
		if (spinner->reason == 0)
			spinner->reason = page->reason;
		cond_resched();
	} while (spinner->reason == MULLION_EXIT_INTERRUPT && !kthread_should_stop());
	complete(&spinner->done);
	while (!kthread_should_stop())
		msleep(1);
	return 0;
}

static u32 count_of(struct spinner *spinner)
{
	return READ_ONCE(*(u32 *)(spinner->guest.ram + 0x3000));
}

static void wait_for_count(struct spinner *spinner, u32 than)
{
	unsigned long end = jiffies + 20 * HZ;

	while (count_of(spinner) == than && time_before(jiffies, end))
		msleep(1);
	CHECK(count_of(spinner) != than);
}

static void take_memory_away(struct spinner *spinner, struct task_struct *task)
{
	u32 last;

	wait_for_count(spinner, count_of(spinner));
	CHECK_IS(try_call(MULLION_CALL_VCPU_RAISE, MULLION_GUEST_VCPU(spinner->guest.number, 0),
			  MULLION_RAISE_KICK, 0, 0),
		 0);
	wait_for_count(spinner, count_of(spinner));
	/* Where it counts: from the call's return on nothing is written there. */
	CHECK_IS(try_call(MULLION_CALL_GUEST_UNMAP, spinner->guest.number, 0x3000, 0x1000, 0), 0);
	last = count_of(spinner);
	CHECK(wait_for_completion_timeout(&spinner->done, 20 * HZ));
	CHECK_IS(count_of(spinner), last);
	CHECK_IS(spinner->reason, MULLION_EXIT_MEMORY);
	kthread_stop(task);
	CHECK(spinner->runs > 1);
	CHECK_IS(spinner->guest.vcpus[0]->address, 0x3000);
}

static bool start_spinners(struct spinner spinners[2], struct task_struct *tasks[2])
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		memset(&spinners[i], 0, sizeof(spinners[i]));
		init_completion(&spinners[i].done);
		if (!try_create(&spinners[i].guest, TRY_ENTRY(spin)))
			return false;
		tasks[i] = kthread_run_on_cpu(spin, &spinners[i], i, "guest-%u");
		if (IS_ERR(tasks[i]))
			return false;
	}
	return true;
}

void try_many(void)
{
	static struct spinner spinners[2];
	struct task_struct *tasks[2];
	unsigned int round, i;

	for (round = 0; round < ROUNDS && !try_failures; round++) {
		if (!start_spinners(spinners, tasks))
			return;
		if (round == 0) { /* who looks from outside sees that the UI VM goes on */
			pr_alert("spinning\n");
			for (i = 0; i < 1200 && !READ_ONCE(looked); i++)
				msleep(100);
			pr_alert("not spinning\n");
		}
		for (i = 0; i < 2; i++)
			take_memory_away(&spinners[i], tasks[i]);
		for (i = 0; i < 2; i++)
			try_destroy(&spinners[i].guest);
	}
	pr_alert("many: done\n");
}
