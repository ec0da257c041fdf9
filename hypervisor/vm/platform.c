/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PC around a service VM. The control VM has the machine's own ports and ACPI tables, filtered;
 * what would end or endanger the machine is trapped here.
 */
#include "vm/platform.h"

#include "acpi/build.h"
#include "acpi/sleep.h"
#include "boot/arrange.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "pci/vpci.h"
#include "vm/devices.h"
#include "vm/ports.h"
#include "vm/pvclock.h"
#include "x86/cpu.h"
#include "x86/machine.h"
#include "x86/paging.h"

#define PM1_SLEEP_ENABLE      (1U << 13)
#define PM1_SLEEP_TYPE(value) ((int)((value) >> 10 & 7))
#define HOLE_END	      0xfec00000ULL /* APICs and firmware above */
#define ACPI_PAGE	      9		    /* in the boot data, vm/load.h */

_Static_assert(ACPI_BUILD_SIZE <= LOAD_ACPI_SIZE, "the tables fit the boot data");

static int power_off_type; /* negative: not known, then every sleep is one */

/* ACPI's power management control of the machine, 2 ports (ACPI 6.4, 4.8.3.2). Other sleeps than
 * power-off are refused: nobody would wake the UI VM. */
static int access_pm1(struct vcpu *vcpu, void *data, uint64_t offset, unsigned size, bool write,
		      uint64_t *value)
{
	uint16_t port = (uint16_t)(uintptr_t)data;
	struct vm *vm = vcpu_vm(vcpu);

	if (offset != 0 || size != 2)
		return -EFAULT;
	if (!write) {
		*value = inw(port);
	} else if ((*value & PM1_SLEEP_ENABLE) && power_off_type >= 0 &&
		   PM1_SLEEP_TYPE(*value) != power_off_type) {
		return -EFAULT;
	} else if (*value & PM1_SLEEP_ENABLE) {
		vm->pm1_control = (uint16_t)*value;
		vm_request_stop(vm, VM_STOP_POWER_OFF);
	} else {
		outw(port, (uint16_t)*value);
	}
	return 0;
}

/* Firmware's own mode: nothing but the switch to ACPI may be asked of it. */
static int access_smi(struct vcpu *vcpu, void *data, uint64_t offset, unsigned size, bool write,
		      uint64_t *value)
{
	const struct acpi_info *acpi = data;

	(void)vcpu;
	if (!write) {
		*value = 0;
		return 0;
	}
	if (offset != 0 || size != 1 || (uint8_t)*value != acpi->fadt.acpi_enable)
		return -EFAULT;
	outb(acpi->fadt.smi_command, (uint8_t)*value);
	return 0;
}

static int create_control(struct vm *vm, const struct acpi_info *acpi)
{
	const uint16_t blocks[] = {acpi->fadt.pm1a_control, acpi->fadt.pm1b_control};
	int error = 0;

	power_off_type = -ENOENT;
	for (size_t i = 0; i < acpi->table_count; i++) {
		const struct acpi_table_ref *table = &acpi->tables[i];

		if (memcmp(table->signature, "DSDT", 4) == 0 && table->good &&
		    paging_add_firmware(table->address, table->length))
			power_off_type =
				acpi_find_power_off(phys_virt(table->address), table->length);
	}
	ports_allow_rest(vm, acpi);
	for (size_t i = 0; i < ARRAY_LENGTH(blocks) && error == 0; i++)
		if (blocks[i] != 0)
			error = vm_add_pio(vm, blocks[i], 2, access_pm1,
					   (void *)(uintptr_t)blocks[i], "PM1 control");
	if (error == 0 && acpi->fadt.smi_command != 0)
		error = vm_add_pio(vm, acpi->fadt.smi_command, 2, access_smi,
				   (void *)(uintptr_t)acpi, "SMI command");
	return error;
}

int platform_create(struct vm *vm, const struct acpi_info *acpi)
{
	int error = devices_create(vm);

	if (error == 0 && vm->kind == VM_CONTROL)
		error = create_control(vm, acpi);
	return error;
}

static bool read_firmware(void *user, hpa_t start, void *to, size_t size)
{
	(void)user;
	if (!paging_add_firmware(start, size))
		return false;
	memcpy(to, phys_virt(start), size);
	return true;
}

/* Where the UI VM's device memory may be: the whole hole below 4 GiB, but for ECAM, and the part
 * above that its own BARs are in. */
static void find_windows(const struct vm *vm, const struct acpi_info *acpi, struct acpi_ui *ui)
{
	uint64_t ecam = hpa_value(acpi->ecam) + acpi->ecam_first_bus * MIB, low = HOLE_END,
		 high = 0, high_end = 0;
	uint64_t ecam_end = ecam + (acpi->ecam_last_bus - acpi->ecam_first_bus + 1) * MIB;

	for (size_t i = 0; i < pci_function_count; i++) {
		for (size_t n = 0; n < 6; n++) {
			uint64_t base = pci_functions[i].bars[n].base;
			uint64_t size = pci_functions[i].bars[n].size;

			if (size == 0 || pci_functions[i].bars[n].io)
				continue;
			if (base < HOLE_END && base < low)
				low = align_down(base, MIB);
			if (pci_functions[i].owner != vm || base < 4 * GIB)
				continue;
			if (high == 0 || base < high)
				high = base;
			if (base + size > high_end)
				high_end = base + size;
		}
	}
	/* The bus function is in none of the machine's BARs. */
	for (size_t i = 0; i < vm->mmio_count; i++)
		if (vm->mmio[i].start < low && vm->mmio[i].start >= ecam_end)
			low = align_down(vm->mmio[i].start, MIB);
	if (ecam < low || ecam >= HOLE_END)
		ecam = ecam_end = low;
	ui->windows[0] = (struct acpi_window){.base = low, .size = ecam - low};
	ui->windows[1] = (struct acpi_window){.base = ecam_end, .size = HOLE_END - ecam_end};
	ui->windows[2] = (struct acpi_window){.base = high, .size = high_end - high};
	ui->windows[3] = (struct acpi_window){.io = true, .base = 0x1000, .size = 0xf000};
	ui->window_count = 4;
}

static int make_ui(struct vm *vm, const struct acpi_info *acpi, gpa_t at, void *buffer)
{
	static struct acpi_ui ui;

	ui.vcpu_count = vm->vcpu_count;
	ui.ecam = gpa(hpa_value(acpi->ecam));
	ui.ecam_first_bus = acpi->ecam_first_bus;
	ui.ecam_last_bus = pci_last_bus();
	ui.pm1_event = PM_BASE;
	ui.pm1_control = PM_BASE + 4;
	ui.pm_timer = PM_BASE + 8;
	find_windows(vm, acpi, &ui);
	return acpi_build_ui(&ui, at, buffer, LOAD_ACPI_SIZE);
}

void platform_make_acpi(struct vm *vm, const struct acpi_info *acpi, struct vm_image *image)
{
	gpa_t at = gpa(gpa_value(image->boot_data_at) + ACPI_PAGE * PAGE_SIZE);
	int size = vm->kind == VM_UI
			   ? make_ui(vm, acpi, at, image->acpi)
			   : acpi_build_control(acpi, read_firmware, NULL, vm->vcpu_count,
						pci_last_bus(), at, image->acpi, LOAD_ACPI_SIZE);

	if (size < 0)
		core_panic(REASON_PANIC, "%s: its ACPI tables: error %d", vm->name, size);
	image->acpi_size = (size_t)size;
	image->rsdp = at;
}

void platform_reset(struct vm *vm)
{
	devices_reset(vm);
}
