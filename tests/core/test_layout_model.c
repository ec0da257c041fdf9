/* SPDX-License-Identifier: GPL-2.0-or-later */
/* On whatever machine, no memory is given twice: thousands of random ones, and the same checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "layout-rig.h"
#include "splitmix.h"

static uint64_t random_state;

static uint64_t next_random(uint64_t below)
{
	return splitmix64(&random_state) % below;
}

/* A place in RAM for something that was loaded; not on what is there. False: not found. */
static bool random_place(uint64_t size, uint64_t align, uint64_t *start)
{
	for (int tries = 0; tries < 50; tries++) {
		const struct boot_range *range =
			&rig_boot.ranges[next_random(rig_boot.range_count)];
		bool hit = rig_overlap(0, MIB, range->start, 1);

		if (range->type != 1 || range->size <= size || range->start >= 4 * GIB)
			continue;
		*start = align_up(range->start + next_random(range->size - size), align);
		hit = hit || *start + size > range->start + range->size ||
		      rig_overlap(*start, size, rig_input.image.start, rig_input.image.size);
		for (size_t i = 0; i < rig_boot.module_count; i++)
			hit = hit || rig_overlap(*start, size, rig_boot.modules[i].start,
						 rig_boot.modules[i].size);
		for (size_t i = 0; i < rig_input.keep_count; i++)
			hit = hit || rig_overlap(align_down(*start, PAGE_SIZE), size + PAGE_SIZE,
						 rig_input.keep[i].start, rig_input.keep[i].size);
		if (!hit)
			return true;
	}
	return false;
}

static void whatever_the_machine_nothing_is_given_twice(void **state)
{
	static const char *const names[] = {"manifest", "vmlinuz", "initrd-ui", "vmlinuz-control",
					    "initrd-control"};
	unsigned done = 0, refused = 0;

	(void)state;
	for (random_state = 1; done < 3000;) {
		uint64_t at = 0, start;
		bool placed = true;

		rig_setup(NULL);
		rig_boot.range_count = 0;
		rig_boot.module_count = 0;
		rig_input.image = (struct range){0, 0};
		for (size_t n = 1 + next_random(30); n-- > 0;) {
			static const uint64_t scales[] = {PAGE_SIZE, 256 * PAGE_SIZE, 64 * MIB, GIB,
							  GIB};
			uint64_t scale = scales[next_random(5)];
			uint32_t type = (uint32_t)next_random(8);
			uint64_t size = align_up(1 + next_random(2 * scale), PAGE_SIZE);

			if (next_random(3) == 0)
				at += align_down(next_random(scale), PAGE_SIZE);
			type = type > 5 || type == 0 ? 1 : type;
			if (rig_boot.range_count > 0) {
				struct boot_range *last =
					&rig_boot.ranges[rig_boot.range_count - 1];

				if (last->type == type && last->start + last->size == at)
					at += PAGE_SIZE;
			}
			/* Device memory is where it is on every PC. */
			if (at < 4 * GIB && at + size > 0xb0000000)
				at = 4 * GIB;
			rig_boot.ranges[rig_boot.range_count++] =
				(struct boot_range){at, size, type};
			at += size;
		}
		placed = random_place(0x80000, 2 * MIB, &start);
		rig_input.image = (struct range){start, 0x80000};
		for (size_t i = 0; i < ARRAY_LENGTH(names) && placed; i++) {
			uint64_t size = next_random(40 * MIB);

			placed = random_place(size, next_random(4) ? PAGE_SIZE : 16, &start);
			rig_add_module(names[i], start, size);
		}
		if (!placed)
			continue;
		rig_manifest.vms[UI].memory = align_up(next_random(2 * GIB) + 1, 2 * MIB);
		rig_input.identity = next_random(3) == 0;
		rig_input.mmio_start = 0x40000000 + next_random(0x70000000);
		rig_input.needs[CONTROL].preferred = next_random(64 * MIB);
		rig_input.needs[UI].preferred = next_random(2) ? 16 * MIB : next_random(GIB);
		done++;
		if (layout_decide(&rig_input, &rig_layout) == 0) {
			rig_check_all();
		} else {
			refused++;
			assert_true(rig_layout.problem && rig_layout.reason);
		}
	}
	assert_true(refused < done - 300); /* it is not all refused */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(whatever_the_machine_nothing_is_given_twice, rig_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
