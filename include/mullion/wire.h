/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Framing, checking and sending of display protocol messages; libmullion-wire, linked by both ends.
 *
 * The checkers are pure: no I/O, no state, no allocation. The reader keeps at most one partial
 * message. The writer queues what the socket does not take, up to a bound that the caller picks; it
 * never blocks.
 */
#ifndef MULLION_WIRE_H
#define MULLION_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mullion/display.h"

enum mullion_wire_side {
	MULLION_WIRE_FROM_HEAD,	      /* the messages a compositor accepts */
	MULLION_WIRE_FROM_COMPOSITOR, /* the messages a head accepts */
};

/* One checked message. payload points into the caller's bytes, aligned to 4, and is valid as long
 * as those are. */
struct mullion_wire_msg {
	uint16_t type;
	uint32_t length;
	const void *payload;
};

/*
 * Checks one whole message: type allowed from this side, length exact for the type and its counts,
 * every value that needs no state in its documented range. A FRAME's rectangles are checked for
 * non-zero size and for x + width and y + height within MULLION_DISPLAY_MAX_SIDE; whether they lie
 * in the current scanout is the receiver's to check. Returns NULL if the message is sound, else a
 * constant sentence that says what is wrong with it.
 */
const char *mullion_wire_check(enum mullion_wire_side from, uint16_t untrusted_type,
			       const void *untrusted_payload, uint32_t length);

struct mullion_wire; /* one end of one connection */

/* Takes over fd (made non-blocking, closed by destroy). from: which side's messages arrive here.
 * queue_max: bytes of unsent messages at which the peer counts as stalled. */
struct mullion_wire *mullion_wire_create(int fd, enum mullion_wire_side from, size_t queue_max);
void mullion_wire_destroy(struct mullion_wire *wire); /* NULL is fine */
int mullion_wire_fd(const struct mullion_wire *wire);

/*
 * Reads what there is and takes the next whole message out of it.
 * Returns 1 and fills *msg (valid until the next call); *fd_out is the descriptor that came with
 * it, which the caller now owns, or -1. Returns 0 if no whole message is there yet (poll for
 * reading), -ECONNRESET if the peer closed (also within a message), -EPROTO if it broke the
 * protocol (mullion_wire_error() says how), or another negative errno. After a negative return the
 * wire is only good for destroying, and mullion_wire_error() is a sentence about it. The peer's
 * HELLO is consumed here: a first message that is not a HELLO, a wrong magic or major version is
 * -EPROTO.
 */
int mullion_wire_receive(struct mullion_wire *wire, struct mullion_wire_msg *msg, int *fd_out);
const char *mullion_wire_error(const struct mullion_wire *wire);
bool mullion_wire_greeted(const struct mullion_wire *wire); /* the peer's HELLO has been accepted */
bool mullion_wire_partial(const struct mullion_wire *wire); /* a message has begun but not ended */

/*
 * Queues a message and sends what the socket takes. tail (may be NULL) follows payload directly
 * (rectangles, pixels). fd is sent along and stays the caller's; -1 for none. create() has already
 * queued our own HELLO. Returns 0, -ENOBUFS if the peer is stalled (nothing was queued), or the
 * socket's negative errno.
 */
int mullion_wire_send(struct mullion_wire *wire, uint16_t type, const void *payload,
		      size_t payload_length, const void *tail, size_t tail_length, int fd);
int mullion_wire_flush(struct mullion_wire *wire); /* 0, or a negative errno */
bool mullion_wire_wants_write(
	const struct mullion_wire *wire); /* something is queued: poll for writing, then flush */

#endif
