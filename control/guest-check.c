/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may be said about a guest: names, labels, colours, sizes. Pure. */
#include "config.h"

#include "guest-internal.h"

#include <string.h>

/* Apart from each other also for the colour-blind: they differ in lightness, not in hue alone. */
const uint32_t guest_palette[GUEST_PALETTE_SIZE] = {
	0x3465a4, 0xd9730d, 0x2e8b57, 0xc83349, 0x8a4fbf, 0xe0b000, 0x17a2b8, 0x8d6e4c, 0xd667a8,
};

bool guest_invalid(GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (error)
		*error = g_error_new_valist(MULLION_ERROR, MULLION_ERROR_INVALID_ARGUMENT, format,
					    args);
	va_end(args);
	return false;
}

bool guest_check_name(const char *untrusted_name, GError **error)
{
	size_t length = untrusted_name ? strlen(untrusted_name) : 0;

	if (length == 0)
		return guest_invalid(error, "a guest needs a name");
	if (length > 64)
		return guest_invalid(error, "the name is %zu characters long; 64 are allowed",
				     length);
	if (strspn(untrusted_name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789._-") != length) {
		g_autofree char *shown = g_strescape(untrusted_name, NULL);

		return guest_invalid(error,
				     "the name “%s” has a character other than letters, digits, "
				     "“.”, “_” and “-”",
				     shown);
	}
	/* A leading dot would hide its directory, a leading dash reads as an option. */
	if (untrusted_name[0] == '.' || untrusted_name[0] == '-')
		return guest_invalid(error, "the name “%s” must begin with a letter or a digit",
				     untrusted_name);
	return true;
}

/*
 * The label is what the trusted band shows. Nothing that is invisible, turns the writing direction
 * or breaks the line may be in it, so that no label can look like another one.
 */
bool guest_check_label(const char *untrusted_label, GError **error)
{
	const char *p;
	long count;

	if (!untrusted_label || !*untrusted_label)
		return guest_invalid(error, "the label is empty");
	if (!g_utf8_validate(untrusted_label, -1, NULL))
		return guest_invalid(error, "the label is not valid UTF-8");
	count = g_utf8_strlen(untrusted_label, -1);
	if (count > (long)GUEST_MAX_LABEL)
		return guest_invalid(error, "the label is %ld characters long; %u are allowed",
				     count, GUEST_MAX_LABEL);
	for (p = untrusted_label; *p; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		if (!g_unichar_isprint(c) || (g_unichar_isspace(c) && c != ' '))
			return guest_invalid(error, "the label has an invisible character (U+%04X)",
					     c);
	}
	return true;
}

bool guest_parse_colour(const char *untrusted_text, uint32_t *colour, GError **error)
{
	if (untrusted_text && untrusted_text[0] == '#' && strlen(untrusted_text) == 7 &&
	    strspn(untrusted_text + 1, "0123456789abcdefABCDEF") == 6) {
		*colour = (uint32_t)g_ascii_strtoull(untrusted_text + 1, NULL, 16);
		return true;
	}
	return guest_invalid(error, "a colour is written #RRGGBB, as in #3465a4");
}

static bool is_one_of(const char *text, const char *a, const char *b, const char *c)
{
	return g_str_equal(text, a) || g_str_equal(text, b) || (c && g_str_equal(text, c));
}

bool guest_check_spec(const struct guest_spec *untrusted_spec, GError **error)
{
	const struct guest_spec *spec = untrusted_spec;
	unsigned sources = (spec->iso != NULL) + (spec->disk != NULL) + (spec->kernel != NULL);

	if (!guest_check_name(spec->name, error))
		return false;
	if (spec->label && !guest_check_label(spec->label, error))
		return false;
	if (sources == 0)
		return guest_invalid(error,
				     "the guest has nothing to start from: give it an ISO, a "
				     "disk, or a kernel with an initrd");
	if (spec->kernel && spec->iso)
		return guest_invalid(error,
				     "a guest starts from an ISO or from a kernel, not from both");
	if (spec->initrd && !spec->kernel)
		return guest_invalid(error, "an initrd needs a kernel");
	if (spec->cmdline && !spec->kernel)
		return guest_invalid(error, "a kernel command line needs a kernel");
	if (spec->cmdline &&
	    (strlen(spec->cmdline) > GUEST_MAX_CMDLINE ||
	     !g_utf8_validate(spec->cmdline, -1, NULL) || strpbrk(spec->cmdline, "\n\r\033")))
		return guest_invalid(error,
				     "the kernel command line is one line of at most %u bytes",
				     GUEST_MAX_CMDLINE);
	if (spec->os && !is_one_of(spec->os, "linux", "windows", "other"))
		return guest_invalid(error, "the system is one of linux, windows, other");
	if (spec->firmware && !is_one_of(spec->firmware, "bios", "uefi", NULL))
		return guest_invalid(error, "the firmware is one of bios, uefi");
	if (spec->memory_mib &&
	    (spec->memory_mib < GUEST_MIN_MEMORY_MIB || spec->memory_mib > GUEST_MAX_MEMORY_MIB))
		return guest_invalid(error, "the memory must be %u to %u MiB", GUEST_MIN_MEMORY_MIB,
				     GUEST_MAX_MEMORY_MIB);
	if (spec->vcpus > GUEST_MAX_VCPUS)
		return guest_invalid(error, "a guest has 1 to %u virtual CPUs", GUEST_MAX_VCPUS);
	if (spec->disk_gib > GUEST_MAX_DISK_GIB)
		return guest_invalid(error, "a disk has 1 to %u GiB", GUEST_MAX_DISK_GIB);
	if (spec->colour > 0xffffff || spec->colour < -1)
		return guest_invalid(error, "a colour is 0xRRGGBB");
	return true;
}

unsigned guest_pick_slot(const GPtrArray *infos)
{
	unsigned slot, i;

	for (slot = 1; slot <= GUEST_MAX_SLOT; slot++) {
		for (i = 0; i < infos->len; i++)
			if (((struct guest_info *)infos->pdata[i])->slot == slot)
				break;
		if (i == infos->len)
			return slot;
	}
	return 0;
}

uint32_t guest_pick_colour(const GPtrArray *infos, unsigned slot)
{
	unsigned c, i;

	for (c = 0; c < GUEST_PALETTE_SIZE; c++) {
		for (i = 0; i < infos->len; i++)
			if (((struct guest_info *)infos->pdata[i])->colour == guest_palette[c])
				break;
		if (i == infos->len)
			return guest_palette[c];
	}
	return guest_palette[slot % GUEST_PALETTE_SIZE];
}

unsigned guest_parse_size(const char *untrusted_text, char unit)
{
	static const char units[] = "MGT";
	const char *base = strchr(units, unit);
	const char *given = base;
	char *end = NULL;
	uint64_t value;

	if (!untrusted_text || !g_ascii_isdigit(untrusted_text[0]))
		return 0;
	value = g_ascii_strtoull(untrusted_text, &end, 10);
	if (*end) {
		given = strchr(units, g_ascii_toupper(*end));
		/* "G", "GB" and "GiB" are the same here. */
		if (!given || given < base ||
		    (end[1] && g_ascii_strcasecmp(end + 1, "b") != 0 &&
		     g_ascii_strcasecmp(end + 1, "ib") != 0))
			return 0;
	}
	if (value > UINT32_MAX >> (10 * (given - base)))
		return 0;
	return (unsigned)(value << (10 * (given - base)));
}
