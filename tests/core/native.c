/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way into the code, and out of it again. */
#include "native.h"

#include <asm/ldt.h>
#include <asm/prctl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE	      4096U
#define USER_CS	      0x33
#define USER_SS	      0x2b
#define BRANCH_OFFSET 256U /* in the page of code */
#define STUB_OFFSET   512U

uint8_t *native_data, *native_code;
static bool has_segments;

/* For the assembler below. */
extern char native_landing[], native_landing_branch[];
void native_enter(void);
struct native_state native_now;
uint64_t native_stack, native_target, native_was_branch;
uint16_t native_selectors[6];
struct {
	uint32_t offset;
	uint16_t selector;
} native_far;
uint8_t native_is_far;

#define GENERAL(X)                                                                                 \
	X("rcx", 8)                                                                                \
	X("rdx", 16)                                                                               \
	X("rbx", 24)                                                                               \
	X("rsp", 32)                                                                               \
	X("rbp", 40)                                                                               \
	X("rsi", 48)                                                                               \
	X("rdi", 56)                                                                               \
	X("r8", 64)                                                                                \
	X("r9", 72)                                                                                \
	X("r10", 80)                                                                               \
	X("r11", 88)                                                                               \
	X("r12", 96)                                                                               \
	X("r13", 104)                                                                              \
	X("r14", 112)                                                                              \
	X("r15", 120)                                                                              \
	X("rax", 0)
#define VECTORS(X)                                                                                 \
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define LOAD(name, offset)  "mov native_now+" #offset "(%rip), %" name "\n"
#define STORE(name, offset) "mov %" name ", native_now+" #offset "(%rip)\n"
#define LOAD_VECTOR(n)	    "movdqu native_now+136+16*" #n "(%rip), %xmm" #n "\n"
#define STORE_VECTOR(n)	    "movdqu %xmm" #n ", native_now+136+16*" #n "(%rip)\n"

_Static_assert(offsetof(struct native_state, rflags) == 128, "rflags");
_Static_assert(offsetof(struct native_state, xmm) == 136, "xmm");

__asm__(".text\n"
	"native_enter:\n"
	"push %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\n"
	"mov %rsp, native_stack(%rip)\n" VECTORS(
		LOAD_VECTOR) "cmpb $0, native_is_far(%rip)\n"
			     "jne 1f\n"
			     "push native_now+128(%rip)\n"
			     "popf\n" GENERAL(
				     LOAD) "jmp *native_target(%rip)\n"
					   "1:\n"
					   "push native_now+128(%rip)\n"
					   "popf\n"
					   "mov native_selectors+0(%rip), %es\n"
					   "mov native_selectors+6(%rip), %ds\n"
					   "mov native_selectors+10(%rip), %gs\n"
					   "mov native_selectors+4(%rip), %ss\n" GENERAL(
						   LOAD) "ljmp *native_far(%rip)\n"

							 "native_landing_branch:\n"
							 "movq $1, native_was_branch(%rip)\n"
							 "native_landing:\n" GENERAL(
								 STORE) "mov $0x2b, %ecx\n"
									"mov %ecx, %ss\n"
									"mov native_stack(%rip), "
									"%rsp\n"
									"pushf\n"
									"pop native_now+128(%rip)\n"
									"cld\n"
									"mov $0, %ecx\n"
									"mov %ecx, %ds\n"
									"mov %ecx, %es\n" VECTORS(
										STORE_VECTOR) "pop "
											      "%r15"
											      "\npo"
											      "p "
											      "%r14"
											      "\npo"
											      "p "
											      "%r13"
											      "\npo"
											      "p "
											      "%r12"
											      "\npo"
											      "p "
											      "%rbp"
											      "\npo"
											      "p "
											      "%rbx"
											      "\n"
											      "ret"
											      "\n");

static volatile sig_atomic_t caught;

/* Goes on at the landing place, with the registers as they were. */
static void on_signal(int number, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)info;
	caught = number;
	registers[REG_RIP] = (greg_t)(uintptr_t)native_landing;
	registers[REG_CSGSFS] = (greg_t)(((uint64_t)registers[REG_CSGSFS] & 0xffffffff0000) |
					 USER_CS | (uint64_t)USER_SS << 48);
	registers[REG_EFL] &= ~0x400;
}

uint64_t native_base(enum native_segment segment)
{
	return (uintptr_t)native_data - 0x3000 - 0x800U * segment;
}

static bool set_descriptor(unsigned entry, uint64_t base, bool code, bool wide)
{
	struct user_desc d = {.entry_number = entry,
			      .base_addr = (unsigned)base,
			      .limit = NATIVE_LIMIT,
			      .seg_32bit = wide,
			      .contents =
				      code ? MODIFY_LDT_CONTENTS_CODE : MODIFY_LDT_CONTENTS_DATA,
			      .useable = 1};

	return !syscall(SYS_modify_ldt, 1, &d, sizeof(d));
}

/* Entries 0 to 5: 16 bits; 6 to 11: 32 bits. */
static bool set_descriptors(void)
{
	for (unsigned i = 0; i < 12; i++) {
		if (!set_descriptor(i, native_base(i % 6), i % 6 == NATIVE_CS, i >= 6))
			return false;
	}
	return true;
}

/* A far jump from 32- or 16-bit code to the 64-bit stub at an offset in the page of code. */
static void put_far_jump(uint8_t *code, unsigned code_size, unsigned stub)
{
	uint32_t address = (uint32_t)(uintptr_t)(native_code + stub);

	if (code_size == 2)
		*code++ = 0x66;
	*code++ = 0xea;
	memcpy(code, &address, 4);
	code[4] = USER_CS;
	code[5] = 0;
}

/* A jump to any address in 64-bit mode. */
static void put_jump(uint8_t *code, const void *target)
{
	memcpy(code, "\xff\x25\0\0\0\0", 6);
	memcpy(code + 6, &target, 8);
}

void native_catch_signals(void)
{
	static uint8_t signal_stack[65536];
	stack_t stack = {.ss_sp = signal_stack, .ss_size = sizeof(signal_stack)};
	struct sigaction action = {.sa_sigaction = on_signal,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGILL, &action, NULL);
}

bool native_init(void)
{
	/* Always the same, for the same cases. */
	uint8_t *pages = mmap((void *)0x20000000, (NATIVE_PAGES + 5) * PAGE, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (pages == MAP_FAILED)
		return false;
	/* Nothing beside the data. */
	native_data = pages + 2 * PAGE;
	native_code = native_data + (NATIVE_PAGES + 1) * PAGE;
	if (mprotect(native_data, (size_t)NATIVE_PAGES * PAGE, PROT_READ | PROT_WRITE) ||
	    mprotect(native_code, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC))
		return false;
	has_segments = set_descriptors();
	put_jump(native_code + STUB_OFFSET, native_landing);
	put_jump(native_code + STUB_OFFSET + 64, native_landing_branch);
	return syscall(SYS_arch_prctl, ARCH_SET_GS, native_base(NATIVE_GS)) == 0;
}

bool native_has(unsigned code_size)
{
	return code_size == 8 || has_segments;
}

uint64_t native_branch_target(unsigned code_size)
{
	if (code_size == 8)
		return (uintptr_t)native_landing_branch;
	return (uintptr_t)native_code + BRANCH_OFFSET - native_base(NATIVE_CS);
}

uint16_t native_selector(enum native_segment segment, unsigned code_size)
{
	if (code_size == 8)
		return segment == NATIVE_CS ? USER_CS : segment == NATIVE_SS ? USER_SS : 0;
	if (segment == NATIVE_FS)
		return 0;
	return (uint16_t)((segment + (code_size == 4 ? 6U : 0)) << 3 | 7);
}

int native_run(struct native_state *state, unsigned code_size, size_t length)
{
	native_is_far = code_size != 8;
	if (native_is_far) {
		for (unsigned i = 0; i < 6; i++)
			native_selectors[i] = native_selector(i, code_size);
		native_far.selector = native_selectors[NATIVE_CS];
		native_far.offset = (uint32_t)((uintptr_t)native_code - native_base(NATIVE_CS));
		put_far_jump(native_code + length, code_size, STUB_OFFSET);
		put_far_jump(native_code + BRANCH_OFFSET, code_size, STUB_OFFSET + 64);
	} else {
		put_jump(native_code + length, native_landing);
	}
	native_target = (uintptr_t)native_code;
	native_now = *state;
	native_was_branch = 0;
	caught = 0;
	native_enter();
	*state = native_now;
	if (native_is_far)
		syscall(SYS_arch_prctl, ARCH_SET_GS, native_base(NATIVE_GS));
	return caught ? -caught : (int)native_was_branch;
}
