/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where crash records are kept, and how the next boot shows one. */
#include "boot/crash.h"
#include "lib/log.h"
#include "lib/string.h"
#include "memory/range.h"
#include "x86/machine.h"
#include "x86/panic.h"

_Static_assert(sizeof(struct crash_record) <= PAGE_SIZE, "a crash record fits its page");

static struct crash_record *places[CRASH_RECORD_COUNT]; /* NULL: not to be had */

static void show(const struct crash_record *record)
{
	const struct interrupt_frame *frame = (const struct interrupt_frame *)record->registers;

	log_warning(REASON_PREVIOUS_CRASH, "error %u: %s: %s", record->reason,
		    reason_text((enum reason)record->reason), record->text);
	log_line("CPU with APIC ID %u, rip %016lx, rsp %016lx, after %lu TSC ticks", record->cpu,
		 frame->rip, frame->rsp, record->tsc);
	panic_print_returns(record->returns, record->return_count);
}

void crash_store_init(const struct range *pages, size_t count)
{
	struct crash_record record;
	bool shown = false;

	for (size_t i = 0; i < count && i < CRASH_RECORD_COUNT; i++) {
		places[i] = phys_virt(hpa(pages[i].start));
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
