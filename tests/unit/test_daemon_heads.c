/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control daemon's supervision of heads, with shell scripts in place of mullion-head.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon-heads.h"
#include "daemon.h"

#define DEADLINE_MS 20000
#define ID	    "6695eb01-f6a4-8304-79aa-97f2502e193f"
#define OTHER_ID    "0b7b0a2c-3c1d-4b7a-9b3a-0d3a5f6e7d11"

/* A head that says who it is, over the socket that it was given, and lives as long as that. */
#define GOOD_HEAD "#!/bin/sh\necho \"$$ $*\" >&3\ncat <&3 >/dev/null\n"
#define BAD_HEAD  "#!/bin/sh\nexit 3\n"
#define DEAF_HEAD "#!/bin/sh\ntrap '' TERM\necho \"$$ $*\" >&3\nwhile :; do sleep 1 3>&-; done\n"

struct fixture {
	char *directory, *program;
	struct heads *heads;
	GArray *fds;	/* of every attach, in order */
	GArray *times;	/* of every attach, us */
	GPtrArray *ids; /* of every attach */
	GPtrArray *problems;
	bool done;
};

void daemon_say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

static void on_attach(void *data, const char *id, int fd)
{
	struct fixture *fixture = data;
	gint64 now = g_get_monotonic_time();

	g_array_append_val(fixture->fds, fd);
	g_array_append_val(fixture->times, now);
	g_ptr_array_add(fixture->ids, g_strdup(id));
}

static void on_problem(void *data, const char *id, const char *message)
{
	struct fixture *fixture = data;

	g_ptr_array_add(fixture->problems, g_strdup_printf("%s %s", id, message));
}

static void on_done(void *data)
{
	struct fixture *fixture = data;

	fixture->done = true;
}

static gboolean wake(void *data)
{
	(void)data;
	return G_SOURCE_CONTINUE;
}

/* Turns the main loop until the condition holds; fails the test if it does not in time. */
#define run_until(condition)                                                                       \
	do {                                                                                       \
		gint64 end = g_get_monotonic_time() + DEADLINE_MS * 1000;                          \
		guint timer = g_timeout_add(5, wake, NULL);                                        \
		while (!(condition) && g_get_monotonic_time() < end)                               \
			g_main_context_iteration(NULL, TRUE);                                      \
		g_source_remove(timer);                                                            \
		assert_true(condition);                                                            \
	} while (0)

/* The main loop gets this long to do what it should not. */
static void run_for(unsigned ms)
{
	gint64 end = g_get_monotonic_time() + ms * 1000;
	guint timer = g_timeout_add(5, wake, NULL);

	while (g_get_monotonic_time() < end)
		g_main_context_iteration(NULL, TRUE);
	g_source_remove(timer);
}

static bool is_alive(pid_t pid)
{
	return kill(pid, 0) == 0 || errno != ESRCH;
}

/* Waits for the line that a head says about itself; returns its process id. */
static pid_t hear(struct fixture *fixture, guint which, char *line, size_t size)
{
	int fd = g_array_index(fixture->fds, int, which);
	size_t used = 0;

	while (used + 1 < size) {
		ssize_t count = read(fd, line + used, 1);

		assert_int_equal(count, 1);
		if (line[used++] == '\n')
			break;
	}
	line[used] = '\0';
	return (pid_t)strtol(line, NULL, 10);
}

static bool newest_speaks(struct fixture *fixture)
{
	int fd = g_array_index(fixture->fds, int, fixture->fds->len - 1);
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

static void write_program(struct fixture *fixture, const char *text)
{
	assert_true(g_file_set_contents_full(fixture->program, text, -1, G_FILE_SET_CONTENTS_NONE,
					     0755, NULL));
}

static int setup(void **state)
{
	static const struct heads_hooks hooks = {on_attach, on_problem};
	struct fixture *fixture = g_new0(struct fixture, 1);
	struct heads_options options = {
		.uri = "test:///default",
		.retry_min_ms = 20,
		.retry_max_ms = 80,
		.settled_ms = 60000,
		.kill_ms = 200,
		.max_failures = 3,
	};

	fixture->directory = g_dir_make_tmp("mullion-heads-XXXXXX", NULL);
	fixture->program = g_build_filename(fixture->directory, "mullion-head", NULL);
	options.program = fixture->program;
	fixture->fds = g_array_new(FALSE, FALSE, sizeof(int));
	fixture->times = g_array_new(FALSE, FALSE, sizeof(gint64));
	fixture->ids = g_ptr_array_new_with_free_func(g_free);
	fixture->problems = g_ptr_array_new_with_free_func(g_free);
	write_program(fixture, GOOD_HEAD);
	fixture->heads = heads_create(&options, &hooks, fixture);
	heads_set_startable(fixture->heads, true);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	heads_destroy(fixture->heads);
	for (guint i = 0; i < fixture->fds->len; i++)
		close(g_array_index(fixture->fds, int, i));
	g_unlink(fixture->program);
	g_rmdir(fixture->directory);
	g_array_unref(fixture->fds);
	g_array_unref(fixture->times);
	g_ptr_array_unref(fixture->ids);
	g_ptr_array_unref(fixture->problems);
	g_free(fixture->directory);
	g_free(fixture->program);
	g_free(fixture);
	return 0;
}

/* A head is told its libvirt, its guest and its descriptor, and its other end is handed out. */
static void test_head_gets_its_guest_and_connection(void **state)
{
	struct fixture *fixture = *state;
	char line[256];

	heads_set_attachable(fixture->heads, true);
	heads_set(fixture->heads, ID, "Work");
	run_until(fixture->fds->len == 1);
	assert_string_equal(g_ptr_array_index(fixture->ids, 0), ID);
	hear(fixture, 0, line, sizeof(line));
	assert_string_equal(strchr(line, ' '),
			    " --connect test:///default --guest " ID " --fd 3\n");
	heads_set(fixture->heads, ID, "Renamed"); /* no second head for the same guest */
	run_for(100);
	assert_int_equal(fixture->fds->len, 1);
}

/* No compositor or no libvirt, no heads. */
static void test_heads_wait_for_compositor_and_libvirt(void **state)
{
	struct fixture *fixture = *state;

	heads_set(fixture->heads, ID, "Work");
	run_for(100);
	assert_int_equal(fixture->fds->len, 0);
	heads_set_startable(fixture->heads, false);
	heads_set_attachable(fixture->heads, true);
	run_for(100);
	assert_int_equal(fixture->fds->len, 0);
	heads_set_startable(fixture->heads, true);
	run_until(fixture->fds->len == 1);
}

/* kill -9 of a head brings a new one with a new connection; the other guest's head is not touched.
 */
static void test_killed_head_is_replaced(void **state)
{
	struct fixture *fixture = *state;
	char line[256];
	pid_t first, other, second;

	heads_set_attachable(fixture->heads, true);
	heads_set(fixture->heads, ID, "Work");
	heads_set(fixture->heads, OTHER_ID, "Play");
	run_until(fixture->fds->len == 2);
	first = hear(fixture, 0, line, sizeof(line));
	other = hear(fixture, 1, line, sizeof(line));
	assert_int_equal(kill(first, SIGKILL), 0);
	run_until(fixture->fds->len == 3);
	assert_string_equal(g_ptr_array_index(fixture->ids, 2), ID);
	second = hear(fixture, 2, line, sizeof(line));
	assert_int_not_equal(first, second);
	assert_true(is_alive(other));
	assert_int_equal(fixture->problems->len, 0);
}

/* A head that cannot work is tried ever more slowly, and the user is told once. */
static void test_failing_head_backs_off_and_is_reported_once(void **state)
{
	static const unsigned least_ms[] = {20, 40, 80, 80, 80};
	struct fixture *fixture = *state;

	write_program(fixture, BAD_HEAD);
	heads_set_attachable(fixture->heads, true);
	heads_set(fixture->heads, ID, "Work");
	run_until(fixture->fds->len == 6);
	for (guint i = 0; i < 5; i++) {
		gint64 gap = g_array_index(fixture->times, gint64, i + 1) -
			     g_array_index(fixture->times, gint64, i);

		assert_true(gap >= (gint64)least_ms[i] * 1000);
	}
	assert_int_equal(fixture->problems->len, 1);
	assert_non_null(strstr(g_ptr_array_index(fixture->problems, 0), ID " The guest 'Work'"));
	assert_non_null(strstr(g_ptr_array_index(fixture->problems, 0), "ended with status 3"));

	write_program(fixture, GOOD_HEAD); /* it heals by itself */
	run_until(newest_speaks(fixture));
}

/* A missing program is a problem told, not a crash. */
static void test_missing_program_is_reported(void **state)
{
	struct fixture *fixture = *state;

	g_unlink(fixture->program);
	heads_set_attachable(fixture->heads, true);
	heads_set(fixture->heads, ID, "Work");
	run_until(fixture->problems->len == 1);
	assert_non_null(strstr(g_ptr_array_index(fixture->problems, 0), "could not be started"));
	assert_int_equal(fixture->fds->len, 0);
}

/* A guest that goes takes its head along, and nothing is started after it. */
static void test_head_ends_with_its_guest(void **state)
{
	struct fixture *fixture = *state;
	char line[256];
	pid_t pid;

	heads_set_attachable(fixture->heads, true);
	heads_set(fixture->heads, ID, "Work");
	run_until(fixture->fds->len == 1);
	pid = hear(fixture, 0, line, sizeof(line));
	heads_unset(fixture->heads, ID);
	run_until(!is_alive(pid));
	run_for(100);
	assert_int_equal(fixture->fds->len, 1);
	heads_unset(fixture->heads, ID);
}

/* A new compositor gets new heads, each started after the old one has gone, at no guest's charge.
 */
static void test_compositor_restart_starts_fresh_heads(void **state)
{
	struct fixture *fixture = *state;
	char line[256];
	pid_t pid;

	heads_set_attachable(fixture->heads, true);
	heads_set(fixture->heads, ID, "Work");
	for (guint i = 0; i < 5; i++) {
		run_until(fixture->fds->len == i + 1);
		pid = hear(fixture, i, line, sizeof(line));
		heads_set_attachable(fixture->heads, false);
		if (i % 2) /* both orders: back at once, and back after the head has ended */
			run_until(!is_alive(pid));
		heads_set_attachable(fixture->heads, true);
		run_until(fixture->fds->len == i + 2);
		assert_false(is_alive(pid));
	}
	assert_int_equal(fixture->problems->len, 0);
}

/* A head that the compositor does not take counts as one that fails. */
static void test_rejected_head_is_retried_and_reported(void **state)
{
	struct fixture *fixture = *state;

	heads_set_attachable(fixture->heads, true);
	heads_set(fixture->heads, ID, "Work");
	for (guint i = 0; i < 3; i++) {
		run_until(fixture->fds->len == i + 1);
		heads_reject(fixture->heads, ID);
	}
	run_until(fixture->problems->len == 1);
	assert_non_null(
		strstr(g_ptr_array_index(fixture->problems, 0), "was refused by the display"));
}

/* The end: every head goes, also one that does not listen, and done comes after the last. */
static void test_shut_down_leaves_no_process(void **state)
{
	struct fixture *fixture = *state;
	char line[256];
	pid_t good, deaf;

	heads_set_attachable(fixture->heads, true);
	heads_set(fixture->heads, ID, "Work");
	run_until(fixture->fds->len == 1);
	good = hear(fixture, 0, line, sizeof(line));
	write_program(fixture, DEAF_HEAD);
	heads_set(fixture->heads, OTHER_ID, "Play");
	run_until(fixture->fds->len == 2);
	deaf = hear(fixture, 1, line, sizeof(line));
	heads_shut_down(fixture->heads, on_done, fixture);
	assert_false(fixture->done);
	run_until(fixture->done);
	assert_false(is_alive(good));
	assert_false(is_alive(deaf));
	heads_set(fixture->heads, ID, "Work");
	run_for(100);
	assert_int_equal(fixture->fds->len, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_head_gets_its_guest_and_connection),
		TEST(test_heads_wait_for_compositor_and_libvirt),
		TEST(test_killed_head_is_replaced),
		TEST(test_failing_head_backs_off_and_is_reported_once),
		TEST(test_missing_program_is_reported),
		TEST(test_head_ends_with_its_guest),
		TEST(test_compositor_restart_starts_fresh_heads),
		TEST(test_rejected_head_is_retried_and_reported),
		TEST(test_shut_down_leaves_no_process),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
