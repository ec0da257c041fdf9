/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a CPU vendor's virtualization does for the core. One constant table a vendor (svm/svm.c; VMX
 * will be the second); no other folder names a VMCB or a VMCS. What is hot stays inside run().
 */
#ifndef CORE_VM_VENDOR_H
#define CORE_VM_VENDOR_H

#include "mullion/guest.h"
#include "vm/vcpu.h"

/* What this CPU can beyond the required; every one has a fallback. */
struct vendor_caps {
	bool next_rip;	    /* exits carry the next instruction's address */
	bool decode_assist; /* memory exits carry the instruction's bytes */
	bool flush_by_asid;
	bool huge_pages; /* 1 GiB leaves */
	unsigned asids;
};

struct vendor_ops {
	const char *name;
	/* Once, on the boot CPU, after cpu_check(): reads the capabilities. -ENOMEM. */
	int (*init)(struct vendor_caps *caps);
	/* On every CPU: virtualization on. -ENOMEM. */
	int (*cpu_init)(void);

	int (*vm_create)(struct vm *vm);   /* permission maps; everything intercepted */
	void (*vm_destroy)(struct vm *vm); /* a guest, that nobody runs */
	void (*vm_allow_ports)(struct vm *vm, uint16_t first, uint32_t count);
	int (*vcpu_create)(struct vcpu *vcpu);
	void (*vcpu_destroy)(struct vcpu *vcpu); /* of a guest; was put */

	/* The state after INIT or power-up, halted outside the run loop; put, if it ran here. */
	void (*vcpu_reset)(struct vcpu *vcpu);
	/* Real mode at vector << 12 (start-up IPI). */
	void (*vcpu_startup)(struct vcpu *vcpu, uint8_t vector);
	/* 64-bit mode as Linux' boot protocol wants: flat segments by the GDT at gdt, page tables
	 * at cr3, RIP; general registers are the caller's. */
	void (*vcpu_enter_64)(struct vcpu *vcpu, uint64_t rip, uint64_t gdt, uint64_t cr3);

	/* Runs until something happens; on the vCPU's own pCPU, which may take interrupts after it.
	 */
	void (*run)(struct vcpu *vcpu, struct vcpu_exit *exit);
	/* The vCPU leaves this pCPU for another: saves what run() left in registers. */
	void (*put)(struct vcpu *vcpu);

	void (*get_mode)(const struct vcpu *vcpu, struct vcpu_mode *mode);
	/* Past an instruction of that length: RIP, within the mode's width; an interrupt shadow
	 * ends. */
	void (*advance)(struct vcpu *vcpu, uint8_t length);
	void (*set_rflags)(struct vcpu *vcpu, uint64_t rflags);
	void (*inject_exception)(struct vcpu *vcpu, uint8_t vector, bool has_code, uint32_t code);
	/* Whether an interrupt could be taken now: IF, no shadow, nothing being injected. */
	bool (*interruptible)(const struct vcpu *vcpu);
	/* Whether NMIs are let in: none is being handled. */
	bool (*nmi_open)(const struct vcpu *vcpu);
	/* -EPERM: takes #GP. MSRs whose home is the vendor's control block: EFER, PAT; and after
	 * put(), those that the vCPU reaches without an exit. -ENOENT: no such. */
	int (*msr_read)(struct vcpu *vcpu, uint32_t msr, uint64_t *value);
	int (*msr_write)(struct vcpu *vcpu, uint32_t msr, uint64_t value);

	/*
	 * A guest's vCPU, which was put. load() takes the parts of its state that `dirty` names
	 * (MULLION_DIRTY_*) but for general registers and activity; -EINVAL: it is none that a CPU
	 * can have, and nothing was taken. store() gives all of them. fpu() is where its FPU's
	 * state is: a page, in XSAVE's standard form.
	 */
	int (*load)(struct vcpu *vcpu, const struct mullion_vcpu_page *page, uint32_t dirty);
	void (*store)(const struct vcpu *vcpu, struct mullion_vcpu_page *page);
	void *(*fpu)(struct vcpu *vcpu);
	void (*set_tsc_offset)(struct vcpu *vcpu, uint64_t offset);
	/* Guest mode ends as soon as an interrupt could be taken. */
	void (*open_window)(struct vcpu *vcpu);

	/* All pCPUs' translations of the VM are gone when it returns. */
	void (*flush)(struct vm *vm);
	/* Everything about the vCPU, to the log. */
	void (*dump)(const struct vcpu *vcpu);
	/* A name for an exit code; never NULL. */
	const char *(*exit_name)(uint64_t code);
};

extern const struct vendor_ops svm_ops;
extern const struct vendor_ops *vendor; /* the machine's; set once at boot */
extern struct vendor_caps vendor_caps;

#endif
