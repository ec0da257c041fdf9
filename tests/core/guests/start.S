/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What makes exits.c a kernel for the core's loader (hypervisor/boot/linux.c): the setup header of
 * Linux' boot protocol and the 64-bit entry. For QEMU's -kernel, without the first 1024 bytes: a
 * multiboot header, and an entry that switches to 64 bits. And the handlers of the interrupts that are
 * measured.
 */
#define LOADED 0x100000 /* where multiboot puts the file's start */
#define TABLES 0x300000 /* page tables: six pages */
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

	.balign 4
multiboot:
	.long 0x1badb002, 1 << 16, -(0x1badb002 + (1 << 16))
	.long LOADED + multiboot, LOADED + guest_start, 0, 0, LOADED + multiboot_entry

	/* Four gigabytes at their own addresses, in pages of 2 MiB. */
	.code32
multiboot_entry:
	mov	$TABLES, %edi
	mov	%edi, %cr3
	xor	%eax, %eax
	mov	$6 * 1024, %ecx
	cld
	rep	stosl
	movl	$TABLES + 0x1003, TABLES
	mov	$TABLES + 0x2003, %eax
	mov	$TABLES + 0x1000, %edi
1:	mov	%eax, (%edi)
	add	$0x1000, %eax
	add	$8, %edi
	cmp	$TABLES + 0x1020, %edi
	jne	1b
	mov	$0x83, %eax
	mov	$TABLES + 0x2000, %edi
1:	mov	%eax, (%edi)
	add	$0x200000, %eax
	add	$8, %edi
	cmp	$TABLES + 0x6000, %edi
	jne	1b
	mov	$1 << 5, %eax			/* PAE */
	mov	%eax, %cr4
	mov	$0xc0000080, %ecx		/* EFER.LME */
	rdmsr
	or	$1 << 8, %eax
	wrmsr
	mov	%cr0, %eax
	or	$1 << 31, %eax
	mov	%eax, %cr0
	lgdt	LOADED + gdt_pointer
	ljmp	$8, $LOADED + multiboot_entry64
	.code64
multiboot_entry64:
	mov	$0xff, %al			/* no interrupts of the firmware's */
	out	%al, $0x21
	out	%al, $0xa1
	xor	%eax, %eax
	mov	%eax, %ss
	mov	%eax, %ds
	mov	%eax, %es
	lea	guest_stack(%rip), %rsp
	xor	%edi, %edi
	call	guest_main
1:	cli
	hlt
	jmp	1b
	.balign 8
gdt:	.quad 0, 0x00af9b000000ffff
gdt_pointer:
	.word . - gdt - 1
	.long LOADED + gdt

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
