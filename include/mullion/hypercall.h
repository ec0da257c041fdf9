/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls: what a service VM's kernel may ask of the core. For the core, for Linux kernel code
 *and for user space that reads what a driver passes on. The PCI function beside it is
 *mullion/bus.h.
 *
 * Finding the core: CPUID leaf MULLION_CPUID_SIGNATURE; leaf 0x40000000 may hold another
 *hypervisor's signature, because the core also offers KVM's clock.
 *
 * Calling: VMMCALL (AMD) or VMCALL (Intel) at CPL 0, from any mode; #UD at any other CPL.
 *
 *	rax               the number (MULLION_CALL_*), all 64 bits
 *	rdi rsi rdx r10   the arguments; those a call does not have are not looked at
 *	rax               the result: 0 or more, or a negative errno (Linux's values)
 *
 * Other registers and the flags are kept. A call never blocks.
 *
 * Memory: an argument named gpa is a guest physical address in the caller's own RAM; the range may
 * cross pages. The core copies once, and keeps no address after the call. Arrays and structures are
 * aligned to 8. Whatever else the same memory is used for while the call runs is the caller's
 *affair.
 *
 * Errors of every call, in this order; nothing has happened then:
 *	-ENOSYS  no such number
 *	-EPERM   not for this VM
 *	-EINVAL  an argument is out of its range, or misaligned
 *	-ENOENT  no such VM, CPU or counter
 *	-EFAULT  a gpa range is not all the caller's RAM; the answer may then be written in part
 * A refused call is counted (counter "bad-hypercalls").
 *
 * Changes: numbers and bits are only ever added. MULLION_ABI_VERSION changes when an old caller
 *would misunderstand; a caller refuses a version it does not know.
 */
#ifndef MULLION_HYPERCALL_H
#define MULLION_HYPERCALL_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdint.h>
#endif

#define MULLION_ABI_VERSION 1

/* eax: the last leaf; ebx, ecx, edx: "MullionCore\0". */
#define MULLION_CPUID_SIGNATURE	    0x40000100
#define MULLION_CPUID_SIGNATURE_EBX 0x6c6c754d
#define MULLION_CPUID_SIGNATURE_ECX 0x436e6f69
#define MULLION_CPUID_SIGNATURE_EDX 0x0065726f
/* eax: MULLION_ABI_VERSION; ebx: the VM's number; ecx: enum mullion_vm_kind; edx: 0. */
#define MULLION_CPUID_ABI 0x40000101

/* Numbers start far away from KVM's, whose clock the core also speaks. */
#define MULLION_CALL_FIRST 0x4d750000

/*
 * QUERY(index): one number; 0 for an index the core does not know. Any VM.
 */
#define MULLION_CALL_QUERY     (MULLION_CALL_FIRST + 0)
#define MULLION_QUERY_VERSION  0 /* MULLION_ABI_VERSION */
#define MULLION_QUERY_FEATURES 1 /* MULLION_FEATURE_*: what this VM may use */
#define MULLION_QUERY_VM       2 /* the caller's number */
#define MULLION_QUERY_KIND     3 /* enum mullion_vm_kind of the caller */
#define MULLION_QUERY_VMS      4 /* how many there are; numbers go from 0 */
#define MULLION_QUERY_PCPUS    5 /* how many CPUs the machine has; numbers go from 0 */
#define MULLION_QUERY_COUNTERS 6 /* how many counters a VM has; numbers go from 0 */
#define MULLION_QUERY_FRAMES   7 /* pages the core uses, without its owner table; control VM */

#define MULLION_FEATURE_CONSOLE	      (1U << 0) /* CONSOLE_WRITE */
#define MULLION_FEATURE_CONSOLE_INPUT (1U << 1) /* CONSOLE_READ and MULLION_CONSOLE_RAW */
#define MULLION_FEATURE_WATCHDOG      (1U << 2) /* WATCHDOG */
#define MULLION_FEATURE_COUNTERS      (1U << 3) /* COUNTER_* of the VM's own */
#define MULLION_FEATURE_MANAGE	      (1U << 4) /* COUNTER_READ, VM_INFO of others; VM_RESET */
#define MULLION_FEATURE_TRACE	      (1U << 5) /* TRACE_* */
#define MULLION_FEATURE_DOORBELLS     (1U << 6) /* DOORBELL, and the bus function's registers */
#define MULLION_FEATURE_GUESTS	      (1U << 7) /* the calls of mullion/guest.h */

/*
 * CONSOLE_WRITE(gpa, length, flags): text, 1 to MULLION_CONSOLE_MAX bytes. Returns how many of them
 * the core has taken, at least 1: it takes no more than a line a call, so call again with the rest.
 * Any VM.
 *
 * Without flags, lines appear in the core's log after the VM's name; what is not printable ASCII as
 * '?', carriage returns and empty lines not at all. A line ends with '\n'; until then it is kept.
 * MULLION_CONSOLE_RAW: bytes go to the core's serial line as they are. Control VM only.
 */
#define MULLION_CALL_CONSOLE_WRITE (MULLION_CALL_FIRST + 1)
#define MULLION_CONSOLE_MAX	   4096
#define MULLION_CONSOLE_RAW	   (1U << 0)

/*
 * CONSOLE_READ(gpa, length): bytes typed on the core's serial line, 1 to MULLION_CONSOLE_MAX asked
 * for. Returns how many there were, at most 64 a call; 0: none. Control VM only.
 */
#define MULLION_CALL_CONSOLE_READ (MULLION_CALL_FIRST + 2)

/*
 * WATCHDOG(seconds): the VM counts as hung, and is restarted, unless it calls again within this
 * many seconds (1 to MULLION_WATCHDOG_MAX); 0 switches it off. Returns 0. Any VM, for itself.
 */
#define MULLION_CALL_WATCHDOG (MULLION_CALL_FIRST + 3)
#define MULLION_WATCHDOG_MAX  3600

/*
 * COUNTER_READ(vm, first, count, gpa): count (1 to MULLION_COUNTER_MAX) counters of a VM from
 * number first, as uint64_t. Returns how many were written; 0: first is beyond the last one. Its
 * own: any VM; others': control VM.
 */
#define MULLION_CALL_COUNTER_READ (MULLION_CALL_FIRST + 4)
#define MULLION_COUNTER_MAX	  64

/*
 * COUNTER_NAME(number, gpa): its name, char[MULLION_COUNTER_NAME] filled up with zeros, the last
 * one always zero. Returns 0; -ENOENT. Any VM.
 */
#define MULLION_CALL_COUNTER_NAME (MULLION_CALL_FIRST + 5)
#define MULLION_COUNTER_NAME	  32

/*
 * TRACE_READ(pcpu, from, gpa, max): trace records of a physical CPU (struct mullion_trace_record of
 * mullion/trace.h) from sequence number `from` or the oldest that is left, 1 to MULLION_TRACE_MAX.
 * Returns how many; 0: none yet. Control VM only.
 */
#define MULLION_CALL_TRACE_READ (MULLION_CALL_FIRST + 6)
#define MULLION_TRACE_MAX	256

/*
 * TRACE_DUMP(): all CPUs' latest records to the core's log. Returns 0. Takes long. Control VM only.
 */
#define MULLION_CALL_TRACE_DUMP (MULLION_CALL_FIRST + 7)

/*
 * VM_INFO(vm, gpa): a struct mullion_vm_info. Returns 0; -ENOENT. Itself: any VM; others: control
 * VM.
 */
#define MULLION_CALL_VM_INFO (MULLION_CALL_FIRST + 8)

/*
 * VM_RESET(vm): the VM is stopped and started again from its pristine image. Returns 0 when that
 * has begun. Control VM only, and only for the UI VM (-EINVAL).
 */
#define MULLION_CALL_VM_RESET (MULLION_CALL_FIRST + 9)

/*
 * DOORBELL(vm, bell): raises MSI-X number `bell` (below MULLION_BUS_DOORBELLS of mullion/bus.h) of
 * the VM's bus function, as a write to the doorbell registers does. Returns 0, also when the other
 * VM has not set it up: nothing is kept then, but for a masked entry's pending bit. Any VM to any
 * VM.
 */
#define MULLION_CALL_DOORBELL (MULLION_CALL_FIRST + 10)

/*
 * PANICKED(confirm): the caller's kernel has panicked and will do nothing sensible any more;
 * confirm is MULLION_PANICKED_CONFIRM (-EINVAL). The VM stops: the UI VM is started again, for the
 * control VM the machine is, with a crash record. Any VM, of itself.
 */
#define MULLION_CALL_PANICKED	 (MULLION_CALL_FIRST + 11)
#define MULLION_PANICKED_CONFIRM 0x70616e6963 /* "panic" */

/* Numbers from here on: mullion/guest.h. */
#define MULLION_CALL_GUEST_FIRST (MULLION_CALL_FIRST + 12)

#define MULLION_CALL_COUNT 24

enum mullion_vm_kind {
	MULLION_VM_UI = 0,
	MULLION_VM_CONTROL = 1,
};

enum mullion_vm_state {
	MULLION_VM_LOADING = 0,
	MULLION_VM_RUNNING = 1,
	MULLION_VM_STOPPING = 2,
	MULLION_VM_DEAD = 3, /* off, or given up */
};

struct mullion_vm_info {
	uint32_t number;
	uint32_t kind;	/* enum mullion_vm_kind */
	uint32_t state; /* enum mullion_vm_state */
	uint32_t vcpus;
	uint64_t memory;   /* bytes of RAM */
	uint64_t restarts; /* since the machine's start */
	char name[16];	   /* filled up with zeros, the last one always zero */
};
_Static_assert(sizeof(struct mullion_vm_info) == 48, "struct mullion_vm_info");

#endif
