/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vCPU's local APIC: xAPIC and x2APIC, timer (one-shot, periodic, TSC deadline), IPIs. A pure
 * state machine: it touches no hardware and no other vCPU; what has to happen outside comes back as
 * an action (an IPI to itself does not). Source: Intel SDM vol. 3, chapter 11; AMD APM vol. 2,
 * chapter 16.
 *
 * Context: all calls on the vCPU's own pCPU, except vlapic_post(), which is for any CPU and handler
 * (atomic bits only).
 */
#ifndef CORE_VM_VLAPIC_H
#define CORE_VM_VLAPIC_H

#include "lib/types.h"

#define VLAPIC_DEFAULT_BASE 0xfee00000ULL
#define VLAPIC_TIMER_HZ	    1000000000ULL /* the timer's input clock, before the divider: 1 ns */
#define VLAPIC_LVT_MASKED   (1U << 16)

struct vlapic {
	uint32_t id;
	uint64_t base_msr; /* IA32_APIC_BASE: enable, x2APIC, BSP, address */
	uint64_t tsc_hz;
	/* Posted by any CPU, moved into irr by the owner. Atomic. */
	uint32_t posted[8];
	uint32_t posted_level[8];
	uint32_t posted_any;
	uint32_t irr[8], isr[8], tmr[8];
	uint32_t irr_any, isr_any; /* bit n: word n is not 0 */
	uint32_t tpr, ldr, dfr, svr, esr, esr_pending;
	uint32_t lvt_timer, lvt_thermal, lvt_perf, lvt_lint0, lvt_lint1, lvt_error;
	uint64_t icr;
	uint32_t timer_initial, timer_divide;
	uint64_t timer_start; /* TSC when the count began */
	uint64_t deadline;    /* TSC of the next timer interrupt; 0: none */
};

enum vlapic_action_kind {
	VLAPIC_NOTHING,
	VLAPIC_IPI, /* send (see below) */
	VLAPIC_EOI, /* a level interrupt of this vector was acknowledged: tell the IOAPIC */
};

enum vlapic_delivery {
	VLAPIC_FIXED = 0,
	VLAPIC_LOWEST = 1,
	VLAPIC_SMI = 2,
	VLAPIC_NMI = 4,
	VLAPIC_INIT = 5,
	VLAPIC_STARTUP = 6,
};

struct vlapic_action {
	enum vlapic_action_kind kind;
	uint8_t vector;
	enum vlapic_delivery delivery;
	enum { VLAPIC_TO_DEST, VLAPIC_TO_ALL = 2, VLAPIC_TO_OTHERS } shorthand;
	bool logical;
	uint32_t destination; /* 8 bits in xAPIC mode, 32 in x2APIC mode */
	bool x2apic;	      /* how to read destination */
	bool init_deassert;   /* to be ignored */
};

/* Power-up, or INIT when init is true (the id and base survive INIT as the manual says). */
void vlapic_reset(struct vlapic *lapic, uint32_t id, bool bsp, uint64_t tsc_hz, bool init);

/* The memory page (xAPIC mode). offset within the page. size 4; others: -EFAULT. */
int vlapic_mmio_read(struct vlapic *lapic, uint32_t offset, uint32_t *value, uint64_t tsc);
int vlapic_mmio_write(struct vlapic *lapic, uint32_t offset, uint32_t value, uint64_t tsc,
		      struct vlapic_action *action);

#define MSR_HV_EOI 0x40000070U
#define MSR_HV_ICR 0x40000071U
#define MSR_HV_TPR 0x40000072U

/* MSRs 0x1b, 0x6e0, 0x800-0x8ff, and Hyper-V's. -EPERM: the access takes #GP. */
int vlapic_msr_read(struct vlapic *lapic, uint32_t msr, uint64_t *value, uint64_t tsc);
int vlapic_msr_write(struct vlapic *lapic, uint32_t msr, uint64_t value, uint64_t tsc,
		     struct vlapic_action *action);

/* Whether a message with this destination is for this APIC. */
bool vlapic_matches(const struct vlapic *lapic, bool logical, uint32_t destination, bool x2apic);

/* An interrupt arrives; vectors below 16 set ESR. Any CPU. */
void vlapic_post(struct vlapic *lapic, uint8_t vector, bool level);

/* Fires the timer if its deadline has passed. Returns whether it did. */
bool vlapic_tick(struct vlapic *lapic, uint64_t tsc);
/* TSC of the next timer interrupt; 0: none. */
static inline uint64_t vlapic_deadline(const struct vlapic *lapic)
{
	return lapic->lvt_timer & VLAPIC_LVT_MASKED ? 0 : lapic->deadline;
}

/* Whether nothing is posted or requested, so that there is nothing to look for. */
static inline bool vlapic_is_quiet(const struct vlapic *lapic)
{
	return !__atomic_load_n(&lapic->posted_any, __ATOMIC_RELAXED) && !lapic->irr_any;
}

/* The highest vector that may be delivered now (priority above TPR and what is in service); -1. */
int vlapic_pending(struct vlapic *lapic);
/* The CPU takes that one: IRR to ISR. Returns it, or -1. */
int vlapic_take(struct vlapic *lapic);
/* The CPU has not taken it after all, and nothing of the guest has run since: ISR to IRR. */
void vlapic_untake(struct vlapic *lapic, uint8_t vector);

/*
 * All registers as the page has them, one each 4 words (KVM's struct kvm_lapic_state; the id is in
 * bits 31:24 in both modes). What is loaded may be anything. A TSC deadline is not among them, and
 * stays. IA32_APIC_BASE by itself, in any order of modes: -EPERM if it can never be that.
 */
#define VLAPIC_PAGE_WORDS 256
void vlapic_save(struct vlapic *lapic, uint32_t page[VLAPIC_PAGE_WORDS], uint64_t tsc);
void vlapic_load(struct vlapic *lapic, const uint32_t page[VLAPIC_PAGE_WORDS], uint64_t tsc);
int vlapic_set_base(struct vlapic *lapic, uint64_t value);
/* The TSC is set forward by that much; counts go on. */
void vlapic_shift(struct vlapic *lapic, uint64_t by);

/* CR8 <-> TPR. */
uint64_t vlapic_read_cr8(const struct vlapic *lapic);
void vlapic_write_cr8(struct vlapic *lapic, uint64_t value);

#endif
