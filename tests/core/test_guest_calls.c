/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the control VM may ask for its guests; whose memory they get, and that nothing is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "guest-rig.h"
#include "guest/calls.h"
#include "lib/errno.h"
#include "memory/frame.h"

#define LIST RIG_RAM /* of ranges */

/* One range, as a call. */
static int64_t map(unsigned guest, uint64_t start, uint64_t memory, uint64_t size, uint32_t flags)
{
	struct mullion_guest_range *range = rig_ram(LIST);

	*range = (struct mullion_guest_range){start, memory, size, flags, 0};
	return CALL(GUEST_MAP, guest, LIST, 1);
}

static void no_flush(struct space *space)
{
	(void)space;
}

/* Whether the page could be given away. */
static int give_away(uint64_t page)
{
	int error = owner_change(hpa(page), PAGE_SIZE, vm_owner(&rig_vms[1]), OWNER_FREE);

	if (!error)
		error = owner_change(hpa(page), PAGE_SIZE, OWNER_FREE, vm_owner(&rig_vms[1]));
	return error;
}

static void guests_are_the_control_vms_alone(void **state)
{
	const uint64_t arguments[4] = {0};
	struct hypercall call;

	(void)state;
	for (unsigned i = 0; i < MULLION_GUEST_CALLS; i++)
		assert_int_equal(guest_check_call(&rig_vms[0], MULLION_CALL_GUEST_FIRST + i,
						  arguments, &call),
				 -EPERM);
	assert_int_equal(guest_check_call(&rig_vms[1],
					  MULLION_CALL_GUEST_FIRST + MULLION_GUEST_CALLS, arguments,
					  &call),
			 -ENOSYS);
}

static void arguments_out_of_range_are_refused(void **state)
{
	unsigned guest = rig_guest(1);

	(void)state;
	assert_int_equal(CALL(GUEST_MAP, guest, LIST, 0), -EINVAL);
	assert_int_equal(CALL(GUEST_MAP, guest, LIST, MULLION_MAP_MAX + 1), -EINVAL);
	assert_int_equal(CALL(GUEST_MAP, guest, LIST + 4, 1), -EINVAL);
	assert_int_equal(CALL(GUEST_MAP, MULLION_GUESTS, LIST, 1), -EINVAL);
	assert_int_equal(CALL(GUEST_MAP, guest + 1, LIST, 1), -ENOENT);
	assert_int_equal(CALL(GUEST_MAP, guest, RIG_FOREIGN, 1), -EFAULT);
	assert_int_equal(CALL(GUEST_UNMAP, guest, 0, MULLION_UNMAP_MAX + PAGE_SIZE), -EINVAL);
	assert_int_equal(CALL(GUEST_UNMAP, guest, 1ULL << 40, PAGE_SIZE), -EINVAL);
	assert_int_equal(CALL(GUEST_UNMAP, guest, -PAGE_SIZE, 2 * PAGE_SIZE), -EINVAL);
	assert_int_equal(CALL(GUEST_DIRTY, guest, 0, 0, LIST), -EINVAL);
	assert_int_equal(CALL(GUEST_DIRTY, guest, 0, MULLION_DIRTY_MAX + 1, LIST), -EINVAL);
	assert_int_equal(CALL(GUEST_DIRTY, guest, 1, 1, LIST), -EINVAL);
	assert_int_equal(CALL(GUEST_DIRTY, guest, 0, UINT64_MAX / 4, LIST), -EINVAL);
	assert_int_equal(CALL(GUEST_MSI, guest, 0xfee00000, 1ULL << 32), -EINVAL);
	assert_int_equal(CALL(VCPU_CREATE, HANDLE(guest, 1), RIG_RAM + 8), -EINVAL);
	assert_int_equal(CALL(VCPU_CREATE, HANDLE(guest, 16), RIG_RAM), -EINVAL);
	assert_int_equal(CALL(VCPU_CREATE, HANDLE(guest, 0), RIG_RAM), -EEXIST);
	assert_int_equal(CALL(VCPU_CREATE, HANDLE(guest, 1), RIG_ROM), -EFAULT);
	assert_int_equal(CALL(VCPU_CREATE, HANDLE(guest, 1), RIG_FOREIGN), -EFAULT);
	assert_int_equal(CALL(VCPU_CREATE, HANDLE(guest + 1, 0), RIG_RAM), -ENOENT);
	assert_int_equal(CALL(VCPU_RUN, HANDLE(guest, 1)), -ENOENT);
	assert_int_equal(CALL(VCPU_RAISE, HANDLE(guest, 0), 2), -EINVAL);
	assert_int_equal(CALL(VCPU_TRANSLATE, HANDLE(guest, 0), 0, 8), -EINVAL);
	assert_int_equal(CALL(VCPU_GET, HANDLE(guest, 0), 99, LIST, 8), -EINVAL);
	assert_int_equal(CALL(VCPU_SET, HANDLE(guest, 0), MULLION_VCPU_XSAVE, LIST, 4095), -EINVAL);
}

static void a_guest_gets_its_makers_memory_only(void **state)
{
	unsigned guest = rig_guest(0), flags;
	struct guest *held = guest_hold(guest);
	hpa_t target;

	(void)state;
	assert_int_equal(map(guest, 0, RIG_FOREIGN, PAGE_SIZE, MULLION_MAP_WRITE), -EFAULT);
	assert_int_equal(map(guest, 0, RIG_POOL, PAGE_SIZE, MULLION_MAP_WRITE), -EFAULT);
	assert_int_equal(map(guest, 0, RIG_RAM + RIG_RAM_SIZE - PAGE_SIZE, 2 * PAGE_SIZE, 0),
			 -EFAULT);
	assert_int_equal(map(guest, 0, RIG_ROM, PAGE_SIZE, MULLION_MAP_WRITE), -EFAULT);
	assert_int_equal(map(guest, 0, RIG_ROM, PAGE_SIZE, 0), 1);
	assert_int_equal(map(guest, 0, RIG_RAM, PAGE_SIZE, 0), -EEXIST);
	assert_int_equal(map(guest, PAGE_SIZE, RIG_RAM + 1, PAGE_SIZE, 0), -EINVAL);
	assert_int_equal(map(guest, PAGE_SIZE, RIG_RAM, 0, 0), -EINVAL);
	assert_int_equal(map(guest, PAGE_SIZE, RIG_RAM, PAGE_SIZE, 2), -EINVAL);
	assert_int_equal(map(guest, PAGE_SIZE, -PAGE_SIZE, 2 * PAGE_SIZE, 0), -EINVAL);
	assert_int_equal(map(guest, (1ULL << 40) - PAGE_SIZE, RIG_RAM, 2 * PAGE_SIZE, 0), -EINVAL);
	assert_int_equal(map(guest, (1ULL << 40) - PAGE_SIZE, RIG_RAM, PAGE_SIZE, 0), 1);
	assert_int_equal(map(guest, 2 * MIB, RIG_RAM + 4 * MIB, 2 * MIB, MULLION_MAP_WRITE), 1);
	assert_int_equal(space_look_up(&held->vm.memory, gpa(2 * MIB), &target, &flags), 0);
	assert_int_equal(hpa_value(target), RIG_RAM + 4 * MIB);
	assert_int_equal(flags, MAP_READ | MAP_WRITE | MAP_EXECUTE);
	space_look_up(&held->vm.memory, gpa(0), NULL, &flags);
	assert_int_equal(flags, MAP_READ | MAP_EXECUTE);
	guest_release(held);
}

static void a_page_cannot_be_given_away_while_a_guest_has_it(void **state)
{
	unsigned guest = rig_guest(1), other = (unsigned)CALL(GUEST_CREATE, 0);
	uint64_t page = RIG_RAM + 4 * MIB;

	(void)state;
	/* The control VM's own mapping is not what keeps it. */
	FLUSH_TOKEN(token);
	assert_int_equal(map(guest, 0, page, PAGE_SIZE, 0), 1);
	assert_int_equal(map(other, 0, page, PAGE_SIZE, 0), 1);
	rig_vms[1].memory.flush = no_flush;
	assert_int_equal(space_unmap(&rig_vms[1].memory, gpa(RIG_RAM + 4 * MIB), 12 * MIB, &token),
			 0);
	flush_consume(&token);
	assert_int_equal(give_away(page + PAGE_SIZE), 0);
	assert_int_equal(give_away(page), -EBUSY);
	assert_int_equal(CALL(GUEST_UNMAP, guest, 0, PAGE_SIZE), 0);
	assert_int_equal(rig_flushes, 1);
	assert_int_equal(give_away(page), -EBUSY);
	assert_int_equal(CALL(GUEST_DESTROY, other), 0);
	assert_int_equal(give_away(page), 0);
	/* Nor a vCPU's page, which is written to. */
	assert_int_equal(give_away(RIG_RAM + RIG_RAM_SIZE - PAGE_SIZE), -EBUSY);
	assert_int_equal(CALL(GUEST_DESTROY, guest), 0);
	assert_int_equal(give_away(RIG_RAM + RIG_RAM_SIZE - PAGE_SIZE), 0);
}

/* Every second page: as many pieces as pages. */
static void scatter(unsigned guest, unsigned pages)
{
	for (unsigned i = 0; i < pages; i++)
		assert_int_equal(map(guest, i * PAGE_SIZE, RIG_RAM + 4 * MIB + i * 2 * PAGE_SIZE,
				     PAGE_SIZE, MULLION_MAP_WRITE),
				 1);
}

static void long_work_is_done_in_parts(void **state)
{
	unsigned guest = rig_guest(1);

	(void)state;
	scatter(guest, 1000);
	assert_int_equal(CALL(GUEST_UNMAP, guest, 0, 1000 * PAGE_SIZE), 0);
	assert_in_range(rig_again, 2, 10);
	scatter(guest, 1000);
	assert_int_equal(CALL(GUEST_DESTROY, guest), 0);
	assert_in_range(rig_again, 2, 10);
	assert_int_equal(CALL(GUEST_DESTROY, guest), -ENOENT);
}

static void nothing_is_left_of_a_guest(void **state)
{
	size_t used = frame_used();
	int64_t last = 0;

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < MULLION_GUESTS; i++) {
			last = CALL(GUEST_CREATE, 0);
			assert_int_equal(last, i);
			assert_int_equal(CALL(VCPU_CREATE, HANDLE(i, 15), RIG_RAM + PAGE_SIZE), 0);
			scatter(i, 20);
		}
		assert_int_equal(CALL(GUEST_CREATE, 0), -ENOMEM);
		for (unsigned i = 0; i < MULLION_GUESTS; i++)
			assert_int_equal(CALL(GUEST_DESTROY, i), 0);
		/* The owner table's own frames, once. */
		if (round > 0)
			assert_int_equal(frame_used(), used);
		used = frame_used();
	}
	assert_int_equal(give_away(RIG_RAM + PAGE_SIZE), -EBUSY); /* the control VM's own */
}

static void what_is_in_use_stays(void **state)
{
	unsigned guest = rig_guest(2);

	(void)state;
	assert_true(guest_vcpu_claim(rig_vcpu(guest, 1)));
	assert_int_equal(CALL(VCPU_RUN, HANDLE(guest, 1)), -EBUSY);
	assert_int_equal(CALL(VCPU_GET, HANDLE(guest, 1), MULLION_VCPU_PAGE), -EBUSY);
	assert_int_equal(CALL(VCPU_TRANSLATE, HANDLE(guest, 1)), -EBUSY);
	assert_int_equal(CALL(VCPU_RAISE, HANDLE(guest, 1), MULLION_RAISE_NMI), 0);
	assert_int_equal(CALL(GUEST_DESTROY, guest), -EBUSY);
	/* And nothing has happened to it. */
	assert_int_equal(CALL(VCPU_GET, HANDLE(guest, 0), MULLION_VCPU_PAGE), 0);
	guest_vcpu_unclaim(rig_vcpu(guest, 1));
	assert_int_equal(CALL(VCPU_GET, HANDLE(guest, 1), MULLION_VCPU_PAGE), 0);
	assert_int_equal(CALL(GUEST_DESTROY, guest), 0);
}

static void written_pages_are_told_in_the_callers_memory(void **state)
{
	unsigned guest = rig_guest(0);
	uint64_t *bits = rig_ram(LIST), many = 3000;

	(void)state;
	assert_int_equal(map(guest, 0, RIG_RAM + 2 * MIB, many * PAGE_SIZE, MULLION_MAP_WRITE), 1);
	assert_int_equal(CALL(GUEST_DIRTY, guest, 0, many, LIST), many);
	assert_true(bits[46] == (1ULL << 3000 % 64) - 1);
	assert_int_equal(rig_flushes, 1);
	assert_int_equal(CALL(GUEST_DIRTY, guest, 0, many, LIST), 0);
	assert_true(bits[0] == 0 && bits[46] == 0);
	assert_int_equal(rig_flushes, 1);
	assert_int_equal(CALL(GUEST_DIRTY, guest, 0, 8, RIG_FOREIGN), -EFAULT);
	assert_int_equal(CALL(GUEST_DIRTY, guest, 0, 8, RIG_ROM), -EFAULT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(guests_are_the_control_vms_alone),
		TEST(arguments_out_of_range_are_refused),
		TEST(a_guest_gets_its_makers_memory_only),
		TEST(a_page_cannot_be_given_away_while_a_guest_has_it),
		TEST(long_work_is_done_in_parts),
		TEST(nothing_is_left_of_a_guest),
		TEST(what_is_in_use_stays),
		TEST(written_pages_are_told_in_the_callers_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
