/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM's space over memory of two VMs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "memory/frame.h"
#include "stub.h"
#include "table-rig.h"

struct space rig_space;
unsigned rig_flushes;

void rig_count_flush(struct space *flushed)
{
	assert_ptr_equal(flushed, &rig_space);
	rig_flushes++;
}

void rig_prepare(const struct table_format *format, unsigned largest)
{
	stub_pool_init(POOL, 4 * MIB);
	assert_int_equal(owner_add(hpa(4 * GIB), 4 * GIB, PAGE_RAM, VM), 0);
	assert_int_equal(owner_add(hpa(8 * GIB), 1 * GIB, PAGE_RAM, OTHER), 0);
	assert_int_equal(owner_add(hpa(0xfe000000), 0x4000, PAGE_DEVICE, VM), 0);
	rig_flushes = 0;
	rig_space = (struct space){.flush = rig_count_flush};
	assert_int_equal(space_init(&rig_space, format, VM, 4, largest), 0);
}

int rig_setup(void **state)
{
	(void)state;
	rig_prepare(&table_format_npt, 30);
	return 0;
}

uint64_t rig_walk(uint64_t address, unsigned level, uint64_t table_flags)
{
	uint64_t table = hpa_value(rig_space.root), entry = 0;

	for (unsigned l = rig_space.levels;; l--) {
		uint64_t next =
			rig_space.format == &table_format_amdvi ? (uint64_t)(l - 1) << 9 : 0;

		entry = ((uint64_t *)frame_virt(hpa(table)))[address >> (12 + 9 * (l - 1)) & 511];
		if (l == level)
			return entry;
		table = entry & 0x000ffffffffff000ULL;
		assert_int_equal(entry, table | table_flags | next);
	}
}
