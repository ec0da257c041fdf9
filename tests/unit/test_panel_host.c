/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The panel host keeps its promises to the compositor: the picture is exact and its damage small,
 * keys and pointer go where they should, and a client may die at any time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <linux/input-event-codes.h>

#include "mullion/display.h"
#include "panel-fixture.h"

static void test_picture_is_exact_and_damage_small(void **state)
{
	struct fixture *fixture = *state;
	struct panel_window *window = &fixture->window;

	assert_int_equal(fixture_pixel(fixture, 0, 0), BACKGROUND);
	assert_false(panel_host_has_client(fixture->host));
	fixture_start_client(fixture, 0xff102030);
	assert_true(panel_host_has_client(fixture->host));
	fixture_assert_damage(fixture, 0, 0, WIDTH, HEIGHT);
	assert_int_equal(window->releases, 1); /* copied, so free again at once */

	for (int y = 0; y < HEIGHT; y++) {
		for (int x = 0; x < WIDTH; x++)
			window->pixels[y * WIDTH + x] =
				0xff000000U | (uint32_t)(x << 16 | y << 8 | (x ^ y));
	}
	panel_window_show(window);
	panel_client_roundtrip(&fixture->client);
	for (int y = 0; y < HEIGHT; y++) {
		for (int x = 0; x < WIDTH; x++)
			assert_int_equal(fixture_pixel(fixture, x, y),
					 window->pixels[y * WIDTH + x]);
	}

	/* What is not committed is not seen; what is, is damaged to the pixel. */
	fixture_clear_damage(fixture);
	window->pixels[50 * WIDTH + 70] = 0xffabcdef;
	wl_surface_attach(window->surface, window->buffer, 0, 0);
	wl_surface_damage_buffer(window->surface, 70, 50, 3, 2);
	panel_client_roundtrip(&fixture->client);
	assert_int_equal(fixture->damage_calls, 0);
	assert_int_not_equal(fixture_pixel(fixture, 70, 50), 0xffabcdef);
	wl_surface_commit(window->surface);
	panel_client_roundtrip(&fixture->client);
	fixture_assert_damage(fixture, 70, 50, 73, 52);
	assert_int_equal(fixture_pixel(fixture, 70, 50), 0xffabcdef);
}

static void test_keys_reach_only_a_focused_panel(void **state)
{
	struct fixture *fixture = *state;
	struct panel_client *client = &fixture->client;

	fixture_start_client(fixture, 0xff000000);
	assert_memory_equal(client->keymap_start, "xkb_keymap", 10);
	assert_null(client->keyboard_focus);
	panel_host_key(fixture->host, 1, KEY_A, true);
	panel_host_key(fixture->host, 2, KEY_A, false);
	panel_client_roundtrip(client);
	assert_int_equal(client->key_events, 0);

	panel_host_set_focus(fixture->host, true);
	panel_client_wait(client, client->keyboard_focus == fixture->window.surface);
	assert_int_equal(client->entered_keys, 0);
	panel_host_key(fixture->host, 3, KEY_LEFTSHIFT, true);
	panel_host_key(fixture->host, 4, KEY_B, true);
	panel_client_wait(client, client->key_events == 2);
	assert_int_equal(client->last_key, KEY_B);
	assert_int_equal(client->last_key_state, 1);
	panel_client_wait(client, client->modifiers == 1); /* Shift is bit 0 in every XKB keymap */
	panel_host_key(fixture->host, 5, KEY_B, true);	   /* a second down is nothing */
	panel_host_key(fixture->host, 6, KEY_B, false);
	panel_host_key(fixture->host, 7, KEY_LEFTSHIFT, false);
	panel_client_wait(client, client->key_events == 4 && client->modifiers == 0);

	/* Held when focus goes: not held when it comes back. */
	panel_host_key(fixture->host, 8, KEY_LEFTCTRL, true);
	panel_host_set_focus(fixture->host, false);
	panel_client_wait(client, client->keyboard_focus == NULL);
	panel_host_set_focus(fixture->host, true);
	panel_client_wait(client, client->keyboard_focus == fixture->window.surface);
	panel_client_roundtrip(client);
	assert_int_equal(client->entered_keys, 0);
	assert_int_equal(client->modifiers, 0);

	panel_host_key(fixture->host, 9, KEY_CAPSLOCK, true);
	panel_host_key(fixture->host, 10, KEY_CAPSLOCK, false);
	assert_int_equal(fixture->leds, MULLION_LED_CAPS_LOCK);
}

static void test_pointer_and_wheel(void **state)
{
	struct fixture *fixture = *state;
	struct panel_client *client = &fixture->client;
	struct panel_window cursor;

	fixture_start_client(fixture, 0xff000000);
	panel_host_set_focus(fixture->host, true);
	panel_host_pointer_motion(fixture->host, 1, 10.5, 20.25);
	panel_client_wait(client, client->pointer_focus == fixture->window.surface);
	assert_true(client->pointer_x == 10.5 && client->pointer_y == 20.25);
	assert_null(fixture->cursor); /* the default, until the client names one */

	panel_window_init(&cursor, client);
	panel_window_make_buffer(&cursor, 8, 8, 0x80800000);
	wl_pointer_set_cursor(client->pointer, client->pointer_serial, cursor.surface, 3, 4);
	panel_window_show(&cursor);
	panel_client_roundtrip(client);
	assert_non_null(fixture->cursor);
	assert_int_equal(pixman_image_get_width(fixture->cursor), 8);
	assert_int_equal(pixman_image_get_data(fixture->cursor)[0], 0x80800000);
	assert_int_equal(fixture->hot_x, 3);
	assert_int_equal(fixture->hot_y, 4);

	panel_host_button(fixture->host, 2, BTN_LEFT, true);
	panel_client_wait(client, client->buttons == 1);
	assert_int_equal(client->last_button, BTN_LEFT);
	panel_host_pointer_motion(fixture->host, 3, 30, 40);
	panel_host_button(fixture->host, 4, BTN_LEFT, false);
	panel_client_wait(client, client->buttons == 2 && client->motions == 1);
	assert_int_equal(client->last_button_state, 0);

	panel_host_scroll(fixture->host, 5, 0, -2); /* two detents towards the user */
	panel_client_wait(client, client->axis != 0);
	assert_int_equal(client->axis_discrete, 2);
	assert_true(client->axis > 0);

	panel_host_pointer_leave(fixture->host);
	panel_client_wait(client, client->pointer_focus == NULL);
	assert_null(fixture->cursor);
	panel_window_finish(&cursor);
}

static void test_subsurface_moves_with_its_parent(void **state)
{
	struct fixture *fixture = *state;
	struct panel_client *client = &fixture->client;
	struct wl_subsurface *sub;
	struct panel_window child;

	fixture_start_client(fixture, 0xff000011);
	panel_window_init(&child, client);
	sub = wl_subcompositor_get_subsurface(client->subcompositor, child.surface,
					      fixture->window.surface);
	wl_subsurface_set_position(sub, 100, 60);
	panel_window_make_buffer(&child, 20, 10, 0xff00ff00);
	panel_window_show(&child);
	fixture_clear_damage(fixture);
	panel_client_roundtrip(client);
	assert_int_equal(fixture->damage_calls, 0); /* synchronised: waits for the parent */
	wl_surface_commit(fixture->window.surface);
	panel_client_roundtrip(client);
	fixture_assert_damage(fixture, 100, 60, 120, 70);
	assert_int_equal(fixture_pixel(fixture, 100, 60), 0xff00ff00);
	assert_int_equal(fixture_pixel(fixture, 99, 60), 0xff000011);

	/* Below its parent it is hidden; half clear above it is blended. */
	wl_subsurface_place_below(sub, fixture->window.surface);
	wl_surface_commit(fixture->window.surface);
	panel_client_roundtrip(client);
	assert_int_equal(fixture_pixel(fixture, 100, 60), 0xff000011);
	wl_subsurface_place_above(sub, fixture->window.surface);
	wl_surface_commit(fixture->window.surface);
	wl_subsurface_set_desync(sub);
	panel_window_make_buffer(&child, 20, 10, 0x80008000);
	panel_window_show(&child);
	panel_client_roundtrip(client);
	assert_int_equal(fixture_pixel(fixture, 110, 65), 0xff008008);

	fixture_clear_damage(fixture);
	wl_subsurface_destroy(sub);
	panel_window_finish(&child);
	panel_client_roundtrip(client);
	fixture_assert_damage(fixture, 100, 60, 120, 70);
	assert_int_equal(fixture_pixel(fixture, 110, 65), 0xff000011);
}

static void test_popup_stays_inside(void **state)
{
	static const struct {
		int x, y;
		uint32_t adjust;
		int to_x, to_y, to_height;
	} cases[] = {
		{10, 10, 0, 10, 30, 80},
		{10, 170, 0, 10, 190, 80}, /* not allowed to move: hangs out */
		{10, 170, XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_FLIP_Y, 10, 90, 80},
		{10, 170, XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_SLIDE_Y, 10, 120, 80},
		{10, 130, XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_RESIZE_Y, 10, 150, 50},
		{290, 10, XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_SLIDE_X, 260, 30, 80},
		/* neither way round fits: as asked */
		{290, 10, XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_FLIP_X, 290, 30, 80},
		{270, 10, XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_FLIP_X, 250, 30, 80},
	};
	struct fixture *fixture = *state;
	struct panel_client *client = &fixture->client;

	fixture_start_client(fixture, 0xff000000);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct xdg_positioner *positioner =
			fixture_menu_at(client, cases[i].x, cases[i].y, cases[i].adjust);
		struct panel_window popup;

		panel_window_init(&popup, client);
		panel_window_make_popup(&popup, &fixture->window, positioner, false);
		assert_int_equal(popup.popup_x, cases[i].to_x);
		assert_int_equal(popup.popup_y, cases[i].to_y);
		assert_int_equal(popup.popup_width, 60);
		assert_int_equal(popup.popup_height, cases[i].to_height);
		panel_window_finish(&popup);
		xdg_positioner_destroy(positioner);
	}
}

static void test_menu_takes_keys_and_goes_by_a_click_beside(void **state)
{
	struct fixture *fixture = *state;
	struct panel_client *client = &fixture->client;
	struct xdg_positioner *positioner;
	struct panel_window popup;

	fixture_start_client(fixture, 0xff000000);
	/* A window smaller than the panel, so that there is a beside. */
	panel_window_make_buffer(&fixture->window, 200, HEIGHT, 0xff0000ff);
	panel_window_show(&fixture->window);
	panel_host_set_focus(fixture->host, true);
	positioner = fixture_menu_at(client, 10, 10, 0);
	panel_window_init(&popup, client);
	panel_window_make_popup(&popup, &fixture->window, positioner, true);
	panel_window_make_buffer(&popup, 60, 80, 0xffff0000);
	panel_window_show(&popup);
	panel_client_wait(client, client->keyboard_focus == popup.surface);
	assert_int_equal(fixture_pixel(fixture, 10, 30), 0xffff0000);

	/* Over the menu the pointer is the menu's; within the window the client is told. */
	panel_host_pointer_motion(fixture->host, 1, 15, 35);
	panel_client_wait(client, client->pointer_focus == popup.surface);
	assert_true(client->pointer_x == 5 && client->pointer_y == 5);
	panel_host_pointer_motion(fixture->host, 2, 150, 150);
	panel_client_wait(client, client->pointer_focus == fixture->window.surface);
	panel_host_button(fixture->host, 3, BTN_LEFT, true);
	panel_host_button(fixture->host, 3, BTN_LEFT, false);
	panel_client_wait(client, client->buttons == 2);
	assert_int_equal(popup.done, 0);

	panel_host_pointer_motion(fixture->host, 4, 250, 100);
	panel_host_button(fixture->host, 5, BTN_LEFT, true);
	panel_host_button(fixture->host, 5, BTN_LEFT, false);
	panel_client_wait(client, popup.done == 1);
	panel_client_wait(client, client->keyboard_focus == fixture->window.surface);
	assert_int_equal(fixture_pixel(fixture, 10, 30), 0xff0000ff);
	panel_window_finish(&popup);
	xdg_positioner_destroy(positioner);
	panel_client_roundtrip(client);
	assert_false(client->lost);
}

static void on_frame(void *data, struct wl_callback *callback, uint32_t time)
{
	(void)callback;
	*(uint32_t *)data = time;
}

static const struct wl_callback_listener frame_listener = {.done = on_frame};

static void test_frames_are_paced_by_presentation(void **state)
{
	struct fixture *fixture = *state;
	struct panel_client *client = &fixture->client;
	struct wl_callback *frame;
	uint32_t time = 0;

	fixture_start_client(fixture, 0xff000000);
	panel_host_set_focus(fixture->host, true);
	frame = wl_surface_frame(fixture->window.surface);
	wl_callback_add_listener(frame, &frame_listener, &time);
	panel_window_show(&fixture->window);
	for (int i = 0; i < 5; i++)
		panel_client_roundtrip(client);
	assert_int_equal(time, 0);
	panel_host_presented(fixture->host, 4711);
	panel_client_wait(client, time == 4711);
	wl_callback_destroy(frame);

	/* A commit that changes nothing is never presented, yet answered while looked at. */
	time = 0;
	frame = wl_surface_frame(fixture->window.surface);
	wl_callback_add_listener(frame, &frame_listener, &time);
	wl_surface_commit(fixture->window.surface);
	panel_client_wait(client, time != 0);
	wl_callback_destroy(frame);
}

static void test_resize_reaches_the_client(void **state)
{
	struct fixture *fixture = *state;
	struct panel_window *window = &fixture->window;

	fixture_start_client(fixture, 0xff000001);
	panel_host_resize(fixture->host, 400, 300);
	assert_int_equal(pixman_image_get_width(panel_host_image(fixture->host)), 400);
	assert_int_equal(fixture_pixel(fixture, 10, 10),
			 0xff000001); /* what there is stays on view */
	assert_int_equal(fixture_pixel(fixture, 390, 290), BACKGROUND);
	panel_client_wait(&fixture->client, window->configured_width == 400 &&
						    window->configured_height == 300 &&
						    fixture->client.output_width == 400);
	panel_window_make_buffer(window, 400, 300, 0xff000002);
	panel_window_show(window);
	panel_client_roundtrip(&fixture->client);
	assert_int_equal(fixture_pixel(fixture, 390, 290), 0xff000002);
}

static void test_dead_client_leaves_the_background(void **state)
{
	struct fixture *fixture = *state;

	fixture_start_client(fixture, 0xff123456);
	panel_host_set_focus(fixture->host, true);
	panel_host_pointer_motion(fixture->host, 1, 5, 5);
	panel_host_button(fixture->host, 1, BTN_LEFT, true);
	panel_host_key(fixture->host, 1, KEY_A, true);
	fixture_clear_damage(fixture);
	panel_client_kill(&fixture->client);
	panel_client_wait(&fixture->client, !panel_host_has_client(fixture->host));
	panel_client_wait(&fixture->client, fixture->damage_calls > 0);
	fixture_assert_damage(fixture, 0, 0, WIDTH, HEIGHT);
	assert_int_equal(fixture_pixel(fixture, 100, 100), BACKGROUND);
	panel_host_button(fixture->host, 2, BTN_LEFT, false);
	panel_host_key(fixture->host, 2, KEY_A, false);
	panel_window_finish(&fixture->window);
	panel_client_disconnect(&fixture->client);

	/* and the next one is served */
	fixture_start_client(fixture, 0xff654321);
	assert_int_equal(fixture_pixel(fixture, 100, 100), 0xff654321);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_picture_is_exact_and_damage_small,
						fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_keys_reach_only_a_focused_panel, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(test_pointer_and_wheel, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(test_subsurface_moves_with_its_parent,
						fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_popup_stays_inside, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(test_menu_takes_keys_and_goes_by_a_click_beside,
						fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_frames_are_paced_by_presentation,
						fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_resize_reaches_the_client, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(test_dead_client_leaves_the_background,
						fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
