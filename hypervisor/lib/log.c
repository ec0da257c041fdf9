/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log lines, to serial and to the screen. */
#include "lib/log.h"

#include "lib/format.h"
#include "x86/cpu.h"
#include "x86/machine.h"
#include "x86/panic.h"

#define LINE_SIZE 256
/* How often a CPU that reports a panic asks for the lock before it writes without it. */
#define BREAK_AFTER 10000000u

static uint32_t held;

static void take(void)
{
	unsigned tries = 0;

	while (__atomic_exchange_n(&held, 1, __ATOMIC_ACQUIRE) != 0) {
		cpu_pause();
		if (panic_is_mine() && ++tries > BREAK_AFTER)
			return;
	}
}

static void write_line(const char *format, va_list arguments)
{
	static char line[LINE_SIZE];
	uint64_t tsc, seconds = 0, microseconds = 0;
	size_t length;

	/* Under the lock, so that the times of lines rise. */
	take();
	tsc = rdtsc();
	if (tsc_hz != 0) {
		seconds = tsc / tsc_hz;
		microseconds = tsc % tsc_hz * 1000 / (tsc_hz / 1000);
	}
	length = format_text(line, sizeof(line) - 1, "[%5lu.%06lu] core: ", seconds, microseconds);
	length += format_text_va(line + length, sizeof(line) - 1 - length, format, arguments);
	line[length] = '\n';
	serial_write(line, length + 1);
	line[length] = '\0';
	screen_write(line);
	__atomic_store_n(&held, 0, __ATOMIC_RELEASE);
}

void log_line(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_line(format, arguments);
	va_end(arguments);
}

void log_warning(enum reason reason, const char *format, ...)
{
	char details[LINE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	format_text_va(details, sizeof(details), format, arguments);
	va_end(arguments);
	log_line("warning %d: %s: %s", reason, reason_text(reason), details);
}
