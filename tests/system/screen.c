/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A compositor for tests of the head; see screen.h. */
#include "screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "vm.h"

#define QUEUE_BYTES 65536U
#define EXIT_MS	    20000U

static void child_exec(const char *program, int fd, int qemu_fd, int stderr_fd)
{
	char fd_text[16], qemu_text[16];

	snprintf(fd_text, sizeof(fd_text), "%d", fd);
	snprintf(qemu_text, sizeof(qemu_text), "%d", qemu_fd);
	fcntl(fd, F_SETFD, 0);
	fcntl(qemu_fd, F_SETFD, 0);
	dup2(stderr_fd, STDERR_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execl(program, program, "--fd", fd_text, "--qemu-fd", qemu_text, (char *)NULL);
	perror(program);
	_exit(127);
}

struct screen *screen_create(const char *head_program, int qemu_fd)
{
	struct screen *screen = calloc(1, sizeof(*screen));
	int sockets[2], output[2];

	assert_non_null(screen);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	assert_int_equal(pipe2(output, O_CLOEXEC), 0);
	screen->head = fork();
	assert_true(screen->head >= 0);
	if (screen->head == 0)
		child_exec(head_program, sockets[1], qemu_fd, output[1]);
	close(sockets[1]);
	close(output[1]);
	close(qemu_fd);
	screen->head_stderr = output[0];
	screen->newest = -1;
	screen->wire = mullion_wire_create(sockets[0], MULLION_WIRE_FROM_HEAD, QUEUE_BYTES);
	assert_non_null(screen->wire);
	return screen;
}

static void scanout_finish(struct screen *screen)
{
	if (screen->map)
		munmap(screen->map, screen->map_size);
	free(screen->applied);
	screen->map = NULL;
	screen->applied = NULL;
	screen->newest = -1;
	memset(screen->held, 0, sizeof(screen->held));
}

void screen_destroy(struct screen *screen)
{
	if (!screen)
		return;
	if (screen->head > 0) {
		kill(screen->head, SIGKILL);
		waitpid(screen->head, NULL, 0);
	}
	scanout_finish(screen);
	mullion_wire_destroy(screen->wire);
	close(screen->head_stderr);
	free(screen);
}

static void handle_scanout(struct screen *screen, const struct mullion_msg_scanout *msg, int fd)
{
	struct stat stat;

	scanout_finish(screen);
	screen->scanout = *msg;
	screen->scanouts++;
	screen->fresh = true;
	if (msg->buffers == 0)
		return;
	screen->map_size = (size_t)msg->stride * msg->height * msg->buffers;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_int_equal(fstat(fd, &stat), 0);
	assert_true((size_t)stat.st_size >= screen->map_size);
	screen->map = mmap(NULL, screen->map_size, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(screen->map != MAP_FAILED);
	screen->applied = calloc((size_t)msg->width * msg->height, 4);
	assert_non_null(screen->applied);
}

void screen_send(struct screen *screen, uint16_t type, const void *message, size_t length)
{
	int ret = mullion_wire_send(screen->wire, type, message, length, NULL, 0, -1);

	if (ret == -EPIPE || ret == -ECONNRESET)
		screen->ended = true;
	else
		assert_int_equal(ret, 0);
}

static const uint8_t *buffer_row(const struct screen *screen, unsigned buffer, uint32_t y)
{
	return screen->map + (size_t)buffer * screen->scanout.stride * screen->scanout.height +
	       (size_t)y * screen->scanout.stride;
}

static void handle_frame(struct screen *screen, const struct mullion_msg_frame *msg)
{
	uint32_t width = screen->scanout.width, height = screen->scanout.height;

	assert_true(msg->buffer < screen->scanout.buffers);
	assert_false(screen->held[msg->buffer]);
	for (uint32_t i = 0; i < msg->num_rects; i++) {
		struct mullion_rect rect = msg->rects[i];

		assert_true(rect.x + rect.width <= width && rect.y + rect.height <= height);
		screen->damage_pixels += (uint64_t)rect.width * rect.height;
		for (uint32_t y = rect.y; y < rect.y + rect.height; y++)
			memcpy(screen->applied + (size_t)y * width + rect.x,
			       buffer_row(screen, msg->buffer, y) + rect.x * 4, rect.width * 4);
	}
	for (uint32_t y = 0; y < height; y++)
		if (memcmp(screen->applied + (size_t)y * width, buffer_row(screen, msg->buffer, y),
			   width * 4))
			fail_msg("frame %u changed row %u outside its damage", screen->frames, y);
	screen->held[msg->buffer] = true;
	if (screen->newest >= 0 && screen->newest != (int)msg->buffer) {
		struct mullion_msg_release release = {.buffer = (uint32_t)screen->newest,
						      .scanout = screen->scanouts};

		screen->held[screen->newest] = false;
		screen_send(screen, MULLION_MSG_RELEASE, &release, sizeof(release));
	}
	screen->newest = (int)msg->buffer;
	screen->fresh = false;
	screen->frames++;
}

static void handle_message(struct screen *screen, const struct mullion_wire_msg *msg, int fd)
{
	switch (msg->type) {
	case MULLION_MSG_SCANOUT:
		handle_scanout(screen, msg->payload, fd);
		break;
	case MULLION_MSG_FRAME:
		handle_frame(screen, msg->payload);
		break;
	case MULLION_MSG_LEDS:
		screen->leds = ((const struct mullion_msg_leds *)msg->payload)->leds;
		screen->has_leds = true;
		break;
	case MULLION_MSG_CAPS:
		screen->caps = ((const struct mullion_msg_caps *)msg->payload)->caps;
		screen->has_caps = true;
		break;
	default:
		break;
	}
}

void screen_serve(struct screen *screen)
{
	struct mullion_wire_msg msg;
	int fd, ret;

	while ((ret = mullion_wire_receive(screen->wire, &msg, &fd)) > 0) {
		handle_message(screen, &msg, fd);
		if (fd >= 0)
			close(fd);
	}
	if (ret == -ECONNRESET)
		screen->ended = true;
	else if (ret < 0)
		fail_msg("the head's connection: %s: %s", strerror(-ret),
			 mullion_wire_error(screen->wire));
	mullion_wire_flush(screen->wire);
}

void screen_wait(struct screen *screen, bool (*done)(struct screen *screen, const void *data),
		 const void *data, unsigned ms)
{
	uint64_t now, deadline = monotonic_ms() + ms;

	for (;;) {
		struct pollfd poll_fd = {.fd = mullion_wire_fd(screen->wire), .events = POLLIN};

		screen_serve(screen);
		if (done(screen, data))
			return;
		if (screen->ended) {
			char said[256];
			int code = screen_head_exit(screen, said, sizeof(said));

			fail_msg("the head ended with %d: %s", code, said);
		}
		if (mullion_wire_wants_write(screen->wire))
			poll_fd.events |= POLLOUT;
		now = monotonic_ms();
		if (now >= deadline)
			fail_msg("nothing came of it in %u ms", ms);
		poll(&poll_fd, 1, (int)(deadline - now));
	}
}

const uint32_t *screen_pixels(const struct screen *screen)
{
	if (screen->newest < 0)
		return NULL;
	return (const uint32_t *)(const void *)buffer_row(screen, (unsigned)screen->newest, 0);
}

void screen_key(struct screen *screen, uint16_t code)
{
	struct mullion_msg_key key = {.code = code, .down = 1};

	screen_send(screen, MULLION_MSG_KEY, &key, sizeof(key));
	key.down = 0;
	screen_send(screen, MULLION_MSG_KEY, &key, sizeof(key));
}

int screen_head_exit(struct screen *screen, char *said, size_t size)
{
	uint64_t deadline = monotonic_ms() + EXIT_MS;
	size_t have = 0;
	int status;

	/* Its stderr ends with it. */
	for (;;) {
		struct pollfd poll_fd = {.fd = screen->head_stderr, .events = POLLIN};
		ssize_t got;

		assert_true(monotonic_ms() < deadline && have < size - 1);
		assert_true(poll(&poll_fd, 1, EXIT_MS) == 1);
		got = read(screen->head_stderr, said + have, size - 1 - have);
		assert_true(got >= 0);
		if (got == 0)
			break;
		have += (size_t)got;
	}
	said[have] = '\0';
	assert_int_equal(waitpid(screen->head, &status, 0), screen->head);
	screen->head = 0;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}
