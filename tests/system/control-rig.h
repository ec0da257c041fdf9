/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests of mullion-control: the real program between a compositor and a panel that the test
 * plays, with a shell script as mullion-head.
 */
#ifndef TESTS_CONTROL_RIG_H
#define TESTS_CONTROL_RIG_H

#include <gio/gio.h>
#include <stdbool.h>

#define RIG_DEADLINE_MS 30000

struct rig {
	char *directory; /* runtime directory, and all that the test makes */
	GSubprocess *daemon;
	char *log;  /* the file that is the daemon's stderr */
	char *said; /* what was in it when the daemon had ended */

	/* the compositor; calls are logged as "SetGuest ID SLOT LABEL COLOUR STATE" and so on */
	GDBusServer *server;
	GPtrArray *connections;
	GObject *display; /* MullionDisplay1 */
	GPtrArray *calls;
	GArray *heads; /* struct rig_head */

	/* the panel */
	GDBusConnection *panel;
	unsigned changes;    /* GuestsChanged seen */
	GPtrArray *problems; /* "ID MESSAGE" */
};

struct rig_head {
	char id[40];
	int fd; /* the compositor's end */
	bool spoken;
	pid_t pid; /* as it said itself; 0 before */
};

struct rig *rig_create(void);
void rig_destroy(struct rig *rig);

void rig_start_daemon(struct rig *rig, const char *uri);
/* Sends the signal and waits for the end; the exit status, or minus the signal. */
int rig_end_daemon(struct rig *rig, int signal);

void rig_start_compositor(struct rig *rig);
void rig_stop_compositor(struct rig *rig);
void rig_connect_panel(struct rig *rig); /* waits until the daemon serves */

/* A call as the panel; the reply, or NULL with the D-Bus error's name in *error_name (may be NULL)
 * and its text in *message (may be NULL). */
GVariant *rig_call(struct rig *rig, const char *method, GVariant *arguments, char **error_name,
		   char **message);

/* Where the compositor's log has this exact line, at or after position `from`; -1: nowhere. */
int rig_find_call(const struct rig *rig, const char *line, guint from);
/* The newest head of this guest, or NULL; reads what it says of itself. */
struct rig_head *rig_newest_head(struct rig *rig, const char *id);
bool rig_head_hears_end(struct rig_head *head); /* the other end is closed */

bool rig_is_alive(pid_t pid);
void rig_wait_turn(void); /* turns the main loop for at most 5 ms */
void rig_run_for(unsigned ms);

/* Turns the main loop until the condition holds; fails the test if it does not in time. */
#define rig_run_until(condition)                                                                   \
	do {                                                                                       \
		gint64 rig_end = g_get_monotonic_time() + RIG_DEADLINE_MS * 1000;                  \
		while (!(condition) && g_get_monotonic_time() < rig_end)                           \
			rig_wait_turn();                                                           \
		assert_true(condition);                                                            \
	} while (0)

#endif
