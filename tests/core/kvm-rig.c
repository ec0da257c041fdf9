/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The vCPU that the tests look at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "kvm-rig.h"

#define CODE 0x89b
#define DATA 0x893
#define LONG (1U << 9)

struct mullion_vcpu_page page;
struct kvm_insn insn;

static void set_bytes(const char *hex)
{
	char *end;

	page.byte_count = 0;
	for (; *hex; hex = *end ? end + 1 : end)
		page.bytes[page.byte_count++] = (uint8_t)strtoul(hex, &end, 16);
}

void prepare(unsigned code_size, const char *hex)
{
	memset(&page, 0, sizeof(page));
	page.cr0 = 0x80000011;
	page.cr4 = 1U << 9;
	page.efer = code_size == 8 ? 0x500 : 0;
	page.rflags = 2;
	page.rip = RIP;
	for (unsigned i = 0; i < 6; i++) {
		page.segments[i].limit = 0xffffffff;
		page.segments[i].attributes = i == MULLION_CS ? CODE : DATA;
		page.segments[i].attributes |= code_size == 4 ? WIDE : 0;
	}
	if (code_size == 8)
		page.segments[MULLION_CS].attributes |= LONG;
	page.registers[RBX] = DEVICE + 0x10;
	page.registers[RSI] = 0x5000;
	page.registers[RDI] = DEVICE + 0x800;
	page.registers[RSP] = 0x9000;
	page.registers[RAX] = 0x1122334455667788;
	page.address = 0xabc;
	set_bytes(hex);
}

enum kvm_insn_status skip_translations(enum kvm_insn_status status)
{
	while (status == KVM_INSN_TRANSLATE)
		status = kvm_insn_step(&insn, &page);
	return status;
}

enum kvm_insn_status start(void)
{
	return kvm_insn_start(&insn, &page);
}

enum kvm_insn_status step(void)
{
	return kvm_insn_step(&insn, &page);
}

void assert_raises(uint32_t event)
{
	struct mullion_vcpu_page before = page;

	assert_int_equal(start(), KVM_INSN_DONE);
	assert_int_equal(page.event, event);
	assert_int_equal(page.event_code, 0);
	assert_int_equal(page.dirty, MULLION_DIRTY_EVENTS);
	before.event = page.event;
	before.dirty = page.dirty;
	assert_memory_equal(&before, &page, sizeof(page));
}
