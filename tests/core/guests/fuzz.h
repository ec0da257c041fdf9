/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fuzz.S and fuzz.c share: where everything is in the guest's first megabyte. */
#ifndef TEST_GUEST_FUZZ_H
#define TEST_GUEST_FUZZ_H

#define ROM    0xf0000 /* this program, read-only; also at the top of 4 GiB */
#define CPUS   8       /* at most */
#define LIFE   0x500   /* struct life, kept over resets */
#define SEED   0x600   /* eight bytes of QEMU's command line, written at each reset */
#define STATE  0x1000  /* a page a CPU: struct state, and its stack */
#define CODE   0x10000 /* a page a CPU: what is tried */
#define TABLES 0x20000 /* eight pages a CPU: its page tables */

#define MODE_REAL 0
#define MODE_32	  1 /* by IRET: 32-bit, 16-bit and virtual-8086 code */
#define MODE_64	  2 /* by IRETQ, in long mode: 64-bit and 32-bit code */

/* Where in struct state. */
#define AT_MODE	   0
#define AT_CR0	   4
#define AT_CR3	   8
#define AT_CR4	   12
#define AT_EFER	   16
#define AT_REGS	   20 /* edi esi ebp - ebx edx ecx eax, then the frame */
#define AT_FRAME   52 /* eip cs eflags esp ss es ds fs gs */
#define AT_REGS64  96 /* 15 registers, then the frame */
#define AT_GDT	   256
#define AT_POINTER 360 /* to it */

#define CODE32	 0x08
#define DATA32	 0x10
#define CODE16	 0x18 /* at ROM */
#define DATA16	 0x20
#define CODE64	 0x28
#define USER32	 0x30
#define USERDATA 0x38
#define USER64	 0x40
#define LOW16	 0x48 /* 16-bit code at 0 */
#define TSS32	 0x50
#define TSS64	 0x58 /* two places */
#define GDT_SIZE 0x60 + 8

#endif
