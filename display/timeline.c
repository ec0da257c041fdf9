/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A JSON array written line by line; see timeline.h. */
#include "timeline.h"

#include <errno.h>
#include <gio/gio.h>
#include <stdio.h>

struct timeline {
	FILE *file;
	gint64 origin_us;
	gboolean any;
};

struct timeline *timeline_create(const char *path, GError **error)
{
	FILE *file = fopen(path, "we");
	struct timeline *timeline;

	if (!file) {
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno),
			    "the timeline cannot be written to %s: %s", path, g_strerror(errno));
		return NULL;
	}
	setvbuf(file, NULL, _IOLBF, BUFSIZ);
	timeline = g_new0(struct timeline, 1);
	timeline->file = file;
	timeline->origin_us = g_get_monotonic_time();
	fputs("[\n", file);
	return timeline;
}

void timeline_destroy(struct timeline *timeline)
{
	if (!timeline)
		return;
	fputs("\n]\n", timeline->file);
	if (fclose(timeline->file) != 0)
		g_warning("the timeline is not complete: %s", g_strerror(errno));
	g_free(timeline);
}

void timeline_add(struct timeline *timeline, const char *event, const char *fields, ...)
{
	va_list args;

	if (!timeline)
		return;
	fprintf(timeline->file, "%s{\"t\": %.3f, \"event\": \"%s\"", timeline->any ? ",\n" : "",
		(double)(g_get_monotonic_time() - timeline->origin_us) / 1000.0, event);
	timeline->any = TRUE;
	if (fields) {
		fputs(", ", timeline->file);
		va_start(args, fields);
		vfprintf(timeline->file, fields, args);
		va_end(args);
	}
	fputs("}", timeline->file);
}

char *timeline_string(const char *text)
{
	GString *out = g_string_new("\"");

	for (const char *p = text ? text : ""; *p; p++) {
		unsigned char byte = (unsigned char)*p;

		if (byte == '"' || byte == '\\')
			g_string_append_c(out, '\\');
		if (byte < 0x20)
			g_string_append_printf(out, "\\u%04x", byte);
		else
			g_string_append_c(out, *p);
	}
	g_string_append_c(out, '"');
	return g_string_free(out, FALSE);
}
