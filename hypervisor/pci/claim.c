/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices' memory and ports on their way to a VM. Pages are what tables can tell apart: a function
 * whose BAR shares one with a function of somebody else's is not given to the UI VM.
 *
 * Memory of devices has the same address in every VM. It is not mapped for other devices: no
 * peer-to-peer DMA.
 */
#include "pci/config.h"
#include "pci/vpci-parts.h"

#include "lib/errno.h"
#include "lib/log.h"

#define FIXED_START 0xfec00000ULL /* APICs, timers, firmware; PCs have nothing else there */

struct span {
	uint64_t start, end;
};

/* The pages of a memory BAR, the ports of an I/O BAR; empty: none, or the firmware has not placed
 * it. */
static struct span span_of(const struct pci_function *function, unsigned index)
{
	uint64_t base = function->bars[index].base, size = function->bars[index].size;
	struct span span = {0, 0};

	if (base != 0 && function->bars[index].io)
		span = (struct span){base, base + size};
	else if (base != 0 && size != 0)
		span = (struct span){align_down(base, PAGE_SIZE), align_up(base + size, PAGE_SIZE)};
	return span;
}

static bool overlap(struct span a, struct span b)
{
	return a.start < b.end && b.start < a.end;
}

/* Bridges are nobody's, whoever has what is behind them; IOMMUs too. */
static struct vm *owner_of_function(const struct pci_function *function)
{
	return function->header_type == 0 && function->class_code >> 8 != CLASS_IOMMU
		       ? function->owner
		       : NULL;
}

static bool shares_page(const struct pci_function *a, const struct pci_function *b)
{
	for (unsigned i = 0; i < 6; i++)
		for (unsigned j = 0; j < 6; j++)
			if (a->bars[i].io == b->bars[j].io && overlap(span_of(a, i), span_of(b, j)))
				return true;
	return false;
}

/* Returns whether anything changed hands. */
static bool settle(struct pci_function *a, const struct pci_function *b)
{
	struct vm *mine = owner_of_function(a), *other = owner_of_function(b);

	if (mine == NULL || mine == other || !shares_page(a, b) ||
	    (mine->kind == VM_CONTROL && other != NULL))
		return false;
	a->owner = other;
	log_line("pci " BDF_FORMAT " is not %s's: its registers share a page with " BDF_FORMAT
		 "'s, of %s",
		 BDF_ARGS(a->bdf), mine->name, BDF_ARGS(b->bdf), other ? other->name : "nobody");
	return true;
}

void claim_settle(void)
{
	bool changed = true;

	/* Functions only ever go from the UI VM to the control VM to nobody, so that this ends. */
	while (changed) {
		changed = false;
		for (size_t i = 0; i < pci_function_count; i++)
			for (size_t j = 0; j < pci_function_count; j++)
				changed |= settle(&pci_functions[i], &pci_functions[j]);
	}
}

static int declare_memory(const struct vm *vm, const struct pci_function *function)
{
	for (unsigned i = 0; i < 6; i++) {
		struct span span = span_of(function, i);
		int error;

		if (function->bars[i].size != 0 && span.end == 0)
			log_line("pci " BDF_FORMAT ": the firmware has not placed BAR %u",
				 BDF_ARGS(function->bdf), i);
		/* Several small BARs of one VM's may be in one page. */
		if (span.end == 0 || function->bars[i].io ||
		    (function->bars[i].size < PAGE_SIZE &&
		     owner_of(hpa(span.start)) == vm_owner(vm)))
			continue;
		error = owner_add(hpa(span.start), span.end - span.start, PAGE_DEVICE,
				  vm_owner(vm));
		if (error) {
			log_line("pci " BDF_FORMAT ": BAR %u at 0x%lx is not device memory",
				 BDF_ARGS(function->bdf), i, (unsigned long)span.start);
			return error;
		}
	}
	return 0;
}

int claim_function(struct vm *vm, const struct pci_function *function)
{
	int error = declare_memory(vm, function);

	if (error)
		return error;
	/* What the firmware had it do ends here. */
	if (!pci_is_board(function))
		pci_write(function->bdf, PCI_COMMAND, 2,
			  pci_read(function->bdf, PCI_COMMAND, 2) & ~(uint32_t)COMMAND_MASTER);
	error = iommu_attach(function->bdf, &vm->domain);
	if (error && !pci_is_board(function)) {
		log_line("pci " BDF_FORMAT ": the IOMMU cannot hold it: error %d",
			 BDF_ARGS(function->bdf), -error);
		return error;
	}
	for (unsigned i = 0; i < 6; i++)
		if (function->bars[i].io && function->bars[i].base != 0)
			vm_allow_ports(vm, (uint16_t)function->bars[i].base,
				       (uint32_t)function->bars[i].size);
	return 0;
}

/* The first part of a span that does not trap; empty: none. */
static struct span before_trap(const struct vm *vm, struct span span)
{
	for (size_t i = 0; i < vm->mmio_count; i++) {
		struct span trap = {align_down(vm->mmio[i].start, PAGE_SIZE),
				    align_up(vm->mmio[i].start + vm->mmio[i].size, PAGE_SIZE)};

		if (!overlap(span, trap))
			continue;
		if (trap.start > span.start) {
			span.end = trap.start;
			continue;
		}
		if (trap.end >= span.end)
			return (struct span){span.end, span.end};
		span.start = trap.end;
		i = (size_t)-1; /* from the first again */
	}
	return span;
}

static int map_bar(struct vm *vm, const struct pci_function *function, unsigned index)
{
	struct span whole = span_of(function, index);

	/* A page of small BARs may be there already. */
	if (function->bars[index].size < PAGE_SIZE &&
	    space_look_up(&vm->memory, gpa(whole.start), NULL, NULL) == 0)
		return 0;
	while (whole.start < whole.end) {
		struct span part = before_trap(vm, whole);
		int error;

		if (part.start == part.end)
			break;
		error = space_map(&vm->memory, gpa(part.start), hpa(part.start),
				  part.end - part.start, PAGE_DEVICE, MAP_READ | MAP_WRITE);
		if (error)
			return error;
		whole.start = part.end;
	}
	return 0;
}

int claim_map(struct vm *vm, const struct pci_function *function)
{
	int error = 0;

	for (unsigned i = 0; i < 6 && !error; i++)
		if (!function->bars[i].io && span_of(function, i).end != 0)
			error = map_bar(vm, function, i);
	return error;
}

/* Nothing of the machine's or the VM's is there. */
static bool is_free(const struct vm *vm, struct span span)
{
	uint8_t first_bus;
	hpa_t ecam;
	uint64_t ecam_size = pci_ecam(&ecam, &first_bus);

	if (span.end > FIXED_START || span.start < MIB || span.start >= span.end ||
	    overlap(span, (struct span){hpa_value(ecam), hpa_value(ecam) + ecam_size}))
		return false;
	for (size_t i = 0; i < pci_function_count; i++) {
		const struct pci_function *function = &pci_functions[i];

		for (unsigned bar = 0; bar < 6; bar++)
			if (!function->bars[bar].io && overlap(span, span_of(function, bar)))
				return false;
		for (unsigned window = PCI_BRIDGE_MEMORY;
		     function->header_type == 1 && window <= PCI_BRIDGE_PREFETCH; window += 4) {
			uint32_t value = pci_read(function->bdf, window, 4);
			struct span behind = {(value & 0xfff0) << 16,
					      ((value | 0xfffff) & 0xffffffffU) + 1ULL};

			if (behind.start < behind.end && overlap(span, behind))
				return false;
		}
	}
	for (size_t i = 0; i < vm->mmio_count; i++)
		if (overlap(span,
			    (struct span){vm->mmio[i].start, vm->mmio[i].start + vm->mmio[i].size}))
			return false;
	for (uint64_t page = span.start; page < span.end; page += PAGE_SIZE)
		if (owner_of(hpa(page)) != OWNER_NOBODY ||
		    space_look_up(&vm->memory, gpa(page), NULL, NULL) == 0)
			return false;
	return true;
}

/* Next to a BAR of a function on bus 0, as the firmware's ACPI tables say that PCI is there; behind
 * one rather than before, as the lowest may be where PCI begins. */
static bool find_window(const struct vm *vm, uint64_t size, gpa_t *window)
{
	for (unsigned try = 0; try < 2; try++)
		for (unsigned i = 0; i < pci_function_count * 6; i++) {
			const struct pci_function *function = &pci_functions[i / 6];
			struct span next = span_of(function, i % 6);
			uint64_t start = try == 0 ? align_up(next.end, size)
						  : align_down(next.start, size) - size;

			if (function->bdf >> 8 || next.end == 0 || function->bars[i % 6].io ||
			    next.end > FIXED_START ||
			    !is_free(vm, (struct span){start, start + size}))
				continue;
			*window = gpa(start);
			return true;
		}
	return false;
}

int vpci_find_free(struct vm *vm, uint16_t *bdf, uint64_t size, gpa_t *window)
{
	uint32_t used = 1; /* devices; 0 is the host bridge's */

	for (size_t i = 0; i < pci_function_count; i++)
		if (pci_functions[i].bdf >> 8 == 0)
			used |= 1U << (pci_functions[i].bdf >> 3);
	for (size_t i = 0; i < vm->pci->emulated_count; i++)
		used |= 1U << (vm->pci->emulated[i].bdf >> 3);
	if (used == UINT32_MAX || !find_window(vm, size < PAGE_SIZE ? PAGE_SIZE : size, window))
		return -ENOSPC;
	*bdf = (uint16_t)(__builtin_ctz(~used) << 3);
	return 0;
}
