/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which value of PM1 control's SLP_TYP means power-off (ACPI 6.4, 7.4.2): the firmware says it in
 * AML, as the constant package \_S5. The core runs no AML; it looks for that one name. Pure.
 */
#ifndef CORE_ACPI_SLEEP_H
#define CORE_ACPI_SLEEP_H

#include "lib/types.h"

/* The type for PM1a, 0 to 7; -ENOENT if the table does not say it as a constant. */
int acpi_find_power_off(const uint8_t *untrusted_aml, size_t size);

#endif
