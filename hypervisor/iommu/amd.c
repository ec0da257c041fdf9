/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AMD-Vi units: one device table for all of them, each with a command ring and an event log of its
 * own (AMD 48882, chapter 2 and 3.4). Commands are complete when the unit has stored the number of
 * a COMPLETION_WAIT; the ring's head register is not looked at.
 */
#include "iommu/amd.h"

#include "iommu/driver.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "memory/frame.h"
#include "pci/vpci.h"
#include "x86/cpu.h"
#include "x86/machine.h"

#define REGISTERS_SIZE	   0x4000
#define REG_DEVICE_TABLE   0x0000
#define REG_COMMAND_BASE   0x0008
#define REG_EVENT_BASE	   0x0010
#define REG_CONTROL	   0x0018
#define REG_EXCLUSION_BASE 0x0020
#define REG_FEATURES	   0x0030
#define REG_COMMAND_HEAD   0x2000
#define REG_COMMAND_TAIL   0x2008
#define REG_EVENT_HEAD	   0x2010
#define REG_EVENT_TAIL	   0x2018
#define REG_STATUS	   0x2020

#define CONTROL_ENABLE	 (1ULL << 0)
#define CONTROL_EVENTS	 (1ULL << 2)
#define CONTROL_COHERENT (1ULL << 10)
#define CONTROL_COMMANDS (1ULL << 12)
/* What firmware knows about the link and we do not: HtTunEn, PassPW, ResPassPW, Isoc. */
#define CONTROL_KEEP (1ULL << 1 | 1ULL << 8 | 1ULL << 9 | 1ULL << 11)

#define STATUS_OVERFLOW	    (1ULL << 0)
#define STATUS_EVENTS_RUN   (1ULL << 3)
#define STATUS_COMMANDS_RUN (1ULL << 4)

#define FEATURE_INVALIDATE_ALL (1ULL << 6)

/* Rings of one page; their length is coded as a power of two of entries. */
#define RING_ENTRIES  256U
#define RING_LENGTH   (8ULL << 56)
#define DTES_PER_PAGE (PAGE_SIZE / sizeof(struct amd_dte))
#define DTES_PER_BUS  256U

static struct unit {
	uint8_t *registers;
	struct amd_command *commands;
	size_t tail;
	struct amd_event *log;
	size_t head;
	uint64_t *done; /* the unit stores the number of the last COMPLETION_WAIT here */
	hpa_t done_at;
	uint64_t waits;
} units[ACPI_MAX_IOMMUS];
static size_t unit_count;

static struct amd_dte *table;
static size_t table_entries;
static bool remap;

static uint64_t get(const struct unit *unit, unsigned at)
{
	return mmio_read64(unit->registers + at);
}

static void set(const struct unit *unit, unsigned at, uint64_t value)
{
	mmio_write64(unit->registers + at, value);
}

/* ---- commands ---- */

/* The ring never fills up: every few commands are waited for. */
static void submit(struct unit *unit, struct amd_command command)
{
	unit->commands[unit->tail] = command;
	unit->tail = (unit->tail + 1) % RING_ENTRIES;
}

static bool wait(struct unit *unit)
{
	uint64_t number = ++unit->waits;

	submit(unit, amd_command_wait(unit->done_at, number));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	set(unit, REG_COMMAND_TAIL, unit->tail * sizeof(struct amd_command));
	return IOMMU_WAIT(__atomic_load_n(unit->done, __ATOMIC_ACQUIRE) == number);
}

void amd_send_all(struct amd_command command)
{
	for (size_t i = 0; i < unit_count; i++) {
		submit(&units[i], command);
		if (!wait(&units[i]))
			core_panic(REASON_IOMMU_STUCK, "AMD-Vi unit %zu, command 0x%lx", i,
				   command.words[0]);
	}
}

/* What firmware, or a kernel before us, made the unit cache. Cached translations are dropped by
 * domain, in amd_flush(), before a domain's number is first used. */
static bool forget_all(struct unit *unit)
{
	if (get(unit, REG_FEATURES) & FEATURE_INVALIDATE_ALL) {
		submit(unit, amd_command_all());
		return wait(unit);
	}
	for (size_t device = 0; device < table_entries; device++) {
		submit(unit, amd_command_device((pci_bdf_t)device));
		submit(unit, amd_command_interrupts((pci_bdf_t)device));
		if (device % 64 == 63 && !wait(unit))
			return false;
	}
	return true;
}

static void amd_flush(uint16_t domain)
{
	amd_send_all(amd_command_pages(domain));
}

/* ---- the device table ---- */

struct amd_dte *amd_dte_of(pci_bdf_t requester)
{
	return requester < table_entries ? &table[requester] : NULL;
}

static void shape(unsigned *levels, unsigned *largest_leaf_shift)
{
	/* Every unit has four levels and all sizes (3.4.9, HATS). */
	*levels = 4;
	*largest_leaf_shift = 30;
}

static void write_dte(pci_bdf_t device, const struct amd_device *now)
{
	struct amd_dte *entry = amd_dte_of(device), value;

	amd_encode_dte(now, &value);
	/* The first word alone opens and shuts; hardware may read between the stores. */
	if (hpa_value(now->root) == 0)
		__atomic_store_n(&entry->words[0], value.words[0], __ATOMIC_RELEASE);
	__atomic_store_n(&entry->words[1], value.words[1], __ATOMIC_RELEASE);
	__atomic_store_n(&entry->words[2], value.words[2], __ATOMIC_RELEASE);
	__atomic_store_n(&entry->words[0], value.words[0], __ATOMIC_RELEASE);
	amd_send_all(amd_command_device(device));
	amd_send_all(amd_command_interrupts(device));
}

static int amd_attach(pci_bdf_t device, const struct iommu_domain *domain)
{
	struct amd_dte *entry = amd_dte_of(device);
	struct amd_device now = {.remap = remap};
	uint16_t old;
	int error;

	if (!entry)
		return -EINVAL;
	old = (uint16_t)entry->words[1];
	now.interrupts = amd_dte_interrupts(entry);
	if (remap && domain && hpa_value(now.interrupts) == 0) {
		error = amd_irq_create(&now.interrupts);
		if (error)
			return error;
	}
	if (old != 0) {
		write_dte(device,
			  &(struct amd_device){.remap = remap, .interrupts = now.interrupts});
		amd_flush(old);
	}
	if (!domain)
		return 0;
	now.root = domain->space.root;
	now.levels = domain->space.levels;
	now.domain = domain->id;
	write_dte(device, &now);
	return 0;
}

/* Entries for all buses there are: 8 KiB each, 2 MiB would be all that can be. */
static int create_table(const struct acpi_info *acpi)
{
	struct amd_dte blocked;
	unsigned last_bus = pci_last_bus();
	hpa_t frames;

	for (size_t i = 0; i < acpi->scope_count; i++)
		if (acpi->scopes[i].ioapic && acpi->scopes[i].first >> 8 > last_bus)
			last_bus = acpi->scopes[i].first >> 8;
	table_entries = (last_bus + 1) * DTES_PER_BUS;
	frames = frame_alloc_many(table_entries / DTES_PER_PAGE);
	if (hpa_value(frames) == 0)
		return -ENOMEM;
	table = frame_virt(frames);
	amd_encode_dte(&(struct amd_device){.remap = remap}, &blocked);
	for (size_t i = 0; i < table_entries; i++)
		table[i] = blocked;
	for (size_t i = 0; i < unit_count; i++)
		set(&units[i], REG_DEVICE_TABLE,
		    hpa_value(frames) | (table_entries / DTES_PER_PAGE - 1));
	return 0;
}

/* ---- units ---- */

/* Stops a unit that firmware, or a kernel that handed over, may have left on. */
static int stop_unit(struct unit *unit)
{
	uint64_t control = get(unit, REG_CONTROL);

	set(unit, REG_CONTROL, control & (CONTROL_KEEP | CONTROL_ENABLE));
	if (!IOMMU_WAIT(!(get(unit, REG_STATUS) & (STATUS_EVENTS_RUN | STATUS_COMMANDS_RUN))))
		return -EIO;
	set(unit, REG_CONTROL, control & CONTROL_KEEP);
	return 0;
}

static void start_log(struct unit *unit)
{
	memset(unit->log, 0, PAGE_SIZE);
	unit->head = 0;
	set(unit, REG_EVENT_HEAD, 0);
	set(unit, REG_EVENT_TAIL, 0);
	set(unit, REG_STATUS, STATUS_OVERFLOW); /* cleared by a one */
	set(unit, REG_CONTROL, get(unit, REG_CONTROL) | CONTROL_EVENTS);
}

static int prepare_unit(struct unit *unit, hpa_t registers, hpa_t done_at)
{
	hpa_t commands = frame_alloc(), log = frame_alloc();

	unit->registers = map_device(registers, REGISTERS_SIZE);
	if (!unit->registers || hpa_value(commands) == 0 || hpa_value(log) == 0)
		return -ENOMEM;
	unit->commands = frame_virt(commands);
	unit->log = frame_virt(log);
	unit->done_at = done_at;
	unit->done = frame_virt(done_at);
	if (get(unit, REG_CONTROL) == ~0ULL || stop_unit(unit) != 0)
		return -EIO;
	set(unit, REG_EXCLUSION_BASE, 0);
	set(unit, REG_COMMAND_BASE, hpa_value(commands) | RING_LENGTH);
	set(unit, REG_COMMAND_HEAD, 0);
	set(unit, REG_COMMAND_TAIL, 0);
	set(unit, REG_EVENT_BASE, hpa_value(log) | RING_LENGTH);
	return 0;
}

static int start_unit(struct unit *unit)
{
	uint64_t control = get(unit, REG_CONTROL) & CONTROL_KEEP;

	control |= CONTROL_ENABLE | CONTROL_COHERENT | CONTROL_COMMANDS;
	set(unit, REG_CONTROL, control);
	start_log(unit);
	return forget_all(unit) ? 0 : -EIO;
}

static int amd_init(const struct acpi_info *acpi, struct iommu_caps *caps)
{
	hpa_t done = frame_alloc();
	int error;

	if (hpa_value(done) == 0)
		return -ENOMEM;
	for (size_t i = 0; i < acpi->iommu_count; i++) {
		error = prepare_unit(&units[i], acpi->iommus[i].base,
				     hpa(hpa_value(done) + i * sizeof(uint64_t)));
		if (error)
			return error;
		unit_count++;
	}
	remap = iommu_knows_ioapics(acpi);
	error = create_table(acpi);
	if (!error && remap)
		error = amd_irq_init(acpi);
	for (size_t i = 0; !error && i < unit_count; i++)
		error = start_unit(&units[i]);
	caps->dma = true;
	caps->interrupts = remap;
	return error;
}

/* ---- faults ---- */

static void restart_log(struct unit *unit)
{
	set(unit, REG_CONTROL, get(unit, REG_CONTROL) & ~CONTROL_EVENTS);
	if (!IOMMU_WAIT(!(get(unit, REG_STATUS) & STATUS_EVENTS_RUN)))
		core_panic(REASON_IOMMU_STUCK, "an AMD-Vi unit's event log does not stop");
	start_log(unit);
}

static size_t amd_take_faults(struct iommu_fault *faults, size_t max, bool *lost)
{
	struct amd_event event;
	size_t taken = 0;

	for (size_t i = 0; i < unit_count; i++) {
		struct unit *unit = &units[i];
		size_t before = unit->head;

		while (taken < max &&
		       amd_log_take(unit->log, RING_ENTRIES, &unit->head, &event, 1) == 1) {
			if (amd_decode_event(&event, &faults[taken]))
				taken++;
			else
				log_line("AMD-Vi unit %zu: event 0x%lx 0x%lx", i, event.words[0],
					 event.words[1]);
		}
		if (unit->head != before)
			set(unit, REG_EVENT_HEAD, unit->head * sizeof(event));
		if (taken < max && get(unit, REG_STATUS) & STATUS_OVERFLOW) {
			*lost = true;
			restart_log(unit);
		}
	}
	return taken;
}

const struct iommu_driver amd_driver = {
	.name = "AMD-Vi",
	.format = &table_format_amdvi,
	.init = amd_init,
	.shape = shape,
	.flush = amd_flush,
	.attach = amd_attach,
	.route = amd_route,
	.unroute = amd_unroute,
	.message = amd_message,
	.redirection = amd_redirection,
	.take_faults = amd_take_faults,
};
