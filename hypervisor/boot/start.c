/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the boot loader's hands to the VMs: the whole sequence. */
#include "config.h"

#include "boot/image.h"
#include "lib/log.h"
#include "x86/descriptor.h"
#include "x86/interrupt.h"
#include "x86/machine.h"
#include "vm/irq.h"

void start_boot(uint32_t untrusted_info, uint32_t load);

hpa_t image_load;

/* Until their files exist. */
uint64_t tsc_hz;
__attribute__((weak)) void screen_write(const char *line)
{
	(void)line;
}
__attribute__((weak)) void lapic_end_of_interrupt(void)
{
}
__attribute__((weak)) void irq_deliver(unsigned pcpu, uint8_t vector)
{
	(void)pcpu;
	(void)vector;
}

static struct descriptors descriptors;
static char ist_stacks[3][4096];

/* Called by boot/entry.S on the boot stack, with the early page tables. */
void start_boot(uint32_t untrusted_info, uint32_t load)
{
	const uint64_t tops[3] = {(uint64_t)ist_stacks[1], (uint64_t)ist_stacks[2],
				  (uint64_t)(ist_stacks + 3)};
	(void)untrusted_info;

	image_load = hpa(load);
	serial_init();
	log_line("Mullion core " PACKAGE_VERSION ", loaded at %x", load);
	descriptors_load(&descriptors, tops);
	interrupt_init();
	interrupt_init_cpu();
	core_panic(REASON_PANIC, "there is nothing to start yet");
}
