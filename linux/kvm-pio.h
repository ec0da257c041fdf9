/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * INS and OUTS, with REP or without: a guest's exit MULLION_EXIT_IO with `string`, done in batches
 * such as struct kvm_run's io has: count units through one port, up to a page. Pure, in the manner
 * of kvm-insn.h: what it needs it asks for, and it may be abandoned at any status. The data itself
 * is never seen here. Source: AMD APM vol. 3, INS and OUTS; vol. 2, 15.10.2.
 *
 * A batch of OUTS has changed the registers before KVM_PIO_PORT is returned, one of INS changes
 * them when that has been answered, if rip is still where it was (otherwise all is dropped:
 * KVM_PIO_DONE). Faults of its memory come before the port is accessed.
 */
#ifndef MULLION_LINUX_KVM_PIO_H
#define MULLION_LINUX_KVM_PIO_H

#include "mullion/guest.h"

#ifndef __KERNEL__
#include <stdbool.h>
#endif

#define KVM_PIO_MAX 4096U /* bytes of a batch */

enum kvm_pio_status {
	/* Done, or an exception is in the page's event: the guest can be entered. With `again`, it
	 * was one batch: kvm_pio_step() does the next. */
	KVM_PIO_DONE,
	/* Set address, a linear one, to the guest physical one that the access of the vCPU's CPL
	 * goes to (`write`), and `device` if there is no RAM. If there is no such address:
	 * kvm_pio_page_fault(), and no further step. */
	KVM_PIO_TRANSLATE,
	/* OUTS: read size bytes at address, a guest physical one, to the batch's data at offset. In
	 * one page; of a device, no more than a unit. */
	KVM_PIO_READ,
	/* INS: write size bytes of the batch's data at offset to address, as above. */
	KVM_PIO_WRITE,
	/* Access the port count times, unit (1, 2, 4) bytes each, with the data. */
	KVM_PIO_PORT,
};

struct kvm_pio {
	/* The conversation. */
	uint64_t address;
	uint32_t size, offset; /* bytes */
	uint32_t count;
	uint16_t port;
	uint8_t unit;
	bool out;
	bool write;
	bool device;
	bool again;

	/* Of kvm-pio.c alone. */
	uint8_t status;
	/* The exit's: the page may be stored anew before an answer. */
	uint8_t length, address_size, segment;
	bool repeated;
	uint64_t start;	      /* rip's linear address */
	uint64_t linear;      /* of the batch's memory */
	uint64_t physical[2]; /* a second page only if a unit crosses into it */
	bool is_device[2];
	uint32_t first; /* bytes in the first page */
	uint8_t translated;
};

enum kvm_pio_status kvm_pio_start(struct kvm_pio *pio, struct mullion_vcpu_page *page);

/* Takes the answer to the status before, and goes on. */
enum kvm_pio_status kvm_pio_step(struct kvm_pio *pio, struct mullion_vcpu_page *page);

/* There is no translation: #PF. present: there is a page, and the access is not allowed. */
void kvm_pio_page_fault(struct kvm_pio *pio, struct mullion_vcpu_page *page, bool present);

#endif
