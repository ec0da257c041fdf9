/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the test card shows of the machine. */
#include "facts.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* The value after "NAME ... :" in a file of /proc; empty if there is none. */
static void read_field(const char *path, const char *name, char *value, size_t size)
{
	char line[256];
	FILE *file = fopen(path, "re");

	value[0] = 0;
	if (!file)
		return;
	while (fgets(line, sizeof line, file)) {
		char *colon = strchr(line, ':');

		if (!colon || strncmp(line, name, strlen(name)))
			continue;
		colon++;
		colon += strspn(colon, " \t");
		colon[strcspn(colon, "\n")] = 0;
		snprintf(value, size, "%s", colon);
		break;
	}
	fclose(file);
}

static unsigned read_hex(const char *address, const char *what)
{
	char path[300], text[32] = "";
	FILE *file;

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/%s", address, what);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (!fgets(text, sizeof text, file))
		text[0] = 0;
	fclose(file);
	return (unsigned)strtoul(text, NULL, 16);
}

static void read_device(struct facts *facts, const char *address)
{
	char path[300], target[256];
	ssize_t length;
	int i = facts->device_count++;

	snprintf(facts->devices[i].address, sizeof facts->devices[i].address, "%.15s",
		 strncmp(address, "0000:", 5) ? address : address + 5);
	facts->devices[i].vendor = read_hex(address, "vendor");
	facts->devices[i].device = read_hex(address, "device");
	facts->devices[i].class_code = read_hex(address, "class");
	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/driver", address);
	length = readlink(path, target, sizeof target - 1);
	target[length > 0 ? length : 0] = 0;
	snprintf(facts->devices[i].driver, sizeof facts->devices[i].driver, "%.31s",
		 strrchr(target, '/') ? strrchr(target, '/') + 1 : "");
}

void facts_read(struct facts *facts)
{
	struct dirent **entries;
	struct utsname names;
	char text[64];
	int count, i;

	memset(facts, 0, sizeof *facts);
	uname(&names);
	snprintf(facts->name, sizeof facts->name, "%.31s", names.nodename);
	snprintf(facts->kernel, sizeof facts->kernel, "Linux %.50s", names.release);
	read_field("/proc/cpuinfo", "model name", facts->cpu, sizeof facts->cpu);
	facts->cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	read_field("/proc/meminfo", "MemTotal", text, sizeof text);
	facts->memory_mib = strtol(text, NULL, 10) / 1024;
	count = scandir("/sys/bus/pci/devices", &entries, NULL, alphasort);
	for (i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.' && facts->device_count < FACTS_DEVICES)
			read_device(facts, entries[i]->d_name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

double facts_uptime(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

const char *facts_class_name(unsigned class_code)
{
	static const struct {
		unsigned code; /* class << 8 | subclass */
		const char *name;
	} names[] = {
		{0x0106, "SATA"},	 {0x0108, "NVMe"},	 {0x0200, "network"},
		{0x0300, "display"},	 {0x0380, "display"},	 {0x0403, "sound"},
		{0x0600, "host bridge"}, {0x0601, "ISA bridge"}, {0x0604, "PCI bridge"},
		{0x0806, "IOMMU"},	 {0x0c03, "USB"},	 {0x0c05, "SMBus"},
	};
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].code == class_code >> 8)
			return names[i].name;
	return "other";
}
