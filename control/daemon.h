/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of mullion-control share: how it speaks to the person who reads its stderr.
 */
#ifndef CONTROL_DAEMON_H
#define CONTROL_DAEMON_H

#include <glib.h>

/* One line on stderr, with the program's name before it. */
void daemon_say(const char *format, ...) G_GNUC_PRINTF(1, 2);

#endif
