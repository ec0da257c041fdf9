/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of mullion-kvm.ko: /dev/kvm, Linux' KVM userspace API, on top of the core's guests
 * (mullion/guest.h). A file each; what they offer one another is here. The API is described in
 * Linux' Documentation/virt/kvm/api.rst; what of it there is, and what is refused, in kvm-main.c's
 * table of capabilities.
 *
 * Who keeps what alive: each descriptor of a VM or a vCPU holds the VM; vCPUs and pinned pages live
 * as long as it. Locks, outermost first: a vCPU's mutex, vm->lock, vm->hyperv.lock, vm->slots_lock,
 * vm->pin_lock. A vCPU's page, scratch page and all that has no lock named is of whoever holds its
 * mutex.
 */
#ifndef MULLION_LINUX_KVM_PARTS_H
#define MULLION_LINUX_KVM_PARTS_H

#include <linux/eventfd.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "bus.h"
#include "kvm-insn.h"
#include "kvm-pio.h"
#include "kvm-route.h"
#include "mullion/guest.h"

#define MKVM_SLOTS	   509	/* as KVM had for long */
#define MKVM_IOAPIC_PINS   4096 /* KVM_CAP_SPLIT_IRQCHIP's argument at most */
#define MKVM_IRQFDS	   1024 /* of a VM */
#define MKVM_IOEVENTS	   1000
#define MKVM_ZONES	   100 /* of coalesced I/O */
#define MKVM_MSRS_MAX	   256 /* in one KVM_GET_MSRS */
#define MKVM_CPUID_MAX	   256 /* in one KVM_GET_SUPPORTED_CPUID */
#define MKVM_BANKS	   32  /* of machine checks */
#define MKVM_NO_VECTOR	   -1
#define MKVM_MSR_VALUES	   (160 + 4 * MKVM_BANKS)
#define MKVM_IOEVENT_LISTS 64
/* All that the core takes of EFER. */
#define MKVM_EFER (EFER_SCE | EFER_LME | EFER_LMA | EFER_NX | EFER_FFXSR)

struct mkvm_chunk;
struct mkvm_routes;
struct mkvm_vcpu;

/* A memory slot. Read under slots_lock; chunks and what is in them by pin_lock too. */
struct mkvm_slot {
	u32 id, flags; /* KVM_MEM_* */
	u64 base;      /* guest page number */
	u64 pages;
	unsigned long address;	     /* where the process has it */
	unsigned long *dirty;	     /* what this module wrote, a bit a page; NULL: not asked for */
	struct list_head lost;	     /* could not be unmapped: freed with the VM */
	struct mkvm_chunk *chunks[]; /* pinned pages, by the guest's aligned 2 MiB */
};

/* The guest's nanoseconds are `ns` at the machine's TSC `reference`, the same for all vCPUs. */
struct mkvm_clock {
	spinlock_t lock;
	u64 reference, ns;
	u64 tsc_offset; /* of the last TSC that was set, */
	u64 tsc_value;	/* which was this */
	u64 tsc_when;	/* at the machine's */
	bool tsc_set;
};

/* MSRs that a guest of Hyper-V's kind has once (kvm-hyperv.c). Read without the lock. */
struct mkvm_hyperv {
	struct mutex lock;
	u64 guest_os, hypercall, reference;
};

struct mkvm_vm {
	refcount_t users;
	struct mm_struct *mm; /* the only process that may use it */
	u32 guest;	      /* its number in the core */
	struct mutex lock;    /* vCPUs, split, pins, the addresses */
	bool split;	      /* KVM_CAP_SPLIT_IRQCHIP: the core's APICs are in use */
	bool whole;	      /* KVM_CREATE_IRQCHIP: more than there is, so no vCPUs */
	u32 pins;	      /* of the IOAPIC, the first GSIs */
	u32 vcpu_count;
	struct mkvm_vcpu *vcpus[MULLION_GUEST_VCPUS]; /* set once; readers without lock acquire */

	struct rw_semaphore slots_lock;
	struct mkvm_slot *slots[MKVM_SLOTS];  /* by id */
	struct mkvm_slot *sorted[MKVM_SLOTS]; /* by address */
	u32 slot_count;
	struct list_head lost;
	struct mutex pin_lock;
	struct mullion_guest_range *ranges; /* MULLION_MAP_MAX, what GUEST_MAP reads; pin_lock */
	u64 pinned;			    /* pages; pin_lock */

	struct mutex irq_lock; /* of who replaces routes, or adds and removes irqfds */
	struct mkvm_routes __rcu *routes;
	spinlock_t irqfds_lock; /* inside an eventfd's */
	struct list_head irqfds;
	u32 irqfd_count;

	struct mutex io_lock; /* writers of what follows */
	rwlock_t io_readers;
	struct hlist_head ioevents[MKVM_IOEVENT_LISTS];
	u32 ioevent_count;
	struct list_head zones;
	u32 zone_count;
	spinlock_t ring_lock;
	struct kvm_coalesced_mmio_ring *ring; /* a page, mapped with each vCPU */

	struct mkvm_clock clock;
	struct mkvm_hyperv hyperv;
};

struct mkvm_vcpu {
	struct mkvm_vm *vm;
	u32 id;
	u64 handle; /* in the core */
	struct mutex mutex;
	struct mullion_vcpu_page *page;
	void *scratch; /* a page for VCPU_GET, VCPU_SET */
	struct kvm_run *run;
	void *data; /* the page of I/O data behind run */
	wait_queue_head_t wait;
	bool woken;		     /* since the last run began */
	bool clock_changed;	     /* the guest's clock has to be written again */
	bool clock_paused;	     /* and its kernel told that it was stopped */
	bool steals;		     /* the guest wants to know what is stolen from it, */
	struct task_struct *stealer; /* which is counted for this thread */
	u64 steal_seen;		     /* up to here */
	bool signals_set;
	sigset_t signals; /* blocked while it runs */
	int external;	  /* KVM_INTERRUPT's vector, not yet given to the guest */
	u64 apic_base;	  /* of a userspace APIC: not used, only kept */

	/* What the next KVM_RUN has to do with an exit's answer: 0: go on; 1: leave again. */
	int (*complete)(struct mkvm_vcpu *vcpu);
	u64 exit_rip;
	u8 exit_length, exit_size;
	u16 rounds;	  /* of a repeated instruction, since the guest was entered */
	bool insn_is_new; /* nothing was translated since its exit */
	union {
		struct kvm_insn insn;
		struct kvm_pio pio;
	};

	u32 hyperv; /* what it may use (kvm-enlighten.h) */
	u32 hyperv_index;
	u64 hyperv_assist;
	u64 mce_cap;
	u64 msrs[MKVM_MSR_VALUES]; /* kvm-msr.c */
	u32 cpuid_count;
	struct kvm_cpuid_entry2 *cpuid;
};

/* ---- kvm-main.c ---- */

/* KVM_CHECK_EXTENSION's answer. */
int mkvm_check_extension(unsigned long capability);

/* ---- kvm-vm.c ---- */

/* A descriptor of a new VM, or a negative errno. */
long mkvm_vm_create(unsigned long type);
void mkvm_vm_get(struct mkvm_vm *vm);
void mkvm_vm_put(struct mkvm_vm *vm);

/* ---- kvm-memory.c ---- */

int mkvm_memory_init(struct mkvm_vm *vm);
/* After the guest is gone from the core. */
void mkvm_memory_finish(struct mkvm_vm *vm);
int mkvm_memory_set(struct mkvm_vm *vm, const struct kvm_userspace_memory_region *untrusted_region);
int mkvm_memory_dirty_log(struct mkvm_vm *vm, const struct kvm_dirty_log *untrusted_log);
/* A guest's access to a page that is not mapped: 0: now it is; -ENOENT: no slot there, or a
 * read-only one for a write; -ENOMEM, -EFAULT, -EINTR. */
int mkvm_memory_fault(struct mkvm_vm *vm, u64 gpa, bool write);
/* Whether there is a slot, one that can be written. */
bool mkvm_memory_is_ram(struct mkvm_vm *vm, u64 gpa, bool write);
/* Memory of the guest's, in its process. -ENOENT: some of it is in no slot, or for a write in a
 * read-only one; -EFAULT: the process has nothing there. */
int mkvm_memory_read(struct mkvm_vm *vm, u64 gpa, void *to, size_t size);
int mkvm_memory_write(struct mkvm_vm *vm, u64 gpa, const void *from, size_t size);

static inline unsigned long mkvm_slot_address(const struct mkvm_slot *slot, u64 gfn)
{
	return slot->address + ((gfn - slot->base) << PAGE_SHIFT);
}

/* ---- kvm-pin.c ---- */

/* How many chunks a slot has, from its base and pages. */
size_t mkvm_pin_chunks(const struct mkvm_slot *slot);
/* Whether any page of it is pinned. */
bool mkvm_pin_any(const struct mkvm_slot *slot);
/* Pins and maps a page of a slot, and what is around it. Under pin_lock. */
int mkvm_pin_fault(struct mkvm_vm *vm, struct mkvm_slot *slot, u64 gfn);
/* All of a slot, when nothing of it is mapped. */
void mkvm_pin_drop(struct mkvm_vm *vm, struct mkvm_slot *slot);

/* ---- kvm-vcpu.c ---- */

/* A descriptor of a new vCPU. Under vm->lock. */
long mkvm_vcpu_create(struct mkvm_vm *vm, unsigned long untrusted_id);
/* After the guest is gone from the core. */
void mkvm_vcpu_free(struct mkvm_vcpu *vcpu);
/* The page is as the vCPU is: what is dirty has been loaded, where the CPU takes it. */
void mkvm_vcpu_sync(struct mkvm_vcpu *vcpu);
/* VCPU_GET and VCPU_SET of the scratch page, after what is dirty has been loaded as far as the CPU
 * takes it: halfway through a program's setting of all the state it may not. */
long mkvm_vcpu_get_item(struct mkvm_vcpu *vcpu, u32 item, u32 size);
long mkvm_vcpu_set_item(struct mkvm_vcpu *vcpu, u32 item, u32 size);
/* ---- kvm-run.c ---- */

/* KVM_RUN. */
long mkvm_run(struct mkvm_vcpu *vcpu);
/* vCPUs that have something to do leave their sleep. Any context. */
void mkvm_run_wake(struct mkvm_vm *vm, u32 mask);

/* ---- kvm-exits.c ---- */

/* Deals with page->reason. 0: run again; 1: back to the program, run says why; negative errno. */
int mkvm_exit(struct mkvm_vcpu *vcpu);

/* ---- kvm-state.c ---- */

/* The ioctls that read or write a vCPU's state; -ENOTTY: none of them. */
long mkvm_state_ioctl(struct mkvm_vcpu *vcpu, unsigned int number, void __user *argument);

/* ---- kvm-msr.c ---- */

void mkvm_msr_init(struct mkvm_vcpu *vcpu);
/* host: by the program, not by the guest. -ENOENT: no such MSR; -EINVAL: not this value. */
int mkvm_msr_get(struct mkvm_vcpu *vcpu, u32 index, u64 *value, bool host);
int mkvm_msr_set(struct mkvm_vcpu *vcpu, u32 index, u64 value, bool host);
long mkvm_msr_list(struct kvm_msr_list __user *list);
/* KVM_GET_MSRS, KVM_SET_MSRS, KVM_X86_SETUP_MCE; -ENOTTY: none of them. */
long mkvm_msr_ioctl(struct mkvm_vcpu *vcpu, unsigned int number, void __user *argument);

/* ---- kvm-cpuid.c ---- */

/* KVM_GET_SUPPORTED_CPUID; KVM_GET_SUPPORTED_HV_CPUID. */
long mkvm_cpuid_supported(struct kvm_cpuid2 __user *cpuid);
long mkvm_cpuid_enlightened(struct kvm_cpuid2 __user *cpuid);
long mkvm_cpuid_set(struct mkvm_vcpu *vcpu, struct kvm_cpuid2 __user *cpuid);
long mkvm_cpuid_get(struct mkvm_vcpu *vcpu, struct kvm_cpuid2 __user *cpuid);

/* ---- kvm-clock.c ---- */

void mkvm_clock_init(struct mkvm_vm *vm);
/* What a vCPU's TSC is, and that it is set. */
u64 mkvm_clock_tsc(const struct mkvm_vcpu *vcpu);
void mkvm_clock_set_tsc(struct mkvm_vcpu *vcpu, u64 value);
/* The guest has set it itself, in the core: its page says so. */
void mkvm_clock_follow(struct mkvm_vcpu *vcpu);
/* The guest's clock in its memory, if it has asked for one and something changed. */
void mkvm_clock_update(struct mkvm_vcpu *vcpu);
void mkvm_clock_wall(struct mkvm_vcpu *vcpu, u64 gpa);
/* The guest's TSC at which its clock was at ns, and its TSC now: the one that was last set. */
void mkvm_clock_origin(struct mkvm_vm *vm, u64 *tsc, u64 *ns, u64 *now);
/* KVM_GET_CLOCK, KVM_SET_CLOCK of a VM. */
long mkvm_clock_ioctl(struct mkvm_vm *vm, unsigned int number, void __user *argument);
int mkvm_clock_control(struct mkvm_vcpu *vcpu);

/* ---- kvm-steal.c ---- */

/* The guest has set its MSR. */
void mkvm_steal_set(struct mkvm_vcpu *vcpu, u64 msr);
/* What was stolen from it since the last time, into its memory. By the thread that runs it. */
void mkvm_steal_update(struct mkvm_vcpu *vcpu);

/* ---- kvm-hyperv.c ---- */

void mkvm_hyperv_init(struct mkvm_vm *vm);
/* MSRs of the table's policy MKVM_MSR_HV. -EINVAL: not this value. */
int mkvm_hyperv_get(struct mkvm_vcpu *vcpu, u32 index, u64 *value);
int mkvm_hyperv_set(struct mkvm_vcpu *vcpu, u32 index, u64 value, bool host);
/* The page of reference time, if the guest has one and something changed. */
void mkvm_hyperv_update(struct mkvm_vm *vm);
/* Whether a hypercall is one of Hyper-V's: it has been answered. */
bool mkvm_hyperv_call(struct mkvm_vcpu *vcpu);

/* ---- kvm-irq.c ---- */

int mkvm_irq_init(struct mkvm_vm *vm);
void mkvm_irq_finish(struct mkvm_vm *vm);
/* An interrupt message. 1: delivered; 0: to nobody. Any context. */
int mkvm_irq_message(struct mkvm_vm *vm, u64 address, u32 data);
/* GSI's routes, at level. How many were delivered; -EINVAL: no route. Any context. */
int mkvm_irq_set(struct mkvm_vm *vm, u32 gsi, bool level);
/* A route of an IOAPIC's pin has this vector, for a level. */
bool mkvm_irq_wants_eoi(struct mkvm_vm *vm, u8 vector);
/* The interrupt ioctls of a VM; -ENOTTY: none of them. */
long mkvm_irq_ioctl(struct mkvm_vm *vm, unsigned int number, void __user *argument);

/* ---- kvm-irqfd.c ---- */

int mkvm_irqfd_start(void);
void mkvm_irqfd_stop(void);
long mkvm_irqfd_ioctl(struct mkvm_vm *vm, const struct kvm_irqfd *untrusted_irqfd);
/* All of them are gone when it returns. */
void mkvm_irqfd_release(struct mkvm_vm *vm);

/* ---- kvm-ioevent.c ---- */

void mkvm_io_init(struct mkvm_vm *vm);
void mkvm_io_finish(struct mkvm_vm *vm);
/* A write of 1, 2, 4 or 8 bytes by a vCPU: an ioeventfd or the coalesced ring has taken it. */
bool mkvm_io_write(struct mkvm_vm *vm, bool port, u64 address, const void *data, u32 size);
/* KVM_IOEVENTFD, KVM_(UN)REGISTER_COALESCED_MMIO; -ENOTTY: none of them. */
long mkvm_io_ioctl(struct mkvm_vm *vm, unsigned int number, void __user *argument);

#endif
