/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: what the IOMMUs log, and the interrupt messages of VMs. An input is an event log of
 * AMD-Vi of up to 16 entries; its words are fault records of VT-d and interrupt messages as well.
 */
#include "fuzz.h"

#include <string.h>

#include "iommu/amd.h"
#include "iommu/vtd.h"
#include "vm/msi.h"

#define ENTRIES 16U

static void try_log(struct amd_event *log)
{
	struct amd_event events[ENTRIES + 1];
	struct iommu_fault fault;
	size_t head = 0, taken, present = 0;

	while (present < ENTRIES && log[present].words[0] >> 60 != 0)
		present++;
	taken = amd_log_take(log, ENTRIES, &head, events, ENTRIES + 1);
	FUZZ_CHECK(taken == present && head == taken % ENTRIES);
	for (size_t i = 0; i < taken; i++) {
		FUZZ_CHECK(log[i].words[0] == 0);
		if (amd_decode_event(&events[i], &fault))
			FUZZ_CHECK(fault.device == (pci_bdf_t)events[i].words[0]);
	}
	FUZZ_CHECK(amd_log_take(log, ENTRIES, &head, events, ENTRIES) == 0 || taken == ENTRIES);
}

static void try_record(const struct vtd_entry *record)
{
	struct iommu_fault fault;

	if (!vtd_decode_fault(record, &fault))
		return;
	FUZZ_CHECK(record->high >> 63 && fault.device == (pci_bdf_t)record->high);
	FUZZ_CHECK(!fault.interrupt || !fault.write);
	FUZZ_CHECK(fault.interrupt ? gpa_value(fault.address) <= 0xffff
				   : gpa_value(fault.address) % 4096 == 0);
}

static void check_message(const struct msi_message *message)
{
	switch (message->delivery) {
	case VLAPIC_FIXED:
	case VLAPIC_LOWEST:
		FUZZ_CHECK(message->vector >= 16);
		break;
	case VLAPIC_NMI:
		FUZZ_CHECK(!message->level);
		break;
	case VLAPIC_SMI:
	case VLAPIC_INIT:
	case VLAPIC_STARTUP:
	default:
		FUZZ_CHECK(message == NULL); /* no other mode is let through */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct amd_event log[ENTRIES];
	struct msi_message message;

	memset(log, 0, sizeof(log));
	memcpy(log, data, size < sizeof(log) ? size : sizeof(log));
	for (size_t i = 0; i < ENTRIES; i++) {
		struct vtd_entry record = {log[i].words[0], log[i].words[1]};

		try_record(&record);
		if (msi_decode(log[i].words[0], (uint32_t)log[i].words[1], &message)) {
			FUZZ_CHECK(log[i].words[0] >> 20 == 0xfee);
			check_message(&message);
		}
		if (msi_decode_redirection(log[i].words[0], &message)) {
			FUZZ_CHECK(message.vector == (uint8_t)log[i].words[0]);
			check_message(&message);
		}
	}
	try_log(log);
	return 0;
}

size_t fuzz_seed(unsigned index, uint8_t *data, size_t size)
{
	static const uint64_t events[] = {
		0x2020000200000028, 0x12345678, 0x2028000000001234, 0xfdf8000000,
		0x1000000000000310, 0x4000,	0x5000000000000000, 0x7000};
	static const uint64_t records[] = {0x12345fff, 0x8000000500000028, 0x7000000000000,
					   0xc000002600000028};
	static const uint64_t messages[] = {0xfee02004,		0x41, 0xfee01000, 0x400,
					    0x020000000000a031, 0};
	const struct {
		const uint64_t *words;
		size_t size;
	} seeds[] = {
		{events, sizeof(events)}, {records, sizeof(records)}, {messages, sizeof(messages)}};

	if (index >= sizeof(seeds) / sizeof(seeds[0]) || seeds[index].size > size)
		return 0;
	memcpy(data, seeds[index].words, seeds[index].size);
	return seeds[index].size;
}
