/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of attacks and what they share. */
#define pr_fmt(fmt) "attack: " fmt

#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sched.h>

#include "attack.h"
#include "mullion/hypercall.h"

static char *run = "";
module_param(run, charp, 0444);
MODULE_PARM_DESC(run, "names of attacks, separated by commas; none: all that the VM survives");
static unsigned long seed = 1;
module_param(seed, ulong, 0444);
unsigned long attack_count = 1000000;
module_param_named(count, attack_count, ulong, 0444);
unsigned long attack_step = 0x1000;
module_param_named(step, attack_step, ulong, 0444);
unsigned long attack_fine = 0x100000000;
module_param_named(fine, attack_fine, ulong, 0444);
bool attack_compatible = true;
module_param_named(compatible, attack_compatible, bool, 0444);
MODULE_PARM_DESC(compatible, "devices send messages in the format from before remapping");

#define SHOWN 12 /* of what got through, by attack */

bool attack_core;
static u64 random_state, tried, through;
static const char *current_name;

void attack_through(const char *format, ...)
{
	struct va_format text;
	va_list arguments;

	if (through++ >= SHOWN)
		return;
	va_start(arguments, format);
	text.fmt = format;
	text.va = &arguments;
	pr_alert("%s: GOT THROUGH: %pV\n", current_name, &text);
	va_end(arguments);
}

void attack_tried(u64 n)
{
	tried += n;
	cond_resched();
}

u64 attack_random(void)
{
	u64 z = random_state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static const struct {
	const char *name;
	void (*run)(void);
	bool fatal; /* the VM may be restarted for it: only by name */
} attacks[] = {
	{"memory", attack_memory, false},    {"config", attack_config, false},
	{"msi", attack_msi, false},	     {"dma", attack_dma, false},
	{"call", attack_call, false},	     {"msr", attack_msr, false},
	{"cpu", attack_cpu, false},	     {"ipi", attack_ipi, false},
	{"port", attack_port, false},	     {"decode", attack_decode, false},
	{"reserved", attack_reserved, true},
};

static bool is_named(const char *name)
{
	size_t length = strlen(name);
	const char *at = run;

	while ((at = strstr(at, name))) {
		if ((at == run || at[-1] == ',') && (!at[length] || at[length] == ','))
			return true;
		at += length;
	}
	return false;
}

static int __init attack_init(void)
{
	u32 eax, ebx, ecx, edx;
	size_t i;

	cpuid(MULLION_CPUID_SIGNATURE, &eax, &ebx, &ecx, &edx);
	attack_core = ebx == MULLION_CPUID_SIGNATURE_EBX && ecx == MULLION_CPUID_SIGNATURE_ECX &&
		      edx == MULLION_CPUID_SIGNATURE_EDX;
	if (!attack_core)
		pr_alert("there is no core below: only looking\n");
	for (i = 0; i < ARRAY_SIZE(attacks); i++) {
		if (*run ? !is_named(attacks[i].name) : attacks[i].fatal)
			continue;
		current_name = attacks[i].name;
		random_state = seed;
		tried = through = 0;
		pr_alert("%s begins\n", current_name);
		attacks[i].run();
		pr_alert("%s done: %llu tried, %llu got through\n", current_name, tried, through);
	}
	return 0;
}
module_init(attack_init);

static void __exit attack_exit(void)
{
}
module_exit(attack_exit);

MODULE_DESCRIPTION("Attacks on the core, for tests");
MODULE_LICENSE("GPL");
