/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Supervision of the heads: see daemon-heads.h.
 */
#include "daemon-heads.h"

#include <errno.h>
#include <gio/gio.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon.h"

#define HEAD_FD 3 /* where the head finds its connection */

struct heads {
	struct heads_options options;
	char *program, *uri;
	struct heads_hooks hooks;
	void *data;
	GHashTable *table; /* id -> struct head, owned */
	bool attachable, startable;
	void (*done)(void *data); /* set: shutting down */
	void *done_data;
};

struct head {
	struct heads *heads; /* NULL: orphaned, freed when its process ends */
	char *id, *label;
	GSubprocess *process; /* NULL: none runs */
	gint64 started_us;
	guint retry_timer, kill_timer;
	unsigned failures; /* in a row */
	bool wanted;
	bool ending;	/* by our own will: no failure */
	bool rejected;	/* the compositor did not take it */
	bool lost_qemu; /* it said so by its exit status */
};

/* mullion-head's exit status when QEMU broke off, which is mostly the guest ending: libvirt says so
 * a moment later, and then no new head is wanted. Only if it does not is it worth a word. */
#define HEAD_LOST_QEMU	  3
#define HEAD_LOST_QEMU_MS 1500U

static void head_start(struct head *head);

static void head_clear_timer(guint *timer)
{
	if (*timer)
		g_source_remove(*timer);
	*timer = 0;
}

static void head_free(struct head *head)
{
	head_clear_timer(&head->retry_timer);
	head_clear_timer(&head->kill_timer);
	g_clear_object(&head->process);
	g_free(head->id);
	g_free(head->label);
	g_free(head);
}

/* For the table: a head whose process still runs is freed when that has been reaped. */
static void head_orphan(void *data)
{
	struct head *head = data;

	if (!head->process) {
		head_free(head);
		return;
	}
	head->heads = NULL;
	head_clear_timer(&head->retry_timer);
	head_clear_timer(&head->kill_timer);
	g_subprocess_force_exit(head->process);
}

static gboolean head_kill(void *data)
{
	struct head *head = data;

	head->kill_timer = 0;
	daemon_say("the head of guest '%s' does not end when asked; killing it", head->label);
	g_subprocess_force_exit(head->process);
	return G_SOURCE_REMOVE;
}

static void head_terminate(struct head *head)
{
	g_subprocess_send_signal(head->process, SIGTERM);
	if (!head->kill_timer)
		head->kill_timer = g_timeout_add(head->heads->options.kill_ms, head_kill, head);
}

static void head_end(struct head *head)
{
	head_clear_timer(&head->retry_timer);
	if (!head->process)
		return;
	head->ending = true;
	head_terminate(head);
}

static gboolean head_retry(void *data)
{
	struct head *head = data;

	head->retry_timer = 0;
	head_start(head);
	return G_SOURCE_REMOVE;
}

/* Plan the next try. why says what happened, as the end of a sentence. */
static void head_failed(struct head *head, const char *why)
{
	struct heads *heads = head->heads;
	unsigned delay = heads->options.retry_min_ms;
	g_autofree char *message = NULL;

	head->failures++;
	for (unsigned i = 1; i < head->failures && delay < heads->options.retry_max_ms; i++)
		delay *= 2;
	delay = MIN(delay, heads->options.retry_max_ms);
	if (head->lost_qemu && head->failures == 1)
		delay = MAX(delay, HEAD_LOST_QEMU_MS);
	else
		daemon_say("the head of guest '%s' %s; next try in %u ms", head->label, why, delay);
	head->retry_timer = g_timeout_add(delay, head_retry, head);

	if (head->failures != heads->options.max_failures)
		return;
	message =
		g_strdup_printf("The guest '%s' runs, but its picture cannot be shown: its display "
				"process %s (%u times now). Mullion keeps trying; stopping and "
				"starting the guest may help.",
				head->label, why, head->failures);
	heads->hooks.problem(heads->data, head->id, message);
}

static char *head_describe_exit(GSubprocess *process)
{
	if (g_subprocess_get_if_signaled(process))
		return g_strdup_printf("was killed by signal %d",
				       g_subprocess_get_term_sig(process));
	return g_strdup_printf("ended with status %d", g_subprocess_get_exit_status(process));
}

/* Start over, or forget the head, after its process has gone. */
static void head_next(struct head *head, const char *why)
{
	struct heads *heads = head->heads;

	if (!head->wanted) {
		g_hash_table_remove(heads->table, head->id);
		if (heads->done && g_hash_table_size(heads->table) == 0)
			heads->done(heads->done_data);
	} else if (why) {
		head_failed(head, why);
	} else {
		head_start(head);
	}
}

static void head_exited(GObject *source, GAsyncResult *result, void *data)
{
	struct head *head = data;
	GSubprocess *process = G_SUBPROCESS(source);
	g_autofree char *why = NULL;

	g_subprocess_wait_finish(process, result, NULL); /* cannot fail without a cancellable */
	head->lost_qemu = g_subprocess_get_if_exited(process) &&
			  g_subprocess_get_exit_status(process) == HEAD_LOST_QEMU;
	g_clear_object(&head->process);
	head_clear_timer(&head->kill_timer);
	if (!head->heads) {
		head_free(head);
		return;
	}
	if (!head->ending) {
		gint64 lived_ms = (g_get_monotonic_time() - head->started_us) / 1000;

		if (lived_ms >= head->heads->options.settled_ms)
			head->failures = 0;
		why = head->rejected ? g_strdup("was refused by the display")
				     : head_describe_exit(process);
	}
	head->ending = false;
	head->rejected = false;
	head_next(head, why);
}

static gboolean head_spawn(struct head *head, int *fd_out, GError **error)
{
	struct heads *heads = head->heads;
	g_autoptr(GSubprocessLauncher) launcher =
		g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "%s",
			    g_strerror(errno));
		return FALSE;
	}
	g_subprocess_launcher_take_fd(launcher, ends[0], HEAD_FD);
	g_ptr_array_add(argv, heads->program);
	if (heads->uri) {
		g_ptr_array_add(argv, (char *)"--connect");
		g_ptr_array_add(argv, heads->uri);
	}
	g_ptr_array_add(argv, (char *)"--guest");
	g_ptr_array_add(argv, head->id);
	g_ptr_array_add(argv, (char *)"--fd");
	g_ptr_array_add(argv, (char *)G_STRINGIFY(HEAD_FD));
	g_ptr_array_add(argv, NULL);
	head->process =
		g_subprocess_launcher_spawnv(launcher, (const char *const *)argv->pdata, error);
	if (!head->process) {
		close(ends[1]);
		return FALSE;
	}
	*fd_out = ends[1];
	return TRUE;
}

static void head_start(struct head *head)
{
	struct heads *heads = head->heads;
	g_autoptr(GError) error = NULL;
	g_autofree char *why = NULL;
	int fd = -1;

	if (head->process || head->retry_timer || !head->wanted || !heads->attachable ||
	    !heads->startable)
		return;
	if (!head_spawn(head, &fd, &error)) {
		why = g_strdup_printf("could not be started (%s)", error->message);
		head_failed(head, why);
		return;
	}
	head->started_us = g_get_monotonic_time();
	g_subprocess_wait_async(head->process, NULL, head_exited, head);
	heads->hooks.attach(heads->data, head->id, fd);
}

static void heads_start_all(struct heads *heads)
{
	GHashTableIter iter;
	void *head;

	g_hash_table_iter_init(&iter, heads->table);
	while (g_hash_table_iter_next(&iter, NULL, &head))
		head_start(head);
}

struct heads *heads_create(const struct heads_options *options, const struct heads_hooks *hooks,
			   void *data)
{
	struct heads *heads = g_new0(struct heads, 1);

	heads->options = *options;
	heads->program = g_strdup(options->program);
	heads->uri = g_strdup(options->uri);
	heads->hooks = *hooks;
	heads->data = data;
	heads->table = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, head_orphan);
	return heads;
}

void heads_destroy(struct heads *heads)
{
	if (!heads)
		return;
	g_hash_table_destroy(heads->table);
	g_free(heads->program);
	g_free(heads->uri);
	g_free(heads);
}

void heads_set(struct heads *heads, const char *id, const char *label)
{
	struct head *head = g_hash_table_lookup(heads->table, id);

	if (heads->done)
		return;
	if (!head) {
		head = g_new0(struct head, 1);
		head->heads = heads;
		head->id = g_strdup(id);
		g_hash_table_insert(heads->table, head->id, head);
	}
	g_free(head->label);
	head->label = g_strdup(label);
	head->wanted = true;
	head_start(head);
}

void heads_unset(struct heads *heads, const char *id)
{
	struct head *head = g_hash_table_lookup(heads->table, id);

	if (!head)
		return;
	head->wanted = false;
	head->failures = 0;
	head_end(head);
	if (!head->process)
		g_hash_table_remove(heads->table, id);
}

void heads_set_attachable(struct heads *heads, bool attachable)
{
	GHashTableIter iter;
	void *value;

	heads->attachable = attachable;
	g_hash_table_iter_init(&iter, heads->table);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct head *head = value;

		head->failures = 0;
		head_end(head);
	}
	heads_start_all(heads);
}

void heads_set_startable(struct heads *heads, bool startable)
{
	heads->startable = startable;
	heads_start_all(heads);
}

void heads_reject(struct heads *heads, const char *id)
{
	struct head *head = g_hash_table_lookup(heads->table, id);

	if (!head || !head->process || head->ending)
		return;
	head->rejected = true;
	head_terminate(head);
}

void heads_shut_down(struct heads *heads, void (*done)(void *data), void *data)
{
	g_autoptr(GList) all = g_hash_table_get_values(heads->table);

	heads->done = done;
	heads->done_data = data;
	for (GList *item = all; item; item = item->next) {
		struct head *head = item->data;

		heads_unset(heads, head->id);
	}
	if (g_hash_table_size(heads->table) == 0)
		done(data);
}
