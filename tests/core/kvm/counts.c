/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is in use, of the module (where tests/core/fail is loaded), of the core, and of memory. */
#include "client.h"

#define PATIENCE 1000 /* looks for what is freed later than it is given back, 10 ms apart */

static long read_number(const char *path)
{
	FILE *file = fopen(path, "r");
	long number = -1;

	if (file) {
		if (fscanf(file, "%ld", &number) != 1)
			number = -1;
		fclose(file);
	}
	return number;
}

long pinned_pages(void)
{
	FILE *refresh = fopen("/proc/sys/vm/stat_refresh", "w"), *file;
	long acquired = 0, released = 0;
	char line[128];

	/* The CPUs' own counts are added up when somebody writes there. */
	if (refresh) {
		fputs("1", refresh);
		fclose(refresh);
	}
	file = fopen("/proc/vmstat", "r");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		sscanf(line, "nr_foll_pin_acquired %ld", &acquired);
		sscanf(line, "nr_foll_pin_released %ld", &released);
	}
	fclose(file);
	return acquired - released;
}

struct counts counts_now(void)
{
	return (struct counts){
		.allocations = read_number("/sys/kernel/debug/mullion-fail/balance"),
		.frames = read_number("/sys/kernel/debug/mullion/frames"),
		.pinned = pinned_pages(),
	};
}

bool counts_are(const struct counts *before, const char *what)
{
	struct counts now;
	unsigned looks;

	for (looks = 0; looks < PATIENCE; looks++) {
		now = counts_now();
		if (!memcmp(&now, before, sizeof(now)))
			return check(now.frames > 0 && now.pinned >= 0, now.frames);
		usleep(10000);
	}
	printf("<1>kvm: %s leaves %ld allocations, %ld frames, %ld pinned pages\n", what,
	       now.allocations - before->allocations, now.frames - before->frames,
	       now.pinned - before->pinned);
	return false;
}
