/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How CPUs come to run the core; x86/pcpu.h has what is there afterwards. */
#ifndef CORE_X86_SMP_H
#define CORE_X86_SMP_H

#include "lib/types.h"

/* The boot CPU becomes pcpu_list[0], with stacks of its own (final page tables), GDT, TSS and local
 * APIC, and goes on in entry. */
_Noreturn void pcpu_start_first(hpa_t lapic, void (*entry)(void));
/* The page below 1 MiB, usable RAM of the core's, that pcpu_start_others() starts CPUs in. */
void pcpu_set_start_page(hpa_t page);

#endif
