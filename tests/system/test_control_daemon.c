/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mullion-control as a whole, on libvirt's test driver (no QEMU): what the compositor is told and
 * in which order, restarts of every neighbour, and clients that misbehave.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <mullion/runtime.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control-rig.h"

#define WORK	"6695eb01-f6a4-8304-79aa-97f2502e1931"
#define PLAY	"6695eb01-f6a4-8304-79aa-97f2502e1932"
#define FOREIGN "6695eb01-f6a4-8304-79aa-97f2502e1933"
#define UNKNOWN "6695eb01-f6a4-8304-79aa-97f2502e1934"

#define WORK_RUNS "SetGuest " WORK " 1 Work 3465a4 running"
#define WORK_OFF  "SetGuest " WORK " 1 Work 3465a4 off"
#define PLAY_RUNS "SetGuest " PLAY " 2 Play 4e9a06 running"

#define DOMAIN(uuid, name, metadata)                                                               \
	"<domain type='test'><name>" name "</name><uuid>" uuid "</uuid>" metadata                  \
	"<memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>"
#define OURS(slot, label, colour)                                                                  \
	"<metadata><mullion:guest xmlns:mullion='urn:mullion:guest:1' slot='" slot                 \
	"' label='" label "' colour='#" colour "' os='linux'/></metadata>"

/* Two guests of ours and a machine of somebody else's; all run. */
#define NODE                                                                                       \
	"<node>" DOMAIN(WORK, "work", OURS("1", "Work", "3465a4"))                                 \
		DOMAIN(PLAY, "play", OURS("2", "Play", "4e9a06"))                                  \
			DOMAIN(FOREIGN, "foreign", "") "</node>"

static char *make_node(struct rig *rig)
{
	g_autofree char *path = g_build_filename(rig->directory, "node.xml", NULL);

	assert_true(g_file_set_contents(path, NODE, -1, NULL));
	return g_strconcat("test://", path, NULL);
}

/* All is up, both guests are on the display with a head that speaks. */
static void wait_both(struct rig *rig)
{
	struct rig_head *head;

	rig_run_until((head = rig_newest_head(rig, WORK)) && head->spoken);
	rig_run_until((head = rig_newest_head(rig, PLAY)) && head->spoken);
}

static int setup_off(void **state)
{
	*state = rig_create();
	return 0;
}

static int setup(void **state)
{
	struct rig *rig = rig_create();
	g_autofree char *uri = make_node(rig);

	rig_start_compositor(rig);
	rig_start_daemon(rig, uri);
	rig_connect_panel(rig);
	wait_both(rig);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	rig_destroy(*state);
	return 0;
}

/* The facts come before the head, for each guest; what is not ours is never named. */
static void test_facts_come_before_heads(void **state)
{
	struct rig *rig = *state;

	assert_in_range(rig_find_call(rig, WORK_RUNS, 0), 0,
			(unsigned)rig_find_call(rig, "AttachHead " WORK, 0));
	assert_in_range(rig_find_call(rig, PLAY_RUNS, 0), 0,
			(unsigned)rig_find_call(rig, "AttachHead " PLAY, 0));
	for (guint i = 0; i < rig->calls->len; i++)
		assert_null(strstr(g_ptr_array_index(rig->calls, i), FOREIGN));
	assert_int_equal(rig->heads->len, 2);
}

/* Stop: the compositor hears "off" and the head ends. Start: facts, then a new head. */
static void test_stop_and_start_reach_the_compositor(void **state)
{
	struct rig *rig = *state;
	pid_t pid = rig_newest_head(rig, WORK)->pid;
	pid_t other = rig_newest_head(rig, PLAY)->pid;
	unsigned changes;
	guint before;

	rig_run_for(100);
	changes = rig->changes;
	g_variant_unref(rig_call(rig, "Stop", g_variant_new("(sb)", WORK, TRUE), NULL, NULL));
	rig_run_until(rig_find_call(rig, WORK_OFF, 0) >= 0);
	rig_run_until(!rig_is_alive(pid));
	rig_run_until(rig->changes > changes);
	assert_int_equal(rig->problems->len, 0); /* it was asked for */

	before = rig->calls->len;
	g_variant_unref(rig_call(rig, "Start", g_variant_new("(s)", WORK), NULL, NULL));
	rig_run_until(rig_find_call(rig, "AttachHead " WORK, before) >= 0);
	assert_in_range(rig_find_call(rig, WORK_RUNS, before), 0,
			(unsigned)rig_find_call(rig, "AttachHead " WORK, before));
	assert_true(rig_is_alive(other));
	assert_int_equal(rig->heads->len, 3);
}

/* A paused guest keeps its head: its picture stays on the screen. */
static void test_paused_guest_keeps_its_head(void **state)
{
	struct rig *rig = *state;
	pid_t pid = rig_newest_head(rig, WORK)->pid;
	guint before = rig->calls->len;

	g_variant_unref(rig_call(rig, "Pause", g_variant_new("(s)", WORK), NULL, NULL));
	rig_run_until(rig_find_call(rig, "SetGuest " WORK " 1 Work 3465a4 paused", 0) >= 0);
	g_variant_unref(rig_call(rig, "Resume", g_variant_new("(s)", WORK), NULL, NULL));
	rig_run_until(rig_find_call(rig, WORK_RUNS, before) >= 0);
	assert_true(rig_is_alive(pid));
	assert_int_equal(rig->heads->len, 2);
}

/* kill -9 of a head: a new one, the other guest's untouched. */
static void test_killed_head_is_replaced(void **state)
{
	struct rig *rig = *state;
	pid_t pid = rig_newest_head(rig, WORK)->pid;
	pid_t other = rig_newest_head(rig, PLAY)->pid;
	struct rig_head *head;

	assert_int_equal(kill(pid, SIGKILL), 0);
	rig_run_until((head = rig_newest_head(rig, WORK))->spoken && head->pid != pid);
	assert_int_equal(rig_newest_head(rig, PLAY)->pid, other);
	assert_true(rig_is_alive(other));
}

/* A compositor that dies and comes back is told everything anew, and gets fresh heads. */
static void test_compositor_restart_replays_everything(void **state)
{
	struct rig *rig = *state;

	for (int i = 0; i < 3; i++) {
		pid_t work = rig_newest_head(rig, WORK)->pid;
		pid_t play = rig_newest_head(rig, PLAY)->pid;

		rig_stop_compositor(rig);
		rig_run_until(!rig_is_alive(work) && !rig_is_alive(play));
		rig_start_compositor(rig);
		wait_both(rig);
		assert_int_not_equal(rig_newest_head(rig, WORK)->pid, work);
		test_facts_come_before_heads(state);
	}
	assert_int_equal(rig->problems->len, 0);
}

static bool lists_guests(struct rig *rig)
{
	g_autofree char *error = NULL;
	g_autoptr(GVariant) reply = rig_call(rig, "ListGuests", NULL, &error, NULL);

	return reply != NULL;
}

/* The daemon serves the panel and shows guests later if the compositor is not there yet. */
static void test_compositor_may_come_late(void **state)
{
	struct rig *rig = *state;
	g_autofree char *uri = make_node(rig);

	rig_start_daemon(rig, uri);
	rig_connect_panel(rig);
	rig_run_until(lists_guests(rig));
	rig_start_compositor(rig);
	wait_both(rig);
	test_facts_come_before_heads(state);
}

/* ListGuests tells of our guests, with every documented key. */
static void test_list_has_every_documented_key(void **state)
{
	static const struct {
		const char *key, *type;
	} keys[] = {
		{"id", "s"},	 {"name", "s"},	    {"label", "s"},	  {"slot", "u"},
		{"colour", "u"}, {"os", "s"},	    {"state", "s"},	  {"vcpus", "u"},
		{"memory", "u"}, {"firmware", "s"}, {"accelerator", "s"}, {"snapshots", "as"},
		{"disks", "as"},
	};
	struct rig *rig = *state;
	g_autoptr(GVariant) reply = rig_call(rig, "ListGuests", NULL, NULL, NULL);
	g_autoptr(GVariant) guests = g_variant_get_child_value(reply, 0);
	g_autoptr(GVariant) first = NULL;
	const char *label;
	guint32 memory;

	assert_int_equal(g_variant_n_children(guests), 2);
	first = g_variant_get_child_value(guests, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		g_autoptr(GVariant) value =
			g_variant_lookup_value(first, keys[i].key, G_VARIANT_TYPE(keys[i].type));

		if (!value)
			fail_msg("no %s", keys[i].key);
	}
	assert_true(g_variant_lookup(first, "label", "&s", &label));
	assert_string_equal(label, "Work");
	assert_true(g_variant_lookup(first, "memory", "u", &memory));
	assert_int_equal(memory, 64);
}

static void expect_error(struct rig *rig, const char *method, GVariant *arguments,
			 const char *expected)
{
	g_autofree char *name = NULL;
	g_autofree char *message = NULL;
	GVariant *reply = rig_call(rig, method, arguments, &name, &message);

	assert_null(reply);
	if (!name || !g_str_equal(name, expected))
		fail_msg("%s: %s (%s), not %s", method, name ? name : "no reply", message,
			 expected);
	assert_true(strlen(message) > 10);
}

/* A spec with a sound name and one more key. */
static GVariant *spec_with(const char *key, GVariant *value)
{
	GVariantBuilder builder;

	g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
	g_variant_builder_add(&builder, "{sv}", "name", g_variant_new_string("t-ctl"));
	if (key)
		g_variant_builder_add(&builder, "{sv}", key, value);
	return g_variant_new("(a{sv})", &builder);
}

/* Arguments that are wrong get an error that says so, and nothing happens. */
static void test_bad_arguments_are_refused(void **state)
{
#define BAD  "org.mullion.Error.InvalidArgument"
#define GONE "org.mullion.Error.NotFound"
	struct rig *rig = *state;
	g_autofree char *long_text = g_strnfill(100000, 'a');
	g_autofree char *long_path = g_strconcat("/", long_text, NULL);
	const char *one[] = {"Start", "Pause", "Resume", "Delete"};
	guint before = rig->calls->len;

	for (size_t i = 0; i < G_N_ELEMENTS(one); i++) {
		expect_error(rig, one[i], g_variant_new("(s)", ""), BAD);
		expect_error(rig, one[i], g_variant_new("(s)", "work"), BAD);
		expect_error(rig, one[i], g_variant_new("(s)", long_text), BAD);
		expect_error(rig, one[i], g_variant_new("(s)", UNKNOWN), GONE);
		expect_error(rig, one[i], g_variant_new("(s)", FOREIGN), GONE);
		expect_error(rig, one[i], g_variant_new("(u)", 1),
			     "org.freedesktop.DBus.Error.InvalidArgs");
	}
	expect_error(rig, "Stop", g_variant_new("(sb)", FOREIGN, TRUE), GONE);
	expect_error(rig, "Snapshot", g_variant_new("(ss)", WORK, long_text), BAD);
	expect_error(rig, "Snapshot", g_variant_new("(ss)", WORK, "a\nb"), BAD);
	expect_error(rig, "Revert", g_variant_new("(ss)", FOREIGN, "a"), GONE);
	expect_error(rig, "Explode", NULL, "org.freedesktop.DBus.Error.UnknownMethod");

	expect_error(rig, "CreateGuest", g_variant_new_parsed("(@a{sv} {},)"), BAD);
	expect_error(rig, "CreateGuest", spec_with(NULL, NULL), BAD); /* nothing to boot */
	expect_error(rig, "CreateGuest", spec_with("emulator", g_variant_new_string("/bin/sh")),
		     BAD);
	expect_error(rig, "CreateGuest", spec_with("name", g_variant_new_string("twice")), BAD);
	expect_error(rig, "CreateGuest", spec_with("iso", g_variant_new_string("a.iso")), BAD);
	expect_error(rig, "CreateGuest", spec_with("iso", g_variant_new_string(long_path)), BAD);
	expect_error(rig, "CreateGuest", spec_with("iso", g_variant_new_uint32(7)), BAD);
	expect_error(rig, "CreateGuest", spec_with("memory", g_variant_new_string("1")), BAD);
	expect_error(rig, "CreateGuest", spec_with("memory", g_variant_new_int32(-1)), BAD);
	expect_error(rig, "CreateGuest", spec_with("memory", g_variant_new_uint32(UINT32_MAX)),
		     BAD);
	expect_error(rig, "CreateGuest", spec_with("colour", g_variant_new_uint32(0x1000000)), BAD);
	expect_error(rig, "CreateGuest", spec_with("label", g_variant_new_string(long_text)), BAD);
	expect_error(rig, "CreateGuest", spec_with("label", g_variant_new_string("a\033[2J")), BAD);

	rig_run_for(100);
	assert_int_equal(rig->calls->len, before);
	assert_int_equal(rig->heads->len, 2);
#undef GONE
#undef BAD
}

static int connect_raw(struct rig *rig)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	g_autofree char *path = g_build_filename(rig->directory, MULLION_CONTROL_SOCKET, NULL);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Noise, half a handshake and silence on the socket hold up nobody. */
static void test_noise_on_the_socket_is_survived(void **state)
{
	static const char noise[] = "\0GET / HTTP/1.0\r\n\r\nAUTH ANONYMOUS\r\n";
	struct rig *rig = *state;
	int fds[60];

	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
		fds[i] = connect_raw(rig);
		if (i % 3)
			assert_true(send(fds[i], noise, i % 2 ? sizeof(noise) - 1 : 7,
					 MSG_NOSIGNAL) > 0);
	}
	g_variant_unref(rig_call(rig, "ListGuests", NULL, NULL, NULL));
	rig_connect_panel(rig); /* new clients are served as well */
	g_variant_unref(rig_call(rig, "ListGuests", NULL, NULL, NULL));
	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
		close(fds[i]);
}

/* One that calls and calls is thrown out; the panel beside it is served. */
static void test_flood_ends_the_flooder_only(void **state)
{
	struct rig *rig = *state;
	g_autofree char *path = g_build_filename(rig->directory, MULLION_CONTROL_SOCKET, NULL);
	g_autofree char *address = g_strdup_printf("unix:path=%s", path);
	g_autoptr(GDBusConnection) flooder = g_dbus_connection_new_for_address_sync(
		address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL, NULL);

	assert_non_null(flooder);
	for (int i = 0; i < 20000; i++) {
		g_autoptr(GDBusMessage) message = g_dbus_message_new_method_call(
			NULL, MULLION_CONTROL_OBJECT_PATH, "org.mullion.Control1", "ListGuests");

		if (!g_dbus_connection_send_message(flooder, message,
						    G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL))
			break;
	}
	rig_run_until(g_dbus_connection_is_closed(flooder));
	g_variant_unref(rig_call(rig, "ListGuests", NULL, NULL, NULL));
	assert_false(g_dbus_connection_is_closed(rig->panel));
}

/* ListGuests fails, and not only because the first try to connect still goes on. */
static bool says_why(struct rig *rig, char **name, char **message)
{
	g_autoptr(GVariant) reply = NULL;

	g_clear_pointer(name, g_free);
	g_clear_pointer(message, g_free);
	reply = rig_call(rig, "ListGuests", NULL, name, message);
	return !reply && *message && !strstr(*message, "still connecting");
}

/* libvirt out of reach: said to the panel with the way out, served on, and said once on stderr. */
static void test_libvirt_out_of_reach_is_said(void **state)
{
	struct rig *rig = *state;
	g_autofree char *uri =
		g_strdup_printf("qemu+unix:///system?socket=%s/none", rig->directory);
	g_autofree char *name = NULL;
	g_autofree char *message = NULL;
	guint lines = 0;

	rig_start_compositor(rig);
	rig_start_daemon(rig, uri);
	rig_connect_panel(rig);
	/* Before the first try has failed the answer is the same error with another reason. */
	rig_run_until(says_why(rig, &name, &message));
	assert_string_equal(name, "org.mullion.Error.NotAvailable");
	assert_non_null(strstr(message, "libvirt"));
	rig_run_for(2500); /* at least one more try */
	expect_error(rig, "Start", g_variant_new("(s)", WORK), "org.mullion.Error.NotAvailable");
	assert_int_equal(rig->heads->len, 0);

	assert_int_equal(rig_end_daemon(rig, SIGTERM), 0);
	for (const char *c = rig->said; (c = strstr(c, "libvirt cannot be reached")); c++)
		lines++;
	assert_int_equal(lines, 1);
}

/* A libvirt that takes the connection and says nothing holds up neither the panel nor the end. */
static void test_silent_libvirt_holds_up_nobody(void **state)
{
	struct rig *rig = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	g_autofree char *path = g_build_filename(rig->directory, "silent.sock", NULL);
	g_autofree char *uri = g_strdup_printf("qemu+unix:///system?socket=%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 4), 0);
	rig_start_daemon(rig, uri);
	rig_connect_panel(rig);
	expect_error(rig, "ListGuests", NULL, "org.mullion.Error.NotAvailable");
	expect_error(rig, "Start", g_variant_new("(s)", WORK), "org.mullion.Error.NotAvailable");
	assert_int_equal(rig_end_daemon(rig, SIGTERM), 0);
	close(fd);
}

/* A second daemon says why it does not start; one that died is no obstacle. */
static void test_second_daemon_is_refused_and_stale_socket_replaced(void **state)
{
	struct rig *rig = *state;
	g_autofree char *uri = make_node(rig);
	GSubprocess *first = rig->daemon;

	rig_start_daemon(rig, uri);
	assert_int_equal(rig_end_daemon(rig, SIGCONT), 1); /* it ends by itself */
	assert_non_null(strstr(rig->said, "Another mullion-control"));
	rig->daemon = first;
	g_variant_unref(rig_call(rig, "ListGuests", NULL, NULL, NULL)); /* not harmed */

	assert_int_equal(rig_end_daemon(rig, SIGKILL), -SIGKILL);
	rig_stop_compositor(rig);
	rig_start_compositor(rig);
	rig_start_daemon(rig, uri);
	rig_connect_panel(rig);
	wait_both(rig);
}

/* SIGTERM: status 0, heads and socket gone. */
static void test_term_ends_cleanly(void **state)
{
	struct rig *rig = *state;
	pid_t work = rig_newest_head(rig, WORK)->pid;
	pid_t play = rig_newest_head(rig, PLAY)->pid;
	g_autofree char *path = g_build_filename(rig->directory, MULLION_CONTROL_SOCKET, NULL);

	assert_int_equal(rig_end_daemon(rig, SIGTERM), 0);
	assert_false(rig_is_alive(work));
	assert_false(rig_is_alive(play));
	assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

int main(void)
{
#define TEST(name)     cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_OFF(name) cmocka_unit_test_setup_teardown(name, setup_off, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_facts_come_before_heads),
		TEST(test_stop_and_start_reach_the_compositor),
		TEST(test_paused_guest_keeps_its_head),
		TEST(test_killed_head_is_replaced),
		TEST(test_compositor_restart_replays_everything),
		TEST_OFF(test_compositor_may_come_late),
		TEST(test_list_has_every_documented_key),
		TEST(test_bad_arguments_are_refused),
		TEST(test_noise_on_the_socket_is_survived),
		TEST(test_flood_ends_the_flooder_only),
		TEST_OFF(test_libvirt_out_of_reach_is_said),
		TEST_OFF(test_silent_libvirt_holds_up_nobody),
		TEST(test_second_daemon_is_refused_and_stale_socket_replaced),
		TEST(test_term_ends_cleanly),
	};
#undef TEST_OFF
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
