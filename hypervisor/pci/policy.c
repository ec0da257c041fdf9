/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of what VMs may do in configuration space, and how it is read; policy.h says more. */
#include "pci/policy.h"

#include "lib/bytes.h"
#include "lib/string.h"
#include "pci/registers.h"

#define ALL UINT32_MAX
#define ANY 0xffff /* every register of the capability that has no line of its own */

enum where { HEADER, SPECIFIC, LEGACY, EXTENDED };

struct rule {
	uint8_t view, where;
	uint32_t id; /* of the capability; SPECIFIC: vendor << 16 | class and subclass */
	uint16_t offset;
	uint8_t part;
	uint32_t show, fixed, write, clear, quiet;
	const char *reason;
};

#define OWN(offset, ...)                                                                           \
	{                                                                                          \
		VIEW_OWN, HEADER, 0, offset, __VA_ARGS__                                           \
	}
#define OWN_CAP(id, offset, ...)                                                                   \
	{                                                                                          \
		VIEW_OWN, LEGACY, id, offset, __VA_ARGS__                                          \
	}
#define OWN_EXTENDED(id, offset, ...)                                                              \
	{                                                                                          \
		VIEW_OWN, EXTENDED, id, offset, __VA_ARGS__                                        \
	}
#define BRIDGE(offset, ...)                                                                        \
	{                                                                                          \
		VIEW_BRIDGE, HEADER, 0, offset, PART_NONE, __VA_ARGS__                             \
	}
#define BRIDGE_CAP(id, offset, ...)                                                                \
	{                                                                                          \
		VIEW_BRIDGE, LEGACY, id, offset, PART_NONE, __VA_ARGS__                            \
	}
#define HOST(offset, ...)                                                                          \
	{                                                                                          \
		VIEW_HOST_BRIDGE, HEADER, 0, offset, PART_NONE, __VA_ARGS__                        \
	}
#define FILLER(offset, ...)                                                                        \
	{                                                                                          \
		VIEW_FILLER, HEADER, 0, offset, PART_NONE, __VA_ARGS__                             \
	}

/* clang-format off */
static const struct rule rules[] = {
	/* A VM's own function: the header. Columns: part; show, fixed, write, clear, quiet. */
	OWN(0x00, PART_NONE,    ALL, 0, 0, 0, 0, "its identity"),
	OWN(0x04, PART_COMMAND, 0xffff0000, 0, 0, 0xf9000000, ALL,
	    "command is composed of what the VM wants and what must stay; errors may be acknowledged"),
	OWN(0x08, PART_NONE,    ALL, 0, 0, 0, 0, "class and revision choose the driver"),
	OWN(0x0c, PART_NONE,    0x00ffffff, 0, 0, 0, 0xffff,
	    "cache line and latency mean nothing on PCI Express; no self-tests"),
	OWN(0x10, PART_BAR,     0, 0, 0, 0, ALL, "the device stays where the firmware put it"),
	OWN(0x14, PART_BAR,     0, 0, 0, 0, ALL, "as above"),
	OWN(0x18, PART_BAR,     0, 0, 0, 0, ALL, "as above"),
	OWN(0x1c, PART_BAR,     0, 0, 0, 0, ALL, "as above"),
	OWN(0x20, PART_BAR,     0, 0, 0, 0, ALL, "as above"),
	OWN(0x24, PART_BAR,     0, 0, 0, 0, ALL, "as above"),
	OWN(0x28, PART_NONE,    ALL, 0, 0, 0, 0, "read-only in the device"),
	OWN(0x2c, PART_NONE,    ALL, 0, 0, 0, 0, "subsystem ids choose the driver"),
	OWN(0x30, PART_NONE,    0, 0, 0, 0, ALL, "a ROM could be moved over other devices: there is none"),
	OWN(0x3c, PART_LINE,    0xffff0000, 0, 0, 0, 0xff,
	    "the line is a note of software's to itself; the pin is there where INTx is"),

	/* Its capabilities. One that has no line here is taken out of the list. */
	OWN_CAP(CAP_PM, 0, PART_NONE, 0x002700ff, 0, 0, 0, 0, "no wake-up events, no D1 and D2"),
	OWN_CAP(CAP_PM, 4, PART_PM,   0, 0, 0, 0, ALL,
	    "the power state is only remembered: the device would forget its BARs"),
	OWN_CAP(CAP_MSI, 0,    PART_MSI, 0x018000ff, 0, 0, 0, 0xffff0000, "one vector"),
	OWN_CAP(CAP_MSI, ANY,  PART_MSI, 0, 0, 0, 0, ALL, "the device gets the message of our own"),
	OWN_CAP(CAP_MSIX, 0,   PART_MSIX, 0x07ff00ff, 0, 0, 0, 0xffff0000, "enable and mask are composed"),
	OWN_CAP(CAP_MSIX, ANY, PART_NONE, ALL, 0, 0, 0, 0, "where the tables are"),
	OWN_CAP(CAP_VENDOR, ANY, PART_NONE, ALL, 0, 0, 0, 0,
	    "drivers find their device's structures there"),
	OWN_CAP(CAP_PCIE, 0x00, PART_NONE, ALL, 0, 0, 0, 0, "what kind of device it is"),
	OWN_CAP(CAP_PCIE, 0x04, PART_NONE, ALL, 0, 0, 0, 0, "what the device can"),
	OWN_CAP(CAP_PCIE, 0x08, PART_PCIE, ALL, 0, 0x78ff, 0x000f0000, ALL,
	    "payload and read sizes, ordering, snooping, error reports are the driver's; a reset is ours"),
	OWN_CAP(CAP_PCIE, 0x0c, PART_NONE, ALL, 0, 0, 0, 0, "what the link can"),
	OWN_CAP(CAP_PCIE, 0x10, PART_NONE, ALL, 0, 0, 0, ALL, "a link has two ends; the other is not the VM's"),
	OWN_CAP(CAP_PCIE, 0x24, PART_NONE, 0x1f, 0, 0, 0, 0, "completion timeouts only"),
	OWN_CAP(CAP_PCIE, 0x28, PART_NONE, 0x1f, 0, 0x1f, 0, 0xffff, "completion timeouts only"),
	OWN_CAP(CAP_PCIE, 0x2c, PART_NONE, ALL, 0, 0, 0, 0, "what the link can"),
	OWN_CAP(CAP_PCIE, 0x30, PART_NONE, ALL, 0, 0, 0, ALL, "as link control"),
	OWN_EXTENDED(EXT_CAP_AER, ANY, PART_NONE, ALL, 0, 0, 0, 0, "errors can be looked at"),
	OWN_EXTENDED(EXT_CAP_DSN, ANY, PART_NONE, ALL, 0, 0, 0, 0, "a number"),

	/* Registers of kinds of devices, outside of capabilities, that a driver cannot do without. */
	{ VIEW_OWN, SPECIFIC, 0x80860106, 0x90, PART_NONE, ALL, 0, 0x003f0000, 0, 0,
	  "Intel AHCI: which ports are on" },

	/* And what their firmware's AML writes, to no effect. */
	{ VIEW_OWN, SPECIFIC, 0x80860601, 0x60, PART_NONE, ALL, 0, 0, 0, ALL,
	  "Intel ISA bridge: routes of interrupt lines to the 8259, which nobody uses" },
	{ VIEW_OWN, SPECIFIC, 0x80860601, 0x68, PART_NONE, ALL, 0, 0, 0, ALL, "as above" },

	/* Bridges: windows and bus numbers are the firmware's. Their own BARs, interrupts and most
	 * capabilities are not there. */
	BRIDGE(0x00, ALL, 0, 0, 0, 0, "its identity"),
	BRIDGE(0x04, ALL, 0, 0, 0, ALL, "the core has switched it on"),
	BRIDGE(0x08, ALL, 0, 0, 0, 0, "its class"),
	BRIDGE(0x0c, 0x00ffffff, 0, 0, 0, 0xffff, "as of any function"),
	BRIDGE(0x10, 0, 0, 0, 0, ALL, "nobody drives the bridge"),
	BRIDGE(0x14, 0, 0, 0, 0, ALL, "nobody drives the bridge"),
	BRIDGE(0x18, ALL, 0, 0, 0, 0xff000000, "bus numbers"),
	BRIDGE(0x1c, ALL, 0, 0, 0, 0xffff0000, "I/O window; errors"),
	BRIDGE(0x20, ALL, 0, 0, 0, 0, "memory window"),
	BRIDGE(0x24, ALL, 0, 0, 0, 0, "prefetchable window"),
	BRIDGE(0x28, ALL, 0, 0, 0, 0, "prefetchable window"),
	BRIDGE(0x2c, ALL, 0, 0, 0, 0, "prefetchable window"),
	BRIDGE(0x30, ALL, 0, 0, 0, 0, "I/O window"),
	BRIDGE(0x38, 0, 0, 0, 0, ALL, "no ROM"),
	BRIDGE(0x3c, 0xffff0000, 0, 0, 0, 0xffff00ff, "bridge control is not the VM's; no interrupt"),
	BRIDGE_CAP(CAP_SUBSYSTEM, ANY, ALL, 0, 0, 0, 0, "ids"),
	BRIDGE_CAP(CAP_PCIE, 0x08, ALL, 0, 0, 0, ALL, "controls and errors of the core's side"),
	BRIDGE_CAP(CAP_PCIE, 0x10, ALL, 0, 0, 0, ALL, "as above"),
	BRIDGE_CAP(CAP_PCIE, 0x18, ALL, 0, 0, 0, ALL, "as above"),
	BRIDGE_CAP(CAP_PCIE, 0x1c, ALL, 0, 0, 0, ALL, "as above"),
	BRIDGE_CAP(CAP_PCIE, 0x20, ALL, 0, 0, 0, ALL, "as above"),
	BRIDGE_CAP(CAP_PCIE, 0x28, ALL, 0, 0, 0, ALL, "as above"),
	BRIDGE_CAP(CAP_PCIE, 0x30, ALL, 0, 0, 0, ALL, "as above"),
	BRIDGE_CAP(CAP_PCIE, ANY, ALL, 0, 0, 0, 0, "what it is"),

	/* The host bridge of a VM that has not got it: drivers look for its ids, and Linux takes it as
	 * the sign that configuration space works. */
	HOST(0x00, ALL, 0, 0, 0, 0, "its identity"),
	HOST(0x04, 0, 0, 0, 0, ALL, "nothing to switch on"),
	HOST(0x08, ALL, 0, 0, 0, 0, "its class"),
	HOST(0x0c, 0x00800000, 0, 0, 0, 0xffff, "whether there are other functions"),

	/* Function 0 of a device of which the VM has another function. */
	FILLER(0x00, 0x0000ffff, 0xffff0000, 0, 0, 0, "the vendor's, but no device any driver knows"),
	FILLER(0x04, 0, 0, 0, 0, ALL, "nothing to switch on"),
	FILLER(0x08, 0, 0xff000000, 0, 0, 0, "no class any driver knows"),
	FILLER(0x0c, 0, 0x00800000, 0, 0, 0xffff, "there are other functions"),
};
/* clang-format on */

static const struct rule *find_rule(const struct policy_function *function, enum where where,
				    uint32_t id, unsigned offset)
{
	for (size_t i = 0; i < ARRAY_LENGTH(rules); i++)
		if (rules[i].view == function->view && rules[i].where == where &&
		    rules[i].id == id && (rules[i].offset == offset || rules[i].offset == ANY))
			return &rules[i];
	return NULL;
}

/* virtio 1.2, 4.1.4.9: a window in configuration space to all of the device's BARs, and so to the
 * MSI-X table. */
static bool is_virtio_window(const struct policy_function *function, const struct pci_cap *cap,
			     const uint8_t *config)
{
	return function->vendor == 0x1af4 && cap->id == CAP_VENDOR && config[cap->offset + 3] == 5;
}

static bool is_shown(const struct policy_function *function, size_t index, const uint8_t *config)
{
	const struct pci_cap *cap = &function->caps[index];

	if (cap->cut || find_rule(function, cap->extended ? EXTENDED : LEGACY, cap->id, 0) == NULL)
		return false;
	/* What parts of the core answer for is there once. */
	if (cap->id != CAP_VENDOR &&
	    caps_find(function->caps, index, cap->extended, cap->id) != NULL)
		return false;
	/* Space that a conventional function does not have may show anything. */
	if (cap->extended && !caps_find(function->caps, function->count, false, CAP_PCIE))
		return false;
	return !is_virtio_window(function, cap, config);
}

void policy_init(struct policy_function *function, enum policy_view view,
		 const uint8_t untrusted_config[CONFIG_SIZE])
{
	memset(function, 0, sizeof(*function));
	function->view = view;
	function->vendor = load16(untrusted_config + PCI_VENDOR);
	function->class_code = load32(untrusted_config + PCI_CLASS) >> 8;
	function->count = caps_list(untrusted_config, function->caps, POLICY_MAX_CAPS);
	for (size_t i = 0; i < function->count; i++)
		function->shown[i] = is_shown(function, i, untrusted_config);
}

const struct pci_cap *policy_cap(const struct policy_function *function, uint16_t id)
{
	for (size_t i = 0; i < function->count; i++)
		if (function->shown[i] && !function->caps[i].extended && function->caps[i].id == id)
			return &function->caps[i];
	return NULL;
}

void policy_hide(struct policy_function *function, uint16_t id)
{
	for (size_t i = 0; i < function->count; i++)
		if (!function->caps[i].extended && function->caps[i].id == id)
			function->shown[i] = false;
}

/* The offset of the first capability the VM sees, from this one of the list on; 0. */
static uint32_t next_shown(const struct policy_function *function, size_t index, bool extended)
{
	for (; index < function->count; index++)
		if (function->shown[index] && function->caps[index].extended == extended)
			return function->caps[index].offset;
	return 0;
}

static void take(struct policy_register *found, const struct rule *rule)
{
	if (rule == NULL)
		return;
	found->show = rule->show;
	found->fixed = rule->fixed;
	found->write = rule->write;
	found->clear = rule->clear;
	found->quiet = rule->quiet;
	found->part = (enum policy_part)rule->part;
	found->reason = rule->reason;
}

static void look_up_header(const struct policy_function *function, unsigned offset,
			   struct policy_register *found)
{
	uint32_t first = next_shown(function, 0, false);

	found->offset = (uint16_t)offset;
	/* Whoever finds a function sizes its BARs. */
	if (function->view == VIEW_HOST_BRIDGE || function->view == VIEW_FILLER)
		found->quiet = ALL;
	take(found, find_rule(function, HEADER, 0, offset));
	/* Host and ISA bridges are the board's: whoever has them reads them. */
	if (function->class_code >> 16 == 0x06)
		found->write = found->clear = 0;
	if (offset == PCI_COMMAND) {
		found->show &= ~((uint32_t)STATUS_CAPABILITIES << 16);
		found->fixed |= first ? (uint32_t)STATUS_CAPABILITIES << 16 : 0;
	} else if (offset == PCI_CAPABILITIES) {
		found->fixed = first;
	}
}

void policy_look_up(const struct policy_function *function, unsigned offset,
		    struct policy_register *found)
{
	memset(found, 0, sizeof(*found));
	if (offset < 0x40) {
		look_up_header(function, offset, found);
		return;
	}
	/* Extended lists begin here, whether what is here is shown or not. */
	if (offset == 0x100)
		found->fixed = next_shown(function, 0, true) << 20;
	for (size_t i = 0; i < function->count; i++) {
		const struct pci_cap *cap = &function->caps[i];

		if (offset < cap->offset || offset >= cap->offset + cap->length)
			continue;
		if (!function->shown[i])
			return;
		found->offset = (uint16_t)(offset - cap->offset);
		take(found, find_rule(function, cap->extended ? EXTENDED : LEGACY, cap->id,
				      found->offset));
		if (found->offset == 0 && cap->extended) {
			found->show &= 0x000fffff;
			found->fixed = next_shown(function, i + 1, true) << 20;
		} else if (found->offset == 0) {
			found->show &= 0xffff00ff;
			found->fixed = next_shown(function, i + 1, false) << 8;
		}
		return;
	}
	if (function->view != VIEW_OWN || offset >= 0x100)
		return;
	found->show = ALL;
	take(found,
	     find_rule(function, SPECIFIC,
		       (uint32_t)function->vendor << 16 | function->class_code >> 8, offset));
}
