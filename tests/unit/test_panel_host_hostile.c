/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The panel host against what must not harm it: clients that lie, and other users of its socket.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "panel-fixture.h"

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
	struct xdg_positioner *positioner = fixture_menu_at(window->client, 0, 0, 0);

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

	fixture_start_client(fixture, 0xff00aa00);
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
		panel_client_wait(&fixture->client, fixture_pixel(fixture, 10, 10) == 0xff00aa00);
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
	second = panel_host_create(fixture->path, 10, 10, &fixture_ops, fixture, &error);
	assert_null(second);
	assert_true(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE));
	g_clear_error(&error);
	assert_int_equal(g_access(fixture->path, F_OK), 0);

	stale = g_build_filename(fixture->directory, "stale.sock", NULL);
	g_strlcpy(address.sun_path, stale, sizeof(address.sun_path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd); /* as a killed server leaves it */
	second = panel_host_create(stale, 10, 10, &fixture_ops, fixture, &error);
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
		cmocka_unit_test_setup_teardown(test_bad_clients_harm_nobody, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_socket_is_private_and_only_a_dead_one_is_replaced, fixture_setup,
			fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
