/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux' boot protocol: the setup header of a bzImage, and the zero page. */
#include "boot/linux.h"

#include "lib/errno.h"
#include "lib/string.h"

#define SETUP_HEADER 0x1f1
#define SETUP_SECTS  0x1f1
#define SYSSIZE	     0x1f4 /* of the code, in 16 bytes */
#define BOOT_FLAG    0x1fe
#define JUMP	     0x200
#define HEADER_MAGIC 0x202
#define VERSION	     0x206
#define LOADFLAGS    0x211
#define ALIGNMENT    0x230
#define RELOCATABLE  0x234
#define XLOADFLAGS   0x236
#define CMDLINE_SIZE 0x238
#define PREF_ADDRESS 0x258
#define INIT_SIZE    0x260

#define PARAMS_RSDP	   0x070
#define PARAMS_INITRD_HIGH 0x0c0
#define PARAMS_SIZE_HIGH   0x0c4
#define PARAMS_LINE_HIGH   0x0c8
#define PARAMS_E820_COUNT  0x1e8
#define PARAMS_LOADER	   0x210
#define PARAMS_INITRD	   0x218
#define PARAMS_INITRD_SIZE 0x21c
#define PARAMS_LINE	   0x228
#define PARAMS_E820	   0x2d0
#define E820_ENTRY	   20

#define SECTOR 512U

static uint64_t get(const uint8_t *bytes, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, bytes, size);
	return value;
}

static void put(uint8_t *bytes, uint64_t value, size_t size)
{
	memcpy(bytes, &value, size);
}

static const char *check_header(const uint8_t *image, size_t size)
{
	if (size < 0x1000 || get(image + BOOT_FLAG, 2) != 0xaa55)
		return "it has no boot sector";
	if (get(image + HEADER_MAGIC, 4) != 0x53726448) /* "HdrS" */
		return "it has no setup header";
	if (get(image + VERSION, 2) < 0x20c)
		return "its boot protocol is older than 2.12";
	if (!(image[LOADFLAGS] & 1))
		return "it is a zImage";
	if (!(get(image + XLOADFLAGS, 2) & 1))
		return "it has no 64-bit entry";
	if (image[RELOCATABLE] == 0)
		return "it cannot be relocated";
	return NULL;
}

int linux_check(const uint8_t *untrusted_image, size_t size, struct linux_kernel *kernel,
		const char **problem)
{
	const uint8_t *image = untrusted_image;
	size_t sectors, offset;

	*problem = check_header(image, size);
	if (*problem != NULL)
		return -ENOEXEC;
	sectors = image[SETUP_SECTS] != 0 ? image[SETUP_SECTS] : 4;
	offset = (sectors + 1) * SECTOR;
	*kernel = (struct linux_kernel){
		.image = image,
		.code_offset = offset,
		.code_size = size > offset ? size - offset : 0,
		.init_size = get(image + INIT_SIZE, 4),
		.alignment = get(image + ALIGNMENT, 4),
		.preferred_address = get(image + PREF_ADDRESS, 8),
		.cmdline_max = (uint32_t)get(image + CMDLINE_SIZE, 4),
	};
	if (kernel->code_size < LINUX_ENTRY_64 + 1 ||
	    kernel->code_size < get(image + SYSSIZE, 4) * 16) {
		*problem = "its end is missing";
		return -EBADMSG;
	}
	if (kernel->alignment == 0 || (kernel->alignment & (kernel->alignment - 1)) != 0 ||
	    kernel->alignment > GIB)
		*problem = "its alignment is no power of two";
	else if (kernel->init_size < kernel->code_size || kernel->init_size > GIB)
		*problem = "its memory size makes no sense";
	else if (kernel->preferred_address % kernel->alignment != 0 ||
		 kernel->preferred_address > 4 * GIB - kernel->init_size)
		*problem = "its preferred address makes no sense";
	return *problem == NULL ? 0 : -ENOEXEC;
}

int linux_fill_params(uint8_t params[4096], const struct linux_kernel *kernel, uint64_t cmdline,
		      uint64_t initrd, uint64_t initrd_size, uint64_t rsdp,
		      const struct boot_range *ranges, size_t range_count)
{
	/* The header's own length says where it ends. */
	size_t end = JUMP + 2 + kernel->image[JUMP + 1];

	if (range_count > LINUX_MAX_RANGES)
		return -E2BIG;
	if (end > PARAMS_E820)
		end = PARAMS_E820;
	memset(params, 0, 4096);
	memcpy(params + SETUP_HEADER, kernel->image + SETUP_HEADER, end - SETUP_HEADER);
	params[PARAMS_LOADER] = 0xff; /* no assigned number */
	put(params + PARAMS_RSDP, rsdp, 8);
	put(params + PARAMS_INITRD, initrd, 4);
	put(params + PARAMS_INITRD_HIGH, initrd >> 32, 4);
	put(params + PARAMS_INITRD_SIZE, initrd_size, 4);
	put(params + PARAMS_SIZE_HIGH, initrd_size >> 32, 4);
	put(params + PARAMS_LINE, cmdline, 4);
	put(params + PARAMS_LINE_HIGH, cmdline >> 32, 4);
	params[PARAMS_E820_COUNT] = (uint8_t)range_count;
	for (size_t i = 0; i < range_count; i++) {
		uint8_t *entry = params + PARAMS_E820 + i * E820_ENTRY;

		put(entry, ranges[i].start, 8);
		put(entry + 8, ranges[i].size, 8);
		put(entry + 16, ranges[i].type, 4);
	}
	return 0;
}
