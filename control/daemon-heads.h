/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The heads: one process for each guest that runs, kept alive as long as the guest runs and a
 * compositor is there to show it. Main thread only.
 *
 * A head that ends by itself is started again, later each time up to a bound; one that lived for a
 * while counts as healthy and starts the count anew. A guest has never more than one head: a new
 * one starts when the one before has ended.
 */
#ifndef CONTROL_DAEMON_HEADS_H
#define CONTROL_DAEMON_HEADS_H

#include <stdbool.h>

struct heads_options {
	const char *program; /* path of mullion-head */
	const char *uri;     /* passed on as --connect; NULL: not passed */
	unsigned retry_min_ms, retry_max_ms;
	unsigned settled_ms;   /* a head that lived this long was healthy */
	unsigned kill_ms;      /* patience between SIGTERM and SIGKILL */
	unsigned max_failures; /* in a row, before the user is told */
};

struct heads_hooks {
	/* This end of a new head's connection is for the compositor; fd is the callee's now. */
	void (*attach)(void *data, const char *id, int fd);
	/* A head fails again and again; message is for the user. Called once a row of failures. */
	void (*problem)(void *data, const char *id, const char *message);
};

struct heads;

struct heads *heads_create(const struct heads_options *options, const struct heads_hooks *hooks,
			   void *data);
/* Kills what still runs, without waiting. NULL is fine. */
void heads_destroy(struct heads *heads);

void heads_set(struct heads *heads, const char *id, const char *label); /* the guest runs */
void heads_unset(struct heads *heads, const char *id); /* it does not; unknown ids are fine */

/* Whether a compositor is there. Each change ends all heads: their connections went with it. */
void heads_set_attachable(struct heads *heads, bool attachable);
/* While libvirt is away a new head could not reach its guest; those that run go on. */
void heads_set_startable(struct heads *heads, bool startable);
/* The compositor did not take this guest's head: end it; it counts as a failure. */
void heads_reject(struct heads *heads, const char *id);

/* Ends all heads and starts no new ones; done is called when the last one has gone. */
void heads_shut_down(struct heads *heads, void (*done)(void *data), void *data);

#endif
