/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guests: VMs that the control VM makes out of its own memory and runs inside its own time. The
 * contract between the core and linux/'s KVM module; the control VM's alone (-EPERM for others).
 *
 * Who does what. The core enters a guest, keeps its second-level tables and its local APICs, and
 * deals with what is hot: CPUID, APIC, IPIs, timers, TSC, EFER, PAT, XCR0, HLT with something
 * pending. All else comes back as an exit, to be dealt with by the module or by the program behind
 * it: ports, device memory, other MSRs, hypercalls. The core decodes no guest instruction but for
 * accesses to the local APIC's page.
 *
 * A vCPU has no pCPU of its own: it runs on that of the control VM's vCPU that calls VCPU_RUN, for
 * as long as that vCPU has no interrupt of its own pending. A vCPU is used by one caller at a time;
 * a second one gets -EBUSY.
 *
 * Memory is identified by the control VM's guest physical addresses, as everywhere in
 * mullion/hypercall.h. A page of a guest stays the control VM's: mapping it into a guest only
 * counts, and it cannot be given away while mapped. The module must not let Linux reuse a page
 * before it is unmapped (it pins them).
 *
 * Numbers: a guest is 0 to MULLION_GUESTS - 1, one of its vCPUs 0 to MULLION_GUEST_VCPUS - 1; a
 * vCPU handle is MULLION_GUEST_VCPU(guest, vcpu). Errors are those of mullion/hypercall.h in that
 * order, and in addition, where a call says so: -EBUSY, -EEXIST, -ENOMEM (the core's pool is used
 * up).
 */
#ifndef MULLION_GUEST_H
#define MULLION_GUEST_H

#include "mullion/hypercall.h"

#define MULLION_GUESTS	    16
#define MULLION_GUEST_VCPUS 16

#define MULLION_GUEST_VCPU(guest, vcpu) ((guest) << 8 | (vcpu))

/* GUEST_CREATE(): a guest without memory or vCPUs. Returns its number. -ENOMEM: also when there are
 * MULLION_GUESTS. */
#define MULLION_CALL_GUEST_CREATE (MULLION_CALL_FIRST + 12)

/* GUEST_DESTROY(guest): all its vCPUs and mappings are gone when it returns 0, and its number is
 * free. -EBUSY: a vCPU is in use. */
#define MULLION_CALL_GUEST_DESTROY (MULLION_CALL_FIRST + 13)

/*
 * GUEST_MAP(guest, gpa, count): count (1 to MULLION_MAP_MAX) struct mullion_guest_range, mapped in
 * turn. Returns how many were, at least 1, or why the first could not: -EINVAL (not page-aligned,
 * empty, more than MULLION_MAP_RANGE_MAX bytes, beyond 2^MULLION_GUEST_ADDRESS_BITS, unknown
 * flags), -EEXIST (something is mapped there), -EFAULT (not all of it the control VM's RAM),
 * -ENOMEM. Large pages are used where both addresses allow.
 */
#define MULLION_CALL_GUEST_MAP	   (MULLION_CALL_FIRST + 14)
#define MULLION_MAP_MAX		   128
#define MULLION_MAP_RANGE_MAX	   (256ULL << 20)
#define MULLION_MAP_WRITE	   (1U << 0)
#define MULLION_GUEST_ADDRESS_BITS 40

struct mullion_guest_range {
	uint64_t start;	 /* the guest's physical address */
	uint64_t memory; /* the control VM's */
	uint64_t size;	 /* bytes */
	uint32_t flags;	 /* MULLION_MAP_* */
	uint32_t zero;
};
_Static_assert(sizeof(struct mullion_guest_range) == 32, "struct mullion_guest_range");

/* GUEST_UNMAP(guest, start, size): page-aligned, at most MULLION_UNMAP_MAX bytes; holes are fine.
 * When it returns 0 no vCPU can reach what was mapped there. -ENOMEM: a large page could not be
 * split. */
#define MULLION_CALL_GUEST_UNMAP (MULLION_CALL_FIRST + 15)
#define MULLION_UNMAP_MAX	 (1ULL << 30)

/* GUEST_DIRTY(guest, start, pages, gpa): for 1 to MULLION_DIRTY_MAX pages from start, a bit each at
 * gpa (uint64_t words, first page in bit 0): whether a vCPU has written it since the call before.
 * The first call for a page may say yes without a write. Returns how many are set. -ENOMEM. */
#define MULLION_CALL_GUEST_DIRTY (MULLION_CALL_FIRST + 16)
#define MULLION_DIRTY_MAX	 32768

/* GUEST_MSI(guest, address, data): an interrupt message as a device would send it (Intel SDM vol.
 * 3, 11.11; bits 5 to 11 of address may carry destination bits 8 to 14), level ones too. Returns
 * MULLION_MSI_DELIVERED if a vCPU was addressed, with the mask of those vCPUs (bits 0-15) whose
 * last run ended in HALT and that now have something to do; 0: nobody. */
#define MULLION_CALL_GUEST_MSI (MULLION_CALL_FIRST + 17)
#define MULLION_MSI_DELIVERED  (1U << 16)

/* VCPU_CREATE(handle, gpa): gpa is a page of the caller's for struct mullion_vcpu_page, which the
 * core uses until the guest is destroyed. vCPU 0 starts RUNNABLE in the reset state, others wait
 * for a start-up IPI. -EEXIST, -ENOMEM, -EFAULT. */
#define MULLION_CALL_VCPU_CREATE (MULLION_CALL_FIRST + 18)

/*
 * VCPU_RUN(handle): loads the parts of the page that its `dirty` names, runs the vCPU, stores its
 * state in the page and says there why it came back. To be called with interrupts off: one that is
 * pending, or comes, ends the run. Returns 0; -EBUSY; -EINVAL: what was loaded is not a state that
 * a CPU can have (nothing of it was loaded).
 */
#define MULLION_CALL_VCPU_RUN (MULLION_CALL_FIRST + 19)

/* VCPU_GET(handle, item, gpa, size), VCPU_SET(...): state that is not in the page. Returns 0.
 * -EINVAL: no such item, another size than said here, or a value that a CPU refuses. -EBUSY. */
#define MULLION_CALL_VCPU_GET (MULLION_CALL_FIRST + 20)
#define MULLION_CALL_VCPU_SET (MULLION_CALL_FIRST + 21)

enum mullion_vcpu_item {
	MULLION_VCPU_PAGE = 0,	/* GET only, no memory: the page is as the vCPU's state is now */
	MULLION_VCPU_XSAVE = 1, /* 4096 bytes, the XSAVE area's standard format */
	MULLION_VCPU_LAPIC = 2, /* 1024 bytes, as struct kvm_lapic_state */
	MULLION_VCPU_MSR = 3, /* struct mullion_vcpu_msr; GET reads and writes it. -ENOENT: the core
				 does not keep it: a guest's access is MULLION_EXIT_MSR */
	MULLION_VCPU_CPUID = 4, /* SET only: up to MULLION_CPUID_MAX struct mullion_cpuid */
};

struct mullion_vcpu_msr {
	uint32_t index;
	uint32_t zero;
	uint64_t value;
};
_Static_assert(sizeof(struct mullion_vcpu_msr) == 16, "struct mullion_vcpu_msr");

/* A leaf as a guest sees it, but for what follows the vCPU's state: APIC id, OSXSAVE, the APIC's
 * presence, XSAVE sizes. A leaf that is not in the table reads as zeros. One that offers Hyper-V's
 * MSRs of the APIC (leaf 0x40000003, bit 4 of eax) gives the vCPU 0x40000070 to 0x40000072. */
#define MULLION_CPUID_MAX	100
#define MULLION_CPUID_SUBLEAVES (1U << 0) /* subleaf counts; otherwise it is for all of them */
struct mullion_cpuid {
	uint32_t leaf, subleaf;
	uint32_t flags; /* MULLION_CPUID_* */
	uint32_t eax, ebx, ecx, edx;
	uint32_t zero;
};
_Static_assert(sizeof(struct mullion_cpuid) == 32, "struct mullion_cpuid");

/* VCPU_RAISE(handle, event): from any CPU, also while it runs. Returns 1 if the vCPU has to be
 * woken as after GUEST_MSI, else 0. */
#define MULLION_CALL_VCPU_RAISE (MULLION_CALL_FIRST + 22)
#define MULLION_RAISE_NMI	0
#define MULLION_RAISE_KICK	1 /* only ends a run */

/* VCPU_TRANSLATE(handle, linear, access): the guest physical address that an access of the vCPU, in
 * its present mode, would go to. -EFAULT: it would fault. -EBUSY. */
#define MULLION_CALL_VCPU_TRANSLATE (MULLION_CALL_FIRST + 23)
#define MULLION_ACCESS_WRITE	    (1U << 0)
#define MULLION_ACCESS_USER	    (1U << 1)

#define MULLION_GUEST_CALLS 12

/* ---- The page ---- */

enum mullion_exit_reason {
	MULLION_EXIT_INTERRUPT = 0, /* an interrupt of the control VM, a kick, or the guest has set
				     * its TSC (tsc_offset): call again */
	MULLION_EXIT_IO = 1,
	MULLION_EXIT_MEMORY = 2, /* nothing mapped there, or not for writing */
	MULLION_EXIT_MSR = 3, /* one the core does not keep; registers are as at the instruction */
	MULLION_EXIT_HYPERCALL = 4,
	MULLION_EXIT_HALT = 5, /* nothing to do until it is woken: GUEST_MSI, VCPU_RAISE, WAKE, or
				  the time in `timer` */
	MULLION_EXIT_SHUTDOWN = 6,
	MULLION_EXIT_EOI = 7,	   /* of a level interrupt: vector */
	MULLION_EXIT_WAKE = 8,	   /* these vCPUs of the guest have something to do: mask */
	MULLION_EXIT_WINDOW = 9,   /* what `request_window` asked for */
	MULLION_EXIT_REFUSED = 10, /* the CPU does not run this state: code */
	MULLION_EXIT_UNKNOWN = 11, /* code: the CPU's own number of the exit */
};

/* Parts of the page, for `dirty`. The core stores all of them at the end of each run. */
#define MULLION_DIRTY_GENERAL  (1U << 0) /* registers, rip, rflags */
#define MULLION_DIRTY_SYSTEM   (1U << 1) /* segments, tables, control registers, efer */
#define MULLION_DIRTY_DEBUG    (1U << 2) /* dr */
#define MULLION_DIRTY_EVENTS   (1U << 3) /* event, event_code, flags but for NMI_PENDING */
#define MULLION_DIRTY_ACTIVITY (1U << 4)
#define MULLION_DIRTY_TSC      (1U << 5) /* tsc_offset */
#define MULLION_DIRTY_XCR0     (1U << 6)
#define MULLION_DIRTY_NMI      (1U << 7) /* NMI_PENDING, also one that came since the last store */
#define MULLION_DIRTY_ALL      0xffU

enum mullion_activity {
	MULLION_RUNNABLE = 0,
	MULLION_HALTED = 1,
	MULLION_WAIT_FOR_STARTUP = 2,
};

/* Attributes as in a VMCB (AMD APM vol. 2, 4.8.1 packed to 12 bits): type 0-3, S 4, DPL 5-6, P 7,
 * AVL 8, L 9, D/B 10, G 11. Limits are in bytes. */
struct mullion_segment {
	uint16_t selector;
	uint16_t attributes;
	uint32_t limit;
	uint64_t base;
};

/* event: an exception or interrupt that is still to be delivered, in the form of a VMCB's EVENTINJ
 * (AMD APM vol. 2, 15.20). */
#define MULLION_EVENT_VECTOR	0xffU
#define MULLION_EVENT_TYPE	(7U << 8)
#define MULLION_EVENT_INTERRUPT (0U << 8)
#define MULLION_EVENT_NMI	(2U << 8)
#define MULLION_EVENT_EXCEPTION (3U << 8)
#define MULLION_EVENT_SOFTWARE	(4U << 8)
#define MULLION_EVENT_HAS_CODE	(1U << 11)
#define MULLION_EVENT_VALID	(1U << 31)

#define MULLION_FLAG_SHADOW	 (1U << 0) /* of STI or MOV SS */
#define MULLION_FLAG_NMI_BLOCKED (1U << 1) /* until IRET */
#define MULLION_FLAG_NMI_PENDING (1U << 2)

enum mullion_segment_number {
	MULLION_ES,
	MULLION_CS,
	MULLION_SS,
	MULLION_DS,
	MULLION_FS,
	MULLION_GS,
	MULLION_LDTR,
	MULLION_TR,
	MULLION_SEGMENTS,
};

struct mullion_vcpu_page {
	/* In: the caller's. */
	uint32_t dirty;		/* MULLION_DIRTY_*; the core clears it */
	uint8_t request_window; /* end the run when an interrupt could be injected */
	uint8_t immediate;	/* load what is dirty, take INIT and start-up, do not enter:
				   INTERRUPT, and the rest of why the last run ended stays */
	uint8_t zero0[2];

	/* Out: why the run ended. */
	uint32_t reason; /* enum mullion_exit_reason */
	uint8_t length;	 /* of the instruction for IO, MSR, HYPERCALL: add to rip; else 0 */
	uint8_t write;	 /* IO, MEMORY, MSR */
	uint8_t fetch;	 /* MEMORY */
	uint8_t size;	 /* IO: 1, 2, 4 */
	uint8_t string, repeated; /* IO: INS, OUTS; with REP */
	uint8_t address_size;	  /* IO, string: 2, 4, 8 */
	uint8_t segment;	  /* IO, OUTS: enum mullion_segment_number */
	uint16_t port;		  /* IO */
	uint8_t vector;		  /* EOI */
	uint8_t byte_count;	  /* MEMORY: how many of bytes there are */
	uint32_t msr;		  /* MSR; its value to be written is in edx:eax */
	uint32_t mask;		  /* WAKE */
	uint64_t address;	  /* MEMORY: the guest physical address */
	uint64_t code;		  /* REFUSED, UNKNOWN */
	uint64_t timer;	   /* HALT: the machine's TSC at the local timer's end; 0: it is off */
	uint8_t bytes[16]; /* MEMORY: the instruction, as far as it could be read */

	/* Out: of the local APIC, for a program that keeps the PIC. */
	uint8_t interruptible; /* an event of type INTERRUPT could be set now */
	uint8_t accepts_pic;   /* LINT0 is ExtINT and not masked, or the APIC is off */
	uint8_t cr8;
	uint8_t zero1[5];
	uint64_t apic_base;

	/* The state. */
	uint64_t
		registers[16]; /* in the order of their encoding: rax, rcx, rdx, rbx, rsp, rbp... */
	uint64_t rip, rflags;
	struct mullion_segment segments[MULLION_SEGMENTS];
	struct mullion_segment gdtr, idtr; /* base and limit */
	uint64_t cr0, cr2, cr3, cr4, efer;
	uint64_t dr[4], dr6, dr7;
	uint32_t event, event_code; /* MULLION_EVENT_* */
	uint32_t flags;		    /* MULLION_FLAG_* */
	uint32_t activity;	    /* enum mullion_activity */
	uint64_t tsc_offset;	    /* the guest's TSC is the machine's plus this */
	uint64_t xcr0;
	uint32_t cpl;  /* out; what counts on the way in is SS' DPL */
	uint32_t wait; /* in: for so many ticks of the TSC a vCPU that is halted keeps the caller's
			  CPU, which sleeps, before the run ends with HALT */
};
_Static_assert(sizeof(struct mullion_segment) == 16, "struct mullion_segment");
_Static_assert(sizeof(struct mullion_vcpu_page) <= 4096, "struct mullion_vcpu_page");

#endif
