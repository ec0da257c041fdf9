/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small snprintf. Pure. */
#ifndef CORE_LIB_FORMAT_H
#define CORE_LIB_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* Writes at most size bytes with the terminating zero; returns the length that is in the buffer
 * (cut to size - 1). size is at least 1. Formats as lib/log.h lists them. */
size_t format_text(char *buffer, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
size_t format_text_va(char *buffer, size_t size, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));

#endif
