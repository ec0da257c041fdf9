/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See source-probe.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <gio/gio.h>
#include <unistd.h>

#include "source-probe.h"

#define DEADLINE_SECONDS 20

static void probe_after(struct source_probe *probe)
{
	if (probe->hook)
		probe->hook(probe);
}

static void probe_scanout(void *data, unsigned width, unsigned height)
{
	struct source_probe *probe = data;

	assert_null(source_image(probe->source));
	probe->scanouts++;
	probe->width = width;
	probe->height = height;
	probe_after(probe);
}

static void probe_frame(void *data, const pixman_region32_t *damage)
{
	struct source_probe *probe = data;

	assert_non_null(source_image(probe->source));
	probe->frames++;
	pixman_region32_copy(&probe->damage, (pixman_region32_t *)(uintptr_t)damage);
	probe_after(probe);
}

static void probe_cursor(void *data)
{
	struct source_probe *probe = data;

	probe->cursors++;
	probe_after(probe);
}

static void probe_leds(void *data, uint32_t leds)
{
	struct source_probe *probe = data;

	assert_int_equal(leds, source_leds(probe->source));
	probe->leds++;
	probe_after(probe);
}

static void probe_caps(void *data, uint32_t caps)
{
	struct source_probe *probe = data;

	assert_int_equal(caps, source_caps(probe->source));
	probe->caps++;
	probe_after(probe);
}

static void probe_closed(void *data, const GError *reason)
{
	struct source_probe *probe = data;

	assert_int_equal(reason->domain, G_IO_ERROR);
	probe->closes++;
	probe->close_code = reason->code;
	g_strlcpy(probe->reason, reason->message, sizeof(probe->reason));
	probe_after(probe);
}

static const struct source_ops probe_ops = {
	.scanout = probe_scanout,
	.frame = probe_frame,
	.cursor = probe_cursor,
	.leds = probe_leds,
	.caps = probe_caps,
	.closed = probe_closed,
};

void source_probe_init(struct source_probe *probe)
{
	int ends[2];

	*probe = (struct source_probe){.close_code = -1};
	pixman_region32_init(&probe->damage);
	fake_head_pair(ends);
	probe->head = ends[1];
	probe->source = source_create(ends[0], &probe_ops, probe);
}

void source_probe_hang_up(struct source_probe *probe)
{
	if (probe->head >= 0)
		close(probe->head);
	probe->head = -1;
}

void source_probe_finish(struct source_probe *probe)
{
	unsigned closes = probe->closes;

	source_destroy(probe->source);
	source_probe_hang_up(probe);
	source_probe_settle();
	assert_int_equal(probe->closes, closes); /* destroying makes no callback */
	pixman_region32_fini(&probe->damage);
}

int source_probe_setup(void **state)
{
	static struct source_probe probe;
	unsigned fds_before;

	g_main_context_default(); /* has descriptors of its own, made at its first use */
	fds_before = fake_head_open_fds();
	source_probe_init(&probe);
	probe.fds_before = fds_before;
	*state = &probe;
	return 0;
}

int source_probe_teardown(void **state)
{
	struct source_probe *probe = *state;

	source_probe_finish(probe);
	assert_int_equal(fake_head_open_fds(), probe->fds_before);
	return 0;
}

int source_probe_show(struct source_probe *probe, uint32_t width, uint32_t height)
{
	int memory = fake_head_memfd((size_t)width * height * 8, MFD_ALLOW_SEALING);

	fake_head_hello(probe->head, MULLION_DISPLAY_VERSION_MAJOR);
	fake_head_scanout(probe->head, width, height, width * 4, 2, memory);
	source_probe_settle();
	assert_int_equal(probe->closes, 0);
	assert_int_equal(probe->scanouts, 1);
	return memory;
}

void source_probe_settle(void)
{
	for (unsigned turns = 0; g_main_context_iteration(NULL, FALSE); turns++)
		assert_true(turns <
			    100000); /* nothing here is to keep the main loop busy for good */
}

static gboolean probe_deadline(gpointer data)
{
	*(bool *)data = true;
	return G_SOURCE_CONTINUE;
}

void source_probe_expect_closed(struct source_probe *probe, int code, const char *reason)
{
	bool late = false;
	guint deadline = g_timeout_add_seconds(DEADLINE_SECONDS, probe_deadline, &late);

	while (!probe->closes && !late)
		g_main_context_iteration(NULL, TRUE);
	g_source_remove(deadline);
	source_probe_settle();
	assert_string_equal(probe->reason, reason);
	assert_int_equal(probe->close_code, code);
	assert_int_equal(probe->closes, 1);
}

void source_probe_expect_release(struct source_probe *probe, uint32_t buffer, uint32_t scanout)
{
	struct mullion_msg_release release;
	uint16_t type;

	assert_true(fake_head_receive(probe->head, &type, &release, sizeof(release)));
	assert_int_equal(type, MULLION_MSG_RELEASE);
	assert_int_equal(release.buffer, buffer);
	assert_int_equal(release.scanout, scanout);
}

void source_probe_expect_no_message(struct source_probe *probe)
{
	char payload[64];
	uint16_t type;

	assert_false(fake_head_receive(probe->head, &type, payload, sizeof(payload)));
}
