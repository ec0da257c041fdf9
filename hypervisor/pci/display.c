/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way back to the boot loader's picture. Source: virtio 1.1, 4.1.4; QEMU,
 * docs/specs/standard-vga, for the mode registers that emulators' VGA has had since Bochs. */
#include "pci/display.h"

#include "pci/caps.h"
#include "pci/config.h"
#include "pci/registers.h"
#include "pci/vpci.h"
#include "x86/cpu.h"
#include "x86/machine.h"

#define CLASS_DISPLAY	   0x03
#define BOCHS_VENDOR	   0x1234
#define VIRTIO_VENDOR	   0x1af4
#define VIRTIO_COMMON	   1 /* the kind of a vendor capability: where the common registers are */
#define VIRTIO_COMMON_SIZE 0x38
#define VIRTIO_STATUS	   0x14
#define CAP_VIRTIO_KIND	   3
#define CAP_VIRTIO_BAR	   4
#define CAP_VIRTIO_OFFSET  8
#define CAP_VIRTIO_SIZE	   16
#define MAX_DISPLAYS	   4

#define MODE_INDEX	0x1ce
#define MODE_DATA	0x1cf
#define MODE_ID		0
#define MODE_WIDTH	1
#define MODE_ENABLE	4
#define MODE_COUNT	10 /* the last are offsets of the visible part */
#define MODE_HAS_ID(id) (((id) >> 4) == 0xb0c)

static uint16_t modes[MODE_COUNT]; /* as the loader left them; no ID: no such registers */

static struct {
	uint16_t bdf;
	volatile uint8_t *common; /* NULL: not a virtio function */
} displays[MAX_DISPLAYS];
static size_t display_count;

static uint16_t get_mode(uint16_t index)
{
	outw(MODE_INDEX, index);
	return inw(MODE_DATA);
}

static void set_mode(uint16_t index, uint16_t value)
{
	outw(MODE_INDEX, index);
	outw(MODE_DATA, value);
}

static void take_back(void)
{
	for (size_t i = 0; i < display_count; i++) {
		uint32_t command = pci_read(displays[i].bdf, PCI_COMMAND, 2);

		pci_write(displays[i].bdf, PCI_COMMAND, 2,
			  (command & ~(uint32_t)COMMAND_MASTER) | COMMAND_IO | COMMAND_MEMORY);
		if (displays[i].common != NULL)
			displays[i].common[VIRTIO_STATUS] = 0;
	}
	if (!MODE_HAS_ID(modes[MODE_ID]))
		return;
	set_mode(MODE_ENABLE, 0);
	for (uint16_t i = MODE_WIDTH; i < MODE_COUNT; i++)
		set_mode(i, modes[i]);
}

static volatile uint8_t *find_common(const struct pci_function *function)
{
	static uint8_t config[CONFIG_SIZE];
	struct pci_cap caps[32];
	size_t count;

	for (unsigned at = 0; at < CONFIG_SIZE; at += 4) {
		uint32_t value = pci_read(function->bdf, at, 4);

		__builtin_memcpy(config + at, &value, 4);
	}
	count = caps_list(config, caps, ARRAY_LENGTH(caps));
	if (count > ARRAY_LENGTH(caps))
		count = ARRAY_LENGTH(caps);
	for (size_t i = 0; i < count; i++) {
		const uint8_t *cap = config + caps[i].offset;
		uint8_t bar = cap[CAP_VIRTIO_BAR];
		uint32_t offset;

		if (caps[i].extended || caps[i].id != CAP_VENDOR ||
		    caps[i].length < CAP_VIRTIO_SIZE || cap[CAP_VIRTIO_KIND] != VIRTIO_COMMON ||
		    bar >= ARRAY_LENGTH(function->bars) || function->bars[bar].io)
			continue;
		__builtin_memcpy(&offset, cap + CAP_VIRTIO_OFFSET, 4);
		if (function->bars[bar].size >= VIRTIO_COMMON_SIZE &&
		    offset <= function->bars[bar].size - VIRTIO_COMMON_SIZE)
			return map_device(hpa(function->bars[bar].base + offset),
					  VIRTIO_COMMON_SIZE);
	}
	return NULL;
}

void display_init(void)
{
	bool emulated = false;

	for (size_t i = 0; i < pci_function_count && display_count < MAX_DISPLAYS; i++) {
		const struct pci_function *function = &pci_functions[i];

		if (function->class_code >> 16 != CLASS_DISPLAY || function->header_type != 0)
			continue;
		displays[display_count].bdf = function->bdf;
		if (function->vendor == VIRTIO_VENDOR)
			displays[display_count].common = find_common(function);
		if (function->vendor == VIRTIO_VENDOR || function->vendor == BOCHS_VENDOR)
			emulated = true;
		display_count++;
	}
	for (uint16_t i = 0; emulated && i < MODE_COUNT; i++)
		modes[i] = get_mode(i);
	screen_before_take_back(take_back);
}
