/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of /dev/kvm in the control VM. A check that fails is a line "kvm: FAILED ..."; a part
 * that has come to its end one "kvm: NAME done".
 */
#ifndef TEST_KVM_CLIENT_H
#define TEST_KVM_CLIENT_H

#include <errno.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY_SIZE (4U << 20)
#define CODE	    0x1000U /* where guest.S' text is */

struct machine {
	int vm;
	uint8_t *memory; /* MEMORY_SIZE, slot 0 at 0 */
	int vcpu[2];
	struct kvm_run *run[2];
};

extern int kvm; /* /dev/kvm */

void failed(const char *file, int line, const char *what, long value);

/* What has to be so, with a value that says more. */
#define check(condition, value)                                                                    \
	((condition) ? true : (failed(__FILE__, __LINE__, #condition, (long)(value)), false))
/* The errno of a call that fails, 0 otherwise. */
#define error_of(call) ((call) < 0 ? errno : 0)
#define check_error(expected, call)                                                                \
	do {                                                                                       \
		int got = error_of(call);                                                          \
		if (got != (expected))                                                             \
			failed(__FILE__, __LINE__, #call " should give " #expected, got);          \
	} while (0)

/* A VM with split irqchip, memory with guest.S in it, and vCPUs with all of CPUID. Ends the program
 * if there is none. */
void machine_make(struct machine *machine, unsigned vcpus);
/* The same, or without any irqchip. */
void machine_make_bare(struct machine *machine, unsigned vcpus, bool split);
void machine_end(struct machine *machine);
/* Protected mode without paging, or real mode, at a label of guest.S. */
void machine_start(struct machine *machine, unsigned vcpu, const void *label, bool real);
/* KVM_RUN until it ends with something else than EINTR or EAGAIN (which Linux gives
 * to a vCPU that was started); run's exit reason, or -errno. */
int machine_run(struct machine *machine, unsigned vcpu);
/* The same, and it is a write of a byte to this port; the byte, or -1. */
int machine_out(struct machine *machine, unsigned vcpu, uint16_t port);
uint32_t guest_address(const void *label);

/* Pages that are pinned in the whole system. */
long pinned_pages(void);
/* What the module has allocated (-1 without tests/core/fail), pages of the core, pinned pages. */
struct counts {
	long allocations, frames, pinned;
};
struct counts counts_now(void);
/* Whether there is as much as before, now or in a while; says what is too much. */
bool counts_are(const struct counts *before, const char *what);
/* As many guests as there can be are made: none was left. */
void count_guests(void);

void test_bad_input(void);
void test_pointers(void);
void test_order(void);
void test_fail(void);
void test_state(void);
void test_io(void);
void test_interrupts(void);
void test_memory(void);
void test_kill(void);
void test_kills(void);
void test_bare(void);
void test_hyperv(void);
void test_fuzz(void);

/* guest.S */
extern const uint8_t guest_text[], guest_end[], guest_ports[], guest_mmio[], guest_halt[],
	guest_ap[], guest_boot[], guest_timer[], guest_event[], guest_touch[], guest_spin[],
	guest_string[], guest_msr[], guest_bare[], guest_rdmsr[], guest_wrmsr[], guest_call[],
	guest_vector_0d[], guest_x87[], guest_fill[];

#endif
