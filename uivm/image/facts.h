/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the VM knows of itself, from /proc and /sys. */
#ifndef TESTCARD_FACTS_H
#define TESTCARD_FACTS_H

#define FACTS_DEVICES 24

struct facts {
	char name[32];
	char kernel[64];
	char cpu[64];
	int cpus;
	long memory_mib;
	int device_count;
	struct {
		char address[16];
		unsigned vendor, device, class_code; /* class << 16 | subclass << 8 | interface */
		char driver[32];		     /* empty: none */
	} devices[FACTS_DEVICES];
};

void facts_read(struct facts *facts);
/* Seconds since the kernel started. */
double facts_uptime(void);
/* In a word or two what a PCI class is. */
const char *facts_class_name(unsigned class_code);

#endif
