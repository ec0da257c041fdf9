/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The supervisor: starts the VMs, and ends and restarts them one at a time. Runs on pCPU 0 in its
 * run loop; whoever wants a VM stopped calls vm_request_stop().
 */
#ifndef CORE_VM_LIFECYCLE_H
#define CORE_VM_LIFECYCLE_H

#include "vm/vm.h"

/* All VMs are built: loads and starts each. */
void lifecycle_start(void);

/* pCPU 0's run loop: does what there is to do. */
void lifecycle_poll(void);
bool lifecycle_has_work(void);
/* TSC of the next watchdog; 0: none. */
uint64_t lifecycle_deadline(void);

#endif
