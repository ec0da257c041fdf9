/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compositor on the headless output with two fake heads.
 * Protects: what is on the screen, to the pixel; that input reaches the guest in focus and nobody
 * else; that focus returns to the panel when a guest dies or sleeps; that nothing is painted when
 * nothing changed; that the control plane's arguments are checked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <glib/gstdio.h>
#include <linux/input-event-codes.h>
#include <sys/mman.h>
#include <unistd.h>

#include "compositor.h"
#include "fake-head.h"
#include "seat.h"

#define WIDTH  640
#define HEIGHT 480
#define BAND   24
#define ONE    "11111111-1111-4111-8111-111111111111"
#define TWO    "22222222-2222-4222-8222-222222222222"

struct fixture {
	char *directory, *panel;
	struct settings settings;
	struct compositor *compositor;
	struct output *output;
	int heads[2];
	uint32_t *pixels[2];
	char focused[64]; /* as last announced */
};

static void focus_changed(void *data, const char *id)
{
	g_strlcpy(((struct fixture *)data)->focused, id, 64);
}

static void ignore_text(void *data, const char *text)
{
	(void)data;
	(void)text;
}

static const struct compositor_ops ops = {
	.focus_changed = focus_changed, .file_dropped = ignore_text, .quit = ignore_text};

static void presented(void *data)
{
	*(bool *)data = true;
}

/* Turns the main loop until all that has come is handled and on the screen. */
static void settle(struct fixture *f)
{
	gint64 deadline = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
	bool done = false;

	while (g_main_context_iteration(NULL, FALSE))
		;
	compositor_when_presented(f->compositor, presented, &done);
	while (!done) {
		assert_true(g_get_monotonic_time() < deadline);
		g_main_context_iteration(NULL, TRUE);
	}
}

/* A head that shows a WIDTH x HEIGHT picture in which each pixel says where it is. */
static uint32_t pattern(unsigned guest, unsigned x, unsigned y)
{
	return (guest + 1) << 20 | (x * 7 + y * 13) % 0x100000;
}

static void attach(struct fixture *f, unsigned guest, const char *id, uint32_t caps)
{
	size_t size = WIDTH * HEIGHT * 4 * 2;
	int memory = fake_head_memfd(size, MFD_ALLOW_SEALING);
	GError *error = NULL;
	int ends[2];

	fake_head_pair(ends);
	f->heads[guest] = ends[1];
	f->pixels[guest] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	assert_ptr_not_equal(f->pixels[guest], MAP_FAILED);
	for (unsigned y = 0; y < HEIGHT; y++)
		for (unsigned x = 0; x < WIDTH; x++)
			f->pixels[guest][y * WIDTH + x] = pattern(guest, x, y);
	assert_true(compositor_attach_head(f->compositor, id, ends[0], &error));
	fake_head_hello(ends[1], MULLION_DISPLAY_VERSION_MAJOR);
	fake_head_send(ends[1], MULLION_MSG_CAPS, &caps, sizeof(caps), -1);
	fake_head_scanout(ends[1], WIDTH, HEIGHT, WIDTH * 4, 2, memory);
	fake_head_frame(ends[1], 0, (struct mullion_rect){0, 0, WIDTH, HEIGHT});
	close(memory);
}

static int setup(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);
	GError *error = NULL;

	settings_defaults(&f->settings);
	f->settings.band_height = BAND;
	f->directory = g_dir_make_tmp("mullion-test-XXXXXX", NULL);
	f->panel = g_build_filename(f->directory, "panel.sock", NULL);
	f->compositor = compositor_create(&f->settings, NULL, &ops, f);
	f->output = output_headless_create(WIDTH, HEIGHT + BAND, &compositor_output_events,
					   f->compositor, &error);
	assert_non_null(f->output);
	assert_true(compositor_start(f->compositor, f->output, f->panel, &error));
	assert_true(
		compositor_set_guest(f->compositor, ONE, 1, "One", 0x3465a4, "running", &error));
	assert_true(
		compositor_set_guest(f->compositor, TWO, 2, "Two", 0xcc0000, "running", &error));
	attach(f, 0, ONE, MULLION_CAP_POINTER_ABSOLUTE);
	attach(f, 1, TWO, 0);
	settle(f);
	g_strlcpy(f->focused, "nothing was announced", sizeof(f->focused));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	compositor_destroy(f->compositor);
	for (int i = 0; i < 2; i++) {
		if (f->heads[i] >= 0)
			close(f->heads[i]);
		munmap(f->pixels[i], WIDTH * HEIGHT * 4 * 2);
	}
	g_unlink(f->panel);
	g_rmdir(f->directory);
	g_free(f->panel);
	g_free(f->directory);
	g_free(f);
	return 0;
}

static void key(struct fixture *f, uint16_t code, bool down)
{
	compositor_output_events.key(f->compositor, code, down);
}

static void chord(struct fixture *f, uint16_t code)
{
	key(f, KEY_LEFTCTRL, true);
	key(f, KEY_LEFTALT, true);
	key(f, code, true);
	key(f, code, false);
	key(f, KEY_LEFTALT, false);
	key(f, KEY_LEFTCTRL, false);
	settle(f);
}

static uint32_t screen(struct fixture *f, unsigned x, unsigned y)
{
	return pixman_image_get_data(f->output->target)[y * WIDTH + x] & 0xffffff;
}

/* The next input message that came to a head; RELEASE and MODE are no input. */
static bool next_input(struct fixture *f, unsigned guest, uint16_t *type, void *payload,
		       size_t size)
{
	while (fake_head_receive(f->heads[guest], type, payload, size))
		if (*type != MULLION_MSG_RELEASE && *type != MULLION_MSG_MODE)
			return true;
	return false;
}

static void expect_key(struct fixture *f, unsigned guest, uint16_t code, uint16_t down)
{
	struct mullion_msg_key msg;
	uint16_t type;

	assert_true(next_input(f, guest, &type, &msg, sizeof(msg)));
	assert_int_equal(type, MULLION_MSG_KEY);
	assert_int_equal(msg.code, code);
	assert_int_equal(msg.down, down);
}

static void expect_nothing(struct fixture *f, unsigned guest)
{
	unsigned char payload[64];
	uint16_t type;

	assert_false(next_input(f, guest, &type, payload, sizeof(payload)));
}

static void shows_the_guest_to_the_pixel(void **state)
{
	struct fixture *f = *state;

	chord(f, KEY_1);
	assert_string_equal(f->focused, ONE);
	assert_int_equal(screen(f, 0, 0), 0x3465a4); /* the band, in the guest's colour */
	for (unsigned y = 0; y < HEIGHT; y++)
		for (unsigned x = 0; x < WIDTH; x++)
			assert_int_equal(screen(f, x, y + BAND), pattern(0, x, y));
	chord(f, KEY_2);
	assert_string_equal(f->focused, TWO);
	assert_int_equal(screen(f, 0, 0), 0xcc0000);
	assert_int_equal(screen(f, 77, 88 + BAND), pattern(1, 77, 88));
}

static void a_change_reaches_the_screen_and_nothing_else_does(void **state)
{
	struct fixture *f = *state;

	chord(f, KEY_1);
	for (unsigned y = 0; y < HEIGHT; y++)
		for (unsigned x = 0; x < WIDTH; x++)
			f->pixels[0][(HEIGHT + y) * WIDTH + x] =
				x == 300 && y == 200 ? 0x123456 : 0xffffff;
	/* The head says that one pixel changed; the rest of its buffer is a lie. */
	fake_head_frame(f->heads[0], 1, (struct mullion_rect){300, 200, 1, 1});
	settle(f);
	assert_int_equal(screen(f, 300, 200 + BAND), 0x123456);
	assert_int_equal(screen(f, 301, 200 + BAND), pattern(0, 301, 200));
	assert_int_equal(screen(f, 300, 201 + BAND), pattern(0, 300, 201));
}

static unsigned long frames(struct fixture *f)
{
	char *text = compositor_describe(f->compositor);
	unsigned long value =
		strtoul(strstr(text, "\"frames\": ") + strlen("\"frames\": "), NULL, 10);

	g_free(text);
	return value;
}

static gboolean over(gpointer data)
{
	*(bool *)data = true;
	return G_SOURCE_REMOVE;
}

static void nothing_changed_nothing_painted(void **state)
{
	struct fixture *f = *state;
	unsigned long before;
	bool done = false;

	chord(f, KEY_1);
	before = frames(f);
	g_timeout_add(300, over, &done); /* the length of the look: 18 refreshes */
	while (!done)
		g_main_context_iteration(NULL, TRUE);
	assert_int_equal(frames(f), before);
	/* A guest that is not in focus changes: still nothing. */
	fake_head_frame(f->heads[1], 1, (struct mullion_rect){0, 0, WIDTH, HEIGHT});
	settle(f);
	assert_int_equal(frames(f), before);
}

static void keys_reach_the_guest_in_focus_only(void **state)
{
	struct fixture *f = *state;

	key(f, KEY_A, true); /* at the panel */
	key(f, KEY_A, false);
	chord(f, KEY_1);
	key(f, KEY_B, true);
	key(f, KEY_B, false);
	key(f, KEY_LEFTSHIFT, true); /* held across the switch */
	chord(f, KEY_2);
	key(f, KEY_LEFTSHIFT, false);
	settle(f);
	expect_key(f, 0, KEY_B, 1);
	expect_key(f, 0, KEY_B, 0);
	expect_key(f, 0, KEY_LEFTSHIFT, 1);
	key(f, KEY_C, true);
	settle(f);
	/* Ctrl+Alt+Shift+2 is no chord, so the second guest is not in focus. */
	key(f, KEY_C, false);
	settle(f);
	expect_nothing(f, 1);
}

static void held_keys_are_released_on_a_switch(void **state)
{
	struct fixture *f = *state;

	chord(f, KEY_1);
	key(f, KEY_W, true);
	chord(f, KEY_2);
	key(f, KEY_W, false);
	key(f, KEY_X, true);
	settle(f);
	expect_key(f, 0, KEY_W, 1);
	expect_key(f, 0, KEY_W, 0);
	expect_nothing(f, 0);
	expect_key(f, 1, KEY_X, 1);
	expect_nothing(f, 1);
}

static void a_dead_or_sleeping_guest_gives_the_focus_back(void **state)
{
	struct fixture *f = *state;

	chord(f, KEY_1);
	close(f->heads[0]);
	f->heads[0] = -1;
	for (int i = 0; i < 1000 && *compositor_focused(f->compositor); i++)
		g_main_context_iteration(NULL, TRUE);
	assert_string_equal(f->focused, "");
	settle(f);
	assert_int_not_equal(screen(f, 0, 0), 0x3465a4);
	chord(f, KEY_2);
	assert_string_equal(f->focused, TWO);
	assert_true(compositor_set_guest(f->compositor, TWO, 2, "Two", 0xcc0000, "sleeping", NULL));
	assert_string_equal(f->focused, "");
	/* The dead one cannot be shown; the attempt says why. */
	GError *error = NULL;

	assert_false(compositor_focus(f->compositor, ONE, &error));
	assert_int_equal(error->code, COMPOSITOR_ERROR_NOT_AVAILABLE);
	g_error_free(error);
}

static void clicks_land_where_aimed(void **state)
{
	struct fixture *f = *state;
	const struct output_events *events = &compositor_output_events;
	struct mullion_msg_pointer_absolute at;
	struct mullion_msg_key button;
	uint16_t type;

	chord(f, KEY_1);
	events->motion(f->compositor, 100, 5); /* on the band */
	events->button(f->compositor, BTN_LEFT, true);
	events->button(f->compositor, BTN_LEFT, false);
	settle(f);
	expect_nothing(f, 0);
	events->motion(f->compositor, 639, BAND + 479);
	events->button(f->compositor, BTN_LEFT, true);
	settle(f);
	assert_true(next_input(f, 0, &type, &at, sizeof(at)));
	assert_int_equal(type, MULLION_MSG_POINTER_ABSOLUTE);
	assert_int_equal(at.x, 639);
	assert_int_equal(at.y, 479);
	assert_true(next_input(f, 0, &type, &button, sizeof(button)));
	assert_int_equal(type, MULLION_MSG_BUTTON);
	assert_int_equal(button.code, BTN_LEFT);
	assert_int_equal(button.down, 1);
	/* A drag goes on outside the picture, at its edge. */
	events->motion(f->compositor, 300, 0);
	settle(f);
	assert_true(next_input(f, 0, &type, &at, sizeof(at)));
	assert_int_equal(type, MULLION_MSG_POINTER_ABSOLUTE);
	assert_int_equal(at.x, 300);
	assert_int_equal(at.y, 0);
	expect_nothing(f, 1);
}

static void a_relative_pointer_is_grabbed_by_a_click(void **state)
{
	struct fixture *f = *state;
	const struct output_events *events = &compositor_output_events;
	struct mullion_msg_pointer_relative by;
	struct mullion_msg_key button;
	uint16_t type;

	chord(f, KEY_2);
	events->motion(f->compositor, 320, 200);
	events->motion_relative(f->compositor, 1, 1);  /* not grabbed yet */
	events->button(f->compositor, BTN_LEFT, true); /* grabs, and is ours */
	events->button(f->compositor, BTN_LEFT, false);
	settle(f);
	expect_nothing(f, 1);
	events->motion_relative(f->compositor, -3, 4);
	events->button(f->compositor, BTN_RIGHT, true);
	settle(f);
	assert_true(next_input(f, 1, &type, &by, sizeof(by)));
	assert_int_equal(type, MULLION_MSG_POINTER_RELATIVE);
	assert_int_equal(by.dx, -3);
	assert_int_equal(by.dy, 4);
	assert_true(next_input(f, 1, &type, &button, sizeof(button)));
	assert_int_equal(button.code, BTN_RIGHT);
	events->button(f->compositor, BTN_RIGHT, false);
	settle(f);
	assert_true(next_input(f, 1, &type, &button, sizeof(button)));
	chord(f, KEY_G); /* gives the pointer back */
	events->motion_relative(f->compositor, 5, 5);
	settle(f);
	expect_nothing(f, 1);
}

static void the_switcher_shows_what_guests_show(void **state)
{
	struct fixture *f = *state;
	unsigned count = 0;
	bool done = false;

	for (int i = 0; i < WIDTH * HEIGHT; i++)
		f->pixels[1][WIDTH * HEIGHT + i] = 0x00ff00; /* seen nowhere else */
	fake_head_frame(f->heads[1], 1, (struct mullion_rect){0, 0, WIDTH, HEIGHT});
	settle(f);
	chord(f, KEY_1);
	key(f, KEY_LEFTCTRL, true);
	key(f, KEY_LEFTALT, true);
	g_timeout_add(SEAT_SWITCHER_MS * 2, over, &done); /* the hold itself */
	while (!done)
		g_main_context_iteration(NULL, TRUE);
	settle(f);
	for (unsigned y = 0; y < HEIGHT + BAND; y++)
		for (unsigned x = 0; x < WIDTH; x++)
			count += screen(f, x, y) == 0x00ff00;
	assert_true(count > 2000); /* a thumbnail of the second guest over the first */
	key(f, KEY_LEFTALT, false);
	key(f, KEY_LEFTCTRL, false);
	settle(f);
	assert_int_equal(screen(f, WIDTH / 2, HEIGHT / 2 + BAND),
			 pattern(0, WIDTH / 2, HEIGHT / 2));
	expect_nothing(f, 0);
	expect_nothing(f, 1);
}

/* Auto-hide: the picture has the whole screen, and the band comes over it on every switch, which
 * no guest can prevent or fake for long: it is not the guest's pixels. */
static void an_auto_hidden_band_shows_on_a_switch(void **state)
{
	struct fixture *f = *state;
	bool done = false;

	f->settings.band_auto_hide = true;
	compositor_output_events.resized(f->compositor); /* the area is the whole screen now */
	chord(f, KEY_2);
	assert_int_equal(screen(f, 0, 0), 0xcc0000);
	g_timeout_add(2500, over, &done); /* longer than the band is shown */
	while (!done)
		g_main_context_iteration(NULL, TRUE);
	settle(f);
	assert_int_not_equal(screen(f, 0, 0), 0xcc0000);
	chord(f, KEY_1);
	assert_int_equal(screen(f, 0, 0), 0x3465a4);
}

static void the_control_plane_is_checked(void **state)
{
	struct fixture *f = *state;
	char long_label[80];
	static const struct {
		const char *id;
		unsigned slot;
		const char *label;
		unsigned colour;
		const char *guest_state;
	} bad[] = {
		{"not-a-uuid", 3, "x", 0, "off"}, {"", 3, "x", 0, "off"},
		{TWO, 10, "x", 0, "off"},	  {TWO, 1, "x", 0, "off"},
		{TWO, 2, "", 0, "off"},		  {TWO, 2, "\xff\xfe", 0, "off"},
		{TWO, 2, NULL, 0, "off"},	  {TWO, 2, "x", 0x1000000, "off"},
		{TWO, 2, "x", 0, "flying"},
	};

	memset(long_label, 'a', sizeof(long_label));
	long_label[sizeof(long_label) - 1] = '\0';
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		GError *error = NULL;

		assert_false(compositor_set_guest(f->compositor, bad[i].id, bad[i].slot,
						  bad[i].label ? bad[i].label : long_label,
						  bad[i].colour, bad[i].guest_state, &error));
		assert_int_equal(error->code, COMPOSITOR_ERROR_INVALID_ARGUMENT);
		g_error_free(error);
	}
	assert_false(compositor_remove_guest(f->compositor, "nobody", NULL));
	chord(f, KEY_2); /* unharmed */
	assert_string_equal(f->focused, TWO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(shows_the_guest_to_the_pixel),
		TEST(a_change_reaches_the_screen_and_nothing_else_does),
		TEST(nothing_changed_nothing_painted),
		TEST(keys_reach_the_guest_in_focus_only),
		TEST(held_keys_are_released_on_a_switch),
		TEST(a_dead_or_sleeping_guest_gives_the_focus_back),
		TEST(clicks_land_where_aimed),
		TEST(a_relative_pointer_is_grabbed_by_a_click),
		TEST(the_switcher_shows_what_guests_show),
		TEST(an_auto_hidden_band_shows_on_a_switch),
		TEST(the_control_plane_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
