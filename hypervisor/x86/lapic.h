/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What only the core's own start and end do with a local APIC; the rest is in x86/interrupt.h. */
#ifndef CORE_X86_LAPIC_H
#define CORE_X86_LAPIC_H

#include "lib/types.h"

/* The INIT, start-up and non-maskable messages (Intel SDM vol. 3, 8.4.4.1). page: below 1 MiB. */
void lapic_send_init(uint32_t apic_id);
void lapic_send_startup(uint32_t apic_id, hpa_t page);
void lapic_send_nmi(uint32_t apic_id);
/* How fast the timer counts, against the TSC. Once, after tsc_init() and lapic_init(). */
void lapic_calibrate(void);

#endif
