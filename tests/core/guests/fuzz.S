/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fuzzing guest's start, its ways into each mode, and the way back from wherever an exception,
 * an interrupt or an NMI has found it. It is QEMU's -bios, so that a reset costs nothing and what it
 * is cannot be written.
 */
#include "fuzz.h"
#define LOW(label) ((label) - rom)

	.section .rom, "ax"
rom:
	.code16
	/* A reset, or an INIT of the first CPU. */
begin:
	cli
	xor %ax, %ax
	mov %ax, %ds
	movl $1, LIFE
recover16:
	cli
	lgdtl %cs:LOW(gdt_pointer)
	mov $0x11, %eax
	mov %eax, %cr0
	ljmpl $CODE32, $ROM + LOW(recover32)

	/* From 16-bit protected mode, with the state's address in ebp. */
leave:
	mov $0x10, %eax
	mov %eax, %cr0
	ljmp $ROM >> 4, $LOW(real)
real:
	xor %ax, %ax
	mov %ax, %ss
	mov AT_FRAME + 20(%bp), %es
	mov AT_FRAME + 24(%bp), %ds
	mov %ss:AT_FRAME + 28(%bp), %fs
	mov %ss:AT_FRAME + 32(%bp), %gs
	lea AT_REGS(%bp), %sp
	popal
	iretl

	.code64
recover64:
	ljmp *(ROM + LOW(far))
	.code32
recover32:
	cli
	mov $DATA32, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %eax, %fs
	mov %eax, %gs
	mov $0x11, %eax
	mov %eax, %cr0
	xor %eax, %eax
	xor %edx, %edx
	mov $0xc0000080, %ecx		/* EFER, before CR4: fuzz.c says why */
	wrmsr
	mov %eax, %cr3
	mov %eax, %cr4
	mov %eax, %dr7
	mov $1, %eax
	cpuid
	shr $24, %ebx
	and $CPUS - 1, %ebx
	mov %ebx, %ebp
	shl $12, %ebp
	add $STATE, %ebp
	lea 0x1000(%ebp), %esp
	pushfl				/* NMIs are let in again */
	push $CODE32
	push $ROM + LOW(unblocked)
	iretl
unblocked:
	cld
	fninit
	push %ebx
	call fuzz_next
	lgdtl AT_POINTER(%ebp)
	mov $DATA32, %eax		/* from the new table */
	mov %eax, %ds
	mov %eax, %ss
	cmpl $MODE_32, AT_MODE(%ebp)
	je to32
	ja to64
	lidtl ROM + LOW(real_idt)
	mov $DATA16, %eax
	mov %eax, %ds
	mov %eax, %ss
	ljmp $CODE16, $LOW(leave)
to32:
	lidtl ROM + LOW(idt32_pointer)
	mov $TSS32, %eax
	ltr %ax
	call set_mode
	mov AT_FRAME + 20(%ebp), %es
	mov AT_FRAME + 28(%ebp), %fs
	mov AT_FRAME + 32(%ebp), %gs
	mov AT_FRAME + 24(%ebp), %ds
	lea AT_REGS(%ebp), %esp
	popal
	iretl
to64:
	lidtl ROM + LOW(idt64_pointer)
	call set_mode
	ljmp $CODE64, $ROM + LOW(in64)
	.code64
in64:
	mov $TSS64, %eax
	ltr %ax
	mov $USERDATA | 3, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov %eax, %gs
	lea AT_REGS64(%rbp), %rsp
	pop %rax
	pop %rcx
	pop %rdx
	pop %rbx
	pop %rbp
	pop %rsi
	pop %rdi
	pop %r8
	pop %r9
	pop %r10
	pop %r11
	pop %r12
	pop %r13
	pop %r14
	pop %r15
	iretq

	.code32
set_mode:
	mov AT_CR4(%ebp), %eax
	mov %eax, %cr4
	mov AT_CR3(%ebp), %eax
	mov %eax, %cr3
	mov AT_EFER(%ebp), %eax
	xor %edx, %edx
	mov $0xc0000080, %ecx
	wrmsr
	mov AT_CR0(%ebp), %eax
	mov %eax, %cr0
	ret

	.balign 8
far:	.long ROM + LOW(recover32)
	.word CODE32
real_idt:
	.word 0x3ff
	.long 0
gdt_pointer:
	.word GDT_SIZE - 1
	.long ROM + LOW(gdt)
idt32_pointer:
	.word 256 * 8 - 1
	.long ROM + LOW(idt32)
idt64_pointer:
	.word 256 * 16 - 1
	.long ROM + LOW(idt64)
	.balign 8
	/* Each CPU's is a copy, with its own TSSs. */
	.globl gdt, real_entry
gdt:	.quad 0
	.quad 0x00cf9b000000ffff	/* CODE32 */
	.quad 0x00cf93000000ffff	/* DATA32 */
	.quad 0x00009b0f0000ffff	/* CODE16 */
	.quad 0x000093000000ffff	/* DATA16 */
	.quad 0x00af9b000000ffff	/* CODE64 */
	.quad 0x00cffb000000ffff	/* USER32 */
	.quad 0x00cff3000000ffff	/* USERDATA */
	.quad 0x00affb000000ffff	/* USER64 */
	.quad 0x00009b000000ffff	/* LOW16 */
	.quad 0, 0, 0
real_entry:
	.word LOW(recover16), ROM >> 4
	.balign 16
idt32:	.rept 256			/* interrupt gates, also for INT by a user */
	.word LOW(recover32), CODE32, 0xee00, ROM >> 16
	.endr
idt64:	.rept 256			/* on a stack of their own */
	.word LOW(recover64), CODE64, 0xee01, ROM >> 16
	.long 0, 0
	.endr

	.section .sipi, "ax"		/* where other CPUs start */
	.code16
	ljmp $ROM >> 4, $LOW(recover16)
	.section .reset, "ax"
	ljmp $ROM >> 4, $LOW(begin)
	.section .note.GNU-stack, "", @progbits
