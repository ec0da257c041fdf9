/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A panel host in a directory of its own, what it reported, and a client with one window: for the
 * tests of the panel host.
 */
#ifndef TESTS_PANEL_FIXTURE_H
#define TESTS_PANEL_FIXTURE_H

#include "panel-client.h"
#include "panel-host.h"

#define WIDTH	   320
#define HEIGHT	   200
#define BACKGROUND 0xff1b1d21U

struct fixture {
	char *directory, *path;
	struct panel_host *host;
	pixman_region32_t damage;
	unsigned damage_calls, cursor_calls;
	pixman_image_t *cursor;
	int hot_x, hot_y;
	uint32_t leds;
	struct panel_client client;
	struct panel_window window;
};

extern const struct panel_host_ops fixture_ops; /* data: the fixture */

int fixture_setup(void **state);
int fixture_teardown(void **state);
uint32_t fixture_pixel(struct fixture *fixture, int x, int y);
void fixture_assert_damage(struct fixture *fixture, int x1, int y1, int x2, int y2);
void fixture_clear_damage(struct fixture *fixture);
/* A client with one window that fills the panel with `colour`. */
void fixture_start_client(struct fixture *fixture, uint32_t colour);
/* A menu of 60x80 below an anchor of 40x20. */
struct xdg_positioner *fixture_menu_at(struct panel_client *client, int x, int y, uint32_t adjust);

#endif
