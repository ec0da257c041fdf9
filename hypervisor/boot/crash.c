/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Crash records: complete or worthless. */
#include "boot/crash.h"

#define MAGIC	0x4d435252 /* "RRCM" */
#define VERSION 1

/* CRC-32 of IEEE 802.3, bit by bit: it is for once in a while. */
static uint32_t checksum(const struct crash_record *record)
{
	const uint8_t *bytes = (const uint8_t *)&record->reason;
	size_t size = sizeof(*record) - offsetof(struct crash_record, reason);
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < size; i++) {
		crc ^= bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

void crash_seal(struct crash_record *record)
{
	record->magic = MAGIC;
	record->version = VERSION;
	record->length = sizeof(*record);
	record->checksum = checksum(record);
}

bool crash_check(const struct crash_record *untrusted_record)
{
	const struct crash_record *record = untrusted_record;
	bool ends = false;

	if (record->magic != MAGIC || record->version != VERSION ||
	    record->length != sizeof(*record) || record->checksum != checksum(record))
		return false;
	for (size_t i = 0; i < CRASH_TEXT && !ends; i++)
		ends = record->text[i] == '\0';
	return ends && record->return_count <= CRASH_RETURNS &&
	       reason_text((enum reason)record->reason) != NULL;
}
