/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSI-X (PCI Local Bus 3.0, 6.8.2). The pages with a function's table are never mapped for the VM:
 * the table it sees is a shadow, and what else is in these pages is forwarded. A line of the real
 * table is unmasked only while the VM has it so, with MSI-X on, and there is a route for its
 * message.
 */
#include "pci/config.h"
#include "pci/vpci-parts.h"

#include "lib/errno.h"
#include "lib/log.h"
#include "memory/frame.h"
#include "vm/irq.h"
#include "x86/cpu.h"
#include "x86/machine.h"

#define LINE_SIZE    16U
#define LINE_MASKED  1U
#define WORD_CONTROL 3

static volatile uint8_t *real_line(const struct vpci_function *function, unsigned index)
{
	return function->msix.pages + function->msix.table + index * LINE_SIZE;
}

static void write_word(const struct vpci_function *function, unsigned index, unsigned word,
		       uint32_t value)
{
	mmio_write32(real_line(function, index) + word * 4, value);
}

/* Brings a line of the device in line with the VM's. */
static void apply(struct vpci *vpci, struct vpci_function *function, unsigned index)
{
	struct vpci_entry *entry = &function->msix.entries[index];
	uint64_t address;
	uint32_t data;

	if ((function->msix.control & MSIX_ENABLE) && !(entry->words[WORD_CONTROL] & LINE_MASKED) &&
	    entry->current) {
		write_word(function, index, WORD_CONTROL, 0);
		return;
	}
	write_word(function, index, WORD_CONTROL, LINE_MASKED);
	if (!(function->msix.control & MSIX_ENABLE) || (entry->words[WORD_CONTROL] & LINE_MASKED) ||
	    irq_route_msi(vpci->vm, function->real->bdf, index,
			  (uint64_t)entry->words[1] << 32 | entry->words[0], entry->words[2],
			  &address, &data) != 0)
		return;
	entry->routed = entry->current = true;
	write_word(function, index, 0, (uint32_t)address);
	write_word(function, index, 1, (uint32_t)(address >> 32));
	write_word(function, index, 2, data);
	write_word(function, index, WORD_CONTROL, 0);
}

void msix_update(struct vpci *vpci, struct vpci_function *function)
{
	for (unsigned i = 0; i < function->msix.count; i++)
		apply(vpci, function, i);
}

static void set_control(const struct vpci_function *function)
{
	pci_write(function->real->bdf, function->msix_cap + 2U, 2, function->msix.control);
}

void msix_write(struct vpci *vpci, struct vpci_function *function, uint32_t value)
{
	uint16_t old = function->msix.control;

	if (function->msix.count == 0)
		return;
	function->msix.control = (uint16_t)(value >> 16 & (MSIX_ENABLE | MSIX_MASK_ALL));
	if ((old ^ function->msix.control) & MSIX_ENABLE)
		msix_update(vpci, function);
	set_control(function);
	vpci_apply_command(vpci, function);
}

void msix_off(struct vpci *vpci, struct vpci_function *function)
{
	if (function->msix_cap == 0)
		return;
	function->msix.control = 0;
	set_control(function);
	for (unsigned i = 0; i < function->msix.count; i++) {
		struct vpci_entry *entry = &function->msix.entries[i];

		if (entry->routed)
			irq_unroute_msi(function->real->bdf, i);
		*entry = (struct vpci_entry){{0, 0, 0, LINE_MASKED}, false, false};
	}
	msix_update(vpci, function);
}

static unsigned entry_frames(unsigned count)
{
	return (unsigned)((count * sizeof(struct vpci_entry) + PAGE_SIZE - 1) / PAGE_SIZE);
}

/* Where the table is, in which pages; false: nowhere sensible. */
static bool locate(const struct vpci_function *function, unsigned count, uint64_t *table)
{
	uint32_t word = pci_read(function->real->bdf, function->msix_cap + 4U, 4);
	unsigned bar = word & 7;
	uint64_t offset = word & ~7U, size = count * LINE_SIZE;

	if (bar >= 6 || function->real->bars[bar].io || function->real->bars[bar].base == 0 ||
	    size > function->real->bars[bar].size || offset > function->real->bars[bar].size - size)
		return false;
	*table = function->real->bars[bar].base + offset;
	return true;
}

void msix_init(struct vpci *vpci, struct vpci_function *function)
{
	const struct policy_function *policy = &function->policy;
	const struct pci_cap *cap = caps_find(policy->caps, policy->count, false, CAP_MSIX);
	uint64_t table, start, size;
	unsigned count;
	hpa_t frames;

	if (cap == NULL)
		return;
	function->msix_cap = cap->offset;
	msix_off(vpci, function);
	count = (pci_read(function->real->bdf, cap->offset + 2U, 2) & 0x7ff) + 1;
	if (policy_cap(policy, CAP_MSIX) == NULL || !locate(function, count, &table))
		goto hide;
	start = align_down(table, PAGE_SIZE);
	size = align_up(table + count * LINE_SIZE, PAGE_SIZE) - start;
	frames = frame_alloc_many(entry_frames(count));
	if (hpa_value(frames) == 0)
		goto hide;
	function->msix.entries = frame_virt(frames);
	function->msix.pages = map_device(hpa(start), size);
	function->msix.table = table - start;
	if (function->msix.pages == NULL ||
	    vm_add_mmio(vpci->vm, gpa(start), size, msix_access, function, "MSI-X table") != 0)
		goto hide;
	function->msix.count = count;
	msix_off(vpci, function);
	return;
hide:
	/* Without being switched on the table is harmless. */
	log_line("pci " BDF_FORMAT ": no MSI-X: its table cannot be kept",
		 BDF_ARGS(function->real->bdf));
	policy_hide(&function->policy, CAP_MSIX);
}

static void forward(volatile void *at, unsigned size, bool write, uint64_t *value)
{
	volatile uint8_t *at8 = at;
	volatile uint16_t *at16 = at;

	if (size == 8 && write)
		mmio_write64(at, *value);
	else if (size == 8)
		*value = mmio_read64(at);
	else if (size == 4 && write)
		mmio_write32(at, (uint32_t)*value);
	else if (size == 4)
		*value = mmio_read32(at);
	else if (size == 2 && write)
		*at16 = (uint16_t)*value;
	else if (size == 2)
		*value = *at16;
	else if (write)
		*at8 = (uint8_t)*value;
	else
		*value = *at8;
}

/* A word of the shadow, from the VM. */
static void set_word(struct vpci *vpci, struct vpci_function *function, unsigned index,
		     unsigned word, uint32_t value)
{
	struct vpci_entry *entry = &function->msix.entries[index];

	if (word == WORD_CONTROL)
		value &= LINE_MASKED;
	else if (word == 0)
		value &= ~3U;
	if (entry->words[word] == value)
		return;
	entry->words[word] = value;
	if (word != WORD_CONTROL)
		entry->current = false;
	apply(vpci, function, index);
}

/* The page or pages with a function's table. Like the device, takes words and double words in the
 * table, and nothing that is not aligned. */
int msix_access(struct vcpu *vcpu, void *data, uint64_t offset, unsigned size, bool write,
		uint64_t *value)
{
	struct vpci_function *function = data;
	struct vm *vm = vcpu_vm(vcpu);
	uint64_t inside = offset - function->msix.table;

	if (offset % size)
		return -EFAULT;
	if (inside >= function->msix.count * LINE_SIZE) {
		forward(function->msix.pages + offset, size, write, value);
		return 0;
	}
	if (size < 4)
		return -EFAULT;
	lock_take(&vm->lock);
	for (unsigned i = 0; i < size; i += 4) {
		unsigned index = (unsigned)(inside + i) / LINE_SIZE;
		unsigned word = (unsigned)(inside + i) % LINE_SIZE / 4;

		if (write)
			set_word(vm->pci, function, index, word, (uint32_t)(*value >> i * 8));
		else
			*value = (i ? *value : 0) |
				 (uint64_t)function->msix.entries[index].words[word] << i * 8;
	}
	lock_release(&vm->lock);
	return 0;
}
