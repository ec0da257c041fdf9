/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that only looks at its memory: a pattern in 8 MiB of it, over and over. It is QEMU's -bios.
 * Each round is a line on port 0xe9, "bystander: good" or "bystander: CHANGED".
 */
#define ROM	0xf0000
#define START	0x100000
#define END	0x900000
#define FACTOR	0x9e3779b1
#define LOW(label) ((label) - rom)

	.section .rom, "ax"
rom:
	.code16
begin:
	cli
	lgdtl %cs:LOW(gdt_pointer)
	mov $0x11, %eax
	mov %eax, %cr0
	ljmpl $8, $ROM + LOW(flat)
	.code32
flat:
	mov $16, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	cld
	mov $START, %edi
1:	imul $FACTOR, %edi, %eax
	stosl
	cmp $END, %edi
	jne 1b
round:
	mov $START, %ebx
1:	imul $FACTOR, %ebx, %eax
	cmp (%ebx), %eax
	jne changed
	add $4, %ebx
	cmp $END, %ebx
	jne 1b
	mov $ROM + LOW(good), %esi
	mov $good_end - good, %ecx
2:	mov $0xe9, %edx
	rep outsb
	jmp round
changed:
	mov $ROM + LOW(bad), %esi
	mov $bad_end - bad, %ecx
	jmp 2b

good:	.ascii "bystander: good\n"
good_end:
bad:	.ascii "bystander: CHANGED\n"
bad_end:
gdt_pointer:
	.word 23
	.long ROM + LOW(gdt)
	.balign 8
gdt:	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff

	.section .reset, "ax"
	.code16
	ljmp $ROM >> 4, $LOW(begin)
	.section .note.GNU-stack, "", @progbits
