/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The watch over libvirt: see daemon-watch.h.
 *
 * libvirt calls back on the main thread (guest_init() puts its event loop there). Connecting and
 * looking at guests block, so both are done on worker threads; at most one of the two at a time.
 */
#include "daemon-watch.h"

#include <gio/gio.h>
#include <libvirt/virterror.h>

#include "daemon-look.h"
#include "daemon.h"
#include "guest.h"

#define RETRY_MIN_MS  1000U
#define RETRY_MAX_MS  30000U
#define COALESCE_MS   20U
#define LOOK_AGAIN_MS 2000U /* after a look that failed */

enum {
	EVENT_LIFECYCLE,
	EVENT_METADATA,
	EVENT_DEVICE_ADDED,
	EVENT_DEVICE_REMOVED,
	EVENT_WAKE_UP,
	EVENT_SLEEP,
	EVENT_IO_ERROR,
	NUM_EVENTS
};

struct hookup {
	struct watch *watch; /* for the callbacks; not looked into off the main thread */
	char *uri;
	virConnectPtr connection;
	int event_ids[NUM_EVENTS]; /* -1: not registered */
};

struct watch {
	char *uri;
	struct watch_hooks hooks;
	void *data;
	GCancellable *cancellable; /* cancelled by destroy: no callback touches the watch after */

	GMutex lock; /* over the two below, which workers read */
	virConnectPtr connection;
	char *why; /* there is none */

	struct hookup *hookup; /* the connection with our callbacks on it */
	guint retry_timer, look_timer;
	unsigned retry_ms;
	bool looking;	       /* a worker looks at the guests */
	bool look_again;       /* something happened since it started */
	bool said_unreachable; /* the user knows */
	GHashTable *incidents; /* id -> enum incident, to be told of with the next look */
};

static void watch_connect(struct watch *watch);

static gboolean watch_look(void *data);

static void watch_schedule_look(struct watch *watch, unsigned ms)
{
	if (!watch->look_timer)
		watch->look_timer = g_timeout_add(ms, watch_look, watch);
}

static void look_done(GObject *source, GAsyncResult *result, void *data)
{
	GTask *task = G_TASK(result);
	struct look *look = g_task_get_task_data(task);
	struct watch *watch = data;
	g_autoptr(GError) error = NULL;
	gboolean sound = g_task_propagate_boolean(task, &error);
	bool again, current;

	(void)source;
	if (g_cancellable_is_cancelled(g_task_get_cancellable(task)))
		return;
	again = watch->look_again;
	current = look->connection == watch->connection;
	watch->looking = false;
	watch->look_again = false;
	if (sound && current) {
		watch->hooks.guests(watch->data, look->guests, look->problems);
	} else if (current) {
		GHashTableIter iter;
		void *id, *incident;

		daemon_say("cannot list the guests: %s", error->message);
		watch_schedule_look(watch, LOOK_AGAIN_MS);
		g_hash_table_iter_init(&iter, look->incidents);
		while (g_hash_table_iter_next(&iter, &id, &incident))
			g_hash_table_insert(watch->incidents, g_strdup(id), incident);
	}
	if (again)
		watch_touch(watch);
}

static gboolean watch_look(void *data)
{
	struct watch *watch = data;
	g_autoptr(GTask) task = NULL;
	struct look *look;

	watch->look_timer = 0;
	if (!watch->connection)
		return G_SOURCE_REMOVE;
	look = look_create(watch->connection, watch->incidents);
	watch->incidents = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	watch->looking = true;
	task = g_task_new(NULL, watch->cancellable, look_done, watch);
	g_task_set_task_data(task, look, look_destroy);
	g_task_run_in_thread(task, look_thread);
	return G_SOURCE_REMOVE;
}

void watch_touch(struct watch *watch)
{
	if (watch->looking)
		watch->look_again = true;
	else
		watch_schedule_look(watch, COALESCE_MS);
}

static void watch_note(struct watch *watch, virDomainPtr dom, enum incident incident)
{
	char id[VIR_UUID_STRING_BUFLEN];

	if (incident != INCIDENT_NONE && virDomainGetUUIDString(dom, id) == 0)
		g_hash_table_insert(watch->incidents, g_strdup(id), GUINT_TO_POINTER(incident));
	watch_touch(watch);
}

static int on_lifecycle(virConnectPtr connection, virDomainPtr dom, int event, int detail,
			void *data)
{
	bool died = (event == VIR_DOMAIN_EVENT_STOPPED &&
		     (detail == VIR_DOMAIN_EVENT_STOPPED_CRASHED ||
		      detail == VIR_DOMAIN_EVENT_STOPPED_FAILED)) ||
		    event == VIR_DOMAIN_EVENT_CRASHED;

	(void)connection;
	watch_note(data, dom, died ? INCIDENT_DIED : INCIDENT_NONE);
	return 0;
}

static void on_metadata(virConnectPtr connection, virDomainPtr dom, int type, const char *uri,
			void *data)
{
	(void)connection;
	(void)dom;
	if (type != VIR_DOMAIN_METADATA_ELEMENT || !uri || g_str_equal(uri, MULLION_METADATA_URI))
		watch_touch(data);
}

static void on_device(virConnectPtr connection, virDomainPtr dom, const char *alias, void *data)
{
	(void)connection;
	(void)dom;
	(void)alias;
	watch_touch(data);
}

static void on_sleep_or_wake_up(virConnectPtr connection, virDomainPtr dom, int reason, void *data)
{
	(void)connection;
	(void)dom;
	(void)reason;
	watch_touch(data);
}

static void on_io_error(virConnectPtr connection, virDomainPtr dom, const char *path,
			const char *alias, int action, const char *reason, void *data)
{
	enum incident incident =
		g_strcmp0(reason, "enospc") == 0 ? INCIDENT_NO_SPACE : INCIDENT_IO_ERROR;

	(void)connection;
	(void)path;
	(void)alias;
	/* Where QEMU reports the error to the guest, the guest copes with it by itself. */
	watch_note(data, dom, action == VIR_DOMAIN_EVENT_IO_ERROR_PAUSE ? incident : INCIDENT_NONE);
}

static const struct {
	int event;
	virConnectDomainEventGenericCallback callback;
} events[NUM_EVENTS] = {
	[EVENT_LIFECYCLE] = {VIR_DOMAIN_EVENT_ID_LIFECYCLE,
			     VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle)},
	[EVENT_METADATA] = {VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
			    VIR_DOMAIN_EVENT_CALLBACK(on_metadata)},
	[EVENT_DEVICE_ADDED] = {VIR_DOMAIN_EVENT_ID_DEVICE_ADDED,
				VIR_DOMAIN_EVENT_CALLBACK(on_device)},
	[EVENT_DEVICE_REMOVED] = {VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
				  VIR_DOMAIN_EVENT_CALLBACK(on_device)},
	[EVENT_WAKE_UP] = {VIR_DOMAIN_EVENT_ID_PMWAKEUP,
			   VIR_DOMAIN_EVENT_CALLBACK(on_sleep_or_wake_up)},
	[EVENT_SLEEP] = {VIR_DOMAIN_EVENT_ID_PMSUSPEND,
			 VIR_DOMAIN_EVENT_CALLBACK(on_sleep_or_wake_up)},
	[EVENT_IO_ERROR] = {VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON,
			    VIR_DOMAIN_EVENT_CALLBACK(on_io_error)},
};

static void watch_set_connection(struct watch *watch, virConnectPtr connection, const char *why)
{
	g_mutex_lock(&watch->lock);
	watch->connection = connection;
	g_free(watch->why);
	watch->why = g_strdup(why);
	g_mutex_unlock(&watch->lock);
}

static void on_close(virConnectPtr connection, int reason, void *data);

static void hookup_free(void *data)
{
	struct hookup *hookup = data;

	if (hookup->connection) {
		for (int i = 0; i < NUM_EVENTS; i++)
			if (hookup->event_ids[i] >= 0)
				virConnectDomainEventDeregisterAny(hookup->connection,
								   hookup->event_ids[i]);
		virConnectUnregisterCloseCallback(hookup->connection, on_close);
		virConnectClose(hookup->connection);
	}
	g_free(hookup->uri);
	g_free(hookup);
}

static void *hookup_free_thread(void *hookup)
{
	hookup_free(hookup);
	return NULL;
}

/* Our own reference ends here; workers may still hold theirs. A libvirt that does not answer must
 * not hold us up. */
static void watch_release_connection(struct watch *watch)
{
	struct hookup *hookup = watch->hookup;

	if (!hookup)
		return;
	watch->hookup = NULL;
	watch_set_connection(watch, NULL, "The connection to libvirt broke; connecting again.");
	g_thread_unref(g_thread_new("libvirt-close", hookup_free_thread, hookup));
}

static gboolean watch_retry(void *data)
{
	struct watch *watch = data;

	watch->retry_timer = 0;
	watch_connect(watch);
	return G_SOURCE_REMOVE;
}

struct closing {
	struct watch *watch;
	virConnectPtr connection;
};

static gboolean watch_lose_connection(void *data)
{
	struct closing *closing = data;
	struct watch *watch = closing->watch;
	bool ours = closing->connection == watch->connection;

	virConnectClose(closing->connection);
	g_free(closing);
	if (!ours)
		return G_SOURCE_REMOVE;
	watch_release_connection(watch);
	watch->said_unreachable = true;
	watch->retry_ms = RETRY_MIN_MS;
	daemon_say("the connection to libvirt broke; connecting again");
	watch->hooks.reachable(watch->data, false, watch->why);
	watch_connect(watch);
	return G_SOURCE_REMOVE;
}

/* Called by whichever thread was reading from libvirt, and the connection may not be closed from
 * its own callback: all is done from the main loop. */
static void on_close(virConnectPtr connection, int reason, void *data)
{
	struct closing *closing = g_new0(struct closing, 1);

	(void)reason;
	closing->watch = data;
	closing->connection = connection;
	virConnectRef(connection);
	g_idle_add(watch_lose_connection, closing);
}

/* Returns false if the one thing that is needed cannot be had. */
static bool hookup_register(struct hookup *hookup)
{
	for (int i = 0; i < NUM_EVENTS; i++)
		hookup->event_ids[i] =
			virConnectDomainEventRegisterAny(hookup->connection, NULL, events[i].event,
							 events[i].callback, hookup->watch, NULL);
	/* The rest depends on the driver: without them changes show a little later. */
	if (hookup->event_ids[EVENT_LIFECYCLE] < 0)
		return false;
	/* Drivers inside our own process have neither: they cannot break. */
	virConnectRegisterCloseCallback(hookup->connection, on_close, hookup->watch, NULL);
	virConnectSetKeepAlive(hookup->connection, 5, 3);
	return true;
}

static void connect_thread(GTask *task, void *source, void *data, GCancellable *cancellable)
{
	struct hookup *hookup = data;
	GError *error = NULL;

	(void)source;
	(void)cancellable;
	hookup->connection = guest_connect(hookup->uri, &error);
	if (hookup->connection && !hookup_register(hookup))
		g_set_error(&error, MULLION_ERROR, MULLION_ERROR_NOT_AVAILABLE,
			    "libvirt does not report what guests do: %s", virGetLastErrorMessage());
	if (error) {
		hookup_free(hookup);
		g_task_return_error(task, error);
	} else {
		g_task_return_pointer(task, hookup, hookup_free);
	}
}

static void connect_done(GObject *source, GAsyncResult *result, void *data)
{
	struct watch *watch = data;
	g_autoptr(GError) error = NULL;
	struct hookup *hookup = g_task_propagate_pointer(G_TASK(result), &error);

	(void)source;
	/* Once the watch is gone the process ends: nothing is freed then. */
	if (g_cancellable_is_cancelled(g_task_get_cancellable(G_TASK(result))))
		return;
	/* on_close() may have come while this was not yet the connection. */
	if (hookup && virConnectIsAlive(hookup->connection) != 1) {
		g_set_error(&error, MULLION_ERROR, MULLION_ERROR_NOT_AVAILABLE,
			    "The connection to libvirt broke; connecting again.");
		g_thread_unref(g_thread_new("libvirt-close", hookup_free_thread, hookup));
		hookup = NULL;
	}
	if (!hookup) {
		watch_set_connection(watch, NULL, error->message);
		if (!watch->said_unreachable) {
			daemon_say("%s (trying again)", error->message);
			watch->hooks.reachable(watch->data, false, error->message);
		}
		watch->said_unreachable = true;
		watch->retry_timer = g_timeout_add(watch->retry_ms, watch_retry, watch);
		watch->retry_ms = MIN(watch->retry_ms * 2, RETRY_MAX_MS);
		return;
	}
	watch->hookup = hookup;
	watch_set_connection(watch, hookup->connection, NULL);
	if (watch->said_unreachable)
		daemon_say("connected to libvirt");
	watch->said_unreachable = false;
	watch->retry_ms = RETRY_MIN_MS;
	watch->hooks.reachable(watch->data, true, NULL);
	watch_touch(watch);
}

static void watch_connect(struct watch *watch)
{
	g_autoptr(GTask) task = g_task_new(NULL, watch->cancellable, connect_done, watch);
	struct hookup *hookup = g_new0(struct hookup, 1);

	hookup->watch = watch;
	hookup->uri = g_strdup(watch->uri);
	for (int i = 0; i < NUM_EVENTS; i++)
		hookup->event_ids[i] = -1;
	g_task_set_task_data(task, hookup, NULL); /* connect_thread() frees it or returns it */
	g_task_run_in_thread(task, connect_thread);
}

struct watch *watch_create(const char *uri, const struct watch_hooks *hooks, void *data)
{
	struct watch *watch = g_new0(struct watch, 1);

	watch->uri = g_strdup(uri);
	watch->hooks = *hooks;
	watch->data = data;
	watch->cancellable = g_cancellable_new();
	watch->retry_ms = RETRY_MIN_MS;
	watch->why = g_strdup("Mullion is still connecting to libvirt. Try again in a moment.");
	watch->incidents = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_mutex_init(&watch->lock);
	watch_connect(watch);
	return watch;
}

void watch_destroy(struct watch *watch)
{
	if (!watch)
		return;
	g_cancellable_cancel(watch->cancellable);
	g_object_unref(watch->cancellable);
	if (watch->retry_timer)
		g_source_remove(watch->retry_timer);
	if (watch->look_timer)
		g_source_remove(watch->look_timer);
	watch_release_connection(watch);
	g_hash_table_unref(watch->incidents);
	g_mutex_clear(&watch->lock);
	g_free(watch->uri);
	g_free(watch->why);
	g_free(watch);
}

virConnectPtr watch_take_connection(struct watch *watch, GError **error)
{
	virConnectPtr connection;

	g_mutex_lock(&watch->lock);
	connection = watch->connection;
	if (connection)
		virConnectRef(connection);
	else
		g_set_error_literal(error, MULLION_ERROR, MULLION_ERROR_NOT_AVAILABLE, watch->why);
	g_mutex_unlock(&watch->lock);
	return connection;
}
