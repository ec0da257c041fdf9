/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compositor's end of one head's connection; see source.h.
 *
 * All that can end a source only notes why (source_fail); the one place that closes it is the end
 * of its turn of the main loop. Until then a failed source takes and sends nothing.
 */
#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#include "mullion/wire.h"
#include "source-scanout.h"
#include "source.h"

#define SOURCE_QUEUE_MAX                                                                           \
	65536 /* bytes of input a head may leave unread: seconds of fast typing                    \
	       */

/* Where a guest can put its pointer; what is further out is as good as here. */
#define SOURCE_POSITION_MAX (2 * (int)MULLION_DISPLAY_MAX_SIDE)

struct source_watch {
	GSource base;
	struct source *source;
};

struct source {
	const struct source_ops *ops;
	void *data;

	struct mullion_wire *wire; /* NULL if it could not be made, or after closing */
	GSource *watch;
	gpointer watch_fd;
	GError *failure; /* set once */
	int send_error;	 /* what the first failed send or flush said */
	bool dispatching, destroyed, closed;

	int64_t created,
		partial_since; /* monotonic microseconds; partial_since 0: no half message */
	unsigned hello_ms, partial_ms;

	struct source_scanout scanout;
	uint32_t num_scanouts;
	bool throttled;
	struct source_cursor cursor;
	uint32_t caps, leds;
	struct source_stats stats;
};

static void G_GNUC_PRINTF(3, 4)
	source_fail(struct source *source, int code, const char *format, ...)
{
	va_list args;

	if (source->failure)
		return;
	va_start(args, format);
	source->failure = g_error_new_valist(G_IO_ERROR, code, format, args);
	va_end(args);
	if (source->watch)
		g_source_set_ready_time(source->watch, 0);
}

/* Whether to go on: false once the source has failed or a callback has destroyed it. */
static bool source_alive(const struct source *source)
{
	return !source->failure && !source->destroyed;
}

/* Tells the main loop what this source waits for next. */
static void source_update_watch(struct source *source)
{
	int64_t ready = -1;

	if (!source->wire || !source->watch || source->dispatching)
		return;
	if (source->failure || source->send_error) {
		g_source_set_ready_time(source->watch, 0);
		return;
	}
	g_source_modify_unix_fd(source->watch, source->watch_fd,
				mullion_wire_wants_write(source->wire) ? G_IO_IN | G_IO_OUT
								       : G_IO_IN);
	if (!mullion_wire_greeted(source->wire))
		ready = source->created + (int64_t)source->hello_ms * 1000;
	else if (source->partial_since)
		ready = source->partial_since + (int64_t)source->partial_ms * 1000;
	g_source_set_ready_time(source->watch, ready);
}

/*
 * A failed send does not end the source at once: what the head said before it went away, such as
 * another version, is a better reason. The next turn reads first.
 */
static void source_send(struct source *source, uint16_t type, const void *payload, size_t length)
{
	if (!source->wire || source->failure || source->send_error)
		return;
	source->send_error = mullion_wire_send(source->wire, type, payload, length, NULL, 0, -1);
	source_update_watch(source);
}

static void source_release_late(struct source *source)
{
	for (unsigned i = 0; i < source->scanout.num_buffers; i++) {
		struct source_buffer *buffer = &source->scanout.buffers[i];
		struct mullion_msg_release release = {.buffer = i, .scanout = source->num_scanouts};

		if (!buffer->late)
			continue;
		buffer->late = false;
		buffer->ours = false;
		source_send(source, MULLION_MSG_RELEASE, &release, sizeof(release));
	}
}

/* Takes over untrusted_fd (-1 if the scanout has no buffers). */
static void source_take_scanout(struct source *source, const struct mullion_msg_scanout *msg,
				int untrusted_fd)
{
	struct source_scanout former = source->scanout;
	struct source_scanout scanout;
	GError *error = NULL;
	bool sound = source_scanout_init(&scanout, msg, untrusted_fd, &error);

	if (untrusted_fd >= 0)
		close(untrusted_fd); /* the mapping stays */
	if (!sound) {
		source_fail(source, error->code, "%s", error->message);
		g_error_free(error);
		return;
	}
	source->scanout = scanout;
	source->num_scanouts++;
	source->ops->scanout(source->data, scanout.width, scanout.height);
	/* The former image was lent out until this callback. */
	source_scanout_finish(&former);
}

static uint64_t source_region_area(const pixman_region32_t *region)
{
	uint64_t area = 0;
	int num;
	const pixman_box32_t *box =
		pixman_region32_rectangles((pixman_region32_t *)(uintptr_t)region, &num);

	for (; num > 0; num--, box++)
		area += (uint64_t)(box->x2 - box->x1) * (uint64_t)(box->y2 - box->y1);
	return area;
}

static void source_take_frame(struct source *source, const struct mullion_msg_frame *msg)
{
	struct source_scanout *scanout = &source->scanout;
	struct source_buffer *buffer = &scanout->buffers[msg->buffer];
	pixman_region32_t damage;
	const char *wrong;

	pixman_region32_init(&damage);
	if (msg->buffer >= scanout->num_buffers)
		wrong = "a frame in a buffer that does not exist";
	else if (buffer->ours)
		wrong = "a frame in a buffer that has not been released";
	else
		wrong = source_scanout_damage(scanout, msg, &damage);
	if (wrong) {
		source_fail(source, G_IO_ERROR_INVALID_DATA,
			    "the head broke the display protocol: %s", wrong);
		goto out;
	}
	buffer->ours = true;
	if (scanout->newest)
		scanout->newest->late = true;
	scanout->newest = buffer;
	source->stats.frames++;
	source->stats.damage_pixels += source_region_area(&damage);
	source->ops->frame(source->data, &damage);
	if (source_alive(source) && !source->throttled)
		source_release_late(source);
out:
	pixman_region32_fini(&damage);
}

static void source_take_cursor(struct source *source, const struct mullion_msg_cursor *msg)
{
	struct source_cursor *cursor = &source->cursor;
	pixman_image_t *former = cursor->image;
	pixman_image_t *image = NULL;

	if (msg->width) {
		image = pixman_image_create_bits(PIXMAN_a8r8g8b8, (int)msg->width, (int)msg->height,
						 NULL, (int)msg->width * 4);
		if (!image) {
			source_fail(source, G_IO_ERROR_FAILED, "no memory for a pointer picture");
			return;
		}
		memcpy(pixman_image_get_data(image), msg->pixels,
		       (size_t)msg->width * msg->height * 4);
	}
	cursor->image = image;
	cursor->hot_x = (int)msg->hot_x;
	cursor->hot_y = (int)msg->hot_y;
	source->ops->cursor(source->data);
	if (former)
		pixman_image_unref(former);
}

static void source_take_cursor_position(struct source *source,
					const struct mullion_msg_cursor_position *msg)
{
	source->cursor.positioned = true;
	source->cursor.visible = msg->visible;
	source->cursor.x = CLAMP(msg->x, -SOURCE_POSITION_MAX, SOURCE_POSITION_MAX);
	source->cursor.y = CLAMP(msg->y, -SOURCE_POSITION_MAX, SOURCE_POSITION_MAX);
	source->ops->cursor(source->data);
}

/* msg has been checked by mullion_wire_check(); what depends on state is checked here. */
static void source_take_message(struct source *source, const struct mullion_wire_msg *msg, int fd)
{
	source->stats.messages++;
	switch (msg->type) {
	case MULLION_MSG_SCANOUT:
		source_take_scanout(source, msg->payload, fd);
		break;
	case MULLION_MSG_FRAME:
		source_take_frame(source, msg->payload);
		break;
	case MULLION_MSG_CURSOR:
		source_take_cursor(source, msg->payload);
		break;
	case MULLION_MSG_CURSOR_POSITION:
		source_take_cursor_position(source, msg->payload);
		break;
	case MULLION_MSG_LEDS:
		source->leds = ((const struct mullion_msg_leds *)msg->payload)->leds;
		source->ops->leds(source->data, source->leds);
		break;
	case MULLION_MSG_CAPS:
		source->caps = ((const struct mullion_msg_caps *)msg->payload)->caps;
		source->ops->caps(source->data, source->caps);
		break;
	default:
		g_assert_not_reached(); /* the wire lets through what a head may send */
	}
}

static void source_read(struct source *source)
{
	unsigned messages = 0;
	size_t bytes = 0;

	while (source_alive(source) && messages < SOURCE_TURN_MESSAGES &&
	       bytes < SOURCE_TURN_BYTES) {
		struct mullion_wire_msg msg;
		int fd;
		int rc = mullion_wire_receive(source->wire, &msg, &fd);

		if (rc == 0)
			break;
		if (rc < 0) {
			source_fail(source,
				    rc == -EPROTO	? G_IO_ERROR_INVALID_DATA
				    : rc == -ECONNRESET ? G_IO_ERROR_CONNECTION_CLOSED
							: g_io_error_from_errno(-rc),
				    "%s", mullion_wire_error(source->wire));
			break;
		}
		messages++;
		bytes += sizeof(struct mullion_msg_header) + msg.length;
		source_take_message(source, &msg, fd);
	}
	if (!mullion_wire_partial(source->wire))
		source->partial_since = 0;
	else if (messages || !source->partial_since)
		source->partial_since = g_get_monotonic_time();
}

static void source_check_time(struct source *source)
{
	int64_t now = g_get_monotonic_time();

	if (!mullion_wire_greeted(source->wire)) {
		if (now >= source->created + (int64_t)source->hello_ms * 1000)
			source_fail(source, G_IO_ERROR_TIMED_OUT,
				    "the head has not greeted within %u ms", source->hello_ms);
	} else if (source->partial_since &&
		   now >= source->partial_since + (int64_t)source->partial_ms * 1000) {
		source_fail(source, G_IO_ERROR_TIMED_OUT,
			    "the head has left a message unfinished for %u ms", source->partial_ms);
	}
}

static void source_write(struct source *source)
{
	if (!source->send_error)
		source->send_error = mullion_wire_flush(source->wire);
	if (source->send_error == -ENOBUFS)
		source_fail(source, G_IO_ERROR_BUSY, "the head does not take its input");
	else if (source->send_error)
		source_fail(source, g_io_error_from_errno(-source->send_error),
			    "writing to the head failed: %s", g_strerror(-source->send_error));
}

static void source_free(struct source *source)
{
	source_scanout_finish(&source->scanout);
	if (source->cursor.image)
		pixman_image_unref(source->cursor.image);
	mullion_wire_destroy(source->wire);
	g_clear_error(&source->failure);
	g_free(source);
}

static void source_detach(struct source *source)
{
	if (source->watch) {
		g_source_destroy(source->watch);
		g_clear_pointer(&source->watch, g_source_unref);
	}
}

/* One turn of the main loop. Callbacks may call anything of source.h, even source_destroy(): the
 * source is freed here, when nothing looks at it any more. */
static gboolean source_dispatch(GSource *base, GSourceFunc callback, gpointer data)
{
	struct source *source = ((struct source_watch *)base)->source;

	(void)callback;
	(void)data;
	source->dispatching = true;
	if (source_alive(source))
		source_read(source);
	if (source_alive(source))
		source_check_time(source);
	if (source_alive(source))
		source_write(source);
	if (!source->destroyed && source->failure) {
		source->closed = true;
		source_detach(source);
		g_clear_pointer(&source->wire, mullion_wire_destroy);
		source->ops->closed(source->data, source->failure);
	}
	source->dispatching = false;

	if (source->destroyed) {
		source_free(source);
		return G_SOURCE_REMOVE;
	}
	if (source->closed)
		return G_SOURCE_REMOVE;
	source_update_watch(source);
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_watch_funcs = {.dispatch = source_dispatch};

struct source *source_create(int fd, const struct source_ops *ops, void *data)
{
	struct source *source = g_new0(struct source, 1);

	source->ops = ops;
	source->data = data;
	source->created = g_get_monotonic_time();
	source->hello_ms = SOURCE_HELLO_MS;
	source->partial_ms = SOURCE_PARTIAL_MS;
	source->watch = g_source_new(&source_watch_funcs, sizeof(struct source_watch));
	((struct source_watch *)source->watch)->source = source;
	g_source_set_name(source->watch, "head");
	source->wire = mullion_wire_create(fd, MULLION_WIRE_FROM_HEAD, SOURCE_QUEUE_MAX);
	if (source->wire)
		source->watch_fd =
			g_source_add_unix_fd(source->watch, mullion_wire_fd(source->wire), G_IO_IN);
	else
		source_fail(source, G_IO_ERROR_FAILED, "the head's connection is of no use");
	source_update_watch(source);
	g_source_attach(source->watch, NULL);
	return source;
}

void source_destroy(struct source *source)
{
	if (!source || source->destroyed)
		return;
	source->destroyed = true;
	source_detach(source);
	if (!source->dispatching)
		source_free(source);
}

void source_set_timeouts(struct source *source, unsigned hello_ms, unsigned partial_ms)
{
	source->hello_ms = hello_ms;
	source->partial_ms = partial_ms;
	source_update_watch(source);
}

pixman_image_t *source_image(struct source *source)
{
	return source->scanout.newest ? source->scanout.newest->image : NULL;
}

const struct source_cursor *source_cursor(const struct source *source)
{
	return &source->cursor;
}

uint32_t source_caps(const struct source *source)
{
	return source->caps;
}

uint32_t source_leds(const struct source *source)
{
	return source->leds;
}

const struct source_stats *source_stats(const struct source *source)
{
	return &source->stats;
}

void source_set_throttled(struct source *source, bool throttled)
{
	source->throttled = throttled;
	if (!throttled)
		source_release_late(source);
}

void source_presented(struct source *source)
{
	source_release_late(source);
}

static void source_send_key_or_button(struct source *source, uint16_t type, uint16_t code,
				      bool down)
{
	struct mullion_msg_key key = {.code = code, .down = down};

	source_send(source, type, &key, sizeof(key));
}

void source_send_key(struct source *source, uint16_t code, bool down)
{
	source_send_key_or_button(source, MULLION_MSG_KEY, code, down);
}

void source_send_button(struct source *source, uint16_t code, bool down)
{
	source_send_key_or_button(source, MULLION_MSG_BUTTON, code, down);
}

void source_send_pointer_absolute(struct source *source, unsigned x, unsigned y)
{
	const struct source_scanout *scanout = &source->scanout;
	struct mullion_msg_pointer_absolute pointer;

	if (!scanout->num_buffers)
		return; /* there is nothing to point at */
	pointer.x = MIN(x, scanout->width - 1);
	pointer.y = MIN(y, scanout->height - 1);
	source_send(source, MULLION_MSG_POINTER_ABSOLUTE, &pointer, sizeof(pointer));
}

static void source_send_motion(struct source *source, uint16_t type, int dx, int dy)
{
	struct mullion_msg_pointer_relative motion = {
		.dx = CLAMP(dx, INT16_MIN, INT16_MAX),
		.dy = CLAMP(dy, INT16_MIN, INT16_MAX),
	};

	source_send(source, type, &motion, sizeof(motion));
}

void source_send_pointer_relative(struct source *source, int dx, int dy)
{
	source_send_motion(source, MULLION_MSG_POINTER_RELATIVE, dx, dy);
}

void source_send_scroll(struct source *source, int dx, int dy)
{
	source_send_motion(source, MULLION_MSG_SCROLL, dx, dy);
}

void source_request_mode(struct source *source, unsigned width, unsigned height, unsigned width_mm,
			 unsigned height_mm)
{
	struct mullion_msg_mode mode = {
		.width = CLAMP(width, 1, MULLION_DISPLAY_MAX_SIDE),
		.height = CLAMP(height, 1, MULLION_DISPLAY_MAX_SIDE),
		.width_mm = MIN(width_mm, MULLION_DISPLAY_MAX_MM),
		.height_mm = MIN(height_mm, MULLION_DISPLAY_MAX_MM),
	};

	source_send(source, MULLION_MSG_MODE, &mode, sizeof(mode));
}
