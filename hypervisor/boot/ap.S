/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where another CPU starts: a copy of this code in a page below 1 MiB, real mode, CS the page. It
 * goes straight to long mode on the early tables, which map that page at its own address.
 */
#include "boot/image.h"

#define PAGE_OFFSET(symbol) ((symbol) - ap_code)

	.section .rodata, "a", @progbits
	.balign 16
	.code16
	.globl ap_code, ap_code_end, ap_code_tables
ap_code:
	cli
	cld
	movw %cs, %ax
	movw %ax, %ds
	movzwl %ax, %ebx
	shll $4, %ebx				/* where this page is */
	leal PAGE_OFFSET(ap_gdt)(%ebx), %eax
	movl %eax, PAGE_OFFSET(ap_gdt_pointer) + 2
	leal PAGE_OFFSET(ap_64)(%ebx), %eax
	movl %eax, PAGE_OFFSET(ap_target)
	lgdtl PAGE_OFFSET(ap_gdt_pointer)
	movl $(1 << 5), %eax			/* PAE */
	movl %eax, %cr4
	movl PAGE_OFFSET(ap_code_tables), %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx			/* EFER: LME, NXE (cpu_require() has seen NX) */
	rdmsr
	orl $((1 << 8) | (1 << 11)), %eax
	wrmsr
	movl $0x80010001, %eax			/* PG, WP, PE */
	movl %eax, %cr0
	ljmpl *PAGE_OFFSET(ap_target)

	.code64
ap_64:
	movl $16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	xorl %ebp, %ebp
	movq $ap_high, %rax
	jmp *%rax

	.balign 8
ap_gdt:
	.quad 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
ap_gdt_pointer:
	.word 3 * 8 - 1
	.long 0
ap_target:
	.long 0
	.word 8
	.balign 4
ap_code_tables:					/* the early tables' address, filled in */
	.long 0
ap_code_end:

	/* From here at the image's own address. */
	.text
ap_high:
	movq ap_start_tables, %rax
	movq %rax, %cr3
	movq ap_start_stack, %rsp
	call ap_start
	ud2

	/* void stack_call(uint64_t top, void (*function)(void)): goes on there, for good. */
	.globl stack_call
stack_call:
	movq %rdi, %rsp
	xorl %ebp, %ebp
	call *%rsi
	ud2

	.section .note.GNU-stack, "", @progbits
