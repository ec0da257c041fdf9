/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The run loop: one a pCPU. Each has at most one vCPU of each VM, and runs the first that is ready:
 * the UI VM's, as long as it has budget left in this period, then the control VM's.
 */
#ifndef CORE_VM_RUN_H
#define CORE_VM_RUN_H

#include "vm/vcpu.h"

/* On every CPU; the boot CPU comes last. */
_Noreturn void machine_run_cpu(void);

/* Makes every pCPU pass its run loop once and waits for that: no vCPU is in guest mode with an old
 * state afterwards. Not from a handler. */
void run_sync_all(void);

#endif
