/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's stand-in for host-run tests; stub.h says what it does. */
#include "stub.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "memory/frame.h"
#include "memory/owner.h"
#include "x86/machine.h"

static uint64_t ram_start;
static size_t ram_size;
static unsigned char *ram;

jmp_buf stub_panic_jump;
bool stub_panic_armed;
enum reason stub_panic_reason;
char stub_panic_text[256];

bool stub_log_print;
size_t stub_log_lines, stub_log_warnings;
enum reason stub_log_reason;
char stub_log_text[256];

void stub_ram_finish(void)
{
	if (ram)
		munmap(ram, ram_size);
	ram = NULL;
	ram_size = 0;
}

void stub_ram_init(uint64_t start, size_t size)
{
	stub_ram_finish();
	ram_start = start;
	ram_size = size;
	ram = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		   -1, 0);
	if (ram == MAP_FAILED) {
		perror("mmap");
		abort();
	}
}

void stub_pool_init(uint64_t start, size_t size)
{
	stub_ram_init(start, size);
	frame_init(hpa(start), size);
	owner_init();
}

void *phys_virt(hpa_t address)
{
	CORE_ASSERT(hpa_value(address) - ram_start < ram_size);
	return ram + (hpa_value(address) - ram_start);
}

static void note(const char *kind, unsigned code, const char *format, va_list arguments)
{
	vsnprintf(stub_log_text, sizeof(stub_log_text), format, arguments);
	if (stub_log_print)
		fprintf(stderr, "%s %u: %s\n", kind, code, stub_log_text);
}

void log_line(const char *format, ...)
{
	va_list arguments;

	stub_log_lines++;
	va_start(arguments, format);
	note("line", 0, format, arguments);
	va_end(arguments);
}

void log_warning(enum reason reason, const char *format, ...)
{
	va_list arguments;

	stub_log_warnings++;
	stub_log_reason = reason;
	va_start(arguments, format);
	note("warning", reason, format, arguments);
	va_end(arguments);
}

void core_panic(enum reason reason, const char *format, ...)
{
	va_list arguments;

	stub_panic_reason = reason;
	va_start(arguments, format);
	vsnprintf(stub_panic_text, sizeof(stub_panic_text), format, arguments);
	va_end(arguments);
	if (stub_panic_armed) {
		stub_panic_armed = false;
		longjmp(stub_panic_jump, 1);
	}
	fprintf(stderr, "panic %d: %s\n", (int)reason, stub_panic_text);
	abort();
}
