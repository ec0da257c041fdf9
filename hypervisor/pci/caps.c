/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walks capability lists. Each offset is visited at most once, so that the walks end. */
#include "pci/caps.h"

#include "lib/bytes.h"
#include "pci/registers.h"

#define LEGACY_FIRST 0x40U
#define LEGACY_END   0x100U

/* What the kind has; all that is left where the kind does not say. */
static unsigned kind_length(const uint8_t *config, const struct pci_cap *cap)
{
	unsigned control = load16(config + cap->offset + 2);

	if (cap->extended)
		return cap->id == EXT_CAP_AER ? 0x38 : cap->id == EXT_CAP_DSN ? 12 : CONFIG_SIZE;
	switch (cap->id) {
	case CAP_PM:
		return 8;
	case CAP_MSI:
		return 12 + (control & MSI_64BIT ? 4U : 0) + (control & MSI_MASKS ? 8U : 0);
	case CAP_VENDOR:
		return (unsigned)align_up(config[cap->offset + 2U], 4);
	case CAP_SUBSYSTEM:
	case CAP_AF:
		return 8;
	case CAP_PCIE: /* version 1 ends sooner in an endpoint */
		return (control & 0xf) < 2 ? 0x14 : 0x3c;
	case CAP_MSIX:
		return 12;
	default:
		return CONFIG_SIZE;
	}
}

static void set_length(const uint8_t *config, const struct pci_cap *caps, size_t count,
		       struct pci_cap *cap)
{
	unsigned end = cap->extended ? CONFIG_SIZE : LEGACY_END;
	unsigned length = kind_length(config, cap);

	for (size_t i = 0; i < count; i++)
		if (caps[i].offset > cap->offset && caps[i].offset < end)
			end = caps[i].offset;
	if (length < 4)
		length = 4;
	cap->cut = length < CONFIG_SIZE && length > end - cap->offset;
	cap->length = (uint16_t)(length < end - cap->offset ? length : end - cap->offset);
}

size_t caps_list(const uint8_t untrusted_config[CONFIG_SIZE], struct pci_cap *caps, size_t max)
{
	const uint8_t *config = untrusted_config;
	uint32_t seen[CONFIG_SIZE / 4 / 32] = {0};
	unsigned at = 0;
	size_t count = 0;

	if (config[PCI_STATUS] & STATUS_CAPABILITIES)
		at = config[PCI_CAPABILITIES] & 0xfcU;
	for (bool extended = false; count < max;) {
		uint32_t header;

		if (at < (extended ? LEGACY_END : LEGACY_FIRST) ||
		    (seen[at / 128] >> at / 4 % 32 & 1)) {
			if (extended)
				break;
			extended = true;
			at = LEGACY_END;
			continue;
		}
		seen[at / 128] |= 1U << at / 4 % 32;
		header = load32(config + at);
		if (extended && (header == 0 || header == UINT32_MAX))
			break;
		if (!extended && (header & 0xff) == 0xff)
			at = 0; /* nothing answers there */
		else {
			caps[count].id = (uint16_t)(header & (extended ? 0xffff : 0xff));
			caps[count].offset = (uint16_t)at;
			caps[count++].extended = extended;
			at = extended ? header >> 20 & 0xffc : header >> 8 & 0xfc;
		}
	}
	for (size_t i = 0; i < count; i++)
		set_length(config, caps, count, &caps[i]);
	return count;
}

const struct pci_cap *caps_find(const struct pci_cap *caps, size_t count, bool extended,
				uint16_t id)
{
	for (size_t i = 0; i < count; i++)
		if (caps[i].extended == extended && caps[i].id == id)
			return &caps[i];
	return NULL;
}
