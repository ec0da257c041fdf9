/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the manifest, line by line, and stops at the first error. What can only be judged when all
 * of a VM is known (what is missing, what does not fit its kind) is checked at the end.
 */
#include "boot/manifest.h"

#include "lib/errno.h"
#include "lib/format.h"
#include "lib/string.h"

#define MAX_SIZE	 (64 * KIB)
#define MIN_MEMORY	 (32 * MIB)
#define MAX_MEMORY	 (1024 * GIB)
#define MEMORY_UNIT	 (2 * MIB)
#define MAX_WATCHDOG	 86400
#define MAX_RESTARTS	 1000000
#define DEFAULT_RESTARTS 100

/* Only the device may come again. */
enum key { KIND, KERNEL, INITRD, CMDLINE, MEMORY, VCPUS, WATCHDOG, RESTARTS, DEVICE, KEY_COUNT };

static const char *const key_names[KEY_COUNT] = {
	"kind", "kernel", "initrd", "cmdline", "memory", "vcpus", "watchdog", "restarts", "device"};

/* A piece of a line. */
struct word {
	const char *text;
	size_t length;
};

struct place {
	uint32_t line; /* 0: nowhere yet */
	uint32_t column;
};

struct parser {
	const char *line_start; /* what columns count from */
	uint32_t line;
	struct manifest *manifest;
	struct manifest_vm *vm; /* the section; NULL before the first */
	struct place section[MANIFEST_MAX_VMS];
	struct place keys[MANIFEST_MAX_VMS][KEY_COUNT];
	struct manifest_error *error;
};

static int fail_at(struct parser *parser, struct place place)
{
	parser->error->line = place.line;
	parser->error->column = place.column;
	return -EINVAL;
}

static struct place place_of(const struct parser *parser, const char *at)
{
	return (struct place){parser->line, (uint32_t)(at - parser->line_start) + 1};
}

/* One error: where, and a message with format's arguments. */
#define FAIL_AT(parser, place, ...)                                                                \
	(format_text((parser)->error->message, sizeof((parser)->error->message), __VA_ARGS__),     \
	 fail_at(parser, place))
#define FAIL(parser, at, ...) FAIL_AT(parser, place_of(parser, at), __VA_ARGS__)

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' ||
	       c == '_' || c == '.';
}

static bool word_is(struct word word, const char *text)
{
	return word.length == strlen(text) && memcmp(word.text, text, word.length) == 0;
}

static struct word word_trim(struct word word)
{
	while (word.length > 0 && is_blank(word.text[0])) {
		word.text++;
		word.length--;
	}
	while (word.length > 0 && is_blank(word.text[word.length - 1]))
		word.length--;
	return word;
}

/* Without the comment at its end. */
static struct word word_uncomment(struct word word)
{
	for (size_t i = 1; i < word.length; i++)
		if (word.text[i] == '#' && is_blank(word.text[i - 1]))
			word.length = i;
	return word_trim(word);
}

/* Takes a decimal number off the front; false if there is none or it is beyond max. */
static bool word_take_number(struct word *word, uint64_t max, uint64_t *value)
{
	const char *start = word->text;

	for (*value = 0; word->length > 0 && is_digit(word->text[0]);
	     word->text++, word->length--) {
		*value = *value * 10 + (uint64_t)(word->text[0] - '0');
		if (*value > max)
			return false;
	}
	return word->text != start;
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether the word looks like the pattern, where an x stands for a hexadecimal digit. The digits
 * make one number, whatever is between them. */
static bool word_match(struct word word, const char *pattern, uint32_t *value)
{
	if (word.length != strlen(pattern))
		return false;
	*value = 0;
	for (size_t i = 0; i < word.length; i++) {
		int digit = hex_digit(word.text[i]);

		if (pattern[i] != 'x' ? word.text[i] != pattern[i] : digit < 0)
			return false;
		if (pattern[i] == 'x')
			*value = *value << 4 | (uint32_t)digit;
	}
	return true;
}

static int copy_value(struct parser *parser, struct word value, char *to, size_t size,
		      const char *what)
{
	if (value.length >= size)
		return FAIL(parser, value.text + size - 1, "%s is too long: at most %u bytes", what,
			    (unsigned)size - 1);
	memcpy(to, value.text, value.length);
	to[value.length] = '\0';
	return 0;
}

static int read_module(struct parser *parser, struct word value, char *to)
{
	for (size_t i = 0; i < value.length; i++)
		if (is_blank(value.text[i]))
			return FAIL(parser, value.text + i,
				    "a boot module's name has no blanks in it");
	return copy_value(parser, value, to, MANIFEST_MODULE, "a boot module's name");
}

static int read_kind(struct parser *parser, struct word value)
{
	if (!word_is(value, "ui") && !word_is(value, "control"))
		return FAIL(parser, value.text, "a VM's kind is 'ui' or 'control'");
	parser->vm->control = word_is(value, "control");
	return 0;
}

static int read_memory(struct parser *parser, struct word value)
{
	uint64_t memory, unit = 0;
	struct word rest = value;

	if (word_take_number(&rest, MAX_MEMORY, &memory) && rest.length == 1)
		unit = rest.text[0] == 'K'   ? KIB
		       : rest.text[0] == 'M' ? MIB
		       : rest.text[0] == 'G' ? GIB
					     : 0;
	if (unit == 0)
		return FAIL(parser, value.text, "memory is a number with K, M or G: 512M");
	if (memory > MAX_MEMORY / unit || memory * unit < MIN_MEMORY)
		return FAIL(parser, value.text, "memory is out of range: from 32M to 1024G");
	parser->vm->memory = memory * unit;
	if (parser->vm->memory % MEMORY_UNIT != 0)
		return FAIL(parser, value.text, "memory must be a multiple of 2M");
	return 0;
}

static int read_number(struct parser *parser, struct word value, unsigned min, unsigned max,
		       const char *other, uint32_t *to)
{
	struct word rest = value;
	uint64_t number;

	if (!word_take_number(&rest, max, &number) || rest.length != 0 || number < min)
		return FAIL(parser, value.text, "this is %sa number from %u to %u", other, min,
			    max);
	*to = (uint32_t)number;
	return 0;
}

/* Whether one PCI function may be meant by both. An address and a class are compared by whoever
 * knows the machine's devices. */
static bool devices_overlap(const struct manifest_device *a, const struct manifest_device *b)
{
	if (a->by_class != b->by_class)
		return false;
	if (!a->by_class)
		return a->bdf == b->bdf;
	return a->class_code == b->class_code &&
	       (a->any_subclass || b->any_subclass || a->subclass == b->subclass);
}

static bool parse_device(struct word value, struct manifest_device *device)
{
	struct word class_code;
	uint32_t number;

	if (word_match(value, "xx:xx.x", &number)) {
		unsigned slot = number >> 4 & 0xff, function = number & 0xf;

		device->bdf = (uint16_t)(number >> 12 << 8 | slot << 3 | function);
		return slot < 32 && function < 8;
	}
	if (value.length <= 6 || memcmp(value.text, "class", 5) != 0 || !is_blank(value.text[5]))
		return false;
	class_code = word_trim((struct word){value.text + 6, value.length - 6});
	device->by_class = true;
	device->any_subclass = class_code.length == 2;
	if (!word_match(class_code, device->any_subclass ? "xx" : "xxxx", &number))
		return false;
	device->class_code = (uint8_t)(device->any_subclass ? number : number >> 8);
	device->subclass = device->any_subclass ? 0 : (uint8_t)number;
	return true;
}

static int read_device(struct parser *parser, struct word value)
{
	struct manifest_device *device = &parser->vm->devices[parser->vm->device_count];

	if (parser->vm->device_count == MANIFEST_MAX_DEVICES)
		return FAIL(parser, value.text, "too many devices: at most %u a VM",
			    MANIFEST_MAX_DEVICES);
	memset(device, 0, sizeof(*device));
	device->line = parser->line;
	if (!parse_device(value, device))
		return FAIL(parser, value.text,
			    "a device is 'class 03', 'class 0c03' or '00:04.0', to 'ff:1f.7'");
	for (size_t i = 0; i < parser->manifest->vm_count; i++) {
		const struct manifest_vm *vm = &parser->manifest->vms[i];

		for (size_t j = 0; j < vm->device_count; j++) {
			if (!devices_overlap(&vm->devices[j], device))
				continue;
			parser->error->reason = REASON_DEVICE_TWICE;
			return FAIL(parser, value.text, "this device is already in line %u",
				    vm->devices[j].line);
		}
	}
	parser->vm->device_count++;
	return 0;
}

static int read_value(struct parser *parser, enum key key, struct word value)
{
	struct manifest_vm *vm = parser->vm;

	switch (key) {
	case KIND:
		return read_kind(parser, value);
	case KERNEL:
		return read_module(parser, value, vm->kernel);
	case INITRD:
		return read_module(parser, value, vm->initrd);
	case CMDLINE:
		return copy_value(parser, value, vm->cmdline, sizeof(vm->cmdline),
				  "the command line");
	case MEMORY:
		return read_memory(parser, value);
	case VCPUS:
		return word_is(value, "all") ? 0
					     : read_number(parser, value, 1, MANIFEST_MAX_VCPUS,
							   "'all' or ", &vm->vcpus);
	case WATCHDOG:
		return read_number(parser, value, 0, MAX_WATCHDOG, "", &vm->watchdog);
	case RESTARTS:
		return read_number(parser, value, 0, MAX_RESTARTS, "", &vm->restarts);
	default:
		return read_device(parser, value);
	}
}

/* [vm NAME] */
static int read_section(struct parser *parser, struct word line)
{
	struct manifest *manifest = parser->manifest;
	struct manifest_vm *vm;
	struct word name;
	int error;

	line = word_uncomment(line);
	if (line.text[line.length - 1] != ']')
		return FAIL(parser, line.text + line.length, "this line must end with ']'");
	name = word_trim((struct word){line.text + 1, line.length - 2});
	if (name.length < 3 || memcmp(name.text, "vm", 2) != 0 || !is_blank(name.text[2]))
		return FAIL(parser, line.text, "a section is '[vm NAME]'");
	name = word_trim((struct word){name.text + 2, name.length - 2});
	for (size_t i = 0; i < name.length; i++)
		if (!is_name(name.text[i]))
			return FAIL(parser, name.text + i,
				    "a VM's name has letters, digits, '-', '_' and '.' only");
	for (size_t i = 0; i < manifest->vm_count; i++)
		if (word_is(name, manifest->vms[i].name))
			return FAIL(parser, name.text, "this VM is already in line %u",
				    parser->section[i].line);
	if (manifest->vm_count == MANIFEST_MAX_VMS) {
		parser->error->reason = REASON_MANIFEST_VMS;
		return FAIL(parser, line.text,
			    "there are two VMs already, one UI VM, one control VM");
	}
	vm = &manifest->vms[manifest->vm_count];
	error = copy_value(parser, name, vm->name, sizeof(vm->name), "a VM's name");
	if (error)
		return error;
	vm->restarts = DEFAULT_RESTARTS;
	parser->section[manifest->vm_count++] = place_of(parser, line.text);
	parser->vm = vm;
	return 0;
}

/* KEY = VALUE */
static int read_key(struct parser *parser, struct word line)
{
	struct word key = {line.text, 0}, value;
	struct place *place;
	unsigned number;

	while (key.length < line.length && line.text[key.length] != '=')
		key.length++;
	if (key.length == line.length)
		return FAIL(parser, line.text,
			    "a line is '[vm NAME]', 'KEY = VALUE' or '# COMMENT'");
	value = (struct word){line.text + key.length + 1, line.length - key.length - 1};
	key = word_trim(key);
	for (number = 0; number < KEY_COUNT && !word_is(key, key_names[number]); number++)
		;
	if (number == KEY_COUNT)
		return FAIL(parser, line.text,
			    "no such key; there are kind, kernel, initrd, cmdline, memory, vcpus, "
			    "device, watchdog, restarts");
	if (!parser->vm)
		return FAIL(parser, line.text, "a '[vm NAME]' line must come first");
	place = &parser->keys[parser->vm - parser->manifest->vms][number];
	if (number != DEVICE && place->line != 0)
		return FAIL(parser, line.text, "'%s' is already in line %u", key_names[number],
			    place->line);
	*place = place_of(parser, line.text);

	value = number == CMDLINE ? word_trim(value) : word_uncomment(value);
	if (value.length == 0 && number != CMDLINE)
		return FAIL(parser, value.text, "'%s' has no value", key_names[number]);
	return read_value(parser, (enum key)number, value);
}

static int read_line(struct parser *parser, struct word line)
{
	struct word content;

	if (line.length > 0 && line.text[line.length - 1] == '\r')
		line.length--;
	content = word_trim(line);
	for (size_t i = 0; i < line.length; i++) {
		unsigned char c = (unsigned char)line.text[i];

		/* A comment may be in any language. */
		if ((c < ' ' && c != '\t') || c == 0x7f || (c > 0x7f && content.text[0] != '#'))
			return FAIL(parser, line.text + i, "a byte that is not printable: 0x%02x",
				    c);
	}
	if (content.length == 0 || content.text[0] == '#')
		return 0;
	return content.text[0] == '[' ? read_section(parser, content) : read_key(parser, content);
}

/* What is missing, and what only the UI VM has. */
static int check_vm(struct parser *parser, size_t number)
{
	static const uint8_t needed[] = {KIND, KERNEL, MEMORY};
	const struct manifest_vm *vm = &parser->manifest->vms[number];
	const struct place *keys = parser->keys[number];

	for (size_t i = 0; i < ARRAY_LENGTH(needed); i++)
		if (keys[needed[i]].line == 0 && !(vm->control && needed[i] == MEMORY))
			return FAIL_AT(parser, parser->section[number],
				       "the VM '%s' has no line '%s = ...'", vm->name,
				       key_names[needed[i]]);
	if (vm->control && keys[MEMORY].line != 0)
		return FAIL_AT(parser, keys[MEMORY],
			       "the control VM has the memory that is left: remove this line");
	if (vm->control && keys[RESTARTS].line != 0)
		return FAIL_AT(parser, keys[RESTARTS],
			       "with the control VM the machine restarts: remove this line");
	return 0;
}

static int check_all(struct parser *parser)
{
	struct manifest *manifest = parser->manifest;
	struct place end = {parser->line, 1};
	int error;

	for (size_t i = 0; i < manifest->vm_count; i++) {
		error = check_vm(parser, i);
		if (error)
			return error;
	}
	parser->error->reason = REASON_MANIFEST_VMS;
	if (manifest->vm_count == 0)
		return FAIL_AT(parser, end, "there is no '[vm NAME]' line");
	if (manifest->vm_count == 1)
		return FAIL_AT(parser, end, "there is no VM with 'kind = %s'",
			       manifest->vms[0].control ? "ui" : "control");
	if (manifest->vms[0].control == manifest->vms[1].control)
		return FAIL_AT(parser, parser->keys[1][KIND], "one VM must be 'kind = %s'",
			       manifest->vms[0].control ? "ui" : "control");
	return 0;
}

int manifest_parse(const char *untrusted_text, size_t size, struct manifest *manifest,
		   struct manifest_error *error)
{
	struct parser parser = {.manifest = manifest, .error = error, .line = 1};
	const char *end = untrusted_text + size;
	int result = 0;

	memset(manifest, 0, sizeof(*manifest));
	memset(error, 0, sizeof(*error));
	error->reason = REASON_MANIFEST_ERROR;
	parser.line_start = untrusted_text;
	if (size > MAX_SIZE)
		return FAIL(&parser, untrusted_text, "the manifest is longer than 64 KiB");
	while (!result && parser.line_start < end) {
		struct word line = {parser.line_start, 0};

		while (line.text + line.length < end && line.text[line.length] != '\n')
			line.length++;
		result = read_line(&parser, line);
		if (result || line.text + line.length == end)
			break;
		parser.line_start = line.text + line.length + 1;
		parser.line++;
	}
	if (!result)
		result = check_all(&parser);
	if (!result)
		memset(error, 0, sizeof(*error));
	return result;
}
