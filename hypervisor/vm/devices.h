/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few legacy devices that a PC's kernel expects and that no VM may have for real: one file
 * each. They hold no guest memory and wait for nothing. All handlers are a vm_access (vm/vm.h) for
 * ports.
 */
#ifndef CORE_VM_DEVICES_H
#define CORE_VM_DEVICES_H

#include "vm/vm.h"

/* uart.c: a 16550A that sends to the log and receives nothing; 8 ports. Source: National
 * Semiconductor PC16550D data sheet, 8.0. */
#define UART_LINE 160
struct uart {
	struct lock lock;
	void (*interrupt)(struct vm *vm); /* an edge on the port's line; NULL: polled only */
	uint8_t ier, fcr, lcr, mcr, scr;
	uint8_t divisor[2];
	bool empty;  /* the transmitter's interrupt is due */
	bool raised; /* the interrupt line */
	size_t length;
	char line[UART_LINE + 1];
};
void uart_reset(struct uart *uart, void (*interrupt)(struct vm *vm));
int uart_access(struct vcpu *vcpu, void *uart, uint64_t offset, unsigned size, bool write,
		uint64_t *value);

/* pic.c: one of the two 8259A; 2 ports. It keeps what it is told and never interrupts. Source:
 * Intel 8259A data sheet. */
struct pic {
	uint8_t mask;
	uint8_t expected; /* how many initialization words are still to come */
};
void pic_reset(struct pic *pic);
int pic_access(struct vcpu *vcpu, void *pic, uint64_t offset, unsigned size, bool write,
	       uint64_t *value);

/* pm.c: ACPI's fixed hardware of a VM without firmware: PM1a event block at 0, PM1a control at 4,
 * PM timer (32 bits) at 8; 12 ports. Always in ACPI mode: the FADT names no SMI command. Source:
 * ACPI 6.4, 4.8.3. */
#define PM_PORTS 12
struct pm {
	uint16_t enable;
	uint16_t control;
};
void pm_reset(struct pm *pm);
int pm_access(struct vcpu *vcpu, void *pm, uint64_t offset, unsigned size, bool write,
	      uint64_t *value);
/* The PM timer (3.579545 MHz) at a TSC. */
uint32_t pm_timer_at(uint64_t tsc, uint64_t tsc_hz);

/* reset.c: port 0x92 (A20 is always on), and what port 0xcf9 does, which lies in the range of PCI's
 * configuration ports: a byte write there comes here. Source: ICH9 data sheet, 13.7.3 and 13.7.5.
 */
int reset_access(struct vcpu *vcpu, void *unused, uint64_t offset, unsigned size, bool write,
		 uint64_t *value);
void reset_write_cf9(struct vm *vm, uint8_t value);

/* ps2.c: the keyboard controller's ports 0x60 (offset 0) and 0x64, passed to the real one for the
 * VM that has it. Commands that would reset the machine reset the VM; the controller's output port
 * (reset, A20) is out of reach. Without callbacks nothing is there but the reset. */
struct ps2 {
	uint8_t (*read)(uint16_t port);
	void (*write)(uint16_t port, uint8_t value);
	bool swallow; /* atomic: the next data byte is for the output port */
};
void ps2_reset(struct ps2 *ps2);
int ps2_access_data(struct vcpu *vcpu, void *ps2, uint64_t offset, unsigned size, bool write,
		    uint64_t *value);
int ps2_access_command(struct vcpu *vcpu, void *ps2, uint64_t offset, unsigned size, bool write,
		       uint64_t *value);

/* devices.c: all of them for a VM. Boot only; the UI VM gets the keyboard controller and the PM
 * block. */
#define PM_BASE 0x600
int devices_create(struct vm *vm);
void devices_reset(struct vm *vm); /* as at power-up; the vCPUs do not run */

#endif
