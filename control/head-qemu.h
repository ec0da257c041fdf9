/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other side of a head: one guest's QEMU, on its peer-to-peer D-Bus display. Draws into the
 * picture, takes input, and tells of LEDs and of what the guest can do. Nothing here waits for
 * QEMU, and a stuck QEMU costs a bounded amount of memory.
 */
#ifndef CONTROL_HEAD_QEMU_H
#define CONTROL_HEAD_QEMU_H

#include <glib.h>

#include "head-input.h"
#include "head-listener.h"
#include "head-picture.h"

struct head_qemu_ops {
	/* All with the data given to create, from the GLib main loop. */
	struct head_listener_ops listener;	 /* `closed` is called once, whatever has ended */
	void (*leds)(void *data, uint32_t leds); /* MULLION_LED_* */
	void (*caps)(void *data, uint32_t caps); /* MULLION_CAP_* */
};

struct head_qemu;

/* Takes over fd, a socket that QEMU has accepted as a display client. */
struct head_qemu *head_qemu_create(int fd, struct head_picture *picture,
				   const struct head_qemu_ops *ops, void *data, GError **error);
void head_qemu_destroy(struct head_qemu *qemu); /* NULL is fine; no callback is made */

bool head_qemu_settled(const struct head_qemu *qemu); /* the picture is whole */

/* The guest's input. After adding to it: head_qemu_pump(). */
struct head_input *head_qemu_input(struct head_qemu *qemu);
void head_qemu_pump(struct head_qemu *qemu);
void head_qemu_request_mode(struct head_qemu *qemu, const struct mullion_msg_mode *mode);

#endif
