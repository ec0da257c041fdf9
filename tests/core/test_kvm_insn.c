/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The KVM module's instructions against the CPU that runs the test: the same bytes, registers and
 * memory, in 64-, 32- and 16-bit mode; then registers, flags, memory and faults are to be the same.
 * The guest's pages are scattered in its physical memory, and many operands cross them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvm-case.h"
#include "kvm-insn.h"
#include "kvm-segment.h"
#include "mullion/arithmetic.h"
#include "splitmix.h"

#define PAGE 4096U

static uint64_t random64(void)
{
	return splitmix64(&kvm_case_seed);
}

static unsigned below(unsigned bound)
{
	return (unsigned)(random64() % bound);
}

/* The guest's pages are not in order. */
#define PHYSICAL_STEP 0x5000ULL
#define PHYSICAL      0x7000000000ULL

static uint64_t physical_of(uint64_t linear)
{
	uint64_t page = (linear - (uintptr_t)native_data) / PAGE;

	return PHYSICAL + (NATIVE_PAGES - page) * PHYSICAL_STEP + linear % PAGE;
}

static uint8_t *at_physical(uint8_t *data, uint64_t physical, unsigned size)
{
	uint64_t page = NATIVE_PAGES - (physical - PHYSICAL) / PHYSICAL_STEP;

	assert_true((physical - PHYSICAL) % PHYSICAL_STEP + size <= PAGE && page < NATIVE_PAGES);
	return data + page * PAGE + physical % PAGE;
}

static void make_page(struct mullion_vcpu_page *page)
{
	static const struct mullion_vcpu_page empty;
	bool legacy = kvm_case.code_size != 8, exact;
	uint16_t wide = kvm_case.code_size == 4 ? 1U << 10 : 0;

	*page = empty;
	page->cr0 = 0x80000011;
	page->cr4 = 1U << 9;
	page->efer = 0x500;
	page->cpl = 3;
	for (unsigned i = 0; i < 6; i++) {
		page->segments[i].base = legacy ? native_base(i) : 0;
		page->segments[i].limit = NATIVE_LIMIT;
		page->segments[i].attributes = i == MULLION_CS ? 0xfb | wide : 0xf3 | wide;
		/* What MOV of a segment register stores. */
		page->segments[i].selector = native_selector(i, kvm_case.code_size);
	}
	if (!legacy) {
		page->segments[MULLION_CS].attributes |= 1U << 9;
		page->segments[MULLION_GS].base = native_base(NATIVE_GS);
	}
	memcpy(page->registers, kvm_case.state.registers, sizeof(page->registers));
	page->rflags = kvm_case.state.rflags;
	page->rip = (uintptr_t)native_code - page->segments[MULLION_CS].base;
	page->byte_count = (uint8_t)(kvm_case.length < 15 ? kvm_case.length : 15);
	memcpy(page->bytes, kvm_case.bytes, page->byte_count);
	/* An exit names the operand, or something else. */
	exact = below(2) && !(kvm_case.form->flags & (FORM_STRING | FORM_BITS));
	page->address = exact ? physical_of(kvm_case.target) : PHYSICAL + 0x7f0;
	page->write = exact ? kvm_case.form->flags & FORM_WRITES : (uint8_t)below(2);
}

static struct mullion_vcpu_page page;
static uint64_t vectors[16][2];
static bool misled; /* a wild address happened to match the exit's */

/* Does the instruction in data. Returns the last status. */
static enum kvm_insn_status emulate(uint8_t *data)
{
	struct kvm_insn insn;
	enum kvm_insn_status status = kvm_insn_start(&insn, &page);

	for (unsigned i = 0; i < 200; i++, status = kvm_insn_step(&insn, &page)) {
		switch (status) {
		case KVM_INSN_DONE:
			if (!insn.again)
				return status;
			break;
		case KVM_INSN_TRANSLATE:
			if (insn.address - (uintptr_t)native_data >= KVM_CASE_DATA) {
				kvm_insn_page_fault(&insn, &page, false);
				return KVM_INSN_DONE;
			}
			insn.address = physical_of(insn.address);
			break;
		case KVM_INSN_READ:
			if (insn.address - PHYSICAL < PAGE) {
				misled = true;
				return KVM_INSN_UNSUPPORTED;
			}
			/* Devices may leave anything above what was asked for. */
			insn.value = random64();
			memcpy(&insn.value, at_physical(data, insn.address, insn.size), insn.size);
			break;
		case KVM_INSN_WRITE:
			if (insn.address - PHYSICAL < PAGE) {
				misled = true;
				return KVM_INSN_UNSUPPORTED;
			}
			memcpy(at_physical(data, insn.address, insn.size), &insn.value, insn.size);
			break;
		case KVM_INSN_GET_XMM:
			memcpy(insn.xmm, vectors[insn.xmm_number], 16);
			break;
		case KVM_INSN_SET_XMM:
			memcpy(vectors[insn.xmm_number], insn.xmm, 16);
			break;
		default:
			return status;
		}
	}
	fail_msg("no end");
	return status;
}

static void report(const char *what)
{
	fprintf(stderr, "mode %u:", kvm_case.code_size);
	for (unsigned i = 0; i < kvm_case.length; i++)
		fprintf(stderr, " %02x", kvm_case.bytes[i]);
	fail_msg("%s", what);
}

static unsigned done, refused, faulted;

static void compare_states(const struct native_state *native, const uint8_t *data)
{
	uint64_t mask = kvm_case.code_size == 8 ? UINT64_MAX : 0xffffffff;

	for (unsigned i = 0; i < 16; i++) {
		if ((native->registers[i] ^ page.registers[i]) & mask &&
		    (kvm_case.code_size == 8 || i < 8)) {
			fprintf(stderr, "register %u: %llx, the CPU: %llx (before: %llx)\n", i,
				(unsigned long long)page.registers[i],
				(unsigned long long)native->registers[i],
				(unsigned long long)kvm_case.state.registers[i]);
			report("registers");
		}
	}
	if (memcmp(native->xmm, vectors, sizeof(vectors)))
		report("SSE registers");
	if (memcmp(native_data, data, KVM_CASE_DATA))
		report("memory");
}

static void compare(void)
{
	static uint8_t data[KVM_CASE_DATA];
	struct native_state native = kvm_case.state;
	enum kvm_insn_status status;
	int result;

	memcpy(native_data, kvm_case.data, KVM_CASE_DATA);
	memcpy(native_code, kvm_case.bytes, kvm_case.length);
	memcpy(data, kvm_case.data, KVM_CASE_DATA);
	memcpy(vectors, kvm_case.state.xmm, sizeof(vectors));
	make_page(&page);
	result = native_run(&native, kvm_case.code_size, kvm_case.length);
	misled = false;
	status = emulate(data);
	if (result < 0 && misled)
		return;

	if (result == -4) { /* SIGILL: LOCK where it may not be, or this CPU does not have it */
		refused++;
		if (kvm_case.prefixes.lock && status != KVM_INSN_UNSUPPORTED)
			report("is none");
		return;
	}
	if (kvm_case.length > 15) {
		if (result != -11 || status != KVM_INSN_UNSUPPORTED)
			report("is too long");
		return;
	}
	if (status == KVM_INSN_UNSUPPORTED && kvm_case.form->flags & FORM_BRANCH &&
	    kvm_case.prefixes.operand && kvm_case.code_size == 8)
		return;
	if (status != KVM_INSN_DONE)
		report("is not supported");
	if (result < 0) {
		faulted++;
		if (!(page.event & MULLION_EVENT_VALID))
			report("does not fault");
		if (page.dirty & MULLION_DIRTY_GENERAL)
			report("changes registers, and faults");
		memcpy(native.registers, kvm_case.state.registers, sizeof(native.registers));
		compare_states(&native, data);
		return;
	}
	done++;
	if (page.event)
		report("faults");
	if (page.segments[MULLION_CS].base + page.rip !=
	    (result ? native_branch_target(kvm_case.code_size) + page.segments[MULLION_CS].base
		    : (uintptr_t)native_code + kvm_case.length))
		report("goes elsewhere");
	if ((native.rflags ^ page.rflags) & (ARITHMETIC_FLAGS | KVM_DF) & ~kvm_case.undefined) {
		fprintf(stderr, "flags %llx, the CPU: %llx (before: %llx)\n",
			(unsigned long long)page.rflags, (unsigned long long)native.rflags,
			(unsigned long long)kvm_case.state.rflags);
		report("flags");
	}
	compare_states(&native, data);
}

/* One of the prefixes, or two. */
static struct kvm_prefixes choose_prefixes(const struct kvm_form *form, unsigned code_size,
					   uint8_t rex)
{
	static const uint8_t segments[] = {0x26, 0x2e, 0x36, 0x3e, 0x65, 0x65};
	struct kvm_prefixes p = {.rex = rex};

	if (code_size != 8)
		p.rex = 0;
	if (below(4) == 0)
		p.address = true;
	if (below(6) == 0)
		p.segment = segments[below(6)];
	if (form->flags & FORM_VECTOR) {
		/* 66 means nothing beside F2 and F3. */
		p.operand = form->prefix > 0x66 && below(4) == 0;
		return p;
	}
	if (below(8) == 0 && !(form->flags & FORM_STRING))
		p.lock = true;
	if (below(4) == 0 && !(form->flags & FORM_NO66))
		p.operand = true;
	if (below(form->flags & FORM_STRING ? 2 : 8) == 0 && !(form->flags & FORM_PLAIN))
		p.repeat = 0xf2 | (uint8_t)below(2);
	return p;
}

/* Each opcode with each ModRM byte and each REX, and random prefixes; those of which there are few,
 * again and again. */
static void try_form(const struct kvm_form *form, unsigned code_size, uint8_t opcode)
{
	unsigned rexes = code_size == 8 ? 17 : 4;
	unsigned times = __builtin_popcount(form->regs) == 1 ? 8 : 1;

	for (unsigned i = 0; i < 0xc0U * rexes * times; i++) {
		unsigned modrm = i % 0xc0, rex = i / 0xc0 % rexes;

		if (!(form->regs >> (modrm >> 3 & 7) & 1) && form->regs)
			continue;
		kvm_case_make(form, code_size, opcode, (uint8_t)modrm,
			      choose_prefixes(form, code_size, (uint8_t)(rex ? 0x3f + rex : 0)));
		if (!kvm_case.wild)
			compare();
	}
}

static void try_mode(unsigned code_size)
{
	native_catch_signals();
	done = refused = faulted = 0;
	if (!native_has(code_size))
		skip();
	for (unsigned i = 0; i < kvm_form_count; i++) {
		const struct kvm_form *form = &kvm_forms[i];

		if (form->flags & (code_size == 8 ? FORM_NOT64 : FORM_ONLY64))
			continue;
		for (unsigned opcode = form->first; opcode <= form->last; opcode++)
			try_form(form, code_size, (uint8_t)opcode);
	}
	print_message("mode %u: %u done, %u faulted, %u refused\n", code_size, done, faulted,
		      refused);
	assert_true(done > 10 * (faulted + refused) / 2);
}

static void effects_in_64_bit_mode_are_the_cpus(void **state)
{
	(void)state;
	try_mode(8);
}

static void effects_in_32_bit_mode_are_the_cpus(void **state)
{
	(void)state;
	try_mode(4);
}

static void effects_in_16_bit_mode_are_the_cpus(void **state)
{
	(void)state;
	try_mode(2);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(effects_in_64_bit_mode_are_the_cpus),
		cmocka_unit_test(effects_in_32_bit_mode_are_the_cpus),
		cmocka_unit_test(effects_in_16_bit_mode_are_the_cpus),
	};

	/* Another seed, other cases. */
	if (argc > 1)
		kvm_case_seed = strtoull(argv[1], NULL, 0);
	if (!native_init())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
