/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A control VM that makes guests on the core's own code, without guest mode: vm/vm.c, guest/ and
 * what of svm/ is not a privileged instruction. The control VM is number 1; its RAM is RIG_RAM at
 * its own addresses, with a hole; vCPU n of it is on pCPU n.
 */
#ifndef TESTS_CORE_GUEST_RIG_H
#define TESTS_CORE_GUEST_RIG_H

#include "guest/guest.h"
#include "vm/hypercall.h"

#define RIG_POOL     (16 * MIB)
#define RIG_RAM	     (32 * MIB)
#define RIG_RAM_SIZE (16 * MIB)
#define RIG_ROM	     (49 * MIB) /* a page that the control VM may not write */
#define RIG_FOREIGN  (50 * MIB) /* the UI VM's */
#define RIG_END	     (52 * MIB)
#define RIG_PCPUS    2

extern struct vm rig_vms[2];
extern unsigned rig_flushes, rig_kicks, rig_injected; /* #GP */
extern uint8_t rig_bytes[15];			      /* what exit_fetch() gets */

void rig_start(void);
/* The same, as cmocka calls them around a test; no guest is left. */
int rig_set_up(void **state);
int rig_tear_down(void **state);
void rig_run_on(unsigned pcpu); /* the calling thread is that pCPU */

/* A call of the control VM's vCPU 0, as its hypercall is dealt with: made again until it is done.
 */
int64_t rig_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
#define CALL(name, ...)			   CALL_WITH(MULLION_CALL_##name, __VA_ARGS__, 0, 0, 0, 0)
#define CALL_WITH(number, a, b, c, d, ...) rig_call(number, a, b, c, d)
extern unsigned rig_again; /* how often one was made again */

void *rig_ram(uint64_t address);
struct vcpu *rig_outer(void);
/* A guest with vCPUs 0 to count - 1, whose pages are the last ones of RAM. */
unsigned rig_guest(unsigned vcpus);
struct mullion_vcpu_page *rig_page(unsigned vcpu);
struct guest_vcpu *rig_vcpu(unsigned guest, unsigned vcpu);
#define HANDLE(guest, vcpu) MULLION_GUEST_VCPU(guest, vcpu)

#endif
