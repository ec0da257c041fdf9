/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM and its vCPUs, as everything but the vendor folder (svm/) sees them.
 *
 * A vCPU is pinned: vCPU n of a VM runs on pCPU n only. Its registers belong to that pCPU while it
 * is in the run loop (vm/run.c); others reach a vCPU only through the functions marked "any CPU".
 */
#ifndef CORE_VM_VM_H
#define CORE_VM_VM_H

#include "iommu/iommu.h"
#include "lib/lock.h"
#include "lib/types.h"
#include "memory/table.h"
#include "vm/counters.h"
#include "vm/vioapic.h"
#include "vm/vlapic.h"

#define VM_MAX	     2 /* the service VMs */
#define VM_MAX_VCPUS 16
#define VM_MAX_MMIO  32
#define VM_MAX_PIO   48
#define VM_NAME_SIZE 16

struct vm;
struct vcpu;
struct vpci;
struct bus;

enum vm_kind { VM_UI, VM_CONTROL, VM_GUEST /* guest/ */ };

/*
 * A VM's life. One setter (vm_set_state()) checks the arrows:
 *	LOADING -> RUNNING -> STOPPING -> LOADING (restart)
 *	                               -> DEAD    (power-off, given up)
 */
enum vm_state { VM_LOADING, VM_RUNNING, VM_STOPPING, VM_DEAD };

/* Why a VM leaves RUNNING. */
enum vm_stop {
	VM_STOP_NONE,
	VM_STOP_RESET, /* asked for: reset register, keyboard controller, triple fault */
	VM_STOP_TRIPLE_FAULT,
	VM_STOP_PANIC, /* its kernel says so */
	VM_STOP_POWER_OFF,
	VM_STOP_WATCHDOG,
	VM_STOP_BAD_EXIT, /* an exit the core does not know, or a state the CPU refuses */
};

/* An access to a register that is not memory. size: 1, 2, 4 or 8 (MMIO); offset is from the
 * region's start and offset + size is inside it, but it need not be aligned. Reads fill *value,
 * zero-extended. Runs on the vCPU's pCPU without vm->lock. Returns 0, or -EFAULT: nothing answers
 * (reads are all ones, counted as a violation). */
typedef int vm_access(struct vcpu *vcpu, void *data, uint64_t offset, unsigned size, bool write,
		      uint64_t *value);

struct vm_region {
	uint64_t start; /* a GPA, or a port */
	uint64_t size;
	vm_access *access;
	void *data;
	const char *name;
};

struct vm {
	unsigned number;
	enum vm_kind kind;
	char name[VM_NAME_SIZE];
	uint32_t state;		    /* enum vm_state; atomic */
	uint32_t stop;		    /* enum vm_stop; atomic: the first reason wins */
	struct lock lock;	    /* the device models' state and the tables */
	struct space memory;	    /* what the vCPUs see */
	uint64_t memory_size;	    /* bytes of RAM; for reports */
	struct iommu_domain domain; /* what its devices see */
	struct vcpu *vcpus[VM_MAX_VCPUS];
	unsigned vcpu_count;
	struct vm_region mmio[VM_MAX_MMIO];
	size_t mmio_count;
	struct vm_region pio[VM_MAX_PIO];
	size_t pio_count;
	struct vioapic ioapic;
	struct vpci *pci;
	struct bus *bus;
	void *vendor;			  /* struct svm_vm */
	uint64_t counters[COUNTER_COUNT]; /* atomic */
	uint64_t restarts;
	uint64_t watchdog_deadline;   /* TSC; 0: not armed. Atomic. */
	uint16_t pm1_control;	      /* what the VM wrote there to power off */
	const struct vm_image *image; /* what is loaded at each start (vm/load.h) */
};

static inline enum owner vm_owner(const struct vm *vm)
{
	return (enum owner)(OWNER_VM_FIRST + vm->number);
}

/* Any CPU. */
static inline void counter_add(struct vm *vm, enum counter counter, uint64_t n)
{
	__atomic_fetch_add(&vm->counters[counter], n, __ATOMIC_RELAXED);
}

static inline uint64_t counter_read(const struct vm *vm, enum counter counter)
{
	return __atomic_load_n(&vm->counters[counter], __ATOMIC_RELAXED);
}

extern struct vm *vm_list[VM_MAX]; /* by number; fixed after boot */
struct vm *vm_of_kind(enum vm_kind kind);

/* Boot only. -ENOSPC, -EEXIST on overlap. */
int vm_add_mmio(struct vm *vm, gpa_t start, uint64_t size, vm_access *access, void *data,
		const char *name);
int vm_add_pio(struct vm *vm, uint16_t first, uint16_t count, vm_access *access, void *data,
	       const char *name);

/* The VM reaches these I/O ports without the core. Boot only. */
void vm_allow_ports(struct vm *vm, uint16_t first, uint32_t count);

/* Copies from and to the VM's RAM at a GPA, across pages; never device memory, never beyond what
 * the VM may write. Any CPU; of a guest, without its lock. 0, or -EFAULT with nothing or a part
 * copied. */
int vm_read_memory(struct vm *vm, gpa_t start, void *to, size_t size);
int vm_write_memory(struct vm *vm, gpa_t start, const void *from, size_t size);

/* The VM shall stop for this reason: all its vCPUs leave guest mode soon, and the machine's
 * supervisor (vm/lifecycle.c) restarts it or what the reason says. Any CPU. */
void vm_request_stop(struct vm *vm, enum vm_stop stop);

/* Delivers an interrupt message as a device of the VM would: guest_address and guest_data are an
 * MSI (Intel SDM vol. 3, 11.11). One that is malformed or addresses nobody is dropped and counted.
 * Any CPU, interrupt handlers too. */
void vm_send_msi(struct vm *vm, uint64_t guest_address, uint32_t guest_data);

/* Makes a service VM's vCPU look at its pending events again soon, wherever it is; or whatever runs
 * on a pCPU. Any CPU, handlers too. */
void vcpu_kick(struct vcpu *vcpu);
void pcpu_kick(unsigned number);

/* Does what a write to the vCPU's local APIC asks for: IPIs, the end of a level interrupt. */
struct vlapic_action;
void vcpu_apic_action(struct vcpu *vcpu, const struct vlapic_action *action);
/* Whether such an IPI of the one is for the other, of the same VM. */
bool vcpu_is_addressed(const struct vcpu *from, const struct vcpu *to,
		       const struct vlapic_action *action);

/* Counts something the VM may not do, and logs the first ones, later ever fewer. */
void vm_violation(struct vcpu *vcpu, enum counter counter, const char *what, uint64_t detail);

/* Parts of struct vcpu that device models need. */
struct vm *vcpu_vm(struct vcpu *vcpu);
unsigned vcpu_number(const struct vcpu *vcpu);
struct vlapic *vcpu_lapic(struct vcpu *vcpu);

#endif
