/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM's IOAPIC: pins of physical interrupts it owns, everything else unconnected. Pure; the
 * effects are callbacks. Source: Intel 82093AA data sheet; ICH9 data sheet, 13.5.
 *
 * Locks: the caller holds the VM's lock.
 */
#ifndef CORE_VM_VIOAPIC_H
#define CORE_VM_VIOAPIC_H

#include "lib/types.h"

#define VIOAPIC_PINS 24

struct vioapic_callbacks {
	/* The entry of a pin was changed (as stored: read-only bits cleared). */
	void (*changed)(void *user, unsigned pin, uint64_t redirection);
	/* A level interrupt of the pin was acknowledged, or the pin is for edges now. */
	void (*ended)(void *user, unsigned pin);
};

struct vioapic {
	const struct vioapic_callbacks *callbacks;
	void *user;
	uint8_t id;
	uint8_t select;
	uint64_t redirection[VIOAPIC_PINS];
};

void vioapic_reset(struct vioapic *ioapic, uint8_t id, const struct vioapic_callbacks *callbacks,
		   void *user);
/* The register window (offset 0x00 index, 0x10 data, 0x40 EOI). Others: -EFAULT. */
int vioapic_read(struct vioapic *ioapic, uint32_t offset, uint32_t *value);
int vioapic_write(struct vioapic *ioapic, uint32_t offset, uint32_t value);

/* A pin's interrupt reached its vCPU: sets remote IRR if it is level. Returns the message as an
 * MSI; false when the entry is masked. */
bool vioapic_message(struct vioapic *ioapic, unsigned pin, uint64_t *address, uint32_t *data);
/* A vCPU acknowledged a level interrupt of this vector: ends every pin with remote IRR and it. */
void vioapic_end(struct vioapic *ioapic, uint8_t vector);

#endif
