/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What VMs' devices tried and the IOMMU refused: fetched, counted to the VM, reported. */
#ifndef CORE_VM_FAULTS_H
#define CORE_VM_FAULTS_H

#include <stdint.h>

/* To be called often on one CPU, not from a handler; looks at the hardware ten times a second. now:
 * TSC. */
void faults_poll(uint64_t now);

#endif
