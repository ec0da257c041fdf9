/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The test socket of the headless output: a person's hands and eyes, for scripts. One line a
 * command, one line an answer: "ok", "ok TEXT" or "error TEXT".
 *
 *   key CODE 0|1          an evdev key goes up or down
 *   pointer X Y           the pointer is at screen pixel X Y
 *   move DX DY            the pointer moved by that much (grabbed)
 *   button CODE 0|1       an evdev button
 *   wheel DX DY           detents
 *   unplug                all keyboards and pointers are pulled out
 *   drop PATH             a file is dropped on the window
 *   resize W H            the screen has another size
 *   capture PATH          the screen as PNG, once all damage so far is on it
 *   picture ID PATH       the newest picture of a guest as PNG, in focus or not
 *   hash ID X Y W H       a checksum of that part of a guest's newest picture (0 0 0 0: of all)
 *   state                 one JSON object; see compositor_describe()
 *   quit                  as if the user closed the window
 */
#ifndef DISPLAY_TEST_SOCKET_H
#define DISPLAY_TEST_SOCKET_H

#include "compositor.h"

struct test_socket;

struct test_socket *test_socket_create(const char *path, struct compositor *compositor,
				       GError **error);
void test_socket_destroy(struct test_socket *socket); /* NULL is fine */

#endif
