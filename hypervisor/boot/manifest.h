/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The manifest: a text module that says which VMs the core starts. Pure parser.
 *
 *	# a comment, on a line of its own or after a value
 *	[vm ui]
 *	kind = ui                     # ui or control; exactly one of each
 *	kernel = vmlinuz-ui           # names of boot modules
 *	initrd = initrd-ui
 *	# the command line goes to the end of its line, whatever is in it
 *	cmdline = console=ttyS0 quiet
 *	memory = 512M                 # K, M, G; the control VM has the rest: it has no such line
 *	vcpus = all                   # or a number
 *	device = class 03             # PCI class, or class and subclass: class 0c03
 *	device = 00:04.0              # or bus:device.function
 *	watchdog = 30                 # seconds without a sign of life before it is restarted; 0:
 *never restarts = 100                # in a row before it is given up; 0: for ever
 *
 * kind, kernel and the UI VM's memory must be there. Without the others: no initrd, an empty
 *command line, all CPUs, no devices, watchdog 0, restarts 100. Only the UI VM has memory and
 *restarts: with the control VM the machine restarts.
 *
 * The control VM owns every device that no line of the UI VM names; it may have `device` lines,
 *which then must not name a device of the UI VM's (DEVICE_TWICE). PS/2 is the UI VM's.
 */
#ifndef CORE_BOOT_MANIFEST_H
#define CORE_BOOT_MANIFEST_H

#include "lib/reason.h"
#include "lib/types.h"

#define MANIFEST_MAX_VMS     2
#define MANIFEST_MAX_VCPUS   16
#define MANIFEST_MAX_DEVICES 32
#define MANIFEST_NAME	     16
#define MANIFEST_MODULE	     64
#define MANIFEST_CMDLINE     1024

struct manifest_device {
	bool by_class;
	uint8_t class_code;
	bool any_subclass;
	uint8_t subclass;
	uint16_t bdf;
	uint32_t line; /* for messages */
};

struct manifest_vm {
	char name[MANIFEST_NAME];
	bool control;
	char kernel[MANIFEST_MODULE];
	char initrd[MANIFEST_MODULE]; /* empty: none */
	char cmdline[MANIFEST_CMDLINE];
	uint64_t memory;   /* bytes, a multiple of 2 MiB; 0 for the control VM */
	uint32_t vcpus;	   /* 0: all */
	uint32_t watchdog; /* seconds */
	uint32_t restarts;
	struct manifest_device devices[MANIFEST_MAX_DEVICES];
	size_t device_count;
};

struct manifest {
	struct manifest_vm vms[MANIFEST_MAX_VMS];
	size_t vm_count;
};

struct manifest_error {
	enum reason reason;    /* MANIFEST_ERROR, MANIFEST_VMS, DEVICE_TWICE */
	uint32_t line, column; /* from 1; bytes */
	char message[96];      /* what is wrong and what would be right */
};

/* 0, or -EINVAL with the error; then the manifest is not to be used. The text need not end with a
 * newline or a zero. */
int manifest_parse(const char *untrusted_text, size_t size, struct manifest *manifest,
		   struct manifest_error *error);

#endif
