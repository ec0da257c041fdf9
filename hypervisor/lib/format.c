/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small snprintf. */
#include "lib/format.h"

#include <stdbool.h>
#include <stdint.h>

#include "lib/string.h"

struct output {
	char *buffer;
	size_t size, used;
};

struct field {
	bool left, zeros;
	unsigned width;
	int precision; /* of strings; -1: none */
};

static void put(struct output *output, char c)
{
	if (output->used + 1 < output->size)
		output->buffer[output->used++] = c;
}

static void put_field(struct output *output, const struct field *field, const char *text,
		      size_t length)
{
	size_t padding = field->width > length ? field->width - length : 0;
	bool zeros = field->zeros && !field->left;

	if (zeros && length > 0 && text[0] == '-') {
		put(output, '-');
		text++;
		length--;
	}
	for (; !field->left && padding > 0; padding--)
		put(output, zeros ? '0' : ' ');
	for (size_t i = 0; i < length; i++)
		put(output, text[i]);
	for (; padding > 0; padding--)
		put(output, ' ');
}

static void put_number(struct output *output, const struct field *field, uint64_t value,
		       unsigned base, const char *prefix)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	for (size_t n = strlen(prefix); n > 0; n--)
		digits[--at] = prefix[n - 1];
	put_field(output, field, digits + at, sizeof(digits) - at);
}

static void put_signed(struct output *output, const struct field *field, int64_t value)
{
	put_number(output, field, value < 0 ? -(uint64_t)value : (uint64_t)value, 10,
		   value < 0 ? "-" : "");
}

static void put_string(struct output *output, const struct field *field, const char *string)
{
	size_t length = 0;

	if (string == NULL)
		string = "(null)";
	while ((field->precision < 0 || length < (size_t)field->precision) &&
	       string[length] != '\0')
		length++;
	put_field(output, field, string, length);
}

/* Reads "[-0][width][.precision]" and leaves *format at what follows. */
static struct field read_field(const char **format)
{
	struct field field = {.precision = -1};
	const char *at = *format;

	for (; *at == '-' || *at == '0'; at++) {
		if (*at == '-')
			field.left = true;
		else
			field.zeros = true;
	}
	for (; *at >= '0' && *at <= '9'; at++)
		field.width = field.width * 10 + (unsigned)(*at - '0');
	if (*at == '.') {
		field.precision = 0;
		for (at++; *at >= '0' && *at <= '9'; at++)
			field.precision = field.precision * 10 + (*at - '0');
	}
	*format = at;
	return field;
}

size_t format_text_va(char *buffer, size_t size, const char *format, va_list arguments)
{
	struct output output = {buffer, size, 0};

	while (*format != '\0') {
		struct field field;
		bool is_long = false;

		if (*format != '%') {
			put(&output, *format++);
			continue;
		}
		format++;
		field = read_field(&format);
		for (; *format == 'l' || *format == 'z'; format++)
			is_long = true; /* long, long long and size_t are all 64 bits wide */
		switch (*format) {
		case 's':
			put_string(&output, &field, va_arg(arguments, const char *));
			break;
		case 'c': {
			char c = (char)va_arg(arguments, int);

			put_field(&output, &field, &c, 1);
			break;
		}
		case 'd':
			put_signed(&output, &field,
				   is_long ? va_arg(arguments, int64_t) : va_arg(arguments, int));
			break;
		case 'u':
		case 'x':
			put_number(&output, &field,
				   is_long ? va_arg(arguments, uint64_t)
					   : va_arg(arguments, unsigned),
				   *format == 'u' ? 10 : 16, "");
			break;
		case 'p':
			put_number(&output, &field, (uint64_t)va_arg(arguments, void *), 16, "0x");
			break;
		case '%':
			put(&output, '%');
			break;
		default: /* the compiler has refused it; show it all the same */
			put(&output, '%');
			if (*format == '\0')
				continue;
			put(&output, *format);
			break;
		}
		format++;
	}
	buffer[output.used] = '\0';
	return output.used;
}

size_t format_text(char *buffer, size_t size, const char *format, ...)
{
	va_list arguments;
	size_t length;

	va_start(arguments, format);
	length = format_text_va(buffer, size, format, arguments);
	va_end(arguments);
	return length;
}
