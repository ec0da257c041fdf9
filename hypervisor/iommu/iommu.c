/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The front of the IOMMU drivers, and the machine without an IOMMU: attaching does nothing there
 * and interrupt messages are plain ones (Intel SDM vol. 3, 11.11; 82093AA data sheet, 3.2.4).
 */
#include "iommu/iommu.h"

#include "iommu/driver.h"
#include "lib/errno.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "pci/registers.h"
#include "pci/vpci.h"
#include "x86/cpu.h"
#include "x86/machine.h"

#define REDIRECTION_ACTIVE_LOW (1ULL << 13)
#define REDIRECTION_LEVEL      (1ULL << 15)

static const struct iommu_driver *driver; /* NULL: no IOMMU */
static const struct acpi_info *acpi;
static struct iommu_caps caps;
static struct lock lock;

uint64_t iommu_deadline(void)
{
	return rdtsc() + tsc_hz;
}

bool iommu_knows_ioapics(const struct acpi_info *info)
{
	for (size_t i = 0; i < info->ioapic_count; i++) {
		size_t at = 0;

		while (at < info->scope_count &&
		       !(info->scopes[at].ioapic &&
			 info->scopes[at].ioapic_id == info->ioapics[i].id))
			at++;
		if (at == info->scope_count)
			return false;
	}
	return true;
}

int iommu_init(const struct acpi_info *info, struct iommu_caps *out)
{
	int error = 0;

	acpi = info;
	if (acpi->iommu_kind == ACPI_AMDVI)
		driver = &amd_driver;
	else if (acpi->iommu_kind == ACPI_VTD)
		driver = &vtd_driver;
	if (driver)
		error = driver->init(acpi, &caps);
	if (error) {
		log_line("%s: a unit cannot be used: error %d", driver->name, -error);
		driver = NULL;
		caps = (struct iommu_caps){false, false};
		return error;
	}
	if (!caps.dma)
		log_warning(REASON_NO_IOMMU, "the ACPI tables name none");
	if (!caps.interrupts)
		log_warning(REASON_NO_INTERRUPT_REMAPPING, "%s",
			    driver ? driver->name : "no IOMMU");
	if (driver)
		log_line("%s: %zu units, DMA is translated%s", driver->name, acpi->iommu_count,
			 caps.interrupts ? ", interrupts are remapped" : "");
	*out = caps;
	return 0;
}

static void flush_space(struct space *space)
{
	const struct iommu_domain *domain = space->user;

	lock_take(&lock);
	driver->flush(domain->id);
	lock_release(&lock);
}

int iommu_domain_init(struct iommu_domain *domain, enum owner owner, uint16_t id)
{
	unsigned levels, largest_leaf_shift;
	int error;

	domain->id = id;
	if (!driver)
		return 0;
	domain->space.flush = flush_space;
	domain->space.write_back = driver->write_back;
	domain->space.user = domain;
	driver->shape(&levels, &largest_leaf_shift);
	error = space_init(&domain->space, driver->format, owner, levels, largest_leaf_shift);
	if (!error)
		flush_space(&domain->space);
	return error;
}

/* Whether a device is among those that a scope of the tables names. */
static bool is_among(pci_bdf_t device, pci_bdf_t first, pci_bdf_t last, bool below)
{
	if (device >= first && device <= last)
		return true;
	for (size_t i = 0; below && i < pci_function_count; i++)
		if (pci_functions[i].bdf == first && pci_functions[i].header_type == 1 &&
		    device >> 8 >= pci_functions[i].secondary_bus &&
		    device >> 8 <= pci_functions[i].subordinate_bus)
			return true;
	return false;
}

/* Whether a unit is in charge of a device; one that is under none cannot be held back. */
static bool is_covered(pci_bdf_t device)
{
	for (size_t i = 0; i < acpi->iommu_count; i++)
		if (acpi->iommus[i].all)
			return true;
	for (size_t i = 0; i < acpi->scope_count; i++)
		if (!acpi->scopes[i].ioapic &&
		    is_among(device, acpi->scopes[i].first, acpi->scopes[i].last,
			     acpi->scopes[i].below))
			return true;
	return false;
}

static int map_own(struct iommu_domain *domain, uint64_t start, uint64_t end)
{
	hpa_t there;
	int error;

	if (space_look_up(&domain->space, gpa(start), &there, NULL) == 0 &&
	    hpa_value(there) == start)
		return 0; /* an earlier attach, or another device of the VM */
	error = owner_add(hpa(start), end - start, PAGE_RAM, domain->space.owner);
	if (!error || error == -EEXIST)
		error = space_map(&domain->space, gpa(start), hpa(start), end - start, PAGE_RAM,
				  MAP_READ | MAP_WRITE);
	return error;
}

/*
 * Memory that firmware says a device needs (RMRR, IVMD) is mapped at its own address in the domain,
 * and belongs to the domain's VM from then on. It is refused where it is the core's or another
 * VM's, or where the VM has something else at that address; the device with it, unless the tables
 * name a whole range of devices, of which the first VM's get it.
 */
static int map_reserved(pci_bdf_t device, struct iommu_domain *domain)
{
	for (size_t i = 0; i < acpi->reserved_count; i++) {
		const struct acpi_reserved *reserved = &acpi->reserved[i];
		uint64_t start = align_down(hpa_value(reserved->start), PAGE_SIZE);
		uint64_t end = align_up(hpa_value(reserved->start) + reserved->size, PAGE_SIZE);
		int error;

		if (!is_among(device, reserved->first, reserved->last, reserved->below))
			continue;
		error = map_own(domain, start, end);
		log_line(BDF_FORMAT " needs memory at 0x%lx to 0x%lx: %s", BDF_ARGS(device), start,
			 end, error ? "refused" : "mapped");
		if (error && reserved->first == reserved->last)
			return error;
	}
	return 0;
}

int iommu_attach(pci_bdf_t device, struct iommu_domain *domain)
{
	int error = 0;

	if (!driver)
		return 0;
	if (!is_covered(device))
		return -ENODEV;
	if (domain)
		error = map_reserved(device, domain);
	if (error)
		return error;
	lock_take(&lock);
	if (!domain && caps.interrupts)
		driver->unroute(device, IOMMU_ALL_MSIS);
	error = driver->attach(device, domain);
	lock_release(&lock);
	return error;
}

/* ---- interrupts ---- */

static int route(pci_bdf_t requester, unsigned index, const struct iommu_target *target)
{
	int entry;

	lock_take(&lock);
	entry = driver->route(requester, index, target);
	lock_release(&lock);
	return entry;
}

int iommu_route_msi(pci_bdf_t device, unsigned index, const struct iommu_target *target,
		    uint64_t *address, uint32_t *data)
{
	int entry;

	if (target->level || index >= IOMMU_ALL_MSIS)
		return -EINVAL;
	if (!caps.interrupts) {
		if (target->apic_id >= 0xff)
			return -EINVAL;
		*address = 0xfee00000ULL | target->apic_id << 12;
		*data = target->vector;
		return 0;
	}
	entry = route(device, index, target);
	if (entry < 0)
		return entry;
	driver->message((unsigned)entry, address, data);
	return 0;
}

int iommu_route_pin(uint8_t ioapic_id, unsigned pin, const struct iommu_target *target,
		    bool active_low, uint64_t *redirection)
{
	uint64_t flags =
		(active_low ? REDIRECTION_ACTIVE_LOW : 0) | (target->level ? REDIRECTION_LEVEL : 0);
	size_t at = 0;
	int entry;

	if (!caps.interrupts) {
		if (target->apic_id >= 0xff)
			return -EINVAL;
		*redirection = flags | (uint64_t)target->apic_id << 56 | target->vector;
		return 0;
	}
	while (at < acpi->scope_count &&
	       !(acpi->scopes[at].ioapic && acpi->scopes[at].ioapic_id == ioapic_id))
		at++;
	if (at == acpi->scope_count || pin >= IOMMU_PIN)
		return -EINVAL;
	entry = route(acpi->scopes[at].first, pin | IOMMU_PIN, target);
	if (entry < 0)
		return entry;
	*redirection = flags | driver->redirection((unsigned)entry, target);
	return 0;
}

void iommu_unroute_msi(pci_bdf_t device, unsigned index)
{
	if (!driver || index >= IOMMU_ALL_MSIS)
		return;
	lock_take(&lock);
	driver->unroute(device, index);
	lock_release(&lock);
}

size_t iommu_take_faults(struct iommu_fault *faults, size_t max, bool *lost)
{
	size_t taken;

	*lost = false;
	if (!driver)
		return 0;
	lock_take(&lock);
	taken = driver->take_faults(faults, max, lost);
	lock_release(&lock);
	return taken;
}
