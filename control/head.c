/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mullion-head: stands between one guest's QEMU (head-qemu.h) and the compositor
 * (mullion/display.h), for as long as both are there.
 *
 * To the compositor everything is "the newest": while a message waits to be written, nothing is
 * added behind it but marked as due. So a compositor that stops reading costs no memory, and gets
 * what is true then when it goes on.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <linux/input-event-codes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "head-picture.h"
#include "head-qemu.h"
#include "mullion/wire.h"

/* One message of each kind fits, the largest of them a pointer's picture. */
#define WIRE_QUEUE (MULLION_DISPLAY_MAX_PAYLOAD + 16384U)
#define MAX_FDS	   64U

enum exit_code {
	EXIT_ENDED = 0,		 /* the compositor closed the connection, or SIGTERM */
	EXIT_USAGE = 1,		 /* wrong options */
	EXIT_NO_DISPLAY = 2,	 /* the guest's display cannot be opened */
	EXIT_QEMU_GONE = 3,	 /* QEMU ended, or broke off */
	EXIT_BAD_COMPOSITOR = 4, /* the compositor broke the protocol */
	EXIT_INTERNAL = 5,
};

enum due {
	DUE_CAPS = 1 << 0,
	DUE_LEDS = 1 << 1,
	DUE_CURSOR = 1 << 2,
	DUE_CURSOR_POSITION = 1 << 3,
};

struct head {
	GMainLoop *loop;
	enum exit_code exit_code;
	struct mullion_wire *wire;
	GSource *wire_source;
	void *wire_tag;
	struct head_picture *picture;
	struct head_qemu *qemu;
	unsigned due; /* enum due */
	uint32_t caps, leds;
	struct head_cursor cursor;
	uint32_t *cursor_pixels;
	struct mullion_msg_cursor_position cursor_position;
};

static void __attribute__((format(printf, 3, 4)))
head_end(struct head *head, enum exit_code code, const char *format, ...)
{
	va_list arguments;

	if (!g_main_loop_is_running(head->loop))
		return; /* only the first cause counts */
	head->exit_code = code;
	g_main_loop_quit(head->loop);
	if (code == EXIT_ENDED)
		return;
	va_start(arguments, format);
	fputs("mullion-head: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
}

/* Towards the compositor. */

static void wire_failed(struct head *head, int error)
{
	if (error == -ECONNRESET || error == -EPIPE)
		head_end(head, EXIT_ENDED, "the screen closed the connection");
	else if (error == -EPROTO)
		head_end(head, EXIT_BAD_COMPOSITOR, "the screen broke the display protocol: %s",
			 mullion_wire_error(head->wire));
	else
		head_end(head, EXIT_INTERNAL, "the connection to the screen failed: %s",
			 g_strerror(-error));
}

static int send_scanout(struct head *head)
{
	struct mullion_msg_scanout msg;
	int fd, ret;

	ret = head_picture_take_scanout(head->picture, &msg, &fd);
	if (ret <= 0)
		return ret;
	return mullion_wire_send(head->wire, MULLION_MSG_SCANOUT, &msg, sizeof(msg), NULL, 0, fd);
}

static int send_frame(struct head *head)
{
	struct mullion_msg_frame msg;
	struct head_damage damage;
	int ret;

	if (!head_qemu_settled(head->qemu))
		return 0;
	ret = head_picture_take_frame(head->picture, &msg, &damage);
	if (ret <= 0)
		return ret;
	return mullion_wire_send(head->wire, MULLION_MSG_FRAME, &msg, sizeof(msg), damage.rects,
				 damage.count * sizeof(damage.rects[0]), -1);
}

static int send_due(struct head *head, enum due due)
{
	struct mullion_msg_caps caps = {.caps = head->caps};
	struct mullion_msg_leds leds = {.leds = head->leds};
	struct mullion_msg_cursor cursor = {.width = head->cursor.width,
					    .height = head->cursor.height,
					    .hot_x = head->cursor.hot_x,
					    .hot_y = head->cursor.hot_y};

	if (!(head->due & due))
		return 0;
	head->due &= ~(unsigned)due;
	switch (due) {
	case DUE_CAPS:
		return mullion_wire_send(head->wire, MULLION_MSG_CAPS, &caps, sizeof(caps), NULL, 0,
					 -1);
	case DUE_LEDS:
		return mullion_wire_send(head->wire, MULLION_MSG_LEDS, &leds, sizeof(leds), NULL, 0,
					 -1);
	case DUE_CURSOR:
		return mullion_wire_send(head->wire, MULLION_MSG_CURSOR, &cursor, sizeof(cursor),
					 head->cursor_pixels,
					 (size_t)cursor.width * cursor.height * 4, -1);
	case DUE_CURSOR_POSITION:
		return mullion_wire_send(head->wire, MULLION_MSG_CURSOR_POSITION,
					 &head->cursor_position, sizeof(head->cursor_position),
					 NULL, 0, -1);
	}
	return 0;
}

/* Tells the compositor all that is due, as far as it takes it. */
static void head_flush(struct head *head)
{
	int (*const picture_steps[])(struct head *) = {send_scanout, send_frame};
	static const enum due dues[] = {DUE_CAPS, DUE_LEDS, DUE_CURSOR, DUE_CURSOR_POSITION};
	GIOCondition condition = G_IO_IN;
	int ret = mullion_wire_flush(head->wire);

	for (size_t i = 0; i < G_N_ELEMENTS(dues) && ret >= 0; i++) {
		if (mullion_wire_wants_write(head->wire))
			break;
		ret = send_due(head, dues[i]);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(picture_steps) && ret >= 0; i++) {
		if (mullion_wire_wants_write(head->wire))
			break;
		ret = picture_steps[i](head);
	}
	if (ret < 0) {
		wire_failed(head, ret);
		return;
	}
	if (mullion_wire_wants_write(head->wire))
		condition |= G_IO_OUT;
	g_source_modify_unix_fd(head->wire_source, head->wire_tag, condition);
}

static void head_due(struct head *head, unsigned due)
{
	head->due |= due;
	head_flush(head);
}

/* From QEMU. */

static void qemu_changed(void *data)
{
	head_flush(data);
}

static void qemu_cursor(void *data, const struct head_cursor *shape, const uint32_t *pixels)
{
	struct head *head = data;

	head->cursor = *shape;
	memcpy(head->cursor_pixels, pixels, (size_t)shape->width * shape->height * 4);
	head_due(head, DUE_CURSOR);
}

static void qemu_cursor_position(void *data, int32_t x, int32_t y, bool visible)
{
	struct head *head = data;

	head->cursor_position =
		(struct mullion_msg_cursor_position){.x = x, .y = y, .visible = visible};
	head_due(head, DUE_CURSOR_POSITION);
}

static void qemu_leds(void *data, uint32_t leds)
{
	struct head *head = data;

	head->leds = leds;
	head_due(head, DUE_LEDS);
}

static void qemu_caps(void *data, uint32_t caps)
{
	struct head *head = data;

	head->caps = caps;
	head_due(head, DUE_CAPS);
}

static void qemu_closed(void *data, const char *reason)
{
	head_end(data, EXIT_QEMU_GONE, "%s", reason);
}

static const struct head_qemu_ops qemu_ops = {
	.listener =
		{
			.changed = qemu_changed,
			.cursor = qemu_cursor,
			.cursor_position = qemu_cursor_position,
			.closed = qemu_closed,
		},
	.leds = qemu_leds,
	.caps = qemu_caps,
};

/* From the compositor. */

static void handle_button(struct head *head, const struct mullion_msg_key *msg)
{
	static const uint16_t buttons[] = {
		[BTN_LEFT - BTN_LEFT] = HEAD_BUTTON_LEFT,
		[BTN_RIGHT - BTN_LEFT] = HEAD_BUTTON_RIGHT,
		[BTN_MIDDLE - BTN_LEFT] = HEAD_BUTTON_MIDDLE,
		[BTN_SIDE - BTN_LEFT] = HEAD_BUTTON_SIDE,
		[BTN_EXTRA - BTN_LEFT] = HEAD_BUTTON_EXTRA,
	};

	/* QEMU has no number for those beyond (BTN_FORWARD, BTN_BACK, BTN_TASK). */
	if ((size_t)(msg->code - BTN_LEFT) < G_N_ELEMENTS(buttons))
		head_input_button(head_qemu_input(head->qemu), buttons[msg->code - BTN_LEFT],
				  msg->down);
}

static void handle_message(struct head *head, const struct mullion_wire_msg *msg)
{
	struct head_input *input = head_qemu_input(head->qemu);
	const struct mullion_msg_release *release = msg->payload;
	const struct mullion_msg_key *key = msg->payload;
	const struct mullion_msg_pointer_absolute *position = msg->payload;
	const struct mullion_msg_pointer_relative *motion = msg->payload;

	switch (msg->type) {
	case MULLION_MSG_RELEASE:
		if (!head_picture_release(head->picture, release->buffer, release->scanout))
			head_end(head, EXIT_BAD_COMPOSITOR,
				 "the screen broke the display protocol: it released buffer %u, "
				 "which it does not have",
				 release->buffer);
		break;
	case MULLION_MSG_KEY:
		head_input_key(input, key->code, key->down);
		break;
	case MULLION_MSG_BUTTON:
		handle_button(head, key);
		break;
	case MULLION_MSG_POINTER_ABSOLUTE:
		head_input_absolute(input, (int32_t)MIN(position->x, MULLION_DISPLAY_MAX_SIDE),
				    (int32_t)MIN(position->y, MULLION_DISPLAY_MAX_SIDE));
		break;
	case MULLION_MSG_POINTER_RELATIVE:
		head_input_relative(input, motion->dx, motion->dy);
		break;
	case MULLION_MSG_SCROLL:
		head_input_wheel(input, motion->dx, motion->dy);
		break;
	case MULLION_MSG_MODE:
		head_qemu_request_mode(head->qemu, msg->payload);
		break;
	default:
		break; /* the wire lets nothing else through */
	}
}

static void wire_read(struct head *head)
{
	struct mullion_wire_msg msg;
	int fd, ret;

	while ((ret = mullion_wire_receive(head->wire, &msg, &fd)) > 0) {
		if (fd >= 0) /* none of these messages carries one */
			close(fd);
		handle_message(head, &msg);
		if (!g_main_loop_is_running(head->loop))
			return;
	}
	if (ret < 0) {
		wire_failed(head, ret);
		return;
	}
	head_qemu_pump(head->qemu);
}

static gboolean wire_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
	struct head *head = data;
	GIOCondition condition = g_source_query_unix_fd(source, head->wire_tag);

	(void)callback;
	if (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR))
		wire_read(head);
	if (g_main_loop_is_running(head->loop))
		head_flush(head);
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs wire_source_funcs = {.dispatch = wire_dispatch};

static gboolean on_terminate(gpointer data)
{
	head_end(data, EXIT_ENDED, "asked to end");
	return G_SOURCE_CONTINUE;
}

/* Starting. */

struct options {
	char *connect, *guest;
	int fd, qemu_fd;
	gboolean version;
};

static gboolean options_parse(struct options *options, int argc, char **argv, GError **error)
{
	const GOptionEntry entries[] = {
		{"connect", 'c', 0, G_OPTION_ARG_STRING, &options->connect,
		 "Where libvirt is (default: its own choice)", "URI"},
		{"guest", 'g', 0, G_OPTION_ARG_STRING, &options->guest, "The guest", "UUID"},
		{"fd", 0, 0, G_OPTION_ARG_INT, &options->fd,
		 "The connected socket to the screen, inherited", "N"},
		{"version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version", NULL},
		{"qemu-fd", 0, 0, G_OPTION_ARG_INT, &options->qemu_fd,
		 "A connected D-Bus display socket of QEMU, inherited, instead of --guest", "N"},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- one guest's display");

	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_description(
		context, "Exit codes: 0 the screen closed the connection, 1 wrong options, 2 the "
			 "guest's display\ncannot be opened, 3 QEMU ended, 4 the screen broke the "
			 "protocol, 5 out of resources.\n");
	if (!g_option_context_parse(context, &argc, &argv, error))
		return FALSE;
	if (options->version)
		return TRUE;
	if (argc > 1 || options->fd < 0 || !options->guest == (options->qemu_fd < 0)) {
		g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
				    "needs --fd and one of --guest and --qemu-fd; see --help");
		return FALSE;
	}
	return TRUE;
}

static void libvirt_silent(void *data, virErrorPtr error)
{
	(void)data;
	(void)error;
}

static int libvirt_open(const struct options *options, GError **error)
{
	virConnectPtr connection;
	virDomainPtr domain = NULL;
	int fd = -1;

	virSetErrorFunc(NULL, libvirt_silent);
	connection = virConnectOpen(options->connect);
	if (connection)
		domain = virDomainLookupByUUIDString(connection, options->guest);
	if (domain)
		fd = virDomainOpenGraphicsFD(domain, 0, 0);
	if (fd < 0)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
			    "cannot open the display of guest %s: %s", options->guest,
			    virGetLastErrorMessage());
	if (domain)
		virDomainFree(domain);
	if (connection)
		virConnectClose(connection);
	return fd;
}

/* What a head that was taken over could do with its rights, it should not have. */
static void rights_drop(void)
{
	const struct rlimit files = {MAX_FDS, MAX_FDS}, none = {0, 0};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* no core file with a guest's screen in it */
	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_NOFILE, &files);
}

static bool head_init(struct head *head, struct options *options, GError **error)
{
	int qemu_fd = options->qemu_fd;

	/* First of all: the screen waits for our HELLO, and libvirt may take its time. */
	head->wire = mullion_wire_create(options->fd, MULLION_WIRE_FROM_COMPOSITOR, WIRE_QUEUE);
	head->picture = head_picture_create(MULLION_DISPLAY_MAX_BUFFERS);
	head->cursor_pixels =
		malloc((size_t)MULLION_DISPLAY_MAX_CURSOR * MULLION_DISPLAY_MAX_CURSOR * 4);
	if (!head->wire || !head->picture || !head->cursor_pixels) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
			    "cannot use descriptor %d as the connection to the screen",
			    options->fd);
		return false;
	}
	if (options->guest)
		qemu_fd = libvirt_open(options, error);
	if (qemu_fd < 0)
		return false;
	head->qemu = head_qemu_create(qemu_fd, head->picture, &qemu_ops, head, error);
	if (!head->qemu)
		return false;
	head->wire_source = g_source_new(&wire_source_funcs, sizeof(GSource));
	head->wire_tag = g_source_add_unix_fd(head->wire_source, mullion_wire_fd(head->wire),
					      G_IO_IN | G_IO_OUT);
	g_source_set_callback(head->wire_source, NULL, head, NULL);
	g_source_attach(head->wire_source, NULL);
	return true;
}

static void head_finish(struct head *head)
{
	if (head->wire_source) {
		g_source_destroy(head->wire_source);
		g_source_unref(head->wire_source);
	}
	head_qemu_destroy(head->qemu);
	head_picture_destroy(head->picture);
	mullion_wire_destroy(head->wire);
	free(head->cursor_pixels);
	g_main_loop_unref(head->loop);
}

int main(int argc, char **argv)
{
	struct options options = {.fd = -1, .qemu_fd = -1};
	struct head head = {.exit_code = EXIT_INTERNAL};
	g_autoptr(GError) error = NULL;

	signal(SIGPIPE, SIG_IGN);
	if (!options_parse(&options, argc, argv, &error)) {
		fprintf(stderr, "mullion-head: %s\n", error->message);
		return EXIT_USAGE;
	}
	if (options.version) {
		puts("mullion-head " PACKAGE_VERSION);
		return EXIT_ENDED;
	}
	head.loop = g_main_loop_new(NULL, FALSE);
	if (head_init(&head, &options, &error)) {
		rights_drop();
		g_unix_signal_add(SIGTERM, on_terminate, &head);
		g_unix_signal_add(SIGINT, on_terminate, &head);
		g_main_loop_run(head.loop);
	} else {
		fprintf(stderr, "mullion-head: %s\n", error->message);
		head.exit_code = EXIT_NO_DISPLAY;
	}
	head_finish(&head);
	g_free(options.connect);
	g_free(options.guest);
	return (int)head.exit_code;
}
