/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which I/O ports a service VM reaches directly. The UI VM: none but those of its devices' BARs
 * (pci/bars.c). The control VM has the rest of the machine, but for what this table keeps back.
 */
#include "vm/ports.h"

#include "lib/log.h"
#include "pci/vpci.h"

#define MAX_KEPT 64

struct kept {
	uint32_t first, end;
};

static const struct {
	uint16_t first, count;
	const char *reason;
} kept_back[] = {
	{0x000, 0x20, "ISA DMA: it would reach all memory"},
	{0x020, 2, "8259: vm/pic.c; the core uses the IOAPIC"},
	{0x060, 1, "the keyboard controller is the UI VM's"},
	{0x064, 1, "the keyboard controller is the UI VM's"},
	{0x081, 15, "ISA DMA pages"},
	{0x092, 1, "fast reset"},
	{0x0a0, 2, "8259"},
	{0x0c0, 0x20, "ISA DMA"},
	{0x3f8, 8, "COM1 is the core's; vm/uart.c"},
	{0x510, 12, "an emulator's firmware configuration: its DMA reaches all memory"},
	{0x630, 8, "an emulator's SMI switches"},
	{0x660, 0x20, "an emulator's watchdog: it would reset the machine"},
	{0xcc0, 0x18, "an emulator's PCI hot-plug (q35): it would take the UI VM's devices away"},
	{0xcd8, 12, "an emulator's CPU hot-plug"},
	{0xcf8, 8, "PCI configuration: pci/vpci.c; reset"},
	{0xae00, 0x18, "an emulator's PCI hot-plug (i440FX)"},
};

static void keep(struct kept *list, size_t *count, uint64_t first, uint64_t size)
{
	if (size == 0 || first > 0xffff)
		return;
	if (*count == MAX_KEPT)
		core_panic(REASON_PANIC, "too many ranges of I/O ports");
	list[(*count)++] = (struct kept){(uint32_t)first, (uint32_t)(first + size)};
}

static bool is_kept(const struct kept *list, size_t count, uint32_t port)
{
	for (size_t i = 0; i < count; i++)
		if (port >= list[i].first && port < list[i].end)
			return true;
	return false;
}

void ports_allow_rest(struct vm *control, const struct acpi_info *acpi)
{
	struct kept list[MAX_KEPT];
	size_t count = 0;
	uint32_t start = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(kept_back); i++)
		keep(list, &count, kept_back[i].first, kept_back[i].count);
	keep(list, &count, acpi->fadt.pm1a_control, acpi->fadt.pm1a_control != 0 ? 2 : 0);
	keep(list, &count, acpi->fadt.pm1b_control, acpi->fadt.pm1b_control != 0 ? 2 : 0);
	keep(list, &count, acpi->fadt.smi_command, acpi->fadt.smi_command != 0 ? 2 : 0);
	if (acpi->fadt.reset_supported && acpi->fadt.reset_space == 1)
		keep(list, &count, acpi->fadt.reset_address, 1);
	for (size_t i = 0; i < pci_function_count; i++)
		for (size_t n = 0; n < 6 && pci_functions[i].owner != control; n++)
			if (pci_functions[i].bars[n].io)
				keep(list, &count, pci_functions[i].bars[n].base,
				     pci_functions[i].bars[n].size);
	for (uint32_t port = 0; port <= 0x10000; port++) {
		if (port < 0x10000 && !is_kept(list, count, port))
			continue;
		if (port > start)
			vm_allow_ports(control, (uint16_t)start, port - start);
		start = port + 1;
	}
}
