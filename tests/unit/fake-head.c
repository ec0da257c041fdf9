/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See fake-head.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake-head.h"

void fake_head_pair(int ends[2])
{
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

void fake_head_write(int fd, const void *bytes, size_t length, const int *fds, unsigned num_fds)
{
	union {
		char bytes[CMSG_SPACE(8 * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	assert_true(num_fds <= 8);
	if (num_fds) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(num_fds * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(num_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, num_fds * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT), length);
}

void fake_head_send(int fd, uint16_t type, const void *payload, size_t length, int memory)
{
	unsigned char bytes[sizeof(struct mullion_msg_header) + 2048];
	struct mullion_msg_header header = {.length = (uint32_t)length, .type = type};

	assert_true(length <= 2048);
	memcpy(bytes, &header, sizeof(header));
	if (length)
		memcpy(bytes + sizeof(header), payload, length);
	fake_head_write(fd, bytes, sizeof(header) + length, &memory, memory >= 0);
}

void fake_head_hello(int fd, uint16_t major)
{
	struct mullion_msg_hello hello = {.magic = MULLION_DISPLAY_MAGIC, .major = major};

	fake_head_send(fd, MULLION_MSG_HELLO, &hello, sizeof(hello), -1);
}

void fake_head_scanout(int fd, uint32_t width, uint32_t height, uint32_t stride, uint32_t buffers,
		       int memory)
{
	struct mullion_msg_scanout scanout = {width, height, stride, buffers};

	fake_head_send(fd, MULLION_MSG_SCANOUT, &scanout, sizeof(scanout), memory);
}

void fake_head_frame(int fd, uint32_t buffer, struct mullion_rect rect)
{
	struct {
		uint32_t buffer, num_rects; /* struct mullion_msg_frame */
		struct mullion_rect rect;
	} msg = {buffer, 1, rect};

	fake_head_send(fd, MULLION_MSG_FRAME, &msg, sizeof(msg), -1);
}

bool fake_head_receive(int fd, uint16_t *type, void *payload, size_t size)
{
	struct mullion_msg_header header;

	do {
		char skipped[sizeof(struct mullion_msg_hello)];
		ssize_t got = recv(fd, &header, sizeof(header), MSG_DONTWAIT);

		if (got < 0)
			return false;
		assert_int_equal(got, sizeof(header));
		if (header.type == MULLION_MSG_HELLO)
			assert_int_equal(recv(fd, skipped, sizeof(skipped), MSG_DONTWAIT),
					 sizeof(skipped));
	} while (header.type == MULLION_MSG_HELLO);
	*type = header.type;
	assert_true(header.length <= size);
	assert_int_equal(recv(fd, payload, header.length, MSG_DONTWAIT), header.length);
	return true;
}

int fake_head_memfd(size_t size, unsigned flags)
{
	int fd = memfd_create("test", MFD_CLOEXEC | flags);

	assert_return_code(fd, 0);
	assert_return_code(ftruncate(fd, (off_t)size), 0);
	return fd;
}

unsigned fake_head_open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}
