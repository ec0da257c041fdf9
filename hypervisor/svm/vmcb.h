/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual machine control block: AMD APM vol. 2, appendix B. */
#ifndef CORE_SVM_VMCB_H
#define CORE_SVM_VMCB_H

#include <stddef.h>
#include <stdint.h>

struct vmcb_segment {
	uint16_t selector;
	uint16_t attributes; /* bits 0-7: type, S, DPL, P; 8-11: AVL, L, D, G */
	uint32_t limit;
	uint64_t base;
};

struct vmcb {
	/* Control area. */
	uint16_t intercept_cr_read, intercept_cr_write;
	uint16_t intercept_dr_read, intercept_dr_write;
	uint32_t intercept_exceptions;
	uint32_t intercept_misc1, intercept_misc2, intercept_misc3;
	uint8_t reserved1[0x3c - 0x18];
	uint16_t pause_threshold, pause_count;
	uint64_t iopm, msrpm, tsc_offset;
	uint32_t asid;
	uint8_t tlb_control;
	uint8_t reserved2[3];
	uint64_t virtual_interrupt; /* VMCB_V_* */
	uint64_t interrupt_shadow;  /* bit 0 */
	uint64_t exit_code, exit_info1, exit_info2;
	uint64_t exit_interrupt_info;
	uint64_t nested_control; /* bit 0: nested paging */
	uint64_t avic_bar, ghcb;
	uint64_t event_injection; /* VMCB_EVENT_* */
	uint64_t nested_cr3;
	uint64_t lbr_control;
	uint32_t clean;
	uint32_t reserved3;
	uint64_t next_rip;
	uint8_t bytes_fetched;
	uint8_t bytes[15];
	uint8_t reserved4[0x400 - 0xe0];

	/* State save area. */
	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	uint8_t reserved5[0x4cb - 0x4a0];
	uint8_t cpl;
	uint32_t reserved6;
	uint64_t efer;
	uint8_t reserved7[0x548 - 0x4d8];
	uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
	uint8_t reserved8[0x5d8 - 0x580];
	uint64_t rsp;
	uint8_t reserved9[0x5f8 - 0x5e0];
	uint64_t rax, star, lstar, cstar, sfmask, kernel_gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip, cr2;
	uint8_t reserved10[0x668 - 0x648];
	uint64_t g_pat, dbgctl, br_from, br_to, last_excp_from, last_excp_to;
	uint8_t reserved11[0x1000 - 0x698];
};
_Static_assert(sizeof(struct vmcb) == 4096, "a VMCB is a page");
_Static_assert(offsetof(struct vmcb, intercept_exceptions) == 0x08, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb, pause_threshold) == 0x3c, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb, asid) == 0x58, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb, exit_code) == 0x70, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb, nested_control) == 0x90, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb, event_injection) == 0xa8, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb, next_rip) == 0xc8, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb, bytes) == 0xd1, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb, es) == 0x400, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4cb, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb, efer) == 0x4d0, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb, cr4) == 0x548, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb, rip) == 0x578, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb, rsp) == 0x5d8, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb, g_pat) == 0x668, "APM vol. 2, table B-2");

#define VMCB_V_TPR	    0xffULL
#define VMCB_V_IRQ	    (1ULL << 8)
#define VMCB_V_PRIORITY(n)  ((uint64_t)(n) << 16)
#define VMCB_V_IGN_TPR	    (1ULL << 20)
#define VMCB_V_INTR_MASKING (1ULL << 24)
#define VMCB_V_VECTOR(n)    ((uint64_t)(n) << 32)

#define VMCB_EVENT_INTERRUPT (0ULL << 8)
#define VMCB_EVENT_NMI	     (2ULL << 8)
#define VMCB_EVENT_EXCEPTION (3ULL << 8)
#define VMCB_EVENT_SOFTWARE  (4ULL << 8)
#define VMCB_EVENT_TYPE	     (7ULL << 8)
#define VMCB_EVENT_HAS_CODE  (1ULL << 11)
#define VMCB_EVENT_VALID     (1ULL << 31)

#define VMCB_TLB_FLUSH_ALL  1
#define VMCB_TLB_FLUSH_ASID 3

/* intercept_misc1 */
#define INTERCEPT_INTR	   (1U << 0)
#define INTERCEPT_NMI	   (1U << 1)
#define INTERCEPT_SMI	   (1U << 2)
#define INTERCEPT_INIT	   (1U << 3)
#define INTERCEPT_VINTR	   (1U << 4)
#define INTERCEPT_RDPMC	   (1U << 15)
#define INTERCEPT_CPUID	   (1U << 18)
#define INTERCEPT_RSM	   (1U << 19)
#define INTERCEPT_IRET	   (1U << 20)
#define INTERCEPT_INVD	   (1U << 22)
#define INTERCEPT_HLT	   (1U << 24)
#define INTERCEPT_INVLPGA  (1U << 26)
#define INTERCEPT_IO	   (1U << 27)
#define INTERCEPT_MSR	   (1U << 28)
#define INTERCEPT_TASK	   (1U << 29)
#define INTERCEPT_FERR	   (1U << 30)
#define INTERCEPT_SHUTDOWN (1U << 31)
/* intercept_misc2 */
#define INTERCEPT_VMRUN	  (1U << 0)
#define INTERCEPT_VMMCALL (1U << 1)
#define INTERCEPT_VMLOAD  (1U << 2)
#define INTERCEPT_VMSAVE  (1U << 3)
#define INTERCEPT_STGI	  (1U << 4)
#define INTERCEPT_CLGI	  (1U << 5)
#define INTERCEPT_SKINIT  (1U << 6)
#define INTERCEPT_WBINVD  (1U << 9)
#define INTERCEPT_MONITOR (1U << 10)
#define INTERCEPT_MWAIT	  (1U << 11)
#define INTERCEPT_MWAIT_C (1U << 12)
#define INTERCEPT_XSETBV  (1U << 13)
#define INTERCEPT_RDPRU	  (1U << 14)

/* Every exit code of APM vol. 2, appendix C. */
#define SVM_EXITS(X)                                                                               \
	X(0x000, CR_READ, 16)                                                                      \
	X(0x010, CR_WRITE, 16)                                                                     \
	X(0x020, DR_READ, 16)                                                                      \
	X(0x030, DR_WRITE, 16)                                                                     \
	X(0x040, EXCEPTION, 32)                                                                    \
	X(0x060, INTR, 1)                                                                          \
	X(0x061, NMI, 1)                                                                           \
	X(0x062, SMI, 1)                                                                           \
	X(0x063, INIT, 1)                                                                          \
	X(0x064, VINTR, 1)                                                                         \
	X(0x065, CR0_SEL_WRITE, 1)                                                                 \
	X(0x066, IDTR_READ, 1)                                                                     \
	X(0x067, GDTR_READ, 1)                                                                     \
	X(0x068, LDTR_READ, 1)                                                                     \
	X(0x069, TR_READ, 1)                                                                       \
	X(0x06a, IDTR_WRITE, 1)                                                                    \
	X(0x06b, GDTR_WRITE, 1)                                                                    \
	X(0x06c, LDTR_WRITE, 1)                                                                    \
	X(0x06d, TR_WRITE, 1)                                                                      \
	X(0x06e, RDTSC, 1)                                                                         \
	X(0x06f, RDPMC, 1)                                                                         \
	X(0x070, PUSHF, 1)                                                                         \
	X(0x071, POPF, 1)                                                                          \
	X(0x072, CPUID, 1)                                                                         \
	X(0x073, RSM, 1)                                                                           \
	X(0x074, IRET, 1)                                                                          \
	X(0x075, SWINT, 1)                                                                         \
	X(0x076, INVD, 1)                                                                          \
	X(0x077, PAUSE, 1)                                                                         \
	X(0x078, HLT, 1)                                                                           \
	X(0x079, INVLPG, 1)                                                                        \
	X(0x07a, INVLPGA, 1)                                                                       \
	X(0x07b, IOIO, 1)                                                                          \
	X(0x07c, MSR, 1)                                                                           \
	X(0x07d, TASK_SWITCH, 1)                                                                   \
	X(0x07e, FERR_FREEZE, 1)                                                                   \
	X(0x07f, SHUTDOWN, 1)                                                                      \
	X(0x080, VMRUN, 1)                                                                         \
	X(0x081, VMMCALL, 1)                                                                       \
	X(0x082, VMLOAD, 1)                                                                        \
	X(0x083, VMSAVE, 1)                                                                        \
	X(0x084, STGI, 1)                                                                          \
	X(0x085, CLGI, 1)                                                                          \
	X(0x086, SKINIT, 1)                                                                        \
	X(0x087, RDTSCP, 1)                                                                        \
	X(0x088, ICEBP, 1)                                                                         \
	X(0x089, WBINVD, 1)                                                                        \
	X(0x08a, MONITOR, 1)                                                                       \
	X(0x08b, MWAIT, 1)                                                                         \
	X(0x08c, MWAIT_CONDITIONAL, 1)                                                             \
	X(0x08d, XSETBV, 1)                                                                        \
	X(0x08e, RDPRU, 1)                                                                         \
	X(0x08f, EFER_WRITE_TRAP, 1)                                                               \
	X(0x090, CR_WRITE_TRAP, 16)                                                                \
	X(0x0a0, INVLPGB, 1)                                                                       \
	X(0x0a1, INVLPGB_ILLEGAL, 1)                                                               \
	X(0x0a2, INVPCID, 1)                                                                       \
	X(0x0a3, MCOMMIT, 1)                                                                       \
	X(0x0a4, TLBSYNC, 1)                                                                       \
	X(0x0a5, BUSLOCK, 1)                                                                       \
	X(0x0a6, IDLE_HLT, 1)                                                                      \
	X(0x400, NPF, 1)                                                                           \
	X(0x401, AVIC_INCOMPLETE_IPI, 1)                                                           \
	X(0x402, AVIC_NOACCEL, 1)                                                                  \
	X(0x403, VMGEXIT, 1)

enum svm_exit_code {
#define SVM_EXIT_ENUM(code, name, count) SVM_EXIT_##name = (code),
	SVM_EXITS(SVM_EXIT_ENUM)
#undef SVM_EXIT_ENUM
};
/* VMEXIT_INVALID is -1; some emulators write 32 bits of it. */
#define SVM_EXIT_INVALID 0xffffffffU

#endif
