/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The panel host keeps its promises to the compositor: the picture is exact and its damage small,
 * keys and pointer go where they should, and no client, good, bad or dead, harms it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/input-event-codes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "mullion/display.h"
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

static const struct panel_host_ops ops = {
	.damage = on_damage,
	.cursor = on_cursor,
	.leds = on_leds,
};

static int setup(void **state)
{
	struct fixture *fixture = g_new0(struct fixture, 1);
	GError *error = NULL;

	fixture->directory = g_dir_make_tmp("mullion-panel-XXXXXX", &error);
	assert_null(error);
	fixture->path = g_build_filename(fixture->directory, "panel.sock", NULL);
	pixman_region32_init(&fixture->damage);
	fixture->host = panel_host_create(fixture->path, WIDTH, HEIGHT, &ops, fixture, &error);
	assert_null(error);
	assert_non_null(fixture->host);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
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

static uint32_t pixel(struct fixture *fixture, int x, int y)
{
	pixman_image_t *image = panel_host_image(fixture->host);

	return pixman_image_get_data(image)[y * pixman_image_get_stride(image) / 4 + x] |
	       0xff000000U;
}

static void assert_damage(struct fixture *fixture, int x1, int y1, int x2, int y2)
{
	const pixman_box32_t *box = pixman_region32_extents(&fixture->damage);

	assert_int_equal(pixman_region32_n_rects(&fixture->damage), 1);
	assert_int_equal(box->x1, x1);
	assert_int_equal(box->y1, y1);
	assert_int_equal(box->x2, x2);
	assert_int_equal(box->y2, y2);
}

static void clear_damage(struct fixture *fixture)
{
	pixman_region32_clear(&fixture->damage);
	fixture->damage_calls = 0;
}

/* A client with one window that fills the panel with `colour`. */
static void start_client(struct fixture *fixture, uint32_t colour)
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

static void test_picture_is_exact_and_damage_small(void **state)
{
	struct fixture *fixture = *state;
	struct panel_window *window = &fixture->window;

	assert_int_equal(pixel(fixture, 0, 0), BACKGROUND);
	assert_false(panel_host_has_client(fixture->host));
	start_client(fixture, 0xff102030);
	assert_true(panel_host_has_client(fixture->host));
	assert_damage(fixture, 0, 0, WIDTH, HEIGHT);
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
			assert_int_equal(pixel(fixture, x, y), window->pixels[y * WIDTH + x]);
	}

	/* What is not committed is not seen; what is, is damaged to the pixel. */
	clear_damage(fixture);
	window->pixels[50 * WIDTH + 70] = 0xffabcdef;
	wl_surface_attach(window->surface, window->buffer, 0, 0);
	wl_surface_damage_buffer(window->surface, 70, 50, 3, 2);
	panel_client_roundtrip(&fixture->client);
	assert_int_equal(fixture->damage_calls, 0);
	assert_int_not_equal(pixel(fixture, 70, 50), 0xffabcdef);
	wl_surface_commit(window->surface);
	panel_client_roundtrip(&fixture->client);
	assert_damage(fixture, 70, 50, 73, 52);
	assert_int_equal(pixel(fixture, 70, 50), 0xffabcdef);
}

static void test_keys_reach_only_a_focused_panel(void **state)
{
	struct fixture *fixture = *state;
	struct panel_client *client = &fixture->client;

	start_client(fixture, 0xff000000);
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

	start_client(fixture, 0xff000000);
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

	start_client(fixture, 0xff000011);
	panel_window_init(&child, client);
	sub = wl_subcompositor_get_subsurface(client->subcompositor, child.surface,
					      fixture->window.surface);
	wl_subsurface_set_position(sub, 100, 60);
	panel_window_make_buffer(&child, 20, 10, 0xff00ff00);
	panel_window_show(&child);
	clear_damage(fixture);
	panel_client_roundtrip(client);
	assert_int_equal(fixture->damage_calls, 0); /* synchronised: waits for the parent */
	wl_surface_commit(fixture->window.surface);
	panel_client_roundtrip(client);
	assert_damage(fixture, 100, 60, 120, 70);
	assert_int_equal(pixel(fixture, 100, 60), 0xff00ff00);
	assert_int_equal(pixel(fixture, 99, 60), 0xff000011);

	/* Below its parent it is hidden; half clear above it is blended. */
	wl_subsurface_place_below(sub, fixture->window.surface);
	wl_surface_commit(fixture->window.surface);
	panel_client_roundtrip(client);
	assert_int_equal(pixel(fixture, 100, 60), 0xff000011);
	wl_subsurface_place_above(sub, fixture->window.surface);
	wl_surface_commit(fixture->window.surface);
	wl_subsurface_set_desync(sub);
	panel_window_make_buffer(&child, 20, 10, 0x80008000);
	panel_window_show(&child);
	panel_client_roundtrip(client);
	assert_int_equal(pixel(fixture, 110, 65), 0xff008008);

	clear_damage(fixture);
	wl_subsurface_destroy(sub);
	panel_window_finish(&child);
	panel_client_roundtrip(client);
	assert_damage(fixture, 100, 60, 120, 70);
	assert_int_equal(pixel(fixture, 110, 65), 0xff000011);
}

static struct xdg_positioner *menu_at(struct panel_client *client, int x, int y, uint32_t adjust)
{
	struct xdg_positioner *positioner = xdg_wm_base_create_positioner(client->wm);

	xdg_positioner_set_size(positioner, 60, 80);
	xdg_positioner_set_anchor_rect(positioner, x, y, 40, 20);
	xdg_positioner_set_anchor(positioner, XDG_POSITIONER_ANCHOR_BOTTOM_LEFT);
	xdg_positioner_set_gravity(positioner, XDG_POSITIONER_GRAVITY_BOTTOM_RIGHT);
	xdg_positioner_set_constraint_adjustment(positioner, adjust);
	return positioner;
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

	start_client(fixture, 0xff000000);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct xdg_positioner *positioner =
			menu_at(client, cases[i].x, cases[i].y, cases[i].adjust);
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

	start_client(fixture, 0xff000000);
	/* A window smaller than the panel, so that there is a beside. */
	panel_window_make_buffer(&fixture->window, 200, HEIGHT, 0xff0000ff);
	panel_window_show(&fixture->window);
	panel_host_set_focus(fixture->host, true);
	positioner = menu_at(client, 10, 10, 0);
	panel_window_init(&popup, client);
	panel_window_make_popup(&popup, &fixture->window, positioner, true);
	panel_window_make_buffer(&popup, 60, 80, 0xffff0000);
	panel_window_show(&popup);
	panel_client_wait(client, client->keyboard_focus == popup.surface);
	assert_int_equal(pixel(fixture, 10, 30), 0xffff0000);

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
	assert_int_equal(pixel(fixture, 10, 30), 0xff0000ff);
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

	start_client(fixture, 0xff000000);
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

	start_client(fixture, 0xff000001);
	panel_host_resize(fixture->host, 400, 300);
	assert_int_equal(pixman_image_get_width(panel_host_image(fixture->host)), 400);
	assert_int_equal(pixel(fixture, 10, 10), 0xff000001); /* what there is stays on view */
	assert_int_equal(pixel(fixture, 390, 290), BACKGROUND);
	panel_client_wait(&fixture->client, window->configured_width == 400 &&
						    window->configured_height == 300 &&
						    fixture->client.output_width == 400);
	panel_window_make_buffer(window, 400, 300, 0xff000002);
	panel_window_show(window);
	panel_client_roundtrip(&fixture->client);
	assert_int_equal(pixel(fixture, 390, 290), 0xff000002);
}

static void test_dead_client_leaves_the_background(void **state)
{
	struct fixture *fixture = *state;

	start_client(fixture, 0xff123456);
	panel_host_set_focus(fixture->host, true);
	panel_host_pointer_motion(fixture->host, 1, 5, 5);
	panel_host_button(fixture->host, 1, BTN_LEFT, true);
	panel_host_key(fixture->host, 1, KEY_A, true);
	clear_damage(fixture);
	panel_client_kill(&fixture->client);
	panel_client_wait(&fixture->client, !panel_host_has_client(fixture->host));
	panel_client_wait(&fixture->client, fixture->damage_calls > 0);
	assert_damage(fixture, 0, 0, WIDTH, HEIGHT);
	assert_int_equal(pixel(fixture, 100, 100), BACKGROUND);
	panel_host_button(fixture->host, 2, BTN_LEFT, false);
	panel_host_key(fixture->host, 2, KEY_A, false);
	panel_window_finish(&fixture->window);
	panel_client_disconnect(&fixture->client);

	/* and the next one is served */
	start_client(fixture, 0xff654321);
	assert_int_equal(pixel(fixture, 100, 100), 0xff654321);
}

/* Bad clients lose their connection; the host and a good client stay. */
static void shrink_after_attach(struct fixture *fixture, struct panel_window *window)
{
	(void)fixture;
	panel_window_make_buffer(window, 64, 64, 0xffffffff);
	assert_int_equal(ftruncate(window->fd, 0), 0);
	panel_window_show(window);
}

static void short_stride(struct fixture *fixture, struct panel_window *window)
{
	struct wl_shm_pool *pool;
	struct wl_buffer *buffer;

	(void)fixture;
	panel_window_make_buffer(window, 64, 64, 0xffffffff);
	pool = wl_shm_create_pool(window->client->shm, window->fd, 64 * 64 * 4);
	/* libwayland lets a stride of one byte a pixel pass */
	buffer = wl_shm_pool_create_buffer(pool, 0, 64, 64, 64, WL_SHM_FORMAT_ARGB8888);
	wl_surface_attach(window->surface, buffer, 0, 0);
	wl_surface_damage_buffer(window->surface, 0, 0, 64, 64);
	wl_surface_commit(window->surface);
	wl_buffer_destroy(buffer);
	wl_shm_pool_destroy(pool);
}

static void huge_buffer(struct fixture *fixture, struct panel_window *window)
{
	(void)fixture;
	panel_window_make_buffer(window, 20000, 1, 0xffffffff);
	panel_window_show(window);
}

static void too_many_surfaces(struct fixture *fixture, struct panel_window *window)
{
	(void)fixture;
	for (int i = 0; i < 300; i++)
		wl_compositor_create_surface(window->client->compositor);
}

static void own_grandparent(struct fixture *fixture, struct panel_window *window)
{
	struct panel_client *client = window->client;
	struct wl_surface *a = wl_compositor_create_surface(client->compositor);
	struct wl_surface *b = wl_compositor_create_surface(client->compositor);

	(void)fixture;
	wl_subcompositor_get_subsurface(client->subcompositor, a, b);
	wl_subcompositor_get_subsurface(client->subcompositor, b, a);
}

static void popup_without_parent(struct fixture *fixture, struct panel_window *window)
{
	struct wl_surface *surface = wl_compositor_create_surface(window->client->compositor);
	struct xdg_positioner *positioner = menu_at(window->client, 0, 0, 0);

	(void)fixture;
	xdg_surface_get_popup(xdg_wm_base_get_xdg_surface(window->client->wm, surface), NULL,
			      positioner);
}

static void second_role(struct fixture *fixture, struct panel_window *window)
{
	(void)fixture;
	wl_pointer_set_cursor(window->client->pointer, 0, window->surface, 0, 0);
}

static void test_bad_clients_harm_nobody(void **state)
{
	static void (*const attacks[])(struct fixture *, struct panel_window *) = {
		shrink_after_attach, short_stride,	   huge_buffer, too_many_surfaces,
		own_grandparent,     popup_without_parent, second_role,
	};
	struct fixture *fixture = *state;

	start_client(fixture, 0xff00aa00);
	for (size_t i = 0; i < G_N_ELEMENTS(attacks); i++) {
		pid_t pid = fork();
		int status;

		/* The bad client in a process of its own: libwayland leaks proxies of a lost
		 * connection, and its SIGBUS must be the host's to survive. */
		if (pid == 0) {
			struct panel_client client;
			struct panel_window window;

			panel_client_alone = true;
			if (!panel_client_connect(&client, fixture->path))
				_exit(2);
			panel_window_init(&window, &client);
			panel_window_make_toplevel(&window);
			attacks[i](fixture, &window);
			panel_client_roundtrip(&client);
			_exit(client.lost ? 0 : 1);
		}
		assert_true(pid > 0);
		while (waitpid(pid, &status, WNOHANG) == 0)
			panel_client_step(&fixture->client);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("attack %zu: status %#x", i, status);
		panel_client_roundtrip(&fixture->client);
		assert_false(fixture->client.lost);
		panel_client_wait(&fixture->client, pixel(fixture, 10, 10) == 0xff00aa00);
	}
}

static void test_socket_is_private_and_only_a_dead_one_is_replaced(void **state)
{
	struct fixture *fixture = *state;
	struct panel_host *second;
	struct stat info;
	GError *error = NULL;
	char *stale;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	assert_int_equal(stat(fixture->path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
	second = panel_host_create(fixture->path, 10, 10, &ops, fixture, &error);
	assert_null(second);
	assert_true(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE));
	g_clear_error(&error);
	assert_int_equal(g_access(fixture->path, F_OK), 0);

	stale = g_build_filename(fixture->directory, "stale.sock", NULL);
	g_strlcpy(address.sun_path, stale, sizeof(address.sun_path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd); /* as a killed server leaves it */
	second = panel_host_create(stale, 10, 10, &ops, fixture, &error);
	assert_null(error);
	assert_non_null(second);
	panel_host_destroy(second);
	g_free(stale);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: libwayland sets its SIGBUS handler at the first access to a client's
		 * memory, and cmocka sets its own before each test. */
		cmocka_unit_test_setup_teardown(test_bad_clients_harm_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_picture_is_exact_and_damage_small, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_keys_reach_only_a_focused_panel, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_pointer_and_wheel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_subsurface_moves_with_its_parent, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_popup_stays_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_menu_takes_keys_and_goes_by_a_click_beside,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_frames_are_paced_by_presentation, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_resize_reaches_the_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dead_client_leaves_the_background, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_socket_is_private_and_only_a_dead_one_is_replaced, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
