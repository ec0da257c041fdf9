/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A head made of plain system calls, so that it can say what mullion_wire_send() never would. */
#ifndef TESTS_FAKE_HEAD_H
#define TESTS_FAKE_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mullion/display.h"

/* A connected pair: ends[0] for the code under test, ends[1] for the fake head. */
void fake_head_pair(int ends[2]);

/* Writes bytes as they are, with num_fds descriptors at the first; fails the test if the socket
 * does not take them at once. */
void fake_head_write(int fd, const void *bytes, size_t length, const int *fds, unsigned num_fds);

/* One message; memory goes along if it is not -1. */
void fake_head_send(int fd, uint16_t type, const void *payload, size_t length, int memory);
void fake_head_hello(int fd, uint16_t major);
void fake_head_scanout(int fd, uint32_t width, uint32_t height, uint32_t stride, uint32_t buffers,
		       int memory);
void fake_head_frame(int fd, uint32_t buffer, struct mullion_rect rect);

/* Reads one whole message that has already come; false if there is none. The greeting is skipped.
 */
bool fake_head_receive(int fd, uint16_t *type, void *payload, size_t size);

int fake_head_memfd(size_t size, unsigned flags);

/* How many descriptors this process has open. */
unsigned fake_head_open_fds(void);

#endif
