/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes ACPI tables and the AML in them (ACPI 6.4, 6.4 and chapter 20) to a buffer. What does not
 * fit is left out and remembered: look at full at the end. Private to acpi/.
 */
#ifndef CORE_ACPI_AML_H
#define CORE_ACPI_AML_H

#include "lib/types.h"

struct aml {
	uint8_t *buffer;
	size_t size, used;
	bool full;
};

void aml_bytes(struct aml *aml, const void *bytes, size_t size);
/* The lower size bytes. */
void aml_number(struct aml *aml, uint64_t value, unsigned size);
/* Zeros, and up to a multiple of a power of two. */
void aml_zeros(struct aml *aml, size_t size);
void aml_align(struct aml *aml, size_t alignment);

/* A table: its header, and at its end its length and checksum. */
size_t aml_begin_table(struct aml *aml, const char *signature, uint8_t revision);
void aml_end_table(struct aml *aml, size_t table);
/* Makes the sum of size bytes zero by the one at checksum; start and checksum are offsets. */
void aml_seal(struct aml *aml, size_t start, size_t size, size_t checksum);

/* Objects with a length; head is what stands between that and the content: a scope's path, a
 * device's name of 4 letters, a package's count in one byte. Returns what aml_close() wants. */
enum aml_object { AML_SCOPE = 0x10, AML_BUFFER = 0x11, AML_PACKAGE = 0x12, AML_DEVICE = 0x825b };
size_t aml_open(struct aml *aml, enum aml_object object, const char *head);
void aml_close(struct aml *aml, size_t object);

/* Name (NAME, what is written next), of 4 letters; and what may be next. */
void aml_name(struct aml *aml, const char *name);
void aml_integer(struct aml *aml, uint8_t value);
void aml_pnp_id(struct aml *aml, uint16_t product); /* PNPxxxx */

/* Name (_CRS, a buffer of resources). */
enum aml_space { AML_MEMORY, AML_IO, AML_BUS };
size_t aml_open_resources(struct aml *aml);
void aml_close_resources(struct aml *aml, size_t resources);
void aml_io_port(struct aml *aml, uint16_t port, uint8_t count);
void aml_irq(struct aml *aml, unsigned irq);
/* Fixed; in fields of width bytes (2, 4, 8), where first and last must fit. Produced: for what is
 * behind a bridge, else for the device itself. */
void aml_address_space(struct aml *aml, enum aml_space space, unsigned width, bool produced,
		       uint64_t first, uint64_t last);

#endif
