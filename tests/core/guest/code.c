// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the guests run. Each step ends with an exit that main.c waits for; ports say where it is.
 * Interrupt handlers: vector n writes n to port 0x90 and ends the interrupt in x2APIC mode.
 */
#include "try.h"

/* clang-format off */
asm(".pushsection .rodata\n"
    ".code16\n"
    ".global try_code, try_code_end\n"
    ".balign 16\n"
    "try_code:\n"

    ".global try_at_exits\n"
    "try_at_exits:\n"
    "	movb $0x42, %al\n	outb %al, $0x80\n"
    "	movw $0x3f8, %dx\n	inb %dx, %al\n		outb %al, $0x81\n"
    "	movl $0x40000000, %eax\n cpuid\n		outl %eax, $0x82\n"
    "	movl %ebx, %eax\n				outl %eax, $0x82\n"
    "	movl $1, %eax\n	cpuid\n	movl %ebx, %eax\n	outl %eax, $0x82\n"
    "	movl $0x77777777, %eax\n cpuid\n		outl %eax, $0x82\n"
    "	movw $0x10, %si\n	movw $5, %cx\n		rep outsb %es:(%si), %dx\n"
    "	insw %dx, %es:(%di)\n"
    "	movl $0x12345, %ecx\n	rdmsr\n			outl %eax, $0x83\n"
    "	movl $0x4b564d01, %ecx\n movl $0x1111, %eax\n movl $0x2222, %edx\n wrmsr\n"
    "	movl $0x1b, %ecx\n	rdmsr\n			outl %eax, $0x83\n"
    "	movl $0xc0000080, %ecx\n rdmsr\n		outl %eax, $0x83\n"
    "	movw $0x2000, %ax\n	movw %ax, %ds\n"
    "	movb 0x123, %al\n" /* nothing is mapped there: A0 */
    "	movw $0x1000, %ax\n	movw %ax, %ds\n"
    "	movw 0x10, %ax\n				outw %ax, $0x84\n"
    "	movw %ax, 0x20\n" /* not to be written: A3 */
    "	xorw %ax, %ax\n		movw %ax, %ds\n"
    "	vmmcall\n"
    "	wbinvd\n"
    "	rdtsc\n						outl %eax, $0x85\n"
    "	hlt\n"

    ".global try_at_apic\n"
    "try_at_apic:\n"
    "	cli\n			movw $handlers - try_code + 0x1000, %bx\n"
    "	xorw %di, %di\n"
    "1:	movw %bx, (%di)\n	movw $0, 2(%di)\n	addw $4, %di\n	addw $8, %bx\n"
    "	cmpw $0x50 * 4, %di\n	jne 1b\n"
    "	movl $0x1b, %ecx\n	rdmsr\n	orl $0xc00, %eax\n wrmsr\n"
    "	movl $0x80f, %ecx\n	movl $0x1ff, %eax\n	xorl %edx, %edx\n wrmsr\n"
    "	sti\n"
    "	movl $0x83f, %ecx\n	movl $0x40, %eax\n	wrmsr\n" /* to itself */
    "	outb %al, $0x80\n"
    "	movl $0x832, %ecx\n	movl $0x40041, %eax\n	wrmsr\n" /* TSC deadline */
    "	rdtsc\n	addl $20000000, %eax\n	adcl $0, %edx\n"
    "	movl $0x6e0, %ecx\n	wrmsr\n"
    "	hlt\n						outb %al, $0x81\n"
    "2:	hlt\n						outb %al, $0x82\n"
    "	jmp 2b\n"

    ".global try_at_second\n" /* starts vCPU 1 at 0x2000, where try_code is copied, too */
    "try_at_second:\n"
    "	movl $0x1b, %ecx\n	rdmsr\n	orl $0xc00, %eax\n wrmsr\n"
    "	movl $0x80f, %ecx\n	movl $0x1ff, %eax\n	xorl %edx, %edx\n wrmsr\n"
    "	movl $0x830, %ecx\n	movl $1, %edx\n"
    "	movl $0x4500, %eax\n	wrmsr\n"
    "	movl $0x4602, %eax\n	wrmsr\n"
    "	outb %al, $0x80\n"
    "	movl $0x4040, %eax\n	wrmsr\n"
    "	outb %al, $0x81\n"
    "	hlt\n"

    ".global try_at_spin\n"
    "try_at_spin:\n"
    "	sti\n"
    "1:	incl 0x3000\n		pause\n			jmp 1b\n"

    ".global try_at_write\n" /* a byte to each page from 0x5000 to 0x7000, then a port */
    "try_at_write:\n"
    "	movb $1, 0x5000\n	movb $1, 0x7000\n	outb %al, $0x80\n"
    "	jmp try_at_write\n"

    ".global try_at_window\n"
    "try_at_window:\n"
    "	cli\n			outb %al, $0x80\n"
    "	nop\n			sti\n			nop\n"
    "	nop\n			outb %al, $0x81\n	hlt\n"

    ".global try_at_shutdown\n"
    "try_at_shutdown:\n"
    "	lidt %cs:no_idt - try_code + 0x1000\n"
    "	int3\n"
    "no_idt:	.word 0, 0, 0\n"

    ".balign 8\n"
    "handlers:\n"
    ".set vector, 0\n"
    ".rept 0x50\n"
    "	.byte 0x6a, vector\n	jmp common\n	.balign 8\n" /* push */
    ".set vector, vector + 1\n"
    ".endr\n"
    "common:\n"
    "	pushl %eax\n	pushl %ecx\n	pushl %edx\n	movw %sp, %bp\n"
    "	movb 12(%bp), %al\n				outb %al, $0x90\n"
    "	cmpb $2, %al\n		je 1f\n" /* an NMI */
    "	movl $0x80b, %ecx\n	xorl %eax, %eax\n	xorl %edx, %edx\n wrmsr\n"
    "1:	popl %edx\n	popl %ecx\n	popl %eax\n	addw $2, %sp\n	iretw\n"

    ".code32\n"
    ".global try_at_flat\n" /* protected mode without paging: the APIC's page */
    "try_at_flat:\n"
    "	movl 0xfee00030, %eax\n	outl %eax, $0x80\n"
    "	movl $0x1ff, 0xfee000f0\n"
    "	movl 0xfee000f0, %eax\n	outl %eax, $0x81\n"
    "	orl $0x20, 0xfee00080\n"
    "	movl $0xfee00080, %ebx\n movzbl (%ebx), %eax\n	outl %eax, $0x82\n"
    "	movl $0x01000000, 0xfee00310\n"
    "	movl $0x4500, 0xfee00300\n" /* INIT to vCPU 1 */
    "	hlt\n"

    "try_code_end:\n"
    ".code64\n"
    ".popsection\n");
/* clang-format on */
