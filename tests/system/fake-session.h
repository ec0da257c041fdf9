/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fake session for tests of the panel: org.mullion.Control1 and org.mullion.Display1 on real
 * sockets, in the test's own main loop, with guests that exist only here. What the panel asks is
 * written down; what it is answered is set by the test.
 */
#ifndef TESTS_FAKE_SESSION_H
#define TESTS_FAKE_SESSION_H

#include <gio/gio.h>
#include <stdbool.h>

struct fake_guest {
	const char *id, *label, *os, *state, *accelerator;
	unsigned slot, colour, vcpus, memory;
	const char *snapshots[4];
	const char *disks[3];
};

struct fake_session;

struct fake_session *fake_session_create(const char *directory);
void fake_session_destroy(struct fake_session *session);

/* Borrowed; the panel is told that they changed. */
void fake_session_set_guests(struct fake_session *session, const struct fake_guest *guests,
			     size_t count);
/* The next calls of this method fail with this message; NULL: they go well. */
void fake_session_fail(struct fake_session *session, const char *method, const char *message);
void fake_session_set_focused(struct fake_session *session, const char *id);
void fake_session_drop_file(struct fake_session *session, const char *path);
void fake_session_problem(struct fake_session *session, const char *id, const char *message);

/* The control plane goes, or comes back. */
void fake_session_stop_control(struct fake_session *session);
void fake_session_start_control(struct fake_session *session);

/* How often the method was called, and the arguments of the last time (NULL: never). */
unsigned fake_session_calls(struct fake_session *session, const char *method);
GVariant *fake_session_last(struct fake_session *session, const char *method);

#endif
