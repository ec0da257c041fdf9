/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VT-d units (Intel VT-d specification, chapters 6, 10 and 11), in legacy mode. All units share one
 * root table and one interrupt table, so that it does not matter which one a device is under; each
 * has an invalidation queue and fault records of its own.
 */
#include "iommu/vtd.h"

#include "iommu/driver.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "memory/frame.h"
#include "x86/cpu.h"
#include "x86/machine.h"

#define REG_CAP		  0x08
#define REG_ECAP	  0x10
#define REG_COMMAND	  0x18
#define REG_STATUS	  0x1c
#define REG_ROOT	  0x20
#define REG_FAULT_STATUS  0x34
#define REG_FAULT_CONTROL 0x38
#define REG_PROTECTED	  0x64 /* protected memory: firmware's protection before ours */
#define REG_QUEUE_HEAD	  0x80
#define REG_QUEUE_TAIL	  0x88
#define REG_QUEUE	  0x90
#define REG_INTERRUPTS	  0xb8
#define INTERRUPTS_X2APIC (1ULL << 11)

/* Bits of the command register, and of the status register where they show. */
#define GLOBAL_TRANSLATION (1U << 31)
#define GLOBAL_ROOT	   (1U << 30) /* one-shot */
#define GLOBAL_QUEUE	   (1U << 26)
#define GLOBAL_INTERRUPTS  (1U << 25)
#define GLOBAL_TABLE	   (1U << 24) /* one-shot */
#define GLOBAL_COMPATIBLE  (1U << 23)
#define GLOBAL_LASTING	   (GLOBAL_TRANSLATION | GLOBAL_QUEUE | GLOBAL_INTERRUPTS | GLOBAL_COMPATIBLE)

#define FAULT_OVERFLOW	    (1U << 0)
#define FAULT_PENDING	    (1U << 1)
#define FAULT_FIRST(status) ((status) >> 8 & 0xff)
#define FAULT_STATUS_CLEAR  0x7dU /* all that a one clears */
#define FAULT_QUEUE_ERRORS  0x70U
#define FAULT_MASKED	    (1U << 31)
#define RECORD_CLEAR	    (1U << 31) /* of a record's last 32 bits */

#define PROTECTED_ENABLE (1U << 31)
#define PROTECTED_STATUS (1U << 0)

#define QUEUE_ENTRIES 256U /* one page */

#define APIC_BASE_X2APIC (1ULL << 10)

static struct unit {
	uint8_t *registers;
	struct vtd_features features;
	struct vtd_entry *queue;
	hpa_t queue_at;
	size_t tail;
	uint32_t *done; /* the unit stores the number of the last wait here */
	hpa_t done_at;
	uint32_t waits;
} units[ACPI_MAX_IOMMUS];
static size_t unit_count;

static struct vtd_entry *root_table;
static hpa_t root_table_at;
static bool coherent = true;
static unsigned all_levels = 4, all_leaf_shift = 30;
static unsigned all_domains = 1U << 16;

static uint32_t get(const struct unit *unit, unsigned at)
{
	return mmio_read32(unit->registers + at);
}

static void set(const struct unit *unit, unsigned at, uint32_t value)
{
	mmio_write32(unit->registers + at, value);
}

static uint64_t get64(const struct unit *unit, unsigned at)
{
	return mmio_read64(unit->registers + at);
}

static void set64(const struct unit *unit, unsigned at, uint64_t value)
{
	mmio_write64(unit->registers + at, value);
}

static void write_back(const void *start, size_t size)
{
	const char *line = (const char *)align_down((uint64_t)start, 64);

	for (; line < (const char *)start + size; line += 64)
		__asm__ volatile("clflush %0" : : "m"(*line) : "memory");
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void vtd_publish(const void *start, size_t size)
{
	if (!coherent)
		write_back(start, size);
}

/* ---- the invalidation queue ---- */

static void submit(struct unit *unit, struct vtd_entry descriptor)
{
	unit->queue[unit->tail] = descriptor;
	unit->tail = (unit->tail + 1) % QUEUE_ENTRIES;
}

/* Sends one descriptor, and a wait, so that the queue never fills up. */
static bool send(struct unit *unit, struct vtd_entry descriptor)
{
	uint32_t number = ++unit->waits;

	submit(unit, descriptor);
	submit(unit, vtd_wait(unit->done_at, number));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	set64(unit, REG_QUEUE_TAIL, unit->tail * sizeof(struct vtd_entry));
	return IOMMU_WAIT(__atomic_load_n(unit->done, __ATOMIC_ACQUIRE) == number);
}

void vtd_send_all(struct vtd_entry descriptor)
{
	for (size_t i = 0; i < unit_count; i++)
		if (!send(&units[i], descriptor))
			core_panic(REASON_IOMMU_STUCK, "VT-d unit %zu, descriptor 0x%lx, faults %x",
				   i, descriptor.low, get(&units[i], REG_FAULT_STATUS));
}

static void vtd_flush(uint16_t domain)
{
	vtd_send_all(vtd_invalidate_domain(domain));
}

/* ---- devices ---- */

static void shape(unsigned *levels, unsigned *largest_leaf_shift)
{
	*levels = all_levels;
	*largest_leaf_shift = all_leaf_shift;
}

static void write_entry(struct vtd_entry *entry, struct vtd_entry value)
{
	/* The low half makes it present. */
	__atomic_store_n(&entry->high, value.high, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->low, value.low, __ATOMIC_RELEASE);
	vtd_publish(entry, sizeof(*entry));
}

static int vtd_attach(pci_bdf_t device, const struct iommu_domain *domain)
{
	struct vtd_entry *bus = &root_table[device >> 8], *entry;
	hpa_t contexts = vtd_entry_target(bus);

	if (domain && domain->id >= all_domains)
		return -EINVAL;
	if (hpa_value(contexts) == 0 && !domain)
		return 0;
	if (hpa_value(contexts) == 0) {
		contexts = frame_alloc();
		if (hpa_value(contexts) == 0)
			return -ENOMEM;
		vtd_publish(frame_virt(contexts), PAGE_SIZE);
		write_entry(bus, vtd_encode_root(contexts));
	}
	entry = (struct vtd_entry *)frame_virt(contexts) + (device & 0xff);
	if (hpa_value(vtd_entry_target(entry)) != 0) {
		uint16_t old = (uint16_t)(entry->high >> 8);

		__atomic_store_n(&entry->low, 0, __ATOMIC_RELEASE);
		vtd_publish(entry, sizeof(*entry));
		vtd_send_all(vtd_invalidate_contexts());
		vtd_flush(old);
	}
	if (domain) {
		write_entry(entry, vtd_encode_context(domain->space.root, domain->space.levels,
						      domain->id));
		vtd_send_all(vtd_invalidate_contexts());
		vtd_flush(domain->id);
	}
	return 0;
}

/* ---- units ---- */

/* Gives a command and waits until the status shows it: bits set or clear. */
static bool command(const struct unit *unit, uint32_t bits, bool on)
{
	uint32_t now = get(unit, REG_STATUS) & GLOBAL_LASTING;

	set(unit, REG_COMMAND, on ? now | bits : now & ~bits);
	return IOMMU_WAIT((get(unit, REG_STATUS) & bits) == (on ? bits : 0));
}

/* Stops a unit that firmware, or a kernel that handed over, may have left on. */
static bool stop_unit(const struct unit *unit)
{
	uint32_t status = get(unit, REG_STATUS);

	if (status & GLOBAL_TRANSLATION && !command(unit, GLOBAL_TRANSLATION, false))
		return false;
	if (status & GLOBAL_INTERRUPTS && !command(unit, GLOBAL_INTERRUPTS, false))
		return false;
	if (!(status & GLOBAL_QUEUE))
		return true;
	/* With an error the queue has stopped, and does not come to its end. */
	(void)IOMMU_WAIT(get64(unit, REG_QUEUE_HEAD) == get64(unit, REG_QUEUE_TAIL) ||
			 get(unit, REG_FAULT_STATUS) & FAULT_QUEUE_ERRORS);
	return command(unit, GLOBAL_QUEUE, false);
}

/* Looks at a unit and narrows what all of them can. */
static int prepare_unit(struct unit *unit, hpa_t registers)
{
	struct vtd_features *features = &unit->features;
	uint64_t end;

	unit->registers = map_device(registers, PAGE_SIZE);
	if (!unit->registers)
		return -ENOMEM;
	if (get64(unit, REG_CAP) == ~0ULL)
		return -EIO;
	vtd_decode_features(get64(unit, REG_CAP), get64(unit, REG_ECAP), features);
	if (!features->queue || features->caching_mode || features->write_buffer ||
	    (!features->three_levels && !features->four_levels)) {
		log_line("VT-d unit at 0x%lx: features 0x%lx 0x%lx are not enough",
			 hpa_value(registers), get64(unit, REG_CAP), get64(unit, REG_ECAP));
		return -EIO;
	}
	end = features->fault_offset + features->fault_count * 16ULL;
	if (end > PAGE_SIZE)
		unit->registers = map_device(registers, end);
	if (!unit->registers)
		return -ENOMEM;
	if (!features->four_levels)
		all_levels = 3;
	if (features->largest_leaf_shift < all_leaf_shift)
		all_leaf_shift = features->largest_leaf_shift;
	if (features->domains < all_domains)
		all_domains = features->domains;
	if (!features->coherent)
		coherent = false;
	return stop_unit(unit) ? 0 : -EIO;
}

static int allocate(struct unit *unit, hpa_t done_at)
{
	unit->queue_at = frame_alloc();
	if (hpa_value(unit->queue_at) == 0)
		return -ENOMEM;
	unit->queue = frame_virt(unit->queue_at);
	unit->done_at = done_at;
	unit->done = frame_virt(done_at);
	return 0;
}

static void clear_faults(struct unit *unit)
{
	for (unsigned i = 0; i < unit->features.fault_count; i++)
		set(unit, unit->features.fault_offset + i * 16 + 12, RECORD_CLEAR);
	set(unit, REG_FAULT_STATUS, FAULT_STATUS_CLEAR);
}

static int start_unit(struct unit *unit, uint64_t interrupts)
{
	set(unit, REG_FAULT_CONTROL, FAULT_MASKED); /* faults are fetched, not announced */
	clear_faults(unit);

	set64(unit, REG_ROOT, hpa_value(root_table_at));
	set64(unit, REG_QUEUE_TAIL, 0);
	set64(unit, REG_QUEUE, hpa_value(unit->queue_at));
	if (!command(unit, GLOBAL_ROOT, true) || !command(unit, GLOBAL_QUEUE, true) ||
	    !send(unit, vtd_invalidate_contexts()) || !send(unit, vtd_invalidate_all()))
		return -EIO;
	if (interrupts != 0) {
		set64(unit, REG_INTERRUPTS, interrupts);
		if (!command(unit, GLOBAL_TABLE, true) ||
		    !send(unit, vtd_invalidate_interrupts()) ||
		    !command(unit, GLOBAL_COMPATIBLE, false) ||
		    !command(unit, GLOBAL_INTERRUPTS, true))
			return -EIO;
	}
	if (!command(unit, GLOBAL_TRANSLATION, true))
		return -EIO;
	if (get(unit, REG_PROTECTED) & PROTECTED_STATUS) {
		set(unit, REG_PROTECTED, get(unit, REG_PROTECTED) & ~PROTECTED_ENABLE);
		if (!IOMMU_WAIT(!(get(unit, REG_PROTECTED) & PROTECTED_STATUS)))
			return -EIO;
	}
	return 0;
}

static int vtd_init(const struct acpi_info *acpi, struct iommu_caps *caps)
{
	hpa_t done = frame_alloc();
	bool remap = acpi->dmar_interrupt_remapping && iommu_knows_ioapics(acpi);
	bool x2apic = rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC;
	uint64_t interrupts = 0;
	int error = 0;

	root_table_at = frame_alloc();
	if (hpa_value(done) == 0 || hpa_value(root_table_at) == 0)
		return -ENOMEM;
	root_table = frame_virt(root_table_at);
	for (size_t i = 0; i < acpi->iommu_count; i++) {
		error = prepare_unit(&units[i], acpi->iommus[i].base);
		if (!error)
			error = allocate(&units[i], hpa(hpa_value(done) + i * sizeof(uint64_t)));
		if (error)
			return error;
		remap = remap && units[i].features.interrupts;
		x2apic = x2apic && units[i].features.x2apic;
	}
	for (size_t i = 0; i < acpi->iommu_count; i++)
		if (all_levels == 3 && !units[i].features.three_levels)
			return -EIO;
	vtd_publish(root_table, PAGE_SIZE);
	if (remap)
		error = vtd_irq_init(x2apic, &interrupts);
	if (x2apic && interrupts != 0)
		interrupts |= INTERRUPTS_X2APIC;
	for (size_t i = 0; !error && i < acpi->iommu_count; i++) {
		error = start_unit(&units[i], interrupts);
		unit_count++;
	}
	caps->dma = true;
	caps->interrupts = remap;
	return error;
}

/* ---- faults ---- */

static size_t vtd_take_faults(struct iommu_fault *faults, size_t max, bool *lost)
{
	size_t taken = 0;

	for (size_t i = 0; i < unit_count; i++) {
		struct unit *unit = &units[i];
		const struct vtd_features *features = &unit->features;
		uint32_t status = get(unit, REG_FAULT_STATUS);
		unsigned n = FAULT_FIRST(status);

		/* From the oldest on, round and round, until one is empty. */
		while (status & FAULT_PENDING && n < features->fault_count && taken < max) {
			unsigned at = features->fault_offset + n * 16;
			struct vtd_entry record = {get64(unit, at), get64(unit, at + 8)};

			if (!vtd_decode_fault(&record, &faults[taken]))
				break;
			taken++;
			set(unit, at + 12, RECORD_CLEAR);
			n = (n + 1) % features->fault_count;
		}
		if (taken < max && status & FAULT_OVERFLOW) {
			*lost = true;
			clear_faults(unit);
		}
	}
	return taken;
}

const struct iommu_driver vtd_driver = {
	.name = "VT-d",
	.format = &table_format_vtd,
	.init = vtd_init,
	.shape = shape,
	.write_back = vtd_publish,
	.flush = vtd_flush,
	.attach = vtd_attach,
	.route = vtd_route,
	.unroute = vtd_unroute,
	.message = vtd_encode_message,
	.redirection = vtd_encode_redirection,
	.take_faults = vtd_take_faults,
};
