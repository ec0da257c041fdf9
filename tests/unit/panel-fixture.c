/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See panel-fixture.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <unistd.h>

#include <glib/gstdio.h>

#include "panel-fixture.h"

static void on_damage(void *data, const pixman_region32_t *damage)
{
	struct fixture *fixture = data;

	fixture->damage_calls++;
	pixman_region32_union(&fixture->damage, &fixture->damage, (pixman_region32_t *)damage);
}

static void on_cursor(void *data, pixman_image_t *image, int hot_x, int hot_y)
{
	struct fixture *fixture = data;

	fixture->cursor_calls++;
	fixture->cursor = image;
	fixture->hot_x = hot_x;
	fixture->hot_y = hot_y;
}

static void on_leds(void *data, uint32_t leds)
{
	((struct fixture *)data)->leds = leds;
}

const struct panel_host_ops fixture_ops = {
	.damage = on_damage,
	.cursor = on_cursor,
	.leds = on_leds,
};

int fixture_setup(void **state)
{
	struct fixture *fixture = g_new0(struct fixture, 1);
	GError *error = NULL;

	fixture->directory = g_dir_make_tmp("mullion-panel-XXXXXX", &error);
	assert_null(error);
	fixture->path = g_build_filename(fixture->directory, "panel.sock", NULL);
	pixman_region32_init(&fixture->damage);
	fixture->host =
		panel_host_create(fixture->path, WIDTH, HEIGHT, &fixture_ops, fixture, &error);
	assert_null(error);
	assert_non_null(fixture->host);
	*state = fixture;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;

	if (fixture->client.display) {
		panel_window_finish(&fixture->window);
		panel_client_disconnect(&fixture->client);
	}
	panel_host_destroy(fixture->host);
	assert_int_equal(g_access(fixture->path, F_OK), -1); /* the socket went with it */
	pixman_region32_fini(&fixture->damage);
	g_rmdir(fixture->directory);
	g_free(fixture->directory);
	g_free(fixture->path);
	g_free(fixture);
	return 0;
}

uint32_t fixture_pixel(struct fixture *fixture, int x, int y)
{
	pixman_image_t *image = panel_host_image(fixture->host);

	return pixman_image_get_data(image)[y * pixman_image_get_stride(image) / 4 + x] |
	       0xff000000U;
}

void fixture_assert_damage(struct fixture *fixture, int x1, int y1, int x2, int y2)
{
	const pixman_box32_t *box = pixman_region32_extents(&fixture->damage);

	assert_int_equal(pixman_region32_n_rects(&fixture->damage), 1);
	assert_int_equal(box->x1, x1);
	assert_int_equal(box->y1, y1);
	assert_int_equal(box->x2, x2);
	assert_int_equal(box->y2, y2);
}

void fixture_clear_damage(struct fixture *fixture)
{
	pixman_region32_clear(&fixture->damage);
	fixture->damage_calls = 0;
}

/* A client with one window that fills the panel with `colour`. */
void fixture_start_client(struct fixture *fixture, uint32_t colour)
{
	assert_true(panel_client_connect(&fixture->client, fixture->path));
	panel_window_init(&fixture->window, &fixture->client);
	panel_window_make_toplevel(&fixture->window);
	assert_int_equal(fixture->window.configured_width, WIDTH);
	assert_int_equal(fixture->window.configured_height, HEIGHT);
	panel_window_make_buffer(&fixture->window, WIDTH, HEIGHT, colour);
	panel_window_show(&fixture->window);
	panel_client_roundtrip(&fixture->client);
	assert_false(fixture->client.lost);
}

struct xdg_positioner *fixture_menu_at(struct panel_client *client, int x, int y, uint32_t adjust)
{
	struct xdg_positioner *positioner = xdg_wm_base_create_positioner(client->wm);

	xdg_positioner_set_size(positioner, 60, 80);
	xdg_positioner_set_anchor_rect(positioner, x, y, 40, 20);
	xdg_positioner_set_anchor(positioner, XDG_POSITIONER_ANCHOR_BOTTOM_LEFT);
	xdg_positioner_set_gravity(positioner, XDG_POSITIONER_GRAVITY_BOTTOM_RIGHT);
	xdg_positioner_set_constraint_adjustment(positioner, adjust);
	return positioner;
}
