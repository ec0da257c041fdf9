/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rest of the bare machine: time, the physical map, the screen, the way out. */
#ifndef CORE_X86_MACHINE_H
#define CORE_X86_MACHINE_H

#include "lib/types.h"

/* ---- time (x86/tsc.c) ---- */
extern uint64_t tsc_hz; /* after tsc_init(); from CPUID or against the PM timer, else the PIT */
void tsc_init(uint16_t pm_timer_port);
/* Seconds since 1970 by the CMOS clock, read once at boot. */
uint64_t wall_clock_at_boot(void);
void delay_us(uint64_t microseconds);

/* ---- the core's own page tables (x86/paging.c) ---- */
/* All RAM is mapped at PHYSMAP_BASE + address, NX, read-write; the core's image at its link
 * address, text read-only and executable, read-only data, data NX. Pages that a VM owns stay in the
 * map: the core copies to and from them with SMAP's help only through vm_read_memory() and its
 * kind. */
#define PHYSMAP_BASE 0xffff800000000000ULL
#if __STDC_HOSTED__ /* tests have RAM of their own */
void *phys_virt(hpa_t address);
#else
static inline void *phys_virt(hpa_t address)
{
	return (void *)(PHYSMAP_BASE + hpa_value(address));
}
#endif
/* Maps device memory uncached; for good. NULL when the core's tables are full. */
void *map_device(hpa_t start, uint64_t size);

/* ---- screen (x86/screen.c): framebuffer text, until the UI VM owns the display ---- */
struct screen_mode {
	hpa_t base;
	uint32_t width, height, pitch; /* pixels, pixels, bytes */
	uint8_t bits_per_pixel;
	uint8_t red_position, green_position, blue_position;
};
#define SCREEN_VGA_TEXT 0xb8000 /* as a base: VGA's text mode, 80 columns, 25 rows */
void screen_init(const struct screen_mode *mode);
void screen_write(const char *line);
/* Nothing is drawn any more, except by a panic, which takes the screen back. */
void screen_release(void);
/* For the panic: cleared, in another colour, and drawn to again, after what was set to come before
 * (pci/display.h). */
void screen_take_back(void);
void screen_before_take_back(void (*function)(void));

/* ---- serial (x86/serial.c): COM1, 115200 8n1 ---- */
void serial_init(void);
void serial_write(const char *text, size_t size);
/* A byte typed on COM1, or -1. */
int serial_read(void);

/* ---- the way out (x86/power.c) ---- */
struct acpi_info;
void power_init(const struct acpi_info *acpi);
_Noreturn void machine_restart(void);
/* Writes the sleep type that the control VM wrote to PM1 control; returns if the machine does not
 * go off. */
void machine_power_off(uint16_t pm1_control);

#endif
