/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One end of a display protocol connection (include/mullion/wire.h) over a non-blocking stream
 * socket.
 *
 * Reading goes header first, and never past the end of the message. The kernel hands a descriptor
 * out with the first read that touches the bytes it was sent with, but may put bytes from before it
 * into the same read; only reads that end where a message ends make it certain whose it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "mullion/wire.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the wire is little-endian");

/* A stalled peer must not cost its other end all descriptors either. */
#define WIRE_QUEUE_FDS 16U

struct wire_chunk {
	struct wire_chunk *next;
	size_t length, sent;
	int fd; /* goes with the first byte; -1 if none, or sent */
	unsigned char bytes[];
};

struct mullion_wire {
	int fd;
	enum mullion_wire_side from;
	bool greeted;
	int broken; /* the negative errno that ended reading, 0 while it goes on */

	/* the message that is being read */
	struct mullion_msg_header header;
	size_t have; /* bytes of header and payload read so far */
	int fd_in;   /* came with its header; -1 if none */

	/* what the socket did not take yet */
	struct wire_chunk *queue, **queue_end;
	size_t queued, queue_max;
	unsigned queued_fds;

	char error[160];
	uint32_t payload[MULLION_DISPLAY_MAX_PAYLOAD / 4]; /* uint32_t: aligned for every message */
};

static const char *wire_peer(const struct mullion_wire *wire)
{
	return wire->from == MULLION_WIRE_FROM_HEAD ? "head" : "screen";
}

static int __attribute__((format(printf, 3, 4)))
wire_break(struct mullion_wire *wire, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(wire->error, sizeof(wire->error), format, args);
	va_end(args);
	wire->broken = error;
	return error;
}

static int wire_break_protocol(struct mullion_wire *wire, const char *what)
{
	return wire_break(wire, -EPROTO, "the %s broke the display protocol: %s", wire_peer(wire),
			  what);
}

/* Takes the descriptors out of a received message: one that belongs is kept in fd_in, any other is
 * closed. */
static int wire_take_fds(struct mullion_wire *wire, struct msghdr *msg)
{
	bool misplaced = false;

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t size = cmsg->cmsg_len - CMSG_LEN(0);

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof(int) <= size; at += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + at, sizeof(fd));
			if (wire->have == 0 && wire->fd_in < 0) {
				wire->fd_in = fd;
			} else {
				close(fd);
				misplaced = true;
			}
		}
	}
	if (misplaced)
		return wire_break_protocol(wire, "a descriptor where none belongs");
	if (msg->msg_flags & MSG_CTRUNC)
		return wire_break_protocol(wire, "more descriptors than can be taken");
	return 0;
}

/* One read of at most length bytes. Returns their number, 0 if there are none now, or a negative
 * errno. */
static ssize_t wire_read(struct mullion_wire *wire, void *to, size_t length)
{
	/* Room for two descriptors, so that a second one is seen; the kernel drops any further. */
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = to, .iov_len = length};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got;
	int rc;

	do {
		got = recvmsg(wire->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);

	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (got == 0 || (got < 0 && errno == ECONNRESET))
		return wire_break(wire, -ECONNRESET, "the %s closed its connection%s",
				  wire_peer(wire), wire->have ? " within a message" : "");
	if (got < 0)
		return wire_break(wire, -errno, "reading from the %s failed: %s", wire_peer(wire),
				  strerror(errno));
	rc = wire_take_fds(wire, &msg);
	if (rc)
		return rc;
	wire->have += (size_t)got;
	return got;
}

static int wire_check_header(struct mullion_wire *wire)
{
	if (!wire->greeted && wire->header.type != MULLION_MSG_HELLO)
		return wire_break_protocol(wire, "a message before the greeting");
	if (wire->greeted && wire->header.type == MULLION_MSG_HELLO)
		return wire_break_protocol(wire, "a second greeting");
	if (wire->header.length > MULLION_DISPLAY_MAX_PAYLOAD)
		return wire_break_protocol(wire, "a message that is too long");
	return 0;
}

/* The greeting of another version may look different in all but its beginning, so the version is
 * looked at before anything else is. */
static int wire_check_version(struct mullion_wire *wire)
{
	struct mullion_msg_hello hello;

	if (wire->header.length < sizeof(hello))
		return wire_break_protocol(wire, "a message of the wrong length");
	memcpy(&hello, wire->payload, sizeof(hello));
	if (hello.magic == MULLION_DISPLAY_MAGIC && hello.major != MULLION_DISPLAY_VERSION_MAJOR)
		return wire_break(wire, -EPROTO, "the %s speaks display protocol %u, this %s %u",
				  wire_peer(wire), hello.major,
				  wire->from == MULLION_WIRE_FROM_HEAD ? "screen" : "head",
				  MULLION_DISPLAY_VERSION_MAJOR);
	return 0;
}

static int wire_check_message(struct mullion_wire *wire)
{
	const struct mullion_msg_scanout *scanout = (const void *)wire->payload;
	const char *wrong;

	if (wire->header.flags)
		return wire_break_protocol(wire, "a message with unknown flags");
	wrong = mullion_wire_check(wire->from, wire->header.type, wire->payload,
				   wire->header.length);
	if (wrong)
		return wire_break_protocol(wire, wrong);
	if (wire->header.type == MULLION_MSG_SCANOUT && scanout->buffers) {
		if (wire->fd_in < 0)
			return wire_break_protocol(wire, "a scanout without its memory");
	} else if (wire->fd_in >= 0) {
		return wire_break_protocol(wire, "a descriptor where none belongs");
	}
	return 0;
}

/* Reads on until a message is whole. 1, 0 (nothing more to read now), or a negative errno. */
static int wire_read_message(struct mullion_wire *wire)
{
	const size_t head = sizeof(wire->header);
	ssize_t got;
	int rc;

	while (wire->have < head) {
		got = wire_read(wire, (char *)&wire->header + wire->have, head - wire->have);
		if (got <= 0)
			return (int)got;
		if (wire->have < head)
			continue;
		rc = wire_check_header(wire);
		if (rc)
			return rc;
	}
	while (wire->have < head + wire->header.length) {
		got = wire_read(wire, (char *)wire->payload + (wire->have - head),
				head + wire->header.length - wire->have);
		if (got <= 0)
			return (int)got;
	}
	return 1;
}

int mullion_wire_receive(struct mullion_wire *wire, struct mullion_wire_msg *msg, int *fd_out)
{
	int rc;

	*fd_out = -1;
	if (wire->broken)
		return wire->broken;
	for (;;) {
		rc = wire_read_message(wire);
		if (rc <= 0)
			return rc;
		if (!wire->greeted) {
			rc = wire_check_version(wire);
			if (rc)
				return rc;
		}
		rc = wire_check_message(wire);
		if (rc)
			return rc;
		wire->have = 0;
		if (wire->greeted)
			break;
		wire->greeted = true; /* this was the HELLO */
	}
	msg->type = wire->header.type;
	msg->length = wire->header.length;
	msg->payload = wire->payload;
	*fd_out = wire->fd_in;
	wire->fd_in = -1;
	return 1;
}

/* One write. Returns the number of bytes taken or a negative errno, -EAGAIN if there is no room. */
static ssize_t wire_write(struct mullion_wire *wire, struct iovec *iov, size_t num_iov, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = num_iov};
	ssize_t sent;

	if (fd >= 0) {
		struct cmsghdr *cmsg = &control.align;

		memset(&control, 0, sizeof(control));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	do {
		sent = sendmsg(wire->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return sent;
}

static void wire_drop_chunk(struct mullion_wire *wire)
{
	struct wire_chunk *chunk = wire->queue;

	wire->queue = chunk->next;
	if (!wire->queue)
		wire->queue_end = &wire->queue;
	wire->queued -= chunk->length - chunk->sent;
	if (chunk->fd >= 0) {
		close(chunk->fd);
		wire->queued_fds--;
	}
	free(chunk);
}

int mullion_wire_flush(struct mullion_wire *wire)
{
	struct wire_chunk *chunk;

	while ((chunk = wire->queue)) {
		struct iovec iov = {.iov_base = chunk->bytes + chunk->sent,
				    .iov_len = chunk->length - chunk->sent};
		ssize_t sent = wire_write(wire, &iov, 1, chunk->fd);

		if (sent == -EAGAIN)
			return 0;
		if (sent < 0)
			return (int)sent;
		if (chunk->fd >= 0) {
			close(chunk->fd);
			chunk->fd = -1;
			wire->queued_fds--;
		}
		chunk->sent += (size_t)sent;
		wire->queued -= (size_t)sent;
		if (chunk->sent == chunk->length)
			wire_drop_chunk(wire);
	}
	return 0;
}

static int wire_queue(struct mullion_wire *wire, const struct iovec *iov, size_t num_iov, int fd)
{
	struct wire_chunk *chunk;
	size_t length = 0;

	for (size_t i = 0; i < num_iov; i++)
		length += iov[i].iov_len;
	chunk = malloc(sizeof(*chunk) + length);
	if (!chunk)
		return -ENOMEM;
	*chunk = (struct wire_chunk){.length = length, .fd = -1};
	if (fd >= 0) {
		chunk->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (chunk->fd < 0) {
			int error = -errno;

			free(chunk);
			return error;
		}
		wire->queued_fds++;
	}
	length = 0;
	for (size_t i = 0; i < num_iov; i++) {
		if (iov[i].iov_len)
			memcpy(chunk->bytes + length, iov[i].iov_base, iov[i].iov_len);
		length += iov[i].iov_len;
	}
	*wire->queue_end = chunk;
	wire->queue_end = &chunk->next;
	wire->queued += length;
	return 0;
}

int mullion_wire_send(struct mullion_wire *wire, uint16_t type, const void *payload,
		      size_t payload_length, const void *tail, size_t tail_length, int fd)
{
	struct mullion_msg_header header = {.type = type};
	struct iovec iov[3] = {
		{.iov_base = &header, .iov_len = sizeof(header)},
		{.iov_base = (void *)(uintptr_t)payload, .iov_len = payload_length},
		{.iov_base = (void *)(uintptr_t)tail, .iov_len = tail ? tail_length : 0},
	};
	ssize_t sent;
	int rc;

	if (payload_length > MULLION_DISPLAY_MAX_PAYLOAD ||
	    iov[2].iov_len > MULLION_DISPLAY_MAX_PAYLOAD - payload_length)
		return -EMSGSIZE;
	header.length = (uint32_t)(payload_length + iov[2].iov_len);

	rc = mullion_wire_flush(wire);
	if (rc)
		return rc;
	if (wire->queue) {
		if (wire->queued + sizeof(header) + header.length > wire->queue_max ||
		    (fd >= 0 && wire->queued_fds >= WIRE_QUEUE_FDS))
			return -ENOBUFS;
		return wire_queue(wire, iov, 3, fd);
	}

	sent = wire_write(wire, iov, 3, fd);
	if (sent == -EAGAIN)
		return wire_queue(wire, iov, 3, fd);
	if (sent < 0)
		return (int)sent;
	/* The descriptor is gone with the first byte; keep what remains of the bytes. */
	for (size_t i = 0; i < 3; i++) {
		size_t skip = (size_t)sent < iov[i].iov_len ? (size_t)sent : iov[i].iov_len;

		if (!skip)
			continue; /* there may be no base to count from */
		iov[i].iov_base = (char *)iov[i].iov_base + skip;
		iov[i].iov_len -= skip;
		sent -= (ssize_t)skip;
	}
	if (iov[0].iov_len + iov[1].iov_len + iov[2].iov_len == 0)
		return 0;
	return wire_queue(wire, iov, 3, -1);
}

struct mullion_wire *mullion_wire_create(int fd, enum mullion_wire_side from, size_t queue_max)
{
	const struct {
		struct mullion_msg_header header;
		struct mullion_msg_hello hello;
	} greeting = {
		.header = {.length = sizeof(greeting.hello), .type = MULLION_MSG_HELLO},
		.hello = {.magic = MULLION_DISPLAY_MAGIC,
			  .major = MULLION_DISPLAY_VERSION_MAJOR,
			  .minor = MULLION_DISPLAY_VERSION_MINOR},
	};
	const struct iovec iov = {.iov_base = (void *)(uintptr_t)&greeting,
				  .iov_len = sizeof(greeting)};
	struct mullion_wire *wire = calloc(1, sizeof(*wire));
	int flags;

	if (!wire) {
		close(fd);
		return NULL;
	}
	wire->fd = fd;
	wire->fd_in = -1;
	wire->from = from;
	wire->queue_max = queue_max;
	wire->queue_end = &wire->queue;

	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    wire_queue(wire, &iov, 1, -1)) {
		mullion_wire_destroy(wire);
		return NULL;
	}
	/* If the peer is gone already, the next call finds that out again: what it may have said
	 * before it went is still to be read. */
	(void)mullion_wire_flush(wire);
	return wire;
}

void mullion_wire_destroy(struct mullion_wire *wire)
{
	if (!wire)
		return;
	while (wire->queue)
		wire_drop_chunk(wire);
	if (wire->fd_in >= 0)
		close(wire->fd_in);
	close(wire->fd);
	free(wire);
}

int mullion_wire_fd(const struct mullion_wire *wire)
{
	return wire->fd;
}

const char *mullion_wire_error(const struct mullion_wire *wire)
{
	return wire->error;
}

bool mullion_wire_greeted(const struct mullion_wire *wire)
{
	return wire->greeted;
}

bool mullion_wire_partial(const struct mullion_wire *wire)
{
	return wire->have > 0;
}

bool mullion_wire_wants_write(const struct mullion_wire *wire)
{
	return wire->queue != NULL;
}
