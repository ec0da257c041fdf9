/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration space a VM sees, through ports 0xcf8-0xcff and ECAM. Each access becomes one of
 * a register of 32 bits, for which the policy says what is the device's, and which file answers for
 * the rest.
 */
#include "pci/config.h"
#include "pci/vpci-parts.h"

#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "memory/frame.h"
#include "vm/devices.h"

#define COMMAND_SHADOW 0x0557U /* bits a VM can write and read back */
#define COMMAND_ERRORS 0x0140U /* reports of parity and system errors: the firmware's choice */

#define ADDRESS_PORTS 0xcf8
#define ADDRESS_ON    0x80000000U

#define PM_KEEPS_STATE 0x08U
#define PCIE_RESET     0x8000U

static struct vpci vpcis[VM_MAX];

/* ---- the command register ---- */

void vpci_apply_command(const struct vpci *vpci, const struct vpci_function *function)
{
	uint16_t command = function->kept_command;

	if (pci_is_board(function->real) || function->reset_until != 0)
		return;
	if ((function->command & COMMAND_MASTER) && !vpci->quiesced)
		command |= COMMAND_MASTER;
	/* A line that nobody listens to must not be held; nor may it be used besides messages. */
	if ((function->command & COMMAND_INTX_DISABLE) || function->pin == 0 || vpci->quiesced ||
	    (function->msi.control & MSI_ENABLE) || (function->msix.control & MSIX_ENABLE))
		command |= COMMAND_INTX_DISABLE;
	if (pci_read(function->real->bdf, PCI_COMMAND, 2) != command)
		pci_write(function->real->bdf, PCI_COMMAND, 2, command);
}

/* Everything a VM sees as at boot; the device's interrupts are off. */
static void reset_shadows(struct vpci *vpci, struct vpci_function *function)
{
	function->command = function->kept_command & (COMMAND_IO | COMMAND_MEMORY);
	function->line = function->pin ? function->real_line : 0;
	function->power = 0;
	bars_reset(function);
	msi_off(vpci, function);
	msix_off(vpci, function);
	vpci_apply_command(vpci, function);
}

/* ---- registers ---- */

static uint32_t read_part(const struct vpci_function *function, const struct policy_register *found)
{
	switch (found->part) {
	case PART_COMMAND:
		return function->command;
	case PART_BAR:
		return function->bars[(found->offset - PCI_BAR0) / 4];
	case PART_LINE:
		return function->line | (uint32_t)function->pin << 8;
	case PART_PM:
		return function->power | PM_KEEPS_STATE;
	case PART_MSI:
		return msi_read(function, found->offset);
	case PART_MSIX:
		return (uint32_t)function->msix.control << 16;
	case PART_PCIE:
	case PART_NONE:
		break;
	}
	return 0;
}

/* Returns false for an offence. */
static bool write_part(struct vpci *vpci, struct vpci_function *function,
		       const struct policy_register *found, uint32_t value)
{
	switch (found->part) {
	case PART_COMMAND:
		function->command = value & COMMAND_SHADOW;
		vpci_apply_command(vpci, function);
		break;
	case PART_BAR:
		return bars_write(function, (found->offset - PCI_BAR0) / 4, value);
	case PART_LINE:
		function->line = (uint8_t)value;
		break;
	case PART_PM:
		if ((value & 3) == 0 || (value & 3) == 3)
			function->power = value & 3;
		break;
	case PART_PCIE:
		if ((value & PCIE_RESET) && function->reset_kind == RESET_PCIE)
			reset_start(vpci, function);
		break;
	case PART_MSI:
		msi_write(vpci, function, found->offset, value);
		break;
	case PART_MSIX:
		msix_write(vpci, function, value);
		break;
	case PART_NONE:
		break;
	}
	return true;
}

static uint32_t read_register(const struct vpci_function *function, unsigned offset,
			      const struct policy_register *found)
{
	uint32_t value = found->fixed;

	if (found->show)
		value |= pci_read(function->real->bdf, offset, 4) & found->show & ~found->fixed;
	return value | read_part(function, found);
}

/* An aligned write of 1, 2 or 4 bytes. Returns false for an offence. */
static bool write_register(struct vpci *vpci, struct vpci_function *function, unsigned offset,
			   unsigned size, uint32_t value)
{
	unsigned word = offset & ~3U, shift = offset % 4 * 8;
	uint32_t mask = (size == 4 ? UINT32_MAX : (1U << size * 8) - 1) << shift;
	struct policy_register found;
	uint32_t old, new, real;
	bool good;

	policy_look_up(&function->policy, word, &found);
	old = read_register(function, word, &found);
	new = (old & ~mask) | (value << shift & mask);
	good = ((old ^ new) & ~(found.write | found.clear | found.quiet)) == 0;
	if ((found.write | found.clear) & mask) {
		real = pci_read(function->real->bdf, word, 4);
		real = (real & ~(found.write | found.clear)) | (new &found.write) |
		       (value << shift & mask & found.clear);
		pci_write(function->real->bdf, offset, size, real >> shift);
	}
	return write_part(vpci, function, &found, new) && good;
}

static struct vpci_function *find_function(struct vpci *vpci, uint16_t bdf)
{
	for (size_t i = 0; i < vpci->count; i++)
		if (vpci->functions[i].real->bdf == bdf)
			return &vpci->functions[i];
	return NULL;
}

/* ---- accesses ---- */

/* Somebody else's, or nobody's. Where nothing is, Linux looks for what firmware hides by writing.
 */
static bool exists(uint16_t bdf)
{
	for (size_t i = 0; i < pci_function_count; i++)
		if (pci_functions[i].bdf == bdf)
			return true;
	return false;
}

/* Aligned, 1, 2 or 4 bytes, not locked. Returns false for an offence. */
static bool access_function(struct vpci *vpci, uint16_t bdf, unsigned offset, unsigned size,
			    bool write, uint32_t *value)
{
	struct vpci_function *function;
	struct policy_register found;
	bool good = true;

	for (size_t i = 0; i < vpci->emulated_count; i++)
		if (vpci->emulated[i].bdf == bdf) {
			uint32_t answer = vpci->emulated[i].access(vpci->emulated[i].data, offset,
								   size, write, *value);

			if (!write)
				*value = answer;
			return true;
		}
	lock_take(&vpci->vm->lock);
	function = find_function(vpci, bdf);
	if (!write)
		*value = UINT32_MAX;
	if (function == NULL) {
		good = !write || !exists(bdf);
	} else if (!reset_poll(vpci, function)) {
		/* In the middle of its reset it hears nothing. */
	} else if (write) {
		good = write_register(vpci, function, offset, size, *value);
	} else {
		policy_look_up(&function->policy, offset & ~3U, &found);
		*value = read_register(function, offset & ~3U, &found) >> offset % 4 * 8;
	}
	lock_release(&vpci->vm->lock);
	return good;
}

/* Any access, by the address in configuration space: bdf << 12 | offset. */
static void access_space(struct vcpu *vcpu, uint64_t address, unsigned size, bool write,
			 uint64_t *value)
{
	/* What is not aligned, or wider than a register, is more than one access. */
	unsigned step = address % size ? 1 : size > 4 ? 4 : size;
	uint64_t result = 0;

	for (unsigned i = 0; i < size; i += step) {
		uint64_t at = address + i;
		uint32_t part = write ? (uint32_t)(*value >> i * 8) : 0;
		uint64_t keep = (1ULL << step * 8) - 1;

		if (!access_function(vcpu_vm(vcpu)->pci, (uint16_t)(at >> 12), at & 0xfff, step,
				     write, &part))
			vm_violation(vcpu, COUNTER_BAD_CONFIG, "write to PCI configuration", at);
		result |= (part & keep) << i * 8;
	}
	if (!write)
		*value = result;
}

static int access_ecam(struct vcpu *vcpu, void *data, uint64_t offset, unsigned size, bool write,
		       uint64_t *value)
{
	uint8_t first_bus;
	hpa_t start;

	(void)data;
	pci_ecam(&start, &first_bus);
	access_space(vcpu, ((uint64_t)first_bus << 20) + offset, size, write, value);
	return 0;
}

/* PCI Local Bus 3.0, 3.2.2.3.2; and, among these ports, the chipset's reset control. */
static int access_ports(struct vcpu *vcpu, void *data, uint64_t offset, unsigned size, bool write,
			uint64_t *value)
{
	struct vpci *vpci = data;
	uint32_t address = __atomic_load_n(&vpci->address, __ATOMIC_RELAXED);

	if (offset == 0 && size == 4) {
		if (write)
			__atomic_store_n(&vpci->address, (uint32_t)*value, __ATOMIC_RELAXED);
		else
			*value = address;
	} else if (offset == 1 && size == 1) {
		if (write)
			reset_write_cf9(vpci->vm, (uint8_t)*value);
		else
			*value = 0;
	} else if (offset >= 4 && (address & ADDRESS_ON)) {
		access_space(vcpu,
			     (uint64_t)(address >> 8 & 0xffff) << 12 | (address & 0xfc) |
				     (offset - 4),
			     size, write, value);
	} else if (!write) {
		*value = UINT64_MAX;
	}
	return 0;
}

/* ---- life ---- */

static bool owns(const struct vm *vm, const struct pci_function *function)
{
	return function->owner == vm && function->header_type == 0;
}

static bool leads_to_own(const struct vm *vm, const struct pci_function *bridge)
{
	for (size_t i = 0; i < pci_function_count; i++) {
		unsigned bus = pci_functions[i].bdf >> 8;

		if (owns(vm, &pci_functions[i]) && bridge->secondary_bus != 0 &&
		    bus >= bridge->secondary_bus && bus <= bridge->subordinate_bus)
			return true;
	}
	return false;
}

static bool sees(const struct vm *vm, const struct pci_function *function)
{
	return owns(vm, function) || (function->header_type == 1 && leads_to_own(vm, function));
}

/* Without function 0 nobody asks for the others. */
static bool is_needed(const struct vm *vm, const struct pci_function *function)
{
	for (size_t i = 0; i < pci_function_count; i++)
		if (!(function->bdf & 7) && (pci_functions[i].bdf & ~7) == function->bdf &&
		    sees(vm, &pci_functions[i]))
			return true;
	return false;
}

static void read_config(uint16_t bdf, uint8_t config[CONFIG_SIZE])
{
	for (unsigned offset = 0; offset < CONFIG_SIZE; offset += 4) {
		uint32_t word = pci_read(bdf, offset, 4);

		memcpy(config + offset, &word, 4);
	}
}

static void add_function(struct vpci *vpci, struct pci_function *real, enum policy_view view)
{
	static uint8_t config[CONFIG_SIZE]; /* boot only */
	struct vpci_function *function = &vpci->functions[vpci->count++];
	uint16_t command;

	memset(function, 0, sizeof(*function));
	function->real = real;
	read_config(real->bdf, config);
	policy_init(&function->policy, view, config);
	command = (uint16_t)pci_read(real->bdf, PCI_COMMAND, 2);
	if (view == VIEW_BRIDGE)
		pci_write(real->bdf, PCI_COMMAND, 2,
			  command | COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER);
	if (view != VIEW_OWN)
		return;
	function->kept_command = command & (COMMAND_IO | COMMAND_MEMORY | COMMAND_ERRORS);
	for (unsigned i = 0; i < 6; i++)
		if (real->bars[i].base != 0)
			function->kept_command |= real->bars[i].io ? COMMAND_IO : COMMAND_MEMORY;
	/* Only the control VM has the machine's interrupt lines. */
	if (vpci->vm->kind == VM_CONTROL)
		function->pin = (uint8_t)pci_read(real->bdf, PCI_INTERRUPT_LINE + 1, 1);
	reset_init(function);
	reset_shadows(vpci, function);
	msi_init(vpci, function);
	msix_init(vpci, function);
}

/* Takes what can be taken; the rest is nobody's. */
static void claim_all(struct vm *vm)
{
	claim_settle();
	for (size_t i = 0; i < pci_function_count; i++) {
		struct pci_function *function = &pci_functions[i];

		if (!owns(vm, function) ||
		    (function->class_code >> 8 != CLASS_IOMMU && claim_function(vm, function) == 0))
			continue;
		function->owner = NULL;
		log_line("pci " BDF_FORMAT ": left out of %s", BDF_ARGS(function->bdf), vm->name);
	}
}

int vpci_create(struct vm *vm)
{
	struct vpci *vpci = &vpcis[vm->number];
	uint8_t first_bus;
	hpa_t ecam, frames;
	uint64_t ecam_size = pci_ecam(&ecam, &first_bus);
	size_t bytes = align_up(pci_function_count * sizeof(struct vpci_function), PAGE_SIZE);
	int error;

	memset(vpci, 0, sizeof(*vpci));
	vpci->vm = vm;
	vm->pci = vpci;
	frames = frame_alloc_many(bytes / PAGE_SIZE);
	if (hpa_value(frames) == 0)
		return -ENOMEM;
	vpci->functions = frame_virt(frames);
	error = vm_add_pio(vm, ADDRESS_PORTS, 8, access_ports, vpci, "PCI configuration");
	if (!error)
		error = vm_add_mmio(vm, gpa(hpa_value(ecam)), ecam_size, access_ecam, vpci, "ECAM");
	if (error)
		return error;
	claim_all(vm);
	for (size_t i = 0; i < pci_function_count; i++) {
		struct pci_function *function = &pci_functions[i];

		if (owns(vm, function))
			add_function(vpci, function, VIEW_OWN);
		else if (sees(vm, function))
			add_function(vpci, function, VIEW_BRIDGE);
		else if (function->bdf == 0)
			add_function(vpci, function, VIEW_HOST_BRIDGE);
		else if (is_needed(vm, function))
			add_function(vpci, function, VIEW_FILLER);
	}
	for (size_t i = 0; i < vpci->count && !error; i++)
		if (vpci->functions[i].policy.view == VIEW_OWN) {
			error = claim_map(vm, vpci->functions[i].real);
			if (error)
				log_line("pci " BDF_FORMAT ": cannot be given to %s: error %d",
					 BDF_ARGS(vpci->functions[i].real->bdf), vm->name, -error);
		}
	return error;
}

void vpci_quiesce(struct vm *vm)
{
	lock_take(&vm->lock);
	vm->pci->quiesced = true;
	for (size_t i = 0; i < vm->pci->count; i++)
		if (vm->pci->functions[i].policy.view == VIEW_OWN)
			vpci_apply_command(vm->pci, &vm->pci->functions[i]);
	lock_release(&vm->lock);
}

void vpci_reset(struct vm *vm)
{
	struct vpci *vpci = vm->pci;

	vpci_quiesce(vm);
	lock_take(&vm->lock);
	for (size_t i = 0; i < vpci->count; i++)
		if (vpci->functions[i].policy.view == VIEW_OWN) {
			vpci->functions[i].reset_until = 0;
			reset_shadows(vpci, &vpci->functions[i]);
		}
	reset_all(vpci);
	vpci->quiesced = false;
	vpci->address = 0;
	for (size_t i = 0; i < vpci->count; i++)
		if (vpci->functions[i].policy.view == VIEW_OWN)
			vpci_apply_command(vpci, &vpci->functions[i]);
	lock_release(&vm->lock);
}

int vpci_add_emulated(struct vm *vm, uint16_t bdf, vpci_config_access *access, void *data)
{
	struct vpci *vpci = vm->pci;

	if (vpci->emulated_count == VPCI_MAX_EMULATED)
		return -ENOSPC;
	if (find_function(vpci, bdf) != NULL)
		return -EEXIST;
	vpci->emulated[vpci->emulated_count].bdf = bdf;
	vpci->emulated[vpci->emulated_count].access = access;
	vpci->emulated[vpci->emulated_count++].data = data;
	return 0;
}
