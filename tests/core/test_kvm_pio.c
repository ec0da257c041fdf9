/* SPDX-License-Identifier: GPL-2.0-or-later */
/* INS and OUTS of the KVM module's guests: in batches the same as one unit after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "kvm-pio.h"
#include "kvm-segment.h"
#include "mullion/arithmetic.h"
#include "splitmix.h"

enum { RCX = 1, RSI = 6, RDI = 7 };

#define PAGE	 4096U
#define PAGES	 4U
#define BASE	 0x10000U /* linear */
#define RIP	 0x2000
#define LENGTH	 2
#define STREAM	 (2 * PAGE)
#define PHYSICAL 0x7000000000ULL /* pages in reverse, with gaps */

static struct mullion_vcpu_page page;
static struct kvm_pio pio;
static uint64_t seed = 5;

static uint64_t random64(void)
{
	return splitmix64(&seed);
}

static unsigned below(unsigned bound)
{
	return (unsigned)(random64() % bound);
}

/* What went through the port, or is to come from it. */
struct stream {
	uint8_t bytes[STREAM];
	size_t at;
};

static void prepare(bool out, unsigned unit, unsigned address_size, bool repeated)
{
	memset(&page, 0, sizeof(page));
	page.cr0 = 0x80000011;
	page.efer = address_size == 8 ? 0x500 : 0;
	page.rflags = 2;
	page.rip = RIP;
	page.reason = MULLION_EXIT_IO;
	page.length = LENGTH;
	page.write = out;
	page.size = (uint8_t)unit;
	page.string = 1;
	page.repeated = repeated;
	page.address_size = (uint8_t)address_size;
	page.segment = MULLION_DS;
	page.port = 0x1f0;
	for (unsigned i = 0; i < 6; i++) {
		page.segments[i].limit = 0xffffffff;
		page.segments[i].attributes = i == MULLION_CS ? 0xc9b : 0xc93;
	}
	if (address_size == 8)
		page.segments[MULLION_CS].attributes = 0xa9b;
	page.registers[RSI] = page.registers[RDI] = BASE + 0x100;
}

static uint64_t physical_of(uint64_t linear)
{
	return PHYSICAL + (PAGES - (linear - BASE) / PAGE) * 2 * PAGE + linear % PAGE;
}

static uint8_t *at_physical(uint8_t *memory, uint64_t physical, uint64_t size)
{
	uint64_t number = PAGES - (physical - PHYSICAL) / (2 * PAGE);

	assert_true(physical % PAGE + size <= PAGE && size > 0);
	assert_true(number < PAGES && physical >= PHYSICAL);
	return memory + number * PAGE + physical % PAGE;
}

/* All of it; pages with a bit in devices are no RAM. */
static void run(uint8_t *memory, struct stream *port, unsigned devices)
{
	static uint8_t data[KVM_PIO_MAX];
	enum kvm_pio_status status = kvm_pio_start(&pio, &page);

	for (unsigned i = 0; i < 100000; i++, status = kvm_pio_step(&pio, &page)) {
		switch (status) {
		case KVM_PIO_DONE:
			if (!pio.again)
				return;
			break;
		case KVM_PIO_TRANSLATE:
			assert_int_equal(pio.write, !pio.out);
			assert_true(pio.address - BASE < sizeof(uint8_t[PAGES * PAGE]));
			pio.device = devices >> (pio.address - BASE) / PAGE & 1;
			pio.address = physical_of(pio.address);
			break;
		case KVM_PIO_READ:
		case KVM_PIO_WRITE: {
			uint8_t *at = at_physical(memory, pio.address, pio.size);
			uint64_t number = (uint64_t)(at - memory) / PAGE;

			assert_int_equal(status == KVM_PIO_READ, pio.out);
			assert_true(pio.offset + pio.size <= sizeof(data));
			assert_true(!(devices >> number & 1) || pio.size <= pio.unit);
			if (pio.out)
				memcpy(data + pio.offset, at, pio.size);
			else
				memcpy(at, data + pio.offset, pio.size);
			break;
		}
		default: {
			size_t size = (size_t)pio.count * pio.unit;

			assert_int_equal(pio.port, 0x1f0);
			assert_true(size <= sizeof(data) && port->at + size <= STREAM);
			if (pio.out)
				memcpy(port->bytes + port->at, data, size);
			else
				memcpy(data, port->bytes + port->at, size);
			port->at += size;
			break;
		}
		}
	}
	fail_msg("no end");
}

/* Unit by unit, as the manual says it. */
static void run_model(struct mullion_vcpu_page *p, uint8_t *memory, struct stream *port)
{
	unsigned reg = p->write ? RSI : RDI, size = p->size;
	uint64_t mask = arithmetic_mask(p->address_size);
	uint64_t base = p->segments[p->write ? p->segment : MULLION_ES].base;

	while (!p->repeated || p->registers[RCX] & mask) {
		uint64_t at = (p->registers[reg] & mask) + base - BASE;
		uint64_t next =
			p->registers[reg] + (p->rflags & KVM_DF ? 0 - (uint64_t)size : size);

		if (p->write)
			memcpy(port->bytes + port->at, memory + at, size);
		else
			memcpy(memory + at, port->bytes + port->at, size);
		port->at += size;
		arithmetic_set_register(&p->registers[reg], p->address_size, false, next);
		if (!p->repeated)
			break;
		arithmetic_set_register(&p->registers[RCX], p->address_size, false,
					p->registers[RCX] - 1);
	}
	p->rip += LENGTH;
}

static void batches_do_what_units_do(void **state)
{
	static uint8_t memory[PAGES * PAGE], expected[PAGES * PAGE];
	static struct stream port, model;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		unsigned unit = 1U << below(3), address_size = 2U << below(3);
		bool out = below(2), back = below(4) == 0;
		struct mullion_vcpu_page before;
		uint64_t high = address_size == 8 ? 0 : random64() & ~arithmetic_mask(address_size);

		prepare(out, unit, address_size, below(4) != 0);
		/* Up to two pages, from the middle. */
		page.registers[RCX] = below(below(2) ? 5 : 2 * PAGE / unit) | high;
		page.registers[RSI] = page.registers[RDI] =
			BASE + (back ? PAGES * PAGE - PAGE - below(PAGE) - 8 : below(2 * PAGE));
		if (address_size == 2) {
			page.segments[MULLION_ES].base = page.segments[MULLION_DS].base = BASE - 16;
			page.registers[RSI] -= BASE - 16;
			page.registers[RDI] = page.registers[RSI] |= high;
		} else {
			page.registers[RSI] |= high;
			page.registers[RDI] |= high;
		}
		if (back && (page.registers[RCX] & 0xffff) * unit > PAGE)
			page.registers[RCX] = 7 | high;
		page.rflags |= back ? KVM_DF : 0;
		before = page;
		for (unsigned k = 0; k < sizeof(memory); k++)
			memory[k] = (uint8_t)random64();
		for (unsigned k = 0; k < STREAM; k++)
			port.bytes[k] = (uint8_t)(k * 7 + i);
		port.at = 0;
		model = port;
		memcpy(expected, memory, sizeof(memory));
		run(memory, &port, (unsigned)random64() & 15);
		run_model(&before, expected, &model);
		assert_int_equal(page.event, 0);
		assert_int_equal(port.at, model.at);
		assert_memory_equal(port.bytes, model.bytes, STREAM);
		assert_memory_equal(memory, expected, sizeof(memory));
		assert_memory_equal(page.registers, before.registers, sizeof(page.registers));
		assert_int_equal(page.rip, before.rip);
		assert_int_equal(page.dirty, MULLION_DIRTY_GENERAL);
	}
}

static enum kvm_pio_status translated(enum kvm_pio_status status)
{
	while (status == KVM_PIO_TRANSLATE)
		status = kvm_pio_step(&pio, &page);
	return status;
}

static void a_sector_is_one_batch(void **state)
{
	(void)state;
	prepare(false, 2, 4, true);
	page.registers[RCX] = 256;
	assert_int_equal(translated(kvm_pio_start(&pio, &page)), KVM_PIO_PORT);
	assert_int_equal(pio.count, 256);
	assert_int_equal(pio.unit, 2);
	assert_false(pio.out);
	/* Until the port is read, nothing has changed. */
	assert_int_equal(page.dirty, 0);
	assert_int_equal(page.registers[RCX], 256);
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_WRITE);
	assert_int_equal(pio.size, 512);
	assert_int_equal(page.registers[RCX], 0);
	assert_int_equal(page.rip, RIP + LENGTH);
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_DONE);
	assert_false(pio.again);
}

static void outs_has_ended_before_the_port_is_written(void **state)
{
	(void)state;
	prepare(true, 1, 8, true);
	page.registers[RCX] = 3;
	assert_int_equal(translated(kvm_pio_start(&pio, &page)), KVM_PIO_READ);
	assert_int_equal(pio.size, 3);
	assert_int_equal(page.dirty, 0);
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_PORT);
	assert_int_equal(page.rip, RIP + LENGTH);
	assert_int_equal(page.registers[RSI], BASE + 0x103);
	page.rip = 0xfff0; /* reset */
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_DONE);
	assert_int_equal(page.rip, 0xfff0);
	assert_int_equal(page.registers[RSI], BASE + 0x103);
}

static void an_answer_for_another_place_in_the_code_is_dropped(void **state)
{
	struct mullion_vcpu_page before;

	(void)state;
	prepare(false, 4, 8, false);
	assert_int_equal(translated(kvm_pio_start(&pio, &page)), KVM_PIO_PORT);
	page.rip = 0xfff0;
	before = page;
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_DONE);
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_DONE);
	assert_memory_equal(&before, &page, sizeof(page));
}

/* As a KVM_GET_REGS before the answer does it, after KVM_SET_REGS. */
static void store_page_anew(void)
{
	page.reason = MULLION_EXIT_INTERRUPT;
	page.length = page.write = page.size = page.string = page.repeated = 0;
	page.address_size = page.segment = 0;
	page.port = 0;
}

static void the_page_may_be_stored_anew_before_the_answer(void **state)
{
	(void)state;
	prepare(false, 4, 4, false);
	page.registers[RDI] = 0xf00000000 | (BASE + 0x100);
	assert_int_equal(translated(kvm_pio_start(&pio, &page)), KVM_PIO_PORT);
	store_page_anew();
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_WRITE);
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_DONE);
	assert_int_equal(page.rip, RIP + LENGTH);
	assert_int_equal(page.registers[RDI], BASE + 0x104);
	assert_false(pio.again);

	prepare(false, 1, 4, true);
	page.registers[RCX] = PAGE;
	assert_int_equal(translated(kvm_pio_start(&pio, &page)), KVM_PIO_PORT);
	store_page_anew();
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_WRITE);
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_DONE);
	assert_true(pio.again);
	assert_int_equal(page.rip, RIP);
	assert_int_equal(page.registers[RCX], 0x100);

	prepare(true, 1, 4, true);
	page.segment = MULLION_FS;
	page.segments[MULLION_FS].base = 0x1000;
	page.registers[RCX] = PAGE;
	page.registers[RSI] = BASE;
	assert_int_equal(kvm_pio_start(&pio, &page), KVM_PIO_TRANSLATE);
	store_page_anew();
	assert_int_equal(translated(KVM_PIO_TRANSLATE), KVM_PIO_READ);
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_PORT);
	assert_int_equal(page.rip, RIP + LENGTH);
	assert_int_equal(page.registers[RCX], 0);
	assert_int_equal(page.registers[RSI], BASE + PAGE);

	prepare(true, 1, 4, true);
	page.segment = MULLION_FS;
	page.segments[MULLION_FS].base = 0x1000;
	page.registers[RCX] = 2 * PAGE;
	page.registers[RSI] = BASE;
	assert_int_equal(translated(kvm_pio_start(&pio, &page)), KVM_PIO_READ);
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_PORT);
	store_page_anew();
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_DONE);
	assert_true(pio.again);
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_TRANSLATE);
	assert_int_equal(pio.address, BASE + PAGE + 0x1000);
}

static void faults_come_before_the_port(void **state)
{
	(void)state;
	prepare(false, 4, 8, true);
	page.registers[RCX] = 9;
	page.registers[RDI] = BASE + PAGE - 2;
	page.cpl = 3;
	assert_int_equal(kvm_pio_start(&pio, &page), KVM_PIO_TRANSLATE);
	assert_true(pio.write);
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_TRANSLATE);
	assert_int_equal(pio.address, BASE + PAGE);
	kvm_pio_page_fault(&pio, &page, true);
	assert_int_equal(page.event, 0x80000b0e);
	assert_int_equal(page.event_code, 7);
	assert_int_equal(page.cr2, BASE + PAGE);
	assert_int_equal(page.registers[RCX], 9);
	assert_int_equal(page.rip, RIP);
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_DONE);

	prepare(true, 1, 4, false);
	page.segments[MULLION_DS].limit = BASE;
	assert_int_equal(kvm_pio_start(&pio, &page), KVM_PIO_DONE);
	assert_int_equal(page.event, 0x80000b0d);
	assert_false(page.dirty & MULLION_DIRTY_GENERAL);
	/* Of a batch, what the segment has is done. */
	prepare(true, 1, 4, true);
	page.registers[RCX] = 2;
	page.segments[MULLION_DS].limit = BASE + 0x100;
	assert_int_equal(translated(kvm_pio_start(&pio, &page)), KVM_PIO_READ);
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_PORT);
	assert_int_equal(pio.count, 1);
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_DONE);
	assert_true(pio.again);
	assert_int_equal(page.rip, RIP);
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_DONE);
	assert_int_equal(page.event, 0x80000b0d);
	assert_false(pio.again);
	/* INS goes to ES, whatever the exit's segment is. */
	prepare(false, 1, 4, false);
	page.segments[MULLION_ES].attributes = 0xc91;
	assert_int_equal(kvm_pio_start(&pio, &page), KVM_PIO_DONE);
	assert_int_equal(page.event, 0x80000b0d);
}

static void no_units_access_nothing(void **state)
{
	(void)state;
	prepare(true, 4, 4, true);
	page.registers[RCX] = 0x100000000;
	assert_int_equal(kvm_pio_start(&pio, &page), KVM_PIO_DONE);
	assert_int_equal(page.rip, RIP + LENGTH);
	assert_int_equal(page.registers[RCX], 0x100000000);
	assert_false(pio.again);
}

static void a_single_step_traps_after_each_unit(void **state)
{
	(void)state;
	prepare(true, 1, 8, true);
	page.registers[RCX] = 2;
	page.rflags |= KVM_TF;
	assert_int_equal(translated(kvm_pio_start(&pio, &page)), KVM_PIO_READ);
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_PORT);
	assert_int_equal(pio.count, 1);
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_DONE);
	assert_false(pio.again);
	assert_int_equal(page.event, 0x80000301);
	assert_int_equal(page.rip, RIP);
	assert_int_equal(page.registers[RCX], 1);
}

static void addresses_wrap_between_batches(void **state)
{
	(void)state;
	prepare(true, 1, 2, true);
	page.segments[MULLION_DS].base = BASE + 0x800;
	page.registers[RCX] = 4;
	page.registers[RSI] = 0xfffe;
	assert_int_equal(translated(kvm_pio_start(&pio, &page)), KVM_PIO_READ);
	assert_int_equal(pio.size, 2);
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_PORT);
	assert_int_equal(page.registers[RSI], 0);
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_DONE);
	assert_true(pio.again);
	assert_int_equal(kvm_pio_step(&pio, &page), KVM_PIO_TRANSLATE);
	assert_int_equal(pio.address, BASE + 0x800);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batches_do_what_units_do),
		cmocka_unit_test(a_sector_is_one_batch),
		cmocka_unit_test(outs_has_ended_before_the_port_is_written),
		cmocka_unit_test(an_answer_for_another_place_in_the_code_is_dropped),
		cmocka_unit_test(the_page_may_be_stored_anew_before_the_answer),
		cmocka_unit_test(faults_come_before_the_port),
		cmocka_unit_test(no_units_access_nothing),
		cmocka_unit_test(a_single_step_traps_after_each_unit),
		cmocka_unit_test(addresses_wrap_between_batches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
