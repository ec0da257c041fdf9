/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where crash records are kept, and how the next boot shows one. */
#include "boot/crash.h"
#include "boot/multiboot2.h"
#include "lib/log.h"
#include "lib/string.h"
#include "x86/machine.h"
#include "x86/panic.h"

_Static_assert(sizeof(struct crash_record) <= PAGE_SIZE, "a crash record fits its page");

static struct crash_record *places[CRASH_RECORD_COUNT]; /* NULL: no RAM */

static bool is_ram(const struct boot_info *boot, uint64_t page)
{
	for (size_t i = 0; i < boot->range_count; i++) {
		const struct boot_range *range = &boot->ranges[i];

		if (range->type == 1 && page >= range->start && page - range->start < range->size)
			return true;
	}
	return false;
}

static void show(const struct crash_record *record)
{
	const struct interrupt_frame *frame = (const struct interrupt_frame *)record->registers;

	log_warning(REASON_PREVIOUS_CRASH, "error %u: %s: %s", record->reason,
		    reason_text((enum reason)record->reason), record->text);
	log_line("CPU with APIC ID %u, rip %016lx, rsp %016lx, after %lu TSC ticks", record->cpu,
		 frame->rip, frame->rsp, record->tsc);
	panic_print_returns(record->returns, record->return_count);
}

void crash_store_init(const struct boot_info *boot)
{
	const uint64_t addresses[CRASH_RECORD_COUNT] = CRASH_RECORD_PLACES;
	struct crash_record record;
	bool shown = false;

	for (size_t i = 0; i < CRASH_RECORD_COUNT; i++) {
		if (!is_ram(boot, addresses[i]))
			continue;
		places[i] = phys_virt(hpa(addresses[i]));
		memcpy(&record, places[i], sizeof(record));
		if (!crash_check(&record))
			continue;
		places[i]->magic = 0;
		if (!shown)
			show(&record);
		shown = true;
	}
}

void crash_store_write(struct crash_record *record)
{
	crash_seal(record);
	for (size_t i = 0; i < CRASH_RECORD_COUNT; i++)
		if (places[i] != NULL)
			memcpy(places[i], record, sizeof(*record));
	/* A reset drops what is only in caches. */
	__asm__ volatile("wbinvd" : : : "memory");
}
