/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The manifest: what a good one means, and where and how each mistake is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/manifest.h"
#include "lib/errno.h"

#define UI	"[vm ui]\nkind = ui\nkernel = k\nmemory = 64M\n" /* lines 1 to 4 */
#define CONTROL "[vm c]\nkind = control\nkernel = k\n"

static struct manifest manifest;
static struct manifest_error error;

/* From a copy that ends where the text does. */
static int parse(const char *text, size_t size)
{
	char *copy = malloc(size ? size : 1);
	int result;

	memcpy(copy, text, size);
	memset(&manifest, 0xa5, sizeof(manifest));
	memset(&error, 0xa5, sizeof(error));
	result = manifest_parse(copy, size, &manifest, &error);
	free(copy);
	return result;
}

static void test_a_good_one_is_read_in_full(void **state)
{
	static const char text[] = "# Sch\xc3\xb6n\r\n"
				   "\t[vm  ui ]\t# a comment\r\n"
				   "kind = ui # or control\r\n"
				   "kernel=vmlinuz-ui\n"
				   "initrd =\tinitrd-ui\n"
				   "  cmdline =  console=ttyS0 a#b # quiet  \n"
				   "memory = 512M\n"
				   "vcpus = 3\n"
				   "device = class 03\n"
				   "device = class\t0C03\n"
				   "device = fe:1f.7 # a comment\n"
				   "watchdog = 30\n"
				   "restarts = 0\n"
				   "\n"
				   "[vm control]\n"
				   "kernel = vmlinuz-control\n"
				   "vcpus = all\n"
				   "cmdline =\n"
				   "device = 00:04.0\n"
				   "kind = control"; /* and no newline */
	const struct manifest_vm *vm;

	(void)state;
	assert_int_equal(parse(text, sizeof(text) - 1), 0);
	assert_int_equal(manifest.vm_count, 2);

	vm = &manifest.vms[0];
	assert_string_equal(vm->name, "ui");
	assert_false(vm->control);
	assert_string_equal(vm->kernel, "vmlinuz-ui");
	assert_string_equal(vm->initrd, "initrd-ui");
	assert_string_equal(vm->cmdline, "console=ttyS0 a#b # quiet");
	assert_int_equal(vm->memory, 512 * MIB);
	assert_int_equal(vm->vcpus, 3);
	assert_int_equal(vm->watchdog, 30);
	assert_int_equal(vm->restarts, 0);
	assert_int_equal(vm->device_count, 3);
	assert_true(vm->devices[0].by_class && vm->devices[0].any_subclass);
	assert_int_equal(vm->devices[0].class_code, 0x03);
	assert_true(vm->devices[1].by_class && !vm->devices[1].any_subclass);
	assert_int_equal(vm->devices[1].class_code, 0x0c);
	assert_int_equal(vm->devices[1].subclass, 0x03);
	assert_false(vm->devices[2].by_class);
	assert_int_equal(vm->devices[2].bdf, 0xfeff);
	assert_int_equal(vm->devices[2].line, 11);

	vm = &manifest.vms[1];
	assert_string_equal(vm->name, "control");
	assert_true(vm->control);
	assert_string_equal(vm->initrd, "");
	assert_string_equal(vm->cmdline, "");
	assert_int_equal(vm->memory, 0);
	assert_int_equal(vm->vcpus, 0);
	assert_int_equal(vm->watchdog, 0);
	assert_int_equal(vm->restarts, 100);
	assert_int_equal(vm->devices[0].bdf, 0x0020);
}

#define X15   "xxxxxxxxxxxxxxx"
#define X63   X15 X15 X15 X15 "xxx"
#define X1023 X63 X63 X63 X63 X63 X63 X63 X63 X63 X63 X63 X63 X63 X63 X63 X63 X15

static void test_the_longest_values_fit(void **state)
{
	static const char text[] = "[vm " X15 "]\nkind=ui\nkernel=" X63 "\ninitrd=" X63
				   "\ncmdline=" X1023 "\nmemory=1024G\nvcpus=16\nwatchdog=86400\n"
				   "restarts=1000000\n" CONTROL;

	(void)state;
	assert_int_equal(parse(text, sizeof(text) - 1), 0);
	assert_int_equal(strlen(manifest.vms[0].name), 15);
	assert_int_equal(strlen(manifest.vms[0].initrd), 63);
	assert_int_equal(strlen(manifest.vms[0].cmdline), 1023);
	assert_int_equal(manifest.vms[0].memory, 1024 * GIB);
}

struct mistake {
	const char *text;
	uint32_t line, column;
	const char *message; /* how it starts */
};

static const struct mistake mistakes[] = {
	{UI "[vm ui]\n", 5, 5, "this VM is already in line 1"},
	/* sections */
	{"[vm ui\n", 1, 7, "this line must end with ']'"},
	{"[", 1, 2, "this line must end with ']'"},
	{"[]", 1, 1, "a section is '[vm NAME]'"},
	{"[vm]", 1, 1, "a section is '[vm NAME]'"},
	{"[vm ]", 1, 1, "a section is '[vm NAME]'"},
	{"[vmx ui]", 1, 1, "a section is '[vm NAME]'"},
	{"[guest ui]", 1, 1, "a section is '[vm NAME]'"},
	{"[vm u/i]", 1, 6, "a VM's name has letters"},
	{"[vm u i]", 1, 6, "a VM's name has letters"},
	{"[vm " X15 "x]", 1, 20, "a VM's name is too long: at most 15 bytes"},
	/* lines and keys */
	{"kind = ui\n", 1, 1, "a '[vm NAME]' line must come first"},
	{"[vm ui]\nkind\n", 2, 1, "a line is '[vm NAME]', 'KEY = VALUE' or '# COMMENT'"},
	{"[vm ui]\n = ui\n", 2, 2, "no such key"},
	{"[vm ui]\n\tKind = ui\n", 2, 2, "no such key"},
	{"[vm ui]\nmem = 1G\n", 2, 1,
	 "no such key; there are kind, kernel, initrd, cmdline, memory, vcpus, device, watchdog, "
	 "restarts"},
	{"[vm ui]\nkernel = a\nkernel = a\n", 3, 1, "'kernel' is already in line 2"},
	{"[vm ui]\ncmdline =\ncmdline =\n", 3, 1, "'cmdline' is already in line 2"},
	{"[vm ui]\nkernel =\n", 2, 9, "'kernel' has no value"},
	{"[vm ui]\nkernel = # none\n", 2, 10, "'kernel' has no value"},
	{"[vm ui]\nkernel = a\x01z\n", 2, 11, "a byte that is not printable: 0x01"},
	{"[vm ui]\nkernel = a\x7f\n", 2, 11, "a byte that is not printable: 0x7f"},
	{"[vm ui]\nkernel = a#\xc3\xa4\n", 2, 12, "a byte that is not printable: 0xc3"},
	{"[vm ui]\nkernel\r = a\n", 2, 7, "a byte that is not printable: 0x0d"},
	{"#\x1b[2J", 1, 2, "a byte that is not printable: 0x1b"},
	{"\xef\xbb\xbf[vm ui]", 1, 1, "a byte that is not printable: 0xef"},
	/* values */
	{"[vm ui]\nkind = guest\n", 2, 8, "a VM's kind is 'ui' or 'control'"},
	{"[vm ui]\nkind = u\n", 2, 8, "a VM's kind is 'ui' or 'control'"},
	{"[vm ui]\nkernel = a b\n", 2, 11, "a boot module's name has no blanks in it"},
	{"[vm ui]\nkernel = x" X63 "\n", 2, 73, "a boot module's name is too long: at most 63"},
	{"[vm ui]\ninitrd=x" X63 "\n", 2, 71, "a boot module's name is too long: at most 63"},
	{"[vm ui]\ncmdline=x" X1023 "\n", 2, 1032, "the command line is too long: at most 1023"},
	{"[vm ui]\nmemory = all\n", 2, 10, "memory is a number with K, M or G: 512M"},
	{"[vm ui]\nmemory = 512\n", 2, 10, "memory is a number with K, M or G: 512M"},
	{"[vm ui]\nmemory = 512MB\n", 2, 10, "memory is a number with K, M or G: 512M"},
	{"[vm ui]\nmemory = -1M\n", 2, 10, "memory is a number with K, M or G: 512M"},
	{"[vm ui]\nmemory = 0M\n", 2, 10, "memory is out of range: from 32M to 1024G"},
	{"[vm ui]\nmemory = 1025G\n", 2, 10, "memory is out of range: from 32M to 1024G"},
	{"[vm ui]\nmemory = 1000000000000G\n", 2, 10, "memory is out of range: from 32M to 1024G"},
	{"[vm ui]\nmemory = 18446744073709551680G\n", 2, 10, "memory is "},
	{"[vm ui]\nmemory = 33M\n", 2, 10, "memory must be a multiple of 2M"},
	{"[vm ui]\nvcpus = 0\n", 2, 9, "this is 'all' or a number from 1 to 16"},
	{"[vm ui]\nvcpus = 17\n", 2, 9, "this is 'all' or a number from 1 to 16"},
	{"[vm ui]\nvcpus = 4294967297\n", 2, 9, "this is 'all' or a number from 1 to 16"},
	{"[vm ui]\nvcpus = 2x\n", 2, 9, "this is 'all' or a number from 1 to 16"},
	{"[vm ui]\nwatchdog = 86401\n", 2, 12, "this is a number from 0 to 86400"},
	{"[vm ui]\nwatchdog = never\n", 2, 12, "this is a number from 0 to 86400"},
	{"[vm ui]\nrestarts = 1000001\n", 2, 12, "this is a number from 0 to 1000000"},
	{"[vm ui]\nrestarts = 4 5\n", 2, 12, "this is a number from 0 to 1000000"},
	/* devices */
	{"[vm ui]\ndevice = vga\n", 2, 10,
	 "a device is 'class 03', 'class 0c03' or '00:04.0', to 'ff:1f.7'"},
	{"[vm ui]\ndevice = class\n", 2, 10, "a device is "},
	{"[vm ui]\ndevice = 0:4.0\n", 2, 10, "a device is "},
	{"[vm ui]\ndevice = 00:04\n", 2, 10, "a device is "},
	{"[vm ui]\ndevice = 00:04.00\n", 2, 10, "a device is "},
	{"[vm ui]\ndevice = 0000:00:04.0\n", 2, 10, "a device is "},
	{"[vm ui]\ndevice = 00:20.0\n", 2, 10, "a device is "},
	{"[vm ui]\ndevice = 00:04.8\n", 2, 10, "a device is "},
	{"[vm ui]\ndevice = 0g:04.0\n", 2, 10, "a device is "},
	{"[vm ui]\ndevice = xx:xx.x\n", 2, 10, "a device is "},
	{"[vm ui]\ndevice = 00.04:0\n", 2, 10, "a device is "},
	{"[vm ui]\ndevice = class 3\n", 2, 10, "a device is "},
	{"[vm ui]\ndevice = class 0c0\n", 2, 10, "a device is "},
	{"[vm ui]\ndevice = class 0c0330\n", 2, 10, "a device is "},
	{"[vm ui]\ndevice = class0c03\n", 2, 10, "a device is "},
	/* what is missing or does not fit the kind */
	{"[vm ui]\nkernel = k\nmemory = 64M\n" CONTROL, 1, 1,
	 "the VM 'ui' has no line 'kind = ...'"},
	{CONTROL "\n [vm ui]\nkind = ui\nmemory = 64M\n", 5, 2,
	 "the VM 'ui' has no line 'kernel = ...'"},
	{"[vm ui]\nkind = ui\nkernel = k\n" CONTROL, 1, 1,
	 "the VM 'ui' has no line 'memory = ...'"},
	{UI "[vm c]\nmemory = 64M\nkernel = k\nkind = control\n", 6, 1,
	 "the control VM has the memory that is left: remove this line"},
	{UI CONTROL " restarts = 1\n", 8, 2,
	 "with the control VM the machine restarts: remove this line"},
};

static const struct mistake wrong_vms[] = {
	{"", 1, 1, "there is no '[vm NAME]' line"},
	{"# nothing\n\n", 3, 1, "there is no '[vm NAME]' line"},
	{UI, 5, 1, "there is no VM with 'kind = control'"},
	{CONTROL, 4, 1, "there is no VM with 'kind = ui'"},
	{UI "[vm b]\nkernel=k\nmemory=64M\nkind=ui", 8, 1, "one VM must be 'kind = control'"},
	{CONTROL "[vm b]\nkernel=k\nkind=control", 6, 1, "one VM must be 'kind = ui'"},
	{UI CONTROL " [vm d]", 8, 2, "there are two VMs already"},
};

static const struct mistake twice[] = {
	{"[vm ui]\ndevice = 00:04.0\ndevice = 00:04.0\n", 3, 10,
	 "this device is already in line 2"},
	{UI "device = 00:04.0\n" CONTROL "device = 00:04.0\n", 9, 10,
	 "this device is already in line 5"},
	{UI "device = class 03\n" CONTROL "device = class 0300\n", 9, 10,
	 "this device is already in line 5"},
	{UI "device = class 0300\n" CONTROL "device = class 03\n", 9, 10,
	 "this device is already in line 5"},
};

static void expect(const struct mistake *m, size_t count, enum reason reason)
{
	for (; count > 0; count--, m++) {
		int result = parse(m->text, strlen(m->text));

		if (result != -EINVAL || error.line != m->line || error.column != m->column ||
		    strncmp(error.message, m->message, strlen(m->message)) != 0 ||
		    error.reason != reason)
			fail_msg("%d, %u:%u: %s (%d), instead of %u:%u: %s, for:\n%s", result,
				 error.line, error.column, error.message, (int)error.reason,
				 m->line, m->column, m->message, m->text);
	}
}

static void test_mistakes_are_told_where_they_are(void **state)
{
	(void)state;
	expect(mistakes, ARRAY_LENGTH(mistakes), REASON_MANIFEST_ERROR);
	expect(wrong_vms, ARRAY_LENGTH(wrong_vms), REASON_MANIFEST_VMS);
	expect(twice, ARRAY_LENGTH(twice), REASON_DEVICE_TWICE);
}

static void test_a_zero_byte_is_no_end(void **state)
{
	static const char text[] = UI CONTROL "\0device = 00:04.0";

	(void)state;
	assert_int_equal(parse(text, sizeof(text) - 1), -EINVAL);
	assert_int_equal(error.line, 8);
	assert_int_equal(error.column, 1);
	assert_string_equal(error.message, "a byte that is not printable: 0x00");
}

static void test_devices_that_differ_are_not_twice(void **state)
{
	static const char text[] =
		UI "device = class 0c03\ndevice = class 0c04\ndevice = class 03\n"
		   "device = 00:0c.3\n" CONTROL "device = class 0d03\n"
		   "device = 01:0c.3\n";

	(void)state;
	assert_int_equal(parse(text, sizeof(text) - 1), 0);
}

static void test_as_many_devices_as_there_is_room_for(void **state)
{
	char text[2048] = UI;
	char *at = text + strlen(text);

	(void)state;
	for (unsigned i = 0; i <= MANIFEST_MAX_DEVICES; i++)
		at += sprintf(at, "device = %02x:00.0\n", i);
	assert_int_equal(parse(text, (size_t)(at - text)), -EINVAL);
	assert_int_equal(error.line, 5 + MANIFEST_MAX_DEVICES);
	assert_int_equal(error.column, 10);
	assert_string_equal(error.message, "too many devices: at most 32 a VM");
}

static void test_a_huge_text_is_refused(void **state)
{
	char *text = calloc(1, 64 * KIB + 1);

	(void)state;
	memset(text, '\n', 64 * KIB + 1);
	assert_int_equal(parse(text, 64 * KIB + 1), -EINVAL);
	assert_string_equal(error.message, "the manifest is longer than 64 KiB");
	assert_int_equal(parse(text, 64 * KIB), -EINVAL);
	assert_int_equal(error.line, 64 * KIB + 1);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_good_one_is_read_in_full),
		cmocka_unit_test(test_the_longest_values_fit),
		cmocka_unit_test(test_mistakes_are_told_where_they_are),
		cmocka_unit_test(test_a_zero_byte_is_no_end),
		cmocka_unit_test(test_devices_that_differ_are_not_twice),
		cmocka_unit_test(test_as_many_devices_as_there_is_room_for),
		cmocka_unit_test(test_a_huge_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
