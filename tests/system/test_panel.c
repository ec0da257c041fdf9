/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The panel as a person meets it: mullion-panel under the real panel host, worked by key events,
 * with a fake session behind it. What it asks of the session, and that it shows what it should.
 *
 * MULLION_TEST_PICTURES=DIR: writes what was seen there, as PNG.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <cairo.h>
#include <linux/input-event-codes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "fake-session.h"
#include "panel-host.h"

#define WIDTH  1280
#define HEIGHT 768

/* From uivm/style.c: the grounds of an error and of a warning, and of the form of the wizard. */
#define ERROR_GROUND	 0x59221fU
#define WARNING_GROUND	 0x4d3d12U
#define CARD_GROUND	 0x25282eU
#define SUGGESTED_GROUND 0x2f6fd6U

static const struct fake_guest two_guests[] = {
	{.id = "debian",
	 .label = "Debian 12",
	 .os = "linux",
	 .state = "running",
	 .accelerator = "kvm",
	 .slot = 1,
	 .colour = 0x3584e4,
	 .vcpus = 2,
	 .memory = 2048,
	 .snapshots = {"before-upgrade", "clean"},
	 .disks = {"/srv/debian.qcow2"}},
	{.id = "windows",
	 .label = "Windows 11",
	 .os = "windows",
	 .state = "off",
	 .accelerator = "kvm",
	 .slot = 2,
	 .colour = 0xe66100,
	 .vcpus = 4,
	 .memory = 8192},
};

struct fixture {
	char *directory, *iso;
	struct panel_host *host;
	struct fake_session *session;
	GPid pid;
	bool exited;
	int frames;
	guint presenter;
	uint32_t time;
};

static void on_damage(void *data, const pixman_region32_t *damage)
{
	(void)damage;
	((struct fixture *)data)->frames++;
}

static const struct panel_host_ops ops = {.damage = on_damage};

static gboolean present(void *data)
{
	struct fixture *fixture = data;

	fixture->time = (uint32_t)(g_get_monotonic_time() / 1000);
	panel_host_presented(fixture->host, fixture->time);
	return G_SOURCE_CONTINUE;
}

static void panel_exited(GPid pid, gint status, void *data)
{
	(void)pid, (void)status;
	((struct fixture *)data)->exited = true;
}

static gboolean wake(void *data)
{
	(void)data;
	return G_SOURCE_CONTINUE;
}

/* Lets the session go on until `condition` holds. */
#define wait_for(fixture, condition)                                                               \
	do {                                                                                       \
		gint64 until_ = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;                      \
		guint wake_ = g_timeout_add(20, wake, NULL);                                       \
		while (!(condition)) {                                                             \
			if (g_get_monotonic_time() > until_)                                       \
				save_and_fail(fixture, #condition);                                \
			g_main_context_iteration(NULL, TRUE);                                      \
		}                                                                                  \
		g_source_remove(wake_);                                                            \
	} while (0)

static void save(struct fixture *fixture, const char *name)
{
	const char *directory = g_getenv("MULLION_TEST_PICTURES");
	pixman_image_t *image = panel_host_image(fixture->host);
	g_autofree char *file = g_strconcat(name, ".png", NULL);
	g_autofree char *path = NULL;
	cairo_surface_t *surface;

	if (!directory)
		return;
	path = g_build_filename(directory, file, NULL);
	surface = cairo_image_surface_create_for_data(
		(unsigned char *)pixman_image_get_data(image), CAIRO_FORMAT_RGB24,
		pixman_image_get_width(image), pixman_image_get_height(image),
		pixman_image_get_stride(image));
	assert_int_equal(cairo_surface_write_to_png(surface, path), CAIRO_STATUS_SUCCESS);
	cairo_surface_destroy(surface);
}

static void save_and_fail(struct fixture *fixture, const char *condition)
{
	save(fixture, "failed");
	fail_msg("not within 30 s: %s%s", condition,
		 fixture->exited ? " (the panel has ended)" : "");
}

static unsigned count_pixels(struct fixture *fixture, uint32_t colour)
{
	pixman_image_t *image = panel_host_image(fixture->host);
	const uint32_t *pixels = pixman_image_get_data(image);
	unsigned count = 0;

	for (int i = 0; i < pixman_image_get_width(image) * pixman_image_get_height(image); i++)
		count += (pixels[i] & 0xffffff) == colour;
	return count;
}

/* Nothing was drawn for a while: what was asked for is on view. For pictures, not for checks. */
static void settle(struct fixture *fixture)
{
	gint64 quiet_since = g_get_monotonic_time();
	guint wake_up = g_timeout_add(20, wake, NULL);
	int frames = fixture->frames;

	while (g_get_monotonic_time() - quiet_since < 300 * 1000) {
		g_main_context_iteration(NULL, TRUE);
		if (fixture->frames != frames)
			quiet_since = g_get_monotonic_time();
		frames = fixture->frames;
	}
	g_source_remove(wake_up);
}

static void press(struct fixture *fixture, uint16_t code)
{
	panel_host_key(fixture->host, ++fixture->time, code, true);
	panel_host_key(fixture->host, ++fixture->time, code, false);
}

static void press_with(struct fixture *fixture, uint16_t modifier, uint16_t code)
{
	panel_host_key(fixture->host, ++fixture->time, modifier, true);
	press(fixture, code);
	panel_host_key(fixture->host, ++fixture->time, modifier, false);
}

static int setup(void **state)
{
	struct fixture *fixture = g_new0(struct fixture, 1);
	const char *program = g_getenv("MULLION_PANEL");
	char *arguments[] = {(char *)(program ? program : "./mullion-panel"), NULL};
	g_autofree char *socket = NULL;
	GError *error = NULL;

	fixture->directory = g_dir_make_tmp("mullion-panel-XXXXXX", &error);
	assert_null(error);
	g_setenv("MULLION_RUNTIME_DIR", fixture->directory, TRUE);
	fixture->iso = g_build_filename(fixture->directory, "debian-12.iso", NULL);
	assert_true(g_file_set_contents(fixture->iso, "not really one", -1, NULL));
	socket = g_build_filename(fixture->directory, "panel.sock", NULL);
	fixture->host = panel_host_create(socket, WIDTH, HEIGHT, &ops, fixture, &error);
	assert_null(error);
	panel_host_set_focus(fixture->host, true);
	fixture->presenter = g_timeout_add(16, present, fixture);
	fixture->session = fake_session_create(fixture->directory);
	assert_true(g_spawn_async(NULL, arguments, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
				  &fixture->pid, &error));
	g_child_watch_add(fixture->pid, panel_exited, fixture);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	if (fixture->exited)
		fail_msg("the panel has ended by itself");
	kill(fixture->pid, SIGTERM);
	while (!fixture->exited)
		g_main_context_iteration(NULL, TRUE);
	g_source_remove(fixture->presenter);
	fake_session_destroy(fixture->session);
	panel_host_destroy(fixture->host);
	g_unlink(fixture->iso);
	assert_int_equal(g_rmdir(fixture->directory), 0);
	g_free(fixture->iso);
	g_free(fixture->directory);
	g_free(fixture);
	return 0;
}

static void show_guests(struct fixture *fixture)
{
	fake_session_set_guests(fixture->session, two_guests, G_N_ELEMENTS(two_guests));
	wait_for(fixture, panel_host_has_client(fixture->host) &&
				  fake_session_calls(fixture->session, "Thumbnail") > 0 &&
				  count_pixels(fixture, 0x3584e4) > 500);
	settle(fixture);
}

static void test_keys_open_and_start_guests(void **state)
{
	struct fixture *fixture = *state;

	show_guests(fixture);
	save(fixture, "guests");
	press(fixture, KEY_ENTER);
	wait_for(fixture, fake_session_calls(fixture->session, "Focus") == 1);
	assert_string_equal(
		g_variant_get_string(
			g_variant_get_child_value(fake_session_last(fixture->session, "Focus"), 0),
			NULL),
		"debian");
	press(fixture, KEY_RIGHT);
	press(fixture, KEY_ENTER);
	wait_for(fixture, fake_session_calls(fixture->session, "Start") == 1);
	assert_string_equal(
		g_variant_get_string(
			g_variant_get_child_value(fake_session_last(fixture->session, "Start"), 0),
			NULL),
		"windows");
	press(fixture, KEY_1);
	wait_for(fixture, fake_session_calls(fixture->session, "Focus") == 2);
	assert_int_equal(fake_session_calls(fixture->session, "Stop"), 0);
}

static void test_errors_are_shown_in_words(void **state)
{
	struct fixture *fixture = *state;

	fake_session_fail(fixture->session, "Start",
			  "There is not enough memory for Windows 11: it wants 8 GiB and 3 GiB "
			  "are free. Stop another guest or give it less.");
	show_guests(fixture);
	assert_int_equal(count_pixels(fixture, ERROR_GROUND), 0);
	press(fixture, KEY_2);
	wait_for(fixture, count_pixels(fixture, ERROR_GROUND) > 10000);
	settle(fixture);
	save(fixture, "error");
	press(fixture, KEY_ESC);
	wait_for(fixture, count_pixels(fixture, ERROR_GROUND) == 0);

	/* Guests that go take their cards with them. */
	fake_session_set_guests(fixture->session, two_guests, 1);
	settle(fixture);
	press(fixture, KEY_RIGHT); /* nowhere to go */
	press(fixture, KEY_ENTER);
	wait_for(fixture, fake_session_calls(fixture->session, "Focus") == 1);
	fake_session_set_guests(fixture->session, NULL, 0);
	wait_for(fixture, count_pixels(fixture, 0x3584e4) == 0);
}

static void test_dropped_file_makes_a_guest(void **state)
{
	struct fixture *fixture = *state;
	g_autoptr(GVariant) spec = NULL;
	const char *text;
	guint32 number;

	wait_for(fixture, fake_session_calls(fixture->session, "ListGuests") > 0 &&
				  panel_host_has_client(fixture->host));
	settle(fixture);
	save(fixture, "empty");
	fake_session_drop_file(fixture->session, fixture->iso);
	wait_for(fixture, count_pixels(fixture, CARD_GROUND) > 50000);
	settle(fixture);
	save(fixture, "form");

	/* A failure leaves everything as typed, for another try. */
	fake_session_fail(fixture->session, "CreateGuest", "There is no room on the disk.");
	press(fixture, KEY_ENTER);
	wait_for(fixture, count_pixels(fixture, ERROR_GROUND) > 10000);
	assert_int_equal(fake_session_calls(fixture->session, "CreateGuest"), 1);
	fake_session_fail(fixture->session, NULL, NULL);
	press(fixture, KEY_ENTER);
	wait_for(fixture, fake_session_calls(fixture->session, "CreateGuest") == 2);
	spec = g_variant_get_child_value(fake_session_last(fixture->session, "CreateGuest"), 0);
	assert_true(g_variant_lookup(spec, "name", "&s", &text));
	assert_string_equal(text, "debian-12");
	assert_true(g_variant_lookup(spec, "iso", "&s", &text));
	assert_string_equal(text, fixture->iso);
	assert_true(g_variant_lookup(spec, "os", "&s", &text));
	assert_string_equal(text, "linux");
	assert_true(g_variant_lookup(spec, "memory", "u", &number));
	assert_true(number >= 512);
	assert_true(g_variant_lookup(spec, "disk-size", "u", &number));
	assert_int_equal(number, 20);
	wait_for(fixture, fake_session_calls(fixture->session, "Start") == 1);
}

static void test_wizard_by_keys_alone(void **state)
{
	struct fixture *fixture = *state;

	show_guests(fixture);
	press_with(fixture, KEY_LEFTCTRL, KEY_N);
	wait_for(fixture, count_pixels(fixture, 0x3584e4) == 0);
	settle(fixture);
	save(fixture, "wizard");
	press(fixture, KEY_ESC);
	wait_for(fixture, count_pixels(fixture, 0x3584e4) > 500);

	/* A file that cannot be one is refused in words. */
	assert_true(g_file_set_contents(fixture->iso, "", 0, NULL));
	fake_session_drop_file(fixture->session, fixture->iso);
	wait_for(fixture, count_pixels(fixture, ERROR_GROUND) > 10000);
	assert_int_equal(fake_session_calls(fixture->session, "CreateGuest"), 0);
}

static bool find_pixel(struct fixture *fixture, uint32_t colour, int *x, int *y)
{
	pixman_image_t *image = panel_host_image(fixture->host);
	const uint32_t *pixels = pixman_image_get_data(image);
	int width = pixman_image_get_width(image);

	for (int i = 0; i < width * pixman_image_get_height(image); i++) {
		if ((pixels[i] & 0xffffff) == colour) {
			*x = i % width;
			*y = i / width;
			return true;
		}
	}
	return false;
}

static void click(struct fixture *fixture, int x, int y)
{
	panel_host_pointer_motion(fixture->host, ++fixture->time, x, y);
	panel_host_button(fixture->host, ++fixture->time, BTN_LEFT, true);
	panel_host_button(fixture->host, ++fixture->time, BTN_LEFT, false);
}

static void test_clicks_land(void **state)
{
	struct fixture *fixture = *state;
	int x = 0, y = 0;

	show_guests(fixture);
	assert_true(find_pixel(fixture, SUGGESTED_GROUND, &x, &y));
	assert_true(y < 60); /* in the header: New guest */
	click(fixture, x + 10, y + 10);
	wait_for(fixture, count_pixels(fixture, 0x3584e4) == 0);
	settle(fixture);
	press(fixture, KEY_ESC);
	wait_for(fixture, count_pixels(fixture, 0x3584e4) > 500);
	assert_true(find_pixel(fixture, 0x6ecf8b, &x, &y)); /* the state of a running guest */
	click(fixture, x, y);
	click(fixture, x, y); /* twice: opens it */
	wait_for(fixture, fake_session_calls(fixture->session, "Focus") == 1);
}

static void test_follows_the_size_of_the_screen(void **state)
{
	struct fixture *fixture = *state;
	int x = 0, y = 0;

	show_guests(fixture);
	panel_host_resize(fixture->host, 800, 600);
	/* the button at the right end of the header */
	wait_for(fixture, find_pixel(fixture, SUGGESTED_GROUND, &x, &y) && x > 600);
	settle(fixture);
	save(fixture, "small");
	panel_host_resize(fixture->host, 1920, 1080);
	wait_for(fixture, find_pixel(fixture, SUGGESTED_GROUND, &x, &y) && x > 1700);
	assert_true(count_pixels(fixture, 0x3584e4) > 500);
}

static void test_copy_and_paste(void **state)
{
	struct fixture *fixture = *state;
	g_autoptr(GVariant) spec = NULL;
	const char *name;

	wait_for(fixture, fake_session_calls(fixture->session, "ListGuests") > 0 &&
				  panel_host_has_client(fixture->host));
	settle(fixture);
	fake_session_drop_file(fixture->session, fixture->iso);
	wait_for(fixture, count_pixels(fixture, CARD_GROUND) > 50000);
	settle(fixture);
	press_with(fixture, KEY_LEFTCTRL, KEY_A);
	press_with(fixture, KEY_LEFTCTRL, KEY_C);
	press(fixture, KEY_END);
	press_with(fixture, KEY_LEFTCTRL, KEY_V);
	settle(fixture);
	press(fixture, KEY_ENTER);
	wait_for(fixture, fake_session_calls(fixture->session, "CreateGuest") == 1);
	spec = g_variant_get_child_value(fake_session_last(fixture->session, "CreateGuest"), 0);
	assert_true(g_variant_lookup(spec, "name", "&s", &name));
	assert_string_equal(name, "debian-12debian-12");
}

static void test_questions_before_loss(void **state)
{
	struct fixture *fixture = *state;
	const char *id, *name;

	show_guests(fixture);
	press(fixture, KEY_F10);
	settle(fixture);
	save(fixture, "menu");
	press(fixture, KEY_ENTER); /* the first: revert to a snapshot */
	wait_for(fixture, count_pixels(fixture, 0xb3362f) > 500);
	settle(fixture);
	save(fixture, "revert");
	assert_int_equal(fake_session_calls(fixture->session, "Revert"), 0);
	press(fixture, KEY_UP); /* from the newest to the one before */
	press_with(fixture, KEY_LEFTALT, KEY_R);
	wait_for(fixture, fake_session_calls(fixture->session, "Revert") == 1);
	g_variant_get(fake_session_last(fixture->session, "Revert"), "(&s&s)", &id, &name);
	assert_string_equal(id, "debian");
	assert_string_equal(name, "before-upgrade");

	/* Delete: Enter on the question as it stands deletes nothing. */
	wait_for(fixture, count_pixels(fixture, 0x3584e4) > 500);
	settle(fixture);
	press(fixture, KEY_F10);
	settle(fixture);
	press(fixture, KEY_UP); /* round to the last */
	press(fixture, KEY_ENTER);
	wait_for(fixture, count_pixels(fixture, 0xb3362f) > 500);
	settle(fixture);
	save(fixture, "delete");
	press(fixture, KEY_ENTER);
	wait_for(fixture, count_pixels(fixture, 0x3584e4) > 500);
	assert_int_equal(fake_session_calls(fixture->session, "Delete"), 0);
}

static void test_pictures_only_while_looked_at(void **state)
{
	struct fixture *fixture = *state;
	unsigned calls;
	gint64 until;
	guint wake_up;

	show_guests(fixture);
	calls = fake_session_calls(fixture->session, "Thumbnail");
	wait_for(fixture, fake_session_calls(fixture->session, "Thumbnail") >= calls + 2);

	fake_session_set_focused(fixture->session, "debian");
	settle(fixture); /* the word gets there */
	calls = fake_session_calls(fixture->session, "Thumbnail");
	until = g_get_monotonic_time() + 3 * G_USEC_PER_SEC;
	wake_up = g_timeout_add(100, wake, NULL);
	while (g_get_monotonic_time() < until)
		g_main_context_iteration(NULL, TRUE);
	g_source_remove(wake_up);
	assert_int_equal(fake_session_calls(fixture->session, "Thumbnail"), calls);

	fake_session_set_focused(fixture->session, "");
	wait_for(fixture, fake_session_calls(fixture->session, "Thumbnail") > calls);
}

static void test_control_goes_and_comes_back(void **state)
{
	struct fixture *fixture = *state;
	unsigned lists;

	show_guests(fixture);
	lists = fake_session_calls(fixture->session, "ListGuests");
	fake_session_stop_control(fixture->session);
	wait_for(fixture, count_pixels(fixture, WARNING_GROUND) > 10000);
	settle(fixture);
	save(fixture, "offline");
	fake_session_start_control(fixture->session);
	wait_for(fixture, fake_session_calls(fixture->session, "ListGuests") > lists &&
				  count_pixels(fixture, WARNING_GROUND) == 0);
	fake_session_problem(fixture->session, "debian", "the guest ended by itself");
	wait_for(fixture, count_pixels(fixture, ERROR_GROUND) > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_keys_open_and_start_guests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors_are_shown_in_words, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dropped_file_makes_a_guest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wizard_by_keys_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clicks_land, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follows_the_size_of_the_screen, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_copy_and_paste, setup, teardown),
		cmocka_unit_test_setup_teardown(test_questions_before_loss, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pictures_only_while_looked_at, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_control_goes_and_comes_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
