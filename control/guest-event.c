/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt's event loop on the GLib default main context, so that one loop serves both. libvirt may
 * add, change and remove from any thread, and a removed callback's data may be freed only after
 * every callback in progress has returned: it is freed from an idle source.
 */
#include "config.h"

#include "guest-internal.h"

#include <glib-unix.h>
#include <libvirt/virterror.h>

struct watch {
	int id, fd, events, interval; /* fd -1: a timer; interval -1: off */
	GSource *source;
	virEventHandleCallback on_handle;
	virEventTimeoutCallback on_timeout;
	virFreeCallback release;
	void *opaque;
};

static GMutex lock;
static GHashTable *watches; /* id -> struct watch */
static int last_id;

/* Runs on the main context. A watch may be gone by now: only its id is trusted. */
static bool look_up(int id, struct watch *copy)
{
	struct watch *watch;

	g_mutex_lock(&lock);
	watch = g_hash_table_lookup(watches, GINT_TO_POINTER(id));
	if (watch)
		*copy = *watch;
	g_mutex_unlock(&lock);
	return watch != NULL;
}

static gboolean handle_ready(int fd, GIOCondition condition, void *data)
{
	struct watch watch;
	int events = 0;

	if (!look_up(GPOINTER_TO_INT(data), &watch))
		return G_SOURCE_REMOVE;
	if (condition & G_IO_IN)
		events |= VIR_EVENT_HANDLE_READABLE;
	if (condition & G_IO_OUT)
		events |= VIR_EVENT_HANDLE_WRITABLE;
	if (condition & G_IO_HUP)
		events |= VIR_EVENT_HANDLE_HANGUP;
	if (condition & (G_IO_ERR | G_IO_NVAL))
		events |= VIR_EVENT_HANDLE_ERROR;
	watch.on_handle(watch.id, fd, events, watch.opaque);
	return G_SOURCE_CONTINUE;
}

static gboolean timer_due(void *data)
{
	struct watch watch;

	if (!look_up(GPOINTER_TO_INT(data), &watch))
		return G_SOURCE_REMOVE;
	watch.on_timeout(watch.id, watch.opaque);
	return G_SOURCE_CONTINUE;
}

/* Called with the lock held. A source's condition cannot be changed from another thread: replace
 * it. */
static void rearm(struct watch *watch)
{
	int condition = 0;

	if (watch->source) {
		g_source_destroy(watch->source);
		g_clear_pointer(&watch->source, g_source_unref);
	}
	if (watch->fd >= 0) {
		if (watch->events & VIR_EVENT_HANDLE_READABLE)
			condition |= G_IO_IN;
		if (watch->events & VIR_EVENT_HANDLE_WRITABLE)
			condition |= G_IO_OUT;
		if (!condition)
			return;
		watch->source = g_unix_fd_source_new(watch->fd,
						     (GIOCondition)condition | G_IO_HUP | G_IO_ERR);
		g_source_set_callback(watch->source, G_SOURCE_FUNC(handle_ready),
				      GINT_TO_POINTER(watch->id), NULL);
	} else {
		if (watch->interval < 0)
			return;
		watch->source = g_timeout_source_new((guint)watch->interval);
		g_source_set_callback(watch->source, timer_due, GINT_TO_POINTER(watch->id), NULL);
	}
	g_source_attach(watch->source, NULL);
}

static int add(struct watch *watch)
{
	g_mutex_lock(&lock);
	watch->id = ++last_id;
	g_hash_table_insert(watches, GINT_TO_POINTER(watch->id), watch);
	rearm(watch);
	g_mutex_unlock(&lock);
	return watch->id;
}

static int add_handle(int fd, int events, virEventHandleCallback callback, void *opaque,
		      virFreeCallback release)
{
	struct watch *watch = g_new0(struct watch, 1);

	*watch = (struct watch){.fd = fd,
				.events = events,
				.on_handle = callback,
				.opaque = opaque,
				.release = release};
	return add(watch);
}

static int add_timeout(int interval, virEventTimeoutCallback callback, void *opaque,
		       virFreeCallback release)
{
	struct watch *watch = g_new0(struct watch, 1);

	*watch = (struct watch){.fd = -1,
				.interval = interval,
				.on_timeout = callback,
				.opaque = opaque,
				.release = release};
	return add(watch);
}

static void update(int id, int value)
{
	struct watch *watch;

	g_mutex_lock(&lock);
	watch = g_hash_table_lookup(watches, GINT_TO_POINTER(id));
	if (watch) {
		if (watch->fd >= 0)
			watch->events = value;
		else
			watch->interval = value;
		rearm(watch);
	}
	g_mutex_unlock(&lock);
}

static gboolean release_watch(void *data)
{
	struct watch *watch = data;

	if (watch->release)
		watch->release(watch->opaque);
	g_free(watch);
	return G_SOURCE_REMOVE;
}

static int remove_watch(int id)
{
	struct watch *watch;

	g_mutex_lock(&lock);
	watch = g_hash_table_lookup(watches, GINT_TO_POINTER(id));
	if (watch) {
		g_hash_table_steal(watches, GINT_TO_POINTER(id));
		if (watch->source) {
			g_source_destroy(watch->source);
			g_source_unref(watch->source);
		}
	}
	g_mutex_unlock(&lock);
	if (!watch)
		return -1;
	g_idle_add_full(G_PRIORITY_HIGH, release_watch, watch, NULL);
	return 0;
}

static void ignore_error(void *data, virErrorPtr error)
{
	(void)data;
	(void)error;
}

void guest_init(void)
{
	static gsize done;

	if (!g_once_init_enter(&done))
		return;
	watches = g_hash_table_new(NULL, NULL);
	virInitialize();
	/* Errors reach the user as ours, once; libvirt would print each to stderr as well. */
	virSetErrorFunc(NULL, ignore_error);
	virEventRegisterImpl(add_handle, update, remove_watch, add_timeout, update, remove_watch);
	g_once_init_leave(&done, 1);
}
