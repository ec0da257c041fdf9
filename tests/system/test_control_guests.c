/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mullion-control with real guests (memtest86+) on qemu:///system: a QEMU that is killed, changes
 * that others make through libvirt, a libvirt that goes away, and the life of a guest from
 * CreateGuest to Delete. The guests are named t-ctl-*; those of an earlier run that broke off are
 * removed first.
 *
 * libvirt is reached through a relay of the test's own, so that it can go away for the daemon only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control-rig.h"

#define ISO	       "/usr/lib/memtest86+/memtest86+x64.iso"
#define LIBVIRT_SOCKET "/run/libvirt/libvirt-sock"
#define SKIPPED	       77 /* what automake takes for "skipped" */

static const char *const names[] = {"t-ctl-work", "t-ctl-play"};
enum { WORK, PLAY, NUM_GUESTS };

struct relay {
	char *path;
	GSocketService *service; /* NULL: libvirt is away */
	GPtrArray *streams;
};

struct fixture {
	struct rig *rig;
	struct relay relay;
	virConnectPtr connection; /* the test's own */
	char *ids[NUM_GUESTS];
};

static void ignore_error(void *data, virErrorPtr error)
{
	(void)data;
	(void)error;
}

static gboolean on_incoming(GSocketService *service, GSocketConnection *near, GObject *source,
			    void *data)
{
	struct relay *relay = data;
	g_autoptr(GSocketClient) client = g_socket_client_new();
	g_autoptr(GSocketAddress) address = g_unix_socket_address_new(LIBVIRT_SOCKET);
	GIOStream *far = G_IO_STREAM(
		g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, NULL));

	(void)service;
	(void)source;
	assert_non_null(far);
	g_ptr_array_add(relay->streams, g_object_ref(near));
	g_ptr_array_add(relay->streams, far);
	g_io_stream_splice_async(G_IO_STREAM(near), far, G_IO_STREAM_SPLICE_NONE, 0, NULL, NULL,
				 NULL);
	return TRUE;
}

static void relay_start(struct relay *relay)
{
	g_autoptr(GSocketAddress) address = g_unix_socket_address_new(relay->path);

	g_unlink(relay->path);
	relay->service = g_socket_service_new();
	assert_true(g_socket_listener_add_address(G_SOCKET_LISTENER(relay->service), address,
						  G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT,
						  NULL, NULL, NULL));
	g_signal_connect(relay->service, "incoming", G_CALLBACK(on_incoming), relay);
}

/* As if libvirtd had been killed: connections break, the socket refuses. */
static void relay_stop(struct relay *relay)
{
	if (!relay->service)
		return;
	g_socket_service_stop(relay->service);
	g_socket_listener_close(G_SOCKET_LISTENER(relay->service));
	g_clear_object(&relay->service);
	for (guint i = 0; i < relay->streams->len; i++) {
		GSocketConnection *stream = g_ptr_array_index(relay->streams, i);

		g_socket_shutdown(g_socket_connection_get_socket(stream), TRUE, TRUE, NULL);
	}
	g_ptr_array_set_size(relay->streams, 0);
}

/* Calls of the panel must not block here: the relay runs on the same main loop. */
struct reply {
	GVariant *value;
	GError *error;
	bool done;
};

static void on_reply(GObject *source, GAsyncResult *result, void *data)
{
	struct reply *reply = data;

	reply->value =
		g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &reply->error);
	reply->done = true;
}

static GVariant *call(struct fixture *fixture, const char *method, GVariant *arguments)
{
	struct reply reply = {.done = false};

	g_dbus_connection_call(fixture->rig->panel, NULL, "/org/mullion/Control1",
			       "org.mullion.Control1", method, arguments, NULL,
			       G_DBUS_CALL_FLAGS_NONE, 180000, NULL, on_reply, &reply);
	while (!reply.done)
		g_main_context_iteration(NULL, TRUE);
	if (reply.error) {
		print_message("%s: %s\n", method, reply.error->message);
		g_clear_error(&reply.error);
	}
	return reply.value;
}

static void call_well(struct fixture *fixture, const char *method, GVariant *arguments)
{
	GVariant *value = call(fixture, method, arguments);

	assert_non_null(value);
	g_variant_unref(value);
}

/* The facts of one of our two guests as ListGuests has them, or NULL. */
static GVariant *find_guest(struct fixture *fixture, int which)
{
	g_autoptr(GVariant) reply = call(fixture, "ListGuests", NULL);
	g_autoptr(GVariant) guests = reply ? g_variant_get_child_value(reply, 0) : NULL;

	for (gsize i = 0; guests && i < g_variant_n_children(guests); i++) {
		GVariant *guest = g_variant_get_child_value(guests, i);
		const char *name;

		if (g_variant_lookup(guest, "name", "&s", &name) && g_str_equal(name, names[which]))
			return guest;
		g_variant_unref(guest);
	}
	return NULL;
}

static bool has_state(struct fixture *fixture, int which, const char *expected)
{
	g_autoptr(GVariant) guest = find_guest(fixture, which);
	const char *state;

	return guest && g_variant_lookup(guest, "state", "&s", &state) &&
	       g_str_equal(state, expected);
}

/* The newest SetGuest about this guest, or "". */
static const char *newest_facts(struct fixture *fixture, int which)
{
	g_autofree char *start = g_strdup_printf("SetGuest %s ", fixture->ids[which]);

	for (guint i = fixture->rig->calls->len; i > 0; i--) {
		const char *line = g_ptr_array_index(fixture->rig->calls, i - 1);

		if (g_str_has_prefix(line, start))
			return line;
	}
	return "";
}

/* The compositor was told last that the guest is in this state (" running"). */
static bool was_told(struct fixture *fixture, int which, const char *end)
{
	return g_str_has_suffix(newest_facts(fixture, which), end);
}

static pid_t head_pid(struct fixture *fixture, int which)
{
	struct rig_head *head = rig_newest_head(fixture->rig, fixture->ids[which]);

	return head ? head->pid : 0;
}

static pid_t qemu_pid(int which)
{
	g_autofree char *path = g_strdup_printf("/run/libvirt/qemu/%s.pid", names[which]);
	g_autofree char *text = NULL;

	return g_file_get_contents(path, &text, NULL, NULL) ? (pid_t)strtol(text, NULL, 10) : 0;
}

/* What another program does to a guest. On a thread, as the daemon's way to libvirt leads through
 * our main loop. */
struct deed {
	int (*act)(virDomainPtr dom);
	virDomainPtr dom;
	int result;
	int done; /* atomic */
};

static void *deed_thread(void *data)
{
	struct deed *deed = data;

	deed->result = deed->act(deed->dom);
	g_atomic_int_set(&deed->done, 1);
	return NULL;
}

static void do_well(int (*act)(virDomainPtr dom), virDomainPtr dom)
{
	struct deed deed = {.act = act, .dom = dom};
	GThread *thread = g_thread_new("deed", deed_thread, &deed);

	while (!g_atomic_int_get(&deed.done))
		rig_wait_turn();
	g_thread_join(thread);
	assert_int_equal(deed.result, 0);
}

static virDomainPtr look_up(struct fixture *fixture, int which)
{
	virDomainPtr dom = virDomainLookupByName(fixture->connection, names[which]);

	assert_non_null(dom);
	return dom;
}

static void start_daemon(struct fixture *fixture)
{
	g_autofree char *uri =
		g_strdup_printf("qemu+unix:///system?socket=%s", fixture->relay.path);
	g_autoptr(GVariant) reply = NULL;

	rig_start_daemon(fixture->rig, uri);
	rig_connect_panel(fixture->rig);
	rig_run_until((reply = call(fixture, "ListGuests", NULL)) != NULL);
}

static void create_guest(struct fixture *fixture, int which)
{
	g_autoptr(GVariant) left = find_guest(fixture, which);
	g_autoptr(GVariant) reply = NULL;
	GVariantBuilder spec;
	const char *id;

	if (left && g_variant_lookup(left, "id", "&s", &id)) {
		call_well(fixture, "Stop", g_variant_new("(sb)", id, TRUE));
		call_well(fixture, "Delete", g_variant_new("(s)", id));
	}
	g_variant_builder_init(&spec, G_VARIANT_TYPE_VARDICT);
	g_variant_builder_add(&spec, "{sv}", "name", g_variant_new_string(names[which]));
	g_variant_builder_add(&spec, "{sv}", "iso", g_variant_new_string(ISO));
	g_variant_builder_add(&spec, "{sv}", "os", g_variant_new_string("other"));
	g_variant_builder_add(&spec, "{sv}", "memory", g_variant_new_uint32(64));
	g_variant_builder_add(&spec, "{sv}", "vcpus", g_variant_new_uint32(1));
	g_variant_builder_add(&spec, "{sv}", "disk-size", g_variant_new_uint32(1));
	reply = call(fixture, "CreateGuest", g_variant_new("(a{sv})", &spec));
	assert_non_null(reply);
	g_variant_get(reply, "(s)", &fixture->ids[which]);
}

static void start_guest(struct fixture *fixture, int which)
{
	pid_t before = head_pid(fixture, which);

	call_well(fixture, "Start", g_variant_new("(s)", fixture->ids[which]));
	rig_run_until(was_told(fixture, which, " running"));
	rig_run_until(head_pid(fixture, which) && head_pid(fixture, which) != before);
}

static int setup(void **state)
{
	struct fixture *fixture = g_new0(struct fixture, 1);

	*state = fixture;
	fixture->rig = rig_create();
	fixture->connection = virConnectOpen("qemu:///system");
	assert_non_null(fixture->connection);
	fixture->relay.path = g_build_filename(fixture->rig->directory, "libvirt.sock", NULL);
	fixture->relay.streams = g_ptr_array_new_with_free_func(g_object_unref);
	relay_start(&fixture->relay);
	rig_start_compositor(fixture->rig);
	start_daemon(fixture);
	for (int i = 0; i < NUM_GUESTS; i++) {
		create_guest(fixture, i);
		start_guest(fixture, i);
	}
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < NUM_GUESTS; i++) {
		g_autoptr(GVariant) stopped = NULL;
		g_autoptr(GVariant) deleted = NULL;

		if (fixture->ids[i])
			stopped =
				call(fixture, "Stop", g_variant_new("(sb)", fixture->ids[i], TRUE));
		if (fixture->ids[i])
			deleted = call(fixture, "Delete", g_variant_new("(s)", fixture->ids[i]));
		(void)stopped; /* the guest may be gone */
		(void)deleted;
		g_free(fixture->ids[i]);
	}
	rig_destroy(fixture->rig);
	relay_stop(&fixture->relay);
	virConnectClose(fixture->connection);
	g_ptr_array_unref(fixture->relay.streams);
	g_free(fixture->relay.path);
	g_free(fixture);
	return 0;
}

/* The one problem told about this guest; NULL if there is none. */
static const char *only_problem(struct fixture *fixture, int which)
{
	const char *found = NULL;

	for (guint i = 0; i < fixture->rig->problems->len; i++) {
		const char *problem = g_ptr_array_index(fixture->rig->problems, i);

		if (!g_str_has_prefix(problem, fixture->ids[which]))
			continue;
		assert_null(found);
		found = problem;
	}
	return found;
}

/* QEMU killed: said to compositor and user, its head ends, and the other guest is not touched. The
 * guest can be started again. */
static void test_killed_qemu_is_told_and_harms_no_other(void **state)
{
	struct fixture *fixture = *state;
	pid_t qemu = qemu_pid(PLAY);
	pid_t head = head_pid(fixture, PLAY);
	pid_t dead_head = head_pid(fixture, WORK);
	guint heads = fixture->rig->heads->len;
	const char *problem;
	g_auto(GStrv) words = NULL;
	bool log_named = false;

	assert_int_equal(fixture->rig->problems->len, 0);
	assert_int_equal(kill(qemu_pid(WORK), SIGKILL), 0);
	rig_run_until(was_told(fixture, WORK, " crashed"));
	rig_run_until((problem = only_problem(fixture, WORK)) != NULL);
	rig_run_until(!rig_is_alive(dead_head));

	assert_non_null(strstr(problem, "stopped unexpectedly"));
	words = g_strsplit_set(problem, " ", -1);
	for (char **word = words; *word; word++) /* the path is there, at the end of its sentence */
		log_named |= g_str_equal(*word, "/var/log/libvirt/qemu/t-ctl-work.log.");
	assert_true(log_named);

	assert_true(has_state(fixture, PLAY, "running"));
	assert_int_equal(qemu_pid(PLAY), qemu);
	assert_true(rig_is_alive(qemu));
	assert_true(rig_is_alive(head));
	rig_run_for(1000); /* longer than the first retries of a head */
	assert_int_equal(fixture->rig->heads->len, heads);
	assert_non_null(only_problem(fixture, WORK));

	start_guest(fixture, WORK);
}

/* As virt-manager or virsh would: the rest of our element stays. */
static void rename_guest(virDomainPtr dom, const char *label)
{
	static const char uri[] = "urn:mullion:guest:1";
	char *before = virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, uri,
					    VIR_DOMAIN_AFFECT_CURRENT);
	g_autoptr(GRegex) regex = g_regex_new("label=([\"'])[^\"']*\\1", 0, 0, NULL);
	g_autofree char *attribute = g_strdup_printf("label='%s'", label);
	g_autofree char *after = NULL;

	assert_non_null(before);
	after = g_regex_replace_literal(regex, before, -1, 0, attribute, 0, NULL);
	assert_non_null(strstr(after, attribute));
	assert_int_equal(virDomainSetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, after, "mullion",
					      uri,
					      VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG),
			 0);
	free(before);
}

/* What others do through libvirt reaches the compositor and the panel as well. */
static void test_changes_by_others_are_seen(void **state)
{
	struct fixture *fixture = *state;
	virDomainPtr dom = look_up(fixture, WORK);
	unsigned changes;

	do_well(virDomainSuspend, dom);
	rig_run_until(was_told(fixture, WORK, " paused"));
	do_well(virDomainResume, dom);
	rig_run_until(was_told(fixture, WORK, " running"));

	changes = fixture->rig->changes;
	rename_guest(dom, "Renamed");
	rig_run_until(strstr(newest_facts(fixture, WORK), " Renamed "));
	rig_run_until(fixture->rig->changes > changes);

	do_well(virDomainDestroy, dom);
	rig_run_until(was_told(fixture, WORK, " off"));
	assert_null(only_problem(fixture, WORK)); /* somebody wanted it */
	virDomainFree(dom);
}

/* Snapshots made by the panel are listed; a deleted guest is taken from the compositor. */
static void test_snapshot_and_delete(void **state)
{
	struct fixture *fixture = *state;
	g_autofree char *removed = g_strdup_printf("RemoveGuest %s", fixture->ids[WORK]);
	g_autoptr(GVariant) guest = NULL;
	g_autofree const char **snapshots = NULL;
	virDomainPtr dom;

	call_well(fixture, "Snapshot", g_variant_new("(ss)", fixture->ids[WORK], "before"));
	guest = find_guest(fixture, WORK);
	assert_true(g_variant_lookup(guest, "snapshots", "^a&s", &snapshots));
	assert_string_equal(snapshots[0], "before");
	call_well(fixture, "Revert", g_variant_new("(ss)", fixture->ids[WORK], "before"));

	call_well(fixture, "Stop", g_variant_new("(sb)", fixture->ids[WORK], TRUE));
	call_well(fixture, "Delete", g_variant_new("(s)", fixture->ids[WORK]));
	rig_run_until(rig_find_call(fixture->rig, removed, 0) >= 0);
	dom = virDomainLookupByName(fixture->connection, names[WORK]);
	assert_null(dom);
	assert_true(has_state(fixture, PLAY, "running"));
	g_clear_pointer(&fixture->ids[WORK], g_free);
}

/* libvirt goes and comes back: the heads stay, the panel is told why it cannot act, what happened
 * meanwhile is caught up with. */
static void test_libvirt_may_go_and_come_back(void **state)
{
	struct fixture *fixture = *state;
	pid_t work = head_pid(fixture, WORK);
	pid_t play = head_pid(fixture, PLAY);
	virDomainPtr dom = look_up(fixture, WORK);

	relay_stop(&fixture->relay);
	rig_run_until(fixture->rig->problems->len == 1);
	assert_null(call(fixture, "ListGuests", NULL));
	do_well(virDomainDestroy, dom);
	rig_run_for(500);
	assert_true(rig_is_alive(work)); /* this fake one does not notice that QEMU went */
	assert_true(rig_is_alive(play));

	relay_start(&fixture->relay);
	rig_run_until(was_told(fixture, WORK, " off"));
	rig_run_until(!rig_is_alive(work));
	assert_true(rig_is_alive(play));
	start_guest(fixture, WORK); /* events come again */
	do_well(virDomainSuspend, dom);
	rig_run_until(was_told(fixture, WORK, " paused"));
	do_well(virDomainResume, dom);
	rig_run_until(was_told(fixture, WORK, " running"));
	assert_int_equal(fixture->rig->problems->len, 1);
	virDomainFree(dom);
}

/* The daemon's end is not the guests' end; the next daemon takes them up. */
static void test_guests_outlive_the_daemon(void **state)
{
	struct fixture *fixture = *state;
	pid_t qemu = qemu_pid(WORK);
	pid_t head = head_pid(fixture, WORK);

	assert_int_equal(rig_end_daemon(fixture->rig, SIGTERM), 0);
	assert_false(rig_is_alive(head));
	assert_true(rig_is_alive(qemu));
	rig_stop_compositor(fixture->rig);
	rig_start_compositor(fixture->rig);
	start_daemon(fixture);
	rig_run_until(head_pid(fixture, WORK) && head_pid(fixture, PLAY));
	assert_int_equal(qemu_pid(WORK), qemu);
}

/* Has libvirt answer, by the project's own script. */
static int bring_libvirt_up(void **state)
{
	const char *source = g_getenv("srcdir");
	g_autofree char *script =
		g_build_filename(source ? source : ".", "scripts/lib/libvirt-up.sh", NULL);
	g_autoptr(GSubprocess) process =
		g_subprocess_new(G_SUBPROCESS_FLAGS_NONE, NULL, "/bin/sh", script, NULL);

	(void)state;
	virSetErrorFunc(NULL, ignore_error);
	return process && g_subprocess_wait_check(process, NULL, NULL) ? 0 : -1;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_killed_qemu_is_told_and_harms_no_other),
		TEST(test_changes_by_others_are_seen),
		TEST(test_snapshot_and_delete),
		TEST(test_libvirt_may_go_and_come_back),
		TEST(test_guests_outlive_the_daemon),
	};
#undef TEST

	if (getuid() != 0) {
		print_message(
			"skipped: it needs qemu:///system and the right to kill QEMU (root)\n");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, bring_libvirt_up, NULL);
}
