/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two VMs without a machine: what vm/hypercall.c and vm/bus.c call, for their tests. VM 0 is the UI
 * VM, VM 1 the control VM; each has RAM from FAKE_RAM on, and nothing else.
 */
#ifndef TESTS_CORE_FAKE_VM_H
#define TESTS_CORE_FAKE_VM_H

#include "pci/vpci.h"
#include "vm/hypercall.h"
#include "vm/vcpu.h"

#define FAKE_UI	     0
#define FAKE_CONTROL 1

#define FAKE_RAM      0x100000ULL
#define FAKE_RAM_SIZE 0x4000U
#define FAKE_WINDOW   0xfe000000ULL /* where bus functions are */
#define FAKE_BDF      0x00f8
#define FAKE_PCPUS    2
#define FAKE_TSC_HZ   1000ULL

struct fake_vm {
	struct vm vm;
	struct vcpu vcpu;
	uint8_t *ram; /* FAKE_RAM_SIZE bytes of their own allocation */
	/* The last interrupt message, and how many there were. */
	uint64_t msi_address;
	uint32_t msi_data;
	unsigned msis;
	/* The emulated function. */
	vpci_config_access *config;
	void *config_data;
};

extern struct fake_vm fake_vms[VM_MAX];

/* What the last call wrote to memory; from == to: nothing. */
extern struct vm *fake_written_vm;
extern uint64_t fake_written_from, fake_written_to;

extern const char *fake_typed; /* bytes on the serial line's way in */
extern char fake_serial[256];  /* what was written to it last */
extern unsigned fake_trace_dumps;

/* Both as at power-up, with their bus functions. */
void fake_vms_init(void);
void fake_vms_finish(void);
/* The same, as cmocka calls them around a test. */
int fake_vms_set_up(void **state);
int fake_vms_tear_down(void **state);

int64_t fake_call(unsigned vm, uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
void *fake_ram(unsigned vm, uint64_t address);

/* The VM's accesses to its bus function. */
uint32_t fake_config_read(unsigned vm, unsigned offset, unsigned size);
void fake_config_write(unsigned vm, unsigned offset, unsigned size, uint32_t value);
uint64_t fake_bar_read(unsigned vm, uint64_t offset, unsigned size);
void fake_bar_write(unsigned vm, uint64_t offset, unsigned size, uint64_t value);

#endif
