/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What makes exits.c a kernel for the core's loader (hypervisor/boot/linux.c): the setup header of
 * Linux' boot protocol, the 64-bit entry, and the handlers of the interrupts that are measured.
 */
	.section .setup, "a"
	.org 0x1f1
	.byte 1				/* setup sectors */
	.word 0
	.long guest_paragraphs
	.org 0x1fe
	.word 0xaa55
	.byte 0xeb, header_end - . - 1	/* where the header ends */
	.ascii "HdrS"
	.word 0x20f
	.org 0x211
	.byte 1				/* loaded high */
	.org 0x230
	.long 0x200000
	.byte 1, 21			/* relocatable */
	.word 1				/* has a 64-bit entry */
	.long 2047			/* of command line */
	.org 0x258
	.quad 0x1000000
	.long guest_size + 4096
	.org 0x268
header_end:

	.section .head, "ax"
	.org 0x200
	lea	guest_stack(%rip), %rsp
	mov	%rsi, %rdi
	call	guest_main
1:	cli
	hlt
	jmp	1b

/* Each notes when it began, and ends its interrupt; but the second, which is the same without the
 * core, for a software interrupt to compare with. */
	.macro	handler name, vector_end:vararg
	.globl	\name
\name:
	push	%rax
	push	%rdx
	push	%rcx
	rdtsc
	mov	%eax, interrupted_at(%rip)
	mov	%edx, 4+interrupted_at(%rip)
	mov	$0x80b, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	\vector_end
	pop	%rcx
	pop	%rdx
	pop	%rax
	iretq
	.endm

	.text
	handler	interrupt_handler, wrmsr
	handler	software_handler, nop
	.section .note.GNU-stack, "", @progbits
