/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the virtual local APIC share: vlapic.c, vlapic-timer.c, vlapic-interrupt.c. */
#ifndef CORE_VM_VLAPIC_PARTS_H
#define CORE_VM_VLAPIC_PARTS_H

#include "vm/vlapic.h"

#define APIC_BASE_BSP	 (1ULL << 8)
#define APIC_BASE_X2APIC (1ULL << 10)
#define APIC_BASE_ENABLE (1ULL << 11)

#define SVR_ENABLE (1U << 8)
#define LVT_MASKED VLAPIC_LVT_MASKED

#define ESR_SEND_VECTOR	     (1U << 5)
#define ESR_RECEIVE_VECTOR   (1U << 6)
#define ESR_ILLEGAL_REGISTER (1U << 7)

static inline bool vlapic_on(const struct vlapic *lapic)
{
	return __atomic_load_n(&lapic->base_msr, __ATOMIC_RELAXED) & APIC_BASE_ENABLE;
}

static inline bool vlapic_is_x2apic(const struct vlapic *lapic)
{
	return __atomic_load_n(&lapic->base_msr, __ATOMIC_RELAXED) & APIC_BASE_X2APIC;
}

/* vlapic-interrupt.c */
void vlapic_clear_interrupts(struct vlapic *lapic);
/* As vlapic_post(), for edge-triggered ones of 16 and more, on the vCPU's own pCPU: no atomics. */
void vlapic_request(struct vlapic *lapic, uint8_t vector);
void vlapic_take_posted(struct vlapic *lapic);
void vlapic_error(struct vlapic *lapic, uint32_t bits); /* any CPU */
uint32_t vlapic_ppr(const struct vlapic *lapic);
uint32_t vlapic_ldr(const struct vlapic *lapic);
void vlapic_end(struct vlapic *lapic, struct vlapic_action *action);

/* Posted vectors go into IRR and TMR. */
static inline void vlapic_sync(struct vlapic *lapic)
{
	if (__atomic_load_n(&lapic->posted_any, __ATOMIC_RELAXED))
		vlapic_take_posted(lapic);
}

/* vlapic-timer.c. Writes of LVT, initial count and divider are for a timer that was ticked before.
 */
void vlapic_timer_write_lvt(struct vlapic *lapic, uint32_t value);
void vlapic_timer_write_initial(struct vlapic *lapic, uint32_t value, uint64_t tsc);
void vlapic_timer_write_divide(struct vlapic *lapic, uint32_t value, uint64_t tsc);
void vlapic_timer_write_deadline(struct vlapic *lapic, uint64_t value);
void vlapic_timer_load(struct vlapic *lapic, uint32_t divide, uint32_t initial, uint32_t current,
		       uint64_t tsc);
uint32_t vlapic_timer_count(const struct vlapic *lapic, uint64_t tsc);
uint64_t vlapic_timer_read_deadline(const struct vlapic *lapic, uint64_t tsc);

#endif
