/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the client's guests run: copied to CODE, position fixed by that. Ports: 0x10 says how far it is,
 * 0x11 takes a value. gs and such are not used; the stack is where client.c puts it.
 */
	.section .rodata
	.balign 4096
	.globl guest_text, guest_end, guest_ports, guest_mmio, guest_halt, guest_ap, guest_boot
	.globl guest_timer, guest_event, guest_touch, guest_spin, guest_string, guest_msr, guest_bare
	.globl guest_rdmsr, guest_wrmsr, guest_call, guest_vector_0d, guest_x87, guest_fill
#define APIC 0xfee00000
#define FLAG 0x8000
guest_text:

/* The application processor's start: real mode, cs:ip = 0x100:0. */
	.code16
guest_ap:
	movb $0x55, %al
	outb %al, $0x20
1:	hlt
	jmp 1b

/* Real mode: writes 'A', adds one to what it reads, writes that, halts with interrupts on. */
guest_ports:
	movw $0x3f8, %dx
	movb $'A', %al
	outb %al, %dx
	inb %dx, %al
	incb %al
	outb %al, %dx
	movw $0x1234, %ax
	outw %ax, $0x11
	inl $0x11, %eax
	outl %eax, $0x11
	sti
	hlt
	movb $1, %al
	outb %al, $0x10
	hlt

/* Real mode: reads and writes what is no memory at 0xd0000, in several forms. */
guest_mmio:
	movw $0xd000, %ax
	movw %ax, %ds
	movb 0, %al
	incb %al
	movb %al, 1
	movl $0x11223344, 4
	movzbw 8, %bx
	addw %bx, 16
	movb $2, %al
	outb %al, $0x10
	hlt

/* Real mode: OUTS and INS of three bytes at 0x8000. */
guest_string:
	xorw %ax, %ax
	movw %ax, %ds
	movw %ax, %es
	cld
	movw $FLAG, %si
	movw $3, %cx
	movw $0x12, %dx
	rep outsb
	movw $FLAG, %di
	movw $3, %cx
	rep insb
	movb $3, %al
	outb %al, $0x10
	hlt

	.code32
/* Switches the APIC on, says so, halts until an interrupt comes, says so; and again. */
guest_halt:
	movl $0x1ff, APIC + 0xf0
1:	movb $4, %al
	outb %al, $0x10
	sti
	hlt
	cli
	movb FLAG, %al
	outb %al, $0x11
	jmp 1b

/* Handlers of vectors 0x40 to 0x43: note which, end the interrupt, but for 0x43. */
	.globl guest_vector_40, guest_vector_41, guest_vector_42
guest_vector_40:
	movb $0x40, FLAG
	movl $0, APIC + 0xb0
	iretl
	.globl guest_vector_43
guest_vector_43:
	movb $0x43, FLAG
	iretl
guest_vector_41:
	movb $0x41, FLAG
	movl $0, APIC + 0xb0
	iretl

guest_vector_42:
	movb $0x42, FLAG
	movl $0, APIC + 0xb0
	iretl

/* INIT and start-up IPIs to APIC 1, which starts at CODE; then halts. */
guest_boot:
	movl $0x1ff, APIC + 0xf0
	movl $1 << 24, APIC + 0x310
	movl $0x4500, APIC + 0x300
	movl $1 << 24, APIC + 0x310
	movl $0x4601, APIC + 0x300
	movb $5, %al
	outb %al, $0x10
1:	hlt
	jmp 1b

/* Halts until its own timer ends. */
guest_timer:
	movl $0x1ff, APIC + 0xf0
	movl $0xb, APIC + 0x3e0
	movl $0x41, APIC + 0x320
	movl $10000000, APIC + 0x380
	sti
	hlt
	cli
	movb FLAG, %al
	outb %al, $0x11
	hlt

/* A port and an address that have ioeventfds, ports that are coalesced; then says so. */
guest_event:
	movb $7, %al
	outb %al, $0x30
	movl $0x77, 0xd0000
	movb $8, %al
	outb %al, $0x31
	movb $6, %al
	outb %al, $0x10
	hlt

/* 200 bytes of device memory, with interrupts on; then says so. */
guest_fill:
	movl $0x1ff, APIC + 0xf0
	cld
	movl $0xd0100, %edi
	movl $200, %ecx
	sti
	rep stosb
	cli
	movb $9, %al
	outb %al, $0x10
	hlt

/* An instruction that is not done for a guest with device memory. */
guest_x87:
	fldl 0xd0100
	hlt

/* Writes a byte to each page from 0x100000 up to 0x180000, says so; and again. */
guest_touch:
	movl $0x100000, %ebx
1:	incb (%ebx)
	addl $0x1000, %ebx
	cmpl $0x180000, %ebx
	jb 1b
	movb $7, %al
	outb %al, $0x10
	jmp guest_touch

guest_spin:
	incl 0x100000
	jmp guest_spin

/* Without an APIC: halts, takes an interrupt, writes to where the APIC would be. */
guest_bare:
	sti
	hlt
	cli
	movb FLAG, %al
	outb %al, $0x11
	movl $0x5a, APIC + 0xb0
	hlt

/* The MSR in ecx of the program's; what it reads goes to port 0x11. */
guest_msr:
	rdmsr
	outl %eax, $0x11
	wrmsr
	movb $8, %al
	outb %al, $0x10
	hlt

/* An MSR is read, written, a function called; what raises #GP is passed by. */
guest_rdmsr:
	rdmsr
	outb %al, $0x11
	hlt
guest_wrmsr:
	wrmsr
	outb %al, $0x11
	hlt
guest_call:
	call *%esi
	outb %al, $0x11
	hlt
guest_vector_0d:
	movb $0x0d, FLAG
	addl $4, %esp
	addl $2, (%esp)
	iretl
guest_end:
	.section .note.GNU-stack, "", @progbits
