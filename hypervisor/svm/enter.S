/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * void svm_enter(uint64_t vmcb, uint64_t registers[16], uint64_t host_vmcb)
 *
 * One world switch and back: AMD APM vol. 2, 15.5 and 15.6. vmcb and host_vmcb are physical. Called
 * and returns with GIF clear and RFLAGS.IF set on the way in, so that a pending interrupt ends the
 * guest at once. RAX and RSP of the guest are in the VMCB; the other registers in `registers`.
 * VMLOAD/VMSAVE carry FS, GS, TR, LDTR, KernelGSBase, STAR and SYSENTER of both sides.
 */
	.text
	.globl svm_enter
	.type svm_enter, @function
svm_enter:
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rsi
	push	%rdx

	mov	%rdi, %rax
	mov	%rsi, %rbp
	mov	1*8(%rbp), %rcx
	mov	2*8(%rbp), %rdx
	mov	3*8(%rbp), %rbx
	mov	6*8(%rbp), %rsi
	mov	7*8(%rbp), %rdi
	mov	8*8(%rbp), %r8
	mov	9*8(%rbp), %r9
	mov	10*8(%rbp), %r10
	mov	11*8(%rbp), %r11
	mov	12*8(%rbp), %r12
	mov	13*8(%rbp), %r13
	mov	14*8(%rbp), %r14
	mov	15*8(%rbp), %r15
	mov	5*8(%rbp), %rbp

	sti
	vmload	%rax
	vmrun	%rax
	vmsave	%rax
	cli

	/* RAX holds the VMCB again; all else but RSP is the guest's. */
	mov	8(%rsp), %rax
	mov	%rcx, 1*8(%rax)
	mov	%rdx, 2*8(%rax)
	mov	%rbx, 3*8(%rax)
	mov	%rbp, 5*8(%rax)
	mov	%rsi, 6*8(%rax)
	mov	%rdi, 7*8(%rax)
	mov	%r8, 8*8(%rax)
	mov	%r9, 9*8(%rax)
	mov	%r10, 10*8(%rax)
	mov	%r11, 11*8(%rax)
	mov	%r12, 12*8(%rax)
	mov	%r13, 13*8(%rax)
	mov	%r14, 14*8(%rax)
	mov	%r15, 15*8(%rax)
	mov	(%rsp), %rax
	vmload	%rax

	/* The guest's values must not be left for speculation to use. */
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	add	$16, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret
	.size svm_enter, . - svm_enter
	.section .note.GNU-stack, "", @progbits
