/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the boot loader to C. Source: Multiboot2 Specification 2.0, 3.1 and 3.3; AMD APM vol. 2, 14.6.
 *
 * The loader enters in 32-bit protected mode without paging, wherever it has put the image (a
 * multiple of 2 MiB). Until paging is on, %ebp holds how far that is from the default address and
 * every address is PA(symbol)(%ebp).
 */
#include "boot/image.h"

#define PA(symbol) ((symbol) - IMAGE_VIRTUAL_BASE)

#define MULTIBOOT2_MAGIC 0xe85250d6
#define MULTIBOOT2_LOADER 0x36d76289
#define COM1 0x3f8

	.section .boot, "ax", @progbits
	.balign 8
multiboot_header:
	.long MULTIBOOT2_MAGIC
	.long 0					/* 32-bit protected mode */
	.long multiboot_header_end - multiboot_header
	.long 0x100000000 - (MULTIBOOT2_MAGIC + (multiboot_header_end - multiboot_header))

	.balign 8
	.word 1, 1				/* information request, optional */
	.long 8 + 7 * 4
	.long 1, 2, 3, 6, 8, 14, 15		/* command line, loader, modules, memory, screen, ACPI */
	.balign 8
	.word 5, 1				/* framebuffer, optional */
	.long 20
	.long 1024, 768, 32
	.balign 8
	.word 6, 0				/* modules on page boundaries */
	.long 8
	.balign 8
	.word 10, 0				/* relocatable */
	.long 24
	.long IMAGE_LOAD_DEFAULT, 0x7fffffff, 0x200000
	.long 1					/* as low as possible */
	.balign 8
	.word 0, 0
	.long 8
multiboot_header_end:

	.code32
	.globl boot_entry
boot_entry:
	cli
	cld
	cmpl $MULTIBOOT2_LOADER, %eax
	je 1f
	movl $0x7000, %esp			/* nothing is known, so nobody's memory is as good */
	call 0f
0:	popl %ebp
	subl $PA(0b), %ebp
	leal PA(text_201)(%ebp), %esi
	leal PA(no_tags)-8(%ebp), %ebx
	jmp boot_fail

	/* Where are we? A call needs a stack: borrow the reserved word of the loader's information. */
1:	movl 4(%ebx), %edx
	leal 8(%ebx), %esp
	call 2f
2:	popl %ebp
	movl %edx, 4(%ebx)
	subl $PA(2b), %ebp
	leal PA(boot_stack_top)(%ebp), %esp

	/* Long mode? The CPUID instruction is there if EFLAGS.ID can be flipped. */
	pushfl
	popl %eax
	movl %eax, %ecx
	xorl $0x200000, %eax
	pushl %eax
	popfl
	pushfl
	popl %eax
	xorl %ecx, %eax
	testl $0x200000, %eax
	jz no_long_mode
	movl %ebx, %edi				/* CPUID changes %ebx */
	movl $0x80000000, %eax
	cpuid
	cmpl $0x80000001, %eax
	jb no_long_mode_cpuid
	movl $0x80000001, %eax
	cpuid
	testl $(1 << 29), %edx
	jz no_long_mode_cpuid
	movl %edx, %esi

	/* The early tables: the first 4 GiB at 0 and in the physical map, the image at its address.
	 * Pages are 2 MiB, writable and executable, until x86/paging.c has made the final ones. */
	leal PA(early_pdpt_low)+3(%ebp), %eax
	movl %eax, PA(early_pml4)(%ebp)
	movl %eax, PA(early_pml4)+256*8(%ebp)
	leal PA(early_pdpt_high)+3(%ebp), %eax
	movl %eax, PA(early_pml4)+511*8(%ebp)
	leal PA(early_pd_high)+3(%ebp), %eax
	movl %eax, PA(early_pdpt_high)+510*8(%ebp)
	leal PA(early_pd_low)+3(%ebp), %eax
	leal PA(early_pdpt_low)(%ebp), %ecx
	movl $4, %edx
3:	movl %eax, (%ecx)
	addl $4096, %eax
	addl $8, %ecx
	decl %edx
	jnz 3b
	leal PA(early_pd_low)(%ebp), %ecx
	movl $0x83, %eax
	movl $2048, %edx
4:	movl %eax, (%ecx)
	addl $0x200000, %eax
	addl $8, %ecx
	decl %edx
	jnz 4b
	leal 0x83 + IMAGE_LOAD_DEFAULT(%ebp), %eax
	leal PA(early_pd_high)+8*(IMAGE_LOAD_DEFAULT >> 21)(%ebp), %ecx
	movl $4, %edx
5:	movl %eax, (%ecx)
	addl $0x200000, %eax
	addl $8, %ecx
	decl %edx
	jnz 5b

	movl %cr4, %eax
	orl $(1 << 5), %eax			/* PAE */
	movl %eax, %cr4
	leal PA(early_pml4)(%ebp), %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx			/* EFER.LME */
	rdmsr
	orl $(1 << 8), %eax
	testl $(1 << 20), %esi			/* NX; without it x86/require.c says so */
	jz 6f
	orl $(1 << 11), %eax
6:	wrmsr
	movl $0x80010001, %eax			/* PG, WP, PE; caches on, no emulation */
	movl %eax, %cr0

	leal PA(boot_gdt)(%ebp), %eax
	pushl %eax
	pushw $(boot_gdt_end - boot_gdt - 1)
	lgdt (%esp)
	addl $6, %esp
	pushl $8
	leal PA(long_mode)(%ebp), %eax
	pushl %eax
	lret

no_long_mode_cpuid:
	movl %edi, %ebx
no_long_mode:
	leal PA(text_101)(%ebp), %esi

	/* Says what %esi points to on COM1 and on screen, and stops. %ebx: the loader's information. */
boot_fail:
	call boot_fail_serial
	call boot_fail_pixels
	movl $0xb8000, %edi			/* in case it is a text screen */
	movb $0x4f, %ah
7:	lodsb
	testb %al, %al
	jz 8f
	stosw
	jmp 7b
8:	hlt
	jmp 8b

	/* Into the loader's framebuffer if that has 32 bits a pixel. */
boot_fail_pixels:
	pushl %esi
	leal 8(%ebx), %eax			/* the first tag */
0:	cmpl $0, (%eax)
	je 6f
	cmpl $8, (%eax)
	je 1f
	movl 4(%eax), %ecx
	addl $7, %ecx
	andl $~7, %ecx
	addl %ecx, %eax
	jmp 0b
1:	cmpl $0, 12(%eax)			/* above 4 GiB */
	jne 6f
	cmpw $0x120, 28(%eax)			/* 32 bits, RGB */
	jne 6f
	movl 8(%eax), %edi
	movl 16(%eax), %edx			/* bytes a row */
2:	xorl %eax, %eax
	lodsb
	testb %al, %al
	jz 6f
	shll $4, %eax
	leal PA(text_font)-16*0x20(%ebp,%eax), %ecx
	pushl %edi
	movl $16, %ebx
3:	movb (%ecx), %al
	incl %ecx
	movb $8, %ah
4:	shlb $1, %al
	jnc 5f
	movl $0xffffff, (%edi)
5:	addl $4, %edi
	decb %ah
	jnz 4b
	leal -32(%edi,%edx), %edi
	decl %ebx
	jnz 3b
	popl %edi
	addl $32, %edi
	jmp 2b
6:	popl %esi
	ret

boot_fail_serial:
	pushl %esi
	movw $COM1 + 1, %dx			/* no interrupts; 115200 8n1; FIFO */
	xorl %eax, %eax
	outb %al, %dx
	movw $COM1 + 3, %dx
	movb $0x80, %al
	outb %al, %dx
	movw $COM1, %dx
	movb $1, %al
	outb %al, %dx
	incw %dx
	xorl %eax, %eax
	outb %al, %dx
	movw $COM1 + 3, %dx
	movb $3, %al
	outb %al, %dx
	decw %dx
	movb $7, %al
	outb %al, %dx
0:	movw $COM1 + 5, %dx
	movl $1000000, %ecx			/* nobody listening must not hang the message on screen */
1:	inb %dx, %al
	testb $0x20, %al
	jnz 2f
	decl %ecx
	jnz 1b
2:	lodsb
	testb %al, %al
	jz 3f
	movw $COM1, %dx
	outb %al, %dx
	jmp 0b
3:	popl %esi
	ret

	/* The only texts outside lib/reason.c: no C runs yet. */
text_101:
	.asciz "error 101: the CPU has no 64-bit mode"
text_201:
	.asciz "error 201: the boot loader did not use multiboot2"

	.balign 8
no_tags:
	.long 0, 8
boot_gdt:					/* accessed bits set: the CPU must not write here */
	.quad 0
	.quad 0x00af9b000000ffff		/* 8: 64-bit code */
	.quad 0x00cf93000000ffff		/* 16: data */
boot_gdt_end:

	.code64
long_mode:
	movq $high, %rax
	jmp *%rax
high:	movl $16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	movq $boot_stack_top, %rsp
	pushq $2				/* EFLAGS.ID was played with */
	popfq
	/* The stack protector's guard, before the first function that uses it. */
	rdtsc
	shlq $32, %rdx
	orq %rdx, %rax
	movabsq $0x9e3779b97f4a7c15, %rcx
	imulq %rcx, %rax
	movb $0, %al				/* a zero byte stops string overruns */
	movq %rax, __stack_chk_guard
	leal IMAGE_LOAD_DEFAULT(%rbp), %esi
	xorl %ebp, %ebp				/* backtraces end here */
	call start_boot
	ud2

	.section .bss.page, "aw", @nobits
	.balign 4096
	.globl early_pml4
early_pml4:
	.skip 4096
early_pdpt_low:
	.skip 4096
early_pdpt_high:
	.skip 4096
early_pd_high:
	.skip 4096
early_pd_low:
	.skip 4 * 4096
	.globl boot_stack_guard
boot_stack_guard:				/* not mapped by the final tables */
	.skip 4096
boot_stack:
	.skip 4 * 4096
	.globl boot_stack_top
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
