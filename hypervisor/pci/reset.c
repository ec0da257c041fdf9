/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resets of functions: a function level reset by the PCI Express capability (PCI
 * Express 5.0, 6.6.2) or the one for advanced features (AF ECN), else by way of D3hot (PCI power
 * management 1.2, 5.4.1). All forget the header, which is written back. One that has none of these
 * only loses bus mastering and its interrupts.
 */
#include "pci/config.h"
#include "pci/vpci-parts.h"

#include "lib/log.h"
#include "x86/cpu.h"
#include "x86/machine.h"

#define PCIE_CAPABILITIES 4
#define PCIE_HAS_RESET	  (1U << 28)
#define PCIE_CONTROL	  8
#define PCIE_RESET	  0x8000U
#define PCIE_STATUS	  10
#define PCIE_PENDING	  0x20U
#define AF_CAPABILITIES	  3
#define AF_HAS_RESET	  0x02U
#define AF_CONTROL	  4
#define AF_RESET	  0x01U
#define PM_CONTROL	  4
#define PM_KEEPS_STATE	  0x08U

#define RESET_MS   100 /* what a function has for it */
#define PENDING_MS 100
#define READY_MS   1000

void reset_init(struct vpci_function *function)
{
	const struct policy_function *policy = &function->policy;
	const struct pci_cap *pcie = caps_find(policy->caps, policy->count, false, CAP_PCIE);
	const struct pci_cap *af = caps_find(policy->caps, policy->count, false, CAP_AF);
	const struct pci_cap *pm = caps_find(policy->caps, policy->count, false, CAP_PM);
	uint16_t bdf = function->real->bdf;

	function->cache_line = (uint16_t)pci_read(bdf, PCI_CACHE_LINE, 2);
	function->real_line = (uint8_t)pci_read(bdf, PCI_INTERRUPT_LINE, 1);
	if (pci_is_board(function->real))
		return;
	if (pcie && pcie->length > PCIE_STATUS) {
		function->pcie_cap = pcie->offset;
		function->device_control =
			(uint16_t)(pci_read(bdf, pcie->offset + PCIE_CONTROL, 2) & ~PCIE_RESET);
	}
	if (function->pcie_cap &&
	    (pci_read(bdf, pcie->offset + PCIE_CAPABILITIES, 4) & PCIE_HAS_RESET)) {
		function->reset_kind = RESET_PCIE;
		function->reset_cap = pcie->offset;
	} else if (af && !af->cut &&
		   (pci_read(bdf, af->offset + AF_CAPABILITIES, 1) & AF_HAS_RESET)) {
		function->reset_kind = RESET_AF;
		function->reset_cap = af->offset;
	} else if (pm && !pm->cut &&
		   !(pci_read(bdf, pm->offset + PM_CONTROL, 2) & PM_KEEPS_STATE)) {
		function->reset_kind = RESET_PM;
		function->reset_cap = pm->offset;
	}
}

static void fire(const struct vpci_function *function)
{
	uint16_t bdf = function->real->bdf, cap = function->reset_cap;

	if (function->reset_kind == RESET_PCIE)
		pci_write(bdf, cap + PCIE_CONTROL, 2, function->device_control | PCIE_RESET);
	else if (function->reset_kind == RESET_AF)
		pci_write(bdf, cap + AF_CONTROL, 1, AF_RESET);
	else if (function->reset_kind == RESET_PM)
		pci_write(bdf, cap + PM_CONTROL, 2, 3);
}

/* It is there and not in the middle of its reset. */
static bool answers(const struct vpci_function *function)
{
	return pci_read(function->real->bdf, PCI_VENDOR, 2) == function->real->vendor;
}

static void restore(struct vpci *vpci, struct vpci_function *function)
{
	uint16_t bdf = function->real->bdf;

	bars_restore(function);
	pci_write(bdf, PCI_CACHE_LINE, 2, function->cache_line);
	pci_write(bdf, PCI_INTERRUPT_LINE, 1, function->real_line);
	if (function->pcie_cap)
		pci_write(bdf, function->pcie_cap + PCIE_CONTROL, 2, function->device_control);
	vpci_apply_command(vpci, function);
	msix_update(vpci, function); /* the device has forgotten its table */
}

void reset_start(struct vpci *vpci, struct vpci_function *function)
{
	msi_off(vpci, function);
	msix_off(vpci, function);
	function->command = 0;
	vpci_apply_command(vpci, function);
	fire(function);
	function->reset_until = rdtsc() + tsc_hz / 1000 * RESET_MS;
}

bool reset_poll(struct vpci *vpci, struct vpci_function *function)
{
	if (function->reset_until == 0)
		return true;
	if (rdtsc() < function->reset_until || !answers(function))
		return false;
	function->reset_until = 0;
	restore(vpci, function);
	return true;
}

static bool any_pending(const struct vpci *vpci)
{
	for (size_t i = 0; i < vpci->count; i++)
		if (vpci->functions[i].pcie_cap &&
		    (pci_read(vpci->functions[i].real->bdf,
			      vpci->functions[i].pcie_cap + PCIE_STATUS, 2) &
		     PCIE_PENDING))
			return true;
	return false;
}

void reset_all(struct vpci *vpci)
{
	enum reset_kind kinds = RESET_NONE;
	unsigned ms = 0;

	while (any_pending(vpci) && ms++ < PENDING_MS)
		delay_us(1000);
	for (size_t i = 0; i < vpci->count; i++) {
		fire(&vpci->functions[i]);
		if (vpci->functions[i].reset_kind > kinds)
			kinds = vpci->functions[i].reset_kind;
	}
	if (kinds == RESET_NONE)
		return;
	delay_us(RESET_MS * 1000);
	if (kinds == RESET_PM) {
		for (size_t i = 0; i < vpci->count; i++)
			if (vpci->functions[i].reset_kind == RESET_PM)
				pci_write(vpci->functions[i].real->bdf,
					  vpci->functions[i].reset_cap + PM_CONTROL, 2, 0);
		delay_us(10 * 1000);
	}
	ms = 0;
	for (size_t i = 0; i < vpci->count; i++) {
		struct vpci_function *function = &vpci->functions[i];

		function->reset_until = 0;
		if (function->reset_kind == RESET_NONE)
			continue;
		while (!answers(function) && ms++ < READY_MS)
			delay_us(1000);
		if (!answers(function))
			log_line("pci " BDF_FORMAT ": has not come back from its reset",
				 BDF_ARGS(function->real->bdf));
		restore(vpci, function);
	}
}
