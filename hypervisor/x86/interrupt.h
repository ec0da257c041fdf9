/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The core's interrupt vectors and its local APIC. The core runs with interrupts off but for short
 * windows in the run loop (vm/run.c) and while it idles; handlers set atomic bits and return.
 */
#ifndef CORE_X86_INTERRUPT_H
#define CORE_X86_INTERRUPT_H

#include "lib/types.h"

#define VECTOR_DEVICE_FIRST 0x30 /* to irq_deliver() (vm/irq.h) */
#define VECTOR_DEVICE_LAST  0xef
#define VECTOR_KICK	    0xf0 /* only ends guest mode, or wakes an idle CPU */
#define VECTOR_TIMER	    0xf1
#define VECTOR_STOP	    0xf2 /* another CPU panicked: halt */
#define VECTOR_SPURIOUS	    0xff

/* This CPU's local APIC: on (x2APIC if the CPU has it), everything masked but what is above. */
void lapic_init(hpa_t base);
uint32_t lapic_id(void);
void lapic_end_of_interrupt(void);
void lapic_send(uint32_t apic_id, uint8_t vector);
/* An interrupt on VECTOR_TIMER once the TSC has passed deadline; 0: none. One per CPU; the last
 * call counts. Uses the TSC deadline mode where the CPU has it; without it, one may come early (the
 * rates are measured), which pcpu->timer_over tells. */
void lapic_arm_timer(uint64_t deadline);

/* The physical IOAPICs, everything masked at init. Entries in the hardware's format. Locked. */
struct acpi_info;
void ioapic_init(const struct acpi_info *acpi);
/* -ENOENT: no IOAPIC has this global interrupt. */
int ioapic_find(unsigned gsi, uint8_t *ioapic_id, unsigned *pin);
void ioapic_write(unsigned gsi, uint64_t redirection);
void ioapic_set_mask(unsigned gsi, bool masked);

/* Sets gates for exceptions and the vectors above; the IDT is common to all CPUs. */
void interrupt_init(void);
void interrupt_init_cpu(void);

#endif
