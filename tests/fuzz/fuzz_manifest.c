/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes the manifest's parser. A refused one has an error within the text with a printable
 * message; an accepted one has one VM of each kind, with everything in range.
 */
#include <string.h>

#include "boot/manifest.h"
#include "fuzz.h"

static void check_text(const char *text, size_t size, bool empty)
{
	size_t length = strnlen(text, size);

	FUZZ_CHECK(length < size);
	FUZZ_CHECK(empty || length > 0);
	for (size_t i = 0; i < length; i++)
		FUZZ_CHECK((text[i] >= ' ' && text[i] <= '~') || text[i] == '\t');
}

static void check_error(const struct manifest_error *error, const uint8_t *data, size_t size)
{
	uint32_t line = 1, length = 0;

	FUZZ_CHECK(error->reason == REASON_MANIFEST_ERROR || error->reason == REASON_MANIFEST_VMS ||
		   error->reason == REASON_DEVICE_TWICE);
	check_text(error->message, sizeof(error->message), false);
	for (size_t i = 0; i < size && line < error->line; i++)
		line += data[i] == '\n';
	FUZZ_CHECK(line == error->line);
	line = 1;
	for (size_t i = 0; i < size; i++) {
		length += line == error->line && data[i] != '\n';
		line += data[i] == '\n';
	}
	FUZZ_CHECK(error->column >= 1 && error->column <= length + 1);
}

static void check_vm(const struct manifest_vm *vm)
{
	check_text(vm->name, sizeof(vm->name), false);
	check_text(vm->kernel, sizeof(vm->kernel), false);
	check_text(vm->initrd, sizeof(vm->initrd), true);
	check_text(vm->cmdline, sizeof(vm->cmdline), true);
	FUZZ_CHECK(vm->control ? vm->memory == 0 : vm->memory >= 32 * MIB);
	FUZZ_CHECK(vm->memory <= 1024 * GIB && vm->memory % (2 * MIB) == 0);
	FUZZ_CHECK(vm->vcpus <= MANIFEST_MAX_VCPUS);
	FUZZ_CHECK(vm->watchdog <= 86400 && vm->restarts <= 1000000);
	FUZZ_CHECK(vm->device_count <= MANIFEST_MAX_DEVICES);
}

static void check_devices(const struct manifest_vm *a, const struct manifest_vm *b)
{
	for (size_t i = 0; i < a->device_count; i++)
		for (size_t j = 0; j < b->device_count; j++)
			FUZZ_CHECK(a->devices[i].by_class || b->devices[j].by_class ||
				   a->devices[i].bdf != b->devices[j].bdf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct manifest manifest;
	struct manifest_error error;

	memset(&manifest, 0xa5, sizeof(manifest));
	memset(&error, 0xa5, sizeof(error));
	if (manifest_parse((const char *)data, size, &manifest, &error) != 0) {
		check_error(&error, data, size);
		return 0;
	}
	FUZZ_CHECK(manifest.vm_count == 2);
	FUZZ_CHECK(manifest.vms[0].control != manifest.vms[1].control);
	FUZZ_CHECK(strcmp(manifest.vms[0].name, manifest.vms[1].name) != 0);
	check_vm(&manifest.vms[0]);
	check_vm(&manifest.vms[1]);
	check_devices(&manifest.vms[0], &manifest.vms[1]);
	return 0;
}

static const char *const seeds[] = {
	"# a comment\n[vm ui]\nkind = ui # words\nkernel = vmlinuz-ui\ninitrd = initrd-ui\n"
	"cmdline = console=ttyS0 quiet\nmemory = 512M\nvcpus = all\ndevice = class 03\n"
	"device = 00:04.0\nwatchdog = 30\nrestarts = 100\n\n[vm control]\nkind = control\n"
	"kernel = vmlinuz-control\nvcpus = 2\ndevice = class 0108\ndevice = 00:1f.2\n",
	"[vm a]\r\nkind=control\r\nkernel=k\r\n[vm b]\r\nkind=ui\r\nkernel=k\r\nmemory=1G\r\n",
};

size_t fuzz_seed(unsigned index, uint8_t *data, size_t size)
{
	if (index >= sizeof(seeds) / sizeof(seeds[0]) || strlen(seeds[index]) > size)
		return 0;
	memcpy(data, seeds[index], strlen(seeds[index]));
	return strlen(seeds[index]);
}
