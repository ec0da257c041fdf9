/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest of one boot sector, for guest-accel.c: goes from real mode to 64 bits by its own page
 * tables and then does, as a kernel does at its start, what half-hearted virtualisation stumbles
 * over: x87 and SSE at ring 0, an exception through its own IDT and back by iretq, model-specific
 * registers, TLB flushes, swapgs. If all of it went well it says so on QEMU's debug port (0x402).
 *
 * Memory: 0x1000 PML4, 0x2000 PDPT, 0x3000 PD (one 2 MiB page), 0x5000 IDT, stack below 0x7c00.
 */
#ifdef __x86_64__

#define AT(label) ((label) - guest_probe_sector + 0x7c00)

	.section .rodata
	.globl guest_probe_sector
	.hidden guest_probe_sector
	.type guest_probe_sector, @object
	.balign 16
guest_probe_sector:
	.code16
	cli
	cld
	xorl %eax, %eax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movw $0x7c00, %sp
	/* three page tables and the IDT, all zero, then one entry each */
	movw $0x1000, %di
	movw $0x1400, %cx
	rep stosl
	movl $0x2003, 0x1000
	movl $0x3003, 0x2000
	movl $0x0083, 0x3000
	/* the gate of vector 3: selector 8, present, interrupt gate */
	movl $(0x00080000 + AT(on_breakpoint)), 0x5030
	movl $0x00008e00, 0x5034

	movl $0x620, %eax	/* PAE, OSFXSR, OSXMMEXCPT */
	movl %eax, %cr4
	movl $0x1000, %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx	/* EFER: long mode */
	rdmsr
	orl $0x100, %eax
	wrmsr
	lgdtl AT(gdt_pointer)
	movl %cr0, %eax
	andl $0xfffffffb, %eax	/* not EM */
	orl $0x80000003, %eax	/* PG, MP, PE */
	movl %eax, %cr0
	ljmpl $8, $AT(long_mode)

	.code64
long_mode:
	movl $16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $0x7c00, %esp
	xorl %ebx, %ebx
	lidt AT(idt_pointer)

	finit			/* fwait, fninit */
	fld1
	fld1
	faddp
	fistpl 0x6000
	fwait
	addl 0x6000, %ebx	/* 2 */
	movl $20, %eax
	movd %eax, %xmm0
	paddd %xmm0, %xmm0
	movd %xmm0, %eax
	addl %eax, %ebx		/* 42 */
	int3			/* adds 1000 */

	movl $0xc0000101, %ecx	/* GS base there, swapped away and back */
	xorl %edx, %edx
	movl $0x6100, %eax
	wrmsr
	swapgs
	swapgs
	rdmsr
	subl $0x6100, %eax
	addl %eax, %ebx

	invlpg 0x6000
	movq %cr3, %rax
	movq %rax, %cr3
	pushfq
	popfq
	xorl %eax, %eax
	pushq %rbx
	cpuid
	popq %rbx
	rdtsc
	movq %cr0, %rax		/* TS on and off, as a context switch does it */
	orq $8, %rax
	movq %rax, %cr0
	clts

	cmpl $1042, %ebx
	jne stop
	movl $AT(word), %esi
	movw $0x402, %dx
say:
	lodsb
	testb %al, %al
	jz stop
	outb %al, %dx
	jmp say
stop:
	hlt
	jmp stop

on_breakpoint:
	addl $1000, %ebx
	iretq

word:
	.asciz "mullion-probe-passed\n"
	.balign 8
gdt:
	.quad 0
	.quad 0x00af9a000000ffff	/* 8: 64-bit code */
	.quad 0x00cf92000000ffff	/* 16: data */
gdt_pointer:
	.word gdt_pointer - gdt - 1
	.long AT(gdt)
idt_pointer:
	.word 0x0fff
	.quad 0x5000

	.org guest_probe_sector + 510
	.byte 0x55, 0xaa
	.size guest_probe_sector, . - guest_probe_sector

#endif
	.section .note.GNU-stack, "", @progbits
