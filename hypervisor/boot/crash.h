/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a crash leaves behind for the next boot to show: one page of memory that outlives a warm
 * restart, twice, as firmware and boot loader may write over either.
 */
#ifndef CORE_BOOT_CRASH_H
#define CORE_BOOT_CRASH_H

#include "lib/reason.h"
#include "lib/types.h"

/* Pages of the core's where they are RAM and hold no boot module. Found by trying: SeaBIOS with
 * GRUB leaves 0x90000 to 0x9e000 and all from 16 MiB alone, OVMF with GRUB 0x40000 to 0x9f000 and
 * all from 24 MiB, but for what it loads. */
#define CRASH_RECORD_PLACES                                                                        \
	{                                                                                          \
		0x94000, 0x3000000                                                                 \
	}
#define CRASH_RECORD_COUNT 2

#define CRASH_TEXT	200
#define CRASH_REGISTERS 24
#define CRASH_RETURNS	24

struct crash_record {
	uint32_t magic, version, length;
	uint32_t checksum; /* of all that follows */
	uint32_t reason;
	uint32_t cpu; /* APIC ID */
	uint64_t tsc;
	uint64_t registers[CRASH_REGISTERS]; /* struct interrupt_frame (x86/panic.h), CR2, CR3 */
	uint64_t returns[CRASH_RETURNS];
	uint32_t return_count;
	char text[CRASH_TEXT]; /* the details behind the reason's text */
};

/* Pure. Completes a record whose fields from reason on are filled. */
void crash_seal(struct crash_record *record);
/* Pure. Whether these bytes are a sealed record that can be shown. */
bool crash_check(const struct crash_record *untrusted_record);

/* ---- boot/crash-store.c ---- */
struct range;
/* The places that can be used. Logs and removes what the previous run left there. */
void crash_store_init(const struct range *pages, size_t count);
/* Seals the record and makes it outlive a restart. */
void crash_store_write(struct crash_record *record);

#endif
