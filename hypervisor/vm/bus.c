/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bus function of each VM (include/mullion/bus.h): its configuration space, its registers, its
 * MSI-X table, and the VM's console. Nothing of it is hardware: the MSI-X messages are the VM's own
 * and only ever go to the VM itself, through vm_send_msi().
 *
 * Locks: one a function, inside vm->lock; taken by any CPU (a ring comes from another VM).
 */
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "pci/vpci.h"
#include "vm/hypercall.h"

#define COMMAND_MEMORY	    (1U << 1)
#define COMMAND_BUS_MASTER  (1U << 2)
#define COMMAND_NO_INTX	    (1U << 10)
#define STATUS_CAPABILITIES (1U << 20) /* of the word with the command */

#define CAPABILITY_MSIX	   0x40
#define MSIX_ENABLE	   (1U << 31) /* of the capability's first word */
#define MSIX_FUNCTION_MASK (1U << 30)
#define ENTRY_MASKED	   1U

#define CONSOLE_LINE 160

struct bus {
	struct vm *vm;
	struct lock lock;
	uint16_t bdf;
	uint32_t window; /* where BAR 0 is */
	/* What the VM can change; all of it is reset with the VM. */
	uint32_t bar, command, line_register, msix;
	uint32_t entries[MULLION_BUS_DOORBELLS][4]; /* address, address high, data, control */
	uint32_t pending;
	char line[CONSOLE_LINE + 1];
	size_t line_length;
};

static struct bus buses[VM_MAX];

/* ---- interrupts; all with the lock held ---- */

/* Sends what is pending and may be sent. */
static void send_pending(struct bus *bus)
{
	if (!(bus->msix & MSIX_ENABLE) || !(bus->command & COMMAND_BUS_MASTER) ||
	    bus->msix & MSIX_FUNCTION_MASK)
		return;
	for (unsigned n = 0; bus->pending && n < MULLION_BUS_DOORBELLS; n++) {
		const uint32_t *entry = bus->entries[n];

		if (!(bus->pending & 1U << n) || entry[3] & ENTRY_MASKED)
			continue;
		bus->pending &= ~(1U << n);
		vm_send_msi(bus->vm, (uint64_t)entry[1] << 32 | entry[0], entry[2]);
	}
}

void bus_ring(struct vm *vm, uint32_t bell)
{
	struct bus *bus = vm->bus;

	lock_take(&bus->lock);
	if (bus->msix & MSIX_ENABLE && bus->command & COMMAND_BUS_MASTER) {
		bus->pending |= 1U << bell;
		send_pending(bus);
	}
	lock_release(&bus->lock);
}

/* ---- configuration space ---- */

static uint32_t config_word(const struct bus *bus, unsigned word)
{
	switch (word * 4) {
	case 0x00:
	case 0x2c:
		return MULLION_BUS_VENDOR | MULLION_BUS_DEVICE << 16;
	case 0x04:
		return bus->command | STATUS_CAPABILITIES;
	case 0x08:
		return (uint32_t)MULLION_BUS_CLASS << 8 | 1;
	case 0x10:
		return bus->bar;
	case 0x34:
		return CAPABILITY_MSIX;
	case 0x3c:
		return bus->line_register;
	case CAPABILITY_MSIX:
		return bus->msix | (MULLION_BUS_DOORBELLS - 1) << 16 | 0x11; /* the last one */
	case CAPABILITY_MSIX + 4:
		return MULLION_BUS_MSIX;
	case CAPABILITY_MSIX + 8:
		return MULLION_BUS_PENDING;
	default:
		return 0;
	}
}

static void set_config_word(struct bus *bus, unsigned word, uint32_t value)
{
	switch (word * 4) {
	case 0x04:
		bus->command = value & (COMMAND_MEMORY | COMMAND_BUS_MASTER | COMMAND_NO_INTX);
		break;
	case 0x10:
		bus->bar = value & ~(MULLION_BUS_SIZE - 1U);
		break;
	case 0x3c:
		bus->line_register = value & 0xff;
		break;
	case CAPABILITY_MSIX:
		bus->msix = value & (MSIX_ENABLE | MSIX_FUNCTION_MASK);
		break;
	}
	send_pending(bus);
}

static uint32_t bus_config(void *data, unsigned offset, unsigned size, bool write, uint32_t value)
{
	uint32_t mask = size == 4 ? ~0U : (1U << size * 8) - 1;
	unsigned shift = offset % 4 * 8;
	struct bus *bus = data;
	uint32_t old;

	lock_take(&bus->lock);
	old = config_word(bus, offset / 4);
	if (write)
		set_config_word(bus, offset / 4,
				(old & ~(mask << shift)) | (value & mask) << shift);
	lock_release(&bus->lock);
	return old >> shift & mask;
}

/* ---- BAR 0 ---- */

static uint32_t read_register(const struct bus *bus, uint64_t offset)
{
	switch (offset) {
	case MULLION_BUS_REG_MAGIC:
		return MULLION_BUS_MAGIC;
	case MULLION_BUS_REG_VERSION:
		return MULLION_ABI_VERSION;
	case MULLION_BUS_REG_FEATURES:
		return hypercall_features(bus->vm);
	case MULLION_BUS_REG_VM:
		return bus->vm->number;
	case MULLION_BUS_REG_KIND:
		return bus->vm->kind;
	case MULLION_BUS_REG_DOORBELLS:
		return MULLION_BUS_DOORBELLS;
	case MULLION_BUS_REG_VMS:
		return VM_MAX;
	case MULLION_BUS_PENDING:
		return bus->pending;
	default:
		return 0;
	}
}

static void write_register(struct bus *bus, uint64_t offset, uint64_t untrusted_bell)
{
	struct vm *target;

	if (offset < MULLION_BUS_REG_RING(0) || offset >= MULLION_BUS_REG_RING_END)
		return;
	target = hypercall_vm((offset - MULLION_BUS_REG_RING(0)) / 4);
	if (target && untrusted_bell < MULLION_BUS_DOORBELLS)
		bus_ring(target, (uint32_t)untrusted_bell);
	else
		counter_add(bus->vm, COUNTER_BAD_HYPERCALLS, 1);
}

/* words: 1, or 2 for an access of 8 bytes, which is aligned and thus within one entry. */
static void access_entry(struct bus *bus, uint64_t offset, unsigned words, bool write,
			 uint64_t *value)
{
	/* What a VM can set in each word of an entry. */
	static const uint32_t writable[4] = {~3U, ~0U, ~0U, ENTRY_MASKED};
	uint32_t *entry = bus->entries[offset / 16];
	unsigned word = offset % 16 / 4;

	lock_take(&bus->lock);
	if (write) {
		for (unsigned i = 0; i < words; i++)
			entry[word + i] = (uint32_t)(*value >> 32 * i) & writable[word + i];
		send_pending(bus);
	} else {
		*value = entry[word];
		if (words == 2)
			*value |= (uint64_t)entry[word + 1] << 32;
	}
	lock_release(&bus->lock);
}

static int bus_access(struct vcpu *vcpu, void *data, uint64_t offset, unsigned size, bool write,
		      uint64_t *value)
{
	uint64_t in_table = offset - MULLION_BUS_MSIX;
	struct bus *bus = data;

	(void)vcpu;
	if ((size == 4 || size == 8) && offset % size == 0 && in_table < sizeof(bus->entries)) {
		access_entry(bus, in_table, size / 4, write, value);
		return 0;
	}
	if (!write)
		*value = size == 4 && offset % 4 == 0 ? read_register(bus, offset) : 0;
	else if (size == 4 && offset % 4 == 0)
		write_register(bus, offset, *value);
	return 0;
}

/* ---- the console ---- */

size_t bus_console_take(struct bus *bus, const char *untrusted_text, size_t size)
{
	bool ended = false;
	size_t taken = 0;

	lock_take(&bus->lock);
	while (taken < size && !ended) {
		char c = untrusted_text[taken++];

		if (c == '\n')
			ended = true;
		else if (c != '\r')
			bus->line[bus->line_length++] =
				(c >= ' ' && c < 0x7f) || c == '\t' ? c : '?';
		ended |= bus->line_length == CONSOLE_LINE;
	}
	if (ended && bus->line_length) {
		bus->line[bus->line_length] = 0;
		bus->line_length = 0;
		log_line("[%s] %s", bus->vm->name, bus->line);
	}
	lock_release(&bus->lock);
	return taken;
}

/* ---- life ---- */

void bus_reset(struct vm *vm)
{
	struct bus *bus = vm->bus;

	lock_take(&bus->lock);
	bus->bar = bus->window;
	bus->command = COMMAND_MEMORY;
	bus->line_register = 0;
	bus->msix = 0;
	bus->pending = 0;
	bus->line_length = 0;
	memset(bus->entries, 0, sizeof(bus->entries));
	for (unsigned n = 0; n < MULLION_BUS_DOORBELLS; n++)
		bus->entries[n][3] = ENTRY_MASKED;
	lock_release(&bus->lock);
}

int bus_create(struct vm *vm)
{
	struct bus *bus = &buses[vm->number];
	gpa_t window;
	int error;

	bus->vm = vm;
	vm->bus = bus;
	error = vpci_find_free(vm, &bus->bdf, MULLION_BUS_SIZE, &window);
	if (!error)
		error = vm_add_mmio(vm, window, MULLION_BUS_SIZE, bus_access, bus, "bus");
	if (!error)
		error = vpci_add_emulated(vm, bus->bdf, bus_config, bus);
	if (error)
		return error;
	bus->window = (uint32_t)gpa_value(window);
	bus_reset(vm);
	log_line("%s: bus function at %02x:%02x.%x, registers at %llx", vm->name, bus->bdf >> 8,
		 bus->bdf >> 3 & 0x1f, bus->bdf & 7, (unsigned long long)gpa_value(window));
	return 0;
}
